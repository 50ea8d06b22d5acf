/* Runs the real evd-server as a process and talks to it over real sockets. */
#ifndef EVD_TEST_HARNESS_H
#define EVD_TEST_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <cmocka.h> /* needs setjmp.h, stdarg.h, stddef.h and stdint.h before it */

#define ADDRESSES_MAX 4

struct server {
    pid_t pid;
    int out, err; /* pipes of its stdout and stderr */
    char addresses[ADDRESSES_MAX][160];
    size_t address_count;
    char errors[8192]; /* what it wrote to stderr, filled in by server_stop() */
};

/* Starts the server with these arguments (ended by NULL), and with as many workers as the
 * environment's EVD_TEST_WORKERS says, and waits until it has said where it
 * listens, for as many addresses as --listen is given, or one. */
void server_start(struct server *server, const char *const *args);

/* The same with another program that speaks like it. */
void server_start_program(struct server *server, const char *program, const char *const *args);

/* What a child does between fork() and exec(). */
struct in_child {
    void (*run)(void *context);
    void *context;
};

/* The same, after `prepare` where it is not NULL, until it listens on so many addresses. */
void server_start_in(struct server *server, const char *const *args, const struct in_child *prepare,
                     size_t addresses);

/* The same as server_start(), of a server that may fail to start. False: it has ended without
 * listening; server_wait() tells how. */
bool server_may_start(struct server *server, const char *const *args);

/* How many workers server_start() starts where the test does not say. */
unsigned server_workers(void);

/* Bytes of the server's memory that are there; of them, those that are no file's. */
size_t server_resident_bytes(const struct server *server);
size_t server_anonymous_bytes(const struct server *server);

/* One line that the server writes to stderr, without its newline. */
void server_read_error(struct server *server, char *line, size_t cap);

/* SIGTERM, waits, returns the exit status (128 + the signal if one killed it). */
int server_stop(struct server *server);

/* Waits for its end without a signal; returns as server_stop(). */
int server_wait(struct server *server);

/* A connected socket with a receive time-out, so that a lost answer fails instead of hanging. */
int client_connect(const char *address);

/* The same of a server that gives its clients little time to speak: one that was too late for it
 * comes again. The answer is a line, without its newline. */
int client_connect_in_time(const char *address, const char *call, const char *answer);

void client_send(int fd, const void *bytes, size_t len);
void client_send_text(int fd, const char *text);

/* Reads exactly len bytes, or fails the test. */
void client_read(int fd, void *bytes, size_t len);

/* Reads one line without its newline; returns its length. */
size_t client_read_line(int fd, char *line, size_t cap);

/* Reads until the peer's end; returns the length, text is NUL-terminated; a reset fails. */
size_t client_read_all(int fd, char *text, size_t cap);

/* Runs a program to its end; captures both outputs. Returns its exit status as server_stop(). */
int run_program(const char *const *argv, char *out, size_t out_cap, char *err, size_t err_cap);

/* A private folder for this test, removed by the harness at exit. */
const char *scratch_dir(void);

#endif
