/* The page, and what is no matter of loads: the studies that try the method, layouts, truths. */
#include "results_pitfalls.h"

#include "study_json.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define MATTERS    0.02 /* ratios farther from 1 would be told as an effect */
#define SURPRISES  0.05
#define MORE_TURNS 6     /* comparisons of so many times the blocks, beside */
#define SLOW_NS    100e6 /* requests that a server that stood still held up */

void lg_pitfalls_say(char *text, const char *format, ...)
{
    size_t len = strlen(text);
    va_list list;
    va_start(list, format);
    vsnprintf(text + len, LG_PITFALL_TEXT - len, format, list);
    va_end(list);
}

bool lg_pitfalls_twin(const struct lg_design *design, size_t arm)
{
    const char *of = design->arms[arm].twin_of;
    return of && strcmp(of, design->arms[design->reference].name) == 0;
}

/* ---- One run of each, and one after the other: where an arm is compared with itself. ---- */

static double apart(double x, double y)
{
    return fmax(x / y, y / x) - 1;
}

static int one_run(struct lg_pitfalls *pitfalls, const char *folder, const struct lg_report *report)
{
    const struct lg_method_count *judged = &report->method->counts[LG_METHOD_RATE];
    size_t blocks = report->data->design.blocks, pairs = 0, matter = 0, surprise = 0;
    double *x = calloc(blocks * 2, sizeof(*x)), *y, farthest = 0;
    char share[3][LG_PRINT_MAX], count[3][LG_PRINT_MAX];
    if (!x)
        return EVD_ERR_NO_MEMORY;
    y = x + blocks;
    lg_summary_column(report->summary, 0, 0, report->data->design.reference, LG_RATE, x);
    lg_summary_column(report->summary, 0, 0, report->method->other, LG_RATE, y);
    for (size_t i = 0; i < blocks; i++) {
        if (!(x[i] > 0 && y[i] > 0))
            continue;
        pairs++;
        matter += apart(x[i], y[i]) > MATTERS;
        surprise += apart(x[i], y[i]) > SURPRISES;
        farthest = fmax(farthest, apart(x[i], y[i]));
    }
    free(x);
    if (pairs == 0)
        return EVD_OK;
    lg_pitfalls_say(
        pitfalls->found[LG_PITFALL_ONE_RUN],
        "`%s` compares one server with itself. Of %s pairs of trials, one right after the other "
        "and "
        "with the same seed, %s (%s) are more than 2 %% apart in throughput and %s (%s) more than "
        "5 %%; the "
        "farthest two are %s apart. One run of each would have been one of these pairs. Judged as "
        "studies, %u of %u comparisons of %u pairs say that the two differ.",
        folder, lg_print_count((double)pairs, count[0]), lg_print_count((double)matter, count[1]),
        lg_print_share((double)matter / (double)pairs, share[0]),
        lg_print_count((double)surprise, count[2]),
        lg_print_share((double)surprise / (double)pairs, share[1]),
        lg_print_share(farthest, share[2]), judged->better + judged->worse, judged->compared,
        report->data->design.method.blocks);
    return EVD_OK;
}

/* The same trials, cut by time and by arm; comparisons of so many blocks each. */
struct turns {
    size_t comparisons, by_time, interleaved; /* of these, off by more than MATTERS */
    double time_squares, interleaved_squares; /* of the logarithms */
};

/* One comparison, whose first trial is *at; on to the first of the next. Trials are in the order
 * they ran. pairs[block - 1]: whether both of a block count; others are left out. */
static void take_turns(const struct lg_summary *summary, const bool *pairs, unsigned first_block,
                       unsigned last_block, size_t *at, struct turns *turns)
{
    const struct lg_data *data = summary->data;
    size_t half = 0, count = 0;
    double time = 0, arm = 0;
    for (unsigned block = first_block; block <= last_block; block++)
        half += pairs[block - 1];
    for (; *at < data->count && data->trials[*at].block <= last_block; ++*at) {
        const struct lg_trial *trial = &data->trials[*at];
        if (!pairs[trial->block - 1] || !lg_summary_counts(summary, trial))
            continue;
        double rate = log(trial->metrics[LG_RATE]);
        time += count++ < half ? -rate : rate;
        arm += trial->arm != data->design.reference ? rate : -rate;
    }
    if (half == 0 || count != 2 * half)
        return;
    time /= (double)half;
    arm /= (double)half;
    turns->comparisons++;
    turns->by_time += fabs(time) > log1p(MATTERS);
    turns->interleaved += fabs(arm) > log1p(MATTERS);
    turns->time_squares += time * time;
    turns->interleaved_squares += arm * arm;
}

