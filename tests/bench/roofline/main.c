/* evd-roofline: evd-server against the bare echo of the same bytes, in the same rounds. --help. */
#include "roofline.h"

#include "evd_version.h"
#include "loadgen/rng.h"
#include "loadgen/study_awake.h"
#include "loadgen/study_process.h"
#include "server/wire/args.h"
#include "server/wire/transport.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define MESSAGE_BYTES 64
#define READY_MS      5000
#define STOP_MS       5000

static const char help[] =
    "Usage: evd-roofline --echo FILE --server FILE --modules DIR [OPTION]... OUT.jsonl\n"
    "       evd-roofline --render FILE.jsonl\n"
    "\n"
    "How near evd-server comes to what the kernel allows: calls of 64 bytes, against evd-echo,\n"
    "which reads and writes the same bytes and looks at none. Each round has all arms in random\n"
    "order, each with a fresh server; an arm is compared with the echo of its round. The echo is\n"
    "there twice: what its twin differs by is the noise. Writes every trial to OUT.jsonl and a\n"
    "table to standard output.\n"
    "\n"
    "  --echo FILE      evd-echo\n"
    "  --server FILE    a server whose api.test.board answers with what it was sent\n"
    "  --modules DIR    its modules, for the backend dynamic\n"
    "  --rounds N       default 20\n"
    "  --duration TIME  of a trial; default 400ms\n"
    "  --warmup TIME    before each; default 100ms\n"
    "  --cpus S,C       the server's CPU and the client's; default 0,1\n"
    "  --congestion N   TCP_CONGESTION of both sides; default reno\n"
    "  --seed N         of the order; default 1\n"
    "  --only ARM,DEPTH that arm at that depth alone, and no table: to be watched meanwhile\n"
    "  --render FILE    only the table of what was measured before\n"
    "  --help, --version\n"
    "\n"
    "Example:\n"
    "  ./evdispatch bench roofline\n";

struct options {
    const char *echo, *server, *modules, *congestion, *out;
    unsigned cpus[2];
    uint64_t rounds, duration_ns, warmup_ns, seed;
    const struct roofline_arm *arm; /* the only one, and its depth; NULL: all */
    unsigned depth;
};

struct session {
    const struct options *options;
    FILE *out;
    int stop_fd;
    struct evd_buf request, reply; /* of the arm at hand */
};

static int usage(const char *format, const char *text)
{
    fputs("evd-roofline: ", stderr);
    fprintf(stderr, format, text);
    fputs("; try --help\n", stderr);
    return 2;
}

static int parse_cpus(const char *text, struct options *options)
{
    char *end;
    options->cpus[0] = (unsigned)strtoul(text, &end, 10);
    if (end == text || *end != ',')
        return -1;
    const char *second = end + 1;
    options->cpus[1] = (unsigned)strtoul(second, &end, 10);
    return end == second || *end != '\0' ? -1 : 0;
}

enum { ECHO = 1, SERVER, MODULES, ROUNDS, DURATION, WARMUP, CPUS, CONGESTION, SEED, RENDER, ONLY };

static const struct option flags[] = {
    {"echo", required_argument, NULL, ECHO},
    {"server", required_argument, NULL, SERVER},
    {"modules", required_argument, NULL, MODULES},
    {"rounds", required_argument, NULL, ROUNDS},
    {"duration", required_argument, NULL, DURATION},
    {"warmup", required_argument, NULL, WARMUP},
    {"cpus", required_argument, NULL, CPUS},
    {"congestion", required_argument, NULL, CONGESTION},
    {"seed", required_argument, NULL, SEED},
    {"render", required_argument, NULL, RENDER},
    {"only", required_argument, NULL, ONLY},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'v'},
    {0},
};

static int render(const char *path)
{
    struct evd_error error;
    if (roofline_render(path, stdout, &error) == EVD_OK)
        return 0;
    fprintf(stderr, "evd-roofline: %s\n", error.text);
    return 1;
}

