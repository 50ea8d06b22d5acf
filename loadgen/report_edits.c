#include "report_edits.h"

#include "paths.h"
#include "plot_charts.h"
#include "report_parts.h"
#include "study_json.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EDITS_BYTES_MAX ((size_t)64 << 20)

/* ---- The data. ---- */

/* Whether a group stands before one of this size: those that are restarted come first. */
static bool stands_before(const struct lg_edit_group *group, double bytes, bool restart)
{
    return group->module_bytes < bytes ||
           (group->module_bytes <= bytes && (group->restart || !restart));
}

/* The arm's group, made where it belongs; NULL when there are too many. */
static struct lg_edit_group *find_group(struct lg_edits *edits, const char *name, double bytes,
                                        bool restart)
{
    size_t at = 0;
    for (; at < edits->count && stands_before(&edits->groups[at], bytes, restart); at++) {
        struct lg_edit_group *group = &edits->groups[at];
        if (!(group->module_bytes < bytes) && group->restart == restart &&
            strcmp(group->name, name) == 0)
            return group;
    }
    if (edits->count == LG_EDIT_ARMS_MAX)
        return NULL;
    struct lg_edit_group *group = &edits->groups[at];
    memmove(group + 1, group, (edits->count - at) * sizeof(*group));
    *group = (struct lg_edit_group){.module_bytes = bytes, .restart = restart};
    snprintf(group->name, sizeof(group->name), "%s", name);
    edits->count++;
    return group;
}

static bool good_name(const char *name)
{
    /* It goes into a figure, between quotes. */
    return name && name[0] && strlen(name) <= LG_NAME_MAX && !strpbrk(name, "'`*\\") &&
           strcspn(name, "\n\r\t") == strlen(name);
}

/* Why a line cannot be used; NULL when it was. */
static const char *take_line(struct lg_edits *edits, const cJSON *line)
{
    const char *name = lg_json_string(line, "arm", NULL);
    double bytes = lg_json_number(line, "module_bytes"), total = lg_json_number(line, "total_ns");
    const cJSON *phases = cJSON_GetObjectItemCaseSensitive(line, "phases_ns");
    bool restart = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(line, "restart"));
    if (strcmp(lg_json_string(line, "schema", ""), "evdispatch.edit/1") != 0)
        return "the schema is not 'evdispatch.edit/1'";
    if (!good_name(name))
        return "'arm' must be at most 48 characters without quotes";
    if (!(bytes > 0 && bytes < 1e15))
        return "'module_bytes' must be a number greater than 0";
    struct lg_edit_group *group = find_group(edits, name, bytes, restart);
    if (!group || group->count == LG_EDIT_REPETITIONS_MAX)
        return "there are more arms or repetitions than an edit-to-live has";
    for (size_t i = 0; i <= LG_EDIT_PHASES; i++) {
        double ns = i < LG_EDIT_PHASES ? lg_json_number(phases, lg_edit_phase_names[i]) : total;
        if (!(ns >= 0 && ns < 1e15))
            return "a phase, or the total, is not a time in ns";
        group->times[i][group->count] = ns;
    }
    group->count++;
    return NULL;
}

static int take_lines(const char *path, const char *text, size_t len, struct lg_edits *edits,
                      struct evd_error *error)
{
    for (size_t number = 1; len > 0; number++) {
        const char *end = memchr(text, '\n', len), *why;
        cJSON *line;
        if (!end)
            return evd_error_set(error, EVD_ERR_BAD_DATA, "%s:%zu: the line is cut off", path,
                                 number);
        size_t used = (size_t)(end - text);
        int rc = lg_json_parse(text, used, path, number, &line, error);
        if (rc != EVD_OK)
            return rc;
        why = take_line(edits, line);
        cJSON_Delete(line);
        if (why)
            return evd_error_set(error, EVD_ERR_BAD_DATA, "%s:%zu: %s", path, number, why);
        text = end + 1;
        len -= used + 1;
    }
    for (size_t i = 0; i < edits->count; i++)
        for (size_t k = 0; k <= LG_EDIT_PHASES; k++)
            edits->groups[i].medians[k] =
                lg_median_interval(edits->groups[i].times[k], edits->groups[i].count);
    return EVD_OK;
}

