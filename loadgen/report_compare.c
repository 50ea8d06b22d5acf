#include "report_compare.h"

#include "report_format.h"
#include "report_parts.h"
#include "stats_rank.h"
#include "stats_two.h"
#include "study_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WARNINGS_MAX = 24 };

/* Where `arm`, scenario and load of the first design are in the second. */
static bool find_cell(const struct lg_design *first, const struct lg_design *second,
                      const struct lg_compare_row *row, size_t *ret_cell)
{
    size_t scenario = 0, load = 0, arm = 0;
    while (scenario < second->scenario_count &&
           strcmp(second->scenarios[scenario], first->scenarios[row->scenario]) != 0)
        scenario++;
    while (load < second->load_count &&
           strcmp(second->loads[load].name, first->loads[row->load].name) != 0)
        load++;
    while (arm < second->arm_count &&
           strcmp(second->arms[arm].name, first->arms[row->arm].name) != 0)
        arm++;
    if (scenario == second->scenario_count || load == second->load_count ||
        arm == second->arm_count)
        return false;
    *ret_cell = lg_design_cell(second, scenario, load, arm);
    return true;
}

/* A metric of a cell's trials that count; returns how many. */
static size_t take(const struct lg_summary *summary, size_t cell, enum lg_metric metric,
                   double out[static LG_TWO_MAX])
{
    const struct lg_data *data = summary->data;
    size_t count = 0;
    for (size_t i = 0; i < data->count && count < LG_TWO_MAX; i++) {
        const struct lg_trial *trial = &data->trials[i];
        if (lg_design_cell(&data->design, trial->scenario, trial->load, trial->arm) == cell &&
            lg_summary_counts(summary, trial) && isfinite(trial->metrics[metric]))
            out[count++] = trial->metrics[metric];
    }
    return count;
}

static void compare_row(const struct lg_summary *first, const struct lg_summary *second,
                        size_t other, struct lg_compare_row *row)
{
    double before[LG_TWO_MAX], after[LG_TWO_MAX];
    size_t cell = lg_design_cell(&first->data->design, row->scenario, row->load, row->arm);
    size_t n = take(first, cell, row->metric, before), m = take(second, other, row->metric, after);
    row->values[0] = first->cells[cell].values[row->metric];
    row->values[1] = second->cells[other].values[row->metric];
    row->trusted = first->cells[cell].trusted && second->cells[other].trusted;
    row->ratio = lg_two_ratio_interval(after, m, before, n);
    row->p = row->trusted ? lg_mann_whitney_p(after, m, before, n) : NAN;
    row->ratio.bounded = row->ratio.bounded && row->trusted;
}

static void judge(struct lg_compare *compare, double *p)
{
    for (size_t i = 0; i < compare->count; i++)
        p[i] = compare->rows[i].p;
    lg_holm(p, compare->count);
    for (size_t i = 0; i < compare->count; i++) {
        struct lg_compare_row *row = &compare->rows[i];
        double worse = row->metric == LG_RATE ? 1 / row->ratio.estimate : row->ratio.estimate;
        row->p = p[i];
        row->verdict = lg_judge_pair(&row->ratio, p[i], row->metric == LG_RATE);
        row->slower = row->verdict == LG_WORSE && worse > 1 + LG_EQUIVALENCE_MARGIN;
        compare->slower += row->slower;
        compare->trusted += row->trusted;
        compare->judged += row->ratio.bounded;
    }
}

int lg_compare_make(const struct lg_summary *first, const struct lg_summary *second,
                    struct lg_compare *ret_compare, struct evd_error *ret_error)
{
    const struct lg_design *design = &first->data->design;
    size_t cells = lg_design_cells(design);
    double *p = calloc(cells * 2, sizeof *p);
    *ret_compare = (struct lg_compare){.rows = calloc(cells * 2, sizeof *ret_compare->rows)};
    if (p == NULL || ret_compare->rows == NULL) {
        free(p);
        lg_compare_release(ret_compare);
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "no memory to compare");
    }
    for (size_t i = 0; i < cells * 2; i++) {
        size_t cell = i / 2, pair = cell / design->arm_count, other;
        size_t load = pair % design->load_count;
        bool closed = first->data->loads[load].closed;
        struct lg_compare_row *row = &ret_compare->rows[ret_compare->count];
        *row = (struct lg_compare_row){
            .scenario = pair / design->load_count, .load = load, .arm = cell % design->arm_count};
        row->metric = closed ? (i % 2 ? LG_CPU : LG_RATE) : (i % 2 ? LG_P99 : LG_P50);
        if (!find_cell(design, &second->data->design, row, &other)) {
            ret_compare->missing++;
            continue;
        }
        compare_row(first, second, other, row);
        ret_compare->count++;
    }
    judge(ret_compare, p);
    free(p);
    if (ret_compare->count > 0)
        return EVD_OK;
    lg_compare_release(ret_compare);
    return evd_error_set(ret_error, EVD_ERR_BAD_DATA,
                         "the studies '%.48s' and '%.48s' have no arm under the same scenario and "
                         "load in common",
                         design->name, second->data->design.name);
}

