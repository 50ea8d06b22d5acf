/* Where each scheduled request went: every outcome is brought about by a server that does it, on a
 * simulated clock and network, and counted exactly, with the ages of those that were never
 * answered. */
#include "sim_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* From call `first` on, `count` calls are treated so; all others are answered at once. */
static struct {
    enum sim_action action;
    bool silent; /* nothing at all is done */
    uint64_t first, count;
    uint64_t silent_from; /* and from this call on until `first`, too */
} script;

static void scripted(const struct sim_call *call)
{
    bool meant = call->number >= script.first && call->number - script.first < script.count;

    if (meant && script.silent)
        return;
    if (script.silent_from > 0 && call->number >= script.silent_from && call->number < script.first)
        return;
    sim_act(call, meant ? script.action : SIM_ANSWER);
}

/* 1,000 requests within a second. The network takes 50 us each way. */
static void run_scripted(struct trial *trial, const char *more)
{
    sim_begin();
    sim.serve = scripted;
    sim.latency_ns = 50000;
    run_simulated(trial, 0, "--rate 1000 --warmup 0 --duration 1 %s", more);
    check_trial(trial);
    assert_int_equal(measured(trial)->scheduled, 1000);
}

/* In the order of LG_OUTCOME_MAP. */
static void assert_outcomes(const struct trial *trial, const uint64_t expected[LG_OUTCOMES])
{
    for (int i = 0; i < LG_OUTCOMES; i++)
        if (measured(trial)->outcomes[i] != expected[i])
            fail_msg("%s: %llu, not %llu", lg_outcome_key((enum lg_outcome)i),
                     (unsigned long long)measured(trial)->outcomes[i],
                     (unsigned long long)expected[i]);
}

#define OUTCOMES(...) ((const uint64_t[LG_OUTCOMES]){__VA_ARGS__})

/* Ages of those that were never answered: how many, least and greatest. */
static void assert_ages(const struct trial *trial, uint64_t count, uint64_t least, uint64_t most)
{
    assert_int_equal(trial->result->censored.count, count);
    assert_int_equal(trial->result->censored.min, least);
    assert_int_equal(trial->result->censored.max, most);
}

static void ok(void **state)
{
    (void)state;
    struct trial trial;

    memset(&script, 0, sizeof(script));
    run_scripted(&trial, "--connections 4");
    assert_outcomes(&trial, OUTCOMES([LG_OK] = 1000));
    assert_int_equal(trial.result->ok_in_window, 1000);
    assert_int_equal(trial.result->censored.count, 0);
    assert_int_equal(lg_result_status(trial.result), 0);
    end_simulated(&trial);
}

/* A thread that is given no CPU until after the end owes each request that fell due meanwhile, and
 * sends it; behind the drain, none is answered any more. */
static void a_start_behind_the_end(void **state)
{
    (void)state;
    static const char *const drains[] = {"", "--drain 100ms"};
    struct trial trial;

    for (int over = 0; over < 2; over++) {
        sim_begin();
        sim.latency_ns = 50000;
        sim.begin_late_ns = 2 * SIM_SECOND;
        run_simulated(&trial, 0, "--rate 1000 --warmup 0 --duration 1 --connections 4 %s",
                      drains[over]);
        check_trial(&trial);
        assert_int_equal(measured(&trial)->scheduled, 1000);
        assert_int_equal(measured(&trial)->outcomes[LG_OK], over ? 0 : 1000);
        end_simulated(&trial);
    }
}

static void bad(void **state)
{
    (void)state;
    struct trial trial;

    memset(&script, 0, sizeof(script));
    script.action = SIM_WRONG;
    script.first = 101;
    script.count = 37;
    run_scripted(&trial, "--connections 4");
    assert_outcomes(&trial, OUTCOMES([LG_OK] = 963, [LG_BAD] = 37));
    assert_int_equal(trial.result->reconnects, 0);
    assert_string_equal(trial.result->first_bad.got, "\"offline\"");
    assert_int_equal(lg_result_status(trial.result), 1);
    end_simulated(&trial);
}

/* No frame: whatever else is in flight on that connection cannot be read either. */
static void unreadable(void **state)
{
    (void)state;
    struct trial trial;

    memset(&script, 0, sizeof(script));
    script.action = SIM_UNREADABLE;
    script.silent_from = 94;
    script.first = 101;
    script.count = 1;
    run_scripted(&trial, "--connections 1 --depth 8");
    assert_outcomes(&trial, OUTCOMES([LG_OK] = 992, [LG_BAD] = 8));
    assert_int_equal(trial.result->reconnects, 1);
    end_simulated(&trial);
}

/* Calls 101 to 104, one on each connection, are sent 100 to 103 ms after the start. The loop looks
 * at its timeouts each 50 ms since it was made, 10 ms before the start: the first look at which 100
 * ms have passed for them is at 240 ms. */
