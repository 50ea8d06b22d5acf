/* Whose time is over, and who holds too much. No socket here: what is to be done is conn.c's. */
#include "clock.h"
#include "conn.h"
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>

#define LINGER_NS       1000000000ull /* for the peer's end, after ours */
#define DRAIN_LINGER_NS 250000000ull  /* the same, when the server ends */

#define CONN_OF(pointer, member)                                                                   \
    ((struct evd_conn *)((char *)(pointer)-offsetof(struct evd_conn, member)))

struct evd_work *evd_work_new(struct evd_worker *worker)
{
    struct evd_work *work = calloc(1, sizeof *work);
    if (work == NULL)
        return NULL;
    work->decoder.role = EVD_ROLE_SERVER;
    evd_buf_init(&work->payload, worker->config->max_inflated);
    return work;
}

void evd_work_free(struct evd_work *work)
{
    if (work != NULL)
        evd_buf_release(&work->payload);
    free(work);
}

int evd_conns_init(struct evd_worker *worker)
{
    const struct evd_server_config *config = worker->config;
    const uint64_t limits[EVD_CLOCKS] = {
        [EVD_CLOCK_IDLE] = config->idle_timeout_ns,
        [EVD_CLOCK_STALLED] = config->write_timeout_ns,
        [EVD_CLOCK_LINGER] = LINGER_NS,
        [EVD_CLOCK_FIRST_BYTE] = config->first_byte_timeout_ns,
        [EVD_CLOCK_MESSAGE] = config->message_timeout_ns,
        [EVD_CLOCK_CALL] = config->call_timeout_ns,
    };
    for (size_t i = 0; i < EVD_CLOCKS; i++)
        evd_deadlines_init(&worker->conns.clocks[i], limits[i]);
    worker->conns.each = sizeof(struct evd_conn);
    evd_budget_init(&worker->conns.budget, config->max_memory / config->workers);
    worker->work = evd_work_new(worker);
    return worker->work != NULL ? evd_measure_open(worker) : EVD_ERR_NO_MEMORY;
}

/* Since when nothing moves. A stalled peer's clock is not wound by what it sends. */
static void wind_quiet(struct evd_conn *conn, uint64_t now)
{
    enum evd_clock clock = EVD_CLOCK_IDLE;
    bool moved = conn->moved_in || conn->moved_out;
    if (conn->lingering) {
        clock = EVD_CLOCK_LINGER;
        moved = false;
    } else if (conn->out.len > 0) {
        clock = EVD_CLOCK_STALLED;
        moved = conn->moved_out;
    } else if (conn->work != NULL) {
        evd_deadline_clear(&conn->quiet);
        return;
    }
    if (!moved && evd_deadline_is_set(&conn->quiet) && conn->quiet_clock == clock)
        return;
    conn->quiet_clock = (uint8_t)clock;
    evd_deadline_set(&conn->quiet, &conn->worker->conns.clocks[clock], now);
}

/* Since when what is under way has been. Progress does not wind it: a byte a second is not enough.
 */
static void wind_phase(struct evd_conn *conn, uint64_t now)
{
    enum evd_clock clock = EVD_CLOCKS;
    bool again = false;
    bool stranger = evd_conn_is_stranger(conn) && !conn->http;
    bool partial =
        (conn->in.len > 0 && !conn->paused && !conn->turn_over) || conn->decoding.skipping;
    if (conn->lingering || conn->closing) {
        clock = EVD_CLOCKS;
    } else if (conn->work != NULL) {
        clock = EVD_CLOCK_CALL;
        again = conn->moved_message;
    } else if ((conn->decoding.transport == NULL && !conn->http) || stranger) {
        clock = EVD_CLOCK_FIRST_BYTE; /* with its token: whatever it sends does not wind it */
    } else if (partial) {
        clock = EVD_CLOCK_MESSAGE;
        again = conn->moved_message;
    }
    if (clock == EVD_CLOCKS) {
        evd_deadline_clear(&conn->phase);
        return;
    }
    if (!again && evd_deadline_is_set(&conn->phase) && conn->phase_clock == clock)
        return;
    conn->phase_clock = (uint8_t)clock;
    evd_deadline_set(&conn->phase, &conn->worker->conns.clocks[clock], now);
}

static size_t held_by(const struct evd_conn *conn)
{
    size_t bytes = conn->in.cap + conn->out.cap;
    if (conn->work != NULL)
        bytes += sizeof *conn->work + conn->work->payload.cap + conn->work->flight.arena.held;
    if (conn->grant != NULL)
        bytes += conn->grant->bytes;
    return bytes;
}

void evd_conn_wind(struct evd_conn *conn)
{
    uint64_t now = evd_now_coarse();
    wind_quiet(conn, now);
    wind_phase(conn, now);
    conn->moved_in = conn->moved_out = conn->moved_message = false;
    evd_budget_set(&conn->worker->conns.budget, &conn->holder, held_by(conn));
}

void evd_conns_add(struct evd_conn *conn)
{
    struct evd_conn_list *list = &conn->worker->conns;
    conn->prev = list->last;
    conn->next = NULL;
    *(list->last != NULL ? &list->last->next : &list->first) = conn;
    list->last = conn;
    list->count++;
    evd_count(&conn->worker->measure.metrics->accepted, 1);
    evd_conn_wind(conn);
}

void evd_conns_remove(struct evd_conn *conn)
{
    struct evd_conn_list *list = &conn->worker->conns;
    *(conn->prev != NULL ? &conn->prev->next : &list->first) = conn->next;
    *(conn->next != NULL ? &conn->next->prev : &list->last) = conn->prev;
    list->count--;
    evd_count(&conn->worker->measure.metrics->closed, 1);
    evd_deadline_clear(&conn->quiet);
    evd_deadline_clear(&conn->phase);
    evd_budget_set(&list->budget, &conn->holder, 0);
}

void evd_conns_sweep(struct evd_worker *worker, uint64_t now_ns)
{
    struct evd_conn_list *list = &worker->conns;
    if (worker->draining)
        list->clocks[EVD_CLOCK_LINGER].limit_ns = DRAIN_LINGER_NS;
    for (unsigned i = 0; i < EVD_CLOCKS; i++) {
        struct evd_deadline *due;
        while ((due = evd_deadlines_due(&list->clocks[i], now_ns)) != NULL) {
            bool quiet = i <= EVD_CLOCK_LINGER;
            list->expired[i]++;
            evd_deadline_clear(due);
            evd_conn_time_out(quiet ? CONN_OF(due, quiet) : CONN_OF(due, phase), (enum evd_clock)i);
        }
    }
}

void evd_conns_relieve(struct evd_worker *worker)
{
    struct evd_conn_list *list = &worker->conns;
    if (!evd_budget_is_over(&list->budget)) {
        if (list->shedding)
            list->shedding = evd_budget_is_tight(&list->budget);
        return;
    }
    if (!list->shedding) {
        char text[160];
        (void)snprintf(text, sizeof text,
                       "connections hold %zu bytes, %zu are allowed (--max-memory): the largest "
                       "holders are closed",
                       list->budget.held, list->budget.max);
        evd_log_write(worker->config->log, EVD_LOG_WARNING, text);
        list->shedding = true;
    }
    while (evd_budget_is_over(&list->budget)) {
        struct evd_holder *largest = evd_budget_largest(&list->budget);
        list->shed++;
        evd_conn_close(CONN_OF(largest, holder));
    }
}
