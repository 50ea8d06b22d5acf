/* What a run must have measured: worked out request by request from the schedule, by rules that are
 * not the generator's. */
#ifndef LG_TEST_SIM_MODEL_H
#define LG_TEST_SIM_MODEL_H

#include "sim.h"

#include "tests/loadgen/trial.h"

#define MODEL_SLOTS_MAX 4096

/* Runs it in the world that sim_begin() made, against SIM_ADDRESS over binary frames, with a
 * scenario of one call whose data are `data`. `format`: the options beside that. */
__attribute__((format(printf, 3, 4))) void run_simulated(struct trial *trial, uint64_t data,
                                                         const char *format, ...);

/* Ends the trial and the world. */
void end_simulated(struct trial *trial);

/* A queue of requests for `slots` slots in the order of their due times: each takes the slot that
 * is free first (J. Kiefer, J. Wolfowitz, "On the theory of queues with many servers", 1955). */
struct model {
    unsigned slots;
    uint64_t from_ns, to_ns;                 /* requests due in [from, to) are measured */
    uint64_t (*leaves)(uint64_t arrives_ns); /* when the server answers; NULL: at once */

    uint64_t free_ns[MODEL_SLOTS_MAX]; /* zeroed */
    uint64_t measured, slow_services;  /* of them, services over 100 ms */
    struct lg_histogram response, service, woke_late, no_free_slot;
};

void model_init(struct model *model, unsigned slots, uint64_t warmup_ns, uint64_t duration_ns);

/* The next request, due at due_ns: the world's latency and stop are taken into account. */
void model_add(struct model *model, uint64_t due_ns);

/* All of an even schedule of `rate` a second, from SIM_START_NS to the end. */
void model_add_constant(struct model *model, uint64_t rate);

/* Bucket by bucket, and to the nanosecond in count, sum, least and greatest. */
void assert_same_histogram(const struct lg_histogram *expected,
                           const struct lg_histogram *measured);

/* Each of the model's histograms is the run's. */
void assert_as_modelled(const struct model *model, const struct trial *trial);

/* "": VALID; else its causes, each once, in their order, with a blank between. */
void assert_causes(const struct trial *trial, const char *expected);

#endif
