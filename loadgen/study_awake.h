/* Keeping the CPUs of a study awake.
 *
 * An idle CPU is halted, and a virtual one is then given to somebody else: waking it takes as long
 * as the host pleases, often milliseconds, and that time would be charged to the arm that waited. A
 * process of the class SCHED_IDLE (sched(7)) runs only while nothing else wants the CPU, and gives
 * way at once; as long as it runs, the CPU is not halted. */
#ifndef LG_STUDY_AWAKE_H
#define LG_STUDY_AWAKE_H

#include "study_process.h"

#define LG_AWAKE_MAX 2 /* the server's CPU, the load's */

struct lg_awake {
    struct lg_child children[LG_AWAKE_MAX];
    size_t count;
};

/* One process a CPU; a CPU named twice gets one. On an error none is left. */
int lg_awake_start(const unsigned cpus[LG_AWAKE_MAX], struct lg_awake *ret_awake,
                   struct evd_error *ret_error);
void lg_awake_stop(struct lg_awake *awake);

#endif
