/* The table of names against a list that is searched from its start. */
#include "fuzz.h"

#include "dispatch/names.h"

#define NAMES_MAX 256

struct model {
    struct evd_slice names[NAMES_MAX];
    const char *values[NAMES_MAX];
    size_t count;
};

static size_t find(const struct model *model, struct evd_slice name)
{
    size_t i = 0;
    while (i < model->count && !evd_slice_equal(model->names[i], name))
        i++;
    return i;
}

/* docs/PROTOCOL.md, by the letter: segments joined by dots, none of them empty. */
static bool is_event(struct evd_slice name)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    size_t segment = 0;
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '.' && segment > 0)
            segment = 0;
        else if (name.ptr[i] != '\0' && strchr(letters, name.ptr[i]) != NULL)
            segment++;
        else
            return false;
    }
    return segment > 0 && name.len <= 255;
}

/* The value of a name, which is where the model's copy of it lies. */
static const char *get(const struct evd_names *names, struct evd_slice name)
{
    const char **value = evd_names_get(names, name);
    return value == NULL ? NULL : *value;
}

static void check_all(const struct evd_names *names, const struct model *model)
{
    FUZZ_CHECK(names->count == model->count);
    for (size_t i = 0; i < model->count; i++)
        FUZZ_CHECK(get(names, model->names[i]) == model->values[i]);
}

static void put(struct evd_names *names, struct model *model, struct evd_slice name)
{
    size_t at = find(model, name);
    if (at == NAMES_MAX)
        return;
    FUZZ_CHECK(evd_names_put(names, name, &name.ptr) == EVD_OK);
    model->names[at] = name;
    model->values[at] = name.ptr;
    if (at == model->count)
        model->count++;
}

/* A length, whose lowest bit says whether to add or to look up, then a name; and so on. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct evd_slice in = fuzz_input(data, size);
    FUZZ_CHECK((evd_name_is_valid(in) != 0) == is_event(in));

    static struct model model;
    struct evd_names names;
    model.count = 0;
    evd_names_init_seeded(&names, sizeof(const char *), fuzz_byte(&in));
    while (in.len > 0) {
        unsigned byte = fuzz_byte(&in);
        size_t len = byte >> 1 < in.len ? byte >> 1 : in.len;
        struct evd_slice name = evd_slice(in.ptr, len);
        in = evd_slice(in.ptr + len, in.len - len);
        FUZZ_CHECK((evd_name_is_valid(name) != 0) == is_event(name));
        size_t at = find(&model, name);
        FUZZ_CHECK(get(&names, name) == (at < model.count ? model.values[at] : NULL));
        if ((byte & 1) != 0)
            put(&names, &model, name);
    }
    check_all(&names, &model);
    evd_names_release(&names);
    return 0;
}
