/* image.h: a private copy of a shared object's file, whatever is done to the file meanwhile. */
#include "dispatch/image.h"

#include "dispatch_test.h"
#include "folder.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define OBJECT TEST_OBJECTS_DIR "/version_1.so"

/* What happens while a file is copied: the linker sends the image's sendfile(2) here. */
static void (*meanwhile)(int from);

ssize_t __real_sendfile(int to, int from, off_t *offset, size_t count);
ssize_t __wrap_sendfile(int to, int from, off_t *offset, size_t count);

ssize_t __wrap_sendfile(int to, int from, off_t *offset, size_t count)
{
    if (meanwhile != NULL) {
        void (*once)(int) = meanwhile;
        meanwhile = NULL;
        ssize_t half = __real_sendfile(to, from, offset, count / 2);
        once(from);
        return half;
    }
    return __real_sendfile(to, from, offset, count);
}

struct fixture {
    struct test_folder folder;
    char path[200]; /* of a copy of OBJECT */
    char *bytes;
    size_t len;
    size_t descriptors;
    struct evd_image image;
    struct stat status;
    struct evd_error error;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (f == NULL)
        return -1;
    test_folder_make(&f->folder);
    test_folder_copy(&f->folder, "x.so", OBJECT);
    test_read_file(OBJECT, &f->bytes, &f->len);
    (void)snprintf(f->path, sizeof f->path, "%s/x.so", f->folder.path);
    f->image.fd = -1;
    f->descriptors = test_count_descriptors();
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    meanwhile = NULL;
    evd_image_close(&f->image);
    size_t left = test_count_descriptors();
    bool leaks = left != f->descriptors;
    test_folder_remove(&f->folder);
    free(f->bytes);
    free(f);
    return leaks ? -1 : 0;
}

static int take(struct fixture *f)
{
    evd_image_close(&f->image);
    f->error.text[0] = '\0';
    return evd_image_open(f->path, "t.x", &f->image, &f->status, &f->error);
}

static void expect_bytes(const struct evd_image *image, const char *bytes, size_t len)
{
    struct stat status;
    char *got = malloc(len + 1);
    assert_non_null(got);
    assert_int_equal(fstat(image->fd, &status), 0);
    assert_int_equal(status.st_size, len);
    assert_int_equal(pread(image->fd, got, len + 1, 0), len);
    assert_memory_equal(got, bytes, len);
    free(got);
}

