/* Stands between the server and the C library (LD_PRELOAD), and fails what it is told to. */
#include "faults.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *ptr, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *ptr);

static struct faults before_main; /* of what is asked before the file is known */
static struct faults *faults = &before_main;

/* Not the system call itself: ThreadSanitizer puts signals off until it sees a call that blocks,
 * and with the clock and this one made past it, it would see none. */
static int (*next_epoll_wait)(int, struct epoll_event *, int, int);

__attribute__((constructor)) static void find_faults(void)
{
    *(void **)&next_epoll_wait = dlsym(RTLD_NEXT, "epoll_wait");
    const char *path = getenv(FAULTS_FILE);
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *map =
        fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *faults, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        (void)close(fd);
    if (map != MAP_FAILED)
        faults = map;
}

static int fails_now(void)
{
    long number = ++faults->asked;
    return number >= faults->from && number <= faults->to;
}

static int fails(enum fault_kind kind)
{
    return faults->kind == (int)kind && fails_now();
}

static int refused(enum fault_call call, int error)
{
    if (faults->kind != FAULT_CALLS || (faults->calls & (unsigned)call) == 0 || !fails_now())
        return 0;
    errno = error;
    return 1;
}

static int interrupted(void)
{
    if (faults->kind != FAULT_INTERRUPTS || ++faults->asked % 2 == 0)
        return 0;
    errno = EINTR;
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

void *aligned_alloc(size_t alignment, size_t size)
{
    return fails(FAULT_ALLOCATIONS) ? none() : hold(__libc_memalign(alignment, size));
}

int posix_memalign(void **ret_ptr, size_t alignment, size_t size)
{
    void *ptr = aligned_alloc(alignment, size);
    if (ptr == NULL)
        return ENOMEM;
    *ret_ptr = ptr;
    return 0;
}

void free(void *ptr)
{
    faults->held -= ptr != NULL;
    __libc_free(ptr);
}
#endif

/* ---- While it serves. ---- */

ssize_t recv(int fd, void *bytes, size_t len, int flags)
{
    if (refused(CALL_RECV, ENOMEM) || interrupted())
        return -1;
    if (faults->kind == FAULT_SHORT && len > 1)
        len = 1;
    return syscall(SYS_recvfrom, fd, bytes, len, flags, NULL, NULL);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    if (refused(CALL_RECV, ENOMEM) || interrupted())
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
    if (refused(CALL_SEND, ENOBUFS) || interrupted())
        return -1;
    if (faults->kind == FAULT_SHORT && len > 1)
        len = 1;
    return syscall(SYS_sendto, fd, bytes, len, flags, NULL, 0);
}

int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    if (refused(CALL_ACCEPT, ENFILE) || interrupted())
        return -1;
    return (int)syscall(SYS_accept4, fd, addr, len, flags);
}

int epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
    if (op != EPOLL_CTL_DEL && refused(CALL_EPOLL_CTL, ENOSPC))
        return -1;
    return (int)syscall(SYS_epoll_ctl, epoll, op, fd, event);
}

int epoll_wait(int epoll, struct epoll_event *events, int max, int timeout)
{
    faults->waits++;
    if (refused(CALL_EPOLL_WAIT, EBADF) || interrupted())
        return -1;
    return next_epoll_wait(epoll, events, max, timeout);
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
    return refused(CALL_SETSOCKOPT, ENOMEM)
               ? -1
               : (int)syscall(SYS_setsockopt, fd, level, option, value, len);
}

int shutdown(int fd, int how)
{
    return refused(CALL_SHUTDOWN, ENOTCONN) ? -1 : (int)syscall(SYS_shutdown, fd, how);
}

int close(int fd)
{
    struct sockaddr_un bound;
    socklen_t len = sizeof bound, int_len = sizeof(int);
    int listens = 0;
    if (syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &int_len) == 0 &&
        listens != 0 && syscall(SYS_getsockname, fd, &bound, &len) == 0 &&
        bound.sun_family == AF_UNIX && access(bound.sun_path, F_OK) == 0)
        faults->orphans++;
    return (int)syscall(SYS_close, fd);
}

int clock_gettime(clockid_t clock, struct timespec *ret_now)
{
    int rc = (int)syscall(SYS_clock_gettime, clock, ret_now);
    bool wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
    if (wall && faults->kind == FAULT_CLOCK)
        ret_now->tv_sec += ++faults->asked * faults->from;
    return rc;
}

/* What libev takes for the wall clock. */
int gettimeofday(struct timeval *restrict ret_now, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    int rc = clock_gettime(CLOCK_REALTIME, &now);
    *ret_now = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return rc;
}

/* ---- When it starts, or loads a module. ---- */

int epoll_create1(int flags)
{
    return refused(CALL_EPOLL_CREATE, EMFILE) ? -1 : (int)syscall(SYS_epoll_create1, flags);
}

int epoll_create(int size)
{
    (void)size;
    return epoll_create1(0);
}

int eventfd(unsigned count, int flags)
{
    return refused(CALL_EVENTFD, EMFILE) ? -1 : (int)syscall(SYS_eventfd2, count, flags);
}

