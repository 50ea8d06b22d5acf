#include "report_load.h"

#include "report_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void lg_ladder_make(const struct lg_design *design, struct lg_ladder *ret_ladder)
{
    *ret_ladder = (struct lg_ladder){0};
    for (size_t load = 0; load < design->load_count; load++) {
        size_t at = ret_ladder->count;
        if (design->loads[load].share <= 0)
            continue;
        for (; at > 0 && design->loads[ret_ladder->loads[at - 1]].share > design->loads[load].share;
             at--)
            ret_ladder->loads[at] = ret_ladder->loads[at - 1];
        ret_ladder->loads[at] = load;
        ret_ladder->count++;
    }
}

enum lg_rung lg_rung_of(const struct lg_summary *summary, size_t scenario, size_t load, size_t arm)
{
    const struct lg_cell *cell = lg_summary_cell(summary, scenario, load, arm);
    if (!cell->trusted || !(cell->values[LG_P99].estimate > 0))
        return LG_RUNG_UNKNOWN;
    return 2 * cell->overloaded >= cell->done - cell->problems ? LG_RUNG_OVERLOADED
                                                               : LG_RUNG_KEPT_UP;
}

/* ---- How far. ---- */

/* Latency does not fall as more is offered: what lies under the limit at a rate does so at all
 * lower ones, even where a trial or two that the host stole from leave that open. */
static void find_limits(const struct lg_summary *summary, const struct lg_ladder *ladder,
                        size_t scenario, size_t arm, struct lg_reach *reach)
{
    double limit = (double)summary->data->design.slo_p99_ns;
    for (size_t i = 0; i < ladder->count && limit > 0 && reach->over == ladder->count; i++) {
        enum lg_rung rung = lg_rung_of(summary, scenario, ladder->loads[i], arm);
        const struct lg_interval *p99 =
            &lg_summary_cell(summary, scenario, ladder->loads[i], arm)->values[LG_P99];
        bool kept_up = rung == LG_RUNG_KEPT_UP && p99->bounded;
        reach->measured = reach->measured || rung == LG_RUNG_OVERLOADED || kept_up;
        if (kept_up && p99->high <= limit)
            reach->under = i;
        if (rung == LG_RUNG_OVERLOADED || (kept_up && p99->low > limit))
            reach->over = i;
    }
}

static size_t greatest(const double *power, size_t count)
{
    size_t at = count;
    for (size_t i = 0; i < count; i++)
        if (power[i] > 0 && (at == count || power[i] > power[at]))
            at = i;
    return at;
}

/* The knee of each block that has a trial at every rate: how much the machine moves it. */
static void find_knee(const struct lg_summary *summary, const struct lg_ladder *ladder,
                      const double *power, double *shares, struct lg_reach *reach)
{
    const struct lg_design *design = &summary->data->design;
    for (size_t block = 0; block < design->blocks; block++) {
        double of_block[LG_LOADS_MAX];
        bool whole = true;
        for (size_t i = 0; i < ladder->count; i++) {
            of_block[i] = power[i * design->blocks + block];
            whole = whole && isfinite(of_block[i]);
        }
        size_t knee = whole ? greatest(of_block, ladder->count) : ladder->count;
        shares[block] =
            knee < ladder->count ? design->loads[ladder->loads[knee]].share : (double)NAN;
    }
    reach->knee = lg_median_interval(shares, design->blocks);
}

int lg_reach_of(const struct lg_summary *summary, const struct lg_ladder *ladder, size_t scenario,
                size_t arm, struct lg_reach *ret_reach)
{
    size_t blocks = summary->data->design.blocks;
    double *columns = calloc(blocks * (ladder->count + 2), sizeof(*columns));
    *ret_reach = (struct lg_reach){.under = ladder->count, .over = ladder->count};
    if (!columns)
        return EVD_ERR_NO_MEMORY;
    double *p99 = columns + blocks * ladder->count, *shares = p99 + blocks;
    find_limits(summary, ladder, scenario, arm, ret_reach);
    for (size_t i = 0; i < ladder->count; i++) {
        double *of_rate = columns + i * blocks;
        lg_summary_column(summary, scenario, ladder->loads[i], arm, LG_RATE, of_rate);
        lg_summary_column(summary, scenario, ladder->loads[i], arm, LG_P99, p99);
        for (size_t block = 0; block < blocks; block++)
            of_rate[block] /= p99[block];
    }
    find_knee(summary, ladder, columns, shares, ret_reach);
    free(columns);
    return EVD_OK;
}

