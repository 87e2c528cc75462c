/* The only maker of wire answers: replies of core, and refusals of what never becomes an exchange. */
#include "room.h"

#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#define CHUNK_ENOUGH 32768u
#define SOCKET_SPARE 8192u /* header block, and what the kernel keeps beside the bytes */

const char *hub_http__reason(int status)
{
    static const struct {
        int status;
        const char *text;
    } reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < HUB_COUNT(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].text;
    return "Status";
}

/* ---- refusals ---- */

/* On /ocpi an envelope, elsewhere a problem (RFC 9457). */
static const char *refusal_body(hub_buf_t *out, hub_slice_t path, int status, const char *why, const char *id)
{
    if (hub_slice_starts(path, HUB_SLICE_LIT("/ocpi"))) {
        int64_t now = hub_now_ms();
        time_t seconds = (time_t)(now / 1000);
        struct tm tm;
        gmtime_r(&seconds, &tm);
        hub_buf_add_str(out, "{\"status_code\":2000,\"status_message\":");
        hub_buf_add_json(out, hub_slice_str(why));
        hub_buf_printf(out, ",\"timestamp\":\"%04d-%02d-%02dT%02d:%02d:%02dZ\"}", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                       tm.tm_min, tm.tm_sec);
        return "application/json";
    }
    hub_buf_printf(out, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":", hub_http__reason(status), status);
    hub_buf_add_json(out, hub_slice_str(why));
    hub_buf_printf(out, ",\"code\":%d,\"message\":", status);
    hub_buf_add_json(out, hub_slice_str(why));
    hub_buf_printf(out, ",\"trace_id\":\"%s\"}", id);
    return "application/problem+json";
}

void hub_http__refusal(hub_buf_t *out, hub_slice_t path, int status, const char *why, char id[HUB_UUID_LEN + 1])
{
    hub_uuid(id);
    hub_buf_t body = HUB_BUF_INIT(NULL);
    const char *type = refusal_body(&body, path, status, why, id);
    hub_buf_printf(out, "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %zu\r\nX-Request-ID: %s\r\n", status,
                   hub_http__reason(status), type, body.len, id);
    if (status == 401)
        hub_buf_printf(out, "WWW-Authenticate: %s\r\n",
                       hub_slice_starts(path, HUB_SLICE_LIT("/ocpi")) ? "Token" : "Bearer realm=\"ocpi-hub\"");
    hub_buf_add_str(out, "\r\n");
    hub_buf_add(out, hub_buf_slice(&body));
    hub_buf_finish(&body);
}

static void add_header(h2o_req_t *req, hub_slice_t name, hub_slice_t value)
{
    h2o_add_header_by_str(&req->pool, &req->res.headers, name.ptr, name.len, 0, NULL, value.ptr, value.len);
}

void hub_http__refuse_request(h2o_req_t *req, int status, const char *why)
{
    char id[HUB_UUID_LEN + 1];
    hub_uuid(id);
    hub_buf_t body = HUB_BUF_INIT(NULL);
    const char *type = refusal_body(&body, hub_slice(req->input.path.base, req->input.path.len), status, why, id);
    req->http1_is_persistent = 0;
    req->res.status = status;
    req->res.reason = hub_http__reason(status);
    req->res.content_length = body.len;
    add_header(req, HUB_SLICE_LIT("content-type"), hub_slice_str(type));
    h2o_iovec_t kept = h2o_strdup(&req->pool, id, HUB_UUID_LEN);
    add_header(req, HUB_SLICE_LIT("x-request-id"), hub_slice(kept.base, kept.len));
    h2o_send_inline(req, body.ptr, body.len);
    hub_buf_finish(&body);
}

/* ---- streams ---- */

/* One piece to h2o; framed here, so that no filter runs for the answers that need none. */
static void send_chunk(hub_http__request_t *request, bool more)
{
    h2o_iovec_t out[4];
    size_t n = 0;
    if (request->chunk.len && request->chunked) {
        int len = snprintf(request->chunk_head, sizeof request->chunk_head, "%zx\r\n", request->chunk.len);
        out[n++] = h2o_iovec_init(request->chunk_head, (size_t)len);
    }
    if (request->chunk.len)
        out[n++] = h2o_iovec_init(request->chunk.ptr, request->chunk.len);
    if (request->chunk.len && request->chunked)
        out[n++] = h2o_iovec_init(H2O_STRLIT("\r\n"));
    if (!more && request->chunked)
        out[n++] = h2o_iovec_init(H2O_STRLIT("0\r\n\r\n"));
    if (!more) {
        request->stage = STAGE_SENT;
        if (request->conn->worker->draining)
            request->req->http1_is_persistent = 0;
    }
    h2o_send(request->req, out, n, more ? H2O_SEND_STATE_IN_PROGRESS : H2O_SEND_STATE_FINAL);
}

/* Asks core for the next piece. Nothing there: parked until it resumes. */
static void pull(hub_http__request_t *request, bool first)
{
    hub_exchange_t *x = &request->x;
    bool more = true;
    size_t before;
    request->chunk.len = 0;
    request->pulling = true;
    do {
        request->resumed = false;
        before = request->chunk.len;
        more = x->reply.more(x, &request->chunk);
    } while (more && request->chunk.len < CHUNK_ENOUGH && (request->chunk.len > before || request->resumed));
    request->pulling = false;
    if (more && request->conn->worker->draining)
        more = false, x->gone = true;
    if (x->gone && x->on_gone)
        x->on_gone(x);
    if (!more || request->chunk.len || first)
        send_chunk(request, more); /* the first one takes the header block with it */
    else
        request->parked = true;
}

