#include "listener.h"

#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG       1024
#define ACCEPT_MAX    64            /* in one turn of the loop, so that the others are served too */
#define FINISH_MAX    (2 * BACKLOG) /* accepted from the queue before it is closed */
#define LOST_MAX      8             /* the same: that failed on their own */
#define PAUSE_SECONDS 0.1 /* when nobody can be accepted, nor refused by the spare descriptor */
#define EPISODE_NS    10000000000ull /* without a shortage: the next one is told again */

static int fail_errno(struct evd_error *ret_error, const struct evd_address *address,
                      const char *what)
{
    char text[160];
    return evd_error_set(ret_error, EVD_ERR_SYSTEM, "%s: %s: %s",
                         evd_format_address(address, text, sizeof text), what, strerror(errno));
}

/* A Unix socket's file stays when its server was killed. It is removed only when nobody answers. */
static void remove_stale(const struct evd_address *address)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)&address->addr;
    struct stat status;
    if (lstat(un->sun_path, &status) < 0 || !S_ISSOCK(status.st_mode))
        return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)un, address->len) < 0 && errno == ECONNREFUSED)
        (void)unlink(un->sun_path);
    (void)close(fd);
}

static bool short_of_descriptors(int error)
{
    return error == EMFILE || error == ENFILE;
}

static void remove_file(const struct evd_address *address)
{
    if (address->addr.ss_family == AF_UNIX)
        (void)unlink(((const struct sockaddr_un *)&address->addr)->sun_path);
}

void evd_listener_remove_name(struct evd_listener *listener)
{
    if (atomic_exchange(&listener->named, false))
        remove_file(&listener->bound);
}

/* One line an episode: it is over when nothing was short for a while. */
static void tell_shortage(struct evd_listener *listener)
{
    uint64_t now = evd_now_coarse();
    char text[200];
    if (listener->short_ns == 0 || now - listener->short_ns >= EPISODE_NS) {
        (void)snprintf(text, sizeof text,
                       "accepting fails: %s; new connections are refused or wait%s",
                       strerror(errno),
                       short_of_descriptors(errno)
                           ? " until there is room (ulimit -Hn, LimitNOFILE=, --max-connections)"
                           : ", which is tried again ten times a second");
        evd_log_write(listener->acceptor->config->log, EVD_LOG_WARNING, text);
    }
    listener->short_ns = now;
}

