/* Offer: what a platform offers in a credentials exchange, read and checked: versions, version details, Credentials object; and our own.
 * Pure but for the view; any thread. */
#ifndef CORE_OFFER_H
#define CORE_OFFER_H

#include "integration/registration.h"

typedef struct hub_offer {
    ocpi_version_t version;
    hub_slice_t versions_url, details_url, credentials_url;
    hub_endpoint_t *endpoints;
    uint32_t endpoint_count;
    hub_slice_t token, roles_json, hub_party_id; /* of its Credentials object */
} hub_offer_t;

/* The versions that this integration may speak: configured, served, and 2.1.1 only with one party of one role (that has not both sides of a
 * module, as HUB and NAP have: version details of 2.1.1 name no side). */
uint32_t hub_offer_versions(const hub_integration_t *integration);
/* Those that its requests may come in: also the one that stands, until another is negotiated. */
uint32_t hub_offer_versions_open(const hub_integration_t *integration);
/* Our roles on this connection that go on the wire: they say which sides of the modules we offer in this version. */
uint32_t hub_offer_roles(const hub_integration_t *integration, ocpi_version_t version);
/* … of one of our parties. */
uint32_t hub_offer_party_roles(const hub_integration_t *integration, const hub_party_ref_t *party);

/* Each reads `data` of an answer into *offer; slices point into `pool` or `data`. *why: what is wrong, a sentence for the operator.
 * HUB_EPEER_PROTOCOL: not what the specification says; _FORBIDDEN: a URL that may not be called. */
/* C2: picks the newest common version, or `fixed` (C4, C15). HUB_EPEER_VERSION: there is none. */
hub_err_t hub_offer_read_versions(hub_core_t *core, hub_pool_t *pool, const hub_integration_t *integration, ocpi_version_t fixed,
                                  yyjson_val *data, hub_offer_t *offer, hub_slice_t *why);
/* HUB_EPEER_ENDPOINTS: no credentials endpoint, or no functional module common (C16, C17). */
hub_err_t hub_offer_read_details(hub_core_t *core, hub_pool_t *pool, const hub_integration_t *integration, yyjson_val *data,
                                 hub_offer_t *offer, hub_slice_t *why);
/* HUB_EINVALID: it breaks a rule (C19, C20), or thirdPartyId is not among its roles. Does not touch offer->version, which says how to read
 * it. */
hub_err_t hub_offer_read_credentials(hub_core_t *core, hub_pool_t *pool, const hub_integration_t *integration, yyjson_val *data,
                                     hub_offer_t *offer, hub_slice_t *why);

/* offer_write.c: our Credentials object for this integration (C3, C5, C10). As a hub (decision P) towards 2.3.0 with hub_party_id and the
 * parties that can be reached through us. HUB_EINVALID: none of our parties has a role that goes on the wire. */
hub_err_t hub_offer_write(hub_core_t *core, hub_view_t *view, hub_pool_t *pool, const hub_integration_t *integration,
                          ocpi_version_t version, hub_slice_t token, hub_buf_t *out);

#endif
