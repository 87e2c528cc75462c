/* Schemas of records that a table of settings describes: what is shown, what is written, what may be a part of that; and `settings` by type
 * and provider. */
#include <string.h>

#include "access/credential.h"
#include "integration/connector_setting.h"
#include "integration/integration_setting.h"
#include "openapi.h"

/* Every table of settings under /v1. `head`, `lists`: shapes of what an answer has besides. */
static const struct record {
    const char *name;
    const hub_setting_table_t *table;
    const char *head, *lists;
    bool input, patch; /* what is written: all of it, a part */
} records[] = {
    {"Key", &hub_key_settings, "RecordHead", NULL, true, false},
    {"Party", &hub_party_settings, "RecordHead", NULL, true, true},
    {"ApprovedParty", &hub_approved_settings, "NumberHead", NULL, true, true},
    {"Integration", &hub_integration_settings, "IntegrationHead", "IntegrationLists", true, true},
    {"IntegrationItem", &hub_integration_settings, "IntegrationHead", NULL, false, false},
};

typedef enum form { SHOWN, INPUT, PATCH } form_t;

/* ---- a value ---- */

typedef struct kind {
    const char *type, *format, *pattern; /* pattern without ^ and $ */
} kind_t;

#define UUID "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
#define FIELD "[-0-9*/,]+"
#define SCHEDULE "(hourly|daily|weekly|monthly|" FIELD " " FIELD " " FIELD " " FIELD " " FIELD "|P[0-9WDTHMS]+)"

static const kind_t kinds[] = {
    [HUB_SETTING_STRING] = {"string", NULL, NULL},
    [HUB_SETTING_LINE] = {"string", NULL, "[^\\r\\n]*"},
    [HUB_SETTING_WORD] = {"string", NULL, "\\S*"},
    [HUB_SETTING_TOKEN] = {"string", NULL, "[!-~]*"},
    [HUB_SETTING_URL] = {"string", NULL, "(https?://\\S+)?"},
    [HUB_SETTING_CODE] = {"string", NULL, "[A-Za-z0-9]*"},
    [HUB_SETTING_SLUG] = {"string", NULL, "[A-Za-z0-9_-]*"},
    [HUB_SETTING_UUID] = {"string", "uuid", UUID},
    [HUB_SETTING_EMAIL] = {"string", "email", "[^@\\s]+@[^@\\s]+"},
    [HUB_SETTING_PORT] = {"string", NULL, "[1-9][0-9]{0,4}"},
    [HUB_SETTING_SCHEDULE] = {"string", NULL, SCHEDULE},
    [HUB_SETTING_SIGNING] = {"string", NULL, "whsec_[A-Za-z0-9+/]+=*"},
    [HUB_SETTING_ENUM] = {"string", NULL, NULL},
    [HUB_SETTING_ENUMS] = {"array", NULL, NULL},
    [HUB_SETTING_BOOL] = {"boolean", NULL, NULL},
    [HUB_SETTING_INT] = {"integer", NULL, NULL},
    [HUB_SETTING_TIME] = {"string", "date-time", NULL},
    [HUB_SETTING_OBJECT] = {"object", NULL, NULL},
    [HUB_SETTING_ANY] = {"string", NULL, NULL},
    [HUB_SETTING_CHECKED] = {NULL, NULL, NULL},
};

/* A mask stands for the secret that is stored; nothing for none. */
static void add_pattern(hub_doc_t *doc, const hub_setting_t *row)
{
    const char *pattern = kinds[row->type].pattern;
    bool secret = row->flags & HUB_SETTING_SECRET;
    if (!pattern)
        return;
    hub_doc_key(doc, "pattern");
    if (row->type == HUB_SETTING_CODE && row->min)
        hub_doc_slice(doc, hub_pool_printf(doc->pool,
                                           row->flags & HUB_SETTING_REQUIRED ? "^[A-Za-z0-9]{%lld,%lld}$" : "^([A-Za-z0-9]{%lld,%lld})?$",
                                           (long long)row->min, (long long)row->max));
    else
        hub_doc_slice(doc, hub_pool_printf(doc->pool, secret ? "^(\xE2\x80\xA2{4}.*|%s)?$" : "^%s$", pattern));
}

