#include "surplus.h"

#include "clock.h"

#include "server/wire/envelope.h"
#include "server/wire/http.h"
#include "server/wire/transport.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MAX 1024
#define DROP_SIZE  4096 /* bytes of input that are dropped at a time */
#define TLS_HELLO  0x16 /* a TLS record of a handshake: nobody there could read an answer */

/* ---- What is said. ---- */

static int put_http(struct evd_slice text, struct evd_buf *out)
{
    const struct evd_http_request request = {.method = EVD_SLICE("GET")};
    const struct evd_http_response response = {
        .status = 503,
        .body = text,
        .request = &request,
        .close = true,
        .date = time(NULL),
    };
    return evd_http_encode(out, &response);
}

static int put_error(const struct evd_surplus *surplus, const struct evd_transport *transport,
                     struct evd_slice text, struct evd_buf *out)
{
    struct evd_envelope envelope;
    evd_envelope_init(&envelope, EVD_KIND_ERROR);
    envelope.code = evd_slice_text(evd_status_code(EVD_ERR_BUSY));
    envelope.message = text;
    return evd_envelope_encode(&envelope, transport, surplus->codecs, (struct evd_slice){0}, out);
}

/* Once, as far as the empty buffer of its socket goes: it has room for all of it. */
static void tell(const struct evd_surplus *surplus, int fd, unsigned char first)
{
    char text[160];
    struct evd_buf out;
    const struct evd_transport *transport = evd_transport_by_first(first);
    evd_buf_init(&out, ANSWER_MAX);
    int len = snprintf(text, sizeof text,
                       "%zu connections are open, no more are allowed (--max-connections)",
                       surplus->max_connections);
    struct evd_slice message = evd_slice(text, (size_t)len);
    int rc =
        evd_http_sniff(first)
            ? put_http(message, &out)
            : put_error(surplus, transport != NULL ? transport : evd_transports[0], message, &out);
    if (rc >= 0)
        (void)!send(fd, evd_buf_slice(&out).ptr, out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    evd_buf_release(&out);
}

/* ---- Who is held. ---- */

static void end(struct evd_surplus *surplus, struct evd_surplus_conn *conn)
{
    ev_io_stop(surplus->loop, &conn->io);
    (void)close(conn->io.fd);
    conn->since_ns = 0;
    surplus->count--;
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    (void)events;
    struct evd_surplus *surplus = io->data;
    struct evd_surplus_conn *conn = (struct evd_surplus_conn *)io;
    unsigned char dropped[DROP_SIZE];
    ssize_t got = recv(io->fd, dropped, sizeof dropped, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return; /* also where the kernel would not watch it: its time runs out */
    bool says_nothing = got <= 0 || (!conn->told && dropped[0] == TLS_HELLO);
    if (says_nothing) {
        end(surplus, conn);
        return;
    }
    if (conn->told)
        return;
    tell(surplus, io->fd, dropped[0]);
    (void)shutdown(io->fd, SHUT_WR);
    conn->told = true;
}

void evd_surplus_init(struct evd_surplus *surplus, struct ev_loop *loop,
                      struct evd_codec_context *codecs, size_t max_connections)
{
    *surplus = (struct evd_surplus){
        .loop = loop,
        .codecs = codecs,
        .max_connections = max_connections,
    };
}

void evd_surplus_take(struct evd_surplus *surplus, int fd)
{
    if (surplus->count == EVD_SURPLUS_MAX) {
        tell(surplus, fd, '{');
        (void)close(fd);
        return;
    }
    struct evd_surplus_conn *conn = surplus->list;
    while (conn->since_ns != 0)
        conn++;
    *conn = (struct evd_surplus_conn){.since_ns = evd_now_coarse()};
    ev_io_init(&conn->io, on_readable, fd, EV_READ);
    conn->io.data = surplus;
    ev_io_start(surplus->loop, &conn->io);
    surplus->count++;
}

void evd_surplus_sweep(struct evd_surplus *surplus, uint64_t now_ns)
{
    struct evd_surplus_conn *conn = surplus->list;
    for (size_t i = 0; i < EVD_SURPLUS_MAX && surplus->count > 0; i++, conn++) {
        if (conn->since_ns == 0 || now_ns - conn->since_ns < EVD_SURPLUS_NS)
            continue;
        if (!conn->told)
            tell(surplus, conn->io.fd, '{');
        end(surplus, conn);
    }
}

void evd_surplus_close(struct evd_surplus *surplus)
{
    for (size_t i = 0; i < EVD_SURPLUS_MAX && surplus->count > 0; i++)
        if (surplus->list[i].since_ns != 0)
            end(surplus, &surplus->list[i]);
}