static void on_proceed(h2o_generator_t *generator, h2o_req_t *req)
{
    (void)req;
    pull(H2O_STRUCT_FROM_MEMBER(hub_http__request_t, generator, generator), false);
}

void hub_http__on_resume(hub_exchange_t *x)
{
    hub_http__request_t *request = x->driver;
    if (request->pulling) {
        request->resumed = true;
    } else if (request->parked) {
        request->parked = false;
        pull(request, false);
    }
}

void hub_http__reply_end_stream(hub_http__request_t *request)
{
    if (request->stage != STAGE_STREAMING || !request->parked)
        return; /* one being sent ends by itself at its next piece */
    request->parked = false;
    request->chunk.len = 0;
    request->x.gone = true;
    if (request->x.on_gone)
        request->x.on_gone(&request->x);
    send_chunk(request, false);
}

/* ---- replies of core ---- */

static void start_stream(hub_http__request_t *request, bool head)
{
    h2o_req_t *req = request->req;
    hub_exchange_t *x = &request->x;
    request->chunked = req->version >= 0x101;
    if (request->chunked)
        /* By its token: h2o's own framing filter looks for it there, and would frame the body once more. */
        h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_TRANSFER_ENCODING, NULL, H2O_STRLIT("chunked"));
    else
        req->http1_is_persistent = 0; /* HTTP/1.0: the end of the connection ends the body */
    request->generator.proceed = on_proceed;
    h2o_start_response(req, &request->generator);
    if (head) {
        x->gone = true;
        if (x->on_gone)
            x->on_gone(x);
        request->stage = STAGE_SENT;
        h2o_send(req, NULL, 0, H2O_SEND_STATE_FINAL);
        return;
    }
    request->stage = STAGE_STREAMING;
    pull(request, true);
}

/* ---- bodies in parts ---- */

static size_t total_of(const hub_reply_t *reply)
{
    size_t len = reply->body.len;
    for (uint32_t i = 0; i < reply->part_count; i++)
        len += reply->parts[i].len;
    return len;
}

/* Will the socket take all of it at once? Then the parts may go out from where they lie. */
static bool takes_all(const hub_http__request_t *request, size_t len)
{
    h2o_socket_t *sock = request->conn->sock;
    int fd = sock->ssl ? -1 : h2o_socket_get_fd(sock), queued = 0, room = 0;
    socklen_t size = sizeof room;
    return fd >= 0 && !getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, &size) && !ioctl(fd, SIOCOUTQ, &queued) &&
           (size_t)queued + len + len / 4 + SOCKET_SPARE < (size_t)room; /* the kernel counts its own overhead too */
}

static h2o_iovec_t *vectors_of(hub_pool_t *pool, const hub_reply_t *reply)
{
    h2o_iovec_t *out = hub_pool_alloc(pool, reply->part_count * sizeof *out);
    for (uint32_t i = 0; i < reply->part_count; i++)
        out[i] = h2o_iovec_init(reply->parts[i].ptr, reply->parts[i].len);
    return out;
}

static void send_parts(hub_http__request_t *request, size_t len)
{
    hub_exchange_t *x = &request->x;
    if (takes_all(request, len)) {
        h2o_send(request->req, vectors_of(x->pool, &x->reply), x->reply.part_count, H2O_SEND_STATE_FINAL);
        return; /* the view is closed when h2o drops the request: all is sent by then, mostly in this very turn of the loop */
    }
    hub_slice_t joined = hub_pool_join(x->pool, x->reply.parts, x->reply.part_count);
    hub_exchange_sent(x);
    h2o_iovec_t body = h2o_iovec_init(joined.ptr, joined.len);
    h2o_send(request->req, &body, 1, H2O_SEND_STATE_FINAL);
}

void hub_http__reply(hub_http__request_t *request)
{
    h2o_req_t *req = request->req;
    hub_exchange_t *x = &request->x;
    const hub_reply_t *reply = &x->reply;
    bool head = x->method == HUB_HEAD;
    req->res.status = reply->status;
    req->res.reason = hub_http__reason(reply->status);
    for (uint32_t i = 0; i < reply->header_count; i++)
        add_header(req, reply->headers[i].name, reply->headers[i].value);
    if (request->conn->worker->draining)
        req->http1_is_persistent = 0;
    if (reply->more) {
        start_stream(request, head);
        return;
    }
    bool bodiless = reply->status == 204 || reply->status == 304;
    size_t len = total_of(reply);
    req->res.content_length = bodiless ? SIZE_MAX : len;
    request->stage = STAGE_SENT;
    h2o_start_response(req, &request->generator);
    if (reply->part_count && !head && !bodiless) {
        send_parts(request, len);
        return;
    }
    h2o_iovec_t body = h2o_iovec_init(reply->body.ptr, reply->body.len);
    h2o_send(req, &body, head || bodiless || !body.len ? 0 : 1, H2O_SEND_STATE_FINAL);
}
