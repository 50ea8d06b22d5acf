/* The conformance suite of transports: every test runs for each line of transport.def, and for each
 * codec of codec.def where that matters. */
#include "wire_log.h"

#define PAYLOAD_MAX (64 * 1024)

static const struct evd_wire_limits limits = {.max_frame = 1024 * 1024, .max_depth = 16};

struct fixture {
    const struct evd_transport *transport;
    struct evd_codec_context context;
    struct evd_buf out, scratch;
};

static int open_fixture(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(evd_codec_context_init(&fixture->context, PAYLOAD_MAX), EVD_OK);
    evd_buf_init(&fixture->out, 4 * 1024 * 1024);
    evd_buf_init(&fixture->scratch, PAYLOAD_MAX * 2);
    return 0;
}

static int close_fixture(void **state)
{
    struct fixture *fixture = *state;
    evd_codec_context_release(&fixture->context);
    evd_buf_release(&fixture->out);
    evd_buf_release(&fixture->scratch);
    return 0;
}

static void append(struct fixture *fixture, const struct evd_envelope *envelope,
                   struct evd_slice payload)
{
    struct evd_envelope written = *envelope;
    assert_int_equal(evd_envelope_encode(&written, fixture->transport, &fixture->context, payload,
                                         &fixture->out),
                     EVD_OK);
}

/* The one message in fixture->out, as `role` reads it. */
static struct evd_envelope read_back(struct fixture *fixture, struct evd_decoder *decoder,
                                     enum evd_role role)
{
    struct evd_slice bytes = evd_buf_slice(&fixture->out);
    struct evd_envelope envelope;
    size_t used;
    evd_decoder_init(decoder, fixture->transport, role, &limits);
    assert_true(fixture->transport->sniff((unsigned char)bytes.ptr[0]));
    int rc = evd_decode(decoder, bytes, false, &used, &envelope);
    if (rc < 0)
        print_error("%s\n", decoder->error.text);
    assert_int_equal(rc, EVD_OK);
    assert_int_equal(used, bytes.len);
    return envelope;
}

static void assert_payload(struct fixture *fixture, const struct evd_envelope *envelope,
                           struct evd_slice expected)
{
    struct evd_slice payload;
    struct evd_error error;
    int rc = evd_envelope_payload(envelope, fixture->transport, &fixture->context,
                                  &fixture->scratch, &payload, &error);
    if (rc < 0)
        print_error("%s\n", error.text);
    assert_int_equal(rc, EVD_OK);
    assert_true(evd_slice_equal(payload, expected));
}

/* ---- Round trips ---- */

static struct evd_slice json_payload(size_t i)
{
    static char large[30000];
    static const char *const texts[] = {"null", "\"welcome\"",
                                        "{\"a\":[1,2.5,\"\\u00e9\xC3\xA9\"]}"};
    if (i < 3)
        return evd_slice_text(texts[i]);
    large[0] = '[';
    for (size_t at = 1; at < sizeof large - 2; at += 2)
        memcpy(large + at, "7,", 2);
    memcpy(large + sizeof large - 3, "77]", 3);
    return evd_slice(large, sizeof large);
}

#define JSON_PAYLOADS 4

static struct evd_slice byte_payload(size_t i)
{
    static char bytes[5000];
    static const size_t sizes[] = {1, 2, 3, 256, 5000};
    uint64_t seed = i;
    test_random_bytes(&seed, bytes, sizes[i]);
    if (sizes[i] == 256)
        for (size_t at = 0; at < 256; at++)
            bytes[at] = (char)at;
    return evd_slice(bytes, sizes[i]);
}

#define BYTE_PAYLOADS 5

static void check_round_trip(struct fixture *fixture, const struct evd_codec *codec,
                             struct evd_slice payload)
{
    struct evd_decoder decoder;
    struct evd_envelope call = {.kind = EVD_KIND_CALL,
                                .id = {EVD_ID_UINT, 42, {NULL, 0}},
                                .codec = codec,
                                .event = EVD_SLICE("api.test.board"),
                                .envelope = EVD_SLICE("{\"name\":\"x\"}")};
    evd_buf_clear(&fixture->out);
    append(fixture, &call, payload);
    struct evd_envelope got = read_back(fixture, &decoder, EVD_ROLE_SERVER);
    assert_int_equal(got.kind, EVD_KIND_CALL);
    assert_int_equal(got.id.kind, EVD_ID_UINT);
    assert_int_equal(got.id.number, 42);
    assert_ptr_equal(got.codec, codec);
    assert_true(evd_slice_equal(got.event, call.event));
    assert_payload(fixture, &got, payload);

