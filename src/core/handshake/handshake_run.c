/* One run of a plan, step by step: calls, what their answers mean, success and failure. Home worker only. */
#include "handshake_run.h"
#include "sync/pull.h"

static bool integration_pulls(const hub_agent_t *agent)
{
    return !agent->gone && agent->integration->authorized && agent->integration->enabled;
}

static void committed(hub_handshake_t *h, hub_err_t err)
{
    if (hub_handshake__orphaned(h))
        return;
    hub_agent_t *agent = h->agent;
    bool started = !err && (h->plan->wanted == HUB_WANT_POST || h->plan->wanted == HUB_WANT_PUT || h->incoming);
    hub_err_t peer = h->plan->wanted == HUB_WANT_DELETE ? h->finding.err : HUB_EOK;
    hub_log(err ? HUB_WARN : HUB_INFO, "handshake.done", HUB_INT("integration", agent->id), HUB_STR("plan", h->plan->name),
            HUB_STR("error", hub_err_info(err)->name));
    if (!err && !h->incoming)
        h->tries = 0;
    if (h->incoming && !err) {
        hub_handshake__answer(h->incoming, HUB_EOK, 1000, HUB_SLICE_NONE, h->body);
        h->incoming = NULL;
    }
    bool ended = h->plan->wanted == HUB_WANT_DELETE;
    if (err && err != HUB_ECONFLICT && !h->incoming && !h->delete_next)
        hub_handshake__pause(h); /* the store is full or failing: not in a circle */
    hub_handshake__close(h, err == HUB_ECONFLICT ? HUB_EBUSY : err);
    if (ended)
        hub_handshake__tell(h, err ? err : peer);
    if (started && integration_pulls(agent))
        hub_pull_now(agent, hub_pull_wanted(agent), true);
    hub_handshake__after(agent);
}

/* ---- failure ---- */

static void failure_noted(hub_handshake_t *h, hub_err_t err)
{
    if (hub_handshake__orphaned(h))
        return;
    hub_agent_t *agent = h->agent;
    if (h->incoming) {
        hub_handshake__answer(h->incoming, HUB_EOK, h->finding.ocpi_status, h->finding.text, HUB_SLICE_NONE);
        h->incoming = NULL;
        hub_handshake__close(h, HUB_EOK);
        hub_handshake__after(agent);
        return;
    }
    bool again = (h->finding.again && h->tries + 1 < HUB_HANDSHAKE_TRIES) || (err && err != HUB_ECONFLICT);
    hub_handshake__close(h, HUB_EOK);
    if (again && !h->delete_next) {
        hub_handshake__pause(h);
        h->tries++;
        return;
    }
    h->tries = 0;
    hub_handshake__after(agent);
}

/* A partner that has taken our credentials, and whose own we do not take, shall not keep half a registration: it is told, without waiting.
 */
static void undone(hub_ocpi_call_t *call)
{
    (void)call;
}

static void undo_at_peer(hub_handshake_t *h)
{
    hub_slice_t token = h->offer.token;
    if (!token.len || h->incoming || h->before.authorized || !h->offer.credentials_url.len)
        return;
    hub_ocpi_call_t *call = hub_ocpi_call_create(h->agent, HUB_DELETE, h->offer.credentials_url);
    call->token = hub_pool_copy(call->call.pool, token);
    call->encoding = hub_handshake__encoding(h);
    call->version = h->offer.version;
    call->then = undone;
    call->call.timeout_ms = HUB_HANDSHAKE_DELETE_MS;
    hub_ocpi_call_start(call);
}

