#include "format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Three significant digits. */
static const char *scaled(double value, const char *unit, char *out)
{
    snprintf(out, LG_FORMAT_MAX, "%.*f %s", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value, unit);
    return out;
}

const char *lg_format_ns(double ns, char *out)
{
    if (ns < 999.5) {
        snprintf(out, LG_FORMAT_MAX, "%.0f ns", ns);
        return out;
    }
    if (ns < 999.5e3)
        return scaled(ns / 1e3, "\xc2\xb5s", out);
    if (ns < 999.5e6)
        return scaled(ns / 1e6, "ms", out);
    return scaled(ns / 1e9, "s", out);
}

const char *lg_format_count(uint64_t count, char *out)
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%" PRIu64, count);
    char *to = out;

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return out;
}

const char *lg_format_rate(double per_second, char *out)
{
    if (per_second > 0 && per_second < 0.995)
        snprintf(out, LG_FORMAT_MAX, "%.3g", per_second);
    else if (per_second < 99.5)
        snprintf(out, LG_FORMAT_MAX, "%.2f", per_second);
    else
        lg_format_count((uint64_t)(per_second + 0.5), out);
    strcat(out, "/s");
    return out;
}

const char *lg_format_bytes(double bytes, char *out)
{
    if (bytes < 1024)
        snprintf(out, LG_FORMAT_MAX, "%.0f B", bytes);
    else if (bytes < 1024.0 * 1024)
        scaled(bytes / 1024, "KiB", out);
    else if (bytes < 1024.0 * 1024 * 1024)
        scaled(bytes / (1024.0 * 1024), "MiB", out);
    else
        scaled(bytes / (1024.0 * 1024 * 1024), "GiB", out);
    return out;
}

const char *lg_format_quantile(double q, char *out)
{
    snprintf(out, LG_FORMAT_MAX, "p%.7g", q * 100);
    return out;
}
