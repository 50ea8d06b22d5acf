/* server/conn.c, with the real worker, dispatch and modules behind it, and fake sockets before it.
 *
 * The input is what two clients send, then what happens meanwhile:
 *
 *   bytes of the first client | of the second | events | 1 byte | 1 byte
 *                                                        |        how many events
 *                                                        where the second's begin, in 256ths of
 *                                                        the bytes; 0: there is no second
 *
 * so that a plain stream with two bytes 0 behind it is one client, all of whose bytes come at once.
 * An event is a byte: bits 0 to 2 what happens (enum happening), bit 3 to whom, bits 4 to 7 how
 * much. The first may say what server it is (enum variant). When the events are over, all comes and
 * goes freely until both connections have ended. */
#include "connection_memory.h"
#include "connection_module.h"
#include "connection_oracle.h"
#include "connection_peer.h"

#include "server/command_line.h"
#include "server/serve.h"

#include <getopt.h>

#define STEPS_MAX 100000 /* of an ending: more, and it never ends */
#define TIGHT     12288  /* bytes of --max-memory: two of the larger buffers are too much */

#define SERIES_MAX 256 /* endpoints; more than there are */

static struct oracle_limits limits = {.max_frame = 512, .max_depth = 12};
static uint64_t calls_before[SERIES_MAX]; /* this input, by the number of the endpoint */

/* What an OTHER of 12 to 15 as the first event makes of the server: bits. */
enum variant {
    PLAIN,
    TOKENS = 1, /* it asks for them: --auth-secret-file */
    SMALL = 2,  /* it has TIGHT bytes for all connections */
};

static const struct evd_builtin builtins[] = {
    {"api.counter", &evd_module_counter},
    {"api.hello", &evd_module_hello},
    {"api.services", &evd_module_services},
    {"api.test", &evd_module_test},
    {"fuzz", &evd_module_fuzz},
};

static struct evd_server_config config;

static struct evd_worker *open_worker(void)
{
    static struct evd_worker_shared shared;
    static struct evd_worker worker;
    char name[] = "evd-server", *argv[] = {name, NULL};
    struct evd_error error = {0};
    if (worker.loop != NULL)
        return &worker;
    optind = 1;
    FUZZ_CHECK(evd_config_parse(1, argv, &config) == EVD_CONFIG_RUN);
    config.listen_count = 0;
    config.wire.max_frame = limits.max_frame;
    config.wire.max_depth = config.dispatch.max_depth = limits.max_depth;
    config.dispatch.max_tree = 16384;
    config.max_inflated = 2048;
    config.max_output = 4096;
    config.output_pause = 2048;
    config.max_calls = 8;
    config.dispatch.builtins = builtins;
    config.dispatch.builtin_count = sizeof builtins / sizeof *builtins;
    if (evd_worker_open(&worker, &config, 0, &shared, &error) < 0) {
        (void)fprintf(stderr, "%s\n", error.text);
        abort();
    }
    return &worker;
}

static void set_variant(struct evd_worker *worker, unsigned variant)
{
    static struct evd_auth *auth;
    static size_t budget;
    const struct evd_auth_config asked = {.secret_file = "secret"};
    struct evd_error error;
    if (auth == NULL) {
        FUZZ_CHECK(evd_auth_open_secret(&asked, EVD_SLICE(ORACLE_SECRET), &auth, &error) == EVD_OK);
        budget = worker->conns.budget.max;
    }
    config.auth = (variant & TOKENS) != 0 ? auth : NULL;
    worker->conns.budget.max = (variant & SMALL) != 0 ? TIGHT : budget;
}

/* ---- What must hold between any two events ---- */

static void check_buf(const struct evd_buf *buf)
{
    FUZZ_CHECK(buf->cap <= buf->max && buf->off + buf->len <= buf->cap);
}

static void check_conn(const struct evd_conn *conn)
{
    const struct evd_worker *worker = conn->worker;
    check_buf(&conn->in);
    check_buf(&conn->out);
    FUZZ_CHECK(conn->in.max <= limits.max_frame + 2 * EVD_RX_SIZE);
    FUZZ_CHECK(conn->out.max <= 2 * worker->config->max_output);
    FUZZ_CHECK(conn->in.len > 0 || conn->work != NULL || conn->in.ptr == NULL);
    FUZZ_CHECK(conn->out.len > 0 || conn->out.ptr == NULL);
    /* Something can still happen to it. */
    FUZZ_CHECK(conn->work != NULL ? ev_is_active(&conn->work->wait) : ev_is_active(&conn->io));
}

