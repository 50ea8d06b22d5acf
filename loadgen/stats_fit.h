/* A straight line through trials, y = fixed + growing * x, by least squares that weigh relative
 * errors alike (GSL's gsl_multifit_wlinear). Intervals are BCa ones over blocks: trials of a block
 * share its luck. */
#ifndef LG_STATS_FIT_H
#define LG_STATS_FIT_H

#include "stats.h"

#include <stdint.h>

struct lg_fit_point {
    double x, y;
    double typical; /* > 0: what y is like at this x; its weight is 1 / typical^2 */
    size_t block;   /* below the number of blocks */
};

struct lg_fit {
    struct lg_interval fixed, growing;
    double misfit; /* the weighted sum of squares: of two fits of the same points, the lower is the
                      better */
};

/* At most LG_BOOTSTRAP_BLOCKS_MAX blocks. Estimates are NaN without two places x; there is no
 * interval with fewer than 5 blocks. EVD_ERR_NO_MEMORY. */
int lg_fit_line(const struct lg_fit_point *points, size_t count, size_t blocks, uint64_t seed,
                struct lg_fit *ret_fit);

#endif
