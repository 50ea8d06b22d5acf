/* JSON lines, byte for byte: what is read and written is spelled out here by hand. */
#include "wire_log.h"

#define SERVER EVD_ROLE_SERVER
#define CLIENT EVD_ROLE_CLIENT

static const struct evd_wire_limits limits = {.max_frame = 4096, .max_depth = 16};

static void reads(enum evd_role role, const char *input, const char *expected)
{
    assert_reads(&evd_transport_jsonl, role, &limits, evd_slice_text(input), expected);
}

static void test_reads_calls(void **state)
{
    (void)state;
    reads(SERVER, "", "");
    reads(SERVER, "{\"event\":\"api.services.status\",\"data\":\"welcome\"}\n",
          "call event=[api.services.status] data=[\"welcome\"]\n");
    reads(SERVER,
          "{\"id\":1,\"event\":\"a.b\"}\n{\"id\":\"x\",\"event\":\"c.d\",\"data\":[1]}\n{}\n",
          "call #1 event=[a.b]\ncall id=[\"x\"] event=[c.d] data=[[1]]\ncall\n");
    reads(SERVER, "{\"id\":1,\"encoding\":\"base64\",\"data\":\"aGk=\"}\n",
          "call #1 encoding=[base64] data=[\"aGk=\"]\n");
}

static void test_reads_answers(void **state)
{
    (void)state;
    reads(CLIENT,
          "{\"id\":7,\"data\":\"online\"}\n"
          "{\"id\":8,\"error\":{\"code\":\"no_such_function\",\"message\":\"Fn doesn't exist\"}}\n"
          "{\"data\":null}\n",
          "reply #7 data=[\"online\"]\n"
          "error #8 code=[no_such_function] message=[Fn doesn't exist]\n"
          "reply data=[null]\n");
}

static void test_line_ends(void **state)
{
    (void)state;
    reads(SERVER, "{\"id\":1}\r\n{\"id\":2}\r\n", "call #1\ncall #2\n");
    reads(SERVER, "\n\r\n  \t\n{\"id\":1}\n\n\n{\"id\":2}\n \r\n", "call #1\ncall #2\n");
    reads(SERVER, "  {\"id\":1}  \n", "call #1\n");
    /* the last line may lack its end */
    reads(SERVER, "{\"id\":1}\n{\"id\":2}", "call #1\ncall #2\n");
    reads(SERVER, "{\"id\":1}\r", "call #1\n");
    reads(SERVER, "{\"id\":1}\n   ", "call #1\n");
    /* a carriage return ends nothing by itself */
    reads(SERVER, "{\"id\":1}\r{\"id\":2}\n",
          "bad_envelope #1: not JSON: something behind the value at byte 9\n");
}

/* A bad line is one error; the lines around it are read. */
static void test_bad_lines(void **state)
{
    (void)state;
    reads(SERVER, "{\"id\":1}\n[2]\n{\"id\":3}\n",
          "call #1\n"
          "bad_envelope: a message must be a JSON object: it must start with '{', not '['\n"
          "call #3\n");
    reads(SERVER, "{\"id\":1,\n\"event\":\"a\"}\n{\"id\":3}\n",
          "bad_envelope #1: not JSON: expected a key in quotes at byte 8, where it ends\n"
          "bad_envelope: a message must be a JSON object: it must start with '{', not '\"'\n"
          "call #3\n");
    reads(SERVER, "{\"id\":1,\"event\":2}\n{\"id\":1,\"encoding\":\"rot13\"}\n{\"id\":3}",
          "bad_envelope #1: event must be a string, not a number\n"
          "bad_encoding #1: encoding must be json, base64, gzip or base64+gzip, not \"rot13\"\n"
          "call #3\n");
    reads(SERVER, "{\"id\":1,\"event\":\"a", /* the stream ends in it */
          "bad_envelope #1: not JSON: a string without an end at byte 18, where it ends\n");
    reads(CLIENT, "{\"id\":1,\"event\":\"a\"}\n{\"id\":2,\"data\":3}\n",
          "bad_envelope #1: an answer must have either data or error\nreply #2 data=[3]\n");
}

