#include "transport_check.h"

#include "fuzz.h"
#include "round_trip.h"

/* What came out, as one number: FNV-1a (RFC 9923) over everything that a reader can see. */
struct trace {
    uint64_t hash;
    size_t messages;
};

static void note(struct trace *trace, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < len; i++)
        trace->hash = (trace->hash ^ p[i]) * 0x100000001b3u;
    trace->hash = (trace->hash ^ len) * 0x100000001b3u;
}

static void note_slice(struct trace *trace, struct evd_slice slice)
{
    note(trace, slice.ptr, slice.len);
}

static void note_envelope(struct trace *trace, int rc, const struct evd_decoder *decoder,
                          const struct evd_envelope *envelope)
{
    note(trace, &rc, sizeof rc);
    note(trace, &envelope->id.kind, sizeof envelope->id.kind);
    note(trace, &envelope->id.number, sizeof envelope->id.number);
    note_slice(trace, envelope->id.text);
    trace->messages++;
    if (rc < 0) {
        note_slice(trace, evd_slice_text(decoder->error.text));
        return;
    }
    note(trace, &envelope->kind, sizeof envelope->kind);
    note(trace, &envelope->codec->number, 1);
    note_slice(trace, envelope->event);
    note_slice(trace, envelope->data);
    note_slice(trace, envelope->envelope);
    note_slice(trace, envelope->code);
    note_slice(trace, envelope->message);
}

/* One decode, of a copy that ends where the bytes end. */
static int decode(struct trace *trace, struct evd_decoder *decoder, struct evd_slice given,
                  bool eof, size_t *ret_used, bool again)
{
    struct evd_envelope envelope = {0};
    char *copy = fuzz_copy(given);
    *ret_used = SIZE_MAX;
    int rc = evd_decode(decoder, evd_slice(copy, given.len), eof, ret_used, &envelope);
    FUZZ_CHECK(*ret_used <= given.len);
    if (rc == EVD_MORE) {
        FUZZ_CHECK(!eof || *ret_used == given.len);
    } else {
        FUZZ_CHECK(*ret_used > 0 && *ret_used <= decoder->limits.max_frame + given.len);
        FUZZ_CHECK(rc == EVD_OK ||
                   (rc < 0 && decoder->error.status == rc && decoder->error.text[0] != '\0'));
        note_envelope(trace, rc, decoder, &envelope);
    }
    if (rc == EVD_OK && again)
        round_trip(&envelope, decoder->state.transport, decoder->state.transport, decoder->role);
    free(copy);
    return rc;
}

/* step: bytes of a piece; 0: of any length, by `seed`. */
static struct trace run(const struct evd_transport *transport, enum evd_role role,
                        const struct evd_wire_limits *limits, struct evd_slice in, size_t step,
                        uint64_t seed)
{
    struct trace trace = {.hash = 0xcbf29ce484222325u};
    struct evd_decoder decoder;
    size_t from = 0, to = 0;
    evd_decoder_init(&decoder, transport, role, limits);
    do {
        size_t left = in.len - to, most = step > 0 ? step : 1 + fuzz_below(&seed, 64);
        to += left < most ? left : most;
        size_t used;
        int rc;
        do {
            struct evd_slice given = evd_slice(in.ptr + from, to - from);
            rc = decode(&trace, &decoder, given, to == in.len, &used, step == in.len);
            from += used;
        } while (rc != EVD_MORE);
        FUZZ_CHECK(to - from < limits->max_frame); /* a buffer of that size is enough */
    } while (to < in.len);
    FUZZ_CHECK(from == in.len);
    return trace;
}

void transport_check(const struct evd_transport *transport, struct evd_slice in)
{
    unsigned choices = fuzz_byte(&in);
    uint64_t seed = fuzz_byte(&in);
    enum evd_role role = (choices & 1) != 0 ? EVD_ROLE_CLIENT : EVD_ROLE_SERVER;
    const struct evd_wire_limits limits = {
        .max_frame = (size_t)32 << (choices >> 1 & 7), /* 32 to 4,096 */
        .max_depth = 8,
    };
    struct trace whole = run(transport, role, &limits, in, in.len, 0);
    struct trace bytes = run(transport, role, &limits, in, 1, 0);
    struct trace pieces = run(transport, role, &limits, in, 0, seed);
    FUZZ_CHECK(whole.messages == bytes.messages && whole.messages == pieces.messages);
    FUZZ_CHECK(whole.hash == bytes.hash && whole.hash == pieces.hash);
}
