/* Sockets to the server: non-blocking, close-on-exec, TCP_NODELAY, TCP_CONGESTION as asked for. */
#ifndef LG_SOCKET_H
#define LG_SOCKET_H

#include "options.h"

/* Starts to connect. EVD_OK: connected. EVD_MORE: lg_socket_finish() will tell once *ret_fd is
 * writable; or, on a Unix socket whose backlog is full, nothing is under way and *ret_fd is -1: try
 * again later. EVD_ERR_SYSTEM in words; then there is no descriptor. */
int lg_socket_connect(const struct lg_run_options *options, int *ret_fd,
                      struct evd_error *ret_error);

/* The result of a connect that was under way: EVD_OK or EVD_ERR_SYSTEM. The descriptor stays open.
 */
int lg_socket_finish(int fd, struct evd_error *ret_error);

/* Connects, waiting for at most timeout_ns. EVD_OK, EVD_ERR_SYSTEM: "cannot connect to ...: why".
 */
int lg_socket_connect_wait(const struct lg_run_options *options, uint64_t timeout_ns, int *ret_fd,
                           struct evd_error *ret_error);

/* The congestion control in use, as the kernel tells it; "none" on a Unix socket. */
void lg_socket_congestion(int fd, char ret_name[LG_CONGESTION_MAX]);

/* Lets the process have `count` descriptors for connections. EVD_ERR_SYSTEM in words. */
int lg_socket_raise_limit(unsigned count, struct evd_error *ret_error);

#endif