static struct turns turns_of(const struct lg_summary *summary, const bool *pairs, unsigned blocks)
{
    struct turns turns = {0};
    size_t at = 0;
    for (unsigned last = blocks; last <= summary->data->design.blocks; last += blocks)
        take_turns(summary, pairs, last - blocks + 1, last, &at, &turns);
    return turns;
}

/* The error as a root mean square, in words. */
static const char *error_of(double squares, const struct turns *turns, char *out)
{
    return lg_print_share(sqrt(squares / (double)turns->comparisons), out);
}

static void say_turns(const char *folder, unsigned blocks, const struct turns *few,
                      const struct turns *many, char *found)
{
    char text[2][LG_PRINT_MAX];
    lg_pitfalls_say(
        found,
        "The trials of `%s`, which are all of one server, %u in a row, cut twice. The first half "
        "against the second, as if one had been measured and then the other: the ratio of their "
        "throughputs is off by more than 2 %% in %zu of %zu. Interleaved, as they were: in %zu. "
        "The error (root mean square) is %s by time and %s interleaved, of the same trials.",
        folder, blocks * 2, few->by_time, few->comparisons, few->interleaved,
        error_of(few->time_squares, few, text[0]),
        error_of(few->interleaved_squares, few, text[1]));
    if (many->comparisons > 1)
        lg_pitfalls_say(found, " With %u in a row: %s and %s (%zu comparisons).",
                        blocks * 2 * MORE_TURNS, error_of(many->time_squares, many, text[0]),
                        error_of(many->interleaved_squares, many, text[1]), many->comparisons);
}

static int one_after_the_other(struct lg_pitfalls *pitfalls, const char *folder,
                               const struct lg_report *report)
{
    const struct lg_design *design = &report->data->design;
    double *x = calloc((size_t)design->blocks * 2, sizeof(*x));
    bool *pairs = calloc(design->blocks, sizeof(*pairs));
    int rc = x && pairs ? EVD_OK : EVD_ERR_NO_MEMORY;
    if (rc == EVD_OK) {
        double *y = x + design->blocks;
        lg_summary_column(report->summary, 0, 0, design->reference, LG_RATE, x);
        lg_summary_column(report->summary, 0, 0, report->method->other, LG_RATE, y);
        for (size_t i = 0; i < design->blocks; i++)
            pairs[i] = x[i] > 0 && y[i] > 0;
        struct turns few = turns_of(report->summary, pairs, design->method.blocks);
        struct turns many = turns_of(report->summary, pairs, design->method.blocks * MORE_TURNS);
        if (few.comparisons > 0)
            say_turns(folder, design->method.blocks, &few, &many,
                      pitfalls->found[LG_PITFALL_TURNS]);
    }
    free(x);
    free(pairs);
    return rc;
}

/* ---- One layout. ---- */

struct layouts {
    size_t arms, differ; /* no twins; of them with a p below the level */
    size_t arm, scenario, load;
    struct lg_layouts_spread farthest; /* of these; layouts is 0: none */
    double noise;                      /* of twins; NaN: none */
};

static int take_layouts(const struct lg_summary *summary, size_t scenario, size_t load,
                        struct layouts *all)
{
    const struct lg_design *design = &summary->data->design;
    for (size_t arm = 0; arm < design->arm_count; arm++) {
        struct lg_layouts_spread spread;
        if (arm == design->reference)
            continue;
        if (lg_layouts_of(summary, scenario, load, arm, &spread) != EVD_OK)
            return EVD_ERR_NO_MEMORY;
        if (spread.layouts < 2)
            continue;
        if (lg_pitfalls_twin(design, arm)) {
            all->noise = fmax(all->noise, lg_layouts_apart(&spread));
            continue;
        }
        all->arms++;
        all->differ += spread.p < LG_FAMILY_LEVEL;
        if (all->farthest.layouts > 0 &&
            lg_layouts_apart(&spread) <= lg_layouts_apart(&all->farthest))
            continue;
        all->farthest = spread;
        all->arm = arm;
        all->scenario = scenario;
        all->load = load;
    }
    return EVD_OK;
}

