/* Modules are replaced under full load, thousands of times: in place and by rename, by good
 * versions and broken ones. No call fails or is lost, each is answered by a version that was there,
 * and the first call after a replacement by the new one.
 *
 * EVD_TEST_RELOADS=N: how many replacements for each policy; the default is what CTest has time
 * for.
 */
#include "harness.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_THREAD__)
enum { RELOADS_DEFAULT = 200, SANITIZED = 1 };
#elif defined(__SANITIZE_ADDRESS__)
enum { RELOADS_DEFAULT = 400, SANITIZED = 1 };
#else
enum { RELOADS_DEFAULT = 1000, SANITIZED = 0 };
#endif

enum {
    LOADERS = 6,               /* connections under load, each in a thread */
    DEPTH = 8,                 /* calls in flight on each */
    WARM = 100,                /* replacements before memory is looked at */
    MORE_MAX = 100000,         /* replacements until each of the load has met both versions */
    RSS_GROWTH_MAX = 4 * 1024, /* KiB */
    PATIENCE = 30,             /* seconds; only when something is broken */
    FRAME_HEADER = 20,
    IMAGE_MAX = 4 * 1024 * 1024,
};

/* ---- The load. ---- */

struct load {
    const char *address;
    atomic_bool *stop;
    bool frames, waits; /* waits: one call of each batch is unfinished for a while */
    pthread_t thread;
    unsigned long long calls, wrong;
    atomic_ullong by_a, by_b;
    char first_wrong[200];
};

static size_t put_call(const struct load *load, char *out, unsigned long long id, const char *event)
{
    if (!load->frames)
        return (size_t)sprintf(out, "{\"id\":%llu,\"event\":\"%s\"}\n", id, event);
    size_t len = strlen(event);
    memset(out, 0, FRAME_HEADER);
    out[0] = (char)0xED;
    out[1] = 1; /* a call */
    out[2] = 1; /* it has an id */
    out[7] = (char)len;
    for (int i = 0; i < 8; i++)
        out[15 - i] = (char)(id >> (8 * i));
    out[17] = (char)len;
    memcpy(out + FRAME_HEADER, event, len);
    return FRAME_HEADER + len;
}

static void check(struct load *load, const char *got, size_t len, const char *a, const char *b,
                  size_t expected)
{
    bool is_a = len == expected && memcmp(got, a, len) == 0;
    bool is_b = len == expected && memcmp(got, b, len) == 0;
    load->by_a += is_a;
    load->by_b += is_b;
    if (!is_a && !is_b && load->wrong++ == 0)
        (void)snprintf(load->first_wrong, sizeof load->first_wrong, "%.*s instead of %.*s",
                       (int)len, got, (int)expected, a);
}

static bool read_exactly(FILE *in, char *out, size_t len)
{
    return fread(out, 1, len, in) == len;
}

/* One answer, which must be this id's. False: there is none. */
static bool take_answer(struct load *load, FILE *in, unsigned long long id)
{
    char got[512], a[128], b[128];
    if (!load->frames) {
        size_t expected = (size_t)sprintf(a, "{\"id\":%llu,\"data\":\"A\"}\n", id);
        (void)sprintf(b, "{\"id\":%llu,\"data\":\"B\"}\n", id);
        if (fgets(got, sizeof got, in) == NULL)
            return false;
        check(load, got, strlen(got), a, b, expected);
        return true;
    }
    (void)put_call(load, a, id, "");
    a[1] = 2; /* a reply */
    a[7] = 3;
    memcpy(b, a, FRAME_HEADER);
    memcpy(a + FRAME_HEADER, "\"A\"", 3);
    memcpy(b + FRAME_HEADER, "\"B\"", 3);
    if (!read_exactly(in, got, FRAME_HEADER))
        return false;
    size_t len = (size_t)(unsigned char)got[6] << 8 | (unsigned char)got[7];
    if (len > sizeof got - FRAME_HEADER || !read_exactly(in, got + FRAME_HEADER, len))
        return false;
    check(load, got, FRAME_HEADER + len, a, b, FRAME_HEADER + 3);
    return true;
}

