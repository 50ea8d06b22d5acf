/* The search for the highest rate under an objective, against made-up servers: where it ends is
 * known, and each sequence of rates can be read. No run, no clock. */
#include "loadgen/cause.h"
#include "loadgen/schedule.h"
#include "loadgen/slo.h"
#include "loadgen/slo_judge.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PER_SECOND(rate) ((uint64_t)(rate)*LG_RATE_UNIT)

/* An M/M/1 queue's p99 of the time in the system is ln(100) / (capacity - rate): Kleinrock,
 * "Queueing Systems" I, 3.2. `noise`: the standard deviation of the logarithm of what a run says.
 */
struct server {
    double capacity, limit, noise;
    double invalid; /* the share of runs that are */
    struct lg_rng rng;
};

static double normal(struct lg_rng *rng)
{
    return sqrt(-2 * log(lg_rng_unit(rng))) * cos(2 * M_PI * lg_rng_unit(rng));
}

static double measure(struct server *server, uint64_t rate)
{
    double left = server->capacity - (double)rate / LG_RATE_UNIT;

    if (server->invalid > 0 && lg_rng_unit(&server->rng) < server->invalid)
        return NAN;
    if (left <= 0)
        return INFINITY;
    return log(100) / left / server->limit * exp(server->noise * normal(&server->rng));
}

static double true_limit(const struct server *server)
{
    return server->capacity - log(100) / server->limit;
}

static struct lg_slo_view search(struct lg_slo *slo, const struct lg_slo_config *config,
                                 struct server *server)
{
    struct lg_slo_view view;

    lg_slo_init(slo, config);
    while ((view = lg_slo_look(slo)).state == LG_SLO_SEARCHING) {
        assert_in_range(view.rate, config->from, config->to);
        lg_slo_take(slo, view.rate, measure(server, view.rate));
        assert_true(slo->runs <= config->runs_max);
    }
    for (unsigned i = 1; i < slo->count; i++)
        assert_true(slo->points[i - 1].rate < slo->points[i].rate);
    return view;
}

static const struct lg_slo_config usual = {
    .from = PER_SECOND(100),
    .to = PER_SECOND(1000000),
    .precision = 0.05,
    .runs_max = 200,
};

static const struct lg_slo_point *at(const struct lg_slo *slo, uint64_t rate)
{
    for (unsigned i = 0; i < slo->count; i++)
        if (slo->points[i].rate == rate)
            return &slo->points[i];
    fail_msg("%.3f was not measured", (double)rate / LG_RATE_UNIT);
    return NULL;
}

static void without_noise_it_is_found(void **state)
{
    (void)state;
    for (double precision = 0.001; precision < 0.3; precision *= 3) {
        struct server server = {.capacity = 12345, .limit = 0.005};
        struct lg_slo_config config = usual;
        struct lg_slo slo;

        config.precision = precision;
        struct lg_slo_view view = search(&slo, &config, &server);

        assert_int_equal(view.state, LG_SLO_FOUND);
        assert_true((double)view.low / LG_RATE_UNIT <= true_limit(&server));
        assert_true((double)view.high / LG_RATE_UNIT >= true_limit(&server));
        assert_true((double)(view.high - view.low) <= precision * (double)view.high);
        assert_false(view.unclear);
        /* Both ends have been measured often enough to be sure of. */
        assert_int_equal(at(&slo, view.low)->met, LG_SLO_LEAD);
        assert_int_equal(at(&slo, view.high)->missed, LG_SLO_LEAD);
    }
}

/* The rates one after the other: doubling up to the first miss, then halving. */
static void the_path(void **state)
{
    (void)state;
    const struct lg_slo_config config = {PER_SECOND(100), PER_SECOND(100000), 0.2, 100};
    const unsigned rates[] = {100, 200, 400, 800, 600, 500, 600, 600, 500, 500};
    const double worst[] = {0.1, 0.1, 0.2, 9, 3, 0.4, 3, 3, 0.4, 0.4};
    struct lg_slo slo;

    lg_slo_init(&slo, &config);
    for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
        struct lg_slo_view view = lg_slo_look(&slo);

        assert_int_equal(view.state, LG_SLO_SEARCHING);
        assert_int_equal(view.rate, PER_SECOND(rates[i]));
        lg_slo_take(&slo, view.rate, worst[i]);
    }
    assert_int_equal(lg_slo_look(&slo).state, LG_SLO_FOUND);
    assert_int_equal(lg_slo_look(&slo).low, PER_SECOND(500));
    assert_int_equal(lg_slo_look(&slo).high, PER_SECOND(600));
}

