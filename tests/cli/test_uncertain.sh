#!/bin/bash
# test_uncertain.sh PROGRAM: what the comments of configs/ call a guess, an estimate or unverified is in the list
# `uncertain` of the file, and --sensitivity varies it. Run from the top of the tree.
set -u
program=$(realpath "$1")
. tests/cli/harness.bash

# Paths of the numbers whose comment, also on the lines below, calls them so. Errors are no times, choices no
# numbers.
guesses() {
    awk '
        function say() {
            if (path != "" && comment ~ /guess|estimate|unverified/ && path !~ /error/) { print path }
            path = ""
        }
        /^(uncertain|error_band|baseline_)/ { exit }
        /^ *#/ { comment = comment $0; next }
        /^ *[a-z0-9_]+: *-?[0-9]/ {
            say()
            line = $0
            sub(/#.*/, "", line)
            match(line, /[^ ]/)
            depth = (RSTART - 1) / 2
            sub(/^ */, "", line)
            sub(/:.*/, "", line)
            names[depth] = line
            path = ""
            for (i = 0; i <= depth; i++) { path = path (i == 0 ? "" : ".") names[i] }
            comment = $0
            sub(/^[^#]*/, "", comment)
            next
        }
        /^ *[a-z0-9_]+:/ {
            say()
            line = $0
            match(line, /[^ ]/)
            depth = (RSTART - 1) / 2
            sub(/^ */, "", line)
            sub(/:.*/, "", line)
            names[depth] = line
            next
        }
        { say() }
        END { say() }' "$1"
}

missing=""
count=0
for file in configs/chips/*.yaml configs/gpus/*.yaml configs/experiments/*.yaml; do
    for path in $(guesses "$file"); do
        count=$((count + 1))
        grep -qE "^  - \{key: ${path//./\\.}," "$file" || missing="$missing $file:$path"
    done
done
verdict every_number_called_a_guess_has_an_entry "without one:$missing" [ -z "$missing" ]
verdict the_comments_are_read "only $count guesses were found" [ $count -ge 20 ]

# A derived file keeps the entries of its base, but for keys that it gives itself.
export TILESIM_CONFIGS=$PWD/configs
entries() {
    "$program" run configs/experiments/toy.yaml --set "machines=[{chip: $1}]" --json "$folder/$2.json" -q
    sed -n '/"uncertain"/,/"error_band"/p' "$folder/$2.json" | grep -o '"key": "[^"]*"' | sort -u >"$folder/$2"
}
entries toy base
entries "{base: toy, exchange: {sync_cycles: 91}}" given
entries '{base: toy, uncertain: [{key: clock_hz, low: 1.0e+9, high: 2.0e+9}]}' added
verdict a_base_s_entries_stay "none" grep -q 'exchange.sync_cycles' "$folder/base"
verdict a_value_that_is_given_is_not_uncertain_any_more "still there" \
    sh -c "! grep -q exchange.sync_cycles $folder/given && grep -q costs.flag_hit $folder/given"
verdict an_entry_of_its_own_joins_those_of_the_base "no" \
    sh -c "grep -q clock_hz $folder/added && grep -q exchange.sync_cycles $folder/added"

"$program" run configs/experiments/toy.yaml --sensitivity >"$folder/out" 2>"$folder/err"
verdict sensitivity_is_a_table "no table" grep -q "^Sensitivity of step_seconds" "$folder/out"
verdict what_hardly_matters_shares_a_line "no" grep -q "uncertain values move it by less than 0.5 %" "$folder/out"

[ $failures -eq 0 ]
