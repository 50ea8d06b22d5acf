/* A model of what grows: the CPU time of a call as fixed + growing * f(x), for each curve of an
 * axis. Private to report_*.c. */
#ifndef LG_REPORT_GROWTH_MODEL_H
#define LG_REPORT_GROWTH_MODEL_H

#include "report_growth.h"
#include "stats_fit.h"

/* f(x): whichever of the two leaves less. */
enum lg_model_form {
    LG_MODEL_LINEAR, /* x */
    LG_MODEL_LOG2    /* log2(x): each doubling costs the same */
};

struct lg_model {
    bool known; /* there are three places with trials that count, at least */
    enum lg_model_form form;
    struct lg_fit fit;   /* ns, and ns for one of f(x) */
    double residual, at; /* the farthest of a place's mean from the model, as a share, and
                            where */
};

/* EVD_ERR_NO_MEMORY. */
int lg_model_of(const struct lg_summary *summary, const struct lg_growth_curve *curve,
                struct lg_model *ret_model);

/* What the model says of x, ns. */
double lg_model_at(const struct lg_model *model, double x);

#endif
