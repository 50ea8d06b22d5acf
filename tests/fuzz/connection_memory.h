/* Memory that runs out when the target says so: what the server's own code allocates (--wrap). */
#ifndef EVD_FUZZ_CONNECTION_MEMORY_H
#define EVD_FUZZ_CONNECTION_MEMORY_H

#include <stdbool.h>

struct memory_fault {
    unsigned countdown; /* 1: the next allocation fails, and none after it; 0: none fails */
    bool out;           /* all fail */
    bool failed;        /* one has failed; the target clears it */
};

extern struct memory_fault memory_fault;

#endif
