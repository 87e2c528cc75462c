/* Schemes of auth.def: what they read, what they miss, what they add to requests, and the life of access tokens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "connector/connector.h"

#define NOW 1795000000000
#define SECOND 1000

static hub_pool_t *pool;
static hub_slice_t rsa_key; /* PEM as a JSON string */
static hub_auth_t *auth;

/* ---- integrations ---- */

static hub_connector_t *connector_of(hub_integration_type_t type, const char *endpoint, const char *json, const char *credentials)
{
    hub_connector_t *c = HUB_POOL_NEW(pool, hub_connector_t);
    hub_connector_member_t *members = hub_pool_zalloc(pool, 2 * sizeof *members);
    members[0] = (hub_connector_member_t){
        .name = "endpointUrl", .json = hub_setting_json(pool, hub_slice_str(endpoint)), .text = hub_slice_str(endpoint)};
    members[1] = (hub_connector_member_t){.name = "auth", .json = hub_slice_str(json), .secret = true};
    *c = (hub_connector_t){.type = type, .members = members, .member_count = 2, .credentials = hub_slice_str(credentials)};
    return c;
}

static void open_auth(const hub_connector_t *c, hub_auth_source_t source, const char *base)
{
    hub_auth_destroy(auth);
    auth = hub_auth_create(source, c, hub_slice_str(base));
}

/* `auth` of a tax calculation. */
static void read_auth(const char *json)
{
    open_auth(connector_of(HUB_TYPE_TAX_CALCULATION, "https://tax.example/x", json, NULL), HUB_AUTH_AUTH, NULL);
}

static void read_salesforce(const char *json)
{
    open_auth(connector_of(HUB_TYPE_SALESFORCE, "https://acme.my.salesforce.com:8443/services/apexrest/cdr?x=1", json, NULL), HUB_AUTH_AUTH,
              NULL);
}

static hub_call_t *call_of(const char *url, const char *body)
{
    hub_call_t *call = HUB_POOL_NEW(pool, hub_call_t);
    call->pool = pool;
    call->method = HUB_POST;
    call->url = hub_slice_str(url);
    call->body = hub_slice_str(body);
    return call;
}

static hub_call_t *applied(const char *url)
{
    hub_call_t *call = call_of(url, "{}");
    if (hub_auth_state(auth, NOW) != HUB_AUTH_READY)
        fail_msg("not ready: %.*s", HUB_SLICE_FMT(hub_auth_problem(auth)));
    hub_auth_apply(auth, call);
    return call;
}

static const char *header(const hub_call_t *call, const char *name)
{
    for (uint32_t i = 0; i < call->header_count; i++)
        if (hub_slice_caseeq_str(call->headers[i].name, name))
            return hub_pool_str(pool, call->headers[i].value);
    return "";
}

static void problem_is(const char *json, const char *words)
{
    read_auth(json);
    assert_int_equal(hub_auth_state(auth, NOW), HUB_AUTH_WRONG);
    hub_slice_t said = hub_auth_problem(auth);
    if (!hub_slice_eq_str(said, words))
        fail_msg("%s:\n%.*s, expected\n%s", json, HUB_SLICE_FMT(said), words);
}

/* ---- without a token ---- */

static void nothing_is_added_where_nothing_is_said(void **state)
{
    (void)state;
    static const char *const none[] = {NULL, "\"\"", "{\"type\":\"none\"}", "{\"type\":\"No-Auth\"}"};
    for (size_t i = 0; i < HUB_COUNT(none); i++) {
        read_auth(none[i]);
        hub_call_t *call = applied("https://tax.example/x");
        assert_int_equal(call->header_count, 0);
        assert_null(call->sign);
        assert_false(hub_auth_refused(auth));
    }
    open_auth(connector_of(HUB_TYPE_WEBHOOK, NULL, "{\"type\":\"basic\"}", NULL), HUB_AUTH_NONE, NULL);
    assert_int_equal(applied("https://x.example/")->header_count, 0);
}

