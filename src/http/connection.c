/* Connections: accept, TLS handshake, the judge before h2o, timeouts, close.
 *
 * h2o reads through sock->_cb.read. Our own callback stands there before h2o's: it judges the header block, measures the body and lets h2o
 * see exactly one request at a time; what follows is stashed and fed when that one is answered. h2o sets its callback anew for
 * every request, without a way to hear of it, so a prepare handle, which runs before the loop polls, puts ours back. */
#include "room.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINGER_MS 2000u
#define FULL_TELL_MS 10000
#define DRAIN_GRACE_MS 500u
#define LINGER_BYTES ((size_t)64 << 20)
#define BODY_BYTES_PER_MS 16u
#define STRANGER_LIMIT ((size_t)64 << 10) /* of the body of a request without a credential that somebody holds */

static const char closed[] = "closed by the server";

static void on_read(h2o_socket_t *sock, const char *err);

static void set_phase(hub_http__conn_t *conn, hub_http__phase_t phase)
{
    conn->phase = phase;
    conn->since = uv_now(conn->worker->loop);
}

static void wake(hub_http__conn_t *conn)
{
    if (conn->waking)
        return;
    conn->waking = true;
    conn->wake_next = conn->worker->wake;
    conn->worker->wake = conn;
}

static void unwake(hub_http__conn_t *conn)
{
    hub_http__conn_t **at = &conn->worker->wake;
    while (*at && *at != conn)
        at = &(*at)->wake_next;
    if (*at)
        *at = conn->wake_next;
    conn->waking = false;
}

/* The socket is going: runs when h2o or we have closed it. */
static void on_socket_close(void *arg)
{
    hub_http__conn_t *conn = arg;
    if (conn->waking)
        unwake(conn);
    *conn->link = conn->next;
    if (conn->next)
        conn->next->link = conn->link;
    hub_http__count(&conn->worker->stats.open, -1);
    hub_buf_finish(&conn->stash);
    hub_buf_finish(&conn->refusal);
    free(conn);
}

hub_http__conn_t *hub_http__conn_of(h2o_req_t *req)
{
    return req->conn->callbacks->get_socket(req->conn)->on_close.data;
}

void hub_http__conn_close(hub_http__conn_t *conn)
{
    hub_http__phase_t phase = conn->phase;
    if (phase == PHASE_CLOSING)
        return;
    conn->phase = PHASE_CLOSING;
    if (phase == PHASE_TLS)
        h2o_socket_close(conn->sock);
    else
        conn->read(conn->sock, closed); /* an error: h2o drops the request and closes */
}

/* ---- refusing ---- */

static void on_discard(h2o_socket_t *sock, const char *err)
{
    hub_http__conn_t *conn = sock->on_close.data;
    conn->discarded += sock->input->size;
    h2o_buffer_consume(&sock->input, sock->input->size);
    if (err || conn->discarded > LINGER_BYTES)
        hub_http__conn_close(conn);
}

static void on_refusal_sent(h2o_socket_t *sock, const char *err)
{
    hub_http__conn_t *conn = sock->on_close.data;
    if (err) {
        hub_http__conn_close(conn);
        return;
    }
    /* Closing with unread bytes would reset the connection and take the answer away from the client: read on for a moment. */
    if (!sock->ssl)
        shutdown(h2o_socket_get_fd(sock), SHUT_WR);
    h2o_socket_read_start(sock, on_discard);
}

static void refuse(hub_http__conn_t *conn, int status, const char *why)
{
    h2o_socket_t *sock = conn->sock;
    char id[HUB_UUID_LEN + 1];
    hub_http__count(&conn->worker->stats.refused, 1);
    if (sock->_cb.write) {
        hub_http__conn_close(conn);
        return;
    }
    hub_http__refusal(&conn->refusal, conn->head.target, status, why, id);
    hub_log(HUB_INFO, "http.refused", HUB_STR("trace_id", id), HUB_INT("http_status", status), HUB_STR("detail", why),
            HUB_STR("remote", conn->remote));
    set_phase(conn, PHASE_REFUSED);
    hub_buf_finish(&conn->stash);
    h2o_socket_read_stop(sock);
    /* The stream of requests is not trusted any more: nothing of it stays. */
    h2o_buffer_consume(&sock->input, sock->input->size);
    h2o_iovec_t out = h2o_iovec_init(conn->refusal.ptr, conn->refusal.len);
    h2o_socket_write(sock, &out, 1, on_refusal_sent);
}

