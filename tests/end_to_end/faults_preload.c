/* Stands between the server and the C library (LD_PRELOAD), and fails what it is told to. */
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *ptr, size_t size);
void __libc_free(void *ptr);

static struct faults before_main; /* of what is asked before the file is known */
static struct faults *faults = &before_main;

__attribute__((constructor)) static void find_faults(void)
{
    const char *path = getenv(FAULTS_FILE);
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *map =
        fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *faults, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        (void)close(fd);
    if (map != MAP_FAILED)
        faults = map;
}

static int fails(enum fault_kind kind)
{
    if (faults->kind != (int)kind)
        return 0;
    long number = ++faults->asked;
    return number >= faults->from && number <= faults->to;
}

static int interrupted(void)
{
    if (faults->kind != FAULT_INTERRUPTS || ++faults->asked % 2 == 0)
        return 0;
    errno = EINTR;
    return 1;
}

static int refused(int error)
{
    if (!fails(FAULT_CALLS))
        return interrupted();
    errno = error;
    return 1;
}

#ifndef EVD_TEST_NO_MALLOC
static void *hold(void *ptr)
{
    faults->held += ptr != NULL;
    return ptr;
}

static void *none(void)
{
    errno = ENOMEM;
    return NULL;
}

void *malloc(size_t size)
{
    return fails(FAULT_ALLOCATIONS) ? none() : hold(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
    return fails(FAULT_ALLOCATIONS) ? none() : hold(__libc_calloc(count, size));
}

void *realloc(void *ptr, size_t size)
{
    if (size > 0 && (fails(FAULT_ALLOCATIONS) || fails(FAULT_TABLES)))
        return none();
    void *moved = __libc_realloc(ptr, size);
    faults->held += (ptr == NULL && moved != NULL) - (ptr != NULL && size == 0);
    return moved;
}

void free(void *ptr)
{
    faults->held -= ptr != NULL;
    __libc_free(ptr);
}
#endif

ssize_t recv(int fd, void *bytes, size_t len, int flags)
{
    if (refused(ENOMEM))
        return -1;
    if (faults->kind == FAULT_SHORT && len > 1)
        len = 1;
    return syscall(SYS_recvfrom, fd, bytes, len, flags, NULL, NULL);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    if (refused(ENOMEM))
        return -1;
    struct msghdr one = *message;
    struct iovec part = message->msg_iov[0];
    if (faults->kind == FAULT_SHORT) {
        part.iov_len = 1;
        one.msg_iov = &part;
        one.msg_iovlen = 1;
    }
    return syscall(SYS_recvmsg, fd, &one, flags);
}

ssize_t send(int fd, const void *bytes, size_t len, int flags)
{
    if (refused(ENOBUFS))
        return -1;
    if (faults->kind == FAULT_SHORT && len > 1)
        len = 1;
    return syscall(SYS_sendto, fd, bytes, len, flags, NULL, 0);
}

int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    if (fails(FAULT_ACCEPT)) {
        errno = EMFILE;
        return -1;
    }
    if (refused(ENFILE))
        return -1;
    return (int)syscall(SYS_accept4, fd, addr, len, flags);
}

int epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
    if (op != EPOLL_CTL_DEL && fails(FAULT_CALLS)) {
        errno = ENOMEM;
        return -1;
    }
    return (int)syscall(SYS_epoll_ctl, epoll, op, fd, event);
}

int epoll_wait(int epoll, struct epoll_event *events, int max, int timeout)
{
    if (interrupted())
        return -1;
    return (int)syscall(SYS_epoll_pwait, epoll, events, max, timeout, NULL, 8);
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
    if (fails(FAULT_CALLS)) {
        errno = ENOMEM;
        return -1;
    }
    return (int)syscall(SYS_setsockopt, fd, level, option, value, len);
}

int shutdown(int fd, int how)
{
    if (fails(FAULT_CALLS)) {
        errno = ENOTCONN;
        return -1;
    }
    return (int)syscall(SYS_shutdown, fd, how);
}
