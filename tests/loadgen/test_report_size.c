/* A report stays under 1 MB: what cannot be drawn in that room is said to be
 * left out, and drawn beside the page. */
#include "loadgen/report.h"
#include "test_study_synthetic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *report_of(const char *folder, unsigned blocks, unsigned trials, unsigned calls,
                       size_t page_max)
{
    struct synthetic options = {.seed = 7,
                                .blocks = blocks,
                                .noise = 0.02,
                                .rate = {1, 1, 0.7, 0.95, 1.05, 1}, /* none too far to be drawn */
                                .trials = trials,
                                .calls = calls,
                                .parts = true};
    struct evd_error error = {0};
    synthetic_write(folder, &options);
    int rc = lg_report_make_within(folder, page_max, &error);
    if (rc != EVD_OK)
        print_error("%s\n", error.text);
    assert_int_equal(rc, EVD_OK);
    return file_read(folder, "report.html");
}

static size_t count_of(const char *text, const char *what)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
        count++;
    return count;
}

/* 6 arms on 2 scenarios and 2 loads: 2,424 trials, each drawn twice, and in two tables. */
static void test_many_blocks(void **state)
{
    char *folder = folder_make(), *html = report_of(folder, 101, 0, 100, LG_REPORT_PAGE_MAX);
    (void)state;
    assert_true(strlen(html) <= LG_REPORT_PAGE_MAX);
    assert_int_equal(count_of(html, "<svg"), 20);
    assert_int_equal(count_of(html, "<title>block 100: "), 2 * 2 * 5);
    assert_null(strstr(html, "<title>block 101: "));
    assert_int_equal(count_of(html, ", block 101: "), 2 * 2 * 6);
    assert_non_null(strstr(html, " Of 101 blocks the first 100 with both are drawn."));
    free(html);
    folder_remove(folder);
}

/* More than a page can hold: the largest drawings are left out, the page says so, and where they
 * are. */
static void test_left_out(void **state)
{
    static const char says[] = "<p>Not drawn here, to keep this page small: <a href=\"";
    char *folder = folder_make(), *html = report_of(folder, 8, 0, 60, 200000), file[200];
    (void)state;
    size_t left_out = count_of(html, says);
    assert_true(strlen(html) <= 200000);
    assert_true(left_out > 0 && left_out < 20);
    assert_int_equal(count_of(html, "<svg") + left_out, 20);
    for (const char *at = html; (at = strstr(at, says)); at++) {
        snprintf(file, sizeof(file), "%.*s", (int)strcspn(at + strlen(says), "\""),
                 at + strlen(says));
        char *svg = file_read(folder, file);
        assert_true(strncmp(svg, "<svg", 4) == 0);
        free(svg);
    }
    free(html);
    folder_remove(folder);
}

/* More blocks than a table has rows: it tells an arm's trials as a range. */
static void test_ranges(void **state)
{
    char *folder = folder_make(), *html = report_of(folder, 300, 24 * 8, 60, LG_REPORT_PAGE_MAX);
    (void)state;
    assert_int_equal(count_of(html, "<th scope=\"col\">Blocks</th><th scope=\"col\">Least</th>"),
                     4);
    assert_int_equal(count_of(html, "<th scope=\"col\">Trials</th><th scope=\"col\">Least</th>"),
                     4);
    free(html);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_many_blocks),
                                       cmocka_unit_test(test_left_out),
                                       cmocka_unit_test(test_ranges)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
