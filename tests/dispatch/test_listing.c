/* listing.h: which files of the modules folder are modules, and under which names. */
#include "dispatch/listing.h"

#include "dispatch_test.h"
#include "folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOUND_MAX 64

struct found {
    char name[EVD_EVENT_MAX + 1], path[512];
};

struct fixture {
    struct test_folder folder;
    struct test_log log;
    struct evd_dispatch_config config;
    struct evd_listing listing;
    size_t count, folder_count; /* of what the visits since list() found */
    struct found list[FOUND_MAX], folders[FOUND_MAX];
    int refuse; /* a negative status: what the visitor returns */
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (f == NULL)
        return -1;
    test_folder_make(&f->folder);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    test_folder_remove(&f->folder);
    free(f);
    return 0;
}

static void touch(struct fixture *f, const char *name)
{
    test_folder_write(&f->folder, name, "", 0);
}

static int note(struct found *list, size_t *count, const char *name, const char *path)
{
    assert_true(*count < FOUND_MAX && strlen(path) < sizeof list->path);
    (void)strcpy(list[*count].name, name);
    (void)strcpy(list[(*count)++].path, path);
    return EVD_OK;
}

static int on_file(void *context, const char *name, const char *path)
{
    struct fixture *f = context;
    return f->refuse < 0 ? f->refuse : note(f->list, &f->count, name, path);
}

static int on_folder(void *context, const char *prefix, const char *path)
{
    struct fixture *f = context;
    return note(f->folders, &f->folder_count, prefix, path);
}

static int open_listing(struct fixture *f, const char *path, struct evd_error *ret_error)
{
    const struct evd_listing_visitor visitor = {.context = f, .folder = on_folder, .file = on_file};
    f->config = (struct evd_dispatch_config){
        .modules_dir = path, .log = test_log_line, .log_context = &f->log};
    f->count = f->folder_count = 0;
    return evd_listing_open(&f->listing, &f->config, &visitor, ret_error);
}

static void list_path(struct fixture *f, const char *path)
{
    struct evd_error error = {.text = ""};
    if (open_listing(f, path, &error) < 0 || evd_listing_walk(&f->listing, &error) < 0)
        fail_msg("%s", error.text);
}

static void list(struct fixture *f)
{
    list_path(f, f->folder.path);
}

/* The path of what was found under the folder, or NULL. */
static const char *path_in(const struct fixture *f, const struct found *list, size_t count,
                           const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i].name, name) == 0) {
            size_t len = strlen(f->folder.path);
            assert_memory_equal(list[i].path, f->folder.path, len);
            return list[i].path + len + (list[i].path[len] == '/');
        }
    }
    return NULL;
}

static const char *path_of(const struct fixture *f, const char *name)
{
    return path_in(f, f->list, f->count, name);
}

static void folders_are_the_segments_of_a_name(void **state)
{
    struct fixture *f = *state;
    touch(f, "top.so");
    touch(f, "api/hello.so");
    touch(f, "api/billing/invoices.so");
    touch(f, "api/billing.so");
    touch(f, "A-b_9/-/_.so");
    list(f);
    assert_int_equal(f->count, 5);
    assert_string_equal(path_of(f, "top"), "top.so");
    assert_string_equal(path_of(f, "api.hello"), "api/hello.so");
    assert_string_equal(path_of(f, "api.billing.invoices"), "api/billing/invoices.so");
    assert_string_equal(path_of(f, "api.billing"), "api/billing.so");
    assert_string_equal(path_of(f, "A-b_9.-._"), "A-b_9/-/_.so");
    assert_int_equal(f->log.count, 0);
}

