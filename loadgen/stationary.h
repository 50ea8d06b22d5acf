/* Whether a run had settled: the medians of LG_BLOCKS equal parts of the measured window, in order.
 */
#ifndef LG_STATIONARY_H
#define LG_STATIONARY_H

#include "histogram.h"

#include <stdbool.h>

#define LG_BLOCKS      20
#define LG_BLOCK_LEAST 20 /* responses a block, for its median to tell anything */

/* The block of a request that was due `since_ns` after the window's begin, of duration_ns > 0. */
static inline unsigned lg_block_of(uint64_t since_ns, uint64_t duration_ns)
{
    unsigned __int128 block = (unsigned __int128)since_ns * LG_BLOCKS / duration_ns;

    return block < LG_BLOCKS ? (unsigned)block : LG_BLOCKS - 1;
}

/* The least since_ns that belongs to `block`, 0 to LG_BLOCKS. */
static inline uint64_t lg_block_from(unsigned block, uint64_t duration_ns)
{
    return (uint64_t)(((unsigned __int128)duration_ns * block + LG_BLOCKS - 1) / LG_BLOCKS);
}

/* Mann and Kendall's S: pairs in ascending order less those in descending order (H. B. Mann,
 * "Nonparametric tests against trend", Econometrica 13, 1945). */
int lg_mann_kendall(const double *values, int count);

/* False when the medians have a trend (S beyond 3.29 standard deviations, p < 0.001 two-sided) and
 * that of the last quarter is off that of the first by more than 20 %: then both are set, ns. True
 * also when a block has too few responses to tell. */
bool lg_is_stationary(const struct lg_histogram blocks[LG_BLOCKS], double *ret_first,
                      double *ret_last);

#endif
