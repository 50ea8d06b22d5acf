/* "Choose this when", and when the choice stops mattering: on made-up studies whose truth is known,
 * and for each verdict. */
#include "loadgen/report.h"
#include "loadgen/report_breakeven.h"
#include "test_study_synthetic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATIC, CACHED, CALL, MALLOC, POOL, TWIN };
enum { SERVICES, WEBHOOKS };
enum { CLOSED, OPEN };

static const struct synthetic usual = {
    .seed = 7, .blocks = 8, .noise = 0.006, .rate = {1, 1, 0.03, 0.95, 1.05, 1}, .calls = 300};

struct study {
    char *folder;
    struct lg_data data;
    struct lg_summary summary;
};

static struct study study_of(const struct synthetic *options)
{
    struct study study = {.folder = folder_make()};
    struct evd_error error = {0};
    synthetic_write(study.folder, options);
    assert_int_equal(lg_data_read(study.folder, &study.data, &error), EVD_OK);
    assert_int_equal(lg_summary_make(&study.data, &study.summary), EVD_OK);
    return study;
}

static void release(struct study *study)
{
    lg_summary_release(&study->summary);
    lg_data_release(&study->data);
    folder_remove(study->folder);
}

static void check_near(double value, double truth, double share)
{
    if (!(fabs(value - truth) <= share * fabs(truth)))
        print_error("%g, not %g\n", value, truth);
    assert_true(fabs(value - truth) <= share * fabs(truth));
}

/* The study's truth: a call of static takes 0.95 s / 1.2 M of CPU, one of dynamic/call 1/0.03 of
 * it. */
static void test_truth(void **state)
{
    struct synthetic exact = usual;
    (void)state;
    exact.noise = 0;
    struct study study = study_of(&exact);
    double r = 0.95e9 / 1.2e6, a = r / 0.03, t = 1e9 / 1.2e6, u = t / 0.03;
    struct lg_interval handler =
        lg_breakeven(&study.summary, SERVICES, CLOSED, CALL, LG_BREAKEVEN_CALL, 0.05);
    assert_true(handler.bounded);
    /* Whole nanoseconds of a trial, over its calls. */
    check_near(handler.estimate, (a - r) / 0.05 - r, 1e-4);
    /* A call with that handler costs 5 % more: the other way round. */
    check_near((a + handler.estimate) / (r + handler.estimate), 1.05, 1e-6);
    handler = lg_breakeven(&study.summary, SERVICES, CLOSED, CALL, LG_BREAKEVEN_RATE, 0.01);
    check_near(handler.estimate, (0.99 * u - t) / 0.01, 1e-4);
    check_near((t + handler.estimate) / (u + handler.estimate), 0.99, 1e-6);
    /* Equal arms cost nothing: any handler will do. */
    handler = lg_breakeven(&study.summary, SERVICES, CLOSED, CACHED, LG_BREAKEVEN_CALL, 0.01);
    check_near(handler.estimate, -r, 1e-4);
    assert_int_equal(lg_breakeven_judge(&handler, LG_EQUIVALENT), LG_BREAKEVEN_ANY);
    release(&study);
}

static void test_within_interval(void **state)
{
    struct synthetic many = usual;
    (void)state;
    many.calls = 5000;
    struct study study = study_of(&many);
    double r = 0.95e9 / 1.2e6, a = r / 0.03;
    struct lg_interval handler =
        lg_breakeven(&study.summary, SERVICES, CLOSED, CALL, LG_BREAKEVEN_CALL, 0.05);
    assert_true(handler.bounded);
    assert_true(handler.low < (a - r) / 0.05 - r && (a - r) / 0.05 - r < handler.high);
    assert_true(handler.high / handler.low < 1.05);
    /* By latencies of an open load: 80 µs and 1.3 times the CPU, with the same tail each. */
    handler = lg_breakeven(&study.summary, SERVICES, OPEN, CALL, LG_BREAKEVEN_P99, 0.05);
    double low = 80000 + 1.3 * (r + 12000), high = 80000 + 1.3 * (a + 12000), tail = 5;
    check_near(handler.estimate, tail * ((high - low) / 0.05 - low), 0.25);
    release(&study);
}

