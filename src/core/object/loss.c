/* Losses: what the forms of our own objects in other versions do not say, and why some have none. Table LOSS: form, object key -> u32 how
 * many, JSON list of the first of them. GET /v1/integrations/{id}/losses shows those of the version that the partner speaks. */
#include <string.h>

#include "integration/integration.h"
#include "object.h"
#include "projection.h"
#include "reply.h"
#include "settings/collection.h"
#include "sharing/sharing.h"
#include "v1.h"

#define KEPT_MOST 50u       /* losses of an object that are named; where more are counted the last one says so */
#define LOOKED_MOST 100000u /* objects that one answer looks at: beyond, the total is what was found until there */

static void loss_key(hub_key_t *key, ocpi_version_t version)
{
    hub_key_init(key);
    hub_key_u8(key, (uint8_t)hub_projection_slot(version));
}

hub_err_t hub_loss_put(hub_view_t *view, hub_pool_t *pool, ocpi_version_t version, hub_slice_t object_key, const ocpi_losses_t *losses)
{
    hub_key_t key;
    hub_slice_t old;
    loss_key(&key, version);
    hub_key_bytes(&key, object_key);
    if (!losses || !losses->count) {
        hub_err_t err = hub_view_delete(view, HUB_TABLE_LOSS, &key);
        return err == HUB_ENOT_FOUND ? HUB_EOK : err;
    }
    ocpi_losses_t kept = *losses;
    bool refused = kept.list[kept.count - 1].kind == OCPI_LOSS_REFUSED; /* the last one, and the one that counts */
    uint32_t count = kept.count < KEPT_MOST ? kept.count : KEPT_MOST;
    kept.list += refused ? kept.count - count : 0;
    kept.count = count;
    hub_buf_t value = HUB_BUF_INIT(pool);
    hub_buf_add(&value, hub_slice((const char *)&count, sizeof count));
    ocpi_losses_write(&kept, &value);
    if (hub_view_get(view, HUB_TABLE_LOSS, &key, &old) == HUB_EOK && hub_slice_eq(old, hub_buf_slice(&value)))
        return HUB_EOK;
    return hub_view_put(view, HUB_TABLE_LOSS, &key, hub_buf_slice(&value));
}

/* ---- /v1 ---- */

typedef struct listing {
    hub_exchange_t *x;
    hub_view_t *view;
    const hub_integration_t *integration;
    hub_v1_page_t page;
    uint64_t total;
    hub_buf_t out;
} listing_t;

static void add_member(hub_buf_t *out, const char *name, hub_slice_t value)
{
    hub_buf_printf(out, ",\"%s\":", name);
    hub_buf_add_json(out, value);
}

static hub_slice_t kind_of(yyjson_val *loss)
{
    static const struct {
        const char *in, *out;
    } names[] = {{"DEFAULTED", "defaulted"}, {"LOSSY", "lossy"}, {"REFUSED", "refused"}};
    hub_slice_t kind = ocpi_get_str(loss, "kind");
    for (size_t i = 0; i < HUB_COUNT(names); i++)
        if (hub_slice_eq_str(kind, names[i].in))
            return hub_slice_str(names[i].out);
    return kind;
}

/* The spelling of the object itself, where it says who it is (2.1.1 does not). */
static hub_slice_t spelled(yyjson_val *root, const char *name, hub_slice_t folded)
{
    hub_slice_t own = ocpi_get_str(root, name);
    return own.len ? own : folded;
}

