#include "report_data.h"

#include "cause.h"
#include "overload.h"
#include "paths.h"
#include "plot.h"
#include "report_data_parts.h"
#include "study_json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ABOUT_BYTES_MAX ((size_t)16 << 20)

/* Figures above these are no measurement. */
#define COUNT_MAX 1e15
#define NS_MAX    1e15 /* eleven days */
#define RATE_MAX  1e12
#define BYTES_MAX 1e15

static const cJSON *member(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

static int find(const struct lg_place *place, const cJSON *line, const char *key,
                const char *const *names, size_t count, size_t *ret_index)
{
    const char *name = lg_json_string(line, key, NULL);
    const char *slash = name && strcmp(key, "scenario") == 0 ? strrchr(name, '/') : NULL;
    name = slash ? slash + 1 : name; /* a file's whole path, in studies of before */
    if (!name)
        return lg_place_complain(place, "'%s' is missing", key);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            *ret_index = i;
            return EVD_OK;
        }
    }
    return lg_place_complain(place, "%s '%.48s' is not in the design of study.json", key, name);
}

/* Which cell and block a line belongs to. */
static int take_place(const struct lg_place *place, const struct lg_design *design,
                      const cJSON *line, struct lg_trial *trial)
{
    const char *arms[LG_ARMS_MAX], *loads[LG_LOADS_MAX];
    for (size_t i = 0; i < design->arm_count; i++)
        arms[i] = design->arms[i].name;
    for (size_t i = 0; i < design->load_count; i++)
        loads[i] = design->loads[i].name;
    int rc;
    if ((rc = find(place, line, "arm", arms, design->arm_count, &trial->arm)) != EVD_OK ||
        (rc = find(place, line, "load", loads, design->load_count, &trial->load)) != EVD_OK ||
        (rc = find(place, line, "scenario", design->scenarios, design->scenario_count,
                   &trial->scenario)) != EVD_OK)
        return rc;
    double block = lg_json_number(line, "block"), number = lg_json_number(line, "trial");
    if (!(block >= 1 && block <= design->blocks && floor(block) == block))
        return lg_place_complain(place, "'block' must be a whole number of 1 to %u",
                                 design->blocks);
    if (!(number >= 1 && number <= LG_TRIALS_MAX))
        return lg_place_complain(place, "'trial' must be a whole number of 1 to %d", LG_TRIALS_MAX);
    trial->block = (unsigned)block;
    trial->number = (unsigned)number;
    return EVD_OK;
}

/* A figure that may be missing (NaN), but not be impossible: a number of 0 to `most`. `path` is the
 * member's place in the run, for the error. */
static int take_figure(const struct lg_place *place, const cJSON *object, const char *key,
                       const char *path, double most, double *ret_number)
{
    const cJSON *item = member(object, key);
    *ret_number = NAN;
    if (!item || cJSON_IsNull(item))
        return EVD_OK;
    if (!cJSON_IsNumber(item))
        return lg_place_complain(place, "'%s' is not a number", path);
    if (!(item->valuedouble >= 0 && item->valuedouble <= most))
        return lg_place_complain(place, "'%s' is %g; it is a number of 0 to %g", path,
                                 item->valuedouble, most);
    *ret_number = item->valuedouble;
    return EVD_OK;
}

static int take_histogram(const struct lg_place *place, const cJSON *latency,
                          struct lg_trial *trial)
{
    const cJSON *list = member(latency, "histogram"), *pair;
    int count = cJSON_GetArraySize(list);
    if (!cJSON_IsArray(list) || count > (int)LG_HISTOGRAM_BUCKETS)
        return lg_place_complain(place, "the latency has no histogram of at most %d buckets",
                                 LG_HISTOGRAM_BUCKETS);
    trial->buckets = calloc((size_t)count + 1, sizeof(*trial->buckets));
    if (!trial->buckets)
        return evd_error_set(place->error, EVD_ERR_NO_MEMORY, "no memory for a histogram");
    double total = 0, last = -1;
    cJSON_ArrayForEach(pair, list)
    {
        double value = cJSON_GetNumberValue(cJSON_GetArrayItem(pair, 0));
        double calls = cJSON_GetNumberValue(cJSON_GetArrayItem(pair, 1));
        if (!(value >= 0 && calls >= 1 && calls <= COUNT_MAX && floor(calls) == calls))
            return lg_place_complain(place,
                                     "a bucket of the latency's histogram is not [ns, count]");
        if (value > (double)LG_HISTOGRAM_MAX)
            return lg_place_complain(
                place, "a bucket of the latency's histogram is at %.0f ns: it ends at %.0f", value,
                (double)LG_HISTOGRAM_MAX);
        if (value <= last)
            return lg_place_complain(
                place, "a bucket of the latency's histogram is at %.0f ns, behind one at %.0f",
                value, last);
        last = value;
        trial->buckets[trial->bucket_count++] =
            (struct lg_bucket){(uint64_t)value, (uint64_t)calls};
        total += calls;
    }
    trial->samples = lg_json_number(latency, "count");
    if (fabs(total - trial->samples) > 0.5)
        return lg_place_complain(place,
                                 "the latency's histogram holds %.0f calls, its count says %.0f",
                                 total, trial->samples);
    return EVD_OK;
}

