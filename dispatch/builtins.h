/* The modules that are linked into this server: modules/modules.def, the generated webhook modules,
 * and those of EVD_EXTRA_MODULES. */
#ifndef EVD_BUILTINS_H
#define EVD_BUILTINS_H

#include "dispatch.h"

extern const struct evd_builtin evd_builtins[];
extern const size_t evd_builtin_count;

#endif
