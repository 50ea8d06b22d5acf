/* Envelopes as JSON objects, and payloads in and out of their codecs. */
#include "envelope.h"

#include "transport.h"

#include <stdarg.h>
#include <stdio.h>

/* ---- The members that are ours ---- */

enum {
    ID = 1,
    EVENT = 2,
    DATA = 4,
    ENCODING = 8,
    ERROR = 16, /* in an answer */
    CODE = 32,  /* these two in an error */
    MESSAGE = 64,
};

static const struct {
    const char *name;
    int member;
} names[] = {
    {"id", ID},       {"event", EVENT}, {"data", DATA},       {"encoding", ENCODING},
    {"error", ERROR}, {"code", CODE},   {"message", MESSAGE},
};

#define NAME_COUNT (sizeof names / sizeof *names)
#define NAME_MAX   8 /* bytes of the longest */

/* By its length first, so that each comparison is one of numbers. */
static inline int member_named(struct evd_slice key)
{
#define IS(name) (memcmp(key.ptr, name, sizeof(name) - 1) == 0)
    switch (key.len) {
    case 2:
        return IS("id") ? ID : 0;
    case 4:
        return IS("data") ? DATA : IS("code") ? CODE : 0;
    case 5:
        return IS("event") ? EVENT : IS("error") ? ERROR : 0;
    case 7:
        return IS("message") ? MESSAGE : 0;
    case 8:
        return IS("encoding") ? ENCODING : 0;
    default:
        return 0;
    }
#undef IS
}

static const char *name_of(int member)
{
    for (size_t i = 0; i < NAME_COUNT; i++)
        if (names[i].member == member)
            return names[i].name;
    return "";
}

/* Which of `members` the key names, or 0. A key may be written with escapes: they are undone, so
 * that a repeated one cannot hide. */
static int member_of(struct evd_slice key, int members)
{
    int member = member_named(key) & members;
    if (member != 0 || key.len == 0 || memchr(key.ptr, '\\', key.len) == NULL)
        return member;
    char plain[NAME_MAX + 1];
    int64_t len = evd_json_unescape(key, plain, sizeof plain);
    return len < 0 ? 0 : member_named(evd_slice(plain, (size_t)len)) & members;
}

/* ---- Reading ---- */

struct reader {
    struct evd_decoder *decoder;
    struct evd_envelope *envelope;
    struct evd_json_scan scan;
    int members; /* the ones to look for */
    int seen;
    enum evd_json_type data_type;
    int rc; /* of the first member that was refused */
};

