/* Settings: the absent/null rules, what is stored, single values. */
#include "setting.h"

#include <stdlib.h>
#include <string.h>

#define OCPI_ROLE(name, bit, text, on_wire) "|" text
const char hub_setting_role_names[] =
#include "ocpi/tbl/role.def"
    ;
#undef OCPI_ROLE

/* ---- single values ---- */

#define MASK "\xE2\x80\xA2\xE2\x80\xA2\xE2\x80\xA2\xE2\x80\xA2"

bool hub_setting_masked(hub_slice_t text)
{
    return hub_slice_starts(text, HUB_SLICE_LIT(MASK));
}

hub_slice_t hub_setting_json(hub_pool_t *pool, hub_slice_t text)
{
    hub_buf_t out = HUB_BUF_INIT(pool);
    hub_buf_add_json(&out, text.ptr ? text : HUB_SLICE_LIT(""));
    return hub_buf_slice(&out);
}

hub_slice_t hub_setting_text(hub_pool_t *pool, hub_slice_t json)
{
    if (!json.ptr || json.len < 2 || json.ptr[0] != '"')
        return HUB_SLICE_NONE;
    if (!memchr(json.ptr, '\\', json.len))
        return hub_pool_copy(pool, hub_slice(json.ptr + 1, json.len - 2));
    yyjson_doc *doc;
    if (ocpi_read(pool, json, &doc, NULL) != HUB_EOK)
        return HUB_SLICE_NONE;
    return hub_pool_copy(pool, ocpi_str(yyjson_doc_get_root(doc)));
}

bool hub_setting_true(hub_slice_t json)
{
    return hub_slice_eq_str(json, "true");
}

int64_t hub_setting_int(hub_slice_t json, int64_t otherwise)
{
    char text[24];
    if (!json.ptr || json.len == 0 || json.len >= sizeof text)
        return otherwise;
    memcpy(text, json.ptr, json.len);
    text[json.len] = 0;
    return strtoll(text, NULL, 10);
}

void hub_setting_each(hub_slice_t json, void (*visit)(void *arg, hub_slice_t item), void *arg)
{
    const char *p = json.ptr, *end = json.ptr ? json.ptr + json.len : NULL;
    while (p && (p = memchr(p, '"', (size_t)(end - p)))) {
        const char *close = memchr(p + 1, '"', (size_t)(end - p - 1));
        if (!close)
            return;
        visit(arg, hub_slice(p + 1, (size_t)(close - p - 1)));
        p = close + 1;
    }
}

static void add_role(void *arg, hub_slice_t item)
{
    uint32_t *mask = arg;
    ocpi_role_t role;
    if (ocpi_role_parse(item, &role))
        *mask |= role;
}

uint32_t hub_setting_roles(hub_slice_t json)
{
    uint32_t mask = 0;
    hub_setting_each(json, add_role, &mask);
    return mask;
}

bool hub_setting_is_code(hub_slice_t text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = (char)(text.ptr[i] | 0x20);
        if (!((c >= 'a' && c <= 'z') || (text.ptr[i] >= '0' && text.ptr[i] <= '9')))
            return false;
    }
    return true;
}

void hub_setting_copy(char *out, size_t size, hub_slice_t text)
{
    size_t len = text.len < size - 1 ? text.len : size - 1;
    memcpy(out, text.ptr ? text.ptr : "", len);
    out[len] = 0;
}

hub_err_t hub_setting_secret(hub_pool_t *pool, const hub_setting_seal_t *seal, hub_slice_t json, hub_slice_t *clear)
{
    *clear = HUB_SLICE_NONE;
    hub_slice_t sealed = hub_setting_text(pool, json);
    return sealed.ptr ? hub_unseal(seal->crypto, pool, sealed, seal->context, clear) : HUB_EOK;
}

/* ---- the absent/null rules ---- */

typedef struct merging {
    hub_pool_t *pool;
    const hub_setting_table_t *table;
    const hub_setting_seal_t *seal;
    ocpi_problems_t *problems;
} merging_t;

static void refuse(merging_t *m, uint32_t row, const char *rule, const char *message)
{
    ocpi_problem_add(m->problems, OCPI_ERROR, hub_setting_pointer(m->pool, m->table, row), rule, "%s", message);
}

/* A secret that was sent: a mask leaves what is stored, the stored one again too. `json` is the JSON text of the secret (a string or an
 * object). */
static hub_slice_t merge_secret(merging_t *m, uint32_t row, hub_slice_t json, hub_slice_t old)
{
    hub_slice_t text = hub_setting_text(m->pool, json);
    if (text.ptr && hub_setting_masked(text)) {
        if (!old.ptr)
            refuse(m, row, "masked", "is a mask, not a secret, and none is stored");
        return old;
    }
    hub_slice_t clear, plain = hub_setting_is_json(&m->table->rows[row]) ? json : text;
    if (old.ptr && hub_setting_secret(m->pool, m->seal, old, &clear) == HUB_EOK && hub_slice_eq(clear, plain))
        return old;
    return hub_setting_json(m->pool, hub_seal(m->seal->crypto, m->pool, plain, m->seal->context));
}

