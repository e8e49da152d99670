#!/bin/bash
# test_validation.sh PROGRAM: microbenchmarks, points, validate and calibrate as a user sees them. Run from the
# top of the tree. Prints the lines that cmocka prints; tools/run_tests.sh counts them.
set -u
program=$(realpath "$1")
. tests/cli/harness.bash
top=$PWD

# Configurations of their own: the chip with two values to fit, one series whose two points differ in the
# measured value alone.
mkdir -p "$folder/configs/validation/probe"
cp -r configs/chips configs/gpus configs/experiments "$folder/configs"
cd "$folder" || exit 1
export TILESIM_CONFIGS=$folder/configs
chip=configs/chips/probe.yaml
cat >$chip <<'END'
# a chip of its own
base: gc2
exchange: {sync_cycles: 100} # an odd place for a value
uncertain:
  - {key: exchange.sync_cycles, low: 10, high: 400, fitted_to: probe/pair, why: "a {test}"} # stays
END
series=configs/validation/probe/pair.yaml
cat >$series <<'END'
experiment: pair
workload: {kind: exchange, pattern: pair, from: 0, to: 1}
machines: [{chip: probe}]
validation:
  group: probe
  series: pair
  quantity: cycles
  source: made up
  points:
    - {id: low, measured: 200}
    - {id: high, set: ["seed=2"], measured: 250}
    - {id: by-hand, hand: 200}
END

run() {
    "$program" run "$@"
}

# --- microbenchmarks
expect a_microbenchmark_runs 0 run $series --json "$folder/a.json"
expect_text a_microbenchmark_prints_its_quantities out "cycles"
expect_text a_microbenchmark_trains_nothing a.json '"workload": "exchange"'
verdict the_resolved_config_has_no_network "it has" sh -c "! grep -q '\"network\"' $folder/a.json"
expect an_unknown_kind_is_bad_input 2 run $series --set workload.kind=exchnge
expect_text an_unknown_kind_gets_a_suggestion err "did you mean 'exchange'?"
expect an_unknown_key_of_the_kind_is_bad_input 2 run $series --set workload.patern=pairs
expect_text an_unknown_key_of_the_kind_gets_a_suggestion err \
    "--set:1:10: workload.patern: unknown key; did you mean 'pattern'?"
expect a_gpu_cannot_run_a_workload_of_chips 2 run $series --set 'machines=[{gpu: h100}]'
expect_text the_wrong_machine_is_located err \
    "--set:1:11: machines.0: 'h100' is a GPU; workload.kind: exchange runs on chips"
expect tensors_of_a_microbenchmark_are_refused 2 run $series --dump "$folder/dump"
expect check_takes_a_validation_file 0 "$program" check $series
expect inspect_takes_a_validation_file 0 "$program" inspect $series

# --- points
expect a_point_runs_alone 0 run $series --point high --json "$folder/b.json"
expect_text a_point_sets_its_keys b.json '"seed": 2'
expect a_set_comes_after_the_point 0 run $series --point high --set seed=3 --json "$folder/b.json"
expect_text a_set_wins_over_the_point b.json '"seed": 3'
expect an_unknown_point_is_bad_input 2 run $series --point hihg
expect_text an_unknown_point_gets_a_suggestion err "there is no point 'hihg'; did you mean 'high'?"

# --- uncertain
wrong() { # NAME SED MESSAGE: the chip, changed by sed, gives the message
    sed "$2" $chip >"$folder/configs/chips/wrong.yaml"
    expect "${1}_is_bad_input" 2 "$program" check configs/chips/wrong.yaml
    expect_text "${1}_is_located" err "configs/chips/wrong.yaml:$3"
}
wrong an_uncertain_key_that_is_none 's/sync_cycles, low/sync, low/' \
    "5:11: uncertain.0.key: there is no number 'exchange.sync' in this file"
wrong a_range_upside_down 's/low: 10,/low: 1000,/' "5:11: uncertain.0: low = 1000 is not below high = 400"
wrong a_value_outside_its_range 's/low: 10,/low: 101,/' \
    "3:25: exchange.sync_cycles: 100 is outside 101..400, its range in uncertain.0"
rm -f configs/chips/wrong.yaml
expect a_set_may_leave_the_range 0 run $series --set machines.0.chip.exchange.sync_cycles=500 --json "$folder/c.json"
verdict a_left_range_is_not_in_the_resolved_config "it is" sh -c "! grep -q '\"high\": 400' $folder/c.json"

