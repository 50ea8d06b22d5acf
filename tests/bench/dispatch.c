/* A whole dispatch by each arm, with a trivial module and a sink that only counts; beside each the
 * operation that it cannot do without, bare. */
#include "suite.h"

#include "dispatch/backend.h"
#include "dispatch/dispatch.h"
#include "dispatch/image.h"
#include "names.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCH 64

extern const struct evd_module evd_module_bench_trivial;

struct arm {
    const char *name, *backend;
    enum evd_dynamic_load load;
    enum evd_instance_alloc alloc;
};

static const struct arm arms[] = {
    {"static", "static", EVD_LOAD_CACHED, EVD_ALLOC_MALLOC},
    {"dynamic-cached", "dynamic", EVD_LOAD_CACHED, EVD_ALLOC_MALLOC},
    {"dynamic-call", "dynamic", EVD_LOAD_CALL, EVD_ALLOC_MALLOC},
    {"instance-malloc", "instance", EVD_LOAD_CACHED, EVD_ALLOC_MALLOC},
    {"instance-pool", "instance", EVD_LOAD_CACHED, EVD_ALLOC_POOL},
};

struct null_sink {
    struct evd_sink sink; /* first: one's address is the other's */
    uint64_t replies, failures;
};

/* Whoever takes an answer reads it: of a module loaded for this call that is a page more. */
static bool is_right(struct evd_slice json)
{
    return json.len == 4 && memcmp(json.ptr, "null", 4) == 0;
}

static int take_reply(struct evd_sink *sink, struct evd_slice json)
{
    ((struct null_sink *)sink)->replies += is_right(json);
    return EVD_OK;
}

static int take_failure(struct evd_sink *sink, struct evd_slice code, struct evd_slice message)
{
    (void)code;
    (void)message;
    ((struct null_sink *)sink)->failures++;
    return EVD_OK;
}

/* ---- Dispatch ---- */

struct dispatch_case {
    const struct arm *arm;
    const char *module; /* "bench.trivial_64": a shared object; linked in under the same name */
    size_t state_size;
};

/* Calls as the server does: one flight, its memory used again. */
static void run_calls(struct evd_bench *bench, struct evd_dispatch *dispatch,
                      const struct evd_slice *events, size_t count)
{
    struct null_sink sink = {.sink = {.reply = take_reply, .fail = take_failure}};
    struct evd_flight flight;
    uint64_t calls = 0;
    while (evd_bench_next_batch(bench, (int64_t)count)) {
        for (size_t i = 0; i < count; i++) {
            struct evd_message message = {.event = events[i], .data = EVD_SLICE("null")};
            (void)evd_dispatch_call(dispatch, &message, &sink.sink, &flight);
        }
        calls += count;
    }
    if (sink.replies != calls || sink.failures != 0)
        evd_bench_fail(bench, "calls were not answered as they should be");
    evd_bench_items(bench, 1);
}

static void run_arm(struct evd_bench *bench, void *arg)
{
    const struct dispatch_case *which = arg;
    struct evd_module module = evd_module_bench_trivial;
    module.state_size = which->state_size;
    const struct evd_builtin builtin = {which->module, &module};
    struct evd_dispatch_config config = {.backend = which->arm->backend,
                                         .dynamic_load = which->arm->load,
                                         .instance_alloc = which->arm->alloc,
                                         .modules_dir = BENCH_DIR "/modules",
                                         .builtins = &builtin,
                                         .builtin_count = 1};
    struct evd_dispatch *dispatch;
    struct evd_error error;
    char event[64];
    struct evd_slice events[BATCH];

    (void)snprintf(event, sizeof event, "%s.nop", which->module);
    for (size_t i = 0; i < BATCH; i++)
        events[i] = evd_slice_text(event);
    if (evd_dispatch_open(&config, &dispatch, &error) < 0) {
        evd_bench_fail(bench, error.text);
        return;
    }
    bool slow = config.dynamic_load == EVD_LOAD_CALL || which->state_size > 4096;
    run_calls(bench, dispatch, events, slow ? 1 : BATCH);
    evd_dispatch_close(dispatch);
}

/* ---- static by the number of endpoints, and of those that are called, in random order ---- */

struct endpoints_case {
    size_t endpoints, called;
};

