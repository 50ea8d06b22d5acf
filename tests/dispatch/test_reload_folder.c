/* A modules folder that changes as a whole: modules and folders that come, go and are renamed,
 * links, and events that are lost. Runs for both policies; without inotify where that can work. */
#include "reload.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char one[] = OBJECT("reload_1"), two[] = OBJECT("reload_2");

/* The module that nothing happens to: it is never opened again. */
static unsigned bystander_calls;

static void open_with_bystander(struct reload *r)
{
    test_folder_copy(&r->folder, "b/stander.so", one);
    reload_open(r);
    bystander_calls = 0;
}

static void expect_bystander(struct reload *r)
{
    bystander_calls = reload_is_call(r) ? 1 : bystander_calls + 1;
    reload_expect(r, "b.stander.calls", bystander_calls);
}

static void make_folder(struct reload *r, const char *name)
{
    assert_int_equal(mkdir(reload_path(r, name), 0755), 0);
}

static void move(struct reload *r, const char *from, const char *to)
{
    assert_int_equal(rename(reload_path(r, from), reload_path(r, to)), 0);
}

/* ---- Modules and folders. ---- */

static void modules_come_and_go(void **state)
{
    struct reload *r = *state;
    open_with_bystander(r);
    for (unsigned round = 0; round < 3; round++) {
        expect_bystander(r);
        reload_expect_none(r, "new.version");
        reload_put(r, "new.so", one);
        reload_expect(r, "new.version", 1);
        reload_overwrite(r, "other.so", two);
        reload_expect(r, "other.version", 2);
        move(r, "new.so", "other.so"); /* the one goes, the other is replaced */
        reload_watch(r);
        reload_expect(r, "other.version", 1);
        reload_expect_none(r, "new.version");
        test_folder_copy(&r->folder, "other_so", two); /* no module's file: nothing to it */
        reload_watch(r);
        reload_expect(r, "other.version", 1);
        assert_int_equal(reload_stats(r).reloads, 1 + round);
        test_folder_delete(&r->folder, "other.so");
        reload_watch(r);
        reload_expect_none(r, "other.version");
        assert_int_equal(reload_mapped("other") + reload_mapped("new"), 0);
    }
    assert_int_equal(reload_stats(r).modules, 3);
    assert_int_equal(reload_stats(r).loads, 1 + 3 * 3);
    assert_int_equal(reload_stats(r).reloads, 3);
    expect_bystander(r);
}

/* Each name is used once, as those of temporary files are. What is gone is forgotten, with its
 * mapping, even if nobody ever asks for it again; a call that began on it ends on it. */
static void names_do_not_pile_up(void **state)
{
    enum { NAMES = 5000, KNOWN_MAX = 1100 };
    struct reload *r = *state;
    static const char *const events[] = {"t.left.version", "t.kept.version", "t.back.version"};
    static const char *const files[] = {"t/left.so", "t/kept.so", "t/back.so", "t/busy.so"};
    char from[32] = "t/n0.so", to[32], event[32];
    open_with_bystander(r);
    for (int i = 0; i < 4; i++)
        reload_put(r, files[i], one);
    for (int i = 0; i < 3; i++)
        reload_expect(r, events[i], 1);
    struct evd_slice later = EVD_SLICE("t.busy.later");
    assert_int_equal(test_start(r->dispatch, &r->call, later, EVD_SLICE("")), EVD_MORE);
    reload_put(r, from, two);
    for (int i = 0; i < 4; i++)
        if (i != 1)
            test_folder_delete(&r->folder, files[i]);
    for (int i = 1; i <= NAMES; i++) {
        (void)snprintf(to, sizeof to, "t/n%d.so", i);
        move(r, from, to);
        reload_watch(r);
        assert_in_range(reload_stats(r).modules, 1, KNOWN_MAX);
        memcpy(from, to, sizeof from);
        if (i % 500 == 0)
            expect_bystander(r);
    }
    assert_int_equal(test_log_count(&r->log, "module t.left is removed", ""), 1);
    assert_int_equal(reload_mapped("t.left") + reload_mapped("t.back"), 0);
    assert_int_equal(reload_mapped("t.busy"), 1);
    assert_int_equal(evd_dispatch_resume(&r->call.flight), EVD_DONE);
    assert_string_equal(r->call.sink.text, "1001");
    assert_int_equal(reload_mapped("t.busy"), 0);
    assert_int_equal(evd_dispatch_endpoints(r->dispatch), 2 * 4); /* the bystander's, kept's */

    (void)snprintf(event, sizeof event, "t.n%d.version", NAMES);
    reload_expect(r, event, 2);
    reload_expect_none(r, "t.n1.version");
    reload_expect_none(r, "t.left.version");
    reload_expect(r, "t.kept.version", 1);
    reload_put(r, "t/back.so", two); /* as if it were new */
    reload_expect(r, "t.back.version", 2);
}

