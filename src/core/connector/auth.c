/* The rows of auth.def, read from an integration's settings: which scheme, its members, and what is wrong with them. */
#include "auth.h"

#include <stdlib.h>
#include <string.h>

#include "auth_scheme.h"
#include "hub/url.h"
#include "integration/integration_setting.h"

/* ---- the rows ---- */

#define HUB_AUTH_MEMBER(symbol, field, names, flags, fallback)
enum {
#define HUB_AUTH_SCHEME(symbol, names, grant, apply) SCHEME_##symbol,
#include "auth.def"
#undef HUB_AUTH_SCHEME
};
static const hub_auth_scheme_t schemes[] = {
#define HUB_AUTH_SCHEME(symbol, names, grant, apply) {names, grant, apply},
#include "auth.def"
#undef HUB_AUTH_SCHEME
};
#undef HUB_AUTH_MEMBER

enum { HIDE = 1, NEED = 2 };
#define FLAGS_NONE 0
#define FLAGS_HIDDEN HIDE
#define FLAGS_NEEDED NEED
#define FLAGS_SECRET (HIDE | NEED)
static const struct member {
    uint8_t scheme, field, flags;
    const char *names, *fallback;
} members[] = {
#define HUB_AUTH_SCHEME(symbol, names, grant, apply)
#define HUB_AUTH_MEMBER(symbol, field, names, flags, fallback) {SCHEME_##symbol, HUB_AUTH_FIELD_##field, FLAGS_##flags, names, fallback},
#include "auth.def"
#undef HUB_AUTH_SCHEME
#undef HUB_AUTH_MEMBER
};

/* ---- names ---- */

static bool next_letter(hub_slice_t *text, char *out)
{
    while (text->len) {
        char c = *text->ptr;
        *text = hub_slice(text->ptr + 1, text->len - 1);
        *out = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
        if ((*out >= 'a' && *out <= 'z') || (*out >= '0' && *out <= '9'))
            return true;
    }
    return false;
}

/* Letters and digits count, their case does not. */
static bool same_name(hub_slice_t a, hub_slice_t b)
{
    char x, y;
    for (;;) {
        bool more = next_letter(&a, &x);
        if (more != next_letter(&b, &y) || (more && x != y))
            return false;
        if (!more)
            return true;
    }
}

static hub_slice_t first_name(const char *names)
{
    return hub_slice(names, strcspn(names, "|"));
}

static bool has_name(const char *names, hub_slice_t name)
{
    hub_slice_t rest = hub_slice_str(names), one;
    while (hub_slice_split(&rest, '|', &one))
        if (same_name(one, name))
            return true;
    return false;
}

/* ---- what is wrong ---- */

/* The first problem stays. */
static void complain(hub_auth_t *auth, hub_slice_t name, const char *what)
{
    if (!auth->problem.len)
        auth->problem =
            hub_pool_printf(auth->pool, "%.*s%s%.*s %s", HUB_SLICE_FMT(auth->prefix), name.len ? "." : "", HUB_SLICE_FMT(name), what);
}

static const char *check_user(hub_slice_t text)
{
    return memchr(text.ptr, ':', text.len) ? "has a colon, which HTTP Basic cannot carry" : NULL;
}

static const char *check_header(hub_slice_t text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!hub_setting_is_code(hub_slice(text.ptr + i, 1)) && !strchr("!#$%&'*+-.^_`|~", text.ptr[i]))
            return "is no name of a header";
    return NULL;
}

static const char *check_place(hub_slice_t text)
{
    return has_name("header|basic|client_secret_basic|body|form|client_secret_post", text) ? NULL : "must be header or body";
}

static const char *check_url(hub_slice_t text)
{
    return hub_url_check(text, true, NULL) ? NULL : "is no URL that can be called";
}

static const char *check_key(hub_slice_t text)
{
    const char *why;
    if (hub_rs256_check(text, &why) == HUB_EOK)
        return NULL;
    return strstr(why, "encrypted") ? "is encrypted"
           : strstr(why, "2048")    ? "is an RSA key of fewer than 2048 bits"
                                    : "is no RSA private key in PEM (PKCS #8 or PKCS #1)";
}

/* What a signature's scope can hold, and libcurl reads. */
static const char *check_scope(hub_slice_t text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!hub_setting_is_code(hub_slice(text.ptr + i, 1)) && !strchr("-_.", text.ptr[i]))
            return "has a character that none has";
    return text.len > 63 ? "is too long" : NULL;
}

static const char *check_access_key(hub_slice_t text)
{
    return memchr(text.ptr, ':', text.len) ? "has a colon" : NULL;
}

static const char *check_line(hub_slice_t text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
            return "has a control character";
    return NULL;
}

