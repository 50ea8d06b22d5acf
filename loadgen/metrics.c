#include "metrics.h"
#include "now.h"

#include "server/wire/buf.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>

static const char request_text[] = "GET /metrics HTTP/1.1\r\nHost: loadgen\r\n\r\n";

/* ---- The page ---- */

/* The value of a line that begins with this name: "name 1", "name{a=\"b\"} 1". */
static int add_line(struct evd_slice line, const char *name, uint64_t *sum, bool *any,
                    struct evd_error *ret_error)
{
    size_t len = strlen(name);
    const char *space = memrchr(line.ptr, ' ', line.len);
    char number[32], *end;
    double value;

    if (line.len <= len || memcmp(line.ptr, name, len) != 0 ||
        (line.ptr[len] != ' ' && line.ptr[len] != '{'))
        return EVD_OK;
    snprintf(number, sizeof(number), "%.*s",
             space == NULL ? 0 : (int)(line.ptr + line.len - space - 1),
             space == NULL ? "" : space + 1);
    value = strtod(number, &end);
    if (*number == '\0' || *end != '\0' || !(value >= 0 && value <= 0x1p63))
        return evd_error_set(ret_error, EVD_ERR_BAD_DATA, "/metrics: %s is '%s', no count", name,
                             number);
    *sum += (uint64_t)value;
    *any = true;
    return EVD_OK;
}

int lg_metrics_parse(struct evd_slice page, struct lg_metrics *ret_metrics,
                     struct evd_error *ret_error)
{
    const struct {
        const char *name;
        uint64_t *sum;
    } families[] = {
#define LG_METRIC_FAMILY(member, key, family) {family, &ret_metrics->member},
        LG_METRIC_MAP(LG_METRIC_FAMILY)
#undef LG_METRIC_FAMILY
    };
    bool any = false;

    memset(ret_metrics, 0, sizeof(*ret_metrics));
    while (page.len > 0) {
        const char *end = memchr(page.ptr, '\n', page.len);
        struct evd_slice line =
            evd_slice(page.ptr, end == NULL ? page.len : (size_t)(end - page.ptr));
        size_t used = line.len + (end != NULL);

        for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
            if (add_line(line, families[i].name, families[i].sum, &any, ret_error) < 0)
                return EVD_ERR_BAD_DATA;
        page = evd_slice(page.ptr + used, page.len - used);
    }
    return any ? EVD_OK
               : evd_error_set(ret_error, EVD_ERR_BAD_DATA,
                               "/metrics has no evd_calls_total: is this an evd-server?");
}

void lg_metrics_between(const struct lg_metrics *before, const struct lg_metrics *after,
                        struct lg_metrics *ret_metrics)
{
#define LG_METRIC_DIFFERENCE(member, key, family)                                                  \
    ret_metrics->member = after->member - before->member;
    LG_METRIC_MAP(LG_METRIC_DIFFERENCE)
#undef LG_METRIC_DIFFERENCE
    ret_metrics->page_bytes = ret_metrics->request_bytes = 0;
    /* The first page went out after it was made, the second request came in before. */
    ret_metrics->sent -= before->page_bytes;
    ret_metrics->received -= after->request_bytes;
    ret_metrics->reads--;
}

/* ---- Fetching it ---- */

static bool wait_for(int fd, short events, uint64_t deadline_ns)
{
    struct pollfd pollfd = {.fd = fd, .events = events};
    uint64_t now = lg_now();

    return now < deadline_ns && poll(&pollfd, 1, (int)((deadline_ns - now) / 1000000) + 1) == 1;
}

