/* Calls that are unfinished while their module's file changes; and that nothing is left behind,
 * however often it does. Runs for both policies, with inotify and without. */
#include "reload.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct test_call flights[4];

static void start(struct reload *r, int which)
{
    int rc =
        test_start(r->dispatch, &flights[which], EVD_SLICE("t.object.later"), EVD_SLICE("\"x\""));
    assert_int_equal(rc, EVD_MORE);
}

static void finish(int which, unsigned version, unsigned begun)
{
    char expected[32];
    assert_int_equal(evd_dispatch_resume(&flights[which].flight), EVD_DONE);
    (void)snprintf(expected, sizeof expected, "%u", version * 1000 + begun);
    assert_string_equal(flights[which].sink.text, expected);
}

/* cached: they share the version's variables; call: each has its own. */
static void flights_end_on_the_version_they_began_on(void **state)
{
    struct reload *r = *state;
    bool own = reload_is_call(r);
    reload_put(r, "t/object.so", OBJECT("reload_1"));
    reload_open(r);
    start(r, 0);
    start(r, 1);
    assert_int_equal(reload_mapped("t.object"), own ? 2 : 1);
    reload_overwrite(r, "t/object.so", OBJECT("reload_2"));
    reload_expect(r, "t.object.version", 2);
    assert_int_equal(reload_mapped("t.object"), 2); /* the old two or one; and the new one */
    start(r, 2);
    assert_int_equal(reload_mapped("t.object"), own ? 3 : 2);
    reload_put(r, "t/object.so", OBJECT("reload_3"));
    reload_expect(r, "t.object.version", 3);
    assert_int_equal(reload_mapped("t.object"), 3);

    finish(1, 1, own ? 1 : 2);
    assert_int_equal(reload_mapped("t.object"), own ? 2 : 3); /* one of the first is left */
    finish(2, 2, 1);
    assert_int_equal(reload_mapped("t.object"), own ? 1 : 2);
    evd_dispatch_cancel(&flights[0].flight);
    assert_int_equal(reload_mapped("t.object"), own ? 0 : 1);
    reload_expect(r, "t.object.version", 3);
}

/* One after the other, in every order, with others beginning and ending beside them. */
static void flights_of_one_module_share_nothing_that_is_static(void **state)
{
    struct reload *r = *state;
    static const int orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 0, 2}, {1, 2, 0}};
    if (!reload_is_call(r))
        return;
    reload_put(r, "t/object.so", OBJECT("reload_1"));
    reload_open(r);
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        for (int which = 0; which < 3; which++)
            start(r, which);
        assert_int_equal(reload_mapped("t.object"), 3);
        for (int n = 0; n < 3; n++) {
            reload_expect(r, "t.object.count", 1);
            finish(orders[i][n], 1, 1);
            reload_expect(r, "t.object.count", 1);
            assert_int_equal(reload_mapped("t.object"), 2 - n);
        }
    }
}

static void a_module_may_be_removed_under_a_flight(void **state)
{
    struct reload *r = *state;
    reload_put(r, "t/object.so", OBJECT("reload_1"));
    reload_open(r);
    start(r, 0);
    test_folder_delete(&r->folder, "t/object.so");
    reload_watch(r);
    reload_expect_none(r, "t.object.version");
    assert_int_equal(evd_dispatch_endpoints(r->dispatch), 0);
    assert_int_equal(reload_mapped("t.object"), 1);
    reload_overwrite(r, "t/object.so", OBJECT("reload_2"));
    reload_expect(r, "t.object.version", 2);
    start(r, 1);
    finish(0, 1, 1);
    assert_int_equal(reload_mapped("t.object"), 1);
    test_folder_delete(&r->folder, "t/object.so");
    reload_watch(r);
    reload_expect_none(r, "t.object.version");
    finish(1, 2, 1);
    assert_int_equal(reload_mapped("t.object"), 0);
    assert_int_equal(reload_stats(r).loads, 2);
    assert_int_equal(reload_stats(r).reloads, 0); /* it was gone in between */
    assert_int_equal(test_log_count(&r->log, "module t.object is removed", ""), 2);
}

static void a_bad_version_does_not_disturb_flights(void **state)
{
    struct reload *r = *state;
    reload_put(r, "t/object.so", OBJECT("reload_1"));
    reload_open(r);
    start(r, 0);
    reload_overwrite(r, "t/object.so", OBJECT("undefined"));
    reload_expect(r, "t.object.version", 1);
    reload_overwrite(r, "t/object.so", OBJECT("reload_open"));
    reload_expect(r, "t.object.version", 1);
    finish(0, 1, 1);
    assert_int_equal(reload_stats(r).load_failures, 2);
}

/* ---- Nothing is left behind. ---- */

static void ignore_line(void *context, enum evd_log_level level, const char *text)
{
    (void)context;
    (void)level;
    (void)text;
}

/* Of files; a sanitizer maps memory of its own now and then. */
static size_t count_mappings(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return test_count_lines("/proc/self/maps", "/");
#else
    return test_count_lines("/proc/self/maps", "");
#endif
}