/* Read whole, these are usual, or all but; byte by byte none is. Nothing shows which it was. */
static void test_usual_lines(void **state)
{
    (void)state;
    reads(SERVER, "{\"id\":7,\"event\":\"a.b\",\"data\":\"x\"}\n",
          "call #7 event=[a.b] data=[\"x\"]\n");
    reads(SERVER, "{\"id\": 7, \"event\": \"a.b\", \"data\": -1.5e3}\n",
          "call #7 event=[a.b] data=[-1.5e3]\n");
    reads(SERVER, "{\"data\":[{\"id\":1}, 2],\"event\":\"a\",\"id\":0}\n{\"event\":\"\"}\n",
          "call #0 event=[a] data=[[{\"id\":1}, 2]]\ncall\n");
    reads(SERVER, "{\"data\":\"a\\\"}\\u0000\xC3\xA9 and more than 16 bytes\",\"id\":1}\n",
          "call #1 data=[\"a\\\"}\\u0000\\xC3\\xA9 and more than 16 bytes\"]\n");
    reads(SERVER, "{\"id\":9999999999999999999}\n{\"id\":18446744073709551616}\n",
          "call #9999999999999999999\ncall id=[18446744073709551616]\n");
    reads(SERVER, "{\"id\":1.5,\"event\":\"\\u0061\"}\n{\"id\":-1,\"event\":\"\xC3\xA9\"}\n",
          "call id=[1.5] event=[a]\ncall id=[-1] event=[\\xC3\\xA9]\n");
    reads(SERVER,
          "{\"id\":  7}\n{\"id\":7,  \"event\":\"a\"}\n{\"id\":7 }\n{\"id\":7} \n{\"id\" :7}\n",
          "call #7\ncall #7 event=[a]\ncall #7\ncall #7\ncall #7\n");
    reads(SERVER, "{\"id\":07}\n{\"id\":7,}\n{\"id\":}\n",
          "bad_envelope: not JSON: a number that starts with 0 at byte 6\n"
          "bad_envelope #7: not JSON: expected a key in quotes at byte 8\n"
          "bad_envelope: not JSON: expected a value at byte 6\n");
    reads(SERVER, "{\"id\":7,\"id\":8}\n{\"data\":1,\"data\":2}\n{\"event\":\"a\tb\"}\n",
          "bad_envelope #7: id is there twice\n"
          "bad_envelope: data is there twice\n"
          "bad_envelope: not JSON: a control character in a string at byte 11\n");
    /* a line ends where it ends, inside of data, too */
    reads(SERVER, "{\"data\":[1,\n2]}\n{\"data\":\n1}\n",
          "bad_envelope: not JSON: expected a value at byte 11, where it ends\n"
          "bad_envelope: a message must be a JSON object: it must start with '{', not '2'\n"
          "bad_envelope: not JSON: expected a value at byte 8, where it ends\n"
          "bad_envelope: a message must be a JSON object: it must start with '{', not '1'\n");
    reads(CLIENT, "{\"id\":7,\"data\":{\"a\":1}}\n{\"data\":1,\"event\":2}\n{\"id\":7}\n",
          "reply #7 data=[{\"a\":1}]\nreply data=[1]\n"
          "bad_envelope #7: an answer must have either data or error\n");
}

/* The nesting of data counts the envelope around it. */
static void test_depth(void **state)
{
    (void)state;
    const struct evd_wire_limits flat = {.max_frame = 4096, .max_depth = 2};
    assert_reads(&evd_transport_jsonl, SERVER, &flat,
                 EVD_SLICE("{\"id\":1,\"data\":[0]}\n{\"id\":1,\"data\":[[0]]}\n"),
                 "call #1 data=[[0]]\n"
                 "bad_envelope #1: JSON nested deeper than the limit of 2 at byte 16\n");
}

static void test_the_envelope_is_the_line(void **state)
{
    (void)state;
    static const char *const lines[] = {"{\"id\":1,\"data\":\"x\"}\n", "{\"id\" :1}\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct evd_decoder decoder;
        struct evd_envelope envelope;
        struct evd_slice line = evd_slice_text(lines[i]);
        size_t used;
        evd_decoder_init(&decoder, &evd_transport_jsonl, SERVER, &limits);
        assert_int_equal(evd_decode(&decoder, line, false, &used, &envelope), EVD_OK);
        assert_ptr_equal(envelope.envelope.ptr, line.ptr);
        assert_int_equal(envelope.envelope.len, line.len - 1);
    }
}

