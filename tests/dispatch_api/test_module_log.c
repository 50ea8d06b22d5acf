/* The lines of modules: what is shown of a text, and how many there are in a second. */
#include "dispatch/module_log.h"
#include "tests/dispatch/dispatch_test.h"

#include <string.h>

#define SECOND UINT64_C(1000000000)

struct lines {
    size_t count;
    char last[1024], before[1024];
};

static void keep(void *context, enum evd_log_level level, const char *text)
{
    struct lines *lines = context;
    (void)level;
    memcpy(lines->before, lines->last, sizeof lines->before);
    (void)snprintf(lines->last, sizeof lines->last, "%s", text);
    lines->count++;
}

static void expect(struct evd_slice text, const char *shown)
{
    struct lines lines = {0};
    struct evd_module_log log;
    char line[1024];
    evd_module_log_init(&log, keep, &lines);
    evd_module_log_line(&log, 0, EVD_SLICE("m"), EVD_LOG_INFO, text);
    (void)snprintf(line, sizeof line, "module m: %s", shown);
    assert_string_equal(lines.last, line);
}

static void test_what_is_shown(void **state)
{
    (void)state;
    expect((struct evd_slice){0}, "");
    expect(EVD_SLICE("a \"quote\" and a \\"), "a \"quote\" and a \\");
    expect(EVD_SLICE("\0\t\r\n\x1b\x7f~"), "\\x00\\x09\\x0D\\x0A\\x1B\\x7F~");
    expect(EVD_SLICE("\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"),
           "\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80");
    /* C1 controls: U+0080, U+009B (a terminal's CSI), U+009F; U+00A0 is none. */
    expect(EVD_SLICE("\xC2\x80\xC2\x9B\xC2\x9F\xC2\xA0"), "\\xC2\\x80\\xC2\\x9B\\xC2\\x9F\xC2\xA0");
    /* No UTF-8 (RFC 3629, 4): alone, overlong, half a surrogate pair, cut. */
    expect(EVD_SLICE("\xFF \xC0\xAF \xED\xA0\x80 \xE2\x82"),
           "\\xFF \\xC0\\xAF \\xED\\xA0\\x80 \\xE2\\x82");
}

static void expect_cut(struct evd_slice text, size_t shown)
{
    struct lines lines = {0};
    struct evd_module_log log;
    evd_module_log_init(&log, keep, &lines);
    evd_module_log_line(&log, 0, EVD_SLICE("m"), EVD_LOG_INFO, text);
    assert_int_equal(strlen(lines.last), strlen("module m: ") + shown);
}

static void test_where_it_is_cut(void **state)
{
    (void)state;
    char text[2000];
    memset(text, 'x', sizeof text);
    expect_cut(evd_slice(text, 511), 511);
    expect_cut(evd_slice(text, 512), 512);
    expect_cut(evd_slice(text, 513), 512);
    memset(text, '\n', sizeof text);
    expect_cut(evd_slice(text, sizeof text), 512);
    text[0] = 'x'; /* an escape is shown whole or not at all */
    expect_cut(evd_slice(text, sizeof text), 509);
    for (size_t i = 0; i + 3 <= sizeof text; i += 3) /* and so is a character: 170 * 3 + 3 > 512 */
        memcpy(text + i, "\xE2\x82\xAC", 3);
    expect_cut(evd_slice(text, 1998), 510);
}

static void put(struct evd_module_log *log, uint64_t now_ns, int lines)
{
    for (int i = 0; i < lines; i++)
        evd_module_log_line(log, now_ns, EVD_SLICE("m"), EVD_LOG_INFO, EVD_SLICE("text"));
}

static void test_so_many_a_second(void **state)
{
    (void)state;
    struct lines lines = {0};
    struct evd_module_log log;
    uint64_t start = 77 * SECOND;
    evd_module_log_init(&log, keep, &lines);
    put(&log, start, 100);
    assert_int_equal(lines.count, 100);
    put(&log, start + SECOND - 1, 37);
    assert_int_equal(lines.count, 100);
    put(&log, start + SECOND, 1);
    assert_int_equal(lines.count, 102);
    assert_string_equal(lines.before, "37 lines of modules were dropped: over 100 in one second");
    assert_string_equal(lines.last, "module m: text");
    put(&log, start + SECOND, 99);
    assert_int_equal(lines.count, 201);
    put(&log, start + SECOND, 2);
    assert_int_equal(lines.count, 201);

    /* The count is not lost with the end, and is told once. */
    evd_module_log_end(&log);
    assert_int_equal(lines.count, 202);
    assert_string_equal(lines.last, "2 lines of modules were dropped: over 100 in one second");
    evd_module_log_end(&log);
    assert_int_equal(lines.count, 202);
}

static void test_the_clock_moves(void **state)
{
    (void)state;
    uint64_t now = evd_module_log_now();
    assert_true(now > 0);
    while (evd_module_log_now() == now) /* of a few milliseconds */
        ;
    assert_true(evd_module_log_now() > now);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_shown),
        cmocka_unit_test(test_where_it_is_cut),
        cmocka_unit_test(test_so_many_a_second),
        cmocka_unit_test(test_the_clock_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
