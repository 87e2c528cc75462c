/* Reads a /v1 request body by the rows of a settings table: unknown keys, types, limits. */
#include <string.h>

#include "hub/url.h"
#include "schedule.h"
#include "setting.h"

typedef struct reading {
    hub_pool_t *pool;
    const hub_setting_table_t *table;
    bool insecure, patch;
    hub_setting_input_t *in;
    ocpi_problems_t *problems;
} reading_t;

static hub_slice_t group_pointer(hub_pool_t *pool, const hub_setting_table_t *table, uint8_t group)
{
    if (group == 0)
        return HUB_SLICE_LIT("");
    hub_slice_t above = group_pointer(pool, table, table->groups[group].parent);
    return hub_pool_printf(pool, "%.*s/%s", HUB_SLICE_FMT(above), table->groups[group].name);
}

hub_slice_t hub_setting_pointer(hub_pool_t *pool, const hub_setting_table_t *table, uint32_t row)
{
    hub_slice_t above = group_pointer(pool, table, table->rows[row].group);
    return hub_pool_printf(pool, "%.*s/%s", HUB_SLICE_FMT(above), table->rows[row].name);
}

void hub_setting_unknown(hub_pool_t *pool, hub_slice_t above, hub_slice_t key, ocpi_problems_t *problems)
{
    hub_buf_t pointer = HUB_BUF_INIT(pool);
    hub_buf_add(&pointer, above);
    ocpi_pointer_add(&pointer, key);
    ocpi_problem_add(problems, OCPI_ERROR, hub_buf_slice(&pointer), "unknown", "there is no such setting");
}

static void refuse(reading_t *r, uint32_t row, const char *rule, const char *format, ...) HUB_PRINTF(4, 5);
static void refuse(reading_t *r, uint32_t row, const char *rule, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ocpi_problem_add(r->problems, OCPI_ERROR, hub_setting_pointer(r->pool, r->table, row), rule, "%s", text);
}

void hub_setting_give(hub_setting_input_t *in, uint32_t row, hub_slice_t json)
{
    in->given |= hub_setting_bit(row);
    in->json[row] = json;
}

/* ---- strings ---- */

static int64_t characters(hub_slice_t s)
{
    int64_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += ((unsigned char)s.ptr[i] & 0xC0) != 0x80;
    return n;
}

static uint32_t next_character(hub_slice_t *s) /* valid UTF-8 */
{
    const unsigned char *p = (const unsigned char *)s->ptr;
    size_t len = p[0] < 0x80 ? 1 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    uint32_t c = len == 1 ? p[0] : p[0] & (0xFFu >> (len + 1));
    for (size_t i = 1; i < len && i < s->len; i++)
        c = c << 6 | (p[i] & 0x3Fu);
    len = len < s->len ? len : s->len;
    s->ptr += len;
    s->len -= len;
    return c;
}

static bool has_blank(hub_slice_t s)
{
    while (s.len) {
        uint32_t c = next_character(&s);
        if (c == ' ' || (c >= 9 && c <= 13) || c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
            c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000 || c == 0xFEFF)
            return true;
    }
    return false;
}

/* Options made from rows of another table start with their separator. */
static const char *shown(const char *options)
{
    return options + (*options == '|');
}

static bool is_option(const char *options, hub_slice_t s)
{
    hub_slice_t rest = hub_slice_str(options), option;
    while (hub_slice_split(&rest, '|', &option))
        if (option.len && hub_slice_eq(option, s))
            return true;
    return false;
}

static bool is_slug(hub_slice_t s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] != '_' && s.ptr[i] != '-' && !hub_setting_is_code(hub_slice(s.ptr + i, 1)))
            return false;
    return true;
}

static bool is_uuid(hub_slice_t s)
{
    if (s.len != HUB_UUID_LEN)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? s.ptr[i] != '-' : !memchr("0123456789abcdefABCDEF", s.ptr[i], 22))
            return false;
    }
    return true;
}

static bool is_email(hub_slice_t s)
{
    const char *at = s.len ? memchr(s.ptr, '@', s.len) : NULL;
    return at && at > s.ptr && at + 1 < s.ptr + s.len && !memchr(at + 1, '@', (size_t)(s.ptr + s.len - at - 1)) && !has_blank(s);
}

static bool is_port(hub_slice_t s)
{
    uint64_t n;
    return hub_slice_u64(s, &n) && n >= 1 && n <= 65535 && s.ptr[0] != '0';
}

bool hub_setting_signing_key(hub_pool_t *pool, hub_slice_t text, hub_slice_t *key)
{
    const hub_slice_t prefix = HUB_SLICE_LIT("whsec_");
    return hub_slice_starts(text, prefix) && hub_base64_decode(pool, hub_slice(text.ptr + prefix.len, text.len - prefix.len), key) &&
           key->len > 0;
}

