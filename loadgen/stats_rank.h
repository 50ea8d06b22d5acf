/* Rank statistics of paired trials: no assumption but that differences are symmetric about a shift.
 *
 * Wilcoxon (1945), "Individual comparisons by ranking methods"; Hodges and Lehmann (1963),
 * "Estimates of location based on rank tests", for the estimate and its interval; Holm (1979), "A
 * simple sequentially rejective multiple test procedure". What is not finite is left out. */
#ifndef LG_STATS_RANK_H
#define LG_STATS_RANK_H

#include "stats.h"

#define LG_RANK_MAX 2000 /* pairs; the others are left out */

/* The median of all means of two differences, and the interval between two of those means that the
 * signed-rank test gives at 95 %: exact up to 200 pairs, then by the normal approximation. Fewer
 * pairs than 6 do not allow 95 %: `coverage` says what they do; below 90 % (n < 5) there is no
 * interval. Without memory the estimate is NaN. */
struct lg_interval lg_shift_interval(const double *differences, size_t n);

/* The same of log(x[i] / ref[i]), as a ratio. Pairs that are not both > 0 are left out. */
struct lg_interval lg_shift_ratio_interval(const double *x, const double *ref, size_t n);

/* The two-sided p of "no shift": exact for these very ranks, ties counted with their mean rank;
 * zeros are left out, as Wilcoxon did. 1 when nothing is left, NaN without memory. */
double lg_signed_rank_p(const double *differences, size_t n);

/* How often lg_signed_rank_p() of n pairs without a shift, none of which tie, is at most `level`:
 * the level itself where it is one of the p that so few pairs can have, else less. Above 200 pairs
 * the level. NaN without memory. */
double lg_signed_rank_attained(size_t n, double level);

/* Replaces the p of `count` tests by those adjusted for being so many: each may be held against the
 * level of the whole family. NaN stays, and counts as no test. */
void lg_holm(double *p, size_t count);

#endif
