/* Clients of the simulation: what they send, what they must get, and how they behave. */
#ifndef EVD_SIM_PEER_H
#define EVD_SIM_PEER_H

#include "sim.h"

#define SIM_LARGE     8192 /* letters at most that sim.large answers */
#define SIM_CALLS_MAX 32   /* of one peer */
#define SIM_TEXT      (160 * 1024)

enum sim_manner {
    SIM_EAGER,    /* sends in pieces, reads what is there, and closes when it has everything */
    SIM_HALF,     /* sends all, ends its direction at once, and still gets every answer */
    SIM_SLOW,     /* reads a little now and then, but everything in the end */
    SIM_ORDERLY,  /* the next call when the last is answered */
    SIM_IDLER,    /* gets its answers, and is silent from then on */
    SIM_DEAF,     /* never reads */
    SIM_TALKER,   /* the same, and makes another call now and then */
    SIM_TRICKLE,  /* a byte now and then of a message that does not end */
    SIM_SILENT,   /* sends nothing */
    SIM_RESETTER, /* resets at some moment */
    SIM_STUCK,    /* makes a call that is never answered */
    SIM_CLINGER,  /* speaks no protocol, and goes on when the server has said goodbye */
    SIM_MANNERS,
};

enum sim_protocol { SIM_LINES, SIM_FRAMES, SIM_HTTP, SIM_PROTOCOLS };

struct sim_answer {
    size_t at, len;  /* of expected[]; HTTP: only its beginning */
    size_t call_end; /* of script[]: where its call is whole */
};

struct sim_peer {
    enum sim_manner manner;
    enum sim_protocol protocol;
    uint64_t next_ns; /* it does nothing before */
    bool started, done;
    bool cut;                    /* it need not get everything: draining, a limit */
    uint64_t began_ns, ended_ns; /* connected; saw the end */
    char script[SIM_TEXT], expected[SIM_TEXT], out[SIM_TEXT];
    size_t script_len, expected_len;
    struct sim_answer answers[SIM_CALLS_MAX];
    size_t answer_count, answered; /* that are due; that came */
    size_t errors;                 /* of them: errors for want of something, by a fault */
    size_t turn;                   /* SIM_TALKER: the call that comes next */
    size_t parsed;                 /* bytes of out[] */
    char first_error[128];         /* the code of the first that was not expected */
};

extern struct sim_peer sim_peers[SIM_PEERS];

/* A peer that connects at this time and makes so many calls (of SIM_TRICKLE, SIM_SILENT: none). */
struct sim_peer *sim_peer_make(int number, enum sim_manner manner, enum sim_protocol protocol,
                               size_t calls, uint64_t start_ns);

/* One more call, in its protocol's own bytes, and its answer. */
void sim_peer_say(struct sim_peer *peer, const char *call, const char *answer);

/* Does what it may do now. False: nothing. Checks each answer as it comes. */
bool sim_peer_act(int number);

#endif
