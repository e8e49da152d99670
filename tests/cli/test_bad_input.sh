#!/bin/bash
# test_bad_input.sh PROGRAM: systems, plans and layers that cannot be: their faults have file, line and column, whichever of the
# file, --set and a sweep a value came from. Run from the top of the tree.
# Prints the lines that cmocka prints; tools/run_tests.sh counts them.
set -u
program=$1
. tests/cli/harness.bash

cat >"$folder/links.yaml" <<'YAML'
base: toy-4
topology: links
routing: shortest
rung: null
rail: null
links: [{from: 0, to: 1, kind: near}, {from: 1, to: 2, kind: far}, {from: 2, to: 3, kind: near}]
YAML
cat >"$folder/toy.yaml" <<'YAML'
network: {inputs: 24, input_slots: 4, hidden: [12, 8], outputs: 4, max_activity: 0.5}
training: {mode: drawn, batch: 6, time_steps: 4, checkpointing: single, checkpoints: {local: 2}}
machines: [{system: links.yaml}]
YAML
cat >"$folder/chip.yaml" <<'YAML'
network: {inputs: 24, input_slots: 4, hidden: [12, 8], outputs: 4, max_activity: 0.5}
training: {mode: drawn, batch: 6, time_steps: 4}
machines: [{chip: toy}]
YAML
toy=$folder/toy.yaml chip=$folder/chip.yaml

run() {
    "$program" run -q "$@"
}
# NAME STATUS VALUES BASE: a sweep over VALUES; its reasons are in out.
sweep() {
    printf 'base: %s\nsweep: {%s}\n' "$4" "$3" >"$folder/$1.yaml"
    expect "$1" "$2" "$program" sweep -q "$folder/$1.yaml" --db "$folder/$1.db"
    "$program" report "$folder/$1.db" >"$folder/out" 2>&1
}

# --- links and topologies
expect a_system_of_listed_links_runs 0 run "$toy"
sed 's/to: 3/to: 9/' "$folder/links.yaml" >"$folder/nowhere.yaml"
expect a_link_to_no_chip_is_bad_input 2 "$program" check "$folder/nowhere.yaml"
expect_text its_place_is_in_the_file err "nowhere.yaml:6:82: links.2.to: there is no chip 9; the 4 of the system are 0..3"
expect a_link_set_to_no_chip_is_bad_input 2 run "$toy" --set machines.0.system.links.0.to=7
expect_text its_place_is_in_the_option err "--set:1:30: links.0.to: there is no chip 7; the 4"
expect fewer_chips_leave_a_link_to_none 2 run "$toy" --set machines.0.system.chips=3
expect_text both_places_are_named err "links.yaml:6:82: links.2.to: there is no chip 3; the 3 of the system are 0..2 (--set:1:25: chips)"
sed 's/{from: 1, to: 2, kind: far}, //' "$folder/links.yaml" >"$folder/parts.yaml"
expect a_system_in_parts_is_bad_input 2 "$program" check "$folder/parts.yaml"
expect_text the_parts_are_named err "parts.yaml:6:8: links: the system is in parts; no way leads from chip 0 to chip 2, 3"
sweep a_swept_system_in_parts_fails 1 'machines.0.system.chips: [4, 6]' toy.yaml
expect_text its_place_is_in_the_sweep out "links.yaml:6:8: links: the system is in parts; no way leads from chip 0 to chip 4, 5 ($folder/a_swept_system_in_parts_fails.yaml:2:38: chips)"

# --- layers
layers=[$(printf '2, %.0s' {1..16})2]
sed "s/\[12, 8\]/$layers/" "$chip" >"$folder/deep.yaml"
expect more_layers_than_tiles_are_bad_input 2 run "$folder/deep.yaml"
expect_text the_layers_have_their_place err "deep.yaml:1:47: network.hidden: 17 hidden layers and the output need a tile each, beside tile 0; machines.0 ('toy/sparse') has 16 tiles"
expect check_finds_them_too 2 "$program" check "$folder/deep.yaml"
expect layers_that_are_set_have_their_place 2 run "$chip" --set "network.hidden=$layers"
expect_text it_is_in_the_option err "--set:1:16: network.hidden: 17 hidden layers and the output need a tile each"
expect fewer_tiles_than_layers_are_bad_input 2 run "$chip" --set machines.0.chip.tiles=3
expect_text the_tiles_have_their_place err "has 3 tiles (--set:1:23: machines.0.chip.tiles)"
expect as_many_tiles_as_layers_and_one_will_do 0 run "$chip" --set machines.0.chip.tiles=4
expect layers_on_several_chips_will_do 3 run "$toy" --set "network.hidden=$layers"
expect fewer_chips_than_that_will_not 2 run "$toy" --set "network.hidden=$layers" --set machines.0.chips=1
expect_text the_chips_have_their_place err "has 16 tiles (--set:1:18: machines.0.chips)"
sweep a_swept_number_of_tiles_fails 1 'machines.0.chip.tiles: [3, 16]' chip.yaml
expect_text its_values_place_is_in_the_sweep out "has 3 tiles ($folder/a_swept_number_of_tiles_fails.yaml:2:33: machines.0.chip.tiles)"

# --- plans
expect more_checkpoints_than_steps_are_bad_input 2 run "$toy" --set training.checkpoints.local=5
expect_text the_checkpoints_have_their_place err "--set:1:28: training.checkpoints.local: 5 checkpoints, more than 4 time steps"
expect fewer_steps_than_checkpoints_are_bad_input 2 run "$toy" --set training.time_steps=1
expect_text the_steps_have_their_place err "toy.yaml:2:94: training.checkpoints.local: 2 checkpoints, more than 1 time step (--set:1:21: training.time_steps)"
sweep swept_steps_below_the_checkpoints_fail 1 'training.time_steps: [1, 4]' toy.yaml
expect_text the_swept_steps_have_their_place out "($folder/swept_steps_below_the_checkpoints_fail.yaml:2:31: training.time_steps)"
sed 's/time_steps: 4/time_steps: 4, checkpointing: double/' "$chip" >"$folder/stream.yaml"
expect a_plan_that_cannot_stream_is_refused 3 run "$folder/stream.yaml"
expect_text the_plan_has_its_place err "stream.yaml:2:65: training.checkpointing: double needs streaming memory, and the machine has none; training.checkpointing: none would fit"
expect a_long_sequence_that_cannot_stream_is_refused 3 run "$chip" --set training.checkpointing=offload --set training.time_steps=700
expect_text a_plan_that_fits_is_named err "--set:1:24: training.checkpointing: offload needs streaming memory, and the machine has none; training.checkpointing: single ("
expect inspect_refuses_it_too 3 "$program" inspect "$folder/stream.yaml"
expect_text inspect_names_the_place_too out "stream.yaml:2:65: training.checkpointing: double needs streaming memory"
sweep a_swept_plan_that_cannot_stream_is_a_row 0 'training.checkpointing: [none, single_remote]' chip.yaml
expect_text its_row_has_the_place out "a_swept_plan_that_cannot_stream_is_a_row.yaml:2:40: training.checkpointing: single_remote needs streaming memory"
exit $((failures > 0))
