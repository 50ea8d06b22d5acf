/* The dynamic backend: what lies in the modules folder, sound or not, and when it is loaded. Each
 * test runs for both ways to load. */
#include "dispatch_test.h"
#include "folder.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* The linker sends the loader's calls here (--wrap=dlopen). */
static atomic_int opened, closed;

void *__real_dlopen(const char *path, int flags);
int __real_dlclose(void *handle);
void *__wrap_dlopen(const char *path, int flags);
int __wrap_dlclose(void *handle);

void *__wrap_dlopen(const char *path, int flags)
{
    opened += (flags & RTLD_NOLOAD) == 0; /* else it is only a question */
    return __real_dlopen(path, flags);
}

int __wrap_dlclose(void *handle)
{
    closed++;
    return __real_dlclose(handle);
}

#define OBJECT(name) TEST_OBJECTS_DIR "/" name ".so"

struct fixture {
    const struct test_arm *arm;
    struct test_folder folder;
    struct test_log log;
    struct test_call call;
    struct evd_dispatch *dispatch; /* open_folder() */
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (f == NULL)
        return -1;
    f->arm = *state;
    test_folder_make(&f->folder);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    evd_dispatch_close(f->dispatch);
    test_folder_remove(&f->folder);
    free(f);
    return 0;
}

/* What the server's loop does when the folder has changed. */
static void watch(struct fixture *f)
{
    if (f->dispatch != NULL)
        evd_dispatch_watch(f->dispatch);
}

static void put(struct fixture *f, const char *name, const char *object)
{
    test_folder_copy(&f->folder, name, object);
    watch(f);
}

static void open_folder(struct fixture *f)
{
    struct evd_dispatch_config config = test_config(f->arm, &f->log);
    config.modules_dir = f->folder.path;
    config.builtins = NULL;
    config.builtin_count = 0;
    evd_dispatch_close(f->dispatch);
    f->dispatch = test_open(&config);
    opened = closed = 0;
}

static bool is_call(const struct fixture *f)
{
    return f->arm->dynamic_load == EVD_LOAD_CALL;
}

/* ---- When it is loaded. ---- */

static void loads_once_or_for_every_call(void **state)
{
    enum { CALLS = 1000 };
    struct fixture *f = *state;
    put(f, "t/object.so", OBJECT("version_1"));
    open_folder(f);
    for (int i = 1; i <= CALLS; i++) {
        char expected[16];
        (void)snprintf(expected, sizeof expected, "%d", is_call(f) ? 1 : i);
        test_expect_reply(f->dispatch, "t.object.count", "", expected);
    }
    assert_int_equal(opened, is_call(f) ? CALLS : 1);
    assert_int_equal(closed, is_call(f) ? CALLS : 0);
    evd_dispatch_close(f->dispatch);
    f->dispatch = NULL;
    assert_int_equal(closed, opened);
}

static bool is_mapped(const char *text)
{
    return test_count_lines("/proc/self/maps", text) > 0;
}

static void the_object_is_gone_after_its_call(void **state)
{
    struct fixture *f = *state;
    static struct test_call other;
    put(f, "t/unmistakable.so", OBJECT("version_1"));
    open_folder(f);
    assert_false(is_mapped("unmistakable"));
    test_expect_reply(f->dispatch, "t.unmistakable.version", "", "1");
    assert_int_equal(is_mapped("unmistakable"), !is_call(f));

    struct evd_slice never = EVD_SLICE("t.unmistakable.never");
    assert_int_equal(test_start(f->dispatch, &f->call, never, EVD_SLICE("")), EVD_MORE);
    assert_int_equal(test_start(f->dispatch, &other, never, EVD_SLICE("")), EVD_MORE);
    assert_true(is_mapped("unmistakable"));
    evd_dispatch_cancel(&f->call.flight);
    assert_true(is_mapped("unmistakable"));
    assert_int_equal(evd_dispatch_resume(&other.flight), EVD_MORE);
    evd_dispatch_cancel(&other.flight);
    assert_int_equal(is_mapped("unmistakable"), !is_call(f));
    test_expect_error(f->dispatch, "t.unmistakable.nosuch", "", EVD_ERR_NO_SUCH_FUNCTION,
                      "Nosuch doesn't exist");
    assert_int_equal(is_mapped("unmistakable"), !is_call(f));
    evd_dispatch_close(f->dispatch);
    f->dispatch = NULL;
    assert_false(is_mapped("unmistakable"));
}

