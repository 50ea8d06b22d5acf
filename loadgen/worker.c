/* The thread of a worker: its loop, the schedule, and the edges of the windows. */
#include "worker.h"
#include "sample.h"
#include "socket.h"
#include "think.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define TICK            0.05 /* seconds: how exactly timeouts and interruptions are noticed */
#define CONNECT_TIMEOUT (5 * LG_SECOND)
#define COUNT_AT_ONCE   4096 /* requests that fell due; a millisecond's work, as a rule */

void lg_worker_charge(struct lg_worker *worker, enum lg_window window, enum lg_outcome outcome)
{
    worker->accounts[window].outcomes[outcome]++;
    if (outcome != LG_OK && outcome != LG_UNSENT && outcome != LG_IN_FLIGHT)
        worker->errors++;
}

/* Most requests are of the same block as the one before: a division a block, not a request. */
static struct lg_histogram *block_of(struct lg_worker *worker, uint64_t due_ns)
{
    uint64_t begin = worker->plan->measure_ns, duration = worker->plan->options->duration_ns;

    if (due_ns < worker->block_from_ns || due_ns >= worker->block_to_ns) {
        worker->block = lg_block_of(due_ns - begin, duration);
        worker->block_from_ns = begin + lg_block_from(worker->block, duration);
        worker->block_to_ns = begin + lg_block_from(worker->block + 1, duration);
    }
    return &worker->blocks[worker->block];
}

void lg_worker_record(struct lg_worker *worker, uint32_t request, uint64_t due_ns, uint64_t now_ns)
{
    enum lg_window window = lg_window_of(worker, due_ns);

    lg_histogram_record(&worker->response[window], now_ns - due_ns);
    if (window != LG_MEASURED)
        return;
    lg_histogram_record(block_of(worker, due_ns), now_ns - due_ns);
    lg_intervals_record(&worker->intervals, request, now_ns - due_ns, now_ns);
}

void lg_worker_censor(struct lg_worker *worker, uint32_t request, uint64_t due_ns, uint64_t now_ns,
                      enum lg_outcome outcome)
{
    lg_worker_charge(worker, lg_window_of(worker, due_ns), outcome);
    lg_worker_record(worker, request, due_ns, now_ns);
    if (lg_window_of(worker, due_ns) != LG_MEASURED)
        return;
    lg_histogram_record(&worker->censored, now_ns - due_ns);
    lg_intervals_record_extra(&worker->intervals, LG_EXTRA_CENSORED, now_ns - due_ns, now_ns);
}

void lg_worker_fail(struct lg_worker *worker, int status, const char *what)
{
    if (worker->error.status == EVD_OK)
        evd_error_set(&worker->error, status, "%s", what);
    ev_break(worker->loop, EVBREAK_ALL);
}

/* ---- What others see while it runs ---- */

static void publish(struct lg_worker *worker)
{
    struct lg_progress *progress = &worker->progress;

    atomic_store_explicit(&progress->answered, worker->answered, memory_order_relaxed);
    atomic_store_explicit(&progress->errors, worker->errors, memory_order_relaxed);
    atomic_store_explicit(&progress->sent_bytes, worker->sent_bytes, memory_order_relaxed);
    atomic_store_explicit(&progress->received_bytes, worker->received_bytes, memory_order_relaxed);
}

static void publish_live(struct lg_worker *worker, uint64_t now)
{
    if (now < worker->next_publish_ns)
        return;
    worker->next_publish_ns = now + LG_SECOND;
    pthread_mutex_lock(&worker->live_lock);
    worker->live = worker->response[LG_WARMUP];
    lg_histogram_merge(&worker->live, &worker->response[LG_MEASURED]);
    worker->live_late = worker->woke_late;
    pthread_mutex_unlock(&worker->live_lock);
}

static uint64_t timeval_ns(struct timeval time)
{
    return (uint64_t)time.tv_sec * LG_SECOND + (uint64_t)time.tv_usec * 1000;
}

static void sample_cpu(const struct lg_worker *worker, struct lg_cpu_sample *sample)
{
    struct rusage usage;

    getrusage(RUSAGE_THREAD, &usage);
    sample->wall_ns = lg_now();
    sample->user_ns = timeval_ns(usage.ru_utime);
    sample->system_ns = timeval_ns(usage.ru_stime);
    sample->wait_ns = lg_sample_thread_wait();
    sample->spun_ns = worker->spun_ns;
}

