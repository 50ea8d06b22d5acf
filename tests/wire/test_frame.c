/* The binary frame, byte for byte: every frame here is laid out by hand from the drawing in
 * docs/PROTOCOL.md, none comes from the encoder. */
#include "wire_log.h"

#define SERVER EVD_ROLE_SERVER
#define CLIENT EVD_ROLE_CLIENT

static const struct evd_wire_limits limits = {.max_frame = 256, .max_depth = 4};

/* magic, type, flags, codec */
#define CALL     "\xED\x01\x00\x00"
#define CALL_ID  "\xED\x01\x01\x00"
#define REPLY_ID "\xED\x02\x01\x00"
#define ERROR_ID "\xED\x03\x01\x00"
/* `bytes` behind the header, below 256 */
#define LENGTH(bytes) "\x00\x00\x00" bytes
#define NO_ID         "\x00\x00\x00\x00\x00\x00\x00\x00"
#define ID_7          "\x00\x00\x00\x00\x00\x00\x00\x07"
/* lengths of event and extra, below 256 */
#define PARTS(e, x) "\x00" e "\x00" x

#define CALL_7 CALL_ID LENGTH("\x03") ID_7 PARTS("\x03", "\x00") "a.b"
#define LOG_7  "call #7 event=[a.b]\n"

static void reads(enum evd_role role, struct evd_slice input, const char *expected)
{
    assert_reads(&evd_transport_frame, role, &limits, input, expected);
}

static void test_reads_calls(void **state)
{
    (void)state;
    reads(SERVER, EVD_SLICE(""), "");
    reads(SERVER, EVD_SLICE(CALL LENGTH("\x00") NO_ID PARTS("\x00", "\x00")), "call\n");
    reads(SERVER, EVD_SLICE(CALL_7), LOG_7);
    /* a whole one, number by number: id 0x0102030405060708, 9 + 14 + 3 = 26 bytes */
    reads(SERVER,
          EVD_SLICE("\xED\x01\x01\x02"
                    "\x00\x00\x00\x1A"
                    "\x01\x02\x03\x04\x05\x06\x07\x08"
                    "\x00\x09"
                    "\x00\x0E"
                    "api.hello"
                    "{\"name\":\"you\"}"
                    "\x00\xFF\x0A"),
          "call #72623859790382856 event=[api.hello] encoding=[gzip] data=[\\x00\\xFF\\x0A]\n");
    reads(SERVER, EVD_SLICE("\xED\x01\x01\x01" LENGTH("\x05") NO_ID PARTS("\x01", "\x00") "aaGk="),
          "call #0 event=[a] encoding=[base64] data=[aGk=]\n");
    reads(SERVER, EVD_SLICE("\xED\x01\x00\x03" LENGTH("\x02") NO_ID PARTS("\x00", "\x00") "xy"),
          "call encoding=[base64+gzip] data=[xy]\n");
    /* data is not looked at; a magic byte in it starts nothing */
    reads(SERVER, EVD_SLICE(CALL LENGTH("\x04") NO_ID PARTS("\x01", "\x00") "a\xED{\n" CALL_7),
          "call event=[a] data=[\\xED{\\x0A]\n" LOG_7);
}

static void test_reads_answers(void **state)
{
    (void)state;
    reads(CLIENT, EVD_SLICE(REPLY_ID LENGTH("\x08") ID_7 PARTS("\x00", "\x00") "\"online\""),
          "reply #7 data=[\"online\"]\n");
    reads(CLIENT, EVD_SLICE("\xED\x02\x00\x00" LENGTH("\x00") NO_ID PARTS("\x00", "\x00")),
          "reply\n");
    reads(CLIENT, EVD_SLICE(ERROR_ID LENGTH("\x0D") ID_7 PARTS("\x04", "\x00") "busyTry later"),
          "error #7 code=[busy] message=[Try later]\n");
}

/* The envelope is the extra, as it came. */
static void test_extra_is_the_envelope(void **state)
{
    (void)state;
    struct evd_decoder decoder;
    struct evd_envelope envelope;
    size_t used;
    evd_decoder_init(&decoder, &evd_transport_frame, SERVER, &limits);
    assert_int_equal(
        evd_decode(&decoder,
                   EVD_SLICE(CALL LENGTH("\x0D") NO_ID PARTS("\x01", "\x0B") "a {\"n\":\"x\"} 5"),
                   false, &used, &envelope),
        EVD_OK);
    assert_int_equal(used, 33);
    assert_true(evd_slice_equal(envelope.envelope, EVD_SLICE(" {\"n\":\"x\"} ")));
    assert_true(evd_slice_equal(envelope.data, EVD_SLICE("5")));
}

