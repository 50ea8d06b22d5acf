#include "result.h"
#include "format.h"

static void print_load(const struct lg_run_options *options, FILE *out)
{
    static const char *const names[] = {"constant arrivals", "Poisson arrivals", "bursts of "};
    char text[LG_FORMAT_MAX];

    fprintf(out, "open loop at %s, ", lg_format_rate((double)options->rate / LG_RATE_UNIT, text));
    if (options->ramp)
        fprintf(out, "a ramp from %s",
                lg_format_rate((double)options->rates[0] / LG_RATE_UNIT, text));
    for (unsigned i = options->ramp; i < options->rate_count && options->rate_count > 1; i++)
        fprintf(out, "%s%s",
                options->ramp ? " to "
                : i == 0      ? "steps of "
                              : " ",
                lg_format_rate((double)options->rates[i] / LG_RATE_UNIT, text));
    fprintf(out, "%s%s", options->rate_count > 1 ? ", " : "", names[options->arrivals]);
    if (options->arrivals == LG_ARRIVALS_BURST)
        fprintf(out, "%s", lg_format_ns((double)options->burst_on_ns, text));
    if (options->arrivals == LG_ARRIVALS_BURST)
        fprintf(out, " with pauses of %s", lg_format_ns((double)options->burst_off_ns, text));
}

static void print_head(const struct lg_result *result, FILE *out)
{
    const struct lg_run_options *options = result->options;
    char time[LG_FORMAT_MAX], warmup[LG_FORMAT_MAX];

    fprintf(out, "%s, %zu request%s (%s), %s to %s\n", result->scenario->name,
            result->scenario->count, result->scenario->count == 1 ? "" : "s",
            result->scenario->payloads, options->transport->name, options->target);
    if (options->closed)
        fprintf(out, "closed loop");
    else
        print_load(options, out);
    fprintf(out, "; %u connection%s x depth %u, %u thread%s; congestion control %s\n",
            options->connections, options->connections == 1 ? "" : "s", options->depth,
            options->threads, options->threads == 1 ? "" : "s", result->congestion);
    fprintf(out, "measured for %s after %s of warm-up\n\n",
            lg_format_ns((double)result->measured_ns, time),
            lg_format_ns((double)options->warmup_ns, warmup));
}

static void print_time(double ns, bool known, FILE *out)
{
    char text[LG_FORMAT_MAX] = "-";

    if (known)
        lg_format_ns(ns, text);
    /* A byte more where the unit has a letter of two bytes. */
    fprintf(out, " %*s", strchr(text, '\xc2') != NULL ? 11 : 10, text);
}

static void print_latency(const struct lg_run_options *options, const struct lg_histogram *h,
                          const char *name, FILE *out)
{
    fprintf(out, "%-10s", name);
    for (unsigned i = 0; i < options->quantile_count; i++)
        print_time((double)lg_histogram_quantile(h, options->quantiles[i]),
                   h->count >= lg_histogram_needed(options->quantiles[i]), out);
    print_time((double)h->max, h->count > 0, out);
    print_time(lg_histogram_mean(h), h->count > 0, out);
    fputc('\n', out);
}

static void print_wire(const struct lg_result *result, FILE *out)
{
    char count[LG_FORMAT_MAX];

    if (*result->wire_off != '\0')
        fprintf(out, "  no wire latency: %s\n", result->wire_off);
    if (result->wire.count > 0)
        fprintf(out, "  wire: between the kernel's stamps of request and reply, of %s requests\n",
                lg_format_count(result->wire.count, count));
    if (result->wire_lost > 0)
        fprintf(out, "  %s more were to be stamped and lack a stamp\n",
                lg_format_count(result->wire_lost, count));
}

bool lg_result_is_lower_bound(const struct lg_result *result, double q)
{
    return lg_histogram_up_to(&result->censored, lg_histogram_quantile(&result->response, q)) > 0;
}

