#include "study_awake.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Leaves the core's other thread, where there is one, its share. */
static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#else
    __asm__ volatile("" ::: "memory");
#endif
}

/* In the child. It ends when the study ends it, or dies. */
static void stay_awake(pid_t parent)
{
    setpgid(0, 0);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(1);
    for (;;)
        relax();
}

/* Without the class it would take half of the CPU from what is measured. */
static int start(unsigned cpu, struct lg_child *ret_child, struct evd_error *error)
{
    const struct sched_param none = {0};
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    pid_t parent = getpid(), pid = fork();
    if (pid < 0)
        return evd_error_set(error, EVD_ERR_SYSTEM, "fork: %s", strerror(errno));
    if (pid == 0)
        stay_awake(parent);
    int pidfd = -1;
    if (sched_setscheduler(pid, SCHED_IDLE, &none) != 0 ||
        sched_setaffinity(pid, sizeof(set), &set) != 0 ||
        (pidfd = (int)syscall(SYS_pidfd_open, pid, 0)) < 0) {
        int rc = evd_error_set(error, EVD_ERR_SYSTEM, "CPU %u cannot be kept awake: %s", cpu,
                               strerror(errno));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        return rc;
    }
    *ret_child = (struct lg_child){pid, pidfd};
    return EVD_OK;
}

int lg_awake_start(const unsigned cpus[LG_AWAKE_MAX], struct lg_awake *ret_awake,
                   struct evd_error *ret_error)
{
    *ret_awake = (struct lg_awake){0};
    for (size_t i = 0; i < LG_AWAKE_MAX; i++) {
        if (i > 0 && cpus[i] == cpus[0])
            break;
        int rc = start(cpus[i], &ret_awake->children[i], ret_error);
        if (rc != EVD_OK) {
            lg_awake_stop(ret_awake);
            return rc;
        }
        ret_awake->count++;
    }
    return EVD_OK;
}

void lg_awake_stop(struct lg_awake *awake)
{
    int status;
    while (awake->count > 0)
        lg_child_stop(&awake->children[--awake->count], 0, &status);
}
