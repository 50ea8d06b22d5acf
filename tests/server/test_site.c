/* Pages, as a worker in any state answers them: no socket, no loop. */
#include "server/conn.h"
#include "server/site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka wants the four above first */
#include <cmocka.h>

struct answer {
    bool goes_on;
    char text[4096];
};

static void ask(struct evd_worker *worker, const char *path, struct answer *ret_answer)
{
    struct evd_http_request request = {
        .method = EVD_SLICE("GET"), .path = evd_slice_text(path), .minor = 1, .keep_alive = true};
    struct evd_buf out;
    evd_buf_init(&out, sizeof ret_answer->text - 1);
    ret_answer->goes_on = evd_site_answer(worker, &request, 0, &out);
    memcpy(ret_answer->text, evd_buf_slice(&out).ptr, out.len);
    ret_answer->text[out.len] = '\0';
    evd_buf_release(&out);
}

static void expect(struct evd_worker *worker, const char *path, const char *start, const char *end,
                   bool goes_on)
{
    struct answer answer;
    ask(worker, path, &answer);
    size_t len = strlen(answer.text), end_len = strlen(end);
    assert_memory_equal(answer.text, start, strlen(start));
    assert_true(len > end_len);
    assert_string_equal(answer.text + len - end_len, end);
    assert_int_equal(answer.goes_on, goes_on);
    assert_int_equal(strstr(answer.text, "Connection: close\r\n") == NULL, goes_on);
}

static void test_health_and_readiness(void **state)
{
    (void)state;
    struct evd_work work = {0};
    struct evd_server_config config = {0};
    struct evd_worker worker = {.config = &config, .work = &work};
    expect(&worker, "/readyz", "HTTP/1.1 200 OK\r\n", "\r\n\r\nOK\n", true);
    worker.leaving = true;
    expect(&worker, "/readyz", "HTTP/1.1 503 Service Unavailable\r\n", "\r\n\r\ndraining\n", true);
    expect(&worker, "/healthz", "HTTP/1.1 200 OK\r\n", "\r\n\r\nOK\n", true);
    worker.draining = true; /* and connections end with their answers */
    expect(&worker, "/readyz", "HTTP/1.1 503 Service Unavailable\r\n", "\r\n\r\ndraining\n", false);
    expect(&worker, "/healthz", "HTTP/1.1 200 OK\r\n", "\r\n\r\nOK\n", false);
}

static void test_a_page_that_fails_is_told(void **state)
{
    (void)state;
    struct evd_work work = {0};
    struct evd_server_config config = {0}; /* nobody's metrics */
    struct evd_worker worker = {.config = &config, .work = &work};
    expect(&worker, "/metrics", "HTTP/1.1 500 Internal Server Error\r\n", "\r\n\r\nInternal error",
           true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_health_and_readiness),
        cmocka_unit_test(test_a_page_that_fails_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