/* One run far off is enough to go on, one near the limit is not. */
static void near_the_limit_a_lead_decides(void **state)
{
    (void)state;
    struct lg_slo slo;

    lg_slo_init(&slo, &usual);
    lg_slo_take(&slo, usual.from, 0.5);
    assert_int_equal(lg_slo_look(&slo).rate, 2 * usual.from);
    lg_slo_take(&slo, 2 * usual.from, 0.9);
    assert_int_equal(lg_slo_look(&slo).rate, 2 * usual.from);
    lg_slo_take(&slo, 2 * usual.from, 1.1);
    lg_slo_take(&slo, 2 * usual.from, 1); /* the limit itself is allowed */
    lg_slo_take(&slo, 2 * usual.from, 0.9);
    assert_int_equal(lg_slo_look(&slo).rate, 2 * usual.from);
    lg_slo_take(&slo, 2 * usual.from, 0.9); /* 4 to 1 */
    assert_int_equal(lg_slo_look(&slo).rate, 4 * usual.from);
}

/* The end of the bracket was one bad run: asked again, it gives way. */
static void a_single_bad_run_does_not_decide(void **state)
{
    (void)state;
    const struct lg_slo_config config = {PER_SECOND(100), PER_SECOND(800), 0.05, 100};
    struct lg_slo slo;
    struct lg_slo_view view;
    bool spoiled = false;

    lg_slo_init(&slo, &config);
    while ((view = lg_slo_look(&slo)).state == LG_SLO_SEARCHING) {
        bool spoil = view.rate == PER_SECOND(400) && !spoiled;

        spoiled |= spoil;
        lg_slo_take(&slo, view.rate, spoil ? 5 : 0.1);
    }
    assert_true(spoiled);
    assert_int_equal(view.state, LG_SLO_AT_LEAST);
    assert_int_equal(view.low, PER_SECOND(800));
    assert_int_equal(view.high, 0);
}

/* Rates that meet it every other time: a zone, with sure ends. */
static void a_zone_is_said_to_be_one(void **state)
{
    (void)state;
    const struct lg_slo_config config = {PER_SECOND(100), PER_SECOND(10000), 0.05, 300};
    unsigned tosses = 0;
    struct lg_slo slo;
    struct lg_slo_view view;

    lg_slo_init(&slo, &config);
    while ((view = lg_slo_look(&slo)).state == LG_SLO_SEARCHING) {
        bool zone = view.rate >= PER_SECOND(500) && view.rate <= PER_SECOND(650);

        lg_slo_take(&slo, view.rate,
                    zone                          ? (tosses++ % 2 == 0 ? 0.9 : 1.1)
                    : view.rate < PER_SECOND(500) ? 0.8
                                                  : 1.3);
    }
    assert_int_equal(view.state, LG_SLO_FOUND);
    assert_true(view.unclear);
    assert_true(view.low < PER_SECOND(500) && view.low > PER_SECOND(470));
    assert_true(view.high > PER_SECOND(650) && view.high < PER_SECOND(690));
}

static void met_above_a_miss(void **state)
{
    (void)state;
    const struct lg_slo_config config = {PER_SECOND(100), PER_SECOND(800), 0.5, 100};
    struct lg_slo slo;

    /* A single run missed it, where a higher rate meets it for sure: that run is asked again. */
    lg_slo_init(&slo, &config);
    lg_slo_take(&slo, PER_SECOND(100), 0.2);
    lg_slo_take(&slo, PER_SECOND(700), 9);
    for (unsigned i = 0; i < LG_SLO_LEAD; i++)
        lg_slo_take(&slo, PER_SECOND(800), 0.2);
    assert_int_equal(lg_slo_look(&slo).rate, PER_SECOND(700));
    lg_slo_init(&slo, &config);
    for (unsigned i = 0; i < LG_SLO_LEAD; i++) {
        lg_slo_take(&slo, PER_SECOND(100), 0.2);
        lg_slo_take(&slo, PER_SECOND(200), 9);
        lg_slo_take(&slo, PER_SECOND(800), 0.2);
    }
    assert_int_equal(lg_slo_look(&slo).state, LG_SLO_FOUND);
    assert_int_equal(lg_slo_look(&slo).low, PER_SECOND(100));
    assert_int_equal(lg_slo_look(&slo).high, PER_SECOND(200));
    assert_true(lg_slo_look(&slo).uneven);
}

static void not_even_at_the_lowest_rate(void **state)
{
    (void)state;
    struct server server = {.capacity = 50, .limit = 0.005};
    struct lg_slo slo;
    struct lg_slo_view view = search(&slo, &usual, &server);

    assert_int_equal(view.state, LG_SLO_UNREACHABLE);
    assert_int_equal(view.high, usual.from);
    assert_int_equal(view.low, 0);
    assert_int_equal(slo.runs, LG_SLO_LEAD); /* one run alone would not do */
}

