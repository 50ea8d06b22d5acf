/* Layouts of the server: the same object files, linked in another order, so that code lies
 * elsewhere. A program whose code has moved can be some per cent faster or slower with nothing
 * changed (Mytkowicz, Diwan, Hauswirth, Sweeney: Producing wrong data without doing anything
 * obviously wrong!, ASPLOS 2009; Curtsinger, Berger: Stabilizer, ASPLOS 2013). A study that has
 * each block run another layout counts that as what it is, scatter, and does not take it for a
 * difference between arms. cmake/EvdLayouts.cmake links them. */
#ifndef LG_STUDY_LAYOUT_H
#define LG_STUDY_LAYOUT_H

#include "paths.h"
#include "study.h"

/* The layout that a block (from 1) runs: 1 to design->layouts, one after the other; all arms of a
 * block have the same. 0 where the design has none, which is the server as it was built. */
static inline unsigned lg_layout_of(const struct lg_design *design, unsigned block)
{
    return design->layouts == 0 ? 0 : (block - 1) % design->layouts + 1;
}

/* How many of them the blocks of the design run. */
static inline unsigned lg_layouts_used(const struct lg_design *design)
{
    return design->blocks < design->layouts ? design->blocks : design->layouts;
}

/* The program of a layout: "<folder of the server>/../layouts/<its name>-<layout>", and the server
 * itself for 0. EVD_ERR_TOO_LARGE. */
int lg_layout_path(const struct lg_study_options *options, unsigned layout, char out[LG_PATH_MAX],
                   struct evd_error *ret_error);

/* Whether all that are used can be run. EVD_ERR_USAGE: the error names the first that cannot, and
 * what makes it. */
int lg_layouts_check(const struct lg_study_options *options, struct evd_error *ret_error);

#endif
