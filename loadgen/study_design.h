/* The design of a study: a JSON file, checked strictly. loadgen/studies/README.md explains its
 * keys. */
#ifndef LG_STUDY_DESIGN_H
#define LG_STUDY_DESIGN_H

#include "dispatch/status.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LG_ARMS_MAX = 64,
    LG_SCENARIOS_MAX = 16,
    LG_LOADS_MAX = 16,
    LG_MAXIMUM_TRIALS_MAX = 20,
    LG_LAYOUTS_MAX = 30, /* as many as server/CMakeLists.txt makes */
    LG_BLOCKS_MAX = 2000,
    LG_CPU_MAX = 1023,
    LG_ARGS_MAX = 32,
    LG_NAME_MAX = 48,
    LG_FACTORS_MAX = 4, /* of an arm */
    LG_CURVES_MAX = 8,  /* names of curves, and of factors, in a design */
    LG_TRIALS_MAX = 100000
};

/* The longest warm-up and the longest measurement of a trial: an hour each. */
#define LG_TRIAL_NS_MAX UINT64_C(3600000000000)

/* Stands for the scenarios of the arms, where each has its own. */
#define LG_OWN_SCENARIO "own"

struct lg_args {
    size_t count;
    const char *items[LG_ARGS_MAX];
};

/* Where an arm stands on an axis of growth: {"endpoints": 1000}. */
struct lg_factor {
    const char *name;
    double value; /* > 0 */
};

/* Paths are the design's: relative ones start at the folder of builds (lg_study_options). */
struct lg_arm {
    const char *name;
    const char *twin_of;         /* the arm this one repeats under another name (A/A), or NULL */
    struct lg_args server, load; /* options of evd-server, and of `loadgen run` behind the load's */
    const char *transport;       /* or NULL: the study's */
    const char *program;         /* the server's, or NULL: the study's */
    const char *modules;         /* its modules folder, or NULL: the server's own */
    const char *scenario;        /* a path in place of the design's scenarios, or NULL */
    const char *curve;           /* the curve that its factors are points of, or NULL */
    size_t factor_count;         /* 0 without a curve, and only then */
    struct lg_factor factors[LG_FACTORS_MAX];
};

struct lg_load {
    const char *name, *title; /* the title is the name where the file has none */
    struct lg_args run;
    double share; /* of the reference arm's measured maximum, which makes the rate; 0: `run` says */
};

/* A study that shows whether the method keeps its word: its blocks are cut into comparisons, each
 * judged as a study of its own. One closed load, one scenario, two arms: the same twice, or one
 * whose calls take `steps` steps more (loadgen/aa/work.c). */
struct lg_method_design {
    unsigned blocks; /* of each comparison; 0: the study is none of these */
    double steps;    /* 0: the same arm twice */
    double share;    /* these of the reference's CPU time per call; 0: unknown, to be found */
    double call_ns, step_ns; /* by which that was found; 0 where the share is */
};

/* Every text is owned by `root`. */
struct lg_design {
    cJSON *root;
    const char *name, *title, *description;
    const char *warmup, *duration; /* as written, checked by evd_parse_duration() */
    uint64_t warmup_ns, duration_ns;
    const char *transport, *congestion; /* "frame" and "reno" where the file has none */
    unsigned blocks, server_cpu, load_cpu;
    bool
        keep_awake; /* no CPU is halted while it has nothing to do; false where the file has none */
    unsigned repeats; /* of INVALID trials, at most so many in a block; 0 where the file has none */
    unsigned layouts; /* of the server, in turn by block (study_layout.h); 0: as it was built */
    size_t reference; /* index into arms */
    size_t arm_count, scenario_count, load_count;
    bool own_scenarios;     /* each arm has one: scenarios[] is then the one name LG_OWN_SCENARIO */
    bool has_curves;        /* some arm is a point of a curve: the report is one of growth */
    bool has_shares;        /* some load has a share: the maximum is measured first */
    struct lg_load maximum; /* how; with shares only */
    unsigned maximum_trials; /* of each scenario; 0 without shares */
    uint64_t slo_p99_ns;     /* what latencies are held against; 0: nothing */
    struct lg_method_design method;
    struct lg_arm arms[LG_ARMS_MAX];
    /* What they are called: of a file its own name, without its folders. */
    const char *scenarios[LG_SCENARIOS_MAX];
    const char *scenario_files[LG_SCENARIOS_MAX]; /* as `loadgen run --scenario` takes them */
    struct lg_load loads[LG_LOADS_MAX];
};

/* Takes `root` over in any case. `source` names the file in errors. */
int lg_design_take(cJSON *root, const char *source, struct lg_design *ret_design,
                   struct evd_error *ret_error);

/* What a command line changes of a design, so that one file serves a short study and a long one.
 * The design is changed as if the file had said so. */
struct lg_design_changes {
    unsigned blocks;               /* 0: as the file says */
    const char *warmup, *duration; /* NULL: as the file says */
    bool one_layout;               /* `layouts` is left out */
};

int lg_design_read(const char *path, const struct lg_design_changes *changes,
                   struct lg_design *ret_design, struct evd_error *ret_error);

void lg_design_release(struct lg_design *design);

/* One cell is an arm under a scenario and a load. A cell's index counts arms fastest, then loads.
 */
static inline size_t lg_design_cells(const struct lg_design *design)
{
    return design->arm_count * design->load_count * design->scenario_count;
}

static inline size_t lg_design_cell(const struct lg_design *design, size_t scenario, size_t load,
                                    size_t arm)
{
    return (scenario * design->load_count + load) * design->arm_count + arm;
}

#endif
