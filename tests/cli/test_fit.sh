#!/bin/bash
# test_fit.sh PROGRAM: what `tilesim fit` finds, held against runs, and what it refuses. Run from the top of the tree.
# Prints the lines that cmocka prints; tools/run_tests.sh counts them.
set -u
program=$1
. tests/cli/harness.bash
cat >"$folder/toy.yaml" <<'YAML'
network: {inputs: 24, input_slots: 4, hidden: [12, 8], outputs: 4, max_activity: 0.5}
training: {mode: drawn, batch: 6, time_steps: 4}
machines: [{name: m, chips: 1, lowering: sparse, system: {base: toy-4, chip: {base: toy, tile: {control_code_bytes_per_step: 16}}}}]
YAML
toy=$folder/toy.yaml

fit() {
    "$program" fit "$@"
}

# --- the largest value is the largest, by a run at it and at the next one
expect all_plans_are_tried 0 fit "$toy" --vary training.time_steps --json "$folder/fit.json"
for kind in none offload single single_remote double nested binomial; do
    verdict "${kind}_has_a_row" "no row" grep -qE "^  m +$kind( |$)" "$folder/out"
done
# one line an answer: kind, local, remote, levels, largest
awk '/"kind":/ { k = $2 } /"local":/ { l = $2 } /"remote":/ { r = $2 } /"levels":/ { v = $2 }
     /"largest":/ { print k, l, r, v, $2 }' "$folder/fit.json" | tr -d '",' >"$folder/answers"
while read -r kind local remote levels largest; do
    numbers=()
    [ "$local" = null ] || numbers+=(--set "training.checkpoints.local=$local")
    [ "$remote" = null ] || numbers+=(--set "training.checkpoints.remote=$remote")
    [ "$levels" = null ] || numbers+=(--set "training.checkpoints.levels=$levels")
    expect "${kind}_fits_at_its_largest" 0 "$program" run "$toy" -q --set "training.checkpointing=$kind" \
        --set "training.time_steps=$largest" "${numbers[@]}"
    expect "${kind}_does_not_fit_beyond" 3 "$program" run "$toy" -q --set "training.checkpointing=$kind" \
        --set "training.time_steps=$((largest + 1))"
done <"$folder/answers"
verdict every_kind_was_held_against_runs "other answers" [ "$(wc -l <"$folder/answers")" -eq 7 ]
expect a_maximum_is_enough 0 fit "$toy" --vary training.time_steps --plans none --max 20
verdict a_maximum_is_marked "no >=" grep -qE '^  m +none +>= 20 ' "$folder/out"
# code for few slots, states of many: only some numbers between fit
expect binomial_plans_far_from_the_smallest_are_asked 0 fit "$toy" --vary training.time_steps --plans binomial --max 1700 \
    --set 'machines=[{name: m, system: toy-4, chips: 1, lowering: dense}]' --set 'network.hidden=[40, 40]'
verdict they_fit "no >= 1700" grep -qE '^  m +binomial .*>= 1700 ' "$folder/out"
expect hidden_layers_grow_together 0 fit "$toy" --vary network.hidden --plans none --json "$folder/hidden.json"
width=$(awk '/"largest":/ { print $2 + 0 }' "$folder/hidden.json")
expect the_width_fits 0 "$program" run "$toy" -q --set "network.hidden=[$width, $width]"
expect the_next_width_does_not 3 "$program" run "$toy" -q --set "network.hidden=[$((width + 1)), $((width + 1))]"

