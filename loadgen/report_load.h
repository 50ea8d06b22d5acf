/* What arms do as they are offered more: latency over rates that are shares of the reference arm's
 * maximum, how far each stays under the limit, and where its knee is.
 *
 * The knee is where an arm's power is greatest, the calls a second that it answers over its p99:
 * beyond it latency grows by the larger factor. Kleinrock, "Power and deterministic rules of thumb
 * for probabilistic problems in computer communications", ICC 1979; for the knee: Jain and
 * Ramakrishnan, "Congestion avoidance in computer networks with a connectionless network layer",
 * 1988. Theirs is the mean response; the p99 is what a limit is set on. */
#ifndef LG_REPORT_LOAD_H
#define LG_REPORT_LOAD_H

#include "report_summary.h"

/* The loads with a share, by ascending share. */
struct lg_ladder {
    size_t count;
    size_t loads[LG_LOADS_MAX];
};

void lg_ladder_make(const struct lg_design *design, struct lg_ladder *ret_ladder);

enum lg_rung {
    LG_RUNG_UNKNOWN,   /* too few of its trials can be trusted, or there are none */
    LG_RUNG_KEPT_UP,   /* it answered what was offered */
    LG_RUNG_OVERLOADED /* in half of its trials or more it did not: latencies are lower bounds */
};

enum lg_rung lg_rung_of(const struct lg_summary *summary, size_t scenario, size_t load, size_t arm);

/* Of one arm on a scenario. Indices into a ladder; its count: none. */
struct lg_reach {
    size_t over;   /* the lowest rate where the p99's interval lies above the limit, or the arm is
                      overloaded */
    size_t under;  /* the highest rate below that where it lies under the limit */
    bool measured; /* whether there is any rate where it could have been told */
    /* A share of the maximum: the median of the knees of those blocks that have a trial at every
     * rate. Told is low to high, of which each is a rate of the ladder; not known, if not bounded.
     */
    struct lg_interval knee;
};

/* under and over are none where the design has no limit. EVD_ERR_NO_MEMORY. */
int lg_reach_of(const struct lg_summary *summary, const struct lg_ladder *ladder, size_t scenario,
                size_t arm, struct lg_reach *ret_reach);

/* An arm's limit or knee against the reference's: earlier or later only where the one bracket (of
 * the limit: from `under` to `over`) ends before the other begins. */
enum lg_reach_order {
    LG_REACH_EARLIER,
    LG_REACH_LATER,
    LG_REACH_OVERLAP, /* they cannot be told apart */
    LG_REACH_UNKNOWN, /* one of them is not known */
    LG_REACH_ORDERS
};

enum lg_reach_order lg_reach_limit_order(const struct lg_ladder *ladder,
                                         const struct lg_reach *reach,
                                         const struct lg_reach *reference);
enum lg_reach_order lg_reach_knee_order(const struct lg_reach *reach,
                                        const struct lg_reach *reference);

enum { LG_KNEE_TEXT = 64 };

/* "between 20 % and 50 %", "at 50 %"; where it may lie beyond the rates that were measured, "at 50
 * % or below", "at 50 % or above". */
const char *lg_reach_knee_words(const struct lg_summary *summary, const struct lg_ladder *ladder,
                                const struct lg_reach *reach, char out[static LG_KNEE_TEXT]);

#endif
