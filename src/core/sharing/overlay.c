/* The overlay as others use it: what lists merge, what a single look gives, how an object looks to a partner, and what happens when the
 * settings change. */
#include <string.h>

#include "object/objects.h"
#include "object/quarantine.h"
#include "reference.h"
#include "sync/push.h"

/* ---- lists and single looks ---- */

/* The audience that every partner of this party has; 0: none. */
static hub_audience_t base_with(bool bound, bool tariffs_all, ocpi_module_t module, uint32_t party)
{
    if (party == 0)
        return 0;
    if (module == OCPI_MODULE_TARIFFS && tariffs_all)
        return hub_audience(HUB_AUDIENCE_PARTY_ALL, party);
    return bound ? 0 : hub_audience(HUB_AUDIENCE_PARTY_PUBLIC, party);
}

static hub_audience_t base_of(const hub_integration_t *to, ocpi_module_t module, uint32_t party)
{
    return base_with(to->sharing_bound, to->tariffs_all, module, party);
}

static bool take_visible(void *arg, const hub_list_row_t *row)
{
    (void)arg;
    return row->tag != HUB_SHARING_EXCLUDE;
}

hub_err_t hub_sharing_list(hub_view_t *view, hub_pool_t *pool, const hub_integration_t *to, ocpi_module_t module, hub_list_query_t *query)
{
    if (hub_reach_governs(module))
        return hub_reach_list(view, pool, to, module, query);
    hub_audience_t *list = hub_pool_alloc(pool, (to->party_count + 1u) * sizeof *list);
    hub_audience_t overlay = hub_audience(HUB_AUDIENCE_OVERLAY, to->id);
    uint32_t n = 0;
    query->module = (uint8_t)module;
    query->take = NULL;
    query->total_adjust = 0;
    if (hub_audience_count(view, overlay, (uint8_t)module) > 0) {
        list[n++] = overlay;
        query->take = take_visible;
        query->total_adjust = hub_adjust_get(view, to->id, (uint8_t)module);
    }
    for (uint32_t i = 0; i < to->party_count; i++) {
        hub_audience_t base = base_of(to, module, to->parties[i].id);
        bool twice = false;
        for (uint32_t j = 0; j < n; j++)
            twice |= list[j] == base;
        if (base && !twice && n < HUB_LIST_AUDIENCES)
            list[n++] = base;
    }
    query->audiences = list;
    query->audience_count = n;
    return HUB_EOK;
}

static bool in_base(const hub_integration_t *to, ocpi_module_t module, const hub_object_t *object)
{
    for (uint32_t i = 0; i < to->party_count; i++) {
        hub_audience_t base = base_of(to, module, to->parties[i].id);
        for (uint32_t j = 0; base && j < object->audience_count; j++) {
            if (object->audiences[j] == base)
                return true;
        }
    }
    return false;
}

hub_err_t hub_sharing_get(hub_view_t *view, const hub_integration_t *to, ocpi_module_t module, hub_slice_t object_key,
                          const hub_object_t *object, hub_sharing_t *out)
{
    hub_sight_t sight;
    memset(out, 0, sizeof *out);
    out->last_updated = object->last_updated;
    if (hub_reach_governs(module))
        return hub_reach_sees(view, to, module, object) ? HUB_EOK : HUB_ENOT_FOUND;
    hub_err_t err = hub_sight_get(view, NULL, to->tenant, to->id, (uint8_t)module, object_key, &sight);
    if (err != HUB_EOK)
        return err;
    if (!sight.tag)
        return in_base(to, module, object) ? HUB_EOK : HUB_ENOT_FOUND;
    if (sight.tag == HUB_SHARING_EXCLUDE)
        return HUB_ENOT_FOUND;
    out->withdrawn = sight.tag == HUB_SHARING_WITHDRAWN;
    out->since = sight.since;
    out->last_updated = sight.row_updated;
    if (module == OCPI_MODULE_LOCATIONS && sight.bound)
        out->binding = sight.body;
    out->render = out->withdrawn || out->binding.len || out->last_updated != object->last_updated;
    return HUB_EOK;
}

