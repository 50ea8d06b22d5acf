#include "interval.h"

#include "hlog.h"

#include "evd_version.h"

#include <errno.h>
#include <stdlib.h>

/* ---- Tags ---- */

static uint8_t tag_of(struct lg_tags *tags, struct evd_slice event)
{
    for (unsigned i = 0; i < tags->count; i++)
        if (evd_slice_equal(evd_slice_text(tags->names[i]), event))
            return (uint8_t)i;
    if (tags->count < LG_TAGS_MAX)
        snprintf(tags->names[tags->count++], sizeof(tags->names[0]), "%.*s", (int)event.len,
                 event.ptr);
    return (uint8_t)(tags->count - 1);
}

static size_t count_events(const struct lg_scenario *scenario)
{
    size_t events = 0;

    for (size_t i = 0; i < scenario->count && events <= LG_TAGS_MAX; i++) {
        size_t first = 0;

        while (!evd_slice_equal(scenario->requests[first].event, scenario->requests[i].event))
            first++;
        events += first == i;
    }
    return events;
}

int lg_tags_init(struct lg_tags *tags, const struct lg_scenario *scenario)
{
    bool crowded = count_events(scenario) > LG_TAGS_MAX;

    memset(tags, 0, sizeof(*tags));
    tags->of = malloc(scenario->count);
    if (tags->of == NULL)
        return EVD_ERR_NO_MEMORY;
    for (size_t i = 0; i < scenario->count; i++)
        tags->of[i] = tag_of(tags, scenario->requests[i].event);
    if (crowded) /* the last tag took in all that found no place */
        strcpy(tags->names[LG_TAGS_MAX - 1], "other");
    return EVD_OK;
}

void lg_tags_release(struct lg_tags *tags)
{
    free(tags->of);
    tags->of = NULL;
}

const char *lg_extra_tag(enum lg_extra extra)
{
    static const char *const tags[] = {
        [LG_EXTRA_WIRE] = "(wire)",
        [LG_EXTRA_CENSORED] = "(censored)",
    };

    return tags[extra];
}

/* ---- The thread's side ---- */

int lg_intervals_init(struct lg_intervals *intervals, const struct lg_tags *tags)
{
    memset(intervals, 0, sizeof(*intervals));
    for (int i = 0; i < 2; i++) {
        intervals->sets[i].tags = malloc((tags->count + LG_EXTRAS) * sizeof(struct lg_histogram));
        for (unsigned t = 0; t < tags->count + LG_EXTRAS && intervals->sets[i].tags != NULL; t++)
            lg_histogram_init(&intervals->sets[i].tags[t]);
    }
    intervals->tags = tags;
    intervals->next_ns = UINT64_MAX;
    if (intervals->sets[0].tags != NULL && intervals->sets[1].tags != NULL)
        return EVD_OK;
    lg_intervals_release(intervals);
    return EVD_ERR_NO_MEMORY;
}

void lg_intervals_release(struct lg_intervals *intervals)
{
    for (int i = 0; i < 2; i++) {
        free(intervals->sets[i].tags);
        intervals->sets[i].tags = NULL;
    }
    intervals->tags = NULL;
}

void lg_intervals_start(struct lg_intervals *intervals, uint64_t start_ns)
{
    intervals->next_ns = start_ns + LG_INTERVAL_NS;
}

void lg_intervals_pass(struct lg_intervals *intervals, uint64_t now_ns)
{
    uint64_t sealed = atomic_load_explicit(&intervals->sealed, memory_order_relaxed);

    if (intervals->tags == NULL || now_ns < intervals->next_ns)
        return;
    if (atomic_load_explicit(&intervals->taken, memory_order_acquire) != sealed)
        return; /* the other set is still full: stay in this one */
    intervals->next_ns += (now_ns - intervals->next_ns) / LG_INTERVAL_NS * LG_INTERVAL_NS;
    intervals->sets[sealed & 1].end_ns = intervals->next_ns;
    intervals->next_ns += LG_INTERVAL_NS;
    atomic_store_explicit(&intervals->sealed, sealed + 1, memory_order_release);
}

/* ---- The main thread's side ---- */

bool lg_intervals_take(struct lg_intervals *intervals, struct lg_histogram *sums, uint64_t *end_ns)
{
    uint64_t sealed = atomic_load_explicit(&intervals->sealed, memory_order_acquire);
    uint64_t taken = atomic_load_explicit(&intervals->taken, memory_order_relaxed), first = taken;

    for (; taken != sealed; taken++) {
        struct lg_interval_set *set = &intervals->sets[taken & 1];

        for (unsigned t = 0; t < intervals->tags->count + LG_EXTRAS; t++) {
            if (set->tags[t].count == 0)
                continue;
            lg_histogram_merge(&sums[t], &set->tags[t]);
            lg_histogram_init(&set->tags[t]);
        }
        if (set->end_ns > *end_ns)
            *end_ns = set->end_ns;
    }
    atomic_store_explicit(&intervals->taken, sealed, memory_order_release);
    return taken != first;
}

