#include "http.h"

#include <http_parser.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>

static bool is_equal(struct evd_slice a, const char *text)
{
    return a.len == strlen(text) && strncasecmp(a.ptr, text, a.len) == 0;
}

/* RFC 9110, 5.6.2 */
static bool is_token(struct evd_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!alnum && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL))
            return false;
    }
    return text.len > 0;
}

static int refuse(struct evd_http_request *request, unsigned status, const char *why)
{
    request->status = status;
    request->why = why;
    return status == 413 || status == 414 || status == 431 ? EVD_ERR_TOO_LARGE
                                                           : EVD_ERR_BAD_PROTOCOL;
}

/* ---- The request line. ---- */

struct request_line {
    struct evd_slice method, target;
    unsigned minor;
};

static int split_line(struct evd_slice line, struct request_line *ret_line,
                      struct evd_http_request *request)
{
    const char *space = memchr(line.ptr, ' ', line.len), *end = line.ptr + line.len;
    if (space == NULL)
        return refuse(request, 400, "the request line must be METHOD TARGET HTTP/1.1");
    ret_line->method = evd_slice(line.ptr, (size_t)(space - line.ptr));
    if (!is_token(ret_line->method))
        return refuse(request, 400, "the method is not a token");
    const char *target = space + 1, *version = end - 8; /* HTTP/1.1 */
    if (version <= target || version[-1] != ' ' || memcmp(version, "HTTP/", 5) != 0 ||
        version[5] < '0' || version[5] > '9' || version[6] != '.' || version[7] < '0' ||
        version[7] > '9')
        return refuse(request, 400, "the request line must end with HTTP/1.1 or HTTP/1.0");
    if (version[5] != '1')
        return refuse(request, 505, "the versions are HTTP/1.1 and HTTP/1.0");
    ret_line->minor = (unsigned)(version[7] - '0');
    ret_line->target = evd_slice(target, (size_t)(version - 1 - target));
    for (size_t i = 0; i < ret_line->target.len; i++) {
        unsigned char c = (unsigned char)ret_line->target.ptr[i];
        if (c <= ' ' || c >= 0x7F || c == '#')
            return refuse(request, 400, "the target has a byte that no target may have");
    }
    return ret_line->target.len > 0 ? EVD_OK : refuse(request, 400, "the target is empty");
}

/* RFC 9112, 3.2: origin-form, absolute-form, authority-form for CONNECT, asterisk-form. */
static int split_target(struct evd_slice target, struct evd_http_request *request)
{
    struct http_parser_url url;
    if (target.ptr[0] == '/') {
        const char *mark = memchr(target.ptr, '?', target.len);
        size_t len = mark != NULL ? (size_t)(mark - target.ptr) : target.len;
        request->path = evd_slice(target.ptr, len);
        request->query = mark != NULL ? evd_slice(mark + 1, target.len - len - 1) : EVD_SLICE("");
        return EVD_OK;
    }
    request->path = target;
    request->query = EVD_SLICE("");
    if (evd_slice_equal(target, EVD_SLICE("*")) ||
        evd_slice_equal(request->method, EVD_SLICE("CONNECT")))
        return EVD_OK;
    http_parser_url_init(&url);
    if (target.len < 8 || strncasecmp(target.ptr, "http://", 7) != 0 ||
        http_parser_parse_url(target.ptr, target.len, 0, &url) != 0)
        return refuse(request, 400, "the target must be a path or http://HOST/PATH");
    request->path = EVD_SLICE("/");
    if (url.field_set & (1u << UF_PATH))
        request->path =
            evd_slice(target.ptr + url.field_data[UF_PATH].off, url.field_data[UF_PATH].len);
    if (url.field_set & (1u << UF_QUERY))
        request->query =
            evd_slice(target.ptr + url.field_data[UF_QUERY].off, url.field_data[UF_QUERY].len);
    return EVD_OK;
}

/* ---- The fields. ---- */

struct reading {
    struct evd_http_request *request;
    unsigned max_fields;
    bool in_value, too_many;
};

static int on_field(http_parser *parser, const char *at, size_t len)
{
    struct reading *reading = parser->data;
    struct evd_http_request *request = reading->request;
    if (request->field_count > 0 && !reading->in_value) {
        request->fields[request->field_count - 1].name.len += len;
        return 0;
    }
    if (request->field_count == reading->max_fields) {
        reading->too_many = true;
        return 1;
    }
    request->fields[request->field_count++] =
        (struct evd_http_field){.name = evd_slice(at, len), .value = EVD_SLICE("")};
    reading->in_value = false;
    return 0;
}

static int on_value(http_parser *parser, const char *at, size_t len)
{
    struct reading *reading = parser->data;
    struct evd_slice *value = &reading->request->fields[reading->request->field_count - 1].value;
    if (!reading->in_value)
        *value = evd_slice(at, 0);
    reading->in_value = true;
    value->len += len;
    return 0;
}

