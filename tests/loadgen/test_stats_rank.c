/* Rank statistics and the bootstrap against R 4.2.2: wilcox.test(exact = TRUE, conf.int = TRUE),
 * p.adjust("holm"), and boot.ci(type = "bca") of its package boot; and against Efron and
 * Tibshirani. */
#include "loadgen/rng.h"
#include "loadgen/stats_bootstrap.h"
#include "loadgen/stats_rank.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

static void assert_near(double is, double should, double within)
{
    if (!(fabs(is - should) <= within))
        print_error("%.10g is not within %g of %.10g\n", is, within, should);
    assert_true(fabs(is - should) <= within);
}

/* round(rnorm(60, 0.3, 1), 3) of set.seed(1). */
static const double normal[60] = {
    -0.326, 0.484,  -0.536, 1.895,  0.63,   -0.52,  0.787, 1.038, 0.876,  -0.005, 1.812,  0.69,
    -0.321, -1.915, 1.425,  0.255,  0.284,  1.244,  1.121, 0.894, 1.219,  1.082,  0.375,  -1.689,
    0.92,   0.244,  0.144,  -1.171, -0.178, 0.718,  1.659, 0.197, 0.688,  0.246,  -1.077, -0.115,
    -0.094, 0.241,  1.4,    1.063,  0.135,  0.047,  0.997, 0.857, -0.389, -0.407, 0.665,  1.069,
    0.188,  1.181,  0.698,  -0.312, 0.641,  -0.829, 1.733, 2.28,  -0.067, -0.744, 0.87,   0.165};

static void test_shift(void **state)
{
    static const struct {
        size_t n;
        double p, low, high, estimate;
    } table[] = {{5, 0.4375, -0.536, 1.895, 0.484},
                 {6, 0.6875, -0.536, 1.895, 0.079},
                 {10, 0.130859375, -0.1655, 0.945, 0.391},
                 {20, 0.02395057678, 0.1255, 0.945, 0.5575},
                 {60, 0.0003719943706, 0.2075, 0.658, 0.442}};
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct lg_interval shift = lg_shift_interval(normal, table[i].n);
        assert_true(shift.bounded);
        assert_near(shift.estimate, table[i].estimate, 1e-9);
        assert_near(shift.low, table[i].low, 1e-9);
        assert_near(shift.high, table[i].high, 1e-9);
        assert_near(lg_signed_rank_p(normal, table[i].n), table[i].p, 1e-9);
    }
    assert_near(lg_shift_interval(normal, 5).coverage, 0.9375, 1e-12); /* 1 - 2 / 2^5 */
    assert_near(lg_shift_interval(normal, 6).coverage, 0.96875, 1e-12);
    assert_false(lg_shift_interval(normal, 4).bounded);
    assert_true(isnan(lg_shift_interval(normal, 0).estimate));
}

/* Hollander and Wolfe (1973), "Nonparametric Statistical Methods": depression before and after, the
 * example of R's wilcox.test. */
static void test_depression(void **state)
{
    static const double x[] = {1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30};
    static const double y[] = {0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29};
    double d[9], exp_x[9], exp_y[9];
    (void)state;
    for (size_t i = 0; i < 9; i++) {
        d[i] = x[i] - y[i];
        exp_x[i] = exp(x[i]);
        exp_y[i] = exp(y[i]);
    }
    struct lg_interval shift = lg_shift_interval(d, 9);
    assert_near(lg_signed_rank_p(d, 9), 0.0390625, 1e-12);
    assert_near(shift.estimate, 0.46, 1e-9);
    assert_near(shift.low, 0.010, 1e-9);
    assert_near(shift.high, 0.786, 1e-9);
    struct lg_interval ratio = lg_shift_ratio_interval(exp_x, exp_y, 9);
    assert_near(log(ratio.estimate), 0.46, 1e-9);
    assert_near(log(ratio.low), 0.010, 1e-9);
    assert_near(log(ratio.high), 0.786, 1e-9);
}