static void pass_edges(struct lg_worker *worker, uint64_t now)
{
    if (!worker->measuring && now >= worker->plan->measure_ns) {
        worker->measuring = true;
        sample_cpu(worker, &worker->cpu[0]);
    }
    if (!worker->measured && now >= lg_end_of(worker)) {
        worker->measured = true;
        sample_cpu(worker, &worker->cpu[1]);
        if (!worker->measuring) /* interrupted during the warm-up */
            worker->cpu[0] = worker->cpu[1];
    }
}

/* ---- The open loop ---- */

/* The next connection with a free slot, round robin; NULL when all are full or down. */
static struct lg_conn *next_free(struct lg_worker *worker)
{
    unsigned words = (worker->conn_count + 63) / 64, word = worker->next_conn / 64;
    uint64_t bits = worker->free_bits[word] & (UINT64_MAX << (worker->next_conn % 64));

    for (unsigned i = 0; i <= words; i++) {
        if (bits != 0) {
            unsigned index = word * 64 + (unsigned)__builtin_ctzll(bits);

            worker->next_conn = (index + 1) % worker->conn_count;
            return &worker->conns[index];
        }
        word = (word + 1) % words;
        bits = worker->free_bits[word];
    }
    return NULL;
}

/* At most COUNT_AT_ONCE of those that are due by `now`. True: there are more. */
static bool count_due(struct lg_worker *worker, uint64_t now)
{
    uint64_t end = lg_end_of(worker);

    for (unsigned i = 0; i < COUNT_AT_ONCE; i++) {
        if (worker->due.due_ns > now || worker->due.due_ns >= end)
            return false;
        worker->accounts[lg_window_of(worker, worker->due.due_ns)].scheduled++;
        worker->due_count++;
        lg_schedule_next(&worker->due);
    }
    return true;
}

static void send_one(struct lg_worker *worker, struct lg_conn *conn)
{
    const struct lg_scenario *scenario = worker->plan->scenario;

    lg_conn_send(conn, scenario->deck[worker->send.index % scenario->deck_len],
                 worker->send.due_ns);
    if (!conn->dirty) {
        conn->dirty = true;
        worker->dirty[worker->dirty_count++] = conn->index;
    }
}

/* Everything that is due goes out now, or waits for a slot: nothing is skipped. */
static void send_due(struct lg_worker *worker, uint64_t now)
{
    for (; worker->send_count < worker->due_count; worker->send_count++) {
        struct lg_conn *conn = worker->refused ? NULL : next_free(worker);

        if (worker->refused) {
            lg_worker_charge(worker, lg_window_of(worker, worker->send.due_ns), LG_REFUSED);
        } else if (conn != NULL) {
            send_one(worker, conn);
        } else {
            if (!worker->backlog)
                worker->blocked_ns = now;
            worker->backlog = worker->blocked = true;
            break;
        }
        lg_schedule_next(&worker->send);
    }
    worker->backlog = worker->send_count < worker->due_count;
    for (unsigned i = 0; i < worker->dirty_count; i++) {
        struct lg_conn *conn = &worker->conns[worker->dirty[i]];

        conn->dirty = false;
        lg_conn_flush(conn);
    }
    worker->dirty_count = 0;
}

/* A generator that is far behind would else be past both edges of the window before it looks at the
 * clock again, and its CPU time would seem to be nothing. */
static void pump(struct lg_worker *worker, uint64_t now)
{
    while (count_due(worker, now)) {
        send_due(worker, now);
        pass_edges(worker, lg_now());
    }
    send_due(worker, now);
}

/* ---- The loop ---- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return b < a ? b : a;
}

/* The next time at which something has to be done that no reply would wake us for. */
static uint64_t next_event(const struct lg_worker *worker, uint64_t now)
{
    const struct lg_plan *plan = worker->plan;
    uint64_t end = lg_end_of(worker), next = end + plan->options->drain_ns;

    if (now < plan->start_ns)
        next = earlier(next, plan->start_ns);
    if (!worker->measuring)
        next = earlier(next, plan->measure_ns);
    if (!worker->measured)
        next = earlier(next, end);
    next = earlier(next, lg_think_first(worker));
    if (!plan->options->closed && !worker->blocked && worker->due.due_ns < end)
        next = earlier(next, worker->due.due_ns);
    return next;
}

