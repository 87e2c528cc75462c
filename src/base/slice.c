#include <stdint.h>
#include <string.h>

#include "hub/base.h"

hub_slice_t hub_slice_str(const char *s)
{
    return s ? hub_slice(s, strlen(s)) : HUB_SLICE_NONE;
}

bool hub_slice_eq(hub_slice_t a, hub_slice_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool hub_slice_eq_str(hub_slice_t a, const char *b)
{
    return hub_slice_eq(a, hub_slice_str(b));
}

static unsigned char fold(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool hub_slice_caseeq(hub_slice_t a, hub_slice_t b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = a.len; i-- > 0;) /* ids of one series differ at their ends */
        if (fold(a.ptr[i]) != fold(b.ptr[i]))
            return false;
    return true;
}

bool hub_slice_caseeq_str(hub_slice_t a, const char *b)
{
    return hub_slice_caseeq(a, hub_slice_str(b));
}

bool hub_slice_starts(hub_slice_t s, hub_slice_t prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

hub_slice_t hub_slice_trim(hub_slice_t s)
{
    while (s.len && is_blank(s.ptr[0]))
        s.ptr++, s.len--;
    while (s.len && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

bool hub_slice_split(hub_slice_t *rest, char separator, hub_slice_t *part)
{
    if (!rest->ptr)
        return false;
    const char *at = rest->len ? memchr(rest->ptr, separator, rest->len) : NULL;
    if (!at) {
        *part = *rest;
        *rest = HUB_SLICE_NONE;
        return true;
    }
    size_t n = (size_t)(at - rest->ptr);
    *part = hub_slice(rest->ptr, n);
    *rest = hub_slice(at + 1, rest->len - n - 1);
    return true;
}

bool hub_slice_u64(hub_slice_t s, uint64_t *out)
{
    uint64_t n = 0;
    if (s.len == 0 || s.len > 20)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        unsigned digit = (unsigned)(s.ptr[i] - '0');
        if (n > (UINT64_MAX - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    *out = n;
    return true;
}

/* Length of the well-formed UTF-8 sequence at p (RFC 3629: no surrogates, no overlong forms), 0 when it is none. */
static size_t utf8_sequence(const unsigned char *p, size_t left)
{
    if (p[0] < 0x80)
        return 1;
    size_t n = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    if (p[0] < 0xC2 || p[0] > 0xF4 || left < n)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) || (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F))
        return 0;
    return n;
}

hub_slice_t hub_slice_utf8_cut(hub_slice_t s, size_t most)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    size_t len = s.len < most ? s.len : most, i = 0;
    for (size_t n; i < len && (n = utf8_sequence(p + i, len - i)) > 0;)
        i += n;
    return hub_slice(s.ptr, i);
}

bool hub_slice_utf8_ok(hub_slice_t s)
{
    return hub_slice_utf8_cut(s, s.len).len == s.len;
}

uint64_t hub_hash(uint64_t hash, hub_slice_t s)
{
    for (size_t i = 0; i < s.len; i++)
        hash = (hash ^ (unsigned char)s.ptr[i]) * 1099511628211u;
    return hash;
}
