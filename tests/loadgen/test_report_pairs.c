/* Comparisons of arms: ratios of the trials' percentiles, percentiles of all trials, and one family
 * of tests for all of a table. */
#include "loadgen/report.h"
#include "loadgen/report_pairs.h"
#include "test_study_synthetic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STATIC, CACHED, CALL };

static const struct synthetic usual = {
    .seed = 7, .blocks = 8, .noise = 0.006, .rate = {1, 1, 0.03, 0.95, 1.05, 1}, .calls = 500};

static void read_back(const char *folder, struct lg_data *data, struct lg_summary *summary)
{
    struct evd_error error = {0};
    assert_int_equal(lg_data_read(folder, data, &error), EVD_OK);
    assert_int_equal(lg_summary_make(data, summary), EVD_OK);
}

static void unload(struct lg_data *data, struct lg_summary *summary)
{
    lg_summary_release(summary);
    lg_data_release(data);
}

/* Five blocks of 99 calls of 100 ns and one of 200 ns: p99 of all calls is 100, p99.9 is 200 in
 * every draw; then one block without the slow call, and p99.9 of all calls is still 200, whatever
 * the mean of the trials' would be. */
static void test_merged(void **state)
{
    static const double q[] = {0.5, 0.99, 0.999};
    struct synthetic small = usual;
    char *folder = folder_make();
    struct lg_data data;
    struct lg_summary summary;
    struct lg_interval quantiles[3], ratios[LG_PAIRS_QUANTILES];
    (void)state;
    small.blocks = 5;
    synthetic_write(folder, &small);
    read_back(folder, &data, &summary);
    for (unsigned fast = 0; fast <= 1; fast++) {
        for (size_t i = 0; i < data.count; i++) {
            struct lg_trial *trial = &data.trials[i];
            bool slow = trial->arm == CALL && trial->block > fast;
            trial->buckets[0] = (struct lg_bucket){100, slow ? 99 : 100};
            trial->buckets[1] = (struct lg_bucket){200, 1};
            trial->bucket_count = slow ? 2 : 1;
            trial->max = slow ? 200 : 100;
        }
        assert_int_equal(
            lg_pairs_spectrum(&summary, lg_design_cell(&data.design, 0, 1, CALL), q, 3, quantiles),
            EVD_OK);
        assert_true(fabs(quantiles[0].estimate - 100) < 1e-9 && quantiles[0].bounded);
        assert_true(fabs(quantiles[1].estimate - 100) < 1e-9);
        assert_true(fabs(quantiles[2].estimate - 200) < 1e-9);
        assert_true(fabs(quantiles[2].high - 200) < 1e-9);
        assert_true(fast == 1 || fabs(quantiles[2].low - 200) < 1e-9);
        assert_int_equal(lg_pairs_quantiles(&summary, lg_design_cell(&data.design, 0, 1, CALL),
                                            lg_design_cell(&data.design, 0, 1, STATIC), ratios),
                         EVD_OK);
        assert_true(fabs(ratios[0].estimate - 1) < 1e-12 && ratios[0].bounded);
        assert_true(fabs(ratios[1].estimate - 1) < 1e-12);
        assert_true(fabs(ratios[2].estimate - 2) < 1e-12);
        assert_true(fabs(ratios[2].high - 2) < 1e-12);
        assert_true(fast == 1 || fabs(ratios[2].low - 2) < 1e-12);
    }
    unload(&data, &summary);
    folder_remove(folder);
}

/* An arm whose p99 is 1.5 times the reference's in each block, but for one, from which the host
 * stole: that one is a block among eight, however long its calls took. By hand: of the 36 means of
 * two blocks' log ratios 28 are log 1.5, and the interval leaves three out at each end. */
