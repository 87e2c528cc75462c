/* The router: paths to rows of route.def, and rows to the endpoints of version details. */
#include "schema.h"

#define SEGMENTS 10

/* What the rows that fit offer together, and the first of them. */
static void find_row(ocpi_target_t *out, ocpi_module_t module, uint32_t sides, ocpi_version_t version, unsigned segments)
{
    for (size_t i = 0; i < ocpi__route_count; i++) {
        const ocpi_route_t *row = &ocpi__routes[i];
        if (row->module != module || !(row->side & sides) || !(row->versions & version) || row->segments != segments ||
            row->action == OCPI_ACTION_LATER)
            continue;
        if (!out->route)
            out->route = row;
        out->methods |= row->methods;
    }
}

static void match(ocpi_target_t *out, const hub_slice_t *segment, unsigned count)
{
    if (count == 1 && hub_slice_eq_str(segment[0], "versions")) {
        find_row(out, OCPI_MODULE_VERSIONS, OCPI_SENDER, OCPI_V2_2_1, 0);
        return;
    }
    if (count == 0 || !ocpi_version_parse(segment[0], &out->version) || !(ocpi_versions_served() & out->version))
        return;
    if (count == 1) {
        find_row(out, OCPI_MODULE_VERSIONS, OCPI_SENDER, out->version, 1);
        return;
    }
    if (count == 2 && hub_slice_eq_str(segment[1], "credentials")) {
        find_row(out, OCPI_MODULE_CREDENTIALS, OCPI_SENDER, out->version, 0);
        return;
    }
    bool sender = hub_slice_eq_str(segment[1], "sender");
    if (count < 3 || count > 8 || (!sender && !hub_slice_eq_str(segment[1], "receiver")))
        return;
    ocpi_module_t module = ocpi_module_parse(segment[2]);
    if (module == OCPI_MODULE_NONE || module == OCPI_MODULE_VERSIONS || module == OCPI_MODULE_CREDENTIALS)
        return;
    find_row(out, module, sender ? OCPI_SENDER : OCPI_RECEIVER, out->version, count - 3);
    if (out->route && out->route->action == OCPI_ACTION_PREFERENCES && !hub_slice_eq_str(segment[count - 1], "charging_preferences")) {
        out->route = NULL;
        out->methods = 0;
    }
    out->segment_count = out->route ? count - 3 : 0;
    for (unsigned i = 0; i < out->segment_count; i++)
        out->segment[i] = segment[i + 3];
}

hub_err_t ocpi_route_match(hub_pool_t *pool, hub_slice_t path, ocpi_target_t *out)
{
    *out = (ocpi_target_t){0};
    hub_slice_t segment[SEGMENTS], part;
    unsigned count = 0;
    if (path.len && path.ptr[0] == '/')
        path = hub_slice(path.ptr + 1, path.len - 1);
    if (path.len && path.ptr[path.len - 1] == '/')
        path.len--;
    bool empty = false, many = false;
    while (hub_slice_split(&path, '/', &part)) {
        hub_slice_t text;
        if (!ocpi_url_decode(pool, part, &text))
            return HUB_EINVALID;
        empty |= text.len == 0;
        many |= count == SEGMENTS;
        if (count < SEGMENTS)
            segment[count++] = text;
    }
    if (!empty && !many)
        match(out, segment, count);
    return HUB_EOK;
}

uint32_t ocpi_versions_served(void)
{
    uint32_t versions = 0;
    for (size_t i = 0; i < ocpi__route_count; i++)
        if (ocpi__routes[i].action == OCPI_ACTION_DETAILS)
            versions |= ocpi__routes[i].versions;
    return versions;
}

static bool served(ocpi_module_t module, ocpi_side_t side, ocpi_version_t version)
{
    for (size_t i = 0; i < ocpi__route_count; i++) {
        const ocpi_route_t *row = &ocpi__routes[i];
        if (row->module == module && row->side == side && (row->versions & version) && row->action != OCPI_ACTION_LATER)
            return true;
    }
    return false;
}

static void add_endpoint(hub_buf_t *out, hub_slice_t public_url, ocpi_version_t version, ocpi_module_t module, ocpi_side_t side)
{
    if (out->ptr[out->len - 1] != '[')
        hub_buf_add_char(out, ',');
    hub_buf_add(out, HUB_SLICE_LIT("{\"identifier\":"));
    hub_buf_add_json(out, hub_slice_str(ocpi_module_name(module)));
    if (version & OCPI_V_22UP)
        hub_buf_printf(out, ",\"role\":\"%s\"", ocpi_side_name(side));
    hub_buf_t url = HUB_BUF_INIT(out->pool);
    hub_buf_add(&url, public_url);
    hub_buf_printf(&url, "/ocpi/%s/", ocpi_version_name(version));
    if (module != OCPI_MODULE_CREDENTIALS)
        hub_buf_add_str(&url, side == OCPI_SENDER ? "sender/" : "receiver/");
    hub_buf_add_str(&url, ocpi_module_name(module));
    hub_buf_add(out, HUB_SLICE_LIT(",\"url\":"));
    hub_buf_add_json(out, hub_buf_slice(&url));
    hub_buf_add_char(out, '}');
    hub_buf_finish(&url);
}

void ocpi_endpoints_write(hub_buf_t *out, hub_slice_t public_url, ocpi_version_t version, uint32_t roles)
{
    static const ocpi_side_t sides[] = {OCPI_SENDER, OCPI_RECEIVER};
    hub_buf_add_char(out, '[');
    for (unsigned m = OCPI_MODULE_NONE + 1; m < OCPI_MODULE_COUNT; m++) {
        ocpi_module_t module = (ocpi_module_t)m;
        if (module == OCPI_MODULE_VERSIONS)
            continue;
        uint32_t has = ocpi_role_sides(roles, module);
        for (unsigned i = 0; i < HUB_COUNT(sides); i++)
            if ((has & sides[i]) && served(module, sides[i], version))
                add_endpoint(out, public_url, version, module, sides[i]);
    }
    hub_buf_add_char(out, ']');
}
