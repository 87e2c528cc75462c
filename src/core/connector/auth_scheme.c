/* What each scheme adds to a request, and what it says to get an access token. */
#include <string.h>

#include "auth_scheme.h"

#define JWT_SECONDS 180 /* Salesforce takes no longer life; the answer comes at once */

static void add_header(hub_call_t *call, hub_slice_t name, hub_slice_t value)
{
    HUB_ASSERT(call->header_count < HUB_CALL_HEADERS);
    call->headers[call->header_count++] = (hub_header_t){name, value};
}

static void add_basic(hub_call_t *call, hub_slice_t user, hub_slice_t password)
{
    hub_slice_t both = hub_pool_printf(call->pool, "%.*s:%.*s", HUB_SLICE_FMT(user), HUB_SLICE_FMT(password));
    hub_slice_t text = hub_base64_encode(call->pool, both);
    add_header(call, HUB_SLICE_LIT("Authorization"), hub_pool_printf(call->pool, "Basic %.*s", HUB_SLICE_FMT(text)));
}

void hub_auth__basic(const hub_auth_t *auth, hub_call_t *call)
{
    add_basic(call, auth->field[HUB_AUTH_FIELD_USERNAME], auth->field[HUB_AUTH_FIELD_PASSWORD]);
}

void hub_auth__bearer(const hub_auth_t *auth, hub_call_t *call)
{
    hub_slice_t token = auth->scheme->grant ? auth->token : auth->field[HUB_AUTH_FIELD_TOKEN];
    add_header(call, HUB_SLICE_LIT("Authorization"), hub_pool_printf(call->pool, "Bearer %.*s", HUB_SLICE_FMT(token)));
}

void hub_auth__key(const hub_auth_t *auth, hub_call_t *call)
{
    add_header(call, hub_pool_copy(call->pool, auth->field[HUB_AUTH_FIELD_HEADER]),
               hub_pool_copy(call->pool, auth->field[HUB_AUTH_FIELD_TOKEN]));
}

