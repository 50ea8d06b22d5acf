/* Figures of a study's report: each has its figures as a table too, tells them where it is pointed
 * at, and shows nothing for which there are too few calls. */
#include "loadgen/report.h"
#include "test_study_synthetic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct synthetic usual = {
    .seed = 7, .blocks = 8, .noise = 0.006, .rate = {1, 1, 0.03, 0.95, 1.05, 1}, .calls = 500};

struct pages {
    char *folder, *html, *md;
};

static struct pages make_pages(const struct synthetic *options)
{
    struct pages pages = {.folder = folder_make()};
    struct evd_error error = {0};
    synthetic_write(pages.folder, options);
    int rc = lg_report_make(pages.folder, &error);
    if (rc != EVD_OK)
        print_error("%s\n", error.text);
    assert_int_equal(rc, EVD_OK);
    pages.html = file_read(pages.folder, "report.html");
    pages.md = file_read(pages.folder, "report.md");
    return pages;
}

static void release_pages(struct pages *pages)
{
    free(pages->html);
    free(pages->md);
    folder_remove(pages->folder);
}

static size_t count_of(const char *text, const char *what)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
        count++;
    return count;
}

/* The line of a text that holds `what`, cut out behind `from`; to be freed. */
static char *line_of(const char *text, const char *from, const char *what)
{
    const char *at = strstr(text, from);
    assert_non_null(at);
    at = strstr(at, what);
    assert_non_null(at);
    while (at > text && at[-1] != '\n')
        at--;
    return strndup(at, strcspn(at, "\n"));
}

static void test_text_alternatives(void **state)
{
    struct pages pages = make_pages(&usual);
    (void)state;
    size_t figures = count_of(pages.html, "<svg");
    assert_true(figures >= 18);
    assert_int_equal(count_of(pages.html, "role=\"img\" aria-labelledby=\"f"), figures);
    assert_int_equal(count_of(pages.html, "<desc id=\"f"), figures);
    assert_int_equal(count_of(pages.html, " as a table</summary>"), figures);
    assert_int_equal(count_of(pages.md, " as a table</summary>"), figures);
    assert_int_equal(count_of(pages.md, "\n</details>\n"), figures);
    assert_true(strlen(pages.html) < 1 << 20);
    release_pages(&pages);
}

/* By the readers' own means: no script, whoever drew it. */
static void test_pointed_at(void **state)
{
    struct pages pages = make_pages(&usual);
    (void)state;
    assert_non_null(strstr(pages.html, "'><title>instance/malloc: 0.9"));
    assert_non_null(strstr(pages.html, "<g class=\"point\" fill=\"#"));
    assert_null(strstr(pages.html, "gnuplot_svg"));
    assert_null(strstr(pages.html, "onmouse"));
    assert_null(strstr(pages.html, "<title> </title>"));
    char *svg = file_read(pages.folder, "figure-1-services-throughput-ratio.svg");
    assert_non_null(strstr(svg, "<title>instance/malloc: 0.9"));
    free(svg);
    release_pages(&pages);
}

/* Not by colour alone: each arm's line of what is left of the costs has a shape of its own. */
static void test_shapes(void **state)
{
    static const char *const shapes[] = {"-gpPt4'", "-gpPt6'", "-gpPt8'"};
    struct pages pages = make_pages(&usual);
    (void)state;
    char *svg = file_read(pages.folder, "figure-3-services-throughput-breakeven.svg");
    for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++)
        assert_true(count_of(svg, shapes[i]) >= 3); /* its definition, the line, the key */
    free(svg);
    release_pages(&pages);
}

/* 8 trials of 500 calls: 40 are above p99, 4 above p99.9. */
static void test_spectrum(void **state)
{
    struct pages pages = make_pages(&usual);
    (void)state;
    char *row = line_of(pages.md, "<summary>Figure 6 as a table", "| static |");
    assert_non_null(strstr(row, "| static | 4,000 |"));
    assert_int_equal(count_of(row, "too few calls"), 2);
    assert_int_equal(count_of(row, " µs \\["), 3);
    free(row);
    assert_non_null(strstr(pages.html, "<title>static, p99: "));
    assert_null(strstr(pages.html, "<title>static, p99.9: "));
    assert_non_null(strstr(pages.html, "fill-opacity")); /* the bands */
    release_pages(&pages);
}

/* With four blocks no bootstrap has an interval: no bands. */
static void test_no_band(void **state)
{
    struct synthetic small = usual;
    (void)state;
    small.blocks = 4;
    struct pages pages = make_pages(&small);
    char *row = line_of(pages.md, "<summary>Figure 6 as a table", "| static |");
    assert_int_equal(count_of(row, " µs \\["), 0);
    free(row);
    assert_non_null(strstr(pages.html, "<title>static, p99: "));
    release_pages(&pages);
}

