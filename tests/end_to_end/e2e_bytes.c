/* The protocol as bytes, written by hand from docs/PROTOCOL.md: no encoder of ours has a say. */
#include "harness.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct server server;

static int start(void **state)
{
    (void)state;
    const char *args[] = {"--max-frame=4096", NULL};
    server_start(&server, args);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    return server_stop(&server);
}

struct exchange {
    const char *sent, *expected;
};

static void expect_exchange(const struct exchange *exchange)
{
    char text[16384];
    int fd = client_connect(server.addresses[0]);
    client_send_text(fd, exchange->sent);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    (void)client_read_all(fd, text, sizeof text);
    assert_string_equal(text, exchange->expected);
    (void)close(fd);
}

#define STATUS "{\"event\":\"api.services.status\"}"

static void test_jsonl(void **state)
{
    (void)state;
    static const struct exchange exchanges[] = {
        {STATUS "\n", "{\"data\":\"online\"}\n"},
        {STATUS, "{\"data\":\"online\"}\n"},
        {STATUS "\r\n", "{\"data\":\"online\"}\n"},
        {"\n \r\n" STATUS "\n\n", "{\"data\":\"online\"}\n"},
        {"{\"id\":7,\"event\":\"api.services.status\"}\n", "{\"id\":7,\"data\":\"online\"}\n"},
        {"{\"event\":\"api.services.status\",\"id\":\"a-1\"}\n",
         "{\"id\":\"a-1\",\"data\":\"online\"}\n"},
        {"{\"id\":1.50,\"event\":\"api.test.board\",\"data\":[ 1,{} ]}\n",
         "{\"id\":1.50,\"data\":[ 1,{} ]}\n"},
        /* base64 of "hi" in quotes; an escaped slash, as PHP writes it: bytes ff ff ff */
        {"{\"event\":\"api.test.board\",\"encoding\":\"base64\",\"data\":\"ImhpIg==\"}\n",
         "{\"data\":\"ImhpIg==\"}\n"},
        {"{\"event\":\"api.test.board\",\"encoding\":\"base64\",\"data\":\"\\/\\/\\/\\/\"}\n",
         "{\"data\":\"////\"}\n"},
        {"{\"event\":\"\\u0061pi.services.status\"}\n", "{\"data\":\"online\"}\n"},
        {STATUS "\n" STATUS "\n" STATUS, "{\"data\":\"online\"}\n{\"data\":\"online\"}\n"
                                         "{\"data\":\"online\"}\n"},
    };
    for (size_t i = 0; i < sizeof exchanges / sizeof *exchanges; i++)
        expect_exchange(&exchanges[i]);
}