/* S3 wants the digest of the body as a header; other services take it from the signature. */
static void add_digest(hub_call_t *call)
{
    unsigned char digest[HUB_SHA256_LEN];
    hub_buf_t text = HUB_BUF_INIT(call->pool);
    hub_sha256(call->body, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        hub_buf_printf(&text, "%02x", digest[i]);
    add_header(call, HUB_SLICE_LIT("x-amz-content-sha256"), hub_buf_slice(&text));
}

void hub_auth__sigv4(const hub_auth_t *auth, hub_call_t *call)
{
    hub_call_sign_t *sign = HUB_POOL_NEW(call->pool, hub_call_sign_t);
    *sign = (hub_call_sign_t){
        .access_key = hub_pool_copy(call->pool, auth->field[HUB_AUTH_FIELD_ACCESS_KEY]),
        .secret_key = hub_pool_copy(call->pool, auth->field[HUB_AUTH_FIELD_SECRET_KEY]),
        .session_token = hub_pool_copy(call->pool, auth->field[HUB_AUTH_FIELD_SESSION_TOKEN]),
        .region = hub_pool_copy(call->pool, auth->field[HUB_AUTH_FIELD_REGION]),
        .service = hub_pool_copy(call->pool, auth->field[HUB_AUTH_FIELD_SERVICE]),
    };
    if (hub_slice_eq_str(sign->service, "s3"))
        add_digest(call);
    call->sign = sign;
}

/* ---- access tokens ---- */

static bool in_body(hub_slice_t where)
{
    return hub_slice_caseeq_str(where, "body") || hub_slice_caseeq_str(where, "form") || hub_slice_caseeq_str(where, "client_secret_post");
}

static void add_scope(const hub_auth_t *auth, hub_buf_t *form)
{
    if (auth->field[HUB_AUTH_FIELD_SCOPE].len)
        hub_form_add(form, "scope", auth->field[HUB_AUTH_FIELD_SCOPE]);
}

/* RFC 6749, 4.4 and 2.3.1: in Basic both are form-encoded first. */
void hub_auth__client_credentials(const hub_auth_t *auth, hub_call_t *call, hub_buf_t *form, int64_t now)
{
    hub_slice_t id = auth->field[HUB_AUTH_FIELD_CLIENT_ID], secret = auth->field[HUB_AUTH_FIELD_CLIENT_SECRET];
    hub_buf_t user = HUB_BUF_INIT(call->pool), password = HUB_BUF_INIT(call->pool);
    (void)now;
    hub_form_add(form, "grant_type", HUB_SLICE_LIT("client_credentials"));
    add_scope(auth, form);
    if (in_body(auth->field[HUB_AUTH_FIELD_IN])) {
        hub_form_add(form, "client_id", id);
        hub_form_add(form, "client_secret", secret);
        return;
    }
    hub_buf_add_url(&user, id);
    hub_buf_add_url(&password, secret);
    add_basic(call, hub_buf_slice(&user), hub_buf_slice(&password));
}

static hub_slice_t header_of(const hub_auth_t *auth, hub_pool_t *pool)
{
    hub_buf_t out = HUB_BUF_INIT(pool);
    hub_buf_add_str(&out, "{\"alg\":\"RS256\",\"typ\":\"JWT\"");
    if (auth->field[HUB_AUTH_FIELD_KEY_ID].len) {
        hub_buf_add_str(&out, ",\"kid\":");
        hub_buf_add_json(&out, auth->field[HUB_AUTH_FIELD_KEY_ID]);
    }
    hub_buf_add_char(&out, '}');
    return hub_buf_slice(&out);
}

static hub_slice_t claims_of(const hub_auth_t *auth, hub_pool_t *pool, int64_t now)
{
    static const struct {
        const char *name;
        hub_auth_field_t field;
    } claims[] = {{"iss", HUB_AUTH_FIELD_CLIENT_ID}, {"sub", HUB_AUTH_FIELD_SUBJECT}, {"aud", HUB_AUTH_FIELD_AUDIENCE}};
    hub_buf_t out = HUB_BUF_INIT(pool);
    hub_buf_add_char(&out, '{');
    for (size_t i = 0; i < HUB_COUNT(claims); i++) {
        hub_buf_printf(&out, "\"%s\":", claims[i].name);
        hub_buf_add_json(&out, auth->field[claims[i].field]);
        hub_buf_add_char(&out, ',');
    }
    long long seconds = now / 1000;
    hub_buf_printf(&out, "\"iat\":%lld,\"exp\":%lld}", seconds, seconds + JWT_SECONDS);
    return hub_buf_slice(&out);
}

/* RFC 7523, 2.1 and 3. A key that does not sign after all makes no assertion, and the endpoint says so. */
void hub_auth__jwt_bearer(const hub_auth_t *auth, hub_call_t *call, hub_buf_t *form, int64_t now)
{
    const char *why;
    hub_slice_t signature, header = hub_base64url_encode(call->pool, header_of(auth, call->pool));
    hub_slice_t claims = hub_base64url_encode(call->pool, claims_of(auth, call->pool, now));
    hub_slice_t text = hub_pool_printf(call->pool, "%.*s.%.*s", HUB_SLICE_FMT(header), HUB_SLICE_FMT(claims));
    hub_form_add(form, "grant_type", HUB_SLICE_LIT("urn:ietf:params:oauth:grant-type:jwt-bearer"));
    if (hub_rs256_sign(call->pool, auth->field[HUB_AUTH_FIELD_PRIVATE_KEY], text, &signature, &why) == HUB_EOK) {
        signature = hub_base64url_encode(call->pool, signature);
        hub_form_add(form, "assertion", hub_pool_printf(call->pool, "%.*s.%.*s", HUB_SLICE_FMT(text), HUB_SLICE_FMT(signature)));
    }
    add_scope(auth, form);
}