/* A line for each block, but for the arm that would press the others flat. */
static void test_blocks(void **state)
{
    struct pages pages = make_pages(&usual);
    (void)state;
    char *caption = line_of(pages.md, "**Figure 4.**", "Block by block");
    assert_non_null(strstr(caption, "Too far off to be drawn here: `dynamic/call`."));
    free(caption);
    const char *table = strstr(pages.md, "<summary>Figure 4 as a table");
    assert_non_null(table);
    char *rows = strndup(table, (size_t)(strstr(table, "</details>") - table));
    assert_non_null(strstr(rows, "\n| Block | static | dynamic/cached | dynamic/call | "));
    assert_int_equal(count_of(rows, "/s |\n"), 8); /* also of those that are too far off */
    assert_non_null(strstr(rows, "\n| 8 | 1."));
    free(rows);
    assert_int_equal(count_of(pages.html, "<title>block 8: "), 4 + 4 + 5 + 4);
    release_pages(&pages);
}

/* All trials are there, those that count for nothing as open points. */
static void test_order(void **state)
{
    struct synthetic flawed = usual;
    struct pages clean = make_pages(&usual);
    (void)state;
    assert_int_equal(count_of(clean.html, "<title>trial "), 8 * 24);
    assert_null(strstr(clean.html, ", INVALID</title>"));
    release_pages(&clean);
    flawed.invalid_trial = 9;
    flawed.bad_trial = 5;
    struct pages pages = make_pages(&flawed);
    assert_int_equal(count_of(pages.html, "<title>trial "), 8 * 24);
    assert_non_null(strstr(pages.html, "<title>trial 9, block 1: "));
    assert_int_equal(count_of(pages.html, ", INVALID</title>"), 1);
    assert_int_equal(count_of(pages.html, ", went wrong</title>"), 1);
    assert_int_equal(count_of(pages.md, " - INVALID "), 2); /* of blocks that have no other */
    release_pages(&pages);
}

static void test_breakdown(void **state)
{
    struct synthetic parts = usual;
    (void)state;
    parts.parts = true;
    struct pages pages = make_pages(&parts);
    const char *heads = "| Row | woke late | no free slot | client | wire + server | in all |";
    assert_int_equal(count_of(pages.md, heads), 2);
    assert_int_equal(count_of(pages.md, "| dynamic/call | 10.0 | 20.0 | 30.0 | 40.0 | 100 µs |"),
                     2);
    release_pages(&pages);
}

static void check_row(const struct pages *pages, const char *row, size_t times)
{
    if (count_of(pages->md, row) != times)
        print_error("not %zu times there: %s", times, row);
    assert_int_equal(count_of(pages->md, row), times);
}

/* On both scenarios: the middle of eight blocks is the fourth, its interval from the first to the
 * last (1 - 2 / 2^8 = 99 %; from the second to the seventh it would be 93 %). */
static void test_over_time(void **state)
{
    struct synthetic timed = usual;
    (void)state;
    timed.over_time = true;
    struct pages pages = make_pages(&timed);
    check_row(&pages, "### Latency within a trial\n", 2);
    check_row(&pages, " Latency within a trial on `", 2);
    check_row(&pages, "\n| static | 0 to 24 ms | 50.3 \\[50.0, 50.7\\] |\n", 2);
    check_row(&pages, "\n| static | 456 to 480 ms | 50.3 \\[50.0, 50.7\\] |\n", 2);
    check_row(&pages, "\n| dynamic/cached | 456 to 480 ms | 46.2 \\[45.9, 46.5\\] |\n", 2);
    check_row(&pages, "\n| dynamic/call | 0 to 24 ms | 65.4 \\[65.0, 65.9\\] |\n", 2);
    check_row(&pages, "\n| dynamic/call | 24 to 48 ms | 52.3 \\[52.0, 52.7\\] |\n", 2);
    check_row(&pages, "\n| instance/malloc | 24 to 48 ms | - |\n", 2);
    check_row(
        &pages,
        "\nThe part farthest off its arm's whole trials is that of `dynamic/call` from 0 to 24 "
        "ms: its median is 25.0 % higher.\n",
        2);
    assert_int_equal(count_of(pages.html, "<title>static, 0 to 24 ms: 50.3 [50.0, 50.7]<"), 2);
    assert_null(strstr(pages.html, "<title>instance/malloc, 24 to 48 ms"));
    assert_true(strlen(pages.html) < 1 << 20);
    release_pages(&pages);
}

