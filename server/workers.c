#include "workers.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct thread {
    struct evd_worker worker;
    struct evd_workers *workers;
    pthread_t id;
    unsigned index;
    bool opened;      /* under lock: its worker is open, or error says why not */
    atomic_bool over; /* the thread is about to return */
    struct evd_error error;
};

struct evd_workers {
    const struct evd_server_config *config;
    struct evd_worker_shared *shared;
    /* What the threads wait for before they accept. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum { CLOSED, GO, ABORT } gate;
    unsigned count; /* threads that were started */
    struct thread threads[];
};

/* ---- A thread ---- */

static int pin(const struct thread *thread, struct evd_error *ret_error)
{
    const struct evd_server_config *config = thread->workers->config;
    if (config->cpu_count == 0)
        return EVD_OK;
    cpu_set_t set;
    int cpu = config->cpus[thread->index % config->cpu_count];
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    int rc = pthread_setaffinity_np(pthread_self(), sizeof set, &set);
    if (rc != 0)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM,
                             "--cpus: worker %u cannot run on CPU %d: %s", thread->index, cpu,
                             strerror(rc));
    return EVD_OK;
}

static bool pass_gate(struct thread *thread)
{
    struct evd_workers *workers = thread->workers;
    (void)pthread_mutex_lock(&workers->lock);
    thread->opened = true;
    (void)pthread_cond_broadcast(&workers->changed);
    while (workers->gate == CLOSED)
        (void)pthread_cond_wait(&workers->changed, &workers->lock);
    bool go = workers->gate == GO;
    (void)pthread_mutex_unlock(&workers->lock);
    return go;
}

static void *run(void *data)
{
    struct thread *thread = data;
    struct evd_workers *workers = thread->workers;
    struct evd_worker_shared *shared = workers->shared;

    int rc = pin(thread, &thread->error);
    if (rc >= 0) /* here, so that a module lives on one thread and its memory is near to it */
        rc = evd_worker_open(&thread->worker, workers->config, thread->index, shared,
                             &thread->error);
    thread->error.status = rc;
    bool go = pass_gate(thread);
    if (rc < 0)
        return NULL;
    if (go)
        evd_worker_run(&thread->worker);
    evd_worker_close(&thread->worker);
    atomic_store(&thread->over, true);
    ev_async_send(shared->loop, &shared->answered);
    return NULL;
}

/* ---- Starting ---- */

