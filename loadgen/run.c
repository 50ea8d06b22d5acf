#include "run.h"
#include "live.h"
#include "run_check.h"
#include "socket.h"
#include "syscalls.h"
#include "worker.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define LEAD    (10 * UINT64_C(1000000))  /* ns from opening the gate to the first request */
#define LOG_LAG (200 * UINT64_C(1000000)) /* ns until all threads have sealed a second */

/* What is sampled at both edges of the measured window. */
struct edge {
    struct lg_process_sample server;
    struct lg_host_sample host;
    struct lg_metrics metrics;
    uint64_t syscalls;
    uint64_t answered, sent_bytes, received_bytes;
};

struct run {
    struct lg_plan plan;
    struct lg_result *result;
    struct lg_worker *workers[LG_THREADS_MAX];
    unsigned worker_count, thread_count;
    struct edge edges[2];
    struct lg_syscalls syscalls;
    int metrics_fd; /* -1: not asked, or no longer */
    struct lg_live live;
    struct lg_histogram response, woke_late; /* of all workers, for the live line */
    struct lg_tags tags;
    struct lg_interval_log *log; /* NULL: none */
    uint64_t next_log_ns;
    sigset_t signals, old_signals;
};

/* ---- Sampling ---- */

static void add_progress(const struct run *run, struct edge *edge, uint64_t *ret_errors)
{
    *ret_errors = 0;
    for (unsigned i = 0; i < run->worker_count; i++) {
        const struct lg_progress *progress = &run->workers[i]->progress;

        edge->answered += atomic_load_explicit(&progress->answered, memory_order_relaxed);
        edge->sent_bytes += atomic_load_explicit(&progress->sent_bytes, memory_order_relaxed);
        edge->received_bytes +=
            atomic_load_explicit(&progress->received_bytes, memory_order_relaxed);
        *ret_errors += atomic_load_explicit(&progress->errors, memory_order_relaxed);
    }
}

/* Calls and CPU are read next to each other: their ratio is what a report shows. */
static void sample_edge(struct run *run, struct edge *edge)
{
    pid_t pid = run->plan.options->server_pid;
    struct evd_error error;
    uint64_t errors;

    memset(edge, 0, sizeof(*edge));
    add_progress(run, edge, &errors);
    if (pid != 0 && *run->result->server_error == '\0' &&
        lg_sample_process(pid, &edge->server, &error) < 0)
        snprintf(run->result->server_error, sizeof(run->result->server_error), "%s", error.text);
    edge->syscalls = lg_syscalls_read(&run->syscalls);
    lg_sample_host(&edge->host);
    /* Last: the server has to answer. */
    if (run->metrics_fd >= 0 && lg_metrics_get(run->metrics_fd, &edge->metrics, &error) < 0) {
        snprintf(run->result->metrics_error, sizeof(run->result->metrics_error), "%s", error.text);
        close(run->metrics_fd);
        run->metrics_fd = -1;
    }
}

/* Whoever asks for the server's counters of a server that has none is told so before the run; that
 * its system calls cannot be counted is a matter of the machine, and does not keep it from running.
 */
static int open_server_side(struct run *run, struct evd_error *ret_error)
{
    const struct lg_run_options *options = run->plan.options;
    struct lg_metrics metrics;
    struct evd_error error;

    if (options->server_syscalls &&
        lg_syscalls_open(&run->syscalls, options->server_pid, &error) < 0)
        snprintf(run->result->syscalls_error, sizeof(run->result->syscalls_error), "%s",
                 error.text);
    if (!options->server_metrics)
        return EVD_OK;
    if (lg_socket_connect_wait(options, 0, LG_METRICS_WAIT_NS, &run->metrics_fd, &error) < 0 ||
        lg_metrics_get(run->metrics_fd, &metrics, &error) < 0)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "--server-metrics: %s", error.text);
    return EVD_OK;
}

static void close_server_side(struct run *run)
{
    lg_syscalls_close(&run->syscalls);
    if (run->metrics_fd >= 0)
        close(run->metrics_fd);
}

