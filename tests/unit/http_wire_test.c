/* The judge of header blocks and chunked framing, without sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire.h"

#define LINE "GET /x HTTP/1.1\r\n"
#define HOST "Host: h\r\n"

static const struct {
    const char *text;
    int status; /* 0: good */
} cases[] = {
    {LINE HOST "\r\n", 0},
    {"\r\n" LINE HOST "\r\n", 0},
    {"\r\n\r\n" LINE HOST "\r\n", 400},
    {"GET /x HTTP/1.0\r\n\r\n", 0},
    {LINE "host:\t h:80 \r\nX-Empty:\r\n\r\n", 0},
    {"OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 0},
    {"GET https://h/x HTTP/1.1\r\n" HOST "\r\n", 0},
    {"BREW /x HTTP/1.1\r\n" HOST "\r\n", 0},
    {LINE HOST "X: \xC3\xA9\r\n\r\n", 0},
    {LINE HOST "X: a\tb\r\n\r\n", 0},
    {"POST /x HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", 0},
    {"POST /x HTTP/1.1\r\n" HOST "transfer-ENCODING: Chunked\r\n\r\n", 0},
    {"GET x HTTP/1.1\r\n" HOST "\r\n", 400},
    {"CONNECT h:1 HTTP/1.1\r\n" HOST "\r\n", 400},
    {"GET  /x HTTP/1.1\r\n" HOST "\r\n", 400},
    {"GET /x HTTP/1.1 \r\n" HOST "\r\n", 400},
    {"GET /x\r\n" HOST "\r\n", 400},
    {"G(T /x HTTP/1.1\r\n" HOST "\r\n", 400},
    {"GET /x HTTP/2.0\r\n" HOST "\r\n", 505},
    {"GET /x http/1.1\r\n" HOST "\r\n", 400},
    {"GET /x\x01 HTTP/1.1\r\n" HOST "\r\n", 400},
    {LINE "Host: a/b\r\n\r\n", 400},
    {LINE "Host: a b\r\n\r\n", 400},
    {LINE HOST "X: \x7F\r\n\r\n", 400},
    {LINE HOST "X: 12345678\x01\r\n\r\n", 400},
    {LINE HOST ": x\r\n\r\n", 400},
    {LINE HOST "X\r\n\r\n", 400},
    {LINE HOST "X y: z\r\n\r\n", 400},
    {LINE HOST "Content-Length: 0x10\r\n\r\n", 400},
    {LINE HOST "Content-Length: \r\n\r\n", 400},
    {LINE HOST "Content-Length: 9999999999999999999\r\n\r\n", 400},
    {LINE HOST "Content-Length: 1\r\ncontent-length: 1\r\n\r\n", 400},
    {LINE HOST "Transfer-Encoding: chunked, chunked\r\n\r\n", 501},
    {LINE HOST "Transfer-Encoding: identity\r\n\r\n", 501},
    {LINE HOST "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", 400},
    {LINE HOST "X-Api-Key: a\r\nX-API-KEY: b\r\n\r\n", 400},
    {LINE HOST "X-Platform-Id: a\r\nx-platform-id: a\r\n\r\n", 400},
    {LINE HOST "Idempotency-Key: a\r\nIdempotency-Key: b\r\n\r\n", 400},
    {"GET /x HTTP/1.1\n" HOST "\r\n", 400},
    {LINE "Host: h\n\r\n", 400},
    {LINE HOST "\n", 400},
    {LINE HOST "X: y\r\n z\r\n\r\n", 400},
};

static void header_blocks_are_judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < HUB_COUNT(cases); i++) {
        hub_wire_head_t head;
        hub_slice_t text = hub_slice_str(cases[i].text);
        hub_wire_verdict_t verdict = hub_wire_examine(text, &head);
        if (verdict != (cases[i].status ? HUB_WIRE_BAD : HUB_WIRE_GOOD) || head.status != cases[i].status)
            fail_msg("case %zu: verdict %d status %d (%s)\n%s", i, verdict, head.status, head.why ? head.why : "", cases[i].text);
        if (verdict == HUB_WIRE_GOOD)
            assert_int_equal(head.len, text.len);
    }
}

