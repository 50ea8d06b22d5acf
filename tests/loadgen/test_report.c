/* From raw data to pages: effects that were put in are found, pages are a pure function of the
 * data. Broken data: test_report_broken.c. */
#include "loadgen/report.h"
#include "loadgen/report_summary.h"
#include "test_study_synthetic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STATIC, CACHED, CALL, MALLOC, POOL, TWIN };

static const struct synthetic usual = {
    .seed = 7, .blocks = 8, .noise = 0.006, .rate = {1, 1, 0.03, 0.95, 1.05, 1}, .calls = 500};

static void load(const char *folder, struct lg_data *data, struct lg_summary *summary)
{
    struct evd_error error = {0};
    int rc = lg_data_read(folder, data, &error);
    if (rc != EVD_OK)
        print_error("%s\n", error.text);
    assert_int_equal(rc, EVD_OK);
    assert_int_equal(lg_summary_make(data, summary), EVD_OK);
}

static void unload(struct lg_data *data, struct lg_summary *summary)
{
    lg_summary_release(summary);
    lg_data_release(data);
}

static enum lg_verdict verdict(const struct lg_summary *summary, size_t scenario, size_t arm,
                               enum lg_metric metric)
{
    return lg_summary_cell(summary, scenario, 0, arm)->verdicts[metric];
}

static void check_effects(const struct synthetic *options)
{
    char *folder = folder_make();
    struct lg_data data;
    struct lg_summary summary;
    synthetic_write(folder, options);
    load(folder, &data, &summary);
    for (size_t scenario = 0; scenario < 2; scenario++) {
        assert_int_equal(verdict(&summary, scenario, CALL, LG_RATE), LG_WORSE);
        assert_int_equal(verdict(&summary, scenario, MALLOC, LG_RATE), LG_WORSE);
        assert_int_equal(verdict(&summary, scenario, POOL, LG_RATE), LG_BETTER);
        assert_int_equal(verdict(&summary, scenario, CACHED, LG_RATE), LG_EQUIVALENT);
        assert_int_equal(verdict(&summary, scenario, TWIN, LG_RATE), LG_EQUIVALENT);
        /* CPU per call moves the other way, and less of it is better. */
        assert_int_equal(verdict(&summary, scenario, MALLOC, LG_CPU), LG_WORSE);
        assert_int_equal(verdict(&summary, scenario, POOL, LG_CPU), LG_BETTER);
        const struct lg_cell *malloc_cell = lg_summary_cell(&summary, scenario, 0, MALLOC);
        assert_int_equal(malloc_cell->ratios[LG_RATE].n, 8);
        assert_true(malloc_cell->ratios[LG_RATE].low < 0.95);
        assert_true(malloc_cell->ratios[LG_RATE].high > 0.95);
        assert_true(malloc_cell->extra_cpu.low > 0);
    }
    unload(&data, &summary);
    folder_remove(folder);
}

static void test_effects(void **state)
{
    (void)state;
    check_effects(&usual);
}

/* Ratios are paired by block: a machine that gets 5 % faster with each block changes nothing. */
static void test_effects_in_drift(void **state)
{
    struct synthetic drifting = usual;
    (void)state;
    drifting.drift = 0.05;
    check_effects(&drifting);
}

/* With noise as large as the effect, the answer is "unresolved", never "equivalent"; a twin is
 * taken for another arm in one of twenty studies at most, and a real difference is still found.
 * Fixed seeds: it passes always or never. */
static void test_noise(void **state)
{
    struct synthetic noisy = usual;
    unsigned flagged = 0;
    (void)state;
    noisy.noise = 0.08;
    noisy.calls = 5;
    for (noisy.seed = 1; noisy.seed <= 20; noisy.seed++) {
        char *folder = folder_make();
        struct lg_data data;
        struct lg_summary summary;
        synthetic_write(folder, &noisy);
        load(folder, &data, &summary);
        for (size_t scenario = 0; scenario < 2; scenario++) {
            enum lg_verdict twin = verdict(&summary, scenario, TWIN, LG_RATE);
            assert_int_not_equal(twin, LG_EQUIVALENT);
            flagged += twin != LG_UNRESOLVED;
            assert_int_equal(verdict(&summary, scenario, CALL, LG_RATE), LG_WORSE);
        }
        unload(&data, &summary);
        folder_remove(folder);
    }
    assert_in_range(flagged, 0, 2); /* of 40 */
}

