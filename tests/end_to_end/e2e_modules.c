/* What the server tells its modules: their configuration, from a file, and who calls. */
#include "harness.h"

#include "server/wire/transport.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *write_file(const char *name, const char *text, char path[static 160])
{
    (void)snprintf(path, 160, "%s/%s", scratch_dir(), name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
    return path;
}

static void ask(const char *address, const char *event, const char *expected)
{
    char text[256];
    int fd = client_connect(address);
    (void)snprintf(text, sizeof text, "{\"event\":\"%s\"}\n", event);
    client_send_text(fd, text);
    (void)client_read_line(fd, text, sizeof text);
    assert_string_equal(text, expected);
    (void)close(fd);
}

static void test_module_config(void **state)
{
    (void)state;
    static const char *const loads[] = {"--dynamic-load=cached", "--dynamic-load=call"};
    char path[160];
    (void)write_file("modules.json", "{\"defer\": {\"x\": 1},\n \"deferred\": 2}\n", path);
    for (size_t i = 0; i < 2; i++) {
        struct server server;
        const char *args[] = {"--dispatch=dynamic", loads[i], "--modules=" EVD_TEST_MODULES_PATH,
                              "--module-config",    path,     NULL};
        server_start(&server, args);
        ask(server.addresses[0], "defer.config", "{\"data\":\"{\\\"x\\\": 1}\"}");
        ask(server.addresses[0], "slow.now", "{\"data\":\"now\"}");
        assert_int_equal(server_stop(&server), 0);
        assert_non_null(strstr(server.errors, "evd-server: info: "));
        assert_non_null(
            strstr(server.errors, "modules.json configures deferred, which is no module yet"));
    }
}

static void test_unknown_module_of_a_fixed_table(void **state)
{
    (void)state;
    static const char *const ways[] = {"--dispatch=static", "--dispatch=instance"};
    char path[160];
    (void)write_file("fixed.json", "{\"api.hello\": 1, \"api.helo\": 2}", path);
    for (size_t i = 0; i < 2; i++) {
        struct server server;
        const char *args[] = {ways[i], "--module-config", path, NULL};
        server_start(&server, args);
        ask(server.addresses[0], "api.services.status", "{\"data\":\"online\"}");
        assert_int_equal(server_stop(&server), 0);
        assert_non_null(strstr(server.errors, "evd-server: warning: "));
        assert_non_null(
            strstr(server.errors, "fixed.json configures api.helo, which is no module\n"));
        assert_null(strstr(server.errors, "api.hello"));
    }
}

static void test_bad_module_config(void **state)
{
    (void)state;
    static const struct {
        const char *content; /* NULL: there is no file */
        const char *parts[2];
    } cases[] = {
        {NULL, {"none.json", "No such file or directory"}},
        {"", {"some.json", "is empty"}},
        {"{\"api.hello\": 1,}", {"some.json", "at byte 16"}},
        {"[1]", {"some.json", "must be an object"}},
        {"{\"api.hello\": 1, \"api.hello\": 2}", {"some.json", "api.hello is there twice"}},
        {"{\"/etc/passwd\": 1}", {"some.json", "not the name of a module"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[160], out[1024], err[1024];
        if (cases[i].content != NULL)
            (void)write_file("some.json", cases[i].content, path);
        else
            (void)snprintf(path, sizeof path, "%s/none.json", scratch_dir());
        const char *argv[] = {EVD_SERVER_PATH, "--module-config", path, NULL};
        assert_int_equal(run_program(argv, out, sizeof out, err, sizeof err), 1);
        assert_string_equal(out, "");
        assert_int_equal(strncmp(err, "evd-server: error: ", 19), 0);
        for (size_t p = 0; p < 2; p++) {
            if (strstr(err, cases[i].parts[p]) == NULL)
                fail_msg("\"%s\" does not say \"%s\"", err, cases[i].parts[p]);
        }
    }
    char out[1024], err[1024];
    const char *argv[] = {EVD_SERVER_PATH, "--module-config", scratch_dir(), NULL};
    assert_int_equal(run_program(argv, out, sizeof out, err, sizeof err), 1);
    assert_non_null(strstr(err, "Is a directory"));
}

/* The number of a connection is its own, for all its calls; no other has it after it either. */
static void test_caller(void **state)
{
    (void)state;
    struct server server;
    char line[256], first[256];
    const char *args[] = {"--dispatch=dynamic", "--modules=" EVD_TEST_MODULES_PATH, NULL};
    server_start(&server, args);
    unsigned long long numbers[3];
    for (int i = 0; i < 3; i++) {
        int fd = client_connect(server.addresses[0]);
        for (int again = 0; again < 2; again++) {
            client_send_text(fd, "{\"event\":\"defer.who\"}\n");
            (void)client_read_line(fd, again == 0 ? first : line, sizeof line);
        }
        assert_string_equal(line, first);
        assert_int_equal(sscanf(line, "{\"data\":\"%llu jsonl []\"}", &numbers[i]), 1);
        assert_non_null(strstr(line, " jsonl []\"}"));
        assert_true(numbers[i] > 0 && (i == 0 || numbers[i] > numbers[i - 1]));
        (void)close(fd);
    }

    unsigned char frame[EVD_FRAME_HEADER + 9] = {EVD_FRAME_MAGIC, EVD_FRAME_CALL};
    frame[7] = 9;  /* bytes behind the header */
    frame[17] = 9; /* of the event */
    memcpy(frame + EVD_FRAME_HEADER, "defer.who", 9);
    int fd = client_connect(server.addresses[0]);
    client_send(fd, frame, sizeof frame);
    client_read(fd, frame, EVD_FRAME_HEADER);
    assert_int_equal(frame[1], EVD_FRAME_REPLY);
    client_read(fd, line, frame[7]);
    line[frame[7]] = '\0';
    (void)snprintf(first, sizeof first, "\"%llu frame []\"", numbers[2] + 1);
    assert_string_equal(line, first);
    (void)close(fd);
    assert_int_equal(server_stop(&server), 0);
}

/* Of the server, a shared object gets nothing by its name; of its own libraries, all. */
static void test_nothing_of_the_server_is_seen(void **state)
{
    (void)state;
    static const char *const loads[] = {"--dynamic-load=cached", "--dynamic-load=call"};
    for (size_t i = 0; i < 2; i++) {
        struct server server;
        const char *args[] = {"--dispatch=dynamic", loads[i], "--modules=" EVD_TEST_MODULES_PATH,
                              NULL};
        server_start(&server, args);
        ask(server.addresses[0], "peek.found", "{\"data\":\"cJSON\"}");
        assert_int_equal(server_stop(&server), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_module_config),
        cmocka_unit_test(test_unknown_module_of_a_fixed_table),
        cmocka_unit_test(test_bad_module_config),
        cmocka_unit_test(test_caller),
        cmocka_unit_test(test_nothing_of_the_server_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
