/* GET /openapi.json. Made at the first request, then kept as long as the process lives. */
#include <pthread.h>

#include "face.h"
#include "openapi.h"
#include "reply.h"

#define TAG_BYTES 16

typedef struct hub_openapi {
    pthread_mutex_t lock;
    hub_slice_t json, etag; /* in the core's pool; none: not made yet */
} hub_openapi_t;

static const char about[] = "The management API of ocpi-hub. Times are RFC 3339 in UTC. A request names its credential in X-API-KEY or as "
                            "a Bearer token; x-platform-id picks "
                            "the platform (tenant) where the credential may act for several. GET paths answer HEAD, too; a method that a "
                            "path does not offer is 405 with Allow. "
                            "Errors are problems (RFC 9457). Query parameters that a path does not know are ignored. x-rules of an "
                            "operation are what its schemas cannot say; "
                            "x-examples are all examples as requests, in an order in which they work on an empty hub.";

static void add_info(hub_doc_t *doc)
{
    hub_doc_member(doc, "openapi", "3.1.0");
    hub_doc_begin(doc, "info");
    hub_doc_member(doc, "title", "ocpi-hub");
    hub_doc_member(doc, "description", about);
    hub_doc_key(doc, "version");
    hub_doc_slice(doc, doc->core->config.version);
    hub_doc_end(doc);
    hub_doc_key(doc, "servers");
    hub_doc_open(doc, '[');
    hub_doc_open(doc, '{');
    hub_doc_key(doc, "url");
    hub_doc_slice(doc, doc->core->public_url.len ? doc->core->public_url : HUB_SLICE_LIT("/"));
    hub_doc_end(doc);
    hub_doc_close(doc, ']');
}

static hub_slice_t make(hub_core_t *core, hub_pool_t *pool)
{
    hub_doc_t doc = {.pool = pool, .core = core, .out = HUB_BUF_INIT(pool)};
    hub_doc_open(&doc, '{');
    add_info(&doc);
    hub_doc_paths(&doc);
    hub_doc_begin(&doc, "components");
    hub_doc_begin(&doc, "schemas");
    hub_doc_shapes(&doc);
    hub_doc_settings(&doc);
    hub_doc_embedded(&doc);
    hub_doc_objects(&doc);
    hub_doc_end(&doc);
    hub_doc_parameters(&doc);
    hub_doc_headers(&doc);
    hub_doc_responses(&doc);
    hub_doc_security(&doc);
    hub_doc_end(&doc);
    hub_doc_example_order(&doc);
    hub_doc_end(&doc);
    return hub_buf_slice(&doc.out);
}

static hub_slice_t tag_of(hub_pool_t *pool, hub_slice_t json)
{
    unsigned char digest[HUB_SHA256_LEN];
    hub_buf_t out = HUB_BUF_INIT(pool);
    hub_sha256(json, digest);
    hub_buf_add_char(&out, '"');
    for (size_t i = 0; i < TAG_BYTES; i++)
        hub_buf_printf(&out, "%02x", digest[i]);
    hub_buf_add_char(&out, '"');
    return hub_buf_slice(&out);
}

hub_openapi_t *hub_openapi_create(hub_pool_t *pool)
{
    hub_openapi_t *kept = HUB_POOL_NEW(pool, hub_openapi_t);
    pthread_mutex_init(&kept->lock, NULL);
    return kept;
}

/* One thread makes it, others that come meanwhile wait the few milliseconds. */
static const hub_openapi_t *kept_by(hub_core_t *core)
{
    hub_openapi_t *kept = core->openapi;
    pthread_mutex_lock(&kept->lock);
    if (!kept->json.ptr) {
        hub_pool_t *pool = hub_pool_create();
        kept->json = hub_pool_copy(core->pool, make(core, pool));
        kept->etag = tag_of(core->pool, kept->json);
        hub_pool_destroy(pool);
    }
    pthread_mutex_unlock(&kept->lock);
    return kept;
}

/* A weak comparison (RFC 9110, 13.1.2). */
static bool has(hub_slice_t if_none_match, hub_slice_t etag)
{
    hub_slice_t tag;
    while (hub_slice_split(&if_none_match, ',', &tag)) {
        tag = hub_slice_trim(tag);
        if (hub_slice_starts(tag, HUB_SLICE_LIT("W/")))
            tag = hub_slice(tag.ptr + 2, tag.len - 2);
        if (hub_slice_eq_str(tag, "*") || hub_slice_eq(tag, etag))
            return true;
    }
    return false;
}

void hub_page_openapi(hub_exchange_t *x)
{
    const hub_openapi_t *kept = kept_by(x->worker->core);
    hub_reply_add_header(x, "etag", kept->etag);
    hub_reply_add_header(x, "cache-control", HUB_SLICE_LIT("public, max-age=300"));
    if (has(x->header[HUB_HEADER_IF_NONE_MATCH], kept->etag))
        hub_reply_empty(x, 304);
    else
        hub_reply_json(x, 200, kept->json);
}
