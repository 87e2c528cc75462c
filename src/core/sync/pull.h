/* Pull: what we read from a peer's SENDER interfaces on a schedule; see pull.c. Home worker only, except where said. */
#ifndef CORE_PULL_H
#define CORE_PULL_H

#include "agent.h"

/* The durable state of a pull lies in table CURSOR under u8 'L', u32 integration, u8 module: JSON, see pull_state.c. */
void hub_pull_reader(hub_key_t *key, uint32_t integration, ocpi_module_t module);
hub_err_t hub_pull_forget(hub_view_t *view, uint32_t integration); /* apply only */

#define HUB_PULL_NOTE "Pull: "
void hub_pull_notes(hub_agent_t *agent, hub_buf_t *out);
void hub_pull_describe(hub_agent_t *agent, hub_buf_t *out); /* members of `modules` in GET …/delivery */

bool hub_pull_knows(ocpi_module_t module);    /* is there a flag for it? */
hub_slice_t hub_pull_names(hub_pool_t *pool); /* those that there is one for, for people */
/* True when this module cannot be pulled from the peer now; text says why. */
bool hub_pull_why_not(const hub_agent_t *agent, ocpi_module_t module, char *text, size_t size);
/* As hub_pull_now; forced: whatever the flags say. */
void hub_pull__now(hub_agent_t *agent, uint32_t modules, bool full, bool forced);
bool hub_pull_failing(const hub_agent_t *agent);
/* The modules whose flag is on, as a mask of 1 << ocpi_module_t. */
uint32_t hub_pull_wanted(const hub_agent_t *agent);

#endif
