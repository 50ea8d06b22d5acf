/* A connection: its life and its calls (conn.c), their answers (conn_answer.c), its socket
 * (conn_socket.c), its limits (conn_limits.c).
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
#include "work.h"
#include "worker.h"

#define EVD_TX_KEEP (256 * 1024) /* a larger shared buffer is given back after its batch */

struct evd_conn {
    ev_io io;
    struct evd_worker *worker;
    struct evd_conn *prev, *next; /* in worker->conns */
    struct evd_deadline quiet;    /* since bytes last moved: idle, stalled, lingering */
    struct evd_deadline phase; /* since this began: waiting for a first byte, a message, a call */
    struct evd_holder holder;  /* what it holds of worker->conns.budget */
    int fd;
    int events;             /* what io waits for */
    uint8_t quiet_clock;    /* enum evd_clock of quiet, while it is set */
    uint8_t phase_clock;    /* the same of phase */
    uint8_t drain_reads;    /* so many, since the worker drains */
    bool moved_in : 1;      /* in this event: bytes were read */
    bool moved_out : 1;     /* the same: bytes were written */
    bool moved_message : 1; /* the same: a message was dealt with */

    bool eof;       /* the peer sends no more */
    bool paused;    /* too much output is held: calls wait */
    bool turn_over; /* it had as many calls as one may in a turn: the others wait for theirs */
    bool lingering; /* all is answered and shut: only the peer's end is awaited */
    bool closing;   /* to linger when the output is out */
    bool http;      /* HTTP requests are read, not envelopes */

    struct evd_decoder_state decoding; /* its transport is NULL before the first byte */
    struct evd_buf in;                 /* bytes of messages that are not whole or not called yet */
    struct evd_buf out;                /* bytes that the peer has not taken yet */
    struct evd_http_decoder http_decoder;

    uint64_t received_ns;     /* when bytes last came; kept only where calls are traced */
    struct evd_caller caller; /* as modules see this connection */
    struct evd_grant
        *grant; /* what its token allows; NULL: none was brought, or none is asked for */
    /* An unfinished call, behind which others wait; else NULL. `in` starts with its bytes and stays
     * where it is. */
    struct evd_work *work;
};

/* It has to bring a token, and has not yet. */
static inline bool evd_conn_is_stranger(const struct evd_conn *conn)
{
    return conn->worker->config->auth != NULL && conn->grant == NULL;
}

/* What an open connection costs at most while it holds no bytes: itself, malloc's share, and its
 * places in libev's tables, which double as they grow: 96 bytes in those of its worker's loop that
 * go by watchers, and 32 in the one that goes by descriptors. These are the process's, so that a
 * connection may take its place in the latter of every worker. */
#define EVD_CONN_BYTES(workers) (sizeof(struct evd_conn) + 16 + 96 + 32 * (size_t)(workers))

/* Takes over fd. NULL when memory is out; fd is closed then. */
struct evd_conn *evd_conn_open(struct evd_worker *worker, int fd);

/* Cancels what is unfinished, closes, frees. */
void evd_conn_close(struct evd_conn *conn);

/* The worker drains (worker->draining): answers what has been sent so far, then says goodbye. May
 * close. */
void evd_conn_drain(struct evd_conn *conn);

/* One of its times is over: ends its call with an error, or closes it. */
void evd_conn_time_out(struct evd_conn *conn, enum evd_clock clock);

/* ---- conn_answer.c: where a call's answer goes. ---- */

/* Makes work->sink write to work->conn, which is set. */
void evd_work_sink(struct evd_work *work);

/* Answers with an error of ours. One that there is no memory for cannot be told: the end of the
 * connection tells it. */
void evd_work_fail(struct evd_work *work, int status, const char *text);

/* ---- conn_socket.c: bytes in and out. ---- */

/* Where answers go: the shared buffer, unless older ones still wait in the connection's own. */
static inline struct evd_buf *evd_conn_output(struct evd_conn *conn)
{
    return conn->out.len > 0 ? &conn->out : &conn->worker->tx;
}

/* Sends the batch. What the peer does not take now is kept for it. EVD_OK: all is out; EVD_MORE:
 * the socket is full; EVD_ERR_SYSTEM, EVD_ERR_NO_MEMORY: the connection is of no use any more. */
int evd_conn_flush(struct evd_conn *conn);

/* One read into the worker's buffer; behind bytes of a partial message, into the connection's own
 * as far as that has room, so that a few bytes never make it grow by the size of a read. EVD_OK:
 * bytes or the end came; EVD_MORE: nothing now; EVD_ERR_SYSTEM, EVD_ERR_NO_MEMORY. */
int evd_conn_receive(struct evd_conn *conn);

/* Closing will reset the connection, where it is TCP. */
void evd_conn_reset(struct evd_conn *conn);

/* ---- conn_limits.c: whose time is over, and who holds too much. ---- */

/* NULL when memory is out. */
struct evd_work *evd_work_new(struct evd_worker *worker);
void evd_work_free(struct evd_work *work); /* NULL is allowed */

/* Of the worker: the clocks, the budget and a place for a call. EVD_ERR_NO_MEMORY. */
int evd_conns_init(struct evd_worker *worker);

/* Puts it into the list, its clocks wound; takes it out of everything, before it is freed. */
void evd_conns_add(struct evd_conn *conn);
void evd_conns_remove(struct evd_conn *conn);

/* Winds the clocks and counts the buffers of a connection, after each event of it. */
void evd_conn_wind(struct evd_conn *conn);

/* Deals with all whose time is over at now_ns. */
void evd_conns_sweep(struct evd_worker *worker, uint64_t now_ns);

/* Closes the largest holders of buffers while the budget is overdrawn. Any connection may be gone
 * then. */
void evd_conns_relieve(struct evd_worker *worker);

#endif
