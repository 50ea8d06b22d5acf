/* Random dotted names, the same for the same seed: "api.mqvte_w.kxo". What the look-ups are
 * compared on, and what make_names writes for gperf and for dlsym. */
#ifndef BENCH_NAMES_H
#define BENCH_NAMES_H

#include "dispatch/message.h"

#include <stdint.h>

#define BENCH_NAMES_SEED 20261123u /* of the names that are compiled in */
#define BENCH_NAME_MAX   64

struct bench_names {
    char (*texts)[BENCH_NAME_MAX]; /* owned, as is list; NUL-terminated */
    struct evd_slice *list;        /* all different */
    size_t count;
};

/* Draws `count` names; the first n of them are those of a draw of n. EVD_ERR_NO_MEMORY. */
int bench_names_draw(uint64_t seed, size_t count, struct bench_names *ret_names);
void bench_names_release(struct bench_names *names);

/* The names from `first` on, `count` of them, each as often as every other, in a random order; at
 * least BENCH_QUERIES_MIN. Their bytes stand in the order in which they are looked up, each with a
 * NUL behind it, as input does. */
#define BENCH_QUERIES_MIN 4096
struct bench_queries {
    struct evd_slice *list; /* owned, as is bytes */
    char *bytes;
    size_t count;
};

int bench_queries_make(const struct bench_names *names, size_t first, size_t count, uint64_t seed,
                       struct bench_queries *ret_queries);
void bench_queries_release(struct bench_queries *queries);

#endif
