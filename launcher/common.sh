# shellcheck shell=bash disable=SC2154,SC2034
# What all commands speak with. Read by ../evdispatch, whose $here it uses.

bold='' red='' plain=''
if [[ -t 2 && -z ${NO_COLOR:-} ]]; then
    bold=$'\e[1m' red=$'\e[31m' plain=$'\e[0m'
fi

say() { printf '%sevdispatch:%s %s\n' "$bold" "$plain" "$*" >&2; }
complain() { printf '%sevdispatch:%s %s\n' "$red" "$plain" "$*" >&2; }
die() { complain "$1"; exit "${2:-1}"; }
usage_error() { complain "$1"; complain "try './evdispatch --help'"; exit 2; }
have() { command -v "$1" >/dev/null 2>&1; }

# step LOG COMMAND...: shown as it goes on a terminal, else kept for when it fails. stdout stays the
# job's own.
step() {
    local log=$1
    shift
    if [[ -t 2 ]]; then
        "$@" </dev/null >&2
    elif ! "$@" </dev/null >"$log" 2>&1; then
        cat "$log" >&2
        return 1
    fi
}
