/* Query strings and pages (rules P1-P7, decision G). */
#include <inttypes.h>
#include <string.h>

#include "schema.h"

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool ocpi_url_decode(hub_pool_t *pool, hub_slice_t text, hub_slice_t *out)
{
    if (text.len == 0 || !memchr(text.ptr, '%', text.len)) {
        *out = text;
        return text.len == 0 || (!memchr(text.ptr, 0, text.len) && hub_slice_utf8_ok(text));
    }
    char *p = hub_pool_alloc(pool, text.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            if (text.len - i < 3 || hex(text.ptr[i + 1]) < 0 || hex(text.ptr[i + 2]) < 0)
                return false;
            c = (char)(hex(text.ptr[i + 1]) * 16 + hex(text.ptr[i + 2]));
            i += 2;
        }
        if (c == 0)
            return false;
        p[n++] = c;
    }
    p[n] = 0;
    *out = hub_slice(p, n);
    return hub_slice_utf8_ok(*out);
}

bool ocpi_query_get(hub_pool_t *pool, hub_slice_t query, const char *name, hub_slice_t *value)
{
    hub_slice_t part;
    while (hub_slice_split(&query, '&', &part)) {
        hub_slice_t key = HUB_SLICE_NONE;
        if (!hub_slice_split(&part, '=', &key) || !hub_slice_eq_str(key, name))
            continue;
        hub_slice_t raw = part.len ? part : HUB_SLICE_LIT("");
        if (!ocpi_url_decode(pool, raw, value))
            *value = raw; /* what reads it refuses it */
        return true;
    }
    return false;
}

static hub_err_t refuse(ocpi_problem_t *problem, hub_pool_t *pool, const char *name, const char *rule, const char *what)
{
    if (problem)
        *problem = (ocpi_problem_t){.severity = OCPI_ERROR,
                                    .pointer = hub_pool_printf(pool, "/query/%s", name),
                                    .rule = rule,
                                    .message = hub_pool_printf(pool, "%s %s", name, what)};
    return HUB_EINVALID;
}

/* Digits only; more than 64 bits of them is the largest number. */
static bool whole(hub_slice_t text, uint64_t *out)
{
    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    if (!hub_slice_u64(text, out))
        *out = UINT64_MAX;
    return true;
}

static bool time_of(hub_pool_t *pool, hub_slice_t *text, int64_t *ms)
{
    if (text->len > 10 && text->ptr[10] == '+') { /* a blank, as forms write it */
        char *p = hub_pool_str(pool, *text);
        p[10] = ' ';
        *text = hub_slice(p, text->len);
    }
    return ocpi_time_parse(*text, ms, NULL);
}

hub_err_t ocpi_page_parse(hub_pool_t *pool, hub_slice_t query, uint32_t max_limit, bool need_date_from, ocpi_page_t *out,
                          ocpi_problem_t *problem)
{
    *out = (ocpi_page_t){.offset = 0, .limit = max_limit, .from = INT64_MIN, .to = INT64_MAX};
    hub_slice_t text;
    uint64_t n;
    if (ocpi_query_get(pool, query, "offset", &text)) {
        if (!whole(text, &n))
            return refuse(problem, pool, "offset", "G", "must be a whole number of 0 or more");
        out->offset = n;
    }
    if (ocpi_query_get(pool, query, "limit", &text)) {
        if (!whole(text, &n) || n == 0)
            return refuse(problem, pool, "limit", "G", "must be a whole number of 1 or more");
        if (n < max_limit)
            out->limit = (uint32_t)n;
    }
    if (ocpi_query_get(pool, query, "date_from", &out->from_text) && !time_of(pool, &out->from_text, &out->from))
        return refuse(problem, pool, "date_from", "G", "must be a DateTime");
    if (ocpi_query_get(pool, query, "date_to", &out->to_text) && !time_of(pool, &out->to_text, &out->to))
        return refuse(problem, pool, "date_to", "G", "must be a DateTime");
    if (need_date_from && out->from == INT64_MIN)
        return refuse(problem, pool, "date_from", "P11", "is required here");
    if (!ocpi_query_get(pool, query, "position", &out->position))
        out->position = HUB_SLICE_NONE;
    return HUB_EOK;
}

