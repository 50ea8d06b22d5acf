#include "progress.h"

#include <stdio.h>
#include <unistd.h>

#define EVERY_LINE     10.0 /* seconds */
#define EVERY_TERMINAL 0.5

static double since(const struct timespec *then, const struct timespec *now)
{
    return (double)(now->tv_sec - then->tv_sec) + (double)(now->tv_nsec - then->tv_nsec) / 1e9;
}

void bench_progress_begin(struct bench_progress *progress, size_t benchmarks, size_t repetitions)
{
    *progress =
        (struct bench_progress){.total = repetitions > 1 ? benchmarks * (repetitions - 1) : 0,
                                .terminal = isatty(STDERR_FILENO)};
    fprintf(stderr, "evd-bench: %zu benchmarks, %zu repetitions of each, in random order\n",
            benchmarks, repetitions);
}

void bench_progress_step(struct bench_progress *progress)
{
    struct timespec now;
    if (progress->total == 0 || clock_gettime(CLOCK_MONOTONIC, &now) < 0)
        return;
    if (progress->done++ == 0)
        progress->began = progress->said = now;
    if (since(&progress->said, &now) < (progress->terminal ? EVERY_TERMINAL : EVERY_LINE))
        return;
    progress->said = now;
    double share = (double)progress->done / (double)progress->total;
    unsigned left = (unsigned)(since(&progress->began, &now) * (1 - share) / share);
    fprintf(stderr, "%sevd-bench: %.0f %%, %u:%02u left%s", progress->terminal ? "\r\033[K" : "",
            share * 100, left / 60, left % 60, progress->terminal ? "" : "\n");
}

void bench_progress_end(struct bench_progress *progress)
{
    if (progress->total > 0 && progress->terminal)
        fputs("\r\033[K", stderr);
}
