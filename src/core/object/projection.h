/* Projections: an object in the versions of OCPI that somebody speaks, kept beside its bytes (hub_object_t.form), so that a read in any of
 * them parses nothing.
 */
#ifndef CORE_PROJECTION_H
#define CORE_PROJECTION_H

#include "core.h"

/* Which form of hub_object_t a version is; the number is stored. 2.2.1 is 0: objects of before there were forms are in it. */
static inline unsigned hub_projection_slot(ocpi_version_t version)
{
    return version == OCPI_V2_2_1 ? 0 : version == OCPI_V2_1_1 ? 1 : 2;
}
/* The version that the object's bytes are in. */
ocpi_version_t hub_projection_written(const hub_object_t *head);
/* To a head that is about to be stored: its bytes are in `version`, `text` is what projections show of them (the bytes themselves, or their
 * normalised form). There are no other forms. */
void hub_projection_write(hub_object_t *head, ocpi_version_t version, hub_slice_t text);
/* What is shown of the object in the version it was written in. */
hub_slice_t hub_projection_own(const hub_object_t *head);
/* The object in `version`, or as it was written where that cannot be had: for our own eyes. Mapped, or in the pool. */
hub_slice_t hub_projection_show(hub_view_t *view, hub_pool_t *pool, hub_slice_t key, const hub_object_t *head, ocpi_version_t version);

#endif
