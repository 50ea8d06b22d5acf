/* The report of a folder of a study or of a bench: see report.c for its command line. */
#ifndef LG_REPORT_H
#define LG_REPORT_H

#include "dispatch/status.h"

#include <stddef.h>

enum { LG_REPORT_PAGE_MAX = 1000000 };

/* Reads DIR/bench.json with what belongs to it (report_bench.h), or else DIR/study.json,
 * DIR/trials.jsonl and, where it is there, DIR/edit.jsonl; writes
 * DIR/report.md, DIR/report.html and the figures. The same files give the same bytes. Nothing is
 * written when it fails before the end. */
int lg_report_make(const char *dir, struct evd_error *ret_error);

/* As lg_report_make(), with at most page_max bytes in report.html, as far as leaving the largest
 * drawings out can do it: the page says which, and where they are. lg_report_make() takes
 * LG_REPORT_PAGE_MAX. */
int lg_report_make_within(const char *dir, size_t page_max, struct evd_error *ret_error);

#endif
