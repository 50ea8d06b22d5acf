#include "log.h"

#include "dispatch/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int open_file(const char *path, int flags, struct evd_error *ret_error)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | flags, 0640);
    if (fd < 0)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "--log-file %s: %s", path, strerror(errno));
    return fd;
}

int evd_log_open(struct evd_log *log, const char *path, struct evd_error *ret_error)
{
    *log = (struct evd_log){.fd = STDERR_FILENO};
    if (path == NULL)
        return EVD_OK;
    int fd = open_file(path, 0, ret_error);
    if (fd < 0)
        return fd;
    *log = (struct evd_log){.fd = fd, .path = path};
    return EVD_OK;
}

int evd_log_reopen(struct evd_log *log, struct evd_error *ret_error)
{
    if (log->path == NULL)
        return EVD_OK;
    /* A pipe that nobody reads is refused: who waited for a reader would hold up all signals. */
    int fd = open_file(log->path, O_NONBLOCK, ret_error);
    if (fd < 0)
        return fd;
    (void)fcntl(fd, F_SETFL, O_APPEND); /* but lines wait for who does read, as before */
    /* The number stays and changes its file in one step: a line goes to the old or to the new. */
    int rc = dup3(fd, log->fd, O_CLOEXEC) < 0
                 ? evd_error_set(ret_error, EVD_ERR_SYSTEM, "--log-file %s: %s", log->path,
                                 strerror(errno))
                 : EVD_OK;
    (void)close(fd);
    return rc;
}

void evd_log_close(struct evd_log *log)
{
    if (log->path != NULL)
        (void)close(log->fd);
    *log = (struct evd_log){.fd = STDERR_FILENO};
}

/* ---- Lines. ---- */

struct line {
    char text[EVD_LOG_LINE_MAX];
    size_t len; /* at most what leaves room for TAIL */
};

#define TAIL 4 /* "} and the newline, or the newline */

static void put_bytes(struct line *line, const char *bytes, size_t len)
{
    size_t room = sizeof line->text - TAIL - line->len;
    if (len > room)
        len = room;
    memcpy(line->text + line->len, bytes, len);
    line->len += len;
}

static void put(struct line *line, const char *text)
{
    put_bytes(line, text, strlen(text));
}

/* The inside of a JSON string; where it does not fit it is cut between two characters. */
static void put_escaped(struct line *line, const char *text)
{
    size_t len = strlen(text);
    char escaped[EVD_JSON_ESCAPED_MAX(4)];
    for (size_t at = 0; at < len;) {
        size_t bytes = 1;
        while (bytes < 4 && at + bytes < len && ((unsigned char)text[at + bytes] & 0xC0) == 0x80)
            bytes++;
        size_t out = evd_json_escape(evd_slice(text + at, bytes), escaped);
        if (line->len + out > sizeof line->text - TAIL)
            return;
        put_bytes(line, escaped, out);
        at += bytes;
    }
}

static void put_time(struct line *line)
{
    char text[64];
    struct timespec now;
    struct tm utc;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &utc);
    size_t len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    (void)snprintf(text + len, sizeof text - len, ".%03ldZ", now.tv_nsec / 1000000);
    put(line, text);
}

/* As far as a line of this level, or kind, looks alike whatever it says. */
static void start(struct line *line, const struct evd_log *log, const char *level)
{
    line->len = 0;
    if (log != NULL && log->json) {
        put(line, "{\"time\":\"");
        put_time(line);
        put(line, "\",\"level\":\"");
        put(line, level);
        put(line, "\"");
        return;
    }
    if (log == NULL || log->path == NULL) {
        put(line, "evd-server: ");
    } else {
        put_time(line);
        put(line, " ");
    }
    put(line, level);
    put(line, ":");
}

void evd_log_put(const struct evd_log *log, const char *lines, size_t len)
{
    int fd = log != NULL ? log->fd : STDERR_FILENO;
    while (len > 0) {
        ssize_t written = write(fd, lines, len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return;
        lines += written;
        len -= (size_t)written;
    }
}

static void write_line(const struct evd_log *log, struct line *line)
{
    line->text[line->len++] = '\n';
    evd_log_put(log, line->text, line->len);
}

/* ---- Repeats. ---- */

/* FNV-1a: nobody outside chooses these texts to collide, and two that do cost a line of a second.
 */
static uint64_t hash_of(enum evd_log_level level, const char *text)
{
    uint64_t hash = 0xCBF29CE484222325u ^ (uint64_t)level;
    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001B3u;
    return hash;
}

/* Whether the line was written in this second already. If not, *ret_left_out tells how many like it
 * have been left out since it was. */
static bool is_repeat(struct evd_log *log, enum evd_log_level level, const char *text,
                      uint64_t second, uint64_t *ret_left_out)
{
    uint64_t hash = hash_of(level, text);
    struct evd_log_recent *recent = &log->recent[hash % EVD_LOG_RECENT];
    bool known = atomic_exchange(&recent->hash, hash) == hash;
    if (known && atomic_exchange(&recent->second, second) == second) {
        (void)atomic_fetch_add(&recent->left_out, 1);
        return true;
    }
    atomic_store(&recent->second, second);
    uint64_t left_out = atomic_exchange(&recent->left_out, 0);
    *ret_left_out = known ? left_out : 0;
    return false;
}

void evd_log_write_at(struct evd_log *log, enum evd_log_level level, const char *text,
                      uint64_t second)
{
    static const char *const names[] = {"error", "warning", "info"};
    struct line line;
    char more[64] = "";
    uint64_t left_out = 0;

    if (log != NULL && level + log->quieter > EVD_LOG_INFO)
        return;
    if (log != NULL && is_repeat(log, level, text, second, &left_out))
        return;
    if (left_out > 0)
        (void)snprintf(more, sizeof more, " (%llu more like this were left out)",
                       (unsigned long long)left_out);
    start(&line, log, names[level]);
    if (log != NULL && log->json) {
        put(&line, ",\"message\":\"");
        put_escaped(&line, text);
        put_escaped(&line, more);
        memcpy(line.text + line.len, "\"}", 2);
        line.len += 2;
    } else {
        put(&line, " ");
        put(&line, text);
        put(&line, more);
    }
    write_line(log, &line);
}

void evd_log_write(void *context, enum evd_log_level level, const char *text)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    evd_log_write_at(context, level, text, (uint64_t)now.tv_sec);
}

/* ---- Lines of fields. ---- */

static void put_field(struct line *line, const struct evd_log_field *field, bool json)
{
    char number[24];
    put(line, json ? ",\"" : " ");
    put(line, field->name);
    put(line, json ? "\":" : "=");
    if (field->text == NULL) {
        (void)snprintf(number, sizeof number, "%llu", (unsigned long long)field->number);
        put(line, number);
        return;
    }
    bool quoted = json || field->text[0] == '\0';
    for (const char *c = field->text; *c != '\0' && !quoted; c++)
        quoted = (unsigned char)*c <= ' ' || *c == '"' || *c == 0x7F;
    if (!quoted) {
        put(line, field->text);
        return;
    }
    put(line, "\"");
    put_escaped(line, field->text);
    put(line, "\"");
}

void evd_log_fields(struct evd_log *log, const char *kind, const struct evd_log_field *fields,
                    size_t count)
{
    struct line line;
    bool json = log != NULL && log->json;
    start(&line, log, kind);
    for (size_t i = 0; i < count; i++)
        put_field(&line, &fields[i], json);
    if (json)
        put(&line, "}");
    write_line(log, &line);
}
