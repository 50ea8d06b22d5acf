/* Each cause of INVALID (loadgen/cause.h), provoked for sure, and where it has a limit, seen at the
 * limit and beyond it: on a simulated clock and network, with what the kernel counts as it is made
 * up. No cause beside those that are expected. */
#include "sim_model.h"

#include "loadgen/cause.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define RUN "--rate 1000 --warmup 0 --duration 1 --connections 4 --depth 4 "

#define CAUSES_MAX 64

static const char *provoked[CAUSES_MAX]; /* so far, each once */
static size_t provoked_count;

static bool was_provoked(const char *cause)
{
    size_t i = 0;

    while (i < provoked_count && strcmp(provoked[i], cause) != 0)
        i++;
    return i < provoked_count;
}

/* Runs, and looks at the causes. The trial stays, to be ended by end_simulated(). */
static void run_for(struct trial *trial, const char *options, const char *causes)
{
    run_simulated(trial, 0, "%s", options);
    assert_causes(trial, causes);
    for (unsigned i = 0; i < trial->result->invalid_count; i++)
        if (!was_provoked(trial->result->invalid_causes[i]))
            provoked[provoked_count++] = trial->result->invalid_causes[i]; /* a literal */
    assert_int_equal(lg_result_status(trial->result) == 0,
                     strstr(causes, "errors") == NULL && strstr(causes, "broken") == NULL &&
                         strstr(causes, "interrupted") == NULL &&
                         strstr(causes, "accounting") == NULL &&
                         strstr(causes, "unsolicited") == NULL);
}

static void run_once(const char *options, const char *causes)
{
    struct trial trial;

    run_for(&trial, options, causes);
    end_simulated(&trial);
}

/* At the limit all is well, beyond it not. */
static void run_at_limit(unsigned *share, unsigned limit, const char *options, const char *cause)
{
    for (unsigned more = 0; more < 2; more++) {
        sim_begin();
        *share = limit + more;
        run_once(options, more == 0 ? "" : cause);
    }
}

/* ---- The system ---- */

static void client_cpu(void **state)
{
    (void)state;
    struct trial trial;

    run_at_limit(&sim.client_cpu, 850, RUN, "client-cpu");
    run_at_limit(&sim.client_cpu, 850, RUN "--threads 4", "client-cpu"); /* one of them */
    sim_begin(); /* a closed loop is as fast as it can be: that is noted, and no fault */
    sim.client_cpu = 900;
    sim.latency_ns = SIM_MS;
    run_for(&trial, "--closed --warmup 0 --duration 1 --connections 4", "");
    assert_non_null(strstr(trial.result->note, "90 %"));
    end_simulated(&trial);
}

static void cpu_wait(void **state)
{
    (void)state;
    run_at_limit(&sim.client_wait, 50, RUN, "cpu-wait");
    run_at_limit(&sim.client_wait, 50, RUN "--threads 4", "cpu-wait");
    run_at_limit(&sim.server_wait, 50, RUN "--server-pid " SIM_PID, "cpu-wait");
}

/* In 10 s there are 1,000 ticks. */
static void steal(void **state)
{
    (void)state;
    run_at_limit(&sim.steal, 10, RUN "--duration 10", "steal");
}

static void server(void **state)
{
    (void)state;
    struct trial trial;

    sim_begin();
    sim.server_gone_ns = SIM_START_NS + SIM_SECOND / 2;
    run_once(RUN "--server-pid " SIM_PID, "server");
    sim_begin();
    run_for(&trial, RUN "--server-pid " SIM_PID, "");
    assert_true(trial.result->server_sampled);
    assert_int_equal(trial.result->server.cpu_ns, SIM_SECOND / 2);
    assert_int_equal(trial.result->server_calls, 1000);
    end_simulated(&trial);
}

/* The threads are told by their timer no more: the run ends there. What is due by then is accounted
 * for. */
static void broken(void **state)
{
    (void)state;
    struct trial trial;

    sim_begin();
    sim.timer_fails_ns = SIM_START_NS + SIM_SECOND / 2;
    run_for(&trial, RUN, "broken");
    check_trial(&trial);
    assert_string_equal(trial.result->broken.text, "timerfd_settime failed");
    assert_int_equal(measured(&trial)->scheduled, 501);
    end_simulated(&trial);
}

static void interrupted(void **state)
{
    (void)state;
    struct trial trial;

    sim_begin();
    sim.signal_ns = SIM_START_NS + SIM_SECOND / 2 + 1;
    run_for(&trial, RUN "--duration 1h", "interrupted");
    check_trial(&trial);
    assert_int_equal(measured(&trial)->scheduled, 501);
    assert_int_equal(measured(&trial)->outcomes[LG_OK], 501);
    assert_int_equal(trial.result->measured_ns, SIM_SECOND / 2 + 1);
    assert_int_equal(lg_result_status(trial.result), 128 + SIGINT);
    end_simulated(&trial);
}

/* A defect of the generator's own: it forgets one outcome. */
static void accounting(void **state)
{
    (void)state;
    struct trial trial;

    sim_begin();
    sim.charges_until_lost = 100;
    run_for(&trial, RUN, "accounting");
    assert_int_equal(measured(&trial)->outcomes[LG_OK], 999);
    assert_non_null(strstr(trial.result->invalid[0], "1000 requests scheduled, 999 accounted for"));
    end_simulated(&trial);
}

