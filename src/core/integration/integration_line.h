/* What a list shows of an integration, kept as text, so that a page is put together without opening a record (table INTEGRATION_LINE). A
 * line holds as long as the settings and the registration have the versions that it was made of: what it shows may depend on these two
 * records and on nothing else. Lines are made by a chore, about a second after the last change, and are of this process only: the next one
 * may show other members, or have another master key. Who finds none makes its own. */
#ifndef CORE_INTEGRATION_LINE_H
#define CORE_INTEGRATION_LINE_H

#include "core.h"

/* The object as GET has it without the lists, mapped or in the pool. */
hub_err_t hub_integration_line(hub_core_t *core, hub_view_t *view, hub_pool_t *pool, uint32_t tenant, uint32_t id, hub_slice_t *text);
hub_err_t hub_integration_line_drop(hub_view_t *view, uint32_t tenant, uint32_t id); /* apply only */

#endif
