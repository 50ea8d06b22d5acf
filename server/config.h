/* What a server is to do: the values of its options (options.def), and what main() adds. */
#ifndef EVD_CONFIG_H
#define EVD_CONFIG_H

#include "auth.h"
#include "log.h"

#include "dispatch/dispatch.h"
#include "server/wire/args.h"
#include "server/wire/http.h"
#include "server/wire/transport.h"

#define EVD_LISTEN_MAX     16
#define EVD_LISTEN_DEFAULT "tcp://127.0.0.1:0"
#define EVD_WORKERS_MAX    256
#define EVD_CPUS_MAX       256

struct evd_metrics_all;

struct evd_server_config {
    struct evd_address listen[EVD_LISTEN_MAX];
    size_t listen_count;
    unsigned workers;      /* threads, 1 to EVD_WORKERS_MAX */
    const char *cpus_text; /* NULL: the threads are not pinned */
    int cpus[EVD_CPUS_MAX];
    unsigned cpu_count;         /* 0: not pinned; worker i runs on cpus[i % cpu_count] */
    int passed[EVD_LISTEN_MAX]; /* descriptors of the service manager, in front of listen[] */
    size_t passed_count;
    const char *log_file;       /* NULL: standard error */
    const char *port_file;      /* NULL: none */
    const char *tcp_congestion; /* NULL: the system's */
    const char *module_config;  /* a file; NULL: none */
    char *module_config_text;   /* owned: what stands in it */
    struct evd_auth_config auth_config;
    struct evd_auth
        *auth;           /* evd_config_load() opens it, main() closes it; NULL: anybody may call */
    struct evd_log *log; /* set by main(), not by the command line; outlives the workers */
    struct evd_dispatch_config dispatch;
    char modules_dir[4096]; /* the default, where --modules is not given */

    struct evd_wire_limits wire;
    struct evd_http_limits http;
    size_t max_ratio;    /* bytes that one byte of gzip may become */
    size_t max_inflated; /* bytes of a payload when its codec is undone */
    size_t output_pause; /* bytes held for one slow reader before its calls wait; <= max_output */
    size_t max_output;   /* bytes of one answer on the wire */
    size_t max_calls;    /* of one connection in one turn of the loop */
    size_t max_memory;   /* bytes of all connections' buffers; each worker has its share */
    size_t max_connections;
    struct evd_metrics_all *metrics; /* set by main(): all workers'; NULL: nobody reads them */
    unsigned log_format;             /* 1: JSON */
    unsigned log_level;              /* 1: no info; 2: no warning either */
    unsigned trace;                  /* one call in so many is traced; 0: none */
    size_t metrics_endpoints;        /* with a series of their own */
    unsigned call_latency;           /* one call in so many is timed, on average; 0: none */
    uint64_t first_byte_timeout_ns;  /* from here on, 0: never. A connection's first byte */
    uint64_t message_timeout_ns;     /* a message's last byte, after its first */
    uint64_t call_timeout_ns;        /* an unfinished call */
    uint64_t idle_timeout_ns;
    uint64_t write_timeout_ns; /* a reader that takes nothing for so long is closed */
    uint64_t drain_delay_ns;   /* from SIGTERM until it stops accepting */
    uint64_t drain_timeout_ns; /* from SIGTERM to the end */
};

#endif
