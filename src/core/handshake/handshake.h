/* Handshake: credentials exchanges with a peer, both directions, as a state machine over rows of steps (handshake.c). Chapter: credentials.
 *
 * Thread: the integration's home worker only. One exchange of an integration at a time, whoever started it: the agent is the lock.
 */
#ifndef CORE_HANDSHAKE_H
#define CORE_HANDSHAKE_H

#include "sync/agent.h"

/* Sends DELETE credentials to the peer when we are registered, then commits status UNREGISTERED with every token of this integration void
 * (C13). An exchange under way is ended first. Takes about 10 seconds at most: a peer that does not answer is unregistered on our side all
 * the same. `done` runs exactly once on the home worker, perhaps before this returns; err is HUB_EOK when the peer agreed (or there was
 * nothing to tell it), otherwise what went wrong at the peer; when even our own write failed, that error. Use: hub_agent_post to the home
 * worker, call this, answer from `done`. */
typedef void (*hub_unregister_done_t)(void *arg, hub_err_t err);
void hub_handshake_unregister(hub_agent_t *agent, hub_unregister_done_t done, void *arg);

#endif
