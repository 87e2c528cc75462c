/* Tokens that open our API: table TOKEN, by SHA-256, so that the table gives no token away. Any thread with a view. */
#include <stdlib.h>
#include <string.h>

#include "registration.h"

static void token_key(hub_key_t *key, hub_slice_t token)
{
    unsigned char digest[HUB_SHA256_LEN];
    hub_sha256(token, digest);
    hub_key_init(key);
    hub_key_bytes(key, hub_slice((const char *)digest, sizeof digest));
}

static hub_err_t look_up_key(hub_view_t *view, const hub_key_t *key, hub_token_record_t *out)
{
    hub_slice_t value;
    hub_err_t err = hub_view_get(view, HUB_TABLE_TOKEN, key, &value);
    if (err)
        return err;
    if (value.len != sizeof *out)
        return HUB_ESTORE;
    memcpy(out, value.ptr, sizeof *out);
    return HUB_EOK;
}

static hub_err_t look_up(hub_view_t *view, hub_slice_t token, hub_token_record_t *out)
{
    hub_key_t key;
    token_key(&key, token);
    return look_up_key(view, &key, out);
}

/* ---- headers seen before ----
 * Base64 and SHA-256 in constant time are a seventh of a small GET, and partners send the same header all day. A worker remembers which key
 * a header led to, and what the table said of it while no table that decides on access was written. Only headers that
 * opened something are kept: a stranger cannot push others out. */

#define SEEN_SLOTS 256
#define SEEN_HEADER 160

typedef struct hub_seen {
    uint64_t access; /* hub_view_access when `record` was read */
    hub_token_record_t record;
    uint16_t len;
    char header[SEEN_HEADER];
    unsigned char digest[HUB_SHA256_LEN];
} seen_t; /* worker->seen: SEEN_SLOTS of them; its thread only */

static seen_t *seen_slot(hub_worker_t *worker, hub_slice_t header)
{
    if (!worker->seen) {
        worker->seen = calloc(SEEN_SLOTS, sizeof *worker->seen);
        HUB_ASSERT(worker->seen);
    }
    uint32_t hash = 2166136261u;
    for (size_t i = header.len > 16 ? header.len - 16 : 0; i < header.len; i++) /* tokens are random: their end tells them apart */
        hash = (hash ^ (unsigned char)header.ptr[i]) * 16777619u;
    return &worker->seen[(hash ^ hash >> 16) % SEEN_SLOTS];
}

static hub_err_t look_up_seen(hub_worker_t *worker, hub_view_t *view, hub_slice_t header, hub_token_record_t *out)
{
    hub_key_t key;
    if (header.len > SEEN_HEADER)
        return HUB_ENOT_FOUND;
    seen_t *seen = seen_slot(worker, header);
    if (seen->len != header.len || !hub_equal_secret(seen->header, header.ptr, header.len))
        return HUB_ENOT_FOUND;
    uint64_t access = hub_view_access(view);
    if (access && seen->access == access) {
        *out = seen->record;
        return HUB_EOK;
    }
    hub_key_init(&key);
    hub_key_bytes(&key, hub_slice((const char *)seen->digest, sizeof seen->digest));
    hub_err_t err = look_up_key(view, &key, out);
    if (!err) {
        seen->record = *out;
        seen->access = access;
    }
    return err;
}

static void remember(hub_worker_t *worker, hub_slice_t header, hub_slice_t token)
{
    if (header.len > SEEN_HEADER)
        return;
    seen_t *seen = seen_slot(worker, header);
    seen->access = 0;
    seen->len = (uint16_t)header.len;
    memcpy(seen->header, header.ptr, header.len);
    hub_sha256(token, seen->digest);
}

/* ---- finding ---- */

/* The token of an Authorization header: what follows the word Token; none when it is no such header. */
static hub_slice_t header_token(hub_slice_t authorization)
{
    const hub_slice_t word = HUB_SLICE_LIT("Token ");
    hub_slice_t text = hub_slice_trim(authorization);
    if (text.len <= word.len || !hub_slice_caseeq(hub_slice(text.ptr, word.len), word))
        return HUB_SLICE_NONE;
    return hub_slice_trim(hub_slice(text.ptr + word.len, text.len - word.len));
}

/* The Base64 form of T15; the specification's own samples encode a trailing newline. */
static hub_slice_t decoded(hub_pool_t *pool, hub_slice_t text)
{
    hub_slice_t token;
    if (!hub_base64_decode(pool, text, &token))
        return HUB_SLICE_NONE;
    if (token.len > 0 && token.ptr[token.len - 1] == '\n')
        token.len--;
    return token;
}

