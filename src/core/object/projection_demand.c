/* Which versions are spoken, and what is still owed to those who speak them. REFERENCE: 'v', tenant, integration -> form; 'V', tenant ->
 * how many integrations for each form; 'W', tenant, form -> position: objects from there on may lack this form. */
#include "projection.h"

#include <string.h>

#include "integration/registration.h"

typedef struct counts {
    uint32_t of[HUB_OBJECT_FORMS];
} counts_t;

static void kind_key(hub_key_t *key, char kind, uint32_t tenant)
{
    hub_key_init(key);
    hub_key_u8(key, (uint8_t)kind);
    hub_key_u32(key, tenant);
}

static void debt_key(hub_key_t *key, uint32_t tenant, unsigned slot)
{
    kind_key(key, 'W', tenant);
    hub_key_u8(key, (uint8_t)slot);
}

static hub_err_t harmless(hub_err_t err)
{
    return err == HUB_ENOT_FOUND ? HUB_EOK : err;
}

static counts_t counts_of(hub_view_t *view, uint32_t tenant)
{
    hub_key_t key;
    hub_slice_t value;
    counts_t counts = {0};
    kind_key(&key, 'V', tenant);
    if (hub_view_get(view, HUB_TABLE_REFERENCE, &key, &value) == HUB_EOK && value.len == sizeof counts)
        memcpy(&counts, value.ptr, sizeof counts);
    return counts;
}

uint32_t hub_projection_demand(hub_view_t *view, uint32_t tenant)
{
    counts_t counts = counts_of(view, tenant);
    uint32_t mask = 0;
    for (unsigned slot = 0; slot < HUB_OBJECT_FORMS; slot++)
        mask |= counts.of[slot] ? (uint32_t)hub_projection_version(slot) : 0;
    return mask;
}

/* ---- who speaks what ---- */

static void spoken_key(hub_key_t *key, uint32_t tenant, uint32_t integration)
{
    kind_key(key, 'v', tenant);
    hub_key_u32(key, integration);
}

/* The first one of a version: every object may lack this form. The last one: what is still owed is owed to nobody. */
static hub_err_t count(hub_view_t *view, uint32_t tenant, unsigned slot, int by)
{
    hub_key_t key;
    counts_t counts = counts_of(view, tenant);
    uint32_t was = counts.of[slot];
    counts.of[slot] = (uint32_t)((int64_t)was + by);
    kind_key(&key, 'V', tenant);
    hub_err_t err = hub_view_put(view, HUB_TABLE_REFERENCE, &key, hub_slice((const char *)&counts, sizeof counts));
    debt_key(&key, tenant, slot);
    if (!err && !was)
        err = hub_view_put(view, HUB_TABLE_REFERENCE, &key, HUB_SLICE_LIT(""));
    else if (!err && !counts.of[slot])
        err = harmless(hub_view_delete(view, HUB_TABLE_REFERENCE, &key));
    return err;
}

hub_err_t hub_projection_spoken(hub_view_t *view, uint32_t tenant, uint32_t integration, ocpi_version_t version)
{
    hub_key_t key;
    hub_slice_t value;
    spoken_key(&key, tenant, integration);
    hub_err_t err = hub_view_get(view, HUB_TABLE_REFERENCE, &key, &value);
    bool spoke = !err && value.len == 1;
    unsigned old = spoke ? (unsigned char)value.ptr[0] : 0, now = hub_projection_slot(version);
    if (err && err != HUB_ENOT_FOUND)
        return err;
    if (spoke == (version != 0) && (!spoke || old == now))
        return HUB_EOK;
    if (version) {
        char byte = (char)now;
        err = hub_view_put(view, HUB_TABLE_REFERENCE, &key, hub_slice(&byte, 1));
    } else {
        err = hub_view_delete(view, HUB_TABLE_REFERENCE, &key);
    }
    if (!err && spoke && old < HUB_OBJECT_FORMS)
        err = count(view, tenant, old, -1);
    return err || !version ? err : count(view, tenant, now, 1);
}

/* ---- stores of before the counts ---- */

static void counted_key(hub_key_t *key)
{
    kind_key(key, 'V', 0); /* no tenant has this number */
}

bool hub_projection_counted(hub_view_t *view)
{
    hub_key_t key;
    hub_slice_t value;
    counted_key(&key);
    return hub_view_get(view, HUB_TABLE_REFERENCE, &key, &value) == HUB_EOK;
}

static bool note_integration(void *arg, uint32_t tenant, uint32_t id)
{
    const uint32_t both[] = {tenant, id};
    hub_buf_add(arg, hub_slice((const char *)both, sizeof both));
    return true;
}

hub_err_t hub_projection_count(hub_core_t *core, hub_view_t *view, hub_pool_t *pool)
{
    hub_key_t key;
    hub_registration_t registration;
    hub_buf_t found = HUB_BUF_INIT(pool);
    if (hub_projection_counted(view))
        return HUB_EOK;
    hub_err_t err = hub_integration_each(view, 0, note_integration, &found);
    for (size_t at = 0; at < found.len && !err; at += 2 * sizeof(uint32_t)) {
        uint32_t both[2];
        memcpy(both, found.ptr + at, sizeof both);
        err = hub_registration_get(core, view, pool, both[0], both[1], &registration);
        if (!err)
            err = hub_projection_spoken(view, both[0], both[1], registration.authorized ? registration.ocpi_version : 0);
    }
    counted_key(&key);
    return err ? err : hub_view_put(view, HUB_TABLE_REFERENCE, &key, HUB_SLICE_LIT(""));
}

/* ---- debts ---- */

hub_err_t hub_projection_debt(hub_view_t *view, hub_projection_debt_t *out)
{
    hub_key_t prefix;
    hub_scan_t scan;
    hub_slice_t key, value;
    hub_key_init(&prefix);
    hub_key_u8(&prefix, 'W');
    hub_scan_init(&scan, view, HUB_TABLE_REFERENCE, &prefix, NULL, false);
    bool found = hub_scan_next(&scan, &key, &value) && key.len == 6 && (unsigned char)key.ptr[5] < HUB_OBJECT_FORMS;
    if (found) {
        out->tenant = hub_u32_at(key.ptr + 1);
        out->version = hub_projection_version((unsigned char)key.ptr[5]);
        hub_key_init(&out->position);
        hub_key_bytes(&out->position, value);
    }
    hub_err_t err = hub_scan_finish(&scan);
    return err ? err : found ? HUB_EOK : HUB_ENOT_FOUND;
}

hub_err_t hub_projection_pay(hub_view_t *view, const hub_projection_debt_t *debt, bool done)
{
    hub_key_t key;
    hub_slice_t value;
    debt_key(&key, debt->tenant, hub_projection_slot(debt->version));
    hub_err_t err = hub_view_get(view, HUB_TABLE_REFERENCE, &key, &value);
    if (err)
        return harmless(err);
    if (done)
        return hub_view_delete(view, HUB_TABLE_REFERENCE, &key);
    return hub_view_put(view, HUB_TABLE_REFERENCE, &key, hub_key_slice(&debt->position));
}
