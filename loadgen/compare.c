#include "compare.h"

#include "format.h"
#include "paths.h"

#include <cjson/cJSON.h>

#include <math.h>
#include <stdlib.h>

struct lg_old {
    const char *path;
    cJSON *json;
};

/* "a/b" below root; NULL when there is none. */
static const cJSON *find(const cJSON *root, const char *path)
{
    char name[40];

    for (;;) {
        size_t len = strcspn(path, "/");

        snprintf(name, sizeof(name), "%.*s", (int)(len < sizeof(name) ? len : 0), path);
        root = cJSON_GetObjectItemCaseSensitive(root, name);
        if (root == NULL || path[len] == '\0')
            return root;
        path += len + 1;
    }
}

static double number(const struct lg_old *old, const char *path)
{
    const cJSON *item = find(old->json, path);

    return cJSON_IsNumber(item) ? item->valuedouble : NAN;
}

/* ---- Whether they may be held against each other ---- */

struct differences {
    const struct lg_old *old;
    char text[200];
    bool missing; /* text names a member that is not there, or of another type */
};

static void add(struct differences *all, const char *what, const char *there, const char *here)
{
    size_t len = strlen(all->text);

    snprintf(all->text + len, sizeof(all->text) - len, "%s%s is %.24s there and %.24s here",
             len > 0 ? "; " : "", what, *there != '\0' ? there : "none",
             *here != '\0' ? here : "none");
}

static void lacks(struct differences *all, const char *path)
{
    if (!all->missing)
        snprintf(all->text, sizeof(all->text), "%s", path);
    all->missing = true;
}

static void same_text(struct differences *all, const char *path, const char *what, const char *here)
{
    const cJSON *item = find(all->old->json, path);

    if (!cJSON_IsString(item))
        lacks(all, path);
    else if (!all->missing && strcmp(item->valuestring, here) != 0)
        add(all, what, item->valuestring, here);
}

static void same_number(struct differences *all, const char *path, const char *what, double here)
{
    double there = number(all->old, path);
    char a[32], b[32];

    snprintf(a, sizeof(a), "%.9g", there);
    snprintf(b, sizeof(b), "%.9g", here);
    if (isnan(there))
        lacks(all, path);
    else if (!all->missing && strcmp(a, b) != 0)
        add(all, what, a, b);
}

static void same_bystanders(struct differences *all, const struct lg_profile *profile)
{
    char path[40];

    for (int kind = 0; kind < LG_BYSTANDERS; kind++) {
        const char *key = lg_bystander_key((enum lg_bystander)kind);

        snprintf(path, sizeof(path), "bystanders/%s/wanted", key);
        same_number(all, path, key, profile->bystanders[kind]);
    }
}

static int check_same(const struct lg_old *old, const struct lg_run_options *options,
                      const struct lg_scenario *scenario, struct evd_error *error)
{
    struct differences all = {.old = old};

    same_text(&all, "scenario/name", "scenario", scenario->name);
    same_text(&all, "scenario/payloads", "payloads", scenario->payloads);
    same_number(&all, "scenario/request_bytes_mean", "mean request", scenario->payload_mean);
    same_text(&all, "config/transport", "transport", options->transport->name);
    same_text(&all, "config/mode", "loop", options->closed ? "closed" : "open");
    same_text(&all, "config/encoding", "encoding",
              options->encoding == NULL ? "" : options->encoding->name);
    same_text(&all, "config/rate_shape", "shape of the rate", lg_rate_shape(options));
    same_number(&all, "config/burst_on_ns", "bursts, ns,", (double)options->burst_on_ns);
    same_number(&all, "config/burst_off_ns", "pauses, ns,", (double)options->burst_off_ns);
    same_number(&all, "config/reconnect_every", "--reconnect-every",
                (double)options->profile.reconnect_every);
    same_bystanders(&all, &options->profile);
    same_number(&all, "config/rate", "rate", (double)options->rate / LG_RATE_UNIT);
    same_text(&all, "config/arrivals", "arrivals",
              options->closed ? "closed" : lg_arrivals_name(options->arrivals));
    same_number(&all, "config/connections", "connections", options->connections);
    same_number(&all, "config/depth", "depth", options->depth);
    same_number(&all, "config/threads", "threads", options->threads);
    if (all.missing)
        return evd_error_set(error, EVD_ERR_USAGE, "--compare: %.100s: no %.60s of the right type",
                             old->path, all.text);
    if (*all.text != '\0')
        return evd_error_set(error, EVD_ERR_USAGE, "--compare: %.60s is of another load: %.180s",
                             old->path, all.text);
    return EVD_OK;
}