static void add_limits(hub_doc_t *doc, const hub_setting_t *row)
{
    bool text = kinds[row->type].type && strcmp(kinds[row->type].type, "string") == 0;
    bool empty = row->type == HUB_SETTING_CODE || row->type == HUB_SETTING_URL || (row->flags & HUB_SETTING_SECRET);
    if (row->type == HUB_SETTING_INT) {
        hub_doc_member_number(doc, "minimum", row->min);
        hub_doc_member_number(doc, "maximum", row->max);
    }
    if (row->type == HUB_SETTING_ENUMS && row->min)
        hub_doc_member_number(doc, "minItems", row->min);
    if (text && row->min && !empty)
        hub_doc_member_number(doc, "minLength", row->min);
    if (text && row->max)
        hub_doc_member_number(doc, "maxLength", row->max);
}

/* Rows with a check of their own name the schema in `options`; "[…]": a list of such; …@: …Input in a request. */
static void add_checked(hub_doc_t *doc, const hub_setting_t *row, form_t form, bool nulls)
{
    hub_slice_t name = hub_slice_str(row->options);
    bool list = name.ptr[0] == '[', input = name.ptr[name.len - 1] == '@';
    hub_doc_key(doc, "anyOf");
    hub_doc_open(doc, '[');
    hub_doc_open(doc, '{');
    if (list) {
        hub_doc_member(doc, "type", "array");
        hub_doc_begin(doc, "items");
        name = hub_slice(name.ptr + 1, name.len - 2);
    }
    if (input)
        name = hub_pool_printf(doc->pool, "%.*s%s", (int)name.len - 1, name.ptr, form == SHOWN ? "" : "Input");
    hub_doc_ref(doc, hub_pool_str(doc->pool, name));
    if (list)
        hub_doc_end(doc);
    hub_doc_end(doc);
    if (nulls)
        hub_doc_json(doc, HUB_SLICE_LIT("{\"type\":\"null\"}"));
    if (row->flags & HUB_SETTING_SECRET)
        hub_doc_json(doc, HUB_SLICE_LIT("{\"type\":\"string\",\"description\":\"A mask\",\"pattern\":\"^\xE2\x80\xA2{4}\"}"));
    hub_doc_close(doc, ']');
}

static void add_value(hub_doc_t *doc, const hub_setting_t *row, form_t form, bool nulls)
{
    bool shown = form == SHOWN, secret = row->flags & HUB_SETTING_SECRET;
    if (secret)
        hub_doc_member(doc, "description",
                       shown ? "A secret: masked, unless it is revealed" : "A secret; the mask of an answer leaves it as it is");
    if (secret && !shown)
        hub_doc_member(doc, "format", "password");
    if (row->type == HUB_SETTING_CHECKED) {
        add_checked(doc, row, form, nulls);
        return;
    }
    hub_doc_types(doc, kinds[row->type].type, row->type == HUB_SETTING_ANY ? "object" : NULL, nulls);
    if (!secret)
        hub_doc_member(doc, "format", kinds[row->type].format);
    if (row->type == HUB_SETTING_ENUM)
        hub_doc_enum(doc, row->options, nulls);
    if (row->type == HUB_SETTING_ENUMS) {
        hub_doc_begin(doc, "items");
        hub_doc_member(doc, "type", "string");
        hub_doc_enum(doc, row->options, false);
        hub_doc_end(doc);
    }
    if (shown)
        return;
    add_pattern(doc, row);
    add_limits(doc, row);
}

/* ---- `settings` ---- */

