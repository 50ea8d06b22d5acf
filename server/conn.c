#include "conn.h"

#include "admit.h"
#include "site.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DRAIN_READS 64 /* reads of one connection while its worker drains */

/* Whether the next call has to wait until the peer has taken some of its answers. */
static bool must_wait(struct evd_conn *conn)
{
    struct evd_worker *worker = conn->worker;
    return evd_conn_output(conn)->len >= worker->config->output_pause ||
           (conn->out.len > 0 && evd_budget_is_tight(&worker->conns.budget));
}

/* ---- Calls. ---- */

static void on_wait_over(struct ev_loop *loop, ev_timer *timer, int events);

static void arm_wait(struct evd_work *work)
{
    struct ev_loop *loop = work->conn->worker->loop;
    double seconds = (double)work->flight.wait_ns / 1e9;
    ev_now_update(loop);
    ev_timer_init(&work->wait, on_wait_over, seconds, 0.);
    work->wait.data = work->conn;
    ev_timer_start(loop, &work->wait);
}

/* A call has ended with its answer. */
static inline void count_call(struct evd_work *work)
{
    evd_metrics_end(work->conn->worker->measure.metrics, work->flight.target.number,
                    work->envelope.event, work->began_ns);
}

/* outcome NULL: that of the answer. */
static inline void end_trace(struct evd_work *work, const char *outcome)
{
    struct evd_worker *worker = work->conn->worker;
    if (!work->trace.on)
        return;
    if (outcome == NULL)
        outcome = evd_metrics_outcome(worker->measure.metrics);
    evd_trace_end(&worker->trace, &work->trace, work->flight.target.number, work->envelope.event,
                  outcome);
}

/* Where this fails, for want of kernel memory, a peer that is gone is noticed at the call's end. */
static void watch_gone(struct evd_conn *conn, bool on)
{
    struct epoll_event none = {.events = 0, .data.ptr = conn};
    (void)epoll_ctl(conn->worker->gone.fd, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, conn->fd, &none);
}

/* The call is unfinished: it keeps the bytes it was made of, so the buffers they lie in become the
 * connection's own, unmoved, and the worker gets new ones when it needs them. */
static void keep_pending(struct evd_conn *conn, size_t start, size_t used, bool from_rx)
{
    struct evd_worker *worker = conn->worker;
    if (from_rx) {
        size_t max = conn->in.max;
        conn->in = worker->rx;
        conn->in.max = max;
        evd_buf_init(&worker->rx, EVD_RX_SIZE);
    }
    evd_buf_drop(&conn->in, start);
    conn->work->used = used;
    watch_gone(conn, true);
    arm_wait(conn->work);
}

/* Whether the unfinished call can wait: it takes the worker's place for a call along. If not, it is
 * over, with an error. */
static bool take_work_along(struct evd_conn *conn)
{
    struct evd_worker *worker = conn->worker;
    struct evd_work *work = worker->work, *next = evd_work_new(worker);
    if (next != NULL) {
        conn->work = work;
        worker->work = next;
        worker->measure.metrics->unfinished++;
        return true;
    }
    evd_dispatch_cancel(&work->flight);
    evd_work_fail(work, EVD_ERR_NO_MEMORY, evd_status_text(EVD_ERR_NO_MEMORY));
    count_call(work);
    return false;
}

/* ---- Who may call. ---- */

static void fail_stranger(struct evd_conn *conn, int status)
{
    evd_work_fail(conn->worker->work, status, evd_status_text(status));
}

/* NULL: whatever the connection had is given back. */
static void set_grant(struct evd_conn *conn, struct evd_grant *grant)
{
    struct evd_worker *worker = conn->worker;
    if (conn->grant != NULL)
        worker->grant_bytes -= conn->grant->bytes;
    evd_grant_free(conn->grant);
    conn->grant = grant;
    if (grant == NULL)
        return;
    worker->grant_bytes += grant->bytes;
    conn->caller.claims = grant->json;
    conn->caller.subject = grant->subject;
    worker->work->decoder.limits = worker->config->wire;
}

