#include "report_doc.h"

#include <stdarg.h>

#define TEXT_MAX 2048

void lg_doc_paragraph(struct lg_doc *doc, const char *format, ...)
{
    char text[TEXT_MAX];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    doc->format->paragraph(doc, text);
}

void lg_doc_item(struct lg_doc *doc, enum lg_tone mark, const char *format, ...)
{
    char text[TEXT_MAX];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    doc->format->item(doc, mark, text);
}

const char *lg_tone_sign(enum lg_tone tone)
{
    static const char *const signs[] = {
        [LG_TONE_PLAIN] = "",  [LG_TONE_NUMBER] = "", [LG_TONE_BETTER] = "▲",
        [LG_TONE_WORSE] = "▼", [LG_TONE_SAME] = "=",  [LG_TONE_OPEN] = "?",
        [LG_TONE_GOOD] = "✓",  [LG_TONE_WARN] = "!",  [LG_TONE_BAD] = "✗"};
    return signs[tone];
}

const char *lg_doc_plain(const char *text, char *out, size_t cap)
{
    size_t len = 0;
    for (; *text && len + 1 < cap; text++) {
        char c = *text;
        if ((unsigned char)c < 0x20 || c == 0x7f)
            c = ' ';
        out[len++] = c == '`' ? '\'' : c == '*' ? '#' : c;
    }
    /* Not within a character of several bytes. */
    while (*text && len > 0 && ((unsigned char)*text & 0xc0) == 0x80) {
        text--;
        len--;
    }
    out[len] = '\0';
    return out;
}
