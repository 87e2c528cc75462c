/* The handshake as rows: plans, their steps, where each goes and what is checked of its answer. */
#include "handshake_run.h"

static hub_slice_t versions_url(const hub_handshake_t *h)
{
    return h->offer.versions_url;
}

static hub_slice_t details_url(const hub_handshake_t *h)
{
    return h->offer.details_url;
}

static hub_slice_t credentials_url(const hub_handshake_t *h)
{
    return h->offer.credentials_url;
}

static hub_err_t check_versions(hub_handshake_t *h, yyjson_val *data, hub_slice_t *why)
{
    return hub_offer_read_versions(h->agent->worker->core, h->pool, h->agent->integration, h->offer.version, data, &h->offer, why);
}

static hub_err_t check_details(hub_handshake_t *h, yyjson_val *data, hub_slice_t *why)
{
    return hub_offer_read_details(h->agent->worker->core, h->pool, h->agent->integration, data, &h->offer, why);
}

static hub_err_t check_credentials(hub_handshake_t *h, yyjson_val *data, hub_slice_t *why)
{
    return hub_offer_read_credentials(h->agent->worker->core, h->pool, h->agent->integration, data, &h->offer, why);
}

static hub_err_t check_nothing(hub_handshake_t *h, yyjson_val *data, hub_slice_t *why)
{
    (void)h, (void)data, (void)why;
    return HUB_EOK;
}

static const hub_step_t get_versions = {HUB_STEP_VERSIONS, "GET versions", HUB_GET, versions_url, false, check_versions};
static const hub_step_t get_details = {HUB_STEP_DETAILS, "GET version details", HUB_GET, details_url, false, check_details};
static const hub_step_t post_credentials = {HUB_STEP_POST, "POST credentials", HUB_POST, credentials_url, true, check_credentials};
static const hub_step_t put_credentials = {HUB_STEP_PUT, "PUT credentials", HUB_PUT, credentials_url, true, check_credentials};
static const hub_step_t delete_credentials = {HUB_STEP_DELETE, "DELETE credentials", HUB_DELETE, credentials_url, false, check_nothing};

static const hub_step_t *const post_steps[] = {&get_versions, &get_details, &post_credentials};
static const hub_step_t *const put_steps[] = {&get_versions, &get_details, &put_credentials};
static const hub_step_t *const delete_steps[] = {&delete_credentials};
static const hub_step_t *const read_steps[] = {&get_versions, &get_details};

const hub_plan_t hub_handshake__plans[HUB_PLAN_COUNT] = {
    [HUB_PLAN_POST] = {HUB_WANT_POST, HUB_COUNT(post_steps), "registration", post_steps, hub_handshake__registered},
    [HUB_PLAN_PUT] = {HUB_WANT_PUT, HUB_COUNT(put_steps), "update", put_steps, hub_handshake__registered},
    [HUB_PLAN_DELETE] = {HUB_WANT_DELETE, HUB_COUNT(delete_steps), "unregistration", delete_steps, hub_handshake__ended},
    [HUB_PLAN_DETAILS] = {HUB_WANT_DETAILS, HUB_COUNT(read_steps), "refresh", read_steps, hub_handshake__refreshed},
    [HUB_PLAN_INCOMING] = {HUB_WANT_NOTHING, HUB_COUNT(read_steps), "answer", read_steps, hub_handshake__answered},
};

const hub_plan_t *hub_handshake__plan(hub_wanted_t wanted)
{
    for (size_t i = 0; i < HUB_PLAN_INCOMING; i++)
        if (hub_handshake__plans[i].wanted == wanted)
            return &hub_handshake__plans[i];
    return NULL;
}
