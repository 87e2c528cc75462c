/* OAuth2 client credentials: tokens (RFC 6749), their revocation (RFC 7009), metadata (RFC 8414). A token is a random string that stands
 * for its record; only its hash is kept. */
#include <string.h>

#include "audit/audit.h"
#include "credential.h"
#include "face.h"
#include "oauth_form.h"
#include "reply.h"
#include "v1.h"

/* ---- answers ---- */

static void add_no_store(hub_exchange_t *x)
{
    hub_reply_add_header(x, "cache-control", HUB_SLICE_LIT("no-store"));
    hub_reply_add_header(x, "pragma", HUB_SLICE_LIT("no-cache"));
}

static void refuse(hub_exchange_t *x, hub_oauth_error_t error)
{
    bool client = strcmp(error.code, "invalid_client") == 0;
    x->state->problem = hub_slice_str(error.description);
    add_no_store(x);
    if (client) {
        hub_reply_add_header(x, "www-authenticate", HUB_SLICE_LIT("Basic realm=\"ocpi-hub\", charset=\"UTF-8\""));
        hub_audit_denied(x, HUB_EUNAUTHORIZED);
    }
    hub_reply_json(x, client ? 401 : 400,
                   hub_pool_printf(x->pool, "{\"error\":\"%s\",\"error_description\":\"%s\"}", error.code, error.description));
}

/* ---- who asks ---- */

typedef struct asking {
    hub_oauth_form_t form;
    hub_credential_t client;
    hub_access_token_t token;
    char text[HUB_TOKEN_LEN + 1];
    bool foreign;
} asking_t;

/* NULL: answered. */
static asking_t *authenticate(hub_exchange_t *x)
{
    asking_t *a = HUB_POOL_NEW(x->pool, asking_t);
    hub_setting_values_t values;
    hub_view_t *view = hub_exchange_view(x);
    if (!view)
        return NULL;
    hub_oauth_error_t error =
        hub_oauth_read(x->pool, x->header[HUB_HEADER_CONTENT_TYPE], x->header[HUB_HEADER_AUTHORIZATION], x->body, &a->form);
    if (error.code) {
        refuse(x, error);
        return NULL;
    }
    hub_err_t err = hub_credential_client_good(view, a->form.client_id, a->form.client_secret, &a->client, &values);
    if (err == HUB_EUNAUTHORIZED) {
        refuse(x, (hub_oauth_error_t){"invalid_client", "client authentication failed"});
        return NULL;
    }
    if (!err) {
        x->state->tenant = a->client.tenant;
        x->state->key_id = a->client.id;
        x->state->actor = hub_pool_printf(x->pool, "client:%.*s", HUB_SLICE_FMT(hub_setting_text(x->pool, values.json[K_NAME])));
        err = hub_key_count(x, a->client.id, values.json[K_RATE_LIMIT]);
    }
    if (err)
        hub_reply_problem(x, err, HUB_SLICE_NONE);
    return err ? NULL : a;
}

/* ---- POST /oauth2/token ---- */

static hub_err_t apply_token(hub_view_t *view, hub_op_t *op)
{
    const asking_t *a = hub_write_of(op)->arg;
    return hub_access_token_put(view, &a->token);
}

static void issued(hub_write_t *write)
{
    hub_exchange_t *x = write->x;
    const asking_t *a = write->arg;
    if (write->op.err) {
        hub_reply_problem(x, write->op.err, HUB_SLICE_NONE);
        return;
    }
    add_no_store(x);
    hub_reply_json(x, 200,
                   hub_pool_printf(x->pool, "{\"access_token\":\"%s\",\"token_type\":\"Bearer\",\"expires_in\":%lld,\"scope\":\"%.*s\"}",
                                   a->text, (long long)((a->token.expires - hub_now_ms() + 500) / 1000),
                                   HUB_SLICE_FMT(hub_permissions_scope(x->pool, a->token.permissions))));
}

