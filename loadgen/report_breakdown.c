/* Where the time of a call went, and how calls ended. */
#include "plot_charts.h"
#include "report_format.h"
#include "report_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Means over the calls of an arm's trials that count; NaN: some trial has not recorded it. */
struct means {
    double response, lateness, service, woke_late, no_free_slot, wire;
};

static struct means means_of(const struct lg_summary *summary, size_t scenario, size_t load,
                             size_t arm)
{
    const struct lg_data *data = summary->data;
    struct means sums = {0};
    double calls = 0;
    for (size_t i = 0; i < data->count; i++) {
        const struct lg_trial *trial = &data->trials[i];
        const struct lg_detail *detail = &trial->detail;
        if (trial->scenario != scenario || trial->load != load || trial->arm != arm ||
            !lg_summary_counts(summary, trial) || !(trial->samples > 0))
            continue;
        calls += trial->samples;
        sums.response += trial->samples * detail->response;
        sums.lateness += trial->samples * detail->lateness;
        sums.service += trial->samples * detail->service;
        sums.woke_late += trial->samples * detail->woke_late;
        sums.no_free_slot += trial->samples * detail->no_free_slot;
        sums.wire += trial->samples * detail->wire;
    }
    if (!(calls > 0))
        calls = NAN;
    return (struct means){sums.response / calls,  sums.lateness / calls,     sums.service / calls,
                          sums.woke_late / calls, sums.no_free_slot / calls, sums.wire / calls};
}

/* The parts that all arms have recorded: lateness whole or split, service whole or split. */
struct parts {
    const char *names[LG_CHART_PARTS_MAX];
    size_t count;
    bool late_split, wire;
};

static struct parts parts_of(const struct means *means, size_t count)
{
    struct parts parts = {.late_split = true, .wire = true};
    for (size_t i = 0; i < count; i++) {
        parts.late_split = parts.late_split && isfinite(means[i].woke_late + means[i].no_free_slot);
        parts.wire = parts.wire && isfinite(means[i].wire);
    }
    if (parts.late_split) {
        parts.names[parts.count++] = "woke late";
        parts.names[parts.count++] = "no free slot";
    } else {
        parts.names[parts.count++] = "lateness";
    }
    if (parts.wire) {
        parts.names[parts.count++] = "client";
        parts.names[parts.count++] = "wire + server";
    } else {
        parts.names[parts.count++] = "service";
    }
    return parts;
}

static void fill_stack(const struct parts *parts, const struct means *means, const char *name,
                       struct lg_chart_stack *row)
{
    char value[LG_PRINT_MAX];
    size_t at = 0;
    snprintf(row->label, sizeof(row->label), "%s", name);
    if (parts->late_split) {
        row->parts[at++] = means->woke_late / 1e3;
        row->parts[at++] = means->no_free_slot / 1e3;
    } else {
        row->parts[at++] = means->lateness / 1e3;
    }
    if (parts->wire) {
        double wire = fmin(means->wire, means->service);
        row->parts[at++] = (means->service - wire) / 1e3;
        row->parts[at++] = wire / 1e3;
    } else {
        row->parts[at++] = means->service / 1e3;
    }
    snprintf(row->text, sizeof(row->text), "%s",
             lg_print_value(means->lateness + means->service, LG_UNIT_US, value));
}

static int draw(struct lg_report *report, size_t scenario, size_t load, const struct parts *parts,
                const struct lg_chart_stack *rows, size_t count, struct evd_error *error)
{
    const struct lg_design *design = &report->data->design;
    struct lg_report_figure *figure = lg_figure_slot(report, scenario, load, LG_FIGURE_PARTS);
    struct lg_script script;
    int rc = lg_script_open(&script, error);
    if (rc != EVD_OK)
        return rc;
    lg_chart_stacks(script.out, rows, count, parts->names, parts->count, "mean latency, µs");
    figure->data = lg_figure_stacks(rows, count, parts->names, parts->count);
    snprintf(figure->title, sizeof(figure->title),
             "Where the mean latency of each arm went, scenario %s, load %s",
             design->scenarios[scenario], design->loads[load].name);
    snprintf(
        figure->caption, sizeof(figure->caption),
        "Where the time went on `%s`, load %s: the mean latency of a call from when it was "
        "due, part by part (means add up, percentiles do not). %s is before it was sent%s; "
        "%s.",
        design->scenarios[scenario], design->loads[load].name,
        parts->late_split ? "*Woke late* and *no free slot*" : "*Lateness*",
        parts->late_split ? ": the first is the load generator's, the second the server's or "
                            "of too few connections"
                          : " (its parts are not recorded)",
        parts->wire
            ? "*wire + server* is from one kernel's stamp to the other's, *client* the rest of the "
              "service: its sending, and its reading late"
            : "*service* is from sending to the answer (kernel stamps are not recorded)");
    for (char *c = figure->caption; *c; c++) /* one asterisk is no mark-up of a report */
        if (*c == '*')
            *c = '\'';
    return lg_figure_finish_load(report, &script, figure, scenario, load, "parts", error);
}

