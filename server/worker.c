#include "worker.h"

#include "clock.h"

#include <stdio.h>

#define REFUSED_LOG_NS 1000000000ull /* between two lines of refused tokens */

void evd_worker_refused(struct evd_worker *worker, const char *why)
{
    uint64_t now = evd_now_coarse();
    worker->refused++;
    if (why[0] == '\0' || (worker->refused_ns != 0 && now - worker->refused_ns < REFUSED_LOG_NS))
        return;
    worker->refused_ns = now;
    char text[320];
    (void)snprintf(text, sizeof text, "a token was refused: %s (%llu refusals so far)", why,
                   (unsigned long long)worker->refused);
    evd_log_write(worker->config->log, EVD_LOG_INFO, text);
}

uint64_t evd_worker_number(struct evd_worker *worker)
{
    return (worker->accepted - 1) * worker->config->workers + worker->index + 1;
}

void evd_worker_left(struct evd_worker *worker)
{
    (void)atomic_fetch_sub_explicit(&worker->shared->connections, 1, memory_order_relaxed);
}