static bool left_location(hub_view_t *view, const hub_integration_t *to, hub_slice_t key, const hub_object_t *object,
                          const hub_share_t *share)
{
    hub_place_t place;
    if (to->sharing_bound && !(object && object->seq <= share->all_until))
        return false;
    hub_pool_t *pool = hub_pool_create();
    bool left = hub_place_get(view, pool, key, &place) == HUB_EOK && place.exists && place.seen && hub_share_has(share, place.party);
    hub_pool_destroy(pool);
    return left;
}

static bool left_tariff(hub_view_t *view, const hub_integration_t *to, hub_slice_t key, const hub_object_t *object,
                        const hub_share_t *share)
{
    hub_price_t price;
    if (to->tariffs_all)
        return true;
    if (object && object->seq <= share->tariffs_until)
        return true;
    return !to->sharing_bound && hub_price_get(view, key, &price) == HUB_EOK && price.seen;
}

bool hub_sharing_left(hub_view_t *view, const hub_integration_t *to, ocpi_module_t module, hub_slice_t object_key,
                      const hub_object_t *object, hub_stream_kind_t stream, hub_change_kind_t kind, hub_sharing_t *out)
{
    hub_share_t share;
    memset(out, 0, sizeof *out);
    if (hub_reach_governs(module))
        return false; /* nothing takes them back: what was sent stays there */
    bool left = stream == HUB_STREAM_BINDING && kind == HUB_CHANGE_DELETE;
    if (!left && hub_share_get(view, to->tenant, to->id, &share) == HUB_EOK)
        left = module == OCPI_MODULE_LOCATIONS ? left_location(view, to, object_key, object, &share)
                                               : left_tariff(view, to, object_key, object, &share);
    out->withdrawn = out->render = left && module == OCPI_MODULE_LOCATIONS;
    out->last_updated = out->since = object ? object->last_updated : 0;
    return left;
}

bool hub_sharing_was_open(hub_view_t *view, hub_slice_t location_key)
{
    hub_place_t place;
    hub_pool_t *pool = hub_pool_create();
    bool open = hub_place_get(view, pool, location_key, &place) == HUB_EOK && place.open;
    hub_pool_destroy(pool);
    return open;
}

/* ---- how it looks ---- */

static yyjson_mut_val *time_value(yyjson_mut_doc *doc, int64_t ms)
{
    char text[OCPI_TIME_MAX + 1];
    size_t len = ocpi_time_format(ms, text);
    return yyjson_mut_strncpy(doc, text, len);
}

/* Sets last_updated where it is older. */
static void time_raise(yyjson_mut_doc *doc, yyjson_mut_val *object, int64_t ms)
{
    yyjson_mut_val *old = yyjson_mut_obj_get(object, "last_updated");
    int64_t was;
    unsigned odd;
    if (ms == 0 ||
        (yyjson_mut_is_str(old) && ocpi_time_parse(hub_slice(yyjson_mut_get_str(old), yyjson_mut_get_len(old)), &was, &odd) && was >= ms))
        return;
    yyjson_mut_obj_put(object, yyjson_mut_str(doc, "last_updated"), time_value(doc, ms));
}

static void withdraw(yyjson_mut_doc *doc, yyjson_mut_val *location, int64_t since)
{
    size_t i, n;
    yyjson_mut_val *evse, *evses = yyjson_mut_obj_get(location, "evses");
    if (!yyjson_mut_is_arr(evses))
        return;
    yyjson_mut_arr_foreach(evses, i, n, evse)
    {
        yyjson_mut_obj_put(evse, yyjson_mut_str(doc, "status"), yyjson_mut_str(doc, "REMOVED"));
        time_raise(doc, evse, since);
    }
}

static yyjson_mut_val *mut_by_id(yyjson_mut_val *list, const char *name, hub_slice_t id)
{
    size_t i, n;
    yyjson_mut_val *item;
    if (!yyjson_mut_is_arr(list))
        return NULL;
    yyjson_mut_arr_foreach(list, i, n, item)
    {
        yyjson_mut_val *own = yyjson_mut_obj_get(item, name);
        if (yyjson_mut_is_str(own) && hub_slice_caseeq(hub_slice(yyjson_mut_get_str(own), yyjson_mut_get_len(own)), id))
            return item;
    }
    return NULL;
}

