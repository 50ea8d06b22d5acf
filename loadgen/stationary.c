#include "stationary.h"

#include <math.h>

#define QUARTER   (LG_BLOCKS / 4)
#define Z_LIMIT   3.29
#define OFF_LIMIT 0.2

int lg_mann_kendall(const double *values, int count)
{
    int s = 0;

    for (int i = 0; i < count; i++)
        for (int j = i + 1; j < count; j++)
            s += (values[j] > values[i]) - (values[j] < values[i]);
    return s;
}

/* Counts are added, so this is the quarter's median, not a mean of medians. */
static double quarter_median(const struct lg_histogram *blocks)
{
    struct lg_histogram sum = blocks[0];

    for (int i = 1; i < QUARTER; i++)
        lg_histogram_merge(&sum, &blocks[i]);
    return (double)lg_histogram_quantile(&sum, 0.5);
}

bool lg_is_stationary(const struct lg_histogram blocks[LG_BLOCKS], double *ret_first,
                      double *ret_last)
{
    const double n = LG_BLOCKS, deviation = sqrt(n * (n - 1) * (2 * n + 5) / 18);
    double medians[LG_BLOCKS];
    int s;

    for (int i = 0; i < LG_BLOCKS; i++) {
        if (blocks[i].count < LG_BLOCK_LEAST)
            return true;
        medians[i] = (double)lg_histogram_quantile(&blocks[i], 0.5);
    }
    s = lg_mann_kendall(medians, LG_BLOCKS);
    if ((fabs((double)s) - 1) / deviation <= Z_LIMIT)
        return true;
    *ret_first = quarter_median(blocks);
    *ret_last = quarter_median(blocks + LG_BLOCKS - QUARTER);
    return fabs(*ret_last - *ret_first) <= OFF_LIMIT * *ret_first;
}
