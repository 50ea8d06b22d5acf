/* Listening sockets, TCP and Unix. */
#ifndef EVD_LISTENER_H
#define EVD_LISTENER_H

#include "server/wire/args.h"

#include <ev.h>
#include <stdbool.h>

struct evd_worker;

struct evd_listener {
    ev_io io;
    ev_timer pause; /* while descriptors are out */
    struct evd_worker *worker;
    struct evd_address bound; /* with the port that the kernel chose */
    bool open;
    int spare;         /* a descriptor to refuse a connection with when there is no other; or -1 */
    uint64_t short_ns; /* when descriptors were last short; 0: never */
    uint64_t refused;  /* connections, for want of descriptors */
};

/* Binds and listens; nothing is accepted before evd_listener_start(). tcp_congestion may be NULL.
 * A Unix socket that nobody listens on any more is replaced. EVD_ERR_SYSTEM, *ret_error names the
 * address and the reason. */
int evd_listener_open(struct evd_listener *listener, struct evd_worker *worker,
                      const struct evd_address *address, const char *tcp_congestion,
                      struct evd_error *ret_error);
void evd_listener_start(struct evd_listener *listener);

/* Stops accepting; removes a Unix socket's file. May be called twice. */
void evd_listener_close(struct evd_listener *listener);

#endif
