/* What is served over HTTP: a table of paths. A new one is a line in site.c. */
#ifndef EVD_SITE_H
#define EVD_SITE_H

#include "server/wire/http.h"

#include <stdbool.h>

struct evd_worker;

/* Answers a request, or says why it is refused, and appends that to *out. `now`: Unix time in
 * seconds. Returns whether the connection may carry another request; where not, it is to be closed
 * when *out is sent. */
bool evd_site_answer(struct evd_worker *worker, const struct evd_http_request *request, int64_t now,
                     struct evd_buf *out);

#endif