static void show_live(struct run *run, uint64_t now)
{
    struct edge totals = {0};
    struct lg_live_state state = {
        .now_ns = now,
        .start_ns = run->plan.start_ns,
        .measure_ns = run->plan.measure_ns,
        .end_ns = atomic_load(&run->plan.end_ns),
        .response = &run->response,
        .target = !run->plan.scenario->sequences && run->plan.options->rate_count == 1 &&
                          run->plan.options->arrivals != LG_ARRIVALS_BURST
                      ? (double)run->plan.options->rate / LG_RATE_UNIT
                      : 0,
    };

    if (run->live.quiet || now < run->live.next_ns)
        return;
    lg_histogram_init(&run->response);
    lg_histogram_init(&run->woke_late);
    for (unsigned i = 0; i < run->worker_count; i++) {
        pthread_mutex_lock(&run->workers[i]->live_lock);
        lg_histogram_merge(&run->response, &run->workers[i]->live);
        lg_histogram_merge(&run->woke_late, &run->workers[i]->live_late);
        pthread_mutex_unlock(&run->workers[i]->live_lock);
    }
    add_progress(run, &totals, &state.errors);
    state.answered = totals.answered;
    state.woke_late_p99 =
        run->plan.options->closed ? 0 : lg_histogram_quantile(&run->woke_late, 0.99);
    lg_live_update(&run->live, &state);
}

/* ---- The interval log ---- */

static int open_log(struct run *run, struct evd_error *ret_error)
{
    if (run->plan.options->hlog == NULL)
        return EVD_OK;
    if (lg_tags_init(&run->tags, run->plan.scenario) < 0)
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "no memory for an interval log");
    run->tags.arm = run->plan.options->arm;
    run->plan.tags = &run->tags;
    return lg_interval_log_open(run->plan.options->hlog, &run->tags, &run->log, ret_error);
}

static void start_log(struct run *run)
{
    struct timespec now;

    run->next_log_ns = UINT64_MAX;
    if (run->log == NULL)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    lg_interval_log_start(run->log, run->plan.measure_ns,
                          (uint64_t)now.tv_sec * LG_SECOND + (uint64_t)now.tv_nsec +
                              (run->plan.measure_ns - lg_now()));
    run->next_log_ns = run->plan.measure_ns + LG_INTERVAL_NS + LOG_LAG;
}

static void write_log(struct run *run)
{
    struct lg_intervals *intervals[LG_THREADS_MAX];

    for (unsigned i = 0; i < run->worker_count; i++)
        intervals[i] = &run->workers[i]->intervals;
    lg_interval_log_write(run->log, intervals, run->worker_count);
}

static void log_seconds(struct run *run, uint64_t now)
{
    if (now < run->next_log_ns)
        return;
    write_log(run);
    run->next_log_ns += (now - run->next_log_ns) / LG_INTERVAL_NS * LG_INTERVAL_NS + LG_INTERVAL_NS;
}

/* The threads have ended: what they still had is the last line. */
static void end_log(struct run *run)
{
    uint64_t now = lg_now();

    if (run->log == NULL || now < run->plan.measure_ns)
        return;
    for (unsigned i = 0; i < run->worker_count; i++)
        lg_intervals_end(&run->workers[i]->intervals, now);
    write_log(run);
}

/* ---- While it runs ---- */

/* Sleeps until `when`, or until the user interrupts: then the signal, else 0. */
static int wait_until(const struct run *run, uint64_t when)
{
    uint64_t now = lg_now(), left = when > now ? when - now : 0;
    struct timespec timeout = {(time_t)(left / LG_SECOND), (long)(left % LG_SECOND)};

    int signal = sigtimedwait(&run->signals, NULL, &timeout);

    return signal > 0 ? signal : 0;
}

static uint64_t next_stop(const struct run *run, bool measuring, uint64_t end)
{
    uint64_t next = end;

    if (!measuring && run->plan.measure_ns < next)
        next = run->plan.measure_ns;
    if (!run->live.quiet && run->live.next_ns < next)
        next = run->live.next_ns;
    if (run->next_log_ns < next)
        next = run->next_log_ns;
    return next;
}

