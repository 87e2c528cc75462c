/* JSON as it is written. */
#include <string.h>

#include "openapi.h"

static void separate(hub_doc_t *doc)
{
    if (doc->comma)
        hub_buf_add_char(&doc->out, ',');
    doc->comma = true;
}

void hub_doc_open(hub_doc_t *doc, char bracket)
{
    separate(doc);
    hub_buf_add_char(&doc->out, bracket);
    doc->comma = false;
}

void hub_doc_close(hub_doc_t *doc, char bracket)
{
    hub_buf_add_char(&doc->out, bracket);
    doc->comma = true;
}

void hub_doc_key(hub_doc_t *doc, const char *name)
{
    separate(doc);
    hub_buf_add_json(&doc->out, hub_slice_str(name));
    hub_buf_add_char(&doc->out, ':');
    doc->comma = false;
}

void hub_doc_begin(hub_doc_t *doc, const char *name)
{
    hub_doc_key(doc, name);
    hub_doc_open(doc, '{');
}

void hub_doc_end(hub_doc_t *doc)
{
    hub_doc_close(doc, '}');
}

void hub_doc_slice(hub_doc_t *doc, hub_slice_t text)
{
    separate(doc);
    hub_buf_add_json(&doc->out, text.ptr ? text : HUB_SLICE_LIT(""));
}

void hub_doc_text(hub_doc_t *doc, const char *text)
{
    hub_doc_slice(doc, hub_slice_str(text));
}

void hub_doc_json(hub_doc_t *doc, hub_slice_t json)
{
    separate(doc);
    hub_buf_add(&doc->out, json);
}

void hub_doc_number(hub_doc_t *doc, int64_t n)
{
    separate(doc);
    hub_buf_printf(&doc->out, "%lld", (long long)n);
}

void hub_doc_bool(hub_doc_t *doc, bool value)
{
    hub_doc_json(doc, value ? HUB_SLICE_LIT("true") : HUB_SLICE_LIT("false"));
}

void hub_doc_member(hub_doc_t *doc, const char *name, const char *text)
{
    if (!text || !*text)
        return;
    hub_doc_key(doc, name);
    hub_doc_text(doc, text);
}

void hub_doc_member_number(hub_doc_t *doc, const char *name, int64_t n)
{
    hub_doc_key(doc, name);
    hub_doc_number(doc, n);
}

void hub_doc_flag(hub_doc_t *doc, const char *name)
{
    hub_doc_key(doc, name);
    hub_doc_bool(doc, true);
}

void hub_doc_ref_to(hub_doc_t *doc, const char *kind, const char *name)
{
    hub_doc_key(doc, "$ref");
    hub_doc_slice(doc, hub_pool_printf(doc->pool, "#/components/%s/%s", kind, name));
}

void hub_doc_ref(hub_doc_t *doc, const char *schema)
{
    hub_doc_ref_to(doc, "schemas", schema);
}

void hub_doc_options(hub_doc_t *doc, const char *options)
{
    hub_slice_t rest = hub_slice_str(options), option;
    while (hub_slice_split(&rest, '|', &option))
        if (option.len)
            hub_doc_slice(doc, option);
}

void hub_doc_types(hub_doc_t *doc, const char *first, const char *second, bool nulls)
{
    hub_doc_key(doc, "type");
    if (!second && !nulls) {
        hub_doc_text(doc, first);
        return;
    }
    hub_doc_open(doc, '[');
    hub_doc_text(doc, first);
    if (second)
        hub_doc_text(doc, second);
    if (nulls)
        hub_doc_text(doc, "null");
    hub_doc_close(doc, ']');
}

void hub_doc_enum(hub_doc_t *doc, const char *options, bool nulls)
{
    hub_doc_key(doc, "enum");
    hub_doc_open(doc, '[');
    hub_doc_options(doc, options);
    if (nulls)
        hub_doc_json(doc, HUB_SLICE_LIT("null"));
    hub_doc_close(doc, ']');
}
