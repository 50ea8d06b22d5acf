/* A module of the tests that does what none should: it blocks its thread. */
#include <evdispatch/module.h>

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Data: the path of a FIFO, a JSON string. Answers when somebody has opened it for writing and has
 * closed it. */
static int on(void *state, struct evd_call *call)
{
    (void)state;
    struct evd_slice data = evd_data(call);
    char path[256] = "", byte;
    if (data.len < 3 || data.len - 2 >= sizeof path)
        return evd_fail(call, "bad_data", "data must be the path of a FIFO");
    memcpy(path, data.ptr + 1, data.len - 2);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return evd_fail(call, "bad_data", "the FIFO cannot be opened");
    while (read(fd, &byte, 1) > 0)
        continue;
    (void)close(fd);
    return evd_reply(call, EVD_SLICE("\"went on\""));
}

static int now(void *state, struct evd_call *call)
{
    (void)state;
    return evd_reply(call, EVD_SLICE("\"now\""));
}

static const struct evd_function functions[] = {
    {"on", on},
    {"now", now},
};

EVD_MODULE(stall, EVD_FUNCTIONS(functions));
