# shellcheck shell=bash disable=SC2154,SC2034
# Whether the method of the studies keeps its word. Read by ../evdispatch, whose $here it uses.

readonly aa_steps=1000          # of a call, as loadgen/aa/work.c has it
readonly aa_calibration_steps=500
readonly aa_blocks=1600 aa_blocks_quick=192                          # 200 and 24 comparisons of 8
readonly aa_inject_blocks=1440 aa_inject_blocks_quick=180            # 120 and 15 comparisons of 12
readonly aa_inject_comparison=12
readonly aa_calibration_blocks=60 aa_calibration_blocks_quick=20

# aa_design NAME BLOCKS METHOD STEPS TITLE DESCRIPTION: a design whose second arm takes STEPS more, into
# build/aa/NAME.json, and what its server is told.
aa_design() {
    local total=$((aa_steps + $4))
    mkdir -p "$here/build/aa"
    printf '{"work":{"steps":%s}}\n' "$total" >"$here/build/aa/steps-$total.json"
    sed -e "s|@NAME@|$1|" -e "s|@BLOCKS@|$2|" -e "s|@METHOD@|$3|" -e "s|@STEPS@|$total|" \
        -e "s|@TITLE@|$5|" -e "s|@DESCRIPTION@|$6|" "$here/loadgen/aa/inject.json.in" >"$here/build/aa/$1.json"
}

# aa_study DESIGN OUT [ARGUMENT...]. From build/, where the designs' paths start.
aa_study() {
    local design=$1 out=$2
    shift 2
    (cd "$here/build" && release/bin/loadgen study "$design" --out "$out" "$@") >/dev/null
}

# aa_inject SHARE QUICK OUT: times the steps, and looks for as many as come to SHARE.
aa_inject() {
    local share=$1 out=$3 blocks=$aa_inject_blocks calibration=$aa_calibration_blocks found code=0
    local steps part call_ns step_ns
    if [[ $2 == yes ]]; then blocks=$aa_inject_blocks_quick calibration=$aa_calibration_blocks_quick; fi
    aa_design calibration "$calibration" "\"blocks\": 10, \"steps\": $aa_calibration_steps" "$aa_calibration_steps" \
        'What a step takes' \
        "Two arms, one of which takes $aa_calibration_steps steps more for each call than the other's $aa_steps."
    say "aa: timing the steps, $((calibration * 2)) trials"
    aa_study aa/calibration.json "$out/calibration" || return "$?"
    found=$("$here/build/release/bin/loadgen" report --calibrate "$share" "$out/calibration") || return "$?"
    read -r steps part call_ns step_ns <<<"$found"
    say "aa: a call takes $call_ns ns of server CPU, a step $step_ns ns: $steps steps more are $share"
    aa_design inject "$blocks" \
        "\"blocks\": $aa_inject_comparison, \"steps\": $steps, \"share\": $part, \"call_ns\": $call_ns, \"step_ns\": $step_ns" "$steps" \
        "An effect of $share, put in: how often the method finds it" \
        "Two arms, one of which takes $steps counted steps more for each call than the other's $aa_steps: $share of its server CPU time, by figures that were taken before. By ./evdispatch aa --inject $share."
    aa_study aa/inject.json "$out" || code=$?
    return "$code"
}

command_aa() {
    local quick=no out='' share='' blocks=$aa_blocks code=0
    while [[ $# -gt 0 ]]; do
        case $1 in
            -h | --help)
                help
                return 0
                ;;
            --quick) quick=yes ;;
            --out | --inject)
                [[ $# -gt 1 && -n $2 ]] || usage_error "aa: $1 needs a value"
                if [[ $1 == --out ]]; then out=$2; else share=$2; fi
                shift
                ;;
            --out=?*) out=${1#--out=} ;;
            --inject=?*) share=${1#--inject=} ;;
            *) usage_error "aa: unexpected '$1'; it takes --inject SHARE, --quick and --out DIR" ;;
        esac
        shift
    done
    [[ -z $share || $share =~ ^([1-9][0-9]?)(\.[0-9]{1,2})?%$ ]] ||
        usage_error "aa: --inject '$share': a share of a call's CPU time from 1% to 99.99%, as 5%"
    set_up build report
    build_both
    out=${out:-$here/out/aa${share:+-inject}-$(date -u +%Y%m%dT%H%M%SZ)}
    mkdir -p "$out" || die "aa: cannot make $out"
    out=$(cd "$out" && pwd)
    [[ $quick == no ]] || blocks=$aa_blocks_quick
    if [[ -n $share ]]; then
        aa_inject "$share" "$quick" "$out" || code=$?
    else
        aa_study aa "$out" --blocks "$blocks" || code=$?
    fi
    if [[ $code != 0 ]]; then
        complain "aa: loadgen ended with $code"
        return "$code"
    fi
    say "the report is $out/report.html, and as text $out/report.md"
    "$here/build/release/bin/loadgen" report --method "$out"
}
