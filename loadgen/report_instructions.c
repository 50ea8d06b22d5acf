/* What needs no clock: the instructions of a dispatch, beside the times of a study. */
#include "report_bench.h"
#include "report_format.h"
#include "report_parts.h"
#include "study_layout.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The counts call "dynamic-call" what designs call "dynamic/call". */
static double instructions_of(const struct lg_report *report, size_t arm)
{
    char name[LG_NAME_MAX + 1];
    if (!report->counts)
        return NAN;
    snprintf(name, sizeof(name), "%s", report->data->design.arms[arm].name);
    for (char *c = name; *c; c++)
        *c = *c == '/' ? '-' : *c;
    return lg_bench_instructions(report->counts, name);
}

/* The verdict that the count of an arm's instructions speaks for; UNRESOLVED: none. */
static enum lg_verdict count_says(const struct lg_report *report, size_t arm)
{
    double ratio =
        instructions_of(report, arm) / instructions_of(report, report->data->design.reference);
    return ratio > 1 + LG_EQUIVALENCE_MARGIN   ? LG_WORSE
           : ratio < 1 - LG_EQUIVALENCE_MARGIN ? LG_BETTER
                                               : LG_UNRESOLVED;
}

bool lg_instructions_oppose(const struct lg_report *report, size_t arm, enum lg_metric metric)
{
    const struct lg_design *design = &report->data->design;
    enum lg_verdict count = count_says(report, arm);
    enum lg_verdict opposite = count == LG_WORSE ? LG_BETTER : LG_WORSE;
    size_t load = lg_main_load(report->summary);
    bool opposed = false;
    for (size_t i = 0; count != LG_UNRESOLVED && i < design->scenario_count; i++)
        opposed |= lg_summary_comparable(report->summary, i, load, arm, metric) &&
                   lg_summary_cell(report->summary, i, load, arm)->verdicts[metric] == opposite;
    return opposed;
}

void lg_instructions_put(const struct lg_report *report, size_t arm, FILE *out)
{
    const struct lg_design *design = &report->data->design;
    char a[LG_PRINT_MAX], b[LG_PRINT_MAX];
    fprintf(out,
            "though a %s takes %s instructions (%s for %s of `%s`): %s, not what is done, may be "
            "why",
            *report->counts->counted_scenario ? "call" : "dispatch",
            count_says(report, arm) == LG_WORSE ? "more" : "fewer",
            lg_print_count(round(instructions_of(report, arm)), a),
            lg_print_count(round(instructions_of(report, design->reference)), b),
            design->arms[design->reference].name,
            lg_layouts_used(design) > 1
                ? "where data lie, or how the CPU overlaps the work (code lies elsewhere in each "
                  "block)"
                : "where code and data lie");
}

void lg_instructions_meaning(const struct lg_report *report, struct lg_doc *doc)
{
    const struct lg_design *design = &report->data->design;
    for (size_t arm = 0; arm < design->arm_count; arm++) {
        char text[LG_TABLE_TEXT] = "";
        FILE *out = arm != design->reference && !design->arms[arm].twin_of &&
                            lg_instructions_oppose(report, arm, LG_CPU)
                        ? fmemopen(text, sizeof(text), "w")
                        : NULL;
        if (!out)
            continue;
        lg_instructions_put(report, arm, out);
        fclose(out);
        lg_doc_item(doc, LG_TONE_PLAIN, "**Instructions**: `%s` takes %s CPU, %s.",
                    design->arms[arm].name, count_says(report, arm) == LG_WORSE ? "less" : "more",
                    text);
    }
}

static void put_arm(const struct lg_report *report, size_t arm, double of_reference,
                    struct lg_table_cell *row)
{
    const struct lg_design *design = &report->data->design;
    double count = instructions_of(report, arm);
    char text[LG_PRINT_MAX], name[LG_NAME_MAX + 3];
    snprintf(name, sizeof(name), "`%s`", design->arms[arm].name);
    lg_tables_put(&row[0], LG_TONE_PLAIN, name, "");
    lg_tables_put(&row[1], LG_TONE_NUMBER, lg_print_count(round(count), text), "");
    if (arm == design->reference)
        lg_tables_put(&row[2], LG_TONE_NUMBER, "1", "");
    else
        lg_tables_put(&row[2], LG_TONE_NUMBER,
                      isfinite(of_reference)
                          ? lg_print_value(count / of_reference, LG_UNIT_RATIO, text)
                          : "-",
                      "");
}

/* What one of the counted calls is, in words. */
static void say_counted(const struct lg_bench_data *counts, char *out, size_t cap)
{
    char name[64], calls[LG_PRINT_MAX], deck[LG_PRINT_MAX], which[200];
    lg_doc_plain(counts->counted_scenario, name, sizeof(name));
    if (!*counts->counted_scenario)
        snprintf(out, cap,
                 "dispatch in user space: an event is looked up and its handler, which answers "
                 "with a constant, is called; nothing of connections or of the kernel");
    else if (counts->counted_calls < counts->counted_deck)
        snprintf(which, sizeof(which), "the mean of %s calls drawn from its %s",
                 lg_print_count(counts->counted_calls, calls),
                 lg_print_count(counts->counted_deck, deck));
    else if (counts->counted_requests > 1)
        snprintf(which, sizeof(which),
                 "the mean of its %s requests, each as often as its weight says",
                 lg_print_count(counts->counted_requests, calls));
    else
        snprintf(which, sizeof(which), "its one request");
    if (*counts->counted_scenario)
        snprintf(out, cap,
                 "call in user space: the event is looked up, and its handler is called and "
                 "answers, as the scenario `%s` has it (%s); nothing of connections, of the wire "
                 "or of the kernel",
                 name, which);
}

void lg_instructions_section(const struct lg_report *report, struct lg_doc *doc)
{
    static const char *const heads[] = {"Arm", "Instructions", "Ratio to reference"};
    const struct lg_design *design = &report->data->design;
    double of_reference = instructions_of(report, design->reference);
    if (!report->counts)
        return;
    char caption[900], counted[480], valgrind[64], compiler[112];
    say_counted(report->counts, counted, sizeof(counted));
    snprintf(caption, sizeof(caption),
             "Instructions of one %s. Counted (callgrind of %s, code by %s), not timed: the "
             "machine's noise is not in it, so there is no interval.",
             counted, lg_doc_plain(report->counts->valgrind, valgrind, sizeof(valgrind)),
             lg_doc_plain(report->counts->compiler, compiler, sizeof(compiler)));
    struct lg_table *table = lg_tables_new(caption, 3, heads);
    if (!table)
        return;
    for (size_t arm = 0; arm < design->arm_count; arm++)
        if (isfinite(instructions_of(report, arm)) && table->rows < LG_TABLE_ROWS)
            put_arm(report, arm, of_reference, table->cells[table->rows++]);
    if (table->rows > 0) {
        doc->format->heading(doc, 2, "Instructions");
        doc->format->table(doc, table);
    }
    free(table);
}
