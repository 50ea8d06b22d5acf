#include "report_breakeven.h"

#include "report_parts.h"
#include "stats_rank.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static enum lg_metric metric_of(enum lg_breakeven_of what)
{
    return what == LG_BREAKEVEN_CALL ? LG_CPU : what == LG_BREAKEVEN_RATE ? LG_RATE : LG_P99;
}

/* Of one block, ns: the arm takes a, the reference r. */
static double solve(enum lg_breakeven_of what, double a, double r, double share)
{
    if (what == LG_BREAKEVEN_RATE) {
        a = 1e9 / a;
        r = 1e9 / r;
        return ((1 - share) * a - r) / share;
    }
    return (a - r) / share - r;
}

struct lg_interval lg_breakeven_between(const struct lg_summary *summary, size_t scenario,
                                        size_t load, size_t arm, size_t other,
                                        enum lg_breakeven_of what, double share)
{
    size_t blocks = summary->data->design.blocks;
    struct lg_interval handler = {.estimate = NAN};
    double *x = calloc(blocks * 2, sizeof(*x));
    if (!x)
        return handler;
    lg_summary_column(summary, scenario, load, arm, metric_of(what), x);
    lg_summary_column(summary, scenario, load, other, metric_of(what), x + blocks);
    for (size_t i = 0; i < blocks; i++)
        x[i] = x[i] > 0 && x[blocks + i] > 0 ? solve(what, x[i], x[blocks + i], share) : NAN;
    handler = lg_shift_interval(x, blocks);
    free(x);
    if (!lg_summary_cell(summary, scenario, load, arm)->trusted ||
        !lg_summary_cell(summary, scenario, load, other)->trusted)
        handler.bounded = false;
    return handler;
}

struct lg_interval lg_breakeven(const struct lg_summary *summary, size_t scenario, size_t load,
                                size_t arm, enum lg_breakeven_of what, double share)
{
    return lg_breakeven_between(summary, scenario, load, arm, summary->data->design.reference, what,
                                share);
}

enum lg_breakeven_word lg_breakeven_judge(const struct lg_interval *handler,
                                          enum lg_verdict verdict)
{
    if (!handler->bounded)
        return LG_BREAKEVEN_UNKNOWN;
    if (handler->high <= 0)
        return LG_BREAKEVEN_ANY;
    return verdict == LG_WORSE && handler->estimate > 0 ? LG_BREAKEVEN_FROM : LG_BREAKEVEN_UP_TO;
}

size_t lg_first_open_load(const struct lg_summary *summary)
{
    for (size_t load = 0; load < summary->data->design.load_count; load++)
        if (lg_is_known(summary, load) && !lg_is_closed(summary, load))
            return load;
    return LG_LOADS_MAX;
}

/* ---- The table. ---- */

#define FEW   0.01
#define FEWER 0.05

void lg_breakeven_put(const struct lg_interval *handler, enum lg_verdict verdict,
                      struct lg_table_cell *out)
{
    char value[LG_PRINT_MAX], text[LG_PRINT_MAX + 16];
    switch (lg_breakeven_judge(handler, verdict)) {
    case LG_BREAKEVEN_UNKNOWN:
        lg_tables_put(out, LG_TONE_NUMBER, "not known", "");
        break;
    case LG_BREAKEVEN_ANY:
        lg_tables_put(out, LG_TONE_NUMBER, "any", "");
        break;
    case LG_BREAKEVEN_UP_TO:
        snprintf(text, sizeof(text), "0 to %s", lg_print_value(handler->high, LG_UNIT_TIME, value));
        lg_tables_put(out, LG_TONE_NUMBER, text, "no cost is shown");
        break;
    case LG_BREAKEVEN_FROM:
        lg_tables_put_interval(out, handler, LG_UNIT_TIME);
        break;
    }
}