static void other_files_are_not_modules(void **state)
{
    struct fixture *f = *state;
    static const char *const others[] = {
        "README", "notes.txt", "api/x.c",    "api/x.o", "api/x.so.1", "api/x.SO", "api/x.dll",
        "so",     "api/x.so~", ".hidden.so", ".so",     "api/.x.so",  ".git/x.so"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        touch(f, others[i]);
    touch(f, "good.so");
    char pipe[200];
    (void)snprintf(pipe, sizeof pipe, "%s/pipe.so", f->folder.path);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    list(f);
    assert_int_equal(f->count, 1);
    assert_non_null(path_of(f, "good"));
}

static void bad_names_are_left_out_and_logged(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {"a b.so",  "\xc3\xa4.so", "a+b.so",    "%2e.so",
                                      "a\nb.so", "b ad/x.so",   "a,b/c/x.so"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        touch(f, bad[i]);
    touch(f, "good.so");
    list(f);
    assert_int_equal(f->count, 1);
    assert_int_equal(f->log.count, sizeof bad / sizeof *bad);
    assert_int_equal(test_log_count(&f->log, "a+b.so", "[A-Za-z0-9_-]"), 1);
    assert_int_equal(test_log_count(&f->log, "left out", ""), sizeof bad / sizeof *bad);
}

/* "x.y.so" would be x/y.so by another name: which of the two answered would be chance. */
static void a_dot_in_a_file_is_not_a_folder(void **state)
{
    struct fixture *f = *state;
    touch(f, "x/y.so");
    touch(f, "x.y.so");
    touch(f, "a.b/c.so");
    touch(f, "a/b/d.so");
    list(f);
    assert_int_equal(f->count, 2);
    assert_string_equal(path_of(f, "x.y"), "x/y.so");
    assert_string_equal(path_of(f, "a.b.d"), "a/b/d.so");
    assert_int_equal(f->log.count, 2);
    assert_int_equal(test_log_count(&f->log, "x.y.so", "left out"), 1);
    assert_int_equal(test_log_count(&f->log, "a.b", "left out"), 1);
}

static void a_name_has_255_bytes_at_most(void **state)
{
    struct fixture *f = *state;
    char path[600], name[300];
    memset(name, 'n', sizeof name);
    for (int len = 252; len <= 254; len++) { /* "a." and the rest */
        (void)snprintf(path, sizeof path, "a/%.*s/%.*s.so", 200, name, len - 201, name);
        touch(f, path);
    }
    list(f);
    assert_int_equal(f->count, 2); /* 254 and 255 bytes; not 256 */
    for (size_t i = 0; i < f->count; i++)
        assert_true(strlen(f->list[i].name) <= EVD_EVENT_MAX);
    assert_int_equal(f->log.count, 1);
    assert_int_equal(test_log_count(&f->log, "255 bytes", "left out"), 1);
}

static void links_stay_inside(void **state)
{
    struct fixture *f = *state;
    struct test_folder outside;
    char target[256];
    test_folder_make(&outside);
    test_folder_write(&outside, "evil.so", "", 0);
    (void)snprintf(target, sizeof target, "%s/evil.so", outside.path);

    touch(f, "api/real.so");
    test_folder_link(&f->folder, "alias.so", "api/real.so");
    test_folder_link(&f->folder, "api/twice.so", "../alias.so");
    test_folder_link(&f->folder, "evil.so", target);
    test_folder_link(&f->folder, "passwd.so", "/etc/passwd");
    test_folder_link(&f->folder, "nowhere.so", "nosuch.so");
    test_folder_link(&f->folder, "itself.so", "itself.so");
    test_folder_link(&f->folder, "folder", outside.path);
    test_folder_link(&f->folder, "loop", ".");
    test_folder_link(&f->folder, "dir.so", outside.path);
    list(f);
    test_folder_remove(&outside);

    assert_int_equal(f->count, 3);
    assert_string_equal(path_of(f, "api.real"), "api/real.so");
    assert_string_equal(path_of(f, "alias"), "api/real.so");
    assert_string_equal(path_of(f, "api.twice"), "api/real.so");
    static const char *const logged[] = {"/evil.so", "/passwd.so", "/nowhere.so", "/itself.so"};
    for (size_t i = 0; i < sizeof logged / sizeof *logged; i++)
        assert_int_equal(test_log_count(&f->log, logged[i], "left out"), 1);
}

/* A neighbour whose name begins with the folder's own is not inside it. */
static void a_neighbour_is_outside(void **state)
{
    struct fixture *f = *state;
    char neighbour[200];
    touch(f, "modules/good.so");
    touch(f, "modules-old/old.so");
    test_folder_link(&f->folder, "modules/old.so", "../modules-old/old.so");
    (void)snprintf(neighbour, sizeof neighbour, "%s/modules", f->folder.path);
    list_path(f, neighbour);
    assert_int_equal(f->count, 1);
    assert_string_equal(f->list[0].name, "good");
    assert_int_equal(f->log.count, 1);
}

static void the_folder_itself_may_be_a_link(void **state)
{
    struct fixture *f = *state;
    char link[200];
    touch(f, "modules/api/good.so");
    test_folder_link(&f->folder, "link", "modules");
    (void)snprintf(link, sizeof link, "%s/link/", f->folder.path);
    list_path(f, link);
    assert_int_equal(f->count, 1);
    assert_string_equal(path_of(f, "api.good"), "modules/api/good.so");
}

static void an_empty_folder_has_no_modules(void **state)
{
    struct fixture *f = *state;
    list(f);
    assert_int_equal(f->count, 0);
    assert_int_equal(f->log.count, 0);
}

static void a_folder_that_cannot_be_read_is_named(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"nosuch", "file.so", ""};
    touch(f, "file.so");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[200] = "";
        if (names[i][0] != '\0')
            (void)snprintf(path, sizeof path, "%s/%s", f->folder.path, names[i]);
        struct evd_error error = {.text = ""};
        int rc = open_listing(f, path, &error);
        if (rc >= 0)
            rc = evd_listing_walk(&f->listing, &error);
        assert_int_equal(rc, EVD_ERR_USAGE);
        assert_non_null(strstr(error.text, "modules folder"));
        assert_non_null(strstr(error.text, path));
        assert_non_null(strstr(error.text, i == 1 ? "Not a directory" : "No such file"));
        assert_int_equal(f->count, 0);
    }
    struct evd_error error = {.text = ""};
    assert_int_equal(open_listing(f, NULL, &error), EVD_ERR_USAGE);
    assert_non_null(strstr(error.text, "modules folder"));
}

