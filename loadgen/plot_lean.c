#include "plot_lean.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 32, DEFINITIONS_MAX = 64 };

struct span {
    const char *at;
    size_t len;
};

struct lean {
    FILE *out;
    struct span open[DEPTH_MAX]; /* tags of the groups that are open */
    size_t depth;
    struct span path; /* of a path that is not closed yet: up to its coordinates */
    char colour[8];   /* of a group of points that is not closed yet; "": none */
    int kind;
};

static bool starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool same(struct span a, struct span b)
{
    return a.len == b.len && a.len > 0 && memcmp(a.at, b.at, a.len) == 0;
}

static const char *skip_blanks(const char *text)
{
    return text + strspn(text, " \t\n");
}

/* The tag that begins here, with its brackets; empty where there is none. */
static struct span tag_at(const char *text)
{
    size_t len = *text == '<' ? strcspn(text, ">") : 0;
    return (struct span){text, len > 0 && text[len] == '>' ? len + 1 : 0};
}

static void put_number(FILE *out, double value)
{
    char text[32];
    int len = snprintf(text, sizeof(text), "%.1f", fabs(value) < 0.05 ? 0 : value);
    if (len > 2 && strcmp(text + len - 2, ".0") == 0)
        text[len - 2] = '\0';
    fputs(text, out);
}

/* What was left open because more of the same might have come. */
static void settle(struct lean *lean)
{
    if (lean->path.len > 0)
        fputs("'/>\n", lean->out);
    if (lean->colour[0])
        fputs("</g>\n", lean->out);
    lean->path.len = 0;
    lean->colour[0] = '\0';
}

/* Coordinates up to the quote: blanks are evened out, and lines need no letter. */
static const char *put_coordinates(FILE *out, const char *text)
{
    bool blank = false;
    while (*text && *text != '\'') {
        char *end;
        size_t blanks = strspn(text, " \t\n");
        text += blanks;
        if (*text == '\'' || !*text)
            break;
        if (*text == 'L') {
            blank = true;
            text++;
            continue;
        }
        if (blanks > 0 || blank)
            fputc(' ', out);
        blank = false;
        double value = strtod(text, &end);
        if (end == text) {
            fputc(*text++, out);
            continue;
        }
        put_number(out, value);
        text = end;
    }
    return text;
}

/* <path ... d='M1.00,2.00 L3.00,4.00 '/>: joined with the one before, where that has the same
 * attributes. Returns where it ends, NULL if it is none. */
static const char *take_path(struct lean *lean, const char *text)
{
    struct span tag = tag_at(text);
    const char *from = starts(text, "<path ") ? strstr(text, " d='M") : NULL;
    if (!from || from > text + tag.len || tag.len < 2 || tag.at[tag.len - 2] != '/')
        return NULL;
    struct span head = {text, (size_t)(from - text)};
    if (same(head, lean->path)) {
        fputc(' ', lean->out);
    } else {
        settle(lean);
        fwrite(head.at, 1, head.len, lean->out);
        fputs(" d='", lean->out);
        lean->path = head;
    }
    put_coordinates(lean->out, from + strlen(" d='"));
    return skip_blanks(text + tag.len);
}

/* A round point with a text. Returns where it ends, NULL if it is none. */
static const char *take_point(struct lean *lean, const char *text)
{
    static const char begin[] = "<g class=\"point\"><title>", middle[] = "</title>";
    const char *label = text + strlen(begin),
               *end = starts(text, begin) ? strstr(label, middle) : NULL;
    char colour[8];
    double x, y, size;
    int kind, used = 0;
    if (!end || sscanf(end + strlen(middle),
                       " <use xlink:href='#%*[^-']-gpPt%d' transform='translate(%lf,%lf) "
                       "scale(%lf)' color='%7[^']'/></g>%n",
                       &kind, &x, &y, &size, colour, &used) != 5)
        return NULL;
    if (used == 0 || kind < 5 || kind > 6)
        return NULL;
    if (strcmp(colour, lean->colour) != 0 || kind != lean->kind) {
        settle(lean);
        fprintf(lean->out,
                kind == 6 ? "<g class=\"point\" fill=\"%s\" stroke=\"none\">\n"
                          : "<g class=\"point\" fill=\"none\" stroke=\"%s\" stroke-width=\".7\">\n",
                colour);
        memcpy(lean->colour, colour, sizeof(colour));
        lean->kind = kind;
    }
    fputs("<circle cx='", lean->out);
    put_number(lean->out, x);
    fputs("' cy='", lean->out);
    put_number(lean->out, y);
    fputs("' r='", lean->out);
    put_number(lean->out, size);
    fprintf(lean->out, "'><title>%.*s</title></circle>\n", (int)(end - label), label);
    return skip_blanks(end + strlen(middle) + used);
}

