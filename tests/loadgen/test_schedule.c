/* Schedules: due times against integer arithmetic, Poisson gaps against their distribution. */
#include "loadgen/schedule.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define START   UINT64_C(123456789012345)
#define RATE(n) ((uint64_t)(n)*LG_RATE_UNIT)
#define S       UINT64_C(1000000000)
#define MS      UINT64_C(1000000)

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Three a second: a gap that no integer of nanoseconds holds. Jumping the cursor to the billionth
 * request is what adding gaps up could not survive. */
static void constant_never_drifts(void **state)
{
    (void)state;
    struct lg_schedule s;

    lg_schedule_init(&s, LG_ARRIVALS_CONSTANT, RATE(3), 1, START, 0, 1);
    for (uint64_t i = 0; i < 100000; i++) {
        assert_int_equal(s.index, i);
        assert_int_equal(s.due_ns, START + i * UINT64_C(1000000000) / 3);
        lg_schedule_next(&s);
    }
    s.index = UINT64_C(2999999999) - 1;
    lg_schedule_next(&s);
    assert_int_equal(s.due_ns, START + UINT64_C(999999999666666666));
    lg_schedule_next(&s);
    assert_int_equal(s.due_ns, START + UINT64_C(1000000000000000000));
}

static void constant_at_a_fractional_rate(void **state)
{
    (void)state;
    struct lg_schedule s;

    lg_schedule_init(&s, LG_ARRIVALS_CONSTANT, 2500000, 1, 0, 0, 1); /* 2.5 a second */
    lg_schedule_next(&s);
    assert_int_equal(s.due_ns, 400000000);
    lg_schedule_next(&s);
    assert_int_equal(s.due_ns, 800000000);
}

static void poisson_has_its_mean_and_spread(void **state)
{
    (void)state;
    enum { N = 200000 };
    const double mean = 1e9 / 5000.0;
    struct lg_schedule s;
    uint64_t last = START;
    double sum = 0, squares = 0;
    int below_median = 0;

    lg_schedule_init(&s, LG_ARRIVALS_POISSON, RATE(5000), 99, START, 0, 1);
    for (int i = 0; i < N; i++) {
        double gap = (double)(s.due_ns - last);

        assert_true(s.due_ns >= last);
        sum += gap;
        squares += gap * gap;
        below_median += gap < mean * log(2);
        last = s.due_ns;
        lg_schedule_next(&s);
    }
    /* Seeded, so this is decided once for all; the bounds are five standard errors. */
    assert_true(fabs(sum / N / mean - 1) < 5 / sqrt(N));
    double variance = squares / N - (sum / N) * (sum / N);
    assert_true(fabs(sqrt(variance) / (sum / N) - 1) < 0.02);
    assert_true(fabs((double)below_median / N - 0.5) < 2.5 / sqrt(N));
}

static void same_seed_same_schedule(void **state)
{
    (void)state;
    struct lg_schedule a, b, other;
    int same = 0;

    lg_schedule_init(&a, LG_ARRIVALS_POISSON, RATE(100), 5, START, 0, 1);
    lg_schedule_init(&b, LG_ARRIVALS_POISSON, RATE(100), 5, START, 0, 1);
    lg_schedule_init(&other, LG_ARRIVALS_POISSON, RATE(100), 6, START, 0, 1);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(a.due_ns, b.due_ns);
        same += a.due_ns == other.due_ns;
        lg_schedule_next(&a);
        lg_schedule_next(&b);
        lg_schedule_next(&other);
    }
    assert_true(same < 3);
}

/* ---- Bursts ---- */

/* 1,000 a second in bursts of 100 ms every second: 10,000 a second within. */
static void bursts_hold_their_counts(void **state)
{
    (void)state;
    struct lg_schedule s;
    uint64_t burst = 0, count = 0;

    lg_schedule_init_burst(&s, RATE(1000), 100 * MS, 900 * MS, START, 0, 1);
    for (uint64_t i = 0; i < 50000; i++) {
        uint64_t time = s.due_ns - START;

        if (time / S != burst) {
            assert_int_equal(count, 1000);
            count = 0;
            burst++;
        }
        count++;
        assert_int_equal(time, i / 1000 * S + i % 1000 * 100000);
        assert_true(time % S < 100 * MS);
        lg_schedule_next(&s);
    }
    assert_int_equal(burst, 49);
}

