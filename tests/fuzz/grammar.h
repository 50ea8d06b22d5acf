/* RFC 8259 read from its grammar, one function a rule: slow, plain, and without a line of ours. The
 * targets hold dispatch/json.c to it. */
#ifndef EVD_FUZZ_GRAMMAR_H
#define EVD_FUZZ_GRAMMAR_H

#include "dispatch/message.h"

#include <stdbool.h>

/* Whether `text` is one JSON value in UTF-8 and within the limits that dispatch/json.h lists, with
 * at most max_depth arrays and objects nested; allow_nul: \u0000 may stand in strings. */
bool grammar_accepts(struct evd_slice text, unsigned max_depth, bool allow_nul);

/* Whether `text` is UTF-8 (RFC 3629). */
bool grammar_is_utf8(struct evd_slice text);

#endif
