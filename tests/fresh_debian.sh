#!/usr/bin/env bash
# Tries the launcher on a fresh Debian 12: debootstrap, chroot, a clone of what is committed.
# By hand and as root; not part of CI. See --help.
set -euo pipefail

source_dir=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
readonly source_dir
readonly suite=bookworm
readonly chroot_path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

say() { printf 'fresh_debian: %s\n' "$*" >&2; }
die() { say "$1"; exit "${2:-1}"; }

help() {
    cat <<'TEXT'
usage: tests/fresh_debian.sh [--cache DIR] [--save DIR] [--mirror URL] [--repo DIR] [COMMAND]...

Each COMMAND is one argument and runs in the clone, in a fresh Debian 12. Without any:
  './evdispatch study --quick' './evdispatch test'

  --cache DIR   keep the bare system there as a tar file, and start from it the next time
  --save DIR    copy out/, what studies wrote, there at the end
  --mirror URL  a mirror of Debian; default: the first one of this machine's apt
  --repo DIR    clone from there; default: this tree, as committed

Tells for each command its exit code, and how long set-up and the job took. Exit 0 when all were 0.
Leaves nothing behind: the mounts live in a namespace of their own, the system in a temporary
folder.

examples:
  tests/fresh_debian.sh
  tests/fresh_debian.sh --cache /var/cache/fresh './evdispatch --help' 'bash .ci/run'
TEXT
}

# The first http mirror of the suite that apt here uses.
apt_mirror() {
    # shellcheck disable=SC2016 # $() is apt-get's
    apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(CREATED_BY)' 2>/dev/null |
        awk -v suite="$suite" '$2 == suite && $3 == "Packages" { print $1; exit }'
}

make_base() {
    local root=$1
    if [[ -n $cache && -s $cache/$suite.tar ]]; then
        tar -C "$root" -xpf "$cache/$suite.tar" --numeric-owner
        return 0
    fi
    if ! debootstrap --variant=minbase --include=git,ca-certificates "$suite" "$root" "$mirror" \
        >"$work/debootstrap.log" 2>&1; then
        tail -n 20 "$work/debootstrap.log" >&2
        die 'debootstrap failed'
    fi
    if [[ -n $cache ]]; then
        mkdir -p "$cache"
        tar -C "$root" --one-file-system --numeric-owner -cpf "$cache/$suite.tar.part" .
        mv "$cache/$suite.tar.part" "$cache/$suite.tar"
    fi
}

# apt in there reaches what apt reaches here: its sources, its proxy, and how names resolve.
copy_network() {
    local root=$1 file
    for file in /etc/resolv.conf /etc/hosts; do
        [[ ! -e $file ]] || cat "$file" >"$root$file"
    done
    apt-config dump | grep -E '^Acquire::(http|https|Check-|Retries)' \
        >"$root/etc/apt/apt.conf.d/99machine" || true
    if [[ $mirror_given == no && -e /etc/apt/sources.list.d/debian.sources ]]; then
        cp /etc/apt/sources.list.d/debian.sources "$root/etc/apt/sources.list.d/"
        rm -f "$root/etc/apt/sources.list"
    elif [[ $mirror_given == no && -s /etc/apt/sources.list ]]; then
        cp /etc/apt/sources.list "$root/etc/apt/sources.list"
    else
        printf 'deb %s %s main\n' "$mirror" "$suite" >"$root/etc/apt/sources.list"
    fi
}

# Runs inside the namespaces, so that mounts and processes end with it.
inside() {
    local root=$1 log=$2 code began total setup failed=0
    shift 2
    mount -t proc proc "$root/proc"
    mount --rbind -o ro /sys "$root/sys"
    mount -t tmpfs tmpfs "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
    local -a proxies=()
    local name
    for name in http_proxy https_proxy no_proxy; do
        [[ -z ${!name:-} ]] || proxies+=("$name=${!name}")
    done
    for command in "$@"; do
        say "running: $command"
        began=$SECONDS code=0
        env -i HOME=/root PATH="$chroot_path" LANG=C.UTF-8 "${proxies[@]}" \
            chroot "$root" /bin/bash -c "cd /root/evdispatch && $command" \
            </dev/null > >(tee "$log") 2>&1 || code=$?
        total=$((SECONDS - began))
        wait
        # The launcher says itself how long its set-up took.
        setup=$(awk '/^evdispatch: set-up took [0-9]+ s$/ { s += $4 } END { print s + 0 }' "$log")
        printf 'fresh_debian: exit %d, set-up %d s, job %d s: %s\n' \
            "$code" "$setup" "$((total - setup))" "$command" | tee -a "$root/summary"
        [[ $code == 0 ]] || failed=1
    done
    return "$failed"
}

clean_up() {
    # Killing it ends the namespaces, and with them every process and mount in there.
    [[ -z ${child:-} ]] || { kill -KILL "$child" && wait "$child"; } 2>/dev/null || true
    # Nothing is mounted here in this namespace; --one-file-system is the belt to that brace.
    [[ -z ${work:-} ]] || rm -rf --one-file-system "$work"
}

main() {
    local -a commands=()
    local save='' repo=$source_dir code=0
    cache='' mirror='' mirror_given=no child=''
    while [[ $# -gt 0 ]]; do
        case $1 in
            -h | --help)
                help
                return 0
                ;;
            --cache | --save | --mirror | --repo)
                [[ $# -gt 1 ]] || die "$1 needs a value" 2
                case $1 in
                    --cache) cache=$2 ;;
                    --save) save=$2 ;;
                    --mirror) mirror=$2 mirror_given=yes ;;
                    --repo) repo=$(readlink -f "$2") ;;
                esac
                shift
                ;;
            --) ;;
            -*) die "unknown flag '$1'; there are --cache, --save, --mirror, --repo and --help" 2 ;;
            *) commands+=("$1") ;;
        esac
        shift
    done
    [[ ${#commands[@]} -gt 0 ]] || commands=('./evdispatch study --quick' './evdispatch test')
    [[ $(id -u) == 0 ]] || die 'needs root, for debootstrap and chroot'
    command -v debootstrap >/dev/null || die 'debootstrap is missing: apt-get install debootstrap'
    mirror=${mirror:-$(apt_mirror)}
    [[ -n $mirror ]] || die "apt here knows no mirror of $suite; give one with --mirror" 2

    work=$(mktemp -d)
    trap clean_up EXIT
    trap 'exit 130' INT TERM
    local root=$work/root
    mkdir "$root"
    say "making a fresh Debian ($suite)"
    make_base "$root"
    copy_network "$root"
    git clone -q --no-hardlinks "$repo" "$root/root/evdispatch"
    unshare --mount --pid --fork --kill-child --propagation private \
        "${BASH_SOURCE[0]}" --inside "$root" "$work/log" "${commands[@]}" &
    child=$!
    wait "$child" || code=$?
    child=''
    if [[ -n $save && -d $root/root/evdispatch/out ]]; then
        mkdir -p "$save"
        cp -r "$root/root/evdispatch/out/." "$save/"
    fi
    echo
    cat "$root/summary" 2>/dev/null || true
    return "$code"
}

if [[ ${1:-} == --inside ]]; then
    shift
    inside "$@"
else
    main "$@"
fi