/* ---- the judge ---- */

static hub_slice_t path_of(hub_slice_t target)
{
    const char *query = target.len ? memchr(target.ptr, '?', target.len) : NULL;
    return query ? hub_slice(target.ptr, (size_t)(query - target.ptr)) : target;
}

static void refuse_large(hub_http__conn_t *conn)
{
    refuse(conn, conn->stranger ? 401 : 413, conn->stranger ? "no valid credential was given" : "the body is larger than allowed");
}

/* Bodies are buffered whole, and lie on the disk when they are large: only who is known may send one. */
static bool is_stranger(const hub_http__conn_t *conn)
{
    const hub_wire_head_t *head = &conn->head;
    if (conn->limit <= STRANGER_LIMIT || (!head->chunked && head->content_length <= STRANGER_LIMIT))
        return false;
    hub_pool_t *pool = hub_pool_create();
    hub_exchange_t x = {.pool = pool,
                        .worker = conn->worker->core,
                        .method = hub_method_parse(head->method),
                        .path = path_of(head->target),
                        .remote = hub_slice_str(conn->remote)};
    x.header[HUB_HEADER_API_KEY] = head->api_key;
    x.header[HUB_HEADER_AUTHORIZATION] = head->authorization;
    bool known = hub_exchange_known(&x);
    hub_pool_destroy(pool);
    return !known;
}

/* How many of `bytes` belong to the request. PHASE_HEAD: bytes are the request from its first byte; PHASE_BODY: what is new.
 * `body` counts what came before. False: refused, conn may be gone. */
static bool measure_body(hub_http__conn_t *conn, hub_slice_t bytes, uint64_t before, size_t *mine)
{
    if (!conn->head.chunked) {
        uint64_t left = conn->head.content_length - before;
        *mine = left < bytes.len ? (size_t)left : bytes.len;
        return true;
    }
    if (hub_wire_chunks_feed(&conn->chunks, bytes, mine) == HUB_WIRE_BAD) {
        refuse(conn, 400, "the chunked body is malformed");
        return false;
    }
    if (conn->chunks.total > conn->limit) {
        refuse_large(conn);
        return false;
    }
    return true;
}

static bool measure_head(hub_http__conn_t *conn, hub_slice_t bytes, size_t *mine)
{
    hub_wire_head_t *head = &conn->head;
    switch (hub_wire_examine(bytes, head)) {
    case HUB_WIRE_MORE:
        if (conn->phase == PHASE_IDLE)
            set_phase(conn, PHASE_HEAD);
        *mine = bytes.len;
        return true;
    case HUB_WIRE_BAD:
        refuse(conn, head->status, head->why);
        return false;
    case HUB_WIRE_GOOD:
        break;
    }
    conn->chunks = (hub_wire_chunks_t){0};
    if (head->chunked || head->content_length) {
        conn->limit = hub_core_body_limit(conn->worker->http->config.core, hub_method_parse(head->method), path_of(head->target));
        conn->stranger = head->content_length <= conn->limit && is_stranger(conn);
        if (conn->stranger)
            conn->limit = STRANGER_LIMIT;
        if (head->content_length > conn->limit) {
            refuse_large(conn);
            return false;
        }
    }
    set_phase(conn, PHASE_BODY);
    if (!measure_body(conn, hub_slice(bytes.ptr + head->len, bytes.len - head->len), 0, mine))
        return false;
    *mine += head->len;
    return true;
}

/* h2o sees what it may see. conn may be gone afterwards. */
static void pass_on(hub_http__conn_t *conn)
{
    if (conn->phase != PHASE_BODY)
        return; /* the header block is not complete */
    if (conn->head.expects)
        wake(conn); /* h2o sends 100 Continue and sets its callback anew */
    conn->read(conn->sock, NULL);
}

static void on_read(h2o_socket_t *sock, const char *err)
{
    hub_http__conn_t *conn = sock->on_close.data;
    if (err) {
        hub_http__conn_close(conn);
        return;
    }
    h2o_buffer_t *input = sock->input;
    size_t fresh = sock->bytes_read, mine = 0;
    if (fresh == 0)
        return;
    bool in_body = conn->phase == PHASE_BODY;
    size_t from = in_body ? input->size - fresh : 0;
    hub_slice_t bytes = hub_slice(input->bytes + from, input->size - from);
    if (!(in_body ? measure_body(conn, bytes, from - conn->head.len, &mine) : measure_head(conn, bytes, &mine)))
        return;
    if (mine < bytes.len) {
        hub_buf_add(&conn->stash, hub_slice(bytes.ptr + mine, bytes.len - mine));
        conn->stash_from = 0;
        input->size = from + mine;
        sock->bytes_read = mine - (in_body ? 0 : bytes.len - fresh);
    }
    pass_on(conn);
}

