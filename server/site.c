#include "site.h"

#include "measure.h"
#include "metrics_page.h"
#include "work.h"

/* Pages are made by GET and take no input: what they need stands in the worker. *response is filled
 * in as for an empty 200; its body may lie in worker->work->payload, which is empty. A negative
 * status is answered as 500. */
struct route {
    const char *path;
    int (*get)(struct evd_worker *worker, struct evd_http_response *response);
    bool open; /* asks for no token, whatever calls must bring */
};

static int get_healthz(struct evd_worker *worker, struct evd_http_response *response)
{
    (void)worker;
    (void)response; /* that it answers is the answer */
    return EVD_OK;
}

/* Listeners open behind the modules: who is connected has found them open. */
static int get_readyz(struct evd_worker *worker, struct evd_http_response *response)
{
    if (worker->leaving || worker->draining) {
        response->status = 503;
        response->body = EVD_SLICE("draining\n");
    }
    return EVD_OK;
}

static int get_metrics(struct evd_worker *worker, struct evd_http_response *response)
{
    struct evd_process process;
    struct evd_buf *page = &worker->work->payload;
    if (worker->config->metrics == NULL)
        return EVD_ERR_INTERNAL;
    evd_process_read(&process);
    evd_measure_publish(worker);
    int rc = evd_metrics_page(worker->config->metrics, worker->config, &process, page);
    response->type = EVD_METRICS_PAGE_TYPE;
    response->body = evd_buf_slice(page);
    return rc;
}

static const struct route routes[] = {
    {"/metrics", get_metrics, false},
    {"/healthz", get_healthz, true},
    {"/readyz", get_readyz, true},
};

static const struct route *find(struct evd_slice path)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (evd_slice_equal(path, evd_slice_text(routes[i].path)))
            return &routes[i];
    }
    return NULL;
}

/* Whether the page may be shown, to who brings any good token: pages are no events, which it may
 * list. EVD_ERR_NO_PERMISSION is counted and told of as that of a call is. */
static int check_token(struct evd_worker *worker, const struct evd_http_request *request)
{
    const struct evd_http_field *field = evd_http_get(request, "Authorization");
    struct evd_error why = {.text = ""};
    struct evd_slice token;
    struct evd_grant *grant = NULL;
    int rc = field == NULL ? EVD_ERR_NO_PERMISSION
                           : evd_auth_token_of_header(field->value, &token, &why);
    if (rc >= 0)
        rc = evd_auth_check(worker->config->auth, token, evd_auth_now(), &grant, &why);
    evd_grant_free(grant);
    if (rc < 0) {
        evd_metrics_error(worker->measure.metrics, evd_slice_text(evd_status_code(rc)));
        evd_worker_refused(worker, why.text);
    }
    return rc;
}

static void answer(struct evd_worker *worker, const struct evd_http_request *request,
                   struct evd_http_response *response)
{
    if (request->status != 0) {
        response->status = request->status;
        return;
    }
    const struct route *route = find(request->path);
    int rc;
    if (route == NULL) {
        response->status = 404;
    } else if (!evd_slice_equal(request->method, EVD_SLICE("GET")) &&
               !evd_slice_equal(request->method, EVD_SLICE("HEAD"))) {
        response->status = 405;
        response->allow = "GET, HEAD";
    } else if (!route->open && worker->config->auth != NULL &&
               (rc = check_token(worker, request)) < 0) {
        response->status = rc == EVD_ERR_NO_MEMORY ? 503 : 401;
        response->challenge = rc == EVD_ERR_NO_MEMORY ? NULL : "Bearer";
    } else {
        response->status = 200;
        evd_buf_clear(&worker->work->payload);
        rc = route->get(worker, response);
        if (rc < 0) {
            response->status = 500;
            response->type = NULL;
            response->body = evd_slice_text(evd_status_text(rc));
        }
    }
}

bool evd_site_answer(struct evd_worker *worker, const struct evd_http_request *request, int64_t now,
                     struct evd_buf *out)
{
    char text[160];
    struct evd_http_response response = {
        .request = request,
        .date = now,
        .close = request->status != 0 || !request->keep_alive || worker->draining,
    };
    answer(worker, request, &response);
    if (request->status != 0) {
        int len =
            snprintf(text, sizeof text, "%s: %s\n", evd_http_reason(response.status), request->why);
        if (len > 0 && (size_t)len < sizeof text)
            response.body = evd_slice(text, (size_t)len);
    }
    int rc = evd_http_encode(out, &response);
    if (rc == EVD_ERR_TOO_LARGE) { /* more than --max-output */
        response.status = 500;
        response.type = NULL;
        response.body = EVD_SLICE("The page is larger than --max-output\n");
        rc = evd_http_encode(out, &response);
    }
    return rc >= 0 && !response.close;
}