/* A third of a second that no integer divides: arrival i of the even schedule put end to end. */
static void bursts_never_drift(void **state)
{
    (void)state;
    struct lg_schedule s;

    lg_schedule_init_burst(&s, RATE(7), 3 * MS, 8 * MS, START, 0, 1);
    for (uint64_t i = 0; i < 100000; i++) {
        uint64_t busy = i * 3 * S / (7 * 11); /* at 7 * 11 / 3 a second */

        assert_int_equal(s.due_ns, START + busy / (3 * MS) * (11 * MS) + busy % (3 * MS));
        lg_schedule_next(&s);
    }
    /* The most that a run can ask for: a day, at the highest rate, with the longest times. */
    lg_schedule_init_burst(&s, LG_RATE_MAX, LG_BURST_MAX, LG_BURST_MAX, 0, 0, 1);
    s.index = UINT64_C(864000000000) - 1;
    lg_schedule_next(&s);
    assert_int_equal(s.due_ns, 86400 * S);
}

/* ---- Rates that change ---- */

/* 1,000 to 5,000 over 10 s after 2 s: the root of 1000 t + 200 t^2 = i, in long double. */
static void ramp_follows_its_formula(void **state)
{
    (void)state;
    static const struct {
        uint64_t from, to;
    } ramps[] = {{1000, 5000}, {5000, 1000}, {1, 10000}, {10000, 1}};

    for (size_t k = 0; k < 4; k++) {
        const long double a = ramps[k].from, slope = ((long double)ramps[k].to - a) / 10;
        uint64_t warmup = 2 * ramps[k].from, last = 0;
        uint64_t count = 5 * (ramps[k].from + ramps[k].to);
        struct lg_shape shape;
        struct lg_schedule s;

        lg_shape_ramp(&shape, RATE(ramps[k].from), RATE(ramps[k].to), 2 * S, 10 * S);
        lg_schedule_init_shape(&s, LG_ARRIVALS_CONSTANT, &shape, 1, START, 0, 1);
        for (uint64_t i = 0; i < warmup + count + 100; i++) {
            long double time = (long double)(s.due_ns - START) / 1e9L;
            long double n = (long double)i - warmup, expected = i / a;

            if (i >= warmup + count)
                expected = 12 + (n - count) / ramps[k].to;
            else if (i >= warmup)
                expected = 2 + 2 * n / (a + sqrtl(a * a + 2 * slope * n));
            assert_true(time <= expected + 1e-12L);
            assert_true(time > expected - 1.001e-9L); /* the floor */
            assert_true(s.due_ns >= last);
            last = s.due_ns;
            lg_schedule_next(&s);
        }
    }
}

/* The floor of the root to the ns where doubles could not hold it: at the end of a day from one a
 * second to the highest rate, arrival (1 + 10^7) / 2 * 86,400 is due at the end exactly. */
static void ramp_of_a_day(void **state)
{
    (void)state;
    const uint64_t day = 86400 * S, all = UINT64_C(10000001) * 43200;
    struct lg_schedule s;
    struct lg_shape shape;

    lg_shape_ramp(&shape, RATE(1), RATE(10000000), 0, day);
    lg_schedule_init_shape(&s, LG_ARRIVALS_CONSTANT, &shape, 1, 0, 0, 1);
    s.index = all - 2;
    lg_schedule_next(&s);
    /* The last 100 ns have 6e-13 less than one arrival: the one before is due earlier than that. */
    assert_int_equal(s.due_ns, day - 101);
    lg_schedule_next(&s);
    assert_int_equal(s.due_ns, day);
    lg_shape_ramp(&shape, RATE(10000000), RATE(1), 0, day);
    lg_schedule_init_shape(&s, LG_ARRIVALS_CONSTANT, &shape, 1, 0, 0, 1);
    s.index = all - 1;
    lg_schedule_next(&s);
    assert_int_equal(s.due_ns, day);
}

