/* What the process may take of memory, and what the loop falls back on when there is none. */
#ifndef EVD_MEMORY_H
#define EVD_MEMORY_H

#include "config.h"

/* libev ends the process when it gets no memory. So its tables are given a reserve, set aside here
 * and untouched until malloc() fails: large enough for every table at its largest. Once a process,
 * before the first loop is made; ev_set_allocator() is a process's. EVD_ERR_NO_MEMORY. */
int evd_memory_reserve(size_t max_connections);

/* "memory: 3.1 MiB + 472 bytes x connections + at most 256 MiB of their buffers; ...": what the
 * process has now, what an idle connection costs at most, and what all buffers may. Returns out. */
const char *evd_memory_text(const struct evd_server_config *config, char *out, size_t cap);

#endif
