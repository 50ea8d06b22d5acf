/* server_count ARM COUNT: a fixed number of calls through a connection of the real server, from
 * its recv to its send, which end here (--wrap), as does its clock: batches of BATCH calls of
 * MESSAGE_BYTES. For callgrind to count the instructions of count_dispatches(). See
 * instructions.sh. */
#include "dispatch/names.h"
#include "evd_version.h"
#include "server/command_line.h"
#include "server/conn.h"
#include "server/serve.h"
#include "tests/bench/names.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#define SEED          20261123u
#define CALLS_MAX     1000000000ul
#define MESSAGE_BYTES 64
#define BATCH         64   /* calls of one read */
#define NAMES         4096 /* of the arms with many: so many endpoints, called at random */
#define FD            900  /* no descriptor is opened at this number */

extern const struct evd_module evd_module_test64;

/* ---- The client, behind the system calls. ---- */

static struct {
    struct evd_slice in; /* what the next recv gives */
    uint64_t calls, bytes_out;
    long clock_ns;
} client;

ssize_t __wrap_recv(int fd, void *buf, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *buf, size_t len, int flags);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_now);
int __wrap_close(int fd);
int __real_close(int fd);
void __wrap_evd_names_init(struct evd_names *names, size_t value_size);

ssize_t __wrap_recv(int fd, void *buf, size_t len, int flags)
{
    (void)flags;
    if (fd != FD || client.in.len > len) {
        errno = EBADF;
        return -1;
    }
    memcpy(buf, client.in.ptr, client.in.len);
    return (ssize_t)client.in.len;
}

ssize_t __wrap_send(int fd, const void *buf, size_t len, int flags)
{
    (void)fd;
    (void)buf;
    (void)flags;
    client.bytes_out += len;
    return (ssize_t)len;
}

/* A microsecond between any two looks at it: into which bucket a time belongs never differs. */
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_now)
{
    (void)clock;
    client.clock_ns += 1000;
    *ret_now = (struct timespec){.tv_sec = client.clock_ns / 1000000000L,
                                 .tv_nsec = client.clock_ns % 1000000000L};
    return 0;
}

int __wrap_close(int fd)
{
    return fd == FD ? 0 : __real_close(fd);
}

/* The linker puts this in the place of dispatch's own: it draws nothing. */
void __wrap_evd_names_init(struct evd_names *names, size_t value_size)
{
    evd_names_init_seeded(names, value_size, SEED);
}

/* ---- What it sends. ---- */

struct batches {
    struct evd_buf bytes;
    size_t count, next;
};

/* A call of MESSAGE_BYTES: its data is a JSON string, as long as it takes. */
static int append_call(const struct evd_transport *transport, struct evd_slice event, uint64_t id,
                       struct evd_buf *out)
{
    char text[MESSAGE_BYTES] = "\"";
    struct evd_envelope call;
    size_t before = out->len;
    for (size_t len = 2; len < sizeof text; len++) {
        evd_envelope_init(&call, EVD_KIND_CALL);
        call.id = (struct evd_id){EVD_ID_UINT, id, {0}};
        call.event = event;
        memset(text + 1, 'x', len - 2);
        text[len - 1] = '"';
        evd_buf_truncate(out, before);
        int rc = evd_envelope_encode(&call, transport, NULL, evd_slice(text, len), out);
        if (rc < 0 || out->len - before >= MESSAGE_BYTES)
            return rc;
    }
    return EVD_ERR_INTERNAL;
}

static int make_batches(const struct evd_transport *transport, const struct bench_queries *events,
                        struct batches *ret_batches)
{
    struct evd_buf *bytes = &ret_batches->bytes;
    int rc = EVD_OK;
    ret_batches->count = events->count == 1 ? 1 : events->count / BATCH;
    evd_buf_init(bytes, EVD_MAX_FRAME_DEFAULT);
    for (size_t i = 0; rc >= 0 && i < ret_batches->count * BATCH; i++)
        rc = append_call(transport, events->list[i % events->count], i % 10, bytes);
    if (rc >= 0 && bytes->len != ret_batches->count * BATCH * MESSAGE_BYTES)
        rc = EVD_ERR_INTERNAL;
    return rc;
}

/* ---- The server. ---- */

struct arm {
    const char *name, *transport, *backend;
    enum evd_dynamic_load load;
    enum evd_instance_alloc alloc;
    size_t endpoints; /* 1: all calls are to one; else each is to any of so many */
};

static const struct arm arms[] = {
    {"server-frame", "frame", "static", EVD_LOAD_CACHED, EVD_ALLOC_MALLOC, 1},
    {"server-frame-dynamic", "frame", "dynamic", EVD_LOAD_CACHED, EVD_ALLOC_MALLOC, 1},
    {"server-frame-instance", "frame", "instance", EVD_LOAD_CACHED, EVD_ALLOC_POOL, 1},
    {"server-frame-names", "frame", "static", EVD_LOAD_CACHED, EVD_ALLOC_MALLOC, NAMES},
    {"server-jsonl", "jsonl", "static", EVD_LOAD_CACHED, EVD_ALLOC_MALLOC, 1},
    {"server-jsonl-dynamic", "jsonl", "dynamic", EVD_LOAD_CACHED, EVD_ALLOC_MALLOC, 1},
    {"server-jsonl-instance", "jsonl", "instance", EVD_LOAD_CACHED, EVD_ALLOC_POOL, 1},
};

