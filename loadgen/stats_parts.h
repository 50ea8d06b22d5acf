/* What the statistics share with each other, and with nothing else. */
#ifndef LG_STATS_PARTS_H
#define LG_STATS_PARTS_H

#include <stddef.h>

/* What an interval is to cover, and below what there is none. */
#define LG_LEVEL       0.95
#define LG_LEAST_LEVEL 0.90

/* For qsort() of doubles, from the smallest; none of them NaN. */
int lg_by_value(const void *a, const void *b);

/* The ranks of values that are sorted, from 1, those that tie with their mean: twice, so that they
 * are whole numbers. NULL: only what is returned, the sum of t^3 - t over the ties of t values. */
double lg_ranks_twice(const double *sorted, size_t n, unsigned *ret_ranks);

/* Of a symmetric rank statistic with the probabilities p of 0, 1, 2, ...: how many of the smallest
 * candidates lie below the interval of LG_LEVEL, plus one; and what it then covers. */
size_t lg_rank_cut(const double *p, double *ret_coverage);

#endif
