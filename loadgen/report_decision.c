/* "Choose this when": a line for each arm. Whatever is said of costs follows from verdicts and
 * intervals; what a way of dispatch buys follows from its options, and no measurement changes it.
 */
#include "report_breakeven.h"
#include "report_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = LG_TABLE_TEXT };

/* The value of an option of the server, in either of its forms; `usual` where it is not given. */
static const char *option_of(const struct lg_arm *arm, const char *name, const char *usual)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < arm->server.count; i++) {
        const char *item = arm->server.items[i];
        if (strncmp(item, name, len) != 0)
            continue;
        if (item[len] == '=')
            return item + len + 1;
        if (item[len] == '\0' && i + 1 < arm->server.count)
            return arm->server.items[i + 1];
    }
    return usual;
}

static const char *what_it_buys(const struct lg_arm *arm)
{
    const char *way = option_of(arm, "--dispatch", "static");
    if (strcmp(way, "dynamic") == 0)
        return strcmp(option_of(arm, "--dynamic-load", "cached"), "call") == 0
                   ? "what is on the disk at each call, evaluated anew"
                   : "modules added or changed without relinking or a restart";
    return strcmp(way, "instance") == 0 ? "private state for each call"
                                        : "links checked when it is built, and one file to deploy";
}

struct about {
    const struct lg_report *report;
    const struct lg_summary *summary;
    size_t load, arm;
    enum lg_metric metric;
};

static const struct lg_cell *cell_at(const struct about *about, size_t scenario)
{
    return lg_summary_cell(about->summary, scenario, about->load, about->arm);
}

static const char *scenario_name(const struct about *about, size_t scenario)
{
    return about->summary->data->design.scenarios[scenario];
}

static size_t scenarios(const struct about *about)
{
    return about->summary->data->design.scenario_count;
}

/* The scenario where an arm's handlers must run longest for a share; NaN: not known anywhere. */
static double longest_handler(const struct about *about, double share, size_t *ret_scenario)
{
    double longest = NAN;
    for (size_t i = 0; i < scenarios(about); i++) {
        struct lg_interval handler =
            lg_breakeven(about->summary, i, about->load, about->arm, LG_BREAKEVEN_CALL, share);
        if (!handler.bounded || handler.estimate <= longest)
            continue;
        longest = handler.estimate;
        *ret_scenario = i;
    }
    return longest;
}

/* Where it takes the fewest calls a second at all; what too few trials tell forbids nothing. */
static double fewest_calls(const struct about *about, size_t *ret_scenario)
{
    double fewest = NAN;
    for (size_t i = 0; i < scenarios(about); i++) {
        const struct lg_interval *rate = &cell_at(about, i)->values[LG_RATE];
        if (!rate->bounded || !(rate->estimate > 0) || rate->estimate >= fewest)
            continue;
        fewest = rate->estimate;
        *ret_scenario = i;
    }
    return fewest;
}

static void put_worse(const struct about *about, const char *buys, FILE *out)
{
    char handler[LG_PRINT_MAX], less[LG_PRINT_MAX], rate[LG_PRINT_MAX];
    size_t slow = 0, slower = 0, few = 0;
    double five = longest_handler(about, 0.05, &slow), one = longest_handler(about, 0.01, &slower),
           calls = fewest_calls(about, &few);
    fprintf(out, "you want %s", buys);
    if (about->metric == LG_P50) {
        fputs(", and slower answers do not matter", out);
    } else if (five > 0) {
        fprintf(out,
                ", and a handler runs %s longer than that of `%s`: then it costs 5 %% of a call "
                "(1 %% at %s",
                lg_print_value(five, LG_UNIT_TIME, handler), scenario_name(about, slow),
                lg_print_value(one, LG_UNIT_TIME, less));
        if (slower != slow)
            fprintf(out, " more than that of `%s`", scenario_name(about, slower));
        fputs(")", out);
    } else if (isfinite(five)) {
        fputs("; it costs less than 5 % of a call whatever the handler does", out);
    }
    if (about->metric != LG_P50 && calls > 0)
        fprintf(out, ". Not where a core must take more than %s on `%s`: it cannot",
                lg_print_value(calls, LG_UNIT_RATE, rate), scenario_name(about, few));
}

/* What a way of dispatch costs more is much the same whatever the call does: the scenario with the
 * least noise bounds it best. */
