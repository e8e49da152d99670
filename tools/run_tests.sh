#!/bin/bash
# run_tests.sh TEST...: runs the tests, as many at a time as there are cores (JOBS=N: N), keeps the output of each in
# a .log beside it and reports them in the order given. It ends with one plain line, `N passed, N failed, N skipped`.
# TEST is a cmocka binary, or SCRIPT@PROGRAM: a script that is given the program and prints the lines that cmocka
# prints. A test that takes longer than TEST_SECONDS (default 600) is ended and has failed.
set -u
jobs=${JOBS:-$(nproc)} limit_seconds=${TEST_SECONDS:-600}
# A handler of cmocka would hide what a sanitizer says. SIGABRT stays a signal: tests see SIM_ASSERT by it.
export ASAN_OPTIONS="handle_segv=2:handle_abort=0:${ASAN_OPTIONS:-}"
export OPENBLAS_NUM_THREADS=1 # its idle threads would spin on the cores of other tests

tests=("$@")
logs=() started=() seconds=() results=() # of each test; a result is an exit status
declare -A test_of=()                    # process: index of its test
reported=0 passed=0 failed=0 skipped=0 status=0
trap 'kill "${!test_of[@]}" 2>/dev/null; exit 130' INT TERM

start() { # INDEX
    local command=("${tests[$1]}")
    logs[$1]=${tests[$1]}.log
    if [[ ${tests[$1]} == *@* ]]; then
        command=("${tests[$1]%@*}" "${tests[$1]#*@}")
        logs[$1]=$(dirname "${command[1]}")/$(basename "${command[0]}").log
    fi
    started[$1]=$EPOCHSECONDS
    timeout --kill-after=5 "$limit_seconds" "${command[@]}" >"${logs[$1]}" 2>&1 </dev/null &
    test_of[$!]=$1
}

wait_for_one() {
    local process result
    wait -n -p process "${!test_of[@]}"
    result=$?
    local index=${test_of[$process]}
    results[index]=$result
    seconds[index]=$((EPOCHSECONDS - started[index]))
    unset "test_of[$process]"
}

# Distinct tests that ended so: cmocka names failed and skipped ones twice.
count() {
    grep -a "^\[ *$1 *\] [^0-9]" "$2" | sed 's/: .*//' | sort -u | wc -l
}

report() { # INDEX
    local name=${tests[$1]%@*} log=${logs[$1]} result=${results[$1]} ended="exit status ${results[$1]}"
    local test_passed test_failed test_skipped
    test_passed=$(count OK "$log")
    test_failed=$(count FAILED "$log")
    test_skipped=$(count SKIPPED "$log")
    # What died (signal, sanitizer, time limit) or could not start fails even if no test says so.
    [ "$result" -ne 0 ] && { [ "$result" -ge 124 ] || [ "$test_failed" -eq 0 ]; } && test_failed=$((test_failed + 1))
    [ "$result" -eq 0 ] && [ $((test_passed + test_skipped)) -eq 0 ] && test_failed=1
    passed=$((passed + test_passed))
    failed=$((failed + test_failed))
    skipped=$((skipped + test_skipped))
    if [ "$result" -eq 0 ] && [ "$test_failed" -eq 0 ]; then
        echo "ok    $name ($test_passed) ${seconds[$1]} s"
    else
        [ "${seconds[$1]}" -ge "$limit_seconds" ] && ended="did not end within $limit_seconds s"
        echo "FAIL  $name ($ended)"
        cat "$log"
        status=1
    fi
}

for ((next = 0; reported < ${#tests[@]}; )); do
    if [ $next -lt ${#tests[@]} ] && [ ${#test_of[@]} -lt "$jobs" ]; then
        start $next
        next=$((next + 1))
    else
        wait_for_one
    fi
    while [ -n "${results[reported]:-}" ]; do
        report $reported
        reported=$((reported + 1))
    done
done
echo "$passed passed, $failed failed, $skipped skipped"
exit $status