/* The same module is linked in here: its name must not reach the one in memory. */
static void what_runs_is_the_files_code(void **state)
{
    struct fixture *f = *state;
    struct evd_dispatch_config config = test_config(f->arm, NULL);
    struct evd_dispatch *dispatch = test_open(&config);
    for (size_t i = 0; i < config.builtin_count; i++) {
        if (strcmp(config.builtins[i].name, "t.flights") != 0)
            continue;
        assert_int_equal(
            test_start(dispatch, &f->call, EVD_SLICE("t.flights.never"), EVD_SLICE("1")), EVD_MORE);
        assert_ptr_not_equal(f->call.flight.target.module, config.builtins[i].module);
        evd_dispatch_cancel(&f->call.flight);
        evd_dispatch_close(dispatch);
        return;
    }
    fail_msg("there is no t.flights");
}

static void endpoints_are_learned_with_the_first_call(void **state)
{
    struct fixture *f = *state;
    put(f, "t/one.so", OBJECT("version_1"));
    put(f, "t/two.so", OBJECT("version_2"));
    open_folder(f);
    assert_int_equal(evd_dispatch_endpoints(f->dispatch), 0);
    test_expect_reply(f->dispatch, "t.one.version", "", "1");
    assert_int_equal(evd_dispatch_endpoints(f->dispatch), 3);
    test_expect_reply(f->dispatch, "t.two.added", "", "2");
    assert_int_equal(evd_dispatch_endpoints(f->dispatch), 7);
    for (int i = 0; i < 100; i++)
        test_expect_error(f->dispatch, "t.one.nosuch", "", EVD_ERR_NO_SUCH_FUNCTION,
                          "Nosuch doesn't exist");
    assert_int_equal(evd_dispatch_endpoints(f->dispatch), 7);
}

/* What the file is now is what runs; its functions may be others than last time. */
static void each_version_is_seen(void **state)
{
    enum { ROUNDS = 3 };
    struct fixture *f = *state;
    put(f, "t/object.so", OBJECT("version_1"));
    open_folder(f);
    for (int i = 0; i < ROUNDS; i++) {
        test_expect_reply(f->dispatch, "t.object.version", "", "1");
        test_expect_reply(f->dispatch, "t.object.count", "", "1");
        test_expect_error(f->dispatch, "t.object.added", "", EVD_ERR_NO_SUCH_FUNCTION,
                          "Added doesn't exist");
        put(f, "t/object.so", OBJECT("version_2"));
        test_expect_reply(f->dispatch, "t.object.added", "", "2");
        test_expect_reply(f->dispatch, "t.object.version", "", "2");
        test_expect_reply(f->dispatch, "t.object.count", "", "1");
        put(f, "t/object.so", OBJECT("version_1"));
    }
    assert_int_equal(test_log_count(&f->log, "module t.object is replaced", ""), 2 * ROUNDS - 1);
    assert_int_equal(f->log.count, 2 * ROUNDS - 1);
}

/* The folder's part of the name and the function's are short enough; together they are not. */
static void an_event_has_255_bytes_at_most(void **state)
{
    struct fixture *f = *state;
    char path[300], event[300], name[300];
    memset(name, 'n', sizeof name);
    for (int len = 247; len <= 248; len++) { /* and ".version" */
        (void)snprintf(path, sizeof path, "%.*s/%.*s.so", 100, name, len - 101, name);
        put(f, path, OBJECT("version_1"));
    }
    open_folder(f);
    (void)snprintf(event, sizeof event, "%.*s.%.*s.version", 100, name, 146, name);
    assert_int_equal(strlen(event), 255);
    for (int i = 0; i < 2; i++)
        test_expect_reply(f->dispatch, event, "", "1");
    (void)snprintf(event, sizeof event, "%.*s.%.*s.version", 100, name, 147, name);
    for (int i = 0; i < 2; i++)
        test_expect_error(f->dispatch, event, "", EVD_ERR_BAD_EVENT, NULL);
    (void)snprintf(event, sizeof event, "%.*s.%.*s.count", 100, name, 147, name);
    test_expect_reply(f->dispatch, event, "", "1");
    (void)snprintf(event, sizeof event, "%.*s.%.*s.version", 100, name, 147, name);
    for (int i = 0; i < 2; i++)
        test_expect_error(f->dispatch, event, "", EVD_ERR_BAD_EVENT, NULL);
}

