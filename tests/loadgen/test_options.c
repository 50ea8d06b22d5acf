/* The command line of `loadgen run`: what it means, and what it says to mistakes. */
#include "loadgen/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <cmocka.h>

#define ARGS_MAX 64

/* Parses the words of `line`; they stay valid until the next call. */
static int parse(const char *line, struct lg_run_options *options, enum lg_options_result *asked,
                 struct evd_error *error)
{
    static char words[512], program[] = "run";
    static char *argv[ARGS_MAX];
    int argc = 0;

    snprintf(words, sizeof(words), "%s", line);
    argv[argc++] = program;
    for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " "))
        argv[argc++] = word;
    argv[argc] = NULL;
    return lg_options_parse(argc, argv, options, asked, error);
}

#define T "--target tcp://127.0.0.1:1 "

static void everything_given(void **state)
{
    (void)state;
    struct lg_run_options o;
    enum lg_options_result asked;
    struct evd_error error = {0};

    if (parse("--target unix:///tmp/x --transport jsonl --scenario a --encoding base64+gzip "
              "--payloads p --rate 2.5k --arrivals poisson --connections 7 --depth 9 --threads 3 "
              "--seed 18446744073709551615 --congestion cubic --cpus 1,3-5 --warmup 0 "
              "--duration 1.5 --timeout 250ms --drain 2 --server-pid 77 --json - --quiet --spin "
              "100us --quantiles 50,99.99",
              &o, &asked, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(asked, LG_OPTIONS_RUN);
    assert_false(lg_target_is_tcp(&o));
    assert_ptr_equal(o.transport, &evd_transport_jsonl);
    assert_ptr_equal(o.encoding, &evd_codec_base64_gzip);
    assert_string_equal(o.payloads, "p");
    assert_int_equal(o.rate, UINT64_C(2500000000));
    assert_int_equal(o.arrivals, LG_ARRIVALS_POISSON);
    assert_int_equal(o.connections, 7);
    assert_int_equal(o.depth, 9);
    assert_int_equal(o.threads, 3);
    assert_true(o.seed == UINT64_MAX);
    assert_string_equal(o.congestion, "cubic");
    assert_int_equal(o.cpu_count, 4);
    assert_int_equal(o.cpus[0], 1);
    assert_int_equal(o.cpus[3], 5);
    assert_int_equal(o.warmup_ns, 0);
    assert_int_equal(o.duration_ns, 1500000000);
    assert_int_equal(o.timeout_ns, 250000000);
    assert_int_equal(o.drain_ns, 2000000000);
    assert_int_equal(o.spin_ns, 100000);
    assert_int_equal(o.server_pid, 77);
    assert_string_equal(o.json, "-");
    assert_true(o.quantiles_asked);
    assert_int_equal(o.quantile_count, 2);
    assert_true(o.quantiles[0] == 0.5 && o.quantiles[1] == 99.99 / 100);
    assert_true(o.quiet);
}

static void defaults(void **state)
{
    (void)state;
    struct lg_run_options o;
    enum lg_options_result asked;
    struct evd_error error;

    assert_int_equal(parse(T "--closed", &o, &asked, &error), EVD_OK);
    assert_ptr_equal(o.transport, &evd_transport_frame);
    assert_string_equal(o.scenario, "services");
    assert_string_equal(o.congestion, "reno");
    assert_true(o.closed);
    assert_int_equal(o.rate, 0);
    assert_int_equal(o.connections, 64);
    assert_int_equal(o.depth, 1);
    assert_int_equal(o.timeout_ns, UINT64_C(10000000000));
    assert_int_equal(o.cpu_count, 0);
    assert_false(o.quantiles_asked);
    assert_int_equal(o.quantile_count, 4);
    assert_int_equal(parse("--help", &o, &asked, &error), EVD_OK);
    assert_int_equal(asked, LG_OPTIONS_HELP);
    assert_int_equal(parse("--version", &o, &asked, &error), EVD_OK);
    assert_int_equal(asked, LG_OPTIONS_VERSION);
}

static void rates_that_change(void **state)
{
    (void)state;
    struct lg_run_options o;
    enum lg_options_result asked;
    struct evd_error error;

    assert_int_equal(parse(T "--rate 1000..5k", &o, &asked, &error), EVD_OK);
    assert_true(o.ramp);
    assert_int_equal(o.rate_count, 2);
    assert_int_equal(o.rates[0], UINT64_C(1000000000));
    assert_int_equal(o.rates[1], UINT64_C(5000000000));
    assert_int_equal(o.rate, UINT64_C(3000000000));
    assert_int_equal(parse(T "--rate 0.5,2.5,3", &o, &asked, &error), EVD_OK);
    assert_false(o.ramp);
    assert_int_equal(o.rate_count, 3);
    assert_int_equal(o.rates[1], 2500000);
    assert_int_equal(o.rate, 2000000);
    assert_int_equal(parse(T "--rate 7 --arrivals burst:100ms,2m", &o, &asked, &error), EVD_OK);
    assert_int_equal(o.arrivals, LG_ARRIVALS_BURST);
    assert_int_equal(o.burst_on_ns, 100000000);
    assert_int_equal(o.burst_off_ns, UINT64_C(120000000000));
    assert_int_equal(o.rate_count, 1);
}

static void how_many_sends_are_stamped(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        uint64_t one_in;
    } cases[] = {
        {T "--closed", 64},
        {T "--rate 20k", 80},
        {T "--rate 1000 --wire-timestamps auto", 4},
        {T "--rate 0.5", 1},
        {T "--rate 20k --wire-timestamps 3", 3},
        {T "--closed --wire-timestamps off", 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct lg_run_options o;
        enum lg_options_result asked;
        struct evd_error error;

        assert_int_equal(parse(cases[i].line, &o, &asked, &error), EVD_OK);
        assert_int_equal(lg_wire_one_in(&o), cases[i].one_in);
    }
}

struct mistake {
    const char *line, *error;
};

static void check_mistakes(const struct mistake *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct lg_run_options options;
        enum lg_options_result asked;
        struct evd_error error = {0};

        if (parse(cases[i].line, &options, &asked, &error) != EVD_ERR_USAGE)
            fail_msg("'%s' was taken", cases[i].line);
        if (strncmp(error.text, cases[i].error, strlen(cases[i].error)) != 0)
            fail_msg("'%s' gave '%s'", cases[i].line, error.text);
    }
}

static void mistakes_are_named(void **state)
{
    (void)state;
    static const struct mistake cases[] = {
        {"--rate 1", "--target is missing: tcp://HOST:PORT or unix:///PATH"},
        {T, "one of --rate R (open loop) and --closed (closed loop) must be given"},
        {T "--rate 1 --closed", "one of --rate R (open loop) and --closed (closed loop)"},
        {T "--closed --arrivals poisson", "--arrivals goes with --rate"},
        {T "--rate 1 --threads 65", "--threads: "},
        {T "--rate 1 --threads 3 --connections 2", "--threads 3 needs at least as many"},
        {T "--rate 0", "--rate: '0' is not a rate"},
        {T "--rate -1", "--rate: '-1' is not a rate"},
        {T "--rate nan", "--rate: 'nan' is not a rate"},
        {T "--rate 1e5", "--rate: '1e5' is not a rate"},
        {T "--rate 1..x", "--rate: '1..x' is not a ramp: two whole rates"},
        {T "--rate 0.5..3", "--rate: '0.5..3' is not a ramp"},
        {T "--rate 1..2..3", "--rate: '1..2..3' is not a ramp"},
        {T "--rate 1,,3", "--rate: '' is not a rate"},
        {T "--rate 1,2,", "--rate: '' is not a rate"},
        {T "--rate 1,2 --arrivals burst:1,1", "bursts go with one --rate"},
        {T "--rate 1 --spin 2ms", "--spin: '2ms' is not between 1e-06s and 0.001s"},
        {T "--rate 1 --spin 500ns", "--spin: "},
        {T "--rate 1 --server-syscalls", "--server-syscalls goes with --server-pid"},
        {T "--closed --spin 100us", "--spin goes with --rate"},
        {T "--rate 1 --wire-timestamps 0", "--wire-timestamps: '0' is neither auto nor off"},
        {T "--rate 1 --arrivals burst:1", "--arrivals: 'burst:1' is neither constant"},
        {T "--rate 1 --arrivals burst:1,0", "--arrivals: 'burst:1,0' needs two times from 1ms"},
        {T "--rate 1 --arrivals burst:2h,1", "--arrivals: 'burst:2h,1' needs two times"},
        {T "--rate 10x", "--rate: '10x' is not a rate"},
        {T "--rate 10000001", "--rate: '10000001' is not a rate"},
        {T "--rate 1 --arrivals uniform",
         "--arrivals: 'uniform' is neither constant nor poisson nor burst"},
        {T "--rate 1 --transport smtp",
         "--transport: 'smtp' is not a transport: frame, jsonl or http"},
        {T "--rate 1 --encoding zip", "--encoding: 'zip' is not an encoding: json, base64, gzip"},
        {T "--rate 1 --depth 0", "--depth: "},
        {T "--rate 1 --connections 16385", "--connections: "},
        {T "--rate 1 --cpus 1-", "--cpus: '1-' is not a list of CPUs"},
        {T "--rate 1 --cpus 2-1", "--cpus: '2-1' is not a list of CPUs"},
        {T "--rate 1 --cpus 1,", "--cpus: '1,' is not a list of CPUs"},
        {T "--rate 1 --cpus 0-64", "--cpus: '0-64' is not a list of CPUs"},
        {T "--rate 1 --timeout 61", "--timeout: '61' is not between 0.001s and 60s"},
        {T "--rate 1 --duration 0", "--duration: '0' is not between 0.001s and 86400s"},
        {T "--rate 1 --duration soon", "--duration: "},
        {T "--rate 1 --seed x", "--seed: "},
        {T "--rate 1 --congestion a-very-long-name-for-one", "--congestion: "},
        {"--target http://x --rate 1", "--target: "},
        {T "--rat 1 --bogus", "unknown option '--bogus'"},
        {T "--rate", "option '--rate' needs a value"},
        {T "--rate 1 stray", "'stray' is not an option"},
    };

    check_mistakes(cases, sizeof(cases) / sizeof(*cases));
}

static void mistakes_in_what_to_keep(void **state)
{
    (void)state;
    static const struct mistake cases[] = {
        {T "--rate 1 --quantiles 99,50", "--quantiles: '99,50' are not ascending percentiles"},
        {T "--rate 1 --quantiles 50,", "--quantiles: '50,' are not ascending percentiles"},
        {T "--rate 1 --quantiles 100", "--quantiles: '100' are not ascending percentiles"},
        {T "--rate 1 --quantiles 1,2,3,4,5,6,7,8,9", "--quantiles: more than 8 percentiles"},
        {T "--rate 1 --hlog -", "--hlog: it takes a file"},
        {T "--rate 1 --hlog a --json a", "--hlog and --json need a file each, not both a"},
        {T "--rate 1 --arm "
           "0123456789012345678901234567890123456789012345678901234567890123",
         "--arm: '0123456789"},
    };

    check_mistakes(cases, sizeof(cases) / sizeof(*cases));
}

/* The program itself: exit status, and where the text goes. */
static void exit_statuses(void **state)
{
    (void)state;
    static const struct {
        const char *args;
        int status;
        const char *output;
    } cases[] = {
        {"", 2, "loadgen: a command is missing: run, slo, study, report or edit-to-live\n"},
        {"walk", 2, "loadgen: 'walk' is not a command: run, slo, study, report or edit-to-live\n"},
        {"run", 2, "loadgen: --target is missing"},
        {"run --target tcp://127.0.0.1:1", 2, "loadgen: one of --rate R"},
        {"run --target tcp://127.0.0.1:1 --rate 1 --scenario nonesuch", 2,
         "loadgen: there is no scenario 'nonesuch': give one of github-webhooks, healthz, login, "
         "services, "},
        {"run --target tcp://127.0.0.1:1 --rate 1 --json /nonesuch/x", 2,
         "loadgen: --json: cannot write /nonesuch/x: No such file or directory\n"},
        {"run --target unix:///nonesuch/x --rate 1", 1,
         "loadgen: cannot connect to unix:///nonesuch/x: No such file or directory\n"},
        {"--help", 0, "Usage: loadgen COMMAND"},
        {"run --help", 0, "Usage: loadgen run --target ADDRESS"},
        {"--version", 0, "loadgen "},
        {"run --version", 0, "loadgen "},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char command[512], output[4096] = "";
        FILE *pipe;
        int status;

        /* The stream that must hold nothing would spoil the start of the text. */
        snprintf(command, sizeof(command), "%s %s %s", LOADGEN, cases[i].args,
                 cases[i].status == 0 ? "2>&1 >/dev/null" : "2>/dev/null");
        pipe = popen(command, "r");
        assert_non_null(pipe);
        assert_int_equal(fread(output, 1, sizeof(output) - 1, pipe), 0);
        status = pclose(pipe);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), cases[i].status);

        snprintf(command, sizeof(command), "%s %s 2>&1", LOADGEN, cases[i].args);
        pipe = popen(command, "r");
        assert_non_null(pipe);
        assert_true(fread(output, 1, sizeof(output) - 1, pipe) > 0);
        pclose(pipe);
        if (strncmp(output, cases[i].output, strlen(cases[i].output)) != 0)
            fail_msg("'%s' gave '%s'", cases[i].args, output);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_given),   cmocka_unit_test(defaults),
        cmocka_unit_test(rates_that_change),  cmocka_unit_test(how_many_sends_are_stamped),
        cmocka_unit_test(mistakes_are_named), cmocka_unit_test(mistakes_in_what_to_keep),
        cmocka_unit_test(exit_statuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
