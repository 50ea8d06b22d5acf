/* A thread of load: an event loop, its connections, and its share of the schedule. */
#ifndef LG_WORKER_H
#define LG_WORKER_H

#include "account.h"
#include "check.h"
#include "histogram.h"
#include "interval.h"
#include "now.h"
#include "options.h"
#include "schedule.h"
#include "stamp.h"
#include "stationary.h"

#include <ev.h>
#include <pthread.h>
#include <stdatomic.h>

/* Workers wait here until all are ready and the times are set. */
struct lg_gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned ready; /* workers that wait */
    enum { LG_GATE_CLOSED, LG_GATE_GO, LG_GATE_ABORT } state;
};

/* What all workers of a run share. */
struct lg_plan {
    const struct lg_run_options *options;
    const struct lg_scenario *scenario;
    const struct lg_tags *tags; /* NULL: no interval log */
    struct evd_wire_limits limits;
    struct lg_gate gate;
    struct lg_shape shape; /* of the rate; no segments: one rate */
    /* On lg_now()'s clock. Requests due in [start, measure) are the warm-up, those in [measure,
     * end) are measured. `end` moves to the present when the user interrupts. */
    uint64_t start_ns, measure_ns;
    _Atomic uint64_t end_ns;
};

/* Totals since the start, written by the worker alone, read by anybody at any time. */
struct lg_progress {
    _Atomic uint64_t answered; /* replies of any kind */
    _Atomic uint64_t errors;   /* requests that went wrong, lg_account_errors() but in flight */
    _Atomic uint64_t sent_bytes, received_bytes;
};

/* A request in flight. */
struct lg_slot {
    uint64_t due_ns, sent_ns; /* sent_ns: 0 before the first time */
    uint32_t request;         /* index in the scenario */
    uint8_t window;           /* enum lg_window */
};

enum lg_conn_state { LG_CONN_DOWN, LG_CONN_CONNECTING, LG_CONN_UP };

/* Requests are numbered from 1 on each connection: the number is the id on the wire, and number &
 * mask its slot. head <= stamped <= tail: [head, tail) are in flight, of which [stamped, tail) are
 * encoded in `out` and not written yet. tail - head <= depth <= mask + 1. */
struct lg_conn {
    struct lg_worker *worker;
    unsigned index;
    enum lg_conn_state state;
    bool dirty; /* in the worker's list of connections to flush; open loop only */
    int fd;     /* owned; -1 when down */
    ev_io io;
    ev_timer retry;
    struct evd_decoder decoder;
    struct evd_buf in, out;
    struct lg_slot *ring; /* part of the worker's `slots` */
    uint64_t mask, head, stamped, tail;
    uint32_t step;          /* of a sequence, to be sent next: its request; 0: none. think.h */
    bool thinking;          /* in the worker's `thoughts` */
    uint64_t step_due_ns;   /* when the step is */
    uint64_t begun;         /* the first number on this connection; --reconnect-every */
    uint64_t connecting_ns; /* since when */
    struct lg_stamp stamp;
    uint64_t rx_ns;    /* the kernel's stamp of what was read last; 0: none, or not asked for */
    unsigned failures; /* connects and connections in a row that gave no reply */
};

struct lg_cpu_sample {
    uint64_t wall_ns, user_ns, system_ns, wait_ns, spun_ns;
};

struct lg_worker {
    struct lg_plan *plan;
    unsigned index;
    pthread_t thread;
    struct evd_error error; /* status < 0: the worker gave up, and why */

    struct ev_loop *loop;
    int timer_fd;      /* CLOCK_MONOTONIC, absolute */
    uint64_t armed_ns; /* what it is set to; 0: not */
    ev_io timer;
    ev_timer tick;
    uint64_t spun_ns; /* --spin: in turns of the loop that found nothing to do */
    uint64_t next_publish_ns;

    struct lg_conn *conns;
    struct lg_slot *slots;
    unsigned conn_count;
    struct lg_thought *thoughts; /* a heap; NULL without sequences */
    unsigned thought_count;
    unsigned *dirty; /* indexes of connections with something to write */
    unsigned dirty_count;
    uint64_t *free_bits; /* bit i: connection i is up and has a free slot */
    unsigned next_conn;  /* where the search for one starts */
    unsigned up_count;
    uint64_t in_flight;

    /* Two cursors over the same schedule. `due` walks with the clock and counts what is scheduled;
     * `send` follows as slots allow: what lies between waits, and takes no memory. */
    struct lg_schedule due, send;
    uint64_t due_count, send_count;
    uint64_t closed_next; /* closed loop: the next request's index in the run */
    bool blocked;         /* requests wait for a slot */
    bool refused;         /* no connection is up, and the last attempt failed */
    /* They have waited since blocked_ns, while any of them waits; a slot was last freed for them at
     * unblocked_ns. lateness.h makes of these who was late. */
    bool backlog;
    uint64_t blocked_ns, unblocked_ns;