/* 45 calls of 100 ns in one trial, and 45 of 100 ns and 10 of 200 ns in the other: merged, 90 of
 * 100 take 100 ns, so that p90 is 100 and p91 is 200; the mean of the trials' p91 would be 150.
 * Values below 256 have a bucket each. */
static void test_merged_percentiles(void **state)
{
    struct synthetic small = usual;
    char *folder = folder_make();
    struct lg_data data;
    struct lg_summary summary;
    struct lg_histogram merged;
    struct evd_error error;
    (void)state;
    small.blocks = 2;
    synthetic_write(folder, &small);
    load(folder, &data, &summary);
    for (size_t i = 0; i < data.count; i++) {
        struct lg_trial *trial = &data.trials[i];
        if (trial->arm != STATIC || trial->load != 1 || trial->scenario != 0)
            continue;
        trial->bucket_count = trial->block;
        trial->buckets[0] = (struct lg_bucket){100, 45};
        trial->buckets[1] = (struct lg_bucket){200, 10};
        trial->max = trial->block == 1 ? 100 : 200;
    }
    assert_int_equal(lg_summary_histogram(&summary, 0, 1, STATIC, &merged, &error), EVD_OK);
    assert_int_equal(merged.count, 100);
    assert_int_equal(lg_histogram_quantile(&merged, 0.90), 100);
    assert_int_equal(lg_histogram_quantile(&merged, 0.91), 200);
    data.trials[0].buckets[0].value = 1000001; /* no bucket starts there */
    size_t arm = data.trials[0].arm;
    assert_true(lg_summary_histogram(&summary, data.trials[0].scenario, data.trials[0].load, arm,
                                     &merged, &error) < 0);
    unload(&data, &summary);
    folder_remove(folder);
}

static const char *const pages[] = {"report.md",
                                    "report.html",
                                    "figure-1-services-throughput-ratio.svg",
                                    "figure-2-services-throughput-cpu.svg",
                                    "figure-3-services-throughput-breakeven.svg",
                                    "figure-4-services-throughput-blocks.svg",
                                    "figure-6-services-latency-spectrum.svg",
                                    "figure-7-services-latency-ratio.svg",
                                    "figure-15-github-webhooks-latency-spectrum.svg"};
enum { PAGES = sizeof(pages) / sizeof(*pages) };

/* The same data in two folders, and the second time with other surroundings: the same bytes. */
static void test_same_bytes(void **state)
{
    char *first = folder_make(), *second = folder_make();
    struct evd_error error;
    (void)state;
    synthetic_write(first, &usual);
    synthetic_write(second, &usual);
    assert_int_equal(lg_report_make(first, &error), EVD_OK);
    assert_int_equal(lg_report_make(second, &error), EVD_OK);
    setenv("LC_ALL", "de_DE.UTF-8", 1);
    setenv("TZ", "Pacific/Auckland", 1);
    assert_int_equal(lg_report_make(second, &error), EVD_OK);
    unsetenv("LC_ALL");
    unsetenv("TZ");
    for (size_t i = 0; i < PAGES; i++) {
        char *a = file_read(first, pages[i]), *b = file_read(second, pages[i]);
        assert_string_equal(a, b);
        free(a);
        free(b);
    }
    folder_remove(first);
    folder_remove(second);
}

static size_t count_of(const char *text, const char *what)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
        count++;
    return count;
}

/* What is cited can be followed: the contents lead to each heading, a line of the decision to its
 * figures; and a number keeps its unit on its line. */
static void test_links(void **state)
{
    char *folder = folder_make(), target[32];
    struct evd_error error;
    (void)state;
    synthetic_write(folder, &usual);
    assert_int_equal(lg_report_make(folder, &error), EVD_OK);
    char *html = file_read(folder, "report.html");
    const char *contents = strstr(html, "<nav aria-label=\"Contents\">"), *at;
    assert_non_null(contents);
    assert_int_equal(count_of(html, "<li><a href=\"#s"), count_of(html, "<h2"));
    assert_non_null(strstr(html, "<li><a href=\"#s1\">Which to choose</a></li>"));
    assert_non_null(strstr(html, "<h2 id=\"s1\">Which to choose</h2>"));
    assert_non_null(strstr(html, "Figures <a href=\"#fig1\">1</a>, <a href=\"#fig2\">2</a>, "));
    for (at = html; (at = strstr(at, "href=\"#")); at++) { /* each leads to one place */
        snprintf(target, sizeof(target), " id=\"%.*s\"", (int)strcspn(at + 7, "\""), at + 7);
        assert_int_equal(count_of(html, target), 1);
    }
    assert_null(strstr(html, "Intervals: 95 %"));
    assert_non_null(strstr(html, "Intervals: 95\u00a0%"));
    free(html);
    folder_remove(folder);
}

