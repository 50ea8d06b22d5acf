/* HTTP/1.1 requests and answers, as far as a server of small read-only pages and of upgrades needs
 * them (RFC 9110, RFC 9112): a state machine over bytes, without a socket.
 *
 * http_parser reads the message; what it is lenient about is refused here before, so that two
 * programs never read the same bytes as different requests: a line that ends with LF alone, a field
 * name that is no token, a folded line, more than one space in the request line. A request with a
 * body is refused, and so are the shapes by which one is smuggled. */
#ifndef EVD_HTTP_H
#define EVD_HTTP_H

#include "buf.h"

#include <stdbool.h>
#include <stdint.h>

#define EVD_HTTP_FIELDS_MAX 128

struct evd_http_limits {
    size_t max_head;     /* bytes of request line and fields, with the empty line. > 0 */
    unsigned max_fields; /* 1 to EVD_HTTP_FIELDS_MAX */
};

#define EVD_HTTP_HEAD_DEFAULT   8192
#define EVD_HTTP_FIELDS_DEFAULT 64

/* One connection's reading. Zero is valid; owns no memory. */
struct evd_http_decoder {
    uint32_t scanned; /* bytes of a partial head already looked at: none is looked at twice */
    uint32_t line;    /* bytes of its request line, without the line end; 0: not whole yet */
};

/* Both borrowed from the input. */
struct evd_http_field {
    struct evd_slice name, value; /* the value without white space around it; it may be "" */
};

/* Slices are borrowed from the input of decode(). */
struct evd_http_request {
    unsigned status; /* 0, or by which status the request is refused; then the rest, but for why,
                        means nothing, and the connection is closed behind the answer */
    const char *why; /* in words; static */
    struct evd_slice method;
    struct evd_slice path;  /* as it was sent: nothing is decoded. "/" at the least; "*"; or what
                               CONNECT names */
    struct evd_slice query; /* behind the '?'; "" for none */
    unsigned minor;         /* of HTTP/1.x */
    bool keep_alive;        /* another request may follow */
    bool upgrade;           /* it asks for another protocol, by Connection and Upgrade */
    unsigned field_count;
    struct evd_http_field fields[EVD_HTTP_FIELDS_MAX];
};

/* Whether a connection that starts with this byte speaks HTTP. */
static inline bool evd_http_sniff(unsigned char first)
{
    return (first >= 'A' && first <= 'Z') || (first >= 'a' && first <= 'z');
}

/* Looks for one request at the start of `in`.
 * EVD_OK    one of *ret_used bytes.
 * EVD_MORE  not whole yet; the first *ret_used bytes (empty lines) may be dropped, the others must
 *           be given again with more behind them. With `eof`, all are dropped.
 * EVD_ERR_BAD_PROTOCOL, EVD_ERR_TOO_LARGE: refused, see ret_request->status; *ret_used is in.len.
 *           It is refused at its first wrong byte or line, however the bytes come in. */
int evd_http_decode(struct evd_http_decoder *decoder, const struct evd_http_limits *limits,
                    struct evd_slice in, bool eof, size_t *ret_used,
                    struct evd_http_request *ret_request);

/* The first field of this name, in any case of letters, or NULL. */
const struct evd_http_field *evd_http_get(const struct evd_http_request *request, const char *name);

struct evd_http_response {
    unsigned status;
    const char *type;                       /* of the body; NULL: text */
    const char *challenge;                  /* of WWW-Authenticate, with 401; NULL: not said */
    const char *allow;                      /* the methods of this path, with 405; NULL: not said */
    struct evd_slice body;                  /* "": the status in words */
    const struct evd_http_request *request; /* what it answers: HEAD gets no body */
    bool close;                             /* no other request is read */
    int64_t date;                           /* seconds of Unix time */
};

/* Appends the answer. EVD_ERR_TOO_LARGE, EVD_ERR_NO_MEMORY: *out is as it was. */
int evd_http_encode(struct evd_buf *out, const struct evd_http_response *response);

/* "Not Found"; "" for a status that this server never sends. */
const char *evd_http_reason(unsigned status);

#endif