int lg_edits_read(const char *dir, struct lg_edits *ret_edits, struct evd_error *ret_error)
{
    char path[LG_PATH_MAX], *text;
    size_t len;
    *ret_edits = (struct lg_edits){0};
    if (snprintf(path, sizeof(path), "%s/edit.jsonl", dir) >= LG_PATH_MAX)
        return evd_error_set(ret_error, EVD_ERR_USAGE, "the path '%.60s...' is too long", dir);
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return EVD_OK;
    int rc = lg_read_file(path, EDITS_BYTES_MAX, &text, &len, ret_error);
    if (rc != EVD_OK)
        return rc;
    ret_edits->groups = calloc(LG_EDIT_ARMS_MAX, sizeof(*ret_edits->groups));
    rc = ret_edits->groups ? take_lines(path, text, len, ret_edits, ret_error)
                           : evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "no memory for edits");
    if (rc == EVD_OK)
        rc = lg_data_sha256(text, len, ret_edits->sha256, ret_error);
    free(text);
    if (rc != EVD_OK)
        lg_edits_release(ret_edits);
    return rc;
}

void lg_edits_release(struct lg_edits *edits)
{
    free(edits->groups);
    *edits = (struct lg_edits){0};
}

/* ---- What is shown of them. ---- */

static const char *const phase_titles[LG_EDIT_PHASES] = {
    [LG_EDIT_COMPILE] = "compile",
    [LG_EDIT_LINK] = "link",
    [LG_EDIT_DEPLOY] = "deploy",
    [LG_EDIT_ANSWER] = "first new answer",
};

int lg_edits_figure_make(struct lg_report *report, struct evd_error *ret_error)
{
    const struct lg_edits *edits = report->edits;
    struct lg_chart_stack rows[LG_EDIT_ARMS_MAX] = {0};
    struct lg_script script;
    if (edits->count == 0)
        return EVD_OK;
    for (size_t i = 0; i < edits->count; i++) {
        const struct lg_edit_group *group = &edits->groups[i];
        char size[LG_PRINT_MAX], value[LG_PRINT_MAX], bounds[LG_PRINT_MAX];
        const struct lg_interval *total = &group->medians[LG_EDIT_PHASES];
        snprintf(rows[i].label, sizeof(rows[i].label), "%s, %s", group->name,
                 lg_print_size(group->module_bytes, size));
        for (size_t k = 0; k < LG_EDIT_PHASES; k++)
            rows[i].parts[k] = group->medians[k].estimate / 1e6;
        lg_print_value(total->estimate, LG_UNIT_MS, value);
        snprintf(rows[i].text, sizeof(rows[i].text), "%.40s %.50s", value,
                 lg_print_bounds(total, LG_UNIT_MS, bounds));
    }
    int rc = lg_script_open(&script, ret_error);
    if (rc != EVD_OK)
        return rc;
    lg_chart_stacks(script.out, rows, edits->count, phase_titles, LG_EDIT_PHASES,
                    "from the saved edit, ms");
    struct lg_report_figure *figure = &report->figures[report->slots - 1];
    figure->data = lg_figure_stacks(rows, edits->count, phase_titles, LG_EDIT_PHASES);
    snprintf(figure->title, sizeof(figure->title),
             "Time from a saved edit to the new answer, by phase");
    snprintf(figure->caption, sizeof(figure->caption),
             "From a saved edit to the new answer: medians of each phase, end to end; at the right "
             "the median of the whole, and between which two repetitions it lies. The last two "
             "phases are often too short to be seen: the table has them.");
    return lg_figure_finish(report, &script, figure, "edit-to-live", ret_error);
}

