/* Reach: who sees our sessions, CDRs and tokens (decisions: Who sees what). Nothing is decided at a write but whose an object is; who may
 * look is worked out when somebody looks, so that what he sees follows his registration at once. */
#include <string.h>
#include <strings.h>

#include "object/objects.h"
#include "sharing.h"

#define REACH_KIND 'G'
#define TOLD_MOST 1000 /* objects of a pair and module that are told when a party is reached */

static void reach_key(hub_key_t *key, uint32_t integration)
{
    hub_key_init(key);
    hub_key_u8(key, REACH_KIND);
    hub_key_u32(key, integration);
}

static void party_key(hub_key_t *key, uint32_t integration, hub_slice_t country, hub_slice_t party)
{
    reach_key(key, integration);
    hub_key_folded(key, country);
    hub_key_folded(key, party);
}

/* ---- which parties are reached through a partner ---- */

static bool has_role(const hub_integration_t *of, hub_slice_t country, hub_slice_t party)
{
    for (uint32_t i = 0; i < of->peer_role_count; i++)
        if (hub_slice_caseeq_str(country, of->peer_roles[i].country) && hub_slice_caseeq_str(party, of->peer_roles[i].party))
            return true;
    return false;
}

static bool is_reached(hub_view_t *view, const hub_integration_t *through, hub_slice_t country, hub_slice_t party)
{
    hub_key_t key;
    hub_slice_t value;
    party_key(&key, through->id, country, party);
    return !key.overflow && hub_view_get(view, HUB_TABLE_REFERENCE, &key, &value) == HUB_EOK;
}

typedef struct search {
    hub_core_t *core;
    hub_view_t *view;
    const hub_integration_t *but;
    hub_slice_t country, party;
    bool found;
} search_t;

static bool look_at(void *arg, uint32_t tenant, uint32_t id)
{
    search_t *search = arg;
    hub_integration_t *other;
    if (id == search->but->id || hub_integration_load(search->core, search->view, tenant, id, &other) != HUB_EOK)
        return true;
    search->found = has_role(other, search->country, search->party);
    hub_integration_unref(other);
    return !search->found;
}

/* A partner that is no hub does not get to see what belongs to a party that has a connection of its own, by giving us a token in its name.
 */
static bool is_elsewhere(hub_core_t *core, hub_view_t *view, const hub_integration_t *from, hub_slice_t country, hub_slice_t party)
{
    search_t search = {core, view, from, country, party, false};
    return hub_integration_each(view, from->tenant, look_at, &search) != HUB_EOK || search.found;
}

static uint32_t count_reached(hub_view_t *view, uint32_t integration)
{
    hub_key_t prefix;
    hub_scan_t scan;
    hub_slice_t key, value;
    uint32_t n = 0;
    reach_key(&prefix, integration);
    hub_scan_init(&scan, view, HUB_TABLE_REFERENCE, &prefix, NULL, false);
    while (n < HUB_REACH_PARTIES && hub_scan_next(&scan, &key, &value))
        n++;
    return hub_scan_finish(&scan) == HUB_EOK ? n : HUB_REACH_PARTIES;
}

/* Sessions and CDRs that come into sight are told to its push, the newest of very many not: they go with their next change. */
static hub_err_t tell_push(hub_view_t *view, const hub_integration_t *to, hub_audience_t pair, ocpi_module_t module)
{
    const hub_stream_t stream = {.tenant = to->tenant, .kind = HUB_STREAM_BINDING, .integration = to->id, .module = (uint8_t)module};
    hub_list_query_t query = {
        .audiences = &pair, .audience_count = 1, .module = (uint8_t)module, .from = INT64_MIN, .to = INT64_MAX, .limit = TOLD_MOST};
    hub_list_page_t page = {0};
    hub_pool_t *pool = hub_pool_create();
    hub_err_t err = hub_audience_count(view, pair, (uint8_t)module) ? hub_list(view, &query, pool, &page) : HUB_EOK;
    for (uint32_t i = 0; i < page.count && !err; i++)
        err = hub_change_note(view, &stream, page.rows[i].key, HUB_CHANGE_OBJECT, hub_now_ms(), NULL);
    hub_pool_destroy(pool);
    return err;
}

static hub_err_t tell_pushes(hub_view_t *view, const hub_integration_t *to, hub_slice_t country, hub_slice_t party)
{
    static const ocpi_module_t modules[] = {OCPI_MODULE_SESSIONS, OCPI_MODULE_CDRS};
    hub_err_t err = HUB_EOK;
    for (uint32_t i = 0; i < to->party_count; i++)
        for (size_t m = 0; m < HUB_COUNT(modules) && !err; m++)
            err = tell_push(view, to, hub_audience_pair(to->parties[i].id, country, party), modules[m]);
    return err;
}

hub_err_t hub_reach_note(hub_core_t *core, hub_view_t *view, const hub_integration_t *from, hub_slice_t country, hub_slice_t party)
{
    hub_key_t key;
    if (country.len > 2 || party.len > 3 || has_role(from, country, party) || is_reached(view, from, country, party))
        return HUB_EOK;
    if (count_reached(view, from->id) >= HUB_REACH_PARTIES) {
        hub_log(HUB_WARN, "reach.full", HUB_INT("integration", from->id), HUB_SLICE("country", country), HUB_SLICE("party", party));
        return HUB_EOK;
    }
    if (!from->peer_is_hub && is_elsewhere(core, view, from, country, party))
        return HUB_EOK;
    party_key(&key, from->id, country, party);
    hub_err_t err = hub_view_put(view, HUB_TABLE_REFERENCE, &key, HUB_SLICE_LIT("1"));
    return err ? err : tell_pushes(view, from, country, party);
}

