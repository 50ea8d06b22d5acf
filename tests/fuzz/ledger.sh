#!/usr/bin/env bash
# The ledger of fuzzing: which target ran how long at which commit, and what was found.
#
#   ledger.sh add OUT FOLDER    the runs of `fuzz.sh run BIN OUT` go to FOLDER/runs.tsv, once each,
#                               and FOLDER/README.md is made anew
#   ledger.sh page FOLDER       prints the README.md of FOLDER/runs.tsv
#
# Exit: 0; 1 nothing to add; 2 usage.
set -euo pipefail

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
readonly here
readonly head=$'started\tcommit\ttarget\tseconds\tcpu_seconds\texecutions\tedges\tfeatures\tinputs\tseed\tfindings'

page() {
    cat <<'TEXT'
# Fuzzing

What `./evdispatch fuzz --record` ran: libFuzzer with AddressSanitizer and UndefinedBehaviorSanitizer on the targets of `tests/fuzz`. Made from
[runs.tsv](runs.tsv) by `tests/fuzz/ledger.sh`. Edges and features are what libFuzzer counts of the code that the inputs reach; a finding is an input that
breaks what a target holds to, and is kept in `tests/fuzz/corpus`.

## By target

| target | what it holds to | runs | wall, min | CPU, min | executions | findings | last | at |
|---|---|---|---|---|---|---|---|---|
TEXT
    # A target without a run is there too: that is what one has to see.
    awk -F '\t' '
        FNR == 1 { file++ }
        file == 1 && /^[a-z]/ {
            split($0, field, / +/)
            names[++count] = field[1]
            text = $0
            sub(/^[a-z0-9_]+ +[0-9]+ +[0-9]+ +/, "", text)
            about[field[1]] = text
        }
        file == 2 && FNR > 1 {
            runs[$3]++; wall[$3] += $4; cpu[$3] += $5; if ($5 == "-") unknown[$3] = 1; executions[$3] += $6; findings[$3] += $11
            if ($1 >= last[$3]) { last[$3] = $1; commit[$3] = $2 }
        }
        # A run whose CPU time was not kept has "-".
        function minutes(name) {
            return cpu[name] == 0 && unknown[name] ? "not kept" : sprintf(unknown[name] ? "over %.0f" : "%.0f", cpu[name] / 60)
        }
        END {
            for (i = 1; i <= count; i++) {
                name = names[i]
                if (runs[name])
                    printf "| `%s` | %s | %d | %.0f | %s | %d | %d | %s | `%s` |\n", name, about[name],
                        runs[name], wall[name] / 60, minutes(name), executions[name], findings[name],
                        substr(last[name], 1, 10), commit[name]
                else
                    printf "| `%s` | %s | 0 | | | | | never | |\n", name, about[name]
            }
        }' "$here/targets.txt" "$1/runs.tsv"
    printf '\n## Runs\n\n| started | commit | target | wall, s | CPU, s | executions | edges | features | inputs | seed | findings |\n|---|---|---|---|---|---|---|---|---|---|---|\n'
    awk -F '\t' 'NR > 1 { printf "| %s | `%s` | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 }' \
        "$1/runs.tsv"
}

add() {
    local out=$1 folder=$2
    local -a lines=("$out"/*/run.tsv)
    [[ -e ${lines[0]} ]] || { echo "ledger: there is no run in $out" >&2; exit 1; }
    mkdir -p "$folder"
    [[ -e $folder/runs.tsv ]] || : >"$folder/runs.tsv"
    {
        printf '%s\n' "$head"
        { tail -n +2 "$folder/runs.tsv"; cat "${lines[@]}"; } | LC_ALL=C sort -u
    } >"$folder/runs.tsv.part"
    mv "$folder/runs.tsv.part" "$folder/runs.tsv"
    page "$folder" >"$folder/README.md"
}

case ${1:-}:$# in
    add:3) add "$2" "$3" ;;
    page:2) page "$2" ;;
    *) echo 'usage: ledger.sh add OUT FOLDER | page FOLDER' >&2; exit 2 ;;
esac
