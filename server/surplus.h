/* Connections beyond --max-connections: told so in the protocol that their first byte shows.
 *
 * A worker holds at most EVD_SURPLUS_MAX of them for that, each at most EVD_SURPLUS_NS and a sweep;
 * whoever is one more is told at once, in a line of JSON, as is who says nothing. They own no
 * buffer, and nothing that they send is looked at behind its first byte. */
#ifndef EVD_SURPLUS_H
#define EVD_SURPLUS_H

#include "server/wire/codec.h"

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EVD_SURPLUS_MAX 64
#define EVD_SURPLUS_NS  1000000000ull

struct evd_surplus_conn {
    ev_io io; /* its data: the struct evd_surplus; its fd is valid while since_ns is not 0 */
    uint64_t since_ns;
    bool told; /* the answer is out; the peer's end is awaited, so that no reset destroys it */
};

/* Of a worker. */
struct evd_surplus {
    struct ev_loop *loop;
    struct evd_codec_context *codecs;
    size_t max_connections; /* for the answer */
    size_t count;
    struct evd_surplus_conn list[EVD_SURPLUS_MAX];
};

/* Borrows loop and codecs. */
void evd_surplus_init(struct evd_surplus *surplus, struct ev_loop *loop,
                      struct evd_codec_context *codecs, size_t max_connections);

/* Takes over a connection that was just accepted. */
void evd_surplus_take(struct evd_surplus *surplus, int fd);

/* Closes those whose time is over. now_ns: of clock.h, as in evd_surplus_take(). */
void evd_surplus_sweep(struct evd_surplus *surplus, uint64_t now_ns);

/* Closes all. Zeroed is valid, too. */
void evd_surplus_close(struct evd_surplus *surplus);

#endif