/* "frame/static,64" */
static int take_only(const char *text, struct options *options, struct evd_error *error)
{
    const char *comma = strrchr(text, ',');
    char allowed[256] = "";
    for (size_t i = 0; i < roofline_arm_count; i++) {
        const char *name = roofline_arms[i].name;
        size_t used = strlen(allowed);
        (void)snprintf(allowed + used, sizeof allowed - used, "%s%s", i == 0 ? "" : ", ", name);
        if (comma != NULL &&
            evd_slice_equal(evd_slice(text, (size_t)(comma - text)), evd_slice_text(name)))
            options->arm = &roofline_arms[i];
    }
    for (size_t i = 0; comma != NULL && i < roofline_shape_count; i++) {
        char depth[16];
        (void)snprintf(depth, sizeof depth, "%u", roofline_shapes[i].depth);
        if (strcmp(depth, comma + 1) == 0)
            options->depth = roofline_shapes[i].depth;
    }
    if (options->arm != NULL && options->depth > 0)
        return EVD_OK;
    return evd_error_set(error, EVD_ERR_USAGE,
                         "--only '%s' is not an arm (%s), a comma and a depth (1, 16, 64)", text,
                         allowed);
}

/* EVD_OK, or EVD_ERR_USAGE in words. */
static int take_value(int flag, const char *text, struct options *options, struct evd_error *error)
{
    switch (flag) {
    case ROUNDS:
        return evd_parse_uint(text, 2, ROOFLINE_ROUNDS_MAX, &options->rounds, error);
    case SEED:
        return evd_parse_uint(text, 0, UINT64_MAX, &options->seed, error);
    case DURATION:
        return evd_parse_duration(text, &options->duration_ns, error);
    case WARMUP:
        return evd_parse_duration(text, &options->warmup_ns, error);
    case ONLY:
        return take_only(text, options, error);
    default:
        return parse_cpus(text, options) == 0
                   ? EVD_OK
                   : evd_error_set(error, EVD_ERR_USAGE,
                                   "--cpus '%s' is not two numbers, such as 0,1", text);
    }
}

/* -1: go on; else the exit status. */
static int parse(int argc, char **argv, struct options *options)
{
    struct evd_error error;
    int flag;
    while ((flag = getopt_long(argc, argv, "", flags, NULL)) != -1) {
        switch (flag) {
        case 'h':
            return fputs(help, stdout) < 0;
        case 'v':
            return printf("evd-roofline %s\n", EVD_VERSION) < 0;
        case '?':
            return 2; /* getopt has said why */
        case RENDER:
            return render(optarg);
        case ECHO:
            options->echo = optarg;
            break;
        case SERVER:
            options->server = optarg;
            break;
        case MODULES:
            options->modules = optarg;
            break;
        case CONGESTION:
            options->congestion = optarg;
            break;
        default:
            if (take_value(flag, optarg, options, &error) < 0)
                return usage("%s", error.text);
        }
    }
    if (options->echo == NULL || options->server == NULL || options->modules == NULL)
        return usage("%s", "--echo, --server and --modules are needed");
    if (optind != argc - 1)
        return usage("%s", "the file to write is needed, and nothing else");
    options->out = argv[optind];
    return -1;
}

/* ---- One trial ---- */

/* A call of MESSAGE_BYTES, and its answer. The echo has a frame for a call and for an answer. */
static int make_messages(struct session *session, const struct roofline_arm *arm)
{
    const char *name = arm->transport != NULL ? arm->transport : "frame";
    const struct evd_transport *transport = evd_transport_by_name(evd_slice_text(name));
    char text[MESSAGE_BYTES];
    struct evd_envelope call = {
        .kind = EVD_KIND_CALL, .id = {EVD_ID_UINT, 7, {0}}, .event = EVD_SLICE("api.test.board")};
    struct evd_envelope reply = {.kind = EVD_KIND_REPLY, .id = call.id};
    size_t len = 2;
    int rc = EVD_OK;

    memset(text, 'x', sizeof text);
    text[0] = '"';
    for (;; len++) {
        text[len - 1] = '"';
        evd_buf_clear(&session->request);
        rc = evd_envelope_encode(&call, transport, NULL, evd_slice(text, len), &session->request);
        if (rc < 0 || session->request.len >= MESSAGE_BYTES || len == sizeof text)
            break;
        text[len - 1] = 'x';
    }
    evd_buf_clear(&session->reply);
    if (rc == EVD_OK && arm->transport == NULL)
        rc = evd_buf_append_slice(&session->reply, evd_buf_slice(&session->request));
    else if (rc == EVD_OK)
        rc = evd_envelope_encode(&reply, transport, NULL, evd_slice(text, len), &session->reply);
    return rc;
}