static void never_exceeded(void **state)
{
    (void)state;
    struct server server = {.capacity = 1e9, .limit = 1};
    struct lg_slo slo;
    struct lg_slo_view view = search(&slo, &usual, &server);

    assert_int_equal(view.state, LG_SLO_AT_LEAST);
    assert_int_equal(view.low, usual.to);
    assert_int_equal(at(&slo, usual.to)->met, LG_SLO_LEAD);
}

/* INVALID runs are measured again, and again, but not for ever. */
static void invalid_runs(void **state)
{
    (void)state;
    struct server server = {.capacity = 12345, .limit = 0.005, .invalid = 0.3};
    struct lg_slo slo;
    struct lg_slo_view view;
    unsigned invalid = 0;

    lg_rng_init(&server.rng, 7);
    view = search(&slo, &usual, &server);
    for (unsigned i = 0; i < slo.count; i++)
        invalid += slo.points[i].invalid;
    assert_int_equal(view.state, LG_SLO_FOUND);
    assert_true(invalid > 0);
    assert_true((double)view.low / LG_RATE_UNIT <= true_limit(&server));
    assert_true((double)view.high / LG_RATE_UNIT >= true_limit(&server));

    server.invalid = 1;
    view = search(&slo, &usual, &server);
    assert_int_equal(view.state, LG_SLO_UNMEASURABLE);
    assert_int_equal(view.rate, usual.from);
    assert_int_equal(slo.runs, LG_SLO_INVALID_MAX);
}

static void runs_are_bounded(void **state)
{
    (void)state;
    struct server server = {.capacity = 12345, .limit = 0.005};
    struct lg_slo_config config = usual;
    struct lg_slo slo;
    struct lg_slo_view view;

    config.runs_max = 8;
    view = search(&slo, &config, &server);
    assert_int_equal(view.state, LG_SLO_OUT_OF_RUNS);
    assert_int_equal(slo.runs, 8);
    assert_int_equal(view.low, PER_SECOND(6400));
    assert_int_equal(view.high, PER_SECOND(12800));
}

/* In which share of runs the server meets its objective at this rate. */
static double share_met(const struct server *server, uint64_t rate)
{
    double left = server->capacity - (double)rate / LG_RATE_UNIT;
    double worst = log(100) / left / server->limit;

    return left <= 0 ? 0 : erfc(log(worst) / server->noise / sqrt(2)) / 2;
}

/* With runs that scatter: what the sequential test promises of both ends, and that the interval
 * holds the rate at which half of the runs meet the objective. Always the same searches, of seeds 1
 * to 400: at most 6 of them, one in 65, may be wrong. When runs scatter by a half, the zone in
 * which they meet it or not is wider than the precision asked for, and the interval may lie in it
 * beside its middle. */
static void noise_is_withstood(void **state)
{
    (void)state;
    static const struct {
        double noise;
        unsigned wrong_max, beside_max;
    } cases[] = {{0.05, 6, 0}, {0.2, 6, 4}, {0.5, 6, 80}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        unsigned wrong = 0, beside = 0, unfinished = 0;

        for (uint64_t seed = 1; seed <= 400; seed++) {
            struct server server = {
                .capacity = 12345, .limit = 0.005, .noise = cases[i].noise, .invalid = 0.1};
            struct lg_slo slo;
            struct lg_slo_view view;

            lg_rng_init(&server.rng, seed);
            view = search(&slo, &usual, &server);
            unfinished += view.state != LG_SLO_FOUND;
            wrong += share_met(&server, view.low) <= 0.2 || share_met(&server, view.high) >= 0.8;
            beside += (double)view.low / LG_RATE_UNIT > true_limit(&server) ||
                      (double)view.high / LG_RATE_UNIT < true_limit(&server);
        }
        assert_int_equal(unfinished, 0);
        assert_in_range(wrong, 0, cases[i].wrong_max);
        assert_in_range(beside, 0, cases[i].beside_max);
    }
}

/* ---- What a run says ---- */

static const struct lg_objective objectives[] = {{0.5, 1000000}, {0.99, 5000000}};

/* 2,000 responses: half of them 0.5 ms, the slowest hundredth and a bit `slow_ns`. */
static struct lg_result *make_result(uint64_t slow_ns)
{
    struct lg_result *result = calloc(1, sizeof(*result));

    assert_non_null(result);
    lg_histogram_init(&result->response);
    for (int i = 0; i < LG_BLOCKS; i++)
        lg_histogram_init(&result->blocks[i]);
    for (int i = 0; i < 2000; i++)
        lg_histogram_record(&result->response, i < 1970 ? 500000 : slow_ns);
    result->accounts[LG_MEASURED].scheduled = result->accounts[LG_MEASURED].outcomes[LG_OK] = 2000;
    return result;
}

