/* Synthetic APIs: modules whose size, relocations, constructor and state are parameters.
 *
 * Every answer is a 64-bit number that the module computes from constants of the endpoint and from
 * what its open() left in the state; the generator computes the same number, and writes it into the
 * scenario. So a reply that is right proves that this endpoint's code ran on a state that was
 * opened. */
#ifndef LG_SYNTH_H
#define LG_SYNTH_H

#include "dispatch/status.h"
#include "loadgen/rng.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
    SYNTH_MODULES_MAX = 10000,
    SYNTH_FUNCTIONS_MAX = 10000, /* of one module */
    SYNTH_ENDPOINTS_MAX = 1000000,
    SYNTH_RELOCATIONS_MAX = 1000000,
    SYNTH_SAMPLE_MAX = 10000, /* requests of a scenario */
    SYNTH_PREFIX_MAX = 100,
};
#define SYNTH_CODE_MAX        (UINT64_C(256) << 20) /* bytes, of one module */
#define SYNTH_STATE_MAX       (UINT64_C(256) << 20)
#define SYNTH_CONSTRUCTOR_MAX (UINT64_C(1) << 30)

struct synth_options {
    uint64_t modules, functions;
    uint64_t code;        /* bytes of .text of a module; 0: what its functions need */
    uint64_t relocations; /* pointers in its data, beyond those that any module has */
    uint64_t constructor; /* bytes that open() hashes and writes into the state */
    uint64_t state;       /* bytes */
    uint64_t sample;      /* endpoints in the scenario */
    uint64_t seed;
    bool editable;      /* each module has one more function, `edition` */
    const char *prefix; /* "api.synth": modules are api.synth.m0, api.synth.m1, ... */
    const char *out;
};

/* Four constants, one step of an endpoint's or of a filler's code. */
struct synth_step {
    uint64_t a, b, c, d;
};

struct synth_step synth_step(struct lg_rng *rng);

/* What mix() of a generated module does. */
uint64_t synth_mix(uint64_t x, const struct synth_step *step);

/* What open() leaves in the first word of the state; 0 without a constructor. */
uint64_t synth_seal(const struct synth_options *options);

/* The generator of a module's constants: the module's alone, so that each can be made by itself. */
void synth_module_rng(const struct synth_options *options, uint64_t module, struct lg_rng *ret_rng);

/* "api_synth_m3", the C identifier of a module, into out[cap]. */
void synth_ident(const struct synth_options *options, uint64_t module, char *out, size_t cap);

/* The least that --code can be with so many functions. */
uint64_t synth_code_least(const struct synth_options *options);

/* How many source files a module has: one for each 64 KiB of code, so that they compile in
 * parallel and an edit compiles one of a size that people write. */
uint64_t synth_files(const struct synth_options *options);

/* Writes source file `file` of a module: 0 has the module itself, the others code that no call
 * reaches. */
void synth_write_source(const struct synth_options *options, uint64_t module, uint64_t file,
                        FILE *out);

/* Writes DIR/m*.c, DIR/CMakeLists.txt and DIR/scenario.json. A file whose content stays the same is
 * left alone, so that nothing is built anew. EVD_ERR_SYSTEM, EVD_ERR_NO_MEMORY. */
int synth_write(const struct synth_options *options, struct evd_error *ret_error);

#endif