static int start_server(const struct session *session, const struct roofline_arm *arm,
                        struct lg_child *child, unsigned *ret_port, struct evd_error *ret_error)
{
    const struct options *options = session->options;
    char *argv[12], address[160] = "";
    size_t argc = 0;
    int ends[2];

    argv[argc++] = (char *)(arm->transport == NULL ? options->echo : options->server);
    if (arm->transport == NULL) {
        argv[argc++] = (char *)options->congestion;
    } else {
        for (size_t i = 0; arm->options[i] != NULL; i++)
            argv[argc++] = (char *)arm->options[i];
        if (strcmp(arm->options[0], "--dispatch=dynamic") == 0) {
            argv[argc++] = "--modules";
            argv[argc++] = (char *)options->modules;
        }
        argv[argc++] = "--listen=tcp://127.0.0.1:0";
        argv[argc++] = "--tcp-congestion";
        argv[argc++] = (char *)options->congestion;
    }
    argv[argc] = NULL;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "pipe: %s", strerror(errno));
    struct lg_spawn spawn = {argv, (int)options->cpus[0], ends[1], STDERR_FILENO};
    int rc = lg_child_start(&spawn, child, ret_error);
    (void)close(ends[1]);
    if (rc == EVD_OK)
        (void)lg_child_ready(ends[0], session->stop_fd, READY_MS, address, sizeof address);
    (void)close(ends[0]);
    const char *colon = strrchr(address, ':');
    if (rc == EVD_OK && colon == NULL)
        rc = evd_error_set(ret_error, EVD_ERR_SYSTEM, "%s: the server of %s did not start", argv[0],
                           arm->name);
    *ret_port = colon != NULL ? (unsigned)strtoul(colon + 1, NULL, 10) : 0;
    return rc;
}

static int run_trial(struct session *session, uint64_t round, const struct roofline_shape *shape,
                     const struct roofline_arm *arm, struct evd_error *ret_error)
{
    struct lg_child child = {0};
    struct load_result result;
    unsigned port = 0;
    int status;
    int rc = make_messages(session, arm);
    if (rc < 0)
        return evd_error_set(ret_error, rc, "%s: %s", arm->name, evd_status_text(rc));
    rc = start_server(session, arm, &child, &port, ret_error);
    struct load_spec spec = {.port = port,
                             .congestion = session->options->congestion,
                             .request = evd_buf_slice(&session->request),
                             .reply = evd_buf_slice(&session->reply),
                             .connections = shape->connections,
                             .depth = shape->depth,
                             .warmup_ns = session->options->warmup_ns,
                             .duration_ns = session->options->duration_ns,
                             .server = child.pid};
    if (rc == EVD_OK)
        rc = load_run(&spec, &result, ret_error);
    (void)lg_child_stop(&child, STOP_MS, &status);
    if (rc < 0)
        return rc;
    (void)fprintf(session->out,
                  "{\"round\":%" PRIu64 ",\"connections\":%u,\"depth\":%u,\"arm\":\"%s\","
                  "\"replies\":%" PRIu64 ",\"reads\":%" PRIu64 ",\"wall_ns\":%" PRIu64
                  ",\"server_ns\":%" PRIu64 ",\"client_ns\":%" PRIu64 "}\n",
                  round, shape->connections, shape->depth, arm->name, result.replies, result.reads,
                  result.wall_ns, result.server_ns, result.client_ns);
    return EVD_OK;
}

/* ---- The rounds ---- */

static void write_head(const struct session *session)
{
    const struct options *options = session->options;
    struct utsname system = {0};
    (void)uname(&system);
    (void)fprintf(session->out,
                  "{\"schema\":\"" ROOFLINE_SCHEMA "\",\"commit\":\"%s\",\"compiler\":\"%s\","
                  "\"kernel\":\"%s\",\"congestion\":\"%s\",\"cpus\":[%u,%u],\"rounds\":%" PRIu64
                  ",\"duration_ns\":%" PRIu64 ",\"warmup_ns\":%" PRIu64 ",\"seed\":\"%" PRIu64
                  "\",\"message_bytes\":%d}\n",
                  EVD_COMMIT, EVD_COMPILER, system.release, options->congestion, options->cpus[0],
                  options->cpus[1], options->rounds, options->duration_ns, options->warmup_ns,
                  options->seed, MESSAGE_BYTES);
}

