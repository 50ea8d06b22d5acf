/* The bystanders of a run: connections on a thread of their own, that send nothing, half a request,
 * or requests without end whose replies they read slowly. One that the server closes is made again.
 * They take none of the time of the threads of load. */
#ifndef LG_BYSTANDER_H
#define LG_BYSTANDER_H

#include "options.h"
#include "scenario.h"

struct lg_bystander_counts {
    uint64_t made;   /* connections */
    uint64_t ended;  /* of them, by the server */
    uint64_t failed; /* attempts that made none */
    uint64_t open;   /* at the end */
    uint64_t sent_bytes, received_bytes;
};

struct lg_bystanders;

/* Connects all of them and starts their thread; *ret_bystanders is NULL when none were asked for.
 * EVD_ERR_SYSTEM, EVD_ERR_NO_MEMORY. options and scenario stay borrowed. */
int lg_bystanders_start(const struct lg_run_options *options, const struct lg_scenario *scenario,
                        struct lg_bystanders **ret_bystanders, struct evd_error *ret_error);

/* Ends the thread, closes, frees. NULL: counts are zero. */
void lg_bystanders_stop(struct lg_bystanders *bystanders,
                        struct lg_bystander_counts ret_counts[LG_BYSTANDERS]);

#endif