/* A bad line costs its sender that line and nothing else: the call behind it is answered. */
static void test_jsonl_errors(void **state)
{
    (void)state;
    static const struct {
        const char *line, *code, *part;
    } cases[] = {
        {"{\"event\":}", "bad_envelope", "byte 9"},
        {"{\"event\":\"api.services.status\"", "bad_envelope", "byte 30"},
        {" [1]", "bad_envelope", "object"},
        {"{\"event\":3}", "bad_envelope", "event must be a string"},
        {"{\"event\":\"a.b\",\"event\":\"c.d\"}", "bad_envelope", "event"},
        {"{\"event\":\"a.b\",\"\\u0065vent\":\"c.d\"}", "bad_envelope", "event"},
        {"{\"id\":[1],\"event\":\"a.b\"}", "bad_envelope", "id"},
        {"{\"event\":\"a.b\",\"encoding\":\"rot13\"}", "bad_encoding", "rot13"},
        {"{\"event\":\"a.b\",\"encoding\":\"base64\",\"data\":\"?\"}", "bad_data", "base64"},
        {"{\"event\":\"a.b\",\"encoding\":\"base64+gzip\",\"data\":\"aGk=\"}", "bad_data", "gzip"},
        {"{\"event\":\"a.b\",\"encoding\":\"base64\",\"data\":7}", "bad_envelope", "string"},
        {"{\"event\":\"\xff\"}", "bad_envelope", "UTF-8"},
        {"{\"event\":\"api.hello.greeting\",\"encoding\":\"base64\",\"data\":\"e30s\"}", "bad_data",
         "byte"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[4096];
        int fd = client_connect(server.addresses[0]);
        client_send_text(fd, cases[i].line);
        client_send_text(fd, "\n" STATUS "\n");
        (void)client_read_line(fd, line, sizeof line);
        print_message("%s\n  %s\n", cases[i].line, line);
        char code[64];
        (void)snprintf(code, sizeof code, "\"code\":\"%s\"", cases[i].code);
        assert_non_null(strstr(line, code));
        assert_non_null(strstr(line, cases[i].part));
        (void)client_read_line(fd, line, sizeof line);
        assert_string_equal(line, "{\"data\":\"online\"}");
        (void)close(fd);
    }
}

static void test_oversized_line(void **state)
{
    (void)state;
    char line[4096], big[10000];
    int fd = client_connect(server.addresses[0]);
    memset(big, 'x', sizeof big);
    memcpy(big, "{\"event\":\"", 10);
    client_send(fd, big, sizeof big);
    (void)client_read_line(fd, line, sizeof line); /* said before the line has ended */
    assert_non_null(strstr(line, "too_large"));
    assert_non_null(strstr(line, "4096"));
    client_send(fd, big, sizeof big);
    client_send_text(fd, "\n" STATUS "\n");
    (void)client_read_line(fd, line, sizeof line);
    assert_string_equal(line, "{\"data\":\"online\"}");
    (void)close(fd);
}

/* 20 bytes: magic, type, flags, codec, length, id, event length, extra length. */
#define HEADER(type, flags, codec, length, id, event, extra)                                       \
    0xED, (type), (flags), (codec), 0, 0, (unsigned char)((length) >> 8),                          \
        (unsigned char)((length)&255), 0, 0, 0, 0, 0, 0, 0, (id), 0, (event), 0, (extra)

static void test_frame(void **state)
{
    (void)state;
    static const unsigned char call[] = {HEADER(1, 1, 0, 21, 9, 19, 0),
                                         'a',
                                         'p',
                                         'i',
                                         '.',
                                         's',
                                         'e',
                                         'r',
                                         'v',
                                         'i',
                                         'c',
                                         'e',
                                         's',
                                         '.',
                                         's',
                                         't',
                                         'a',
                                         't',
                                         'u',
                                         's',
                                         '"',
                                         '"'};
    static const unsigned char answer[] = {
        HEADER(2, 1, 0, 8, 9, 0, 0), '"', 'o', 'n', 'l', 'i', 'n', 'e', '"'};
    unsigned char got[sizeof answer];

    int fd = client_connect(server.addresses[0]);
    for (size_t i = 0; i < sizeof call; i++) /* a byte at a time */
        client_send(fd, &call[i], 1);
    client_read(fd, got, sizeof got);
    assert_memory_equal(got, answer, sizeof answer);

    static const unsigned char raw[] = {HEADER(1, 0, 0, 17, 0, 14, 0),
                                        'a',
                                        'p',
                                        'i',
                                        '.',
                                        't',
                                        'e',
                                        's',
                                        't',
                                        '.',
                                        'b',
                                        'o',
                                        'a',
                                        'r',
                                        'd',
                                        0x00,
                                        0xff,
                                        0xED};
    static const unsigned char raw_answer[] = {HEADER(2, 0, 0, 3, 0, 0, 0), 0x00, 0xff, 0xED};
    client_send(fd, raw, sizeof raw);
    client_read(fd, got, sizeof raw_answer);
    assert_memory_equal(got, raw_answer, sizeof raw_answer);
    (void)close(fd);
}

/* Sends a frame and reads an error frame; checks its code and a part of its message. */
static void expect_frame_error(int fd, const void *bytes, size_t len, const char *code,
                               const char *part)
{
    unsigned char header[20];
    char body[1024];
    client_send(fd, bytes, len);
    client_read(fd, header, sizeof header);
    assert_int_equal(header[0], 0xED);
    assert_int_equal(header[1], 3);
    size_t length = (size_t)header[6] << 8 | header[7];
    assert_true(length < sizeof body);
    client_read(fd, body, length);
    body[length] = '\0';
    print_message("%s\n", body);
    assert_int_equal(header[17], strlen(code));
    assert_memory_equal(body, code, strlen(code));
    assert_non_null(strstr(body + strlen(code), part));
}

static void expect_online(int fd)
{
    static const unsigned char call[] = {HEADER(1, 0, 0, 19, 0, 19, 0),
                                         'a',
                                         'p',
                                         'i',
                                         '.',
                                         's',
                                         'e',
                                         'r',
                                         'v',
                                         'i',
                                         'c',
                                         'e',
                                         's',
                                         '.',
                                         's',
                                         't',
                                         'a',
                                         't',
                                         'u',
                                         's'};
    unsigned char got[28];
    client_send(fd, call, sizeof call);
    client_read(fd, got, sizeof got);
    assert_memory_equal(got + 20, "\"online\"", 8);
}

static void test_frame_errors(void **state)
{
    (void)state;
    static const unsigned char bad_type[] = {HEADER(9, 0, 0, 2, 0, 1, 0), 'x', 'y'};
    static const unsigned char bad_flags[] = {HEADER(1, 0x80, 0, 2, 0, 1, 0), 'x', 'y'};
    static const unsigned char bad_codec[] = {HEADER(1, 0, 77, 2, 0, 1, 0), 'x', 'y'};
    static const unsigned char bad_lengths[] = {HEADER(1, 0, 0, 2, 0, 3, 0), 'x', 'y'};
    static const unsigned char bad_extra[] = {HEADER(1, 0, 0, 3, 0, 1, 2), 'x', '[', ']'};
    static const unsigned char bad_gzip[] = {HEADER(1, 0, 2, 5, 0, 3, 0), 'a', '.', 'b', 'h', 'i'};
    unsigned char too_large[20 + 5000] = {HEADER(1, 0, 0, 5000, 0, 1, 0)};

    int fd = client_connect(server.addresses[0]);
    expect_frame_error(fd, bad_type, sizeof bad_type, "bad_frame", "type");
    expect_frame_error(fd, bad_flags, sizeof bad_flags, "bad_frame", "flag");
    expect_frame_error(fd, bad_codec, sizeof bad_codec, "bad_encoding", "77");
    expect_frame_error(fd, bad_lengths, sizeof bad_lengths, "bad_frame", "length");
    expect_frame_error(fd, bad_extra, sizeof bad_extra, "bad_frame", "extra must be a JSON object");
    expect_frame_error(fd, bad_gzip, sizeof bad_gzip, "bad_data", "gzip");
    expect_frame_error(fd, too_large, sizeof too_large, "too_large", "4096");
    expect_online(fd); /* all of that cost the connection nothing */

    /* Without its magic the stream cannot be followed any more: an error and the end. */
    expect_frame_error(fd, "GET / HTTP/1.1\r\n\r\n", 18, "bad_frame", "0xED, not 0x47");
    char rest[16];
    assert_int_equal(client_read_all(fd, rest, sizeof rest), 0);
    (void)close(fd);
}

static void test_frame_truncated(void **state)
{
    (void)state;
    static const unsigned char call[] = {HEADER(1, 0, 0, 20, 0, 19, 0), 'a', 'p', 'i'};
    for (size_t len = 1; len < sizeof call; len++) {
        char text[1024];
        int fd = client_connect(server.addresses[0]);
        client_send(fd, call, len);
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
        size_t got = client_read_all(fd, text, sizeof text);
        assert_true(got > 20);
        assert_int_equal(text[1], 3);
        assert_non_null(strstr(text + 20, "truncated"));
        (void)close(fd);
    }
}

static void test_first_byte(void **state)
{
    (void)state;
    static const struct exchange exchanges[] = {
        {"*1\r\n$4\r\nPING\r\n", "0x2A"}, /* Redis */
        {"\x16\x03\x01", "0x16"},         /* a TLS hello */
        {"[1,2]\n", "0x5B"},
    };
    for (size_t i = 0; i < sizeof exchanges / sizeof *exchanges; i++) {
        char text[1024];
        int fd = client_connect(server.addresses[0]);
        client_send_text(fd, exchanges[i].sent);
        (void)client_read_all(fd, text, sizeof text); /* the server closes */
        assert_non_null(strstr(text, "\"code\":\"bad_protocol\""));
        assert_non_null(strstr(text, exchanges[i].expected));
        (void)close(fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jsonl),          cmocka_unit_test(test_jsonl_errors),
        cmocka_unit_test(test_oversized_line), cmocka_unit_test(test_frame),
        cmocka_unit_test(test_frame_errors),   cmocka_unit_test(test_frame_truncated),
        cmocka_unit_test(test_first_byte),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