static const char *(*const checks[HUB_AUTH_FIELDS])(hub_slice_t) = {
    [HUB_AUTH_FIELD_USERNAME] = check_user, [HUB_AUTH_FIELD_HEADER] = check_header,   [HUB_AUTH_FIELD_IN] = check_place,
    [HUB_AUTH_FIELD_TOKEN_URL] = check_url, [HUB_AUTH_FIELD_PRIVATE_KEY] = check_key, [HUB_AUTH_FIELD_ACCESS_KEY] = check_access_key,
    [HUB_AUTH_FIELD_REGION] = check_scope,  [HUB_AUTH_FIELD_SERVICE] = check_scope,
};

static void judge(hub_auth_t *auth)
{
    for (size_t i = 0; auth->scheme && i < HUB_COUNT(members); i++) {
        const struct member *row = &members[i];
        hub_slice_t *value = &auth->field[row->field], name = first_name(row->names);
        if (&schemes[row->scheme] != auth->scheme)
            continue;
        if (row->flags & HIDE)
            auth->secrets |= 1u << row->field;
        if (!value->len)
            *value = hub_slice_str(row->fallback);
        if (!value->len && (row->flags & NEED))
            complain(auth, name, "is missing");
        const char *why = value->len && row->field != HUB_AUTH_FIELD_PRIVATE_KEY ? check_line(*value) : NULL;
        if (!why && value->len && checks[row->field])
            why = checks[row->field](*value);
        if (why)
            complain(auth, name, why);
    }
}

/* ---- reading ---- */

static const hub_auth_scheme_t *scheme_named(hub_slice_t name)
{
    for (size_t i = 0; i < HUB_COUNT(schemes); i++)
        if (name.len && has_name(schemes[i].names, name))
            return &schemes[i];
    return NULL;
}

/* The member of one of these names, the first name first; none of those in *taken (a mask of places). */
static yyjson_val *take(yyjson_val *object, const char *names, uint64_t *taken)
{
    hub_slice_t rest = hub_slice_str(names), one;
    while (hub_slice_split(&rest, '|', &one)) {
        size_t i, n;
        yyjson_val *key, *value;
        yyjson_obj_foreach(object, i, n, key, value)
        {
            if (i >= 64 || (*taken >> i & 1) || !same_name(one, ocpi_str(key)) || yyjson_is_null(value))
                continue;
            *taken |= (uint64_t)1 << i;
            return value;
        }
    }
    return NULL;
}

/* `type`; "oauth2" with a `grantType` is what that says. */
static void read_type(hub_auth_t *auth, yyjson_val *object, uint64_t *taken)
{
    hub_slice_t type = ocpi_str(take(object, "type", taken)), grant = HUB_SLICE_NONE;
    auth->scheme = scheme_named(type);
    if (!type.len)
        complain(auth, HUB_SLICE_LIT("type"), "is missing");
    else if (!auth->scheme)
        complain(auth, HUB_SLICE_LIT("type"),
                 "is none of none, basic, bearer, api_key, client_credentials, jwt_bearer, aws_sigv4, or another spelling of them");
    else if (auth->scheme->grant)
        grant = ocpi_str(take(object, "grantType", taken));
    if (!grant.len)
        return;
    auth->scheme = scheme_named(grant);
    if (!auth->scheme || !auth->scheme->grant)
        complain(auth, HUB_SLICE_LIT("grantType"), "is neither client_credentials nor jwt_bearer");
}

static void read_object(hub_auth_t *auth, yyjson_val *object)
{
    uint64_t taken = 0;
    read_type(auth, object, &taken);
    for (size_t i = 0; auth->scheme && i < HUB_COUNT(members); i++) {
        const struct member *row = &members[i];
        if (&schemes[row->scheme] != auth->scheme)
            continue;
        yyjson_val *value = take(object, row->names, &taken);
        hub_slice_t text = ocpi_str(value);
        if (value && !text.ptr)
            complain(auth, first_name(row->names), "must be a string");
        auth->field[row->field] = text.len ? hub_pool_copy(auth->pool, text) : HUB_SLICE_NONE;
    }
}

/* A string is a bearer token, with or without that word in front. */
static void read_string(hub_auth_t *auth, hub_slice_t text)
{
    const hub_slice_t word = HUB_SLICE_LIT("Bearer ");
    text = hub_slice_trim(text);
    if (text.len > word.len && hub_slice_caseeq(hub_slice(text.ptr, word.len), word))
        text = hub_slice_trim(hub_slice(text.ptr + word.len, text.len - word.len));
    if (!text.len)
        return;
    auth->scheme = &schemes[SCHEME_BEARER];
    auth->field[HUB_AUTH_FIELD_TOKEN] = hub_pool_copy(auth->pool, text);
}

/* Salesforce: the endpoint's own domain has the token endpoint and is the audience. Elsewhere RFC 7523, 3: the token endpoint itself. */
static void derive(hub_auth_t *auth, const hub_connector_t *connector)
{
    hub_slice_t *url = &auth->field[HUB_AUTH_FIELD_TOKEN_URL], *audience = &auth->field[HUB_AUTH_FIELD_AUDIENCE];
    hub_slice_t origin = hub_auth__origin(hub_connector_text(connector, "endpointUrl"));
    if (auth->salesforce && !url->len && origin.len)
        *url = hub_pool_printf(auth->pool, "%.*s/services/oauth2/token", HUB_SLICE_FMT(origin));
    if (!audience->len)
        *audience = auth->salesforce ? hub_auth__origin(*url) : *url;
}