/* ---- Objects that are not sound. ---- */

static const struct {
    const char *object; /* NULL: the text is the file */
    const char *reason; /* what the log's line contains; also the text of a file that is one */
} broken[] = {
    {NULL, "not a shared object"},
    {OBJECT("no_entry"), "evd_module_entry"},
    {OBJECT("other_abi"), "its ABI version is 2, this server's is 1"},
    {OBJECT("other_size"), "its struct evd_module has 8 bytes"},
    {OBJECT("undefined"), "evd_test_symbol_of_nobody"},
    {OBJECT("dotted_name"), "function number 0"},
    {OBJECT("empty_name"), "function number 0"},
    {OBJECT("no_name"), "function number 0"},
    {OBJECT("no_code"), "function number 0"},
    {OBJECT("no_functions"), "it declares 0 functions"},
    {OBJECT("too_many_functions"), "functions; 1 to 65536 are allowed"},
};
enum { BROKEN = sizeof broken / sizeof *broken };

static void put_broken(struct fixture *f, size_t which)
{
    if (broken[which].object != NULL)
        put(f, "t/broken.so", broken[which].object);
    else
        test_folder_write(&f->folder, "t/broken.so", broken[which].reason,
                          strlen(broken[which].reason));
    watch(f);
}

static void expect_one_line(struct fixture *f, const char *reason)
{
    if (f->log.count != 1 || test_log_count(&f->log, "t.broken", reason) != 1)
        fail_msg("%zu lines, the first: \"%s\"; expected one with t.broken and \"%s\"",
                 f->log.count, f->log.lines[0], reason);
    f->log.count = 0;
}

/* However often it is called, it is looked into once. */
static void expect_broken(struct fixture *f, const char *reason)
{
    opened = closed = 0;
    for (int i = 0; i < 20; i++) {
        test_expect_error(f->dispatch, i % 2 == 0 ? "t.broken.version" : "t.broken.nosuch", "",
                          EVD_ERR_LOAD_FAILED, NULL);
    }
    assert_true(opened <= 1);
    for (int i = 0; i < 3; i++)
        test_expect_reply(f->dispatch, "t.good.version", "", "1");
    expect_one_line(f, reason);
}

static void a_broken_object_is_told_once_and_tried_when_changed(void **state)
{
    struct fixture *f = *state;
    put(f, "t/good.so", OBJECT("version_1"));
    for (size_t i = 0; i < BROKEN; i++) {
        put_broken(f, i);
        open_folder(f);
        expect_broken(f, broken[i].reason);
        put_broken(f, (i + 1) % BROKEN); /* another reason is told anew */
        expect_broken(f, broken[(i + 1) % BROKEN].reason);
        put(f, "t/broken.so", OBJECT("version_2"));
        for (int calls = 0; calls < 3; calls++)
            test_expect_reply(f->dispatch, "t.broken.version", "", "2");
        test_expect_reply(f->dispatch, "t.good.version", "", "1");
        assert_int_equal(f->log.count, 0);
    }
}

static void an_empty_file_is_not_an_object(void **state)
{
    struct fixture *f = *state;
    put(f, "t/good.so", OBJECT("version_1"));
    test_folder_write(&f->folder, "t/broken.so", "", 0);
    open_folder(f);
    expect_broken(f, "not a shared object");
}

/* Whatever length is left, the process lives, and the caller gets an answer: the right one, if what
 * is missing is nothing that is loaded, or an error. */
