/* The truths of tests/truth, on a simulated clock and network: to the nanosecond, and to the bucket
 * where a histogram is asked. Whole runs of the generator's own code. */
#include "sim_model.h"

#include <cjson/cJSON.h>

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

/* ---- (b) Requests that carry their own delay ---- */

static void delaying_server(const struct sim_call *call)
{
    sim_act_at(call, SIM_ANSWER, call->at_ns + call->data);
}

static void assert_all(const struct lg_histogram *histogram, uint64_t count, uint64_t value)
{
    assert_int_equal(histogram->count, count);
    assert_int_equal(histogram->min, value);
    assert_int_equal(histogram->max, value);
}

static void a_delay_is_the_response(void **state)
{
    (void)state;
    static const uint64_t delays[] = {1, 500000, 1000000, 2000000, 5000000, 1234567891};

    for (size_t i = 0; i < sizeof(delays) / sizeof(*delays); i++) {
        struct trial trial;
        uint64_t round_trip = 2 * 30001 + delays[i];

        sim_begin();
        sim.serve = delaying_server;
        sim.latency_ns = 30001;
        run_simulated(&trial, delays[i],
                      "--rate 1000 --warmup 1 --duration 5 --connections 16 --depth 128 "
                      "--wire-timestamps 1");
        check_trial(&trial);
        assert_all(&trial.result->response, 5000, round_trip);
        assert_all(&trial.result->service, 5000, round_trip);
        assert_all(&trial.result->lateness, 5000, 0);
        assert_int_equal(trial.result->wire.min, round_trip);
        assert_int_equal(trial.result->wire.max, round_trip);
        assert_int_equal(trial.result->wire_lost, 0);
        if (delays[i] < SIM_SECOND) /* else its end, 1.2 s of 5, comes after the window */
            assert_causes(&trial, "");
        end_simulated(&trial);
    }
}

/* ---- (d) Arrivals at a sink ---- */

#define ARRIVALS_MAX 32768

static uint64_t arrivals[ARRIVALS_MAX];
static size_t arrival_count;

static void sink(const struct sim_call *call)
{
    SIM_CHECK(arrival_count < ARRIVALS_MAX);
    arrivals[arrival_count++] = call->at_ns;
    sim_act(call, SIM_ANSWER);
}

static void run_sink(struct trial *trial, const char *options)
{
    sim_begin();
    sim.serve = sink;
    sim.latency_ns = 70000;
    arrival_count = 0;
    run_simulated(trial, 0, "--warmup 1 --duration 10 --connections 16 --depth 64 %s", options);
    check_trial(trial);
    assert_causes(trial, "");
    assert_int_equal(trial->result->lateness.max, 0);
}

/* Request i is due floor(i / rate) after the start, whatever the rate, and whoever sends it. */
static void arrivals_are_the_schedule(void **state)
{
    (void)state;
    static const uint64_t rates[] = {1000, 700, 1999};

    for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
        for (unsigned threads = 1; threads <= 3; threads++) {
            char options[64];
            struct trial trial;

            snprintf(options, sizeof(options), "--rate %u --threads %u", (unsigned)rates[i],
                     threads);
            run_sink(&trial, options);
            assert_int_equal(arrival_count, 11 * rates[i]);
            for (uint64_t k = 0; k < arrival_count; k++)
                assert_int_equal(arrivals[k],
                                 SIM_START_NS + k * SIM_SECOND / rates[i] + sim.latency_ns);
            end_simulated(&trial);
        }
    }
}

static int ascending(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Lilliefors' distance to the exponential distribution of their mean, times sqrt(n). */
static double kolmogorov(double *gaps, size_t count, double mean)
{
    double distance = 0, n = (double)count;

    qsort(gaps, count, sizeof(*gaps), ascending);
    for (size_t i = 0; i < count; i++) {
        double expected = 1 - exp(-gaps[i] / mean);

        distance = fmax(distance, fmax((double)(i + 1) / n - expected, expected - (double)i / n));
    }
    return distance * sqrt(n);
}

static void assert_exponential_gaps(void)
{
    static double gaps[ARRIVALS_MAX];
    size_t count = arrival_count - 1;
    double sum = 0, squares = 0, products = 0, mean, variance;

    for (size_t i = 0; i < count; i++)
        sum += gaps[i] = (double)(arrivals[i + 1] - arrivals[i]);
    mean = sum / (double)count;
    for (size_t i = 0; i < count; i++) {
        squares += (gaps[i] - mean) * (gaps[i] - mean);
        if (i > 0)
            products += (gaps[i] - mean) * (gaps[i - 1] - mean);
    }
    variance = squares / (double)count;
    assert_true(fabs(sqrt(variance) / mean - 1) <= 0.03);
    assert_true(fabs(products / (double)count / variance) < 0.02);
    assert_true(kolmogorov(gaps, count, mean) <= 1.25); /* 1 % of Lilliefors' test (1969) */
}

static void poisson_arrivals_are_the_schedule_and_poisson(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= 2; threads++) {
        struct lg_schedule schedule;
        struct trial trial;

        run_sink(&trial, threads == 1 ? "--rate 2000 --arrivals poisson --seed 5"
                                      : "--rate 2000 --arrivals poisson --seed 5 --threads 2");
        lg_schedule_init(&schedule, LG_ARRIVALS_POISSON, UINT64_C(2000) * LG_RATE_UNIT, 5,
                         SIM_START_NS, 0, 1);
        for (size_t i = 0; i < arrival_count; i++) {
            assert_int_equal(arrivals[i], schedule.due_ns + sim.latency_ns);
            lg_schedule_next(&schedule);
        }
        assert_true(schedule.due_ns >= SIM_START_NS + 11 * SIM_SECOND);
        assert_exponential_gaps();
        end_simulated(&trial);
    }
}

