/* --auth-secret-file: who comes without a good token gets one answer and the end, whatever it says
 * and however it speaks. The tokens are of tests/server/tokens.py, the clock is the test's. */
#include "harness.h"

#include "server/wire/buf.h"

#include <assert.h>
#include <endian.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define NOW         INT64_C(1700000000)
#define REFUSED     "no_permission user hasn`t permission"
#define FULL_CLAIMS "{\"sub\":\"ada\",\"role\":\"admin\",\"n\":[1, 2]}"
#define TOKEN_TEXT  4200
#define ANSWER_MAX  512

static const char *const arms[][2] = {
    {"--dispatch=static", NULL},
    {"--dispatch=dynamic", "--dynamic-load=cached"},
    {"--dispatch=dynamic", "--dynamic-load=call"},
    {"--dispatch=instance", "--instance-alloc=malloc"},
    {"--dispatch=instance", "--instance-alloc=pool"},
};

static _Atomic int64_t *server_clock;
static char secret_path[256];

/* ---- What is needed once. ---- */

static int set_up(void **state)
{
    (void)state;
    char path[256];
    (void)snprintf(path, sizeof path, "%s/clock", scratch_dir());
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, sizeof *server_clock), 0);
    server_clock = mmap(NULL, sizeof *server_clock, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(server_clock, MAP_FAILED);
    (void)close(fd);
    assert_int_equal(setenv("EVD_TEST_CLOCK", path, 1), 0);

    (void)snprintf(secret_path, sizeof secret_path, "%s/secret", scratch_dir());
    fd = open(secret_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "0123456789abcdef0123456789abcdef\n", 33), 33);
    return close(fd);
}

/* Starts it on TCP and on a Unix socket, at NOW. */
static void start(struct server *server, const char *const *arm)
{
    char unix_address[300];
    (void)snprintf(unix_address, sizeof unix_address, "unix://%s/socket", scratch_dir());
    bool dynamic = strstr(arm[0], "dynamic") != NULL;
    const char *args[] = {"--auth-secret-file",
                          secret_path,
                          "--listen",
                          "tcp://127.0.0.1:0",
                          "--listen",
                          unix_address,
                          arm[0],
                          arm[1],
                          dynamic ? "--modules" : NULL,
                          EVD_TEST_MODULES_PATH,
                          NULL};
    atomic_store(server_clock, NOW);
    server_start_program(server, AUTH_SERVER, args);
}

/* {"token":"..."}, of a row of tokens.tsv. */
static const char *token_data(const char *name)
{
    static char data[TOKEN_TEXT + 16];
    FILE *file = fopen(TOKENS, "r");
    assert_non_null(file);
    char *line = NULL, *found = NULL;
    size_t room = 0, len = strlen(name);
    while (found == NULL && getline(&line, &room, file) > 0)
        if (strncmp(line, name, len) == 0 && line[len] == '\t')
            found = strrchr(line, '\t') + 1;
    assert_non_null(found);
    (void)snprintf(data, sizeof data, "{\"token\":\"%.*s\"}", (int)strcspn(found, "\n"), found);
    free(line);
    (void)fclose(file);
    return data;
}

/* ---- A client of both transports, by docs/PROTOCOL.md. ---- */

struct peer {
    int fd;
    bool frame;
};

struct header {
    uint8_t magic, type, flags, codec;
    uint32_t length;
    uint64_t id;
    uint16_t event_len, extra_len;
};

/* Appends the bytes of a call. `encoding`: NULL, or base64, whose number is 1. */
static void put_call(const struct peer *peer, struct evd_buf *out, uint64_t id, const char *event,
                     const char *data, const char *encoding)
{
    char head[512];
    int len;
    if (peer->frame) {
        struct header header = {
            .magic = 0xED,
            .type = 1,
            .flags = 1,
            .codec = encoding != NULL,
            .length = htobe32((uint32_t)(strlen(event) + strlen(data))),
            .id = htobe64(id),
            .event_len = htobe16((uint16_t)strlen(event)),
        };
        static_assert(sizeof header == 24, "the padding is at its end");
        assert_int_equal(evd_buf_append(out, (const char *)&header, 20), EVD_OK);
        assert_int_equal(evd_buf_append(out, event, strlen(event)), EVD_OK);
        assert_int_equal(evd_buf_append(out, data, strlen(data)), EVD_OK);
        return;
    }
    len = snprintf(head, sizeof head, "{\"id\":%llu,\"event\":\"%s\"%s%s%s%s",
                   (unsigned long long)id, event, encoding != NULL ? ",\"encoding\":\"" : "",
                   encoding != NULL ? encoding : "", encoding != NULL ? "\"" : "",
                   data[0] != '\0' ? ",\"data\":" : "");
    assert_int_equal(evd_buf_append(out, head, (size_t)len), EVD_OK);
    assert_int_equal(evd_buf_append(out, data, strlen(data)), EVD_OK);
    assert_int_equal(evd_buf_append(out, "}\n", 2), EVD_OK);
}

