/* The outbound port against a small server of its own: answers, limits, failures, the guard, certificates. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

#include "hub/peer.h"

/* ---- the server: one thread a connection, behaviour by path ---- */

static struct {
    int fd;
    unsigned port;
    pthread_t thread;
    pthread_t connection[128];
    int connection_fd[128];
    atomic_uint accepted;
    atomic_bool stop;
} server;

static void say(int fd, const char *text)
{
    size_t len = strlen(text);
    while (len > 0) {
        ssize_t n = send(fd, text, len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        text += n;
        len -= (size_t)n;
    }
}

static void say_flood(int fd, bool chunked)
{
    char block[4096 + 1];
    memset(block, 'x', sizeof block - 1);
    block[sizeof block - 1] = '\0';
    say(fd, chunked ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" : "HTTP/1.1 200 OK\r\nContent-Length: 90000000\r\n\r\n");
    for (int i = 0; i < 1000; i++) {
        char size[16];
        if (chunked) {
            (void)snprintf(size, sizeof size, "%x\r\n", 4096);
            if (send(fd, size, strlen(size), MSG_NOSIGNAL) <= 0)
                return;
        }
        if (send(fd, block, 4096, MSG_NOSIGNAL) <= 0)
            return;
        if (chunked)
            say(fd, "\r\n");
    }
}

static void echo(int fd, const char *request, size_t len)
{
    char head[128];
    (void)snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Total-Count:  17 \r\nContent-Length: %zu\r\n\r\n",
                   len);
    say(fd, head);
    say(fd, request);
}

static bool has_path(const char *request, const char *path)
{
    const char *blank = strchr(request, ' ');
    return blank && strncmp(blank + 1, path, strlen(path)) == 0;
}

/* False: close the connection. */
static bool answer(int fd, const char *request, size_t len)
{
    if (has_path(request, "/echo")) {
        echo(fd, request, len);
    } else if (has_path(request, "/chunked")) {
        say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n");
    } else if (has_path(request, "/slow")) {
        for (int i = 0; i < 300 && !server.stop; i++)
            usleep(10000);
        return false;
    } else if (has_path(request, "/401")) {
        say(fd, "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Token\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\n{}");
    } else if (has_path(request, "/redirect")) {
        say(fd, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/elsewhere\r\nContent-Length: 0\r\n\r\n");
    } else if (has_path(request, "/interim")) {
        say(fd, "HTTP/1.1 103 Early Hints\r\nLink: <a>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nLink: <b>; rel=\"next\"\r\nContent-Length: "
                "0\r\n\r\n");
    } else if (has_path(request, "/large")) {
        say_flood(fd, false);
    } else if (has_path(request, "/endless")) {
        say_flood(fd, true);
    } else if (has_path(request, "/short")) {
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
        return false;
    } else if (has_path(request, "/garbage")) {
        say(fd, "220 mail.example ESMTP\r\n");
        return false;
    } else if (has_path(request, "/reset")) {
        struct linger linger = {1, 0};
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
        return false;
    } else {
        return false;
    }
    return true;
}

static size_t request_len(const char *request)
{
    const char *end = strstr(request, "\r\n\r\n");
    const char *length = strcasestr(request, "content-length:");
    if (!end)
        return 0;
    return (size_t)(end - request) + 4 + (length && length < end ? (size_t)atoi(length + 15) : 0);
}

static void *serve(void *arg)
{
    int fd = *(int *)arg;
    char request[8192];
    size_t len = 0;
    for (;;) {
        ssize_t n = recv(fd, request + len, sizeof request - 1 - len, 0);
        if (n <= 0)
            break;
        len += (size_t)n;
        request[len] = '\0';
        size_t whole = request_len(request);
        if (whole == 0 || len < whole)
            continue;
        if (!answer(fd, request, len))
            break;
        len = 0;
    }
    (void)close(fd);
    return NULL;
}

static void *accept_all(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < HUB_COUNT(server.connection); i++) {
        int fd = accept(server.fd, NULL, NULL);
        if (fd < 0 || server.stop) {
            if (fd >= 0)
                (void)close(fd);
            break;
        }
        server.connection_fd[i] = fd;
        server.accepted = i + 1;
        if (pthread_create(&server.connection[i], NULL, serve, &server.connection_fd[i]) != 0)
            abort();
    }
    return NULL;
}

static int bind_loopback(unsigned *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 64) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return -1;
    *port = ntohs(address.sin_port);
    return fd;
}

