#!/bin/bash
# test_sweep.sh PROGRAM: what a user sees of a sweep: rows, refusals, and what is left when it is stopped or
# killed. Run from the top of the tree. Prints the lines that cmocka prints; tools/run_tests.sh counts them.
set -u
program=$1
. tests/cli/harness.bash
export TILESIM_CONFIGS=$PWD/configs
kills=${SWEEP_TEST_KILLS:-25}

# NAME DATABASE SQL TEXT: passes if the answer is the text.
expect_answer() {
    local answer
    answer=$(sqlite3 "$folder/$2" "$3" 2>&1)
    verdict "$1" "\"$answer\", expected \"$4\"" [ "$answer" = "$4" ]
}

sweep() {
    "$program" sweep "$@"
}

# Everything of a database but when and for how long.
rows() {
    sqlite3 "$1" "SELECT key, sweep, number, status, why, settings, seed, version, git, config,
        json_remove(result, '\$.simulator') FROM points ORDER BY key;
        SELECT p.key, m.place, m.name, m.fits, m.step_seconds, m.cycles, m.tiles_used
        FROM machines m JOIN points p USING (point) ORDER BY p.key, m.place;
        SELECT p.key, s.key, s.value FROM settings s JOIN points p USING (point) ORDER BY 1, 2"
}

cat >"$folder/toy.yaml" <<END
base: toy
sweep:
  network.max_activity: {from: 0.2, to: 0.5, points: 4}
  network.hidden: [[12, 8], [24, 16], [48, 32], [2000, 2000], [60000, 60000]]
END

# --- rows ---
expect a_sweep_runs 0 sweep "$folder/toy.yaml" --db "$folder/a.db"
expect_text a_sweep_ends_with_its_counts err "toy: 20 points: 12 done, 8 do not fit, 0 failed, 0 known"
expect_answer a_point_that_does_not_fit_is_a_row_with_its_reason a.db \
    "SELECT count(*) FROM points WHERE status = 'does_not_fit' AND why LIKE 'toy/sparse: %'" 8
expect_answer the_view_has_the_swept_paths a.db \
    "SELECT \"network.hidden\" FROM results WHERE number = 1" "[24,16]
[24,16]"
expect_answer a_row_has_configuration_seed_revision_and_times a.db \
    "SELECT count(*) FROM points WHERE config LIKE '{\"experiment\":\"toy\"%' AND seed = 1 AND git IS NOT NULL
     AND run_seconds > 0 AND run_peak_rss_bytes > 0 AND finished LIKE '20%Z'" 20
expect_answer the_configuration_can_be_run_again a.db \
    "SELECT json_extract(config, '\$.network.hidden[0]') FROM points WHERE number = 1" 24
verdict nothing_is_left_beside_the_database "$(ls "$folder")" [ ! -e "$folder/a.db-wal" -a ! -e "$folder/a.db.lock" ]
rows "$folder/a.db" >"$folder/rows"

expect a_finished_sweep_computes_nothing 0 sweep "$folder/toy.yaml" --db "$folder/a.db"
expect_text a_finished_sweep_knows_its_points err "0 done, 0 do not fit, 0 failed, 20 known"
mkdir "$folder/more"
sed 's/\[24, 16\]/[24, 16], [6, 6]/' "$folder/toy.yaml" >"$folder/more/toy.yaml"
verdict points_of_this_program_are_taken_without_a_word "said" [ "$(grep -c 'computed again' "$folder/err")" -eq 0 ]
cp "$folder/a.db" "$folder/old.db"
sqlite3 "$folder/old.db" "UPDATE stored_points SET git = 'abc' WHERE number < 12"
expect points_of_another_revision_are_known 0 sweep "$folder/toy.yaml" --db "$folder/old.db"
expect_text points_of_another_revision_are_said err "old.db: 12 points are from version $(sqlite3 "$folder/a.db" "SELECT version FROM points LIMIT 1"), git abc, this program"
expect an_added_value_runs 0 sweep "$folder/more/toy.yaml" --db "$folder/a.db"
expect_text an_added_value_computes_its_points_alone err "24 points: 4 done, 0 do not fit, 0 failed, 20 known"
expect_answer rows_take_the_places_of_the_new_order a.db \
    "SELECT group_concat(number) FROM (SELECT number FROM points ORDER BY number)" "$(seq -s, 0 23)"

