/* The statistics against published values: quantiles and critical ranks of tables, Student's own
 * data. */
#include "loadgen/stats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

static void assert_near(double is, double should, double within)
{
    if (!(fabs(is - should) <= within))
        print_error("%.10g is not within %g of %.10g\n", is, within, should);
    assert_true(fabs(is - should) <= within);
}

/* NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2, "Critical Values of the Student's t
 * Distribution". */
static void test_t_quantiles(void **state)
{
    static const struct {
        double p, dof, t;
    } table[] = {{0.975, 1, 12.706}, {0.975, 2, 4.303}, {0.975, 4, 2.776}, {0.975, 11, 2.201},
                 {0.975, 29, 2.045}, {0.95, 10, 1.812}, {0.90, 5, 1.476},  {0.995, 9, 3.250}};
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
        assert_near(lg_t_quantile(table[i].p, table[i].dof), table[i].t, 0.0005);
}

/* Student (1908): hours of sleep gained by two drugs; R's data set `sleep`. */
static const double drug1[] = {0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0};
static const double drug2[] = {1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4};

/* R's documentation of `sleep`: t.test(extra ~ group, paired): mean -1.58, from -2.4598858 to
 * -0.7001142, 9 degrees of freedom. As logarithms: the ratio's logarithm is the difference. */
static void test_paired_ratio(void **state)
{
    double x[12];
    (void)state;
    for (size_t i = 0; i < 10; i++)
        x[i] = exp(drug1[i]) / exp(drug2[i]);
    /* What was not measured, or is no figure of its kind, doesn't count. */
    x[10] = NAN;
    x[11] = 0;
    struct lg_interval ratio = lg_geometric_interval(x, 12);
    assert_true(ratio.bounded);
    assert_int_equal(ratio.n, 10);
    assert_near(log(ratio.estimate), -1.58, 1e-12);
    assert_near(log(ratio.low), -2.4598858, 1e-7);
    assert_near(log(ratio.high), -0.7001142, 1e-7);
    /* R: t = -4.0621, so the standard error is 1.58 / 4.0621; t(0.975, 9) = 2.262 and t(0.8, 9) =
     * 0.883 in NIST's table. */
    assert_near(log1p(lg_detectable(&ratio)), (2.262 + 0.883) * 1.58 / 4.0621, 0.001);
}

/* By hand: logarithms 9.8 10.2 10.4 9.8 10.0: mean 10.04, variance
 * (.0576+.0256+.1296+.0576+.0016)/4 = 0.068, standard error sqrt(0.068/5) = 0.116619; times 2.776
 * is 0.3237. */
static void test_mean(void **state)
{
    static const double logs[] = {9.8, 10.2, 10.4, 9.8, 10.0};
    double x[5];
    (void)state;
    for (size_t i = 0; i < 5; i++)
        x[i] = exp(logs[i]);
    struct lg_interval mean = lg_geometric_interval(x, 5);
    assert_near(log(mean.estimate), 10.04, 1e-12);
    assert_near(log(mean.low), 10.04 - 0.3237, 1e-4);
    assert_near(log(mean.high), 10.04 + 0.3237, 1e-4);
    assert_near(mean.coverage, 0.95, 1e-12);
}

static void test_too_few(void **state)
{
    static const double x[] = {2, 4};
    (void)state;
    assert_true(isnan(lg_geometric_interval(x, 0).estimate));
    assert_near(lg_geometric_interval(x, 1).estimate, 2, 1e-12);
    assert_false(lg_geometric_interval(x, 1).bounded);
    assert_true(lg_geometric_interval(x, 2).bounded);
    struct lg_interval one = lg_geometric_interval(x, 1);
    assert_false(one.bounded);
    assert_int_equal(lg_judge(&one, true), LG_UNRESOLVED);
    assert_true(isnan(lg_detectable(&one)));
    assert_true(isnan(lg_median_interval(x, 0).estimate));
}

/* Ranks of the 95 % interval of a median and what they cover, from binomial tables (Conover, table
 * A3, p = 1/2; the covers are 1 - 2 sum of C(n, i)/2^n for i < rank). */