static int server_open(void **state)
{
    (void)state;
    server.fd = bind_loopback(&server.port);
    return server.fd < 0 ? -1 : pthread_create(&server.thread, NULL, accept_all, NULL);
}

static int server_close(void **state)
{
    (void)state;
    server.stop = true;
    (void)shutdown(server.fd, SHUT_RDWR);
    (void)pthread_join(server.thread, NULL);
    for (unsigned i = 0; i < server.accepted; i++)
        (void)pthread_join(server.connection[i], NULL);
    return close(server.fd);
}

/* ---- the client ---- */

static uv_loop_t loop;
static hub_peer_t *peer;
static hub_port_t port;
static hub_pool_t *pool;
static unsigned pending;

static void open_peer(const hub_peer_config_t *config)
{
    assert_int_equal(uv_loop_init(&loop), 0);
    peer = hub_peer_create(&loop, config);
    assert_non_null(peer);
    hub_peer_port(peer, &port);
    pool = hub_pool_create();
}

static int open_insecure(void **state)
{
    (void)state;
    open_peer(&(hub_peer_config_t){.insecure = true, .version = HUB_SLICE_LIT("0.1.0")});
    return 0;
}

static int close_peer(void **state)
{
    (void)state;
    for (int i = 0; i < 1000 && !hub_peer_stop(peer); i++)
        (void)uv_run(&loop, UV_RUN_ONCE);
    assert_true(hub_peer_stop(peer));
    hub_peer_destroy(peer);
    assert_int_equal(uv_loop_close(&loop), 0); /* nothing of ours is left on the loop */
    hub_pool_destroy(pool);
    pool = NULL;
    return 0;
}

static void on_done(hub_call_t *call)
{
    assert_false(*(bool *)call->arg);
    *(bool *)call->arg = true;
    pending--;
}

static hub_call_t *start_url(hub_method_t method, hub_slice_t url)
{
    hub_call_t *call = HUB_POOL_NEW(pool, hub_call_t);
    call->pool = pool;
    call->method = method;
    call->url = url;
    call->done = on_done;
    call->arg = HUB_POOL_NEW(pool, bool);
    call->timeout_ms = 2000;
    return call;
}

static hub_call_t *make(hub_method_t method, const char *path)
{
    return start_url(method, hub_pool_printf(pool, "http://127.0.0.1:%u%s", server.port, path));
}

static void start(hub_call_t *call)
{
    pending++;
    port.call(port.self, call);
    assert_false(*(bool *)call->arg); /* never from inside */
}

static void run(void)
{
    for (int64_t end = hub_mono_ms() + 20000; pending > 0 && hub_mono_ms() < end;)
        (void)uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(pending, 0);
}

static hub_call_t *get(const char *path)
{
    hub_call_t *call = make(HUB_GET, path);
    start(call);
    run();
    return call;
}

static bool answer_has(const hub_call_t *call, const char *text)
{
    return call->answer.len > 0 && memmem(call->answer.ptr, call->answer.len, text, strlen(text)) != NULL;
}

/* ---- tests ---- */

static void request_goes_out_as_written(void **state)
{
    (void)state;
    hub_call_t *call = make(HUB_PUT, "/echo/a%20b/?x=1");
    call->headers[call->header_count++] = (hub_header_t){HUB_SLICE_LIT("Authorization"), HUB_SLICE_LIT("Token abc")};
    call->headers[call->header_count++] = (hub_header_t){HUB_SLICE_LIT("Content-Type"), HUB_SLICE_LIT("application/json")};
    call->headers[call->header_count++] = (hub_header_t){HUB_SLICE_LIT("X-Empty"), HUB_SLICE_LIT("")};
    call->body = HUB_SLICE_LIT("{\"a\":1}");
    start(call);
    run();
    assert_int_equal(call->err, HUB_EOK);
    assert_int_equal(call->http_status, 200);
    assert_true(hub_slice_eq_str(call->total_count, "17"));
    assert_true(hub_slice_eq_str(call->content_type, "text/plain"));
    assert_null(call->link.ptr);
    assert_true(answer_has(call, "PUT /echo/a%20b/?x=1 HTTP/1.1\r\n"));
    assert_true(answer_has(call, "Authorization: Token abc\r\n"));
    assert_true(answer_has(call, "Content-Type: application/json\r\n"));
    assert_true(answer_has(call, "X-Empty:\r\n"));
    assert_true(answer_has(call, "User-Agent: ocpi-hub/0.1.0\r\n"));
    assert_true(answer_has(call, "Content-Length: 7\r\n"));
    assert_true(answer_has(call, "\r\n\r\n{\"a\":1}"));
    assert_false(answer_has(call, "Expect"));
    assert_false(answer_has(call, "x-www-form-urlencoded"));
    assert_false(answer_has(call, "Accept-Encoding"));
}

