/* Latency over offered load, of a study whose limits and knees are known because they were put in.
 */
#include "loadgen/histogram.h"
#include "loadgen/report.h"
#include "loadgen/report_load.h"
#include "loadgen/results_page.h"
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

enum { ARMS = 5, RATES = 3, BLOCKS = 6, MAXIMUM = 1000 };

/* The last in the file is the lowest: the ladder has them in order. */
#define LOADS                                                                                      \
    "{\"name\":\"mid\",\"rate_share\":0.5,\"args\":[]},"                                           \
    "{\"name\":\"high\",\"rate_share\":0.9,\"args\":[]},"                                          \
    "{\"name\":\"low\",\"rate_share\":0.1,\"args\":[]}"
#define DESIGN                                                                                     \
    "{\"name\":\"n\",\"blocks\":6,\"warmup\":\"0\",\"duration\":\"1s\",\"server_cpu\":0,"          \
    "\"load_cpu\":1,%s\"maximum\":{\"trials\":3,\"args\":[\"--closed\"]},\"arms\":["               \
    "{\"name\":\"a\",\"server\":[]},{\"name\":\"b\",\"server\":[\"--x\"]},"                        \
    "{\"name\":\"noisy\",\"server\":[\"--y\"]},{\"name\":\"fast\",\"server\":[\"--z\"]},"          \
    "{\"name\":\"a again\",\"server\":[],\"twin_of\":\"a\"}],\"scenarios\":[\"s\"],"               \
    "\"loads\":[" LOADS "]}"
#define LIMIT "\"slo\":{\"p99\":\"5ms\"},"

static const char *const arms[ARMS] = {"a", "b", "noisy", "fast", "a again"};
static const char *const loads[RATES] = {"mid", "high", "low"};
static const double offered[RATES] = {500, 900, 100};
/* `b` is overloaded at the highest. */
static const double p99_ms[ARMS + 1][RATES] = {{1, 20, 0.5},  {6, 400, 0.5}, {1, 20, 0.5},
                                               {0.5, 2, 0.5}, {1, 20, 0.5},  {2, 20, 0.5}};
static const double answered[ARMS + 1][RATES] = {{500, 900, 100}, {500, 600, 100}, {500, 900, 100},
                                                 {500, 900, 100}, {500, 900, 100}, {500, 900, 100}};

/* What is made, beside the usual. */
struct making {
    const char *limit;     /* of the design */
    size_t twin;           /* the row above that `a again` is like */
    unsigned again, times; /* behind trial `again` stands its repeat, so many times */
};

/* At the middle rate the host stole from every other block of `noisy`, at the lowest from one of
 * `fast`. */
static double p99_of(const struct making *making, unsigned block, size_t arm, size_t load)
{
    if ((arm == 2 && load == 0 && block % 2 == 0) || (arm == 3 && load == 2 && block == 4))
        return 25;
    return p99_ms[arm == 4 ? making->twin : arm][load];
}

static void put_trial(FILE *out, const struct making *making, unsigned number, unsigned block,
                      size_t arm, size_t load)
{
    size_t kind = arm == 4 ? making->twin : arm;
    bool overloaded = answered[kind][load] < offered[load];
    uint64_t ns = (uint64_t)(p99_of(making, block, arm, load) * 1e6 * (1 + 0.01 * block));
    ns = lg_histogram_lowest(lg_histogram_index(ns));
    fprintf(
        out,
        "{\"trial\":%u,\"block\":%u,\"attempt\":%u,\"arm\":\"%s\",\"scenario\":\"s\","
        "\"load\":\"%s\",\"startup_ns\":1000,\"problem\":null,\"run\":{\"schema\":"
        "\"evdispatch.run/1\",\"config\":{\"mode\":\"open\",\"rate\":%.0f},\"accounting\":{"
        "\"scheduled\":%.0f,\"ok\":%.0f,\"bad\":0,\"timeout\":0,\"reset\":0,\"eof\":0,"
        "\"refused\":0,\"unsent\":%.0f,\"in_flight\":0},\"throughput\":%.0f,\"latency_ns\":"
        "{\"response\":{\"count\":100,\"p50\":%llu,\"p99\":%llu,\"p99_9\":%llu,\"max\":%llu,"
        "\"histogram\":[[%llu,100]]}},\"valid\":%s,\"invalid\":[%s],\"invalid_causes\":[%s]}}\n",
        number, block, number > making->again && number <= making->again + making->times ? 2 : 1,
        arms[arm], loads[load], offered[load], offered[load], answered[kind][load],
        offered[load] - answered[kind][load], answered[kind][load], (unsigned long long)ns,
        (unsigned long long)ns, (unsigned long long)ns, (unsigned long long)ns,
        (unsigned long long)ns, overloaded ? "false" : "true",
        overloaded ? "\"the rate was missed\"" : "", overloaded ? "\"rate\"" : "");
}

