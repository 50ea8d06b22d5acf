/* The transport jsonl: see transport_check.h. */
#include "fuzz.h"
#include "transport_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    transport_check(&evd_transport_jsonl, fuzz_input(data, size));
    return 0;
}
