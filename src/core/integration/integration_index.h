/* Which integrations there are, and of which type and status: a bit each, so that a list knows its total and starts anywhere without
 * reading what it does not show. Table REFERENCE 'N': u32 tenant, u8 set, u32 id / 1024 -> 128 bytes. */
#ifndef CORE_INTEGRATION_INDEX_H
#define CORE_INTEGRATION_INDEX_H

#include "connector_setting.h"
#include "integration.h"

/* apply only. `enabled` as the settings have it. */
hub_err_t hub_integration_index_add(hub_view_t *view, uint32_t tenant, uint32_t id, hub_integration_type_t type, bool enabled);
hub_err_t hub_integration_index_drop(hub_view_t *view, uint32_t tenant, uint32_t id, hub_integration_type_t type);
hub_err_t hub_integration_index_enabled(hub_view_t *view, uint32_t tenant, uint32_t id, bool enabled);
/* … the registration's status moves. */
hub_err_t hub_integration_index_status(hub_view_t *view, uint32_t tenant, uint32_t id, hub_integration_status_t before,
                                       hub_integration_status_t now);

typedef struct hub_integration_pick {
    uint32_t tenant;
    int type, status; /* -1: any; status as shown */
    uint32_t only;    /* 0, or the only id that may be taken */
    uint32_t after;   /* ids from there on, it not included … */
    uint64_t offset;  /* … and of these so many left out */
    uint32_t limit;
    /* out, in the order of ids */
    uint32_t *ids; /* room for `limit` */
    uint32_t count;
    uint64_t total; /* wherever the page starts */
    bool more;
} hub_integration_pick_t;
hub_err_t hub_integration_pick(hub_view_t *view, hub_integration_pick_t *pick);

/* At the start: of a store that has no such index, or one of other types, it is made. */
hub_err_t hub_integration_index_open(hub_core_t *core);

#endif