/* Three trials before the study: the one that is INVALID does not count. */
static void write_maximum(const char *folder)
{
    static const unsigned rates[] = {990, 5000, 1010};
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    for (unsigned i = 0; i < 3; i++)
        fprintf(
            out,
            "{\"trial\":%u,\"block\":%u,\"arm\":\"a\",\"scenario\":\"s\",\"load\":\"maximum\","
            "\"problem\":null,\"run\":{\"schema\":\"evdispatch.run/1\",\"config\":{\"mode\":"
            "\"closed\"},\"accounting\":{\"scheduled\":%u,\"ok\":%u},\"throughput\":%u,"
            "\"latency_ns\":{\"response\":{\"count\":1,\"histogram\":[[1000,1]]}},\"valid\":%s}}\n",
            i + 1, i + 1, rates[i], rates[i], rates[i], i == 1 ? "false" : "true");
    assert_int_equal(fclose(out), 0);
    file_write(folder, "maximum.jsonl", text);
    free(text);
}

static const struct making usual = {.limit = LIMIT};

static char *make_study(const struct making *making)
{
    char *folder = folder_make(), design[1600], *text = NULL;
    size_t len;
    unsigned number = 0;
    snprintf(design, sizeof(design), DESIGN, making->limit);
    assert_true(asprintf(&text,
                         "{\"schema\":\"evdispatch.study/1\",\"rates\":[{\"scenario\":\"s\","
                         "\"maximum\":%d,\"loads\":{\"mid\":500,\"high\":900,\"low\":100}}],"
                         "\"design\":%s}",
                         MAXIMUM, design) > 0);
    file_write(folder, "study.json", text);
    write_maximum(folder);
    free(text);
    text = NULL;
    FILE *out = open_memstream(&text, &len);
    for (unsigned block = 1; block <= BLOCKS; block++)
        for (size_t i = 0; i < ARMS * RATES; i++) {
            put_trial(out, making, ++number, block, i % ARMS, i / ARMS);
            while (number >= making->again && number < making->again + making->times)
                put_trial(out, making, ++number, block, i % ARMS, i / ARMS);
        }
    assert_int_equal(fclose(out), 0);
    file_write(folder, "trials.jsonl", text);
    free(text);
    return folder;
}

static void read_study(const char *folder, struct lg_data *data, struct lg_summary *summary)
{
    struct evd_error error = {0};
    if (lg_data_read(folder, data, &error) != EVD_OK)
        fail_msg("%s", error.text);
    assert_int_equal(lg_summary_make(data, summary), EVD_OK);
}

