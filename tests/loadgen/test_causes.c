/* Each cause of INVALID (loadgen/cause.h), brought about by a peer, by another process or by a
 * system that misbehaves, in whole runs. Of the others, `late` is in test_lateness.c, where the
 * generator is stopped, and `accounting`, which nothing but a defect of the generator's own brings
 * about, in test_verdict.c. On a simulated clock, and exactly: simulated/test_simulated_causes.c.
 */
#include "trial.h"

#include "loadgen/cause.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define STATUS      "--scenario " SCENARIOS "/status.json "
#define TWO_HUNDRED "--rate 2000 --warmup 0 --duration 100ms "
#define ONE         "--connections 1 --depth 1 "

static bool has_cause(const struct trial *trial, const char *cause)
{
    for (unsigned i = 0; i < trial->result->invalid_count; i++)
        if (strcmp(trial->result->invalid_causes[i], cause) == 0)
            return true;
    return false;
}

/* ---- A system that misbehaves: what the linker puts in place of the C library's ---- */

static _Atomic unsigned clock_calls_left, timer_calls_left; /* until it happens; 0: never */
static _Atomic unsigned busy_threads_left;
static _Atomic uint64_t clock_jump_ns;
static _Atomic unsigned stolen_ticks; /* more in each /proc/stat; 0: the real one */

int __real_clock_gettime(clockid_t id, struct timespec *time);
int __wrap_clock_gettime(clockid_t id, struct timespec *time);
int __real_timerfd_settime(int fd, int flags, const struct itimerspec *new_value,
                           struct itimerspec *old_value);
int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *new_value,
                           struct itimerspec *old_value);
int __real_getrusage(int who, struct rusage *usage);
int __wrap_getrusage(int who, struct rusage *usage);
FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode);

static bool is_time(_Atomic unsigned *left)
{
    return *left > 0 && atomic_fetch_sub(left, 1) == 1;
}

int __wrap_clock_gettime(clockid_t id, struct timespec *time)
{
    int rc = __real_clock_gettime(id, time);

    if (id == CLOCK_MONOTONIC) {
        if (is_time(&clock_calls_left))
            clock_jump_ns = UINT64_C(70000000000);
        time->tv_sec += (time_t)(clock_jump_ns / 1000000000);
    }
    return rc;
}

int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *new_value,
                           struct itimerspec *old_value)
{
    if (is_time(&timer_calls_left)) {
        errno = EINVAL;
        return -1;
    }
    return __real_timerfd_settime(fd, flags, new_value, old_value);
}

/* The first thread that asks takes a second more each time: its CPU is full, whatever it did. */
int __wrap_getrusage(int who, struct rusage *usage)
{
    static _Thread_local bool is_busy;
    static _Thread_local time_t seconds;
    int rc = __real_getrusage(who, usage);

    if (is_time(&busy_threads_left))
        is_busy = true;
    if (is_busy)
        usage->ru_utime.tv_sec += ++seconds;
    return rc;
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
    static char text[128];
    static unsigned looks;

    if (stolen_ticks == 0 || strcmp(path, "/proc/stat") != 0)
        return __real_fopen(path, mode);
    looks++;
    snprintf(text, sizeof(text), "cpu  %u 0 0 0 0 0 0 %u 0 0\n",
             1000 * looks - stolen_ticks * looks, stolen_ticks * looks);
    return fmemopen(text, strlen(text), "r");
}

/* Time goes on by 70 s while requests are due and in flight: none of them fits the histogram. */
static void range(void **state)
{
    (void)state;
    const struct peer_script script = {.transport = &evd_transport_frame};
    struct trial trial;

    clock_calls_left = 200; /* of a thousand and more */
    run_trial(&trial, &script, STATUS ONE "--rate 1000 --warmup 0 --duration 1s");
    clock_calls_left = 0;
    clock_jump_ns = 0;
    assert_int_equal(trial.rc, EVD_OK);
    assert_true(trial.result->response.saturated > 0);
    assert_true(has_cause(&trial, LG_CAUSE_RANGE));
    end_trial(&trial);
}

static void broken(void **state)
{
    (void)state;
    const struct peer_script script = {.transport = &evd_transport_frame};
    struct trial trial;
    struct evd_error error;

    timer_calls_left = 20;
    run_trial_broken(&trial, &script, STATUS TWO_HUNDRED);
    timer_calls_left = 0;
    assert_int_equal(trial.rc, EVD_OK);
    assert_true(has_cause(&trial, LG_CAUSE_BROKEN));
    assert_string_equal(trial.result->broken.text, "timerfd_settime failed");
    assert_int_equal(lg_result_status(trial.result), 1);
    assert_int_equal(lg_account_check(measured(&trial), "", &error), EVD_OK);
    end_trial(&trial);
}

