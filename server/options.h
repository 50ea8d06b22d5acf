/* The options of evd-server as a table: options.def, read. */
#ifndef EVD_OPTIONS_H
#define EVD_OPTIONS_H

#include "config.h"

#include <stdbool.h>
#include <stdio.h>

#define EVD_OPTIONS_MAX 128

enum evd_option_kind {
    EVD_OPTION_GROUP, /* no option: a heading */
    EVD_OPTION_NAME,
    EVD_OPTION_CHOICE,
    EVD_OPTION_TEXT,
    EVD_OPTION_ADDRESSES,
    EVD_OPTION_SIZE,
    EVD_OPTION_COUNT,
    EVD_OPTION_DURATION,
    EVD_OPTION_SWITCH,
};

struct evd_option {
    enum evd_option_kind kind;
    const char *name;         /* without "--"; of a group its title */
    size_t offset, size;      /* of its member in struct evd_server_config */
    size_t count_offset;      /* ADDRESSES: where their number is */
    uint64_t min, max;        /* SIZE, COUNT */
    const char *argument;     /* what it is called in --help */
    const char *initial;      /* the default as one would write it; NULL: none */
    const char *const *names; /* NAME, CHOICE: ended by NULL */
    const char *backend;      /* the only one that reads it; NULL: all */
    const char *help, *reason;
};

extern const struct evd_option evd_options[];
extern const size_t evd_option_count;

/* Sets the member that the option stands for. EVD_ERR_USAGE; *ret_error names the option, what was
 * wrong and what is allowed. */
int evd_option_set(const struct evd_option *option, const char *text,
                   struct evd_server_config *config, struct evd_error *ret_error);

/* Sets every member that has a default of its own to it. */
void evd_options_set_defaults(struct evd_server_config *config);

/* --help, without what stands before and behind the options. */
void evd_options_print_help(FILE *out);

/* "64k to 1g"; "" where there is no range to tell. Returns text. */
const char *evd_option_range(const struct evd_option *option, char *text, size_t cap);

/* --help=man: the page evd-server(8), for man(7). */
void evd_options_print_man(FILE *out);

/* --help=markdown: the table of docs/OPERATIONS.md. */
void evd_options_print_markdown(FILE *out);

#endif
