/* A stream of bytes through one transport, in both roles. */
#ifndef EVD_FUZZ_TRANSPORT_CHECK_H
#define EVD_FUZZ_TRANSPORT_CHECK_H

#include "server/wire/transport.h"

/* in: a byte of choices (bit 0: the role, bits 1 to 3: the limit of a message), a byte that seeds
 * the cuts, the stream. Whole, byte by byte and cut anywhere it must give the same messages, every
 * decode keeps to the contract of transport.h, and each message survives a round trip. */
void transport_check(const struct evd_transport *transport, struct evd_slice in);

#endif
