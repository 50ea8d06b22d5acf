/* HTTP requests, byte for byte: examples of RFC 9110 and RFC 9112, and what they forbid. Every
 * input is read whole, byte by byte and at every single cut; the outcome may not depend on that. */
#include "server/wire/http.h"
#include "wire_test.h"

#include <stdio.h>
#include <stdlib.h>

static const struct evd_http_limits wide = {.max_head = 8192, .max_fields = 64};

struct log {
    char text[16384];
    size_t len;
};

static void put(struct log *log, const char *format, struct evd_slice slice)
{
    int len = snprintf(log->text + log->len, sizeof log->text - log->len, format, (int)slice.len,
                       slice.ptr);
    assert_true(len >= 0 && log->len + (size_t)len < sizeof log->text);
    log->len += (size_t)len;
}

/* "GET /where?q=now 1.1 keep {Host: example.org}" or "400 why". */
static void log_request(struct log *log, const struct evd_http_request *request)
{
    char minor[8];
    (void)snprintf(minor, sizeof minor, " 1.%u", request->minor);
    put(log, "%.*s", request->method);
    put(log, " %.*s", request->path);
    if (request->query.len > 0)
        put(log, "?%.*s", request->query);
    put(log, "%.*s", evd_slice_text(minor));
    put(log, "%.*s", evd_slice_text(request->keep_alive ? " keep" : " close"));
    if (request->upgrade)
        put(log, "%.*s", EVD_SLICE(" upgrade"));
    for (unsigned i = 0; i < request->field_count; i++) {
        put(log, " {%.*s", request->fields[i].name);
        put(log, ": %.*s}", request->fields[i].value);
    }
    put(log, "%.*s", EVD_SLICE("\n"));
}

static void log_refusal(struct log *log, const struct evd_http_request *request, int rc)
{
    char status[32];
    (void)snprintf(status, sizeof status, "%u ", request->status);
    assert_true(strlen(evd_http_reason(request->status)) > 0);
    assert_true(strlen(request->why) > 0);
    assert_true(rc == EVD_ERR_BAD_PROTOCOL || rc == EVD_ERR_TOO_LARGE);
    put(log, "%.*s", evd_slice_text(status));
    put(log, "%.*s\n", evd_slice_text(request->why));
}

/* One decode, of a copy that is just as long, so that a sanitizer sees a byte too far. */
static int decode(struct log *log, struct evd_http_decoder *decoder,
                  const struct evd_http_limits *limits, struct evd_slice given, bool eof,
                  size_t *ret_used)
{
    struct evd_http_request request;
    char *copy = given.len > 0 ? malloc(given.len) : NULL;
    if (given.len > 0)
        memcpy(copy, given.ptr, given.len);
    *ret_used = SIZE_MAX;
    int rc = evd_http_decode(decoder, limits, evd_slice(copy, given.len), eof, ret_used, &request);
    assert_true(*ret_used <= given.len);
    if (rc == EVD_OK) {
        assert_true(*ret_used > 0);
        log_request(log, &request);
    } else if (rc < 0) {
        log_refusal(log, &request, rc);
    } else {
        assert_int_equal(rc, EVD_MORE);
        assert_true(!eof || *ret_used == given.len);
    }
    free(copy);
    return rc;
}

/* Reads `input` in pieces that end at each multiple of `step` and, if not 0, at `cut`. */
static void read_cut(struct log *log, const struct evd_http_limits *limits, struct evd_slice input,
                     size_t step, size_t cut)
{
    struct evd_http_decoder decoder = {0};
    size_t from = 0, used = 0, have = 0;
    log->len = 0;
    log->text[0] = '\0';
    for (have = 0; have <= input.len; have++) {
        bool eof = have == input.len;
        if (!eof && have % step != 0 && have != cut)
            continue;
        for (;;) {
            struct evd_slice given = evd_slice(input.ptr + from, have - from);
            int rc = decode(log, &decoder, limits, given, eof, &used);
            from += used;
            if (rc < 0)
                return;
            if (rc == EVD_MORE)
                break;
        }
    }
}

static void reads_with(const struct evd_http_limits *limits, const char *input, size_t len,
                       const char *expected)
{
    static struct log whole, cut;
    struct evd_slice in = evd_slice(input, len);
    read_cut(&whole, limits, in, SIZE_MAX, 0);
    assert_string_equal(whole.text, expected);
    read_cut(&cut, limits, in, 1, 0);
    assert_string_equal(cut.text, expected);
    for (size_t at = 1; at < len; at++) {
        read_cut(&cut, limits, in, SIZE_MAX, at);
        assert_string_equal(cut.text, expected);
    }
}

