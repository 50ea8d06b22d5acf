#include "stats.h"

#include <stdio.h>
#include <stdlib.h>

static void put(FILE *out, const struct evd_worker_stats *stats)
{
    (void)fprintf(
        out,
        "\"connections\":%zu,\"accepted\":%llu,\"calls\":%llu,\"endpoints\":%zu,"
        "\"modules\":%llu,\"loads\":%llu,\"reloads\":%llu,\"load_failures\":%llu,\"refused\":%llu,"
        "\"token_bytes\":%zu",
        stats->connections, (unsigned long long)stats->accepted, (unsigned long long)stats->calls,
        stats->endpoints, (unsigned long long)stats->dispatch.modules,
        (unsigned long long)stats->dispatch.loads, (unsigned long long)stats->dispatch.reloads,
        (unsigned long long)stats->dispatch.load_failures, (unsigned long long)stats->refused,
        stats->token_bytes);
}

static void add(struct evd_worker_stats *sum, const struct evd_worker_stats *one)
{
    sum->connections += one->connections;
    sum->accepted += one->accepted;
    sum->calls += one->calls;
    sum->refused += one->refused;
    sum->token_bytes += one->token_bytes;
    sum->dispatch.loads += one->dispatch.loads;
    sum->dispatch.reloads += one->dispatch.reloads;
    sum->dispatch.load_failures += one->dispatch.load_failures;
    if (one->endpoints > sum->endpoints)
        sum->endpoints = one->endpoints;
    if (one->dispatch.modules > sum->dispatch.modules)
        sum->dispatch.modules = one->dispatch.modules;
}

static struct evd_worker_stats stats_of(struct evd_worker *worker)
{
    (void)pthread_mutex_lock(&worker->lock);
    struct evd_worker_stats stats = worker->stats;
    (void)pthread_mutex_unlock(&worker->lock);
    return stats;
}

struct evd_worker_stats evd_stats_sum(struct evd_workers *workers)
{
    struct evd_worker_stats sum = {0};
    for (unsigned i = 0; i < evd_workers_count(workers); i++) {
        struct evd_worker_stats one = stats_of(evd_workers_at(workers, i));
        add(&sum, &one);
    }
    return sum;
}

void evd_stats_print(struct evd_workers *workers, struct evd_log *log)
{
    struct evd_worker_stats sum = evd_stats_sum(workers);
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL)
        return;
    (void)fputc('{', out);
    put(out, &sum);
    (void)fputs(",\"workers\":[", out);
    for (unsigned i = 0; i < evd_workers_count(workers); i++) {
        struct evd_worker *worker = evd_workers_at(workers, i);
        struct evd_worker_stats one = stats_of(worker);
        (void)fprintf(out, "%s{\"worker\":%u,\"silent\":%s,", i == 0 ? "" : ",", i,
                      atomic_load(&worker->answered) & EVD_ASK_STATS ? "false" : "true");
        put(out, &one);
        (void)fputc('}', out);
    }
    (void)fputs("]}\n", out);
    if (fclose(out) == 0)
        evd_log_put(log, text, len);
    free(text);
}