static int start_thread(struct thread *thread, struct evd_error *ret_error)
{
    struct evd_workers *workers = thread->workers;
    sigset_t all, before;

    /* Signals are the main thread's. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&thread->id, NULL, run, thread);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "worker %u cannot be started: %s",
                             thread->index, strerror(rc));
    workers->count++;
    (void)pthread_mutex_lock(&workers->lock);
    while (!thread->opened)
        (void)pthread_cond_wait(&workers->changed, &workers->lock);
    (void)pthread_mutex_unlock(&workers->lock);
    if (thread->error.status < 0)
        *ret_error = thread->error;
    return thread->error.status;
}

static void open_gate(struct evd_workers *workers, bool go)
{
    (void)pthread_mutex_lock(&workers->lock);
    workers->gate = go ? GO : ABORT;
    (void)pthread_cond_broadcast(&workers->changed);
    (void)pthread_mutex_unlock(&workers->lock);
}

int evd_workers_open(const struct evd_server_config *config, struct evd_worker_shared *shared,
                     struct evd_workers **ret_workers, struct evd_error *ret_error)
{
    struct evd_workers *workers =
        calloc(1, sizeof *workers + config->workers * sizeof workers->threads[0]);
    if (workers == NULL)
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "no memory for %u workers",
                             config->workers);
    workers->config = config;
    workers->shared = shared;
    (void)pthread_mutex_init(&workers->lock, NULL);
    (void)pthread_cond_init(&workers->changed, NULL);
    int rc = EVD_OK;
    for (unsigned i = 0; i < config->workers && rc >= 0; i++) {
        struct thread *thread = &workers->threads[i];
        thread->workers = workers;
        thread->index = i;
        rc = start_thread(thread, ret_error);
        if (rc >= 0)
            rc = evd_worker_listen(&thread->worker, i == 0 ? NULL : &workers->threads[0].worker,
                                   ret_error);
    }
    if (rc < 0) {
        evd_workers_give_up(workers);
        return rc;
    }
    *ret_workers = workers;
    return EVD_OK;
}

void evd_workers_start(struct evd_workers *workers)
{
    open_gate(workers, true);
}

/* ---- While they run ---- */

unsigned evd_workers_count(const struct evd_workers *workers)
{
    return workers->count;
}

struct evd_worker *evd_workers_at(struct evd_workers *workers, unsigned index)
{
    return &workers->threads[index].worker;
}

size_t evd_workers_listeners(const struct evd_workers *workers)
{
    return workers->threads[0].worker.listener_count;
}

const struct evd_address *evd_workers_address(const struct evd_workers *workers, size_t index)
{
    return &workers->threads[0].worker.listeners[index].bound;
}

void evd_workers_ask(struct evd_workers *workers, enum evd_worker_ask ask)
{
    for (unsigned i = 0; i < workers->count; i++)
        evd_worker_ask(&workers->threads[i].worker, ask);
}

unsigned evd_workers_silent(struct evd_workers *workers, enum evd_worker_ask ask)
{
    unsigned silent = 0;
    for (unsigned i = 0; i < workers->count; i++) {
        struct thread *thread = &workers->threads[i];
        if (!(atomic_load(&thread->worker.answered) & ask) && !atomic_load(&thread->over))
            silent++;
    }
    return silent;
}

bool evd_workers_took(struct evd_workers *workers, enum evd_worker_ask ask)
{
    if (evd_workers_silent(workers, ask) > 0)
        return false;
    for (unsigned i = 0; i < workers->count; i++)
        (void)atomic_fetch_and(&workers->threads[i].worker.answered, ~(unsigned)ask);
    return true;
}

void evd_workers_close_shared(struct evd_workers *workers)
{
    for (size_t i = 0; i < workers->threads[0].worker.listener_count; i++)
        evd_listener_close_shared(&workers->threads[0].worker.listeners[i]);
}

unsigned evd_workers_running(struct evd_workers *workers)
{
    unsigned running = 0;
    for (unsigned i = 0; i < workers->count; i++)
        running += !atomic_load(&workers->threads[i].over);
    return running;
}

void evd_workers_drain(struct evd_workers *workers, uint64_t deadline_ns)
{
    for (unsigned i = 0; i < workers->count; i++)
        workers->threads[i].worker.drain_deadline_ns = deadline_ns;
    evd_workers_ask(workers, EVD_ASK_DRAIN);
}

/* ---- The end ---- */

void evd_workers_give_up(struct evd_workers *workers)
{
    open_gate(workers, false);
    (void)evd_workers_close(workers);
}

size_t evd_workers_close(struct evd_workers *workers)
{
    size_t cut_off = 0;
    for (unsigned i = 0; i < workers->count; i++)
        (void)pthread_join(workers->threads[i].id, NULL);
    evd_workers_close_shared(workers);
    for (unsigned i = 0; i < workers->count; i++) {
        struct thread *thread = &workers->threads[i];
        cut_off += thread->worker.cut_off;
        if (thread->error.status >= 0)
            evd_worker_release(&thread->worker);
    }
    (void)pthread_cond_destroy(&workers->changed);
    (void)pthread_mutex_destroy(&workers->lock);
    free(workers);
    return cut_off;
}

void evd_workers_abandon(struct evd_workers *workers)
{
    for (size_t i = 0; i < workers->threads[0].worker.listener_count; i++)
        evd_listener_remove_name(&workers->threads[0].worker.listeners[i]);
}