static void an_inner_folder_that_cannot_be_read_is_left_out(void **state)
{
    struct fixture *f = *state;
    char path[200];
    if (geteuid() == 0)
        skip(); /* root reads everything */
    touch(f, "closed/x.so");
    touch(f, "good.so");
    (void)snprintf(path, sizeof path, "%s/closed", f->folder.path);
    assert_int_equal(chmod(path, 0), 0);
    list(f);
    assert_int_equal(chmod(path, 0700), 0);
    assert_int_equal(f->count, 1);
    assert_int_equal(test_log_count(&f->log, "closed", "Permission denied"), 1);
}

/* ---- What the walk tells, and visits of one entry. ---- */

static void folders_are_told_before_what_is_in_them(void **state)
{
    struct fixture *f = *state;
    touch(f, "api/billing/x.so");
    touch(f, "other/README");
    touch(f, "b ad/x.so");
    touch(f, ".git/x.so");
    list(f);
    assert_int_equal(f->folder_count, 4);
    assert_string_equal(f->folders[0].name, "");
    assert_string_equal(path_in(f, f->folders, 4, ""), "");
    assert_string_equal(path_in(f, f->folders, 4, "api"), "api");
    assert_string_equal(path_in(f, f->folders, 4, "api.billing"), "api/billing");
    assert_string_equal(path_in(f, f->folders, 4, "other"), "other");
}

static void a_visitor_may_end_the_walk(void **state)
{
    struct fixture *f = *state;
    struct evd_error error = {.text = ""};
    touch(f, "api/x.so");
    f->refuse = EVD_ERR_TOO_LARGE;
    assert_int_equal(open_listing(f, f->folder.path, &error), EVD_OK);
    assert_int_equal(evd_listing_walk(&f->listing, &error), EVD_ERR_TOO_LARGE);
    assert_non_null(strstr(error.text, "65536 modules at most"));
    assert_int_equal(f->count, 0);
}

