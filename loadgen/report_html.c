#include "report_doc.h"

#include "plot.h"
#include "report_css.h"

#include <ctype.h>
#include <string.h>

static const char *tone_class(enum lg_tone tone)
{
    static const char *const classes[] = {
        [LG_TONE_PLAIN] = "plain", [LG_TONE_NUMBER] = "number", [LG_TONE_BETTER] = "better",
        [LG_TONE_WORSE] = "worse", [LG_TONE_SAME] = "same",     [LG_TONE_OPEN] = "open",
        [LG_TONE_GOOD] = "good",   [LG_TONE_WARN] = "warn",     [LG_TONE_BAD] = "bad"};
    return classes[tone];
}

/* Whether a number and what follows its space belong on one line: "95 %", "3.28 ms". */
static bool is_unit(const char *text)
{
    static const char *const units[] = {"%",   "ns",  "µs",  "ms",  "k/s",
                                        "M/s", "KiB", "MiB", "GiB", "GB/s"};
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        size_t len = strlen(units[i]);
        if (strncmp(text, units[i], len) == 0 && !isalnum((unsigned char)text[len]))
            return true;
    }
    return false;
}

/* "Figures 1, 2, 13": each leads to its figure. Returns where it ends. */
static const char *put_references(FILE *out, const char *text)
{
    size_t word = strcspn(text, "0123456789");
    fprintf(out, "%.*s", (int)word, text);
    text += word;
    for (;;) {
        int len = (int)strspn(text, "0123456789");
        fprintf(out, "<a href=\"#fig%.*s\">%.*s</a>", len, text, len, text);
        text += len;
        if (strncmp(text, ", ", 2) != 0 || !isdigit((unsigned char)text[2]))
            return text;
        fputs(", ", out);
        text += 2;
    }
}

/* Up to `end`, outside of code. */
static void put_plain(FILE *out, const char *text, const char *end)
{
    static const char figures[] = "Figures ", times[] = "× ";
    const char *begin = text;
    while (text < end) {
        char one[2] = {*text, '\0'};
        bool after_digit = text > begin && isdigit((unsigned char)text[-1]);
        if (strncmp(text, figures, strlen(figures)) == 0 &&
            isdigit((unsigned char)text[strlen(figures)])) {
            text = put_references(out, text);
        } else if (strncmp(text, times, strlen(times)) == 0) {
            fputs("×\u00a0", out);
            text += strlen(times);
        } else {
            if (*text == ' ' && after_digit && is_unit(text + 1))
                fputs("\u00a0", out);
            else
                lg_escape_markup(out, one);
            text++;
        }
    }
}

static void put_text(FILE *out, const char *text)
{
    bool code = false, strong = false;
    while (*text) {
        size_t plain = strcspn(text, "`*");
        if (plain > 0 && code) {
            char piece[256];
            plain = plain < sizeof(piece) ? plain : sizeof(piece) - 1;
            memcpy(piece, text, plain);
            piece[plain] = '\0';
            lg_escape_markup(out, piece);
            text += plain;
        } else if (plain > 0) {
            put_plain(out, text, text + plain);
            text += plain;
        } else if (*text == '`') {
            fputs(code ? "</code>" : "<code>", out);
            code = !code;
            text++;
        } else if (!code && text[1] == '*') {
            fputs(strong ? "</strong>" : "<strong>", out);
            strong = !strong;
            text += 2;
        } else {
            fputc(*text++, out);
        }
    }
    fputs(code ? "</code>" : "", out);
    fputs(strong ? "</strong>" : "", out);
}

static void element(FILE *out, const char *open, const char *text, const char *close)
{
    fputs(open, out);
    put_text(out, text);
    fputs(close, out);
}

