/* Objects: locations, tariffs, sessions, CDRs and tokens (rows of module.def), own and received, over /v1 and /ocpi. */
#ifndef CORE_OBJECTS_H
#define CORE_OBJECTS_H

#include "integration/integration.h"

enum {                             /* hub_object_t.flags */
       HUB_OBJECT_STALE = 1,       /* received: no longer in a full pull */
       HUB_OBJECT_WARNINGS = 2,    /* received: accepted with warnings; its form in the version it came in is the normalised one */
       HUB_OBJECT_UNPUBLISHED = 4, /* own location: publish false */
       HUB_OBJECT_REMOVED = 8,     /* own location deleted: every EVSE REMOVED */
       HUB_OBJECT_PULLED = 16,     /* received by pull (else by push) */
       HUB_OBJECT_LOSES = 256,     /* … << form: table LOSS says what this form of an own object loses */
};

typedef enum hub_stored { HUB_CREATED, HUB_UPDATED, HUB_UNCHANGED, HUB_STALE_IGNORED } hub_stored_t;

/* One object (or level of a Location) to be stored, from whichever door. */
typedef struct hub_incoming {
    uint32_t tenant;
    const hub_integration_t *from; /* received from; NULL: own */
    ocpi_module_t module;
    ocpi_version_t version;
    hub_slice_t country, party, id, evse_uid, connector_id; /* from the URL (push, /v1) or the object (pull, bulk) */
    hub_slice_t type;                                       /* Tokens: ?type=, or the object's */
    hub_slice_t text;                                       /* the body as it came */
    bool patch, pulled, keep_status;
    int64_t now;
    /* Filled by hub_objects_prepare; zero before. */
    yyjson_val *root; /* the body parsed; may be given by the caller when it has it already */
    bool prepared;
    hub_err_t refused;  /* what prepare found */
    hub_slice_t normal; /* a whole object normalised */
    yyjson_val *normal_root;
    bool normal_changed;
    uint32_t prepared_problems;
    /* out */
    hub_stored_t outcome;
    ocpi_problems_t problems;
    hub_slice_t stored; /* what is stored now (own: canonical), in the pool */
    hub_object_t head;
} hub_incoming_t;

/* Parses, checks and normalises what needs no stored state: on a worker when it has the time, so that the store thread has less to do; else
 * hub_objects_store does it. Idempotent. */
void hub_objects_prepare(hub_pool_t *pool, hub_incoming_t *in);
/* apply only (any pool whose owner waits): validates, merges, stores, keeps indexes, sharing and quarantine up to date. HUB_EINVALID with
 * problems; HUB_ENOT_FOUND / HUB_EUNKNOWN_LOCATION (decision C). A refused received object is put in quarantine: so apply must return
 * HUB_EOK for an error that hub_objects_refused names (nothing else was written; keep it for the answer), and every other error as it is
 * (the operation is undone). */
hub_err_t hub_objects_store(hub_core_t *core, hub_view_t *view, hub_pool_t *pool, hub_incoming_t *in);
bool hub_objects_refused(hub_err_t err);
/* The first error in one sentence: pointer, rule, message. For status_message. */
hub_slice_t hub_objects_explain(hub_pool_t *pool, const ocpi_problems_t *problems);
/* One level of a stored object's bytes: all of it when evse_uid is none. HUB_ENOT_FOUND. */
hub_err_t hub_objects_level(hub_pool_t *pool, hub_slice_t bytes, hub_slice_t evse_uid, hub_slice_t connector_id, hub_slice_t *out);
/* apply only: DELETE of a received or own object or level of one (what->text is not used). Received: any that is stored. Own Location:
 * every EVSE REMOVED; own Tariff: HUB_ECONFLICT while a connector names it. Refusals as with hub_objects_store. */
hub_err_t hub_objects_remove(hub_core_t *core, hub_view_t *view, hub_pool_t *pool, hub_incoming_t *what);
/* apply only: forgets own locations that were deleted more than 90 days before `now`, at most `limit` of them; *count says how many. */
hub_err_t hub_objects_expire(hub_core_t *core, hub_view_t *view, hub_pool_t *pool, int64_t now, unsigned limit, unsigned *count);
/* apply only: after a complete full pull that began at `since`: marks what was not seen since as stale. At most 20 % (decisions: Pull),
 * else nothing is marked and *refused is true. */
hub_err_t hub_objects_mark_stale(hub_view_t *view, const hub_integration_t *from, ocpi_module_t module, int64_t since, uint32_t *marked,
                                 bool *refused);

/* What a partner sees of one of our objects now, as it goes on the wire in `version`: bindings applied, withdrawn ones with EVSEs REMOVED.
 * `evse_uid` and `connector_id` pick a level. HUB_ENOT_FOUND when this partner may not see it. *last_updated: as this partner sees it. */
hub_err_t hub_objects_view(hub_view_t *view, hub_pool_t *pool, const hub_integration_t *to, ocpi_module_t module, hub_slice_t object_key,
                           ocpi_version_t version, hub_slice_t *bytes, hub_object_t *head, int64_t *last_updated);

/* The same with a sharing found otherwise (push: what has left a partner's sight). HUB_ENOT_FOUND: it cannot be said in `version`. */
struct hub_sharing;
hub_err_t hub_objects_render(hub_view_t *view, hub_pool_t *pool, hub_slice_t object_key, const hub_object_t *head,
                             const struct hub_sharing *sharing, ocpi_version_t version, hub_slice_t *bytes);

/* apply only: quarantine, by JSON pointer and rule. `direction`: */
#define HUB_QUARANTINE_RECEIVED "received" /* a partner gave it to us */
#define HUB_QUARANTINE_SENT "sent"         /* a partner refused it */
/* One record an object (what->tenant and scope are not used; a token without a type is taken for HUB_TOKEN_TYPE) and direction. */
hub_err_t hub_quarantine_put(hub_core_t *core, hub_view_t *view, hub_pool_t *pool, const hub_integration_t *integration,
                             const hub_object_id_t *what, const char *direction, hub_slice_t text, const ocpi_problems_t *problems);
hub_err_t hub_quarantine_clear(hub_view_t *view, const hub_integration_t *integration, const hub_object_id_t *what,
                               const char *direction); /* the object has got through meanwhile */

#endif
