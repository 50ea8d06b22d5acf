#include "scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX   "evd-test-"
#define LEFT_MAX 64 /* folders of killed tests that one test removes */
#define OPEN_MAX 16 /* descriptors for one removal */

static struct {
    char path[TEST_SCRATCH_MAX];
    pid_t owner; /* 0: nothing is made yet */
    unsigned count;
} scratch;

static void must(int holds, const char *what)
{
    if (holds)
        return;
    perror(what);
    exit(EXIT_FAILURE);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

int test_scratch_remove(const char *path)
{
    return nftw(path, remove_entry, OPEN_MAX, FTW_DEPTH | FTW_PHYS);
}

/* The lock of a folder: held as long as its process lives, however that ends. -1: another's. */
static int lock(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

static void remove_left_behind(const char *base)
{
    char path[PATH_MAX + NAME_MAX + 2];
    const struct dirent *entry;
    DIR *dir = opendir(base);
    for (int left = 0; dir != NULL && left < LEFT_MAX && (entry = readdir(dir)) != NULL;) {
        if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0)
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", base, entry->d_name);
        int fd = lock(path);
        if (fd < 0)
            continue;
        (void)test_scratch_remove(path);
        (void)close(fd);
        left++;
    }
    if (dir != NULL)
        (void)closedir(dir);
}

static void remove_own(void)
{
    if (getpid() == scratch.owner) /* and not a child of it that ends by exit() */
        (void)test_scratch_remove(scratch.path);
}

const char *test_scratch(void)
{
    if (scratch.owner != 0)
        return scratch.path;
    const char *given = getenv("TMPDIR");
    char base[PATH_MAX], made[PATH_MAX + 32];
    must(realpath(given != NULL && given[0] != '\0' ? given : "/tmp", base) != NULL, "TMPDIR");
    remove_left_behind(base);
    /* It gets its name when it is locked, or another test would take it for left behind. */
    (void)snprintf(made, sizeof made, "%s/evd-made-XXXXXX", base);
    must(mkdtemp(made) != NULL, "mkdtemp");
    must(chmod(made, 0711) == 0, "chmod"); /* some tests go on as another user */
    must(lock(made) >= 0, "flock");
    int len = snprintf(scratch.path, sizeof scratch.path, "%s/" PREFIX "%s", base,
                       made + strlen(made) - 6);
    must(len > 0 && (size_t)len < sizeof scratch.path - 32, "the path of TMPDIR is too long");
    must(rename(made, scratch.path) == 0, "rename");
    scratch.owner = getpid();
    (void)atexit(remove_own);
    return scratch.path;
}

void test_scratch_file(char ret_path[TEST_SCRATCH_MAX])
{
    const char *root = test_scratch();
    (void)snprintf(ret_path, TEST_SCRATCH_MAX, "%.100s/%u", root, ++scratch.count);
}

void test_scratch_folder(char ret_path[TEST_SCRATCH_MAX])
{
    test_scratch_file(ret_path);
    must(mkdir(ret_path, 0700) == 0, ret_path);
}
