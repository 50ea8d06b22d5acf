#!/usr/bin/env bash
# The first thing that a reader of the README tries: a call by hand.
set -euo pipefail
server=$1 nc=$2
if ! "$nc" -h 2>&1 | grep -q -- '-N'; then
    echo "skipped: no netcat with -N (package netcat-openbsd)"
    exit 77
fi
dir=$(mktemp -d)
trap 'kill "$pid" 2>/dev/null || true; rm -rf "$dir"' EXIT
mkfifo "$dir/out"
"$server" --listen tcp://127.0.0.1:0 >"$dir/out" &
pid=$!
read -r line <"$dir/out"
port=${line##*:}

expect() {
    local got
    got=$(printf '%s' "$1" | "$nc" -N 127.0.0.1 "$port")
    if [ "$got" != "$2" ]; then
        printf 'sent     %s\nexpected %s\ngot      %s\n' "$1" "$2" "$got" >&2
        exit 1
    fi
}
nl=$'\n'
expect '{"event":"api.services.status","data":"welcome"}'"$nl" '{"data":"online"}'
expect '{"event":"api.services.status"}' '{"data":"online"}' # no newline before the end
expect '{"id":7,"event":"api.hello.greeting","name":"Ada"}'"$nl" '{"id":7,"data":"You'"'"'re welcome Ada"}'
expect '{"event":"api.test.testFuncFn"}'"$nl" \
    '{"error":{"code":"no_such_function","message":"TestFuncFn doesn'"'"'t exist"}}'
expect '{"event":""}'"$nl" '{"error":{"code":"empty_event","message":"Event cannot be empty"}}'
expect '{"data":1}'"$nl" '{"error":{"code":"empty_event","message":"Event cannot be empty"}}'

kill -TERM "$pid"
wait "$pid"
