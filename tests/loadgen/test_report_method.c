/* Comparisons of a study that tries the method: which blocks they are made of, how they are
 * counted, and what comes of it. Data are made up; figures of the binomial distribution are by
 * Python's integers, those of Kolmogorov's by its series. */
#include "loadgen/commands.h"
#include "loadgen/report.h"
#include "loadgen/report_method.h"
#include "loadgen/rng.h"
#include "loadgen/stats_count.h"
#include "loadgen/stats_rank.h"
#include "loadgen/study_json.h"
#include "test_study_synthetic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 8, COMPARISONS_MAX = 200, TRIALS_MAX = 2 * BLOCKS * COMPARISONS_MAX };

static void assert_near(double is, double should, double within)
{
    if (!(fabs(is - should) <= within))
        print_error("%.10g is not within %g of %.10g\n", is, within, should);
    assert_true(fabs(is - should) <= within);
}

/* "method" of the design: `method`, of two arms; the second is no twin where it is to do more. */
static cJSON *design_json(unsigned blocks, const char *method, bool twin)
{
    char *text = NULL;
    struct evd_error error = {0};
    cJSON *root;
    assert_true(
        asprintf(&text,
                 "{\"name\":\"tried\",\"blocks\":%u,\"warmup\":\"0\",\"duration\":\"1ms\","
                 "\"server_cpu\":0,\"load_cpu\":1,\"method\":{%s},\"arms\":[{\"name\":\"a\","
                 "\"server\":[]},{\"name\":\"b\",\"server\":[]%s}],\"scenarios\":[\"s\"],"
                 "\"loads\":[{\"name\":\"l\",\"args\":[\"--closed\"]}]}",
                 blocks, method, twin ? ",\"twin_of\":\"a\"" : "") > 0);
    assert_int_equal(lg_json_parse(text, strlen(text), "design", 1, &root, &error), EVD_OK);
    free(text);
    return root;
}

struct study {
    struct lg_data data;
    struct lg_trial trials[TRIALS_MAX];
};

/* What `effect` makes of the second arm, and how far its trials lie apart, both of the log. */
static struct study *make(unsigned comparisons, const char *method, double effect, double noise)
{
    struct study *study = calloc(1, sizeof *study);
    struct evd_error error = {0};
    struct lg_rng rng;
    assert_non_null(study);
    assert_int_equal(
        lg_design_take(design_json(comparisons * BLOCKS, method, strstr(method, "steps") == NULL),
                       "design", &study->data.design, &error),
        EVD_OK);
    lg_rng_init(&rng, 7);
    study->data.trials = study->trials;
    study->data.loads[0] = (struct lg_load_facts){.known = true, .closed = true};
    for (unsigned i = 0; i < comparisons * BLOCKS * 2; i++) {
        struct lg_trial *trial = &study->trials[study->data.count++];
        double cost =
            noise * sqrt(-2 * log(lg_rng_unit(&rng))) * cos(6.283185307179586 * lg_rng_unit(&rng));
        *trial = (struct lg_trial){
            .number = i + 1, .block = i / 2 + 1, .arm = i % 2, .exact = true, .ok = 1};
        cost += i % 2 == 1 ? effect : 0;
        for (int metric = 0; metric < LG_METRIC_COUNT; metric++)
            trial->metrics[metric] = NAN;
        trial->metrics[LG_CPU] = 2000 * exp(cost);
        trial->metrics[LG_RATE] = 4e5 / exp(cost);
    }
    return study;
}

static void release(struct study *study)
{
    lg_design_release(&study->data.design);
    free(study);
}

static enum lg_method_outcome outcome_of(struct study *study, struct lg_method *ret_method)
{
    assert_int_equal(lg_method_make(&study->data, ret_method), EVD_OK);
    return ret_method->outcome;
}

/* The second arm's cost of all blocks of a comparison, by a factor; the throughput as it was. */
static void change(struct study *study, unsigned comparison, double factor)
{
    for (unsigned i = 0; i < 2 * BLOCKS; i++) {
        struct lg_trial *trial = &study->trials[comparison * 2 * BLOCKS + i];
        if (trial->arm == 1)
            trial->metrics[LG_CPU] *= factor;
    }
}

