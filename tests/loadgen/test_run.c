/* Whole runs against a scripted peer: every outcome gets its count, and the counts add up. Nothing
 * here depends on how fast the machine is: a constant rate makes the number of requests exact. */
#include "trial.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#define STATUS      "--scenario " SCENARIOS "/status.json "
#define BOARD       "--scenario " SCENARIOS "/board.json "
#define TWO_HUNDRED "--rate 2000 --warmup 0 --duration 100ms "
#define ONE         "--connections 1 --depth 1 "

/* ---- All is well ---- */

static void every_transport_and_codec(void **state)
{
    (void)state;
    for (size_t t = 0; evd_transports[t] != NULL; t++) {
        for (size_t c = 0; evd_codecs[c] != NULL; c++) {
            for (int closed = 0; closed < 2; closed++) {
                /* A closed loop has no number of requests: the peer ends it after 200. */
                const struct peer_script script = {.transport = evd_transports[t],
                                                   .action = PEER_INTERRUPT,
                                                   .first = 200,
                                                   .count = closed == 1,
                                                   .unix_socket = closed == 1};
                struct trial trial;

                run_trial(&trial, &script,
                          BOARD "--transport %s --encoding %s --connections 3 --depth 4 %s",
                          evd_transports[t]->name, evd_codecs[c]->name,
                          closed ? "--closed --warmup 0 --duration 1h" : TWO_HUNDRED);
                assert_int_equal(trial.rc, EVD_OK);
                assert_string_equal(trial.result->first_bad.got, "");
                assert_in_range(measured(&trial)->outcomes[LG_OK], 200, UINT64_MAX);
                assert_int_equal(measured(&trial)->outcomes[LG_OK], measured(&trial)->scheduled);
                assert_int_equal(lg_result_status(trial.result), closed ? 128 + SIGINT : 0);
                if (!closed)
                    assert_int_equal(measured(&trial)->scheduled, 200);
                assert_string_equal(trial.result->congestion, closed ? "none" : "reno");
                end_trial(&trial);
            }
        }
    }
}

static void windows_threads_and_latencies(void **state)
{
    (void)state;
    const struct peer_script script = {.transport = &evd_transport_frame};
    struct trial trial;

    run_trial(&trial, &script,
              STATUS "--rate 2000 --warmup 50ms --duration 100ms --connections 5 --depth 2 "
                     "--threads 3 --server-pid %d",
              (int)getpid());
    assert_int_equal(trial.rc, EVD_OK);
    assert_int_equal(trial.result->accounts[LG_WARMUP].scheduled, 100);
    assert_int_equal(measured(&trial)->scheduled, 200);
    assert_int_equal(measured(&trial)->outcomes[LG_OK], 200);
    assert_int_equal(trial.peer_calls, 300);
    assert_int_equal(trial.result->response.count, 200);
    assert_int_equal(trial.result->service.count, 200);
    assert_int_equal(trial.result->lateness.count, 200);
    /* response = lateness + service for each request, so for the sums as well */
    assert_true(trial.result->response.sum ==
                trial.result->service.sum + trial.result->lateness.sum);
    assert_int_equal(trial.result->woke_late.count, 200);
    assert_int_equal(trial.result->no_free_slot.count, 200);
    assert_true(trial.result->lateness.sum ==
                trial.result->woke_late.sum + trial.result->no_free_slot.sum);
    assert_int_equal(trial.result->measured_ns, 100000000);
    assert_true(trial.result->server_sampled);
    assert_true(trial.result->server_memory.rss_bytes > 0);
    end_trial(&trial);
}

/* Warm-up requests are in the accounts and the peer's count, and in none of the window's figures:
 * of 1,000 before its begin, at least 100 were answered before it, and one of 2,000 in it, on any
 * machine. */
