#include "image.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#define PROGRAM_HEADERS_MAX 64
#define NAME_LEN_MAX        200 /* of what maps show; memfd_create(2) refuses more than 249 */

static int fail_errno(struct evd_error *ret_error, const char *path)
{
    return evd_error_set(ret_error, EVD_ERR_LOAD_FAILED, "%s: %s", path, strerror(errno));
}

static int make_memfd(const char *name)
{
    char shown[NAME_LEN_MAX + 1];
    (void)snprintf(shown, sizeof shown, "%s", name);
    return memfd_create(shown, MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

/* EVD_ERR_LOAD_FAILED where it has fewer bytes than that, `what` being wrong; errno is 0 then. */
static int read_at(int fd, void *bytes, size_t len, off_t offset, const char *path,
                   const char *what, struct evd_error *ret_error)
{
    ssize_t got = pread(fd, bytes, len, offset);
    if (got < 0 && errno != EINVAL) /* which is an offset that no file has */
        return fail_errno(ret_error, path);
    errno = 0;
    return got == (ssize_t)len
               ? EVD_OK
               : evd_error_set(ret_error, EVD_ERR_LOAD_FAILED, "%s: %s", path, what);
}

/* A file that was given its length before its content has zeros where the loader would follow
 * pointers. */
static int check_dynamic(int fd, const ElfW(Phdr) * segment, const char *path,
                         struct evd_error *ret_error)
{
    static const char empty[] = "its dynamic section is empty: half-written?";
    ElfW(Dyn) first = {0};
    int rc = EVD_OK;
    if (segment->p_filesz >= sizeof first)
        rc = read_at(fd, &first, sizeof first, (off_t)segment->p_offset, path, empty, ret_error);
    if (rc == EVD_OK && first.d_tag == DT_NULL)
        rc = evd_error_set(ret_error, EVD_ERR_LOAD_FAILED, "%s: %s", path, empty);
    return rc;
}

static int check_segments(int fd, const char *path, uint64_t size, struct evd_error *ret_error)
{
    ElfW(Ehdr) header;
    ElfW(Phdr) segments[PROGRAM_HEADERS_MAX];

    int rc = read_at(fd, &header, sizeof header, 0, path, "not a shared object", ret_error);
    if (rc < 0)
        return rc;
    if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_type != ET_DYN ||
        header.e_phentsize != sizeof segments[0] || header.e_phnum > PROGRAM_HEADERS_MAX)
        return evd_error_set(ret_error, EVD_ERR_LOAD_FAILED, "%s: not a shared object", path);
    size_t bytes = header.e_phnum * sizeof segments[0];
    rc = read_at(fd, segments, bytes, (off_t)header.e_phoff, path, "truncated", ret_error);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < header.e_phnum; i++) {
        const ElfW(Phdr) *segment = &segments[i];
        if (segment->p_filesz > size || segment->p_offset > size - segment->p_filesz)
            return evd_error_set(ret_error, EVD_ERR_LOAD_FAILED,
                                 "%s: truncated: it has %llu bytes, segment %zu ends at %llu", path,
                                 (unsigned long long)size, i,
                                 (unsigned long long)(segment->p_offset + segment->p_filesz));
        if (segment->p_type == PT_DYNAMIC && check_dynamic(fd, segment, path, ret_error) < 0)
            return EVD_ERR_LOAD_FAILED;
    }
    return EVD_OK;
}

static int copy_bytes(int from, off_t *offset, int to, off_t size)
{
    while (*offset < size) {
        ssize_t n = sendfile(to, from, offset, (size_t)(size - *offset));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break; /* it has become shorter: the caller compares */
    }
    return 0;
}

/* Nobody can write it any more, we ourselves included. */
static void seal(int fd, struct evd_image *ret_image)
{
    (void)fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
    ret_image->fd = fd;
    (void)snprintf(ret_image->path, sizeof ret_image->path, "/proc/self/fd/%d", fd);
}

static int same_content(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
           a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Copies `from` into a memfd while nobody writes it. A read lease (fcntl(2)) is refused while the
 * file is open for writing, and holds off who would open it until it is given back. Where leases
 * are not to be had (another owner's file, a file system without them) the time stamps must do. */
static int copy_stable(int from, int to, const char *path, struct stat *ret_status,
                       struct evd_error *ret_error)
{
    struct stat after;
    off_t offset = 0;
    (void)fcntl(from, F_SETSIG, SIGURG); /* a lease that is broken must not end the process */
    int leased = fcntl(from, F_SETLEASE, F_RDLCK) == 0;
    int rc = EVD_OK, want = 0;

    if (!leased && errno == EAGAIN) {
        (void)fstat(from, ret_status);
        return EVD_MORE;
    }
    if (fstat(from, ret_status) < 0) {
        want = errno;
        rc = fail_errno(ret_error, path);
    } else if (!S_ISREG(ret_status->st_mode) || ret_status->st_size > EVD_IMAGE_MAX) {
        rc = evd_error_set(ret_error, EVD_ERR_LOAD_FAILED, "%s: not a file of at most %lld bytes",
                           path, (long long)EVD_IMAGE_MAX);
    } else if (copy_bytes(from, &offset, to, ret_status->st_size) < 0 || fstat(from, &after) < 0) {
        want = errno;
        rc = fail_errno(ret_error, path);
    } else if (!same_content(ret_status, &after)) {
        rc = EVD_MORE;
    }
    if (leased)
        (void)fcntl(from, F_SETLEASE, F_UNLCK);
    errno = want; /* what is short now may not be short later: the caller decides */
    return rc;
}

int evd_image_open(const char *path, const char *name, struct evd_image *ret_image,
                   struct stat *ret_status, struct evd_error *ret_error)
{
    *ret_status = (struct stat){0};
    int from = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (from < 0) {
        int want = errno;
        if (lstat(path, ret_status) < 0)
            *ret_status = (struct stat){0};
        errno = want;
        return fail_errno(ret_error, path);
    }
    int to = make_memfd(name);
    if (to < 0) {
        int want = errno;
        int rc = fail_errno(ret_error, path);
        (void)close(from);
        errno = want;
        return rc;
    }
    int rc = copy_stable(from, to, path, ret_status, ret_error), want = errno;
    (void)close(from);
    if (rc == EVD_OK) {
        errno = 0;
        rc = check_segments(to, path, (uint64_t)ret_status->st_size, ret_error);
        want = errno;
    }
    if (rc != EVD_OK) {
        (void)close(to);
        errno = want;
        return rc;
    }
    seal(to, ret_image);
    return EVD_OK;
}

int evd_image_copy(const struct evd_image *image, const char *name, struct evd_image *ret_copy,
                   struct evd_error *ret_error)
{
    struct stat status;
    off_t from = 0;
    int to = make_memfd(name);
    if (to < 0)
        return fail_errno(ret_error, name);
    if (fstat(image->fd, &status) < 0 || copy_bytes(image->fd, &from, to, status.st_size) < 0) {
        int rc = fail_errno(ret_error, name);
        (void)close(to);
        return rc;
    }
    seal(to, ret_copy);
    return EVD_OK;
}

void evd_image_close(struct evd_image *image)
{
    if (image->fd >= 0)
        (void)close(image->fd);
    image->fd = -1;
}
