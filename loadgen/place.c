#include "place.h"

#include <stdarg.h>
#include <stdio.h>

int lg_place_complain(const struct lg_place *place, const char *format, ...)
{
    char text[200];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    return evd_error_set(place->error, EVD_ERR_BAD_DATA, "%s:%zu: %s", place->path, place->line,
                         text);
}
