/* From a saved edit to the new answer being served: see edit.c for its command line. */
#ifndef LG_EDIT_H
#define LG_EDIT_H

#include "study_design.h"

enum {
    LG_EDIT_ARMS_MAX = 16,
    LG_EDIT_REPETITIONS_MAX = 1000,
};

/* What lies between the edit and the answer, in this order. */
enum lg_edit_phase {
    LG_EDIT_COMPILE, /* the file that was edited */
    LG_EDIT_LINK,    /* the server, or the module's shared object */
    LG_EDIT_DEPLOY,  /* renamed into place; with restart, the old server's end and the new one's
                        start */
    LG_EDIT_ANSWER,  /* until the first new answer */
    LG_EDIT_PHASES
};

extern const char *const lg_edit_phase_names[LG_EDIT_PHASES];

/* One way to bring an edit into service. Texts are the plan's. */
struct lg_edit_arm {
    const char *name;
    double module_bytes;
    const char *source;         /* the file that is edited: it has a line "enum { EDITION = N };" */
    const char *event;          /* answers N */
    const char *compile, *link; /* for /bin/sh; the second makes `product` */
    const char *product, *target;
    struct lg_args server; /* its whole command line */
    bool restart;          /* else the server is expected to notice */
};

struct lg_edit_plan {
    cJSON *root; /* owned */
    size_t count;
    struct lg_edit_arm arms[LG_EDIT_ARMS_MAX];
};

int lg_edit_plan_read(const char *path, struct lg_edit_plan *ret_plan, struct evd_error *ret_error);
void lg_edit_plan_release(struct lg_edit_plan *plan);

struct lg_edit_times {
    uint64_t phases[LG_EDIT_PHASES]; /* ns */
    unsigned polls;                  /* questions until the new answer */
};

/* Makes what the arm starts from: edition 0, compiled, linked, in place. Not measured. */
int lg_edit_prepare(const struct lg_edit_arm *arm, int stop_fd, struct evd_error *ret_error);

/* One edit, from edition `edition` to the next, with a server of its own that serves the old one
 * before. No child is left. EVD_MORE: stopped by a signal. */
int lg_edit_once(const struct lg_edit_arm *arm, unsigned edition, int stop_fd,
                 struct lg_edit_times *ret_times, struct evd_error *ret_error);

#endif