static int on_head_complete(http_parser *parser)
{
    struct reading *reading = parser->data;
    reading->request->keep_alive = http_should_keep_alive(parser) != 0;
    reading->request->upgrade = parser->upgrade != 0;
    return 1; /* no body follows: one that is announced was refused, or will be */
}

/* uri-host [ ":" port ], by its characters (RFC 3986, 3.2.2): enough to refuse what is none. */
static bool is_host(struct evd_slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!alnum && (c == '\0' || strchr("-._~%!$&'()*+;=:[]", c) == NULL))
            return false;
    }
    return true;
}

/* What decides where a request ends, or for whom it is, may be said once and in one way.
 * `whole`: these are all fields, and not those before an error. */
static int check_fields(struct evd_http_request *request, bool whole)
{
    unsigned hosts = 0, lengths = 0;
    const struct evd_http_field *coding = NULL, *length = NULL;

    for (unsigned i = 0; i < request->field_count; i++) {
        struct evd_http_field *field = &request->fields[i];
        while (field->value.len > 0 && (field->value.ptr[field->value.len - 1] == ' ' ||
                                        field->value.ptr[field->value.len - 1] == '\t'))
            field->value.len--;
        if (!is_token(field->name))
            return refuse(request, 400, "a field name is not a token");
        if (is_equal(field->name, "host")) {
            if (++hosts > 1 || !is_host(field->value))
                return refuse(request, 400, "Host must be one host and port");
        } else if (is_equal(field->name, "content-length")) {
            lengths++;
            length = field;
        } else if (is_equal(field->name, "transfer-encoding")) {
            if (coding != NULL)
                return refuse(request, 400, "Transfer-Encoding stands twice");
            coding = field;
        }
    }
    if (hosts == 0 && request->minor > 0 && whole)
        return refuse(request, 400, "HTTP/1.1 needs a Host");
    if (lengths > 1 || (lengths > 0 && coding != NULL))
        return refuse(request, 400, "the length of the body is told twice");
    if (coding != NULL && request->minor == 0)
        return refuse(request, 400, "HTTP/1.0 has no Transfer-Encoding");
    if (coding != NULL && !is_equal(coding->value, "chunked"))
        return refuse(request, 501, "no transfer coding is understood but chunked");
    if (coding != NULL || (length != NULL && strspn(length->value.ptr, "0") < length->value.len))
        return refuse(request, 413, "no path here takes a body");
    return EVD_OK;
}

static int read_head(struct evd_slice head, const struct request_line *line, unsigned max_fields,
                     struct evd_http_request *request)
{
    static const http_parser_settings settings = {.on_header_field = on_field,
                                                  .on_header_value = on_value,
                                                  .on_headers_complete = on_head_complete};
    struct reading reading = {.request = request, .max_fields = max_fields};
    http_parser parser;

    http_parser_init(&parser, HTTP_REQUEST);
    parser.data = &reading;
    size_t read = http_parser_execute(&parser, &settings, head.ptr, head.len);
    enum http_errno error = HTTP_PARSER_ERRNO(&parser);
    if (reading.too_many)
        return refuse(request, 431, "there are more fields than are allowed");
    if (error == HPE_INVALID_METHOD)
        return refuse(request, 501, "there is no such method");
    if (error == HPE_OK && read != head.len)
        return refuse(request, 400, "the request does not end where its head does");
    request->method = line->method;
    request->minor = line->minor;
    int rc = check_fields(request, error == HPE_OK);
    /* What the library found is told in its words, unless the checks here have better ones. */
    if (error != HPE_OK && request->status != 400)
        return refuse(request, 400, http_errno_description(error));
    return rc < 0 ? rc : split_target(line->target, request);
}

/* ---- The bytes. ---- */

/* Looks at one byte of the head. EVD_OK: the head ends with it; EVD_MORE; or it is refused. */
static int scan_byte(struct evd_http_decoder *decoder, struct evd_slice in, size_t at,
                     struct evd_http_request *request)
{
    unsigned char c = (unsigned char)in.ptr[at],
                  before = at > 0 ? (unsigned char)in.ptr[at - 1] : 0;
    bool line_start = before == '\n';

    if (before == '\r' && c != '\n')
        return refuse(request, 400, "a CR stands without its LF");
    if (c == '\n' && before != '\r')
        return refuse(request, 400, "a line must end with CR LF");
    if ((c < ' ' && c != '\t' && c != '\r' && c != '\n') || c == 0x7F)
        return refuse(request, 400, "a control character");
    if (line_start && (c == ' ' || c == '\t'))
        return refuse(request, 400, "a field is folded over two lines");
    if (c != '\n')
        return EVD_MORE;
    if (decoder->line == 0) {
        struct request_line line;
        decoder->line = (uint32_t)at - 1;
        int rc = split_line(evd_slice(in.ptr, decoder->line), &line, request);
        return rc < 0 ? rc : EVD_MORE;
    }
    return at >= 3 && in.ptr[at - 2] == '\n' ? EVD_OK : EVD_MORE;
}

