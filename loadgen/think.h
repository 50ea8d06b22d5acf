/* Sequences: the requests that follow one another on a connection, each due when the reply before
 * it has come and its think time is over. Between worker.c and conn.c. */
#ifndef LG_THINK_H
#define LG_THINK_H

#include "worker.h"

/* Those that think, by when they are done: a binary heap with room for each connection once. */
struct lg_thought {
    uint64_t due_ns;
    unsigned conn;
};

/* What the reply to requests[request] leads to is remembered, if anything. */
void lg_think_next(struct lg_conn *conn, uint32_t request, uint64_t now_ns);

/* Sends the step that was remembered, or has its connection think first. */
void lg_think_begin(struct lg_conn *conn);

/* Sends what is due by now. */
void lg_think_due(struct lg_worker *worker, uint64_t now_ns);

/* When the next is due; UINT64_MAX: nobody thinks. */
uint64_t lg_think_first(const struct lg_worker *worker);

#endif
