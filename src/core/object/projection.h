/* Projections: an object in the versions of OCPI that somebody speaks, kept beside its bytes (hub_object_t.form), so that a read in any of
 * them parses nothing.
 *
 * What is stored is the truth; a form is what the bridge (ocpi_bridge) makes of it, or the note that there is none (refused). A write makes
 * the forms that are asked for then; forms that are asked for later are made by the reader who comes first, in its own memory, and stored
 * by a sweep. A form holds what was true when it was made: a 2.1.1 Session carries its Location as it was then. A tariff that starts
 * later cannot be said in 2.1.1 before: when its time comes it is looked at again, and pushed.
 */
#ifndef CORE_PROJECTION_H
#define CORE_PROJECTION_H

#include "core.h"

/* Which form of hub_object_t a version is; the number is stored. 2.2.1 is 0: objects of before there were forms are in it. */
static inline unsigned hub_projection_slot(ocpi_version_t version)
{
    return version == OCPI_V2_2_1 ? 0 : version == OCPI_V2_1_1 ? 1 : 2;
}
static inline ocpi_version_t hub_projection_version(unsigned slot)
{
    return slot == 0 ? OCPI_V2_2_1 : slot == 1 ? OCPI_V2_1_1 : OCPI_V2_3_0;
}

/* ---- reading: any thread with a view ---- */

/* The version that the object's bytes are in. */
ocpi_version_t hub_projection_written(const hub_object_t *head);
/* What is shown of the object in that version. */
hub_slice_t hub_projection_own(const hub_object_t *head);
/* The object in `version`; HUB_ENOT_FOUND: it cannot be said in it. Mapped, or in the pool when there is no stored form. */
hub_err_t hub_projection_get(hub_view_t *view, hub_pool_t *pool, hub_slice_t key, const hub_object_t *head, ocpi_version_t version,
                             hub_slice_t *bytes);
/* The same, or as it was written where that cannot be had: for our own eyes. */
hub_slice_t hub_projection_show(hub_view_t *view, hub_pool_t *pool, hub_slice_t key, const hub_object_t *head, ocpi_version_t version);
/* Any text of the object `key` from one version to another. HUB_EINVALID: refused, the last loss says why. `losses` may be NULL. */
hub_err_t hub_projection_bridge(hub_view_t *view, hub_pool_t *pool, hub_slice_t key, hub_slice_t text, ocpi_version_t from,
                                ocpi_version_t to, hub_slice_t *bytes, ocpi_losses_t *losses);

/* A country or party code in capitals: keys have it folded, and on 2.1.1 nothing else says it. */
hub_slice_t hub_projection_code(hub_pool_t *pool, hub_slice_t folded);

/* ---- writing: apply only ---- */

/* To a head that is about to be stored, with its new bytes in it: they are in `version`, `text` is what projections show of them (the bytes
 * themselves, or their normalised form). There are no other forms. */
void hub_projection_write(hub_object_t *head, ocpi_version_t version, hub_slice_t text);
/* Then: its forms in `versions` (mask), and what is lost in them written down, in place of what was lost before (head->flags says where).
 * `root`: that text parsed. */
hub_err_t hub_projection_make(hub_view_t *view, hub_pool_t *pool, hub_slice_t key, yyjson_val *root, uint32_t versions, hub_object_t *head);
/* One form that came later (sweep): `text`, none where it was refused. Does nothing when the object is no more as it was in `version`. */
hub_err_t hub_projection_add(hub_view_t *view, hub_pool_t *pool, hub_slice_t key, uint64_t object_version, ocpi_version_t version,
                             hub_slice_t text, const ocpi_losses_t *losses);
/* An own object is about to be deleted: what was lost in its forms goes with it. */
hub_err_t hub_projection_forget(hub_view_t *view, hub_slice_t key, const hub_object_t *head);

/* ---- who asks for which version: projection_demand.c ---- */

/* The versions that registered integrations of this tenant speak (mask). One look-up. */
uint32_t hub_projection_demand(hub_view_t *view, uint32_t tenant);
/* apply only. The integration speaks `version` from now on; 0: none. The first one of a version starts the sweep. */
hub_err_t hub_projection_spoken(hub_view_t *view, uint32_t tenant, uint32_t integration, ocpi_version_t version);

/* apply only. Once in the life of a store: counts those that were registered before there was a count. */
bool hub_projection_counted(hub_view_t *view);
hub_err_t hub_projection_count(hub_core_t *core, hub_view_t *view, hub_pool_t *pool);

/* A version whose forms are still to be made for the own objects of a tenant. */
typedef struct hub_projection_debt {
    uint32_t tenant;
    ocpi_version_t version;
    hub_key_t position; /* of OBJECT: where to go on */
} hub_projection_debt_t;
hub_err_t hub_projection_debt(hub_view_t *view, hub_projection_debt_t *out); /* the first; HUB_ENOT_FOUND */
/* apply only. `done`: nothing is left. Does nothing when the debt is no more. */
hub_err_t hub_projection_pay(hub_view_t *view, const hub_projection_debt_t *debt, bool done);

/* ---- what time changes: projection_time.c ---- */

/* apply only. An object with a form that was refused: until a time to come, until its Location is there, or (received) a token of its
 * contract. `root`: the object. */
hub_err_t hub_projection_await(hub_view_t *view, hub_slice_t key, yyjson_val *root, int64_t now);
/* apply only. An own Location was stored: sessions that were refused for the lack of it, or as it was, are due. */
hub_err_t hub_projection_location_stored(hub_view_t *view, hub_slice_t location);
/* apply only. A token of this contract is there now: so are received sessions and CDRs that named it. */
hub_err_t hub_projection_contract_known(hub_view_t *view, uint32_t tenant, hub_slice_t contract);
bool hub_projection_due(hub_view_t *view, int64_t now);
/* apply only. Makes the forms of those whose time has come, at most `limit` of them; a whole change of each. */
hub_err_t hub_projection_awake(hub_view_t *view, hub_pool_t *pool, int64_t now, unsigned limit);

/* ---- loss.c: table LOSS ---- */

/* apply only. None: the row goes. */
hub_err_t hub_loss_put(hub_view_t *view, hub_pool_t *pool, ocpi_version_t version, hub_slice_t key, const ocpi_losses_t *losses);

#endif
