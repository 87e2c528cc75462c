/* The settings of an integration: the table, the checks of its own, decoding, and which of our parties it speaks for. */
#include "integration_setting.h"

#include <string.h>

#include "connector_setting.h"

#define HUB_INTEGRATION_TYPE(name, text, group, activate) "|" text
static const char integration_types[] =
#include "integration_type.def"
    ;
#undef HUB_INTEGRATION_TYPE

static const hub_setting_t rows[] = {
#define HUB_SETTING(symbol, id, group, type, flags, name, min, max, options, fallback, alias)                                              \
    HUB_SETTING_ROW(id, SETTING_##group, type, flags, name, min, max, options, fallback, alias),
#include "setting.def"
#undef HUB_SETTING
};
_Static_assert(HUB_COUNT(rows) <= HUB_SETTINGS_MAX, "a mask has one bit a row");

static const hub_setting_group_t groups[] = {
    [SETTING_ROOT] = {NULL, 0, false},
    [SETTING_HIDDEN] = {"", 0, true},
    [SETTING_MODELS] = {"models", 0, false},
    [SETTING_OCPI] = {"ocpiConnection", 0, true},
    [SETTING_PROFILE] = {"profile", SETTING_OCPI, false},
    [SETTING_SCHEDULE] = {"schedule", SETTING_OCPI, false},
    [SETTING_UTILITY] = {"utilityCloudConnection", 0, true},
    [SETTING_SALESFORCE] = {"salesforceConnection", 0, true},
};

static const char *const read_only[] = {"id",
                                        "integrationStatus",
                                        "statusDescription",
                                        "authorized",
                                        "customerRoles",
                                        "locations",
                                        "locationsTotal",
                                        "tariffs",
                                        "tariffsTotal",
                                        "receivedTariffs",
                                        "receivedTariffsTotal",
                                        "versionDetails",
                                        "credentialsInfo",
                                        "billingConnection",
                                        "partyPlatform",
                                        "freeVendingWithIdtagAllowed",
                                        NULL};

/* ---- ourParties and partyPlatform ---- */

static bool check_code(hub_pool_t *pool, yyjson_val *object, const char *name, size_t len, hub_slice_t pointer, ocpi_problems_t *problems)
{
    yyjson_val *value = yyjson_obj_get(object, name);
    if (yyjson_is_str(value) && ocpi_str(value).len == len && hub_setting_is_code(ocpi_str(value)))
        return true;
    ocpi_problem_add(problems, OCPI_ERROR, hub_pool_printf(pool, "%.*s/%s", HUB_SLICE_FMT(pointer), name), value ? "pattern" : "required",
                     "must be %zu letters or digits", len);
    return false;
}

static bool check_roles(hub_pool_t *pool, yyjson_val *roles, hub_slice_t pointer, ocpi_problems_t *problems)
{
    size_t i, n;
    yyjson_val *item;
    ocpi_role_t role;
    bool ok = !roles || yyjson_is_null(roles) || yyjson_is_arr(roles);
    if (!ok)
        ocpi_problem_add(problems, OCPI_ERROR, hub_pool_printf(pool, "%.*s/roles", HUB_SLICE_FMT(pointer)), "type",
                         "must be of type array of strings");
    if (!yyjson_is_arr(roles))
        return ok;
    yyjson_arr_foreach(roles, i, n, item)
    {
        if (yyjson_is_str(item) && ocpi_role_parse(ocpi_str(item), &role))
            continue;
        ok = false;
        ocpi_problem_add(problems, OCPI_ERROR, hub_pool_printf(pool, "%.*s/roles/%zu", HUB_SLICE_FMT(pointer), i), "enum", "is no role");
    }
    return ok;
}

static bool check_party(hub_pool_t *pool, yyjson_val *value, bool roles_too, hub_slice_t pointer, ocpi_problems_t *problems)
{
    size_t i, n;
    yyjson_val *key, *member;
    uint32_t before = problems->errors;
    if (!yyjson_is_obj(value)) {
        ocpi_problem_add(problems, OCPI_ERROR, pointer, "type", "must be of type object");
        return false;
    }
    yyjson_obj_foreach(value, i, n, key, member)
    {
        hub_slice_t name = ocpi_str(key);
        if (!hub_slice_eq_str(name, "countryCode") && !hub_slice_eq_str(name, "partyId") &&
            (!roles_too || !hub_slice_eq_str(name, "roles")))
            hub_setting_unknown(pool, pointer, name, problems);
    }
    check_code(pool, value, "countryCode", 2, pointer, problems);
    check_code(pool, value, "partyId", 3, pointer, problems);
    if (roles_too)
        check_roles(pool, yyjson_obj_get(value, "roles"), pointer, problems);
    return problems->errors == before;
}

/* ---- credentials and linkedResources ---- */

/* {"type":…} and whatever goes with that type. */
static bool check_credentials(hub_pool_t *pool, yyjson_val *value, hub_slice_t pointer, ocpi_problems_t *problems)
{
    yyjson_val *type = yyjson_obj_get(value, "type");
    bool ok = yyjson_is_obj(value) && yyjson_is_str(type) && ocpi_str(type).len > 0;
    if (!yyjson_is_obj(value))
        ocpi_problem_add(problems, OCPI_ERROR, pointer, "type", "must be of type object");
    else if (!ok)
        ocpi_problem_add(problems, OCPI_ERROR, hub_pool_printf(pool, "%.*s/type", HUB_SLICE_FMT(pointer)), type ? "type" : "required",
                         "must be a string that says what kind of credentials these are");
    return ok;
}

static bool check_linked(hub_pool_t *pool, yyjson_val *value, hub_slice_t pointer, ocpi_problems_t *problems)
{
    size_t i, n;
    yyjson_val *item;
    bool ok = yyjson_is_arr(value);
    if (!ok)
        ocpi_problem_add(problems, OCPI_ERROR, pointer, "type", "must be of type array");
    yyjson_arr_foreach(value, i, n, item)
    {
        if (yyjson_is_str(item) || yyjson_is_obj(item))
            continue;
        ok = false;
        ocpi_problem_add(problems, OCPI_ERROR, hub_pool_printf(pool, "%.*s/%zu", HUB_SLICE_FMT(pointer), i), "type",
                         "must be of type string or object");
    }
    return ok;
}

static hub_slice_t within(hub_pool_t *pool, uint32_t row, yyjson_val *value, hub_slice_t pointer, ocpi_problems_t *problems)
{
    hub_slice_t json = ocpi_write(pool, value);
    if ((int64_t)json.len <= rows[row].max)
        return json;
    ocpi_problem_add(problems, OCPI_ERROR, pointer, "length", "must have at most %lld bytes as JSON", (long long)rows[row].max);
    return HUB_SLICE_NONE;
}

static hub_slice_t check(hub_pool_t *pool, uint32_t row, yyjson_val *value, hub_slice_t pointer, ocpi_problems_t *problems)
{
    size_t i, n;
    yyjson_val *item;
    bool ok = true;
    if (row == S_CREDENTIALS)
        return check_credentials(pool, value, pointer, problems) ? within(pool, row, value, pointer, problems) : HUB_SLICE_NONE;
    if (row == S_LINKED_RESOURCES)
        return check_linked(pool, value, pointer, problems) ? within(pool, row, value, pointer, problems) : HUB_SLICE_NONE;
    if (row == S_PARTY_PLATFORM)
        return check_party(pool, value, false, pointer, problems) ? ocpi_write(pool, value) : HUB_SLICE_NONE;
    if (!yyjson_is_arr(value) || yyjson_arr_size(value) > 64) {
        ocpi_problem_add(problems, OCPI_ERROR, pointer, "type", "must be an array of at most 64 objects");
        return HUB_SLICE_NONE;
    }
    yyjson_arr_foreach(value, i, n, item) ok =
        check_party(pool, item, true, hub_pool_printf(pool, "%.*s/%zu", HUB_SLICE_FMT(pointer), i), problems) && ok;
    return ok ? ocpi_write(pool, value) : HUB_SLICE_NONE;
}

const hub_setting_table_t hub_integration_settings = {rows,  HUB_COUNT(rows),           groups, HUB_COUNT(groups), read_only,
                                                      check, hub_connector_write_masked};

/* ---- which of our parties ---- */

typedef struct resolving {
    hub_view_t *view;
    hub_pool_t *pool;
    uint32_t tenant, roles; /* customerRoles */
    ocpi_problems_t *problems;
    hub_buf_t out;
} resolving_t;

static void add_party(resolving_t *r, const hub_party_t *party, uint32_t roles)
{
    hub_buf_printf(&r->out, "%s{\"id\":%u,\"countryCode\":\"%s\",\"partyId\":\"%s\",\"roles\":%u}", r->out.len ? "," : "[", party->id,
                   party->country, party->party, roles);
}

/* The roles of a party here: what was said; else what it has in common with customerRoles; else what it has. */
static void add_named(resolving_t *r, yyjson_val *value, hub_slice_t pointer)
{
    hub_party_t party;
    hub_slice_t country = ocpi_get_str(value, "countryCode"), id = ocpi_get_str(value, "partyId");
    if (hub_party_find(r->view, r->pool, r->tenant, country, id, &party) != HUB_EOK) {
        ocpi_problem_add(r->problems, OCPI_ERROR, pointer, "unknown", "%.*s %.*s is none of our parties (/v1/parties)",
                         HUB_SLICE_FMT(country), HUB_SLICE_FMT(id));
        return;
    }
    yyjson_val *list = yyjson_obj_get(value, "roles");
    uint32_t roles = yyjson_arr_size(list) ? hub_setting_roles(ocpi_write(r->pool, list)) : 0;
    if (roles && r->roles && (roles & ~r->roles))
        ocpi_problem_add(r->problems, OCPI_ERROR, hub_pool_printf(r->pool, "%.*s/roles", HUB_SLICE_FMT(pointer)), "enum",
                         "must be among customerRoles");
    if (!roles)
        roles = party.roles & r->roles ? party.roles & r->roles : r->roles ? r->roles : party.roles;
    add_party(r, &party, roles);
}

static void add_listed(resolving_t *r, hub_slice_t json, const char *pointer)
{
    yyjson_doc *doc;
    size_t i, n;
    yyjson_val *item;
    if (ocpi_read(r->pool, json, &doc, NULL) != HUB_EOK)
        return;
    yyjson_val *root = yyjson_doc_get_root(doc);
    if (yyjson_is_obj(root))
        add_named(r, root, hub_slice_str(pointer));
    yyjson_arr_foreach(root, i, n, item) add_named(r, item, hub_pool_printf(r->pool, "%s/%zu", pointer, i));
}

/* What was worked out before stays while it fits, so that a further party of ours does not make the settings ambiguous afterwards. */
static bool still_fits(resolving_t *r, hub_slice_t before)
{
    yyjson_doc *doc;
    size_t i, n;
    yyjson_val *item;
    if (!before.ptr || ocpi_read(r->pool, before, &doc, NULL) != HUB_EOK || yyjson_arr_size(yyjson_doc_get_root(doc)) != 1)
        return false;
    yyjson_arr_foreach(yyjson_doc_get_root(doc), i, n, item)
    {
        hub_party_t party;
        uint64_t id;
        if (!hub_slice_u64(ocpi_get_str(item, "id"), &id) || hub_party_get(r->view, r->pool, r->tenant, (uint32_t)id, &party) != HUB_EOK ||
            !(party.roles & r->roles))
            return false;
        add_party(r, &party, party.roles & r->roles);
    }
    return true;
}

static void add_only(resolving_t *r, hub_slice_t before)
{
    const uint32_t unwired = OCPI_ROLE_OPEN_DATA | OCPI_ROLE_UNDEFINED;
    hub_party_t *all = NULL, *found = NULL;
    uint32_t count = 0, fitting = 0;
    if (still_fits(r, before) || !r->roles || hub_party_all(r->view, r->pool, r->tenant, &all, &count) != HUB_EOK)
        return;
    for (uint32_t i = 0; i < count; i++) {
        if (!(all[i].roles & r->roles))
            continue;
        found = &all[i];
        fitting++;
    }
    if (fitting == 1)
        add_party(r, found, found->roles & r->roles);
    else if (r->roles & ~unwired)
        ocpi_problem_add(r->problems, OCPI_ERROR, HUB_SLICE_LIT("/ocpiConnection/ourParties"), "required",
                         fitting ? "must be given: %u of our parties have one of the customerRoles"
                                 : "no party of ours has one of the customerRoles: make one at /v1/parties",
                         fitting);
}

hub_slice_t hub_integration_resolve(hub_view_t *view, hub_pool_t *pool, uint32_t tenant, const hub_setting_values_t *now,
                                    hub_slice_t before, ocpi_problems_t *problems)
{
    resolving_t r = {view, pool, tenant, hub_setting_roles(now->json[S_CUSTOMER_ROLES]), problems, HUB_BUF_INIT(pool)};
    uint32_t errors = problems->errors;
    if (now->json[S_OUR_PARTIES].ptr && !hub_slice_eq_str(now->json[S_OUR_PARTIES], "[]"))
        add_listed(&r, now->json[S_OUR_PARTIES], "/ocpiConnection/ourParties");
    else if (now->json[S_PARTY_PLATFORM].ptr)
        add_listed(&r, now->json[S_PARTY_PLATFORM], "/ocpiConnection/partyPlatform");
    else
        add_only(&r, before);
    if (problems->errors != errors || r.out.len == 0)
        return HUB_SLICE_NONE;
    hub_buf_add_char(&r.out, ']');
    return hub_buf_slice(&r.out);
}

/* ---- decoding ---- */

hub_setting_seal_t hub_integration_seal(hub_core_t *core, hub_pool_t *pool, uint32_t tenant, uint32_t id)
{
    return (hub_setting_seal_t){core->crypto, hub_pool_printf(pool, "integration/%u/%u", tenant, id)};
}

static void add_version(void *arg, hub_slice_t item)
{
    uint32_t *mask = arg;
    ocpi_version_t version;
    if (ocpi_version_parse(item, &version))
        *mask |= version;
}

static void decode_parties(hub_pool_t *pool, hub_slice_t json, hub_integration_t *out)
{
    yyjson_doc *doc;
    size_t i, n;
    yyjson_val *item;
    if (!json.ptr || ocpi_read(pool, json, &doc, NULL) != HUB_EOK)
        return;
    yyjson_val *root = yyjson_doc_get_root(doc);
    out->parties = hub_pool_zalloc(pool, (yyjson_arr_size(root) + 1) * sizeof *out->parties);
    yyjson_arr_foreach(root, i, n, item)
    {
        hub_party_ref_t *party = &out->parties[out->party_count++];
        uint64_t id = 0, roles = 0;
        hub_slice_u64(ocpi_get_str(item, "id"), &id);
        hub_slice_u64(ocpi_get_str(item, "roles"), &roles);
        hub_setting_copy(party->country, sizeof party->country, ocpi_get_str(item, "countryCode"));
        hub_setting_copy(party->party, sizeof party->party, ocpi_get_str(item, "partyId"));
        party->id = (uint32_t)id;
        party->roles = (uint32_t)roles;
    }
}

static void decode_models(const hub_setting_values_t *values, hub_integration_t *out)
{
    static const struct {
        uint8_t row;
        uint32_t bit;
    } models[] = {
#define HUB_MODEL(name, bit, json, direction, module) {S_##name, HUB_MODEL_##name},
#include "model.def"
#undef HUB_MODEL
    };
    for (size_t i = 0; i < HUB_COUNT(models); i++)
        if (hub_setting_true(values->json[models[i].row]))
            out->models |= models[i].bit;
    out->charging_period_minutes = (int32_t)hub_setting_int(values->json[S_CHARGING_PERIOD], -1);
    out->state_of_charge = values->json[S_STATE_OF_CHARGE].ptr ? (int8_t)hub_setting_true(values->json[S_STATE_OF_CHARGE]) : -1;
}

static void decode_profile(const hub_setting_values_t *values, hub_integration_t *out)
{
    hub_slice_t encoding = values->json[S_TOKEN_ENCODING];
    out->profile.token_encoding = !encoding.ptr ? HUB_TOKEN_AUTO : hub_slice_eq_str(encoding, "\"raw\"") ? HUB_TOKEN_RAW : HUB_TOKEN_BASE64;
    out->profile.strict = hub_setting_true(values->json[S_STRICT]);
    out->profile.foreign_parties = hub_setting_true(values->json[S_FOREIGN_PARTIES]);
    out->profile.date_from_optional = hub_setting_true(values->json[S_DATE_FROM_OPTIONAL]);
    out->profile.page_limit = (uint32_t)hub_setting_int(values->json[S_PAGE_LIMIT], 0);
    out->profile.timeout_ms = (uint32_t)hub_setting_int(values->json[S_TIMEOUT_MS], 0);
    out->delta_minutes = (uint32_t)hub_setting_int(values->json[S_DELTA_MINUTES], 60);
    out->full_hours = (uint32_t)hub_setting_int(values->json[S_FULL_HOURS], 168);
}

hub_err_t hub_integration_decode(hub_core_t *core, hub_pool_t *pool, uint32_t tenant, uint32_t id, const hub_setting_values_t *values,
                                 uint64_t version, hub_integration_t *out)
{
    const hub_slice_t *v = values->json;
    out->tenant = tenant;
    out->id = id;
    out->version = version;
    out->pool = pool;
    out->name = hub_setting_text(pool, v[S_NAME]);
    out->type = hub_setting_text(pool, v[S_TYPE]);
    out->reference = hub_setting_text(pool, v[S_REFERENCE]);
    out->is_ocpi = hub_slice_eq_str(out->type, "OCPI");
    out->enabled = hub_integration_is_enabled(values);
    out->approved_party = hub_setting_int(v[S_APPROVED_PARTY], 0);
    decode_models(values, out);
    out->endpoint_url = hub_setting_text(pool, v[S_ENDPOINT_URL]);
    out->has_initial_role = v[S_INITIAL_ROLE].ptr != NULL;
    out->initial_sender = hub_slice_eq_str(v[S_INITIAL_ROLE], "\"SENDER\"");
    out->third_country = hub_setting_text(pool, v[S_THIRD_COUNTRY]);
    out->third_party = hub_setting_text(pool, v[S_THIRD_PARTY]);
    out->platform_integration_id = hub_setting_text(pool, v[S_PLATFORM_INTEGRATION_ID]);
    hub_setting_each(v[S_VERSIONS], add_version, &out->versions);
    out->sharing_bound = hub_slice_eq_str(v[S_LOCATION_SHARING], "\"BOUND\"");
    out->tariffs_all = hub_slice_eq_str(v[S_TARIFF_SHARING], "\"ALL\"");
    decode_parties(pool, v[S_RESOLVED], out);
    out->customer_roles = hub_setting_roles(v[S_CUSTOMER_ROLES]);
    if (!out->customer_roles) /* not said: what our parties are */
        for (uint32_t i = 0; i < out->party_count; i++)
            out->customer_roles |= out->parties[i].roles;
    decode_profile(values, out);
    hub_setting_seal_t seal = hub_integration_seal(core, pool, tenant, id);
    out->connector = hub_connector_decode(pool, &seal, values);
    return hub_setting_secret(pool, &seal, v[S_INITIAL_TOKEN], &out->initial_token);
}
