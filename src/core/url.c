/* Which URLs and addresses may be a peer's. */
#include "hub/url.h"

#include <arpa/inet.h>
#include <string.h>

typedef struct range {
    unsigned char bytes[16];
    unsigned bits;
} range_t;

/* Not global: IANA special-purpose registries. */
static const range_t closed4[] = {
    {{0}, 8},          {{10}, 8},           {{100, 64}, 10},  {{127}, 8},      {{169, 254}, 16},     {{172, 16}, 12},     {{192, 0, 0}, 24},
    {{192, 0, 2}, 24}, {{192, 88, 99}, 24}, {{192, 168}, 16}, {{198, 18}, 15}, {{198, 51, 100}, 24}, {{203, 0, 113}, 24}, {{224}, 4},
    {{240}, 4},
};

/* Inside 2000::/3, the only global block: */
static const range_t closed6[] = {
    {{0x20, 0x01, 0x00, 0x00}, 23}, /* Teredo, ORCHID, benchmarking, … */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x3f, 0xff, 0x00}, 20},       /* documentation */
};
static const range_t global6 = {{0x20}, 3};

/* IPv6 that carries IPv4: prefix, and where the four bytes lie. */
static const struct {
    range_t range;
    size_t at;
} carried[] = {
    {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96}, 12}, /* mapped */
    {{{0, 0x64, 0xff, 0x9b}, 96}, 12},                      /* NAT64 */
    {{{0x20, 0x02}, 16}, 2},                                /* 6to4 */
};

static bool in_range(const unsigned char *bytes, const range_t *range)
{
    size_t whole = range->bits / 8;
    unsigned rest = range->bits % 8;
    return memcmp(bytes, range->bytes, whole) == 0 && (rest == 0 || ((bytes[whole] ^ range->bytes[whole]) >> (8 - rest)) == 0);
}

static bool in_any(const unsigned char *bytes, const range_t *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (in_range(bytes, &ranges[i]))
            return true;
    return false;
}

bool hub_address_public(const unsigned char *bytes, size_t len)
{
    if (len == 4)
        return !in_any(bytes, closed4, HUB_COUNT(closed4));
    if (len != 16)
        return false;
    for (size_t i = 0; i < HUB_COUNT(carried); i++)
        if (in_range(bytes, &carried[i].range))
            return hub_address_public(bytes + carried[i].at, 4);
    return in_range(bytes, &global6) && !in_any(bytes, closed6, HUB_COUNT(closed6));
}

static bool loopback_name(hub_slice_t host)
{
    static const char *const names[] = {"localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"};
    const hub_slice_t suffix = HUB_SLICE_LIT(".localhost");
    while (host.len > 0 && host.ptr[host.len - 1] == '.')
        host.len--;
    for (size_t i = 0; i < HUB_COUNT(names); i++)
        if (hub_slice_caseeq_str(host, names[i]))
            return true;
    return host.len > suffix.len && hub_slice_caseeq(hub_slice(host.ptr + host.len - suffix.len, suffix.len), suffix);
}

/* NULL: fine. Otherwise what is wrong with the host, which may be a literal address in any form that the resolver takes ("127.1",
 * "0x7f000001"). */