static void begin(struct lg_doc *doc, const char *title, const char *lead, const char *meta)
{
    FILE *out = doc->out;
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n<title>",
          out);
    lg_escape_markup(out, title);
    fputs("</title>\n<style>\n", out);
    fwrite(lg_report_css, 1, sizeof(lg_report_css), out);
    fputs("@media screen and (prefers-color-scheme: dark) {\n", out);
    lg_palette_rules(out, "svg");
    fputs("}\n</style>\n</head>\n<body>\n<main>\n<header>\n", out);
    element(out, "<h1>", title, "</h1>\n");
    element(out, "<p class=\"lead\">", lead, "</p>\n");
    element(out, "<p class=\"meta\">", meta, "</p>\n</header>\n");
    if (doc->contents)
        fprintf(out, "<nav aria-label=\"Contents\"><ol>\n%s</ol></nav>\n", doc->contents);
}

static void heading(struct lg_doc *doc, unsigned level, const char *text)
{
    if (level == 2)
        fprintf(doc->out, "<h2 id=\"s%u\">", ++doc->sections);
    else
        fprintf(doc->out, "<h%u>", level);
    put_text(doc->out, text);
    fprintf(doc->out, "</h%u>\n", level);
}

static void paragraph(struct lg_doc *doc, const char *text)
{
    element(doc->out, "<p>", text, "</p>\n");
}

static void list(struct lg_doc *doc, bool opening)
{
    fputs(opening ? "<ul>\n" : "</ul>\n", doc->out);
}

static void item(struct lg_doc *doc, enum lg_tone mark, const char *text)
{
    fputs("<li", doc->out);
    if (mark != LG_TONE_PLAIN)
        fprintf(doc->out, " class=\"marked %s\"><span class=\"mark\">%s</span><span>",
                tone_class(mark), lg_tone_sign(mark));
    else
        fputs("><span>", doc->out);
    element(doc->out, "", text, "</span></li>\n");
}

/* Whether all but its first column are numbers: said once, not with each cell. */
static bool is_of_numbers(const struct lg_table *data)
{
    for (size_t row = 0; row < data->rows; row++)
        for (size_t i = 1; i < data->columns; i++)
            if (data->cells[row][i].tone != LG_TONE_NUMBER)
                return false;
    return data->rows > 0 && data->columns > 1;
}

static const char *table_class(const struct lg_table *data)
{
    return data->sentences       ? " class=\"sentences\""
           : is_of_numbers(data) ? " class=\"numbers\""
                                 : "";
}

static void put_cell(FILE *out, const struct lg_table_cell *cell, bool heads_row, bool said)
{
    const char *sign = lg_tone_sign(cell->tone), *name = heads_row ? "th" : "td";
    fprintf(out, "<%s%s", name, heads_row ? " scope=\"row\"" : "");
    if (cell->tone != LG_TONE_PLAIN && !said)
        fprintf(out, " class=\"%s\"", tone_class(cell->tone));
    fputs(">", out);
    if (sign[0])
        fprintf(out, "<span class=\"mark\" aria-hidden=\"true\">%s</span> ", sign);
    put_text(out, cell->text);
    if (cell->detail[0])
        element(out, " <small>", cell->detail, "</small>");
    fprintf(out, "</%s>", name);
}

/* Heads and rows; the caller opens and closes the element. */
static void put_rows(FILE *out, const struct lg_table *data)
{
    bool said = is_of_numbers(data);
    fputs("\n<thead><tr>", out);
    for (size_t i = 0; i < data->columns; i++) {
        fprintf(out, "<th scope=\"col\"%s>",
                data->rows > 0 && !said && data->cells[0][i].tone == LG_TONE_NUMBER
                    ? " class=\"number\""
                    : "");
        element(out, "", data->heads[i], "</th>");
    }
    fputs("</tr></thead>\n<tbody>\n", out);
    for (size_t row = 0; row < data->rows; row++) {
        fputs("<tr>", out);
        for (size_t i = 0; i < data->columns; i++)
            put_cell(out, &data->cells[row][i], i == 0, said);
        fputs("</tr>\n", out);
    }
    fputs("</tbody>\n", out);
}

