/* One measurement, from connecting to the verdict. */
#ifndef LG_RUN_H
#define LG_RUN_H

#include "result.h"

/* options and scenario stay borrowed by the result. ret_result is large: give it from the heap.
 * EVD_OK: the run took place, however badly it went: see the result. EVD_ERR_SYSTEM,
 * EVD_ERR_NO_MEMORY: it did not (a connection could not be made, a process not be sampled). */
int lg_run(const struct lg_run_options *options, const struct lg_scenario *scenario,
           struct lg_result *ret_result, struct evd_error *ret_error);

#endif
