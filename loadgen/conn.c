/* One connection of a worker: what is in flight on it, and what becomes of it. */
#include "conn_slots.h"
#include "lateness.h"
#include "socket.h"
#include "think.h"
#include "worker.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_ROOM   (64 * 1024) /* bytes asked of one recv() */
#define SENT_STAMPS 16          /* taken at once */

#define BACKOFF_FIRST 0.001 /* seconds */
#define BACKOFF_MAX   0.5

/* ---- Replies ---- */

static void retire(struct lg_conn *conn, const struct lg_slot *slot, enum lg_outcome outcome)
{
    lg_worker_charge(conn->worker, (enum lg_window)slot->window, outcome);
    conn->worker->in_flight--;
    conn->head++;
}

/* The oldest request will not be answered. */
static void give_up(struct lg_conn *conn, enum lg_outcome outcome, uint64_t now_ns)
{
    const struct lg_slot *slot = &conn->ring[conn->head & conn->mask];

    if (lg_outcome_is_censored(outcome))
        lg_worker_censor(conn->worker, slot->request, slot->due_ns, now_ns, outcome);
    else
        lg_worker_charge(conn->worker, (enum lg_window)slot->window, outcome);
    conn->worker->in_flight--;
    conn->head++;
}

static void record(struct lg_worker *worker, const struct lg_slot *slot, uint64_t now_ns)
{
    lg_worker_record(worker, slot->request, slot->due_ns, now_ns);
    if (slot->window == LG_MEASURED)
        lg_histogram_record(&worker->service, now_ns - slot->sent_ns);
    if (now_ns >= worker->plan->measure_ns && now_ns < lg_end_of(worker))
        worker->ok_in_window++;
}

/* From where the kernel let go of the request to where it got hold of the reply. */
static void record_wire(struct lg_conn *conn, const struct lg_slot *slot, uint64_t now_ns)
{
    struct lg_worker *worker = conn->worker;
    uint64_t wire_ns;

    switch (lg_stamp_answered(&conn->stamp, conn->head, conn->rx_ns, now_ns - slot->sent_ns,
                              &wire_ns)) {
    case LG_STAMP_GOOD:
        if (slot->window != LG_MEASURED)
            break;
        lg_histogram_record(&worker->wire, wire_ns);
        lg_intervals_record_extra(&worker->intervals, LG_EXTRA_WIRE, wire_ns, now_ns);
        break;
    case LG_STAMP_LOST:
        worker->wire_lost += slot->window == LG_MEASURED;
        break;
    default:
        break;
    }
}

/* False: the connection was closed. */
static bool take_reply(struct lg_conn *conn, struct evd_envelope *reply, uint64_t now_ns)
{
    struct lg_worker *worker = conn->worker;
    const struct lg_slot *slot = &conn->ring[conn->head & conn->mask];

    if (conn->head == conn->stamped) {
        worker->unsolicited++;
        lg_conn_lost(conn, LG_BAD);
        return false;
    }
    worker->answered++;
    if (conn->stamp.state != LG_STAMP_NONE)
        record_wire(conn, slot, now_ns);
    if (lg_check_reply(&worker->checker, slot->request, conn->head, reply)) {
        record(worker, slot, now_ns);
        conn->failures = 0;
        retire(conn, slot, LG_OK);
        lg_think_next(conn, slot->request, now_ns);
    } else {
        retire(conn, slot, LG_BAD);
    }
    return true;
}

/* What cannot be read answers the oldest request, wrongly. False: the connection was closed. */
static bool take_unreadable(struct lg_conn *conn)
{
    struct lg_worker *worker = conn->worker;
    const struct lg_slot *slot = &conn->ring[conn->head & conn->mask];

    if (conn->head == conn->stamped) {
        worker->unsolicited++;
        lg_conn_lost(conn, LG_BAD);
        return false;
    }
    worker->answered++;
    lg_check_unreadable(&worker->checker, slot->request, conn->decoder.error.text);
    if (conn->decoder.state.broken) { /* nor can any of the others be */
        lg_conn_lost(conn, LG_BAD);
        return false;
    }
    retire(conn, slot, LG_BAD);
    return true;
}