static void steps_are_equal_parts(void **state)
{
    (void)state;
    const uint64_t rates[] = {RATE(1000), RATE(2000), RATE(4000)};
    uint64_t counts[5] = {0};
    struct lg_shape shape;
    struct lg_schedule s;

    lg_shape_steps(&shape, rates, 3, S, 3 * S);
    lg_schedule_init_shape(&s, LG_ARRIVALS_CONSTANT, &shape, 1, START, 0, 1);
    for (; s.due_ns < START + 5 * S; lg_schedule_next(&s))
        counts[(s.due_ns - START) / S]++;
    assert_int_equal(counts[0], 1000); /* the warm-up has the first rate, what follows the last */
    assert_int_equal(counts[1], 1000);
    assert_int_equal(counts[2], 2000);
    assert_int_equal(counts[3], 4000);
    assert_int_equal(counts[4], 4000);
    /* Parts that no ns divides: 10 s / 3 at 1, 2 and 4 a second are 70 / 3 arrivals. */
    const uint64_t slow[] = {RATE(1), RATE(2), RATE(4)};

    lg_shape_steps(&shape, slow, 3, 0, 10 * S);
    lg_schedule_init_shape(&s, LG_ARRIVALS_CONSTANT, &shape, 1, 0, 0, 1);
    for (int i = 0; i < 4; i++)
        lg_schedule_next(&s);
    assert_int_equal(s.due_ns, UINT64_C(3666666666)); /* 10/3 s have 10/3; 2/3 more take 1/3 s */
    const uint64_t four[] = {RATE(1), RATE(2), RATE(3), RATE(4)};

    lg_shape_steps(&shape, four, 4, S, 7); /* no ns is lost, and none is there twice */
    for (unsigned part = 0; part < 4; part++)
        assert_int_equal(shape.segments[1 + part].from_ns, S + 7 * part / 4);
}

/* Kolmogorov and Smirnov's distance of the n sorted values from the uniform distribution. */
static double ks_distance(const double *values, size_t n)
{
    double most = 0;

    for (size_t i = 0; i < n; i++) {
        most = fmax(most, values[i] - (double)i / (double)n);
        most = fmax(most, (double)(i + 1) / (double)n - values[i]);
    }
    return most;
}

/* Given their number, the arrivals of a Poisson process lie like independent draws from its rate's
 * integral: uniform after mapping by it. Limit: the test's critical value at 1 %, 1.63 / sqrt(n);
 * seeded, so this is decided once for all. */
static void poisson_arrivals_follow_the_rate(void **state)
{
    (void)state;
    static double flat[60000], ramp[60000], plain[60000];
    size_t flats = 0, ramps = 0, plains = 0;
    struct lg_shape shape;
    struct lg_schedule s;

    lg_schedule_init(&s, LG_ARRIVALS_POISSON, RATE(3000), 4, 0, 0, 1);
    for (; s.due_ns < 10 * S; lg_schedule_next(&s))
        plain[plains++] = (double)s.due_ns / 1e10;
    assert_true(ks_distance(plain, plains) < 1.63 / sqrt((double)plains));
    lg_shape_ramp(&shape, RATE(1000), RATE(5000), 0, 10 * S);
    lg_schedule_init_shape(&s, LG_ARRIVALS_POISSON, &shape, 4, 0, 0, 1);
    for (; s.due_ns < 10 * S; lg_schedule_next(&s)) {
        double t = (double)s.due_ns / 1e9;

        flat[flats++] = t / 10;
        ramp[ramps++] = (1000 * t + 200 * t * t) / 30000;
    }
    assert_true(fabs((double)ramps - 30000) < 3 * sqrt(30000)); /* variance = mean */
    assert_true(ks_distance(ramp, ramps) < 1.63 / sqrt((double)ramps));
    assert_true(ks_distance(flat, flats) > 0.1); /* and it is the ramp that fits */
}

