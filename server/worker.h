/* A worker: a thread's loop, listeners, connections, and one dispatch of its own. Nothing here is
 * shared with another thread, except what stands under "Between threads". What it is, and what its
 * connections ask of it, stands here; its life in serve.h. */
#ifndef EVD_WORKER_H
#define EVD_WORKER_H

#include "budget.h"
#include "config.h"
#include "deadlines.h"
#include "listener.h"
#include "log.h"
#include "metrics.h"
#include "surplus.h"
#include "trace.h"

#include <pthread.h>
#include <stdatomic.h>

#define EVD_RX_SIZE 65536 /* bytes of one read */

struct evd_conn;
struct evd_work;

/* The limits on a connection's time. Each has a list of its own (deadlines.h). */
enum evd_clock {
    EVD_CLOCK_IDLE,       /* nothing is under way and nothing moves */
    EVD_CLOCK_STALLED,    /* the peer takes nothing of its answers */
    EVD_CLOCK_LINGER,     /* all is said: the peer's end is awaited */
    EVD_CLOCK_FIRST_BYTE, /* the peer has not said anything yet */
    EVD_CLOCK_MESSAGE,    /* a message has begun */
    EVD_CLOCK_CALL,       /* a call is unfinished */
    EVD_CLOCKS,
};

/* The open connections, in the order in which they came. */
struct evd_conn_list {
    struct evd_conn *first, *last;
    size_t count;
    size_t each; /* bytes of one that holds none */
    struct evd_deadlines clocks[EVD_CLOCKS];
    struct evd_budget budget;     /* of their buffers */
    uint64_t expired[EVD_CLOCKS]; /* whose time was over */
    uint64_t shed;                /* closed because the budget was overdrawn */
    bool shedding;                /* since the budget was last at ease: told once */
};

/* What it counts beside its calls: the turns of its loop, and now and then what stands
 * (measure.h). */
struct evd_measure {
    struct evd_metrics *metrics;
    bool shared; /* the metrics are in config->metrics, and go with those of all */
    ev_prepare before_wait;
    ev_check after_wait;
    uint64_t woke_ns; /* 0: not yet */
};

/* Of all workers of a process. */
struct evd_worker_shared {
    atomic_size_t connections; /* open, held against --max-connections */
    struct ev_loop *loop;      /* of the main thread */
    ev_async answered;         /* there: a worker has answered */
};

/* What the main thread asks of a worker, as bits; each is answered by the same bit. */
enum evd_worker_ask {
    EVD_ASK_PING = 1,   /* only to answer */
    EVD_ASK_STATS = 2,  /* to fill in stats */
    EVD_ASK_FINISH = 4, /* to accept what waits, and then to stop accepting */
    EVD_ASK_DRAIN = 8,  /* to answer what is in flight, until drain_deadline_ns, and end */
    EVD_ASK_END = 16,   /* to end now */
    EVD_ASK_LEAVE = 32, /* to say that it will go (/readyz), and serve on */
};

struct evd_worker_stats {
    size_t connections; /* open now */
    uint64_t accepted, calls, refused;
    size_t token_bytes;
    size_t endpoints;
    struct evd_dispatch_stats dispatch;
};

struct evd_worker {
    struct ev_loop *loop;
    const struct evd_server_config *config;
    struct evd_dispatch *dispatch;
    struct evd_codec_context codecs;

    /* Shared by all connections, because between two events none of them needs one. */
    struct evd_buf rx;     /* what was just read */
    struct evd_buf tx;     /* the answers to it */
    struct evd_work *work; /* the call at hand: work.h */
    size_t turn_calls;     /* of the connection at hand, in its turn: held against --max-calls */

    struct evd_acceptor acceptor; /* where its listeners let connections in */
    struct evd_listener listeners[EVD_LISTEN_MAX];
    size_t listener_count; /* the same for all workers: those passed, then those of --listen */
    struct evd_conn_list conns;
    struct evd_surplus surplus; /* of --max-connections */
    struct evd_measure measure;
    struct evd_trace trace;
    uint64_t accepted;   /* connections so far */
    uint64_t calls;      /* that reached the dispatch or were refused for their payload */
    uint64_t refused;    /* messages answered with EVD_ERR_NO_PERMISSION */
    uint64_t refused_ns; /* when a refused token was last logged */
    size_t grant_bytes;  /* what the tokens of all connections take */
    /* An epoll of the connections with an unfinished call, which are not read meanwhile. It waits
     * for nothing, and so tells only of what cannot be masked: a connection that is reset, or shut
     * both ways. */
    ev_io gone;
    ev_timer sweep; /* looks for connections whose time is over */
    ev_io modules;  /* the modules have changed */
    bool leaving;   /* it will accept no more, soon or already */
    bool draining;

    /* Between threads. */
    unsigned index;
    struct evd_worker_shared *shared;
    ev_async async;                /* asked has become more */
    atomic_uint asked;             /* enum evd_worker_ask */
    atomic_uint answered;          /* the same, set by the worker when it has done it */
    uint64_t drain_deadline_ns;    /* set before EVD_ASK_DRAIN */
    pthread_mutex_t lock;          /* of stats */
    struct evd_worker_stats stats; /* at the last EVD_ASK_STATS, and at the end */
    size_t cut_off;                /* at the end: connections that draining left open */
};

/* A message was refused for want of permission: counts it, and logs why a token was refused (why,
 * unless that is ""), once a second at most. */
void evd_worker_refused(struct evd_worker *worker, const char *why);

/* A connection was closed. */
void evd_worker_left(struct evd_worker *worker);

/* A number that no other connection of this process has had: for a connection that was just
 * accepted. */
uint64_t evd_worker_number(struct evd_worker *worker);

#endif
