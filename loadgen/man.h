/* loadgen(1), made of the texts that --help prints: what the page says, --help says, too. */
#ifndef LG_MAN_H
#define LG_MAN_H

#include <stdio.h>

/* The page, for man(7). */
void lg_man_page(FILE *out);

/* One --help text as a part of a page. A line without indent that ends in a colon is a heading;
 * "  TERM  text", two blanks or more between, is a term and what it means, which goes on in lines
 * that are indented further; what is indented below "Examples:" stands as it is; all else is a
 * paragraph. */
void lg_man_help(const char *help, FILE *out);

#endif