static void a_truncated_object_never_ends_the_process(void **state)
{
    struct fixture *f = *state;
    char *bytes;
    size_t len, served = 0;
    test_read_file(OBJECT("version_1"), &bytes, &len);
    put(f, "t/good.so", OBJECT("version_1"));
    for (size_t step = 0; step <= 100; step++) {
        size_t left = step <= 4 ? (size_t[]){1, 16, 63, 64, 120}[step] : len * step / 100;
        test_folder_write(&f->folder, "t/broken.so", bytes, left);
        open_folder(f);
        test_run(f->dispatch, &f->call, "t.broken.version", "");
        test_run(f->dispatch, &f->call, "t.broken.version", "");
        test_expect_reply(f->dispatch, "t.good.version", "", "1");
        if (f->call.sink.replies == 1) {
            assert_string_equal(f->call.sink.text, "1");
            assert_int_equal(f->log.count, 0);
            served++;
        } else {
            assert_string_equal(f->call.sink.code, "load_failed");
            assert_int_equal(served, 0);
            expect_one_line(f, left < 64 ? "not a shared object" : "truncated");
        }
    }
    free(bytes);
    assert_true(served > 0 && served < 50);
}

/* ---- Files that are not what they were when the folder was listed. ---- */

static void a_file_that_is_gone_is_no_module(void **state)
{
    struct fixture *f = *state;
    put(f, "t/good.so", OBJECT("version_1"));
    put(f, "t/object.so", OBJECT("version_2"));
    open_folder(f);
    for (int round = 0; round < 3; round++) {
        test_folder_delete(&f->folder, "t/object.so");
        watch(f);
        for (int i = 0; i < 3; i++)
            test_expect_error(f->dispatch, "t.object.version", "", EVD_ERR_NO_SUCH_FUNCTION,
                              "Version doesn't exist");
        assert_false(is_mapped("t.object"));
        assert_int_equal(test_log_count(&f->log, "module t.object is removed", ""), round);
        put(f, "t/object.so", OBJECT("version_2"));
        test_expect_reply(f->dispatch, "t.object.version", "", "2");
    }
    assert_int_equal(f->log.count, 2); /* it was not there yet in the first round */
}

static void a_link_that_took_the_files_place_is_not_followed(void **state)
{
    struct fixture *f = *state;
    put(f, "t/good.so", OBJECT("version_1"));
    put(f, "t/broken.so", OBJECT("version_2"));
    open_folder(f);
    test_folder_link(&f->folder, "t/broken.so", OBJECT("version_1"));
    watch(f);
    expect_broken(f, "symbolic link");
    test_folder_delete(&f->folder, "t/broken.so");
    put(f, "t/broken.so", OBJECT("version_2"));
    test_expect_reply(f->dispatch, "t.broken.version", "", "2");
}

/* Nobody writes into it: who opens it to read would wait for ever. */
static void a_pipe_that_took_the_files_place_does_not_block(void **state)
{
    struct fixture *f = *state;
    char path[300];
    put(f, "t/good.so", OBJECT("version_1"));
    put(f, "t/broken.so", OBJECT("version_2"));
    open_folder(f);
    test_folder_delete(&f->folder, "t/broken.so");
    (void)snprintf(path, sizeof path, "%s/t/broken.so", f->folder.path);
    assert_int_equal(mkfifo(path, 0600), 0);
    watch(f);
    expect_broken(f, "t/broken.so");
}

static void a_file_that_is_new_is_found(void **state)
{
    struct fixture *f = *state;
    put(f, "t/good.so", OBJECT("version_1"));
    open_folder(f);
    test_folder_copy(&f->folder, "t/late.so", OBJECT("version_1"));
    test_expect_error(f->dispatch, "t.late.version", "", EVD_ERR_NO_SUCH_FUNCTION,
                      "Version doesn't exist");
    watch(f);
    test_expect_reply(f->dispatch, "t.late.version", "", "1");
    assert_int_equal(f->log.count, 0);
}

/* The lowest descriptor that is free. */
static rlim_t first_free(void)
{
    int fd = dup(STDIN_FILENO);
    assert_true(fd >= 0);
    (void)close(fd);
    return (rlim_t)fd;
}

