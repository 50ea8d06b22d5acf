#include "study_design.h"

#include "paths.h"
#include "study_design_keys.h"
#include "study_json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define DESIGN_BYTES_MAX ((size_t)1 << 20)

/* Options of `loadgen run` that the study sets itself. */
#define RUN_RESERVED                                                                               \
    "|--target|--transport|--scenario|--payloads|--warmup|--duration|--seed|--json|--quiet|"       \
    "--arm|--hlog|--server-pid|--cpus|--congestion|"

static size_t find_arm(const struct lg_design *design, const char *name)
{
    size_t i = 0;
    while (i < design->arm_count && strcmp(design->arms[i].name, name) != 0)
        i++;
    return i;
}

static int same_args(const struct lg_args *a, const struct lg_args *b)
{
    if (a->count != b->count)
        return 0;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->items[i], b->items[i]) != 0)
            return 0;
    return 1;
}

static int same_text(const char *a, const char *b)
{
    return (a == NULL && b == NULL) || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static int check_twin(const struct lg_key_place *place, const struct lg_design *design,
                      const struct lg_arm *arm)
{
    if (!arm->twin_of)
        return EVD_OK;
    size_t other = find_arm(design, arm->twin_of);
    if (other == design->arm_count || design->arms[other].twin_of)
        return lg_key_complain(place, "twin_of",
                               "must be the name of an arm above that is no twin");
    const struct lg_arm *twin = &design->arms[other];
    if (!same_args(&arm->server, &twin->server))
        return lg_key_complain(place, "server",
                               "must be the same as that of the arm it is a twin of");
    if (!same_args(&arm->load, &twin->load))
        return lg_key_complain(place, "load",
                               "must be the same as that of the arm it is a twin of");
    if (!same_text(arm->program, twin->program) || !same_text(arm->modules, twin->modules) ||
        !same_text(arm->scenario, twin->scenario) || !same_text(arm->transport, twin->transport))
        return lg_key_complain(
            place, "twin_of",
            "program, modules, scenario and transport must be those of the arm it is a "
            "twin of");
    return EVD_OK;
}

/* Names of factors and curves go into figures, as those of arms do. */
static int take_factors(const struct lg_key_place *place, const cJSON *item, struct lg_arm *arm)
{
    const cJSON *factors = cJSON_GetObjectItemCaseSensitive(item, "factor"), *factor;
    if ((factors != NULL) != (arm->curve != NULL))
        return lg_key_complain(place, "factor", "goes with 'curve', and 'curve' with it");
    if (!factors)
        return EVD_OK;
    int count = cJSON_GetArraySize(factors);
    if (!cJSON_IsObject(factors) || count < 1 || count > LG_FACTORS_MAX)
        return lg_key_complain(place, "factor", "must be an object of 1 to 4 numbers");
    int rc = lg_key_check_name(place, "curve", arm->curve);
    cJSON_ArrayForEach(factor, factors)
    {
        double value = cJSON_GetNumberValue(factor);
        if (rc == EVD_OK && !(value > 0 && value <= 1e15))
            rc = lg_key_complain(place, "factor", "must be an object of numbers greater than 0");
        if (rc == EVD_OK && !factor->string[0])
            rc = lg_key_complain(place, "factor", "must be an object of numbers with names");
        if (rc == EVD_OK)
            rc = lg_key_check_name(place, "factor", factor->string);
        arm->factors[arm->factor_count++] = (struct lg_factor){factor->string, value};
    }
    return rc;
}

/* A curve has one value at each place. */
static int check_points(const struct lg_key_place *place, const struct lg_design *design,
                        const struct lg_arm *arm)
{
    for (size_t i = 0; i < design->arm_count && arm->curve; i++) {
        const struct lg_arm *other = &design->arms[i];
        if (!other->curve || strcmp(other->curve, arm->curve) != 0)
            continue;
        for (size_t f = 0; f < arm->factor_count * other->factor_count; f++) {
            const struct lg_factor *a = &arm->factors[f / other->factor_count];
            const struct lg_factor *b = &other->factors[f % other->factor_count];
            if (strcmp(a->name, b->name) == 0 && !(a->value < b->value || a->value > b->value))
                return lg_key_complain(place, "factor",
                                       "another arm is at this place of this curve");
        }
    }
    return EVD_OK;
}

/* How many different names there are, up to LG_CURVES_MAX + 1. */
static size_t count_names(const char *const *names, size_t count)
{
    const char *seen[LG_CURVES_MAX + 1];
    size_t found = 0;
    for (size_t i = 0; i < count && found <= LG_CURVES_MAX; i++) {
        size_t at = 0;
        while (at < found && strcmp(seen[at], names[i]) != 0)
            at++;
        if (at == found)
            seen[found++] = names[i];
    }
    return found;
}

static int check_curves(const struct lg_key_place *place, const struct lg_design *design)
{
    const char *curves[LG_ARMS_MAX], *factors[LG_ARMS_MAX * LG_FACTORS_MAX];
    size_t curve_count = 0, factor_count = 0;
    for (size_t i = 0; i < design->arm_count; i++) {
        const struct lg_arm *arm = &design->arms[i];
        if (arm->curve)
            curves[curve_count++] = arm->curve;
        for (size_t f = 0; f < arm->factor_count; f++)
            factors[factor_count++] = arm->factors[f].name;
    }
    if (count_names(curves, curve_count) > LG_CURVES_MAX ||
        count_names(factors, factor_count) > LG_CURVES_MAX)
        return lg_key_complain(place, "arms", "there are more than 8 different curves, or factors");
    return EVD_OK;
}

/* The keys of an arm that may be left out. */
static int take_options(const struct lg_key_place *place, const cJSON *item, struct lg_arm *arm)
{
    const struct {
        const char *key;
        const char **ret_text;
    } keys[] = {{"twin_of", &arm->twin_of},     {"program", &arm->program},
                {"modules", &arm->modules},     {"scenario", &arm->scenario},
                {"transport", &arm->transport}, {"curve", &arm->curve}};
    int rc = EVD_OK;
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys) && rc == EVD_OK; i++)
        if (cJSON_HasObjectItem(item, keys[i].key))
            rc = lg_key_text(place, item, keys[i].key, NULL, keys[i].ret_text);
    if (rc == EVD_OK && cJSON_HasObjectItem(item, "load"))
        rc = lg_key_args(place, item, "load", RUN_RESERVED "--closed|--rate|", &arm->load);
    return rc == EVD_OK ? take_factors(place, item, arm) : rc;
}