static void test_one_stolen(void **state)
{
    char *folder = folder_make();
    struct lg_data data;
    struct lg_summary summary;
    struct evd_error error = {0};
    (void)state;
    synthetic_write(folder, &usual);
    assert_int_equal(lg_data_read(folder, &data, &error), EVD_OK);
    for (size_t i = 0; i < data.count; i++) {
        struct lg_trial *trial = &data.trials[i];
        trial->metrics[LG_P99] = 1e6 * trial->block * (trial->arm == CALL ? 1.5 : 1);
        if (trial->arm == CALL && trial->block == 3)
            trial->metrics[LG_P99] *= 1000;
    }
    assert_int_equal(lg_summary_make(&data, &summary), EVD_OK);
    const struct lg_interval *ratio = &lg_summary_cell(&summary, 0, 1, CALL)->ratios[LG_P99];
    assert_true(ratio->bounded && fabs(ratio->estimate - 1.5) < 1e-9);
    assert_true(fabs(ratio->low - 1.5) < 1e-9);
    assert_true(ratio->high > 1.5 && ratio->high < 1.5 * sqrt(1000) + 1e-6);
    assert_int_equal(lg_summary_cell(&summary, 0, 1, CALL)->verdicts[LG_P99], LG_WORSE);
    unload(&data, &summary);
    folder_remove(folder);
}

/* Both ratios of a percentile stand in one row: of the trials, which is judged, and of all calls.
 */
static void test_both_shown(void **state)
{
    struct evd_error error = {0};
    char *folder = folder_make();
    (void)state;
    synthetic_write(folder, &usual);
    assert_int_equal(lg_report_make(folder, &error), EVD_OK);
    char *page = file_read(folder, "report.md");
    const char *head = strstr(page, "| Smallest effect in reach | Ratio of all calls |");
    assert_non_null(head);
    const char *row = strstr(head, "| p99.9 | ");
    assert_non_null(row);
    const char *end = strchr(row, '\n'), *last = end;
    while (last[-1] != '|' || last == end)
        last--;
    char *rest;
    double ratio = strtod(last, &rest);
    assert_true(ratio > 0.5 && ratio < 2);
    assert_memory_equal(rest, " \\[", 3);
    free(page);
    folder_remove(folder);
}

/* By hand: the log ratios of blocks are those of x; Holm over the arms makes 2^-7 five times as
 * much; and with too few blocks for that many arms the page says that nothing can be shown. */
static void test_family(void **state)
{
    struct synthetic few = usual;
    char *folder = folder_make(), *md;
    struct lg_data data;
    struct lg_summary summary;
    struct evd_error error;
    (void)state;
    synthetic_write(folder, &usual);
    read_back(folder, &data, &summary);
    const struct lg_cell *cell = lg_summary_cell(&summary, 0, 0, CALL);
    assert_true(fabs(cell->p[LG_RATE] - 5.0 / 128) < 1e-12);
    assert_true(fabs(cell->total_rate.estimate - 0.03) < 0.001 && cell->total_rate.bounded);
    assert_true(isnan(lg_summary_cell(&summary, 0, 0, STATIC)->p[LG_RATE]));
    unload(&data, &summary);
    assert_int_equal(lg_report_make(folder, &error), EVD_OK);
    md = file_read(folder, "report.md");
    assert_null(strstr(md, "can be shown to be faster or slower"));
    assert_non_null(strstr(md, "slower p 0.039"));
    assert_non_null(strstr(md, "| Drift | Outliers |"));
    free(md);
    few.blocks = 7;
    synthetic_write(folder, &few);
    assert_int_equal(lg_report_make(folder, &error), EVD_OK);
    md = file_read(folder, "report.md");
    assert_non_null(strstr(md,
                           "With 7 blocks and 5 comparisons no arm can be shown to be faster or "
                           "slower, whatever the figures: that takes 8 blocks."));
    assert_null(strstr(md, "▼"
                           " slower p"));
    free(md);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merged), cmocka_unit_test(test_one_stolen),
        cmocka_unit_test(test_both_shown), cmocka_unit_test(test_family)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