/* Its name is what instructions.sh tells callgrind. */
__attribute__((noinline)) static void count_dispatches(struct evd_conn *conn,
                                                       struct batches *batches, unsigned long count)
{
    struct ev_loop *loop = conn->worker->loop;
    const size_t size = (size_t)BATCH * MESSAGE_BYTES;
    for (; client.calls < count; client.calls += BATCH) {
        client.in = evd_slice(batches->bytes.ptr + batches->next * size, size);
        batches->next = batches->next + 1 == batches->count ? 0 : batches->next + 1;
        ev_invoke(loop, &conn->io, EV_READ);
    }
}

/* The module "api" has a function for each name: "api.mqv.kxo" becomes "api.mqv-kxo". */
static int make_functions(struct bench_names *names, struct evd_module *module)
{
    struct evd_function *functions = calloc(names->count, sizeof *functions);
    if (functions == NULL)
        return EVD_ERR_NO_MEMORY;
    for (size_t i = 0; i < names->count; i++) {
        char *function = names->texts[i] + strlen("api.");
        for (char *dot = function; (dot = strchr(dot, '.')) != NULL;)
            *dot = '-';
        functions[i] = (struct evd_function){function, evd_module_test64.functions[0].fn};
    }
    module->functions = functions;
    module->function_count = names->count;
    return EVD_OK;
}

static int serve(const struct arm *arm, const struct bench_queries *events,
                 struct evd_builtin *builtin, unsigned long count, struct evd_error *ret_error)
{
    static struct evd_server_config config;
    static struct evd_worker_shared shared;
    static struct evd_worker worker;
    char name[] = "evd-server", *argv[] = {name, NULL};
    struct batches batches = {.count = 0};
    if (evd_config_parse(1, argv, &config) != EVD_CONFIG_RUN)
        return EVD_ERR_INTERNAL;
    config.listen_count = 0;
    config.dispatch.backend = arm->backend;
    config.dispatch.dynamic_load = arm->load;
    config.dispatch.instance_alloc = arm->alloc;
    config.dispatch.modules_dir = "modules";
    config.dispatch.builtins = builtin;
    config.dispatch.builtin_count = 1;
    int rc = make_batches(evd_transport_by_name(evd_slice_text(arm->transport)), events, &batches);
    if (rc >= 0)
        rc = evd_worker_open(&worker, &config, 0, &shared, ret_error);
    if (rc >= 0) {
        worker.measure.metrics->random = SEED; /* which calls are timed */
        evd_worker_accept(&worker, FD, false);
        count_dispatches(worker.conns.first, &batches, count);
        if (worker.calls != client.calls || worker.measure.metrics->series[0].calls > 0 ||
            worker.measure.metrics->errors[0] > 0)
            rc = evd_error_set(ret_error, EVD_ERR_INTERNAL, "not every call was answered");
        evd_worker_close(&worker);
        evd_worker_release(&worker);
    }
    evd_buf_release(&batches.bytes);
    return rc;
}

static int run(const struct arm *arm, unsigned long count)
{
    struct evd_module module = evd_module_test64;
    struct evd_builtin builtin = {arm->endpoints == 1 ? "api.test" : "api", &module};
    struct evd_slice one = EVD_SLICE("api.test.board");
    struct bench_queries events = {.list = &one, .count = 1}, drawn = {0};
    struct bench_names names = {0};
    struct evd_error error = {.text = "out of memory"};
    int rc = EVD_OK;
    if (arm->endpoints > 1) {
        rc = bench_names_draw(SEED, arm->endpoints, &names);
        if (rc >= 0)
            rc = make_functions(&names, &module);
        if (rc >= 0)
            rc = bench_queries_make(&names, 0, arm->endpoints, SEED, &drawn);
        events = drawn;
    }
    if (rc >= 0)
        rc = serve(arm, &events, &builtin, count, &error);
    if (rc < 0)
        fprintf(stderr, "server_count: %s\n", error.text);
    if (arm->endpoints > 1)
        free((void *)(uintptr_t)module.functions);
    bench_queries_release(&drawn);
    bench_names_release(&names);
    return rc < 0 ? 1 : 0;
}

static void help(FILE *out)
{
    fputs("usage: server_count ARM COUNT, in the folder of modules/\n"
          "       server_count --compiler\n"
          "ARM is one of:\n",
          out);
    for (size_t i = 0; i < sizeof arms / sizeof *arms; i++)
        fprintf(out, "  %s\n", arms[i].name);
}

int main(int argc, char **argv)
{
    unsigned long count = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    if (argc == 2 && strcmp(argv[1], "--compiler") == 0)
        return puts(EVD_COMPILER) < 0;
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return help(stdout), 0;
    for (size_t i = 0; count > 0 && count <= CALLS_MAX && i < sizeof arms / sizeof *arms; i++) {
        if (strcmp(arms[i].name, argv[1]) == 0)
            return run(&arms[i], count);
    }
    help(stderr);
    return 2;
}
