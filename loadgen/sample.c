#include "sample.h"
#include "now.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static FILE *open_proc(pid_t pid, const char *name)
{
    char path[64 + sizeof(((struct dirent *)0)->d_name)];

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    return fopen(path, "re");
}

/* The number behind `key` at the start of a line; false when there is no such line. */
static bool read_field(FILE *file, const char *key, uint64_t *ret_value)
{
    char line[256];
    size_t len = strlen(key);

    rewind(file);
    while (fgets(line, sizeof(line), file) != NULL)
        if (strncmp(line, key, len) == 0)
            return sscanf(line + len, "%" SCNu64, ret_value) == 1;
    return false;
}

static void add_switches(pid_t pid, const char *task, uint64_t *sum)
{
    char name[sizeof("task//status") + sizeof(((struct dirent *)0)->d_name)];
    uint64_t value;
    FILE *file;

    snprintf(name, sizeof(name), "task/%s/status", task);
    file = open_proc(pid, name);
    if (file == NULL)
        return; /* the thread has just ended */
    if (read_field(file, "voluntary_ctxt_switches:", &value))
        *sum += value;
    if (read_field(file, "nonvoluntary_ctxt_switches:", &value))
        *sum += value;
    fclose(file);
}

/* The second field: time spent on a run queue. */
static void add_wait(pid_t pid, const char *task, uint64_t *sum)
{
    char name[sizeof("task//schedstat") + sizeof(((struct dirent *)0)->d_name)];
    uint64_t value;
    FILE *file;

    snprintf(name, sizeof(name), "task/%s/schedstat", task);
    file = open_proc(pid, name);
    if (file == NULL)
        return;
    if (fscanf(file, "%*u %" SCNu64, &value) == 1)
        *sum += value;
    fclose(file);
}

static uint64_t sum_tasks(pid_t pid, void (*add)(pid_t pid, const char *task, uint64_t *sum))
{
    char path[64];
    const struct dirent *entry;
    uint64_t sum = 0;
    DIR *dir;

    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    dir = opendir(path);
    if (dir == NULL)
        return 0;
    while ((entry = readdir(dir)) != NULL) /* bounded by the threads of the process */
        if (entry->d_name[0] != '.')
            add(pid, entry->d_name, &sum);
    closedir(dir);
    return sum;
}

uint64_t lg_sample_wait(pid_t pid)
{
    return sum_tasks(pid, add_wait);
}

uint64_t lg_sample_thread_wait(void)
{
    FILE *file = fopen("/proc/thread-self/schedstat", "re");
    uint64_t wait = 0;

    if (file == NULL)
        return 0;
    if (fscanf(file, "%*u %" SCNu64, &wait) != 1)
        wait = 0;
    fclose(file);
    return wait;
}

/* Fields 10, 12, 14 and 15 of /proc/PID/stat; the second is a name in parentheses that may hold
 * anything. */
static bool read_stat(pid_t pid, struct lg_process_sample *sample)
{
    uint64_t tick_ns = LG_SECOND / (uint64_t)sysconf(_SC_CLK_TCK);
    char line[1024], *at;
    FILE *file = open_proc(pid, "stat");
    bool good = file != NULL && fgets(line, sizeof(line), file) != NULL;

    if (file != NULL)
        fclose(file);
    at = good ? strrchr(line, ')') : NULL;
    if (at == NULL ||
        sscanf(at,
               ") %*c %*s %*s %*s %*s %*s %*s %" SCNu64 " %*s %" SCNu64 " %*s %" SCNu64 " %" SCNu64,
               &sample->minor_faults, &sample->major_faults, &sample->user_ns,
               &sample->system_ns) != 4)
        return false;
    sample->user_ns *= tick_ns;
    sample->system_ns *= tick_ns;
    return true;
}

int lg_sample_process(pid_t pid, struct lg_process_sample *ret_sample, struct evd_error *ret_error)
{
    struct timespec cpu;
    clockid_t clock;

    ret_sample->context_switches = sum_tasks(pid, add_switches);
    ret_sample->wait_ns = lg_sample_wait(pid);
    if (clock_getcpuclockid(pid, &clock) != 0 || !read_stat(pid, ret_sample) ||
        clock_gettime(clock, &cpu) != 0)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM,
                             "cannot sample process %d: there is no such process", (int)pid);
    ret_sample->wall_ns = lg_now();
    ret_sample->cpu_ns = (uint64_t)cpu.tv_sec * LG_SECOND + (uint64_t)cpu.tv_nsec;
    return EVD_OK;
}

int lg_sample_memory(pid_t pid, struct lg_process_memory *ret_memory, struct evd_error *ret_error)
{
    FILE *file = open_proc(pid, "status");
    uint64_t kib = 0;
    bool good;

    memset(ret_memory, 0, sizeof(*ret_memory));
    good = file != NULL && read_field(file, "VmRSS:", &kib);
    ret_memory->rss_bytes = kib * 1024;
    good = good && read_field(file, "VmHWM:", &kib);
    ret_memory->rss_peak_bytes = kib * 1024;
    if (file != NULL)
        fclose(file);
    if (!good)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM,
                             "cannot sample process %d: there is no such process", (int)pid);
    file = open_proc(pid, "smaps_rollup");
    if (file == NULL)
        return EVD_OK;
    if (read_field(file, "Pss:", &kib))
        ret_memory->pss_bytes = kib * 1024;
    fclose(file);
    return EVD_OK;
}

void lg_sample_host(struct lg_host_sample *ret_sample)
{
    /* user nice system idle iowait irq softirq steal; guest times are part of user already */
    uint64_t t[8] = {0};
    FILE *file = fopen("/proc/stat", "re");

    memset(ret_sample, 0, sizeof(*ret_sample));
    if (file == NULL)
        return;
    if (fscanf(file,
               "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
               " %" SCNu64 " %" SCNu64,
               &t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]) == 8) {
        for (int i = 0; i < 8; i++)
            ret_sample->total += t[i];
        ret_sample->steal = t[7];
    }
    fclose(file);
}
