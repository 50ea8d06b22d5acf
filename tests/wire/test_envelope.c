/* Envelopes: which members are found, what is refused and in which words, payloads and codecs. */
#include "wire_log.h"

static const struct evd_wire_limits limits = {.max_frame = 64 * 1024, .max_depth = 8};

struct scan_case {
    const char *text, *expected;
};

/* Each text at its exact size on the heap, scanned as a `role` reads it. */
static void check_scans(enum evd_role role, const struct scan_case *cases, size_t count)
{
    static struct wire_log log;
    for (size_t i = 0; i < count; i++) {
        struct evd_decoder decoder;
        struct evd_envelope envelope;
        size_t len = strlen(cases[i].text);
        char *copy = malloc(len + 1);
        assert_non_null(copy);
        memcpy(copy, cases[i].text, len);
        evd_decoder_init(&decoder, &evd_transport_jsonl, role, &limits);
        log.len = 0;
        int rc = evd_envelope_scan(&decoder, evd_slice(copy, len), &envelope);
        if (rc == EVD_OK) {
            log_envelope(&log, &envelope);
            bool call = role == EVD_ROLE_SERVER;
            assert_int_equal(envelope.envelope.len, call ? len : 0);
        } else {
            assert_int_equal(rc, decoder.error.status);
            log_error(&log, &decoder.error, &envelope.id);
        }
        log.text[log.len - 1] = '\0'; /* the newline */
        assert_string_equal(log.text, cases[i].expected);
        free(copy);
    }
}

#define CHECK_SCANS(role, cases) check_scans(role, cases, sizeof(cases) / sizeof *(cases))

static void test_calls(void **state)
{
    (void)state;
    static const struct scan_case cases[] = {
        {"{}", "call"},
        {" { } ", "call"},
        {"{\"event\":\"a.b\"}", "call event=[a.b]"},
        {"{\"id\":7,\"event\":\"a.b\",\"data\":[1, 2]}", "call #7 event=[a.b] data=[[1, 2]]"},
        {"{\"data\":{\"id\":1,\"event\":2},\"event\":\"a\",\"id\":7}",
         "call #7 event=[a] data=[{\"id\":1,\"event\":2}]"},
        {"\t{ \"id\" : 7 , \"data\" : \"x\" }\r", "call #7 data=[\"x\"]"},
        {"{\"event\":\"\",\"data\":null}", "call data=[null]"},
        {"{\"name\":\"x\",\"error\":5,\"code\":1,\"code\":2,\"message\":0,\"event\":\"a\"}",
         "call event=[a]"},
        {"{\"event\":\"a\",\"ID\":1,\"Event\":2,\"idd\":3,\"i\":4,\"\":5}", "call event=[a]"},
        /* escapes, in keys and in the event */
        {"{\"\\u0065vent\":\"a\\u002eb\",\"\\u0069\\u0064\":1,\"d\\u0061ta\":2}",
         "call #1 event=[a.b] data=[2]"},
        {"{\"event\":\"\\u00e9\\/\"}", "call event=[\\xC3\\xA9/]"},
        {"{\"\\u0065vent\\u0065\":1,\"ev\\u0065n\":2,\"\\\"\":3}", "call"},
        /* encodings */
        {"{\"encoding\":\"json\",\"data\":1}", "call data=[1]"},
        {"{\"encoding\":\"base64\",\"data\":\"aGk=\"}", "call encoding=[base64] data=[\"aGk=\"]"},
        {"{\"data\":\"\\u0000\",\"encoding\":\"gzip\"}", "call encoding=[gzip] data=[\"\\u0000\"]"},
        {"{\"encoding\":\"base64+gzip\"}", "call encoding=[base64+gzip]"},
        {"{\"encoding\":\"bas\\u006564\",\"data\":\"\"}", "call encoding=[base64] data=[\"\"]"},
        /* \u0000 is the data's own affair */
        {"{\"data\":{\"\\u0000\":\"\\u0000\"}}", "call data=[{\"\\u0000\":\"\\u0000\"}]"},
    };
    CHECK_SCANS(EVD_ROLE_SERVER, cases);
}

