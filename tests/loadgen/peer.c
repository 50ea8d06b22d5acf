#include "peer.h"

#include "server/wire/args.h"
#include "tests/scratch.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONNS_MAX 64

struct peer_conn {
    int fd; /* -1: free */
    bool stalled;
    struct evd_decoder decoder;
    struct evd_buf in, out;
};

struct peer {
    struct peer_script script;
    pthread_t thread;
    int listener, stop;
    char address[TEST_SCRATCH_MAX + 8], path[TEST_SCRATCH_MAX];
    struct peer_conn conns[CONNS_MAX];
    struct evd_codec_context codecs;
    struct evd_buf scratch;
    uint64_t calls;
};

/* Never compiled out, unlike assert(). */
static void must(bool good, const char *what)
{
    if (!good) {
        perror(what);
        abort();
    }
}

static void close_conn(struct peer_conn *conn, bool reset)
{
    const struct linger linger = {.l_onoff = 1, .l_linger = 0};

    if (reset)
        setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    close(conn->fd);
    conn->fd = -1;
    evd_buf_release(&conn->in);
    evd_buf_release(&conn->out);
}

static void put(struct peer *peer, struct evd_buf *out, struct evd_envelope *reply,
                struct evd_slice payload)
{
    must(evd_envelope_encode(reply, peer->script.transport, &peer->codecs, payload, out) == EVD_OK,
         "encode");
}

static void put_error(struct peer *peer, struct evd_buf *out, struct evd_id id, const char *code)
{
    struct evd_envelope reply = {
        .kind = EVD_KIND_ERROR,
        .id = id,
        .code = evd_slice_text(code),
        .message = EVD_SLICE("as the script says"),
    };

    put(peer, out, &reply, EVD_SLICE(""));
}

/* The right answer, unless `action` says otherwise. */
static void answer(struct peer *peer, struct evd_buf *out, const struct evd_envelope *call,
                   enum peer_action action)
{
    struct evd_envelope reply = {.kind = EVD_KIND_REPLY, .id = call->id, .codec = call->codec};
    struct evd_slice payload = EVD_SLICE("\"online\"");
    char spaced[4096];

    if (evd_slice_equal(call->event, EVD_SLICE("api.test.board")))
        must(evd_envelope_payload(call, peer->script.transport, &peer->codecs, &peer->scratch,
                                  &payload, NULL) == EVD_OK,
             "payload");
    else if (!evd_slice_equal(call->event, EVD_SLICE("api.services.status")) &&
             action != PEER_REPLY) {
        put_error(peer, out, call->id, "no_such_function");
        return;
    }
    if (action == PEER_WRONG_ID)
        reply.id.number += 1000;
    if (action == PEER_NO_ID)
        reply.id.kind = EVD_ID_NONE;
    if (action == PEER_WRONG_DATA)
        payload = EVD_SLICE("{\"not\":\"this\"}");
    if (action == PEER_SPACED) {
        int len = snprintf(spaced, sizeof(spaced), "  %.*s ", (int)payload.len, payload.ptr);

        payload = evd_slice(spaced, (size_t)len);
    }
    put(peer, out, &reply, payload);
}

static void send_all(struct peer_conn *conn)
{
    while (conn->out.len > 0) {
        struct evd_slice out = evd_buf_slice(&conn->out);
        ssize_t n = send(conn->fd, out.ptr, out.len, MSG_NOSIGNAL);

        if (n <= 0) {
            evd_buf_clear(&conn->out); /* the client is gone; reading will tell */
            return;
        }
        evd_buf_drop(&conn->out, (size_t)n);
    }
}

static void wait_ms(long ms)
{
    const struct timespec time = {.tv_nsec = ms * 1000000};

    nanosleep(&time, NULL);
}