static bool all_between(hub_slice_t s, char least, char most)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < least || s.ptr[i] > most)
            return false;
    return true;
}

static const char *bad_form(const reading_t *r, const hub_setting_t *setting, hub_slice_t s, const char **rule)
{
    hub_slice_t key;
    const char *why = NULL;
    int64_t ms;
    *rule = "pattern";
    switch (setting->type) {
    case HUB_SETTING_LINE:
        return s.len && (memchr(s.ptr, '\n', s.len) || memchr(s.ptr, '\r', s.len)) ? "must not hold a line end" : NULL;
    case HUB_SETTING_WORD:
        return has_blank(s) ? "must not hold white space" : NULL;
    case HUB_SETTING_TOKEN:
        return all_between(s, 0x21, 0x7E) ? NULL : "must be printable ASCII characters without blanks";
    case HUB_SETTING_CODE:
        return hub_setting_is_code(s) ? NULL : "must be letters and digits";
    case HUB_SETTING_SLUG:
        return is_slug(s) ? NULL : "must be letters, digits, _ and -";
    case HUB_SETTING_UUID:
        return is_uuid(s) ? NULL : "must be a UUID";
    case HUB_SETTING_EMAIL:
        return is_email(s) ? NULL : "must be an e-mail address";
    case HUB_SETTING_PORT:
        return is_port(s) ? NULL : "must be a port number, as a string";
    case HUB_SETTING_SCHEDULE:
        return hub_schedule_valid(s) ? NULL : "must be hourly, daily, weekly, monthly, five fields of cron, or an ISO 8601 duration";
    case HUB_SETTING_SIGNING:
        return hub_setting_signing_key(r->pool, s, &key) ? NULL : "must be whsec_ and a key in Base64";
    case HUB_SETTING_URL:
        *rule = "url";
        return hub_url_check(s, r->insecure, &why) ? NULL : why;
    case HUB_SETTING_TIME:
        *rule = "datetime";
        return ocpi_time_parse(s, &ms, NULL) ? NULL : "is not an RFC 3339 time";
    default:
        return NULL;
    }
}

/* True: given. False: refused, or it counts as null (*empty). */
static bool read_string(reading_t *r, uint32_t row, hub_slice_t s, bool *empty)
{
    const hub_setting_t *setting = &r->table->rows[row];
    const char *rule;
    *empty = s.len == 0 && (setting->type == HUB_SETTING_URL || setting->type == HUB_SETTING_CODE || (setting->flags & HUB_SETTING_SECRET));
    if (*empty)
        return false;
    if (setting->type == HUB_SETTING_ENUM && !is_option(setting->options, s)) {
        refuse(r, row, "enum", "must be one of %s", shown(setting->options));
        return false;
    }
    int64_t n = characters(s);
    if (n < setting->min || (setting->max && n > setting->max)) {
        refuse(r, row, "length", "must have %lld to %lld characters", (long long)setting->min, (long long)setting->max);
        return false;
    }
    const char *why = bad_form(r, setting, s, &rule);
    if (why)
        refuse(r, row, rule, "%s", why);
    return !why;
}

/* ---- the other types ---- */

static bool read_enums(reading_t *r, uint32_t row, yyjson_val *value)
{
    const hub_setting_t *setting = &r->table->rows[row];
    hub_slice_t pointer = hub_setting_pointer(r->pool, r->table, row);
    size_t i, n;
    yyjson_val *item;
    bool ok = true;
    if (yyjson_arr_size(value) < (size_t)setting->min) {
        refuse(r, row, "length", "must have at least %lld items", (long long)setting->min);
        return false;
    }
    yyjson_arr_foreach(value, i, n, item)
    {
        if (yyjson_is_str(item) && is_option(setting->options, hub_slice(yyjson_get_str(item), yyjson_get_len(item))))
            continue;
        ok = false;
        ocpi_problem_add(r->problems, OCPI_ERROR, hub_pool_printf(r->pool, "%.*s/%zu", HUB_SLICE_FMT(pointer), i), "enum",
                         "must be one of %s", shown(setting->options));
    }
    return ok;
}

static bool read_int(reading_t *r, uint32_t row, yyjson_val *value)
{
    const hub_setting_t *setting = &r->table->rows[row];
    hub_slice_t s = ocpi_str(value);
    bool minus = s.len && s.ptr[0] == '-';
    uint64_t n;
    if (!hub_slice_u64(minus ? hub_slice(s.ptr + 1, s.len - 1) : s, &n)) {
        refuse(r, row, "type", "must be an integer");
        return false;
    }
    bool fits = minus ? n <= (uint64_t)INT64_MAX + 1 && (n ? -(int64_t)(n - 1) - 1 : 0) >= setting->min
                      : n <= INT64_MAX && (int64_t)n >= setting->min;
    if (!fits || (!minus && (int64_t)n > setting->max)) {
        refuse(r, row, "range", "must be between %lld and %lld", (long long)setting->min, (long long)setting->max);
        return false;
    }
    return true;
}

