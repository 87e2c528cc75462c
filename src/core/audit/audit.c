#include "audit.h"

#include <string.h>

#include "integration/integration.h"
#include "v1.h"

#define VALUE_MOST 4096u    /* bytes of one value; of a longer one only its length is told */
#define RESOURCE_MOST 1024u /* bytes of a path */
#define DAY_MS (24ll * 3600 * 1000)
#define DENIED_MOST 10000u /* entries of who was turned away */

/* ---- records ---- */

void hub_audit_prefix(hub_key_t *key, uint32_t tenant, hub_audit_kind_t kind)
{
    hub_key_init(key);
    hub_key_u32(key, tenant);
    hub_key_u8(key, (uint8_t)kind);
}

static uint64_t number_at(hub_slice_t key)
{
    return key.len == 13 ? (uint64_t)hub_u32_at(key.ptr + 5) << 32 | hub_u32_at(key.ptr + 9) : 0;
}

static hub_err_t next_number(hub_view_t *view, const hub_key_t *prefix, uint64_t *number)
{
    hub_scan_t scan;
    hub_slice_t key, value;
    *number = 1;
    hub_scan_init(&scan, view, HUB_TABLE_AUDIT, prefix, NULL, true);
    if (hub_scan_next(&scan, &key, &value))
        *number = number_at(key) + 1;
    return hub_scan_finish(&scan);
}

static hub_slice_t cut(hub_slice_t s, size_t most)
{
    return hub_slice(s.ptr, s.len < most ? s.len : most);
}

static void add_text(hub_buf_t *out, const char *name, hub_slice_t text)
{
    hub_buf_add_str(out, name);
    hub_buf_add_json_any(out, text);
}

static void add_entry(hub_buf_t *out, const hub_audit_entry_t *entry)
{
    char time[OCPI_TIME_MAX + 1];
    size_t time_len = ocpi_time_format(entry->time, time);
    hub_buf_add_str(out, "\"time\":\"");
    hub_buf_add(out, hub_slice(time, time_len));
    add_text(out, "\",\"actor\":", entry->actor);
    if (entry->key_id) {
        hub_buf_add_str(out, ",\"keyId\":\"");
        hub_buf_add_u64(out, entry->key_id);
        hub_buf_add_char(out, '"');
    } else {
        hub_buf_add_str(out, ",\"keyId\":null");
    }
    add_text(out, ",\"remote\":", entry->remote);
    add_text(out, ",\"action\":", entry->action);
    add_text(out, ",\"resource\":", entry->resource);
    hub_buf_add_str(out, ",\"method\":\"");
    hub_buf_add_str(out, entry->method);
    hub_buf_add_str(out, "\",\"traceId\":\"");
    hub_buf_add(out, entry->trace_id);
    hub_buf_add_str(out, "\",");
    hub_buf_add(out, entry->more);
    hub_buf_add_char(out, '}');
}

static void add_u16(hub_buf_t *out, size_t n)
{
    hub_buf_add_char(out, (char)(n >> 8));
    hub_buf_add_char(out, (char)n);
}

hub_err_t hub_audit_put(hub_view_t *view, hub_pool_t *pool, const hub_audit_entry_t *entry, uint64_t *number)
{
    hub_key_t key;
    hub_buf_t out = HUB_BUF_INIT(pool);
    hub_audit_entry_t e = *entry;
    e.actor = cut(e.actor, 300);
    e.resource = cut(e.resource, RESOURCE_MOST);
    hub_audit_prefix(&key, e.tenant, e.kind);
    hub_err_t err = *number ? HUB_EOK : next_number(view, &key, number);
    if (err)
        return err;
    hub_key_u64(&key, *number);
    hub_buf_reserve(&out, 512 + e.more.len);
    for (int shift = 56; shift >= 0; shift -= 8)
        hub_buf_add_char(&out, (char)((uint64_t)e.time >> shift));
    add_u16(&out, e.actor.len);
    add_u16(&out, e.resource.len);
    hub_buf_add(&out, e.actor);
    hub_buf_add(&out, e.resource);
    add_entry(&out, &e);
    return hub_view_put(view, HUB_TABLE_AUDIT, &key, hub_buf_slice(&out));
}

bool hub_audit_parse(hub_slice_t value, int64_t *time, hub_slice_t *actor, hub_slice_t *resource, hub_slice_t *json)
{
    if (value.len < 12)
        return false;
    const unsigned char *p = (const unsigned char *)value.ptr;
    size_t actor_len = (size_t)p[8] << 8 | p[9], resource_len = (size_t)p[10] << 8 | p[11];
    if (value.len < 12 + actor_len + resource_len)
        return false;
    *time = (int64_t)((uint64_t)hub_u32_at(value.ptr) << 32 | hub_u32_at(value.ptr + 4));
    *actor = hub_slice(value.ptr + 12, actor_len);
    *resource = hub_slice(actor->ptr + actor_len, resource_len);
    *json = hub_slice(resource->ptr + resource_len, value.len - 12 - actor_len - resource_len);
    return true;
}

