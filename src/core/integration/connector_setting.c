/* `settings` of the types that are not OCPI: the tables, merging, what is missing, what is shown, and what an engine reads. */
#include "connector_setting.h"

#include <string.h>

#include "integration_setting.h"

/* ---- the tables ---- */

const hub_integration_type_row_t hub_integration_types[HUB_TYPE_COUNT] = {
#define HUB_INTEGRATION_TYPE(name, text, group, activate) {text, SETTING_##group, S_##activate},
#include "integration_type.def"
#undef HUB_INTEGRATION_TYPE
};

#define OBJECT_EVENTS(object) object ".created|" object ".updated|" object ".deleted|"
static const char connector_events[] = OBJECT_EVENTS("location") OBJECT_EVENTS("evse") OBJECT_EVENTS("tariff") OBJECT_EVENTS("session")
    OBJECT_EVENTS("cdr") OBJECT_EVENTS("token") OBJECT_EVENTS("integration") "session.charging_preferences|integration.status";
static const char connector_formats[] = "json|ndjson|csv|JSON|NDJSON|CSV";

enum { SETTING_CONNECTOR = 1 }; /* the only group, so that pointers start with /settings */
static const hub_setting_group_t groups[] = {{NULL, 0, false}, [SETTING_CONNECTOR] = {"settings", 0, true}};

#define HUB_PROVIDER(symbol, type, provider) static const hub_setting_t rows_##symbol[] = {
#define HUB_CONNECTOR(symbol, type) static const hub_setting_t rows_##symbol[] = {
#define HUB_SETTING(symbol, id, group, type, flags, name, min, max, options, fallback, alias)                                              \
    HUB_SETTING_ROW(id, SETTING_##group, type, flags, name, min, max, options, fallback, alias),
#define HUB_CONNECTOR_END                                                                                                                  \
    }                                                                                                                                      \
    ;
#include "connector_setting.def"
#undef HUB_PROVIDER
#undef HUB_CONNECTOR
#undef HUB_SETTING
#undef HUB_CONNECTOR_END

#define TABLE(symbol)                                                                                                                      \
    {                                                                                                                                      \
        rows_##symbol, HUB_COUNT(rows_##symbol), groups, HUB_COUNT(groups), NULL, NULL, NULL                                               \
    }
#define HUB_SETTING(symbol, id, group, type, flags, name, min, max, options, fallback, alias)
#define HUB_CONNECTOR_END
#define HUB_PROVIDER(symbol, type, provider) {HUB_TYPE_##type, provider, TABLE(symbol)},
#define HUB_CONNECTOR(symbol, type) {HUB_TYPE_##type, NULL, TABLE(symbol)},
const hub_connector_row_t hub_connector_rows[] = {
#include "connector_setting.def"
};
#undef HUB_PROVIDER
#undef HUB_CONNECTOR
const size_t hub_connector_row_count = HUB_COUNT(hub_connector_rows);

#define HUB_CONNECTOR(symbol, type)
#define HUB_PROVIDER(symbol, type, provider) "|" provider
const char hub_connector_providers[] =
#include "connector_setting.def"
    ;
#undef HUB_PROVIDER
#undef HUB_CONNECTOR
#undef HUB_SETTING
#undef HUB_CONNECTOR_END

/* ---- which rows ---- */

bool hub_integration_type_parse(hub_slice_t text, hub_integration_type_t *out)
{
    for (size_t i = 0; i < HUB_TYPE_COUNT; i++) {
        if (!hub_slice_eq_str(text, hub_integration_types[i].text))
            continue;
        *out = (hub_integration_type_t)i;
        return true;
    }
    return false;
}

hub_integration_type_t hub_integration_type_of(hub_pool_t *pool, const hub_setting_values_t *values)
{
    hub_integration_type_t type = HUB_TYPE_OCPI;
    hub_integration_type_parse(hub_setting_text(pool, values->json[S_TYPE]), &type);
    return type;
}

const hub_connector_row_t *hub_connector_of(hub_pool_t *pool, const hub_setting_values_t *values)
{
    hub_integration_type_t type = hub_integration_type_of(pool, values);
    hub_slice_t provider = hub_setting_text(pool, values->json[S_PROVIDER]);
    for (size_t i = 0; i < hub_connector_row_count; i++) {
        const hub_connector_row_t *row = &hub_connector_rows[i];
        if (row->type == type && (row->provider ? hub_slice_eq_str(provider, row->provider) : !provider.ptr))
            return row;
    }
    return NULL;
}

