#include "wire.h"

#include <string.h>

/* RFC 9110 token characters. */
static bool is_token_char(unsigned char c)
{
    static const bool table[256] = {
        ['!'] = true, ['#'] = true, ['$'] = true, ['%'] = true,         ['&'] = true,         ['\''] = true,
        ['*'] = true, ['+'] = true, ['-'] = true, ['.'] = true,         ['^'] = true,         ['_'] = true,
        ['`'] = true, ['|'] = true, ['~'] = true, ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true,
    };
    return table[c];
}

/* Any control character, DEL included; `tabs` takes horizontal tabs. Eight bytes at a time: this sees every byte of every request. */
static bool has_control(hub_slice_t s, bool tabs)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    size_t i = 0;
    for (; i + 8 <= s.len; i += 8) {
        uint64_t w;
        memcpy(&w, s.ptr + i, 8);
        uint64_t low = (w - ones * 0x20) & ~w & high;
        uint64_t del = w ^ (ones * 0x7F);
        if (low | ((del - ones) & ~del & high))
            break;
    }
    for (; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if ((c < 0x20 && !(tabs && c == '\t')) || c == 0x7F)
            return true;
    }
    return false;
}

static hub_wire_verdict_t bad(hub_wire_head_t *head, int status, const char *why)
{
    head->status = status;
    head->why = why;
    return HUB_WIRE_BAD;
}

/* Takes one line off *rest, without its CR LF. MORE: there is none yet. */
static hub_wire_verdict_t take_line(hub_wire_head_t *head, hub_slice_t *rest, hub_slice_t *line)
{
    const char *end = rest->len ? memchr(rest->ptr, '\n', rest->len) : NULL;
    if (!end)
        return HUB_WIRE_MORE;
    size_t len = (size_t)(end - rest->ptr);
    if (len == 0 || end[-1] != '\r')
        return bad(head, 400, "a line of the header block does not end with CR LF");
    *line = hub_slice(rest->ptr, len - 1);
    rest->ptr += len + 1;
    rest->len -= len + 1;
    return HUB_WIRE_GOOD;
}