static void the_warm_up_is_not_measured(void **state)
{
    (void)state;
    const struct peer_script script = {.transport = &evd_transport_frame};
    struct trial trial;
    uint64_t blocks = 0;

    run_trial(&trial, &script, STATUS "--rate 2000 --warmup 500ms --duration 1s --server-pid %d",
              (int)getpid());
    assert_int_equal(trial.rc, EVD_OK);
    assert_int_equal(trial.peer_calls, 3000);
    assert_in_range(trial.result->ok_in_window, 1, 2900);
    assert_in_range(trial.result->server_calls, 1, 2900);
    assert_in_range(trial.result->client_wait_ns, 0, UINT64_C(60000000000)); /* not below 0 */
    for (int i = 0; i < LG_BLOCKS; i++) {
        assert_int_equal(trial.result->blocks[i].count, 100);
        blocks += trial.result->blocks[i].count;
    }
    assert_int_equal(blocks, 2000);
    end_trial(&trial);
}

/* What a server took before the window is none of it: here, half a second and more. */
static void the_server_of_the_window_alone(void **state)
{
    (void)state;
    const struct peer_script script = {.transport = &evd_transport_frame};
    const uint64_t ms = 1000000;
    struct rusage usage;
    struct trial trial;

    do { /* user time: asking alone would be the system's */
        for (volatile unsigned i = 0; i < 1000000; i++)
            ;
        getrusage(RUSAGE_SELF, &usage);
    } while (usage.ru_utime.tv_sec == 0 && usage.ru_utime.tv_usec < 600000);
    run_trial(&trial, &script, STATUS TWO_HUNDRED "--server-pid %d", (int)getpid());
    assert_int_equal(trial.rc, EVD_OK);
    assert_true(trial.result->server_sampled);
    /* The kernel tells user and system time in ticks, and a moment before the sum. */
    assert_in_range(trial.result->server.user_ns + trial.result->server.system_ns, 0,
                    trial.result->server.cpu_ns + 250 * ms);
    assert_in_range(trial.result->server.cpu_ns, 1, trial.result->server.wall_ns * 64);
    end_trial(&trial);
}

static void poisson_sends_its_schedule(void **state)
{
    (void)state;
    const struct peer_script script = {.transport = &evd_transport_jsonl};
    struct lg_schedule schedule;
    struct trial trial;
    uint64_t expected = 0;

    run_trial(&trial, &script,
              STATUS TWO_HUNDRED "--transport jsonl --arrivals poisson --seed 77 --threads 2");
    assert_int_equal(trial.rc, EVD_OK);
    lg_schedule_init(&schedule, LG_ARRIVALS_POISSON, UINT64_C(2000000000), 77, 0, 0, 1);
    for (; schedule.due_ns < 100000000; lg_schedule_next(&schedule))
        expected++;
    assert_int_equal(measured(&trial)->scheduled, expected);
    assert_int_equal(measured(&trial)->outcomes[LG_OK], expected);
    assert_int_equal(trial.peer_calls, expected);
    end_trial(&trial);
}

static void rates_that_change_are_sent(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        uint64_t scheduled;
    } cases[] = {
        /* Odd numbers: two threads with the same share of the schedule would make them even. */
        {"--rate 1020..3020", 202},
        {"--rate 1020,2000,3000,1000", 176},
        {"--rate 2020 --arrivals burst:10ms,15ms", 202},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct peer_script script = {.transport = &evd_transport_frame};
        struct trial trial;

        run_trial(&trial, &script, STATUS "%s --warmup 50ms --duration 100ms --threads 2",
                  cases[i].options);
        assert_int_equal(trial.rc, EVD_OK);
        assert_int_equal(trial.result->accounts[LG_WARMUP].scheduled, i == 2 ? 101 : 51);
        assert_int_equal(measured(&trial)->scheduled, cases[i].scheduled);
        assert_int_equal(measured(&trial)->outcomes[LG_OK], cases[i].scheduled);
        end_trial(&trial);
    }
}

/* The loop is polled before a request is due, at most for as long as asked; nothing is sent early.
 */
