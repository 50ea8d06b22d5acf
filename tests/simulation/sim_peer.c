#include "sim_peer.h"

#include <stdio.h>
#include <string.h>

#define TRICKLE_NS SIM_SECOND
#define CLING_NS   (SIM_SECOND / 10)
#define CLINGS     1000

struct sim_peer sim_peers[SIM_PEERS];

/* ---- What it sends, and what it must get: docs/PROTOCOL.md. ---- */

static void put(char *text, size_t *len, const void *bytes, size_t count)
{
    SIM_CHECK(*len + count < SIM_TEXT);
    memcpy(text + *len, bytes, count);
    *len += count;
    text[*len] = '\0';
}

static void put_text(char *text, size_t *len, const char *more)
{
    put(text, len, more, strlen(more));
}

struct told {
    const char *event;
    char data[3000];
    char answer[SIM_LARGE + 8]; /* "": the error below */
    const char *code, *message;
};

static void choose_data(char *data)
{
    size_t count = sim_below(4) == 0 ? sim_below(1500) : sim_below(20), len = 0;
    data[len++] = '[';
    for (size_t i = 0; i < count; i++)
        len += (size_t)sprintf(data + len, i == 0 ? "%d" : ",%d", (int)sim_below(10));
    data[len++] = ']';
    data[len] = '\0';
}

static void choose(struct told *told)
{
    *told = (struct told){.event = "api.services.status"};
    choose_data(told->data);
    switch (sim_below(6)) {
    case 0:
        strcpy(told->answer, "\"online\"");
        break;
    case 1:
        told->event = "api.test.board";
        strcpy(told->answer, told->data);
        break;
    case 2:
        told->event = "sim.later";
        (void)sprintf(told->answer, "%zu", strlen(told->data));
        break;
    case 3:
        told->event = "sim.tree";
        strcpy(told->data, "{\"other\":1,\"name\":[1,\"two\"]}");
        strcpy(told->answer, "[1,\"two\"]");
        break;
    case 4: {
        size_t len = sim_below(SIM_LARGE);
        told->event = "sim.large";
        (void)sprintf(told->data, "%zu", len);
        memset(told->answer, 'x', len + 2);
        told->answer[0] = told->answer[len + 1] = '"';
        break;
    }
    default:
        told->event = "sim.nope";
        told->code = "no_such_function";
        told->message = "Nope doesn't exist";
        break;
    }
}

static void add_line(struct sim_peer *peer, int id, const struct told *told)
{
    char text[SIM_LARGE + 4000];
    (void)sprintf(text, "{\"id\":%d,\"event\":\"%s\",\"data\":%s}\n", id, told->event, told->data);
    put_text(peer->script, &peer->script_len, text);
    if (told->code == NULL)
        (void)sprintf(text, "{\"id\":%d,\"data\":%s}\n", id, told->answer);
    else
        (void)sprintf(text, "{\"id\":%d,\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}\n", id,
                      told->code, told->message);
    put_text(peer->expected, &peer->expected_len, text);
}

/* Two parts behind a header of 20 bytes: an event and data, or a code and a message. */
static void put_frame(char *text, size_t *len, unsigned type, int id, const char *first,
                      const char *second)
{
    size_t first_len = strlen(first), all = first_len + strlen(second);
    const unsigned char header[20] = {
        0xED,
        (unsigned char)type,
        1,
        0,
        0,
        0,
        (unsigned char)(all >> 8),
        (unsigned char)all,
        0,
        0,
        0,
        0,
        0,
        0,
        (unsigned char)(id >> 8),
        (unsigned char)id,
        (unsigned char)(first_len >> 8),
        (unsigned char)first_len,
    };
    put(text, len, header, sizeof header);
    put_text(text, len, first);
    put_text(text, len, second);
}

static void add_frame(struct sim_peer *peer, int id, const struct told *told)
{
    put_frame(peer->script, &peer->script_len, 1, id, told->event, told->data);
    if (told->code == NULL)
        put_frame(peer->expected, &peer->expected_len, 2, id, "", told->answer);
    else
        put_frame(peer->expected, &peer->expected_len, 3, id, told->code, told->message);
}

