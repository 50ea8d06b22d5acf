/* The command line: what is wrong is named, and what is allowed. */
#include "harness.h"

#include <string.h>

struct misuse {
    const char *args[4];
    const char *parts[3]; /* of what is said */
};

static void test_misuse(void **state)
{
    (void)state;
    static const struct misuse cases[] = {
        {{"--dispatch=fast"}, {"fast", "static, dynamic, instance"}},
        {{"--dispatch=dynamic", "--dynamic-load=never"}, {"never", "cached, call"}},
        {{"--dispatch=instance", "--instance-alloc=stack"}, {"stack", "malloc, pool"}},
        {{"--dynamic-load=call"}, {"--dynamic-load", "--dispatch=dynamic"}},
        {{"--dispatch=dynamic", "--instance-alloc=pool"}, {"--instance-alloc", "instance"}},
        {{"--modules=/tmp"}, {"--modules", "--dispatch=dynamic"}},
        {{"--dispatch=instance", "--dynamic-load=call"}, {"--dynamic-load", "--dispatch=dynamic"}},
        {{"--help=yaml"}, {"--help=yaml", "markdown"}},
        {{"--listen=127.0.0.1:80"}, {"127.0.0.1:80", "tcp://"}},
        {{"--listen=tcp://127.0.0.1:99999"}, {"99999"}},
        {{"--max-frame=lots"}, {"--max-frame", "lots"}},
        {{"--max-frame=1"}, {"--max-frame", "64"}},
        {{"--max-depth=0"}, {"--max-depth", "512"}},
        {{"--max-connections=-1"}, {"--max-connections"}},
        {{"--idle-timeout=5 parsecs"}, {"--idle-timeout", "5 parsecs", "ms"}},
        {{"--no-such-flag"}, {"evd-server: unrecognized", "no-such-flag", "--help"}},
        {{"--dispatch"}, {"dispatch", "--help"}},
        {{"static"}, {"static", "--help"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[32768], err[4096];
        const char *argv[6] = {EVD_SERVER_PATH};
        memcpy(argv + 1, cases[i].args, sizeof cases[i].args);
        int status = run_program(argv, out, sizeof out, err, sizeof err);
        print_message("%s", err);
        assert_int_equal(status, 2);
        assert_string_equal(out, "");
        for (size_t p = 0; p < 3 && cases[i].parts[p] != NULL; p++)
            assert_non_null(strstr(err, cases[i].parts[p]));
    }
}

static void test_cannot_start(void **state)
{
    (void)state;
    static const struct misuse cases[] = {
        {{"--dispatch=dynamic", "--modules=/no/such/folder"},
         {"/no/such/folder", "No such file or directory"}},
        {{"--listen=unix:///no/such/folder/x.sock"}, {"unix:///no/such/folder/x.sock"}},
        {{"--tcp-congestion=carrier-pigeon"}, {"carrier-pigeon"}},
        {{"--port-file=/no/such/folder/port"}, {"--port-file", "/no/such/folder/port"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[32768], err[4096];
        const char *argv[6] = {EVD_SERVER_PATH};
        memcpy(argv + 1, cases[i].args, sizeof cases[i].args);
        int status = run_program(argv, out, sizeof out, err, sizeof err);
        print_message("%s", err);
        assert_int_equal(status, 1);
        for (size_t p = 0; p < 3 && cases[i].parts[p] != NULL; p++)
            assert_non_null(strstr(err, cases[i].parts[p]));
    }
}

static void test_help_and_version(void **state)
{
    (void)state;
    char out[32768], err[4096];
    const char *help[] = {EVD_SERVER_PATH, "--help", NULL};
    assert_int_equal(run_program(help, out, sizeof out, err, sizeof err), 0);
    assert_string_equal(err, "");
    static const char *const flags[] = {"--dispatch",       "--dynamic-load",  "--instance-alloc",
                                        "--modules",        "--listen",        "--port-file",
                                        "--tcp-congestion", "--max-frame",     "--max-inflated",
                                        "--max-depth",      "--max-tree",      "--max-connections",
                                        "--max-output",     "--idle-timeout",  "--write-timeout",
                                        "--drain-timeout",  "--module-config", "Examples:"};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        assert_non_null(strstr(out, flags[i]));
    const char *version[] = {EVD_SERVER_PATH, "--version", NULL};
    assert_int_equal(run_program(version, out, sizeof out, err, sizeof err), 0);
    assert_int_equal(strncmp(out, "evd-server 0.", 13), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_cannot_start),
        cmocka_unit_test(test_help_and_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