static void test_pages(void **state)
{
    char *folder = folder_make();
    struct evd_error error;
    (void)state;
    synthetic_write(folder, &usual);
    assert_int_equal(lg_report_make(folder, &error), EVD_OK);
    char *html = file_read(folder, "report.html"), *md = file_read(folder, "report.md");
    /* One file that needs no other: only the names of namespaces look like addresses. */
    assert_null(strstr(html, "src="));
    assert_null(strstr(html, "<link"));
    assert_null(strstr(html, "<script"));
    assert_int_equal(count_of(html, "http://"), count_of(html, "=\"http://www.w3.org/"));
    assert_int_equal(count_of(html, "<svg"), 18);
    assert_int_equal(count_of(html, "role=\"img\""), 18);
    assert_int_equal(count_of(html, "<title id=\"f18-title\">"), 1);
    assert_int_equal(count_of(html, "<desc id=\"f18-desc\">"), 1);
    assert_int_equal(count_of(html, "<thead>"), count_of(html, "<th scope=\"col\">Arm<") +
                                                    count_of(html, "<th scope=\"col\">Row<") +
                                                    count_of(html, "<th scope=\"col\">Block<") +
                                                    3); /* and the choice, noise, and the machine */
    assert_non_null(strstr(html, "A CPU | of &lt;numbers&gt;"));
    assert_null(strstr(html, "<numbers>"));
    assert_non_null(strstr(html, "prefers-color-scheme: dark"));
    assert_null(strstr(html, "GNUPLOT"));
    /* gnuplot's own colours are all mapped: nothing is black on black in the dark. */
    assert_null(strstr(html, "rgb("));
    assert_null(strstr(html, "\"black\""));

    assert_non_null(strstr(md, "# Three ways of dispatch, a first answer\n"));
    assert_non_null(strstr(md, "`dynamic/call` is 3"));
    assert_non_null(strstr(md, "times slower on `services`"));
    assert_non_null(strstr(md, "`dynamic/cached` is equivalent to it"));
    assert_non_null(strstr(md, "329 real payloads of @octokit/webhooks-examples 7.6.1"));
    assert_non_null(strstr(md, "replies, none bad"));
    assert_non_null(strstr(md, "A CPU \\| of &lt;numbers>"));
    for (size_t i = 2; i < PAGES; i++)
        assert_non_null(strstr(md, pages[i]));
    free(html);
    free(md);
    folder_remove(folder);
}

/* What went wrong, or was INVALID, or is missing, is said, and counts for nothing. */
static void test_flaws(void **state)
{
    struct synthetic flawed = usual;
    char *folder = folder_make();
    struct lg_data data;
    struct lg_summary summary;
    struct evd_error error;
    (void)state;
    flawed.bad_trial = 5;
    flawed.invalid_trial = 9;
    flawed.trials = 170;
    synthetic_write(folder, &flawed);
    load(folder, &data, &summary);
    assert_int_equal(summary.problems, 1);
    assert_int_equal(summary.invalid, 1);
    assert_int_equal(summary.planned, 192);
    assert_int_equal(summary.trials, 170);
    const struct lg_trial *bad = &data.trials[4];
    const struct lg_cell *cell = lg_summary_cell(&summary, bad->scenario, bad->load, bad->arm);
    assert_int_equal(cell->problems, 1);
    assert_int_equal(cell->values[LG_RATE].n, cell->done - 1);
    unload(&data, &summary);

    assert_int_equal(lg_report_make(folder, &error), EVD_OK);
    char *md = file_read(folder, "report.md"), *html = file_read(folder, "report.html");
    assert_non_null(strstr(md, "The study did not end: 170 of 192 trials are there"));
    assert_non_null(strstr(md, "1 trial went wrong and is left out"));
    assert_non_null(strstr(md, "**3 bad replies** among "));
    assert_non_null(strstr(md, "1 of 170 trials INVALID: 0 repeated at once, 1 left out"));
    assert_non_null(strstr(md, "the generator was late: &lt;3 ms>"));
    assert_non_null(strstr(html, "the generator was late: &lt;3\u00a0ms&gt;"));
    free(md);
    free(html);
    folder_remove(folder);
}