static void spinning_sends_the_same(void **state)
{
    (void)state;
    const struct peer_script script = {.transport = &evd_transport_frame};
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    struct trial trial;

    run_trial(&trial, &script, STATUS TWO_HUNDRED "--spin 100us");
    if (cpus < 2) {
        assert_int_equal(trial.rc, EVD_ERR_SYSTEM);
    } else {
        assert_int_equal(trial.rc, EVD_OK);
        assert_int_equal(measured(&trial)->outcomes[LG_OK], 200);
        assert_true(trial.result->client_spun_ns > 0);
        assert_true(trial.result->lateness.max < UINT64_C(60000000000)); /* none before its time */
        assert_true(lg_client_busy_ns(trial.result) <=
                    trial.result->client_user_ns + trial.result->client_system_ns);
    }
    end_trial(&trial);
    run_trial(&trial, &script, STATUS TWO_HUNDRED "--spin 100us --threads 64");
    assert_int_equal(trial.rc, cpus > 64 ? EVD_OK : EVD_ERR_SYSTEM);
    if (cpus == 2)
        assert_string_equal(trial.error.text, "--spin needs a CPU for each thread and one for the "
                                              "server: 64 threads, 2 CPUs");
    end_trial(&trial);
}

/* ---- Replies that are wrong ---- */

static void wrong_replies_are_bad(void **state)
{
    (void)state;
    static const struct {
        enum peer_action action;
        const char *scenario, *got;
    } cases[] = {
        {PEER_WRONG_DATA, STATUS, "{\"not\":\"this\"}"},
        {PEER_WRONG_ID, STATUS, "(id 1010 where 10 was due) \"online\""},
        {PEER_NO_ID, STATUS, "(id none where 10 was due) \"online\""},
        {PEER_ERROR, STATUS, "error internal: as the script says"},
        {PEER_UNREADABLE, STATUS, "a reply that cannot be read: "},
    };

    for (size_t t = 0; evd_transports[t] != NULL; t++) {
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
            const struct peer_script script = {
                .transport = evd_transports[t], .action = cases[i].action, .first = 10, .count = 5};
            struct trial trial;

            run_trial(&trial, &script, "%s" TWO_HUNDRED ONE "--transport %s", cases[i].scenario,
                      evd_transports[t]->name);
            assert_int_equal(trial.rc, EVD_OK);
            assert_int_equal(measured(&trial)->outcomes[LG_BAD], 5);
            assert_int_equal(measured(&trial)->outcomes[LG_OK], 195);
            assert_string_equal(trial.result->first_bad.event, "api.services.status");
            assert_string_equal(trial.result->first_bad.expected, "\"online\"");
            assert_non_null(strstr(trial.result->first_bad.got, cases[i].got));
            assert_int_equal(lg_result_status(trial.result), 1);
            assert_true(trial.result->invalid_count > 0);
            end_trial(&trial);
        }
    }
}

/* An error was expected, and an answer came. */
static void reply_instead_of_error_is_bad(void **state)
{
    (void)state;
    const struct peer_script script = {
        .transport = &evd_transport_frame, .action = PEER_REPLY, .first = 1, .count = UINT64_MAX};
    struct trial trial;

    run_trial(&trial, &script, BOARD TWO_HUNDRED ONE);
    assert_int_equal(trial.rc, EVD_OK);
    assert_int_equal(measured(&trial)->outcomes[LG_BAD], 50); /* one card in four of the deck */
    assert_int_equal(measured(&trial)->outcomes[LG_OK], 150);
    assert_string_equal(trial.result->first_bad.expected, "error no_such_function");
    end_trial(&trial);
}

