#include "report_growth_model.h"

#include "report_breakeven.h"
#include "report_parts.h"

#include <math.h>
#include <stdlib.h>

static double form_of(enum lg_model_form form, double x)
{
    return form == LG_MODEL_LOG2 ? log2(x) : x;
}

double lg_model_at(const struct lg_model *model, double x)
{
    return model->fit.fixed.estimate + model->fit.growing.estimate * form_of(model->form, x);
}

/* All trials of a curve that count; returns how many. points[curve->count * blocks] */
static size_t fill(const struct lg_summary *summary, const struct lg_growth_curve *curve,
                   enum lg_model_form form, double *column, struct lg_fit_point *points,
                   size_t *ret_places)
{
    size_t blocks = summary->data->design.blocks, load = lg_main_load(summary), count = 0;
    *ret_places = 0;
    for (size_t i = 0; i < curve->count; i++) {
        double typical = lg_summary_cell(summary, 0, load, curve->arms[i])->values[LG_CPU].estimate;
        size_t before = count;
        lg_summary_column(summary, 0, load, curve->arms[i], LG_CPU, column);
        for (size_t block = 0; block < blocks; block++)
            if (column[block] > 0)
                points[count++] = (struct lg_fit_point){.x = form_of(form, curve->x[i]),
                                                        .y = column[block],
                                                        .typical = typical,
                                                        .block = block};
        *ret_places += count > before;
    }
    return count;
}

static void find_residual(const struct lg_summary *summary, const struct lg_growth_curve *curve,
                          struct lg_model *model)
{
    size_t load = lg_main_load(summary);
    for (size_t i = 0; i < curve->count; i++) {
        double mean = lg_summary_cell(summary, 0, load, curve->arms[i])->values[LG_CPU].estimate;
        double residual = mean / lg_model_at(model, curve->x[i]) - 1;
        if (!isfinite(residual) || fabs(residual) <= fabs(model->residual))
            continue;
        model->residual = residual;
        model->at = curve->x[i];
    }
}

int lg_model_of(const struct lg_summary *summary, const struct lg_growth_curve *curve,
                struct lg_model *ret_model)
{
    size_t blocks = summary->data->design.blocks, places = 0;
    double *column = calloc(blocks, sizeof(*column));
    struct lg_fit_point *points = calloc(curve->count * blocks, sizeof(*points));
    int rc = column && points ? EVD_OK : EVD_ERR_NO_MEMORY;
    *ret_model = (struct lg_model){.fit.misfit = INFINITY};
    for (int form = LG_MODEL_LINEAR; form <= LG_MODEL_LOG2 && rc == EVD_OK; form++) {
        struct lg_fit fit;
        size_t count = fill(summary, curve, (enum lg_model_form)form, column, points, &places);
        rc = lg_fit_line(points, count, blocks, curve->name + 1, &fit);
        if (rc != EVD_OK || !(fit.misfit < ret_model->fit.misfit))
            continue;
        ret_model->form = (enum lg_model_form)form;
        ret_model->fit = fit;
    }
    free(column);
    free(points);
    ret_model->known = places >= 3 && isfinite(ret_model->fit.growing.estimate);
    if (ret_model->known)
        find_residual(summary, curve, ret_model);
    return rc;
}

/* ---- What is said of it. ---- */

/* One step of f(x) that a reader can picture: its size, and its name. */
static double step_of(const struct lg_growth_axis *axis, enum lg_model_form form,
                      const char **ret_name)
{
    *ret_name = form == LG_MODEL_LOG2 ? "a doubling" : lg_growth_sized(axis) ? "a KiB" : "1,000";
    return form == LG_MODEL_LOG2 ? 1 : lg_growth_sized(axis) ? 1024 : 1000;
}

static void scale(struct lg_interval *interval, double by)
{
    interval->estimate *= by;
    interval->low *= by;
    interval->high *= by;
}

static void put_model(const struct lg_growth_axis *axis, const struct lg_model *model,
                      struct lg_table_cell *row)
{
    const char *step;
    struct lg_interval growing = model->fit.growing;
    char text[LG_TABLE_TEXT], number[LG_PRINT_MAX], bounds[LG_PRINT_MAX], place[LG_PRINT_MAX];
    scale(&growing, step_of(axis, model->form, &step));
    lg_tables_put_interval(&row[0], &model->fit.fixed, LG_UNIT_TIME);
    bool grows = growing.bounded && growing.low > 0;
    snprintf(text, sizeof(text), "%s%s for %s", growing.estimate > 0 ? "+" : "",
             lg_print_value(growing.estimate, LG_UNIT_TIME, number), step);
    snprintf(number, sizeof(number), "%.40s%s", lg_print_bounds(&growing, LG_UNIT_TIME, bounds),
             grows ? "" : " not shown");
    lg_tables_put(&row[1], LG_TONE_NUMBER, text, number);
    lg_print_share(fabs(model->residual), number);
    snprintf(text, sizeof(text), "%s%.30s at %s", model->residual < 0 ? "-" : "+", number,
             lg_growth_place(axis, model->at, place));
    lg_tables_put(&row[2], LG_TONE_NUMBER, text, "");
}

/* What a core takes at all, at the first place and at the last. */
static void put_rates(const struct lg_summary *summary, const struct lg_growth_curve *curve,
                      struct lg_table_cell *row)
{
    size_t load = lg_main_load(summary);
    for (size_t i = 0; i < 2; i++) {
        size_t arm = curve->arms[i == 0 ? 0 : curve->count - 1];
        lg_tables_put_interval(&row[i], &lg_summary_cell(summary, 0, load, arm)->values[LG_RATE],
                               LG_UNIT_RATE);
    }
}