static const char *wanted_type(const hub_setting_t *setting)
{
    switch (setting->type) {
    case HUB_SETTING_ENUMS:
        return "array of strings";
    case HUB_SETTING_BOOL:
        return "boolean";
    case HUB_SETTING_INT:
        return "integer";
    case HUB_SETTING_OBJECT:
        return "object";
    case HUB_SETTING_ANY:
        return "string or object";
    default:
        return "string";
    }
}

static bool right_type(const hub_setting_t *setting, yyjson_val *value)
{
    switch (setting->type) {
    case HUB_SETTING_ENUMS:
        return yyjson_is_arr(value);
    case HUB_SETTING_BOOL:
        return yyjson_is_bool(value);
    case HUB_SETTING_INT:
        return yyjson_is_raw(value);
    case HUB_SETTING_OBJECT:
        return yyjson_is_obj(value);
    case HUB_SETTING_ANY:
        return yyjson_is_str(value) || yyjson_is_obj(value);
    case HUB_SETTING_CHECKED:
        return true;
    default:
        return yyjson_is_str(value);
    }
}

static hub_slice_t read_object(reading_t *r, uint32_t row, yyjson_val *value)
{
    hub_slice_t json = ocpi_write(r->pool, value);
    int64_t most = r->table->rows[row].max;
    if (!most || (int64_t)json.len <= most)
        return json;
    refuse(r, row, "length", "must have at most %lld bytes as JSON", (long long)most);
    return HUB_SLICE_NONE;
}

static bool is_merged(const reading_t *r, const hub_setting_t *setting, yyjson_val *value)
{
    return r->patch && yyjson_is_obj(value) && !(setting->flags & (HUB_SETTING_SECRET | HUB_SETTING_NESTED)) &&
           (setting->type == HUB_SETTING_OBJECT || setting->type == HUB_SETTING_CHECKED);
}

/* The JSON text of a good value; none: refused, or (*empty) it counts as null. */
static hub_slice_t read_value(reading_t *r, uint32_t row, yyjson_val *value, bool *empty)
{
    const hub_setting_t *setting = &r->table->rows[row];
    hub_slice_t masked = yyjson_is_str(value) ? ocpi_str(value) : HUB_SLICE_NONE;
    if ((setting->flags & HUB_SETTING_SECRET) && hub_setting_masked(masked))
        return hub_setting_json(r->pool, masked); /* sent back: the merge knows what it stands for */
    if (!right_type(setting, value)) {
        refuse(r, row, "type", "must be of type %s", wanted_type(setting));
        return HUB_SLICE_NONE;
    }
    if (is_merged(r, setting, value)) {
        r->in->merged |= hub_setting_bit(row);
        return ocpi_write(r->pool, value);
    }
    if (setting->type == HUB_SETTING_CHECKED)
        return r->table->check(r->pool, row, value, hub_setting_pointer(r->pool, r->table, row), r->problems);
    if (setting->type == HUB_SETTING_BOOL)
        return yyjson_is_true(value) ? HUB_SLICE_LIT("true") : HUB_SLICE_LIT("false");
    if (setting->type == HUB_SETTING_INT)
        return !read_int(r, row, value) ? HUB_SLICE_NONE : hub_slice_eq_str(ocpi_str(value), "-0") ? HUB_SLICE_LIT("0") : ocpi_str(value);
    if (setting->type == HUB_SETTING_ENUMS)
        return read_enums(r, row, value) ? ocpi_write(r->pool, value) : HUB_SLICE_NONE;
    if (!yyjson_is_str(value))
        return read_object(r, row, value);
    hub_slice_t text = hub_slice(yyjson_get_str(value), yyjson_get_len(value));
    return read_string(r, row, text, empty) ? hub_setting_json(r->pool, text) : HUB_SLICE_NONE;
}

static void read_row(reading_t *r, uint32_t row, yyjson_val *value)
{
    bool empty = false;
    if (r->table->rows[row].flags & HUB_SETTING_OWN)
        return;
    if (yyjson_is_null(value)) {
        r->in->nulls |= hub_setting_bit(row);
        return;
    }
    hub_slice_t json = read_value(r, row, value, &empty);
    if (empty)
        r->in->nulls |= hub_setting_bit(row);
    if (!json.ptr)
        return;
    if (hub_setting_given(r->in, row) && !hub_slice_eq(r->in->json[row], json))
        refuse(r, row, "duplicate", "is given in two spellings that differ");
    hub_setting_give(r->in, row, json);
}

