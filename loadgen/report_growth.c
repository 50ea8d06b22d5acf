#include "report_growth.h"

#include "report_parts.h"
#include "study_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- The curves of a design. ---- */

static size_t find_name(const char **names, size_t *count, const char *name)
{
    size_t i = 0;
    while (i < *count && strcmp(names[i], name) != 0)
        i++;
    if (i == *count)
        names[(*count)++] = name; /* lg_design_take() has seen to it that there is room */
    return i;
}

static struct lg_growth_axis *find_axis(struct lg_growth *growth, const char *factor)
{
    size_t i = 0;
    while (i < growth->axis_count && strcmp(growth->axes[i].factor, factor) != 0)
        i++;
    if (i == growth->axis_count)
        growth->axes[growth->axis_count++].factor = factor;
    return &growth->axes[i];
}

static struct lg_growth_curve *find_curve(struct lg_growth_axis *axis, size_t name)
{
    size_t i = 0;
    while (i < axis->curve_count && axis->curves[i].name != name)
        i++;
    if (i == axis->curve_count)
        axis->curves[axis->curve_count++].name = name;
    return &axis->curves[i];
}

static void insert(struct lg_growth_curve *curve, double x, size_t arm)
{
    size_t at = curve->count++;
    for (; at > 0 && curve->x[at - 1] > x; at--) {
        curve->x[at] = curve->x[at - 1];
        curve->arms[at] = curve->arms[at - 1];
    }
    curve->x[at] = x;
    curve->arms[at] = arm;
}

static bool same_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

void lg_growth_make(const struct lg_design *design, struct lg_growth *ret_growth)
{
    *ret_growth = (struct lg_growth){0};
    for (size_t i = 0; i < design->arm_count; i++) {
        const struct lg_arm *arm = &design->arms[i];
        for (size_t f = 0; f < arm->factor_count; f++) {
            struct lg_growth_axis *axis = find_axis(ret_growth, arm->factors[f].name);
            size_t name = find_name(ret_growth->names, &ret_growth->name_count, arm->curve);
            struct lg_growth_curve *curve = find_curve(axis, name);
            for (size_t k = 0; k < curve->count; k++) {
                const struct lg_arm *other = &design->arms[curve->arms[k]];
                axis->starts = axis->starts || !same_text(arm->program, other->program) ||
                               !same_text(arm->modules, other->modules);
            }
            insert(curve, arm->factors[f].value, i);
        }
    }
}

#define BYTES "_bytes"

size_t lg_growth_sized(const struct lg_growth_axis *axis)
{
    size_t len = strlen(axis->factor), tail = strlen(BYTES);
    return len > tail && strcmp(axis->factor + len - tail, BYTES) == 0 ? len - tail : 0;
}

const char *lg_growth_title(const struct lg_growth_axis *axis, char *out)
{
    size_t len = lg_growth_sized(axis);
    snprintf(out, LG_NAME_MAX + 8, "%.*s%s", len ? (int)len : LG_NAME_MAX, axis->factor,
             len ? " size" : "");
    for (char *c = out; *c; c++)
        *c = *c == '_' ? ' ' : *c;
    return out;
}

const char *lg_growth_place(const struct lg_growth_axis *axis, double x, char *out)
{
    return lg_growth_sized(axis) ? lg_print_size(x, out) : lg_print_count(x, out);
}

/* ---- What is said of them. ---- */

static const struct measure {
    enum lg_metric metric;
    enum lg_unit unit;
    const char *name;
} measures[LG_GROWTH_MEASURES] = {
    [LG_GROWTH_CPU] = {LG_CPU, LG_UNIT_US, "Server CPU per call"},
    [LG_GROWTH_STARTUP] = {LG_STARTUP, LG_UNIT_MS, "Start-up time"},
    [LG_GROWTH_RSS] = {LG_RSS, LG_UNIT_MIB, "Peak memory"},
};

/* How a measure grew from a curve's first point to another. */
static struct lg_interval growth_of(const struct lg_report *report,
                                    const struct lg_growth_curve *curve, size_t point,
                                    enum lg_metric metric)
{
    size_t load = lg_main_load(report->summary);
    return lg_summary_ratio(report->summary, 0, load, curve->arms[point], curve->arms[0], metric);
}

/* "from 10 to 10,000 endpoints", "from 16 KiB to 4 MiB of module size" */
static void put_range(FILE *out, const struct lg_growth_axis *axis)
{
    char from[LG_PRINT_MAX], to[LG_PRINT_MAX], title[LG_NAME_MAX + 8];
    double low = INFINITY, high = 0;
    for (size_t i = 0; i < axis->curve_count; i++) {
        low = fmin(low, axis->curves[i].x[0]);
        high = fmax(high, axis->curves[i].x[axis->curves[i].count - 1]);
    }
    fprintf(out, "from %s to %s %s%s", lg_growth_place(axis, low, from),
            lg_growth_place(axis, high, to), lg_growth_sized(axis) ? "of " : "",
            lg_growth_title(axis, title));
}

