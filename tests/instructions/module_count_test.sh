#!/bin/bash
# module_count_test.sh SOURCE_DIR PROGRAM MODULES CC INCLUDE: the calls of a scenario are what is counted.
# Exit 77: no valgrind.
set -euo pipefail
source_dir=$1 program=$2 modules=$3 cc=$4 include=$5
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "module_count: $*" >&2; exit 1; }
count() { "$source_dir/tests/instructions/instructions.sh" --program "$program" --modules "$modules" "$@" 2>"$work/said"; }
# of FILE ARM ARGUMENT...: instructions of its calls, as a number without a point: tenths.
of() { local file=$1 arm=$2; count --scenario "$file" "${@:3}" "$arm" | sed -n "s/^$arm //; s/\.//p"; }

status='{"event":"api.services.status","data":"welcome","expect":"online"'
board='{"event":"api.test.none","expect_error":"no_such_function"'
hello='{"event":"api.hello.greeting","data":{"name":"a"},"expect":"You are welcome a"'
printf '{"name":"one","requests":[%s}]}' "$status" >"$work/one.json"
printf '{"name":"other","requests":[%s}]}' "$hello" >"$work/other.json"
printf '{"name":"mix","requests":[%s,"weight":50},%s,"weight":21}]}' "$status" "$hello" >"$work/mix.json"
printf '{"name":"many","requests":[%s,"variants":1000,"weight":2}]}' "$status" >"$work/many.json"
printf '{"name":"steps","requests":[%s,"then":[%s},%s}]}]}' "$status" "$board" "$board" >"$work/steps.json"
printf '{"name":"wrong","requests":[%s}]}' "${board/no_such_function/another}" >"$work/wrong.json"

[[ $("$program" --round "$work/mix.json") == '71 {"name":"mix","requests":2,"calls":71,"deck":71}' ]] || fail "another round"
[[ $("$program" --round "$work/many.json") == '1000 {"name":"many","requests":1000,"calls":1000,"deck":2000}' ]] || fail "more than a thousand"
[[ $("$program" --round "$work/steps.json") == '3 {"name":"steps","requests":3,"calls":3,"deck":3}' ]] || fail "a sequence is another"
code=0
count --scenario "$work/one.json" static >"$work/out" || code=$?
[[ $code != 77 ]] || exit 77
[[ $code == 0 ]] || fail "it ended with $code: $(cat "$work/said")"

one=$(of "$work/one.json" static) other=$(of "$work/other.json" static) mix=$(of "$work/mix.json" static)
[[ $one -gt 500 && $other -gt $((one + 10000)) ]] || fail "$one and $other tenths of an instruction"
expected=$(((50 * one + 21 * other) / 71)) # whole rounds; a branch of the loop more or less
[[ $mix -ge $((expected - 100)) && $mix -le $((expected + 100)) ]] || fail "of $one and $other the mean is $mix, not $expected"
[[ $(of "$work/mix.json" static) == "$mix" ]] || fail "another count the second time"

# A module of somebody's, loaded: its open() is in each call by dynamic/call. Its function answers at its third turn.
mkdir "$work/mine"
cat >"$work/mine/late.c" <<'C'
#include <evdispatch/module.h>
struct late { volatile unsigned spent; unsigned turns; };
static int open_late(void *state, const struct evd_config *config)
{
    struct late *late = state;
    late->turns = config->json.len > 1 ? 3 : 100000; /* "{}": told */
    for (unsigned i = 0; i < 50000; i++)
        late->spent += i;
    return EVD_OK;
}
static int never_soon(void *state, struct evd_call *call)
{
    struct late *late = state;
    uintptr_t turn = (uintptr_t)call->context + 1;
    call->context = (void *)turn;
    if (turn >= late->turns)
        return evd_reply(call, EVD_SLICE("1"));
    evd_wait(call, 86400000000000);
    return EVD_MORE;
}
static const struct evd_function functions[] = {{"at", never_soon}};
EVD_MODULE(late, .state_size = sizeof(struct late), .open = open_late, EVD_FUNCTIONS(functions));
C
"$cc" -shared -fPIC -O1 -I "$include" -o "$work/mine/late.so" "$work/mine/late.c"
printf '{"name":"late","requests":[{"event":"late.at","expect":1}]}' >"$work/late.json"
printf '{"late":{}}' >"$work/config.json"
modules=$work/mine
cached=$(of "$work/late.json" dynamic-cached --module-config "$work/config.json")
call=$(of "$work/late.json" dynamic-call --module-config "$work/config.json")
[[ $cached -gt 500 && $call -gt $((cached + 1000000)) ]] || fail "cached $cached, call $call tenths"

# What is not what the scenario means is not counted.
! count --scenario "$work/late.json" dynamic-cached >"$work/out" || fail "a call that does not end is counted"
grep -q 'late.at has not ended after 1000 turns' "$work/said" || fail "it is not said: $(cat "$work/said")"
! count --scenario "$work/wrong.json" static >"$work/out" || fail "a wrong answer is counted"
grep -q 'api.test.none is not answered as the scenario expects' "$work/said" || fail "it is not said: $(cat "$work/said")"
! count --scenario "$work/nonesuch.json" static >"$work/out" || fail "no scenario is counted"
grep -q 'nonesuch.json' "$work/said" || fail "it is not said: $(cat "$work/said")"