static void watch(struct run *run)
{
    uint64_t end = atomic_load(&run->plan.end_ns), now = lg_now();
    bool measuring = false;

    while (now < end) {
        int signal = wait_until(run, next_stop(run, measuring, end));

        if (signal != 0) {
            run->result->interrupted = signal;
            end = lg_now();
            atomic_store(&run->plan.end_ns, end);
        }
        now = lg_now();
        if (!measuring && now >= run->plan.measure_ns) {
            measuring = true;
            sample_edge(run, &run->edges[0]);
        }
        if (now < end)
            show_live(run, now);
        log_seconds(run, now);
    }
    sample_edge(run, &run->edges[1]);
    if (!measuring)
        run->edges[0] = run->edges[1];
    run->result->measured_ns = end > run->plan.measure_ns ? end - run->plan.measure_ns : 0;
}

/* Memory last: reading it walks the page tables of the server. */
static void sample_memory(struct run *run)
{
    struct lg_result *result = run->result;
    struct evd_error error;

    if (run->plan.options->server_pid == 0 || *result->server_error != '\0')
        return;
    if (lg_sample_memory(run->plan.options->server_pid, &result->server_memory, &error) < 0)
        snprintf(result->server_error, sizeof(result->server_error), "%s", error.text);
}

/* ---- Starting and stopping ---- */

static int pin_main(const struct lg_run_options *options, struct evd_error *ret_error)
{
    cpu_set_t set;

    if (options->cpu_count == 0)
        return EVD_OK;
    CPU_ZERO(&set);
    for (unsigned i = 0; i < options->cpu_count; i++)
        CPU_SET((size_t)options->cpus[i], &set);
    if (sched_setaffinity(0, sizeof(set), &set) != 0)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "cannot run on the CPUs of --cpus: %s",
                             strerror(errno));
    return EVD_OK;
}

static int open_workers(struct run *run, struct evd_error *ret_error)
{
    unsigned threads = run->plan.options->threads, connections = run->plan.options->connections;

    for (unsigned i = 0; i < threads; i++) {
        unsigned share = connections / threads + (i < connections % threads);
        struct lg_worker *worker = malloc(sizeof(*worker));
        int rc = worker == NULL ? evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "no memory")
                                : lg_worker_open(worker, &run->plan, i, share, ret_error);

        if (rc < 0) {
            free(worker);
            return rc;
        }
        run->workers[run->worker_count++] = worker;
    }
    lg_socket_congestion(run->workers[0]->conns[0].fd, run->result->congestion);
    return EVD_OK;
}

static void note_start(struct lg_result *result)
{
    time_t now = time(NULL);
    struct tm utc;

    gmtime_r(&now, &utc);
    strftime(result->started, sizeof(result->started), "%Y-%m-%dT%H:%M:%SZ", &utc);
}

/* Waits for all threads, sets the times, and lets them go. */
static int open_gate(struct run *run, bool all_started, struct evd_error *ret_error)
{
    struct lg_gate *gate = &run->plan.gate;
    int rc =
        all_started ? EVD_OK : evd_error_set(ret_error, EVD_ERR_SYSTEM, "cannot start a thread");

    pthread_mutex_lock(&gate->lock);
    while (gate->ready < run->thread_count)
        pthread_cond_wait(&gate->changed, &gate->lock);
    for (unsigned i = 0; i < run->thread_count && rc == EVD_OK; i++) {
        if (run->workers[i]->error.status < 0) {
            *ret_error = run->workers[i]->error;
            rc = ret_error->status;
        }
    }
    run->plan.start_ns = lg_now() + LEAD;
    run->plan.measure_ns = run->plan.start_ns + run->plan.options->warmup_ns;
    atomic_store(&run->plan.end_ns, run->plan.measure_ns + run->plan.options->duration_ns);
    gate->state = rc == EVD_OK ? LG_GATE_GO : LG_GATE_ABORT;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
    return rc;
}

static int run_threads(struct run *run, struct evd_error *ret_error)
{
    int rc;

    sigemptyset(&run->signals);
    sigaddset(&run->signals, SIGINT);
    sigaddset(&run->signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &run->signals, &run->old_signals);
    for (unsigned i = 0; i < run->worker_count; i++) {
        struct lg_worker *worker = run->workers[i];

        if (pthread_create(&worker->thread, NULL, lg_worker_main, worker) != 0)
            break;
        run->thread_count++;
    }
    rc = open_gate(run, run->thread_count == run->worker_count, ret_error);
    if (rc == EVD_OK) {
        note_start(run->result);
        start_log(run);
        lg_live_start(&run->live, run->plan.options->quiet, run->plan.start_ns);
        watch(run);
        lg_live_end(&run->live);
        sample_memory(run);
    }
    /* From here on a second interruption ends the program: the drain has its own limit. */
    pthread_sigmask(SIG_SETMASK, &run->old_signals, NULL);
    for (unsigned i = 0; i < run->thread_count; i++)
        pthread_join(run->workers[i]->thread, NULL);
    if (rc == EVD_OK)
        end_log(run);
    return rc;
}