# --- validate
expect validate_runs 0 "$program" validate -v --json "$folder/v.json"
expect_text validate_counts_measured_points out "all of probe"
expect_text validate_prints_every_point out "by-hand (hand)"
expect_text validate_names_what_is_fitted out "exchange.sync_cycles"
expect_text the_json_has_every_point v.json '"id": "high"'
expect an_unknown_group_is_bad_input 2 "$program" validate --group prob
expect_text an_unknown_group_gets_a_suggestion err "did you mean 'probe'?"
expect_point_error() { # NAME SED MESSAGE
    cp $series "$folder/kept.yaml"
    sed -i "$2" $series
    expect "${1}_is_bad_input" 2 "$program" validate
    expect_text "${1}_is_located" err "$3"
    cp "$folder/kept.yaml" $series
}
expect_point_error an_unknown_quantity 's/quantity: cycles/quantity: cycle/' \
    "pair.yaml:7:13: validation.quantity: there is no 'cycle'; there are: cycles"
expect_point_error a_point_of_two_values 's/hand: 200/hand: 1, measured: 2/' \
    "pair.yaml:12:40: validation.points.2: 'by-hand' has two values; one of measured and hand is needed"
expect_point_error a_point_given_twice 's/id: high/id: low/' "validation.points.1.id: 'low' is the id of points.0 too"
expect_point_error a_group_that_is_not_the_folder 's/group: probe/group: prob/' \
    "pair.yaml:5:10: validation.group: 'prob', but the file is in the folder of 'probe'"
expect_point_error a_wrong_set 's/seed=2/sed=2/' "pair.yaml --point high: --set:1:1: sed: unknown key"
sed -i 's/seed=2/workload.to=5000/' $series
expect a_point_that_does_not_fit_is_status_3 3 "$program" validate
expect_text a_point_that_does_not_fit_is_named out "probe/pair high: "
cp "$folder/kept.yaml" $series
expect one_process_gives_the_same 0 "$program" validate -j1 --json "$folder/w.json"
verdict the_number_of_processes_does_not_matter "they differ" \
    cmp -s <(grep -v host_seconds "$folder/v.json") <(grep -v host_seconds "$folder/w.json")

# --- expected errors
expect expected_errors_are_saved 0 "$program" validate --save-expected "$folder/e.json"
expect equal_errors_are_as_expected 0 "$program" validate --expect "$folder/e.json"
sed -i 's/exchange: {sync_cycles: 100}/exchange: {sync_cycles: 20}/' $chip
expect a_model_that_got_worse_is_a_fault 1 "$program" validate --expect "$folder/e.json"
expect_text a_model_that_got_worse_is_named err "tilesim: probe/pair: the mean error of measured points grew from"
sed -i 's/exchange: {sync_cycles: 20}/exchange: {sync_cycles: 100}/' $chip
echo '{}' >"$folder/e.json"
expect a_series_that_nobody_expects_is_a_fault 1 "$program" validate --expect "$folder/e.json"
expect expected_errors_that_are_not_there_are_bad_input 2 "$program" validate --expect "$folder/none.json"

# --- calibrate: cycles = sync + way. The best of two points is their geometric mean, 224 of 200 and 250: errors
# 12 % and 10.4 %. Left out, each is predicted by the other: 25 % and 20 %.
cp $chip "$folder/before.yaml"
expect a_dry_run_calibrates 0 "$program" calibrate --group probe --dry-run
expect_text a_dry_run_prints_the_residual out "11.20 %"
expect_text a_dry_run_prints_the_error_of_points_left_out out "22.50 %"
verdict a_dry_run_writes_nothing "changed" cmp -s $chip "$folder/before.yaml"
chmod 664 $chip
expect calibrate_calibrates 0 "$program" calibrate --group probe
verdict calibrate_keeps_the_mode "$(stat -c %a $chip)" [ "$(stat -c %a $chip)" = 664 ]
expect_text calibrate_writes_residuals $chip "high: 400, residual: 0.112, left_out: 0.225, fitted_to"
expect_text calibrate_keeps_comments $chip 'why: "a {test}"} # stays'
verdict calibrate_changes_two_lines_alone "more" \
    [ "$(diff "$folder/before.yaml" $chip | grep -c '^>')" -eq 2 ]
