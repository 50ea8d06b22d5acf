#!/bin/sh
# The manual pages in docs/man are those of the programs, and groff finds nothing wrong with them.
#
#   tests/man.sh PROGRAM PAGE             exit 0: the same and good; 1: what is wrong
#   tests/man.sh --update PROGRAM PAGE    writes the page
set -eu

update=no
if [ "${1:-}" = --update ]; then
    update=yes
    shift
fi
if [ $# -ne 2 ]; then
    echo "usage: man.sh [--update] PROGRAM PAGE" >&2
    exit 2
fi
program=$1 page=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

"$program" --help=man > "$work/page"
if [ $update = yes ]; then
    cp "$work/page" "$page"
fi
diff -u "$page" "$work/page"

# Each option that --help names stands in it, of each command where there are several.
{
    "$program" --help
    "$program" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\).*/\1/p' > "$work/commands"
    while read -r command; do
        "$program" "$command" --help
    done < "$work/commands"
} | sed -n 's/^  \(--[a-z][a-z-]*\).*/\1/p' | sort -u > "$work/options"
[ "$(wc -l < "$work/options")" -gt 10 ] || {
    echo "man.sh: '$program --help' lists no options" >&2
    exit 1
}
sed 's/\\-/-/g; s/\\f.//g' "$work/page" > "$work/plain"
while read -r option; do
    grep -qF -e "$option" "$work/plain" || {
        echo "man.sh: $page has no $option" >&2
        exit 1
    }
done < "$work/options"

if command -v groff > /dev/null; then
    groff -ww -b -man -Tutf8 "$work/page" > "$work/shown" 2> "$work/warnings"
    if [ -s "$work/warnings" ] || ! [ -s "$work/shown" ]; then
        echo "man.sh: what groff says of $page:" >&2
        cat "$work/warnings" >&2
        exit 1
    fi
fi
