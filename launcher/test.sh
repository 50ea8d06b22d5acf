# shellcheck shell=bash disable=SC2154,SC2034
# All tests, by CTest. Read by ../evdispatch, whose $here it uses.

readonly test_presets=(clang asan tsan release fuzz)

# Sets "$here/build/PRESET.ctest" to what ctest said, and answers as it did.
run_ctest() {
    local preset=$1
    shift
    local -a wrap=()
    # gcc's TSan gives up where the kernel randomises more address bits than it knows.
    if [[ $preset == tsan ]] && have setarch && setarch -R true 2>/dev/null; then
        wrap=(setarch -R)
    fi
    (cd "$here" && "${wrap[@]}" ctest --preset "$preset" --no-label-summary "$@") </dev/null |
        tee "$here/build/$preset.ctest"
}

command_test() {
    local -a chosen=() passed=() failed=() without=() summary=()
    local preset began
    while [[ $# -gt 0 ]]; do
        case $1 in
            -h | --help)
                help
                return 0
                ;;
            --preset)
                [[ $# -gt 1 ]] || usage_error "test: --preset needs a name; there are $presets"
                check_preset "$2"
                chosen+=("$2")
                shift
                ;;
            --preset=*)
                check_preset "${1#--preset=}"
                chosen+=("${1#--preset=}")
                ;;
            --)
                shift
                break
                ;;
            *) break ;;
        esac
        shift
    done
    local all=no
    if [[ ${#chosen[@]} == 0 ]]; then
        all=yes
        chosen=("${test_presets[@]}")
    fi
    set_up build report bench test
    fetch_payloads
    for preset in "${chosen[@]}"; do
        began=$SECONDS
        local -a targets=() only=()
        # The other tests run in the other builds.
        [[ $preset != fuzz ]] || targets=(fuzz_all) only=(-L fuzz)
        if ! build "$preset" "${targets[@]}"; then
            failed+=("$preset")
            summary+=("$preset: does not build")
            rm -f "$here/build/$preset.ctest"
            continue
        fi
        if [[ $all == yes && $preset == clang ]]; then
            # A second compiler's warnings; what its programs do is tested by the others.
            summary+=("clang: builds without a warning, $((SECONDS - began)) s")
            continue
        fi
        say "testing build/$preset"
        if run_ctest "$preset" "${only[@]}" "$@" && { [[ $preset != fuzz || $# -gt 0 ]] || fuzz_a_while; }; then
            passed+=("$preset")
            summary+=("$preset: passed, $((SECONDS - began)) s")
        elif [[ $# -gt 0 && ${#chosen[@]} -gt 1 ]] && grep -q '^No tests were found' "$here/build/$preset.ctest"; then
            without+=("$preset")
            summary+=("$preset: has none of these tests, $((SECONDS - began)) s")
        else
            failed+=("$preset")
            summary+=("$preset: FAILED, $((SECONDS - began)) s")
        fi
    done
    # Not each build runs each test; those that were asked for must be in one.
    if [[ ${#passed[@]} == 0 ]]; then
        failed+=("${without[@]}")
    fi
    report_tests
    [[ ${#failed[@]} == 0 ]]
}

# The summary, then ctest's closing lines of each build, those that failed last.
# Uses command_test's arrays.
report_tests() {
    local line preset
    echo
    for line in "${summary[@]}"; do
        printf 'evdispatch: %s\n' "$line"
    done
    for preset in "${passed[@]}" "${failed[@]}"; do
        printf '\n%s:\n' "build/$preset"
        if [[ -s $here/build/$preset.ctest ]]; then
            sed -n '/^[0-9]*% tests passed/,$p; /^No tests were found/p' "$here/build/$preset.ctest"
        else
            echo "does not build"
        fi
    done
}

# A while for each target, after its corpus: 'test' of the preset fuzz. With a fixed seed: what it says
# then depends on the code, and on how far it comes.
fuzz_a_while() {
    local seconds=${EVD_FUZZ_SECONDS:-30} out=$here/build/fuzz.out
    [[ $seconds != 0 ]] || return 0
    rm -rf "$out"
    EVD_FUZZ_SEED=1 "$here/tests/fuzz/fuzz.sh" run "$here/build/fuzz/fuzz" "$out" "$seconds" 4
}