# --- order ---
# Chips, links to the host and sizes change from point to point: whatever ran before in a process, rows are the same.
for order in there back; do
    mkdir "$folder/$order"
    [ $order = there ] && sizes='[[12, 8], [48, 32], [24, 16]]' rates='[1.37e9, 7.77e10, 3.3e8]' caps='[0.2, 0.3, 0.5]'
    [ $order = back ] && sizes='[[24, 16], [48, 32], [12, 8]]' rates='[3.3e8, 7.77e10, 1.37e9]' caps='[0.5, 0.3, 0.2]'
    echo "base: toy
sweep: {network.hidden: $sizes, machines.0.chip.host.bytes_per_second: $rates, machines.1.chip.clock_hz: [1.3e9, 1.0e9], network.max_activity: $caps}" >"$folder/$order/order.yaml"
    sweep -q "$folder/$order/order.yaml" --db "$folder/$order.db" --jobs 1
    sqlite3 "$folder/$order.db" "SELECT key, status, config, json_remove(result, '\$.simulator') FROM points ORDER BY key" >"$folder/$order/rows"
done
verdict the_order_of_points_changes_no_row "rows differ" cmp -s "$folder/there/rows" "$folder/back/rows"
verdict all_points_were_compared "$(wc -l <"$folder/there/rows")" [ "$(wc -l <"$folder/there/rows")" -eq 54 ]
for number in 0 29 53; do
    sqlite3 "$folder/there.db" "SELECT config FROM points WHERE number = $number" >"$folder/alone.yaml"
    "$program" run "$folder/alone.yaml" --json "$folder/alone.json" >/dev/null
    sqlite3 :memory: "SELECT json_extract(readfile('$folder/alone.json'), '\$.machines')" >"$folder/alone"
    sqlite3 "$folder/there.db" "SELECT json_extract(result, '\$.machines') FROM points WHERE number = $number" >"$folder/swept"
    verdict "point_${number}_is_that_of_a_run_alone" "differs" cmp -s "$folder/alone" "$folder/swept"
done

# --- refusals ---
expect resume_needs_a_database 2 sweep "$folder/toy.yaml" --db "$folder/none.db" --resume
expect_text resume_without_one_says_so err "is not there; --resume goes on with a database"
expect fresh_refuses_a_database 2 sweep "$folder/toy.yaml" --db "$folder/a.db" --fresh
expect resume_and_fresh_are_not_both 2 sweep "$folder/toy.yaml" --db "$folder/none.db" --resume --fresh
expect_text resume_and_fresh_say_why err "--resume needs a database, --fresh none: not both"
: >"$folder/zero.db"
expect a_file_of_no_bytes_becomes_a_database 0 sweep "$folder/toy.yaml" --db "$folder/zero.db"
expect resume_continues 0 sweep "$folder/toy.yaml" --db "$folder/a.db" --resume
echo "base: toy
sweep: {seed: {from: 1, to: 1000000, step: 1}}" >"$folder/many.yaml"
expect a_million_points_are_asked_about 2 sweep "$folder/many.yaml" --db "$folder/many.db"
expect_text the_question_says_how_many err "1000000 points; if you mean it, add --yes"
verdict nothing_was_made "$(ls "$folder")" [ ! -e "$folder/many.db" ]
expect an_unknown_key_is_refused 2 sweep configs/sweeps/demo.yaml --set training.bach=1 --db "$folder/x.db"
echo "base: toy
sweep: {training.bach: [1]}" >"$folder/unknown.yaml"
expect an_unknown_swept_key_is_refused 2 sweep "$folder/unknown.yaml" --db "$folder/x.db"
expect_text an_unknown_swept_key_has_its_place err "unknown.yaml:2:9: training.bach: unknown key; did you mean 'batch'?"
expect a_missing_sweep_is_bad_input 2 sweep "$folder/none.yaml"
echo "precious" >"$folder/text.db"
expect another_file_is_refused 1 sweep "$folder/toy.yaml" --db "$folder/text.db"
verdict another_file_stays_as_it_is "changed" grep -qx precious "$folder/text.db"
for option in --jobs=0 --shard=0/2 --shard=3/2 --shard=x --memory=0 --timeout=0; do
    expect "a_wrong_option_is_refused: $option" 2 sweep "$folder/toy.yaml" --db "$folder/x.db" $option
