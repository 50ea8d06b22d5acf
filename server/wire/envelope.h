/* The envelope: one message on the wire, whatever carried it. */
#ifndef EVD_ENVELOPE_H
#define EVD_ENVELOPE_H

#include "codec.h"
#include "dispatch/json.h"

#define EVD_ID_MAX 64 /* bytes of an id as JSON text */

enum evd_kind {
    EVD_KIND_CALL,  /* client to server: id, event, data, envelope */
    EVD_KIND_REPLY, /* server to client: id, data */
    EVD_KIND_ERROR, /* server to client: id, code, message */
};

enum evd_id_kind {
    EVD_ID_NONE,
    EVD_ID_UINT, /* number */
    EVD_ID_TEXT, /* text: any JSON number or string, kept and sent back as it came */
};

struct evd_id {
    enum evd_id_kind kind;
    uint64_t number;
    struct evd_slice text; /* raw JSON, quotes included, at most EVD_ID_MAX bytes */
};

/* Every slice is borrowed: from the input of decode(), or from the decoder's scratch; valid until
 * the next decode() on the same decoder, or until the input moves. */
struct evd_envelope {
    enum evd_kind kind;
    struct evd_id id;
    const struct evd_codec *codec; /* never NULL after decode; NULL means json when encoding */
    struct evd_slice event;        /* CALL; may be empty, which the dispatch answers */
    /* As it stands on the wire: on a text transport the JSON text of the value (a string, quotes
     * included, unless the codec is json); on a binary one the bytes. When encoding: the same
     * after evd_envelope_encode(), which most callers use. */
    struct evd_slice data;
    struct evd_slice envelope;      /* CALL: the whole JSON object, or "" */
    struct evd_slice code, message; /* ERROR; UTF-8, not escaped; with escapes in them they are cut
                                       at the decoder's scratch, between two code points */
};

/* An envelope of this kind that says nothing yet, in JSON. Member by member: the same as an
 * initializer is a string instruction to compilers, which takes longer than all of decoding. */
static inline void evd_envelope_init(struct evd_envelope *envelope, enum evd_kind kind)
{
    envelope->kind = kind;
    envelope->id.kind = EVD_ID_NONE;
    envelope->id.number = 0;
    envelope->id.text = evd_slice(NULL, 0);
    envelope->codec = &evd_codec_json;
    envelope->event = evd_slice(NULL, 0);
    envelope->data = evd_slice(NULL, 0);
    envelope->envelope = evd_slice(NULL, 0);
    envelope->code = evd_slice(NULL, 0);
    envelope->message = evd_slice(NULL, 0);
}

struct evd_transport;
struct evd_decoder;

/* Scans one JSON object as an envelope: finds id, event, data, encoding (a call), or id and data,
 * or id and error (an answer). Validates all of it. Escapes in event, code, message are undone into
 * the decoder's scratch. A repeated member among these is refused (RFC 8259, 4: "unpredictable").
 * Members it doesn't know are left for the module. decoder->role is the reader's: a server reads
 * calls. An event longer than EVD_EVENT_MAX is never cut to one that fits: the dispatch refuses it.
 * \u0000 is refused in a call, but for its data (see dispatch/json.h).
 * EVD_ERR_BAD_ENVELOPE, EVD_ERR_BAD_ENCODING; decoder->error in words; ret_envelope->id is set if
 * the id could be read, so that the error can be matched to its call: wherever it stands in an
 * object, or before the spot where the JSON breaks. */
int evd_envelope_scan(struct evd_decoder *decoder, struct evd_slice text,
                      struct evd_envelope *ret_envelope);

/* The payload with its codec undone. Borrowed from the envelope where the codec changes nothing
 * (no copy), else decoded into *scratch (cleared first) and borrowed from there. No data on the
 * wire is an empty payload, whatever the codec.
 * EVD_ERR_BAD_DATA, EVD_ERR_TOO_LARGE, EVD_ERR_NO_MEMORY; *ret_error in words. */
static inline int evd_envelope_payload(const struct evd_envelope *envelope,
                                       const struct evd_transport *transport,
                                       struct evd_codec_context *context, struct evd_buf *scratch,
                                       struct evd_slice *ret_payload, struct evd_error *ret_error);

/* Appends the whole message to *out: `payload` through the envelope's codec, then the transport's
 * encode(). On an error *out is as it was. envelope->data is set, to what is written for the
 * payload. An error (EVD_KIND_ERROR) has no payload; for one, and where the codec changes nothing,
 * context may be NULL.
 * EVD_ERR_TOO_LARGE, EVD_ERR_NO_MEMORY, and EVD_ERR_BAD_ENVELOPE as of transport->encode(). */
int evd_envelope_encode(struct evd_envelope *envelope, const struct evd_transport *transport,
                        struct evd_codec_context *context, struct evd_slice payload,
                        struct evd_buf *out);

/* Whether data is the payload itself. */
static inline bool evd_envelope_is_plain(const struct evd_envelope *envelope)
{
    return envelope->codec == NULL || envelope->codec->identity;
}

/* evd_envelope_payload() of a codec that changes something. */
int evd_envelope_undo(const struct evd_envelope *envelope, const struct evd_transport *transport,
                      struct evd_codec_context *context, struct evd_buf *scratch,
                      struct evd_slice *ret_payload, struct evd_error *ret_error);

static inline int evd_envelope_payload(const struct evd_envelope *envelope,
                                       const struct evd_transport *transport,
                                       struct evd_codec_context *context, struct evd_buf *scratch,
                                       struct evd_slice *ret_payload, struct evd_error *ret_error)
{
    if (!evd_envelope_is_plain(envelope))
        return evd_envelope_undo(envelope, transport, context, scratch, ret_payload, ret_error);
    *ret_payload = evd_slice_same(&envelope->data);
    return EVD_OK;
}

/* ---- For transports: the members of envelope->envelope that are a module's own ---- */

/* Reads on to the next member that is not one of id, event, data and encoding: EVD_MORE, or
 * EVD_DONE behind the last. ret_key is the key's inside, ret_value the JSON text. *ret_own (may be
 * NULL) is set to the first of those four that was passed over. EVD_ERR_BAD_DATA: not JSON. */
int evd_envelope_next_extra(struct evd_json_scan *scan, struct evd_slice *ret_key,
                            struct evd_slice *ret_value, const char **ret_own);

#endif
