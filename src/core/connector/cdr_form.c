/* CDRs in JSON and CSV. */
#include "cdr_form.h"

#include <string.h>

#include "ocpi/decimal.h"

const hub_cdr_format_row_t hub_cdr_formats[HUB_CDR_FORMATS] = {
    [HUB_CDR_JSON] = {"json", "application/json"},
    [HUB_CDR_NDJSON] = {"ndjson", "application/x-ndjson"},
    [HUB_CDR_CSV] = {"csv", "text/csv; charset=utf-8"},
};

const hub_cdr_column_t hub_cdr_columns[] = {
#define HUB_CDR_COLUMN(name, from, path) {name, HUB_CDR_FROM_##from, path},
#include "cdr_column.def"
#undef HUB_CDR_COLUMN
};
const size_t hub_cdr_column_count = HUB_COUNT(hub_cdr_columns);

hub_cdr_format_t hub_cdr_format(const hub_connector_t *connector)
{
    hub_slice_t name = hub_connector_text(connector, "format");
    for (unsigned i = 0; i < HUB_CDR_FORMATS; i++)
        if (hub_slice_caseeq_str(name, hub_cdr_formats[i].name))
            return (hub_cdr_format_t)i;
    return HUB_CDR_JSON;
}

bool hub_cdr_read(hub_pool_t *pool, hub_slice_t event, hub_slice_t object, hub_cdr_t *out)
{
    yyjson_doc *doc;
    *out = (hub_cdr_t){.pool = pool};
    if (event.len && ocpi_read(pool, event, &doc, NULL) == HUB_EOK)
        out->event = yyjson_doc_get_root(doc);
    if (object.len && ocpi_read(pool, object, &doc, NULL) == HUB_EOK)
        out->cdr = yyjson_doc_get_root(doc);
    return yyjson_is_obj(out->event) && yyjson_is_obj(out->cdr);
}

/* ---- values ---- */

static yyjson_val *follow(yyjson_val *value, const char *path)
{
    while (*path && yyjson_is_obj(value)) {
        size_t len = strcspn(path, ".");
        value = yyjson_obj_getn(value, path, len);
        path += len + (path[len] == '.');
    }
    return *path ? NULL : value;
}

/* Prices as they are written; one of them, or both, too long to be exact, or missing: none. */
static hub_slice_t vat_of(hub_pool_t *pool, yyjson_val *price)
{
    ocpi_decimal_t without, with, vat;
    hub_buf_t out = HUB_BUF_INIT(pool);
    if (!yyjson_is_obj(price) || !ocpi__decimal_parse(ocpi_get_str(price, "excl_vat"), &without) ||
        !ocpi__decimal_parse(ocpi_get_str(price, "incl_vat"), &with) || !ocpi__decimal_subtract(with, without, &vat))
        return HUB_SLICE_NONE;
    ocpi__decimal_write(&out, vat);
    return hub_buf_slice(&out);
}

/* The column's text; none: it has no value. *text: it is a string, else a number, true or false. */
static hub_slice_t value_of(const hub_cdr_t *cdr, const hub_cdr_column_t *column, bool *text)
{
    yyjson_val *value = follow(column->from == HUB_CDR_FROM_EVENT ? cdr->event : cdr->cdr, column->path);
    *text = yyjson_is_str(value);
    if (column->from == HUB_CDR_FROM_VAT)
        return vat_of(cdr->pool, value);
    if (yyjson_is_bool(value))
        return yyjson_is_true(value) ? HUB_SLICE_LIT("true") : HUB_SLICE_LIT("false");
    return ocpi_str(value);
}

/* ---- JSON ---- */

static void add_member(const hub_cdr_t *cdr, const hub_cdr_column_t *column, hub_buf_t *out)
{
    bool text;
    hub_slice_t value = value_of(cdr, column, &text);
    hub_buf_printf(out, "\"%s\":", column->name);
    if (text || !value.ptr)
        hub_buf_add_json(out, value);
    else
        hub_buf_add(out, value);
}

static bool listed(const char *const *names, const char *name)
{
    for (; names && *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return names == NULL;
}

void hub_cdr_add_members(const hub_cdr_t *cdr, bool of_event, const char *const *names, hub_buf_t *out)
{
    for (size_t i = 0; i < hub_cdr_column_count; i++) {
        const hub_cdr_column_t *column = &hub_cdr_columns[i];
        if ((column->from == HUB_CDR_FROM_EVENT) != of_event || !listed(names, column->name))
            continue;
        if (out->len && out->ptr[out->len - 1] != '{' && out->ptr[out->len - 1] != ',')
            hub_buf_add_char(out, ',');
        add_member(cdr, column, out);
    }
}

void hub_cdr_add_json(const hub_cdr_t *cdr, hub_slice_t first, hub_buf_t *out)
{
    hub_buf_add_char(out, '{');
    hub_buf_add(out, first);
    hub_cdr_add_members(cdr, true, NULL, out);
    hub_buf_add_str(out, ",\"summary\":{");
    hub_cdr_add_members(cdr, false, NULL, out);
    hub_buf_add_str(out, "},\"cdr\":");
    hub_buf_add(out, ocpi_write(cdr->pool, cdr->cdr)); /* as it came it may have line ends */
    hub_buf_add_char(out, '}');
}

/* ---- CSV ---- */

static bool needs_quotes(hub_slice_t s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] == ',' || s.ptr[i] == '"' || s.ptr[i] == '\r' || s.ptr[i] == '\n')
            return true;
    return s.len && (s.ptr[0] == ' ' || s.ptr[s.len - 1] == ' ');
}

static void add_field(hub_buf_t *out, hub_slice_t s)
{
    if (!needs_quotes(s)) {
        hub_buf_add(out, s);
        return;
    }
    hub_buf_add_char(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '"')
            hub_buf_add_char(out, '"');
        hub_buf_add_char(out, s.ptr[i]);
    }
    hub_buf_add_char(out, '"');
}

void hub_cdr_add_csv_header(hub_buf_t *out)
{
    for (size_t i = 0; i < hub_cdr_column_count; i++)
        hub_buf_printf(out, "%s%s", i ? "," : "", hub_cdr_columns[i].name);
    hub_buf_add_str(out, "\r\n");
}

void hub_cdr_add_csv(const hub_cdr_t *cdr, hub_buf_t *out)
{
    bool text;
    for (size_t i = 0; i < hub_cdr_column_count; i++) {
        if (i)
            hub_buf_add_char(out, ',');
        add_field(out, value_of(cdr, &hub_cdr_columns[i], &text));
    }
    hub_buf_add_str(out, "\r\n");
}
