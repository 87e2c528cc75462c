/* Sharing: who sees which of our locations and tariffs. What happens at a write; lists and single looks are in sight of two look-ups. */
#include <string.h>

#include "integration/party.h"
#include "object/objects.h"
#include "reference.h"

/* ---- one tariff named more or less often ---- */

static hub_err_t party_find(hub_view_t *view, hub_pool_t *pool, const hub_object_id_t *id, const hub_object_t *object, uint32_t *out)
{
    hub_party_t party;
    for (uint32_t i = 0; i < object->audience_count; i++) {
        if (object->audiences[i] >> 56 == HUB_AUDIENCE_PARTY_ALL) {
            *out = (uint32_t)object->audiences[i];
            return HUB_EOK;
        }
    }
    hub_err_t err = hub_party_find(view, pool, id->tenant, id->country, id->party, &party);
    *out = err == HUB_EOK ? party.id : 0;
    return err == HUB_ENOT_FOUND ? HUB_EOK : err;
}

static uint32_t audiences_of(uint32_t tenant, uint32_t party, bool shown, hub_audience_t *out)
{
    uint32_t n = 0;
    out[n++] = hub_audience(HUB_AUDIENCE_TENANT_OWN, tenant);
    if (party)
        out[n++] = hub_audience(HUB_AUDIENCE_PARTY_ALL, party);
    if (party && shown)
        out[n++] = hub_audience(HUB_AUDIENCE_PARTY_PUBLIC, party);
    return n;
}

static hub_err_t audiences_set(hub_view_t *view, const hub_object_id_t *id, const hub_object_t *object, uint32_t party, bool shown)
{
    hub_audience_t want[HUB_OBJECT_AUDIENCES];
    uint32_t n = audiences_of(id->tenant, party, shown, want);
    if (n == object->audience_count && memcmp(want, object->audiences, n * sizeof *want) == 0)
        return HUB_EOK;
    return hub_object_audiences(view, id, want, n);
}

/* The tariff appears or disappears for all partners of its party: its entry in the change stream moves, so that every push sees it. */
static hub_err_t price_cross(hub_view_t *view, hub_pool_t *pool, hub_slice_t key, hub_price_t *price)
{
    hub_object_id_t id;
    hub_object_t object;
    hub_err_t err = hub_object_get_key(view, key, &object);
    if (err != HUB_EOK)
        return err == HUB_ENOT_FOUND ? HUB_EOK : err;
    if (!hub_object_key_parse(key, &id))
        return HUB_ESTORE;
    uint32_t party = 0;
    uint64_t real = object.seq == price->moved_seq ? price->real_seq : object.seq;
    err = party_find(view, pool, &id, &object, &party);
    if (err != HUB_EOK)
        return err;
    object.bytes = hub_pool_copy(pool, object.bytes);
    object.audience_count = audiences_of(id.tenant, party, price->shown > 0, object.audiences);
    err = hub_object_put(view, &id, &object, HUB_CHANGE_OBJECT, HUB_SLICE_NONE);
    price->moved_seq = object.seq;
    price->real_seq = real;
    price->seen |= price->shown > 0;
    return err;
}

static hub_err_t price_bump(hub_view_t *view, hub_pool_t *pool, hub_slice_t key, int shown, int named)
{
    hub_price_t price;
    hub_err_t err = hub_price_get(view, key, &price);
    if (err != HUB_EOK)
        return err;
    bool was = price.shown > 0;
    price.shown = (uint32_t)((int64_t)price.shown + shown);
    price.named = (uint32_t)((int64_t)price.named + named);
    if (was != (price.shown > 0))
        err = price_cross(view, pool, key, &price);
    return err == HUB_EOK ? hub_price_put(view, key, &price) : err;
}

hub_err_t hub_sharing_tariff_key(hub_slice_t location_key, hub_slice_t tariff_id, hub_key_t *out)
{
    hub_object_id_t id;
    hub_key_init(out);
    if (!hub_object_key_parse(location_key, &id))
        return HUB_EINVALID;
    id.module = OCPI_MODULE_TARIFFS;
    id.id = tariff_id;
    id.type = HUB_SLICE_NONE;
    return hub_object_key(&id, out);
}

/* The keys of tariffs whose counts a write changed; settled at its end. */
typedef struct touched {
    hub_buf_t keys; /* of hub_slice_t */
} touched_t;

