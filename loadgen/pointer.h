/* JSON Pointer, RFC 6901. */
#ifndef LG_POINTER_H
#define LG_POINTER_H

#include <cjson/cJSON.h>

#include <stdbool.h>

/* Whether `pointer` is one: "" or "/a/b~1c/0", with no '~' but in "~0" and "~1" (section 3). */
bool lg_pointer_valid(const char *pointer);

/* The value a valid pointer leads to in `document`, borrowed from it; NULL when there is none. */
const cJSON *lg_pointer_get(const cJSON *document, const char *pointer);

#endif