int lg_breakdown_make(struct lg_report *report, size_t scenario, size_t load,
                      struct evd_error *ret_error)
{
    const struct lg_design *design = &report->data->design;
    struct lg_chart_stack rows[LG_ARMS_MAX] = {0};
    struct means means[LG_ARMS_MAX];
    size_t arms[LG_ARMS_MAX], count = 0;
    for (size_t arm = 0; arm < design->arm_count; arm++) {
        means[count] = means_of(report->summary, scenario, load, arm);
        arms[count] = arm;
        count += isfinite(means[count].lateness + means[count].service) ? 1 : 0;
    }
    if (count == 0)
        return EVD_OK;
    struct parts parts = parts_of(means, count);
    for (size_t i = 0; i < count; i++)
        fill_stack(&parts, &means[i], design->arms[arms[i]].name, &rows[i]);
    return draw(report, scenario, load, &parts, rows, count, ret_error);
}

/* All calls of all trials of an arm. */
static void sum_outcomes(const struct lg_data *data, size_t arm, double sums[LG_OUTCOMES],
                         double *ret_scheduled)
{
    for (size_t i = 0; i < data->count; i++) {
        const struct lg_trial *trial = &data->trials[i];
        if (trial->arm != arm || !(trial->scheduled >= 0))
            continue;
        *ret_scheduled += trial->scheduled;
        for (size_t k = 0; k < LG_OUTCOMES; k++)
            sums[k] += isfinite(trial->detail.outcomes[k]) ? trial->detail.outcomes[k] : 0;
    }
}

static void put_count(double count, bool wrong, struct lg_table_cell *out)
{
    char text[LG_PRINT_MAX];
    lg_tables_put(out, wrong && count > 0 ? LG_TONE_BAD : LG_TONE_NUMBER,
                  lg_print_count(count, text), "");
}

void lg_errors_write(const struct lg_data *data, struct lg_doc *doc)
{
    static const char *const heads[] = {"Arm",     "Scheduled",        "OK",
                                        "Bad",     "Timeout",          "Reset or closed",
                                        "Refused", "Unsent, in flight"};
    const struct lg_design *design = &data->design;
    struct lg_table *table = lg_tables_new(
        "How the calls of each arm ended, over all its trials, INVALID ones included: each that "
        "was scheduled ends as exactly one of these. In flight are those that were sent, and not "
        "answered when its time was over.",
        8, heads);
    doc->format->heading(doc, 2, "Errors");
    for (size_t arm = 0; table && arm < design->arm_count; arm++) {
        struct lg_table_cell *row = table->cells[table->rows++];
        double sums[LG_OUTCOMES] = {0}, scheduled = 0;
        char name[LG_NAME_MAX + 3];
        sum_outcomes(data, arm, sums, &scheduled);
        snprintf(name, sizeof(name), "`%s`", design->arms[arm].name);
        lg_tables_put(&row[0], LG_TONE_PLAIN, name, "");
        put_count(scheduled, false, &row[1]);
        put_count(sums[LG_OK], false, &row[2]);
        put_count(sums[LG_BAD], true, &row[3]);
        put_count(sums[LG_TIMEOUT], true, &row[4]);
        put_count(sums[LG_RESET] + sums[LG_EOF], true, &row[5]);
        put_count(sums[LG_REFUSED], true, &row[6]);
        put_count(sums[LG_UNSENT] + sums[LG_IN_FLIGHT], false, &row[7]);
    }
    if (table)
        doc->format->table(doc, table);
    free(table);
}