/* The next request out of the stash. h2o's input is empty: it got exactly the request before. */
static void feed(hub_http__conn_t *conn)
{
    hub_slice_t bytes = hub_slice(conn->stash.ptr + conn->stash_from, conn->stash.len - conn->stash_from);
    size_t mine = 0;
    if (!measure_head(conn, bytes, &mine))
        return;
    h2o_iovec_t room = h2o_buffer_reserve(&conn->sock->input, mine);
    if (!room.base) {
        hub_http__conn_close(conn);
        return;
    }
    memcpy(room.base, bytes.ptr, mine);
    conn->sock->input->size += mine;
    conn->sock->bytes_read = mine;
    conn->stash_from += mine;
    if (conn->stash_from == conn->stash.len)
        hub_buf_finish(&conn->stash);
    pass_on(conn);
}

void hub_http__on_prepare(uv_prepare_t *prepare)
{
    hub_http_worker_t *worker = prepare->data;
    hub_http__conn_t *list = worker->wake, *again = NULL;
    worker->wake = NULL;
    while (list) {
        hub_http__conn_t *conn = list;
        list = conn->wake_next;
        conn->waking = false;
        if (conn->phase > PHASE_BODY)
            continue;
        if (!conn->sock->_cb.read) { /* 100 Continue is being sent */
            conn->waking = true;
            conn->wake_next = again;
            again = conn;
            continue;
        }
        conn->sock->_cb.read = on_read;
        if (conn->stash.len && conn->phase == PHASE_IDLE)
            feed(conn); /* may end conn, never another one */
    }
    while (again) { /* what fed connections added stays */
        hub_http__conn_t *conn = again;
        again = conn->wake_next;
        conn->wake_next = worker->wake;
        worker->wake = conn;
    }
}

void hub_http__conn_request_ended(hub_http__conn_t *conn, bool closing)
{
    set_phase(conn, closing ? PHASE_CLOSING : PHASE_IDLE);
    if (!closing)
        wake(conn);
}

/* ---- timeouts ---- */

static void sweep_one(hub_http__conn_t *conn, const hub_http_config_t *config, uint64_t now)
{
    uint64_t age = now - conn->since;
    bool ours = conn->sock->_cb.read == on_read;
    switch (conn->phase) {
    case PHASE_TLS:
        if (age > (conn->worker->draining ? DRAIN_GRACE_MS : config->request_ms))
            hub_http__conn_close(conn);
        break;
    case PHASE_IDLE:
        if (ours && (age > config->idle_ms || (conn->worker->draining && age > DRAIN_GRACE_MS)))
            hub_http__conn_close(conn);
        break;
    case PHASE_HEAD:
        if (ours && age > config->request_ms) {
            hub_http__count(&conn->worker->stats.timeouts, 1);
            refuse(conn, 408, "the request did not arrive in time");
        }
        break;
    case PHASE_BODY:
        if (ours && age > config->request_ms + conn->sock->input->size / BODY_BYTES_PER_MS) {
            hub_http__count(&conn->worker->stats.timeouts, 1);
            refuse(conn, 408, "the request did not arrive in time");
        }
        break;
    case PHASE_REFUSED:
        if (age > LINGER_MS && !conn->sock->_cb.write)
            hub_http__conn_close(conn);
        break;
    case PHASE_BUSY:
    case PHASE_CLOSING:
        break;
    }
}

void hub_http__on_sweep(uv_timer_t *timer)
{
    hub_http_worker_t *worker = timer->data;
    uint64_t now = uv_now(worker->loop);
    for (hub_http__conn_t *conn = worker->conns, *next; conn; conn = next) {
        next = conn->next;
        sweep_one(conn, &worker->http->config, now);
    }
}

/* ---- accept ---- */