static void test_judge(void **state)
{
    struct lg_interval handler = {.estimate = 50, .low = 40, .high = 60, .bounded = true};
    (void)state;
    assert_int_equal(lg_breakeven_judge(&handler, LG_WORSE), LG_BREAKEVEN_FROM);
    assert_int_equal(lg_breakeven_judge(&handler, LG_UNRESOLVED), LG_BREAKEVEN_UP_TO);
    assert_int_equal(lg_breakeven_judge(&handler, LG_EQUIVALENT), LG_BREAKEVEN_UP_TO);
    handler.estimate = -1;
    assert_int_equal(lg_breakeven_judge(&handler, LG_WORSE), LG_BREAKEVEN_UP_TO);
    handler.high = 0;
    assert_int_equal(lg_breakeven_judge(&handler, LG_WORSE), LG_BREAKEVEN_ANY);
    handler.bounded = false;
    assert_int_equal(lg_breakeven_judge(&handler, LG_WORSE), LG_BREAKEVEN_UNKNOWN);
}

/* An arm that is not trusted has no break-even. */
static void test_untrusted(void **state)
{
    struct synthetic short_one = usual;
    (void)state;
    short_one.blocks = 3;
    struct study study = study_of(&short_one);
    struct lg_interval handler =
        lg_breakeven(&study.summary, SERVICES, CLOSED, CALL, LG_BREAKEVEN_CALL, 0.05);
    assert_false(handler.bounded);
    release(&study);
}

/* The line of the table "Which to choose" that is about this arm, to be freed. */
static char *choice(const char *page, const char *arm)
{
    char head[80];
    const char *table = strstr(page, "## Which to choose");
    assert_non_null(table);
    snprintf(head, sizeof(head), "\n| `%s` | ", arm);
    const char *row = strstr(table, head);
    assert_non_null(row);
    assert_true(row < strstr(table, "## What it means"));
    return strndup(row + 1, strcspn(row + 1, "\n"));
}

static void check_says(const char *page, const char *arm, const char *text)
{
    char *row = choice(page, arm);
    if (!strstr(row, text))
        print_error("'%s' is not in: %s\n", text, row);
    assert_non_null(strstr(row, text));
    free(row);
}

static unsigned times(const char *text, const char *what)
{
    unsigned count = 0;
    for (const char *at = text; (at = strstr(at, what)); at++)
        count++;
    return count;
}

static char *report_of(char *folder)
{
    struct evd_error error = {0};
    int rc = lg_report_make(folder, &error);
    if (rc != EVD_OK)
        print_error("%s\n", error.text);
    assert_int_equal(rc, EVD_OK);
    char *page = file_read(folder, "report.md");
    folder_remove(folder);
    return page;
}

static char *page_of(const struct synthetic *options)
{
    char *folder = folder_make();
    synthetic_write(folder, options);
    return report_of(folder);
}

/* As above, where the trials of one arm under one scenario and load are INVALID. */
static char *page_without(const struct synthetic *options, const char *arm, const char *scenario,
                          const char *load)
{
    static const char valid[] = "\"valid\":true";
    char *folder = folder_make(), *out = NULL, cell[160];
    size_t len;
    synthetic_write(folder, options);
    snprintf(cell, sizeof(cell), "\"arm\":\"%s\",\"scenario\":\"%s\",\"load\":\"%s\"", arm,
             scenario, load);
    char *text = file_read(folder, "trials.jsonl");
    FILE *file = open_memstream(&out, &len);
    unsigned changed = 0;
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        char *at = strstr(line, valid);
        assert_non_null(at);
        if (!strstr(line, cell)) {
            fprintf(file, "%s\n", line);
            continue;
        }
        fprintf(file, "%.*s\"valid\":false%s\n", (int)(at - line), line, at + strlen(valid));
        changed++;
    }
    assert_int_equal(fclose(file), 0);
    assert_int_equal(changed, options->blocks);
    file_write(folder, "trials.jsonl", out);
    free(out);
    free(text);
    return report_of(folder);
}