    struct evd_json_scan scan;
    struct evd_slice key, value;
    evd_json_scan_init(&scan, got.envelope, 16);
    assert_int_equal(evd_json_scan_object(&scan), EVD_OK);
    assert_int_equal(evd_envelope_next_extra(&scan, &key, &value, NULL), EVD_MORE);
    assert_true(evd_slice_equal(key, EVD_SLICE("name")));
    assert_true(evd_slice_equal(value, EVD_SLICE("\"x\"")));
    assert_int_equal(evd_envelope_next_extra(&scan, &key, &value, NULL), EVD_DONE);

    struct evd_envelope reply = {.kind = EVD_KIND_REPLY, .id = got.id, .codec = got.codec};
    evd_buf_clear(&fixture->out);
    append(fixture, &reply, payload);
    got = read_back(fixture, &decoder, EVD_ROLE_CLIENT);
    assert_int_equal(got.kind, EVD_KIND_REPLY);
    assert_int_equal(got.id.number, 42);
    got.codec = codec; /* a text answer does not name it: it is the call's */
    assert_payload(fixture, &got, payload);
}

static void test_round_trip_in_every_codec(void **state)
{
    struct fixture *fixture = *state;
    for (size_t c = 0; evd_codecs[c] != NULL; c++) {
        for (size_t i = 0; i < JSON_PAYLOADS; i++)
            check_round_trip(fixture, evd_codecs[c], json_payload(i));
        for (size_t i = 0; i < BYTE_PAYLOADS && !evd_codecs[c]->identity; i++)
            check_round_trip(fixture, evd_codecs[c], byte_payload(i));
    }
}

static void test_empty_payload(void **state)
{
    struct fixture *fixture = *state;
    struct evd_decoder decoder;
    for (size_t c = 0; evd_codecs[c] != NULL; c++) {
        struct evd_envelope call = {
            .kind = EVD_KIND_CALL, .codec = evd_codecs[c], .event = EVD_SLICE("a")};
        evd_buf_clear(&fixture->out);
        append(fixture, &call, EVD_SLICE(""));
        struct evd_envelope got = read_back(fixture, &decoder, EVD_ROLE_SERVER);
        assert_payload(fixture, &got, EVD_SLICE(""));
    }
}

static void test_errors_round_trip(void **state)
{
    struct fixture *fixture = *state;
    struct evd_decoder decoder;
    static const char *const messages[] = {"", "Event cannot be empty", "\"quoted\"\\ \n\t\x01",
                                           "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"};
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        struct evd_envelope error = {.kind = EVD_KIND_ERROR,
                                     .id = {EVD_ID_UINT, 7, {NULL, 0}},
                                     .codec = &evd_codec_gzip, /* the call's: not for an error */
                                     .code = EVD_SLICE("no_such_function"),
                                     .message = evd_slice_text(messages[i])};
        evd_buf_clear(&fixture->out);
        assert_int_equal(evd_envelope_encode(&error, fixture->transport, NULL, EVD_SLICE("ignored"),
                                             &fixture->out),
                         EVD_OK);
        struct evd_envelope got = read_back(fixture, &decoder, EVD_ROLE_CLIENT);
        assert_int_equal(got.kind, EVD_KIND_ERROR);
        assert_int_equal(got.id.number, 7);
        assert_true(evd_slice_equal(got.code, error.code));
        assert_true(evd_slice_equal(got.message, error.message));
    }
}

static void check_id(struct fixture *fixture, struct evd_id id)
{
    static const enum evd_kind kinds[] = {EVD_KIND_CALL, EVD_KIND_REPLY, EVD_KIND_ERROR};
    for (size_t i = 0; i < 3; i++) {
        struct evd_decoder decoder;
        struct evd_envelope envelope = {.kind = kinds[i], .id = id, .code = EVD_SLICE("c")};
        evd_buf_clear(&fixture->out);
        append(fixture, &envelope, EVD_SLICE("1"));
        struct evd_envelope got = read_back(
            fixture, &decoder, kinds[i] == EVD_KIND_CALL ? EVD_ROLE_SERVER : EVD_ROLE_CLIENT);
        assert_int_equal(got.kind, kinds[i]);
        assert_int_equal(got.id.kind, id.kind);
        assert_true(got.id.number == id.number);
        assert_true(evd_slice_equal(got.id.text, id.text));
    }
}

