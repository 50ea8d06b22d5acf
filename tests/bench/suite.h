/* What the benchmarks share: where they are added, and the memory of their arguments. */
#ifndef BENCH_SUITE_H
#define BENCH_SUITE_H

#include "bench.h"

#include "dispatch/message.h"

#include <stddef.h>

struct lg_payloads;
struct bench_argument;
struct bench_progress;

struct bench_suite {
    struct bench_argument *arguments; /* owned, one after the other */
    struct bench_progress *progress;  /* borrowed, told of what is added after it is set; or NULL */
    const struct lg_payloads *webhooks;
};

/* Adds a benchmark whose name is made as by printf, with a copy of *arg. */
void bench_add(struct bench_suite *suite, evd_bench_fn fn, const void *arg, size_t size,
               const char *format, ...) __attribute__((format(printf, 5, 6)));

/* How many of those added Google Benchmark would run with this --benchmark_filter ("": all). */
size_t bench_suite_count(const struct bench_suite *suite, const char *filter);

void bench_suite_release(struct bench_suite *suite);

/* "64", "16 KiB" as it stands in names: "16K". */
const char *bench_size_text(size_t size, char out[static 16]);

/* A JSON object of exactly `size` bytes (64 or more): texts with an escape here and there, numbers,
 * nested arrays. To be freed; NULL when memory is out. */
char *bench_json_make(size_t size);

/* One function a file. */
void bench_add_lookups(struct bench_suite *suite);
void bench_add_attacks(struct bench_suite *suite);
void bench_add_dispatches(struct bench_suite *suite);
void bench_add_loads(struct bench_suite *suite);
void bench_add_envelopes(struct bench_suite *suite);
void bench_add_codecs(struct bench_suite *suite);

#endif