static int take_arms(struct lg_key_place *place, const cJSON *root, struct lg_design *design)
{
    static const char reserved[] = "|--listen|--port-file|--tcp-congestion|";
    const cJSON *list, *item;
    int rc = lg_key_list(place, root, "arms", LG_ARMS_MAX, &list);
    if (rc != EVD_OK)
        return rc;
    cJSON_ArrayForEach(item, list)
    {
        struct lg_arm arm = {0};
        snprintf(place->path, sizeof(place->path), "arms[%zu]", design->arm_count);
        if ((rc =
                 lg_keys_check(place, item,
                               "|name|server|load|transport|twin_of|program|modules|scenario|curve|"
                               "factor|")) != EVD_OK ||
            (rc = lg_key_name(place, item, &arm.name)) != EVD_OK ||
            (rc = lg_key_args(place, item, "server", reserved, &arm.server)) != EVD_OK)
            return rc;
        if ((rc = take_options(place, item, &arm)) != EVD_OK ||
            (rc = check_points(place, design, &arm)) != EVD_OK)
            return rc;
        if (find_arm(design, arm.name) < design->arm_count)
            return lg_key_complain(place, "name", "another arm has this name");
        if ((rc = check_twin(place, design, &arm)) != EVD_OK)
            return rc;
        design->has_curves = design->has_curves || arm.curve;
        design->arms[design->arm_count++] = arm;
    }
    place->path[0] = '\0';
    const char *reference;
    rc = lg_key_text(place, root, "reference", design->arms[0].name, &reference);
    if (rc != EVD_OK)
        return rc;
    design->reference = find_arm(design, reference);
    if (design->reference == design->arm_count)
        return lg_key_complain(place, "reference", "must be the name of one of the arms");
    return check_curves(place, design);
}