/* Every prefix of a good block is incomplete, never bad, and what follows a block does not count. */
static void prefixes_are_incomplete(void **state)
{
    (void)state;
    static const char text[] = "POST /x?y HTTP/1.1\r\nHost: h\r\nContent-Length: 12\r\nExpect: 100-continue\r\n\r\n";
    for (size_t n = 0; n < sizeof text - 1; n++) {
        char *copy = malloc(n ? n : 1); /* exact, so that AddressSanitizer sees a read beyond */
        memcpy(copy, text, n);
        hub_wire_head_t head;
        assert_int_equal(hub_wire_examine(hub_slice(copy, n), &head), HUB_WIRE_MORE);
        free(copy);
    }
    hub_wire_head_t head;
    char more[256];
    int len = snprintf(more, sizeof more, "%sbody\n\nbody", text);
    assert_int_equal(hub_wire_examine(hub_slice(more, (size_t)len), &head), HUB_WIRE_GOOD);
    assert_int_equal(head.len, sizeof text - 1);
    assert_int_equal(head.content_length, 12);
    assert_true(head.expects && !head.chunked);
    assert_true(hub_slice_eq_str(head.target, "/x?y"));
}

static const struct {
    const char *text;
    hub_wire_verdict_t verdict;
    uint64_t total;
} chunked[] = {
    {"0\r\n\r\n", HUB_WIRE_GOOD, 0},
    {"5\r\nhello\r\n0\r\n\r\n", HUB_WIRE_GOOD, 5},
    {"A\r\n0123456789\r\n00\r\n\r\n", HUB_WIRE_GOOD, 10},
    {"5;n=\"v\"\r\nhello\r\n0\r\nTrailer: x\r\nOther: y\r\n\r\n", HUB_WIRE_GOOD, 5},
    {"5\r\nhel", HUB_WIRE_MORE, 3},
    {"\r\n", HUB_WIRE_BAD, 0},
    {"5 \r\nhello\r\n", HUB_WIRE_BAD, 0},
    {"5\rhello\r\n", HUB_WIRE_BAD, 0},
    {"5;\nhello\r\n", HUB_WIRE_BAD, 0},
    {"5\r\nhello0\r\n", HUB_WIRE_BAD, 5},
    {"5\r\nhello\r0", HUB_WIRE_BAD, 5},
    {"0\r\nX: y\nZ: z\r\n\r\n", HUB_WIRE_BAD, 0},
    {"0\r\n x\r\n\r\n", HUB_WIRE_BAD, 0},
    {"1ffffffff\r\n", HUB_WIRE_BAD, 0},
};

/* Whole, and byte by byte. */
static void chunked_bodies_are_judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < HUB_COUNT(chunked); i++) {
        hub_wire_chunks_t whole = {0}, single = {0};
        size_t used, len = strlen(chunked[i].text);
        assert_int_equal(hub_wire_chunks_feed(&whole, hub_slice(chunked[i].text, len), &used), chunked[i].verdict);
        if (chunked[i].verdict == HUB_WIRE_GOOD)
            assert_int_equal(used, len);
        hub_wire_verdict_t verdict = HUB_WIRE_MORE;
        for (size_t at = 0; at < len && verdict == HUB_WIRE_MORE; at++)
            verdict = hub_wire_chunks_feed(&single, hub_slice(chunked[i].text + at, 1), &used);
        assert_int_equal(verdict, chunked[i].verdict);
        assert_int_equal(single.total, chunked[i].total);
    }
    hub_wire_chunks_t next = {0};
    size_t used;
    hub_slice_t two = HUB_SLICE_LIT("1\r\na\r\n0\r\n\r\nGET / HTTP/1.1\r\n");
    assert_int_equal(hub_wire_chunks_feed(&next, two, &used), HUB_WIRE_GOOD);
    assert_int_equal(used, 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_blocks_are_judged),
        cmocka_unit_test(prefixes_are_incomplete),
        cmocka_unit_test(chunked_bodies_are_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