static void shuffle(struct lg_rng *rng, size_t *order, size_t count)
{
    for (size_t i = 0; i < count; i++)
        order[i] = i;
    for (size_t i = count; i > 1; i--) {
        size_t other = (size_t)(lg_rng_next(rng) % i), kept = order[i - 1];
        order[i - 1] = order[other];
        order[other] = kept;
    }
}

static int run_round(struct session *session, struct lg_rng *rng, uint64_t round,
                     struct evd_error *ret_error)
{
    size_t order[32];
    for (size_t s = 0; s < roofline_shape_count; s++) {
        const struct roofline_shape *shape = &roofline_shapes[s];
        shuffle(rng, order, roofline_arm_count);
        for (size_t i = 0; i < roofline_arm_count; i++) {
            const struct roofline_arm *arm = &roofline_arms[order[i]];
            const struct options *options = session->options;
            if (options->arm != NULL && (arm != options->arm || shape->depth != options->depth))
                continue;
            int rc = run_trial(session, round, shape, arm, ret_error);
            if (rc < 0)
                return rc;
            if (lg_stop_signal(session->stop_fd) != 0)
                return evd_error_set(ret_error, EVD_ERR_CANCELLED, "stopped in round %" PRIu64,
                                     round + 1);
        }
    }
    return EVD_OK;
}

static int run_rounds(struct session *session, struct evd_error *ret_error)
{
    struct lg_rng rng;
    uint64_t start = lg_now_ns();
    lg_rng_init(&rng, session->options->seed);
    write_head(session);
    for (uint64_t round = 0; round < session->options->rounds; round++) {
        int rc = run_round(session, &rng, round, ret_error);
        if (rc < 0)
            return rc;
        uint64_t left = session->options->rounds - round - 1;
        uint64_t eta = (lg_now_ns() - start) / (round + 1) * left / 1000000000u;
        fprintf(stderr, "evd-roofline: round %" PRIu64 " of %" PRIu64 ", %" PRIu64 " s left\n",
                round + 1, session->options->rounds, eta);
    }
    return EVD_OK;
}

static int pin_client(unsigned cpu, struct evd_error *ret_error)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (cpu < CPU_SETSIZE)
        CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) < 0)
        return evd_error_set(ret_error, EVD_ERR_USAGE, "there is no CPU %u to run on", cpu);
    return EVD_OK;
}

static int measure(const struct options *options, struct evd_error *ret_error)
{
    struct session session = {.options = options};
    struct lg_awake awake = {0};
    sigset_t before;
    evd_buf_init(&session.request, LOAD_MESSAGE_MAX);
    evd_buf_init(&session.reply, LOAD_MESSAGE_MAX);
    int rc = pin_client(options->cpus[1], ret_error);
    if (rc < 0)
        return rc;
    session.out = fopen(options->out, "we");
    if (session.out == NULL)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "%s: %s", options->out, strerror(errno));
    rc = lg_stop_open(&before, &session.stop_fd, ret_error);
    if (rc == EVD_OK) {
        rc = lg_awake_start(options->cpus, &awake, ret_error);
        if (rc == EVD_OK)
            rc = run_rounds(&session, ret_error);
        lg_awake_stop(&awake);
        lg_stop_close(session.stop_fd, &before);
    }
    if (fclose(session.out) != 0 && rc == EVD_OK)
        rc = evd_error_set(ret_error, EVD_ERR_SYSTEM, "%s: %s", options->out, strerror(errno));
    evd_buf_release(&session.request);
    evd_buf_release(&session.reply);
    return rc;
}

int main(int argc, char **argv)
{
    struct options options = {.congestion = "reno",
                              .cpus = {0, 1},
                              .rounds = 20,
                              .duration_ns = 400000000,
                              .warmup_ns = 100000000,
                              .seed = 1};
    struct evd_error error;
    int rc = parse(argc, argv, &options);
    if (rc >= 0)
        return rc;
    if (measure(&options, &error) < 0) {
        fprintf(stderr, "evd-roofline: %s\n", error.text);
        return error.status == EVD_ERR_USAGE ? 2 : 1;
    }
    return options.arm != NULL ? 0 : render(options.out);
}