enum lg_reach_order lg_reach_limit_order(const struct lg_ladder *ladder,
                                         const struct lg_reach *reach,
                                         const struct lg_reach *reference)
{
    if (!reach->measured || !reference->measured)
        return LG_REACH_UNKNOWN;
    if (reference->under < ladder->count && reach->over <= reference->under)
        return LG_REACH_EARLIER;
    if (reach->under < ladder->count && reference->over <= reach->under)
        return LG_REACH_LATER;
    return LG_REACH_OVERLAP;
}

enum lg_reach_order lg_reach_knee_order(const struct lg_reach *reach,
                                        const struct lg_reach *reference)
{
    const struct lg_interval *is = &reach->knee, *of = &reference->knee;
    if (!is->bounded || !of->bounded)
        return LG_REACH_UNKNOWN;
    return is->high < of->low   ? LG_REACH_EARLIER
           : is->low > of->high ? LG_REACH_LATER
                                : LG_REACH_OVERLAP;
}

static double share_at(const struct lg_summary *summary, const struct lg_ladder *ladder, size_t at)
{
    return summary->data->design.loads[ladder->loads[at]].share;
}

/* Shares of the design, which went through lg_median_interval() unchanged. */
static bool in_knee(const struct lg_reach *reach, double share)
{
    return reach->knee.bounded && share >= reach->knee.low && share <= reach->knee.high;
}

const char *lg_reach_knee_words(const struct lg_summary *summary, const struct lg_ladder *ladder,
                                const struct lg_reach *reach, char out[static LG_KNEE_TEXT])
{
    char low[LG_PRINT_MAX], high[LG_PRINT_MAX];
    bool below = ladder->count > 0 && in_knee(reach, share_at(summary, ladder, 0));
    bool above = ladder->count > 0 && in_knee(reach, share_at(summary, ladder, ladder->count - 1));
    lg_print_share(reach->knee.low, low);
    lg_print_share(reach->knee.high, high);
    if (!reach->knee.bounded || (below && above))
        snprintf(out, LG_KNEE_TEXT, "at a rate not shown");
    else if (below)
        snprintf(out, LG_KNEE_TEXT, "at %.20s or below", high);
    else if (above)
        snprintf(out, LG_KNEE_TEXT, "at %.20s or above", low);
    else if (reach->knee.low < reach->knee.high)
        snprintf(out, LG_KNEE_TEXT, "between %.20s and %.20s", low, high);
    else
        snprintf(out, LG_KNEE_TEXT, "at %.20s", low);
    return out;
}

/* ---- The tables. ---- */

static void put_name(const struct lg_summary *summary, size_t arm, struct lg_table_cell *cell)
{
    char name[LG_NAME_MAX + 3];
    snprintf(name, sizeof(name), "`%s`", lg_arm_name(summary, arm));
    lg_tables_put(cell, LG_TONE_PLAIN, name, "");
}

/* "80 %", and the rate below it. */
static void put_rate(const struct lg_summary *summary, const struct lg_ladder *ladder,
                     size_t scenario, size_t at, const char *none, struct lg_table_cell *cell)
{
    char share[LG_PRINT_MAX], rate[LG_PRINT_MAX];
    if (at == ladder->count) {
        lg_tables_put(cell, LG_TONE_NUMBER, none, "");
        return;
    }
    lg_print_value((double)summary->data->rates.rates[scenario][ladder->loads[at]], LG_UNIT_RATE,
                   rate);
    lg_tables_put(cell, LG_TONE_NUMBER, lg_print_share(share_at(summary, ladder, at), share), rate);
}

/* Against that of the reference, of which an earlier one is no good. */
static void put_order(enum lg_reach_order order, bool reference, struct lg_table_cell *cell)
{
    static const struct {
        enum lg_tone tone;
        const char *text;
    } words[LG_REACH_ORDERS] = {[LG_REACH_EARLIER] = {LG_TONE_WORSE, "earlier"},
                                [LG_REACH_LATER] = {LG_TONE_BETTER, "later"},
                                [LG_REACH_OVERLAP] = {LG_TONE_OPEN, "cannot be told apart"},
                                [LG_REACH_UNKNOWN] = {LG_TONE_OPEN, "not compared"}};
    lg_tables_put(cell, reference ? LG_TONE_PLAIN : words[order].tone,
                  reference ? "reference" : words[order].text, "");
}

