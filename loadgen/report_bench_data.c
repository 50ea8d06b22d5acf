#include "report_bench.h"

#include "paths.h"
#include "report_data.h"
#include "study_json.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BYTES_MAX ((size_t)128 << 20)
#define NS_MAX    1e15

/* An entry of bench.json, for errors. */
struct place {
    const char *path;
    size_t index; /* in "benchmarks" */
    const char *name;
    struct evd_error *error;
};

__attribute__((format(printf, 2, 3))) static int complain(const struct place *place,
                                                          const char *format, ...)
{
    char text[200];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    return evd_error_set(place->error, EVD_ERR_BAD_DATA, "%s: benchmarks[%zu]%s%s: %s", place->path,
                         place->index, place->name[0] ? " " : "", place->name, text);
}

static const cJSON *member(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

/* ---- Names ---- */

static bool is_name(const char *name)
{
    size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                              "_/:+.-");
    return len > 0 && len < LG_BENCH_NAME_MAX && name[len] == '\0';
}

/* "64K" -> 65536; false where it is no number. */
static bool take_value(const char *text, double *ret_value)
{
    char *end;
    double value = isdigit((unsigned char)*text) ? strtod(text, &end) : -1;
    if (value < 0)
        return false;
    value *= *end == 'K' ? 1024 : *end == 'M' ? 1048576 : 1;
    end += *end == 'K' || *end == 'M';
    *ret_value = value;
    return *end == '\0' && isfinite(value) && value > 0;
}

static void append(char *out, const char *part)
{
    size_t len = strlen(out);
    snprintf(out + len, LG_BENCH_NAME_MAX - len, "%s%s", len > 0 ? " " : "", part);
}

/* Fills in group, row, parameter, value and tail. */
static void take_name(struct lg_bench *bench)
{
    char parts[LG_BENCH_NAME_MAX], *save;
    strcpy(parts, bench->name);
    bench->value = NAN;
    for (char *part = strtok_r(parts, "/", &save); part; part = strtok_r(NULL, "/", &save)) {
        char *colon = strchr(part, ':');
        double value;
        if (!bench->group[0]) {
            strcpy(bench->group, part);
        } else if (isnan(bench->value) && colon && take_value(colon + 1, &value)) {
            *colon = '\0';
            strcpy(bench->parameter, part);
            bench->value = value;
        } else {
            append(isnan(bench->value) ? bench->row : bench->tail, part);
        }
    }
}

/* ---- bench.json ---- */

static struct lg_bench *find_or_add(struct lg_bench_data *data, const char *name)
{
    struct lg_bench *bench = lg_bench_find(data, name);
    if (bench)
        return bench;
    bench = &data->list[data->count++];
    strcpy(bench->name, name);
    take_name(bench);
    bench->bytes = bench->longest_probe = NAN;
    bench->cpu = malloc(LG_BENCH_REPETITIONS_MAX * sizeof(double));
    bench->wall = malloc(LG_BENCH_REPETITIONS_MAX * sizeof(double));
    for (size_t i = 0; i < LG_BENCH_REPETITIONS_MAX && bench->cpu && bench->wall; i++)
        bench->cpu[i] = bench->wall[i] = NAN;
    return bench->cpu && bench->wall ? bench : NULL;
}

/* A time of one iteration. */
static int take_time(const struct place *place, const cJSON *entry, const char *key, double unit,
                     double *ret_ns)
{
    const cJSON *number = member(entry, key);
    double ns = cJSON_IsNumber(number) ? number->valuedouble * unit : NAN;
    if (!cJSON_IsNumber(number))
        return complain(place, "'%s' is not a number", key);
    if (!(ns > 0 && ns <= NS_MAX))
        return complain(place, "'%s' is %g, which no time of an iteration is", key,
                        number->valuedouble);
    *ret_ns = ns;
    return EVD_OK;
}

static int take_unit(const struct place *place, const cJSON *entry, double *ret_unit)
{
    static const struct {
        const char *name;
        double ns;
    } units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
    const char *name = lg_json_string(entry, "time_unit", "");
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        if (strcmp(units[i].name, name) == 0) {
            *ret_unit = units[i].ns;
            return EVD_OK;
        }
    }
    return complain(place, "'time_unit' is '%.20s'; it is ns, us, ms or s", name);
}

/* A number that is there only for some, and above 0. */
static int take_optional(const struct place *place, const cJSON *entry, const char *key,
                         double *ret_number)
{
    const cJSON *number = member(entry, key);
    *ret_number = NAN;
    if (!number)
        return EVD_OK;
    if (!cJSON_IsNumber(number) || !(number->valuedouble > 0 && number->valuedouble <= 1e18))
        return complain(place, "'%s' is not a number above 0", key);
    *ret_number = number->valuedouble;
    return EVD_OK;
}