static void folders_come_and_go(void **state)
{
    struct reload *r = *state;
    open_with_bystander(r);
    expect_bystander(r);
    make_folder(r, "api");
    reload_watch(r);
    make_folder(r, "api/billing"); /* three levels between two looks */
    make_folder(r, "api/billing/eu");
    test_folder_copy(&r->folder, "api/billing/eu/x.so", one);
    test_folder_copy(&r->folder, "api/billing/y.so", one);
    reload_watch(r);
    reload_expect(r, "api.billing.eu.x.version", 1);
    reload_expect(r, "api.billing.y.version", 1);
    reload_put(r, "api/billing/eu/x.so", two); /* what is inside is followed */
    reload_expect(r, "api.billing.eu.x.version", 2);
    assert_int_equal(reload_stats(r).reloads, 1);

    move(r, "api/billing", "api/accounts");
    reload_watch(r);
    reload_expect_none(r, "api.billing.y.version");
    reload_expect_none(r, "api.billing.eu.x.version");
    reload_expect(r, "api.accounts.y.version", 1);
    reload_expect(r, "api.accounts.eu.x.version", 2);
    reload_put(r, "api/accounts/eu/x.so", one);
    reload_expect(r, "api.accounts.eu.x.version", 1);

    move(r, "api", "gone"); /* and out of the way, where a file is, and back under its old name */
    test_folder_copy(&r->folder, "api", one);
    reload_watch(r);
    reload_expect_none(r, "api.accounts.eu.x.version");
    reload_expect(r, "gone.accounts.eu.x.version", 1);
    test_folder_delete(&r->folder, "api");
    move(r, "gone", "api");
    reload_watch(r);
    reload_expect(r, "api.accounts.eu.x.version", 1);
    expect_bystander(r);

    test_folder_delete(&r->folder, "api/accounts/eu/x.so");
    assert_int_equal(rmdir(reload_path(r, "api/accounts/eu")), 0);
    reload_watch(r);
    reload_expect_none(r, "api.accounts.eu.x.version");
    make_folder(r, "api/accounts/eu");
    reload_watch(r);
    reload_put(r, "api/accounts/eu/x.so", two);
    reload_expect(r, "api.accounts.eu.x.version", 2);
    expect_bystander(r);
}

static void a_folder_that_is_filled_elsewhere_may_be_moved_in(void **state)
{
    struct reload *r = *state;
    struct test_folder outside;
    char from[200];
    open_with_bystander(r);
    test_folder_make(&outside);
    test_folder_copy(&outside, "api/deep/x.so", one);
    (void)snprintf(from, sizeof from, "%s/api", outside.path);
    assert_int_equal(rename(from, reload_path(r, "api")), 0);
    reload_watch(r);
    reload_expect(r, "api.deep.x.version", 1);
    assert_int_equal(rename(reload_path(r, "api"), from), 0);
    test_folder_copy(&outside, "api/deep/x.so", two); /* nobody looks there any more */
    test_folder_copy(&outside, "api/deep/y.so", two);
    reload_watch(r);
    reload_expect_none(r, "api.deep.x.version");
    reload_expect_none(r, "api.deep.y.version");
    test_folder_remove(&outside);
    expect_bystander(r);
}

