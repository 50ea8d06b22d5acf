#include "report_pairs.h"

#include "stats_bootstrap.h"
#include "stats_rank.h"

#include <math.h>
#include <stdlib.h>

#define LEVEL 0.95

double lg_pairs_p(const double *x, const double *ref, size_t n)
{
    double logs[LG_RANK_MAX];
    size_t count = 0;
    for (size_t i = 0; i < n && count < LG_RANK_MAX; i++) {
        if (isfinite(x[i]) && isfinite(ref[i]) && x[i] > 0 && ref[i] > 0)
            logs[count++] = log(x[i] / ref[i]);
    }
    return count == 0 ? NAN : lg_signed_rank_p(logs, count);
}

struct totals {
    const double *x, *ref;
    size_t paired[LG_BOOTSTRAP_BLOCKS_MAX], count; /* blocks that have both */
};

static double ratio_of_totals(const size_t *blocks, size_t n, void *context)
{
    const struct totals *totals = context;
    double x = 0, ref = 0;
    for (size_t i = 0; i < n; i++) {
        x += totals->x[totals->paired[blocks[i]]];
        ref += totals->ref[totals->paired[blocks[i]]];
    }
    return ref > 0 ? x / ref : NAN;
}

struct lg_interval lg_pairs_totals(const double *x, const double *ref, size_t n, uint64_t seed)
{
    struct totals totals = {.x = x, .ref = ref};
    for (size_t i = 0; i < n && totals.count < LG_BOOTSTRAP_BLOCKS_MAX; i++) {
        if (isfinite(x[i]) && isfinite(ref[i]))
            totals.paired[totals.count++] = i;
    }
    return lg_bca_interval(ratio_of_totals, &totals, totals.count, LG_PAIRS_RESAMPLES, LEVEL, seed);
}

/* The latencies of a cell's blocks, for quantiles of any draw of them without merging anew. */
struct sums {
    uint64_t (*below)[LG_HISTOGRAM_BUCKETS]; /* [blocks]: values in this bucket and lower ones */
    uint64_t *max;                           /* [blocks] */
};

struct quantiles {
    struct sums sums;
    size_t *filled, count; /* blocks that have calls */
    double q;
};

static bool sums_make(const struct lg_summary *summary, size_t cell, struct sums *ret_sums)
{
    const struct lg_data *data = summary->data;
    size_t blocks = data->design.blocks;
    ret_sums->below = calloc(blocks, sizeof *ret_sums->below);
    ret_sums->max = calloc(blocks, sizeof *ret_sums->max);
    if (ret_sums->below == NULL || ret_sums->max == NULL)
        return false;
    for (size_t i = 0; i < data->count; i++) {
        const struct lg_trial *trial = &data->trials[i];
        if (lg_design_cell(&data->design, trial->scenario, trial->load, trial->arm) != cell ||
            !lg_summary_counts(summary, trial))
            continue;
        uint64_t *below = ret_sums->below[trial->block - 1];
        for (size_t j = 0; j < trial->bucket_count; j++)
            below[lg_histogram_index(trial->buckets[j].value)] += trial->buckets[j].count;
        for (size_t j = 1; j < LG_HISTOGRAM_BUCKETS; j++)
            below[j] += below[j - 1];
        ret_sums->max[trial->block - 1] = (uint64_t)fmax(trial->max, 0);
    }
    return true;
}

static uint64_t merged_below(const struct quantiles *quantiles, const size_t *blocks, size_t n,
                             size_t bucket)
{
    uint64_t below = 0;
    for (size_t i = 0; i < n; i++)
        below += quantiles->sums.below[quantiles->filled[blocks[i]]][bucket];
    return below;
}