static void read_auth(hub_auth_t *auth, const hub_connector_t *connector)
{
    yyjson_doc *doc;
    hub_slice_t json = hub_connector_json(connector, "auth");
    uint8_t group = hub_integration_types[connector->type].group;
    const char *name = hub_integration_settings.groups[group].name;
    auth->prefix = hub_pool_printf(auth->pool, "%s.auth", name ? name : "settings");
    if (!json.len) {
        json = connector->credentials;
        auth->prefix = HUB_SLICE_LIT("credentials");
    }
    if (!json.len)
        return;
    hub_pool_t *pool = hub_pool_create();
    yyjson_val *root = ocpi_read(pool, json, &doc, NULL) == HUB_EOK ? yyjson_doc_get_root(doc) : NULL;
    if (yyjson_is_str(root))
        read_string(auth, ocpi_str(root));
    else if (yyjson_is_obj(root))
        read_object(auth, root);
    else
        complain(auth, HUB_SLICE_NONE, "is neither an object nor a string");
    hub_pool_destroy(pool);
    derive(auth, connector);
}

static void read_utility(hub_auth_t *auth, const hub_connector_t *connector, hub_slice_t base)
{
    static const struct {
        hub_auth_field_t field;
        const char *name;
    } rows[] = {{HUB_AUTH_FIELD_CLIENT_ID, "clientId"}, {HUB_AUTH_FIELD_CLIENT_SECRET, "clientSecret"}, {HUB_AUTH_FIELD_SCOPE, "scope"}};
    hub_slice_t url = hub_connector_config(auth->pool, connector, "tokenUrl"), root = hub_utility_root(auth->pool, connector, base);
    auth->prefix = HUB_SLICE_LIT("utilityCloudConnection");
    auth->scheme = &schemes[SCHEME_CLIENT_CREDENTIALS];
    for (size_t i = 0; i < HUB_COUNT(rows); i++)
        auth->field[rows[i].field] = hub_pool_copy(auth->pool, hub_connector_text(connector, rows[i].name));
    if (!url.len && root.len)
        url = hub_pool_printf(auth->pool, "%.*s/oauth2/token", HUB_SLICE_FMT(root));
    else if (!url.len)
        auth->problem = hub_slice_str(hub_utility_nowhere);
    auth->field[HUB_AUTH_FIELD_TOKEN_URL] = url;
}

/* ---- life ---- */

hub_auth_t *hub_auth_create(hub_auth_source_t source, const hub_connector_t *connector, hub_slice_t base)
{
    hub_auth_t *auth = calloc(1, sizeof *auth);
    HUB_ASSERT(auth != NULL);
    auth->pool = hub_pool_create();
    auth->salesforce = connector->type == HUB_TYPE_SALESFORCE;
    if (source == HUB_AUTH_AUTH)
        read_auth(auth, connector);
    else if (source == HUB_AUTH_UTILITY)
        read_utility(auth, connector, base);
    judge(auth);
    return auth;
}

void hub_auth_destroy(hub_auth_t *auth)
{
    if (!auth)
        return;
    hub_auth__forget(auth);
    for (unsigned i = 0; i < HUB_AUTH_FIELDS; i++)
        if (auth->secrets >> i & 1u && auth->field[i].len)
            explicit_bzero((char *)auth->field[i].ptr, auth->field[i].len);
    hub_pool_destroy(auth->pool);
    free(auth);
}

hub_auth_state_t hub_auth_state(const hub_auth_t *auth, int64_t now)
{
    if (auth->problem.len)
        return HUB_AUTH_WRONG;
    return auth->scheme && auth->scheme->grant && (!auth->token.len || now >= auth->until) ? HUB_AUTH_TOKEN : HUB_AUTH_READY;
}

hub_slice_t hub_auth_problem(const hub_auth_t *auth)
{
    return auth->problem;
}

/* Where the token's answer names an instance, that is where Salesforce wants its calls: those to the domain that gave the token go there.
 */
static void move_to_instance(const hub_auth_t *auth, hub_call_t *call)
{
    hub_slice_t from = hub_auth__origin(call->url), to = hub_auth__origin(auth->instance);
    if (!to.len || hub_slice_caseeq(from, to) || !hub_slice_caseeq(from, hub_auth__origin(auth->field[HUB_AUTH_FIELD_TOKEN_URL])))
        return;
    call->url = hub_pool_printf(call->pool, "%.*s%.*s", HUB_SLICE_FMT(to), (int)(call->url.len - from.len), call->url.ptr + from.len);
}

void hub_auth_apply(const hub_auth_t *auth, hub_call_t *call)
{
    HUB_ASSERT(!auth->problem.len);
    if (auth->salesforce)
        move_to_instance(auth, call);
    if (auth->scheme && auth->scheme->apply)
        auth->scheme->apply(auth, call);
}
