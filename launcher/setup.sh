# shellcheck shell=bash disable=SC2154,SC2034
# Installs what is missing of packages.txt, and fetches the real payloads. Read by ../evdispatch, whose $here it uses.

# The version of the package with the real webhook payloads is part of what a study measures.
readonly payloads='@octokit/webhooks-examples'
readonly payloads_version='7.6.1'

# packages_of GROUP...: "package probe upstream" a line.
packages_of() {
    awk -v groups=" $* " '!/^#/ && NF >= 3 && index(groups, " " $1 " ") {
        line = $2 " " $3
        for (i = 4; i <= NF; i++) line = line " " $i
        print line }' "$here/packages.txt"
}

found_by_probe() {
    local kind=${1%%:*} name=${1#*:}
    case $kind in
        cmd) have "$name" ;;
        pc) have pkg-config && pkg-config --exists "$name" ;;
        header) have cc && printf '#include <%s>\n' "$name" | cc -E -x c - >/dev/null 2>&1 ;;
        *) die "packages.txt: probe '$1' is not cmd:, pc: or header:" ;;
    esac
}

like_debian() {
    local release=${EVDISPATCH_OS_RELEASE:-/etc/os-release} names
    names=$(sed -n 's/^ID\(_LIKE\)\{0,1\}=//p' "$release" 2>/dev/null | tr -d "\"'" | tr '\n' ' ')
    [[ " $names " == *' debian '* ]] && have dpkg-query && have apt-get
}

# Reads lines of packages_of, keeps those that dpkg does not know as installed, by one call.
not_installed() {
    local lines installed
    lines=$(cat)
    # It fails when one is unknown, which is an answer, not an error.
    # shellcheck disable=SC2016 # ${} is dpkg-query's
    installed=$(cut -d' ' -f1 <<<"$lines" |
        xargs dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null) || true
    awk 'NR == FNR { if ($1 == "installed") have[$2] = 1; next } !($1 in have)' \
        <(printf '%s\n' "$installed") - <<<"$lines"
}

not_probed() {
    local line probe
    while IFS= read -r line; do
        probe=${line#* }
        found_by_probe "${probe%% *}" || printf '%s\n' "$line"
    done
}

# How to become root: prints nothing as root, "sudo" where that works; fails where neither is so.
root_prefix() {
    if [[ $(id -u) == 0 ]]; then
        return 0
    fi
    have sudo || return 1
    # Without a terminal nobody can type a password.
    [[ -t 0 ]] || sudo -n true 2>/dev/null || return 1
    echo sudo
}

install_packages() {
    local prefix=$1 began=$SECONDS log=$here/build/setup.log
    shift
    local apt=(${prefix:+"$prefix"} env DEBIAN_FRONTEND=noninteractive
        apt-get -q -o DPkg::Lock::Timeout=120)
    say "set-up: installing $*"
    mkdir -p "$here/build"
    step "$log" "${apt[@]}" update ||
        complain "apt-get update failed; trying with the package lists that are there"
    step "$log" "${apt[@]}" install -y --no-install-recommends "$@" ||
        die "apt-get could not install: $*"
    say "set-up took $((SECONDS - began)) s"
}

# set_up GROUP...: installs what is missing of these groups of packages.txt.
set_up() {
    local lines debian=yes prefix package probe upstream
    local -a names=()
    [[ ${EVDISPATCH_SKIP_SETUP:-0} != 1 ]] || return 0
    [[ -r $here/packages.txt ]] || die "cannot read $here/packages.txt"
    if like_debian; then
        lines=$(packages_of "$@" | not_installed)
    else
        debian=no
        lines=$(packages_of "$@" | not_probed)
    fi
    [[ -n $lines ]] || return 0
    if [[ $debian == yes ]] && prefix=$(root_prefix); then
        mapfile -t names < <(cut -d' ' -f1 <<<"$lines")
        install_packages "$prefix" "${names[@]}"
        # What cmake did not find before may be there now.
        rm -f "$here"/build/*/.configured
        return 0
    fi
    # Nobody is stopped who has them from elsewhere.
    lines=$(not_probed <<<"$lines")
    [[ -n $lines ]] || return 0
    if [[ $debian == yes ]]; then
        mapfile -t names < <(cut -d' ' -f1 <<<"$lines")
        complain "packages are missing, and installing them needs root or sudo. As root, run:"
        complain "  apt-get update && apt-get install -y --no-install-recommends ${names[*]}"
    else
        complain "this system has no packages of Debian, so the set-up is yours."
        complain "Missing (Debian's name: what it is):"
        while IFS=' ' read -r package probe upstream; do
            complain "  $package: $upstream (looked for ${probe#*:})"
        done <<<"$lines"
    fi
    die "then run this again; EVDISPATCH_SKIP_SETUP=1 goes on without this check"
}

# The real payloads of the scenario github-webhooks, where npm is at hand; else they are generated.
fetch_payloads() {
    local dir=$here/build/npm
    [[ ! -e $dir/node_modules/$payloads/package.json ]] || return 0
    if ! have npm; then
        say "npm is not here: the webhook payloads will be generated"
        return 0
    fi
    say "fetching $payloads $payloads_version with npm, for the real webhook payloads"
    mkdir -p "$dir"
    timeout 120 npm install --prefix "$dir" --ignore-scripts --no-audit --no-fund --no-save \
        --loglevel=error --fetch-retries=1 "$payloads@$payloads_version" \
        </dev/null >"$dir/npm.log" 2>&1 ||
        say "npm could not fetch them (build/npm/npm.log): the webhook payloads will be generated"
}
