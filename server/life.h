/* The life of the process, in the main thread, which serves nobody: signals, the end in its steps,
 * counters, the service manager. What it wants of the workers it asks them (serve.h), and a worker
 * that does not answer holds up nothing here. */
#ifndef EVD_LIFE_H
#define EVD_LIFE_H

#include "workers.h"

struct evd_life {
    struct evd_worker_shared shared;
    const struct evd_server_config *config;
    struct evd_workers *workers;
    ev_signal on_term, on_int, on_usr1, on_hup;
    enum { EVD_SERVING, EVD_LEAVING, EVD_FINISHING, EVD_DRAINING, EVD_ENDING } phase;
    ev_timer patience; /* with the workers, in this phase */
    uint64_t drain_deadline_ns;
    bool counting;       /* SIGUSR1: waits for their counters */
    ev_timer count_over; /* they are printed without those that are missing */
    ev_timer watchdog;   /* of the service manager; not active where it has none */
};

/* From here on no signal is lost. *config outlives the life. */
int evd_life_open(struct evd_life *life, const struct evd_server_config *config,
                  struct evd_error *ret_error);

/* Serves with these workers, which were not started yet, until SIGTERM or SIGINT and the end of
 * what was in flight, or a second signal. Returns the number of workers whose threads have not
 * ended: with any, only evd_workers_abandon() and the end of the process are left to do. */
unsigned evd_life_run(struct evd_life *life, struct evd_workers *workers);

void evd_life_close(struct evd_life *life);

#endif
