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

/* ---- The usual line: {"id":7,"event":"api.services.status","data":...} and its end, or what
 * answers it. Members in any order, one space at most behind a colon or a comma, nothing escaped
 * but within data. It is read once, from its first byte to its last. Whatever is not so, right or
 * wrong, is left to the careful reading below, which would find the same in a usual line. ---- */

enum { ID = 1, EVENT = 2, DATA = 4 };

struct usual {
    const struct evd_decoder *decoder;
    struct evd_envelope *envelope;
    const char *end; /* of what has come, or of the longest line */
    int seen;
};

/* The parts below return where they ended, or NULL: not usual. */
static inline const char *usual_id(struct evd_id *id, const char *p, const char *end)
{
    const char *start = p;
    uint64_t value = 0;
    for (; p < end && (unsigned char)(*p - '0') <= 9; p++)
        value = value * 10 + (unsigned char)(*p - '0');
    if (p == start || p - start > 19 || (*start == '0' && p - start > 1))
        return NULL;
    id->kind = EVD_ID_UINT;
    id->number = value;
    return p;
}

static inline const char *usual_event(struct evd_slice *event, const char *p, const char *end)
{
    if (*p != '"')
        return NULL;
    const char *quote = evd_json_skip_plain(++p, end);
    if (quote == end || *quote != '"')
        return NULL;
    *event = evd_slice(p, (size_t)(quote - p));
    return quote + 1;
}

/* Any value; a newline between its parts would be the line's end. */
static const char *usual_value(const struct usual *usual, const char *p)
{
    struct evd_json_scan scan;
    struct evd_slice value;
    const char *end = usual->end;
    if (is_white(*p))
        return NULL;
    if (*p == '{' || *p == '[') {
        end = memchr(p, '\n', (size_t)(end - p));
        if (end == NULL)
            return NULL;
    }
    evd_json_scan_init(&scan, evd_slice(p, (size_t)(end - p)), usual->decoder->limits.max_depth);
    scan.depth = 1; /* in the envelope */
    return evd_json_scan_value(&scan, NULL, &value) < 0 ? NULL : scan.pos;
}

static inline const char *usual_data(const struct usual *usual, const char *p)
{
    const char *end = NULL;
    if (*p == '"') {
        end = evd_json_skip_plain(p + 1, usual->end);
        end = end < usual->end && *end == '"' ? end + 1 : NULL;
    }
    if (end == NULL)
        end = usual_value(usual, p);
    if (end != NULL)
        usual->envelope->data = evd_slice(p, (size_t)(end - p));
    return end;
}

#define IS(p, key) (memcmp(p, key, sizeof(key) - 1) == 0)

static inline const char *usual_member(struct usual *usual, const char *p)
{
    if (usual->end - p < 8) /* "id":1}, and the newline */
        return NULL;
    int member = IS(p, "\"data\":")    ? DATA
                 : IS(p, "\"event\":") ? EVENT
                 : IS(p, "\"id\":")    ? ID
                                       : 0;
    p += member == DATA ? 7 : member == EVENT ? 8 : 5;
    if (p < usual->end && *p == ' ')
        p++;
    if (member == 0 || (usual->seen & member) != 0 || p == usual->end)
        return NULL;
    usual->seen |= member;
    if (member == DATA)
        return usual_data(usual, p);
    if (member == EVENT)
        return usual_event(&usual->envelope->event, p, usual->end);
    return usual_id(&usual->envelope->id, p, usual->end);
}

static bool decode_usual(const struct evd_decoder *decoder, struct evd_slice in, size_t *ret_used,
                         struct evd_envelope *ret_envelope)
{
    bool server = decoder->role == EVD_ROLE_SERVER;
    size_t max = decoder->limits.max_frame;
    if (in.len == 0 || in.ptr[0] != '{' || decoder->state.skipping || decoder->state.scanned > 0 ||
        decoder->limits.max_depth == 0)
        return false;
    struct usual usual = {.decoder = decoder,
                          .envelope = ret_envelope,
                          .end = in.ptr + (in.len < max ? in.len : max)};
    evd_envelope_init(ret_envelope, server ? EVD_KIND_CALL : EVD_KIND_REPLY);
    const char *p = in.ptr + 1;
    for (;;) {
        p = usual_member(&usual, p);
        if (p == NULL || p == usual.end)
            return false;
        if (*p++ != ',')
            break;
        if (p < usual.end && *p == ' ')
            p++;
    }
    if (p[-1] != '}' || p == usual.end || *p != '\n' ||
        (!server && (usual.seen & (DATA | EVENT)) != DATA))
        return false;
    if (server)
        ret_envelope->envelope = evd_slice(in.ptr, (size_t)(p - in.ptr));
    *ret_used = (size_t)(p + 1 - in.ptr);
    return true;
}

