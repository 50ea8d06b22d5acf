/* From the raw trials to the table. */
#include "roofline.h"

#include "loadgen/stats.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 1024
#define SHAPES_MAX     4
#define ARMS_MAX       16

/* What the rounds gave; NaN where a round has no such trial. */
struct cell {
    double rate[ROOFLINE_ROUNDS_MAX];      /* replies a second */
    double server_ns[ROOFLINE_ROUNDS_MAX]; /* CPU a call */
    double client_ns[ROOFLINE_ROUNDS_MAX];
    double per_read[ROOFLINE_ROUNDS_MAX]; /* replies that came with one read of the client */
};

struct data {
    struct cell cells[SHAPES_MAX][ARMS_MAX];
    cJSON *head; /* owned */
    size_t rounds;
};

static int bad(struct evd_error *error, const char *path, unsigned line, const char *what)
{
    return evd_error_set(error, EVD_ERR_BAD_DATA, "%s:%u: %s", path, line, what);
}

/* A positive number, or NaN. */
static double number(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(item) && item->valuedouble >= 0 ? item->valuedouble : NAN;
}

static struct cell *find_cell(struct data *data, const cJSON *trial)
{
    const char *arm = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(trial, "arm"));
    for (size_t s = 0; arm != NULL && s < roofline_shape_count; s++) {
        if (roofline_shapes[s].connections != number(trial, "connections") ||
            roofline_shapes[s].depth != number(trial, "depth"))
            continue;
        for (size_t a = 0; a < roofline_arm_count; a++) {
            if (strcmp(roofline_arms[a].name, arm) == 0)
                return &data->cells[s][a];
        }
    }
    return NULL;
}

static const char *take_trial(struct data *data, const cJSON *trial)
{
    double round = number(trial, "round"), replies = number(trial, "replies");
    double wall = number(trial, "wall_ns");
    struct cell *cell = find_cell(data, trial);
    if (cell == NULL)
        return "no such arm, connections and depth";
    if (!(round < ROOFLINE_ROUNDS_MAX) || round != floor(round))
        return "\"round\" must be a whole number from 0 on";
    if (!(replies > 0) || !(wall > 0))
        return "\"replies\" and \"wall_ns\" must be over 0";
    size_t r = (size_t)round;
    if (!isnan(cell->rate[r]))
        return "this trial is there twice";
    cell->rate[r] = replies / wall * 1e9;
    cell->server_ns[r] = number(trial, "server_ns") / replies;
    cell->client_ns[r] = number(trial, "client_ns") / replies;
    cell->per_read[r] = replies / number(trial, "reads");
    if (r + 1 > data->rounds)
        data->rounds = r + 1;
    return NULL;
}

static int read_lines(struct data *data, FILE *file, const char *path, struct evd_error *ret_error)
{
    char text[LINE_MAX_BYTES];
    for (unsigned line = 1; fgets(text, sizeof text, file) != NULL; line++) {
        cJSON *json = cJSON_Parse(text);
        const char *schema = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "schema"));
        const char *wrong = NULL;
        if (!cJSON_IsObject(json)) {
            wrong = "not a JSON object";
        } else if (line == 1) {
            if (schema == NULL || strcmp(schema, ROOFLINE_SCHEMA) != 0)
                wrong = "the first line must have the schema " ROOFLINE_SCHEMA;
            else
                data->head = cJSON_Duplicate(json, true);
        } else {
            wrong = take_trial(data, json);
        }
        cJSON_Delete(json);
        if (wrong != NULL)
            return bad(ret_error, path, line, wrong);
    }
    if (data->head == NULL || data->rounds == 0)
        return bad(ret_error, path, 1, "there is no trial in it");
    return EVD_OK;
}

/* ---- The page ---- */

static struct lg_interval ratios(const struct cell *cell, const struct cell *echo, size_t rounds)
{
    double list[ROOFLINE_ROUNDS_MAX];
    size_t n = 0;
    for (size_t r = 0; r < rounds; r++) {
        if (!isnan(cell->rate[r]) && !isnan(echo->rate[r]))
            list[n++] = cell->rate[r] / echo->rate[r];
    }
    return lg_median_interval(list, n);
}