/* As lg_histogram_quantile() of the drawn blocks' histograms, merged. */
static double merged_quantile(const size_t *blocks, size_t n, void *context)
{
    const struct quantiles *quantiles = context;
    uint64_t max = 0;
    size_t low = 0, high = LG_HISTOGRAM_BUCKETS - 1;
    uint64_t count = merged_below(quantiles, blocks, n, high);
    if (count == 0)
        return NAN;
    uint64_t rank = (uint64_t)ceil(nextafter(quantiles->q * (double)count, 0));
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (merged_below(quantiles, blocks, n, middle) >= rank)
            high = middle;
        else
            low = middle + 1;
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t other = quantiles->sums.max[quantiles->filled[blocks[i]]];
        max = other > max ? other : max;
    }
    return fmin((double)lg_histogram_highest(low), (double)max);
}

struct merged_pair {
    struct quantiles arm, reference; /* their blocks are those that both have calls in */
};

static double merged_ratio(const size_t *blocks, size_t n, void *context)
{
    struct merged_pair *pair = context;
    double x = merged_quantile(blocks, n, &pair->arm);
    double ref = merged_quantile(blocks, n, &pair->reference);
    return ref > 0 ? x / ref : NAN;
}

int lg_pairs_quantiles(const struct lg_summary *summary, size_t cell, size_t reference,
                       struct lg_interval ret_ratios[LG_PAIRS_QUANTILES])
{
    static const double q[LG_PAIRS_QUANTILES] = {0.5, 0.99, 0.999};
    size_t blocks = summary->data->design.blocks, *both = calloc(blocks, sizeof *both), count = 0;
    struct merged_pair pair = {.arm = {.filled = both}, .reference = {.filled = both}};
    int rc = both != NULL && sums_make(summary, cell, &pair.arm.sums) &&
                     sums_make(summary, reference, &pair.reference.sums)
                 ? EVD_OK
                 : EVD_ERR_NO_MEMORY;
    for (size_t i = 0; i < blocks && rc == EVD_OK; i++)
        if (pair.arm.sums.below[i][LG_HISTOGRAM_BUCKETS - 1] > 0 &&
            pair.reference.sums.below[i][LG_HISTOGRAM_BUCKETS - 1] > 0)
            both[count++] = i;
    for (size_t i = 0; i < LG_PAIRS_QUANTILES && rc == EVD_OK; i++) {
        pair.arm.q = pair.reference.q = q[i];
        ret_ratios[i] = lg_bca_interval(merged_ratio, &pair, count, LG_PAIRS_RESAMPLES, LEVEL,
                                        cell * LG_METRIC_COUNT + i);
    }
    free(pair.arm.sums.below);
    free(pair.arm.sums.max);
    free(pair.reference.sums.below);
    free(pair.reference.sums.max);
    free(both);
    return rc;
}

int lg_pairs_spectrum(const struct lg_summary *summary, size_t cell, const double *q, size_t count,
                      struct lg_interval *ret_quantiles)
{
    size_t blocks = summary->data->design.blocks;
    struct quantiles quantiles = {.filled = calloc(blocks, sizeof *quantiles.filled)};
    int rc = quantiles.filled != NULL && sums_make(summary, cell, &quantiles.sums)
                 ? EVD_OK
                 : EVD_ERR_NO_MEMORY;
    for (size_t i = 0; i < blocks && rc == EVD_OK; i++)
        if (quantiles.sums.below[i][LG_HISTOGRAM_BUCKETS - 1] > 0)
            quantiles.filled[quantiles.count++] = i;
    for (size_t i = 0; i < count && rc == EVD_OK; i++) {
        quantiles.q = q[i];
        ret_quantiles[i] = lg_bca_interval(merged_quantile, &quantiles, quantiles.count,
                                           LG_PAIRS_BAND_RESAMPLES, LEVEL, cell * 1000 + i);
        if (!summary->cells[cell].trusted)
            ret_quantiles[i].bounded = false;
    }
    free(quantiles.sums.below);
    free(quantiles.sums.max);
    free(quantiles.filled);
    return rc;
}