/* The first error is the one to report; what is behind it is read for the id alone. */
static void refuse(struct reader *reader, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void refuse(struct reader *reader, int status, const char *format, ...)
{
    char text[sizeof reader->decoder->error.text];
    if (reader->rc < 0)
        return;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    reader->rc = evd_error_set(&reader->decoder->error, status, "%s", text);
}

static struct evd_slice inside_of(struct evd_slice string)
{
    return evd_slice(string.ptr + 1, string.len - 2);
}

/* The most of text[0..max) that does not end within a code point. */
static int cut_len(struct evd_slice text, size_t max)
{
    size_t len = text.len;
    if (len > max)
        for (len = max; len > 0 && ((unsigned char)text.ptr[len] & 0xC0) == 0x80; len--)
            ;
    return (int)len;
}

/* An unsigned integer as a program prints it: what comes back is the same text. */
static bool read_uint(struct evd_slice text, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)(text.ptr[i] - '0');
        if (digit > 9 || value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *ret_value = value;
    return true;
}

static void read_id(struct reader *reader, enum evd_json_type type, struct evd_slice value)
{
    struct evd_id *id = &reader->envelope->id;
    if (type == EVD_JSON_NULL)
        return;
    if (type != EVD_JSON_NUMBER && type != EVD_JSON_STRING)
        refuse(reader, EVD_ERR_BAD_ENVELOPE, "id must be a number, a string or null, not %s",
               evd_json_type_text(type));
    else if (value.len > EVD_ID_MAX)
        refuse(reader, EVD_ERR_BAD_ENVELOPE, "id must have at most %d bytes, not %zu", EVD_ID_MAX,
               value.len);
    else if (type == EVD_JSON_NUMBER && read_uint(value, &id->number))
        id->kind = EVD_ID_UINT;
    else {
        id->kind = EVD_ID_TEXT;
        id->text = value;
    }
}

/* A string without its quotes and escapes; in `scratch` where it had any, at most `cap` bytes. */
static struct evd_slice read_string(struct evd_slice value, char *scratch, size_t cap)
{
    struct evd_slice inside = inside_of(value);
    if (inside.len == 0 || memchr(inside.ptr, '\\', inside.len) == NULL)
        return inside;
    int64_t len = evd_json_unescape(inside, scratch, cap);
    return evd_slice(scratch, len >= 0 ? (size_t)len : cap);
}

/* The same, for people: what does not fit is left out. */
static struct evd_slice read_text(struct evd_slice value, char *scratch, size_t cap)
{
    struct evd_slice text = read_string(value, scratch, cap);
    while (text.len == cap && text.ptr[text.len - 1] == '\0')
        cap = --text.len;
    return text;
}

static bool must_be_string(struct reader *reader, int member, enum evd_json_type type)
{
    if (type == EVD_JSON_STRING)
        return true;
    refuse(reader, member == ENCODING ? EVD_ERR_BAD_ENCODING : EVD_ERR_BAD_ENVELOPE,
           "%s must be a string, not %s", name_of(member), evd_json_type_text(type));
    return false;
}

/* "json, base64, gzip or base64+gzip", of codec.def */
static void list_codecs(char *out, size_t cap)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; evd_codecs[i] != NULL && used < cap; i++) {
        const char *before = i == 0 ? "" : evd_codecs[i + 1] == NULL ? " or " : ", ";
        int len = snprintf(out + used, cap - used, "%s%s", before, evd_codecs[i]->name);
        used += len > 0 ? (size_t)len : 0;
    }
}

static void read_encoding(struct reader *reader, struct evd_slice value)
{
    char plain[32], list[128];
    const struct evd_codec *codec = evd_codec_by_name(read_string(value, plain, sizeof plain));
    if (codec != NULL) {
        reader->envelope->codec = codec;
        return;
    }
    struct evd_slice inside = inside_of(value);
    list_codecs(list, sizeof list);
    refuse(reader, EVD_ERR_BAD_ENCODING, "encoding must be %s, not \"%.*s\"", list,
           cut_len(inside, 48), inside.ptr);
}

static void read_error(struct reader *reader, enum evd_json_type type, struct evd_slice value);

/* One member of ours. */
static void read_member(struct reader *reader, int member, enum evd_json_type type,
                        struct evd_slice value)
{
    struct evd_decoder *decoder = reader->decoder;
    struct evd_envelope *envelope = reader->envelope;
    if ((reader->seen & member) != 0) {
        refuse(reader, EVD_ERR_BAD_ENVELOPE, "%s is there twice", name_of(member));
        return;
    }
    reader->seen |= member;
    switch (member) {
    case ID:
        read_id(reader, type, value);
        break;
    case EVENT:
        if (must_be_string(reader, member, type))
            envelope->event = read_string(value, decoder->event, sizeof decoder->event);
        break;
    case DATA:
        envelope->data = value;
        reader->data_type = type;
        break;
    case ENCODING:
        if (must_be_string(reader, member, type))
            read_encoding(reader, value);
        break;
    case ERROR:
        envelope->kind = EVD_KIND_ERROR;
        read_error(reader, type, value);
        break;
    case CODE:
        if (must_be_string(reader, member, type))
            envelope->code = read_text(value, decoder->code, sizeof decoder->code);
        break;
    case MESSAGE:
        if (must_be_string(reader, member, type))
            envelope->message = read_text(value, decoder->message, sizeof decoder->message);
        break;
    }
}