static int one_layout(struct lg_pitfalls *pitfalls, const struct lg_summary *summary)
{
    const struct lg_design *design = &summary->data->design;
    struct layouts all = {.noise = NAN};
    char text[3][LG_PRINT_MAX];
    char *found = pitfalls->found[LG_PITFALL_LAYOUT];
    if (!lg_layouts_several(design))
        return EVD_OK;
    for (size_t i = 0; i < design->scenario_count * design->load_count; i++) {
        size_t scenario = i / design->load_count, load = i % design->load_count;
        if (lg_is_known(summary, load) && lg_is_closed(summary, load) &&
            take_layouts(summary, scenario, load, &all) != EVD_OK)
            return EVD_ERR_NO_MEMORY;
    }
    const struct lg_layouts_spread *far = &all.farthest;
    if (far->layouts < 2)
        return EVD_OK;
    lg_pitfalls_say(found,
                    "The same object files, linked in %zu orders. On `%s`, `%s` takes × %s of the "
                    "server CPU of `%s` in layout %u and × %s in layout %u: %s apart.",
                    far->layouts, design->scenarios[all.scenario], design->arms[all.arm].name,
                    lg_print_value(exp(far->means[far->least]), LG_UNIT_RATIO, text[0]),
                    design->arms[design->reference].name, far->least,
                    lg_print_value(exp(far->means[far->greatest]), LG_UNIT_RATIO, text[1]),
                    far->greatest, lg_print_share(lg_layouts_apart(far), text[2]));
    if (isfinite(all.noise))
        lg_pitfalls_say(found, " The A/A arm, which is noise, is %s apart.",
                        lg_print_share(all.noise, text[0]));
    lg_pitfalls_say(found,
                    " By Kruskal and Wallis' test (p < 0.05, each arm alone) layouts differ in %zu "
                    "of %zu arms%s.",
                    all.differ, all.arms, all.differ == 0 ? ": none is shown here" : "");
    pitfalls->tables[LG_PITFALL_LAYOUT] = lg_layouts_table(summary);
    return pitfalls->tables[LG_PITFALL_LAYOUT] ? EVD_OK : EVD_ERR_NO_MEMORY;
}

/* ---- Studies. ---- */

static int reference(struct lg_pitfalls *pitfalls, const struct lg_summary *summary,
                     struct evd_error *error)
{
    int rc = lg_pitfalls_calls(pitfalls, summary);
    if (rc == EVD_OK)
        rc = lg_pitfalls_percentiles(pitfalls, summary, error);
    if (rc == EVD_OK)
        rc = lg_pitfalls_closed(pitfalls, summary, error);
    if (rc == EVD_OK)
        rc = lg_pitfalls_full(pitfalls, summary);
    if (rc == EVD_OK)
        rc = lg_pitfalls_halted(pitfalls, summary, &pitfalls->awake, error);
    return rc;
}

int lg_pitfalls_study(struct lg_pitfalls *pitfalls, const char *folder,
                      const struct lg_report *report, struct evd_error *ret_error)
{
    int rc = EVD_OK;
    if (strcmp(folder, "reference") == 0) {
        rc = reference(pitfalls, report->summary, ret_error);
    } else if (strcmp(folder, "aa") == 0 && report->method) {
        rc = one_run(pitfalls, folder, report);
        if (rc == EVD_OK)
            rc = one_after_the_other(pitfalls, folder, report);
    } else if (strcmp(folder, "layouts") == 0) {
        rc = one_layout(pitfalls, report->summary);
    } else if (strcmp(folder, "halted") == 0) {
        rc = lg_pitfalls_halted(pitfalls, report->summary, &pitfalls->halted, ret_error);
    }
    if (rc == EVD_ERR_NO_MEMORY)
        evd_error_set(ret_error, rc, "no memory for the page of pitfalls");
    return rc;
}

/* ---- Latency from the time of sending. ---- */

static double slow_ones(const cJSON *latency)
{
    const cJSON *bucket;
    double count = 0;
    cJSON_ArrayForEach(bucket, cJSON_GetObjectItemCaseSensitive(latency, "histogram"))
    {
        if (cJSON_GetNumberValue(cJSON_GetArrayItem(bucket, 0)) >= SLOW_NS)
            count += cJSON_GetNumberValue(cJSON_GetArrayItem(bucket, 1));
    }
    return count;
}