static void test_choices(void **state)
{
    struct synthetic sure = usual;
    (void)state;
    sure.noise = 0.001;
    sure.rate[MALLOC] = 0.97;
    char *page = page_of(&sure);
    check_says(page, "static", "and one file to deploy more than speed: faster is `instance/pool`");
    check_says(page, "dynamic/cached",
               "without relinking or a restart: it is as fast as `static`, "
               "within 2 %");
    /* By hand: 0.95 s / 180,000 of CPU a call; 1/0.03 of it, less one, over 0.05, less one. */
    check_says(page, "dynamic/call",
               "you want what is on the disk at each call, evaluated anew, and a handler runs "
               "3.41 ms longer than that of `github-webhooks`: then it costs 5 % of a call (1 % at "
               "17.1 ms). Not where a core must take more than 5.4");
    check_says(page, "instance/malloc",
               "; it costs less than 5 % of a call whatever the handler "
               "does");
    check_says(page, "instance/pool",
               "private state for each call, or speed: 5.0 % faster on `services`, ");
    check_says(page, "dynamic/call", "Figures 1, 2, 3, 10, 11, 12 |");
    assert_non_null(strstr(page, "| `dynamic/call` | 2.5")); /* 2.56 ms for 1 % of a call */
    assert_null(strstr(strstr(page, "## Which to choose"), "| `static (A/A)` | you"));
    free(page);
}

/* Better for sure, but not for sure by more than counts as equivalent: told, and no reason. */
static void test_small(void **state)
{
    struct synthetic small = usual;
    (void)state;
    small.noise = 0.003;
    small.rate[MALLOC] = 1;
    small.rate[POOL] = small.rate_webhooks[POOL] = 1.021;
    char *page = page_of(&small);
    check_says(page, "static",
               "and one file to deploy; no other arm is shown to be faster by more than 2 %");
    check_says(page, "instance/pool", "you want private state for each call: it is 2.");
    check_says(page, "instance/pool", ", not shown to be so by more than 2 % |");
    free(page);
}

static void test_no_choice(void **state)
{
    struct synthetic noisy = usual;
    (void)state;
    noisy.noise = 0.1;
    noisy.rate[MALLOC] = noisy.rate[POOL] = 1;
    char *page = page_of(&noisy);
    check_says(page, "static",
               "and one file to deploy; no other arm is shown to be faster by more than 2 %");
    check_says(page, "instance/pool",
               ": no difference is shown, and on `services` it costs at most ");
    free(page);
    noisy.blocks = 2;
    page = page_of(&noisy);
    check_says(page, "instance/pool", "| this study cannot say: too few of its trials can be ");
    check_says(page, "static", "and one file to deploy | ");
    assert_non_null(strstr(page, "| `instance/pool` | not known | not known |"));
    /* "Not shown to differ" would be said of what was never compared. */
    assert_non_null(strstr(page, "of server CPU; no arm could be compared: too few trials count."));
    assert_null(strstr(page, "no arm is shown to differ"));
    free(page);
}

/* Trials that are not trusted say neither what an arm can't do nor that nothing differs. */
static void test_not_trusted(void **state)
{
    struct synthetic sure = usual;
    (void)state;
    sure.noise = 0.001;
    sure.rate[MALLOC] = sure.rate[POOL] = 1;
    char *page = page_without(&sure, "dynamic/call", "github-webhooks", "throughput");
    check_says(page, "dynamic/call", " on `services`: it cannot |");
    check_says(page, "dynamic/call", " without an interval on `github-webhooks`.");
    assert_non_null(strstr(page, "of server CPU; of the 3 arms of 4 that could be compared none is "
                                 "shown to differ by more than 2 %."));
    free(page);
    page = page_without(&sure, "static", "services", "latency");
    assert_non_null(strstr(page, "; no arm could be compared: too few trials count."));
    free(page);
}

