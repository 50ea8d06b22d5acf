/* The slots of a connection: which of its worker's connections can take a request. Private to
 * conn.c. */
#ifndef LG_CONN_SLOTS_H
#define LG_CONN_SLOTS_H

#include "worker.h"

static inline void mark_free(struct lg_conn *conn)
{
    conn->worker->free_bits[conn->index / 64] |= UINT64_C(1) << (conn->index % 64);
}

static inline void mark_full(struct lg_conn *conn)
{
    conn->worker->free_bits[conn->index / 64] &= ~(UINT64_C(1) << (conn->index % 64));
}

static inline bool has_room(const struct lg_conn *conn)
{
    const struct lg_run_options *options = conn->worker->plan->options;
    uint64_t every = options->profile.reconnect_every;

    return conn->tail - conn->head < options->depth && conn->step == 0 && !conn->thinking &&
           (every == 0 || conn->tail - conn->begun < every);
}

static inline void slots_freed(struct lg_conn *conn, uint64_t now_ns)
{
    struct lg_worker *worker = conn->worker;

    mark_free(conn);
    if (worker->blocked) {
        worker->blocked = false;
        worker->unblocked_ns = now_ns;
    }
}

/* --reconnect-every: all its requests are answered. */
static inline bool is_spent(const struct lg_conn *conn)
{
    uint64_t every = conn->worker->plan->options->profile.reconnect_every;

    return every != 0 && conn->head == conn->tail && conn->tail - conn->begun >= every;
}

#endif
