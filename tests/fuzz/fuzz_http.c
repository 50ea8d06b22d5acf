/* HTTP requests: a byte that seeds the cuts, then the bytes of a client. */
#include "fuzz.h"

#include "server/wire/http.h"

static const struct evd_http_limits limits = {.max_head = 512, .max_fields = 8};

struct trace {
    uint64_t hash; /* FNV-1a of all that a reader can see */
    size_t requests;
    unsigned status; /* by which one was refused */
};

static void note(struct trace *trace, struct evd_slice slice)
{
    for (size_t i = 0; i < slice.len; i++)
        trace->hash = (trace->hash ^ (unsigned char)slice.ptr[i]) * 0x100000001b3u;
    trace->hash = (trace->hash ^ slice.len) * 0x100000001b3u;
}

/* What RFC 9110 lets stand in a field's value: no control characters but the tab. */
static void check_field(const struct evd_http_field *field)
{
    FUZZ_CHECK(field->name.len > 0);
    for (size_t i = 0; i < field->name.len; i++)
        FUZZ_CHECK(memchr(" \t:\r\n\0", field->name.ptr[i], 6) == NULL);
    for (size_t i = 0; i < field->value.len; i++)
        FUZZ_CHECK(memchr("\r\n\0", field->value.ptr[i], 3) == NULL);
    if (field->value.len > 0) {
        FUZZ_CHECK(memchr(" \t", field->value.ptr[0], 2) == NULL);
        FUZZ_CHECK(memchr(" \t", field->value.ptr[field->value.len - 1], 2) == NULL);
    }
}

static void check_request(struct trace *trace, const struct evd_http_request *request,
                          struct evd_slice given, size_t used)
{
    FUZZ_CHECK(request->status == 0 && used >= 16 && request->minor <= 9);
    FUZZ_CHECK(memcmp(given.ptr + used - 4, "\r\n\r\n", 4) == 0);
    FUZZ_CHECK(request->path.len > 0 && request->method.len > 0);
    FUZZ_CHECK(request->field_count <= limits.max_fields);
    note(trace, request->method);
    note(trace, request->path);
    note(trace, request->query);
    for (unsigned i = 0; i < request->field_count; i++) {
        const struct evd_http_field *field = &request->fields[i];
        check_field(field);
        note(trace, field->name);
        note(trace, field->value);
    }
    const char flags[] = {(char)('0' + request->minor), request->keep_alive ? 'k' : 'c',
                          request->upgrade ? 'u' : '-'};
    note(trace, evd_slice(flags, sizeof flags));
}

static void check_answer(const struct evd_http_request *request)
{
    struct evd_buf out;
    evd_buf_init(&out, 4096);
    const struct evd_http_response response = {
        .status = request->status != 0 ? request->status : 200,
        .request = request,
        .close = request->status != 0,
        .body = request->status != 0 ? evd_slice_text(request->why) : EVD_SLICE("ok\n"),
        .date = 1700000000,
    };
    FUZZ_CHECK(evd_http_encode(&out, &response) == EVD_OK);
    FUZZ_CHECK(out.len > 12 && memcmp(out.ptr + out.off, "HTTP/1.1 ", 9) == 0);
    FUZZ_CHECK(memmem(out.ptr + out.off, out.len, "\r\n\r\n", 4) != NULL);
    evd_buf_release(&out);
}

static int decode(struct trace *trace, struct evd_http_decoder *decoder, struct evd_slice given,
                  bool eof, size_t *ret_used)
{
    static struct evd_http_request request;
    char *copy = fuzz_copy(given);
    struct evd_slice in = evd_slice(copy, given.len);
    *ret_used = SIZE_MAX;
    int rc = evd_http_decode(decoder, &limits, in, eof, ret_used, &request);
    FUZZ_CHECK(*ret_used <= given.len);
    if (rc == EVD_OK) {
        check_request(trace, &request, in, *ret_used);
    } else if (rc < 0) {
        FUZZ_CHECK(rc == EVD_ERR_BAD_PROTOCOL || rc == EVD_ERR_TOO_LARGE);
        FUZZ_CHECK(*ret_used == given.len && request.status >= 400 && request.why != NULL);
        FUZZ_CHECK(evd_http_reason(request.status)[0] != '\0');
        trace->status = request.status;
        note(trace, evd_slice_text(request.why));
    } else {
        FUZZ_CHECK(rc == EVD_MORE && (!eof || *ret_used == given.len));
    }
    if (rc != EVD_MORE) {
        trace->requests++;
        check_answer(&request);
    }
    free(copy);
    return rc;
}

/* step: bytes of a piece; 0: of any length. Stops where one is refused: the connection is closed.
 */
static struct trace run(struct evd_slice in, size_t step, uint64_t seed)
{
    struct trace trace = {.hash = 0xcbf29ce484222325u};
    struct evd_http_decoder decoder = {0};
    size_t from = 0, to = 0;
    do {
        size_t left = in.len - to, most = step > 0 ? step : 1 + fuzz_below(&seed, 64);
        to += left < most ? left : most;
        size_t used;
        int rc;
        do {
            rc = decode(&trace, &decoder, evd_slice(in.ptr + from, to - from), to == in.len, &used);
            from += used;
            if (rc < 0)
                return trace;
        } while (rc != EVD_MORE);
        FUZZ_CHECK(to - from < limits.max_head);
    } while (to < in.len);
    return trace;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct evd_slice in = fuzz_input(data, size);
    uint64_t seed = fuzz_byte(&in);
    struct trace whole = run(in, in.len, 0), bytes = run(in, 1, 0), pieces = run(in, 0, seed);
    FUZZ_CHECK(whole.requests == bytes.requests && whole.requests == pieces.requests);
    FUZZ_CHECK(whole.status == bytes.status && whole.status == pieces.status);
    FUZZ_CHECK(whole.hash == bytes.hash && whole.hash == pieces.hash);
    return 0;
}
