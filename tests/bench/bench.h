/* Google Benchmark for C: bodies in C, this thin wrapper in C++ behind it.
 *
 *   static void lookup(struct evd_bench *bench, void *arg)
 *   {
 *       while (evd_bench_next_batch(bench, 64))
 *           for (size_t i = 0; i < 64; i++)
 *               evd_bench_use(evd_names_get(arg, names[i]));
 *   }
 *   ... evd_bench_add("lookup/evd_names/names:64", lookup, &table);
 *   return evd_bench_main(argc, argv, false);
 *
 * A body is run several times: with few iterations until their number is known, then once for each
 * repetition. What it does before its first iteration and after its last is not counted. */
#ifndef EVD_BENCH_H
#define EVD_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct evd_bench; /* one run of one benchmark */

typedef void (*evd_bench_fn)(struct evd_bench *bench, void *arg);

/* Registers; name is copied, arg is borrowed until evd_bench_main() has returned. Names are stable:
 * reports and targets.tsv refer to them. */
void evd_bench_add(const char *name, evd_bench_fn fn, void *arg);

/* A line of the output's "context": what the figures rest on. Both are copied. */
void evd_bench_context(const char *key, const char *value);

/* Runs what was added, in random order of repetitions unless told otherwise; understands Google
 * Benchmark's own options (--benchmark_filter=..., --benchmark_out=..., ...). quiet: no table,
 * only what failed, on stderr. Returns the exit status: 0, 1 when a benchmark failed or the filter
 * left none, 2 for an unknown option. */
int evd_bench_main(int argc, char **argv, bool quiet);

/* Starts and ends the iterations: `while (evd_bench_next(bench))`. Costs 2 ns itself. */
bool evd_bench_next(struct evd_bench *bench);

/* The same, for bodies that do `count` iterations at a time, where one alone is too short. */
bool evd_bench_next_batch(struct evd_bench *bench, int64_t count);

/* How many iterations this run has. */
int64_t evd_bench_iterations(const struct evd_bench *bench);

/* What one iteration deals with: reported as bytes and items per second. */
void evd_bench_bytes(struct evd_bench *bench, int64_t bytes_per_iteration);
void evd_bench_items(struct evd_bench *bench, int64_t items_per_iteration);

/* A figure of the body's own, reported under `name`. */
void evd_bench_counter(struct evd_bench *bench, const char *name, double value);

/* Time that is not to be counted; costs some 200 ns itself. */
void evd_bench_pause(struct evd_bench *bench);
void evd_bench_resume(struct evd_bench *bench);

/* Ends the benchmark with an error that is reported. Where it has iterations left, the next
 * evd_bench_next() is false. */
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
