/* What estimates of paired trials do not show: drift over the blocks, and blocks far from the
 * others. For the reader to see: nothing is corrected or left out for either.
 *
 * Theil (1950) and Sen (1968), "Estimates of the regression coefficient based on Kendall's tau",
 * for the slope; Kendall (1938), "A new measure of rank correlation", for its p; Tukey,
 * "Exploratory Data Analysis", 2C, for the fences. */
#ifndef LG_STATS_TREND_H
#define LG_STATS_TREND_H

#include <stddef.h>

#define LG_TREND_MAX 2000 /* blocks; the others are left out */

struct lg_trend {
    double change; /* from the first block to the last, as a ratio: 1.02, up by 2 %; NaN below 2 */
    double p;      /* two-sided, of "no trend": exact up to 50 values without ties; NaN below 2 */
    size_t n;
};

/* Of x[i], i a block; what is not finite and > 0 is left out. Without memory all is NaN. */
struct lg_trend lg_trend_of(const double *x, size_t n);

/* How many x[i] / ref[i] lie more than 1.5 times the distance of the quartiles (R's type 7, of the
 * logarithms) beyond them; the one farthest from the median, as a ratio to it, and its place from
 * 1: NaN and 0 when there is none. None with fewer than 4 pairs. */
unsigned lg_outliers(const double *x, const double *ref, size_t n, double *ret_farthest,
                     unsigned *ret_place);

#endif
