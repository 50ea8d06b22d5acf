#include "reload.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

bool reload_no_inotify;
int reload_add_error;
unsigned reload_opened;

int __real_inotify_init1(int flags);
int __wrap_inotify_init1(int flags);
int __real_inotify_add_watch(int fd, const char *path, uint32_t mask);
int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask);
void *__real_dlopen(const char *path, int flags);
void *__wrap_dlopen(const char *path, int flags);

int __wrap_inotify_init1(int flags)
{
    if (!reload_no_inotify)
        return __real_inotify_init1(flags);
    errno = EMFILE;
    return -1;
}

int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask)
{
    if (reload_add_error == 0)
        return __real_inotify_add_watch(fd, path, mask);
    errno = reload_add_error;
    return -1;
}

void *__wrap_dlopen(const char *path, int flags)
{
    __atomic_fetch_add(&reload_opened, (flags & RTLD_NOLOAD) == 0, __ATOMIC_RELAXED);
    return __real_dlopen(path, flags);
}

static size_t mappings(void)
{
    return test_count_lines("/proc/self/maps", "memfd:");
}

int reload_setup(void **state)
{
    struct reload *r = calloc(1, sizeof *r);
    if (r == NULL)
        return -1;
    r->arm = *state;
    test_folder_make(&r->folder);
    r->descriptors = test_count_descriptors();
    r->mappings = mappings();
    reload_add_error = 0;
    *state = r;
    return 0;
}

int reload_teardown(void **state)
{
    struct reload *r = *state;
    evd_dispatch_close(r->dispatch);
    bool leaks = test_count_descriptors() != r->descriptors || mappings() != r->mappings;
    if (leaks)
        print_error("%zu descriptors were %zu, %zu mappings were %zu\n", test_count_descriptors(),
                    r->descriptors, mappings(), r->mappings);
    test_folder_remove(&r->folder);
    free(r);
    return leaks ? -1 : 0;
}

void reload_open(struct reload *r)
{
    struct evd_dispatch_config config = test_config(r->arm, &r->log);
    config.modules_dir = r->folder.path;
    config.builtins = NULL;
    config.builtin_count = 0;
    r->dispatch = test_open(&config);
    assert_int_equal(evd_dispatch_watch_fd(r->dispatch) < 0, reload_no_inotify);
    assert_int_equal(test_log_count(&r->log, r->folder.path, "cannot be watched"),
                     reload_no_inotify);
    assert_int_equal(r->log.count, reload_no_inotify);
    r->log.count = 0;
    reload_opened = 0;
}

void reload_watch(struct reload *r)
{
    if (r->dispatch != NULL)
        evd_dispatch_watch(r->dispatch);
}

bool reload_is_call(const struct reload *r)
{
    return r->arm->dynamic_load == EVD_LOAD_CALL;
}

struct evd_dispatch_stats reload_stats(const struct reload *r)
{
    struct evd_dispatch_stats stats;
    evd_dispatch_get_stats(r->dispatch, &stats);
    return stats;
}

const char *reload_path(const struct reload *r, const char *name)
{
    static char paths[4][PATH_MAX];
    static size_t next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, PATH_MAX, "%s/%s", r->folder.path, name);
    return path;
}

void reload_put(struct reload *r, const char *name, const char *object)
{
    test_folder_copy(&r->folder, name, object);
    reload_watch(r);
}

/* Without inotify, a file that is overwritten is known by its size and time stamps, and those may
 * be coarse: it gets another length each time, by zeros behind it that no loader looks at. */
void reload_bytes(struct reload *r, const char *name, const char *bytes, size_t len)
{
    static const char zeros[64];
    int fd = open(reload_path(r, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    size_t more = reload_no_inotify && len > 0 ? r->written++ % sizeof zeros : 0;
    assert_int_equal(write(fd, zeros, more), more);
    assert_int_equal(close(fd), 0);
    reload_watch(r);
}

void reload_overwrite(struct reload *r, const char *name, const char *object)
{
    char *bytes;
    size_t len;
    test_read_file(object, &bytes, &len);
    reload_bytes(r, name, bytes, len);
    free(bytes);
}

void reload_expect(struct reload *r, const char *event, uint64_t reply)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)reply);
    test_expect_reply(r->dispatch, event, "", text);
}

void reload_expect_none(struct reload *r, const char *event)
{
    test_run(r->dispatch, &r->call, event, "");
    assert_int_equal(r->call.sink.fails, 1);
    assert_string_equal(r->call.sink.code, "no_such_function");
}

size_t reload_mapped(const char *name)
{
    char *line = NULL, text[300];
    size_t size = 0, count = 0;
    FILE *file = fopen("/proc/self/maps", "r");
    assert_non_null(file);
    (void)snprintf(text, sizeof text, "/memfd:%s (deleted)", name);
    while (getline(&line, &size, file) >= 0) /* each object has one mapping of its file's start */
        count += strstr(line, text) != NULL && strstr(line, " 00000000 ") != NULL;
    (void)fclose(file);
    free(line);
    return count;
}

int reload_run(const struct test_case *suite, size_t count, bool both)
{
    reload_no_inotify = false;
    int failed = test_run_backend("dynamic", suite, count, reload_setup, reload_teardown);
    reload_no_inotify = true;
    if (both)
        failed += test_run_backend("dynamic", suite, count, reload_setup, reload_teardown);
    return failed;
}
