/* The server: sockets and configuration of the process, start and end of each worker's part. */
#include "room.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BULK_LIMIT ((size_t)512 << 20)
#define SPILL_FROM ((size_t)1 << 20)
#define BACKLOG 1024
#define SWEEP_MS 1000u
#define NEVER_MS ((uint64_t)1 << 40) /* h2o's own timers: ours know more (connection.c) */

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
/* h2o keeps a few buffers a thread for reuse and never gives them back. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:h2o_mem_alloc_recycle\n";
}
#endif

/* ---- sockets ---- */

/* "HOST:PORT", "[::1]:PORT", ":PORT". */
static bool split_listen(const char *listen, char host[256], char port[8])
{
    const char *colon = strrchr(listen, ':');
    if (!colon || colon[1] == '\0' || strlen(colon + 1) > 5 || strspn(colon + 1, "0123456789") != strlen(colon + 1) ||
        atoi(colon + 1) > 65535)
        return false;
    size_t len = (size_t)(colon - listen);
    if (len >= 2 && listen[0] == '[' && colon[-1] == ']') {
        listen++;
        len -= 2;
    } else if (memchr(listen, ':', len)) {
        return false;
    }
    if (len > 255)
        return false;
    memcpy(host, listen, len);
    host[len] = '\0';
    snprintf(port, 8, "%s", colon + 1);
    return true;
}

static int bind_one(const struct addrinfo *address, bool shared)
{
    int on = 1, fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if ((!shared || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0) && bind(fd, address->ai_addr, address->ai_addrlen) == 0)
        return fd;
    int kept = errno;
    close(fd);
    errno = kept;
    return -1;
}

static in_port_t *port_of(struct sockaddr *address)
{
    return address->sa_family == AF_INET6 ? &((struct sockaddr_in6 *)address)->sin6_port : &((struct sockaddr_in *)address)->sin_port;
}

/* The port lies at the same place in both families. */
static in_port_t bound_port(int fd)
{
    struct sockaddr_in6 bound = {0};
    socklen_t len = sizeof bound;
    return getsockname(fd, (struct sockaddr *)&bound, &len) == 0 ? bound.sin6_port : 0;
}