void lg_compare_release(struct lg_compare *compare)
{
    free(compare->rows);
    *compare = (struct lg_compare){0};
}

/* ---- What is printed. ---- */

struct sides {
    const char *const *dirs;
    const struct lg_data *data[2];
    char warnings[WARNINGS_MAX][320];
    size_t warning_count;
};

static void differs(struct sides *sides, const char *what, const char *first, const char *second)
{
    if (strcmp(first, second) == 0 || sides->warning_count == WARNINGS_MAX)
        return;
    snprintf(sides->warnings[sides->warning_count++], sizeof *sides->warnings,
             "%s differs: '%.80s' and '%.80s'", what, first, second);
}

static const cJSON *part(const struct lg_data *data, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(data->about, key);
}

/* The same for a part of both that is not one text: objects, lists, numbers. */
static void differs_json(struct sides *sides, const char *what, const cJSON *first,
                         const cJSON *second)
{
    char *texts[2] = {first ? cJSON_PrintUnformatted(first) : NULL,
                      second ? cJSON_PrintUnformatted(second) : NULL};
    if (first && second ? !cJSON_Compare(first, second, true) : first != second)
        differs(sides, what, texts[0] ? texts[0] : "nothing", texts[1] ? texts[1] : "nothing");
    cJSON_free(texts[0]);
    cJSON_free(texts[1]);
}

/* Arms of one name that are told different things, and those that only the first study has. */
static void find_arm_warnings(struct sides *sides)
{
    const struct lg_design *first = &sides->data[0]->design, *second = &sides->data[1]->design;
    const cJSON *arms[2] = {cJSON_GetObjectItemCaseSensitive(first->root, "arms"),
                            cJSON_GetObjectItemCaseSensitive(second->root, "arms")};
    for (size_t i = 0; i < first->arm_count; i++) {
        char what[80];
        size_t j = 0;
        while (j < second->arm_count && strcmp(first->arms[i].name, second->arms[j].name) != 0)
            j++;
        snprintf(what, sizeof what, "the arm '%.48s'", first->arms[i].name);
        if (j < second->arm_count)
            differs_json(sides, what, cJSON_GetArrayItem(arms[0], (int)i),
                         cJSON_GetArrayItem(arms[1], (int)j));
        else if (sides->warning_count < WARNINGS_MAX)
            snprintf(sides->warnings[sides->warning_count++], sizeof *sides->warnings,
                     "%s is not in the second study: it is not compared", what);
    }
}

/* Scenarios of one name whose files are not the same. */
static void find_scenario_warnings(struct sides *sides)
{
    const struct lg_design *design = &sides->data[0]->design;
    for (size_t i = 0; i < design->scenario_count; i++) {
        const char *hashes[2] = {"", ""};
        char what[80];
        for (size_t side = 0; side < 2; side++) {
            const cJSON *file;
            cJSON_ArrayForEach(file, part(sides->data[side], "files"))
            {
                if (strcmp(lg_json_string(file, "file", ""), design->scenarios[i]) == 0)
                    hashes[side] = lg_json_string(file, "sha256", "");
            }
        }
        snprintf(what, sizeof what, "the scenario '%.48s'", design->scenarios[i]);
        if (hashes[0][0] && hashes[1][0])
            differs(sides, what, hashes[0], hashes[1]);
    }
}