/* The number of an arm's trial with open calls on the first scenario in the first block. */
static unsigned first_open_trial(const struct synthetic *options, const char *arm)
{
    char *folder = folder_make(), want[160];
    unsigned number = 0;
    synthetic_write(folder, options);
    char *text = file_read(folder, "trials.jsonl");
    snprintf(want, sizeof(want),
             "\"block\":1,\"arm\":\"%s\",\"scenario\":\"services\",\"load\":\"latency\"", arm);
    const char *at = strstr(text, want);
    assert_non_null(at);
    while (at > text && at[-1] != '\n')
        at--;
    assert_int_equal(sscanf(at, "{\"trial\":%u,", &number), 1);
    free(text);
    folder_remove(folder);
    return number;
}

/* Of what does not count nothing is shown: seven blocks are left, the fifth is their middle. */
static void test_over_time_of_what_counts(void **state)
{
    struct synthetic timed = usual;
    (void)state;
    timed.over_time = true;
    timed.invalid_trial = first_open_trial(&timed, "static");
    struct pages pages = make_pages(&timed);
    check_row(&pages, "\n| static | 0 to 24 ms | 50.4 \\[50.1, 50.7\\] |\n", 1);
    check_row(&pages, "\n| static | 0 to 24 ms | 50.3 \\[50.0, 50.7\\] |\n", 1);
    release_pages(&pages);
}

/* report.md where the first `times` of `from` in the raw data are `to`, which is as long; to be
 * freed. */
static char *edited_page(const struct synthetic *options, const char *from, const char *to,
                         unsigned times)
{
    struct evd_error error = {0};
    char *folder = folder_make();
    synthetic_write(folder, options);
    char *text = file_read(folder, "trials.jsonl"), *at = text;
    for (unsigned i = 0; i < times && (at = strstr(at, from)); i++)
        memcpy(at, to, strlen(to));
    file_write(folder, "trials.jsonl", text);
    free(text);
    assert_int_equal(lg_report_make(folder, &error), EVD_OK);
    char *md = file_read(folder, "report.md");
    folder_remove(folder);
    return md;
}

/* Where only some runs have recorded it, it is of these: the first block has not. Where too many
 * trials are INVALID for an interval, it has none. */
static void test_over_time_of_some(void **state)
{
    struct synthetic timed = usual;
    (void)state;
    timed.over_time = true;
    char *md = edited_page(&timed, "\"over_time\":{", "\"went_fast\":{", 2 * SYNTHETIC_ARMS);
    assert_int_equal(count_of(md, "\n| static | 0 to 24 ms | 50.4 \\[50.1, 50.7\\] |\n"), 2);
    free(md);
    md = edited_page(&timed, "\"valid\":true,\"invalid\"", "\"valid\":false,\"doubts\"",
                     4 * 8 * SYNTHETIC_ARMS);
    assert_int_equal(count_of(md, "\n| static | 0 to 24 ms | 50.3 |\n"), 2);
    free(md);
}

/* A trial of an older run among them: what it lacks is told of none, and not taken for 0. */
static void test_not_recorded(void **state)
{
    struct synthetic parts = usual;
    struct evd_error error = {0};
    char *folder = folder_make();
    (void)state;
    parts.parts = true;
    synthetic_write(folder, &parts);
    char *text = file_read(folder, "trials.jsonl");
    for (char *at = text; (at = strstr(at, "\"wire\":"));)
        memcpy(at, "\"gone\":", 7);
    char *split = strstr(text, "\"woke_late\":");
    assert_non_null(split);
    memcpy(split, "\"wake_late\":", 12);
    file_write(folder, "trials.jsonl", text);
    free(text);
    assert_int_equal(lg_report_make(folder, &error), EVD_OK);
    char *md = file_read(folder, "report.md");
    assert_int_equal(count_of(md, "| Row | lateness | service | in all |"), 1);
    assert_int_equal(count_of(md, "| Row | woke late | no free slot | service | in all |"), 1);
    assert_non_null(strstr(md, "its parts are not recorded"));
    assert_null(strstr(md, "Latency within a trial"));
    assert_null(strstr(md, "The part farthest"));
    assert_non_null(strstr(md, "| Libraries | not recorded |"));
    free(md);
    folder_remove(folder);
}

static void test_errors(void **state)
{
    struct synthetic flawed = usual;
    (void)state;
    flawed.bad_trial = 5;
    struct pages pages = make_pages(&flawed);
    const char *table = strstr(pages.md, "How the calls of each arm ended");
    assert_non_null(table);
    assert_int_equal(count_of(table, "| ✗ 3 | 0 | 0 | 0 |"), 1);
    assert_int_equal(count_of(table, "| 0 | 0 | 0 | 0 | 16,384 |"), SYNTHETIC_ARMS - 1);
    release_pages(&pages);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_alternatives),
        cmocka_unit_test(test_pointed_at),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_spectrum),
        cmocka_unit_test(test_no_band),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_breakdown),
        cmocka_unit_test(test_over_time),
        cmocka_unit_test(test_over_time_of_what_counts),
        cmocka_unit_test(test_over_time_of_some),
        cmocka_unit_test(test_not_recorded),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
