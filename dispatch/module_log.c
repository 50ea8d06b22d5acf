#include "module_log.h"

#include "json_chars.h"

#include <time.h>

#define SECOND_NS 1000000000u
#define ESCAPED   4 /* bytes of "\xNN" */

void evd_module_log_init(struct evd_module_log *log, evd_log_fn put, void *context)
{
    *log = (struct evd_module_log){.put = put, .context = context};
}

uint64_t evd_module_log_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

/* Bytes of the character at p that may be shown as it is, or 0. */
static size_t shown(const char *p, const char *end)
{
    unsigned char c = (unsigned char)*p;
    if (c < 0x80)
        return c >= ' ' && c != 0x7F;
    bool control = c == 0xC2 && end - p > 1 && (unsigned char)p[1] < 0xA0;
    return control ? 0 : utf8_sequence(p, end);
}

/* As much of `text` as fits, NUL-terminated; no character is split. */
static void escape(struct evd_slice text, char out[static EVD_MODULE_LOG_TEXT_MAX + 1])
{
    const char *p = text.ptr, *end = text.len > 0 ? text.ptr + text.len : text.ptr;
    size_t len = 0;
    while (p < end) {
        size_t bytes = shown(p, end);
        size_t room = bytes > 0 ? bytes : ESCAPED;
        if (len + room > EVD_MODULE_LOG_TEXT_MAX)
            break;
        if (bytes > 0)
            memcpy(out + len, p, bytes);
        else
            (void)snprintf(out + len, ESCAPED + 1, "\\x%02X", (unsigned)(unsigned char)*p);
        len += room;
        p += bytes > 0 ? bytes : 1;
    }
    out[len] = '\0';
}

static void tell_dropped(struct evd_module_log *log)
{
    char line[96];
    if (log->dropped == 0)
        return;
    (void)snprintf(line, sizeof line, "%llu lines of modules were dropped: over %d in one second",
                   (unsigned long long)log->dropped, EVD_MODULE_LOG_LINES_MAX);
    log->dropped = 0;
    log->put(log->context, EVD_LOG_WARNING, line);
}

void evd_module_log_line(struct evd_module_log *log, uint64_t now_ns, struct evd_slice module,
                         enum evd_log_level level, struct evd_slice text)
{
    char shown_text[EVD_MODULE_LOG_TEXT_MAX + 1];
    char line[EVD_EVENT_MAX + EVD_MODULE_LOG_TEXT_MAX + 16];

    if (log->put == NULL)
        return;
    if (now_ns - log->second_ns >= SECOND_NS) {
        tell_dropped(log);
        log->second_ns = now_ns;
        log->lines = 0;
    }
    if (log->lines == EVD_MODULE_LOG_LINES_MAX) {
        log->dropped++;
        return;
    }
    log->lines++;
    escape(text, shown_text);
    (void)snprintf(line, sizeof line, "module %.*s: %s", (int)module.len, module.ptr, shown_text);
    log->put(log->context, (unsigned)level <= EVD_LOG_INFO ? level : EVD_LOG_INFO, line);
}

void evd_module_log_end(struct evd_module_log *log)
{
    if (log->put != NULL)
        tell_dropped(log);
}
