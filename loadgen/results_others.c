/* What results say that are no studies: the roofline, the generator, known truths, soaks, fuzzing.
 */
#include "paths.h"
#include "place.h"
#include "report_format.h"
#include "results_page.h"
#include "study_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_MAX ((size_t)64 << 20)

enum { ROUNDS_MAX = 400, KEYS_MAX = 64 };

/* ---- Trials in rounds, of arms and shapes. ---- */

/* One arm of one shape: a figure of each round, NaN where it has none. */
struct series {
    char arm[48];
    double connections, depth;
    double values[ROUNDS_MAX];
};

struct rounds {
    cJSON *head; /* the file's first line; owned */
    struct series *list;
    size_t count;
};

static struct series *series_at(struct rounds *rounds, const char *arm, double connections,
                                double depth)
{
    for (size_t i = 0; i < rounds->count; i++) {
        struct series *series = &rounds->list[i];
        if (strcmp(series->arm, arm) == 0 && fabs(series->connections - connections) < 0.5 &&
            fabs(series->depth - depth) < 0.5)
            return series;
    }
    if (rounds->count == KEYS_MAX)
        return NULL;
    struct series *series = &rounds->list[rounds->count++];
    snprintf(series->arm, sizeof(series->arm), "%.47s", arm);
    series->connections = connections;
    series->depth = depth;
    for (size_t i = 0; i < ROUNDS_MAX; i++)
        series->values[i] = NAN;
    return series;
}

/* `value` makes a figure of a trial's line: NaN, and the line is refused. */
static int take_trial(const struct lg_place *place, const cJSON *line,
                      double value(const cJSON *line), struct rounds *rounds)
{
    double round = lg_json_number(line, "round"), figure = value(line);
    struct series *series =
        series_at(rounds, lg_json_string(line, "arm", "?"), lg_json_number(line, "connections"),
                  lg_json_number(line, "depth"));
    if (!series || !(round >= 0 && round < ROUNDS_MAX) || !(figure > 0))
        return lg_place_complain(place, "this is no trial of a round from 0 to %d", ROUNDS_MAX - 1);
    series->values[(size_t)round] = figure;
    return EVD_OK;
}

static int take_lines(const char *path, const char *text, size_t len, const char *schema,
                      double value(const cJSON *line), struct rounds *rounds,
                      struct evd_error *error)
{
    struct lg_place place = {.path = path, .line = 1, .error = error};
    int rc = EVD_OK;
    for (; len > 0 && rc == EVD_OK; place.line++) {
        size_t used = 0;
        cJSON *line;
        while (used < len && text[used] != '\n')
            used++;
        rc = lg_json_parse(text, used, path, place.line, &line, error);
        if (rc != EVD_OK)
            return rc;
        if (place.line > 1) {
            rc = take_trial(&place, line, value, rounds);
            cJSON_Delete(line);
        } else {
            rounds->head = line;
            if (strcmp(lg_json_string(line, "schema", ""), schema) != 0)
                return lg_place_complain(&place, "the first line must have the schema %s", schema);
        }
        text += used + (used < len);
        len -= used + (used < len);
    }
    return rc;
}

static void release(struct rounds *rounds)
{
    cJSON_Delete(rounds->head);
    free(rounds->list);
}

static int read_rounds(const char *path, const char *schema, double value(const cJSON *line),
                       struct rounds *ret_rounds, struct evd_error *error)
{
    char *text;
    size_t len;
    *ret_rounds = (struct rounds){.list = calloc(KEYS_MAX, sizeof(struct series))};
    int rc = ret_rounds->list ? lg_read_file(path, BYTES_MAX, &text, &len, error)
                              : evd_error_set(error, EVD_ERR_NO_MEMORY, "no memory for rounds");
    if (rc == EVD_OK) {
        rc = take_lines(path, text, len, schema, value, ret_rounds, error);
        free(text);
    }
    if (rc != EVD_OK)
        release(ret_rounds);
    return rc;
}

