/* Data of a study that are broken, mixed or cut off are refused, by file and line; and what further
 * file its folder may hold. */
#include "loadgen/report.h"
#include "loadgen/report_data.h"
#include "test_study_synthetic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct synthetic usual = {
    .seed = 7, .blocks = 8, .noise = 0.006, .rate = {1, 1, 0.03, 0.95, 1.05, 1}, .calls = 500};

/* Replaces the first `from` after the `line`th line's start, and expects this error. Line 0: the
 * first that has `from`. */
static void check_broken_of(const struct synthetic *options, unsigned line, const char *from,
                            const char *to, const char *says)
{
    struct synthetic small = *options;
    char *folder = folder_make(), place[64];
    struct evd_error error = {0};
    small.blocks = 1;
    small.calls = 20;
    synthetic_write(folder, &small);
    char *text = file_read(folder, "trials.jsonl"), *at = text, *broken = NULL;
    for (unsigned i = 1; i < line; i++)
        at = strchr(at, '\n') + 1;
    at = strstr(at, from);
    assert_non_null(at);
    if (line == 0)
        for (const char *c = text; line == 0 || c < at; c++)
            line += c == text || *c == '\n';
    assert_true(asprintf(&broken, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)) > 0);
    file_write(folder, "trials.jsonl", broken);
    assert_true(lg_report_make(folder, &error) < 0);
    snprintf(place, sizeof(place), "trials.jsonl:%u:", line);
    if (!strstr(error.text, place) || !strstr(error.text, says))
        print_error("it says '%s', not '%s ... %s'\n", error.text, place, says);
    assert_non_null(strstr(error.text, place));
    assert_non_null(strstr(error.text, says));
    char page[512];
    snprintf(page, sizeof(page), "%s/report.md", folder);
    assert_int_equal(access(page, F_OK), -1);
    free(text);
    free(broken);
    folder_remove(folder);
}

static void check_broken(unsigned line, const char *from, const char *to, const char *says)
{
    check_broken_of(&usual, line, from, to, says);
}

static void check_broken_time(const char *from, const char *to, const char *says)
{
    struct synthetic timed = usual;
    timed.over_time = true;
    check_broken_of(&timed, 0, from, to, says);
}

static void test_broken_over_time(void **state)
{
    (void)state;
    check_broken_time("\"count\":[1,", "\"count\":[",
                      ".over_time.count' has 19 parts; there are 20");
    check_broken_time("\"p50\":[", "\"p50\":[1,", ".over_time.p50' has 21 parts; there are 20");
    check_broken_time("\"max\":[", "\"max\":7,\"x\":[",
                      ".over_time.max' has 0 parts; there are 20");
    check_broken_time("\"p50\":[5", "\"p50\":[-5", "'run.latency_ns.over_time.p50' has -5");
    check_broken_time("\"max\":[1", "\"max\":[1e15", "as part 1; it is 0 to 1e+15");
    check_broken_time("\"p99\":[null", "\"p99\":[\"fast\"",
                      ".over_time.p99' has no number as part 1");
    check_broken_time("\"count\":[1,1", "\"count\":[1,null",
                      ".over_time.count' has no number as part 2");
    check_broken_time("\"count\":[1", "\"count\":[2", "over_time' holds 21 calls, the latency 20");
    check_broken_time("\"over_time\":{", "\"over_time\":7,\"x\":{",
                      "'run.latency_ns.over_time' is no object");
}

