/* Whether the method keeps its word: hundreds of made-up studies, seeded, without a clock. Trials
 * have log-normal noise, the machine drifts from trial to trial, and now and then the host steals
 * from one. Six arms in the order that `loadgen study` would run them in, twelve blocks as in the
 * design `reference`; the verdicts are those of a report. */
#include "loadgen/report_summary.h"
#include "loadgen/rng.h"
#include "loadgen/stats_bootstrap.h"
#include "loadgen/stats_count.h"
#include "loadgen/stats_rank.h"
#include "loadgen/study_json.h"
#include "loadgen/study_order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#define NOISE  0.015 /* standard deviation of a trial's log throughput */
#define DRIFT  0.004 /* of the log, from a trial to the next: 33 % over a study */
#define STOLEN 0.03  /* share of trials that lose up to a fifth of their time, unnoticed */

enum { STUDIES = 200, ARMS = 6, BLOCKS = 12, TRIALS = ARMS * BLOCKS };

static void make_design(struct lg_design *design)
{
    static const char text[] =
        "{\"name\":\"made-up\",\"blocks\":12,\"warmup\":\"0\",\"duration\":\"1ms\",\"server_cpu\":"
        "0,"
        "\"load_cpu\":0,\"arms\":[{\"name\":\"a\",\"server\":[]},{\"name\":\"b\",\"server\":[]},"
        "{\"name\":\"c\",\"server\":[]},{\"name\":\"d\",\"server\":[]},{\"name\":\"e\",\"server\":["
        "]},"
        "{\"name\":\"f\",\"server\":[]}],\"scenarios\":[\"s\"],"
        "\"loads\":[{\"name\":\"l\",\"args\":[\"--closed\"]}]}";
    struct evd_error error = {0};
    cJSON *root;
    assert_int_equal(lg_json_parse(text, strlen(text), "design", 1, &root, &error), EVD_OK);
    assert_int_equal(lg_design_take(root, "design", design, &error), EVD_OK);
}

/* In [0, 1). */
static double uniform(struct lg_rng *rng)
{
    return (double)(lg_rng_next(rng) >> 11) / 9007199254740992.0;
}

/* Box and Muller. */
static double normal(struct lg_rng *rng)
{
    double radius = sqrt(-2 * log(1 - uniform(rng)));
    return radius * cos(6.283185307179586 * uniform(rng));
}

/* Arm 1 is faster than the others by `effect`, on the log scale. */
static void make_trials(const struct lg_design *design, uint64_t seed, double effect,
                        struct lg_trial *trials)
{
    struct lg_rng rng;
    size_t order[ARMS];
    unsigned number = 0;
    lg_rng_init(&rng, seed);
    for (unsigned block = 0; block < BLOCKS; block++) {
        lg_order_block(design, seed, block, order);
        for (size_t i = 0; i < ARMS; i++) {
            struct lg_trial *trial = &trials[number++];
            double speed = NOISE * normal(&rng) + DRIFT * number;
            *trial = (struct lg_trial){
                .number = number, .block = block + 1, .arm = order[i], .exact = true, .ok = 1};
            speed += trial->arm == 1 ? effect : 0;
            if (uniform(&rng) < STOLEN)
                speed += log(1 - uniform(&rng) / 5);
            for (int metric = 0; metric < LG_METRIC_COUNT; metric++)
                trial->metrics[metric] = NAN;
            trial->metrics[LG_RATE] = 1e6 * exp(speed);
            trial->metrics[LG_CPU] = 1e3 / exp(speed);
        }
    }
}

struct tally {
    unsigned studies, flagged; /* studies with a difference between arms that are the same */
    unsigned found, wrong;     /* arm 1 is faster; slower */
};

static struct tally simulate(double effect)
{
    struct lg_data data = {.loads = {{.known = true, .closed = true}}, .count = TRIALS};
    struct lg_trial trials[TRIALS];
    struct tally tally = {0};
    make_design(&data.design);
    data.trials = trials;
    for (; tally.studies < STUDIES; tally.studies++) {
        struct lg_summary summary;
        bool flagged = false;
        make_trials(&data.design, 1 + tally.studies, effect, trials);
        assert_int_equal(lg_summary_make(&data, &summary), EVD_OK);
        for (size_t arm = 1; arm < ARMS; arm++) {
            enum lg_verdict verdict = lg_summary_cell(&summary, 0, 0, arm)->verdicts[LG_RATE];
            bool differs = verdict == LG_BETTER || verdict == LG_WORSE;
            flagged = flagged || (differs && (arm > 1 || effect == 0));
        }
        enum lg_verdict first = lg_summary_cell(&summary, 0, 0, 1)->verdicts[LG_RATE];
        tally.flagged += flagged;
        tally.found += first == LG_BETTER;
        tally.wrong += first == LG_WORSE;
        lg_summary_release(&summary);
    }
    lg_design_release(&data.design);
    print_message("%g: of %u studies %u flagged, %u found, %u wrong\n", effect, tally.studies,
                  tally.flagged, tally.found, tally.wrong);
    return tally;
}