static void touched_add(touched_t *touched, hub_slice_t key)
{
    hub_slice_t copy = hub_pool_copy(touched->keys.pool, key);
    hub_buf_add(&touched->keys, hub_slice((const char *)&copy, sizeof copy));
}

static hub_err_t settle(hub_view_t *view, hub_pool_t *pool, const hub_share_t *share, uint8_t module, hub_slice_t key, hub_settle_t how,
                        int64_t now)
{
    hub_fact_t fact;
    hub_sight_t sight = {0};
    hub_err_t err = hub_fact_get(view, pool, module, key, &fact);
    if (err == HUB_EOK)
        err = hub_sight_get(view, pool, share->tenant, share->integration, module, key, &sight);
    if (err != HUB_EOK || !sight.exists)
        return err;
    return hub_sight_settle(view, pool, share, module, key, &fact, &sight, how, now);
}

/* Every integration that sees this object differently. */
static hub_err_t settle_all(hub_view_t *view, hub_pool_t *pool, uint32_t tenant, uint8_t module, hub_slice_t key, hub_settle_t how,
                            int64_t now)
{
    uint32_t *ids, count;
    hub_err_t err = hub_sight_integrations(view, pool, key, &ids, &count);
    for (uint32_t i = 0; i < count && err == HUB_EOK; i++) {
        hub_share_t share;
        err = hub_share_get(view, tenant, ids[i], &share);
        if (err == HUB_EOK)
            err = settle(view, pool, &share, module, key, how, now);
    }
    return err;
}

static hub_err_t touched_settle(hub_view_t *view, hub_pool_t *pool, uint32_t tenant, const touched_t *touched, int64_t now)
{
    const hub_slice_t *keys = (const hub_slice_t *)(const void *)touched->keys.ptr;
    hub_err_t err = HUB_EOK;
    for (size_t i = 0; i < touched->keys.len / sizeof *keys && err == HUB_EOK; i++)
        err = settle_all(view, pool, tenant, OCPI_MODULE_TARIFFS, keys[i], HUB_SETTLE_PLAIN, now);
    return err;
}

/* ---- one integration's own counts ---- */

typedef enum count_kind { COUNT_NAMES, COUNT_HIDES } count_kind_t;

/* The sight of a tariff gets its first count before the base changes, so that it starts with what the integration saw until now. */
static hub_err_t sight_bump(hub_view_t *view, hub_pool_t *pool, const hub_share_t *share, hub_slice_t key, count_kind_t kind, int by)
{
    hub_fact_t fact;
    hub_sight_t sight;
    hub_err_t err = hub_fact_get(view, pool, OCPI_MODULE_TARIFFS, key, &fact);
    if (err == HUB_EOK)
        err = hub_sight_open(view, pool, share, OCPI_MODULE_TARIFFS, key, &fact, &sight);
    if (err != HUB_EOK)
        return err;
    uint32_t *count = kind == COUNT_NAMES ? &sight.names : &sight.hides;
    *count = (uint32_t)((int64_t)*count + by);
    return hub_sight_put(view, pool, share->tenant, share->integration, OCPI_MODULE_TARIFFS, key, &sight);
}

static hub_err_t sight_diff(hub_view_t *view, touched_t *touched, const hub_share_t *share, hub_slice_t location, count_kind_t kind,
                            const hub_names_t *old, const hub_names_t *now)
{
    hub_pool_t *pool = touched->keys.pool;
    int *sign;
    hub_names_t diff = hub_names_diff(pool, old, now, &sign);
    hub_err_t err = HUB_EOK;
    for (uint32_t i = 0; i < diff.count && err == HUB_EOK; i++) {
        hub_key_t key;
        err = hub_sharing_tariff_key(location, diff.list[i], &key);
        if (err == HUB_EOK)
            err = sight_bump(view, pool, share, hub_key_slice(&key), kind, sign[i]);
        touched_add(touched, hub_key_slice(&key));
    }
    return err;
}

static const hub_names_t NO_NAMES;

static yyjson_val *json_of(hub_pool_t *pool, hub_slice_t text)
{
    yyjson_doc *doc = NULL;
    if (!text.len || ocpi_read(pool, text, &doc, NULL) != HUB_EOK)
        return NULL;
    return yyjson_doc_get_root(doc);
}

