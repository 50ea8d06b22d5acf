/* Histogram and quantiles against exact computation on the sorted values. */
#include "loadgen/histogram.h"
#include "loadgen/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define VALUES 20000

static struct lg_histogram *new_histogram(void)
{
    struct lg_histogram *histogram = malloc(sizeof(*histogram));

    assert_non_null(histogram);
    lg_histogram_init(histogram);
    return histogram;
}

static void buckets_tile_the_range(void **state)
{
    (void)state;
    uint64_t next = 0;

    for (size_t i = 0; i < LG_HISTOGRAM_BUCKETS; i++) {
        assert_int_equal(lg_histogram_lowest(i), next);
        assert_int_equal(lg_histogram_index(lg_histogram_lowest(i)), i);
        assert_int_equal(lg_histogram_index(lg_histogram_highest(i)), i);
        next = lg_histogram_highest(i) + 1;
    }
    assert_int_equal(next, LG_HISTOGRAM_MAX + 1);
}

/* The promise: at most 1 % at any magnitude up to a minute, and exact below 256 ns. */
static void error_is_below_one_percent(void **state)
{
    (void)state;
    for (uint64_t value = 1; value < UINT64_C(60000000000); value += value / 97 + 1) {
        uint64_t reported = lg_histogram_highest(lg_histogram_index(value));

        assert_true(reported >= value);
        assert_true((double)(reported - value) <= 0.01 * (double)value);
        if (value < 256)
            assert_int_equal(reported, value);
    }
    assert_true(LG_HISTOGRAM_MAX > UINT64_C(60000000000));
}

