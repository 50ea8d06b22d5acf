/* A client's reading of HTTP: a byte that seeds the cuts, then the bytes of a server. */
#include "fuzz.h"

#include "server/wire/http_get.h"

static const struct evd_wire_limits limits = {.max_frame = 768, .max_depth = 4};

struct trace {
    uint64_t hash; /* FNV-1a of all that a reader can see */
    size_t answers;
    bool broken;
};

static void note(struct trace *trace, struct evd_slice slice)
{
    for (size_t i = 0; i < slice.len; i++)
        trace->hash = (trace->hash ^ (unsigned char)slice.ptr[i]) * 0x100000001b3u;
    trace->hash = (trace->hash ^ slice.len) * 0x100000001b3u;
}

static void check_answer(struct trace *trace, const struct evd_envelope *answer, size_t used)
{
    FUZZ_CHECK(answer->id.kind == EVD_ID_NONE && used > 0);
    FUZZ_CHECK(answer->data.len <= limits.max_frame);
    if (answer->kind == EVD_KIND_REPLY) {
        note(trace, answer->data);
    } else {
        FUZZ_CHECK(answer->kind == EVD_KIND_ERROR && answer->code.len == 3);
        FUZZ_CHECK(answer->code.ptr[0] >= '3' && answer->code.ptr[0] <= '9');
        note(trace, answer->code);
        note(trace, answer->message);
    }
    trace->answers++;
}

static int decode(struct trace *trace, struct evd_decoder *decoder, struct evd_slice given,
                  bool eof, size_t *ret_used)
{
    struct evd_envelope answer;
    char *copy = fuzz_copy(given);
    *ret_used = SIZE_MAX;
    int rc = evd_decode(decoder, evd_slice(copy, given.len), eof, ret_used, &answer);
    FUZZ_CHECK(*ret_used <= given.len);
    if (rc == EVD_OK) {
        check_answer(trace, &answer, *ret_used);
    } else if (rc < 0) {
        FUZZ_CHECK(rc == EVD_ERR_BAD_PROTOCOL || rc == EVD_ERR_TOO_LARGE);
        FUZZ_CHECK(decoder->state.broken && decoder->error.text[0] != '\0');
        trace->broken = true;
    } else {
        FUZZ_CHECK(rc == EVD_MORE && (!eof || *ret_used == given.len));
    }
    free(copy);
    return rc;
}

/* step: bytes of a piece; 0: of any length. */
static struct trace run(struct evd_slice in, size_t step, uint64_t seed)
{
    struct trace trace = {.hash = 0xcbf29ce484222325u};
    struct evd_decoder decoder;
    size_t from = 0, to = 0;
    evd_decoder_init(&decoder, &evd_transport_http_get, EVD_ROLE_CLIENT, &limits);
    do {
        size_t left = in.len - to, most = step > 0 ? step : 1 + fuzz_below(&seed, 64);
        to += left < most ? left : most;
        size_t used;
        int rc;
        do {
            rc = decode(&trace, &decoder, evd_slice(in.ptr + from, to - from), to == in.len, &used);
            from += used;
            if (rc < 0)
                return trace;
        } while (rc != EVD_MORE);
        FUZZ_CHECK(to - from <= limits.max_frame); /* what has to be kept */
    } while (to < in.len);
    return trace;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct evd_slice in = fuzz_input(data, size);
    uint64_t seed = fuzz_byte(&in);
    struct trace whole = run(in, in.len, 0), bytes = run(in, 1, 0), pieces = run(in, 0, seed);
    FUZZ_CHECK(whole.answers == bytes.answers && whole.answers == pieces.answers);
    FUZZ_CHECK(whole.broken == bytes.broken && whole.broken == pieces.broken);
    FUZZ_CHECK(whole.hash == bytes.hash && whole.hash == pieces.hash);
    return 0;
}
