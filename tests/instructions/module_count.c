/* module_count ARM COUNT SCENARIO [MODULE_CONFIG]: makes a fixed number of the calls of a scenario,
 * to the modules that are linked in or lie in modules/, for callgrind to count the instructions of
 * count_dispatches(). See instructions.sh. */
#include "dispatch/builtins.h"
#include "dispatch/names.h"
#include "evd_version.h"
#include "loadgen/paths.h"
#include "loadgen/scenario.h"

#include <cjson/cJSON.h>

#include <stdio.h>
#include <stdlib.h>

#define SEED      20261123u
#define CALLS_MAX 100000000ul
#define ROUND_MAX 1000 /* calls of a round */
#define TURNS_MAX 1000 /* of one call */

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
};

static const struct arm arms[] = {
#define ARM(name, backend, load, alloc) {name, backend, load, alloc},
#include "arms.def"
#undef ARM
};

/* The scenario's calls in the order of its deck, each first of a sequence with its steps: as many
 * as there are, or the first ROUND_MAX. */
struct round {
    const struct lg_request *calls[ROUND_MAX];
    unsigned long count;
    size_t deck; /* how many there are */
};

struct answers {
    struct evd_sink sink; /* first: one's address is the other's */
    unsigned long replies, failures;
    struct evd_slice expect_code; /* of the failure that is due now */
    bool matched;
};

static int take_reply(struct evd_sink *sink, struct evd_slice json)
{
    (void)json;
    ((struct answers *)sink)->replies++;
    return EVD_OK;
}

static int take_failure(struct evd_sink *sink, struct evd_slice code, struct evd_slice message)
{
    struct answers *answers = (struct answers *)sink;
    (void)message;
    answers->failures++;
    answers->matched = evd_slice_equal(code, answers->expect_code);
    return EVD_OK;
}

static void make_round(const struct lg_scenario *scenario, struct round *ret_round)
{
    *ret_round = (struct round){.count = 0};
    for (size_t card = 0; card < scenario->deck_len; card++)
        for (uint32_t next = scenario->deck[card], first = 1; first || next != 0;
             next = scenario->requests[next].next, first = 0) {
            if (ret_round->count < ROUND_MAX)
                ret_round->calls[ret_round->count++] = &scenario->requests[next];
            ret_round->deck++;
        }
}

/* One call, until it has ended: what it waits for is not waited for. EVD_DONE, or EVD_MORE. */
static inline int call_once(struct evd_dispatch *dispatch, const struct lg_request *request,
                            struct evd_sink *sink, struct evd_flight *flight)
{
    struct evd_message message = {.event = request->event, .data = request->data};
    int rc = evd_dispatch_call(dispatch, &message, sink, flight);
    for (unsigned turn = 1; rc == EVD_MORE && turn < TURNS_MAX; turn++)
        rc = evd_dispatch_resume(flight);
    if (rc == EVD_MORE)
        evd_dispatch_cancel(flight);
    return rc;
}

/* Its name is what instructions.sh tells callgrind. */
__attribute__((noinline)) static unsigned long
count_dispatches(struct evd_dispatch *dispatch, const struct round *round, unsigned long count)
{
    struct answers answers = {.sink = {.reply = take_reply, .fail = take_failure}};
    struct evd_flight flight;
    for (unsigned long i = 0, next = 0; i < count; i++) {
        (void)call_once(dispatch, round->calls[next], &answers.sink, &flight);
        next = next + 1 == round->count ? 0 : next + 1;
    }
    return answers.replies + answers.failures;
}

/* What is counted is what the scenario means: each of its calls is answered, by a reply or by the
 * error that it expects. That the reply is right is for the study to see. */
static int check(struct evd_dispatch *dispatch, const struct round *round,
                 struct evd_error *ret_error)
{
    for (unsigned long i = 0; i < round->count; i++) {
        const struct lg_request *request = round->calls[i];
        struct answers answers = {.sink = {.reply = take_reply, .fail = take_failure},
                                  .expect_code = request->expect};
        struct evd_flight flight;
        if (call_once(dispatch, request, &answers.sink, &flight) == EVD_MORE)
            return evd_error_set(ret_error, EVD_ERR_INTERNAL, "%.*s has not ended after %d turns",
                                 (int)request->event.len, request->event.ptr, TURNS_MAX);
        if (request->expect_error ? answers.failures != 1 || !answers.matched
                                  : answers.replies != 1)
            return evd_error_set(ret_error, EVD_ERR_INTERNAL,
                                 "%.*s is not answered as the scenario expects",
                                 (int)request->event.len, request->event.ptr);
    }
    return EVD_OK;
}

