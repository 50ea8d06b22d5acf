/* Google Benchmark for C: bodies in C, this thin wrapper in C++ behind it.
 *
 *   static void lookup(struct evd_bench *bench, void *arg)
 *   {
 *       while (evd_bench_next(bench))
 *           evd_bench_use(evd_names_get(arg, name));
 *   }
 *   ... evd_bench_add("lookup/4096", lookup, &names); return evd_bench_main(argc, argv); */
#ifndef EVD_BENCH_H
#define EVD_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct evd_bench; /* one run of one benchmark */

typedef void (*evd_bench_fn)(struct evd_bench *bench, void *arg);

/* Registers; name is copied, arg is borrowed until evd_bench_main() has returned. */
void evd_bench_add(const char *name, evd_bench_fn fn, void *arg);

/* Runs what was added, in random order of repetitions unless told otherwise; understands Google
 * Benchmark's own options (--benchmark_format=json, ...). Returns the exit status. */
int evd_bench_main(int argc, char **argv);

/* Starts and ends the iterations: `while (evd_bench_next(bench))`. */
bool evd_bench_next(struct evd_bench *bench);

/* The same, `count` iterations at a time where one is too short: returns false at the end. */
bool evd_bench_next_batch(struct evd_bench *bench, int64_t count);

/* What one iteration deals with: reported as bytes and items per second. */
void evd_bench_bytes(struct evd_bench *bench, int64_t bytes_per_iteration);
void evd_bench_items(struct evd_bench *bench, int64_t items_per_iteration);

/* Time that is not to be counted; costs some 200 ns itself. */
void evd_bench_pause(struct evd_bench *bench);
void evd_bench_resume(struct evd_bench *bench);

/* Ends the benchmark with an error that is reported. */
void evd_bench_fail(struct evd_bench *bench, const char *why);

/* Keeps the compiler from leaving out what computes the value. */
static inline void evd_bench_use(const void *value)
{
    __asm__ volatile("" : : "g"(value) : "memory");
}

#ifdef __cplusplus
}
#endif

#endif