# --- several chips: their waits for each other are in the times
cat >"$folder/chips.yaml" <<'YAML'
network: {inputs: 24, input_slots: 4, hidden: fill, hidden_layers: 8, outputs: 4, max_activity: 0.5}
training: {mode: drawn, batch: 8, time_steps: 24}
machines: [{name: m, lowering: sparse, system: {base: toy-4, chip: {base: toy, tile: {control_code_bytes_per_step: 16}}}}]
YAML
chips=$folder/chips.yaml
plan=none
# NAME OPTION...: the time at 24 time steps is a run's to 4 in 100 under $plan; replicas draw others of the few samples.
times_agree() {
    local name=$1 in_fit in_run
    shift
    expect "${name}_fits" 0 fit "$chips" --vary training.time_steps --max 24 --plans "$plan" --json "$folder/time.json" "$@"
    in_fit=$(awk '/"step_seconds":/ { print $2 + 0 }' "$folder/time.json")
    expect "${name}_runs" 0 "$program" run "$chips" -q --json "$folder/run.json" \
        --set "training.checkpointing=$plan" "$@"
    in_run=$(awk '/"step_seconds":/ { print $2 + 0; exit }' "$folder/run.json")
    verdict "${name}_takes_in_fit_what_a_run_takes" "$in_fit s, a run takes $in_run s" \
        awk -v a="$in_fit" -v b="$in_run" 'BEGIN { exit !(b > 0 && a / b > 0.96 && a / b < 1.04) }'
}
times_agree a_network_over_four_chips
times_agree a_network_on_two_chips_twice --set machines.0.replicas=2 --set network.hidden_layers=4
times_agree a_replica_on_each_chip --set machines.0.replicas=4 --set network.hidden_layers=2
# few time steps fit on one chip, where no links hold them up; all of them do not
times_agree a_dense_network_where_all_its_time_steps_fit --set machines.0.lowering=dense --set 'network.hidden=[60, 60]' \
    --set network.hidden_layers=2 --set training.batch=48 --set machines.0.system.link_kinds.0.bytes_per_second=1.0e9
# chips that hold nothing of the network take nothing of their machine's streaming memory
plan=offload
slow=(--set 'network.hidden=[12, 8]' --set network.hidden_layers=2 --set machines.0.system.streaming.bytes_per_second=1.0e8)
times_agree a_network_beside_idle_chips "${slow[@]}"
times_agree transfers_that_hide_beside_histories_that_are_kept "${slow[@]}" --set machines.0.chips=1 \
    --set machines.0.streaming=double_buffered
times_agree transfers_of_a_replica_on_each_chip_that_hide "${slow[@]}" --set machines.0.replicas=4 \
    --set machines.0.streaming=double_buffered

# --- where the key ends before memory
expect chips_end_with_the_system 0 fit "$toy" --vary machines.0.chips --plans none --json "$folder/key.json"
expect_line the_range_of_the_key_is_said out \
    "  m, none: machines.0.chips: 4 fits; the key ends there, not memory. At 5: machines.0.chips: 5 is outside 1..4 chips, all of toy-4"
expect_text it_is_marked_in_json key.json '"is_bounded": true'
expect replicas_divide_chips_and_samples 0 fit "$toy" --vary machines.0.replicas --plans none --set machines.0.chips=4
expect_line the_largest_divisor_is_named out \
    "  m, none: machines.0.replicas: 2 fits; it is the largest divisor there is; not memory ends it"
expect a_key_of_no_weight_ends_with_its_range 0 fit "$toy" --vary training.steps --plans none
expect_line its_range_is_said out "  m, none: training.steps: 100000000 fits; the key ends there, not memory: its range is 1..100000000"
expect a_maximum_ends_the_search 0 fit "$toy" --vary training.time_steps --plans none --max 20
expect_line the_maximum_is_said out "  m, none: training.time_steps: 20 fits; --max=20 ends there, not memory"
expect another_key_ends_this_one_below 3 fit "$toy" --vary network.inputs --set 'network.hidden=[4000]' --plans none
verdict memory_is_the_reason_not_the_other_key "another reason" grep -qE '^  m, none: tile [0-9]+: SRAM' "$folder/out"
expect a_key_of_one_machine_is_asked_of_it 0 fit configs/experiments/toy.yaml --vary machines.0.chip.tiles --plans none --max 20
verdict the_other_machine_has_no_row "a row" [ "$(grep -cE '^  toy/dense' "$folder/out")" -eq 0 ]

