#include "http_get.h"

#include <http_parser.h>
#include <stdio.h>

/* ---- Calls. ---- */

static bool is_path(struct evd_slice path)
{
    for (size_t i = 0; i < path.len; i++) {
        unsigned char c = (unsigned char)path.ptr[i];
        if (c <= ' ' || c >= 0x7F || c == '#')
            return false;
    }
    return path.len > 0 && path.ptr[0] == '/';
}

static int get_encode(struct evd_buf *out, const struct evd_envelope *envelope)
{
    struct evd_slice host =
        envelope->envelope.len > 0 ? envelope->envelope : EVD_SLICE("localhost");
    size_t len = out->len;
    if (!is_path(envelope->event))
        return EVD_ERR_BAD_EVENT;
    int rc = evd_buf_append(out, "GET ", 4);
    if (rc == EVD_OK)
        rc = evd_buf_append_slice(out, envelope->event);
    if (rc == EVD_OK)
        rc = evd_buf_append_slice(out, EVD_SLICE(" HTTP/1.1\r\nHost: "));
    if (rc == EVD_OK)
        rc = evd_buf_append_slice(out, host);
    if (rc == EVD_OK)
        rc = evd_buf_append_slice(out, EVD_SLICE("\r\n\r\n"));
    if (rc < 0)
        evd_buf_truncate(out, len);
    return rc;
}

/* ---- Answers. ---- */

struct reading {
    struct evd_decoder *decoder;
    struct evd_slice body, reason;
    size_t joined; /* bytes of the body in decoder->message: it came in several chunks */
    bool headed, done, endless, too_large;
};

static int on_status(http_parser *parser, const char *at, size_t len)
{
    struct reading *reading = parser->data;
    if (reading->reason.len == 0)
        reading->reason = evd_slice(at, len);
    else
        reading->reason.len += len;
    return 0;
}

static int on_headers(http_parser *parser)
{
    struct reading *reading = parser->data;
    unsigned status = parser->status_code;
    bool empty = status < 200 || status == 204 || status == 304;
    bool chunked = (parser->flags & F_CHUNKED) != 0;
    reading->headed = true;
    reading->endless = !empty && !chunked && parser->content_length == UINT64_MAX;
    reading->too_large = !empty && !chunked && !reading->endless &&
                         parser->content_length > reading->decoder->limits.max_frame;
    /* RFC 9112, 6.3: these have no body, whatever their Content-Length says. 1: so for http_parser.
     */
    return reading->endless || reading->too_large ? -1 : empty;
}

static int on_body(http_parser *parser, const char *at, size_t len)
{
    struct reading *reading = parser->data;
    char *room = reading->decoder->message;
    if (reading->body.len == 0) {
        reading->body = evd_slice(at, len);
        return 0;
    }
    if (reading->body.len + len > EVD_HTTP_GET_CHUNKS_MAX) {
        reading->too_large = true;
        return -1;
    }
    if (reading->joined == 0)
        memcpy(room, reading->body.ptr, reading->body.len);
    memcpy(room + reading->body.len, at, len);
    reading->joined = reading->body.len + len;
    reading->body = evd_slice(room, reading->joined);
    return 0;
}

static int on_complete(http_parser *parser)
{
    struct reading *reading = parser->data;
    reading->done = true;
    http_parser_pause(parser, 1); /* what follows is the next answer */
    return 0;
}

static int fail(struct evd_decoder *decoder, struct evd_slice in, size_t *ret_used, int status,
                const char *why)
{
    decoder->state.broken = true;
    decoder->state.scanned = 0;
    *ret_used = in.len;
    return evd_error_set(&decoder->error, status, "%s", why);
}

/* Lines end with CR LF: who takes one of the two alone may see other lines, and another end of the
 * head, than who wrote them (RFC 9112, 2.2). http_parser ends a head at CR and any byte. */
static bool has_other_ends(struct evd_slice head)
{
    for (size_t i = 0; i < head.len; i++) {
        if (head.ptr[i] == '\n' && (i == 0 || head.ptr[i - 1] != '\r'))
            return true;
        if (head.ptr[i] == '\r' && (i + 1 == head.len || head.ptr[i + 1] != '\n'))
            return true;
    }
    return false;
}