/* Where nothing can be believed, the report says so of each arm, and of its twin. */
static void test_all_invalid(void **state)
{
    struct synthetic flawed = usual;
    char *folder = folder_make();
    struct evd_error error;
    (void)state;
    flawed.bad_trial = 5;
    flawed.all_invalid = true;
    flawed.blocks = 2;
    synthetic_write(folder, &flawed);
    assert_int_equal(lg_report_make(folder, &error), EVD_OK);
    char *md = file_read(folder, "report.md");
    assert_non_null(strstr(md, " 1 of 2 went wrong, 1 INVALID |"));
    assert_non_null(strstr(md, " 2 of 2 INVALID |"));
    assert_non_null(strstr(md, "(A/A) too few trials count: this report cannot show its own"));
    assert_null(strstr(md, "There is no comparison of the reference"));
    free(md);
    folder_remove(folder);
}

/* Stolen time alone: such trials are left out while three quarters are left, then kept. */
static void test_stolen(void **state)
{
    char *folder = folder_make();
    struct lg_data data;
    struct lg_summary summary;
    struct synthetic longer = usual;
    (void)state;
    longer.blocks = 12; /* of which 9 can still show a difference */
    synthetic_write(folder, &longer);
    load(folder, &data, &summary);
    for (unsigned stolen = 1; stolen <= 12; stolen++) {
        bool marked = false;
        lg_summary_release(&summary);
        for (size_t i = 0; i < data.count && !marked; i++) {
            struct lg_trial *trial = &data.trials[i];
            if (trial->arm != CALL || trial->load != 0 || trial->scenario != 0 || trial->invalid)
                continue;
            trial->invalid = trial->stolen = marked = true;
        }
        assert_int_equal(lg_summary_make(&data, &summary), EVD_OK);
        const struct lg_cell *cell = lg_summary_cell(&summary, 0, 0, CALL);
        assert_true(cell->trusted);
        assert_int_equal(cell->invalid, stolen);
        assert_int_equal(cell->stolen, stolen <= 3 ? 0 : stolen);
        assert_int_equal(cell->values[LG_RATE].n, stolen <= 3 ? 12 - stolen : 12);
        assert_int_equal(cell->verdicts[LG_RATE], LG_WORSE);
    }
    unload(&data, &summary);
    folder_remove(folder);
}

/* What loadgen run says makes the difference: that reason, and no other beside it. */
static void test_stolen_reason(void **state)
{
    static const struct {
        const char *reasons;
        bool stolen;
    } table[] = {{"\"the host stole 2.3 % of the CPU time; 1 % are allowed\"", true},
                 {"\"the host stole 2.3 %\",\"the rate was missed\"", false},
                 {"\"the generator was late\"", false}};
    struct synthetic small = usual;
    (void)state;
    small.blocks = 1;
    small.invalid_trial = 1;
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        char *folder = folder_make(), *whole = NULL;
        struct lg_data data;
        struct lg_summary summary;
        synthetic_write(folder, &small);
        char *text = file_read(folder, "trials.jsonl");
        char *from = strstr(text, "\"invalid\":["), *to = strchr(from, ']');
        assert_true(asprintf(&whole, "%.*s\"invalid\":[%s%s", (int)(from - text), text,
                             table[i].reasons, to) > 0);
        file_write(folder, "trials.jsonl", whole);
        load(folder, &data, &summary);
        assert_true(data.trials[0].invalid);
        assert_int_equal(data.trials[0].stolen, table[i].stolen);
        unload(&data, &summary);
        free(text);
        free(whole);
        folder_remove(folder);
    }
}

/* Sets the number that a line begins with, {"trial":N, and writes the line. */
static void put_line(FILE *out, const char *line, unsigned number)
{
    fprintf(out, "{\"trial\":%u%.*s\n", number, (int)strcspn(strchr(line, ','), "\n"),
            strchr(line, ','));
}