static double median(const double *values, size_t count)
{
    double list[ROOFLINE_ROUNDS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (!isnan(values[i]))
            list[n++] = values[i];
    }
    return lg_median_interval(list, n).estimate;
}

/* Held: the median reaches the target. The interval says how sure that is. */
static const char *verdict(const struct lg_interval *ratio, double target)
{
    if (target == 0)
        return "";
    if (ratio->estimate >= target)
        return ratio->bounded && ratio->low >= target ? "held" : "held, within the noise";
    return ratio->bounded && ratio->high < target ? "**missed**" : "missed, within the noise";
}

static void print_arm(FILE *out, const struct data *data, size_t s, size_t a)
{
    const struct cell *cell = &data->cells[s][a], *echo = &data->cells[s][0];
    const struct roofline_arm *arm = &roofline_arms[a];
    struct lg_interval ratio = ratios(cell, echo, data->rounds);
    double target = roofline_target(arm->transport, &roofline_shapes[s]);
    fprintf(out, "| %s | %.0f | ", arm->name, median(cell->rate, data->rounds));
    if (a == 0)
        fprintf(out, "1 | |");
    else if (ratio.bounded)
        fprintf(out, "%.3f [%.3f, %.3f] | ", ratio.estimate, ratio.low, ratio.high);
    else
        fprintf(out, "%.3f | ", ratio.estimate);
    if (a != 0 && target > 0)
        fprintf(out, "%.2f: %s |", target, verdict(&ratio, target));
    else if (a != 0)
        fprintf(out, "|");
    fprintf(out, " %.3f | %.3f | %.1f |\n", median(cell->server_ns, data->rounds) / 1e3,
            median(cell->client_ns, data->rounds) / 1e3, median(cell->per_read, data->rounds));
}

static const char *head_text(const struct data *data, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(data->head, name));
    return text != NULL ? text : "unknown";
}

static void print_page(FILE *out, const struct data *data)
{
    fprintf(
        out,
        "# How near to the kernel\n\n"
        "Calls of %.0f bytes answered with their own data, against a libev echo of the same "
        "bytes in the same round. %zu rounds, the arms of each in random order, each with a "
        "fresh server on a CPU of its own; one client for all, which compares every byte.\n\n"
        "Commit %s, %s, Linux %s, TCP congestion control %s, %.0f ms a trial. Rate: median of the "
        "rounds. Ratio to the echo: median of the rounds' ratios, and its distribution-free "
        "interval of 95 %%.\n",
        number(data->head, "message_bytes"), data->rounds, head_text(data, "commit"),
        head_text(data, "compiler"), head_text(data, "kernel"), head_text(data, "congestion"),
        number(data->head, "duration_ns") / 1e6);
    for (size_t s = 0; s < roofline_shape_count; s++) {
        fprintf(out,
                "\n## %u connections, %u in flight on each\n\n"
                "| arm | replies/s | ratio to echo | target | server CPU a call, µs | client CPU a "
                "call, µs | replies a read |\n|---|--:|--:|---|--:|--:|--:|\n",
                roofline_shapes[s].connections, roofline_shapes[s].depth);
        for (size_t a = 0; a < roofline_arm_count; a++)
            print_arm(out, data, s, a);
    }
}

int roofline_render(const char *path, FILE *out, struct evd_error *ret_error)
{
    FILE *file = fopen(path, "re");
    struct data *data = calloc(1, sizeof *data);
    int rc;
    if (file == NULL || data == NULL) {
        rc = evd_error_set(ret_error, EVD_ERR_SYSTEM, "%s: %s", path, strerror(errno));
    } else {
        for (size_t s = 0; s < SHAPES_MAX; s++) {
            for (size_t a = 0; a < ARMS_MAX; a++) {
                for (size_t r = 0; r < ROOFLINE_ROUNDS_MAX; r++)
                    data->cells[s][a].rate[r] = data->cells[s][a].server_ns[r] =
                        data->cells[s][a].client_ns[r] = data->cells[s][a].per_read[r] = NAN;
            }
        }
        rc = read_lines(data, file, path, ret_error);
        if (rc == EVD_OK)
            print_page(out, data);
        cJSON_Delete(data->head);
    }
    if (file != NULL)
        (void)fclose(file);
    free(data);
    return rc;
}
