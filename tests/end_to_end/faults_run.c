#include "faults_run.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define WAITS_MAX 500 /* of a short time */

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct faults *faults_map(void)
{
    char path[200];
    (void)snprintf(path, sizeof path, "%s/faults", scratch_dir());
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, sizeof(struct faults)), 0);
    struct faults *faults = mmap(NULL, sizeof *faults, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(faults != MAP_FAILED);
    (void)close(fd);
    assert_int_equal(setenv(FAULTS_FILE, path, 1), 0);
    assert_int_equal(setenv("LD_PRELOAD", EVD_FAULTS_PATH, 1), 0);
    return faults;
}

void faults_without(void)
{
    (void)unsetenv("LD_PRELOAD");
}

void faults_unmap(struct faults *faults)
{
    (void)munmap(faults, sizeof *faults);
}

void faults_arm(struct faults *faults, enum fault_kind kind, unsigned calls, long from, long to)
{
    faults->kind = FAULT_NONE;
    faults->calls = calls;
    faults->asked = faults->waits = 0;
    faults->since_ms = now_ms();
    faults->from = from;
    faults->to = to;
    faults->kind = (int)kind;
}

bool faults_it_sleeps(const struct faults *faults)
{
    long waits = faults->waits; /* before the time is looked at */
    return waits <= WAITS_MAX + now_ms() - faults->since_ms;
}

size_t faults_descriptors(const struct server *server)
{
    char path[64];
    size_t count = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/fd", (int)server->pid);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    while (readdir(dir) != NULL)
        count++;
    (void)closedir(dir);
    return count;
}