static void test_ids_round_trip(void **state)
{
    struct fixture *fixture = *state;
    static const uint64_t numbers[] = {0, 1, 9, 10, 255, 1234567890, UINT64_MAX - 1, UINT64_MAX};
    static const char *const texts[] = {
        "-1", "1.50", "1e3", "18446744073709551616", "\"\"", "\"x\"", "\"\\u00e9\\\"\""};
    check_id(fixture, (struct evd_id){EVD_ID_NONE, 0, {NULL, 0}});
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        check_id(fixture, (struct evd_id){EVD_ID_UINT, numbers[i], {NULL, 0}});
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct evd_id id = {EVD_ID_TEXT, 0, evd_slice_text(texts[i])};
        if (fixture->transport->text) {
            check_id(fixture, id);
            continue;
        }
        struct evd_envelope reply = {.kind = EVD_KIND_REPLY, .id = id};
        evd_buf_clear(&fixture->out);
        assert_int_equal(evd_envelope_encode(&reply, fixture->transport, &fixture->context,
                                             EVD_SLICE("1"), &fixture->out),
                         EVD_ERR_BAD_ENVELOPE);
        assert_int_equal(fixture->out.len, 0);
    }
}

/* ---- Streams ---- */

/* Calls or answers of every codec, one behind the other; returns how many. */
static size_t append_batch(struct fixture *fixture, enum evd_role reader)
{
    size_t count = 0;
    evd_buf_clear(&fixture->out);
    for (; count < 12; count++) {
        bool call = reader == EVD_ROLE_SERVER;
        struct evd_envelope message = {
            .kind = call             ? EVD_KIND_CALL
                    : count % 3 == 2 ? EVD_KIND_ERROR
                                     : EVD_KIND_REPLY,
            .id = {EVD_ID_UINT, count, {NULL, 0}},
            .codec = evd_codecs[count % 4],
            .event = call ? EVD_SLICE("api.test.board") : EVD_SLICE(""),
            .code = EVD_SLICE("busy"),
            .message = EVD_SLICE("Try \"later\"\n"),
        };
        append(fixture, &message, json_payload(count % 3));
    }
    return count;
}

static void test_pipelined(void **state)
{
    struct fixture *fixture = *state;
    static struct wire_log log;
    for (enum evd_role role = EVD_ROLE_SERVER; role <= EVD_ROLE_CLIENT; role++) {
        char id[32];
        const char *at = log.text;
        size_t count = append_batch(fixture, role);
        struct evd_slice bytes = evd_buf_slice(&fixture->out);
        log_whole(&log, fixture->transport, role, &limits, bytes);
        assert_int_equal(log.messages, count);
        assert_int_equal(log.errors, 0);
        for (size_t i = 0; i < count; i++) { /* in order */
            (void)snprintf(id, sizeof id, " #%zu ", i);
            at = strstr(at, id);
            assert_non_null(at);
        }
        assert_reads(fixture->transport, role, &limits, bytes, log.text);
    }
}

static void test_survives(void **state)
{
    struct fixture *fixture = *state;
    static const struct evd_wire_limits small = {.max_frame = 64, .max_depth = 2};
    for (enum evd_role writer = EVD_ROLE_SERVER; writer <= EVD_ROLE_CLIENT; writer++) {
        append_batch(fixture, writer);
        struct evd_slice bytes = evd_buf_slice(&fixture->out);
        for (enum evd_role reader = EVD_ROLE_SERVER; reader <= EVD_ROLE_CLIENT; reader++) {
            assert_survives_truncation(fixture->transport, reader, &limits, bytes);
            assert_survives_mutation(fixture->transport, reader, &limits, bytes, 5, 300);
            assert_survives_mutation(fixture->transport, reader, &small, bytes, 6, 300);
        }
    }
}

/* A message at the limit is read; one byte more and it is refused, once, with its id; the messages
 * around it are read either way. */
static void test_limit(void **state)
{
    struct fixture *fixture = *state;
    static struct wire_log log;
    struct evd_envelope call = {
        .kind = EVD_KIND_CALL, .id = {EVD_ID_UINT, 77, {NULL, 0}}, .event = EVD_SLICE("a.b")};
    evd_buf_clear(&fixture->out);
    append(fixture, &call, json_payload(3));
    size_t size = fixture->out.len;
    call.id.number = 78;
    append(fixture, &call, EVD_SLICE("1"));
    for (size_t max = size; max >= size - 1; max--) {
        struct evd_wire_limits at = {.max_frame = max, .max_depth = 16};
        log_whole(&log, fixture->transport, EVD_ROLE_SERVER, &at, evd_buf_slice(&fixture->out));
        assert_int_equal(log.messages, max == size ? 2 : 1);
        assert_int_equal(log.errors, max == size ? 0 : 1);
        assert_true((strstr(log.text, "too_large #77: ") != NULL) == (max < size));
        assert_non_null(strstr(log.text, "call #78 "));
    }
}

