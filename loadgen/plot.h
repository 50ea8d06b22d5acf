/* Figures: a gnuplot script becomes an SVG whose colours follow the reader's light or dark scheme.
 *
 * gnuplot writes colours as attributes. They are the light ones, and serve where no style sheet is
 * read; rules that match those attributes turn them into the dark ones. */
#ifndef LG_PLOT_H
#define LG_PLOT_H

#include "dispatch/status.h"

#include <stdio.h>

/* X(name, light, dark). The arms' colours follow Okabe and Ito, "Color Universal Design" (2008),
 * safe for the colour-blind; their orange is darkened, and grey and Tol's indigo stand for their
 * light ones, so that all have 3 to 1 against white. The dark ones are the same hues, lightened
 * to 4.5 to 1 against the dark ground. Each light colour is unique: it is what the rules match. */
#define LG_PALETTE_MAP(X)                                                                          \
    X(GROUND, "#ffffff", "#15181d")                                                                \
    X(INK, "#1f2328", "#e6e9ee")                                                                   \
    X(QUIET, "#59636e", "#9aa4b0")                                                                 \
    X(GRID, "#d8dde3", "#343b45")                                                                  \
    X(BAND, "#e3edf7", "#22344a")                                                                  \
    X(ARM1, "#0072b2", "#4ba3e3")                                                                  \
    X(ARM2, "#d55e00", "#f4813f")                                                                  \
    X(ARM3, "#009e73", "#2fc79b")                                                                  \
    X(ARM4, "#cc79a7", "#e59cc4")                                                                  \
    X(ARM5, "#b87a00", "#e0b040")                                                                  \
    X(ARM6, "#6b7280", "#a9b1bd")                                                                  \
    X(ARM7, "#1a1a1a", "#f2f2f2")                                                                  \
    X(ARM8, "#332288", "#a99ee8")

enum lg_palette {
#define LG_PALETTE_ENUM(name, light, dark) LG_PALETTE_##name,
    LG_PALETTE_MAP(LG_PALETTE_ENUM)
#undef LG_PALETTE_ENUM
        LG_PALETTE_COUNT
};

const char *lg_palette_light(enum lg_palette colour);

/* The colour of the arm with this index; they repeat after eight. */
enum lg_palette lg_palette_arm(size_t arm);

/* CSS rules for all colours of the figures inside `scope` (a selector, "" for none). */
void lg_palette_rules(FILE *out, const char *scope);

/* Runs a program found in PATH with `input` as its stdin, and gives back its stdout,
 * NUL-terminated, to be freed. At most 64 MiB. EVD_ERR_SYSTEM when it is missing or fails, with the
 * first line of its stderr; `package` is the Debian package that has it. */
int lg_tool_run(char *const *argv, const char *input, size_t input_len, const char *package,
                char **ret_output, size_t *ret_len, struct evd_error *ret_error);

/* Runs a script that plots to stdout on the terminal that lg_plot_begin() set. The result is an
 * <svg> element, to be freed: its ids start with `id`, and it has `title` and `description` (plain
 * text) as its text alternative. The same script gives the same bytes. */
int lg_plot_render(const char *script, size_t len, const char *id, const char *title,
                   const char *description, char **ret_svg, struct evd_error *ret_error);

/* The first lines of a script: terminal, size in pixels, fonts, borders, colours. */
void lg_plot_begin(FILE *script, unsigned width, unsigned height);

/* An <svg> of lg_plot_render() as a file of its own: with its size, ground and dark colours. */
void lg_plot_standalone(FILE *out, const char *svg);

/* Text between tags or in a quoted attribute. */
void lg_escape_markup(FILE *out, const char *text);

#endif