static void override_evse(yyjson_mut_doc *doc, yyjson_mut_val *evse, yyjson_val *bound, int64_t since)
{
    size_t i, n;
    yyjson_val *item, *list = yyjson_obj_get(bound, "connectors");
    if (!evse || !yyjson_is_arr(list))
        return;
    yyjson_arr_foreach(list, i, n, item)
    {
        yyjson_mut_val *connector = mut_by_id(yyjson_mut_obj_get(evse, "connectors"), "id", ocpi_get_str(item, "id"));
        yyjson_val *ids = yyjson_obj_get(item, "tariffIds");
        if (!connector || !ids)
            continue;
        if (yyjson_arr_size(ids) == 0)
            yyjson_mut_obj_remove_key(connector, "tariff_ids");
        else
            yyjson_mut_obj_put(connector, yyjson_mut_str(doc, "tariff_ids"), yyjson_val_mut_copy(doc, ids));
        time_raise(doc, connector, since);
        time_raise(doc, evse, since);
    }
}

hub_slice_t hub_sharing_render(hub_pool_t *pool, const hub_sharing_t *sharing, hub_slice_t text)
{
    yyjson_doc *doc = NULL, *binding = NULL;
    if (!sharing->render || ocpi_read(pool, text, &doc, NULL) != HUB_EOK)
        return text;
    yyjson_mut_doc *out = yyjson_mut_doc_new(ocpi_alc(pool));
    yyjson_mut_val *root = yyjson_val_mut_copy(out, yyjson_doc_get_root(doc));
    if (sharing->withdrawn)
        withdraw(out, root, sharing->since);
    else if (sharing->binding.len && ocpi_read(pool, sharing->binding, &binding, NULL) == HUB_EOK) {
        size_t i, n;
        yyjson_val *bound, *list = yyjson_obj_get(yyjson_doc_get_root(binding), "evses");
        if (yyjson_is_arr(list)) {
            yyjson_arr_foreach(list, i, n, bound)
            {
                override_evse(out, mut_by_id(yyjson_mut_obj_get(root, "evses"), "uid", ocpi_get_str(bound, "uid")), bound, sharing->since);
            }
        }
    }
    yyjson_mut_obj_put(root, yyjson_mut_str(out, "last_updated"), time_value(out, sharing->last_updated));
    return ocpi_write_mut(pool, root);
}

/* ---- the settings changed ---- */

static hub_err_t sights_forget(hub_view_t *view, hub_pool_t *pool, uint32_t tenant, uint32_t id, uint8_t module)
{
    const hub_share_t nothing = {.tenant = tenant, .integration = id};
    const hub_fact_t gone = {0};
    hub_slice_t *keys;
    uint32_t count;
    hub_err_t err = hub_sight_keys(view, pool, tenant, id, module, &keys, &count);
    for (uint32_t i = 0; i < count && err == HUB_EOK; i++) {
        hub_sight_t sight;
        err = hub_sight_get(view, pool, tenant, id, module, keys[i], &sight);
        sight.bound = 0;
        sight.names = sight.hides = 0;
        if (err == HUB_EOK)
            err = hub_sight_settle(view, pool, &nothing, module, keys[i], &gone, &sight, HUB_SETTLE_QUIET, 0);
    }
    return err;
}

static hub_err_t sights_settle(hub_view_t *view, hub_pool_t *pool, const hub_share_t *share, uint8_t module, int64_t now)
{
    hub_slice_t *keys;
    uint32_t count;
    hub_err_t err = hub_sight_keys(view, pool, share->tenant, share->integration, module, &keys, &count);
    for (uint32_t i = 0; i < count && err == HUB_EOK; i++) {
        hub_sight_t sight;
        hub_fact_t fact;
        err = hub_sight_get(view, pool, share->tenant, share->integration, module, keys[i], &sight);
        if (err == HUB_EOK)
            err = hub_fact_get(view, pool, module, keys[i], &fact);
        if (err == HUB_EOK)
            err = hub_sight_settle(view, pool, share, module, keys[i], &fact, &sight, HUB_SETTLE_PLAIN, now);
    }
    return err;
}

#define NOTES_MAX 10000 /* objects told of one by one when the settings change */

static uint32_t bases_of(const hub_share_t *share, ocpi_module_t module, hub_audience_t *out)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < share->party_count; i++) {
        hub_audience_t base = base_with(share->bound, share->tariffs_all, module, share->parties[i]);
        if (base)
            out[n++] = base;
    }
    return n;
}

