/* A server for tests of the load generator: on loopback or a Unix socket, in a thread, speaking any
 * transport through server/wire, and told at which call to misbehave and how. It knows:
 *   api.services.status   answers "online"
 *   api.test.board        answers its data
 *   anything else         answers the error no_such_function */
#ifndef PEER_H
#define PEER_H

#include "server/wire/transport.h"

#include <sys/types.h>

#define PEER_FROZEN_MS 200
#define PEER_SLOW_MS   1

enum peer_action {
    PEER_ANSWER,
    PEER_WRONG_DATA,
    PEER_WRONG_ID,
    PEER_NO_ID,
    PEER_ERROR,      /* the error "internal" instead of the answer */
    PEER_REPLY,      /* an answer where an error is right */
    PEER_SPACED,     /* the right answer with white space in its JSON; jsonl or codec json */
    PEER_UNREADABLE, /* bytes that are no message */
    PEER_TWICE,      /* the right answer, two times */
    PEER_HALF,       /* half the answer, then the end of the connection */
    PEER_END,        /* the end of the connection, in order, instead of the answer */
    PEER_RESET,      /* TCP RST */
    PEER_STALL,      /* nothing more on this connection, which stays open */
    PEER_REFUSE,     /* TCP RST, and no connection is accepted any more */
    PEER_INTERRUPT,  /* SIGINT to the process, and the right answer */
    PEER_PAUSE,      /* PEER_FROZEN_MS in which nothing is served; then the right answer */
    PEER_SLOW,       /* the right answer after PEER_SLOW_MS */
    PEER_KILL,       /* ends and reaps the child process `victim`; then the right answer */
    PEER_FREEZE,     /* the client, a child process on a Unix socket, is stopped for PEER_FROZEN_MS;
                        then the right answer */
};

struct peer_script {
    const struct evd_transport *transport;
    enum peer_action action; /* for the calls from `first` on, `count` of them; else PEER_ANSWER */
    uint64_t first, count;   /* calls count from 1, over all connections */
    bool unix_socket;
    pid_t victim;
};

struct peer;

/* Asserts on failure. The script is copied. */
struct peer *peer_start(const struct peer_script *script);

/* "tcp://127.0.0.1:PORT" or "unix:///..."; valid until peer_stop(). */
const char *peer_address(const struct peer *peer);

/* Stops, frees, and returns how many calls it was sent. */
uint64_t peer_stop(struct peer *peer);

#endif
