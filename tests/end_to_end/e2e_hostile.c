/* Peers that do their worst. What each costs must stay bounded, and nobody else may notice. */
#include "harness.h"

#include "server/wire/base64.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#define STATUS "{\"event\":\"api.services.status\"}\n"
#define ONLINE "{\"data\":\"online\"}"

static void expect_online(const struct server *server)
{
    char line[256];
    int fd = client_connect(server->addresses[0]);
    client_send_text(fd, STATUS);
    (void)client_read_line(fd, line, sizeof line);
    assert_string_equal(line, ONLINE);
    (void)close(fd);
}

static void start(struct server *server, const char *option)
{
    const char *args[] = {option, NULL};
    server_start(server, args);
}

static void stop(struct server *server)
{
    assert_int_equal(server_stop(server), 0);
    assert_string_equal(server->errors, "");
}

static void test_byte_at_a_time(void **state)
{
    (void)state;
    struct server server;
    char line[256];
    start(&server, NULL);
    int fd = client_connect(server.addresses[0]);
    for (int round = 0; round < 3; round++) {
        for (const char *p = STATUS; *p != '\0'; p++)
            client_send(fd, p, 1);
        (void)client_read_line(fd, line, sizeof line);
        assert_string_equal(line, ONLINE);
    }
    (void)close(fd);
    stop(&server);
}

static void test_pipelined_in_order(void **state)
{
    (void)state;
    enum { CALLS = 20000 };
    struct server server;
    char *batch = malloc(CALLS * 80), line[256], expected[64];
    size_t len = 0;
    assert_non_null(batch);
    start(&server, NULL);
    for (int i = 0; i < CALLS; i++)
        len += (size_t)sprintf(batch + len, "{\"id\":%d,\"event\":\"api.counter.next\"}\n", i);
    int fd = client_connect(server.addresses[0]);
    client_send(fd, batch, len);
    assert_int_equal(shutdown(fd, SHUT_WR), 0); /* the answers still come */
    FILE *in = fdopen(fd, "r");
    for (int i = 0; i < CALLS; i++) {
        assert_non_null(fgets(line, sizeof line, in));
        (void)snprintf(expected, sizeof expected, "{\"id\":%d,\"data\":%d}\n", i, i + 1);
        assert_string_equal(line, expected);
    }
    assert_null(fgets(line, sizeof line, in));
    (void)fclose(in);
    free(batch);
    stop(&server);
}

static void test_reset_in_the_middle(void **state)
{
    (void)state;
    struct server server;
    start(&server, NULL);
    for (int i = 0; i < 200; i++) {
        struct linger none = {.l_onoff = 1};
        int fd = client_connect(server.addresses[0]);
        for (int c = 0; c < 1 + i % 50; c++)
            client_send_text(fd, STATUS);
        client_send_text(fd, "{\"event\":\"api.serv"); /* and half a call */
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none), 0);
        (void)close(fd); /* a reset */
    }
    expect_online(&server);
    stop(&server);
}

/* Sends calls of 4 KiB until the socket takes no more. Returns how many whole calls went out. */
static size_t stuff(int fd, const char *call, size_t len)
{
    size_t sent = 0;
    for (;;) {
        struct pollfd full = {.fd = fd, .events = POLLOUT};
        if (poll(&full, 1, 500) == 0) /* the server has stopped reading */
            break;
        ssize_t n = send(fd, call + sent % len, len - sent % len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0)
            break;
        sent += (size_t)n;
        assert_true(sent < 256u << 20); /* it would take anything: nothing is bounded */
    }
    if (sent % len != 0) /* the peer reads soon: the rest will fit then */
        return sent / len + 1;
    return sent / len;
}

static void test_peer_that_never_reads(void **state)
{
    (void)state;
    struct server server;
    static char call[4096 + 64], answer[4096 + 64];
    start(&server, "--max-output=64k");
    memset(call, 'y', sizeof call);
    memcpy(call, "{\"event\":\"api.test.board\",\"data\":\"", 34);
    memcpy(call + sizeof call - 3, "\"}\n", 3);

    size_t before = server_resident_bytes(&server);
    int fd = client_connect(server.addresses[0]);
    size_t calls = stuff(fd, call, sizeof call);
    size_t after = server_resident_bytes(&server);
    print_message("%zu calls were taken; the server grew by %zu KiB\n", calls,
                  (after > before ? after - before : 0) / 1024);
    assert_true(after < before + (16u << 20)); /* sanitizers count generously */
    expect_online(&server);

    /* Now it reads: every call that was taken is answered, in full. */
    size_t whole = calls - 1;
    size_t expected = sizeof call - strlen("\"event\":\"api.test.board\",") - 1;
    for (size_t i = 0; i < whole; i++) {
        client_read(fd, answer, expected + 1);
        assert_memory_equal(answer, "{\"data\":\"yyy", 12);
        assert_int_equal(answer[expected], '\n');
    }
    (void)close(fd);
    stop(&server);
}