/* An integration that binds the location: its counts follow the new form. */
static hub_err_t bound_follow(hub_view_t *view, touched_t *touched, const hub_share_t *share, hub_slice_t key, const hub_place_t *old,
                              const hub_place_t *now, yyjson_val *after)
{
    hub_pool_t *pool = touched->keys.pool;
    hub_sight_t sight;
    hub_err_t err = hub_sight_get(view, pool, share->tenant, share->integration, OCPI_MODULE_LOCATIONS, key, &sight);
    if (err != HUB_EOK || !sight.exists || !sight.bound)
        return err;
    hub_names_t named = hub_names_read(pool, sight.named);
    hub_names_t names = now->exists && !now->removed ? hub_names_of(pool, after, json_of(pool, sight.body)) : NO_NAMES;
    err = sight_diff(view, touched, share, key, COUNT_NAMES, &named, &names);
    if (err == HUB_EOK)
        err =
            sight_diff(view, touched, share, key, COUNT_HIDES, old->shown ? &old->names : &NO_NAMES, now->shown ? &now->names : &NO_NAMES);
    if (err != HUB_EOK)
        return err;
    sight.named = hub_names_write(pool, &names);
    if (!now->exists)
        sight.bound = 0;
    return hub_sight_put(view, pool, share->tenant, share->integration, OCPI_MODULE_LOCATIONS, key, &sight);
}

/* ---- an own location was stored or deleted ---- */

static bool location_shown(yyjson_val *location)
{
    yyjson_val *publish = yyjson_obj_get(location, "publish");
    return !yyjson_is_false(publish) || yyjson_arr_size(yyjson_obj_get(location, "publish_allowed_to")) > 0;
}

static hub_err_t base_follow(hub_view_t *view, touched_t *touched, hub_slice_t key, const hub_names_t *old, const hub_names_t *now,
                             bool shown)
{
    hub_pool_t *pool = touched->keys.pool;
    int *sign;
    hub_names_t diff = hub_names_diff(pool, old, now, &sign);
    hub_err_t err = HUB_EOK;
    for (uint32_t i = 0; i < diff.count && err == HUB_EOK; i++) {
        hub_key_t tariff;
        err = hub_sharing_tariff_key(key, diff.list[i], &tariff);
        if (err == HUB_EOK)
            err = price_bump(view, pool, hub_key_slice(&tariff), shown ? sign[i] : 0, shown ? 0 : sign[i]);
        if (shown)
            touched_add(touched, hub_key_slice(&tariff));
    }
    return err;
}

static hub_err_t place_follow(hub_view_t *view, touched_t *touched, uint32_t tenant, hub_slice_t key, const hub_place_t *old,
                              const hub_place_t *now, yyjson_val *after, const uint32_t *ids, uint32_t count)
{
    hub_err_t err = HUB_EOK;
    for (uint32_t i = 0; i < count && err == HUB_EOK; i++) {
        hub_share_t share;
        err = hub_share_get(view, tenant, ids[i], &share);
        if (err == HUB_EOK)
            err = bound_follow(view, touched, &share, key, old, now, after);
    }
    if (err == HUB_EOK)
        err = base_follow(view, touched, key, old->shown ? &old->names : &NO_NAMES, now->shown ? &now->names : &NO_NAMES, true);
    return err == HUB_EOK ? base_follow(view, touched, key, &old->names, &now->names, false) : err;
}

static hub_err_t place_of(hub_view_t *view, hub_pool_t *pool, const hub_object_id_t *id, yyjson_val *after, const hub_place_t *old,
                          hub_place_t *out)
{
    hub_object_t object;
    hub_err_t err = hub_object_get(view, id, &object);
    memset(out, 0, sizeof *out);
    if (err != HUB_EOK)
        return err == HUB_ENOT_FOUND ? HUB_EOK : err;
    out->exists = true;
    out->removed = (object.flags & HUB_OBJECT_REMOVED) != 0;
    out->shown = location_shown(after);
    out->seen = old->seen || out->shown;
    out->open = old->open || !yyjson_is_false(yyjson_obj_get(after, "publish"));
    if (!out->removed)
        out->names = hub_names_of(pool, after, NULL);
    err = party_find(view, pool, id, &object, &out->party);
    return err == HUB_EOK ? audiences_set(view, id, &object, out->party, out->shown) : err;
}

