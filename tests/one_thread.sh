#!/bin/sh
# Programs whose tests are left out under TSan because they have one thread (label one_thread in
# tests/CMakeLists.txt) cannot start another.
#
#   tests/one_thread.sh NM PROGRAM...   exit 0: none can; 1: each that can is named
set -eu

nm=$1
shift
[ $# -gt 0 ] || { echo "one_thread.sh: no program is named"; exit 1; }
rc=0
for program; do
    symbols=$("$nm" "$program")
    if printf '%s\n' "$symbols" | grep -qE ' [A-Za-z] (pthread_create|thrd_create)(@|$)'; then
        echo "$program can start a thread: its test is for TSan, and may not have the label one_thread"
        rc=1
    fi
done
exit $rc
