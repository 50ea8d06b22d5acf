/* Escapes undone and written: examples worked out by hand, then round trips. */
#include "json_cases.h"

static struct evd_slice unescape(const char *inside, char *out, size_t cap)
{
    int64_t len = evd_json_unescape(evd_slice_text(inside), out, cap);
    assert_true(len >= 0);
    return evd_slice(out, (size_t)len);
}

static void test_unescape(void **state)
{
    (void)state;
    static const struct {
        const char *inside, *text;
    } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t"},
        {"a\\nb\\nc", "a\nb\nc"},
        {"\\u0041\\u007f", "A\x7F"},
        {"\\u0080", "\xC2\x80"},
        {"\\u07ff", "\xDF\xBF"},
        {"\\u0800", "\xE0\xA0\x80"},
        {"\\u20AC\\u20ac", "\xE2\x82\xAC\xE2\x82\xAC"},
        {"\\uffff", "\xEF\xBF\xBF"},
        {"\\uD834\\uDD1E", "\xF0\x9D\x84\x9E"}, /* RFC 8259, 7: the G clef */
        {"\\ud800\\udc00", "\xF0\x90\x80\x80"},
        {"\\udbff\\udfff", "\xF4\x8F\xBF\xBF"},
        {"\xC3\xA9\\u00e9\xC3\xA9", "\xC3\xA9\xC3\xA9\xC3\xA9"},
    };
    char out[64];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct evd_slice got = unescape(cases[i].inside, out, sizeof out);
        assert_int_equal(got.len, strlen(cases[i].text));
        assert_memory_equal(got.ptr, cases[i].text, got.len);
        /* exactly enough room is enough */
        got = unescape(cases[i].inside, out, strlen(cases[i].text));
        assert_memory_equal(got.ptr, cases[i].text, got.len);
    }
    assert_int_equal(evd_json_unescape(EVD_SLICE("a\\u0000b"), out, sizeof out), 3);
    assert_memory_equal(out, "a\0b", 3);
    assert_int_equal(evd_json_unescape(evd_slice(NULL, 0), out, sizeof out), 0);
}

/* What does not fit leaves whole code points, and zeros. */
static void test_unescape_too_large(void **state)
{
    (void)state;
    static const struct {
        const char *inside;
        size_t cap;
        const char *kept;
    } cases[] = {
        {"abcdef", 5, "abcde"},
        {"abcdef", 0, ""},
        {"ab\\n", 2, "ab"},
        {"a\\u20acb", 4, "a\xE2\x82\xAC"},
        {"a\\u20acb", 3, "a"},
        {"a\xE2\x82\xAC", 3, "a"},
        {"ab\xE2\x82\xAC", 3, "ab"},
        {"\\ud834\\udd1e", 3, ""},
        {"\\n\\ud834\\udd1e", 4, "\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[16];
        memset(out, 'X', sizeof out);
        assert_int_equal(evd_json_unescape(evd_slice_text(cases[i].inside), out, cases[i].cap),
                         EVD_ERR_TOO_LARGE);
        size_t kept = strlen(cases[i].kept);
        assert_memory_equal(out, cases[i].kept, kept);
        for (size_t at = kept; at < sizeof out; at++)
            assert_int_equal(out[at], at < cases[i].cap ? 0 : 'X');
    }
}

static void test_unescape_bytes(void **state)
{
    (void)state;
    char out[16];
    static const char inside[] = "a\\u0000\\u00ff\xC2\x80\xC3\xBF\\n\\/\\u0080";
    static const char bytes[] = "a\x00\xFF\x80\xFF\n/\x80";
    assert_int_equal(evd_json_unescape_bytes(EVD_SLICE(inside), out, sizeof out), sizeof bytes - 1);
    assert_memory_equal(out, bytes, sizeof bytes - 1);
    assert_int_equal(evd_json_unescape_bytes(EVD_SLICE(inside), out, sizeof bytes - 1),
                     sizeof bytes - 1);
    assert_int_equal(evd_json_unescape_bytes(EVD_SLICE(inside), out, sizeof bytes - 2),
                     EVD_ERR_TOO_LARGE);
    static const char *const beyond[] = {"\xC4\x80", "\\u0100", "\xE2\x82\xAC", "\xF0\x9F\x98\x80",
                                         "\\ud834\\udd1e"};
    for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++)
        assert_int_equal(evd_json_unescape_bytes(evd_slice_text(beyond[i]), out, sizeof out),
                         EVD_ERR_BAD_DATA);
    assert_int_equal(evd_json_unescape_bytes(evd_slice(NULL, 0), out, sizeof out), 0);
}