/* One module "api" with a function for each name: "api.mqv.kxo" becomes "api.mqv-kxo". */
static struct evd_function *make_functions(const struct bench_names *names)
{
    struct evd_function *functions = calloc(names->count, sizeof *functions);
    for (size_t i = 0; i < names->count && functions != NULL; i++) {
        char *function = names->texts[i] + strlen("api.");
        for (char *dot = function; (dot = strchr(dot, '.')) != NULL;)
            *dot = '-';
        functions[i] = (struct evd_function){function, evd_module_bench_trivial.functions[0].fn};
    }
    return functions;
}

static void run_endpoints(struct evd_bench *bench, void *arg)
{
    const struct endpoints_case *which = arg;
    struct bench_names names;
    struct bench_queries queries = {0};
    struct evd_dispatch *dispatch = NULL;
    struct evd_module module = evd_module_bench_trivial;
    const struct evd_builtin builtin = {"api", &module};
    struct evd_dispatch_config config = {
        .backend = "static", .builtins = &builtin, .builtin_count = 1};
    struct evd_error error = {.text = "out of memory"};

    if (bench_names_draw(BENCH_NAMES_SEED, which->endpoints, &names) < 0) {
        evd_bench_fail(bench, error.text);
        return;
    }
    struct evd_function *functions = make_functions(&names);
    module.functions = functions;
    module.function_count = which->endpoints;
    if (functions == NULL ||
        bench_queries_make(&names, 0, which->called, BENCH_NAMES_SEED + 1, &queries) < 0 ||
        evd_dispatch_open(&config, &dispatch, &error) < 0)
        evd_bench_fail(bench, error.text);
    else
        run_calls(bench, dispatch, queries.list, queries.count);
    evd_dispatch_close(dispatch);
    free(functions);
    bench_queries_release(&queries);
    bench_names_release(&names);
}

/* ---- The bare operations ---- */

static int count_reply(struct evd_call *call, struct evd_slice data)
{
    *(uint64_t *)call->context += is_right(data);
    return EVD_OK;
}

static const struct evd_host bare_host = {
    .abi_version = EVD_ABI_VERSION, .size = sizeof(struct evd_host), .reply = count_reply};

static void raw_table(struct evd_bench *bench, void *arg)
{
    const struct evd_function *functions = evd_module_bench_trivial.functions;
    uint64_t replies = 0, calls = 0;
    struct evd_call call = {.host = &bare_host, .context = &replies};
    (void)arg;
    while (evd_bench_next_batch(bench, BATCH)) {
        for (size_t i = 0; i < BATCH; i++) {
            const struct evd_function *function = functions;
            __asm__ volatile("" : "+r"(function)); /* not to be known when this is compiled */
            (void)function->fn(NULL, &call);
        }
        calls += BATCH;
    }
    if (replies != calls)
        evd_bench_fail(bench, "calls were not answered as they should be");
    evd_bench_items(bench, 1);
}

static void object_path(const struct dispatch_case *which, char out[static PATH_MAX])
{
    (void)snprintf(out, PATH_MAX, "%s/modules/bench/%s.so", BENCH_DIR,
                   strchr(which->module, '.') + 1);
}

/* Loads, finds, calls and unloads. */
static void load_path(struct evd_bench *bench, const char *path)
{
    uint64_t replies = 0, calls = 0;
    struct evd_call call = {.host = &bare_host, .context = &replies};
    while (evd_bench_next(bench)) {
        void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (handle == NULL) {
            evd_bench_fail(bench, "dlopen failed");
            break;
        }
        const struct evd_module *const *entry = dlsym(handle, EVD_MODULE_ENTRY_SYMBOL);
        (void)(*entry)->functions[0].fn(NULL, &call);
        (void)dlclose(handle);
        calls++;
    }
    if (replies != calls)
        evd_bench_fail(bench, "calls were not answered as they should be");
    evd_bench_items(bench, 1);
}

static void raw_dlopen(struct evd_bench *bench, void *arg)
{
    char path[PATH_MAX];
    object_path(arg, path);
    load_path(bench, path);
}

/* The same from an image in memory, by the path under /proc that this takes. */
static void raw_image(struct evd_bench *bench, void *arg)
{
    char path[PATH_MAX];
    struct evd_image image;
    struct stat status;
    struct evd_error error;
    object_path(arg, path);
    if (evd_image_open(path, "image", &image, &status, &error) != EVD_OK) {
        evd_bench_fail(bench, error.text);
        return;
    }
    load_path(bench, image.path);
    evd_image_close(&image);
}