/* The generator is stopped for 70 s; the histogram ends at 68.7 s, so what was due from 0.6 to 1.7
 * s, ten a second, is beyond it. */
static void range(void **state)
{
    (void)state;
    struct trial trial;

    sim_begin();
    sim.stop_from_ns = SIM_START_NS + SIM_SECOND / 2 + 1;
    sim.stop_to_ns = sim.stop_from_ns + 70 * SIM_SECOND;
    run_for(&trial, RUN "--rate 10 --duration 20 --drain 60", "rate late range");
    check_trial(&trial);
    assert_int_equal(measured(&trial)->outcomes[LG_OK], 200);
    assert_int_equal(trial.result->response.saturated, 12);
    assert_int_equal(trial.result->response.max, 70 * SIM_SECOND - 100 * SIM_MS + 1);
    end_simulated(&trial);
}

/* By as much as is allowed, and by a nanosecond more. */
static void late(void **state)
{
    (void)state;
    for (unsigned more = 0; more < 2; more++) {
        sim_begin();
        sim.timer_late_ns = 250000 + more;
        run_once(RUN, more == 0 ? "" : "late");
    }
}

/* A p99 takes 1,000 responses, of which ten are above it. */
static void samples(void **state)
{
    (void)state;
    sim_begin();
    run_once(RUN "--quantiles 50,99", "");
    sim_begin();
    run_once(RUN "--quantiles 50,99 --rate 999", "samples");
}

/* ---- The server ---- */

static enum sim_action odd_action;

static void answers_one_oddly(const struct sim_call *call)
{
    sim_act(call, call->number == 100 ? odd_action : SIM_ANSWER);
}

static void run_oddly(enum sim_action action, const char *causes)
{
    sim_begin();
    sim.serve = answers_one_oddly;
    odd_action = action;
    run_once(RUN, causes);
}

static void unsolicited(void **state)
{
    (void)state;
    run_oddly(SIM_TWICE, "unsolicited");
}

static void answers_nobody(const struct sim_call *call)
{
    (void)call;
}

static void errors(void **state)
{
    (void)state;
    run_oddly(SIM_WRONG, "errors");
    run_oddly(SIM_UNREADABLE, "errors");
    run_oddly(SIM_RESET, "errors");
    run_oddly(SIM_END, "errors");
    sim_begin();
    sim.serve = answers_nobody;
    run_once(RUN "--drain 100ms", "errors warm-up rate"); /* what was due later is younger */
}

/* Calls from this one on are answered when the window is over. */
static uint64_t slow_from;

static void answers_the_last_late(const struct sim_call *call)
{
    sim_act_at(call, SIM_ANSWER,
               call->number >= slow_from ? SIM_START_NS + SIM_SECOND : call->at_ns);
}

/* One of a hundred may be missing, and ten for the edges. */
static void rate(void **state)
{
    (void)state;
    struct trial trial;

    for (unsigned more = 0; more < 2; more++) {
        sim_begin();
        sim.serve = answers_the_last_late;
        slow_from = 1001 - 20 - more;
        run_once(RUN "--connections 64", more == 0 ? "" : "rate");
    }
    sim_begin(); /* 16 slots: the last waits, and there is no drain in which it could go out */
    sim.serve = answers_the_last_late;
    slow_from = 1001 - 17;
    sim.latency_ns = 1000;
    run_for(&trial, RUN "--drain 0", "errors rate");
    assert_int_equal(measured(&trial)->outcomes[LG_UNSENT], 1);
    assert_int_equal(measured(&trial)->outcomes[LG_IN_FLIGHT], 16);
    end_simulated(&trial);
}

static uint64_t growth_ns;

static void slower_and_slower(const struct sim_call *call)
{
    sim_act_at(call, SIM_ANSWER, call->at_ns + SIM_MS + call->number * growth_ns);
}

/* The medians of the first quarter and of the last are 750 calls apart, and may differ by a fifth:
 * with 250 ns a call they are 1.03 and 1.22 ms, with 300 ns 1.04 and 1.26. */
static void warm_up(void **state)
{
    (void)state;
    for (growth_ns = 250; growth_ns <= 300; growth_ns += 50) {
        sim_begin();
        sim.serve = slower_and_slower;
        run_once(RUN, growth_ns == 250 ? "" : "warm-up");
    }
}

/* Those of cause.h itself, so that a new one is not forgotten. */
static void none_is_left_out(void **state)
{
    (void)state;
    FILE *file = fopen(CAUSES, "re");
    char line[256], cause[64];
    unsigned count = 0;

    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "#define LG_CAUSE_%*[A-Z_] \"%63[^\"]\"", cause) != 1)
            continue;
        count++;
        if (!was_provoked(cause))
            fail_msg("%s was not provoked", cause);
    }
    fclose(file);
    assert_in_range(count, 14, CAUSES_MAX); /* the file is as this reads it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_cpu),
        cmocka_unit_test(cpu_wait),
        cmocka_unit_test(steal),
        cmocka_unit_test(server),
        cmocka_unit_test(broken),
        cmocka_unit_test(interrupted),
        cmocka_unit_test(accounting),
        cmocka_unit_test(range),
        cmocka_unit_test(late),
        cmocka_unit_test(samples),
        cmocka_unit_test(unsolicited),
        cmocka_unit_test(errors),
        cmocka_unit_test(rate),
        cmocka_unit_test(warm_up),
        cmocka_unit_test(none_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