done

# --- combinations that the experiment refuses, limits ---
echo "base: toy
sweep: {network.inputs: [24, 3], network.input_slots: [4, 2]}" >"$folder/refused.yaml"
expect a_refused_combination_fails_alone 1 sweep "$folder/refused.yaml" --db "$folder/refused.db"
expect_answer a_refused_combination_is_a_row_with_its_reason refused.db \
    "SELECT settings, why LIKE '%network.input_slots: 4 is outside 1..3 slots%' FROM points WHERE status = 'failed'" \
    '{"network.inputs":3,"network.input_slots":4}|1'
expect_text a_failed_sweep_says_why err "tilesim: 1 failed: "
expect_text a_failed_sweep_says_the_reason err "network.input_slots: 4 is outside 1..3 slots"
expect_text a_failed_sweep_says_where_the_rows_are err "sqlite3 $folder/refused.db \"SELECT number, why"
echo "base: toy
sweep: {network.inputs: [3], network.input_slots: [4, 5, 6, 7, 8, 9], seed: [1, 2]}" >"$folder/reasons.yaml"
expect many_refused_combinations_fail 1 sweep "$folder/reasons.yaml" --db "$folder/reasons.db"
expect_text equal_reasons_are_counted err "tilesim: 2 failed: "
expect_text many_reasons_are_cut_short err "tilesim: 4 failed for other reasons"
expect_answer the_other_points_are_done refused.db "SELECT count(*) FROM points WHERE status = 'done'" 3
expect too_little_memory_fails 1 sweep "$folder/toy.yaml" --db "$folder/memory.db" --memory 1
expect_answer too_little_memory_is_the_reason memory.db \
    "SELECT count(*) FROM points WHERE status = 'failed' AND why NOT LIKE '%--memory%'" 0
expect a_failed_point_runs_again 0 sweep "$folder/toy.yaml" --db "$folder/memory.db"
expect_answer and_its_row_gives_way memory.db "SELECT count(*) FROM points WHERE status = 'failed'" 0

echo "base: randman
set: {machines: [], training.test_samples: 0}
sweep: {training.steps: [1000000, 1]}" >"$folder/long.yaml"
expect a_point_that_takes_too_long_fails 1 sweep "$folder/long.yaml" --db "$folder/long.db" --timeout 4
expect_answer a_point_that_took_too_long_says_so long.db \
    "SELECT group_concat(coalesce(why, status), '; ') FROM (SELECT * FROM points ORDER BY number)" "took longer than 4 s (--timeout); done"

# --- crash, Ctrl-C, a second sweep ---
# Starts a sweep with one point that does not end, in its own database; waits until it runs.
start_long() {
    rm -rf "$folder/long.db"*
    set -m # else the shell makes it ignore SIGINT
    "$program" sweep "$folder/long.yaml" --db "$folder/long.db" --jobs 2 2>"$folder/long_err" & # `err` is of the second one
    sweep_process=$!
    set +m
    for _ in $(seq 100); do
        sleep 0.05
        [ "$(sqlite3 "$folder/long.db" "SELECT count(*) FROM points" 2>/dev/null)" = 1 ] && break
    done
}
start_long
kill -SEGV "$(pgrep -P $sweep_process | head -1)"
wait $sweep_process
status=$?
verdict a_crash_fails_the_sweep_at_its_end "exit status $status" [ $status -eq 1 ]
expect_answer a_crash_is_a_row_with_its_signal long.db \
    "SELECT why, number FROM points WHERE status = 'failed'" "died of signal 11 (Segmentation fault)|0"

# The first two points are run by one child, which dies at the second.
echo "base: randman
set: {machines: [], training.test_samples: 0}
sweep: {training.steps: [1, 1000000, 2]}" >"$folder/middle.yaml"
set -m
"$program" sweep "$folder/middle.yaml" --db "$folder/middle.db" --jobs 1 >"$folder/out" 2>"$folder/err" &
sweep_process=$!
set +m
for _ in $(seq 100); do
    sleep 0.05
    [ "$(sqlite3 "$folder/middle.db" "SELECT count(*) FROM points" 2>/dev/null)" = 1 ] && break
