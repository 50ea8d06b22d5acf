#include "histogram.h"

#include <math.h>
#include <string.h>

#define ABOVE 10 /* values above a quantile */

void lg_histogram_init(struct lg_histogram *histogram)
{
    memset(histogram, 0, sizeof(*histogram));
    histogram->min = UINT64_MAX;
}

static unsigned bucket_shift(size_t index)
{
    return index < 256 ? 0 : (unsigned)(index / 128) - 1;
}

uint64_t lg_histogram_lowest(size_t index)
{
    unsigned shift = bucket_shift(index);

    return (uint64_t)(index - (size_t)shift * 128) << shift;
}

uint64_t lg_histogram_highest(size_t index)
{
    return lg_histogram_lowest(index) + (UINT64_C(1) << bucket_shift(index)) - 1;
}

void lg_histogram_merge(struct lg_histogram *into, const struct lg_histogram *from)
{
    into->count += from->count;
    into->saturated += from->saturated;
    into->sum += from->sum;
    if (from->min < into->min)
        into->min = from->min;
    if (from->max > into->max)
        into->max = from->max;
    for (size_t i = 0; i < LG_HISTOGRAM_BUCKETS; i++)
        into->counts[i] += from->counts[i];
}

void lg_histogram_subtract(struct lg_histogram *histogram, const struct lg_histogram *before)
{
    uint64_t max = histogram->max;

    histogram->count -= before->count;
    histogram->saturated -= before->saturated;
    histogram->sum -= before->sum;
    histogram->min = UINT64_MAX;
    histogram->max = 0;
    for (size_t i = 0; i < LG_HISTOGRAM_BUCKETS; i++) {
        histogram->counts[i] -= before->counts[i];
        if (histogram->counts[i] == 0)
            continue;
        if (histogram->min == UINT64_MAX)
            histogram->min = lg_histogram_lowest(i);
        histogram->max = lg_histogram_highest(i);
    }
    if (histogram->max > max || histogram->saturated > 0)
        histogram->max = max;
}

uint64_t lg_histogram_quantile(const struct lg_histogram *histogram, double q)
{
    uint64_t rank, seen = 0;

    if (histogram->count == 0)
        return 0;
    rank = q <= 0 ? 1 : (uint64_t)ceil(nextafter(q * (double)histogram->count, 0));
    if (rank < 1)
        rank = 1;
    if (rank > histogram->count)
        rank = histogram->count;
    for (size_t i = 0; i < LG_HISTOGRAM_BUCKETS; i++) {
        seen += histogram->counts[i];
        if (seen >= rank) {
            uint64_t value = lg_histogram_highest(i);

            /* Past the last bucket nothing is known but the maximum: better too high than too low.
             */
            if (i == LG_HISTOGRAM_BUCKETS - 1 && histogram->saturated > 0)
                return histogram->max;
            return value < histogram->max ? value : histogram->max;
        }
    }
    return histogram->max;
}

uint64_t lg_histogram_needed(double q)
{
    return (uint64_t)ceil(ABOVE / (1 - q) * (1 - 1e-9)); /* 0.99 is a little less than it says */
}

uint64_t lg_histogram_up_to(const struct lg_histogram *histogram, uint64_t value)
{
    uint64_t count = 0;

    for (size_t i = 0; i <= lg_histogram_index(value); i++)
        count += histogram->counts[i];
    return count;
}

double lg_histogram_mean(const struct lg_histogram *histogram)
{
    return histogram->count == 0 ? 0 : (double)histogram->sum / (double)histogram->count;
}