static void add_request(struct sim_peer *peer)
{
    bool there = sim_below(3) > 0;
    put_text(peer->script, &peer->script_len, there ? "GET /healthz" : "GET /nothing");
    put_text(peer->script, &peer->script_len, " HTTP/1.1\r\nHost: sim\r\n\r\n");
    put_text(peer->expected, &peer->expected_len, there ? "HTTP/1.1 200 " : "HTTP/1.1 404 ");
}

static void add_call(struct sim_peer *peer, int id)
{
    static struct told told;
    struct sim_answer *answer = &peer->answers[peer->answer_count++];
    answer->at = peer->expected_len;
    choose(&told);
    if (peer->protocol == SIM_LINES)
        add_line(peer, id, &told);
    else if (peer->protocol == SIM_FRAMES)
        add_frame(peer, id, &told);
    else
        add_request(peer);
    answer->len = peer->expected_len - answer->at;
    answer->call_end = peer->script_len;
}

void sim_peer_say(struct sim_peer *peer, const char *call, const char *answer)
{
    struct sim_answer *due = &peer->answers[peer->answer_count++];
    SIM_CHECK(peer->answer_count <= SIM_CALLS_MAX);
    due->at = peer->expected_len;
    put_text(peer->script, &peer->script_len, call);
    put_text(peer->expected, &peer->expected_len, answer);
    due->len = peer->expected_len - due->at;
    due->call_end = peer->script_len;
}

struct sim_peer *sim_peer_make(int number, enum sim_manner manner, enum sim_protocol protocol,
                               size_t calls, uint64_t start_ns)
{
    struct sim_peer *peer = &sim_peers[number];
    struct sim_socket *s = &sim.sockets[number];
    SIM_CHECK(number < SIM_PEERS && calls <= SIM_CALLS_MAX);
    memset(peer, 0, offsetof(struct sim_peer, script));
    memset(&peer->script_len, 0, sizeof *peer - offsetof(struct sim_peer, script_len));
    peer->manner = manner;
    peer->protocol = protocol;
    peer->next_ns = start_ns;
    peer->script[0] = peer->expected[0] = '\0';
    for (size_t i = 0; i < calls; i++)
        add_call(peer, (int)i + 1);
    if (manner == SIM_STUCK)
        put_text(peer->script, &peer->script_len, "{\"event\":\"sim.never\"}\n");
    if (manner == SIM_CLINGER)
        for (int i = 0; i < CLINGS; i++)
            put_text(peer->script, &peer->script_len, "?");
    if (manner == SIM_TRICKLE) {
        static char blanks[2000];
        memset(blanks, ' ', sizeof blanks - 1);
        put_text(peer->script, &peer->script_len,
                 protocol == SIM_LINES  ? "{\"event\":"
                 : protocol == SIM_HTTP ? "GET / HTTP/1.1\r\nHost: "
                                        : "\xED\x01\x01");
        put_text(peer->script, &peer->script_len, blanks);
    }
    *s = (struct sim_socket){
        .fd = SIM_NOBODY,
        .in = peer->script,
        .out = peer->out,
        .out_max = SIM_TEXT,
        .window = manner == SIM_DEAF || manner == SIM_TALKER || sim_below(3) == 0
                      ? 1 + sim_below(4096)
                      : SIM_TEXT,
    };
    return peer;
}

/* ---- What came. ---- */

/* The bytes of the first answer of out[], when it is whole; else 0. */
static size_t whole_answer(const struct sim_peer *peer, const char *text, size_t len)
{
    if (peer->protocol == SIM_LINES) {
        const char *end = memchr(text, '\n', len);
        return end == NULL ? 0 : (size_t)(end - text) + 1;
    }
    if (peer->protocol == SIM_FRAMES) {
        const unsigned char *p = (const unsigned char *)text;
        if (len < 20)
            return 0;
        size_t all = 20 + ((size_t)p[4] << 24 | (size_t)p[5] << 16 | (size_t)p[6] << 8 | p[7]);
        return all <= len ? all : 0;
    }
    const char *body = memmem(text, len, "\r\n\r\n", 4), *field;
    size_t body_len = 0;
    if (body == NULL)
        return 0;
    field = memmem(text, (size_t)(body - text), "Content-Length: ", 16);
    SIM_CHECK(field != NULL && sscanf(field + 16, "%zu", &body_len) == 1);
    size_t all = (size_t)(body - text) + 4 + body_len;
    return all <= len ? all : 0;
}

