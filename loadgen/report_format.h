/* Numbers and texts as a reader wants them. Each function writes to out[LG_PRINT_MAX] and returns
 * it. */
#ifndef LG_REPORT_FORMAT_H
#define LG_REPORT_FORMAT_H

#include "stats.h"

#define LG_PRINT_MAX 64

/* Three significant digits, or all before the point, thousands apart: 0.421, 46.1, 12,345. "-" for
 * what isn't finite. */
const char *lg_print_number(double value, char *out);

/* A count: 1,234,567. */
const char *lg_print_count(double value, char *out);

/* A number with as many decimals as it has: 0.05, 2, 10,000. For 1, 2 and 5 times powers of ten. */
const char *lg_print_tic(double value, char *out);

/* Bytes: "64 B", "16 KiB", "4 MiB"; with decimals only where it has some. */
const char *lg_print_size(double bytes, char *out);

/* What intervals are printed in. */
enum lg_unit {
    LG_UNIT_RATE,  /* calls per second: 1.23 M/s, 20.1 k/s, 512/s */
    LG_UNIT_US,    /* of nanoseconds: 46.1 µs */
    LG_UNIT_MS,    /* of nanoseconds: 3.21 ms */
    LG_UNIT_MIB,   /* of bytes: 4.56 MiB */
    LG_UNIT_RATIO, /* 0.976, 0.0214, 46.2 */
    LG_UNIT_NS,    /* of nanoseconds: 46.1 ns, 52.3 µs from 10 µs on */
    LG_UNIT_TIME,  /* of nanoseconds: 46.1 ns, 1.64 µs, 8.38 ms, 2.00 s */
    LG_UNIT_GBS,   /* of bytes per nanosecond: 1.86 GB/s */
};

const char *lg_print_value(double value, enum lg_unit unit, char *out);

/* "[1.21, 1.25]" in the unit that lg_print_value(interval->estimate) uses; "" when not bounded. */
const char *lg_print_bounds(const struct lg_interval *interval, enum lg_unit unit, char *out);

/* A value in a unit that is told elsewhere, and its bounds, "" when there are none: "46.1" and
 * "[44.9, 47.2]", with the same decimals. */
void lg_print_figure(const struct lg_interval *interval, char *ret_value, char *ret_bounds);

/* A difference of nanoseconds, "+2.4 ns", and its bounds, "[-11.6, 16.3]", with the decimals that
 * its uncertainty deserves; in microseconds, where it or its uncertainty is 10 of them or more. */
void lg_print_difference_ns(const struct lg_interval *interval, char *ret_value, char *ret_bounds);

/* A ratio in words: "1.2 % slower", "27 times slower", with the words for above and below 1. */
const char *lg_print_change(double ratio, const char *above, const char *below, char *out);

/* A share as a percentage: "0.32 %", "12 %". */
const char *lg_print_share(double share, char *out);

/* What stands before item `done` of `count`, from 0, in "a, b and c". */
static inline const char *lg_print_between(size_t done, size_t count)
{
    return done == 0 ? "" : done + 1 == count ? " and " : ", ";
}

#endif