/* ---- what changed ---- */

static bool differs(hub_slice_t a, hub_slice_t b)
{
    return !a.ptr != !b.ptr || !hub_slice_eq(a, b);
}

static void add_name(hub_buf_t *out, const hub_setting_table_t *table, uint8_t group)
{
    if (group == 0 || !table->groups[group].name[0])
        return;
    add_name(out, table, table->groups[group].parent);
    hub_buf_add_str(out, table->groups[group].name);
    hub_buf_add_char(out, '.');
}

static void add_value(hub_pool_t *pool, hub_buf_t *out, const hub_setting_table_t *table, const hub_setting_values_t *values, uint32_t row)
{
    const hub_setting_t *setting = &table->rows[row];
    hub_slice_t json = values->json[row];
    if (!json.ptr)
        hub_buf_add_str(out, "null");
    else if (setting->flags & HUB_SETTING_SECRET)
        hub_buf_add_json(out, hub_mask(pool, HUB_SLICE_NONE));
    else if (json.len <= VALUE_MOST && (setting->flags & HUB_SETTING_NESTED))
        table->nested(pool, values, row, out);
    else if (json.len > VALUE_MOST)
        hub_buf_printf(out, "\"%zu bytes\"", json.len);
    else
        hub_buf_add(out, json);
}

hub_slice_t hub_audit_diff(hub_pool_t *pool, const hub_setting_table_t *table, const hub_setting_values_t *values,
                           const hub_setting_values_t *other)
{
    hub_buf_t out = HUB_BUF_INIT(pool);
    if (!values)
        return HUB_SLICE_LIT("null");
    hub_buf_add_char(&out, '{');
    for (uint32_t row = 0; row < table->row_count; row++) {
        const hub_setting_t *setting = &table->rows[row];
        if (setting->flags & (HUB_SETTING_OWN | HUB_SETTING_COMMAND | HUB_SETTING_HIDDEN))
            continue;
        if (other ? !differs(values->json[row], other->json[row]) : !values->json[row].ptr)
            continue;
        hub_buf_add_str(&out, out.len > 1 ? ",\"" : "\"");
        add_name(&out, table, setting->group);
        hub_buf_add_str(&out, setting->name);
        hub_buf_add_str(&out, "\":");
        add_value(pool, &out, table, values, row);
    }
    hub_buf_add_char(&out, '}');
    return hub_buf_slice(&out);
}

void hub_audit_settings(hub_write_t *write, hub_slice_t resource, const hub_setting_table_t *table, const hub_setting_values_t *old,
                        const hub_setting_values_t *now)
{
    hub_pool_t *pool = write->x->pool;
    write->audit.resource = resource;
    write->audit.before = hub_audit_diff(pool, table, old, now);
    write->audit.after = hub_audit_diff(pool, table, now, old);
}

/* ---- a request's entry ---- */

/* POST of a collection creates; POST below one resource is named by the last word of its path. */
static hub_slice_t action_of(const hub_exchange_t *x)
{
    const hub_v1_route_t *route = x->state->route;
    const char *last = route && x->state->param_count ? strrchr(route->pattern, '/') : NULL;
    switch (x->method) {
    case HUB_PUT:
    case HUB_PATCH:
        return HUB_SLICE_LIT("update");
    case HUB_DELETE:
        return HUB_SLICE_LIT("delete");
    default:
        return last && last[1] != '{' ? hub_slice_str(last + 1) : HUB_SLICE_LIT("create");
    }
}

static hub_audit_entry_t entry_of(const hub_exchange_t *x, hub_pool_t *pool)
{
    const hub_exchange_state_t *state = x->state;
    bool object = state->route && (state->route->permission & HUB_PERMIT_OBJECT_WRITE);
    return (hub_audit_entry_t){.tenant = state->tenant,
                               .kind = object ? HUB_AUDIT_OBJECT : HUB_AUDIT_CHANGE,
                               .time = hub_now_ms(),
                               .key_id = state->key_id,
                               .actor = state->ocpi ? hub_pool_printf(pool, "integration:%u", state->integration->id) : state->actor,
                               .remote = x->remote,
                               .action = action_of(x),
                               .resource = x->path,
                               .trace_id = hub_slice(state->trace_id, HUB_UUID_LEN),
                               .method = hub_method_name(x->method)};
}

/* A partner's own requests: its registration concerns the operator, its objects are in the event feed. */
static bool is_told(hub_exchange_t *x)
{
    hub_exchange_state_t *state = x->state;
    if (!state->ocpi)
        return state->route && !(state->route->flags & HUB_V1_OPEN);
    return state->target.route && state->target.route->action == OCPI_ACTION_CREDENTIALS;
}

