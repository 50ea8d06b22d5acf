/* The clock, what happens at which time, and the threads, which are real but take turns: one runs
 * until it waits, and who waits hands on. Time goes on only when all of them wait. */
#include "sim.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#define THREADS_MAX 8
#define EVENTS_MAX  (1u << 17)
#define TURNS_MAX   UINT64_C(50000000) /* of a run: more, and time stands still */

struct sim sim;

int __wrap_pthread_create(pthread_t *ret_thread, const pthread_attr_t *attr, void *(*entry)(void *),
                          void *argument);
int __real_pthread_create(pthread_t *ret_thread, const pthread_attr_t *attr, void *(*entry)(void *),
                          void *argument);
int __wrap_pthread_join(pthread_t thread, void **ret_value);
int __real_pthread_join(pthread_t thread, void **ret_value);
int __wrap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);
int __real_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);
int __wrap_pthread_cond_broadcast(pthread_cond_t *cond);
int __wrap_sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout);

struct thread {
    pthread_t real;
    void *(*entry)(void *argument);
    void *argument;
    pthread_cond_t turn;
    bool done;
    /* What it waits for: any of these. */
    uint64_t wake_ns;
    bool (*ready)(void *context);
    void *context;
    const pthread_cond_t *cond;
};

struct event {
    uint64_t at_ns, order;
    void (*call)(void *context, uint64_t number);
    void *context;
    uint64_t number;
};

static pthread_mutex_t baton = PTHREAD_MUTEX_INITIALIZER;
static struct thread threads[THREADS_MAX];
static unsigned thread_count, running;
static uint64_t turns;
static _Thread_local unsigned self;

static struct event *events; /* a heap */
static size_t event_count;
static uint64_t event_order;

_Noreturn void sim_fail(const char *file, int line, const char *condition)
{
    (void)fprintf(stderr, "%s:%d: at %llu ns: not so: %s\n", file, line,
                  (unsigned long long)(sim.now_ns - SIM_BEGIN_NS), condition);
    abort();
}

/* ---- Events ---- */

