#include "report_bench.h"

#include "plot_charts.h"
#include "report_format.h"
#include "report_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 8 };

/* Curves over a parameter: a line a row of these groups. */
static const struct growth {
    enum lg_bench_figure which;
    const char *groups[2], *parameter, *tail, *x_title, *what, *stem;
    double scale; /* of nanoseconds, to the unit of the axis: 1 or 1e-3 */
} growths[] = {
    {LG_BENCH_LOOKUPS,
     {"lookup"},
     "names",
     "hit",
     "names in the table",
     "A look-up of a name that is there",
     "lookup",
     1},
    {LG_BENCH_INSTANCES,
     {"instance"},
     "size",
     "",
     "size of the instance",
     "A dispatch to an instance, and its memory bare",
     "instance",
     1},
    {LG_BENCH_LOADS,
     {"load"},
     "size",
     "",
     "size of the module",
     "A dispatch that loads its module, and the load bare",
     "load",
     1e-3},
    {LG_BENCH_ENVELOPES,
     {"envelope"},
     "size",
     "",
     "size of the payload",
     "Reading a call and writing an answer",
     "envelope",
     1},
    {LG_BENCH_CODECS,
     {"codec", "cjson"},
     "size",
     "",
     "size of the payload",
     "Codecs both ways, and the trees of cJSON",
     "codec",
     1},
};

static void add_tic(double at, const char *parameter, struct lg_chart_tic *tics, size_t *count)
{
    size_t place = 0;
    while (place < *count && tics[place].at < at)
        place++;
    if ((place < *count && !(tics[place].at > at)) || *count == LG_CHART_POINTS_MAX)
        return;
    memmove(tics + place + 1, tics + place, (*count - place) * sizeof(*tics));
    tics[place].at = at;
    if (strcmp(parameter, "size") == 0)
        lg_print_size(at, tics[place].text);
    else
        lg_print_count(at, tics[place].text);
    (*count)++;
}

/* 10 and 16 names would print one tic on the other. */
static size_t thin_tics(struct lg_chart_tic *tics, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || tics[i].at >= 2 * tics[kept - 1].at)
            tics[kept++] = tics[i];
    return kept;
}

static void add_point(const struct lg_bench *bench, const char *label, double scale,
                      struct lg_chart_line *lines, size_t *count)
{
    size_t i = 0;
    while (i < *count && strcmp(lines[i].label, label) != 0)
        i++;
    if (i == LINES_MAX || (i < *count && lines[i].count == LG_CHART_POINTS_MAX))
        return;
    if (i == *count) {
        lines[i].label = label;
        lines[i].arm = i;
        (*count)++;
    }
    size_t at = lines[i].count++;
    for (; at > 0 && lines[i].x[at - 1] > bench->value; at--) {
        lines[i].x[at] = lines[i].x[at - 1];
        lines[i].values[at] = lines[i].values[at - 1];
    }
    lines[i].x[at] = bench->value;
    lines[i].values[at] = bench->cost;
    lines[i].values[at].estimate *= scale;
    lines[i].values[at].low *= scale;
    lines[i].values[at].high *= scale;
}

static int finish_growth(struct lg_report *report, const struct growth *growth,
                         struct lg_chart_line *lines, size_t count, struct lg_chart_tic *tics,
                         size_t tic_count, struct evd_error *error)
{
    struct lg_script script;
    struct lg_report_figure *figure = &report->figures[growth->which];
    int rc = lg_script_open(&script, error);
    if (rc != EVD_OK)
        return rc;
    const char *y_title = growth->scale < 1 ? "CPU time, µs" : "CPU time, ns";
    figure->data = lg_figure_lines(lines, count, tics, tic_count, growth->x_title, y_title);
    bool logarithmic = lg_chart_growth(script.out, lines, count, tics, thin_tics(tics, tic_count),
                                       growth->x_title, y_title);
    snprintf(figure->title, sizeof(figure->title), "%s, by %s", growth->what, growth->x_title);
    snprintf(figure->caption, sizeof(figure->caption),
             "%s, by %s: less is better. Each point is a median over the repetitions, its bar the "
             "interval (often too short to be seen). The horizontal axis is logarithmic%s",
             growth->what, growth->x_title,
             logarithmic ? ", and so is the vertical one." : "; the vertical one starts at 0.");
    return lg_figure_finish(report, &script, figure, growth->stem, error);
}