static void add_object(listing_t *l, hub_slice_t key, const hub_object_t *head, hub_slice_t list)
{
    hub_object_id_t id;
    yyjson_val *root = hub_objects__read(l->x->pool, hub_projection_own(head)), *losses = hub_objects__read(l->x->pool, list), *loss;
    size_t i, n;
    if (!hub_object_key_parse(key, &id))
        return;
    const char *name = id.module == OCPI_MODULE_TOKENS ? "uid" : "id";
    yyjson_arr_foreach(losses, i, n, loss)
    {
        uint64_t at = l->total + i;
        if (at < l->page.offset || at >= l->page.offset + l->page.limit)
            continue;
        hub_buf_printf(&l->out, "%s{\"module\":\"%s\"", l->out.len > 1 ? "," : "", ocpi_module_name((ocpi_module_t)id.module));
        add_member(&l->out, "countryCode", spelled(root, "country_code", hub_projection_code(l->x->pool, id.country)));
        add_member(&l->out, "partyId", spelled(root, "party_id", hub_projection_code(l->x->pool, id.party)));
        add_member(&l->out, "id", spelled(root, name, id.id));
        add_member(&l->out, "kind", kind_of(loss));
        add_member(&l->out, "pointer", ocpi_get_str(loss, "pointer"));
        add_member(&l->out, "row", ocpi_get_str(loss, "row"));
        add_member(&l->out, "message", ocpi_get_str(loss, "message"));
        hub_buf_add_char(&l->out, '}');
    }
}

/* Only what this partner may see, or would see but for the refusal. */
static hub_err_t add_row(listing_t *l, hub_slice_t key, hub_slice_t value)
{
    hub_object_id_t id;
    hub_object_t head;
    hub_sharing_t sharing;
    uint32_t count;
    if (value.len < sizeof count || !hub_object_key_parse(key, &id))
        return HUB_ESTORE;
    memcpy(&count, value.ptr, sizeof count);
    hub_err_t err = hub_object_get_key(l->view, key, &head);
    if (!err)
        err = hub_sharing_get(l->view, l->integration, (ocpi_module_t)id.module, key, &head, &sharing);
    if (err)
        return err == HUB_ENOT_FOUND ? HUB_EOK : err;
    if (l->total < l->page.offset + l->page.limit && l->total + count > l->page.offset)
        add_object(l, key, &head, hub_slice(value.ptr + sizeof count, value.len - sizeof count));
    l->total += count;
    return HUB_EOK;
}

static hub_err_t add_rows(listing_t *l)
{
    hub_key_t prefix;
    hub_scan_t scan;
    hub_slice_t key, value;
    hub_err_t err = HUB_EOK;
    if (!l->integration->ocpi_version)
        return HUB_EOK;
    loss_key(&prefix, l->integration->ocpi_version);
    hub_key_u32(&prefix, l->integration->tenant);
    hub_key_u32(&prefix, HUB_SCOPE_OWN);
    hub_scan_init(&scan, l->view, HUB_TABLE_LOSS, &prefix, NULL, false);
    for (uint32_t looked = 0; !err && looked < LOOKED_MOST && hub_scan_next(&scan, &key, &value); looked++)
        err = add_row(l, hub_slice(key.ptr + 1, key.len - 1), value);
    hub_err_t ended = hub_scan_finish(&scan);
    return err ? err : ended;
}

void hub_v1_loss_list(hub_exchange_t *x)
{
    uint32_t id;
    hub_integration_t *integration;
    listing_t l = {.x = x, .view = hub_exchange_view(x), .out = HUB_BUF_INIT(x->pool)};
    if (!l.view || !hub_v1_id(x, &id))
        return;
    hub_err_t err = hub_integration_get(x->worker, l.view, x->state->tenant, id, &integration);
    if (err) {
        hub_reply_problem(x, err, HUB_SLICE_NONE);
        return;
    }
    l.integration = integration;
    hub_v1_page_read(x, &l.page);
    hub_buf_add_char(&l.out, '[');
    err = add_rows(&l);
    hub_integration_unref(integration);
    hub_buf_add_char(&l.out, ']');
    if (err) {
        hub_reply_problem(x, err, HUB_SLICE_NONE);
        return;
    }
    hub_v1_page_headers(x, &l.page, hub_pool_str(x->pool, x->path), l.total);
    hub_reply_json(x, 200, hub_buf_slice(&l.out));
}