static bool same_shape(const struct series *a, const struct series *b)
{
    return fabs(a->connections - b->connections) < 0.5 && fabs(a->depth - b->depth) < 0.5;
}

/* The median over the rounds of one series' figure over another's. */
static struct lg_interval ratio_of(const struct series *of, const struct series *to)
{
    double list[ROUNDS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < ROUNDS_MAX; i++)
        if (of->values[i] > 0 && to->values[i] > 0)
            list[count++] = of->values[i] / to->values[i];
    return lg_median_interval(list, count);
}

/* "`frame/static` 0.932 [0.875, 1.001]" */
static void put_ratio(FILE *out, const char *name, const struct lg_interval *ratio)
{
    char value[LG_PRINT_MAX], bounds[LG_PRINT_MAX];
    lg_print_value(ratio->estimate, LG_UNIT_RATIO, value);
    lg_print_bounds(ratio, LG_UNIT_RATIO, bounds);
    fprintf(out, "`%s` %s%s%s", name, value, bounds[0] ? " " : "", bounds);
}

/* For each shape between what ratios to `echo` the arms' medians lie, and that of `echo again`. */
static void put_spans(const struct lg_results_section *section, struct rounds *rounds)
{
    struct lg_doc *doc = section->doc;
    doc->format->list(doc, true);
    for (size_t i = 0; i < rounds->count; i++) {
        const struct series *echo = &rounds->list[i];
        struct lg_interval again = {.estimate = NAN};
        double least = INFINITY, greatest = 0;
        char texts[4][LG_PRINT_MAX];
        if (strcmp(echo->arm, "echo") != 0)
            continue;
        for (size_t k = 0; k < rounds->count; k++) {
            const struct series *series = &rounds->list[k];
            if (series == echo || !same_shape(series, echo))
                continue;
            struct lg_interval ratio = ratio_of(series, echo);
            if (strcmp(series->arm, "echo again") == 0) {
                again = ratio;
                continue;
            }
            least = fmin(least, ratio.estimate);
            greatest = fmax(greatest, ratio.estimate);
        }
        if (!(greatest > 0))
            continue;
        lg_print_bounds(&again, LG_UNIT_RATIO, texts[3]);
        lg_doc_item(doc, LG_TONE_PLAIN,
                    "%.0f connections, %.0f in flight on each: the server's medians are %s to %s, "
                    "that of the echo itself %s%s%s.",
                    echo->connections, echo->depth, lg_print_value(least, LG_UNIT_RATIO, texts[0]),
                    lg_print_value(greatest, LG_UNIT_RATIO, texts[1]),
                    isfinite(again.estimate)
                        ? lg_print_value(again.estimate, LG_UNIT_RATIO, texts[2])
                        : "not known",
                    texts[3][0] ? " " : "", texts[3]);
    }
    doc->format->list(doc, false);
}

/* For each shape `base` over all arms. */
static void put_shapes(const struct lg_results_section *section, struct rounds *rounds,
                       const char *base, const char *what)
{
    struct lg_doc *doc = section->doc;
    doc->format->list(doc, true);
    for (size_t i = 0; i < rounds->count; i++) {
        const struct series *from = &rounds->list[i];
        char *text = NULL;
        size_t len, count = 0;
        if (strcmp(from->arm, base) != 0)
            continue;
        FILE *out = open_memstream(&text, &len);
        for (size_t k = 0; k < rounds->count && out; k++) {
            const struct series *series = &rounds->list[k];
            if (series == from || !same_shape(series, from))
                continue;
            struct lg_interval ratio = ratio_of(from, series);
            fputs(count++ ? ", " : "", out);
            put_ratio(out, series->arm, &ratio);
        }
        if (out && fclose(out) == 0 && count > 0)
            lg_doc_item(doc, LG_TONE_PLAIN, "%.0f connections, %.0f in flight on each: %s %s.",
                        from->connections, from->depth, what, text);
        free(text);
    }
    doc->format->list(doc, false);
}