/* ---- groups ---- */

static bool named(const hub_setting_t *setting, uint8_t group, hub_slice_t key)
{
    return setting->group == group && (hub_slice_eq_str(key, setting->name) || (setting->alias && hub_slice_eq_str(key, setting->alias)));
}

/* Bodies mostly come in the order of the rows: the search goes on where the last one ended. */
static int find_row(const hub_setting_table_t *table, uint8_t group, hub_slice_t key, uint32_t *next)
{
    for (uint32_t i = 0; i < table->row_count; i++) {
        uint32_t row = (*next + i) % table->row_count;
        if (named(&table->rows[row], group, key)) {
            *next = row + 1;
            return (int)row;
        }
    }
    return -1;
}

static int find_group(const hub_setting_table_t *table, uint8_t parent, hub_slice_t key)
{
    for (uint32_t i = 1; i < table->group_count; i++)
        if (table->groups[i].parent == parent && table->groups[i].name[0] && hub_slice_eq_str(key, table->groups[i].name))
            return (int)i;
    return -1;
}

static bool is_read_only(const hub_setting_table_t *table, uint8_t group, hub_slice_t key, yyjson_val *value)
{
    for (const char *const *name = table->read_only; group == 0 && name && *name; name++) {
        bool null_only = **name == '?';
        if (hub_slice_eq_str(key, *name + null_only))
            return !null_only || yyjson_is_null(value);
    }
    return false;
}

/* Every row in the group and in those below it. */
static hub_setting_mask_t rows_of(const hub_setting_table_t *table, uint8_t group)
{
    hub_setting_mask_t mask = 0;
    for (uint32_t row = 0; row < table->row_count; row++)
        for (uint8_t g = table->rows[row].group;; g = table->groups[g].parent) {
            if (g == group)
                mask |= hub_setting_bit(row);
            if (g == group || g == 0)
                break;
        }
    return mask;
}

static void read_group(reading_t *r, uint8_t group, yyjson_val *object);

static void read_member(reading_t *r, uint8_t group, hub_slice_t key, yyjson_val *value, uint32_t *next, uint64_t *groups_seen)
{
    int row = find_row(r->table, group, key, next);
    int below = row < 0 ? find_group(r->table, group, key) : -1;
    if (row >= 0) {
        read_row(r, (uint32_t)row, value);
    } else if (below < 0) {
        if (is_read_only(r->table, group, key, value))
            return;
        hub_setting_unknown(r->pool, group_pointer(r->pool, r->table, group), key, r->problems);
    } else if (yyjson_is_null(value)) {
        *groups_seen |= r->table->groups[below].keep ? 0 : 1ull << below;
        if (!r->table->groups[below].keep)
            r->in->nulls |= rows_of(r->table, (uint8_t)below);
    } else if (yyjson_is_obj(value)) {
        *groups_seen |= 1ull << below;
        read_group(r, (uint8_t)below, value);
    } else {
        hub_slice_t pointer = group_pointer(r->pool, r->table, (uint8_t)below);
        ocpi_problem_add(r->problems, OCPI_ERROR, pointer, "type", "must be of type object");
    }
}

static void read_group(reading_t *r, uint8_t group, yyjson_val *object)
{
    size_t i, n;
    yyjson_val *key, *value;
    uint32_t next = 0;
    uint64_t groups_seen = 0;
    yyjson_obj_foreach(object, i, n, key, value)
        read_member(r, group, hub_slice(yyjson_get_str(key), yyjson_get_len(key)), value, &next, &groups_seen);
    for (uint32_t g = 1; g < r->table->group_count; g++)
        if (r->table->groups[g].parent == group && r->table->groups[g].keep && !(groups_seen >> g & 1))
            r->in->kept |= rows_of(r->table, (uint8_t)g);
}

static bool read_body(reading_t *r, yyjson_val *body)
{
    HUB_ASSERT(r->table->row_count <= HUB_SETTINGS_MAX);
    uint32_t before = r->problems->errors;
    memset(r->in, 0, sizeof *r->in);
    read_group(r, 0, body);
    return r->problems->errors == before;
}

bool hub_setting_read(hub_pool_t *pool, const hub_setting_table_t *table, bool insecure_urls, yyjson_val *body, hub_setting_input_t *in,
                      ocpi_problems_t *problems)
{
    return read_body(&(reading_t){pool, table, insecure_urls, false, in, problems}, body);
}

bool hub_setting_read_patch(hub_pool_t *pool, const hub_setting_table_t *table, bool insecure_urls, yyjson_val *body,
                            hub_setting_input_t *in, ocpi_problems_t *problems)
{
    return read_body(&(reading_t){pool, table, insecure_urls, true, in, problems}, body);
}
