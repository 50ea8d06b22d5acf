/* The binary frame: transport.h draws its header. */
#include "transport.h"

#include <stdio.h>

static bool sniff(unsigned char first)
{
    return first == EVD_FRAME_MAGIC;
}

static uint64_t get(const char *p, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | (unsigned char)p[i];
    return value;
}

static char *put(char *p, uint64_t value, size_t bytes)
{
    for (size_t i = bytes; i-- > 0; value >>= 8)
        p[i] = (char)(value & 0xFF);
    return p + bytes;
}

/* ---- Reading ---- */

struct header {
    unsigned type, flags, codec;
    size_t length; /* behind the header */
    uint64_t id;
    size_t event_len, extra_len;
};

static struct header read_header(const char *p)
{
    return (struct header){
        .type = (unsigned)get(p + 1, 1),
        .flags = (unsigned)get(p + 2, 1),
        .codec = (unsigned)get(p + 3, 1),
        .length = (size_t)get(p + 4, 4),
        .id = get(p + 8, 8),
        .event_len = (size_t)get(p + 16, 2),
        .extra_len = (size_t)get(p + 18, 2),
    };
}

static int refuse_codec(unsigned number, struct evd_error *error)
{
    char list[128] = "";
    size_t used = 0;
    for (size_t i = 0; evd_codecs[i] != NULL && used < sizeof list; i++) {
        const char *before = i == 0 ? "" : evd_codecs[i + 1] == NULL ? " or " : ", ";
        int len = snprintf(list + used, sizeof list - used, "%s%d (%s)", before,
                           evd_codecs[i]->number, evd_codecs[i]->name);
        used += len > 0 ? (size_t)len : 0;
    }
    return evd_error_set(error, EVD_ERR_BAD_ENCODING, "codec must be %s, not %u", list, number);
}

static int check_type(const struct header *header, enum evd_role role, struct evd_error *error)
{
    bool call = header->type == EVD_FRAME_CALL;
    bool answer = header->type == EVD_FRAME_REPLY || header->type == EVD_FRAME_ERROR;
    if (role == EVD_ROLE_SERVER ? call : answer)
        return EVD_OK;
    return evd_error_set(error, EVD_ERR_BAD_FRAME, "frame type must be %s, not %u",
                         role == EVD_ROLE_SERVER ? "1 (call)" : "2 (reply) or 3 (error)",
                         header->type);
}

/* All that the header alone can say. */
static int check_header(const struct header *header, const struct evd_decoder *decoder,
                        struct evd_error *error)
{
    size_t max = decoder->limits.max_frame;
    int rc = check_type(header, decoder->role, error);
    if (rc < 0)
        return rc;
    if (header->length > max || header->length + EVD_FRAME_HEADER > max)
        return evd_error_set(error, EVD_ERR_TOO_LARGE,
                             "frame of %zu bytes is longer than the limit of %zu bytes",
                             header->length + EVD_FRAME_HEADER, max);
    if ((header->flags & ~(unsigned)EVD_FRAME_HAS_ID) != 0)
        return evd_error_set(error, EVD_ERR_BAD_FRAME, "flags must be 0 or 1 (has an id), not %u",
                             header->flags);
    if ((header->flags & EVD_FRAME_HAS_ID) == 0 && header->id != 0)
        return evd_error_set(error, EVD_ERR_BAD_FRAME,
                             "id must be 0 where the flag for it is not set, not %llu",
                             (unsigned long long)header->id);
    if (evd_codec_by_number((uint8_t)header->codec) == NULL)
        return refuse_codec(header->codec, error);
    if (header->event_len + header->extra_len > header->length)
        return evd_error_set(error, EVD_ERR_BAD_FRAME,
                             "event and extra of %zu and %zu bytes are longer than the length, %zu",
                             header->event_len, header->extra_len, header->length);
    if (header->type != EVD_FRAME_CALL && header->extra_len > 0)
        return evd_error_set(error, EVD_ERR_BAD_FRAME, "only a call has extra, not type %u",
                             header->type);
    if (header->type == EVD_FRAME_REPLY && header->event_len > 0)
        return evd_error_set(error, EVD_ERR_BAD_FRAME, "a reply has no event");
    if (header->type == EVD_FRAME_ERROR && header->codec != evd_codec_json.number)
        return evd_error_set(error, EVD_ERR_BAD_FRAME, "an error has no codec, but %u",
                             header->codec);
    return EVD_OK;
}

