/* A worker: one loop, its listeners, its connections, and one dispatch of its own. Nothing here is
 * shared with another thread. */
#ifndef EVD_WORKER_H
#define EVD_WORKER_H

#include "budget.h"
#include "config.h"
#include "deadlines.h"
#include "listener.h"
#include "log.h"

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
    struct evd_deadlines clocks[EVD_CLOCKS];
    struct evd_budget budget;     /* of their buffers */
    uint64_t expired[EVD_CLOCKS]; /* whose time was over */
    uint64_t shed;                /* closed because the budget was overdrawn */
    bool shedding;                /* since the budget was last at ease: told once */
};

struct evd_worker {
    struct ev_loop *loop;
    const struct evd_server_config *config;
    struct evd_dispatch *dispatch;
    struct evd_codec_context codecs;

    /* Shared by all connections, because between two events none of them needs one. */
    struct evd_buf rx;     /* what was just read */
    struct evd_buf tx;     /* the answers to it */
    struct evd_work *work; /* the call at hand: conn.h */

    struct evd_listener listeners[EVD_LISTEN_MAX];
    struct evd_conn_list conns;
    uint64_t accepted;   /* connections so far: the number of the last */
    uint64_t refused;    /* messages answered with EVD_ERR_NO_PERMISSION */
    uint64_t refused_ns; /* when a refused token was last logged */
    size_t grant_bytes;  /* what the tokens of all connections take */
    /* An epoll of the connections with an unfinished call, which are not read meanwhile. It waits
     * for nothing, and so tells only of what cannot be masked: a connection that is reset, or shut
     * both ways. */
    ev_io gone;
    ev_timer sweep; /* looks for connections whose time is over */
    ev_signal on_term, on_int, on_usr1;
    ev_io modules; /* the modules have changed */
    bool draining;
    uint64_t drain_deadline_ns;
};

/* Opens the dispatch, the loop and the listeners, and prints where it listens. *config outlives the
 * worker. *ret_error says what failed. */
int evd_worker_open(struct evd_worker *worker, const struct evd_server_config *config,
                    struct evd_error *ret_error);

/* Serves until SIGTERM or SIGINT and the end of what was in flight. Returns the connections that
 * were cut off because draining took too long. */
size_t evd_worker_run(struct evd_worker *worker);

void evd_worker_close(struct evd_worker *worker);

/* A listener accepted a connection; the worker owns fd from here on. */
void evd_worker_accept(struct evd_worker *worker, int fd, bool is_tcp);

/* A message was refused for want of permission: counts it, and logs why a token was refused (why,
 * unless that is ""), once a second at most. */
void evd_worker_refused(struct evd_worker *worker, const char *why);

/* The monotonic clock in nanoseconds, to a few milliseconds. */
uint64_t evd_worker_now(void);

#endif
