# shellcheck shell=bash disable=SC2154,SC2034
# Studies and their reports, and the server and the generator by themselves. Read by ../evdispatch, whose $here it uses.

readonly growth_quick=(--blocks 5 --warmup 100ms --duration 400ms)
readonly growth_edits=15 growth_edits_quick=5

# The servers and modules folders that the design 'growth' names, in build/growth.
prepare_growth() {
    local began=$SECONDS
    say "growth: making synthetic APIs and their servers in build/growth"
    mkdir -p "$here/build/growth"
    step "$here/build/growth.log" "$here/loadgen/growth/prepare.sh" "$here/build/release" \
        "$here/build/growth" || die "growth: build/growth does not build"
    say "growth: that took $((SECONDS - began)) s"
}

# measure_edits OUT REPETITIONS: from a saved edit to the new answer, into the study's folder.
measure_edits() {
    local plan=$here/build/growth/edit-plan.json loadgen=$here/build/release/bin/loadgen
    say "growth: measuring the time from a saved edit to the new answer"
    "$here/loadgen/growth/edit_plan.sh" "$here/build/growth" >"$plan" || return 1
    "$loadgen" edit-to-live "$plan" --out "$1" --repetitions "$2" || return "$?"
    "$loadgen" report "$1"
}

# can_count TARGET: whether instructions can be counted here, by what this target is; then it is built.
can_count() {
    have valgrind && grep -qs "$1" "$here/build/release/build.ninja" && build release "$1"
}

# count_for_study OUT PROGRAM [ARGUMENT...]: the instructions of a dispatch by each arm, as
# count_instructions() has them, into the study's folder; then the report anew.
count_for_study() {
    [[ ! -e $1/instructions.json ]] || return 0
    count_instructions "$@"
    [[ ! -e $1/instructions.json ]] || "$here/build/release/bin/loadgen" report "$1"
}

# What was given to `build release` stays, and would be measured along.
refuse_extra_modules() {
    local cache=$here/build/release/CMakeCache.txt folders=''
    [[ ! -e $cache ]] || folders=$(sed -n 's/^EVD_EXTRA_MODULES:[A-Z]*=//p' "$cache")
    [[ -n $folders ]] || return 0
    complain "study: the server in build/release holds modules from outside this tree, which a"
    complain "study would measure along: $folders"
    complain "to take them out: ./evdispatch build release -DEVD_EXTRA_MODULES="
    die "to measure the server with them: ./evdispatch study --extra-modules"
}