static void every_method_goes_out(void **state)
{
    (void)state;
    static const struct {
        hub_method_t method;
        const char *line;
    } rows[] = {{HUB_GET, "GET "}, {HUB_POST, "POST "}, {HUB_PUT, "PUT "}, {HUB_PATCH, "PATCH "}, {HUB_DELETE, "DELETE "}};
    for (size_t i = 0; i < HUB_COUNT(rows); i++) {
        hub_call_t *call = make(rows[i].method, "/echo");
        start(call);
        run();
        assert_int_equal(call->http_status, 200);
        assert_true(strncmp(call->answer.ptr, rows[i].line, strlen(rows[i].line)) == 0);
    }
}

static void connections_are_used_again(void **state)
{
    (void)state;
    unsigned before = server.accepted;
    for (int i = 0; i < 5; i++)
        assert_int_equal(get("/echo")->http_status, 200);
    assert_int_equal(server.accepted, before + 1);
}

static void many_calls_at_once_keep_the_limit_per_host(void **state)
{
    (void)state;
    unsigned before = server.accepted;
    hub_call_t *calls[40];
    for (size_t i = 0; i < HUB_COUNT(calls); i++)
        start(calls[i] = make(HUB_GET, "/echo"));
    run();
    for (size_t i = 0; i < HUB_COUNT(calls); i++)
        assert_int_equal(calls[i]->http_status, 200);
    assert_in_range(server.accepted - before, 1, 8);
}

static void answers_are_read(void **state)
{
    (void)state;
    assert_true(hub_slice_eq_str(get("/chunked")->answer, "abcdefg"));
    hub_call_t *call = get("/401");
    assert_int_equal(call->err, HUB_EOK);
    assert_int_equal(call->http_status, 401);
    assert_true(hub_slice_eq_str(call->www_authenticate, "Token"));
    assert_true(hub_slice_eq_str(call->retry_after, "7"));
    assert_true(hub_slice_eq_str(get("/interim")->link, "<b>; rel=\"next\""));
}

static void redirects_are_reported_not_followed(void **state)
{
    (void)state;
    hub_call_t *call = get("/redirect");
    assert_int_equal(call->err, HUB_EOK);
    assert_int_equal(call->http_status, 302);
    assert_true(hub_slice_eq_str(call->location, "http://127.0.0.1:1/elsewhere"));
}

static void failures_are_told_apart(void **state)
{
    (void)state;
    hub_call_t *call = make(HUB_GET, "/slow");
    call->timeout_ms = 150;
    start(call);
    run();
    assert_int_equal(call->err, HUB_EPEER_TIMEOUT);
    assert_in_range(call->duration_ms, 100, 1500);
    assert_int_equal(get("/reset")->err, HUB_EPEER_UNREACHABLE);
    assert_int_equal(get("/close")->err, HUB_EPEER_UNREACHABLE);
    assert_int_equal(get("/short")->err, HUB_EPEER_UNREACHABLE);
    call = get("/garbage");
    if (call->err != HUB_EPEER_PROTOCOL)
        fail_msg("%s: %.*s", hub_err_info(call->err)->name, HUB_SLICE_FMT(call->detail));
    unsigned closed;
    int fd = bind_loopback(&closed);
    assert_int_equal(close(fd), 0);
    call = start_url(HUB_GET, hub_pool_printf(pool, "http://127.0.0.1:%u/", closed));
    start(call);
    run();
    assert_int_equal(call->err, HUB_EPEER_UNREACHABLE);
    assert_true(call->detail.len > 0);
    assert_int_equal(call->http_status, 0);
}

static void answers_over_the_limit_are_cut(void **state)
{
    (void)state;
    static const char *const paths[] = {"/large", "/endless"};
    for (size_t i = 0; i < HUB_COUNT(paths); i++) {
        hub_call_t *call = make(HUB_GET, paths[i]);
        call->answer_limit = 20000;
        start(call);
        run();
        assert_int_equal(call->err, HUB_EPEER_TOO_LARGE);
        assert_int_equal(call->answer.len, 0);
    }
    assert_int_equal(get("/large")->err, HUB_EPEER_TOO_LARGE); /* 90 MB announced, 8 MiB by default */
}

