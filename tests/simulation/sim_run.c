#include "sim_run.h"

#include "server/command_line.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define TURNS_MAX 200000 /* of one run: more, and a loop turns for nothing */

extern const struct evd_module evd_module_services, evd_module_test, evd_module_sim;

static const struct evd_builtin builtins[] = {
    {"api.services", &evd_module_services},
    {"api.test", &evd_module_test},
    {"sim", &evd_module_sim},
};

void sim_configure(struct sim_server *server, unsigned workers)
{
    struct evd_server_config *config = &server->config;
    char name[] = "evd-server", *argv[] = {name, NULL};
    optind = 1;
    SIM_CHECK(evd_config_parse(1, argv, config) == EVD_CONFIG_RUN);
    config->dispatch.builtins = builtins;
    config->dispatch.builtin_count = sizeof builtins / sizeof *builtins;
    config->max_output = 64 * 1024;
    config->output_pause = 4096;
    config->max_calls = 4;
    config->max_inflated = 64 * 1024;
    config->metrics_endpoints = 4;
    config->first_byte_timeout_ns = 4 * SIM_SECOND;
    config->message_timeout_ns = 5 * SIM_SECOND;
    config->call_timeout_ns = 6 * SIM_SECOND;
    config->idle_timeout_ns = 7 * SIM_SECOND;
    config->write_timeout_ns = 8 * SIM_SECOND;
    config->workers = server->count = workers;
}

/* ---- What must hold between any two events. ---- */

static void check_buf(const struct evd_buf *buf)
{
    SIM_CHECK(buf->cap <= buf->max && buf->off + buf->len <= buf->cap);
}

/* What it is counted for is what it holds. */
static void check_held(const struct evd_conn *conn)
{
    size_t held = conn->in.cap + conn->out.cap;
    if (conn->work != NULL)
        held += sizeof *conn->work + conn->work->payload.cap + conn->work->flight.arena.held;
    SIM_CHECK(conn->holder.bytes == held);
}

static size_t check_conn(const struct evd_conn *conn)
{
    check_held(conn);
    check_buf(&conn->in);
    check_buf(&conn->out);
    const struct sim_file *file = &sim.files[conn->fd - SIM_FD];
    SIM_CHECK(file->kind == SIM_STREAM && !sim.sockets[file->peer].failed);
    SIM_CHECK(conn->in.len > 0 || conn->work != NULL || conn->in.ptr == NULL);
    SIM_CHECK(conn->out.len > 0 || conn->out.ptr == NULL);
    /* Something will still happen to it, and be it that its peer sends or reads: a time that runs
     * out is no excuse for a watcher that is gone. */
    bool watched = ev_is_active(&conn->io) || ev_is_pending(&conn->io);
    SIM_CHECK(watched == (conn->events != 0));
    SIM_CHECK(watched || (conn->work != NULL &&
                          (ev_is_active(&conn->work->wait) || ev_is_pending(&conn->work->wait))));
    return conn->holder.bytes;
}

static void check_world(void *context)
{
    struct sim_server *server = context;
    size_t held = 0;
    for (unsigned i = 0; i < server->count; i++) {
        const struct evd_worker *worker = &server->workers[i];
        size_t open = 0, sum = 0;
        for (const struct evd_conn *conn = worker->conns.first; conn != NULL; conn = conn->next) {
            sum += check_conn(conn);
            open++;
        }
        SIM_CHECK(worker->rx.len == 0 && worker->tx.len == 0);
        SIM_CHECK(worker->conns.count == open && worker->conns.budget.held == sum);
        SIM_CHECK(worker->conns.budget.held <= worker->conns.budget.max);
        held += sum;
    }
    SIM_CHECK(held <= server->config.max_memory);
    server->peak_held = held > server->peak_held ? held : server->peak_held;
}

/* ---- The life of a server. ---- */

static void on_answered(struct ev_loop *loop, ev_async *async, int events)
{
    (void)loop;
    (void)async;
    (void)events;
}

static void release(struct sim_server *server)
{
    ev_loop_destroy(server->shared.loop);
    SIM_CHECK(sim_loops() == 0);
    SIM_CHECK(sim.descriptors == 0);
    SIM_CHECK(sim.blocks == server->blocks);
    SIM_CHECK(atomic_load(&server->shared.connections) == 0);
}

int sim_open(struct sim_server *server)
{
    struct evd_error error = {.text = ""};
    bool counting = sim.counting;
    int rc = EVD_OK;
    server->blocks = sim.blocks;
    server->peers = 0;
    server->turns = 0;
    server->peak_held = 0;
    memset(&server->shared, 0, sizeof server->shared);
    sim.counting = false;
    server->shared.loop = ev_loop_new(0);
    sim.counting = counting;
    ev_async_init(&server->shared.answered, on_answered);
    ev_async_start(server->shared.loop, &server->shared.answered);
    for (server->count = 0; server->count < server->config.workers && rc >= 0;) {
        struct evd_worker *worker = &server->workers[server->count];
        rc = evd_worker_open(worker, &server->config, server->count, &server->shared, &error);
        if (rc < 0)
            break;
        sim.workers[server->count++] = worker;
        rc = evd_worker_listen(worker, server->count == 1 ? NULL : &server->workers[0], &error);
    }
    sim.worker_count = rc < 0 ? 0 : server->count;
    for (unsigned i = 0; i < server->count; i++) {
        if (rc >= 0) {
            evd_worker_run(&server->workers[i]);
            continue;
        }
        evd_worker_close(&server->workers[i]);
        evd_worker_release(&server->workers[i]);
    }
    if (rc < 0) {
        SIM_CHECK(error.text[0] != '\0');
        release(server);
    }
    return rc;
}