void lg_intervals_end(struct lg_intervals *intervals, uint64_t now_ns)
{
    uint64_t sealed = atomic_load_explicit(&intervals->sealed, memory_order_relaxed);

    intervals->sets[sealed & 1].end_ns = now_ns;
    atomic_store_explicit(&intervals->sealed, sealed + 1, memory_order_release);
}

/* ---- The log ---- */

struct lg_interval_log {
    FILE *file;
    const struct lg_tags *tags;
    uint64_t start_ns, end_ns; /* of the run; of what was written last */
    int status, error_number;  /* the first error */
    struct lg_histogram total;
    struct lg_histogram sums[]; /* one a tag, and the extras */
};

static void keep_error(struct lg_interval_log *log, int rc)
{
    if (rc < 0 && log->status == EVD_OK) {
        log->status = rc;
        log->error_number = errno;
    }
}

int lg_interval_log_open(const char *path, const struct lg_tags *tags,
                         struct lg_interval_log **ret_log, struct evd_error *ret_error)
{
    struct lg_interval_log *log =
        calloc(1, sizeof(*log) + (tags->count + LG_EXTRAS) * sizeof(struct lg_histogram));

    if (log == NULL)
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "no memory for an interval log");
    log->tags = tags;
    log->file = fopen(path, "we");
    if (log->file == NULL) {
        evd_error_set(ret_error, EVD_ERR_SYSTEM, "--hlog: cannot write %s: %s", path,
                      strerror(errno));
        free(log);
        return EVD_ERR_SYSTEM;
    }
    *ret_log = log;
    return EVD_OK;
}

void lg_interval_log_start(struct lg_interval_log *log, uint64_t start_ns, uint64_t zero_ns)
{
    log->start_ns = log->end_ns = start_ns;
    keep_error(log, lg_hlog_begin(log->file, "loadgen " EVD_VERSION, zero_ns));
}

/* The tag of a line: that of an event, of an extra, or NULL for the sum. With an arm's name, lines
 * of several logs can be put together and still be told apart. */
static const char *name_line(const struct lg_tags *tags, const char *tag,
                             char out[LG_HLOG_TAG_MAX + 1])
{
    if (tags->arm == NULL || tag == NULL)
        return tags->arm != NULL ? tags->arm : tag;
    snprintf(out, LG_HLOG_TAG_MAX + 1, "%s:%s", tags->arm, tag);
    return out;
}

static void write_line(struct lg_interval_log *log, const char *tag, uint64_t from, uint64_t length,
                       const struct lg_histogram *histogram)
{
    char name[LG_HLOG_TAG_MAX + 1];

    keep_error(log, lg_hlog_interval(log->file, name_line(log->tags, tag, name),
                                     from - log->start_ns, length, histogram));
}

void lg_interval_log_write(struct lg_interval_log *log, struct lg_intervals *const *intervals,
                           unsigned count)
{
    uint64_t from = log->end_ns, length;
    bool any = false;

    lg_histogram_init(&log->total);
    for (unsigned t = 0; t < log->tags->count + LG_EXTRAS; t++)
        lg_histogram_init(&log->sums[t]);
    for (unsigned i = 0; i < count; i++)
        any |= lg_intervals_take(intervals[i], log->sums, &log->end_ns);
    if (!any)
        return;
    length = log->end_ns - from;
    for (unsigned t = 0; t < log->tags->count; t++) {
        lg_histogram_merge(&log->total, &log->sums[t]);
        if (log->sums[t].count > 0)
            write_line(log, log->tags->names[t], from, length, &log->sums[t]);
    }
    for (unsigned e = 0; e < LG_EXTRAS; e++) {
        const struct lg_histogram *extra = &log->sums[log->tags->count + e];

        if (extra->count > 0)
            write_line(log, lg_extra_tag((enum lg_extra)e), from, length, extra);
    }
    write_line(log, NULL, from, length, &log->total);
    if (fflush(log->file) != 0)
        keep_error(log, EVD_ERR_SYSTEM);
}

int lg_interval_log_close(struct lg_interval_log *log, struct evd_error *ret_error)
{
    int rc;

    if (log == NULL)
        return EVD_OK;
    if (fclose(log->file) != 0)
        keep_error(log, EVD_ERR_SYSTEM);
    rc = log->status;
    if (rc < 0)
        evd_error_set(ret_error, rc, "--hlog: cannot write the interval log: %s",
                      rc == EVD_ERR_SYSTEM ? strerror(log->error_number) : evd_status_text(rc));
    free(log);
    return rc;
}
