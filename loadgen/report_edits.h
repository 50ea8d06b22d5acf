/* The edits of DIR/edit.jsonl, where the folder of a study has one. Private to report_*.c. */
#ifndef LG_REPORT_EDITS_H
#define LG_REPORT_EDITS_H

#include "edit.h"
#include "stats.h"

/* All edits of one arm. */
struct lg_edit_group {
    char name[LG_NAME_MAX + 1];
    double module_bytes;
    bool restart;
    size_t count;
    /* ns; the last is the total */
    double times[LG_EDIT_PHASES + 1][LG_EDIT_REPETITIONS_MAX];
    struct lg_interval medians[LG_EDIT_PHASES + 1];
};

struct lg_edits {
    size_t count;                 /* 0: there is no edit.jsonl */
    struct lg_edit_group *groups; /* by size, then as they come; owned */
    char sha256[65];              /* of edit.jsonl */
};

/* EVD_OK also when there is no file. An error names the line. */
int lg_edits_read(const char *dir, struct lg_edits *ret_edits, struct evd_error *ret_error);
void lg_edits_release(struct lg_edits *edits);

#endif
