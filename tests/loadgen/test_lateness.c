/* Who was late, the generator or the server: the split by itself, and on a generator that is
 * stopped while requests fall due. */
#include "peer.h"

#include "loadgen/lateness.h"
#include "tests/scratch.h"

#include <cjson/cJSON.h>

#include <fcntl.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void no_wait_no_blame_on_the_slot(void **state)
{
    (void)state;
    assert_int_equal(lg_slot_wait(100, 0, 0, 100), 0);   /* on time */
    assert_int_equal(lg_slot_wait(100, 0, 0, 350), 0);   /* woke late, and a slot was free */
    assert_int_equal(lg_slot_wait(100, 40, 90, 350), 0); /* the wait before was over */
}

static void waiting_for_a_slot(void **state)
{
    (void)state;
    assert_int_equal(lg_slot_wait(100, 100, 180, 181), 80); /* due as the slots were found taken */
    assert_int_equal(lg_slot_wait(100, 60, 180, 190), 80);  /* due while others waited already */
    assert_int_equal(lg_slot_wait(100, 130, 180, 181), 50); /* looked at 130: 30 late until then */
    assert_int_equal(lg_slot_wait(100, 180, 180, 181), 0);
    assert_int_equal(lg_slot_wait(100, 60, 200, 190), 90); /* never more than the lateness */
}

static cJSON *run_frozen(const struct peer_script *script)
{
    struct peer *peer = peer_start(script);
    char json[TEST_SCRATCH_MAX], text[262144];
    char *argv[] = {(char[]){"loadgen"},
                    (char[]){"run"},
                    (char[]){"--quiet"},
                    (char[]){"--target"},
                    (char *)(uintptr_t)peer_address(peer),
                    (char[]){"--scenario"},
                    (char[]){SCENARIOS "/status.json"},
                    (char[]){"--connections"},
                    (char[]){"64"},
                    (char[]){"--rate"},
                    (char[]){"1000"},
                    (char[]){"--warmup"},
                    (char[]){"0"},
                    (char[]){"--duration"},
                    (char[]){"1"},
                    (char[]){"--json"},
                    json,
                    NULL};
    int fd, status;
    ssize_t len;
    pid_t pid;
    cJSON *result;

    test_scratch_file(json);
    assert_int_equal(posix_spawn(&pid, LOADGEN, NULL, NULL, argv, NULL), 0);
    while (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        ;
    peer_stop(peer);
    assert_int_equal(WEXITSTATUS(status), 0);
    fd = open(json, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    len = pread(fd, text, sizeof(text), 0);
    close(fd);
    unlink(json);
    assert_in_range(len, 1, sizeof(text) - 1);
    result = cJSON_ParseWithLength(text, (size_t)len);
    assert_non_null(result);
    return result;
}

static uint64_t count_from(const cJSON *json, const char *key, double least)
{
    const cJSON *latency = cJSON_GetObjectItem(json, "latency_ns");
    const cJSON *buckets = cJSON_GetObjectItem(cJSON_GetObjectItem(latency, key), "histogram");
    const cJSON *pair;
    double count = 0;

    assert_non_null(buckets);
    cJSON_ArrayForEach(pair, buckets)
    {
        if (cJSON_GetArrayItem(pair, 0)->valuedouble >= least)
            count += cJSON_GetArrayItem(pair, 1)->valuedouble;
    }
    return (uint64_t)count;
}

/* Stopped for 200 ms at 1,000 a second: each request due in the first half of that goes out at
 * least 100 ms late, and the generator is to blame, though only 64 of them found a slot at once. */
static void a_stopped_generator_woke_late(void **state)
{
    (void)state;
    const struct peer_script script = {.transport = &evd_transport_frame,
                                       .action = PEER_FREEZE,
                                       .first = 50,
                                       .count = 1,
                                       .unix_socket = true};
    cJSON *json = run_frozen(&script), *causes = cJSON_GetObjectItem(json, "invalid_causes"),
          *cause;
    bool late = false;

    assert_true(count_from(json, "woke_late", 99e6) >= 99); /* a bucket is 0.8 % wide */
    cJSON_ArrayForEach(cause, causes)
    {
        late |= strcmp(cause->valuestring, "late") == 0;
    }
    assert_true(late);
    cJSON_Delete(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_wait_no_blame_on_the_slot),
        cmocka_unit_test(waiting_for_a_slot),
        cmocka_unit_test(a_stopped_generator_woke_late),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
