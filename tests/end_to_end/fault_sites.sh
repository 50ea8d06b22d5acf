#!/bin/sh
# Each system call and each allocation that the server asks the C library for is one that
# faults_preload.c makes fail, or stands below with the reason why it is not.
#
#   tests/end_to_end/fault_sites.sh SERVER PRELOAD      exit 0: good; 1: what is missing
set -eu

server=$1 preload=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

# What cannot fail for want of something, or whose failure another test makes.
cat > "$work/excused" << 'END'
_exit                   does not return
close                   the descriptor is gone all the same
dup3                    onto a number that is open; e2e_service: the file cannot be opened
epoll_wait              ends the process: e2e_start
fclose                  e2e_service: of a log; main.c: of the port file, which is then removed
fflush                  of stdout, which nobody need read
getaddrinfo             at the start, of --listen: ends it with a line
getpid                  cannot
getrlimit               of this process
inotify_rm_watch        of a watch that is there
pthread_setaffinity_np  e2e_workers: --cpus=1023
pthread_sigmask         of a set that is right
read                    of inotify, which has nothing that it could be short of
readlink                /proc/self/exe, at the start: --modules says where else
realpath                e2e_reload: of what is not there
sched_getaffinity       of this process
setrlimit               e2e_faults: of a hard limit that is too low
signal                  of SIGPIPE
time                    cannot
unlink                  of a name that may be gone
END

# The names that are the kernel's, those that wrap one under another name, and those that allocate.
{
    grep -ho '__NR_[a-z0-9_]*' /usr/include/asm-generic/unistd.h \
        /usr/include/*/asm/unistd_64.h 2> /dev/null | sed 's/__NR_//'
    printf '%s\n' _exit aligned_alloc dup3 eventfd fclose fdopen fflush fopen getaddrinfo malloc calloc \
        realloc posix_memalign opendir popen pread pthread_create pthread_setaffinity_np \
        pthread_sigmask pwrite realpath recv sched_getaffinity send signal sigaction usleep
} | sort -u > "$work/calls"
nm -D --undefined-only "$server" | awk '{ sub(/@.*/, "", $2); print $2 }' | sort -u > "$work/asked"
{
    nm -D --defined-only "$preload" | awk '{ print $3 }'
    awk '{ print $1 }' "$work/excused"
} | sort -u > "$work/known"

missing=$(comm -12 "$work/calls" "$work/asked" | comm -23 - "$work/known")
if [ -n "$missing" ]; then
    echo "the server asks for these, which nothing makes fail: faults_preload.c, or the list in $0:" >&2
    echo "$missing" >&2
    exit 1
fi
stale=$(awk '{ print $1 }' "$work/excused" | sort | comm -23 - "$work/asked")
if [ -n "$stale" ]; then
    echo "the list in $0 excuses what the server does not ask for:" "$stale" >&2
    exit 1
fi
