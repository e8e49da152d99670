#!/bin/bash
# test_report.sh PROGRAM: results of sweeps as a user sees them. Run from the top of the tree.
# Prints the lines that cmocka prints; tools/run_tests.sh counts them.
set -u
program=$1
. tests/cli/harness.bash

report() {
    "$program" report "$@"
}

cat >"$folder/sweep.yaml" <<EOF
base: $PWD/configs/experiments/toy.yaml
name: caps
sweep:
  network.max_activity: [0.2, 0.5]
  network.hidden: [[12, 8], [1466]]   # the second is too wide for the toy chip
EOF
whole=$folder/whole.db
expect a_sweep_makes_results 0 "$program" sweep -q "$folder/sweep.yaml" --db "$whole" --jobs 2
expect shards_make_results_1 0 "$program" sweep -q "$folder/sweep.yaml" --db "$folder/s1.db" --shard 1/2
expect shards_make_results_2 0 "$program" sweep -q "$folder/sweep.yaml" --db "$folder/s2.db" --shard 2/2

expect no_results_are_a_bad_command_line 2 report
expect missing_results_are_bad_input 2 report "$folder/none.db"
expect_line missing_results_are_named err "tilesim: $folder/none.db: No such file or directory"
expect results_are_shown 0 report "$whole"
expect_line the_first_line_sums_up out "4 points, 2 with a machine that does not fit"
verdict a_point_that_does_not_fit_says_why "no reason" grep -q "^  point 1 and 1 more, toy/dense: tile 0: SRAM region .* 12864; no training.checkpointing would fit$" "$folder/out"
verdict nothing_else_is_said "standard error" [ ! -s "$folder/err" ]
verdict no_colours_in_a_pipe "escape found" sh -c "! grep -q $'\033' '$folder/out'"
cp "$folder/out" "$folder/table"
expect joined_shards_are_shown 0 report "$folder/s1.db" "$folder/s2.db"
verdict joined_shards_are_the_whole "they differ" cmp -s "$folder/out" "$folder/table"
verdict reading_changes_no_file "more files" [ "$(ls "$folder"/*.db* | wc -l)" -eq 3 ]

expect a_baseline_can_be_chosen 0 report "$whole" --baseline toy/sparse
verdict the_baseline_is_named "no heading" grep -q "over toy/sparse$" "$folder/out"
expect an_unknown_baseline_is_bad_input 2 report "$whole" --baseline toy/spars
expect_line an_unknown_baseline_is_answered_by_the_machines err \
    "tilesim: no point has a machine named 'toy/spars'; there are: toy/sparse, toy/dense"

expect csv_and_json_are_written 0 report "$whole" --csv "$folder/a.csv" --json "$folder/a.json"
verdict csv_has_a_row_for_each_point_and_machine "other lines" [ "$(wc -l <"$folder/a.csv")" -eq 9 ]
verdict csv_lines_end_as_the_standard_says "no CR" [ "$(grep -c $'\r$' "$folder/a.csv")" -eq 9 ]
expect csv_goes_to_standard_output_alone 0 report "$whole" --csv -
verdict csv_on_standard_output_is_the_same "they differ" cmp -s "$folder/out" "$folder/a.csv"
expect two_files_on_standard_output_are_refused 2 report "$whole" --csv - --json -
expect_line two_files_on_standard_output_are_explained err \
    "tilesim: only one of --csv, --json and --html can go to standard output"
expect csv_to_a_full_device_is_a_fault 1 report "$whole" --csv /dev/full
expect_line a_full_device_is_named err \
    "tilesim: /dev/full: cannot write the results: No space left on device"
expect tables_to_a_full_device_are_a_fault 1 sh -c "'$program' report '$whole' >/dev/full"

expect shards_are_joined_into_a_file 0 report "$folder/s1.db" "$folder/s2.db" --into "$folder/joined.db" --csv "$folder/b.csv"
without_run() { # columns that tell of the run: run_seconds, run_peak_rss_bytes, finished
    sed 's/,[^,]*,[^,]*,[^,]*\(,[0-9a-f]\{32\}\r\)$/\1/' "$1"
}
verdict a_joined_file_holds_the_whole "they differ" cmp -s <(without_run "$folder/a.csv") <(without_run "$folder/b.csv")
expect joining_again_changes_nothing 0 report "$whole" --into "$folder/joined.db"
verdict equal_points_are_kept_once "they differ" cmp -s "$folder/out" "$folder/table"
printf 'no database' >"$folder/text.db"
expect what_is_no_database_is_bad_input 2 report "$folder/text.db"

# The script for sbatch: what a task of the array does.
expect a_script_for_slurm_is_printed 0 sh -c \
    "cd '$folder' && '$(realpath "$program")' sweep sweep.yaml --db \"it's.db\" --slurm 2 --jobs 3 --memory 2000 --set seed=5"
cp "$folder/out" "$folder/job.sh"
expect_line the_array_has_a_task_per_shard out "#SBATCH --array=1-2"
expect_line a_task_has_a_processor_per_point out "#SBATCH --cpus-per-task=3"
expect_line a_task_has_memory_for_its_points out "#SBATCH --mem=6512M"
expect_line the_script_says_how_to_join out \
    "#     tilesim report 'it'\\''s'.shard-*-of-2.db --into 'it'\\''s.db'"
for task in 1 2; do
    expect "task_${task}_of_the_script_runs_its_shard" 0 env SLURM_ARRAY_TASK_ID=$task bash "$folder/job.sh"