hub_err_t hub_token_find(hub_worker_t *worker, hub_view_t *view, hub_pool_t *pool, hub_slice_t authorization, hub_token_record_t *out)
{
    hub_slice_t token = header_token(authorization);
    memset(out, 0, sizeof *out);
    if (token.len == 0 || token.len > 1024)
        return HUB_EUNAUTHORIZED;
    hub_slice_t header = token;
    hub_err_t err = look_up_seen(worker, view, header, out);
    if (err != HUB_ENOT_FOUND)
        return err;
    err = look_up(view, token, out);
    if (err == HUB_ENOT_FOUND) {
        token = decoded(pool, token);
        err = token.len ? look_up(view, token, out) : HUB_EUNAUTHORIZED;
    }
    if (!err)
        remember(worker, header, token);
    return err == HUB_ENOT_FOUND ? HUB_EUNAUTHORIZED : err;
}

hub_err_t hub_token_get(hub_view_t *view, hub_slice_t token, hub_token_record_t *out)
{
    return look_up(view, token, out);
}

bool hub_token_presented(hub_pool_t *pool, hub_slice_t authorization, hub_slice_t token)
{
    hub_slice_t given = header_token(authorization), plain = decoded(pool, given);
    unsigned char digest[HUB_SHA256_LEN], other[HUB_SHA256_LEN];
    if (token.len == 0)
        return false;
    hub_sha256(token, digest);
    hub_sha256(given, other);
    if (hub_equal_secret(digest, other, sizeof digest))
        return true;
    hub_sha256(plain, other);
    return plain.len > 0 && hub_equal_secret(digest, other, sizeof digest);
}

hub_err_t hub_token_put(hub_view_t *view, hub_slice_t token, const hub_token_record_t *record)
{
    hub_key_t key;
    token_key(&key, token);
    return hub_view_put(view, HUB_TABLE_TOKEN, &key, hub_slice((const char *)record, sizeof *record));
}

hub_err_t hub_token_drop(hub_view_t *view, hub_slice_t token)
{
    hub_key_t key;
    token_key(&key, token);
    hub_err_t err = hub_view_delete(view, HUB_TABLE_TOKEN, &key);
    return err == HUB_ENOT_FOUND ? HUB_EOK : err;
}

/* ---- the first use of our current token ---- */

typedef struct first_use {
    hub_op_t op; /* first */
    hub_core_t *core;
    hub_pool_t *pool;
    hub_slice_t authorization;
    uint32_t tenant, integration;
} first_use_t;

static hub_err_t use_apply(hub_view_t *view, hub_op_t *op)
{
    first_use_t *use = (first_use_t *)op;
    hub_registration_t reg;
    hub_token_record_t record;
    hub_err_t err = hub_registration_get(use->core, view, use->pool, use->tenant, use->integration, &reg);
    if (err)
        return err;
    /* The token may have been replaced since the request came in: only the current one counts. */
    if (reg.token_used || !hub_token_presented(use->pool, use->authorization, reg.our_token) ||
        look_up(view, reg.our_token, &record) != HUB_EOK || record.kind != HUB_TOKEN_KIND_OURS)
        return HUB_EOK;
    record.used = 1;
    reg.token_used = true;
    reg.previous_since = 0;
    err = hub_token_put(view, reg.our_token, &record);
    if (!err)
        err = hub_registration_token_set(view, use->tenant, use->integration, &reg.previous_token, HUB_SLICE_NONE, HUB_TOKEN_KIND_NONE,
                                         false);
    if (!err && reg.token_a.len && look_up(view, reg.token_a, &record) == HUB_EOK && record.kind == HUB_TOKEN_KIND_A_SPENT)
        err = hub_registration_token_set(view, use->tenant, use->integration, &reg.token_a, HUB_SLICE_NONE, HUB_TOKEN_KIND_NONE, false);
    return err ? err : hub_registration_put_quiet(use->core, view, use->tenant, use->integration, &reg);
}

static void use_done(hub_op_t *op)
{
    first_use_t *use = (first_use_t *)op;
    if (op->err && op->err != HUB_ESTOPPING)
        hub_log(HUB_WARN, "token.first_use", HUB_INT("integration", use->integration), HUB_STR("error", hub_err_info(op->err)->name));
    hub_pool_destroy(use->pool);
}

void hub_registration_token_used(hub_exchange_t *x, const hub_token_record_t *record)
{
    if (record->kind != HUB_TOKEN_KIND_OURS || record->used)
        return;
    hub_core_t *core = x->worker->core;
    hub_pool_t *pool = hub_pool_create();
    first_use_t *use = HUB_POOL_NEW(pool, first_use_t);
    use->op.apply = use_apply;
    use->op.done = use_done;
    use->op.reply_to = x->worker->mailbox;
    use->core = core;
    use->pool = pool;
    use->tenant = record->tenant;
    use->integration = record->integration;
    use->authorization = hub_pool_copy(pool, x->header[HUB_HEADER_AUTHORIZATION]);
    if (hub_store_submit(core->store, &use->op)) /* full or stopping: the next request tries again */
        hub_pool_destroy(pool);
}
