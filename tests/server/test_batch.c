/* What a batch of pipelined calls asks of the system: one read, one write, no change of what the
 * loop waits for, no memory, and no copy of a payload that can be borrowed; and what of a queue a
 * worker takes at a time. Real connections, loops and kernel; everything is counted, nothing is
 * timed. */
#include "one_worker.h"
#include "tests/dispatch/test_memory.h"
#include "tests/scratch.h"

#include "dispatch/builtins.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h> /* needs setjmp.h, stdarg.h, stddef.h and stdint.h before it */

#define BATCH   64    /* calls */
#define BATCHES 10    /* that are counted */
#define LARGE   20000 /* bytes of a payload: more than all else that is copied for its call */

/* ---- What is counted. ---- */

static struct {
    size_t reads, writes, waits, watches;
    size_t copies;       /* of LARGE bytes or more */
    const char *room[2]; /* where the last read put its bytes, and room for how many */
    size_t room_len[2];
} did;

ssize_t __real_recv(int fd, void *buf, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *buf, size_t len, int flags);
ssize_t __real_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t __real_send(int fd, const void *buf, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *buf, size_t len, int flags);
void *__real_memcpy(void *to, const void *from, size_t len);
void *__wrap_memcpy(void *to, const void *from, size_t len);
void *__real_memmove(void *to, const void *from, size_t len);
void *__wrap_memmove(void *to, const void *from, size_t len);

ssize_t __wrap_recv(int fd, void *buf, size_t len, int flags)
{
    did.reads++;
    did.room[0] = buf;
    did.room_len[0] = len;
    did.room[1] = NULL;
    did.room_len[1] = 0;
    return __real_recv(fd, buf, len, flags);
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags)
{
    did.reads++;
    for (size_t i = 0; i < 2 && i < message->msg_iovlen; i++) {
        did.room[i] = message->msg_iov[i].iov_base;
        did.room_len[i] = message->msg_iov[i].iov_len;
    }
    return __real_recvmsg(fd, message, flags);
}

ssize_t __wrap_send(int fd, const void *buf, size_t len, int flags)
{
    did.writes++;
    return __real_send(fd, buf, len, flags);
}

void *__wrap_memcpy(void *to, const void *from, size_t len)
{
    did.copies += len >= LARGE;
    return __real_memcpy(to, from, len);
}

void *__wrap_memmove(void *to, const void *from, size_t len)
{
    did.copies += len >= LARGE;
    return __real_memmove(to, from, len);
}

/* These two are libev's, a shared object, which finds them here before it finds libc's. */
int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
    did.watches++;
    return (int)syscall(SYS_epoll_ctl, epfd, op, fd, event);
}

int epoll_wait(int epfd, struct epoll_event *events, int max, int timeout)
{
    did.waits++;
    return epoll_pwait(epfd, events, max, timeout, NULL);
}

static bool lies_in(const char *ptr, size_t len, const char *room, size_t room_len)
{
    return room != NULL && ptr >= room && ptr + len <= room + room_len;
}

/* ---- A module that remembers where its payload lay. ---- */

static struct {
    const char *ptr;
    size_t len;
} seen;

static int echo(void *state, struct evd_call *call)
{
    (void)state;
    seen.ptr = evd_data(call).ptr;
    seen.len = evd_data(call).len;
    return evd_reply(call, evd_data(call));
}

static int swallow(void *state, struct evd_call *call)
{
    (void)state;
    seen.ptr = evd_data(call).ptr;
    seen.len = evd_data(call).len;
    return evd_reply_uint(call, seen.len);
}

/* More than a worker keeps room for, and than a socket takes at once. */
static int flood(void *state, struct evd_call *call)
{
    static char text[2 * EVD_TX_KEEP];
    (void)state;
    memset(text, 'x', sizeof text);
    text[0] = text[sizeof text - 1] = '"';
    return evd_reply(call, evd_slice(text, sizeof text));
}

static const struct evd_function functions[] = {
    {"echo", echo}, {"swallow", swallow}, {"flood", flood}};
static const struct evd_module probe = {.abi_version = EVD_ABI_VERSION,
                                        .size = sizeof(struct evd_module),
                                        .functions = functions,
                                        .function_count = 3};
