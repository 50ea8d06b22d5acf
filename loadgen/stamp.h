/* Wire latency: which of the kernel's time stamps belong to which request of a connection.
 *
 * The kernel stamps the last byte of a send (SO_TIMESTAMPING with OPT_ID: by its offset in the
 * stream, Documentation/networking/timestamping.rst) when it leaves TCP for the device, and what it
 * received when it came in. Asking costs more than the send itself, so only some sends are asked
 * for, and one at a time on a connection: a stamp is state of a fixed size, and no socket or clock
 * is touched here. */
#ifndef LG_STAMP_H
#define LG_STAMP_H

#include "rng.h"

#include <stdbool.h>
#include <stddef.h>

/* Of one connection. Zeroed: a new one, nothing sent. */
struct lg_stamp {
    enum { LG_STAMP_NONE, LG_STAMP_ASKED, LG_STAMP_TOLD } state;
    uint32_t sent;        /* bytes so far, modulo 2^32, as the kernel counts them */
    uint32_t key;         /* of the last byte of the send that was asked for */
    uint64_t first, last; /* the requests that end in that send */
    uint64_t tx_ns;       /* when it left */
};

/* `bytes` were sent and no stamp asked for. */
static inline void lg_stamp_sent(struct lg_stamp *stamp, size_t bytes)
{
    stamp->sent += (uint32_t)bytes;
}

/* `bytes` were sent with a stamp asked for. first <= last: the requests whose last bytes are among
 * them, the last byte of `last` being the last of all. 0: none, and the stamp will be of no use. */
void lg_stamp_asked(struct lg_stamp *stamp, size_t bytes, uint64_t first, uint64_t last);

/* The kernel's stamp of the byte `key`. False: it belongs to no request. */
bool lg_stamp_told(struct lg_stamp *stamp, uint32_t key, uint64_t tx_ns);

enum lg_stamp_verdict {
    LG_STAMP_OTHER, /* this request was not asked for */
    LG_STAMP_GOOD,
    LG_STAMP_LOST, /* it was, and a stamp is missing, or the clock was set meanwhile */
};

/* Request `number` was answered by bytes that came in at rx_ns, 0: not known. Both stamps are the
 * kernel's CLOCK_REALTIME, of which only the difference is used. That clock can be set; most_ns is
 * what the generator's own clock allows, from before the send to after the read. */
enum lg_stamp_verdict lg_stamp_answered(struct lg_stamp *stamp, uint64_t number, uint64_t rx_ns,
                                        uint64_t most_ns, uint64_t *ret_wire_ns);

/* ---- Which sends ---- */

/* Zeroed: none. */
struct lg_stamp_sampler {
    uint64_t one_in; /* 0: none */
    uint64_t left;   /* sends until the next that is asked for; 0: it is due */
    struct lg_rng rng;
};

/* One send in one_in, at gaps drawn uniformly, so that no pattern of the load is in step with it.
 */
void lg_stamp_sampler_init(struct lg_stamp_sampler *sampler, uint64_t one_in, uint64_t seed);

/* A send is about to be made; `free`: this connection could be asked. True: ask. Where it could
 * not, the next send that can is. */
bool lg_stamp_sample(struct lg_stamp_sampler *sampler, bool free);

#endif