static void known_small_array(void **state)
{
    (void)state;
    static const uint64_t values[] = {7, 1, 3, 9, 5, 2, 10, 4, 8, 6};
    struct lg_histogram *h = new_histogram();

    for (size_t i = 0; i < 10; i++)
        lg_histogram_record(h, values[i]);
    assert_int_equal(lg_histogram_quantile(h, 0), 1);
    assert_int_equal(lg_histogram_quantile(h, 0.1), 1);
    assert_int_equal(lg_histogram_quantile(h, 0.11), 2);
    assert_int_equal(lg_histogram_quantile(h, 0.5), 5);
    assert_int_equal(lg_histogram_quantile(h, 0.9), 9);
    assert_int_equal(lg_histogram_quantile(h, 0.91), 10);
    assert_int_equal(lg_histogram_quantile(h, 1), 10);
    assert_int_equal(h->min, 1);
    assert_int_equal(h->max, 10);
    assert_true(fabs(lg_histogram_mean(h) - 5.5) < 1e-12);
    free(h);
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Thousands of values over ten decades: each quantile lies in [exact, exact * 1.01]. */
static void quantiles_against_sorting(void **state)
{
    (void)state;
    static const uint64_t per_mille[] = {1, 10, 100, 250, 500, 900, 990, 999, 1000};
    static uint64_t values[VALUES];
    struct lg_histogram *h = new_histogram();
    struct lg_rng rng;

    lg_rng_init(&rng, 42);
    for (size_t i = 0; i < VALUES; i++) {
        values[i] = (uint64_t)exp(lg_rng_unit(&rng) * 23.0);
        lg_histogram_record(h, values[i]);
    }
    qsort(values, VALUES, sizeof(*values), compare);
    for (size_t i = 0; i < sizeof(per_mille) / sizeof(*per_mille); i++) {
        uint64_t rank = (VALUES * per_mille[i] + 999) / 1000;
        uint64_t exact = values[rank - 1];
        uint64_t got = lg_histogram_quantile(h, (double)per_mille[i] / 1000.0);

        assert_true(got >= exact);
        assert_true((double)(got - exact) <= 0.01 * (double)exact);
    }
    free(h);
}

static void merge_equals_recording_all(void **state)
{
    (void)state;
    struct lg_histogram *all = new_histogram(), *a = new_histogram(), *b = new_histogram();
    struct lg_rng rng;

    lg_rng_init(&rng, 7);
    for (int i = 0; i < 5000; i++) {
        uint64_t value = lg_rng_next(&rng) >> (20 + i % 40);

        lg_histogram_record(all, value);
        lg_histogram_record(i % 3 == 0 ? a : b, value);
    }
    lg_histogram_merge(a, b);
    assert_memory_equal(a->counts, all->counts, sizeof(all->counts));
    assert_int_equal(a->count, all->count);
    assert_int_equal(a->saturated, all->saturated);
    assert_int_equal(a->min, all->min);
    assert_int_equal(a->max, all->max);
    assert_true(a->sum == all->sum);
    free(all);
    free(a);
    free(b);
}

static void saturation_is_said_and_never_understated(void **state)
{
    (void)state;
    struct lg_histogram *h = new_histogram();

    lg_histogram_record(h, 5);
    lg_histogram_record(h, LG_HISTOGRAM_MAX);
    assert_int_equal(h->saturated, 0);
    lg_histogram_record(h, LG_HISTOGRAM_MAX + 1);
    lg_histogram_record(h, UINT64_C(100000000000));
    assert_int_equal(h->saturated, 2);
    assert_int_equal(h->count, 4);
    assert_int_equal(h->counts[LG_HISTOGRAM_BUCKETS - 1], 3);
    assert_int_equal(lg_histogram_quantile(h, 1), UINT64_C(100000000000));
    assert_int_equal(lg_histogram_quantile(h, 0.25), 5);
    free(h);
}

static void subtract_leaves_what_came_since(void **state)
{
    (void)state;
    struct lg_histogram *h = new_histogram(), *before = new_histogram();

    for (uint64_t i = 0; i < 1000; i++)
        lg_histogram_record(h, i);
    memcpy(before, h, sizeof(*h));
    for (int i = 0; i < 10; i++)
        lg_histogram_record(h, 77);
    lg_histogram_record(h, 1000001); /* not the greatest of its bucket */
    lg_histogram_subtract(h, before);
    assert_int_equal(h->count, 11);
    assert_int_equal(lg_histogram_quantile(h, 0.5), 77);
    assert_int_equal(h->min, 77);
    assert_int_equal(h->max, 1000001);
    assert_true(h->sum == 770 + 1000001);
    free(h);
    free(before);
}

static void empty_is_zero(void **state)
{
    (void)state;
    struct lg_histogram *h = new_histogram();

    assert_int_equal(lg_histogram_quantile(h, 0.5), 0);
    assert_true(lg_histogram_mean(h) == 0);
    free(h);
}

static void many_at_once_are_as_one_by_one(void **state)
{
    (void)state;
    static const uint64_t values[] = {
        0, 1, 300, 1000000, LG_HISTOGRAM_MAX, LG_HISTOGRAM_MAX + 1, UINT64_MAX};
    static struct lg_histogram once, times;

    lg_histogram_init(&once);
    lg_histogram_init(&times);
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        for (size_t n = 0; n < 3 + i; n++)
            lg_histogram_record(&once, values[i]);
        lg_histogram_record_times(&times, values[i], 3 + i);
    }
    assert_int_equal(once.count, 3 + 4 + 5 + 6 + 7 + 8 + 9);
    assert_int_equal(once.saturated, 8 + 9);
    assert_memory_equal(&once, &times, sizeof(once));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_at_once_are_as_one_by_one),
        cmocka_unit_test(buckets_tile_the_range),
        cmocka_unit_test(error_is_below_one_percent),
        cmocka_unit_test(known_small_array),
        cmocka_unit_test(quantiles_against_sorting),
        cmocka_unit_test(merge_equals_recording_all),
        cmocka_unit_test(saturation_is_said_and_never_understated),
        cmocka_unit_test(subtract_leaves_what_came_since),
        cmocka_unit_test(empty_is_zero),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