/* ---- Lines over the limit ---- */

static const struct evd_wire_limits short_limits = {.max_frame = 32, .max_depth = 16};

static void reads_short(const char *input, const char *expected)
{
    assert_reads(&evd_transport_jsonl, SERVER, &short_limits, evd_slice_text(input), expected);
}

static void test_line_limit_counts_the_line_end(void **state)
{
    (void)state;
    reads_short("{\"id\":1,\"data\":\"1234567890123\"}\n", /* 32 bytes */
                "call #1 data=[\"1234567890123\"]\n");
    reads_short("{\"id\":1,\"data\":\"123456789012\"}\r\n", "call #1 data=[\"123456789012\"]\n");
    reads_short("{\"id\":1,\"data\":\"12345678901234\"}\n",
                "too_large #1: line is longer than the limit of 32 bytes\n");
    reads_short("{\"id\":1,\"data\":\"1234567890123\"}\r\n",
                "too_large #1: line is longer than the limit of 32 bytes\n");
    /* without its end too: nothing depends on where a line is cut */
    reads_short("{\"id\":1,\"data\":\"1234567890123\"}", "call #1 data=[\"1234567890123\"]\n");
    reads_short("{\"id\":1,\"data\":\"1234567890123\"} ",
                "too_large #1: line is longer than the limit of 32 bytes\n");
}

static void test_long_line_is_refused_once_and_skipped(void **state)
{
    (void)state;
    reads_short(
        "{\"id\":1}\n"
        "{\"event\":\"a\",\"data\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\",\"id\":2}\n"
        "{\"id\":3}\n",
        "call #1\ntoo_large: line is longer than the limit of 32 bytes\ncall #3\n");
    /* an id at the start of it can still be answered */
    reads_short(
        "{\"id\":\"me\",\"event\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}\n{\"id\":3}\n",
        "too_large id=[\"me\"]: line is longer than the limit of 32 bytes\ncall #3\n");
    reads_short("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                "too_large: line is longer than the limit of 32 bytes\n");
    /* white space at a line's start says nothing, and is dropped as it comes */
    reads_short("                                                        {\"id\":1}\n",
                "call #1\n");
}

/* What was searched for a line's end is not searched again: a newline put there later, which no
 * stream could do, is not seen. */
static void test_no_byte_is_read_twice(void **state)
{
    (void)state;
    struct evd_decoder decoder;
    struct evd_envelope envelope;
    char line[] = "\n {\"id\":1, \"data\":\"abc\"}\n";
    size_t used;
    evd_decoder_init(&decoder, &evd_transport_jsonl, SERVER, &limits);
    assert_int_equal(evd_decode(&decoder, evd_slice(line, 14), false, &used, &envelope), EVD_MORE);
    assert_int_equal(used, 2);
    assert_int_equal(decoder.state.scanned, 12);
    line[10] = '\n';
    assert_int_equal(
        evd_decode(&decoder, evd_slice(line + 2, sizeof line - 3), false, &used, &envelope),
        EVD_OK);
    assert_int_equal(used, sizeof line - 3);
    assert_int_equal(decoder.state.scanned, 0);
}

static void test_first_bytes(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++)
        assert_true(evd_transport_jsonl.sniff((unsigned char)c) ==
                    (c == '{' || c == ' ' || c == '\t' || c == '\r' || c == '\n'));
}

/* ---- Writing ---- */

static void check_written(const struct evd_envelope *envelope, const char *expected)
{
    struct evd_buf out;
    evd_buf_init(&out, 4096);
    assert_int_equal(evd_buf_append(&out, "before", 6), EVD_OK);
    assert_int_equal(evd_transport_jsonl.encode(&out, envelope), EVD_OK);
    assert_int_equal(out.len, 6 + strlen(expected));
    assert_memory_equal(out.ptr, "before", 6);
    assert_memory_equal(out.ptr + 6, expected, strlen(expected));
    evd_buf_release(&out);
}

