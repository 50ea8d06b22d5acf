#include "builtins.h"

/* evd_add_module() wrote builtins.def: one EVD_BUILTIN(name, identifier) for each of its calls. */
#define EVD_BUILTIN(name, ident) extern const struct evd_module evd_module_##ident;
#include "builtins.def"
#undef EVD_BUILTIN

const struct evd_builtin evd_builtins[] = {
#define EVD_BUILTIN(name, ident) {name, &evd_module_##ident},
#include "builtins.def"
#undef EVD_BUILTIN
};

const size_t evd_builtin_count = sizeof evd_builtins / sizeof *evd_builtins;