static void test_ids(void **state)
{
    (void)state;
    static const struct scan_case cases[] = {
        {"{\"id\":null}", "call"},
        {"{\"id\":0}", "call #0"},
        {"{\"id\":18446744073709551615}", "call #18446744073709551615"},
        {"{\"id\":18446744073709551616}", "call id=[18446744073709551616]"},
        {"{\"id\":99999999999999999999999}", "call id=[99999999999999999999999]"},
        {"{\"id\":-0}", "call id=[-0]"},
        {"{\"id\":-7}", "call id=[-7]"},
        {"{\"id\":7.0}", "call id=[7.0]"},
        {"{\"id\":7e1}", "call id=[7e1]"},
        {"{\"id\":\"\"}", "call id=[\"\"]"},
        {"{\"id\":\"7\"}", "call id=[\"7\"]"},
        {"{\"id\":\"a\\\"\\u0062\"}", "call id=[\"a\\\"\\u0062\"]"},
        {"{\"id\":\"12345678901234567890123456789012345678901234567890123456789012\"}",
         "call id=[\"12345678901234567890123456789012345678901234567890123456789012\"]"},
        {"{\"id\":\"123456789012345678901234567890123456789012345678901234567890123\"}",
         "bad_envelope: id must have at most 64 bytes, not 65"},
        {"{\"id\":true}", "bad_envelope: id must be a number, a string or null, not a boolean"},
        {"{\"id\":[7]}", "bad_envelope: id must be a number, a string or null, not an array"},
        {"{\"id\":{}}", "bad_envelope: id must be a number, a string or null, not an object"},
    };
    CHECK_SCANS(EVD_ROLE_SERVER, cases);
}

static void test_calls_refused(void **state)
{
    (void)state;
    static const struct scan_case cases[] = {
        {"{\"event\":5}", "bad_envelope: event must be a string, not a number"},
        {"{\"event\":null,\"id\":7}", "bad_envelope #7: event must be a string, not null"},
        {"{\"id\":7,\"event\":[]}", "bad_envelope #7: event must be a string, not an array"},
        {"{\"event\":true,\"id\":{}}", "bad_envelope: event must be a string, not a boolean"},
        {"{\"event\":{},\"encoding\":\"x\",\"id\":\"y\"}",
         "bad_envelope id=[\"y\"]: event must be a string, not an object"},
        /* repeated, also under an escape */
        {"{\"event\":\"a\",\"event\":\"a\"}", "bad_envelope: event is there twice"},
        {"{\"event\":\"a\",\"\\u0065vent\":\"b\",\"id\":7}",
         "bad_envelope #7: event is there twice"},
        {"{\"id\":7,\"id\":8}", "bad_envelope #7: id is there twice"},
        {"{\"id\":null,\"id\":8}", "bad_envelope: id is there twice"},
        {"{\"data\":1,\"id\":7,\"d\\u0061t\\u0061\":1}", "bad_envelope #7: data is there twice"},
        {"{\"encoding\":\"json\",\"encoding\":\"json\"}", "bad_envelope: encoding is there twice"},
        /* encodings */
        {"{\"encoding\":\"xyz\",\"id\":7}",
         "bad_encoding #7: encoding must be json, base64, gzip or base64+gzip, not \"xyz\""},
        {"{\"encoding\":\"\"}",
         "bad_encoding: encoding must be json, base64, gzip or base64+gzip, not \"\""},
        {"{\"encoding\":\"JSON\"}",
         "bad_encoding: encoding must be json, base64, gzip or base64+gzip, not \"JSON\""},
        {"{\"encoding\":\"base64base64base64base64base64base64base64base64base64\"}",
         "bad_encoding: encoding must be json, base64, gzip or base64+gzip, not "
         "\"base64base64base64base64base64base64base64base64\""},
        {"{\"encoding\":\"12345678901234567890123456789012345678901234567\xE2\x82\xAC\"}",
         "bad_encoding: encoding must be json, base64, gzip or base64+gzip, not "
         "\"12345678901234567890123456789012345678901234567\""},
        {"{\"encoding\":64}", "bad_encoding: encoding must be a string, not a number"},
        {"{\"encoding\":\"gzip\",\"data\":{},\"id\":1}",
         "bad_envelope #1: data must be a string where encoding is gzip, not an object"},
        {"{\"data\":null,\"encoding\":\"base64\"}",
         "bad_envelope: data must be a string where encoding is base64, not null"},
        /* \u0000 elsewhere */
        {"{\"name\":\"\\u0000\",\"id\":7}",
         "bad_envelope #7: JSON not supported: \\u0000 outside of data at byte 9"},
        {"{\"event\":\"a\\u0000\"}",
         "bad_envelope: JSON not supported: \\u0000 outside of data at byte 11"},
        {"{\"data\\u0000\":1}",
         "bad_envelope: JSON not supported: \\u0000 outside of data at byte 6"},
        /* not an object, not JSON */
        {"", "bad_envelope: not JSON: expected '{' at byte 0, where it ends"},
        {"[1]", "bad_envelope: a message must be a JSON object: it must start with '{', not '['"},
        {"\"a\"",
         "bad_envelope: a message must be a JSON object: it must start with '{', not '\"'"},
        {" GET /",
         "bad_envelope: a message must be a JSON object: it must start with '{', not 'G'"},
        {"\x16\x03", "bad_envelope: a message must be a JSON object: it must start with '{', not "
                     "byte 0x16"},
        {"{\"id\":7,\"event\":\"a\"", "bad_envelope #7: not JSON: expected ',' or '}' at byte 19, "
                                      "where it ends"},
        {"{\"event\":\"a\" \"id\":7}", "bad_envelope: not JSON: expected ',' or '}' at byte 13"},
        {"{\"id\":7,\"event\":5,}",
         "bad_envelope #7: not JSON: expected a key in quotes at byte 18"},
        {"{\"id\":7} {}", "bad_envelope #7: not JSON: something behind the value at byte 9"},
        {"{} {}", "bad_envelope: not JSON: something behind the value at byte 3"},
        {"{\"id\":7,\"data\":[[[[[[[[1]]]]]]]]}",
         "bad_envelope #7: JSON nested deeper than the limit of 8 at byte 22"},
        {"{\"id\":7,\"data\":\"\xFF\"}", "bad_envelope #7: not JSON: not UTF-8 at byte 16"},
        {"{\"id\":7,\"x\":1e999}", "bad_envelope #7: JSON not supported: a number beyond the range "
                                   "of a double at byte 12"},
    };
    CHECK_SCANS(EVD_ROLE_SERVER, cases);
}