static void arm(struct lg_worker *worker, uint64_t when)
{
    const struct itimerspec timer = {
        .it_value = {.tv_sec = (time_t)(when / LG_SECOND), .tv_nsec = (long)(when % LG_SECOND)},
    };

    if (worker->armed_ns == when)
        return;
    worker->armed_ns = when;
    /* Setting it also takes back an expiry that was not read: no read() is needed. */
    if (timerfd_settime(worker->timer_fd, TFD_TIMER_ABSTIME, &timer, NULL) != 0)
        lg_worker_fail(worker, EVD_ERR_SYSTEM, "timerfd_settime failed");
}

/* Of the highest priority: what is due goes out before the replies of the same wake-up are read. */
static void on_timer(struct ev_loop *loop, ev_io *io, int events)
{
    struct lg_worker *worker = io->data;

    (void)loop;
    (void)events;
    worker->armed_ns = 0;
    if (!worker->plan->options->closed)
        pump(worker, lg_now());
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct lg_worker *worker = timer->data;
    uint64_t now = lg_now();

    (void)loop;
    (void)events;
    for (unsigned i = 0; i < worker->conn_count; i++)
        lg_conn_check_timeout(&worker->conns[i], now);
    publish_live(worker, now);
    lg_intervals_pass(&worker->intervals, now);
}

static bool is_over(const struct lg_worker *worker, uint64_t now)
{
    uint64_t end = lg_end_of(worker);

    if (worker->error.status < 0)
        return true;
    /* Who was given no CPU until behind the end owes all the same what fell due. */
    if (!worker->plan->options->closed && worker->due.due_ns < end)
        return false;
    if (now >= end + worker->plan->options->drain_ns)
        return true;
    return now >= end && worker->in_flight == 0 && worker->send_count == worker->due_count;
}

/* One turn of the loop: waits until something has to be done. With --spin the timer is early by
 * that much, and from then until the next request is due the loop is only polled: replies are read
 * as they come, and what is sent is not late by a wake-up. */
static void turn(struct lg_worker *worker, uint64_t now)
{
    uint64_t spin = worker->plan->options->spin_ns, next = next_event(worker, now), moved;

    if (spin == 0 || worker->due.due_ns != next || worker->plan->options->closed) {
        arm(worker, next);
        ev_run(worker->loop, EVRUN_ONCE);
    } else if (next > now + spin) {
        arm(worker, next - spin);
        ev_run(worker->loop, EVRUN_ONCE);
    } else {
        arm(worker, next + LG_SECOND); /* off: its interrupt would come just when we want to send */
        moved = worker->sent_bytes + worker->received_bytes;
        ev_run(worker->loop, EVRUN_NOWAIT);
        if (moved == worker->sent_bytes + worker->received_bytes)
            worker->spun_ns += lg_now() - now;
    }
}

static void work(struct lg_worker *worker)
{
    bool closed = worker->plan->options->closed, started = false;
    uint64_t now = lg_now();

    while (!is_over(worker, now)) {
        turn(worker, now);
        now = lg_now();
        pass_edges(worker, now);
        lg_think_due(worker, now);
        if (!closed) {
            pump(worker, now);
        } else if (!started && now >= worker->plan->start_ns) {
            started = true;
            for (unsigned i = 0; i < worker->conn_count; i++)
                lg_conn_fill(&worker->conns[i], lg_now());
        }
        publish(worker);
    }
}

/* What was due and is not answered gets its name. */
static void settle(struct lg_worker *worker)
{
    const struct lg_scenario *scenario = worker->plan->scenario;
    uint64_t now = lg_now();

    for (; worker->send_count < worker->due_count; worker->send_count++) {
        lg_worker_censor(worker, scenario->deck[worker->send.index % scenario->deck_len],
                         worker->send.due_ns, now, LG_UNSENT);
        lg_schedule_next(&worker->send);
    }
    for (unsigned i = 0; i < worker->conn_count; i++)
        lg_conn_end(&worker->conns[i]);
    publish(worker);
}

