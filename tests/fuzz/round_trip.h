/* A message that was read is written and read again. */
#ifndef EVD_FUZZ_ROUND_TRIP_H
#define EVD_FUZZ_ROUND_TRIP_H

#include "server/wire/transport.h"

/* `envelope` came from `from`; it is written by `to`, and must read as the same. */
void round_trip(const struct evd_envelope *envelope, const struct evd_transport *from,
                const struct evd_transport *to, enum evd_role role);

#endif