static int draw_growth(struct lg_report *report, const struct growth *growth,
                       struct evd_error *error)
{
    const struct lg_bench_data *data = report->bench;
    struct lg_chart_tic tics[LG_CHART_POINTS_MAX];
    static const char *const prefixes[] = {"", "cJSON "};
    char labels[LG_BENCH_MAX / 8][LG_BENCH_NAME_MAX + 8];
    size_t count = 0, tic_count = 0, label_count = 0;
    struct lg_chart_line *lines = calloc(LINES_MAX, sizeof(*lines));
    if (!lines)
        return evd_error_set(error, EVD_ERR_NO_MEMORY, "no memory for a figure");
    for (size_t g = 0; g < 2 && growth->groups[g]; g++) {
        for (size_t i = 0; i < data->count && label_count < LG_BENCH_MAX / 8; i++) {
            const struct lg_bench *bench = &data->list[i];
            if (strcmp(bench->group, growth->groups[g]) != 0 ||
                strcmp(bench->parameter, growth->parameter) != 0 ||
                strcmp(bench->tail, growth->tail) != 0 || !(bench->cost.estimate > 0))
                continue;
            char *label = labels[label_count++];
            snprintf(label, sizeof(labels[0]), "%s%s", prefixes[g], bench->row);
            add_point(bench, label, growth->scale, lines, &count);
            add_tic(bench->value, growth->parameter, tics, &tic_count);
        }
    }
    /* One size is no curve. */
    int rc = tic_count < 2 ? EVD_OK
                           : finish_growth(report, growth, lines, count, tics, tic_count, error);
    free(lines);
    return rc;
}

static int draw_dispatches(struct lg_report *report, struct evd_error *error)
{
    static const struct {
        const char *label, *name;
    } arms[] = {{"a call through a table", "dispatch/raw-call"},
                {"static", "dispatch/static/state:64"},
                {"dynamic/cached", "dispatch/dynamic-cached/state:64"},
                {"instance/pool", "dispatch/instance-pool/state:64"},
                {"instance/malloc", "dispatch/instance-malloc/state:64"},
                {"dynamic/call", "dispatch/dynamic-call/state:64"},
                {"a bare dlopen", "dispatch/raw-dlopen/state:64"}};
    struct lg_chart_row rows[sizeof(arms) / sizeof(*arms)];
    size_t count = 0;
    for (size_t i = 0; i < sizeof(arms) / sizeof(*arms); i++) {
        const struct lg_bench *bench = lg_bench_find(report->bench, arms[i].name);
        char number[LG_PRINT_MAX], bounds[LG_PRINT_MAX];
        if (!bench || !(bench->cost.estimate > 0))
            continue;
        struct lg_chart_row *row = &rows[count++];
        bool bare = strstr(arms[i].name, "/raw-") != NULL;
        *row = (struct lg_chart_row){
            .label = arms[i].label, .arm = bare ? 5 : 0, .twin = bare, .value = bench->cost};
        snprintf(row->text, sizeof(row->text), "%.40s %.50s",
                 lg_print_value(bench->cost.estimate, LG_UNIT_NS, number),
                 lg_print_bounds(&bench->cost, LG_UNIT_NS, bounds));
    }
    struct lg_script script;
    struct lg_report_figure *figure = &report->figures[LG_BENCH_DISPATCHES];
    int rc = count < 2 ? EVD_OK : lg_script_open(&script, error);
    if (count < 2 || rc != EVD_OK)
        return rc;
    bool bars = lg_chart_costs(script.out, rows, count, 1, "CPU time of one dispatch, ns");
    figure->data = lg_figure_rows(rows, count, "CPU time of one dispatch");
    snprintf(figure->title, sizeof(figure->title), "CPU time of one dispatch by each arm");
    snprintf(figure->caption, sizeof(figure->caption),
             "One dispatch by each arm, on a state of 64 bytes, and in grey, open, what it is made "
             "of: less is better. %s is the median over the repetitions, its line the interval.%s",
             bars ? "Each bar" : "Each point",
             bars ? "" : " The axis is logarithmic: equal distances are equal ratios.");
    return lg_figure_finish(report, &script, figure, "dispatch", error);
}

int lg_bench_figures_make(struct lg_report *report, struct evd_error *ret_error)
{
    int rc = EVD_OK;
    report->slots = LG_BENCH_FIGURES;
    report->figures = calloc(report->slots, sizeof(*report->figures));
    if (!report->figures)
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "no memory for the figures");
    /* In the order of the page: figures are numbered as they are made. */
    for (int which = 0; which < LG_BENCH_FIGURES && rc == EVD_OK; which++) {
        if (which == LG_BENCH_DISPATCHES)
            rc = draw_dispatches(report, ret_error);
        for (size_t i = 0; i < sizeof(growths) / sizeof(*growths) && rc == EVD_OK; i++)
            if ((int)growths[i].which == which)
                rc = draw_growth(report, &growths[i], ret_error);
    }
    return rc;
}