bool hub_connector_has_providers(hub_integration_type_t type)
{
    for (size_t i = 0; i < hub_connector_row_count; i++)
        if (hub_connector_rows[i].type == type && hub_connector_rows[i].provider)
            return true;
    return false;
}

static int row_named(const hub_setting_table_t *table, hub_slice_t name)
{
    for (uint32_t row = 0; row < table->row_count; row++)
        if (hub_slice_eq_str(name, table->rows[row].name))
            return (int)row;
    return -1;
}

static bool is_known(hub_slice_t name)
{
    for (size_t i = 0; i < hub_connector_row_count; i++)
        if (row_named(&hub_connector_rows[i].table, name) >= 0)
            return true;
    return false;
}

/* ---- merging ---- */

/* What is stored, by rows; secrets stay sealed. */
static void read_stored(hub_pool_t *pool, const hub_setting_table_t *table, hub_slice_t json, hub_setting_values_t *values)
{
    yyjson_doc *doc;
    size_t i, n;
    yyjson_val *key, *value;
    memset(values, 0, sizeof *values);
    if (!json.ptr || ocpi_read(pool, json, &doc, NULL) != HUB_EOK)
        return;
    yyjson_obj_foreach(yyjson_doc_get_root(doc), i, n, key, value)
    {
        int row = row_named(table, ocpi_str(key));
        if (row >= 0)
            values->json[row] = ocpi_write(pool, value);
    }
}

static hub_slice_t write_stored(hub_pool_t *pool, const hub_setting_table_t *table, const hub_setting_values_t *values)
{
    hub_buf_t out = HUB_BUF_INIT(pool);
    for (uint32_t row = 0; row < table->row_count; row++) {
        if (!values->json[row].ptr)
            continue;
        hub_buf_printf(&out, "%s\"%s\":", out.len ? "," : "{", table->rows[row].name);
        hub_buf_add(&out, values->json[row]);
    }
    if (out.len == 0)
        return HUB_SLICE_NONE;
    hub_buf_add_char(&out, '}');
    return hub_buf_slice(&out);
}

/* {"settings":{…}} without what only other types and providers know. What nobody knows stays, to be refused by name. */
static yyjson_val *own_part(hub_pool_t *pool, const hub_setting_table_t *table, hub_slice_t json)
{
    yyjson_doc *doc;
    size_t i, n;
    yyjson_val *key, *value;
    hub_buf_t out = HUB_BUF_INIT(pool);
    bool first = true;
    HUB_ASSERT(ocpi_read(pool, json, &doc, NULL) == HUB_EOK); /* our own text */
    hub_buf_add_str(&out, "{\"settings\":{");
    yyjson_obj_foreach(yyjson_doc_get_root(doc), i, n, key, value)
    {
        hub_slice_t name = ocpi_str(key);
        if (row_named(table, name) < 0 && is_known(name))
            continue;
        hub_buf_add_str(&out, first ? "" : ",");
        hub_buf_add_json(&out, name);
        hub_buf_add_char(&out, ':');
        hub_buf_add(&out, ocpi_write(pool, value));
        first = false;
    }
    hub_buf_add_str(&out, "}}");
    HUB_ASSERT(ocpi_read(pool, hub_buf_slice(&out), &doc, NULL) == HUB_EOK);
    return yyjson_doc_get_root(doc);
}

hub_slice_t hub_connector_merge(hub_pool_t *pool, const hub_connector_row_t *row, const hub_setting_seal_t *seal, bool insecure_urls,
                                hub_slice_t json, hub_slice_t stored, bool full, bool *said, ocpi_problems_t *problems)
{
    static const hub_setting_table_t nothing = {.groups = groups, .group_count = HUB_COUNT(groups)};
    const hub_setting_table_t *table = row ? &row->table : &nothing;
    hub_setting_input_t in;
    hub_setting_values_t old, now;
    hub_setting_mask_t changed;
    bool ok = hub_setting_read(pool, table, insecure_urls, own_part(pool, table, json), &in, problems);
    *said = (in.given | in.nulls) != 0;
    read_stored(pool, table, stored, &old);
    if (!ok || !hub_setting_merge(pool, table, seal, &in, &old, full, &now, &changed, problems))
        return stored;
    return write_stored(pool, table, &now);
}