static bool sooner(const struct event *a, const struct event *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

void sim_at(uint64_t at_ns, void (*call)(void *context, uint64_t number), void *context,
            uint64_t number)
{
    const struct event event = {at_ns, event_order++, call, context, number};
    size_t i = event_count++;

    SIM_CHECK(at_ns >= sim.now_ns && event_count <= EVENTS_MAX);
    for (; i > 0 && sooner(&event, &events[(i - 1) / 2]); i = (i - 1) / 2)
        events[i] = events[(i - 1) / 2];
    events[i] = event;
}

static struct event pop(void)
{
    struct event first = events[0], last = events[--event_count];
    size_t i = 0;

    for (;;) {
        size_t child = 2 * i + 1;

        if (child + 1 < event_count && sooner(&events[child + 1], &events[child]))
            child++;
        if (child >= event_count || !sooner(&events[child], &last))
            break;
        events[i] = events[child];
        i = child;
    }
    events[i] = last;
    return first;
}

/* ---- Whose turn it is ---- */

static bool stopped(void)
{
    return sim.now_ns >= sim.stop_from_ns && sim.now_ns < sim.stop_to_ns;
}

static bool can_run(const struct thread *thread)
{
    return !thread->done && (sim.now_ns >= thread->wake_ns ||
                             (thread->ready != NULL && thread->ready(thread->context)));
}

static uint64_t next_time(void)
{
    uint64_t next = event_count > 0 ? events[0].at_ns : SIM_NEVER;

    if (stopped())
        return sim.stop_to_ns < next ? sim.stop_to_ns : next;
    for (unsigned i = 0; i < thread_count; i++)
        if (!threads[i].done && threads[i].wake_ns < next)
            next = threads[i].wake_ns;
    return next;
}

static unsigned choose(void)
{
    for (;;) {
        uint64_t next;

        while (event_count > 0 && events[0].at_ns <= sim.now_ns) {
            struct event event = pop();

            event.call(event.context, event.number);
        }
        for (unsigned i = 0; i < thread_count && !stopped(); i++)
            if (can_run(&threads[i]))
                return i;
        next = next_time();
        SIM_CHECK(next != SIM_NEVER && "somebody waits for something that will happen");
        SIM_CHECK(next > sim.now_ns);
        sim.now_ns = next;
    }
}

/* With the baton. The caller is the one that runs, and its wait is set. */
static void hand_on(void)
{
    SIM_CHECK(running == self);
    SIM_CHECK(++turns < TURNS_MAX && "a run has an end");
    running = choose();
    if (running != self)
        pthread_cond_signal(&threads[running].turn);
}

static void take_turn(void)
{
    struct thread *me = &threads[self];

    while (running != self)
        __real_pthread_cond_wait(&me->turn, &baton);
    me->wake_ns = SIM_NEVER;
    me->ready = NULL;
    me->cond = NULL;
}

static void wait_for(uint64_t wake_ns, bool (*ready)(void *context), void *context,
                     const pthread_cond_t *cond)
{
    struct thread *me = &threads[self];

    pthread_mutex_lock(&baton);
    me->wake_ns = wake_ns;
    me->ready = ready;
    me->context = context;
    me->cond = cond;
    hand_on();
    take_turn();
    pthread_mutex_unlock(&baton);
}

void sim_wait(uint64_t wake_ns, bool (*ready)(void *context), void *context)
{
    wait_for(wake_ns, ready, context, NULL);
}

unsigned sim_thread(void)
{
    return self;
}

/* ---- What the generator calls ---- */

static void *begin_thread(void *data)
{
    struct thread *me = data;
    void *value;

    pthread_mutex_lock(&baton);
    self = (unsigned)(me - threads);
    take_turn();
    pthread_mutex_unlock(&baton);
    value = me->entry(me->argument);
    pthread_mutex_lock(&baton);
    me->done = true;
    hand_on();
    pthread_mutex_unlock(&baton);
    return value;
}

int __wrap_pthread_create(pthread_t *ret_thread, const pthread_attr_t *attr, void *(*entry)(void *),
                          void *argument)
{
    struct thread *thread = &threads[thread_count];
    int rc;

    SIM_CHECK(thread_count < THREADS_MAX && attr == NULL);
    *thread = (struct thread){.entry = entry, .argument = argument, .wake_ns = sim.now_ns};
    pthread_cond_init(&thread->turn, NULL);
    pthread_mutex_lock(&baton);
    thread_count++;
    rc = __real_pthread_create(&thread->real, NULL, begin_thread, thread);
    *ret_thread = thread->real;
    pthread_mutex_unlock(&baton);
    return rc;
}

static bool is_done(void *context)
{
    const struct thread *thread = context;

    return thread->done;
}

int __wrap_pthread_join(pthread_t real, void **ret_value)
{
    unsigned i = 1;

    while (i < thread_count && !pthread_equal(threads[i].real, real))
        i++;
    SIM_CHECK(i < thread_count);
    sim_wait(SIM_NEVER, is_done, &threads[i]);
    pthread_cond_destroy(&threads[i].turn);
    return __real_pthread_join(real, ret_value);
}

int __wrap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    pthread_mutex_unlock(mutex);
    wait_for(SIM_NEVER, NULL, NULL, cond);
    pthread_mutex_lock(mutex);
    return 0;
}

int __wrap_pthread_cond_broadcast(pthread_cond_t *cond)
{
    for (unsigned i = 0; i < thread_count; i++)
        if (threads[i].cond == cond)
            threads[i].wake_ns = sim.now_ns + (i > 0 ? sim.begin_late_ns : 0);
    return 0;
}

int __wrap_sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
    uint64_t end = sim.now_ns + (uint64_t)timeout->tv_sec * SIM_SECOND + (uint64_t)timeout->tv_nsec;

    SIM_CHECK(self == 0 && sigismember(set, SIGINT) == 1 && info == NULL);
    sim_wait(sim.signal_ns < end ? sim.signal_ns : end, NULL, NULL);
    if (sim.now_ns < sim.signal_ns)
        return -1;
    sim.signal_ns = SIM_NEVER;
    return SIGINT;
}

void sim_begin_clock(void)
{
    free(events);
    events = malloc(EVENTS_MAX * sizeof(*events));
    SIM_CHECK(events != NULL);
    event_count = 0;
    event_order = turns = 0;
    thread_count = 1;
    self = running = 0;
    memset(threads, 0, sizeof(threads));
    threads[0].wake_ns = SIM_NEVER;
    pthread_cond_init(&threads[0].turn, NULL);
}

void sim_begin(void)
{
    sim = (struct sim){
        .now_ns = SIM_BEGIN_NS,
        .refuse_from_ns = SIM_NEVER,
        .stop_from_ns = SIM_NEVER,
        .poll_ns = 1000,
        .timer_fails_ns = SIM_NEVER,
        .signal_ns = SIM_NEVER,
        .server_gone_ns = SIM_NEVER,
    };
    sim_begin_clock();
    sim_begin_net();
}

void sim_end(void)
{
    sim_end_net();
    for (unsigned i = 1; i < thread_count; i++)
        SIM_CHECK(threads[i].done);
    free(events);
    events = NULL;
}
