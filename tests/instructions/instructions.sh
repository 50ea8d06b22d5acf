#!/bin/sh
# Instructions that one dispatch takes in user space, by callgrind.
#
#   instructions.sh --program FILE [--modules DIR] [--scenario FILE [--module-config FILE]]
#                   [--check FILE | --json] [ARM...]
#
#   --program   dispatch_count, as the build made it, with the folder modules/ beside it; or
#               wire_count; or module_count
#   --modules   a folder of shared objects in the place of that
#   --scenario  what module_count calls; --module-config: what its modules are told
#   --check     hold each ARM under its ceiling in FILE, and see that two counts are equal
#   --json      write {"schema":"evdispatch.instructions/1",...} to standard output
#   ARM         an arm of the program; default: all
#
# Counts N dispatches and 2 N: the difference is N dispatches, and nothing of what is done once.
# Exit 0: all is well; 1: over a ceiling, or two counts differ; 2: usage; 77: cannot be told here.
set -eu

die() { echo "instructions.sh: $1" >&2; exit "${2:-1}"; }

program='' ceilings='' json=no modules='' scenario='' config=''
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) sed -n '2,/^set -eu/{/^set -eu/d;s/^# \{0,1\}//p;}' "$0"; exit 0 ;;
        --json) json=yes ;;
        --program | --check | --modules | --scenario | --module-config)
            [ $# -gt 1 ] || die "$1 needs a value; try --help" 2
            case $1 in
                --program) program=$2 ;;
                --check) ceilings=$2 ;;
                --modules) modules=$2 ;;
                --scenario) scenario=$(readlink -f -- "$2") ;;
                *) config=$(readlink -f -- "$2") ;;
            esac
            shift
            ;;
        -*) die "unknown flag '$1'; try --help" 2 ;;
        *) break ;;
    esac
    shift
done
[ -n "$program" ] || die "--program is needed; try --help" 2
[ -x "$program" ] || die "$program is no program" 2
valgrind=$(command -v valgrind) || {
    echo "instructions.sh: valgrind is not installed: nothing is counted" >&2
    exit 77
}
compiler=$("$program" --compiler)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
# The loader handles the program's own path, too: it is always "./NAME".
name=$(basename "$program")
cp "$program" "$work/$name"
cp -R "${modules:-$(dirname "$program")/modules}" "$work/modules"
# A round of the scenario: how many calls, and what they are.
round=0 told=''
if [ -n "$scenario" ]; then
    told=$("$program" --round "$scenario" 2>"$work/said") || die "$(cat "$work/said")"
    round=${told%% *} told=${told#* }
fi

# N: a load takes a thousand times as many instructions as another dispatch.
calls() {
    if [ "$round" -gt 0 ]; then # whole rounds, at least a hundred calls
        echo $(((99 + round) / round * round))
        return
    fi
    case $1 in
        dynamic-call) echo 100 ;;
        *-endpoints) echo 10000 ;;      # each of them, once
        server-*-names) echo 4096 ;; # the same
        server-*) echo 6400 ;;       # whole batches
        *) echo 1000 ;;
    esac
}

# total ARM COUNT: instructions in count_dispatches() and what it calls. An empty environment: the
# loader and the C library look into it.
total() {
    (cd "$work" && env -i PATH=/usr/bin:/bin "$valgrind" --tool=callgrind --callgrind-out-file=out \
        --toggle-collect=count_dispatches "./$name" "$1" "$2" ${scenario:+"$scenario"} ${config:+"$config"} > said 2>&1) || {
        cat "$work/said" >&2
        die "$name $1 fails under valgrind"
    }
    awk '$1 == "summary:" || $1 == "totals:" { print $2; exit }' "$work/out"
}

# count ARM: instructions a dispatch, to a tenth.
count() {
    n=$(calls "$1")
    once=$(total "$1" "$n")
    twice=$(total "$1" $((2 * n)))
    [ -n "$once" ] && [ -n "$twice" ] && [ "$twice" -gt "$once" ] ||
        die "$1: callgrind counted '$once' and '$twice' instructions for $n and $((2 * n)) calls"
    tenths=$(((twice - once) * 10 / n))
    echo "$((tenths / 10)).$((tenths % 10))"
}

all_arms() { "$program" --help | sed -n 's/^  \([a-z]\)/\1/p'; }

# field ARM NUMBER: of the arm's line of the ceilings: 2 ceiling, 3 measured, 4 compiler.
field() { awk -F'\t' -v arm="$1" -v n="$2" '$1 == arm { print $n }' "$ceilings"; }

check() {
    ceiling=$(field "$1" 2)
    [ -n "$ceiling" ] || die "$1 has no line in $ceilings" 2
    first=$(count "$1")
    second=$(count "$1")
    echo "$1: $first instructions a dispatch; ceiling $ceiling, $(field "$1" 3) when it was set"
    [ "$first" = "$second" ] || die "$1: counted $first, then $second: it should be repeatable"
    if [ "$(field "$1" 4)" != "$compiler" ]; then
        echo "the ceiling is that of $(field "$1" 4), this is $compiler: not held against it"
        exit 77
    fi
    awk -v count="$first" -v ceiling="$ceiling" 'BEGIN { exit count > ceiling }' || {
        echo "instructions.sh: $1 is over its ceiling. If that is meant, set both in $ceilings:" >&2
        awk -v arm="$1" -v count="$first" -v compiler="$compiler" \
            'BEGIN { printf "%s\t%.0f\t%s\t%s\n", arm, count * 1.03 + 1, count, compiler }' >&2
        exit 1
    }
}

[ $# -gt 0 ] || set -- $(all_arms)
if [ $json = yes ]; then
    printf '{"schema":"evdispatch.instructions/1","compiler":"%s","valgrind":"%s",%s"arms":[' \
        "$compiler" "$("$valgrind" --version)" "${told:+"\"scenario\":$told,"}"
    separator=''
    for arm; do
        value=$(count "$arm")
        printf '%s\n{"arm":"%s","instructions":%s}' "$separator" "$arm" "$value"
        separator=,
    done
    printf ']}\n'
elif [ -n "$ceilings" ]; then
    for arm; do check "$arm"; done
else
    for arm; do
        value=$(count "$arm")
        echo "$arm $value"
    done
fi