static void test_mixed(void **state)
{
    struct synthetic mixed = usual;
    (void)state;
    mixed.noise = 0.0001;
    mixed.rate_webhooks[POOL] = 0.9;
    char *page = page_of(&mixed);
    check_says(page, "instance/pool",
               "and your calls are like those where it is faster: 5.0 % faster on `services`; but "
               "10.0 % slower on `github-webhooks` |");
    check_says(page, "static", "more than speed: faster is `instance/pool`");
    free(page);
}

/* Faster with more instructions, and slower with fewer: the report says so itself, and only there.
 */
static void test_against_instructions(void **state)
{
    static const char counts[] =
        "{\"schema\":\"evdispatch.instructions/1\",\"compiler\":\"GNU 12\","
        "\"valgrind\":\"valgrind-3.19.0\",\"arms\":[{\"arm\":\"static\",\"instructions\":233},"
        "{\"arm\":\"dynamic-cached\",\"instructions\":286},"
        "{\"arm\":\"dynamic-call\",\"instructions\":12219},"
        "{\"arm\":\"instance-malloc\",\"instructions\":210},"
        "{\"arm\":\"instance-pool\",\"instructions\":448}]}\n";
    static const char more[] = "though a dispatch takes more instructions (448 for 233 of "
                               "`static`): where ",
                      fewer[] = "though a dispatch takes fewer instructions (210 for 233 of ";
    char *folder = folder_make();
    (void)state;
    synthetic_write(folder, &usual);
    file_write(folder, "instructions.json", counts);
    char *page = report_of(folder);
    check_says(page, "instance/pool", more);
    check_says(page, "instance/pool", "(code lies elsewhere in each block), not what is done");
    check_says(page, "instance/malloc", fewer);
    check_says(page, "static", "faster is `instance/pool` (though it takes more instructions)");
    assert_non_null(strstr(page, "- **Instructions**: `instance/pool` takes less CPU, though "));
    assert_non_null(strstr(page, "- **Instructions**: `instance/malloc` takes more CPU, though "));
    assert_int_equal(times(page, "though a dispatch"), 4); /* not of those where both agree */
    free(page);
    folder = folder_make(); /* one layout */
    synthetic_write(folder, &usual);
    file_write(folder, "instructions.json", counts);
    char *about = file_read(folder, "study.json"), *layouts = strstr(about, "\"layouts\":");
    assert_non_null(layouts);
    layouts += strcspn(layouts, "0123456789");
    memset(layouts, ' ', strspn(layouts, "0123456789"));
    *layouts = '1';
    file_write(folder, "study.json", about);
    free(about);
    page = report_of(folder);
    check_says(page, "instance/pool", "where code and data lie, not what is done, may be why |");
    free(page);
    struct synthetic small = usual; /* told in few words where it is no reason to choose */
    small.noise = 0.003;
    small.rate[POOL] = 1.021;
    folder = folder_make();
    synthetic_write(folder, &small);
    file_write(folder, "instructions.json", counts);
    page = report_of(folder);
    check_says(page, "instance/pool",
               " (though it takes more instructions), not shown to be so by more than 2 % |");
    free(page);
    page = page_of(&usual); /* nothing counted */
    assert_null(strstr(page, "though"));
    free(page);
}

/* As page_of(), where the generator took this share of a core in each trial of an arm on services,
 * and where the server's CPU was recorded there, or not. */
