/* Objects: locations and tariffs (sessions, CDRs, tokens later: rows), own and received, over /v1 and /ocpi. */
#ifndef CORE_OBJECTS_H
#define CORE_OBJECTS_H

#include "integration.h"

enum { /* hub_object_t.flags */
    HUB_OBJECT_STALE = 1,     /* received: no longer in a full pull */
    HUB_OBJECT_WARNINGS = 2,  /* received: accepted with warnings; table PROJECTION holds the normalised form */
    HUB_OBJECT_UNPUBLISHED = 4, /* own location: publish false */
    HUB_OBJECT_REMOVED = 8,   /* own location deleted: every EVSE REMOVED */
    HUB_OBJECT_PULLED = 16,   /* received by pull (else by push) */
};

typedef enum hub_outcome { HUB_CREATED, HUB_UPDATED, HUB_UNCHANGED, HUB_STALE_IGNORED } hub_outcome_t;

/* One object (or level of a Location) to be stored, from whichever door. */
typedef struct hub_incoming {
    uint32_t tenant;
    const hub_integration_t *from; /* received from; NULL: own */
    ocpi_module_t module;
    ocpi_version_t version;
    hub_slice_t country, party, id, evse_uid, connector_id; /* from the URL (push, /v1) or the object (pull, bulk) */
    hub_slice_t text;              /* the body as it came */
    bool patch, pulled, keep_status;
    int64_t now;
    /* out */
    hub_outcome_t outcome;
    ocpi_problems_t problems;
    hub_slice_t stored;            /* what is stored now (own: canonical), in the pool */
    hub_object_t head;
} hub_incoming_t;

/* apply only (any pool whose owner waits): validates, merges, stores, keeps indexes, sharing and quarantine up to date. HUB_EINVALID with problems;
 * HUB_ENOT_FOUND / HUB_EUNKNOWN_LOCATION (decision C). A refused received object is put in quarantine. */
hub_err_t hub_objects_store(hub_core_t *core, hub_view_t *view, hub_pool_t *pool, hub_incoming_t *in);
/* apply only: DELETE of a received or own object. */
hub_err_t hub_objects_remove(hub_core_t *core, hub_view_t *view, hub_pool_t *pool, const hub_incoming_t *what);
/* apply only: after a complete full pull that began at `since`: marks what was not seen since as stale. At most 20 % (decisions: Pull), else nothing
 * is marked and *refused is true. */
hub_err_t hub_objects_mark_stale(hub_core_t *core, hub_view_t *view, const hub_integration_t *from, ocpi_module_t module, int64_t since, uint32_t *marked,
                                 bool *refused);

/* What a partner sees of one of our objects now, as it goes on the wire in `version`: bindings applied, withdrawn ones with EVSEs REMOVED. `evse_uid` and
 * `connector_id` pick a level. HUB_ENOT_FOUND when this partner may not see it. *last_updated: as this partner sees it. */
hub_err_t hub_objects_view(hub_view_t *view, hub_pool_t *pool, const hub_integration_t *to, ocpi_module_t module, hub_slice_t object_key,
                           ocpi_version_t version, hub_slice_t *bytes, hub_object_t *head, int64_t *last_updated);

/* apply only: quarantine, by JSON pointer and rule. */
hub_err_t hub_quarantine_put(hub_view_t *view, hub_pool_t *pool, const hub_integration_t *integration, ocpi_module_t module, const char *direction,
                             hub_slice_t country, hub_slice_t party, hub_slice_t id, hub_slice_t text, const ocpi_problems_t *problems);
hub_err_t hub_quarantine_clear(hub_view_t *view, const hub_integration_t *integration, ocpi_module_t module, const char *direction, hub_slice_t country,
                               hub_slice_t party, hub_slice_t id); /* the object has got through meanwhile */

#endif
