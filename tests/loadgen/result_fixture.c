#include "result_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static char *argv_of_test[] = {(char[]){"run"}, (char[]){"--rate"}, (char[]){"1000"}};

static void record_a_thousand(struct lg_result *r)
{
    for (uint64_t i = 0; i < 1000; i++) {
        lg_histogram_record(&r->response, 90000 + i * 20);
        lg_histogram_record(&r->service, 80000 + i * 10);
        lg_histogram_record(&r->lateness, 10000 + i * 10);
        lg_histogram_record(&r->woke_late, 6000 + i * 10);
        lg_histogram_record(&r->no_free_slot, 4000);
    }
}

int result_fixture_make(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct lg_result *r = &f->result;

    assert_non_null(f);
    f->options = (struct lg_run_options){
        .argc = 3,
        .argv = argv_of_test,
        .target = "tcp://127.0.0.1:1",
        .transport = &evd_transport_frame,
        .scenario = "services",
        .rate = UINT64_C(1000) * LG_RATE_UNIT,
        .connections = 4,
        .depth = 2,
        .threads = 1,
        .seed = UINT64_MAX,
        .warmup_ns = 500000000,
        .duration_ns = 1000000000,
        .timeout_ns = 2000000000,
        .cpus = {1, 3},
        .cpu_count = 2,
        .server_pid = 42,
        .wire_one_in = LG_WIRE_AUTO,
        .quantiles = {0.5, 0.9, 0.99, 0.999},
        .quantile_count = 4,
    };
    strcpy(f->scenario.name, "services");
    strcpy(f->scenario.payloads, "inline");
    f->scenario.count = f->scenario.endpoints = 1;
    f->scenario.payload_mean = 9;
    r->options = &f->options;
    r->scenario = &f->scenario;
    strcpy(r->started, "2026-01-02T03:04:05Z");
    strcpy(r->congestion, "reno");
    r->measured_ns = 1000000000;
    r->accounts[LG_MEASURED].scheduled = r->accounts[LG_MEASURED].outcomes[LG_OK] = 1000;
    r->accounts[LG_WARMUP].scheduled = r->accounts[LG_WARMUP].outcomes[LG_OK] = 500;
    r->ok_in_window = 1000;
    r->throughput = 1000;
    lg_histogram_init(&r->response);
    for (int i = 0; i < LG_BLOCKS; i++)
        lg_histogram_init(&r->blocks[i]);
    lg_histogram_init(&r->service);
    lg_histogram_init(&r->lateness);
    lg_histogram_init(&r->woke_late);
    lg_histogram_init(&r->no_free_slot);
    lg_histogram_init(&r->censored);
    lg_histogram_init(&r->wire);
    r->wire_lost = 17;
    record_a_thousand(r);
    r->client_user_ns = 7;
    r->client_system_ns = 8;
    r->client_share = 0.25;
    r->client_share_max = 0.5;
    r->server_sampled = true;
    r->server = (struct lg_process_sample){
        .cpu_ns = 11, .user_ns = 12, .system_ns = 13, .context_switches = 14, .wait_ns = 15};
    r->server_memory = (struct lg_process_memory){21, 22, 23};
    r->server_calls = 1000;
    r->syscalls_counted = true;
    r->server_syscalls = 3000;
    r->metrics_sampled = true;
    r->metrics = (struct lg_metrics){.calls = 1000, .reads = 77};
    *state = f;
    return 0;
}

int result_fixture_end(void **state)
{
    free(*state);
    return 0;
}
