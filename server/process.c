#include "process.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Linux 6.2 and later say it as the folder's size; before, the entries are counted. */
static uint64_t count_fds(void)
{
    struct stat status;
    if (stat("/proc/self/fd", &status) == 0 && status.st_size > 0)
        return (uint64_t)status.st_size;
    DIR *dir = opendir("/proc/self/fd");
    uint64_t count = 0;
    if (dir == NULL)
        return 0;
    while (readdir(dir) != NULL)
        count++;
    (void)closedir(dir);
    return count > 3 ? count - 3 : 0; /* ".", ".." and the folder itself */
}

void evd_process_read(struct evd_process *ret_process)
{
    struct timespec cpu = {0};
    struct rlimit limit;
    struct stat tasks;
    unsigned long pages = 0, resident = 0;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

    FILE *file = fopen("/proc/self/statm", "re");
    if (file != NULL) {
        if (fscanf(file, "%lu %lu", &pages, &resident) != 2)
            pages = resident = 0;
        (void)fclose(file);
    }
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    bool limited = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    *ret_process = (struct evd_process){
        .cpu_ns = (uint64_t)cpu.tv_sec * 1000000000u + (uint64_t)cpu.tv_nsec,
        .resident_bytes = resident * page,
        .virtual_bytes = pages * page,
        .open_fds = count_fds(),
        .max_fds = limited ? limit.rlim_cur : 0,
        .threads = stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink > 2
                       ? (uint64_t)tasks.st_nlink - 2
                       : 1,
    };
}

size_t evd_process_allow_fds(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return SIZE_MAX;
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        limit.rlim_cur = before;
    return limit.rlim_cur == RLIM_INFINITY ? SIZE_MAX : (size_t)limit.rlim_cur;
}
