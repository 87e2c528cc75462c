#include "tenant.h"

#include <string.h>

static const char default_name[] = "default";

bool hub_tenant_name_ok(hub_slice_t name)
{
    if (name.len == 0 || name.len > HUB_TENANT_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-'))
            return false;
    }
    return true;
}

static void name_key(hub_key_t *key, hub_slice_t name)
{
    hub_key_init(key);
    hub_key_u8(key, 'n');
    hub_key_str(key, name);
}

static void number_key(hub_key_t *key, uint32_t tenant)
{
    hub_key_init(key);
    hub_key_u8(key, 'i');
    if (tenant)
        hub_key_u32(key, tenant);
}

hub_err_t hub_tenant_find(hub_view_t *view, hub_slice_t name, uint32_t *tenant)
{
    hub_key_t key;
    hub_slice_t number;
    *tenant = HUB_TENANT_DEFAULT;
    if (hub_slice_eq_str(name, default_name))
        return HUB_EOK;
    if (!hub_tenant_name_ok(name))
        return HUB_ENOT_FOUND;
    name_key(&key, name);
    hub_err_t err = hub_view_get(view, HUB_TABLE_TENANT, &key, &number);
    if (!err && number.len != 4)
        err = HUB_ESTORE;
    if (!err)
        *tenant = hub_u32_at(number.ptr);
    return err;
}

hub_err_t hub_tenant_ensure(hub_view_t *view, hub_slice_t name, uint32_t *tenant)
{
    hub_key_t key;
    uint64_t n = 0;
    hub_err_t err = hub_tenant_find(view, name, tenant);
    if (err != HUB_ENOT_FOUND)
        return err;
    if (!hub_tenant_name_ok(name))
        return HUB_EINVALID;
    do
        err = hub_view_next_id(view, "tenant", &n);
    while (!err && n <= HUB_TENANT_DEFAULT);
    if (err)
        return err;
    *tenant = (uint32_t)n;
    const char number[4] = {(char)(n >> 24), (char)(n >> 16), (char)(n >> 8), (char)n};
    name_key(&key, name);
    err = hub_view_put(view, HUB_TABLE_TENANT, &key, hub_slice(number, sizeof number));
    number_key(&key, *tenant);
    return err ? err : hub_view_put(view, HUB_TABLE_TENANT, &key, name);
}

hub_err_t hub_tenant_name(hub_view_t *view, hub_pool_t *pool, uint32_t tenant, hub_slice_t *name)
{
    hub_key_t key;
    *name = tenant == HUB_TENANT_ALL ? HUB_SLICE_LIT("*") : HUB_SLICE_LIT("default");
    if (tenant == HUB_TENANT_ALL || tenant == HUB_TENANT_DEFAULT)
        return HUB_EOK;
    number_key(&key, tenant);
    hub_err_t err = hub_view_get(view, HUB_TABLE_TENANT, &key, name);
    if (!err)
        *name = hub_pool_copy(pool, *name);
    return err;
}

uint32_t hub_tenant_last(hub_view_t *view)
{
    hub_key_t prefix;
    hub_scan_t scan;
    hub_slice_t key, value;
    uint32_t last = HUB_TENANT_DEFAULT;
    number_key(&prefix, 0);
    hub_scan_init(&scan, view, HUB_TABLE_TENANT, &prefix, NULL, true);
    if (hub_scan_next(&scan, &key, &value) && key.len == 5)
        last = hub_u32_at(key.ptr + 1);
    hub_scan_finish(&scan);
    return last;
}
