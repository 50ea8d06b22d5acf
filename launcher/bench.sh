# shellcheck shell=bash disable=SC2154,SC2034
# Benchmarks. Read by ../evdispatch, whose $here it uses.

# Some 5 minutes of CPU time, and some 45 s. Many short repetitions tell more than a few long ones: each stands
# at another place of the run.
readonly bench_full=(--benchmark_repetitions=25 --benchmark_min_time=0.045)
readonly bench_quick=(--benchmark_repetitions=7 --benchmark_min_time=0.02)

# count_instructions OUT PROGRAM [ARGUMENT...]: beside the nanoseconds, what needs no clock. PROGRAM and what
# follows are for tests/instructions/instructions.sh. How long a handler takes nobody knows: at most ten minutes.
count_instructions() {
    local out=$1 code=0
    shift
    say "counting the instructions of a dispatch with callgrind"
    timeout 600 "$here/tests/instructions/instructions.sh" --json --program "$@" \
        >"$out/instructions.json.part" || code=$?
    case $code in
        0) mv "$out/instructions.json.part" "$out/instructions.json" ;;
        77) say "the report will have no instruction counts" ;;
        124) complain "counting instructions took more than ten minutes, the report will have none" ;;
        *) complain "counting instructions failed, the report will have none" ;;
    esac
    rm -f "$out/instructions.json.part"
}

# measure OUT COMMAND ARGUMENT...: evd-bench. It writes its output from the start on, so it gets its
# name only when it is whole. Started from here: its path stands in there, and need not be yours.
measure() {
    local out=$1 command=$2 code=0
    shift 2
    (cd "$here" && build/release/bin/evd-bench --cpu auto --progress --command "$command" \
        --benchmark_out="$out/bench.json.part" --benchmark_out_format=json "$@") \
        </dev/null >/dev/null || code=$?
    if [[ $code != 0 ]]; then
        rm -f "$out/bench.json.part"
        complain "bench: evd-bench ended with $code"
        return "$code"
    fi
    mv "$out/bench.json.part" "$out/bench.json"
}

# bench_roofline QUICK OUT
bench_roofline() {
    local out=$2 folder=$here/build/release/tests/bench/roofline
    local -a rounds=(--rounds 20)
    [[ $1 == no ]] || rounds=(--rounds 5 --duration 200ms)
    set_up build report
    build release dispatch/all server/all loadgen/all tests/bench/roofline/all || exit 1
    mkdir -p "$out" || die "bench: cannot make $out"
    out=$(cd "$out" && pwd)
    (cd "$here" && build/release/bin/evd-roofline --echo "$folder/evd-echo" \
        --server "$folder/roofline-server" --modules "$folder/modules" "${rounds[@]}" \
        "$out/roofline.jsonl.part") </dev/null >"$out/report.md.part" || {
        local code=$?
        rm -f "$out"/{roofline.jsonl,report.md}.part
        complain "bench: evd-roofline ended with $code"
        return "$code"
    }
    mv "$out/roofline.jsonl.part" "$out/roofline.jsonl"
    mv "$out/report.md.part" "$out/report.md"
    say "the report is $out/report.md"
}

# bench_profile QUICK OUT
bench_profile() {
    local program out=$2 code=0 folder=$here/build/release/tests/bench/roofline counts=$here/build/release/tests/instructions
    local -a effort=(--seconds 4)
    [[ $1 == no ]] || effort=(--seconds 1)
    command -v perf >/dev/null || die "bench: a profile needs perf(1), which is in Debian's linux-perf"
    set_up build bench
    build release dispatch/all server/all loadgen/all tests/bench/roofline/all tests/instructions/all || exit 1
    mkdir -p "$out" || die "bench: cannot make $out"
    out=$(cd "$out" && pwd)
    say "bench: counting the instructions of a call with callgrind"
    for program in wire_count server_count; do
        "$here/tests/instructions/instructions.sh" --json --program "$counts/$program" \
            >"$out/$program.json.part" || rm -f "$out/$program.json.part"
        [[ ! -e $out/$program.json.part ]] || mv "$out/$program.json.part" "$out/$program.json"
    done
    say "bench: sampling the server under load"
    (cd "$here" && tests/bench/roofline/profile.py --roofline build/release/bin/evd-roofline --echo "$folder/evd-echo" \
        --server "$folder/roofline-server" --modules "$folder/modules" "${effort[@]}" \
        "$out/profile.jsonl") </dev/null >"$out/profile.md.part" || code=$?
    if [[ $code != 0 ]]; then
        rm -f "$out"/{profile.jsonl,profile.md.part}
        complain "bench: profile.py ended with $code"
        return "$code"
    fi
    mv "$out/profile.md.part" "$out/profile.md"
    say "the report is $out/profile.md"
}

