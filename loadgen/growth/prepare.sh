#!/usr/bin/env bash
# prepare.sh RELEASE DIR [SETS]: makes what the study `growth` measures. RELEASE is a build of this
# tree; DIR gets
#   package/            RELEASE, installed
#   sets/NAME/          sources and scenario.json of the synthetic modules that SETS lists
#   build/bin/          evd-server-NAME: these modules linked in
#   build/modules/NAME/ the same modules as shared objects
# SETS is sets.txt beside this script when left out. What is there and is still right is kept.
set -euo pipefail

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
if [[ $# -lt 2 || $# -gt 3 ]]; then
    echo "usage: prepare.sh RELEASE DIR [SETS]" >&2
    exit 2
fi
release=$1 dir=$2 sets=${3:-$here/sets.txt}
mkdir -p "$dir/sets"
dir=$(readlink -f "$dir")

cmake --install "$release" --prefix "$dir/package" >"$dir/install.log" 2>&1 || {
    cat "$dir/install.log" >&2
    exit 1
}

# A name is part of the names of its modules, which are unique over all servers.
servers=()
declare -A parts=() # of a server that has several: lines of its CMakeLists.txt
while read -r name options; do
    [[ -n $name && $name != \#* ]] || continue
    mkdir -p "$dir/sets/$name"
    # shellcheck disable=SC2086 # options are words
    "$release/bin/evd-synth" $options --prefix "api.${name##*/}" --out "$dir/sets/$name"
    server=${name%%/*}
    [[ " ${servers[*]} " == *" $server "* ]] || servers+=("$server")
    [[ $name != */* ]] || parts[$server]+="add_subdirectory(${name##*/})"$'\n'
done <"$sets"
for server in "${!parts[@]}"; do
    file=$dir/sets/$server/CMakeLists.txt
    [[ $(cat "$file" 2>/dev/null)$'\n' == "${parts[$server]}" ]] ||
        printf '%s' "${parts[$server]}" >"$file"
done

joined=$(IFS=';'; echo "${servers[*]}")
stamp=$dir/build/.configured
if [[ ! -e $dir/build/build.ninja || $(cat "$stamp" 2>/dev/null) != "$joined" ||
    $here/CMakeLists.txt -nt $stamp || -n $(find "$dir/package/lib/cmake" -newer "$stamp") ]]; then
    cmake -S "$here" -B "$dir/build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
        -DCMAKE_PREFIX_PATH="$dir/package" -DEVD_SETS_DIR="$dir/sets" "-DEVD_SETS=$joined"
    echo "$joined" >"$stamp"
fi
cmake --build "$dir/build"
