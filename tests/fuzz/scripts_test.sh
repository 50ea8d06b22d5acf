#!/usr/bin/env bash
# scripts_test.sh SOURCE: fuzz.sh, ledger.sh and coverage.sh, with programs that only pretend; and the
# ledger that is in the repository is of its raw data.
set -euo pipefail

source_dir=$1
fuzz=$source_dir/tests/fuzz
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
fail() { printf 'FAILED: %s\n' "$1"; cat "$room/said"; exit 1; }
said() { grep -qE -- "$1" "$room/said" || fail "this was not said: $1"; }

# What libFuzzer's programs say. "bad" beside it: a finding of three bytes, one of them 0.
mkdir "$room/bin"
cat >"$room/bin/fuzz_json" <<'FAKE'
#!/bin/bash
for a; do
    case $a in -artifact_prefix=*) prefix=${a#*=} ;; -seed=*) seed=${a#*=} ;; esac
done
echo "INFO: Seed: ${seed:-77}"
echo '#2	INITED cov: 12 ft: 34 corp: 5/60b exec/s: 0 rss: 27Mb'
for ((i = 0; i < 300000; i++)); do :; done
echo 'stat::number_of_executed_units: 4711'
[[ ! -e ${0%/*}/bad ]] || { printf 'a\0b' >"${prefix}crash-1"; echo 'x.c:1: f(): this does not hold: 1'; exit 77; }
FAKE
chmod +x "$room/bin/fuzz_json"

"$fuzz/fuzz.sh" run "$room/bin" "$room/one" 1 1 json >"$room/said" || fail 'a clean run'
said 'json +no finding in 4711 runs, [0-9]+ s \([0-9]+\.[0-9] s of CPU\), cov: 12 ft: 34'
awk -F '\t' '$3 == "json" && $5 > 0 && $6 == 4711 && $7 == 12 && $8 == 34 && $9 == 5 && $10 == 77 && $11 == 0 && NF == 11 { good = 1 }
    END { exit !good }' "$room/one/json/run.tsv" || fail "run.tsv: $(cat "$room/one/json/run.tsv")"

touch "$room/bin/bad"
code=0
EVD_FUZZ_SEED=5 "$fuzz/fuzz.sh" run "$room/bin" "$room/two" 1 1 json >"$room/said" || code=$?
[[ $code == 1 ]] || fail "a finding ends with $code"
said 'json +FINDING \(exit 77\): x.c:1: f\(\): this does not hold: 1'
sed -n 's/.*base64 -d >small <<<//p' "$room/said" | base64 -d | cmp - <(printf 'a\0b') || fail 'the bytes'

for out in one two two; do "$fuzz/ledger.sh" add "$room/$out" "$room/ledger"; done
cp "$room/ledger/README.md" "$room/said"
[[ $(wc -l <"$room/ledger/runs.tsv") == 3 ]] || fail "the ledger: $(cat "$room/ledger/runs.tsv")"
# shellcheck disable=SC2016 # the quotes are Markdown's
said '^\| `json` \| .* \| 2 \| 0 \| 0 \| 9422 \| 1 \| 20'
# shellcheck disable=SC2016
said '^\| `auth` \| .* \| 0 \| \| \| \| \| never'
said '^\| 20[^|]*Z \| .* \| json \| [0-9]+ \| [0-9.]+ \| 4711 \| 12 \| 34 \| 5 \| 5 \| 1 \|'
code=0
"$fuzz/ledger.sh" add "$room/bin" "$room/ledger" >"$room/said" 2>&1 || code=$?
[[ $code == 1 ]] || fail "an empty folder ends with $code"

# A file that is below, beside one that is not: together they are above.
mkdir -p "$room/path" "$room/build"
for name in ctest llvm-profdata; do ln -s "$(type -P true)" "$room/path/$name"; done
cat >"$room/path/llvm-cov" <<'FAKE'
#!/bin/bash
echo "SF:$TOP/server/wire/a.c"
for ((i = 1; i <= 1000; i++)); do echo "DA:$i,1"; done
echo "SF:$TOP/server/conn_x.c"
for ((i = 1; i <= 20; i++)); do echo "DA:$i,$((i > MISSED))"; done
FAKE
chmod +x "$room/path/llvm-cov"
cover() { TOP=$source_dir MISSED=$1 PATH=$room/path:$PATH "$fuzz/coverage.sh" "$source_dir" "$room/build" >"$room/said" 2>&1; }
cover 1 || fail '95 %'
said '^server/conn_x.c +20 +19 +95.0%  1$'
said '^coverage: each file is at 95 %'
! cover 2 || fail '90 % of a file is enough'
said '^coverage: BELOW 95 %: server/conn_x.c$'
said '^all +1020 +1018 +99.8%'

[[ ! -e $source_dir/results/fuzz/runs.tsv ]] ||
    "$fuzz/ledger.sh" page "$source_dir/results/fuzz" | diff - "$source_dir/results/fuzz/README.md" >"$room/said" ||
    fail 'results/fuzz/README.md is not of its runs.tsv: tests/fuzz/ledger.sh page results/fuzz'
echo 'all good'
