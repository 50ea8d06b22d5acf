#include "live.h"
#include "format.h"
#include "now.h"
#include "verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PLAIN_EVERY (5 * LG_SECOND)

static uint64_t every(const struct lg_live *live)
{
    return live->terminal ? LG_SECOND : PLAIN_EVERY;
}

void lg_live_start(struct lg_live *live, bool quiet, uint64_t start_ns)
{
    const char *no_color = getenv("NO_COLOR"); /* https://no-color.org */

    live->quiet = quiet;
    live->terminal = isatty(STDERR_FILENO) != 0;
    live->colour = live->terminal && (no_color == NULL || *no_color == '\0');
    live->p99_count = 0;
    live->last_ns = start_ns;
    live->next_ns = start_ns + every(live);
    live->last_answered = 0;
    lg_histogram_init(&live->last);
}

static unsigned terminal_width(void)
{
    struct winsize size;

    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
                                                                           : LG_LIVE_WIDTH;
}

static void keep_p99(struct lg_live *live)
{
    if (live->p99_count == LG_LIVE_SECONDS)
        memmove(live->p99s, live->p99s + 1, sizeof(live->p99s) - sizeof(live->p99s[0]));
    else
        live->p99_count++;
    live->p99s[live->p99_count - 1] = lg_histogram_quantile(&live->since, 0.99);
}

const char *lg_live_why_invalid(const struct lg_live_state *state)
{
    double due = state->target * (double)(state->now_ns - state->start_ns) / 1e9;
    uint64_t p50 = lg_histogram_quantile(state->response, 0.5);

    if (state->errors > 0)
        return "requests went wrong";
    if (state->woke_late_p99 > LG_LATE_FLOOR_NS && state->woke_late_p99 > p50 / 10)
        return "the generator woke late";
    if (state->target > 0 && due - (double)state->answered > due / 100 + LG_RATE_SLACK)
        return "the rate is missed";
    return NULL;
}

static void print_view(struct lg_live *live, const struct lg_live_state *state)
{
    struct lg_live_view view = {
        .measuring = state->now_ns >= state->measure_ns,
        .rate = (double)(state->answered - live->last_answered) * 1e9 /
                (double)(state->now_ns - live->last_ns),
        .target = state->target,
        .p50_ns = lg_histogram_quantile(&live->since, 0.5),
        .p99_ns = lg_histogram_quantile(&live->since, 0.99),
        .errors = state->errors,
        .left_s = state->end_ns > state->now_ns ? (double)(state->end_ns - state->now_ns) / 1e9 : 0,
        .p99_count = live->p99_count,
        .invalid = lg_live_why_invalid(state),
        .colour = live->colour,
        .width = terminal_width(),
    };
    char text[LG_LIVE_TEXT];

    memcpy(view.p99s, live->p99s, sizeof(view.p99s));
    fprintf(stderr, "\r\033[K%s", lg_live_format(&view, text));
    fflush(stderr);
}

static void print_line(struct lg_live *live, const struct lg_live_state *state)
{
    char rate[LG_FORMAT_MAX], p50[LG_FORMAT_MAX], p99[LG_FORMAT_MAX], errors[LG_FORMAT_MAX];
    double seconds = (double)(state->now_ns - live->last_ns) / 1e9;
    uint64_t left = state->end_ns > state->now_ns ? state->end_ns - state->now_ns : 0;

    lg_format_rate((double)(state->answered - live->last_answered) / seconds, rate);
    lg_format_ns((double)lg_histogram_quantile(&live->since, 0.5), p50);
    lg_format_ns((double)lg_histogram_quantile(&live->since, 0.99), p99);
    fprintf(stderr, "%s  %s  p50 %s  p99 %s  errors %s  %.0f s left\n",
            state->now_ns < state->measure_ns ? "warm-up  " : "measuring", rate, p50, p99,
            lg_format_count(state->errors, errors), (double)left / 1e9);
    fflush(stderr);
}

void lg_live_update(struct lg_live *live, const struct lg_live_state *state)
{
    if (live->quiet || state->now_ns < live->next_ns)
        return;
    live->since = *state->response;
    lg_histogram_subtract(&live->since, &live->last);
    keep_p99(live);
    if (live->terminal)
        print_view(live, state);
    else
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