/* Adds trial 9, INVALID, once more behind line `after`, as a repeat or not, with that outcome. */
static void add_repeat(const char *folder, unsigned after, const char *attempt, const char *valid)
{
    static const char invalid[] = "\"valid\":false";
    char *text = file_read(folder, "trials.jsonl"), *line = text, *whole = NULL, *again = NULL;
    size_t size;
    unsigned number = 0;
    for (unsigned i = 1; i < 9; i++)
        line = strchr(line, '\n') + 1;
    char *flag = strstr(line, invalid), *rest = strchr(line, ',');
    assert_true(flag && flag < strchr(line, '\n'));
    assert_true(asprintf(&again, "{\"trial\":9,\"attempt\":%s%.*s\"valid\":%s%.*s\n", attempt,
                         (int)(flag - rest), rest, valid,
                         (int)strcspn(flag + strlen(invalid), "\n"), flag + strlen(invalid)) > 0);
    FILE *out = open_memstream(&whole, &size);
    for (unsigned i = 1; *(line = i == 1 ? text : strchr(line, '\n') + 1); i++) {
        put_line(out, line, ++number);
        if (i == after)
            put_line(out, again, ++number);
    }
    assert_int_equal(fclose(out), 0);
    file_write(folder, "trials.jsonl", whole);
    free(text);
    free(again);
    free(whole);
}

/* The repeat of an INVALID trial stands for it; any other second trial is an error. */
static void test_repeats(void **state)
{
    struct synthetic flawed = usual;
    char *folder = folder_make();
    struct lg_data data;
    struct lg_summary summary;
    struct evd_error error = {0};
    (void)state;
    flawed.blocks = 4;
    flawed.invalid_trial = 9;
    synthetic_write(folder, &flawed);
    add_repeat(folder, 9, "2", "true");
    load(folder, &data, &summary);
    assert_int_equal(summary.trials, 97);
    assert_int_equal(summary.planned, 96);
    assert_int_equal(summary.invalid, 1);
    assert_int_equal(summary.repeated, 1);
    assert_true(data.trials[8].superseded);
    const struct lg_trial *again = &data.trials[9];
    assert_int_equal(again->block, data.trials[8].block);
    const struct lg_cell *cell =
        lg_summary_cell(&summary, again->scenario, again->load, again->arm);
    assert_int_equal(cell->done, 4);
    assert_int_equal(cell->invalid, 0);
    assert_int_equal(cell->values[LG_RATE].n, 4);
    unload(&data, &summary);
    add_repeat(folder, 10, "2", "true"); /* of a trial that is valid now */
    assert_true(lg_report_make(folder, &error) < 0);
    assert_non_null(strstr(error.text, "trials.jsonl:11: another line has the same arm"));

    /* A repeat that is INVALID too counts once, where INVALID trials are all there is. */
    struct lg_histogram merged;
    flawed.blocks = 1;
    synthetic_write(folder, &flawed);
    add_repeat(folder, 9, "2", "false");
    load(folder, &data, &summary);
    again = &data.trials[9];
    assert_int_equal(summary.invalid, 2);
    assert_int_equal(lg_summary_cell(&summary, again->scenario, again->load, again->arm)->invalid,
                     1);
    assert_int_equal(
        lg_summary_histogram(&summary, again->scenario, again->load, again->arm, &merged, &error),
        EVD_OK);
    assert_int_equal(merged.count, usual.calls);
    unload(&data, &summary);

    flawed.blocks = 4;
    synthetic_write(folder, &flawed);
    add_repeat(folder, 9, "1", "true");
    assert_true(lg_report_make(folder, &error) < 0);
    assert_non_null(strstr(error.text, "trials.jsonl:10: another line has the same arm"));

    /* It stands right behind what it repeats, as a study writes it. */
    synthetic_write(folder, &flawed);
    add_repeat(folder, 10, "2", "true");
    assert_true(lg_report_make(folder, &error) < 0);
    assert_non_null(strstr(error.text, "trials.jsonl:11: trial 11 is '"));
    folder_remove(folder);
}

