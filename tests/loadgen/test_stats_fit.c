/* Straight lines, held against NIST's certified values (Statistical Reference Datasets, Norris). */
#include "dispatch/status.h"
#include "loadgen/rng.h"
#include "loadgen/stats_fit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>

enum { NORRIS = 36, PLACES = 3, BLOCKS = 12 };

static const double norris[NORRIS][2] = {
    {0.1, 0.2},     {338.8, 337.4}, {118.1, 118.2}, {888.0, 884.6}, {9.2, 10.1},    {228.1, 226.5},
    {668.5, 666.3}, {998.5, 996.3}, {449.1, 448.6}, {778.9, 777.0}, {559.2, 558.2}, {0.3, 0.4},
    {0.1, 0.6},     {778.1, 775.5}, {668.8, 666.9}, {339.3, 338.0}, {448.9, 447.5}, {10.8, 11.6},
    {557.7, 556.0}, {228.3, 228.1}, {998.0, 995.8}, {888.8, 887.6}, {119.6, 120.2}, {0.3, 0.3},
    {0.6, 0.3},     {557.6, 556.8}, {339.3, 339.1}, {888.0, 887.2}, {998.5, 999.0}, {778.9, 779.0},
    {10.2, 11.1},   {117.6, 118.3}, {228.9, 229.2}, {668.4, 669.1}, {449.2, 448.9}, {0.2, 0.5}};

static void assert_near(double is, double should, double within)
{
    if (!(fabs(is - should) <= within))
        print_error("%.12g, not %.12g\n", is, should);
    assert_true(fabs(is - should) <= within);
}

static void test_norris(void **state)
{
    struct lg_fit_point points[NORRIS];
    struct lg_fit fit;
    (void)state;
    for (size_t i = 0; i < NORRIS; i++)
        points[i] = (struct lg_fit_point){norris[i][1], norris[i][0], 1, i % 6};
    assert_int_equal(lg_fit_line(points, NORRIS, 6, 1, &fit), EVD_OK);
    assert_near(fit.fixed.estimate, -0.262323073774029, 1e-10);
    assert_near(fit.growing.estimate, 1.00211681802045, 1e-12);
    assert_near(fit.misfit, 26.6173985294224, 1e-8);
    assert_true(fit.growing.bounded);
    assert_true(fit.growing.low < 1.00212 && fit.growing.high > 1.00211);
}

/* By hand: three places of which the last has no weight to speak of. */
static void test_weights(void **state)
{
    const struct lg_fit_point points[] = {{0, 1, 1, 0}, {1, 3, 1, 0}, {2, 99, 1e9, 0}};
    struct lg_fit fit;
    (void)state;
    assert_int_equal(lg_fit_line(points, 3, 1, 1, &fit), EVD_OK);
    assert_near(fit.fixed.estimate, 1, 1e-9);
    assert_near(fit.growing.estimate, 2, 1e-9);
    assert_false(fit.growing.bounded);
}

static void test_no_line(void **state)
{
    const struct lg_fit_point points[] = {{5, 1, 1, 0}, {5, 3, 1, 1}, {7, NAN, 1, 1}, {9, 3, 0, 1}};
    struct lg_fit fit;
    (void)state;
    assert_int_equal(lg_fit_line(points, 4, 2, 1, &fit), EVD_OK);
    assert_true(isnan(fit.fixed.estimate) && isnan(fit.growing.estimate));
    assert_int_equal(lg_fit_line(points, 0, 2, 1, &fit), EVD_OK);
    assert_true(isnan(fit.fixed.estimate) && !fit.fixed.bounded);
}

/* Blocks that are fast or slow as a whole: 95 % intervals hold the truth nearly as often. */
static void test_coverage(void **state)
{
    const double x[PLACES] = {16, 256, 4096};
    struct lg_rng rng;
    unsigned held = 0;
    (void)state;
    lg_rng_init(&rng, 5);
    for (unsigned study = 0; study < 40; study++) {
        struct lg_fit_point points[PLACES * BLOCKS];
        struct lg_fit fit;
        for (size_t i = 0; i < (size_t)PLACES * BLOCKS; i++) {
            double luck = 0.9 + 0.2 * lg_rng_unit(&rng), y = 75000 + 50 * x[i % PLACES];
            points[i] = (struct lg_fit_point){x[i % PLACES], y * luck, y, i / PLACES};
        }
        assert_int_equal(lg_fit_line(points, PLACES * BLOCKS, BLOCKS, study, &fit), EVD_OK);
        held += fit.growing.low < 50 && 50 < fit.growing.high;
    }
    assert_true(held >= 34);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_norris),
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_no_line),
        cmocka_unit_test(test_coverage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