static const char *connector_name(hub_pool_t *pool, const hub_connector_row_t *row, form_t form)
{
    hub_buf_t out = HUB_BUF_INIT(pool);
    bool capital = true;
    hub_buf_add_str(&out, hub_integration_types[row->type].text);
    for (const char *p = row->provider ? row->provider : ""; *p; p++) {
        if (*p != '_')
            hub_buf_add_char(&out, (char)(capital ? *p - 0x20 : *p));
        capital = *p == '_';
    }
    hub_buf_add_str(&out, form == SHOWN ? "Settings" : "SettingsInput");
    return hub_pool_str(pool, hub_buf_slice(&out));
}

static void add_nested(hub_doc_t *doc, form_t form)
{
    hub_doc_member(doc, "description", "By the type and provider of the integration");
    hub_doc_key(doc, "anyOf");
    hub_doc_open(doc, '[');
    for (size_t i = 0; i < hub_connector_row_count; i++) {
        hub_doc_open(doc, '{');
        hub_doc_ref(doc, connector_name(doc->pool, &hub_connector_rows[i], form));
        hub_doc_end(doc);
    }
    hub_doc_json(doc, HUB_SLICE_LIT("{\"type\":\"null\"}"));
    hub_doc_close(doc, ']');
}

/* if it is of this type (and provider) then its settings are these. */
static void add_types_of_settings(hub_doc_t *doc, form_t form)
{
    hub_doc_key(doc, "allOf");
    hub_doc_open(doc, '[');
    for (size_t i = 0; i < hub_connector_row_count; i++) {
        const hub_connector_row_t *row = &hub_connector_rows[i];
        hub_doc_open(doc, '{');
        hub_doc_begin(doc, "if");
        hub_doc_begin(doc, "properties");
        hub_doc_begin(doc, "integrationType");
        hub_doc_member(doc, "const", hub_integration_types[row->type].text);
        hub_doc_end(doc);
        if (row->provider) {
            hub_doc_begin(doc, "provider");
            hub_doc_member(doc, "const", row->provider);
            hub_doc_end(doc);
        }
        hub_doc_end(doc);
        hub_doc_key(doc, "required");
        hub_doc_json(doc, row->provider ? HUB_SLICE_LIT("[\"integrationType\",\"provider\"]") : HUB_SLICE_LIT("[\"integrationType\"]"));
        hub_doc_end(doc);
        hub_doc_begin(doc, "then");
        hub_doc_begin(doc, "properties");
        hub_doc_begin(doc, "settings");
        hub_doc_key(doc, "anyOf");
        hub_doc_open(doc, '[');
        hub_doc_open(doc, '{');
        hub_doc_ref(doc, connector_name(doc->pool, row, form));
        hub_doc_end(doc);
        hub_doc_json(doc, HUB_SLICE_LIT("{\"type\":\"null\"}"));
        hub_doc_close(doc, ']');
        hub_doc_end(doc);
        hub_doc_end(doc);
        hub_doc_end(doc);
        hub_doc_end(doc);
    }
    for (size_t i = 0; i < HUB_TYPE_COUNT; i++)
        if (!hub_connector_has_providers((hub_integration_type_t)i))
            hub_doc_json(
                doc, hub_pool_printf(doc->pool,
                                     "{\"if\":{\"properties\":{\"integrationType\":{\"const\":\"%s\"}},\"required\":[\"integrationType\"]},"
                                     "\"then\":{\"properties\":{\"provider\":{\"type\":\"null\"}}}}",
                                     hub_integration_types[i].text));
    hub_doc_close(doc, ']');
}

/* ---- members ---- */

static bool belongs(const hub_setting_t *row, form_t form)
{
    return form == SHOWN ? !(row->flags & (HUB_SETTING_COMMAND | HUB_SETTING_HIDDEN))
                         : !(row->flags & (HUB_SETTING_OWN | HUB_SETTING_HIDDEN));
}