static char *page_with_share(const struct synthetic *options, const char *arm, const char *share,
                             bool recorded)
{
    char *folder = folder_make(), *out = NULL, cell[160];
    size_t len;
    synthetic_write(folder, options);
    snprintf(cell, sizeof(cell), "\"arm\":\"%s\",\"scenario\":\"services\",", arm);
    char *text = file_read(folder, "trials.jsonl");
    FILE *file = open_memstream(&out, &len);
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        char *at = strstr(line, "\"valid\":"), *cpu = strstr(line, "\"cpu_ns\":");
        assert_true(at && cpu);
        if (!recorded && strstr(line, cell))
            cpu[1] = 'g';
        fprintf(file, "%.*s\"client\":{\"cpu_share_max\":%s},%s\n", (int)(at - line), line,
                strstr(line, cell) ? share : "0.2", at);
    }
    assert_int_equal(fclose(file), 0);
    file_write(folder, "trials.jsonl", out);
    free(out);
    free(text);
    return report_of(folder);
}

/* Where the generator was full under one arm, throughput is no longer the server's: the answer is
 * by its CPU. 0.95 / 0.97 and 0.95 / 1.05 of a call's CPU come to 3.1 % more and 4.8 % less. */
static void test_full_generator(void **state)
{
    struct synthetic sure = usual;
    (void)state;
    sure.noise = 0.001;
    sure.rate[MALLOC] = 0.97;
    char *page = page_with_share(&sure, "static", "0.851", true);
    assert_non_null(strstr(page, "\nBy the server's CPU per call at full load, against `static`: "
                                 "`dynamic/call` is 33 times dearer on `services`, "));
    assert_non_null(strstr(page, "`instance/pool` is 4.8 % cheaper on `services`"));
    assert_non_null(strstr(page, "The figures are the server's CPU per call as a ratio to"));
    check_says(page, "static",
               "and one file to deploy more than cheap calls: cheaper is "
               "`instance/pool` |");
    check_says(page, "dynamic/cached", "a call costs what it does with `static`, within 2 % |");
    check_says(page, "instance/pool",
               "private state for each call, or cheap calls: 4.8 % cheaper on `services`, ");
    check_says(page, "dynamic/call", "Not where a core must take more than 5.4");
    assert_non_null(strstr(page, "Server CPU per call on `services`, as a ratio to `static`. Each "
                                 "point is an arm"));
    assert_non_null(strstr(page, "left of 1 is cheaper"));
    const char *table = strstr(page, "| Row | server CPU per call, ratio |");
    assert_non_null(table);
    assert_non_null(strstr(table, "| instance/pool | 0.95"));
    assert_non_null(strstr(page,
                           "over 85 % of a core, in 1 of 12 combinations of arm, scenario and "
                           "closed load: throughput is that of the pair there. The answer rests on "
                           "the server's own CPU time."));
    free(page);
    page = page_with_share(&sure, "static", "0.851", false);
    assert_non_null(strstr(page, "\nAt full load, against `static`: `dynamic/call` is 33 times "
                                 "slower on `services`"));
    assert_non_null(strstr(page, "that of the pair there. The answer rests on throughput all the "
                                 "same: the server's CPU time was not recorded under every arm."));
    free(page);
    page = page_with_share(&sure, "static", "0.85", true);
    assert_non_null(strstr(page, "\nAt full load, against `static`: `dynamic/call` is 33 times "
                                 "slower on `services`"));
    assert_non_null(strstr(page, "The load generator had CPU to spare in each closed load"));
    assert_non_null(strstr(page, "| Row | server CPU time per call |"));
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truth),          cmocka_unit_test(test_within_interval),
        cmocka_unit_test(test_judge),          cmocka_unit_test(test_untrusted),
        cmocka_unit_test(test_choices),        cmocka_unit_test(test_small),
        cmocka_unit_test(test_no_choice),      cmocka_unit_test(test_mixed),
        cmocka_unit_test(test_not_trusted),    cmocka_unit_test(test_against_instructions),
        cmocka_unit_test(test_full_generator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