hub_err_t hub_reach_forget(hub_view_t *view, uint32_t integration)
{
    hub_key_t prefix, at;
    hub_scan_t scan;
    hub_slice_t key, value;
    hub_err_t err = HUB_EOK;
    reach_key(&prefix, integration);
    hub_scan_init(&scan, view, HUB_TABLE_REFERENCE, &prefix, NULL, false);
    while (err == HUB_EOK && hub_scan_next(&scan, &key, &value)) {
        hub_key_init(&at);
        hub_key_bytes(&at, key);
        err = hub_view_delete(view, HUB_TABLE_REFERENCE, &at);
    }
    hub_err_t ended = hub_scan_finish(&scan);
    return err == HUB_EOK ? ended : err;
}

/* ---- who may look ---- */

/* Only a partner that has the other side of the module; one whose roles nobody told has any. */
static bool takes(const hub_integration_t *to, ocpi_module_t module)
{
    return !to->peer_role_mask || (ocpi_role_sides(to->peer_role_mask, module) & OCPI_RECEIVER);
}

static bool is_pair_module(ocpi_module_t module)
{
    return module == OCPI_MODULE_SESSIONS || module == OCPI_MODULE_CDRS;
}

bool hub_reach_governs(ocpi_module_t module)
{
    return is_pair_module(module) || module == OCPI_MODULE_TOKENS;
}

static bool has_party(const hub_integration_t *to, uint32_t party)
{
    for (uint32_t i = 0; i < to->party_count; i++)
        if (to->parties[i].id == party)
            return true;
    return false;
}

static bool sees_through(hub_view_t *view, const hub_integration_t *to, hub_audience_t audience)
{
    char country[3], party[4];
    uint32_t ours;
    if (!hub_audience_pair_parse(audience, &ours, country, party) || !has_party(to, ours))
        return false;
    return has_role(to, hub_slice_str(country), hub_slice_str(party)) || is_reached(view, to, hub_slice_str(country), hub_slice_str(party));
}

bool hub_reach_sees(hub_view_t *view, const hub_integration_t *to, ocpi_module_t module, const hub_object_t *object)
{
    for (uint32_t i = 0; takes(to, module) && i < object->audience_count; i++) {
        hub_audience_t audience = object->audiences[i];
        if (is_pair_module(module) ? sees_through(view, to, audience)
                                   : audience >> 56 == HUB_AUDIENCE_PARTY_ALL && has_party(to, (uint32_t)audience))
            return true;
    }
    return false;
}

/* ---- lists ---- */

typedef struct gathered {
    hub_view_t *view;
    const hub_integration_t *to;
    uint8_t module;
    hub_audience_t *list; /* HUB_LIST_AUDIENCES of them */
    uint32_t count;
    bool full;
} gathered_t;

/* Audiences without anything in them cost nothing later. */
static void gather(gathered_t *g, hub_audience_t audience)
{
    if (!audience || !hub_audience_count(g->view, audience, g->module))
        return;
    for (uint32_t i = 0; i < g->count; i++)
        if (g->list[i] == audience)
            return;
    g->full |= g->count == HUB_LIST_AUDIENCES;
    if (!g->full)
        g->list[g->count++] = audience;
}

static void gather_pairs(gathered_t *g, hub_slice_t country, hub_slice_t party)
{
    for (uint32_t i = 0; i < g->to->party_count; i++)
        gather(g, hub_audience_pair(g->to->parties[i].id, country, party));
}

static hub_err_t gather_reached(gathered_t *g)
{
    hub_key_t prefix;
    hub_scan_t scan;
    hub_slice_t key, value, country, party;
    reach_key(&prefix, g->to->id);
    hub_scan_init(&scan, g->view, HUB_TABLE_REFERENCE, &prefix, NULL, false);
    while (hub_scan_next(&scan, &key, &value)) {
        hub_slice_t rest = hub_slice(key.ptr + prefix.len, key.len - prefix.len);
        if (hub_slice_split(&rest, '\0', &country) && hub_slice_split(&rest, '\0', &party))
            gather_pairs(g, country, party);
    }
    return hub_scan_finish(&scan);
}

hub_err_t hub_reach_list(hub_view_t *view, hub_pool_t *pool, const hub_integration_t *to, ocpi_module_t module, hub_list_query_t *query)
{
    gathered_t g = {.view = view, .to = to, .module = (uint8_t)module};
    hub_err_t err = HUB_EOK;
    g.list = hub_pool_alloc(pool, HUB_LIST_AUDIENCES * sizeof *g.list);
    if (takes(to, module) && is_pair_module(module)) {
        for (uint32_t i = 0; i < to->peer_role_count; i++)
            gather_pairs(&g, hub_slice_str(to->peer_roles[i].country), hub_slice_str(to->peer_roles[i].party));
        err = gather_reached(&g);
    } else if (takes(to, module)) {
        for (uint32_t i = 0; i < to->party_count; i++)
            gather(&g, hub_audience(HUB_AUDIENCE_PARTY_ALL, to->parties[i].id));
    }
    if (g.full)
        hub_log(HUB_WARN, "reach.list_cut", HUB_INT("integration", to->id), HUB_STR("module", ocpi_module_name(module)));
    query->module = (uint8_t)module;
    query->audiences = g.list;
    query->audience_count = g.count;
    query->take = NULL;
    query->total_adjust = 0;
    return err;
}
