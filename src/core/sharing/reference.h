/* Reference: which tariffs our locations name, and what each integration sees differently. The records behind sharing.c and binding.c;
 * table REFERENCE for what all partners share, table BINDING for one integration's own. Thread: functions that write only inside
 * hub_op.apply; the others on any thread with a view. */
#ifndef CORE_REFERENCE_H
#define CORE_REFERENCE_H

#include "sharing.h"

/* ---- names: a set of tariff ids, folded, sorted, each once ---- */

typedef struct hub_names {
    hub_slice_t *list; /* in a pool */
    uint32_t count;
} hub_names_t;
/* What the connectors of a Location name; those of REMOVED EVSEs do not count. `binding` (NULL: none) overrides them. */
hub_names_t hub_names_of(hub_pool_t *pool, yyjson_val *location, yyjson_val *binding);
hub_slice_t hub_names_write(hub_pool_t *pool, const hub_names_t *names);
hub_names_t hub_names_read(hub_pool_t *pool, hub_slice_t text);
bool hub_names_eq(const hub_names_t *a, const hub_names_t *b);
/* The ids that are in one of the two sets only; `sign` (one entry each) is +1 for those of `now`, -1 for those of `old`. */
hub_names_t hub_names_diff(hub_pool_t *pool, const hub_names_t *old, const hub_names_t *now, int **sign);

/* ---- place: what a location of ours adds for all partners of its party ---- */

typedef struct hub_place {
    uint32_t party;
    bool exists;       /* the record */
    bool shown;        /* published, or with publish_allowed_to: in PARTY_PUBLIC */
    bool seen;         /* was shown at some time */
    bool open;         /* was published to everybody at some time (not known of what an older hub stored) */
    bool removed;      /* deleted by the backend: still listed, names nothing */
    hub_names_t names; /* copied */
} hub_place_t;
hub_err_t hub_place_get(hub_view_t *view, hub_pool_t *pool, hub_slice_t key, hub_place_t *out);
hub_err_t hub_place_put(hub_view_t *view, hub_pool_t *pool, hub_slice_t key, const hub_place_t *place);
hub_err_t hub_place_drop(hub_view_t *view, hub_slice_t key);

/* ---- price: how often a tariff is named ---- */

typedef struct hub_price {
    uint32_t shown;     /* shown locations whose connectors name it: in PARTY_PUBLIC when not 0 */
    uint32_t named;     /* locations of ours that name it, shown or not */
    uint64_t moved_seq; /* its entry in the change stream was moved here because it appeared or disappeared … */
    uint64_t real_seq;  /* … and this was where its last real change stood */
    uint32_t seen;      /* was in PARTY_PUBLIC at some time */
    uint32_t reserved;
} hub_price_t;
hub_err_t hub_price_get(hub_view_t *view, hub_slice_t key, hub_price_t *out); /* all zero when there is none */
hub_err_t hub_price_put(hub_view_t *view, hub_slice_t key, const hub_price_t *price);

/* ---- share: the sharing settings of an integration, as the overlay was built with them ---- */

#define HUB_SHARE_PARTIES 63 /* stored */
typedef struct hub_share {
    uint32_t tenant, integration;
    uint32_t bound, tariffs_all; /* bool */
    uint32_t party_count;
    uint32_t parties[HUB_SHARE_PARTIES];
    /* not compared: up to which sequence number the partner has seen all locations, all tariffs, before the settings were narrowed */
    uint64_t all_until, tariffs_until;
} hub_share_t;
void hub_share_of(const hub_integration_t *integration, hub_share_t *out);
hub_err_t hub_share_get(hub_view_t *view, uint32_t tenant, uint32_t integration, hub_share_t *out); /* HUB_ENOT_FOUND */
hub_err_t hub_share_put(hub_view_t *view, const hub_share_t *share);
hub_err_t hub_share_drop(hub_view_t *view, uint32_t integration);
bool hub_share_eq(const hub_share_t *a, const hub_share_t *b);
bool hub_share_has(const hub_share_t *share, uint32_t party);

/* Rows of the overlay that hide a row of the base: what a sum of counters has too much (≤ 0). */
int64_t hub_adjust_get(hub_view_t *view, uint32_t integration, uint8_t module);

