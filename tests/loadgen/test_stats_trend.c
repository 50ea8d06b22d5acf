/* Drift and outliers, held against R 4.2: cor.test(method = "kendall", exact = TRUE), median of all
 * slopes, quantile(type = 7). */
#include "loadgen/stats_trend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>

static void assert_near(double is, double should, double within)
{
    if (!(fabs(is - should) <= within))
        print_error("%.12g, not %.12g\n", is, should);
    assert_true(fabs(is - should) <= within);
}

static void test_trend(void **state)
{
    const double x[] = {1.00, 1.03, 0.99, 1.05, 1.02, 1.08, 1.04, 1.10, 1.07, 1.09, 1.12, 1.06};
    const double up[] = {1, 2, 3, 4, 5}, gap[] = {1, NAN, 4, 8, 0};
    (void)state;
    struct lg_trend trend = lg_trend_of(x, 12);
    assert_near(trend.change, 1.10727444894, 1e-10);
    assert_near(trend.p, 0.00875773275079, 1e-12);
    assert_near(lg_trend_of(up, 5).p, 2.0 / 120, 1e-12); /* one order of 5!, twice */
    /* By hand: slopes ln 4 / 2, ln 8 / 3 and ln 2, all the same; places count, over 4 steps. */
    trend = lg_trend_of(gap, 5);
    assert_int_equal(trend.n, 3);
    assert_near(trend.change, 16, 1e-9);
    assert_near(trend.p, 2.0 / 6, 1e-12);
    assert_true(isnan(lg_trend_of(x, 1).change) && isnan(lg_trend_of(x, 1).p));
}

/* Without a trend p is 1; and where the normal approximation takes over, nothing jumps. */
static void test_long(void **state)
{
    double x[51];
    (void)state;
    for (int i = 0; i < 51; i++)
        x[i] = 1 + 0.01 * ((i * 29) % 53) + 0.002 * i;
    assert_near(lg_trend_of(x, 51).p, lg_trend_of(x, 50).p, 0.06);
    const double same[] = {2, 2, 2, 2};
    assert_near(lg_trend_of(same, 4).p, 1, 0);
    assert_near(lg_trend_of(same, 4).change, 1, 0);
}

static void test_outliers(void **state)
{
    const double x[] = {2.02, 1.98, 2.04, 2.00, 2.01, 1.99, 2.60, NAN, 2.02, 1.96, 2.0, 1.4, 2.03};
    double ref[13], farthest;
    unsigned place;
    (void)state;
    for (int i = 0; i < 13; i++)
        ref[i] = 2;
    assert_int_equal(lg_outliers(x, ref, 13, &farthest, &place), 2);
    assert_near(farthest, 0.698256535275, 1e-10);
    assert_int_equal(place, 12); /* in x, what is left out counted */
    assert_int_equal(lg_outliers(x, ref, 6, &farthest, &place), 0);
    assert_true(isnan(farthest) && place == 0);
    /* By hand: logs 0 to 4 and one more have quartiles 1.25 and 3.75, so a fence at 7.5. */
    for (int last = 7; last <= 8; last++) {
        const double powers[] = {1, exp(1), exp(2), exp(3), exp(4), exp(last)};
        const double ones[] = {1, 1, 1, 1, 1, 1};
        assert_int_equal(lg_outliers(powers, ones, 6, &farthest, &place), last == 8);
    }
    assert_int_equal(lg_outliers(x + 5, ref, 3, &farthest, &place), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_trend), cmocka_unit_test(test_long),
                                       cmocka_unit_test(test_outliers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
