/* Whether groups of values differ. Kruskal and Wallis (1952), "Use of ranks in one-criterion
 * variance analysis", JASA 47: H with their correction for ties, against chi-squared. */
#ifndef LG_STATS_GROUPS_H
#define LG_STATS_GROUPS_H

#include <stddef.h>

#define LG_GROUPS_MAX       64
#define LG_GROUP_VALUES_MAX 2000 /* the others are left out */

/* The p of "all groups are alike" for x[i] of group[i] < LG_GROUPS_MAX. What is not finite is left
 * out. NaN without two groups that hold something, or where all values are the same. */
double lg_groups_p(const double *x, const size_t *group, size_t n);

#endif
