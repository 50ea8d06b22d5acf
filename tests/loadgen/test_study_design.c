/* Designs that are wrong are told so in words; orders are permutations that come back with the
 * seed. */
#include "loadgen/study_design.h"
#include "loadgen/study_json.h"
#include "loadgen/study_order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARMS      "\"arms\":[{\"name\":\"a\",\"server\":[]},{\"name\":\"b\",\"server\":[\"--x\"]}]"
#define SCENARIOS "\"scenarios\":[\"services\"]"
#define LOADS     "\"loads\":[{\"name\":\"l\",\"args\":[\"--closed\"]}]"
#define HEAD      "\"name\":\"n\",\"blocks\":3,\"server_cpu\":0,\"load_cpu\":1,"
#define TIMES     "\"warmup\":\"100ms\",\"duration\":\"1s\","
#define WHOLE     "{" HEAD TIMES ARMS "," SCENARIOS "," LOADS "}"

#define SHARE(share)  "\"loads\":[{\"name\":\"l\",\"rate_share\":" share ",\"args\":[]}]"
#define MAXIMUM(args) "\"maximum\":{\"trials\":3,\"args\":[" args "]}"

static int read_text(const char *text, struct lg_design *design, struct evd_error *error)
{
    cJSON *root;
    int rc = lg_json_parse(text, strlen(text), "x.json", 1, &root, error);
    return rc == EVD_OK ? lg_design_take(root, "x.json", design, error) : rc;
}

static void test_minimal(void **state)
{
    struct lg_design design;
    struct evd_error error;
    (void)state;
    assert_int_equal(read_text(WHOLE, &design, &error), EVD_OK);
    assert_string_equal(design.title, "n");
    assert_string_equal(design.transport, "frame");
    assert_string_equal(design.congestion, "reno");
    assert_int_equal(design.reference, 0);
    assert_int_equal(design.duration_ns, 1000000000);
    assert_int_equal(lg_design_cells(&design), 2);
    assert_string_equal(design.arms[1].server.items[0], "--x");
    lg_design_release(&design);
}

static void test_shares(void **state)
{
    struct lg_design design;
    struct evd_error error;
    (void)state;
    assert_int_equal(
        read_text("{" HEAD TIMES "\"arms\":[{\"name\":\"a\",\"server\":[],\"transport\":\"jsonl\","
                  "\"load\":[\"--depth\",\"4\"]}]," SCENARIOS
                  "," SHARE("0.5") "," MAXIMUM("\"--closed\"") ",\"slo\":{\"p99\":\"5ms\"}}",
                  &design, &error),
        EVD_OK);
    assert_true(design.has_shares);
    assert_true(design.loads[0].share > 0.499 && design.loads[0].share < 0.501);
    assert_int_equal(design.maximum_trials, 3);
    assert_string_equal(design.maximum.run.items[0], "--closed");
    assert_int_equal(design.slo_p99_ns, 5000000);
    assert_string_equal(design.arms[0].transport, "jsonl");
    assert_string_equal(design.arms[0].load.items[1], "4");
    lg_design_release(&design);
}

static void test_shipped(void **state)
{
    static const char *const names[] = {"quick", "reference"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct lg_design design;
        struct evd_error error;
        char path[512];
        snprintf(path, sizeof(path), STUDIES_DIR "/%s.json", names[i]);
        assert_int_equal(lg_design_read(path, NULL, &design, &error), EVD_OK);
        assert_string_equal(design.name, names[i]);
        /* The five backends, one of them twice. */
        assert_int_equal(design.arm_count, 6);
        assert_string_equal(design.arms[5].twin_of, design.arms[design.reference].name);
        lg_design_release(&design);
    }
}

struct wrong {
    const char *text, *says;
};

static void check_wrong(const struct wrong *table, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct lg_design design;
        struct evd_error error = {0};
        int rc = read_text(table[i].text, &design, &error);
        if (rc >= 0 || !strstr(error.text, table[i].says))
            print_error("case %zu says '%s', not '%s'\n", i, error.text, table[i].says);
        assert_true(rc < 0);
        assert_non_null(strstr(error.text, table[i].says));
    }
}

