/* Clocks, CPU times and /proc, all made of the simulated time and of shares of it. */
#include "sim.h"

#include "loadgen/worker.h"
#include "tests/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define SERVER_CLOCK ((clockid_t)-77) /* the CPU clock of the simulated server */
#define FILE_TEXT    512

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_now);
int __wrap_clock_getcpuclockid(pid_t pid, clockid_t *ret_clock);
int __wrap_getrusage(int who, struct rusage *ret_usage);
long __real_sysconf(int name);
long __wrap_sysconf(int name);
DIR *__real_opendir(const char *path);
DIR *__wrap_opendir(const char *path);
FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode);
void __real_lg_worker_charge(struct lg_worker *worker, enum lg_window window,
                             enum lg_outcome outcome);
void __wrap_lg_worker_charge(struct lg_worker *worker, enum lg_window window,
                             enum lg_outcome outcome);

/* So many parts in a thousand of the time that has passed. */
static uint64_t part(unsigned of_thousand)
{
    return (sim.now_ns - SIM_BEGIN_NS) / 1000 * of_thousand;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_now)
{
    uint64_t ns = sim.now_ns;

    SIM_CHECK(clock == CLOCK_MONOTONIC || clock == CLOCK_REALTIME || clock == SERVER_CLOCK);
    if (clock == CLOCK_REALTIME)
        ns += SIM_WALL_NS;
    if (clock == SERVER_CLOCK)
        ns = part(500);
    *ret_now = (struct timespec){(time_t)(ns / SIM_SECOND), (long)(ns % SIM_SECOND)};
    return 0;
}

static bool server_is_gone(void)
{
    return sim.now_ns >= sim.server_gone_ns;
}

int __wrap_clock_getcpuclockid(pid_t pid, clockid_t *ret_clock)
{
    SIM_CHECK(pid == atoi(SIM_PID));
    *ret_clock = SERVER_CLOCK;
    return server_is_gone() ? ESRCH : 0;
}

int __wrap_getrusage(int who, struct rusage *ret_usage)
{
    uint64_t us = part(sim_thread() == 1 ? sim.client_cpu : 0) / 1000;

    SIM_CHECK(who == RUSAGE_THREAD);
    memset(ret_usage, 0, sizeof(*ret_usage));
    ret_usage->ru_utime = (struct timeval){(time_t)(us / 1000000), (suseconds_t)(us % 1000000)};
    return 0;
}

long __wrap_sysconf(int name)
{
    return name == _SC_NPROCESSORS_ONLN ? 16 : __real_sysconf(name);
}

/* A file of one read, owned by what fclose() frees. */
static FILE *file_of(const char *text)
{
    FILE *file = fmemopen(NULL, FILE_TEXT, "w+");

    SIM_CHECK(file != NULL && fputs(text, file) >= 0);
    rewind(file);
    return file;
}

static FILE *server_file(const char *name)
{
    char text[FILE_TEXT];
    unsigned long long ticks = part(250) / (SIM_SECOND / 100);

    if (server_is_gone())
        return NULL;
    if (strcmp(name, "stat") == 0) {
        snprintf(text, sizeof(text), SIM_PID " (server) S 1 1 1 0 -1 0 0 0 0 0 %llu %llu 0 0\n",
                 ticks, ticks);
        return file_of(text);
    }
    if (strcmp(name, "task/1/schedstat") == 0) {
        snprintf(text, sizeof(text), "0 %llu 0\n", (unsigned long long)part(sim.server_wait));
        return file_of(text);
    }
    if (strcmp(name, "status") == 0)
        return file_of("VmHWM:\t 2048 kB\nVmRSS:\t 1024 kB\n");
    return NULL;
}

/* The server's threads: one, "1". */
DIR *__wrap_opendir(const char *path)
{
    char folder[TEST_SCRATCH_MAX], thread[TEST_SCRATCH_MAX + 2];

    if (strcmp(path, "/proc/" SIM_PID "/task") != 0)
        return __real_opendir(path);
    test_scratch_folder(folder);
    snprintf(thread, sizeof(thread), "%s/1", folder);
    SIM_CHECK(mkdir(thread, 0700) == 0);
    return __real_opendir(folder);
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
    static const char server[] = "/proc/" SIM_PID "/";
    char text[FILE_TEXT];
    unsigned long long ticks = part(1000) / (SIM_SECOND / 100),
                       stolen = part(sim.steal) / (SIM_SECOND / 100);

    if (strcmp(path, "/proc/thread-self/schedstat") == 0) {
        snprintf(text, sizeof(text), "0 %llu 0\n",
                 (unsigned long long)part(sim_thread() == 1 ? sim.client_wait : 0));
        return file_of(text);
    }
    if (strcmp(path, "/proc/stat") == 0) {
        snprintf(text, sizeof(text), "cpu  %llu 0 0 0 0 0 0 %llu 0 0\n", ticks - stolen, stolen);
        return file_of(text);
    }
    if (strncmp(path, server, sizeof(server) - 1) == 0)
        return server_file(path + sizeof(server) - 1);
    return __real_fopen(path, mode);
}

/* conn.c's calls of it, and those of nobody else. */
void __wrap_lg_worker_charge(struct lg_worker *worker, enum lg_window window,
                             enum lg_outcome outcome)
{
    if (sim.charges_until_lost > 0 && --sim.charges_until_lost == 0)
        return;
    __real_lg_worker_charge(worker, window, outcome);
}
