/* watch.h: what is told of folders, event by event. */
#include "dispatch/watch.h"

#include "dispatch_test.h"
#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

/* inotify that is not to be had: the linker sends inotify_init1(2) and inotify_add_watch(2) here.
 */
static int init_error, add_error;

int __real_inotify_init1(int flags);
int __wrap_inotify_init1(int flags);
int __real_inotify_add_watch(int fd, const char *path, uint32_t mask);
int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask);

static int failing(int error)
{
    errno = error;
    return -1;
}

int __wrap_inotify_init1(int flags)
{
    return init_error != 0 ? failing(init_error) : __real_inotify_init1(flags);
}

int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask)
{
    return add_error != 0 ? failing(add_error) : __real_inotify_add_watch(fd, path, mask);
}

#define TOLD_MAX 128

struct told {
    enum evd_watch_kind kind;
    char prefix[64], name[64];
};

struct fixture {
    struct test_folder folder;
    struct evd_watch watch;
    size_t count, lost; /* of what was told since read_all() began */
    struct told told[TOLD_MAX];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (f == NULL)
        return -1;
    test_folder_make(&f->folder);
    evd_watch_open(&f->watch);
    *state = f;
    return f->watch.fd >= 0 ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    init_error = add_error = 0;
    evd_watch_close(&f->watch);
    test_folder_remove(&f->folder);
    free(f);
    return 0;
}

static const char *path_of(const struct fixture *f, const char *name)
{
    static char paths[4][300];
    static size_t next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s%s%s", f->folder.path, name[0] == '\0' ? "" : "/",
                   name);
    return path;
}

static void add(struct fixture *f, const char *dir, const char *prefix)
{
    assert_int_equal(evd_watch_add(&f->watch, path_of(f, dir), prefix), EVD_OK);
}

static void on_event(void *context, enum evd_watch_kind kind, const struct evd_watched *folder,
                     const char *name)
{
    struct fixture *f = context;
    if (kind == EVD_WATCH_LOST) {
        assert_null(folder);
        assert_null(name);
        f->lost++;
        return;
    }
    struct told *told = &f->told[f->count++ % TOLD_MAX];
    told->kind = kind;
    (void)snprintf(told->prefix, sizeof told->prefix, "%s", folder->prefix);
    (void)snprintf(told->name, sizeof told->name, "%s", name);
}

static void read_all(struct fixture *f)
{
    f->count = f->lost = 0;
    evd_watch_read(&f->watch, on_event, f);
}

static void expect(struct fixture *f, size_t at, enum evd_watch_kind kind, const char *prefix,
                   const char *name)
{
    assert_true(at < f->count);
    assert_int_equal(f->told[at].kind, kind);
    assert_string_equal(f->told[at].prefix, prefix);
    assert_string_equal(f->told[at].name, name);
}

static void expect_one(struct fixture *f, enum evd_watch_kind kind, const char *prefix,
                       const char *name)
{
    read_all(f);
    assert_int_equal(f->lost, 0);
    assert_int_equal(f->count, 1);
    expect(f, 0, kind, prefix, name);
}

static bool is_readable(struct fixture *f)
{
    struct pollfd poll_fd = {.fd = f->watch.fd, .events = POLLIN};
    return poll(&poll_fd, 1, 0) == 1;
}

