/* The server over real loopback sockets; core is replaced by a small one below. */
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
                                                        "ocpi-from-country-code"};

static struct {
    hub_http_t *http;
    pthread_t thread;
    uv_loop_t loop;
    uv_async_t stop;
    hub_http_worker_t *worker;
    hub_exchange_t *parked; /* /wait and /events */
    int gone, streamed;
    pthread_barrier_t ready;
    bool clean;
} server;

size_t hub_core_body_limit(const hub_core_t *core, hub_method_t method, hub_slice_t path)
{
    (void)core;
    return method == HUB_POST && hub_slice_eq_str(path, "/bulk") ? 64u << 20 : BODY_LIMIT;
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

static int setup(void **state)
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
    pthread_create(&server.thread, NULL, serve, NULL);
    pthread_barrier_wait(&server.ready);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    uv_async_send(&server.stop);
    pthread_join(server.thread, NULL);
    pthread_barrier_destroy(&server.ready);
    hub_http_destroy(server.http);
    return server.clean ? 0 : -1;
}

/* ---- a client ---- */

static int dial(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)hub_http_port(server.http))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void put(int fd, const char *text)
{
    size_t len = strlen(text);
    assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

static char answer[1 << 20];

/* Reads until `end` has been seen (NULL: until the server closes), at most `ms` without a byte. Gives what came; *closed: the server did.
 */
static const char *get(int fd, const char *end, int ms, bool *closed)
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

static const char *once(const char *request, bool *closed)
{
    int fd = dial();
    put(fd, request);
    get(fd, NULL, 300, closed);
    close(fd);
    return answer;
}

static unsigned count(const char *text, const char *what)
{
    unsigned n = 0;
    for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
        n++;
    return n;
}

static void assert_refused(const char *request, const char *status)
{
    bool closed;
    once(request, &closed);
    if (strncmp(answer, status, strlen(status)) != 0 || !closed)
        fail_msg("expected %s and a closed connection (closed %d), got\n%s\nfor\n%s", status, closed, answer, request);
    assert_non_null(strstr(answer, "X-Request-ID: "));
    assert_non_null(strstr(answer, "Connection: close\r\n"));
}

#define HOST "Host: h\r\n"

/* ---- tests ---- */

static void a_request_becomes_an_exchange(void **state)
{
    (void)state;
    bool closed;
    once("PUT /a/b?c=d HTTP/1.1\r\n" HOST "X-API-Key: k1\r\nContent-Length: 5\r\n\r\nhello", &closed);
    assert_non_null(strstr(answer, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(answer, "x-request-id: r-1\r\n"));
    assert_non_null(strstr(answer, "PUT /a/b?c=d 5 key=k1"));
    assert_false(closed);
    once("GET http://h.example/x?y HTTP/1.1\r\n" HOST "\r\n", &closed);
    assert_non_null(strstr(answer, "GET /x?y 0 key="));
    once("GET / HTTP/1.0\r\n\r\n", &closed);
    assert_non_null(strstr(answer, "GET /? 0 key="));
    assert_true(closed);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    char text[8192] = "";
    for (int i = 0; i < 50; i++)
        sprintf(text + strlen(text),
                i % 3 ? "GET /p%d HTTP/1.1\r\n" HOST "\r\n" : "POST /p%d HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", i);
    int fd = dial();
    put(fd, text);
    bool closed;
    get(fd, "/p49?", 500, &closed);
    close(fd);
    assert_int_equal(count(answer, "HTTP/1.1 200 OK"), 50);
    const char *at = answer;
    for (int i = 0; i < 50; i++) {
        char want[16];
        sprintf(want, "/p%d?", i);
        at = strstr(at, want);
        assert_non_null(at);
    }
    assert_false(closed);
}

static void pipelined_chunked_bodies_are_kept_apart(void **state)
{
    (void)state;
    int fd = dial();
    bool closed;
    put(fd, "POST /one HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
            "POST /two HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nabcde\r\n1\r\nf\r\n0\r\nT: v\r\n\r\n"
            "GET /three HTTP/1.1\r\n" HOST "\r\n");
    get(fd, "/three?", 500, &closed);
    close(fd);
    assert_non_null(strstr(answer, "POST /one? 3 "));
    assert_non_null(strstr(answer, "POST /two? 6 "));
    assert_non_null(strstr(answer, "GET /three? 0 "));
}

static void a_request_may_come_byte_by_byte(void **state)
{
    (void)state;
    static const char text[] =
        "POST /slow HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n4\r\nwxyz\r\n0\r\n\r\nGET /next HTTP/1.1\r\n" HOST "\r\n";
    int fd = dial();
    bool closed;
    for (const char *p = text; *p; p++) {
        send(fd, p, 1, MSG_NOSIGNAL);
        usleep(200);
    }
    get(fd, "/next?", 500, &closed);
    close(fd);
    assert_non_null(strstr(answer, "POST /slow? 4 "));
    assert_non_null(strstr(answer, "GET /next? 0 "));
}

static void ambiguous_framing_is_refused(void **state)
{
    (void)state;
    assert_refused("POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 400");
    assert_refused("POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 400");
    assert_refused("POST / HTTP/1.1\r\n" HOST "Content-Length: 3, 3\r\n\r\nabc", "HTTP/1.1 400");
    assert_refused("POST / HTTP/1.1\r\n" HOST "Content-Length: +3\r\n\r\nabc", "HTTP/1.1 400");
    assert_refused("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 400");
    assert_refused("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 501");
    assert_refused("POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 400");
    assert_refused("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "HTTP/1.1 400");
    assert_refused("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400");
    assert_refused("GET / HTTP/1.1\n" HOST "\r\n", "HTTP/1.1 400");
    assert_refused("GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n", "HTTP/1.1 400");
    assert_refused("GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n", "HTTP/1.1 400");
    assert_refused("GET / HTTP/1.1\r\n" HOST "Content-Length : 3\r\n\r\nabc", "HTTP/1.1 400");
    assert_refused("GET / HTTP/1.1\r\n" HOST "X: a\rb\r\n\r\n", "HTTP/1.1 400");
    assert_refused("GET / HTTP/1.1\r\n" HOST "Authorization: a\r\nAuthorization: b\r\n\r\n", "HTTP/1.1 400");
    assert_refused("GET /a b HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 400");
    assert_refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 505");
    assert_refused("\x16\x03\x01\x02\r\n\r\n", "HTTP/1.1 400");
}

static void a_pipelined_request_is_judged_too(void **state)
{
    (void)state;
    bool closed;
    once("GET /first HTTP/1.1\r\n" HOST "\r\nPOST /second HTTP/1.1\r\n" HOST
         "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         &closed);
    assert_non_null(strstr(answer, "GET /first?"));
    assert_non_null(strstr(answer, "HTTP/1.1 400"));
    assert_null(strstr(answer, "/second?"));
    assert_true(closed);
}

static void chunked_framing_is_strict(void **state)
{
    (void)state;
#define CHUNKED "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
    assert_refused(CHUNKED "3\nabc\r\n0\r\n\r\n", "HTTP/1.1 400");
    assert_refused(CHUNKED "3;a\nabc\r\n0\r\n\r\n", "HTTP/1.1 400");
    assert_refused(CHUNKED "3xy\r\nabc\r\n0\r\n\r\n", "HTTP/1.1 400");
    assert_refused(CHUNKED "3\r\nabcd\r\n0\r\n\r\n", "HTTP/1.1 400");
    assert_refused(CHUNKED "3\r\nabc\n0\r\n\r\n", "HTTP/1.1 400");
    assert_refused(CHUNKED "-1\r\nabc\r\n0\r\n\r\n", "HTTP/1.1 400");
    assert_refused(CHUNKED "fffffffff\r\nabc", "HTTP/1.1 400");
}

static void sizes_are_limited(void **state)
{
    (void)state;
    static char text[65536];
    char *p = text + sprintf(text, "GET /");
    memset(p, 'u', 9000);
    strcpy(p + 9000, " HTTP/1.1\r\n" HOST "\r\n");
    assert_refused(text, "HTTP/1.1 414");
    p = text + sprintf(text, "GET / HTTP/1.1\r\n" HOST "X: ");
    memset(p, 'v', 33000);
    strcpy(p + 33000, "\r\n\r\n");
    assert_refused(text, "HTTP/1.1 431");
    p = text + sprintf(text, "GET / HTTP/1.1\r\n" HOST);
    for (int i = 0; i < 100; i++)
        p += sprintf(p, "X-%d: 1\r\n", i);
    strcpy(p, "\r\n");
    assert_refused(text, "HTTP/1.1 431");
    bool closed;
    strcpy(p - strlen("X-99: 1\r\n"), "\r\n");
    assert_non_null(strstr(once(text, &closed), "HTTP/1.1 200"));
}

static void a_body_over_the_route_limit_is_refused_before_it_is_read(void **state)
{
    (void)state;
    assert_refused("PUT / HTTP/1.1\r\n" HOST "Content-Length: 65537\r\n\r\n", "HTTP/1.1 413");
    assert_refused("PUT / HTTP/1.1\r\n" HOST "Content-Length: 65537\r\nExpect: 100-continue\r\n\r\n", "HTTP/1.1 413");
    assert_refused("POST /bulk HTTP/1.1\r\n" HOST "Content-Length: 67108865\r\n\r\n", "HTTP/1.1 413");
    static char text[200000];
    char *p = text + sprintf(text, CHUNKED "18000\r\n");
    memset(p, 'b', 0x18000);
    strcpy(p + 0x18000, "\r\n0\r\n\r\n");
    assert_refused(text, "HTTP/1.1 413");
    p = text + sprintf(text, "PUT /full HTTP/1.1\r\n" HOST "Content-Length: 65536\r\n\r\n");
    memset(p, 'b', 65536);
    p[65536] = '\0';
    bool closed;
    assert_non_null(strstr(once(text, &closed), "PUT /full? 65536 "));
}

static void a_bulk_route_takes_a_large_body(void **state)
{
    (void)state;
    int fd = dial();
    bool closed;
    static char block[1 << 16];
    memset(block, 'x', sizeof block);
    put(fd, "POST /bulk HTTP/1.1\r\n" HOST "Content-Length: 20971520\r\n\r\n");
    for (int i = 0; i < 320; i++)
        for (size_t at = 0; at < sizeof block;) {
            ssize_t n = send(fd, block + at, sizeof block - at, MSG_NOSIGNAL);
            assert_true(n > 0);
            at += (size_t)n;
        }
    put(fd, "GET /after HTTP/1.1\r\n" HOST "\r\n");
    get(fd, "/after?", 2000, &closed);
    close(fd);
    assert_non_null(strstr(answer, "POST /bulk? 20971520 "));
}

static void expect_100_continue_is_met(void **state)
{
    (void)state;
    int fd = dial();
    bool closed;
    put(fd, "PUT /e HTTP/1.1\r\n" HOST "Content-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    get(fd, "\r\n\r\n", 300, &closed);
    assert_string_equal(answer, "HTTP/1.1 100 Continue\r\n\r\n");
    put(fd, "abcdGET /n HTTP/1.1\r\n" HOST "\r\n");
    get(fd, "/n?", 300, &closed);
    assert_non_null(strstr(answer, "PUT /e? 4 "));
    assert_non_null(strstr(answer, "GET /n? 0 "));
    close(fd);
    assert_refused("PUT / HTTP/1.1\r\n" HOST "Content-Length: 4\r\nExpect: tea\r\n\r\nabcd", "HTTP/1.1 417");
}

static void head_has_the_length_and_no_body(void **state)
{
    (void)state;
    bool closed;
    once("HEAD /abc HTTP/1.1\r\n" HOST "\r\n", &closed);
    assert_non_null(strstr(answer, "Content-Length: 17\r\n"));
    assert_non_null(strstr(answer, "\r\n\r\n"));
    assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
    once("HEAD /numbers HTTP/1.1\r\n" HOST "\r\nGET /then HTTP/1.1\r\n" HOST "\r\n", &closed);
    assert_non_null(strstr(answer, "GET /then?"));
    assert_int_equal(server.gone, 1);
    once("GET /nothing HTTP/1.1\r\n" HOST "\r\n", &closed);
    assert_non_null(strstr(answer, "204 No Content"));
    assert_null(strstr(answer, "Content-Length"));
}

static void a_stream_is_chunked_and_the_connection_lives_on(void **state)
{
    (void)state;
    int fd = dial();
    bool closed;
    put(fd, "GET /numbers HTTP/1.1\r\n" HOST "\r\nGET /next HTTP/1.1\r\n" HOST "\r\n");
    get(fd, "/next?", 1000, &closed);
    assert_non_null(strstr(answer, "transfer-encoding: chunked\r\n"));
    assert_non_null(strstr(answer, "\r\n0\r\n\r\nHTTP/1.1 200 OK"));
    assert_non_null(strstr(answer, "\n19999\n"));
    close(fd);
    once("GET /numbers HTTP/1.0\r\n\r\n", &closed);
    assert_null(strstr(answer, "chunked"));
    assert_true(closed);
    assert_non_null(strstr(answer, "\n19999\n"));
}

static void a_streaming_client_that_goes_is_noticed(void **state)
{
    (void)state;
    int fd = dial();
    bool closed;
    put(fd, "GET /events HTTP/1.1\r\n" HOST "\r\n");
    get(fd, "first\n", 300, &closed);
    assert_non_null(strstr(answer, "first\n"));
    close(fd); /* teardown drains: the stream ends, on_gone comes */
}

static void a_slow_request_gets_408(void **state)
{
    (void)state;
    int fd = dial();
    bool closed;
    put(fd, "GET / HTTP/1.1\r\nHost:");
    get(fd, NULL, 2000, &closed);
    assert_true(closed);
    assert_non_null(strstr(answer, "HTTP/1.1 408"));
    close(fd);
    fd = dial();
    put(fd, "PUT / HTTP/1.1\r\n" HOST "Content-Length: 100\r\n\r\nabc");
    get(fd, NULL, 2000, &closed);
    assert_true(closed);
    assert_non_null(strstr(answer, "HTTP/1.1 408"));
    close(fd);
}

static void an_idle_connection_is_closed(void **state)
{
    (void)state;
    int fd = dial(), used = dial();
    bool closed;
    put(used, "GET /u HTTP/1.1\r\n" HOST "\r\n");
    get(used, "/u?", 300, &closed);
    get(fd, NULL, 3000, &closed);
    assert_true(closed);
    assert_string_equal(answer, "");
    get(used, NULL, 1000, &closed);
    assert_true(closed);
    close(fd);
    close(used);
}

static void a_client_that_does_not_read_is_cut_off(void **state)
{
    (void)state;
    int fd = dial(), small = 4096;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    put(fd, "GET /big HTTP/1.1\r\n" HOST "\r\n");
    hub_http_stats_t stats;
    for (int i = 0; i < 80; i++) {
        usleep(100000);
        hub_http_worker_stats(server.worker, &stats);
        if (stats.requests && stats.open == 0)
            break;
    }
    assert_int_equal(stats.open, 0);
    close(fd);
}

static void connections_over_the_limit_are_closed(void **state)
{
    (void)state;
    int fds[70];
    bool closed;
    for (int i = 0; i < 70; i++)
        fds[i] = dial();
    get(fds[69], NULL, 500, &closed);
    assert_true(closed);
    put(fds[0], "GET /still HTTP/1.1\r\n" HOST "\r\n");
    get(fds[0], "/still?", 500, &closed);
    assert_non_null(strstr(answer, "/still?"));
    for (int i = 0; i < 70; i++)
        close(fds[i]);
}

static void a_drain_answers_what_is_under_way_and_closes(void **state)
{
    int fd = dial(), idle = dial(), events = dial();
    bool closed;
    put(idle, "GET /i HTTP/1.1\r\n" HOST "\r\n");
    get(idle, "/i?", 300, &closed);
    put(events, "GET /events HTTP/1.1\r\n" HOST "\r\n");
    get(events, "first\n", 300, &closed);
    put(fd, "POST /wait HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nab");
    usleep(20000);
    assert_int_equal(teardown(state), 0);
    get(fd, NULL, 500, &closed);
    assert_non_null(strstr(answer, "waited 2"));
    assert_non_null(strstr(answer, "Connection: close"));
    assert_true(closed);
    get(idle, NULL, 100, &closed);
    assert_true(closed);
    get(events, NULL, 100, &closed);
    assert_non_null(strstr(answer, "0\r\n\r\n"));
    assert_int_equal(server.gone, 1);
    close(fd);
    close(idle);
    close(events);
}

static void a_client_that_leaves_while_core_works_harms_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        int fd = dial();
        put(fd, "POST /wait HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nab");
        struct linger reset = {1, 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        usleep(10000);
        close(fd);
    }
    usleep(200000);
    bool closed;
    assert_non_null(strstr(once("GET /ok HTTP/1.1\r\n" HOST "\r\n", &closed), "/ok?"));
}

static void a_bad_address_is_an_error(void **state)
{
    (void)state;
    static const char *const bad[] = {"127.0.0.1", "127.0.0.1:", "127.0.0.1:99999", "::1:80", "256.1.1.1:0", ""};
    for (size_t i = 0; i < HUB_COUNT(bad); i++) {
        const hub_http_config_t config = {.listen = bad[i], .workers = 1};
        hub_http_t *http;
        char why[256] = "";
        assert_int_equal(hub_http_create(&config, &http, why), HUB_EINVALID);
        assert_true(why[0] != '\0');
    }
}

int main(void)
{
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_SERVER(a_request_becomes_an_exchange),
        WITH_SERVER(pipelined_requests_are_answered_in_order),
        WITH_SERVER(pipelined_chunked_bodies_are_kept_apart),
        WITH_SERVER(a_request_may_come_byte_by_byte),
        WITH_SERVER(ambiguous_framing_is_refused),
        WITH_SERVER(a_pipelined_request_is_judged_too),
        WITH_SERVER(chunked_framing_is_strict),
        WITH_SERVER(sizes_are_limited),
        WITH_SERVER(a_body_over_the_route_limit_is_refused_before_it_is_read),
        WITH_SERVER(a_bulk_route_takes_a_large_body),
        WITH_SERVER(expect_100_continue_is_met),
        WITH_SERVER(head_has_the_length_and_no_body),
        WITH_SERVER(a_stream_is_chunked_and_the_connection_lives_on),
        WITH_SERVER(a_streaming_client_that_goes_is_noticed),
        WITH_SERVER(a_slow_request_gets_408),
        WITH_SERVER(an_idle_connection_is_closed),
        WITH_SERVER(a_client_that_does_not_read_is_cut_off),
        WITH_SERVER(connections_over_the_limit_are_closed),
        WITH_SERVER(a_client_that_leaves_while_core_works_harms_nothing),
        cmocka_unit_test_setup(a_drain_answers_what_is_under_way_and_closes, setup),
        cmocka_unit_test(a_bad_address_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