static void test_errors(void **state)
{
    static const struct wrong table[] = {
        {"{", "x.json:1:"},
        {"{}\n,", "x.json:2:1: this is not valid JSON"},
        {"[]", "x.json: : must be an object"},
        {"{" TIMES ARMS "," SCENARIOS "," LOADS "}", "name: is missing"},
        {"{" HEAD "\"name\":\"n\"," TIMES ARMS "," SCENARIOS "," LOADS "}", "name: is there twice"},
        {"{" HEAD TIMES ARMS "," SCENARIOS "," LOADS ",\"block\":1}",
         "block: no such key; allowed are |name|title|"},
        {"{\"name\":\"a`b\"}", "name: must be at most 48 letters"},
        {"{\"name\":\"n\",\"blocks\":0}", "blocks: must be a whole number of 1 to 2000"},
        {"{\"name\":\"n\",\"blocks\":2.5}", "blocks: must be a whole number of 1 to 2000"},
        {"{\"name\":\"n\",\"blocks\":2,\"server_cpu\":-1}",
         "server_cpu: must be a whole number of 0 to 1023"},
        {"{" HEAD "\"keep_awake\":1}", "keep_awake: must be true or false"},
        {"{" HEAD "\"warmup\":\"soon\"}", "warmup: "},
        {"{" HEAD "\"warmup\":\"0\",\"duration\":\"0\"}", "duration: must be"},
        {"{" HEAD "\"warmup\":\"0\",\"duration\":\"2h\"}", "duration: must be at most one hour"},
        {"{" HEAD TIMES "\"arms\":[]}", "arms: must be a list of 1 to 64"},
        {"{" HEAD TIMES "\"arms\":[{\"name\":\"a\"}]}", "arms[0].server: must be a list"},
        {"{" HEAD TIMES "\"arms\":[{\"name\":\"a\",\"server\":[7]}]}",
         "arms[0].server: must be a list of texts"},
        {"{" HEAD TIMES "\"arms\":[{\"name\":\"a\",\"server\":[\"--listen=x\"]}]}",
         "arms[0].server: the study itself sets |--listen|"},
        {"{" HEAD TIMES "\"arms\":[{\"name\":\"a\",\"server\":[]},{\"name\":\"a\",\"server\":[]}]}",
         "arms[1].name: another arm has this name"},
        {"{" HEAD TIMES "\"arms\":[{\"name\":\"a\",\"server\":[],\"twin_of\":\"b\"}]}",
         "arms[0].twin_of: must be the name of an arm above"},
        {"{" HEAD TIMES "\"arms\":[{\"name\":\"a\",\"server\":[]},"
         "{\"name\":\"b\",\"server\":[\"--x\"],\"twin_of\":\"a\"}]}",
         "arms[1].server: must be the same"},
        {"{" HEAD TIMES ARMS ",\"reference\":\"c\"}", "reference: must be the name of one"},
        {"{" HEAD TIMES ARMS ",\"scenarios\":[\"s\",\"s\"]}", "scenarios[1]: is there twice"},
        {"{" HEAD TIMES ARMS ",\"scenarios\":[\"/a/s.json\",\"b/s.json\"]}",
         "scenarios[1]: is there twice; two files need two names"},
        {"{" HEAD TIMES ARMS ",\"scenarios\":\"s\"}", "scenarios: must be a list of 1 to 16"},
        {"{" HEAD TIMES ARMS "," SCENARIOS ",\"loads\":[{\"name\":\"l\",\"args\":[\"--seed\"]}]}",
         "loads[0].args: the study itself sets |--target|"},
        {"{" HEAD TIMES ARMS "," SCENARIOS
         ",\"loads\":[{\"name\":\"l\",\"args\":[\"--dura\",\"1s\"]}]}",
         "loads[0].args: the study itself sets |--target|"}, /* getopt takes it for --duration */
        {"{" HEAD TIMES "\"arms\":[{\"name\":\"a\",\"server\":[\"--list=x\"]}]}",
         "arms[0].server: "},
        {"{" HEAD TIMES ARMS "," SCENARIOS ",\"loads\":[{\"name\":\"l\",\"arg\":[]}]}",
         "loads[0].arg: no such key; allowed are |name|title|args|rate_share|"},
    };
    (void)state;
    check_wrong(table, sizeof(table) / sizeof(*table));
}

