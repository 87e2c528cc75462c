/* The life of connections: timeouts, the limit, clients that go or do not read, the drain. */
#include "http_loopback.h"

static void a_stream_whose_client_left_ends_with_the_drain(void **state)
{
    int fd = dial();
    bool closed;
    put(fd, "GET /events HTTP/1.1\r\n" HOST "\r\n");
    get(fd, "first\n", 300, &closed);
    assert_non_null(strstr(answer, "first\n"));
    close(fd);
    assert_int_equal(teardown(state), 0);
    assert_int_equal(server.gone, 1);
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

static void parts_come_as_one_body_and_are_let_go(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 10, 30000, 200000, 900000};
    for (size_t i = 0; i < HUB_COUNT(sizes); i++) {
        char request[128];
        bool closed;
        snprintf(request, sizeof request, "GET /parts?%zu HTTP/1.1\r\n" HOST "\r\nGET /then HTTP/1.1\r\n" HOST "\r\n", sizes[i]);
        int fd = dial();
        put(fd, request);
        const char *body = strstr(get(fd, "/then?", 1000, &closed), "\r\n\r\n(");
        assert_non_null(body);
        assert_non_null(strstr(answer, "/then?"));
        assert_int_equal(strspn(body + 5, "-"), sizes[i]);
        assert_int_equal(strncmp(body + 5 + sizes[i], ")HTTP/1.1 200", 13), 0);
        assert_int_equal(server.held, 0);
        close(fd);
    }
    bool closed;
    once("HEAD /parts?30000 HTTP/1.1\r\n" HOST "\r\n", &closed);
    assert_non_null(strstr(answer, "Content-Length: 30002\r\n"));
    assert_int_equal(server.held, 0);
}

/* A snapshot that stays open keeps old pages of the store alive: never for a client that takes its time. */
static void a_client_that_does_not_read_holds_no_parts(void **state)
{
    (void)state;
    int fd = dial(), small = 4096;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    put(fd, "GET /parts?33554432 HTTP/1.1\r\n" HOST "\r\n");
    usleep(300000);
    for (int i = 0; i < 100 && server.held != 0; i++) /* a busy machine */
        usleep(50000);
    hub_http_stats_t stats;
    hub_http_worker_stats(server.worker, &stats);
    assert_int_equal(stats.requests, 1);
    assert_int_equal(stats.open, 1);
    assert_int_equal(server.held, 0);
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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_stream_whose_client_left_ends_with_the_drain, setup),
        WITH_SERVER(a_slow_request_gets_408),
        WITH_SERVER(an_idle_connection_is_closed),
        WITH_SERVER(a_client_that_does_not_read_is_cut_off),
        WITH_SERVER(parts_come_as_one_body_and_are_let_go),
        WITH_SERVER(a_client_that_does_not_read_holds_no_parts),
        WITH_SERVER(connections_over_the_limit_are_closed),
        cmocka_unit_test_setup(a_drain_answers_what_is_under_way_and_closes, setup),
        WITH_SERVER(a_client_that_leaves_while_core_works_harms_nothing),
        cmocka_unit_test(a_bad_address_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
