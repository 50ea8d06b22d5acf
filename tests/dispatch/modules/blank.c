/* A state of STATE_SIZE bytes: open() wants it zero, the function tells how much of it is not and
 * leaves nothing of it zero, nor does close(). */
#include <evdispatch/module.h>
#include <stdalign.h>
#include <stddef.h>
#include <string.h>

static uint64_t dirty(const void *state)
{
    const unsigned char *bytes = state;
    uint64_t count = 0;
    for (size_t i = 0; i < STATE_SIZE; i++)
        count += bytes[i] != 0;
    return count;
}

static int open_blank(void *state, const struct evd_config *config)
{
    (void)config;
    int aligned = (uintptr_t)state % alignof(max_align_t) == 0;
    return aligned && dirty(state) == 0 ? EVD_OK : EVD_ERR_INTERNAL;
}

static void close_blank(void *state)
{
    memset(state, 0xFF, STATE_SIZE);
}

static int scribble(void *state, struct evd_call *call)
{
    uint64_t found = dirty(state);
    memset(state, 0xFF, STATE_SIZE);
    return evd_reply_uint(call, found);
}

static const struct evd_function functions[] = {
    {"scribble", scribble},
};

/* One step more, so that MODULE_IDENT is replaced before EVD_MODULE() pastes it. */
#define DEFINE(ident, ...) EVD_MODULE(ident, __VA_ARGS__)

DEFINE(MODULE_IDENT, .state_size = STATE_SIZE, .open = open_blank, .close = close_blank,
       EVD_FUNCTIONS(functions));
