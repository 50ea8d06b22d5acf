/* What a call can come to: the one list of results, their codes on the wire and their texts.
 *
 * Functions return `int`: EVD_OK (the same value as EVD_DONE), EVD_MORE, or a negative EVD_ERR_*.
 * So `if (rc < 0)` is an error and nothing else is: "failed" and "not yet" are different values. */
#ifndef EVD_STATUS_H
#define EVD_STATUS_H

/* X(name, value, code on the wire, default text). Values are ABI: append, never renumber. */
#define EVD_STATUS_MAP(X)                                                                          \
    X(EMPTY_EVENT, -1, "empty_event", "Event cannot be empty")                                     \
    X(BAD_EVENT, -2, "bad_event",                                                                  \
      "Event must be segments of [A-Za-z0-9_-] joined by dots, at most 255 bytes in all")          \
    X(NO_SUCH_FUNCTION, -3, "no_such_function", "Function doesn't exist")                          \
    X(BAD_ENVELOPE, -4, "bad_envelope", "The envelope is not valid")                               \
    X(BAD_ENCODING, -5, "bad_encoding", "encoding must be json, base64, gzip or base64+gzip")      \
    X(BAD_DATA, -6, "bad_data", "data is not valid in its encoding")                               \
    X(TOO_LARGE, -7, "too_large", "The message is larger than the limit")                          \
    X(BAD_FRAME, -8, "bad_frame", "The frame is not valid")                                        \
    X(BAD_PROTOCOL, -9, "bad_protocol",                                                            \
      "The first byte must be '{' (JSON lines), 0xED (frame) or a letter (HTTP)")                  \
    X(LOAD_FAILED, -10, "load_failed", "The module could not be loaded")                           \
    X(OPEN_FAILED, -11, "open_failed", "The module could not be opened")                           \
    X(NO_ANSWER, -12, "no_answer", "The function ended without an answer")                         \
    X(ANSWERED, -13, "answered", "The call has its answer already")                                \
    X(NO_MEMORY, -14, "no_memory", "Out of memory")                                                \
    X(BUSY, -15, "busy", "A limit of the server is reached; try again later")                      \
    X(CANCELLED, -16, "cancelled", "The call was cancelled")                                       \
    X(USAGE, -17, "usage", "An argument is not valid")                                             \
    X(SYSTEM, -18, "system", "A system call failed")                                               \
    X(INTERNAL, -19, "internal", "Internal error")                                                 \
    X(NO_PERMISSION, -20, "no_permission", "user hasn`t permission")                               \
    X(TIMED_OUT, -21, "timed_out", "The call took longer than the server allows")

enum evd_status {
    EVD_OK = 0,
    EVD_DONE = 0, /* of a module's function: this call has ended */
    EVD_MORE = 1, /* not yet: needs more input, more room, or its wait to be over */
#define EVD_STATUS_ENUM(name, value, code, text) EVD_ERR_##name = value,
    EVD_STATUS_MAP(EVD_STATUS_ENUM)
#undef EVD_STATUS_ENUM
};

/* The code on the wire ("no_such_function"); "ok" for >= 0, "internal" for a value that isn't
 * listed. */
const char *evd_status_code(int status);

/* The default text of a status; never NULL. */
const char *evd_status_text(int status);

/* What went wrong, in words that name the thing and what is allowed. Filled in where a function
 * that fails takes one; always NUL-terminated; cut at its size, never overrun. */
struct evd_error {
    int status; /* enum evd_status */
    char text[256];
};

/* Fills *error (which may be NULL) as by printf, and returns `status`, so that a caller can write
 * `return evd_error_set(error, EVD_ERR_USAGE, "...")`. */
int evd_error_set(struct evd_error *error, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