/* An arm of which most trials are INVALID is shown, but not ranked. */
static void test_untrusted(void **state)
{
    char *folder = folder_make();
    struct lg_data data;
    struct lg_summary summary;
    (void)state;
    synthetic_write(folder, &usual);
    load(folder, &data, &summary);
    lg_summary_release(&summary);
    unsigned left = 5;
    for (size_t i = 0; i < data.count && left > 0; i++) {
        if (data.trials[i].arm != CALL || data.trials[i].load != 0 || data.trials[i].scenario != 0)
            continue;
        data.trials[i].invalid = true;
        left--;
    }
    assert_int_equal(lg_summary_make(&data, &summary), EVD_OK);
    const struct lg_cell *cell = lg_summary_cell(&summary, 0, 0, CALL);
    assert_false(cell->trusted);
    assert_int_equal(cell->invalid, 5);
    assert_true(isfinite(cell->values[LG_RATE].estimate));
    assert_false(cell->values[LG_RATE].bounded);
    assert_false(cell->ratios[LG_RATE].bounded);
    assert_int_equal(cell->verdicts[LG_RATE], LG_UNRESOLVED);
    assert_int_equal(verdict(&summary, 1, CALL, LG_RATE), LG_WORSE);
    unload(&data, &summary);
    folder_remove(folder);
}

/* By its code; and by its sentence, in files from before there were codes. */
static void test_stolen_by_code(void **state)
{
    static const struct {
        const char *invalid;
        bool stolen;
    } cases[] = {
        {"\"invalid\":[\"x\"],\"invalid_causes\":[\"steal\"]", true},
        {"\"invalid\":[\"the host stole 9 %\"],\"invalid_causes\":[\"rate\"]", false},
        {"\"invalid\":[\"x\",\"y\"],\"invalid_causes\":[\"steal\",\"late\"]", false},
        {"\"invalid\":[\"the host stole 9 %\"]", true},
        {"\"invalid\":[\"the rate was missed\"]", false},
    };
    struct synthetic small = usual;
    (void)state;
    small.blocks = 1;
    small.invalid_trial = 1;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        static const char from[] = "\"invalid\":[\"the generator was late: <3 ms>\"]";
        char *folder = folder_make(), *changed = NULL;
        struct lg_data data;
        struct evd_error error;
        synthetic_write(folder, &small);
        char *text = file_read(folder, "trials.jsonl"), *at = strstr(text, from);
        assert_non_null(at);
        assert_true(asprintf(&changed, "%.*s%s%s", (int)(at - text), text, cases[i].invalid,
                             at + strlen(from)) > 0);
        file_write(folder, "trials.jsonl", changed);
        assert_int_equal(lg_data_read(folder, &data, &error), EVD_OK);
        assert_true(data.trials[0].invalid);
        assert_int_equal(data.trials[0].stolen, cases[i].stolen);
        lg_data_release(&data);
        free(text);
        free(changed);
        folder_remove(folder);
    }
}

static void test_no_study(void **state)
{
    char *folder = folder_make();
    struct evd_error error = {0};
    (void)state;
    assert_true(lg_report_make(folder, &error) < 0);
    assert_non_null(strstr(error.text, "study.json"));
    file_write(folder, "study.json", "{\"schema\":\"something\"}");
    assert_true(lg_report_make(folder, &error) < 0);
    assert_non_null(strstr(error.text, "schema is 'something'"));
    folder_remove(folder);
}

/* Without gnuplot the error names the package, and no page is written. */
static void test_no_gnuplot(void **state)
{
    char *folder = folder_make(), *tools = folder_make(), path[512];
    char *before = strdup(getenv("PATH"));
    struct evd_error error = {0};
    (void)state;
    synthetic_write(folder, &usual);
    snprintf(path, sizeof(path), "%s/sha256sum", tools);
    assert_int_equal(symlink("/usr/bin/sha256sum", path), 0);
    setenv("PATH", tools, 1);
    int rc = lg_report_make(folder, &error);
    setenv("PATH", before, 1);
    assert_true(rc < 0);
    assert_non_null(strstr(error.text, "gnuplot-nox"));
    snprintf(path, sizeof(path), "%s/report.md", folder);
    assert_int_equal(access(path, F_OK), -1);
    free(before);
    folder_remove(tools);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_effects),       cmocka_unit_test(test_effects_in_drift),
        cmocka_unit_test(test_noise),         cmocka_unit_test(test_merged_percentiles),
        cmocka_unit_test(test_same_bytes),    cmocka_unit_test(test_pages),
        cmocka_unit_test(test_links),         cmocka_unit_test(test_flaws),
        cmocka_unit_test(test_all_invalid),   cmocka_unit_test(test_untrusted),
        cmocka_unit_test(test_repeats),       cmocka_unit_test(test_stolen),
        cmocka_unit_test(test_stolen_reason), cmocka_unit_test(test_stolen_by_code),
        cmocka_unit_test(test_no_study),      cmocka_unit_test(test_no_gnuplot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