static void test_answers(void **state)
{
    (void)state;
    static const struct scan_case cases[] = {
        {"{\"id\":7,\"data\":\"online\"}", "reply #7 data=[\"online\"]"},
        {"{\"data\":null}", "reply data=[null]"},
        {"{\"data\":{\"error\":1,\"data\":2}}", "reply data=[{\"error\":1,\"data\":2}]"},
        {"{\"data\":1,\"event\":5,\"code\":{}}", "reply data=[1]"},
        {"{\"data\":\"\\u0000\"}", "reply data=[\"\\u0000\"]"},
        {"{\"encoding\":\"base64\",\"data\":\"aGk=\"}", "reply encoding=[base64] data=[\"aGk=\"]"},
        {"{\"id\":\"x\",\"error\":{\"code\":\"busy\",\"message\":\"Try later\"}}",
         "error id=[\"x\"] code=[busy] message=[Try later]"},
        {"{\"error\":{\"message\":\"a\\n\\u00e9\",\"x\":[1],\"code\":\"\\u0062\"},\"id\":7}",
         "error #7 code=[b] message=[a\\x0A\\xC3\\xA9]"},
        {"{\"error\":{\"code\":\"c\"}}", "error code=[c]"},
        {"{\"\\u0065rror\":{\"c\\u006fde\":\"c\"}}", "error code=[c]"},
        {"{\"error\":{\"code\":\"c\",\"message\":\"a\\u0000b\"}}",
         "error code=[c] message=[a\\x00b]"},
        /* refused */
        {"{\"id\":[],\"error\":{\"code\":\"c\"}}",
         "bad_envelope: id must be a number, a string or null, not an array"},
        {"{\"id\":7}", "bad_envelope #7: an answer must have either data or error"},
        {"{\"id\":7,\"event\":\"a\"}", "bad_envelope #7: an answer must have either data or error"},
        {"{\"data\":1,\"error\":{\"code\":\"c\"},\"id\":7}",
         "bad_envelope #7: an answer must have either data or error"},
        {"{\"error\":\"no\",\"id\":7}", "bad_envelope #7: error must be an object, not a string"},
        {"{\"error\":{},\"id\":7}", "bad_envelope #7: error must have a code"},
        {"{\"error\":{\"code\":5},\"id\":7}",
         "bad_envelope #7: code must be a string, not a number"},
        {"{\"error\":{\"code\":\"c\",\"message\":[]}}",
         "bad_envelope: message must be a string, not an array"},
        {"{\"error\":{\"code\":\"c\",\"c\\u006fde\":\"d\"}}", "bad_envelope: code is there twice"},
        {"{\"error\":{\"code\":\"c\",\"message\":\"\",\"message\":\"\"}}",
         "bad_envelope: message is there twice"},
        {"{\"error\":{\"code\":\"c\"},\"error\":{\"code\":\"c\"}}",
         "bad_envelope: error is there twice"},
        {"{\"data\":1,\"data\":2}", "bad_envelope: data is there twice"},
        {"{\"encoding\":\"gzip\",\"data\":7}",
         "bad_envelope: data must be a string where encoding is gzip, not a number"},
        {"{\"id\":7,\"error\":{\"code\":}}",
         "bad_envelope #7: not JSON: expected a value at byte 24"},
    };
    CHECK_SCANS(EVD_ROLE_CLIENT, cases);
}

