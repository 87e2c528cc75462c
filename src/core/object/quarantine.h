/* Quarantine: objects of a partner that we refused (received) and objects of ours that a partner refused (sent), newest 10,000 an
 * integration. The functions that fill it stand in objects.h (hub_quarantine_put, hub_quarantine_clear). */
#ifndef CORE_QUARANTINE_H
#define CORE_QUARANTINE_H

#include "integration/integration.h"

#define HUB_QUARANTINE_LIMIT 10000u
#define HUB_QUARANTINE_TEXT (256u << 10) /* longer texts are not kept, only what was wrong with them */
uint64_t hub_quarantine_count(hub_view_t *view, uint32_t integration);
/* apply only: all records of an integration that is deleted. */
hub_err_t hub_quarantine_forget(hub_view_t *view, uint32_t tenant, uint32_t integration);

#endif
