/* A client's side of HTTP: answers whole, byte by byte, cut off, mutated. */
#include "server/wire/http_get.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static const struct evd_wire_limits limits = {.max_frame = 2048, .max_depth = 8};

/* RFC 9110, 3.9. */
static const char example[] = "HTTP/1.1 200 OK\r\n"
                              "Date: Mon, 27 Jul 2009 12:28:53 GMT\r\n"
                              "Server: Apache\r\n"
                              "Last-Modified: Wed, 22 Jul 2009 19:15:56 GMT\r\n"
                              "ETag: \"34aa387-d-1568eb00\"\r\n"
                              "Accept-Ranges: bytes\r\n"
                              "Content-Length: 51\r\n"
                              "Vary: Accept-Encoding\r\n"
                              "Content-Type: text/plain\r\n"
                              "\r\n"
                              "Hello World! My content includes a trailing CRLF.\r\n";
#define EXAMPLE_BODY "Hello World! My content includes a trailing CRLF.\r\n"

/* What an answer is read as. */
struct expected {
    const char *in;
    int rc;
    const char *body, *code; /* code: of an error, with its reason as body */
};

#define LONG_CHUNK                                                                                 \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"  \
    "12345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"    \
    "012345678901234567890123456789012345678901234567890123456789012345678901234" /* 255 bytes */

static const struct expected cases[] = {
    {example, EVD_OK, EXAMPLE_BODY, NULL},
    {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", EVD_OK, "", NULL},
    {"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc", EVD_OK, "abc", NULL},
    {"HTTP/1.1 204 No Content\r\n\r\n", EVD_OK, "", NULL},
    /* RFC 9112, 6.1 and 7.1: chunks, an extension, a trailer. */
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", EVD_OK,
     "hello", NULL},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n7\r\n, "
     "world\r\n0\r\nX: y\r\n\r\n",
     EVD_OK, "hello, world", NULL},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n" LONG_CHUNK
     "\r\nff\r\n" LONG_CHUNK "\r\nff\r\n" LONG_CHUNK "\r\n0\r\n\r\n",
     EVD_ERR_TOO_LARGE, NULL, NULL},
    /* RFC 9110, 15.2: a client passes over what is not final. */
    {"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
     EVD_OK, "x", NULL},
    {"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", EVD_OK, "Not Found", "404"},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 20\r\n\r\n", EVD_OK, "Not Modified", "304"},
    {"HTTP/1.1 503 \r\nContent-Length: 0\r\n\r\n", EVD_OK, "", "503"},
    /* Nobody waits for the end of the connection. */
    {"HTTP/1.1 200 OK\r\n\r\n", EVD_ERR_BAD_PROTOCOL, NULL, NULL},
    {"HTTP/1.1 200 OK\r\nContent-Length: 2049\r\n\r\n", EVD_ERR_TOO_LARGE, NULL, NULL},
    {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", EVD_ERR_BAD_PROTOCOL, NULL, NULL},
    {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", EVD_ERR_BAD_PROTOCOL,
     NULL, NULL},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n", EVD_ERR_BAD_PROTOCOL, NULL,
     NULL},
    {"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
     EVD_ERR_BAD_PROTOCOL, NULL, NULL},
    {"HTTP/1.1 00 \r\nContent-Length: 0\r\n\r\n", EVD_ERR_BAD_PROTOCOL, NULL, NULL},
    /* RFC 9112, 2.2: LF alone may be taken for a line's end; here it is not. */
    {"HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", EVD_ERR_BAD_PROTOCOL, NULL, NULL},
    {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\rX: y\r\n\r\n", EVD_ERR_BAD_PROTOCOL, NULL, NULL},
    {"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", EVD_ERR_BAD_PROTOCOL, NULL, NULL},
    {"{\"data\":\"online\"}\nxxxxxxxxxx", EVD_ERR_BAD_PROTOCOL, NULL, NULL},
    {"\xed\x02\x01\x00\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00\x01", EVD_ERR_BAD_PROTOCOL, NULL,
     NULL},
};