static void test_share_errors(void **state)
{
    static const struct wrong table[] = {
        {"{" HEAD TIMES ARMS "," SCENARIOS "," SHARE("0") "}",
         "loads[0].rate_share: must be a number of 0.001 to 2"},
        {"{" HEAD TIMES ARMS "," SCENARIOS "," SHARE("2.1") "}", "loads[0].rate_share: must be"},
        {"{" HEAD TIMES ARMS "," SCENARIOS "," SHARE("\"half\"") "}",
         "loads[0].rate_share: must be"},
        {"{" HEAD TIMES ARMS "," SCENARIOS "," SHARE("0.5") "}",
         "maximum: is missing: a load has a 'rate_share'"},
        {"{" HEAD TIMES ARMS "," SCENARIOS "," LOADS "," MAXIMUM("\"--closed\"") "}",
         "maximum: goes with a load that has a 'rate_share'"},
        {"{" HEAD TIMES ARMS "," SCENARIOS "," SHARE("0.5") "," MAXIMUM("\"--depth\",\"4\"") "}",
         "maximum.args: must have --closed"},
        {"{" HEAD TIMES ARMS "," SCENARIOS "," SHARE("0.5") "," MAXIMUM("\"--rate=5\"") "}",
         "maximum.args: the study itself sets"},
        {"{" HEAD TIMES ARMS "," SCENARIOS "," SHARE("0.5") ",\"maximum\":{\"trials\":0}}",
         "maximum.trials: must be a whole number of 1 to 20"},
        {"{" HEAD TIMES ARMS "," SCENARIOS "," SHARE("0.5") ",\"maximum\":{\"args\":[],\"of\":1}}",
         "maximum.of: no such key; allowed are |trials|args|"},
        {"{" HEAD TIMES ARMS "," SCENARIOS
         ",\"loads\":[{\"name\":\"l\",\"rate_share\":0.5,\"args\":[\"--closed\"]}]}",
         "loads[0].args: the study itself sets"},
        {"{" HEAD TIMES ARMS "," SCENARIOS "," LOADS ",\"slo\":{\"p99\":\"0\"}}",
         "slo.p99: must be at most one hour, and longer than nothing"},
        {"{" HEAD TIMES ARMS "," SCENARIOS "," LOADS ",\"slo\":{\"p50\":\"1ms\"}}",
         "slo.p50: no such key; allowed are |p99|"},
        {"{" HEAD TIMES "\"arms\":[{\"name\":\"a\",\"server\":[],\"load\":[\"--rate\",\"5\"]}]}",
         "arms[0].load: the study itself sets"},
        {"{" HEAD TIMES "\"arms\":[{\"name\":\"a\",\"server\":[],\"load\":[\"--depth\",\"4\"]},"
         "{\"name\":\"b\",\"server\":[],\"twin_of\":\"a\"}]}",
         "arms[1].load: must be the same"},
    };
    (void)state;
    check_wrong(table, sizeof(table) / sizeof(*table));
}

#define METHOD(text, twin, more)                                                                   \
    "{\"name\":\"n\",\"blocks\":24,\"server_cpu\":0,\"load_cpu\":1," TIMES "\"method\":{" text     \
    "},\"arms\":[{\"name\":\"a\",\"server\":[]},{\"name\":\"b\",\"server\":[]" twin "}" more       \
    "]," SCENARIOS "," LOADS "}"
