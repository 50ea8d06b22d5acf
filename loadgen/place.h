/* A line of a file that is read, for errors that name it. */
#ifndef LG_PLACE_H
#define LG_PLACE_H

#include "dispatch/status.h"

#include <stddef.h>

struct lg_place {
    const char *path;
    size_t line; /* from 1 */
    struct evd_error *error;
};

/* "PATH:LINE: what the format says" into the error. Returns EVD_ERR_BAD_DATA. */
int lg_place_complain(const struct lg_place *place, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