static void reach_table(const struct lg_summary *summary, const struct lg_ladder *ladder,
                        size_t scenario, struct lg_doc *doc)
{
    const struct lg_design *design = &summary->data->design;
    const char *heads[] = {"Arm",
                           "Knee",
                           "Knee, against the reference's",
                           "p99 under the limit up to",
                           "p99 above it from",
                           "Limit, against the reference's"};
    char caption[900], limit[LG_PRINT_MAX], knee[LG_KNEE_TEXT];
    size_t columns = design->slo_p99_ns > 0 ? 6 : 3;
    struct lg_reach reference;
    snprintf(caption, sizeof(caption),
             "How far each arm goes on `%s`. The knee is the offered rate where the calls answered "
             "a second over the p99, their power, are greatest: beyond it latency grows by the "
             "larger factor (Kleinrock 1979); told is where its median over the blocks lies.%s%s%s "
             "Earlier or later is an arm whose bracket lies wholly below or above "
             "the reference's.",
             design->scenarios[scenario], columns > 3 ? " The limit is a p99 of " : "",
             columns > 3 ? lg_print_value((double)design->slo_p99_ns, LG_UNIT_TIME, limit) : "",
             columns > 3 ? ": an arm is under it at a rate, and at all lower ones, when the whole "
                           "interval is, and above it when the whole interval is, or the arm is "
                           "overloaded; between the two it reaches it."
                         : "");
    struct lg_table *table = lg_tables_new(caption, columns, heads);
    if (!table)
        return;
    (void)lg_reach_of(summary, ladder, scenario, design->reference, &reference);
    for (size_t arm = 0; arm < design->arm_count; arm++) {
        struct lg_table_cell *row = table->cells[table->rows++];
        bool own = arm == design->reference;
        struct lg_reach reach;
        (void)lg_reach_of(summary, ladder, scenario, arm, &reach);
        put_name(summary, arm, &row[0]);
        lg_tables_put(&row[1], LG_TONE_NUMBER, lg_reach_knee_words(summary, ladder, &reach, knee),
                      "");
        put_order(lg_reach_knee_order(&reach, &reference), own, &row[2]);
        if (columns > 3) {
            put_rate(summary, ladder, scenario, reach.under, "not seen", &row[3]);
            put_rate(summary, ladder, scenario, reach.over, "not seen", &row[4]);
            put_order(lg_reach_limit_order(ladder, &reach, &reference), own, &row[5]);
        }
    }
    doc->format->table(doc, table);
    free(table);
}

/* An arm at a rate. */
static void put_row(const struct lg_summary *summary, size_t scenario, size_t load, size_t arm,
                    struct lg_table_cell *row)
{
    const struct lg_cell *cell = lg_summary_cell(summary, scenario, load, arm);
    enum lg_rung rung = lg_rung_of(summary, scenario, load, arm);
    double rate = (double)summary->data->rates.rates[scenario][load];
    char share[LG_PRINT_MAX], text[LG_PRINT_MAX];
    put_name(summary, arm, &row[0]);
    lg_tables_put(&row[1], LG_TONE_NUMBER,
                  lg_print_share(summary->data->design.loads[load].share, share),
                  lg_print_value(rate, LG_UNIT_RATE, text));
    if (rung == LG_RUNG_UNKNOWN) {
        for (size_t i = 2; i < 5; i++)
            lg_tables_put(&row[i], LG_TONE_NUMBER, "-", "");
        lg_tables_put(&row[5], LG_TONE_NUMBER, "-", "");
        lg_tables_put(&row[6], LG_TONE_OPEN, cell->done > 0 ? "INVALID" : "no trial", "");
        return;
    }
    lg_tables_put_interval(&row[2], &cell->values[LG_RATE], LG_UNIT_RATE);
    lg_tables_put_interval(&row[3], &cell->values[LG_P50], LG_UNIT_TIME);
    lg_tables_put_interval(&row[4], &cell->values[LG_P99], LG_UNIT_TIME);
    if (rung == LG_RUNG_KEPT_UP) {
        lg_tables_put_verdict(summary, scenario, load, arm, LG_P99, &row[5]);
        return;
    }
    lg_tables_put(&row[5], LG_TONE_NUMBER, "-", "");
    snprintf(text, sizeof(text), "in %u of %u trials", cell->overloaded,
             cell->done - cell->problems);
    lg_tables_put(&row[6], LG_TONE_WORSE, "overloaded", text);
}