static void steal(void **state)
{
    (void)state;
    const struct peer_script script = {.transport = &evd_transport_frame};
    struct trial trial;

    for (unsigned ticks = 10; ticks <= 11; ticks++) { /* in a thousand: 1 %, and more */
        stolen_ticks = ticks;
        run_trial(&trial, &script, STATUS TWO_HUNDRED);
        stolen_ticks = 0;
        assert_int_equal(trial.rc, EVD_OK);
        assert_true(has_cause(&trial, LG_CAUSE_STEAL) == (ticks == 11));
        end_trial(&trial);
    }
}

/* One of four threads: a fourth of what is full in the mean. */
static void one_thread_is_full(void **state)
{
    (void)state;
    const struct peer_script script = {.transport = &evd_transport_frame};
    struct trial trial;

    busy_threads_left = 1;
    run_trial(&trial, &script,
              STATUS "--rate 200 --warmup 0 --duration 600ms --threads 4 --quantiles 99.9");
    assert_int_equal(busy_threads_left, 0);
    assert_int_equal(trial.rc, EVD_OK);
    assert_true(trial.result->client_share < 0.85);
    assert_true(has_cause(&trial, LG_CAUSE_CLIENT_CPU));
    assert_true(has_cause(&trial, LG_CAUSE_SAMPLES));
    end_trial(&trial);
}

/* ---- A peer that misbehaves ---- */

static void interrupted(void **state)
{
    (void)state;
    const struct peer_script script = {
        .transport = &evd_transport_frame, .action = PEER_INTERRUPT, .first = 50, .count = 1};
    struct trial trial;

    run_trial(&trial, &script, STATUS "--rate 2000 --warmup 0 --duration 1h");
    assert_int_equal(trial.rc, EVD_OK);
    assert_true(has_cause(&trial, LG_CAUSE_INTERRUPTED));
    end_trial(&trial);
}

/* Both answers are one segment. */
static void unsolicited(void **state)
{
    (void)state;
    const struct peer_script script = {
        .transport = &evd_transport_frame, .action = PEER_TWICE, .first = 10, .count = 1};
    struct trial trial;

    run_trial(&trial, &script, STATUS TWO_HUNDRED ONE);
    assert_int_equal(trial.rc, EVD_OK);
    assert_int_equal(trial.result->unsolicited, 1);
    assert_true(has_cause(&trial, LG_CAUSE_UNSOLICITED));
    end_trial(&trial);
}

static void errors(void **state)
{
    (void)state;
    static const enum peer_action actions[] = {PEER_RESET, PEER_END, PEER_ERROR, PEER_STALL};

    for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++) {
        const struct peer_script script = {
            .transport = &evd_transport_frame, .action = actions[i], .first = 10, .count = 1};
        struct trial trial;

        run_trial(&trial, &script, STATUS TWO_HUNDRED ONE "--timeout 100ms");
        assert_int_equal(trial.rc, EVD_OK);
        assert_true(has_cause(&trial, LG_CAUSE_ERRORS));
        end_trial(&trial);
    }
}

/* The answers of nine requests come in the window, or none does. */
static void rate_missed(void **state)
{
    (void)state;
    const struct peer_script script = {
        .transport = &evd_transport_frame, .action = PEER_PAUSE, .first = 10, .count = 1};
    struct trial trial;

    run_trial(&trial, &script, STATUS TWO_HUNDRED ONE);
    assert_int_equal(trial.rc, EVD_OK);
    assert_int_equal(measured(&trial)->outcomes[LG_OK], 200);
    assert_in_range(trial.result->ok_in_window, 0, 9);
    assert_true(has_cause(&trial, LG_CAUSE_RATE));
    assert_false(has_cause(&trial, LG_CAUSE_ERRORS));
    end_trial(&trial);
}

static void rate_unsent(void **state)
{
    (void)state;
    const struct peer_script script = {
        .transport = &evd_transport_frame, .action = PEER_PAUSE, .first = 10, .count = 1};
    struct trial trial;

    run_trial(&trial, &script, STATUS TWO_HUNDRED ONE "--drain 1ms");
    assert_int_equal(trial.rc, EVD_OK);
    assert_true(measured(&trial)->outcomes[LG_UNSENT] >= 189);
    assert_true(has_cause(&trial, LG_CAUSE_RATE));
    end_trial(&trial);
}

