/* Where the server's lines go: standard error, or a file that can be opened anew under its name.
 *
 * One line is one write(2) to a descriptor in append mode, so lines of several threads and of
 * several processes do not mix, and no lock is held by whoever writes. */
#ifndef EVD_LOG_H
#define EVD_LOG_H

#include "dispatch/module.h"
#include "dispatch/status.h"

#define EVD_LOG_LINE_MAX 4096 /* bytes of one line; a longer one is cut */

struct evd_log {
    int fd;
    const char *path; /* borrowed; NULL: standard error */
};

/* path: NULL for standard error, or a file, made with mode 0640 where it is missing and appended
 * to where it is not. EVD_ERR_SYSTEM, and *ret_error names the file. */
int evd_log_open(struct evd_log *log, const char *path, struct evd_error *ret_error);

/* Opens the file under its name again, after somebody renamed the old one. Until that is done, and
 * if it fails, lines go to the old one. Other threads may be writing. For standard error nothing is
 * done. */
int evd_log_reopen(struct evd_log *log, struct evd_error *ret_error);

/* Standard error stays open. */
void evd_log_close(struct evd_log *log);

/* An evd_log_fn; context is the struct evd_log, NULL is standard error. To standard error goes
 * "evd-server: warning: TEXT"; to a file, "2026-01-31T23:59:59.123Z warning: TEXT". Any thread. A
 * line that cannot be written is lost: nobody is left to be told. */
void evd_log_write(void *context, enum evd_log_level level, const char *text);

/* Lines as they are, the newline included, in one write(2) where the system can. */
void evd_log_put(const struct evd_log *log, const char *lines, size_t len);

#endif