/* With SO_REUSEPORT two servers would take the port together, and share the connections: one that does not share finds out. */
static bool is_free(const struct addrinfo *address)
{
    int fd = bind_one(address, false);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static bool bind_all(hub_http_t *http, struct addrinfo *address, char why[256])
{
    for (unsigned i = 0; i < http->config.workers; i++) {
        http->sockets[i] = i || is_free(address) ? bind_one(address, true) : -1;
        if (http->sockets[i] < 0) {
            snprintf(why, 256, "cannot listen on %.150s: %s", http->config.listen, strerror(errno));
            return false;
        }
        /* Port 0: the first socket finds one, the others share it. */
        if (i == 0)
            *port_of(address->ai_addr) = bound_port(http->sockets[0]);
    }
    http->port = ntohs(*port_of(address->ai_addr));
    return true;
}

bool hub_http_listen_ok(const char *listen)
{
    char host[256], port[8];
    return split_listen(listen, host, port);
}

static bool open_sockets(hub_http_t *http, char why[256])
{
    char host[256], port[8];
    if (!split_listen(http->config.listen, host, port)) {
        snprintf(why, 256, "%.150s is not HOST:PORT", http->config.listen);
        return false;
    }
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int failed = getaddrinfo(host[0] ? host : NULL, port, &hints, &found);
    if (failed) {
        snprintf(why, 256, "cannot resolve %.150s: %s", host, gai_strerror(failed));
        return false;
    }
    bool ok = bind_all(http, found, why);
    freeaddrinfo(found);
    return ok;
}

/* ---- process ---- */

static void set_defaults(hub_http_config_t *config)
{
    if (!config->bulk_limit)
        config->bulk_limit = BULK_LIMIT;
    if (!config->connection_limit)
        config->connection_limit = 16384;
    if (!config->idle_ms)
        config->idle_ms = 75000;
    if (!config->request_ms)
        config->request_ms = 20000;
    if (!config->send_ms)
        config->send_ms = 30000;
}

/* h2o's answers of its own (none is known to be reachable past the judge) carry the common header too. */
static void on_stray_answer(h2o_filter_t *filter, h2o_req_t *req, h2o_ostream_t **slot)
{
    (void)filter;
    char id[HUB_UUID_LEN + 1];
    hub_uuid(id);
    h2o_iovec_t kept = h2o_strdup(&req->pool, id, HUB_UUID_LEN);
    h2o_add_header_by_str(&req->pool, &req->res.headers, H2O_STRLIT("x-request-id"), 0, NULL, kept.base, kept.len);
    h2o_setup_next_ostream(req, slot);
}

static void configure(hub_http_t *http)
{
    h2o_globalconf_t *global = &http->global;
    h2o_config_init(global);
    global->server_name = h2o_iovec_init(H2O_STRLIT("ocpi-hub"));
    /* HTTP/2 stays off: the packaged h2o has no answer to rapid resets (CVE-2023-44487). */
    global->http1.upgrade_to_http2 = 0;
    global->http1.req_timeout = NEVER_MS;
    /* Each route's own limit is kept before h2o reads; this one only must not come first. */
    global->max_request_entity_size = http->config.bulk_limit + ((size_t)1 << 20);
    if (http->config.spill) {
        h2o_socket_buffer_mmap_settings.threshold = SPILL_FROM;
        snprintf(h2o_socket_buffer_mmap_settings.fn_template, sizeof h2o_socket_buffer_mmap_settings.fn_template, "%s/body-XXXXXX",
                 http->config.spill);
    }
    h2o_hostconf_t *host = h2o_config_register_host(global, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *root = h2o_config_register_path(host, "/", 0);
    h2o_create_handler(root, sizeof(h2o_handler_t))->on_req = hub_http__on_request;
    h2o_create_logger(root, sizeof(h2o_logger_t))->log_access = hub_http__on_request_end;
    h2o_create_filter(&host->fallback_path, sizeof(h2o_filter_t))->on_setup_ostream = on_stray_answer;
}

hub_err_t hub_http_create(const hub_http_config_t *config, hub_http_t **out, char why[256])
{
    hub_http_t *http = calloc(1, sizeof *http);
    HUB_ASSERT(http && config->workers > 0);
    http->config = *config;
    set_defaults(&http->config);
    http->sockets = malloc(config->workers * sizeof *http->sockets);
    HUB_ASSERT(http->sockets);
    for (unsigned i = 0; i < config->workers; i++)
        http->sockets[i] = -1;
    configure(http);
    hub_err_t err = HUB_EOK;
    if (config->tls_cert)
        err = hub_http__tls_create(config->tls_cert, config->tls_key, &http->tls, why);
    if (!err && !open_sockets(http, why))
        err = HUB_EINVALID;
    if (err) {
        hub_http_destroy(http);
        return err;
    }
    *out = http;
    return HUB_EOK;
}

unsigned hub_http_port(const hub_http_t *http)
{
    return http->port;
}

void hub_http_destroy(hub_http_t *http)
{
    if (!http)
        return;
    for (unsigned i = 0; i < http->config.workers; i++)
        if (http->sockets[i] >= 0)
            close(http->sockets[i]);
    free(http->sockets);
    SSL_CTX_free(http->tls);
    h2o_config_dispose(&http->global);
    free(http);
}

/* ---- worker ---- */

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

static void *handle(size_t size)
{
    void *p = calloc(1, size);
    HUB_ASSERT(p);
    return p;
}

hub_http_worker_t *hub_http_worker_create(hub_http_t *http, unsigned index, struct uv_loop_s *loop, hub_worker_t *core)
{
    hub_http_worker_t *worker = calloc(1, sizeof *worker);
    HUB_ASSERT(worker && index < http->config.workers && http->sockets[index] >= 0);
    worker->http = http;
    worker->core = core;
    worker->loop = loop;
    worker->limit = (http->config.connection_limit + http->config.workers - 1) / http->config.workers;
    h2o_context_init(&worker->context, loop, &http->global);
    worker->accept.ctx = &worker->context;
    worker->accept.hosts = http->global.hosts;
    worker->prepare = handle(sizeof *worker->prepare);
    uv_prepare_init(loop, worker->prepare);
    worker->prepare->data = worker;
    uv_prepare_start(worker->prepare, hub_http__on_prepare);
    worker->sweep = handle(sizeof *worker->sweep);
    uv_timer_init(loop, worker->sweep);
    worker->sweep->data = worker;
    uint64_t every = http->config.request_ms / 4 < SWEEP_MS ? http->config.request_ms / 4 + 1 : SWEEP_MS;
    uv_timer_start(worker->sweep, hub_http__on_sweep, every, every);
    worker->listener = handle(sizeof *worker->listener);
    uv_tcp_init(loop, worker->listener);
    worker->listener->data = worker;
    int failed = uv_tcp_open(worker->listener, http->sockets[index]);
    HUB_ASSERT(failed == 0);
    http->sockets[index] = -1;
    failed = uv_listen((uv_stream_t *)worker->listener, BACKLOG, hub_http__on_connection);
    if (failed)
        hub_log(HUB_ERROR, "http.listen_failed", HUB_STR("detail", uv_strerror(failed)));
    return worker;
}

void hub_http_worker_drain(hub_http_worker_t *worker)
{
    if (worker->draining)
        return;
    worker->draining = true;
    /* Set directly: h2o_context_request_shutdown starts timers of HTTP/2 that make an early dispose abort. */
    worker->context.shutdown_requested = 1;
    for (hub_http__conn_t *conn = worker->conns, *next; conn; conn = next) {
        next = conn->next;
        if (conn->phase == PHASE_IDLE && !hub_http__conn_has_input(conn))
            hub_http__conn_close(conn);
        else if (conn->phase == PHASE_IDLE)
            conn->since = uv_now(worker->loop);
        else if (conn->phase == PHASE_BUSY && conn->request)
            hub_http__reply_end_stream(conn->request);
    }
    /* Who has connected already is still answered (the sweep ends those that stay silent). */
    hub_http__accept_rest(worker);
    uv_close((uv_handle_t *)worker->listener, free_handle);
    worker->listener = NULL;
}

bool hub_http_worker_idle(const hub_http_worker_t *worker)
{
    return worker->stats.open == 0;
}

void hub_http_worker_abort(hub_http_worker_t *worker)
{
    for (hub_http__conn_t *conn = worker->conns, *next; conn; conn = next) {
        next = conn->next;
        if (conn->phase != PHASE_BUSY || !conn->request || conn->request->stage != STAGE_WAITING)
            hub_http__conn_close(conn);
    }
}

void hub_http_worker_destroy(hub_http_worker_t *worker)
{
    if (!worker)
        return;
    HUB_ASSERT(worker->stats.open == 0);
    if (worker->listener)
        uv_close((uv_handle_t *)worker->listener, free_handle);
    uv_close((uv_handle_t *)worker->prepare, free_handle);
    uv_close((uv_handle_t *)worker->sweep, free_handle);
    while (worker->spare) {
        hub_http__request_t *request = worker->spare;
        worker->spare = request->next;
        hub_http__request_free(request);
    }
    h2o_context_dispose(&worker->context);
    free(worker);
}

void hub_http_worker_stats(const hub_http_worker_t *worker, hub_http_stats_t *out)
{
    out->accepted = atomic_load_explicit(&worker->stats.accepted, memory_order_relaxed);
    out->refused = atomic_load_explicit(&worker->stats.refused, memory_order_relaxed);
    out->requests = atomic_load_explicit(&worker->stats.requests, memory_order_relaxed);
    out->timeouts = atomic_load_explicit(&worker->stats.timeouts, memory_order_relaxed);
    out->open = atomic_load_explicit(&worker->stats.open, memory_order_relaxed);
}
