#!/bin/sh
# run_tests.sh TEST...: runs each test, keeps its output in a .log beside it, and ends with one plain line,
# `N passed, N failed, N skipped`. TEST is a cmocka binary, or SCRIPT@PROGRAM: a script that is given the
# program and prints the lines that cmocka prints.
set -u
passed=0 failed=0 skipped=0 status=0
# A handler of cmocka would hide what a sanitizer says. SIGABRT stays a signal: tests see SIM_ASSERT by it.
export ASAN_OPTIONS="handle_segv=2:handle_abort=0:${ASAN_OPTIONS:-}"

# Distinct tests that ended so: cmocka names failed and skipped ones twice.
count() {
    grep -a "^\[ *$1 *\] [^0-9]" "$2" | sed 's/: .*//' | sort -u | wc -l
}

for test in "$@"; do
    case $test in
    *@*)
        script=${test%@*} program=${test#*@}
        name=$script
        log=$(dirname "$program")/$(basename "$script").log
        "$script" "$program" >"$log" 2>&1
        result=$?
        ;;
    *)
        name=$test
        log=$test.log
        "$test" >"$log" 2>&1
        result=$?
        ;;
    esac
    test_passed=$(count OK "$log")
    test_failed=$(count FAILED "$log")
    # A binary that died (signal, sanitizer) or that could not start fails even if no test says so.
    [ $result -ne 0 ] && { [ $result -gt 128 ] || [ "$test_failed" -eq 0 ]; } && test_failed=$((test_failed + 1))
    [ $result -eq 0 ] && [ "$test_passed" -eq 0 ] && [ "$(count SKIPPED "$log")" -eq 0 ] && test_failed=1
    passed=$((passed + test_passed))
    failed=$((failed + test_failed))
    skipped=$((skipped + $(count SKIPPED "$log")))
    if [ $result -eq 0 ] && [ "$test_failed" -eq 0 ]; then
        echo "ok    $name ($test_passed)"
    else
        echo "FAIL  $name (exit status $result)"
        cat "$log"
        status=1
    fi
done
echo "$passed passed, $failed failed, $skipped skipped"
exit $status