static int check_schema(const struct lg_old *old, struct evd_error *error)
{
    const cJSON *schema = find(old->json, "schema");

    if (!cJSON_IsString(schema) || strcmp(schema->valuestring, "evdispatch.run/1") != 0)
        return evd_error_set(error, EVD_ERR_USAGE,
                             "--compare: %.150s is no result of loadgen run --json "
                             "(evdispatch.run/1)",
                             old->path);
    return EVD_OK;
}

int lg_old_read(const char *path, const struct lg_run_options *options,
                const struct lg_scenario *scenario, struct lg_old **ret_old,
                struct evd_error *ret_error)
{
    struct lg_old *old = calloc(1, sizeof(*old));
    struct evd_error error;
    char *text;
    size_t len;
    int rc;

    *ret_old = NULL;
    if (old == NULL)
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "no memory");
    old->path = path;
    rc = lg_read_file(path, LG_OLD_BYTES_MAX, &text, &len, &error);
    if (rc < 0) {
        free(old);
        return evd_error_set(ret_error, rc, "--compare: %s", error.text);
    }
    old->json = cJSON_ParseWithLength(text, len);
    free(text);
    rc = check_schema(old, ret_error);
    if (rc == EVD_OK)
        rc = check_same(old, options, scenario, ret_error);
    if (rc < 0)
        lg_old_release(old);
    else
        *ret_old = old;
    return rc;
}

void lg_old_release(struct lg_old *old)
{
    if (old != NULL)
        cJSON_Delete(old->json);
    free(old);
}

/* ---- Side by side ---- */

typedef const char *format_fn(double value, char *out);

static void row(const char *name, double then, double now, format_fn *format, FILE *out)
{
    char a[LG_FORMAT_MAX], b[LG_FORMAT_MAX], ratio[LG_FORMAT_MAX] = "-";

    if (!isfinite(then) || !isfinite(now))
        return;
    format(then, a);
    format(now, b);
    if (then > 0)
        snprintf(ratio, sizeof(ratio), "%.3f", now / then);
    /* A byte more where the unit has a letter of two bytes. */
    fprintf(out, "%-18s %*s %*s %8s\n", name, strchr(a, '\xc2') != NULL ? 15 : 14, a,
            strchr(b, '\xc2') != NULL ? 15 : 14, b, ratio);
}

static void latencies(const struct lg_old *old, const char *name, const struct lg_histogram *now,
                      FILE *out)
{
    static const struct {
        const char *key, *name;
        double q;
    } quantiles[] = {
        {"p50", "p50", 0.5}, {"p90", "p90", 0.9}, {"p99", "p99", 0.99}, {"p99_9", "p99.9", 0.999}};
    char path[64], label[40];

    snprintf(path, sizeof(path), "latency_ns/%s/count", name);
    double count = number(old, path);

    for (size_t i = 0; i < sizeof(quantiles) / sizeof(*quantiles); i++) {
        snprintf(path, sizeof(path), "latency_ns/%s/%s", name, quantiles[i].key);
        snprintf(label, sizeof(label), "%s %s", name, quantiles[i].name);
        uint64_t needed = lg_histogram_needed(quantiles[i].q);

        if (count >= (double)needed && now->count >= needed)
            row(label, number(old, path), (double)lg_histogram_quantile(now, quantiles[i].q),
                lg_format_ns, out);
    }
}

static void validity(const struct lg_old *old, const struct lg_result *result, FILE *out)
{
    bool then = !cJSON_IsTrue(find(old->json, "valid")), now = result->invalid_count > 0;

    if (then || now)
        fprintf(out, "%s INVALID: the figures above are not to be trusted\n",
                then && now ? "both runs are"
                : then      ? "the old run is"
                            : "the new run is");
}

void lg_old_compare(const struct lg_old *old, const struct lg_result *result, FILE *out)
{
    const cJSON *started = find(old->json, "started"), *commit = find(old->json, "commit");
    double calls = number(old, "server/calls");

    fprintf(out, "\ncompared with %s (%s, commit %s)\n", old->path,
            cJSON_IsString(started) ? started->valuestring : "?",
            cJSON_IsString(commit) ? commit->valuestring : "?");
    fprintf(out, "%-18s %14s %14s %8s\n", "", "old", "new", "new/old");
    latencies(old, "response", &result->response, out);
    latencies(old, "service", &result->service, out);
    row("throughput", number(old, "throughput"), result->throughput, lg_format_rate, out);
    if (result->server_sampled && result->server_calls > 0 && calls > 0)
        row("server CPU a call", number(old, "server/cpu_ns") / calls,
            (double)result->server.cpu_ns / (double)result->server_calls, lg_format_ns, out);
    fputs("one run each: no verdict is possible, since the machine drifts and neighbours steal; "
          "loadgen\nstudy repeats runs in turn and gives one\n",
          out);
    validity(old, result, out);
}