/* Each is refused in words, with its id where it has one, and the frame behind it is read. */
static void test_bad_headers(void **state)
{
    (void)state;
    static const struct {
        struct evd_slice frame;
        const char *error;
    } cases[] = {
        {EVD_SLICE("\xED\x00\x01\x00" LENGTH("\x02") ID_7 PARTS("\x00", "\x00") "xy"),
         "bad_frame #7: frame type must be 1 (call), not 0\n"},
        {EVD_SLICE("\xED\x02\x01\x00" LENGTH("\x02") ID_7 PARTS("\x00", "\x00") "xy"),
         "bad_frame #7: frame type must be 1 (call), not 2\n"},
        {EVD_SLICE("\xED\x04\x00\x00" LENGTH("\x02") NO_ID PARTS("\x00", "\x00") "xy"),
         "bad_frame: frame type must be 1 (call), not 4\n"},
        {EVD_SLICE("\xED\x01\x03\x00" LENGTH("\x02") ID_7 PARTS("\x00", "\x00") "xy"),
         "bad_frame #7: flags must be 0 or 1 (has an id), not 3\n"},
        {EVD_SLICE("\xED\x01\x80\x00" LENGTH("\x00") NO_ID PARTS("\x00", "\x00")),
         "bad_frame: flags must be 0 or 1 (has an id), not 128\n"},
        {EVD_SLICE(CALL LENGTH("\x00") ID_7 PARTS("\x00", "\x00")),
         "bad_frame: id must be 0 where the flag for it is not set, not 7\n"},
        {EVD_SLICE("\xED\x01\x01\x09" LENGTH("\x02") ID_7 PARTS("\x00", "\x00") "xy"),
         "bad_encoding #7: codec must be 0 (json), 1 (base64), 2 (gzip) or 3 (base64+gzip), not "
         "9\n"},
        {EVD_SLICE(CALL_ID LENGTH("\x02") ID_7 PARTS("\x02", "\x01") "xy"),
         "bad_frame #7: event and extra of 2 and 1 bytes are longer than the length, 2\n"},
        {EVD_SLICE(CALL_ID LENGTH("\x02") ID_7 "\xFF\xFF\xFF\xFF"
                                               "xy"),
         "bad_frame #7: event and extra of 65535 and 65535 bytes are longer than the length, 2\n"},
        /* extra */
        {EVD_SLICE(CALL_ID LENGTH("\x04") ID_7 PARTS("\x01", "\x03") "a[1]"),
         "bad_frame #7: extra must be a JSON object: not JSON: expected '{' at byte 0\n"},
        {EVD_SLICE(CALL_ID LENGTH("\x05") ID_7 PARTS("\x01", "\x04") "a{}{}"),
         "bad_frame #7: extra must be a JSON object: not JSON: something behind the value at byte "
         "2\n"},
        {EVD_SLICE(CALL_ID LENGTH("\x06") ID_7 PARTS("\x01", "\x05") "a{\"n\"}"),
         "bad_frame #7: extra must be a JSON object: not JSON: expected ':' at byte 4\n"},
        {EVD_SLICE(CALL_ID LENGTH("\x0F") ID_7 PARTS("\x01", "\x0E") "a{\"n\":[[[[]]]]}"),
         "bad_frame #7: extra must be a JSON object: JSON nested deeper than the limit of 4 at "
         "byte "
         "8\n"},
        {EVD_SLICE(CALL_ID LENGTH("\x0F") ID_7 PARTS("\x01", "\x0E") "a{\"n\":1,\"id\":2}"),
         "bad_frame #7: extra must not have the member id: the frame has its own place for it\n"},
        {EVD_SLICE(CALL_ID LENGTH("\x10") ID_7 PARTS("\x01", "\x0F") "a{\"dat\\u0061\":2}"),
         "bad_frame #7: extra must not have the member data: the frame has its own place for it\n"},
        {EVD_SLICE(CALL_ID LENGTH("\x0B") ID_7 PARTS("\x00", "\x0B") "{\"event\":1}"),
         "bad_frame #7: extra must not have the member event: the frame has its own place for "
         "it\n"},
        {EVD_SLICE(CALL_ID LENGTH("\x0E") ID_7 PARTS("\x00", "\x0E") "{\"encoding\":1}"),
         "bad_frame #7: extra must not have the member encoding: the frame has its own place for "
         "it\n"},
        {EVD_SLICE(CALL_ID LENGTH("\x0E") ID_7 PARTS("\x00", "\x0E") "{\"n\":\"\\u0000\"}"),
         "bad_frame #7: extra: JSON not supported: \\u0000 in a string at byte 6\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char input[512], expected[512];
        size_t len = cases[i].frame.len;
        memcpy(input, cases[i].frame.ptr, len);
        memcpy(input + len, CALL_7, sizeof CALL_7 - 1);
        (void)snprintf(expected, sizeof expected, "%s%s", cases[i].error, LOG_7);
        reads(SERVER, evd_slice(input, len + sizeof CALL_7 - 1), expected);
    }
}

static void test_bad_frames_in_a_row(void **state)
{
    (void)state;
    static const char error[] = "bad_frame #7: frame type must be 1 (call), not 9\n";
#define BAD "\xED\x09\x01\x00" LENGTH("\x05") ID_7 PARTS("\x00", "\x00") "\xED\xED\xED\xED\xED"
    char expected[256];
    (void)snprintf(expected, sizeof expected, "%s%s%s%s", error, error, LOG_7, error);
    reads(SERVER, EVD_SLICE(BAD BAD CALL_7 BAD), expected);
}

static void test_bad_answers(void **state)
{
    (void)state;
    reads(CLIENT, EVD_SLICE(CALL_7),
          "bad_frame #7: frame type must be 2 (reply) or 3 (error), not 1\n");
    reads(CLIENT, EVD_SLICE(REPLY_ID LENGTH("\x02") ID_7 PARTS("\x01", "\x00") "xy"),
          "bad_frame #7: a reply has no event\n");
    reads(CLIENT, EVD_SLICE(REPLY_ID LENGTH("\x02") ID_7 PARTS("\x00", "\x02") "{}"),
          "bad_frame #7: only a call has extra, not type 2\n");
    reads(CLIENT, EVD_SLICE(ERROR_ID LENGTH("\x02") ID_7 PARTS("\x00", "\x02") "{}"),
          "bad_frame #7: only a call has extra, not type 3\n");
    reads(CLIENT, EVD_SLICE("\xED\x03\x01\x01" LENGTH("\x02") ID_7 PARTS("\x02", "\x00") "xy"),
          "bad_frame #7: an error has no codec, but 1\n");
}

/* Without a frame's start there is no next frame: nothing behind it is read. */
static void test_bad_magic_breaks_the_stream(void **state)
{
    (void)state;
    reads(SERVER, EVD_SLICE(CALL_7 "{\"event\":1}\n" CALL_7),
          LOG_7 "bad_frame: frame must start with the byte 0xED, not 0x7B\n");
    struct evd_decoder decoder;
    struct evd_envelope envelope;
    size_t used;
    evd_decoder_init(&decoder, &evd_transport_frame, SERVER, &limits);
    assert_int_equal(evd_decode(&decoder, EVD_SLICE("\x00"), false, &used, &envelope),
                     EVD_ERR_BAD_FRAME);
    assert_true(decoder.state.broken);
}

static void test_truncated(void **state)
{
    (void)state;
    reads(SERVER, EVD_SLICE(CALL_7 "\xED"),
          LOG_7 "bad_frame: truncated frame: 1 of 20 bytes of its header\n");
    reads(SERVER, EVD_SLICE(CALL_ID LENGTH("\x03") ID_7 "\x00\x03\x00"),
          "bad_frame: truncated frame: 19 of 20 bytes of its header\n");
    reads(SERVER, EVD_SLICE(CALL_ID LENGTH("\x14") ID_7 PARTS("\x03", "\x00")),
          "bad_frame #7: truncated frame: 20 of 40 bytes\n");
    reads(SERVER, EVD_SLICE(CALL_ID LENGTH("\x14") ID_7 PARTS("\x03", "\x00") "a.b"),
          "bad_frame #7: truncated frame: 23 of 40 bytes\n");
}

static void test_frame_limit_counts_the_header(void **state)
{
    (void)state;
    char input[1024] = CALL_ID LENGTH("\xEC") ID_7 PARTS("\x01", "\x00") "a"; /* 236 + 20 */
    char expected[512] = "call #7 event=[a] data=[";
    memset(input + 21, 'x', 235);
    memset(expected + strlen(expected), 'x', 235);
    memcpy(expected + strlen(expected), "]\n", 3);
    reads(SERVER, evd_slice(input, 256), expected);

    input[7] = '\xED'; /* 237: a byte more */
    input[256] = 'x';
    memcpy(input + 257, CALL_7, sizeof CALL_7 - 1);
    reads(SERVER, evd_slice(input, 257 + sizeof CALL_7 - 1),
          "too_large #7: frame of 257 bytes is longer than the limit of 256 bytes\n" LOG_7);
    /* the longest that can be said; its end never comes */
    memset(input + 4, '\xFF', 4);
    reads(SERVER, evd_slice(input, 300),
          "too_large #7: frame of 4294967315 bytes is longer than the limit of 256 bytes\n");
}

/* A frame too long is known by its header, long before its end. */
static void test_refused_as_soon_as_known(void **state)
{
    (void)state;
    struct evd_decoder decoder;
    struct evd_envelope envelope;
    size_t used;
    static const char header[] = CALL_ID "\x00\x01\x00\x00" ID_7 PARTS("\x01", "\x00");
    evd_decoder_init(&decoder, &evd_transport_frame, SERVER, &limits);
    assert_int_equal(evd_decode(&decoder, evd_slice(header, 19), false, &used, &envelope),
                     EVD_MORE);
    assert_int_equal(used, 0);
    assert_int_equal(evd_decode(&decoder, evd_slice(header, 20), false, &used, &envelope),
                     EVD_ERR_TOO_LARGE);
    assert_int_equal(used, 20);
    assert_int_equal(decoder.state.skip, 65536);
}

/* ---- Writing ---- */

#define UINT(n) .id = {.kind = EVD_ID_UINT, .number = (n)}

static void check_written(const struct evd_envelope *envelope, struct evd_slice expected)
{
    struct evd_buf out;
    evd_buf_init(&out, 4096);
    assert_int_equal(evd_buf_append(&out, "before", 6), EVD_OK);
    assert_int_equal(evd_transport_frame.encode(&out, envelope), EVD_OK);
    assert_int_equal(out.len, 6 + expected.len);
    assert_memory_equal(out.ptr, "before", 6);
    assert_memory_equal(out.ptr + 6, expected.ptr, expected.len);
    evd_buf_release(&out);
}

static void test_writes(void **state)
{
    (void)state;
    struct evd_envelope call = {.kind = EVD_KIND_CALL, .event = EVD_SLICE("a.b"), UINT(7)};
    check_written(&call, EVD_SLICE(CALL_7));
    call.id = (struct evd_id){EVD_ID_UINT, UINT64_C(0x0102030405060708), {NULL, 0}};
    call.codec = &evd_codec_gzip;
    call.data = EVD_SLICE("\x00\xFF");
    call.envelope = EVD_SLICE(" { \"id\":1, \"n\" : \"x\" , \"m\":[1, 2], \"\\u0064ata\":0 } ");
    check_written(&call, EVD_SLICE("\xED\x01\x01\x02"
                                   "\x00\x00\x00\x19"
                                   "\x01\x02\x03\x04\x05\x06\x07\x08"
                                   "\x00\x03"
                                   "\x00\x14"
                                   "a.b"
                                   "{\"n\":\"x\",\"m\":[1, 2]}"
                                   "\x00\xFF"));
    call = (struct evd_envelope){.kind = EVD_KIND_CALL,
                                 .id = {EVD_ID_NONE, 5, {NULL, 0}},
                                 .envelope = EVD_SLICE("{\"id\":1}")};
    check_written(&call, EVD_SLICE(CALL LENGTH("\x00") NO_ID PARTS("\x00", "\x00")));

    struct evd_envelope reply = {.kind = EVD_KIND_REPLY,
                                 UINT(7),
                                 .event = EVD_SLICE("ignored"),
                                 .envelope = EVD_SLICE("ignored"),
                                 .data = EVD_SLICE("\"online\"")};
    check_written(&reply,
                  EVD_SLICE(REPLY_ID LENGTH("\x08") ID_7 PARTS("\x00", "\x00") "\"online\""));
    struct evd_envelope error = {.kind = EVD_KIND_ERROR,
                                 UINT(7),
                                 .codec = &evd_codec_gzip,
                                 .code = EVD_SLICE("busy"),
                                 .message = EVD_SLICE("Try later")};
    check_written(&error,
                  EVD_SLICE(ERROR_ID LENGTH("\x0D") ID_7 PARTS("\x04", "\x00") "busyTry later"));
    /* text is UTF-8, whatever a module says */
    error.code = EVD_SLICE("b\xFF");
    error.message = EVD_SLICE("\xC3\xA9\xE2\x82");
    check_written(&error, EVD_SLICE(ERROR_ID LENGTH("\x0C") ID_7 PARTS(
                              "\x04", "\x00") "b\xEF\xBF\xBD"
                                              "\xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBD"));
}

static void test_refuses_to_write(void **state)
{
    (void)state;
    static char long_event[65536];
    static char long_extra[70000];
    memset(long_extra, 'a', sizeof long_extra);
    memcpy(long_extra, "{\"k\":\"", 6);
    memcpy(long_extra + sizeof long_extra - 2, "\"}", 2);
    const struct {
        struct evd_envelope envelope;
        int status;
    } cases[] = {
        {{.event = EVD_SLICE("a"), .id = {EVD_ID_TEXT, 0, EVD_SLICE("\"x\"")}},
         EVD_ERR_BAD_ENVELOPE},
        {{.event = EVD_SLICE("a"), .envelope = EVD_SLICE("[1]")}, EVD_ERR_BAD_ENVELOPE},
        {{.event = EVD_SLICE("a"), .envelope = EVD_SLICE("{\"n\":1")}, EVD_ERR_BAD_ENVELOPE},
        {{.event = EVD_SLICE("a"), .envelope = EVD_SLICE("{} x")}, EVD_ERR_BAD_ENVELOPE},
        {{.event = {long_event, sizeof long_event}}, EVD_ERR_TOO_LARGE},
        {{.event = EVD_SLICE("a"), .envelope = {long_extra, sizeof long_extra}}, EVD_ERR_TOO_LARGE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct evd_buf out;
        evd_buf_init(&out, 200000);
        assert_int_equal(evd_buf_append(&out, "before", 6), EVD_OK);
        assert_int_equal(evd_transport_frame.encode(&out, &cases[i].envelope), cases[i].status);
        assert_int_equal(out.len, 6);
        evd_buf_release(&out);
    }
}

static void test_survives(void **state)
{
    (void)state;
    static const char input[] = CALL_7 "\xED\x01\x01\x02" LENGTH("\x0D")
        ID_7 PARTS("\x01", "\x0B") "a {\"n\":\"x\"} 5" REPLY_ID LENGTH("\x08")
            ID_7 PARTS("\x00", "\x00") "\"online\"" ERROR_ID LENGTH("\x0D")
                ID_7 PARTS("\x04", "\x00") "busyTry later" CALL_ID
                                           "\x00\x00\x01\x00" ID_7 PARTS("\x03", "\x00");
    for (enum evd_role role = SERVER; role <= CLIENT; role++) {
        assert_survives_truncation(&evd_transport_frame, role, &limits, EVD_SLICE(input));
        assert_survives_mutation(&evd_transport_frame, role, &limits, EVD_SLICE(input), 3, 6000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_calls),
        cmocka_unit_test(test_reads_answers),
        cmocka_unit_test(test_extra_is_the_envelope),
        cmocka_unit_test(test_bad_headers),
        cmocka_unit_test(test_bad_frames_in_a_row),
        cmocka_unit_test(test_bad_answers),
        cmocka_unit_test(test_bad_magic_breaks_the_stream),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_frame_limit_counts_the_header),
        cmocka_unit_test(test_refused_as_soon_as_known),
        cmocka_unit_test(test_writes),
        cmocka_unit_test(test_refuses_to_write),
        cmocka_unit_test(test_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
