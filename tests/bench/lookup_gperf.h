/* The perfect hashes that gperf makes of the benchmark's names, at build time. */
#ifndef BENCH_LOOKUP_GPERF_H
#define BENCH_LOOKUP_GPERF_H

#include <stddef.h>

struct bench_gperf_entry {
    const char *name;
    unsigned index; /* into the names */
};

const struct bench_gperf_entry *bench_gperf_16(const char *name, size_t len);
const struct bench_gperf_entry *bench_gperf_256(const char *name, size_t len);
const struct bench_gperf_entry *bench_gperf_4096(const char *name, size_t len);

#endif