/* Batch after batch, until it is told to stop; what was sent is always answered first. */
static void *run_load(void *context)
{
    struct load *load = context;
    int fd = client_connect(load->address);
    FILE *in = fdopen(fd, "rb");
    char batch[DEPTH * 128];
    unsigned long long id = 0;
    while (!atomic_load(load->stop) && load->wrong == 0) {
        size_t len = 0;
        for (int i = 0; i < DEPTH; i++)
            len += put_call(load, batch + len, id + (unsigned)i,
                            load->waits && i == DEPTH / 2 ? "reload.later" : "reload.version");
        client_send(fd, batch, len);
        for (int i = 0; i < DEPTH; i++, id++, load->calls++) {
            if (!take_answer(load, in, id) && load->wrong++ == 0)
                (void)snprintf(load->first_wrong, sizeof load->first_wrong, "no answer to %llu",
                               id);
        }
    }
    (void)fclose(in);
    return NULL;
}

/* ---- What the server says. ---- */

struct listener {
    FILE *in;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t came;
    unsigned long long replaced, failed, serving, other;
    char first_other[256], counters[512];
};

static void *listen_to(void *context)
{
    struct listener *listener = context;
    char line[1024];
    while (fgets(line, sizeof line, listener->in) != NULL) {
        (void)pthread_mutex_lock(&listener->lock);
        if (line[0] == '{') {
            (void)snprintf(listener->counters, sizeof listener->counters, "%.500s", line);
            (void)pthread_cond_signal(&listener->came);
        } else if (strstr(line, "module reload is replaced") != NULL) {
            listener->replaced++;
        } else if (strstr(line, "module reload does not load") != NULL) {
            listener->failed++;
            listener->serving += strstr(line, "; the old version keeps serving") != NULL;
        } else if (strstr(line, "module extra is removed") == NULL && listener->other++ == 0) {
            (void)snprintf(listener->first_other, sizeof listener->first_other, "%.250s", line);
        }
        (void)pthread_mutex_unlock(&listener->lock);
    }
    return NULL;
}

static void start_listening(struct listener *listener, const struct server *server)
{
    *listener = (struct listener){.in = fdopen(dup(server->err), "r")};
    assert_non_null(listener->in);
    assert_int_equal(pthread_mutex_init(&listener->lock, NULL), 0);
    assert_int_equal(pthread_cond_init(&listener->came, NULL), 0);
    assert_int_equal(pthread_create(&listener->thread, NULL, listen_to, listener), 0);
}

/* The counters, by SIGUSR1. */
static unsigned long long counter(const struct listener *listener, const char *name)
{
    char key[64];
    (void)snprintf(key, sizeof key, "\"%s\":", name);
    const char *found = strstr(listener->counters, key);
    if (found == NULL)
        fail_msg("no %s in %s", name, listener->counters);
    return strtoull(found + strlen(key), NULL, 10);
}

static void ask_for_counters(struct listener *listener, const struct server *server)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE;
    int rc = 0;
    (void)pthread_mutex_lock(&listener->lock);
    (void)kill(server->pid, SIGUSR1);
    while (listener->counters[0] == '\0' && rc == 0)
        rc = pthread_cond_timedwait(&listener->came, &listener->lock, &until);
    (void)pthread_mutex_unlock(&listener->lock);
    assert_int_equal(rc, 0);
}

/* ---- What the server holds. ---- */

struct held {
    size_t descriptors, mappings, images;
    long rss; /* KiB */
};

static struct held held_by(const struct server *server)
{
    struct held held = {0};
    char path[64], line[512];
    (void)snprintf(path, sizeof path, "/proc/%d/fd", (int)server->pid);
    DIR *fds = opendir(path);
    assert_non_null(fds);
    while (readdir(fds) != NULL)
        held.descriptors++;
    (void)closedir(fds);
    (void)snprintf(path, sizeof path, "/proc/%d/maps", (int)server->pid);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        held.mappings++;
        held.images += strstr(line, "/memfd:") != NULL;
    }
    (void)fclose(file);
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)server->pid);
    file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL)
        (void)sscanf(line, "VmRSS: %ld", &held.rss);
    (void)fclose(file);
    return held;
}

/* ---- The files. ---- */

struct file {
    char *bytes;
    size_t len;
};

enum { GOOD_A, GOOD_B, BAD_OPEN, BAD_HALF, BAD_TEXT, FILES };

static struct file files[FILES];