/* ---- Any line. ---- */

static int decode_careful(struct evd_decoder *decoder, struct evd_slice in, bool eof,
                          size_t *ret_used, struct evd_envelope *ret_envelope)
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

static int decode(struct evd_decoder *decoder, struct evd_slice in, bool eof, size_t *ret_used,
                  struct evd_envelope *ret_envelope)
{
    if (decode_usual(decoder, in, ret_used, ret_envelope))
        return EVD_OK;
    return decode_careful(decoder, in, eof, ret_used, ret_envelope);
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

/* A line's end within a value can only be white space of JSON that somebody printed prettily: a
 * space means the same, and does not end the line. */
static void join_lines(char *p, const char *end)
{
    for (; p < end; p++)
        if (*p == '\n' || *p == '\r')
            *p = ' ';
}

/* A value as it is, in one line. Copied and looked at in one go: nearly none has a line's end. */
static inline char *put_json(char *p, struct evd_slice json)
{
    bool ends = false;
    size_t at = 0;
#ifdef EVD_JSON_SSE2
    const __m128i lf = _mm_set1_epi8('\n'), cr = _mm_set1_epi8('\r');
    __m128i found = _mm_setzero_si128();
    while (json.len >= 16 && at < json.len) {
        if (at > json.len - 16)
            at = json.len - 16; /* the last 16 bytes may have some that were copied already */
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(json.ptr + at));
        _mm_storeu_si128((__m128i *)(void *)(p + at), bytes);
        found =
            _mm_or_si128(found, _mm_or_si128(_mm_cmpeq_epi8(bytes, lf), _mm_cmpeq_epi8(bytes, cr)));
        at += 16;
    }
    ends = _mm_movemask_epi8(found) != 0;
#endif
    for (; at < json.len; at++) {
        p[at] = json.ptr[at];
        ends |= p[at] == '\n' || p[at] == '\r';
    }
    if (ends)
        join_lines(p, p + json.len);
    return p + json.len;
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
        return envelope->data.len > 0 ? put_json(p, envelope->data) : PUT(p, "null");
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
        p = put_json(p, value);
        evd_buf_commit(out, (size_t)(p - evd_buf_tail(out)));
    }
    return rc < 0 || evd_json_scan_end(&scan) < 0 ? EVD_ERR_BAD_ENVELOPE : EVD_OK;
}

static int append_message(struct evd_buf *out, const struct evd_envelope *envelope,
                          const struct evd_codec *codec)
{
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

/* Nearly every message of a server: all of it is of known length. */
static int append_reply(struct evd_buf *out, const struct evd_envelope *envelope)
{
    const size_t frame = sizeof "{\"id\":18446744073709551615,\"data\":null}\n";
    size_t max = frame + envelope->id.text.len + envelope->data.len;
    int rc = evd_buf_reserve(out, max);
    if (rc < 0)
        return rc;
    char *start = evd_buf_tail(out);
    char *p = PUT(put_data(put_start(start, &envelope->id), envelope, true), "}\n");
    evd_buf_commit(out, (size_t)(p - start));
    return EVD_OK;
}

static int encode(struct evd_buf *out, const struct evd_envelope *envelope)
{
    const struct evd_codec *codec = envelope->codec != NULL ? envelope->codec : &evd_codec_json;
    if (envelope->kind == EVD_KIND_REPLY && codec->identity)
        return append_reply(out, envelope);
    size_t before = out->len;
    int rc = append_message(out, envelope, codec);
    if (rc < 0)
        evd_buf_truncate(out, before);
    return rc;
}

const struct evd_transport evd_transport_jsonl = {
    .name = "jsonl", .text = true, .sniff = sniff, .decode = decode, .encode = encode};