static int count_arm(const struct arm *arm, unsigned long count, const struct round *round,
                     struct evd_slice module_config, struct evd_error *ret_error)
{
    struct evd_dispatch_config config = {.backend = arm->backend,
                                         .dynamic_load = arm->load,
                                         .instance_alloc = arm->alloc,
                                         .modules_dir = "modules",
                                         .builtins = evd_builtins,
                                         .builtin_count = evd_builtin_count,
                                         .module_config = module_config};
    struct evd_dispatch *dispatch = NULL;
    int rc = evd_dispatch_open(&config, &dispatch, ret_error);
    if (rc >= 0)
        rc = check(dispatch, round, ret_error);
    if (rc >= 0 && count_dispatches(dispatch, round, count) != count)
        rc = evd_error_set(ret_error, EVD_ERR_INTERNAL, "not all calls were answered");
    evd_dispatch_close(dispatch);
    return rc;
}

/* How many calls a round has, and what instructions.json says of them. */
static int tell(const struct lg_scenario *scenario, const struct round *round)
{
    cJSON *json = cJSON_CreateObject();
    char *text = NULL;
    if (cJSON_AddStringToObject(json, "name", scenario->name) != NULL &&
        cJSON_AddNumberToObject(json, "requests", (double)scenario->count) != NULL &&
        cJSON_AddNumberToObject(json, "calls", (double)round->count) != NULL &&
        cJSON_AddNumberToObject(json, "deck", (double)round->deck) != NULL)
        text = cJSON_PrintUnformatted(json);
    int failed = text == NULL || printf("%lu %s\n", round->count, text) < 0;
    cJSON_free(text);
    cJSON_Delete(json);
    return failed;
}

static int run(const struct arm *arm, unsigned long count, const char *path, const char *config)
{
    const struct lg_scenario_options options = {.encoding = &evd_codec_json, .seed = SEED};
    struct evd_slice module_config = EVD_SLICE("");
    struct evd_error error;
    struct lg_scenario scenario;
    struct round round;
    char *text = NULL;
    int failed = 0, rc = lg_scenario_load(path, &options, &scenario, &error);
    if (rc >= 0) {
        make_round(&scenario, &round);
        if (config != NULL)
            rc = lg_read_file(config, EVD_MODULE_CONFIG_MAX, &text, &module_config.len, &error);
        module_config.ptr = text != NULL ? text : "";
        if (rc >= 0 && arm == NULL)
            failed = tell(&scenario, &round);
        else if (rc >= 0)
            rc = count_arm(arm, count, &round, module_config, &error);
        free(text);
        lg_scenario_release(&scenario);
    }
    if (rc < 0)
        fprintf(stderr, "module_count: %s\n", error.text);
    return rc < 0 || failed;
}

static void help(FILE *out)
{
    fputs("usage: module_count ARM COUNT SCENARIO [MODULE_CONFIG], in the folder of modules/\n"
          "       module_count --round SCENARIO\n"
          "       module_count --compiler\n"
          "ARM is one of:\n",
          out);
    for (size_t i = 0; i < sizeof arms / sizeof *arms; i++)
        fprintf(out, "  %s\n", arms[i].name);
}

int main(int argc, char **argv)
{
    unsigned long count = argc == 4 || argc == 5 ? strtoul(argv[2], NULL, 10) : 0;
    if (argc == 2 && strcmp(argv[1], "--compiler") == 0)
        return puts(EVD_COMPILER) < 0;
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return help(stdout), 0;
    if (argc == 3 && strcmp(argv[1], "--round") == 0)
        return run(NULL, 0, argv[2], NULL);
    for (size_t i = 0; count > 0 && count <= CALLS_MAX && i < sizeof arms / sizeof *arms; i++) {
        if (strcmp(arms[i].name, argv[1]) == 0)
            return run(&arms[i], count, argv[3], argv[4]);
    }
    help(stderr);
    return 2;
}