/* What of the row above is only a lower bound. */
static void print_censored(const struct lg_result *result, FILE *out)
{
    const struct lg_run_options *options = result->options;
    char count[LG_FORMAT_MAX], name[LG_FORMAT_MAX];

    if (result->censored.count == 0)
        return;
    fprintf(out,
            "  response: %s were never answered and count as what they waited; lower bounds are ",
            lg_format_count(result->censored.count, count));
    for (unsigned i = 0; i < options->quantile_count; i++)
        if (result->response.count >= lg_histogram_needed(options->quantiles[i]) &&
            lg_result_is_lower_bound(result, options->quantiles[i]))
            fprintf(out, "%s, ", lg_format_quantile(options->quantiles[i], name));
    fprintf(out, "%smean\n", lg_result_is_lower_bound(result, 1) ? "max, " : "");
}

static void print_latencies(const struct lg_result *result, FILE *out)
{
    const struct lg_run_options *options = result->options;
    char name[LG_FORMAT_MAX], needed[LG_FORMAT_MAX];
    double highest = 0;

    fprintf(out, "%-10s", "latency");
    for (unsigned i = 0; i < options->quantile_count; i++)
        fprintf(out, " %10s", lg_format_quantile(highest = options->quantiles[i], name));
    fprintf(out, " %10s %10s\n", "max", "mean");
    print_latency(options, &result->response, "response", out);
    print_latency(options, &result->service, "service", out);
    print_latency(options, &result->lateness, "lateness", out);
    print_latency(options, &result->woke_late, " woke late", out);
    print_latency(options, &result->no_free_slot, " no slot", out);
    if (result->wire.count > 0)
        print_latency(options, &result->wire, "wire", out);
    fprintf(out,
            "  response: from when a request was due to its reply; service: from when it was\n"
            "  sent; lateness: from due to sent: the generator woke late, or had no free slot\n"
            "  (connections x depth)\n");
    print_censored(result, out);
    print_wire(result, out);
    if (result->response.count < lg_histogram_needed(highest))
        fprintf(out, "  -: too few requests; a quantile needs ten above it, so %s %s requests\n",
                lg_format_quantile(highest, name),
                lg_format_count(lg_histogram_needed(highest), needed));
    fputc('\n', out);
}

static void print_bystanders(const struct lg_result *result, FILE *out)
{
    char made[LG_FORMAT_MAX], ended[LG_FORMAT_MAX], failed[LG_FORMAT_MAX];

    for (int kind = 0; kind < LG_BYSTANDERS; kind++) {
        const struct lg_bystander_counts *counts = &result->bystanders[kind];

        if (result->options->profile.bystanders[kind] > 0)
            fprintf(out, "%-10s %14s  connections %s; the server closed %s, %s attempts failed\n",
                    "", lg_format_count(counts->made, made),
                    lg_bystander_words((enum lg_bystander)kind),
                    lg_format_count(counts->ended, ended), lg_format_count(counts->failed, failed));
    }
}

static void print_account(const struct lg_result *result, FILE *out)
{
    const struct lg_account *account = &result->accounts[LG_MEASURED];
    char text[LG_FORMAT_MAX];

    fprintf(out, "%-10s %14s\n", "scheduled", lg_format_count(account->scheduled, text));
    for (int i = 0; i < LG_OUTCOMES; i++)
        if (i == LG_OK || account->outcomes[i] > 0)
            fprintf(out, "%-10s %14s  %s\n", lg_outcome_key((enum lg_outcome)i),
                    lg_format_count(account->outcomes[i], text),
                    lg_outcome_words((enum lg_outcome)i));
    if (lg_account_errors(&result->accounts[LG_WARMUP]) > 0)
        fprintf(out, "%-10s %14s  went wrong in the warm-up\n", "",
                lg_format_count(lg_account_errors(&result->accounts[LG_WARMUP]), text));
    if (result->reconnects > 0)
        fprintf(out, "%-10s %14s  connections were lost\n", "",
                lg_format_count(result->reconnects, text));
    if (result->resent > 0)
        fprintf(out, "%-10s %14s  requests were sent again\n", "",
                lg_format_count(result->resent, text));
    if (result->renewed > 0)
        fprintf(out, "%-10s %14s  connections were closed and made again\n", "",
                lg_format_count(result->renewed, text));
    print_bystanders(result, out);
    fputc('\n', out);
}

