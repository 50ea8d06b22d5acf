/* wire_count ARM COUNT: answers a fixed number of calls, as a connection does between its read and
 * its write: decode, dispatch, encode. For callgrind to count the instructions of
 * count_dispatches(). See instructions.sh. */
#include "dispatch/dispatch.h"
#include "dispatch/names.h"
#include "evd_version.h"
#include "server/wire/transport.h"

#include <stdio.h>
#include <stdlib.h>

#define SEED          20261123u
#define CALLS_MAX     100000000ul
#define MESSAGE_BYTES 64
#define BATCH         16 /* messages of one read */

/* The linker puts this in the place of dispatch's own (--wrap): it draws nothing. */
void __wrap_evd_names_init(struct evd_names *names, size_t value_size);
void __wrap_evd_names_init(struct evd_names *names, size_t value_size)
{
    evd_names_init_seeded(names, value_size, SEED);
}

static int board(void *state, struct evd_call *call)
{
    (void)state;
    return evd_reply(call, evd_data(call));
}

static const struct evd_function functions[] = {{"board", board}};

EVD_MODULE(test, EVD_FUNCTIONS(functions));

struct connection {
    struct evd_sink sink; /* first: one's address is the other's */
    const struct evd_transport *transport;
    struct evd_decoder decoder;
    struct evd_envelope envelope;
    struct evd_flight flight;
    struct evd_buf payload, out;
};

static int take_reply(struct evd_sink *sink, struct evd_slice json)
{
    struct connection *conn = (struct connection *)sink;
    struct evd_envelope reply;
    evd_envelope_init(&reply, EVD_KIND_REPLY);
    reply.id = conn->envelope.id;
    reply.codec = conn->envelope.codec;
    return evd_envelope_encode(&reply, conn->transport, NULL, json, &conn->out);
}

static int take_failure(struct evd_sink *sink, struct evd_slice code, struct evd_slice message)
{
    (void)sink;
    (void)code;
    (void)message;
    return EVD_ERR_INTERNAL;
}

static int answer(struct connection *conn, struct evd_dispatch *dispatch, struct evd_slice in,
                  size_t *ret_used)
{
    struct evd_error error;
    int rc = evd_decode(&conn->decoder, in, false, ret_used, &conn->envelope);
    if (rc != EVD_OK)
        return EVD_ERR_INTERNAL;
    struct evd_message message = {.event = conn->envelope.event,
                                  .envelope = conn->envelope.envelope};
    rc = evd_envelope_payload(&conn->envelope, conn->transport, NULL, &conn->payload, &message.data,
                              &error);
    return rc < 0 ? rc : evd_dispatch_call(dispatch, &message, &conn->sink, &conn->flight);
}

/* Its name is what instructions.sh tells callgrind. */
__attribute__((noinline)) static int count_dispatches(struct connection *conn,
                                                      struct evd_dispatch *dispatch,
                                                      struct evd_slice batch, unsigned long count)
{
    int rc = EVD_OK;
    size_t pos = 0;
    for (unsigned long i = 0; i < count && rc >= 0; i++) {
        size_t used = 0;
        rc = answer(conn, dispatch, evd_slice(batch.ptr + pos, batch.len - pos), &used);
        pos += used;
        if (pos == batch.len) {
            pos = 0;
            evd_buf_clear(&conn->out);
        }
    }
    return rc;
}

/* BATCH calls of MESSAGE_BYTES each, the data being a JSON string as long as it takes. */
static int make_batch(const struct evd_transport *transport, struct evd_buf *ret_batch)
{
    char text[MESSAGE_BYTES] = "\"";
    struct evd_envelope call;
    evd_envelope_init(&call, EVD_KIND_CALL);
    call.id = (struct evd_id){EVD_ID_UINT, 7, {0}};
    call.event = EVD_SLICE("api.test.board");
    evd_buf_init(ret_batch, EVD_MAX_FRAME_DEFAULT);
    for (size_t len = 2; len < sizeof text; len++) {
        memset(text + 1, 'x', len - 2);
        text[len - 1] = '"';
        evd_buf_clear(ret_batch);
        int rc = evd_envelope_encode(&call, transport, NULL, evd_slice(text, len), ret_batch);
        if (rc < 0)
            return rc;
        if (ret_batch->len < MESSAGE_BYTES)
            continue;
        for (size_t i = 1; rc >= 0 && i < BATCH; i++)
            rc = evd_envelope_encode(&call, transport, NULL, evd_slice(text, len), ret_batch);
        return rc < 0 || ret_batch->len != (size_t)BATCH * MESSAGE_BYTES ? EVD_ERR_INTERNAL
                                                                         : EVD_OK;
    }
    return EVD_ERR_INTERNAL;
}

static int run(const struct evd_transport *transport, unsigned long count)
{
    struct evd_builtin builtin = {"api.test", &evd_module_test};
    struct evd_dispatch_config config = {
        .backend = "static", .builtins = &builtin, .builtin_count = 1};
    struct evd_wire_limits limits = {.max_frame = EVD_MAX_FRAME_DEFAULT,
                                     .max_depth = EVD_JSON_DEPTH_DEFAULT};
    struct connection conn = {.sink = {.reply = take_reply, .fail = take_failure},
                              .transport = transport};
    struct evd_dispatch *dispatch = NULL;
    struct evd_buf batch;
    struct evd_error error = {.text = "not every call was answered"};

    evd_decoder_init(&conn.decoder, transport, EVD_ROLE_SERVER, &limits);
    evd_buf_init(&conn.payload, EVD_MAX_FRAME_DEFAULT);
    evd_buf_init(&conn.out, EVD_MAX_FRAME_DEFAULT);
    int rc = make_batch(transport, &batch);
    if (rc >= 0)
        rc = evd_dispatch_open(&config, &dispatch, &error);
    if (rc >= 0)
        rc = count_dispatches(&conn, dispatch, evd_buf_slice(&batch), count);
    if (rc < 0)
        fprintf(stderr, "wire_count: %s\n", error.text);
    evd_dispatch_close(dispatch);
    evd_buf_release(&conn.payload);
    evd_buf_release(&conn.out);
    evd_buf_release(&batch);
    return rc < 0 ? 1 : 0;
}

static void help(FILE *out)
{
    fputs("usage: wire_count ARM COUNT\n"
          "       wire_count --compiler\n"
          "ARM is one of:\n",
          out);
    for (size_t i = 0; evd_transports[i] != NULL; i++)
        fprintf(out, "  wire-%s\n", evd_transports[i]->name);
}

int main(int argc, char **argv)
{
    unsigned long count = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    if (argc == 2 && strcmp(argv[1], "--compiler") == 0)
        return puts(EVD_COMPILER) < 0;
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return help(stdout), 0;
    if (count > 0 && count <= CALLS_MAX && strncmp(argv[1], "wire-", 5) == 0) {
        const struct evd_transport *transport = evd_transport_by_name(evd_slice_text(argv[1] + 5));
        if (transport != NULL)
            return run(transport, count);
    }
    help(stderr);
    return 2;
}
