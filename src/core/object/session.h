/* How an integration's settings shape the Sessions that go out. Any thread. */
#ifndef CORE_SESSION_H
#define CORE_SESSION_H

#include "integration/integration.h"

/* A Session (of any version) as `to` may have it: where its stateOfChargeIsSent is false, without the dimensions STATE_OF_CHARGE, and
 * without the charging periods that had nothing else to say. Not set counts as sent. The same bytes when nothing is to be left out. */
hub_slice_t hub_session_shape(hub_pool_t *pool, const hub_integration_t *to, hub_slice_t session);

#endif
