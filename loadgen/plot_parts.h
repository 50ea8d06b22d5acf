/* What the charts have in common. Private to plot_*.c. */
#ifndef LG_PLOT_PARTS_H
#define LG_PLOT_PARTS_H

#include <stdio.h>

enum { LG_PLOT_WIDTH = 760 };

void lg_plot_x_title(FILE *script, const char *title);

/* Lines: the title of the vertical axis, the names of the lines above it. */
void lg_plot_key_above(FILE *script, const char *y_title);

/* Tics of 1, 2 and 5 times powers of ten from low to high, or only powers of ten where these are
 * many. */
void lg_plot_log_tics(FILE *script, const char *axis, double low, double high);

/* A step of 1, 2 or 5 times a power of ten that cuts a span into at most `most` parts. */
double lg_plot_tic_step(double span, double most);

#endif
