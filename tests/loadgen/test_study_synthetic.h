/* A study's folder made of seeded random numbers: what `loadgen study` would leave, with effects
 * that are known because they were put in. */
#ifndef TEST_STUDY_SYNTHETIC_H
#define TEST_STUDY_SYNTHETIC_H

#include <stdbool.h>
#include <stdint.h>

enum { SYNTHETIC_ARMS = 6 };

struct synthetic {
    uint64_t seed;
    unsigned blocks;
    double noise;                /* standard deviation of a trial's log throughput, such as 0.01 */
    double drift;                /* each block is faster than the last by this fraction */
    double rate[SYNTHETIC_ARMS]; /* throughput of each arm of quick.json, as a ratio to the first */
    double rate_webhooks[SYNTHETIC_ARMS]; /* the same on github-webhooks; 0: as `rate` */
    unsigned calls;                       /* per trial, for the latencies */
    unsigned invalid_trial;               /* this trial is INVALID; 0: none */
    bool all_invalid;                     /* and so is every other */
    unsigned bad_trial;                   /* this trial has bad replies; 0: none */
    unsigned trials;                      /* only the first so many; 0: all */
    bool parts; /* where the time of open calls went: 10, 20 and 70 % of it, and of the last 40 on
                   the wire */
    /* Parts of the window of open calls. The median of a trial is 50 µs, 1 more for each arm and
     * 0.1 for each block after the first; the parts have the same, but the third arm's first 1.25
     * and the second arm's last 0.9 times as much. The fourth arm's second has none. */
    bool over_time;
};

/* A folder of the test's own, to be given to folder_remove(). */
char *folder_make(void);
void folder_remove(char *folder);

/* Writes study.json and trials.jsonl for the design loadgen/studies/quick.json. */
void synthetic_write(const char *folder, const struct synthetic *options);

/* A whole file, NUL-terminated, to be freed; fails the test when it cannot be read. */
char *file_read(const char *folder, const char *name);
void file_write(const char *folder, const char *name, const char *text);

#endif