static void other_bytes_of_the_same_json_are_right(void **state)
{
    (void)state;
    for (size_t t = 0; evd_transports[t] != NULL; t++) {
        for (size_t c = 0; evd_codecs[c] != NULL; c++) {
            const struct peer_script script = {.transport = evd_transports[t],
                                               .action = PEER_SPACED,
                                               .first = 1,
                                               .count = UINT64_MAX};
            struct trial trial;

            run_trial(&trial, &script, BOARD TWO_HUNDRED "--transport %s --encoding %s",
                      evd_transports[t]->name, evd_codecs[c]->name);
            assert_int_equal(trial.rc, EVD_OK);
            assert_int_equal(measured(&trial)->outcomes[LG_OK], 200);
            end_trial(&trial);
        }
    }
}

static void a_second_reply_does_not_go_unseen(void **state)
{
    (void)state;
    const struct peer_script script = {
        .transport = &evd_transport_frame, .action = PEER_TWICE, .first = 10, .count = 1};
    struct trial trial;

    run_trial(&trial, &script, STATUS TWO_HUNDRED ONE);
    assert_int_equal(trial.rc, EVD_OK);
    assert_int_equal(lg_result_status(trial.result), 1);
    assert_true(trial.result->unsolicited > 0 || measured(&trial)->outcomes[LG_BAD] > 0);
    end_trial(&trial);
}

/* ---- Connections that fail ---- */

static void lost_connections(void **state)
{
    (void)state;
    static const struct {
        enum peer_action action;
        enum lg_outcome outcome;
    } cases[] = {{PEER_RESET, LG_RESET}, {PEER_HALF, LG_EOF}};

    for (size_t t = 0; evd_transports[t] != NULL; t++) {
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
            const struct peer_script script = {
                .transport = evd_transports[t], .action = cases[i].action, .first = 10, .count = 1};
            struct trial trial;

            run_trial(&trial, &script, STATUS TWO_HUNDRED ONE "--transport %s",
                      evd_transports[t]->name);
            assert_int_equal(trial.rc, EVD_OK);
            assert_int_equal(measured(&trial)->outcomes[cases[i].outcome], 1);
            assert_int_equal(measured(&trial)->outcomes[LG_OK], 199);
            assert_int_equal(trial.result->reconnects, 1);
            assert_int_equal(lg_result_status(trial.result), 1);
            end_trial(&trial);
        }
    }
}

/* --retry: what an end in order left unanswered goes out again, once a connection; half an answer
 * and a reset are lost as ever. */
static void ended_connections_are_retried(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        enum peer_action action;
        enum lg_outcome outcome;
        uint64_t lost, resent;
    } cases[] = {
        {"--retry", PEER_END, LG_EOF, 0, 3},
        {"", PEER_END, LG_EOF, 3, 0},
        {"--retry", PEER_HALF, LG_EOF, 3, 0},
        {"--retry", PEER_RESET, LG_RESET, 3, 0},
    };

    for (size_t t = 0; evd_transports[t] != NULL; t++) {
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
            const struct peer_script script = {
                .transport = evd_transports[t], .action = cases[i].action, .first = 10, .count = 3};
            struct trial trial;

            run_trial(&trial, &script, STATUS TWO_HUNDRED ONE "--transport %s %s",
                      evd_transports[t]->name, cases[i].options);
            assert_int_equal(trial.rc, EVD_OK);
            assert_int_equal(measured(&trial)->outcomes[cases[i].outcome], cases[i].lost);
            assert_int_equal(measured(&trial)->outcomes[LG_OK], 200 - cases[i].lost);
            assert_int_equal(trial.result->resent, cases[i].resent);
            assert_int_equal(trial.result->reconnects, 3);
            assert_int_equal(trial.peer_calls, 200 + cases[i].resent);
            /* Once each, however often they were sent. */
            assert_int_equal(trial.result->lateness.count, 200);
            end_trial(&trial);
        }
    }
}

