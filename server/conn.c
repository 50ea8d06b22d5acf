#include "conn.h"

#include "admit.h"
#include "site.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LINGER_NS       1000000000ull /* for the peer's end, after ours */
#define DRAIN_LINGER_NS EVD_CONN_LIMIT_MIN_NS
#define DRAIN_READS     64           /* reads of one connection when draining starts */
#define TX_KEEP         (256 * 1024) /* a larger shared buffer is given back after its batch */

/* ---- The list of connections, by activity. ---- */

static void unlink_conn(struct evd_conn *conn)
{
    struct evd_conn_list *list = &conn->worker->conns;
    *(conn->prev != NULL ? &conn->prev->next : &list->first) = conn->next;
    *(conn->next != NULL ? &conn->next->prev : &list->last) = conn->prev;
    list->count--;
}

static void link_conn_last(struct evd_conn *conn)
{
    struct evd_conn_list *list = &conn->worker->conns;
    conn->prev = list->last;
    conn->next = NULL;
    *(list->last != NULL ? &list->last->next : &list->first) = conn;
    list->last = conn;
    list->count++;
}

static void touch(struct evd_conn *conn)
{
    conn->active_ns = evd_worker_now();
    if (conn->next != NULL) {
        unlink_conn(conn);
        link_conn_last(conn);
    }
}

/* ---- Output. ---- */

/* Answers go to the shared buffer unless older ones still wait in the connection's own. */
static struct evd_buf *output(struct evd_conn *conn)
{
    return conn->out.len > 0 ? &conn->out : &conn->worker->tx;
}

static int put(struct evd_conn *conn, const struct evd_envelope *envelope, struct evd_slice payload)
{
    return evd_envelope_encode(envelope, conn->decoder.state.transport, &conn->worker->codecs,
                               payload, output(conn));
}

static int sink_reply(struct evd_sink *sink, struct evd_slice json)
{
    struct evd_conn *conn = (struct evd_conn *)((char *)sink - offsetof(struct evd_conn, sink));
    struct evd_envelope envelope = {
        .kind = EVD_KIND_REPLY,
        .id = conn->envelope.id,
        .codec = conn->envelope.codec,
    };
    return put(conn, &envelope, json);
}

static int sink_fail(struct evd_sink *sink, struct evd_slice code, struct evd_slice message)
{
    struct evd_conn *conn = (struct evd_conn *)((char *)sink - offsetof(struct evd_conn, sink));
    struct evd_envelope envelope = {
        .kind = EVD_KIND_ERROR,
        .id = conn->envelope.id,
        .code = code,
        .message = message,
    };
    return put(conn, &envelope, (struct evd_slice){0});
}

static void fail_text(struct evd_conn *conn, int status, const char *text)
{
    (void)sink_fail(&conn->sink, evd_slice_text(evd_status_code(status)), evd_slice_text(text));
}

/* Sends what it can of buf. EVD_OK: all; EVD_MORE: the socket is full; EVD_ERR_SYSTEM: it is dead.
 */
