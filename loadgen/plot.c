#include "plot.h"

#include "plot_lean.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char *const light[] = {
#define LG_PALETTE_LIGHT(name, light, dark) light,
    LG_PALETTE_MAP(LG_PALETTE_LIGHT)
#undef LG_PALETTE_LIGHT
};

static const char *const dark[] = {
#define LG_PALETTE_DARK(name, light, dark) dark,
    LG_PALETTE_MAP(LG_PALETTE_DARK)
#undef LG_PALETTE_DARK
};

const char *lg_palette_light(enum lg_palette colour)
{
    return light[colour];
}

enum lg_palette lg_palette_arm(size_t arm)
{
    return (enum lg_palette)(LG_PALETTE_ARM1 + arm % (LG_PALETTE_COUNT - LG_PALETTE_ARM1));
}

void lg_palette_rules(FILE *out, const char *scope)
{
    static const char *const attributes[] = {"fill", "stroke", "color"};
    for (int colour = 0; colour < LG_PALETTE_COUNT; colour++)
        for (size_t i = 0; i < sizeof(attributes) / sizeof(*attributes); i++)
            fprintf(out, "%s [%s=\"%s\"]{%s:%s}\n", scope, attributes[i], light[colour],
                    attributes[i], dark[colour]);
}

void lg_escape_markup(FILE *out, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            fputc(*text, out);
        }
    }
}

void lg_plot_begin(FILE *script, unsigned width, unsigned height)
{
    fprintf(script,
            "set encoding utf8\n"
            "set terminal svg size %u,%u dynamic font 'sans-serif,14' noenhanced linewidth 1\n"
            "set border 3 lc rgb '%s'\n"
            "set tics nomirror out scale 0.6 textcolor rgb '%s'\n"
            "set grid x lt 1 lw 1 lc rgb '%s'\n"
            "set style line 1 lc rgb '%s'\n"
            "unset key\n",
            width, height, light[LG_PALETTE_QUIET], light[LG_PALETTE_INK], light[LG_PALETTE_GRID],
            light[LG_PALETTE_INK]);
}

/* "rgb(  0, 114, 178)" at *cursor -> its hexadecimal form in out; moves *cursor behind it. */
static bool take_rgb(const char **cursor, char out[8])
{
    unsigned r, g, b;
    int used = 0;
    if (sscanf(*cursor, "rgb( %3u , %3u , %3u )%n", &r, &g, &b, &used) != 3 || used == 0)
        return false;
    snprintf(out, 8, "#%02x%02x%02x", r & 255, g & 255, b & 255);
    *cursor += used;
    return true;
}

static bool starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* A hypertext label, which gnuplot shows by a script of its own, becomes a title, which readers
 * show by themselves: <g onmousemove="gnuplot_svg.showHypertext(evt,'TEXT')" ...><title> </title>.
 * Returns where it ends, NULL if it is none. */
static const char *copy_hypertext(FILE *out, const char *text)
{
    static const char begin[] = " onmousemove=\"gnuplot_svg.showHypertext(evt,'";
    static const char blank[] = "<title> </title>";
    if (!starts(text, begin))
        return NULL;
    const char *label = text + strlen(begin), *end = strstr(label, "')\""),
               *rest = strstr(label, blank);
    if (!end || !rest || rest < end)
        return NULL;
    fprintf(out, " class=\"point\"><title>%.*s</title>", (int)(end - label), label);
    return rest + strlen(blank);
}

/* What gnuplot writes and a reader supposes anyway, or never sees: a third of a drawing. Returns
 * where it ends, NULL if it is none. */
static const char *skip_idle(const char *text)
{
    static const char *const idle[] = {" stroke-linecap=\"butt\" stroke-linejoin=\"miter\"",
                                       " stroke-width=\"1.00\"", "\t"};
    for (size_t i = 0; i < sizeof(idle) / sizeof(*idle); i++)
        if (starts(text, idle[i]))
            return text + strlen(idle[i]);
    if (!starts(text, "<g "))
        return NULL;
    const char *inside = strchr(text, '>');
    inside = inside ? inside + 1 + strspn(inside + 1, " \t\n") : NULL;
    if (!inside || !starts(inside, "</g>"))
        return NULL;
    inside += strlen("</g>");
    return inside + (*inside == '\n');
}

