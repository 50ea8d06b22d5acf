/* A run that was offered more than the server takes: INVALID, and for nothing else. Where the rate
 * is a share of the maximum that is a result, not a fault of the measurement. */
#ifndef LG_OVERLOAD_H
#define LG_OVERLOAD_H

#include <cjson/cJSON.h>
#include <stdbool.h>

/* Whether all calls, those of the warm-up too, were answered right, or were still to be sent or
 * answered at the end. `loadgen run` ends with 1 for the latter, too. */
bool lg_run_lost_nothing(const cJSON *run);

/* `run`: what `loadgen run --json` wrote (evdispatch.run/1). True when the answers stayed behind
 * what fell due by more than a VALID run may, and each cause of its being INVALID is one that a
 * queue in front of the server makes; no reply was wrong, no call timed out or was lost with its
 * connection. Without the figures to tell by, a cause "rate" stands for staying behind. */
bool lg_run_overloaded(const cJSON *run);

#endif