static int by_shape_and_arm(const void *a, const void *b)
{
    const struct series *x = a, *y = b;
    if (x->connections < y->connections || x->connections > y->connections)
        return x->connections < y->connections ? -1 : 1;
    if (x->depth < y->depth || x->depth > y->depth)
        return x->depth < y->depth ? -1 : 1;
    return strcmp(x->arm, y->arm);
}

static double replies_a_second(const cJSON *line)
{
    return lg_json_number(line, "replies") / lg_json_number(line, "wall_ns");
}

/* The targets are the bench's, which says in its own page what became of them. */
static int put_missed(const struct lg_results_section *section, struct evd_error *error)
{
    char path[LG_PATH_MAX], *text;
    size_t len;
    unsigned targets = 0, missed = 0;
    if (!lg_results_find(section, "report.md", path, sizeof(path)))
        return EVD_OK;
    int rc = lg_read_file(path, BYTES_MAX, &text, &len, error);
    if (rc != EVD_OK)
        return rc;
    for (const char *at = text; (at = strstr(at, ": **missed**")); at++)
        missed++;
    targets = missed;
    for (const char *at = text; (at = strstr(at, ": held")); at++)
        targets++;
    for (const char *at = text; (at = strstr(at, ": missed, within")); at++)
        targets++;
    free(text);
    section->doc->format->list(section->doc, true);
    lg_doc_item(section->doc, missed > 0 ? LG_TONE_BAD : LG_TONE_GOOD,
                "%u of %u targets are missed by more than the noise.", missed, targets);
    section->doc->format->list(section->doc, false);
    return EVD_OK;
}

int lg_results_roofline(const struct lg_results_section *section, struct evd_error *ret_error)
{
    char path[LG_PATH_MAX];
    struct rounds rounds;
    if (!lg_results_find(section, "roofline.jsonl", path, sizeof(path)))
        return EVD_OK;
    int rc = read_rounds(path, "evdispatch.roofline/1", replies_a_second, &rounds, ret_error);
    if (rc != EVD_OK)
        return rc;
    qsort(rounds.list, rounds.count, sizeof(*rounds.list), by_shape_and_arm);
    section->doc->format->heading(section->doc, 2, section->title);
    lg_doc_paragraph(section->doc,
                     "`./evdispatch bench roofline`, commit `%.40s`, %.0f rounds: replies a second "
                     "as a ratio to a libev echo of the same bytes in the same round (median, "
                     "distribution-free interval).",
                     lg_json_string(rounds.head, "commit", "unknown"),
                     lg_json_number(rounds.head, "rounds"));
    put_spans(section, &rounds);
    release(&rounds);
    rc = put_missed(section, ret_error);
    if (rc != EVD_OK)
        return rc;
    lg_results_links(section, "report.md|profile.md|roofline.jsonl|profile.jsonl");
    return EVD_OK;
}

static double cpu_a_request(const cJSON *line)
{
    return (lg_json_number(line, "cpu_user_ns") + lg_json_number(line, "cpu_system_ns")) /
           lg_json_number(line, "requests");
}

int lg_results_generator(const struct lg_results_section *section, struct evd_error *ret_error)
{
    char path[LG_PATH_MAX];
    struct rounds rounds;
    if (!lg_results_find(section, "generator.jsonl", path, sizeof(path)))
        return EVD_OK;
    int rc = read_rounds(path, "evdispatch.generator/1", cpu_a_request, &rounds, ret_error);
    if (rc != EVD_OK)
        return rc;
    qsort(rounds.list, rounds.count, sizeof(*rounds.list), by_shape_and_arm);
    section->doc->format->heading(section->doc, 2, section->title);
    lg_doc_paragraph(section->doc, "`./evdispatch bench generator`, `%.80s`, %.0f rounds.",
                     lg_json_string(rounds.head, "loadgen", "unknown"),
                     lg_json_number(rounds.head, "rounds"));
    put_shapes(section, &rounds, "wrk", "wrk's CPU a request over that of");
    release(&rounds);
    lg_results_links(section, "report.md|generator.jsonl");
    return EVD_OK;
}