static void send_call(const struct peer *peer, uint64_t id, const char *event, const char *data)
{
    struct evd_buf out;
    evd_buf_init(&out, 1 << 20);
    put_call(peer, &out, id, event, data, NULL);
    client_send(peer->fd, evd_buf_slice(&out).ptr, out.len);
    evd_buf_release(&out);
}

static void read_frame(const struct peer *peer, char *text, size_t cap)
{
    struct header header;
    char body[ANSWER_MAX];
    client_read(peer->fd, &header, 20);
    uint32_t length = be32toh(header.length), event = be16toh(header.event_len);
    assert_true(header.magic == 0xED && length < sizeof body);
    client_read(peer->fd, body, length);
    const char *id = (header.flags & 1) != 0 ? "" : "-";
    if (header.type == 3)
        (void)snprintf(text, cap, "%s%llu %.*s %.*s", id, (unsigned long long)be64toh(header.id),
                       (int)event, body, (int)(length - event), body + event);
    else
        (void)snprintf(text, cap, "%s%llu %.*s", id, (unsigned long long)be64toh(header.id),
                       (int)length, body);
}

/* "7 DATA", "7 CODE MESSAGE"; "-0 " before an answer without an id. */
static void read_answer(const struct peer *peer, char *text, size_t cap)
{
    char line[ANSWER_MAX], code[64], message[256];
    unsigned long long id = 0;
    int at = 0;
    if (peer->frame) {
        read_frame(peer, text, cap);
        return;
    }
    (void)client_read_line(peer->fd, line, sizeof line);
    bool has_id = sscanf(line, "{\"id\":%llu,%n", &id, &at) == 1;
    const char *rest = line + (has_id ? at : 1);
    if (sscanf(rest, "\"error\":{\"code\":\"%63[^\"]\",\"message\":\"%255[^\"]\"}}", code,
               message) == 2)
        (void)snprintf(text, cap, "%s%llu %s %s", has_id ? "" : "-", id, code, message);
    else
        (void)snprintf(text, cap, "%s%llu %.*s", has_id ? "" : "-", id, (int)strlen(rest) - 8,
                       rest + 7);
}

static void expect(const struct peer *peer, const char *answer)
{
    char text[ANSWER_MAX];
    read_answer(peer, text, sizeof text);
    assert_string_equal(text, answer);
}

static void call(const struct peer *peer, uint64_t id, const char *event, const char *data,
                 const char *answer)
{
    send_call(peer, id, event, data);
    expect(peer, answer);
}

/* An orderly end, not a reset: what was answered cannot be lost. */
static void expect_end(struct peer *peer)
{
    char byte;
    assert_int_equal(recv(peer->fd, &byte, 1, 0), 0);
    (void)close(peer->fd);
}

static struct peer connect_as(const struct server *server, int way)
{
    return (struct peer){.fd = client_connect(server->addresses[way >> 1 & 1]),
                         .frame = (way & 1) != 0};
}

#define WAYS 4 /* two transports on two kinds of socket */

/* ---- Tests ---- */

static void test_claims_reach_modules(void **state)
{
    (void)state;
    struct server server;
    for (size_t i = 0; i < sizeof arms / sizeof *arms; i++) {
        start(&server, arms[i]);
        for (int way = 0; way < WAYS; way++) {
            struct peer peer = connect_as(&server, way);
            call(&peer, 1, "auth", token_data("ada for ever"), "1 \"ok\"");
            call(&peer, 2, "whoami.claims", "", "2 " FULL_CLAIMS);
            call(&peer, 3, "whoami.subject", "7", "3 \"ada\"");
            call(&peer, 4, "whoami.later", "", "4 " FULL_CLAIMS);
            call(&peer, 5, "auth", token_data("only some"), "5 \"ok\"");
            call(&peer, 6, "whoami.claims", "",
                 "6 {\"sub\":\"bob\",\"events\":[\"whoami.claims\",\"api.hello.*\"]}");
            (void)close(peer.fd);
        }
        assert_int_equal(server_stop(&server), 0);
        assert_string_equal(server.errors, "");
    }
}

