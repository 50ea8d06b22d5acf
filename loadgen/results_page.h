/* RESULTS/README.md: what a folder of results says, one subfolder after the other; beside it
 * PITFALLS.md (results_pitfalls.h). Each statement is computed from the raw data, so that nothing
 * in it can contradict a rerun. See report.c for the command line. */
#ifndef LG_RESULTS_PAGE_H
#define LG_RESULTS_PAGE_H

#include "report_doc.h"
#include "results_pitfalls.h"

#include "dispatch/status.h"

/* Writes DIR/README.md and, where a subfolder shows a pitfall, DIR/PITFALLS.md; else there is none.
 * A subfolder that is not there, or holds nothing known, is left out. The same files give the same
 * bytes; on an error, which names the file, the pages that were there stay. */
int lg_results_make(const char *dir, struct evd_error *ret_error);

enum { LG_RESULTS_MACHINE = 256 };

/* What a section is made from: DIR/NAME, and what follows its heading. Private to results_*.c. */
struct lg_results_section {
    const char *dir, *name, *title;
    struct lg_doc *doc;
    struct lg_pitfalls *pitfalls; /* adds what the folder shows */
    char *machine; /* [LG_RESULTS_MACHINE], of the study told before: not told again */
};

/* results_others.c: of what is no study and no bench. */
int lg_results_roofline(const struct lg_results_section *section, struct evd_error *ret_error);
int lg_results_generator(const struct lg_results_section *section, struct evd_error *ret_error);
int lg_results_truth(const struct lg_results_section *section, struct evd_error *ret_error);
int lg_results_soak(const struct lg_results_section *section, struct evd_error *ret_error);
int lg_results_fuzz(const struct lg_results_section *section, struct evd_error *ret_error);

/* DIR/NAME/FILE, and whether there is such a file. */
bool lg_results_find(const struct lg_results_section *section, const char *file, char *ret_path,
                     size_t cap);

/* "[report.md](NAME/report.md)" of the first of these files that is there, "|" between them. */
void lg_results_links(const struct lg_results_section *section, const char *files);

#endif