/* By hand: of the 16 signs of ranks 2, 2, 2, 4, four have a sum of 2 or less; their mirror images
 * have 8 or more. */
static void test_ties_and_zeros(void **state)
{
    static const double tied[] = {1, 1, -1, 2}, zeros[] = {0, 1, 1, NAN, -1, 2, 0};
    static const double nothing[] = {0, 0};
    (void)state;
    assert_near(lg_signed_rank_p(tied, 4), 0.5, 1e-12);
    assert_near(lg_signed_rank_p(zeros, 7), 0.5, 1e-12);
    assert_near(lg_signed_rank_p(nothing, 2), 1, 0);
}

/* Past 200 pairs the normal approximation takes over; at the border both agree. */
static void test_many_pairs(void **state)
{
    double d[201];
    struct lg_rng rng;
    (void)state;
    lg_rng_init(&rng, 3);
    for (size_t i = 0; i < 201; i++)
        d[i] = (double)(lg_rng_next(&rng) >> 11) / 9007199254740992.0 - 0.43;
    struct lg_interval exact = lg_shift_interval(d, 200), near = lg_shift_interval(d, 201);
    assert_near(near.low, exact.low, 0.005);
    assert_near(near.high, exact.high, 0.005);
    assert_near(lg_signed_rank_p(d, 201), lg_signed_rank_p(d, 200), 0.005);
    assert_true(lg_signed_rank_p(d, 201) < 0.05);
    /* 210 with ties of three, by the textbook (Hollander and Wolfe; R's wilcox.test(exact = FALSE,
     * correct = TRUE)): V = 14680 of a mean of 11077.5 and a variance of n (n + 1) (2 n + 1) / 24
     * less the sum of (t^3 - t) / 48, one half towards the mean: z = 4.085706679637. */
    double tied[210];
    for (size_t i = 0; i < 210; i++)
        tied[i] = (double)(i / 3 + 1) * (i % 4 == 0 ? -1 : 1) * (i < 60 || i % 5 != 0 ? 1 : -1);
    assert_near(lg_signed_rank_p(tied, 210), 4.394286401832e-05, 1e-13);
}

static void test_holm(void **state)
{
    double p[] = {0.01, 0.04, 0.03, 0.005, 0.5, 0.9};
    double with_none[] = {0.01, NAN, 0.03, 0.02};
    static const double adjusted[] = {0.05, 0.12, 0.12, 0.03, 1, 1};
    (void)state;
    lg_holm(p, 6);
    for (size_t i = 0; i < 6; i++)
        assert_near(p[i], adjusted[i], 1e-12);
    lg_holm(with_none, 4);
    assert_near(with_none[0], 0.03, 1e-12);
    assert_true(isnan(with_none[1]));
    assert_near(with_none[2], 0.04, 1e-12);
    assert_near(with_none[3], 0.04, 1e-12);
}

/* Efron and Tibshirani, table 14.1: the spatial test, and its variance with divisor n. */
static const double spatial[] = {48, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6,
                                 0,  33, 28, 34, 4,  32, 24, 47, 41, 24, 26, 30, 41};

static double variance(const size_t *blocks, size_t n, void *context)
{
    const double *x = context;
    double mean = 0, squares = 0;
    for (size_t i = 0; i < n; i++)
        mean += x[blocks[i]] / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (x[blocks[i]] - mean) * (x[blocks[i]] - mean);
    return squares / (double)n;
}

/* The book, table 14.2: 171.5, BCa of 90 % from 115.8 to 259.6 with 2,000 resamples; R's boot with
 * 100,000: from 115.9 to 261.5, its acceleration by another rule. The plain percentiles are 98.0
 * and 235.2: far outside of what is allowed here. */