static void test_reach(void **state)
{
    char *folder = make_study(&usual);
    struct lg_data data;
    struct lg_summary summary;
    struct lg_ladder ladder;
    (void)state;
    read_study(folder, &data, &summary);
    lg_ladder_make(&data.design, &ladder);
    assert_int_equal(ladder.count, 3);
    assert_int_equal(ladder.loads[0], 2);
    assert_int_equal(ladder.loads[1], 0);
    assert_int_equal(ladder.loads[2], 1);

    assert_int_equal(summary.overloaded, BLOCKS);
    assert_int_equal(summary.invalid, 0);
    assert_int_equal(lg_rung_of(&summary, 0, 1, 0), LG_RUNG_KEPT_UP);
    assert_int_equal(lg_rung_of(&summary, 0, 1, 1), LG_RUNG_OVERLOADED);

    struct lg_reach reaches[ARMS];
    for (size_t arm = 0; arm < ARMS; arm++)
        assert_int_equal(lg_reach_of(&summary, &ladder, 0, arm, &reaches[arm]), EVD_OK);
    /* 100 / 0.5 ms < 500 / 1 ms > 900 / 20 ms */
    assert_int_equal(reaches[0].under, 1);
    assert_int_equal(reaches[0].over, 2);
    assert_true(reaches[0].knee.bounded && reaches[0].knee.low > 0.49 &&
                reaches[0].knee.high < 0.51);
    /* 100 / 0.5 ms > 500 / 6 ms */
    assert_int_equal(reaches[1].under, 0);
    assert_int_equal(reaches[1].over, 1);
    assert_true(reaches[1].knee.bounded && reaches[1].knee.high < 0.11);
    /* In half of the blocks 1 ms, in half of them 25. */
    assert_int_equal(reaches[2].under, 0);
    assert_int_equal(reaches[2].over, 2);
    assert_true(reaches[2].knee.low < 0.11 && reaches[2].knee.high > 0.49);
    /* One trial of 25 ms at the lowest rate leaves that rate open, but not the higher ones. */
    assert_int_equal(reaches[3].under, 2);
    assert_int_equal(reaches[3].over, 3);
    static const enum lg_reach_order limits[ARMS] = {LG_REACH_OVERLAP, LG_REACH_EARLIER,
                                                     LG_REACH_OVERLAP, LG_REACH_LATER,
                                                     LG_REACH_OVERLAP},
                                     knees[ARMS] = {LG_REACH_OVERLAP, LG_REACH_EARLIER,
                                                    LG_REACH_OVERLAP, LG_REACH_OVERLAP,
                                                    LG_REACH_OVERLAP};
    for (size_t arm = 0; arm < ARMS; arm++) {
        assert_int_equal(lg_reach_limit_order(&ladder, &reaches[arm], &reaches[0]), limits[arm]);
        assert_int_equal(lg_reach_knee_order(&reaches[arm], &reaches[0]), knees[arm]);
    }
    reaches[1].knee.bounded = reaches[1].measured = false;
    assert_int_equal(lg_reach_limit_order(&ladder, &reaches[1], &reaches[0]), LG_REACH_UNKNOWN);
    assert_int_equal(lg_reach_knee_order(&reaches[1], &reaches[0]), LG_REACH_UNKNOWN);
    /* Whose highest rate under the limit is the other's lowest above it. */
    assert_int_equal(
        lg_reach_limit_order(&ladder, &(struct lg_reach){.under = 1, .over = 2, .measured = true},
                             &(struct lg_reach){.under = 3, .over = 1, .measured = true}),
        LG_REACH_LATER);
    /* Neither of which was seen under it. */
    assert_int_equal(
        lg_reach_limit_order(&ladder, &(struct lg_reach){.under = 3, .over = 0, .measured = true},
                             &(struct lg_reach){.under = 3, .over = 3, .measured = true}),
        LG_REACH_OVERLAP);
    lg_summary_release(&summary);
    lg_data_release(&data);
    folder_remove(folder);
}

static void test_knee_words(void **state)
{
    char *folder = make_study(&usual);
    struct lg_data data;
    struct lg_summary summary;
    struct lg_ladder ladder;
    struct lg_reach reaches[ARMS];
    (void)state;
    read_study(folder, &data, &summary);
    lg_ladder_make(&data.design, &ladder);
    for (size_t arm = 0; arm < ARMS; arm++)
        assert_int_equal(lg_reach_of(&summary, &ladder, 0, arm, &reaches[arm]), EVD_OK);
    static const char *const words[ARMS] = {"at 50 %", "at 10 % or below", "at 50 % or below",
                                            "at 50 %", "at 50 %"};
    char out[LG_KNEE_TEXT];
    for (size_t arm = 0; arm < ARMS; arm++)
        assert_string_equal(lg_reach_knee_words(&summary, &ladder, &reaches[arm], out), words[arm]);
    reaches[2].knee.high = 0.9;
    assert_string_equal(lg_reach_knee_words(&summary, &ladder, &reaches[2], out),
                        "at a rate not shown");
    reaches[2].knee.low = 0.5;
    assert_string_equal(lg_reach_knee_words(&summary, &ladder, &reaches[2], out),
                        "at 50 % or above");
    reaches[2].knee.low = 0.2;
    reaches[2].knee.high = 0.5;
    assert_string_equal(lg_reach_knee_words(&summary, &ladder, &reaches[2], out),
                        "between 20 % and 50 %");
    reaches[1].knee.bounded = false;
    assert_string_equal(lg_reach_knee_words(&summary, &ladder, &reaches[1], out),
                        "at a rate not shown");
    lg_summary_release(&summary);
    lg_data_release(&data);
    folder_remove(folder);
}

