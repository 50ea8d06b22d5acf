#include "suite.h"

#include "progress.h"

#include <regex.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct bench_argument {
    struct bench_argument *next;
    struct bench_progress *progress; /* the suite's */
    evd_bench_fn fn;
    int64_t iterations; /* of its last run */
    char name[160];
    alignas(max_align_t) unsigned char bytes[];
};

static void run_argument(struct evd_bench *bench, void *arg)
{
    struct bench_argument *argument = arg;
    int64_t iterations = evd_bench_iterations(bench);
    if (argument->progress != NULL && iterations == argument->iterations)
        bench_progress_step(argument->progress);
    argument->iterations = iterations;
    argument->fn(bench, argument->bytes);
}

void bench_add(struct bench_suite *suite, evd_bench_fn fn, const void *arg, size_t size,
               const char *format, ...)
{
    va_list args;
    struct bench_argument *argument = calloc(1, sizeof *argument + size);
    if (argument == NULL) {
        fputs("evd-bench: out of memory\n", stderr);
        exit(1);
    }
    memcpy(argument->bytes, arg, size);
    argument->fn = fn;
    argument->progress = suite->progress;
    argument->next = suite->arguments;
    suite->arguments = argument;
    va_start(args, format);
    (void)vsnprintf(argument->name, sizeof argument->name, format, args);
    va_end(args);
    evd_bench_add(argument->name, run_argument, argument);
}

size_t bench_suite_count(const struct bench_suite *suite, const char *filter)
{
    size_t count = 0;
    regex_t regex;
    bool not = filter[0] == '-', all = filter[0] == '\0' || strcmp(filter, "all") == 0;
    if (!all && regcomp(&regex, filter + not, REG_EXTENDED | REG_NOSUB) != 0)
        return 0;
    for (const struct bench_argument *a = suite->arguments; a != NULL; a = a->next)
        count += all || (regexec(&regex, a->name, 0, NULL, 0) == 0) != not ;
    if (!all)
        regfree(&regex);
    return count;
}

void bench_suite_release(struct bench_suite *suite)
{
    while (suite->arguments != NULL) {
        struct bench_argument *argument = suite->arguments;
        suite->arguments = argument->next;
        free(argument);
    }
}

const char *bench_size_text(size_t size, char out[static 16])
{
    if (size >= 1024 * 1024)
        (void)snprintf(out, 16, "%zuM", size / 1024 / 1024);
    else if (size >= 1024)
        (void)snprintf(out, 16, "%zuK", size / 1024);
    else
        (void)snprintf(out, 16, "%zu", size);
    return out;
}

char *bench_json_make(size_t size)
{
    static const char *const members[] = {
        "\"id\":35129377,\"private\":false,",
        "\"full_name\":\"Codertocat/Hello-World\",",
        "\"description\":\"a \\\"quoted\\\" text\\nof two lines\",",
        "\"labels\":[{\"name\":\"bug\",\"color\":\"d73a4a\"},null],",
        "\"url\":\"https://api.github.com/repos/Codertocat/Hello-World\",",
    };
    char *out = malloc(size + 1);
    size_t len = 1, next = 0;
    if (out == NULL)
        return NULL;
    out[0] = '{';
    for (;;) {
        const char *member = members[next++ % (sizeof members / sizeof *members)];
        if (len + strlen(member) + sizeof "\"pad\":\"\"}" > size)
            break;
        memcpy(out + len, member, strlen(member));
        len += strlen(member);
    }
    len += (size_t)sprintf(out + len, "\"pad\":\"");
    memset(out + len, 'x', size - 2 - len);
    memcpy(out + size - 2, "\"}", 3);
    return out;
}
