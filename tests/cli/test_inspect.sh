#!/bin/bash
# test_inspect.sh PROGRAM: what `tilesim inspect` shows and refuses. Run from the top of the tree.
# Prints the lines that cmocka prints; tools/run_tests.sh counts them.
set -u
program=$1
. tests/cli/harness.bash
toy=configs/experiments/toy.yaml

# NAME EXPRESSION: of jansson's output, one value a line: `key.key.0 value`.
expect_value() {
    verdict "$1" "no line \"$2\"" grep -qxF -- "$2" "$folder/values"
}
flatten() { # FILE: leaves of JSON as `path value`, in awk: the writer puts one value or bracket a line
    awk '
        function path(    i, text) { for (i = 1; i <= depth; i++) text = text (i > 1 ? "." : "") key[i]; return text }
        {
            line = $0; sub(/^ */, "", line); sub(/,$/, "", line)
            if (line ~ /^[\]}]+$/) { depth--; next }
            if (is_array[depth]) key[depth] = count[depth]++
            if (match(line, /^"[^"]*": /)) { key[depth] = substr(line, 2, RLENGTH - 4); line = substr(line, RLENGTH + 1) }
            if (line == "{" || line == "[") { depth++; is_array[depth] = line == "["; count[depth] = 0 }
            else print path() " " line
        }' "$1"
}

inspect() {
    "$program" inspect "$@"
}

# --- the terminal
expect a_training_experiment_is_inspected 0 inspect $toy
expect_line machines_have_a_summary out "  chip         toy, 16 tiles at 1.85 GHz"
verdict the_hidden_layer_lies_on_its_tiles "other tiles" \
    grep -qE '^  1 +12 +6 +6 +1\.\.6 ' "$folder/out"
verdict loops_are_indented "no loop" grep -qx "  loop 4 times" "$folder/out"
verdict no_line_ends_in_blanks "blanks" sh -c "! grep -q ' \$' '$folder/out'"
verdict no_colours_in_a_pipe "escape found" sh -c "! grep -q $'\033' '$folder/out'"
expect one_machine_is_shown_alone 0 inspect $toy --machine toy/dense
verdict no_other_machine_is_shown "toy/sparse" sh -c "! grep -q toy/sparse '$folder/out'"
expect an_unknown_machine_is_bad_input 2 inspect $toy --machine toy/spars
expect_line an_unknown_machine_is_answered_by_the_machines err \
    "--machine=toy/spars: there is none of this name; there are: toy/sparse, toy/dense"
expect one_tile_is_shown 0 inspect $toy --machine toy/sparse --tile 3
expect_line the_tile_is_named out "toy/sparse: tile 3"
verdict the_tile_runs_its_vertices "other vertices" \
    grep -qE '^  13 F3 neuron update +lif_update +6 +36$' "$folder/out"
expect a_tile_beyond_the_chip_is_bad_input 2 inspect $toy --machine toy/sparse --tile 16
expect_line a_tile_beyond_the_chip_is_explained err \
    "--tile=16: the program of toy/sparse has the tiles 0..15"
expect a_tile_is_a_number 2 inspect $toy --tile three
expect what_does_not_fit_is_status_3 3 inspect $toy --set 'network.hidden=[1466]'
verdict what_does_not_fit_is_said "no reason" grep -q "^  tile 15: SRAM region 'region0' needs " "$folder/out"
if script -qec true /dev/null >/dev/null 2>&1; then
    expect a_narrow_terminal_is_served 0 \
        script -qec "stty cols 72; TERM=xterm NO_COLOR= '$program' inspect $toy --machine toy/sparse" /dev/null
    verdict its_lines_are_not_wider "a wide line" sh -c \
        "! sed 's/\x1b\[[0-9]*m//g; s/\r//' '$folder/out' | grep -v 'wider terminal' | grep -q '.\{73\}'"
    verdict a_terminal_gets_colours "no escape" grep -q $'\033\[36m' "$folder/out"
    expect a_terminal_without_colours_is_served 0 script -qec "NO_COLOR=1 TERM=xterm '$program' inspect $toy" /dev/null
    verdict no_color_is_obeyed "escape found" sh -c "! grep -q $'\033' '$folder/out'"
