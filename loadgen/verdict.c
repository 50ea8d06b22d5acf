/* Whether a run can be trusted. The limits are explained in docs/MEASURING.md. */
#include "result.h"

#include "cause.h"
#include "format.h"
#include "verdict.h"

#include <inttypes.h>
#include <stdarg.h>

#define LATENESS_SHARE  0.1
#define STEAL_SHARE_MAX 0.01
#define WAIT_SHARE_MAX  0.05 /* of the time: ready to run, and on no CPU */

__attribute__((format(printf, 3, 4))) static void
invalid(struct lg_result *result, const char *cause, const char *format, ...)
{
    va_list args;

    if (result->invalid_count == LG_INVALID_MAX)
        return;
    result->invalid_causes[result->invalid_count] = cause;
    va_start(args, format);
    vsnprintf(result->invalid[result->invalid_count++], sizeof(result->invalid[0]), format, args);
    va_end(args);
}

static void check_accounts(struct lg_result *result)
{
    static const char *const names[LG_WINDOWS] = {"warm-up", "measured"};
    const struct lg_account *measured = &result->accounts[LG_MEASURED];
    struct evd_error error;

    for (int i = 0; i < LG_WINDOWS; i++) {
        if (lg_account_check(&result->accounts[i], names[i], &error) == EVD_OK)
            continue;
        invalid(result, LG_CAUSE_ACCOUNTING, "%s", error.text);
        if (result->broken.status == EVD_OK)
            result->broken = error;
    }
    if (result->unsolicited > 0)
        invalid(result, LG_CAUSE_UNSOLICITED, "the server sent %" PRIu64 " replies to nothing",
                result->unsolicited);
    if (measured->scheduled == 0)
        invalid(result, LG_CAUSE_ERRORS, "no request fell due in the measured window");
    else if (measured->outcomes[LG_OK] == 0)
        invalid(result, LG_CAUSE_ERRORS,
                "no request of the measured window was answered as expected");
    if (lg_account_errors(measured) > 0)
        invalid(result, LG_CAUSE_ERRORS, "%" PRIu64 " of %" PRIu64 " requests went wrong",
                lg_account_errors(measured), measured->scheduled);
}

static void check_rate(struct lg_result *result)
{
    const struct lg_account *account = &result->accounts[LG_MEASURED];
    double scheduled = (double)account->scheduled, done = (double)result->ok_in_window;
    double seconds = (double)result->measured_ns / 1e9;
    double off = done > scheduled ? done - scheduled : scheduled - done;

    if (account->outcomes[LG_UNSENT] > 0)
        invalid(result, LG_CAUSE_RATE,
                "%" PRIu64 " requests were due and never sent: connections x depth is %u",
                account->outcomes[LG_UNSENT],
                result->options->connections * result->options->depth);
    if (lg_account_errors(account) > 0 || seconds <= 0)
        return;
    if (off > LG_RATE_TOLERANCE * scheduled + LG_RATE_SLACK)
        invalid(result, LG_CAUSE_RATE, "the rate was missed: %.1f/s were due, %.1f/s answered",
                scheduled / seconds, done / seconds);
}

static void check_generator(struct lg_result *result)
{
    double late = (double)lg_histogram_quantile(&result->woke_late, 0.99);
    double limit = LATENESS_SHARE * (double)lg_histogram_quantile(&result->response, 0.5);

    if (limit < LG_LATE_FLOOR_NS)
        limit = LG_LATE_FLOOR_NS;
    if (late > limit)
        invalid(result, LG_CAUSE_LATE,
                "the generator woke late: one request in a hundred by %.0f us or more; %.0f us are "
                "allowed",
                late / 1e3, limit / 1e3);
    if (result->client_share_max > LG_CLIENT_SHARE_MAX)
        invalid(result, LG_CAUSE_CLIENT_CPU,
                "the generator's CPU was full: a thread took %.0f %% of a core; %.0f %% are "
                "allowed",
                result->client_share_max * 100, LG_CLIENT_SHARE_MAX * 100);
}

static void check_waiting(struct lg_result *result, const char *who, double share)
{
    if (share > WAIT_SHARE_MAX)
        invalid(
            result, LG_CAUSE_WAIT,
            "the %s waited for its CPU for %.0f %% of the time, for other processes or the host; "
            "%.0f %% are allowed",
            who, share * 100, WAIT_SHARE_MAX * 100);
}

/* A rate that changes, and a run cut short, cannot be expected to be stationary. */
static void check_stationary(struct lg_result *result)
{
    double first, last;

    if (result->options->rate_count > 1 || result->interrupted != 0 ||
        lg_is_stationary(result->blocks, &first, &last))
        return;
    invalid(result, LG_CAUSE_WARMUP,
            "the run was not stationary: the median response went from %.0f us to %.0f us; warm up "
            "for longer, or lower the rate",
            first / 1e3, last / 1e3);
}

/* The highest one says it for all. */
static void check_samples(struct lg_result *result)
{
    const struct lg_run_options *options = result->options;
    char name[LG_FORMAT_MAX], needed[LG_FORMAT_MAX], count[LG_FORMAT_MAX];
    double q = options->quantile_count > 0 ? options->quantiles[options->quantile_count - 1] : 0;

    if (options->quantiles_asked && result->response.count < lg_histogram_needed(q))
        invalid(result, LG_CAUSE_SAMPLES,
                "too few responses for %s, ten above it: %s of the %s that it takes",
                lg_format_quantile(q, name), lg_format_count(result->response.count, count),
                lg_format_count(lg_histogram_needed(q), needed));
}