/* Whether the message at hand is to be called; if not, it has its answer. */
static __attribute__((noinline)) bool admitted(struct evd_conn *conn)
{
    struct evd_worker *worker = conn->worker;
    struct evd_grant *grant = NULL;
    struct evd_error why;
    enum evd_admit admit = evd_admit(worker->config->auth, conn->grant, &worker->work->envelope,
                                     evd_auth_now(), &grant, &why);
    if (admit == EVD_ADMIT_TOKEN) {
        set_grant(conn, grant);
        if (worker->work->sink.reply(&worker->work->sink, EVD_SLICE("\"ok\"")) < 0) {
            fail_stranger(conn, EVD_ERR_NO_MEMORY);
            conn->closing = true; /* or the next call's answer would stand in the place of "ok" */
        }
    } else if (admit != EVD_ADMIT_CALL) {
        conn->closing = admit == EVD_ADMIT_CLOSE;
        fail_stranger(conn, why.status);
        evd_worker_refused(worker, why.text);
    }
    return admit == EVD_ADMIT_CALL;
}

/* Whether the payload's codec could be undone; if not, the call has its error. */
static __attribute__((noinline)) bool undone(struct evd_conn *conn, struct evd_work *work,
                                             struct evd_slice *ret_data)
{
    struct evd_error error;
    int rc = evd_envelope_payload(&work->envelope, conn->decoding.transport, &conn->worker->codecs,
                                  &work->payload, ret_data, &error);
    if (rc < 0)
        evd_work_fail(work, rc, error.text);
    return rc >= 0;
}

/* Returns EVD_DONE or EVD_MORE: as evd_dispatch_call. */
static inline int call(struct evd_conn *conn, struct evd_work *work)
{
    struct evd_worker *worker = conn->worker;
    struct evd_message *message = &work->flight.call.message;
    worker->calls++;
    if (worker->config->auth != NULL && !admitted(conn))
        return EVD_DONE;
    message->event = evd_slice_same(&work->envelope.event);
    message->envelope = evd_slice_same(&work->envelope.envelope);
    message->data = evd_slice_same(&work->envelope.data);
    if (!evd_envelope_is_plain(&work->envelope) && !undone(conn, work, &message->data))
        return EVD_DONE;
    work->began_ns = evd_metrics_begin(worker->measure.metrics);
    int rc = evd_flight_run(&work->flight);
    if (rc == EVD_DONE)
        count_call(work);
    return rc;
}

static void begin_trace(struct evd_conn *conn, struct evd_work *work, size_t bytes)
{
    struct evd_worker *worker = conn->worker;
    work->flight.target.number = 0;
    worker->measure.metrics->failed = false;
    evd_trace_begin(&worker->trace, &work->trace, conn->caller.connection, conn->received_ns,
                    &work->envelope.id, bytes);
}

/* The same, and EVD_MORE only if the call can wait. `bytes`: of its message. */
static inline int call_traced(struct evd_conn *conn, struct evd_work *work, size_t bytes)
{
    if (conn->worker->trace.held != NULL)
        begin_trace(conn, work, bytes);
    if (call(conn, work) == EVD_MORE && take_work_along(conn))
        return EVD_MORE;
    end_trace(work, NULL);
    return EVD_DONE;
}

/* ---- Input. ---- */

static bool choose_protocol(struct evd_conn *conn, unsigned char first)
{
    if (evd_http_sniff(first)) {
        conn->http = true;
        return true;
    }
    struct evd_work *work = conn->worker->work;
    const struct evd_transport *transport = evd_transport_by_first(first);
    if (transport != NULL) {
        work->decoder.state = (struct evd_decoder_state){.transport = transport};
        conn->decoding = work->decoder.state;
        conn->caller.transport = transport->name;
        return true;
    }
    char text[160];
    (void)snprintf(text, sizeof text, "%s, not 0x%02X", evd_status_text(EVD_ERR_BAD_PROTOCOL),
                   first);
    conn->decoding.transport = evd_transports[0];
    work->envelope = (struct evd_envelope){0};
    evd_work_fail(work, EVD_ERR_BAD_PROTOCOL, text);
    conn->closing = true;
    return false;
}

