#!/bin/bash
# test_docs.sh PROGRAM: what the documents name is there: the README's command lines run, the options of docs/cli.md are
# the program's, paths and targets exist. Run from the top of the tree. Prints the lines that cmocka prints;
# tools/run_tests.sh counts them.
set -u
program=$(realpath "$1")
. tests/cli/harness.bash
top=$PWD

# --- the README's command lines ---
# Indented lines, continued ones joined, without comments.
commands_of() {
    sed -e ':join' -e '/\\$/{N;s/\\\n *//;b join' -e '}' "$1" |
        sed -nE 's,^    build/release/(tilesim .*),\1,p' | sed -E 's/  +#.*//'
}
# Of two --set of a key the later wins: what would take long at the README's size runs at a smaller one.
smaller() {
    case $1 in
    *checkpointing=double*) echo "$1 --set training.time_steps=60" ;;
    *published-figure*--db*) echo "$1 --shard 1/12" ;;
    *) echo "$1" ;;
    esac
}
tilesim() {
    "$program" "$@"
}
cp -r configs "$folder/configs"
sed -nE '/^    # mine.yaml/,/^$/s/^    //p' README.md >"$folder/mine.yaml"
cd "$folder" || exit 1
commands_of "$top/README.md" >commands
verdict the_readme_has_command_lines "few found" [ "$(wc -l <commands)" -ge 6 ]
while read -r command; do
    expect "it_runs: $(tr ':' ' ' <<<"$command")" 0 eval "$(smaller "$command")"
done <commands
for file in plan.html figure.html step.html step.json figure.db; do
    verdict "the_readme_s_$file""_is_written" "no file" [ -s $file ]
done
cd "$top" || exit 1

# --- options of docs/cli.md ---
options_in() {
    grep -oE -- '--[a-z][a-z-]+' | sort -u
}
synopsis_of() { # COMMAND
    awk -v command="$1" '/^    tilesim / { shown = $2 == command } /^$/ && NR > 2 { exit } shown' docs/cli.md
}
section_of() {
    awk -v title="## $1" '/^## / { shown = $0 == title } shown' docs/cli.md
}
for command in run validate calibrate sweep check inspect fit report; do
    "$program" $command --help | grep -E '^ +(-., )?--' | options_in | grep -vxE -e '--help|--usage' >"$folder/known"
    { synopsis_of $command; section_of $command; } | options_in >"$folder/told"
    verdict "options_of_${command}_are_documented" "$(comm -23 "$folder/known" "$folder/told")" \
        [ -z "$(comm -23 "$folder/known" "$folder/told")" ]
    synopsis_of $command | options_in >"$folder/told"
    verdict "documented_options_of_${command}_exist" "$(comm -13 "$folder/known" "$folder/told")" \
        [ -z "$(comm -13 "$folder/known" "$folder/told")" ]
done
for what in $(section_of list | grep -oE '^[^(]*`.*' | grep -oE '`[a-z-]+`' | tr -d '`'); do
    expect "list_has_what_is_documented: $what" 0 "$program" list "$what"
done

# --- paths and targets ---
missing=""
for path in $(grep -rhoE '(docs|sim|tiles|exchange|gpu|workloads|report|configs|tests|tools)/[A-Za-z0-9_./-]+\.(md|c|h|yaml|sh|js|json|py)\b' README.md docs | sort -u); do
    case $path in
    */NAME.yaml | */mine.c | */adaptive_lif.c) ;; # the reader's own
    *) [ -e "$path" ] || missing="$missing $path" ;;
    esac
done
verdict paths_that_documents_name_exist "$missing" [ -z "$missing" ]
missing=""
for link in $(grep -rhoE '\]\([^):]+\.md' docs | sed 's/.*(//' | sort -u); do
    [ -e "docs/$link" ] || missing="$missing $link"
done
verdict links_between_documents_lead_somewhere "$missing" [ -z "$missing" ]
missing=""
for target in $(grep -rhoE '(`|    )make [a-z-]+' README.md docs | sed 's/.*make //' | sort -u); do
    grep -qE "^$target:.* ## " Makefile || missing="$missing $target"
done
verdict targets_that_documents_name_exist "$missing" [ -z "$missing" ]

[ $failures -eq 0 ]