static void add_parameter(hub_buf_t *out, char *separator, const char *name, hub_slice_t value)
{
    hub_buf_add_char(out, *separator);
    hub_buf_add_str(out, name);
    hub_buf_add_char(out, '=');
    hub_buf_add_url(out, value);
    *separator = '&';
}

hub_slice_t ocpi_page_link(hub_pool_t *pool, hub_slice_t url, const ocpi_page_t *page, uint32_t returned, hub_slice_t next_position)
{
    if (!next_position.ptr)
        return HUB_SLICE_NONE;
    hub_buf_t out = HUB_BUF_INIT(pool);
    char separator = '?';
    hub_buf_add_char(&out, '<');
    hub_buf_add(&out, url);
    if (page->from_text.len)
        add_parameter(&out, &separator, "date_from", page->from_text);
    if (page->to_text.len)
        add_parameter(&out, &separator, "date_to", page->to_text);
    add_parameter(&out, &separator, "offset", hub_pool_printf(pool, "%" PRIu64, page->offset + returned));
    add_parameter(&out, &separator, "limit", hub_pool_printf(pool, "%u", page->limit));
    if (next_position.len)
        add_parameter(&out, &separator, "position", next_position);
    hub_buf_add(&out, HUB_SLICE_LIT(">; rel=\"next\""));
    return hub_buf_slice(&out);
}

/* ---- Link of a received page ---- */

/* Takes one link off the front: its URL and its parameters. Commas separate links, but a URL, and a quoted value, may hold some. */
static bool take_link(hub_slice_t *rest, hub_slice_t *url, hub_slice_t *parameters)
{
    *rest = hub_slice_trim(*rest);
    while (rest->len && rest->ptr[0] == ',')
        *rest = hub_slice_trim(hub_slice(rest->ptr + 1, rest->len - 1));
    if (rest->len == 0)
        return false;
    size_t at = 0;
    bool brackets = rest->ptr[0] == '<';
    const char *close = brackets ? memchr(rest->ptr, '>', rest->len) : NULL;
    if (close) {
        *url = hub_slice(rest->ptr + 1, (size_t)(close - rest->ptr) - 1);
        at = url->len + 2;
    } else {
        while (at < rest->len && rest->ptr[at] != ';')
            at++;
        *url = hub_slice(rest->ptr + brackets, at - brackets);
        if (url->len && url->ptr[url->len - 1] == '>')
            url->len--;
    }
    *url = hub_slice_trim(*url);
    size_t first = at;
    bool quoted = false;
    for (; at < rest->len && (quoted || rest->ptr[at] != ','); at++)
        quoted ^= rest->ptr[at] == '"';
    *parameters = hub_slice(rest->ptr + first, at - first);
    *rest = hub_slice(rest->ptr + at, rest->len - at);
    return true;
}

static hub_slice_t unquote(hub_slice_t s)
{
    s = hub_slice_trim(s);
    while (s.len && (s.ptr[0] == '"' || s.ptr[0] == '\''))
        s = hub_slice(s.ptr + 1, s.len - 1);
    while (s.len && (s.ptr[s.len - 1] == '"' || s.ptr[s.len - 1] == '\''))
        s.len--;
    return s;
}

static bool says_next(hub_slice_t parameters)
{
    hub_slice_t part;
    while (hub_slice_split(&parameters, ';', &part)) {
        hub_slice_t name = HUB_SLICE_NONE, word;
        if (!hub_slice_split(&part, '=', &name) || !hub_slice_caseeq_str(hub_slice_trim(name), "rel"))
            continue;
        hub_slice_t words = unquote(part);
        while (hub_slice_split(&words, ' ', &word))
            if (hub_slice_caseeq_str(word, "next"))
                return true;
    }
    return false;
}

hub_slice_t ocpi_link_next(hub_slice_t header)
{
    hub_slice_t url, parameters;
    while (take_link(&header, &url, &parameters))
        if (url.len && says_next(parameters))
            return url;
    return HUB_SLICE_NONE;
}