static void note_bottleneck(struct lg_result *result)
{
    *result->note = '\0';
    if (result->options->closed && result->client_share_max > LG_CLIENT_SHARE_MAX)
        snprintf(
            result->note, sizeof(result->note),
            "the generator's CPU was full, a thread took %.0f %% of a core: the throughput may be "
            "the generator's, not the server's",
            result->client_share_max * 100);
}

void lg_verdict(struct lg_result *result)
{
    uint64_t saturated = result->response.saturated;

    if (result->broken.status < 0)
        invalid(result, LG_CAUSE_BROKEN, "%s", result->broken.text);
    if (result->interrupted)
        invalid(result, LG_CAUSE_INTERRUPTED, "interrupted after %.1f s of measuring",
                (double)result->measured_ns / 1e9);
    check_accounts(result);
    check_stationary(result);
    check_samples(result);
    note_bottleneck(result);
    if (!result->options->closed) {
        check_rate(result);
        check_generator(result);
        check_waiting(result, "generator", result->client_wait_share);
    }
    if (result->steal_share > STEAL_SHARE_MAX)
        invalid(result, LG_CAUSE_STEAL,
                "the host stole %.1f %% of the CPU time; %.0f %% are allowed",
                result->steal_share * 100, STEAL_SHARE_MAX * 100);
    check_waiting(result, "server", result->server_wait_share);
    if (saturated > 0)
        invalid(result, LG_CAUSE_RANGE,
                "%" PRIu64 " latencies were above %.1f s, where the histogram ends", saturated,
                (double)LG_HISTOGRAM_MAX / 1e9);
    if (*result->server_error != '\0')
        invalid(result, LG_CAUSE_SERVER, "%s", result->server_error);
}

int lg_result_status(const struct lg_result *result)
{
    uint64_t errors = lg_account_errors(&result->accounts[LG_WARMUP]) +
                      lg_account_errors(&result->accounts[LG_MEASURED]);

    if (errors > 0 || result->unsolicited > 0 || result->broken.status < 0)
        return 1;
    if (result->interrupted != 0)
        return 128 + result->interrupted;
    if (result->accounts[LG_MEASURED].outcomes[LG_OK] == 0)
        return 1;
    return result->invalid_count > 0 && result->options->fail_on_invalid ? LG_STATUS_INVALID : 0;
}

/* "3 of 100 requests went wrong, warm-up included: 2 timeout, 1 reset" */
static void tell_errors(const struct lg_result *result, FILE *out)
{
    struct lg_account all = result->accounts[LG_WARMUP];
    const char *between = ": ";

    lg_account_merge(&all, &result->accounts[LG_MEASURED]);
    fprintf(out, "%" PRIu64 " of %" PRIu64 " requests went wrong, warm-up included",
            lg_account_errors(&all), all.scheduled);
    for (int i = 0; i < LG_OUTCOMES; i++) {
        if (i == LG_OK || i == LG_UNSENT || all.outcomes[i] == 0)
            continue;
        fprintf(out, "%s%" PRIu64 " %s", between, all.outcomes[i],
                lg_outcome_words((enum lg_outcome)i));
        between = ", ";
    }
}

/* Nothing was wrong, and nothing was answered. */
static void tell_nothing(const struct lg_result *result, FILE *out)
{
    const struct lg_run_options *options = result->options;
    const struct lg_account *measured = &result->accounts[LG_MEASURED];
    char rate[LG_FORMAT_MAX], time[LG_FORMAT_MAX];

    if (measured->scheduled > 0)
        fprintf(out,
                "none of the %" PRIu64 " requests that were due could be sent: none of %u "
                "connection%s to %s had a free slot",
                measured->scheduled, options->connections, options->connections == 1 ? "" : "s",
                options->target);
    else if (options->closed)
        fprintf(out, "no request could be made in %s: none of %u connection%s to %s was ready",
                lg_format_ns((double)result->measured_ns, time), options->connections,
                options->connections == 1 ? "" : "s", options->target);
    else
        fprintf(out,
                "no request fell due in the measured window: %s for %s; a higher --rate or a "
                "longer --duration is needed",
                lg_format_rate((double)options->rate / LG_RATE_UNIT, rate),
                lg_format_ns((double)options->duration_ns, time));
}

void lg_result_why(const struct lg_result *result, FILE *out)
{
    int status = lg_result_status(result);
    uint64_t errors = lg_account_errors(&result->accounts[LG_WARMUP]) +
                      lg_account_errors(&result->accounts[LG_MEASURED]);

    if (status == 0)
        return;
    fputs("loadgen: ", out);
    if (result->broken.status < 0)
        fputs(result->broken.text, out);
    else if (errors > 0)
        tell_errors(result, out);
    else if (result->unsolicited > 0)
        fprintf(out, "the server sent %" PRIu64 " replies to nothing", result->unsolicited);
    else if (result->interrupted != 0)
        fprintf(out, "interrupted by signal %d", result->interrupted);
    else if (result->accounts[LG_MEASURED].outcomes[LG_OK] == 0)
        tell_nothing(result, out);
    else
        fprintf(out, "INVALID: %s", result->invalid[0]);
    fputc('\n', out);
}
