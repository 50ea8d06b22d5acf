/* Writes the names of the look-ups for those that must have them when they are built:
 *
 *   make_names gperf COUNT > x.gperf    the input of gperf; the function is bench_gperf_COUNT
 *   make_names symbols COUNT > x.c      a shared object in which each name is a symbol */
#include "names.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static void write_gperf(const struct bench_names *names)
{
    printf("%%{\n#include \"tests/bench/lookup_gperf.h\"\n%%}\n"
           "%%language=ANSI-C\n%%readonly-tables\n%%compare-lengths\n%%struct-type\n"
           "%%omit-struct-type\n%%define lookup-function-name bench_gperf_%zu\n"
           "%%define hash-function-name hash_%zu\nstruct bench_gperf_entry;\n%%%%\n",
           names->count, names->count);
    for (size_t i = 0; i < names->count; i++)
        printf("%s, %zu\n", names->list[i].ptr, i);
    printf("%%%%\n");
}

/* C has no names with dots; the assembler does. */
static void write_symbols(const struct bench_names *names)
{
    printf("extern const char first_of_the_symbols;\nconst char first_of_the_symbols = 1;\n"
           "__asm__(\".section .rodata\\n\"\n");
    for (size_t i = 0; i < names->count; i++) {
        const char *name = names->list[i].ptr;
        printf("\".globl %s\\n.type %s,@object\\n.size %s,1\\n%s: .byte 1\\n\"\n", name, name, name,
               name);
    }
    printf("\".text\\n\");\n");
}

int main(int argc, char **argv)
{
    struct bench_names names;
    size_t count = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    bool gperf = argc == 3 && strcmp(argv[1], "gperf") == 0;
    if (count == 0 || (!gperf && strcmp(argv[1], "symbols") != 0)) {
        fputs("make_names: usage: make_names gperf|symbols COUNT\n", stderr);
        return 2;
    }
    if (bench_names_draw(BENCH_NAMES_SEED, count, &names) < 0) {
        fputs("make_names: out of memory\n", stderr);
        return 1;
    }
    if (gperf)
        write_gperf(&names);
    else
        write_symbols(&names);
    bench_names_release(&names);
    return fflush(stdout) == 0 ? 0 : 1;
}
