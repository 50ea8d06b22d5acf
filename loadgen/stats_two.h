/* Rank statistics of two independent samples: no assumption but that they differ by a shift.
 *
 * Mann and Whitney (1947), "On a test of whether one of two random variables is stochastically
 * larger than the other"; Hodges and Lehmann (1963), as in stats_rank.h. What is not finite is left
 * out. */
#ifndef LG_STATS_TWO_H
#define LG_STATS_TWO_H

#include "stats.h"

#include <stdint.h>

#define LG_TWO_MAX 1000 /* of each sample; the others are left out */

/* Of x / y, for what cannot be below zero: the median of all quotients, as the median difference of
 * logarithms, and the interval between two of them that the test gives at 95 %: exact up to 50 of
 * each, then by the normal approximation. Samples too small for 95 % get what they allow
 * (`coverage`), below 90 % none. `n` is the smaller sample. Without memory the estimate is NaN. */
struct lg_interval lg_two_ratio_interval(const double *x, size_t nx, const double *y, size_t ny);

/* The two-sided p of "no shift": exact up to 50 of each without ties, else by the normal
 * approximation, corrected for ties and continuity. NaN for an empty sample or without memory. */
double lg_mann_whitney_p(const double *x, size_t nx, const double *y, size_t ny);

/* The same of values that were counted, by the normal approximation: x[i] and y[i] are how many are
 * in bucket i, from the least; those of one bucket tie. NaN for an empty sample. */
double lg_mann_whitney_counts_p(const uint64_t *x, const uint64_t *y, size_t buckets);

#endif