/* The worker's place for a call is this connection's, until the next one's turn. */
static void take_turn(struct evd_conn *conn)
{
    struct evd_work *work = conn->worker->work;
    work->conn = conn;
    evd_work_sink(work);
    evd_flight_init(&work->flight, conn->worker->dispatch, &work->sink);
    work->flight.call.message.caller = &conn->caller;
    work->decoder.state = conn->decoding;
    work->decoder.limits = conn->worker->config->wire;
    if (evd_conn_is_stranger(conn) && work->decoder.limits.max_frame > EVD_AUTH_MESSAGE_MAX)
        work->decoder.limits.max_frame = EVD_AUTH_MESSAGE_MAX;
}

enum progress {
    NEXT,    /* this message is dealt with */
    STARVED, /* no whole message is left */
    PENDING, /* the call is unfinished and keeps its bytes */
};

static enum progress one_request(struct evd_conn *conn, struct evd_slice rest, size_t *ret_used)
{
    struct evd_worker *worker = conn->worker;
    struct evd_http_request request;
    int rc = evd_http_decode(&conn->http_decoder, &worker->config->http, rest, conn->eof, ret_used,
                             &request);
    if (rc == EVD_MORE)
        return STARVED;
    conn->moved_message = true;
    evd_count(&worker->measure.metrics->requests, 1);
    if (rc < 0)
        evd_count(&worker->measure.metrics->requests_refused, 1);
    if (!evd_site_answer(worker, &request, time(NULL), evd_conn_output(conn)))
        conn->closing = true;
    return NEXT;
}

/* A message of *ret_used bytes could not be read. */
static __attribute__((noinline)) enum progress refuse(struct evd_conn *conn, int rc, size_t used)
{
    struct evd_work *work = conn->worker->work;
    if (evd_conn_is_stranger(conn)) {
        fail_stranger(conn, EVD_ERR_NO_PERMISSION);
        conn->closing = true;
        return NEXT;
    }
    evd_work_fail(work, rc, work->decoder.error.text);
    /* A refused message of no bytes would be refused for ever. */
    if (work->decoder.state.broken || used == 0)
        conn->closing = true;
    return NEXT;
}

static inline enum progress one_message(struct evd_conn *conn, struct evd_slice rest,
                                        size_t *ret_used)
{
    struct evd_work *work = conn->worker->work;
    int rc = evd_decode(&work->decoder, rest, conn->eof, ret_used, &work->envelope);
    if (rc == EVD_MORE)
        return STARVED;
    conn->moved_message = true;
    if (rc < 0)
        return refuse(conn, rc, *ret_used);
    return call_traced(conn, work, *ret_used) == EVD_MORE ? PENDING : NEXT;
}

/* Calls what is whole of `in`, until one of the reasons to wait. *ret_pos: where it ended;
 * *ret_used: the bytes of a call that is PENDING. */
static enum progress call_all(struct evd_conn *conn, struct evd_slice in, size_t *ret_pos,
                              size_t *ret_used)
{
    enum progress progress = NEXT;
    size_t pos = 0, calls = conn->worker->turn_calls;
    if (!conn->http && conn->decoding.transport == NULL && in.len > 0 &&
        !choose_protocol(conn, (unsigned char)in.ptr[0])) {
        *ret_pos = 0;
        return NEXT;
    }
    for (; pos < in.len && !conn->closing && progress == NEXT; calls++) {
        if (must_wait(conn)) {
            conn->paused = true;
            break;
        }
        if (calls >= conn->worker->config->max_calls) {
            conn->turn_over = true;
            break;
        }
        struct evd_slice rest = evd_slice(in.ptr + pos, in.len - pos);
        *ret_used = 0;
        progress =
            conn->http ? one_request(conn, rest, ret_used) : one_message(conn, rest, ret_used);
        if (progress != PENDING)
            pos += *ret_used;
    }
    conn->worker->turn_calls = calls;
    *ret_pos = pos;
    return progress;
}

