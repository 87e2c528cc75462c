/* Forms of an object in other versions: made at a write, by the sweep, or by the reader who comes first. */
#include "projection.h"

#include <string.h>

#include "contract.h"
#include "object.h"

ocpi_version_t hub_projection_written(const hub_object_t *head)
{
    return hub_projection_version(head->written);
}

hub_slice_t hub_projection_own(const hub_object_t *head)
{
    return head->form[head->written];
}

/* ---- the bridge ---- */

typedef struct asked {
    hub_view_t *view;
    hub_pool_t *pool;
    const hub_object_id_t *id; /* of the object that is bridged */
    ocpi_version_t from;
} asked_t;

/* The Location of a Session or CDR: from whom the object itself is. */
static yyjson_val *location_of(void *arg, hub_slice_t country, hub_slice_t party, hub_slice_t id)
{
    const asked_t *asked = arg;
    const hub_object_id_t location = {.tenant = asked->id->tenant,
                                      .scope = asked->id->scope,
                                      .module = OCPI_MODULE_LOCATIONS,
                                      .country = country,
                                      .party = party,
                                      .id = id};
    hub_key_t key;
    hub_object_t head;
    hub_slice_t bytes;
    if (hub_object_key(&location, &key) || hub_object_get_key(asked->view, hub_key_slice(&key), &head) ||
        hub_projection_get(asked->view, asked->pool, hub_key_slice(&key), &head, asked->from, &bytes))
        return NULL;
    return hub_objects__read(asked->pool, bytes);
}

static bool token_of(void *arg, hub_slice_t contract, ocpi_bridge_token_t *out)
{
    const asked_t *asked = arg;
    return hub_contract_find(asked->view, asked->pool, asked->id->tenant, contract, out);
}

hub_slice_t hub_projection_code(hub_pool_t *pool, hub_slice_t s)
{
    char *out = hub_pool_alloc(pool, s.len + 1);
    for (size_t i = 0; i < s.len; i++)
        out[i] = (char)(s.ptr[i] >= 'a' && s.ptr[i] <= 'z' ? s.ptr[i] - 0x20 : s.ptr[i]);
    return hub_slice(out, s.len);
}

static hub_err_t bridge_root(hub_view_t *view, hub_pool_t *pool, hub_slice_t key, yyjson_val *root, ocpi_version_t from, ocpi_version_t to,
                             hub_slice_t *bytes, ocpi_losses_t *losses)
{
    hub_object_id_t id;
    ocpi_losses_t unread;
    if (!root || !hub_object_key_parse(key, &id))
        return HUB_ESTORE;
    asked_t asked = {.view = view, .pool = pool, .id = &id, .from = from};
    const ocpi_bridge_t bridge = {.object = ocpi_module_object((ocpi_module_t)id.module),
                                  .from = from,
                                  .to = to,
                                  .country = hub_projection_code(pool, id.country),
                                  .party = hub_projection_code(pool, id.party),
                                  .location = location_of,
                                  .token = token_of,
                                  .arg = &asked,
                                  .now_ms = hub_now_ms()};
    if (!losses)
        ocpi_losses_init(losses = &unread, pool);
    return ocpi_bridge(pool, root, &bridge, bytes, losses);
}

hub_err_t hub_projection_bridge(hub_view_t *view, hub_pool_t *pool, hub_slice_t key, hub_slice_t text, ocpi_version_t from,
                                ocpi_version_t to, hub_slice_t *bytes, ocpi_losses_t *losses)
{
    return bridge_root(view, pool, key, hub_objects__read(pool, text), from, to, bytes, losses);
}

/* ---- reading ---- */

hub_err_t hub_projection_get(hub_view_t *view, hub_pool_t *pool, hub_slice_t key, const hub_object_t *head, ocpi_version_t version,
                             hub_slice_t *bytes)
{
    unsigned slot = hub_projection_slot(version);
    *bytes = head->form[slot];
    if (bytes->ptr)
        return HUB_EOK;
    if (head->form_state[slot] == HUB_FORM_REFUSED)
        return HUB_ENOT_FOUND;
    hub_err_t err = hub_projection_bridge(view, pool, key, hub_projection_own(head), hub_projection_written(head), version, bytes, NULL);
    return err == HUB_EINVALID ? HUB_ENOT_FOUND : err;
}