#define CALL(...)  (&(struct evd_envelope){.kind = EVD_KIND_CALL, __VA_ARGS__})
#define REPLY(...) (&(struct evd_envelope){.kind = EVD_KIND_REPLY, __VA_ARGS__})
#define ERROR(...) (&(struct evd_envelope){.kind = EVD_KIND_ERROR, __VA_ARGS__})
#define UINT(n)    .id = {.kind = EVD_ID_UINT, .number = (n)}
#define TEXT(t)    .id = {.kind = EVD_ID_TEXT, .text = EVD_SLICE(t)}

static void test_writes_calls(void **state)
{
    (void)state;
    check_written(CALL(.event = EVD_SLICE("")), "{\"event\":\"\"}\n");
    check_written(CALL(UINT(0), .event = EVD_SLICE("a.b")), "{\"id\":0,\"event\":\"a.b\"}\n");
    check_written(CALL(UINT(UINT64_MAX), .event = EVD_SLICE("a"), .data = EVD_SLICE("[1]")),
                  "{\"id\":18446744073709551615,\"event\":\"a\",\"data\":[1]}\n");
    check_written(CALL(TEXT("\"x\\\"\""), .event = EVD_SLICE("a\"\n\x01\xC3\xA9\xFF")),
                  "{\"id\":\"x\\\"\",\"event\":\"a\\\"\\n\\u0001\xC3\xA9\xEF\xBF\xBD\"}\n");
    check_written(CALL(UINT(1), .codec = &evd_codec_base64, .event = EVD_SLICE("a"),
                       .data = EVD_SLICE("aGk=")),
                  "{\"id\":1,\"event\":\"a\",\"encoding\":\"base64\",\"data\":\"aGk=\"}\n");
    check_written(CALL(.codec = &evd_codec_gzip, .event = EVD_SLICE("a"),
                       .data = EVD_SLICE("\x1f\x8b\x00\"\x80\xFF")),
                  "{\"event\":\"a\",\"encoding\":\"gzip\",\"data\":\"\\u001f\xC2\x8B\\u0000\\\""
                  "\xC2\x80\xC3\xBF\"}\n");
    check_written(CALL(.codec = &evd_codec_json, .event = EVD_SLICE("a"),
                       .envelope = EVD_SLICE("{\"name\" : \"x\", \"id\":5,\"\\u0064ata\":1,"
                                             "\"list\":[1,\n2],\"event\":\"b\",\"encoding\":0}")),
                  "{\"event\":\"a\",\"name\":\"x\",\"list\":[1, 2]}\n");
    check_written(CALL(.event = EVD_SLICE("a"), .envelope = EVD_SLICE(" {} ")),
                  "{\"event\":\"a\"}\n");
}

static void test_writes_answers(void **state)
{
    (void)state;
    check_written(REPLY(UINT(7), .data = EVD_SLICE("\"online\"")),
                  "{\"id\":7,\"data\":\"online\"}\n");
    check_written(REPLY(.data = EVD_SLICE("{\"a\":1}"), .event = EVD_SLICE("ignored"),
                        .envelope = EVD_SLICE("{\"ignored\":1}")),
                  "{\"data\":{\"a\":1}}\n");
    check_written(REPLY(TEXT("1.50")), "{\"id\":1.50,\"data\":null}\n");
    check_written(REPLY(UINT(1), .codec = &evd_codec_base64, .data = EVD_SLICE("aGk=")),
                  "{\"id\":1,\"data\":\"aGk=\"}\n");
    check_written(REPLY(.codec = &evd_codec_base64), "{\"data\":\"\"}\n");
    check_written(ERROR(UINT(7), .code = EVD_SLICE("busy"), .message = EVD_SLICE("Not \"now\"\n")),
                  "{\"id\":7,\"error\":{\"code\":\"busy\",\"message\":\"Not \\\"now\\\"\\n\"}}\n");
    check_written(ERROR(.codec = &evd_codec_gzip, .code = EVD_SLICE("c")),
                  "{\"error\":{\"code\":\"c\",\"message\":\"\"}}\n");
}

/* A payload printed prettily stays one line. */
static void test_payload_cannot_break_the_line(void **state)
{
    (void)state;
    check_written(REPLY(UINT(7), .data = EVD_SLICE("{\r\n\t\"a\":\n[1,\r2]\n}")),
                  "{\"id\":7,\"data\":{  \t\"a\": [1, 2] }}\n");
}

