/* Stands in for evd-server and for `loadgen run` in the tests of a study. As a server it takes
 * --mode=NAME; as `run` it does what the scenario's name says. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *value_of(int argc, char **argv, const char *option)
{
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], option) == 0)
            return argv[i + 1];
    return "";
}

static void wait_for_term(void)
{
    sigset_t set;
    int signal;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigwait(&set, &signal);
}

static int serve(const char *mode)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    if (strcmp(mode, "crash") == 0) {
        fputs("first line\ncannot start: no reason\n", stderr);
        return 4;
    }
    if (strcmp(mode, "deaf") == 0)
        signal(SIGTERM, SIG_IGN);
    printf("a line before\nlistening on tcp://127.0.0.1:1\n");
    fflush(stdout);
    if (strcmp(mode, "deaf") == 0)
        for (;;)
            pause();
    wait_for_term();
    if (strcmp(mode, "killed") == 0) {
        signal(SIGSEGV, SIG_DFL); /* the sanitizers' own handler would exit */
        raise(SIGSEGV);
    }
    return strcmp(mode, "exit3") == 0 ? 3 : 0;
}

/* $FAKE_COUNTDOWN names a file with a number: the run that finds 0 there kills the study. */
static void count_down(void)
{
    const char *path = getenv("FAKE_COUNTDOWN");
    FILE *file = path ? fopen(path, "r+") : NULL;
    int left = -1;
    if (!file)
        return;
    if (fscanf(file, "%d", &left) == 1 && left == 0) {
        kill(getppid(), SIGKILL);
        for (;;)
            pause();
    }
    rewind(file);
    fprintf(file, "%d \n", left - 1);
    fclose(file);
}

static int run(int argc, char **argv)
{
    count_down();
    const char *scenario = value_of(argc, argv, "--scenario");
    int bad = strstr(scenario, "bad") ? 3 : 0;
    if (strcmp(scenario, "none") == 0) {
        fputs("no such scenario\n", stderr);
        return 2;
    }
    if (strcmp(scenario, "interrupt") == 0) {
        kill(getppid(), SIGINT);
        for (;;)
            pause();
    }
    const char *log_path = value_of(argc, argv, "--hlog");
    FILE *log = *log_path != '\0' ? fopen(log_path, "w") : NULL;
    if (log) {
        fputs(value_of(argc, argv, "--arm"), log);
        fclose(log);
    }
    FILE *file = fopen(value_of(argc, argv, "--json"), "w");
    const char *rate = value_of(argc, argv, "--rate");
    /* With a rate: one that the server cannot keep up with, and one that nobody can trust. */
    int overload = *rate && strcmp(scenario, "overload") == 0;
    int doubt = *rate && strcmp(scenario, "doubt") == 0, unsent = overload || doubt ? 7 : 0;
    if (!file)
        return 1;
    fprintf(file,
            "{\"schema\":\"evdispatch.run/1\",\"config\":{\"mode\":\"%s\",\"rate\":%s,"
            "\"transport\":\"%s\",\"depth\":\"%s\"},\"accounting\":{\"scheduled\":%d,\"ok\":100,"
            "\"bad\":%d,\"timeout\":0,\"reset\":0,\"eof\":0,\"refused\":0,\"unsent\":%d,"
            "\"in_flight\":0},\"throughput\":100,"
            "\"latency_ns\":{\"response\":{\"count\":1,\"histogram\":[[5,1]]},"
            "\"service\":{\"count\":1,\"min\":5,\"mean\":5,\"p50\":5,\"p90\":5,\"p99\":5,"
            "\"p99_9\":5,\"max\":5,\"histogram\":[[5,1]]},\"wire\":null,"
            "\"woke_late\":{\"count\":1,\"p99\":4,\"histogram\":[[4,1]]}},"
            "\"server\":{\"cpu_ns\":500,\"calls\":100,\"pid\":%s},\"seed\":\"%s\",\"valid\":%s,"
            "\"fake_scenario\":\"%s\",\"invalid\":[\"because\"],\"invalid_causes\":[\"rate\"%s]}",
            *rate ? "open" : "closed", *rate ? rate : "0", value_of(argc, argv, "--transport"),
            value_of(argc, argv, "--depth"),
            100 + bad + unsent + (strcmp(scenario, "inexact") == 0) -
                (strcmp(scenario, "excess") == 0),
            bad, unsent, value_of(argc, argv, "--server-pid"), value_of(argc, argv, "--seed"),
            strstr(scenario, "invalid") || unsent ? "false" : "true", scenario,
            doubt ? ",\"steal\"" : "");
    fclose(file);
    return bad || unsent ? 1 : 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        puts("fake 1.0");
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "run") == 0)
        return run(argc, argv);
    return serve(argc > 1 && strncmp(argv[1], "--mode=", 7) == 0 ? argv[1] + 7 : "");
}