static void timeouts(void **state)
{
    (void)state;
    struct trial trial;

    memset(&script, 0, sizeof(script));
    script.silent = true;
    script.first = 101;
    script.count = 4;
    run_scripted(&trial, "--connections 4 --depth 1 --timeout 100ms");
    assert_outcomes(&trial, OUTCOMES([LG_OK] = 996, [LG_TIMEOUT] = 4));
    assert_ages(&trial, 4, 137 * SIM_MS, 140 * SIM_MS);
    assert_int_equal(trial.result->reconnects, 4);
    end_simulated(&trial);
}

/* Eight are in flight, sent a millisecond apart, as the last of them costs the connection. */
static void lost(enum sim_action action, enum lg_outcome outcome)
{
    uint64_t expected[LG_OUTCOMES] = {[LG_OK] = 992};
    struct trial trial;

    memset(&script, 0, sizeof(script));
    script.action = action;
    script.silent_from = 94;
    script.first = 101;
    script.count = 1;
    run_scripted(&trial, "--connections 1 --depth 8");
    expected[outcome] = 8;
    assert_outcomes(&trial, expected);
    assert_ages(&trial, 8, 2 * sim.latency_ns, 7 * SIM_MS + 2 * sim.latency_ns);
    assert_int_equal(trial.result->reconnects, 1);
    end_simulated(&trial);
}

static void reset(void **state)
{
    (void)state;
    lost(SIM_RESET, LG_RESET);
}

/* In order, and in the middle of an answer. */
static void eof(void **state)
{
    (void)state;
    lost(SIM_END, LG_EOF);
    lost(SIM_HALF, LG_EOF);
}

/* --retry: those that the server did not begin are kept, and answered on the next connection. */
static void kept(void **state)
{
    (void)state;
    struct trial trial;

    memset(&script, 0, sizeof(script));
    script.action = SIM_END;
    script.silent_from = 94;
    script.first = 101;
    script.count = 1;
    run_scripted(&trial, "--connections 1 --depth 8 --retry");
    assert_outcomes(&trial, OUTCOMES([LG_OK] = 1000));
    assert_int_equal(trial.result->resent, 8);
    end_simulated(&trial);
}

/* Call 101, due at 100 ms, is lost at 100.1 ms. It is tried again after 1 ms, which is refused,
 * then after 2, 4, ... 256 ms: at 101.1, 103.1, 107.1, ... 355.1 and 611.1 ms. From 600 ms on the
 * server takes connections, so what fell due from 101 to 611 ms was refused. */
static void refused(void **state)
{
    (void)state;
    struct trial trial;

    memset(&script, 0, sizeof(script));
    script.action = SIM_RESET;
    script.first = 101;
    script.count = 1;
    sim_begin();
    sim.serve = scripted;
    sim.latency_ns = 50000;
    sim.refuse_from_ns = SIM_START_NS + 50 * SIM_MS;
    sim.refuse_to_ns = SIM_START_NS + 600 * SIM_MS;
    run_simulated(&trial, 0, "--rate 1000 --warmup 0 --duration 1 --connections 1 --depth 1");
    check_trial(&trial);
    assert_outcomes(&trial, OUTCOMES([LG_OK] = 1000 - 1 - 511, [LG_RESET] = 1, [LG_REFUSED] = 511));
    assert_ages(&trial, 1, 2 * sim.latency_ns, 2 * sim.latency_ns);
    end_simulated(&trial);
}

/* One connection, on which call 101 is answered after 50 ms and no other from then on. Call 102,
 * sent as that answer comes, is in flight at the end of the drain, and what fell due after it was
 * never sent. All are as old as their due times say: at 1.3 s, from 101 to 999 ms. */
static void answers_no_more(const struct sim_call *call)
{
    if (call->number <= 101)
        sim_act_at(call, SIM_ANSWER, call->at_ns + (call->number == 101 ? 50 * SIM_MS : 0));
}

static void in_flight_and_unsent(void **state)
{
    (void)state;
    struct trial trial;

    sim_begin();
    sim.serve = answers_no_more;
    run_simulated(&trial, 0,
                  "--rate 1000 --warmup 0 --duration 1 --connections 1 --depth 1 --timeout 30 "
                  "--drain 300ms");
    check_trial(&trial);
    assert_outcomes(&trial, OUTCOMES([LG_OK] = 101, [LG_IN_FLIGHT] = 1, [LG_UNSENT] = 898));
    assert_ages(&trial, 899, 301 * SIM_MS, 1199 * SIM_MS);
    assert_int_equal(trial.result->response.max, 1199 * SIM_MS);
    end_simulated(&trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ok),       cmocka_unit_test(a_start_behind_the_end),
        cmocka_unit_test(bad),      cmocka_unit_test(unreadable),
        cmocka_unit_test(timeouts), cmocka_unit_test(reset),
        cmocka_unit_test(eof),      cmocka_unit_test(kept),
        cmocka_unit_test(refused),  cmocka_unit_test(in_flight_and_unsent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