static hub_slice_t or_null(hub_slice_t json)
{
    return json.ptr ? json : HUB_SLICE_LIT("null");
}

hub_err_t hub_audit_write(hub_view_t *view, hub_write_t *write)
{
    hub_exchange_t *x = write->x;
    const hub_audit_note_t *note = &write->audit;
    uint64_t number = 0;
    bool asked_for = x->state->route && (x->state->route->flags & HUB_V1_OPEN) && note->action.ptr;
    if (note->skip || !(asked_for || is_told(x)))
        return HUB_EOK;
    hub_audit_entry_t entry = entry_of(x, x->pool);
    hub_buf_t more = HUB_BUF_INIT(x->pool);
    if (note->action.ptr)
        entry.action = note->action;
    if (note->resource.ptr)
        entry.resource = note->resource;
    hub_buf_add_str(&more, "\"before\":");
    hub_buf_add(&more, or_null(note->before));
    hub_buf_add_str(&more, ",\"after\":");
    hub_buf_add(&more, or_null(note->after));
    entry.more = hub_buf_slice(&more);
    return hub_audit_put(view, x->pool, &entry, &number);
}

hub_err_t hub_audit_bulk(hub_view_t *view, hub_exchange_t *x, hub_pool_t *pool, uint64_t *number, hub_slice_t counts)
{
    hub_audit_entry_t entry = entry_of(x, pool);
    entry.action = HUB_SLICE_LIT("bulk");
    entry.more = hub_pool_printf(pool, "\"before\":null,\"after\":null,\"counts\":%.*s", HUB_SLICE_FMT(counts));
    return hub_audit_put(view, pool, &entry, number);
}

hub_err_t hub_audit_request(hub_view_t *view, hub_pool_t *pool, const hub_exchange_t *x)
{
    uint64_t number = 0;
    hub_audit_entry_t entry = entry_of(x, pool);
    entry.more = HUB_SLICE_LIT("\"before\":null,\"after\":null");
    return hub_audit_put(view, pool, &entry, &number);
}

/* ---- what time takes away ---- */

/* Of one (tenant, kind) from the oldest on; the newest stays, since the next number comes from it. */
static hub_err_t expire_kind(hub_core_t *core, hub_view_t *view, hub_slice_t first, int64_t now, unsigned limit, unsigned *count)
{
    hub_key_t prefix, key;
    hub_scan_t scan;
    hub_slice_t at, value, actor, resource, json;
    uint64_t next, most = core->config.audit_entries;
    int64_t time, before = now - (int64_t)core->config.audit_days * DAY_MS;
    uint64_t number = number_at(first);
    hub_audit_prefix(&prefix, hub_u32_at(first.ptr), (hub_audit_kind_t)first.ptr[4]);
    if (first.ptr[4] == HUB_AUDIT_DENIED && most > DENIED_MOST)
        most = DENIED_MOST;
    hub_err_t err = next_number(view, &prefix, &next);
    key = prefix;
    hub_scan_init(&scan, view, HUB_TABLE_AUDIT, &prefix, NULL, false);
    while (!err && *count < limit && number + 1 < next && hub_scan_next(&scan, &at, &value)) {
        number = number_at(at);
        bool old = hub_audit_parse(value, &time, &actor, &resource, &json) && time < before;
        if (number + 1 >= next || (!old && number + most >= next))
            break;
        key = prefix;
        hub_key_u64(&key, number);
        err = hub_view_delete(view, HUB_TABLE_AUDIT, &key);
        ++*count;
    }
    hub_err_t ended = hub_scan_finish(&scan);
    return err ? err : ended;
}

hub_err_t hub_audit_expire(hub_core_t *core, hub_view_t *view, int64_t now, unsigned limit, unsigned *count)
{
    hub_key_t all, from;
    hub_slice_t key = HUB_SLICE_NONE, value;
    hub_err_t err = HUB_EOK;
    char first[13];
    bool more = true;
    hub_key_init(&all);
    hub_key_init(&from);
    *count = 0;
    while (!err && more && *count < limit) {
        hub_scan_t scan;
        hub_scan_init(&scan, view, HUB_TABLE_AUDIT, &all, from.len ? &from : NULL, false);
        more = hub_scan_next(&scan, &key, &value) && key.len == sizeof first;
        if (more)
            memcpy(first, key.ptr, sizeof first);
        err = hub_scan_finish(&scan);
        if (err || !more)
            break;
        err = expire_kind(core, view, hub_slice(first, sizeof first), now, limit, count);
        hub_key_init(&from);
        hub_key_u32(&from, hub_u32_at(first));
        hub_key_u8(&from, (uint8_t)(first[4] + 1));
    }
    return err;
}