static void test_bca_of_a_variance(void **state)
{
    double x[26];
    (void)state;
    memcpy(x, spatial, sizeof x);
    struct lg_interval bca = lg_bca_interval(variance, x, 26, 100000, 0.9, 1);
    assert_true(bca.bounded);
    assert_near(bca.estimate, 171.534, 0.001);
    assert_near(bca.low, 115.8, 1.5);
    assert_near(bca.high, 260.5, 2.5);
}

/* Davison and Hinkley, "Bootstrap Methods", 1.2: populations of ten cities (R: boot::city). */
static const double city[10][2] = {{138, 143}, {93, 104}, {61, 69}, {179, 260}, {48, 75},
                                   {37, 63},   {29, 50},  {23, 48}, {30, 111},  {2, 50}};

static double ratio_of_sums(const size_t *blocks, size_t n, void *context)
{
    double u = 0, x = 0;
    (void)context;
    for (size_t i = 0; i < n; i++) {
        u += city[blocks[i]][0];
        x += city[blocks[i]][1];
    }
    return x / u;
}

static void test_bca_of_a_ratio(void **state)
{
    (void)state;
    struct lg_interval bca = lg_bca_interval(ratio_of_sums, NULL, 10, 100000, 0.95, 2);
    assert_near(bca.estimate, 973.0 / 640.0, 1e-12);
    assert_near(bca.low, 1.255, 0.02);
    assert_near(bca.high, 2.126, 0.04);
    struct lg_interval again = lg_bca_interval(ratio_of_sums, NULL, 10, 100000, 0.95, 2);
    assert_true(again.low == bca.low && again.high == bca.high);
}

static double constant(const size_t *blocks, size_t n, void *context)
{
    (void)blocks;
    (void)n;
    return *(const double *)context;
}

static void test_bca_at_the_borders(void **state)
{
    double one = 1, none = NAN;
    (void)state;
    struct lg_interval same = lg_bca_interval(constant, &one, 10, 100, 0.95, 1);
    assert_true(same.bounded && same.low == 1 && same.high == 1);
    assert_false(lg_bca_interval(constant, &one, 4, 100, 0.95, 1).bounded);
    assert_false(lg_bca_interval(constant, &none, 10, 100, 0.95, 1).bounded);
    assert_true(isnan(lg_bca_interval(constant, &one, 0, 100, 0.95, 1).estimate));
    assert_true(isnan(lg_bca_interval(constant, &one, 2001, 100, 0.95, 1).estimate));
}

/* The mean of those of the blocks that have a value: the first so many. */
static double mean_of_known(const size_t *blocks, size_t n, void *context)
{
    const size_t *known = context;
    double sum = 0, count = 0;
    for (size_t i = 0; i < n; i++) {
        if (blocks[i] < *known) {
            sum += (double)(blocks[i] + 1);
            count++;
        }
    }
    return sum / count;
}

/* Of 20 drawn from 20, none is of the two that have a value in (18/20)^20 = 0.122 of all resamples,
 * and none of three in (17/20)^20 = 0.039. An interval of those that have a value says nothing of
 * the others: more than a tenth of these is too many. */
static void test_resamples_without_a_value(void **state)
{
    (void)state;
    size_t two = 2, three = 3;
    struct lg_interval few = lg_bca_interval(mean_of_known, &two, 20, 20000, 0.95, 1);
    assert_false(few.bounded);
    assert_true(isnan(few.low) && isnan(few.high));
    assert_true(fabs(few.estimate - 1.5) < 1e-12);
    struct lg_interval enough = lg_bca_interval(mean_of_known, &three, 20, 20000, 0.95, 1);
    assert_true(enough.bounded && enough.low >= 1 && enough.high <= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resamples_without_a_value),
        cmocka_unit_test(test_shift),
        cmocka_unit_test(test_depression),
        cmocka_unit_test(test_ties_and_zeros),
        cmocka_unit_test(test_many_pairs),
        cmocka_unit_test(test_holm),
        cmocka_unit_test(test_bca_of_a_variance),
        cmocka_unit_test(test_bca_of_a_ratio),
        cmocka_unit_test(test_bca_at_the_borders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
