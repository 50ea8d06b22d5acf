/* --trace: the life of a call, as one line of the log. When it was received, decoded, found and
 * answered, and when its answer was written; whose it was, and sizes. Never what it carried: not
 * its data, nor an event's name that is no endpoint's, nor an id that is not a number. */
#ifndef EVD_TRACE_H
#define EVD_TRACE_H

#include "log.h"
#include "metrics.h"

#include "server/wire/envelope.h"

#define EVD_TRACE_HELD 64 /* lines that wait for their batch to be written */

/* One call. Times are of the monotonic clock, in nanoseconds. */
struct evd_trace_call {
    bool on; /* this call is traced */
    bool has_id;
    uint64_t connection, call, id; /* the second counts the worker's calls, from 1 */
    uint64_t received_ns, decoded_ns, acquired_ns, answered_ns; /* 0: it did not come to that */
    size_t request_bytes, reply_bytes;                          /* on the wire */
    const char *outcome;                                        /* static: "ok" or a code */
    char event[EVD_EVENT_MAX + 1];
};

struct evd_trace {
    uint32_t every, until;
    uint64_t calls;
    struct evd_log *log;
    size_t count;
    struct evd_trace_call *held; /* EVD_TRACE_HELD, owned; NULL: nothing is traced */
};

/* every: one call in so many; 0: none. EVD_ERR_NO_MEMORY. */
int evd_trace_open(struct evd_trace *trace, uint32_t every, struct evd_log *log);
void evd_trace_close(struct evd_trace *trace);

/* A call was decoded from so many bytes, the last of which came at received_ns: *call is set up,
 * and on if it is its turn. */
void evd_trace_begin(struct evd_trace *trace, struct evd_trace_call *call, uint64_t connection,
                     uint64_t received_ns, const struct evd_id *id, size_t bytes);

/* It has its answer: number and event as of evd_metrics_end. */
void evd_trace_end(struct evd_trace *trace, struct evd_trace_call *call, uint32_t number,
                   struct evd_slice event, const char *outcome);

/* What was answered has been written, or, if not `all`, a part of it waits for the peer. */
void evd_trace_write(struct evd_trace *trace, bool all);
static inline void evd_trace_written(struct evd_trace *trace, bool all)
{
    if (trace->count > 0)
        evd_trace_write(trace, all);
}

#endif