static int send_request(int fd, uint64_t deadline_ns, struct evd_error *ret_error)
{
    struct evd_slice rest = evd_slice(request_text, sizeof(request_text) - 1);

    while (rest.len > 0) {
        ssize_t n = send(fd, rest.ptr, rest.len, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return evd_error_set(ret_error, EVD_ERR_SYSTEM, "cannot ask for /metrics: %s",
                                 strerror(errno));
        if (n < 0 && !wait_for(fd, POLLOUT, deadline_ns))
            return evd_error_set(ret_error, EVD_ERR_SYSTEM, "cannot ask for /metrics: no answer");
        if (n > 0)
            rest = evd_slice(rest.ptr + n, rest.len - (size_t)n);
    }
    return EVD_OK;
}

/* Where the body begins and how long it is. EVD_MORE: the head is not whole. Only what our server
 * sends is understood: a length, and no transfer coding. */
static int read_head(struct evd_slice in, size_t *ret_head, size_t *ret_body,
                     struct evd_error *ret_error)
{
    static const char ok[] = "HTTP/1.1 200 ", length[] = "\r\nContent-Length:";
    const char *end = memmem(in.ptr, in.len, "\r\n\r\n", 4);

    if (end == NULL)
        return EVD_MORE;
    *ret_head = (size_t)(end - in.ptr) + 4;
    if (*ret_head < sizeof(ok) || memcmp(in.ptr, ok, sizeof(ok) - 1) != 0)
        return evd_error_set(ret_error, EVD_ERR_BAD_DATA, "/metrics was answered '%.*s'",
                             (int)strcspn(in.ptr, "\r"), in.ptr);
    for (const char *at = in.ptr; at + sizeof(length) - 1 <= end; at++) {
        if (strncasecmp(at, length, sizeof(length) - 1) != 0)
            continue;
        *ret_body = strtoul(at + sizeof(length) - 1, NULL, 10); /* ends at "\r" */
        return EVD_OK;
    }
    return evd_error_set(ret_error, EVD_ERR_BAD_DATA, "/metrics was answered without a length");
}

/* Until `in` holds the whole answer. */
static int receive_page(int fd, struct evd_buf *in, uint64_t deadline_ns, size_t *ret_head,
                        struct evd_error *ret_error)
{
    size_t body = 0;

    for (;;) {
        int rc = in->len == 0 ? EVD_MORE : read_head(evd_buf_slice(in), ret_head, &body, ret_error);
        ssize_t n;

        if (rc < 0 || (rc == EVD_OK && in->len - *ret_head >= body))
            return rc;
        if (evd_buf_reserve(in, 65536) < 0)
            return evd_error_set(ret_error, EVD_ERR_BAD_DATA, "/metrics has more than %zu bytes",
                                 LG_METRICS_BYTES_MAX);
        n = recv(fd, evd_buf_tail(in), evd_buf_room(in), MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            return evd_error_set(ret_error, EVD_ERR_SYSTEM, "cannot read /metrics: %s",
                                 n == 0 ? "the connection was closed" : strerror(errno));
        if (n < 0 && !wait_for(fd, POLLIN, deadline_ns))
            return evd_error_set(ret_error, EVD_ERR_SYSTEM, "cannot read /metrics: no answer");
        if (n > 0)
            evd_buf_commit(in, (size_t)n);
    }
}

int lg_metrics_get(int fd, struct lg_metrics *ret_metrics, struct evd_error *ret_error)
{
    uint64_t deadline_ns = lg_now() + LG_METRICS_WAIT_NS;
    struct evd_buf in;
    size_t head = 0;
    int rc = send_request(fd, deadline_ns, ret_error);

    evd_buf_init(&in, LG_METRICS_BYTES_MAX);
    if (rc == EVD_OK)
        rc = receive_page(fd, &in, deadline_ns, &head, ret_error);
    if (rc == EVD_OK)
        rc = lg_metrics_parse(evd_slice(evd_buf_slice(&in).ptr + head, in.len - head), ret_metrics,
                              ret_error);
    if (rc == EVD_OK) {
        ret_metrics->page_bytes = in.len;
        ret_metrics->request_bytes = sizeof(request_text) - 1;
    }
    evd_buf_release(&in);
    return rc;
}