/* ---- what is missing ---- */

typedef struct needing {
    hub_pool_t *pool;
    ocpi_problems_t *problems; /* or NULL */
    hub_buf_t names;
} needing_t;

static void need(needing_t *n, const hub_setting_table_t *table, uint32_t row, const hub_setting_values_t *values)
{
    const hub_setting_t *setting = &table->rows[row];
    if (!(setting->flags & HUB_SETTING_NEEDED) || values->json[row].ptr)
        return;
    hub_buf_printf(&n->names, "%s%s.%s", n->names.len ? ", " : "", table->groups[setting->group].name, setting->name);
    if (n->problems)
        ocpi_problem_add(n->problems, OCPI_ERROR, hub_setting_pointer(n->pool, table, row), "required",
                         "must be given before the integration can be active");
}

static void need_all(needing_t *n, const hub_setting_values_t *values)
{
    const hub_integration_type_row_t *type = &hub_integration_types[hub_integration_type_of(n->pool, values)];
    const hub_connector_row_t *connector = hub_connector_of(n->pool, values);
    hub_setting_values_t nested;
    for (uint32_t row = 0; type->group && row < S_COUNT; row++)
        if (hub_integration_settings.rows[row].group == type->group)
            need(n, &hub_integration_settings, row, values);
    if (connector) {
        read_stored(n->pool, &connector->table, values->json[S_SETTINGS], &nested);
        for (uint32_t row = 0; row < connector->table.row_count; row++)
            need(n, &connector->table, row, &nested);
    } else if (!type->group) {
        hub_buf_add_str(&n->names, "provider");
        if (n->problems)
            ocpi_problem_add(n->problems, OCPI_ERROR, HUB_SLICE_LIT("/provider"), "required",
                             "must be given before the integration can be active");
    }
}

void hub_connector_need(hub_pool_t *pool, const hub_setting_values_t *values, ocpi_problems_t *problems)
{
    needing_t n = {pool, problems, HUB_BUF_INIT(pool)};
    need_all(&n, values);
}

/* ---- shown ---- */

void hub_connector_write(hub_pool_t *pool, const hub_setting_values_t *values, const hub_setting_seal_t *seal, bool reveal, hub_buf_t *out)
{
    const hub_connector_row_t *connector = hub_connector_of(pool, values);
    hub_setting_values_t nested;
    if (!connector) {
        hub_buf_add_str(out, "null");
        return;
    }
    read_stored(pool, &connector->table, values->json[S_SETTINGS], &nested);
    hub_setting_write_group(pool, &connector->table, &nested, seal, reveal, SETTING_CONNECTOR, out);
}

void hub_connector_write_masked(hub_pool_t *pool, const hub_setting_values_t *values, uint32_t row, hub_buf_t *out)
{
    const hub_connector_row_t *connector = hub_connector_of(pool, values);
    hub_setting_values_t nested;
    if (!connector || !values->json[row].ptr) {
        hub_buf_add_str(out, "null");
        return;
    }
    const hub_setting_table_t *table = &connector->table;
    read_stored(pool, table, values->json[row], &nested);
    for (uint32_t i = 0; i < table->row_count; i++)
        if (nested.json[i].ptr && (table->rows[i].flags & HUB_SETTING_SECRET))
            nested.json[i] = hub_setting_json(pool, hub_mask(pool, HUB_SLICE_NONE));
    hub_buf_add(out, write_stored(pool, table, &nested));
}

/* ---- decoded ---- */

/* In clear; none: not set, or it does not open (*unreadable). */
static hub_slice_t clear_json(hub_pool_t *pool, const hub_setting_seal_t *seal, const hub_setting_t *setting, hub_slice_t json,
                              bool *unreadable)
{
    hub_slice_t clear;
    if (!json.ptr || !(setting->flags & HUB_SETTING_SECRET))
        return json.ptr ? hub_pool_copy(pool, json) : json;
    if (hub_setting_secret(pool, seal, json, &clear) != HUB_EOK) {
        *unreadable = true;
        return HUB_SLICE_NONE;
    }
    return hub_setting_is_json(setting) ? clear : hub_setting_json(pool, clear);
}

