/* Contracts: which token has a contract (contract_id, on 2.1.1 auth_id). */
#ifndef CORE_CONTRACT_H
#define CORE_CONTRACT_H

#include "core.h"

/* apply only. A token, own or received, is stored (`before`: as it was, NULL when new) or gone (`after` NULL). */
hub_err_t hub_contract_follow(hub_view_t *view, hub_pool_t *pool, hub_slice_t token_key, const hub_object_t *before, yyjson_val *after);
/* A token with this contract: our own first, then by integration. False also when several parties claim it. Any thread with a view. */
bool hub_contract_find(hub_view_t *view, hub_pool_t *pool, uint32_t tenant, hub_slice_t contract, ocpi_bridge_token_t *out);

#endif