static void many_reloads_leave_nothing_behind(void **state)
{
    enum { RELOADS = 2000, FIRST = 20 };
    struct reload *r = *state;
    static const char *const files[] = {OBJECT("reload_1"), OBJECT("reload_2"), OBJECT("undefined"),
                                        OBJECT("reload_3")};
    size_t descriptors = 0, mappings = 0;
    unsigned long long failures = 0;
    struct evd_dispatch_config config = test_config(r->arm, NULL);
    config.modules_dir = r->folder.path;
    config.log = ignore_line;
    reload_put(r, "t/object.so", files[0]);
    r->dispatch = test_open(&config);
    reload_expect(r, "t.object.version", 1);
    for (int i = 1; i <= RELOADS; i++) {
        if (i == FIRST) {
            descriptors = test_count_descriptors();
            mappings = count_mappings();
        }
        start(r, 0);
        if (i % 3 == 0)
            reload_put(r, "t/object.so", files[i % 4]);
        else
            reload_overwrite(r, "t/object.so", files[i % 4]);
        failures += i % 4 == 2;
        static const unsigned versions[] = {1, 2, 2, 3};
        reload_expect(r, "t.object.version", versions[i % 4]);
        evd_dispatch_cancel(&flights[0].flight);
    }
    assert_int_equal(test_count_descriptors(), descriptors);
    assert_in_range(count_mappings(), mappings - 8, mappings + 8);
    assert_int_equal(reload_stats(r).reloads, RELOADS - failures);
    assert_int_equal(reload_stats(r).load_failures, failures);
}

/* An object that the loader does not let go: each version is nevertheless what it is. */
static void an_object_that_stays_is_not_taken_for_the_next(void **state)
{
    enum { ROUNDS = 6 };
    struct reload *r = *state;
    size_t before = reload_mapped("t.kept");
    reload_put(r, "t/kept.so", OBJECT("reload_kept_1"));
    reload_open(r);
    for (unsigned i = 0; i < ROUNDS; i++) {
        reload_expect(r, "t.kept.version", i % 2 + 1);
        reload_put(r, "t/kept.so", i % 2 == 0 ? OBJECT("reload_kept_2") : OBJECT("reload_kept_1"));
    }
    reload_expect(r, "t.kept.version", 1);
    assert_int_equal(test_log_count(&r->log, "module t.kept cannot be unloaded", ""), ROUNDS);
    evd_dispatch_close(r->dispatch);
    r->dispatch = NULL;
    assert_int_equal(reload_mapped("t.kept"), before + ROUNDS + 1);
    r->descriptors = test_count_descriptors(); /* they keep their numbers; said in version.c */
    r->mappings = test_count_lines("/proc/self/maps", "memfd:");
}

/* ---- Two threads follow one folder, each with its own dispatch. ---- */

struct follower {
    struct reload *r;
    atomic_uint *stop;
    pthread_barrier_t *serving;
    unsigned calls, wrong, last;
};

static void *follow(void *context)
{
    struct follower *follower = context;
    struct evd_dispatch_config config = test_config(follower->r->arm, NULL);
    struct evd_dispatch *dispatch = NULL;
    struct test_call *call = calloc(1, sizeof *call);
    config.modules_dir = follower->r->folder.path;
    if (call == NULL || evd_dispatch_open(&config, &dispatch, NULL) < 0) {
        free(call);
        abort();
    }
    for (bool last = false; !last; follower->calls++) {
        if (follower->calls == 1) /* what is written before it was ever loaded is not served */
            (void)pthread_barrier_wait(follower->serving);
        last = atomic_load(follower->stop) != 0;
        evd_dispatch_watch(dispatch);
        int rc = test_start(dispatch, call, EVD_SLICE("t.object.version"), EVD_SLICE(""));
        follower->last = (unsigned)(call->sink.text[0] - '0');
        follower->wrong += rc != EVD_DONE || call->sink.replies != 1 || call->sink.len != 1 ||
                           follower->last < 1 || follower->last > 2;
    }
    evd_dispatch_close(dispatch);
    free(call);
    return NULL;
}

static void two_threads_follow_one_folder(void **state)
{
    enum { CHANGES = 100 };
    struct reload *r = *state;
    atomic_uint stop = 0;
    pthread_t threads[2];
    pthread_barrier_t serving;
    struct follower followers[2];
    assert_int_equal(pthread_barrier_init(&serving, NULL, 3), 0);
    reload_put(r, "t/object.so", OBJECT("reload_1"));
    for (int i = 0; i < 2; i++) {
        followers[i] = (struct follower){.r = r, .stop = &stop, .serving = &serving};
        assert_int_equal(pthread_create(&threads[i], NULL, follow, &followers[i]), 0);
    }
    (void)pthread_barrier_wait(&serving);
    for (int i = 0; i < CHANGES; i++) {
        const char *object = i % 2 == 0 ? OBJECT("reload_2") : OBJECT("reload_1");
        if (i % 3 == 0)
            reload_put(r, "t/object.so", object);
        else
            reload_overwrite(r, "t/object.so", object);
    }
    reload_put(r, "t/object.so", OBJECT("reload_2"));
    atomic_store(&stop, 1);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    (void)pthread_barrier_destroy(&serving);
    for (int i = 0; i < 2; i++) {
        assert_true(followers[i].calls > 0);
        assert_int_equal(followers[i].wrong, 0);
        assert_int_equal(followers[i].last, 2);
    }
}

static const struct test_case suite[] = {
    TEST_CASE(flights_end_on_the_version_they_began_on),
    TEST_CASE(flights_of_one_module_share_nothing_that_is_static),
    TEST_CASE(a_module_may_be_removed_under_a_flight),
    TEST_CASE(a_bad_version_does_not_disturb_flights),
    TEST_CASE(many_reloads_leave_nothing_behind),
    TEST_CASE(an_object_that_stays_is_not_taken_for_the_next),
    TEST_CASE(two_threads_follow_one_folder),
};

int main(void)
{
    /* Thousands of files that nobody needs on a disk. */
    if (access("/dev/shm", W_OK) == 0)
        (void)setenv("TMPDIR", "/dev/shm", 0);
    return reload_run(suite, sizeof suite / sizeof *suite, true);
}
