/* The workers of a process: their threads, from the first bind to the last join. Used by the main
 * thread only, which accepts nothing itself. */
#ifndef EVD_WORKERS_H
#define EVD_WORKERS_H

#include "serve.h"

struct evd_workers;

/* Starts config->workers threads, each of which opens its modules, and binds; none accepts before
 * evd_workers_start(). config and shared outlive them. On an error nothing is left, *ret_error says
 * what failed. */
int evd_workers_open(const struct evd_server_config *config, struct evd_worker_shared *shared,
                     struct evd_workers **ret_workers, struct evd_error *ret_error);

void evd_workers_start(struct evd_workers *workers);

unsigned evd_workers_count(const struct evd_workers *workers);

/* index: below the count. */
struct evd_worker *evd_workers_at(struct evd_workers *workers, unsigned index);

/* Where they listen. */
size_t evd_workers_listeners(const struct evd_workers *workers);
const struct evd_address *evd_workers_address(const struct evd_workers *workers, size_t index);

void evd_workers_ask(struct evd_workers *workers, enum evd_worker_ask ask);

/* How many have not answered this yet; the threads that have ended have answered everything. */
unsigned evd_workers_silent(struct evd_workers *workers, enum evd_worker_ask ask);

/* Whether all have answered this; if so, it counts as not answered from here on. */
bool evd_workers_took(struct evd_workers *workers, enum evd_worker_ask ask);

/* To be asked for after EVD_ASK_FINISH was answered by all: closes the descriptors they shared. */
void evd_workers_close_shared(struct evd_workers *workers);

/* How many threads are still running. */
unsigned evd_workers_running(struct evd_workers *workers);

/* The deadline of EVD_ASK_DRAIN, then asks for it. */
void evd_workers_drain(struct evd_workers *workers, uint64_t deadline_ns);

/* Ends workers that were not started, and frees. */
void evd_workers_give_up(struct evd_workers *workers);

/* Joins the threads, which must all have ended, and frees. Returns the connections that were cut
 * off. */
size_t evd_workers_close(struct evd_workers *workers);

/* For a process that ends though a thread does not: removes the files of its sockets. */
void evd_workers_abandon(struct evd_workers *workers);

#endif