static void read_object(struct file *file, const char *name)
{
    char path[500];
    (void)snprintf(path, sizeof path, EVD_RELOAD_OBJECTS "/%s.so", name);
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    file->bytes = malloc(IMAGE_MAX);
    assert_non_null(file->bytes);
    file->len = fread(file->bytes, 1, IMAGE_MAX, in);
    assert_in_range(file->len, 1, IMAGE_MAX - 1);
    (void)fclose(in);
}

static void write_file(const char *path, const struct file *file)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    size_t half = file->len / 2; /* in two steps: there is something to see in between */
    assert_int_equal(write(fd, file->bytes, half), half);
    assert_int_equal(write(fd, file->bytes + half, file->len - half), file->len - half);
    assert_int_equal(close(fd), 0);
}

static void replace(const char *dir, const char *name, const struct file *file, bool in_place)
{
    char path[200], temporary[200];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    (void)snprintf(temporary, sizeof temporary, "%s/.new", dir);
    write_file(in_place ? path : temporary, file);
    if (!in_place)
        assert_int_equal(rename(temporary, path), 0);
}

/* ---- The test. ---- */

struct tally {
    unsigned long long good, bad, extras;
};

/* Nothing is in flight on this connection: what it is answered is what holds now. */
static void expect_now(int fd, const char *event, const char *answer)
{
    char text[200];
    (void)snprintf(text, sizeof text, "{\"event\":\"%s\"}\n", event);
    client_send_text(fd, text);
    (void)client_read_line(fd, text, sizeof text);
    assert_string_equal(text, answer);
}

static const char *const answers[] = {"{\"data\":\"A\"}", "{\"data\":\"B\"}"};
#define NO_SUCH "{\"error\":{\"code\":\"no_such_function\",\"message\":\"Version doesn't exist\"}}"

static void replace_once(int fd, const char *dir, unsigned i, struct tally *tally)
{
    bool in_place = i % 3 != 0;
    if (i % 2 == 0) {
        replace(dir, "reload.so", &files[++tally->good % 2 == 0 ? GOOD_A : GOOD_B], in_place);
    } else {
        replace(dir, "reload.so", &files[BAD_OPEN + tally->bad % (FILES - BAD_OPEN)], in_place);
        tally->bad++;
    }
    expect_now(fd, "reload.version", answers[tally->good % 2]);
    if (i % 10 == 0) { /* another module comes, and goes */
        char path[200];
        (void)snprintf(path, sizeof path, "%s/extra.so", dir);
        expect_now(fd, "extra.version", NO_SUCH);
        replace(dir, "extra.so", &files[GOOD_B], false);
        expect_now(fd, "extra.version", answers[1]);
        assert_int_equal(unlink(path), 0);
        expect_now(fd, "extra.version", NO_SUCH);
        tally->extras++;
    }
}

/* Each has met both versions: there is a load. */
static bool all_met_both(struct load *loads)
{
    bool both = true;
    for (int i = 0; i < LOADERS; i++)
        both = both && loads[i].by_a > 0 && loads[i].by_b > 0;
    return both;
}

static void stop_load(struct load *loads, atomic_bool *stop)
{
    atomic_store(stop, true);
    for (int i = 0; i < LOADERS; i++)
        assert_int_equal(pthread_join(loads[i].thread, NULL), 0);
    for (int i = 0; i < LOADERS; i++) {
        if (loads[i].wrong > 0)
            fail_msg("%llu of %llu answers were wrong, the first: %s", loads[i].wrong,
                     loads[i].calls, loads[i].first_wrong);
        assert_int_equal(loads[i].by_a + loads[i].by_b, loads[i].calls);
    }
    assert_true(all_met_both(loads));
}

static void expect_nothing_left(int fd, const struct server *server, const struct held *before,
                                const struct held *warm)
{
    /* Each call is a turn of the server's loop, in which it may see that the load is gone. */
    struct held after = held_by(server);
    if (server_workers() > 1)
        return; /* what a worker has loaded by then depends on who came to it */
    for (int i = 0;
         i < 100000 && (after.descriptors > before->descriptors || after.images > before->images);
         i++) {
        expect_now(fd, "nosuch.version", NO_SUCH);
        after = held_by(server);
    }
    assert_int_equal(after.descriptors, before->descriptors);
    assert_int_equal(after.images, before->images);
    if (!SANITIZED) { /* a sanitizer keeps what was freed, for a while */
        assert_in_range(after.mappings, 1, before->mappings + 4);
        if (after.rss > warm->rss + RSS_GROWTH_MAX)
            fail_msg("%ld KiB grew to %ld", warm->rss, after.rss);
    }
}

