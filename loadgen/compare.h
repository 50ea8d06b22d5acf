/* `loadgen run --compare OLD.json`: a new result beside an old one. Figures and ratios, and no
 * verdict: of two runs nobody can tell a change of the server from one of the machine. */
#ifndef LG_COMPARE_H
#define LG_COMPARE_H

#include "result.h"

#define LG_OLD_BYTES_MAX (16 * 1024 * 1024)

struct lg_old; /* a result of schema evdispatch.run/1 */

/* Reads it before the run, which is refused when it would not be of the same scenario, transport
 * and load: EVD_ERR_USAGE in words that say what differs. EVD_ERR_SYSTEM, EVD_ERR_NO_MEMORY. path
 * stays borrowed. */
int lg_old_read(const char *path, const struct lg_run_options *options,
                const struct lg_scenario *scenario, struct lg_old **ret_old,
                struct evd_error *ret_error);
void lg_old_release(struct lg_old *old); /* NULL is fine */

void lg_old_compare(const struct lg_old *old, const struct lg_result *result, FILE *out);

#endif