static int open_spare(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Nobody can be told that there is no descriptor for them without one: the spare is lent for that.
 * Returns whether a connection was refused. */
static bool shed(struct evd_listener *listener)
{
    static const char text[] = "{\"error\":{\"code\":\"busy\",\"message\":"
                               "\"The server is out of descriptors; try again later\"}}\n";
    if (listener->spare >= 0)
        (void)close(listener->spare);
    int fd = listener->spare < 0
                 ? -1
                 : accept4(listener->io.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        (void)!send(fd, text, sizeof text - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)close(fd);
        listener->acceptor->refused(listener->acceptor->context);
    }
    listener->spare = open_spare();
    return fd >= 0;
}

/* The socket stays readable: without a pause the loop would spin. */
static void pause_accepting(struct evd_listener *listener)
{
    struct ev_loop *loop = listener->acceptor->loop;
    ev_io_stop(loop, &listener->io);
    ev_timer_set(&listener->pause, PAUSE_SECONDS, 0.);
    ev_timer_start(loop, &listener->pause);
}

enum failure {
    NOBODY_WAITS,
    NEXT_ONE, /* that connection is lost, or a signal came: another may wait */
    REFUSED,  /* nobody can be let in, but one was told so */
    STUCK,    /* nobody can be let in, for a while */
};

/* What errno of accept4() means: accept(2). What is not named there is taken for lasting, as
 * EPERM is, by which a firewall or a policy refuses each call anew. */
static enum failure failure_of(struct evd_listener *listener)
{
    switch (errno) {
    case EAGAIN:
        return NOBODY_WAITS;
    case EINTR:
    case ECONNABORTED:
    case EPROTO: /* from here on: of the network, told by the connection they ended */
    case ENETDOWN:
    case ENETUNREACH:
    case ENONET:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
        return NEXT_ONE;
    case EMFILE: /* short_of_descriptors() */
    case ENFILE:
        tell_shortage(listener);
        return shed(listener) ? REFUSED : STUCK;
    default:
        tell_shortage(listener);
        return STUCK;
    }
}

static void accept_some(struct evd_listener *listener)
{
    /* Of a shared queue one at a time, so that who is awake does not take everything. */
    int max = listener->shared ? 1 : ACCEPT_MAX, accepted = 0, lost = 0, why = 0;
    for (int tries = 0; tries < ACCEPT_MAX && accepted < max && lost < LOST_MAX; tries++) {
        int fd = accept4(listener->io.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        enum failure failure = fd < 0 ? failure_of(listener) : NEXT_ONE;
        if (failure == NOBODY_WAITS)
            return;
        if (failure == STUCK) {
            pause_accepting(listener);
            return;
        }
        if (fd >= 0)
            listener->acceptor->accepted(listener->acceptor->context, fd,
                                         listener->bound.addr.ss_family != AF_UNIX);
        accepted += fd >= 0 || failure == REFUSED;
        if (fd < 0 && failure == NEXT_ONE && errno != EINTR) {
            why = errno;
            lost++;
        }
    }
    if (accepted == 0 && lost > 0) { /* nothing but losses: it may be something that lasts */
        errno = why;
        tell_shortage(listener);
        pause_accepting(listener);
    }
}

static void on_acceptable(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    struct evd_listener *listener = io->data;
    if (events & EV_ERROR) { /* the kernel would not watch it: later it may */
        pause_accepting(listener);
        return;
    }
    accept_some(listener);
    if (listener->spare < 0) /* it was lent, and another has taken its place meanwhile */
        listener->spare = open_spare();
}

static void on_pause_over(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)events;
    struct evd_listener *listener = timer->data;
    ev_io_start(loop, &listener->io);
}

enum sharing { ALONE, FIRST, JOINS };

static int prepare(int fd, const struct evd_address *address, enum sharing sharing,
                   struct evd_error *ret_error)
{
    int on = 1;
    bool tcp = address->addr.ss_family != AF_UNIX;
    if (tcp)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    else
        remove_stale(address);
    if (sharing == JOINS && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0)
        return fail_errno(ret_error, address, "SO_REUSEPORT");
    if (bind(fd, (const struct sockaddr *)&address->addr, address->len) < 0)
        return fail_errno(ret_error, address, "bind");
    /* The first binds without it: with it, a second server would share the port in silence. */
    if (sharing == FIRST && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0)
        return fail_errno(ret_error, address, "SO_REUSEPORT");
    if (listen(fd, BACKLOG) < 0) {
        int rc = fail_errno(ret_error, address, "listen");
        remove_file(address);
        return rc;
    }
    return EVD_OK;
}

static int set_congestion(int fd, const char *name, struct evd_error *ret_error)
{
    if (name != NULL &&
        setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strlen(name)) < 0)
        return evd_error_set(ret_error, EVD_ERR_USAGE,
                             "--tcp-congestion %s: %s; this system's are in "
                             "/proc/sys/net/ipv4/tcp_available_congestion_control",
                             name, strerror(errno));
    return EVD_OK;
}

static int init(struct evd_listener *listener, const struct evd_acceptor *acceptor, int fd,
                struct evd_error *ret_error)
{
    listener->acceptor = acceptor;
    listener->bound.len = sizeof listener->bound.addr;
    if (getsockname(fd, (struct sockaddr *)&listener->bound.addr, &listener->bound.len) < 0)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "getsockname: %s", strerror(errno));
    ev_io_init(&listener->io, on_acceptable, fd, EV_READ);
    ev_timer_init(&listener->pause, on_pause_over, PAUSE_SECONDS, 0.);
    listener->io.data = listener->pause.data = listener;
    listener->spare = open_spare();
    listener->open = true;
    return listener->bound.addr.ss_family == AF_UNIX
               ? EVD_OK
               : set_congestion(fd, acceptor->config->tcp_congestion, ret_error);
}

