#include "stats_groups.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>

struct member {
    double value;
    size_t group;
};

static int by_member(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    return (x->value > y->value) - (x->value < y->value);
}

/* Ranks from 1, ties with their mean, added up by group. Returns the sum of t^3 - t over the ties
 * of t values each. */
static double add_ranks(const struct member *members, size_t n, double *sums, size_t *counts)
{
    double ties = 0;
    for (size_t i = 0, end; i < n; i = end) {
        end = i + 1;
        while (end < n && !(members[end].value > members[i].value))
            end++;
        double t = (double)(end - i), rank = (double)(i + 1 + end) / 2;
        ties += t * t * t - t;
        for (size_t j = i; j < end; j++) {
            sums[members[j].group] += rank;
            counts[members[j].group]++;
        }
    }
    return ties;
}

double lg_groups_p(const double *x, const size_t *group, size_t n)
{
    struct member members[LG_GROUP_VALUES_MAX];
    double sums[LG_GROUPS_MAX] = {0}, h = 0;
    size_t counts[LG_GROUPS_MAX] = {0}, count = 0, groups = 0;
    for (size_t i = 0; i < n && count < LG_GROUP_VALUES_MAX; i++)
        if (isfinite(x[i]) && group[i] < LG_GROUPS_MAX)
            members[count++] = (struct member){x[i], group[i]};
    qsort(members, count, sizeof(*members), by_member);
    double ties = add_ranks(members, count, sums, counts), all = (double)count;
    for (size_t i = 0; i < LG_GROUPS_MAX; i++) {
        if (counts[i] == 0)
            continue;
        groups++;
        h += sums[i] * sums[i] / (double)counts[i];
    }
    double left = 1 - ties / (all * all * all - all);
    if (groups < 2 || !(left > 0))
        return NAN;
    h = 12 / (all * (all + 1)) * h - 3 * (all + 1);
    return gsl_cdf_chisq_Q(h / left, (double)(groups - 1));
}
