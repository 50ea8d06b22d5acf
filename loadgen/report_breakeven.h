/* When the choice of an arm stops mattering: how much longer than the scenario's own a handler must
 * run for the arm to cost less than a share of it. Private to report_*.c.
 *
 * A handler that runs h longer makes a call of the reference take r + h, and one of the arm a + h.
 * For the call's CPU time and for a percentile of latency the arm costs (a - r) / (r + h); of the
 * throughput, which is one over the time, it costs 1 - (r + h) / (a + h). Solved for h in each
 * block, the estimate and its interval are those of lg_shift_interval(). */
#ifndef LG_REPORT_BREAKEVEN_H
#define LG_REPORT_BREAKEVEN_H

#include "report_summary.h"

enum lg_breakeven_of { LG_BREAKEVEN_CALL, LG_BREAKEVEN_RATE, LG_BREAKEVEN_P99 };

/* ns; at 0 and below the share is kept by any handler. NaN, and not bounded, where a cell is not
 * trusted or nothing pairs. 0 < share < 1. A latency takes an open load, the others a closed one.
 */
struct lg_interval lg_breakeven(const struct lg_summary *summary, size_t scenario, size_t load,
                                size_t arm, enum lg_breakeven_of what, double share);

/* The same against another arm, whichever the reference is. */
struct lg_interval lg_breakeven_between(const struct lg_summary *summary, size_t scenario,
                                        size_t load, size_t arm, size_t other,
                                        enum lg_breakeven_of what, double share);

/* What the interval, and the verdict on the arm, allow to be said. */
enum lg_breakeven_word {
    LG_BREAKEVEN_UNKNOWN, /* no interval */
    LG_BREAKEVEN_ANY,     /* any handler keeps the share, even at the interval's worse end */
    LG_BREAKEVEN_UP_TO,   /* the arm is not shown to cost anything, but up to `high` it could */
    LG_BREAKEVEN_FROM     /* the arm is shown to cost: handlers must run `estimate` longer */
};
enum lg_breakeven_word lg_breakeven_judge(const struct lg_interval *handler,
                                          enum lg_verdict verdict);

/* The first open load with a measurement; LG_LOADS_MAX: none. */
size_t lg_first_open_load(const struct lg_summary *summary);

#endif