done
sleep 0.2
kill -SEGV "$(pgrep -P $sweep_process | head -1)"
wait $sweep_process
expect_answer a_crash_leaves_the_rows_of_its_neighbours middle.db \
    "SELECT group_concat(coalesce(substr(why, 1, 17), status), '; ') FROM (SELECT * FROM points ORDER BY number)" "done; died of signal 11; done"

start_long
expect a_second_sweep_is_refused 1 sweep "$folder/long.yaml" --db "$folder/long.db"
expect_text a_second_sweep_is_told_the_lock err "another process ($sweep_process) writes to it and holds the lock $folder/long.db.lock"
kill -INT $sweep_process
wait $sweep_process
status=$?
verdict an_interrupt_ends_with_130 "exit status $status" [ $status -eq 130 ]
expect_answer rows_before_an_interrupt_are_kept long.db "SELECT group_concat(status) FROM points" done
verdict no_child_is_left "$(pgrep -f "$folder/long.yaml")" [ -z "$(pgrep -f "$folder/long.yaml")" ]

# --- a full disk ---
expect a_full_disk_is_an_error 1 bash -c "ulimit -f 150; exec '$program' sweep '$folder/toy.yaml' --db '$folder/full.db'"
expect_text a_full_disk_is_said err "full.db: cannot add a point: "
expect_answer a_full_disk_leaves_the_database_whole full.db "PRAGMA integrity_check" ok
expect it_goes_on_when_there_is_room 0 sweep "$folder/toy.yaml" --db "$folder/full.db"
rows "$folder/full.db" >"$folder/rows2"
verdict a_full_disk_changes_no_row "rows differ" cmp -s "$folder/rows" "$folder/rows2"

# --- shards ---
for shard in 1 2 3; do
    expect "shard_$shard""_runs" 0 sweep "$folder/toy.yaml" --db "$folder/shard$shard.db" --shard $shard/3
done
{
    for shard in 1 2 3; do sqlite3 "$folder/shard$shard.db" "SELECT key FROM points"; done
} | sort >"$folder/shard_keys"
sqlite3 "$folder/full.db" "SELECT key FROM points" | sort >"$folder/keys"
verdict shards_share_the_points "keys differ" cmp -s "$folder/keys" "$folder/shard_keys"

# --- kill -9 ---
lost=0
for i in $(seq "$kills"); do
    rm -rf "$folder/killed.db"*
    setsid "$program" sweep -q "$folder/toy.yaml" --db "$folder/killed.db" 2>/dev/null &
    victim=$!
    sleep "0.$(printf '%03d' $((RANDOM % 300)))"
    kill -9 $victim 2>/dev/null
    wait $victim 2>/dev/null
    sweep -q "$folder/toy.yaml" --db "$folder/killed.db" 2>"$folder/err" || lost=$((lost + 1))
    rows "$folder/killed.db" >"$folder/rows2"
    cmp -s "$folder/rows" "$folder/rows2" || lost=$((lost + 1))
done
verdict "killed_and_continued_rows_are_those_of_an_undisturbed_run" "$lost of $kills differ" [ $lost -eq 0 ]

# --- training is done once ---
echo "base: randman
set: {training.steps: 3, training.test_samples: 0}
sweep: {machines.0.chip.clock_hz: {from: 1e9, to: 1.9e9, points: 10}}" >"$folder/chips.yaml"
expect chips_share_a_training 0 sweep "$folder/chips.yaml" --db "$folder/chips.db"
verdict one_record_is_kept "$(ls "$folder/chips.db.records")" \
    [ "$(ls "$folder/chips.db.records" | grep -c '\.sparse$')" -eq 1 ]
expect_answer all_have_the_same_losses chips.db \
    "SELECT count(DISTINCT json_extract(result, '\$.training[0].loss')) || ' ' || count(*) FROM points" "1 10"

echo "==== $failures failed"
[ $failures -eq 0 ]