static bool place_eq(const hub_place_t *a, const hub_place_t *b)
{
    return a->exists == b->exists && a->party == b->party && a->shown == b->shown && a->seen == b->seen && a->open == b->open &&
           a->removed == b->removed && hub_names_eq(&a->names, &b->names);
}

hub_err_t hub_sharing_follow_location(hub_view_t *view, hub_pool_t *pool, const hub_object_id_t *id, yyjson_val *after)
{
    hub_key_t at;
    hub_place_t old = {0}, now = {0};
    uint32_t *ids = NULL, count = 0;
    int64_t time = hub_now_ms();
    touched_t touched = {HUB_BUF_INIT(pool)};
    hub_err_t err = hub_object_key(id, &at);
    if (err != HUB_EOK)
        return err;
    hub_slice_t key = hub_key_slice(&at);
    err = hub_place_get(view, pool, key, &old);
    if (err == HUB_EOK)
        err = place_of(view, pool, id, after, &old, &now);
    if (err == HUB_EOK)
        err = hub_sight_integrations(view, pool, key, &ids, &count);
    if (err != HUB_EOK || (count == 0 && place_eq(&old, &now)))
        return err;
    err = place_follow(view, &touched, id->tenant, key, &old, &now, after, ids, count);
    if (err == HUB_EOK && !place_eq(&old, &now))
        err = now.exists ? hub_place_put(view, pool, key, &now) : hub_place_drop(view, key);
    if (err == HUB_EOK)
        err = settle_all(view, pool, id->tenant, OCPI_MODULE_LOCATIONS, key, HUB_SETTLE_QUIET, time);
    return err == HUB_EOK ? touched_settle(view, pool, id->tenant, &touched, time) : err;
}

/* ---- an own tariff was stored or deleted ---- */

static hub_err_t grants_forget(hub_view_t *view, hub_pool_t *pool, uint32_t tenant, hub_slice_t key)
{
    uint32_t *ids, count;
    hub_err_t err = hub_sight_integrations(view, pool, key, &ids, &count);
    for (uint32_t i = 0; i < count && err == HUB_EOK; i++) {
        hub_sight_t sight;
        err = hub_sight_get(view, pool, tenant, ids[i], OCPI_MODULE_TARIFFS, key, &sight);
        if (err != HUB_EOK || !sight.bound)
            continue;
        sight.bound = 0;
        err = hub_sight_put(view, pool, tenant, ids[i], OCPI_MODULE_TARIFFS, key, &sight);
    }
    return err;
}

hub_err_t hub_sharing_follow_tariff(hub_view_t *view, hub_pool_t *pool, const hub_object_id_t *id)
{
    hub_key_t at;
    hub_object_t object;
    hub_price_t price;
    uint32_t party = 0;
    hub_err_t err = hub_object_key(id, &at);
    if (err != HUB_EOK)
        return err;
    hub_slice_t key = hub_key_slice(&at);
    err = hub_object_get(view, id, &object);
    if (err == HUB_ENOT_FOUND) {
        err = grants_forget(view, pool, id->tenant, key);
        return err == HUB_EOK ? settle_all(view, pool, id->tenant, OCPI_MODULE_TARIFFS, key, HUB_SETTLE_PLAIN, hub_now_ms()) : err;
    }
    if (err == HUB_EOK)
        err = hub_price_get(view, key, &price);
    if (err == HUB_EOK)
        err = party_find(view, pool, id, &object, &party);
    if (err == HUB_EOK)
        err = audiences_set(view, id, &object, party, price.shown > 0);
    if (err == HUB_EOK && price.shown > 0 && !price.seen) {
        price.seen = 1;
        err = hub_price_put(view, key, &price);
    }
    return err == HUB_EOK ? settle_all(view, pool, id->tenant, OCPI_MODULE_TARIFFS, key, HUB_SETTLE_QUIET, hub_now_ms()) : err;
}