static void raw_malloc(struct evd_bench *bench, void *arg)
{
    const size_t *size = arg;
    size_t bytes = *size, batch = bytes > 4096 ? 1 : BATCH;
    while (evd_bench_next_batch(bench, (int64_t)batch)) {
        for (size_t i = 0; i < batch; i++) {
            void *block = malloc(bytes);
            if (block == NULL) {
                evd_bench_fail(bench, "malloc failed");
                return;
            }
            memset(block, 0, bytes);
            evd_bench_use(block);
            free(block);
        }
    }
    evd_bench_items(bench, 1);
}

/* What is left of an instance when its memory comes from a list of free blocks. */
static void raw_pool(struct evd_bench *bench, void *arg)
{
    const size_t *size = arg;
    size_t bytes = *size, batch = bytes > 4096 ? 1 : BATCH;
    struct block {
        struct block *next;
    } *spare = malloc(bytes);
    if (spare == NULL) {
        evd_bench_fail(bench, "malloc failed");
        return;
    }
    spare->next = NULL;
    while (evd_bench_next_batch(bench, (int64_t)batch)) {
        for (size_t i = 0; i < batch; i++) {
            struct block *block = spare;
            spare = block->next;
            memset(block, 0, bytes);
            evd_bench_use(block);
            block->next = spare;
            spare = block;
        }
    }
    free(spare);
    evd_bench_items(bench, 1);
}

/* ---- Names ---- */

static void add_sizes(struct bench_suite *suite)
{
    static const size_t sizes[] = {64, 1024, 16 * 1024, 256 * 1024};
    char text[16];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const size_t size = sizes[i];
        (void)bench_size_text(size, text);
        bench_add(suite, raw_malloc, &size, sizeof size, "instance/raw-malloc/size:%s", text);
        bench_add(suite, raw_pool, &size, sizeof size, "instance/raw-pool/size:%s", text);
        for (size_t a = 3; a <= 4; a++) {
            struct dispatch_case instance = {&arms[a], "bench.instance", size};
            bench_add(suite, run_arm, &instance, sizeof instance, "instance/%s/size:%s",
                      arms[a].alloc == EVD_ALLOC_POOL ? "pool" : "malloc", text);
        }
    }
}

void bench_add_dispatches(struct bench_suite *suite)
{
    static const char *const modules[] = {"bench.trivial_0", "bench.trivial_64"};
    static const size_t states[] = {0, 64}, endpoints[] = {10, 256, 4096, 10000};
    const struct endpoints_case few = {10000, 10};
    const size_t nothing = 0;
    for (size_t s = 0; s < 2; s++) {
        for (size_t a = 0; a < sizeof arms / sizeof *arms; a++) {
            struct dispatch_case which = {&arms[a], modules[s], states[s]};
            bench_add(suite, run_arm, &which, sizeof which, "dispatch/%s/state:%zu", arms[a].name,
                      states[s]);
        }
        struct dispatch_case bare = {&arms[0], modules[s], states[s]};
        bench_add(suite, raw_dlopen, &bare, sizeof bare, "dispatch/raw-dlopen/state:%zu",
                  states[s]);
        bench_add(suite, raw_image, &bare, sizeof bare, "dispatch/raw-image/state:%zu", states[s]);
    }
    bench_add(suite, raw_table, &nothing, sizeof nothing, "dispatch/raw-call");
    for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++) {
        const struct endpoints_case all = {endpoints[i], endpoints[i]};
        bench_add(suite, run_endpoints, &all, sizeof all, "dispatch/static/endpoints:%zu",
                  endpoints[i]);
    }
    /* What is left of the growth is the cache: the same table, as an API of this size is used. */
    bench_add(suite, run_endpoints, &few, sizeof few, "dispatch/static/endpoints:%zu/called:%zu",
              few.endpoints, few.called);
    add_sizes(suite);
}

void bench_add_loads(struct bench_suite *suite)
{
    static const char *const modules[] = {"bench.size_16K", "bench.size_256K", "bench.size_4M"};
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) {
        struct dispatch_case call = {&arms[2], modules[i], 0};
        const char *size = strchr(modules[i], '_') + 1;
        bench_add(suite, run_arm, &call, sizeof call, "load/dynamic-call/size:%s", size);
        bench_add(suite, raw_dlopen, &call, sizeof call, "load/raw-dlopen/size:%s", size);
        bench_add(suite, raw_image, &call, sizeof call, "load/raw-image/size:%s", size);
    }
}