static void headers_with_control_characters_never_leave(void **state)
{
    (void)state;
    hub_call_t *call = make(HUB_GET, "/echo");
    call->headers[call->header_count++] = (hub_header_t){HUB_SLICE_LIT("X-A"), HUB_SLICE_LIT("b\r\nX-Evil: 1")};
    start(call);
    run();
    assert_int_equal(call->err, HUB_EINVALID);
}

static void cancelled_calls_come_back(void **state)
{
    (void)state;
    hub_call_t *first = make(HUB_GET, "/slow"), *second = make(HUB_GET, "/echo");
    start(first);
    start(second);
    port.call_cancel(port.self, first);
    port.call_cancel(port.self, first);
    run();
    assert_int_equal(first->err, HUB_ESTOPPING);
    assert_int_equal(second->err, HUB_EOK);
    port.call_cancel(port.self, second); /* long done: nothing happens */
}

static void stop_ends_what_is_under_way(void **state)
{
    (void)state;
    hub_call_t *slow = make(HUB_GET, "/slow"), *late = make(HUB_GET, "/echo");
    start(slow);
    for (int i = 0; i < 5; i++)
        (void)uv_run(&loop, UV_RUN_NOWAIT);
    assert_false(hub_peer_stop(peer));
    start(late);
    run();
    assert_int_equal(slow->err, HUB_ESTOPPING);
    assert_int_equal(late->err, HUB_ESTOPPING);
}

static unsigned fired;
static void on_timer(hub_timer_t *timer)
{
    fired++;
    if (fired == 1)
        port.timer_start(port.self, timer, 5);
    else if (fired == 2)
        port.timer_stop(port.self, timer);
}

static void timers_run_once_move_and_stop(void **state)
{
    (void)state;
    hub_timer_t timer = {on_timer, NULL, NULL}, never = {on_timer, NULL, NULL}, left = {on_timer, NULL, NULL};
    fired = 0;
    port.timer_stop(port.self, &never);
    port.timer_start(port.self, &never, 1);
    port.timer_stop(port.self, &never);
    port.timer_stop(port.self, &never);
    port.timer_start(port.self, &left, 60000); /* taken away by hub_peer_stop */
    int64_t begin = hub_mono_ms();
    port.timer_start(port.self, &timer, 10000);
    port.timer_start(port.self, &timer, 20);
    while (fired < 2 && hub_mono_ms() < begin + 5000)
        (void)uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(fired, 2);
    assert_in_range(hub_mono_ms() - begin, 20, 3000);
    assert_null(timer.port_data);
}

static void guard_refuses_addresses_before_and_after_dns(void **state)
{
    (void)state;
    char resolve[2][64];
    (void)snprintf(resolve[0], sizeof resolve[0], "rebind.example:%u:127.0.0.1", server.port);
    (void)snprintf(resolve[1], sizeof resolve[1], "rebind.example:%u:[::ffff:10.0.0.1]", server.port);
    for (size_t i = 0; i < 2; i++) {
        open_peer(&(hub_peer_config_t){.resolve = resolve[i]});
        hub_slice_t urls[] = {hub_pool_printf(pool, "https://127.0.0.1:%u/", server.port),
                              hub_pool_printf(pool, "https://localhost:%u/", server.port), HUB_SLICE_LIT("http://hub.example/"),
                              HUB_SLICE_LIT("file:///etc/passwd"), hub_pool_printf(pool, "https://rebind.example:%u/", server.port)};
        unsigned before = server.accepted;
        for (size_t j = 0; j < HUB_COUNT(urls); j++) {
            hub_call_t *call = start_url(HUB_GET, urls[j]);
            start(call);
            run();
            if (call->err != HUB_EPEER_FORBIDDEN || call->detail.len == 0)
                fail_msg("%.*s: %s %.*s", HUB_SLICE_FMT(urls[j]), hub_err_info(call->err)->name, HUB_SLICE_FMT(call->detail));
        }
        assert_int_equal(server.accepted, before);
        (void)close_peer(NULL);
    }
}

static void proxies_of_the_environment_are_not_asked(void **state)
{
    (void)state;
    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
    assert_int_equal(setenv("all_proxy", "http://127.0.0.1:1", 1), 0);
    hub_call_t *call = get("/echo");
    (void)unsetenv("http_proxy");
    (void)unsetenv("all_proxy");
    assert_int_equal(call->err, HUB_EOK);
}

