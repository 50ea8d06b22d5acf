#!/bin/sh
# docs/STYLE.md, as far as a program can check it: clang-format, functions of at most 70 lines, files
# of at most 600, no note of work left to do.
#
#   tests/style.sh [ROOT]     exit 0: all keep to it; 1: each that doesn't is named;
#                             77: no clang-format here, the rest was checked and is good
#
# First it checks itself on files that break each rule.
set -eu

root=${1:-$(cd "$(dirname "$0")/.." && pwd)}
max_function=70
max_file=600
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

# list ROOT PATTERN...: what is tracked; all that is there where git or its folder is missing.
list() {
    (
        cd "$1"
        shift
        if [ -e .git ] && git rev-parse --git-dir > /dev/null 2>&1; then
            git ls-files -- "$@"
        else
            for pattern; do
                find . -path ./build -prune -o -type f -name "$pattern" -print
            done
        fi
    ) | sort -u
}

# A function's braces stand in the first column (BreakBeforeBraces: Linux), and nothing else's do.
lengths() {
    awk -v max_function=$max_function -v max_file=$max_file '
        FNR == 1 { report_file(); file = FILENAME; inside = 0 }
        { lines = FNR }
        !/^[ \t{}#\/*]/ && /\(/ { name = $0; sub(/[ \t]*\(.*/, "", name); sub(/.*[ \t*]/, "", name) }
        /^\{/ { start = FNR; inside = 1 }
        /^\}/ && inside {
            inside = 0
            if (FNR - start + 1 > max_function) {
                printf "%s:%d: %s() has %d lines, at most %d are allowed\n", file, start, name,
                       FNR - start + 1, max_function
                bad = 1
            }
        }
        END { report_file(); exit bad }
        function report_file() {
            if (lines > max_file) {
                printf "%s: %d lines, at most %d are allowed\n", file, lines, max_file
                bad = 1
            }
        }' "$@"
}

# check ROOT: names what breaks a rule.
check() {
    rc=0
    list "$1" '*.c' '*.h' > "$work/sources"
    list "$1" '*.c' '*.h' '*.cc' '*.def' '*.in' '*.sh' '*.cmake' 'CMakeLists.txt' > "$work/texts"
    [ -s "$work/sources" ] || {
        echo "style.sh: no source in $1: is it the top of the tree?"
        return 1
    }
    (cd "$1" && while read -r file; do lengths "$file" || touch "$work/long"; done) < "$work/sources"
    [ ! -e "$work/long" ] || rc=1
    # In two halves each, so that this file may stand in the list.
    if (cd "$1" && xargs grep -nwE 'TO''DO|FIX''ME|X''XX' /dev/null) < "$work/texts"; then
        echo "style.sh: what is left to do is an issue, not a comment"
        rc=1
    fi
    if command -v clang-format > /dev/null; then
        (cd "$1" && xargs clang-format --dry-run -Werror) < "$work/sources" || rc=1
    fi
    rm -f "$work/long"
    return $rc
}

# expect TEXT FILE: makes FILE of standard input in a tree of its own; check must say TEXT, or, where
# that is empty, find nothing.
expect() {
    rm -rf "$work/tree"
    mkdir "$work/tree"
    cp "$root/.clang-format" "$work/tree/"
    cat > "$work/tree/$2"
    if check "$work/tree" > "$work/said" 2>&1; then
        [ -z "$1" ] && return
    elif [ -n "$1" ] && grep -q "$1" "$work/said"; then
        return
    fi
    echo "style.sh: the self-check failed: $2 should give '$1', it gives:"
    cat "$work/said"
    exit 1
}

# A function of $1 lines, its braces included.
function_of() {
    printf 'int f(int n)\n{\n'
    i=3
    while [ "$i" -le "$1" ]; do
        echo '    n++;'
        i=$((i + 1))
    done
    printf '}\n'
}

self_check() {
    function_of $max_function | expect '' good.c
    function_of $((max_function + 1)) | expect 'f() has 71 lines' long_function.c
    yes 'int f(void);' | head -n $max_file | expect '' good.h
    yes 'int f(void);' | head -n $((max_file + 1)) | expect '601 lines' long_file.h
    echo '/* TO''DO: more */' | expect 'left to do' note.c
    echo 'char name[] = "/tmp/test.X''XXXXX";' | expect '' template.c
    if command -v clang-format > /dev/null; then
        echo 'int  f( void );' | expect 'Wclang-format-violations' format.h
    fi
}

self_check
check "$root"
command -v clang-format > /dev/null || {
    echo "style.sh: clang-format is not installed: format not checked"
    exit 77
}
