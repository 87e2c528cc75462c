/* Settings in answers: masks, fallbacks, groups. */
#include "setting.h"

void hub_setting_write(hub_pool_t *pool, const hub_setting_table_t *table, const hub_setting_values_t *values,
                       const hub_setting_seal_t *seal, bool reveal, uint32_t row, hub_buf_t *out)
{
    const hub_setting_t *setting = &table->rows[row];
    hub_slice_t json = values->json[row], clear;
    if (!json.ptr) {
        hub_buf_add_str(out, setting->fallback ? setting->fallback : "null");
    } else if (!(setting->flags & HUB_SETTING_SECRET)) {
        hub_buf_add(out, json);
    } else if (hub_setting_secret(pool, seal, json, &clear) != HUB_EOK) {
        hub_buf_add_json(out, hub_mask(pool, HUB_SLICE_NONE)); /* the master key is another one: still there, but not to be read */
    } else if (hub_setting_is_json(setting)) {
        if (reveal)
            hub_buf_add(out, clear);
        else
            hub_buf_add_json(out, hub_mask(pool, hub_setting_text(pool, clear)));
    } else {
        hub_buf_add_json(out, reveal ? clear : hub_mask(pool, clear));
    }
}

void hub_setting_write_members(hub_pool_t *pool, const hub_setting_table_t *table, const hub_setting_values_t *values,
                               const hub_setting_seal_t *seal, bool reveal, uint8_t group, hub_buf_t *out)
{
    bool first = true;
    for (uint32_t row = 0; row < table->row_count; row++) {
        if (table->rows[row].group != group || (table->rows[row].flags & (HUB_SETTING_COMMAND | HUB_SETTING_HIDDEN)))
            continue;
        hub_buf_add_str(out, first ? "\"" : ",\"");
        hub_buf_add_str(out, table->rows[row].name);
        hub_buf_add_str(out, "\":");
        hub_setting_write(pool, table, values, seal, reveal, row, out);
        first = false;
    }
    for (uint32_t g = 1; g < table->group_count; g++) {
        if (table->groups[g].parent != group || !table->groups[g].name[0])
            continue;
        hub_buf_add_str(out, first ? "\"" : ",\"");
        hub_buf_add_str(out, table->groups[g].name);
        hub_buf_add_str(out, "\":");
        hub_setting_write_group(pool, table, values, seal, reveal, (uint8_t)g, out);
        first = false;
    }
}

void hub_setting_write_group(hub_pool_t *pool, const hub_setting_table_t *table, const hub_setting_values_t *values,
                             const hub_setting_seal_t *seal, bool reveal, uint8_t group, hub_buf_t *out)
{
    hub_buf_add_char(out, '{');
    hub_setting_write_members(pool, table, values, seal, reveal, group, out);
    hub_buf_add_char(out, '}');
}
