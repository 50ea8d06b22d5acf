# shellcheck shell=bash disable=SC2154,SC2034
# Runs that take long, and prove by counts. Read by ../evdispatch, whose $here it uses.

command_soak() {
    local what='' out='' code=0
    local -a quick=() more=()
    while [[ $# -gt 0 ]]; do
        case $1 in
            -h | --help)
                help
                return 0
                ;;
            connections | restarts) what=$1 ;;
            --quick) quick=(yes) ;;
            --out)
                [[ $# -gt 1 && -n $2 ]] || usage_error "soak: $1 needs a value"
                out=$2
                shift
                ;;
            --out=?*) out=${1#--out=} ;;
            --)
                shift
                more=("$@")
                break
                ;;
            *) usage_error "soak: unexpected '$1'; it takes connections, restarts, --quick, --out DIR and -- SERVER OPTION..." ;;
        esac
        shift
    done
    [[ -n $what ]] || usage_error "soak: which? There are connections and restarts"
    set_up build report bench
    build_both
    out=${out:-$here/out/soak-$(date -u +%Y%m%dT%H%M%SZ)}
    mkdir -p "$out" || die "soak: cannot make $out"
    local -a flags=(--bin "$here/build/release/bin")
    case $what in
        connections)
            flags+=(--json "$out/connections.json")
            [[ ${#quick[@]} == 0 ]] || flags+=(--for 15)
            ;;
        restarts) [[ ${#quick[@]} == 0 ]] || flags+=(--restarts 10) ;;
    esac
    {
        printf './evdispatch soak %s%s, commit %s, %s\n' "$what" "${quick:+ --quick}" \
            "$(git -C "$here" describe --always --dirty 2>/dev/null || echo unknown)" "$(date -u +%FT%TZ)"
        "$here/tests/soak/$what.py" "${flags[@]}" -- "${more[@]}" || code=$?
        [[ $code == 0 ]] && echo "passed" || echo "FAILED"
    } | tee "$out/$what.txt"
    say "what it said is in $out/$what.txt"
    grep -qx passed "$out/$what.txt"
}
