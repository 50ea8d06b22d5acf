/* A module declared by hand, with one thing wrong: ABI, SIZE, NAME, CODE or COUNT. */
#include <evdispatch/module.h>
#include <stddef.h>

#ifndef ABI
#define ABI EVD_ABI_VERSION
#endif
#ifndef SIZE
#define SIZE sizeof(struct evd_module)
#endif
#ifndef NAME
#define NAME "version"
#endif
#ifndef CODE
#define CODE version
#endif
#ifndef COUNT
#define COUNT 1
#endif

int version(void *state, struct evd_call *call);

int version(void *state, struct evd_call *call)
{
    (void)state;
    return evd_reply_string(call, EVD_SLICE("a broken module answered"));
}

static const struct evd_function functions[] = {{NAME, CODE}};

static const struct evd_module module = {
    .abi_version = ABI,
    .size = SIZE,
    .name = "broken",
    .functions = functions,
    .function_count = COUNT,
};

extern const struct evd_module *const evd_module_entry;
const struct evd_module *const evd_module_entry = &module;