/* Deals with every whole message that is there; keeps the rest. */
static void process(struct evd_conn *conn)
{
    struct evd_worker *worker = conn->worker;
    bool from_rx = conn->in.len == 0;
    struct evd_slice in = evd_buf_slice(from_rx ? &worker->rx : &conn->in);
    size_t pos = in.len, used = 0;

    if (!conn->closing && !conn->lingering) {
        take_turn(conn);
        enum progress progress = call_all(conn, in, &pos, &used);
        conn->decoding = (progress == PENDING ? conn->work : worker->work)->decoder.state;
        if (progress == PENDING) {
            keep_pending(conn, pos, used, from_rx);
            return;
        }
        if (conn->closing)
            pos = in.len;
    }
    if (!from_rx)
        evd_buf_drop(&conn->in, pos);
    else if (pos < in.len && evd_buf_append(&conn->in, in.ptr + pos, in.len - pos) < 0)
        conn->closing = true;
    evd_buf_clear(&worker->rx);
    if (conn->in.len == 0)
        evd_buf_release(&conn->in);
}

/* ---- The life of a connection. ---- */

static void set_events(struct evd_conn *conn, int events)
{
    if (events == conn->events)
        return;
    ev_io_stop(conn->worker->loop, &conn->io);
    ev_io_modify(&conn->io, events);
    if (events != 0)
        ev_io_start(conn->worker->loop, &conn->io);
    conn->events = events;
}

/* Ours is said and out; what the peer still sends is dropped until it ends too. Closing with unread
 * input would make the kernel send a reset, which may destroy answers on their way. */
static void linger(struct evd_conn *conn)
{
    conn->lingering = true;
    (void)shutdown(conn->fd, SHUT_WR);
    evd_buf_release(&conn->in);
    set_events(conn, EV_READ);
}

/* Sends, and goes on with calls that waited for room while the peer takes their answers at once:
 * until its turn is over. As evd_conn_flush. */
static int send_answers(struct evd_conn *conn)
{
    const struct evd_server_config *config = conn->worker->config;
    for (;;) {
        int rc = evd_conn_flush(conn);
        if (rc < 0 || !conn->paused || conn->out.len > config->output_pause / 2 || must_wait(conn))
            return rc;
        conn->paused = false;
        process(conn);
    }
}

/* Decides what comes next. rc: of send_answers(). */
static void end_turn(struct evd_conn *conn, int rc)
{
    conn->worker->turn_calls = 0;
    if (rc < 0) {
        evd_conn_close(conn);
        return;
    }
    bool empty = conn->out.len == 0;
    bool idle = empty && conn->work == NULL && !conn->paused && !conn->turn_over;
    if (idle && conn->eof && !conn->lingering) {
        evd_conn_close(conn);
        return;
    }
    if (!conn->lingering) {
        bool reads = !conn->eof && !conn->paused && conn->work == NULL && !conn->closing;
        bool said = conn->closing && empty && conn->work == NULL; /* whose bytes are needed yet */
        if (said || (conn->worker->draining && idle))
            linger(conn);
        else if (conn->turn_over) /* the socket has room as a rule: it is told in the next turn */
            set_events(conn, EV_WRITE);
        else
            set_events(conn, (reads ? EV_READ : 0) | (empty ? 0 : EV_WRITE));
    }
    evd_conn_wind(conn);
}

/* What the peer had sent before the signal is answered, as far as it has arrived. */
static int drain(struct evd_conn *conn)
{
    int rc = send_answers(conn);
    while (rc >= 0 && conn->drain_reads < DRAIN_READS && !conn->lingering && !conn->closing &&
           !conn->eof && conn->work == NULL && !conn->paused && !conn->turn_over) {
        conn->drain_reads++;
        rc = evd_conn_receive(conn);
        if (rc == EVD_MORE)
            break;
        if (rc < 0)
            return rc;
        process(conn);
        rc = send_answers(conn);
    }
    return rc;
}

/* After each batch. May close. */
static void settle(struct evd_conn *conn)
{
    end_turn(conn, conn->worker->draining ? drain(conn) : send_answers(conn));
}