static void add_row(hub_doc_t *doc, const hub_setting_t *row, form_t form)
{
    hub_doc_begin(doc, row->name);
    if (row->flags & HUB_SETTING_NESTED)
        add_nested(doc, form);
    else
        add_value(doc, row, form,
                  form == SHOWN ? !row->fallback && !(row->flags & HUB_SETTING_REQUIRED) : !(row->flags & HUB_SETTING_REQUIRED));
    if (form != SHOWN && row->fallback) {
        hub_doc_key(doc, "default");
        hub_doc_json(doc, hub_slice_str(row->fallback));
    }
    if (form != SHOWN && (row->flags & HUB_SETTING_COMMAND))
        hub_doc_flag(doc, "writeOnly");
    hub_doc_end(doc);
    if (form == SHOWN || !row->alias)
        return;
    hub_doc_begin(doc, row->alias);
    add_value(doc, row, form, true);
    hub_doc_flag(doc, "deprecated");
    hub_doc_member(doc, "description", hub_pool_printf(doc->pool, "Another spelling of %s", row->name).ptr);
    hub_doc_end(doc);
}

static void add_group(hub_doc_t *doc, const hub_setting_table_t *table, uint8_t group, form_t form);

static void add_members(hub_doc_t *doc, const hub_setting_table_t *table, uint8_t group, form_t form)
{
    for (uint32_t row = 0; row < table->row_count; row++)
        if (table->rows[row].group == group && belongs(&table->rows[row], form))
            add_row(doc, &table->rows[row], form);
    for (uint32_t g = 1; g < table->group_count; g++) {
        if (table->groups[g].parent != group || !table->groups[g].name[0])
            continue;
        hub_doc_begin(doc, table->groups[g].name);
        hub_doc_types(doc, "object", NULL, form != SHOWN || (group == 0 && table->groups[g].keep));
        add_group(doc, table, (uint8_t)g, form);
        hub_doc_end(doc);
    }
}

static void add_required(hub_doc_t *doc, const hub_setting_table_t *table, uint8_t group)
{
    for (uint32_t row = 0; row < table->row_count; row++)
        if (table->rows[row].group == group && belongs(&table->rows[row], SHOWN))
            hub_doc_text(doc, table->rows[row].name);
    for (uint32_t g = 1; g < table->group_count; g++)
        if (table->groups[g].parent == group && table->groups[g].name[0])
            hub_doc_text(doc, table->groups[g].name);
}

/* properties, required and additionalProperties of a group. */
static void add_group(hub_doc_t *doc, const hub_setting_table_t *table, uint8_t group, form_t form)
{
    hub_doc_begin(doc, "properties");
    add_members(doc, table, group, form);
    hub_doc_end(doc);
    if (form == SHOWN) {
        hub_doc_key(doc, "required");
        hub_doc_open(doc, '[');
        add_required(doc, table, group);
        hub_doc_close(doc, ']');
    }
    hub_doc_key(doc, "additionalProperties");
    hub_doc_bool(doc, false);
}

/* ---- records ---- */

static void add_shown(hub_doc_t *doc, const struct record *record)
{
    hub_doc_begin(doc, record->name);
    hub_doc_member(doc, "type", "object");
    hub_doc_begin(doc, "properties");
    hub_doc_shape_members(doc, record->head);
    if (record->lists)
        hub_doc_shape_members(doc, record->lists);
    add_members(doc, record->table, 0, SHOWN);
    hub_doc_end(doc);
    hub_doc_key(doc, "required");
    hub_doc_open(doc, '[');
    hub_doc_shape_required(doc, record->head);
    if (record->lists)
        hub_doc_shape_required(doc, record->lists);
    add_required(doc, record->table, 0);
    hub_doc_close(doc, ']');
    hub_doc_key(doc, "additionalProperties");
    hub_doc_bool(doc, false);
    if (record->table == &hub_integration_settings)
        add_types_of_settings(doc, SHOWN);
    hub_doc_end(doc);
}