/* extra: one JSON object, which says nothing that the header says. */
static int check_extra(struct evd_slice extra, unsigned max_depth, struct evd_error *error)
{
    struct evd_json_scan scan;
    struct evd_slice key, value;
    const char *own = NULL;
    evd_json_scan_init(&scan, extra, max_depth);
    int rc = evd_json_scan_object(&scan);
    if (rc == EVD_OK)
        do
            rc = evd_envelope_next_extra(&scan, &key, &value, &own);
        while (rc == EVD_MORE);
    if (rc < 0 || evd_json_scan_end(&scan) < 0) {
        struct evd_error why;
        evd_json_scan_error(&scan, EVD_ERR_BAD_FRAME, &why);
        return evd_error_set(error, EVD_ERR_BAD_FRAME, "extra must be a JSON object: %.180s",
                             why.text);
    }
    if (own != NULL)
        return evd_error_set(
            error, EVD_ERR_BAD_FRAME,
            "extra must not have the member %s: the frame has its own place for it", own);
    if (scan.nul != NULL)
        return evd_error_set(error, EVD_ERR_BAD_FRAME,
                             "extra: JSON not supported: \\u0000 in a string at byte %zu",
                             (size_t)(scan.nul - scan.start));
    return EVD_OK;
}

/* What is behind the header. */
static int read_body(struct evd_decoder *decoder, const struct header *header, const char *body,
                     struct evd_envelope *ret_envelope)
{
    struct evd_slice event = evd_slice(body, header->event_len);
    struct evd_slice extra = evd_slice(body + event.len, header->extra_len);
    struct evd_slice data =
        evd_slice(extra.ptr + extra.len, header->length - event.len - extra.len);
    ret_envelope->codec = evd_codec_by_number((uint8_t)header->codec);
    if (header->type == EVD_FRAME_ERROR) {
        ret_envelope->kind = EVD_KIND_ERROR;
        ret_envelope->code = event;
        ret_envelope->message = data;
        return EVD_OK;
    }
    ret_envelope->event = event;
    ret_envelope->envelope = extra;
    ret_envelope->data = data;
    if (extra.len == 0)
        return EVD_OK;
    return check_extra(extra, decoder->limits.max_depth, &decoder->error);
}

static int refuse_truncated(struct evd_decoder *decoder, size_t len, size_t whole)
{
    return evd_error_set(&decoder->error, EVD_ERR_BAD_FRAME, "truncated frame: %zu of %zu bytes%s",
                         len, whole, len < EVD_FRAME_HEADER ? " of its header" : "");
}

/* The bytes of a frame that was refused, as far as they have come. */
static size_t skip(struct evd_decoder *decoder, uint64_t whole, size_t len)
{
    size_t now = whole < len ? (size_t)whole : len;
    decoder->state.skip = whole - now;
    decoder->state.skipping = decoder->state.skip > 0;
    return now;
}

static int decode(struct evd_decoder *decoder, struct evd_slice in, bool eof, size_t *ret_used,
                  struct evd_envelope *ret_envelope)
{
    if (decoder->state.broken) { /* there is no telling where a frame would start */
        *ret_used = in.len;
        return EVD_MORE;
    }
    size_t skipped = decoder->state.skipping ? skip(decoder, decoder->state.skip, in.len) : 0;
    *ret_used = skipped;
    size_t left = in.len - skipped;
    if (left == 0)
        return EVD_MORE;
    const char *frame = in.ptr + skipped;
    *ret_envelope = (struct evd_envelope){
        .kind = decoder->role == EVD_ROLE_SERVER ? EVD_KIND_CALL : EVD_KIND_REPLY,
        .codec = &evd_codec_json,
    };
    if ((unsigned char)frame[0] != EVD_FRAME_MAGIC) {
        decoder->state.broken = true;
        *ret_used = in.len;
        return evd_error_set(&decoder->error, EVD_ERR_BAD_FRAME,
                             "frame must start with the byte 0xED, not 0x%02X",
                             (unsigned char)frame[0]);
    }
    if (left < EVD_FRAME_HEADER) {
        if (!eof)
            return EVD_MORE;
        *ret_used = in.len;
        return refuse_truncated(decoder, left, EVD_FRAME_HEADER);
    }

    struct header header = read_header(frame);
    size_t whole = EVD_FRAME_HEADER + header.length;
    if ((header.flags & EVD_FRAME_HAS_ID) != 0) {
        ret_envelope->id.kind = EVD_ID_UINT;
        ret_envelope->id.number = header.id;
    }
    int rc = check_header(&header, decoder, &decoder->error);
    if (rc < 0) {
        *ret_used += skip(decoder, whole, left);
        return rc;
    }
    if (left < whole) {
        if (!eof)
            return EVD_MORE;
        *ret_used = in.len;
        return refuse_truncated(decoder, left, whole);
    }
    *ret_used += whole;
    return read_body(decoder, &header, frame + EVD_FRAME_HEADER, ret_envelope);
}

