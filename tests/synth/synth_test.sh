#!/usr/bin/env bash
# synth_test.sh CASE: one case of the tests of evd-synth. CMakeLists.txt says what is in the
# environment: SYNTH, LOADGEN, BUILD, SOURCE, INCLUDE, CMAKE, GENERATOR, CC, CXX.
set -euo pipefail

room=$(mktemp -d)
server_pid=''
cleanup() {
    [[ -z $server_pid ]] || kill -KILL "$server_pid" 2>/dev/null || true
    rm -rf "$room"
}
trap cleanup EXIT

fail() {
    printf 'FAILED: %s\n' "$1" >&2
    [[ ! -s $room/log ]] || tail -20 "$room/log" >&2
    exit 1
}

# refused TEXT ARGUMENT...: exit 2, and the error says TEXT.
refused() {
    local says=$1 status=0
    shift
    "$SYNTH" --out "$room/refused" "$@" >"$room/log" 2>&1 || status=$?
    [[ $status == 2 ]] || fail "exit $status instead of 2: $*"
    grep -qF -- "$says" "$room/log" || fail "it does not say '$says': $*"
    [[ ! -e $room/refused ]] || fail "it wrote files: $*"
}

# Bytes of .text of an object, and how many places the loader must relocate in it.
text_of() {
    local hex
    hex=$(readelf -SW "$1" | sed -n 's/^ *\[ *[0-9]*\] \.text  *PROGBITS  *[0-9a-f]*  *[0-9a-f]* \([0-9a-f]*\) .*/\1/p')
    echo $((16#$hex))
}
relocations_of() { readelf -rW "$1" | grep -c '_RELATIVE'; }

# compile FOLDER: FOLDER/m0.so of all sources there, as a module is built, without a warning.
compile() {
    local source
    for source in "$1"/*.c; do
        "$CC" -O2 -fPIC -std=gnu11 -Wall -Wextra -Wconversion -Werror -Wstrict-prototypes \
            -Wmissing-prototypes -I"$INCLUDE" -c "$source" -o "${source%.c}.o" 2>"$room/log" ||
            fail "$source does not compile"
    done
    "$CC" -shared -Wl,--no-undefined -o "$1/m0.so" "$1"/*.o 2>"$room/log" || fail "it does not link"
}

# within NUMBER LOW HIGH WHAT
within() { [[ $1 -ge $2 && $1 -le $3 ]] || fail "$4: $1 is not in $2 to $3"; }

case_usage() {
    "$SYNTH" --help | grep -q '^Examples:' || fail 'no examples in --help'
    "$SYNTH" --version | grep -qE '^evd-synth [0-9.]+' || fail 'no version'
    refused '--modules' --modules 0
    refused '--modules' --modules 10001
    refused '--code' --code -1
    refused '--code: the functions of a module alone need' --functions 100 --code 1k
    refused '--state: must be 0, or at least 8' --state 7
    refused '--constructor: needs a --state' --constructor 64
    refused '--prefix: must be segments' --prefix api..x
    refused '--prefix' --prefix 'api/x'
    refused '--prefix' --prefix ''
    refused '--sample: there are not so many' --modules 2 --functions 3 --sample 7
    refused 'at most 1,000,000' --modules 10000 --functions 10000
    refused 'no such option' --size 3
    refused 'needs a value' --code
    refused 'one argument too many' more
    local status=0
    "$SYNTH" >"$room/log" 2>&1 || status=$?
    [[ $status == 2 ]] || fail 'without --out it is no usage error'
    status=0
    "$SYNTH" --out /dev/null/x 2>"$room/log" || status=$?
    [[ $status == 1 ]] || fail "exit $status where the folder cannot be made"
    grep -q 'cannot make the folder /dev/null/x' "$room/log" || fail 'it does not name the folder'
}

# The same options, the same files; what stays the same is not touched; the seed changes the code.
case_deterministic() {
    local options=(--modules 3 --functions 4 --code 20k --relocations 9 --state 64 --constructor 1k)
    "$SYNTH" "${options[@]}" --out "$room/a"
    "$SYNTH" "${options[@]}" --out "$room/b"
    diff -r "$room/a" "$room/b" >"$room/log" || fail 'two runs differ'
    touch -d '2001-01-01' "$room/a"/*
    "$SYNTH" "${options[@]}" --out "$room/a"
    [[ -z $(find "$room/a" -type f -newermt 2002-01-01) ]] || fail 'files are written again'
    "$SYNTH" "${options[@]}" --seed 2 --out "$room/a"
    cmp -s "$room/a/m1.c" "$room/b/m1.c" && fail 'another seed gives the same code'
    cmp -s "$room/a/scenario.json" "$room/b/scenario.json" && fail 'and the same answers'
    # A module's code does not depend on how many there are.
    "$SYNTH" "${options[@]}" --modules 9 --out "$room/c"
    cmp -s "$room/b/m1.c" "$room/c/m1.c" || fail 'a module depends on the number of modules'
    [[ $(grep -c evd_add_module "$room/c/CMakeLists.txt") == 9 ]] || fail 'not 9 modules'
}

case_scenario() {
    "$SYNTH" --modules 3 --functions 5 --out "$room/a"
    [[ $(grep -c '"event": "api.synth.m[0-2].f[0-4]", "expect": "[0-9a-f]\{16\}"' \
        "$room/a/scenario.json") == 15 ]] || fail 'not all endpoints are there'
    "$SYNTH" --modules 3 --functions 5 --sample 4 --out "$room/a"
    [[ $(grep -c '"event"' "$room/a/scenario.json") == 4 ]] || fail 'not 4 of them'
    [[ $(grep -o 'm[0-2]\.f' "$room/a/scenario.json" | sort -u | wc -l) == 3 ]] ||
        fail 'the sample is not spread over the modules'
}

# Sizes as asked for, on the machine for which they are stated.
case_sizes() {
    local code asked
    for asked in 16 256; do
        code=$((asked * 1024))
        "$SYNTH" --functions 10 --code ${asked}k --out "$room/$asked"
        compile "$room/$asked"
        [[ $("$CC" -dumpmachine) != x86_64-* ]] ||
            within "$(text_of "$room/$asked/m0.so")" $((code * 94 / 100)) $((code * 106 / 100)) \
                ".text of ${asked}k"
    done
    [[ $(find "$room/256" -name 'm0*.c' | wc -l) == 4 ]] || fail '256k are not four files'
    "$SYNTH" --functions 10 --code 16k --relocations 1000 --out "$room/r"
    compile "$room/r"
    local more=$(($(relocations_of "$room/r/m0.so") - $(relocations_of "$room/16/m0.so")))
    [[ $more == 1000 ]] || fail "$more relocations more instead of 1000"
    [[ $(text_of "$room/r/m0.so") == "$(text_of "$room/16/m0.so")" ]] ||
        fail 'relocations change the code'
    # Each endpoint has code of its own.
    "$SYNTH" --functions 110 --out "$room/f"
    "$SYNTH" --functions 10 --out "$room/g"
    compile "$room/f"
    compile "$room/g"
    within $(($(text_of "$room/f/m0.so") - $(text_of "$room/g/m0.so"))) 2000 20000 '100 functions'
}

# probe FOLDER: the size of its module's state, how many words of it open() writes, and the first.
probe() {
    compile "$1"
    cat >"$room/probe.c" <<'PROBE'
#include <dlfcn.h>
#include <evdispatch/module.h>
#include <inttypes.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    void *handle = argc == 2 ? dlopen(argv[1], RTLD_NOW) : NULL;
    const struct evd_module *const *entry = handle ? dlsym(handle, EVD_MODULE_ENTRY_SYMBOL) : NULL;
    if (entry == NULL)
        return 1;
    size_t size = (*entry)->state_size, written = 0;
    uint64_t *words = calloc(1, size + sizeof *words);
    const struct evd_config config = {.size = sizeof config, .module = ""};
    if (words == NULL || ((*entry)->open != NULL && (*entry)->open(words, &config) < 0))
        return 1;
    for (size_t i = 0; i < size / sizeof *words; i++)
        written += words[i] != 0;
    return printf("%zu %zu %" PRIx64 "\n", size, written, words[0]) < 0;
}
PROBE
    "$CC" -std=gnu11 -I"$INCLUDE" "$room/probe.c" -o "$room/probe" -ldl 2>"$room/log" ||
        fail 'the probe does not compile'
    "$room/probe" "$1/m0.so" || fail "$1: its module does not load and open"
}

# The state has its size; the constructor writes so much of it, and round and round if it is more.
case_state() {
    local bytes less more
    "$SYNTH" --out "$room/none"
    [[ $(probe "$room/none") == '0 0 0' ]] || fail 'a state that nobody asked for'
    for bytes in 8 4k 256k; do
        "$SYNTH" --state "$bytes" --out "$room/$bytes"
        [[ $(probe "$room/$bytes") == "$(($(sed 's/k/*1024/' <<<"$bytes"))) 0 0" ]] ||
            fail "--state $bytes: $(probe "$room/$bytes")"
    done
    "$SYNTH" --state 4k --constructor 1k --out "$room/part"
    [[ $(probe "$room/part") == '4096 128 '* ]] || fail "1k of 4k: $(probe "$room/part")"
    "$SYNTH" --state 64 --constructor 1k --out "$room/round"
    less=$(probe "$room/round")
    "$SYNTH" --state 64 --constructor 2k --out "$room/round"
    more=$(probe "$room/round")
    [[ $less == '64 8 '* && $more == '64 8 '* ]] || fail "round and round: $less; $more"
    [[ $less != "$more" ]] || fail 'more work leaves the same state'
}

# serve FLAG...: a server, its address in $address.
serve() {
    local ready
    coproc SERVER { exec "$room/build/bin/evd-server" "$@" --listen tcp://127.0.0.1:0; }
    # shellcheck disable=SC2153 # coproc sets it
    server_pid=$SERVER_PID
    read -r -t 60 ready <&"${SERVER[0]}" || fail "$*: the server did not start"
    address=${ready#listening on }
}

# Part of a server by EVD_EXTRA_MODULES; every endpoint gives the answer that its scenario expects,
# under every backend. A scenario of another seed must fail.
case_slow_server() {
    local arm code pid
    "$SYNTH" --modules 5 --functions 20 --code 8k --relocations 100 --state 1k --constructor 512 \
        --editable --out "$room/api"
    "$SYNTH" --modules 5 --functions 20 --code 8k --relocations 100 --state 1k --constructor 520 \
        --editable --out "$room/other"
    "$CMAKE" -S "$SOURCE" -B "$room/build" -G "$GENERATOR" -DCMAKE_BUILD_TYPE=Debug \
        -DCMAKE_C_COMPILER="$CC" -DCMAKE_CXX_COMPILER="$CXX" -DEVD_TESTS=OFF \
        -DEVD_EXTRA_MODULES="$room/api" >"$room/log" 2>&1 || fail 'it does not configure'
    "$CMAKE" --build "$room/build" --target evd-server --parallel 2 >"$room/log" 2>&1 ||
        fail 'it does not build'
    for arm in '--dispatch=static' '--dispatch=dynamic --dynamic-load=cached' \
        '--dispatch=dynamic --dynamic-load=call' '--dispatch=instance --instance-alloc=malloc' \
        '--dispatch=instance --instance-alloc=pool'; do
        # shellcheck disable=SC2086 # flags
        serve $arm
        pid=$server_pid
        for folder in api other; do
            code=0
            "$LOADGEN" run --target "$address" --scenario "$room/$folder/scenario.json" --rate 2000 \
                --connections 2 --depth 8 --warmup 0 --duration 300ms --timeout 60s --drain 60s --json "$room/run.json" \
                >"$room/log" 2>&1 || code=$?
            [[ $folder != api || $code == 0 ]] || fail "$arm: loadgen ended with $code"
            [[ $folder != other || $code == 1 ]] || fail "$arm: wrong answers are taken for right"
        done
        grep -q '"endpoints": *100[,}]' "$room/run.json" || fail "$arm: not 100 endpoints"
        kill -TERM "$pid"
        wait "$pid" || fail "$arm: the server ended with $?"
        server_pid=''
    done
}

# What `./evdispatch study growth` does, at the smallest: servers, a study of them, edits, a report.
case_slow_growth() {
    local before after growth=$room/growth tools=$SOURCE/loadgen/growth
    cat >"$room/sets" <<'SETS'
# a comment
e10      --functions 2
one      --functions 3 --code 4k --editable
parts/x  --state 64
parts/y  --state 128 --constructor 128
SETS
    "$tools/prepare.sh" "$BUILD" "$growth" "$room/sets" >"$room/log" 2>&1 || fail 'prepare.sh'
    [[ -x $growth/build/bin/evd-server-parts && -f $growth/build/modules/parts/api/y/m0.so ]] ||
        fail 'a server of several parts is not there'
    before=$(stat -c %Y%Z "$growth"/build/bin/* "$growth"/build/modules/one/api/one/m0.so)
    "$tools/prepare.sh" "$BUILD" "$growth" "$room/sets" >"$room/log" 2>&1 || fail 'prepare.sh'
    after=$(stat -c %Y%Z "$growth"/build/bin/* "$growth"/build/modules/one/api/one/m0.so)
    [[ $before == "$after" ]] || fail 'the second time builds anew'

    cat >"$room/design.json" <<'DESIGN'
{"name": "tiny", "blocks": 2, "warmup": "10ms", "duration": "50ms", "server_cpu": 0, "load_cpu": 0,
 "arms": [
  {"name": "s", "server": ["--dispatch=static"], "program": "growth/build/bin/evd-server-one",
   "scenario": "growth/sets/one/scenario.json", "curve": "static", "factor": {"endpoints": 3}},
  {"name": "d", "server": ["--dispatch=dynamic"], "program": "growth/build/bin/evd-server-e10",
   "modules": "growth/build/modules/one", "scenario": "growth/sets/one/scenario.json",
   "curve": "dynamic", "factor": {"endpoints": 3}},
  {"name": "i", "server": ["--dispatch=instance"], "program": "growth/build/bin/evd-server-parts",
   "scenario": "growth/sets/parts/y/scenario.json", "curve": "instance", "factor": {"endpoints": 1}}],
 "loads": [{"name": "full", "args": ["--closed", "--connections", "2", "--depth", "2"]}]}
DESIGN
    "$LOADGEN" study "$room/design.json" --builds "$room" --out "$room/out" >"$room/log" 2>&1 ||
        fail 'the study went wrong'
    [[ $(grep -c '"problem":null' "$room/out/trials.jsonl") == 6 ]] || fail 'not 6 good trials'

    "$tools/edit_plan.sh" "$growth" one >"$room/plan.json" || fail 'edit_plan.sh'
    cp "$growth/sets/one/m0.c" "$room/m0.c"
    "$LOADGEN" edit-to-live "$room/plan.json" --out "$room/out" --repetitions 2 >"$room/log" 2>&1 ||
        fail 'edit-to-live went wrong'
    [[ $(grep -c '"arm":"static".*"restart":true' "$room/out/edit.jsonl") == 2 &&
        $(grep -c '"arm":"dynamic/cached".*"restart":false' "$room/out/edit.jsonl") == 2 ]] ||
        fail 'not two edits of each arm'
    grep -q '"module_bytes":4096' "$room/out/edit.jsonl" || fail 'the size is another'
    cmp -s "$growth/sets/one/m0.c" "$room/m0.c" || fail 'the source of the study was edited'
    [[ $before == "$(stat -c %Y%Z "$growth"/build/bin/* "$growth"/build/modules/one/api/one/m0.so)" ]] ||
        fail 'what the study measures was touched'
    "$LOADGEN" report "$room/out" >"$room/log" 2>&1 || fail 'no report'
    grep -q '^## From a saved edit to the new answer' "$room/out/report.md" || fail 'without edits'
    local status=0
    "$LOADGEN" edit-to-live "$room/plan.json" --out "$room/out" >"$room/log" 2>&1 || status=$?
    [[ $status == 2 ]] || fail 'edits are overwritten'
    grep -q 'holds an edit.jsonl already' "$room/log" || fail 'it does not say why'
}

# What can be wrong with a plan, and with what it leads to.
case_edit_errors() {
    local status text
    for text in '{}' '{"arms":[]}' '{"arms":[{}]}'; do
        status=0
        echo "$text" >"$room/plan"
        "$LOADGEN" edit-to-live "$room/plan" --out "$room" >"$room/log" 2>&1 || status=$?
        [[ $status == 2 ]] || fail "exit $status for $text"
        grep -q 'arms' "$room/log" || fail "it does not name what is wrong in $text"
    done
    # plan COMPILE LINK SERVER
    plan() {
        printf '{"arms":[{"arm":"a","module_bytes":1,"source":"%s","event":"x","compile":"%s",' \
            "$room/source" "$1"
        printf '"link":"%s","product":"%s/product","target":"%s/target","server":["%s"],' \
            "$2" "$room" "$room" "$3"
        printf '"restart":true}]}'
    }
    expect() {
        status=0
        rm -f "$room/edit.jsonl"
        "$LOADGEN" edit-to-live "$room/plan" --out "$room" >"$room/log" 2>&1 || status=$?
        [[ $status != 0 ]] || fail "it goes on: $1"
        grep -qF -- "$1" "$room/log" || fail "it does not say '$1'"
    }
    plan true true /bin/false >"$room/plan"
    echo 'int x;' >"$room/source"
    expect "has no line 'enum { EDITION = N };'"
    echo 'enum { EDITION = 7 };' >"$room/source"
    expect 'cannot rename'
    plan 'echo no good >&2; exit 3' true /bin/false >"$room/plan"
    expect 'to compile failed (exit 3): no good'
    plan true "touch $room/product; exit 4" /bin/false >"$room/plan"
    expect 'to link failed (exit 4)'
    plan true "touch $room/product" /bin/false >"$room/plan"
    expect 'the server /bin/false did not start'
    grep -q 'enum { EDITION = 0 };' "$room/source" || fail 'the source is not at edition 0'
}

"case_$1"
