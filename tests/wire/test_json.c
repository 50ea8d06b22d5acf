/* The scan against the cases of tests/vectors, against the end of a page, and its cursor. */
#include "json_cases.h"

#include <sys/mman.h>
#include <unistd.h>

#define DEPTH EVD_JSON_DEPTH_DEFAULT

/* Where validating fails, or SIZE_MAX where it doesn't. */
static size_t bad_at(struct evd_slice text, unsigned max_depth)
{
    struct evd_error error = {0};
    int rc = evd_json_validate(text, max_depth, &error);
    if (rc == EVD_OK)
        return SIZE_MAX;
    assert_int_equal(rc, EVD_ERR_BAD_DATA);
    assert_int_equal(error.status, EVD_ERR_BAD_DATA);
    const char *at = strstr(error.text, " at byte ");
    assert_non_null(at);
    return strtoul(at + strlen(" at byte "), NULL, 10);
}

static void test_vectors(void **state)
{
    const struct json_cases *all = *state;
    size_t wrong = 0;
    assert_true(all->count > 150);
    for (size_t i = 0; i < all->count; i++) {
        const struct json_case *c = &all->cases[i];
        size_t at = bad_at(evd_slice(c->text, c->len), DEPTH);
        if (at != c->bad_at) {
            print_error("%s %s: bad at %zd, not %zd\n", c->verdict, c->name, (ssize_t)at,
                        (ssize_t)c->bad_at);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

/* ---- Nothing is read beyond the end ---- */

struct fence {
    char *map, *end; /* the byte at `end` cannot be read */
    size_t page;
};

static void fence_open(struct fence *fence)
{
    fence->page = (size_t)sysconf(_SC_PAGESIZE);
    fence->map =
        mmap(NULL, 2 * fence->page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(fence->map != MAP_FAILED);
    fence->end = fence->map + fence->page;
    assert_int_equal(mprotect(fence->end, fence->page, PROT_NONE), 0);
}

static void fence_close(struct fence *fence)
{
    assert_int_equal(munmap(fence->map, 2 * fence->page), 0);
}

static struct evd_slice fence_put(const struct fence *fence, const char *text, size_t len)
{
    char *start = fence->end - len;
    memcpy(start, text, len);
    return evd_slice(start, len);
}

/* Every prefix of every case. Where a text is good, a prefix is bad only by what it was cut in: an
 * escape or a literal of less than 12 bytes, or what is missing at the end. */
static void test_every_prefix_at_the_end_of_a_page(void **state)
{
    const struct json_cases *all = *state;
    struct fence fence;
    fence_open(&fence);
    for (size_t i = 0; i < all->count; i++) {
        const struct json_case *c = &all->cases[i];
        size_t value_end = c->len;
        while (value_end > 0 && strchr(" \t\r\n", c->text[value_end - 1]) != NULL)
            value_end--;
        for (size_t len = 0; len <= c->len; len++) {
            size_t at = bad_at(fence_put(&fence, c->text, len), DEPTH);
            assert_true(at == SIZE_MAX || at <= len);
            if (len == c->len)
                assert_int_equal(at, c->bad_at);
            else if (json_case_accepts(c) && at != SIZE_MAX)
                assert_true(len - at < 12);
            else if (json_case_accepts(c) && strchr("[{\"", c->text[0]) != NULL)
                assert_true(len >= value_end);
        }
    }
    fence_close(&fence);
}

/* Each kind of byte that ends a run of plain ones, at each distance from the start and from the
 * end, against the end of a page: vectors and their rest must agree. */
static void test_string_ends_at_every_offset(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        bool good;
    } specials[] = {
        {"\\n", true},      {"\\u00e9", true},      {"\\ud834\\udd1e", true},
        {"\xC3\xA9", true}, {"\xE2\x82\xAC", true}, {"\xF0\x9F\x98\x80", true},
        {"~", true},        {"\x7F", true},         {"\x1F", false},
        {"\n", false},      {"\\q", false},         {"\\ud834", false},
        {"\x80", false},    {"\xFF", false},        {"\xE2\x82", false},
    };
    struct fence fence;
    fence_open(&fence);
    for (size_t i = 0; i < sizeof specials / sizeof *specials; i++)
        for (size_t before = 0; before <= 40; before++)
            for (size_t after = 0; after <= 40; after++) {
                char text[128];
                size_t len =
                    (size_t)snprintf(text, sizeof text, "\"%.*s%s%.*s\"", (int)before,
                                     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", specials[i].bytes,
                                     (int)after, "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
                size_t at = bad_at(fence_put(&fence, text, len), DEPTH);
                assert_int_equal(at, specials[i].good ? SIZE_MAX : before + 1);
            }
    fence_close(&fence);
}

/* ---- UTF-8 against the grammar of RFC 3629, section 4, written out ---- */

static size_t grammar_sequence(const unsigned char *p, size_t len)
{
    static const unsigned char rows[][9] = {
        /* length, then low and high of each byte */
        {1, 0x00, 0x7F},
        {2, 0xC2, 0xDF, 0x80, 0xBF},
        {3, 0xE0, 0xE0, 0xA0, 0xBF, 0x80, 0xBF},
        {3, 0xE1, 0xEC, 0x80, 0xBF, 0x80, 0xBF},
        {3, 0xED, 0xED, 0x80, 0x9F, 0x80, 0xBF},
        {3, 0xEE, 0xEF, 0x80, 0xBF, 0x80, 0xBF},
        {4, 0xF0, 0xF0, 0x90, 0xBF, 0x80, 0xBF, 0x80, 0xBF},
        {4, 0xF1, 0xF3, 0x80, 0xBF, 0x80, 0xBF, 0x80, 0xBF},
        {4, 0xF4, 0xF4, 0x80, 0x8F, 0x80, 0xBF, 0x80, 0xBF},
    };
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        size_t n = rows[row][0], i = 0;
        if (n > len)
            continue;
        while (i < n && p[i] >= rows[row][1 + 2 * i] && p[i] <= rows[row][2 + 2 * i])
            i++;
        if (i == n)
            return n;
    }
    return 0;
}

static void check_string_bytes(const unsigned char *bytes, size_t len)
{
    char text[16];
    size_t at = 0;
    while (at < len && bytes[at] >= 0x20 && bytes[at] != '"' && bytes[at] != '\\') {
        size_t n = grammar_sequence(bytes + at, len - at);
        if (n == 0)
            break;
        at += n;
    }
    if (at < len && (bytes[at] == '"' || bytes[at] == '\\'))
        return; /* other tests' business */
    text[0] = '"';
    memcpy(text + 1, bytes, len);
    text[len + 1] = '"';
    assert_int_equal(bad_at(evd_slice(text, len + 2), DEPTH), at == len ? SIZE_MAX : at + 1);
}

static void test_utf8_against_the_grammar(void **state)
{
    (void)state;
    unsigned char bytes[4];
    for (unsigned first = 0; first < 256; first++)
        for (unsigned second = 0; second < 256; second++) {
            static const unsigned char tails[] = {0x7F, 0x80, 0xBF, 0xC0};
            bytes[0] = (unsigned char)first;
            bytes[1] = (unsigned char)second;
            check_string_bytes(bytes, 1);
            check_string_bytes(bytes, 2);
            for (size_t i = 0; i < 16; i++) {
                bytes[2] = tails[i / 4];
                bytes[3] = tails[i % 4];
                check_string_bytes(bytes, 3);
                check_string_bytes(bytes, 4);
            }
        }
}

/* ---- Depth ---- */

static void test_depth_limit(void **state)
{
    (void)state;
    static const unsigned limits[] = {1, 2, 63, 64, 65, 128, EVD_JSON_DEPTH_MAX};
    static const char *const opens[] = {"[", "{\"k\":", "[{\"k\":"}, *const closes[] = {"]", "}",
                                                                                        "}]"};
    static char text[8 * EVD_JSON_DEPTH_MAX];
    for (size_t l = 0; l < sizeof limits / sizeof *limits; l++)
        for (size_t kind = 0; kind < 3; kind++)
            for (unsigned extra = 0; extra < 2; extra++) {
                unsigned levels = kind == 2 ? 2 : 1, rounds = limits[l] / levels + extra;
                size_t len = 0;
                text[0] = '\0';
                for (unsigned i = 0; i < rounds; i++)
                    len += (size_t)sprintf(text + len, "%s", opens[kind]);
                len += (size_t)sprintf(text + len, "1");
                for (unsigned i = 0; i < rounds; i++)
                    len += (size_t)sprintf(text + len, "%s", closes[kind]);
                size_t at = bad_at(evd_slice(text, len), limits[l]);
                assert_true((at == SIZE_MAX) == (rounds * levels <= limits[l]));
            }
    memset(text, '[', EVD_JSON_DEPTH_MAX + 1);
    assert_int_equal(bad_at(evd_slice(text, EVD_JSON_DEPTH_MAX + 1), 100000), EVD_JSON_DEPTH_MAX);
    assert_int_equal(bad_at(EVD_SLICE("[1,[2,[3],[[4]]]]"), 3), 11);
    assert_int_equal(bad_at(EVD_SLICE("1"), 1), SIZE_MAX);
}

/* Every way of closing what is open, in all shapes of eight containers: only the right one is. */
static void test_closing_brackets(void **state)
{
    (void)state;
    for (unsigned shape = 0; shape < 256; shape++)
        for (unsigned wrong = 0; wrong <= 8; wrong++) {
            char text[64];
            size_t len = 0, expected = SIZE_MAX;
            for (unsigned i = 0; i < 8; i++)
                len += (size_t)sprintf(text + len, "%s", shape >> i & 1 ? "{\"a\":" : "[");
            text[len++] = '0';
            for (unsigned i = 8; i-- > 0;) {
                bool brace = (shape >> i & 1) != 0;
                if (i == wrong)
                    expected = len;
                text[len++] = brace == (i != wrong) ? '}' : ']';
            }
            assert_int_equal(bad_at(evd_slice(text, len), DEPTH), expected);
        }
}

/* ---- Error texts ---- */

static void test_error_texts(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"{\"a\":1", "not JSON: expected ',' or '}' at byte 6, where it ends"},
        {"{\"a\":1 \"b\":2}", "not JSON: expected ',' or '}' at byte 7"},
        {"[1 2]", "not JSON: expected ',' or ']' at byte 3"},
        {"{\"a\" 1}", "not JSON: expected ':' at byte 5"},
        {"{a:1}", "not JSON: expected a key in quotes at byte 1"},
        {"", "not JSON: expected a value at byte 0, where it ends"},
        {"[-]", "not JSON: expected a digit at byte 2"},
        {"01", "not JSON: a number that starts with 0 at byte 0"},
        {"1 1", "not JSON: something behind the value at byte 2"},
        {"\"a", "not JSON: a string without an end at byte 2, where it ends"},
        {"\"\n\"", "not JSON: a control character in a string at byte 1"},
        {"\"\x1F\"", "not JSON: a control character in a string at byte 1"},
        {"\"\\x\"", "not JSON: an unknown escape at byte 1"},
        {"\"\\u12\"", "not JSON: \\u without four hex digits at byte 1"},
        {"\"\\udc00\"", "not JSON: half a surrogate pair at byte 1"},
        {"\"\xFF\"", "not JSON: not UTF-8 at byte 1"},
        {"[[[1]]]", "JSON nested deeper than the limit of 2 at byte 2"},
        {"\"\\u0000\"", "JSON not supported: \\u0000 in a string at byte 1"},
        {"1e999", "JSON not supported: a number beyond the range of a double at byte 0"},
        {"1000000000000000000000000000000000000000000000000000000000000000",
         "JSON not supported: a number of more than 63 bytes at byte 0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct evd_error error;
        assert_int_equal(evd_json_validate(evd_slice_text(cases[i].text), 2, &error),
                         EVD_ERR_BAD_DATA);
        assert_string_equal(error.text, cases[i].error);
        assert_int_equal(evd_json_validate(evd_slice_text(cases[i].text), 2, NULL),
                         EVD_ERR_BAD_DATA);
    }
    assert_int_equal(evd_json_validate(evd_slice(NULL, 0), 2, NULL), EVD_ERR_BAD_DATA);
}

/* ---- The cursor ---- */

#define assert_slice(slice, literal)                                                               \
    do {                                                                                           \
        assert_int_equal((slice).len, sizeof(literal) - 1);                                        \
        assert_memory_equal((slice).ptr, literal, sizeof(literal) - 1);                            \
    } while (0)

static void test_cursor_values(void **state)
{
    (void)state;
    static const char text[] = " null true [1, {\"a\":[]}] \"x\\\"\" -1.5e3 {} false";
    static const enum evd_json_type types[] = {EVD_JSON_NULL,   EVD_JSON_BOOL,   EVD_JSON_ARRAY,
                                               EVD_JSON_STRING, EVD_JSON_NUMBER, EVD_JSON_OBJECT,
                                               EVD_JSON_BOOL};
    static const char *const spans[] = {"null", "true", "[1, {\"a\":[]}]", "\"x\\\"\"", "-1.5e3",
                                        "{}",   "false"};
    struct evd_json_scan scan;
    evd_json_scan_init(&scan, EVD_SLICE(text), DEPTH);
    for (size_t i = 0; i < 7; i++) {
        enum evd_json_type type;
        struct evd_slice span;
        assert_int_equal(evd_json_scan_value(&scan, &type, &span), EVD_OK);
        assert_int_equal(type, types[i]);
        assert_int_equal(span.len, strlen(spans[i]));
        assert_memory_equal(span.ptr, spans[i], span.len);
    }
    assert_int_equal(evd_json_scan_end(&scan), EVD_OK);
    assert_int_equal(evd_json_scan_value(&scan, NULL, NULL), EVD_ERR_BAD_DATA);
}

static void test_cursor_members(void **state)
{
    (void)state;
    struct evd_json_scan scan;
    struct evd_slice key, value;
    enum evd_json_type type;
    evd_json_scan_init(&scan, EVD_SLICE(" { \"a\" : 1 , \"\\u0062\":[{}],\"\":\"\\u0000\"} "), 3);
    assert_int_equal(evd_json_scan_object(&scan), EVD_OK);
    assert_int_equal(evd_json_scan_member(&scan, &key, &type, &value), EVD_MORE);
    assert_slice(key, "a");
    assert_slice(value, "1");
    assert_int_equal(type, EVD_JSON_NUMBER);
    assert_int_equal(evd_json_scan_member(&scan, &key, &type, &value), EVD_MORE);
    assert_slice(key, "\\u0062");
    assert_slice(value, "[{}]");
    assert_int_equal(type, EVD_JSON_ARRAY);
    assert_null(scan.nul);
    assert_int_equal(evd_json_scan_member(&scan, &key, &type, &value), EVD_MORE);
    assert_int_equal(key.len, 0);
    assert_slice(value, "\"\\u0000\"");
    assert_ptr_equal(scan.nul, value.ptr + 1);
    assert_int_equal(evd_json_scan_member(&scan, &key, &type, &value), EVD_DONE);
    assert_int_equal(evd_json_scan_end(&scan), EVD_OK);
}

static void test_cursor_empty_object(void **state)
{
    (void)state;
    struct evd_json_scan scan;
    struct evd_slice key, value;
    evd_json_scan_init(&scan, EVD_SLICE("{ }x"), 1);
    assert_int_equal(evd_json_scan_object(&scan), EVD_OK);
    assert_int_equal(evd_json_scan_member(&scan, &key, NULL, &value), EVD_DONE);
    assert_int_equal(evd_json_scan_end(&scan), EVD_ERR_BAD_DATA);
    assert_int_equal(scan.pos - scan.start, 3);
}

/* The cursor refuses what validating refuses, at the same byte. */
static void test_cursor_refuses_the_same(void **state)
{
    const struct json_cases *all = *state;
    for (size_t i = 0; i < all->count; i++) {
        const struct json_case *c = &all->cases[i];
        struct evd_json_scan scan;
        struct evd_slice key, value;
        evd_json_scan_init(&scan, evd_slice(c->text, c->len), DEPTH);
        if (c->text[0] != '{')
            continue;
        int rc = evd_json_scan_object(&scan);
        while (rc == EVD_OK && (rc = evd_json_scan_member(&scan, &key, NULL, &value)) == EVD_MORE)
            rc = EVD_OK;
        if (rc == EVD_OK)
            rc = evd_json_scan_end(&scan);
        bool accepted = json_case_accepts(c) || scan.nul != NULL; /* the cursor lets it pass */
        assert_int_equal(rc, accepted ? EVD_OK : EVD_ERR_BAD_DATA);
        if (!accepted)
            assert_int_equal(scan.pos - scan.start, c->bad_at);
    }
}

static void test_cursor_depth_counts_the_object(void **state)
{
    (void)state;
    struct evd_json_scan scan;
    struct evd_slice key, value;
    evd_json_scan_init(&scan, EVD_SLICE("{\"a\":[[]]}"), 2);
    assert_int_equal(evd_json_scan_object(&scan), EVD_OK);
    assert_int_equal(evd_json_scan_member(&scan, &key, NULL, &value), EVD_ERR_BAD_DATA);
    assert_int_equal(scan.pos - scan.start, 6);
    evd_json_scan_init(&scan, EVD_SLICE("{}{}"), 1); /* what was left does not count */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(evd_json_scan_object(&scan), EVD_OK);
        assert_int_equal(evd_json_scan_member(&scan, &key, NULL, &value), EVD_DONE);
    }
    evd_json_scan_init(&scan, EVD_SLICE("{}"), 0);
    assert_int_equal(evd_json_scan_object(&scan), EVD_ERR_BAD_DATA);
    evd_json_scan_init(&scan, EVD_SLICE(" [1]"), 1);
    assert_int_equal(evd_json_scan_object(&scan), EVD_ERR_BAD_DATA);
    assert_string_equal(scan.why, "expected '{'");
    assert_int_equal(scan.pos - scan.start, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_every_prefix_at_the_end_of_a_page),
        cmocka_unit_test(test_string_ends_at_every_offset),
        cmocka_unit_test(test_utf8_against_the_grammar),
        cmocka_unit_test(test_depth_limit),
        cmocka_unit_test(test_closing_brackets),
        cmocka_unit_test(test_error_texts),
        cmocka_unit_test(test_cursor_values),
        cmocka_unit_test(test_cursor_members),
        cmocka_unit_test(test_cursor_empty_object),
        cmocka_unit_test(test_cursor_refuses_the_same),
        cmocka_unit_test(test_cursor_depth_counts_the_object),
    };
    return cmocka_run_group_tests(tests, json_cases_load, NULL);
}
