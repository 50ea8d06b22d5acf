/* The other end of a connection, without a socket: conn.c's system calls end here (--wrap), and
 * what they give is the target's to say. */
#ifndef EVD_FUZZ_CONNECTION_PEER_H
#define EVD_FUZZ_CONNECTION_PEER_H

#include "fuzz.h"
#include "server/conn.h"

#define PEER_COUNT   2
#define PEER_FD      900           /* of the first; no descriptor is opened at these numbers */
#define PEER_OUT_MAX (1024 * 1024) /* bytes; more than any input of the targets can ask for */

struct peer {
    struct evd_conn *conn; /* NULL once it is closed */
    struct evd_slice in;   /* all that it will send */
    size_t given, taken;   /* of it: may be read by now; has been read */
    bool eof;              /* the end may be read behind that */
    bool reset;            /* every system call fails from now on */
    bool cut_off;          /* not all need be answered: by a reset, a time-out, draining */
    bool shut;             /* the server has ended its direction */
    bool watched;          /* stands in the worker's epoll for those that are gone */
    unsigned interrupts;   /* EINTRs still to come */
    size_t window;         /* bytes that it takes before EAGAIN */
    char *out;             /* what the server has sent */
    size_t out_len;
};

/* The peers, by descriptor; and the clock, which moves by hand. */
extern struct peer peers[PEER_COUNT];
extern uint64_t peer_clock_ns;

/* All peers as at the start of a connection that nobody has opened yet. */
void peers_reset(void);

#endif