static void test_write_timeout(void **state)
{
    (void)state;
    struct server server;
    static char call[4096];
    const char *args[] = {"--max-output=64k", "--write-timeout=300ms", NULL};
    server_start(&server, args);
    memset(call, ' ', sizeof call);
    memcpy(call, "{\"event\":\"api.test.board\",\"data\":[", 34);
    memcpy(call + sizeof call - 3, "]}\n", 3);
    int fd = client_connect(server.addresses[0]);
    ssize_t n;
    while ((n = send(fd, call, sizeof call, MSG_NOSIGNAL)) > 0) /* blocks until the server closes */
        ;
    assert_true(n < 0 && (errno == ECONNRESET || errno == EPIPE));
    (void)close(fd);
    expect_online(&server);
    stop(&server);
}

static void test_idle_timeout(void **state)
{
    (void)state;
    struct server server;
    char line[64];
    start(&server, "--idle-timeout=300ms");
    int silent = client_connect(server.addresses[0]), half = client_connect(server.addresses[0]);
    client_send_text(half, "{\"event\":");
    assert_int_equal(recv(silent, line, sizeof line, 0), 0); /* the end; or the time-out fails */
    /* A reset where the server had closed it before it spoke. */
    assert_true(recv(half, line, sizeof line, 0) == 0 || errno == ECONNRESET);
    (void)close(silent);
    (void)close(half);
    expect_online(&server);
    stop(&server);
}

/* What one connection too many is told; returns its length. Who says nothing within a second is
 * told in JSON: `text` may be that where this machine was slow. */
static size_t be_surplus(const char *address, const char *says, char *text, size_t cap)
{
    int fd = client_connect(address);
    size_t len = 0;
    ssize_t got;
    client_send(fd, says, strlen(says));
    while ((got = recv(fd, text + len, cap - len, 0)) > 0)
        len += (size_t)got;
    assert_true(len < cap && (got == 0 || errno == ECONNRESET));
    (void)close(fd);
    return len;
}

static void test_too_many_connections(void **state)
{
    (void)state;
    static const struct {
        const char *says, *begins; /* a client's first bytes; the answer, in its protocol */
    } surplus[] = {
        {STATUS, "{\"error\":{\"code\":\"busy\",\"message\":\"2 connections are open"},
        {"", "{\"error\":{\"code\":\"busy\""}, /* after a second */
        {"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 503 Service Unavailable\r\n"},
        {"\xED\x01", "\xED\x03"},
        {"\x16\x03\x01", ""}, /* TLS, which could read none of them */
        {"?", "{\"error\":{\"code\":\"busy\""},
    };
    enum { SLOW_MAX = 30 }; /* times a second, that nothing was said in time */
    struct server server;
    char text[512];
    start(&server, "--max-connections=2");
    int a = client_connect(server.addresses[0]), b = client_connect(server.addresses[0]);
    client_send_text(a, STATUS);
    client_send_text(b, STATUS);
    (void)client_read_line(a, text, sizeof text);
    (void)client_read_line(b, text, sizeof text);
    for (size_t i = 0; i < sizeof surplus / sizeof *surplus; i++) {
        size_t len = 0, begins = strlen(surplus[i].begins);
        bool right = false;
        for (int tries = 0; tries < SLOW_MAX && !right; tries++) {
            len = be_surplus(server.addresses[0], surplus[i].says, text, sizeof text);
            right = len >= begins && memcmp(text, surplus[i].begins, begins) == 0 &&
                    (begins > 0 || len == 0);
        }
        if (!right)
            fail_msg("%s is told %.*s", surplus[i].says, (int)len, text);
        assert_true(surplus[i].begins[0] == '\0'
                        ? len == 0
                        : memmem(text, len, "--max-connections", 17) != NULL);
    }
    assert_int_equal(shutdown(a, SHUT_WR), 0);
    assert_int_equal(client_read_all(a, text, sizeof text), 0); /* the server has let it go */
    expect_online(&server);
    (void)close(a);
    (void)close(b);
    stop(&server);
}

