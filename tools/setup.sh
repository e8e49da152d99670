#!/bin/sh
# Installs the Debian packages that are missing: `setup.sh` to build, test and run, `setup.sh lint` for the
# linters as well, `setup.sh browser` for what tests pages. Does nothing, fast, if nothing is missing.
set -u
packages="gcc make pkg-config libc6-dev libsimgrid-dev libyaml-dev libjansson-dev libcmocka-dev
    librandom123-dev libopenblas-dev zlib1g-dev libnlopt-dev libsqlite3-dev dataset-fashion-mnist
    libjs-chart.js sqlite3 procps python3"
[ "${1:-}" = lint ] && packages="$packages binutils clang-format clang-tidy"
[ "${1:-}" = browser ] && packages="$packages chromium"

if ! command -v dpkg-query >/dev/null; then
    echo "tilesim: not a Debian system: nothing is installed for you. Needed, by their Debian names:" $packages >&2
    exit 0 # the build says what it does not find
fi
missing=""
for package in $packages; do
    case $(dpkg-query -W -f='${db:Status-Status} ' "$package" 2>/dev/null) in
    installed*) ;; # not "not-installed"
    *) missing="$missing $package" ;;
    esac
done
[ -z "$missing" ] && exit 0

as_root=""
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "tilesim: missing packages. As root, run:" >&2
        echo "    apt-get install --no-install-recommends$missing" >&2
        exit 1
    fi
    as_root="sudo"
fi
echo "tilesim: installing$missing"
export DEBIAN_FRONTEND=noninteractive
if ! { $as_root apt-get update -q && $as_root apt-get install -q -y --no-install-recommends $missing; }; then
    echo "tilesim: apt-get failed; install by hand:$missing" >&2
    exit 1
fi