/* Each comparison is of its own blocks, and of no other's. */
static void test_counts(void **state)
{
    struct study *study = make(14, "\"blocks\":8", 0, 0.0001);
    struct lg_method method;
    (void)state;
    change(study, 2, 1.1);
    change(study, 5, 1.1);
    change(study, 9, 1 / 1.1);
    assert_int_equal(outcome_of(study, &method), LG_METHOD_KEPT);
    const struct lg_method_count *cpu = &method.counts[LG_METHOD_CPU];
    assert_int_equal(method.planned, 14);
    assert_int_equal(method.done, 14);
    assert_int_equal(cpu->compared, 14);
    assert_int_equal(cpu->worse, 2);
    assert_int_equal(cpu->better, 1);
    assert_int_equal(cpu->equivalent, 11);
    assert_int_equal(method.counts[LG_METHOD_RATE].equivalent, 14);
    assert_int_equal(cpu->comparisons[5].verdict, LG_WORSE);
    assert_int_equal(cpu->comparisons[9].verdict, LG_BETTER);
    assert_near(cpu->comparisons[2].ratio.estimate, 1.1, 1e-3);
    assert_near(cpu->comparisons[2].p, 2.0 / 256, 1e-12);
    assert_near(cpu->expected, 14 * 10.0 / 256, 1e-12); /* not 0.05: p of 8 pairs are so few */
    assert_int_equal(cpu->limit, 3);
    lg_method_release(&method);
    /* All of them are too many, on one side or the other. */
    for (unsigned i = 0; i < 14; i++)
        change(study, i, i % 2 ? 1.2 : 1 / 1.2);
    assert_int_equal(outcome_of(study, &method), LG_METHOD_BROKEN);
    assert_int_equal(method.counts[LG_METHOD_CPU].better + method.counts[LG_METHOD_CPU].worse, 14);
    lg_method_release(&method);
    release(study);
}

/* Three of twenty that cannot be made are too many; two are not. */
static void test_left_out(void **state)
{
    struct study *study = make(20, "\"blocks\":8", 0, 0.01);
    struct lg_method method;
    (void)state;
    for (unsigned comparison = 0; comparison < 3; comparison++) {
        for (unsigned i = 0; i < 2 * BLOCKS; i++) {
            struct lg_trial *trial = &study->trials[comparison * 2 * BLOCKS + i];
            trial->invalid = trial->arm == 1 && trial->block % BLOCKS < 5;
        }
        enum lg_method_outcome outcome = outcome_of(study, &method);
        assert_int_equal(method.counts[LG_METHOD_CPU].compared, 19 - comparison);
        assert_int_equal(method.counts[LG_METHOD_RATE].compared, 19 - comparison);
        assert_false(method.counts[LG_METHOD_CPU].comparisons[comparison].compared);
        assert_int_equal(outcome, comparison < 2 ? LG_METHOD_KEPT : LG_METHOD_UNKNOWN);
        lg_method_release(&method);
    }
    /* A study that was stopped. */
    study->data.count = BLOCKS * 2 + 5;
    assert_int_equal(outcome_of(study, &method), LG_METHOD_UNKNOWN);
    assert_int_equal(method.done, 1);
    lg_method_release(&method);
    release(study);
}

/* The p of equal arms are those of equal arms; those of arms that differ by little are not. */
static void test_same(void **state)
{
    struct study *study = make(200, "\"blocks\":8", 0, 0.02);
    struct lg_method method;
    (void)state;
    assert_int_equal(outcome_of(study, &method), LG_METHOD_KEPT);
    for (size_t i = 0; i < LG_METHOD_MEASURES; i++) {
        const struct lg_method_count *count = &method.counts[i];
        assert_int_equal(count->compared, 200);
        assert_int_equal(count->limit, 16);
        assert_true(count->better + count->worse > 0);
        assert_near(count->expected, 200 * 10.0 / 256, 1e-9);
        assert_true(count->distance_p > 0.05);
    }
    lg_method_release(&method);
    release(study);
    study = make(200, "\"blocks\":8", 0.02, 0.02);
    assert_int_equal(outcome_of(study, &method), LG_METHOD_BROKEN);
    assert_true(method.counts[0].distance_p < 1e-6);
    assert_true(method.counts[0].least_p < 1e-6);
    lg_method_release(&method);
    release(study);
}