/* An error that says what was short: the answer of a call that met a fault, and of no other. */
static bool is_shortage(const struct sim_peer *peer, const char *text, size_t len, int id)
{
    static const char *const codes[] = {"no_memory", "busy"};
    char begin[100];
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        const char *code = codes[i];
        if (peer->protocol == SIM_FRAMES && len > 20 + strlen(code) && text[1] == 3 &&
            ((unsigned char)text[14] << 8 | (unsigned char)text[15]) == id &&
            memcmp(text + 20, code, strlen(code)) == 0)
            return true;
        (void)sprintf(begin, "{\"id\":%d,\"error\":{\"code\":\"%s\"", id, code);
        if (peer->protocol == SIM_LINES && strncmp(text, begin, strlen(begin)) == 0)
            return true;
    }
    /* Of who was never let in nothing is known, nor by which protocol it would speak. */
    return (peer->protocol == SIM_HTTP && strncmp(text, "HTTP/1.1 50", 11) == 0) ||
           strncmp(text, "{\"error\":{\"code\":\"busy\"", 23) == 0;
}

static void show(const char *text, size_t len)
{
    for (size_t i = 0; i < len && i < 200; i++)
        print_error(text[i] >= ' ' && text[i] <= '~' ? "%c" : "\\x%02X", (unsigned char)text[i]);
    print_error("\n");
}

static void check_answer(int number, const char *text, size_t len)
{
    struct sim_peer *peer = &sim_peers[number];
    if (peer->answered < peer->answer_count) {
        const struct sim_answer *answer = &peer->answers[peer->answered];
        bool same = peer->protocol == SIM_HTTP ? len > answer->len : len == answer->len;
        if (same && memcmp(text, peer->expected + answer->at, answer->len) == 0) {
            SIM_CHECK(answer->call_end <= sim.sockets[number].taken); /* not before it was asked */
            peer->answered++;
            return;
        }
    }
    bool excused = peer->cut || sim_suspect(number);
    if (!excused || !is_shortage(peer, text, len, (int)peer->answered + 1)) {
        if (peer->first_error[0] == '\0' && peer->cut) {
            (void)snprintf(peer->first_error, sizeof peer->first_error, "%.*s", (int)len, text);
            peer->answered++;
            return;
        }
        const struct sim_answer *due = &peer->answers[peer->answered];
        print_error("peer %d, answer %zu, due: ", number, peer->answered + 1);
        show(peer->expected + due->at, peer->answered < peer->answer_count ? due->len : 0);
        print_error("came: ");
        show(text, len);
        SIM_CHECK(false && "an answer is right, or says why there is none");
    }
    peer->errors++;
    peer->answered++;
}

static void read_answers(int number)
{
    struct sim_peer *peer = &sim_peers[number];
    size_t there = sim.sockets[number].out_read;
    for (;;) {
        const char *text = peer->out + peer->parsed;
        size_t len = there == peer->parsed ? 0 : whole_answer(peer, text, there - peer->parsed);
        if (len == 0)
            return;
        peer->parsed += len;
        check_answer(number, text, len);
    }
}

/* ---- What it does. ---- */

static bool is_deaf(const struct sim_peer *peer)
{
    return peer->manner == SIM_DEAF || peer->manner == SIM_TALKER;
}

static bool reads(int number, size_t most)
{
    struct sim_socket *s = &sim.sockets[number];
    size_t there = s->out_len - s->out_read;
    if (there == 0)
        return false;
    s->out_read += there < most ? there : most;
    read_answers(number);
    return true;
}

static bool sends(int number, size_t most)
{
    struct sim_peer *peer = &sim_peers[number];
    struct sim_socket *s = &sim.sockets[number];
    size_t left = peer->script_len - s->sent;
    if (left == 0 || s->client_shut || s->server_gone)
        return false;
    s->sent += left < most ? left : most;
    return true;
}

/* The end: by then all has come, or there is somebody to blame. */
static void over(int number)
{
    struct sim_peer *peer = &sim_peers[number];
    struct sim_socket *s = &sim.sockets[number];
    peer->done = true;
    peer->ended_ns = sim.now_ns;
    if (peer->manner == SIM_RESETTER || peer->cut || sim_suspect(number))
        return;
    SIM_CHECK(!s->server_reset || is_deaf(peer) || peer->manner == SIM_TRICKLE ||
              peer->manner == SIM_STUCK || peer->manner == SIM_CLINGER);
    SIM_CHECK(is_deaf(peer) || peer->answered == peer->answer_count);
    SIM_CHECK(is_deaf(peer) || peer->parsed == s->out_len);
}