static void check_reloads(const char *policy)
{
    struct server server;
    struct listener listener;
    struct load loads[LOADERS];
    struct tally tally = {0};
    struct held warm = {0};
    atomic_bool stop = false;
    const char *wanted = getenv("EVD_TEST_RELOADS");
    unsigned reloads = wanted != NULL ? (unsigned)strtoul(wanted, NULL, 10) : RELOADS_DEFAULT;
    char dir[100], option[140];

    (void)snprintf(dir, sizeof dir, "%s/%s", scratch_dir(), strrchr(policy, '=') + 1);
    (void)snprintf(option, sizeof option, "--modules=%s", dir);
    assert_int_equal(mkdir(dir, 0700), 0);
    replace(dir, "reload.so", &files[GOOD_A], false);
    const char *args[] = {"--dispatch=dynamic", policy, option, NULL};
    server_start(&server, args);
    start_listening(&listener, &server);
    int fd = client_connect(server.addresses[0]);
    expect_now(fd, "reload.version", answers[0]);
    struct held before = held_by(&server);
    for (int i = 0; i < LOADERS; i++) {
        loads[i] = (struct load){
            .address = server.addresses[0], .stop = &stop, .frames = i % 2 == 1, .waits = i < 2};
        assert_int_equal(pthread_create(&loads[i].thread, NULL, run_load, &loads[i]), 0);
    }
    for (unsigned i = 0; i < reloads || !all_met_both(loads); i++) {
        assert_true(i < reloads + MORE_MAX);
        if (i == WARM)
            warm = held_by(&server);
        replace_once(fd, dir, i, &tally);
    }
    stop_load(loads, &stop);
    expect_nothing_left(fd, &server, &before, &warm);

    ask_for_counters(&listener, &server);
    assert_int_equal(counter(&listener, "reloads"), tally.good);
    assert_int_equal(counter(&listener, "loads"), 1 + tally.good + tally.extras);
    assert_int_equal(counter(&listener, "load_failures"), tally.bad);
    assert_int_equal(counter(&listener, "modules"), 2);
    (void)close(fd);
    (void)kill(server.pid, SIGTERM);
    assert_int_equal(pthread_join(listener.thread, NULL), 0); /* it has read to the end */
    (void)fclose(listener.in);
    assert_int_equal(server_wait(&server), 0);
    /* One line each, however many calls there were; repeats within a second are left out. */
    assert_in_range(listener.replaced, 1, tally.good);
    assert_in_range(listener.failed, 1, tally.bad);
    assert_int_equal(listener.serving, listener.failed);
    if (listener.other > 0)
        fail_msg("the server said %s", listener.first_other);
    unsigned long long calls = 0;
    for (int i = 0; i < LOADERS; i++)
        calls += loads[i].calls;
    print_message("%s: %u replacements under %llu calls\n", policy, reloads, calls);
}

static void test_reload_cached(void **state)
{
    (void)state;
    check_reloads("--dynamic-load=cached");
}

static void test_reload_call(void **state)
{
    (void)state;
    check_reloads("--dynamic-load=call");
}

static int read_files(void **state)
{
    (void)state;
    static char text[] = "This is no shared object, and never was.\n";
    read_object(&files[GOOD_A], "reload_a");
    read_object(&files[GOOD_B], "reload_b");
    read_object(&files[BAD_OPEN], "reload_refuses");
    files[BAD_HALF] = (struct file){files[GOOD_B].bytes, files[GOOD_B].len / 3};
    files[BAD_TEXT] = (struct file){text, sizeof text - 1};
    return 0;
}

static int free_files(void **state)
{
    (void)state;
    for (int i = GOOD_A; i <= BAD_OPEN; i++)
        free(files[i].bytes);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reload_cached),
        cmocka_unit_test(test_reload_call),
    };
    return cmocka_run_group_tests(tests, read_files, free_files);
}
