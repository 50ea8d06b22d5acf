/* dispatch_count ARM COUNT: makes a fixed number of dispatches, with seeds that are always
 * the same, for callgrind to count the instructions of count_dispatches(). See instructions.sh. */
#include "dispatch/dispatch.h"
#include "dispatch/names.h"
#include "evd_version.h"
#include "tests/bench/names.h"

#include <stdio.h>
#include <stdlib.h>

#define SEED      20261123u
#define CALLS_MAX 100000000ul

extern const struct evd_module evd_module_bench_trivial;

/* The linker puts this in the place of dispatch's own (--wrap): it draws nothing. */
void __wrap_evd_names_init(struct evd_names *names, size_t value_size);
void __wrap_evd_names_init(struct evd_names *names, size_t value_size)
{
    evd_names_init_seeded(names, value_size, SEED);
}

struct arm {
    const char *name, *backend;
    enum evd_dynamic_load load;
    enum evd_instance_alloc alloc;
    size_t endpoints; /* 1: one, with 64 bytes of state; else so many, in random order */
};

static const struct arm arms[] = {
#define ARM(name, backend, load, alloc) {name, backend, load, alloc, 1},
#include "arms.def"
#undef ARM
    {"static-10-endpoints", "static", EVD_LOAD_CACHED, EVD_ALLOC_MALLOC, 10},
    {"static-10000-endpoints", "static", EVD_LOAD_CACHED, EVD_ALLOC_MALLOC, 10000},
};

struct null_sink {
    struct evd_sink sink; /* first: one's address is the other's */
    unsigned long replies;
};

static int take_reply(struct evd_sink *sink, struct evd_slice json)
{
    ((struct null_sink *)sink)->replies += json.len == 4;
    return EVD_OK;
}

static int take_failure(struct evd_sink *sink, struct evd_slice code, struct evd_slice message)
{
    (void)sink;
    (void)code;
    (void)message;
    return EVD_OK;
}

/* Its name is what instructions.sh tells callgrind. */
__attribute__((noinline)) static unsigned long count_dispatches(struct evd_dispatch *dispatch,
                                                                const struct bench_queries *events,
                                                                unsigned long count)
{
    struct null_sink sink = {.sink = {.reply = take_reply, .fail = take_failure}};
    struct evd_flight flight;
    for (unsigned long i = 0, next = 0; i < count; i++) {
        struct evd_message message = {.event = events->list[next], .data = EVD_SLICE("null")};
        (void)evd_dispatch_call(dispatch, &message, &sink.sink, &flight);
        next = next + 1 == events->count ? 0 : next + 1;
    }
    return sink.replies;
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
        functions[i] = (struct evd_function){function, evd_module_bench_trivial.functions[0].fn};
    }
    module->functions = functions;
    module->function_count = names->count;
    return EVD_OK;
}

static int run(const struct arm *arm, unsigned long count)
{
    struct evd_module module = evd_module_bench_trivial;
    struct evd_builtin builtin = {arm->endpoints == 1 ? "bench.trivial_64" : "api", &module};
    struct evd_dispatch_config config = {.backend = arm->backend,
                                         .dynamic_load = arm->load,
                                         .instance_alloc = arm->alloc,
                                         .modules_dir = "modules",
                                         .builtins = &builtin,
                                         .builtin_count = 1};
    struct evd_slice one = EVD_SLICE("bench.trivial_64.nop");
    struct bench_queries events = {.list = &one, .count = 1}, drawn = {0};
    struct bench_names names = {0};
    struct evd_dispatch *dispatch = NULL;
    struct evd_error error = {.text = "out of memory"};
    unsigned long replies = 0;
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
        rc = evd_dispatch_open(&config, &dispatch, &error);
    if (rc >= 0) {
        replies = count_dispatches(dispatch, &events, count);
        if (replies != count)
            rc = evd_error_set(&error, EVD_ERR_INTERNAL, "%lu of %lu calls were answered", replies,
                               count);
    }
    if (rc < 0)
        fprintf(stderr, "dispatch_count: %s\n", error.text);
    evd_dispatch_close(dispatch);
    if (arm->endpoints > 1)
        free((void *)(uintptr_t)module.functions);
    bench_queries_release(&drawn);
    bench_names_release(&names);
    return rc < 0 ? 1 : 0;
}

static void help(FILE *out)
{
    fputs("usage: dispatch_count ARM COUNT, in the folder of modules/\n"
          "       dispatch_count --compiler\n"
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
