/* A server on a loopback socket with a small core of its own, and a client: for the unit tests of http. Included once a program. */
#ifndef SUPPORT_HTTP_LOOPBACK_H
#define SUPPORT_HTTP_LOOPBACK_H

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

#include "hub/http.h"

#define BODY_LIMIT 65536u
#define REQUEST_MS 400u

/* ---- a core of our own: defines what http links against ---- */

const char *const hub_header_names[HUB_HEADER_COUNT] = {"authorization",
                                                        "x-api-key",
                                                        "x-platform-id",
                                                        "content-type",
                                                        "accept",
                                                        "if-match",
                                                        "if-none-match",
                                                        "prefer",
                                                        "idempotency-key",
                                                        "last-event-id",
                                                        "x-request-id",
                                                        "x-correlation-id",
                                                        "ocpi-to-party-id",
                                                        "ocpi-to-country-code",
                                                        "ocpi-from-party-id",
                                                        "ocpi-from-country-code",
                                                        "content-encoding"};

static struct {
    hub_http_t *http;
    pthread_t thread;
    uv_loop_t loop;
    uv_async_t stop;
    hub_http_worker_t *worker;
    hub_exchange_t *parked; /* /wait and /events */
    int gone, streamed;
    _Atomic int held; /* replies in parts that may still be read */
    pthread_barrier_t ready;
    bool clean;
} server;

size_t hub_core_body_limit(const hub_core_t *core, hub_method_t method, hub_slice_t path)
{
    (void)core;
    return method == HUB_POST && hub_slice_eq_str(path, "/bulk") ? 64u << 20 : BODY_LIMIT;
}

/* Everybody is, but who says that he is not. */
bool hub_exchange_known(hub_exchange_t *x)
{
    return !hub_slice_eq_str(x->header[HUB_HEADER_API_KEY], "stranger");
}

static void on_timer_closed(uv_handle_t *timer)
{
    free(timer);
}

static void answer_later(uv_timer_t *timer)
{
    hub_exchange_t *x = timer->data;
    x->reply.status = 200;
    x->reply.body = hub_pool_printf(x->pool, "waited %zu", x->body.len);
    x->done(x);
    uv_close((uv_handle_t *)timer, on_timer_closed);
}

static bool numbers(hub_exchange_t *x, hub_buf_t *out)
{
    (void)x;
    hub_buf_printf(out, "%d\n", server.streamed);
    return ++server.streamed < 20000;
}

static bool forever(hub_exchange_t *x, hub_buf_t *out)
{
    if (server.streamed++ == 0)
        hub_buf_add_str(out, "first\n");
    server.parked = x;
    return true;
}

static void on_gone(hub_exchange_t *x)
{
    (void)x;
    server.gone++;
}

static void stream(hub_exchange_t *x, bool (*more)(hub_exchange_t *, hub_buf_t *))
{
    server.streamed = 0;
    x->reply.more = more;
    x->on_gone = on_gone;
}

void hub_exchange_sent(hub_exchange_t *x)
{
    if (x->state)
        server.held--;
    x->state = NULL;
}

/* /parts?N: "(" + N bytes + ")" in three parts. */
static void answer_in_parts(hub_exchange_t *x)
{
    uint64_t len = 0;
    hub_slice_u64(x->query, &len);
    hub_slice_t *parts = hub_pool_alloc(x->pool, 3 * sizeof *parts);
    char *middle = hub_pool_alloc(x->pool, len);
    memset(middle, '-', len);
    parts[0] = HUB_SLICE_LIT("(");
    parts[1] = hub_slice(middle, len);
    parts[2] = HUB_SLICE_LIT(")");
    x->reply.parts = parts;
    x->reply.part_count = 3;
    x->state = (struct hub_exchange_state *)parts; /* only: not NULL */
    server.held++;
}

void hub_exchange_run(hub_exchange_t *x)
{
    x->reply.status = 200;
    x->reply.headers[x->reply.header_count++] = (hub_header_t){HUB_SLICE_LIT("x-request-id"), HUB_SLICE_LIT("r-1")};
    if (hub_slice_eq_str(x->path, "/wait")) {
        uv_timer_t *timer = malloc(sizeof *timer);
        uv_timer_init(&server.loop, timer);
        timer->data = x;
        uv_timer_start(timer, answer_later, 100, 0);
        return;
    }
    if (hub_slice_eq_str(x->path, "/numbers")) {
        stream(x, numbers);
    } else if (hub_slice_eq_str(x->path, "/events")) {
        stream(x, forever);
    } else if (hub_slice_eq_str(x->path, "/big")) {
        x->reply.body = hub_slice(hub_pool_zalloc(x->pool, 64u << 20), 64u << 20);
    } else if (hub_slice_eq_str(x->path, "/parts")) {
        answer_in_parts(x);
    } else if (hub_slice_eq_str(x->path, "/nothing")) {
        x->reply.status = 204;
    } else {
        x->reply.body = hub_pool_printf(x->pool, "%s %.*s?%.*s %zu key=%.*s", hub_method_name(x->method), HUB_SLICE_FMT(x->path),
                                        HUB_SLICE_FMT(x->query), x->body.len, HUB_SLICE_FMT(x->header[HUB_HEADER_API_KEY]));
    }
    x->done(x);
}

