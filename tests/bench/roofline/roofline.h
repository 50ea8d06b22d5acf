/* What evd-roofline measures, and what it is held to. */
#ifndef ROOFLINE_H
#define ROOFLINE_H

#include "load.h"

#include <stdio.h>

#define ROOFLINE_SCHEMA     "evdispatch.roofline/1"
#define ROOFLINE_ROUNDS_MAX 200

/* One arm: a server with one way of dispatch, spoken to by one transport. */
struct roofline_arm {
    const char *name;       /* "frame/static" */
    const char *transport;  /* NULL: the echo, which returns the bytes of the request */
    const char *options[3]; /* of the server, NULL-terminated */
};

struct roofline_shape {
    unsigned connections, depth;
};

/* The least ratio to the echo, of the median of the rounds. */
struct roofline_target {
    const char *transport;
    unsigned connections, depth;
    double ratio;
};

extern const struct roofline_arm roofline_arms[]; /* the first is the echo, the second its twin */
extern const size_t roofline_arm_count;
extern const struct roofline_shape roofline_shapes[];
extern const size_t roofline_shape_count;

/* 0: there is none. */
double roofline_target(const char *transport, const struct roofline_shape *shape);

/* The page, as Markdown, of what was measured into `path`: a pure function of that file.
 * EVD_ERR_SYSTEM, EVD_ERR_BAD_DATA in words, with file and line. */
int roofline_render(const char *path, FILE *out, struct evd_error *ret_error);

#endif
