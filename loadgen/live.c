#include "live.h"
#include "format.h"
#include "now.h"

#include <stdio.h>
#include <unistd.h>

#define PLAIN_EVERY (5 * LG_SECOND)

static uint64_t every(const struct lg_live *live)
{
    return live->terminal ? LG_SECOND : PLAIN_EVERY;
}

void lg_live_start(struct lg_live *live, bool quiet, uint64_t start_ns)
{
    live->quiet = quiet;
    live->terminal = isatty(STDERR_FILENO) != 0;
    live->last_ns = start_ns;
    live->next_ns = start_ns + every(live);
    live->last_answered = 0;
    lg_histogram_init(&live->last);
}

static void print_line(struct lg_live *live, const struct lg_live_state *state)
{
    char rate[LG_FORMAT_MAX], p50[LG_FORMAT_MAX], p99[LG_FORMAT_MAX], errors[LG_FORMAT_MAX];
    double seconds = (double)(state->now_ns - live->last_ns) / 1e9;
    uint64_t left = state->end_ns > state->now_ns ? state->end_ns - state->now_ns : 0;

    lg_format_rate((double)(state->answered - live->last_answered) / seconds, rate);
    lg_format_ns((double)lg_histogram_quantile(&live->since, 0.5), p50);
    lg_format_ns((double)lg_histogram_quantile(&live->since, 0.99), p99);
    fprintf(stderr, "%s%s  %s  p50 %s  p99 %s  errors %s  %.0f s left%s",
            live->terminal ? "\r\033[K" : "",
            state->now_ns < state->measure_ns ? "warm-up  " : "measuring", rate, p50, p99,
            lg_format_count(state->errors, errors), (double)left / 1e9, live->terminal ? "" : "\n");
    fflush(stderr);
}

void lg_live_update(struct lg_live *live, const struct lg_live_state *state)
{
    if (live->quiet || state->now_ns < live->next_ns)
        return;
    live->since = *state->response;
    lg_histogram_subtract(&live->since, &live->last);
    print_line(live, state);
    live->last = *state->response;
    live->last_ns = state->now_ns;
    live->last_answered = state->answered;
    live->next_ns += every(live);
}

void lg_live_end(const struct lg_live *live)
{
    if (!live->quiet && live->terminal)
        fputs("\r\033[K", stderr);
}