/* ---- certificates: `openssl s_server` with a key pair of its own ---- */

static bool shell(const char *command)
{
    return system(command) == 0; /* NOLINT: a constant of this test */
}

static pid_t tls_server(const char *folder, unsigned tls_port)
{
    char cert[128], key[128], number[32];
    (void)snprintf(cert, sizeof cert, "%s/cert.pem", folder);
    (void)snprintf(key, sizeof key, "%s/key.pem", folder);
    (void)snprintf(number, sizeof number, "127.0.0.1:%u", tls_port);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    int null = open("/dev/null", O_RDWR);
    (void)dup2(null, 0);
    (void)dup2(null, 1);
    (void)dup2(null, 2);
    (void)execlp("openssl", "openssl", "s_server", "-accept", number, "-cert", cert, "-key", key, "-www", "-quiet", (char *)NULL);
    _exit(127);
}

static hub_call_t *get_tls(const char *host, unsigned tls_port)
{
    hub_call_t *call = NULL;
    for (int i = 0; i < 100; i++) { /* until it listens */
        call = start_url(HUB_GET, hub_pool_printf(pool, "https://%s:%u/", host, tls_port));
        start(call);
        run();
        if (call->err != HUB_EPEER_UNREACHABLE)
            break;
        usleep(20000);
    }
    return call;
}

static void certificates_are_checked(void **state)
{
    (void)state;
    char folder[] = "/tmp/hub-peer-XXXXXX", command[1024], ca[128];
    if (!shell("openssl version >/dev/null 2>&1"))
        skip();
    assert_non_null(mkdtemp(folder));
    (void)snprintf(command, sizeof command,
                   "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test -addext "
                   "subjectAltName=IP:127.0.0.1 "
                   "-keyout %s/key.pem -out %s/cert.pem >/dev/null 2>&1",
                   folder, folder);
    assert_true(shell(command));
    unsigned tls_port;
    int fd = bind_loopback(&tls_port);
    (void)close(fd);
    pid_t pid = tls_server(folder, tls_port);
    assert_true(pid > 0);

    (void)open_insecure(NULL);
    hub_call_t *call = get_tls("127.0.0.1", tls_port);
    hub_err_t unknown = call->err;
    bool said = call->detail.len > 0;
    (void)close_peer(NULL);

    (void)snprintf(ca, sizeof ca, "%s/cert.pem", folder);
    open_peer(&(hub_peer_config_t){.insecure = true, .ca_file = ca});
    hub_err_t known = get_tls("127.0.0.1", tls_port)->err;
    hub_err_t other_name = get_tls("localhost", tls_port)->err;
    (void)close_peer(NULL);

    (void)kill(pid, SIGTERM);
    (void)waitpid(pid, NULL, 0);
    (void)snprintf(command, sizeof command, "rm -f %s/key.pem %s/cert.pem && rmdir %s", folder, folder, folder);
    assert_true(shell(command));
    assert_int_equal(unknown, HUB_EPEER_TLS);
    assert_true(said);
    assert_int_equal(known, HUB_EOK);
    assert_int_equal(other_name, HUB_EPEER_TLS);
}

int main(void)
{
#define CALL_TEST(f) cmocka_unit_test_setup_teardown(f, open_insecure, close_peer)
    const struct CMUnitTest tests[] = {
        CALL_TEST(request_goes_out_as_written),
        CALL_TEST(every_method_goes_out),
        CALL_TEST(connections_are_used_again),
        CALL_TEST(many_calls_at_once_keep_the_limit_per_host),
        CALL_TEST(answers_are_read),
        CALL_TEST(redirects_are_reported_not_followed),
        CALL_TEST(failures_are_told_apart),
        CALL_TEST(answers_over_the_limit_are_cut),
        CALL_TEST(headers_with_control_characters_never_leave),
        CALL_TEST(cancelled_calls_come_back),
        CALL_TEST(stop_ends_what_is_under_way),
        CALL_TEST(timers_run_once_move_and_stop),
        CALL_TEST(proxies_of_the_environment_are_not_asked),
        cmocka_unit_test(guard_refuses_addresses_before_and_after_dns),
        cmocka_unit_test(certificates_are_checked),
    };
    return cmocka_run_group_tests(tests, server_open, server_close);
}
