#!/bin/bash
# lint.sh BUILD: formatter, layering of folders, no writable globals (in the objects of BUILD), clang-tidy.
# Runs all four and fails if any did.
set -u
cd "$(dirname "$0")/.." || exit 1
build=$1
rooms="sim tiles exchange gpu workloads report"
status=0

fail() {
    echo "lint: $1" >&2
    status=1
}

# ROOM REGEX WHY: no source in ROOM includes what REGEX matches.
forbid_include() {
    local hits
    hits=$(grep -rnE --include='*.[ch]' "^#include [\"<]($2)" "$1")
    if [ -n "$hits" ]; then
        echo "$hits"
        fail "$3"
    fi
}

echo "lint: format"
find $rooms tests -name '*.[ch]' -print0 | xargs -0 clang-format --dry-run -Werror || fail "run clang-format -i"

echo "lint: layering"
for room in tiles exchange gpu workloads report; do
    forbid_include $room 'simgrid|xbt' "only sim/ knows SimGrid"
done
forbid_include tiles 'exchange/|gpu/|workloads/|report/' "tiles/ knows no other machine, no workload, no report"
forbid_include exchange 'tiles/|gpu/|workloads/|report/' "exchange/ knows no other machine, no workload, no report"
forbid_include gpu 'tiles/|exchange/|workloads/|report/' "gpu/ knows no other machine, no workload, no report"
forbid_include workloads 'tiles/|exchange/|gpu/|report/|sim/(chip|machine|experiment)' \
    "workloads/ knows the program format, not the machines"
forbid_include report 'tiles/|exchange/|gpu/|workloads/|sim/[^euf]|sim/e[^r]|sim/f[^i]' \
    "report/ knows results alone (and sim/err.h, sim/fingerprint.h, sim/units.h)"

# Writable data is in .data, .bss and their like. Constant tables of pointers are in .data.rel.ro, which the
# loader makes read-only.
echo "lint: writable globals"
for room in $rooms; do
    find "$build/$room" -name '*.o' -print0
done | xargs -0 objdump -t | awk '
    /file format/ { file = $1 }
    / O / {
        section = $(NF - 2)
        if (section ~ /^(\.data|\.bss|\.tdata|\.tbss|\*COM\*)/ && section !~ /^\.data\.rel\.ro/) {
            print file " " $NF
            found = 1
        }
    }
    END { exit found }' || fail "writable globals"

# A function whose paths do not end is left after 50,000 states, not 225,000: 4 times as fast, and of six of the
# slowest sources it still enters the same blocks, all but 4 of 324.
echo "lint: clang-tidy"
flags="-Xclang -analyzer-config -Xclang max-nodes=50000"
flags="$flags -std=c11 -D_GNU_SOURCE -I. -march=native $(pkg-config --cflags simgrid yaml-0.1 jansson openblas zlib nlopt sqlite3)"
find $rooms -name '*.c' -print0 |
    xargs -0 -n 4 -P "$(nproc)" sh -c 'flags=$1; shift; clang-tidy --quiet "$@" -- $flags 2>/dev/null' sh "$flags" ||
    fail "clang-tidy"

[ $status -eq 0 ] && echo "lint: clean"
exit $status
