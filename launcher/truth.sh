# shellcheck shell=bash disable=SC2154,SC2034
# The generator against servers whose behaviour is known. Read by ../evdispatch, whose $here it uses.

command_truth() {
    local out='' only='' code=0
    while [[ $# -gt 0 ]]; do
        case $1 in
            -h | --help)
                help
                return 0
                ;;
            --only | --out)
                [[ $# -gt 1 && -n $2 ]] || usage_error "truth: $1 needs a value"
                if [[ $1 == --out ]]; then out=$2; else only=$2; fi
                shift
                ;;
            --only=?*) only=${1#--only=} ;;
            --out=?*) out=${1#--out=} ;;
            *) usage_error "truth: unexpected '$1'; it takes --only LETTERS and --out DIR" ;;
        esac
        shift
    done
    [[ -z $only || $only =~ ^[a-g](,?[a-g])*$ ]] ||
        usage_error "truth: --only '$only': letters from a to g, as a,c"
    set_up build report bench
    build release dispatch/all server/all loadgen/all tests/truth/all || exit 1
    out=${out:-$here/out/truth-$(date -u +%Y%m%dT%H%M%SZ)}
    mkdir -p "$out" || die "truth: cannot make $out"
    "$here/tests/truth/truth.py" ${only:+--only "$only"} --out "$out" \
        --loadgen "$here/build/release/bin/loadgen" --evd-server "$here/build/release/bin/evd-server" \
        --server "$here/build/release/tests/truth/truth-server" \
        --commit "$(git -C "$here" describe --always --dirty --abbrev=12 --exclude '*' 2>/dev/null || echo unknown)" || code=$?
    [[ ! -e $out/report.md ]] || say "the report is $out/report.md"
    return "$code"
}