expect_text calibrate_keeps_what_follows_a_value $chip "} # an odd place for a value"
expect the_fitted_point_runs 0 run $series --json "$folder/f.json"
expect_text the_fitted_point_is_their_geometric_mean f.json '"cycles": 224'
cp $chip "$folder/once.yaml"
mv $chip "$folder/elsewhere.yaml" && chmod 640 "$folder/elsewhere.yaml" && ln -s "$folder/elsewhere.yaml" $chip
expect calibrate_again 0 "$program" calibrate --group probe/pair
verdict calibrate_keeps_a_link_and_the_mode_behind_it "$(ls -l $chip "$folder/elsewhere.yaml")" \
    [ -L $chip -a "$(stat -Lc %a $chip)" = 640 ]
verdict calibrating_twice_changes_nothing "changed" cmp -s $chip "$folder/once.yaml"
rm $chip
# the entry as a block, the value inherited: written where it stands
cat >configs/chips/probe.yaml <<'END'
base: probe-base.yaml
uncertain:
  - key: exchange.sync_cycles
    low: 10
    high: 400 # wide
    fitted_to: probe
END
printf 'base: gc2\nname: probe\nexchange:\n  sync_cycles: 100  # here\n' >configs/chips/probe-base.yaml
expect calibrate_follows_a_base 0 "$program" calibrate --group probe
verdict the_base_is_written "it is not" grep -qE '^  sync_cycles: 1[0-9][0-9]  # here$' configs/chips/probe-base.yaml
verdict a_block_gets_lines "no" [ "$(sed -n 6,7p $chip | tr -d '\n')" = "    residual: 0.112    left_out: 0.225" ]
expect nothing_to_fit_is_bad_input 2 "$program" calibrate --group probe/pair
expect_text nothing_to_fit_is_said err "nothing is fitted to probe/pair"
expect calibrate_needs_a_group 2 "$program" calibrate
cp $chip "$folder/once.yaml"
sed -i 's/sync_cycles: [0-9]*/sync_cycles: 50/' configs/chips/probe-base.yaml
for _ in $(seq 100); do
    echo "# a file that is longer than the limit below"
done >>configs/chips/probe-base.yaml
cp configs/chips/probe-base.yaml "$folder/base.yaml"
expect a_file_that_cannot_be_written_is_a_fault 1 \
    sh -c "ulimit -f 1; '$program' calibrate --group probe >/dev/null"
expect_text a_file_that_cannot_be_written_is_named err "probe-base.yaml: cannot write the fitted values: File too large"
verdict a_file_that_cannot_be_written_is_left_as_it_was "changed" \
    cmp -s configs/chips/probe-base.yaml "$folder/base.yaml"
verdict no_part_of_a_file_is_left "files" [ "$(find configs/chips -name 'probe*' | wc -l)" -eq 2 ]

# Two values that are known, from points that the model made with them.
cat >$chip <<'END'
base: gc2
exchange: {sync_cycles: 90, latency_cycles_per_column: 11}
uncertain:
  - {key: exchange.sync_cycles, low: 50, high: 200, fitted_to: probe}
  - {key: exchange.latency_cycles_per_column, low: 0, high: 30, fitted_to: probe/pair}
END
sed -i '/^validation:/,$d' $series
points=""
for to in 1 81 201 321 441 561 681 801 921 1041 1161; do
    run $series -q --json "$folder/p.json" --set workload.to=$to --set machines.0.chip.exchange.sync_cycles=117 \
        --set machines.0.chip.exchange.latency_cycles_per_column=13.25
    cycles=$(grep -o '"cycles": [0-9.]*' "$folder/p.json" | sed 's/.* //')
    points="$points    - {id: to-$to, set: [workload.to=$to], measured: $cycles}
"
done
cat >>$series <<END
validation:
  group: probe
  series: pair
  quantity: cycles
  source: the model itself
  points:
$points
END
expect two_values_are_fitted 0 "$program" calibrate --group probe
verdict two_values_are_found_again "not" grep -qE 'sync_cycles: 11[678], latency_cycles_per_column: 1[23]\.' $chip
verdict points_of_the_model_leave_no_residual "some" \
    [ "$(grep -cE 'residual: 0(\.000[0-9])?, left_out: 0(\.00[0-9]*)?, ' $chip)" -eq 2 ]

# --- the shipped points
cd "$top" || exit 1
export TILESIM_CONFIGS=$top/configs
expect the_errors_of_the_shipped_points_are_as_expected 0 \
    "$program" validate --expect tests/validation/expected.json
exit $((failures > 0))