static void start_schedule(struct lg_worker *worker)
{
    const struct lg_run_options *options = worker->plan->options;
    uint64_t start_ns = worker->plan->start_ns;

    worker->closed_next = worker->index;
    lg_intervals_start(&worker->intervals, worker->plan->measure_ns);
    if (options->closed)
        return;
    if (options->arrivals == LG_ARRIVALS_BURST)
        lg_schedule_init_burst(&worker->due, options->rate, options->burst_on_ns,
                               options->burst_off_ns, start_ns, worker->index, options->threads);
    else if (worker->plan->shape.count > 0)
        lg_schedule_init_shape(&worker->due, options->arrivals, &worker->plan->shape, options->seed,
                               start_ns, worker->index, options->threads);
    else
        lg_schedule_init(&worker->due, options->arrivals, options->rate, options->seed, start_ns,
                         worker->index, options->threads);
    worker->send = worker->due;
}

static void pin(struct lg_worker *worker)
{
    const struct lg_run_options *options = worker->plan->options;
    cpu_set_t set;

    if (options->cpu_count == 0)
        return;
    CPU_ZERO(&set);
    CPU_SET((size_t)options->cpus[worker->index % options->cpu_count], &set);
    if (sched_setaffinity(0, sizeof(set), &set) != 0)
        evd_error_set(&worker->error, EVD_ERR_SYSTEM, "cannot run on CPU %d: %s",
                      options->cpus[worker->index % options->cpu_count], strerror(errno));
}

static bool pass_gate(struct lg_gate *gate)
{
    bool go;

    pthread_mutex_lock(&gate->lock);
    gate->ready++;
    pthread_cond_broadcast(&gate->changed);
    while (gate->state == LG_GATE_CLOSED)
        pthread_cond_wait(&gate->changed, &gate->lock);
    go = gate->state == LG_GATE_GO;
    pthread_mutex_unlock(&gate->lock);
    return go;
}

void *lg_worker_main(void *data)
{
    struct lg_worker *worker = data;

    pin(worker);
    if (!pass_gate(&worker->plan->gate))
        return NULL;
    start_schedule(worker);
    work(worker);
    settle(worker);
    return NULL;
}

/* ---- Making one ---- */

static int allocate(struct lg_worker *worker)
{
    size_t ring = 1, depth = worker->plan->options->depth;

    while (ring < depth)
        ring *= 2;
    worker->conns = calloc(worker->conn_count, sizeof(*worker->conns));
    worker->slots = calloc(worker->conn_count * ring, sizeof(*worker->slots));
    if (worker->plan->scenario->sequences)
        worker->thoughts = calloc(worker->conn_count, sizeof(*worker->thoughts));
    worker->dirty = calloc(worker->conn_count, sizeof(*worker->dirty));
    worker->free_bits = calloc((worker->conn_count + 63) / 64, sizeof(*worker->free_bits));
    if (worker->conns == NULL || worker->slots == NULL || worker->dirty == NULL ||
        worker->free_bits == NULL ||
        (worker->plan->scenario->sequences && worker->thoughts == NULL))
        return EVD_ERR_NO_MEMORY;
    for (unsigned i = 0; i < worker->conn_count; i++) {
        struct lg_conn *conn = &worker->conns[i];

        conn->worker = worker;
        conn->index = i;
        conn->fd = -1;
        conn->ring = worker->slots + i * ring;
        conn->mask = ring - 1;
        conn->head = conn->stamped = conn->tail = 1;
        /* A byte takes six characters at most, as \u00XX; 1 KB holds the event and the rest. */
        evd_buf_init(&conn->out, depth * (6 * worker->plan->scenario->largest_data + 1024));
        evd_buf_init(&conn->in, worker->plan->limits.max_frame + 256 * 1024);
    }
    return EVD_OK;
}

