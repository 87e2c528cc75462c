#include "offer.h"

#include <string.h>

#include "hub/url.h"

#define ENDPOINTS_MAX 1000
#define IDENTIFIER_MAX 255
#define ROLES_MAX 10000
#define ROLES_BYTES_MAX ((size_t)1 << 20)

static const bool functional[OCPI_MODULE_COUNT] = {
#define FUNCTIONAL true
#define CONFIGURATION false
#define OCPI_MODULE(name, identifier, versions, object, kind) [OCPI_MODULE_##name] = kind,
#include "ocpi/tbl/module.def"
#undef OCPI_MODULE
#undef FUNCTIONAL
#undef CONFIGURATION
};

#define BOTH_SIDES (OCPI_SENDER | OCPI_RECEIVER)

static bool one_bit(uint32_t mask)
{
    return mask && (mask & (mask - 1)) == 0;
}

static uint32_t wire_roles(uint32_t roles)
{
    return roles & ~(uint32_t)(OCPI_ROLE_OPEN_DATA | OCPI_ROLE_UNDEFINED);
}

uint32_t hub_offer_party_roles(const hub_integration_t *integration, const hub_party_ref_t *party)
{
    uint32_t roles = party->roles ? party->roles : integration->customer_roles;
    return wire_roles(integration->customer_roles ? roles & integration->customer_roles : roles);
}

/* 2.1.1 knows one party of one role, and its version details name no side: a role that has both sides of a module cannot be told there. */
static bool fits_211(const hub_integration_t *integration)
{
    if (integration->party_count != 1)
        return false;
    uint32_t role = hub_offer_party_roles(integration, &integration->parties[0]);
    if (!one_bit(role))
        return false;
    for (unsigned m = OCPI_MODULE_NONE + 1; m < OCPI_MODULE_COUNT; m++)
        if (functional[m] && (ocpi_module_versions((ocpi_module_t)m) & OCPI_V2_1_1) &&
            ocpi_role_sides(role, (ocpi_module_t)m) == BOTH_SIDES)
            return false;
    return true;
}

uint32_t hub_offer_versions(const hub_integration_t *integration)
{
    uint32_t mask = ocpi_versions_served();
    if (integration->versions)
        mask &= integration->versions;
    return fits_211(integration) ? mask : mask & ~(uint32_t)OCPI_V2_1_1;
}

uint32_t hub_offer_versions_open(const hub_integration_t *integration)
{
    uint32_t mask = hub_offer_versions(integration);
    return integration->authorized ? mask | (integration->ocpi_version & ocpi_versions_served()) : mask;
}

uint32_t hub_offer_roles(const hub_integration_t *integration, ocpi_version_t version)
{
    if (version == OCPI_V2_1_1 && integration->party_count == 1)
        return hub_offer_party_roles(integration, &integration->parties[0]);
    return wire_roles(integration->customer_roles);
}

/* ---- versions ---- */

static hub_slice_t names_of(hub_pool_t *pool, uint32_t mask)
{
    hub_buf_t out = HUB_BUF_INIT(pool);
    for (size_t i = 0; i < HUB_COUNT(ocpi_versions); i++) {
        if (!(mask & ocpi_versions[i]))
            continue;
        hub_buf_printf(&out, "%s%s", out.len ? ", " : "", ocpi_version_name(ocpi_versions[i]));
    }
    return out.len ? hub_buf_slice(&out) : HUB_SLICE_LIT("none that we know");
}

hub_err_t hub_offer_read_versions(hub_core_t *core, hub_pool_t *pool, const hub_integration_t *integration, ocpi_version_t fixed,
                                  yyjson_val *data, hub_offer_t *offer, hub_slice_t *why)
{
    uint32_t ours = fixed ? fixed : hub_offer_versions(integration), theirs = 0;
    ocpi_version_t version, best = 0;
    size_t i, n;
    yyjson_val *item;
    const char *problem;
    if (!yyjson_is_arr(data)) {
        *why = HUB_SLICE_LIT("the list of versions is no array");
        return HUB_EPEER_PROTOCOL;
    }
    yyjson_arr_foreach(data, i, n, item)
    {
        if (!ocpi_version_parse(ocpi_get_str(item, "version"), &version))
            continue;
        theirs |= version;
        if (!(version & ours) || version <= best)
            continue;
        best = version;
        offer->details_url = hub_pool_copy(pool, ocpi_get_str(item, "url"));
    }
    if (!ours) {
        *why = HUB_SLICE_LIT("no common OCPI version: none of the integration's `versions` is served here for its parties and roles");
        return HUB_EPEER_VERSION;
    }
    if (!best) {
        *why = hub_pool_printf(pool, "no common OCPI version: we can speak %.*s here, the partner lists %.*s",
                               HUB_SLICE_FMT(names_of(pool, ours)), HUB_SLICE_FMT(names_of(pool, theirs)));
        return HUB_EPEER_VERSION;
    }
    offer->version = best;
    if (hub_url_check(offer->details_url, core->config.insecure_peers, &problem))
        return HUB_EOK;
    *why = hub_pool_printf(pool, "the URL of version %s must not be called: %s", ocpi_version_name(best), problem);
    return HUB_EPEER_FORBIDDEN;
}