/* Those of `a` that are not in `b`. */
static uint32_t bases_without(const hub_audience_t *a, uint32_t count, const hub_audience_t *b, uint32_t others, hub_audience_t *out)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool found = false;
        for (uint32_t j = 0; j < others; j++)
            found |= a[i] == b[j];
        if (!found)
            out[n++] = a[i];
    }
    return n;
}

static hub_err_t note_all(hub_view_t *view, hub_pool_t *pool, const hub_share_t *share, ocpi_module_t module, const hub_audience_t *bases,
                          uint32_t count, int64_t now)
{
    const hub_stream_t stream = {
        .tenant = share->tenant, .kind = HUB_STREAM_BINDING, .integration = share->integration, .module = (uint8_t)module};
    hub_list_query_t query = {
        .audiences = bases, .audience_count = count, .module = (uint8_t)module, .from = INT64_MIN, .to = INT64_MAX, .limit = 500};
    hub_list_page_t page;
    hub_err_t err;
    do {
        err = hub_list(view, &query, pool, &page);
        for (uint32_t i = 0; i < page.count && err == HUB_EOK; i++)
            err = hub_change_note(view, &stream, page.rows[i].key, HUB_CHANGE_OBJECT, now, NULL);
        query.position = page.next;
    } while (err == HUB_EOK && page.next.len);
    return err;
}

/* What the partner sees has become another set: its pushes are told what has come into sight and what has gone out of it. */
static hub_err_t tell_pushes(hub_view_t *view, hub_pool_t *pool, const hub_share_t *was, const hub_share_t *now, ocpi_module_t module)
{
    hub_audience_t old[HUB_LIST_AUDIENCES], new[HUB_LIST_AUDIENCES], differ[2 * HUB_LIST_AUDIENCES];
    uint32_t olds = bases_of(was, module, old), news = bases_of(now, module, new);
    uint32_t count = bases_without(old, olds, new, news, differ);
    uint64_t total = 0;
    count += bases_without(new, news, old, olds, differ + count);
    for (uint32_t i = 0; i < count; i++)
        total += hub_audience_count(view, differ[i], (uint8_t)module);
    if (total == 0)
        return HUB_EOK;
    if (total > NOTES_MAX || count > HUB_LIST_AUDIENCES)
        return hub_push_rewind(view, now->integration, module);
    return note_all(view, pool, now, module, differ, count, hub_now_ms());
}

hub_err_t hub_sharing_follow_integration(hub_view_t *view, hub_pool_t *pool, const hub_integration_t *old, const hub_integration_t *now)
{
    hub_share_t was, share;
    const hub_integration_t *any = now ? now : old;
    hub_err_t err = hub_share_get(view, any->tenant, any->id, &was);
    bool known = err == HUB_EOK;
    if (err != HUB_EOK && err != HUB_ENOT_FOUND)
        return err;
    if (!now) {
        err = sights_forget(view, pool, any->tenant, any->id, OCPI_MODULE_LOCATIONS);
        if (err == HUB_EOK)
            err = sights_forget(view, pool, any->tenant, any->id, OCPI_MODULE_TARIFFS);
        if (err == HUB_EOK)
            err = hub_reach_forget(view, any->id);
        if (err == HUB_EOK)
            err = hub_quarantine_forget(view, any->tenant, any->id);
        return err == HUB_EOK ? hub_share_drop(view, any->id) : err;
    }
    hub_share_of(now, &share);
    if (known && hub_share_eq(&was, &share))
        return HUB_EOK;
    uint64_t seq = hub_store_seq(hub_view_store(view));
    share.all_until = !known ? 0 : !was.bound && share.bound ? seq : was.all_until;
    share.tariffs_until = !known ? 0 : was.tariffs_all && !share.tariffs_all ? seq : was.tariffs_until;
    err = hub_share_put(view, &share);
    if (err == HUB_EOK)
        err = sights_settle(view, pool, &share, OCPI_MODULE_LOCATIONS, hub_now_ms());
    if (err == HUB_EOK)
        err = sights_settle(view, pool, &share, OCPI_MODULE_TARIFFS, hub_now_ms());
    if (err == HUB_EOK && known)
        err = tell_pushes(view, pool, &was, &share, OCPI_MODULE_TARIFFS);
    return err == HUB_EOK && known ? tell_pushes(view, pool, &was, &share, OCPI_MODULE_LOCATIONS) : err;
}
