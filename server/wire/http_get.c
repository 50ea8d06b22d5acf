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

/* Reads one answer, of whatever status. EVD_OK, EVD_MORE, or < 0 in words. */
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
    if (reading->too_large)
        return fail(decoder, in, ret_used, EVD_ERR_TOO_LARGE, "a body that is too large");
    if (reading->done) {
        *ret_used = used;
        *ret_status = parser.status_code;
        return EVD_OK;
    }
    if (HTTP_PARSER_ERRNO(&parser) != HPE_OK || parser.upgrade)
        return fail(decoder, in, ret_used, EVD_ERR_BAD_PROTOCOL,
                    parser.upgrade ? "an upgrade that nobody asked for"
                                   : http_errno_description(HTTP_PARSER_ERRNO(&parser)));
    if (in.len > decoder->limits.max_frame)
        return fail(decoder, in, ret_used, EVD_ERR_TOO_LARGE, "an answer that is too large");
    return EVD_MORE;
}

/* A head that is not whole is looked at once for its end; http_parser reads it when it is there. */
static bool has_head(struct evd_decoder *decoder, struct evd_slice in)
{
    size_t from = decoder->state.scanned > 3 ? decoder->state.scanned - 3 : 0;
    if (memmem(in.ptr + from, in.len - from, "\r\n\r\n", 4) != NULL)
        return true;
    decoder->state.scanned = in.len;
    return false;
}

static int get_decode(struct evd_decoder *decoder, struct evd_slice in, bool eof, size_t *ret_used,
                      struct evd_envelope *ret_envelope)
{
    struct reading reading;
    unsigned status = 100;
    size_t used = 0;
    evd_envelope_init(ret_envelope, EVD_KIND_REPLY);
    *ret_used = 0;
    while (status < 200) {
        struct evd_slice rest = evd_slice(in.ptr + *ret_used, in.len - *ret_used);
        int rc = EVD_MORE;
        if (decoder->state.broken || rest.len == 0)
            break;
        /* Its first bytes are read at once: what is no HTTP is not waited for. */
        if (rest.len < 16 || has_head(decoder, rest) || rest.len > decoder->limits.max_frame ||
            memcmp(rest.ptr, "HTTP/1.", 7) != 0)
            rc = read_one(decoder, rest, &used, &reading, &status);
        if (rc == EVD_MORE && eof)
            rc = fail(decoder, rest, &used, EVD_ERR_BAD_PROTOCOL,
                      "the connection ended in an answer");
        if (rc == EVD_MORE)
            return EVD_MORE;
        *ret_used += used;
        if (rc < 0)
            return rc;
        decoder->state.scanned = 0;
    }
    if (status < 200) {
        *ret_used = decoder->state.broken ? in.len : *ret_used;
        return EVD_MORE;
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