/* ---- Adding up ---- */

static double share(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0 : (double)part / (double)whole;
}

/* One thread that has no time left is late with its requests, however idle the others are. */
static void collect_cpu(struct lg_result *result, const struct lg_worker *worker)
{
    const struct lg_cpu_sample *a = &worker->cpu[0], *b = &worker->cpu[1];
    uint64_t user = b->user_ns - a->user_ns, system = b->system_ns - a->system_ns;
    uint64_t spun = b->spun_ns - a->spun_ns, wait = b->wait_ns - a->wait_ns;
    uint64_t wall = b->wall_ns - a->wall_ns;

    result->client_user_ns += user;
    result->client_system_ns += system;
    result->client_spun_ns += spun;
    result->client_wait_ns += wait;
    result->client_share_max =
        fmax(result->client_share_max, share(lg_busy_ns(user + system, spun), wall));
    result->client_wait_share = fmax(result->client_wait_share, share(wait, wall));
}

static void collect_worker(struct lg_result *result, const struct lg_worker *worker)
{
    for (int i = 0; i < LG_WINDOWS; i++)
        lg_account_merge(&result->accounts[i], &worker->accounts[i]);
    lg_histogram_merge(&result->response, &worker->response[LG_MEASURED]);
    for (int i = 0; i < LG_BLOCKS; i++)
        lg_histogram_merge(&result->blocks[i], &worker->blocks[i]);
    lg_histogram_merge(&result->service, &worker->service);
    lg_histogram_merge(&result->lateness, &worker->lateness);
    lg_histogram_merge(&result->woke_late, &worker->woke_late);
    lg_histogram_merge(&result->no_free_slot, &worker->no_free_slot);
    lg_histogram_merge(&result->censored, &worker->censored);
    lg_histogram_merge(&result->wire, &worker->wire);
    result->wire_lost += worker->wire_lost;
    if (worker->stamp_error.status < 0)
        snprintf(result->wire_off, sizeof(result->wire_off), "%s", worker->stamp_error.text);
    result->ok_in_window += worker->ok_in_window;
    result->unsolicited += worker->unsolicited;
    result->reconnects += worker->reconnects;
    result->resent += worker->resent;
    result->renewed += worker->renewed;
    if (*result->first_bad.event == '\0')
        result->first_bad = worker->checker.first_bad;
    if (result->broken.status == EVD_OK && worker->error.status < 0)
        result->broken = worker->error;
}

static void collect(struct run *run)
{
    struct lg_result *result = run->result;
    const struct edge *a = &run->edges[0], *b = &run->edges[1];
    uint64_t wall = 0;

    for (unsigned i = 0; i < run->worker_count; i++) {
        collect_worker(result, run->workers[i]);
        collect_cpu(result, run->workers[i]);
        wall += run->workers[i]->cpu[1].wall_ns - run->workers[i]->cpu[0].wall_ns;
    }
    result->throughput = 1e9 * share(result->ok_in_window, result->measured_ns);
    result->client_share = share(lg_client_busy_ns(result), wall);
    result->sent_bytes = b->sent_bytes - a->sent_bytes;
    result->received_bytes = b->received_bytes - a->received_bytes;
    result->steal_share = share(b->host.steal - a->host.steal, b->host.total - a->host.total);
    result->metrics_sampled = run->metrics_fd >= 0;
    if (result->metrics_sampled)
        lg_metrics_between(&a->metrics, &b->metrics, &result->metrics);
    result->syscalls_counted = run->syscalls.count > 0;
    result->server_syscalls = b->syscalls - a->syscalls;
    result->server_sampled = run->plan.options->server_pid != 0 && *result->server_error == '\0';
    if (!result->server_sampled)
        return;
    result->server_calls = b->answered - a->answered;
    result->server.wall_ns = b->server.wall_ns - a->server.wall_ns;
    result->server.cpu_ns = b->server.cpu_ns - a->server.cpu_ns;
    result->server.user_ns = b->server.user_ns - a->server.user_ns;
    result->server.system_ns = b->server.system_ns - a->server.system_ns;
    result->server.minor_faults = b->server.minor_faults - a->server.minor_faults;
    result->server.major_faults = b->server.major_faults - a->server.major_faults;
    result->server.context_switches = b->server.context_switches - a->server.context_switches;
    result->server.wait_ns = b->server.wait_ns - a->server.wait_ns;
    result->server_wait_share = share(result->server.wait_ns, result->server.wall_ns);
}