/* Members of an answer that a request may send back: they say nothing there. */
static void add_read_only(hub_doc_t *doc, const hub_setting_table_t *table)
{
    for (uint32_t row = 0; row < table->row_count; row++) {
        if (!(table->rows[row].flags & HUB_SETTING_OWN) || (table->rows[row].flags & HUB_SETTING_HIDDEN))
            continue;
        hub_doc_begin(doc, table->rows[row].name);
        hub_doc_flag(doc, "readOnly");
        hub_doc_end(doc);
    }
    for (const char *const *name = table->read_only; name && *name; name++) {
        bool null_only = **name == '?';
        hub_doc_begin(doc, *name + null_only);
        hub_doc_flag(doc, "readOnly");
        if (null_only)
            hub_doc_member(doc, "type", "null");
        hub_doc_end(doc);
    }
}

/* Every type but one must be named; that is what a POST makes when nothing is said. `except`: the row; NULL: none. */
static void add_input(hub_doc_t *doc, const struct record *record, const char *name, form_t form, const char *except)
{
    const hub_setting_table_t *table = record->table;
    hub_doc_begin(doc, name);
    hub_doc_member(doc, "type", "object");
    hub_doc_begin(doc, "properties");
    add_members(doc, table, 0, form);
    add_read_only(doc, table);
    hub_doc_end(doc);
    hub_doc_key(doc, "required");
    hub_doc_open(doc, '[');
    for (uint32_t row = 0; form == INPUT && row < table->row_count; row++)
        if ((table->rows[row].flags & HUB_SETTING_REQUIRED) && (!except || strcmp(except, table->rows[row].name) != 0))
            hub_doc_text(doc, table->rows[row].name);
    hub_doc_close(doc, ']');
    if (form == PATCH)
        hub_doc_member_number(doc, "minProperties", 1);
    hub_doc_key(doc, "additionalProperties");
    hub_doc_bool(doc, false);
    if (table == &hub_integration_settings && form == INPUT)
        add_types_of_settings(doc, INPUT);
    hub_doc_end(doc);
}

static void add_connector(hub_doc_t *doc, const hub_connector_row_t *row, form_t form)
{
    hub_buf_t needed = HUB_BUF_INIT(doc->pool);
    for (uint32_t i = 0; i < row->table.row_count; i++)
        if (row->table.rows[i].flags & HUB_SETTING_NEEDED)
            hub_buf_printf(&needed, "%s%s", needed.len ? ", " : "To be active it needs ", row->table.rows[i].name);
    hub_doc_begin(doc, connector_name(doc->pool, row, form));
    hub_doc_member(doc, "type", "object");
    hub_doc_member(doc, "description", hub_pool_str(doc->pool, hub_buf_slice(&needed)));
    add_group(doc, &row->table, 1, form);
    hub_doc_end(doc);
}

void hub_doc_settings(hub_doc_t *doc)
{
    for (size_t i = 0; i < HUB_COUNT(records); i++) {
        add_shown(doc, &records[i]);
        if (records[i].input)
            add_input(doc, &records[i], hub_pool_printf(doc->pool, "%sInput", records[i].name).ptr, INPUT, NULL);
        if (records[i].patch)
            add_input(doc, &records[i], hub_pool_printf(doc->pool, "%sPatch", records[i].name).ptr, PATCH, NULL);
        if (records[i].lists && records[i].table == &hub_integration_settings)
            add_input(doc, &records[i], "IntegrationNew", INPUT, "integrationType");
    }
    for (size_t i = 0; i < hub_connector_row_count; i++) {
        add_connector(doc, &hub_connector_rows[i], SHOWN);
        add_connector(doc, &hub_connector_rows[i], INPUT);
    }
    hub_doc_begin(doc, "LinkedResource");
    hub_doc_types(doc, "string", "object", false);
    hub_doc_end(doc);
}