static struct lg_table *sending_table(const cJSON *service, const cJSON *response)
{
    static const char *const heads[] = {"", "From the send (service)",
                                        "From when it was due (response)"};
    static const char *const rows[][2] = {
        {"p50", "p50"}, {"p90", "p90"}, {"p99", "p99"}, {"p99.9", "p99_9"}, {"mean", "mean"}};
    struct lg_table *table = lg_tables_new("Latencies of the same requests.", 3, heads);
    for (size_t i = 0; table && i < sizeof(rows) / sizeof(*rows); i++) {
        struct lg_table_cell *row = table->cells[table->rows++];
        char text[LG_PRINT_MAX];
        lg_tables_put(&row[0], LG_TONE_PLAIN, rows[i][0], "");
        lg_tables_put(&row[1], LG_TONE_NUMBER,
                      lg_print_value(lg_json_number(service, rows[i][1]), LG_UNIT_TIME, text), "");
        lg_tables_put(&row[2], LG_TONE_NUMBER,
                      lg_print_value(lg_json_number(response, rows[i][1]), LG_UNIT_TIME, text), "");
    }
    return table;
}

int lg_pitfalls_truth(struct lg_pitfalls *pitfalls, const char *folder, const cJSON *root,
                      struct evd_error *ret_error)
{
    const cJSON *truth, *run = NULL;
    char text[7][LG_PRINT_MAX];
    if (strcmp(folder, "truth") != 0)
        return EVD_OK;
    cJSON_ArrayForEach(truth, cJSON_GetObjectItemCaseSensitive(root, "truths"))
    {
        if (strcmp(lg_json_string(truth, "name", ""), "a") == 0)
            run = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(truth, "runs"), 0);
    }
    const cJSON *latencies = cJSON_GetObjectItemCaseSensitive(run, "latency_ns");
    const cJSON *service = cJSON_GetObjectItemCaseSensitive(latencies, "service");
    const cJSON *response = cJSON_GetObjectItemCaseSensitive(latencies, "response");
    const cJSON *config = cJSON_GetObjectItemCaseSensitive(run, "config");
    if (!cJSON_IsObject(service) || !cJSON_IsObject(response))
        return EVD_OK;
    lg_pitfalls_say(
        pitfalls->found[LG_PITFALL_SENDING],
        "`%s`, truth *a*: a server that stands still once, asked %s times a second over %.0f "
        "connections for %s. "
        "Counted from the send, %s of %s requests took 100 ms or longer, and the p99 is %s; from "
        "when they were due, %s, and the p99 is %s.",
        folder, lg_print_count(lg_json_number(config, "rate"), text[0]),
        lg_json_number(config, "connections"),
        lg_print_value(lg_json_number(config, "duration_ns"), LG_UNIT_TIME, text[1]),
        lg_print_count(slow_ones(service), text[2]),
        lg_print_count(lg_json_number(service, "count"), text[3]),
        lg_print_value(lg_json_number(service, "p99"), LG_UNIT_TIME, text[4]),
        lg_print_count(slow_ones(response), text[5]),
        lg_print_value(lg_json_number(response, "p99"), LG_UNIT_TIME, text[6]));
    pitfalls->tables[LG_PITFALL_SENDING] = sending_table(service, response);
    if (!pitfalls->tables[LG_PITFALL_SENDING])
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "no memory for the page of pitfalls");
    return EVD_OK;
}

/* ---- The page. ---- */