/* False: the connection was closed. The decoder is never told of the end: a reply that was cut off
 * is charged to the connection's end, not to the reply. */
static bool decode(struct lg_conn *conn, uint64_t now_ns)
{
    struct evd_envelope reply;
    size_t used;

    while (conn->in.len > 0) {
        int rc = evd_decode(&conn->decoder, evd_buf_slice(&conn->in), false, &used, &reply);

        if (rc == EVD_OK && !take_reply(conn, &reply, now_ns))
            return false;
        if (rc < 0 && !take_unreadable(conn))
            return false;
        evd_buf_drop(&conn->in, used);
        if (rc == EVD_MORE)
            break;
    }
    return true;
}

static void go_down(struct lg_conn *conn);
static void connect_now(struct lg_conn *conn);
static void retry_later(struct lg_conn *conn);

/* The server ended the connection in order, so it has begun nothing that it did not answer
 * (docs/PROTOCOL.md): with --retry that is kept. Half an answer was begun, and is lost. */
static void ended(struct lg_conn *conn)
{
    bool cut = conn->in.len > 0 && conn->head != conn->stamped;
    uint64_t stamped = conn->stamped;

    if (!conn->worker->plan->options->retry) {
        lg_conn_lost(conn, LG_EOF);
        return;
    }
    go_down(conn);
    if (cut)
        give_up(conn, LG_EOF, lg_now());
    conn->worker->resent += stamped - conn->head;
    conn->stamped = conn->head;
    conn->worker->reconnects++;
    retry_later(conn);
}

static void take_sent_stamps(struct lg_conn *conn)
{
    uint32_t key;
    uint64_t stamp_ns;

    if (!conn->worker->stamping)
        return;
    /* At most one is asked for at a time; a segment that was sent again is stamped again. */
    for (int i = 0; i < SENT_STAMPS && lg_socket_sent_stamp(conn->fd, &key, &stamp_ns); i++)
        lg_stamp_told(&conn->stamp, key, stamp_ns);
}

/* recv(), with the kernel's stamp where a reply is awaited for that it is wanted. */
static ssize_t receive(struct lg_conn *conn)
{
    char *room = evd_buf_tail(&conn->in);
    size_t len = evd_buf_room(&conn->in);

    conn->rx_ns = 0;
    if (conn->stamp.state == LG_STAMP_NONE)
        return lg_socket_recv(conn->fd, room, len, NULL);
    if (conn->stamp.state == LG_STAMP_ASKED)
        take_sent_stamps(conn);
    return lg_socket_recv(conn->fd, room, len, &conn->rx_ns);
}

static void renew(struct lg_conn *conn)
{
    go_down(conn);
    conn->worker->renewed++;
    connect_now(conn);
}

static void read_ready(struct lg_conn *conn)
{
    struct lg_worker *worker = conn->worker;
    uint64_t head = conn->head, now;
    ssize_t n;

    if (evd_buf_reserve(&conn->in, READ_ROOM) < 0) {
        lg_worker_fail(worker, EVD_ERR_NO_MEMORY, "no memory to read a reply");
        return;
    }
    n = receive(conn);
    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR)
            lg_conn_lost(conn, LG_RESET);
        else
            take_sent_stamps(conn); /* they wake us, too, and would again */
        return;
    }
    now = lg_now(); /* one time for the whole batch */
    worker->received_bytes += (uint64_t)n;
    evd_buf_commit(&conn->in, (size_t)n);
    if (!decode(conn, now))
        return;
    if (n == 0) {
        ended(conn);
        return;
    }
    if (conn->head == head)
        return;
    if (conn->step != 0) {
        lg_think_begin(conn);
        return;
    }
    if (is_spent(conn)) {
        renew(conn);
        return;
    }
    if (!has_room(conn))
        return;
    slots_freed(conn, now);
    if (worker->plan->options->closed)
        lg_conn_fill(conn, now);
}

/* ---- Requests ---- */