static void headers_are_as_their_scheme_says(void **state)
{
    (void)state;
    static const struct {
        const char *json, *name, *value;
    } rows[] = {
        {"{\"type\":\"basic\",\"username\":\"Aladdin\",\"password\":\"open sesame\"}", "Authorization",
         "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
        {"{\"type\":\"Basic\",\"user\":\"a\",\"password\":\"b:c\"}", "Authorization", "Basic YTpiOmM="},
        {"{\"type\":\"bearer\",\"token\":\"mF_9.B5f-4.1JqM\"}", "Authorization", "Bearer mF_9.B5f-4.1JqM"},
        {"{\"Type\":\"Bearer-Token\",\"access_token\":\"t\"}", "Authorization", "Bearer t"},
        {"\"mF_9\"", "Authorization", "Bearer mF_9"},
        {"\" bearer mF_9 \"", "Authorization", "Bearer mF_9"},
        {"{\"type\":\"api_key\",\"key\":\"k1\"}", "X-API-Key", "k1"},
        {"{\"type\":\"apiKey\",\"value\":\"k2\"}", "X-API-Key", "k2"},
        {"{\"type\":\"API-KEY\",\"token\":12,\"header\":\"X-Token\"}", "X-Token", "12"},
        {"{\"type\":\"apikey\",\"key\":\"X-Name\",\"value\":\"k4\"}", "X-Name", "k4"},
        {"{\"type\":\"apikey\",\"key\":\"k5\",\"name\":\"X-Name\",\"value\":null}", "X-Name", "k5"},
    };
    for (size_t i = 0; i < HUB_COUNT(rows); i++) {
        read_auth(rows[i].json);
        hub_call_t *call = applied("https://tax.example/x");
        assert_int_equal(call->header_count, 1);
        assert_string_equal(header(call, rows[i].name), rows[i].value);
        assert_false(hub_auth_refused(auth)); /* asking again would say the same */
    }
}

static void credentials_hold_where_there_is_no_auth(void **state)
{
    (void)state;
    const char *generic = "{\"type\":\"basic\",\"username\":\"u\",\"password\":\"p\"}";
    open_auth(connector_of(HUB_TYPE_E_INVOICING, "https://x.example", NULL, generic), HUB_AUTH_AUTH, NULL);
    assert_string_equal(header(applied("https://x.example"), "Authorization"), "Basic dTpw");
    open_auth(connector_of(HUB_TYPE_E_INVOICING, "https://x.example", "\"t\"", generic), HUB_AUTH_AUTH, NULL);
    assert_string_equal(header(applied("https://x.example"), "Authorization"), "Bearer t");
    open_auth(connector_of(HUB_TYPE_E_INVOICING, "https://x.example", NULL, "{\"type\":\"basic\"}"), HUB_AUTH_AUTH, NULL);
    assert_true(hub_slice_eq_str(hub_auth_problem(auth), "credentials.username is missing"));
}

static void a_signature_carries_its_parts(void **state)
{
    (void)state;
    read_auth("{\"type\":\"aws_sigv4\",\"accessKeyId\":\"AK\",\"secretAccessKey\":\"SK\",\"sessionToken\":\"ST\",\"region\":\"eu-1\"}");
    hub_call_t *call = applied("https://b.example/x");
    assert_non_null(call->sign);
    assert_true(hub_slice_eq_str(call->sign->access_key, "AK") && hub_slice_eq_str(call->sign->secret_key, "SK"));
    assert_true(hub_slice_eq_str(call->sign->session_token, "ST") && hub_slice_eq_str(call->sign->region, "eu-1"));
    assert_true(hub_slice_eq_str(call->sign->service, "s3"));
    assert_string_equal(header(call, "x-amz-content-sha256"), "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    hub_auth_destroy(auth); /* what the call carries is its own */
    auth = NULL;
    assert_true(hub_slice_eq_str(call->sign->secret_key, "SK"));
    read_auth("{\"type\":\"S3\",\"accessKey\":\"AK\",\"secretKey\":\"SK\",\"region\":\"eu-1\",\"service\":\"execute-api\"}");
    call = applied("https://b.example/x");
    assert_true(hub_slice_eq_str(call->sign->service, "execute-api") && call->sign->session_token.len == 0);
    assert_int_equal(call->header_count, 0);
}

/* ---- what is wrong ---- */

static void what_is_missing_is_named(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "type basic username u password p",
        "type bearer token t",
        "type api_key value k",
        "type client_credentials tokenUrl https://i.example/t clientId c clientSecret s",
        "type aws_sigv4 accessKeyId a secretAccessKey s region r",
    };
    for (size_t i = 0; i < HUB_COUNT(rows); i++) {
        hub_slice_t names[8], values[8], rest = hub_slice_str(rows[i]);
        size_t count = 0;
        while (hub_slice_split(&rest, ' ', &names[count]) && hub_slice_split(&rest, ' ', &values[count]))
            count++;
        for (size_t without = 0; without <= count; without++) { /* `count`: nothing is */
            for (int how = 0; how < 3; how++) {                 /* not there, null, empty */
                static const char *const gone[] = {"", "null", "\"\""};
                hub_buf_t json = HUB_BUF_INIT(pool);
                for (size_t k = 0; k < count; k++) {
                    if (k == without && how == 0)
                        continue;
                    hub_buf_printf(&json, "%s\"%.*s\":", json.len ? "," : "{", HUB_SLICE_FMT(names[k]));
                    if (k == without)
                        hub_buf_add_str(&json, gone[how]);
                    else
                        hub_buf_add_json(&json, values[k]);
                }
                hub_buf_add_char(&json, '}');
                read_auth(hub_pool_str(pool, hub_buf_slice(&json)));
                hub_slice_t expected = without == count
                                           ? HUB_SLICE_LIT("")
                                           : hub_pool_printf(pool, "settings.auth.%.*s is missing", HUB_SLICE_FMT(names[without]));
                if (!hub_slice_eq(hub_auth_problem(auth), expected))
                    fail_msg("%.*s: %.*s", HUB_SLICE_FMT(hub_buf_slice(&json)), HUB_SLICE_FMT(hub_auth_problem(auth)));
            }
        }
    }
}

static void what_cannot_be_is_named(void **state)
{
    (void)state;
    problem_is("{}", "settings.auth.type is missing");
    problem_is("{\"type\":{}}", "settings.auth.type is missing");
    problem_is("{\"type\":\"digest\",\"password\":\"top-secret\"}",
               "settings.auth.type is none of none, basic, bearer, api_key, "
               "client_credentials, jwt_bearer, aws_sigv4, or another spelling of them");
    problem_is("{\"type\":\"basic\",\"username\":\"a:b\",\"password\":\"p\"}",
               "settings.auth.username has a colon, which HTTP Basic cannot carry");
    problem_is("{\"type\":\"basic\",\"username\":[\"a\"],\"password\":\"p\"}", "settings.auth.username must be a string");
    problem_is("{\"type\":\"bearer\",\"token\":\"a\\r\\nX: y\"}", "settings.auth.token has a control character");
    problem_is("{\"type\":\"apikey\",\"value\":\"a\",\"header\":\"X Y\"}", "settings.auth.header is no name of a header");
    problem_is("{\"type\":\"oauth2\",\"tokenUrl\":\"login\",\"clientId\":\"c\",\"clientSecret\":\"s\"}",
               "settings.auth.tokenUrl is no URL that can be called");
    problem_is("{\"type\":\"oauth2\",\"tokenUrl\":\"https://i.example\",\"clientId\":\"c\",\"clientSecret\":\"s\",\"in\":\"cookie\"}",
               "settings.auth.in must be header or body");
    problem_is("{\"type\":\"oauth2\",\"grantType\":\"password\"}", "settings.auth.grantType is neither client_credentials nor jwt_bearer");
    problem_is("{\"type\":\"jwt_bearer\",\"clientId\":\"c\",\"subject\":\"s\",\"tokenUrl\":\"https://i.example\",\"privateKey\":\"p\"}",
               "settings.auth.privateKey is no RSA private key in PEM (PKCS #8 or PKCS #1)");
    problem_is("{\"type\":\"jwt_bearer\",\"clientId\":\"c\",\"subject\":\"s\",\"tokenUrl\":\"https://i.example\",\"privateKey\":"
               "\"-----BEGIN ENCRYPTED PRIVATE KEY-----\"}",
               "settings.auth.privateKey is encrypted");
    problem_is("{\"type\":\"s3\",\"accessKeyId\":\"a\",\"secretAccessKey\":\"s\",\"region\":\"eu central\"}",
               "settings.auth.region has a character that none has");
    problem_is("{\"type\":\"s3\",\"accessKeyId\":\"a:b\",\"secretAccessKey\":\"s\",\"region\":\"eu-1\"}",
               "settings.auth.accessKeyId has a colon");
    problem_is("[1]", "settings.auth is neither an object nor a string");
    read_salesforce("{\"type\":\"oauth2\",\"clientId\":\"c\"}");
    assert_true(hub_slice_eq_str(hub_auth_problem(auth), "salesforceConnection.auth.clientSecret is missing"));
}

/* ---- the table in the README ---- */

static const struct {
    const char *scheme, *names;
} documented[] = {
#define HUB_AUTH_SCHEME(symbol, names, grant, apply) {names, NULL},
#define HUB_AUTH_MEMBER(symbol, field, names, flags, fallback) {NULL, names},
#include "connector/auth.def"
#undef HUB_AUTH_SCHEME
#undef HUB_AUTH_MEMBER
};

static const char *first_of(const char *names)
{
    return hub_pool_str(pool, hub_slice(names, strcspn(names, "|")));
}

static void the_readme_has_a_row_for_each_scheme(void **state)
{
    (void)state;
    FILE *file = fopen(HUB_SOURCE_DIR "/README.md", "r");
    char *text = hub_pool_zalloc(pool, 1 << 20), *row = NULL;
    assert_non_null(file);
    assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
    assert_int_equal(fclose(file), 0);
    for (size_t i = 0; i < HUB_COUNT(documented); i++) {
        if (documented[i].scheme) {
            char *at = strstr(text, hub_pool_printf(pool, "\n| `%s`", first_of(documented[i].scheme)).ptr);
            if (!at)
                fail_msg("no row for %s", documented[i].scheme);
            row = hub_pool_str(pool, hub_slice(at, 1 + strcspn(at + 1, "\n")));
        } else if (!row || !strstr(row, first_of(documented[i].names))) {
            fail_msg("%s is missing in %s", documented[i].names, row);
        }
    }
}

/* ---- access tokens ---- */

static hub_call_t *asked(int64_t now)
{
    hub_call_t *call = HUB_POOL_NEW(pool, hub_call_t);
    call->pool = pool;
    assert_int_equal(hub_auth_state(auth, now), HUB_AUTH_TOKEN);
    hub_auth_token_write(auth, call, now);
    assert_int_equal(call->method, HUB_POST);
    assert_string_equal(header(call, "Content-Type"), "application/x-www-form-urlencoded");
    assert_string_equal(header(call, "Accept"), "application/json");
    return call;
}

static hub_err_t answered(int status, const char *body, hub_slice_t *why)
{
    hub_call_t *call = asked(NOW);
    call->http_status = status;
    call->answer = hub_slice_str(body);
    return hub_auth_token_read(auth, call, NOW, why);
}

#define CLIENT "\"tokenUrl\":\"https://i.example/t?x=1\",\"clientId\":\"id/ü\",\"clientSecret\":\"s e:c+r&et\""

static void client_credentials_ask_as_rfc_6749_says(void **state)
{
    (void)state;
    read_auth("{\"type\":\"oauth2\"," CLIENT ",\"scope\":\"a b\"}");
    hub_call_t *call = asked(NOW);
    assert_true(hub_slice_eq_str(call->url, "https://i.example/t?x=1"));
    assert_true(hub_slice_eq_str(call->body, "grant_type=client_credentials&scope=a%20b"));
    /* id%2F%C3%BC:s%20e%3Ac%2Br%26et */
    assert_string_equal(header(call, "Authorization"), "Basic aWQlMkYlQzMlQkM6cyUyMGUlM0FjJTJCciUyNmV0");
    read_auth("{\"type\":\"Client-Credentials\"," CLIENT ",\"in\":\"body\"}");
    call = asked(NOW);
    assert_true(hub_slice_eq_str(call->body, "grant_type=client_credentials&client_id=id%2F%C3%BC&client_secret=s%20e%3Ac%2Br%26et"));
    assert_string_equal(header(call, "Authorization"), "");
    read_auth("{\"type\":\"oauth2\",\"grant_type\":\"client_credentials\",\"token_url\":\"https://i.example/"
              "\",\"client_id\":\"c\",\"client_secret\":\"s\"}");
    assert_true(hub_slice_eq_str(asked(NOW)->body, "grant_type=client_credentials"));
}

static void a_token_is_used_until_shortly_before_its_end(void **state)
{
    (void)state;
    static const struct {
        const char *member;
        int64_t seconds;
    } rows[] = {
        {",\"expires_in\":3600", 3540},      {",\"expires_in\":\"3600\"", 3540},
        {",\"expires_in\":100", 75},         {",\"expires_in\":1", 1},
        {",\"expires_in\":120.5", 90},       {"", 840},
        {",\"expires_in\":0", 840},          {",\"expires_in\":-5", 840},
        {",\"expires_in\":\"soon\"", 840},   {",\"expires_in\":1e9", 840},
        {",\"expires_in\":null", 840},       {",\"expires_in\":99999999999999999999", 840},
        {",\"expires_in\":10000000", 86340},
    };
    for (size_t i = 0; i < HUB_COUNT(rows); i++) {
        hub_slice_t why;
        read_auth("{\"type\":\"oauth2\"," CLIENT "}");
        const char *body = hub_pool_printf(pool, "{\"access_token\":\"tok-1\",\"token_type\":\"bEARER\"%s}", rows[i].member).ptr;
        assert_int_equal(answered(200, body, &why), HUB_EOK);
        assert_int_equal(hub_auth_state(auth, NOW), HUB_AUTH_READY);
        if (hub_auth_state(auth, NOW + rows[i].seconds * SECOND - 1) != HUB_AUTH_READY ||
            hub_auth_state(auth, NOW + rows[i].seconds * SECOND) != HUB_AUTH_TOKEN)
            fail_msg("%s", rows[i].member);
        hub_call_t *call = call_of("https://tax.example/x", "{}");
        hub_auth_apply(auth, call);
        assert_string_equal(header(call, "Authorization"), "Bearer tok-1");
    }
}

static void an_echoed_header_is_known(void **state)
{
    (void)state;
    char text[256];
    read_auth("{\"type\":\"basic\",\"username\":\"user-of-the-hub\",\"password\":\"pw-1\"}");
    hub_call_t *call = call_of("https://tax.example/x", "{}");
    assert_false(hub_auth_echoed(call, HUB_SLICE_LIT("Basic dXNlci1vZi10aGUtaHViOnB3LTE=")));
    hub_auth_apply(auth, call);
    snprintf(text, sizeof text, "I was sent %s", header(call, "Authorization"));
    assert_true(hub_auth_echoed(call, hub_slice_str(text)));
    assert_true(hub_auth_echoed(call, hub_slice(text, sizeof "I was sent Basic 0123456789abcdef" - 1))); /* cut */
    assert_false(hub_auth_echoed(call, HUB_SLICE_LIT("Basic credentials are not taken")));
}

static void a_refused_token_is_forgotten_once(void **state)
{
    (void)state;
    hub_slice_t why;
    read_auth("{\"type\":\"oauth2\"," CLIENT "}");
    assert_int_equal(answered(201, "{\"access_token\":\"tok-1\"}", &why), HUB_EOK);
    assert_true(hub_auth_repeats(auth, HUB_SLICE_LIT("no right for Bearer tok-1")));
    assert_true(hub_auth_repeats(auth, HUB_SLICE_LIT("s e:c+r&et")));
    assert_true(hub_auth_repeats(auth, HUB_SLICE_LIT("client_secret=s%20e%3Ac%2Br%26et&x")));
    assert_false(hub_auth_repeats(auth, HUB_SLICE_LIT("tok")));
    assert_false(hub_auth_repeats(auth, HUB_SLICE_NONE));
    assert_true(hub_auth_refused(auth));
    assert_int_equal(hub_auth_state(auth, NOW), HUB_AUTH_TOKEN);
    assert_false(hub_auth_refused(auth));
    assert_int_equal(answered(200, "{\"access_token\":\"tok-2\"}", &why), HUB_EOK);
    assert_string_equal(header(applied("https://tax.example/"), "Authorization"), "Bearer tok-2");
}

static void refusals_are_told_without_secrets(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body;
        hub_err_t err;
        const char *why;
    } rows[] = {
        {400, "{\"error\":\"invalid_grant\",\"error_description\":\"user hasn't approved this consumer\"}", HUB_EUNAUTHORIZED,
         "the token endpoint answered 400: invalid_grant (user hasn't approved this consumer)"},
        {401, "{\"error\":\"invalid_client\"}", HUB_EUNAUTHORIZED, "the token endpoint answered 401: invalid_client"},
        {401, "{\"error\":\"invalid_client\",\"error_description\":\"not s e:c+r&et\"}", HUB_EUNAUTHORIZED,
         "the token endpoint answered 401: invalid_client"},
        {401, "<html>", HUB_EUNAUTHORIZED, "the token endpoint answered 401"},
        {403, "", HUB_EUNAUTHORIZED, "the token endpoint answered 403"},
        {404, "[1]", HUB_EUNAUTHORIZED, "the token endpoint answered 404"},
        {302, "", HUB_EUNAUTHORIZED, "the token endpoint answered 302 (redirects are not followed)"},
        {200, "{\"error\":\"invalid_scope\",\"error_description\":\"a\\nb\\u0007\\u00fc\"}", HUB_EUNAUTHORIZED,
         "the token endpoint answered 200: invalid_scope (a b\?\?\?)"},
        {400, "{\"error\":{\"code\":1},\"error_description\":[2]}", HUB_EUNAUTHORIZED, "the token endpoint answered 400"},
        {400, "{\"error\":\"temporarily_unavailable\"}", HUB_EPEER_REFUSED, "the token endpoint answered 400: temporarily_unavailable"},
        {429, "", HUB_EPEER_REFUSED, "the token endpoint answered 429"},
        {503, "{\"error\":\"x\"}", HUB_EPEER_REFUSED, "the token endpoint answered 503: x"},
        {200, "", HUB_EPEER_PROTOCOL, "the token endpoint's answer is no JSON object"},
        {200, "access_token=a&token_type=bearer", HUB_EPEER_PROTOCOL, "the token endpoint's answer is no JSON object"},
        {200, "[]", HUB_EPEER_PROTOCOL, "the token endpoint's answer is no JSON object"},
        {200, "{}", HUB_EPEER_PROTOCOL, "the token endpoint's answer has no usable access_token"},
        {200, "{\"access_token\":\"\"}", HUB_EPEER_PROTOCOL, "the token endpoint's answer has no usable access_token"},
        {200, "{\"access_token\":12}", HUB_EPEER_PROTOCOL, "the token endpoint's answer has no usable access_token"},
        {200, "{\"access_token\":\"a\\r\\nb\"}", HUB_EPEER_PROTOCOL, "the token endpoint's answer has no usable access_token"},
        {200, "{\"access_token\":\"a b\"}", HUB_EPEER_PROTOCOL, "the token endpoint's answer has no usable access_token"},
        {200, "{\"access_token\":\"a\",\"token_type\":\"mac\"}", HUB_EPEER_PROTOCOL,
         "the token endpoint's answer has a token_type that is not Bearer"},
    };
    for (size_t i = 0; i < HUB_COUNT(rows); i++) {
        hub_slice_t why = HUB_SLICE_NONE;
        read_auth("{\"type\":\"oauth2\"," CLIENT "}");
        hub_err_t err = answered(rows[i].status, rows[i].body, &why);
        if (err != rows[i].err || !hub_slice_eq_str(why, rows[i].why))
            fail_msg("%d %s: %s, %.*s", rows[i].status, rows[i].body, hub_err_info(err)->name, HUB_SLICE_FMT(why));
        assert_int_equal(hub_auth_state(auth, NOW), HUB_AUTH_TOKEN);
    }
    hub_call_t *call = asked(NOW);
    hub_slice_t why;
    call->err = HUB_EPEER_TIMEOUT;
    call->detail = HUB_SLICE_LIT("nobody answers");
    assert_int_equal(hub_auth_token_read(auth, call, NOW, &why), HUB_EPEER_TIMEOUT);
    assert_true(hub_slice_eq_str(why, "nobody answers"));
}

