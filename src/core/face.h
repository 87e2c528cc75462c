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

/* access/authenticate.c: finds the credential of a /v1 request; fills tenant, permissions, actor and the RateLimit headers.
 * HUB_EUNAUTHORIZED, HUB_ENOT_FOUND (no such tenant for this credential), HUB_ERATE, HUB_EMALFORMED (two credentials). */
hub_err_t hub_key_authenticate(hub_exchange_t *x);
/* One use of the credential `id`, with the limits that it was made with: the last of these. HUB_ERATE. */
hub_err_t hub_key_count(hub_exchange_t *x, uint32_t id, hub_slice_t rate_limit);
/* For answers that stay open: the credential's hash, and later whether it is neither revoked nor expired. */
void hub_key_hash(const hub_exchange_t *x, unsigned char hash[HUB_SHA256_LEN]);
bool hub_key_stands(const hub_core_t *core, hub_view_t *view, const unsigned char hash[HUB_SHA256_LEN]);
/* access/key.c: a key for every tenant, in an operation of its own. `key` gets the secret. */
hub_err_t hub_key_make(hub_core_t *core, hub_slice_t name, uint32_t permissions, char key[HUB_TOKEN_LEN + 1]);
hub_err_t hub_key_bootstrap(hub_core_t *core, char *made_key); /* admin_key from the configuration, or made when the store has none */

/* openapi/document.c: what /openapi.json keeps; lies in the pool, which is the core's. */
struct hub_openapi *hub_openapi_create(hub_pool_t *pool);

#endif