/* `count` times what a byte is written as, in a text made by `format`; returns what was scanned. */
static struct evd_envelope scan_repeated(struct evd_decoder *decoder, enum evd_role role,
                                         const char *before, const char *unit, size_t count,
                                         const char *after)
{
    static char text[16 * 1024];
    struct evd_envelope envelope;
    size_t len = (size_t)sprintf(text, "%s", before);
    for (size_t i = 0; i < count; i++)
        len += (size_t)sprintf(text + len, "%s", unit);
    len += (size_t)sprintf(text + len, "%s", after);
    evd_decoder_init(decoder, &evd_transport_jsonl, role, &limits);
    assert_int_equal(evd_envelope_scan(decoder, evd_slice(text, len), &envelope), EVD_OK);
    return envelope;
}

/* However it is written, an event too long stays too long. */
static void test_event_is_never_cut_to_fit(void **state)
{
    (void)state;
    static const struct {
        const char *unit;
        size_t bytes;
    } units[] = {{"a", 1}, {"\\u0061", 1}, {"\\/", 1}, {"\\u20ac", 3}, {"\xE2\x82\xAC\\u0061", 4}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        for (size_t count = 60; count <= 600; count++) {
            struct evd_decoder decoder;
            struct evd_envelope envelope = scan_repeated(&decoder, EVD_ROLE_SERVER, "{\"event\":\"",
                                                         units[i].unit, count, "\"}");
            size_t len = count * units[i].bytes;
            if (len <= EVD_EVENT_MAX)
                assert_int_equal(envelope.event.len, len);
            else
                assert_true(envelope.event.len > EVD_EVENT_MAX);
        }
}

/* An error's message is for people: with escapes it is cut, and stays UTF-8. */
static void test_long_message_is_cut(void **state)
{
    (void)state;
    struct evd_decoder decoder;
    static const char before[] = "{\"error\":{\"code\":\"c\",\"message\":\"";
    struct evd_envelope envelope =
        scan_repeated(&decoder, EVD_ROLE_CLIENT, before, "\\u20ac", 170, "\"}}");
    assert_int_equal(envelope.message.len, 510);
    envelope = scan_repeated(&decoder, EVD_ROLE_CLIENT, before, "\\u20ac", 171, "\"}}");
    assert_int_equal(envelope.message.len, 510); /* of 512: a whole code point more does not fit */
    assert_memory_equal(envelope.message.ptr + 507, "\xE2\x82\xAC", 3);
    envelope = scan_repeated(&decoder, EVD_ROLE_CLIENT, before, "x", 2000, "\"}}");
    assert_int_equal(envelope.message.len, 2000); /* borrowed */
}

/* ---- Members beside ours ---- */

static void test_extra_members(void **state)
{
    (void)state;
    struct evd_json_scan scan;
    struct evd_slice key, value;
    const char *own = NULL;
    evd_json_scan_init(&scan, EVD_SLICE("{\"name\":\"x\",\"dat\\u0061\":1,\"id\":2,\"error\":[3]}"),
                       8);
    assert_int_equal(evd_json_scan_object(&scan), EVD_OK);
    assert_int_equal(evd_envelope_next_extra(&scan, &key, &value, &own), EVD_MORE);
    assert_true(evd_slice_equal(key, EVD_SLICE("name")));
    assert_true(evd_slice_equal(value, EVD_SLICE("\"x\"")));
    assert_null(own);
    assert_int_equal(evd_envelope_next_extra(&scan, &key, &value, &own), EVD_MORE);
    assert_true(evd_slice_equal(key, EVD_SLICE("error")));
    assert_string_equal(own, "data");
    assert_int_equal(evd_envelope_next_extra(&scan, &key, &value, NULL), EVD_DONE);
}

/* ---- Payloads ---- */

struct payload_fixture {
    struct evd_codec_context context;
    struct evd_buf scratch;
};

static int open_payload(void **state)
{
    static struct payload_fixture fixture;
    assert_int_equal(evd_codec_context_init(&fixture.context, 1000), EVD_OK);
    evd_buf_init(&fixture.scratch, 2000);
    *state = &fixture;
    return 0;
}

static int close_payload(void **state)
{
    struct payload_fixture *fixture = *state;
    evd_codec_context_release(&fixture->context);
    evd_buf_release(&fixture->scratch);
    return 0;
}

static int payload_of(struct payload_fixture *fixture, const struct evd_transport *transport,
                      const struct evd_codec *codec, struct evd_slice data,
                      struct evd_slice *ret_payload, struct evd_error *ret_error)
{
    struct evd_envelope envelope = {.kind = EVD_KIND_CALL, .codec = codec, .data = data};
    return evd_envelope_payload(&envelope, transport, &fixture->context, &fixture->scratch,
                                ret_payload, ret_error);
}

/* Made by `printf '{"a":1}' | gzip -n` and by base64 of it. */
#define GZIP_BASE64 "H4sIAAAAAAAAA6tWSlSyMqwFAK+sG1YHAAAA"
#define GZIP_BYTES                                                                                 \
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\x56\x4a\x54\xb2\x32\xac\x05\x00\xaf\xac\x1b"     \
    "\x56\x07\x00\x00\x00"
#define GZIP_TEXT                                                                                  \
    "\"\\u001f\xC2\x8B\\b\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0003\xC2\xABVJT\xC2\xB2"     \
    "2\xC2\xAC\\u0005\\u0000\xC2\xAF\\u00ac\\u001bV\\u0007\\u0000\\u0000\\u0000\""

static void test_payloads(void **state)
{
    static const struct {
        bool text;
        const struct evd_codec *codec;
        struct evd_slice data;
        const char *payload;
    } cases[] = {
        {true, &evd_codec_json, EVD_SLICE("{\"a\":1}"), "{\"a\":1}"},
        {true, NULL, EVD_SLICE("\"x\\n\""), "\"x\\n\""},
        {true, &evd_codec_base64, EVD_SLICE("\"eyJhIjoxfQ==\""), "{\"a\":1}"},
        {true, &evd_codec_base64, EVD_SLICE("\"Pz8/Pz8/\""), "??????"},
        {true, &evd_codec_base64, EVD_SLICE("\"Pz8\\/Pz8\\/\""), "??????"}, /* as PHP writes it */
        {true, &evd_codec_base64, EVD_SLICE("\"\\u0050z8/\""), "???"},
        {true, &evd_codec_gzip, EVD_SLICE(GZIP_TEXT), "{\"a\":1}"},
        {true, &evd_codec_base64_gzip, EVD_SLICE("\"" GZIP_BASE64 "\""), "{\"a\":1}"},
        {true, &evd_codec_base64_gzip,
         EVD_SLICE("\"\\u0048"
                   "4sIAAAAAAAAA6tWSlSyMqwFAK+sG1YHAAAA\""),
         "{\"a\":1}"},
        {false, &evd_codec_json, EVD_SLICE("{\"a\":1}"), "{\"a\":1}"},
        {false, &evd_codec_base64, EVD_SLICE("eyJhIjoxfQ=="), "{\"a\":1}"},
        {false, &evd_codec_gzip, EVD_SLICE(GZIP_BYTES), "{\"a\":1}"},
        {false, &evd_codec_base64_gzip, EVD_SLICE(GZIP_BASE64), "{\"a\":1}"},
        /* no data is an empty payload */
        {true, &evd_codec_json, {NULL, 0}, ""},
        {true, &evd_codec_base64, {NULL, 0}, ""},
        {true, &evd_codec_base64, EVD_SLICE("\"\""), ""},
        {true, &evd_codec_gzip, EVD_SLICE("\"\""), ""},
        {false, &evd_codec_gzip, {NULL, 0}, ""},
        {false, &evd_codec_base64_gzip, {NULL, 0}, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct evd_slice payload;
        struct evd_error error;
        assert_int_equal(payload_of(*state,
                                    cases[i].text ? &evd_transport_jsonl : &evd_transport_frame,
                                    cases[i].codec, cases[i].data, &payload, &error),
                         EVD_OK);
        assert_true(evd_slice_equal(payload, evd_slice_text(cases[i].payload)));
        if (cases[i].codec == NULL || cases[i].codec->identity)
            assert_ptr_equal(payload.ptr, cases[i].data.ptr); /* no copy */
    }
}

static void test_payloads_refused(void **state)
{
    static char long_text[4200];
    memset(long_text, 'A', sizeof long_text - 1);
    long_text[0] = long_text[4001] = '"';
    static const struct {
        bool text;
        const struct evd_codec *codec;
        struct evd_slice data;
        int status;
    } cases[] = {
        {true, &evd_codec_base64, EVD_SLICE("5"), EVD_ERR_BAD_DATA},
        {true, &evd_codec_gzip, EVD_SLICE("{}"), EVD_ERR_BAD_DATA},
        {true, &evd_codec_base64, EVD_SLICE("\"eyJ\""), EVD_ERR_BAD_DATA},
        {true, &evd_codec_base64, EVD_SLICE("\"e\\n==\""), EVD_ERR_BAD_DATA},
        {true, &evd_codec_base64, EVD_SLICE("\"eyJ\xC3\xA9\""), EVD_ERR_BAD_DATA},
        {true, &evd_codec_gzip, EVD_SLICE("\"\\u001f\xE2\x82\xAC\""), EVD_ERR_BAD_DATA},
        {true, &evd_codec_gzip, EVD_SLICE("\"\\u001f\\u0100\""), EVD_ERR_BAD_DATA},
        {true, &evd_codec_gzip, EVD_SLICE("\"plain\""), EVD_ERR_BAD_DATA},
        {false, &evd_codec_gzip, EVD_SLICE("\x1f\x8b\x08"), EVD_ERR_BAD_DATA},
        {true, &evd_codec_base64, {long_text, 4002}, EVD_ERR_TOO_LARGE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct evd_slice payload;
        struct evd_error error = {0};
        assert_int_equal(payload_of(*state,
                                    cases[i].text ? &evd_transport_jsonl : &evd_transport_frame,
                                    cases[i].codec, cases[i].data, &payload, &error),
                         cases[i].status);
        assert_int_equal(error.status, cases[i].status);
        assert_true(strlen(error.text) > 0);
        assert_true(payload_of(*state, cases[i].text ? &evd_transport_jsonl : &evd_transport_frame,
                               cases[i].codec, cases[i].data, &payload, NULL) < 0);
    }
}

/* A string is bytes by its code points, also where it has no escape. */
static void test_character_that_is_no_byte(void **state)
{
    struct evd_slice payload;
    struct evd_error error;
    assert_int_equal(payload_of(*state, &evd_transport_jsonl, &evd_codec_base64,
                                EVD_SLICE("\"aGk\xE2\x82\xAC\""), &payload, &error),
                     EVD_ERR_BAD_DATA);
    assert_string_equal(error.text,
                        "data has a character above U+00FF: in this encoding each is a byte");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_calls_refused),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_event_is_never_cut_to_fit),
        cmocka_unit_test(test_long_message_is_cut),
        cmocka_unit_test(test_extra_members),
        cmocka_unit_test_setup_teardown(test_payloads, open_payload, close_payload),
        cmocka_unit_test_setup_teardown(test_payloads_refused, open_payload, close_payload),
        cmocka_unit_test_setup_teardown(test_character_that_is_no_byte, open_payload,
                                        close_payload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
