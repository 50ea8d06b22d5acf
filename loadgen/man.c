#include "man.h"

#include "commands.h"
#include "options.h"
#include "slo_options.h"

#include "evd_version.h"

#include <stdbool.h>
#include <string.h>

#define TERM_INDENT 8 /* columns: less begins a term, more goes on with its text */

/* Text of roff: no escape, no request, and hyphens that can be copied. */
static void put_text(const char *text, size_t len, FILE *out)
{
    if (len > 0 && (*text == '.' || *text == '\''))
        fputs("\\&", out);
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\\')
            fputs("\\e", out);
        else if (text[i] == '-')
            fputs("\\-", out);
        else
            fputc(text[i], out);
    }
}

struct page {
    FILE *out;
    bool verbatim;  /* below "Examples:" */
    bool no_fill;   /* .nf is in force */
    bool paragraph; /* the last line was one's */
    bool usage;
};

static void fill(struct page *page, bool on)
{
    if (page->no_fill == !on)
        return;
    fputs(on ? ".fi\n.RE\n" : ".RS 4\n.nf\n", page->out);
    page->no_fill = !on;
}

static void put_line(struct page *page, const char *text, size_t len)
{
    put_text(text, len, page->out);
    fputc('\n', page->out);
}

/* "--rate R    open loop": a term, bold, then what it means. */
static void put_term(struct page *page, const char *text, size_t len)
{
    size_t term = 0;

    while (term < len && strncmp(text + term, "  ", 2) != 0)
        term++;
    fputs(".TP\n\\fB", page->out);
    put_text(text, term, page->out);
    fputs("\\fR\n", page->out);
    while (term < len && text[term] == ' ')
        term++;
    if (term < len)
        put_line(page, text + term, len - term);
}

static void put_outside(struct page *page, const char *line, size_t len)
{
    page->usage = strncmp(line, "Usage:", 6) == 0;
    page->verbatim = strncmp(line, "Example", 7) == 0 && line[len - 1] == ':';
    if (page->usage) {
        fill(page, false);
        line += 7;
        len -= 7;
    } else {
        fill(page, true);
    }
    if (!page->usage && line[len - 1] == ':') {
        fputs(".PP\n\\fB", page->out);
        put_text(line, len - 1, page->out);
        fputs("\\fR\n", page->out);
        page->paragraph = false;
        return;
    }
    if (!page->usage && !page->paragraph)
        fputs(".PP\n", page->out);
    page->paragraph = !page->usage;
    put_line(page, line, len);
}

static void put_inside(struct page *page, const char *line, size_t len, size_t indent)
{
    page->paragraph = false;
    if (page->verbatim || page->usage) {
        size_t kept = page->usage || indent < 2 ? indent : 2;

        fill(page, false);
        put_line(page, line + kept, len - kept);
        return;
    }
    fill(page, true);
    if (indent < TERM_INDENT)
        put_term(page, line + indent, len - indent);
    else
        put_line(page, line + indent, len - indent);
}

void lg_man_help(const char *help, FILE *out)
{
    struct page page = {.out = out};

    for (const char *line = help; *line != '\0';) {
        size_t len = strcspn(line, "\n"), indent = strspn(line, " ");

        if (len == 0)
            page.paragraph = page.usage = false;
        else if (indent == 0)
            put_outside(&page, line, len);
        else
            put_inside(&page, line, len, indent);
        line += len + (line[len] == '\n');
    }
    fill(&page, true);
}

void lg_man_page(FILE *out)
{
    static const struct {
        const char *name, *help;
    } commands[] = {{"RUN", lg_run_help},
                    {"SLO", lg_slo_help},
                    {"STUDY", lg_study_help},
                    {"REPORT", lg_report_help},
                    {"EDIT\\-TO\\-LIVE", lg_edit_help}};

    fprintf(out,
            ".\\\" Made by loadgen --help=man; tests/man.sh --update writes it.\n"
            ".TH LOADGEN 1 \"\" \"evdispatch %s\" \"User Commands\"\n"
            ".SH NAME\nloadgen \\- measures event servers, and says when its figures cannot be "
            "trusted\n.SH SYNOPSIS\n",
            EVD_VERSION);
    lg_man_help(lg_help, out);
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
        fprintf(out, ".SH %s\n", commands[i].name);
        lg_man_help(commands[i].help, out);
    }
    fputs(".SH ENVIRONMENT\n.TP\n\\fBNO_COLOR\\fR\nno colours in the live line of a terminal.\n"
          ".SH SEE ALSO\n.BR evd\\-server (8),\ndocs/MEASURING.md for what each figure means.\n",
          out);
}