static void put_table(const struct lg_edits *edits, struct lg_doc *doc)
{
    static const char *const heads[] = {
        "Arm", "Edits", "Compile", "Link", "Deploy", "First new answer", "In all"};
    struct lg_table *table = lg_tables_new(
        "From a saved edit to the new answer, by size of the module: medians, and between which "
        "repetitions they lie. Deploy: renamed into place, and, where the server is restarted, its "
        "end and the new one's start, in which nothing is served.",
        7, heads);
    if (!table)
        return;
    for (size_t i = 0; i < edits->count; i++) {
        const struct lg_edit_group *group = &edits->groups[i];
        struct lg_table_cell *row = table->cells[table->rows++];
        char name[LG_TABLE_TEXT], size[LG_PRINT_MAX];
        snprintf(name, sizeof(name), "`%s`, %s", group->name,
                 lg_print_size(group->module_bytes, size));
        lg_tables_put(&row[0], LG_TONE_PLAIN, name, group->restart ? "restarted" : "noticed live");
        lg_tables_put(&row[1], LG_TONE_NUMBER, lg_print_count((double)group->count, size), "");
        for (size_t k = 0; k <= LG_EDIT_PHASES; k++)
            lg_tables_put_interval(&row[2 + k], &group->medians[k], LG_UNIT_MS);
    }
    doc->format->table(doc, table);
    free(table);
}

/* "static 265 ms, dynamic/cached 225 ms" of one size. */
static void put_size(const struct lg_edits *edits, size_t *at, FILE *out)
{
    char size[LG_PRINT_MAX], value[LG_PRINT_MAX];
    double bytes = edits->groups[*at].module_bytes;
    fprintf(out, "%s %s", *at ? "; at" : " at", lg_print_size(bytes, size));
    for (const char *between = " "; *at < edits->count; between = ", ") {
        const struct lg_edit_group *group = &edits->groups[*at];
        if (group->module_bytes > bytes)
            break;
        fprintf(out, "%s`%s` %s", between, group->name,
                lg_print_value(group->medians[LG_EDIT_PHASES].estimate, LG_UNIT_MS, value));
        ++*at;
    }
}

/* What no way of dispatch can save. */
static void put_share(const struct lg_edits *edits, FILE *out)
{
    double least = 1, most = 0;
    for (size_t i = 0; i < edits->count; i++) {
        const struct lg_interval *medians = edits->groups[i].medians;
        double share = (medians[LG_EDIT_COMPILE].estimate + medians[LG_EDIT_LINK].estimate) /
                       medians[LG_EDIT_PHASES].estimate;
        least = share < least ? share : least;
        most = share > most ? share : most;
    }
    fprintf(out, ". Compiling and linking, which each of them needs, are %.0f to %.0f %% of it",
            least * 100, most * 100);
}

void lg_edits_meaning(const struct lg_edits *edits, struct lg_doc *doc)
{
    char *text = NULL;
    size_t len, at = 0;
    FILE *out = edits->count > 0 ? open_memstream(&text, &len) : NULL;
    if (!out)
        return;
    while (at < edits->count)
        put_size(edits, &at, out);
    put_share(edits, out);
    if (fclose(out) == 0)
        lg_doc_item(doc, LG_TONE_PLAIN,
                    "**From a saved edit to the new answer** by size of the module:%s.", text);
    free(text);
}

void lg_edits_section(const struct lg_report *report, struct lg_doc *doc)
{
    const struct lg_report_figure *figure = &report->figures[report->slots - 1];
    if (report->edits->count == 0)
        return;
    doc->format->heading(doc, 2, "From a saved edit to the new answer");
    lg_doc_paragraph(
        doc,
        "A server serves the old answer; one file of the module, of at most 64 KiB of code, is "
        "edited and saved. The clock runs while it is compiled, the server or the shared "
        "object is linked, the result is renamed into place and, for `static`, the server "
        "restarted, until the new answer comes to one connection that asks without pause. The "
        "compiler's and the linker's commands are the build's; the build tool is left out.");
    if (figure->svg)
        doc->format->figure(doc, &figure->figure);
    put_table(report->edits, doc);
}
