/* One outbound OCPI request of an agent. Rules T15, T17, T19, T20, H1, H2, C24. Home worker only. */
#include <string.h>

#include "agent.h"

#define TIMEOUT_MS 30000u
#define PAUSE_FIRST_MS 1000u
#define RETRY_AFTER_MOST_S 3600u

hub_ocpi_call_t *hub_ocpi_call_create(hub_agent_t *agent, hub_method_t method, hub_slice_t url)
{
    hub_pool_t *pool = hub_pool_create();
    hub_ocpi_call_t *call = HUB_POOL_NEW(pool, hub_ocpi_call_t);
    call->call.pool = pool;
    call->call.method = method;
    call->call.url = hub_pool_copy(pool, url);
    call->agent = agent;
    return call;
}

void hub_ocpi_call_destroy(hub_ocpi_call_t *call)
{
    if (!call)
        return;
    if (call->in_then)
        call->keep = false; /* when `then` has returned */
    else
        hub_pool_destroy(call->call.pool);
}

static void add_header(hub_ocpi_call_t *call, const char *name, hub_slice_t value)
{
    HUB_ASSERT(call->call.header_count < HUB_CALL_HEADERS);
    call->call.headers[call->call.header_count++] = (hub_header_t){hub_slice_str(name), value};
}

/* 0: none is negotiated yet; then all is done as in the newer ones. */
static ocpi_version_t version_of(const hub_ocpi_call_t *call)
{
    return call->version ? call->version : call->agent->integration->ocpi_version;
}

hub_token_encoding_t hub_ocpi_call_encoding(ocpi_version_t version)
{
    return version == OCPI_V2_1_1 ? HUB_TOKEN_RAW : HUB_TOKEN_BASE64;
}

static bool sent_raw(const hub_ocpi_call_t *call)
{
    hub_token_encoding_t encoding = call->encoding != HUB_TOKEN_AUTO ? call->encoding : call->agent->integration->profile.token_encoding;
    return (encoding == HUB_TOKEN_AUTO ? hub_ocpi_call_encoding(version_of(call)) : encoding) == HUB_TOKEN_RAW;
}

static void add_authorization(hub_ocpi_call_t *call)
{
    hub_pool_t *pool = call->call.pool;
    hub_slice_t token = call->token.ptr ? call->token : call->agent->integration->their_token;
    if (!token.len)
        return;
    if (!call->token.ptr)
        call->sent = hub_pool_copy(pool, token);
    if (!sent_raw(call))
        token = hub_base64_encode(pool, token);
    add_header(call, "Authorization", hub_pool_printf(pool, "Token %.*s", HUB_SLICE_FMT(token)));
}

static void add_ids(hub_ocpi_call_t *call)
{
    char id[HUB_UUID_LEN + 1];
    if (version_of(call) == OCPI_V2_1_1)
        return;
    hub_uuid(id);
    add_header(call, "X-Request-ID", hub_pool_copy(call->call.pool, hub_slice_str(id)));
    hub_uuid(id);
    add_header(call, "X-Correlation-ID", hub_pool_copy(call->call.pool, hub_slice_str(id)));
}

/* The party that has this side of the call's module; a hub stands for the parties behind it. *several: more than one would do. When no role
 * says so, the first. */
static const hub_party_ref_t *party_for(const hub_ocpi_call_t *call, const hub_party_ref_t *list, uint32_t count, uint32_t otherwise,
                                        ocpi_side_t side, bool *several)
{
    const hub_party_ref_t *found = NULL;
    *several = false;
    for (uint32_t i = 0; i < count; i++) {
        const hub_party_ref_t *party = &list[i];
        uint32_t roles = party->roles ? party->roles : otherwise;
        if (!(ocpi_role_sides(roles, call->module) & side))
            continue;
        if (roles & OCPI_ROLE_HUB) {
            *several = false;
            return party;
        }
        if (!found)
            found = party;
        else if (strcmp(found->country, party->country) != 0 || strcmp(found->party, party->party) != 0)
            *several = true;
    }
    return found ? found : count ? list : NULL;
}

/* What the caller left open. A list of several of the peer's parties is asked for without naming one of them (decision O). */
static void choose_parties(hub_ocpi_call_t *call)
{
    const hub_integration_t *to = call->agent->integration;
    bool several;
    const hub_party_ref_t *party = party_for(call, to->parties, to->party_count, to->customer_roles,
                                             call->side == OCPI_SENDER ? OCPI_RECEIVER : OCPI_SENDER, &several);
    if (!call->from_party.len && party) {
        call->from_country = hub_slice_str(party->country);
        call->from_party = hub_slice_str(party->party);
    }
    party = party_for(call, to->peer_roles, to->peer_role_count, 0, call->side, &several);
    if (!call->to_party.len && party && !(several && call->call.method == HUB_GET)) {
        call->to_country = hub_slice_str(party->country);
        call->to_party = hub_slice_str(party->party);
    }
}

