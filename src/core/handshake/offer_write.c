/* Our own Credentials object, in the shape of each version. Rules C3, C5, C10, C21, C22, decision P. */
#include <string.h>

#include "integration/party.h"
#include "offer.h"

#define ROLES_MAX 10000 /* as many as we take from a peer */

typedef struct writing {
    hub_core_t *core;
    hub_view_t *view;
    hub_pool_t *pool;
    const hub_integration_t *integration;
    ocpi_version_t version;
    hub_buf_t *out;
    uint64_t *seen; /* the (role, party) pairs written: each goes out once (C19) */
    uint32_t count;
} writing_t;

static uint64_t pair_of(ocpi_role_t role, const hub_party_ref_t *party)
{
    uint64_t pair = role;
    for (size_t i = 0; i < 2; i++)
        pair = pair << 8 | (unsigned char)(party->country[i] & ~0x20);
    for (size_t i = 0; i < 3 && party->party[i]; i++)
        pair = pair << 8 | (unsigned char)(party->party[i] >= 'a' && party->party[i] <= 'z' ? party->party[i] - 32 : party->party[i]);
    return pair;
}

static bool is_new(writing_t *w, ocpi_role_t role, const hub_party_ref_t *party)
{
    uint64_t pair = pair_of(role, party);
    if (!w->seen)
        w->seen = hub_pool_alloc(w->pool, ROLES_MAX * sizeof *w->seen);
    for (uint32_t i = 0; i < w->count; i++)
        if (w->seen[i] == pair)
            return false;
    if (w->count == ROLES_MAX)
        return false;
    w->seen[w->count++] = pair;
    return true;
}

static void add_party(writing_t *w, hub_slice_t details, const hub_party_ref_t *party)
{
    hub_buf_add_str(w->out, "\"business_details\":");
    hub_buf_add(w->out, details);
    hub_buf_printf(w->out, ",\"party_id\":\"%s\",\"country_code\":\"%s\"", party->party, party->country);
}

static void add_role(writing_t *w, ocpi_role_t role, hub_slice_t details, const hub_party_ref_t *party)
{
    if (!is_new(w, role, party))
        return;
    hub_buf_printf(w->out, "%s{\"role\":\"%s\",", w->count > 1 ? "," : "", ocpi_role_name(role));
    add_party(w, details, party);
    hub_buf_add_char(w->out, '}');
}

/* ---- our parties ---- */

static hub_slice_t name_alone(hub_pool_t *pool, const char *name) /* required by the specification: a name there must be */
{
    hub_buf_t out = HUB_BUF_INIT(pool);
    hub_buf_add_str(&out, "{\"name\":");
    hub_buf_add_json(&out, hub_slice_str(name));
    hub_buf_add_char(&out, '}');
    return hub_buf_slice(&out);
}

static hub_slice_t business_details(const writing_t *w, const hub_party_ref_t *ref)
{
    hub_party_t party;
    uint32_t tenant = w->integration->tenant;
    hub_err_t err = ref->id ? hub_party_get(w->view, w->pool, tenant, ref->id, &party)
                            : hub_party_find(w->view, w->pool, tenant, hub_slice_str(ref->country), hub_slice_str(ref->party), &party);
    if (!err && party.business_details.len && !hub_slice_eq_str(party.business_details, "null"))
        return hub_pool_copy(w->pool, party.business_details);
    return name_alone(w->pool, ref->party);
}

static void add_our_party(writing_t *w, const hub_party_ref_t *ref, uint32_t without)
{
    hub_slice_t details = business_details(w, ref);
    uint32_t roles = hub_offer_party_roles(w->integration, ref) & ~without;
    for (uint32_t role = 1; role <= OCPI_ROLE_UNDEFINED; role <<= 1)
        if (roles & role)
            add_role(w, (ocpi_role_t)role, details, ref);
}

/* ---- a hub on 2.3.0 lists whom it reaches (C22) ---- */

static hub_slice_t peer_details(const writing_t *w, yyjson_val *roles, const hub_party_ref_t *party)
{
    size_t i, n;
    yyjson_val *item;
    yyjson_arr_foreach(roles, i, n, item)
    {
        yyjson_val *details = yyjson_obj_get(item, "business_details");
        if (yyjson_is_obj(details) && hub_slice_caseeq_str(ocpi_get_str(item, "party_id"), party->party) &&
            hub_slice_caseeq_str(ocpi_get_str(item, "country_code"), party->country))
            return ocpi_write(w->pool, details);
    }
    return name_alone(w->pool, party->party);
}

