#include "roofline.h"

#include <string.h>

#define STATIC                                                                                     \
    {                                                                                              \
        "--dispatch=static", NULL                                                                  \
    }
#define CACHED                                                                                     \
    {                                                                                              \
        "--dispatch=dynamic", "--dynamic-load=cached", NULL                                        \
    }
#define POOL                                                                                       \
    {                                                                                              \
        "--dispatch=instance", "--instance-alloc=pool", NULL                                       \
    }
#define NOTHING                                                                                    \
    {                                                                                              \
        NULL                                                                                       \
    }

const struct roofline_arm roofline_arms[] = {
    {"echo", NULL, NOTHING},
    {"echo again", NULL, NOTHING},
    {"frame/static", "frame", STATIC},
    {"frame/dynamic-cached", "frame", CACHED},
    {"frame/instance-pool", "frame", POOL},
    {"jsonl/static", "jsonl", STATIC},
    {"jsonl/dynamic-cached", "jsonl", CACHED},
    {"jsonl/instance-pool", "jsonl", POOL},
};
const size_t roofline_arm_count = sizeof roofline_arms / sizeof *roofline_arms;

const struct roofline_shape roofline_shapes[] = {{64, 1}, {64, 16}, {64, 64}};
const size_t roofline_shape_count = sizeof roofline_shapes / sizeof *roofline_shapes;

/* What prototypes of the same protocols reached on this kind of machine. */
static const struct roofline_target targets[] = {
    {"frame", 64, 1, 0.97}, {"frame", 64, 16, 0.93}, {"frame", 64, 64, 0.87},
    {"jsonl", 64, 1, 0.95}, {"jsonl", 64, 16, 0.78}, {"jsonl", 64, 64, 0.52},
};

double roofline_target(const char *transport, const struct roofline_shape *shape)
{
    for (size_t i = 0; transport != NULL && i < sizeof targets / sizeof *targets; i++) {
        const struct roofline_target *target = &targets[i];
        if (strcmp(target->transport, transport) == 0 && target->depth == shape->depth &&
            target->connections == shape->connections)
            return target->ratio;
    }
    return 0;
}
