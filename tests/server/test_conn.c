/* What a connection bears: any amount of input, a peer that takes whatever it gets, a module that
 * goes on where there was no memory, and draining. A real connection, loop and kernel. */
#include "one_worker.h"
#include "tests/dispatch/test_memory.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h> /* needs setjmp.h, stdarg.h, stddef.h and stdint.h before it */

#define TURNS_MAX 1000

/* ---- A module. ---- */

static int echo(void *state, struct evd_call *call)
{
    (void)state;
    return evd_reply(call, evd_data(call));
}

static int swallow(void *state, struct evd_call *call)
{
    (void)state;
    return evd_reply_uint(call, evd_data(call).len);
}

/* Fails, does not look at what came of it, and answers later with what it was given. */
static int stubborn(void *state, struct evd_call *call)
{
    static const char mark;
    (void)state;
    if (call->context != NULL)
        return evd_reply(call, evd_data(call));
    call->context = (void *)(uintptr_t)&mark;
    (void)evd_fail(call, "sorry", "not now");
    (void)evd_wait(call, 0);
    return EVD_MORE;
}

static const struct evd_function functions[] = {
    {"echo", echo}, {"swallow", swallow}, {"stubborn", stubborn}};
static const struct evd_module probe = {.abi_version = EVD_ABI_VERSION,
                                        .size = sizeof(struct evd_module),
                                        .functions = functions,
                                        .function_count = 3};
static const struct evd_builtin table[] = {{"probe", &probe}};

/* ---- Its peer. ---- */

/* So many calls of one function, each a line of `size` bytes. Freed by the caller. */
static char *make_lines(const char *function, size_t count, size_t size)
{
    char *lines = malloc(count * size + 1);
    assert_non_null(lines);
    for (size_t i = 0; i < count; i++) {
        char *line = lines + i * size;
        int start = snprintf(line, size, "{\"event\":\"probe.%s\",\"data\":\"", function);
        memset(line + start, 'x', size - (size_t)start);
        memcpy(line + size - 3, "\"}\n", 3);
    }
    return lines;
}

static void turn(struct one_worker *server)
{
    (void)ev_run(server->worker.loop, EVRUN_NOWAIT);
}

static void say(struct one_worker *server, const char *bytes, size_t len)
{
    assert_int_equal(send(server->client, bytes, len, MSG_DONTWAIT), len);
}

/* Adds the lines that have come to *count. False: the end has come. */
static bool hear(struct one_worker *server, size_t *count)
{
    static char text[1 << 18];
    ssize_t got = recv(server->client, text, sizeof text, MSG_DONTWAIT);
    for (ssize_t i = 0; i < got; i++)
        *count += text[i] == '\n';
    assert_true(got >= 0 || errno == EAGAIN);
    return got != 0;
}

/* ---- Tests. ---- */

/* A peer that pipelines may have sent any amount before it is read again. These pieces leave the
 * buffer of the connection as large as it may become with a partial message at its start, and then
 * bring more than it has room for. */
static void test_any_amount_behind_a_partial_message_is_read(void **state)
{
    (void)state;
    enum { CALLS = 9, SIZE = 65000, PIECES = 7 };
    static const size_t pieces[PIECES] = {60000, 71000, 60000, 135000, 60000, 140000, 59000};
    struct one_worker server;
    size_t sent = 0, answers = 0;
    one_worker_init(&server, table, 1);
    server.config.wire.max_frame = 64 * 1024;
    one_worker_open(&server);
    char *lines = make_lines("swallow", CALLS, SIZE);
    for (size_t i = 0; i < PIECES; i++) {
        say(&server, lines + sent, pieces[i]);
        sent += pieces[i];
        for (int turns = 0; turns < TURNS_MAX && answers < sent / SIZE; turns++) {
            turn(&server);
            assert_true(hear(&server, &answers));
        }
    }
    assert_int_equal(sent, CALLS * SIZE);
    assert_int_equal(answers, CALLS);
    free(lines);
    one_worker_close(&server);
}

/* --max-calls holds also where answers are so large that calls wait until the peer has taken some,
 * and the peer takes them at once. */
static void test_a_turn_has_an_end_whatever_the_peer_takes(void **state)
{
    (void)state;
    enum { CALLS = 12, MOST = 4, SIZE = 4200 };
    struct one_worker server;
    size_t answers = 0;
    one_worker_init(&server, table, 1);
    server.config.output_pause = 4096;
    server.config.max_calls = MOST;
    one_worker_open(&server);
    char *lines = make_lines("echo", CALLS, SIZE);
    say(&server, lines, CALLS * SIZE);
    for (size_t calls = MOST; calls <= CALLS; calls += MOST) {
        turn(&server);
        assert_int_equal(server.worker.calls, calls);
        assert_true(hear(&server, &answers));
    }
    assert_int_equal(answers, CALLS);
    free(lines);
    one_worker_close(&server);
}

/* Its error cannot be told, so the connection is to end; but not while the call lasts, whose bytes
 * are the connection's. */
static void test_a_call_that_goes_on_keeps_its_bytes(void **state)
{
    (void)state;
    static const char call[] = "{\"event\":\"probe.stubborn\",\"data\":\"mine\"}\n";
    struct one_worker server;
    size_t answers = 0;
    one_worker_init(&server, table, 1);
    one_worker_open(&server);
    say(&server, call, sizeof call - 1);
    test_memory_fail(2, 2); /* the first is for what is read, the second for what is answered */
    turn(&server);
    test_memory_fail(0, 0);
    const struct evd_conn *conn = server.worker.conns.first;
    assert_non_null(conn);
    assert_non_null(conn->work);
    assert_true(conn->closing && !conn->lingering);
    assert_memory_equal(conn->in.ptr, call, sizeof call - 1);
    for (int turns = 0; turns < TURNS_MAX && hear(&server, &answers); turns++)
        turn(&server);
    assert_int_equal(answers, 1);
    one_worker_close(&server);
}

/* What had arrived when draining began is answered, also what had not been read by then because
 * the connection's turn was over. */
static void test_what_has_arrived_is_answered(void **state)
{
    (void)state;
    enum { CALLS = 100, MOST = 8, SIZE = 1000 }; /* more than one read and more than one turn */
    struct one_worker server;
    size_t answers = 0;
    one_worker_init(&server, table, 1);
    server.config.max_calls = MOST;
    one_worker_open(&server);
    char *lines = make_lines("swallow", CALLS, SIZE);
    say(&server, lines, CALLS * SIZE);
    server.worker.draining = true;
    evd_conn_drain(server.worker.conns.first);
    for (int turns = 0; turns < TURNS_MAX && hear(&server, &answers); turns++)
        turn(&server);
    assert_int_equal(answers, CALLS);
    free(lines);
    one_worker_close(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_amount_behind_a_partial_message_is_read),
        cmocka_unit_test(test_a_turn_has_an_end_whatever_the_peer_takes),
        cmocka_unit_test(test_a_call_that_goes_on_keeps_its_bytes),
        cmocka_unit_test(test_what_has_arrived_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
