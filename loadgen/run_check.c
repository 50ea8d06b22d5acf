#include "run_check.h"

#include <limits.h>
#include <unistd.h>

/* Those of the machine: the server is where it is, and may be kept off ours. */
static int count_cpus(void)
{
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

/* A thread that spins takes a CPU whole: it must be one that nobody else needs. */
static int check_spin(const struct lg_run_options *options, struct evd_error *ret_error)
{
    int cpus = options->spin_ns != 0 ? count_cpus() : INT_MAX;

    if (options->cpu_count != 0 && options->cpu_count < options->threads && options->spin_ns != 0)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM,
                             "--spin needs a CPU for each thread: %u threads, %u --cpus",
                             options->threads, options->cpu_count);
    if ((unsigned)cpus <= options->threads)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM,
                             "--spin needs a CPU for each thread and one for the server: %u "
                             "thread%s, %d CPU%s",
                             options->threads, options->threads == 1 ? "" : "s", cpus,
                             cpus == 1 ? "" : "s");
    return EVD_OK;
}

/* What a transport without data cannot carry is known before the run. */
static int check_ordered(const struct lg_run_options *options, const struct lg_scenario *scenario,
                         struct evd_error *ret_error)
{
    for (size_t i = 0; i < scenario->count && options->transport->ordered; i++) {
        const struct lg_request *request = &scenario->requests[i];
        struct evd_envelope call = {.kind = EVD_KIND_CALL, .event = request->event};
        struct evd_buf out;
        evd_buf_init(&out, EVD_EVENT_MAX + 256);
        int rc = options->transport->encode(&out, &call);
        evd_buf_release(&out);
        if (rc == EVD_ERR_NO_MEMORY)
            return evd_error_set(ret_error, rc, "no memory for a request");
        if (rc < 0)
            return evd_error_set(ret_error, EVD_ERR_USAGE,
                                 "--transport %s: the event '%.60s' of the scenario is not a path "
                                 "that starts with '/'",
                                 options->transport->name, request->event.ptr);
        if (!evd_slice_equal(request->data, EVD_SLICE("null")) || !request->codec->identity)
            return evd_error_set(ret_error, EVD_ERR_USAGE,
                                 "--transport %s: a GET carries no data, and no encoding ('%.60s')",
                                 options->transport->name, request->event.ptr);
    }
    return EVD_OK;
}

int lg_run_check(const struct lg_run_options *options, const struct lg_scenario *scenario,
                 struct evd_error *ret_error)
{
    int rc = check_spin(options, ret_error);

    if (rc == EVD_OK && scenario->sequences && options->depth > 1)
        rc = evd_error_set(ret_error, EVD_ERR_USAGE,
                           "the scenario has sequences, which take a connection each: --depth 1, "
                           "not %u",
                           options->depth);
    return rc == EVD_OK ? check_ordered(options, scenario, ret_error) : rc;
}