/* Everything in flight on the connection goes with it, in a closed loop too. */
static void reset_takes_what_is_in_flight(void **state)
{
    (void)state;
    const struct peer_script script = {
        .transport = &evd_transport_frame, .action = PEER_RESET, .first = 20, .count = 1};
    struct trial trial;

    run_trial(&trial, &script,
              STATUS "--closed --warmup 0 --duration 2s --connections 1 --depth 8");
    assert_int_equal(trial.rc, EVD_OK);
    assert_in_range(measured(&trial)->outcomes[LG_RESET], 1, 8);
    assert_true(measured(&trial)->outcomes[LG_OK] > 0);
    end_trial(&trial);
}

static void stalled_requests_time_out(void **state)
{
    (void)state;
    const struct peer_script script = {
        .transport = &evd_transport_frame, .action = PEER_STALL, .first = 10, .count = 1};
    struct trial trial;

    run_trial(&trial, &script, STATUS TWO_HUNDRED ONE "--timeout 200ms");
    assert_int_equal(trial.rc, EVD_OK);
    assert_true(measured(&trial)->outcomes[LG_TIMEOUT] >= 1);
    assert_int_equal(measured(&trial)->outcomes[LG_TIMEOUT] + measured(&trial)->outcomes[LG_OK],
                     200);
    assert_int_equal(lg_result_status(trial.result), 1);
    /* Those that waited behind it count from when they were due. */
    assert_true(lg_histogram_quantile(&trial.result->response, 0.5) >=
                lg_histogram_quantile(&trial.result->service, 0.5));
    assert_true(trial.result->lateness.max >= 100000000);
    assert_true(trial.result->no_free_slot.max >= 100000000);
    assert_true(trial.result->censored.max >= 200000000); /* its age: the timeout, or more */
    assert_true(lg_result_is_lower_bound(trial.result, 1));
    end_trial(&trial);
}

static void what_is_left_at_the_end(void **state)
{
    (void)state;
    const struct peer_script script = {
        .transport = &evd_transport_frame, .action = PEER_STALL, .first = 10, .count = 1};
    struct trial trial;

    run_trial(&trial, &script, STATUS TWO_HUNDRED "--connections 1 --depth 2 --drain 2s");
    assert_int_equal(trial.rc, EVD_OK);
    assert_int_equal(measured(&trial)->outcomes[LG_IN_FLIGHT], 2);
    assert_int_equal(measured(&trial)->outcomes[LG_OK], 9);
    assert_int_equal(measured(&trial)->outcomes[LG_UNSENT], 189);
    /* All have waited for the drain of 2 s, and from when they fell due. */
    assert_int_equal(trial.result->censored.count, 191);
    assert_true(trial.result->censored.min >= 2000000000);
    assert_true(trial.result->censored.max >= 2090000000);
    assert_true(lg_result_is_lower_bound(trial.result, 0.5));
    end_trial(&trial);
}

static void refused_once_the_server_is_gone(void **state)
{
    (void)state;
    const struct peer_script script = {
        .transport = &evd_transport_jsonl, .action = PEER_REFUSE, .first = 10, .count = 1};
    struct trial trial;

    run_trial(&trial, &script, STATUS TWO_HUNDRED ONE "--transport jsonl");
    assert_int_equal(trial.rc, EVD_OK);
    assert_int_equal(measured(&trial)->outcomes[LG_OK], 9);
    assert_int_equal(measured(&trial)->outcomes[LG_RESET], 1);
    assert_int_equal(measured(&trial)->outcomes[LG_REFUSED], 190);
    end_trial(&trial);
}

static void closed_loop_counts_refusals(void **state)
{
    (void)state;
    const struct peer_script script = {
        .transport = &evd_transport_frame, .action = PEER_REFUSE, .first = 10, .count = 1};
    struct trial trial;

    run_trial(&trial, &script, STATUS "--closed --warmup 0 --duration 2s " ONE);
    assert_int_equal(trial.rc, EVD_OK);
    assert_int_equal(measured(&trial)->outcomes[LG_OK], 9);
    assert_int_equal(measured(&trial)->outcomes[LG_RESET], 1);
    assert_true(measured(&trial)->outcomes[LG_REFUSED] > 0);
    end_trial(&trial);
}

