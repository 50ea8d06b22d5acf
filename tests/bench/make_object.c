/* Writes the source of a module whose shared object has about SIZE bytes: seven eighths code and
 * constants, one eighth relocations (pointers that the loader sets, 8 bytes each and 24 in their
 * table), as code with tables of functions has.
 *
 *   make_object SIZE > x.c */
#include <stdio.h>
#include <stdlib.h>

#define OVERHEAD   12288 /* bytes of the smallest shared object, headers and padding */
#define FUNCTION   256   /* bytes of code of one filler function */
#define RELOCATION 32

int main(int argc, char **argv)
{
    size_t size = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
    if (size < 16384) {
        fputs("make_object: usage: make_object SIZE, in bytes, 16384 or more\n", stderr);
        return 2;
    }
    size_t room = size - OVERHEAD, pointers = room / 8 / RELOCATION;
    size_t functions = room / 8 * 7 / FUNCTION;
    printf("#include <evdispatch/module.h>\n"
           "__asm__(\".text\\n.p2align 4\\nbench_filler:\\n.rept %zu\\n.fill %d,1,0x90\\nret\\n"
           ".endr\\n\");\n"
           "extern const char bench_filler[] __attribute__((visibility(\"hidden\")));\n"
           "#define P(n) &bench_filler[(n) * %d]\n"
           "extern const char *const bench_table[];\n"
           "const char *const bench_table[] = {\n",
           functions, FUNCTION - 1, FUNCTION);
    for (size_t i = 0; i < pointers; i++)
        printf("P(%zu),%s", functions == 0 ? 0 : i % functions, i % 12 == 11 ? "\n" : "");
    printf("};\n"
           "static int nop(void *state, struct evd_call *call)\n{\n    (void)state;\n"
           "    return evd_reply(call, EVD_SLICE(\"null\"));\n}\n"
           "static const struct evd_function functions[] = {{\"nop\", nop}};\n"
           "EVD_MODULE(bench_size, EVD_FUNCTIONS(functions));\n");
    return fflush(stdout) == 0 ? 0 : 1;
}
