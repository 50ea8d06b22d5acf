/* How far evd-bench is: lines on stderr, one that is written over on a terminal.
 *
 * Google Benchmark looks for the number of iterations of each benchmark first; the run that finds
 * it is the first repetition, and all others have the same number. So a run that has as many
 * iterations as the last of the same benchmark is a repetition, and of these there are known to be
 * benchmarks x (repetitions - 1). */
#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct bench_progress {
    size_t total, done; /* repetitions but each benchmark's first; total 0: says nothing */
    bool terminal;
    struct timespec began, said; /* began: with the first that was done */
};

void bench_progress_begin(struct bench_progress *progress, size_t benchmarks, size_t repetitions);
void bench_progress_step(struct bench_progress *progress);
void bench_progress_end(struct bench_progress *progress);

#endif
