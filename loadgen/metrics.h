/* The server's own counters, by GET /metrics in Prometheus' text format, over a connection of its
 * own that is kept between two looks. For the main thread: it waits. */
#ifndef LG_METRICS_H
#define LG_METRICS_H

#include "options.h"

#define LG_METRICS_BYTES_MAX ((size_t)8 << 20)
#define LG_METRICS_WAIT_NS   UINT64_C(2000000000) /* for a page */

/* X(member, key in JSON, name of the family) */
#define LG_METRIC_MAP(X)                                                                           \
    X(calls, "calls", "evd_calls_total")                                                           \
    X(failed, "calls_failed", "evd_calls_failed_total")                                            \
    X(received, "bytes_received", "evd_received_bytes_total")                                      \
    X(sent, "bytes_sent", "evd_sent_bytes_total")                                                  \
    X(reads, "reads", "evd_reads_total")                                                           \
    X(loads, "loads", "evd_module_loads_total")                                                    \
    X(reloads, "reloads", "evd_module_reloads_total")                                              \
    X(instances, "instances_constructed", "evd_instances_constructed_total")

/* Counters since the server began: differences of two looks are what happened in between. */
struct lg_metrics {
#define LG_METRIC_MEMBER(member, key, family) uint64_t member;
    LG_METRIC_MAP(LG_METRIC_MEMBER)
#undef LG_METRIC_MEMBER
    uint64_t page_bytes, request_bytes; /* of this look itself */
};

/* Adds up what `page` says of these families; a family that it lacks is 0. EVD_ERR_BAD_DATA, in
 * words: it lacks all, or a value is none. */
int lg_metrics_parse(struct evd_slice page, struct lg_metrics *ret_metrics,
                     struct evd_error *ret_error);

/* What happened between two looks, without what the looks were themselves. */
void lg_metrics_between(const struct lg_metrics *before, const struct lg_metrics *after,
                        struct lg_metrics *ret_metrics);

/* One look over a connected socket that does not block. EVD_ERR_SYSTEM, EVD_ERR_BAD_DATA, in words:
 * then the connection is of no more use. */
int lg_metrics_get(int fd, struct lg_metrics *ret_metrics, struct evd_error *ret_error);

#endif