/* ---- (e) Who is late: the generator is stopped, the kernel wakes it late, the server stops ----
 */

#define STOP_FROM (SIM_START_NS + 4 * SIM_SECOND + SIM_MS / 10) /* a request is under way */
#define STOP_TO   (STOP_FROM + 200 * SIM_MS)
#define SERVICE   (300 * SIM_MS / 1000)

static uint64_t after_service(uint64_t at)
{
    return at + SERVICE;
}

static void steady_server(const struct sim_call *call)
{
    sim_act_at(call, SIM_ANSWER, after_service(call->at_ns));
}

static void run_late(struct trial *trial, const char *more)
{
    run_simulated(trial, 0,
                  "--rate 1000 --warmup 1 --duration 6 --connections 16 --depth 4 "
                  "--wire-timestamps 1 %s",
                  more);
    check_trial(trial);
    model_init(&model, 64, SIM_SECOND, 6 * SIM_SECOND);
}

static void assert_wire(const struct trial *trial)
{
    const uint64_t wire = 2 * sim.latency_ns + SERVICE;

    assert_true(trial->result->wire.count > 1000);
    assert_int_equal(trial->result->wire.min, wire);
    assert_int_equal(trial->result->wire.max, wire);
    assert_int_equal(trial->result->wire_lost, 0);
}

/* 200 requests fall due meanwhile, all of which the generator is to blame for, though only 64 of
 * them find a slot when it wakes; with them waits the first that is due after that. The wire is as
 * ever. */
static void a_stopped_generator_is_to_blame(void **state)
{
    (void)state;
    struct trial trial;

    sim_begin();
    sim.serve = steady_server;
    sim.latency_ns = 40000;
    sim.stop_from_ns = STOP_FROM;
    sim.stop_to_ns = STOP_TO;
    run_late(&trial, "");
    assert_int_equal(count_above(&trial.result->woke_late, 0), 200);
    assert_int_equal(trial.result->woke_late.max, 199100000);
    assert_true(trial.result->woke_late.sum == 19920 * SIM_MS);              /* 0.1 to 199.1 ms */
    assert_int_equal(trial.result->service.max, 200 * SIM_MS + SIM_MS / 10); /* read late */
    model.leaves = after_service;
    model_add_constant(&model, 1000);
    assert_as_modelled(&model, &trial);
    assert_int_equal(count_above(&trial.result->no_free_slot, 0), 200 - 64 + 1);
    assert_wire(&trial);
    assert_causes(&trial, "late");
    end_simulated(&trial);
}

/* Every request by the same: as much as is allowed, and a nanosecond more. */
static void a_late_timer_is_to_blame(void **state)
{
    (void)state;
    for (uint64_t more = 0; more < 2; more++) {
        struct trial trial;

        sim_begin();
        sim.serve = steady_server;
        sim.latency_ns = 40000;
        sim.timer_late_ns = 250000 + more;
        run_late(&trial, "");
        assert_all(&trial.result->woke_late, 6000, sim.timer_late_ns);
        assert_all(&trial.result->service, 6000, 2 * sim.latency_ns + SERVICE);
        model.leaves = after_service;
        model_add_constant(&model, 1000);
        assert_as_modelled(&model, &trial);
        assert_wire(&trial);
        assert_causes(&trial, more == 0 ? "" : "late");
        end_simulated(&trial);
    }
}

static uint64_t after_stop(uint64_t at)
{
    return (at >= STOP_FROM && at < STOP_TO ? STOP_TO : at) + SERVICE;
}

static void stopped_server(const struct sim_call *call)
{
    sim_act_at(call, SIM_ANSWER, after_stop(call->at_ns));
}

static void a_stopped_server_is_no_fault_of_the_generator(void **state)
{
    (void)state;
    struct trial trial;

    sim_begin();
    sim.serve = stopped_server;
    sim.latency_ns = 40000;
    run_late(&trial, "");
    assert_int_equal(trial.result->woke_late.max, 0);
    model.leaves = after_stop;
    model_add_constant(&model, 1000);
    assert_as_modelled(&model, &trial);
    assert_true(count_above(&trial.result->no_free_slot, 0) >= 200 - 64);
    assert_causes(&trial, "");
    end_simulated(&trial);
}