/* All arms have a scenario of their own, or none has: else they could not be compared. */
static int take_own_scenarios(const struct lg_key_place *place, const cJSON *root,
                              struct lg_design *design)
{
    size_t own = 0;
    for (size_t i = 0; i < design->arm_count; i++)
        own += design->arms[i].scenario != NULL;
    if (own == 0)
        return EVD_OK;
    if (own < design->arm_count)
        return lg_key_complain(place, "arms", "some have a 'scenario' of their own: then all must");
    if (cJSON_HasObjectItem(root, "scenarios"))
        return lg_key_complain(place, "scenarios", "must not be there where each arm has its own");
    design->own_scenarios = true;
    design->scenario_files[0] = LG_OWN_SCENARIO;
    design->scenarios[design->scenario_count++] = LG_OWN_SCENARIO;
    return EVD_OK;
}

static int take_scenarios(struct lg_key_place *place, const cJSON *root, struct lg_design *design)
{
    const cJSON *list, *item;
    int rc = take_own_scenarios(place, root, design);
    if (rc != EVD_OK || design->own_scenarios)
        return rc;
    rc = lg_key_list(place, root, "scenarios", LG_SCENARIOS_MAX, &list);
    if (rc != EVD_OK)
        return rc;
    cJSON_ArrayForEach(item, list)
    {
        const char *file = cJSON_GetStringValue(item), *slash = file ? strrchr(file, '/') : NULL;
        const char *name = slash ? slash + 1 : file;
        char key[32];
        snprintf(key, sizeof(key), "scenarios[%zu]", design->scenario_count);
        if (!name || !name[0])
            return lg_key_complain(place, key, "must be the name of a scenario");
        if (strlen(file) >= LG_PATH_MAX)
            return lg_key_complain(place, key, "the path is too long");
        if ((rc = lg_key_check_name(place, key, name)) != EVD_OK)
            return rc;
        for (size_t i = 0; i < design->scenario_count; i++)
            if (strcmp(design->scenarios[i], name) == 0)
                return lg_key_complain(place, key, "is there twice; two files need two names");
        design->scenario_files[design->scenario_count] = file;
        design->scenarios[design->scenario_count++] = name;
    }
    return EVD_OK;
}

/* What makes the rate of a load: its options, or its share of the maximum. */
static int take_rate(const struct lg_key_place *place, const cJSON *item, struct lg_load *load)
{
    const cJSON *share = cJSON_GetObjectItemCaseSensitive(item, "rate_share");
    if (!share)
        return lg_key_args(place, item, "args", RUN_RESERVED, &load->run);
    load->share = cJSON_GetNumberValue(share);
    if (!(load->share >= 0.001 && load->share <= 2))
        return lg_key_complain(place, "rate_share", "must be a number of 0.001 to 2");
    return lg_key_args(place, item, "args", RUN_RESERVED "--rate|--closed|", &load->run);
}

static bool has_option(const struct lg_args *args, const char *name)
{
    for (size_t i = 0; i < args->count; i++)
        if (strcmp(args->items[i], name) == 0)
            return true;
    return false;
}

/* How the maximum is measured goes with loads that are a share of it, and they with it. */
static int take_maximum(struct lg_key_place *place, const cJSON *root, struct lg_design *design)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, "maximum");
    int rc;
    if ((item != NULL) != design->has_shares)
        return lg_key_complain(place, "maximum",
                               item ? "goes with a load that has a 'rate_share': there is none"
                                    : "is missing: a load has a 'rate_share'");
    if (!item)
        return EVD_OK;
    snprintf(place->path, sizeof(place->path), "maximum");
    design->maximum.name = design->maximum.title = "maximum";
    if ((rc = lg_keys_check(place, item, "|trials|args|")) != EVD_OK ||
        (rc = lg_key_number(place, item, "trials", 1, LG_MAXIMUM_TRIALS_MAX,
                            &design->maximum_trials)) != EVD_OK ||
        (rc = lg_key_args(place, item, "args", RUN_RESERVED "--rate|", &design->maximum.run)) !=
            EVD_OK)
        return rc;
    if (!has_option(&design->maximum.run, "--closed"))
        return lg_key_complain(place, "args", "must have --closed: a maximum is not asked for");
    place->path[0] = '\0';
    return EVD_OK;
}

static int take_slo(struct lg_key_place *place, const cJSON *root, struct lg_design *design)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, "slo");
    const char *text;
    int rc;
    if (!item)
        return EVD_OK;
    snprintf(place->path, sizeof(place->path), "slo");
    if ((rc = lg_keys_check(place, item, "|p99|")) != EVD_OK ||
        (rc = lg_key_duration(place, item, "p99", 1, &text, &design->slo_p99_ns)) != EVD_OK)
        return rc;
    place->path[0] = '\0';
    return EVD_OK;
}

