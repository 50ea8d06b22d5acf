/* A token for which there is no memory is not called a bad one; and what becomes of a connection
 * that has brought one. */
#include "one_worker.h"
#include "tests/dispatch/test_memory.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h> /* needs setjmp.h, stdarg.h, stddef.h and stdint.h before it */

/* Of docs/PROTOCOL.md. */
#define SECRET "0123456789abcdef0123456789abcdef"
#define TOKEN  "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.XZ9KL7ZohTLsRrkBsqXfZb33bIYCzMePxOf3oNBuE5Y"

#define ALLOCATIONS 8 /* more than it takes to let somebody in */

static const char call[] = "{\"id\":1,\"event\":\"auth\",\"data\":{\"token\":\"" TOKEN "\"}}\n";
static const char request[] =
    "GET /metrics HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " TOKEN "\r\n\r\n";
static const char ok[] = "{\"id\":1,\"data\":\"ok\"}\n";
static const char no_memory[] =
    "{\"id\":1,\"error\":{\"code\":\"no_memory\",\"message\":\"Out of memory\"}}\n";

/* Says this, which has a good token, while the allocation of this number fails. What is answered:
 * "" is the end. before: so that the tables of the loop are there. */
static void bring(const char *before, const char *what, size_t fails, char *text, size_t cap)
{
    struct evd_auth_config none = {0};
    struct evd_error error;
    struct one_worker server;
    one_worker_init(&server, NULL, 0);
    assert_int_equal(evd_auth_open_secret(&none, EVD_SLICE(SECRET), &server.config.auth, &error),
                     EVD_OK);
    one_worker_open(&server);
    assert_int_equal(write(server.client, before, strlen(before)), strlen(before));
    (void)ev_run(server.worker.loop, EVRUN_NOWAIT);
    assert_int_equal(write(server.client, what, strlen(what)), strlen(what));
    test_memory_fail(fails, fails);
    (void)ev_run(server.worker.loop, EVRUN_NOWAIT);
    test_memory_fail(0, 0);
    ssize_t len = recv(server.client, text, cap - 1, MSG_DONTWAIT);
    assert_true(len >= 0 || errno == ECONNRESET);
    text[len > 0 ? len : 0] = '\0';
    if (strcmp(text, no_memory) == 0) /* behind that is the end */
        assert_int_equal(recv(server.client, text + len, 1, MSG_DONTWAIT), 0);
    if (strcmp(text, ok) == 0) { /* a token is held, and counts */
        assert_true(server.worker.grant_bytes > 0);
        assert_int_equal(server.worker.conns.budget.held, server.worker.grant_bytes);
    } else if (strncmp(text, "HTTP/1.1 200 ", 13) == 0) { /* no time for a first token runs */
        assert_false(evd_deadline_is_set(&server.worker.conns.first->phase));
    }
    one_worker_close(&server);
    evd_auth_close(server.config.auth);
}

static void test_no_memory_is_no_refusal(void **state)
{
    (void)state;
    char text[256];
    size_t told = 0;
    bring("\n", call, 0, text, sizeof text);
    assert_string_equal(text, ok);
    for (size_t fails = 1; fails <= ALLOCATIONS; fails++) {
        bring("\n", call, fails, text, sizeof text);
        if (strcmp(text, no_memory) == 0)
            told++;
        else if (text[0] != '\0') /* the end, where there was no memory to read or to answer */
            assert_string_equal(text, ok);
    }
    assert_true(told > 0);
    assert_string_equal(text, ok); /* the last of them was beyond what it takes */
}

static void test_nor_over_http(void **state)
{
    (void)state;
    char text[1024];
    size_t told = 0;
    for (size_t fails = 0; fails <= ALLOCATIONS; fails++) {
        bring("G", request + 1, fails, text, sizeof text);
        told += strncmp(text, "HTTP/1.1 503 ", 13) == 0;
        assert_null(strstr(text, " 401 "));
        assert_null(strstr(text, "WWW-Authenticate"));
    }
    assert_true(told > 0);
}

/* bring() looks at the connection. */
static void test_a_connection_of_http_is_no_stranger(void **state)
{
    (void)state;
    char text[1024];
    bring("G", "ET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 0, text, sizeof text);
    assert_memory_equal(text, "HTTP/1.1 200 ", 13);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_memory_is_no_refusal),
        cmocka_unit_test(test_nor_over_http),
        cmocka_unit_test(test_a_connection_of_http_is_no_stranger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