/* All of it in one write, the token first. */
static void test_pipelined(void **state)
{
    (void)state;
    struct server server;
    struct evd_buf out;
    static char large[9000];
    memset(large, ' ', sizeof large - 1);
    large[0] = large[sizeof large - 2] = '"';
    start(&server, arms[0]);
    for (int way = 0; way < WAYS; way++) {
        struct peer peer = connect_as(&server, way);
        evd_buf_init(&out, 1 << 20);
        put_call(&peer, &out, 1, "auth", token_data("ada for ever"), NULL);
        for (uint64_t id = 2; id < 100; id++)
            put_call(&peer, &out, id, id % 2 == 0 ? "whoami.subject" : "whoami.later",
                     id == 4 ? large : "", NULL); /* too large, were there no token before it */
        client_send(peer.fd, evd_buf_slice(&out).ptr, out.len);
        assert_int_equal(shutdown(peer.fd, SHUT_WR), 0);
        expect(&peer, "1 \"ok\"");
        for (int id = 2; id < 100; id++) {
            char answer[ANSWER_MAX];
            (void)snprintf(answer, sizeof answer, "%d %s", id,
                           id % 2 == 0 ? "\"ada\"" : FULL_CLAIMS);
            expect(&peer, answer);
        }
        expect_end(&peer);
        evd_buf_release(&out);
    }
    assert_int_equal(server_stop(&server), 0);
}

static void test_byte_by_byte(void **state)
{
    (void)state;
    struct server server;
    struct evd_buf out;
    start(&server, arms[0]);
    for (int way = 0; way < WAYS; way++) {
        struct peer peer = connect_as(&server, way);
        evd_buf_init(&out, 1 << 20);
        put_call(&peer, &out, 1, "auth", token_data("good"), NULL);
        put_call(&peer, &out, 2, "whoami.subject", "", NULL);
        for (size_t i = 0; i < out.len; i++)
            client_send(peer.fd, evd_buf_slice(&out).ptr + i, 1);
        expect(&peer, "1 \"ok\"");
        expect(&peer, "2 \"ada\"");
        (void)close(peer.fd);
        evd_buf_release(&out);
    }
    assert_int_equal(server_stop(&server), 0);
}

struct first {
    const char *event, *data, *encoding;
};

/* What is first and not a good token gets that one answer, and what is behind it gets none. */
static void test_strangers(void **state)
{
    (void)state;
    static char huge[9000];
    memset(huge, ' ', sizeof huge - 1);
    huge[0] = huge[sizeof huge - 2] = '"';
    char expired[TOKEN_TEXT], good[TOKEN_TEXT], forged[TOKEN_TEXT];
    (void)snprintf(expired, sizeof expired, "%s", token_data("exp zero"));
    (void)snprintf(good, sizeof good, "%s", token_data("good"));
    (void)snprintf(forged, sizeof forged, "%s", token_data("signature changed"));
    const struct first firsts[] = {
        {"whoami.claims", "", NULL},    {"", "", NULL},
        {"whoami.claims", good, NULL},  {"Auth", good, NULL},
        {"auth.auth", good, NULL},      {"auth", "", NULL},
        {"auth", "null", NULL},         {"auth", "{\"token\":\"\"}", NULL},
        {"auth", expired, NULL},        {"auth", forged, NULL},
        {"auth", "\"e30=\"", "base64"}, {"auth", huge, NULL},
        {"auth", good, "base64"}, /* a frame's data could be it all the same */
    };
    struct server server;
    struct evd_buf out;
    start(&server, arms[0]);
    for (int way = 0; way < WAYS; way++)
        for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
            struct peer peer = connect_as(&server, way);
            evd_buf_init(&out, 1 << 20);
            put_call(&peer, &out, 7, firsts[i].event, firsts[i].data, firsts[i].encoding);
            put_call(&peer, &out, 8, "auth", good, NULL);
            put_call(&peer, &out, 9, "whoami.claims", "", NULL);
            client_send(peer.fd, evd_buf_slice(&out).ptr, out.len);
            expect(&peer, "7 " REFUSED);
            expect_end(&peer);
            evd_buf_release(&out);
        }
    assert_int_equal(server_stop(&server), 0);
    assert_non_null(strstr(server.errors, "info: a token was refused: "));
    assert_null(strstr(server.errors, "eyJ"));
}