/* "× 1.92 [1.85, 2.00]"; "the same within 2 %" */
static void put_growth(FILE *out, const struct lg_interval *ratio, bool bounds)
{
    char value[LG_PRINT_MAX], text[LG_PRINT_MAX];
    enum lg_verdict verdict = lg_judge(ratio, false);
    if (!isfinite(ratio->estimate)) {
        fputs("not measured", out);
        return;
    }
    if (verdict == LG_EQUIVALENT) {
        fputs("the same within 2 %", out);
        return;
    }
    lg_print_value(ratio->estimate, LG_UNIT_RATIO, value);
    fprintf(out, "× %s", value);
    if (bounds && ratio->bounded)
        fprintf(out, " %s", lg_print_bounds(ratio, LG_UNIT_RATIO, text));
    if (!ratio->bounded)
        fputs(", without an interval", out);
    else if (verdict == LG_UNRESOLVED)
        fputs(", not shown to change", out);
}

/* Which curves of an axis change, and which are shown not to; the others are in the list below. */
static void put_changes(const struct lg_report *report, const struct lg_growth_axis *axis,
                        FILE *out)
{
    bool any = false;
    for (size_t i = 0; i < axis->curve_count; i++) {
        const struct lg_growth_curve *curve = &axis->curves[i];
        struct lg_interval ratio = growth_of(report, curve, curve->count - 1, LG_CPU);
        if (isfinite(ratio.estimate) && ratio.bounded && lg_judge(&ratio, false) == LG_UNRESOLVED)
            continue;
        fprintf(out, "%s `%s` ", any ? "," : ":", report->growth->names[curve->name]);
        put_growth(out, &ratio, false);
        any = true;
    }
    if (!any)
        fputs(": no change is shown", out);
}

char *lg_growth_lead(const struct lg_report *report)
{
    const struct lg_growth *growth = report->growth;
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        return NULL;
    fputs("Server CPU per call", out);
    for (size_t a = 0; a < growth->axis_count; a++) {
        const struct lg_growth_axis *axis = &growth->axes[a];
        fputs(a ? "; " : ", ", out);
        put_range(out, axis);
        put_changes(report, axis, out);
    }
    fputs(".", out);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* One item: a measure on an axis, from the first to the last point of each curve, and a note. */
static void put_meaning(const struct lg_report *report, const struct lg_growth_axis *axis,
                        const struct measure *measure, const char *note, struct lg_doc *doc)
{
    size_t len, load = lg_main_load(report->summary);
    char *text = NULL, a[LG_PRINT_MAX], b[LG_PRINT_MAX];
    FILE *out = open_memstream(&text, &len);
    if (!out)
        return;
    for (size_t i = 0; i < axis->curve_count; i++) {
        const struct lg_growth_curve *curve = &axis->curves[i];
        size_t last = curve->count - 1;
        const struct lg_cell *from = lg_summary_cell(report->summary, 0, load, curve->arms[0]);
        const struct lg_cell *to = lg_summary_cell(report->summary, 0, load, curve->arms[last]);
        struct lg_interval ratio = growth_of(report, curve, last, measure->metric);
        fprintf(out, "%s `%s` %s to %s (", i ? ";" : "", report->growth->names[curve->name],
                lg_print_value(from->values[measure->metric].estimate, measure->unit, a),
                lg_print_value(to->values[measure->metric].estimate, measure->unit, b));
        put_growth(out, &ratio, true);
        fputs(")", out);
    }
    if (fclose(out) == 0) {
        char range[160] = "";
        FILE *place = fmemopen(range, sizeof(range), "w");
        if (place) {
            put_range(place, axis);
            fclose(place);
        }
        lg_doc_item(doc, LG_TONE_PLAIN, "**%s** %s:%s.%s", measure->name, range, text, note);
    }
    free(text);
}

#define LISTING                                                                                    \
    " A dynamic backend loads a module when it is first called, so its start-up holds only the "   \
    "listing of the folder."

static bool any_dynamic(const struct lg_growth *growth, const struct lg_growth_axis *axis)
{
    for (size_t i = 0; i < axis->curve_count; i++) {
        if (strncmp(growth->names[axis->curves[i].name], "dynamic", 7) == 0)
            return true;
    }
    return false;
}

void lg_growth_startup(const struct lg_report *report, struct lg_doc *doc)
{
    const struct lg_growth *growth = report->growth;
    size_t last = growth->axis_count; /* which has the note, for all of them */
    for (size_t a = 0; a < growth->axis_count; a++)
        if (growth->axes[a].starts && !lg_growth_sized(&growth->axes[a]))
            last = a;
    for (size_t a = 0; a < growth->axis_count; a++) {
        const struct lg_growth_axis *axis = &growth->axes[a];
        if (axis->starts && !lg_growth_sized(axis))
            put_meaning(report, axis, &measures[LG_GROWTH_STARTUP],
                        a == last && any_dynamic(growth, axis) ? LISTING : "", doc);
    }
}

void lg_growth_meaning(const struct lg_report *report, struct lg_doc *doc)
{
    doc->format->list(doc, true);
    for (size_t a = 0; a < report->growth->axis_count; a++) {
        const struct lg_growth_axis *axis = &report->growth->axes[a];
        for (size_t m = 0; m < LG_GROWTH_MEASURES; m++)
            if (m != LG_GROWTH_STARTUP || axis->starts)
                put_meaning(report, axis, &measures[m], "", doc);
        lg_growth_model_item(report, axis, doc);
    }
    lg_edits_meaning(report->edits, doc);
    doc->format->list(doc, false);
}

/* ---- Point by point. ---- */

/* What an arm takes on the disk: its server, and its modules folder. */
static void put_disk(const struct lg_data *data, size_t arm, struct lg_table_cell *cell)
{
    const cJSON *disk =
        cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(data->about, "disk"), (int)arm);
    double program = lg_json_number(disk, "program_bytes");
    double modules = lg_json_number(disk, "modules"), bytes = lg_json_number(disk, "modules_bytes");
    char total[LG_PRINT_MAX], own[LG_PRINT_MAX], detail[64] = "";
    if (modules > 0)
        snprintf(detail, sizeof(detail), "%.24s in %.0f .so", lg_print_size(bytes, own), modules);
    lg_tables_put(cell, LG_TONE_NUMBER, lg_print_size(program + (modules > 0 ? bytes : 0), total),
                  detail);
}