/* A server that takes a millisecond for each of two in a millisecond: its queue only grows. */
static void warm_up(void **state)
{
    (void)state;
    const struct peer_script script = {
        .transport = &evd_transport_frame, .action = PEER_SLOW, .first = 1, .count = UINT64_MAX};
    struct trial trial;

    run_trial(&trial, &script, STATUS ONE "--rate 2000 --warmup 0 --duration 500ms --drain 30s");
    assert_int_equal(trial.rc, EVD_OK);
    assert_int_equal(measured(&trial)->outcomes[LG_OK], 1000);
    assert_true(has_cause(&trial, LG_CAUSE_WARMUP));
    end_trial(&trial);
}

/* ---- Other processes ---- */

/* A child that does nothing but take its CPU, `cpu`; -1: sleeps. */
static pid_t start_child(int cpu)
{
    pid_t pid = fork();
    cpu_set_t set;

    assert_true(pid >= 0);
    if (pid != 0)
        return pid;
    CPU_ZERO(&set);
    if (cpu >= 0)
        CPU_SET((size_t)cpu, &set);
    if (cpu >= 0 && sched_setaffinity(0, sizeof(set), &set) != 0)
        _exit(1);
    alarm(60); /* whatever becomes of the test */
    for (;;)
        if (cpu < 0)
            pause();
}

static void end_child(pid_t pid)
{
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static int first_cpu(const cpu_set_t *set)
{
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET((size_t)cpu, set))
            return cpu;
    return 0;
}

static void server_gone(void **state)
{
    (void)state;
    const struct peer_script script = {.transport = &evd_transport_frame,
                                       .action = PEER_KILL,
                                       .first = 10,
                                       .count = 1,
                                       .victim = start_child(-1)};
    struct trial trial;

    run_trial(&trial, &script, STATUS TWO_HUNDRED "--server-pid %d", (int)script.victim);
    assert_int_equal(trial.rc, EVD_OK);
    assert_int_equal(measured(&trial)->outcomes[LG_OK], 200);
    assert_true(has_cause(&trial, LG_CAUSE_SERVER));
    end_trial(&trial);
}

/* Two on one CPU: each of them waits for half of the time. */
static void server_waits(void **state)
{
    (void)state;
    const struct peer_script script = {.transport = &evd_transport_frame};
    cpu_set_t all;
    pid_t server, other;
    struct trial trial;

    assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
    server = start_child(first_cpu(&all));
    other = start_child(first_cpu(&all));
    run_trial(&trial, &script, STATUS "--rate 500 --warmup 100ms --duration 400ms --server-pid %d",
              (int)server);
    end_child(server);
    end_child(other);
    assert_int_equal(trial.rc, EVD_OK);
    assert_true(trial.result->server_wait_share > 0.05);
    assert_true(has_cause(&trial, LG_CAUSE_WAIT));
    end_trial(&trial);
}

/* The greatest rate: how much of its CPU it takes is the machine's matter, and the verdict is by
 * that (test_verdict.c has the limit, to both sides). Where others want that CPU, too, it waits for
 * it. The server is gone, so that it is no matter how fast that is. */
static void client_busy_or_waiting(void **state)
{
    (void)state;
    const struct peer_script script = {
        .transport = &evd_transport_frame, .action = PEER_REFUSE, .first = 1, .count = 1};
    cpu_set_t all;
    pid_t other = 0;

    assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
    for (int shared = 0; shared < 2; shared++) {
        struct trial trial;

        if (shared)
            other = start_child(first_cpu(&all));
        run_trial(&trial, &script,
                  STATUS ONE
                  "--rate 10M --arrivals poisson --warmup 100ms --duration 300ms --drain 100ms "
                  "--cpus %d",
                  first_cpu(&all));
        assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
        if (shared)
            end_child(other);
        assert_int_equal(trial.rc, EVD_OK);
        assert_true(has_cause(&trial, LG_CAUSE_CLIENT_CPU) == (trial.result->client_share > 0.85));
        if (shared && trial.result->client_share > 0.25) /* it wanted more than it got */
            assert_true(has_cause(&trial, LG_CAUSE_WAIT));
        end_trial(&trial);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(range),
        cmocka_unit_test(broken),
        cmocka_unit_test(one_thread_is_full),
        cmocka_unit_test(steal),
        cmocka_unit_test(interrupted),
        cmocka_unit_test(unsolicited),
        cmocka_unit_test(errors),
        cmocka_unit_test(rate_missed),
        cmocka_unit_test(rate_unsent),
        cmocka_unit_test(warm_up),
        cmocka_unit_test(server_gone),
        cmocka_unit_test(server_waits),
        cmocka_unit_test(client_busy_or_waiting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