/* ---- Writing ---- */

/* The members of `object` that have no place of their own in a frame, as an object; nothing for
 * none. */
static int append_extra(struct evd_buf *out, struct evd_slice object)
{
    struct evd_json_scan scan;
    struct evd_slice key, value;
    evd_json_scan_init(&scan, object, EVD_JSON_DEPTH_MAX);
    if (evd_json_scan_object(&scan) < 0)
        return EVD_ERR_BAD_ENVELOPE;
    int rc, count = 0;
    while ((rc = evd_envelope_next_extra(&scan, &key, &value, NULL)) == EVD_MORE) {
        rc = evd_buf_append(out, count++ == 0 ? "{\"" : ",\"", 2);
        if (rc == EVD_OK)
            rc = evd_buf_append_slice(out, key);
        if (rc == EVD_OK)
            rc = evd_buf_append(out, "\":", 2);
        if (rc == EVD_OK)
            rc = evd_buf_append_slice(out, value);
        if (rc < 0)
            return rc;
    }
    if (rc < 0 || evd_json_scan_end(&scan) < 0)
        return EVD_ERR_BAD_ENVELOPE;
    return count > 0 ? evd_buf_append(out, "}", 1) : EVD_OK;
}

static unsigned type_of(enum evd_kind kind)
{
    switch (kind) {
    case EVD_KIND_REPLY:
        return EVD_FRAME_REPLY;
    case EVD_KIND_ERROR:
        return EVD_FRAME_ERROR;
    default:
        return EVD_FRAME_CALL;
    }
}

/* A frame's own place for text, of an error: UTF-8 whatever a module said. */
static int append_text(struct evd_buf *out, struct evd_slice text)
{
    size_t len = evd_utf8_clean(text, NULL);
    int rc = evd_buf_reserve(out, len);
    if (rc < 0 || len == 0)
        return rc;
    evd_buf_commit(out, evd_utf8_clean(text, evd_buf_tail(out)));
    return EVD_OK;
}

static int append_frame(struct evd_buf *out, const struct evd_envelope *envelope, size_t before)
{
    const struct evd_codec *codec = envelope->codec != NULL ? envelope->codec : &evd_codec_json;
    bool error = envelope->kind == EVD_KIND_ERROR, call = envelope->kind == EVD_KIND_CALL;
    struct evd_slice event = call ? envelope->event : error ? envelope->code : evd_slice(NULL, 0);
    struct evd_slice data = error ? envelope->message : envelope->data;
    int rc = evd_buf_reserve(out, EVD_FRAME_HEADER + event.len + data.len);
    if (rc < 0)
        return rc;
    evd_buf_commit(out, EVD_FRAME_HEADER); /* filled in when its lengths are known */
    rc = error ? append_text(out, event) : evd_buf_append_slice(out, event);
    size_t event_len = out->len - before - EVD_FRAME_HEADER;
    size_t extra_start = out->len;
    if (rc == EVD_OK && call && envelope->envelope.len > 0)
        rc = append_extra(out, envelope->envelope);
    size_t extra_len = out->len - extra_start;
    if (rc == EVD_OK)
        rc = error ? append_text(out, data) : evd_buf_append_slice(out, data);
    if (rc < 0)
        return rc;
    size_t length = out->len - before - EVD_FRAME_HEADER;
    if (event_len > UINT16_MAX || extra_len > UINT16_MAX || length > UINT32_MAX)
        return EVD_ERR_TOO_LARGE;

    bool has_id = envelope->id.kind == EVD_ID_UINT;
    char *p = out->ptr + out->off + before;
    p = put(p, EVD_FRAME_MAGIC, 1);
    p = put(p, type_of(envelope->kind), 1);
    p = put(p, has_id ? EVD_FRAME_HAS_ID : 0, 1);
    p = put(p, error ? evd_codec_json.number : codec->number, 1);
    p = put(p, length, 4);
    p = put(p, has_id ? envelope->id.number : 0, 8);
    p = put(p, event_len, 2);
    put(p, extra_len, 2);
    return EVD_OK;
}

static int encode(struct evd_buf *out, const struct evd_envelope *envelope)
{
    if (envelope->id.kind == EVD_ID_TEXT)
        return EVD_ERR_BAD_ENVELOPE;
    size_t before = out->len;
    int rc = append_frame(out, envelope, before);
    if (rc < 0)
        evd_buf_truncate(out, before);
    return rc;
}

const struct evd_transport evd_transport_frame = {
    .name = "frame", .text = false, .sniff = sniff, .decode = decode, .encode = encode};