static void rates_table(const struct lg_summary *summary, const struct lg_ladder *ladder,
                        size_t scenario, struct lg_doc *doc)
{
    static const char *const heads[] = {
        "Arm", "Offered", "Answered", "p50", "p99", "p99, ratio to reference", "Verdict"};
    const struct lg_design *design = &summary->data->design;
    char caption[640];
    snprintf(caption, sizeof(caption),
             "Each arm at each offered rate on `%s`: calls answered a second (geometric mean, "
             "Student's interval), p50 and p99 from the time a call was due (median over the "
             "trials, of an even number the lower of the two in the middle; between two of "
             "them), and the p99 against that of `%s` at the same rate. "
             "Overloaded: in half of the trials or more fewer than 99 %% of the calls due were "
             "answered; calls without an answer count at their age, so that latencies are lower "
             "bounds.",
             design->scenarios[scenario], design->arms[design->reference].name);
    struct lg_table *table = lg_tables_new(caption, 7, heads);
    if (!table)
        return;
    for (size_t arm = 0; arm < design->arm_count; arm++)
        for (size_t i = 0; i < ladder->count && table->rows < LG_TABLE_ROWS; i++)
            put_row(summary, scenario, ladder->loads[i], arm, table->cells[table->rows++]);
    doc->format->table(doc, table);
    free(table);
}

/* The trials that the rates come from, one by one. */
static void put_maximum(const struct lg_report *report, size_t scenario, struct lg_doc *doc)
{
    const struct lg_data *data = report->data;
    const struct lg_design *design = &data->design;
    char rate[LG_PRINT_MAX], options[400] = "", *text = NULL;
    unsigned invalid = 0, done = 0;
    size_t len;
    for (size_t i = 0, at = 0; i < design->maximum.run.count && at < sizeof(options); i++)
        at += (size_t)snprintf(options + at, sizeof(options) - at, "%s%s", i ? " " : "",
                               design->maximum.run.items[i]);
    lg_doc_plain(options, options, sizeof(options));
    FILE *out = open_memstream(&text, &len);
    for (size_t i = 0; i < data->maximum_count && out; i++) {
        const struct lg_maximum_trial *trial = &data->maximum[i];
        if (trial->scenario != scenario)
            continue;
        invalid += trial->invalid;
        fprintf(out, "%s%s%s", lg_print_between(done++, design->maximum_trials),
                lg_print_value(trial->rate, LG_UNIT_RATE, rate),
                trial->invalid ? " (INVALID)" : "");
    }
    if (!out || fclose(out) != 0) {
        free(text);
        return;
    }
    lg_doc_paragraph(doc,
                     "The rates are shares of what `%s` answered at most, %s: the median of %u "
                     "trial%s before the study (`%s`), %s.%s They are the same for all arms.",
                     design->arms[design->reference].name,
                     lg_print_value(data->rates.maximum[scenario], LG_UNIT_RATE, rate),
                     design->maximum_trials, design->maximum_trials > 1 ? "s" : "", options, text,
                     invalid == 0     ? ""
                     : invalid < done ? " Those that are INVALID are left out."
                                      : " All are INVALID, and all are taken: better ones there "
                                        "were none.");
    free(text);
}

void lg_load_section(const struct lg_report *report, size_t scenario, size_t first,
                     struct lg_doc *doc)
{
    const struct lg_summary *summary = report->summary;
    const struct lg_figure *figure = lg_figures_get(report, scenario, first, LG_FIGURE_MAIN);
    struct lg_ladder ladder;
    lg_ladder_make(&report->data->design, &ladder);
    doc->format->heading(doc, 3, "Latency against offered load");
    put_maximum(report, scenario, doc);
    reach_table(summary, &ladder, scenario, doc);
    if (figure)
        doc->format->figure(doc, figure);
    rates_table(summary, &ladder, scenario, doc);
}

/* ---- The figure. ---- */

static void fill_line(const struct lg_summary *summary, const struct lg_ladder *ladder,
                      size_t scenario, size_t arm, struct lg_chart_offered *line)
{
    const struct lg_design *design = &summary->data->design;
    struct lg_reach reach;
    (void)lg_reach_of(summary, ladder, scenario, arm, &reach);
    line->line.label = design->arms[arm].name;
    line->line.arm = arm;
    line->line.twin = design->arms[arm].twin_of != NULL;
    for (size_t i = 0; i < ladder->count; i++) {
        const struct lg_cell *cell = lg_summary_cell(summary, scenario, ladder->loads[i], arm);
        enum lg_rung rung = lg_rung_of(summary, scenario, ladder->loads[i], arm);
        struct lg_interval p99 = cell->values[LG_P99];
        size_t at = line->line.count;
        if (rung == LG_RUNG_UNKNOWN)
            continue;
        p99.estimate *= 1e-6;
        p99.low *= 1e-6;
        p99.high *= 1e-6;
        line->line.x[at] = share_at(summary, ladder, i) * 100;
        line->line.values[at] = p99;
        line->open[at] = rung == LG_RUNG_OVERLOADED;
        line->knee[at] = in_knee(&reach, share_at(summary, ladder, i));
        line->line.count++;
    }
}

