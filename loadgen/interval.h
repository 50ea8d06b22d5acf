/* `--hlog`: the responses of each second, by event, taken from the threads of load while they run.
 *
 * A thread records in one of two sets of histograms, one histogram a tag. When a second is over it
 * seals the set and goes on in the other, which the main thread has emptied: two counters, no lock,
 * nobody waits. Is the other set not empty yet, then the thread stays in the one it has, and the
 * line gets longer: no count is lost or doubled. Encoding and writing are the main thread's. */
#ifndef LG_INTERVAL_H
#define LG_INTERVAL_H

#include "histogram.h"
#include "scenario.h"

#include "dispatch/status.h"

#include <stdatomic.h>
#include <stdbool.h>

#define LG_TAGS_MAX    64 /* events of their own, but the last: that is the rest */
#define LG_INTERVAL_NS UINT64_C(1000000000)

/* Which tag a request belongs to. */
struct lg_tags {
    uint8_t *of; /* for each request of the scenario; owned */
    char names[LG_TAGS_MAX][EVD_EVENT_MAX + 1];
    unsigned count;
    const char *arm; /* borrowed: stands before each tag, and alone for the sum; NULL: no name */
};

/* Tags are the scenario's events in their order; with more than LG_TAGS_MAX of them, those from the
 * LG_TAGS_MAX-th on are "other". EVD_ERR_NO_MEMORY: nothing to release. */
int lg_tags_init(struct lg_tags *tags, const struct lg_scenario *scenario);
void lg_tags_release(struct lg_tags *tags);

/* Lines of their own, no part of the sum, by tags that no event has: names have no parentheses. */
enum lg_extra {
    LG_EXTRA_WIRE,     /* (wire): wire latencies */
    LG_EXTRA_CENSORED, /* (censored): ages that are among the responses, of what was never answered
                        */
    LG_EXTRAS
};

const char *lg_extra_tag(enum lg_extra extra);

struct lg_interval_set {
    uint64_t end_ns;           /* written before it is sealed */
    struct lg_histogram *tags; /* LG_EXTRAS more than there are tags */
};

/* One a thread of load. Zeroed: off, records nothing. */
struct lg_intervals {
    const struct lg_tags *tags; /* borrowed; NULL: off */
    struct lg_interval_set sets[2];
    uint64_t next_ns;               /* when to seal */
    _Atomic uint64_t sealed, taken; /* sets so far: written by the thread, by the main thread */
};

/* EVD_ERR_NO_MEMORY: nothing to release. */
int lg_intervals_init(struct lg_intervals *intervals, const struct lg_tags *tags);
void lg_intervals_release(struct lg_intervals *intervals);

/* The thread's side. start_ns: when the first interval begins. pass() seals what is over at now_ns;
 * to be called a few times an interval also when nothing is recorded. */
void lg_intervals_start(struct lg_intervals *intervals, uint64_t start_ns);
void lg_intervals_pass(struct lg_intervals *intervals, uint64_t now_ns);

static inline void lg_intervals_record(struct lg_intervals *intervals, uint32_t request,
                                       uint64_t value, uint64_t now_ns)
{
    if (intervals->tags == NULL)
        return;
    if (now_ns >= intervals->next_ns)
        lg_intervals_pass(intervals, now_ns);
    lg_histogram_record(
        &intervals->sets[atomic_load_explicit(&intervals->sealed, memory_order_relaxed) & 1]
             .tags[intervals->tags->of[request]],
        value);
}

/* The same in one of the lines of their own. */
static inline void lg_intervals_record_extra(struct lg_intervals *intervals, enum lg_extra extra,
                                             uint64_t value, uint64_t now_ns)
{
    if (intervals->tags == NULL)
        return;
    if (now_ns >= intervals->next_ns)
        lg_intervals_pass(intervals, now_ns);
    lg_histogram_record(
        &intervals->sets[atomic_load_explicit(&intervals->sealed, memory_order_relaxed) & 1]
             .tags[intervals->tags->count + (unsigned)extra],
        value);
}

/* The main thread's side: adds what is sealed to sums[tag], the extras behind the tags, empties
 * it, and raises *end_ns to its end. True if there was any. */
bool lg_intervals_take(struct lg_intervals *intervals, struct lg_histogram *sums, uint64_t *end_ns);

/* After the thread has ended: seals what it still had. A last
 * lg_intervals_take() has it. */
void lg_intervals_end(struct lg_intervals *intervals, uint64_t now_ns);

/* ---- The log ---- */

struct lg_interval_log;

/* Creates the file. tags are borrowed. EVD_ERR_SYSTEM, EVD_ERR_NO_MEMORY, in words. */
int lg_interval_log_open(const char *path, const struct lg_tags *tags,
                         struct lg_interval_log **ret_log, struct evd_error *ret_error);

/* The head. start_ns: of the first interval, on the threads' clock; zero_ns: the same moment, since
 * 1970. Errors are kept for close. */
void lg_interval_log_start(struct lg_interval_log *log, uint64_t start_ns, uint64_t zero_ns);

/* Takes what all of `intervals` sealed and writes it: one line a tag with something in it, and one
 * without a tag, their sum. Nothing if nothing was sealed. */
void lg_interval_log_write(struct lg_interval_log *log, struct lg_intervals *const *intervals,
                           unsigned count);

/* NULL is fine. EVD_ERR_SYSTEM, in words: not all of it was written. */
int lg_interval_log_close(struct lg_interval_log *log, struct evd_error *ret_error);

#endif
