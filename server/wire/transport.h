/* Transports: how bytes become envelopes and back. State machines over bytes: no socket, no loop,
 * and both roles, so the server and the load generator read with the same code. */
#ifndef EVD_TRANSPORT_H
#define EVD_TRANSPORT_H

#include "envelope.h"

enum evd_role {
    EVD_ROLE_SERVER, /* reads calls, writes answers */
    EVD_ROLE_CLIENT, /* writes calls, reads answers */
};

struct evd_wire_limits {
    size_t max_frame; /* bytes of one message on the wire, all of them (header, line end): a larger
                         one is refused and skipped, and a buffer of this size is enough. > 0 */
    unsigned max_depth; /* of JSON */
};

#define EVD_MAX_FRAME_DEFAULT (1024 * 1024)

/* What has to be remembered between two calls of decode() while nothing of a message is held: all
 * that an idle connection costs. Transports add what they need. */
struct evd_decoder_state {
    const struct evd_transport *transport;
    uint64_t skip;  /* bytes of a refused message still to come, where the transport knows */
    size_t scanned; /* bytes of a partial message already looked at: none is read twice */
    bool broken;    /* after an error: the rest of the stream cannot be understood */
    bool skipping;  /* in the rest of a message that was refused */
};

/* One direction of one connection, or of several that take turns: who has many swaps `state`, and
 * what decode() gave out is valid until the next decode(). Init by evd_decoder_init(); owns no
 * memory. */
struct evd_decoder {
    struct evd_decoder_state state;
    struct evd_wire_limits limits;
    enum evd_role role;
    struct evd_error error;        /* of the last decode that returned < 0 */
    char event[EVD_EVENT_MAX + 1]; /* escapes undone; one byte longer than any valid event */
    char code[64], message[512];
};

void evd_decoder_init(struct evd_decoder *decoder, const struct evd_transport *transport,
                      enum evd_role role, const struct evd_wire_limits *limits);

struct evd_transport {
    const char *name;
    bool text;    /* envelopes are JSON: data is JSON text, see struct evd_envelope */
    bool ordered; /* no ids on the wire: answers come in the order of the calls */

    /* Whether a connection that starts with this byte speaks this transport. */
    bool (*sniff)(unsigned char first);

    /* Looks for one message at the start of `in`.
     * EVD_OK    a message: *ret_envelope is filled in; *ret_used bytes were it.
     * EVD_MORE  not whole yet; the first *ret_used bytes may be dropped (blank lines, the rest of a
     *           refused message) and the others must be given again with more behind them. Never
     *           returned when `eof`, except with in.len == *ret_used: nothing is left.
     * < 0       a bad message of *ret_used bytes, to be dropped; decoder->error in words,
     *           ret_envelope->id set if it was readable. Reading goes on behind it unless
     *           decoder->state.broken. A message over max_frame is reported once, as soon as that
     * is known, and its remaining bytes are dropped by later calls. `eof`: no byte will follow
     * `in`. */
    int (*decode)(struct evd_decoder *decoder, struct evd_slice in, bool eof, size_t *ret_used,
                  struct evd_envelope *ret_envelope);

    /* Appends one message. On a text transport with a codec other than json, envelope->data is
     * bytes, and is written as a JSON string. On an error *out is as it was: EVD_ERR_TOO_LARGE,
     * EVD_ERR_NO_MEMORY, or EVD_ERR_BAD_ENVELOPE for what cannot be carried (an id of text in a
     * binary frame; an envelope->envelope that is not a JSON object). */
    int (*encode)(struct evd_buf *out, const struct evd_envelope *envelope);
};

#define EVD_TRANSPORT(ident) extern const struct evd_transport evd_transport_##ident;
#include "transport.def"
#undef EVD_TRANSPORT

/* All of transport.def, in its order, ended by NULL. */
extern const struct evd_transport *const evd_transports[];

const struct evd_transport *evd_transport_by_name(struct evd_slice name);     /* or NULL */
const struct evd_transport *evd_transport_by_first(unsigned char first_byte); /* or NULL */

static inline int evd_decode(struct evd_decoder *decoder, struct evd_slice in, bool eof,
                             size_t *ret_used, struct evd_envelope *ret_envelope)
{
    return decoder->state.transport->decode(decoder, in, eof, ret_used, ret_envelope);
}

/* ---- The binary frame (docs/PROTOCOL.md). Integers are big-endian. ----
 *
 *   0       1       2       3       4               8               16      18      20
 *   magic   type    flags   codec   length          id              event   extra   event, extra,
 *   0xED                            (of all behind  (0 if flag 0    length  length  data
 *                                   the header)     is not set)
 *
 * type: 1 call, 2 reply, 3 error. flags: bit 0, the id is meant; the other bits are zero.
 * extra: a JSON object, the members a text envelope would have beside event and data; or nothing.
 * data: length - event length - extra length bytes. In an error, event is the code and data the
 * message, both UTF-8. */
#define EVD_FRAME_MAGIC  0xED
#define EVD_FRAME_HEADER 20
#define EVD_FRAME_CALL   1
#define EVD_FRAME_REPLY  2
#define EVD_FRAME_ERROR  3
#define EVD_FRAME_HAS_ID 0x01

#endif
