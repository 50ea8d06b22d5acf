/* A client that asks one thing over one connection, as fast as the answers come. */
#ifndef LG_EDIT_CLIENT_H
#define LG_EDIT_CLIENT_H

#include "dispatch/status.h"

#include <stddef.h>

/* Connects to "tcp://...", blocking. */
int lg_client_open(const char *address, int *ret_fd, struct evd_error *ret_error);

/* Asks once, as a JSON line, and gives back the answer's line without its end. EVD_ERR_SYSTEM when
 * the connection ends, or nothing comes for ten seconds. */
int lg_client_ask(int fd, const char *event, char *ret_answer, size_t cap,
                  struct evd_error *ret_error);

#endif