static int open_socket(struct evd_listener *listener, const struct evd_acceptor *acceptor,
                       const struct evd_address *address, enum sharing sharing,
                       struct evd_error *ret_error)
{
    int fd = socket(address->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fail_errno(ret_error, address, "socket");
    int rc = prepare(fd, address, sharing, ret_error);
    if (rc >= 0) {
        rc = init(listener, acceptor, fd, ret_error);
        if (!listener->open)
            remove_file(address);
        atomic_store(&listener->named, listener->open && address->addr.ss_family == AF_UNIX);
    }
    if (!listener->open)
        (void)close(fd);
    return rc;
}

int evd_listener_open(struct evd_listener *listener, const struct evd_acceptor *acceptor,
                      const struct evd_address *address, struct evd_error *ret_error)
{
    bool several = acceptor->config->workers > 1, tcp = address->addr.ss_family != AF_UNIX;
    int rc = open_socket(listener, acceptor, address, several && tcp ? FIRST : ALONE, ret_error);
    listener->shared = listener->open && several && !tcp;
    return rc;
}

int evd_listener_inherit(struct evd_listener *listener, const struct evd_acceptor *acceptor, int fd,
                         struct evd_error *ret_error)
{
    int type = 0, listens = 0;
    socklen_t len = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_STREAM ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) < 0 || listens == 0)
        return evd_error_set(ret_error, EVD_ERR_USAGE,
                             "the passed descriptor %d is not a listening stream socket "
                             "(ListenStream= with Accept=no)",
                             fd);
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    listener->inherited = true;
    listener->shared = acceptor->config->workers > 1;
    return init(listener, acceptor, fd, ret_error);
}

int evd_listener_join(struct evd_listener *listener, const struct evd_acceptor *acceptor,
                      const struct evd_listener *first, struct evd_error *ret_error)
{
    if (!first->shared)
        return open_socket(listener, acceptor, &first->bound, JOINS, ret_error);
    listener->shared = true;
    listener->inherited = first->inherited;
    return init(listener, acceptor, first->io.fd, ret_error);
}

/* An inherited one stays open as long as the process: as the manager has it open too, an epoll
 * would go on telling of it, under a number that has become another file's. */
static void close_socket(struct evd_listener *listener)
{
    if (listener->inherited)
        return;
    evd_listener_remove_name(listener); /* first, or it may be another server's by then */
    (void)close(listener->io.fd);
}

void evd_listener_start(struct evd_listener *listener)
{
    ev_io_start(listener->acceptor->loop, &listener->io);
}

void evd_listener_close(struct evd_listener *listener)
{
    if (!listener->open)
        return;
    ev_io_stop(listener->acceptor->loop, &listener->io);
    ev_timer_stop(listener->acceptor->loop, &listener->pause);
    if (listener->spare >= 0)
        (void)close(listener->spare);
    if (!listener->shared)
        close_socket(listener);
    listener->open = false;
}

void evd_listener_finish(struct evd_listener *listener)
{
    evd_listener_remove_name(listener); /* nobody can come behind the last in the queue */
    for (int i = 0; listener->open && !listener->inherited && i < FINISH_MAX; i++) {
        int fd = accept4(listener->io.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            listener->acceptor->accepted(listener->acceptor->context, fd,
                                         listener->bound.addr.ss_family != AF_UNIX);
        else if (errno != EINTR && errno != ECONNABORTED)
            break;
    }
    evd_listener_close(listener);
}

void evd_listener_close_shared(struct evd_listener *first)
{
    if (first->shared)
        close_socket(first);
    first->shared = false;
}
