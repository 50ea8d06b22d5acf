#include "edit_client.h"

#include "server/wire/args.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define ANSWER_SECONDS 10

int lg_client_open(const char *address, int *ret_fd, struct evd_error *ret_error)
{
    struct evd_address parsed;
    int rc = evd_parse_address(address, &parsed, ret_error);
    if (rc < 0)
        return rc;
    struct timeval wait = {.tv_sec = ANSWER_SECONDS};
    int on = 1, fd = socket(parsed.addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        connect(fd, (const struct sockaddr *)&parsed.addr, parsed.len) != 0) {
        rc = evd_error_set(ret_error, EVD_ERR_SYSTEM, "cannot connect to %s: %s", address,
                           strerror(errno));
        if (fd >= 0)
            close(fd);
        return rc;
    }
    *ret_fd = fd;
    return EVD_OK;
}

static int send_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, text, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return EVD_ERR_SYSTEM;
        text += n;
        len -= (size_t)n;
    }
    return EVD_OK;
}

int lg_client_ask(int fd, const char *event, char *ret_answer, size_t cap,
                  struct evd_error *ret_error)
{
    char question[512];
    int asked = snprintf(question, sizeof(question), "{\"event\":\"%s\"}\n", event);
    if (asked < 0 || (size_t)asked >= sizeof(question))
        return evd_error_set(ret_error, EVD_ERR_USAGE, "the event is too long");
    if (send_all(fd, question, (size_t)asked) < 0)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "cannot ask: %s", strerror(errno));
    for (size_t len = 0; len + 1 < cap;) {
        ssize_t n = recv(fd, ret_answer + len, cap - 1 - len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return evd_error_set(ret_error, EVD_ERR_SYSTEM, "no answer: %s",
                                 n == 0 ? "the connection was closed" : strerror(errno));
        len += (size_t)n;
        if (ret_answer[len - 1] == '\n') {
            ret_answer[len - 1] = '\0';
            return EVD_OK;
        }
    }
    return evd_error_set(ret_error, EVD_ERR_SYSTEM, "the answer is too long");
}