# bench_generator QUICK OUT
bench_generator() {
    local out=$2 code=0
    local -a rounds=(--rounds 20)
    [[ $1 == no ]] || rounds=(--rounds 5)
    set_up build bench
    build release dispatch/all server/all loadgen/all || exit 1
    mkdir -p "$out" || die "bench: cannot make $out"
    out=$(cd "$out" && pwd)
    "$here/tests/bench/generator/generator.py" --loadgen "$here/build/release/bin/loadgen" \
        --server "$here/build/release/bin/evd-server" "${rounds[@]}" "$out/generator.jsonl.part" \
        </dev/null >"$out/report.md.part" || code=$?
    if [[ $code != 0 ]]; then
        rm -f "$out"/{generator.jsonl,report.md}.part
        complain "bench: the generator's bench ended with $code"
        return "$code"
    fi
    mv "$out/generator.jsonl.part" "$out/generator.jsonl"
    mv "$out/report.md.part" "$out/report.md"
    say "the report is $out/report.md"
}

command_bench() {
    local quick=no filter='' out='' part='' command='./evdispatch bench'
    while [[ $# -gt 0 ]]; do
        case $1 in
            -h | --help)
                help
                return 0
                ;;
            --quick) quick=yes ;;
            --filter | --out)
                [[ $# -gt 1 && -n $2 ]] || usage_error "bench: $1 needs a value"
                if [[ $1 == --out ]]; then out=$2; else filter=$2; fi
                shift
                ;;
            --filter=?*) filter=${1#--filter=} ;;
            --out=?*) out=${1#--out=} ;;
            roofline | profile | generator) part=$1 ;;
            *) usage_error "bench: unexpected '$1'; it takes roofline, profile, generator, --quick, --filter REGEX and --out DIR" ;;
        esac
        shift
    done
    if [[ -n $part ]]; then
        [[ -z $filter ]] || usage_error "bench: --filter is not for $part, which has no parts"
        "bench_$part" "$quick" "${out:-$here/out/$part-$(date -u +%Y%m%dT%H%M%SZ)}"
        return
    fi
    local -a effort=("${bench_full[@]}")
    if [[ $quick == yes ]]; then
        effort=("${bench_quick[@]}")
        command+=' --quick'
    fi
    if [[ -n $filter ]]; then
        effort+=(--benchmark_filter="$filter")
        command+=" --filter '$filter'"
    fi
    out=${out:-$here/out/bench-$(date -u +%Y%m%dT%H%M%SZ)}
    set_up build report bench
    build_bench
    fetch_payloads
    mkdir -p "$out" || die "bench: cannot make $out"
    out=$(cd "$out" && pwd)
    # What an earlier bench left there is not of this one.
    rm -f "$out"/{bench,instructions}.json
    measure "$out" "$command" "${effort[@]}" || return "$?"
    [[ -n $filter && ! dispatch/static/state:64 =~ $filter ]] ||
        count_instructions "$out" "$here/build/release/tests/instructions/dispatch_count"
    cp "$here/tests/bench/targets.tsv" "$out/targets.tsv"
    "$here/build/release/bin/loadgen" report "$out" >/dev/null || return "$?"
    say "the report is $out/report.html, and as text $out/report.md"
}
