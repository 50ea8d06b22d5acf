#!/usr/bin/env bash
# results_test.sh LOADGEN RESULTS [TRIALS]: the committed pages of results are what the command makes of the
# data beside them, byte for byte; what is not there is left out, what is damaged is named.
#
# TRIALS: only so many of each study, for a build that is slow; no committed page is of those.
# shellcheck disable=SC2016 # the page's backquotes
set -euo pipefail

loadgen=$1 results=$2 trials=${3:-all}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "results_test.sh: $1" >&2
    exit 1
}

# says TEXT: the page has it; lacks TEXT: it has not.
says() { grep -qF -- "$1" "$work/README.md" || fail "the page lacks '$1'"; }
lacks() { ! grep -qF -- "$1" "$work/README.md" || fail "the page has '$1'"; }
make() { "$loadgen" report --results "$work" >/dev/null; }

# No page is made from figures.
(cd "$results" && find . -type f ! -name '*.svg' -print0 | tar -c --null -T -) | tar -x -C "$work"
rm -f "$work"/{README,PITFALLS}.md
[[ $trials == all ]] || for study in "$work"/*/trials.jsonl; do
    head -n "$trials" "$study" >"$work/some"
    mv "$work/some" "$study"
    sed -i 's/"trials_sha256":.*"/"trials_sha256": null/' "${study%/*}/study.json"
done
make
[[ $trials != all ]] || for page in README PITFALLS; do
    cmp "$results/$page.md" "$work/$page.md" ||
        fail "results/$page.md is not what './evdispatch report --results' makes of the data beside it"
done
says '**Static, dynamic, or an object for each call?**'
says '## Fuzzing'
says '- **Start-up time** from 10 to 10,000 endpoints: `static` '
says '- **Start-up time** from 1 to 100 modules: `static` '
says 'holds only the listing of the folder.'
lacks '**Start-up time** from 16 KiB'
says '- **Smallest p99** on `github-webhooks`: `static` '
[[ $trials != all ]] || says '`dynamic/call`, overloaded from ' # a block of it may be too few
lacks '**Knee**'
says 'Half of the calls of `static` are answered within '
says "in flight on each: the server's medians are "
[[ $(grep -c '^- . `truth[-23]*`: ' "$work/README.md") == 3 ]] || fail "not each run of the truths is told"

# Without what takes long.
rm -rf "$work"/{aa,aa-inject,growth,layouts,load}
make
cp "$work/README.md" "$work/before"

# Damage: the file is named, and the page stays.
printf 'x\ty\n' >>"$work/fuzz/runs.tsv"
! make 2>"$work/error" || fail "a run of two fields was taken"
grep -qE 'fuzz/runs.tsv:[0-9]+: a run has 11 fields' "$work/error" || fail "$(cat "$work/error")"
cmp "$work/before" "$work/README.md" || fail "an error changed the page"

# What is not there is left out; a study that nobody named is told.
rm -rf "$work"/{fuzz,bench,roofline,soak}
mv "$work/reference" "$work/other"
make
lacks '**Static, dynamic'
lacks '## Fuzzing'
lacks '## Single operations'
says '## Three ways of dispatch'
says '[report.md](other/report.md)'
rm -rf "$work/other"

# Those that the tree has no results of.
rm -rf "$work"/{truth,generator,soak}
mkdir "$work"/{truth,generator,soak}
cat >"$work/truth/truth.json" <<'TRUTH'
{"command": "./evdispatch truth", "commit": "0123456789ab", "started": "2026-01-02T03:04:05Z", "truths": [
{"name": "a", "checks": [{"kept": true}, {"kept": false}], "unmeasurable": ""},
{"name": "b", "checks": [], "unmeasurable": "busy"}]}
TRUTH
{
    echo '{"schema": "evdispatch.generator/1", "loadgen": "loadgen 0.1.0", "rounds": 2}'
    for round in 0 1; do
        for arm in frame wrk; do
            cpu=2000000
            [[ $arm == frame ]] || cpu=3000000
            echo "{\"round\": $round, \"arm\": \"$arm\", \"connections\": 64, \"depth\": 1, \"requests\": 1000," \
                "\"cpu_user_ns\": $cpu, \"cpu_system_ns\": $cpu, \"wall_ns\": 5000000}"
        done
    done
} >"$work/generator/generator.jsonl"
printf './evdispatch soak restarts, commit abc\n3 restarts\ntwo lost\nFAILED\n' >"$work/soak/restarts.txt"
make
says '✗ `truth`: `./evdispatch truth`, commit `0123456789ab`, 2026-01-02: 1 of 2 figures are what they should be'
says '! 1 truth could not be measured.'
says "wrk's CPU a request over that of \`frame\` 1.500."
says '✗ `./evdispatch soak restarts, commit abc`: **failed**.'
says '- two lost.'
sed -i 's/"round": 1/"round": 1000/' "$work/generator/generator.jsonl"
! make 2>"$work/error" || fail "round 1000 was taken"
grep -qF 'generator/generator.jsonl:4: this is no trial of a round from 0 to 399' "$work/error" || fail "$(cat "$work/error")"
! "$loadgen" report --results "$work/nowhere" 2>"$work/error" || fail "a folder that is not there was taken"
grep -qF 'there is no folder' "$work/error" || fail "$(cat "$work/error")"
