/* Pages of a peer: where the next one lies, whether it was seen before, and the bytes of its elements. No state, no I/O. */
#include <stdlib.h>
#include <string.h>

#include "crawl.h"

/* ---- next links ---- */

typedef struct hub_origin {
    hub_slice_t whole; /* "https://host:port" */
    hub_slice_t scheme, host, port;
    hub_slice_t rest; /* path and query */
} hub_origin_t;

static hub_slice_t from(hub_slice_t s, size_t at)
{
    return at < s.len ? hub_slice(s.ptr + at, s.len - at) : hub_slice(s.ptr + s.len, 0);
}

static size_t find(hub_slice_t s, const char *any)
{
    size_t i = 0;
    while (i < s.len && !strchr(any, s.ptr[i]))
        i++;
    return i;
}

static bool parse(hub_slice_t url, hub_origin_t *out)
{
    size_t colon = find(url, ":/?#");
    if (url.len < colon + 4 || memcmp(url.ptr + colon, "://", 3) != 0)
        return false;
    out->scheme = hub_slice(url.ptr, colon);
    hub_slice_t after = from(url, colon + 3);
    hub_slice_t authority = hub_slice(after.ptr, find(after, "/?#"));
    out->whole = hub_slice(url.ptr, colon + 3 + authority.len);
    out->rest = from(after, authority.len);
    if (memchr(authority.ptr, '@', authority.len))
        return false;
    size_t port = authority.len;
    for (size_t i = authority.len; i > 0 && authority.ptr[i - 1] != ']'; i--)
        if (authority.ptr[i - 1] == ':') {
            port = i - 1;
            break;
        }
    out->host = hub_slice(authority.ptr, port);
    out->port = from(authority, port + 1);
    if (!out->port.len)
        out->port = hub_slice_caseeq_str(out->scheme, "https") ? HUB_SLICE_LIT("443") : HUB_SLICE_LIT("80");
    return out->host.len > 0;
}

static char *join(hub_slice_t a, hub_slice_t b, hub_slice_t c)
{
    char *out = malloc(a.len + b.len + c.len + 1);
    HUB_ASSERT(out);
    memcpy(out, a.ptr, a.len);
    memcpy(out + a.len, b.ptr, b.len);
    memcpy(out + a.len + b.len, c.ptr, c.len);
    out[a.len + b.len + c.len] = 0;
    return out;
}

/* Links of a platform behind a proxy often name http where https is meant: same host, and the scheme and port of the endpoint are kept. */
static char *absolute(const hub_origin_t *endpoint, const hub_origin_t *link)
{
    if (!hub_slice_caseeq(endpoint->host, link->host))
        return NULL;
    bool same_scheme = hub_slice_caseeq(endpoint->scheme, link->scheme);
    bool web = hub_slice_caseeq_str(link->scheme, "http") || hub_slice_caseeq_str(link->scheme, "https");
    if (!web || (same_scheme && !hub_slice_eq(endpoint->port, link->port)))
        return NULL;
    return join(endpoint->whole, link->rest, HUB_SLICE_LIT(""));
}

char *hub_link__resolve(hub_slice_t endpoint, hub_slice_t current, hub_slice_t link)
{
    hub_origin_t base, now, next;
    link = hub_slice(link.ptr, find(link, "#"));
    if (!link.len || !parse(endpoint, &base) || !parse(current, &now))
        return NULL;
    if (parse(link, &next))
        return absolute(&base, &next);
    size_t colon = find(link, ":/?");
    if (colon < link.len && link.ptr[colon] == ':')
        return NULL; /* absolute, and nothing that we follow */
    hub_slice_t path = hub_slice(now.rest.ptr, find(now.rest, "?#"));
    if (link.len >= 2 && link.ptr[0] == '/' && link.ptr[1] == '/')
        return NULL;
    if (link.ptr[0] == '/')
        return join(base.whole, link, HUB_SLICE_LIT(""));
    if (link.ptr[0] != '?')
        while (path.len && path.ptr[path.len - 1] != '/')
            path.len--;
    return join(base.whole, path, link);
}