#define TWIN ",\"twin_of\":\"a\""

static void test_method(void **state)
{
    static const struct {
        const char *text, *says;
    } table[] = {
        {METHOD("", TWIN, ""), "method.blocks: must be a whole number of 2 to 2000"},
        {METHOD("\"blocks\":7", TWIN, ""),
         "method.blocks: must go into the blocks of the study without a rest"},
        {METHOD("\"blocks\":8,\"step\":1", TWIN, ""),
         "method.step: no such key; allowed are |blocks|"},
        {METHOD("\"blocks\":8", "", ""), "method.steps: is of an arm that does more, and no twin"},
        {METHOD("\"blocks\":8,\"steps\":9", TWIN, ""), "method.steps: is of an arm that does more"},
        {METHOD("\"blocks\":8,\"steps\":0", "", ""),
         "method.steps: must be a number greater than 0"},
        {METHOD("\"blocks\":8,\"steps\":9,\"share\":2", "", ""),
         "method.share: must be a number greater than 0"},
        {METHOD("\"blocks\":8,\"steps\":9,\"share\":0.05,\"call_ns\":100", "", ""),
         "method.share: goes with 'steps', 'call_ns' and 'step_ns', all of them"},
        {METHOD("\"blocks\":8", TWIN, ",{\"name\":\"c\",\"server\":[]}"),
         "method: takes two arms, one scenario and one load"},
    };
    struct lg_design design;
    struct evd_error error = {0};
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        int rc = read_text(table[i].text, &design, &error);
        if (rc >= 0 || !strstr(error.text, table[i].says))
            print_error("case %zu says '%s', not '%s'\n", i, error.text, table[i].says);
        assert_true(rc < 0);
        assert_non_null(strstr(error.text, table[i].says));
    }
    assert_int_equal(read_text(METHOD("\"blocks\":8,\"steps\":9,\"share\":0.05,\"call_ns\":100,"
                                      "\"step_ns\":0.5",
                                      "", ""),
                               &design, &error),
                     EVD_OK);
    assert_int_equal(design.method.blocks, 8);
    assert_true(design.method.share > 0.049 && design.method.step_ns < 0.51);
    lg_design_release(&design);
    /* The one that comes with loadgen: 200 comparisons. */
    assert_int_equal(lg_design_read(STUDIES_DIR "/aa.json", NULL, &design, &error), EVD_OK);
    assert_int_equal(design.blocks / design.method.blocks, 200);
    lg_design_release(&design);
}

#define GROWTH(one, two)                                                                           \
    "{" HEAD TIMES "\"arms\":[{\"name\":\"a\",\"server\":[]," one                                  \
    "},{\"name\":\"b\",\"server\":[]," two "}]," LOADS "}"
#define POINT(curve, factors) "\"curve\":\"" curve "\",\"factor\":{" factors "}"
#define OWN                   "\"scenario\":\"x.json\""

/* A file is run by its path, however long, and called by its own name. */
static void test_scenario_files(void **state)
{
    struct lg_design design;
    struct evd_error error = {0};
    (void)state;
#define LONG_PATH "/a/folder/of/many/folders/that/are/deep/and/have/long/names/tax.json"
    assert_int_equal(read_text("{" HEAD TIMES ARMS ",\"scenarios\":[\"services\",\"" LONG_PATH
                               "\"]," LOADS "}",
                               &design, &error),
                     EVD_OK);
    assert_string_equal(design.scenarios[0], "services");
    assert_string_equal(design.scenario_files[0], "services");
    assert_string_equal(design.scenarios[1], "tax.json");
    assert_string_equal(design.scenario_files[1], LONG_PATH);
    lg_design_release(&design);
}