# The file of a design, by the rule of `loadgen study`: what has a slash or ends in .json is one.
design_file() {
    local studies=$here/loadgen/studies file=$1 known
    if [[ $1 != */* && $1 != *.json ]]; then
        file=$studies/$1.json
        if [[ ! -r $file ]]; then
            known=$(cd "$studies" && printf '%s, ' *.json)
            known=${known/study.schema.json, /} # says what a design is, and is none
            usage_error "study: there is no design '$1'; there are ${known//.json/}or a file"
        fi
    fi
    [[ -f $file && -r $file ]] || usage_error "study: cannot read the design '$1'"
    printf '%s\n' "$file"
}

# layouts_of DESIGN_FILE: how many layouts of the server it asks for.
layouts_of() { sed -nE 's/^ *"layouts": *([0-9]+),?$/\1/p' "$1" | head -n 1; }

# The layouts of the server that a design asks for.
build_layouts() {
    local count layout
    local -a targets=()
    count=$(layouts_of "$1")
    for ((layout = 1; layout <= ${count:-0}; layout++)); do
        targets+=("evd_server_layout_$layout")
    done
    [[ ${#targets[@]} == 0 ]] || build release "${targets[@]}" || exit 1
}

command_study() {
    local extra_modules=no quick=no design='' out='' module='' scenario='' config='' name file code=0 edits=$growth_edits
    local -a extra=()
    while [[ $# -gt 0 ]]; do
        case $1 in
            -h | --help)
                help
                return 0
                ;;
            --quick) quick=yes ;;
            --extra-modules) extra_modules=yes ;;
            --out)
                [[ $# -gt 1 ]] || usage_error "study: --out needs a folder"
                out=$2
                shift
                ;;
            --out=*) out=${1#--out=} ;;
            --module | --scenario | --module-config)
                [[ $# -gt 1 && -n $2 ]] || usage_error "study: $1 needs a value"
                case $1 in
                    --module) module=$2 ;;
                    --scenario) scenario=$2 ;;
                    *) config=$2 ;;
                esac
                shift
                ;;
            --module=?* | --scenario=?* | --module-config=?*)
                set -- "${1%%=*}" "${1#*=}" "${@:2}"
                continue
                ;;
            --)
                shift
                extra=("$@")
                break
                ;;
            -*)
                usage_error "study: unknown flag '$1'; it takes --quick, --extra-modules,\
 --module DIR, --scenario FILE, --module-config FILE and --out DIR"
                ;;
            *)
                [[ -z $design ]] ||
                    usage_error "study: one DESIGN at a time, not '$design' and '$1'"
                design=$1
                ;;
        esac
        shift
    done
    if [[ -n $module$scenario$config ]]; then
        [[ -n $module ]] || usage_error "study: --scenario and --module-config go with --module DIR"
        [[ -z $design ]] || usage_error "study: --module has the design of its own; leave out '$design'"
        design=reference
        [[ $quick == no ]] || design=quick
        study_module "$module" "$scenario" "$config" "$design" "${out:-$here/out/module-$(date -u +%Y%m%dT%H%M%SZ)}"
        return
    fi
    if [[ $quick == yes ]]; then
        case $design in
            '') design=quick ;;
            growth)
                extra=("${growth_quick[@]}" "${extra[@]}")
                edits=$growth_edits_quick
                ;;
            *)
                usage_error "study: --quick is the design 'quick', or goes with 'growth'; leave out\
 '$design'"
                ;;
        esac
    fi
    design=${design:-reference}
    name=${design##*/}
    file=$(design_file "$design") || exit 2
    out=${out:-$here/out/${name%.*}-$(date -u +%Y%m%dT%H%M%SZ)}
    [[ $extra_modules == yes ]] || refuse_extra_modules
    set_up build report
    build_both
    build_layouts "$file"
    [[ $design != growth ]] || prepare_growth
    ! grep -qF '"github-webhooks"' "$file" || fetch_payloads
    local loadgen=$here/build/release/bin/loadgen
    mkdir -p "$(dirname "$out")"
    "$loadgen" study "$design" --out "$out" "${extra[@]}" || code=$?
    # It ends with a report; where it was stopped, what was measured so far is worth one.
    if [[ $code != 2 && $out/trials.jsonl -nt $out/report.html ]]; then
        "$loadgen" report "$out" || code=$?
    fi
    if [[ $code -le 1 && $design == growth ]]; then
        measure_edits "$out" "$edits" || code=$?
    fi
    if [[ $code -le 1 && $design == reference ]] && can_count dispatch_count; then
        count_for_study "$out" "$here/build/release/tests/instructions/dispatch_count" || code=$?
    fi
    [[ $code == 2 || ! -e $out/report.html ]] ||
        say "the report is $out/report.html, and as text $out/report.md"
    [[ $code == 0 ]] || complain "study: loadgen ended with $code"
    return "$code"
}

command_serve() {
    set_up build
    build_server
    exec "$here/build/release/bin/evd-server" "$@"
}

command_run() {
    set_up build
    build_loadgen
    [[ " $* " != *github-webhooks* ]] || fetch_payloads
    exec "$here/build/release/bin/loadgen" run "$@"
}

command_report() {
    [[ $# -gt 0 ]] || usage_error "report: which study or bench? It takes the DIR of one, or --results"
    set_up build report
    if [[ $1 == --results ]]; then
        [[ $# -le 2 ]] || usage_error "report: --results takes one folder"
        build_loadgen
        exec "$here/build/release/bin/loadgen" report --results "${2:-$here/results}"
    fi
    if [[ -e $1/roofline.jsonl ]]; then
        build release tests/bench/roofline/all || exit 1
        "$here/build/release/bin/evd-roofline" --render "$1/roofline.jsonl" >"$1/report.md"
    fi
    if [[ -e $1/profile.jsonl ]]; then
        "$here/tests/bench/roofline/profile.py" --render "$1/profile.jsonl" >"$1/profile.md"
    fi
    if [[ -e $1/roofline.jsonl || -e $1/profile.jsonl ]]; then
        return
    fi
    if [[ -e $1/generator.jsonl ]]; then
        "$here/tests/bench/generator/generator.py" --render "$1/generator.jsonl" >"$1/report.md"
        return
    fi
    build_loadgen
    exec "$here/build/release/bin/loadgen" report "$@"
}