/* Does it end the connection itself? */
static bool leaves(const struct sim_peer *peer)
{
    return peer->manner == SIM_EAGER || peer->manner == SIM_SLOW || peer->manner == SIM_ORDERLY;
}

static bool next_piece(int number)
{
    struct sim_peer *peer = &sim_peers[number];
    struct sim_socket *s = &sim.sockets[number];
    size_t piece = sim_below(4) == 0 ? SIM_TEXT : 1 + sim_below(400);
    switch (peer->manner) {
    case SIM_HALF:
        if (s->client_shut)
            return false;
        (void)sends(number, SIM_TEXT);
        s->client_shut = true;
        return true;
    case SIM_ORDERLY: {
        if (peer->answered == peer->answer_count)
            return false;
        size_t end = peer->answers[peer->answered].call_end;
        return s->sent < end && sends(number, piece < end - s->sent ? piece : end - s->sent);
    }
    case SIM_TRICKLE:
        if (sim.now_ns < peer->next_ns || !sends(number, 1))
            return false;
        peer->next_ns = sim.now_ns + TRICKLE_NS;
        return true;
    case SIM_TALKER: {
        size_t end = peer->answer_count == 0 ? 0 : peer->answers[peer->turn].call_end;
        if (sim.now_ns < peer->next_ns || !sends(number, end - s->sent))
            return false;
        peer->turn += peer->turn + 1 < peer->answer_count;
        peer->next_ns = sim.now_ns + TRICKLE_NS;
        return true;
    }
    case SIM_CLINGER:
        if (sim.now_ns < peer->next_ns || !sends(number, 1))
            return false;
        peer->next_ns = sim.now_ns + CLING_NS;
        return true;
    case SIM_SILENT:
        return false;
    default:
        return sends(number, piece);
    }
}

static bool start(int number)
{
    struct sim_peer *peer = &sim_peers[number];
    if (!sim_connect(number)) { /* the queue is full: a client's kernel tries again */
        peer->next_ns = sim.now_ns + SIM_SECOND;
        return false;
    }
    peer->started = true;
    peer->began_ns = sim.now_ns;
    return true;
}

static bool goes(int number)
{
    struct sim_peer *peer = &sim_peers[number];
    struct sim_socket *s = &sim.sockets[number];
    if (peer->manner == SIM_RESETTER && sim_below(60) == 0) {
        s->client_reset = true;
        over(number);
        return true;
    }
    if (leaves(peer) && peer->answered == peer->answer_count && !s->client_shut) {
        s->client_shut = true; /* and waits for the server's */
        return true;
    }
    return false;
}

bool sim_peer_act(int number)
{
    struct sim_peer *peer = &sim_peers[number];
    struct sim_socket *s = &sim.sockets[number];
    bool trickles = peer->started && (peer->manner == SIM_TRICKLE || peer->manner == SIM_TALKER ||
                                      peer->manner == SIM_CLINGER); /* and reads meanwhile */
    if (peer->done || (sim.now_ns < peer->next_ns && !trickles))
        return false;
    if (!peer->started)
        return start(number);
    bool moved = false, slow = peer->manner == SIM_SLOW && !s->server_gone;
    if (!is_deaf(peer) && (!slow || sim_below(8) == 0))
        moved |= reads(number, slow || sim_below(2) == 0 ? 1 + sim_below(900) : SIM_TEXT);
    bool clings = peer->manner == SIM_CLINGER && !s->server_gone;
    bool end = s->server_reset || (s->server_shut && s->out_read == s->out_len) ||
               (s->server_gone && is_deaf(peer));
    if (end && !clings) {
        bool lost = s->server_reset && s->out_read < s->out_len;
        if (!lost || is_deaf(peer) || sim_suspect(number) || peer->cut ||
            peer->manner == SIM_RESETTER)
            (void)0;
        else
            SIM_CHECK(false && "an answer was destroyed by a reset");
        s->client_shut = true;
        over(number);
        return true;
    }
    moved |= goes(number);
    if (!peer->done && sim_below(2) == 0)
        moved |= next_piece(number);
    return moved;
}