/* What makes two studies hard to compare, beside the commit, which is what one compares. */
static void find_warnings(struct sides *sides)
{
    static const char *const keys[][2] = {
        {"machine", "cpu"},    {"machine", "kernel"}, {"machine", "governor"}, {"build", "type"},
        {"build", "sanitize"}, {"build", "compiler"}, {"build", "flags"}};
    static const char *const settings[] = {"warmup", "layouts", "keep_awake", "transport",
                                           "congestion"};
    const struct lg_design *first = &sides->data[0]->design, *second = &sides->data[1]->design;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char what[48];
        snprintf(what, sizeof what, "%s %s", keys[i][0], keys[i][1]);
        differs(sides, what, lg_json_string(part(sides->data[0], keys[i][0]), keys[i][1], ""),
                lg_json_string(part(sides->data[1], keys[i][0]), keys[i][1], ""));
    }
    differs_json(sides, "machine cores",
                 cJSON_GetObjectItemCaseSensitive(part(sides->data[0], "machine"), "cores"),
                 cJSON_GetObjectItemCaseSensitive(part(sides->data[1], "machine"), "cores"));
    differs_json(sides, "versions of libraries", part(sides->data[0], "libraries"),
                 part(sides->data[1], "libraries"));
    differs(sides, "duration of a trial", first->duration, second->duration);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        differs_json(sides, settings[i], cJSON_GetObjectItemCaseSensitive(first->root, settings[i]),
                     cJSON_GetObjectItemCaseSensitive(second->root, settings[i]));
    if (sides->warning_count < WARNINGS_MAX &&
        !cJSON_Compare(cJSON_GetObjectItemCaseSensitive(first->root, "loads"),
                       cJSON_GetObjectItemCaseSensitive(second->root, "loads"), true))
        snprintf(sides->warnings[sides->warning_count++], sizeof *sides->warnings,
                 "the loads of the designs differ");
    find_arm_warnings(sides);
    find_scenario_warnings(sides);
}

static const char *metric_name(enum lg_metric metric)
{
    return metric == LG_RATE  ? "throughput"
           : metric == LG_CPU ? "cpu"
           : metric == LG_P50 ? "p50"
                              : "p99";
}

static const char *verdict_name(const struct lg_compare_row *row)
{
    return !row->trusted         ? "INVALID"
           : !row->ratio.bounded ? "no interval"
                                 : lg_verdict_word(row->verdict, row->metric);
}

static void print_text(const struct lg_compare *compare, const struct sides *sides, FILE *out)
{
    const struct lg_design *design = &sides->data[0]->design;
    for (size_t i = 0; i < 2; i++)
        fprintf(out, "%c: %s, study '%s', commit %s, %s, %zu trials\n", 'A' + (int)i,
                sides->dirs[i], sides->data[i]->design.name,
                lg_json_string(sides->data[i]->about, "commit", "unknown"),
                lg_json_string(part(sides->data[i], "machine"), "cpu", "unknown CPU"),
                sides->data[i]->count);
    for (size_t i = 0; i < sides->warning_count; i++)
        fprintf(out, "warning: %s\n", sides->warnings[i]);
    fprintf(out, "\n%-20s %-12s %-20s %-10s %11s %11s  %-24s %-7s %s\n", "scenario", "load", "arm",
            "measure", "A", "B", "B / A", "p", "B is");
    for (size_t i = 0; i < compare->count; i++) {
        const struct lg_compare_row *row = &compare->rows[i];
        enum lg_unit unit = row->metric == LG_RATE ? LG_UNIT_RATE : LG_UNIT_US;
        char a[LG_PRINT_MAX], b[LG_PRINT_MAX], ratio[LG_PRINT_MAX], bounds[LG_PRINT_MAX], p[32];
        char both[2 * LG_PRINT_MAX + 2];
        snprintf(both, sizeof both, "%s %s",
                 lg_print_value(row->ratio.estimate, LG_UNIT_RATIO, ratio),
                 lg_print_bounds(&row->ratio, LG_UNIT_RATIO, bounds));
        snprintf(p, sizeof p, isfinite(row->p) ? "%.3f" : "-", row->p);
        fprintf(out, "%-20s %-12s %-20s %-10s %11s %11s  %-24s %-7s %s%s\n",
                design->scenarios[row->scenario], design->loads[row->load].name,
                design->arms[row->arm].name, metric_name(row->metric),
                lg_print_value(row->values[0].estimate, unit, a),
                lg_print_value(row->values[1].estimate, unit, b), both, p, verdict_name(row),
                row->slower ? " *" : "");
    }
    fprintf(out,
            "\n%u of %zu rows slower or dearer by more than 2 %% (*); %u INVALID, %u without an "
            "interval, %u of A not in B. B / A: "
            "Hodges-Lehmann, 95 %%;\np: Mann-Whitney, by Holm over all rows. Trials of two studies "
            "are not paired: what else\nchanged between them counts as difference.\n",
            compare->slower, compare->count, (unsigned)compare->count - compare->trusted,
            (unsigned)compare->count - compare->judged, compare->missing);
    if (compare->judged == 0)
        fprintf(out, "No row has an interval: these two studies cannot tell.\n");
}

static cJSON *number_or_null(double value)
{
    return isfinite(value) ? cJSON_CreateNumber(value) : cJSON_CreateNull();
}

