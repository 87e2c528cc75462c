/* Credentials of /v1: API keys, OAuth2 clients and the access tokens that these get. Table KEY:
 *   'h' first half of the secret's SHA-256          -> head and settings of a key or client
 *   'i' tenant, id                                  -> that half
 *   'c' client id                                   -> that half
 *   't' first half of an access token's SHA-256     -> hub_access_token_t
 *   'e' time, that half                             -> its expiry, for the sweep
 *   'x' client, time, that half                     -> the tokens of a client, oldest first
 *   'u' id                                          -> last use (usage.h)
 * The other half of each hash is compared in constant time, so that neither the look-up nor the comparison tells how close a guess was.
 * Nothing is cached: what another process revokes is refused at once. */
#ifndef CORE_CREDENTIAL_H
#define CORE_CREDENTIAL_H

#include "settings/setting.h"

enum { /* rows of key.def */
#define HUB_SETTING(symbol, id, group, type, flags, name, min, max, options, fallback, alias) K_##symbol,
#include "key.def"
#undef HUB_SETTING
};
extern const hub_setting_table_t hub_key_settings;

#define HUB_PERMIT_EVERYTHING 0xFFFFFFFFu
#define HUB_HASH_HALF (HUB_SHA256_LEN / 2)

typedef enum hub_credential_kind { HUB_CREDENTIAL_KEY, HUB_CREDENTIAL_CLIENT } hub_credential_kind_t;

typedef struct hub_credential { /* the head as stored */
    unsigned char hash[HUB_SHA256_LEN];
    uint32_t id, tenant, permissions, kind; /* tenant: HUB_TENANT_ALL for all */
    int64_t expires;                        /* ms; 0: never */
} hub_credential_t;

/* Slices of `values` point into the map. HUB_ENOT_FOUND. */
hub_err_t hub_credential_find(hub_view_t *view, uint32_t tenant, uint32_t id, hub_credential_t *head, hub_setting_values_t *values);
hub_err_t hub_credential_find_client(hub_view_t *view, hub_slice_t client_id, hub_credential_t *head, hub_setting_values_t *values);
/* apply only. Gives head->id. */
hub_err_t hub_credential_put(hub_view_t *view, hub_pool_t *pool, hub_credential_t *head, const hub_setting_values_t *values);
hub_err_t hub_credential_drop(hub_view_t *view, uint32_t tenant, uint32_t id); /* HUB_ENOT_FOUND */
/* In the order in which they were made; false ends it. */
hub_err_t hub_credential_each(hub_view_t *view, uint32_t tenant,
                              bool (*visit)(void *arg, const hub_credential_t *head, hub_setting_values_t *values), void *arg);
bool hub_credential_any(hub_view_t *view);

/* Whoever presents a secret with this hash: an API key, or an access token (then *head is the client's, with the token's permissions).
 * HUB_EUNAUTHORIZED: unknown, revoked or expired. */
hub_err_t hub_credential_good(hub_view_t *view, const unsigned char hash[HUB_SHA256_LEN], hub_credential_t *head,
                              hub_setting_values_t *values);
/* A client that authenticates itself. HUB_EUNAUTHORIZED. */
hub_err_t hub_credential_client_good(hub_view_t *view, hub_slice_t client_id, hub_slice_t secret, hub_credential_t *head,
                                     hub_setting_values_t *values);

/* ---- access tokens ---- */

#define HUB_ACCESS_TOKENS_MOST 256u /* alive, a client: the oldest makes room */

typedef struct hub_access_token { /* as stored */
    unsigned char hash[HUB_SHA256_LEN];
    unsigned char client_half[HUB_HASH_HALF];
    uint32_t client, permissions;
    int64_t expires; /* ms */
} hub_access_token_t;

hub_err_t hub_access_token_put(hub_view_t *view, const hub_access_token_t *token); /* apply only */
/* apply only. *foreign: it is another client's, and stays. HUB_ENOT_FOUND. */
hub_err_t hub_access_token_drop(hub_view_t *view, const unsigned char hash[HUB_SHA256_LEN], uint32_t client, bool *foreign);
/* apply only: forgets expired ones, at most `limit`. */
hub_err_t hub_access_token_expire(hub_view_t *view, int64_t now, unsigned limit, unsigned *count);

uint32_t hub_permission_parse(hub_slice_t name);                           /* 0: there is none of this name */
hub_slice_t hub_permissions_json(hub_pool_t *pool, uint32_t permissions);  /* ["A","B"] */
hub_slice_t hub_permissions_scope(hub_pool_t *pool, uint32_t permissions); /* "A B" */
extern const char hub_permission_names[];                                  /* options of a settings row */

#endif
