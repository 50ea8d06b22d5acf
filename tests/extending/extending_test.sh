#!/bin/bash
# Does what docs/EXTENDING.md says, with the very files and commands that stand there.
# usage: extending_test.sh WAY SOURCE_DIR BUILD_DIR C_COMPILER CXX_COMPILER RUNS
# WAY is the tag of the blocks to run: module, package, tree or lone; RUNS, the measurements in them.
#
# What differs from a reader's hands: $HOME is a temporary folder, for `package` and `lone` the clone's
# build/release is this build and ./evdispatch does nothing, and the measurements are short.
set -euo pipefail

way=$1 source_dir=$2 build_dir=$3 runs=$6
document=$source_dir/docs/EXTENDING.md
export CC=$4 CXX=$5 WARMUP=200ms DURATION=500ms

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export HOME=$scratch/home
[ "$way" != package ] || HOME="$scratch/a hömé" # people have such
mkdir -p "$HOME/tax" "$scratch/clone/build"

fail() {
    printf 'extending: %s: %s\n' "$way" "$*" >&2
    exit 1
}

# blocks TAG: what stands in the fenced blocks with that word behind their language.
blocks() {
    awk -v tag="$1" '
        /^```/ { if (inside) { inside = 0; next }
                 inside = 1; wanted = 0
                 for (i = 2; i <= NF; i++) if ($i == tag) wanted = found = 1
                 next }
        inside && wanted
        END { exit !found }' "$document" || fail "$document has no block tagged $1"
}

# run TAG FOLDER: its commands, there, until one fails. measure.sh is one of them, and says how it
# went by its own exit status.
run() {
    blocks "$1" >"$scratch/commands"
    (cd "$2" && bash -eu "$scratch/commands") >>"$scratch/log" 2>&1 ||
        fail "the commands tagged $1 failed: $(tail -40 "$scratch/log")"
}

for file in tax.c modules.json tax.json measure.sh CMakeLists.txt; do
    blocks "file=$file" >"$HOME/tax/$file"
done

case $way in
    tree)
        (cd "$source_dir" && if git rev-parse --git-dir >/dev/null 2>&1; then
            git ls-files -z | while IFS= read -r -d '' file; do
                [ ! -e "$file" ] || printf '%s\0' "$file"
            done | tar -c --null -T -
        else
            tar -c --exclude ./build --exclude ./out .
        fi) | tar -x -C "$scratch/clone"
        run tree "$scratch/clone"
        ;;
    package | lone)
        ln -s "$build_dir" "$scratch/clone/build/release"
        printf '#!/bin/sh\n' >"$scratch/clone/evdispatch"
        chmod +x "$scratch/clone/evdispatch"
        run install "$scratch/clone"
        # What is installed stands alone.
        ! grep -rIl -e "$source_dir" -e "$build_dir" "$HOME/evdispatch/lib/cmake" \
            "$HOME/evdispatch/include" || fail "the files above name the source or the build"
        run "$way" "$HOME/tax"
        ;;
    module)
        # The launcher of this tree over this build, which is there: only its own cmake calls do something.
        cp -r "$source_dir/evdispatch" "$source_dir/launcher" "$source_dir/CMakeLists.txt" \
            "$source_dir/packages.txt" "$scratch/clone"
        mkdir -p "$scratch/clone/loadgen" "$scratch/clone/tests" "$scratch/bin"
        cp -r "$source_dir/tests/instructions" "$scratch/clone/tests"
        cp -r "$source_dir/loadgen/studies" "$scratch/clone/loadgen"
        ln -s "$build_dir" "$scratch/clone/build/release"
        printf '#!/bin/sh\ncase "$*" in *--preset*) exit 0 ;; *) exec %s "$@" ;; esac\n' \
            "$(command -v cmake)" >"$scratch/bin/cmake"
        chmod +x "$scratch/bin/cmake"
        export PATH=$scratch/bin:$PATH EVDISPATCH_SKIP_SETUP=1
        blocks module >"$scratch/commands"
        # Cut short; a busy machine may leave a trial without an answer in its time, as below.
        # shellcheck disable=SC2016 # the commands' shell expands it
        sed -i 's/$/ --out "$HOME\/study" -- --blocks 1 --warmup 0 --duration 50ms/' "$scratch/commands"
        (cd "$scratch/clone" && bash -eu "$scratch/commands") >"$scratch/log" 2>&1 || [ $? -eq 1 ] ||
            fail "the study failed: $(cat "$scratch/log")"
        trials=$HOME/study/trials.jsonl
        [ "$(grep -c '"server_exit":0' "$trials")" -ge 12 ] || fail "not 12 trials: $(cat "$scratch/log")"
        ! grep -q '"first_bad":{' "$trials" || fail "a reply of the study was bad"
        [ -s "$HOME/study/report.md" ] || fail "the study made no report"
        grep -q '^# Three ways of dispatch, for api.tax$' "$HOME/study/report.md" || fail "the report is of something else"
        if command -v valgrind >/dev/null; then
            grep -q 'as the scenario `tax` has it (the mean of its 2 requests,' "$HOME/study/report.md" ||
                fail "no instructions are in the report: $(cat "$scratch/log")"
            [ "$(grep -c '"instructions":[0-9]' "$HOME/study/instructions.json")" -eq 5 ] || fail "not of all arms"
        fi
        grep -qF "./evdispatch study --module $HOME/tax --scenario $HOME/tax/tax.json" "$HOME/study/report.md" ||
            fail "the report does not say how to repeat it"
        # An answer that is not the expected one is said before the study, and what it was.
        sed -i 's/1070/1071/' "$HOME/tax/tax.json"
        ! (cd "$scratch/clone" && bash -eu "$scratch/commands") >"$scratch/wrong" 2>&1 ||
            fail "a wrong answer went unseen"
        grep -q '"expected":"1071","got":"1070"' "$scratch/wrong" || fail "it is not said: $(cat "$scratch/wrong")"
        : >"$scratch/log"
        ;;
    *) fail "no such way" ;;
esac

# Every run was made, and every reply in it was good: measure.sh would have failed.
[ "$(grep -c '^== ' "$scratch/log" || true)" -eq "$runs" ] || fail "not $runs runs: $(cat "$scratch/log")"

if [ "$way" = package ]; then
    # The layouts are the server, its code in another order each, the module's among it.
    bash "$source_dir/tests/server/layouts_test.sh" "$HOME"/tax/build/bin/tax-server "$HOME"/tax/build/layouts/tax-server-{1,2,8} \
        >"$scratch/layouts" 2>&1 || fail "the layouts are none: $(cat "$scratch/layouts")"
    places=$(for program in "$HOME"/tax/build/layouts/tax-server-?; do
        nm --numeric-sort "$program" | grep -n ' evd_module_tax$\| open_tax$' | cut -d: -f1
    done | sort -u | wc -l)
    [ "$places" -gt 8 ] || fail "the module stands at the same place of all layouts: $places places"
    mkdir "$scratch/many"
    sed 's/LAYOUTS 8/LAYOUTS 31/' "$HOME/tax/CMakeLists.txt" >"$scratch/many/CMakeLists.txt"
    cp "$HOME/tax/tax.c" "$scratch/many"
    ! cmake -S "$scratch/many" -B "$scratch/many/build" -DCMAKE_PREFIX_PATH="$HOME/evdispatch" >"$scratch/many/log" 2>&1 ||
        fail 'more layouts than a design may ask for'
    grep -q "LAYOUTS is '31', not a number from 1 to 30" "$scratch/many/log" || fail "it is not said: $(cat "$scratch/many/log")"
    # What only the server has is not there for a module: said when it is linked, not when it runs.
    (
        mkdir "$scratch/reaching" && cd "$scratch/reaching"
        sed 's/int rc = evd_json(call/extern int evd_dispatch_watch(int);\n    int rc = evd_dispatch_watch(0) + evd_json(call/' \
            "$HOME/tax/tax.c" >tax.c
        sed '/^evd_add_server/d' "$HOME/tax/CMakeLists.txt" >CMakeLists.txt
        cmake -B build -DCMAKE_PREFIX_PATH="$HOME/evdispatch"
        ! cmake --build build
    ) >"$scratch/reaching.log" 2>&1 || fail "a module reaches into the server: $(cat "$scratch/reaching.log")"
    grep -q 'undefined reference.*evd_dispatch_watch\|undefined symbol.*evd_dispatch_watch' \
        "$scratch/reaching.log" || fail "it is not said why: $(cat "$scratch/reaching.log")"

    # A wrong answer is seen: what was good above was checked.
    sed -i 's/1070/1071/' "$HOME/tax/tax.json"
    (cd "$HOME/tax" && PATH=$HOME/evdispatch/bin:$PATH bash measure.sh build/bin/tax-server) \
        >"$scratch/wrong" 2>&1 && fail "a wrong answer went unseen: $(cat "$scratch/wrong")"
    sed -i 's/1071/1070/' "$HOME/tax/tax.json"

    # The study, cut short. A busy machine may leave a trial without an answer in its time, which is
    # for the study to say; here counts that every server started and ended well and no reply was bad.
    run design "$HOME/tax"
    sed -i 's/"blocks": [0-9]*/"blocks": 1/; s/"repeats": [0-9]*/"repeats": 0/' \
        "$HOME/tax/study.json"
    blocks study >"$scratch/commands"
    (cd "$HOME/tax" && PATH=$HOME/evdispatch/bin:$PATH bash -eu "$scratch/commands") \
        >"$scratch/study" 2>&1 || [ $? -eq 1 ] || fail "the study failed: $(cat "$scratch/study")"
    trials=$HOME/tax/study/trials.jsonl
    [ "$(grep -c '"server_exit":0' "$trials")" -eq 12 ] ||
        fail "the study has not 12 trials whose server ended well: $(cat "$scratch/study")"
    ! grep -q '"first_bad":{' "$trials" || fail "a reply of the study was bad"
    [ -s "$HOME/tax/study/report.md" ] || fail "the study made no report"
fi
printf 'extending: %s: ok\n' "$way"