static void decode_members(hub_pool_t *pool, const hub_setting_seal_t *seal, const hub_setting_table_t *table, uint8_t group,
                           const hub_setting_values_t *values, hub_connector_t *out)
{
    hub_connector_member_t *members = hub_pool_zalloc(pool, (table->row_count + 1) * sizeof *members);
    out->members = members;
    for (uint32_t row = 0; row < table->row_count; row++) {
        const hub_setting_t *setting = &table->rows[row];
        if (setting->group != group)
            continue;
        hub_connector_member_t *member = &members[out->member_count++];
        member->name = setting->name;
        member->secret = setting->flags & HUB_SETTING_SECRET;
        member->json = clear_json(pool, seal, setting, values->json[row], &out->unreadable);
        member->text = hub_setting_text(pool, member->json);
    }
}

static void decode_common(hub_pool_t *pool, const hub_setting_seal_t *seal, const hub_setting_values_t *values, hub_connector_t *out)
{
    const hub_slice_t *v = values->json;
    const hub_setting_t *rows = hub_integration_settings.rows;
    out->entity_type = hub_setting_text(pool, v[S_ENTITY_TYPE]);
    out->entity_id = hub_setting_text(pool, v[S_ENTITY_ID]);
    out->destination = hub_setting_text(pool, v[S_DESTINATION]);
    out->destination_id = hub_setting_text(pool, v[S_DESTINATION_ID]);
    out->config_data = clear_json(pool, seal, &rows[S_CONFIG_DATA], v[S_CONFIG_DATA], &out->unreadable);
    out->credentials = clear_json(pool, seal, &rows[S_CREDENTIALS], v[S_CREDENTIALS], &out->unreadable);
    out->linked_resources = clear_json(pool, seal, &rows[S_LINKED_RESOURCES], v[S_LINKED_RESOURCES], &out->unreadable);
    out->trigger = !v[S_TRIGGER_TYPE].ptr                                ? HUB_TRIGGER_NONE
                   : hub_slice_eq_str(v[S_TRIGGER_TYPE], "\"SCHEDULE\"") ? HUB_TRIGGER_SCHEDULE
                                                                         : HUB_TRIGGER_EVENT;
}

const hub_connector_t *hub_connector_decode(hub_pool_t *pool, const hub_setting_seal_t *seal, const hub_setting_values_t *values)
{
    hub_integration_type_t type = hub_integration_type_of(pool, values);
    const hub_integration_type_row_t *row = &hub_integration_types[type];
    const hub_connector_row_t *connector = hub_connector_of(pool, values);
    needing_t n = {pool, NULL, HUB_BUF_INIT(pool)};
    hub_setting_values_t nested;
    if (type == HUB_TYPE_OCPI)
        return NULL;
    hub_connector_t *out = HUB_POOL_NEW(pool, hub_connector_t);
    out->type = type;
    out->provider = hub_setting_text(pool, values->json[S_PROVIDER]);
    if (row->group) {
        decode_members(pool, seal, &hub_integration_settings, row->group, values, out);
    } else if (connector) {
        read_stored(pool, &connector->table, values->json[S_SETTINGS], &nested);
        decode_members(pool, seal, &connector->table, SETTING_CONNECTOR, &nested, out);
    }
    decode_common(pool, seal, values, out);
    need_all(&n, values);
    out->missing = hub_buf_slice(&n.names);
    out->complete = out->missing.len == 0;
    bool enabled = hub_integration_is_enabled(values);
    out->switched_on = row->activate == S_ENABLED || hub_setting_true(values->json[row->activate]);
    out->active = enabled && out->complete && out->switched_on && !out->unreadable;
    return out;
}

static const hub_connector_member_t *member_named(const hub_connector_t *connector, const char *name)
{
    static const hub_connector_member_t none;
    for (uint32_t i = 0; i < connector->member_count; i++)
        if (strcmp(connector->members[i].name, name) == 0)
            return &connector->members[i];
    return &none;
}

hub_slice_t hub_connector_text(const hub_connector_t *connector, const char *name)
{
    return member_named(connector, name)->text;
}

hub_slice_t hub_connector_json(const hub_connector_t *connector, const char *name)
{
    return member_named(connector, name)->json;
}