static void encode(struct lg_conn *conn, uint64_t number)
{
    struct lg_worker *worker = conn->worker;
    const struct lg_slot *slot = &conn->ring[number & conn->mask];
    const struct lg_request *what = &worker->plan->scenario->requests[slot->request];
    const struct evd_envelope call = {
        .kind = EVD_KIND_CALL,
        .id = {.kind = EVD_ID_UINT, .number = number},
        .codec = what->codec,
        .event = what->event,
        .data = what->data,
        .envelope = worker->plan->options->transport->ordered ? worker->plan->options->host
                                                              : (struct evd_slice){0},
    };

    if (worker->plan->options->transport->encode(&conn->out, &call) < 0)
        lg_worker_fail(worker, EVD_ERR_NO_MEMORY, "cannot encode a request");
}

void lg_conn_send(struct lg_conn *conn, uint32_t request, uint64_t due_ns)
{
    struct lg_worker *worker = conn->worker;
    struct lg_slot *slot = &conn->ring[conn->tail & conn->mask];

    slot->due_ns = due_ns;
    slot->sent_ns = 0;
    slot->request = request;
    slot->window = (uint8_t)lg_window_of(worker, due_ns);
    encode(conn, conn->tail++);
    worker->in_flight++;
    if (!has_room(conn))
        mark_full(conn);
}

static void want(struct lg_conn *conn, int events)
{
    if (conn->io.events == events)
        return;
    ev_io_stop(conn->worker->loop, &conn->io);
    ev_io_set(&conn->io, conn->fd, events);
    ev_io_start(conn->worker->loop, &conn->io);
}

/* The server is gone; what it answered before that still counts. */
static void send_failed(struct lg_conn *conn)
{
    ssize_t n;

    n = -1;
    do {
        if (evd_buf_reserve(&conn->in, READ_ROOM) < 0)
            break;
        n = receive(conn);
        if (n > 0) {
            conn->worker->received_bytes += (uint64_t)n;
            evd_buf_commit(&conn->in, (size_t)n);
            if (!decode(conn, lg_now()))
                return;
        }
    } while (n > 0); /* ends: the socket takes in no more */
    if (n == 0 && conn->worker->plan->options->retry)
        ended(conn);
    else
        lg_conn_lost(conn, LG_RESET);
}

/* `first`: the oldest request of which all bytes are in `out`; 0 when none was added since what was
 * there could not be sent. */
static ssize_t write_some(struct lg_conn *conn, uint64_t first)
{
    struct lg_worker *worker = conn->worker;
    struct evd_slice out = evd_buf_slice(&conn->out);
    bool ask =
        worker->stamping && lg_stamp_sample(&worker->sampler, conn->stamp.state == LG_STAMP_NONE);
    ssize_t n = lg_socket_send(conn->fd, out, ask);

    if (n <= 0)
        return n;
    if (!ask) {
        lg_stamp_sent(&conn->stamp, (size_t)n);
    } else if ((size_t)n < out.len) { /* its last byte ends no request */
        lg_stamp_asked(&conn->stamp, (size_t)n, 0, 0);
        take_sent_stamps(conn);
    } else {
        lg_stamp_asked(&conn->stamp, (size_t)n, first != 0 ? first : conn->tail - 1,
                       conn->tail - 1);
        take_sent_stamps(conn); /* on loopback it is there already */
    }
    return n;
}

static void write_ready(struct lg_conn *conn, uint64_t first)
{
    ssize_t n = write_some(conn, first);

    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            send_failed(conn);
            return;
        }
        n = 0;
    }
    conn->worker->sent_bytes += (uint64_t)n;
    evd_buf_drop(&conn->out, (size_t)n);
    want(conn, conn->out.len > 0 ? EV_READ | EV_WRITE : EV_READ);
}

/* `count` requests that were due at due_ns are offered to the kernel now. */
static void record_lateness(struct lg_worker *worker, uint64_t due_ns, uint64_t now_ns,
                            uint64_t count)
{
    uint64_t waited = lg_slot_wait(due_ns, worker->blocked_ns, worker->unblocked_ns, now_ns);

    if (count == 0)
        return;
    lg_histogram_record_times(&worker->lateness, now_ns - due_ns, count);
    lg_histogram_record_times(&worker->no_free_slot, waited, count);
    lg_histogram_record_times(&worker->woke_late, now_ns - due_ns - waited, count);
}

