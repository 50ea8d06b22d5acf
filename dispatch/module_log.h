/* The lines that modules log: each carries its module's name, is of bounded length and of printable
 * characters, and there are so many a second at most, whatever a module or its clients do. */
#ifndef EVD_MODULE_LOG_H
#define EVD_MODULE_LOG_H

#include "dispatch.h"

#define EVD_MODULE_LOG_TEXT_MAX  512 /* bytes of a line's text; what is longer is cut */
#define EVD_MODULE_LOG_LINES_MAX 100 /* of one dispatch in one second */

struct evd_module_log {
    evd_log_fn put; /* NULL: nobody listens */
    void *context;
    uint64_t second_ns; /* when the second at hand began */
    unsigned lines;     /* in it */
    uint64_t dropped;   /* and not told of yet */
};

void evd_module_log_init(struct evd_module_log *log, evd_log_fn put, void *context);

/* One line, "module NAME: TEXT". Control characters (U+0000 to U+001F, U+007F to U+009F) and bytes
 * that are no UTF-8 stand as \xNN. A level that is none counts as EVD_LOG_INFO. Beyond the lines of
 * a second it is dropped, and the first line after that second is preceded by their number.
 * now_ns: of a clock that never goes back. */
void evd_module_log_line(struct evd_module_log *log, uint64_t now_ns, struct evd_slice module,
                         enum evd_log_level level, struct evd_slice text);

/* The last word: how many were dropped, if nobody has been told. */
void evd_module_log_end(struct evd_module_log *log);

/* The monotonic clock in nanoseconds, to a few milliseconds. */
uint64_t evd_module_log_now(void);

#endif
