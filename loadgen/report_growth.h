/* The curves of a study of growth: arms as points on axes. Private to report_*.c. */
#ifndef LG_REPORT_GROWTH_H
#define LG_REPORT_GROWTH_H

#include "report_summary.h"

/* What is drawn over each axis. */
enum lg_growth_measure { LG_GROWTH_CPU, LG_GROWTH_STARTUP, LG_GROWTH_RSS, LG_GROWTH_MEASURES };

struct lg_growth_curve {
    size_t name; /* index into lg_growth.names, the same on all axes: its colour */
    size_t count;
    size_t arms[LG_ARMS_MAX]; /* by ascending x */
    double x[LG_ARMS_MAX];
};

struct lg_growth_axis {
    const char *factor; /* as in the design: "endpoints", "module_bytes" */
    bool starts;        /* its arms have different programs or modules: their start-up can differ */
    size_t curve_count;
    struct lg_growth_curve curves[LG_CURVES_MAX];
};

/* Texts are the design's. */
struct lg_growth {
    size_t name_count, axis_count;
    const char *names[LG_CURVES_MAX];
    struct lg_growth_axis axes[LG_CURVES_MAX];
};

void lg_growth_make(const struct lg_design *design, struct lg_growth *ret_growth);

/* The length of the factor's name without "_bytes"; 0 when it does not end so. */
size_t lg_growth_sized(const struct lg_growth_axis *axis);

/* "module_bytes" -> "module size", in out[LG_NAME_MAX + 8]. */
const char *lg_growth_title(const struct lg_growth_axis *axis, char *out);

/* A place on an axis as text: "10,000", "16 KiB", in out[LG_PRINT_MAX]. */
const char *lg_growth_place(const struct lg_growth_axis *axis, double x, char *out);

#endif
