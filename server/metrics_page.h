/* GET /metrics: the text format of Prometheus, version 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/). */
#ifndef EVD_METRICS_PAGE_H
#define EVD_METRICS_PAGE_H

#include "config.h"
#include "metrics.h"
#include "process.h"

#include "server/wire/buf.h"

#define EVD_METRICS_PAGE_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Appends the sums of all workers' metrics. Other threads may be counting. EVD_ERR_TOO_LARGE,
 * EVD_ERR_NO_MEMORY: *out holds a part. */
int evd_metrics_page(const struct evd_metrics_all *all, const struct evd_server_config *config,
                     const struct evd_process *process, struct evd_buf *out);

#endif
