/* Our own parties (/v1/parties) and the directory of known ones (/v1/approved-parties). */
#ifndef CORE_PARTY_H
#define CORE_PARTY_H

#include "core.h"

typedef struct hub_party {
    uint32_t id;
    char country[3], party[4];
    uint32_t roles;               /* ocpi_role_t mask */
    hub_slice_t business_details; /* JSON, OCPI BusinessDetails (snake_case inside: website, logo …) */
    hub_slice_t bytes;            /* the stored record */
} hub_party_t;

hub_err_t hub_party_find(hub_view_t *view, hub_pool_t *pool, uint32_t tenant, hub_slice_t country, hub_slice_t party, hub_party_t *out);
hub_err_t hub_party_get(hub_view_t *view, hub_pool_t *pool, uint32_t tenant, uint32_t id, hub_party_t *out);
/* The tables of both. */
struct hub_setting_table;
extern const struct hub_setting_table hub_party_settings, hub_approved_settings;
/* All of them, in id order. */
hub_err_t hub_party_all(hub_view_t *view, hub_pool_t *pool, uint32_t tenant, hub_party_t **out, uint32_t *count);

#endif