static const struct evd_builtin probe_table[] = {{"probe", &probe}};

/* ---- A worker with one connection. ---- */

struct arm {
    const char *backend;
    enum evd_dynamic_load load;
    enum evd_instance_alloc alloc;
    bool allocates; /* loads or allocates for each call: that is what it is there for */
};

static const struct arm arms[] = {
    {"static", EVD_LOAD_CACHED, EVD_ALLOC_MALLOC, false},
    {"dynamic", EVD_LOAD_CACHED, EVD_ALLOC_MALLOC, false},
    {"dynamic", EVD_LOAD_CALL, EVD_ALLOC_MALLOC, true},
    {"instance", EVD_LOAD_CACHED, EVD_ALLOC_POOL, false},
    {"instance", EVD_LOAD_CACHED, EVD_ALLOC_MALLOC, true},
};

static void start(struct one_worker *server, const struct arm *arm, const struct evd_builtin *table,
                  size_t count)
{
    one_worker_init(server, table, count);
    server->config.dispatch.backend = arm->backend;
    server->config.dispatch.dynamic_load = arm->load;
    server->config.dispatch.instance_alloc = arm->alloc;
    server->config.dispatch.modules_dir = MODULES;
    one_worker_open(server);
}

/* Sends the bytes in one piece and lets the loop have one turn, of which everything is counted. */
static void one_turn(struct one_worker *server, const struct evd_buf *bytes)
{
    struct evd_slice in = evd_buf_slice(bytes);
    assert_int_equal(write(server->client, in.ptr, in.len), in.len);
    memset(&did, 0, sizeof did);
    test_memory_fail(0, 0);
    (void)ev_run(server->worker.loop, EVRUN_NOWAIT);
}

/* How many replies have come. An error is none. */
static size_t replies(struct one_worker *server, bool frame)
{
    static char text[1 << 18];
    size_t count = 0;
    ssize_t got = read(server->client, text, sizeof text);
    assert_true(got > 0 && (size_t)got < sizeof text);
    for (size_t at = 0; at < (size_t)got; count++) {
        const unsigned char *head = (const unsigned char *)text + at;
        if (frame) {
            assert_true(head[0] == 0xED && head[1] == 2);
            at += 20 +
                  ((size_t)head[4] << 24 | (size_t)head[5] << 16 | (size_t)head[6] << 8 | head[7]);
        } else {
            const char *end = memchr(text + at, '\n', (size_t)got - at);
            assert_non_null(end);
            assert_null(memmem(text + at, (size_t)(end - text) - at, "\"error\"", 7));
            at = (size_t)(end - text) + 1;
        }
    }
    return count;
}

static void append(struct evd_buf *out, const char *transport, uint64_t id, const char *event,
                   struct evd_slice data)
{
    struct evd_envelope call;
    evd_envelope_init(&call, EVD_KIND_CALL);
    call.id = (struct evd_id){EVD_ID_UINT, id, {0}};
    call.event = evd_slice_text(event);
    assert_int_equal(evd_envelope_encode(&call, evd_transport_by_name(evd_slice_text(transport)),
                                         NULL, data, out),
                     EVD_OK);
}

/* ---- Tests ---- */

static const char *const transports[] = {"frame", "jsonl"};

/* Data that is passed through, an answer that is there, and one for which a tree is built. */
static void make_batch(struct evd_buf *out, const char *transport)
{
    static const struct {
        const char *event, *data;
    } calls[] = {{"api.test.board", "{\"any\": [1, 2.50, null]}"},
                 {"api.services.status", "\"welcome\""},
                 {"api.hello.greeting", "{\"name\":\"Ada\",\"of\":[1,2,{\"three\":\"four\"}]}"}};
    evd_buf_init(out, EVD_RX_SIZE);
    for (uint64_t i = 0; i < BATCH; i++)
        append(out, transport, i, calls[i % 3].event, evd_slice_text(calls[i % 3].data));
}

