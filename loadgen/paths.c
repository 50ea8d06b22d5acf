#include "paths.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int join(const char *folder, size_t folder_len, const char *relative, char *out,
                struct evd_error *ret_error)
{
    int len = snprintf(out, LG_PATH_MAX, "%.*s/%s", (int)folder_len, folder, relative);

    if (len < 0 || len >= LG_PATH_MAX)
        return evd_error_set(ret_error, EVD_ERR_TOO_LARGE, "the path of %s is too long", relative);
    return EVD_OK;
}

int lg_path_beside_program(const char *relative, char *out, struct evd_error *ret_error)
{
    char program[LG_PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);

    if (len < 0)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "cannot read /proc/self/exe: %s",
                             strerror(errno));
    program[len] = '\0';
    return lg_path_beside_file(program, relative, out, ret_error);
}

int lg_path_beside_file(const char *file, const char *relative, char *out,
                        struct evd_error *ret_error)
{
    const char *slash = strrchr(file, '/');

    if (slash == NULL)
        return join(".", 1, relative, out, ret_error);
    return join(file, (size_t)(slash - file), relative, out, ret_error);
}

bool lg_path_is_file(const char *name)
{
    size_t len = strlen(name);

    return strchr(name, '/') != NULL || (len > 5 && strcmp(name + len - 5, ".json") == 0);
}

const char *lg_path_known(const char *folder, char *out, size_t cap)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, alphasort);
    size_t len = 0;

    snprintf(out, cap, "none");
    for (int i = 0; i < count; i++) {
        size_t stem = strlen(entries[i]->d_name);
        if (stem > 5 && lg_path_is_file(entries[i]->d_name) &&
            strstr(entries[i]->d_name, ".schema.") == NULL && len < cap)
            len += (size_t)snprintf(out + len, cap - len, "%s%.*s", len ? ", " : "",
                                    (int)(stem - 5), entries[i]->d_name);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return out;
}

static int read_open_file(FILE *file, const char *path, size_t max, char **ret_text,
                          size_t *ret_len, struct evd_error *ret_error)
{
    struct stat st;
    char *text;
    size_t len;

    if (fstat(fileno(file), &st) != 0)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "cannot read %s: %s", path,
                             strerror(errno));
    if (!S_ISREG(st.st_mode))
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "cannot read %s: not a file", path);
    if ((uint64_t)st.st_size > max)
        return evd_error_set(ret_error, EVD_ERR_TOO_LARGE, "%s has more than %zu bytes", path, max);
    text = malloc((size_t)st.st_size + 1);
    if (text == NULL)
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "no memory to read %s", path);
    len = fread(text, 1, (size_t)st.st_size, file);
    if (ferror(file)) {
        free(text);
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "cannot read %s: %s", path,
                             strerror(errno));
    }
    text[len] = '\0';
    *ret_text = text;
    *ret_len = len;
    return EVD_OK;
}

int lg_read_file(const char *path, size_t max, char **ret_text, size_t *ret_len,
                 struct evd_error *ret_error)
{
    FILE *file = fopen(path, "rbe");
    int rc;

    if (file == NULL)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "cannot read %s: %s", path,
                             strerror(errno));
    rc = read_open_file(file, path, max, ret_text, ret_len, ret_error);
    fclose(file);
    return rc;
}
