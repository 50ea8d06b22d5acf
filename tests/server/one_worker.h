/* A real worker with one connection, its loop turned by the test. */
#ifndef EVD_TEST_ONE_WORKER_H
#define EVD_TEST_ONE_WORKER_H

#include "server/command_line.h"
#include "server/conn.h"
#include "server/serve.h"

struct one_worker {
    struct evd_server_config config;
    struct evd_worker_shared shared;
    struct evd_worker worker;
    int client;
};

/* The configuration that evd-server has without arguments, for a static table; to be changed before
 * one_worker_open(). */
void one_worker_init(struct one_worker *one, const struct evd_builtin *table, size_t count);

/* Opens the worker, and a connection to it. one_worker_close() closes both. */
void one_worker_open(struct one_worker *one);
void one_worker_close(struct one_worker *one);

#endif