static int take_figures(const struct place *place, const cJSON *entry, size_t repetition,
                        struct lg_bench *bench)
{
    double unit = 1, rate, probe;
    int rc;
    if ((rc = take_unit(place, entry, &unit)) != EVD_OK ||
        (rc = take_time(place, entry, "cpu_time", unit, &bench->cpu[repetition])) != EVD_OK ||
        (rc = take_time(place, entry, "real_time", unit, &bench->wall[repetition])) != EVD_OK ||
        (rc = take_optional(place, entry, "bytes_per_second", &rate)) != EVD_OK ||
        (rc = take_optional(place, entry, "longest_probe", &probe)) != EVD_OK)
        return rc;
    if (isfinite(rate) && isnan(bench->bytes))
        bench->bytes = round(rate * bench->cpu[repetition] / 1e9);
    if (isfinite(probe) && !(bench->longest_probe >= probe))
        bench->longest_probe = probe; /* each repetition has a seed of its own: the worst */
    return EVD_OK;
}

static int take_entry(struct place *place, const cJSON *entry, struct lg_bench_data *data)
{
    const char *type = lg_json_string(entry, "run_type", "");
    const char *name = lg_json_string(entry, "run_name", "");
    double index = lg_json_number(entry, "repetition_index"),
           order = lg_json_number(entry, "family_index");
    place->name = "";
    if (strcmp(type, "aggregate") == 0)
        return EVD_OK; /* of the repetitions that are here too */
    if (strcmp(type, "iteration") != 0)
        return complain(place, "'run_type' is '%.20s', not 'iteration' or 'aggregate'", type);
    if (!is_name(name))
        return complain(place, "'run_name' is not a name of 1 to %d letters, digits and _/:+.-",
                        LG_BENCH_NAME_MAX - 1);
    place->name = name;
    if (!(index >= 0 && index < LG_BENCH_REPETITIONS_MAX && floor(index) == index))
        return complain(place, "'repetition_index' is not a whole number of 0 to %d",
                        LG_BENCH_REPETITIONS_MAX - 1);
    if (!(order >= 0 && order <= 1e6))
        return complain(place, "'family_index' is not a number of 0 to 1,000,000");
    if (data->count == LG_BENCH_MAX && !lg_bench_find(data, name))
        return complain(place, "there are more than %d benchmarks", LG_BENCH_MAX);
    struct lg_bench *bench = find_or_add(data, name);
    if (!bench)
        return evd_error_set(place->error, EVD_ERR_NO_MEMORY, "no memory for %s", name);
    size_t repetition = (size_t)index;
    bench->order = order;
    data->repetitions = repetition + 1 > data->repetitions ? repetition + 1 : data->repetitions;
    if (cJSON_IsTrue(member(entry, "error_occurred"))) {
        if (!bench->failure)
            bench->failure = strdup(lg_json_string(entry, "error_message", "no reason given"));
        return bench->failure
                   ? EVD_OK
                   : evd_error_set(place->error, EVD_ERR_NO_MEMORY, "no memory for %s", name);
    }
    if (isfinite(bench->cpu[repetition]))
        return complain(place, "repetition %zu is there twice", repetition);
    return take_figures(place, entry, repetition, bench);
}

static int by_order(const void *a, const void *b)
{
    const struct lg_bench *x = a, *y = b;
    int order = (x->order > y->order) - (x->order < y->order);
    return order ? order : strcmp(x->name, y->name);
}

static int take_bench(const char *path, struct lg_bench_data *data, struct evd_error *error)
{
    struct place place = {.path = path, .name = "", .error = error};
    const cJSON *list = member(data->root, "benchmarks"), *entry;
    data->context = cJSON_GetObjectItemCaseSensitive(data->root, "context");
    const char *schema = lg_json_string(data->context, "schema", "");
    if (strcmp(schema, "evdispatch.bench/1") != 0)
        return evd_error_set(error, EVD_ERR_BAD_DATA,
                             "%s: context.schema is '%.40s', not 'evdispatch.bench/1'", path,
                             schema);
    if (!cJSON_IsArray(list))
        return evd_error_set(error, EVD_ERR_BAD_DATA, "%s: 'benchmarks' is not a list", path);
    data->list = calloc(LG_BENCH_MAX, sizeof(*data->list));
    if (!data->list)
        return evd_error_set(error, EVD_ERR_NO_MEMORY, "no memory for the benchmarks");
    cJSON_ArrayForEach(entry, list)
    {
        int rc = take_entry(&place, entry, data);
        if (rc != EVD_OK)
            return rc;
        place.index++;
    }
    if (data->count == 0)
        return evd_error_set(error, EVD_ERR_BAD_DATA, "%s: 'benchmarks' holds no repetition", path);
    qsort(data->list, data->count, sizeof(*data->list), by_order);
    for (size_t i = 0; i < data->count; i++)
        data->list[i].cost = lg_median_interval(data->list[i].cpu, data->repetitions);
    return EVD_OK;
}

