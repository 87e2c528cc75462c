/* Requests over real loopback sockets: framing, limits, bodies, streams. */
#include "http_loopback.h"

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
    assert_refused("POST /bulk HTTP/1.1\r\n" HOST "X-API-KEY: stranger\r\nContent-Length: 67108865\r\n\r\n", "HTTP/1.1 413");
    assert_refused("POST /bulk HTTP/1.1\r\n" HOST "X-API-KEY: stranger\r\nContent-Length: 65537\r\n\r\n", "HTTP/1.1 401");
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

int main(void)
{
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
