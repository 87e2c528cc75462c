/* What a change of settings means for the registration. Inside apply. */
#include "connector/connector.h"
#include "handshake/handshake.h"
#include "registration.h"

typedef struct follow {
    hub_core_t *core;
    hub_view_t *view;
    hub_pool_t *pool;
    const hub_integration_t *old, *now;
    bool retry;
    hub_registration_t reg;
    bool changed;
} follow_t;

static void say(follow_t *f, hub_integration_status_t status, hub_slice_t text)
{
    f->changed = f->changed || f->reg.status != status || !hub_slice_eq(f->reg.status_description, text);
    f->reg.status = status;
    f->reg.status_description = text;
}

static bool secret_changed(const follow_t *f)
{
    return f->old ? !hub_slice_eq(f->old->initial_token, f->now->initial_token) : f->now->initial_token.len > 0;
}

static void want(follow_t *f, hub_wanted_t wanted)
{
    f->reg.wanted = wanted;
    f->reg.command++;
    f->changed = true;
}

static hub_err_t follow_sender(follow_t *f)
{
    const hub_integration_t *now = f->now, *old = f->old;
    bool moved =
        !old || !old->has_initial_role || !old->initial_sender || secret_changed(f) || !hub_slice_eq(old->endpoint_url, now->endpoint_url);
    hub_err_t err = HUB_EOK;
    if (f->reg.token_a.len && !f->reg.authorized) { /* was a receiver: that token A opens nothing any more */
        err = hub_registration_token_set(f->view, now->tenant, now->id, &f->reg.token_a, HUB_SLICE_NONE, HUB_TOKEN_KIND_NONE, false);
        f->changed = true;
    }
    if (!f->retry && (f->reg.authorized || !moved))
        return err;
    if (f->reg.authorized) {
        want(f, HUB_WANT_PUT);
        return err;
    }
    if (!now->endpoint_url.len || !now->initial_token.len) {
        if (f->reg.wanted == HUB_WANT_POST)
            want(f, HUB_WANT_NOTHING);
        say(f, HUB_STATUS_DRAFT,
            HUB_SLICE_LIT(
                "Set endpointUrl and initialToken to what the partner gave you (its versions URL and token A): then the exchange starts."));
        return err;
    }
    want(f, HUB_WANT_POST);
    say(f, HUB_STATUS_EXCHANGING, HUB_SLICE_LIT("The credentials exchange with the partner is about to start."));
    return err;
}

/* A token A of this integration's own, not in use elsewhere nor as another of its tokens. */
static hub_err_t token_free(follow_t *f, hub_slice_t token)
{
    hub_token_record_t record;
    hub_err_t err = hub_token_get(f->view, token, &record);
    if (err == HUB_ENOT_FOUND)
        return HUB_EOK;
    if (err)
        return err;
    bool ours = record.tenant == f->now->tenant && record.integration == f->now->id && hub_slice_eq(token, f->reg.token_a);
    return ours ? HUB_EOK : HUB_ECONFLICT;
}

static hub_err_t issue(follow_t *f, hub_slice_t given)
{
    hub_slice_t token = given;
    if (!token.len) {
        char *made = hub_pool_alloc(f->pool, HUB_TOKEN_LEN + 1);
        hub_token_make(f->core->crypto, made);
        token = hub_slice(made, HUB_TOKEN_LEN);
    }
    hub_err_t err = token_free(f, token);
    if (!err)
        err = hub_registration_token_set(f->view, f->now->tenant, f->now->id, &f->reg.token_a, token, HUB_TOKEN_KIND_A, false);
    f->changed = true;
    return err;
}

static hub_err_t follow_receiver(follow_t *f)
{
    bool given = secret_changed(f) && f->now->initial_token.len > 0;
    bool becoming = !f->old || !f->old->has_initial_role || f->old->initial_sender;
    hub_err_t err = HUB_EOK;
    if (f->reg.wanted == HUB_WANT_POST) /* was a sender */
        want(f, HUB_WANT_NOTHING);
    if (given || f->retry)
        err = issue(f, given ? f->now->initial_token : HUB_SLICE_NONE);
    else if (becoming && !f->reg.authorized)
        err = issue(f, f->now->initial_token);
    else
        return HUB_EOK;
    if (!err && f->reg.authorized)
        say(f, f->reg.status,
            hub_pool_printf(f->pool,
                            "A fresh initial token was issued (GET this integration with ?reveal=secrets): give it to the partner with our "
                            "versions URL %.*s. The connection stands until the partner registers anew.",
                            HUB_SLICE_FMT(f->core->versions_url)));
    else if (!err)
        say(f, HUB_STATUS_AWAITING_PARTNER,
            hub_pool_printf(f->pool,
                            "Give the partner our versions URL %.*s and the initial token (GET this integration with ?reveal=secrets): it "
                            "starts the exchange.",
                            HUB_SLICE_FMT(f->core->versions_url)));
    return err;
}

/* A type without a handshake: DRAFT until it can work; from then on its status is what delivering shows. */
static hub_err_t follow_connector(follow_t *f)
{
    const hub_connector_t *connector = f->now->connector;
    if (!connector->complete)
        say(f, HUB_STATUS_DRAFT, hub_pool_printf(f->pool, "Still missing: %.*s.", HUB_SLICE_FMT(connector->missing)));
    else if (!connector->switched_on)
        say(f, HUB_STATUS_DRAFT, HUB_SLICE_LIT("Everything is set: it starts when activateConnection is true."));
    else if (f->reg.status == HUB_STATUS_DRAFT)
        say(f, HUB_STATUS_AWAITING_PARTNER, HUB_SLICE_LIT("Everything is set: nothing was delivered yet."));
    return connector->active ? hub_connector_begin(f->view, f->now) : HUB_EOK;
}

hub_err_t hub_registration_follow(hub_core_t *core, hub_view_t *view, hub_pool_t *pool, const hub_integration_t *old,
                                  const hub_integration_t *now, bool retry)
{
    follow_t f = {.core = core, .view = view, .pool = pool, .old = old, .now = now, .retry = retry};
    hub_err_t err = hub_registration_get(core, view, pool, now->tenant, now->id, &f.reg);
    if (err)
        return err;
    if (!now->is_ocpi) {
        err = follow_connector(&f);
    } else if (!now->has_initial_role) {
        if (!f.reg.authorized)
            say(&f, HUB_STATUS_DRAFT,
                HUB_SLICE_LIT("Set initialRole: SENDER when we start the exchange with the partner's URL and token, RECEIVER when the "
                              "partner does."));
    } else {
        err = now->initial_sender ? follow_sender(&f) : follow_receiver(&f);
    }
    if (!err && !retry && old && now->is_ocpi && f.reg.authorized && hub_integration_other_roles(old, now))
        want(&f, HUB_WANT_PUT); /* the partner has our roles from our credentials: it gets them anew */
    return err || !f.changed ? err : hub_registration_put(core, view, now->tenant, now->id, &f.reg);
}
