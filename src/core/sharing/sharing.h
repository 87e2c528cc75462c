/* Sharing: which of our objects a partner sees, and how. Sessions, CDRs and tokens: `reach` below. Locations and tariffs: lists never
 * filter row by row: what is the same for every partner of a party lies in the party's audiences, what differs for one partner in that
 * integration's overlay (HUB_AUDIENCE_OVERLAY), kept up at every write.
 *
 * Base: PARTY_PUBLIC of each of the integration's parties, for locations (published ones; nothing with locationSharing BOUND) and for
 * tariffs (those that published connectors name; PARTY_ALL with tariffSharing ALL).
 *
 * Overlay: rows of one integration. INCLUDE: bound, granted, or named by an overriding binding; EXCLUDE: in the base, but not for this
 * partner; WITHDRAWN: was seen, goes out with EVSEs REMOVED. A row carries last_updated as this partner sees it.
 */
#ifndef CORE_SHARING_H
#define CORE_SHARING_H

#include "integration/integration.h"

typedef enum hub_sharing_tag { HUB_SHARING_INCLUDE = 1, HUB_SHARING_EXCLUDE = 2, HUB_SHARING_WITHDRAWN = 3 } hub_sharing_tag_t;

/* Fills query->audiences, take, take_arg (in pool) and total_adjust for what `to` sees of `module`. */
hub_err_t hub_sharing_list(hub_view_t *view, hub_pool_t *pool, const hub_integration_t *to, ocpi_module_t module, hub_list_query_t *query);
/* Does `to` see this object, and since when? HUB_ENOT_FOUND: it does not. */
typedef struct hub_sharing {
    int64_t last_updated; /* as this partner sees it */
    bool withdrawn;       /* send with every EVSE REMOVED */
    hub_slice_t binding;  /* JSON of the binding that overrides tariffIds; none: the object as it is (mapped memory) */
    bool render;          /* the stored bytes are not what this partner sees: hub_sharing_render */
    int64_t since;        /* when the binding last changed; 0: never */
} hub_sharing_t;
hub_err_t hub_sharing_get(hub_view_t *view, const hub_integration_t *to, ocpi_module_t module, hub_slice_t object_key,
                          const hub_object_t *object, hub_sharing_t *out);
/* For push, where hub_sharing_get says HUB_ENOT_FOUND: did `to` see the object before? Then a Tariff is to be deleted at its side (DELETE),
 * and a Location goes out once more with every EVSE REMOVED: *out is filled for hub_sharing_render. `kind`: of the change entry that led
 * here, from a stream of kind `stream`. */
bool hub_sharing_left(hub_view_t *view, const hub_integration_t *to, ocpi_module_t module, hub_slice_t object_key,
                      const hub_object_t *object, hub_stream_kind_t stream, hub_change_kind_t kind, hub_sharing_t *out);
/* Was this location published to everybody at some time? A partner of 2.1.1 may have it from then, though it cannot be said there now. */
bool hub_sharing_was_open(hub_view_t *view, hub_slice_t location_key);
/* A tariff's change entry moves also when it appears or disappears for all partners because a connector began or ceased to name it. True:
 * entry `seq` is such a move, and *real is where the tariff's own last change stood (the event feed shows it only to readers that have not
 * seen that one). */
bool hub_sharing_moved(hub_view_t *view, hub_slice_t tariff_key, uint64_t seq, uint64_t *real);
/* The object as `to` sees it: tariff_ids overridden, EVSEs REMOVED when withdrawn, last_updated moved. A Location or a Tariff; as it is
 * when !render. */
hub_slice_t hub_sharing_render(hub_pool_t *pool, const hub_sharing_t *sharing, hub_slice_t location);

/* apply only: called by object_own.c and object_remove.c after an own location or tariff was stored or deleted. Sets the object's own
 * audiences, keeps tariff references and the overlays of the integrations that bind it. `after`: the new form, parsed; NULL: deleted. What
 * the object was to sharing before is remembered by its place (reference.h). */
hub_err_t hub_sharing_follow_location(hub_view_t *view, hub_pool_t *pool, const hub_object_id_t *id, yyjson_val *after);
hub_err_t hub_sharing_follow_tariff(hub_view_t *view, hub_pool_t *pool, const hub_object_id_t *id);
/* apply only: a connector names this tariff (then it must not be deleted: 409). */
bool hub_sharing_tariff_named(hub_view_t *view, const hub_object_id_t *id);
/* apply only: the integration's sharing settings or parties changed: rebuilds its overlay. Old may be NULL (created), now may be NULL
 * (deleted). */
hub_err_t hub_sharing_follow_integration(hub_view_t *view, hub_pool_t *pool, const hub_integration_t *old, const hub_integration_t *now);

/* ---- reach: sessions, CDRs and tokens (reach.c) ----
 *
 * A session or CDR lies in one audience beside the tenant's own: HUB_AUDIENCE_PAIR of the party of ours that made it and the party of its
 * cdr_token. A partner sees the pairs of our parties of its integration with each of its roles, and with each party that is reached through
 * it: one in whose name it gave us a token. A token of ours lies in PARTY_ALL of its party. hub_sharing_list and hub_sharing_get answer for
 * all modules. A list takes HUB_LIST_AUDIENCES pairs that have something in them; what is beyond is logged and left out of the list (single
 * looks and pushes have no such bound). */
#define HUB_REACH_PARTIES 1024 /* parties reached through one integration; more are logged and not noted */
bool hub_reach_governs(ocpi_module_t module);
hub_err_t hub_reach_list(hub_view_t *view, hub_pool_t *pool, const hub_integration_t *to, ocpi_module_t module, hub_list_query_t *query);
bool hub_reach_sees(hub_view_t *view, const hub_integration_t *to, ocpi_module_t module, const hub_object_t *object);
/* apply only: `from` gave us a token of this party. Noted when the party is none of its roles; of a partner that is no hub also only as
 * long as no other partner has it among its roles. */
hub_err_t hub_reach_note(hub_core_t *core, hub_view_t *view, const hub_integration_t *from, hub_slice_t country, hub_slice_t party);
hub_err_t hub_reach_forget(hub_view_t *view, uint32_t integration); /* apply only */

/* The embedded lists of an integration's answer in camelCase (integration.tsv): locations = what it sees of ours, then what it gave us;
 * tariffs; receivedTariffs. Writes up to `limit` items as a JSON array starting at *position (pass zero first), for streaming; *total the
 * whole number. Returns how many. */
typedef enum hub_embedded { HUB_EMBED_LOCATIONS, HUB_EMBED_TARIFFS, HUB_EMBED_RECEIVED_TARIFFS } hub_embedded_t;
typedef struct hub_embed_position {
    int part; /* own, then received */
    hub_slice_t position;
    bool end;
} hub_embed_position_t;
hub_err_t hub_embed_write(hub_view_t *view, hub_pool_t *pool, const hub_integration_t *integration, hub_embedded_t what, uint32_t limit,
                          hub_embed_position_t *position, bool *first, hub_buf_t *out, uint32_t *written);
uint64_t hub_embed_total(hub_view_t *view, hub_pool_t *pool, const hub_integration_t *integration, hub_embedded_t what);

#endif
