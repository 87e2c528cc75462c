#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/base.h"

void hub_buf_finish(hub_buf_t *buf)
{
    if (!buf->pool)
        free(buf->ptr);
    *buf = HUB_BUF_INIT(buf->pool);
}

void hub_buf_reserve(hub_buf_t *buf, size_t more)
{
    if (buf->capacity - buf->len >= more)
        return;
    size_t capacity = buf->capacity ? buf->capacity : 256;
    while (capacity - buf->len < more)
        capacity *= 2;
    if (buf->pool) {
        char *p = hub_pool_alloc(buf->pool, capacity);
        if (buf->len)
            memcpy(p, buf->ptr, buf->len);
        buf->ptr = p;
    } else {
        char *p = realloc(buf->ptr, capacity);
        HUB_ASSERT(p);
        buf->ptr = p;
    }
    buf->capacity = capacity;
}

void hub_buf_add(hub_buf_t *buf, hub_slice_t s)
{
    if (s.len == 0)
        return;
    hub_buf_reserve(buf, s.len);
    memcpy(buf->ptr + buf->len, s.ptr, s.len);
    buf->len += s.len;
}

void hub_buf_add_str(hub_buf_t *buf, const char *s)
{
    hub_buf_add(buf, hub_slice_str(s));
}

void hub_buf_add_char(hub_buf_t *buf, char c)
{
    hub_buf_reserve(buf, 1);
    buf->ptr[buf->len++] = c;
}

void hub_buf_add_u64(hub_buf_t *buf, uint64_t n)
{
    char digits[20];
    size_t i = sizeof digits;
    do
        digits[--i] = (char)('0' + n % 10);
    while (n /= 10);
    hub_buf_add(buf, hub_slice(digits + i, sizeof digits - i));
}

void hub_buf_printf(hub_buf_t *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    HUB_ASSERT(n >= 0);
    hub_buf_reserve(buf, (size_t)n + 1);
    vsnprintf(buf->ptr + buf->len, (size_t)n + 1, format, again);
    va_end(again);
    buf->len += (size_t)n;
}

/* Eight bytes of which none needs an escape: no quote, backslash or control character. */
static bool plain8(uint64_t word)
{
    const uint64_t ones = UINT64_MAX / 255, tops = ones * 128;
    uint64_t quote = word ^ (ones * '"'), back = word ^ (ones * '\\'), del = word ^ (ones * 0x7F);
    uint64_t found = ((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) | ((back - ones) & ~back) | ((del - ones) & ~del);
    return !(found & tops);
}

void hub_buf_add_json(hub_buf_t *buf, hub_slice_t s)
{
    static const char hex[] = "0123456789abcdef";
    if (!s.ptr) {
        hub_buf_add(buf, HUB_SLICE_LIT("null"));
        return;
    }
    hub_buf_reserve(buf, s.len * 6 + 2);
    char *p = buf->ptr + buf->len;
    *p++ = '"';
    for (size_t i = 0; i < s.len; i++) {
        for (uint64_t word; i + 8 <= s.len && (memcpy(&word, s.ptr + i, 8), plain8(word)); i += 8, p += 8)
            memcpy(p, &word, 8);
        if (i == s.len)
            break;
        unsigned char c = (unsigned char)s.ptr[i];
        if (c == '"' || c == '\\') {
            *p++ = '\\';
            *p++ = (char)c;
        } else if (c == '\n') {
            *p++ = '\\';
            *p++ = 'n';
        } else if (c == '\t') {
            *p++ = '\\';
            *p++ = 't';
        } else if (c < 0x20 || c == 0x7F) {
            memcpy(p, "\\u00", 4);
            p[4] = hex[c >> 4];
            p[5] = hex[c & 15];
            p += 6;
        } else {
            *p++ = (char)c;
        }
    }
    *p++ = '"';
    buf->len = (size_t)(p - buf->ptr);
}

void hub_buf_add_json_any(hub_buf_t *buf, hub_slice_t s)
{
    if (!s.ptr || hub_slice_utf8_ok(s)) {
        hub_buf_add_json(buf, s);
        return;
    }
    hub_buf_t ascii = HUB_BUF_INIT(NULL);
    for (size_t i = 0; i < s.len; i++)
        hub_buf_add_char(&ascii, (unsigned char)s.ptr[i] < 0x80 ? s.ptr[i] : '?');
    hub_buf_add_json(buf, hub_buf_slice(&ascii));
    hub_buf_finish(&ascii);
}

void hub_buf_add_url(hub_buf_t *buf, hub_slice_t s)
{
    static const char hex[] = "0123456789ABCDEF";
    hub_buf_reserve(buf, s.len * 3);
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && strchr("-._~", c) != NULL);
        if (plain) {
            buf->ptr[buf->len++] = (char)c;
        } else {
            buf->ptr[buf->len++] = '%';
            buf->ptr[buf->len++] = hex[c >> 4];
            buf->ptr[buf->len++] = hex[c & 15];
        }
    }
}
