/* What a worker counts beside its calls: the turns of its loop, and now and then what stands. */
#ifndef EVD_MEASURE_H
#define EVD_MEASURE_H

#include "worker.h"

/* Makes the worker's metrics and trace, and lets others read the metrics where config->metrics is
 * there. EVD_ERR_NO_MEMORY. */
int evd_measure_open(struct evd_worker *worker);

/* From when the worker has its loop. */
void evd_measure_start(struct evd_worker *worker);

/* The metrics stay where others may read them. */
void evd_measure_close(struct evd_worker *worker);

/* Writes down what stands: connections, buffers, the dispatch's counters. */
void evd_measure_publish(struct evd_worker *worker);

#endif