/* As long as the buffer has no room an error leaves it as it was. */
static void test_no_room(void **state)
{
    struct fixture *fixture = *state;
    static const enum evd_kind kinds[] = {EVD_KIND_CALL, EVD_KIND_REPLY, EVD_KIND_ERROR};
    for (size_t k = 0; k < 3; k++)
        for (size_t c = 0; evd_codecs[c] != NULL; c++) {
            struct evd_envelope message = {.kind = kinds[k],
                                           .codec = evd_codecs[c],
                                           .event = EVD_SLICE("a.b"),
                                           .envelope = EVD_SLICE("{\"name\":\"x\"}"),
                                           .code = EVD_SLICE("c"),
                                           .message = EVD_SLICE("m")};
            evd_buf_clear(&fixture->out);
            append(fixture, &message, json_payload(2));
            size_t size = fixture->out.len, max = 8;
            int rc = EVD_ERR_TOO_LARGE;
            for (; rc == EVD_ERR_TOO_LARGE; max++) {
                struct evd_buf out;
                evd_buf_init(&out, max);
                assert_int_equal(evd_buf_append(&out, "12345678", 8), EVD_OK);
                rc = evd_envelope_encode(&message, fixture->transport, &fixture->context,
                                         json_payload(2), &out);
                if (rc < 0) {
                    assert_int_equal(rc, EVD_ERR_TOO_LARGE);
                    assert_int_equal(out.len, 8);
                } else {
                    assert_int_equal(out.len, 8 + size);
                    assert_memory_equal(out.ptr + 8, fixture->out.ptr, size);
                }
                assert_memory_equal(out.ptr, "12345678", 8);
                evd_buf_release(&out);
            }
            assert_int_equal(rc, EVD_OK);
            assert_true(max > 8 + size && max <= 8 + size + 256); /* nor does it ask for far more */
        }
}

/* ---- Which transport a connection speaks ---- */

static void test_found_by_name_and_first_byte(void **state)
{
    struct fixture *fixture = *state;
    const struct evd_transport *transport = fixture->transport;
    size_t bytes = 0;
    assert_ptr_equal(evd_transport_by_name(evd_slice_text(transport->name)), transport);
    assert_null(evd_transport_by_name(EVD_SLICE("")));
    assert_null(evd_transport_by_name(EVD_SLICE("carrier-pigeon")));
    for (unsigned first = 0; first < 256; first++) {
        size_t accept = 0;
        for (size_t i = 0; evd_transports[i] != NULL; i++)
            accept += evd_transports[i]->sniff((unsigned char)first);
        assert_true(accept <= 1);
        if (transport->sniff((unsigned char)first)) {
            bytes++;
            assert_ptr_equal(evd_transport_by_first((unsigned char)first), transport);
        } else if (accept == 0) {
            assert_null(evd_transport_by_first((unsigned char)first));
        }
    }
    assert_true(bytes > 0);
}

#define CONFORMANCE(ident, test)                                                                   \
    {                                                                                              \
        .name = #test " (" #ident ")", .test_func = test, .setup_func = open_fixture,              \
        .teardown_func = close_fixture, .initial_state = &ident                                    \
    }

#define EVD_TRANSPORT(ident) static struct fixture ident = {.transport = &evd_transport_##ident};
#include "server/wire/transport.def"
#undef EVD_TRANSPORT

int main(void)
{
    static const struct CMUnitTest tests[] = {
#define EVD_TRANSPORT(ident)                                                                       \
    CONFORMANCE(ident, test_round_trip_in_every_codec), CONFORMANCE(ident, test_empty_payload),    \
        CONFORMANCE(ident, test_errors_round_trip), CONFORMANCE(ident, test_ids_round_trip),       \
        CONFORMANCE(ident, test_pipelined), CONFORMANCE(ident, test_survives),                     \
        CONFORMANCE(ident, test_limit), CONFORMANCE(ident, test_no_room),                          \
        CONFORMANCE(ident, test_found_by_name_and_first_byte),
#include "server/wire/transport.def"
#undef EVD_TRANSPORT
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