static void test_first_message_is_not_one(void **state)
{
    (void)state;
    static const char *const lines[] = {"{nonsense}\n", "{}\n", "{\"event\":7}\n", "\n \n[]\n",
                                        "{\"event\":\"auth\",\"event\":\"auth\"}\n"};
    char answer[ANSWER_MAX];
    struct server server;
    start(&server, arms[0]);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct peer peer = connect_as(&server, 0);
        client_send_text(peer.fd, lines[i]);
        expect(&peer, "-0 " REFUSED);
        expect_end(&peer);
    }
    struct peer peer = connect_as(&server, 1); /* a reply, which no client sends */
    client_send(peer.fd, "\xED\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
    expect(&peer, "-0 " REFUSED);
    expect_end(&peer);
    char endless[9000]; /* more than EVD_AUTH_MESSAGE_MAX, and no end in sight */
    memset(endless, ' ', sizeof endless);
    memcpy(endless, "{\"id\":7,", 8);
    peer = connect_as(&server, 0);
    client_send(peer.fd, endless, sizeof endless);
    expect(&peer, "7 " REFUSED);
    expect_end(&peer);
    peer = connect_as(&server, 0); /* cut off */
    client_send_text(peer.fd, "{\"id\":7,\"event\":\"auth\"");
    assert_int_equal(shutdown(peer.fd, SHUT_WR), 0);
    (void)client_read_all(peer.fd, answer, sizeof answer);
    assert_non_null(strstr(answer, "\"no_permission\",\"message\":\"user hasn`t permission\"}}\n"));
    (void)close(peer.fd);
    assert_int_equal(server_stop(&server), 0);
}

/* `good` expires at NOW + 60, and clocks may differ by 10. */
static void test_expiry(void **state)
{
    (void)state;
    struct server server;
    start(&server, arms[0]);
    for (int way = 0; way < WAYS; way++) {
        struct peer peer = connect_as(&server, way), renewed = connect_as(&server, way);
        atomic_store(server_clock, NOW);
        call(&peer, 1, "auth", token_data("good"), "1 \"ok\"");
        call(&renewed, 1, "auth", token_data("good"), "1 \"ok\"");
        atomic_store(server_clock, NOW + 69);
        call(&peer, 2, "whoami.subject", "", "2 \"ada\"");
        call(&renewed, 2, "auth", token_data("only some"), "2 \"ok\"");
        atomic_store(server_clock, NOW + 70);
        call(&peer, 3, "whoami.subject", "", "3 " REFUSED);
        expect_end(&peer);
        call(&renewed, 3, "whoami.claims", "",
             "3 {\"sub\":\"bob\",\"events\":[\"whoami.claims\",\"api.hello.*\"]}");
        call(&renewed, 4, "auth", token_data("good"), "4 " REFUSED);
        expect_end(&renewed);
        peer = connect_as(&server, way);
        call(&peer, 1, "auth", token_data("good"), "1 " REFUSED);
        expect_end(&peer);
    }
    assert_int_equal(server_stop(&server), 0);
}

static void test_events(void **state)
{
    (void)state;
    struct server server;
    start(&server, arms[0]);
    for (int way = 0; way < WAYS; way++) {
        struct peer peer = connect_as(&server, way);
        call(&peer, 1, "auth", token_data("only some"), "1 \"ok\"");
        call(&peer, 2, "whoami.subject", "", "2 " REFUSED);
        call(&peer, 3, "whoami.claims", "",
             "3 {\"sub\":\"bob\",\"events\":[\"whoami.claims\",\"api.hello.*\"]}");
        call(&peer, 4, "api.hello.nobody", "", "4 no_such_function Nobody doesn't exist");
        call(&peer, 5, "no.such", "", "5 " REFUSED);
        call(&peer, 6, "", "", "6 " REFUSED);
        call(&peer, 7, "auth", token_data("ada for ever"), "7 \"ok\"");
        call(&peer, 8, "whoami.subject", "", "8 \"ada\"");
        (void)close(peer.fd);
    }
    assert_int_equal(server_stop(&server), 0);
    assert_string_equal(server.errors, "");
}

