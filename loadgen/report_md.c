#include "report_doc.h"

#include <string.h>

/* GitHub-flavoured Markdown. Backquotes and double asterisks are the texts' own markup, and pass.
 */
static void put_text(FILE *out, const char *text)
{
    bool code = false;
    for (; *text; text++) {
        if (*text == '`')
            code = !code;
        if (*text == '|')
            fputs("\\|", out); /* also within code: a table's cell ends at any other */
        else if (!code && *text == '<')
            fputs("&lt;", out);
        else if (!code && strchr("[]_\\", *text))
            fprintf(out, "\\%c", *text);
        else
            fputc(*text, out);
    }
}

static void begin(struct lg_doc *doc, const char *title, const char *lead, const char *meta)
{
    fputs("# ", doc->out);
    put_text(doc->out, title);
    fputs("\n\n", doc->out);
    put_text(doc->out, lead);
    fputs("\n\n", doc->out);
    put_text(doc->out, meta);
    fputs("\n", doc->out);
}

static void heading(struct lg_doc *doc, unsigned level, const char *text)
{
    fprintf(doc->out, "\n%.*s ", (int)level, "######");
    put_text(doc->out, text);
    fputs("\n", doc->out);
}

static void paragraph(struct lg_doc *doc, const char *text)
{
    fputs("\n", doc->out);
    put_text(doc->out, text);
    fputs("\n", doc->out);
}

static void list(struct lg_doc *doc, bool opening)
{
    if (opening)
        fputs("\n", doc->out);
}

static void item(struct lg_doc *doc, enum lg_tone mark, const char *text)
{
    fprintf(doc->out, "- %s%s", lg_tone_sign(mark), mark == LG_TONE_PLAIN ? "" : " ");
    put_text(doc->out, text);
    fputs("\n", doc->out);
}

static void put_cell(FILE *out, const struct lg_table_cell *cell)
{
    const char *sign = lg_tone_sign(cell->tone);
    fprintf(out, " %s%s", sign, sign[0] ? " " : "");
    put_text(out, cell->text);
    if (cell->detail[0]) {
        fputs(cell->text[0] ? " " : "", out);
        put_text(out, cell->detail);
    }
    fputs(" |", out);
}

static void put_rows(FILE *out, const struct lg_table *data)
{
    fputs("|", out);
    for (size_t i = 0; i < data->columns; i++) {
        fputs(" ", out);
        put_text(out, data->heads[i]);
        fputs(" |", out);
    }
    fputs("\n|", out);
    for (size_t i = 0; i < data->columns; i++)
        fputs(data->rows > 0 && data->cells[0][i].tone == LG_TONE_NUMBER ? "---:|" : "---|", out);
    fputs("\n", out);
    for (size_t row = 0; row < data->rows; row++) {
        fputs("|", out);
        for (size_t i = 0; i < data->columns; i++)
            put_cell(out, &data->cells[row][i]);
        fputs("\n", out);
    }
}

static void table(struct lg_doc *doc, const struct lg_table *data)
{
    fprintf(doc->out, "\n**Table %u.** ", ++doc->tables);
    put_text(doc->out, data->caption);
    fputs("\n\n", doc->out);
    put_rows(doc->out, data);
}

static void figure(struct lg_doc *doc, const struct lg_figure *figure)
{
    fputs("\n![", doc->out);
    put_text(doc->out, figure->title);
    fprintf(doc->out, "](%s)\n\n**Figure %u.** ", figure->file, ++doc->figures);
    put_text(doc->out, figure->caption);
    fputs("\n", doc->out);
    if (!figure->data)
        return;
    /* A forge renders Markdown inside of HTML when an empty line comes between. */
    fprintf(doc->out, "\n<details><summary>Figure %u as a table</summary>\n\n", doc->figures);
    put_rows(doc->out, figure->data);
    fputs("\n</details>\n", doc->out);
}

static void code(struct lg_doc *doc, const char *text)
{
    fprintf(doc->out, "\n```sh\n%s\n```\n", text);
}

static void end(struct lg_doc *doc)
{
    (void)doc;
}

const struct lg_doc_format lg_doc_markdown = {begin, heading, paragraph, list, item,
                                              table, figure,  code,      end};
