/* The handlers of /ocpi, one per ocpi_action_t; the exchange is authenticated, routed and checked (token, version, module, role, headers).
 */
#ifndef CORE_FACE_H
#define CORE_FACE_H

#include "core.h"

void hub_ocpi_versions(hub_exchange_t *x);    /* versions.c */
void hub_ocpi_details(hub_exchange_t *x);     /* versions.c */
void hub_ocpi_credentials(hub_exchange_t *x); /* credentials.c: GET POST PUT DELETE */
void hub_ocpi_list(hub_exchange_t *x);        /* objects_ocpi.c: sender GET base */
void hub_ocpi_object(hub_exchange_t *x);
void hub_ocpi_preferences(hub_exchange_t *x); /* preference.c: sender PUT base/{id}/charging_preferences */
void hub_ocpi_create(hub_exchange_t *x);      /* objects_ocpi.c: receiver POST base */

/* key.c: finds the API key of a /v1 request, fills tenant, permissions, actor. HUB_EUNAUTHORIZED. */
hub_err_t hub_key_authenticate(hub_exchange_t *x);
/* For answers that stay open: the credential's hash, and later whether it is neither revoked nor expired. */
void hub_key_hash(const hub_exchange_t *x, unsigned char hash[HUB_SHA256_LEN]);
bool hub_key_stands(const hub_core_t *core, hub_view_t *view, const unsigned char hash[HUB_SHA256_LEN]);
/* For the CLI and bootstrap: makes a key in an op of its own. `key` gets the secret. */
hub_err_t hub_key_make(hub_core_t *core, hub_slice_t name, uint32_t tenant, uint32_t permissions, char key[HUB_TOKEN_LEN + 1]);
hub_err_t hub_key_bootstrap(hub_core_t *core, char *made_key); /* admin_key from the configuration, or made when the store has none */

/* For the CLI: HUB_ENOT_FOUND. */
hub_err_t hub_key_revoke(hub_core_t *core, uint32_t tenant, uint32_t id);
/* A JSON array of the tenant's keys without secrets: `limit` of them from `offset`; *total: how many there are. */
hub_err_t hub_key_list(hub_view_t *view, hub_pool_t *pool, uint32_t tenant, uint64_t offset, uint64_t limit, hub_buf_t *out,
                       uint64_t *total);

#endif