static void freeze_client(const struct peer_conn *conn)
{
    struct ucred client;
    socklen_t len = sizeof(client);
    int status;

    must(getsockopt(conn->fd, SOL_SOCKET, SO_PEERCRED, &client, &len) == 0, "who it is");
    must(kill(client.pid, SIGSTOP) == 0, "stop");
    must(waitpid(client.pid, &status, WUNTRACED) == client.pid && WIFSTOPPED(status), "stopped");
    wait_ms(PEER_FROZEN_MS);
    must(kill(client.pid, SIGCONT) == 0, "continue");
}

/* False: the connection has ended. */
static bool misbehave(struct peer *peer, struct peer_conn *conn, const struct evd_envelope *call,
                      enum peer_action action)
{
    size_t before = conn->out.len;

    switch (action) {
    case PEER_ERROR:
        put_error(peer, &conn->out, call->id, "internal");
        return true;
    case PEER_UNREADABLE:
        must(evd_buf_append(&conn->out, "{nonsense}\n", 11) == EVD_OK, "append");
        return true;
    case PEER_TWICE:
        answer(peer, &conn->out, call, PEER_ANSWER);
        answer(peer, &conn->out, call, PEER_ANSWER);
        return true;
    case PEER_HALF:
        answer(peer, &conn->out, call, PEER_ANSWER);
        evd_buf_truncate(&conn->out, before + (conn->out.len - before) / 2);
        send_all(conn);
        close_conn(conn, false);
        return false;
    case PEER_END:
        send_all(conn);
        close_conn(conn, false);
        return false;
    case PEER_REFUSE:
        close(peer->listener);
        peer->listener = -1;
        send_all(conn);
        close_conn(conn, true);
        return false;
    case PEER_RESET:
        send_all(conn);
        close_conn(conn, true);
        return false;
    case PEER_STALL:
        conn->stalled = true;
        return true;
    case PEER_INTERRUPT:
        kill(getpid(), SIGINT);
        answer(peer, &conn->out, call, PEER_ANSWER);
        return true;
    case PEER_PAUSE:
    case PEER_SLOW:
        wait_ms(action == PEER_SLOW ? PEER_SLOW_MS : PEER_FROZEN_MS);
        answer(peer, &conn->out, call, PEER_ANSWER);
        return true;
    case PEER_KILL:
        must(kill(peer->script.victim, SIGKILL) == 0, "kill");
        must(waitpid(peer->script.victim, NULL, 0) == peer->script.victim, "reap");
        answer(peer, &conn->out, call, PEER_ANSWER);
        return true;
    case PEER_FREEZE:
        freeze_client(conn);
        answer(peer, &conn->out, call, PEER_ANSWER);
        return true;
    default:
        answer(peer, &conn->out, call, action);
        return true;
    }
}

/* False: the connection has ended. */
static bool serve_calls(struct peer *peer, struct peer_conn *conn)
{
    struct evd_envelope call;
    size_t used;

    while (conn->in.len > 0 && !conn->stalled) {
        const struct peer_script *script = &peer->script;
        int rc = evd_decode(&conn->decoder, evd_buf_slice(&conn->in), false, &used, &call);

        must(rc >= 0, conn->decoder.error.text);
        if (rc == EVD_OK) {
            bool scripted =
                ++peer->calls >= script->first && peer->calls - script->first < script->count;

            if (!misbehave(peer, conn, &call, scripted ? script->action : PEER_ANSWER))
                return false;
        }
        evd_buf_drop(&conn->in, used);
        if (rc == EVD_MORE)
            break;
    }
    send_all(conn);
    return true;
}

static void serve(struct peer *peer, struct peer_conn *conn)
{
    ssize_t n;

    must(evd_buf_reserve(&conn->in, 65536) == EVD_OK, "reserve");
    n = recv(conn->fd, evd_buf_tail(&conn->in), evd_buf_room(&conn->in), 0);
    if (n <= 0) {
        close_conn(conn, false);
        return;
    }
    evd_buf_commit(&conn->in, (size_t)n);
    if (conn->stalled)
        evd_buf_clear(&conn->in);
    else
        serve_calls(peer, conn);
}

