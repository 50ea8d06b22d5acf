/* A place for a call. */
#ifndef EVD_WORK_H
#define EVD_WORK_H

#include "trace.h"

#include "dispatch/dispatch.h"
#include "server/wire/envelope.h"
#include "server/wire/transport.h"

#include <ev.h>

struct evd_conn;

/* A call at hand, and what it is read with. A worker has one for all its connections; a call that
 * does not end at once takes it along, unmoved, and the worker makes another. */
struct evd_work {
    struct evd_conn *conn;
    struct evd_decoder decoder;
    struct evd_envelope envelope;
    struct evd_sink sink;
    struct evd_flight flight;
    struct evd_trace_call trace;
    uint64_t began_ns;      /* for the metrics; 0: not to be timed */
    struct evd_buf payload; /* a payload whose codec was undone */
    size_t used;            /* once it is taken along: bytes of conn->in that are the call */
    ev_timer wait;          /* the same: until it is resumed */
};

#endif
