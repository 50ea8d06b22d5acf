/* A drawing of gnuplot's in fewer bytes, with the same looks: half of a report would be what
 * gnuplot says again with each point. Private to plot*.c. */
#ifndef LG_PLOT_LEAN_H
#define LG_PLOT_LEAN_H

#include <stdio.h>

/* Writes `drawing`, the groups and definitions of one figure. Definitions that nothing refers to
 * go; neighbouring groups and paths of the same attributes become one; round points with a text
 * become circles in a group of their colour; coordinates get one decimal, a twentieth of a pixel.
 * What looks like none of these is copied as it is. */
void lg_plot_lean(const char *drawing, FILE *out);

#endif
