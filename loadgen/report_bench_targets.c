/* Targets: what the figures are held against. */
#include "report_bench.h"

#include "place.h"
#include "report_format.h"
#include "report_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS = 7 };

static const struct kind {
    const char *name;
    enum lg_unit unit;
    const char *sign;
} kinds[] = {
    [LG_TARGET_AT_MOST] = {"at-most", LG_UNIT_NS, "≤ "},
    [LG_TARGET_ABOVE] = {"above", LG_UNIT_NS, "≤ +"},
    [LG_TARGET_RATIO] = {"ratio", LG_UNIT_RATIO, "≤ × "},
    [LG_TARGET_AT_LEAST] = {"at-least", LG_UNIT_GBS, "≥ "},
};

/* ---- targets.tsv ---- */

static bool positive(const char *text, double *ret_number)
{
    char *end;
    *ret_number = strtod(text, &end);
    return end != text && *end == '\0' && *ret_number > 0 && *ret_number < 1e15;
}

static bool copy(char *out, size_t cap, const char *text)
{
    return (size_t)snprintf(out, cap, "%s", strcmp(text, "-") == 0 ? "" : text) < cap;
}

static int take_fields(const struct lg_place *place, char *const fields[FIELDS],
                       struct lg_target *target)
{
    size_t kind = 0;
    while (kind < sizeof(kinds) / sizeof(*kinds) && strcmp(kinds[kind].name, fields[0]) != 0)
        kind++;
    if (kind == sizeof(kinds) / sizeof(*kinds))
        return lg_place_complain(place, "kind is '%.20s'; it is at-most, above, ratio or at-least",
                                 fields[0]);
    target->kind = (enum lg_target_kind)kind;
    bool based = kind == LG_TARGET_ABOVE || kind == LG_TARGET_RATIO;
    if (!positive(fields[1], &target->limit))
        return lg_place_complain(place, "limit is '%.20s', not a number above 0", fields[1]);
    if (!copy(target->benchmark, sizeof(target->benchmark), fields[2]) ||
        !copy(target->base, sizeof(target->base), fields[3]) ||
        !copy(target->yardstick, sizeof(target->yardstick), fields[4]) ||
        !copy(target->what, sizeof(target->what), fields[6]))
        return lg_place_complain(place, "a name is too long");
    if (!target->benchmark[0] || !target->what[0])
        return lg_place_complain(place, "benchmark and what must be there");
    if (based != (target->base[0] != '\0'))
        return lg_place_complain(place, "kind %s %s", fields[0],
                                 based ? "needs a base" : "takes no base");
    if (target->yardstick[0] && !positive(fields[5], &target->yardstick_ns))
        return lg_place_complain(place, "was is '%.20s', not a number above 0", fields[5]);
    return EVD_OK;
}

static int take_line(const struct lg_place *place, char *line, struct lg_bench_data *data)
{
    char *fields[FIELDS + 1];
    size_t count = 0;
    for (char *field; count <= FIELDS && (field = strsep(&line, "\t"));)
        fields[count++] = field;
    if (count != FIELDS)
        return lg_place_complain(
            place, "not the %d fields kind, limit, benchmark, base, yardstick, was, what", FIELDS);
    if (strcmp(fields[0], "kind") == 0)
        return EVD_OK;
    if (data->target_count == LG_BENCH_TARGETS_MAX)
        return lg_place_complain(place, "there are more than %d targets", LG_BENCH_TARGETS_MAX);
    return take_fields(place, fields, &data->targets[data->target_count++]);
}

int lg_targets_take(const char *path, const char *text, struct lg_bench_data *data,
                    struct evd_error *ret_error)
{
    struct lg_place place = {.path = path, .line = 0, .error = ret_error};
    char *own = strdup(text), *rest = own, *line;
    int rc = own ? EVD_OK : evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "no memory for targets");
    while (rc == EVD_OK && (line = strsep(&rest, "\n"))) {
        place.line++;
        if (*line != '\0' && *line != '#')
            rc = take_line(&place, line, data);
    }
    free(own);
    return rc;
}

/* ---- Judging ---- */

static enum lg_tone tone_of(const struct lg_interval *value, double limit, bool at_least)
{
    if (!value->bounded)
        return LG_TONE_OPEN;
    if (value->high <= limit)
        return at_least && value->high < limit ? LG_TONE_BAD : LG_TONE_GOOD;
    if (value->low >= limit)
        return at_least ? LG_TONE_GOOD : LG_TONE_BAD;
    return LG_TONE_OPEN;
}

/* Bytes per nanosecond of a time: the fast end is the short one. */
static struct lg_interval rate_of(const struct lg_bench *bench)
{
    struct lg_interval rate = bench->cost;
    rate.estimate = bench->bytes / bench->cost.estimate;
    rate.low = bench->bytes / bench->cost.high;
    rate.high = bench->bytes / bench->cost.low;
    return rate;
}

