/* The report of a bench: a small committed run gives the committed page; what cannot be is refused
 * by name. */
#include "loadgen/report.h"
#include "loadgen/report_bench.h"
#include "test_study_synthetic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const files[] = {"bench.json", "instructions.json", "targets.tsv"};

static char *make_folder(void)
{
    char *folder = folder_make();
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        char *text = file_read(GOLDEN_DIR, files[i]);
        file_write(folder, files[i], text);
        free(text);
    }
    return folder;
}

static void assert_same(const char *folder, const char *name, const char *expected)
{
    char *text = file_read(folder, name);
    assert_string_equal(text, expected);
    free(text);
}

/* To make it anew, look at what changed, and copy: loadgen report FOLDER writes report.md. */
static void test_golden(void **state)
{
    char *folder = make_folder(), *golden = file_read(GOLDEN_DIR, "report.md");
    struct evd_error error;
    (void)state;
    assert_int_equal(lg_report_make(folder, &error), EVD_OK);
    assert_same(folder, "report.md", golden);
    char *html = file_read(folder, "report.html"), *svg = file_read(folder, "figure-1-lookup.svg");
    assert_int_equal(lg_report_make(folder, &error), EVD_OK);
    assert_same(folder, "report.md", golden);
    assert_same(folder, "report.html", html);
    assert_same(folder, "figure-1-lookup.svg", svg);
    free(svg);
    free(html);
    free(golden);
    folder_remove(folder);
}

/* What a filter, or a machine without valgrind, leaves out. */
static void test_parts(void **state)
{
    char *folder = make_folder(), path[4200];
    struct evd_error error;
    (void)state;
    for (size_t i = 1; i < sizeof(files) / sizeof(*files); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
        assert_int_equal(unlink(path), 0);
    }
    file_write(folder, "bench.json",
               "{\"context\":{\"schema\":\"evdispatch.bench/1\"},\"benchmarks\":[{\"run_name\":"
               "\"scan/x\",\"family_index\":0,\"run_type\":\"iteration\",\"repetition_index\":0,"
               "\"cpu_time\":5,\"real_time\":5,\"time_unit\":\"ns\"}]}");
    assert_int_equal(lg_report_make(folder, &error), EVD_OK);
    char *text = file_read(folder, "report.md");
    assert_non_null(strstr(text, "1 of 1 have no interval"));
    assert_non_null(strstr(text, "There is no `targets.tsv`"));
    assert_non_null(strstr(text, "Instructions were not counted"));
    assert_null(strstr(text, "## Dispatch"));
    free(text);
    folder_remove(folder);
}

static void test_figures(void **state)
{
    struct lg_bench_data data;
    struct lg_bench_pair pair;
    struct lg_judged_target judged;
    struct evd_error error;
    (void)state;
    assert_int_equal(lg_bench_read(GOLDEN_DIR, &data, &error), EVD_OK);
    assert_int_equal(data.repetitions, 6);
    /* In the program's order, whatever the run's; sizes and units understood. */
    assert_string_equal(data.list[0].name, "lookup/evd_names/names:10/hit");
    const struct lg_bench *codec = lg_bench_find(&data, "codec/base64+gzip/decode/size:64");
    assert_string_equal(codec->row, "base64+gzip decode");
    assert_float_equal(codec->cost.estimate, 500, 0.01);
    assert_float_equal(lg_bench_find(&data, "instance/malloc/size:1K")->value, 1024, 0);
    assert_float_equal(lg_bench_find(&data, "scan/webhooks")->bytes, 3252799, 0);
    assert_float_equal(lg_bench_find(&data, "lookup/evd_names/attack:256")->longest_probe, 35, 0);
    assert_int_equal(lg_bench_find(&data, "ring/pass")->cost.n, 5);
    /* 45 to 25 + 14, of pairs. */
    assert_true(lg_bench_pair(&data, "instance/malloc/size:64",
                              "dispatch/static/state:64 + instance/raw-malloc/size:64", &pair));
    assert_float_equal(pair.base.estimate, 39, 0.2);
    assert_float_equal(pair.difference.estimate, 6, 0.3);
    assert_float_equal(pair.ratio.estimate, 45.0 / 39, 0.02);
    assert_int_equal(pair.ratio.n, 6);
    assert_false(lg_bench_pair(&data, "instance/malloc/size:64", "none/such", &pair));

    static const enum lg_tone tones[] = {LG_TONE_GOOD, LG_TONE_OPEN, LG_TONE_BAD,
                                         LG_TONE_BAD,  LG_TONE_GOOD, LG_TONE_OPEN};
    assert_int_equal(data.target_count, 6);
    for (size_t i = 0; i < 6; i++) {
        lg_target_judge(&data, &data.targets[i], &judged);
        assert_int_equal(judged.tone, tones[i]);
        assert_int_equal(judged.measured, i != 5);
    }
    /* Half as slow as where it was set, so half of 25 ns; twice as slow: twice 15. */
    lg_target_judge(&data, &data.targets[0], &judged);
    assert_float_equal(judged.pace, 0.5, 0.001);
    assert_int_equal(judged.paced, LG_TONE_BAD);
    lg_target_judge(&data, &data.targets[2], &judged);
    assert_int_equal(judged.paced, LG_TONE_GOOD);
    lg_bench_release(&data);
}

