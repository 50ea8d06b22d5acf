/* The truths of tests/truth, on a simulated clock and network: to the nanosecond, and to the bucket
 * where a histogram is asked. Whole runs of the generator's own code. */
#include "sim_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct model model;

/* ---- (a) A server that stands still for 1 s of 10 s at 1,000/s ---- */

#define STALL_FROM (SIM_START_NS + 5 * SIM_SECOND + SIM_MS / 2)
#define STALL_TO   (STALL_FROM + SIM_SECOND)

static uint64_t after_stall(uint64_t at)
{
    return at >= STALL_FROM && at < STALL_TO ? STALL_TO : at;
}

static void stalled_server(const struct sim_call *call)
{
    sim_act_at(call, SIM_ANSWER, after_stall(call->at_ns));
}

/* Values in buckets above that of `value`. */
static uint64_t count_above(const struct lg_histogram *histogram, uint64_t value)
{
    return histogram->count - lg_histogram_up_to(histogram, value);
}

static void assert_quantile(const struct lg_histogram *histogram, double q, uint64_t value)
{
    assert_int_equal(lg_histogram_quantile(histogram, q),
                     lg_histogram_highest(lg_histogram_index(value)));
}

static void run_stalled(struct trial *trial, uint64_t latency_ns, const char *more)
{
    sim_begin();
    sim.serve = stalled_server;
    sim.latency_ns = latency_ns;
    run_simulated(trial, 0, "--rate 1000 --warmup 2 --duration 10 --connections 16 --depth 1 %s",
                  more);
    check_trial(trial);
    model_init(&model, 16, 2 * SIM_SECOND, 10 * SIM_SECOND);
    model.leaves = after_stall;
    model_add_constant(&model, 1000);
}

/* 1,000 requests fall due in the stall, half a millisecond off its edges: responses of 0.5 to 999.5
 * ms, of the 10,000 of which all others take no time. 16 of them were under way. */
static void a_stall_is_in_every_response_that_was_due(void **state)
{
    (void)state;
    struct trial trial;
    const struct lg_result *result;

    run_stalled(&trial, 0, "");
    result = trial.result;
    assert_int_equal(measured(&trial)->scheduled, 10000);
    assert_int_equal(count_above(&result->response, 0), 1000);
    assert_int_equal(count_above(&result->response, 100 * SIM_MS), 900);
    assert_int_equal(result->response.max, 999500000);
    assert_true(result->response.sum == 500 * SIM_SECOND);
    assert_quantile(&result->response, 0.95, 499500000);
    assert_quantile(&result->response, 0.99, 899500000);
    assert_int_equal(count_above(&result->service, 100 * SIM_MS), 16);
    assert_int_equal(count_above(&result->service, 0), 16);
    assert_int_equal(result->woke_late.max, 0);
    assert_int_equal(count_above(&result->no_free_slot, 0), 1000 - 16);
    assert_as_modelled(&model, &trial);
    assert_causes(&trial, "");
    end_simulated(&trial);
}

/* The same behind a network: those that waited go out 16 at a time, a round trip apart. */
static void a_stall_behind_a_network(void **state)
{
    (void)state;
    struct trial trial;

    run_stalled(&trial, 50000, "");
    assert_as_modelled(&model, &trial);
    assert_int_equal(count_above(&trial.result->service, 100 * SIM_MS), 16);
    assert_int_equal(trial.result->woke_late.max, 0);
    assert_true(trial.result->response.max == model.response.max);
    assert_causes(&trial, "");
    end_simulated(&trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stall_is_in_every_response_that_was_due),
        cmocka_unit_test(a_stall_behind_a_network),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