static void fail(hub_handshake_t *h)
{
    const hub_finding_t *finding = &h->finding;
    bool last = !finding->again || h->tries + 1 >= HUB_HANDSHAKE_TRIES;
    hub_slice_t text = finding->text;
    hub_log(HUB_WARN, "handshake.failed", HUB_INT("integration", h->agent->id), HUB_STR("plan", h->plan->name),
            HUB_INT("try", h->tries + 1), HUB_STR("error", hub_err_info(finding->err)->name), HUB_SLICE("hint", text));
    if (h->incoming)
        hub_handshake__note_answer(h, finding->ocpi_status, text);
    else if (h->plan->wanted == HUB_WANT_DELETE) {
        text = hub_pool_printf(h->pool, "Unregistered here, but the partner could not be told. %.*s", HUB_SLICE_FMT(text));
        hub_handshake__write(h, h->plan->apply, committed, text, true);
        return;
    } else if (!last)
        text =
            hub_pool_printf(h->pool, "%.*s We try again in a moment (%u of %u).", HUB_SLICE_FMT(text), h->tries + 1, HUB_HANDSHAKE_TRIES);
    else if (finding->again)
        text = hub_pool_printf(h->pool, "%.*s Given up after %u tries: start the exchange again when this is solved.", HUB_SLICE_FMT(text),
                               HUB_HANDSHAKE_TRIES);
    if (last)
        undo_at_peer(h);
    hub_handshake__write(h, hub_handshake__failed, failure_noted, text, last);
}

void hub_handshake__fail(hub_handshake_t *h, hub_err_t err, const char *text)
{
    h->finding = (hub_finding_t){err, hub_err_info(err)->retryable, err == HUB_EINVALID ? 2001 : 3000, hub_slice_str(text)};
    fail(h);
}

/* ---- running ---- */

/* The token was not taken. Not every partner says so by 401: to the first request any refusal may mean that. */
static bool token_refused(const hub_handshake_t *h, const hub_ocpi_call_t *call)
{
    int http = call->call.http_status, ocpi = call->envelope.status_code;
    if (call->call.err)
        return false;
    return http == 401 || (h->step == 0 && (http == 400 || http == 403 || (http == 200 && ocpi >= 2000 && ocpi < 3000)));
}

/* Raw and Base64 tokens both occur, whatever the version: what is refused is asked once more with the other form, which then is remembered.
 * Only while that cannot undo what the operator has set. */
static bool other_encoding(hub_handshake_t *h, const hub_ocpi_call_t *call)
{
    bool set = h->agent->integration->profile.token_encoding != HUB_TOKEN_AUTO && h->before.token_encoding == HUB_TOKEN_AUTO;
    if (h->switched || set || h->plan->wanted == HUB_WANT_DELETE || !token_refused(h, call))
        return false;
    h->encoding = hub_handshake__encoding(h) == HUB_TOKEN_RAW ? HUB_TOKEN_BASE64 : HUB_TOKEN_RAW;
    h->switched = true;
    return true;
}

hub_slice_t hub_handshake__credentials_url(const hub_registration_t *reg)
{
    for (uint32_t i = 0; i < reg->endpoint_count; i++)
        if (reg->endpoints[i].module == OCPI_MODULE_CREDENTIALS)
            return reg->endpoints[i].url;
    return HUB_SLICE_NONE;
}

/* An earlier try has sent our token, and its answer was lost: token A may be spent, which is 401 for all but the same POST again (decision
 * J). */
static bool straight_to_post(hub_handshake_t *h, const hub_ocpi_call_t *call)
{
    const hub_registration_t *before = &h->before;
    hub_slice_t url = hub_handshake__credentials_url(before);
    const hub_step_t *step = h->plan->steps[h->step];
    if (h->plan->wanted != HUB_WANT_POST || step->sends_credentials || call->call.err || call->call.http_status != 401 ||
        !before->pending_token.len || !before->ocpi_version || !url.len)
        return false;
    h->offer.version = before->ocpi_version;
    h->offer.details_url = before->details_url;
    h->offer.endpoints = before->endpoints;
    h->offer.endpoint_count = before->endpoint_count;
    h->offer.credentials_url = url;
    h->step = h->plan->step_count - 1;
    return true;
}

static void answered(hub_ocpi_call_t *call)
{
    hub_handshake_t *h = call->arg;
    if (!h)
        return;
    const hub_step_t *step = h->plan->steps[h->step];
    h->call = NULL;
    hub_finding_t finding = hub_handshake__judge(h, step, call);
    hub_handshake__note(h, step, call, &finding);
    if (finding.err && (straight_to_post(h, call) || other_encoding(h, call))) {
        hub_handshake__next(h);
        return;
    }
    if (finding.err) {
        h->finding = finding;
        fail(h);
        return;
    }
    h->step++;
    hub_handshake__next(h);
}

