#include "trace.h"

#include <stdlib.h>

int evd_trace_open(struct evd_trace *trace, uint32_t every, struct evd_log *log)
{
    *trace = (struct evd_trace){.every = every, .until = 1, .log = log};
    if (every == 0)
        return EVD_OK;
    trace->held = malloc(EVD_TRACE_HELD * sizeof *trace->held);
    return trace->held != NULL ? EVD_OK : EVD_ERR_NO_MEMORY;
}

void evd_trace_close(struct evd_trace *trace)
{
    free(trace->held);
    *trace = (struct evd_trace){0};
}

void evd_trace_begin(struct evd_trace *trace, struct evd_trace_call *call, uint64_t connection,
                     uint64_t received_ns, const struct evd_id *id, size_t bytes)
{
    trace->calls++;
    call->on = --trace->until == 0;
    if (!call->on)
        return;
    trace->until = trace->every;
    call->has_id = id->kind == EVD_ID_UINT;
    call->connection = connection;
    call->call = trace->calls;
    call->id = id->number;
    call->received_ns = received_ns;
    call->decoded_ns = evd_metrics_now();
    call->acquired_ns = call->answered_ns = 0;
    call->request_bytes = bytes;
    call->reply_bytes = 0;
}

/* Since the call was received; nothing for what did not happen. */
static size_t add_since(struct evd_log_field *fields, size_t count, const char *name,
                        const struct evd_trace_call *call, uint64_t at_ns)
{
    if (at_ns == 0)
        return count;
    fields[count] = (struct evd_log_field){.name = name, .number = at_ns - call->received_ns};
    return count + 1;
}

/* written_ns 0: not, or not yet. */
static void tell(struct evd_trace *trace, const struct evd_trace_call *call, uint64_t written_ns)
{
    struct evd_log_field fields[12] = {
        {.name = "connection", .number = call->connection},
        {.name = "call", .number = call->call},
        {.name = "event", .text = call->event},
        {.name = "outcome", .text = call->outcome},
        {.name = "request_bytes", .number = call->request_bytes},
        {.name = "reply_bytes", .number = call->reply_bytes},
        {.name = "received_ns", .number = call->received_ns},
    };
    size_t count = add_since(fields, 7, "decoded_after_ns", call, call->decoded_ns);
    count = add_since(fields, count, "acquired_after_ns", call, call->acquired_ns);
    count = add_since(fields, count, "answered_after_ns", call, call->answered_ns);
    count = add_since(fields, count, "written_after_ns", call, written_ns);
    if (call->has_id)
        fields[count++] = (struct evd_log_field){.name = "id", .number = call->id};
    evd_log_fields(trace->log, "trace", fields, count);
}

void evd_trace_end(struct evd_trace *trace, struct evd_trace_call *call, uint32_t number,
                   struct evd_slice event, const char *outcome)
{
    call->answered_ns = evd_metrics_now();
    call->outcome = outcome;
    if (number == 0 || event.len > EVD_EVENT_MAX) /* what a client writes is not told */
        event = EVD_SLICE("");
    if (event.len > 0)
        memcpy(call->event, event.ptr, event.len);
    call->event[event.len] = '\0';
    call->on = false;
    if (trace->count < EVD_TRACE_HELD)
        trace->held[trace->count++] = *call;
    else
        tell(trace, call, 0);
}

void evd_trace_write(struct evd_trace *trace, bool all)
{
    uint64_t now = all ? evd_metrics_now() : 0;
    for (size_t i = 0; i < trace->count; i++)
        tell(trace, &trace->held[i], now);
    trace->count = 0;
}
