#!/bin/bash
# test_bands.sh PROGRAM: error bands as they are written, and the published claim. Run from the top of the tree.
set -u
program=$(realpath "$1")
. tests/cli/harness.bash
top=$PWD

cp -r configs "$folder/configs"
cd "$folder" || exit 1
export TILESIM_CONFIGS=$folder/configs
rm -r configs/validation/claim # has a test below
echo '  - {of: sparse, hardware: gc2, relative: 9, source: "typed in"}' >>configs/chips/gc2.yaml

"$program" validate --write-bands >out 2>err
verdict bands_are_written "exit status $?: $(cat err)" [ -s out ]
verdict a_measured_band_names_its_series "$(cat configs/chips/bow.yaml)" \
    grep -q 'of: sparse_per_sample, hardware: bow, relative: 0.*source: "training/sparse_bptt: 6 points' configs/chips/bow.yaml
verdict what_was_never_measured_is_an_estimate "$(cat configs/chips/bow.yaml)" \
    grep -q 'of: dense, hardware: bow.*is_estimate: true, source: "estimate: no dense training step' configs/chips/bow.yaml
verdict a_codelet_s_band_is_from_its_own_points "$(cat configs/chips/gc2.yaml)" \
    grep -q 'of: vertex/random, hardware: gc2, relative: 0.*source: "vertices/prng: 1 point' configs/chips/gc2.yaml
verdict other_codelets_get_an_estimate "$(cat configs/chips/gc2.yaml)" \
    grep -q 'of: vertex, hardware: gc2, .*is_estimate: true, source: "estimate: this codelet was never measured; 2 times' configs/chips/gc2.yaml
"$program" run configs/validation/vertices/prng.yaml >out 2>err
verdict a_measured_codelet_gets_its_band "$(cat out err)" grep -q "vertices/prng: 1 point" out
"$program" run configs/validation/vertices/prng.yaml --set workload.codelet=memset --set workload.operation=add >out 2>err
verdict a_codelet_without_a_band_gets_the_estimate "$(cat out err)" grep -q "this codelet was never measured" out
verdict a_section_is_replaced_as_a_whole "$(tail -3 configs/chips/gc2.yaml)" sh -c "! grep -q 'typed in' configs/chips/gc2.yaml"
sed '/^error_band:/,$d' configs/chips/gc2.yaml >now
sed '/^error_band:/,$d' "$top/configs/chips/gc2.yaml" >before
verdict comments_stay "other lines differ" cmp -s now before
cp -r configs/chips once
"$program" validate --write-bands >out 2>err
verdict writing_twice_changes_nothing "it does" diff -r once configs/chips
"$program" validate --group exchange --write-bands >out 2>err
verdict bands_need_all_groups "it ran" grep -q "needs all groups" err

# of FOLDER: what, where and how wide, a line each
bands() {
    cat "$1"/chips/*.yaml "$1"/gpus/*.yaml | sed -n 's/.*{of: \([a-z0-9_/]*\), hardware: \([a-z0-9-]*\), relative: \([0-9.e-]*\),.*/\1 \2 \3/p'
}
paste -d ' ' <(bands "$top/configs") <(bands configs) >both
verdict bands_are_those_of_the_errors_of_now "run \`make validate-expected\`: $(cat both)" \
    awk '{ d = $3 - $6; if ($1 $2 != $4 $5 || d > 0.01 || d < -0.01) { bad = 1 } } END { exit bad || NR < 20 }' both

# A claim of two points.
mkdir -p configs/validation/claim
cat >configs/validation/claim/toy.yaml <<'END'
base: ../../experiments/toy.yaml
machines: [{name: tiles, chip: toy}, {gpu: a100-80, baselines: [b0, b2]}]
validation:
  group: claim
  series: toy
  quantity: speedup
  source: made up
  claimed: [2, 1000000]
  points:
    - {id: few, set: ["network.max_activity=0.1"]}
    - {id: many, set: ["network.max_activity=0.5"]}
END
"$program" validate --group claim --json claim.json >out 2>err
verdict a_claim_is_held_against_every_program "$(cat out err)" grep -q "tiles over a100-80/b2 *2 " out
verdict every_point_of_a_claim_is_a_row "$(cat out)" sh -c "grep -q '^  few ' out && grep -q '^  many ' out"
verdict where_a_claim_is_met_is_said "$(cat out)" grep -q "tiles over a100-80/b0: 2 x is met" out
verdict a_claim_is_in_the_json "$(head -20 claim.json)" grep -q '"over": "a100-80/b2"' claim.json
"$program" run configs/validation/claim/toy.yaml --point few --json few.json -q
verdict a_point_of_a_claim_runs_alone "no ratio" grep -q "$(grep -m1 '"ratio"' claim.json | tr -d ' ,')" \
    <(tr -d ' ,' <few.json)
sed -i 's/id: few,/id: few, measured: 3,/' configs/validation/claim/toy.yaml
"$program" validate --group claim >out 2>err
verdict a_claim_s_point_has_no_value "$(cat err)" grep -q "'few' has a value; with claimed it has none" err

[ $failures -eq 0 ]