static int take_loads(struct lg_key_place *place, const cJSON *root, struct lg_design *design)
{
    const cJSON *list, *item;
    int rc = lg_key_list(place, root, "loads", LG_LOADS_MAX, &list);
    if (rc != EVD_OK)
        return rc;
    cJSON_ArrayForEach(item, list)
    {
        struct lg_load load = {0};
        snprintf(place->path, sizeof(place->path), "loads[%zu]", design->load_count);
        if ((rc = lg_keys_check(place, item, "|name|title|args|rate_share|")) != EVD_OK ||
            (rc = lg_key_name(place, item, &load.name)) != EVD_OK ||
            (rc = lg_key_text(place, item, "title", load.name, &load.title)) != EVD_OK ||
            (rc = take_rate(place, item, &load)) != EVD_OK)
            return rc;
        for (size_t i = 0; i < design->load_count; i++)
            if (strcmp(design->loads[i].name, load.name) == 0)
                return lg_key_complain(place, "name", "another load has this name");
        design->has_shares = design->has_shares || load.share > 0;
        design->loads[design->load_count++] = load;
    }
    place->path[0] = '\0';
    return EVD_OK;
}

/* A figure of the method that may be left out: 0. */
static int take_positive(const struct lg_key_place *place, const cJSON *object, const char *key,
                         double most, double *ret_value)
{
    if (!cJSON_HasObjectItem(object, key))
        return EVD_OK;
    *ret_value = lg_json_number(object, key);
    return *ret_value > 0 && *ret_value <= most
               ? EVD_OK
               : lg_key_complain(place, key,
                                 "must be a number greater than 0, and not beyond reason");
}

/* They are of one program, which all arms then run. */
static int take_layouts(struct lg_key_place *place, const cJSON *root, struct lg_design *design)
{
    if (!cJSON_HasObjectItem(root, "layouts"))
        return EVD_OK;
    for (size_t i = 0; i < design->arm_count; i++)
        if (design->arms[i].program)
            return lg_key_complain(place, "layouts",
                                   "are the study's server's: no arm may have a 'program'");
    return lg_key_number(place, root, "layouts", 1, LG_LAYOUTS_MAX, &design->layouts);
}

static int check_method(const struct lg_key_place *place, const struct lg_design *design)
{
    const struct lg_method_design *method = &design->method;
    const struct lg_args *run = &design->loads[0].run;
    bool known = method->share > 0, same = design->arms[0].twin_of || design->arms[1].twin_of;
    if (design->blocks % method->blocks != 0)
        return lg_key_complain(place, "blocks",
                               "must go into the blocks of the study without a rest");
    if (design->arm_count != 2 || design->scenario_count != 1 || design->load_count != 1)
        return lg_key_complain(place, "", "takes two arms, one scenario and one load");
    if (run->count == 0 || strcmp(run->items[0], "--closed") != 0)
        return lg_key_complain(place, "", "takes a load whose first option is --closed");
    if ((method->steps > 0) == same)
        return lg_key_complain(place, "steps", "is of an arm that does more, and no twin");
    if (known != (method->call_ns > 0) || known != (method->step_ns > 0) ||
        (known && !(method->steps > 0)))
        return lg_key_complain(place, "share",
                               "goes with 'steps', 'call_ns' and 'step_ns', all of them");
    return EVD_OK;
}

/* After everything else. */
static int take_method(struct lg_key_place *place, const cJSON *root, struct lg_design *design)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, "method");
    struct lg_method_design *method = &design->method;
    int rc;
    if (!item)
        return EVD_OK;
    snprintf(place->path, sizeof(place->path), "method");
    if ((rc = lg_keys_check(place, item, "|blocks|steps|share|call_ns|step_ns|")) != EVD_OK ||
        (rc = lg_key_number(place, item, "blocks", 2, LG_BLOCKS_MAX, &method->blocks)) != EVD_OK ||
        (rc = take_positive(place, item, "steps", 1e7, &method->steps)) != EVD_OK ||
        (rc = take_positive(place, item, "share", 1, &method->share)) != EVD_OK ||
        (rc = take_positive(place, item, "call_ns", 1e12, &method->call_ns)) != EVD_OK ||
        (rc = take_positive(place, item, "step_ns", 1e12, &method->step_ns)) != EVD_OK ||
        (rc = check_method(place, design)) != EVD_OK)
        return rc;
    place->path[0] = '\0';
    return EVD_OK;
}