static void expect(const char *text, const char *part)
{
    if (!strstr(text, part))
        print_error("missing: %s\n", part);
    assert_non_null(strstr(text, part));
}

static void test_report(void **state)
{
    char *folder = make_study(&usual);
    struct evd_error error = {0};
    (void)state;
    if (lg_report_make(folder, &error) != EVD_OK)
        fail_msg("%s", error.text);
    char *text = file_read(folder, "report.md"), *html = file_read(folder, "report.html"),
         *svg = file_read(folder, "figure-1-s-offered-load.svg");
    expect(text,
           "\nOn `s`, `a` reaches a p99 of 5.00 ms between 50 % and 90 %; `b` (between 10 % and "
           "50 %) reaches it earlier; `fast` (beyond 90 %) reaches it later; `noisy` (between 10 % "
           "and 90 %) cannot be told from it with this much noise; 100 % are the 1.00 k/s that `a` "
           "answers at most.\n");
    expect(text,
           "**Knee**: On `s`, the knee of `a`, beyond which latency grows faster than throughput, "
           "lies at 50 %; `b` (at 10 % or below) has it earlier; `noisy` (at 50 % or below) and "
           "`fast` (at 50 %) cannot be told from it");
    expect(text, "cannot be told from it with this much noise; 100 % are the 1.00 k/s");
    expect(text, "✓ A/A on `s`, the limit: `a` (between 50 % and 90 %) and its copy `a again` "
                 "(between 50 % and 90 %) cannot be told apart.");
    expect(text, "✓ A/A on `s`, the knee: `a` (at 50 %) and its copy `a again` (at 50 %) "
                 "cannot be told apart.");
    expect(text, "6 trials were offered more calls than were answered.");
    expect(text, "| `a` | at 50 % | reference | 50 % 500/s | 90 % 900/s | reference |");
    expect(text, "| `b` | at 10 % or below | ▼ earlier | 10 % 100/s | 50 % 500/s | ▼ earlier |");
    expect(text, "| `fast` | at 50 % | ? cannot be told apart | 90 % 900/s | not "
                 "seen | ▲ later |");
    expect(text, "| `b` | 90 % 900/s | 600/s \\[600, 600\\] |");
    expect(text, "overloaded in 6 of 6 trials |");
    expect(text, "`maximum.jsonl` has the trials");
    expect(text, "1.00 k/s: the median of 3 trials before the study (`--closed`), 990/s, 5.00 k/s "
                 "(INVALID) and 1.01 k/s. Those that are INVALID are left out. They are the same");
    expect(svg, ">limit<");
    expect(svg, "<title>b at 90: more than 4");
    expect(svg, ", in the knee's bracket</title>");
    expect(text, "| a | 50 | 1.0");
    expect(text, " | knee's bracket |\n| a | 90 | 20.");
    expect(text, "| `s`, p99 latency at 50 % 500/s |");
    expect(html, "Figure 1");
    /* No load is told one by one, and the table of choices is another study's. */
    assert_null(strstr(text, "Figure 2"));
    assert_null(strstr(text, "Which to choose"));
    free(text);
    free(html);
    free(svg);
    folder_remove(folder);
}

static void test_without_limit(void **state)
{
    char *folder = make_study(&(struct making){.limit = ""});
    struct evd_error error = {0};
    (void)state;
    assert_int_equal(lg_report_make(folder, &error), EVD_OK);
    char *text = file_read(folder, "report.md"),
         *svg = file_read(folder, "figure-1-s-offered-load.svg");
    expect(text, "\nOn `s`, the knee of `a`, beyond which latency grows faster than throughput, "
                 "lies at 50 %; "
                 "`b` (at 10 % or below) has it earlier;");
    assert_null(strstr(text, ", the limit:"));
    assert_null(strstr(text, "limit of"));
    assert_null(strstr(text, "under the limit"));
    assert_null(strstr(svg, ">limit<"));
    free(text);
    free(svg);
    folder_remove(folder);
}