static int send_some(struct evd_conn *conn, struct evd_buf *buf)
{
    while (buf->len > 0) {
        struct evd_slice data = evd_buf_slice(buf);
        ssize_t sent = send(conn->fd, data.ptr, data.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK ? EVD_MORE : EVD_ERR_SYSTEM;
        evd_buf_drop(buf, (size_t)sent);
    }
    return EVD_OK;
}

/* Sends the batch. What the peer does not take now is kept for it. */
static int flush(struct evd_conn *conn)
{
    struct evd_buf *tx = &conn->worker->tx;
    size_t before = conn->out.len + tx->len;
    int rc = send_some(conn, &conn->out);

    if (rc == EVD_OK) {
        evd_buf_release(&conn->out);
        rc = send_some(conn, tx);
    }
    if (rc == EVD_MORE && tx->len > 0 && evd_buf_append_slice(&conn->out, evd_buf_slice(tx)) < 0)
        rc = EVD_ERR_NO_MEMORY;
    if (rc != EVD_OK && rc != EVD_MORE)
        before = 0;
    if (before > conn->out.len)
        touch(conn);
    evd_buf_clear(tx);
    if (tx->cap > TX_KEEP)
        evd_buf_release(tx);
    return rc;
}

/* ---- Calls. ---- */

static void on_wait_over(struct ev_loop *loop, ev_timer *timer, int events);

static void arm_wait(struct evd_conn *conn)
{
    double seconds = (double)conn->flight.wait_ns / 1e9;
    ev_now_update(conn->worker->loop);
    ev_timer_init(&conn->wait, on_wait_over, seconds, 0.);
    conn->wait.data = conn;
    ev_timer_start(conn->worker->loop, &conn->wait);
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
    conn->payload = worker->payload;
    evd_buf_init(&worker->payload, conn->payload.max);
    conn->pending = true;
    conn->pending_used = used;
    watch_gone(conn, true);
    arm_wait(conn);
}

/* ---- Who may call. ---- */

static void fail_no_permission(struct evd_conn *conn)
{
    fail_text(conn, EVD_ERR_NO_PERMISSION, evd_status_text(EVD_ERR_NO_PERMISSION));
}

static bool is_stranger(const struct evd_conn *conn)
{
    return conn->worker->config->auth != NULL && conn->grant == NULL;
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
    conn->decoder.limits = worker->config->wire;
}

/* Whether the message at hand is to be called; if not, it has its answer. */
static bool admitted(struct evd_conn *conn)
{
    struct evd_worker *worker = conn->worker;
    struct evd_grant *grant = NULL;
    struct evd_error why;
    enum evd_admit admit =
        evd_admit(worker->config->auth, conn->grant, &conn->envelope, evd_auth_now(), &grant, &why);
    if (admit == EVD_ADMIT_TOKEN) {
        set_grant(conn, grant);
        (void)sink_reply(&conn->sink, EVD_SLICE("\"ok\""));
    } else if (admit != EVD_ADMIT_CALL) {
        conn->closing = admit == EVD_ADMIT_CLOSE;
        fail_no_permission(conn);
        evd_worker_refused(worker, why.text);
    }
    return admit == EVD_ADMIT_CALL;
}

/* Returns EVD_DONE or EVD_MORE: as evd_dispatch_call. */
static int call(struct evd_conn *conn)
{
    struct evd_worker *worker = conn->worker;
    struct evd_error error;
    struct evd_message message = {
        .event = conn->envelope.event,
        .envelope = conn->envelope.envelope,
        .caller = &conn->caller,
    };
    if (worker->config->auth != NULL && !admitted(conn))
        return EVD_DONE;
    int rc = evd_envelope_payload(&conn->envelope, conn->decoder.state.transport, &worker->codecs,
                                  &worker->payload, &message.data, &error);
    if (rc < 0) {
        fail_text(conn, rc, error.text);
        return EVD_DONE;
    }
    return evd_dispatch_call(worker->dispatch, &message, &conn->sink, &conn->flight);
}

/* ---- Input. ---- */

static bool choose_protocol(struct evd_conn *conn, unsigned char first)
{
    if (evd_http_sniff(first)) {
        conn->http = true;
        return true;
    }
    const struct evd_transport *transport = evd_transport_by_first(first);
    if (transport != NULL) {
        struct evd_wire_limits limits = conn->worker->config->wire;
        if (is_stranger(conn) && limits.max_frame > EVD_AUTH_MESSAGE_MAX)
            limits.max_frame = EVD_AUTH_MESSAGE_MAX;
        evd_decoder_init(&conn->decoder, transport, EVD_ROLE_SERVER, &limits);
        conn->caller.transport = transport->name;
        return true;
    }
    char text[160];
    (void)snprintf(text, sizeof text, "%s, not 0x%02X", evd_status_text(EVD_ERR_BAD_PROTOCOL),
                   first);
    conn->decoder.state.transport = evd_transports[0];
    conn->envelope = (struct evd_envelope){0};
    fail_text(conn, EVD_ERR_BAD_PROTOCOL, text);
    conn->closing = true;
    return false;
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
    if (!evd_site_answer(worker, &request, time(NULL), output(conn)))
        conn->closing = true;
    return NEXT;
}

static enum progress one_message(struct evd_conn *conn, struct evd_slice rest, size_t *ret_used)
{
    if (conn->http)
        return one_request(conn, rest, ret_used);
    int rc = evd_decode(&conn->decoder, rest, conn->eof, ret_used, &conn->envelope);
    if (rc == EVD_MORE)
        return STARVED;
    if (rc == EVD_OK)
        return call(conn) == EVD_MORE ? PENDING : NEXT;
    if (is_stranger(conn)) {
        fail_no_permission(conn);
        conn->closing = true;
        return NEXT;
    }
    fail_text(conn, rc, conn->decoder.error.text);
    /* A refused message of no bytes would be refused for ever. */
    if (conn->decoder.state.broken || *ret_used == 0)
        conn->closing = true;
    return NEXT;
}

/* Deals with every whole message that is there, until one of the reasons to wait. */
static void process(struct evd_conn *conn)
{
    struct evd_worker *worker = conn->worker;
    bool from_rx = conn->in.len == 0;
    struct evd_slice in = evd_buf_slice(from_rx ? &worker->rx : &conn->in);
    size_t pos = 0, used = 0;
    enum progress progress = NEXT;

    while (pos < in.len && !conn->closing && !conn->lingering && progress == NEXT) {
        struct evd_slice rest = evd_slice(in.ptr + pos, in.len - pos);
        if (output(conn)->len >= worker->config->max_output) {
            conn->paused = true;
            break;
        }
        if (!conn->http && conn->decoder.state.transport == NULL &&
            !choose_protocol(conn, (unsigned char)rest.ptr[0]))
            break;
        used = 0;
        progress = one_message(conn, rest, &used);
        if (progress != PENDING)
            pos += used;
    }
    if (progress == PENDING) {
        keep_pending(conn, pos, used, from_rx);
        return;
    }
    if (conn->closing || conn->lingering)
        pos = in.len;
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
    touch(conn);
    evd_buf_release(&conn->in);
    set_events(conn, EV_READ);
}

/* After each batch: sends, goes on with calls that waited for room, and decides what comes next.
 * Each turn of the loop ends for good or deals with at least one more message of a bounded input.
 */
static void settle(struct evd_conn *conn)
{
    const struct evd_server_config *config = conn->worker->config;
    int rc;

    for (;;) {
        rc = flush(conn);
        if (rc < 0) {
            evd_conn_close(conn);
            return;
        }
        if (!conn->paused || conn->out.len > config->max_output / 2)
            break;
        conn->paused = false;
        process(conn);
    }
    bool empty = conn->out.len == 0;
    bool idle = empty && !conn->pending && !conn->paused;
    if (idle && conn->eof && !conn->lingering) {
        evd_conn_close(conn);
        return;
    }
    if (conn->lingering)
        return;
    if ((conn->closing && empty) || (conn->worker->draining && idle)) {
        linger(conn);
        return;
    }
    bool reads = !conn->eof && !conn->paused && !conn->pending && !conn->closing;
    set_events(conn, (reads ? EV_READ : 0) | (empty ? 0 : EV_WRITE));
}

/* One recv. Returns EVD_OK (bytes or the end came), EVD_MORE (nothing now), EVD_ERR_SYSTEM. */
static int receive(struct evd_conn *conn)
{
    struct evd_buf *buf = conn->in.len > 0 ? &conn->in : &conn->worker->rx;
    if (evd_buf_reserve(buf, EVD_RX_SIZE) < 0)
        return EVD_ERR_NO_MEMORY;
    ssize_t got;
    do {
        got = recv(conn->fd, evd_buf_tail(buf), evd_buf_room(buf), MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? EVD_MORE : EVD_ERR_SYSTEM;
    if (got == 0)
        conn->eof = true;
    evd_buf_commit(buf, (size_t)got);
    return EVD_OK;
}

static void on_readable(struct evd_conn *conn)
{
    int rc = receive(conn);
    if (rc == EVD_MORE)
        return;
    if (rc < 0 || (conn->lingering && conn->eof)) {
        evd_conn_close(conn);
        return;
    }
    touch(conn);
    process(conn);
    settle(conn);
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    struct evd_conn *conn = io->data;
    if (events & EV_READ)
        on_readable(conn);
    else
        settle(conn);
}

static void finish_pending(struct evd_conn *conn)
{
    conn->pending = false;
    watch_gone(conn, false);
    evd_buf_drop(&conn->in, conn->pending_used);
    evd_buf_release(&conn->payload);
    if (conn->in.len == 0)
        evd_buf_release(&conn->in);
}

static void on_wait_over(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    struct evd_conn *conn = timer->data;
    touch(conn);
    if (evd_dispatch_resume(&conn->flight) == EVD_MORE) {
        arm_wait(conn);
        return;
    }
    finish_pending(conn);
    process(conn);
    settle(conn);
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
    conn->sink = (struct evd_sink){.reply = sink_reply, .fail = sink_fail};
    conn->caller =
        (struct evd_caller){.size = sizeof conn->caller, .connection = ++worker->accepted};
    /* A whole message and one read behind it is the most that can wait here. */
    evd_buf_init(&conn->in, config->wire.max_frame + 2 * EVD_RX_SIZE);
    evd_buf_init(&conn->out, 2 * config->max_output);
    conn->active_ns = evd_worker_now();
    link_conn_last(conn);
    conn->events = EV_READ;
    ev_io_init(&conn->io, on_io, fd, EV_READ);
    conn->io.data = conn;
    ev_io_start(worker->loop, &conn->io);
    return conn;
}

void evd_conn_close(struct evd_conn *conn)
{
    struct ev_loop *loop = conn->worker->loop;
    if (conn->pending) {
        ev_timer_stop(loop, &conn->wait);
        evd_dispatch_cancel(&conn->flight);
    }
    ev_io_stop(loop, &conn->io);
    (void)close(conn->fd);
    evd_buf_release(&conn->in);
    evd_buf_release(&conn->out);
    evd_buf_release(&conn->payload);
    set_grant(conn, NULL);
    unlink_conn(conn);
    free(conn);
}

void evd_conn_drain(struct evd_conn *conn)
{
    /* What the peer had sent before the signal is answered, as far as it has arrived. */
    for (int i = 0; i < DRAIN_READS; i++) {
        if (conn->lingering || conn->closing || conn->eof || conn->pending || conn->paused)
            break;
        int rc = receive(conn);
        if (rc == EVD_MORE)
            break;
        if (rc < 0) {
            evd_conn_close(conn);
            return;
        }
        process(conn);
        if (flush(conn) < 0) {
            evd_conn_close(conn);
            return;
        }
    }
    settle(conn);
}

bool evd_conn_expire(struct evd_conn *conn, uint64_t now_ns)
{
    const struct evd_server_config *config = conn->worker->config;
    uint64_t limit = config->idle_timeout_ns;

    if (conn->lingering)
        limit = conn->worker->draining ? DRAIN_LINGER_NS : LINGER_NS;
    else if (conn->pending)
        return false;
    else if (conn->out.len > 0)
        limit = config->write_timeout_ns;
    if (limit == 0 || now_ns - conn->active_ns < limit)
        return false;
    evd_conn_close(conn);
    return true;
}