static void on_readable(struct evd_conn *conn)
{
    int rc = evd_conn_receive(conn);
    if (rc == EVD_MORE)
        return;
    if (rc < 0 || (conn->lingering && conn->eof)) {
        evd_conn_close(conn);
        return;
    }
    process(conn);
    settle(conn);
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    struct evd_conn *conn = io->data;
    struct evd_worker *worker = conn->worker;
    if (events & EV_ERROR) { /* the kernel would not watch it: nothing would ever come of it */
        evd_conn_close(conn);
    } else if (events & EV_READ) {
        on_readable(conn);
    } else {
        if (conn->turn_over) {
            conn->turn_over = false;
            process(conn);
        }
        settle(conn);
    }
    evd_conns_relieve(worker);
}

static void finish_pending(struct evd_conn *conn)
{
    struct evd_work *work = conn->work;
    count_call(work);
    end_trace(work, NULL);
    conn->worker->measure.metrics->unfinished--;
    conn->work = NULL;
    watch_gone(conn, false);
    evd_buf_drop(&conn->in, work->used);
    evd_work_free(work);
    if (conn->in.len == 0)
        evd_buf_release(&conn->in);
}

static void on_wait_over(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    struct evd_conn *conn = timer->data;
    struct evd_worker *worker = conn->worker;
    worker->measure.metrics->failed = false;
    if (evd_dispatch_resume(&conn->work->flight) == EVD_MORE) {
        arm_wait(conn->work);
        evd_conn_wind(conn); /* it may have built a tree */
    } else {
        finish_pending(conn);
        process(conn);
        settle(conn);
    }
    evd_conns_relieve(worker);
}

struct evd_conn *evd_conn_open(struct evd_worker *worker, int fd)
{
    const struct evd_server_config *config = worker->config;
    struct evd_conn *conn = calloc(1, sizeof *conn);
    if (conn == NULL) {
        (void)close(fd);
        return NULL;
    }
    conn->worker = worker;
    conn->fd = fd;
    conn->caller =
        (struct evd_caller){.size = sizeof conn->caller, .connection = evd_worker_number(worker)};
    /* A message that is not whole, and behind it a read, which is as large as there is room for. */
    evd_buf_init(&conn->in, config->wire.max_frame + 2 * EVD_RX_SIZE);
    evd_buf_init(&conn->out, 2 * config->max_output);
    evd_conns_add(conn);
    conn->events = EV_READ;
    ev_io_init(&conn->io, on_io, fd, EV_READ);
    conn->io.data = conn;
    ev_io_start(worker->loop, &conn->io);
    return conn;
}

void evd_conn_close(struct evd_conn *conn)
{
    struct ev_loop *loop = conn->worker->loop;
    bool owes = conn->work != NULL || conn->out.len > 0;
    if (conn->work != NULL) {
        ev_timer_stop(loop, &conn->work->wait);
        evd_dispatch_cancel(&conn->work->flight);
        end_trace(conn->work, evd_status_code(EVD_ERR_CANCELLED));
        evd_trace_written(&conn->worker->trace, false);
        evd_count(&conn->worker->measure.metrics->cancelled, 1);
        conn->worker->measure.metrics->unfinished--;
        evd_work_free(conn->work);
    }
    ev_io_stop(loop, &conn->io);
    if (owes) /* an end in order would say that what is not answered was not begun */
        evd_conn_reset(conn);
    evd_worker_left(conn->worker); /* first: who sees the end may come again, to any worker */
    (void)close(conn->fd);
    evd_buf_release(&conn->in);
    evd_buf_release(&conn->out);
    set_grant(conn, NULL);
    evd_conns_remove(conn);
    free(conn);
}

void evd_conn_drain(struct evd_conn *conn)
{
    settle(conn);
}

void evd_conn_time_out(struct evd_conn *conn, enum evd_clock clock)
{
    if (clock != EVD_CLOCK_CALL) {
        evd_conn_close(conn);
        return;
    }
    struct evd_work *work = conn->work;
    ev_timer_stop(conn->worker->loop, &work->wait);
    evd_dispatch_cancel(&work->flight);
    evd_work_fail(work, EVD_ERR_TIMED_OUT, evd_status_text(EVD_ERR_TIMED_OUT));
    finish_pending(conn);
    process(conn);
    settle(conn);
}