/* ---- instructions.json ---- */

/* 1 to a million; 0: it is not. */
static unsigned small_number(const cJSON *object, const char *key)
{
    double value = lg_json_number(object, key);
    return value >= 1 && value <= 1e6 ? (unsigned)value : 0;
}

/* What was counted, where it is not said: a handler that answers with a constant. */
static int take_counted(const char *path, const cJSON *scenario, struct lg_bench_data *data,
                        struct evd_error *error)
{
    const char *name = lg_json_string(scenario, "name", "");
    if (!scenario)
        return EVD_OK;
    data->counted_requests = small_number(scenario, "requests");
    data->counted_calls = small_number(scenario, "calls");
    data->counted_deck = small_number(scenario, "deck");
    if (!*name || strlen(name) >= sizeof(data->counted_scenario) || data->counted_requests == 0 ||
        data->counted_calls == 0 || data->counted_deck < data->counted_calls)
        return evd_error_set(error, EVD_ERR_BAD_DATA,
                             "%s: 'scenario' must have a name, and numbers of 'requests', of "
                             "'calls', and of the 'deck' they are from",
                             path);
    strcpy(data->counted_scenario, name);
    return EVD_OK;
}

static int take_counts(const char *path, const cJSON *root, struct lg_bench_data *data,
                       struct evd_error *error)
{
    const cJSON *list = member(root, "arms"), *entry;
    const char *schema = lg_json_string(root, "schema", "");
    if (strcmp(schema, "evdispatch.instructions/1") != 0)
        return evd_error_set(error, EVD_ERR_BAD_DATA,
                             "%s: schema is '%.40s', not 'evdispatch.instructions/1'", path,
                             schema);
    snprintf(data->valgrind, sizeof(data->valgrind), "%s", lg_json_string(root, "valgrind", "?"));
    snprintf(data->compiler, sizeof(data->compiler), "%s", lg_json_string(root, "compiler", "?"));
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > LG_BENCH_ARMS_MAX)
        return evd_error_set(error, EVD_ERR_BAD_DATA, "%s: 'arms' is not a list of at most %d",
                             path, LG_BENCH_ARMS_MAX);
    cJSON_ArrayForEach(entry, list)
    {
        struct lg_bench_arm *arm = &data->arms[data->arm_count];
        const char *name = lg_json_string(entry, "arm", "");
        arm->instructions = lg_json_number(entry, "instructions");
        if (!is_name(name))
            return evd_error_set(error, EVD_ERR_BAD_DATA, "%s: arms[%zu]: 'arm' is not a name",
                                 path, data->arm_count);
        if (!(arm->instructions > 0 && arm->instructions <= NS_MAX))
            return evd_error_set(error, EVD_ERR_BAD_DATA,
                                 "%s: arms[%zu] %s: 'instructions' is not a number above 0", path,
                                 data->arm_count, name);
        strcpy(arm->name, name);
        data->arm_count++;
    }
    data->counted = data->arm_count > 0;
    return take_counted(path, member(root, "scenario"), data, error);
}

/* ---- The folder ---- */

static int path_of(const char *dir, const char *file, char out[LG_PATH_MAX],
                   struct evd_error *error)
{
    if (snprintf(out, LG_PATH_MAX, "%s/%s", dir, file) < LG_PATH_MAX)
        return EVD_OK;
    return evd_error_set(error, EVD_ERR_USAGE, "the path '%.60s...' is too long", dir);
}

bool lg_bench_is(const char *dir)
{
    char path[LG_PATH_MAX];
    struct evd_error error;
    return path_of(dir, "bench.json", path, &error) == EVD_OK && access(path, F_OK) == 0;
}

static int read_bench(const char *dir, struct lg_bench_data *data, struct evd_error *error)
{
    char path[LG_PATH_MAX], *text;
    int rc = path_of(dir, "bench.json", path, error);
    if (rc != EVD_OK || (rc = lg_read_file(path, BYTES_MAX, &text, &data->bytes, error)) != EVD_OK)
        return rc;
    rc = lg_json_parse(text, data->bytes, path, 1, &data->root, error);
    if (rc == EVD_OK)
        rc = lg_data_sha256(text, data->bytes, data->sha256, error);
    free(text);
    return rc == EVD_OK ? take_bench(path, data, error) : rc;
}

