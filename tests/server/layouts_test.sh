#!/bin/bash
# layouts_test.sh SERVER LAYOUT...: the layouts are the server, function for function, and no two of
# them, nor any and the server, have these in one order.
set -euo pipefail
functions() { nm --defined-only --numeric-sort "$1" | awk '$2 ~ /^[Tt]$/ && $3 ~ /^(evd|conn|worker)_/ {print $3}'; }
server=$1 failed=0
declare -A seen=()
for program in "$@"; do
    [[ $("$program" --version) == "$("$server" --version)" ]] || { echo "$program is of another version" && failed=1; }
    # -u: not optimised, each object that is linked has inline functions of its own.
    diff <(functions "$server" | LC_ALL=C sort -u) <(functions "$program" | LC_ALL=C sort -u) >/dev/null ||
        { echo "$program has other functions than $server" && failed=1; }
    [[ $(functions "$program" | wc -l) -gt 100 ]] || { echo "$program has hardly a function" && failed=1; }
    order=$(functions "$program" | sha256sum)
    [[ -z ${seen[$order]:-} ]] || { echo "$program has its code in the order of ${seen[$order]}" && failed=1; }
    seen[$order]=$program
done
exit "$failed"