static void call_with_descriptors(struct fixture *f, rlim_t spare)
{
    struct rlimit limit, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    few = limit;
    few.rlim_cur = first_free() + spare;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    for (int i = 0; i < 5; i++)
        test_run(f->dispatch, &f->call, "t.broken.version", "");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* A file is not broken because no descriptor was free to read it, or to keep its image. */
static void a_want_of_descriptors_passes(void **state)
{
    struct fixture *f = *state;
    put(f, "t/broken.so", OBJECT("version_2"));
    for (rlim_t spare = 0; spare <= 2; spare++) {
        open_folder(f);
        call_with_descriptors(f, spare);
        if (spare == 2) {
            assert_string_equal(f->call.sink.text, "2");
        } else {
            assert_string_equal(f->call.sink.code, "load_failed");
            expect_one_line(f, "Too many open files");
        }
        for (int i = 0; i < 3; i++)
            test_expect_reply(f->dispatch, "t.broken.version", "", "2");
    }
    for (int round = 0; round < 3; round++) {
        call_with_descriptors(f, 0);
        if (is_call(f)) {
            assert_string_equal(f->call.sink.code, "load_failed");
            expect_one_line(f, "Too many open files");
        }
        test_expect_reply(f->dispatch, "t.broken.version", "", "2");
    }
    assert_int_equal(f->log.count, 0);
}

/* What was wanting is told once; what is then found to be wrong is told too. */
static void a_broken_object_is_told_after_a_want(void **state)
{
    struct fixture *f = *state;
    put(f, "t/broken.so", OBJECT("no_entry"));
    open_folder(f);
    call_with_descriptors(f, 0);
    expect_one_line(f, "Too many open files");
    for (int i = 0; i < 3; i++)
        test_expect_error(f->dispatch, "t.broken.version", "", EVD_ERR_LOAD_FAILED, NULL);
    expect_one_line(f, "evd_module_entry");
}

/* ---- Two threads, each with a dispatch of its own over one folder. ---- */

static void *call_many(void *state)
{
    const struct fixture *f = state;
    struct evd_dispatch_config config = test_config(f->arm, NULL);
    struct evd_dispatch *dispatch = NULL;
    struct test_call *call = calloc(1, sizeof *call);
    uintptr_t right = 0;

    config.modules_dir = f->folder.path;
    if (call != NULL && evd_dispatch_open(&config, &dispatch, NULL) == EVD_OK) {
        for (int i = 0; i < 200; i++) {
            int rc = test_start(dispatch, call, EVD_SLICE("t.object.version"), EVD_SLICE(""));
            right += rc == EVD_DONE && call->sink.replies == 1 && call->sink.text[0] == '1';
        }
    }
    evd_dispatch_close(dispatch);
    free(call);
    return (void *)right;
}

static void two_threads_load_from_one_folder(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[2];
    put(f, "t/object.so", OBJECT("version_1"));
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_many, f), 0);
    for (int i = 0; i < 2; i++) {
        void *right = NULL;
        assert_int_equal(pthread_join(threads[i], &right), 0);
        assert_int_equal((uintptr_t)right, 200);
    }
}

static const struct test_case suite[] = {
    TEST_CASE(loads_once_or_for_every_call),
    TEST_CASE(the_object_is_gone_after_its_call),
    TEST_CASE(what_runs_is_the_files_code),
    TEST_CASE(endpoints_are_learned_with_the_first_call),
    TEST_CASE(each_version_is_seen),
    TEST_CASE(an_event_has_255_bytes_at_most),
    TEST_CASE(a_broken_object_is_told_once_and_tried_when_changed),
    TEST_CASE(an_empty_file_is_not_an_object),
    TEST_CASE(a_truncated_object_never_ends_the_process),
    TEST_CASE(a_file_that_is_gone_is_no_module),
    TEST_CASE(a_link_that_took_the_files_place_is_not_followed),
    TEST_CASE(a_pipe_that_took_the_files_place_does_not_block),
    TEST_CASE(a_want_of_descriptors_passes),
    TEST_CASE(a_broken_object_is_told_after_a_want),
    TEST_CASE(a_file_that_is_new_is_found),
    TEST_CASE(two_threads_load_from_one_folder),
};

int main(void)
{
    return test_run_backend("dynamic", suite, sizeof suite / sizeof *suite, setup, teardown);
}