static size_t length_of(const struct expected *one)
{
    return (unsigned char)one->in[0] == 0xED ? 16 : strlen(one->in);
}

static void check(const struct expected *one, int rc, const struct evd_decoder *decoder,
                  const struct evd_envelope *reply)
{
    if (rc != one->rc)
        print_error("%.40s: %d\n", one->in, rc);
    assert_int_equal(rc, one->rc);
    if (rc < 0) {
        assert_true(decoder->state.broken);
        assert_true(decoder->error.text[0] != '\0');
        return;
    }
    struct evd_slice text = one->code != NULL ? reply->message : reply->data;
    assert_int_equal(reply->kind, one->code != NULL ? EVD_KIND_ERROR : EVD_KIND_REPLY);
    assert_int_equal(reply->id.kind, EVD_ID_NONE);
    assert_true(evd_slice_equal(text, evd_slice_text(one->body)));
    if (one->code != NULL)
        assert_true(evd_slice_equal(reply->code, evd_slice_text(one->code)));
}

static void test_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct evd_decoder decoder;
        struct evd_envelope reply;
        size_t used, len = length_of(&cases[i]);
        evd_decoder_init(&decoder, &evd_transport_http_get, EVD_ROLE_CLIENT, &limits);
        int rc = evd_decode(&decoder, evd_slice(cases[i].in, len), false, &used, &reply);
        check(&cases[i], rc, &decoder, &reply);
        assert_int_equal(used, len);
    }
}

/* However the bytes come, the same; and what was used is dropped. */
static void test_byte_by_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct evd_decoder decoder;
        struct evd_envelope reply;
        size_t from = 0, used, len = length_of(&cases[i]);
        int rc = EVD_MORE;
        evd_decoder_init(&decoder, &evd_transport_http_get, EVD_ROLE_CLIENT, &limits);
        for (size_t to = 1; to <= len && rc == EVD_MORE; to++) {
            rc = evd_decode(&decoder, evd_slice(cases[i].in + from, to - from), false, &used,
                            &reply);
            from += used;
        }
        check(&cases[i], rc, &decoder, &reply);
        assert_true(rc < 0 || from == len);
        assert_true(rc != EVD_MORE);
    }
}

/* Two behind each other are two. */
static void test_pipelined(void **state)
{
    (void)state;
    char in[2 * sizeof example];
    struct evd_decoder decoder;
    struct evd_envelope reply;
    size_t used, len = sizeof example - 1;
    memcpy(in, example, len);
    memcpy(in + len, example, len);
    evd_decoder_init(&decoder, &evd_transport_http_get, EVD_ROLE_CLIENT, &limits);
    assert_int_equal(evd_decode(&decoder, evd_slice(in, 2 * len), false, &used, &reply), EVD_OK);
    assert_int_equal(used, len);
    assert_int_equal(evd_decode(&decoder, evd_slice(in + len, len), false, &used, &reply), EVD_OK);
    assert_int_equal(used, len);
    assert_int_equal(evd_decode(&decoder, evd_slice(in, 0), true, &used, &reply), EVD_MORE);
    assert_int_equal(used, 0);
}

static void test_cut_off(void **state)
{
    (void)state;
    for (size_t len = 1; len < sizeof example - 1; len++) {
        struct evd_decoder decoder;
        struct evd_envelope reply;
        size_t used;
        evd_decoder_init(&decoder, &evd_transport_http_get, EVD_ROLE_CLIENT, &limits);
        assert_int_equal(evd_decode(&decoder, evd_slice(example, len), true, &used, &reply),
                         EVD_ERR_BAD_PROTOCOL);
        assert_int_equal(used, len);
    }
}

/* A head without an end is given up at the limit. */
static void test_endless_head(void **state)
{
    (void)state;
    char in[4096];
    struct evd_decoder decoder;
    struct evd_envelope reply;
    size_t used, len = 0;
    int rc = EVD_MORE;
    memset(in, 'a', sizeof in);
    memcpy(in, "HTTP/1.1 200 OK\r\nX: ", 20);
    evd_decoder_init(&decoder, &evd_transport_http_get, EVD_ROLE_CLIENT, &limits);
    while (rc == EVD_MORE && ++len < sizeof in)
        rc = evd_decode(&decoder, evd_slice(in, len), false, &used, &reply);
    assert_int_equal(rc, EVD_ERR_TOO_LARGE);
    assert_int_equal(len, limits.max_frame + 1);
}

