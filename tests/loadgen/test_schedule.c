/* Schedules: due times against integer arithmetic, Poisson gaps against their distribution. */
#include "loadgen/schedule.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define START   UINT64_C(123456789012345)
#define RATE(n) ((uint64_t)(n)*LG_RATE_UNIT)

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

/* Three threads share exactly the sequence that one would have. */
static void threads_split_one_sequence(void **state)
{
    (void)state;
    static const enum lg_arrivals kinds[] = {LG_ARRIVALS_CONSTANT, LG_ARRIVALS_POISSON};

    for (size_t k = 0; k < 2; k++) {
        struct lg_schedule one, three[3];

        lg_schedule_init(&one, kinds[k], RATE(7), 11, START, 0, 1);
        for (uint64_t t = 0; t < 3; t++)
            lg_schedule_init(&three[t], kinds[k], RATE(7), 11, START, t, 3);
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
        cmocka_unit_test(poisson_has_its_mean_and_spread),
        cmocka_unit_test(same_seed_same_schedule),
        cmocka_unit_test(threads_split_one_sequence),
        cmocka_unit_test(generator_matches_its_reference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
