/* The clock of e2e-auth-server (ld --wrap): the number in the file that EVD_TEST_CLOCK names, which
 * the test has mapped and changes as it likes. */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int64_t __wrap_evd_auth_now(void);

int64_t __wrap_evd_auth_now(void)
{
    int fd = open(getenv("EVD_TEST_CLOCK"), O_RDONLY | O_CLOEXEC);
    _Atomic int64_t *clock = mmap(NULL, sizeof *clock, PROT_READ, MAP_SHARED, fd, 0);
    int64_t now = atomic_load(clock);
    (void)munmap((void *)clock, sizeof *clock);
    (void)close(fd);
    return now;
}