hub_slice_t hub_projection_show(hub_view_t *view, hub_pool_t *pool, hub_slice_t key, const hub_object_t *head, ocpi_version_t version)
{
    hub_slice_t bytes;
    return hub_projection_get(view, pool, key, head, version, &bytes) == HUB_EOK ? bytes : hub_projection_own(head);
}

/* ---- writing ---- */

void hub_projection_write(hub_object_t *head, ocpi_version_t version, hub_slice_t text)
{
    unsigned slot = hub_projection_slot(version);
    memset(head->form_state, HUB_FORM_NONE, sizeof head->form_state);
    head->written = (uint8_t)slot;
    if (!hub_slice_eq(text, head->bytes))
        head->form_state[slot] = HUB_FORM_STORED;
    head->form[slot] = text;
}

static hub_err_t note_losses(hub_view_t *view, hub_pool_t *pool, hub_slice_t key, unsigned slot, const ocpi_losses_t *losses,
                             hub_object_t *head)
{
    hub_object_id_t id;
    uint32_t flag = (uint32_t)HUB_OBJECT_LOSES << slot;
    bool had = head->flags & flag, has = losses->count > 0;
    if (!hub_object_key_parse(key, &id) || id.scope != HUB_SCOPE_OWN || (!had && !has))
        return HUB_EOK; /* what partners gave us loses nothing to any partner */
    head->flags = has ? head->flags | flag : head->flags & ~flag;
    return hub_loss_put(view, pool, hub_projection_version(slot), key, losses);
}

hub_err_t hub_projection_make(hub_view_t *view, hub_pool_t *pool, hub_slice_t key, yyjson_val *root, uint32_t versions, hub_object_t *head)
{
    hub_err_t err = HUB_EOK;
    for (unsigned slot = 0; slot < HUB_OBJECT_FORMS && !err; slot++) {
        ocpi_losses_t losses;
        ocpi_losses_init(&losses, pool);
        hub_slice_t *form = &head->form[slot];
        if (slot != head->written && versions & hub_projection_version(slot)) {
            err = bridge_root(view, pool, key, root, hub_projection_version(head->written), hub_projection_version(slot), form, &losses);
            head->form_state[slot] = err ? HUB_FORM_REFUSED : hub_slice_eq(*form, head->bytes) ? HUB_FORM_SAME : HUB_FORM_STORED;
            err = err == HUB_EINVALID ? HUB_EOK : err;
        }
        if (!err)
            err = note_losses(view, pool, key, slot, &losses, head);
        if (!err && head->form_state[slot] == HUB_FORM_REFUSED)
            err = hub_projection_await(view, key, root, hub_now_ms());
    }
    return err;
}

hub_err_t hub_projection_add(hub_view_t *view, hub_pool_t *pool, hub_slice_t key, uint64_t object_version, ocpi_version_t version,
                             hub_slice_t text, const ocpi_losses_t *losses)
{
    hub_object_t head;
    unsigned slot = hub_projection_slot(version);
    hub_err_t err = hub_object_get_key(view, key, &head);
    if (err || head.version != object_version || head.form_state[slot] != HUB_FORM_NONE || slot == head.written)
        return err == HUB_ENOT_FOUND ? HUB_EOK : err;
    head.form[slot] = text;
    head.form_state[slot] = !text.ptr ? HUB_FORM_REFUSED : hub_slice_eq(text, head.bytes) ? HUB_FORM_SAME : HUB_FORM_STORED;
    err = note_losses(view, pool, key, slot, losses, &head);
    if (!err && !text.ptr)
        err = hub_projection_await(view, key, hub_objects__read(pool, hub_projection_own(&head)), hub_now_ms());
    return err ? err : hub_object_forms(view, key, &head);
}

hub_err_t hub_projection_forget(hub_view_t *view, hub_slice_t key, const hub_object_t *head)
{
    hub_err_t err = HUB_EOK;
    for (unsigned slot = 0; slot < HUB_OBJECT_FORMS && !err; slot++)
        if (head->flags & ((uint32_t)HUB_OBJECT_LOSES << slot))
            err = hub_loss_put(view, NULL, hub_projection_version(slot), key, NULL);
    return err;
}
