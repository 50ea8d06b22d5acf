#!/usr/bin/env bash
# coverage.sh SOURCE BUILD [--least PERCENT]: which lines of each file of server/wire and of
# server/conn*.c the corpus of the fuzz targets and the tests run. BUILD was made with
# EVD_SANITIZE=coverage. Prints a line a file, with the lines that nothing runs, and the total; exit 1
# where a file is below PERCENT (default 95).
set -euo pipefail

[[ $# -ge 2 ]] || { echo 'usage: coverage.sh SOURCE BUILD [--least PERCENT]' >&2; exit 2; }
source_dir=$1 build=$2 least=95
[[ ${3:-} != --least ]] || least=$4
for tool in llvm-cov llvm-profdata; do
    command -v "$tool" >/dev/null || { echo "coverage: $tool is not here (package llvm)" >&2; exit 1; }
done

work=$build/coverage
rm -rf "$work"
mkdir -p "$work/raw"
# Not e2e_service: it runs servers as another user, who may not write into the files of this one. Nor e2e_reload: it
# holds what a thousand reloads leave behind to a bound, and what counts the lines of a module stays behind with each.
# %m: one file a program, into which its runs are merged; 2: that two at a time may write.
LLVM_PROFILE_FILE=$work/raw/%2m.profraw ctest --test-dir "$build" -j2 --no-label-summary \
    -R '^(fuzz_|test_|e2e_)' -E '^e2e_(service|reload)$' >"$work/ctest.log" 2>&1 ||
    { tail -n 30 "$work/ctest.log"; echo 'coverage: tests fail; the table is of what ran' >&2; }
llvm-profdata merge -sparse -o "$work/all.profdata" "$work"/raw/*.profraw

# Every program that holds the code: what one of them does not run another may.
objects=()
for program in "$build"/bin/evd-server "$build"/fuzz/fuzz_* "$build"/tests/test_*; do
    [[ -f $program && -x $program ]] && objects+=(-object "$program")
done
llvm-cov export "${objects[@]:1}" -instr-profile "$work/all.profdata" -format=lcov \
    >"$work/lcov" 2>"$work/llvm-cov.log"

# "FILE LINES RUN NOT-RUN..." a file. Ninja names them from its own folder.
awk -F '[:,]' -v top="$source_dir/" '
    /^SF:/ {
        file = substr($0, 4)
        sub(/^.*\/\.\.\//, "", file)
        sub(top, "", file)
        ours = file ~ /^server\/(wire\/.*|conn[a-z_]*)\.[ch]$/
    }
    ours && /^DA:/ { lines[file]++; hit[file] += $3 > 0; if ($3 == 0) missed[file] = missed[file] " " $2 }
    END { for (file in lines) print file, lines[file], hit[file] "" missed[file] }' "$work/lcov" | sort |
    awk -v least="$least" '
        BEGIN { printf "%-32s %6s %6s %7s  %s\n", "file", "lines", "run", "", "lines not run" }
        {
            all += $2
            ran += $3
            printf "%-32s %6d %6d %6.1f%% ", $1, $2, $3, 100 * $3 / $2
            for (i = 4; i <= NF; i++) printf " %s", $i
            print ""
            if (100 * $3 / $2 < least) below = below " " $1
        }
        END {
            if (all == 0) exit 1
            printf "%-32s %6d %6d %6.1f%%\n", "all", all, ran, 100 * ran / all
            if (below == "") printf "coverage: each file is at %s %% or better\n", least
            else printf "coverage: BELOW %s %%:%s\n", least, below
            exit below != ""
        }'
