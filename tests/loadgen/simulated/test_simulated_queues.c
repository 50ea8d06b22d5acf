/* Queues whose waits are known: M/D/1 and M/M/1 against Lindley's recursion on the same arrivals,
 * and Little's law, to the nanosecond, on a simulated clock and network. */
#include "sim_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SERVICE_NS SIM_MS /* in the mean */
#define LATENCY_NS 25000
#define SECONDS    100
#define ARRIVALS   (SECONDS * 1000) /* at most */
#define BATCHES    100

/* ---- The server: takes one call at a time, in the order of their coming ---- */

static struct {
    struct sim_call line[ARRIVALS];
    uint64_t head, tail;
    bool busy, exponential;
    /* Little's law: those in the system, over the time. */
    uint64_t present, since_ns;
    unsigned __int128 area;
} queue;

/* How long call `number` takes: splitmix64 of it (Steele, Lea, Flood 2014), to (0, 1]. */
static uint64_t service_of(uint64_t number)
{
    uint64_t z = number * UINT64_C(0x9E3779B97F4A7C15);

    if (!queue.exponential)
        return SERVICE_NS;
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    z ^= z >> 31;
    return (uint64_t)(-log((double)((z >> 11) + 1) / 9007199254740992.) * (double)SERVICE_NS);
}

static void count_present(int change)
{
    queue.area += (unsigned __int128)queue.present * (sim.now_ns - queue.since_ns);
    queue.since_ns = sim.now_ns;
    queue.present += (uint64_t)change;
}

static void serve_next(void);

static void served(void *context, uint64_t number)
{
    (void)context;
    (void)number;
    count_present(-1);
    sim_act(&queue.line[queue.head++], SIM_ANSWER);
    queue.busy = false;
    serve_next();
}

static void serve_next(void)
{
    if (queue.busy || queue.head == queue.tail)
        return;
    queue.busy = true;
    sim_at(sim.now_ns + service_of(queue.line[queue.head].number), served, NULL, 0);
}

static void enqueue(const struct sim_call *call)
{
    SIM_CHECK(queue.tail < ARRIVALS);
    queue.line[queue.tail++] = *call;
    count_present(1);
    serve_next();
}

/* ---- The truth ---- */

struct waits {
    uint64_t count;
    double mean, error;        /* ns; of the mean, by batches */
    unsigned __int128 sojourn; /* waits and services of all */
    struct lg_histogram response;
};

static void batch_error(struct waits *waits, const double *sums, uint64_t size)
{
    double squares = 0;

    for (int i = 0; i < BATCHES; i++) {
        double off = sums[i] / (double)size - waits->mean;

        squares += off * off;
    }
    waits->error = sqrt(squares / (BATCHES - 1) / BATCHES);
}

/* D. V. Lindley, "The theory of queues with a single server", 1952: who comes next waits for as
 * much longer as the service before took, less the time between the two. */
static void lindley(struct waits *waits, uint64_t rate, uint64_t seed)
{
    const uint64_t end = SIM_START_NS + SECONDS * SIM_SECOND;
    struct lg_schedule at;
    double sums[BATCHES] = {0}, total = 0;
    uint64_t wait = 0;

    memset(waits, 0, sizeof(*waits));
    lg_histogram_init(&waits->response);
    lg_schedule_init(&at, LG_ARRIVALS_POISSON, rate * LG_RATE_UNIT, seed, SIM_START_NS, 0, 1);
    for (uint64_t now = at.due_ns; now < end; now = at.due_ns) {
        uint64_t sojourn = wait + service_of(++waits->count);

        lg_histogram_record(&waits->response, sojourn + 2 * LATENCY_NS);
        waits->sojourn += sojourn;
        total += (double)wait;
        sums[(now - SIM_START_NS) / (SECONDS * SIM_SECOND / BATCHES)] += (double)wait;
        lg_schedule_next(&at);
        wait = sojourn > at.due_ns - now ? sojourn - (at.due_ns - now) : 0;
    }
    waits->mean = total / (double)waits->count;
    batch_error(waits, sums, waits->count / BATCHES);
}

/* `expected_ns`: the mean wait by the formula. */
static void check_queue(bool exponential, uint64_t rate, double expected_ns)
{
    static struct waits waits;
    struct trial trial;

    sim_begin();
    sim.serve = enqueue;
    sim.latency_ns = LATENCY_NS;
    memset(&queue, 0, sizeof(queue));
    queue.exponential = exponential;
    run_simulated(&trial, 0,
                  "--rate %u --arrivals poisson --seed 3 --warmup 0 --duration %u --connections 16 "
                  "--depth 256",
                  (unsigned)rate, SECONDS);
    check_trial(&trial);
    lindley(&waits, rate, 3);
    assert_int_equal(measured(&trial)->scheduled, waits.count);
    assert_int_equal(measured(&trial)->outcomes[LG_OK], waits.count);
    assert_int_equal(trial.result->lateness.max, 0);
    assert_same_histogram(&waits.response, &trial.result->response);
    assert_same_histogram(&waits.response, &trial.result->service);
    assert_true(fabs(waits.mean - expected_ns) <= 3 * waits.error);
    assert_true(waits.error < 0.05 * expected_ns);
    /* L T = lambda W T: those in the queue, over the time, are the sojourns' sum. */
    assert_true(queue.area == waits.sojourn);
    assert_true(queue.area + waits.count * 2 * LATENCY_NS == trial.result->response.sum);
    assert_causes(&trial, "");
    end_simulated(&trial);
}

/* Pollaczek and Khinchine: rho s / (2 (1 - rho)). */
static void m_d_1(void **state)
{
    (void)state;
    check_queue(false, 500, 0.5 * (double)SERVICE_NS);
    check_queue(false, 700, 0.7 / 0.6 * (double)SERVICE_NS);
}

/* rho s / (1 - rho). */
static void m_m_1(void **state)
{
    (void)state;
    check_queue(true, 500, (double)SERVICE_NS);
}

static void millisecond(const struct sim_call *call)
{
    sim_act_at(call, SIM_ANSWER, call->at_ns + SIM_MS);
}

/* A closed loop: 16 are always in flight, and each millisecond of the window has their answers. */
static void little(void **state)
{
    (void)state;
    struct trial trial;

    sim_begin();
    sim.serve = millisecond;
    run_simulated(&trial, 0, "--closed --warmup 1 --duration 5 --connections 16 --depth 1");
    check_trial(&trial);
    assert_int_equal(trial.result->ok_in_window, 16 * 5000);
    assert_int_equal(trial.result->response.min, SIM_MS);
    assert_int_equal(trial.result->response.max, SIM_MS);
    assert_int_equal(trial.result->measured_ns, 5 * SIM_SECOND);
    assert_true(trial.result->ok_in_window * trial.result->response.max ==
                16 * trial.result->measured_ns);
    assert_true(trial.result->throughput == 16000);
    assert_causes(&trial, "");
    end_simulated(&trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(m_d_1),
        cmocka_unit_test(m_m_1),
        cmocka_unit_test(little),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