/* ---- JWT ---- */

static bool shell(const char *command)
{
    return system(command) == 0; /* NOLINT(cert-env33-c): fixed commands of this file */
}

static hub_slice_t load(const char *path)
{
    char *text = hub_pool_zalloc(pool, 65536);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = fread(text, 1, 65535, file);
    assert_int_equal(fclose(file), 0);
    return hub_slice(text, len);
}

static void save(const char *path, hub_slice_t bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, file), bytes.len);
    assert_int_equal(fclose(file), 0);
}

static char folder[] = "/tmp/hub-auth-XXXXXX";

static const char *path(const char *name)
{
    return hub_pool_printf(pool, "%s/%s", folder, name).ptr;
}

static hub_slice_t unbase64url(hub_slice_t text)
{
    hub_slice_t out;
    char *copy = hub_pool_zalloc(pool, text.len + 4);
    for (size_t i = 0; i < text.len; i++)
        copy[i] = (char)(text.ptr[i] == '-' ? '+' : (text.ptr[i] == '_' ? '/' : text.ptr[i]));
    size_t len = text.len;
    while (len % 4)
        copy[len++] = '=';
    assert_true(hub_base64_decode(pool, hub_slice(copy, len), &out));
    return out;
}

/* header and claims of the assertion, its signature checked with openssl. */
static void read_assertion(const hub_call_t *call, hub_slice_t *head, hub_slice_t *claims)
{
    const hub_slice_t start = HUB_SLICE_LIT("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=");
    assert_true(hub_slice_starts(call->body, start));
    hub_slice_t rest = hub_slice(call->body.ptr + start.len, call->body.len - start.len), assertion, one, two;
    assert_true(hub_slice_split(&rest, '&', &assertion));
    rest = assertion;
    assert_true(hub_slice_split(&rest, '.', &one) && hub_slice_split(&rest, '.', &two));
    save(path("data"), hub_slice(assertion.ptr, one.len + 1 + two.len));
    save(path("signature"), unbase64url(rest));
    assert_true(shell(
        hub_pool_printf(pool, "cd %s && openssl dgst -sha256 -verify public.pem -signature signature data >/dev/null 2>&1", folder).ptr));
    *head = unbase64url(one);
    *claims = unbase64url(two);
}

