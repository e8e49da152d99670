#!/bin/bash
# test_cli.sh PROGRAM: what a user sees: exit statuses, messages, files. Run from the top of the tree.
# Prints the lines that cmocka prints; tools/run_tests.sh counts them.
set -u
program=$1
. tests/cli/harness.bash
toy=configs/experiments/toy.yaml
golden=configs/experiments/golden.yaml

run() {
    "$program" run "$@"
}

expect version_is_printed 0 "$program" --version
expect_text version_names_the_program out "tilesim 0.1.0"
expect help_is_not_an_error 0 "$program" help
expect help_of_a_command_is_not_an_error 0 "$program" help run
expect_text help_of_run_lists_its_options out "--timing=ENGINE"
expect no_command_is_a_bad_command_line 2 "$program"
expect an_unknown_command_is_a_bad_command_line 2 "$program" rnu
expect_text an_unknown_command_gets_a_suggestion err 'did you mean "run"'
expect an_unknown_option_is_a_bad_command_line 2 run --jsn x $toy
expect no_experiment_is_a_bad_command_line 2 run
expect two_experiments_are_a_bad_command_line 2 run $toy $toy
expect an_unknown_engine_is_a_bad_command_line 2 run --timing=quick $toy
expect zero_threads_are_a_bad_command_line 2 run --threads=0 $toy

expect a_missing_file_is_bad_input 2 run "$folder/none.yaml"
expect_text a_missing_file_is_named err "$folder/none.yaml: No such file or directory"
expect a_misspelt_key_is_bad_input 2 run $toy --set training.bach=6
expect_text a_misspelt_key_gets_a_suggestion err "batch"
printf 'experiment: x\nnetwork: {inputs: [\n' >"$folder/broken.yaml"
expect broken_yaml_is_bad_input 2 run "$folder/broken.yaml"
expect_text broken_yaml_is_located err "broken.yaml:"
expect missing_data_is_bad_input 2 run configs/experiments/fashion-mnist.yaml --set data.directory=/nonexistent
expect a_dump_of_drawn_activity_is_refused 2 run $toy --dump "$folder/dump"