static void test_refuses_to_write(void **state)
{
    (void)state;
    static const char *const bad[] = {"[1]", "{\"a\":1", "{\"a\":1} x", "x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct evd_buf out;
        evd_buf_init(&out, 4096);
        assert_int_equal(evd_buf_append(&out, "before", 6), EVD_OK);
        assert_int_equal(evd_transport_jsonl.encode(&out, CALL(.event = EVD_SLICE("a"),
                                                               .envelope = evd_slice_text(bad[i]))),
                         EVD_ERR_BAD_ENVELOPE);
        assert_int_equal(out.len, 6);
        evd_buf_release(&out);
    }
}

/* Messages that grow much when they are written, into buffers of every size. */
static void test_never_writes_more_than_it_reserved(void **state)
{
    (void)state;
    static const char nul[300];
    const struct evd_slice many = {nul, sizeof nul};
    char extra[3000] = "{\"k\":\"";
    memset(extra + 6, 'x', sizeof extra - 8);
    memcpy(extra + sizeof extra - 2, "\"}", 2);
    const struct evd_envelope *const messages[] = {
        CALL(UINT(UINT64_MAX), .event = many),
        CALL(TEXT("\"12345678901234567890123456789012345678901234567890123456789012\""),
             .codec = &evd_codec_base64_gzip, .event = many, .data = many),
        CALL(.codec = &evd_codec_gzip, .data = many, .envelope = {extra, sizeof extra}),
        REPLY(UINT(UINT64_MAX), .codec = &evd_codec_gzip, .data = many),
        ERROR(UINT(UINT64_MAX), .code = many, .message = many),
    };
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        int rc = EVD_ERR_TOO_LARGE;
        for (size_t max = 1; rc == EVD_ERR_TOO_LARGE; max++) {
            struct evd_buf out;
            evd_buf_init(&out, max);
            rc = evd_transport_jsonl.encode(&out, messages[i]);
            assert_true(out.len <= out.cap && out.cap <= max);
            assert_int_equal(out.len > 0, rc == EVD_OK);
            evd_buf_release(&out);
        }
        assert_int_equal(rc, EVD_OK);
    }
}

static void test_survives(void **state)
{
    (void)state;
    static const char input[] =
        "{\"id\":1,\"event\":\"a.b\",\"data\":{\"k\":[1,2.5e3,null,\"\\u00e9\xC3\xA9\"]}}\r\n"
        " \n{\"id\":\"x\",\"encoding\":\"base64\",\"data\":\"aGk=\",\"\\u0065vent\":\"c\"}\n"
        "{\"id\":2,\"data\":true}\n{\"error\":{\"code\":\"c\",\"message\":\"m\\n\"},\"id\":3}\n[]"
        "\n";
    for (enum evd_role role = SERVER; role <= CLIENT; role++) {
        assert_survives_truncation(&evd_transport_jsonl, role, &limits, EVD_SLICE(input));
        assert_survives_truncation(&evd_transport_jsonl, role, &short_limits, EVD_SLICE(input));
        assert_survives_mutation(&evd_transport_jsonl, role, &limits, EVD_SLICE(input), 1, 3000);
        assert_survives_mutation(&evd_transport_jsonl, role, &short_limits, EVD_SLICE(input), 2,
                                 1500);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_calls),
        cmocka_unit_test(test_reads_answers),
        cmocka_unit_test(test_line_ends),
        cmocka_unit_test(test_bad_lines),
        cmocka_unit_test(test_usual_lines),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_the_envelope_is_the_line),
        cmocka_unit_test(test_line_limit_counts_the_line_end),
        cmocka_unit_test(test_long_line_is_refused_once_and_skipped),
        cmocka_unit_test(test_no_byte_is_read_twice),
        cmocka_unit_test(test_first_bytes),
        cmocka_unit_test(test_writes_calls),
        cmocka_unit_test(test_writes_answers),
        cmocka_unit_test(test_payload_cannot_break_the_line),
        cmocka_unit_test(test_refuses_to_write),
        cmocka_unit_test(test_never_writes_more_than_it_reserved),
        cmocka_unit_test(test_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