static void a_jwt_says_who_and_is_signed(void **state)
{
    (void)state;
    hub_slice_t head, claims;
    read_salesforce(
        hub_pool_printf(pool, "{\"type\":\"jwt_bearer\",\"clientId\":\"3MVG\\\"9\",\"username\":\"ops@acme.example\",\"privateKey\":%.*s}",
                        HUB_SLICE_FMT(rsa_key))
            .ptr);
    hub_call_t *call = asked(NOW);
    assert_true(hub_slice_eq_str(call->url, "https://acme.my.salesforce.com:8443/services/oauth2/token"));
    assert_string_equal(header(call, "Authorization"), "");
    read_assertion(call, &head, &claims);
    assert_true(hub_slice_eq_str(head, "{\"alg\":\"RS256\",\"typ\":\"JWT\"}"));
    assert_true(hub_slice_eq_str(claims,
                                 "{\"iss\":\"3MVG\\\"9\",\"sub\":\"ops@acme.example\",\"aud\":\"https://acme.my.salesforce.com:8443\","
                                 "\"iat\":1795000000,\"exp\":1795000180}"));

    read_salesforce(
        hub_pool_printf(
            pool,
            "{\"type\":\"oauth2\",\"grantType\":\"urn:ietf:params:oauth:grant-type:jwt-bearer\",\"issuer\":\"i\","
            "\"subject\":\"s\",\"keyId\":\"k\",\"scope\":\"a b\",\"tokenUrl\":\"https://login.salesforce.com/services/oauth2/token\","
            "\"privateKey\":%.*s}",
            HUB_SLICE_FMT(rsa_key))
            .ptr);
    call = asked(NOW + 5000);
    read_assertion(call, &head, &claims);
    assert_true(hub_slice_eq_str(head, "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"k\"}"));
    assert_true(hub_slice_eq_str(
        claims, "{\"iss\":\"i\",\"sub\":\"s\",\"aud\":\"https://login.salesforce.com\",\"iat\":1795000005,\"exp\":1795000185}"));
    assert_non_null(memmem(call->body.ptr, call->body.len, "&scope=a%20b", 12));

    read_auth(hub_pool_printf(pool,
                              "{\"type\":\"jwt\",\"iss\":\"i\",\"sub\":\"s\",\"tokenUrl\":\"https://i.example/t\",\"privateKey\":%.*s}",
                              HUB_SLICE_FMT(rsa_key))
                  .ptr);
    read_assertion(asked(NOW), &head, &claims);
    assert_non_null(memmem(claims.ptr, claims.len, "\"aud\":\"https://i.example/t\"", 27));
}