    struct lg_checker checker;
    struct lg_account accounts[LG_WINDOWS];
    struct lg_histogram response[LG_WINDOWS];
    /* Measured window only. woke_late + no_free_slot = lateness, for each request. */
    struct lg_histogram service, lateness, woke_late, no_free_slot;
    struct lg_histogram censored;          /* of response: those that were never answered */
    struct lg_histogram wire;              /* of the requests that were stamped */
    uint64_t wire_lost;                    /* those of which a stamp is missing */
    bool stamping;                         /* the kernel stamps what these connections send */
    struct lg_stamp_sampler sampler;       /* and which of it */
    struct evd_error stamp_error;          /* why not, "" where it was not asked to */
    struct lg_histogram blocks[LG_BLOCKS]; /* response, by when in the measured window it was due */
    unsigned block; /* that of the last response: requests due in [block_from_ns, block_to_ns) */
    uint64_t block_from_ns, block_to_ns;
    struct lg_intervals intervals; /* response, measured window */
    uint64_t ok_in_window;         /* good replies that arrived in [measure, end) */
    uint64_t unsolicited;          /* replies to nothing */
    uint64_t reconnects, resent, renewed;
    struct lg_cpu_sample cpu[2]; /* at the edges of the measured window */
    bool measuring, measured;    /* which of them was taken */

    struct lg_progress progress;
    uint64_t answered, errors, sent_bytes, received_bytes; /* what progress publishes */
    pthread_mutex_t live_lock;
    struct lg_histogram live_late; /* woke_late, as the next */
    struct lg_histogram live; /* under live_lock: response of both windows, at the last publish */
};

/* Connects all of the worker's connections. `connections` of the run's belong to it. On error
 * (EVD_ERR_SYSTEM, EVD_ERR_NO_MEMORY, in words) there is nothing to close. */
int lg_worker_open(struct lg_worker *worker, struct lg_plan *plan, unsigned index,
                   unsigned connections, struct evd_error *ret_error);
void lg_worker_close(struct lg_worker *worker);

/* The thread: waits at the plan's gate, then works until the run is over, or returns at once. */
void *lg_worker_main(void *worker);

/* ---- Between worker.c and conn.c ---- */

static inline enum lg_window lg_window_of(const struct lg_worker *worker, uint64_t due_ns)
{
    return due_ns < worker->plan->measure_ns ? LG_WARMUP : LG_MEASURED;
}

static inline uint64_t lg_end_of(const struct lg_worker *worker)
{
    return atomic_load_explicit(&worker->plan->end_ns, memory_order_relaxed);
}

/* Charges one request that was scheduled. */
void lg_worker_charge(struct lg_worker *worker, enum lg_window window, enum lg_outcome outcome);

/* Charges a request that was never answered: an outcome of lg_outcome_is_censored(). Its age is in
 * the responses from here on. */
void lg_worker_censor(struct lg_worker *worker, uint32_t request, uint64_t due_ns, uint64_t now_ns,
                      enum lg_outcome outcome);

/* Records a response, or an age, in all that is kept of responses. */
void lg_worker_record(struct lg_worker *worker, uint32_t request, uint64_t due_ns, uint64_t now_ns);

/* Ends the run for this worker: the loop returns. For what must never happen. */
void lg_worker_fail(struct lg_worker *worker, int status, const char *what);

/* Takes over a connected socket. */
void lg_conn_up(struct lg_conn *conn, int fd);

/* Encodes requests[request] behind what the connection has to write; a slot must be free. */
void lg_conn_send(struct lg_conn *conn, uint32_t request, uint64_t due_ns);

/* Writes what was encoded, with one send(), and stamps it as sent. */
void lg_conn_flush(struct lg_conn *conn);

/* Closed loop: fills every free slot with requests due now, and flushes. */
void lg_conn_fill(struct lg_conn *conn, uint64_t now_ns);

/* Closes; what is in flight becomes `outcome`; connects again unless the run is over. */
void lg_conn_lost(struct lg_conn *conn, enum lg_outcome outcome);

/* At the end of the run: closes, what is in flight stays that. */
void lg_conn_end(struct lg_conn *conn);

/* Closes the connection if its oldest request, or its connecting, takes longer than the timeout. */
void lg_conn_check_timeout(struct lg_conn *conn, uint64_t now_ns);

#endif
