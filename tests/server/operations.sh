#!/bin/sh
# The options in docs/OPERATIONS.md are those of the program.
#
#   tests/server/operations.sh SERVER DOCUMENT             exit 0: the same; 1: what differs
#   tests/server/operations.sh --update SERVER DOCUMENT    writes them into the document
set -eu

update=no
if [ "${1:-}" = --update ]; then
    update=yes
    shift
fi
if [ $# -ne 2 ]; then
    echo "usage: operations.sh [--update] SERVER DOCUMENT" >&2
    exit 2
fi
server=$1 document=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

begin='<!-- options: tests/server/operations.sh --update -->'
end='<!-- /options -->'
for mark in "$begin" "$end"; do
    grep -qxF "$mark" "$document" || {
        echo "operations.sh: $document has no line $mark" >&2
        exit 1
    }
done
"$server" --help=markdown > "$work/table"
grep -q '^| `--max-frame SIZE` | `1m` ' "$work/table" || {
    echo "operations.sh: '$server --help=markdown' is not the table of options" >&2
    exit 1
}
awk -v begin="$begin" -v end="$end" -v table="$work/table" '
    $0 == end { skipping = 0 }
    !skipping { print }
    $0 == begin { skipping = 1; print ""; while ((getline line < table) > 0) print line; print "" }
' "$document" > "$work/document"
if [ $update = yes ]; then
    cp "$work/document" "$document"
else
    diff -u "$document" "$work/document"
fi

# What --help says of each option stands in the table, and the other way round.
"$server" --help | sed -n 's/^  \(--[a-z-]*\)[ ,].*/\1/p' | grep -vxF -e --help | sort > "$work/helped"
sed -n 's/^| `\(--[a-z-]*\).*/\1/p' "$work/table" | sort > "$work/listed"
diff -u "$work/helped" "$work/listed"