/* Stamped when offered to the kernel: what waits in a full socket buffer is waiting for the server.
 * Those that were due together, as in a closed loop, are recorded together. */
static void stamp(struct lg_conn *conn)
{
    struct lg_worker *worker = conn->worker;
    uint64_t now = lg_now(), due_ns = 0, count = 0;

    for (; conn->stamped != conn->tail; conn->stamped++) {
        struct lg_slot *slot = &conn->ring[conn->stamped & conn->mask];
        bool again = slot->sent_ns != 0;

        slot->sent_ns = now;
        if (slot->window != LG_MEASURED || again)
            continue;
        if (slot->due_ns != due_ns) {
            record_lateness(worker, due_ns, now, count);
            due_ns = slot->due_ns;
            count = 0;
        }
        count++;
    }
    record_lateness(worker, due_ns, now, count);
}

void lg_conn_flush(struct lg_conn *conn)
{
    uint64_t first = conn->stamped;

    if (conn->state != LG_CONN_UP || conn->out.len == 0)
        return;
    stamp(conn);
    write_ready(conn, conn->io.events & EV_WRITE ? 0 : first);
}

void lg_conn_fill(struct lg_conn *conn, uint64_t now_ns)
{
    struct lg_worker *worker = conn->worker;
    const struct lg_scenario *scenario = worker->plan->scenario;

    if (conn->state != LG_CONN_UP || now_ns < worker->plan->start_ns || now_ns >= lg_end_of(worker))
        return;
    while (has_room(conn)) {
        uint32_t request = scenario->deck[worker->closed_next % scenario->deck_len];

        worker->closed_next += worker->plan->options->threads;
        worker->accounts[lg_window_of(worker, now_ns)].scheduled++;
        lg_conn_send(conn, request, now_ns);
    }
    lg_conn_flush(conn);
}

/* ---- Up and down ---- */

static void on_retry(struct ev_loop *loop, ev_timer *timer, int events);

static void retry_later(struct lg_conn *conn)
{
    double delay = BACKOFF_FIRST;

    if (lg_now() >= lg_end_of(conn->worker) + conn->worker->plan->options->drain_ns)
        return;
    for (unsigned i = 0; i < conn->failures && delay < BACKOFF_MAX; i++)
        delay *= 2;
    conn->failures++;
    conn->state = LG_CONN_DOWN;
    ev_timer_init(&conn->retry, on_retry, delay, 0.);
    conn->retry.data = conn;
    ev_timer_start(conn->worker->loop, &conn->retry);
}

/* A closed loop has nothing due without a connection: each failed attempt stands for a request. */
static void connect_failed(struct lg_conn *conn)
{
    struct lg_worker *worker = conn->worker;
    uint64_t now = lg_now();

    if (conn->fd >= 0) {
        ev_io_stop(worker->loop, &conn->io);
        close(conn->fd);
        conn->fd = -1;
    }
    worker->refused = worker->up_count == 0 && !worker->plan->options->retry;
    if (worker->plan->options->closed && !worker->plan->options->retry &&
        now >= worker->plan->start_ns && now < lg_end_of(worker)) {
        worker->accounts[lg_window_of(worker, now)].scheduled++;
        lg_worker_charge(worker, lg_window_of(worker, now), LG_REFUSED);
    }
    retry_later(conn);
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
    struct lg_conn *conn = io->data;

    (void)loop;
    if (conn->state == LG_CONN_CONNECTING) {
        int fd = conn->fd;

        if (lg_socket_finish(fd, NULL) < 0) {
            connect_failed(conn);
            return;
        }
        ev_io_stop(conn->worker->loop, &conn->io);
        lg_conn_up(conn, fd);
        return;
    }
    if (events & EV_READ)
        read_ready(conn);
    if ((events & EV_WRITE) && conn->state == LG_CONN_UP && conn->out.len > 0)
        write_ready(conn, 0);
}

