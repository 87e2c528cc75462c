/* Tenants ("platforms"): whose data it is. Everything that is stored hangs below a tenant's number; x-platform-id gives its name.
 * One comes into being with the first API key that names it (key.c) and is never forgotten. "default" is always there.
 * Table TENANT: 'n' name -> number; 'i' number -> name. Any thread with a view. */
#ifndef CORE_TENANT_H
#define CORE_TENANT_H

#include "core.h"

#define HUB_TENANT_ALL 0u /* of a credential: it may act for every tenant. Never that of a request */
#define HUB_TENANT_NAME_MAX 64

bool hub_tenant_name_ok(hub_slice_t name); /* 1-64 letters, digits, '.', '_', '-' */
/* HUB_ENOT_FOUND. */
hub_err_t hub_tenant_find(hub_view_t *view, hub_slice_t name, uint32_t *tenant);
hub_err_t hub_tenant_ensure(hub_view_t *view, hub_slice_t name, uint32_t *tenant); /* apply only: makes it when there is none */
/* "*" for HUB_TENANT_ALL; in the pool. HUB_ENOT_FOUND. */
hub_err_t hub_tenant_name(hub_view_t *view, hub_pool_t *pool, uint32_t tenant, hub_slice_t *name);
uint32_t hub_tenant_last(hub_view_t *view); /* the highest number; they are given one after the other from HUB_TENANT_DEFAULT */

#endif