static void salesforce_is_called_at_its_instance(void **state)
{
    (void)state;
    static const struct {
        const char *instance, *url;
    } rows[] = {
        {"https://eu6.salesforce.com", "https://eu6.salesforce.com/services/apexrest/cdr?x=1"},
        {"https://eu6.salesforce.com/", "https://eu6.salesforce.com/services/apexrest/cdr?x=1"},
        {"https://ACME.my.salesforce.com:8443", "https://acme.my.salesforce.com:8443/services/apexrest/cdr?x=1"},
        {"file:///etc", "https://acme.my.salesforce.com:8443/services/apexrest/cdr?x=1"},
        {"", "https://acme.my.salesforce.com:8443/services/apexrest/cdr?x=1"},
    };
    for (size_t i = 0; i < HUB_COUNT(rows); i++) {
        hub_slice_t why;
        read_salesforce("{\"type\":\"oauth2\",\"clientId\":\"c\",\"clientSecret\":\"s\"}");
        const char *body =
            hub_pool_printf(pool, "{\"access_token\":\"00D!AQ\",\"instance_url\":\"%s\",\"token_type\":\"Bearer\"}", rows[i].instance).ptr;
        assert_int_equal(answered(200, body, &why), HUB_EOK);
        hub_call_t *call = applied("https://acme.my.salesforce.com:8443/services/apexrest/cdr?x=1");
        assert_true(hub_slice_eq_str(call->url, rows[i].url));
        assert_string_equal(header(call, "Authorization"), "Bearer 00D!AQ");
        assert_true(hub_slice_eq_str(applied("https://other.example/x")->url, "https://other.example/x"));
    }
}

