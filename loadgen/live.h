/* The line a user watches while a run goes on: on stderr, never in the way of the result. */
#ifndef LG_LIVE_H
#define LG_LIVE_H

#include "histogram.h"
#include "live_view.h"

#include <stdbool.h>
#include <stdint.h>

/* The state of a run at one moment; totals since its start. */
struct lg_live_state {
    uint64_t now_ns, start_ns, measure_ns, end_ns;
    uint64_t answered, errors;
    const struct lg_histogram *response; /* may lag behind by a second, as does the next */
    uint64_t woke_late_p99;              /* ns, of the measured window */
    double target;                       /* requests a second; 0: closed, or it changes */
};

struct lg_live {
    bool quiet;
    bool terminal; /* one line, rewritten each second; else a plain line each five seconds */
    bool colour;
    uint64_t p99s[LG_LIVE_SECONDS]; /* of the last seconds */
    unsigned p99_count;
    uint64_t next_ns, last_ns, last_answered;
    struct lg_histogram last, since; /* response at the last line; scratch */
};

void lg_live_start(struct lg_live *live, bool quiet, uint64_t start_ns);

/* Why the run would be INVALID as it stands, of what can be known before its end, by the limits of
 * verdict.c; NULL: it would not. */
const char *lg_live_why_invalid(const struct lg_live_state *state);

/* Prints if it is time for a line. Quantiles are of the time since the last line. */
void lg_live_update(struct lg_live *live, const struct lg_live_state *state);

/* Wipes the line from a terminal. */
void lg_live_end(const struct lg_live *live);

#endif