static void test_broken_trials(void **state)
{
    (void)state;
    check_broken(3, "{\"trial\"", "{\"trial", "not valid JSON");
    check_broken(2, "}\n", "}", "not valid JSON"); /* two lines run into one */
    check_broken(5, "\n", " x\n", "not valid JSON");
    check_broken(4, "evdispatch.run/1", "evdispatch.run/9", "schema is 'evdispatch.run/9'");
    check_broken(1, "\"arm\":\"", "\"arm\":\"no ", "arm 'no ");
    check_broken(6, "{\"trial\":6,", "{\"trial\":7,",
                 "trial 7 of block 1 stands where trial 6 should");
    check_broken(6, "\"block\":1", "\"block\":2", "'block' must be a whole number of 1 to 1");
    check_broken(7, "\"count\":20", "\"count\":21", "its count says 21");
    check_broken(8, "\"histogram\":[[", "\"histogram\":[[-", "is not [ns, count]");
    check_broken(8, "\"histogram\":[[", "\"histogram\":[[68719476736,1],[",
                 "at 68719476736 ns: it ends");
    check_broken(8, "\"histogram\":[[", "\"histogram\":[[68719476735,1],[",
                 "behind one at 68719476735");
    check_broken(9, "\"throughput\":", "\"throughput\":-", "'run.throughput' is -");
    check_broken(
        9, "\"throughput\":", "\"throughput\":\"fast\",\"x\":", "'run.throughput' is not a number");
    check_broken(9, "\"throughput\":", "\"throughput\":9e", "'run.throughput' is ");
    check_broken(9, "\"cpu_ns\":", "\"cpu_ns\":-", "'run.server.cpu_ns' is -");
    check_broken(9, "\"steal_share\":0", "\"steal_share\":7", "'run.host.steal_share' is 7");
    check_broken(
        9, "\"scheduled\":", "\"late\":-1,\"scheduled\":", "'run.accounting.late' is not a count");
    check_broken(9, "\"startup_ns\":", "\"startup_ns\":-", "'startup_ns' is -");
}

/* A line of another version's study, or of arrivals that the other arms of its block never saw. */
static void test_mixed(void **state)
{
    char *folder = folder_make();
    struct synthetic small = usual;
    struct evd_error error = {0};
    (void)state;
    small.blocks = 1;
    small.calls = 20;
    check_broken(4, "\"schema\":\"evdispatch.run/1\"",
                 "\"schema\":\"evdispatch.run/1\",\"commit\":\"ba9876543210\"",
                 "the trial is of commit 'ba9876543210', study.json of '0123456789ab'");
    check_broken(2, "{\"trial\"", "{\"seed\":\"17\",\"trial\"",
                 "'seed' is \"17\", and \"\" in the line before");
    /* The same commit and seed in every line are what a study writes. */
    synthetic_write(folder, &small);
    char *text = file_read(folder, "trials.jsonl"), *good = NULL;
    size_t len;
    FILE *out = open_memstream(&good, &len);
    for (char *line = text; *line; line = strchr(line, '\n') + 1) {
        char *run = strstr(line, "\"schema\":");
        fprintf(out, "{\"seed\":\"17\",%.*s\"commit\":\"0123456789ab\",%.*s\n",
                (int)(run - line - 1), line + 1, (int)strcspn(run, "\n"), run);
    }
    assert_int_equal(fclose(out), 0);
    file_write(folder, "trials.jsonl", good);
    int rc = lg_report_make(folder, &error);
    if (rc != EVD_OK)
        print_error("%s\n", error.text);
    assert_int_equal(rc, EVD_OK);
    free(good);
    free(text);
    folder_remove(folder);
}

/* Studies of before named a scenario's file by its whole path. */
static void test_whole_paths(void **state)
{
    static const char name[] = "\"scenario\":\"services\"";
    char *folder = folder_make(), *changed = NULL;
    struct synthetic small = usual;
    struct evd_error error = {0};
    size_t len;
    (void)state;
    small.blocks = 1;
    small.calls = 20;
    synthetic_write(folder, &small);
    char *text = file_read(folder, "trials.jsonl"), *from = text, *at;
    FILE *out = open_memstream(&changed, &len);
    for (; (at = strstr(from, name)) != NULL; from = at + strlen(name))
        fprintf(out, "%.*s\"scenario\":\"/a/place/services\"", (int)(at - from), from);
    fputs(from, out);
    assert_int_equal(fclose(out), 0);
    assert_true(len > strlen(text));
    file_write(folder, "trials.jsonl", changed);
    assert_int_equal(lg_report_make(folder, &error), EVD_OK);
    char *md = file_read(folder, "report.md");
    assert_non_null(strstr(md, "## Scenario services\n"));
    free(md);
    free(changed);
    free(text);
    folder_remove(folder);
}