/* ---- details ---- */

/* An entry of 2.1.1 has no role, and some peers forget it later: what the peer lists is the other side of ours. */
static uint8_t side_of(const hub_integration_t *integration, const hub_offer_t *offer, ocpi_module_t module, hub_slice_t role)
{
    if (module == OCPI_MODULE_CREDENTIALS)
        return OCPI_SENDER; /* V3: to be ignored */
    if (hub_slice_caseeq_str(role, "SENDER"))
        return OCPI_SENDER;
    if (hub_slice_caseeq_str(role, "RECEIVER"))
        return OCPI_RECEIVER;
    if (offer->version != OCPI_V2_1_1 && role.len)
        return 0;
    uint32_t ours = ocpi_role_sides(hub_offer_roles(integration, offer->version), module);
    return ours == OCPI_SENDER ? OCPI_RECEIVER : ours == OCPI_RECEIVER ? OCPI_SENDER : 0;
}

static bool is_common(uint32_t our_roles, const hub_endpoint_t *endpoint)
{
    if (endpoint->module == OCPI_MODULE_NONE || !functional[endpoint->module])
        return false;
    uint32_t ours = ocpi_role_sides(our_roles, (ocpi_module_t)endpoint->module);
    uint32_t other = endpoint->side == OCPI_SENDER ? OCPI_RECEIVER : OCPI_SENDER;
    return endpoint->side ? (ours & other) != 0 : ours != 0;
}

static bool same_endpoint(const hub_offer_t *offer, const hub_endpoint_t *endpoint)
{
    for (uint32_t i = 0; i < offer->endpoint_count; i++)
        if (offer->endpoints[i].side == endpoint->side && hub_slice_eq(offer->endpoints[i].identifier, endpoint->identifier))
            return true;
    return false;
}

hub_err_t hub_offer_read_details(hub_core_t *core, hub_pool_t *pool, const hub_integration_t *integration, yyjson_val *data,
                                 hub_offer_t *offer, hub_slice_t *why)
{
    yyjson_val *list = yyjson_obj_get(data, "endpoints"), *item;
    size_t i, n;
    bool common = false;
    if (!yyjson_is_arr(list) || yyjson_arr_size(list) > ENDPOINTS_MAX) {
        *why = HUB_SLICE_LIT("the version details have no list of endpoints of a sensible size");
        return HUB_EPEER_PROTOCOL;
    }
    offer->endpoint_count = 0;
    offer->credentials_url = HUB_SLICE_NONE;
    offer->endpoints = hub_pool_zalloc(pool, (yyjson_arr_size(list) + 1) * sizeof *offer->endpoints);
    yyjson_arr_foreach(list, i, n, item)
    {
        hub_endpoint_t *endpoint = &offer->endpoints[offer->endpoint_count];
        endpoint->identifier = hub_pool_copy(pool, ocpi_get_str(item, "identifier"));
        endpoint->url = hub_pool_copy(pool, ocpi_get_str(item, "url"));
        endpoint->module = (uint8_t)ocpi_module_parse(endpoint->identifier);
        endpoint->side = side_of(integration, offer, (ocpi_module_t)endpoint->module, ocpi_get_str(item, "role"));
        if (!endpoint->identifier.len || endpoint->identifier.len > IDENTIFIER_MAX || same_endpoint(offer, endpoint) ||
            !hub_url_check(endpoint->url, core->config.insecure_peers, NULL))
            continue; /* an endpoint that cannot be called is none */
        offer->endpoint_count++;
        if (endpoint->module == OCPI_MODULE_CREDENTIALS)
            offer->credentials_url = endpoint->url;
        common = common || is_common(hub_offer_roles(integration, offer->version), endpoint);
    }
    if (!offer->credentials_url.len) {
        *why = HUB_SLICE_LIT("the partner's version details list no credentials endpoint that may be called");
        return HUB_EPEER_ENDPOINTS;
    }
    if (!common) {
        *why = HUB_SLICE_LIT("the partner offers no module that fits our roles here: compare customerRoles with the partner's endpoints");
        return HUB_EPEER_ENDPOINTS;
    }
    return HUB_EOK;
}

