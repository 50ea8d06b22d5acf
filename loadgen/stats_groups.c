#include "stats_groups.h"

#include "stats_parts.h"

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

double lg_groups_p(const double *x, const size_t *group, size_t n)
{
    struct member members[LG_GROUP_VALUES_MAX];
    double sorted[LG_GROUP_VALUES_MAX], sums[LG_GROUPS_MAX] = {0}, h = 0;
    unsigned ranks[LG_GROUP_VALUES_MAX];
    size_t counts[LG_GROUPS_MAX] = {0}, count = 0, groups = 0;
    for (size_t i = 0; i < n && count < LG_GROUP_VALUES_MAX; i++)
        if (isfinite(x[i]) && group[i] < LG_GROUPS_MAX)
            members[count++] = (struct member){x[i], group[i]};
    qsort(members, count, sizeof(*members), by_member);
    for (size_t i = 0; i < count; i++)
        sorted[i] = members[i].value;
    double ties = lg_ranks_twice(sorted, count, ranks), all = (double)count;
    for (size_t i = 0; i < count; i++) {
        sums[members[i].group] += (double)ranks[i] / 2;
        counts[members[i].group]++;
    }
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
