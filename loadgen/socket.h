/* Sockets to the server: non-blocking, close-on-exec, TCP_NODELAY, TCP_CONGESTION as asked for. */
#ifndef LG_SOCKET_H
#define LG_SOCKET_H

#include "options.h"

/* Starts to connect; from the address of --source whose turn it is with `index`, the connection's
 * number. EVD_OK: connected. EVD_MORE: lg_socket_finish() will tell once *ret_fd is
 * writable; or, on a Unix socket whose backlog is full, nothing is under way and *ret_fd is -1: try
 * again later. EVD_ERR_SYSTEM in words; then there is no descriptor, and errno is EADDRNOTAVAIL
 * when the ports of the source ran out. */
int lg_socket_connect(const struct lg_run_options *options, unsigned index, int *ret_fd,
                      struct evd_error *ret_error);

/* The result of a connect that was under way: EVD_OK or EVD_ERR_SYSTEM. The descriptor stays open.
 */
int lg_socket_finish(int fd, struct evd_error *ret_error);

/* Connects, waiting for at most timeout_ns. EVD_OK, EVD_ERR_SYSTEM: "cannot connect to ...: why".
 */
int lg_socket_connect_wait(const struct lg_run_options *options, unsigned index,
                           uint64_t timeout_ns, int *ret_fd, struct evd_error *ret_error);

/* The congestion control in use, as the kernel tells it; "none" on a Unix socket. */
void lg_socket_congestion(int fd, char ret_name[LG_CONGESTION_MAX]);

/* ---- Bytes and their time stamps ----
 * All that a run reads and writes passes here. Never blocks. */

/* Asks the kernel for software time stamps of what `fd` receives and, where lg_socket_send() is
 * told so, of what it sends: SO_TIMESTAMPING, on a connected TCP socket over which nothing went
 * yet. EVD_ERR_SYSTEM in words: there are none. */
int lg_socket_stamping(int fd, struct evd_error *ret_error);

/* send(); errno on -1. `stamp`: the kernel is to stamp the last byte when it leaves. */
ssize_t lg_socket_send(int fd, struct evd_slice bytes, bool stamp);

/* recv(); errno on -1. ret_stamp_ns, if not NULL: when the last of these bytes came in, on
 * CLOCK_REALTIME, 0 where the kernel does not say. A read without it is cheaper. */
ssize_t lg_socket_recv(int fd, char *room, size_t len, uint64_t *ret_stamp_ns);

/* Takes one stamp of a send: which byte of the stream (from 0, modulo 2^32) left, and when, on
 * CLOCK_REALTIME. False: none is there. */
bool lg_socket_sent_stamp(int fd, uint32_t *ret_key, uint64_t *ret_stamp_ns);

/* Lets the process have `count` descriptors for connections. EVD_ERR_SYSTEM in words. */
int lg_socket_raise_limit(unsigned count, struct evd_error *ret_error);

#endif
