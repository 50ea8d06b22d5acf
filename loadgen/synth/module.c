#include "synth.h"

#include <inttypes.h>
#include <string.h>

/* What gcc 12 and clang 14 make of the generated text for x86-64 at -O2, bytes of .text. A step is
 * four 64-bit constants, a move and a call. */
enum {
    STEP_BYTES = 48,
    FUNCTION_BYTES = 6,   /* of a filler, beside its steps */
    FUNCTION_STEPS = 20,  /* of a filler: about 1 KB, a function as people write them */
    ENDPOINT_BYTES = 50,  /* its function, which is one step */
    EDITION_BYTES = 72,   /* the function `edition`, with what it calls */
    MODULE_BYTES = 256,   /* mix(), answer() */
    OPEN_BYTES = 160,     /* the constructor */
    FILE_BYTES = 96,      /* of each further file: mix() again */
    FILE_CODE = 64 << 10, /* in one source file, at most */
};

#define SEAL_START      UINT64_C(0x243f6a8885a308d3)
#define SEAL_MULTIPLIER UINT64_C(0x9e3779b97f4a7c15)

struct synth_step synth_step(struct lg_rng *rng)
{
    struct synth_step step = {0};
    uint64_t *const words[] = {&step.a, &step.b, &step.c, &step.d};
    /* Odd, for the multiplications; the top bit set, so that each is a full 64-bit constant. */
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        *words[i] = lg_rng_next(rng) | UINT64_C(1) << 63 | 1;
    return step;
}

uint64_t synth_mix(uint64_t x, const struct synth_step *step)
{
    x = (x ^ step->a) * step->b;
    x = (x ^ step->c) * step->d;
    return x ^ x >> 31;
}

uint64_t synth_seal(const struct synth_options *options)
{
    uint64_t h = options->constructor > 0 ? SEAL_START : 0;
    for (uint64_t i = 0; i < (options->constructor + 7) / 8; i++)
        h = (h ^ h >> 29 ^ i) * SEAL_MULTIPLIER;
    return h;
}

void synth_module_rng(const struct synth_options *options, uint64_t module, struct lg_rng *ret_rng)
{
    uint64_t state = options->seed;
    lg_rng_init(ret_rng, lg_splitmix64(&state) ^ module);
}

void synth_ident(const struct synth_options *options, uint64_t module, char *out, size_t cap)
{
    snprintf(out, cap, "%s_m%" PRIu64, options->prefix, module);
    for (char *c = out; *c; c++)
        if (*c == '.' || *c == '-')
            *c = '_';
}

uint64_t synth_code_least(const struct synth_options *options)
{
    return MODULE_BYTES + (uint64_t)(options->constructor > 0 ? OPEN_BYTES : 0) +
           (uint64_t)(options->editable ? EDITION_BYTES : 0) + options->functions * ENDPOINT_BYTES;
}

static uint64_t filler_bytes(const struct synth_options *options)
{
    uint64_t least = synth_code_least(options);
    return options->code > least ? options->code - least : 0;
}

uint64_t synth_files(const struct synth_options *options)
{
    uint64_t least = synth_code_least(options), filler = filler_bytes(options);
    uint64_t room = least < FILE_CODE ? FILE_CODE - least : 0;
    return filler <= room ? 1 : 1 + (filler - room + FILE_CODE - 1) / FILE_CODE;
}

/* Bytes of filler that stand in a file. */
static uint64_t filler_of(const struct synth_options *options, uint64_t file)
{
    uint64_t files = synth_files(options), least = synth_code_least(options);
    uint64_t filler = filler_bytes(options), room = least < FILE_CODE ? FILE_CODE - least : 0;
    if (files == 1)
        return filler;
    if (file == 0)
        return room;
    return (filler - room) / (files - 1);
}

static void put_step(FILE *out, const struct synth_step *step)
{
    fprintf(out,
            "UINT64_C(0x%016" PRIx64 "), UINT64_C(0x%016" PRIx64 "),\n"
            "            UINT64_C(0x%016" PRIx64 "), UINT64_C(0x%016" PRIx64 ")",
            step->a, step->b, step->c, step->d);
}