static void put_point(const struct lg_report *report, const struct lg_growth_axis *axis,
                      const struct lg_growth_curve *curve, size_t point, struct lg_table_cell *row)
{
    const struct lg_summary *summary = report->summary;
    size_t arm = curve->arms[point], load = lg_main_load(summary);
    const struct lg_cell *cell = lg_summary_cell(summary, 0, load, arm);
    char name[LG_TABLE_TEXT], place[LG_PRINT_MAX], detail[64] = "";
    snprintf(name, sizeof(name), "`%s`, %s", report->growth->names[curve->name],
             lg_growth_place(axis, curve->x[point], place));
    if (cell->problems > 0)
        snprintf(detail, sizeof(detail), "%u of %u went wrong", cell->problems, cell->done);
    else if (cell->invalid > 0)
        snprintf(detail, sizeof(detail), "%u of %u INVALID", cell->invalid, cell->done);
    lg_tables_put(&row[0], LG_TONE_PLAIN, name, detail);
    lg_tables_put_interval(&row[1], &cell->values[LG_CPU], LG_UNIT_US);
    struct lg_interval ratio = growth_of(report, curve, point, LG_CPU);
    if (point == 0)
        lg_tables_put(&row[2], LG_TONE_NUMBER, "1", "");
    else
        lg_tables_put_interval(&row[2], &ratio, LG_UNIT_RATIO);
    lg_tables_put_interval(&row[3], &cell->values[LG_STARTUP], LG_UNIT_MS);
    lg_tables_put_interval(&row[4], &cell->values[LG_RSS], LG_UNIT_MIB);
    lg_tables_put_interval(&row[5], &cell->values[LG_PSS], LG_UNIT_MIB);
    put_disk(report->data, arm, &row[6]);
}

static void put_table(const struct lg_report *report, const struct lg_growth_axis *axis,
                      struct lg_doc *doc)
{
    static const char *const heads[] = {
        "Arm", "CPU per call", "Ratio to the smallest", "Start-up", "Peak RSS", "PSS", "On disk"};
    char caption[640], title[LG_NAME_MAX + 8];
    snprintf(caption, sizeof(caption),
             "By %s: server CPU time per call, and its ratio to the smallest of the same curve in "
             "the same block; time from fork to ready (median); peak resident and proportional "
             "memory; size of the server's file and of those of its modules folder, without debug "
             "information. 95 %% intervals.%s",
             lg_growth_title(axis, title), any_dynamic(report->growth, axis) ? LISTING : "");
    struct lg_table *table = lg_tables_new(caption, 7, heads);
    if (!table)
        return;
    for (size_t i = 0; i < axis->curve_count; i++)
        for (size_t point = 0; point < axis->curves[i].count; point++)
            put_point(report, axis, &axis->curves[i], point, table->cells[table->rows++]);
    doc->format->table(doc, table);
    free(table);
}

void lg_growth_sections(const struct lg_report *report, struct lg_doc *doc)
{
    const struct lg_growth *growth = report->growth;
    for (size_t a = 0; a < growth->axis_count; a++) {
        char heading[LG_NAME_MAX + 24] = "Growth with ", title[LG_NAME_MAX + 8];
        strcat(heading, lg_growth_title(&growth->axes[a], title));
        doc->format->heading(doc, 2, heading);
        for (size_t m = 0; m < LG_GROWTH_MEASURES; m++) {
            const struct lg_report_figure *figure = &report->figures[a * LG_GROWTH_MEASURES + m];
            if (figure->svg)
                doc->format->figure(doc, &figure->figure);
        }
        put_table(report, &growth->axes[a], doc);
        lg_growth_model_table(report, &growth->axes[a], doc);
    }
}