static struct lg_table *figure_table(const struct lg_chart_offered *lines, size_t count)
{
    static const char *const heads[] = {"Arm", "Offered, % of the maximum", "p99, ms", "Mark"};
    struct lg_table *table = lg_tables_new("", 4, heads);
    if (!table)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const struct lg_chart_line *line = &lines[i].line;
        for (size_t k = 0; k < line->count && table->rows < LG_TABLE_ROWS; k++) {
            struct lg_table_cell *row = table->cells[table->rows++];
            char value[LG_PRINT_MAX], bounds[LG_PRINT_MAX], x[LG_PRINT_MAX];
            lg_print_figure(&line->values[k], value, bounds);
            lg_tables_put(&row[0], LG_TONE_PLAIN, line->label, "");
            lg_tables_put(&row[1], LG_TONE_NUMBER, lg_print_tic(line->x[k], x), "");
            lg_tables_put(&row[2], LG_TONE_NUMBER, value, bounds);
            lg_tables_put(&row[3], LG_TONE_PLAIN,
                          lines[i].open[k]   ? "overloaded"
                          : lines[i].knee[k] ? "knee's bracket"
                                             : "",
                          "");
        }
    }
    return table;
}

static int draw(struct lg_report *report, size_t scenario, size_t first,
                const struct lg_chart_offered *lines, size_t count, struct evd_error *error)
{
    const struct lg_design *design = &report->data->design;
    struct lg_report_figure *figure = lg_figure_slot(report, scenario, first, LG_FIGURE_MAIN);
    const char *reference = design->arms[design->reference].name;
    char x_title[200], stem[80], rate[LG_PRINT_MAX], limit[LG_PRINT_MAX] = "";
    struct lg_script script;
    int rc = lg_script_open(&script, error);
    if (rc != EVD_OK)
        return rc;
    lg_print_value(report->data->rates.maximum[scenario], LG_UNIT_RATE, rate);
    if (design->slo_p99_ns > 0)
        lg_print_value((double)design->slo_p99_ns, LG_UNIT_TIME, limit);
    snprintf(x_title, sizeof(x_title), "offered load, %% of the %s that %s answers at most", rate,
             reference);
    lg_chart_offered(script.out, lines, count, (double)design->slo_p99_ns * 1e-6, x_title,
                     "p99 latency, ms");
    figure->data = figure_table(lines, count);
    snprintf(figure->title, sizeof(figure->title),
             "p99 latency of each arm against offered load, scenario %s",
             design->scenarios[scenario]);
    snprintf(
        figure->caption, sizeof(figure->caption),
        "p99 latency against offered load on `%s`; lower is better, and the axis is "
        "logarithmic. Each point is the median over the trials, its line leads from one trial "
        "to another that hold it with at least 95 %% confidence; arms stand a little side by side. "
        "Ringed are the rates among which the arm's knee lies. A triangle is an overloaded arm: "
        "its true p99 is higher.%s%s%s",
        design->scenarios[scenario], limit[0] ? " The dashed line is the limit, " : "", limit,
        limit[0] ? "." : "");
    snprintf(stem, sizeof(stem), "%s-offered-load", design->scenarios[scenario]);
    return lg_figure_finish(report, &script, figure, stem, error);
}

int lg_load_figure_make(struct lg_report *report, size_t scenario, size_t first,
                        struct evd_error *ret_error)
{
    const struct lg_design *design = &report->data->design;
    struct lg_chart_offered *lines = calloc(design->arm_count, sizeof(*lines));
    struct lg_ladder ladder;
    size_t count = 0;
    int rc = EVD_OK;
    if (!lines)
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "no memory for a figure");
    lg_ladder_make(design, &ladder);
    for (size_t arm = 0; arm < design->arm_count; arm++) {
        fill_line(report->summary, &ladder, scenario, arm, &lines[count]);
        if (lines[count].line.count > 0)
            count++;
    }
    if (count > 0)
        rc = draw(report, scenario, first, lines, count, ret_error);
    free(lines);
    return rc;
}
