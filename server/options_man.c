/* evd-server(8), made of the table of options: --help=man. */
#include "options.h"

#include "evd_version.h"

#include <string.h>

/* Text of roff: no escape, no request, hyphens that can be copied, no Markdown. */
static void put(FILE *out, const char *text)
{
    if (*text == '.' || *text == '\'')
        (void)fputs("\\&", out);
    for (; *text != '\0'; text++) {
        if (*text == '\\')
            (void)fputs("\\e", out);
        else if (*text == '-')
            (void)fputs("\\-", out);
        else if (*text == '[' && strstr(text, "](") != NULL)
            continue; /* a link: its text stays */
        else if (*text == ']' && text[1] == '(' && strchr(text, ')') != NULL)
            text = strchr(text, ')');
        else if (*text != '`' && *text != '*')
            (void)fputc(*text, out);
    }
}

static void put_option(FILE *out, const struct evd_option *o)
{
    char range[80];
    (void)fprintf(out, ".TP\n\\fB\\-\\-");
    put(out, o->name);
    (void)fprintf(out, "\\fR%s\\fI%s\\fR\n", o->argument != NULL ? " " : "",
                  o->argument != NULL ? o->argument : "");
    put(out, o->help);
    if (*evd_option_range(o, range, sizeof range) != '\0') {
        (void)fputs("; ", out);
        put(out, range);
    }
    if (o->initial != NULL) {
        (void)fputs(" (default ", out);
        put(out, o->initial);
        (void)fputs(")", out);
    }
    (void)fputs(".\n", out);
    if (o->reason != NULL && *o->reason != '\0') {
        (void)fputs(".br\nWhy: ", out);
        put(out, o->reason);
        (void)fputs(".\n", out);
    }
}

void evd_options_print_man(FILE *out)
{
    (void)fprintf(
        out,
        ".\\\" Made by evd-server --help=man; tests/man.sh --update writes it.\n"
        ".TH EVD\\-SERVER 8 \"\" \"evdispatch %s\" \"System Administration\"\n"
        ".SH NAME\nevd\\-server \\- event server with three ways of dispatch\n"
        ".SH SYNOPSIS\n\\fBevd\\-server\\fR [\\fIOPTION\\fR]...\n"
        ".SH DESCRIPTION\nServes events over JSON lines and binary frames on the same port, and "
        "GET /healthz, /readyz and /metrics over HTTP.\n.SH OPTIONS\n"
        "Sizes are bytes, or 64k, 1m, 2g; times are seconds, or 500ms, 2m.\n",
        EVD_VERSION);
    for (const struct evd_option *o = evd_options; o < evd_options + evd_option_count; o++) {
        if (o->kind == EVD_OPTION_GROUP) {
            (void)fputs(".SS ", out);
            put(out, o->name);
            (void)fputs("\n", out);
        } else {
            put_option(out, o);
        }
    }
    (void)fputs(
        ".SS Others\n.TP\n\\fB\\-\\-help\\fR[=\\fBmarkdown\\fR|\\fBman\\fR]\nthe options; as a "
        "table with reasons, or as this page.\n.TP\n\\fB\\-\\-version\\fR\nwhich one this is.\n"
        ".SH SIGNALS\n.TP\n\\fBSIGTERM\\fR, \\fBSIGINT\\fR\nanswers the calls that have begun, "
        "then ends with 0; a second one ends at once.\n.TP\n\\fBSIGHUP\\fR\nopens "
        "\\-\\-log\\-file again, and reads \\-\\-auth\\-secret\\-file "
        "again.\n.TP\n\\fBSIGUSR1\\fR\nlogs how many modules were loaded, "
        "reloaded and refused.\n.SH EXIT STATUS\n0 after a drain, 1 when something went wrong, 2 "
        "for usage.\n.SH SEE ALSO\n.BR loadgen (1),\ndocs/OPERATIONS.md for how to run it.\n",
        out);
}