static int take_accounting(const struct lg_place *place, const cJSON *run, struct lg_trial *trial)
{
    const cJSON *sums = member(run, "accounting"), *item;
    double total = 0;
    cJSON_ArrayForEach(item, sums)
    {
        if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble <= COUNT_MAX))
            return lg_place_complain(place, "'run.accounting.%.40s' is not a count", item->string);
        if (strcmp(item->string, "scheduled") != 0)
            total += item->valuedouble;
    }
    trial->scheduled = lg_json_number(sums, "scheduled");
    trial->ok = lg_json_number(sums, "ok");
    trial->bad = lg_json_number(sums, "bad");
    trial->in_flight = lg_json_number(sums, "in_flight");
    trial->lost = total - trial->ok - trial->bad - trial->in_flight;
    trial->exact = fabs(total - trial->scheduled) < 0.5;
    return EVD_OK;
}

static int take_metrics(const struct lg_place *place, const cJSON *run, struct lg_trial *trial)
{
    const cJSON *response = member(member(run, "latency_ns"), "response");
    const cJSON *server = member(run, "server"), *host = member(run, "host");
    double cpu = NAN, calls = NAN, *metrics = trial->metrics;
    const struct {
        const cJSON *object;
        const char *key, *path;
        double most, *ret_number;
    } figures[] = {
        {run, "throughput", "run.throughput", RATE_MAX, &metrics[LG_RATE]},
        {server, "cpu_ns", "run.server.cpu_ns", NS_MAX, &cpu},
        {server, "calls", "run.server.calls", COUNT_MAX, &calls},
        {server, "rss_peak_bytes", "run.server.rss_peak_bytes", BYTES_MAX, &metrics[LG_RSS]},
        {server, "pss_bytes", "run.server.pss_bytes", BYTES_MAX, &metrics[LG_PSS]},
        {response, "p50", "run.latency_ns.response.p50", NS_MAX, &metrics[LG_P50]},
        {response, "p99", "run.latency_ns.response.p99", NS_MAX, &metrics[LG_P99]},
        {response, "p99_9", "run.latency_ns.response.p99_9", NS_MAX, &metrics[LG_P99_9]},
        {response, "max", "run.latency_ns.response.max", NS_MAX, &trial->max},
        {host, "steal_share", "run.host.steal_share", 1, &trial->steal},
    };
    for (size_t i = 0; i < sizeof(figures) / sizeof(*figures); i++) {
        int rc = take_figure(place, figures[i].object, figures[i].key, figures[i].path,
                             figures[i].most, figures[i].ret_number);
        if (rc != EVD_OK)
            return rc;
    }
    metrics[LG_CPU] = cpu / calls;
    if (!(trial->samples > 0))
        metrics[LG_P50] = metrics[LG_P99] = metrics[LG_P99_9] = NAN;
    return EVD_OK;
}

/* How runs said so before they had "invalid_causes". */
#define STOLEN "the host stole "

static bool only_stolen(const cJSON *run)
{
    const cJSON *reasons = member(run, "invalid"), *causes = member(run, "invalid_causes");
    const cJSON *list = causes ? causes : reasons;
    const char *first = cJSON_GetStringValue(cJSON_GetArrayItem(list, 0));
    if (cJSON_GetArraySize(list) != 1 || !first)
        return false;
    return causes ? strcmp(first, LG_CAUSE_STEAL) == 0
                  : strncmp(first, STOLEN, strlen(STOLEN)) == 0;
}