static void drain_tick(uv_timer_t *timer)
{
    static int ticks;
    if (!hub_http_worker_idle(server.worker) && ++ticks < 300)
        return;
    ticks = 0;
    server.clean = hub_http_worker_idle(server.worker);
    uv_close((uv_handle_t *)timer, on_timer_closed);
    uv_stop(&server.loop);
}

static void on_stop(uv_async_t *async)
{
    hub_http_worker_drain(server.worker);
    uv_timer_t *timer = malloc(sizeof *timer);
    uv_timer_init(&server.loop, timer);
    uv_timer_start(timer, drain_tick, 10, 10);
    uv_close((uv_handle_t *)async, NULL);
}

static void *serve(void *arg)
{
    (void)arg;
    uv_loop_init(&server.loop);
    uv_async_init(&server.loop, &server.stop, on_stop);
    server.worker = hub_http_worker_create(server.http, 0, &server.loop, NULL);
    pthread_barrier_wait(&server.ready);
    uv_run(&server.loop, UV_RUN_DEFAULT);
    hub_http_worker_abort(server.worker);
    for (int i = 0; i < 100 && !hub_http_worker_idle(server.worker); i++)
        uv_run(&server.loop, UV_RUN_NOWAIT);
    hub_http_worker_destroy(server.worker);
    for (int i = 0; i < 100 && uv_loop_close(&server.loop) == UV_EBUSY; i++)
        uv_run(&server.loop, UV_RUN_NOWAIT);
    return NULL;
}

__attribute__((unused)) static int setup(void **state)
{
    (void)state;
    hub_log_set(2, HUB_ERROR);
    const hub_http_config_t config = {.listen = "127.0.0.1:0",
                                      .workers = 1,
                                      .spill = "/tmp",
                                      .bulk_limit = 64u << 20,
                                      .idle_ms = 1500,
                                      .request_ms = REQUEST_MS,
                                      .send_ms = 700,
                                      .connection_limit = 60};
    char why[256] = "";
    if (hub_http_create(&config, &server.http, why) != HUB_EOK) {
        fprintf(stderr, "%s\n", why);
        return -1;
    }
    pthread_barrier_init(&server.ready, NULL, 2);
    server.gone = 0;
    server.held = 0;
    pthread_create(&server.thread, NULL, serve, NULL);
    pthread_barrier_wait(&server.ready);
    return 0;
}

__attribute__((unused)) static int teardown(void **state)
{
    (void)state;
    uv_async_send(&server.stop);
    pthread_join(server.thread, NULL);
    pthread_barrier_destroy(&server.ready);
    hub_http_destroy(server.http);
    return server.clean ? 0 : -1;
}

/* ---- a client ---- */

__attribute__((unused)) static int dial(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)hub_http_port(server.http))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

__attribute__((unused)) static void put(int fd, const char *text)
{
    size_t len = strlen(text);
    assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

static char answer[1 << 20];

/* Reads until `end` has been seen (NULL: until the server closes), at most `ms` without a byte. Gives what came; *closed: the server did.
 */
__attribute__((unused)) static const char *get(int fd, const char *end, int ms, bool *closed)
{
    size_t len = 0;
    *closed = false;
    answer[0] = '\0';
    while (len < sizeof answer - 1) {
        struct pollfd poller = {.fd = fd, .events = POLLIN};
        if (poll(&poller, 1, ms) <= 0)
            break;
        ssize_t n = recv(fd, answer + len, sizeof answer - 1 - len, 0);
        if (n <= 0) {
            *closed = true;
            break;
        }
        len += (size_t)n;
        answer[len] = '\0';
        if (end && strstr(answer, end))
            break;
    }
    return answer;
}

__attribute__((unused)) static const char *once(const char *request, bool *closed)
{
    int fd = dial();
    put(fd, request);
    get(fd, NULL, 300, closed);
    close(fd);
    return answer;
}

__attribute__((unused)) static unsigned count(const char *text, const char *what)
{
    unsigned n = 0;
    for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
        n++;
    return n;
}

__attribute__((unused)) static void assert_refused(const char *request, const char *status)
{
    bool closed;
    once(request, &closed);
    if (strncmp(answer, status, strlen(status)) != 0 || !closed)
        fail_msg("expected %s and a closed connection (closed %d), got\n%s\nfor\n%s", status, closed, answer, request);
    assert_non_null(strstr(answer, "X-Request-ID: "));
    assert_non_null(strstr(answer, "Connection: close\r\n"));
}

#define HOST "Host: h\r\n"

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
