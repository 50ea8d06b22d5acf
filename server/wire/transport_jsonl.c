/* JSON lines: an envelope a line. For programs, and for people with `nc`. */
#include "transport.h"

static bool sniff(unsigned char first)
{
    return first == '{' || first == ' ' || first == '\t' || first == '\r' || first == '\n';
}

/* ---- Reading ---- */

static bool is_white(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* `head`: as much of the line as may be looked at. What it holds of the id makes the answer one
 * that its sender can match. */
static int refuse_long_line(struct evd_decoder *decoder, struct evd_slice head,
                            struct evd_envelope *ret_envelope)
{
    (void)evd_envelope_scan(decoder, head, ret_envelope);
    decoder->state.skipping = true;
    return evd_error_set(&decoder->error, EVD_ERR_TOO_LARGE,
                         "line is longer than the limit of %zu bytes", decoder->limits.max_frame);
}

static int decode(struct evd_decoder *decoder, struct evd_slice in, bool eof, size_t *ret_used,
                  struct evd_envelope *ret_envelope)
{
    *ret_used = in.len;
    if (in.len == 0)
        return EVD_MORE;
    const char *line = in.ptr, *end = in.ptr + in.len, *newline;
    if (decoder->state.skipping) {
        newline = memchr(line, '\n', in.len);
        if (newline == NULL)
            return EVD_MORE;
        decoder->state.skipping = false;
        line = newline + 1;
    }
    while (line < end && is_white(*line)) /* blank lines, or a line's start that says nothing */
        line++;
    size_t left = (size_t)(end - line), max = decoder->limits.max_frame;
    if (left == 0)
        return EVD_MORE;

    size_t window = left < max ? left : max, scanned = decoder->state.scanned;
    decoder->state.scanned = 0;
    newline = scanned < window ? memchr(line + scanned, '\n', window - scanned) : NULL;
    if (newline != NULL) {
        *ret_used = (size_t)(newline + 1 - in.ptr);
        return evd_envelope_scan(decoder, evd_slice(line, (size_t)(newline - line)), ret_envelope);
    }
    if (left >= max) { /* its newline, even if it never comes, would be one too many */
        *ret_used = (size_t)(line - in.ptr) + window;
        return refuse_long_line(decoder, evd_slice(line, window), ret_envelope);
    }
    if (eof)
        return evd_envelope_scan(decoder, evd_slice(line, left), ret_envelope);
    decoder->state.scanned = left;
    *ret_used = (size_t)(line - in.ptr);
    return EVD_MORE;
}

/* ---- Writing ---- */

static char *put(char *p, struct evd_slice slice)
{
    if (slice.len > 0)
        memcpy(p, slice.ptr, slice.len);
    return p + slice.len;
}

#define PUT(p, literal) put(p, EVD_SLICE(literal))

static char *put_uint(char *p, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    return put(p, evd_slice(digits + at, sizeof digits - at));
}

static char *put_string(char *p, struct evd_slice text)
{
    *p++ = '"';
    p += evd_json_escape(text, p);
    *p++ = '"';
    return p;
}

/* {"id":7, and nothing for a message without an id */
static char *put_start(char *p, const struct evd_id *id)
{
    p = PUT(p, "{");
    if (id->kind == EVD_ID_NONE)
        return p;
    p = PUT(p, "\"id\":");
    p = id->kind == EVD_ID_UINT ? put_uint(p, id->number) : put(p, id->text);
    return PUT(p, ",");
}

static char *put_data(char *p, const struct evd_envelope *envelope, bool json)
{
    p = PUT(p, "\"data\":");
    if (json)
        return envelope->data.len > 0 ? put(p, envelope->data) : PUT(p, "null");
    *p++ = '"';
    p += evd_json_escape_bytes(envelope->data, p);
    *p++ = '"';
    return p;
}

/* All but the extra members and what closes the object. */
static char *put_message(char *p, const struct evd_envelope *envelope,
                         const struct evd_codec *codec)
{
    p = put_start(p, &envelope->id);
    switch (envelope->kind) {
    case EVD_KIND_CALL:
        p = PUT(p, "\"event\":");
        p = put_string(p, envelope->event);
        if (!codec->identity) {
            p = PUT(p, ",\"encoding\":");
            p = put_string(p, evd_slice_text(codec->name));
        }
        if (envelope->data.len > 0) {
            p = PUT(p, ",");
            p = put_data(p, envelope, codec->identity);
        }
        break;
    case EVD_KIND_REPLY:
        p = put_data(p, envelope, codec->identity);
        break;
    case EVD_KIND_ERROR:
        p = PUT(p, "\"error\":{\"code\":");
        p = put_string(p, envelope->code);
        p = PUT(p, ",\"message\":");
        p = put_string(p, envelope->message);
        p = PUT(p, "}");
        break;
    }
    return p;
}

/* The most bytes that put_message() writes, and the "}\n" behind it. */
static size_t message_max(const struct evd_envelope *envelope, const struct evd_codec *codec)
{
    /* With an id of 20 digits, a codec's name and the end. */
    size_t max = 128 + envelope->id.text.len;
    if (envelope->kind == EVD_KIND_ERROR)
        return max + evd_json_escape(envelope->code, NULL) +
               evd_json_escape(envelope->message, NULL);
    if (envelope->kind == EVD_KIND_CALL)
        max += evd_json_escape(envelope->event, NULL);
    return max +
           (codec->identity ? envelope->data.len : evd_json_escape_bytes(envelope->data, NULL));
}

/* ,"key":value for each member of the envelope that is not written already. */
static int append_extra(struct evd_buf *out, struct evd_slice object)
{
    struct evd_json_scan scan;
    struct evd_slice key, value;
    evd_json_scan_init(&scan, object, EVD_JSON_DEPTH_MAX);
    int rc = evd_json_scan_object(&scan);
    if (rc < 0)
        return EVD_ERR_BAD_ENVELOPE;
    while ((rc = evd_envelope_next_extra(&scan, &key, &value, NULL)) == EVD_MORE) {
        rc = evd_buf_reserve(out, key.len + value.len + 4);
        if (rc < 0)
            return rc;
        char *p = PUT(evd_buf_tail(out), ",\"");
        p = put(p, key);
        p = PUT(p, "\":");
        p = put(p, value);
        evd_buf_commit(out, (size_t)(p - evd_buf_tail(out)));
    }
    return rc < 0 || evd_json_scan_end(&scan) < 0 ? EVD_ERR_BAD_ENVELOPE : EVD_OK;
}

/* A line's end within the message can only be white space of JSON that somebody printed prettily:
 * a space means the same, and does not end the line. */
static void join_lines(char *p, const char *end)
{
    static const char ends[] = "\n\r";
    for (const char *c = ends; *c != '\0'; c++)
        for (char *at = p; (at = memchr(at, *c, (size_t)(end - at))) != NULL;)
            *at++ = ' ';
}

static int append_message(struct evd_buf *out, const struct evd_envelope *envelope)
{
    const struct evd_codec *codec = envelope->codec != NULL ? envelope->codec : &evd_codec_json;
    int rc = evd_buf_reserve(out, message_max(envelope, codec));
    if (rc < 0)
        return rc;
    bool extra = envelope->kind == EVD_KIND_CALL && envelope->envelope.len > 0;
    char *p = put_message(evd_buf_tail(out), envelope, codec);
    if (!extra)
        p = PUT(p, "}\n");
    evd_buf_commit(out, (size_t)(p - evd_buf_tail(out)));
    if (!extra)
        return EVD_OK;
    rc = append_extra(out, envelope->envelope);
    return rc < 0 ? rc : evd_buf_append(out, "}\n", 2);
}

static int encode(struct evd_buf *out, const struct evd_envelope *envelope)
{
    size_t before = out->len;
    int rc = append_message(out, envelope);
    if (rc < 0) {
        evd_buf_truncate(out, before);
        return rc;
    }
    struct evd_slice all = evd_buf_slice(out);
    join_lines((char *)out->ptr + out->off + before, all.ptr + all.len - 1);
    return EVD_OK;
}

const struct evd_transport evd_transport_jsonl = {
    .name = "jsonl", .text = true, .sniff = sniff, .decode = decode, .encode = encode};