static void check_all(const struct evd_worker *worker)
{
    size_t open = 0;
    FUZZ_CHECK(worker->rx.len == 0 && worker->tx.len == 0);
    check_buf(&worker->rx);
    check_buf(&worker->tx);
    check_buf(&worker->work->payload);
    FUZZ_CHECK(worker->conns.budget.held <= worker->conns.budget.max);
    for (size_t i = 0; i < PEER_COUNT; i++) {
        if (peers[i].conn == NULL)
            continue;
        open++;
        check_conn(peers[i].conn);
    }
    FUZZ_CHECK(worker->conns.count == open);
}

/* ---- What happens ---- */

static bool waits_for(const struct evd_conn *conn, int events)
{
    return ev_is_active(&conn->io) && (conn->io.events & events) != 0;
}

static void deliver(struct peer *peer, int events)
{
    struct evd_conn *conn = peer->conn;
    if (conn != NULL && waits_for(conn, events))
        ev_invoke(conn->worker->loop, &conn->io, events & conn->io.events);
}

static void give(struct peer *peer, size_t bytes)
{
    size_t left = peer->in.len - peer->given;
    peer->given += bytes < left ? bytes : left;
    deliver(peer, EV_READ);
}

/* The wait of an unfinished call is over: the loop has stopped its timer by then. */
static void wake(struct peer *peer)
{
    struct evd_conn *conn = peer->conn;
    if (conn == NULL || conn->work == NULL)
        return;
    ev_timer_stop(conn->worker->loop, &conn->work->wait);
    ev_invoke(conn->worker->loop, &conn->work->wait, EV_TIMER);
}

static void reset(struct peer *peer, bool noticed)
{
    peer->reset = peer->cut_off = true;
    if (peer->conn == NULL)
        return;
    if (peer->watched && noticed) /* worker.c: on_gone() */
        evd_conn_close(peer->conn);
    else
        deliver(peer, EV_READ | EV_WRITE);
}

static void sweep(struct evd_worker *worker, unsigned amount)
{
    bool open[PEER_COUNT];
    for (size_t i = 0; i < PEER_COUNT; i++)
        open[i] = peers[i].conn != NULL;
    peer_clock_ns += UINT64_C(1000000) << amount * 2;
    evd_conns_sweep(worker, peer_clock_ns);
    for (size_t i = 0; i < PEER_COUNT; i++)
        if (open[i] && peers[i].conn == NULL)
            peers[i].cut_off = true;
}

static void drain(struct evd_worker *worker)
{
    if (worker->draining)
        return;
    worker->draining = true;
    for (size_t i = 0; i < PEER_COUNT; i++) {
        peers[i].cut_off = true; /* what it has not read by now it need not */
        if (peers[i].conn != NULL)
            evd_conn_drain(peers[i].conn);
    }
}

/* Memory runs out: once, n times later than now, for good, or no more. */
static void lack_memory(unsigned amount)
{
    if (amount == 9)
        memory_fault.countdown++;
    else
        memory_fault.out = amount == 10;
}

enum happening { READ, ROOM, WAKE, INTERRUPT, CLOCK, END, SPURIOUS, OTHER };

static void happen(struct evd_worker *worker, unsigned byte)
{
    struct peer *peer = &peers[byte >> 3 & 1];
    unsigned amount = byte >> 4;
    switch ((enum happening)(byte & 7)) {
    case READ:
        give(peer, amount == 15 ? peer->in.len : amount * amount + 1);
        break;
    case ROOM: /* from here on it takes no more than this until more is allowed */
        peer->window = amount == 15 ? SIZE_MAX : (size_t)amount * amount;
        deliver(peer, EV_WRITE);
        break;
    case WAKE:
        wake(peer);
        break;
    case INTERRUPT:
        peer->interrupts = amount;
        break;
    case CLOCK:
        sweep(worker, amount);
        break;
    case END: /* the rest and the end, in one */
        peer->eof = true;
        give(peer, amount < 8 ? peer->in.len : 0);
        if (amount >= 8)
            peer->in.len = peer->given;
        break;
    case SPURIOUS:
        deliver(peer, amount % 2 == 0 ? EV_READ : EV_WRITE);
        break;
    case OTHER:
        if (amount < 8)
            reset(peer, amount % 2 == 0);
        else if (amount == 8)
            drain(worker);
        else if (amount < 12)
            lack_memory(amount);
        break;
    }
}

