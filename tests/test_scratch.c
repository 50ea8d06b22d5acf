/* scratch.h: what a test makes is gone afterwards, also when it was killed. */
#include "scratch.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h> /* needs the first four */

enum how { BY_EXIT, BY_SIGKILL };

/* A process that makes a folder and a file in it; the path of its scratch. It waits for `go`. */
static pid_t run(enum how how, char *ret_path, int *ret_go)
{
    int path_pipe[2], go_pipe[2];
    assert_int_equal(pipe(path_pipe), 0);
    assert_int_equal(pipe(go_pipe), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char folder[TEST_SCRATCH_MAX], file[TEST_SCRATCH_MAX + 8], byte;
        (void)close(go_pipe[1]);
        test_scratch_folder(folder);
        (void)snprintf(file, sizeof file, "%s/file", folder);
        FILE *made = fopen(file, "w");
        if (made == NULL || fclose(made) != 0)
            abort();
        (void)!write(path_pipe[1], test_scratch(), strlen(test_scratch()) + 1);
        (void)!read(go_pipe[0], &byte, 1);
        if (how == BY_SIGKILL)
            (void)raise(SIGKILL);
        exit(EXIT_SUCCESS);
    }
    (void)close(path_pipe[1]);
    (void)close(go_pipe[0]);
    assert_true(read(path_pipe[0], ret_path, TEST_SCRATCH_MAX) > 0);
    (void)close(path_pipe[0]);
    *ret_go = go_pipe[1];
    return pid;
}

static void end(pid_t pid, int go)
{
    (void)close(go);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void it_is_gone_afterwards(void **state)
{
    (void)state;
    char lives[TEST_SCRATCH_MAX], ended[TEST_SCRATCH_MAX], killed[TEST_SCRATCH_MAX];
    char next[TEST_SCRATCH_MAX];
    int lives_go, ended_go, killed_go, next_go;
    pid_t alive = run(BY_EXIT, lives, &lives_go);
    pid_t dead = run(BY_SIGKILL, killed, &killed_go);
    pid_t done = run(BY_EXIT, ended, &ended_go);
    assert_string_not_equal(lives, killed);
    end(done, ended_go);
    assert_int_equal(access(ended, F_OK), -1);
    end(dead, killed_go);
    pid_t after = run(BY_EXIT, next, &next_go);
    assert_int_equal(access(killed, F_OK), -1);
    assert_int_equal(access(lives, F_OK), 0); /* its process goes on: nobody else removes it */
    end(after, next_go);
    end(alive, lives_go);
    assert_int_equal(access(lives, F_OK), -1);
}

static void it_stands_where_it_is_told(void **state)
{
    (void)state;
    char base[TEST_SCRATCH_MAX];
    int status = 0;
    test_scratch_folder(base);
    assert_int_equal(setenv("TMPDIR", base, 1), 0);
    pid_t pid = fork();
    if (pid == 0) { /* by another process, as this one has a place already */
        (void)execl("/proc/self/exe", "test_scratch", "make", (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(unsetenv("TMPDIR"), 0);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "make") == 0) {
        const char *base = getenv("TMPDIR");
        return strncmp(test_scratch(), base, strlen(base)) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_gone_afterwards),
        cmocka_unit_test(it_stands_where_it_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
