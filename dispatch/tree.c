#include "tree.h"

#include "json.h"

#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdlib.h>

/* cJSON's hooks have no argument: this is how they find the call that this thread works for. */
static _Thread_local struct evd_arena *hook_arena;

static void *hook_malloc(size_t size)
{
    return hook_arena != NULL ? evd_arena_alloc(hook_arena, size) : malloc(size);
}

static void hook_free(void *ptr)
{
    /* While an arena is set cJSON frees only what it got within the same parse or print. */
    if (hook_arena == NULL)
        free(ptr);
}

static void set_hooks(void)
{
    cJSON_Hooks hooks = {.malloc_fn = hook_malloc, .free_fn = hook_free};
    cJSON_InitHooks(&hooks);
}

void evd_tree_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, set_hooks);
}

int evd_tree_parse(struct evd_arena *arena, struct evd_slice text, unsigned max_depth,
                   const struct cJSON **ret_tree, struct evd_error *ret_error)
{
    if (text.len == 0)
        text = EVD_SLICE("null");
    int rc = evd_json_validate(text, max_depth, ret_error);
    if (rc < 0)
        return rc;
    hook_arena = arena;
    const cJSON *tree = cJSON_ParseWithLength(text.ptr, text.len);
    hook_arena = NULL;
    /* The scan accepts nothing that cJSON refuses, so this is the arena's maximum, or no memory. */
    if (tree == NULL)
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY,
                             "data of %zu bytes needs a larger tree than the limit of %zu bytes",
                             text.len, arena->max);
    *ret_tree = tree;
    return EVD_OK;
}

int evd_tree_print(struct evd_arena *arena, const struct cJSON *tree, struct evd_slice *ret_text)
{
    hook_arena = arena;
    char *text = cJSON_PrintBuffered(tree, 256, 0);
    hook_arena = NULL;
    if (text == NULL)
        return EVD_ERR_NO_MEMORY;
    *ret_text = evd_slice_text(text);
    return EVD_OK;
}