/* All members of the object the scan has entered. EVD_OK, or EVD_ERR_BAD_DATA: not JSON. */
static int read_members(struct reader *reader)
{
    struct evd_json_scan *scan = &reader->scan;
    int rc = EVD_MORE;
    while (rc == EVD_MORE) {
        struct evd_slice key, value;
        enum evd_json_type type;
        scan->nul = NULL;
        rc = evd_json_scan_member(scan, &key, &type, &value);
        if (rc != EVD_MORE)
            break;
        int member = member_of(key, reader->members);
        if (member != 0)
            read_member(reader, member, type, value);
        if (scan->nul != NULL && member != DATA && reader->decoder->role == EVD_ROLE_SERVER)
            refuse(reader, EVD_ERR_BAD_ENVELOPE,
                   "JSON not supported: \\u0000 outside of data at byte %zu",
                   (size_t)(scan->nul - scan->start));
    }
    return rc;
}

static void read_error(struct reader *reader, enum evd_json_type type, struct evd_slice value)
{
    if (type != EVD_JSON_OBJECT) {
        refuse(reader, EVD_ERR_BAD_ENVELOPE, "error must be an object, not %s",
               evd_json_type_text(type));
        return;
    }
    struct reader inner = {.decoder = reader->decoder,
                           .envelope = reader->envelope,
                           .members = CODE | MESSAGE,
                           .rc = reader->rc};
    evd_json_scan_init(&inner.scan, value, reader->decoder->limits.max_depth);
    /* The outer scan has validated it: neither can fail. */
    if (evd_json_scan_object(&inner.scan) == EVD_OK)
        (void)read_members(&inner);
    reader->rc = inner.rc;
    if ((inner.seen & CODE) == 0)
        refuse(reader, EVD_ERR_BAD_ENVELOPE, "error must have a code");
}

static void check_whole(struct reader *reader)
{
    struct evd_envelope *envelope = reader->envelope;
    int answer = reader->seen & (DATA | ERROR);
    if (reader->decoder->role == EVD_ROLE_CLIENT && answer != DATA && answer != ERROR)
        refuse(reader, EVD_ERR_BAD_ENVELOPE, "an answer must have either data or error");
    if ((reader->seen & DATA) != 0 && !envelope->codec->identity &&
        reader->data_type != EVD_JSON_STRING)
        refuse(reader, EVD_ERR_BAD_ENVELOPE, "data must be a string where encoding is %s, not %s",
               envelope->codec->name, evd_json_type_text(reader->data_type));
}

/* What should be an object does not start as one. */
static int not_an_object(struct evd_json_scan *scan, struct evd_error *error)
{
    unsigned char c = scan->pos < scan->end ? (unsigned char)*scan->pos : '{';
    if (c == '{') /* empty, or a limit of 0 */
        return evd_json_scan_error(scan, EVD_ERR_BAD_ENVELOPE, error);
    if (c > ' ' && c < 0x7F)
        return evd_error_set(error, EVD_ERR_BAD_ENVELOPE,
                             "a message must be a JSON object: it must start with '{', not '%c'",
                             c);
    return evd_error_set(error, EVD_ERR_BAD_ENVELOPE,
                         "a message must be a JSON object: it must start with '{', not byte 0x%02X",
                         c);
}

int evd_envelope_scan(struct evd_decoder *decoder, struct evd_slice text,
                      struct evd_envelope *ret_envelope)
{
    bool call = decoder->role == EVD_ROLE_SERVER;
    evd_envelope_init(ret_envelope, call ? EVD_KIND_CALL : EVD_KIND_REPLY);
    if (call)
        ret_envelope->envelope = text;
    struct reader reader = {.decoder = decoder,
                            .envelope = ret_envelope,
                            .members = ID | DATA | ENCODING | (call ? EVENT : ERROR)};
    struct evd_json_scan *scan = &reader.scan;
    evd_json_scan_init(scan, text, decoder->limits.max_depth);
    if (evd_json_scan_object(scan) < 0)
        return not_an_object(scan, &decoder->error);
    if (read_members(&reader) < 0 || evd_json_scan_end(scan) < 0)
        return evd_json_scan_error(scan, EVD_ERR_BAD_ENVELOPE, &decoder->error);
    check_whole(&reader);
    return reader.rc;
}