static void test_median(void **state)
{
    static const struct {
        size_t n, rank;
        double coverage;
    } table[] = {
        {5, 1, 0.9375}, {6, 1, 0.96875}, {10, 2, 0.978516}, {12, 3, 0.961426}, {20, 6, 0.958611}};
    double x[20];
    (void)state;
    for (size_t row = 0; row < sizeof(table) / sizeof(*table); row++) {
        size_t n = table[row].n;
        /* 1 to n, out of order: 7 has no factor in common with any n here. */
        for (size_t i = 0; i < n; i++)
            x[i] = (double)(i * 7 % n + 1);
        struct lg_interval median = lg_median_interval(x, n);
        assert_true(median.bounded);
        assert_near(median.estimate, ((double)n + 1) / 2, 1e-12);
        assert_near(lg_middle_interval(x, n).estimate, (double)((n + 1) / 2), 1e-12);
        assert_near(lg_middle_interval(x, n).high, median.high, 1e-12);
        assert_near(median.low, (double)table[row].rank, 1e-12);
        assert_near(median.high, (double)(n + 1 - table[row].rank), 1e-12);
        assert_near(median.coverage, table[row].coverage, 1e-6);
    }
    /* Four cover 87.5 % at most: no interval. Not finite ones don't count. */
    x[4] = INFINITY;
    assert_false(lg_median_interval(x, 4).bounded);
    assert_int_equal(lg_median_interval(x, 5).n, 4);
}

static void test_verdicts(void **state)
{
    static const struct {
        double low, high;
        enum lg_verdict more_is_better, less_is_better;
    } table[] = {
        {0.985, 1.015, LG_EQUIVALENT, LG_EQUIVALENT},
        {1.002, 1.018, LG_EQUIVALENT, LG_EQUIVALENT}, /* resolved, and too small to matter */
        {0.98, 1.02, LG_EQUIVALENT, LG_EQUIVALENT},
        {0.979, 1.001, LG_UNRESOLVED, LG_UNRESOLVED},
        {0.90, 0.99, LG_WORSE, LG_BETTER},
        {1.01, 1.04, LG_BETTER, LG_WORSE},
        {0.5, 2, LG_UNRESOLVED, LG_UNRESOLVED},
        {0.995, 1.05, LG_UNRESOLVED, LG_UNRESOLVED},
        {0.95, 1.005, LG_UNRESOLVED, LG_UNRESOLVED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        struct lg_interval ratio = {.estimate = (table[i].low + table[i].high) / 2,
                                    .low = table[i].low,
                                    .high = table[i].high,
                                    .n = 5,
                                    .bounded = true};
        assert_int_equal(lg_judge(&ratio, true), table[i].more_is_better);
        assert_int_equal(lg_judge(&ratio, false), table[i].less_is_better);
        assert_int_equal(lg_interval_off_one(&ratio), table[i].low > 1 || table[i].high < 1);
        /* A p that is too great takes a difference away, but no equivalence. */
        bool same = table[i].more_is_better == LG_EQUIVALENT;
        assert_int_equal(lg_judge_pair(&ratio, 0.05, true), table[i].more_is_better);
        assert_int_equal(lg_judge_pair(&ratio, 0.0501, true), same ? LG_EQUIVALENT : LG_UNRESOLVED);
        assert_int_equal(lg_judge_pair(&ratio, NAN, false), same ? LG_EQUIVALENT : LG_UNRESOLVED);
        ratio.bounded = false;
        assert_int_equal(lg_judge(&ratio, true), LG_UNRESOLVED);
        assert_int_equal(lg_judge_pair(&ratio, 0, true), LG_UNRESOLVED);
    }
}

/* By hand: logs of 1, 10, 100 are 0, 1, 2 times ln 10; mean ln 10, s = ln 10, and t(0.975; 2) is
 * 4.302653 (any table), so the half width is 4.302653 * ln 10 / sqrt 3 = 5.719939. */
static void test_geometric(void **state)
{
    (void)state;
    const double x[] = {1, 100, NAN, 10, 0, -5};
    struct lg_interval interval = lg_geometric_interval(x, 6);
    assert_int_equal(interval.n, 3);
    assert_true(interval.bounded);
    assert_true(fabs(interval.estimate - 10) < 1e-9);
    assert_true(fabs(log(interval.low / 10) + 5.719939) < 1e-5);
    assert_true(fabs(log(interval.high / 10) - 5.719939) < 1e-5);
    assert_true(interval.low > 0);
    assert_false(lg_geometric_interval(x, 1).bounded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_geometric),    cmocka_unit_test(test_t_quantiles),
        cmocka_unit_test(test_paired_ratio), cmocka_unit_test(test_mean),
        cmocka_unit_test(test_too_few),      cmocka_unit_test(test_median),
        cmocka_unit_test(test_verdicts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