static void reads(const char *input, const char *expected)
{
    reads_with(&wide, input, strlen(input), expected);
}

#define HOST "Host: a\r\n"

/* ---- What is read. ---- */

static void test_requests_of_the_rfc(void **state)
{
    (void)state;
    /* RFC 9112, 3.2.1 to 3.2.4 */
    reads("GET /where?q=now HTTP/1.1\r\nHost: www.example.org\r\n\r\n",
          "GET /where?q=now 1.1 keep {Host: www.example.org}\n");
    reads("GET http://www.example.org/pub/WWW/TheProject.html HTTP/1.1\r\n"
          "Host: www.example.org\r\n\r\n",
          "GET /pub/WWW/TheProject.html 1.1 keep {Host: www.example.org}\n");
    reads("GET http://www.example.org?a=b HTTP/1.1\r\nHost: www.example.org\r\n\r\n",
          "GET /?a=b 1.1 keep {Host: www.example.org}\n");
    reads("CONNECT www.example.com:80 HTTP/1.1\r\nHost: www.example.com\r\n\r\n",
          "CONNECT www.example.com:80 1.1 keep upgrade {Host: www.example.com}\n");
    reads("OPTIONS * HTTP/1.1\r\nHost: www.example.org:8001\r\n\r\n",
          "OPTIONS * 1.1 keep {Host: www.example.org:8001}\n");
    /* RFC 9110, 3.9 */
    reads("GET /hello.txt HTTP/1.1\r\nUser-Agent: curl/7.64.1\r\nHost: www.example.com\r\n"
          "Accept-Language: en, mi\r\n\r\n",
          "GET /hello.txt 1.1 keep {User-Agent: curl/7.64.1} {Host: www.example.com} "
          "{Accept-Language: en, mi}\n");
    /* RFC 6455, 1.2 */
    reads("GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n"
          "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
          "Sec-WebSocket-Version: 13\r\n\r\n",
          "GET /chat 1.1 keep upgrade {Host: server.example.com} {Upgrade: websocket} "
          "{Connection: Upgrade} {Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==} "
          "{Sec-WebSocket-Version: 13}\n");
}

static void test_persistence(void **state)
{
    (void)state; /* RFC 9112, 9.3 */
    reads("GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n",
          "GET / 1.1 close {Host: a} {Connection: close}\n");
    reads("GET / HTTP/1.0\r\n\r\n", "GET / 1.0 close\n");
    reads("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
          "GET / 1.0 keep {Connection: Keep-Alive}\n");
    reads("GET / HTTP/1.1\r\n" HOST "\r\nHEAD /b HTTP/1.1\r\nHost: b\r\n\r\n\r\n"
          "GET /c HTTP/1.1\r\nHost: c\r\n\r\n",
          "GET / 1.1 keep {Host: a}\nHEAD /b 1.1 keep {Host: b}\nGET /c 1.1 keep {Host: c}\n");
}

static void test_white_space_and_empty_lines(void **state)
{
    (void)state; /* RFC 9112, 2.2 and 5 */
    reads("\r\nGET / HTTP/1.1\r\n" HOST "\r\n", "GET / 1.1 keep {Host: a}\n");
    reads("GET / HTTP/1.1\r\nHost:a\r\nX:\r\nY:  \t b \t \r\nZ: \xC3\xA9\r\n\r\n",
          "GET / 1.1 keep {Host: a} {X: } {Y: b} {Z: \xC3\xA9}\n");
    reads("", "");
    reads("\r\n\r\n", "");
}

static void test_a_truncated_request_is_none(void **state)
{
    (void)state;
    static const char text[] = "GET /where?q=now HTTP/1.1\r\nHost: www.example.org\r\n\r\n";
    for (size_t len = 0; len < sizeof text - 1; len++)
        reads_with(&wide, text, len, "");
}

/* ---- What is refused. ---- */

