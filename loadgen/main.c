#include "commands.h"
#include "man.h"

#include "evd_version.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

const char lg_help[] =
    "Usage: loadgen COMMAND [OPTION]...\n"
    "\n"
    "Commands:\n"
    "  run      one measurement of a server that is already running\n"
    "  slo      the highest rate at which a running server meets an objective\n"
    "  study    a design of trials, each against a fresh server; keeps the raw data\n"
    "  report   raw data of a study or a bench -> report.md and report.html\n"
    "  edit-to-live\n"
    "           the time from a saved edit to the new answer being served\n"
    "\n"
    "loadgen COMMAND --help says what each takes; loadgen --version, which one this is;\n"
    "loadgen --help=man, all of it as a page.\n"
    "\n"
    "Examples:\n"
    "  loadgen run --target tcp://127.0.0.1:8080 --rate 1000 --duration 10\n"
    "  loadgen slo --target tcp://127.0.0.1:8080 --p99 5ms\n"
    "  loadgen study quick --out out/study\n"
    "  loadgen report out/study\n";

static const struct command {
    const char *name;
    int (*main)(int argc, char **argv);
} commands[] = {
    {"run", lg_run_main},       {"slo", lg_slo_main},           {"study", lg_study_main},
    {"report", lg_report_main}, {"edit-to-live", lg_edit_main},
};

/* A closed descriptor of 0 to 2 would become a connection's, and what is printed go to the server.
 * A /dev/null that cannot be written to makes that an error, as it should be. */
static void open_standard(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd)
            return;
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) {
        fputs("loadgen: a command is missing: run, slo, study, report or edit-to-live\n", stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        fputs(lg_help, stdout);
        return 0;
    }
    if (strcmp(argv[1], "--help=man") == 0) {
        lg_man_page(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("loadgen %s (%s, %s)\n", EVD_VERSION, EVD_COMMIT, EVD_BUILD_TYPE);
        return 0;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].main(argc - 1, argv + 1);
    fprintf(stderr, "loadgen: '%s' is not a command: run, slo, study, report or edit-to-live\n",
            argv[1]);
    return 2;
}

/* What was printed may be the only copy of a result. */
static int end(int status)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    fprintf(stderr, "loadgen: cannot write to the standard output%s%s\n", errno != 0 ? ": " : "",
            errno != 0 ? strerror(errno) : "");
    return status == 2 ? 2 : 1;
}

int main(int argc, char **argv)
{
    open_standard();
    signal(SIGPIPE, SIG_IGN); /* a reader that is gone must not cost what goes to files */
    return end(dispatch(argc, argv));
}
