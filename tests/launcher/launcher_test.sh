#!/usr/bin/env bash
# launcher_test.sh SOURCE_DIR CASE: one case of the launcher's tests.
# The launcher runs in a temporary copy, with a PATH that holds only a few links and the fakes made
# below, so that it sees exactly the machine that the case describes. The fakes write their calls to
# $room/calls.
set -euo pipefail

source_dir=$1
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
tree=$room/tree
bin=$room/bin

fail() {
    printf 'FAILED: %s\n' "$1"
    for file in status out err calls; do
        [[ ! -e $room/$file ]] || { printf -- '--- %s\n' "$file"; cat "$room/$file"; }
    done
    exit 1
}

# fake NAME: a program from stdin. It sees $ROOM.
fake() {
    { printf '#!/bin/bash\nROOM=%q\n' "$room"; cat; } >"$bin/$1"
    chmod +x "$bin/$1"
}

make_room() {
    local program
    mkdir -p "$tree" "$bin"
    cp -r "$source_dir/evdispatch" "$source_dir/launcher" "$source_dir/packages.txt" "$tree"
    cp "$source_dir/CMakePresets.json" "$source_dir/CMakeLists.txt" "$tree"
    mkdir -p "$tree/loadgen/studies" "$tree/tests/bench" "$tree/tests/instructions" "$tree/tests/fuzz"
    cp "$source_dir"/loadgen/studies/*.json "$tree/loadgen/studies"
    cp "$source_dir/tests/bench/targets.tsv" "$tree/tests/bench"
    cat >"$tree/tests/fuzz/fuzz.sh" <<FAKE
#!/bin/bash
echo "fuzz.sh \$* seed \${EVD_FUZZ_SEED:-none}" >>"$room/calls"
[[ \$1 != list ]] || printf 'json  JSON\nframe frames\n'
[[ \$1 != run || ! -e $room/finding ]] || exit 1
FAKE
    cat >"$tree/tests/fuzz/ledger.sh" <<FAKE
#!/bin/bash
echo "ledger.sh \$*" >>"$room/calls"
FAKE
    chmod +x "$tree/tests/fuzz/fuzz.sh" "$tree/tests/fuzz/ledger.sh"
    for program in awk bash cat cp cut date dirname env find grep head mkdir mv nproc readlink rm rmdir sed sort tee \
        timeout touch tr xargs; do
        ln -s "$(command -v "$program")" "$bin/$program"
    done
    : >"$room/calls"
    printf 'ID=debian\n' >"$room/os-release"
    all_packages >"$room/installed"
    fake id <<<'echo 0'
    fake_packages
    fake_build
}

all_packages() { awk '!/^#/ && NF { print $2 }' "$source_dir/packages.txt"; }
packages_in() { awk -v group="$1" '$1 == group { print $2 }' "$source_dir/packages.txt"; }

fake_packages() {
    fake dpkg-query <<'FAKE'
echo "dpkg-query $*" >>"$ROOM/calls"
shift 3
code=0
for package in "$@"; do
    if grep -qx "$package" "$ROOM/installed"; then echo "installed $package"
    elif [[ $package == zlib1g-dev ]]; then echo "config-files $package" # removed
    else echo "dpkg-query: no packages found matching $package" >&2; code=1; fi
done
exit $code
FAKE
    fake apt-get <<'FAKE'
echo "apt-get $* (${DEBIAN_FRONTEND:-})" >>"$ROOM/calls"
[[ ! -e $ROOM/apt-fails ]] || exit 100
installing=no
for word in "$@"; do
    case $word in
        install) installing=yes ;;
        -*) ;;
        *) [[ $installing == no ]] || echo "$word" >>"$ROOM/installed" ;;
    esac
done
FAKE
}

# cmake makes what it would; the programs and ctest tell how they were called.
fake_build() {
    fake cmake <<'FAKE'
echo "cmake $*" >>"$ROOM/calls"
if [[ $1 == --preset ]]; then
    mkdir -p "build/$2" && touch "build/$2/build.ninja"
elif [[ -e $ROOM/does-not-build-$3 ]]; then
    echo "error: as the case wants it"; exit 1
else
    mkdir -p "build/$3/bin"
    [[ " $* " != *' evd-bench '* || -e $ROOM/no-benchmark ]] || echo 'bin/evd-bench' >>"build/$3/build.ninja"
    if [[ " $* " == *' evd-bench '* && -e $ROOM/no-benchmark ]]; then
        echo "ninja: error: unknown target 'evd-bench'"; exit 1
    fi
    for program in evd-server loadgen evd-bench evd-roofline; do cp "$ROOM/program" "build/$3/bin/$program"; done
    echo "noise of the build"
fi
FAKE
    cat >"$room/program" <<FAKE
#!/bin/bash
echo "\${0##*/} \$*" >>"$room/calls"
if [[ \$1 == report && \$2 == --calibrate ]]; then
    [[ ! -e $room/untimed ]] || exit 3
    echo '86 0.05 2420 1.41'; exit 0
fi
printf '<%s>' "\${0##*/}" "\$@"
if [[ \$1 == study ]]; then
    [[ ! -e $room/study-code ]] || exit "\$(cat "$room/study-code")"
    mkdir -p "\$4"; echo '{}' >"\$4/trials.jsonl"
    [[ -e $room/stopped ]] || touch "\$4/report.html" "\$4/report.md"
fi
for word; do
    [[ \$word != --benchmark_out=* || -e $room/bench-fails ]] ||
        echo "\$PWD \$0" >"\${word#--benchmark_out=}"