static int visit(struct fixture *f, const char *dir, const char *prefix, const char *entry)
{
    char path[300];
    (void)snprintf(path, sizeof path, "%s%s%s", f->folder.path, dir[0] == '\0' ? "" : "/", dir);
    f->count = f->folder_count = 0;
    return evd_listing_entry(&f->listing, path, prefix, entry);
}

static void one_entry_is_visited_by_the_same_rules(void **state)
{
    struct fixture *f = *state;
    list(f);
    touch(f, "top.so");
    touch(f, "api/billing/x.so");
    touch(f, "api/billing/deeper/y.so");
    touch(f, "api/notes.txt");
    touch(f, "api/a.b.so");
    test_folder_link(&f->folder, "api/out.so", "/etc/passwd");
    test_folder_link(&f->folder, "api/alias.so", "billing/x.so");

    assert_int_equal(visit(f, "", "", "top.so"), EVD_OK);
    assert_string_equal(path_of(f, "top"), "top.so");
    assert_int_equal(visit(f, "api", "api", "billing"), EVD_OK);
    assert_int_equal(f->folder_count, 2);
    assert_int_equal(f->count, 2);
    assert_string_equal(path_of(f, "api.billing.x"), "api/billing/x.so");
    assert_string_equal(path_of(f, "api.billing.deeper.y"), "api/billing/deeper/y.so");
    assert_int_equal(visit(f, "api", "api", "alias.so"), EVD_OK);
    assert_string_equal(path_of(f, "api.alias"), "api/billing/x.so");
    assert_int_equal(f->log.count, 0);

    static const char *const others[] = {"notes.txt", "gone.so", "a.b.so", "out.so", ".x.so"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_int_equal(visit(f, "api", "api", others[i]), EVD_OK);
        assert_int_equal(f->count + f->folder_count, 0);
    }
    assert_int_equal(f->log.count, 2);
    assert_int_equal(test_log_count(&f->log, "a.b.so", "left out"), 1);
    assert_int_equal(test_log_count(&f->log, "out.so", "leads outside"), 1);
}

static void a_path_is_resolved_or_it_is_said_why_not(void **state)
{
    struct fixture *f = *state;
    char path[300], resolved[PATH_MAX];
    static const struct {
        const char *name;
        int expected;
    } cases[] = {{"real.so", EVD_OK},
                 {"alias.so", EVD_OK},
                 {"nowhere.so", EVD_ERR_SYSTEM},
                 {"nosuch.so", EVD_ERR_SYSTEM},
                 {"out.so", EVD_ERR_USAGE}};
    list(f);
    touch(f, "real.so");
    test_folder_link(&f->folder, "alias.so", "real.so");
    test_folder_link(&f->folder, "nowhere.so", "nosuch.so");
    test_folder_link(&f->folder, "out.so", "/etc/passwd");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", f->folder.path, cases[i].name);
        assert_int_equal(evd_listing_resolve(&f->listing, path, resolved), cases[i].expected);
        if (cases[i].expected == EVD_OK)
            assert_string_equal(resolved + strlen(f->folder.path), "/real.so");
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(folders_are_the_segments_of_a_name),
        TEST(other_files_are_not_modules),
        TEST(bad_names_are_left_out_and_logged),
        TEST(a_dot_in_a_file_is_not_a_folder),
        TEST(a_name_has_255_bytes_at_most),
        TEST(links_stay_inside),
        TEST(a_neighbour_is_outside),
        TEST(the_folder_itself_may_be_a_link),
        TEST(an_empty_folder_has_no_modules),
        TEST(a_folder_that_cannot_be_read_is_named),
        TEST(an_inner_folder_that_cannot_be_read_is_left_out),
        TEST(folders_are_told_before_what_is_in_them),
        TEST(a_visitor_may_end_the_walk),
        TEST(one_entry_is_visited_by_the_same_rules),
        TEST(a_path_is_resolved_or_it_is_said_why_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
