/* Causes of INVALID (loadgen/cause.h) as a peer, another process or a machine brings them about, in
 * whole runs. All of them, and exactly, are on a simulated clock:
 * simulated/test_simulated_causes.c; there alone are those of a system that misbehaves. */
#include "trial.h"

#include "loadgen/cause.h"

#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
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
    assert_true(trial.result->server.context_switches > 0); /* of a process that gives up none */
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