static hub_wire_verdict_t request_line(hub_wire_head_t *head, hub_slice_t line)
{
    hub_slice_t rest = line;
    if (!hub_slice_split(&rest, ' ', &head->method) || !hub_slice_split(&rest, ' ', &head->target))
        return bad(head, 400, "the request line is malformed");
    if (head->method.len == 0 || head->method.len > 32)
        return bad(head, 400, "the request line is malformed");
    for (size_t i = 0; i < head->method.len; i++)
        if (!is_token_char((unsigned char)head->method.ptr[i]))
            return bad(head, 400, "the request line is malformed");
    if (rest.len != 8 || memcmp(rest.ptr, "HTTP/", 5) != 0)
        return bad(head, 400, "the request line is malformed");
    if (memcmp(rest.ptr + 5, "1.1", 3) != 0 && memcmp(rest.ptr + 5, "1.0", 3) != 0)
        return bad(head, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    head->minor = rest.ptr[7] - '0';
    if (head->target.len > HUB_WIRE_TARGET_LIMIT)
        return bad(head, 414, "the URL is longer than 8192 bytes");
    if (head->target.len == 0 || has_control(head->target, false))
        return bad(head, 400, "the request target is malformed");
    bool absolute = hub_slice_starts(head->target, HUB_SLICE_LIT("http://")) || hub_slice_starts(head->target, HUB_SLICE_LIT("https://"));
    if (head->target.ptr[0] != '/' && !absolute && !hub_slice_eq_str(head->target, "*"))
        return bad(head, 400, "the request target is malformed");
    return HUB_WIRE_GOOD;
}

/* Headers that decide where the request ends, for whom it is and whether it is a repetition: each at most once. */
enum {
    SEEN_LENGTH = 1,
    SEEN_ENCODING = 2,
    SEEN_HOST = 4,
    SEEN_EXPECT = 8,
    SEEN_AUTHORIZATION = 16,
    SEEN_API_KEY = 32,
    SEEN_PLATFORM = 64,
    SEEN_IDEMPOTENCY = 128
};

static hub_wire_verdict_t framing_header(hub_wire_head_t *head, unsigned kind, hub_slice_t value)
{
    switch (kind) {
    case SEEN_LENGTH:
        if (value.len > 18 || !hub_slice_u64(value, &head->content_length))
            return bad(head, 400, "Content-Length is not a number");
        break;
    case SEEN_ENCODING:
        head->chunked = true;
        if (!hub_slice_caseeq_str(value, "chunked"))
            return bad(head, 501, "the only transfer coding taken is chunked");
        break;
    case SEEN_HOST:
        for (size_t i = 0; i < value.len; i++)
            if (strchr(" \t/\\@,?#", value.ptr[i]))
                return bad(head, 400, "Host is malformed");
        break;
    case SEEN_EXPECT:
        head->expects = true;
        if (!hub_slice_caseeq_str(value, "100-continue"))
            return bad(head, 417, "the only expectation met is 100-continue");
        break;
    case SEEN_API_KEY:
        head->api_key = value;
        break;
    case SEEN_AUTHORIZATION:
        head->authorization = value;
        break;
    default:
        break;
    }
    return HUB_WIRE_GOOD;
}

static hub_wire_verdict_t header_line(hub_wire_head_t *head, hub_slice_t line, unsigned *seen)
{
    static const struct {
        hub_slice_t name;
        unsigned kind;
    } watched[] = {
        {HUB_SLICE_LIT("content-length"), SEEN_LENGTH},
        {HUB_SLICE_LIT("transfer-encoding"), SEEN_ENCODING},
        {HUB_SLICE_LIT("host"), SEEN_HOST},
        {HUB_SLICE_LIT("expect"), SEEN_EXPECT},
        {HUB_SLICE_LIT("authorization"), SEEN_AUTHORIZATION},
        {HUB_SLICE_LIT("x-api-key"), SEEN_API_KEY},
        {HUB_SLICE_LIT("x-platform-id"), SEEN_PLATFORM},
        {HUB_SLICE_LIT("idempotency-key"), SEEN_IDEMPOTENCY},
    };
    if (line.ptr[0] == ' ' || line.ptr[0] == '\t')
        return bad(head, 400, "a folded header line is not taken");
    size_t name = 0;
    while (name < line.len && is_token_char((unsigned char)line.ptr[name]))
        name++;
    if (name == 0 || name == line.len || line.ptr[name] != ':')
        return bad(head, 400, "a header line is malformed");
    hub_slice_t value = hub_slice(line.ptr + name + 1, line.len - name - 1);
    if (has_control(value, true))
        return bad(head, 400, "a header value has a control character");
    for (size_t i = 0; i < HUB_COUNT(watched); i++) {
        if (watched[i].name.len != name || !hub_slice_caseeq(watched[i].name, hub_slice(line.ptr, name)))
            continue;
        if (*seen & watched[i].kind)
            return bad(
                head, 400,
                "Content-Length, Transfer-Encoding, Host, Expect, X-Platform-Id, Idempotency-Key and credentials may be given once only");
        *seen |= watched[i].kind;
        return framing_header(head, watched[i].kind, hub_slice_trim(value));
    }
    return HUB_WIRE_GOOD;
}

static hub_wire_verdict_t whole(hub_wire_head_t *head, unsigned seen)
{
    if ((seen & SEEN_LENGTH) && (seen & SEEN_ENCODING))
        return bad(head, 400, "Content-Length and Transfer-Encoding together");
    if (head->chunked && head->minor == 0)
        return bad(head, 400, "Transfer-Encoding in HTTP/1.0");
    if (!(seen & SEEN_HOST) && head->minor == 1)
        return bad(head, 400, "Host is missing");
    return HUB_WIRE_GOOD;
}

static hub_wire_verdict_t incomplete(hub_wire_head_t *head, hub_slice_t input, bool line_known)
{
    if (!line_known && input.len > HUB_WIRE_TARGET_LIMIT + 64)
        return bad(head, 414, "the URL is longer than 8192 bytes");
    if (input.len > HUB_WIRE_HEAD_LIMIT)
        return bad(head, 431, "the header block is longer than 32768 bytes");
    return HUB_WIRE_MORE;
}

hub_wire_verdict_t hub_wire_examine(hub_slice_t input, hub_wire_head_t *head)
{
    *head = (hub_wire_head_t){.status = 0};
    hub_slice_t rest = input, line;
    /* RFC 9112 2.2: one empty line before the request line is passed over. */
    if (rest.len >= 2 && rest.ptr[0] == '\r' && rest.ptr[1] == '\n') {
        rest.ptr += 2;
        rest.len -= 2;
    }
    hub_wire_verdict_t verdict = take_line(head, &rest, &line);
    if (verdict == HUB_WIRE_MORE)
        return incomplete(head, input, false);
    if (verdict == HUB_WIRE_BAD || (verdict = request_line(head, line)) == HUB_WIRE_BAD)
        return verdict;
    unsigned seen = 0, count = 0;
    for (;;) {
        verdict = take_line(head, &rest, &line);
        if (verdict == HUB_WIRE_MORE)
            return incomplete(head, input, true);
        if (verdict == HUB_WIRE_BAD)
            return verdict;
        if (line.len == 0)
            break;
        if (++count > HUB_WIRE_HEADER_LIMIT)
            return bad(head, 431, "there are more than 100 headers");
        verdict = header_line(head, line, &seen);
        if (verdict == HUB_WIRE_BAD)
            return verdict;
    }
    head->len = (size_t)(rest.ptr - input.ptr);
    if (head->len > HUB_WIRE_HEAD_LIMIT)
        return bad(head, 431, "the header block is longer than 32768 bytes");
    return whole(head, seen);
}

/* ---- chunked framing ---- */

enum { SIZE, SIZE_END, DATA, DATA_CR, DATA_LF, TRAILER, TRAILER_LINE, TRAILER_LF, LAST_LF, ENDED };
#define CHUNK_LINE_LIMIT 256u

static int hex_digit(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One byte outside the data. False: not chunked framing. Extensions are passed over within their line. */
static bool chunk_byte(hub_wire_chunks_t *chunks, unsigned char c)
{
    switch (chunks->state) {
    case SIZE: {
        int digit = hex_digit(c);
        if (digit >= 0) {
            chunks->left = chunks->left << 4 | (unsigned)digit;
            return ++chunks->line <= 8; /* 4 GiB a chunk */
        }
        if (chunks->line == 0 || (c != '\r' && c != ';'))
            return false;
        chunks->state = SIZE_END;
        /* A CR is followed by LF at once; after ';' the extension runs up to its CR. */
        chunks->line = c == '\r' ? 0 : 1;
        return true;
    }
    case SIZE_END:
        if (chunks->line == 0) {
            chunks->state = chunks->left ? DATA : TRAILER;
            return c == '\n';
        }
        if (c == '\r') {
            chunks->line = 0;
            return true;
        }
        return ++chunks->line <= CHUNK_LINE_LIMIT && (c >= 0x20 || c == '\t') && c != 0x7F;
    case DATA_CR:
        chunks->state = DATA_LF;
        return c == '\r';
    case DATA_LF:
        chunks->state = SIZE;
        return c == '\n';
    case TRAILER: /* at the start of a line */
        chunks->state = c == '\r' ? LAST_LF : TRAILER_LINE;
        return c == '\r' || is_token_char(c);
    case TRAILER_LINE:
        if (c == '\r')
            chunks->state = TRAILER_LF;
        return ++chunks->line <= HUB_WIRE_HEAD_LIMIT && (c >= 0x20 || c == '\t' || c == '\r') && c != 0x7F;
    case TRAILER_LF:
        chunks->state = TRAILER;
        return c == '\n';
    case LAST_LF:
        chunks->state = ENDED;
        return c == '\n';
    default:
        return false;
    }
}

hub_wire_verdict_t hub_wire_chunks_feed(hub_wire_chunks_t *chunks, hub_slice_t bytes, size_t *used)
{
    size_t i = 0;
    while (i < bytes.len && chunks->state != ENDED) {
        if (chunks->state == DATA) {
            uint64_t take = bytes.len - i < chunks->left ? bytes.len - i : chunks->left;
            chunks->left -= take;
            chunks->total += take;
            i += take;
            if (chunks->left == 0) {
                chunks->state = DATA_CR;
                chunks->line = 0;
            }
        } else if (!chunk_byte(chunks, (unsigned char)bytes.ptr[i++])) {
            return HUB_WIRE_BAD;
        }
    }
    *used = i;
    return chunks->state == ENDED ? HUB_WIRE_GOOD : HUB_WIRE_MORE;
}
