#include "study_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXIT_NOT_RUN 127

uint64_t lg_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int fail(struct evd_error *error, const char *what)
{
    return evd_error_set(error, EVD_ERR_SYSTEM, "%s: %s", what, strerror(errno));
}

#define KILL_MS                                                                                    \
    10000 /* until the kernel has ended a killed child; only ever reached by a stuck one */

/* In the child: what goes wrong here is told on its stderr, where the study looks. */
static void child_exec(const struct lg_spawn *spawn, pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(null, 0) < 0 || dup2(spawn->out < 0 ? null : spawn->out, 1) < 0 ||
        dup2(spawn->err < 0 ? null : spawn->err, 2) < 0)
        _exit(EXIT_NOT_RUN);
    /* The parent may have died before prctl() took effect: then nobody would end this child. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(EXIT_NOT_RUN);
    setpgid(0, 0);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL); /* main() ignores it, which a program inherits */
    if (spawn->cpu >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET((unsigned)spawn->cpu, &set);
        if (sched_setaffinity(0, sizeof(set), &set) != 0) {
            dprintf(2, "cannot be pinned to CPU %d: %s\n", spawn->cpu, strerror(errno));
            _exit(EXIT_NOT_RUN);
        }
    }
    execv(spawn->argv[0], spawn->argv);
    dprintf(2, "cannot run '%s': %s\n", spawn->argv[0], strerror(errno));
    _exit(EXIT_NOT_RUN);
}

int lg_child_start(const struct lg_spawn *spawn, struct lg_child *ret_child,
                   struct evd_error *ret_error)
{
    pid_t parent = getpid(), pid = fork();
    if (pid < 0)
        return fail(ret_error, "fork");
    if (pid == 0)
        child_exec(spawn, parent);
    int pidfd = pidfd_open(pid, 0);
    if (pidfd < 0) {
        int rc = fail(ret_error, "pidfd_open");
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        return rc;
    }
    *ret_child = (struct lg_child){pid, pidfd};
    return EVD_OK;
}

int lg_stop_open(sigset_t *ret_before, int *ret_fd, struct evd_error *ret_error)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &stop, ret_before) != 0)
        return fail(ret_error, "sigprocmask");
    *ret_fd = signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
    return *ret_fd < 0 ? fail(ret_error, "signalfd") : EVD_OK;
}

void lg_stop_close(int fd, const sigset_t *before)
{
    /* A second Ctrl-C must not kill the program on its way out. */
    while (lg_stop_signal(fd) != 0)
        ;
    close(fd);
    sigprocmask(SIG_SETMASK, before, NULL);
}

int lg_stop_signal(int fd)
{
    struct signalfd_siginfo info;
    return read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info) ? (int)info.ssi_signo : 0;
}

/* Waits for `fd` to be readable, the stop descriptor, or the deadline. */
static enum lg_wait wait_readable(int fd, int stop_fd, uint64_t deadline)
{
    struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = stop_fd, .events = POLLIN}};
    for (;;) {
        uint64_t now = lg_now_ns();
        int left = now >= deadline ? 0 : (int)((deadline - now) / 1000000u) + 1;
        int n = poll(fds, 2, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (fds[1].revents)
            return LG_WAIT_STOPPED;
        if (fds[0].revents)
            return LG_WAIT_DONE;
        if (n <= 0 && (n < 0 || lg_now_ns() >= deadline))
            return LG_WAIT_TIMEOUT;
    }
}

static uint64_t deadline_in(int timeout_ms)
{
    return lg_now_ns() + (uint64_t)timeout_ms * 1000000u;
}

enum lg_wait lg_child_wait(struct lg_child *child, int stop_fd, int timeout_ms, int *ret_exit)
{
    enum lg_wait result = wait_readable(child->pidfd, stop_fd, deadline_in(timeout_ms));
    if (result != LG_WAIT_DONE)
        return result;
    int status = 0;
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        ;
    *ret_exit = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    close(child->pidfd);
    *child = (struct lg_child){0, -1};
    return LG_WAIT_DONE;
}

enum lg_wait lg_child_ready(int fd, int stop_fd, int timeout_ms, char *out, size_t cap)
{
    static const char prefix[] = "listening on ";
    char text[4096];
    size_t len = 0;
    uint64_t deadline = deadline_in(timeout_ms);

    out[0] = '\0';
    for (;;) {
        enum lg_wait result = wait_readable(fd, stop_fd, deadline);
        if (result != LG_WAIT_DONE)
            return result;
        ssize_t n = read(fd, text + len, sizeof(text) - 1 - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return LG_WAIT_DONE;
        len += (size_t)n;
        text[len] = '\0';
        for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
            *end = '\0';
            if (strncmp(line, prefix, sizeof(prefix) - 1) == 0) {
                snprintf(out, cap, "%s", line + sizeof(prefix) - 1);
                return LG_WAIT_DONE;
            }
            *end = '\n';
        }
        /* A server that talks that much before it is ready is not one of ours. */
        if (len == sizeof(text) - 1)
            return LG_WAIT_DONE;
    }
}

bool lg_child_stop(struct lg_child *child, int grace_ms, int *ret_exit)
{
    if (child->pid == 0)
        return true;
    kill(child->pid, SIGTERM);
    if (lg_child_wait(child, -1, grace_ms, ret_exit) == LG_WAIT_DONE)
        return true;
    kill(child->pid, SIGKILL);
    lg_child_wait(child, -1, KILL_MS, ret_exit); /* however short the grace was */
    return false;
}
