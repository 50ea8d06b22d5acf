/* A connection: the only file that reads or writes accepted sockets.
 *
 * Per event: one recv, every whole message in it decoded and called, one send. Answers keep the
 * order of the calls. A connection that holds no bytes owns no buffer.
 *
 * While a call is unfinished its connection is not read. A peer that resets the connection, or
 * closes a Unix socket, is noticed at once and the call is cancelled. One that ends its own
 * direction still gets its answer; that it has closed a TCP socket altogether looks the same until
 * the answer is sent. */
#ifndef EVD_CONN_H
#define EVD_CONN_H

#include "auth.h"
#include "server/wire/http.h"
#include "worker.h"

/* No connection's time is over sooner than this after its last activity. */
#define EVD_CONN_LIMIT_MIN_NS 250000000ull

struct evd_conn {
    ev_io io;
    struct evd_worker *worker;
    struct evd_conn *prev, *next; /* in worker->conns */
    uint64_t active_ns;           /* of the last byte read or written */
    int fd;
    int events; /* what io waits for */

    bool eof;       /* the peer sends no more */
    bool paused;    /* too much output is held: calls wait */
    bool pending;   /* a call is unfinished: the ones behind it wait */
    bool lingering; /* all is answered and shut: only the peer's end is awaited */
    bool closing;   /* to linger when the output is out */
    bool http;      /* HTTP requests are read, not envelopes */

    struct evd_buf in;          /* bytes of messages that are not whole or not called yet */
    struct evd_buf out;         /* bytes that the peer has not taken yet */
    struct evd_decoder decoder; /* decoder.transport is NULL before the first byte */
    struct evd_http_decoder http_decoder;

    struct evd_caller caller; /* as modules see this connection */
    struct evd_grant
        *grant; /* what its token allows; NULL: none was brought, or none is asked for */

    /* The call at hand. While pending, `in` starts with its bytes and stays where it is. */
    struct evd_sink sink;
    struct evd_envelope envelope;
    struct evd_flight flight;
    struct evd_buf payload; /* taken over from the worker while pending */
    size_t pending_used;    /* bytes of `in` that are the pending call */
    ev_timer wait;          /* until the pending call is resumed */
};

/* Takes over fd. NULL when memory is out; fd is closed then. */
struct evd_conn *evd_conn_open(struct evd_worker *worker, int fd);

/* Cancels what is unfinished, closes, frees. */
void evd_conn_close(struct evd_conn *conn);

/* Answers what has been sent so far, then says goodbye. May close. */
void evd_conn_drain(struct evd_conn *conn);

/* Closes if its time is over at now_ns. Returns whether it closed. */
bool evd_conn_expire(struct evd_conn *conn, uint64_t now_ns);

#endif
