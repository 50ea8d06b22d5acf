/* The line of a terminal while a run goes on, as text: no clock, no descriptor. */
#ifndef LG_LIVE_VIEW_H
#define LG_LIVE_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LG_LIVE_SECONDS 60  /* of the sparkline, at most */
#define LG_LIVE_TEXT    512 /* bytes of a line, at most */
#define LG_LIVE_WIDTH   80  /* columns, where the terminal does not say */

struct lg_live_view {
    bool measuring;      /* else warming up */
    double rate, target; /* answered a second; asked for, 0: closed, or it changes */
    uint64_t p50_ns, p99_ns, errors;
    double left_s;
    uint64_t p99s[LG_LIVE_SECONDS]; /* of each second, the oldest first; 0: no reply */
    unsigned p99_count;
    const char *invalid; /* why the run would be INVALID as it stands; NULL: it would not */
    bool colour;
    unsigned width; /* columns; what does not fit is left out, the least important first */
};

/* Returns out: UTF-8, no newline, at most width - 1 columns beside escape sequences. */
char *lg_live_format(const struct lg_live_view *view, char out[LG_LIVE_TEXT]);

/* A bar of U+2581 to U+2588 for each of the last `columns` values, in proportion to the largest of
 * them; a space for 0. Returns out, of 3 * columns + 1 bytes. */
char *lg_live_sparkline(const uint64_t *values, unsigned count, unsigned columns, char *out);

#endif
