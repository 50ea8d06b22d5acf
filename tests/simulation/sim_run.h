/* A server of the simulation: its workers, from the first allocation to the last. */
#ifndef EVD_SIM_RUN_H
#define EVD_SIM_RUN_H

#include "sim_peer.h"

struct sim_server {
    struct evd_server_config config;
    struct evd_worker_shared shared;
    struct evd_worker workers[SIM_WORKERS];
    unsigned count;   /* of workers that are open */
    size_t peers;     /* numbers 0 to peers - 1 */
    long turns;       /* of loops in which something happened */
    long blocks;      /* allocated before it was opened */
    size_t peak_held; /* bytes of connections, of all workers together */
};

/* Limits as small as the scenarios. Before sim_open(). */
void sim_configure(struct sim_server *server, unsigned workers);

/* Opens the workers and lets them run. A negative status: nothing is left of it. */
int sim_open(struct sim_server *server);

#define STATUS_CALL   "{\"event\":\"api.services.status\"}\n"
#define STATUS_ANSWER "{\"data\":\"online\"}\n"

/* The last peer so far: it sends what the test has put into its script (sim_peer_say()), when the
 * test says so (sim.sockets[number].sent), and reads. */
struct sim_peer *sim_puppet(struct sim_server *server, int number);

/* Lets everybody act until all peers are done; virtual time goes on when nobody can. */
void sim_run(struct sim_server *server);

/* The same, until this time at the latest. */
void sim_run_until(struct sim_server *server, uint64_t until_ns);

/* When the faults are over: who comes now is served within a second. */
void sim_serves_on(struct sim_server *server);

/* Drains and closes it, and looks whether anything was lost: blocks, descriptors, connections. */
void sim_close(struct sim_server *server);

#endif