static size_t arm_at(const struct lg_growth_curve *curve, double x)
{
    for (size_t i = 0; i < curve->count; i++)
        if (!(curve->x[i] < x) && !(curve->x[i] > x))
            return curve->arms[i];
    return LG_ARMS_MAX;
}

/* Against the axis' first curve, at the last place that both have. */
static void put_handler(const struct lg_summary *summary, const struct lg_growth_axis *axis,
                        const struct lg_growth_curve *curve, struct lg_table_cell *cell)
{
    size_t last = curve->count - 1, arm = curve->arms[last];
    size_t base = arm_at(&axis->curves[0], curve->x[last]), load = lg_main_load(summary);
    lg_tables_put(cell, LG_TONE_NUMBER, "-", "");
    if (curve == &axis->curves[0] || base == LG_ARMS_MAX)
        return;
    struct lg_interval ratio = lg_summary_ratio(summary, 0, load, arm, base, LG_CPU);
    struct lg_interval handler =
        lg_breakeven_between(summary, 0, load, arm, base, LG_BREAKEVEN_CALL, 0.05);
    lg_breakeven_put(&handler, lg_judge(&ratio, false), cell);
}

void lg_growth_model_table(const struct lg_report *report, const struct lg_growth_axis *axis,
                           struct lg_doc *doc)
{
    const struct lg_summary *summary = report->summary;
    char caption[1024], least[64], most[64], handler[160], title[LG_NAME_MAX + 8],
        place[LG_PRINT_MAX];
    const char *heads[] = {"Line", "Fixed", "Growing", "Farthest off", least, most, handler};
    const struct lg_growth_curve *first = &axis->curves[0];
    snprintf(least, sizeof(least), "Calls a second at %.40s",
             lg_growth_place(axis, first->x[0], place));
    snprintf(most, sizeof(most), "at %.40s",
             lg_growth_place(axis, first->x[first->count - 1], place));
    snprintf(handler, sizeof(handler), "5 %% of a call, against %.*s", LG_NAME_MAX,
             report->growth->names[first->name]);
    snprintf(caption, sizeof(caption),
             "A model of the CPU time of a call: a fixed part, and one that grows with the %s, or "
             "by the same for each doubling of it, whichever leaves less (least squares of "
             "relative errors; 95 %% BCa intervals over blocks). 'Not shown': the interval holds "
             "0. 'Farthest off': how far a place's mean is from the model at most, and where. Then "
             "what one core takes at all: above it this way of dispatch is not possible, however "
             "short the handler. Last, at the right end, how much longer a handler must run for "
             "the line to cost less than 5 %% of a call more than `%s`.",
             lg_growth_title(axis, title), report->growth->names[first->name]);
    struct lg_table *table = lg_tables_new(caption, 7, heads);
    for (size_t i = 0; table && i < axis->curve_count; i++) {
        const struct lg_growth_curve *curve = &axis->curves[i];
        struct lg_model model;
        struct lg_table_cell *row = table->cells[table->rows];
        char name[LG_NAME_MAX + 3];
        if (lg_model_of(summary, curve, &model) != EVD_OK || !model.known)
            continue;
        table->rows++;
        snprintf(name, sizeof(name), "`%s`", report->growth->names[curve->name]);
        lg_tables_put(&row[0], LG_TONE_PLAIN, name, "");
        put_model(axis, &model, &row[1]);
        put_rates(summary, curve, &row[4]);
        put_handler(summary, axis, curve, &row[6]);
    }
    if (table && table->rows > 0)
        doc->format->table(doc, table);
    free(table);
}

void lg_growth_model_item(const struct lg_report *report, const struct lg_growth_axis *axis,
                          struct lg_doc *doc)
{
    char text[1600] = "", title[LG_NAME_MAX + 8], fixed[LG_PRINT_MAX], number[LG_PRINT_MAX],
         least[LG_PRINT_MAX], most[LG_PRINT_MAX];
    size_t len = 0, load = lg_main_load(report->summary);
    for (size_t i = 0; i < axis->curve_count; i++) {
        const struct lg_growth_curve *curve = &axis->curves[i];
        struct lg_model model;
        const char *step;
        if (lg_model_of(report->summary, curve, &model) != EVD_OK || !model.known ||
            !model.fit.growing.bounded || !(model.fit.growing.low > 0) || len >= sizeof(text))
            continue;
        double by = step_of(axis, model.form, &step);
        const struct lg_cell *from = lg_summary_cell(report->summary, 0, load, curve->arms[0]);
        const struct lg_cell *to =
            lg_summary_cell(report->summary, 0, load, curve->arms[curve->count - 1]);
        len += (size_t)snprintf(
            text + len, sizeof(text) - len,
            "%s `%s` %s + %s for %s; measured, a core takes at most %s at the left end and %s at "
            "the right",
            len ? "." : "", report->growth->names[curve->name],
            lg_print_value(model.fit.fixed.estimate, LG_UNIT_TIME, fixed),
            lg_print_value(model.fit.growing.estimate * by, LG_UNIT_TIME, number), step,
            lg_print_value(from->values[LG_RATE].estimate, LG_UNIT_RATE, least),
            lg_print_value(to->values[LG_RATE].estimate, LG_UNIT_RATE, most));
    }
    lg_doc_item(doc, LG_TONE_PLAIN, "**A call, by %s**:%s.", lg_growth_title(axis, title),
                len ? text : " no line is shown to grow");
}
