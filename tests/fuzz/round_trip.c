#include "round_trip.h"

#include "fuzz.h"
#include "grammar.h"

#define DECODED_MAX 65536

struct room {
    struct evd_codec_context codecs;
    struct evd_buf payload, again, out;
};

static struct room *room(void)
{
    static struct room room;
    if (room.codecs.gzip == NULL) {
        FUZZ_CHECK(evd_codec_context_init(&room.codecs, DECODED_MAX) == EVD_OK);
        evd_buf_init(&room.payload, DECODED_MAX);
        evd_buf_init(&room.again, DECODED_MAX);
        evd_buf_init(&room.out, 8 * DECODED_MAX);
    }
    return &room;
}

static void check_same(const struct evd_envelope *a, const struct evd_envelope *b)
{
    FUZZ_CHECK(a->kind == b->kind);
    FUZZ_CHECK(a->id.kind == b->id.kind && a->id.number == b->id.number);
    FUZZ_CHECK(evd_slice_equal(a->id.text, b->id.text));
    FUZZ_CHECK(evd_slice_equal(a->event, b->event));
    FUZZ_CHECK(evd_slice_equal(a->code, b->code));
    FUZZ_CHECK(evd_slice_equal(a->message, b->message));
}

/* Line ends within JSON are written as spaces by a transport of lines. */
static bool same_payload(struct evd_slice before, struct evd_slice after, bool joined)
{
    if (before.len != after.len)
        return false;
    for (size_t i = 0; i < before.len; i++) {
        bool end = before.ptr[i] == '\n' || before.ptr[i] == '\r';
        if (after.ptr[i] != (joined && end ? ' ' : before.ptr[i]))
            return false;
    }
    return true;
}

/* Codecs are not named in a reply of a text transport: the reader knows what it asked for. */
static void read_again(const struct evd_envelope *envelope, const struct evd_transport *transport,
                       enum evd_role role, struct evd_slice payload)
{
    const struct evd_wire_limits limits = {.max_frame = 8 * DECODED_MAX,
                                           .max_depth = EVD_JSON_DEPTH_MAX};
    struct room *r = room();
    struct evd_decoder decoder;
    struct evd_envelope again;
    struct evd_error error = {0};
    struct evd_slice wire = evd_buf_slice(&r->out), second;
    size_t used = 0;
    evd_decoder_init(&decoder, transport, role, &limits);
    char *copy = fuzz_copy(wire);
    FUZZ_CHECK(evd_decode(&decoder, evd_slice(copy, wire.len), false, &used, &again) == EVD_OK);
    FUZZ_CHECK(used == wire.len);
    check_same(envelope, &again);
    if (envelope->kind == EVD_KIND_REPLY)
        again.codec = envelope->codec;
    FUZZ_CHECK(envelope->kind == EVD_KIND_ERROR || again.codec == envelope->codec);
    if (envelope->kind != EVD_KIND_ERROR) {
        int rc = evd_envelope_payload(&again, transport, &r->codecs, &r->again, &second, &error);
        FUZZ_CHECK(rc == EVD_OK);
        bool json = transport->text && envelope->codec->identity;
        bool null = payload.len == 0 && json;
        FUZZ_CHECK(same_payload(payload, second, json) ||
                   (null && evd_slice_equal(second, EVD_SLICE("null"))));
    }
    free(copy);
}

void round_trip(const struct evd_envelope *envelope, const struct evd_transport *from,
                const struct evd_transport *to, enum evd_role role)
{
    struct room *r = room();
    struct evd_error error = {0};
    struct evd_slice payload = {0};
    evd_buf_clear(&r->out);
    /* One that is too long was cut; it is not a name either way. */
    if (envelope->event.len > EVD_EVENT_MAX)
        return;
    if (envelope->kind != EVD_KIND_ERROR) {
        int rc = evd_envelope_payload(envelope, from, &r->codecs, &r->payload, &payload, &error);
        FUZZ_CHECK(rc >= 0 || (error.status == rc && error.text[0] != '\0'));
        if (rc < 0)
            return;
    }
    /* A frame's text is read as it is, and written as UTF-8. */
    if (!grammar_is_utf8(envelope->code) || !grammar_is_utf8(envelope->message))
        return;
    struct evd_envelope written = *envelope;
    FUZZ_CHECK(evd_envelope_encode(&written, to, &r->codecs, payload, &r->out) == EVD_OK);
    read_again(envelope, to, role, payload);
}
