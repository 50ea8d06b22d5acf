#!/usr/bin/env bash
# Runs fuzz targets.
#
#   fuzz.sh list                                  their names and what they hold to
#   fuzz.sh short BIN TARGET                      a run by count, the same each time: a test
#   fuzz.sh run BIN OUT SECONDS JOBS [TARGET]...  so long each, so many at a time; all without TARGET
#
# BIN: the folder of the programs fuzz_TARGET. OUT gets a folder a target: what libFuzzer added to
# the corpus, its log, the findings, and run.tsv, a line for ledger.sh. EVD_FUZZ_SEED: libFuzzer's
# seed: with one the same program tries the same inputs in the same order, as many as there is time
# for; without, others each time. Exit: 0 no finding; 1 one, or a target that did not run; 2 usage.
set -euo pipefail

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
readonly here

targets() { awk '/^[a-z]/ { print $1 }' "$here/targets.txt"; }
column() { awk -v name="$1" -v i="$2" '$1 == name { print $i }' "$here/targets.txt"; }
die() { printf 'fuzz: %s\n' "$1" >&2; exit "${2:-1}"; }

list() { awk '/^[a-z]/ { name = $1; $1 = $2 = $3 = ""; sub(/^ +/, ""); printf "%-14s %s\n", name, $0 }' "$here/targets.txt"; }

# The arguments that every run of a target has.
arguments() {
    printf '%s\n' "-max_len=$(column "$1" 3)" -timeout=20 -rss_limit_mb=1024 -verbosity=1
    [[ ! -e $here/$1.dict ]] || printf '%s\n' "-dict=$here/$1.dict"
}

short() {
    local bin=$1 name=$2 work code=0
    local -a flags
    work=$(mktemp -d)
    # shellcheck disable=SC2064 # now: the variable is local
    trap "rm -rf '$work'" EXIT
    mapfile -t flags < <(arguments "$name")
    mkdir "$work/corpus"
    "$bin/fuzz_$name" "${flags[@]}" -seed=1 -runs="$(column "$name" 2)" \
        -artifact_prefix="$work/" "$work/corpus" "$here/corpus/$name" >"$work/log" 2>&1 || code=$?
    tail -n 40 "$work/log"
    return "$code"
}

# CPU seconds of the children of the shell whose `times` are in the file: its second line, user and
# system, as "0m1.204s 0m0.031s".
children_cpu() {
    awk 'NR == 2 { for (i = 1; i <= 2; i++) { split($i, part, /[ms]/); sum += part[1] * 60 + part[2] } printf "%.1f", sum }' "$1"
}

# number LOG PATTERN: the last number behind it; "-" for none.
number() {
    local found
    found=$(grep -oE "$2 *[0-9]+" "$1" | tail -n 1 | grep -oE '[0-9]+$') || found=-
    printf '%s' "$found"
}

# A line for ledger.sh: start, commit, target, seconds, CPU seconds, executions, edges, features, inputs
# of the corpus, seed, findings.
note() {
    local name=$1 out=$2 began=$3 seconds=$4 cpu=$5 commit findings
    commit=$(git -C "$here" describe --always --dirty --abbrev=12 --exclude '*' 2>/dev/null) || commit=unknown
    findings=$(find "$out/findings" -type f | wc -l)
    printf '%s\t' "$began" "$commit" "$name" "$seconds" "$cpu" \
        "$(number "$out/log" '^stat::number_of_executed_units:')" "$(number "$out/log" 'cov:')" \
        "$(number "$out/log" ' ft:')" "$(number "$out/log" ' corp:')" "$(number "$out/log" '^INFO: Seed:')" \
        >"$out/run.tsv"
    printf '%s\n' "$findings" >>"$out/run.tsv"
}