static void a_copy_has_the_files_bytes_and_identity(void **state)
{
    struct fixture *f = *state;
    struct stat file;
    char expected[64], link[64], *bytes;
    size_t len;
    assert_int_equal(take(f), EVD_OK);
    expect_bytes(&f->image, f->bytes, f->len);
    assert_int_equal(stat(f->path, &file), 0);
    assert_int_equal(f->status.st_ino, file.st_ino);
    assert_int_equal(f->status.st_size, file.st_size);
    assert_int_equal(f->status.st_mtim.tv_nsec, file.st_mtim.tv_nsec);

    (void)snprintf(expected, sizeof expected, "/proc/self/fd/%d", f->image.fd);
    assert_string_equal(f->image.path, expected);
    test_read_file(f->image.path, &bytes, &len);
    assert_int_equal(len, f->len);
    free(bytes);
    ssize_t n = readlink(f->image.path, link, sizeof link - 1);
    assert_true(n > 0);
    link[n] = '\0';
    assert_string_equal(link, "/memfd:t.x (deleted)");
    assert_int_equal(fcntl(f->image.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

static void nobody_can_change_a_copy(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(take(f), EVD_OK);
    for (int copy = 0; copy < 2; copy++) {
        assert_int_equal(pwrite(f->image.fd, "x", 1, 0), -1);
        assert_int_equal(errno, EPERM);
        assert_int_equal(ftruncate(f->image.fd, 0), -1);
        assert_int_equal(ftruncate(f->image.fd, (off_t)f->len + 1), -1);
        assert_true(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, f->image.fd, 0) ==
                    MAP_FAILED);
        expect_bytes(&f->image, f->bytes, f->len);
        struct evd_image second = {.fd = -1};
        assert_int_equal(evd_image_copy(&f->image, "t.x", &second, &f->error), EVD_OK);
        assert_int_not_equal(second.fd, f->image.fd);
        evd_image_close(&f->image);
        f->image = second;
    }
}

static void the_file_may_change_afterwards(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(take(f), EVD_OK);
    FILE *file = fopen(f->path, "wb"); /* in place: the same inode */
    assert_non_null(file);
    assert_int_equal(fputs("other", file) >= 0, 1);
    assert_int_equal(fclose(file), 0);
    expect_bytes(&f->image, f->bytes, f->len);
    test_folder_delete(&f->folder, "x.so");
    expect_bytes(&f->image, f->bytes, f->len);
}

static void a_closed_image_may_be_closed_again(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(take(f), EVD_OK);
    evd_image_close(&f->image);
    assert_int_equal(f->image.fd, -1);
    evd_image_close(&f->image);
    assert_int_equal(test_count_descriptors(), f->descriptors);
}

/* ---- Files that are being written. ---- */

static void a_file_that_is_open_for_writing_is_waited_for(void **state)
{
    struct fixture *f = *state;
    static const int modes[] = {O_WRONLY, O_RDWR, O_WRONLY | O_APPEND};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        int fd = open(f->path, modes[i] | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(take(f), EVD_MORE);
        assert_int_equal(f->status.st_size, f->len); /* it is known which file it was */
        (void)close(fd);
        assert_int_equal(take(f), EVD_OK);
    }
    int reader = open(f->path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(take(f), EVD_OK);
    (void)close(reader);
}

/* As linkers write: the descriptor is closed, the mapping is not. */
static void a_file_that_is_mapped_for_writing_is_waited_for(void **state)
{
    struct fixture *f = *state;
    int fd = open(f->path, O_RDWR | O_CLOEXEC);
    void *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(map != MAP_FAILED);
    (void)close(fd);
    assert_int_equal(take(f), EVD_MORE);
    assert_int_equal(munmap(map, 4096), 0);
    assert_int_equal(take(f), EVD_OK);
}

static char *meanwhile_path;
static pid_t meanwhile_pid;

/* By another process, because a lease does not hold off its own holder. */
static void open_for_writing(int from)
{
    (void)from;
    meanwhile_pid = fork();
    if (meanwhile_pid == 0) {
        int fd = open(meanwhile_path, O_WRONLY | O_NONBLOCK);
        int refused = fd < 0 && errno == EWOULDBLOCK;
        fd = open(meanwhile_path, O_WRONLY); /* waits until the lease is given back */
        _exit(refused && fd >= 0 && write(fd, "x", 1) == 1 ? 0 : 1);
    }
    int status;
    (void)!waitpid(meanwhile_pid, &status, WNOHANG);
    /* The lease is about to be broken when a reader is told so: F_GETLEASE says the new type. */
    for (int i = 0; i < 30000 && fcntl(from, F_GETLEASE) != F_UNLCK; i++)
        (void)usleep(1000);
    assert_int_equal(fcntl(from, F_GETLEASE), F_UNLCK);
}

/* The one who would write is held off until the copy is whole, and no signal ends the process. */
static void who_would_write_waits_for_the_copy(void **state)
{
    struct fixture *f = *state;
    int status;
    meanwhile = open_for_writing;
    meanwhile_path = f->path;
    assert_int_equal(take(f), EVD_OK);
    expect_bytes(&f->image, f->bytes, f->len);
    assert_int_equal(waitpid(meanwhile_pid, &status, 0), meanwhile_pid);
    assert_int_equal(status, 0);
    char *bytes;
    size_t len;
    test_read_file(f->path, &bytes, &len);
    assert_int_equal(bytes[0], 'x');
    free(bytes);
    assert_int_equal(take(f), EVD_ERR_LOAD_FAILED); /* what was written then is seen */
}

static void touch(int from)
{
    const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    assert_int_equal(futimens(from, times), 0);
}

static void shorten(int from)
{
    (void)from;
    assert_int_equal(truncate(meanwhile_path, 5000), 0);
}

/* Not every change needs the file to be opened for writing. */
static void a_file_that_changed_while_it_was_copied_is_copied_again(void **state)
{
    struct fixture *f = *state;
    meanwhile = touch;
    assert_int_equal(take(f), EVD_MORE);
    assert_int_equal(take(f), EVD_OK);
    expect_bytes(&f->image, f->bytes, f->len);
}

/* Without leases, as on some file systems: SETLEASE is made to fail by lock of the file's owner. */
static void a_file_that_becomes_shorter_is_not_taken_for_whole(void **state)
{
    struct fixture *f = *state;
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) { /* another user may read the file, and not lease it */
        struct evd_image image;
        if (geteuid() == 0 && (chmod(f->folder.path, 0777) < 0 || chmod(f->path, 0666) < 0 ||
                               setgid(65534) < 0 || setuid(65534) < 0))
            _exit(2);
        meanwhile = shorten;
        meanwhile_path = f->path;
        int rc = evd_image_open(f->path, "t.x", &image, &f->status, &f->error);
        _exit(rc == EVD_MORE ? 0 : 1);
    }
    if (geteuid() != 0) { /* truncate(2) would wait for our own lease */
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, &status, 0);
        skip();
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(take(f), EVD_ERR_LOAD_FAILED);
    assert_non_null(strstr(f->error.text, "truncated"));
}

/* ---- Files that are no objects. ---- */

static void expect_refused(struct fixture *f, const char *text, int error)
{
    int rc = take(f), why = errno;
    assert_int_equal(rc, EVD_ERR_LOAD_FAILED);
    assert_int_equal(f->image.fd, -1);
    if (strstr(f->error.text, text) == NULL || strstr(f->error.text, "x.so") == NULL)
        fail_msg("\"%s\" does not name x.so and \"%s\"", f->error.text, text);
    assert_int_equal(why, error);
}

static void what_is_not_there_or_not_a_file_is_refused(void **state)
{
    struct fixture *f = *state;
    test_folder_delete(&f->folder, "x.so");
    expect_refused(f, "No such file", ENOENT);
    assert_int_equal(f->status.st_ino, 0);
    assert_int_equal(mkdir(f->path, 0700), 0);
    expect_refused(f, "not a file", 0);
    assert_int_equal(rmdir(f->path), 0);
    assert_int_equal(mkfifo(f->path, 0600), 0);
    expect_refused(f, "not a file", 0);
    test_folder_link(&f->folder, "x.so", OBJECT);
    expect_refused(f, "symbolic link", ELOOP);
}

static void write_bytes(struct fixture *f, const char *bytes, size_t len)
{
    test_folder_write(&f->folder, "x.so", bytes, len);
}

static ElfW(Phdr) * segment_of(struct fixture *f, unsigned type)
{
    ElfW(Ehdr) *header = (ElfW(Ehdr) *)(void *)f->bytes;
    ElfW(Phdr) *segments = (ElfW(Phdr) *)(void *)(f->bytes + header->e_phoff);
    for (size_t i = 0; i < header->e_phnum; i++) {
        if (segments[i].p_type == type)
            return &segments[i];
    }
    fail_msg("%s has no segment of type %u", OBJECT, type);
    return NULL;
}

static void what_is_not_a_whole_object_is_refused(void **state)
{
    struct fixture *f = *state;
    ElfW(Ehdr) *header = (ElfW(Ehdr) *)(void *)f->bytes;
    ElfW(Ehdr) good = *header;

    write_bytes(f, "", 0);
    expect_refused(f, "not a shared object", 0);
    write_bytes(f, "#!/bin/sh\nexit 0\n", 17);
    expect_refused(f, "not a shared object", 0);
    write_bytes(f, f->bytes, sizeof good - 1);
    expect_refused(f, "not a shared object", 0);
    write_bytes(f, f->bytes, sizeof good);
    expect_refused(f, "truncated", 0);
    write_bytes(f, f->bytes, f->len / 4);
    expect_refused(f, "truncated", 0);

    header->e_type = ET_REL;
    write_bytes(f, f->bytes, f->len);
    expect_refused(f, "not a shared object", 0);
    *header = good;
    header->e_phnum = 65535;
    write_bytes(f, f->bytes, f->len);
    expect_refused(f, "not a shared object", 0);
    *header = good;
    header->e_phoff = (ElfW(Off)) - 1;
    write_bytes(f, f->bytes, f->len);
    expect_refused(f, "truncated", 0);
    *header = good;

    ElfW(Phdr) *load = segment_of(f, PT_LOAD), whole = *load;
    load->p_filesz = (ElfW(Xword)) - 1;
    write_bytes(f, f->bytes, f->len);
    expect_refused(f, "truncated", 0);
    *load = whole;
    load->p_offset = (ElfW(Off)) - 4096;
    write_bytes(f, f->bytes, f->len);
    expect_refused(f, "truncated", 0);
    *load = whole;

    write_bytes(f, f->bytes, f->len);
    assert_int_equal(take(f), EVD_OK);
}

/* A file that got its length first, as from a linker that ran out of disk. */
static void a_length_without_content_is_refused(void **state)
{
    struct fixture *f = *state;
    ElfW(Phdr) *dynamic = segment_of(f, PT_DYNAMIC);
    memset(f->bytes + dynamic->p_offset, 0, f->len - dynamic->p_offset);
    write_bytes(f, f->bytes, f->len);
    expect_refused(f, "half-written", 0);
    dynamic->p_filesz = 8;
    write_bytes(f, f->bytes, f->len);
    expect_refused(f, "half-written", 0);
}

static void a_file_has_a_size_limit(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(truncate(f->path, EVD_IMAGE_MAX + 1), 0);
    expect_refused(f, "1073741824 bytes", 0);
}

/* Long names are legal for modules; only what maps show is shorter. */
static void a_name_may_be_long(void **state)
{
    struct fixture *f = *state;
    char name[254];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(evd_image_open(f->path, name, &f->image, &f->status, &f->error), EVD_OK);
    struct evd_image copy = {.fd = -1};
    assert_int_equal(evd_image_copy(&f->image, name, &copy, &f->error), EVD_OK);
    evd_image_close(&copy);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_copy_has_the_files_bytes_and_identity),
        TEST(nobody_can_change_a_copy),
        TEST(the_file_may_change_afterwards),
        TEST(a_closed_image_may_be_closed_again),
        TEST(a_file_that_is_open_for_writing_is_waited_for),
        TEST(a_file_that_is_mapped_for_writing_is_waited_for),
        TEST(who_would_write_waits_for_the_copy),
        TEST(a_file_that_changed_while_it_was_copied_is_copied_again),
        TEST(a_file_that_becomes_shorter_is_not_taken_for_whole),
        TEST(what_is_not_there_or_not_a_file_is_refused),
        TEST(what_is_not_a_whole_object_is_refused),
        TEST(a_length_without_content_is_refused),
        TEST(a_file_has_a_size_limit),
        TEST(a_name_may_be_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