/* What is larger than a message may be is refused however it comes: whole, too. */
static void test_too_large(void **state)
{
    (void)state;
    for (size_t body = limits.max_frame - 60; body < limits.max_frame; body++) {
        char in[4096];
        struct evd_decoder decoder;
        struct evd_envelope reply;
        size_t used;
        int len = snprintf(in, sizeof in, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", body);
        size_t all = (size_t)len + body;
        memset(in + len, 'x', body);
        evd_decoder_init(&decoder, &evd_transport_http_get, EVD_ROLE_CLIENT, &limits);
        int rc = evd_decode(&decoder, evd_slice(in, all), false, &used, &reply);
        assert_int_equal(rc, all <= limits.max_frame ? EVD_OK : EVD_ERR_TOO_LARGE);
        assert_int_equal(used, all);
    }
}

/* Every byte of it as every other: never out of bounds (a sanitizer's to see), never stuck. */
static void test_mutated(void **state)
{
    (void)state;
    for (size_t at = 0; at < sizeof example - 1; at++) {
        for (unsigned byte = 0; byte < 256; byte += 5) {
            char in[sizeof example];
            struct evd_decoder decoder;
            struct evd_envelope reply;
            size_t used;
            memcpy(in, example, sizeof example);
            in[at] = (char)byte;
            evd_decoder_init(&decoder, &evd_transport_http_get, EVD_ROLE_CLIENT, &limits);
            int rc = evd_decode(&decoder, evd_slice(in, sizeof in - 1), true, &used, &reply);
            assert_true(rc < 0 || rc == EVD_OK);
            assert_in_range(used, 1, sizeof in - 1);
        }
    }
}

static void test_encode(void **state)
{
    (void)state;
    static const struct {
        const char *event, *host, *bytes; /* bytes NULL: refused */
    } calls[] = {
        {"/healthz", "127.0.0.1:80", "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n"},
        {"/", "", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"},
        {"/a?b=c%20d", "h", "GET /a?b=c%20d HTTP/1.1\r\nHost: h\r\n\r\n"},
        {"healthz", "h", NULL},
        {"", "h", NULL},
        {"/a b", "h", NULL},
        {"/a\r\nX: y", "h", NULL},
        {"/a#b", "h", NULL},
        {"/\xc3\xa9", "h", NULL},
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        struct evd_envelope call;
        struct evd_buf out;
        evd_buf_init(&out, 1024);
        assert_int_equal(evd_buf_append(&out, "x", 1), EVD_OK);
        evd_envelope_init(&call, EVD_KIND_CALL);
        call.event = evd_slice_text(calls[i].event);
        call.envelope = evd_slice_text(calls[i].host);
        int rc = evd_transport_http_get.encode(&out, &call);
        assert_int_equal(rc, calls[i].bytes != NULL ? EVD_OK : EVD_ERR_BAD_EVENT);
        struct evd_slice wrote = evd_buf_slice(&out);
        assert_true(evd_slice_equal(evd_slice(wrote.ptr + 1, wrote.len - 1),
                                    evd_slice_text(calls[i].bytes != NULL ? calls[i].bytes : "")));
        evd_buf_release(&out);
    }
}

static void test_no_room(void **state)
{
    (void)state;
    struct evd_envelope call;
    evd_envelope_init(&call, EVD_KIND_CALL);
    call.event = EVD_SLICE("/healthz");
    for (size_t max = 1; max < 44; max++) {
        struct evd_buf out;
        evd_buf_init(&out, max);
        assert_true(evd_transport_http_get.encode(&out, &call) < 0 || max >= 42);
        evd_buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),        cmocka_unit_test(test_byte_by_byte),
        cmocka_unit_test(test_pipelined),    cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_endless_head), cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_mutated),      cmocka_unit_test(test_encode),
        cmocka_unit_test(test_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