# What libFuzzer counted, and what it found.
report() {
    local name=$1 out=$2 code=$3 bin=$4 seconds=$5 cpu=$6 runs features finding
    runs=$(number "$out/log" '^stat::number_of_executed_units:')
    features=$(grep -oE 'cov: [0-9]+ ft: [0-9]+' "$out/log" | tail -n 1) || true
    if [[ $code == 0 ]]; then
        printf 'fuzz: %-14s no finding in %s runs, %s s (%s s of CPU), %s\n' "$name" "$runs" "$seconds" \
            "$cpu" "${features:-no coverage}"
        return 0
    fi
    printf 'fuzz: %-14s FINDING (exit %s): %s\n' "$name" "$code" \
        "$(grep -m 1 -E 'this does not hold|^SUMMARY|ERROR:' "$out/log" || echo "see $out/log")"
    for finding in "$out"/findings/*; do
        [[ -e $finding ]] || continue
        printf '    again:   %s %s\n' "$bin/fuzz_$name" "$finding"
        printf '    smaller: %s -minimize_crash=1 -runs=20000 -exact_artifact_path=small %s\n' \
            "$bin/fuzz_$name" "$finding"
        printf '    keep:    cp small %s/corpus/%s/  # with the fix\n' "$here" "$name"
        # Nothing else may be left of it where this ran.
        printf '    bytes:   base64 -d >small <<<%s\n' "$(base64 -w 0 "$finding")"
    done
    grep -vE '^(#|NEW_FUNC|	NEW)' "$out/log" | tail -n 40
    return 1
}

one() {
    local bin=$1 out=$2/$4 seconds=$3 name=$4 code=0 began cpu began_s=$SECONDS
    local -a flags
    mkdir -p "$out/corpus" "$out/findings"
    began=$(date -u +%Y-%m-%dT%H:%M:%SZ)
    mapfile -t flags < <(arguments "$name")
    [[ -z ${EVD_FUZZ_SEED:-} ]] || flags+=(-seed="$EVD_FUZZ_SEED")
    "$bin/fuzz_$name" "${flags[@]}" -max_total_time="$seconds" -print_final_stats=1 \
        -artifact_prefix="$out/findings/" "$out/corpus" "$here/corpus/$name" \
        >"$out/log" 2>&1 </dev/null || code=$?
    seconds=$((SECONDS - began_s))
    times >"$out/times" # here: a substitution is a shell of its own
    cpu=$(children_cpu "$out/times")
    note "$name" "$out" "$began" "$seconds" "$cpu"
    report "$name" "$out" "$code" "$bin" "$seconds" "$cpu"
}

run() {
    local bin=$1 out=$2 seconds=$3 jobs=$4 name bad=0 running=0 done=0 rounds
    shift 4
    [[ $seconds =~ ^[0-9]+$ && $seconds -gt 0 ]] || die "'$seconds' is not a number of seconds from 1" 2
    [[ $jobs =~ ^[0-9]+$ && $jobs -gt 0 ]] || die "'$jobs' is not a number of jobs from 1" 2
    local -a names=("$@")
    [[ ${#names[@]} -gt 0 ]] || mapfile -t names < <(targets)
    for name in "${names[@]}"; do
        [[ -n $(column "$name" 1) ]] || die "no target '$name'; there are $(targets | paste -sd ' ')" 2
        [[ -x $bin/fuzz_$name ]] || die "$bin/fuzz_$name is not built"
    done
    mkdir -p "$out"
    rounds=$(((${#names[@]} + jobs - 1) / jobs))
    printf 'fuzz: %s targets, %s s each, %s at a time: about %s s, findings go to %s\n' \
        "${#names[@]}" "$seconds" "$jobs" "$((rounds * seconds))" "$out"
    # An interrupt ends what runs, not only this script.
    trap 'trap - INT TERM; kill 0' INT TERM
    for name in "${names[@]}"; do
        if [[ $running -ge $jobs ]]; then
            wait -n || bad=1
            running=$((running - 1)) done=$((done + 1))
            printf 'fuzz: %s of %s done\n' "$done" "${#names[@]}"
        fi
        one "$bin" "$out" "$seconds" "$name" &
        running=$((running + 1))
    done
    while [[ $running -gt 0 ]]; do
        wait -n || bad=1
        running=$((running - 1))
    done
    [[ $bad == 0 ]] || printf 'fuzz: there are findings: %s\n' "$out"
    return "$bad"
}

case ${1:-} in
    list) list ;;
    short) short "$2" "$3" ;;
    run) shift; run "$@" ;;
    *) die 'usage: fuzz.sh list | short BIN TARGET | run BIN OUT SECONDS JOBS [TARGET]...' 2 ;;
esac
