#!/bin/bash
# An outsider's module, one C file in a folder of its own with one CMake call, under every way of
# dispatch of a server that is built for it.
# usage: outsider_test.sh SOURCE_DIR CMAKE GENERATOR C_COMPILER CXX_COMPILER
set -euo pipefail

source_dir=$1 cmake=$2 generator=$3 cc=$4 cxx=$5
answer_seconds=30 # to start, to answer, and to end; a bound, not a wait

scratch=$(mktemp -d)
server_pid=""
cleanup() {
    if [ -n "$server_pid" ]; then
        kill -KILL "$server_pid" 2>/dev/null || true
    fi
    rm -rf "$scratch"
}
trap cleanup EXIT

fail() {
    printf 'outsider: %s\n' "$*" >&2
    exit 1
}

# ask PORT LINE: one line there, one line back.
ask() {
    local answer
    exec 9<>"/dev/tcp/127.0.0.1/$1"
    printf '%s\n' "$2" >&9
    read -r -t "$answer_seconds" answer <&9 || fail "no answer to $2"
    exec 9>&-
    printf '%s' "$answer"
}

# expect PORT LINE ANSWER
expect() {
    local answer
    answer=$(ask "$1" "$2")
    [ "$answer" = "$3" ] || fail "$2 was answered $answer; expected $3"
}

# try_arm FLAGS...: a server of this arm answers, and ends well.
try_arm() {
    local ready address port pid status=0
    coproc SERVER { exec "$scratch/build/bin/evd-server" "$@" --listen tcp://127.0.0.1:0 \
        --port-file "$scratch/port"; }
    # shellcheck disable=SC2153 # coproc sets it
    pid=$SERVER_PID
    server_pid=$pid
    read -r -t "$answer_seconds" ready <&"${SERVER[0]}" || fail "$*: the server did not start"
    address=${ready#listening on }
    port=${address##*:}

    expect "$port" '{"id":1,"event":"api.orders.total","data":[{"price":250,"quantity":3}]}' \
        '{"id":1,"data":750}'
    expect "$port" \
        '{"event":"api.orders.total","data":[{"price":9999,"quantity":4},{"price":4,"quantity":1}]}' \
        '{"data":36000}'
    expect "$port" '{"event":"api.orders.total","data":7}' \
        '{"error":{"code":"bad_order","message":"data must be an array of items"}}'
    expect "$port" '{"event":"api.orders.refund"}' \
        '{"error":{"code":"no_such_function","message":"Refund doesn'\''t exist"}}'
    # It has answered, so the port file is there.
    [ "$(cat "$scratch/port")" = "$address" ] || fail "$*: the port file differs from \"$ready\""

    kill -TERM "$pid"
    wait "$pid" || status=$?
    server_pid=""
    [ "$status" -eq 0 ] || fail "$*: the server ended with $status"
    printf 'outsider: %s: ok\n' "$*"
}

cp -r "$source_dir/tests/outsider/orders" "$scratch/orders"
# Nobody outside writes for this tree's warnings: they may not stop the build.
echo 'static char sloppy(int x) { return x; }' >>"$scratch/orders/orders.c"
"$cmake" -S "$source_dir" -B "$scratch/build" -G "$generator" -DCMAKE_BUILD_TYPE=Debug \
    -DCMAKE_C_COMPILER="$cc" -DCMAKE_CXX_COMPILER="$cxx" -DEVD_TESTS=OFF \
    -DEVD_EXTRA_MODULES="$scratch/orders" >"$scratch/log" 2>&1 ||
    fail "it does not configure: $(tail -20 "$scratch/log")"
"$cmake" --build "$scratch/build" --target evd-server --parallel 2 >"$scratch/log" 2>&1 ||
    fail "it does not build: $(tail -20 "$scratch/log")"
[ -f "$scratch/build/modules/api/orders.so" ] || fail "modules/api/orders.so was not made"

try_arm --dispatch=static
try_arm --dispatch=dynamic --dynamic-load=cached
try_arm --dispatch=dynamic --dynamic-load=call
try_arm --dispatch=instance --instance-alloc=malloc
try_arm --dispatch=instance --instance-alloc=pool
