/* Where the server's lines go: standard error, or a file that can be opened anew under its name.
 *
 * One line is one write(2) to a descriptor in append mode, so lines of several threads and of
 * several processes do not mix, and no lock is held by whoever writes. */
#ifndef EVD_LOG_H
#define EVD_LOG_H

#include "dispatch/module.h"
#include "dispatch/status.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define EVD_LOG_LINE_MAX 4096 /* bytes of one line; a longer one is cut */
#define EVD_LOG_RECENT   16   /* lines that are remembered, to tell repeats by */

/* A line of the second at hand: it is written once in a second, and the next one of its kind tells
 * how many were left out. Written by any thread, without a lock: what is lost is a count. */
struct evd_log_recent {
    _Atomic uint64_t hash; /* of level and text */
    _Atomic uint64_t second;
    _Atomic uint64_t left_out;
};

struct evd_log {
    int fd;
    const char *path; /* borrowed; NULL: standard error */
    bool json;        /* a JSON object a line, with the time, wherever it goes */
    unsigned quieter; /* levels that are left out: 1, info; 2, warning too */
    struct evd_log_recent recent[EVD_LOG_RECENT];
};

/* A member of a line beside its text. */
struct evd_log_field {
    const char *name; /* [a-z_]: written as it is */
    const char *text; /* NULL: number is meant */
    uint64_t number;
};

/* path: NULL for standard error, or a file, made with mode 0640 where it is missing and appended
 * to where it is not. EVD_ERR_SYSTEM, and *ret_error names the file. */
int evd_log_open(struct evd_log *log, const char *path, struct evd_error *ret_error);

/* Opens the file under its name again, after somebody renamed the old one. Until that is done, and
 * if it fails, lines go to the old one. Never waits: a pipe that nobody reads is an error. Other
 * threads may be writing. For standard error nothing is done. */
int evd_log_reopen(struct evd_log *log, struct evd_error *ret_error);

/* Standard error stays open. */
void evd_log_close(struct evd_log *log);

/* An evd_log_fn; context is the struct evd_log, NULL is standard error. To standard error goes
 * "evd-server: warning: TEXT"; to a file, "2026-01-31T23:59:59.123Z warning: TEXT"; as JSON,
 * {"time":"2026-01-31T23:59:59.123Z","level":"warning","message":"TEXT"}. Any thread. A
 * line that cannot be written is lost: nobody is left to be told. */
void evd_log_write(void *context, enum evd_log_level level, const char *text);

/* Lines as they are, the newline included, in one write(2) where the system can. */
void evd_log_put(const struct evd_log *log, const char *lines, size_t len);

/* The same, in a second of the caller's: repeats of a text within one are left out. */
void evd_log_write_at(struct evd_log *log, enum evd_log_level level, const char *text,
                      uint64_t second);

/* A line of a kind of its own, told apart by `kind` in the place of a level, with fields: "trace:
 * name=value name=value", as JSON {"time":...,"level":"trace","name":value,...}. Not left out, and
 * no repeat. A value of text with a space, a quote or a control character in it is quoted. */
void evd_log_fields(struct evd_log *log, const char *kind, const struct evd_log_field *fields,
                    size_t count);

#endif
