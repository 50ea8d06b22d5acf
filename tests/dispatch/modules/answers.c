/* Every way to answer, and not to. What a function learned that it cannot answer with stands in
 * call->context, where the test reads it. */
#include <cjson/cJSON.h>
#include <evdispatch/module.h>
#include <stdlib.h>

static void note(struct evd_call *call, int status)
{
    call->context = (void *)(intptr_t)status;
}

static int raw(void *state, struct evd_call *call)
{
    (void)state;
    return evd_reply(call, EVD_SLICE("{\"raw\": [1,  2]}"));
}

static int echo(void *state, struct evd_call *call)
{
    (void)state;
    return evd_reply(call, evd_data(call));
}

static int text(void *state, struct evd_call *call)
{
    (void)state;
    return evd_reply_string(call, evd_data(call));
}

static int largest(void *state, struct evd_call *call)
{
    (void)state;
    return evd_reply_uint(call, UINT64_MAX);
}

static int tree(void *state, struct evd_call *call)
{
    (void)state;
    const cJSON *data;
    int rc = evd_json(call, &data);
    return rc < 0 ? rc : evd_reply_json(call, data);
}

static int same_tree(void *state, struct evd_call *call)
{
    (void)state;
    const cJSON *first, *second;
    int rc = evd_json(call, &first);
    if (rc >= 0)
        rc = evd_json(call, &second);
    return rc < 0 ? rc : evd_reply_uint(call, first == second);
}

/* A tree of its own, made and freed with cJSON. */
static int own_tree(void *state, struct evd_call *call)
{
    (void)state;
    const cJSON *data;
    int rc = evd_json(call, &data);
    if (rc < 0)
        return rc;
    cJSON *own = cJSON_CreateObject();
    cJSON *copy = cJSON_Duplicate(data, 1);
    if (own == NULL || copy == NULL || !cJSON_AddItemToObject(own, "copy", copy)) {
        cJSON_Delete(copy);
        cJSON_Delete(own);
        return EVD_ERR_NO_MEMORY;
    }
    rc = evd_reply_json(call, own);
    cJSON_Delete(own);
    return rc;
}

static int member(void *state, struct evd_call *call)
{
    (void)state;
    const cJSON *name;
    int rc = evd_member(call, "name", &name);
    if (rc < 0)
        return rc;
    return name != NULL ? evd_reply_json(call, name) : evd_reply_string(call, EVD_SLICE("none"));
}

static int survives(void *state, struct evd_call *call)
{
    (void)state;
    const cJSON *data;
    note(call, evd_json(call, &data));
    return evd_reply_string(call, EVD_SLICE("survived"));
}

static int reply_twice(void *state, struct evd_call *call)
{
    (void)state;
    (void)evd_reply(call, EVD_SLICE("1"));
    note(call, evd_reply(call, EVD_SLICE("2")));
    (void)evd_reply_string(call, EVD_SLICE("3"));
    (void)evd_fail(call, "late", "too late");
    return EVD_DONE;
}

static int reply_then_fail(void *state, struct evd_call *call)
{
    (void)state;
    (void)evd_reply(call, EVD_SLICE("1"));
    note(call, evd_fail(call, "late", "too late"));
    return EVD_DONE;
}

static int fail_then_reply(void *state, struct evd_call *call)
{
    (void)state;
    (void)evd_fail(call, "first", "The first stands");
    note(call, evd_reply(call, EVD_SLICE("2")));
    return EVD_DONE;
}

static int reply_then_more(void *state, struct evd_call *call)
{
    (void)state;
    (void)evd_reply(call, EVD_SLICE("1"));
    return EVD_MORE;
}

static int reply_then_error(void *state, struct evd_call *call)
{
    (void)state;
    (void)evd_reply(call, EVD_SLICE("1"));
    return EVD_ERR_BUSY;
}

static int ignore_refusal(void *state, struct evd_call *call)
{
    (void)state;
    note(call, evd_reply(call, EVD_SLICE("1")));
    return EVD_DONE;
}

static int retry_smaller(void *state, struct evd_call *call)
{
    (void)state;
    if (evd_reply(call, EVD_SLICE("[1,2,3]")) < 0)
        return evd_fail(call, "too_long", "The list is too long");
    return EVD_DONE;
}

static int nothing(void *state, struct evd_call *call)
{
    (void)state;
    (void)call;
    return EVD_DONE;
}

/* Returns the number that it is sent. */
static int status(void *state, struct evd_call *call)
{
    (void)state;
    const cJSON *data;
    int rc = evd_json(call, &data);
    return rc < 0 ? rc : data->valueint;
}

static int fail(void *state, struct evd_call *call)
{
    (void)state;
    return evd_fail(call, "out_of_stock",
                    "No \"Stra\xc3\x9f"
                    "e\" left");
}

static const struct evd_function functions[] = {
    {"raw", raw},
    {"echo", echo},
    {"text", text},
    {"largest", largest},
    {"tree", tree},
    {"same_tree", same_tree},
    {"own_tree", own_tree},
    {"member", member},
    {"survives", survives},
    {"reply_twice", reply_twice},
    {"reply_then_fail", reply_then_fail},
    {"fail_then_reply", fail_then_reply},
    {"reply_then_more", reply_then_more},
    {"reply_then_error", reply_then_error},
    {"ignore_refusal", ignore_refusal},
    {"retry_smaller", retry_smaller},
    {"nothing", nothing},
    {"status", status},
    {"fail", fail},
};

EVD_MODULE(answers, EVD_FUNCTIONS(functions));
