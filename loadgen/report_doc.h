/* A report as a sequence of parts, and the formats it is written in. The content is made once, in
 * report_content.c; report_md.c and report_html.c only know how a part looks.
 *
 * Texts are plain but for `code` between backquotes and **strong** between double asterisks.
 * Formats escape everything else that their language would take for markup. */
#ifndef LG_REPORT_DOC_H
#define LG_REPORT_DOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { LG_TABLE_COLUMNS = 8, LG_TABLE_ROWS = 256, LG_TABLE_TEXT = 512 };

/* What a cell is, for its looks; a mark of a list item is one of the last three. */
enum lg_tone {
    LG_TONE_PLAIN,
    LG_TONE_NUMBER, /* stands to the right */
    LG_TONE_BETTER,
    LG_TONE_WORSE,
    LG_TONE_SAME,
    LG_TONE_OPEN, /* unresolved, untrusted */
    LG_TONE_GOOD,
    LG_TONE_WARN,
    LG_TONE_BAD
};

struct lg_table_cell {
    char text[LG_TABLE_TEXT];
    char detail[64]; /* the interval; "" for none */
    enum lg_tone tone;
};

struct lg_table {
    const char *caption;
    bool sentences; /* its cells hold some: they want room */
    size_t columns, rows;
    const char *heads[LG_TABLE_COLUMNS];
    struct lg_table_cell cells[LG_TABLE_ROWS][LG_TABLE_COLUMNS]; /* column 0 heads its row */
};

struct lg_figure {
    const char *file;    /* name of the SVG beside report.md */
    const char *svg;     /* lg_plot_render() */
    const char *title;   /* short text alternative */
    const char *caption; /* how to read it */
    /* What it shows, in figures, for who cannot see it; without a caption of its own. NULL: none.
     */
    const struct lg_table *data;
};

struct lg_doc {
    const struct lg_doc_format *format;
    FILE *out;
    unsigned tables, figures, sections; /* so far */
    const char *contents; /* what lg_doc_contents wrote, for HTML; borrowed; NULL: none */
    size_t plot_limit;    /* drawings of as many bytes and more are left out of HTML; 0: none */
};

struct lg_doc_format {
    /* lead: the answer in a sentence; meta: what was measured, when, on what. */
    void (*begin)(struct lg_doc *doc, const char *title, const char *lead, const char *meta);
    void (*heading)(struct lg_doc *doc, unsigned level, const char *text); /* 2 or 3 */
    void (*paragraph)(struct lg_doc *doc, const char *text);
    void (*list)(struct lg_doc *doc, bool begin);
    void (*item)(struct lg_doc *doc, enum lg_tone mark, const char *text); /* PLAIN: no mark */
    void (*table)(struct lg_doc *doc, const struct lg_table *table);
    void (*figure)(struct lg_doc *doc, const struct lg_figure *figure);
    void (*code)(struct lg_doc *doc, const char *text);
    void (*end)(struct lg_doc *doc);
};

extern const struct lg_doc_format lg_doc_markdown;
extern const struct lg_doc_format lg_doc_html;
/* Items of an HTML list that lead to the headings of the page. */
extern const struct lg_doc_format lg_doc_contents;

/* As paragraph() and item(), with printf's formats. Texts are cut at 2,048 bytes. */
void lg_doc_paragraph(struct lg_doc *doc, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void lg_doc_item(struct lg_doc *doc, enum lg_tone mark, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The sign that stands for a tone beside its colour: "✓", "▲", ...; "" for plain ones. */
const char *lg_tone_sign(enum lg_tone tone);

/* Text from outside, with what would be markup taken out: "`", "*" and control characters. Cut at
 * cap. Returns out. */
const char *lg_doc_plain(const char *text, char *out, size_t cap);

#endif