static void check_escaped(struct evd_slice text, const char *expected,
                          size_t (*escape)(struct evd_slice, char *))
{
    char out[256];
    assert_true(EVD_JSON_ESCAPED_MAX(text.len) <= sizeof out);
    assert_int_equal(escape(text, NULL), strlen(expected));
    assert_int_equal(escape(text, out), strlen(expected));
    assert_memory_equal(out, expected, strlen(expected));
}

static void test_escape(void **state)
{
    (void)state;
    check_escaped(EVD_SLICE(""), "", evd_json_escape);
    check_escaped(evd_slice(NULL, 0), "", evd_json_escape);
    check_escaped(EVD_SLICE("plain /~\x7F"), "plain /~\x7F", evd_json_escape);
    check_escaped(EVD_SLICE("\"\\\b\f\n\r\t"), "\\\"\\\\\\b\\f\\n\\r\\t", evd_json_escape);
    check_escaped(EVD_SLICE("\x00\x01\x0B\x1F"), "\\u0000\\u0001\\u000b\\u001f", evd_json_escape);
    check_escaped(EVD_SLICE("\xC3\xA9\xF0\x9F\x98\x80"), "\xC3\xA9\xF0\x9F\x98\x80",
                  evd_json_escape);
    /* what is not UTF-8: a replacement for each byte */
    check_escaped(EVD_SLICE("a\xFF\xE2\x82z"), "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz",
                  evd_json_escape);
    check_escaped(EVD_SLICE("\xE2\x82"), "\xEF\xBF\xBD\xEF\xBF\xBD", evd_json_escape);
    check_escaped(EVD_SLICE("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD",
                  evd_json_escape);
}

static void test_escape_bytes(void **state)
{
    (void)state;
    check_escaped(EVD_SLICE("a\x00\x1F\"\x7F\x80\xBF\xC0\xFF"),
                  "a\\u0000\\u001f\\\"\x7F\xC2\x80\xC2\xBF\xC3\x80\xC3\xBF", evd_json_escape_bytes);
}

/* Any bytes survive, and what is written is JSON. */
static void test_bytes_round_trip(void **state)
{
    (void)state;
    uint64_t random = 1;
    for (size_t len = 0; len < 300; len++) {
        char bytes[300], text[2 + EVD_JSON_ESCAPED_MAX(300)], back[300];
        test_random_bytes(&random, bytes, len);
        size_t used = evd_json_escape_bytes(evd_slice(bytes, len), text + 1);
        assert_int_equal(used, evd_json_escape_bytes(evd_slice(bytes, len), NULL));
        assert_int_equal(evd_json_unescape_bytes(evd_slice(text + 1, used), back, sizeof back),
                         len);
        assert_memory_equal(back, bytes, len);
        text[0] = text[used + 1] = '"';
        struct evd_json_scan scan;
        evd_json_scan_init(&scan, evd_slice(text, used + 2), 1);
        assert_int_equal(evd_json_scan_value(&scan, NULL, NULL), EVD_OK);
        assert_int_equal(evd_json_scan_end(&scan), EVD_OK);
    }
}

/* Every code point but the surrogates survives, raw and as an escape. */
static void test_code_points_round_trip(void **state)
{
    (void)state;
    for (unsigned code = 0; code <= 0x10FFFF; code++) {
        char inside[32], text[4], written[EVD_JSON_ESCAPED_MAX(4)], back[4];
        if (code >= 0xD800 && code <= 0xDFFF)
            continue;
        if (code < 0x10000)
            (void)sprintf(inside, "\\u%04x", code);
        else
            (void)sprintf(inside, "\\u%04X\\u%04X", 0xD7C0 + (code >> 10), 0xDC00 + (code & 0x3FF));
        struct evd_slice plain = unescape(inside, text, sizeof text);
        size_t used = evd_json_escape(plain, written);
        assert_int_equal(evd_json_unescape(evd_slice(written, used), back, sizeof back), plain.len);
        assert_memory_equal(back, plain.ptr, plain.len);
        assert_int_equal(plain.len, code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4);
        /* the value of the bytes is the code point */
        unsigned value = (unsigned char)text[0];
        if (plain.len > 1)
            value &= 0x7Fu >> plain.len;
        for (size_t i = 1; i < plain.len; i++)
            value = value << 6 | ((unsigned char)text[i] & 0x3F);
        assert_int_equal(value, code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unescape),
        cmocka_unit_test(test_unescape_too_large),
        cmocka_unit_test(test_unescape_bytes),
        cmocka_unit_test(test_escape),
        cmocka_unit_test(test_escape_bytes),
        cmocka_unit_test(test_bytes_round_trip),
        cmocka_unit_test(test_code_points_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
