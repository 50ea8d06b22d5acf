/* What cannot be run is known before it is: options against the machine and the scenario. */
#ifndef LG_RUN_CHECK_H
#define LG_RUN_CHECK_H

#include "options.h"
#include "scenario.h"

/* EVD_ERR_USAGE, EVD_ERR_SYSTEM (CPUs that --spin needs and that are not there), EVD_ERR_NO_MEMORY,
 * in words. */
int lg_run_check(const struct lg_run_options *options, const struct lg_scenario *scenario,
                 struct evd_error *ret_error);

#endif
