#include "sim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sim_world sim;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *ptr, size_t size);
void *__wrap_realloc(void *ptr, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __real_posix_memalign(void **ret_ptr, size_t alignment, size_t size);
int __wrap_posix_memalign(void **ret_ptr, size_t alignment, size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
void __real_free(void *ptr);
void __wrap_free(void *ptr);
void __wrap_evd_log_write(void *context, enum evd_log_level level, const char *text);

void sim_fail(const char *file, int line, const char *what)
{
    print_error("%s:%d: this does not hold: %s\n", file, line, what);
    print_error("scenario %s at %.6f s: EVD_SIM_SEED=%llu, sites 0x%x from %ld to %ld, chance %u, "
                "interrupts %u, shorts %u; %ld asked, %ld failed\n",
                sim.name, (double)sim.now_ns / 1e9, (unsigned long long)sim.seed, sim.plan.sites,
                sim.plan.from, sim.plan.to, sim.plan.chance, sim.plan.interrupts, sim.plan.shorts,
                sim.asked, sim.failed);
    if (getenv("EVD_SIM_ABORT") != NULL) /* for a debugger */
        abort();
    sim.counting = false;
    _fail(file, line);
    abort();
}

void sim_begin(const char *name, uint64_t seed)
{
    long blocks = sim.blocks;
    memset(&sim, 0, sizeof sim);
    sim_forget_loops(); /* of a test that failed */
    sim.blocks = blocks;
    sim.name = name;
    sim.seed = sim.random = seed;
    sim.now_ns = 1000 * SIM_SECOND;
    sim.next_fd = SIM_FD;
    sim.victim = SIM_NOBODY;
    sim.current = SIM_EVERYONE;
    for (size_t i = 0; i < SIM_PEERS; i++)
        sim.sockets[i].fd = SIM_NOBODY;
}

void sim_arm(const struct sim_plan *plan)
{
    sim.counting = plan != NULL;
    if (plan == NULL)
        return;
    sim.plan = *plan;
    sim.asked = sim.failed = 0;
    sim.victim = SIM_NOBODY;
}

/* splitmix64 (Steele, Lea, Flood, 2014). */
uint64_t sim_random(void)
{
    uint64_t z = sim.random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

size_t sim_below(size_t count)
{
    return (size_t)(sim_random() % count);
}

bool sim_one_in(unsigned count)
{
    return count > 0 && sim_below(count) == 0;
}

bool sim_fails(enum sim_site site, int fd)
{
    if (!sim.counting || (sim.plan.sites & (unsigned)site) == 0)
        return false;
    sim.asked++;
    bool fails =
        (sim.asked >= sim.plan.from && sim.asked <= sim.plan.to) || sim_one_in(sim.plan.chance);
    if (fails) {
        if (sim.failed++ == 0)
            sim.failed_at = sim.accepted;
        sim.victim = sim.failed > 1 ? SIM_EVERYONE : fd;
    }
    return fails;
}

void sim_turn_of(int fd)
{
    sim.current = fd;
}

/* ---- Memory. ---- */

static bool out_of_memory(void)
{
    if (!sim_fails(SIM_ALLOC, sim.current))
        return false;
    errno = ENOMEM;
    return true;
}

static void *hold(void *ptr)
{
    sim.blocks += ptr != NULL;
    return ptr;
}

void *sim_alloc(size_t size)
{
    void *ptr = __real_malloc(size);
    SIM_CHECK(ptr != NULL);
    return ptr;
}

void sim_free(void *ptr)
{
    __real_free(ptr);
}

void *__wrap_malloc(size_t size)
{
    return out_of_memory() ? NULL : hold(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return out_of_memory() ? NULL : hold(__real_calloc(count, size));
}

void *__wrap_realloc(void *ptr, size_t size)
{
    SIM_CHECK(size > 0);
    if (out_of_memory())
        return NULL;
    void *moved = __real_realloc(ptr, size);
    sim.blocks += ptr == NULL && moved != NULL;
    return moved;
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return out_of_memory() ? NULL : hold(__real_aligned_alloc(alignment, size));
}

int __wrap_posix_memalign(void **ret_ptr, size_t alignment, size_t size)
{
    if (out_of_memory())
        return ENOMEM;
    int rc = __real_posix_memalign(ret_ptr, alignment, size);
    sim.blocks += rc == 0;
    return rc;
}

char *__wrap_strdup(const char *text)
{
    return out_of_memory() ? NULL : hold(__real_strdup(text));
}

void __wrap_free(void *ptr)
{
    sim.blocks -= ptr != NULL;
    __real_free(ptr);
}

/* ---- The log. ---- */

void __wrap_evd_log_write(void *context, enum evd_log_level level, const char *text)
{
    (void)context;
    if (level == EVD_LOG_INFO)
        return;
    sim.lines++;
    (void)snprintf(sim.line, sizeof sim.line, "%s", text);
}
