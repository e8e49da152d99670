# What the scripts of this folder share; they source it after setting program=. It is no test itself.
# Their lines are those that cmocka prints; tools/run_tests.sh counts them. Files go to $folder, which is removed.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failures=0

# NAME STATUS COMMAND...: passes if the command ends with STATUS. Its output is in $folder/out and /err.
expect() {
    local name=$1 status=$2 got
    shift 2
    "$@" >"$folder/out" 2>"$folder/err" </dev/null
    got=$?
    verdict "$name" "exit status $got, expected $status" [ $got -eq "$status" ]
}

# NAME WHY CONDITION...
verdict() {
    local name=$1 why=$2
    shift 2
    if "$@"; then
        echo "[       OK ] $name"
    else
        echo "[  FAILED  ] $name"
        echo "    $why"
        [ ! -f "$folder/err" ] || sed 's/^/    /' "$folder/err"
        failures=$((failures + 1))
    fi
}

# NAME FILE TEXT: passes if the file has a line with the text; that is the text.
expect_text() {
    verdict "$1" "no \"$3\" in $2" grep -qF -- "$3" "$folder/$2"
}
expect_line() {
    verdict "$1" "no line \"$3\" in $2" grep -qxF -- "$3" "$folder/$2"
}
