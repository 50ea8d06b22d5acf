#include "stats_parts.h"

int lg_by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double lg_ranks_twice(const double *sorted, size_t n, unsigned *ret_ranks)
{
    double ties = 0;
    for (size_t i = 0, end; i < n; i = end) {
        end = i + 1;
        while (end < n && sorted[end] <= sorted[i])
            end++;
        double t = (double)(end - i);
        ties += t * t * t - t;
        for (size_t j = i; j < end && ret_ranks; j++)
            ret_ranks[j] = (unsigned)(i + end + 1);
    }
    return ties;
}

size_t lg_rank_cut(const double *p, double *ret_coverage)
{
    size_t rank = 0;
    double below = 0;
    while (below + p[rank] < (1 - LG_LEVEL) / 2)
        below += p[rank++];
    if (rank == 0) {
        rank = 1;
        below = p[0];
    }
    *ret_coverage = 1 - 2 * below;
    return rank;
}
