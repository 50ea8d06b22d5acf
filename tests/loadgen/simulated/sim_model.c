#include "sim_model.h"

#include "tests/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* ---- Runs ---- */

static void write_scenario(const char *path, uint64_t data)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_true(fprintf(file,
                        "{\"name\": \"simulated\", \"requests\": [{\"event\": "
                        "\"api.services.status\", \"data\": %llu, \"expect\": \"online\"}]}\n",
                        (unsigned long long)data) > 0);
    assert_int_equal(fclose(file), 0);
}

void run_simulated(struct trial *trial, uint64_t data, const char *format, ...)
{
    char path[TEST_SCRATCH_MAX], args[512];
    va_list list;
    int len;

    test_scratch_file(path);
    write_scenario(path, data);
    len = snprintf(args, sizeof(args), "--transport frame --scenario %s ", path);
    va_start(list, format);
    vsnprintf(args + len, sizeof(args) - (size_t)len, format, list);
    va_end(list);
    memset(trial, 0, sizeof(*trial));
    load_trial(trial, args, SIM_ADDRESS);
    trial->rc = lg_run(&trial->options, &trial->scenario, trial->result, &trial->error);
    if (trial->rc != EVD_OK)
        fail_msg("%s", trial->error.text);
}

void end_simulated(struct trial *trial)
{
    end_trial(trial);
    sim_end();
}

/* ---- What is expected ---- */

void model_init(struct model *model, unsigned slots, uint64_t warmup_ns, uint64_t duration_ns)
{
    memset(model, 0, sizeof(*model));
    assert_in_range(slots, 1, MODEL_SLOTS_MAX);
    model->slots = slots;
    model->from_ns = SIM_START_NS + warmup_ns;
    model->to_ns = model->from_ns + duration_ns;
    lg_histogram_init(&model->response);
    lg_histogram_init(&model->service);
    lg_histogram_init(&model->woke_late);
    lg_histogram_init(&model->no_free_slot);
}

/* When the generator can do what falls to it at `at`. */
static uint64_t awake(uint64_t at)
{
    return at >= sim.stop_from_ns && at < sim.stop_to_ns ? sim.stop_to_ns : at;
}

static uint64_t *first_free(struct model *model)
{
    uint64_t *first = &model->free_ns[0];

    for (unsigned i = 1; i < model->slots; i++)
        if (model->free_ns[i] < *first)
            first = &model->free_ns[i];
    return first;
}

void model_add(struct model *model, uint64_t due_ns)
{
    uint64_t *slot = first_free(model), offered = awake(due_ns + sim.timer_late_ns);
    uint64_t sent = *slot > offered ? *slot : offered, arrives = sent + sim.latency_ns;
    uint64_t leaves = model->leaves != NULL ? model->leaves(arrives) : arrives;
    uint64_t read = awake(leaves + sim.latency_ns);

    *slot = read;
    if (due_ns < model->from_ns || due_ns >= model->to_ns)
        return;
    model->measured++;
    model->slow_services += read - sent > 100 * SIM_MS;
    lg_histogram_record(&model->response, read - due_ns);
    lg_histogram_record(&model->service, read - sent);
    lg_histogram_record(&model->woke_late, offered - due_ns);
    lg_histogram_record(&model->no_free_slot, sent - offered);
}

void model_add_constant(struct model *model, uint64_t rate)
{
    for (uint64_t i = 0; SIM_START_NS + i * SIM_SECOND / rate < model->to_ns; i++)
        model_add(model, SIM_START_NS + i * SIM_SECOND / rate);
}

/* ---- Comparisons ---- */

void assert_same_histogram(const struct lg_histogram *expected, const struct lg_histogram *measured)
{
    assert_int_equal(measured->count, expected->count);
    assert_int_equal(measured->min, expected->min);
    assert_int_equal(measured->max, expected->max);
    assert_true(measured->sum == expected->sum);
    assert_memory_equal(measured->counts, expected->counts, sizeof(expected->counts));
}

void assert_as_modelled(const struct model *model, const struct trial *trial)
{
    const struct lg_result *result = trial->result;

    assert_int_equal(measured(trial)->scheduled, model->measured);
    assert_int_equal(measured(trial)->outcomes[LG_OK], model->measured);
    assert_same_histogram(&model->woke_late, &result->woke_late);
    assert_same_histogram(&model->no_free_slot, &result->no_free_slot);
    assert_same_histogram(&model->service, &result->service);
    assert_same_histogram(&model->response, &result->response);
    assert_true(result->lateness.sum == model->woke_late.sum + model->no_free_slot.sum);
}

void assert_causes(const struct trial *trial, const char *expected)
{
    const struct lg_result *result = trial->result;
    char causes[512] = "";

    for (unsigned i = 0; i < result->invalid_count; i++)
        if (i == 0 || strcmp(result->invalid_causes[i], result->invalid_causes[i - 1]) != 0)
            snprintf(causes + strlen(causes), sizeof(causes) - strlen(causes), "%s%s",
                     *causes == '\0' ? "" : " ", result->invalid_causes[i]);
    assert_string_equal(causes, expected);
}
