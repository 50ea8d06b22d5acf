/* evd-echo: the least that a server on libev can do: one recv, one send of the same bytes. What
 * evd-server is held against (roofline.c): the sockets, the buffer size and the loop are those of
 * server/conn.c, and nothing is read into the bytes.
 *
 *   evd-echo [CONGESTION]     prints "listening on tcp://127.0.0.1:PORT", ends on SIGTERM */
#include <errno.h>
#include <ev.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM (64 * 1024) /* EVD_RX_SIZE of the server */

struct client {
    ev_io io;
    size_t from, len; /* what could not be sent yet, at shared + from, moved to own */
    char *own;        /* ROOM bytes while len > 0, else NULL */
};

static void end(struct ev_loop *loop, struct client *client)
{
    ev_io_stop(loop, &client->io);
    (void)close(client->io.fd);
    free(client->own);
    free(client);
}

static void turn(struct ev_loop *loop, struct client *client, int events)
{
    ev_io_stop(loop, &client->io);
    ev_io_modify(&client->io, events);
    ev_io_start(loop, &client->io);
}

/* The rest of a batch for which there was no room. Nothing is read meanwhile. */
static void send_rest(struct ev_loop *loop, struct client *client)
{
    ssize_t sent =
        send(client->io.fd, client->own + client->from, client->len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
        if (errno != EAGAIN && errno != EINTR)
            end(loop, client);
        return;
    }
    client->from += (size_t)sent;
    client->len -= (size_t)sent;
    if (client->len == 0) {
        free(client->own);
        client->own = NULL;
        turn(loop, client, EV_READ);
    }
}

static void keep_rest(struct ev_loop *loop, struct client *client, const char *rest, size_t len)
{
    client->own = malloc(ROOM);
    if (client->own == NULL) {
        end(loop, client);
        return;
    }
    memcpy(client->own, rest, len);
    client->from = 0;
    client->len = len;
    turn(loop, client, EV_WRITE);
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
    struct client *client = io->data;
    char *shared = ev_userdata(loop);
    if (events & EV_WRITE) {
        send_rest(loop, client);
        return;
    }
    ssize_t got = recv(io->fd, shared, ROOM, MSG_DONTWAIT);
    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR))
            end(loop, client);
        return;
    }
    ssize_t sent = send(io->fd, shared, (size_t)got, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN && errno != EINTR)
        end(loop, client);
    else if (sent < got)
        keep_rest(loop, client, shared + (sent < 0 ? 0 : sent),
                  (size_t)(sent < 0 ? got : got - sent));
}

static void on_accept(struct ev_loop *loop, ev_io *io, int events)
{
    (void)events;
    int on = 1;
    int fd = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct client *client = fd < 0 ? NULL : calloc(1, sizeof *client);
    if (client == NULL) {
        if (fd >= 0)
            (void)close(fd);
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ev_io_init(&client->io, on_io, fd, EV_READ);
    client->io.data = client;
    ev_io_start(loop, &client->io);
}

static void on_term(struct ev_loop *loop, ev_signal *signal, int events)
{
    (void)signal;
    (void)events;
    ev_break(loop, EVBREAK_ALL);
}

static int open_listener(const char *congestion, unsigned *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if ((congestion != NULL && setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion,
                                          (socklen_t)strlen(congestion)) < 0) ||
        bind(fd, (struct sockaddr *)&address, len) < 0 || listen(fd, 1024) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) < 0) {
        (void)close(fd);
        return -1;
    }
    *ret_port = ntohs(address.sin_port);
    return fd;
}

int main(int argc, char **argv)
{
    unsigned port;
    ev_io accepting;
    ev_signal term;
    char *shared = malloc(ROOM);
    int fd = open_listener(argc > 1 ? argv[1] : NULL, &port);
    struct ev_loop *loop = ev_default_loop(0);
    if (shared == NULL || fd < 0 || loop == NULL) {
        perror("evd-echo");
        return 1;
    }
    ev_set_userdata(loop, shared);
    ev_io_init(&accepting, on_accept, fd, EV_READ);
    ev_io_start(loop, &accepting);
    ev_signal_init(&term, on_term, SIGTERM);
    ev_signal_start(loop, &term);
    (void)printf("listening on tcp://127.0.0.1:%u\n", port);
    (void)fflush(stdout);
    (void)ev_run(loop, 0);
    free(shared);
    return 0;
}