static void put_mix(FILE *out)
{
    fputs("\n__attribute__((noinline)) static uint64_t mix(uint64_t x, uint64_t a, uint64_t b, "
          "uint64_t c,\n                                              uint64_t d)\n"
          "{\n"
          "    x = (x ^ a) * b;\n"
          "    x = (x ^ c) * d;\n"
          "    return x ^ x >> 31;\n"
          "}\n",
          out);
}

/* Functions of 1 KB up to `bytes`; the last one takes what is left. */
static void put_fillers(FILE *out, struct lg_rng *rng, uint64_t bytes)
{
    for (uint64_t number = 0; bytes >= FUNCTION_BYTES + STEP_BYTES; number++) {
        uint64_t steps = (bytes - FUNCTION_BYTES + STEP_BYTES / 2) / STEP_BYTES;
        if (steps >= 2 * FUNCTION_STEPS)
            steps = FUNCTION_STEPS;
        fprintf(out, "\n__attribute__((used)) static uint64_t work_%" PRIu64 "(uint64_t x)\n{\n",
                number);
        for (uint64_t i = 0; i < steps; i++) {
            struct synth_step step = synth_step(rng);
            fputs("    x = mix(x, ", out);
            put_step(out, &step);
            fputs(");\n", out);
        }
        fputs("    return x;\n}\n", out);
        uint64_t used = FUNCTION_BYTES + steps * STEP_BYTES;
        bytes = bytes > used ? bytes - used : 0;
    }
}

/* Data that the loader must relocate: pointers into the module itself. */
static void put_relocations(FILE *out, uint64_t count)
{
    enum { TARGETS = 64 };
    if (count == 0)
        return;
    fprintf(out,
            "\nstatic const unsigned char targets[%d];\n"
            "__attribute__((used)) static const void *const pointers[%" PRIu64 "] = {",
            TARGETS, count);
    for (uint64_t i = 0; i < count; i++)
        fprintf(out, "%stargets + %" PRIu64 ",", i % 8 == 0 ? "\n    " : " ", i % TARGETS);
    fputs("\n};\n", out);
}

static void put_open(FILE *out, const struct synth_options *options)
{
    uint64_t words = options->state / 8;
    if (options->constructor == 0)
        return;
    fprintf(out,
            "\n/* Hashes, and writes into the state, round and round. */\n"
            "static int open_state(void *state, const struct evd_config *config)\n"
            "{\n"
            "    uint64_t *words = state, h = UINT64_C(0x%" PRIx64 ");\n"
            "    (void)config;\n"
            "    for (uint64_t i = 0, at = 0; i < UINT64_C(%" PRIu64 "); i++) {\n"
            "        h = (h ^ h >> 29 ^ i) * UINT64_C(0x%" PRIx64 ");\n"
            "        words[at] = h;\n"
            "        at = at + 1 < UINT64_C(%" PRIu64 ") ? at + 1 : 0;\n"
            "    }\n"
            "    words[0] = h;\n"
            "    return EVD_OK;\n"
            "}\n",
            SEAL_START, (options->constructor + 7) / 8, SEAL_MULTIPLIER, words);
}

/* The further files are in the module only when something refers to them: a linker leaves out what
 * nothing needs of an archive. `never` is not known to the compiler to be 0. */
static void put_parts(FILE *out, const struct synth_options *options, const char *ident)
{
    uint64_t files = synth_files(options);
    if (files == 1)
        return;
    fputs("\nstatic const volatile unsigned char never;\n", out);
    for (uint64_t file = 1; file < files; file++)
        fprintf(out,
                "__attribute__((visibility(\"hidden\"))) uint64_t %s_part_%" PRIu64
                "(uint64_t x);\n",
                ident, file);
    fputs("__attribute__((used)) static uint64_t all_parts(uint64_t x)\n{\n", out);
    for (uint64_t file = 1; file < files; file++)
        fprintf(out, "    x = %s_part_%" PRIu64 "(x);\n", ident, file);
    fputs("    return never ? x : 0;\n}\n", out);
}