/* --spin looks at the clock once in poll_ns: a timer that is late by less than it is early for
 * makes nothing late by more than a look. */
static void spinning_makes_up_for_a_late_timer(void **state)
{
    (void)state;
    struct trial trial;

    sim_begin();
    sim.serve = steady_server;
    sim.latency_ns = 40000;
    sim.timer_late_ns = 150000;
    sim.poll_ns = 700;
    run_late(&trial, "--spin 200us");
    assert_in_range(trial.result->woke_late.max, 1, sim.poll_ns - 1);
    assert_int_equal(trial.result->woke_late.count, 6000);
    assert_wire(&trial);
    assert_causes(&trial, "");
    end_simulated(&trial);
}

/* ---- Latency over time: each part of the window has a delay of its own ---- */

#define PART_NS (SIM_SECOND / 2)

/* By when a request was due. They neither rise nor fall over the window. */
static uint64_t delay_of(uint64_t part)
{
    return (1 + 7 * part % 20) * 100000;
}

static void uneven_server(const struct sim_call *call)
{
    uint64_t due = call->at_ns - sim.latency_ns, from = SIM_START_NS + SIM_SECOND;
    uint64_t part = due < from ? 0 : (due - from) / PART_NS;

    sim_act_at(call, SIM_ANSWER, call->at_ns + delay_of(part));
}

/* What --json says of it; to be deleted. */
static cJSON *latencies_json(const struct lg_result *result, const cJSON **ret_over_time)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    cJSON *json;

    assert_non_null(out);
    assert_int_equal(lg_result_json(result, out), EVD_OK);
    assert_int_equal(fclose(out), 0);
    json = cJSON_Parse(text);
    free(text);
    *ret_over_time = cJSON_GetObjectItem(cJSON_GetObjectItem(json, "latency_ns"), "over_time");
    assert_non_null(*ret_over_time);
    return json;
}

static void assert_part(const cJSON *over_time, const char *key, uint64_t part, uint64_t value)
{
    const cJSON *item = cJSON_GetArrayItem(cJSON_GetObjectItem(over_time, key), (int)part);

    assert_true(cJSON_IsNumber(item));
    assert_true(item->valuedouble == (double)value);
}

/* Whoever of the threads sent them: each part has the 1,000 that were due in it, and they alone. */
static void each_part_of_the_window_has_its_own(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= 3; threads++) {
        struct trial trial;
        const cJSON *over_time;
        cJSON *json;

        sim_begin();
        sim.serve = uneven_server;
        sim.latency_ns = 30001;
        run_simulated(&trial, 0,
                      "--rate 2000 --warmup 1 --duration 10 --connections 6 --depth 16 "
                      "--threads %u",
                      threads);
        check_trial(&trial);
        assert_causes(&trial, "");
        json = latencies_json(trial.result, &over_time);
        assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(over_time, "count")), 20);
        for (uint64_t part = 0; part < 20; part++) {
            uint64_t response = 2 * sim.latency_ns + delay_of(part);

            assert_part(over_time, "count", part, 1000);
            assert_part(over_time, "p50", part, response);
            assert_part(over_time, "p99", part, response);
            assert_part(over_time, "max", part, response);
        }
        cJSON_Delete(json);
        end_simulated(&trial);
    }
}

static void no_parts_without_one_rate(void **state)
{
    (void)state;
    static const char *const loads[] = {"--rate 1000..2000", "--rate 1000,2000", "--closed"};

    for (size_t i = 0; i < sizeof(loads) / sizeof(*loads); i++) {
        struct trial trial;
        const cJSON *over_time;
        cJSON *json;

        sim_begin();
        sim.serve = steady_server;
        sim.latency_ns = 40000;
        run_simulated(&trial, 0, "--warmup 1 --duration 2 --connections 4 %s", loads[i]);
        check_trial(&trial);
        json = latencies_json(trial.result, &over_time);
        assert_true(cJSON_IsNull(over_time));
        cJSON_Delete(json);
        end_simulated(&trial);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stall_is_in_every_response_that_was_due),
        cmocka_unit_test(a_stall_behind_a_network),
        cmocka_unit_test(a_delay_is_the_response),
        cmocka_unit_test(arrivals_are_the_schedule),
        cmocka_unit_test(poisson_arrivals_are_the_schedule_and_poisson),
        cmocka_unit_test(a_stopped_generator_is_to_blame),
        cmocka_unit_test(a_late_timer_is_to_blame),
        cmocka_unit_test(a_stopped_server_is_no_fault_of_the_generator),
        cmocka_unit_test(spinning_makes_up_for_a_late_timer),
        cmocka_unit_test(each_part_of_the_window_has_its_own),
        cmocka_unit_test(no_parts_without_one_rate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
