/* The server's side of a run: its counters by /metrics, and its system calls by the kernel's. */
#include "loadgen/metrics.h"
#include "loadgen/syscalls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

/* As Prometheus' text format has it: comments, labels, other families with the same beginning. */
static const char page[] = "# HELP evd_calls_total Calls that ended, by endpoint.\n"
                           "# TYPE evd_calls_total counter\n"
                           "evd_calls_total{endpoint=\"a b\",backend=\"static\"} 40\n"
                           "evd_calls_total{endpoint=\"c\",backend=\"static\"} 2\n"
                           "evd_calls_total_of_others 1000\n"
                           "evd_received_bytes_total 1e3\n"
                           "evd_sent_bytes_total 700\n"
                           "evd_reads_total 9";

static void a_page_is_added_up(void **state)
{
    (void)state;
    struct lg_metrics metrics;
    struct evd_error error;

    if (lg_metrics_parse(evd_slice_text(page), &metrics, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(metrics.calls, 42);
    assert_int_equal(metrics.received, 1000);
    assert_int_equal(metrics.sent, 700);
    assert_int_equal(metrics.reads, 9);
    assert_int_equal(metrics.loads, 0);
}

static void pages_that_are_none(void **state)
{
    (void)state;
    static const struct {
        const char *page, *error;
    } cases[] = {
        {"", "/metrics has no evd_calls_total: is this an evd-server?"},
        {"nginx_requests_total 5\n", "/metrics has no evd_calls_total: is this an evd-server?"},
        {"evd_reads_total 5x\n", "/metrics: evd_reads_total is '5x', no count"},
        {"evd_reads_total -5\n", "/metrics: evd_reads_total is '-5', no count"},
        {"evd_reads_total NaN\n", "/metrics: evd_reads_total is 'NaN', no count"},
        {"evd_reads_total{}\n", "/metrics: evd_reads_total is '', no count"},
        {"evd_reads_total \n", "/metrics: evd_reads_total is '', no count"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct lg_metrics metrics;
        struct evd_error error;

        assert_int_equal(lg_metrics_parse(evd_slice_text(cases[i].page), &metrics, &error),
                         EVD_ERR_BAD_DATA);
        assert_string_equal(error.text, cases[i].error);
    }
}

/* One look's answer and the next one's question lie between the two. */
static void looking_is_not_counted(void **state)
{
    (void)state;
    const struct lg_metrics before = {.calls = 10,
                                      .received = 100,
                                      .sent = 1000,
                                      .reads = 5,
                                      .page_bytes = 300,
                                      .request_bytes = 40};
    const struct lg_metrics after = {.calls = 17,
                                     .received = 340,
                                     .sent = 1500,
                                     .reads = 9,
                                     .page_bytes = 310,
                                     .request_bytes = 41};
    struct lg_metrics between;

    lg_metrics_between(&before, &after, &between);
    assert_int_equal(between.calls, 7);
    assert_int_equal(between.received, 340 - 100 - 41);
    assert_int_equal(between.sent, 1500 - 1000 - 300);
    assert_int_equal(between.reads, 3);
}

/* What a server answers, in these pieces. */
static int get(const char *const *pieces, bool end, struct lg_metrics *metrics,
               struct evd_error *error)
{
    int fds[2], rc;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    for (; *pieces != NULL; pieces++)
        assert_int_equal(send(fds[1], *pieces, strlen(*pieces), 0), strlen(*pieces));
    if (end)
        shutdown(fds[1], SHUT_WR);
    rc = lg_metrics_get(fds[0], metrics, error);
    close(fds[0]);
    close(fds[1]);
    return rc;
}

static void answers_over_a_socket(void **state)
{
    (void)state;
    static const struct {
        const char *pieces[4], *error;
    } cases[] = {
        {{"HTTP/1.1 200 OK\r\nDate: x\r\ncontent-length: 20\r\n\r\n", "evd_calls_total ", "3\n12"},
         NULL},
        {{"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"},
         "/metrics was answered 'HTTP/1.1 404 Not Found'"},
        {{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
         "/metrics was answered without a length"},
        {{"HTTP/1.1 200 OK\r\nContent-Le"}, "cannot read /metrics: the connection was closed"},
        {{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n12345678"},
         "cannot read /metrics: the connection was closed"},
        {{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\r\n"},
         "/metrics has no evd_calls_total: is this an evd-server?"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct lg_metrics metrics;
        struct evd_error error;
        int rc = get(cases[i].pieces, true, &metrics, &error);

        if (cases[i].error == NULL) {
            assert_int_equal(rc, EVD_OK);
            assert_int_equal(metrics.calls, 3);
            assert_int_equal(metrics.page_bytes, 48 + 20);
        } else {
            assert_true(rc < 0);
            assert_string_equal(error.text, cases[i].error);
        }
    }
}

/* Where the kernel lets us count, it counts these exactly; else it says what is in the way. */
static void system_calls_are_counted_or_not_without_reason(void **state)
{
    (void)state;
    struct lg_syscalls syscalls = {0};
    struct evd_error error = {0};
    uint64_t before;

    if (lg_syscalls_open(&syscalls, getpid(), &error) < 0) {
        assert_memory_equal(error.text, "system calls cannot be counted: ", 32);
        assert_int_equal(syscalls.count, 0);
        assert_int_equal(lg_syscalls_read(&syscalls), 0);
        return;
    }
    assert_true(syscalls.count >= 1);
    before = lg_syscalls_read(&syscalls);
    for (int i = 0; i < 100; i++)
        syscall(SYS_getppid);
    /* A read() of each counter enters after it was counted: those of the first look count, too. */
    assert_in_range(lg_syscalls_read(&syscalls) - before, 100, 100 + 2 * syscalls.count);
    lg_syscalls_close(&syscalls);
    assert_int_equal(lg_syscalls_open(&syscalls, 0x7ffffffe, &error), EVD_ERR_SYSTEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_is_added_up),
        cmocka_unit_test(pages_that_are_none),
        cmocka_unit_test(looking_is_not_counted),
        cmocka_unit_test(answers_over_a_socket),
        cmocka_unit_test(system_calls_are_counted_or_not_without_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
