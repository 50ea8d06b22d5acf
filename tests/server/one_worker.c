#include "one_worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h> /* needs setjmp.h, stdarg.h, stddef.h and stdint.h before it */

void one_worker_init(struct one_worker *one, const struct evd_builtin *table, size_t count)
{
    char name[] = "evd-server", *argv[] = {name, NULL};
    *one = (struct one_worker){0};
    assert_int_equal(evd_config_parse(1, argv, &one->config), EVD_CONFIG_RUN);
    one->config.listen_count = 0;
    one->config.dispatch.builtins = table;
    one->config.dispatch.builtin_count = count;
}

void one_worker_open(struct one_worker *one)
{
    int ends[2];
    struct evd_error error;
    assert_int_equal(evd_worker_open(&one->worker, &one->config, 0, &one->shared, &error), EVD_OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    one->client = ends[0];
    evd_worker_accept(&one->worker, ends[1], false);
}

void one_worker_close(struct one_worker *one)
{
    evd_worker_close(&one->worker);
    evd_worker_release(&one->worker);
    (void)close(one->client);
}
