/* cJSON trees in a call's arena.
 *
 * cJSON takes its allocator from process-wide hooks (cJSON_InitHooks). They are set once; while
 * this thread parses or prints for a call they serve from that call's arena, otherwise they are
 * malloc and free, so that a module's own use of cJSON is untouched. */
#ifndef EVD_TREE_H
#define EVD_TREE_H

#include "arena.h"
#include "message.h"
#include "status.h"

struct cJSON;

/* Sets cJSON's hooks, once a process; before any other use of cJSON. */
void evd_tree_init(void);

/* Scans `text` (json.h), then has cJSON build the tree. Empty text is null. The tree lives as long
 * as the arena. EVD_ERR_BAD_DATA with *ret_error in words, or EVD_ERR_NO_MEMORY (arena full). */
int evd_tree_parse(struct evd_arena *arena, struct evd_slice text, unsigned max_depth,
                   const struct cJSON **ret_tree, struct evd_error *ret_error);

/* Compact JSON text, in the arena. EVD_ERR_NO_MEMORY. */
int evd_tree_print(struct evd_arena *arena, const struct cJSON *tree, struct evd_slice *ret_text);

#endif
