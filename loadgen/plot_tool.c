#include "plot.h"

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_MAX ((size_t)64 << 20)

extern char **environ;

/* A file without a name that holds `text`, read from its start. */
static int text_file(const char *name, const char *text, size_t len)
{
    int fd = memfd_create(name, MFD_CLOEXEC);
    while (fd >= 0 && len > 0) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            close(fd);
            return -1;
        }
        text += n;
        len -= (size_t)n;
    }
    if (fd >= 0)
        lseek(fd, 0, SEEK_SET);
    return fd;
}

/* LC_ALL=C, whatever the caller's: figures must not depend on it. To be freed (not its texts). */
static char **plain_environment(void)
{
    size_t count = 0;
    while (environ[count])
        count++;
    char **out = calloc(count + 2, sizeof(*out));
    size_t kept = 0;
    for (size_t i = 0; out && i < count; i++)
        if (strncmp(environ[i], "LC_", 3) != 0 && strncmp(environ[i], "GNU", 3) != 0)
            out[kept++] = environ[i];
    if (out)
        out[kept] = "LC_ALL=C";
    return out;
}

static int spawn_and_wait(char *const *argv, int in, int out, int err, int *ret_status)
{
    posix_spawn_file_actions_t actions;
    char **env = plain_environment();
    pid_t pid;
    if (!env || posix_spawn_file_actions_init(&actions) != 0) {
        free(env);
        return ENOMEM;
    }
    posix_spawn_file_actions_adddup2(&actions, in, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    posix_spawn_file_actions_adddup2(&actions, err, 2);
    int failed = posix_spawnp(&pid, argv[0], &actions, NULL, argv, env);
    posix_spawn_file_actions_destroy(&actions);
    free(env);
    if (failed)
        return failed;
    while (waitpid(pid, ret_status, 0) < 0)
        if (errno != EINTR)
            return errno;
    return 0;
}

/* All of a file made by text_file(), NUL-terminated. */
static char *file_text(int fd, size_t *ret_len)
{
    off_t size = lseek(fd, 0, SEEK_END);
    char *text = size < 0 || (size_t)size > OUTPUT_MAX ? NULL : malloc((size_t)size + 1);
    size_t len = 0;
    while (text && len < (size_t)size) {
        ssize_t n = pread(fd, text + len, (size_t)size - len, (off_t)len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    if (text)
        text[len] = '\0';
    *ret_len = len;
    return text;
}

static int run(char *const *argv, const int fds[3], const char *package, char **ret_output,
               size_t *ret_len, struct evd_error *error)
{
    int status = 0, failed = spawn_and_wait(argv, fds[0], fds[1], fds[2], &status);
    if (failed == ENOENT)
        return evd_error_set(error, EVD_ERR_SYSTEM,
                             "%s is not installed: install Debian's package %s", argv[0], package);
    if (failed)
        return evd_error_set(error, EVD_ERR_SYSTEM, "cannot run %s: %s", argv[0], strerror(failed));
    if (status != 0) {
        size_t len;
        char *said = file_text(fds[2], &len);
        const char *line = said ? said + strspn(said, " \t\r\n^") : "";
        int rc = evd_error_set(error, EVD_ERR_SYSTEM, "%s failed: %.*s", argv[0],
                               (int)strcspn(line, "\n"), line);
        free(said);
        return rc;
    }
    *ret_output = file_text(fds[1], ret_len);
    if (!*ret_output)
        return evd_error_set(error, EVD_ERR_NO_MEMORY, "no memory for what %s says", argv[0]);
    return EVD_OK;
}

int lg_tool_run(char *const *argv, const char *input, size_t input_len, const char *package,
                char **ret_output, size_t *ret_len, struct evd_error *ret_error)
{
    int fds[3] = {text_file("input", input, input_len), text_file("output", "", 0),
                  text_file("errors", "", 0)};
    int rc = fds[0] < 0 || fds[1] < 0 || fds[2] < 0
                 ? evd_error_set(ret_error, EVD_ERR_SYSTEM, "memfd_create: %s", strerror(errno))
                 : run(argv, fds, package, ret_output, ret_len, ret_error);
    for (int i = 0; i < 3; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    return rc;
}