/* Six times the same arm: in at most one study of twenty any of the five comparisons differs. */
static void test_same(void **state)
{
    struct tally tally;
    (void)state;
    tally = simulate(0);
    assert_true(tally.flagged * 20 <= tally.studies);
}

/* +5 % in one arm: found in four studies of five, never the wrong way round, and the others are
 * not flagged for it. */
static void test_five_percent(void **state)
{
    struct tally tally;
    (void)state;
    tally = simulate(log(1.05));
    assert_true(tally.found * 5 >= tally.studies * 4);
    assert_int_equal(tally.wrong, 0);
    assert_true(tally.flagged * 20 <= tally.studies);
}

/* ---- Latencies. ---- */

/* A trial's: most are exponential; where the host stole, some had to wait for up to `wait` ms. */
struct tail {
    double p99, share, wait; /* p99 of the exponential ones, in ms */
};

static struct tail draw_tail(struct lg_rng *rng)
{
    struct tail tail = {.p99 = exp(0.15 * normal(rng))};
    if (uniform(rng) < 0.25) {
        tail.share = 0.01 + 0.09 * uniform(rng);
        tail.wait = 2 + 20 * uniform(rng);
    }
    return tail;
}

struct tails {
    const struct tail *list[2]; /* of one arm and of the other, by block */
    double effect;              /* the other takes so many times as long */
};

/* The p99 of all calls of these blocks, which have as many calls each. */
static double p99_of(const struct tail *list, const size_t *blocks, size_t n)
{
    double low = 0, high = 100;
    for (unsigned i = 0; i < 30; i++) {
        double at = (low + high) / 2, above = 0;
        for (size_t k = 0; k < n; k++) {
            const struct tail *tail = &list[blocks[k]];
            double waiting = tail->share > 0 ? fmax(0, 1 - at / tail->wait) : 0;
            above += (1 - tail->share) * exp(-at * log(100) / tail->p99) + tail->share * waiting;
        }
        if (above > 0.01 * (double)n)
            low = at;
        else
            high = at;
    }
    return high;
}

static double ratio_of_all_calls(const size_t *blocks, size_t n, void *context)
{
    const struct tails *tails = context;
    return tails->effect * p99_of(tails->list[1], blocks, n) / p99_of(tails->list[0], blocks, n);
}

/* Of `studies` studies of two arms, the other by `effect` slower: how many intervals of the p99's
 * ratio do not hold 1; *ret_pooled: the same of BCa intervals of the p99 of all calls, of every
 * fourth study. */
static unsigned off_one(unsigned studies, unsigned blocks, double effect, unsigned *ret_pooled)
{
    struct lg_rng rng;
    unsigned off = 0;
    *ret_pooled = 0;
    lg_rng_init(&rng, blocks);
    for (unsigned study = 0; study < studies; study++) {
        struct tail arms[2][BLOCKS];
        struct tails tails = {{arms[0], arms[1]}, effect};
        double p99[2][BLOCKS];
        for (size_t block = 0; block < blocks; block++) {
            for (size_t arm = 0; arm < 2; arm++) {
                arms[arm][block] = draw_tail(&rng);
                p99[arm][block] = p99_of(arms[arm], &block, 1) * (arm == 1 ? effect : 1);
            }
        }
        struct lg_interval ratio = lg_shift_ratio_interval(p99[1], p99[0], blocks);
        off += lg_interval_off_one(&ratio);
        if (study % 4 == 0) {
            ratio = lg_bca_interval(ratio_of_all_calls, &tails, blocks, 400, 0.95, study);
            *ret_pooled += lg_interval_off_one(&ratio);
        }
    }
    print_message("p99 x %g, %u blocks: off 1 in %u of %u; of all calls, BCa, in %u of %u\n",
                  effect, blocks, off, studies, *ret_pooled, studies / 4);
    return off;
}

/* Equal arms from some of whose trials the host stole: the interval of a report holds 1 in 95 of
 * 100, with few blocks and with many. That of the percentile of all calls, by the bootstrap, does
 * not: it is made of the few trials that were stolen from, and knows of no others. */
static void test_latencies(void **state)
{
    enum { COUNT = 400 };
    unsigned pooled, limit = lg_binomial_limit(COUNT, 0.05, 0.025);
    (void)state;
    assert_true(off_one(COUNT, 6, 1, &pooled) <= limit);
    assert_true(pooled > lg_binomial_limit(COUNT / 4, 0.05, 0.025));
    assert_true(off_one(COUNT, BLOCKS, 1, &pooled) <= limit);
    assert_true(pooled > lg_binomial_limit(COUNT / 4, 0.05, 0.025));
    assert_true(off_one(COUNT, BLOCKS, 4, &pooled) * 5 >= COUNT * 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same),
                                       cmocka_unit_test(test_five_percent),
                                       cmocka_unit_test(test_latencies)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
