/* A world for whole runs of the load generator in which no real time passes: one clock that jumps
 * from event to event, threads of which one runs at a time, libev's loop, sockets and a server at
 * their other ends, and what /proc says. Nothing that is computed takes time, so that whatever is
 * late was made so by the test, and every figure of a run is known to the nanosecond.
 *
 * The generator's code is the product's; the linker puts these in place of the C library's and
 * libev's functions (CMakeLists.txt). A run is deterministic: events in the order of their times,
 * then of their making; the network before threads, threads by their number. What must not happen,
 * as a use of a closed descriptor, or a wait without an end, ends the process with a line. */
#ifndef LG_TEST_SIM_H
#define LG_TEST_SIM_H

#include "server/wire/transport.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define SIM_MS       UINT64_C(1000000)
#define SIM_SECOND   UINT64_C(1000000000)
#define SIM_NEVER    UINT64_MAX
#define SIM_BEGIN_NS (1000 * SIM_SECOND)          /* when sim_begin() is called */
#define SIM_START_NS (SIM_BEGIN_NS + 10 * SIM_MS) /* the first request is due: run.c's LEAD */
#define SIM_WALL_NS  (1700000000 * SIM_SECOND)    /* CLOCK_REALTIME, less the clock */
#define SIM_ADDRESS  "tcp://10.0.0.1:7"
#define SIM_PID      "4194304" /* no process has it */

#define SIM_CHECK(condition) ((condition) ? (void)0 : sim_fail(__FILE__, __LINE__, #condition))

_Noreturn void sim_fail(const char *file, int line, const char *condition);

/* ---- The server ---- */

/* A call that has come in. A copy may be kept, and answered later. */
struct sim_call {
    uint64_t at_ns;  /* when it came */
    uint64_t number; /* from 1 on, over all connections */
    uint64_t data;   /* its data, where they are a number */
    uint64_t id;
    unsigned conn, generation; /* where it came from */
};

enum sim_action {
    SIM_ANSWER,
    SIM_WRONG,      /* other data than the right ones */
    SIM_UNREADABLE, /* what is no answer at all; the rest of the stream is lost with it */
    SIM_TWICE,      /* the right answer, two times */
    SIM_HALF,       /* half the answer, and the end of the connection */
    SIM_END,        /* the end of the connection, in order, instead of the answer */
    SIM_RESET,      /* TCP RST */
};

/* Does that now. Nothing happens where the connection is gone. */
void sim_act(const struct sim_call *call, enum sim_action action);

/* The same at at_ns, now or later. */
void sim_act_at(const struct sim_call *call, enum sim_action action, uint64_t at_ns);

/* ---- The world: what a test may set between sim_begin() and the run ---- */

struct sim {
    uint64_t now_ns; /* CLOCK_MONOTONIC; written by the simulation alone */

    /* Takes each call as it comes. NULL: answers at once. */
    void (*serve)(const struct sim_call *call);
    uint64_t latency_ns;                   /* of the network, one way; a connect takes no time */
    uint64_t refuse_from_ns, refuse_to_ns; /* connections are refused */
    uint64_t calls;                        /* that have come; written by the simulation alone */

    uint64_t stop_from_ns, stop_to_ns; /* the generator is: none of its threads runs */
    uint64_t timer_late_ns;            /* the kernel wakes a loop that waits for a time */
    uint64_t begin_late_ns;            /* a thread of load gets its CPU, once it is told to begin */
    uint64_t poll_ns;                  /* what a turn of a loop takes that is only polled */
    uint64_t timer_fails_ns;           /* from when on a timerfd cannot be set */
    uint64_t signal_ns;                /* when the user interrupts, once */

    /* What the kernel counts, as so many parts in a thousand of the time; of the client, its first
     * thread of load: the others are idle. */
    unsigned client_cpu, client_wait, server_wait, steal;
    uint64_t server_gone_ns; /* from when on there is no such process */

    unsigned
        charges_until_lost; /* the generator's own defect: one outcome is not charged; 0: none */
};

extern struct sim sim;

/* Everything is as new; whoever calls it is the main thread. */
void sim_begin(void);

/* Nothing may be left open. */
void sim_end(void);

/* Calls `call` when it is at_ns, now or later, before any thread runs. */
void sim_at(uint64_t at_ns, void (*call)(void *context, uint64_t number), void *context,
            uint64_t number);

/* ---- Between the parts ---- */

void sim_begin_clock(void);
void sim_begin_net(void);
void sim_end_net(void);

/* The calling thread waits until wake_ns, or until `ready`, if any, says so; others run, or time
 * goes on. */
void sim_wait(uint64_t wake_ns, bool (*ready)(void *context), void *context);

/* The calling thread: 0 the main one, from 1 on those it made. */
unsigned sim_thread(void);

/* Of a simulated descriptor, as EV_READ and EV_WRITE. */
int sim_ready(int fd);

/* That of a socket only changes when this number does. */
uint64_t sim_net_changes(void);

/* When a timerfd becomes readable; SIM_NEVER: not. */
bool sim_is_timer(int fd);
uint64_t sim_ready_at(int fd);

#endif