static void add_peer(writing_t *w, const hub_integration_t *peer)
{
    hub_registration_t registration;
    yyjson_doc *doc;
    yyjson_val *roles = NULL;
    if (hub_registration_get(w->core, w->view, w->pool, peer->tenant, peer->id, &registration) == HUB_EOK && registration.roles_json.len &&
        ocpi_read(w->pool, registration.roles_json, &doc, NULL) == HUB_EOK)
        roles = yyjson_doc_get_root(doc);
    for (uint32_t i = 0; i < peer->peer_role_count; i++) {
        const hub_party_ref_t *party = &peer->peer_roles[i];
        uint32_t role = party->roles & ~(uint32_t)OCPI_ROLE_HUB;
        if (role)
            add_role(w, (ocpi_role_t)role, peer_details(w, roles, party), party);
    }
}

/* Another integration: its peers are reachable when we are their hub, too. */
static bool visit(void *arg, uint32_t tenant, uint32_t id)
{
    writing_t *w = arg;
    hub_integration_t *peer;
    hub_key_t key;
    hub_slice_t record;
    hub_integration_key(&key, tenant, id);
    if (id == w->integration->id || hub_view_get(w->view, HUB_TABLE_INTEGRATION, &key, &record) != HUB_EOK ||
        !memmem(record.ptr, record.len, "HUB", 3) || hub_integration_load(w->core, w->view, tenant, id, &peer) != HUB_EOK)
        return true; /* most are no hub's: told without decoding */
    if (peer->is_ocpi && peer->enabled && peer->authorized && (peer->customer_roles & OCPI_ROLE_HUB))
        add_peer(w, peer);
    hub_integration_unref(peer);
    return w->count < ROLES_MAX;
}

/* Which of our parties is the hub; party_count: none. */
static uint32_t hub_among(const hub_integration_t *integration)
{
    uint32_t i = 0;
    while (i < integration->party_count && !(hub_offer_party_roles(integration, &integration->parties[i]) & OCPI_ROLE_HUB))
        i++;
    return i;
}

/* ---- the three shapes ---- */

static hub_err_t write_211(writing_t *w)
{
    if (w->integration->party_count == 0 || !hub_offer_party_roles(w->integration, &w->integration->parties[0]))
        return HUB_EINVALID;
    const hub_party_ref_t *party = &w->integration->parties[0];
    hub_buf_add_char(w->out, ',');
    add_party(w, business_details(w, party), party);
    return HUB_EOK;
}

static hub_err_t write_roles(writing_t *w)
{
    const hub_integration_t *integration = w->integration;
    uint32_t at = w->version > OCPI_V2_2_1 ? hub_among(integration) : integration->party_count; /* the role HUB is gone there */
    bool is_hub = at < integration->party_count;
    hub_err_t err = HUB_EOK;
    if (is_hub)
        hub_buf_printf(w->out, ",\"hub_party_id\":\"%s%s\"", integration->parties[at].country, integration->parties[at].party);
    hub_buf_add_str(w->out, ",\"roles\":[");
    for (uint32_t i = 0; i < integration->party_count; i++)
        add_our_party(w, &integration->parties[i], is_hub ? OCPI_ROLE_HUB : 0);
    if (is_hub)
        err = hub_integration_each(w->view, integration->tenant, visit, w);
    if (is_hub && !w->count) /* nobody yet, but the list must not be empty */
        add_role(w, OCPI_ROLE_OTHER, business_details(w, &integration->parties[at]), &integration->parties[at]);
    hub_buf_add_char(w->out, ']');
    return err ? err : w->count ? HUB_EOK : HUB_EINVALID;
}

hub_err_t hub_offer_write(hub_core_t *core, hub_view_t *view, hub_pool_t *pool, const hub_integration_t *integration,
                          ocpi_version_t version, hub_slice_t token, hub_buf_t *out)
{
    writing_t w = {.core = core, .view = view, .pool = pool, .integration = integration, .version = version, .out = out};
    hub_buf_add_str(out, "{\"token\":");
    hub_buf_add_json(out, token);
    hub_buf_add_str(out, ",\"url\":");
    hub_buf_add_json(out, core->versions_url);
    hub_err_t err = version == OCPI_V2_1_1 ? write_211(&w) : write_roles(&w);
    hub_buf_add_char(out, '}');
    return err;
}