static void add_routing(hub_ocpi_call_t *call)
{
    if (!(version_of(call) & OCPI_V_22UP))
        return;
    choose_parties(call);
    const struct {
        const char *name;
        hub_slice_t value;
    } rows[] = {
        {"OCPI-from-country-code", call->from_country},
        {"OCPI-from-party-id", call->from_party},
        {"OCPI-to-country-code", call->to_country},
        {"OCPI-to-party-id", call->to_party},
    };
    for (size_t i = 0; i < HUB_COUNT(rows); i++)
        if (rows[i].value.len)
            add_header(call, rows[i].name, hub_pool_copy(call->call.pool, rows[i].value));
}

static bool holds(hub_slice_t text, hub_slice_t secret)
{
    return secret.len > 0 && text.len >= secret.len && memmem(text.ptr, text.len, secret.ptr, secret.len) != NULL;
}

/* The partner's words go on to logs and people: not when they repeat a token. */
static void drop_secrets(hub_ocpi_call_t *call)
{
    const hub_integration_t *to = call->agent->integration;
    const hub_slice_t secrets[] = {call->token, to->their_token};
    for (size_t i = 0; i < HUB_COUNT(secrets); i++)
        if (holds(call->envelope.message, secrets[i]) ||
            (secrets[i].len && holds(call->envelope.message, hub_base64_encode(call->call.pool, secrets[i]))))
            call->envelope.message = HUB_SLICE_LIT("(its words repeat a token and are not kept)");
}

/* A 401 to a token that was replaced while the call was under way says nothing about the new one: as if the call had been cancelled. */
static bool outdated(const hub_ocpi_call_t *call)
{
    return call->call.err == HUB_EOK && call->call.http_status == 401 && call->sent.len &&
           !hub_slice_eq(call->sent, call->agent->integration->their_token);
}

static void on_done(hub_call_t *done)
{
    hub_ocpi_call_t *call = (hub_ocpi_call_t *)done;
    hub_agent_t *agent = call->agent;
    if (done->err == HUB_EOK) {
        agent->health.slow_ms = (agent->health.slow_ms * 7 + done->duration_ms) / 8;
        if (done->answer.len && ocpi_envelope_read(done->pool, done->answer, &call->envelope) != HUB_EOK)
            memset(&call->envelope, 0, sizeof call->envelope);
        drop_secrets(call);
    }
    hub_log(HUB_DEBUG, "peer.call", HUB_INT("integration", agent->id), HUB_STR("method", hub_method_name(done->method)),
            HUB_SLICE("url", done->url), HUB_STR("error", hub_err_info(done->err)->name), HUB_INT("http_status", done->http_status),
            HUB_INT("status_code", call->envelope.status_code), HUB_INT("ms", done->duration_ms));
    hub_agent_called(agent, &call->calling);
    if (outdated(call))
        done->err = HUB_ESTOPPING;
    /* The agent must outlive `then`, which may end its last piece of work. */
    hub_agent_hold(agent);
    call->in_then = true;
    call->then(call);
    call->in_then = false;
    if (!call->keep)
        hub_ocpi_call_destroy(call);
    hub_agent_release(agent);
}

void hub_ocpi_call_start(hub_ocpi_call_t *call)
{
    hub_agent_t *agent = call->agent;
    add_authorization(call);
    add_ids(call);
    if (call->routed)
        add_routing(call);
    add_header(call, "Accept", HUB_SLICE_LIT("application/json"));
    if (call->call.body.ptr)
        add_header(call, "Content-Type", HUB_SLICE_LIT("application/json"));
    if (!call->call.timeout_ms)
        call->call.timeout_ms = agent->integration->profile.timeout_ms ? agent->integration->profile.timeout_ms : TIMEOUT_MS;
    call->call.done = on_done;
    hub_agent_call(agent, &call->calling, &call->call);
}

uint64_t hub_agent_pause(unsigned failures, uint64_t most, hub_slice_t retry_after)
{
    uint64_t seconds = 0, ms = PAUSE_FIRST_MS;
    for (unsigned i = 1; i < failures && ms < most; i++)
        ms *= 2;
    if (ms > most)
        ms = most;
    ms = ms / 2 + hub_jitter((uint32_t)(ms / 2) + 1);
    if (!hub_slice_u64(hub_slice_trim(retry_after), &seconds))
        return ms;
    if (seconds > RETRY_AFTER_MOST_S)
        seconds = RETRY_AFTER_MOST_S;
    return seconds * 1000 > ms ? seconds * 1000 + hub_jitter(500) : ms;
}