/* RFC 9112, 2.2: empty lines before a request line are skipped. */
static size_t skip_empty_lines(struct evd_slice in)
{
    size_t skip = 0;
    while (in.len - skip >= 2 && in.ptr[skip] == '\r' && in.ptr[skip + 1] == '\n')
        skip += 2;
    return skip;
}

int evd_http_decode(struct evd_http_decoder *decoder, const struct evd_http_limits *limits,
                    struct evd_slice in, bool eof, size_t *ret_used,
                    struct evd_http_request *ret_request)
{
    size_t skip = decoder->scanned == 0 ? skip_empty_lines(in) : 0;
    size_t at = decoder->scanned;
    struct evd_slice rest = evd_slice(in.ptr + skip, in.len - skip);
    int rc = EVD_MORE;

    ret_request->status = 0;
    ret_request->why = "";
    ret_request->field_count = 0;
    *ret_used = eof ? in.len : skip;
    if (rest.len == 1 && rest.ptr[0] == '\r') /* an empty line, if its LF comes */
        return EVD_MORE;
    while (rc == EVD_MORE && at < rest.len && at < limits->max_head)
        rc = scan_byte(decoder, rest, at++, ret_request);
    decoder->scanned = (uint32_t)at;
    if (rc == EVD_MORE && at >= limits->max_head)
        rc = decoder->line == 0 ? refuse(ret_request, 414, "the target is too long")
                                : refuse(ret_request, 431, "the fields are too long");
    if (rc == EVD_MORE)
        return rc;
    if (rc == EVD_OK) {
        struct request_line line;
        rc = split_line(evd_slice(rest.ptr, decoder->line), &line, ret_request);
        if (rc >= 0)
            rc = read_head(evd_slice(rest.ptr, at), &line, limits->max_fields, ret_request);
    }
    *ret_used = rc < 0 ? in.len : skip + at;
    *decoder = (struct evd_http_decoder){0};
    return rc;
}

const struct evd_http_field *evd_http_get(const struct evd_http_request *request, const char *name)
{
    for (unsigned i = 0; i < request->field_count; i++) {
        if (is_equal(request->fields[i].name, name))
            return &request->fields[i];
    }
    return NULL;
}

/* ---- Answers. ---- */

const char *evd_http_reason(unsigned status)
{
    switch (status) {
    case 200:
        return "OK";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 413:
        return "Content Too Large";
    case 414:
        return "URI Too Long";
    case 431:
        return "Request Header Fields Too Large";
    case 500:
        return "Internal Server Error";
    case 501:
        return "Not Implemented";
    case 503:
        return "Service Unavailable";
    case 505:
        return "HTTP Version Not Supported";
    default:
        return "";
    }
}

#define DATE_SIZE 80 /* whatever gmtime() says */

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7), whatever the locale. */
static void format_date(int64_t seconds, char out[static DATE_SIZE])
{
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t when = (time_t)seconds;
    struct tm utc;
    if (gmtime_r(&when, &utc) == NULL)
        memset(&utc, 0, sizeof utc);
    (void)snprintf(out, DATE_SIZE, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days[utc.tm_wday],
                   utc.tm_mday, months[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
                   utc.tm_sec);
}

int evd_http_encode(struct evd_buf *out, const struct evd_http_response *response)
{
    const struct evd_http_request *request = response->request;
    const char *reason = evd_http_reason(response->status);
    char head[512], date[DATE_SIZE], plain[64];
    struct evd_slice body = response->body;

    if (body.len == 0)
        body = evd_slice(plain, (size_t)snprintf(plain, sizeof plain, "%s\n", reason));
    format_date(response->date, date);
    const char *named = response->allow != NULL       ? "Allow: "
                        : response->challenge != NULL ? "WWW-Authenticate: "
                                                      : "";
    const char *value = response->allow != NULL       ? response->allow
                        : response->challenge != NULL ? response->challenge
                                                      : "";
    int len = snprintf(head, sizeof head,
                       "HTTP/1.1 %u %s\r\nDate: %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                       "Cache-Control: no-store\r\n%s%s%s%s\r\n",
                       response->status, reason, date,
                       response->type != NULL ? response->type : "text/plain; charset=utf-8",
                       body.len, named, value, named[0] != '\0' ? "\r\n" : "",
                       response->close                               ? "Connection: close\r\n"
                       : request->status == 0 && request->minor == 0 ? "Connection: keep-alive\r\n"
                                                                     : "");
    if (len < 0 || (size_t)len >= sizeof head)
        return EVD_ERR_TOO_LARGE;
    bool bare = request->status == 0 && evd_slice_equal(request->method, EVD_SLICE("HEAD"));
    int rc = evd_buf_reserve(out, (size_t)len + (bare ? 0 : body.len));
    if (rc < 0)
        return rc;
    (void)evd_buf_append(out, head, (size_t)len);
    return bare ? EVD_OK : evd_buf_append_slice(out, body);
}