done
[[ \${0##*/} != evd-bench || ! -e $room/bench-fails ]] || exit 1
if [[ \${0##*/} == evd-roofline ]]; then
    [[ ! -e $room/roofline-fails ]] || exit 1
    [[ \$1 == --render ]] || touch "\${@: -1}"
fi
if [[ \$1 == report && \$2 == --method && -e $room/unclear ]]; then exit 3; fi
if [[ \$1 == report && \$2 != --method && \$2 != --results ]]; then touch "\$2/report.html" "\$2/report.md"; fi
exit "\${PROGRAM_CODE:-0}"
FAKE
    chmod +x "$room/program"
    fake ctest <<'FAKE'
echo "ctest $*" >>"$ROOM/calls"
echo "a test's output"
if [[ -e $ROOM/red-$2 ]]; then
    echo "50% tests passed, 1 tests failed out of 2"; exit 8
elif [[ -e $ROOM/without-$2 ]]; then
    echo "No tests were found!!!"; exit 8
fi
echo "100% tests passed, 0 tests failed out of 2"
FAKE
}

# launch ARGUMENT...: sets $status, $room/out, $room/err.
launch() {
    status=0
    (cd "$tree" && env -i HOME="$room" PATH="$bin" EVDISPATCH_OS_RELEASE="$room/os-release" \
        "${setting[@]}" ./evdispatch "$@" </dev/null >"$room/out" 2>"$room/err") || status=$?
    echo "$status" >"$room/status"
}
setting=(NO_COLOR=1)

expect_status() { [[ $status == "$1" ]] || fail "exit $status instead of $1"; }
expect_in() { grep -qF -- "$2" "$room/$1" || fail "no '$2' in $1"; }
expect_not_in() { ! grep -qF -- "$2" "$room/$1" || fail "'$2' in $1"; }
expect_count() {
    [[ $(grep -cF -- "$2" "$room/calls") == "$1" ]] || fail "'$2' not called $1 times"
}
expect_out() { [[ $(cat "$room/out") == "$1" ]] || fail "stdout is not '$1'"; }
expect_last_line() { [[ $(sed -n '$p' "$room/out") == "$1" ]] || fail "'$1' is not the last line"; }
missing() { local p; for p in "$@"; do sed -i "/^$p\$/d" "$room/installed"; done; }

# ---- words ---------------------------------------------------------------------------------------

case_help() {
    launch --help
    expect_status 0
    for command in study bench test fuzz soak truth aa serve run report build; do
        expect_in out "  $command "
    done
    expect_in out 'examples:'
    launch study --help
    expect_status 0
    expect_in out 'usage: ./evdispatch'
    launch --version
    expect_status 0
    grep -qE '^evdispatch [0-9]+\.[0-9]+\.[0-9]+$' "$room/out" || fail 'no version'
    [[ ! -s $room/calls ]] || fail 'help does not need the machine'
}

case_usage_errors() {
    launch
    expect_status 2
    expect_in err 'which command? There are study, bench, test, fuzz, soak, truth, aa, serve, run, report, build'
    launch stduy
    expect_status 2
    expect_in err "evdispatch: unknown command 'stduy'; there are study, bench, test, fuzz, soak, truth, aa, serve, run,"
    launch --quick
    expect_status 2
    expect_in err "unknown flag '--quick'"
    launch build fast
    expect_status 2
    expect_in err "unknown preset 'fast'; there are debug, release, asan, tsan, clang, fuzz,"
    launch build release --fast
    expect_status 2
    expect_in err "unexpected '--fast'"
    launch test --preset
    expect_status 2
    launch test --preset fast
    expect_status 2
    expect_in err "unknown preset 'fast'"
    launch study --slow
    expect_status 2
    expect_in err "unknown flag '--slow'; it takes --quick, --extra-modules, --module DIR,"
    launch study --out
    expect_status 2
    launch study one two
    expect_status 2
    expect_in err "not 'one' and 'two'"
    launch study --quick reference
    expect_status 2
    launch report
    expect_status 2
    [[ ! -s $room/calls ]] || fail 'a usage error comes before any set-up'
}

case_no_place_to_build() {
    local command
    touch "$tree/build" # not even root can write there
    for command in build 'study --quick' 'serve --version'; do
        # shellcheck disable=SC2086 # words
        launch $command
        expect_status 1
        expect_in err "cannot write into '$tree/build', where all is built"
        [[ $(wc -l <"$room/err") == 1 ]] || fail 'more than what is wrong'
    done
    expect_count 0 'cmake --'
}

case_packages_file() {
    awk '!/^#/ && NF {
        if (NF < 4 || $1 !~ /^(build|report|bench|test|coverage)$/ || $2 !~ /^[a-z0-9][a-z0-9+.-]+$/ ||
            $3 !~ /^(cmd|pc|header):[A-Za-z0-9_+.\/-]+$/) { print "line " NR ": " $0; bad = 1 } }
        END { exit bad }' "$source_dir/packages.txt" ||
        fail 'packages.txt has lines of another shape'
    [[ -z $(all_packages | sort | uniq -d) ]] || fail 'a package stands twice in packages.txt'
}

# ---- set-up --------------------------------------------------------------------------------------

case_installs_only_the_missing() {
    missing libev-dev zlib1g-dev clang
    launch build debug
    expect_status 0
    expect_count 1 'dpkg-query -W'
    expect_count 1 ' update'
    expect_count 1 ' install '
    # In the order of the file; clang is not of this command's groups.
    expect_in calls 'install -y --no-install-recommends libev-dev zlib1g-dev (noninteractive)'
    expect_in err 'installing libev-dev zlib1g-dev'
    # And then never again.
    : >"$room/calls"
    launch build debug
    expect_status 0
    expect_count 1 'dpkg-query -W'
    expect_count 0 'apt-get'
    expect_count 0 'cmake --preset debug'
    # But what cmake looked for in vain may be among what is installed later.
    missing zlib1g-dev
    launch build debug
    expect_status 0
    expect_count 1 'cmake --preset debug'
}

case_groups_of_commands() {
    local package
    : >"$room/installed"
    launch serve
    expect_status 0
    for package in $(packages_in build); do expect_in calls " $package"; done
    for package in $(packages_in report) $(packages_in bench) $(packages_in test); do
        expect_not_in calls " $package "
    done
    : >"$room/calls"
    launch test
    expect_status 0
    for package in $(packages_in report) $(packages_in bench) $(packages_in test); do
        grep -F ' install ' "$room/calls" | grep -qF -- " $package " ||
            fail "test does not install $package"
    done
}

case_apt_fails() {
    missing cmake
    touch "$room/apt-fails"
    launch build
    expect_status 1
    expect_in err 'apt-get could not install: cmake'
    expect_count 0 'cmake --'
}

case_no_root() {
    fake id <<<'echo 1000'
    missing cmake libev-dev
    # Otherwise the probe finds the fake one.
    rm "$bin/cmake"
    launch build
    expect_status 1
    expect_in err 'needs root or sudo'
    expect_in err 'apt-get update && apt-get install -y --no-install-recommends cmake libev-dev'
    expect_count 0 'apt-get'
}

case_sudo() {
    fake id <<<'echo 1000'
    fake sudo <<'FAKE'
echo "sudo $*" >>"$ROOM/calls"
[[ $1 != -n ]] || { [[ ! -e $ROOM/sudo-asks ]]; exit; }
exec "$@"
FAKE
    missing cmake
    rm "$bin/cmake"
    touch "$room/sudo-asks"
    launch build
    expect_status 1
    expect_in err 'needs root or sudo'
    expect_count 0 'apt-get'
    rm "$room/sudo-asks"
    fake_build
    launch build
    expect_status 0
    expect_in calls 'sudo env DEBIAN_FRONTEND=noninteractive apt-get -q'
    expect_in calls '--no-install-recommends cmake (noninteractive)'
}

case_other_distribution() {
    # apt-get there is no reason to use it.
    printf 'NAME="Fedora"\nID=fedora\n' >"$room/os-release"
    rm "$bin/cmake"
    launch build
    expect_status 1
    expect_in err 'has no packages of Debian'
    expect_in err 'cmake: CMake 3.25 or later'
    expect_in err 'libcjson-dev: cJSON 1.7'
    expect_in err 'libev-dev: libev 4; the event loop'
    expect_in err '(looked for ev.h)'
    expect_not_in err 'gnuplot'
    expect_in err 'EVDISPATCH_SKIP_SETUP=1'
    expect_count 0 'apt-get'
}

# Everything is there, by other means: nobody is stopped.
case_no_root_with_everything() {
    fake id <<<'echo 1000'
    missing ninja-build zlib1g-dev
    fake ninja <<<'exit 0'
    fake pkg-config <<<'exit 0'
    launch build
    expect_status 0
    expect_count 0 'apt-get'
}

case_other_distribution_with_everything() {
    printf 'ID=fedora\n' >"$room/os-release"
    rm "$bin/dpkg-query" "$bin/apt-get"
    for program in c++ cc ninja; do fake "$program" <<<'exit 0'; done
    fake pkg-config <<<'exit 0'
    launch build
    expect_status 0
    # One library less.
    fake pkg-config <<'FAKE'
[[ $2 != libcjson ]]
FAKE
    launch build
    expect_status 1
    expect_in err 'libcjson-dev: cJSON'
    expect_not_in err 'zlib1g-dev'
}

# ID=ubuntu ID_LIKE=debian is Debian enough.
case_debian_derivative() {
    printf 'ID=ubuntu\nID_LIKE="foo debian"\n' >"$room/os-release"
    missing cmake
    launch build
    expect_status 0
    expect_in calls '--no-install-recommends cmake'
}

case_skip_setup() {
    : >"$room/installed"
    setting+=(EVDISPATCH_SKIP_SETUP=1)
    launch build
    expect_status 0
    expect_count 0 'dpkg-query'
    expect_count 0 'apt-get'
}

# ---- build ---------------------------------------------------------------------------------------

case_configures_once() {
    launch build
    launch build
    expect_status 0
    expect_count 1 'cmake --preset release'
    expect_count 2 'cmake --build --preset release'
    launch build release -DEVD_EXTRA_MODULES=/mine
    expect_in calls 'cmake --preset release -DEVD_EXTRA_MODULES=/mine'
    touch -d '+1 hour' "$tree/CMakePresets.json"
    launch build
    expect_count 3 'cmake --preset release'
}

case_build_fails() {
    touch "$room/does-not-build-release"
    launch serve
    expect_status 1
    expect_in err 'error: as the case wants it'
    expect_in err 'build/release does not build'
    [[ ! -s $room/out ]] || fail 'a server ran'
}

case_arguments_reach_the_programs() {
    setting+=(PROGRAM_CODE=3)
    launch serve --listen 'unix:///a b' --dispatch=static
    expect_status 3
    expect_in calls 'cmake --build --preset release --target dispatch/all --target server/all'
    expect_out '<evd-server><--listen><unix:///a b><--dispatch=static>'
    launch run --rate 1000
    expect_status 3
    expect_out '<loadgen><run><--rate><1000>'
}

# ---- study ---------------------------------------------------------------------------------------

case_study() {
    local folder
    launch study --quick
    expect_status 0
    folder=$(echo "$tree"/out/quick-*)
    [[ -e $folder/report.html ]] || fail 'no report'
    expect_in calls "loadgen study quick --out $folder"
    expect_in err "the report is $folder/report.html, and as text $folder/report.md"
    mkdir -p "$tree/designs"
    echo '{}' >"$tree/designs/mine.json"
    launch study designs/mine.json --out elsewhere -- --seed 3
    expect_status 0
    expect_in calls 'loadgen study designs/mine.json --out elsewhere --seed 3'
    expect_count 0 'loadgen report'
    launch study
    expect_in calls "loadgen study reference --out $tree/out/reference-"
}

# The design `growth` has its servers built first, and edits measured last.
# Modules of somebody else's stay in build/release: they are not measured without a word.
case_study_with_extra_modules() {
    launch build release -DEVD_EXTRA_MODULES=/mine
    printf 'EVD_EXTRA_MODULES:STRING=/mine;/yours\n' >"$tree/build/release/CMakeCache.txt"
    launch study --quick
    expect_status 1
    expect_in err '/mine;/yours'
    expect_in err './evdispatch build release -DEVD_EXTRA_MODULES='
    expect_in err '--extra-modules'
    expect_count 0 'loadgen study'
    launch study --quick --extra-modules
    expect_status 0
    expect_count 1 'loadgen study'
    printf 'EVD_EXTRA_MODULES:STRING=\n' >"$tree/build/release/CMakeCache.txt"
    launch study --quick
    expect_status 0
    expect_count 2 'loadgen study'
}

case_study_module() {
    local mine=$room/mine
    mkdir -p "$mine/api" "$room/objects/api"
    touch "$mine/tax.c" "$room/objects/api/tax.so"
    printf '/* EVD_MODULE(no, */\n  EVD_MODULE( toll_2, .x = 1);\n' >"$mine/api/toll.c"
    printf '{"name":"tax","requests":[{"event": "acme.tax.add"}]}' >"$room/tax.json"
    printf '{}' >"$room/config.json"
    launch study --module "$mine" --scenario "$room/tax.json" --module-config "$room/config.json" --quick --out "$room/told" -- --seed 7
    expect_status 0
    grep -qxF "evd_add_module(NAME \"acme.tax\" SOURCES \"$mine/tax.c\")" "$tree/build/module/source/CMakeLists.txt" || fail 'not named by the scenario'
    grep -qxF "evd_add_module(NAME \"api.toll\" IDENT toll_2 SOURCES \"$mine/api/toll.c\")" "$tree/build/module/source/CMakeLists.txt" || fail 'not named by its path'
    expect_in calls "loadgen study $tree/build/module/module.json --out $room/told --server $tree/build/module/build/bin/module-server\
 --command ./evdispatch study --module $mine --scenario $room/tax.json --module-config $room/config.json --quick -- --seed 7 --seed 7"
    expect_in err "there is no line EVD_MODULE( in $mine/tax.c"
    expect_not_in err "EVD_MODULE( in $mine/api"
    # The arms are those of the quick study, all of them, on this scenario alone.
    [[ $(grep -c '"--module-config=.*config.json", "--dispatch' "$tree/build/module/module.json") == "$(grep -c '"--dispatch' "$tree/loadgen/studies/quick.json")" ]] ||
        fail 'an arm without its configuration'
    grep -qF "\"scenarios\": [\"$room/tax.json\"]" "$tree/build/module/module.json" || fail 'another scenario'
    grep -qF '"blocks": 8,' "$tree/build/module/module.json" || fail 'not the quick study'
    grep -qF '"layouts": 8,' "$tree/build/module/module.json" || fail 'the layouts are dropped'
    grep -qxF 'evd_add_server(NAME module-server LAYOUTS 8)' "$tree/build/module/source/CMakeLists.txt" || fail 'no layouts of the server'
    expect_count 0 'evd_server_layout'
    # It says whose modules these are, and each load what it is.
    grep -qxF '  "title": "Three ways of dispatch, for api.toll and acme.tax",' "$tree/build/module/module.json" || fail 'another title'
    grep -qF "\"description\": \"The arms of the study 'quick', on the calls of tax.json.\"" "$tree/build/module/module.json" || fail 'another description'
    grep -F '"title": ' "$tree/loadgen/studies/quick.json" | grep -v '^  "' | while IFS= read -r title; do
        grep -qxF "$title" "$tree/build/module/module.json" || exit 1
    done || fail 'a load has the title of the study'

    launch study --module "$room/objects" --scenario "$room/tax.json" --out "$room/told-too"
    expect_status 0
    expect_in err 'shared objects alone'
    expect_in calls "loadgen study $tree/build/module/module.json --out $room/told-too --server $tree/build/release/bin/evd-server\
 --command ./evdispatch study --module $room/objects --scenario $room/tax.json"
    expect_in calls '--target evd_server_layout_30'
    grep -qxF '  "title": "Two ways of loading, for api.tax",' "$tree/build/module/module.json" || fail 'another title of objects'
    grep -qF "\"The arms of the study 'reference' that load modules, on the calls of" "$tree/build/module/module.json" || fail 'another description of objects'
    grep -qF '"layouts": 30,' "$tree/build/module/module.json" || fail 'the layouts are dropped'
    [[ $(grep -c "\"--modules=$room/objects\", \"--dispatch=dynamic\"" "$tree/build/module/module.json") == 3 ]] || fail 'three arms load'
    ! grep -qE 'dispatch=(static|instance)|"reference": "static"' "$tree/build/module/module.json" || fail 'an arm that links'
}

# The instructions of a call of theirs, where there is valgrind.
case_study_module_counts() {
    local mine=$room/mine lists=$tree/build/module/source/CMakeLists.txt main
    main=$tree/build/release/tests/instructions/libmodule_count_main.a
    mkdir -p "$mine" "$room/objects/api"
    touch "$mine/tax.c" "$room/objects/api/tax.so"
    printf '{"name":"tax","requests":[{"event": "acme.tax.add"}]}' >"$room/tax.json"
    printf '{}' >"$room/config.json"
    fake_instructions
    mkdir -p "$tree/build/release"
    echo 'build module_count module_count_main' >"$tree/build/release/build.ninja"
    launch study --module "$mine" --scenario "$room/tax.json" --quick --out "$room/told"
    expect_status 0
    expect_count 0 'instructions.sh'
    ! grep -q module-count "$lists" || fail 'a program that nothing can run'
    fake valgrind </dev/null
    launch study --module "$mine" --scenario "$room/tax.json" --module-config "$room/config.json" --quick --out "$room/told"
    expect_status 0
    expect_in calls '--target module_count_main'
    grep -qxF "evd_add_server(NAME module-count MAIN \"$main\")" "$lists" || fail 'no program that counts'
    grep -qF -- '--wrap=evd_names_init' "$lists" || fail 'counts that differ each time'
    grep -qxF "instructions.sh --json --program $tree/build/module/build/bin/module-count\
 --modules $tree/build/module/build/modules --scenario $room/tax.json --module-config $room/config.json" "$room/calls" || fail 'something else is counted'
    grep -q instructions/1 "$room/told/instructions.json" || fail 'no instruction counts'
    expect_in calls "loadgen report $room/told"
    # Of shared objects alone by the arms that load.
    launch study --module "$room/objects" --scenario "$room/tax.json" --quick --out "$room/told-too"
    expect_status 0
    grep -qxF "instructions.sh --json --program ${main%/*}/module_count --modules $room/objects --scenario $room/tax.json dynamic-cached dynamic-call" \
        "$room/calls" || fail 'something else is counted of objects'
    # What was measured stands without it.
    echo 124 >"$room/instructions-code"
    launch study --module "$mine" --scenario "$room/tax.json" --quick --out "$room/third"
    expect_status 0
    expect_in err 'took more than ten minutes'
    expect_count 3 'instructions.sh'
}

case_study_module_mistakes() {
    local mine=$room/mine
    mkdir -p "$mine" "$room/a folder"
    touch "$room/a folder/tax.c"
    printf '{"requests":[{"event":"a.tax.add"},{"event":"b.tax.add"}]}' >"$room/tax.json"
    launch study --module "$mine" --scenario "$room/tax.json"
    expect_status 2
    expect_in err 'there is no .c and no .so'
    touch "$mine/tax.c"
    launch study --module "$mine"
    expect_status 2
    expect_in err '--module needs --scenario FILE'
    launch study --scenario "$room/tax.json"
    expect_status 2
    launch study reference --module "$mine" --scenario "$room/tax.json"
    expect_status 2
    expect_in err "leave out 'reference'"
    launch study --module "$room/a folder" --scenario "$room/tax.json"
    expect_status 2
    expect_in err 'has characters other than'
    launch study --module "$mine" --scenario "$room/nonesuch.json"
    expect_status 2
    launch study --module "$mine" --scenario "$room"
    expect_status 2
    expect_in err "cannot read the scenario '$room'"
    launch study --module "$mine" --scenario "$room/tax.json" --module-config "$room/nonesuch.json"
    expect_status 2
    expect_in err "cannot read the configuration '$room/nonesuch.json'"
    launch study --module="$mine" --scenario="$room/tax.json" --out "$room/tax.json/out"
    expect_status 2
    expect_in err "cannot write into '$room/tax.json/out'"
    expect_count 0 'cmake' # all of that is said before anything is built
    launch study --module "$mine" --scenario "$room/tax.json"
    expect_status 2
    expect_in err 'a.tax, b.tax; put it into folders, as api/tax.c'
    sed -i 's/b.tax/a.tax/' "$room/tax.json"
    echo 1 >"$room/study-code" # what is tried does not fit
    launch study --module "$mine" --scenario "$room/tax.json"
    expect_status 1
    expect_in err 'the modules do not answer as the scenario expects'
    expect_in err 'nothing was measured'
    expect_count 1 'loadgen study'
    [[ -z $(ls "$tree/out") ]] || fail 'a folder for nothing'
    rm "$bin/timeout" # a link to the real one
    fake timeout <<'FAKE'
echo "timeout $*" >>"$ROOM/calls"
exit 124
FAKE
    launch study --module "$mine" --scenario "$room/tax.json"
    expect_status 1
    expect_in err 'that took more than 120 s, and was stopped'
    expect_in calls "timeout --foreground --signal=INT 120 $tree/build/release/bin/loadgen study"
    # Both would build in the same folder.
    ln -s "$(command -v flock)" "$bin/flock"
    exec 7>"$tree/build/module.lock"
    flock 7
    launch study --module "$mine" --scenario "$room/tax.json"
    exec 7>&-
    expect_status 1
    expect_in err 'another study of modules runs'
    expect_count 2 'loadgen study' # as before
}

# A folder that lies in one called build, or in a hidden one, is a folder as any.
case_study_module_anywhere() {
    local mine=$room/build/.mine/build
    mkdir -p "$mine/api" "$mine/build/api" "$mine/.old" "$room/.objects/api" "$room/.objects/.old"
    touch "$mine/api/tax.c" "$mine/build/api/made.c" "$mine/.old/tax.c" "$mine/.#tax.c"
    touch "$room/.objects/api/tax.so" "$room/.objects/.old/tax.so"
    printf '{"name":"tax","requests":[{"event": "api.tax.add"}]}' >"$room/tax.json"
    launch study --module "$mine" --scenario "$room/tax.json" --quick --out "$room/told"
    expect_status 0
    [[ $(grep evd_add_module "$tree/build/module/source/CMakeLists.txt") == "evd_add_module(NAME \"api.tax\" SOURCES \"$mine/api/tax.c\")" ]] ||
        fail 'other modules'
    launch study --module "$room/.objects" --scenario "$room/tax.json" --quick --out "$room/told-too"
    expect_status 0
    grep -qxF '  "title": "Two ways of loading, for api.tax",' "$tree/build/module/module.json" || fail 'other objects'
}

case_study_growth() {
    local folder script
    mkdir -p "$tree/loadgen/growth"
    for script in prepare.sh edit_plan.sh; do
        fake "$script" <<'FAKE'
echo "${0##*/} $*" >>"$ROOM/calls"
[[ ! -e $ROOM/fails-${0##*/} ]] || { echo 'no space left'; exit 1; }
echo "a plan"
FAKE
        mv "$bin/$script" "$tree/loadgen/growth/$script"
    done
    launch study growth --quick -- --seed 3
    expect_status 0
    folder=$(echo "$tree"/out/growth-*)
    expect_in calls "prepare.sh $tree/build/release $tree/build/growth"
    expect_in calls "loadgen study growth --out $folder --blocks 5"
    expect_in calls '--seed 3'
    expect_in calls "loadgen edit-to-live $tree/build/growth/edit-plan.json --out $folder"
    [[ $(sed -n 's/^\(prepare\.sh\|edit_plan\.sh\|loadgen [a-z-]*\).*/\1/p' "$room/calls" |
        tr '\n' ,) == 'prepare.sh,loadgen study,edit_plan.sh,loadgen edit-to-live,loadgen report,' ]] ||
        fail 'not in this order'
    [[ $(cat "$tree/build/growth/edit-plan.json") == 'a plan' ]] || fail 'the plan is not kept'
    : >"$room/calls"
    launch study growth --out long
    expect_status 0
    expect_in calls 'loadgen study growth --out long'
    expect_not_in calls '--blocks'
    touch "$room/fails-prepare.sh"
    launch study growth --out other
    expect_status 1
    expect_in err 'no space left'
    expect_in err 'build/growth does not build'
    expect_not_in calls '--out other'
}

# ---- bench ---------------------------------------------------------------------------------------

fake_instructions() {
    fake instructions.sh <<'FAKE'
echo "instructions.sh $*" >>"$ROOM/calls"
[[ ! -e $ROOM/instructions-code ]] || exit "$(cat "$ROOM/instructions-code")"
echo '{"schema":"evdispatch.instructions/1"}'
FAKE
    mv "$bin/instructions.sh" "$tree/tests/instructions/instructions.sh"
}

case_bench() {
    local folder
    fake_instructions
    missing libbenchmark-dev valgrind
    launch bench --quick
    expect_status 0
    expect_in calls '--no-install-recommends libbenchmark-dev valgrind'
    expect_in calls '--target evd-bench --target dispatch_count'
    folder=$(echo "$tree"/out/bench-*)
    # Started by a path that tells nothing of whose machine this is.
    [[ $(cat "$folder/bench.json") == "$tree build/release/bin/evd-bench" ]] || fail "another path: $(cat "$folder/bench.json")"
    grep -q instructions/1 "$folder/instructions.json" || fail 'no instruction counts'
    cmp -s "$source_dir/tests/bench/targets.tsv" "$folder/targets.tsv" || fail 'no targets'
    [[ ! -e $folder/bench.json.part && ! -e $folder/instructions.json.part ]] || fail 'left-overs'
    expect_in calls 'evd-bench --cpu auto --progress --command ./evdispatch bench --quick'
    expect_in calls '--benchmark_repetitions=7'
    expect_in calls "instructions.sh --json --program $tree/build/release/tests/instructions/"
    expect_in calls "loadgen report $folder"
    expect_in err "the report is $folder/report.html, and as text $folder/report.md"
    [[ ! -s $room/out ]] || fail 'stdout is not empty'
    # Only what the filter says, and nothing of an earlier bench stays.
    : >"$room/calls"
    launch bench --filter '^lookup/' --out "$folder"
    expect_status 0
    expect_in calls "--command ./evdispatch bench --filter '^lookup/'"
    expect_in calls '--benchmark_filter=^lookup/'
    expect_count 0 'instructions.sh'
    [[ ! -e $folder/instructions.json ]] || fail 'instruction counts of another bench'
}

case_bench_profile() {
    mkdir -p "$tree/tests/bench/roofline"
    fake perf </dev/null
    fake profile.py <<'FAKE'
echo "profile.py $*" >>"$ROOM/calls"
touch "${@: -1}"
[[ ! -e $ROOM/no-right ]] || exit 1
echo '<profile>'
FAKE
    mv "$bin/profile.py" "$tree/tests/bench/roofline/profile.py"
    fake instructions.sh <<'FAKE'
echo "instructions.sh $*" >>"$ROOM/calls"
[[ $3 != *wire_count ]] || exit 77
echo '{"arms":[]}'
FAKE
    mv "$bin/instructions.sh" "$tree/tests/instructions/instructions.sh"
    launch bench profile --quick --out elsewhere
    expect_status 0
    expect_in calls '--target tests/bench/roofline/all --target tests/instructions/all'
    expect_in calls '--seconds 1'
    expect_in err "the report is $tree/elsewhere/profile.md"
    grep -qF '<profile>' "$tree/elsewhere/profile.md" || fail 'no table'
    [[ -e $tree/elsewhere/server_count.json && ! -e $tree/elsewhere/wire_count.json ]] || fail 'not the counts there are'
    launch report elsewhere
    expect_status 0
    expect_in calls 'profile.py --render elsewhere/profile.jsonl'
    launch report --results
    expect_status 0
    expect_in calls "loadgen report --results $tree/results"
    launch report --results elsewhere
    expect_in calls 'loadgen report --results elsewhere'
    launch report --results elsewhere more
    expect_status 2
    expect_in err 'report: --results takes one folder'
    touch "$room/no-right"
    launch bench profile --out nowhere
    expect_status 1
    expect_in err 'profile.py ended with 1'
    [[ ! -e $tree/nowhere/profile.jsonl && ! -e $tree/nowhere/profile.md.part ]] || fail 'half a profile is left'
    rm "$bin/perf"
    launch bench profile
    expect_status 1
    expect_in err 'a profile needs perf(1)'
}

case_bench_roofline() {
    local folder part
    launch bench roofline --quick
    expect_status 0
    expect_in calls '--target tests/bench/roofline/all'
    expect_in calls '--rounds 5'
    folder=$(echo "$tree"/out/roofline-*)
    expect_in err "the report is $folder/report.md"
    grep -qF '<evd-roofline>' "$folder/report.md" || fail 'no table'
    [[ -e $folder/roofline.jsonl && ! -e $folder/roofline.jsonl.part ]] || fail 'no raw data'
    launch report "$folder"
    expect_status 0
    expect_in calls "evd-roofline --render $folder/roofline.jsonl"
    touch "$room/roofline-fails"
    launch bench roofline --out elsewhere
    expect_status 1
    expect_in err 'evd-roofline ended with 1'
    expect_in calls '--rounds 20'
    for part in "$tree"/elsewhere/*; do
        [[ ! -e $part ]] || fail "left: $part"
    done
}

case_bench_generator() {
    local folder part
    mkdir -p "$tree/tests/bench/generator"
    fake generator.py <<'FAKE'
echo "generator.py $*" >>"$ROOM/calls"
[[ ! -e $ROOM/generator-fails ]] || exit 1
[[ $1 == --render ]] || : >"${!#}"
echo '<the page>'
FAKE
    mv "$bin/generator.py" "$tree/tests/bench/generator/generator.py"
    launch bench generator --quick
    expect_status 0
    expect_in calls "generator.py --loadgen $tree/build/release/bin/loadgen --server $tree/build/release/bin/evd-server"
    expect_in calls '--rounds 5'
    folder=$(echo "$tree"/out/generator-*)
    expect_in err "the report is $folder/report.md"
    grep -qF '<the page>' "$folder/report.md" || fail 'no page'
    [[ -e $folder/generator.jsonl && ! -e $folder/generator.jsonl.part ]] || fail 'no raw data'
    launch report "$folder"
    expect_status 0
    expect_in calls "generator.py --render $folder/generator.jsonl"
    touch "$room/generator-fails"
    launch bench generator --out elsewhere
    expect_status 1
    expect_in err "the generator's bench ended with 1"
    for part in "$tree"/elsewhere/*; do
        [[ ! -e $part ]] || fail "left: $part"
    done
}

case_bench_without_valgrind() {
    fake_instructions
    echo 77 >"$room/instructions-code"
    launch bench --quick --out elsewhere
    expect_status 0
    expect_in err 'the report will have no instruction counts'
    [[ ! -e $tree/elsewhere/instructions.json ]] || fail 'counts of nothing'
    echo 1 >"$room/instructions-code"
    launch bench --quick --out elsewhere
    expect_status 0
    expect_in err 'counting instructions failed'
}

case_bench_fails() {
    fake_instructions
    launch bench --nope
    expect_status 2
    expect_in err "bench: unexpected '--nope'; it takes roofline, profile, generator, --quick, --filter REGEX and --out DIR"
    launch bench roofline --filter x
    expect_status 2
    expect_in err 'bench: --filter is not for roofline'
    launch bench --out
    expect_status 2
    [[ ! -s $room/calls ]] || fail 'a usage error comes before any set-up'
    touch "$room/bench-fails"
    launch bench --out elsewhere
    expect_status 1
    expect_in err 'evd-bench ended with 1'
    expect_count 0 'loadgen report'
    [[ ! -e $tree/elsewhere/bench.json && ! -e $tree/elsewhere/bench.json.part ]] ||
        fail 'half a measurement stays'
    rm -r "$tree/build"
    touch "$room/no-benchmark"
    launch bench --out elsewhere
    expect_status 1
    expect_in err 'Google Benchmark (Debian: libbenchmark-dev) was not found'
}

# Of the reference study's arms the instructions are counted, where there is valgrind; once a folder.
case_study_counts() {
    fake_instructions
    fake valgrind </dev/null
    mkdir -p "$tree/build/release"
    echo 'build dispatch_count' >"$tree/build/release/build.ninja"
    launch study quick --out quick
    expect_status 0
    expect_count 0 'instructions.sh'
    launch study --out elsewhere
    expect_status 0
    expect_in calls '--target dispatch_count'
    grep -q instructions/1 "$tree/elsewhere/instructions.json" || fail 'no instruction counts'
    expect_in calls 'loadgen report elsewhere'
    launch study --out elsewhere
    expect_count 1 'instructions.sh'
    echo 1 >"$room/instructions-code"
    launch study --out third
    expect_status 0
    expect_in err 'counting instructions failed'
    expect_count 1 'loadgen report'
}

# What was measured until then is reported.
case_study_stopped() {
    touch "$room/stopped"
    setting+=(PROGRAM_CODE=1)
    launch study --out elsewhere
    expect_status 1
    expect_in calls 'loadgen report elsewhere'
    expect_in err 'the report is elsewhere/report.html'
}

case_study_that_fails() {
    echo 2 >"$room/study-code"
    launch study quick
    expect_status 2
    expect_in err 'loadgen ended with 2'
    expect_count 0 'loadgen report'
}

# Said before anything is installed, fetched or built.
case_study_that_is_none() {
    local known
    launch study nonesuch
    expect_status 2
    known=$(cd "$source_dir/loadgen/studies" && printf '%s, ' *.json | sed 's/study.schema.json, //; s/.json//g')
    expect_in err "there is no design 'nonesuch'; there are ${known}or a file"
    launch study designs/nonesuch.json
    expect_status 2
    expect_in err "cannot read the design 'designs/nonesuch.json'"
    [[ ! -s $room/calls ]] || fail 'a usage error comes before any set-up'
}

case_payloads() {
    fake npm <<'FAKE'
echo "npm $*" >>"$ROOM/calls"
[[ ! -e $ROOM/npm-fails ]] || { echo 'npm error network'; exit 1; }
mkdir -p "$3/node_modules/@octokit/webhooks-examples"
echo '{}' >"$3/node_modules/@octokit/webhooks-examples/package.json"
FAKE
    touch "$room/npm-fails"
    launch study --quick
    expect_status 0
    expect_in err 'the webhook payloads will be generated'
    rm "$room/npm-fails"
    launch study --quick
    launch study --quick
    expect_status 0
    expect_count 2 "npm install --prefix $tree/build/npm --ignore-scripts --no-audit --no-fund"
    expect_in calls '@octokit/webhooks-examples@7.6.1'
    rm "$bin/npm"
    rm -r "$tree/build/npm"
    launch study --quick
    expect_status 0
    expect_in err 'npm is not here'
}

# ---- test ----------------------------------------------------------------------------------------

case_test_green() {
    launch test -R name
    expect_status 0
    for preset in asan tsan release; do
        expect_count 1 "ctest --preset $preset --no-label-summary -R name"
        expect_in out "evdispatch: $preset: passed"
    done
    expect_in calls 'cmake --build --preset clang'
    expect_count 0 'ctest --preset clang'
    expect_count 1 'ctest --preset fuzz --no-label-summary -L fuzz -R name'
    expect_count 0 'fuzz.sh run' # only some tests were asked for
    expect_last_line '100% tests passed, 0 tests failed out of 2'
}

case_test_in_some_builds() {
    touch "$room/without-asan" "$room/without-tsan" "$room/without-fuzz"
    launch test -R name
    expect_status 0
    expect_in out 'evdispatch: asan: has none of these tests'
    expect_in out 'evdispatch: release: passed'
    expect_last_line '100% tests passed, 0 tests failed out of 2'
    launch test --preset asan -R name
    expect_status 1
    launch test
    expect_status 1
    touch "$room/without-release"
    launch test -R name
    expect_status 1
    expect_last_line 'No tests were found!!!'
}

case_test_fuzzes() {
    launch test --preset fuzz
    expect_status 0
    expect_in calls 'cmake --build --preset fuzz --target fuzz_all'
    expect_in calls "fuzz.sh run $tree/build/fuzz/fuzz $tree/build/fuzz.out 30 4 seed 1"
    touch "$room/finding"
    launch test --preset fuzz
    expect_status 1
    expect_in out 'evdispatch: fuzz: FAILED'
    setting+=(EVD_FUZZ_SECONDS=0)
    launch test --preset fuzz
    expect_status 0
    expect_count 2 'fuzz.sh run'
}

case_fuzz() {
    launch fuzz --for 2h --target json --target=frame --jobs 3
    expect_status 0
    expect_in calls 'cmake --build --preset fuzz --target fuzz_all'
    expect_in calls "fuzz.sh run $tree/build/fuzz/fuzz $tree/out/fuzz-"
    expect_in calls ' 7200 3 json frame seed none'
    expect_count 0 'ledger.sh'
    launch fuzz --target json --seed 7 --record
    expect_status 0
    expect_in calls ' json seed 7'
    expect_in calls "ledger.sh add $tree/out/fuzz-"
    launch fuzz --list
    expect_status 0
    expect_in out 'frame frames'
    touch "$room/finding"
    launch fuzz --for 10m
    expect_status 1
    expect_in calls ' 600 '
    for wrong in '--for 1d' '--for 0' '--for' '--target yaml' '--jobs 0' '--jobs x' '--seed 0' '--seed' '--fast' 'json'; do
        # shellcheck disable=SC2086 # two words
        launch fuzz $wrong
        expect_status 2
    done
    launch fuzz --target yaml
    expect_in err "no target 'yaml'; there are json frame"
}

case_soak() {
    mkdir -p "$tree/tests/soak"
    local what
    for what in connections restarts; do
        printf '#!/bin/bash\necho "%s.py $*" >>%q\n[[ ! -e %q ]]\n' $what "$room/calls" "$room/lost" \
            >"$tree/tests/soak/$what.py"
        chmod +x "$tree/tests/soak/$what.py"
    done
    launch soak connections --out "$room/soaked" -- --workers 2
    expect_status 0
    expect_in calls "connections.py --bin $tree/build/release/bin --json $room/soaked/connections.json -- --workers 2"
    grep -qx passed "$room/soaked/connections.txt" || fail 'no word of how it went'
    launch soak restarts --quick --out="$room/soaked"
    expect_status 0
    expect_in calls "restarts.py --bin $tree/build/release/bin --restarts 10 --"
    touch "$room/lost"
    launch soak restarts --out "$room/soaked"
    expect_status 1
    grep -qx FAILED "$room/soaked/restarts.txt" || fail 'a loss does not stand in the file'
    for what in '' 'swim' 'restarts --out' 'restarts --for 5'; do
        # shellcheck disable=SC2086 # words
        launch soak $what
        expect_status 2
    done
}

case_truth() {
    mkdir -p "$tree/tests/truth"
    printf '#!/bin/bash\necho "truth.py $*" >>%q\n[[ ! -e %q ]] || exit 3\n' "$room/calls" "$room/noise" \
        >"$tree/tests/truth/truth.py"
    chmod +x "$tree/tests/truth/truth.py"
    launch truth --only a,c --out "$room/told"
    expect_status 0
    expect_in calls "truth.py --only a,c --out $room/told --loadgen $tree/build/release/bin/loadgen"
    touch "$room/noise"
    launch truth --out="$room/told"
    expect_status 3
    for what in '--only h' '--only' '--out' 'a' '--only a,,c'; do
        # shellcheck disable=SC2086 # words
        launch truth $what
        expect_status 2
    done
}

# The fake loadgen measures nothing: what it is asked for is what counts.
case_aa() {
    local folder
    mkdir -p "$tree/loadgen/aa"
    cp "$source_dir/loadgen/aa/inject.json.in" "$tree/loadgen/aa"
    launch aa --quick
    expect_status 0
    folder=$(echo "$tree"/out/aa-*)
    expect_in calls "loadgen study aa --out $folder --blocks 192"
    expect_in calls "loadgen report --method $folder"
    expect_in err "the report is $folder/report.html"
    launch aa --out told
    expect_in calls "loadgen study aa --out $tree/told --blocks 1600"
    touch "$room/unclear"
    launch aa --out "$room/told"
    expect_status 3
    echo 2 >"$room/study-code"
    launch aa --out "$room/told"
    expect_status 2
    expect_in err 'aa: loadgen ended with 2'
    expect_count 3 'loadgen report --method'
}

# expect_blocks CALIBRATION INJECT: of the designs that were made last.
expect_blocks() {
    grep -qF "\"blocks\": $1," "$tree/build/aa/calibration.json" || fail "a calibration of other than $1 blocks"
    grep -qF "\"blocks\": $2," "$tree/build/aa/inject.json" || fail "other than $2 blocks"
}

# The steps that are timed first are those that the design asks for.
case_aa_inject() {
    local folder
    mkdir -p "$tree/loadgen/aa"
    cp "$source_dir/loadgen/aa/inject.json.in" "$tree/loadgen/aa"
    launch aa --inject 5% --quick --out "$room/told"
    expect_status 0
    expect_in calls "loadgen study aa/calibration.json --out $room/told/calibration"
    expect_in calls "loadgen report --calibrate 5% $room/told/calibration"
    expect_in calls "loadgen study aa/inject.json --out $room/told"
    expect_in calls "loadgen report --method $room/told"
    expect_in err '86 steps more are 5%'
    grep -qF '"method": { "blocks": 12, "steps": 86, "share": 0.05, "call_ns": 2420, "step_ns": 1.41 }' \
        "$tree/build/aa/inject.json" || fail 'a design of other steps'
    grep -qF -- '--module-config=aa/steps-1086.json' "$tree/build/aa/inject.json" || fail 'another configuration'
    [[ $(cat "$tree/build/aa/steps-1086.json") == '{"work":{"steps":1086}}' ]] || fail 'other steps'
    [[ $(cat "$tree/build/aa/steps-1500.json") == '{"work":{"steps":1500}}' ]] || fail 'other steps are timed'
    ! grep -q '@' "$tree/build/aa/inject.json" "$tree/build/aa/calibration.json" || fail 'something is not filled in'
    expect_blocks 20 180
    launch aa --inject 5%
    expect_status 0
    expect_blocks 60 1440
    folder=$(echo "$tree"/out/aa-inject-*)
    expect_in calls "loadgen report --method $folder"
    echo 2 >"$room/study-code" # nothing is timed, so nothing is looked for
    launch aa --inject 5% --out "$room/told"
    expect_status 2
    expect_count 2 'loadgen report --calibrate'
    rm "$room/study-code"
    touch "$room/untimed"
    launch aa --inject=5% --out "$room/else"
    expect_status 3
    expect_count 2 'loadgen study aa/inject.json'
    for what in '--inject 5' '--inject 0%' '--inject 100%' '--inject' '--out' 'x' '--inject 5%%' '--inject 5.123%'; do
        # shellcheck disable=SC2086 # words
        launch aa $what
        expect_status 2
    done
    launch aa --inject ''
    expect_status 2
    expect_count 4 'loadgen study aa/calibration.json'
    expect_count 0 'loadgen study aa --out'
}

case_test_red() {
    touch "$room/red-asan"
    launch test
    expect_status 1
    expect_in out 'evdispatch: asan: FAILED'
    expect_in out 'evdispatch: tsan: passed'
    # What failed comes last, where one looks.
    expect_last_line '50% tests passed, 1 tests failed out of 2'
    rm "$room/red-asan"
    touch "$room/does-not-build-clang"
    launch test
    expect_status 1
    expect_in out 'clang: does not build'
    launch test --preset asan
    expect_status 0
    expect_count 0 'ctest --preset clang'
}

[[ $(type -t "case_$2") == function ]] || fail "no case '$2'"
make_room
"case_$2"