#define ENTRY        "{\"run_name\":\"a/b\",\"family_index\":0,\"run_type\":\"iteration\","
#define TIMES        "\"repetition_index\":0,\"cpu_time\":5,\"real_time\":5,\"time_unit\":\"ns\"}"
#define BENCH(list)  "{\"context\":{\"schema\":\"evdispatch.bench/1\"},\"benchmarks\":" list "}"
#define COUNTS(list) "{\"schema\":\"evdispatch.instructions/1\",\"arms\":" list "}"

static const struct bad {
    const char *file, *text, *error;
} bads[] = {
    {"bench.json", BENCH("[" ENTRY TIMES), "this is not valid JSON"},
    {"bench.json", "", "bench.json"},
    {"bench.json", "[]", "context.schema is ''"},
    {"bench.json", "{\"context\":{\"schema\":\"other/1\"}}", "context.schema is 'other/1', not"},
    {"bench.json", BENCH("7"), "'benchmarks' is not a list"},
    {"bench.json", BENCH("[]"), "'benchmarks' holds no repetition"},
    {"bench.json", BENCH("[3]"), "benchmarks[0]: 'run_type' is ''"},
    {"bench.json", BENCH("[{\"run_type\":\"aggregate\"},{\"run_type\":\"x\"}]"), "benchmarks[1]: "},
    {"bench.json", BENCH("[{\"run_type\":\"iteration\",\"run_name\":\"a'b\"}]"),
     "'run_name' is not a name"},
    {"bench.json", BENCH("[" ENTRY "\"repetition_index\":1.5}]"),
     "benchmarks[0] a/b: 'repetition_index'"},
    {"bench.json", BENCH("[" ENTRY "\"repetition_index\":1000}]"), "of 0 to 999"},
    {"bench.json", BENCH("[" ENTRY "\"repetition_index\":0}]"), "'time_unit' is ''"},
    {"bench.json", BENCH("[" ENTRY "\"repetition_index\":0,\"time_unit\":\"ns\"}]"),
     "'cpu_time' is not a number"},
    {"bench.json", BENCH("[" ENTRY "\"repetition_index\":0,\"time_unit\":\"ns\",\"cpu_time\":-5}]"),
     "benchmarks[0] a/b: 'cpu_time' is -5"},
    {"bench.json",
     BENCH("[" ENTRY "\"repetition_index\":0,\"time_unit\":\"ns\",\"cpu_time\":5,\"real_time\":"
           "1e300}]"),
     "'real_time' is 1e+300"},
    {"bench.json", BENCH("[" ENTRY "\"bytes_per_second\":\"fast\"," TIMES "]"),
     "'bytes_per_second' is not a number above 0"},
    {"bench.json", BENCH("[" ENTRY TIMES "," ENTRY TIMES "]"),
     "benchmarks[1] a/b: repetition 0 is there twice"},
    {"instructions.json", "{}", "instructions.json: schema is ''"},
    {"instructions.json", COUNTS("1"), "instructions.json: 'arms' is not a list"},
    {"instructions.json", COUNTS("[{\"arm\":\"static\",\"instructions\":-1}]"),
     "arms[0] static: 'instructions' is not"},
    {"targets.tsv", "\n# c\nat-most\t5\n", "targets.tsv:3: not the 7 fields"},
    {"targets.tsv", "best\t5\ta\t-\t-\t-\tw\n", "targets.tsv:1: kind is 'best'"},
    {"targets.tsv", "at-most\tx\ta\t-\t-\t-\tw\n", "limit is 'x'"},
    {"targets.tsv", "ratio\t1\ta\t-\t-\t-\tw\n", "kind ratio needs a base"},
    {"targets.tsv", "at-most\t1\ta\tb\t-\t-\tw\n", "kind at-most takes no base"},
    {"targets.tsv", "at-most\t1\ta\t-\ty\t0\tw\n", "was is '0'"},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bads) / sizeof(*bads); i++) {
        char *folder = make_folder(), path[4200];
        struct evd_error error;
        file_write(folder, bads[i].file, bads[i].text);
        assert_int_not_equal(lg_report_make(folder, &error), EVD_OK);
        if (!strstr(error.text, bads[i].error) || !strstr(error.text, bads[i].file))
            fail_msg("case %zu: '%s' does not say %s: '%s'", i, error.text, bads[i].file,
                     bads[i].error);
        snprintf(path, sizeof(path), "%s/report.md", folder);
        assert_int_equal(access(path, F_OK), -1);
        folder_remove(folder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_figures),
        cmocka_unit_test(test_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