static void count_batches(const struct arm *arm, bool frame)
{
    struct one_worker server;
    struct evd_buf batch;
    start(&server, arm, evd_builtins, evd_builtin_count);
    make_batch(&batch, transports[!frame]);
    for (int i = 0; i < 3; i++) { /* until buffers and caches are there */
        one_turn(&server, &batch);
        assert_int_equal(replies(&server, frame), BATCH);
    }
    for (int i = 0; i < BATCHES; i++) {
        one_turn(&server, &batch);
        assert_int_equal(did.reads, 1);
        assert_int_equal(did.writes, 1);
        assert_int_equal(did.waits, 1);
        assert_int_equal(did.watches, 0);
        if (!arm->allocates) {
            assert_int_equal(test_memory.asked, 0);
            assert_int_equal(test_memory.freed, 0);
        }
        assert_int_equal(replies(&server, frame), BATCH);
    }
    assert_int_equal(server.worker.calls, (3 + BATCHES) * BATCH);
    struct evd_dispatch_stats stats; /* all trees of a batch came from one chunk, which is kept */
    evd_dispatch_get_stats(server.worker.dispatch, &stats);
    assert_int_equal(stats.arena_bytes, EVD_ARENA_CHUNK);
    evd_buf_release(&batch);
    one_worker_close(&server);
}

static void test_one_read_one_write_no_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof arms / sizeof *arms; i++) {
        count_batches(&arms[i], true);
        count_batches(&arms[i], false);
    }
}

/* A JSON string of LARGE bytes. */
static struct evd_slice large(void)
{
    static char text[LARGE];
    memset(text, 'x', sizeof text);
    text[0] = text[sizeof text - 1] = '"';
    return evd_slice(text, sizeof text);
}

/* A module is given the very bytes that the read brought; what it answers is copied once, to where
 * it is sent from. */
static void test_payloads_are_borrowed(void **state)
{
    (void)state;
    static const struct {
        const char *event;
        size_t copies;
    } calls[] = {{"probe.swallow", 0}, {"probe.echo", 1}};
    for (size_t i = 0; i < 4; i++) {
        bool frame = i % 2 == 0;
        struct one_worker server;
        struct evd_buf bytes;
        start(&server, &arms[0], probe_table, 1);
        evd_buf_init(&bytes, EVD_RX_SIZE);
        append(&bytes, transports[!frame], 7, calls[i / 2].event, large());
        for (int round = 0; round < 3; round++) {
            one_turn(&server, &bytes);
            assert_int_equal(did.reads, 1);
            assert_true(did.copies <= calls[i / 2].copies); /* jsonl's looks for line breaks too */
            assert_int_equal(did.writes, 1);
            assert_int_equal(seen.len, LARGE);
            assert_true(lies_in(seen.ptr, seen.len, did.room[0], did.room_len[0]));
            assert_int_equal(replies(&server, frame), 1);
        }
        evd_buf_release(&bytes);
        one_worker_close(&server);
    }
}

/* Nor is the end of a message that came in two pieces moved: it is read to behind its start. */
static void test_the_end_of_a_message_is_read_to_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct one_worker server;
        struct evd_buf bytes, start_of, rest;
        start(&server, &arms[0], probe_table, 1);
        evd_buf_init(&bytes, EVD_RX_SIZE);
        evd_buf_init(&start_of, EVD_RX_SIZE);
        evd_buf_init(&rest, EVD_RX_SIZE);
        append(&bytes, transports[i], 7, "probe.swallow", large());
        struct evd_slice all = evd_buf_slice(&bytes);
        size_t cut = all.len - 100;
        assert_int_equal(evd_buf_append(&start_of, all.ptr, cut), EVD_OK);
        assert_int_equal(evd_buf_append(&rest, all.ptr + cut, all.len - cut), EVD_OK);
        one_turn(&server, &start_of);
        assert_int_equal(did.copies, 0); /* a little less than LARGE: the one that is needed */
        one_turn(&server, &rest);
        assert_int_equal(did.reads, 1);
        assert_int_equal(did.copies, 0);
        assert_int_equal(seen.len, LARGE);
        assert_ptr_equal(seen.ptr + seen.len + (i == 0 ? 0 : 2), did.room[0] + all.len - cut);
        assert_int_equal(replies(&server, i == 0), 1);
        evd_buf_release(&bytes);
        evd_buf_release(&start_of);
        evd_buf_release(&rest);
        one_worker_close(&server);
    }
}

