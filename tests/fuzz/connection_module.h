#ifndef EVD_FUZZ_CONNECTION_MODULE_H
#define EVD_FUZZ_CONNECTION_MODULE_H

#include "dispatch/module.h"

extern const struct evd_module evd_module_fuzz;
extern const struct evd_module evd_module_counter, evd_module_hello, evd_module_services,
    evd_module_test;

#endif