static void print_server_side(const struct lg_result *result, FILE *out)
{
    const struct lg_metrics *metrics = &result->metrics;
    char a[LG_FORMAT_MAX], b[LG_FORMAT_MAX];

    if (result->syscalls_counted && result->server_calls > 0)
        fprintf(out, "           %.2f system calls a call\n",
                (double)result->server_syscalls / (double)result->server_calls);
    else if (*result->syscalls_error != '\0')
        fprintf(out, "           %s\n", result->syscalls_error);
    if (result->metrics_sampled)
        fprintf(out, "           by its own count: %s calls, %.2f a read, %s modules loaded\n",
                lg_format_count(metrics->calls, a),
                metrics->reads == 0 ? 0 : (double)metrics->calls / (double)metrics->reads,
                lg_format_count(metrics->loads, b));
    else if (*result->metrics_error != '\0')
        fprintf(out, "           %s\n", result->metrics_error);
}

static void print_server(const struct lg_result *result, FILE *out)
{
    double calls = (double)result->server_calls, wall = (double)result->server.wall_ns;
    char a[LG_FORMAT_MAX], b[LG_FORMAT_MAX], c[LG_FORMAT_MAX];

    fprintf(out, "server     CPU %.0f %% of a core",
            wall == 0 ? 0 : 100 * (double)result->server.cpu_ns / wall);
    if (calls > 0)
        fprintf(out, ", %s a call (user %s, system %s)",
                lg_format_ns((double)result->server.cpu_ns / calls, a),
                lg_format_ns((double)result->server.user_ns / calls, b),
                lg_format_ns((double)result->server.system_ns / calls, c));
    fprintf(out, "; %s context switches\n", lg_format_count(result->server.context_switches, a));
    fprintf(out, "           memory %s (peak %s)\n",
            lg_format_bytes((double)result->server_memory.rss_bytes, b),
            lg_format_bytes((double)result->server_memory.rss_peak_bytes, c));
}

static void print_resources(const struct lg_result *result, FILE *out)
{
    char a[LG_FORMAT_MAX], b[LG_FORMAT_MAX], c[LG_FORMAT_MAX];

    fprintf(out, "throughput %s answered as expected; sent %s, received %s\n",
            lg_format_rate(result->throughput, a), lg_format_bytes((double)result->sent_bytes, b),
            lg_format_bytes((double)result->received_bytes, c));
    fprintf(out, "client     %.0f %% of a core per thread", result->client_share * 100);
    if (result->ok_in_window > 0)
        fprintf(out, ", %s a request",
                lg_format_ns((double)lg_client_busy_ns(result) / (double)result->ok_in_window, a));
    fprintf(out, "%s\n", result->options->spin_ns != 0 ? "; without what --spin took" : "");
    if (result->server_sampled)
        print_server(result, out);
    print_server_side(result, out);
    fprintf(out, "host       %.1f %% of CPU time stolen\n\n", result->steal_share * 100);
}

void lg_result_table(const struct lg_result *result, FILE *out)
{
    print_head(result, out);
    print_latencies(result, out);
    print_account(result, out);
    print_resources(result, out);
    if (*result->first_bad.event != '\0')
        fprintf(out, "first bad reply, to %s\n  expected %s\n  got      %s\n\n",
                result->first_bad.event, result->first_bad.expected, result->first_bad.got);
    if (*result->note != '\0')
        fprintf(out, "note: %s\n", result->note);
    if (result->invalid_count == 0)
        fputs("valid\n", out);
    for (unsigned i = 0; i < result->invalid_count; i++)
        fprintf(out, "INVALID: %s\n", result->invalid[i]);
}
