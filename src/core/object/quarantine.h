/* Quarantine: objects of a partner that we refused (received) and objects of ours that a partner refused (sent), newest 10,000 an
 * integration. The functions that fill it stand in objects.h (hub_quarantine_put, hub_quarantine_clear). */
#ifndef CORE_QUARANTINE_H
#define CORE_QUARANTINE_H

#include "integration/integration.h"

#define HUB_QUARANTINE_LIMIT 10000u
#define HUB_QUARANTINE_TEXT (256u << 10) /* longer texts are not kept, only what was wrong with them */
uint64_t hub_quarantine_count(hub_view_t *view, uint32_t integration);

/* A delivery of a connector that is not tried any more by itself (connector/run.h). */
typedef struct hub_parked {
    uint8_t source, verb, kind; /* of hub_shipment_t */
    uint64_t seq, parts;
    hub_slice_t key, evse_uid;
    hub_slice_t module, country, party, id; /* for people */
    hub_slice_t text, problem;              /* the event; what became of it */
} hub_parked_t;
/* apply only. One record a (source, key, evse_uid). */
hub_err_t hub_quarantine_park(hub_core_t *core, hub_view_t *view, hub_pool_t *pool, const hub_integration_t *integration,
                              const hub_parked_t *parked);
/* The same as text, but for what is for people. False: it is none. Slices in the pool. */
hub_slice_t hub_parked_write(hub_pool_t *pool, const hub_parked_t *parked);
bool hub_parked_read(hub_pool_t *pool, hub_slice_t text, hub_parked_t *out);
void hub_parked_key(hub_key_t *key, uint32_t integration, uint8_t source, hub_slice_t what, hub_slice_t evse_uid); /* of REFERENCE */
/* apply only: it, or a newer state of it, was delivered. */
hub_err_t hub_quarantine_unpark(hub_view_t *view, const hub_integration_t *integration, uint8_t source, hub_slice_t key,
                                hub_slice_t evse_uid);
/* apply only: all records of an integration that is deleted. */
hub_err_t hub_quarantine_forget(hub_view_t *view, uint32_t tenant, uint32_t integration);

#endif
