/* A module to copy.
 *
 * 1. Copy this file to modules/<name>.c and give EVD_MODULE() that <name>.
 * 2. Add EVD_BUILTIN("api.<name>", <name>) to modules.def.
 * 3. ./evdispatch build, then: ./evdispatch serve --dispatch=static --listen tcp://127.0.0.1:7000
 * 4. echo '{"event":"api.<name>.add","data":[1,2]}' | nc -N 127.0.0.1 7000
 *
 * The same source runs under --dispatch=dynamic and --dispatch=instance. docs/EXTENDING.md has the
 * whole of it: outside this tree, configuration, answers that come later, the measurement. */
#include <cjson/cJSON.h>
#include <evdispatch/module.h>

/* What the module keeps. Under static and cached dynamic it lives from the first call to the last;
 * otherwise it is new on every call. Zeroed before open(). Leave it out if there is nothing. */
struct state {
    double sum;
};

/* Builds tables, reads files; a negative status refuses. config->json is what --module-config holds
 * for this module. */
static int open_template(void *state, const struct evd_config *config)
{
    struct state *s = state;
    cJSON *json = cJSON_ParseWithLength(config->json.ptr, config->json.len); /* NULL: nothing */
    const cJSON *start = cJSON_GetObjectItemCaseSensitive(json, "start");
    s->sum = cJSON_IsNumber(start) ? start->valuedouble : 0;
    if (start != NULL && !cJSON_IsNumber(start))
        evd_config_log(config, EVD_LOG_WARNING, "start is no number: it begins at 0");
    cJSON_Delete(json);
    return EVD_OK;
}

static void close_template(void *state)
{
    (void)state; /* give back what open() took */
}

/* A function answers and returns; it may read the payload as bytes (evd_data) or as a tree. */
static int add(void *state, struct evd_call *call)
{
    struct state *s = state;
    const cJSON *data, *item;

    int rc = evd_json(call, &data);
    if (rc < 0)
        return rc; /* the client is told that its data is not JSON, and where */
    if (!cJSON_IsArray(data))
        return evd_fail(call, "bad_data", "data must be an array of numbers");
    cJSON_ArrayForEach(item, data) s->sum += cJSON_IsNumber(item) ? item->valuedouble : 0;

    cJSON answer = {.type = cJSON_Number, .valuedouble = s->sum};
    return evd_reply_json(call, &answer);
}

static const struct evd_function functions[] = {
    {"add", add},
};

EVD_MODULE(TEMPLATE, .state_size = sizeof(struct state), .open = open_template,
           .close = close_template, EVD_FUNCTIONS(functions));
