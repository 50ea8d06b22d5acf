/* The counters of all workers, as one line of JSON. */
#ifndef EVD_STATS_H
#define EVD_STATS_H

#include "workers.h"

/* Writes what the workers last answered to EVD_ASK_STATS: the sums, and under "workers" each one's;
 * one that has not answered since is marked "silent". Modules and endpoints are those of the worker
 * that knows most. */
void evd_stats_print(struct evd_workers *workers, struct evd_log *log);

/* The sums of the same. */
struct evd_worker_stats evd_stats_sum(struct evd_workers *workers);

#endif