static void init_figures(struct lg_worker *worker)
{
    for (int i = 0; i < LG_WINDOWS; i++)
        lg_histogram_init(&worker->response[i]);
    for (int i = 0; i < LG_BLOCKS; i++)
        lg_histogram_init(&worker->blocks[i]);
    lg_histogram_init(&worker->service);
    lg_histogram_init(&worker->lateness);
    lg_histogram_init(&worker->woke_late);
    lg_histogram_init(&worker->no_free_slot);
    lg_histogram_init(&worker->censored);
    lg_histogram_init(&worker->wire);
    lg_histogram_init(&worker->live);
    lg_histogram_init(&worker->live_late);
}

static void init_stamps(struct lg_worker *worker)
{
    const struct lg_run_options *options = worker->plan->options;
    uint64_t one_in = lg_wire_one_in(options);

    worker->stamping = one_in > 0 && lg_target_is_tcp(options);
    if (one_in > 0 && !lg_target_is_tcp(options))
        evd_error_set(&worker->stamp_error, EVD_ERR_SYSTEM, "Unix sockets have no time stamps");
    lg_stamp_sampler_init(&worker->sampler, worker->stamping ? one_in : 0,
                          options->seed + worker->index);
}

static int open_loop(struct lg_worker *worker, struct evd_error *ret_error)
{
    worker->loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
    worker->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (worker->loop == NULL || worker->timer_fd < 0)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "cannot make an event loop: %s",
                             strerror(errno));
    ev_io_init(&worker->timer, on_timer, worker->timer_fd, EV_READ);
    ev_set_priority(&worker->timer, EV_MAXPRI);
    worker->timer.data = worker;
    ev_io_start(worker->loop, &worker->timer);
    ev_timer_init(&worker->tick, on_tick, TICK, TICK);
    worker->tick.data = worker;
    ev_timer_start(worker->loop, &worker->tick);
    return EVD_OK;
}

static int connect_all(struct lg_worker *worker, struct evd_error *ret_error)
{
    for (unsigned i = 0; i < worker->conn_count; i++) {
        int fd, rc = lg_socket_connect_wait(worker->plan->options, worker->index + i,
                                            CONNECT_TIMEOUT, &fd, ret_error);

        if (rc < 0)
            return rc;
        lg_conn_up(&worker->conns[i], fd);
    }
    return EVD_OK;
}

int lg_worker_open(struct lg_worker *worker, struct lg_plan *plan, unsigned index,
                   unsigned connections, struct evd_error *ret_error)
{
    int rc;

    memset(worker, 0, sizeof(*worker));
    worker->plan = plan;
    worker->index = index;
    worker->conn_count = connections;
    worker->timer_fd = -1;
    pthread_mutex_init(&worker->live_lock, NULL);
    init_figures(worker);
    init_stamps(worker);
    rc = allocate(worker);
    if (rc == EVD_OK)
        rc = lg_checker_init(&worker->checker, plan->scenario, plan->options->transport);
    if (rc == EVD_OK && plan->tags != NULL)
        rc = lg_intervals_init(&worker->intervals, plan->tags);
    if (rc < 0)
        evd_error_set(ret_error, rc, "no memory for %u connections", connections);
    else
        rc = open_loop(worker, ret_error);
    if (rc == EVD_OK)
        rc = connect_all(worker, ret_error);
    if (rc < 0)
        lg_worker_close(worker);
    return rc;
}

void lg_worker_close(struct lg_worker *worker)
{
    for (unsigned i = 0; worker->conns != NULL && i < worker->conn_count; i++) {
        struct lg_conn *conn = &worker->conns[i];

        if (conn->worker == NULL)
            break;
        lg_conn_end(conn);
        evd_buf_release(&conn->in);
        evd_buf_release(&conn->out);
    }
    if (worker->loop != NULL)
        ev_loop_destroy(worker->loop);
    if (worker->timer_fd >= 0)
        close(worker->timer_fd);
    lg_checker_release(&worker->checker);
    lg_intervals_release(&worker->intervals);
    pthread_mutex_destroy(&worker->live_lock);
    free(worker->conns);
    free(worker->slots);
    free(worker->dirty);
    free(worker->thoughts);
    worker->thoughts = NULL;
    free(worker->free_bits);
    worker->conns = NULL;
    worker->slots = NULL;
    worker->dirty = NULL;
    worker->free_bits = NULL;
    worker->loop = NULL;
    worker->timer_fd = -1;
}