/* ---- a Credentials object ---- */

static bool token_good(hub_slice_t token)
{
    for (size_t i = 0; i < token.len; i++)
        if (token.ptr[i] < 0x21 || token.ptr[i] > 0x7E)
            return false;
    return token.len > 0 && token.len <= 64;
}

static bool same_role(yyjson_val *a, yyjson_val *b)
{
    static const char *const keys[] = {"role", "party_id", "country_code"};
    for (size_t i = 0; i < HUB_COUNT(keys); i++)
        if (!hub_slice_caseeq(ocpi_get_str(a, keys[i]), ocpi_get_str(b, keys[i])))
            return false;
    return true;
}

/* Codes of 2 and 3 characters; longer ones are taken from who is not held to the letter, since objects come with them just so. */
static bool codes_good(const hub_integration_t *integration, hub_slice_t country, hub_slice_t party)
{
    bool exact = country.len == 2 && party.len >= 1 && party.len <= 3;
    bool taken = exact || (!integration->profile.strict && country.len >= 1 && country.len < sizeof integration->peer_roles->country &&
                           party.len >= 1 && party.len < sizeof integration->peer_roles->party);
    if (taken && !exact)
        hub_log(HUB_WARN, "handshake.codes", HUB_INT("integration", integration->id), HUB_SLICE("country_code", country),
                HUB_SLICE("party_id", party));
    return taken;
}

static hub_err_t check_roles(hub_pool_t *pool, const hub_integration_t *integration, yyjson_val *roles, hub_slice_t *why)
{
    size_t i, j, n, m;
    yyjson_val *a, *b;
    if (yyjson_arr_size(roles) == 0 || yyjson_arr_size(roles) > ROLES_MAX) {
        *why = HUB_SLICE_LIT("/roles must be a list with at least one role");
        return HUB_EINVALID;
    }
    yyjson_arr_foreach(roles, i, n, a)
    {
        if (!codes_good(integration, ocpi_get_str(a, "country_code"), ocpi_get_str(a, "party_id")) || !ocpi_get_str(a, "role").len) {
            *why = hub_pool_printf(pool, "/roles/%zu needs role, party_id and country_code", i);
            return HUB_EINVALID;
        }
        yyjson_arr_foreach(roles, j, m, b)
        {
            if (j >= i || i > 200)
                break;
            if (same_role(a, b)) {
                *why = hub_pool_printf(pool, "/roles/%zu is in the list twice", i);
                return HUB_EINVALID;
            }
        }
    }
    return HUB_EOK;
}

static bool has_third_party(const hub_integration_t *integration, yyjson_val *roles)
{
    size_t i, n;
    yyjson_val *item;
    yyjson_arr_foreach(roles, i, n, item)
    {
        bool party = !integration->third_party.len || hub_slice_caseeq(ocpi_get_str(item, "party_id"), integration->third_party);
        bool country = !integration->third_country.len || hub_slice_caseeq(ocpi_get_str(item, "country_code"), integration->third_country);
        if (party && country)
            return true;
    }
    return false;
}

/* 2.1.1 has one party without a role: the other one of ours. NULL: it has not even that. */
static yyjson_val *roles_of_211(hub_pool_t *pool, const hub_integration_t *integration, yyjson_val *data)
{
    hub_buf_t out = HUB_BUF_INIT(pool);
    yyjson_doc *doc;
    hub_slice_t party = ocpi_get_str(data, "party_id"), country = ocpi_get_str(data, "country_code");
    yyjson_val *details = yyjson_obj_get(data, "business_details");
    if (!codes_good(integration, country, party))
        return NULL;
    bool charging = hub_offer_roles(integration, OCPI_V2_1_1) & OCPI_ROLE_CPO;
    hub_buf_printf(&out, "[{\"role\":\"%s\",\"party_id\":", charging ? "EMSP" : "CPO");
    hub_buf_add_json(&out, party);
    hub_buf_add_str(&out, ",\"country_code\":");
    hub_buf_add_json(&out, country);
    hub_buf_add_str(&out, ",\"business_details\":");
    hub_buf_add(&out, yyjson_is_obj(details) ? ocpi_write(pool, details) : HUB_SLICE_LIT("{}"));
    hub_buf_add_str(&out, "}]");
    return ocpi_read(pool, hub_buf_slice(&out), &doc, NULL) ? NULL : yyjson_doc_get_root(doc);
}

