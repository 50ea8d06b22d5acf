/* Every backend x every transport x every codec x both kinds of socket: the same calls, the same
 * answers. Nothing but the state of a module may tell the backends apart. */
#include "harness.h"

#include "server/wire/transport.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct arm {
    const char *name;
    const char *args[3];
    bool shared_state;
};

static const struct arm arms[] = {
    {"static", {"--dispatch=static"}, true},
    {"dynamic/cached", {"--dispatch=dynamic", "--dynamic-load=cached"}, true},
    {"dynamic/call", {"--dispatch=dynamic", "--dynamic-load=call"}, false},
    {"instance/malloc", {"--dispatch=instance", "--instance-alloc=malloc"}, false},
    {"instance/pool", {"--dispatch=instance", "--instance-alloc=pool"}, false},
};

struct peer {
    int fd;
    const struct evd_transport *transport;
    struct evd_decoder decoder;
    struct evd_codec_context codecs;
    struct evd_buf in, out, payload;
    uint64_t next_id;
};

static void peer_open(struct peer *peer, const char *address, const struct evd_transport *transport)
{
    static const struct evd_wire_limits limits = {.max_frame = 1 << 20, .max_depth = 64};
    *peer = (struct peer){.transport = transport, .fd = client_connect(address), .next_id = 1};
    evd_decoder_init(&peer->decoder, transport, EVD_ROLE_CLIENT, &limits);
    assert_int_equal(evd_codec_context_init(&peer->codecs, 1 << 20), EVD_OK);
    evd_buf_init(&peer->in, 4 << 20);
    evd_buf_init(&peer->out, 4 << 20);
    evd_buf_init(&peer->payload, 1 << 20);
}

static void peer_close(struct peer *peer)
{
    (void)close(peer->fd);
    evd_codec_context_release(&peer->codecs);
    evd_buf_release(&peer->in);
    evd_buf_release(&peer->out);
    evd_buf_release(&peer->payload);
}

static void send_call(struct peer *peer, const char *event, const struct evd_codec *codec,
                      const char *data, const char *extra)
{
    struct evd_envelope envelope = {
        .kind = EVD_KIND_CALL,
        .codec = codec,
        .event = evd_slice_text(event),
        .envelope = evd_slice_text(extra),
    };
    char id[24];
    if (peer->transport->text) {
        (void)snprintf(id, sizeof id, "%llu", (unsigned long long)peer->next_id);
        envelope.id = (struct evd_id){.kind = EVD_ID_TEXT, .text = evd_slice_text(id)};
    } else {
        envelope.id = (struct evd_id){.kind = EVD_ID_UINT, .number = peer->next_id};
    }
    evd_buf_clear(&peer->out);
    assert_int_equal(evd_envelope_encode(&envelope, peer->transport, &peer->codecs,
                                         evd_slice_text(data), &peer->out),
                     EVD_OK);
    client_send(peer->fd, evd_buf_slice(&peer->out).ptr, peer->out.len);
}

/* Reads one answer into text: the payload, or "code: message". */
static void read_answer(struct peer *peer, const struct evd_codec *codec, char *text, size_t cap)
{
    struct evd_envelope envelope;
    struct evd_error error;
    size_t used = 0;
    int rc;

    while ((rc = evd_decode(&peer->decoder, evd_buf_slice(&peer->in), false, &used, &envelope)) ==
           EVD_MORE) {
        evd_buf_drop(&peer->in, used);
        assert_int_equal(evd_buf_reserve(&peer->in, 4096), EVD_OK);
        ssize_t got = read(peer->fd, evd_buf_tail(&peer->in), 4096);
        assert_true(got > 0);
        evd_buf_commit(&peer->in, (size_t)got);
    }
    if (rc < 0)
        fail_msg("the answer is not valid: %s", peer->decoder.error.text);

    uint64_t id = envelope.id.number;
    if (envelope.id.kind == EVD_ID_TEXT) {
        char digits[EVD_ID_MAX + 1] = "";
        memcpy(digits, envelope.id.text.ptr, envelope.id.text.len);
        id = strtoull(digits, NULL, 10);
    }
    assert_int_equal(id, peer->next_id);
    peer->next_id++;
    if (envelope.kind == EVD_KIND_ERROR) {
        (void)snprintf(text, cap, "%.*s: %.*s", (int)envelope.code.len, envelope.code.ptr,
                       (int)envelope.message.len, envelope.message.ptr);
    } else {
        struct evd_slice payload;
        if (peer->transport->text)
            envelope.codec = codec; /* a text answer does not say it: it is the call's */
        assert_ptr_equal(envelope.codec, codec);
        assert_int_equal(evd_envelope_payload(&envelope, peer->transport, &peer->codecs,
                                              &peer->payload, &payload, &error),
                         EVD_OK);
        assert_true(payload.len < cap);
        memcpy(text, payload.ptr, payload.len);
        text[payload.len] = '\0';
    }
    evd_buf_drop(&peer->in, used);
}

