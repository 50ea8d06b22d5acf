/* What becomes of a call: its answer, as the envelope that its transport writes. */
#include "conn.h"

/* One answer is never longer than max_output, whatever else the buffer has room for. */
static inline int put(struct evd_work *work, struct evd_envelope *envelope,
                      struct evd_slice payload)
{
    struct evd_conn *conn = work->conn;
    struct evd_worker *worker = conn->worker;
    const struct evd_transport *transport = conn->decoding.transport;
    struct evd_buf *out = evd_conn_output(conn);
    size_t before = out->len;
    int rc;
    envelope->data = payload;
    if (evd_envelope_is_plain(envelope))
        rc = transport->encode(out, envelope);
    else
        rc = evd_envelope_encode(envelope, transport, &worker->codecs, payload, out);
    if (rc == EVD_OK && out->len - before > worker->config->max_output) {
        evd_buf_truncate(out, before);
        rc = EVD_ERR_TOO_LARGE;
    }
    if (rc == EVD_OK)
        work->trace.reply_bytes += out->len - before;
    return rc;
}

static int sink_reply(struct evd_sink *sink, struct evd_slice json)
{
    struct evd_work *work = (struct evd_work *)((char *)sink - offsetof(struct evd_work, sink));
    /* The call's own envelope, returned: the same id and codec. */
    work->envelope.kind = EVD_KIND_REPLY;
    return put(work, &work->envelope, json);
}

static int sink_fail(struct evd_sink *sink, struct evd_slice code, struct evd_slice message)
{
    struct evd_work *work = (struct evd_work *)((char *)sink - offsetof(struct evd_work, sink));
    struct evd_envelope envelope;
    evd_envelope_init(&envelope, EVD_KIND_ERROR);
    envelope.id = work->envelope.id;
    envelope.code = code;
    envelope.message = message;
    evd_metrics_error(work->conn->worker->measure.metrics, code);
    int rc = put(work, &envelope, (struct evd_slice){0});
    if (rc == EVD_ERR_NO_MEMORY) /* or the next call's answer would stand in this one's place */
        work->conn->closing = true;
    return rc;
}

static void sink_acquired(struct evd_sink *sink)
{
    struct evd_work *work = (struct evd_work *)((char *)sink - offsetof(struct evd_work, sink));
    if (work->trace.on)
        work->trace.acquired_ns = evd_metrics_now();
}

void evd_work_sink(struct evd_work *work)
{
    work->sink = (struct evd_sink){.reply = sink_reply, .fail = sink_fail};
    if (work->conn->worker->trace.held != NULL)
        work->sink.acquired = sink_acquired;
}

void evd_work_fail(struct evd_work *work, int status, const char *text)
{
    if (sink_fail(&work->sink, evd_slice_text(evd_status_code(status)), evd_slice_text(text)) < 0)
        work->conn->closing = true;
}