# --- refusals
expect an_unknown_key_is_bad_input 2 fit "$toy" --vary training.time_stps
expect_text the_nearest_key_is_named err "did you mean 'time_steps'?"
expect a_real_number_is_no_key 2 fit "$toy" --vary training.learning_rate
expect_line a_real_number_is_explained err \
    "--vary=training.learning_rate: not the key of a whole number, such as training.time_steps"
expect a_key_is_needed 2 fit "$toy"
expect a_key_that_the_machine_has_not_is_bad_input 2 fit configs/experiments/toy.yaml --vary machines.0.chips
expect_text its_place_is_said err "--set:1:18: machines.0.chips: belongs to a machine with a system"
expect a_key_of_a_machine_that_is_left_out_is_bad_input 2 \
    fit configs/experiments/toy.yaml --vary machines.0.chip.tiles --machine toy/dense
expect_line it_is_said err "--vary=machines.0.chip.tiles: it is a key of 'toy/sparse', which --machine leaves out"
expect a_number_that_some_plans_have_is_a_key 0 fit "$toy" --vary training.checkpoints.local --plans single --max 4
expect an_unknown_plan_is_bad_input 2 fit "$toy" --vary training.batch --plans none,dubble
expect a_fault_of_the_file_has_its_place 2 fit "$toy" --vary training.batch --set training.btch=3
expect_text its_place_is_named err "--set:1:10: training.btch: unknown key; did you mean 'batch'?"
expect an_unknown_machine_is_bad_input 2 fit "$toy" --vary training.batch --machine n
expect what_never_fits_is_status_3 3 fit "$toy" --vary training.time_steps --set 'network.hidden=[4000]' --plans none,single
verdict what_never_fits_has_a_row "no row" grep -qE '^  m +none +- ' "$folder/out"
expect a_plan_that_cannot_stream_says_so 0 fit configs/experiments/toy.yaml --machine toy/sparse \
    --vary training.time_steps --plans none,offload --max 8
expect_line its_reason_is_said out "  toy/sparse, offload: offload needs streaming memory, and the machine has none"

# --- over the values of another key: each as if asked alone
over=(--vary training.time_steps --plans none,single)
expect two_widths_are_asked 0 fit "$toy" "${over[@]}" --over 'network.hidden=[12, 8],[24, 8]' --json "$folder/over.json"
awk '/"largest":/ { print $2 }' "$folder/over.json" >"$folder/together"
rm -f "$folder/alone"
for hidden in '[12, 8]' '[24, 8]'; do
    verdict "the_rows_of_${hidden}_say_so" "other rows" [ "$(grep -cF "  $hidden  " "$folder/out")" -eq 2 ]
    "$program" fit "$toy" "${over[@]}" --set "network.hidden=$hidden" --json "$folder/one.json" >/dev/null
    awk '/"largest":/ { print $2 }' "$folder/one.json" >>"$folder/alone"
done
verdict four_values_were_found "$(wc -l <"$folder/alone")" [ "$(sort -u "$folder/alone" | wc -l)" -eq 4 ]
verdict each_is_answered_as_if_alone "$(tr '\n' ' ' <"$folder/together"), alone $(tr '\n' ' ' <"$folder/alone")" \
    cmp -s "$folder/together" "$folder/alone"
expect a_second_key_without_a_value_is_refused 2 fit "$toy" "${over[@]}" --over network.inputs=4,
expect a_second_key_that_is_the_first_is_refused 2 fit "$toy" "${over[@]}" --over training.time_steps=4,5
expect a_wrong_second_key_is_bad_input 2 fit "$toy" "${over[@]}" --over network.inpts=4,5
expect_text its_name_is_said err "network.inpts: unknown key; did you mean 'inputs'?"

# --- a run that does not fit names the plan that would
expect a_long_sequence_does_not_fit 3 "$program" run "$toy" -q --set training.time_steps=400
expect_text the_plan_that_would_fit_is_named err "; training.checkpointing: "
expect inspect_refuses_it_too 3 "$program" inspect "$toy" --set training.time_steps=400
expect_text inspect_names_the_plan_too out " would fit"
exit $((failures > 0))