/* The end of a group, and the beginning of the next if that is the same. NULL if it is none. */
static const char *take_group(struct lean *lean, const char *text)
{
    if (starts(text, "</g>") && lean->depth > 0) {
        const char *next = skip_blanks(text + strlen("</g>"));
        if (same(lean->open[lean->depth - 1], tag_at(next)) &&
            starts(next, "<g fill=")) /* not one with an id, or a place */
            return skip_blanks(next + lean->open[lean->depth - 1].len);
        lean->depth--;
        settle(lean);
        fputs("</g>\n", lean->out);
        return next;
    }
    struct span tag = starts(text, "<g ") ? tag_at(text) : (struct span){text, 0};
    if (tag.len == 0 || lean->depth == DEPTH_MAX)
        return NULL;
    lean->open[lean->depth++] = tag;
    settle(lean);
    fwrite(tag.at, 1, tag.len, lean->out);
    fputc('\n', lean->out);
    return skip_blanks(text + tag.len);
}

/* <polygon ... points = '1.00,2.00 ...'/>. NULL if it is none. */
static const char *take_polygon(struct lean *lean, const char *text)
{
    static const char points[] = " points = '";
    struct span tag = tag_at(text);
    const char *from = starts(text, "<polygon ") ? strstr(text, points) : NULL;
    if (!from || from > text + tag.len)
        return NULL;
    settle(lean);
    fprintf(lean->out, "%.*s points='", (int)(from - text), text);
    return put_coordinates(lean->out, from + strlen(points));
}

static void put_body(struct lean *lean, const char *text)
{
    while (*text) {
        const char *end;
        if ((end = take_path(lean, text)) || (end = take_point(lean, text)) ||
            (end = take_group(lean, text)) || (end = take_polygon(lean, text))) {
            text = end;
            continue;
        }
        settle(lean);
        fputc(*text++, lean->out);
    }
    settle(lean);
}

/* Whether `text` refers to the definition of this id. */
static bool refers(const char *text, size_t len, struct span id)
{
    const char *at = text, *end = text + len;
    while ((at = memchr(at, '#', (size_t)(end - at))) && ++at < end) {
        if ((size_t)(end - at) > id.len && memcmp(at, id.at, id.len) == 0 &&
            strchr("'\")", at[id.len]))
            return true;
    }
    return false;
}

/* gnuplot has one definition on each line, but for filters, which no figure here uses. */
static void put_definitions(struct span text, const char *body, FILE *out)
{
    struct span lines[DEFINITIONS_MAX], ids[DEFINITIONS_MAX];
    bool kept[DEFINITIONS_MAX] = {false}, more = true, any = false;
    size_t count = 0;
    for (const char *at = text.at, *end = text.at + text.len; at < end && count < DEFINITIONS_MAX;
         at += strcspn(at, "\n") + 1) {
        struct span line = {at, strcspn(at, "\n")};
        const char *id = strstr(at, " id='");
        if (!id || id > at + line.len || starts(skip_blanks(at), "<filter"))
            continue;
        id += strlen(" id='");
        lines[count] = line;
        ids[count++] = (struct span){id, strcspn(id, "'")};
    }
    while (more) { /* ends: each round keeps at least one more */
        more = false;
        for (size_t i = 0; i < count; i++) {
            bool needed = refers(body, strlen(body), ids[i]);
            for (size_t k = 0; k < count && !needed; k++)
                needed = kept[k] && k != i && refers(lines[k].at, lines[k].len, ids[i]);
            more = more || (needed && !kept[i]);
            kept[i] = kept[i] || needed;
            any = any || needed;
        }
    }
    if (!any)
        return;
    fputs("<defs>\n", out);
    for (size_t i = 0; i < count; i++)
        if (kept[i])
            fprintf(out, "%.*s\n", (int)lines[i].len, lines[i].at);
    fputs("</defs>\n", out);
}

void lg_plot_lean(const char *drawing, FILE *out)
{
    static const char begin[] = "<defs>", end[] = "</defs>";
    const char *from = strstr(drawing, begin), *to = from ? strstr(from, end) : NULL;
    struct lean lean = {.out = NULL};
    char *body = NULL;
    size_t len;
    lean.out = to ? open_memstream(&body, &len) : NULL;
    if (!lean.out) { /* another gnuplot's, or no memory: whole as it is */
        fputs(drawing, out);
        return;
    }
    fprintf(out, "%.*s", (int)(from - drawing), drawing);
    lean.open[lean.depth++] = (struct span){drawing, 0}; /* its canvas */
    put_body(&lean, skip_blanks(to + strlen(end)));
    if (fclose(lean.out) == 0) {
        put_definitions((struct span){from + strlen(begin), (size_t)(to - from) - strlen(begin)},
                        body, out);
        fputs(body, out);
    } else {
        fputs(from, out);
    }
    free(body);
}