static const char *host_problem(hub_slice_t host, bool bracketed, bool insecure)
{
    static const char closed[] = "the host is a loopback, private or otherwise closed address";
    unsigned char bytes[16];
    char text[256];
    if (host.len == 0 || host.len >= sizeof text)
        return "the host is missing or too long";
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    if (bracketed) {
        if (inet_pton(AF_INET6, text, bytes) != 1)
            return "the host is no IPv6 address";
        return insecure || hub_address_public(bytes, 16) ? NULL : closed;
    }
    for (size_t i = 0; i < host.len; i++) {
        char c = text[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
        if (!good)
            return "the host has a character that no host name has";
    }
    if (insecure)
        return NULL;
    if (loopback_name(host))
        return "the host is this machine itself";
    struct in_addr address;
    while (host.len > 1 && text[host.len - 1] == '.') /* "127.0.0.1." is the same host */
        text[--host.len] = '\0';
    if (inet_aton(text, &address) == 1) {
        memcpy(bytes, &address.s_addr, 4);
        return hub_address_public(bytes, 4) ? NULL : closed;
    }
    return NULL;
}

static const char *authority_problem(hub_slice_t authority, bool insecure)
{
    hub_slice_t host = authority, port = HUB_SLICE_NONE;
    bool bracketed = authority.len > 0 && authority.ptr[0] == '[';
    if (memchr(authority.ptr, '@', authority.len))
        return "user information is not allowed in the URL";
    if (bracketed) {
        const char *end = memchr(authority.ptr, ']', authority.len);
        if (!end)
            return "the host is no IPv6 address";
        host = hub_slice(authority.ptr + 1, (size_t)(end - authority.ptr) - 1);
        port = hub_slice(end + 1, authority.len - host.len - 2);
    } else {
        const char *colon = memchr(authority.ptr, ':', authority.len);
        if (colon) {
            host.len = (size_t)(colon - authority.ptr);
            port = hub_slice(colon, authority.len - host.len);
        }
    }
    uint64_t number = 1;
    if (port.len > 0 && (port.ptr[0] != ':' || port.len > 6 || !hub_slice_u64(hub_slice(port.ptr + 1, port.len - 1), &number)))
        return "the port is no number";
    if (number < 1 || number > 65535)
        return "the port is out of range";
    return host_problem(host, bracketed, insecure);
}

typedef struct scheme {
    const char *text;
    bool open; /* taken of insecure peers only */
} scheme_t;

static const struct family {
    scheme_t schemes[2];
    const char *unknown, *unknown_insecure;
} web = {{{"https://", false}, {"http://", true}}, "the URL must start with https://", "the URL must start with https:// or http://"},
  mail = {{{"smtps://", false}, {"smtp://", false}},
          "the URL must start with smtp:// or smtps://",
          "the URL must start with smtp:// or smtps://"};

static const scheme_t *scheme_of(const struct family *family, hub_slice_t url)
{
    for (size_t i = 0; i < HUB_COUNT(family->schemes); i++) {
        size_t len = strlen(family->schemes[i].text);
        if (url.len >= len && hub_slice_caseeq_str(hub_slice(url.ptr, len), family->schemes[i].text))
            return &family->schemes[i];
    }
    return NULL;
}

static const char *url_problem(const struct family *family, hub_slice_t url, bool insecure)
{
    if (url.len == 0)
        return "the URL is empty";
    if (url.len > HUB_URL_MAX)
        return "the URL is longer than 2048 characters";
    for (size_t i = 0; i < url.len; i++)
        if (url.ptr[i] <= ' ' || url.ptr[i] >= 0x7f || url.ptr[i] == '\\')
            return "the URL has a character that must be percent-encoded";
    const scheme_t *scheme = scheme_of(family, url);
    if (!scheme)
        return insecure ? family->unknown_insecure : family->unknown;
    if (scheme->open && !insecure)
        return "only https:// is allowed for peers (http:// needs --insecure-peers)";
    if (memchr(url.ptr, '#', url.len))
        return "a fragment is not allowed in the URL";
    size_t head = strlen(scheme->text);
    hub_slice_t authority = hub_slice(url.ptr + head, url.len - head);
    for (size_t i = 0; i < authority.len; i++)
        if (authority.ptr[i] == '/' || authority.ptr[i] == '?')
            authority.len = i;
    return authority_problem(authority, insecure);
}

static bool check(const struct family *family, hub_slice_t url, bool insecure, const char **why)
{
    const char *problem = url_problem(family, url, insecure);
    if (why)
        *why = problem ? problem : "";
    return problem == NULL;
}

bool hub_url_check(hub_slice_t url, bool insecure, const char **why)
{
    return check(&web, url, insecure, why);
}

bool hub_url_check_mail(hub_slice_t url, bool insecure, const char **why)
{
    return check(&mail, url, insecure, why);
}
