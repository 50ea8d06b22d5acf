/* Payloads made up where the real ones are not at hand. */
#ifndef LG_GENERATE_H
#define LG_GENERATE_H

#include <stddef.h>
#include <stdint.h>

#define LG_GENERATE_MIN 512 /* bytes: action, repository, sender and padding always fit */

/* Writes a webhook payload of exactly `bytes` bytes (LG_GENERATE_MIN or more) of compact JSON to
 * out, and no NUL. Deterministic in (event, row, bytes). It nests as the real ones do, has URLs,
 * escapes, numbers, UTF-8, and "repository": {"full_name"}, "sender": {"login"}, and, unless the
 * event ends in ".received", "action": its last segment. */
void lg_generate_payload(const char *event, uint64_t row, size_t bytes, char *out);

#endif
