/* A call that is signed: libcurl's AWS Signature Version 4. libcurl signs path and query as they stand in the URL, while the receiver
 * signs what it reads there in one canonical form; so the URL is brought into that form first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"

#define NAME_MAX_LEN 63 /* of region and service, libcurl's */

static bool name_clean(hub_slice_t name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
        if (!good)
            return false;
    }
    return name.len > 0 && name.len <= NAME_MAX_LEN;
}

/* ---- the canonical URL ---- */

static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Unreserved characters and `keep` as they are, however they were written, all others percent-encoded. */
static void add_canonical(hub_buf_t *out, hub_slice_t text, char keep)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        int high = c == '%' && i + 2 < text.len ? hex_of(text.ptr[i + 1]) : -1, low = high >= 0 ? hex_of(text.ptr[i + 2]) : -1;
        if (low >= 0) {
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (keep && c == keep)
            hub_buf_add_char(out, c);
        else
            hub_buf_add_url(out, hub_slice(&c, 1));
    }
}

static int by_name_and_value(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted as name and value: '=' would otherwise come after digits. */
static char *parameter(hub_pool_t *pool, hub_slice_t text)
{
    hub_buf_t out = HUB_BUF_INIT(pool);
    hub_slice_t name = text;
    hub_slice_split(&text, '=', &name);
    add_canonical(&out, name, '\0');
    hub_buf_add_char(&out, '\1'); /* below every character of a name */
    add_canonical(&out, text, '\0');
    return hub_pool_str(pool, hub_buf_slice(&out));
}

static void add_query(hub_pool_t *pool, hub_buf_t *out, hub_slice_t query)
{
    size_t count = 0;
    char **list = hub_pool_alloc(pool, (query.len + 1) * sizeof *list);
    hub_slice_t part;
    while (hub_slice_split(&query, '&', &part))
        if (part.len)
            list[count++] = parameter(pool, part);
    qsort(list, count, sizeof *list, by_name_and_value);
    for (size_t i = 0; i < count; i++) {
        *strchr(list[i], '\1') = '=';
        hub_buf_add_char(out, i ? '&' : '?');
        hub_buf_add_str(out, list[i]);
    }
}

static hub_slice_t canonical_url(hub_pool_t *pool, hub_slice_t url)
{
    hub_buf_t out = HUB_BUF_INIT(pool);
    const char *end = url.ptr + url.len, *at = memchr(url.ptr, ':', url.len);
    at += strlen("://"); /* hub_url_check has seen it */
    while (at < end && *at != '/' && *at != '?')
        at++;
    hub_buf_add(&out, hub_slice(url.ptr, (size_t)(at - url.ptr)));
    hub_slice_t rest = hub_slice(at, (size_t)(end - at)), path = HUB_SLICE_NONE;
    hub_slice_split(&rest, '?', &path);
    if (path.len == 0)
        hub_buf_add_char(&out, '/');
    add_canonical(&out, path, '/');
    add_query(pool, &out, rest);
    return hub_buf_slice(&out);
}

/* ---- setting up ---- */

hub_err_t hub_peer__sign_prepare(hub_transfer_t *transfer, hub_slice_t *url)
{
    hub_call_t *call = transfer->call;
    const hub_call_sign_t *sign = call->sign;
    CURL *easy = transfer->easy;
    if (!name_clean(sign->region) || !name_clean(sign->service) || !sign->access_key.len ||
        memchr(sign->access_key.ptr, ':', sign->access_key.len)) {
        call->detail = HUB_SLICE_LIT("region, service or access key of the signature is missing or has a character that none has");
        return HUB_EINVALID;
    }
    hub_slice_t scope = hub_pool_printf(call->pool, "aws:amz:%.*s:%.*s", HUB_SLICE_FMT(sign->region), HUB_SLICE_FMT(sign->service));
    curl_easy_setopt(easy, CURLOPT_AWS_SIGV4, scope.ptr);
    curl_easy_setopt(easy, CURLOPT_USERNAME, hub_pool_str(call->pool, sign->access_key));
    curl_easy_setopt(easy, CURLOPT_PASSWORD, hub_pool_str(call->pool, sign->secret_key));
    *url = canonical_url(call->pool, *url);
    return HUB_EOK;
}
