/* Push: one durable cursor per (integration, module) over the change index; see push.c. Home worker only, except where said. */
#ifndef CORE_PUSH_H
#define CORE_PUSH_H

#include "agent.h"

/* Reader key of the cursor in table CURSOR: u8 'P', u32 integration, u8 module. */
void hub_push_reader(hub_key_t *key, uint32_t integration, ocpi_module_t module);
/* apply only: forgets cursors and marks of an integration that is deleted (`gone`), or that must be loaded anew from the beginning: then
 * the CDRs that were acknowledged stay so. */
hub_err_t hub_push_forget(hub_view_t *view, uint32_t integration, bool gone);
/* apply only: so much has come into this partner's sight, or gone out of it, that everything is read again from the beginning. A change of
 * the integration must come with it: then its push looks (hub_push_follow). What is being written down meanwhile does not undo it. */
hub_err_t hub_push_rewind(hub_view_t *view, uint32_t integration, ocpi_module_t module);
/* apply only: the same for all modules but CDRs, which are sent once. */
hub_err_t hub_push_rewind_all(hub_view_t *view, uint32_t integration);

#define HUB_PUSH_NOTE "Push: "
/* Sentences for statusDescription about what keeps a flag from doing anything. */
void hub_push_notes(hub_agent_t *agent, hub_buf_t *out);
bool hub_push_refused(const hub_agent_t *agent); /* some objects were refused, and not accepted since */

/* A member of `modules` in GET …/delivery for every push module, comma-separated. */
void hub_push_describe(hub_agent_t *agent, hub_view_t *view, hub_buf_t *out);

#endif
