/* The binary frame: transport.h draws its header. */
#include "transport.h"

#include <endian.h>
#include <stdio.h>

static bool sniff(unsigned char first)
{
    return first == EVD_FRAME_MAGIC;
}

/* The header is read and written as three numbers. */
static uint64_t get64(const char *p)
{
    uint64_t value;
    memcpy(&value, p, sizeof value);
    return be64toh(value);
}

static uint32_t get32(const char *p)
{
    uint32_t value;
    memcpy(&value, p, sizeof value);
    return be32toh(value);
}

static void put64(char *p, uint64_t value)
{
    value = htobe64(value);
    memcpy(p, &value, sizeof value);
}

static void put32(char *p, uint32_t value)
{
    value = htobe32(value);
    memcpy(p, &value, sizeof value);
}

/* ---- Reading ---- */

struct header {
    unsigned type, flags, number;
    const struct evd_codec *codec; /* of this number, or NULL */
    size_t length;                 /* behind the header */
    uint64_t id;
    size_t event_len, extra_len;
};

static struct header read_header(const char *p)
{
    uint64_t start = get64(p);
    uint32_t lengths = get32(p + 16);
    unsigned number = start >> 32 & 0xFF;
    return (struct header){
        .type = start >> 48 & 0xFF,
        .flags = start >> 40 & 0xFF,
        .number = number,
        .codec = evd_codec_by_number((uint8_t)number),
        .length = (size_t)(start & UINT32_MAX),
        .id = get64(p + 8),
        .event_len = lengths >> 16,
        .extra_len = lengths & UINT16_MAX,
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
    if (header->codec == NULL)
        return refuse_codec(header->number, error);
    if (header->event_len + header->extra_len > header->length)
        return evd_error_set(error, EVD_ERR_BAD_FRAME,
                             "event and extra of %zu and %zu bytes are longer than the length, %zu",
                             header->event_len, header->extra_len, header->length);
    if (header->type != EVD_FRAME_CALL && header->extra_len > 0)
        return evd_error_set(error, EVD_ERR_BAD_FRAME, "only a call has extra, not type %u",
                             header->type);
    if (header->type == EVD_FRAME_REPLY && header->event_len > 0)
        return evd_error_set(error, EVD_ERR_BAD_FRAME, "a reply has no event");
    if (header->type == EVD_FRAME_ERROR && header->codec != &evd_codec_json)
        return evd_error_set(error, EVD_ERR_BAD_FRAME, "an error has no codec, but %u",
                             header->number);
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
    ret_envelope->codec = header->codec;
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

/* With an id, codec 0. */
#define USUAL_START(type)                                                                          \
    ((uint32_t)EVD_FRAME_MAGIC << 24 | (uint32_t)(type) << 16 | EVD_FRAME_HAS_ID << 8)

/* Nearly every message is a whole call, or to a client a whole reply, in JSON, with an id, without
 * extra, and nothing is wrong with it. False: this one may be another, nothing was done. */
static inline bool decode_usual(const struct evd_decoder *decoder, struct evd_slice in,
                                size_t *ret_used, struct evd_envelope *ret_envelope)
{
    bool server = decoder->role == EVD_ROLE_SERVER;
    if (decoder->state.broken || decoder->state.skipping || in.len < EVD_FRAME_HEADER ||
        get32(in.ptr) != USUAL_START(server ? EVD_FRAME_CALL : EVD_FRAME_REPLY))
        return false;
    size_t length = get32(in.ptr + 4), whole = EVD_FRAME_HEADER + length;
    uint32_t lengths = get32(in.ptr + 16);
    size_t event_len = lengths >> 16, extra_len = lengths & UINT16_MAX;
    if (whole < length || whole > in.len || whole > decoder->limits.max_frame ||
        event_len > length || extra_len > 0 || (!server && event_len > 0))
        return false;
    const char *body = in.ptr + EVD_FRAME_HEADER;
    evd_envelope_init(ret_envelope, server ? EVD_KIND_CALL : EVD_KIND_REPLY);
    ret_envelope->id.kind = EVD_ID_UINT;
    ret_envelope->id.number = get64(in.ptr + 8);
    ret_envelope->event = evd_slice(body, event_len);
    ret_envelope->data = evd_slice(body + event_len, length - event_len);
    *ret_used = whole;
    return true;
}

/* Any message. */
static int decode_careful(struct evd_decoder *decoder, struct evd_slice in, bool eof,
                          size_t *ret_used, struct evd_envelope *ret_envelope)
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
    evd_envelope_init(ret_envelope,
                      decoder->role == EVD_ROLE_SERVER ? EVD_KIND_CALL : EVD_KIND_REPLY);
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

static int decode(struct evd_decoder *decoder, struct evd_slice in, bool eof, size_t *ret_used,
                  struct evd_envelope *ret_envelope)
{
    if (decode_usual(decoder, in, ret_used, ret_envelope))
        return EVD_OK;
    return decode_careful(decoder, in, eof, ret_used, ret_envelope);
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

static const uint8_t types[] = {[EVD_KIND_CALL] = EVD_FRAME_CALL,
                                [EVD_KIND_REPLY] = EVD_FRAME_REPLY,
                                [EVD_KIND_ERROR] = EVD_FRAME_ERROR};

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

struct lengths {
    size_t event, extra, data;
};

/* p has room for EVD_FRAME_HEADER. */
static inline int put_header(char *p, const struct evd_envelope *envelope, struct lengths lengths)
{
    uint64_t length = (uint64_t)lengths.event + lengths.extra + lengths.data;
    if (lengths.event > UINT16_MAX || lengths.extra > UINT16_MAX || length > UINT32_MAX)
        return EVD_ERR_TOO_LARGE;
    bool has_id = envelope->id.kind == EVD_ID_UINT;
    bool coded = envelope->codec != NULL && envelope->kind != EVD_KIND_ERROR;
    uint8_t number = (coded ? envelope->codec : &evd_codec_json)->number;
    put64(p, (uint64_t)EVD_FRAME_MAGIC << 56 | (uint64_t)types[envelope->kind] << 48 |
                 (uint64_t)(has_id ? EVD_FRAME_HAS_ID : 0) << 40 | (uint64_t)number << 32 | length);
    put64(p + 8, has_id ? envelope->id.number : 0);
    put32(p + 16, (uint32_t)(lengths.event << 16 | lengths.extra));
    return EVD_OK;
}

/* A reply is a header and data, both of known length. */
static inline int append_reply(struct evd_buf *out, const struct evd_envelope *envelope)
{
    size_t len = envelope->data.len;
    if (len > UINT32_MAX)
        return EVD_ERR_TOO_LARGE;
    int rc = evd_buf_reserve(out, EVD_FRAME_HEADER + len);
    if (rc < 0)
        return rc;
    char *p = evd_buf_tail(out);
    const struct evd_codec *codec = envelope->codec != NULL ? envelope->codec : &evd_codec_json;
    uint32_t start = USUAL_START(EVD_FRAME_REPLY);
    if (envelope->id.kind == EVD_ID_NONE)
        start &= ~((uint32_t)EVD_FRAME_HAS_ID << 8);
    put64(p, (uint64_t)(start | codec->number) << 32 | len);
    put64(p + 8, envelope->id.kind == EVD_ID_NONE ? 0 : envelope->id.number);
    put32(p + 16, 0);
    evd_buf_commit(out, EVD_FRAME_HEADER + len);
    if (len > 0)
        memcpy(p + EVD_FRAME_HEADER, envelope->data.ptr, len);
    return EVD_OK;
}

/* Any frame. */
static __attribute__((noinline)) int append_frame(struct evd_buf *out,
                                                  const struct evd_envelope *envelope)
{
    size_t before = out->len;
    bool error = envelope->kind == EVD_KIND_ERROR, call = envelope->kind == EVD_KIND_CALL;
    struct evd_slice event = call ? envelope->event : error ? envelope->code : evd_slice(NULL, 0);
    struct evd_slice data = error ? envelope->message : envelope->data;
    int rc = evd_buf_reserve(out, EVD_FRAME_HEADER + event.len + data.len);
    if (rc < 0)
        return rc;
    evd_buf_commit(out, EVD_FRAME_HEADER); /* filled in when its lengths are known */
    rc = error ? append_text(out, event) : evd_buf_append_slice(out, event);
    size_t event_end = out->len;
    if (rc == EVD_OK && call && envelope->envelope.len > 0)
        rc = append_extra(out, envelope->envelope);
    size_t extra_end = out->len;
    if (rc == EVD_OK)
        rc = error ? append_text(out, data) : evd_buf_append_slice(out, data);
    if (rc == EVD_OK) {
        struct lengths lengths = {.event = event_end - before - EVD_FRAME_HEADER,
                                  .extra = extra_end - event_end,
                                  .data = out->len - extra_end};
        rc = put_header(out->ptr + out->off + before, envelope, lengths);
    }
    if (rc < 0)
        evd_buf_truncate(out, before);
    return rc;
}

static int encode(struct evd_buf *out, const struct evd_envelope *envelope)
{
    if (envelope->id.kind == EVD_ID_TEXT)
        return EVD_ERR_BAD_ENVELOPE;
    if (envelope->kind == EVD_KIND_REPLY)
        return append_reply(out, envelope);
    return append_frame(out, envelope);
}

const struct evd_transport evd_transport_frame = {
    .name = "frame", .text = false, .sniff = sniff, .decode = decode, .encode = encode};
