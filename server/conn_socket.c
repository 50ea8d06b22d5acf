/* The only file that reads or writes accepted sockets. */
#include "conn.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* Sends what it can of buf. EVD_OK: all; EVD_MORE: the socket is full; EVD_ERR_SYSTEM: it is dead.
 */
static int send_some(struct evd_conn *conn, struct evd_buf *buf)
{
    while (buf->len > 0) {
        struct evd_slice data = evd_buf_slice(buf);
        ssize_t sent = send(conn->fd, data.ptr, data.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK ? EVD_MORE : EVD_ERR_SYSTEM;
        evd_count(&conn->worker->measure.metrics->bytes_out, (size_t)sent);
        evd_buf_drop(buf, (size_t)sent);
    }
    return EVD_OK;
}

int evd_conn_flush(struct evd_conn *conn)
{
    struct evd_buf *tx = &conn->worker->tx;
    size_t before = conn->out.len + tx->len;
    int rc = send_some(conn, &conn->out);

    if (rc == EVD_OK) {
        evd_buf_release(&conn->out);
        rc = send_some(conn, tx);
    }
    if (rc == EVD_MORE && tx->len > 0 && evd_buf_append_slice(&conn->out, evd_buf_slice(tx)) < 0)
        rc = EVD_ERR_NO_MEMORY;
    if (rc != EVD_OK && rc != EVD_MORE)
        before = 0;
    if (before > conn->out.len)
        conn->moved_out = true;
    evd_trace_written(&conn->worker->trace, rc == EVD_OK);
    evd_buf_clear(tx);
    if (tx->cap > EVD_TX_KEEP)
        evd_buf_release(tx);
    return rc;
}

/* How much of a read may go behind a partial message. What comes beside it, in a whole `rx`, has to
 * find room behind that: a peer may have sent any amount meanwhile, and has done nothing wrong. */
static size_t room_behind(const struct evd_buf *in, const struct evd_buf *rx)
{
    size_t held = in->len + evd_buf_room(rx), room = evd_buf_room(in);
    size_t most = in->max > held ? in->max - held : 0;
    return room < most ? room : most;
}

int evd_conn_receive(struct evd_conn *conn)
{
    struct evd_buf *rx = &conn->worker->rx, *in = &conn->in;
    if (evd_buf_reserve(rx, EVD_RX_SIZE) < 0)
        return EVD_ERR_NO_MEMORY;
    size_t room = in->len > 0 ? room_behind(in, rx) : 0;
    struct iovec parts[] = {{.iov_len = room}, {evd_buf_tail(rx), evd_buf_room(rx)}};
    if (room > 0)
        parts[0].iov_base = evd_buf_tail(in);
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t got;
    do {
        got = room == 0 ? recv(conn->fd, parts[1].iov_base, parts[1].iov_len, MSG_DONTWAIT)
                        : recvmsg(conn->fd, &message, MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? EVD_MORE : EVD_ERR_SYSTEM;
    struct evd_metrics *metrics = conn->worker->measure.metrics;
    evd_count(&metrics->reads, got > 0); /* the end brings none */
    evd_count(&metrics->bytes_in, (size_t)got);
    if (conn->worker->trace.held != NULL)
        conn->received_ns = evd_metrics_now();
    conn->eof = got == 0;
    conn->moved_in = true;
    size_t count = (size_t)got, first = count < room ? count : room;
    evd_buf_commit(in, first);
    evd_buf_commit(rx, count - first);
    if (in->len == 0 || rx->len == 0)
        return EVD_OK;
    int rc = evd_buf_append_slice(in, evd_buf_slice(rx));
    evd_buf_clear(rx);
    return rc;
}

void evd_conn_reset(struct evd_conn *conn)
{
    const struct linger reset = {.l_onoff = 1};
    (void)setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}