void lg_target_judge(const struct lg_bench_data *data, const struct lg_target *target,
                     struct lg_judged_target *ret_judged)
{
    const struct lg_bench *bench = lg_bench_find(data, target->benchmark);
    const struct lg_bench *yardstick = lg_bench_find(data, target->yardstick);
    bool at_least = target->kind == LG_TARGET_AT_LEAST;
    struct lg_bench_pair pair;
    *ret_judged =
        (struct lg_judged_target){.tone = LG_TONE_OPEN, .paced = LG_TONE_OPEN, .pace = NAN};
    if (!bench || bench->failure || bench->cost.n == 0)
        return;
    if (target->base[0]) {
        if (!lg_bench_pair(data, target->benchmark, target->base, &pair))
            return;
        ret_judged->value = target->kind == LG_TARGET_RATIO ? pair.ratio : pair.difference;
    } else {
        ret_judged->value = at_least ? rate_of(bench) : bench->cost;
    }
    ret_judged->measured = isfinite(ret_judged->value.estimate);
    ret_judged->tone = tone_of(&ret_judged->value, target->limit, at_least);
    if (!yardstick || !(yardstick->cost.estimate > 0))
        return;
    double pace = yardstick->cost.estimate / target->yardstick_ns;
    ret_judged->pace = pace;
    ret_judged->paced = tone_of(&ret_judged->value,
                                at_least ? target->limit / pace : target->limit * pace, at_least);
}

/* ---- The page ---- */

static void put_verdict(struct lg_table_cell *cell, const struct lg_judged_target *judged,
                        enum lg_tone tone)
{
    const char *word = tone == LG_TONE_GOOD    ? "held"
                       : tone == LG_TONE_BAD   ? "not held"
                       : judged->value.bounded ? "unresolved"
                                               : "no interval";
    lg_tables_put(cell, tone == LG_TONE_GOOD ? LG_TONE_GOOD : tone, word, "");
}

static void put_limit(struct lg_table_cell *cell, const struct lg_target *target, double limit,
                      const char *detail)
{
    const struct kind *kind = &kinds[target->kind];
    char number[LG_PRINT_MAX], text[LG_PRINT_MAX + 8];
    snprintf(text, sizeof(text), "%s%s", kind->sign, lg_print_value(limit, kind->unit, number));
    lg_tables_put(cell, LG_TONE_NUMBER, text, detail);
}

static void put_row(const struct lg_bench_data *data, const struct lg_target *target,
                    struct lg_table_cell *row)
{
    struct lg_judged_target judged;
    char what[sizeof(target->what)], pace[64];
    lg_target_judge(data, target, &judged);
    lg_tables_put(&row[0], LG_TONE_PLAIN, lg_doc_plain(target->what, what, sizeof(what)), "");
    put_limit(&row[1], target, target->limit, "");
    if (!judged.measured) {
        lg_tables_put(&row[2], LG_TONE_NUMBER, "-", "");
        lg_tables_put(&row[3], LG_TONE_OPEN, "not measured", "");
        lg_tables_put(&row[4], LG_TONE_NUMBER, "", "");
        return;
    }
    lg_tables_put_interval(&row[2], &judged.value, kinds[target->kind].unit);
    put_verdict(&row[3], &judged, judged.tone);
    lg_tables_put(&row[4], LG_TONE_NUMBER, "", "");
    if (!isfinite(judged.pace))
        return;
    bool at_least = target->kind == LG_TARGET_AT_LEAST;
    snprintf(pace, sizeof(pace), "yardstick × %.2f", judged.pace);
    put_limit(&row[4], target, at_least ? target->limit / judged.pace : target->limit * judged.pace,
              pace);
    put_verdict(&row[5], &judged, judged.paced);
}

void lg_targets_write(const struct lg_bench_data *data, struct lg_doc *doc)
{
    static const char *const heads[] = {"Target",  "Limit",        "Measured",
                                        "Verdict", "At this pace", "Verdict at this pace"};
    doc->format->heading(doc, 2, "Targets");
    if (data->target_count == 0) {
        lg_doc_paragraph(doc,
                         "There is no `targets.tsv` in the folder to hold the figures against.");
        return;
    }
    struct lg_table *table = lg_tables_new(
        "Each target of `targets.tsv` against what was measured: the median, and its interval over "
        "the repetitions. **Held** and **not held**: the whole interval says so. **Unresolved**: "
        "the "
        "limit lies within the interval.",
        6, heads);
    if (!table)
        return;
    for (size_t i = 0; i < data->target_count; i++)
        put_row(data, &data->targets[i], table->cells[table->rows++]);
    doc->format->table(doc, table);
    free(table);
    lg_doc_paragraph(
        doc, "Nanoseconds move by a factor of two with the machine and the hour. So a benchmark of "
             "the same run that is nobody's work here is the **yardstick** of each absolute limit: "
             "gperf's perfect hash of 4,096 names for look-ups and dispatches, cJSON's parser for "
             "what reads bytes. **At this pace** is the limit times what the yardstick took here, "
             "over what it took where the target was set. Ratios need no yardstick.");
}

void lg_targets_item(const struct lg_bench_data *data, struct lg_doc *doc)
{
    size_t held = 0, measured = 0, paced = 0;
    for (size_t i = 0; i < data->target_count; i++) {
        struct lg_judged_target judged;
        lg_target_judge(data, &data->targets[i], &judged);
        measured += judged.measured;
        held += judged.measured && judged.tone == LG_TONE_GOOD;
        paced +=
            judged.measured && (isfinite(judged.pace) ? judged.paced : judged.tone) == LG_TONE_GOOD;
    }
    if (measured > 0)
        lg_doc_item(doc, LG_TONE_PLAIN,
                    "**Targets**: %zu of %zu are held as they stand, %zu at this machine's pace.",
                    held, measured, paced);
}
