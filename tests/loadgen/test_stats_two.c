/* Two independent samples, held against R 4.2: wilcox.test(conf.int = TRUE). x and y are those of
 * the permeability of placentas in Hollander and Wolfe, "Nonparametric Statistical Methods", 4.1.
 */
#include "loadgen/stats_two.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>

static const double x[] = {0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46, NAN};
static const double y[] = {1.15, 0.88, 0.90, 0.74, 1.21};

static void assert_near(double is, double should, double within)
{
    if (!(fabs(is - should) <= within))
        print_error("%.12g, not %.12g\n", is, should);
    assert_true(fabs(is - should) <= within);
}

static void test_p(void **state)
{
    const double tied[] = {1, 2, 2, 3, 5, 6}, other[] = {2, 4, 5, 7, 8, 9};
    const double low[] = {1, 2, 3, 4}, high[] = {5, 6, 7, 8};
    double many[60], more[55];
    (void)state;
    assert_near(lg_mann_whitney_p(x, 11, y, 5), 0.254412254412, 1e-11);
    assert_near(lg_mann_whitney_p(low, 4, high, 4), 2.0 / 70, 1e-12); /* 1 of 8 over 4, twice */
    assert_near(lg_mann_whitney_p(tied, 6, other, 6), 0.106210034, 1e-9);
    for (int i = 0; i < 60; i++)
        many[i] = (i + 1) / 10.0 + 0.013;
    for (int i = 0; i < 55; i++)
        more[i] = (i + 1) / 10.0 + 0.77;
    assert_near(lg_mann_whitney_p(many, 60, more, 55), 0.128483792278, 1e-9);
    assert_true(isnan(lg_mann_whitney_p(x, 0, y, 5)));
}

/* Values that were counted: the same as one by one, above the size for which that is exact. */
static void test_counts(void **state)
{
    const uint64_t of_x[] = {40, 0, 12, 30, 0, 18}, of_y[] = {10, 0, 25, 20, 5, 30};
    const uint64_t none[6] = {0};
    double one[100], other[90];
    size_t n = 0, m = 0;
    (void)state;
    for (int bucket = 0; bucket < 6; bucket++) {
        for (uint64_t i = 0; i < of_x[bucket]; i++)
            one[n++] = bucket;
        for (uint64_t i = 0; i < of_y[bucket]; i++)
            other[m++] = bucket;
    }
    double p = lg_mann_whitney_p(one, n, other, m);
    assert_true(p > 1e-6 && p < 0.1);
    assert_near(lg_mann_whitney_counts_p(of_x, of_y, 6), p, 1e-12);
    assert_near(lg_mann_whitney_counts_p(of_y, of_x, 6), p, 1e-12);
    assert_near(lg_mann_whitney_counts_p(of_x, of_x, 6), 1, 1e-12);
    assert_true(isnan(lg_mann_whitney_counts_p(of_x, none, 6)));
}

static void test_ratio(void **state)
{
    struct lg_interval ratio = lg_two_ratio_interval(x, 11, y, 5);
    (void)state;
    assert_int_equal(ratio.n, 5);
    assert_true(ratio.bounded && ratio.coverage >= 0.95);
    assert_near(ratio.estimate, 1.311767137078, 1e-9);
    assert_near(ratio.low, 0.859504132231, 1e-9);
    assert_near(ratio.high, 1.959459459459, 1e-9);
    /* Counted by Python over all choices of 10 among 15 ranks. */
    assert_near(ratio.coverage, 0.960039960040, 1e-11);
    assert_near(ratio.spread, 0.200585055962, 1e-9);
    /* 3 and 3: no interval narrower than all of it, which covers 1 - 2/20; 2 and 2 only 1 - 2/6. */
    assert_true(lg_two_ratio_interval(x, 3, y, 3).bounded);
    assert_false(lg_two_ratio_interval(x, 2, y, 2).bounded);
    assert_true(isnan(lg_two_ratio_interval(x, 2, y, 0).estimate));
}

/* More than are counted exactly, of either: from the 1,300th of 3,300 differences, which is below
 * 1650 - 1.95996 sqrt(60 x 55 x 116 / 12) = 1299.94 and one more; by Python. What is no ratio is
 * left out. */
static void test_many_ratios(void **state)
{
    double many[63], more[55];
    (void)state;
    for (int i = 0; i < 60; i++)
        many[i] = (i + 1) / 10.0 + 0.013;
    many[60] = INFINITY;
    many[61] = 0;
    many[62] = -1;
    for (int i = 0; i < 55; i++)
        more[i] = (i + 1) / 10.0 + 0.77;
    struct lg_interval ratio = lg_two_ratio_interval(many, 63, more, 55);
    assert_true(ratio.bounded && ratio.n == 55);
    assert_near(ratio.coverage, 0.95, 1e-12);
    assert_near(ratio.estimate, 0.857630559722, 1e-9);
    assert_near(ratio.low, 0.679497098646, 1e-9);
    assert_near(ratio.high, 1.043626570916, 1e-9);
    assert_near(ratio.spread, 0.109467330370, 1e-9);
    struct lg_interval turned = lg_two_ratio_interval(more, 20, many, 60); /* the second is many */
    assert_near(turned.coverage, 0.95, 1e-12);
    assert_near(lg_two_ratio_interval(many, 60, more, 20).coverage, 0.95, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_p), cmocka_unit_test(test_counts),
                                       cmocka_unit_test(test_ratio),
                                       cmocka_unit_test(test_many_ratios)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
