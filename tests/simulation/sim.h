/* A world without a kernel: server/worker.c, listener.c and conn.c, unchanged, over a mocked libev
 * (sim_loop.c), mocked sockets, descriptors and clocks (sim_kernel.c), and an allocator that fails
 * when told to (sim_faults.c). One thread, virtual time, one seed: what has gone wrong once goes
 * wrong again by its seed and its fault. After TigerBeetle's simulator
 * (https://docs.tigerbeetle.com/concepts/safety/). */
#ifndef EVD_SIM_H
#define EVD_SIM_H

#include "server/conn.h"
#include "server/serve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* needs the four before it */

#define SIM_FD       1000 /* the first descriptor of this world */
#define SIM_FILES    2048 /* numbers are never given twice, so that one used too late is found */
#define SIM_WORKERS  2    /* at most */
#define SIM_PEERS    80   /* at most */
#define SIM_NOBODY   (-1) /* the descriptor of nobody */
#define SIM_EVERYONE (-2) /* whoever may be meant */
#define SIM_SECOND   1000000000ull
#define SIM_WALL_NS  (1700000000 * SIM_SECOND) /* of the wall clock, when the other is 0 */
#define SIM_QUEUE    SIM_PEERS                 /* connections that wait to be accepted */

/* Ends the test; says which seed and fault show it again. */
#define SIM_CHECK(condition)                                                                       \
    do {                                                                                           \
        if (!(condition))                                                                          \
            sim_fail(__FILE__, __LINE__, #condition);                                              \
    } while (0)

_Noreturn void sim_fail(const char *file, int line, const char *what);

/* ---- Faults. ---- */

/* Where something may fail; each is a bit of sim_plan.sites. */
enum sim_site {
    SIM_ALLOC = 1 << 0,
    SIM_RECV = 1 << 1,
    SIM_SEND = 1 << 2,
    SIM_ACCEPT = 1 << 3,
    SIM_WATCH = 1 << 4, /* the loop's epoll_ctl: the watcher gets EV_ERROR */
    SIM_GONE = 1 << 5,  /* epoll_ctl of worker.c's own */
    SIM_SETSOCKOPT = 1 << 6,
    SIM_SHUTDOWN = 1 << 7,
    SIM_CLOSE = 1 << 8, /* the descriptor is gone all the same, as on Linux */
    SIM_OPEN = 1 << 9,  /* of the spare descriptor */
    SIM_SOCKET = 1 << 10,
    SIM_BIND = 1 << 11,
    SIM_LISTEN = 1 << 12,
    SIM_EPOLL = 1 << 13, /* epoll_create1, eventfd */
    SIM_LOOP = 1 << 14,  /* ev_loop_new */
    SIM_SITES = 15,
};
#define SIM_CALLS ((1u << SIM_SITES) - 2) /* all but SIM_ALLOC */

struct sim_plan {
    unsigned sites;      /* that are counted and may fail */
    long from, to;       /* the numbers, from 1, of those that fail */
    unsigned chance;     /* one in so many fails, by chance; 0: none */
    unsigned interrupts; /* one read, write or accept in so many gives EINTR; 0: none */
    unsigned shorts;     /* one read or write in so many is short; 1: all, of one byte; 0: none */
    int accept_errno;    /* what accept4 fails with; 0: one of those that happen */
};

/* ---- The world. ---- */

enum sim_kind {
    SIM_FREE,
    SIM_LISTENER,
    SIM_STREAM,
    SIM_EPOLL_FD,
    SIM_EVENT_FD,
    SIM_SPARE,
    SIM_FRESH
};

struct sim_file {
    enum sim_kind kind;
    int peer;                     /* of a stream */
    int queue[SIM_QUEUE], queued; /* of a listener: peers that wait */
    bool watched;                 /* stands in worker->gone */
    bool reset_at_close;          /* SO_LINGER of 0 */
};

/* The socket of a client, whose bytes are its script (sim_peer.c). */
struct sim_socket {
    int fd;         /* of the server's end; SIM_NOBODY: not accepted, or closed */
    bool connected; /* stands in the queue, or was accepted */
    bool accepted;
    int was_fd;        /* of the server's end, once it was accepted */
    long sequence;     /* how many were accepted before it */
    bool server_shut;  /* no more comes */
    bool server_gone;  /* closed at the server's end */
    bool server_reset; /* closed with a reset: what was not read is lost */
    bool client_shut, client_reset;
    bool failed;        /* a read or a write has failed: it is of no use any more */
    const char *in;     /* all that the client will ever send */
    size_t sent, taken; /* of it: by the client; by the server */
    char *out;          /* all that the server has sent */
    size_t out_len, out_read, out_max;
    size_t window; /* bytes that may lie between out_read and out_len */
};

struct sim_world {
    uint64_t seed, random;
    uint64_t now_ns;      /* monotonic */
    int64_t wall_jump_ns; /* by which somebody has set the wall clock */
    struct sim_plan plan;
    bool counting;  /* faults are on */
    long asked;     /* sites of the plan that were passed */
    long failed;    /* of them: that failed */
    int victim;     /* whose fault it was: a descriptor, SIM_NOBODY, or SIM_EVERYONE */
    int current;    /* the descriptor whose turn it is */
    long accepted;  /* connections */
    long failed_at; /* how many were, when the first site failed */
    struct evd_worker *workers[SIM_WORKERS];
    size_t worker_count;
    long blocks;                          /* allocated */
    size_t descriptor_limit, descriptors; /* 0: none */
    int next_fd;
    struct sim_file files[SIM_FILES];
    struct sim_socket sockets[SIM_PEERS];
    long accepts;     /* calls of accept4 */
    long lines;       /* of the log, warnings and errors */
    char line[256];   /* the last of them */
    const char *name; /* of the scenario */
};

extern struct sim_world sim;

/* A world from this seed, with nothing in it. */
void sim_begin(const char *name, uint64_t seed);

/* From now on the plan holds; NULL: nothing fails. */
void sim_arm(const struct sim_plan *plan);

uint64_t sim_random(void);
size_t sim_below(size_t count);  /* 0 to count - 1 */
bool sim_one_in(unsigned count); /* false for 0 */

/* Whether this site fails now; fd: whose it is. */
bool sim_fails(enum sim_site site, int fd);

/* Whose turn it is: what fails now is theirs. */
void sim_turn_of(int fd);

/* Memory of the tests' own. Never fails, and is not counted. */
void *sim_alloc(size_t size);
void sim_free(void *ptr);

/* ---- The kernel's end of clients. ---- */

/* False: the queue is full, or nobody listens. */
bool sim_connect(int peer);

/* Whether a fault may be why this peer did not get what it should. */
bool sim_suspect(int peer);

/* EV_READ and EV_WRITE, as far as they are true. */
int sim_ready(int fd);

/* ---- The loop. ---- */

/* One turn of a loop that runs: everything that is ready, in an order by chance. False: nothing
 * was. */
bool sim_turn(struct ev_loop *loop, void (*check)(void *), void *context);

/* When the next timer of the loop is due, in sim.now_ns; UINT64_MAX: none is. */
uint64_t sim_next_timer(const struct ev_loop *loop);
bool sim_runs(const struct ev_loop *loop);

/* Loops that are open. */
size_t sim_loops(void);
void sim_forget_loops(void);

#endif