static void init_result(struct lg_result *result, const struct lg_run_options *options,
                        const struct lg_scenario *scenario)
{
    memset(result, 0, sizeof(*result));
    result->options = options;
    result->scenario = scenario;
    lg_histogram_init(&result->response);
    for (int i = 0; i < LG_BLOCKS; i++)
        lg_histogram_init(&result->blocks[i]);
    lg_histogram_init(&result->service);
    lg_histogram_init(&result->lateness);
    lg_histogram_init(&result->woke_late);
    lg_histogram_init(&result->no_free_slot);
    lg_histogram_init(&result->censored);
    lg_histogram_init(&result->wire);
}

static void init_plan(struct lg_plan *plan, const struct lg_run_options *options,
                      const struct lg_scenario *scenario)
{
    plan->options = options;
    plan->scenario = scenario;
    plan->limits.max_depth = EVD_JSON_DEPTH_MAX;
    plan->limits.max_frame = EVD_MAX_FRAME_DEFAULT + 8 * scenario->largest_reply;
    if (options->ramp)
        lg_shape_ramp(&plan->shape, options->rates[0], options->rates[1], options->warmup_ns,
                      options->duration_ns);
    else if (options->rate_count > 1)
        lg_shape_steps(&plan->shape, options->rates, options->rate_count, options->warmup_ns,
                       options->duration_ns);
    pthread_mutex_init(&plan->gate.lock, NULL);
    pthread_cond_init(&plan->gate.changed, NULL);
}

static int run_all(struct run *run, struct evd_error *ret_error)
{
    const struct lg_run_options *options = run->plan.options;
    struct lg_bystanders *bystanders = NULL;
    struct lg_process_sample sample;
    struct evd_error error;
    int rc = lg_run_check(options, run->plan.scenario, ret_error);

    if (rc == EVD_OK)
        rc = pin_main(options, ret_error);
    if (rc == EVD_OK)
        rc = lg_socket_raise_limit(options->connections + lg_profile_extra(&options->profile),
                                   ret_error);
    if (rc == EVD_OK && options->server_pid != 0)
        rc = lg_sample_process(options->server_pid, &sample, ret_error);
    if (rc == EVD_OK)
        rc = open_server_side(run, ret_error);
    if (rc == EVD_OK)
        rc = open_log(run, ret_error);
    if (rc == EVD_OK)
        rc = open_workers(run, ret_error);
    if (rc == EVD_OK)
        rc = lg_bystanders_start(options, run->plan.scenario, &bystanders, ret_error);
    if (rc == EVD_OK)
        rc = run_threads(run, ret_error);
    lg_bystanders_stop(bystanders, run->result->bystanders);
    if (lg_interval_log_close(run->log, &error) < 0)
        snprintf(run->result->log_error, sizeof(run->result->log_error), "%s", error.text);
    if (rc == EVD_OK) {
        collect(run);
        lg_verdict(run->result);
    }
    for (unsigned i = 0; i < run->worker_count; i++) {
        lg_worker_close(run->workers[i]);
        free(run->workers[i]);
    }
    lg_tags_release(&run->tags);
    close_server_side(run);
    return rc;
}

int lg_run(const struct lg_run_options *options, const struct lg_scenario *scenario,
           struct lg_result *ret_result, struct evd_error *ret_error)
{
    struct run *run = calloc(1, sizeof(*run));
    int rc;

    init_result(ret_result, options, scenario);
    if (run == NULL)
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "no memory for a run");
    run->result = ret_result;
    run->metrics_fd = -1;
    init_plan(&run->plan, options, scenario);
    rc = run_all(run, ret_error);
    pthread_mutex_destroy(&run->plan.gate.lock);
    pthread_cond_destroy(&run->plan.gate.changed);
    free(run);
    return rc;
}