int lg_bench_counts(const char *dir, struct lg_bench_data *data, struct evd_error *error)
{
    char path[LG_PATH_MAX], *text;
    size_t len;
    cJSON *root;
    int rc = path_of(dir, "instructions.json", path, error);
    if (rc != EVD_OK || access(path, F_OK) != 0)
        return rc;
    if ((rc = lg_read_file(path, BYTES_MAX, &text, &len, error)) != EVD_OK)
        return rc;
    rc = lg_json_parse(text, len, path, 1, &root, error);
    if (rc == EVD_OK) {
        rc = take_counts(path, root, data, error);
        cJSON_Delete(root);
    }
    if (rc == EVD_OK)
        rc = lg_data_sha256(text, len, data->counts_sha256, error);
    free(text);
    return rc;
}

static int read_targets(const char *dir, struct lg_bench_data *data, struct evd_error *error)
{
    char path[LG_PATH_MAX], *text;
    size_t len;
    int rc = path_of(dir, "targets.tsv", path, error);
    if (rc != EVD_OK || access(path, F_OK) != 0)
        return rc;
    rc = lg_read_file(path, BYTES_MAX, &text, &len, error);
    if (rc == EVD_OK) {
        rc = lg_targets_take(path, text, data, error);
        free(text);
    }
    return rc;
}

int lg_bench_read(const char *dir, struct lg_bench_data *ret_data, struct evd_error *ret_error)
{
    *ret_data = (struct lg_bench_data){0};
    int rc = read_bench(dir, ret_data, ret_error);
    if (rc == EVD_OK)
        rc = lg_bench_counts(dir, ret_data, ret_error);
    if (rc == EVD_OK)
        rc = read_targets(dir, ret_data, ret_error);
    if (rc != EVD_OK)
        lg_bench_release(ret_data);
    return rc;
}

void lg_bench_release(struct lg_bench_data *data)
{
    for (size_t i = 0; i < data->count; i++) {
        free(data->list[i].cpu);
        free(data->list[i].wall);
        free(data->list[i].failure);
    }
    free(data->list);
    cJSON_Delete(data->root);
    *data = (struct lg_bench_data){0};
}

/* ---- Questions ---- */

struct lg_bench *lg_bench_find(const struct lg_bench_data *data, const char *name)
{
    for (size_t i = 0; i < data->count; i++)
        if (strcmp(data->list[i].name, name) == 0)
            return &data->list[i];
    return NULL;
}

double lg_bench_instructions(const struct lg_bench_data *data, const char *arm)
{
    for (size_t i = 0; i < data->arm_count; i++)
        if (strcmp(data->arms[i].name, arm) == 0)
            return data->arms[i].instructions;
    return NAN;
}

bool lg_bench_pair(const struct lg_bench_data *data, const char *name, const char *base,
                   struct lg_bench_pair *ret_pair)
{
    double sums[LG_BENCH_REPETITIONS_MAX], differences[LG_BENCH_REPETITIONS_MAX],
        ratios[LG_BENCH_REPETITIONS_MAX];
    char terms[2 * LG_BENCH_NAME_MAX], *save;
    *ret_pair = (struct lg_bench_pair){.bench = lg_bench_find(data, name)};
    snprintf(terms, sizeof(terms), "%s", base);
    for (char *term = strtok_r(terms, " ", &save); term; term = strtok_r(NULL, " ", &save)) {
        if (strcmp(term, "+") == 0)
            continue;
        struct lg_bench *bench = lg_bench_find(data, term);
        if (!bench || ret_pair->term_count == LG_BENCH_TERMS)
            return false;
        ret_pair->terms[ret_pair->term_count++] = bench;
    }
    if (!ret_pair->bench || ret_pair->term_count == 0)
        return false;
    for (size_t i = 0; i < data->repetitions; i++) {
        sums[i] = 0;
        for (size_t t = 0; t < ret_pair->term_count; t++)
            sums[i] += ret_pair->terms[t]->cpu[i];
        differences[i] = ret_pair->bench->cpu[i] - sums[i];
        ratios[i] = ret_pair->bench->cpu[i] / sums[i];
    }
    ret_pair->base = lg_median_interval(sums, data->repetitions);
    ret_pair->difference = lg_median_interval(differences, data->repetitions);
    ret_pair->ratio = lg_median_interval(ratios, data->repetitions);
    return ret_pair->ratio.n > 0;
}