/* What tokens take is counted, and given back. */
static void test_counts(void **state)
{
    (void)state;
    struct server server;
    struct peer peers[8];
    char line[4096];
    start(&server, arms[0]);
    for (int i = 0; i < 8; i++) {
        peers[i] = connect_as(&server, i);
        call(&peers[i], 1, "auth", token_data("ada for ever"), "1 \"ok\"");
        call(&peers[i], 2, "auth", token_data("ada for ever"), "2 \"ok\"");
    }
    (void)kill(server.pid, SIGUSR1);
    server_read_error(&server, line, sizeof line);
    const char *count = strstr(line, "\"token_bytes\":");
    assert_non_null(count);
    long bytes = strtol(count + 14, NULL, 10);
    assert_true(bytes % 8 == 0 && bytes / 8 > 100 && bytes / 8 < 300);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(shutdown(peers[i].fd, SHUT_WR), 0);
        expect_end(&peers[i]);
    }
    struct peer stranger = connect_as(&server, 0);
    call(&stranger, 9, "whoami.subject", "", "9 " REFUSED);
    expect_end(&stranger);
    (void)kill(server.pid, SIGUSR1);
    server_read_error(&server, line, sizeof line);
    assert_non_null(strstr(line, "\"refused\":1,\"token_bytes\":0"));
    assert_int_equal(server_stop(&server), 0);
}

/* A stranger is not kept by what it sends; who has brought a token is. */
static void test_strangers_do_not_stay(void **state)
{
    (void)state;
    struct server server;
    struct peer peers[WAYS], known[WAYS];
    const char *const arm[] = {"--first-byte-timeout=2", "--message-timeout=0"};
    start(&server, arm);
    for (int way = 0; way < WAYS; way++) {
        known[way] = connect_as(&server, way);
        call(&known[way], 1, "auth", token_data("good"), "1 \"ok\"");
    }
    for (int way = 0; way < WAYS; way++) {
        peers[way] = connect_as(&server, way);
        if (peers[way].frame)
            client_send(peers[way].fd, "\xED\x01\0\0", 4);
        else
            client_send_text(peers[way].fd, "\n \n{\"event\":\"auth\"");
    }
    for (int way = 0; way < WAYS; way++) {
        expect_end(&peers[way]);
        call(&known[way], 2, "whoami.subject", "", "2 \"ada\"");
        (void)close(known[way].fd);
    }
    assert_int_equal(server_stop(&server), 0);
}

static void test_without(void **state)
{
    (void)state;
    struct server server;
    static const char *const none[] = {NULL};
    server_start(&server, none);
    for (int way = 0; way < 2; way++) {
        struct peer peer = connect_as(&server, way);
        call(&peer, 1, "auth", token_data("good"), "1 no_such_function Auth doesn't exist");
        call(&peer, 2, "api.services.status", "", "2 \"online\"");
        (void)close(peer.fd);
    }
    assert_int_equal(server_stop(&server), 0);
}

static void test_bad_options(void **state)
{
    (void)state;
    char out[1024], err[1024], path[256];
    (void)snprintf(path, sizeof path, "%s/short", scratch_dir());
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "short", 5), 5);
    (void)close(fd);
    const char *const no_file[] = {EVD_SERVER_PATH, "--auth-audience", "x", NULL};
    assert_int_equal(run_program(no_file, out, sizeof out, err, sizeof err), 2);
    assert_non_null(strstr(err, "--auth-audience needs --auth-secret-file"));
    const char *const too_short[] = {EVD_SERVER_PATH, "--auth-secret-file", path, NULL};
    assert_int_equal(run_program(too_short, out, sizeof out, err, sizeof err), 1);
    assert_non_null(strstr(err, "a secret of 5 bytes; it must have 32 to 4096"));
    assert_null(strstr(out, "listening"));
    const char *const missing[] = {EVD_SERVER_PATH, "--auth-secret-file", "/no/such", NULL};
    assert_int_equal(run_program(missing, out, sizeof out, err, sizeof err), 1);
    assert_non_null(strstr(err, "--auth-secret-file /no/such: No such file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_claims_reach_modules),
        cmocka_unit_test(test_pipelined),
        cmocka_unit_test(test_byte_by_byte),
        cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_first_message_is_not_one),
        cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_strangers_do_not_stay),
        cmocka_unit_test(test_without),
        cmocka_unit_test(test_bad_options),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
