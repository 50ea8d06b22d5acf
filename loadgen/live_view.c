#include "live_view.h"

#include "format.h"

#include <stdio.h>
#include <string.h>

#define SPARK_LEAST 8 /* columns: fewer tell nothing */
#define SPARK_AT    4 /* how many parts are more important than it */

char *lg_live_sparkline(const uint64_t *values, unsigned count, unsigned columns, char *out)
{
    unsigned first = count > columns ? count - columns : 0;
    uint64_t most = 1;
    char *to = out;

    for (unsigned i = first; i < count; i++)
        most = values[i] > most ? values[i] : most;
    for (unsigned i = first; i < count; i++) {
        /* 1 to 8: up to an eighth of the largest, ..., the largest. */
        unsigned level = (unsigned)(((double)values[i] * 8 + (double)most - 1) / (double)most);

        if (values[i] == 0)
            *to++ = ' ';
        else
            to += sprintf(to, "\xe2\x96%c", (char)(0x80 + (level > 8 ? 8 : level)));
    }
    *to = '\0';
    return out;
}

static unsigned columns_of(const char *text)
{
    unsigned columns = 0;

    for (; *text != '\0'; text++)
        columns += ((unsigned char)*text & 0xc0) != 0x80;
    return columns;
}

/* As they stand in the line, and in which order they are left out when it is too short. */
enum part { PHASE, P99, P50, RATE, ERRORS, VERDICT, LEFT, PARTS };
static const enum part importance[PARTS] = {P99, VERDICT, RATE, ERRORS, LEFT, PHASE, P50};

static void fill(const struct lg_live_view *view, char parts[PARTS][96])
{
    char text[LG_FORMAT_MAX], target[LG_FORMAT_MAX];

    snprintf(parts[PHASE], 96, "%s", view->measuring ? "measuring" : "warm-up");
    snprintf(parts[P99], 96, "p99 %s", lg_format_ns((double)view->p99_ns, text));
    snprintf(parts[P50], 96, "p50 %s", lg_format_ns((double)view->p50_ns, text));
    lg_format_rate(view->rate, text);
    if (view->target > 0)
        snprintf(parts[RATE], 96, "%s of %s", text, lg_format_rate(view->target, target));
    else
        snprintf(parts[RATE], 96, "%s", text);
    snprintf(parts[ERRORS], 96, "errors %s", lg_format_count(view->errors, text));
    if (view->invalid != NULL)
        snprintf(parts[VERDICT], 96, "INVALID so far: %.70s", view->invalid);
    else
        snprintf(parts[VERDICT], 96, "valid so far");
    snprintf(parts[LEFT], 96, "%.0f s left", view->left_s);
}

char *lg_live_format(const struct lg_live_view *view, char out[LG_LIVE_TEXT])
{
    char parts[PARTS][96], spark[3 * LG_LIVE_SECONDS + 1] = "";
    bool shown[PARTS] = {false};
    unsigned room = view->width > 1 ? view->width - 1 : 0, columns, bars = 0;
    char *to = out, *end = out + LG_LIVE_TEXT;

    fill(view, parts);
    for (int i = 0; i < PARTS; i++) {
        if (i == SPARK_AT && room >= SPARK_LEAST + 2 && view->p99_count > 0)
            room -= bars = SPARK_LEAST + 2;
        columns = columns_of(parts[importance[i]]) + (i > 0 ? 2 : 0);
        shown[importance[i]] = columns <= room;
        room -= columns <= room ? columns : 0;
    }
    if (bars > 0)
        lg_live_sparkline(view->p99s, view->p99_count,
                          bars - 2 + room < LG_LIVE_SECONDS ? bars - 2 + room : LG_LIVE_SECONDS,
                          spark);
    *to = '\0';
    for (int i = 0; i < PARTS; i++) {
        bool colour = i == VERDICT && view->colour;

        if (i == PHASE + 1 && *spark != '\0')
            to += snprintf(to, (size_t)(end - to), "%s%s", to == out ? "" : "  ", spark);
        if (!shown[i])
            continue;
        to += snprintf(to, (size_t)(end - to), "%s%s%s%s", to == out ? "" : "  ",
                       !colour                 ? ""
                       : view->invalid != NULL ? "\033[31m"
                                               : "\033[32m",
                       parts[i], colour ? "\033[0m" : "");
    }
    return out;
}
