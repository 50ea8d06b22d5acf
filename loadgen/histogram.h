/* A histogram of nanoseconds with a stated error, laid out as HdrHistogram's with two significant
 * digits (Gil Tene, http://hdrhistogram.org): powers of two, each cut into 128 equal buckets, and
 * every value below 256 in a bucket of its own. A bucket is at most 1/128 (0.79 %) of its values
 * wide. No allocation; merging adds counts, so merged quantiles are as exact as single ones. */
#ifndef LG_HISTOGRAM_H
#define LG_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define LG_HISTOGRAM_BITS    36 /* values below 2^36 ns = 68.7 s have a bucket */
#define LG_HISTOGRAM_MAX     ((UINT64_C(1) << LG_HISTOGRAM_BITS) - 1)
#define LG_HISTOGRAM_BUCKETS ((LG_HISTOGRAM_BITS - 6) * 128)

/* All zero but min is the empty histogram: see lg_histogram_init(). */
struct lg_histogram {
    uint64_t count;
    uint64_t saturated;    /* of them, values above LG_HISTOGRAM_MAX: counted in the last bucket */
    uint64_t min, max;     /* exact; min is UINT64_MAX while count is 0 */
    unsigned __int128 sum; /* exact */
    uint64_t counts[LG_HISTOGRAM_BUCKETS];
};

void lg_histogram_init(struct lg_histogram *histogram);

/* The bucket of a value, and a bucket's least and greatest value. */
static inline size_t lg_histogram_index(uint64_t value)
{
    unsigned shift;

    if (value > LG_HISTOGRAM_MAX)
        value = LG_HISTOGRAM_MAX;
    shift = 56u - (unsigned)__builtin_clzll(value | 255);
    return shift * 128u + (size_t)(value >> shift);
}

uint64_t lg_histogram_lowest(size_t index);
uint64_t lg_histogram_highest(size_t index);

/* Records `value` `times` > 0 times. */
static inline void lg_histogram_record_times(struct lg_histogram *histogram, uint64_t value,
                                             uint64_t times)
{
    histogram->counts[lg_histogram_index(value)] += times;
    histogram->count += times;
    histogram->sum += (unsigned __int128)value * times;
    histogram->saturated += value > LG_HISTOGRAM_MAX ? times : 0;
    if (value < histogram->min)
        histogram->min = value;
    if (value > histogram->max)
        histogram->max = value;
}

static inline void lg_histogram_record(struct lg_histogram *histogram, uint64_t value)
{
    lg_histogram_record_times(histogram, value, 1);
}

/* Adds `from` to *into. */
void lg_histogram_merge(struct lg_histogram *into, const struct lg_histogram *from);

/* Takes `before`, an earlier state of the same histogram, away from *histogram: leaves what was
 * recorded since. min and max become those of the buckets left. */
void lg_histogram_subtract(struct lg_histogram *histogram, const struct lg_histogram *before);

/* The smallest value with at least ceil(q * count) values at or below it, 0 <= q <= 1, reported as
 * its bucket's greatest value, and never above the exact maximum. 0 when the histogram is empty. */
uint64_t lg_histogram_quantile(const struct lg_histogram *histogram, double q);

/* Values that a histogram must have for its quantile q < 1 to be more than a matter of luck: ten
 * above it. */
uint64_t lg_histogram_needed(double q);

/* How many values are in the buckets up to that of `value`. */
uint64_t lg_histogram_up_to(const struct lg_histogram *histogram, uint64_t value);

double lg_histogram_mean(const struct lg_histogram *histogram); /* 0 when empty */

#endif
