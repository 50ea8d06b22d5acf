/* Listening sockets, TCP and Unix. */
#ifndef EVD_LISTENER_H
#define EVD_LISTENER_H

#include "config.h"

#include "server/wire/args.h"

#include <ev.h>
#include <stdatomic.h>
#include <stdbool.h>

/* Where connections come in: of all listeners of a worker. */
struct evd_acceptor {
    struct ev_loop *loop;
    const struct evd_server_config *config;
    void (*accepted)(void *context, int fd, bool is_tcp); /* owns fd from then on */
    void (*refused)(void *context); /* a connection was, for want of descriptors */
    void *context;
};

struct evd_listener {
    ev_io io;
    ev_timer pause; /* while descriptors are out */
    const struct evd_acceptor *acceptor;
    struct evd_address bound; /* with the port that the kernel chose */
    bool open;
    bool shared;       /* other workers accept from the same descriptor, which is not this one's */
    atomic_bool named; /* a Unix socket's file is this one's to remove; the main thread may, too */
    bool inherited;    /* it was passed by the service manager, and outlives this process */
    int spare;         /* a descriptor to refuse a connection with when there is no other; or -1 */
    uint64_t short_ns; /* when descriptors were last short; 0: never */
};

/* Binds and listens for the first worker; nothing is accepted before evd_listener_start(). A Unix
 * socket that nobody listens on any more is replaced. An address in use is refused, whoever uses
 * it; `workers` others of this process may then join. EVD_ERR_SYSTEM, *ret_error names the address
 * and the reason. */
int evd_listener_open(struct evd_listener *listener, const struct evd_acceptor *acceptor,
                      const struct evd_address *address, struct evd_error *ret_error);

/* Takes over a listening socket that was passed to the process (systemd.h). EVD_ERR_USAGE for one
 * that does not listen, or not for streams. */
int evd_listener_inherit(struct evd_listener *listener, const struct evd_acceptor *acceptor, int fd,
                         struct evd_error *ret_error);

/* Listens beside `first`, of the first worker: on a TCP socket of its own, between which the kernel
 * spreads connections (SO_REUSEPORT); on the same descriptor where there is no such thing. */
int evd_listener_join(struct evd_listener *listener, const struct evd_acceptor *acceptor,
                      const struct evd_listener *first, struct evd_error *ret_error);

void evd_listener_start(struct evd_listener *listener);

/* Removes a Unix socket's file, accepts what waits in the queue, as closing would reset it, then
 * closes as below. The queue of an inherited socket is left to who listens next. */
void evd_listener_finish(struct evd_listener *listener);

/* Stops accepting; removes a Unix socket's file. What is shared or inherited stays open. May be
 * called twice. */
void evd_listener_close(struct evd_listener *listener);

/* Removes a Unix socket's file, unless that is done or is another's to do. Any thread. */
void evd_listener_remove_name(struct evd_listener *listener);

/* Closes a shared descriptor, once no worker accepts from it any more. May be called twice. */
void evd_listener_close_shared(struct evd_listener *first);

#endif