/* Who the peer is, as the list of roles that 2.2 has. */
static hub_err_t read_roles(hub_pool_t *pool, const hub_integration_t *integration, ocpi_version_t version, yyjson_val *data,
                            yyjson_val **roles, hub_slice_t *why)
{
    *roles = version == OCPI_V2_1_1 ? roles_of_211(pool, integration, data) : yyjson_obj_get(data, "roles");
    if (version == OCPI_V2_1_1 && !*roles) {
        *why = HUB_SLICE_LIT("/party_id (1 to 3 characters) and /country_code (2) are needed");
        return HUB_EINVALID;
    }
    hub_err_t err = check_roles(pool, integration, *roles, why);
    if (err || has_third_party(integration, *roles))
        return err;
    *why = hub_pool_printf(
        pool, "the partner's roles do not contain the party %.*s%s%.*s that this integration is for (thirdPartyCountryCode, thirdPartyId)",
        HUB_SLICE_FMT(integration->third_country), integration->third_country.len ? " " : "", HUB_SLICE_FMT(integration->third_party));
    return HUB_EINVALID;
}

/* The rules of every object that a peer sends: what its rows require, and with the profile `strict` all of them. */
static hub_err_t check_rows(hub_pool_t *pool, const hub_integration_t *integration, ocpi_version_t version, yyjson_val *data,
                            hub_slice_t *why)
{
    const ocpi_check_t check = {.object = OCPI_OBJECT_CREDENTIALS, .version = version, .strict = integration->profile.strict};
    ocpi_problems_t problems;
    ocpi_problems_init(&problems, pool);
    if (ocpi_check(data, &check, &problems))
        return HUB_EOK;
    for (uint32_t i = 0; i < problems.count; i++) {
        const ocpi_problem_t *problem = &problems.list[i];
        if (problem->severity != OCPI_ERROR)
            continue;
        *why = hub_pool_printf(pool, "%.*s: %.*s", HUB_SLICE_FMT(problem->pointer), HUB_SLICE_FMT(problem->message));
        break;
    }
    return HUB_EINVALID;
}

hub_err_t hub_offer_read_credentials(hub_core_t *core, hub_pool_t *pool, const hub_integration_t *integration, yyjson_val *data,
                                     hub_offer_t *offer, hub_slice_t *why)
{
    const char *problem;
    hub_slice_t token = ocpi_get_str(data, "token"), url = ocpi_get_str(data, "url");
    if (!yyjson_is_obj(data)) {
        *why = HUB_SLICE_LIT("there is no Credentials object");
        return HUB_EINVALID;
    }
    if (!token_good(token)) {
        *why = HUB_SLICE_LIT("/token must be 1 to 64 printable ASCII characters without blanks");
        return HUB_EINVALID;
    }
    offer->token = hub_pool_copy(pool, token); /* even when the rest is refused: it takes the registration back */
    if (!hub_url_check(url, core->config.insecure_peers, &problem)) {
        *why = hub_pool_printf(pool, "/url must not be called: %s", problem);
        return HUB_EINVALID;
    }
    yyjson_val *roles;
    hub_err_t err = read_roles(pool, integration, offer->version, data, &roles, why);
    if (!err)
        err = check_rows(pool, integration, offer->version, data, why);
    if (err)
        return err;
    offer->versions_url = hub_pool_copy(pool, url);
    offer->roles_json = ocpi_write(pool, roles);
    if (offer->roles_json.len > ROLES_BYTES_MAX) {
        *why = HUB_SLICE_LIT("/roles is longer than 1 MiB");
        return HUB_EINVALID;
    }
    offer->hub_party_id = offer->version > OCPI_V2_2_1 ? hub_pool_copy(pool, ocpi_get_str(data, "hub_party_id")) : HUB_SLICE_NONE;
    return HUB_EOK;
}