/* Room for answers that was large once is given back; that of usual ones is kept. */
static void test_large_room_is_given_back(void **state)
{
    (void)state;
    struct one_worker server;
    struct evd_buf usual, much;
    start(&server, &arms[0], probe_table, 1);
    evd_buf_init(&usual, EVD_RX_SIZE);
    evd_buf_init(&much, EVD_RX_SIZE);
    append(&usual, "jsonl", 7, "probe.swallow", EVD_SLICE("1"));
    append(&much, "jsonl", 7, "probe.flood", EVD_SLICE("1"));
    one_turn(&server, &usual);
    assert_in_range(server.worker.tx.cap, 1, EVD_TX_KEEP);
    one_turn(&server, &much);
    assert_int_equal(server.worker.tx.cap, 0);
    assert_true(server.worker.conns.first->out.len > 0); /* what the socket did not take is kept */
    evd_buf_release(&usual);
    evd_buf_release(&much);
    one_worker_close(&server);
}

/* ---- Several workers, one queue. ---- */

/* Several workers that share the queue of one Unix socket, by the way of evd_worker_run(). */
static void share_queue(struct evd_server_config *config, struct evd_worker_shared *shared,
                        struct evd_worker *workers)
{
    struct evd_error error;
    for (unsigned i = 0; i < config->workers; i++) {
        assert_int_equal(evd_worker_open(&workers[i], config, i, shared, &error), EVD_OK);
        assert_int_equal(evd_worker_listen(&workers[i], i == 0 ? NULL : &workers[0], &error),
                         EVD_OK);
        evd_listener_start(&workers[i].listeners[0]);
    }
}

/* Connects so many clients; they wait until somebody accepts them. */
static void queue_up(const struct evd_address *address, int *ret_clients, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ret_clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(
            connect(ret_clients[i], (const struct sockaddr *)&address->addr, address->len), 0);
    }
}

/* Who wakes first does not take all who wait: of a queue that workers share, one in a turn. One
 * that is alone takes as many as there are. */
static void test_a_shared_queue_is_taken_from_one_at_a_time(void **state)
{
    (void)state;
    enum { CLIENTS = 6 };
    for (unsigned count = 1; count <= 2; count++) {
        struct one_worker one; /* for its configuration */
        struct evd_worker_shared shared = {0};
        static struct evd_worker workers[2];
        struct evd_error error;
        char path[TEST_SCRATCH_MAX], text[TEST_SCRATCH_MAX + 8];
        int clients[CLIENTS];
        one_worker_init(&one, probe_table, 1);
        test_scratch_file(path);
        (void)snprintf(text, sizeof text, "unix://%s", path);
        assert_int_equal(evd_parse_address(text, &one.config.listen[0], &error), EVD_OK);
        one.config.listen_count = 1;
        one.config.workers = count;
        share_queue(&one.config, &shared, workers);
        queue_up(&one.config.listen[0], clients, CLIENTS);
        for (size_t turn = 0; turn < CLIENTS; turn++) {
            struct evd_worker *worker = &workers[turn % count];
            (void)ev_run(worker->loop, EVRUN_NOWAIT);
            assert_int_equal(worker->accepted, count == 1 ? CLIENTS : turn / count + 1);
        }
        for (unsigned i = 0; i < count; i++) {
            assert_int_equal(workers[i].conns.count, CLIENTS / count);
            evd_worker_close(&workers[i]);
        }
        evd_listener_close_shared(&workers[0].listeners[0]);
        for (unsigned i = 0; i < count; i++)
            evd_worker_release(&workers[i]);
        for (size_t i = 0; i < CLIENTS; i++)
            (void)close(clients[i]);
        assert_int_equal(access(path, F_OK), -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_read_one_write_no_memory),
        cmocka_unit_test(test_payloads_are_borrowed),
        cmocka_unit_test(test_the_end_of_a_message_is_read_to_its_place),
        cmocka_unit_test(test_large_room_is_given_back),
        cmocka_unit_test(test_a_shared_queue_is_taken_from_one_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