done
expect its_shards_are_joined 0 report "$folder/it's.shard-1-of-2.db" "$folder/it's.shard-2-of-2.db"
expect_line the_shards_are_all_points out "4 points, 2 with a machine that does not fit"
expect no_shards_are_a_bad_command_line 2 "$program" sweep "$folder/sweep.yaml" --slurm 0
verdict the_number_of_shards_is_explained "other message" \
    grep -qxF 'tilesim sweep: --slurm: "0" is not a number in 1..1000' "$folder/err"

# A file on standard output has it to itself, whatever the command.
toy=$PWD/configs/experiments/toy.yaml
is_json_alone() { # FILE: one JSON value and nothing else
    python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$1" 2>/dev/null
}
for words in "run $toy" "inspect $toy" "report $whole" "validate --group exchange/gather"; do
    for file in - /dev/stdout; do
        expect "json_is_written_to_standard_output: ${words%% *}, $file" 0 "$program" $words --json $file
        verdict "json_on_standard_output_is_alone: ${words%% *}, $file" "more" is_json_alone "$folder/out"
        verdict "no_table_is_printed_beside_it: ${words%% *}, $file" "a table" [ ! -s "$folder/err" ]
    done
done

# A chip's file is edited, and the sweep is run again on the same database.
export TILESIM_CONFIGS=$PWD/configs
printf 'base: %s/configs/chips/toy.yaml\nexchange: {bytes_per_cycle: 4}\n' "$PWD" >"$folder/mine.yaml"
edited() { # BYTES VALUES
    sed -i "s/bytes_per_cycle: .}/bytes_per_cycle: $1}/" "$folder/mine.yaml"
    echo "base: toy
set: {machines: [{chip: $folder/mine.yaml}]}
sweep: {network.max_activity: $2}" >"$folder/edited.yaml"
    "$program" sweep -q "$folder/edited.yaml" --db "$folder/edited.db"
}
edited 4 '[0.2, 0.5]' && edited 8 '[0.2]'
expect a_report_of_an_edited_chip 0 report "$folder/edited.db"
expect_line each_point_is_shown_once out "2 points"
expect_line the_edit_is_named err "tilesim: 1 point of sweep edited was computed again with another configuration (machines.0.chip.exchange.bytes_per_cycle 4, now 8); the newest of each counts, --all shows the old ones too"
expect_line a_point_that_was_not_computed_again_is_said err "tilesim: 1 point of sweep edited was not: it is not comparable with the others"
expect all_of_an_edited_chip 0 report "$folder/edited.db" --all
expect_line old_points_are_shown_if_asked_for out "3 points"
verdict old_points_are_marked "no mark" grep -q "^  0 old  *0.2 " "$folder/out"
expect csv_of_an_edited_chip 0 report "$folder/edited.db" --all --csv -
verdict old_points_are_marked_in_csv "other rows" python3 -c '
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1], newline="")))
sys.exit([r["number"] for r in rows if r["superseded"] == "true"] != ["0"] or len(rows) != 3)' "$folder/out"
edited 8 '[0.2, 0.5]'
expect a_report_of_points_that_were_all_computed_again 0 report "$folder/edited.db"
verdict then_all_are_comparable "said" [ "$(grep -c comparable "$folder/err")" -eq 0 ]

# Another chip, that nobody edited, is a value of the same path.
two_chips() { # BYTES
    sed -i "s/bytes_per_cycle: .}/bytes_per_cycle: $1}/" "$folder/mine.yaml"
    echo "base: toy
sweep: {machines.0.chip: [$folder/mine.yaml, toy]}" >"$folder/two.yaml"
    "$program" sweep -q "$folder/two.yaml" --db "$folder/two.db"
}
two_chips 4 && two_chips 8
expect a_report_of_an_edited_chip_beside_another 0 report "$folder/two.db"
verdict the_edit_of_one_chip_of_two_is_said "not said" grep -q "1 point of sweep two was computed again" "$folder/err"
verdict a_chip_that_was_not_edited_is_comparable "said" [ "$(grep -c comparable "$folder/err")" -eq 0 ]

# CSV and the view call a column alike; the view has more.
"$program" report "$whole" --csv - | head -1 | tr -d '\r' | tr , '\n' | grep -v '^speedup' | sort >"$folder/csv_names"
sqlite3 "$whole" "SELECT name FROM pragma_table_info('results') ORDER BY 1" | LC_ALL=C sort >"$folder/view_names"
verdict csv_and_view_have_the_same_names "$(LC_ALL=C comm -23 <(LC_ALL=C sort "$folder/csv_names") "$folder/view_names")" \
    [ -z "$(LC_ALL=C comm -23 <(LC_ALL=C sort "$folder/csv_names") "$folder/view_names")" ]

# What would be lost or ignored is refused.
cp "$whole" "$folder/kept.db"
for option in --csv --json --html; do
    expect "a_database_is_not_written_over: $option" 2 report "$folder/kept.db" $option "$folder/./kept.db"
    expect_line "a_database_that_would_be_lost_is_named: $option" err \
        "tilesim: $folder/./kept.db: is one of the databases, and would be lost"
done
verdict the_database_is_as_it_was "changed" cmp -s "$whole" "$folder/kept.db"
for option in --shard=1/2 --list --resume --fresh; do
    expect "slurm_refuses_what_it_would_ignore: $option" 2 "$program" sweep "$folder/sweep.yaml" --slurm 2 $option
done

exit $((failures > 0))
