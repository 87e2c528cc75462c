/* h2o's request becomes an exchange. The exchange borrows h2o's memory (method, path, headers, body): that lives until the request has been
 * answered, and a connection is never ended while core still works on it (hub_http_worker_abort). */
#include "room.h"

#include <stdlib.h>
#include <string.h>

static hub_slice_t slice(h2o_iovec_t v)
{
    return hub_slice(v.base, v.len);
}

/* Path and query of the request target; "http://host/path" is taken as RFC 9112 wants it. */
static void set_target(hub_exchange_t *x, hub_slice_t target)
{
    if (target.len && target.ptr[0] != '/') {
        const char *authority = target.len > 8 ? memchr(target.ptr, '/', target.len) : NULL;
        size_t at = authority ? (size_t)(authority - target.ptr) + 2 : target.len;
        while (at < target.len && target.ptr[at] != '/' && target.ptr[at] != '?')
            at++;
        target = at < target.len ? hub_slice(target.ptr + at, target.len - at) : HUB_SLICE_LIT("/");
    }
    const char *query = memchr(target.ptr, '?', target.len);
    x->path = query ? hub_slice(target.ptr, (size_t)(query - target.ptr)) : target;
    x->query = query ? hub_slice(query + 1, target.len - x->path.len - 1) : HUB_SLICE_NONE;
    if (x->path.len == 0)
        x->path = HUB_SLICE_LIT("/");
}

/* These are lists: lines of one name say the same as one line with commas (RFC 9110, 5.3). */
static bool is_list(unsigned id)
{
    return id == HUB_HEADER_IF_MATCH || id == HUB_HEADER_PREFER || id == HUB_HEADER_ACCEPT || id == HUB_HEADER_CONTENT_ENCODING;
}

/* Of another header given twice the first counts (credentials and what else must be unique never come so far). */
static void set_headers(hub_exchange_t *x, const h2o_headers_t *headers)
{
    static _Thread_local uint8_t lengths[HUB_HEADER_COUNT];
    if (!lengths[0])
        for (unsigned id = 0; id < HUB_HEADER_COUNT; id++)
            lengths[id] = (uint8_t)strlen(hub_header_names[id]);
    for (size_t i = 0; i < headers->size; i++) {
        const h2o_header_t *header = &headers->entries[i];
        for (unsigned id = 0; id < HUB_HEADER_COUNT; id++) {
            if (header->name->len != lengths[id] || memcmp(header->name->base, hub_header_names[id], lengths[id]) != 0)
                continue;
            if (!x->header[id].ptr)
                x->header[id] = slice(header->value);
            else if (is_list(id))
                x->header[id] = hub_pool_printf(x->pool, "%.*s, %.*s", HUB_SLICE_FMT(x->header[id]), HUB_SLICE_FMT(slice(header->value)));
            break;
        }
    }
}

static hub_http__request_t *take(hub_http_worker_t *worker)
{
    hub_http__request_t *request = worker->spare;
    if (request) {
        worker->spare = request->next;
        return request;
    }
    request = calloc(1, sizeof *request);
    HUB_ASSERT(request);
    request->x.pool = hub_pool_create();
    return request;
}

void hub_http__request_free(hub_http__request_t *request)
{
    hub_pool_destroy(request->x.pool);
    hub_buf_finish(&request->chunk);
    free(request);
}

static void give_back(hub_http_worker_t *worker, hub_http__request_t *request)
{
    hub_pool_t *pool = request->x.pool;
    hub_exchange_sent(&request->x);
    hub_pool_clear(pool);
    hub_buf_finish(&request->chunk);
    memset(request, 0, sizeof *request);
    request->x.pool = pool;
    request->next = worker->spare;
    worker->spare = request;
}

static void on_done(hub_exchange_t *x)
{
    hub_http__request_t *request = x->driver;
    request->conn->worker->waiting--;
    hub_http__reply(request);
}

int hub_http__on_request(h2o_handler_t *handler, h2o_req_t *req)
{
    (void)handler;
    hub_http__conn_t *conn = hub_http__conn_of(req);
    hub_http_worker_t *worker = conn->worker;
    if (conn->phase != PHASE_BODY) { /* nothing reaches h2o unjudged; if it ever did, it ends here */
        hub_http__refuse_request(req, 400, "the request was not understood");
        return 0;
    }
    hub_http__request_t *request = take(worker);
    hub_exchange_t *x = &request->x;
    request->conn = conn;
    request->req = req;
    conn->request = request;
    conn->phase = PHASE_BUSY;
    x->worker = worker->core;
    x->method = hub_method_parse(slice(req->input.method));
    set_target(x, slice(req->input.path));
    set_headers(x, &req->headers);
    x->body = slice(req->entity);
    x->remote = hub_slice_str(conn->remote);
    x->done = on_done;
    x->resume = hub_http__on_resume;
    x->driver = request;
    x->takes_parts = true;
    hub_http__count(&worker->stats.requests, 1);
    worker->waiting++;
    hub_exchange_run(x);
    return 0;
}

void hub_http__on_request_end(h2o_logger_t *logger, h2o_req_t *req)
{
    (void)logger;
    hub_http__conn_t *conn = hub_http__conn_of(req);
    hub_http__request_t *request = conn->request;
    bool closing = !req->http1_is_persistent || conn->phase == PHASE_CLOSING;
    if (request) {
        HUB_ASSERT(request->stage != STAGE_WAITING);
        conn->request = NULL;
        if (request->stage == STAGE_STREAMING) {
            /* Cut off in the middle: h2o closes the connection. */
            closing = true;
            request->x.gone = true;
            if (request->x.on_gone)
                request->x.on_gone(&request->x);
        }
        give_back(conn->worker, request);
    }
    hub_http__conn_request_ended(conn, closing);
}