bool hub_sharing_tariff_named(hub_view_t *view, const hub_object_id_t *id)
{
    hub_key_t at;
    hub_price_t price;
    uint32_t *ids, count;
    bool named = false;
    if (hub_object_key(id, &at) != HUB_EOK || hub_price_get(view, hub_key_slice(&at), &price) != HUB_EOK)
        return false;
    if (price.named)
        return true;
    hub_pool_t *pool = hub_pool_create();
    if (hub_sight_integrations(view, pool, hub_key_slice(&at), &ids, &count) != HUB_EOK)
        count = 0;
    for (uint32_t i = 0; i < count && !named; i++) {
        hub_sight_t sight;
        named =
            hub_sight_get(view, NULL, id->tenant, ids[i], OCPI_MODULE_TARIFFS, hub_key_slice(&at), &sight) == HUB_EOK && sight.names > 0;
    }
    hub_pool_destroy(pool);
    return named;
}

bool hub_sharing_moved(hub_view_t *view, hub_slice_t tariff_key, uint64_t seq, uint64_t *real)
{
    hub_price_t price;
    if (hub_price_get(view, tariff_key, &price) != HUB_EOK || price.moved_seq == 0 || price.moved_seq != seq)
        return false;
    *real = price.real_seq;
    return true;
}

/* ---- bindings and grants ---- */

hub_err_t hub_sharing_bind(hub_view_t *view, hub_pool_t *pool, const hub_share_t *share, hub_slice_t key, yyjson_val *location,
                           hub_slice_t body, yyjson_val *binding, int64_t now, bool *created)
{
    hub_place_t place;
    hub_fact_t fact;
    hub_sight_t sight;
    touched_t touched = {HUB_BUF_INIT(pool)};
    const hub_slice_t at = hub_pool_copy(pool, key);
    hub_err_t err = hub_place_get(view, pool, at, &place);
    if (err == HUB_EOK)
        err = hub_fact_get(view, pool, OCPI_MODULE_LOCATIONS, at, &fact);
    if (err == HUB_EOK)
        err = hub_sight_open(view, pool, share, OCPI_MODULE_LOCATIONS, at, &fact, &sight);
    if (err != HUB_EOK)
        return err;
    *created = !sight.bound;
    if (!fact.exists || (!body.ptr && !sight.bound))
        return HUB_ENOT_FOUND;
    if (sight.bound && body.ptr && hub_slice_eq(sight.body, body))
        return HUB_EOK; /* the same again is no change */
    bool bound = body.ptr != NULL;
    hub_names_t named = hub_names_read(pool, sight.named);
    hub_names_t names = bound && !place.removed ? hub_names_of(pool, location, binding) : NO_NAMES;
    const hub_names_t *base = place.shown ? &place.names : &NO_NAMES;
    err = sight_diff(view, &touched, share, at, COUNT_NAMES, &named, &names);
    if (err == HUB_EOK && bound != (bool)sight.bound)
        err = sight_diff(view, &touched, share, at, COUNT_HIDES, bound ? &NO_NAMES : base, bound ? base : &NO_NAMES);
    sight.bound = bound;
    sight.body = bound ? body : HUB_SLICE_NONE;
    sight.named = hub_names_write(pool, &names);
    if (err == HUB_EOK)
        err = hub_sight_settle(view, pool, share, OCPI_MODULE_LOCATIONS, at, &fact, &sight, HUB_SETTLE_TOUCH, now);
    const hub_slice_t *keys = (const hub_slice_t *)(const void *)touched.keys.ptr;
    for (size_t i = 0; i < touched.keys.len / sizeof *keys && err == HUB_EOK; i++)
        err = settle(view, pool, share, OCPI_MODULE_TARIFFS, keys[i], HUB_SETTLE_PLAIN, now);
    return err;
}

hub_err_t hub_sharing_grant(hub_view_t *view, hub_pool_t *pool, const hub_share_t *share, hub_slice_t key, bool grant, int64_t now,
                            bool *created)
{
    hub_fact_t fact;
    hub_sight_t sight;
    hub_err_t err = hub_fact_get(view, pool, OCPI_MODULE_TARIFFS, key, &fact);
    if (err == HUB_EOK)
        err = hub_sight_open(view, pool, share, OCPI_MODULE_TARIFFS, key, &fact, &sight);
    if (err != HUB_EOK)
        return err;
    *created = !sight.bound;
    if (!fact.exists || (!grant && !sight.bound))
        return HUB_ENOT_FOUND;
    if ((bool)sight.bound == grant)
        return HUB_EOK;
    sight.bound = grant;
    return hub_sight_settle(view, pool, share, OCPI_MODULE_TARIFFS, key, &fact, &sight, HUB_SETTLE_TOUCH, now);
}