/* ---- UtilityCloud ---- */

static hub_connector_t *utility_of(const char *secret, const char *config)
{
    static const char *const names[] = {"tenant", "clientId", "clientSecret", "scope"};
    const char *values[] = {"Städt/1", "hub", secret, "billing"};
    hub_connector_t *c = HUB_POOL_NEW(pool, hub_connector_t);
    hub_connector_member_t *members = hub_pool_zalloc(pool, 5 * sizeof *members);
    for (size_t i = 0; i < HUB_COUNT(names); i++)
        members[i] = (hub_connector_member_t){
            .name = names[i], .json = hub_setting_json(pool, hub_slice_str(values[i])), .text = hub_slice_str(values[i])};
    members[4] = (hub_connector_member_t){.name = "meteredValuesAreSent"};
    *c = (hub_connector_t){.type = HUB_TYPE_UTILITY_CLOUD, .members = members, .member_count = 5, .config_data = hub_slice_str(config)};
    return c;
}

static void utility_tokens_come_from_the_tenant(void **state)
{
    (void)state;
    static const struct {
        const char *config, *base, *url;
    } rows[] = {
        {NULL, "https://utility.example/api", "https://utility.example/api/St%C3%A4dt%2F1/oauth2/token"},
        {"{\"baseUrl\":\"https://own.example//\"}", "https://utility.example", "https://own.example/St%C3%A4dt%2F1/oauth2/token"},
        {"{\"tokenUrl\":\"https://login.example/t\"}", "https://utility.example", "https://login.example/t"},
        {"{\"tokenUrl\":\"https://login.example/t\"}", NULL, "https://login.example/t"},
    };
    for (size_t i = 0; i < HUB_COUNT(rows); i++) {
        open_auth(utility_of("geheim", rows[i].config), HUB_AUTH_UTILITY, rows[i].base);
        hub_call_t *call = asked(NOW);
        assert_true(hub_slice_eq_str(call->url, rows[i].url));
        assert_true(hub_slice_eq_str(call->body, "grant_type=client_credentials&scope=billing"));
        assert_string_equal(header(call, "Authorization"), "Basic aHViOmdlaGVpbQ==");
    }
    open_auth(utility_of("geheim", NULL), HUB_AUTH_UTILITY, NULL);
    assert_int_equal(hub_auth_state(auth, NOW), HUB_AUTH_WRONG);
    assert_true(hub_slice_starts(hub_auth_problem(auth), HUB_SLICE_LIT("configData.baseUrl is missing")));
    open_auth(utility_of(NULL, NULL), HUB_AUTH_UTILITY, "https://utility.example");
    assert_true(hub_slice_eq_str(hub_auth_problem(auth), "utilityCloudConnection.clientSecret is missing"));
}