/* Counted instructions are shown of the arms that they name, and hashed like the rest. */
static void test_instructions(void **state)
{
    static const char counts[] =
        "{\"schema\":\"evdispatch.instructions/1\",\"compiler\":\"GNU <12>\","
        "\"valgrind\":\"valgrind-3.19.0\",\"arms\":[{\"arm\":\"static\",\"instructions\":250.4},"
        "{\"arm\":\"dynamic-call\",\"instructions\":12500},{\"arm\":\"other\",\"instructions\":7}]}"
        "\n";
    char *folder = folder_make(), sha256[65];
    struct synthetic small = usual;
    struct evd_error error = {0};
    (void)state;
    small.blocks = 1;
    small.calls = 20;
    synthetic_write(folder, &small);
    assert_int_equal(lg_report_make(folder, &error), EVD_OK);
    char *md = file_read(folder, "report.md");
    assert_null(strstr(md, "## Instructions"));
    free(md);
    file_write(folder, "instructions.json", counts);
    assert_int_equal(lg_report_make(folder, &error), EVD_OK);
    md = file_read(folder, "report.md");
    assert_non_null(strstr(md, "(callgrind of valgrind-3.19.0, code by GNU "));
    assert_non_null(strstr(md, "which answers with a constant, is called; nothing"));
    assert_non_null(strstr(md, "| `static` | 250 | 1 |\n| `dynamic/call` | 12,500 | 49.9 |\n\n"));
    assert_int_equal(lg_data_sha256(counts, strlen(counts), sha256, &error), EVD_OK);
    assert_non_null(strstr(md, sha256));
    free(md);
    file_write(folder, "instructions.json", "{\"schema\":\"evdispatch.instructions/1\"");
    assert_true(lg_report_make(folder, &error) < 0);
    assert_non_null(strstr(error.text, "instructions.json:1:"));
    folder_remove(folder);
}

/* What was counted is what the caption says. */
static void test_instructions_of_a_scenario(void **state)
{
    static const struct {
        const char *scenario, *said;
    } cases[] = {
        {"{\"name\":\"t*x\",\"requests\":2,\"calls\":10,\"deck\":10}",
         "the event is looked up, and its handler is called and answers, as the scenario `t#x` has "
         "it (the mean of its 2 requests, each as often as its weight says); nothing of"},
        {"{\"name\":\"tax\",\"requests\":1,\"calls\":3,\"deck\":3}",
         "`tax` has it (its one request);"},
        {"{\"name\":\"tax\",\"requests\":7,\"calls\":1000,\"deck\":2500}",
         "(the mean of 1,000 calls drawn from its 2,500);"},
        {"{\"name\":\"tax\",\"requests\":7,\"calls\":10,\"deck\":9}", NULL},
        {"{\"name\":\"\",\"requests\":7,\"calls\":10,\"deck\":10}", NULL},
        {"7", NULL},
    };
    char *folder = folder_make(), counts[400];
    struct synthetic small = usual;
    struct evd_error error = {0};
    (void)state;
    small.blocks = 1;
    small.calls = 20;
    synthetic_write(folder, &small);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        snprintf(counts, sizeof(counts),
                 "{\"schema\":\"evdispatch.instructions/1\",\"scenario\":%s,\"arms\":"
                 "[{\"arm\":\"static\",\"instructions\":2500}]}",
                 cases[i].scenario);
        file_write(folder, "instructions.json", counts);
        int rc = lg_report_make(folder, &error);
        if (!cases[i].said) {
            assert_true(rc < 0);
            assert_non_null(strstr(error.text, "instructions.json: 'scenario' must have a name"));
            continue;
        }
        assert_int_equal(rc, EVD_OK);
        char *md = file_read(folder, "report.md");
        assert_non_null(strstr(md, cases[i].said));
        assert_null(strstr(md, "answers with a constant"));
        free(md);
    }
    folder_remove(folder);
}

/* What was measured is told by content, all of it; a file that was not there is told, too. */
static void test_files(void **state)
{
    static const char program[] =
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    static const char modules[] =
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    struct synthetic small = usual;
    char *folder = folder_make(), *about = NULL;
    struct evd_error error = {0};
    (void)state;
    small.blocks = 1;
    small.calls = 20;
    synthetic_write(folder, &small);
    char *text = file_read(folder, "study.json");
    assert_true(asprintf(&about,
                         "{\"files\":[{\"file\":\"evd-server\",\"sha256\":\"%s\"},"
                         "{\"file\":\"modules of evd-server\",\"sha256\":\"%s\"},"
                         "{\"file\":\"a <scenario>\",\"sha256\":null}],%s",
                         program, modules, strchr(text, '{') + 1) > 0);
    file_write(folder, "study.json", about);
    assert_int_equal(lg_report_make(folder, &error), EVD_OK);
    char *md = file_read(folder, "report.md"), *html = file_read(folder, "report.html");
    const char *table = strstr(md, "| File | SHA-256 |\n|---|---|\n"), *end = NULL;
    assert_non_null(table);
    char *rows = NULL;
    assert_true(asprintf(&rows,
                         "| evd-server | `%s` |\n| modules of evd-server | `%s` |\n"
                         "| a &lt;scenario> | not there |\n\n",
                         program, modules) > 0);
    end = strstr(table, rows);
    assert_ptr_equal(end, strchr(strchr(table, '\n') + 1, '\n') + 1);
    assert_non_null(strstr(html, ">evd-server</th><td><code>e3b0c44298fc1c149afbf4c8996fb924"));
    assert_non_null(strstr(html, ">a &lt;scenario&gt;</th><td>not there</td>"));
    free(rows);
    free(md);
    free(html);
    free(about);
    free(text);
    folder_remove(folder);
}