static void watch(struct lg_conn *conn, int events)
{
    ev_io_init(&conn->io, on_io, conn->fd, events);
    conn->io.data = conn;
    ev_io_start(conn->worker->loop, &conn->io);
}

static void connect_now(struct lg_conn *conn)
{
    struct lg_worker *worker = conn->worker;
    struct evd_error error;
    int rc =
        lg_socket_connect(worker->plan->options, worker->index + conn->index, &conn->fd, &error);

    /* It is the generator that cannot, and it will not get better by trying. */
    if (rc < 0 && errno == EADDRNOTAVAIL)
        lg_worker_fail(worker, rc, error.text);
    if (rc == EVD_OK) {
        lg_conn_up(conn, conn->fd);
    } else if (rc == EVD_MORE && conn->fd >= 0) {
        conn->state = LG_CONN_CONNECTING;
        conn->connecting_ns = lg_now();
        watch(conn, EV_WRITE);
    } else if (rc == EVD_MORE) {
        retry_later(conn);
    } else {
        connect_failed(conn);
    }
}

static void on_retry(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    connect_now(timer->data);
}

void lg_conn_up(struct lg_conn *conn, int fd)
{
    struct lg_worker *worker = conn->worker;
    const struct lg_plan *plan = worker->plan;
    uint64_t now = lg_now();

    conn->fd = fd;
    conn->state = LG_CONN_UP;
    conn->begun = conn->head;
    evd_decoder_init(&conn->decoder, plan->options->transport, EVD_ROLE_CLIENT, &plan->limits);
    memset(&conn->stamp, 0, sizeof(conn->stamp));
    if (worker->stamping && lg_socket_stamping(fd, &worker->stamp_error) < 0)
        worker->stamping = false;
    watch(conn, EV_READ);
    worker->up_count++;
    worker->refused = false;
    for (uint64_t number = conn->head; number != conn->tail; number++) /* kept: --retry */
        encode(conn, number);
    lg_conn_flush(conn);
    if (conn->state != LG_CONN_UP)
        return;
    if (has_room(conn))
        slots_freed(conn, now);
    if (plan->options->closed && plan->start_ns != 0)
        lg_conn_fill(conn, now);
}

static void go_down(struct lg_conn *conn)
{
    struct lg_worker *worker = conn->worker;

    ev_io_stop(worker->loop, &conn->io);
    close(conn->fd);
    conn->fd = -1;
    conn->state = LG_CONN_DOWN;
    conn->stamped = conn->tail;
    conn->step = 0; /* its sequence ends with the connection */
    evd_buf_clear(&conn->in);
    evd_buf_clear(&conn->out);
    mark_full(conn);
    worker->up_count--;
}

void lg_conn_lost(struct lg_conn *conn, enum lg_outcome outcome)
{
    uint64_t now = lg_now();

    go_down(conn);
    while (conn->head != conn->tail)
        give_up(conn, outcome, now);
    conn->worker->reconnects++;
    retry_later(conn);
}

void lg_conn_end(struct lg_conn *conn)
{
    if (ev_is_active(&conn->retry))
        ev_timer_stop(conn->worker->loop, &conn->retry);
    if (conn->state == LG_CONN_UP) {
        go_down(conn);
    } else if (conn->fd >= 0) {
        ev_io_stop(conn->worker->loop, &conn->io);
        close(conn->fd);
        conn->fd = -1;
    }
    for (uint64_t now = lg_now(); conn->head != conn->tail;)
        give_up(conn, LG_IN_FLIGHT, now);
}

void lg_conn_check_timeout(struct lg_conn *conn, uint64_t now_ns)
{
    uint64_t timeout = conn->worker->plan->options->timeout_ns;

    if (conn->state == LG_CONN_CONNECTING && now_ns - conn->connecting_ns > timeout)
        connect_failed(conn);
    else if (conn->state == LG_CONN_UP && conn->head != conn->stamped &&
             now_ns > conn->ring[conn->head & conn->mask].sent_ns + timeout)
        lg_conn_lost(conn, LG_TIMEOUT);
}