/* ---- what goes to UtilityCloud and Salesforce ---- */

#define EVENT                                                                                                                              \
    "{\"seq\":12,\"type\":\"cdr.created\",\"module\":\"cdrs\",\"direction\":\"received\",\"integrationId\":3,\"countryCode\":\"SE\","      \
    "\"partyId\":\"OHM\",\"id\":\"C-1\",\"time\":\"2026-11-21T23:59:59Z\",\"object\":{\"id\":\"not this one\"}}"
#define CDR                                                                                                                                \
    "{\"country_code\":\"SE\",\"party_id\":\"OHM\",\"id\":\"C-1\",\"start_date_time\":\"2026-11-21T22:00:00Z\",\"end_date_time\":"         \
    "\"2026-11-21T23:00:00Z\",\"currency\":\"SEK\",\"total_cost\":{\"excl_vat\":81.650,\"incl_vat\":102.06},\"total_energy\":18.250,"      \
    "\"charging_periods\":[{\"start_date_time\":\"2026-11-21T22:00:00Z\",\"dimensions\":[{\"type\":\"ENERGY\",\"volume\":10.50},"          \
    "{\"type\":\"TIME\",\"volume\":0.5}],\"tariff_id\":\"T1\"},{\"start_date_time\":\"2026-11-21T22:30:00Z\",\"dimensions\":["             \
    "{\"type\":\"ENERGY\",\"volume\":7.750},{\"type\":\"MAX_POWER\",\"volume\":11}]}]}"

static hub_delivery_t *delivery_of(const hub_connector_t *c, const char *object)
{
    hub_delivery_t *d = HUB_POOL_NEW(pool, hub_delivery_t);
    d->call.pool = pool;
    d->connector = c;
    d->kind = hub_connector_kind_of(c);
    (void)snprintf(d->id, sizeof d->id, "msg_7_12");
    d->seq = 12;
    d->type = HUB_SLICE_LIT("cdr.created");
    d->event = HUB_SLICE_LIT(EVENT);
    d->object = hub_slice_str(object);
    d->utility_cloud_url = HUB_SLICE_LIT("https://utility.example/");
    return d;
}

static yyjson_val *body_of(const hub_delivery_t *d)
{
    yyjson_doc *doc;
    if (ocpi_read(pool, d->call.body, &doc, NULL) != HUB_EOK)
        fail_msg("%.*s", HUB_SLICE_FMT(d->call.body));
    return yyjson_doc_get_root(doc);
}

static const char *text_at(yyjson_val *root, const char *pointer)
{
    yyjson_val *value = yyjson_ptr_get(root, pointer);
    return !value ? "-" : (yyjson_is_null(value) ? "null" : hub_pool_str(pool, ocpi_str(value)));
}

static void an_invoice_line_is_a_cdr_in_flat(void **state)
{
    (void)state;
    hub_delivery_t *d = delivery_of(utility_of("s", NULL), CDR);
    assert_true(d->kind->write(d));
    assert_true(hub_slice_eq_str(d->call.url, "https://utility.example/St%C3%A4dt%2F1/invoice-lines"));
    assert_int_equal(d->call.method, HUB_POST);
    assert_string_equal(header(&d->call, "Idempotency-Key"), "msg_7_12");
    assert_string_equal(header(&d->call, "Content-Type"), "application/json");
    yyjson_val *body = body_of(d);
    static const char *const rows[][2] = {
        {"/deliveryId", "msg_7_12"},
        {"/tenant", "Städt/1"},
        {"/seq", "12"},
        {"/direction", "received"},
        {"/id", "C-1"},
        {"/currency", "SEK"},
        {"/totalExclVat", "81.650"},
        {"/totalInclVat", "102.06"},
        {"/energyKwh", "18.250"},
        {"/evseId", "null"},
        {"/meterValues", "-"},
    };
    for (size_t i = 0; i < HUB_COUNT(rows); i++)
        assert_string_equal(text_at(body, rows[i][0]), rows[i][1]);
    hub_delivery_t *again = delivery_of(utility_of("s", NULL), CDR);
    assert_true(again->kind->write(again) && hub_slice_eq(again->call.body, d->call.body));
}

static void meter_values_are_its_periods(void **state)
{
    (void)state;
    hub_connector_t *c = utility_of("s", "{\"baseUrl\":\"https://own.example\"}");
    ((hub_connector_member_t *)(uintptr_t)c->members)[4].json = HUB_SLICE_LIT("true");
    hub_delivery_t *d = delivery_of(c, CDR);
    assert_true(d->kind->write(d));
    assert_true(hub_slice_eq_str(d->call.url, "https://own.example/St%C3%A4dt%2F1/meter-values"));
    yyjson_val *body = body_of(d);
    static const char *const rows[][2] = {
        {"/id", "C-1"},
        {"/energyKwh", "18.250"},
        {"/totalExclVat", "-"},
        {"/currency", "-"},
        {"/meterValues/0/start", "2026-11-21T22:00:00Z"},
        {"/meterValues/0/end", "2026-11-21T22:30:00Z"},
        {"/meterValues/0/energyKwh", "10.50"},
        {"/meterValues/0/timeHours", "0.5"},
        {"/meterValues/0/tariffId", "T1"},
        {"/meterValues/1/end", "2026-11-21T23:00:00Z"},
        {"/meterValues/1/energyKwh", "7.750"},
        {"/meterValues/1/maxPowerKw", "11"},
        {"/meterValues/1/timeHours", "null"},
        {"/meterValues/1/tariffId", "null"},
        {"/meterValues/2", "-"},
    };
    for (size_t i = 0; i < HUB_COUNT(rows); i++)
        assert_string_equal(text_at(body, rows[i][0]), rows[i][1]);
    d = delivery_of(c, "{\"charging_periods\":[{\"dimensions\":[{\"type\":\"ENERGY\",\"volume\":\"1,\\\"x\\\":2\"}]},7]}");
    assert_true(d->kind->write(d)); /* what a partner gave may be odd; it is JSON all the same */
    assert_string_equal(text_at(body_of(d), "/meterValues/0/energyKwh"), "null");
}

