/* Contracts: 2.1.1 Sessions and CDRs name a token by its auth_id (contract_id from 2.2) alone. Table REFERENCE 'E': tenant, contract, key
 * of a token, own or received, that has it. */
#include "contract.h"

#include "object.h"
#include "projection.h"

#define CONTRACT_KIND 'E'
#define CONTRACT_TOKENS 16 /* looked at: cards of one contract */

static void contract_key(hub_key_t *key, uint32_t tenant, hub_slice_t contract)
{
    hub_key_init(key);
    hub_key_u8(key, CONTRACT_KIND);
    hub_key_u32(key, tenant);
    hub_key_folded(key, contract);
}

static hub_slice_t contract_of(yyjson_val *token)
{
    hub_slice_t contract = ocpi_get_str(token, "contract_id");
    return contract.len ? contract : ocpi_get_str(token, "auth_id");
}

static hub_err_t set(hub_view_t *view, uint32_t tenant, hub_slice_t contract, hub_slice_t token_key, bool there)
{
    hub_key_t key;
    contract_key(&key, tenant, contract);
    hub_key_bytes(&key, token_key);
    if (!contract.len || key.overflow)
        return HUB_EOK; /* not to be found by it */
    hub_err_t err =
        there ? hub_view_put(view, HUB_TABLE_REFERENCE, &key, HUB_SLICE_LIT("1")) : hub_view_delete(view, HUB_TABLE_REFERENCE, &key);
    return err == HUB_ENOT_FOUND ? HUB_EOK : err;
}

hub_err_t hub_contract_follow(hub_view_t *view, hub_pool_t *pool, hub_slice_t token_key, const hub_object_t *before, yyjson_val *after)
{
    hub_object_id_t id;
    hub_slice_t old = before ? contract_of(hub_objects__read(pool, hub_projection_own(before))) : HUB_SLICE_NONE;
    hub_slice_t now = contract_of(after);
    hub_err_t err = HUB_EOK;
    if (!hub_object_key_parse(token_key, &id) || (old.len && hub_slice_caseeq(old, now)))
        return HUB_EOK;
    if (old.len)
        err = set(view, id.tenant, old, token_key, false);
    if (!err)
        err = set(view, id.tenant, now, token_key, true);
    return err ? err : hub_projection_contract_known(view, id.tenant, now);
}

static bool read_token(hub_view_t *view, hub_pool_t *pool, hub_slice_t key, ocpi_bridge_token_t *out)
{
    hub_object_id_t id;
    hub_object_t head;
    if (!hub_object_key_parse(key, &id) || hub_object_get_key(view, key, &head) != HUB_EOK)
        return false;
    yyjson_val *token = hub_objects__read(pool, hub_projection_own(&head));
    hub_slice_t country = ocpi_get_str(token, "country_code"), party = ocpi_get_str(token, "party_id");
    out->country = country.len ? country : hub_projection_code(pool, id.country);
    out->party = party.len ? party : hub_projection_code(pool, id.party);
    out->uid = ocpi_get_str(token, "uid");
    out->type = ocpi_get_str(token, "type");
    return token != NULL;
}

static bool same_party(const ocpi_bridge_token_t *a, const ocpi_bridge_token_t *b)
{
    return hub_slice_caseeq(a->country, b->country) && hub_slice_caseeq(a->party, b->party);
}

bool hub_contract_find(hub_view_t *view, hub_pool_t *pool, uint32_t tenant, hub_slice_t contract, ocpi_bridge_token_t *out)
{
    hub_key_t prefix;
    hub_scan_t scan;
    hub_slice_t key, value;
    uint32_t found = 0;
    bool agree = true;
    contract_key(&prefix, tenant, contract);
    if (!contract.len || prefix.overflow)
        return false;
    hub_scan_init(&scan, view, HUB_TABLE_REFERENCE, &prefix, NULL, false);
    while (agree && found < CONTRACT_TOKENS && hub_scan_next(&scan, &key, &value)) {
        ocpi_bridge_token_t token = {0};
        if (!read_token(view, pool, hub_slice(key.ptr + prefix.len, key.len - prefix.len), &token))
            continue;
        agree = found++ == 0 || same_party(out, &token);
        if (found == 1)
            *out = token;
    }
    return hub_scan_finish(&scan) == HUB_EOK && found && agree;
}