/* Copies gnuplot's drawing: ids get a prefix, so that figures can share a page; colours get one
 * form; titles that name gnuplot's own parts, and would pop up as tooltips, go. */
static void copy_drawing(FILE *out, const char *text, const char *id)
{
    static const char *const ids[] = {"id='", "id=\"", "href='#", "href=\"#", "url(#"};
    char colour[8];
    while (*text) {
        const char *end;
        if ((end = copy_hypertext(out, text)) || (end = skip_idle(text))) {
            text = end;
            continue;
        }
        if (starts(text, "<title>") && (end = strstr(text, "</title>"))) {
            text = end + strlen("</title>");
            continue;
        }
        if (starts(text, "rgb(") && take_rgb(&text, colour)) {
            fputs(colour, out);
            continue;
        }
        if (starts(text, "=\"black\"")) {
            fprintf(out, "=\"%s\"", light[LG_PALETTE_INK]);
            text += strlen("=\"black\"");
            continue;
        }
        bool prefixed = false;
        for (size_t i = 0; i < sizeof(ids) / sizeof(*ids) && !prefixed; i++) {
            if (!starts(text, ids[i]))
                continue;
            fprintf(out, "%s%s-", ids[i], id);
            text += strlen(ids[i]);
            prefixed = true;
        }
        if (!prefixed)
            fputc(*text++, out);
    }
}

static bool put_drawing(FILE *out, const char *drawing, const char *id)
{
    char *text = NULL;
    size_t len;
    FILE *copy = open_memstream(&text, &len);
    if (copy)
        copy_drawing(copy, drawing, id);
    bool made = copy && fclose(copy) == 0;
    if (made)
        lg_plot_lean(text, out);
    free(text);
    return made;
}

int lg_plot_render(const char *script, size_t len, const char *id, const char *title,
                   const char *description, char **ret_svg, struct evd_error *ret_error)
{
    char *argv[] = {"gnuplot", "-d", "-", NULL};
    char *raw = NULL, *svg = NULL;
    size_t raw_len, svg_len;
    int rc = lg_tool_run(argv, script, len, "gnuplot-nox", &raw, &raw_len, ret_error);
    if (rc != EVD_OK)
        return rc;
    const char *box = strstr(raw, "viewBox=\""),
               *drawing = strstr(raw, "<g id=\"gnuplot_canvas\">");
    const char *box_end = box ? strchr(box + strlen("viewBox=\""), '"') : NULL;
    FILE *out =
        box_end && drawing && strstr(drawing, "</svg>") ? open_memstream(&svg, &svg_len) : NULL;
    if (!out) {
        free(raw);
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "gnuplot made no figure for %s", id);
    }
    fprintf(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" "
        "%.*s\" role=\"img\" aria-labelledby=\"%s-title %s-desc\">\n<title id=\"%s-title\">",
        (int)(box_end - box), box, id, id, id);
    lg_escape_markup(out, title);
    fprintf(out, "</title>\n<desc id=\"%s-desc\">", id);
    lg_escape_markup(out, description);
    fputs("</desc>\n", out);
    bool drawn = put_drawing(out, drawing, id);
    free(raw);
    if (fclose(out) != 0 || !drawn) {
        free(svg);
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "no memory for the figure %s", id);
    }
    *ret_svg = svg;
    return EVD_OK;
}

void lg_plot_standalone(FILE *out, const char *svg)
{
    const char *box = strstr(svg, "viewBox=\"0 0 "), *inside = strchr(svg, '>');
    unsigned width = 0, height = 0;
    if (!box || !inside || sscanf(box, "viewBox=\"0 0 %u %u\"", &width, &height) != 2)
        return;
    fprintf(out,
            "%.*s width=\"%u\" height=\"%u\">\n<style>\n@media (prefers-color-scheme: dark) {\n",
            (int)(inside - svg), svg, width, height);
    lg_palette_rules(out, "");
    fprintf(out, "}\n</style>\n<rect width=\"100%%\" height=\"100%%\" rx=\"6\" fill=\"%s\"/>%s",
            light[LG_PALETTE_GROUND], inside + 1);
}
