/* The bootstrap over blocks, for what has no distribution of its own: ratios of quantiles and of
 * throughputs, of trials that were measured together.
 *
 * Bias-corrected and accelerated: Efron (1987), "Better bootstrap confidence intervals"; the
 * acceleration by the jackknife, as in Efron and Tibshirani, "An Introduction to the
 * Bootstrap", 14.3. */
#ifndef LG_STATS_BOOTSTRAP_H
#define LG_STATS_BOOTSTRAP_H

#include "stats.h"

#include <stdint.h>

#define LG_BOOTSTRAP_BLOCKS_MAX    2000
#define LG_BOOTSTRAP_RESAMPLES_MAX 1000000

/* A figure of these blocks: indexes below the number of blocks, each as often as it was drawn. What
 * is not finite has no value for them, and is not counted. */
typedef double lg_block_statistic(const size_t *blocks, size_t n, void *context);

/* The same for the same seed. 0 < level < 1. Not bounded with fewer than 5 blocks, or when less
 * than nine in ten resamples have a value. Without memory the estimate is NaN. */
struct lg_interval lg_bca_interval(lg_block_statistic *statistic, void *context, size_t blocks,
                                   size_t resamples, double level, uint64_t seed);

#endif