/* Whom the budget or a lack of memory closed need not have all its answers. */
static void happen_and_tell(struct evd_worker *worker, unsigned byte)
{
    uint64_t shed = worker->conns.shed;
    bool open[PEER_COUNT];
    for (size_t i = 0; i < PEER_COUNT; i++)
        open[i] = peers[i].conn != NULL;
    happen(worker, byte);
    for (size_t i = 0; i < PEER_COUNT; i++)
        if (open[i] && (memory_fault.failed || worker->conns.shed > shed))
            peers[i].cut_off = true;
}

/* Everything that can happen does, until it is over. */
static void finish(struct evd_worker *worker, struct peer *peer)
{
    uint64_t shed = worker->conns.shed;
    for (unsigned step = 0; peer->conn != NULL; step++) {
        FUZZ_CHECK(step < STEPS_MAX);
        size_t taken = peer->taken, sent = peer->out_len;
        bool was_waiting = peer->conn->work != NULL || peer->conn->turn_over;
        bool was_shut = peer->shut;
        peer->given = peer->in.len;
        peer->eof = true;
        peer->window = SIZE_MAX;
        wake(peer);
        deliver(peer, EV_READ | EV_WRITE);
        bool moved = peer->conn == NULL || peer->taken > taken || peer->out_len > sent ||
                     was_waiting || peer->shut != was_shut || peer->conn->eof;
        FUZZ_CHECK(moved);
    }
    for (size_t i = 0; i < PEER_COUNT && worker->conns.shed > shed; i++)
        peers[i].cut_off = true;
}

static void open_peers(struct evd_worker *worker, struct evd_slice in, unsigned split)
{
    size_t first = split == 0 ? in.len : in.len * split / 256;
    peers_reset();
    peers[0].in = evd_slice(in.ptr, first);
    peers[1].in = evd_slice(in.ptr + first, in.len - first);
    for (int i = 0; i < (split == 0 ? 1 : PEER_COUNT); i++) {
        evd_worker_accept(worker, PEER_FD + i, false);
        peers[i].conn = worker->conns.last;
        FUZZ_CHECK(peers[i].conn != NULL);
    }
}

static void check_answers(const struct evd_worker *worker, unsigned variant)
{
    const struct evd_metrics *metrics = worker->measure.metrics;
    struct evd_slice in[PEER_COUNT];
    for (size_t i = 0; i < PEER_COUNT; i++) {
        struct evd_slice out = evd_slice(peers[i].out, peers[i].out_len);
        in[i] = evd_slice(peers[i].in.ptr, peers[i].taken);
        if ((variant & TOKENS) == 0)
            oracle_check(in[i], out, peers[i].cut_off, &limits);
        else
            oracle_check_stranger(in[i], out, peers[i].cut_off, &limits);
    }
    for (uint32_t i = 1; (variant & TOKENS) != 0 && i <= metrics->own; i++)
        FUZZ_CHECK(metrics->series[i].calls == calls_before[i] ||
                   oracle_may_call(in, PEER_COUNT, metrics->series[i].name));
}

static void note_calls(const struct evd_worker *worker)
{
    const struct evd_metrics *metrics = worker->measure.metrics;
    FUZZ_CHECK(metrics->own < SERIES_MAX);
    for (uint32_t i = 1; i <= metrics->own; i++)
        calls_before[i] = metrics->series[i].calls;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct evd_worker *worker = open_worker();
    if (size < 2)
        return 0;
    size_t events = data[size - 1] < size - 2 ? data[size - 1] : size - 2;
    const uint8_t *event = data + size - 2 - events;
    unsigned variant = events > 0 && (event[0] & 7) == OTHER && event[0] >> 4 >= 12
                           ? (event[0] >> 4) - 11u
                           : PLAIN;
    set_variant(worker, variant);
    note_calls(worker);
    open_peers(worker, fuzz_input(data, size - 2 - events), data[size - 2]);
    check_all(worker);
    for (size_t i = 0; i < events; i++) {
        happen_and_tell(worker, event[i]);
        check_all(worker);
    }
    limits.memory_failed = memory_fault.failed;
    memory_fault = (struct memory_fault){0};
    for (size_t i = 0; i < PEER_COUNT; i++) {
        finish(worker, &peers[i]);
        check_all(worker);
    }
    check_answers(worker, variant);
    FUZZ_CHECK(worker->conns.count == 0 && worker->conns.budget.held == 0);
    worker->draining = false;
    return 0;
}
