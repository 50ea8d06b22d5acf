/* One module of the dynamic backend whose file is replaced, by what and in whichever way. Runs for
 * both policies, with inotify and without. */
#include "reload.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const objects[] = {OBJECT("reload_1"), OBJECT("reload_2")};

/* ---- The ways. ---- */

static void by_rename(struct reload *r, const char *object)
{
    reload_put(r, "t/object.so", object);
}

static void by_overwriting(struct reload *r, const char *object)
{
    reload_overwrite(r, "t/object.so", object);
}

/* As linkers do: the file has its length first, and is written through a mapping. */
static void by_mapping(struct reload *r, const char *object)
{
    char *bytes;
    size_t len;
    test_read_file(object, &bytes, &len);
    int fd = open(reload_path(r, "t/object.so"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_int_equal(ftruncate(fd, (off_t)(len + r->written++ % 64)), 0);
    char *map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(map != MAP_FAILED);
    memcpy(map, bytes, len);
    assert_int_equal(munmap(map, len), 0);
    (void)close(fd);
    free(bytes);
    reload_watch(r);
}

static void by_deleting_and_writing(struct reload *r, const char *object)
{
    test_folder_delete(&r->folder, "t/object.so");
    reload_watch(r);
    reload_overwrite(r, "t/object.so", object);
}

static void by_deleting_and_linking(struct reload *r, const char *object)
{
    test_folder_copy(&r->folder, "elsewhere", object);
    test_folder_delete(&r->folder, "t/object.so");
    assert_int_equal(link(reload_path(r, "elsewhere"), reload_path(r, "t/object.so")), 0);
    reload_watch(r);
}

static void (*const ways[])(struct reload *, const char *) = {
    by_rename, by_overwriting, by_mapping, by_deleting_and_writing, by_deleting_and_linking};
enum { WAYS = sizeof ways / sizeof *ways };

/* The next call is the new version's, beginning anew; nothing is loaded twice. */
static void every_way_of_replacing_is_seen(void **state)
{
    enum { ROUNDS = 4 };
    struct reload *r = *state;
    reload_put(r, "t/object.so", objects[0]);
    reload_open(r);
    reload_expect(r, "t.object.version", 1);
    for (int i = 0; i < WAYS * ROUNDS; i++) {
        ways[i % WAYS](r, objects[(i + 1) % 2]);
        for (unsigned call = 1; call <= 3; call++) {
            reload_expect(r, "t.object.version", (unsigned)(i + 1) % 2 + 1);
            reload_expect(r, "t.object.count", reload_is_call(r) ? 1 : call);
            reload_expect(r, "t.object.calls", reload_is_call(r) ? 1 : call);
        }
        assert_int_equal(reload_stats(r).reloads, i + 1);
        assert_int_equal(reload_mapped("t.object"), !reload_is_call(r));
    }
    assert_int_equal(reload_stats(r).loads, WAYS * ROUNDS + 1);
    assert_int_equal(reload_stats(r).load_failures, 0);
    assert_int_equal(reload_stats(r).modules, 1);
    assert_int_equal(test_log_count(&r->log, "module t.object is replaced", ""), WAYS * ROUNDS);
    assert_int_equal(r->log.count, WAYS * ROUNDS);
}

/* ---- What differs between versions. ---- */

static void functions_are_those_of_the_version(void **state)
{
    struct reload *r = *state;
    reload_put(r, "t/object.so", OBJECT("reload_1"));
    reload_open(r);
    for (int round = 0; round < 3; round++) {
        reload_expect(r, "t.object.version", 1);
        reload_expect(r, "t.object.calls", 1);
        reload_expect(r, "t.object.count", 1);
        reload_expect_none(r, "t.object.extra");
        assert_int_equal(evd_dispatch_endpoints(r->dispatch), 4);
        reload_put(r, "t/object.so", OBJECT("reload_3")); /* others, and in another order */
        reload_expect_none(r, "t.object.count");
        reload_expect(r, "t.object.version", 3);
        reload_expect(r, "t.object.extra", 1);
        reload_expect(r, "t.object.calls", 1);
        assert_int_equal(evd_dispatch_endpoints(r->dispatch), 4);
        reload_put(r, "t/object.so", OBJECT("reload_1"));
    }
}

static void the_state_may_be_of_another_size(void **state)
{
    struct reload *r = *state;
    reload_put(r, "t/object.so", OBJECT("reload_1"));
    reload_open(r);
    for (int round = 0; round < 6; round++) {
        for (unsigned call = 1; call <= 3; call++)
            reload_expect(r, "t.object.calls", reload_is_call(r) ? 1 : call);
        reload_put(r, "t/object.so", round % 2 == 0 ? OBJECT("reload_big") : OBJECT("reload_1"));
    }
}

/* ---- Versions that cannot serve. ---- */

static char half[1 << 20]; /* of reload_2, then zeros to its length */

static const struct {
    const char *object; /* NULL: bytes */
    const char *reason;
    double part; /* of reload_2; negative: zeros follow to its length */
} bad[] = {
    {OBJECT("reload_open"), "its open() failed", 0},
    {OBJECT("other_abi"), "its ABI version is", 0},
    {OBJECT("other_size"), "its struct evd_module has 8 bytes", 0},
    {OBJECT("no_entry"), "evd_module_entry", 0},
    {OBJECT("undefined"), "evd_test_symbol_of_nobody", 0},
    {OBJECT("no_library"), "libevd_test_gone.so", 0},
    {OBJECT("no_functions"), "it declares 0 functions", 0},
    {NULL, "not a shared object", 0.},
    {NULL, "truncated", .01},
    {NULL, "truncated", .3},
    {NULL, "half-written", -.3},
};
enum { BAD = sizeof bad / sizeof *bad };

static void put_bad(struct reload *r, size_t which)
{
    char *bytes;
    size_t len;
    if (bad[which].object != NULL) {
        ways[which % WAYS](r, bad[which].object);
        return;
    }
    test_read_file(objects[1], &bytes, &len);
    assert_true(len <= sizeof half);
    double part = bad[which].part < 0 ? -bad[which].part : bad[which].part;
    size_t kept = (size_t)((double)len * part);
    memset(half, 0, sizeof half);
    memcpy(half, bytes, kept);
    free(bytes);
    reload_bytes(r, "t/object.so", half, bad[which].part < 0 ? len : kept);
}

static void expect_one_line(struct reload *r, const char *reason, const char *end)
{
    if (r->log.count != 1 ||
        test_log_count(&r->log, "module t.object does not load", reason) != 1 ||
        test_log_count(&r->log, end, "") != 1)
        fail_msg("%zu lines, the first: \"%s\"; expected one with \"%s\" and \"%s\"", r->log.count,
                 r->log.lines[0], reason, end);
    r->log.count = 0;
}

static void a_bad_version_leaves_the_old_one_serving(void **state)
{
    struct reload *r = *state;
    unsigned calls = 0;
    reload_put(r, "t/object.so", objects[0]);
    reload_open(r);
    reload_expect(r, "t.object.calls", ++calls);
    for (size_t i = 0; i < BAD; i++) {
        put_bad(r, i);
        r->log.count = 0;
        reload_opened = 0;
        for (int call = 0; call < 3; call++) {
            reload_expect(r, "t.object.calls", reload_is_call(r) ? 1 : ++calls);
            reload_expect(r, "t.object.version", 1);
        }
        assert_true(reload_opened <= (reload_is_call(r) ? 7 : 1)); /* it is tried once */
        expect_one_line(r, bad[i].reason, "; the old version keeps serving");
        assert_int_equal(reload_stats(r).load_failures, i + 1);
        assert_int_equal(reload_stats(r).reloads, 0);
        assert_int_equal(reload_mapped("t.object"), !reload_is_call(r));
    }
    by_overwriting(r, objects[1]);
    reload_expect(r, "t.object.version", 2);
    assert_int_equal(reload_stats(r).reloads, 1);
}

static void a_bad_first_version_is_told_once(void **state)
{
    struct reload *r = *state;
    reload_put(r, "t/object.so", objects[0]);
    reload_open(r);
    for (size_t i = 0; i < BAD; i++) {
        bool open_fails = strstr(bad[i].reason, "open()") != NULL; /* is tried with every call */
        put_bad(r, i);
        r->log.count = 0;
        for (int call = 0; call < 4; call++) {
            test_expect_error(r->dispatch, call % 2 == 0 ? "t.object.version" : "t.object.nosuch",
                              "", open_fails ? EVD_ERR_OPEN_FAILED : EVD_ERR_LOAD_FAILED, NULL);
        }
        expect_one_line(r, bad[i].reason, bad[i].reason);
        assert_int_equal(evd_dispatch_endpoints(r->dispatch), 0);
        if (i % 2 == 0)
            continue; /* the next bad one follows at once */
        reload_put(r, "t/object.so", objects[1]);
        reload_expect(r, "t.object.version", 2);
        test_folder_delete(&r->folder, "t/object.so");
        reload_watch(r);
        reload_expect_none(r, "t.object.version");
        reload_put(r, "t/object.so", objects[0]); /* never called */
    }
}

/* One that refuses to open is tried with every call, and told once; again when another has served
 * in between. */
static void a_refusal_is_told_again_after_a_good_version(void **state)
{
    struct reload *r = *state;
    reload_put(r, "t/object.so", OBJECT("reload_open"));
    reload_open(r);
    for (unsigned told = 1; told <= 2; told++) {
        for (int call = 0; call < 2; call++)
            test_expect_error(r->dispatch, "t.object.version", "", EVD_ERR_OPEN_FAILED, NULL);
        assert_int_equal(test_log_count(&r->log, "its open() failed", ""), told);
        reload_put(r, "t/object.so", objects[1]);
        reload_expect(r, "t.object.version", 2);
        test_folder_delete(&r->folder, "t/object.so");
        reload_watch(r);
        reload_expect_none(r, "t.object.version");
        reload_put(r, "t/object.so", OBJECT("reload_open"));
    }
}

/* ---- A file that is being written. ---- */

static int write_part(struct reload *r, int fd, const char *bytes, size_t len)
{
    if (fd < 0)
        fd = open(reload_path(r, "t/object.so"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    reload_watch(r);
    return fd;
}

/* In steps; a call between them meets what served before, and nothing is logged. */
static void a_half_written_file_is_waited_for(void **state)
{
    enum { STEPS = 5 };
    struct reload *r = *state;
    char *bytes;
    size_t len;
    test_read_file(objects[1], &bytes, &len);
    reload_put(r, "t/object.so", objects[0]);
    reload_open(r);
    for (int round = 0; round < 4; round++) {
        bool first = round == 1 || round == 3; /* there is no old version */
        if (first) {
            test_folder_delete(&r->folder, "t/object.so");
            reload_watch(r);
            reload_expect_none(r, "t.object.version");
        } else {
            reload_put(r, "t/object.so", objects[0]);
            reload_expect(r, "t.object.version", 1);
        }
        r->log.count = 0;
        int fd = -1;
        for (size_t step = 0; step < STEPS; step++) {
            size_t from = len * step / STEPS;
            fd = write_part(r, fd, bytes + from, len * (step + 1) / STEPS - from);
            if (first)
                test_expect_error(r->dispatch, "t.object.version", "", EVD_ERR_LOAD_FAILED, NULL);
            else
                reload_expect(r, "t.object.version", 1);
        }
        assert_int_equal(r->log.count, 0);
        (void)close(fd);
        /* That it was closed is told of before another process may lease it: a call that came in
         * between has looked already, and no other event will come. */
        if (round < 2 || !first)
            reload_watch(r);
        reload_expect(r, "t.object.version", 2);
    }
    assert_int_equal(reload_stats(r).load_failures, 0);
    free(bytes);
}

/* The writer is cut off by a limit, as by a full disk: what it wrote stays. */
static void write_limited(const char *path, const char *bytes, size_t len)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        const struct rlimit limit = {.rlim_cur = len / 2, .rlim_max = len / 2};
        (void)signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
            _exit(2);
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
        while (len > 0) {
            ssize_t n = write(fd, bytes, len);
            if (n < 0)
                _exit(errno == EFBIG ? 0 : 1);
            bytes += n;
            len -= (size_t)n;
        }
        _exit(3);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void what_a_limit_cut_off_is_not_served(void **state)
{
    struct reload *r = *state;
    char *bytes;
    size_t len;
    test_read_file(objects[1], &bytes, &len);
    reload_put(r, "t/object.so", objects[0]);
    reload_open(r);
    reload_expect(r, "t.object.version", 1);
    write_limited(reload_path(r, "t/object.so"), bytes, len);
    free(bytes);
    reload_watch(r);
    for (int i = 0; i < 3; i++)
        reload_expect(r, "t.object.version", 1);
    assert_int_equal(reload_stats(r).load_failures, 1);
    by_overwriting(r, objects[1]);
    reload_expect(r, "t.object.version", 2);
}

/* A real one, small, in a mount namespace of a child's own. Exit status 77: not allowed here. */
static int serve_from_full_disk(struct reload *r)
{
    char *bytes, options[64];
    size_t len;
    test_read_file(objects[1], &bytes, &len);
    (void)snprintf(options, sizeof options, "size=%zu", len + len / 2);
    if (unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) < 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", r->folder.path, "tmpfs", 0, options) < 0)
        return 77;
    reload_put(r, "t/object.so", objects[0]);
    reload_open(r);
    reload_expect(r, "t.object.version", 1);
    int fd = open(reload_path(r, "t/.new"), O_WRONLY | O_CREAT, 0644);
    ssize_t wrote = write(fd, bytes, len);
    if (wrote <= 0 || (size_t)wrote >= len)
        return 3;
    (void)close(fd);
    if (rename(reload_path(r, "t/.new"), reload_path(r, "t/object.so")) < 0)
        return 4;
    reload_watch(r);
    for (int i = 0; i < 3; i++)
        reload_expect(r, "t.object.version", 1);
    reload_put(r, "t/object.so", objects[1]); /* there is room for one and a half */
    reload_expect(r, "t.object.version", 2);
    free(bytes);
    return reload_stats(r).load_failures == 1 ? 0 : 5;
}

static void what_a_full_disk_cut_off_is_not_served(void **state)
{
    struct reload *r = *state;
    int status;
    (void)fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int rc = serve_from_full_disk(r);
        evd_dispatch_close(r->dispatch);
        _exit(rc);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(status, 0);
}

static const struct test_case suite[] = {
    TEST_CASE(every_way_of_replacing_is_seen),
    TEST_CASE(functions_are_those_of_the_version),
    TEST_CASE(the_state_may_be_of_another_size),
    TEST_CASE(a_bad_version_leaves_the_old_one_serving),
    TEST_CASE(a_bad_first_version_is_told_once),
    TEST_CASE(a_refusal_is_told_again_after_a_good_version),
    TEST_CASE(a_half_written_file_is_waited_for),
    TEST_CASE(what_a_limit_cut_off_is_not_served),
    TEST_CASE(what_a_full_disk_cut_off_is_not_served),
};

int main(void)
{
    return reload_run(suite, sizeof suite / sizeof *suite, true);
}