static void put_row(const struct lg_summary *summary, size_t scenario, size_t load, size_t arm,
                    struct lg_table_cell *row)
{
    const struct lg_cell *cell = lg_summary_cell(summary, scenario, load, arm);
    size_t open = lg_first_open_load(summary), column = 1;
    char name[LG_NAME_MAX + 3];
    snprintf(name, sizeof(name), "`%s`", lg_arm_name(summary, arm));
    lg_tables_put(&row[0], LG_TONE_PLAIN, name, "");
    for (int what = LG_BREAKEVEN_CALL; what <= LG_BREAKEVEN_P99; what++) {
        size_t at = what == LG_BREAKEVEN_P99 ? open : load;
        if (at == LG_LOADS_MAX)
            continue;
        enum lg_metric metric = metric_of((enum lg_breakeven_of)what);
        enum lg_verdict verdict = lg_summary_cell(summary, scenario, at, arm)->verdicts[metric];
        for (int k = 0; k < 2; k++) {
            struct lg_interval handler = lg_breakeven(
                summary, scenario, at, arm, (enum lg_breakeven_of)what, k == 0 ? FEW : FEWER);
            lg_breakeven_put(&handler, verdict, &row[column++]);
        }
    }
    lg_tables_put_interval(&row[column], &cell->values[LG_RATE], LG_UNIT_RATE);
}

void lg_breakeven_table(const struct lg_summary *summary, size_t scenario, size_t load,
                        struct lg_doc *doc)
{
    static const char *const heads[] = {
        "Arm",        "1 % of a call", "5 % of a call", "1 % of throughput", "5 % of throughput",
        "1 % of p99", "5 % of p99",    "Calls a second"};
    static const char *const closed_heads[] = {
        "Arm",           "1 % of a call", "5 % of a call", "1 % of throughput", "5 % of throughput",
        "Calls a second"};
    const struct lg_design *design = &summary->data->design;
    bool open = lg_first_open_load(summary) < LG_LOADS_MAX;
    char caption[900];
    snprintf(caption, sizeof(caption),
             "How much longer than that of `%s` a handler must run for the arm to cost less than "
             "1 %% and 5 %% more than `%s`: of the CPU time of a call, of the throughput%s. "
             "Estimates and 95 %% intervals over the blocks (Hodges-Lehmann, Wilcoxon). 'any': the "
             "arm costs less already. '0 to': it is not shown to cost anything, and a handler that "
             "runs that much longer is on the safe side. The last column is what the server, on "
             "one core, takes of this scenario at all: with a longer handler it is less.",
             design->scenarios[scenario], design->arms[design->reference].name,
             open ? ", and of p99 in open loop, where the handler's time is taken to add to each "
                    "latency as it is"
                  : "");
    struct lg_table *table = lg_tables_new(caption, open ? 8 : 6, open ? heads : closed_heads);
    if (!table)
        return;
    for (size_t arm = 0; arm < design->arm_count; arm++)
        if (arm != design->reference)
            put_row(summary, scenario, load, arm, table->cells[table->rows++]);
    doc->format->table(doc, table);
    free(table);
}

/* ---- The figure. ---- */

#define HANDLER_LEAST 1e2 /* ns: the axis */
#define HANDLER_MOST  1e9

/* What a handler of h ns leaves of the cost, in per cent of a call. */
static double left(double extra, double reference, double handler)
{
    return 100 * extra / (reference + handler);
}

static void fill_line(const struct lg_cell *cell, double reference, const char *label, size_t arm,
                      struct lg_chart_line *line)
{
    bool shown = cell->verdicts[LG_CPU] == LG_WORSE;
    line->label = label;
    line->arm = arm;
    for (size_t i = 0; i < 57; i++) { /* eight points to a power of ten */
        double handler = HANDLER_LEAST * pow(10, (double)i / 8);
        struct lg_interval *value = &line->values[line->count];
        *value = cell->extra_cpu;
        value->low = fmax(left(cell->extra_cpu.low, reference, handler), 1e-9);
        value->high = left(cell->extra_cpu.high, reference, handler);
        value->estimate = shown ? left(cell->extra_cpu.estimate, reference, handler) : value->high;
        value->bounded = shown;
        line->x[line->count++] = handler;
    }
}