static void put_unresolved(const struct about *about, const char *buys, FILE *out)
{
    char extra[LG_PRINT_MAX];
    double most = NAN;
    size_t where = 0;
    for (size_t i = 0; i < scenarios(about); i++) {
        const struct lg_interval *cpu = &cell_at(about, i)->extra_cpu;
        if (!cpu->bounded || cpu->high >= most)
            continue;
        most = cpu->high;
        where = i;
    }
    fprintf(out, "you want %s: no difference is shown", buys);
    if (about->metric != LG_P50 && most > 0)
        fprintf(out, ", and on `%s` it costs at most %s of CPU a call more",
                scenario_name(about, where), lg_print_value(most, LG_UNIT_TIME, extra));
    else if (about->metric != LG_P50 && isfinite(most))
        fprintf(out, ", and on `%s` it costs no more CPU", scenario_name(about, where));
}

/* "5.0 % faster on `services`" of the scenarios with this verdict. */
static void put_where(const struct about *about, enum lg_verdict verdict, FILE *out)
{
    const char *above = lg_verdict_word(lg_verdict_above(about->metric), about->metric);
    const char *below = lg_verdict_word(lg_verdict_below(about->metric), about->metric);
    const char *between = "";
    for (size_t i = 0; i < scenarios(about); i++) {
        const struct lg_cell *cell = cell_at(about, i);
        char change[LG_PRINT_MAX];
        if (!cell->ratios[about->metric].bounded || cell->verdicts[about->metric] != verdict)
            continue;
        fprintf(out, "%s%s on `%s`", between,
                lg_print_change(cell->ratios[about->metric].estimate, above, below, change),
                scenario_name(about, i));
        between = ", ";
    }
}

static const char *better_word(const struct about *about)
{
    return lg_verdict_word(LG_BETTER, about->metric);
}

/* What an arm that is better by the metric gives. */
static const char *goal(const struct about *about)
{
    return about->metric == LG_CPU ? "cheap calls" : "speed";
}

/* Whether the arm is better somewhere by more than what counts as equivalent: what is only not
 * nothing is told, and is no reason to choose. */
static bool is_reason(const struct about *about, size_t arm)
{
    bool reason = false;
    for (size_t i = 0; i < scenarios(about) && !reason; i++) {
        const struct lg_cell *cell = lg_summary_cell(about->summary, i, about->load, arm);
        const struct lg_interval *ratio = &cell->ratios[about->metric];
        reason =
            ratio->bounded && cell->verdicts[about->metric] == LG_BETTER &&
            (ratio->low > 1 + LG_EQUIVALENCE_MARGIN || ratio->high < 1 - LG_EQUIVALENCE_MARGIN);
    }
    return reason;
}

/* Of an arm that is better: in few words, what lg_instructions_put() says in many. */
static const char *though(const struct about *about, size_t arm)
{
    return lg_instructions_oppose(about->report, arm, about->metric)
               ? " (though it takes more instructions)"
               : "";
}

static void put_better(const struct about *about, const char *buys, FILE *out)
{
    bool reason = is_reason(about, about->arm);
    fprintf(out, reason ? "you want %s, or %s: " : "you want %s: it is ", buys, goal(about));
    put_where(about, LG_BETTER, out);
    if (!reason)
        fprintf(out, "%s, not shown to be so by more than 2 %%", though(about, about->arm));
}

static void put_reference(const struct about *about, const char *buys, FILE *out)
{
    const struct lg_design *design = &about->summary->data->design;
    unsigned better = 0, compared = 0;
    fprintf(out, "you want %s", buys);
    for (size_t arm = 0; arm < design->arm_count; arm++) {
        if (arm == design->reference || design->arms[arm].twin_of)
            continue;
        enum lg_finding finding = lg_findings_of(about->summary, about->load, about->metric, arm);
        compared += finding != LG_FINDING_UNKNOWN;
        if ((finding != LG_FINDING_BETTER && finding != LG_FINDING_MIXED) || !is_reason(about, arm))
            continue;
        if (better == 0)
            fprintf(out, " more than %s: %s is ", goal(about), better_word(about));
        fprintf(out, "%s`%s`%s", better ? ", " : "", design->arms[arm].name,
                finding == LG_FINDING_BETTER ? though(about, arm) : "");
        better++;
    }
    if (better == 0 && compared > 0)
        fprintf(out, "; no other arm is shown to be %s by more than 2 %%", better_word(about));
}