/* ---- sight: one object as one integration sees it ---- */

typedef struct hub_sight {
    /* stored as it is */
    uint64_t created_seq; /* of the row in the overlay */
    int64_t since;        /* ms: last change of the binding; 0: none */
    int64_t row_updated;
    uint32_t names, hides; /* tariff: bound locations that name it for this partner; bound and shown ones that name it for all */
    uint8_t bound;         /* location: bound; tariff: granted */
    uint8_t visible, withdrawn;
    uint8_t tag, weight; /* the row in the overlay (0: none) and what it subtracts from totals */
    uint8_t exists;      /* the record */
    uint8_t reserved[2];
    uint32_t body_len;
    /* location */
    hub_slice_t body;  /* JSON of the binding */
    hub_slice_t named; /* hub_names_t as text: what the binding made of the location's names */
} hub_sight_t;
/* body and named: mapped when `pool` is NULL, else copied. exists is 0 when there is none. */
hub_err_t hub_sight_get(hub_view_t *view, hub_pool_t *pool, uint32_t tenant, uint32_t integration, uint8_t module, hub_slice_t key,
                        hub_sight_t *out);
hub_err_t hub_sight_put(hub_view_t *view, hub_pool_t *pool, uint32_t tenant, uint32_t integration, uint8_t module, hub_slice_t key,
                        const hub_sight_t *sight);
hub_err_t hub_sight_drop(hub_view_t *view, uint32_t tenant, uint32_t integration, uint8_t module, hub_slice_t key);
/* Which integrations have a sight of the object. */
hub_err_t hub_sight_integrations(hub_view_t *view, hub_pool_t *pool, hub_slice_t key, uint32_t **out, uint32_t *count);
/* The keys of all objects of which the integration has a sight (copied). */
hub_err_t hub_sight_keys(hub_view_t *view, hub_pool_t *pool, uint32_t tenant, uint32_t integration, uint8_t module, hub_slice_t **out,
                         uint32_t *count);

/* What the base says of an object now. */
typedef struct hub_fact {
    bool exists;
    uint32_t party;
    uint32_t shown; /* location: 0 or 1; tariff: hub_price_t.shown */
    int64_t last_updated;
    uint64_t created_seq;
} hub_fact_t;
hub_err_t hub_fact_get(hub_view_t *view, hub_pool_t *pool, uint8_t module, hub_slice_t key, hub_fact_t *out);
/* The sight, or the one that an integration without any has: what the base gives it. */
hub_err_t hub_sight_open(hub_view_t *view, hub_pool_t *pool, const hub_share_t *share, uint8_t module, hub_slice_t key,
                         const hub_fact_t *fact, hub_sight_t *out);
typedef enum hub_settle {
    HUB_SETTLE_PLAIN, /* something else changed: when the object appears or disappears for this partner, that is a change */
    HUB_SETTLE_TOUCH, /* the binding changed: a change of the object for this partner */
    HUB_SETTLE_QUIET, /* the object itself changed, which is a change by its own entry */
} hub_settle_t;
/* Works out what the integration sees now, sets its overlay row, notes what appeared, changed or disappeared, stores the sight (or drops it
 * when the base says the same). */
hub_err_t hub_sight_settle(hub_view_t *view, hub_pool_t *pool, const hub_share_t *share, uint8_t module, hub_slice_t key,
                           const hub_fact_t *fact, hub_sight_t *sight, hub_settle_t how, int64_t now);

/* ---- sharing.c for binding.c ---- */

/* apply only. Binds (body) or unbinds (body none) a location; *created: it was not bound. HUB_ENOT_FOUND: no such location, or not bound.
 */
hub_err_t hub_sharing_bind(hub_view_t *view, hub_pool_t *pool, const hub_share_t *share, hub_slice_t key, yyjson_val *location,
                           hub_slice_t body, yyjson_val *binding, int64_t now, bool *created);
hub_err_t hub_sharing_grant(hub_view_t *view, hub_pool_t *pool, const hub_share_t *share, hub_slice_t key, bool grant, int64_t now,
                            bool *created);
/* The key of the tariff with this id of the party that owns the location. */
hub_err_t hub_sharing_tariff_key(hub_slice_t location_key, hub_slice_t tariff_id, hub_key_t *out);

#endif
