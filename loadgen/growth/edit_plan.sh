#!/usr/bin/env bash
# edit_plan.sh DIR [SET]...: the plan of `loadgen edit-to-live`, on stdout, for what prepare.sh made
# in DIR: each SET (s16k, s256k and s4m when none is named) once as part of a server that is
# restarted, once as a shared object that a running server notices. The commands are those by which
# DIR/build was built, without the build tool; all they write goes to DIR/edit, so that what the
# study measures stays as it is.
set -euo pipefail

if [[ $# -lt 1 ]]; then
    echo "usage: edit_plan.sh DIR [SET]..." >&2
    exit 2
fi
dir=$(readlink -f "$1")
shift
[[ $# -gt 0 ]] || set -- s16k s256k s4m
build=$dir/build

# command_of FILE: what makes this file of the build.
command_of() { ninja -C "$build" -t commands "$1" | grep -v '^ninja: ' | tail -n 1; }

# text WORD: as a JSON string.
text() {
    local word=${1//\\/\\\\}
    printf '"%s"' "${word//\"/\\\"}"
}

# arm NAME SET MADE PRODUCT TARGET RESTART SERVER...: one arm. MADE is the file of the build whose
# command links; PRODUCT and TARGET are files below this arm's folder.
arm() {
    local name=$1 set=$2 made=$3 restart=$6 folder=$dir/edit/$2-${1//\//-}
    local product=$folder/$4 target=$folder/$5
    shift 6
    local object=sets/$set/CMakeFiles/evd_module_api_${set}_m0.dir/m0.c.o source=$dir/sets/$set/m0.c
    mkdir -p "$(dirname "$target")"
    cp "$source" "$folder/m0.c"
    local compile link word words=''
    compile=$(command_of "$object")
    compile=${compile//"$source"/"$folder/m0.c"}
    compile=${compile//"$object"/"$folder/m0.o"}
    link=$(command_of "$made")
    link=${link//"$object"/"$folder/m0.o"}
    link=${link//"-o $made"/"-o $product"}
    for word in "$@"; do words+="${words:+, }$(text "${word/#@/$folder/}")"; done
    printf '%s  {"arm": %s, "module_bytes": %s, "source": %s, "event": %s,\n' "$separator" \
        "$(text "$name")" "$bytes" "$(text "$folder/m0.c")" "$(text "api.$set.m0.edition")"
    printf '   "compile": %s,\n   "link": %s,\n' "$(text "cd '$build' && $compile")" \
        "$(text "cd '$build' && $link")"
    printf '   "product": %s, "target": %s, "restart": %s,\n   "server": [%s]}' \
        "$(text "$product")" "$(text "$target")" "$restart" "$words"
    separator=$',\n'
}

separator=''
printf '{"arms": [\n'
for set in "$@"; do
    bytes=$(sed -n 's/^# .*--code \([0-9]*\) .*/\1/p' "$dir/sets/$set/CMakeLists.txt")
    arm static "$set" "bin/evd-server-$set" server.new server true \
        @server --dispatch=static --listen tcp://127.0.0.1:0
    arm dynamic/cached "$set" "modules/$set/api/$set/m0.so" m0.so.new "modules/api/$set/m0.so" \
        false "$build/bin/evd-server-e10" --dispatch=dynamic --dynamic-load=cached \
        --modules @modules --listen tcp://127.0.0.1:0
done
printf '\n]}\n'
