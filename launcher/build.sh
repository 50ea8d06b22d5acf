# shellcheck shell=bash disable=SC2154,SC2034
# Builds, by the presets of CMakePresets.json. Read by ../evdispatch, whose $here it uses.

readonly presets='debug, release, asan, tsan, clang, fuzz, coverage'

check_preset() {
    case $1 in
        debug | release | asan | tsan | clang | fuzz | coverage) ;;
        *) usage_error "unknown preset '$1'; there are $presets" ;;
    esac
}

build_locked() {
    local preset=$1 dir=$here/build/$1
    shift
    local -a targets=()
    while [[ $# -gt 0 && $1 != -D* ]]; do
        targets+=(--target "$1")
        shift
    done
    cd "$here" || return 1
    if [[ $# -gt 0 || ! -e $dir/build.ninja || CMakePresets.json -nt $dir/.configured ]]; then
        say "configuring build/$preset"
        step "$dir.log" cmake --preset "$preset" "$@" || return 1
        touch "$dir/.configured"
    fi
    step "$dir.log" cmake --build --preset "$preset" "${targets[@]}"
}

# build PRESET [TARGET]... [-DNAME=VALUE]...: two launchers at once take turns.
build() {
    local preset=$1 began=$SECONDS dir=$here/build
    mkdir -p "$dir/$preset" 2>/dev/null || true
    if [[ ! -d $dir/$preset || ! -w $dir || ! -w $dir/$preset || (-e $dir/$preset.lock && ! -w $dir/$preset.lock) ]]; then
        complain "cannot write into '$dir', where all is built: clone evdispatch to a folder of your own"
        return 1
    fi
    if ! (
        if have flock; then
            exec 9>"$here/build/$preset.lock"
            flock 9
        fi
        build_locked "$@"
    ); then
        complain "build/$preset does not build"
        return 1
    fi
    [[ $((SECONDS - began)) -lt 2 ]] || say "built build/$preset in $((SECONDS - began)) s"
}

# The rooms that a job needs, without the tests. Folders, not programs: the modules' shared objects
# are linked by no program.
build_server() { build release dispatch/all server/all || exit 1; }
build_loadgen() { build release loadgen/all || exit 1; }
build_both() { build release dispatch/all server/all loadgen/all || exit 1; }

# evd-bench and dispatch_count are there only where cmake found Google Benchmark: look anew, if not.
build_bench() {
    local dir=$here/build/release
    grep -qs 'evd-bench' "$dir/build.ninja" || rm -f "$dir/.configured"
    build release loadgen/all dispatch/all server/all evd-bench dispatch_count && return 0
    grep -qs 'evd-bench' "$dir/build.ninja" ||
        complain "Google Benchmark (Debian: libbenchmark-dev) was not found"
    exit 1
}

command_build() {
    local preset=release
    local -a definitions=()
    if [[ $# -gt 0 && $1 != -* ]]; then
        preset=$1
        shift
    fi
    check_preset "$preset"
    local argument
    for argument in "$@"; do
        case $argument in
            -h | --help)
                help
                return 0
                ;;
            -D?*=*) definitions+=("$argument") ;;
            *) usage_error "build: unexpected '$argument'; it takes $presets, and -DNAME=VALUE" ;;
        esac
    done
    local -a groups=(build)
    [[ ! $preset =~ ^(clang|fuzz|coverage)$ ]] || groups+=(test)
    set_up "${groups[@]}"
    build "$preset" "${definitions[@]}"
    say "the programs are in build/$preset/bin"
}
