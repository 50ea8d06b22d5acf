/* Envelopes by payload size, both ways, on each transport; and the scan that validates JSON. */
#include "suite.h"

#include "dispatch/json.h"
#include "loadgen/payloads.h"
#include "server/wire/transport.h"

#include <stdlib.h>

#define MESSAGE_MAX ((size_t)1024 * 1024)

struct envelope_case {
    const struct evd_transport *transport;
    size_t size; /* of the payload */
};

static struct evd_envelope call_of(const char *payload, size_t size)
{
    return (struct evd_envelope){.kind = EVD_KIND_CALL,
                                 .id = {.kind = EVD_ID_UINT, .number = 1234567},
                                 .codec = &evd_codec_json,
                                 .event = EVD_SLICE("api.pull_request.opened"),
                                 .data = evd_slice(payload, size)};
}

static void decode(struct evd_bench *bench, void *arg)
{
    const struct envelope_case *which = arg;
    const struct evd_wire_limits limits = {MESSAGE_MAX, EVD_JSON_DEPTH_DEFAULT};
    struct evd_decoder *decoder = malloc(sizeof *decoder);
    char *payload = bench_json_make(which->size);
    struct evd_envelope call = call_of(payload, which->size), found;
    struct evd_buf wire;
    size_t used;

    evd_buf_init(&wire, MESSAGE_MAX);
    if (decoder == NULL || payload == NULL || which->transport->encode(&wire, &call) < 0) {
        evd_bench_fail(bench, "the message cannot be made");
    } else {
        evd_decoder_init(decoder, which->transport, EVD_ROLE_SERVER, &limits);
        while (evd_bench_next(bench)) {
            if (evd_decode(decoder, evd_buf_slice(&wire), false, &used, &found) != EVD_OK ||
                found.data.len != which->size) {
                evd_bench_fail(bench, "the message is not read as it was written");
                break;
            }
            evd_bench_use(&found);
        }
    }
    evd_bench_bytes(bench, (int64_t)which->size);
    evd_buf_release(&wire);
    free(payload);
    free(decoder);
}

static void encode(struct evd_bench *bench, void *arg)
{
    const struct envelope_case *which = arg;
    char *payload = bench_json_make(which->size);
    struct evd_envelope reply = call_of(payload, which->size);
    struct evd_buf wire;

    reply.kind = EVD_KIND_REPLY;
    reply.event = (struct evd_slice){0};
    evd_buf_init(&wire, MESSAGE_MAX);
    if (payload == NULL)
        evd_bench_fail(bench, "out of memory");
    while (payload != NULL && evd_bench_next(bench)) {
        evd_buf_clear(&wire);
        if (evd_envelope_encode(&reply, which->transport, NULL, reply.data, &wire) < 0) {
            evd_bench_fail(bench, "the answer cannot be written");
            break;
        }
        evd_bench_use(wire.ptr);
    }
    evd_bench_bytes(bench, (int64_t)which->size);
    evd_buf_release(&wire);
    free(payload);
}

static void scan(struct evd_bench *bench, void *arg)
{
    const size_t *size = arg;
    char *payload = bench_json_make(*size);
    if (payload == NULL)
        evd_bench_fail(bench, "out of memory");
    while (payload != NULL && evd_bench_next(bench)) {
        if (evd_json_validate(evd_slice(payload, *size), EVD_JSON_DEPTH_DEFAULT, NULL) < 0) {
            evd_bench_fail(bench, "the payload is refused");
            break;
        }
    }
    evd_bench_bytes(bench, (int64_t)*size);
    free(payload);
}

/* One iteration is all of them. */
static void scan_webhooks(struct evd_bench *bench, void *arg)
{
    const struct lg_payloads *const *webhooks = arg;
    const struct lg_payloads *payloads = *webhooks;
    int64_t bytes = 0;
    for (size_t i = 0; i < payloads->count; i++)
        bytes += (int64_t)payloads->items[i].len;
    while (evd_bench_next(bench)) {
        int rc = EVD_OK;
        for (size_t i = 0; i < payloads->count && rc >= 0; i++)
            rc = evd_json_validate(evd_slice(payloads->items[i].json, payloads->items[i].len),
                                   EVD_JSON_DEPTH_DEFAULT, NULL);
        if (rc < 0) {
            evd_bench_fail(bench, "a payload is refused");
            break;
        }
    }
    evd_bench_bytes(bench, bytes);
}

void bench_add_envelopes(struct bench_suite *suite)
{
    static const size_t sizes[] = {64, 1024, 8 * 1024, 64 * 1024};
    char text[16];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        (void)bench_size_text(sizes[i], text);
        for (size_t t = 0; evd_transports[t] != NULL; t++) {
            struct envelope_case which = {evd_transports[t], sizes[i]};
            const char *name = which.transport->name;
            bench_add(suite, decode, &which, sizeof which, "envelope/%s/decode/size:%s", name,
                      text);
            bench_add(suite, encode, &which, sizeof which, "envelope/%s/encode/size:%s", name,
                      text);
        }
        bench_add(suite, scan, &sizes[i], sizeof *sizes, "scan/object/size:%s", text);
    }
    bench_add(suite, scan_webhooks, &suite->webhooks, sizeof suite->webhooks, "scan/webhooks");
}