static void an_answer_tells_its_reference(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"{\"id\":4711}", "4711"}, {"{\"reference\":\"L-1\",\"id\":2}", "L-1"}, {"[]", ""}, {"", ""}, {"nonsense", ""}};
    for (size_t i = 0; i < HUB_COUNT(rows); i++) {
        hub_delivery_t *d = delivery_of(utility_of("s", NULL), CDR);
        d->call.answer = hub_slice_str(rows[i][0]);
        assert_int_equal(d->kind->read(d, HUB_OUTCOME_ACCEPTED), HUB_OUTCOME_ACCEPTED);
        assert_true(hub_slice_eq_str(d->reference, rows[i][1]) || (!d->reference.len && !*rows[i][1]));
        assert_int_equal(d->kind->read(d, HUB_OUTCOME_REFUSED), HUB_OUTCOME_REFUSED);
    }
}

static void salesforce_gets_event_and_object(void **state)
{
    (void)state;
    hub_delivery_t *d =
        delivery_of(connector_of(HUB_TYPE_SALESFORCE, "https://acme.my.salesforce.com/services/apexrest/cdr", NULL, NULL), CDR);
    assert_true(d->kind->write(d));
    assert_true(hub_slice_eq_str(d->call.url, "https://acme.my.salesforce.com/services/apexrest/cdr"));
    assert_string_equal(header(&d->call, "Idempotency-Key"), "msg_7_12");
    yyjson_val *body = body_of(d);
    static const char *const rows[][2] = {
        {"/id", "msg_7_12"},
        {"/type", "cdr.created"},
        {"/event/seq", "12"},
        {"/event/id", "C-1"},
        {"/event/object", "-"},
        {"/object/id", "C-1"},
        {"/object/total_energy", "18.250"},
        {"/object/total_cost/excl_vat", "81.650"},
    };
    for (size_t i = 0; i < HUB_COUNT(rows); i++)
        assert_string_equal(text_at(body, rows[i][0]), rows[i][1]);
}

static void what_is_gone_is_not_sent(void **state)
{
    (void)state;
    const hub_connector_t *c[] = {utility_of("s", NULL), connector_of(HUB_TYPE_SALESFORCE, "https://x.example", NULL, NULL)};
    for (size_t i = 0; i < HUB_COUNT(c); i++) {
        hub_delivery_t *d = delivery_of(c[i], NULL);
        assert_false(d->kind->write(d));
        assert_true(d->problem.len > 0 && d->unsayable);
    }
    hub_delivery_t *d = delivery_of(c[0], CDR);
    d->utility_cloud_url = HUB_SLICE_NONE;
    assert_false(d->kind->write(d));
    assert_false(d->unsayable);
    assert_true(hub_slice_starts(d->problem, HUB_SLICE_LIT("configData.baseUrl is missing")));
}

static int open_all(void **state)
{
    (void)state;
    pool = hub_pool_create();
    if (!mkdtemp(folder) ||
        !shell(hub_pool_printf(pool,
                               "cd %s && openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem >/dev/null 2>&1 && "
                               "openssl pkey -in key.pem -pubout -out public.pem",
                               folder)
                   .ptr))
        return -1;
    rsa_key = hub_setting_json(pool, load(path("key.pem")));
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    bool gone = shell(hub_pool_printf(pool, "rm -f %s/* && rmdir %s", folder, folder).ptr);
    hub_auth_destroy(auth);
    hub_pool_destroy(pool);
    return gone ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_added_where_nothing_is_said),
        cmocka_unit_test(headers_are_as_their_scheme_says),
        cmocka_unit_test(credentials_hold_where_there_is_no_auth),
        cmocka_unit_test(a_signature_carries_its_parts),
        cmocka_unit_test(what_is_missing_is_named),
        cmocka_unit_test(what_cannot_be_is_named),
        cmocka_unit_test(the_readme_has_a_row_for_each_scheme),
        cmocka_unit_test(client_credentials_ask_as_rfc_6749_says),
        cmocka_unit_test(a_token_is_used_until_shortly_before_its_end),
        cmocka_unit_test(an_echoed_header_is_known),
        cmocka_unit_test(a_refused_token_is_forgotten_once),
        cmocka_unit_test(refusals_are_told_without_secrets),
        cmocka_unit_test(a_jwt_says_who_and_is_signed),
        cmocka_unit_test(salesforce_is_called_at_its_instance),
        cmocka_unit_test(utility_tokens_come_from_the_tenant),
        cmocka_unit_test(an_invoice_line_is_a_cdr_in_flat),
        cmocka_unit_test(meter_values_are_its_periods),
        cmocka_unit_test(an_answer_tells_its_reference),
        cmocka_unit_test(salesforce_gets_event_and_object),
        cmocka_unit_test(what_is_gone_is_not_sent),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