static void table(struct lg_doc *doc, const struct lg_table *data)
{
    FILE *out = doc->out;
    unsigned number = ++doc->tables;
    fprintf(out, "<figure class=\"table\">\n<figcaption id=\"t%u\"><b>Table %u.</b> ", number,
            number);
    element(out, "", data->caption, "</figcaption>\n");
    fprintf(out,
            "<div class=\"scroll\" role=\"region\" aria-labelledby=\"t%u\" tabindex=\"0\">"
            "<table%s aria-labelledby=\"t%u\">",
            number, table_class(data), number);
    put_rows(out, data);
    fputs("</table></div>\n</figure>\n", out);
}

/* Its figures, for who cannot see it; closed until asked for. */
static void put_data(FILE *out, const struct lg_table *data, unsigned number)
{
    fprintf(out,
            "<details class=\"data\">\n<summary>Figure %u as a table</summary>\n"
            "<div class=\"scroll\" role=\"region\" aria-label=\"Data of figure %u\" "
            "tabindex=\"0\"><table%s aria-label=\"Data of figure %u\">",
            number, number, table_class(data), number);
    put_rows(out, data);
    fputs("</table></div>\n</details>\n", out);
}

static void figure(struct lg_doc *doc, const struct lg_figure *figure)
{
    unsigned number = ++doc->figures;
    if (doc->plot_limit > 0 && strlen(figure->svg) >= doc->plot_limit)
        fprintf(doc->out,
                "<figure id=\"fig%u\">\n<p>Not drawn here, to keep this page small: "
                "<a href=\"%s\">%s</a> has it.</p>\n<figcaption><b>Figure %u.</b> ",
                number, figure->file, figure->file, number);
    else
        fprintf(doc->out,
                "<figure id=\"fig%u\">\n<div class=\"scroll plot\" role=\"region\" "
                "aria-label=\"Figure %u\" "
                "tabindex=\"0\">\n%s</div>\n<figcaption><b>Figure %u.</b> ",
                number, number, figure->svg, number);
    element(doc->out, "", figure->caption, "</figcaption>\n</figure>\n");
    if (figure->data)
        put_data(doc->out, figure->data, number);
}

static void code(struct lg_doc *doc, const char *text)
{
    fputs("<pre tabindex=\"0\"><code>", doc->out);
    lg_escape_markup(doc->out, text);
    fputs("</code></pre>\n", doc->out);
}

static void end(struct lg_doc *doc)
{
    fputs("</main>\n</body>\n</html>\n", doc->out);
}

const struct lg_doc_format lg_doc_html = {begin, heading, paragraph, list, item,
                                          table, figure,  code,      end};

/* What the page has, as items that lead there: the same content once more, of which only the
 * headings are written. */
static void no_begin(struct lg_doc *doc, const char *title, const char *lead, const char *meta)
{
    (void)doc, (void)title, (void)lead, (void)meta;
}

static void only_heading(struct lg_doc *doc, unsigned level, const char *text)
{
    if (level != 2)
        return;
    fprintf(doc->out, "<li><a href=\"#s%u\">", ++doc->sections);
    put_text(doc->out, text);
    fputs("</a></li>\n", doc->out);
}

static void no_text(struct lg_doc *doc, const char *text)
{
    (void)doc, (void)text;
}

static void no_list(struct lg_doc *doc, bool opening)
{
    (void)doc, (void)opening;
}

static void no_item(struct lg_doc *doc, enum lg_tone mark, const char *text)
{
    (void)doc, (void)mark, (void)text;
}

static void no_table(struct lg_doc *doc, const struct lg_table *data)
{
    (void)doc, (void)data;
}

static void no_figure(struct lg_doc *doc, const struct lg_figure *figure)
{
    (void)doc, (void)figure;
}

static void no_end(struct lg_doc *doc)
{
    (void)doc;
}

const struct lg_doc_format lg_doc_contents = {no_begin, only_heading, no_text, no_list, no_item,
                                              no_table, no_figure,    no_text, no_end};