static int make_file(const struct fixture *f, const char *name, int flags)
{
    int fd = open(path_of(f, name), flags | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    return fd;
}

static void a_file_is_told_of_when_it_is_whole(void **state)
{
    struct fixture *f = *state;
    add(f, "", "api");
    read_all(f);
    assert_int_equal(f->count, 0);
    assert_false(is_readable(f));

    int fd = make_file(f, "x.so", O_CREAT); /* might be a link, which is whole at once */
    expect_one(f, EVD_WATCH_CHANGED, "api", "x.so");
    assert_int_equal(write(fd, "bytes", 5), 5);
    assert_false(is_readable(f));
    (void)close(fd);
    assert_true(is_readable(f));
    expect_one(f, EVD_WATCH_CHANGED, "api", "x.so");

    fd = make_file(f, "x.so", O_TRUNC); /* in place */
    assert_false(is_readable(f));
    (void)close(fd);
    expect_one(f, EVD_WATCH_CHANGED, "api", "x.so");

    fd = open(path_of(f, "x.so"), O_RDONLY); /* who reads changes nothing */
    (void)close(fd);
    assert_false(is_readable(f));
}

static void renames_and_links_are_told_of(void **state)
{
    struct fixture *f = *state;
    test_folder_write(&f->folder, "outside/a", "", 0);
    test_folder_write(&f->folder, "in/y.so", "", 0);
    add(f, "in", "api");
    assert_int_equal(rename(path_of(f, "outside/a"), path_of(f, "in/x.so")), 0);
    expect_one(f, EVD_WATCH_CHANGED, "api", "x.so");
    assert_int_equal(rename(path_of(f, "in/x.so"), path_of(f, "in/y.so")), 0);
    read_all(f);
    assert_int_equal(f->count, 2);
    expect(f, 0, EVD_WATCH_GONE, "api", "x.so");
    expect(f, 1, EVD_WATCH_CHANGED, "api", "y.so");
    assert_int_equal(link(path_of(f, "in/y.so"), path_of(f, "in/z.so")), 0);
    expect_one(f, EVD_WATCH_CHANGED, "api", "z.so");
    assert_int_equal(symlink("z.so", path_of(f, "in/l.so")), 0);
    expect_one(f, EVD_WATCH_CHANGED, "api", "l.so");
    assert_int_equal(rename(path_of(f, "in/y.so"), path_of(f, "outside/a")), 0);
    expect_one(f, EVD_WATCH_GONE, "api", "y.so");
    assert_int_equal(unlink(path_of(f, "in/z.so")), 0);
    expect_one(f, EVD_WATCH_GONE, "api", "z.so");
}

static void folders_are_told_of(void **state)
{
    struct fixture *f = *state;
    test_folder_write(&f->folder, "outside/x/a.so", "", 0);
    test_folder_write(&f->folder, "in/a.so", "", 0);
    add(f, "in", "api");
    assert_int_equal(mkdir(path_of(f, "in/sub"), 0700), 0);
    expect_one(f, EVD_WATCH_FOLDER, "api", "sub");
    assert_int_equal(rename(path_of(f, "outside/x"), path_of(f, "in/x")), 0);
    expect_one(f, EVD_WATCH_FOLDER, "api", "x");
    assert_int_equal(rename(path_of(f, "in/x"), path_of(f, "in/y")), 0);
    read_all(f);
    assert_int_equal(f->count, 2);
    expect(f, 0, EVD_WATCH_NO_FOLDER, "api", "x");
    expect(f, 1, EVD_WATCH_FOLDER, "api", "y");
    assert_int_equal(rmdir(path_of(f, "in/sub")), 0);
    expect_one(f, EVD_WATCH_NO_FOLDER, "api", "sub");
}

static void each_folder_has_its_prefix(void **state)
{
    enum { FOLDERS = 40 };
    struct fixture *f = *state;
    char name[64], prefix[64];
    for (int i = 0; i < FOLDERS; i++) {
        (void)snprintf(name, sizeof name, "d%d", i);
        (void)snprintf(prefix, sizeof prefix, "api.d%d", i);
        assert_int_equal(mkdir(path_of(f, name), 0700), 0);
        add(f, name, prefix);
    }
    assert_int_equal(f->watch.count, FOLDERS);
    for (int i = FOLDERS - 1; i >= 0; i--) {
        (void)snprintf(name, sizeof name, "d%d/x.so", i);
        (void)close(make_file(f, name, O_CREAT));
    }
    read_all(f);
    assert_int_equal(f->count, 2 * FOLDERS); /* made, and closed after writing */
    for (int i = 0; i < FOLDERS; i++) {
        (void)snprintf(prefix, sizeof prefix, "api.d%d", FOLDERS - 1 - i);
        expect(f, 2 * (size_t)i, EVD_WATCH_CHANGED, prefix, "x.so");
    }
    /* Every third goes, with what is in it. */
    for (int i = 0; i < FOLDERS; i += 3) {
        (void)snprintf(name, sizeof name, "d%d/x.so", i);
        test_folder_delete(&f->folder, name);
        (void)snprintf(name, sizeof name, "d%d", i);
        assert_int_equal(rmdir(path_of(f, name)), 0);
    }
    read_all(f);
    assert_int_equal(f->count, 14);
    assert_int_equal(f->watch.count, FOLDERS - 14);
    (void)close(make_file(f, "d1/x.so", 0));
    expect_one(f, EVD_WATCH_CHANGED, "api.d1", "x.so");
}

static void a_folder_that_is_renamed_has_a_new_prefix(void **state)
{
    struct fixture *f = *state;
    test_folder_write(&f->folder, "old/sub/x.so", "", 0);
    add(f, "", "");
    add(f, "old", "old");
    add(f, "old/sub", "old.sub");
    assert_int_equal(rename(path_of(f, "old"), path_of(f, "new")), 0);
    (void)close(make_file(f, "new/sub/x.so", 0));
    read_all(f);
    assert_int_equal(f->watch.count, 1); /* the owner is told, and adds what it finds */
    expect(f, 0, EVD_WATCH_NO_FOLDER, "", "old");
    expect(f, 1, EVD_WATCH_FOLDER, "", "new");
    assert_int_equal(f->count, 2);
    add(f, "new", "new");
    add(f, "new/sub", "new.sub");
    (void)close(make_file(f, "new/sub/x.so", 0));
    expect_one(f, EVD_WATCH_CHANGED, "new.sub", "x.so");
    assert_int_equal(f->watch.count, 3);

    /* Moved out of sight it is watched no more, and its neighbour, whose name begins alike, is. */
    assert_int_equal(mkdir(path_of(f, "newer"), 0700), 0);
    add(f, "newer", "newer");
    struct test_folder outside;
    test_folder_make(&outside);
    char target[200];
    (void)snprintf(target, sizeof target, "%s/new", outside.path);
    assert_int_equal(rename(path_of(f, "new"), target), 0);
    read_all(f);
    assert_int_equal(f->count, 2);
    expect(f, 1, EVD_WATCH_NO_FOLDER, "", "new");
    assert_int_equal(f->watch.count, 2);
    test_folder_write(&outside, "new/sub/x.so", "", 0);
    assert_false(is_readable(f) && (read_all(f), f->count > 0));
    test_folder_remove(&outside);
    (void)close(make_file(f, "newer/x.so", O_CREAT));
    read_all(f);
    expect(f, 0, EVD_WATCH_CHANGED, "newer", "x.so");
}

/* Added once more under another name, without an event in between: after lost events. */
static void a_folder_may_be_added_again(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(mkdir(path_of(f, "a"), 0700), 0);
    for (int i = 0; i < 3; i++)
        add(f, "a", "a");
    assert_int_equal(f->watch.count, 1);
    assert_int_equal(rename(path_of(f, "a"), path_of(f, "b")), 0);
    add(f, "b", "b");
    assert_int_equal(f->watch.count, 1);
    (void)close(make_file(f, "b/x.so", O_CREAT));
    read_all(f);
    expect(f, 0, EVD_WATCH_CHANGED, "b", "x.so");
}

static void the_folder_of_all_may_be_exchanged(void **state)
{
    struct fixture *f = *state;
    test_folder_write(&f->folder, "modules/api/x.so", "", 0);
    test_folder_write(&f->folder, "next/y.so", "", 0);
    add(f, "modules", "");
    add(f, "modules/api", "api");
    assert_int_equal(rename(path_of(f, "modules"), path_of(f, "before")), 0);
    assert_int_equal(rename(path_of(f, "next"), path_of(f, "modules")), 0);
    read_all(f);
    assert_int_equal(f->lost, 1);
    assert_int_equal(f->count, 0);
    assert_int_equal(f->watch.count, 0);
    add(f, "modules", "");
    (void)close(make_file(f, "before/api/x.so", 0));
    (void)close(make_file(f, "modules/y.so", 0));
    expect_one(f, EVD_WATCH_CHANGED, "", "y.so");

    test_folder_delete(&f->folder, "modules/y.so");
    assert_int_equal(rmdir(path_of(f, "modules")), 0);
    read_all(f);
    assert_int_equal(f->lost, 1);
    assert_int_equal(f->watch.count, 0);
}

static void lost_events_are_told(void **state)
{
    struct fixture *f = *state;
    long most = 0;
    FILE *limit = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
    if (limit == NULL || fscanf(limit, "%ld", &most) != 1 || most > 200000)
        skip();
    (void)fclose(limit);
    test_folder_write(&f->folder, "a.so", "", 0);
    add(f, "", "");
    for (long i = 0; i < most / 4 + 1; i++) { /* four events: no two in a row are the same */
        assert_int_equal(rename(path_of(f, "a.so"), path_of(f, "b.so")), 0);
        assert_int_equal(rename(path_of(f, "b.so"), path_of(f, "a.so")), 0);
    }
    for (int i = 0; i < 1000 && is_readable(f) && f->lost == 0; i++)
        read_all(f);
    assert_int_equal(f->lost, 1);
    while (is_readable(f))
        read_all(f);
    (void)close(make_file(f, "a.so", 0)); /* and it goes on */
    expect_one(f, EVD_WATCH_CHANGED, "", "a.so");
}

static void a_folder_that_is_not_there_is_refused(void **state)
{
    struct fixture *f = *state;
    test_folder_write(&f->folder, "file", "", 0);
    assert_int_equal(evd_watch_add(&f->watch, path_of(f, "nosuch"), "x"), EVD_ERR_SYSTEM);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(evd_watch_add(&f->watch, path_of(f, "file"), "x"), EVD_ERR_SYSTEM);
    assert_int_equal(errno, ENOTDIR);
    add_error = ENOSPC;
    assert_int_equal(evd_watch_add(&f->watch, f->folder.path, "x"), EVD_ERR_SYSTEM);
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(f->watch.count, 0);
}

static void without_inotify_nothing_is_told(void **state)
{
    struct fixture *f = *state;
    evd_watch_close(&f->watch);
    assert_int_equal(f->watch.fd, -1);
    init_error = EMFILE;
    evd_watch_open(&f->watch);
    assert_int_equal(errno, EMFILE);
    assert_int_equal(f->watch.fd, -1);
    add(f, "", "");
    assert_int_equal(f->watch.count, 0);
    (void)close(make_file(f, "x.so", O_CREAT));
    read_all(f);
    assert_int_equal(f->count + f->lost, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_told_of_when_it_is_whole),
        TEST(renames_and_links_are_told_of),
        TEST(folders_are_told_of),
        TEST(each_folder_has_its_prefix),
        TEST(a_folder_that_is_renamed_has_a_new_prefix),
        TEST(a_folder_may_be_added_again),
        TEST(the_folder_of_all_may_be_exchanged),
        TEST(lost_events_are_told),
        TEST(a_folder_that_is_not_there_is_refused),
        TEST(without_inotify_nothing_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