/* ---- Known truths. ---- */

/* One item, of a folder of its own. */
static int put_truth(const struct lg_results_section *section, const char *path,
                     struct evd_error *error)
{
    unsigned kept = 0, failed = 0, open = 0;
    cJSON *root;
    const cJSON *truth, *check;
    int rc = lg_json_read(path, BYTES_MAX, &root, error);
    if (rc != EVD_OK)
        return rc;
    cJSON_ArrayForEach(truth, cJSON_GetObjectItemCaseSensitive(root, "truths"))
    {
        open += lg_json_string(truth, "unmeasurable", "")[0] != '\0';
        cJSON_ArrayForEach(check, cJSON_GetObjectItemCaseSensitive(truth, "checks"))
        {
            bool good = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(check, "kept"));
            kept += good;
            failed += !good;
        }
    }
    lg_doc_item(
        section->doc, failed > 0 ? LG_TONE_BAD : LG_TONE_GOOD,
        "`%.32s`: `%.80s`, commit `%.40s`, %.10s: %u of %u figures are what they should be, within "
        "their tolerances.",
        section->name, lg_json_string(root, "command", "./evdispatch truth"),
        lg_json_string(root, "commit", "unknown"), lg_json_string(root, "started", "unknown"), kept,
        kept + failed);
    if (open > 0)
        lg_doc_item(section->doc, LG_TONE_WARN, "%u truth%s could not be measured.", open,
                    open > 1 ? "s" : "");
    rc = lg_pitfalls_truth(section->pitfalls, section->name, root, error);
    cJSON_Delete(root);
    return rc;
}

/* Runs in a row, each in a folder. */
int lg_results_truth(const struct lg_results_section *section, struct evd_error *ret_error)
{
    static const char *const names[] = {"truth", "truth-2", "truth-3"};
    char path[LG_PATH_MAX];
    int rc = EVD_OK;
    if (!lg_results_find(section, "truth.json", path, sizeof(path)))
        return EVD_OK;
    section->doc->format->heading(section->doc, 2, section->title);
    section->doc->format->list(section->doc, true);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names) && rc == EVD_OK; i++) {
        struct lg_results_section run = *section;
        run.name = names[i];
        if (lg_results_find(&run, "truth.json", path, sizeof(path)))
            rc = put_truth(&run, path, ret_error);
    }
    section->doc->format->list(section->doc, false);
    if (rc == EVD_OK)
        lg_results_links(section, "report.md|truth.json");
    return rc;
}

/* ---- Soaks: what each said, which begins with its command and ends with its verdict. ---- */

static int put_soak(const struct lg_results_section *section, const char *file, bool *any,
                    struct evd_error *error)
{
    char path[LG_PATH_MAX], *text, plain[800];
    size_t len;
    if (!lg_results_find(section, file, path, sizeof(path)))
        return EVD_OK;
    int rc = lg_read_file(path, 1 << 16, &text, &len, error);
    if (rc != EVD_OK)
        return rc;
    if (!*any)
        section->doc->format->heading(section->doc, 2, section->title);
    *any = true;
    while (len > 0 && text[len - 1] == '\n')
        text[--len] = '\0';
    char *last = strrchr(text, '\n');
    bool passed = last && strcmp(last + 1, "passed") == 0;
    char *body = strchr(text, '\n');
    if (!last || body == last) {
        rc = evd_error_set(error, EVD_ERR_BAD_DATA, "%s: there is no run in it", path);
        free(text);
        return rc;
    }
    *body++ = '\0';
    *last = '\0';
    section->doc->format->list(section->doc, true);
    lg_doc_item(section->doc, passed ? LG_TONE_GOOD : LG_TONE_BAD, "`%s`: **%s**.",
                lg_doc_plain(text, plain, sizeof(plain)), passed ? "passed" : "failed");
    for (char *line; (line = strsep(&body, "\n")) != NULL;)
        lg_doc_item(section->doc, LG_TONE_PLAIN, "%s.", lg_doc_plain(line, plain, sizeof(plain)));
    section->doc->format->list(section->doc, false);
    free(text);
    return EVD_OK;
}