/* RFC 7396 below the level of the rows. Only the whole can be checked. */
static hub_slice_t merge_object(merging_t *m, uint32_t row, hub_slice_t json, hub_slice_t old)
{
    const hub_setting_t *setting = &m->table->rows[row];
    hub_slice_t pointer = hub_setting_pointer(m->pool, m->table, row);
    yyjson_doc *base = NULL, *patch, *whole;
    HUB_ASSERT(ocpi_read(m->pool, json, &patch, NULL) == HUB_EOK); /* our own text */
    if (old.ptr && ocpi_read(m->pool, old, &base, NULL) != HUB_EOK)
        base = NULL;
    json = ocpi_write_mut(
        m->pool, ocpi_patch(m->pool, base ? yyjson_doc_get_root(base) : NULL, yyjson_doc_get_root(patch), OCPI_OBJECT_NONE, OCPI_V2_2_1));
    HUB_ASSERT(ocpi_read(m->pool, json, &whole, NULL) == HUB_EOK);
    if (setting->type == HUB_SETTING_CHECKED)
        return m->table->check(m->pool, row, yyjson_doc_get_root(whole), pointer, m->problems);
    if (setting->max && (int64_t)json.len > setting->max)
        ocpi_problem_add(m->problems, OCPI_ERROR, pointer, "length", "must have at most %lld bytes as JSON", (long long)setting->max);
    return json;
}

static hub_slice_t merge_row(merging_t *m, const hub_setting_input_t *in, uint32_t row, hub_slice_t old, bool full)
{
    unsigned flags = m->table->rows[row].flags;
    hub_setting_mask_t bit = hub_setting_bit(row);
    if (flags & HUB_SETTING_COMMAND)
        return HUB_SLICE_NONE;
    if ((flags & HUB_SETTING_OWN) || (in->kept & bit))
        return old;
    if (in->given & in->merged & bit)
        return merge_object(m, row, in->json[row], old);
    if (in->given & bit)
        return flags & HUB_SETTING_SECRET ? merge_secret(m, row, in->json[row], old) : in->json[row];
    if (flags & (HUB_SETTING_KEEP | HUB_SETTING_SECRET))
        return old;
    return full || (in->nulls & bit) ? HUB_SLICE_NONE : old;
}

static bool same(hub_slice_t a, hub_slice_t b)
{
    return !a.ptr == !b.ptr && hub_slice_eq(a, b);
}

bool hub_setting_merge(hub_pool_t *pool, const hub_setting_table_t *table, const hub_setting_seal_t *seal, const hub_setting_input_t *in,
                       const hub_setting_values_t *old, bool full, hub_setting_values_t *now, hub_setting_mask_t *changed,
                       ocpi_problems_t *problems)
{
    merging_t m = {pool, table, seal, problems};
    uint32_t before = problems->errors;
    *changed = 0;
    for (uint32_t row = 0; row < table->row_count; row++) {
        hub_slice_t stored = old ? old->json[row] : HUB_SLICE_NONE;
        now->json[row] = merge_row(&m, in, row, stored, full);
        if (!now->json[row].ptr && (table->rows[row].flags & HUB_SETTING_REQUIRED))
            refuse(&m, row, "required", "must be given");
        if (!same(now->json[row], stored))
            *changed |= hub_setting_bit(row);
    }
    return problems->errors == before;
}

/* ---- stored form ---- */

hub_slice_t hub_setting_encode(hub_pool_t *pool, const hub_setting_table_t *table, const hub_setting_values_t *values, uint64_t version)
{
    size_t size = 8;
    for (uint32_t row = 0; row < table->row_count; row++)
        size += values->json[row].ptr ? 5 + values->json[row].len : 0;
    unsigned char *bytes = hub_pool_alloc(pool, size), *p = bytes;
    for (int i = 7; i >= 0; i--)
        *p++ = (unsigned char)(version >> (8 * i));
    for (uint32_t row = 0; row < table->row_count; row++) {
        hub_slice_t json = values->json[row];
        if (!json.ptr)
            continue;
        *p++ = table->rows[row].id;
        for (int i = 3; i >= 0; i--)
            *p++ = (unsigned char)(json.len >> (8 * i));
        memcpy(p, json.ptr, json.len);
        p += json.len;
    }
    return hub_slice((const char *)bytes, size);
}

/* Rows are stored in the order of the table: the search goes on where the last one ended. */
static int row_of(const hub_setting_table_t *table, uint8_t id, uint32_t *next)
{
    for (uint32_t i = 0; i < table->row_count; i++) {
        uint32_t row = (*next + i) % table->row_count;
        if (table->rows[row].id == id) {
            *next = row + 1;
            return (int)row;
        }
    }
    return -1;
}

hub_err_t hub_setting_decode(const hub_setting_table_t *table, hub_slice_t record, hub_setting_values_t *values, uint64_t *version)
{
    memset(values, 0, sizeof *values);
    const unsigned char *p = (const unsigned char *)record.ptr, *end = p + record.len;
    if (record.len < 8)
        return HUB_ESTORE;
    *version = 0;
    for (int i = 0; i < 8; i++)
        *version = *version << 8 | *p++;
    uint32_t next = 0;
    while (p < end) {
        if (end - p < 5)
            return HUB_ESTORE;
        uint8_t id = *p++;
        size_t len = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
        p += 4;
        if ((size_t)(end - p) < len)
            return HUB_ESTORE;
        int row = row_of(table, id, &next); /* a row that this program does not know is passed over */
        if (row >= 0)
            values->json[row] = hub_slice((const char *)p, len);
        p += len;
    }
    return HUB_EOK;
}