static void start_http(hub_http__conn_t *conn)
{
    h2o_socket_t *sock = conn->sock;
    /* TLS may have brought the first request with the end of its handshake. */
    if (sock->input->size) {
        hub_buf_add(&conn->stash, hub_slice(sock->input->bytes, sock->input->size));
        h2o_buffer_consume(&sock->input, sock->input->size);
    }
    set_phase(conn, PHASE_IDLE);
    struct timeval now;
    gettimeofday(&now, NULL);
    h2o_http1_accept(&conn->worker->accept, sock, now);
    conn->read = sock->_cb.read;
    sock->_cb.read = on_read;
    if (conn->stash.len)
        wake(conn);
}

static void on_handshake(h2o_socket_t *sock, const char *err)
{
    hub_http__conn_t *conn = sock->on_close.data;
    if (err)
        hub_http__conn_close(conn);
    else
        start_http(conn);
}

static void remember_remote(hub_http__conn_t *conn, const uv_tcp_t *tcp)
{
    struct sockaddr_storage address;
    int len = sizeof address;
    if (uv_tcp_getpeername(tcp, (struct sockaddr *)&address, &len) != 0)
        return;
    const void *bytes = address.ss_family == AF_INET6 ? (const void *)&((struct sockaddr_in6 *)&address)->sin6_addr
                                                      : (const void *)&((struct sockaddr_in *)&address)->sin_addr;
    inet_ntop(address.ss_family, bytes, conn->remote, sizeof conn->remote);
}

static void set_options(uv_tcp_t *tcp, unsigned send_ms)
{
    int fd;
    uv_tcp_nodelay(tcp, 1);
    /* Nothing else ends a client that takes nothing of our answer. */
    if (uv_fileno((uv_handle_t *)tcp, &fd) == 0)
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &send_ms, sizeof send_ms);
}

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

static uv_tcp_t *tcp_create(hub_http_worker_t *worker)
{
    uv_tcp_t *tcp = malloc(sizeof *tcp);
    HUB_ASSERT(tcp);
    uv_tcp_init(worker->loop, tcp);
    return tcp;
}

/* Takes over an accepted socket. */
static void adopt(hub_http_worker_t *worker, uv_tcp_t *tcp)
{
    if (worker->stats.open >= worker->limit) {
        if (uv_now(worker->loop) >= worker->full_told) {
            worker->full_told = uv_now(worker->loop) + FULL_TELL_MS;
            hub_log(HUB_WARN, "connections.full", HUB_INT("limit", worker->limit), HUB_STR("hint", "new clients are turned away"));
        }
        uv_close((uv_handle_t *)tcp, free_handle);
        return;
    }
    hub_http__conn_t *conn = calloc(1, sizeof *conn);
    HUB_ASSERT(conn);
    conn->worker = worker;
    conn->next = worker->conns;
    conn->link = &worker->conns;
    if (conn->next)
        conn->next->link = &conn->next;
    worker->conns = conn;
    hub_http__count(&worker->stats.open, 1);
    hub_http__count(&worker->stats.accepted, 1);
    remember_remote(conn, tcp);
    set_options(tcp, worker->http->config.send_ms);
    conn->sock = h2o_uv_socket_create((uv_stream_t *)tcp, free_handle);
    conn->sock->on_close.cb = on_socket_close;
    conn->sock->on_close.data = conn;
    if (worker->http->tls) {
        set_phase(conn, PHASE_TLS);
        h2o_socket_ssl_handshake(conn->sock, worker->http->tls, NULL, on_handshake);
    } else {
        start_http(conn);
    }
}

void hub_http__on_connection(uv_stream_t *listener, int status)
{
    hub_http_worker_t *worker = listener->data;
    if (status != 0)
        return;
    uv_tcp_t *tcp = tcp_create(worker);
    if (uv_accept(listener, (uv_stream_t *)tcp) == 0)
        adopt(worker, tcp);
    else
        uv_close((uv_handle_t *)tcp, free_handle);
}

void hub_http__accept_rest(hub_http_worker_t *worker)
{
    int listener, fd;
    if (uv_fileno((uv_handle_t *)worker->listener, &listener) != 0)
        return;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        uv_tcp_t *tcp = tcp_create(worker);
        if (uv_tcp_open(tcp, fd) == 0) {
            adopt(worker, tcp);
        } else {
            close(fd);
            uv_close((uv_handle_t *)tcp, free_handle);
        }
    }
}

bool hub_http__conn_has_input(const hub_http__conn_t *conn)
{
    int waiting = 0;
    return conn->stash.len || (ioctl(h2o_socket_get_fd(conn->sock), FIONREAD, &waiting) == 0 && waiting > 0);
}
