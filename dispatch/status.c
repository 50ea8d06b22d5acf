#include "status.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

const char *evd_status_code(int status)
{
    if (status >= 0)
        return "ok";
    switch (status) {
#define EVD_STATUS_CODE(name, value, code, text)                                                   \
    case EVD_ERR_##name:                                                                           \
        return code;
        EVD_STATUS_MAP(EVD_STATUS_CODE)
#undef EVD_STATUS_CODE
    }
    return "internal";
}

const char *evd_status_text(int status)
{
    if (status >= 0)
        return "OK";
    switch (status) {
#define EVD_STATUS_TEXT(name, value, code, text)                                                   \
    case EVD_ERR_##name:                                                                           \
        return text;
        EVD_STATUS_MAP(EVD_STATUS_TEXT)
#undef EVD_STATUS_TEXT
    }
    return "Internal error";
}

int evd_error_set(struct evd_error *error, int status, const char *format, ...)
{
    if (error != NULL) {
        va_list args;
        va_start(args, format);
        error->status = status;
        (void)vsnprintf(error->text, sizeof error->text, format, args);
        va_end(args);
    }
    return status;
}
