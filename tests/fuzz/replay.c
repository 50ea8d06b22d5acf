/* Runs files, and the files of folders, through a target, once each: what libFuzzer's own main does
 * with -runs=0, for builds without libFuzzer. */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_MAX (1024 * 1024) /* bytes */

static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        (void)fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
        return -1;
    }
    uint8_t *all = malloc(INPUT_MAX);
    FUZZ_CHECK(all != NULL);
    size_t size = fread(all, 1, INPUT_MAX, file);
    bool good = ferror(file) == 0 && fgetc(file) == EOF;
    (void)fclose(file);
    if (good) {
        (void)fprintf(stderr, "replay: %s\n", path);
        char *input = fuzz_copy(fuzz_input(all, size));
        (void)LLVMFuzzerTestOneInput((const uint8_t *)input, size);
        free(input);
    } else {
        (void)fprintf(stderr, "replay: %s: cannot be read, or is larger than %d bytes\n", path,
                      INPUT_MAX);
    }
    free(all);
    return good ? 1 : -1;
}

/* Returns how many files were run, or -1. */
static int run_path(const char *path)
{
    struct stat info;
    if (stat(path, &info) < 0 || !S_ISDIR(info.st_mode))
        return run_file(path);
    struct dirent **names;
    int count = scandir(path, &names, NULL, alphasort), done = 0;
    for (int i = 0; i < count; i++) {
        char name[4096];
        int len = snprintf(name, sizeof name, "%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.' && done >= 0)
            done = len < (int)sizeof name && run_file(name) == 1 ? done + 1 : -1;
        free(names[i]);
    }
    if (count >= 0)
        free(names);
    return count < 0 ? -1 : done;
}

int main(int argc, char **argv)
{
    int total = 0;
    for (int i = 1; i < argc; i++) {
        int done = run_path(argv[i]);
        if (done < 0)
            return EXIT_FAILURE;
        total += done;
    }
    (void)fprintf(stderr, "replay: %d files\n", total);
    return total > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
