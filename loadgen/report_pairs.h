/* The comparison of two cells, block by block. Private to report_*.c. */
#ifndef LG_REPORT_PAIRS_H
#define LG_REPORT_PAIRS_H

#include "report_summary.h"

#define LG_PAIRS_RESAMPLES 4000 /* of the bootstrap */
#define LG_PAIRS_BAND_RESAMPLES                                                                    \
    1000 /* of each point of a band, which is looked at and not judged */

/* The two-sided p of the signed-rank test on log(x[i] / ref[i]), not adjusted. Pairs that are not
 * both > 0 are left out; NaN when none is left. */
double lg_pairs_p(const double *x, const double *ref, size_t n);

/* Sum of x over sum of ref, in the blocks that have both: BCa over these blocks. */
struct lg_interval lg_pairs_totals(const double *x, const double *ref, size_t n, uint64_t seed);

/* p50, p99 and p99.9 of all trials of a cell that count, merged by adding counts, over the same of
 * the reference's, in the blocks that have both: BCa over these blocks. EVD_ERR_NO_MEMORY. */
int lg_pairs_quantiles(const struct lg_summary *summary, size_t cell, size_t reference,
                       struct lg_interval ret_ratios[LG_PAIRS_QUANTILES]);

/* Quantiles q[count] of all trials of a cell that count, merged by adding counts: BCa over its
 * blocks, none where the cell is not trusted. EVD_ERR_NO_MEMORY. */
int lg_pairs_spectrum(const struct lg_summary *summary, size_t cell, const double *q, size_t count,
                      struct lg_interval *ret_quantiles);

#endif