int evd_envelope_next_extra(struct evd_json_scan *scan, struct evd_slice *ret_key,
                            struct evd_slice *ret_value, const char **ret_own)
{
    for (;;) {
        int rc = evd_json_scan_member(scan, ret_key, NULL, ret_value);
        int own = rc == EVD_MORE ? member_of(*ret_key, ID | EVENT | DATA | ENCODING) : 0;
        if (own == 0)
            return rc;
        if (ret_own != NULL && *ret_own == NULL)
            *ret_own = name_of(own);
    }
}

/* ---- Payloads ---- */

/* The bytes that a JSON string carries: its own where it has neither escapes nor more than ASCII,
 * else in context->wire. */
static int string_bytes(struct evd_slice value, struct evd_codec_context *context,
                        struct evd_slice *ret_bytes, struct evd_error *ret_error)
{
    struct evd_slice inside = inside_of(value);
    unsigned char high = 0;
    for (size_t i = 0; i < inside.len; i++)
        high |= (unsigned char)inside.ptr[i];
    *ret_bytes = inside;
    if (inside.len == 0 || (high < 0x80 && memchr(inside.ptr, '\\', inside.len) == NULL))
        return EVD_OK;

    struct evd_buf *wire = &context->wire;
    evd_buf_clear(wire);
    int rc = evd_buf_reserve(wire, inside.len);
    if (rc < 0)
        return evd_error_set(ret_error, rc, "data has %zu bytes in its encoding: %s", inside.len,
                             evd_status_text(rc));
    int64_t len = evd_json_unescape_bytes(inside, evd_buf_tail(wire), inside.len);
    if (len < 0)
        return evd_error_set(ret_error, EVD_ERR_BAD_DATA,
                             "data has a character above U+00FF: in this encoding each is a byte");
    evd_buf_commit(wire, (size_t)len);
    *ret_bytes = evd_buf_slice(wire);
    return EVD_OK;
}

int evd_envelope_undo(const struct evd_envelope *envelope, const struct evd_transport *transport,
                      struct evd_codec_context *context, struct evd_buf *scratch,
                      struct evd_slice *ret_payload, struct evd_error *ret_error)
{
    const struct evd_codec *codec = envelope->codec;
    struct evd_slice data = envelope->data;
    if (transport->text && data.len > 0) {
        if (data.len < 2 || data.ptr[0] != '"')
            return evd_error_set(ret_error, EVD_ERR_BAD_DATA,
                                 "data must be a string where encoding is %s", codec->name);
        int rc = string_bytes(data, context, &data, ret_error);
        if (rc < 0)
            return rc;
    }
    if (data.len == 0) {
        *ret_payload = data;
        return EVD_OK;
    }
    evd_buf_clear(scratch);
    int rc = codec->decode(context, data, scratch, ret_error);
    if (rc < 0)
        return rc;
    *ret_payload = evd_buf_slice(scratch);
    return EVD_OK;
}

static int encode_coded(struct evd_envelope *envelope, const struct evd_transport *transport,
                        struct evd_codec_context *context, struct evd_slice payload,
                        struct evd_buf *out)
{
    evd_buf_clear(&context->wire);
    int rc = envelope->codec->encode(context, payload, &context->wire);
    if (rc < 0)
        return rc;
    envelope->data = evd_buf_slice(&context->wire);
    return transport->encode(out, envelope);
}

int evd_envelope_encode(struct evd_envelope *envelope, const struct evd_transport *transport,
                        struct evd_codec_context *context, struct evd_slice payload,
                        struct evd_buf *out)
{
    if (envelope->kind != EVD_KIND_ERROR && !evd_envelope_is_plain(envelope))
        return encode_coded(envelope, transport, context, payload, out);
    envelope->data = payload;
    return transport->encode(out, envelope);
}