static int take_all(struct lg_key_place *place, const cJSON *root, struct lg_design *design)
{
    int rc;
    if ((rc = lg_keys_check(
             place, root,
             "|name|title|description|blocks|repeats|warmup|duration|server_cpu|load_cpu|"
             "layouts|keep_awake|transport|congestion|reference|arms|scenarios|loads|maximum|slo|"
             "method|")) != EVD_OK ||
        (rc = lg_key_name(place, root, &design->name)) != EVD_OK ||
        (rc = lg_key_text(place, root, "title", design->name, &design->title)) != EVD_OK ||
        (rc = lg_key_text(place, root, "description", "", &design->description)) != EVD_OK ||
        (rc = lg_key_number(place, root, "blocks", 1, LG_BLOCKS_MAX, &design->blocks)) != EVD_OK ||
        (cJSON_HasObjectItem(root, "repeats") &&
         (rc = lg_key_number(place, root, "repeats", 0, LG_BLOCKS_MAX, &design->repeats)) !=
             EVD_OK) ||
        (rc = lg_key_number(place, root, "server_cpu", 0, LG_CPU_MAX, &design->server_cpu)) !=
            EVD_OK ||
        (rc = lg_key_number(place, root, "load_cpu", 0, LG_CPU_MAX, &design->load_cpu)) != EVD_OK ||
        (rc = lg_key_flag(place, root, "keep_awake", &design->keep_awake)) != EVD_OK ||
        (rc = lg_key_duration(place, root, "warmup", 0, &design->warmup, &design->warmup_ns)) !=
            EVD_OK ||
        (rc = lg_key_duration(place, root, "duration", 1, &design->duration,
                              &design->duration_ns)) != EVD_OK ||
        (rc = lg_key_text(place, root, "transport", "frame", &design->transport)) != EVD_OK ||
        (rc = lg_key_text(place, root, "congestion", "reno", &design->congestion)) != EVD_OK ||
        (rc = take_arms(place, root, design)) != EVD_OK ||
        (rc = take_layouts(place, root, design)) != EVD_OK ||
        (rc = take_scenarios(place, root, design)) != EVD_OK ||
        (rc = take_loads(place, root, design)) != EVD_OK ||
        (rc = take_maximum(place, root, design)) != EVD_OK ||
        (rc = take_slo(place, root, design)) != EVD_OK ||
        (rc = take_method(place, root, design)) != EVD_OK)
        return rc;
    if (design->blocks * lg_design_cells(design) > LG_TRIALS_MAX)
        return lg_key_complain(place, "blocks", "makes more than 100000 trials in all");
    return EVD_OK;
}

int lg_design_take(cJSON *root, const char *source, struct lg_design *ret_design,
                   struct evd_error *ret_error)
{
    struct lg_key_place place = {.source = source, .error = ret_error};
    *ret_design = (struct lg_design){.root = root};
    int rc = take_all(&place, root, ret_design);
    if (rc != EVD_OK)
        lg_design_release(ret_design);
    return rc;
}

static void change(cJSON *root, const char *key, cJSON *value)
{
    if (!cJSON_ReplaceItemInObjectCaseSensitive(root, key, value))
        cJSON_Delete(value); /* the file lacks it: it will be told */
}

int lg_design_read(const char *path, const struct lg_design_changes *changes,
                   struct lg_design *ret_design, struct evd_error *ret_error)
{
    cJSON *root;
    int rc = lg_json_read(path, DESIGN_BYTES_MAX, &root, ret_error);
    if (rc != EVD_OK)
        return rc;
    if (changes && changes->blocks > 0)
        change(root, "blocks", cJSON_CreateNumber(changes->blocks));
    if (changes && changes->warmup)
        change(root, "warmup", cJSON_CreateString(changes->warmup));
    if (changes && changes->duration)
        change(root, "duration", cJSON_CreateString(changes->duration));
    if (changes && changes->one_layout)
        cJSON_DeleteItemFromObjectCaseSensitive(root, "layouts");
    return lg_design_take(root, path, ret_design, ret_error);
}

void lg_design_release(struct lg_design *design)
{
    cJSON_Delete(design->root);
    *design = (struct lg_design){0};
}