static cJSON *row_json(const struct lg_compare_row *row, const struct lg_design *design)
{
    cJSON *out = cJSON_CreateObject(), *bounds;
    cJSON_AddStringToObject(out, "scenario", design->scenarios[row->scenario]);
    cJSON_AddStringToObject(out, "load", design->loads[row->load].name);
    cJSON_AddStringToObject(out, "arm", design->arms[row->arm].name);
    cJSON_AddStringToObject(out, "measure", metric_name(row->metric));
    cJSON_AddItemToObject(out, "a", number_or_null(row->values[0].estimate));
    cJSON_AddItemToObject(out, "b", number_or_null(row->values[1].estimate));
    cJSON_AddItemToObject(out, "ratio", number_or_null(row->ratio.estimate));
    bounds = row->ratio.bounded ? cJSON_AddArrayToObject(out, "interval")
                                : cJSON_AddNullToObject(out, "interval");
    if (row->ratio.bounded) {
        cJSON_AddItemToArray(bounds, cJSON_CreateNumber(row->ratio.low));
        cJSON_AddItemToArray(bounds, cJSON_CreateNumber(row->ratio.high));
    }
    cJSON_AddItemToObject(out, "p", number_or_null(row->p));
    cJSON_AddStringToObject(out, "verdict", verdict_name(row));
    cJSON_AddBoolToObject(out, "slower", row->slower);
    return out;
}

static int print_json(const struct lg_compare *compare, const struct sides *sides, FILE *out)
{
    cJSON *root = cJSON_CreateObject(), *list;
    cJSON_AddStringToObject(root, "schema", "evdispatch.compare/1");
    for (size_t i = 0; i < 2; i++) {
        cJSON *side = cJSON_AddObjectToObject(root, i == 0 ? "a" : "b");
        cJSON_AddStringToObject(side, "dir", sides->dirs[i]);
        cJSON_AddStringToObject(side, "study", sides->data[i]->design.name);
        cJSON_AddStringToObject(side, "commit",
                                lg_json_string(sides->data[i]->about, "commit", "unknown"));
        cJSON_AddStringToObject(side, "cpu",
                                lg_json_string(part(sides->data[i], "machine"), "cpu", "unknown"));
        cJSON_AddStringToObject(side, "sha256", sides->data[i]->sha256);
    }
    list = cJSON_AddArrayToObject(root, "warnings");
    for (size_t i = 0; i < sides->warning_count; i++)
        cJSON_AddItemToArray(list, cJSON_CreateString(sides->warnings[i]));
    cJSON_AddNumberToObject(root, "slower", compare->slower);
    cJSON_AddNumberToObject(root, "judged", compare->judged);
    cJSON_AddNumberToObject(root, "missing", compare->missing);
    list = cJSON_AddArrayToObject(root, "rows");
    for (size_t i = 0; i < compare->count; i++)
        cJSON_AddItemToArray(list, row_json(&compare->rows[i], &sides->data[0]->design));
    char *text = cJSON_PrintUnformatted(root);
    cJSON_Delete(root);
    if (text == NULL)
        return EVD_ERR_NO_MEMORY;
    fprintf(out, "%s\n", text);
    cJSON_free(text);
    return EVD_OK;
}

int lg_compare_print(const char *const dirs[2], bool json, FILE *out, int *ret_status,
                     struct evd_error *ret_error)
{
    struct lg_data data[2] = {0};
    struct lg_summary summary[2] = {0};
    struct lg_compare compare = {0};
    struct sides sides = {.dirs = dirs, .data = {&data[0], &data[1]}};
    size_t read = 0;
    int rc = EVD_OK;
    while (read < 2 && (rc = lg_data_read(dirs[read], &data[read], ret_error)) == EVD_OK) {
        read++;
        rc = lg_summary_make(&data[read - 1], &summary[read - 1]);
        if (rc != EVD_OK) {
            evd_error_set(ret_error, rc, "no memory for the summary");
            break;
        }
    }
    if (rc == EVD_OK)
        rc = lg_compare_make(&summary[0], &summary[1], &compare, ret_error);
    if (rc == EVD_OK) {
        find_warnings(&sides);
        *ret_status = compare.slower > 0 ? 1 : compare.judged == 0 ? 3 : 0;
        if (!json)
            print_text(&compare, &sides, out);
        else if ((rc = print_json(&compare, &sides, out)) != EVD_OK)
            evd_error_set(ret_error, rc, "no memory for the JSON");
        lg_compare_release(&compare);
    }
    for (size_t i = 0; i < read; i++) {
        lg_summary_release(&summary[i]);
        lg_data_release(&data[i]);
    }
    return rc;
}