static void put_when(const struct about *about, FILE *out)
{
    const struct lg_design *design = &about->summary->data->design;
    const char *buys = what_it_buys(&design->arms[about->arm]);
    if (about->arm == design->reference) {
        put_reference(about, buys, out);
        return;
    }
    enum lg_finding finding =
        lg_findings_of(about->summary, about->load, about->metric, about->arm);
    switch (finding) {
    case LG_FINDING_WORSE:
        put_worse(about, buys, out);
        break;
    case LG_FINDING_BETTER:
        put_better(about, buys, out);
        break;
    case LG_FINDING_MIXED:
        fprintf(out, "you want %s, and your calls are like those where it is %s: ", buys,
                better_word(about));
        put_where(about, LG_BETTER, out);
        fputs("; but ", out);
        put_where(about, LG_WORSE, out);
        break;
    case LG_FINDING_EQUIVALENT:
        fprintf(out,
                about->metric == LG_CPU
                    ? "you want %s: a call costs what it does with `%s`, within 2 %%"
                    : "you want %s: it is as fast as `%s`, within 2 %%",
                buys, design->arms[design->reference].name);
        break;
    case LG_FINDING_UNRESOLVED:
        put_unresolved(about, buys, out);
        break;
    case LG_FINDING_UNKNOWN:
        fputs("this study cannot say: too few of its trials can be trusted", out);
        break;
    }
    bool brief = finding == LG_FINDING_BETTER && !is_reason(about, about->arm);
    if (!brief && lg_instructions_oppose(about->report, about->arm, about->metric)) {
        fputs("; ", out);
        lg_instructions_put(about->report, about->arm, out);
    }
}

/* "× 0.954 [0.862, 1.031] on `services`; ... Figures 1, 3": what the line rests on. */
static void put_figures(const struct about *about, FILE *out)
{
    const struct lg_design *design = &about->summary->data->design;
    static const size_t which[] = {LG_FIGURE_MAIN, LG_FIGURE_SECOND, LG_FIGURE_BREAKEVEN};
    const char *between = " Figures ";
    bool reference = about->arm == design->reference;
    for (size_t i = 0; i < scenarios(about); i++) {
        const struct lg_cell *cell = cell_at(about, i);
        const struct lg_interval *value =
            reference ? &cell->values[about->metric] : &cell->ratios[about->metric];
        enum lg_unit unit = !reference                 ? LG_UNIT_RATIO
                            : about->metric == LG_RATE ? LG_UNIT_RATE
                                                       : LG_UNIT_US;
        char number[LG_PRINT_MAX], bounds[LG_PRINT_MAX];
        if (isfinite(value->estimate))
            fprintf(out, "%s%s%s %s on `%s`.", i > 0 ? " " : "", reference ? "" : "×\u00a0",
                    lg_print_value(value->estimate, unit, number),
                    value->bounded ? lg_print_bounds(value, unit, bounds) : "without an interval",
                    scenario_name(about, i));
    }
    for (size_t i = 0; i < scenarios(about) * 3; i++) {
        const struct lg_report_figure *figure =
            lg_figure_slot(about->report, i / 3, about->load, which[i % 3]);
        if (figure->number == 0)
            continue;
        fprintf(out, "%s%u", between, figure->number);
        between = ", ";
    }
}

static void put_text(void put(const struct about *, FILE *), const struct about *about,
                     struct lg_table_cell *cell)
{
    char text[TEXT_MAX] = "";
    FILE *out = fmemopen(text, sizeof(text), "w");
    if (out) {
        put(about, out);
        fclose(out);
    }
    text[sizeof(text) - 1] = '\0';
    lg_tables_put(cell, LG_TONE_PLAIN, text, "");
}

void lg_decision_write(const struct lg_report *report, struct lg_doc *doc)
{
    static const char *const heads[] = {"Choose", "When", "By these figures"};
    const struct lg_design *design = &report->data->design;
    size_t load = lg_main_load(report->summary);
    struct about about = {.report = report,
                          .summary = report->summary,
                          .load = load,
                          .metric = report->summary->answers[load]};
    char caption[400];
    snprintf(caption, sizeof(caption),
             "When to choose which arm. The figures are %s as a ratio to `%s` (of `%s` itself: as "
             "it is), with 95 %% intervals.",
             about.metric == LG_RATE  ? "calls per second"
             : about.metric == LG_CPU ? "the server's CPU per call"
                                      : "the median latency",
             design->arms[design->reference].name, design->arms[design->reference].name);
    struct lg_table *table = lg_tables_new(caption, 3, heads);
    if (!table)
        return;
    table->sentences = true;
    for (about.arm = 0; about.arm < design->arm_count; about.arm++) {
        struct lg_table_cell *row = table->cells[table->rows];
        char name[LG_NAME_MAX + 3];
        if (design->arms[about.arm].twin_of)
            continue;
        table->rows++;
        snprintf(name, sizeof(name), "`%s`", design->arms[about.arm].name);
        lg_tables_put(&row[0], LG_TONE_PLAIN, name, "");
        put_text(put_when, &about, &row[1]);
        put_text(put_figures, &about, &row[2]);
    }
    doc->format->heading(doc, 2, "Which to choose");
    doc->format->table(doc, table);
    free(table);
}
