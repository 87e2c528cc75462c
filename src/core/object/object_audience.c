/* Whose an own object is, and in which audiences it lies. */
#include <string.h>

#include "integration/party.h"
#include "object.h"
#include "sharing/sharing.h"

/* Its owner must be one of our parties. */
static hub_err_t find_party(hub_storing_t *s, hub_party_t *party)
{
    hub_incoming_t *in = s->in;
    hub_err_t err = hub_party_find(s->view, s->pool, in->tenant, in->country, in->party, party);
    if (err != HUB_ENOT_FOUND)
        return err;
    return hub_objects__refuse(in, HUB_SLICE_LIT("/party_id"), "party", "%.*s*%.*s is none of our parties (see /v1/parties)",
                               HUB_SLICE_FMT(in->country), HUB_SLICE_FMT(in->party));
}

hub_err_t hub_objects__audiences_party(hub_storing_t *s, yyjson_val *after, hub_object_t *head)
{
    (void)after;
    if (s->exists) {
        head->audience_count = s->head.audience_count;
        memcpy(head->audiences, s->head.audiences, sizeof head->audiences);
        return HUB_EOK;
    }
    hub_party_t party;
    hub_err_t err = find_party(s, &party);
    if (err)
        return err;
    head->audience_count = 2; /* sharing adds PARTY_PUBLIC */
    head->audiences[0] = hub_audience(HUB_AUDIENCE_TENANT_OWN, s->in->tenant);
    head->audiences[1] = hub_audience(HUB_AUDIENCE_PARTY_ALL, party.id);
    return HUB_EOK;
}

hub_err_t hub_objects__audiences_pair(hub_storing_t *s, yyjson_val *after, hub_object_t *head)
{
    hub_party_t party;
    hub_incoming_t *in = s->in;
    hub_err_t err = find_party(s, &party);
    if (err)
        return err;
    if (!s->exists && !(ocpi_role_sides(party.roles, in->module) & OCPI_SENDER))
        return hub_objects__refuse(in, HUB_SLICE_LIT("/party_id"), "party", "%.*s*%.*s has no role that makes such objects",
                                   HUB_SLICE_FMT(in->country), HUB_SLICE_FMT(in->party));
    yyjson_val *token = yyjson_obj_get(after, "cdr_token");
    head->audience_count = 1;
    head->audiences[0] = hub_audience(HUB_AUDIENCE_TENANT_OWN, in->tenant);
    hub_audience_t pair = hub_audience_pair(party.id, ocpi_get_str(token, "country_code"), ocpi_get_str(token, "party_id"));
    if (pair)
        head->audiences[head->audience_count++] = pair;
    return HUB_EOK;
}
