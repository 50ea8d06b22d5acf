/* The life of a worker: it opens, serves and ends. */
#ifndef EVD_SERVE_H
#define EVD_SERVE_H

#include "worker.h"

/* Opens the dispatch and the loop, in the thread that will run the worker. *config and *shared
 * outlive the worker. *ret_error says what failed; then there is nothing to close. */
int evd_worker_open(struct evd_worker *worker, const struct evd_server_config *config,
                    unsigned index, struct evd_worker_shared *shared, struct evd_error *ret_error);

/* Opens its listeners: those of the configuration where first is NULL, else beside first's. Any
 * thread, before evd_worker_run(). On an error evd_worker_close() is still due. */
int evd_worker_listen(struct evd_worker *worker, const struct evd_worker *first,
                      struct evd_error *ret_error);

/* Serves until it is asked to end. */
void evd_worker_run(struct evd_worker *worker);

/* In the same thread: closes everything but what the main thread may still reach it by. */
void evd_worker_close(struct evd_worker *worker);

/* The rest, once its thread has ended. */
void evd_worker_release(struct evd_worker *worker);

/* Asks for what has its bit set; the answers of before are forgotten. From the main thread. */
void evd_worker_ask(struct evd_worker *worker, enum evd_worker_ask ask);

/* A listener accepted a connection; the worker owns fd from here on. */
void evd_worker_accept(struct evd_worker *worker, int fd, bool is_tcp);

#endif