/* 64 MiB of zeros in 64 KiB of gzip. */
static size_t make_bomb(char *out, size_t cap)
{
    static char zeros[65536];
    unsigned char *gz = malloc(cap);
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_out = gz;
    z.avail_out = (unsigned)cap / 2;
    for (int i = 0; i < 1024; i++) {
        z.next_in = (unsigned char *)zeros;
        z.avail_in = sizeof zeros;
        assert_int_equal(deflate(&z, i == 1023 ? Z_FINISH : Z_NO_FLUSH),
                         i == 1023 ? Z_STREAM_END : Z_OK);
    }
    size_t len = evd_base64_encode(evd_slice((char *)gz, z.total_out), out);
    assert_int_equal(deflateEnd(&z), Z_OK);
    free(gz);
    return len;
}

static void test_bomb(void **state)
{
    (void)state;
    struct server server;
    static char bomb[262144];
    char line[1024];
    start(&server, "--max-inflated=1m");
    size_t len = make_bomb(bomb, sizeof bomb);
    size_t before = server_resident_bytes(&server);
    assert_true(before > 0);
    int fd = client_connect(server.addresses[0]);
    for (int i = 0; i < 20; i++) {
        client_send_text(fd,
                         "{\"event\":\"api.test.board\",\"encoding\":\"base64+gzip\",\"data\":\"");
        client_send(fd, bomb, len);
        client_send_text(fd, "\"}\n");
        (void)client_read_line(fd, line, sizeof line);
        assert_non_null(strstr(line, "\"code\":\"too_large\""));
        assert_non_null(strstr(line, "1048576"));
    }
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* they keep what was freed */
    assert_true(server_resident_bytes(&server) < before + (16u << 20));
#endif
    client_send_text(fd, STATUS);
    (void)client_read_line(fd, line, sizeof line);
    assert_string_equal(line, ONLINE);
    (void)close(fd);
    stop(&server);
}

static void test_deep_nesting(void **state)
{
    (void)state;
    struct server server;
    static char deep[500000];
    char line[1024];
    start(&server, "--max-depth=48");
    memset(deep, '[', sizeof deep);
    int fd = client_connect(server.addresses[0]);
    client_send_text(fd, "{\"event\":\"api.test.board\",\"data\":");
    client_send(fd, deep, sizeof deep);
    client_send_text(fd, "\n" STATUS);
    (void)client_read_line(fd, line, sizeof line);
    assert_non_null(strstr(line, "\"code\":\"bad_envelope\""));
    assert_non_null(strstr(line, "48"));
    (void)client_read_line(fd, line, sizeof line);
    assert_string_equal(line, ONLINE);
    (void)close(fd);
    stop(&server);
}

static void test_noise(void **state)
{
    (void)state;
    struct server server;
    uint64_t seed = 12345;
    start(&server, NULL);
    for (int i = 0; i < 300; i++) {
        unsigned char noise[700];
        for (size_t b = 0; b < sizeof noise; b++) {
            seed = seed * 6364136223846793005ull + 1442695040888963407ull;
            noise[b] = (unsigned char)(seed >> 56);
        }
        noise[0] = i % 3 == 0 ? '{' : i % 3 == 1 ? 0xED : noise[0];
        int fd = client_connect(server.addresses[0]);
        /* The server may answer and close in the middle: an error of this send is its right. */
        (void)!send(fd, noise, sizeof noise, MSG_NOSIGNAL);
        (void)shutdown(fd, SHUT_WR);
        char drop[65536];
        while (recv(fd, drop, sizeof drop, 0) > 0)
            ;
        (void)close(fd);
    }
    expect_online(&server);
    stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_byte_at_a_time),       cmocka_unit_test(test_pipelined_in_order),
        cmocka_unit_test(test_reset_in_the_middle),  cmocka_unit_test(test_peer_that_never_reads),
        cmocka_unit_test(test_write_timeout),        cmocka_unit_test(test_idle_timeout),
        cmocka_unit_test(test_too_many_connections), cmocka_unit_test(test_bomb),
        cmocka_unit_test(test_deep_nesting),         cmocka_unit_test(test_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