static void put_answer(FILE *out, const struct synth_options *options)
{
    fputs("\n/* The answer is the number in hexadecimal, as a JSON string. */\n"
          "__attribute__((noinline)) static int answer(void *state, struct evd_call *call, "
          "uint64_t a, uint64_t b,\n                                            uint64_t c, "
          "uint64_t d)\n{\n    char text[18];\n",
          out);
    fprintf(out, "    uint64_t x = mix(%s, a, b, c, d);\n",
            options->state > 0 ? "*(const uint64_t *)state" : "0");
    fprintf(out, "%s    text[0] = text[17] = '\"';\n",
            options->state > 0 ? "" : "    (void)state;\n");
    fputs("    for (int i = 16; i > 0; i--, x >>= 4)\n"
          "        text[i] = \"0123456789abcdef\"[x & 15];\n"
          "    return evd_reply(call, evd_slice(text, sizeof text));\n}\n",
          out);
}

static void put_endpoints(FILE *out, const struct synth_options *options, struct lg_rng *rng)
{
    for (uint64_t i = 0; i < options->functions; i++) {
        struct synth_step step = synth_step(rng);
        fprintf(out,
                "\nstatic int f%" PRIu64 "(void *state, struct evd_call *call)\n{\n"
                "    return answer(state, call, ",
                i);
        put_step(out, &step);
        fputs(");\n}\n", out);
    }
    if (options->editable)
        fputs("\n/* What is edited, to see how long it takes until the new answer is served. */\n"
              "enum { EDITION = 0 };\n"
              "\nstatic int edition(void *state, struct evd_call *call)\n{\n"
              "    (void)state;\n"
              "    return evd_reply_uint(call, EDITION);\n}\n",
              out);
    fputs("\nstatic const struct evd_function functions[] = {\n", out);
    for (uint64_t i = 0; i < options->functions; i++)
        fprintf(out, "    {\"f%" PRIu64 "\", f%" PRIu64 "},\n", i, i);
    fprintf(out, "%s};\n", options->editable ? "    {\"edition\", edition},\n" : "");
}

void synth_write_source(const struct synth_options *options, uint64_t module, uint64_t file,
                        FILE *out)
{
    char ident[SYNTH_PREFIX_MAX + 32];
    struct lg_rng rng;
    synth_ident(options, module, ident, sizeof(ident));
    synth_module_rng(options, module, &rng);
    fprintf(out, "/* Made by evd-synth: module %" PRIu64 ", file %" PRIu64 ". */\n", module, file);
    if (file > 0) {
        lg_rng_init(&rng, lg_rng_next(&rng) ^ file);
        fputs("#include <stdint.h>\n", out);
        put_mix(out);
        fprintf(out,
                "\n__attribute__((visibility(\"hidden\"))) uint64_t %s_part_%" PRIu64
                "(uint64_t x);\nuint64_t %s_part_%" PRIu64
                "(uint64_t x)\n{\n    return mix(x, 1, 2, 3, 4);\n}\n",
                ident, file, ident, file);
        put_fillers(out, &rng, filler_of(options, file) - FILE_BYTES);
        return;
    }
    fputs("#include <evdispatch/module.h>\n", out);
    put_mix(out);
    put_answer(out, options);
    put_open(out, options);
    put_endpoints(out, options, &rng);
    put_relocations(out, options->relocations);
    put_parts(out, options, ident);
    put_fillers(out, &rng, filler_of(options, 0));
    fprintf(out, "\nEVD_MODULE(%s, ", ident);
    if (options->state > 0)
        fprintf(out, ".state_size = %" PRIu64 ", ", options->state);
    if (options->constructor > 0)
        fputs(".open = open_state, ", out);
    fputs("EVD_FUNCTIONS(functions));\n", out);
}