/* Where one arm's costs creep up over the blocks, both do: nothing is found. */
static void test_drift(void **state)
{
    struct study *study = make(200, "\"blocks\":8", 0, 0.02);
    struct lg_method method;
    (void)state;
    for (size_t i = 0; i < study->data.count; i++)
        study->trials[i].metrics[LG_CPU] *= exp(0.001 * (double)i);
    assert_int_equal(outcome_of(study, &method), LG_METHOD_KEPT);
    lg_method_release(&method);
    release(study);
}

#define INJECTED "\"blocks\":8,\"steps\":86,\"share\":0.05,\"call_ns\":2420,\"step_ns\":1.41"

static void test_injected(void **state)
{
    static const struct {
        double effect, noise;
        enum lg_method_outcome outcome;
    } table[] = {
        {0.0488, 0.01, LG_METHOD_KEPT},    /* there, and in reach */
        {0.0488, 0.10, LG_METHOD_UNKNOWN}, /* there, and drowned by the noise */
        {0.01, 0.01, LG_METHOD_BROKEN},    /* in reach, and not found: by its size it would be */
        {-0.0488, 0.01, LG_METHOD_BROKEN}, /* found, and the other way */
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct study *study = make(50, INJECTED, table[i].effect, table[i].noise);
        struct lg_method method;
        if (outcome_of(study, &method) != table[i].outcome)
            print_error("case %zu: %d\n", i, (int)method.outcome);
        assert_int_equal(method.outcome, table[i].outcome);
        assert_true(lg_method_found(&method.counts[0]) == method.counts[0].worse);
        lg_method_release(&method);
        release(study);
    }
}

static void test_calibration(void **state)
{
    struct study *study = make(2, "\"blocks\":8,\"steps\":250", log(1.25), 0);
    struct lg_summary summary;
    struct lg_calibration found;
    struct evd_error error = {0};
    (void)state;
    assert_int_equal(lg_summary_make(&study->data, &summary), EVD_OK);
    assert_int_equal(lg_method_calibrate(&summary, 0.05, &found, &error), EVD_OK);
    assert_near(found.call_ns, 2000, 1e-6);
    assert_near(found.step_ns, 2, 1e-9); /* a quarter of 2,000 ns, by 250 */
    assert_near(found.steps, 50, 0);
    lg_summary_release(&summary);
    release(study);
    /* Steps that nobody sees, and a study that times none. */
    study = make(2, "\"blocks\":8,\"steps\":500", 0, 0.05);
    assert_int_equal(lg_summary_make(&study->data, &summary), EVD_OK);
    assert_int_equal(lg_method_calibrate(&summary, 0.05, &found, &error), EVD_ERR_BAD_DATA);
    assert_non_null(strstr(error.text, "not seen"));
    lg_summary_release(&summary);
    release(study);
    study = make(2, INJECTED, 0.05, 0);
    assert_int_equal(lg_summary_make(&study->data, &summary), EVD_OK);
    assert_int_equal(lg_method_calibrate(&summary, 0.05, &found, &error), EVD_ERR_BAD_DATA);
    assert_non_null(strstr(error.text, "'tried' is none whose steps"));
    lg_summary_release(&summary);
    release(study);
}

static void test_figures(void **state)
{
    (void)state;
    assert_int_equal(lg_binomial_limit(200, 0.05, 0.025), 16);
    assert_int_equal(lg_binomial_limit(24, 0.05, 0.025), 4);
    assert_int_equal(lg_binomial_limit(1, 0.05, 0.05), 0);
    assert_near(lg_binomial_least(0, 200, 0.05), 1, 0);
    assert_near(lg_binomial_least(17, 200, 0.05), 0.02379945974717258, 1e-9);
    assert_near(lg_binomial_least(7, 200, 0.05), 0.8762569739798979, 1e-9);
    struct lg_interval share = lg_share_interval(7, 200);
    assert_near(share.estimate, 0.035, 1e-12);
    assert_near(share.low, 0.014185525898419248, 1e-9);
    assert_near(share.high, 0.07078099835097729, 1e-9);
    assert_near(lg_share_interval(20, 20).low, 0.8315665290169146, 1e-9); /* 0.025^(1/20) */
    assert_near(lg_share_interval(20, 20).high, 1, 0);
    assert_near(lg_share_interval(0, 20).low, 0, 0);
    assert_false(lg_share_interval(0, 0).bounded);
    assert_near(lg_kolmogorov_p(0.1, 200), 0.034065621947312254, 1e-9);
    assert_near(lg_kolmogorov_p(0, 200), 1, 0);
    assert_true(isnan(lg_kolmogorov_p(0.1, 0)));
    /* Of the 256 signs of 8 ranks, 1, 2, 3, 5 make a sum of at most 0, 1, 2, 3. */
    assert_near(lg_signed_rank_attained(8, 0.05), 10.0 / 256, 0);
    assert_near(lg_signed_rank_attained(8, 10.0 / 256), 10.0 / 256, 0);
    assert_near(lg_signed_rank_attained(8, nextafter(10.0 / 256, 0)), 6.0 / 256, 0);
    assert_near(lg_signed_rank_attained(8, 0.001), 0, 0);
    assert_near(lg_signed_rank_attained(8, 1), 1, 0);
    assert_near(lg_signed_rank_attained(5, 0.05), 0, 0);
    assert_near(lg_signed_rank_attained(300, 0.05), 0.05, 0);
}

