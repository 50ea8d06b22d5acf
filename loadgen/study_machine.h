/* What a study ran on, for its report. */
#ifndef LG_STUDY_MACHINE_H
#define LG_STUDY_MACHINE_H

#include <cjson/cJSON.h>

/* {"cpu","cores","memory_bytes","kernel","os","congestion","governor","clocksource","virtual",
 * "siblings"}.
 * `congestion` is the system's default, not the study's. `governor` is null where the system has
 * none. `virtual`: whether the CPU reports a hypervisor. `siblings`: the CPUs that share a core
 * with server_cpu, as in sysfs ("0-1"), null where unknown. NULL without memory; to be deleted by
 * the caller. */
cJSON *lg_machine(unsigned server_cpu);

/* Versions of the shared libraries that this program runs on, as they say themselves; the server is
 * linked against the same ones. To be deleted. */
cJSON *lg_libraries(void);

#endif
