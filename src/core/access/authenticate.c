/* Who calls /v1, for which tenant, with which permissions, and how often. */
#include "credential.h"
#include "face.h"
#include "reply.h"
#include "tenant.h"
#include "usage.h"

static hub_slice_t bearer(const hub_exchange_t *x)
{
    hub_slice_t word, rest = hub_slice_trim(x->header[HUB_HEADER_AUTHORIZATION]);
    return hub_slice_split(&rest, ' ', &word) && hub_slice_caseeq_str(word, "Bearer") ? hub_slice_trim(rest) : HUB_SLICE_NONE;
}

static hub_slice_t given_key(const hub_exchange_t *x)
{
    hub_slice_t key = hub_slice_trim(x->header[HUB_HEADER_API_KEY]);
    return key.len ? key : bearer(x);
}

/* Two credentials: one before us may have judged by the other one (RFC 6750, 2). */
static bool is_ambiguous(const hub_exchange_t *x)
{
    hub_slice_t key = hub_slice_trim(x->header[HUB_HEADER_API_KEY]), token = bearer(x);
    return key.len && token.len && !hub_slice_eq(key, token);
}

static bool is_admin_key(const hub_core_t *core, const unsigned char *hash)
{
    return core->config.admin_key.len && hub_equal_secret(core->admin_hash, hash, HUB_SHA256_LEN);
}

/* x-platform-id within what the credential may see. HUB_ENOT_FOUND: there is no such tenant, or it is another's: nobody learns which. */
static hub_err_t pick_tenant(hub_exchange_t *x, hub_view_t *view, uint32_t bound)
{
    hub_exchange_state_t *state = x->state;
    hub_slice_t asked = hub_slice_trim(x->header[HUB_HEADER_PLATFORM_ID]);
    uint32_t found;
    state->all_tenants = bound == HUB_TENANT_ALL;
    state->tenant = state->all_tenants ? HUB_TENANT_DEFAULT : bound;
    if (!asked.len)
        return HUB_EOK;
    hub_err_t err = hub_tenant_find(view, asked, &found);
    if (!err && !state->all_tenants && found != bound)
        err = HUB_ENOT_FOUND;
    if (!err)
        state->tenant = found;
    return err;
}

static uint64_t seconds_up(int64_t ns)
{
    return ((uint64_t)ns + 999999999u) / 1000000000u;
}

static void add_number(hub_exchange_t *x, const char *name, uint64_t n)
{
    hub_reply_add_header(x, name, hub_pool_printf(x->pool, "%llu", (unsigned long long)n));
}

hub_err_t hub_key_count(hub_exchange_t *x, uint32_t id, hub_slice_t rate_limit)
{
    hub_limit_state_t limit;
    bool fits = hub_usage_count(hub_usage_of(x->worker->core, id, rate_limit), &limit);
    if (!limit.limit)
        return HUB_EOK;
    add_number(x, "ratelimit-limit", limit.limit);
    add_number(x, "ratelimit-remaining", limit.remaining);
    add_number(x, "ratelimit-reset", seconds_up(limit.reset_ns));
    if (!fits)
        x->state->retry_after = (uint32_t)seconds_up(limit.reset_ns);
    return fits ? HUB_EOK : HUB_ERATE;
}

hub_err_t hub_key_authenticate(hub_exchange_t *x)
{
    hub_exchange_state_t *state = x->state;
    unsigned char hash[HUB_SHA256_LEN];
    hub_credential_t head;
    hub_setting_values_t values;
    hub_slice_t given = given_key(x);
    hub_view_t *view = hub_exchange_view(x);
    if (!view)
        return HUB_ESTORE;
    state->challenge = HUB_SLICE_LIT("Bearer realm=\"ocpi-hub\"");
    if (!given.len)
        return HUB_EUNAUTHORIZED;
    if (is_ambiguous(x))
        return HUB_EMALFORMED;
    hub_sha256(given, hash);
    if (is_admin_key(x->worker->core, hash)) {
        state->permissions = HUB_PERMIT_EVERYTHING;
        state->actor = HUB_SLICE_LIT("key:admin");
        return pick_tenant(x, view, HUB_TENANT_ALL);
    }
    hub_err_t err = hub_credential_good(view, hash, &head, &values);
    if (err) {
        state->challenge = HUB_SLICE_LIT("Bearer realm=\"ocpi-hub\", error=\"invalid_token\"");
        return err;
    }
    state->permissions = head.permissions;
    state->key_id = head.id;
    state->actor = hub_pool_printf(x->pool, head.kind == HUB_CREDENTIAL_CLIENT ? "client:%.*s" : "key:%.*s",
                                   HUB_SLICE_FMT(hub_setting_text(x->pool, values.json[K_NAME])));
    err = hub_key_count(x, head.id, values.json[K_RATE_LIMIT]);
    return err ? err : pick_tenant(x, view, head.tenant);
}

void hub_key_hash(const hub_exchange_t *x, unsigned char hash[HUB_SHA256_LEN])
{
    hub_sha256(given_key(x), hash);
}

bool hub_key_stands(const hub_core_t *core, hub_view_t *view, const unsigned char hash[HUB_SHA256_LEN])
{
    hub_credential_t head;
    hub_setting_values_t values;
    return is_admin_key(core, hash) || hub_credential_good(view, hash, &head, &values) == HUB_EOK;
}