static struct lg_table *table_of(const struct lg_chart_line *lines, size_t count)
{
    static const char *const heads[] = {"Arm", "Handler runs longer by", "Costs, of a call"};
    struct lg_table *table = lg_tables_new("", 3, heads);
    for (size_t i = 0; table && i < count; i++) {
        for (size_t k = 0; k < lines[i].count && table->rows < LG_TABLE_ROWS; k += 8) {
            const struct lg_interval *value = &lines[i].values[k];
            if (k > 0 && value->estimate < LG_CHART_COST_LEAST)
                break;
            struct lg_table_cell *row = table->cells[table->rows++];
            char text[LG_PRINT_MAX], share[LG_PRINT_MAX + 16];
            lg_tables_put(&row[0], LG_TONE_PLAIN, lines[i].label, "");
            lg_tables_put(&row[1], LG_TONE_NUMBER,
                          lg_print_value(lines[i].x[k], LG_UNIT_TIME, text), "");
            lg_print_number(value->estimate, text);
            snprintf(share, sizeof(share), "%s%.40s %%", value->bounded ? "" : "at most ", text);
            lg_tables_put(&row[2], LG_TONE_NUMBER, share, "");
        }
    }
    return table;
}

static int draw(struct lg_report *report, size_t scenario, size_t load,
                const struct lg_chart_line *lines, size_t count, struct evd_error *error)
{
    const struct lg_design *design = &report->data->design;
    struct lg_report_figure *figure = lg_figure_slot(report, scenario, load, LG_FIGURE_BREAKEVEN);
    struct lg_script script;
    int rc = lg_script_open(&script, error);
    if (rc != EVD_OK)
        return rc;
    lg_chart_breakeven(script.out, lines, count, "handler runs longer by", "costs more, of a call");
    figure->data = table_of(lines, count);
    snprintf(figure->title, sizeof(figure->title),
             "What each arm costs more than %s, by how much longer the handler runs, scenario %s",
             design->arms[design->reference].name, design->scenarios[scenario]);
    snprintf(
        figure->caption, sizeof(figure->caption),
        "What is left of the choice on `%s`: how much more CPU time a call takes than one of "
        "`%s`, in per cent, when the handler runs longer than it does there. Go right to where "
        "a line meets 5 %% or 1 %%: a handler that runs so much longer does not care. Solid "
        "lines with a 95 %% band cost something; dashed ones are not shown to, and are what "
        "they could cost at most (upper end of the interval). Both axes are logarithmic.",
        design->scenarios[scenario], design->arms[design->reference].name);
    return lg_figure_finish_load(report, &script, figure, scenario, load, "breakeven", error);
}

int lg_breakeven_make(struct lg_report *report, size_t scenario, size_t load,
                      struct evd_error *ret_error)
{
    const struct lg_summary *summary = report->summary;
    const struct lg_design *design = &report->data->design;
    const struct lg_cell *reference = lg_summary_cell(summary, scenario, load, design->reference);
    struct lg_chart_line *lines = calloc(design->arm_count, sizeof(*lines));
    size_t count = 0;
    if (!lines)
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "no memory for a figure");
    for (size_t arm = 0; arm < design->arm_count; arm++) {
        const struct lg_cell *cell = lg_summary_cell(summary, scenario, load, arm);
        if (arm == design->reference || design->arms[arm].twin_of || !cell->extra_cpu.bounded ||
            !(cell->extra_cpu.high > 0) || !(reference->values[LG_CPU].estimate > 0))
            continue;
        fill_line(cell, reference->values[LG_CPU].estimate, design->arms[arm].name, arm,
                  &lines[count++]);
    }
    int rc = count > 0 ? draw(report, scenario, load, lines, count, ret_error) : EVD_OK;
    free(lines);
    return rc;
}