/* As deployments do: all at once, by two renames, or by one of a link. */
static void the_modules_folder_itself_may_be_exchanged(void **state)
{
    struct reload *r = *state;
    struct evd_dispatch_config config = test_config(r->arm, &r->log);
    char root[200];
    (void)snprintf(root, sizeof root, "%s/modules", r->folder.path);
    test_folder_copy(&r->folder, "modules/t/object.so", one);
    test_folder_copy(&r->folder, "modules/t/old.so", one);
    test_folder_copy(&r->folder, "next/t/object.so", two);
    test_folder_copy(&r->folder, "next/new/x.so", two);
    config.modules_dir = root;
    r->dispatch = test_open(&config);
    r->log.count = 0;
    reload_expect(r, "t.object.version", 1);
    reload_expect(r, "t.old.version", 1);
    move(r, "modules", "before");
    move(r, "next", "modules");
    reload_watch(r);
    reload_expect(r, "t.object.version", 2);
    reload_expect_none(r, "t.old.version");
    if (reload_no_inotify)
        return;
    reload_expect(r, "new.x.version", 2);
    reload_put(r, "modules/new/x.so", one);
    reload_expect(r, "new.x.version", 1);

    /* Gone for a while: what is known comes back, by looking at every call. */
    move(r, "modules", "away");
    reload_watch(r);
    assert_int_equal(evd_dispatch_watch_fd(r->dispatch), -1);
    assert_int_equal(test_log_count(&r->log, "cannot be watched", "No such file"), 1);
    reload_expect_none(r, "t.object.version");
    move(r, "away", "modules");
    reload_expect(r, "t.object.version", 2);
}

/* ---- Links. ---- */

static void a_link_follows_what_it_leads_to(void **state)
{
    struct reload *r = *state;
    test_folder_copy(&r->folder, "store/one.so", one);
    test_folder_copy(&r->folder, "store/two.so", two);
    test_folder_link(&r->folder, "api/current.so", "../store/one.so");
    test_folder_link(&r->folder, "api/chain.so", "current.so");
    open_with_bystander(r);
    for (int round = 0; round < 3; round++) {
        reload_expect(r, "api.current.version", 1);
        reload_expect(r, "api.chain.version", 1);
        test_folder_link(&r->folder, "api/current.so", "../store/two.so");
        reload_watch(r);
        reload_expect(r, "api.current.version", 2);
        reload_expect(r, "api.chain.version", 2);
        reload_expect(r, "store.two.version", 2);
        reload_overwrite(r, "store/two.so", one); /* the file behind them is replaced */
        reload_expect(r, "api.current.version", 1);
        reload_expect(r, "api.chain.version", 1);
        reload_expect(r, "store.two.version", 1);
        reload_put(r, "store/two.so", two);
        reload_expect(r, "api.chain.version", 2);
        test_folder_link(&r->folder, "api/current.so", "../store/one.so");
        reload_watch(r);
    }
    expect_bystander(r);
    unsigned long long reloads = reload_stats(r).reloads;
    reload_put(r, "b/another.so", two); /* another file's change is nothing to them */
    reload_expect(r, "api.chain.version", 1);
    reload_expect(r, "api.current.version", 1);
    unsigned long long after = reload_stats(r).reloads;
    reload_put(r, "b/another.so", one);
    reload_expect(r, "api.chain.version", 1);
    assert_int_equal(reload_stats(r).reloads, after);
    assert_true(after <= reloads + 2); /* the last switch of the loop */
    expect_bystander(r);
}

static void a_link_that_goes_takes_its_module(void **state)
{
    struct reload *r = *state;
    test_folder_copy(&r->folder, "store/one.so", one);
    test_folder_link(&r->folder, "api/alias.so", "../store/one.so");
    open_with_bystander(r);
    reload_expect(r, "api.alias.version", 1);
    test_folder_delete(&r->folder, "api/alias.so");
    reload_watch(r);
    reload_expect_none(r, "api.alias.version");
    reload_expect(r, "store.one.version", 1);
    test_folder_link(&r->folder, "api/alias.so", "../store/one.so");
    reload_watch(r);
    reload_expect(r, "api.alias.version", 1);

    /* What it leads to goes: that is a bad version, the link is still there. */
    test_folder_delete(&r->folder, "store/one.so");
    reload_watch(r);
    reload_expect_none(r, "store.one.version");
    r->log.count = 0;
    for (int i = 0; i < 3; i++)
        reload_expect(r, "api.alias.version", 1);
    assert_int_equal(test_log_count(&r->log, "api.alias does not load", "keeps serving"), 1);
    reload_put(r, "store/one.so", two);
    reload_expect(r, "api.alias.version", 2);

    /* And it never leads outside. */
    test_folder_link(&r->folder, "api/alias.so", one);
    reload_watch(r);
    r->log.count = 0;
    for (int i = 0; i < 3; i++)
        reload_expect(r, "api.alias.version", 2);
    assert_int_equal(test_log_count(&r->log, "api.alias does not load", "symbolic link"), 1);
    assert_int_equal(r->log.count, 1);
    expect_bystander(r);
}

/* ---- When watching comes to its limits. ---- */