/* The copy of the reference is like `b`: that is said where one asks whether to believe it. */
static void test_twin(void **state)
{
    char *folder = make_study(&(struct making){.limit = LIMIT, .twin = 1});
    struct evd_error error = {0};
    (void)state;
    assert_int_equal(lg_report_make(folder, &error), EVD_OK);
    char *text = file_read(folder, "report.md");
    expect(text, "! A/A on `s`, the limit: `a` (between 50 % and 90 %) and its copy `a again` "
                 "(between 10 % and 50 %) are told apart, though they are the same");
    expect(text, "! A/A on `s`, the knee: `a` (");
    expect(text, "! The reference against itself (A/A): up to");
    free(text);
    folder_remove(folder);
    /* Two intervals of six may do so by chance. */
    folder = make_study(&(struct making){.limit = LIMIT, .twin = ARMS});
    assert_int_equal(lg_report_make(folder, &error), EVD_OK);
    text = file_read(folder, "report.md");
    expect(text, "✓ The reference against itself (A/A): up to 100 % apart, and 2 of 6 intervals do "
                 "not hold 1, where 1 in 20 is to be expected.");
    expect(text, "✓ A/A on `s`, the limit: ");
    free(text);
    folder_remove(folder);
}

/* The page of all results: the answer once, the knee, whether the copy can be told. */
static void test_results_page(void **state)
{
    char *folder = folder_make(), *study = make_study(&usual), path[512];
    struct evd_error error = {0};
    (void)state;
    snprintf(path, sizeof(path), "%s/load", folder);
    assert_int_equal(rename(study, path), 0);
    free(study);
    if (lg_results_make(folder, &error) != EVD_OK)
        fail_msg("%s", error.text);
    char *text = file_read(folder, "README.md");
    expect(text, "## Under more and more load\n");
    expect(text, "\nOn `s`, `a` reaches a p99 of 5.00 ms between 50 % and 90 %; `b` (");
    assert_null(strstr(text, "**Limit**"));
    expect(text, "\n- **Smallest p99** on `s`: `a` ");
    expect(text, " at 10 %; `b`, overloaded from 90 % on, answers at most 600/s \\[600, 600\\].\n");
    expect(text, "\n- ✓ A/A on `s`, the limit: ");
    assert_null(strstr(text, "nee")); /* which the report tells */
    free(text);
    folder_remove(folder);
}

/* In a file's text the first `from` becomes `to`. */
static void change(const char *folder, const char *name, const char *from, const char *to)
{
    char *text = file_read(folder, name), *changed = NULL, *at = strstr(text, from);
    assert_non_null(at);
    assert_true(asprintf(&changed, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)) > 0);
    file_write(folder, name, changed);
    free(changed);
    free(text);
}

static void check_damage(const char *name, const char *from, const char *to, const char *says)
{
    char *folder = make_study(&usual);
    struct evd_error error = {0};
    change(folder, name, from, to);
    assert_true(lg_report_make(folder, &error) < 0);
    if (!strstr(error.text, says))
        print_error("it says: %s\n", error.text);
    assert_non_null(strstr(error.text, says));
    folder_remove(folder);
}

static void test_damage(void **state)
{
    (void)state;
    check_damage("trials.jsonl", "\"rate\":500", "\"rate\":501",
                 "trials.jsonl:1: 'run.config.rate' is 501; by study.json it is 500");
    check_damage("study.json", "\"mid\":500", "\"mid\":499", "study.json: 'rates' does not hold");
    check_damage("study.json", "\"maximum\":1000", "\"maximum\":-1", "'rates' does not hold");
}

