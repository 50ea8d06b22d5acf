#include "stats_bootstrap.h"

#include "rng.h"
#include "stats_parts.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>

#define BLOCKS_MIN 5

/* Values of all resamples, sorted; returns how many there are. */
static size_t resample(lg_block_statistic *statistic, void *context, size_t blocks,
                       size_t resamples, uint64_t seed, double *values)
{
    size_t drawn[LG_BOOTSTRAP_BLOCKS_MAX], count = 0;
    struct lg_rng rng;
    lg_rng_init(&rng, seed);
    for (size_t i = 0; i < resamples; i++) {
        for (size_t j = 0; j < blocks; j++)
            drawn[j] = (size_t)(((unsigned __int128)lg_rng_next(&rng) * blocks) >> 64);
        double value = statistic(drawn, blocks, context);
        if (isfinite(value))
            values[count++] = value;
    }
    qsort(values, count, sizeof *values, lg_by_value);
    return count;
}

/* A sixth of the skewness of the statistic without each of its blocks. */
static double acceleration(lg_block_statistic *statistic, void *context, size_t blocks)
{
    size_t left[LG_BOOTSTRAP_BLOCKS_MAX];
    double values[LG_BOOTSTRAP_BLOCKS_MAX], mean = 0, squares = 0, cubes = 0;
    for (size_t out = 0; out < blocks; out++) {
        size_t n = 0;
        for (size_t i = 0; i < blocks; i++) {
            if (i != out)
                left[n++] = i;
        }
        values[out] = statistic(left, n, context);
        mean += values[out] / (double)blocks;
    }
    for (size_t i = 0; i < blocks; i++) {
        double off = mean - values[i];
        squares += off * off;
        cubes += off * off * off;
    }
    return squares > 0 ? cubes / (6 * pow(squares, 1.5)) : 0;
}

/* Of how many values at or below it, ties counted half: never none and never all. */
static double bias(const double *values, size_t count, double estimate)
{
    double below = 0;
    for (size_t i = 0; i < count; i++)
        below += values[i] < estimate ? 1 : values[i] > estimate ? 0 : 0.5;
    below = fmin(fmax(below, 0.5), (double)count - 0.5);
    return gsl_cdf_ugaussian_Pinv(below / (double)count);
}

/* Between the order statistics around p (count + 1). */
static double quantile(const double *sorted, size_t count, double p)
{
    double at = p * ((double)count + 1) - 1;
    if (at <= 0)
        return sorted[0];
    if (at >= (double)(count - 1))
        return sorted[count - 1];
    size_t low = (size_t)at;
    return sorted[low] + (at - (double)low) * (sorted[low + 1] - sorted[low]);
}

struct lg_interval lg_bca_interval(lg_block_statistic *statistic, void *context, size_t blocks,
                                   size_t resamples, double level, uint64_t seed)
{
    struct lg_interval out = {.estimate = NAN, .low = NAN, .high = NAN, .n = blocks};
    size_t all[LG_BOOTSTRAP_BLOCKS_MAX];
    if (blocks == 0 || blocks > LG_BOOTSTRAP_BLOCKS_MAX || resamples == 0 ||
        resamples > LG_BOOTSTRAP_RESAMPLES_MAX)
        return out;
    double *values = malloc(resamples * sizeof *values);
    if (values == NULL)
        return out;
    for (size_t i = 0; i < blocks; i++)
        all[i] = i;
    out.estimate = statistic(all, blocks, context);
    out.coverage = level;
    size_t count = resample(statistic, context, blocks, resamples, seed, values);
    double a = acceleration(statistic, context, blocks);
    if (blocks >= BLOCKS_MIN && isfinite(out.estimate) && isfinite(a) &&
        (double)count >= 0.9 * (double)resamples) {
        double z0 = bias(values, count, out.estimate);
        double ends[2];
        for (int i = 0; i < 2; i++) {
            double z = z0 + gsl_cdf_ugaussian_Pinv(i == 0 ? (1 - level) / 2 : (1 + level) / 2);
            double p = gsl_cdf_ugaussian_P(z0 + z / (1 - a * z));
            ends[i] = quantile(values, count, p);
        }
        out.low = ends[0];
        out.high = ends[1];
        out.bounded = true;
        out.spread = (out.high - out.low) / 2 / gsl_cdf_ugaussian_Pinv((1 + level) / 2);
    }
    free(values);
    return out;
}