static void test_growth(void **state)
{
    struct lg_design design;
    struct evd_error error = {0};
    (void)state;
    const char *text = GROWTH(OWN "," POINT("c", "\"size\":1,\"number\":5"), OWN
                              ",\"program\":\"p\",\"modules\":\"/m\"," POINT("c", "\"size\":8"));
    assert_int_equal(read_text(text, &design, &error), EVD_OK);
    assert_true(design.own_scenarios);
    assert_true(design.has_curves);
    assert_int_equal(design.scenario_count, 1);
    assert_string_equal(design.scenarios[0], LG_OWN_SCENARIO);
    assert_null(design.arms[0].program);
    assert_string_equal(design.arms[1].program, "p");
    assert_string_equal(design.arms[1].modules, "/m");
    assert_string_equal(design.arms[1].scenario, "x.json");
    assert_int_equal(design.arms[0].factor_count, 2);
    assert_string_equal(design.arms[0].factors[1].name, "number");
    assert_true(design.arms[1].factors[0].value > 7.9 && design.arms[1].factors[0].value < 8.1);
    lg_design_release(&design);
}

static void test_growth_errors(void **state)
{
    static const struct {
        const char *text, *says;
    } table[] = {
        {GROWTH(OWN, "\"server_cpu\":1"), "server_cpu: no such key"},
        {GROWTH(OWN, "\"twin_of\":\"a\""),
         "arms[1].twin_of: program, modules, scenario and transport must"},
        {GROWTH(OWN ",\"curve\":\"c\"", OWN), "arms[0].factor: goes with 'curve'"},
        {GROWTH(OWN ",\"factor\":{\"n\":1}", OWN), "arms[0].factor: goes with 'curve'"},
        {GROWTH(OWN "," POINT("c", ""), OWN), "factor: must be an object of 1 to 4 numbers"},
        {GROWTH(OWN "," POINT("c", "\"n\":0"), OWN),
         "factor: must be an object of numbers greater"},
        {GROWTH(OWN "," POINT("c", "\"n\":\"1\""), OWN), "factor: must be an object of numbers"},
        {GROWTH(OWN "," POINT("c`", "\"n\":1"), OWN), "curve: must be at most 48 letters"},
        {GROWTH(OWN "," POINT("c", "\"n`\":1"), OWN), "factor: must be at most 48 letters"},
        {GROWTH(OWN "," POINT("c", "\"n\":1,\"m\":2"), OWN "," POINT("c", "\"m\":2")),
         "arms[1].factor: another arm is at this place of this curve"},
        {GROWTH(OWN, "\"program\":\"p\""), "arms: some have a 'scenario' of their own"},
        {"{" HEAD TIMES "\"arms\":[{\"name\":\"a\",\"server\":[]," OWN "}]," SCENARIOS "," LOADS
         "}",
         "scenarios: must not be there where each arm has its own"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        struct lg_design design;
        struct evd_error error = {0};
        int rc = read_text(table[i].text, &design, &error);
        if (rc >= 0 || !strstr(error.text, table[i].says))
            print_error("case %zu says '%s', not '%s'\n", i, error.text, table[i].says);
        assert_true(rc < 0);
        assert_non_null(strstr(error.text, table[i].says));
    }
}

/* What --one-layout leaves of a design. */
static void test_one_layout(void **state)
{
    static const struct lg_design_changes one = {.one_layout = true}, none = {0};
    struct lg_design design;
    struct evd_error error = {0};
    (void)state;
    assert_int_equal(lg_design_read(STUDIES_DIR "/quick.json", &none, &design, &error), EVD_OK);
    assert_int_equal(design.layouts, 8);
    lg_design_release(&design);
    assert_int_equal(lg_design_read(STUDIES_DIR "/quick.json", &one, &design, &error), EVD_OK);
    assert_int_equal(design.layouts, 0);
    assert_null(cJSON_GetObjectItem(design.root, "layouts"));
    lg_design_release(&design);
}

/* The points of the shipped design, and what a command line changes of it. */
static void test_shipped_growth(void **state)
{
    static const struct lg_design_changes changes = {
        .blocks = 3, .warmup = "7ms", .duration = "9ms"};
    struct lg_design design;
    struct evd_error error;
    size_t endpoints = 0;
    (void)state;
    assert_int_equal(lg_design_read(STUDIES_DIR "/growth.json", &changes, &design, &error), EVD_OK);
    assert_int_equal(design.blocks, 3);
    assert_int_equal(design.warmup_ns, 7000000);
    assert_int_equal(design.duration_ns, 9000000);
    for (size_t arm = 0; arm < design.arm_count; arm++)
        for (size_t f = 0; f < design.arms[arm].factor_count; f++)
            endpoints += strcmp(design.arms[arm].factors[f].name, "endpoints") == 0;
    assert_int_equal(endpoints, 12); /* 10 to 10,000 for three backends */
    assert_true(design.own_scenarios);
    lg_design_release(&design);
}

static void test_missing_file(void **state)
{
    struct lg_design design;
    struct evd_error error;
    (void)state;
    assert_true(lg_design_read("/does/not/exist.json", NULL, &design, &error) < 0);
    assert_non_null(strstr(error.text, "/does/not/exist.json"));
}

/* Every design that comes with loadgen can be read, and repeats its reference. */
static void test_the_designs_that_come_along(void **state)
{
    static const char *const names[] = {"quick", "reference", "growth", "workers", "load"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[512];
        struct lg_design design;
        struct evd_error error = {.text = ""};
        size_t twins = 0;
        (void)snprintf(path, sizeof path, STUDIES_DIR "/%s.json", names[i]);
        (void)lg_design_read(path, NULL, &design, &error);
        assert_string_equal(error.text, "");
        assert_string_equal(design.name, names[i]);
        for (size_t arm = 0; arm < design.arm_count; arm++) {
            const char *twin = design.arms[arm].twin_of;
            twins += twin != NULL && strcmp(twin, design.arms[design.reference].name) == 0;
        }
        assert_int_equal(twins, 1);
        lg_design_release(&design);
    }
}

static void read_quick(struct lg_design *design)
{
    struct evd_error error;
    assert_int_equal(lg_design_read(STUDIES_DIR "/quick.json", NULL, design, &error), EVD_OK);
}

/* Every cell once in a block, and the arms of a pair of scenario and load next to each other. */
static void test_order_is_complete(void **state)
{
    struct lg_design design;
    size_t order[64];
    (void)state;
    read_quick(&design);
    size_t cells = lg_design_cells(&design), arms = design.arm_count;
    assert_true(cells <= 64);
    for (unsigned block = 0; block < 50; block++) {
        bool seen[64] = {false};
        lg_order_block(&design, 99, block, order);
        for (size_t i = 0; i < cells; i++) {
            assert_true(order[i] < cells);
            assert_false(seen[order[i]]);
            seen[order[i]] = true;
            assert_int_equal(order[i] / arms, order[i - i % arms] / arms);
        }
    }
    lg_design_release(&design);
}

static void test_order_is_seeded(void **state)
{
    struct lg_design design;
    size_t first[64], again[64], block1[64], seed2[64];
    (void)state;
    read_quick(&design);
    size_t bytes = lg_design_cells(&design) * sizeof(*first);
    lg_order_block(&design, 1, 0, first);
    lg_order_block(&design, 1, 0, again);
    lg_order_block(&design, 1, 1, block1);
    lg_order_block(&design, 2, 0, seed2);
    assert_memory_equal(first, again, bytes);
    assert_memory_not_equal(first, block1, bytes);
    assert_memory_not_equal(first, seed2, bytes);
    assert_true(lg_order_load_seed(1, 0) == lg_order_load_seed(1, 0));
    assert_true(lg_order_load_seed(1, 0) != lg_order_load_seed(1, 1));
    assert_true(lg_order_load_seed(1, 0) != lg_order_load_seed(2, 0));
    assert_true(lg_order_load_seed(1, 0) < UINT64_C(1) << 53);
    lg_design_release(&design);
}

/* Arms 0 to `arms` - 1, in blocks of one pair of scenario and load: each in each place once in as
 * many blocks, and behind each other one equally often in a set of them. */
static void check_balance(size_t arms)
{
    struct lg_design design = {.arm_count = arms, .scenario_count = 1, .load_count = 1};
    unsigned set = (unsigned)(arms % 2 == 0 ? arms : 2 * arms);
    for (unsigned first = 0; first < 5 * set; first += set) {
        size_t order[LG_ARMS_MAX];
        unsigned behind[LG_ARMS_MAX][LG_ARMS_MAX] = {{0}}, at[LG_ARMS_MAX][LG_ARMS_MAX] = {{0}};
        for (unsigned block = first; block < first + set; block++) {
            lg_order_block(&design, 4, block, order);
            for (size_t i = 0; i < arms; i++) {
                at[order[i]][i]++;
                if (i > 0)
                    behind[order[i]][order[i - 1]]++;
            }
            for (size_t i = 0; i < arms * arms && (block - first + 1) % arms == 0; i++)
                assert_int_equal(at[i / arms][i % arms], (block - first + 1) / arms);
        }
        for (size_t i = 0; i < arms * arms; i++)
            assert_int_equal(behind[i / arms][i % arms], i / arms == i % arms ? 0 : set / arms);
    }
}

static void test_order_is_balanced(void **state)
{
    (void)state;
    for (size_t arms = 1; arms <= LG_ARMS_MAX; arms++)
        check_balance(arms);
}

/* Which arm begins, which neighbours another, and which pair of scenario and load comes first are
 * left to chance: 1,000 sets of 6 blocks and 4 pairs, of which the first blocks have 4,000 draws of
 * 6 arms, 667 for each; 5 standard deviations are 118. A fixed seed: it passes always or never. */
static void test_order_is_random(void **state)
{
    struct lg_design design;
    size_t order[64], counts[6][6] = {{0}}, firsts[4] = {0};
    unsigned alike = 0, follows = 0;
    (void)state;
    read_quick(&design);
    size_t cells = lg_design_cells(&design), arms = design.arm_count;
    assert_int_equal(arms, 6);
    for (unsigned block = 0; block < 6000; block++) {
        size_t arm_at[4][6], second = arms;
        for (size_t i = 0; block % 6 == 1 && i < cells; i += arms)
            second = order[i] / arms == 0 ? order[i + 1] : second;
        lg_order_block(&design, 5, block, order);
        firsts[order[0] / arms]++;
        for (size_t i = 0; i < cells; i++)
            arm_at[order[i] / arms][i % arms] = order[i] % arms;
        for (size_t i = 0; i < cells && block % 6 == 0; i++)
            counts[order[i] % arms][i % arms]++;
        follows += arm_at[0][0] == second;
        alike += memcmp(arm_at[0], arm_at[1], sizeof(arm_at[0])) == 0;
    }
    for (size_t pair = 0; pair < 4; pair++)
        assert_in_range(firsts[pair], 1500 - 168, 1500 + 168);
    for (size_t arm = 0; arm < arms; arm++)
        for (size_t place = 0; place < arms; place++)
            assert_in_range(counts[arm][place], 667 - 118, 667 + 118);
    assert_in_range(alike, 0, 30); /* of two pairs: one in 720 */
    /* Who was second begins the next block: one in 5 of 1,000, and always if rows were in order. */
    assert_in_range(follows, 200 - 64, 200 + 64);
    lg_design_release(&design);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_layout),
        cmocka_unit_test(test_minimal),
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_shipped),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_share_errors),
        cmocka_unit_test(test_method),
        cmocka_unit_test(test_scenario_files),
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_growth_errors),
        cmocka_unit_test(test_shipped_growth),
        cmocka_unit_test(test_missing_file),
        cmocka_unit_test(test_the_designs_that_come_along),
        cmocka_unit_test(test_order_is_complete),
        cmocka_unit_test(test_order_is_seeded),
        cmocka_unit_test(test_order_is_balanced),
        cmocka_unit_test(test_order_is_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