/* What people do, and, with links, what is done here instead. */
static const struct telling {
    const char *title, *done, *instead;
} tellings[LG_PITFALLS] = {
    [LG_PITFALL_ONE_RUN] =
        {"One run of each", "Both variants are measured once, and the difference is reported.",
         "The trial is the unit: blocks of both, an interval that leaves 1 out, and a p "
         "([A study](../docs/MEASURING.md#a-study), [report](aa/report.md))."},
    [LG_PITFALL_TURNS] =
        {"First all of A, then all of B",
         "Many runs of the old, then many of the new. What drifts meanwhile falls on one of them, "
         "and more runs need not take it out.",
         "Arms stand next to each other in each block, in random order, and are compared within "
         "it ([Order](../loadgen/studies/README.md#order))."},
    [LG_PITFALL_CALLS] =
        {"Calls counted as if they were independent",
         "Two runs, thousands of latencies of each, and a test on these. The calls of a run share "
         "their process, its memory and its minute: they are one sample of what differs between "
         "runs.",
         "One figure of each trial enters the test, paired by block, and never a call "
         "([Statistics](../loadgen/studies/README.md#statistics))."},
    [LG_PITFALL_PERCENTILES] =
        {"Percentiles averaged",
         "The p99 of a number of runs is reported as the mean of their p99.",
         "Ratios are taken block by block and ranked, so that one bad trial is one of many; "
         "percentiles of an arm are of its histograms, counts added up ([A "
         "study](../docs/MEASURING.md#a-study), [Latency](../docs/MEASURING.md#latency))."},
    [LG_PITFALL_SENDING] =
        {"Latency from the time of sending",
         "The clock starts when a request goes out. While the server stands still, requests that "
         "were due are not sent, and their wait is in no figure (coordinated omission).",
         "Response counts from when a request was due; service is shown beside it, to tell who is "
         "to blame ([Latency](../docs/MEASURING.md#latency))."},
    [LG_PITFALL_CLOSED] =
        {"Latency read off a full closed loop",
         "Load is made by a fixed number of calls in flight, and their latency is reported beside "
         "the throughput. The slower the server, the less it is asked; and by Little's law the "
         "mean latency is the calls in flight over the throughput: the same figure twice.",
         "Latencies are those of an open loop, where all arms are asked the same at the same times "
         "([Open loop and closed loop](../docs/MEASURING.md#open-loop-and-closed-loop))."},
    [LG_PITFALL_FULL] =
        {"A generator as full as the server",
         "Throughput is taken for the server's, with a load generator that has no CPU to spare. "
         "Then it is that of the pair: differences between servers shrink, or appear where their "
         "calls cost the same.",
         "The run notes it, an open loop is INVALID then, and the answer of a report rests on the "
         "server's CPU per call ([INVALID](../docs/MEASURING.md#invalid), "
         "[What runs on what](../docs/MEASURING.md#what-runs-on-what))."},
    [LG_PITFALL_LAYOUT] =
        {"One layout of the code",
         "One build of each. Where the linker puts a function decides how it meets caches and "
         "branch predictors; that is measured along with the change.",
         "The blocks of a study run layouts in turn, so that this is in the interval "
         "([A study](../docs/MEASURING.md#a-study), [report](layouts/report.md))."},
    [LG_PITFALL_HALTED] =
        {"CPUs that go to sleep",
         "At a low rate CPUs are idle between two calls, and halted. How long they take to wake, "
         "on a virtual machine as long as the host pleases, is charged to whoever waited.",
         "A process of the class SCHED_IDLE keeps them awake (`keep_awake`, "
         "[Keys](../loadgen/studies/README.md#keys)), and a generator that woke late says INVALID "
         "([report](halted/report.md))."},
};

bool lg_pitfalls_any(const struct lg_pitfalls *pitfalls)
{
    for (size_t i = 0; i < LG_PITFALLS; i++)
        if (pitfalls->found[i][0])
            return true;
    return false;
}

void lg_pitfalls_write(const struct lg_pitfalls *pitfalls, struct lg_doc *doc)
{
    fputs("# Pitfalls\n\n<!-- Made by `./evdispatch report --results` from the raw data beside it: "
          "what is written here by hand is lost. -->\n\n"
          "Usual mistakes, and what each would have said here. Every figure is computed from the "
          "raw data in the folder it names; a pitfall whose folder is not there is left out.\n",
          doc->out);
    for (size_t i = 0; i < LG_PITFALLS; i++) {
        const struct telling *telling = &tellings[i];
        if (!pitfalls->found[i][0])
            continue;
        doc->format->heading(doc, 2, telling->title);
        lg_doc_paragraph(doc, "**What is done.** %s", telling->done);
        lg_doc_paragraph(doc, "**Here.** %s", pitfalls->found[i]);
        if (pitfalls->tables[i])
            doc->format->table(doc, pitfalls->tables[i]);
        /* With links, which a paragraph has none of. */
        fprintf(doc->out, "\n**Instead.** %s\n", telling->instead);
    }
}

void lg_pitfalls_release(struct lg_pitfalls *pitfalls)
{
    for (size_t i = 0; i < LG_PITFALLS; i++)
        free(pitfalls->tables[i]);
    *pitfalls = (struct lg_pitfalls){0};
}