/* ---- The folder, as `loadgen study` leaves it. ---- */

static void write_folder(const char *folder, struct study *study)
{
    char *text = NULL, *design = cJSON_PrintUnformatted(study->data.design.root);
    size_t len;
    assert_true(asprintf(&text,
                         "{\"schema\":\"evdispatch.study/1\",\"command\":\"c\",\"seed\":\"1\","
                         "\"commit\":\"0123456789ab\",\"design\":%s}",
                         design) > 0);
    file_write(folder, "study.json", text);
    cJSON_free(design);
    free(text);
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    for (size_t i = 0; i < study->data.count; i++) {
        const struct lg_trial *trial = &study->trials[i];
        fprintf(out,
                "{\"trial\":%u,\"block\":%u,\"attempt\":1,\"arm\":\"%s\",\"scenario\":\"s\","
                "\"load\":\"l\",\"startup_ns\":1000000,\"problem\":null,\"run\":{\"schema\":"
                "\"evdispatch.run/1\",\"valid\":%s,\"invalid\":[],\"throughput\":%.17g,"
                "\"accounting\":{\"scheduled\":10,\"ok\":10,\"bad\":0},\"config\":{\"mode\":"
                "\"closed\",\"connections\":64,\"depth\":16},\"server\":{\"cpu_ns\":%.0f,"
                "\"calls\":1000000},\"host\":{\"steal_share\":0}}}\n",
                trial->number, trial->block, trial->arm == 0 ? "a" : "b",
                trial->invalid ? "false" : "true", trial->metrics[LG_RATE],
                trial->metrics[LG_CPU] * 1e6);
    }
    assert_int_equal(fclose(out), 0);
    file_write(folder, "trials.jsonl", text);
    free(text);
}

static int command(const char *option, const char *folder)
{
    char *argv[] = {(char *)(uintptr_t) "report", (char *)(uintptr_t)option,
                    (char *)(uintptr_t)folder, NULL};
    return lg_report_main(3, argv);
}

/* The page says what was counted, the same each time; the command's exit status, too. */
static void test_page(void **state)
{
    static const struct {
        const char *method, *says[4];
        double effect, noise;
        int status;
    } table[] = {
        {"\"blocks\":8",
         {"**The method keeps its word:** of 20 comparisons of an arm with itself, ",
          "## The p of the comparisons", "figure-1-p.svg", "| 153 to 160 | "},
         0,
         0.01,
         0},
        {"\"blocks\":8",
         {"**The method does not keep its word:** of 20 comparisons of an arm with itself, 20 say",
          "| 20 | ✗ 20 | 100 %", "at most 3 may", "| 153 to 160 | "},
         0.1,
         0.01,
         1},
        {INJECTED,
         {"**The method keeps its word:** 5.0 % more server CPU per call, put in as counted steps, "
          "is found in 20 of 20 comparisons of 8 blocks (100 %; at least 80 %",
          "takes 86 steps more for each call, which comes to 5.0 %", "| 20 | ✓ 20 | 100 %",
          "| 153 to 160 | "},
         0.0488,
         0.005,
         0},
        {INJECTED,
         {"**This machine cannot tell:** 5.0 % more", "## What was found", "## Noise",
          "| 153 to 160 | "},
         0.0488,
         0.2,
         3},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct study *study = make(20, table[i].method, table[i].effect, table[i].noise);
        char *folder = folder_make();
        struct evd_error error = {0};
        write_folder(folder, study);
        assert_int_equal(lg_report_make(folder, &error), EVD_OK);
        char *page = file_read(folder, "report.md"), *html = file_read(folder, "report.html");
        for (size_t k = 0; k < 4; k++) {
            if (!strstr(page, table[i].says[k]))
                print_error("case %zu: no '%s' in\n%s\n", i, table[i].says[k], page);
            assert_non_null(strstr(page, table[i].says[k]));
        }
        assert_int_equal(lg_report_make(folder, &error), EVD_OK);
        char *again = file_read(folder, "report.md"),
             *html_again = file_read(folder, "report.html");
        assert_string_equal(page, again);
        assert_string_equal(html, html_again);
        assert_int_equal(command("--method", folder), table[i].status);
        free(page);
        free(html);
        free(again);
        free(html_again);
        folder_remove(folder);
        release(study);
    }
}