expect check_of_what_is_right_succeeds 0 "$program" check $toy configs/chips/*.yaml configs/gpus/*.yaml configs/systems/*.yaml
verdict check_of_what_is_right_says_nothing "output" [ ! -s "$folder/out" -a ! -s "$folder/err" ]
expect check_of_what_is_wrong_fails 2 "$program" check $toy "$folder/broken.yaml" "$folder/none.yaml"
expect_text check_goes_on_after_a_fault err "none.yaml"

for what in "" chips systems gpus experiments neurons codelets data workloads keys chip-keys system-keys gpu-keys; do
    expect "list_${what:-what}_lists_something" 0 "$program" list $what
    verdict "list_${what:-what}_prints" "nothing printed" [ -s "$folder/out" ]
done
expect list_systems_succeeds 0 "$program" list systems
for column in system chips topology "links, each way" "streaming memory"; do
    expect_text "systems_are_listed_with_${column// /_}" out "$column"
done
expect_text a_system_is_listed_with_its_links out "8 card of 54 GB/s, 14 cable of 27 GB/s"
printf 'base: gc2-ladder\nchips: 4\nlinks: [{from: 0, to: 9, kind: cable}]\n' >"$folder/links.yaml"
expect check_of_a_link_to_no_chip_fails 2 "$program" check "$folder/links.yaml"
expect_text the_link_is_shown err "links.yaml:3:23: links.0.to: there is no chip 9; the 4 of the system are 0..3"
printf 'workload: {kind: memory}\nmachines: [{system: toy-4}]\n' >"$folder/many.yaml"
expect a_microbenchmark_of_one_chip_refuses_several 3 "$program" run "$folder/many.yaml"
expect_text the_refusal_names_the_chips out "runs on one chip, not on 4 together; set chips: 1"
expect listing_an_unknown_thing_is_a_bad_command_line 2 "$program" list ships

printf 'network: {inputs: 24, input_slots: 4, hidden: [12, 8], outputs: 4, max_activity: 0.5}\ntraining: {mode: drawn, batch: 6, time_steps: 4}
machines: [{name: one, chip: toy}, {name: four, system: toy-4}, {name: copies, system: toy-4, replicas: 2}]\n' >"$folder/small.yaml"
expect a_network_for_one_chip_runs_on_four 0 "$program" run "$folder/small.yaml" --json "$folder/small.json"
verdict chips_without_a_part_are_not_counted "no 1 of 4" grep -qE '^ *four +sparse +1 of 4 +1 ' "$folder/out"
verdict each_replica_has_a_chip_with_a_part "no 2 of 4" grep -qE '^ *copies +sparse +2 of 4 +2 ' "$folder/out"
verdict chips_that_are_asked_for_are_kept "no 4" [ "$(grep -c '"chips_asked": 4' "$folder/small.json")" -eq 2 ]
verdict a_band_is_that_of_the_chips_with_a_part "other bands" \
    [ "$(awk '/"error_band":/ { print $2 }' "$folder/small.json" | head -2 | uniq | wc -l)" -eq 1 ]
expect inspect_succeeds 0 "$program" inspect $toy
expect_text inspect_shows_the_graph out "connect(input, w1)"
expect_text inspect_shows_compute_sets out "F3 neuron update"
expect_text inspect_shows_sram out "fullest tile"
# The last line before the first machine is timed in a child process, which must not print it again.
verdict inspect_prints_the_graph_once "more than once" [ "$(grep -c '= update(w3' "$folder/out")" -eq 1 ]

expect a_run_succeeds 0 run $toy --json "$folder/a.json"
expect_text a_run_prints_its_machines out "toy/sparse"
verdict nothing_of_progress_is_printed_in_a_pipe "standard error" [ ! -s "$folder/err" ]
verdict no_colours_are_printed_in_a_pipe "escape found" sh -c "! grep -q $'\033' '$folder/out'"
on_terminal() { # COMMAND: its output to a terminal, with colours of that terminal
    TERM=xterm script -qec "$1" /dev/null
}
if script -qec true /dev/null >/dev/null 2>&1; then
    expect a_run_on_a_terminal_succeeds 0 on_terminal "env -u NO_COLOR '$program' run $toy"
    verdict a_terminal_gets_colours "no escape" grep -q $'\033\[1m' "$folder/out"
    expect a_run_without_colours_succeeds 0 on_terminal "NO_COLOR=1 '$program' run $toy"
    verdict no_color_is_obeyed "escape found" sh -c "! grep -q '\[1m' '$folder/out'"
else # a container without /dev/pts has no terminals to give
    for name in a_run_on_a_terminal_succeeds a_terminal_gets_colours a_run_without_colours_succeeds no_color_is_obeyed; do
        echo "[  SKIPPED ] $name"
    done
fi
expect a_quiet_run_succeeds 0 run $toy --quiet --json "$folder/b.json"
verdict a_quiet_run_prints_nothing "output" [ ! -s "$folder/out" ]
without_simulator() {
    sed '/^ "simulator"/,$d' "$1"
}
verdict two_runs_give_the_same_json "they differ" \
    cmp -s <(without_simulator "$folder/a.json") <(without_simulator "$folder/b.json")
expect detailed_timing_runs 0 run $toy -q --timing=detailed --json "$folder/c.json"
verdict detailed_timing_gives_the_same_cycles "they differ" \
    cmp -s <(grep cycles_per_training_step "$folder/a.json") <(grep cycles_per_training_step "$folder/c.json")
expect json_on_standard_output 0 run $toy --json -
verdict json_on_standard_output_is_json_alone "first line" [ "$(head -c 1 "$folder/out")" = "{" ]
expect an_experiment_from_standard_input 0 sh -c "'$program' run -q - <$toy"

expect a_machine_that_does_not_fit_is_status_3 3 \
    run $toy -q --set 'network.hidden=[1466]' --set network.max_activity=0.05 --json "$folder/misfit.json"
expect_text a_machine_that_does_not_fit_is_explained err "does not fit"
verdict json_is_written_when_a_machine_does_not_fit "no file" [ -s "$folder/misfit.json" ]

expect json_to_a_missing_folder_is_a_fault 1 run $toy -q --json "$folder/none/x.json"
expect json_to_a_full_device_is_a_fault 1 run $toy -q --json /dev/full
expect_text a_full_device_is_named err "No space left on device"
expect tables_to_a_full_device_are_a_fault 1 sh -c "'$program' run $toy >/dev/full"
expect the_anatomy_is_written 0 run $toy -q --html "$folder/page.html" --trace "$folder/trace.json"
verdict a_page_is_one_whole_file "start and end" \
    [ "$(head -c 15 "$folder/page.html")$(tail -n 1 "$folder/page.html")" = "<!DOCTYPE html></html>" ]
verdict a_page_asks_for_nothing "a link" [ -z "$(grep -oE '(src|href)="?https?:' "$folder/page.html")" ]
verdict a_trace_ends_as_it_should "the end" [ "$(tail -n 1 "$folder/trace.json")" = "]}" ]
run $toy -q --html "$folder/again.html" --trace "$folder/again.json"
verdict two_runs_give_the_same_page "they differ" cmp -s "$folder/page.html" "$folder/again.html"
verdict two_runs_give_the_same_trace "they differ" cmp -s "$folder/trace.json" "$folder/again.json"
expect a_page_to_a_missing_folder_is_a_fault 1 run $toy -q --html "$folder/none/x.html"
expect_text a_page_to_a_missing_folder_is_named err "$folder/none/x.html"
expect a_page_to_a_full_device_is_a_fault 1 run $toy -q --html /dev/full
expect a_trace_to_a_full_device_is_a_fault 1 run $toy -q --trace /dev/full
expect a_trace_of_no_steps_is_a_bad_command_line 2 run $toy --trace x --trace-steps 0
expect a_trace_of_misspelt_tiles_is_a_bad_command_line 2 run $toy --trace x --trace-tiles 1,b
expect a_page_on_standard_output_is_a_bad_command_line 2 run $toy --html -
expect a_microbenchmark_has_no_anatomy 2 run $toy --html "$folder/bench.html" --set workload.kind=gemm
verdict nothing_is_left_of_a_refused_page "a file" [ -z "$(find "$folder" -name 'bench.html*')" ]

expect json_beyond_the_file_limit_is_a_fault 1 sh -c "ulimit -f 1; '$program' run $toy -q --json '$folder/limit.json'"
verdict no_part_of_a_file_is_left "files" [ -z "$(find "$folder" -name 'limit.json*')" ]
expect tensors_beyond_the_file_limit_are_a_fault 1 \
    sh -c "ulimit -f 1; '$program' run $golden -q --dump '$folder/dump'"

# A folder of configurations that is not there.
for command in "run $toy" "check $toy" "list chips" "calibrate --group exchange --dry-run" "validate --group exchange"; do
    # shellcheck disable=SC2086 # words
    expect "configs_that_are_no_folder_end_${command%% *}" 2 env TILESIM_CONFIGS="$folder/none" "$program" $command
    verdict "${command%% *}_says_so_in_one_line" "$(cat "$folder/err")" \
        [ "$(cat "$folder/err")" = "tilesim: TILESIM_CONFIGS: $folder/none is not a folder" ]
done

# The three golden cases: another implementation's numbers through --load and --dump.
value() { # KEY: of case.json, lists without blanks
    tr -d ' \n' <"$tensors/case.json" | sed "s/.*\"$1\":\(\[[^]]*\]\|[^,}]*\).*/\1/"
}
for tensors in tests/golden/*/; do
    case=$(basename "$tensors")
    sizes=$(value sizes)
    hidden="[$(echo "$sizes" | sed 's/^\[[0-9]*,//; s/,[0-9]*\]$//')]"
    inputs=$(echo "$sizes" | sed 's/^\[\([0-9]*\),.*/\1/')
    outputs=$(echo "$sizes" | sed 's/.*,\([0-9]*\)\]$/\1/')
    expect "golden_${case}_runs" 0 run $golden -q --load "$tensors" --dump "$folder/$case" \
        --set network.inputs="$inputs" --set network.hidden="$hidden" --set network.outputs="$outputs" \
        --set network.slots="$(value slots)" --set network.alpha="$(value alpha)" \
        --set network.theta1="$(value theta1)" --set network.theta2="$(value theta2)" \
        --set network.theta2_out="$(value theta2_out)" --set network.gain="$(value gain)" \
        --set network.surrogate_slope="$(value slope)" --set training.batch="$(value batch)" \
        --set training.time_steps="$(value time_steps)"
    for tensor in counts logits w1 input_ids input_counts labels; do
        verdict "golden_${case}_${tensor}_are_equal" "they differ" \
            cmp -s "$tensors/$tensor.npy" "$folder/$case/$tensor.npy"
    done
done
expect a_shape_that_does_not_match_is_bad_input 2 \
    run $golden -q --load tests/golden/lif_small --set 'network.hidden=[15,12]'
expect_text both_shapes_are_named err "expected '<f4' of shape (15, 24)"
head -c 200 tests/golden/lif_small/w1.npy >"$folder/lif_small/w1.npy"
expect a_truncated_tensor_is_bad_input 2 run $golden -q --load "$folder/lif_small"
expect_text a_truncated_tensor_is_named err "w1.npy"

exit $((failures > 0))