/* ---- what was seen ---- */

uint64_t hub_fingerprint__hash(uint64_t hash, hub_slice_t s)
{
    return hub_hash(hub_hash(hash, s), HUB_SLICE_LIT("\xff"));
}

static bool insert(hub_fingerprints_t *seen, uint64_t fingerprint)
{
    size_t i = fingerprint & (seen->size - 1);
    while (seen->slots[i] && seen->slots[i] != fingerprint)
        i = (i + 1) & (seen->size - 1);
    if (seen->slots[i] == fingerprint)
        return false;
    seen->slots[i] = fingerprint;
    seen->count++;
    return true;
}

bool hub_fingerprints__add(hub_fingerprints_t *seen, uint64_t fingerprint)
{
    if (!fingerprint)
        fingerprint = 1;
    if (seen->count * 2 >= seen->size) {
        hub_fingerprints_t grown = {.size = seen->size ? seen->size * 2 : 64};
        grown.slots = calloc(grown.size, sizeof *grown.slots);
        HUB_ASSERT(grown.slots);
        for (size_t i = 0; i < seen->size; i++)
            if (seen->slots[i])
                insert(&grown, seen->slots[i]);
        free(seen->slots);
        *seen = grown;
    }
    return insert(seen, fingerprint);
}

void hub_fingerprints__finish(hub_fingerprints_t *seen)
{
    free(seen->slots);
    *seen = (hub_fingerprints_t){0};
}

/* ---- elements, byte for byte ---- */

typedef struct hub_reader {
    const char *at, *end;
} hub_reader_t;

static void blanks(hub_reader_t *r)
{
    while (r->at < r->end && strchr(" \t\r\n", *r->at))
        r->at++;
}

static void skip_string(hub_reader_t *r)
{
    for (r->at++; r->at < r->end && *r->at != '"'; r->at++)
        if (*r->at == '\\')
            r->at++;
    r->at++;
}

/* The document has been parsed before: only strings and brackets need care. */
static hub_slice_t value(hub_reader_t *r)
{
    const char *start = r->at;
    int depth = 0;
    while (r->at < r->end) {
        char c = *r->at;
        if (c == '"') {
            skip_string(r);
        } else if (c == '{' || c == '[') {
            depth++;
            r->at++;
        } else if (c == '}' || c == ']') {
            if (depth == 0)
                break;
            depth--;
            r->at++;
        } else if (depth == 0 && strchr(", \t\r\n:", c)) {
            break;
        } else {
            r->at++;
            continue;
        }
        if (depth == 0)
            break;
    }
    if (r->at > r->end)
        r->at = r->end;
    return hub_slice(start, (size_t)(r->at - start));
}

static bool find_data(hub_reader_t *r)
{
    blanks(r);
    if (r->at >= r->end || *r->at++ != '{')
        return false;
    while (r->at < r->end) {
        blanks(r);
        hub_slice_t name = value(r);
        blanks(r);
        r->at++; /* ':' */
        blanks(r);
        if (hub_slice_eq_str(name, "\"data\""))
            return r->at < r->end && *r->at == '[';
        value(r);
        blanks(r);
        r->at++; /* ',' */
    }
    return false;
}

size_t hub_page__elements(hub_slice_t body, hub_slice_t *out, size_t most)
{
    hub_reader_t r = {body.ptr, body.ptr + body.len};
    size_t count = 0;
    if (!find_data(&r))
        return 0;
    r.at++;
    blanks(&r);
    while (r.at < r.end && *r.at != ']') {
        hub_slice_t element = value(&r);
        if (!element.len)
            break;
        if (count < most)
            out[count] = element;
        count++;
        blanks(&r);
        if (r.at < r.end && *r.at == ',')
            r.at++;
        blanks(&r);
    }
    return count;
}
