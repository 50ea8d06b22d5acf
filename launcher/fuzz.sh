# shellcheck shell=bash disable=SC2154,SC2034
# libFuzzer, for as long as one wants. Read by ../evdispatch, whose $here it uses.

# to_seconds TIME: 90, 90s, 10m or 1h.
to_seconds() {
    local number=${1%[smh]}
    [[ $number =~ ^[1-9][0-9]{0,5}$ ]] ||
        usage_error "fuzz: --for '$1' is not a time from 1: 90, 90s, 10m, 1h"
    case $1 in
        *h) echo $((number * 3600)) ;;
        *m) echo $((number * 60)) ;;
        *) echo "$number" ;;
    esac
}

# fuzz_for SECONDS JOBS RECORD [TARGET]...
fuzz_for() {
    local out code=0 record=$3
    out=$here/out/fuzz-$(date -u +%Y%m%dT%H%M%SZ)
    set_up build bench test
    build fuzz fuzz_all || return 1
    "$here/tests/fuzz/fuzz.sh" run "$here/build/fuzz/fuzz" "$out" "$1" "$2" "${@:4}" || code=$?
    [[ $record == no ]] || "$here/tests/fuzz/ledger.sh" add "$out" "$here/results/fuzz" || code=1
    return "$code"
}

command_fuzz() {
    local seconds=60 jobs='' job=run record=no names
    local -a chosen=()
    names=$("$here/tests/fuzz/fuzz.sh" list | awk '{ print $1 }') || return 1
    while [[ $# -gt 0 ]]; do
        case $1 in
            --for=* | --target=* | --jobs=* | --seed=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" ;;
        esac
        case $1 in
            -h | --help)
                help
                return 0
                ;;
            --list) job=list ;;
            --coverage) job=coverage ;;
            --record) record=yes ;;
            --for | --target | --jobs | --seed)
                [[ $# -gt 1 ]] || usage_error "fuzz: $1 needs a value"
                case $1 in
                    --for) seconds=$(to_seconds "$2") || exit 2 ;;
                    --target)
                        grep -qxF -- "$2" <<<"$names" || usage_error "fuzz: no target '$2';\
 there are $(tr '\n' ' ' <<<"$names")"
                        chosen+=("$2")
                        ;;
                    --seed)
                        [[ $2 =~ ^[1-9][0-9]{0,8}$ ]] ||
                            usage_error "fuzz: --seed '$2' is not a number from 1 to 999999999"
                        export EVD_FUZZ_SEED=$2
                        ;;
                    *)
                        [[ $2 =~ ^[1-9][0-9]{0,2}$ ]] ||
                            usage_error "fuzz: --jobs '$2' is not a number from 1 to 999"
                        jobs=$2
                        ;;
                esac
                shift
                ;;
            *) usage_error "fuzz: unexpected '$1'; it takes --for, --target, --jobs, --seed,\
 --record, --list, --coverage" ;;
        esac
        shift
    done
    case $job in
        list) "$here/tests/fuzz/fuzz.sh" list ;;
        coverage)
            set_up build report bench test coverage
            build coverage || return 1
            "$here/tests/fuzz/coverage.sh" "$here" "$here/build/coverage"
            ;;
        *) fuzz_for "$seconds" "${jobs:-$(nproc)}" "$record" "${chosen[@]}" ;;
    esac
}