static void poisson_gaps_are_exponential(void **state)
{
    (void)state;
    enum { N = 20000 };
    static double gaps[N];
    struct lg_schedule s;
    uint64_t last = 0;
    double sum = 0, squares = 0, products = 0;

    lg_schedule_init(&s, LG_ARRIVALS_POISSON, RATE(1000), 21, 0, 0, 1);
    for (int i = 0; i < N; i++) {
        gaps[i] = 1 - exp(-(double)(s.due_ns - last) / 1e6); /* uniform, were they exponential */
        sum += gaps[i] - 0.5;
        squares += (gaps[i] - 0.5) * (gaps[i] - 0.5);
        products += i > 0 ? (gaps[i] - 0.5) * (gaps[i - 1] - 0.5) : 0;
        last = s.due_ns;
        lg_schedule_next(&s);
    }
    assert_true(fabs(products / squares) < 0.02); /* the next gap knows nothing of this one */
    assert_true(fabs(sum / N) < 5 / sqrt(12.0 * N));
    qsort(gaps, N, sizeof(*gaps), compare);
    assert_true(ks_distance(gaps, N) < 1.63 / sqrt(N));
}

/* Constant, Poisson, ramps of both, bursts. */
static void start_kind(struct lg_schedule *s, int kind, uint64_t first, uint64_t stride)
{
    static const enum lg_arrivals kinds[] = {LG_ARRIVALS_CONSTANT, LG_ARRIVALS_POISSON};
    static struct lg_shape shape;

    if (kind == 4) {
        lg_schedule_init_burst(s, RATE(7), 30 * MS, 80 * MS, START, first, stride);
    } else if (kind >= 2) {
        lg_shape_ramp(&shape, RATE(7), RATE(70), 10 * S, 30 * S);
        lg_schedule_init_shape(s, kinds[kind - 2], &shape, 11, START, first, stride);
    } else {
        lg_schedule_init(s, kinds[kind], RATE(7), 11, START, first, stride);
    }
}

/* Three threads share exactly the sequence that one would have. */
static void threads_split_one_sequence(void **state)
{
    (void)state;
    for (int k = 0; k < 5; k++) {
        struct lg_schedule one, three[3];

        start_kind(&one, k, 0, 1);
        for (uint64_t t = 0; t < 3; t++)
            start_kind(&three[t], k, t, 3);
        for (uint64_t i = 0; i < 3000; i++) {
            assert_int_equal(three[i % 3].index, i);
            assert_int_equal(three[i % 3].due_ns, one.due_ns);
            lg_schedule_next(&three[i % 3]);
            lg_schedule_next(&one);
        }
    }
}

/* xoshiro256** from the state {1, 2, 3, 4}: the first outputs published with its Rust crate
 * (rand_xoshiro, test of the reference implementation). */
static void generator_matches_its_reference(void **state)
{
    (void)state;
    static const uint64_t expected[] = {
        UINT64_C(11520),
        UINT64_C(0),
        UINT64_C(1509978240),
        UINT64_C(1215971899390074240),
        UINT64_C(1216172134540287360),
        UINT64_C(607988272756665600),
        UINT64_C(16172922978634559625),
        UINT64_C(8476171486693032832),
    };
    struct lg_rng rng = {{1, 2, 3, 4}};
    /* SplitMix64 seeded with 1234567, as on Rosetta Code. */
    uint64_t seed = 1234567;

    for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++)
        assert_true(lg_rng_next(&rng) == expected[i]);
    assert_true(lg_splitmix64(&seed) == UINT64_C(6457827717110365317));
    assert_true(lg_splitmix64(&seed) == UINT64_C(3203168211198807973));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constant_never_drifts),
        cmocka_unit_test(constant_at_a_fractional_rate),
        cmocka_unit_test(bursts_hold_their_counts),
        cmocka_unit_test(bursts_never_drift),
        cmocka_unit_test(ramp_follows_its_formula),
        cmocka_unit_test(ramp_of_a_day),
        cmocka_unit_test(steps_are_equal_parts),
        cmocka_unit_test(poisson_arrivals_follow_the_rate),
        cmocka_unit_test(poisson_gaps_are_exponential),
        cmocka_unit_test(poisson_has_its_mean_and_spread),
        cmocka_unit_test(same_seed_same_schedule),
        cmocka_unit_test(threads_split_one_sequence),
        cmocka_unit_test(generator_matches_its_reference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