int lg_results_soak(const struct lg_results_section *section, struct evd_error *ret_error)
{
    static const char *const files[] = {"connections.txt", "restarts.txt"};
    bool any = false;
    int rc = EVD_OK;
    for (size_t i = 0; i < sizeof(files) / sizeof(*files) && rc == EVD_OK; i++)
        rc = put_soak(section, files[i], &any, ret_error);
    if (rc == EVD_OK && any)
        lg_results_links(section, "connections.txt|connections.json|restarts.txt");
    return rc;
}

/* ---- Fuzzing: the sum of runs.tsv. ---- */

struct fuzzing {
    double seconds, executions, findings;
    char targets[KEYS_MAX][32], last[24];
    size_t target_count;
};

/* started commit target seconds cpu_seconds executions edges features inputs seed findings */
static int take_fuzz(const struct lg_place *place, char *line, struct fuzzing *sum)
{
    char *fields[11], *rest = line;
    size_t count = 0, at = 0;
    while (count < 11 && (fields[count] = strsep(&rest, "\t")) != NULL)
        count++;
    if (count < 11)
        return lg_place_complain(place, "a run has 11 fields");
    while (at < sum->target_count && strcmp(sum->targets[at], fields[2]) != 0)
        at++;
    if (at == KEYS_MAX)
        return lg_place_complain(place, "more than %d targets", KEYS_MAX);
    if (at == sum->target_count)
        snprintf(sum->targets[sum->target_count++], sizeof(sum->targets[0]), "%.31s", fields[2]);
    sum->seconds += strtod(fields[3], NULL);
    sum->executions += strtod(fields[5], NULL);
    sum->findings += strtod(fields[10], NULL);
    if (strcmp(fields[0], sum->last) > 0)
        snprintf(sum->last, sizeof(sum->last), "%.23s", fields[0]);
    return EVD_OK;
}

int lg_results_fuzz(const struct lg_results_section *section, struct evd_error *ret_error)
{
    char path[LG_PATH_MAX], *text, *rest, *line, hours[LG_PRINT_MAX], executions[LG_PRINT_MAX];
    size_t len;
    struct fuzzing sum = {.target_count = 0};
    struct lg_place place = {.path = path, .line = 1, .error = ret_error};
    if (!lg_results_find(section, "runs.tsv", path, sizeof(path)))
        return EVD_OK;
    int rc = lg_read_file(path, BYTES_MAX, &text, &len, ret_error);
    if (rc != EVD_OK)
        return rc;
    rest = text;
    for (; (line = strsep(&rest, "\n")) != NULL && rc == EVD_OK; place.line++)
        if (place.line > 1 && line[0])
            rc = take_fuzz(&place, line, &sum);
    free(text);
    if (rc != EVD_OK)
        return rc;
    section->doc->format->heading(section->doc, 2, section->title);
    lg_doc_paragraph(section->doc,
                     "`./evdispatch fuzz --record`, last on %.10s: %zu targets, %s hours, %s "
                     "executions, %.0f finding%s.",
                     sum.last[0] ? sum.last : "no day", sum.target_count,
                     lg_print_number(sum.seconds / 3600, hours),
                     lg_print_count(sum.executions, executions), sum.findings,
                     sum.findings > 0 && sum.findings < 2 ? "" : "s");
    lg_results_links(section, "README.md|runs.tsv");
    return EVD_OK;
}
