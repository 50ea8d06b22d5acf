# shellcheck shell=bash disable=SC2154,SC2034
# A study of somebody's own modules: --module DIR --scenario FILE. Read by ../evdispatch, whose $here it uses.

# A path that may stand in JSON, CMake and sed as it is.
plain_path() {
    local path
    path=$(readlink -f -- "$1") || die "study: cannot find '$1'" 2
    [[ $path =~ ^[A-Za-z0-9_./+@:,=~-]+$ ]] ||
        die "study: the path '$path' has characters other than A-Z a-z 0-9 _ . / + @ : , = ~ -" 2
    echo "$path"
}

# module_name FILE DIR SCENARIO: api/tax.c is api.tax; tax.c is what the scenario's events say stands
# before it ("api.tax.total": api.tax), or tax.
module_name() {
    local path=${1#"$2"/} base found
    path=${path%.*}
    base=${path##*/}
    if [[ $path == "$base" ]]; then
        found=$(grep -oE "\"event\"[[:space:]]*:[[:space:]]*\"([A-Za-z0-9_-]+\.)+$base\.[A-Za-z0-9_-]+\"" "$3" |
            sed -E 's/.*"([^"]+)\.[^."]+"$/\1/' | sort -u)
        [[ $found != *$'\n'* ]] ||
            die "study: $1 is either of these to the scenario: ${found//$'\n'/, }; put it into folders, as api/$base.c" 2
        echo "${found:-$base}"
    else
        echo "${path//\//.}"
    fi
}

# module_files DIR: what is to be a module, a path a line.
module_files() { files_below "$1" '*.c' -o -name build; }

# files_below DIR PATTERN [-o TEST...]: sorted, without what is hidden there, and without the folders of these tests.
# DIR itself may lie in a folder of any name.
files_below() {
    local dir=$1 pattern=$2
    shift 2
    find "$dir" -mindepth 1 -type d '(' -name '.*' "$@" ')' -prune -o -name "$pattern" -not -name '.*' -print | LC_ALL=C sort
}

# module_ident FILE: what it gives to EVD_MODULE().
module_ident() {
    sed -nE 's/^[[:space:]]*EVD_MODULE\([[:space:]]*([A-Za-z_][A-Za-z0-9_]*).*/\1/p' "$1" | head -n 1
}

readonly count_main=build/release/tests/instructions/libmodule_count_main.a

# build_module DIR SCENARIO LAYOUTS COUNTED: builds the C files of a folder, by the installed package and the rules
# for modules from outside, into "$here/build/module": bin/module-server, so many layouts of it, and modules/;
# bin/module-count where COUNTED is yes. The caller's array `names` gets what they are called.
build_module() {
    local dir=$1 scenario=$2 layouts=$3 counted=$4 work=$here/build/module file name ident
    rm -rf "$work/source"
    mkdir -p "$work/source"
    step "$work/install.log" cmake --install "$here/build/release" --prefix "$work/prefix" ||
        die "study: the package cannot be installed into build/module"
    {
        printf 'cmake_minimum_required(VERSION 3.25)\nproject(module LANGUAGES C)\nfind_package(evdispatch REQUIRED)\n'
        while IFS= read -r file; do
            name=$(module_name "$file" "$dir" "$scenario") || exit 2
            say "study: $file is the module $name"
            names+=("$name")
            ident=$(module_ident "$file")
            [[ -n $ident ]] || say "study: there is no line EVD_MODULE( in $file: each .c in '$dir' has to be a module"
            printf 'evd_add_module(NAME "%s"%s SOURCES "%s")\n' "$name" "${ident:+ IDENT $ident}" "$file"
        done < <(module_files "$dir")
        printf 'evd_add_server(NAME module-server%s)\n' "${layouts:+ LAYOUTS $layouts}"
        [[ $counted == no ]] || printf 'evd_add_server(NAME module-count MAIN "%s")\n%s\n' "$here/$count_main" \
            'target_link_options(module-count PRIVATE LINKER:--wrap=evd_names_init)'
    } >"$work/source/CMakeLists.txt" || exit 2
    step "$work/build.log" cmake -S "$work/source" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
        -DCMAKE_PREFIX_PATH="$work/prefix" || die "study: cmake refuses the modules of $dir"
    step "$work/build.log" cmake --build "$work/build" || die "study: the modules of $dir do not build"
}

# module_title NAME...: these modules, to be read.
module_title() {
    [[ $# -le 3 ]] || set -- "$1" "$2" "$(($# - 2)) more"
    case $# in
        1) echo "$1" ;;
        2) echo "$1 and $2" ;;
        *) echo "$1, $2 and $3" ;;
    esac
}

# module_design BASE SCENARIO CONFIG MODULES TITLE: the design of that name, of their scenario. With MODULES, a
# folder of shared objects, only the arms that load: nothing of it is linked.
module_design() {
    local extra='' title="Three ways of dispatch, for $5" arms="The arms of the study '$1'"
    [[ -z $4 ]] || title="Two ways of loading, for $5" arms+=' that load modules'
    [[ -z $3 ]] || extra="\"--module-config=$3\", "
    [[ -z $4 ]] || extra+="\"--modules=$4\", "
    sed -E -e "s|\"scenarios\": \[[^]]*\]|\"scenarios\": [\"$2\"]|" \
        -e "s|\"name\": \"(quick\|reference)\"|\"name\": \"module\"|" \
        -e "s|^  \"title\": \"[^\"]*\"|  \"title\": \"$title\"|" \
        -e "s|\"description\": \"[^\"]*\"|\"description\": \"$arms, on the calls of ${2##*/}.\"|" \
        -e "s|\"--dispatch|$extra\"--dispatch|" "$here/loadgen/studies/$1.json" |
        if [[ -z $4 ]]; then
            cat
        else
            sed -E -e '/"name": "(static|instance)/d' -e 's|"reference": "static"|"reference": "dynamic/cached"|' \
                -e '/"name": "dynamic\/call"/s|$|\n    { "name": "dynamic/cached (A/A)", "twin_of": "dynamic/cached", "server": ['"$extra"'"--dispatch=dynamic", "--dynamic-load=cached"] }|'
        fi
}

readonly try_seconds=120

# Short trials of every arm, so that what does not fit is said at once, not after the study.
try_module() {
    local design=$1 server=$2 work=$here/build/module code=0
    rm -rf "$work/trial"
    say "study: trying each arm"
    # A module that never returns would take a minute a trial.
    timeout --foreground --signal=INT "$try_seconds" "$here/build/release/bin/loadgen" study "$design" --out "$work/trial" --server "$server" --blocks 1 --warmup 0 \
        --duration 100ms --quiet >"$work/trial.log" 2>&1 || code=$?
    [[ $code != 0 ]] || return 0
    [[ $code != 124 ]] || complain "study: that took more than $try_seconds s, and was stopped"
    complain "study: the modules do not answer as the scenario expects:"
    cat "$work/trial.log" >&2
    [[ ! -e $work/trial/server.log ]] || head -n 20 "$work/trial/server.log" >&2
    grep -o '"first_bad":{[^}]*}' "$work/trial/trials.jsonl" 2>/dev/null | sort -u | head -n 3 >&2 || true
    die "study: nothing was measured"
}

# study_module DIR SCENARIO CONFIG BASE OUT
study_module() {
    local dir scenario config='' base=$4 out=$5 modules='' sources counted=no again code=0
    local server=$here/build/release/bin/evd-server counter=$here/build/release/tests/instructions/module_count
    local -a count=() names=() objects=()
    local design=$here/loadgen/studies/$base.json
    dir=$(plain_path "$1") || exit 2
    [[ -d $dir ]] || die "study: --module '$1' is no folder" 2
    [[ -n $2 ]] || usage_error "study: --module needs --scenario FILE: which calls to make (loadgen/scenarios/README.md)"
    scenario=$(plain_path "$2") || exit 2
    [[ -f $scenario && -r $scenario ]] || die "study: cannot read the scenario '$2'" 2
    if [[ -n $3 ]]; then
        config=$(plain_path "$3") || exit 2
        [[ -f $config && -r $config ]] || die "study: cannot read the configuration '$3'" 2
    fi
    # The design that is made stands until the next study of a module: this is what repeats it.
    again="./evdispatch study --module $dir --scenario $scenario${config:+ --module-config $config}"
    [[ $base != quick ]] || again+=' --quick'
    [[ ${#extra[@]} == 0 ]] || again+=" -- ${extra[*]}"
    sources=$(module_files "$dir")
    mapfile -t objects < <(files_below "$dir" '*.so')
    objects=("${objects[@]#"$dir"/}")
    [[ -n $sources || ${#objects[@]} -gt 0 ]] ||
        die "study: there is no .c and no .so in '$1' (files of C++ are not built: give their .so)" 2
    # Said now, not when everything is built.
    { mkdir -p "$out" && [[ -w $out ]]; } || die "study: cannot write into '$out'" 2
    rmdir "$out" 2>/dev/null || true # empty, and nothing is left of it where the modules do not fit
    set_up build report
    build_both
    mkdir -p "$here/build/module"
    if have flock; then
        exec 8>"$here/build/module.lock"
        flock -n 8 || die "study: another study of modules runs in this checkout: both would build in build/module"
    fi
    if [[ -n $sources ]]; then
        ! can_count module_count_main || counted=yes
        build_module "$dir" "$scenario" "$(layouts_of "$design")" "$counted"
        server=$here/build/module/build/bin/module-server
        counter=$here/build/module/build/bin/module-count
        count=(--modules "$here/build/module/build/modules")
    else
        modules=$dir
        names=("${objects[@]%.so}")
        names=("${names[@]//\//.}")
        build_layouts "$design"
        ! can_count module_count || counted=yes
        count=(--modules "$dir")
        say "study: shared objects alone: the arms that link modules in are left out"
    fi
    module_design "$base" "$scenario" "$config" "$modules" "$(module_title "${names[@]}")" >"$here/build/module/module.json"
    try_module "$here/build/module/module.json" "$server"
    "$here/build/release/bin/loadgen" study "$here/build/module/module.json" --out "$out" --server "$server" \
        --command "$again" "${extra[@]}" || code=$?
    if [[ $code -le 1 && $counted == yes ]]; then
        count+=(--scenario "$scenario" ${config:+--module-config "$config"})
        [[ -z $modules ]] || count+=(dynamic-cached dynamic-call)
        count_for_study "$out" "$counter" "${count[@]}" || code=$?
    fi
    [[ $code == 2 || ! -e $out/report.html ]] || say "the report is $out/report.html, and as text $out/report.md"
    [[ $code == 0 ]] || complain "study: loadgen ended with $code"
    return "$code"
}