static bool make_body(hub_handshake_t *h)
{
    hub_core_t *core = h->agent->worker->core;
    hub_view_t *view;
    hub_buf_t body = HUB_BUF_INIT(h->pool);
    hub_err_t err = hub_view_open(core->store, &view);
    if (!err) {
        err = hub_offer_write(core, view, h->pool, h->agent->integration, h->offer.version, h->our_token, &body);
        hub_view_close(view);
    }
    h->body = hub_buf_slice(&body);
    if (err == HUB_EINVALID)
        hub_handshake__fail(h, err,
                            "None of our parties on this integration has a role that OCPI knows: set customerRoles and ourParties.");
    else if (err)
        hub_handshake__fail(h, err, "The store failed.");
    return err == HUB_EOK;
}

static void prepared(hub_handshake_t *h, hub_err_t err)
{
    if (hub_handshake__orphaned(h))
        return;
    if (err == HUB_ECONFLICT || h->delete_next) { /* overtaken: whatever is wanted now starts anew */
        hub_agent_t *agent = h->agent;
        hub_handshake__close(h, HUB_EBUSY);
        hub_handshake__after(agent);
    } else if (err) {
        hub_handshake__fail(h, err, "The store failed.");
    } else if (make_body(h)) {
        hub_handshake__next(h);
    }
}

static void fresh_token(hub_handshake_t *h, char token[HUB_TOKEN_LEN + 1])
{
    hub_token_make(h->agent->worker->core->crypto, token);
}

static uint32_t timeout_of(const hub_handshake_t *h)
{
    uint32_t own = h->agent->integration->profile.timeout_ms;
    uint32_t most = h->incoming ? HUB_HANDSHAKE_ANSWER_MS : h->plan->wanted == HUB_WANT_DELETE ? HUB_HANDSHAKE_DELETE_MS : 0;
    return most && (!own || own > most) ? most : own;
}

static void finish_run(hub_handshake_t *h)
{
    if (h->incoming && !h->our_token.len) {
        char token[HUB_TOKEN_LEN + 1];
        fresh_token(h, token);
        h->our_token = hub_pool_copy(h->pool, hub_slice_str(token));
        if (!make_body(h))
            return;
        hub_handshake__note_answer(h, 1000, HUB_SLICE_NONE);
    }
    hub_handshake__write(h, h->plan->apply, committed, HUB_SLICE_NONE, true);
}

/* What is negotiated in this run, or stands, or can only be; 0: not known yet. */
static ocpi_version_t version_of(const hub_handshake_t *h)
{
    if (h->offer.version)
        return h->offer.version;
    if (h->before.ocpi_version)
        return h->before.ocpi_version;
    uint32_t ours = hub_offer_versions(h->agent->integration);
    return ours == OCPI_V2_1_1 ? OCPI_V2_1_1 : 0;
}

hub_token_encoding_t hub_handshake__encoding(const hub_handshake_t *h)
{
    if (h->encoding != HUB_TOKEN_AUTO)
        return h->encoding; /* found out */
    hub_token_encoding_t set = h->agent->integration->profile.token_encoding;
    return set != HUB_TOKEN_AUTO ? set : hub_ocpi_call_encoding(version_of(h));
}

void hub_handshake__next(hub_handshake_t *h)
{
    if (h->step == h->plan->step_count) {
        finish_run(h);
        return;
    }
    const hub_step_t *step = h->plan->steps[h->step];
    if (step->sends_credentials && !h->body.len) {
        char token[HUB_TOKEN_LEN + 1];
        fresh_token(h, token);
        hub_handshake__write(h, hub_handshake__prepare, prepared, hub_pool_copy(h->pool, hub_slice_str(token)), false);
        return;
    }
    hub_ocpi_call_t *call = hub_ocpi_call_create(h->agent, step->method, step->url(h));
    call->token = hub_pool_copy(call->call.pool, h->token);
    call->encoding = hub_handshake__encoding(h);
    call->version = version_of(h);
    call->call.timeout_ms = timeout_of(h);
    if (step->sends_credentials)
        call->call.body = hub_pool_copy(call->call.pool, h->body);
    call->then = answered;
    call->arg = h;
    h->call = call;
    hub_ocpi_call_start(call);
}