static void accept_one(struct peer *peer)
{
    const struct evd_wire_limits limits = {EVD_MAX_FRAME_DEFAULT, EVD_JSON_DEPTH_DEFAULT};
    int fd = accept(peer->listener, NULL, NULL);

    must(fd >= 0, "accept");
    for (int i = 0; i < CONNS_MAX; i++) {
        struct peer_conn *conn = &peer->conns[i];

        if (conn->fd >= 0)
            continue;
        conn->fd = fd;
        conn->stalled = false;
        evd_decoder_init(&conn->decoder, peer->script.transport, EVD_ROLE_SERVER, &limits);
        evd_buf_init(&conn->in, 16 * 1024 * 1024);
        evd_buf_init(&conn->out, 16 * 1024 * 1024);
        return;
    }
    must(false, "more connections than the peer has room for");
}

static void *peer_main(void *data)
{
    struct peer *peer = data;
    struct pollfd fds[CONNS_MAX + 2];
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    for (;;) {
        fds[0] = (struct pollfd){.fd = peer->stop, .events = POLLIN};
        fds[1] = (struct pollfd){.fd = peer->listener, .events = POLLIN};
        for (int i = 0; i < CONNS_MAX; i++)
            fds[i + 2] = (struct pollfd){.fd = peer->conns[i].fd, .events = POLLIN};
        must(poll(fds, CONNS_MAX + 2, -1) > 0, "poll");
        if (fds[0].revents != 0)
            return NULL;
        for (int i = 0; i < CONNS_MAX; i++)
            if (fds[i + 2].revents != 0)
                serve(peer, &peer->conns[i]);
        if (fds[1].revents & POLLIN && peer->listener >= 0)
            accept_one(peer);
    }
}

static void listen_on(struct peer *peer)
{
    struct evd_address address;
    struct evd_error error;

    if (peer->script.unix_socket) {
        test_scratch_file(peer->path);
        snprintf(peer->address, sizeof(peer->address), "unix://%s", peer->path);
    } else {
        strcpy(peer->address, "tcp://127.0.0.1:0");
    }
    must(evd_parse_address(peer->address, &address, &error) == EVD_OK, "address");
    peer->listener = socket(address.addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(peer->listener >= 0, "socket");
    must(bind(peer->listener, (struct sockaddr *)&address.addr, address.len) == 0, "bind");
    must(listen(peer->listener, 128) == 0, "listen");
    address.len = sizeof(address.addr);
    must(getsockname(peer->listener, (struct sockaddr *)&address.addr, &address.len) == 0, "name");
    if (!peer->script.unix_socket)
        evd_format_address(&address, peer->address, sizeof(peer->address));
}

struct peer *peer_start(const struct peer_script *script)
{
    struct peer *peer = calloc(1, sizeof(*peer));

    must(peer != NULL, "calloc");
    peer->script = *script;
    for (int i = 0; i < CONNS_MAX; i++)
        peer->conns[i].fd = -1;
    must(evd_codec_context_init(&peer->codecs, 16 * 1024 * 1024) == EVD_OK, "codecs");
    evd_buf_init(&peer->scratch, 16 * 1024 * 1024);
    listen_on(peer);
    peer->stop = eventfd(0, EFD_CLOEXEC);
    must(peer->stop >= 0, "eventfd");
    must(pthread_create(&peer->thread, NULL, peer_main, peer) == 0, "thread");
    return peer;
}

const char *peer_address(const struct peer *peer)
{
    return peer->address;
}

uint64_t peer_stop(struct peer *peer)
{
    uint64_t calls, one = 1;

    must(write(peer->stop, &one, sizeof(one)) == sizeof(one), "stop");
    pthread_join(peer->thread, NULL);
    calls = peer->calls;
    for (int i = 0; i < CONNS_MAX; i++)
        if (peer->conns[i].fd >= 0)
            close_conn(&peer->conns[i], false);
    if (peer->listener >= 0)
        close(peer->listener);
    close(peer->stop);
    if (peer->script.unix_socket) {
        unlink(peer->path);
    }
    evd_buf_release(&peer->scratch);
    evd_codec_context_release(&peer->codecs);
    free(peer);
    return calls;
}