int pipe(int fds[2])
{
    return refused(CALL_PIPE, EMFILE) ? -1 : (int)syscall(SYS_pipe2, fds, 0);
}

int inotify_init1(int flags)
{
    return refused(CALL_INOTIFY, EMFILE) ? -1 : (int)syscall(SYS_inotify_init1, flags);
}

int inotify_add_watch(int fd, const char *path, unsigned mask)
{
    return refused(CALL_INOTIFY, ENOSPC) ? -1 : (int)syscall(SYS_inotify_add_watch, fd, path, mask);
}

void *mmap(void *start, size_t size, int protection, int flags, int fd, off_t offset)
{
    if (refused(CALL_MMAP, ENOMEM))
        return MAP_FAILED;
    return (void *)syscall(SYS_mmap, start, size, protection, flags, fd, offset);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *data)
{
    int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (refused(CALL_THREAD, EAGAIN))
        return EAGAIN;
    *(void **)&create = dlsym(RTLD_NEXT, "pthread_create");
    return create(thread, attr, run, data);
}

int socket(int family, int type, int protocol)
{
    return refused(CALL_SOCKET, EMFILE) ? -1 : (int)syscall(SYS_socket, family, type, protocol);
}

int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
    return refused(CALL_BIND, EADDRINUSE) ? -1 : (int)syscall(SYS_bind, fd, addr, len);
}

int listen(int fd, int backlog)
{
    return refused(CALL_LISTEN, EADDRINUSE) ? -1 : (int)syscall(SYS_listen, fd, backlog);
}

int getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
    return refused(CALL_GETSOCKNAME, ENOBUFS) ? -1 : (int)syscall(SYS_getsockname, fd, addr, len);
}

int open(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    int mode = flags & O_CREAT ? va_arg(more, int) : 0;
    va_end(more);
    return refused(CALL_OPEN, EMFILE) ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

FILE *fopen(const char *path, const char *mode)
{
    FILE *(*next)(const char *, const char *);
    if (refused(CALL_FOPEN, EMFILE))
        return NULL;
    *(void **)&next = dlsym(RTLD_NEXT, "fopen");
    return next(path, mode);
}

DIR *opendir(const char *path)
{
    DIR *(*next)(const char *);
    if (refused(CALL_OPENDIR, EMFILE))
        return NULL;
    *(void **)&next = dlsym(RTLD_NEXT, "opendir");
    return next(path);
}

int memfd_create(const char *name, unsigned flags)
{
    return refused(CALL_MEMFD, EMFILE) ? -1 : (int)syscall(SYS_memfd_create, name, flags);
}

ssize_t sendfile(int to, int from, off_t *offset, size_t count)
{
    return refused(CALL_SENDFILE, ENOMEM) ? -1 : syscall(SYS_sendfile, to, from, offset, count);
}

int rename(const char *from, const char *to)
{
    return refused(CALL_RENAME, EACCES) ? -1 : (int)syscall(SYS_rename, from, to);
}

int stat(const char *path, struct stat *status)
{
    return refused(CALL_STAT, ENOMEM) ? -1 : (int)syscall(SYS_stat, path, status);
}

int lstat(const char *path, struct stat *status)
{
    return refused(CALL_STAT, ENOMEM) ? -1 : (int)syscall(SYS_lstat, path, status);
}

int fstat(int fd, struct stat *status)
{
    return refused(CALL_STAT, ENOMEM) ? -1 : (int)syscall(SYS_fstat, fd, status);
}

ssize_t pread(int fd, void *bytes, size_t len, off_t offset)
{
    return refused(CALL_PREAD, ENOMEM) ? -1 : syscall(SYS_pread64, fd, bytes, len, offset);
}

int fcntl(int fd, int command, ...)
{
    va_list more;
    va_start(more, command);
    long arg = va_arg(more, long);
    va_end(more);
    return refused(CALL_FCNTL, ENOLCK) ? -1 : (int)syscall(SYS_fcntl, fd, command, arg);
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    return fd == STDERR_FILENO && refused(CALL_WRITE, ENOSPC) ? -1
                                                              : syscall(SYS_write, fd, bytes, len);
}

ssize_t sendto(int fd, const void *bytes, size_t len, int flags, const struct sockaddr *to,
               socklen_t to_len)
{
    return refused(CALL_SENDTO, ENOBUFS) ? -1
                                         : syscall(SYS_sendto, fd, bytes, len, flags, to, to_len);
}

int connect(int fd, const struct sockaddr *to, socklen_t len)
{
    return refused(CALL_CONNECT, ENOBUFS) ? -1 : (int)syscall(SYS_connect, fd, to, len);
}

int getsockopt(int fd, int level, int option, void *value, socklen_t *len)
{
    return refused(CALL_GETSOCKOPT, ENOMEM)
               ? -1
               : (int)syscall(SYS_getsockopt, fd, level, option, value, len);
}

ssize_t getrandom(void *bytes, size_t len, unsigned flags)
{
    return refused(CALL_GETRANDOM, EAGAIN) ? -1 : syscall(SYS_getrandom, bytes, len, flags);
}