struct sim_peer *sim_puppet(struct sim_server *server, int number)
{
    struct sim_peer *peer = sim_peer_make(number, SIM_SILENT, SIM_LINES, 0, sim.now_ns);
    sim.sockets[number].window = SIM_TEXT;
    server->peers = (size_t)number + 1;
    return peer;
}

static bool act(struct sim_server *server)
{
    bool moved = false;
    size_t first = server->peers > 0 ? sim_below(server->peers) : 0;
    for (size_t i = 0; i < server->peers; i++)
        moved |= sim_peer_act((int)((first + i) % server->peers));
    for (unsigned i = 0; i < server->count; i++) {
        struct evd_worker *worker = &server->workers[i];
        if (sim_runs(worker->loop) && sim_turn(worker->loop, check_world, server)) {
            moved = true;
            SIM_CHECK(++server->turns < TURNS_MAX);
        }
    }
    return moved;
}

static bool all_done(const struct sim_server *server)
{
    for (size_t i = 0; i < server->peers; i++)
        if (!sim_peers[i].done)
            return false;
    return true;
}

/* To when something can happen again. */
static void pass_time(struct sim_server *server)
{
    uint64_t next = UINT64_MAX;
    for (size_t i = 0; i < server->peers; i++) {
        const struct sim_peer *peer = &sim_peers[i];
        if (!peer->done && peer->next_ns > sim.now_ns && peer->next_ns < next)
            next = peer->next_ns;
    }
    for (unsigned i = 0; i < server->count; i++) {
        const struct ev_loop *loop = server->workers[i].loop;
        uint64_t timer = sim_runs(loop) ? sim_next_timer(loop) : UINT64_MAX;
        next = timer < next ? timer : next;
    }
    SIM_CHECK(next != UINT64_MAX); /* or nothing would ever happen again */
    if (next > sim.now_ns)
        sim.now_ns = next;
}

static bool all_run(const struct sim_server *server)
{
    for (unsigned i = 0; i < server->count; i++)
        if (!sim_runs(server->workers[i].loop))
            return false;
    return true;
}

void sim_run_until(struct sim_server *server, uint64_t until_ns)
{
    unsigned still = 0;
    while (!all_done(server) && sim.now_ns < until_ns) {
        SIM_CHECK(all_run(server)); /* nobody has asked them to end */
        if (act(server)) {
            sim.now_ns += sim_below(50000);
            still = 0;
        } else if (++still > 8) { /* peers act by chance */
            pass_time(server);
            still = 0;
        }
    }
}

void sim_run(struct sim_server *server)
{
    sim_run_until(server, sim.now_ns + 100 * SIM_SECOND);
    SIM_CHECK(all_done(server));
}

static void serves_one(struct sim_server *server, uint64_t start_ns)
{
    int number = (int)server->peers++;
    struct sim_peer *peer = sim_peer_make(number, SIM_EAGER, SIM_LINES, 4, start_ns);
    sim_run(server);
    SIM_CHECK(peer->answered == 4 && peer->errors == 0);
    SIM_CHECK(peer->ended_ns - start_ns < SIM_SECOND);
}

void sim_serves_on(struct sim_server *server)
{
    sim_arm(NULL);
    serves_one(server, sim.now_ns);
    serves_one(server, sim.now_ns + SIM_SECOND / 2); /* behind a sweep, which mends the rest */
    for (unsigned i = 0; i < server->count; i++)
        SIM_CHECK(ev_is_active(&server->workers[i].gone));
}

void sim_close(struct sim_server *server)
{
    uint64_t deadline = sim.now_ns + 3 * SIM_SECOND;
    for (size_t i = 0; i < server->peers; i++)
        sim_peers[i].cut |= !sim_peers[i].done;
    for (unsigned i = 0; i < server->count; i++)
        evd_worker_ask(&server->workers[i], EVD_ASK_FINISH);
    (void)act(server);
    for (unsigned i = 0; i < server->count; i++) {
        server->workers[i].drain_deadline_ns = deadline;
        evd_worker_ask(&server->workers[i], EVD_ASK_DRAIN);
    }
    for (bool runs = true; runs;) {
        runs = false;
        if (act(server))
            sim.now_ns += sim_below(50000);
        else
            pass_time(server);
        for (unsigned i = 0; i < server->count; i++)
            runs |= sim_runs(server->workers[i].loop);
        SIM_CHECK(!runs || sim.now_ns < deadline + SIM_SECOND);
    }
    for (unsigned i = 0; i < server->count; i++) {
        evd_worker_close(&server->workers[i]);
        SIM_CHECK(server->workers[i].conns.budget.held == 0);
        evd_worker_release(&server->workers[i]);
    }
    server->count = 0;
    release(server);
}