/* Reads one answer whose head is there, of whatever status. EVD_OK, EVD_MORE, or < 0 in words. */
static int read_one(struct evd_decoder *decoder, struct evd_slice in, size_t *ret_used,
                    struct reading *reading, unsigned *ret_status)
{
    static const http_parser_settings settings = {.on_status = on_status,
                                                  .on_headers_complete = on_headers,
                                                  .on_body = on_body,
                                                  .on_message_complete = on_complete};
    http_parser parser;
    http_parser_init(&parser, HTTP_RESPONSE);
    parser.data = reading;
    *reading = (struct reading){.decoder = decoder};
    size_t used = http_parser_execute(&parser, &settings, in.ptr, in.len);
    if (reading->endless)
        return fail(decoder, in, ret_used, EVD_ERR_BAD_PROTOCOL,
                    "an answer with neither Content-Length nor chunks, which only the connection's "
                    "end would end");
    if (reading->too_large || (reading->done ? used : in.len) > decoder->limits.max_frame)
        return fail(decoder, in, ret_used, EVD_ERR_TOO_LARGE, "an answer that is too large");
    if (reading->headed && (parser.status_code < 100 || parser.status_code == 101))
        return fail(decoder, in, ret_used, EVD_ERR_BAD_PROTOCOL,
                    "a status that answers no GET: below 100, or 101");
    if (!reading->done && HTTP_PARSER_ERRNO(&parser) != HPE_OK)
        return fail(decoder, in, ret_used, EVD_ERR_BAD_PROTOCOL,
                    http_errno_description(HTTP_PARSER_ERRNO(&parser)));
    if (!reading->done)
        return EVD_MORE;
    *ret_used = used;
    *ret_status = parser.status_code;
    return EVD_OK;
}

/* The length of a head that is whole, or 0. No byte of it is looked at twice for its end. */
static size_t head_of(struct evd_decoder *decoder, struct evd_slice in)
{
    size_t from = decoder->state.scanned > 3 ? decoder->state.scanned - 3 : 0;
    const char *end = memmem(in.ptr + from, in.len - from, "\r\n\r\n", 4);
    if (end != NULL)
        return (size_t)(end - in.ptr) + 4;
    decoder->state.scanned = in.len;
    return 0;
}

/* One answer, or what makes it none: as early as it can be known, and http_parser reads whole
 * heads. */
static int examine(struct evd_decoder *decoder, struct evd_slice in, size_t *ret_used,
                   struct reading *reading, unsigned *ret_status)
{
    if (memcmp(in.ptr, "HTTP/1.", in.len < 7 ? in.len : 7) != 0)
        return fail(decoder, in, ret_used, EVD_ERR_BAD_PROTOCOL,
                    "no answer of HTTP/1.1 or HTTP/1.0");
    size_t head = head_of(decoder, in);
    if (head == 0 && in.len > decoder->limits.max_frame)
        return fail(decoder, in, ret_used, EVD_ERR_TOO_LARGE, "an answer that is too large");
    if (head == 0)
        return EVD_MORE;
    if (has_other_ends(evd_slice(in.ptr, head)))
        return fail(decoder, in, ret_used, EVD_ERR_BAD_PROTOCOL,
                    "a line that does not end with CR LF");
    return read_one(decoder, in, ret_used, reading, ret_status);
}

static int get_decode(struct evd_decoder *decoder, struct evd_slice in, bool eof, size_t *ret_used,
                      struct evd_envelope *ret_envelope)
{
    struct reading reading = {0};
    unsigned status = 100;
    evd_envelope_init(ret_envelope, EVD_KIND_REPLY);
    *ret_used = 0;
    while (status < 200) {
        struct evd_slice rest = evd_slice(in.ptr + *ret_used, in.len - *ret_used);
        size_t used = 0;
        if (decoder->state.broken || rest.len == 0) {
            *ret_used = in.len;
            return EVD_MORE;
        }
        int rc = examine(decoder, rest, &used, &reading, &status);
        if (rc == EVD_MORE && eof)
            rc = fail(decoder, rest, &used, EVD_ERR_BAD_PROTOCOL,
                      "the connection ended in an answer");
        *ret_used += used;
        if (rc != EVD_OK)
            return rc;
        decoder->state.scanned = 0;
    }
    if (status < 300) {
        ret_envelope->data = reading.body;
        return EVD_OK;
    }
    ret_envelope->kind = EVD_KIND_ERROR;
    (void)snprintf(decoder->code, sizeof decoder->code, "%u", status);
    ret_envelope->code = evd_slice_text(decoder->code);
    ret_envelope->message = reading.reason;
    return EVD_OK;
}

/* A server does not speak it by this interface. */
static bool get_sniff(unsigned char first)
{
    (void)first;
    return false;
}

const struct evd_transport evd_transport_http_get = {
    .name = "http",
    .ordered = true,
    .sniff = get_sniff,
    .decode = get_decode,
    .encode = get_encode,
};
