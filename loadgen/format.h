/* Numbers as people read them. Each returns `out`, which has room for LG_FORMAT_MAX. */
#ifndef LG_FORMAT_H
#define LG_FORMAT_H

#include <stdint.h>

#define LG_FORMAT_MAX 48

const char *lg_format_ns(double ns, char *out);           /* "93.1 µs" */
const char *lg_format_count(uint64_t count, char *out);   /* "1,234,567" */
const char *lg_format_rate(double per_second, char *out); /* "12,345/s", "2.50/s" */
const char *lg_format_bytes(double bytes, char *out);     /* "7.7 KiB" */
const char *lg_format_quantile(double q, char *out);      /* "p99.9" */

#endif