static void test_usage(void **state)
{
    struct synthetic other = {.seed = 1, .blocks = 1, .calls = 10, .rate = {1, 1, 1, 1, 1, 1}};
    char *folder = folder_make();
    char *wrong[] = {(char *)(uintptr_t) "report", (char *)(uintptr_t) "--calibrate",
                     (char *)(uintptr_t) "5", folder, NULL};
    (void)state;
    synthetic_write(folder, &other);
    assert_int_equal(command("--method", folder), 2); /* it has no method */
    assert_int_equal(lg_report_main(4, wrong), 2);    /* 5 what? */
    folder_remove(folder);
}

/* Where nothing could be compared the page has no figure for it; nor for what study.json lacks. */
static void test_nothing_compared(void **state)
{
    struct study *study = make(3, "\"blocks\":8", 0, 0.01);
    char *folder = folder_make();
    struct evd_error error = {0};
    (void)state;
    for (size_t i = 0; i < study->data.count; i++)
        study->trials[i].invalid = true;
    write_folder(folder, study);
    assert_int_equal(lg_report_make(folder, &error), EVD_OK);
    char *page = file_read(folder, "report.md");
    assert_non_null(strstr(page, "| server CPU per call | 0 | 0 | - | - | 0 | - |"));
    assert_non_null(strstr(page, "server on CPU unknown, load on CPU unknown"));
    assert_non_null(strstr(page, ", unknown online"));
    assert_null(strstr(page, "nan"));
    free(page);
    folder_remove(folder);
    release(study);
}

/* The answer says once that nothing was compared, and why. */
static void test_lead_of_nothing(void **state)
{
    static const struct {
        const char *method, *says;
        unsigned trials, invalid; /* that are there; of them INVALID */
    } table[] = {
        {"\"blocks\":8",
         "\n**This machine cannot tell:** none of 2 comparisons could be made: 32 of 32 trials are "
         "INVALID.\n",
         32, 32},
        {"\"blocks\":8",
         "\n**This machine cannot tell:** none of 2 comparisons could be made: 29 of 32 trials are "
         "missing, 1 of 32 trials is INVALID.\n",
         3, 1},
        {INJECTED,
         "\n**This machine cannot tell:** none of 2 comparisons could be made: 32 of 32 trials are "
         "INVALID.\n",
         32, 32},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct study *study = make(2, table[i].method, 0, 0.01);
        char *folder = folder_make();
        struct evd_error error = {0};
        study->data.count = table[i].trials;
        for (unsigned k = 0; k < table[i].invalid; k++)
            study->trials[k].invalid = true;
        write_folder(folder, study);
        assert_int_equal(lg_report_make(folder, &error), EVD_OK);
        char *page = file_read(folder, "report.md");
        if (!strstr(page, table[i].says))
            print_error("case %zu: no '%s' in\n%s\n", i, table[i].says, page);
        assert_non_null(strstr(page, table[i].says));
        assert_null(strstr(page, "nan"));
        assert_int_equal(command("--method", folder), 3);
        free(page);
        folder_remove(folder);
        release(study);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_counts),
                                       cmocka_unit_test(test_left_out),
                                       cmocka_unit_test(test_same),
                                       cmocka_unit_test(test_drift),
                                       cmocka_unit_test(test_injected),
                                       cmocka_unit_test(test_calibration),
                                       cmocka_unit_test(test_figures),
                                       cmocka_unit_test(test_page),
                                       cmocka_unit_test(test_nothing_compared),
                                       cmocka_unit_test(test_lead_of_nothing),
                                       cmocka_unit_test(test_usage)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
