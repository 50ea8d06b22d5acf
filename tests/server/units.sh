#!/bin/sh
# The units that are installed name the program that is installed, and systemd takes them.
#
#   tests/server/units.sh BUILD        exit 0: good; 1: what is wrong; 77: no systemd-analyze here
set -eu

build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

cmake --install "$build" --prefix "$work/prefix" > "$work/log" || { cat "$work/log"; exit 1; }
units=$work/prefix/lib/systemd/system
program=$(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' "$units/evdispatch.service")
if [ "$program" != "$work/prefix/bin/evd-server" ] || [ ! -x "$program" ]; then
    echo "ExecStart= names '$program', which is not what was installed" >&2
    exit 1
fi
command -v systemd-analyze > /dev/null || exit 77
# Beside the complaints about our units, it may warn of units of this machine.
systemd-analyze verify "$units/evdispatch.socket" "$units/evdispatch.service" 2> "$work/said" || true
if grep -F evdispatch "$work/said" | grep -v 'is not executable' >&2; then
    exit 1
fi