static void test_request_lines_that_are_none(void **state)
{
    (void)state;
    reads("hello\r\n", "400 the request line must be METHOD TARGET HTTP/1.1\n");
    reads("hello\n", "400 a line must end with CR LF\n");
    reads("GET /\r\n", "400 the request line must end with HTTP/1.1 or HTTP/1.0\n"); /* HTTP/0.9 */
    reads("GET / http/1.1\r\n", "400 the request line must end with HTTP/1.1 or HTTP/1.0\n");
    reads("GET / HTTP/1.1 \r\n", "400 the request line must end with HTTP/1.1 or HTTP/1.0\n");
    reads("GET / HTTP/11.1\r\n", "400 the request line must end with HTTP/1.1 or HTTP/1.0\n");
    reads("GET  / HTTP/1.1\r\n", "400 the target has a byte that no target may have\n");
    reads("GET /  HTTP/1.1\r\n", "400 the target has a byte that no target may have\n");
    reads("GET /a b HTTP/1.1\r\n", "400 the target has a byte that no target may have\n");
    reads("GET /#a HTTP/1.1\r\n", "400 the target has a byte that no target may have\n");
    reads("GET /\xC3\xA9 HTTP/1.1\r\n", "400 the target has a byte that no target may have\n");
    reads("GET HTTP/1.1\r\n", "400 the request line must end with HTTP/1.1 or HTTP/1.0\n");
    reads("G(T / HTTP/1.1\r\n", "400 the method is not a token\n");
    reads("GET where HTTP/1.1\r\n" HOST "\r\n", "400 invalid URL\n");
    reads("GET https://a/ HTTP/1.1\r\n" HOST "\r\n",
          "400 the target must be a path or http://HOST/PATH\n");
    reads("BREW / HTTP/1.1\r\n" HOST "\r\n", "501 there is no such method\n");
    reads("get / HTTP/1.1\r\n" HOST "\r\n", "501 there is no such method\n");
    reads("PRI * HTTP/2.0\r\n", "505 the versions are HTTP/1.1 and HTTP/1.0\n"); /* RFC 9113, 3.4 */
    reads("GET / HTTP/0.9\r\n", "505 the versions are HTTP/1.1 and HTTP/1.0\n");
}

static void test_line_ends_and_control_characters(void **state)
{
    (void)state; /* RFC 9112, 2.2 and 5.2 */
    reads("GET / HTTP/1.1\nHost: a\n\n", "400 a line must end with CR LF\n");
    reads("GET / HTTP/1.1\r\nHost: a\n", "400 a line must end with CR LF\n");
    reads("GET / HTTP/1.1\r\nHost: a\rX", "400 a CR stands without its LF\n");
    reads("GET / HTTP/1.1\r\n" HOST "\r\r\n", "400 a CR stands without its LF\n");
    reads("\rGET / HTTP/1.1\r\n", "400 a CR stands without its LF\n");
    reads("GET / HTTP/1.1\r\n Host: a\r\n\r\n", "400 a field is folded over two lines\n");
    reads("GET / HTTP/1.1\r\nX: a\r\n\tb\r\n" HOST "\r\n",
          "400 a field is folded over two lines\n");
    reads("GET / HTTP/1.1\r\nX: a\x01", "400 a control character\n");
    reads("GET / HTTP/1.1\r\nX: a\x7F", "400 a control character\n");
    reads_with(&wide, "GET / HTTP/1.1\r\nX: a\0", 22, "400 a control character\n");
}

