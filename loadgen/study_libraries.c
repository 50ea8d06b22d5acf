#include "study_machine.h"

#include <ev.h>
#include <gsl/gsl_version.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

cJSON *lg_libraries(void)
{
    cJSON *libraries = cJSON_CreateObject();
    char text[64];
    /* "glibc 2.36" */
    size_t len = confstr(_CS_GNU_LIBC_VERSION, text, sizeof(text));
    if (len > 0 && len <= sizeof(text) && strchr(text, ' '))
        cJSON_AddStringToObject(libraries, "glibc", strchr(text, ' ') + 1);
    snprintf(text, sizeof(text), "%d.%d", ev_version_major(), ev_version_minor());
    cJSON_AddStringToObject(libraries, "libev", text);
    cJSON_AddStringToObject(libraries, "cJSON", cJSON_Version());
    cJSON_AddStringToObject(libraries, "zlib", zlibVersion());
    cJSON_AddStringToObject(libraries, "GSL", gsl_version);
    return libraries;
}