void hub_oauth_token(hub_exchange_t *x)
{
    asking_t *a = authenticate(x);
    if (!a)
        return;
    if (!a->form.grant_type.len) {
        refuse(x, (hub_oauth_error_t){"invalid_request", "grant_type is missing"});
    } else if (!hub_slice_eq_str(a->form.grant_type, "client_credentials")) {
        refuse(x, (hub_oauth_error_t){"unsupported_grant_type", "only client_credentials is served"});
    } else if (!hub_oauth_scope(a->form.scope, a->client.permissions, &a->token.permissions)) {
        refuse(x, (hub_oauth_error_t){"invalid_scope", "the scope names a permission that this client does not have"});
    } else {
        hub_core_t *core = x->worker->core;
        hub_token_make(core->crypto, a->text);
        hub_sha256(hub_slice_str(a->text), a->token.hash);
        memcpy(a->token.client_half, a->client.hash, sizeof a->token.client_half);
        a->token.client = a->client.id;
        a->token.expires = hub_now_ms() + (int64_t)core->config.token_seconds * 1000;
        if (a->client.expires && a->token.expires > a->client.expires)
            a->token.expires = a->client.expires;
        hub_exchange_write(x, apply_token, issued, a);
    }
}

/* ---- POST /oauth2/revoke ---- */

static hub_err_t apply_revoke(hub_view_t *view, hub_op_t *op)
{
    hub_write_t *write = hub_write_of(op);
    asking_t *a = write->arg;
    unsigned char hash[HUB_SHA256_LEN];
    hub_sha256(a->form.token, hash);
    hub_err_t err = hub_access_token_drop(view, hash, a->client.id, &a->foreign);
    if (!err && !a->foreign)
        write->audit.action = HUB_SLICE_LIT("revoke"); /* what anybody may ask for is in the audit log only when it is named */
    return err == HUB_ENOT_FOUND ? HUB_EOK : err;      /* RFC 7009, 2.2: a token that is none is revoked already */
}

static void revoked(hub_write_t *write)
{
    hub_exchange_t *x = write->x;
    const asking_t *a = write->arg;
    if (write->op.err) {
        hub_reply_problem(x, write->op.err, HUB_SLICE_NONE);
    } else if (a->foreign) {
        refuse(x, (hub_oauth_error_t){"invalid_grant", "this token was issued to another client"});
    } else {
        add_no_store(x);
        hub_reply_empty(x, 200);
    }
}

void hub_oauth_revoke(hub_exchange_t *x)
{
    asking_t *a = authenticate(x);
    if (a && !a->form.token.len)
        refuse(x, (hub_oauth_error_t){"invalid_request", "token is missing"});
    else if (a)
        hub_exchange_write(x, apply_revoke, revoked, a);
}

/* ---- GET /.well-known/oauth-authorization-server ---- */

void hub_oauth_metadata(hub_exchange_t *x)
{
    hub_slice_t url = x->worker->core->public_url;
    hub_buf_t out = HUB_BUF_INIT(x->pool);
    hub_buf_add_str(&out, "{\"issuer\":");
    hub_buf_add_json(&out, url);
    hub_buf_add_str(&out, ",\"token_endpoint\":");
    hub_buf_add_json(&out, hub_pool_printf(x->pool, "%.*s/oauth2/token", HUB_SLICE_FMT(url)));
    hub_buf_add_str(&out, ",\"revocation_endpoint\":");
    hub_buf_add_json(&out, hub_pool_printf(x->pool, "%.*s/oauth2/revoke", HUB_SLICE_FMT(url)));
    hub_buf_add_str(&out, ",\"scopes_supported\":");
    hub_buf_add(&out, hub_permissions_json(x->pool, HUB_PERMIT_EVERYTHING));
    hub_buf_add_str(&out, ",\"response_types_supported\":[],\"grant_types_supported\":[\"client_credentials\"],"
                          "\"token_endpoint_auth_methods_supported\":[\"client_secret_basic\",\"client_secret_post\"],"
                          "\"revocation_endpoint_auth_methods_supported\":[\"client_secret_basic\",\"client_secret_post\"]}");
    hub_reply_json(x, 200, hub_buf_slice(&out));
}