/* The reasons of an INVALID run, one a line. */
static char *take_doubt(const cJSON *run)
{
    const cJSON *item;
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        return NULL;
    cJSON_ArrayForEach(item, member(run, "invalid"))
    {
        const char *reason = cJSON_GetStringValue(item);
        fprintf(out, "%s%s", ftell(out) > 0 ? "\n" : "", reason ? reason : "?");
    }
    if (ftell(out) == 0)
        fputs("no reason given", out);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

static void take_facts(struct lg_data *data, const cJSON *run, const struct lg_trial *trial)
{
    struct lg_load_facts *load = &data->loads[trial->load];
    struct lg_scenario_facts *scenario = &data->scenarios[trial->scenario];
    const cJSON *config = member(run, "config"), *about = member(run, "scenario");
    if (!load->known)
        *load = (struct lg_load_facts){
            .known = true,
            .closed = strcmp(lg_json_string(config, "mode", "open"), "closed") == 0,
            .rate = lg_json_number(config, "rate"),
            .connections = lg_json_number(config, "connections"),
            .depth = lg_json_number(config, "depth")};
    if (!scenario->known) {
        *scenario =
            (struct lg_scenario_facts){.known = true,
                                       .requests = lg_json_number(about, "requests"),
                                       .endpoints = lg_json_number(about, "endpoints"),
                                       .bytes_mean = lg_json_number(about, "request_bytes_mean")};
        snprintf(scenario->payloads, sizeof(scenario->payloads), "%s",
                 lg_json_string(about, "payloads", "unknown"));
    }
}

/* A load with a share was offered what study.json says. */
static int check_rate(const struct lg_place *place, const struct lg_data *data, const cJSON *run,
                      const struct lg_trial *trial)
{
    double rate = lg_json_number(member(run, "config"), "rate");
    double share = (double)data->rates.rates[trial->scenario][trial->load];
    if (data->design.loads[trial->load].share <= 0 || fabs(rate - share) < 0.5)
        return EVD_OK;
    return lg_place_complain(place, "'run.config.rate' is %g; by study.json it is %.0f", rate,
                             share);
}

/* Trials of two versions in one file would be compared as if they were of one. Older runs have not
 * recorded it. */
static int check_commit(const struct lg_place *place, const struct lg_data *data, const cJSON *run)
{
    const char *was = lg_json_string(run, "commit", NULL);
    const char *is = lg_json_string(data->about, "commit", NULL);
    if (!was || !is || strcmp(was, is) == 0)
        return EVD_OK;
    return lg_place_complain(place, "the trial is of commit '%.40s', study.json of '%.40s'", was,
                             is);
}

/* All arms of a block were offered the same arrivals. */
static int check_seed(const struct lg_place *place, const struct lg_data *data, const cJSON *line,
                      struct lg_trial *trial)
{
    const char *seed = lg_json_string(line, "seed", "");
    snprintf(trial->seed, sizeof(trial->seed), "%.20s", seed);
    const struct lg_trial *before = trial > data->trials ? trial - 1 : NULL;
    if (!before || before->block != trial->block || strcmp(before->seed, trial->seed) == 0)
        return EVD_OK;
    return lg_place_complain(place,
                             "'seed' is \"%s\", and \"%s\" in the line before, of the same block",
                             trial->seed, before->seed);
}

int lg_data_take_figures(const struct lg_place *place, const struct lg_data *data, const cJSON *run,
                         struct lg_trial *trial)
{
    const char *schema = lg_json_string(run, "schema", "");
    if (strcmp(schema, "evdispatch.run/1") != 0)
        return lg_place_complain(place, "the run's schema is '%.40s', not 'evdispatch.run/1'",
                                 schema);
    int rc = check_commit(place, data, run);
    if (rc == EVD_OK && data->design.method.blocks == 0) /* else lines are brief: study_trial.c */
        rc = take_histogram(place, member(member(run, "latency_ns"), "response"), trial);
    if (rc == EVD_OK)
        rc = take_accounting(place, run, trial);
    return rc == EVD_OK ? take_metrics(place, run, trial) : rc;
}

static int take_run(const struct lg_place *place, struct lg_data *data, const cJSON *run,
                    struct lg_trial *trial)
{
    int rc = lg_data_take_figures(place, data, run, trial);
    if (rc == EVD_OK)
        rc = check_rate(place, data, run, trial);
    if (rc != EVD_OK)
        return rc;
    take_facts(data, run, trial);
    rc = lg_detail_take(place, run, &trial->detail);
    if (rc != EVD_OK)
        return rc;
    trial->overloaded = data->design.loads[trial->load].share > 0 && lg_run_overloaded(run);
    trial->invalid = !trial->overloaded && cJSON_IsFalse(member(run, "valid"));
    trial->stolen = trial->invalid && only_stolen(run);
    trial->doubt = trial->invalid ? take_doubt(run) : NULL;
    return EVD_OK;
}

static int take_line(const struct lg_place *place, struct lg_data *data, const cJSON *line,
                     struct lg_trial *trial)
{
    int rc = take_place(place, &data->design, line, trial);
    if (rc == EVD_OK)
        rc = check_seed(place, data, line, trial);
    if (rc != EVD_OK)
        return rc;
    for (int i = 0; i < LG_METRIC_COUNT; i++)
        trial->metrics[i] = NAN;
    trial->steal = NAN;
    trial->exact = true;
    lg_detail_none(&trial->detail);
    const cJSON *run = member(line, "run");
    const char *problem = lg_json_string(line, "problem", NULL);
    if (cJSON_IsObject(run))
        rc = take_run(place, data, run, trial);
    else if (!problem)
        problem = "there is no measurement";
    if (rc != EVD_OK)
        return rc;
    /* The study looked for these; a file may come from elsewhere. */
    if (!problem && trial->bad > 0)
        problem = "bad replies";
    if (!problem && !trial->exact)
        problem = "accounting is not exact";
    if (problem && !(trial->problem = strdup(problem)))
        return evd_error_set(place->error, EVD_ERR_NO_MEMORY, "no memory for a trial");
    return take_figure(place, line, "startup_ns", "startup_ns", NS_MAX,
                       &trial->metrics[LG_STARTUP]);
}

/* Each cell has one trial in a block, or an INVALID one and its repeat: two would be counted as if
 * they were independent. Where one that was repeated is overloaded by today's rule, it counts: else
 * the worst trials would be replaced. seen: for each cell and block the number of trials read when
 * its last one was, 0 for none. */
static int check_twice(const struct lg_place *place, struct lg_data *data, bool repeat,
                       size_t *seen)
{
    struct lg_trial *trial = &data->trials[data->count - 1];
    size_t cell = lg_design_cell(&data->design, trial->scenario, trial->load, trial->arm);
    size_t *last = &seen[cell * data->design.blocks + trial->block - 1];
    struct lg_trial *first = *last != 0 ? &data->trials[*last - 1] : NULL;
    trial->superseded = repeat && first && first->overloaded && first + 1 == trial;
    if (trial->superseded)
        return EVD_OK;
    if (first && !(repeat && first->invalid))
        return lg_place_complain(place, "another line has the same arm, scenario, load and block");
    if (first)
        first->superseded = true;
    *last = data->count;
    return EVD_OK;
}

/* A study writes its trials as they end: one that is missing in between was taken out. */
static int check_number(const struct lg_place *place, const struct lg_trial *trial)
{
    if (trial->number == place->line)
        return EVD_OK;
    return lg_place_complain(place,
                             "trial %u of block %u stands where trial %zu should: a line is "
                             "missing, or not in its place",
                             trial->number, trial->block, place->line);
}

/* The order of study.json, as far as the lines have come. NULL: it has none. */
struct order {
    const cJSON *block, *cell;
    unsigned number; /* of the block, from 1 */
};

static int open_order(const char *path, const struct lg_data *data, struct order *ret_order,
                      struct evd_error *error)
{
    const cJSON *order = member(data->about, "order"), *block;
    bool whole = !order || cJSON_GetArraySize(order) == (int)data->design.blocks;
    *ret_order = (struct order){.block = order ? order->child : NULL, .number = 1};
    cJSON_ArrayForEach(block, order) whole =
        whole && cJSON_IsArray(block) &&
        cJSON_GetArraySize(block) == (int)lg_design_cells(&data->design);
    if (!whole)
        return evd_error_set(error, EVD_ERR_BAD_DATA,
                             "%s: 'order' is not the %u blocks of %zu trials that the design has",
                             path, data->design.blocks, lg_design_cells(&data->design));
    ret_order->cell = ret_order->block ? ret_order->block->child : NULL;
    return EVD_OK;
}

/* A trial stands where study.json drew its place, or right behind the one that it repeats. One with
 * the name of another arm would be counted as that arm's. */
static int check_order(const struct lg_place *place, const struct lg_data *data, bool repeat,
                       struct order *order)
{
    const struct lg_trial *trial = &data->trials[data->count - 1];
    if (!member(data->about, "order"))
        return EVD_OK;
    if (repeat && data->count > 1 && trial[-1].block == trial->block &&
        trial[-1].arm == trial->arm && trial[-1].load == trial->load &&
        trial[-1].scenario == trial->scenario)
        return EVD_OK;
    size_t cell = lg_design_cell(&data->design, trial->scenario, trial->load, trial->arm);
    double drawn = order->cell ? cJSON_GetNumberValue(order->cell) : NAN;
    if (repeat || trial->block != order->number || fabs(drawn - (double)cell) > 0)
        return lg_place_complain(place,
                                 "trial %u is '%.48s' in block %u: by the order of study.json it "
                                 "stands elsewhere",
                                 trial->number, data->design.arms[trial->arm].name, trial->block);
    order->cell = order->cell->next;
    if (!order->cell && order->block->next) {
        order->block = order->block->next;
        order->cell = order->block->child;
        order->number++;
    }
    return EVD_OK;
}

static int take_lines(struct lg_place *place, struct lg_data *data, const char *text, size_t len,
                      struct order *order, size_t *seen, size_t max)
{
    int rc = EVD_OK;
    for (place->line = 1; len > 0 && rc == EVD_OK; place->line++) {
        const char *end = memchr(text, '\n', len);
        if (!end)
            return lg_place_complain(place, "the line is cut off: it has no end");
        if (data->count == max)
            return lg_place_complain(place, "more trials than the design of study.json has (%zu)",
                                     max);
        size_t used = (size_t)(end - text);
        cJSON *line;
        rc = lg_json_parse(text, used, place->path, place->line, &line, place->error);
        if (rc != EVD_OK)
            return rc;
        struct lg_trial *trial = &data->trials[data->count++];
        rc = take_line(place, data, line, trial);
        bool repeat = lg_json_number(line, "attempt") > 1;
        cJSON_Delete(line);
        if (rc == EVD_OK)
            rc = check_twice(place, data, repeat, seen);
        if (rc == EVD_OK)
            rc = check_number(place, trial);
        if (rc == EVD_OK)
            rc = check_order(place, data, repeat, order);
        text = end + 1;
        len -= used + 1;
    }
    return rc;
}

static int take_trials(const char *about, const char *path, struct lg_data *data, const char *text,
                       size_t len, struct evd_error *error)
{
    struct lg_place place = {.path = path, .error = error};
    struct order order;
    int rc = open_order(about, data, &order, error);
    if (rc != EVD_OK)
        return rc;
    size_t max = data->design.blocks * lg_design_cells(&data->design);
    size_t *seen = calloc(max, sizeof(*seen));
    max *= 2; /* each may have been repeated */
    data->trials = calloc(max, sizeof(*data->trials));
    rc = seen && data->trials
             ? take_lines(&place, data, text, len, &order, seen, max)
             : evd_error_set(error, EVD_ERR_NO_MEMORY, "no memory for %zu trials", max);
    free(seen);
    if (rc == EVD_OK && data->count == 0)
        rc = evd_error_set(error, EVD_ERR_BAD_DATA, "%s holds no trial", path);
    return rc;
}

int lg_data_sha256(const char *text, size_t len, char out[static 65], struct evd_error *error)
{
    char *argv[] = {"sha256sum", NULL}, *output;
    size_t output_len;
    int rc = lg_tool_run(argv, text, len, "coreutils", &output, &output_len, error);
    if (rc != EVD_OK)
        return rc;
    snprintf(out, 65, "%.64s", output);
    free(output);
    return EVD_OK;
}

static int read_about(const char *path, struct lg_data *data, struct evd_error *error)
{
    int rc = lg_json_read(path, ABOUT_BYTES_MAX, &data->about, error);
    if (rc != EVD_OK)
        return rc;
    const char *schema = lg_json_string(data->about, "schema", "");
    if (strcmp(schema, "evdispatch.study/1") != 0)
        return evd_error_set(error, EVD_ERR_BAD_DATA,
                             "%s: schema is '%.40s', not 'evdispatch.study/1'", path, schema);
    cJSON *design = cJSON_DetachItemFromObjectCaseSensitive(data->about, "design");
    if (!design)
        return evd_error_set(error, EVD_ERR_BAD_DATA, "%s: 'design' is missing", path);
    rc = lg_design_take(design, path, &data->design, error);
    if (rc == EVD_OK && data->design.has_shares)
        rc = lg_rates_take(&data->design, data->about, &data->rates, error);
    return rc;
}

static int hash_file(const char *path, char out[static 65], struct evd_error *error)
{
    char *text;
    size_t len;
    int rc = lg_read_file(path, ABOUT_BYTES_MAX, &text, &len, error);
    if (rc != EVD_OK)
        return rc;
    rc = lg_data_sha256(text, len, out, error);
    free(text);
    return rc;
}

/* Where the design has shares: the trials that its rates come from. */
static int read_maximum(const char *dir, struct lg_data *data, struct evd_error *error)
{
    char path[LG_PATH_MAX], *text;
    size_t len;
    if (!data->design.has_shares)
        return EVD_OK;
    if (snprintf(path, sizeof(path), "%s/maximum.jsonl", dir) >= LG_PATH_MAX)
        return evd_error_set(error, EVD_ERR_USAGE, "the path '%.60s...' is too long", dir);
    int rc = lg_read_file(path, ABOUT_BYTES_MAX, &text, &len, error);
    if (rc != EVD_OK)
        return rc;
    rc = lg_maximum_take(path, data, text, len, error);
    if (rc == EVD_OK)
        rc = lg_data_sha256(text, len, data->maximum_sha256, error);
    free(text);
    return rc;
}

/* What a study that finished has written is what is there: a figure that was changed since would
 * look like any other. Older studies have not recorded it. */
static int check_seal(const char *trials, const struct lg_data *data, struct evd_error *error)
{
    const char *was = lg_json_string(data->about, "trials_sha256", NULL);
    if (!was || strcmp(was, data->sha256) == 0)
        return EVD_OK;
    return evd_error_set(
        error, EVD_ERR_BAD_DATA,
        "%s: it was changed after the study had finished: its SHA-256 is %.16s..., "
        "by study.json %.16s...",
        trials, data->sha256, was);
}

int lg_data_read(const char *dir, struct lg_data *ret_data, struct evd_error *ret_error)
{
    char about[LG_PATH_MAX], trials[LG_PATH_MAX], *text;
    size_t len;
    *ret_data = (struct lg_data){0};
    if (snprintf(about, sizeof(about), "%s/study.json", dir) >= LG_PATH_MAX ||
        snprintf(trials, sizeof(trials), "%s/trials.jsonl", dir) >= LG_PATH_MAX)
        return evd_error_set(ret_error, EVD_ERR_USAGE, "the path '%.60s...' is too long", dir);
    int rc = read_about(about, ret_data, ret_error);
    if (rc == EVD_OK)
        rc = hash_file(about, ret_data->about_sha256, ret_error);
    if (rc == EVD_OK)
        rc = read_maximum(dir, ret_data, ret_error);
    if (rc == EVD_OK)
        rc = lg_read_file(trials, LG_TRIALS_BYTES_MAX, &text, &len, ret_error);
    if (rc == EVD_OK) {
        rc = take_trials(about, trials, ret_data, text, len, ret_error);
        if (rc == EVD_OK)
            rc = lg_data_sha256(text, len, ret_data->sha256, ret_error);
        if (rc == EVD_OK)
            rc = check_seal(trials, ret_data, ret_error);
        ret_data->bytes = len;
        free(text);
    }
    if (rc != EVD_OK)
        lg_data_release(ret_data);
    return rc;
}

void lg_data_release(struct lg_data *data)
{
    for (size_t i = 0; i < data->count; i++) {
        free(data->trials[i].problem);
        free(data->trials[i].doubt);
        free(data->trials[i].buckets);
    }
    free(data->trials);
    free(data->maximum);
    lg_design_release(&data->design);
    cJSON_Delete(data->about);
    *data = (struct lg_data){0};
}