static void lost_events_lose_nothing(void **state)
{
    struct reload *r = *state;
    long most = 0;
    FILE *limit = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
    if (limit == NULL || fscanf(limit, "%ld", &most) != 1 || most > 200000)
        skip();
    (void)fclose(limit);
    test_folder_copy(&r->folder, "t/object.so", one);
    test_folder_copy(&r->folder, "t/removed.so", one);
    test_folder_copy(&r->folder, "t/noise", one);
    open_with_bystander(r);
    expect_bystander(r);
    reload_expect(r, "t.object.version", 1);
    reload_expect(r, "t.removed.version", 1);
    for (long i = 0; i < most / 4 + 1; i++) {
        move(r, "t/noise", "t/other");
        move(r, "t/other", "t/noise");
    }
    test_folder_copy(&r->folder, "t/object.so", two); /* none of these is told of */
    test_folder_copy(&r->folder, "late/x.so", two);
    test_folder_delete(&r->folder, "t/removed.so");
    struct pollfd fd = {.fd = evd_dispatch_watch_fd(r->dispatch), .events = POLLIN};
    for (int i = 0; i < 1000 && poll(&fd, 1, 0) == 1; i++)
        reload_watch(r);
    reload_expect(r, "t.object.version", 2);
    reload_expect(r, "late.x.version", 2);
    reload_expect_none(r, "t.removed.version");
    expect_bystander(r);
    assert_int_equal(reload_stats(r).reloads, 1);
    reload_put(r, "late/x.so", one); /* and it goes on */
    reload_expect(r, "late.x.version", 1);
}

static void past_a_limit(struct reload *r, int error)
{
    test_folder_copy(&r->folder, "t/object.so", one);
    open_with_bystander(r);
    expect_bystander(r);
    reload_expect(r, "t.object.version", 1);
    reload_add_error = error;
    make_folder(r, "api");
    reload_watch(r);
    assert_int_equal(evd_dispatch_watch_fd(r->dispatch), -1);
    assert_int_equal(test_log_count(&r->log, "/api cannot be watched", strerror(error)), 1);
    assert_int_equal(r->log.count, 1);
    for (int i = 0; i < 3; i++) {
        reload_put(r, "t/object.so", two);
        reload_expect(r, "t.object.version", 2);
        reload_put(r, "t/object.so", one);
        reload_expect(r, "t.object.version", 1);
        expect_bystander(r);
    }
}

static void past_the_limit_of_watches_files_are_looked_at(void **state)
{
    past_a_limit(*state, ENOSPC);
}

static void without_memory_to_watch_files_are_looked_at(void **state)
{
    past_a_limit(*state, ENOMEM);
}

/* A folder that is gone before it could be watched, or is closed to us, is no limit. */
static void a_folder_that_cannot_be_watched_is_passed_over(void **state)
{
    struct reload *r = *state;
    static const int errors[] = {ENOENT, ENOTDIR, EACCES};
    test_folder_copy(&r->folder, "t/object.so", one);
    open_with_bystander(r);
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "api%zu", i);
        reload_add_error = errors[i];
        make_folder(r, name);
        reload_watch(r);
        reload_add_error = 0;
        assert_true(evd_dispatch_watch_fd(r->dispatch) >= 0);
        reload_put(r, "t/object.so", i % 2 == 0 ? two : one);
        reload_expect(r, "t.object.version", i % 2 == 0 ? 2 : 1);
    }
    assert_int_equal(test_log_count(&r->log, "cannot be watched", ""), 0);
    expect_bystander(r);
}

static const struct test_case watched[] = {
    TEST_CASE(modules_come_and_go),
    TEST_CASE(names_do_not_pile_up),
    TEST_CASE(folders_come_and_go),
    TEST_CASE(a_folder_that_is_filled_elsewhere_may_be_moved_in),
    TEST_CASE(lost_events_lose_nothing),
    TEST_CASE(past_the_limit_of_watches_files_are_looked_at),
    TEST_CASE(without_memory_to_watch_files_are_looked_at),
    TEST_CASE(a_folder_that_cannot_be_watched_is_passed_over),
};

static const struct test_case either[] = {
    TEST_CASE(the_modules_folder_itself_may_be_exchanged),
    TEST_CASE(a_link_follows_what_it_leads_to),
    TEST_CASE(a_link_that_goes_takes_its_module),
};

int main(void)
{
    int failed = reload_run(watched, sizeof watched / sizeof *watched, false);
    return failed + reload_run(either, sizeof either / sizeof *either, true);
}