static void test_fields_that_are_none(void **state)
{
    (void)state; /* RFC 9112, 5.1 and 3.2 */
    reads("GET / HTTP/1.1\r\nHost : a\r\n\r\n", "400 a field name is not a token\n");
    reads("GET / HTTP/1.1\r\n" HOST "X Y: a\r\n\r\n", "400 a field name is not a token\n");
    reads("GET / HTTP/1.1\r\n" HOST ": a\r\n\r\n", "400 invalid character in header\n");
    reads("GET / HTTP/1.1\r\n" HOST "nothing\r\n\r\n", "400 invalid character in header\n");
    reads("GET / HTTP/1.1\r\n\r\n", "400 HTTP/1.1 needs a Host\n");
    reads("GET / HTTP/1.1\r\n" HOST HOST "\r\n", "400 Host must be one host and port\n");
    reads("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "400 Host must be one host and port\n");
    reads("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "400 Host must be one host and port\n");
    reads("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400 Host must be one host and port\n");
}

/* RFC 9112, 6.1, 6.3 and 11.2. */
static void test_bodies_and_smuggling(void **state)
{
    (void)state;
#define POST(fields) "POST / HTTP/1.1\r\n" HOST fields "\r\n"
    reads(POST("Content-Length: 0\r\n"), "POST / 1.1 keep {Host: a} {Content-Length: 0}\n");
    reads(POST("Content-Length: 5\r\n"), "413 no path here takes a body\n");
    reads(POST("Transfer-Encoding: chunked\r\n"), "413 no path here takes a body\n");
    reads(POST("Transfer-Encoding: gzip, chunked\r\n"),
          "501 no transfer coding is understood but chunked\n");
    reads(POST("Transfer-Encoding: gzip\r\n"),
          "501 no transfer coding is understood but chunked\n");
    reads(POST("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
          "400 the length of the body is told twice\n");
    reads(POST("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"),
          "400 the length of the body is told twice\n");
    reads(POST("Content-Length: 0\r\nContent-Length: 0\r\n"),
          "400 the length of the body is told twice\n");
    reads(POST("Content-Length: 0, 0\r\n"), "400 invalid character in content-length header\n");
    reads(POST("Content-Length: +0\r\n"), "400 invalid character in content-length header\n");
    reads(POST("Content-Length: -1\r\n"), "400 invalid character in content-length header\n");
    reads(POST("Content-Length: 0x0\r\n"), "400 invalid character in content-length header\n");
    reads(POST("Content-Length: 99999999999999999999999\r\n"),
          "400 invalid character in content-length header\n");
    reads(POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
          "400 Transfer-Encoding stands twice\n");
    reads(POST("Transfer-Encoding : chunked\r\n"), "400 a field name is not a token\n");
    reads(POST("Transfer-Encoding:\r\n chunked\r\n"), "400 a field is folded over two lines\n");
    reads(POST("X: a\rTransfer-Encoding: chunked\r\n"), "400 a CR stands without its LF\n");
    reads("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
          "400 HTTP/1.0 has no Transfer-Encoding\n");
    /* nothing behind a request with a body is taken for one */
    reads(POST("Content-Length: 30\r\n") "GET /hidden HTTP/1.1\r\n" HOST "\r\n",
          "413 no path here takes a body\n");
    reads("GET / HTTP/1.1\r\n" HOST "Content-Length: 27\r\n\r\nGET /hidden HTTP/1.1\r\n" HOST
          "\r\n",
          "413 no path here takes a body\n");
}

/* ---- Limits. ---- */

static void test_limits(void **state)
{
    (void)state;
    static const char request[] = "GET /12 HTTP/1.1\r\nHost: a\r\nX: 1\r\nY: 2\r\n\r\n";
    size_t len = sizeof request - 1;
    const struct evd_http_limits exact = {.max_head = len, .max_fields = 3};
    const struct evd_http_limits short_head = {.max_head = len - 1, .max_fields = 3};
    const struct evd_http_limits few = {.max_head = len, .max_fields = 2};
    const struct evd_http_limits short_line = {.max_head = 17, .max_fields = 3};
    reads_with(&exact, request, len, "GET /12 1.1 keep {Host: a} {X: 1} {Y: 2}\n");
    reads_with(&short_head, request, len, "431 the fields are too long\n");
    reads_with(&few, request, len, "431 there are more fields than are allowed\n");
    reads_with(&short_line, request, len, "414 the target is too long\n");
}

/* ---- Bytes that somebody has changed. ---- */

static void test_mutated_requests(void **state)
{
    (void)state;
    static const char *const seeds[] = {
        "GET /where?q=now HTTP/1.1\r\nHost: www.example.org\r\nContent-Length: 0\r\n\r\n",
        "HEAD http://a/b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    };
    static const char pool[] = "\r\n \t:/?#*,aZ09\0\x7F\xFFHTTP/1.";
    static struct log whole, cut;
    uint64_t random = 9112;
    char text[256];
    for (unsigned round = 0; round < 20000; round++) {
        const char *seed = seeds[round % 3];
        size_t len = strlen(seed);
        memcpy(text, seed, len);
        for (uint64_t changes = 1 + test_random(&random) % 4; changes > 0; changes--) {
            size_t at = test_random(&random) % len;
            switch (test_random(&random) % 3) {
            case 0:
                text[at] = pool[test_random(&random) % (sizeof pool - 1)];
                break;
            case 1:
                memmove(text + at, text + at + 1, len - at - 1);
                len--;
                break;
            default:
                memmove(text + at + 1, text + at, len - at);
                text[at] = pool[test_random(&random) % (sizeof pool - 1)];
                len++;
            }
        }
        read_cut(&whole, &wide, evd_slice(text, len), SIZE_MAX, 0);
        read_cut(&cut, &wide, evd_slice(text, len), 1, 0);
        assert_string_equal(whole.text, cut.text);
        read_cut(&cut, &wide, evd_slice(text, len), 2 + test_random(&random) % 40, 0);
        assert_string_equal(whole.text, cut.text);
    }
}

/* ---- Answers. ---- */

static void writes(const struct evd_http_response *response, const char *expected)
{
    struct evd_buf out;
    evd_buf_init(&out, 4096);
    assert_int_equal(evd_http_encode(&out, response), EVD_OK);
    assert_int_equal(out.len, strlen(expected));
    assert_memory_equal(evd_buf_slice(&out).ptr, expected, out.len);
    evd_buf_release(&out);
}

static void test_answers(void **state)
{
    (void)state;
    struct evd_http_request get = {.method = EVD_SLICE("GET"), .minor = 1};
    struct evd_http_request head = {.method = EVD_SLICE("HEAD"), .minor = 0};
    struct evd_http_request refused = {.status = 400};
    struct evd_http_response response = {.status = 200,
                                         .type = "text/x",
                                         .body = EVD_SLICE("hello"),
                                         .request = &get,
                                         .date = 784111777}; /* RFC 9110, 5.6.7 */
#define DATE "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
    writes(&response, "HTTP/1.1 200 OK\r\n" DATE "Content-Type: text/x\r\nContent-Length: 5\r\n"
                      "Cache-Control: no-store\r\n\r\nhello");
    response.request = &head;
    writes(&response, "HTTP/1.1 200 OK\r\n" DATE "Content-Type: text/x\r\nContent-Length: 5\r\n"
                      "Cache-Control: no-store\r\nConnection: keep-alive\r\n\r\n");
    response = (struct evd_http_response){
        .status = 405, .allow = "GET, HEAD", .request = &get, .date = 784111777};
    writes(&response, "HTTP/1.1 405 Method Not Allowed\r\n" DATE
                      "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 19\r\n"
                      "Cache-Control: no-store\r\nAllow: GET, HEAD\r\n\r\nMethod Not Allowed\n");
    response = (struct evd_http_response){
        .status = 400, .close = true, .request = &refused, .date = 951782400};
    writes(&response, "HTTP/1.1 400 Bad Request\r\nDate: Tue, 29 Feb 2000 00:00:00 GMT\r\n"
                      "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 12\r\n"
                      "Cache-Control: no-store\r\nConnection: close\r\n\r\nBad Request\n");
}

static void test_an_answer_that_does_not_fit_leaves_nothing(void **state)
{
    (void)state;
    struct evd_http_request get = {.method = EVD_SLICE("GET"), .minor = 1};
    struct evd_http_response response = {.status = 200, .request = &get};
    struct evd_buf out;
    evd_buf_init(&out, 64);
    assert_int_equal(evd_buf_append(&out, "x", 1), EVD_OK);
    assert_int_equal(evd_http_encode(&out, &response), EVD_ERR_TOO_LARGE);
    assert_int_equal(out.len, 1);
    evd_buf_release(&out);
}

static void test_fields_are_found_in_any_case(void **state)
{
    (void)state;
    struct evd_http_decoder decoder = {0};
    struct evd_http_request request;
    size_t used;
    struct evd_slice in = EVD_SLICE("GET / HTTP/1.1\r\nHOST: a\r\nx-Y: 1\r\nX-y: 2\r\n\r\n");
    assert_int_equal(evd_http_decode(&decoder, &wide, in, false, &used, &request), EVD_OK);
    assert_memory_equal(evd_http_get(&request, "X-Y")->value.ptr, "1", 1);
    assert_non_null(evd_http_get(&request, "host"));
    assert_null(evd_http_get(&request, "x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_of_the_rfc),
        cmocka_unit_test(test_persistence),
        cmocka_unit_test(test_white_space_and_empty_lines),
        cmocka_unit_test(test_a_truncated_request_is_none),
        cmocka_unit_test(test_request_lines_that_are_none),
        cmocka_unit_test(test_line_ends_and_control_characters),
        cmocka_unit_test(test_fields_that_are_none),
        cmocka_unit_test(test_bodies_and_smuggling),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_mutated_requests),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_an_answer_that_does_not_fit_leaves_nothing),
        cmocka_unit_test(test_fields_are_found_in_any_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
