#!/bin/sh
# roofline_test.sh FOLDER PROGRAM: what evd-roofline refuses, and what it makes of known figures.
set -eu
folder=$1 roofline=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
failed=0

# refuses NAME TEXT: the last command's status and words are in $status and $work/said.
wants() {
    if [ "$status" != "$2" ] || ! grep -qF -- "$3" "$work/said"; then
        echo "$1: wanted status $2 and '$3', got $status and:" >&2
        cat "$work/said" >&2
        failed=1
    fi
}
try() {
    status=0
    "$@" > "$work/said" 2>&1 || status=$?
}

head='{"schema":"evdispatch.roofline/1","commit":"c","compiler":"cc","kernel":"k","congestion":"reno","duration_ns":1e6,"message_bytes":64}'
trial() { # ROUND ARM REPLIES
    printf '{"round":%s,"connections":64,"depth":16,"arm":"%s","replies":%s,"reads":100,"wall_ns":1000000000,"server_ns":%s,"client_ns":1}\n' \
        "$1" "$2" "$3" "$3"
}

# Ten rounds, the arm at 0.90 to 0.99 of the echo: median 0.945, between the 2nd and the 9th.
{
    echo "$head"
    for i in 0 1 2 3 4 5 6 7 8 9; do
        trial $i echo 1000
        trial $i frame/static $((900 + i * 10))
        trial $i jsonl/static 700
    done
} > "$work/good"
try "$roofline" --render "$work/good"
wants 'a page' 0 '| frame/static | 945 | 0.945 [0.910, 0.980] | 0.93: held, within the noise | 0.001 | 0.000 | 9.4 |'
wants 'a page' 0 '| jsonl/static | 700 | 0.700 [0.700, 0.700] | 0.78: **missed** | 0.001 |'

try "$roofline" --render "$work/nowhere"
wants 'no file' 1 "$work/nowhere: No such file"
echo '{"schema":"x"}' > "$work/bad"
try "$roofline" --render "$work/bad"
wants 'schema' 1 "$work/bad:1: the first line must have the schema"
for wrong in 'not JSON:not a JSON object' '{"round":0}:no such arm' "$(trial 0 nobody 1):no such arm" \
    "$(trial 0.5 echo 1):whole number" "$(trial 900 echo 1):whole number" \
    "$(trial 0 echo -1):must be over 0" "$(trial 0 echo 1000):there twice"; do
    { cat "$work/good"; echo "${wrong%:*}"; } > "$work/bad"
    try "$roofline" --render "$work/bad"
    wants "$wrong" 1 "$work/bad:32: "
    wants "$wrong" 1 "${wrong##*:}"
done

# A server that gives a frame back as it came has not answered.
printf '#!/bin/sh\nexec "%s/evd-echo" reno\n' "$folder" > "$work/parrot"
chmod +x "$work/parrot"
try "$roofline" --echo "$folder/evd-echo" --server "$work/parrot" --modules / --rounds 2 \
    --duration 5ms --warmup 1ms "$work/out"
wants 'wrong bytes' 1 'an answer is not the one expected'

# Of 2 calls in 1,000 ns by 10 samples, 6 were in send(): 300 ns a call.
profile=$(dirname "$0")/profile.py
printf '%s\n' '{"schema":"evdispatch.roofline-profile/1","commit":"c","compiler":"cc","kernel":"k"}' \
    '{"arm":"echo","connections":64,"depth":16,"calls":2,"server_ns":1000,"samples":10,"stages":{"kernel: send()":6,"libev":4}}' \
    > "$work/profile"
echo '{"compiler":"cc","valgrind":"v","arms":[{"arm":"server-frame","instructions":440.7}]}' > "$work/server_count.json"
if command -v python3 > /dev/null; then
    try "$profile" --render "$work/profile"
    wants 'a profile' 0 '| kernel: send() | 300.0 |'
    wants 'a profile' 0 '| **all** | **500.0** |'
    wants 'a profile' 0 '| of it in the kernel | 60% |'
    wants 'a profile' 0 '| server-frame | 440.7 |'
    try "$profile" --render "$work/good"
    wants 'no profile' 1 'the first line must have the schema'
fi

try "$roofline" --cpus 0 "$work/out"
wants '--cpus' 2 "--cpus '0' is not two numbers"
try "$roofline" --only frame,64 "$work/out"
wants '--only' 2 "--only 'frame,64' is not an arm (echo, echo again, frame/static,"
try "$roofline" --only frame/static,2 "$work/out"
wants '--only' 2 'and a depth (1, 16, 64)'
try "$roofline" --echo "$folder/evd-echo" --server / --modules / --rounds 2 --duration 5ms \
    --warmup 1ms --only 'echo again,16' "$work/out"
wants '--only' 0 'round 2 of 2'
[ "$(grep -c '"depth":16,"arm":"echo again"' "$work/out")" = 2 ] && [ "$(wc -l < "$work/out")" = 3 ] || {
    echo "--only: wanted two trials of one arm, got" >&2
    cat "$work/out" >&2
    failed=1
}
try "$roofline" --rounds 1 "$work/out"
wants '--rounds' 2 '2 to 200'
try "$roofline" "$work/out"
wants 'no server' 2 'are needed'
exit $failed