static void expect(struct peer *peer, const char *event, const struct evd_codec *codec,
                   const char *data, const char *extra, const char *expected)
{
    char text[65536];
    send_call(peer, event, codec, data, extra);
    read_answer(peer, codec, text, sizeof text);
    assert_string_equal(text, expected);
}

/* A payload as GitHub sends it, cut to what the module reads and one thing it does not. */
static const char payload[] =
    "{\"action\":\"opened\",\"number\":2,\"repository\":{\"id\":1,\"full_name\":"
    "\"Codertocat/Hello-World\"},\"sender\":{\"login\":\"Codertocat\",\"id\":21031067}}";

static void check_calls(struct peer *peer, const struct evd_codec *codec)
{
    static char large[40000];
    memset(large, 'x', sizeof large - 1);
    large[0] = large[sizeof large - 2] = '"';

    expect(peer, "api.services.status", codec, "\"welcome\"", "", "\"online\"");
    expect(peer, "api.hello.greeting", codec, "{\"name\":\"Ada\"}", "", "\"You're welcome Ada\"");
    expect(peer, "api.hello.greeting", codec, "null", "{\"name\":\"Gr\\u00e4fin \\\"G\\\"\"}",
           "\"You're welcome Gr\xc3\xa4"
           "fin \\\"G\\\"\"");
    expect(peer, "api.hello.greeting", codec, "{}", "", "\"Name is not defined\"");
    expect(peer, "api.test.board", codec, "{\"a\": [1, 2.50, \"\xe2\x82\xac\"]}", "",
           "{\"a\": [1, 2.50, \"\xe2\x82\xac\"]}");
    expect(peer, "api.test.board", codec, large, "", large);
    expect(peer, "api.pull_request.opened", codec, payload, "",
           "{\"action\":\"opened\",\"repository\":\"Codertocat/Hello-World\","
           "\"sender\":\"Codertocat\"}");
    expect(peer, "api.push.received", codec, "{\"ref\":\"x\"}", "",
           "{\"action\":null,\"repository\":null,\"sender\":null}");
    expect(peer, "api.repository_dispatch.on-demand-test", codec, payload, "",
           "{\"action\":\"opened\",\"repository\":\"Codertocat/Hello-World\","
           "\"sender\":\"Codertocat\"}");
    expect(peer, "api.test.testFuncFn", codec, "1", "",
           "no_such_function: TestFuncFn doesn't exist");
    expect(peer, "api.nowhere.status", codec, "1", "", "no_such_function: Status doesn't exist");
    expect(peer, "", codec, "1", "", "empty_event: Event cannot be empty");
    expect(peer, "../../etc/passwd", codec, "1", "",
           "bad_event: Event must be segments of [A-Za-z0-9_-] joined by dots, at most 255 bytes "
           "in all");
}

static void check_arm(const struct arm *arm)
{
    char unix_listen[200], modules[1024];
    (void)snprintf(unix_listen, sizeof unix_listen, "--listen=unix://%s/%.6s.sock", scratch_dir(),
                   arm->name + (strchr(arm->name, '/') != NULL ? 8 : 0));
    (void)snprintf(modules, sizeof modules, "--modules=%s", EVD_MODULES_PATH);
    bool dynamic = strncmp(arm->name, "dynamic", 7) == 0;
    const char *args[] = {arm->args[0],
                          "--listen=tcp://127.0.0.1:0",
                          unix_listen,
                          arm->args[1] != NULL ? arm->args[1] : NULL,
                          dynamic ? modules : NULL,
                          NULL};
    struct server server;
    server_start(&server, args);

    uint64_t calls = 0;
    for (size_t a = 0; a < server.address_count; a++) {
        for (size_t t = 0; evd_transports[t] != NULL; t++) {
            struct peer peer;
            peer_open(&peer, server.addresses[a], evd_transports[t]);
            for (size_t c = 0; evd_codecs[c] != NULL; c++) {
                print_message("%s, %.4s, %s, %s\n", arm->name, server.addresses[a],
                              evd_transports[t]->name, evd_codecs[c]->name);
                check_calls(&peer, evd_codecs[c]);
                char count[24];
                calls++;
                (void)snprintf(count, sizeof count, "%llu",
                               arm->shared_state ? (unsigned long long)calls : 1ull);
                if (!arm->shared_state || server_workers() == 1) /* each worker counts its own */
                    expect(&peer, "api.counter.next", evd_codecs[c], "null", "", count);
            }
            peer_close(&peer);
        }
    }
    assert_int_equal(calls, 2 * 2 * 4);
    assert_int_equal(server_stop(&server), 0);
    assert_string_equal(server.errors, "");
}

#define ARM_TEST(name, index)                                                                      \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        check_arm(&arms[index]);                                                                   \
    }
ARM_TEST(test_static, 0)
ARM_TEST(test_dynamic_cached, 1)
ARM_TEST(test_dynamic_call, 2)
ARM_TEST(test_instance_malloc, 3)
ARM_TEST(test_instance_pool, 4)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_static),        cmocka_unit_test(test_dynamic_cached),
        cmocka_unit_test(test_dynamic_call),  cmocka_unit_test(test_instance_malloc),
        cmocka_unit_test(test_instance_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