else # a container without /dev/pts has no terminals to give
    for name in a_narrow_terminal_is_served its_lines_are_not_wider a_terminal_gets_colours \
        a_terminal_without_colours_is_served no_color_is_obeyed; do
        echo "[  SKIPPED ] $name"
    done
fi

# --- JSON
expect json_goes_to_standard_output_alone 0 inspect $toy --json -
verdict json_is_alone "first character" [ "$(head -c 1 "$folder/out")" = "{" ]
flatten "$folder/out" >"$folder/values"
expect_value json_has_ops 'graph.ops.0.op "connect"'
expect_value json_has_tensors 'graph.tensors.0.name "input"'
expect_value json_has_layers 'machines.0.layers.1.neurons 12'
expect_value json_has_tiles_of_parameters 'machines.0.layers.1.parameter_tiles.count 6'
expect_value json_has_steps 'machines.0.steps.5.name "F0 loop counter"'
expect_value json_has_codelets 'machines.0.steps.13.groups.0.codelet "lif_update"'
expect_value json_has_flows 'machines.0.steps.6.flows.0.kind "broadcast"'
expect_value json_has_sram 'machines.0.sram.limit_bytes 98304'
verdict json_has_sram_of_every_tile "other tiles" \
    [ "$(grep -c '^machines.0.sram.bytes_by_tile' "$folder/values")" -eq 16 ]
total=$(sed -n 's/^machines.0.cycles.total //p' "$folder/values")
sum=$(grep -E '^machines\.0\.steps\.[0-9]+\.cycles ' "$folder/values" | awk '{ sum += $2 } END { printf "%.1f", sum }')
verdict cycles_of_the_steps_add_up "$sum, but in total $total" [ "$sum" = "$total" ]
"$program" run -q $toy --set training.mode=drawn --json "$folder/run.json" 2>"$folder/err"
verdict the_cycles_are_those_of_a_drawn_run "other cycles than $total" \
    grep -q "\"cycles_per_training_step\": ${total%.*}," "$folder/run.json"
expect json_to_a_full_device_is_a_fault 1 inspect $toy --json /dev/full

# --- checkpoints
plan="--set training.time_steps=100 --set training.checkpointing=nested --set training.checkpoints.local=4 --set training.checkpoints.levels=3"
# shellcheck disable=SC2086
expect a_plan_is_inspected 0 inspect $toy $plan --set machines.0.chip.tile.regions.0.bytes=65536 --json "$folder/plan.json"
verdict sections_have_headings "no section" grep -qE '^  section: forward again, history kept  .* 100 ' "$folder/out"
verdict calls_stand_in_the_main_part "no call" grep -qE '^ +call forward again [0-9]+ times' "$folder/out"
calls=$(sed -n '/^  main part/,/^$/p' "$folder/out" | grep -c 'call ')
verdict a_plan_of_100_time_steps_is_short "$calls calls" [ "$calls" -gt 5 -a "$calls" -lt 120 ]
verdict steps_name_their_section "no section" grep -q '"section": "backward"' "$folder/plan.json"

# --- microbenchmarks
expect a_microbenchmark_shows_its_program 0 inspect configs/validation/exchange/broadcast.yaml
verdict the_exchange_is_a_step "no step" grep -qE '^  0 broadcast ' "$folder/out"
verdict what_it_yields_is_shown "no quantity" grep -qE '^  cycles  ' "$folder/out"
for series in configs/validation/*/*.yaml; do
    "$program" inspect "$series" --json - >"$folder/out" 2>"$folder/err"
    got=$?
    [ $got -eq 0 ] || [ $got -eq 3 ] || break
done
verdict every_validation_file_is_inspected "$series: exit status $got" [ "$got" -eq 0 -o "$got" -eq 3 ]

exit $((failures > 0))