static void add_cause(struct lg_result *result, const char *cause)
{
    result->invalid_causes[result->invalid_count] = cause;
    snprintf(result->invalid[result->invalid_count++], sizeof(result->invalid[0]), "by %s", cause);
}

static double judge(const struct lg_result *result, const char **ret_why)
{
    return lg_slo_judge(result, objectives, 2, ret_why);
}

static void quantiles_against_their_limits(void **state)
{
    (void)state;
    const char *why;
    struct lg_result *result = make_result(4000000);

    assert_int_equal(lg_slo_needed(objectives, 1), 20);
    assert_int_equal(lg_slo_needed(objectives, 2), 1000);
    assert_float_equal(judge(result, &why), 0.8, 0.01); /* of p99; p50 is at a half */
    assert_null(why);
    free(result);
    result = make_result(10000000);
    assert_float_equal(judge(result, &why), 2, 0.02);
    free(result);
    result = make_result(600000);
    assert_float_equal(judge(result, &why), 0.5, 0.01);
    lg_histogram_init(&result->response);
    for (int i = 0; i < 999; i++)
        lg_histogram_record(&result->response, 1000);
    assert_true(isnan(judge(result, &why)));
    assert_string_equal(why, "too few responses for the quantile");
    free(result);
}

/* What an overloaded server does is a miss; what the generator or the host did says nothing; an
 * answer that is wrong is the server's whoever was late. */
static void who_is_to_blame(void **state)
{
    (void)state;
    static const char *const missed[] = {LG_CAUSE_ERRORS, LG_CAUSE_RATE, LG_CAUSE_RANGE};
    static const char *const nothing[] = {
        LG_CAUSE_LATE,   LG_CAUSE_CLIENT_CPU, LG_CAUSE_WAIT,        LG_CAUSE_STEAL,
        LG_CAUSE_SERVER, LG_CAUSE_ACCOUNTING, LG_CAUSE_UNSOLICITED, "new"};
    static const enum lg_outcome servers[] = {LG_BAD, LG_RESET, LG_EOF, LG_REFUSED};
    const char *why;

    for (size_t i = 0; i < sizeof(missed) / sizeof(*missed); i++) {
        struct lg_result *result = make_result(1000000);

        add_cause(result, missed[i]);
        assert_true(isinf(judge(result, &why)));
        add_cause(result, LG_CAUSE_STEAL);
        assert_true(isnan(judge(result, &why)));
        assert_string_equal(why, "by steal");
        free(result);
    }
    for (size_t i = 0; i < sizeof(nothing) / sizeof(*nothing); i++) {
        struct lg_result *result = make_result(1000000);

        add_cause(result, nothing[i]);
        assert_true(isnan(judge(result, &why)));
        for (size_t k = 0; k < sizeof(servers) / sizeof(*servers); k++) {
            result->accounts[LG_MEASURED].outcomes[servers[k]] = 1;
            assert_true(isinf(judge(result, &why)));
            result->accounts[LG_MEASURED].outcomes[servers[k]] = 0;
        }
        free(result);
    }
}

/* A queue that grows misses; responses that get shorter were warming up. */
static void not_stationary(void **state)
{
    (void)state;
    for (int rising = 0; rising < 2; rising++) {
        for (int slow = 0; slow < 2; slow++) {
            struct lg_result *result = make_result(slow ? 10000000 : 1000000);
            const char *why;
            double worst;

            for (int i = 0; i < LG_BLOCKS; i++)
                for (int k = 0; k < LG_BLOCK_LEAST; k++)
                    lg_histogram_record(&result->blocks[i],
                                        100000 * (uint64_t)(rising ? i + 1 : LG_BLOCKS - i));
            add_cause(result, LG_CAUSE_WARMUP);
            worst = judge(result, &why);
            if (rising && slow)
                assert_float_equal(worst, 2, 0.02);
            else
                assert_true(isnan(worst) && strcmp(why, "by warm-up") == 0);
            free(result);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_noise_it_is_found),
        cmocka_unit_test(the_path),
        cmocka_unit_test(near_the_limit_a_lead_decides),
        cmocka_unit_test(a_single_bad_run_does_not_decide),
        cmocka_unit_test(a_zone_is_said_to_be_one),
        cmocka_unit_test(met_above_a_miss),
        cmocka_unit_test(not_even_at_the_lowest_rate),
        cmocka_unit_test(never_exceeded),
        cmocka_unit_test(invalid_runs),
        cmocka_unit_test(runs_are_bounded),
        cmocka_unit_test(noise_is_withstood),
        cmocka_unit_test(quantiles_against_their_limits),
        cmocka_unit_test(who_is_to_blame),
        cmocka_unit_test(not_stationary),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
