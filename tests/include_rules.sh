#!/bin/sh
# Who may include whom: the rule of docs/ARCHITECTURE.md, checked on every #include of the tree.
#
#   tests/include_rules.sh [ROOT]     exit 0: all keep to it; 1: each that doesn't is named
#
# First it checks itself: it plants includes that break each rule in a tree of its own, and fails
# unless each of them is reported and none of the good ones is.
set -eu

root=${1:-$(cd "$(dirname "$0")/.." && pwd)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

cat > "$work/rules.awk" <<'AWK'
# What the C library, the kernel and the compiler offer without a socket. A header that stands
# nowhere in this file is refused: a new library is a decision, made here.
function is_libc(header) {
    return header ~ /^(assert|byteswap|cpuid|ctype|dirent|dlfcn|elf|endian|err|errno|fcntl|float|fnmatch|ftw|getopt|glob|grp|inttypes|libgen|limits|link|locale|malloc|math|pthread|pwd|sched|search|semaphore|setjmp|signal|spawn|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|stdnoreturn|string|strings|sysexits|syslog|tgmath|threads|time|uchar|unistd|wchar|wctype)\.h$/ ||
           header ~ /^sys\// || header ~ /^linux\// || header ~ /^[a-z]+mmintrin\.h$/ ||
           header ~ /^immintrin\.h$/ || header ~ /^sanitizer\//
}

function is_socket(header) {
    return header ~ /^(netdb|poll|ifaddrs)\.h$/ || header ~ /^(netinet|arpa|net)\// ||
           header ~ /^sys\/(socket|un|epoll|poll|select|eventfd|timerfd|signalfd|uio)\.h$/
}

# What touches a file descriptor, which server/wire must not.
function is_descriptor(header) {
    return is_socket(header) || header ~ /^(unistd|fcntl|ev)\.h$/
}

function room_of(path) {
    if (path ~ /^dispatch\/modules\//) return "module"
    if (path == "loadgen/aa/work.c") return "module" # what is measured, not what measures
    if (path ~ /^dispatch\//) return "dispatch"
    if (path ~ /^server\/wire\//) return "wire"
    if (path ~ /^server\//) return "server"
    if (path ~ /^loadgen\//) return "loadgen"
    if (path ~ /^tests\//) return "tests"
    return ""
}

# "" when `path` may include the header, else the rule it breaks.
function broken(path, quoted, header,    room, folder, target) {
    room = room_of(path)
    folder = path
    sub(/\/[^\/]*$/, "", folder)
    if (header ~ /\.\.\//)
        return "a path starts at the top of the tree, it has no .."
    if (quoted && header ~ /\// && substr(header, 1, length(folder) + 1) == folder "/" &&
        substr(header, length(folder) + 2) !~ /\//)
        return "in the same folder it is \"x.h\", without the folder"
    if (room == "tests")
        return ""
    if (quoted && header !~ /\//)
        return room == "module" ? module_rule : "" # the same folder, or made by CMake
    target = quoted ? room_of(header) : ""
    if (quoted && target == "")
        return "it names no room of the tree"
    if (room == "module")
        return (!quoted && header == "evdispatch/module.h") || (quoted && header == "dispatch/module.h") ||
               (!quoted && (header ~ /^cjson\// || (is_libc(header) && !is_socket(header)))) ? "" : module_rule
    if (room == "dispatch")
        return target == "dispatch" || (!quoted && (header ~ /^cjson\// ||
               (is_libc(header) && !is_socket(header)))) ? "" : \
               "dispatch may include dispatch, cJSON and libc; no socket, no event loop"
    if (room == "wire") {
        if (!quoted && path == "server/wire/args.h" && header ~ /^sys\/(socket|un)\.h$/)
            return "" # struct sockaddr, to parse addresses into
        if (!quoted && path == "server/wire/args.c" && header ~ /^(netdb|arpa\/inet|netinet\/in)\.h$/)
            return ""
        return target == "wire" || (quoted && header ~ /^dispatch\/(message|status|json)\.h$/) ||
               (!quoted && (header ~ /^cjson\// || header == "zlib.h" ||
               header == "http_parser.h" ||
               (is_libc(header) && !is_descriptor(header)))) ? "" : \
               "server/wire may include server/wire, dispatch/{message,status,json}.h, cJSON, zlib, http_parser and libc; no file descriptor (args.[ch]: addresses)"
    }
    if (room == "server" && path == "server/auth.c" && !quoted && header ~ /^openssl\//)
        return "" # the signatures of tokens
    if (room == "server")
        return target == "server" || target == "wire" ||
               (quoted && header ~ /^dispatch\/(dispatch|builtins|module|message|status|json)\.h$/) ||
               (!quoted && (header == "ev.h" || is_libc(header) || is_socket(header))) ? "" : \
               "server may include server, server/wire, the public headers of dispatch, libev and libc"
    return target == "loadgen" || target == "wire" ||
           (quoted && header ~ /^dispatch\/(message|status|json)\.h$/) ||
           (!quoted && (header == "ev.h" || header ~ /^gsl\// || header ~ /^cjson\// ||
           header == "zlib.h" || is_libc(header) || is_socket(header))) ? "" : \
           "loadgen may include loadgen, server/wire, dispatch/{message,status,json}.h, libev, GSL, cJSON, zlib and libc; nothing else of server"
}

BEGIN {
    module_rule = "a module may include <evdispatch/module.h>, <cjson/cJSON.h> and libc, nothing else of the tree"
}

/^[[:blank:]]*#[[:blank:]]*include/ {
    line = $0
    sub(/^[[:blank:]]*#[[:blank:]]*include[[:blank:]]*/, "", line)
    path = FILENAME
    sub(/^\.\//, "", path)
    open = substr(line, 1, 1)
    close_at = index(substr(line, 2), open == "<" ? ">" : "\"")
    if ((open != "<" && open != "\"") || close_at == 0) {
        why = "an include names its header, it isn't computed"
        header = line
    } else {
        header = substr(line, 2, close_at - 1)
        why = broken(path, open == "\"", header)
        header = substr(line, 1, close_at + 1)
    }
    if (why != "") {
        printf "%s:%d: #include %s: %s\n", path, FNR, header, why
        bad = 1
    }
}

END { exit bad }
AWK

# check ROOT: reports what breaks the rule, each as FILE:LINE: #include HEADER: RULE
check() {
    (cd "$1" && find . -type f \( -name '*.[ch]' -o -name '*.cc' -o -name '*.cpp' -o -name '*.def' \
        -o -name '*.c.in' -o -name '*.h.in' \) \
        \( -path './dispatch/*' -o -path './server/*' -o -path './loadgen/*' -o -path './tests/*' \) \
        -exec awk -f "$work/rules.awk" {} +)
}

# circles ROOT: names the files of server/ that include each other in a circle. x.c and x.h count as
# one, and so does what is a part of them: x_part.c.
circles() {
    (cd "$1/server" && for file in *.c *.h; do
        from=${file%.*}
        [ ! -e "${from%%_*}.h" ] || from=${from%%_*}
        sed -n 's/^[[:blank:]]*#[[:blank:]]*include[[:blank:]]*"\([a-z_0-9]*\)\.h".*/\1/p' "$file" | while read -r to; do
            [ ! -e "${to%%_*}.h" ] || to=${to%%_*}
            [ "$from" = "$to" ] || echo "$from $to"
        done
    done) | sort -u | LC_ALL=C tsort 2>&1 > /dev/null | sed 's/^tsort: /server: /'
}

# plant FILE LINE...: makes a source file of these lines in the tree of the self-check.
plant() {
    file=$work/tree/$1
    shift
    mkdir -p "$(dirname "$file")"
    printf '%s\n' "$@" > "$file"
}

self_check() {
    plant dispatch/good.c '#include "good.h"' '#include <cjson/cJSON.h>' '#include <dlfcn.h>' \
        '#include <emmintrin.h>' '// "ev.h"' '/* #include <ev.h> */'
    plant dispatch/modules/good.c '#include <evdispatch/module.h>' '#include "dispatch/module.h"' \
        '#include <cjson/cJSON.h>' '#include <string.h>'
    plant server/wire/good.c '#include "buf.h"' '#include "dispatch/message.h"' '#include <zlib.h>' \
        '#include "dispatch/status.h"' '#include "dispatch/json.h"' '#include <endian.h>' '#include <http_parser.h>'
    plant server/wire/args.h '#include <sys/socket.h>' '#include <sys/un.h>'
    plant server/good.c '#include "conn.h"' '#include "server/wire/buf.h"' '#include <ev.h>' \
        '#include "dispatch/dispatch.h"' '#include <sys/socket.h>' ' # include <unistd.h>'
    plant server/auth.c '#include <openssl/hmac.h>'
    plant loadgen/good.c '#include "run.h"' '#include "server/wire/transport.h"' '#include <ev.h>' \
        '#include <gsl/gsl_cdf.h>' '#include <zlib.h>' '#include "dispatch/status.h"'
    plant tests/wire/good.c '#include "server/conn.h"' '#include <cmocka.h>' '#include <ev.h>'
    if ! check "$work/tree" > "$work/good"; then
        echo "include_rules.sh: the self-check failed: what is allowed is reported:"
        cat "$work/good"
        return 1
    fi
    plant dispatch/bad.c '#include "server/wire/buf.h"' '#include <ev.h>' '#include <sys/socket.h>' \
        '#include "../server/conn.h"' '#include <zlib.h>' '#  include <poll.h>' '#include HEADER' \
        '#include <yyjson.h>' '#include "dispatch/names.h"' '#include "vendor/x.h"'
    plant dispatch/modules/bad.c '#include "dispatch/dispatch.h"' '#include "helper.h"' \
        '#include "server/wire/buf.h"' '#include <ev.h>' '#include <evdispatch/backend.h>'
    plant dispatch/modules/bad.c.in '#include "dispatch/json.h"'
    plant server/wire/bad.c '#include "dispatch/dispatch.h"' '#include "server/conn.h"' \
        '#include <ev.h>' '#include <unistd.h>' '#include <sys/socket.h>' '#include <netdb.h>' \
        '#include "loadgen/run.h"' '#include "dispatch/modules/x.h"' '#include <gsl/gsl_cdf.h>'
    plant server/wire/args.c '#include <unistd.h>' '#include <poll.h>'
    plant server/bad.c '#include "loadgen/run.h"' '#include <http_parser.h>' '#include "dispatch/backend.h"' \
        '#include <gsl/gsl_cdf.h>' '#include "tests/wire/wire_test.h"' '#include "server/conn.h"' \
        '#include <openssl/hmac.h>'
    plant loadgen/bad.c '#include "server/conn.h"' '#include "server/metrics.h"' \
        '#include "dispatch/dispatch.h"' '#include <evdispatch/module.h>' '#include <yyjson.h>'
    plant tests/wire/bad.c '#include "../../server/conn.h"'
    check "$work/tree" > "$work/bad" || true
    for file in $(cd "$work/tree" && find . -name 'bad.*' -o -name args.c | sed 's,^\./,,'); do
        line=0
        while read -r include; do
            line=$((line + 1))
            if ! grep -q "^$file:$line: #include .*: ..*" "$work/bad"; then
                echo "include_rules.sh: the self-check failed: not reported: $file:$line: $include"
                return 1
            fi
        done < "$work/tree/$file"
    done
    if grep -q '/good\.' "$work/bad"; then
        echo "include_rules.sh: the self-check failed: a good file is reported beside bad ones"
        return 1
    fi
    plant server/low.h ''
    plant server/low_part.c '#include "low.h"'
    plant server/high.c '#include "high.h"' '#include "low.h"' '#include "low_part.h"'
    plant server/high.h ''
    if [ -n "$(circles "$work/tree")" ]; then
        echo "include_rules.sh: the self-check failed: a circle is reported where there is none"
        return 1
    fi
    plant server/low_part.c '#include "low.h"' '#include "high.h"'
    if [ -z "$(circles "$work/tree")" ]; then
        echo "include_rules.sh: the self-check failed: a circle is not reported"
        return 1
    fi
}

self_check
for room in dispatch server server/wire loadgen tests; do
    if [ ! -d "$root/$room" ]; then
        echo "include_rules.sh: $root has no folder $room: is it the top of the tree?"
        exit 1
    fi
done
circle=$(circles "$root")
if [ -n "$circle" ]; then
    echo "$circle"
    echo "include_rules.sh: these include each other in a circle: who is called includes nobody who calls it"
    exit 1
fi
check "$root"