/* Two lines of a block that have each other's arm: each for itself is a good trial. */
static void test_names_swapped(void **state)
{
    struct synthetic small = usual;
    char *folder = folder_make(), arms[2][48], *swapped = NULL;
    struct evd_error error = {0};
    (void)state;
    small.blocks = 1;
    small.calls = 20;
    synthetic_write(folder, &small);
    char *text = file_read(folder, "trials.jsonl"), *at[2];
    for (size_t i = 0; i < 2; i++) {
        at[i] = strstr(i == 0 ? text : strchr(text, '\n'), "\"arm\":\"") + strlen("\"arm\":\"");
        snprintf(arms[i], sizeof(arms[i]), "%.*s", (int)strcspn(at[i], "\""), at[i]);
    }
    assert_true(asprintf(&swapped, "%.*s%s%.*s%s%s", (int)(at[0] - text), text, arms[1],
                         (int)(at[1] - at[0] - (ssize_t)strlen(arms[0])), at[0] + strlen(arms[0]),
                         arms[0], at[1] + strlen(arms[1])) > 0);
    file_write(folder, "trials.jsonl", swapped);
    assert_true(lg_report_make(folder, &error) < 0);
    assert_non_null(strstr(error.text, "trials.jsonl:1: trial 1 is '"));
    assert_non_null(strstr(error.text, "by the order of study.json it stands elsewhere"));
    free(swapped);
    free(text);
    folder_remove(folder);
}

/* An order that is not the design's, whatever it holds instead. */
static void test_order_broken(void **state)
{
    static const char *const orders[] = {"[]", "7", "[[0]]", "[\"x\"]", "null", "{\"a\":[]}"};
    struct synthetic small = usual;
    char *folder = folder_make(), *broken = NULL;
    struct evd_error error = {0};
    (void)state;
    small.blocks = 1;
    small.calls = 20;
    synthetic_write(folder, &small);
    char *text = file_read(folder, "study.json"), *at = strstr(text, "\"order\":");
    assert_non_null(at);
    for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++) {
        assert_true(asprintf(&broken, "%.*s\"order\":%s}", (int)(at - text), text, orders[i]) > 0);
        file_write(folder, "study.json", broken);
        assert_true(lg_report_make(folder, &error) < 0);
        assert_non_null(
            strstr(error.text, "/study.json: 'order' is not the 1 blocks of 24 trials"));
        free(broken);
    }
    free(text);
    folder_remove(folder);
}

static void test_cut_off(void **state)
{
    struct synthetic small = usual;
    char *folder = folder_make();
    struct evd_error error = {0};
    (void)state;
    small.blocks = 1;
    synthetic_write(folder, &small);
    char *text = file_read(folder, "trials.jsonl");
    text[strlen(text) - 100] = '\0';
    file_write(folder, "trials.jsonl", text);
    assert_true(lg_report_make(folder, &error) < 0);
    assert_non_null(strstr(error.text, "trials.jsonl:24: the line is cut off"));
    free(text);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_broken_trials), cmocka_unit_test(test_broken_over_time),
        cmocka_unit_test(test_mixed),         cmocka_unit_test(test_instructions),
        cmocka_unit_test(test_whole_paths),   cmocka_unit_test(test_instructions_of_a_scenario),
        cmocka_unit_test(test_files),         cmocka_unit_test(test_names_swapped),
        cmocka_unit_test(test_order_broken),  cmocka_unit_test(test_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
