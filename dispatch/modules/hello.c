/* api.hello: greets by a name that stands in the envelope, or else in the data. */
#include <cjson/cJSON.h>
#include <evdispatch/module.h>

static int find_name(struct evd_call *call, const char **ret_name)
{
    const cJSON *name, *data;

    *ret_name = NULL;
    int rc = evd_member(call, "name", &name);
    if (rc < 0)
        return rc;
    if (!cJSON_IsString(name)) {
        rc = evd_json(call, &data);
        if (rc < 0)
            return rc;
        name = cJSON_GetObjectItemCaseSensitive(data, "name");
    }
    if (cJSON_IsString(name) && name->valuestring[0] != '\0')
        *ret_name = name->valuestring;
    return EVD_OK;
}

static int greeting(void *state, struct evd_call *call)
{
    (void)state;
    const char *name;
    char text[512];

    int rc = find_name(call, &name);
    if (rc < 0)
        return rc;
    if (name == NULL)
        return evd_reply_string(call, EVD_SLICE("Name is not defined"));
    int len = snprintf(text, sizeof text, "You're welcome %s", name);
    if (len < 0 || (size_t)len >= sizeof text)
        return evd_fail(call, "name_too_long", "name has room for 490 bytes");
    return evd_reply_string(call, evd_slice(text, (size_t)len));
}

static const struct evd_function functions[] = {
    {"greeting", greeting},
};

EVD_MODULE(hello, EVD_FUNCTIONS(functions));