/* The trials that the rates come from are held to what trials are held to, and to the rates. */
static void test_damaged_maximum(void **state)
{
    static const struct {
        const char *from, *to, *says;
    } table[] = {
        {"\"trial\":2", "\"trial\":3", "maximum.jsonl:2: 'trial' must be 2 here"},
        {"\"block\":3", "\"block\":1", "maximum.jsonl:3: 'block' must be 3 here"},
        {"\"arm\":\"a\"", "\"arm\":\"b\"", "maximum.jsonl:1: 'arm' is 'b', not 'a'"},
        {"\"scenario\":\"s\",", "", "maximum.jsonl:1: 'scenario' is missing"},
        {"\"load\":\"maximum\"", "\"load\":\"mid\"", "maximum.jsonl:1: 'load' is 'mid'"},
        {"null", "\"it hung\"", "maximum.jsonl:1: the trial went wrong: it hung"},
        {"\"run\":", "\"ran\":", "maximum.jsonl:1: there is no measurement"},
        {"evdispatch.run/1", "evdispatch.run/2", "maximum.jsonl:1: the run's schema is"},
        {"closed", "open", "maximum.jsonl:1: 'mode' is 'open', not 'closed'"},
        {"\"throughput\":990", "\"throughput\":0", "maximum.jsonl:1: no call was answered"},
        {"\"throughput\":990", "\"throughput\":\"x\"",
         "maximum.jsonl:1: 'run.throughput' is not a"},
        {"\"ok\":990", "\"ok\":989", "maximum.jsonl:1: the accounting is not exact"},
        {"[[1000,1]]", "[[1000,2]]", "maximum.jsonl:1: the latency's histogram holds 2 calls"},
        {"\"throughput\":1010", "\"throughput\":1012",
         "maximum.jsonl: the maximum of 's' is 1001 by its trials; by study.json it is 1000"},
        {"false", "true", "maximum.jsonl: the maximum of 's' is 1010 by its trials"},
        {"true}}\n{\"trial\":2", "true}}\n{}\n{\"trial\":2", "maximum.jsonl:2: 'trial' must be 2"},
        {"true}}\n{", "true}}\n", "maximum.jsonl:2:"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
        check_damage("maximum.jsonl", table[i].from, table[i].to, table[i].says);

    struct evd_error error = {0};
    char *folder = make_study(&usual), *text = file_read(folder, "maximum.jsonl");
    text[strlen(text) - 1] = '\0';
    file_write(folder, "maximum.jsonl", text);
    assert_true(lg_report_make(folder, &error) < 0);
    assert_non_null(strstr(error.text, "maximum.jsonl:3: the line is cut off"));
    strrchr(text, '\n')[1] = '\0';
    file_write(folder, "maximum.jsonl", text);
    assert_true(lg_report_make(folder, &error) < 0);
    assert_non_null(strstr(error.text, "maximum.jsonl: 2 trials; the design of study.json has 3"));
    free(text);
    write_maximum(folder);
    text = file_read(folder, "maximum.jsonl");
    char *more = NULL;
    assert_true(asprintf(&more, "%s%s", text, text) > 0);
    file_write(folder, "maximum.jsonl", more);
    assert_true(lg_report_make(folder, &error) < 0);
    assert_non_null(strstr(error.text, "maximum.jsonl:4: more trials than the design"));
    free(more);
    free(text);
    folder_remove(folder);
}

/* Of trials none of which is valid, all are taken. */
static void test_invalid_maximum(void **state)
{
    static const struct lg_maximum_trial trials[] = {{.rate = 10, .invalid = true},
                                                     {.rate = 40, .invalid = true},
                                                     {.rate = 20, .invalid = true}};
    (void)state;
    assert_true(lg_rates_maximum(trials, 3) > 19.9 && lg_rates_maximum(trials, 3) < 20.1);
    assert_true(isnan(lg_rates_maximum(trials, 0)));
}

/* What an older rule called INVALID was repeated, and counts today: the repeat does not. */
static void test_surplus(void **state)
{
    static const struct {
        struct making making;
        const char *error;
    } table[] = {{{.limit = LIMIT, .again = 7, .times = 1}, NULL},
                 {{.limit = LIMIT, .again = 7, .times = 2}, "trials.jsonl:9: another line has"},
                 {{.limit = LIMIT, .again = 6, .times = 1}, "trials.jsonl:7: another line has"}};
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        char *folder = make_study(&table[i].making);
        struct lg_data data;
        struct lg_summary summary;
        struct evd_error error = {0};
        int rc = lg_data_read(folder, &data, &error);
        folder_remove(folder);
        if (table[i].error) {
            assert_int_equal(rc, EVD_ERR_BAD_DATA);
            assert_non_null(strstr(error.text, table[i].error));
            continue;
        }
        assert_int_equal(rc, EVD_OK);
        assert_int_equal(lg_summary_make(&data, &summary), EVD_OK);
        assert_true(data.trials[6].overloaded && !data.trials[6].superseded);
        assert_true(data.trials[7].overloaded && data.trials[7].superseded);
        assert_int_equal(summary.overloaded, BLOCKS);
        assert_int_equal(summary.repeated, 0);
        assert_int_equal(lg_summary_cell(&summary, 0, 1, 1)->done, BLOCKS);
        lg_summary_release(&summary);
        lg_data_release(&data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reach),
        cmocka_unit_test(test_knee_words),
        cmocka_unit_test(test_report),
        cmocka_unit_test(test_without_limit),
        cmocka_unit_test(test_twin),
        cmocka_unit_test(test_results_page),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_damaged_maximum),
        cmocka_unit_test(test_invalid_maximum),
        cmocka_unit_test(test_surplus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