static void no_server_at_the_start(void **state)
{
    (void)state;
    const struct peer_script script = {.transport = &evd_transport_frame};
    struct peer *peer = peer_start(&script);
    char address[160], expected[256], args[] = STATUS "--rate 1";
    struct trial trial = {0};

    snprintf(address, sizeof(address), "%s", peer_address(peer));
    peer_stop(peer);
    load_trial(&trial, args, address);
    assert_int_equal(lg_run(&trial.options, &trial.scenario, trial.result, &trial.error),
                     EVD_ERR_SYSTEM);
    snprintf(expected, sizeof(expected), "cannot connect to %s: Connection refused", address);
    assert_string_equal(trial.error.text, expected);
    end_trial(&trial);
}

static void a_process_that_is_not_there(void **state)
{
    (void)state;
    const struct peer_script script = {.transport = &evd_transport_frame};
    struct trial trial;

    run_trial(&trial, &script, STATUS "--rate 1 --server-pid 2147483647");
    assert_int_equal(trial.rc, EVD_ERR_SYSTEM);
    assert_string_equal(trial.error.text,
                        "cannot sample process 2147483647: there is no such process");
    end_trial(&trial);
}

static void a_congestion_control_that_is_not_there(void **state)
{
    (void)state;
    const struct peer_script script = {.transport = &evd_transport_frame};
    struct trial trial;

    run_trial(&trial, &script, STATUS "--rate 1 --congestion nonesuch");
    assert_int_equal(trial.rc, EVD_ERR_SYSTEM);
    assert_non_null(strstr(trial.error.text, "congestion control 'nonesuch'"));
    end_trial(&trial);
}

static void an_interrupted_run_still_adds_up(void **state)
{
    (void)state;
    const struct peer_script script = {
        .transport = &evd_transport_frame, .action = PEER_INTERRUPT, .first = 50, .count = 1};
    struct trial trial;

    run_trial(&trial, &script, STATUS "--rate 2000 --warmup 0 --duration 1h");
    assert_int_equal(trial.rc, EVD_OK);
    assert_true(trial.result->interrupted);
    assert_true(trial.result->measured_ns < UINT64_C(3600000000000));
    assert_true(measured(&trial)->outcomes[LG_OK] >= 50);
    assert_int_equal(lg_result_status(trial.result), 128 + SIGINT);
    assert_non_null(strstr(trial.result->invalid[0], "interrupted"));
    end_trial(&trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_transport_and_codec),
        cmocka_unit_test(windows_threads_and_latencies),
        cmocka_unit_test(the_warm_up_is_not_measured),
        cmocka_unit_test(the_server_of_the_window_alone),
        cmocka_unit_test(poisson_sends_its_schedule),
        cmocka_unit_test(rates_that_change_are_sent),
        cmocka_unit_test(spinning_sends_the_same),
        cmocka_unit_test(wrong_replies_are_bad),
        cmocka_unit_test(reply_instead_of_error_is_bad),
        cmocka_unit_test(other_bytes_of_the_same_json_are_right),
        cmocka_unit_test(a_second_reply_does_not_go_unseen),
        cmocka_unit_test(lost_connections),
        cmocka_unit_test(ended_connections_are_retried),
        cmocka_unit_test(reset_takes_what_is_in_flight),
        cmocka_unit_test(stalled_requests_time_out),
        cmocka_unit_test(what_is_left_at_the_end),
        cmocka_unit_test(refused_once_the_server_is_gone),
        cmocka_unit_test(closed_loop_counts_refusals),
        cmocka_unit_test(no_server_at_the_start),
        cmocka_unit_test(a_process_that_is_not_there),
        cmocka_unit_test(a_congestion_control_that_is_not_there),
        cmocka_unit_test(an_interrupted_run_still_adds_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
