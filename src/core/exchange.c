/* One request through the hub: finds the face, authenticates, routes, checks what is common to all requests, calls the handler. */
#include <string.h>

#include "audit/audit.h"
#include "core.h"
#include "face.h"
#include "handshake/offer.h"
#include "integration/integration.h"
#include "integration/registration.h"
#include "metrics.h"
#include "reply.h"
#include "v1.h"

const char *const hub_header_names[HUB_HEADER_COUNT] = {
    [HUB_HEADER_AUTHORIZATION] = "authorization",
    [HUB_HEADER_API_KEY] = "x-api-key",
    [HUB_HEADER_PLATFORM_ID] = "x-platform-id",
    [HUB_HEADER_CONTENT_TYPE] = "content-type",
    [HUB_HEADER_ACCEPT] = "accept",
    [HUB_HEADER_IF_MATCH] = "if-match",
    [HUB_HEADER_IF_NONE_MATCH] = "if-none-match",
    [HUB_HEADER_PREFER] = "prefer",
    [HUB_HEADER_IDEMPOTENCY_KEY] = "idempotency-key",
    [HUB_HEADER_LAST_EVENT_ID] = "last-event-id",
    [HUB_HEADER_REQUEST_ID] = "x-request-id",
    [HUB_HEADER_CORRELATION_ID] = "x-correlation-id",
    [HUB_HEADER_TO_PARTY] = "ocpi-to-party-id",
    [HUB_HEADER_TO_COUNTRY] = "ocpi-to-country-code",
    [HUB_HEADER_FROM_PARTY] = "ocpi-from-party-id",
    [HUB_HEADER_FROM_COUNTRY] = "ocpi-from-country-code",
    [HUB_HEADER_CONTENT_ENCODING] = "content-encoding",
};

/* ---- views and writes on behalf of an exchange ---- */

hub_view_t *hub_exchange_view(hub_exchange_t *x)
{
    if (x->state->view)
        return x->state->view;
    hub_err_t err = hub_view_open(x->worker->core->store, &x->state->view);
    if (err == HUB_EOK)
        return x->state->view;
    hub_reply_err(x, err, HUB_SLICE_NONE);
    return NULL;
}

void hub_exchange_view_close(hub_exchange_t *x)
{
    hub_view_close(x->state->view);
    x->state->view = NULL;
}

static hub_err_t write_apply(hub_view_t *view, hub_op_t *op)
{
    hub_write_t *write = hub_write_of(op);
    write->audit = (hub_audit_note_t){.skip = false};
    hub_err_t err = write->apply(view, op);
    return err ? err : hub_audit_write(view, write);
}

static void write_done(hub_op_t *op)
{
    hub_write_t *write = hub_write_of(op);
    write->then(write);
}

void hub_exchange_write(hub_exchange_t *x, hub_err_t (*apply)(hub_view_t *view, hub_op_t *op), void (*then)(hub_write_t *write), void *arg)
{
    hub_write_t *write = HUB_POOL_NEW(x->pool, hub_write_t);
    write->op.apply = write_apply;
    write->op.done = write_done;
    write->op.reply_to = x->worker->mailbox;
    write->x = x;
    write->apply = apply;
    write->then = then;
    write->arg = arg;
    hub_exchange_view_close(x);
    hub_err_t err = hub_store_submit(x->worker->core->store, &write->op);
    if (err)
        hub_reply_err(x, err, HUB_SLICE_NONE);
}

void hub_exchange_sent(hub_exchange_t *x)
{
    if (x->state)
        hub_exchange_view_close(x);
}

/* Server-Timing: how many milliseconds the hub took, so that a backend can tell its own waits and the network's from ours. */
static hub_slice_t timing(hub_exchange_t *x)
{
    int64_t took = hub_mono_us() - x->state->started;
    return hub_pool_printf(x->pool, "hub;dur=%lld.%03d", (long long)(took / 1000), (int)(took % 1000));
}

void hub_exchange_done(hub_exchange_t *x)
{
    hub_exchange_state_t *state = x->state;
    if (x->reply.part_count && !x->takes_parts) {
        x->reply.body = hub_pool_join(x->pool, x->reply.parts, x->reply.part_count);
        x->reply.part_count = 0;
    }
    if (!x->reply.part_count)
        hub_exchange_view_close(x);
    if (!state->ocpi)
        hub_reply_add_header(x, "x-request-id", hub_slice(state->trace_id, HUB_UUID_LEN));
    else
        hub_reply_add_ids(x);
    if (state->face_v1 && !(state->route && (state->route->flags & HUB_V1_OPEN)))
        /* Who asks and for which platform are in headers that a cache between us does not look at. */
        hub_reply_add_header(x, "cache-control", HUB_SLICE_LIT("no-store"));
    if (state->face_v1)
        hub_reply_add_header(x, "server-timing", timing(x));
    hub_metric_add(x->worker->core, state->tenant,
                   state->ocpi      ? HUB_METRIC_REQUESTS_OCPI
                   : state->face_v1 ? HUB_METRIC_REQUESTS_V1
                                    : HUB_METRIC_REQUESTS_OTHER,
                   1);
    if (x->reply.status >= 400) {
        hub_metric_add(x->worker->core, state->tenant, x->reply.status < 500 ? HUB_METRIC_ERRORS_CLIENT : HUB_METRIC_ERRORS_SERVER, 1);
        /* The trace id of every problem that a client of /v1 shows can be found here; /ocpi has lines of its own. */
        hub_level_t level = state->ocpi ? HUB_DEBUG : HUB_INFO;
        if (x->reply.status >= 500)
            level = HUB_WARN;
        hub_log(level, "request.failed", HUB_STR("trace_id", state->trace_id), HUB_STR("method", hub_method_name(x->method)),
                HUB_SLICE("path", x->path), HUB_INT("http_status", x->reply.status), HUB_SLICE("detail", state->problem),
                HUB_SLICE("actor", state->actor));
    }
    x->done(x);
}

/* ---- /ocpi ---- */

void hub_exchange_add_allow(hub_exchange_t *x, uint32_t methods)
{
    static const struct {
        uint32_t bit;
        const char *name;
    } names[] = {{OCPI_GET, "GET, HEAD"}, {OCPI_POST, "POST"}, {OCPI_PUT, "PUT"}, {OCPI_PATCH, "PATCH"}, {OCPI_DELETE, "DELETE"}};
    hub_buf_t out = HUB_BUF_INIT(x->pool);
    for (size_t i = 0; i < HUB_COUNT(names); i++) {
        if (!(methods & names[i].bit))
            continue;
        if (out.len)
            hub_buf_add_str(&out, ", ");
        hub_buf_add_str(&out, names[i].name);
    }
    hub_reply_add_header(x, "allow", hub_buf_slice(&out));
}

static uint32_t method_bit(hub_method_t method)
{
    switch (method) {
    case HUB_GET:
    case HUB_HEAD:
        return OCPI_GET;
    case HUB_POST:
        return OCPI_POST;
    case HUB_PUT:
        return OCPI_PUT;
    case HUB_PATCH:
        return OCPI_PATCH;
    case HUB_DELETE:
        return OCPI_DELETE;
    default:
        return 0;
    }
}

static void unref_integration(void *integration)
{
    hub_integration_unref(integration);
}

/* T13, T16: the token alone tells who calls. */
static bool authenticate_peer(hub_exchange_t *x)
{
    hub_exchange_state_t *state = x->state;
    hub_view_t *view = hub_exchange_view(x);
    if (!view)
        return false;
    hub_token_record_t record;
    hub_err_t err = hub_token_find(x->worker, view, x->pool, x->header[HUB_HEADER_AUTHORIZATION], &record);
    if (err == HUB_EOK)
        err = hub_integration_get(x->worker, view, record.tenant, record.integration, &state->integration);
    if (err == HUB_ENOT_FOUND)
        err = HUB_EUNAUTHORIZED;
    if (err) {
        hub_reply_ocpi_err(x, err, HUB_SLICE_NONE);
        return false;
    }
    hub_pool_link(x->pool, unref_integration, state->integration);
    state->tenant = record.tenant;
    state->token_kind = record.kind;
    state->token_used = record.used;
    return true;
}

/* T14: token A opens versions and credentials only. Decision J: a spent one only repeats its POST. */
static bool token_opens(const hub_exchange_state_t *state, hub_method_t method)
{
    unsigned action = state->target.route ? state->target.route->action : OCPI_ACTION_LATER;
    switch (state->token_kind) {
    case HUB_TOKEN_KIND_OURS:
    case HUB_TOKEN_KIND_PREVIOUS:
        return true;
    case HUB_TOKEN_KIND_A:
    case HUB_TOKEN_KIND_PENDING:
        return action <= OCPI_ACTION_CREDENTIALS;
    case HUB_TOKEN_KIND_A_SPENT:
        return action == OCPI_ACTION_CREDENTIALS && method == HUB_POST;
    default:
        return false;
    }
}

static void (*const ocpi_handlers[])(hub_exchange_t *x) = {
    [OCPI_ACTION_VERSIONS] = hub_ocpi_versions,       [OCPI_ACTION_DETAILS] = hub_ocpi_details,
    [OCPI_ACTION_CREDENTIALS] = hub_ocpi_credentials, [OCPI_ACTION_LIST] = hub_ocpi_list,
    [OCPI_ACTION_OBJECT] = hub_ocpi_object,           [OCPI_ACTION_CREATE] = hub_ocpi_create,
    [OCPI_ACTION_PREFERENCES] = hub_ocpi_preferences,
};

/* Is this resource one of those that version details tell this partner of? */
static bool is_offered(const hub_exchange_state_t *state)
{
    const ocpi_target_t *target = &state->target;
    if (!target->route || target->route->action >= HUB_COUNT(ocpi_handlers))
        return false;
    bool negotiated = state->integration->authorized && target->version == state->integration->ocpi_version; /* nearly always */
    if (target->version && !negotiated && !(hub_offer_versions_open(state->integration) & target->version))
        return false;
    return target->route->action <= OCPI_ACTION_CREDENTIALS ||
           (ocpi_role_sides(hub_offer_roles(state->integration, target->version), target->route->module) & target->route->side);
}

static void run_ocpi(hub_exchange_t *x)
{
    hub_exchange_state_t *state = x->state;
    state->ocpi = true;
    if (!authenticate_peer(x))
        return;
    hub_slice_t below = hub_slice(x->path.ptr + 5, x->path.len - 5); /* after "/ocpi" */
    hub_err_t err = ocpi_route_match(x->pool, below, &state->target);
    if (err) {
        hub_reply_ocpi_err(x, HUB_EMALFORMED, HUB_SLICE_LIT("the URL has a broken escape"));
    } else if (!token_opens(state, x->method)) {
        /* A pending token: the peer may know before us that our exchange has succeeded, and shall come again in a moment. */
        hub_reply_ocpi_err(x, state->token_kind == HUB_TOKEN_KIND_PENDING ? HUB_EBUSY : HUB_EUNAUTHORIZED, HUB_SLICE_NONE);
    } else if (!state->integration->enabled) {
        hub_reply_ocpi_err(x, HUB_EFORBIDDEN, HUB_SLICE_LIT("this connection is suspended"));
    } else if (!is_offered(state)) {
        hub_reply_ocpi_err(x, HUB_ENOT_FOUND, HUB_SLICE_NONE);
    } else if (!(state->target.methods & method_bit(x->method))) {
        hub_exchange_add_allow(x, state->target.methods);
        hub_reply_ocpi_err(x, HUB_EMETHOD, HUB_SLICE_NONE);
    } else {
        const hub_token_record_t record = {
            .tenant = state->tenant, .integration = state->integration->id, .kind = state->token_kind, .used = state->token_used};
        hub_registration_token_used(x, &record);
        ocpi_handlers[state->target.route->action](x);
    }
}

/* ---- /v1, and what stands beside it ---- */

static void deny(hub_exchange_t *x, hub_err_t err)
{
    hub_audit_denied(x, err);
    hub_reply_problem(x, err, HUB_SLICE_NONE);
}

void hub_exchange_forbid(hub_exchange_t *x, const char *permission, hub_slice_t detail)
{
    hub_slice_t scope = permission ? hub_pool_printf(x->pool, ", scope=\"%s\"", permission) : HUB_SLICE_LIT("");
    x->state->challenge = hub_pool_printf(x->pool, "Bearer realm=\"ocpi-hub\", error=\"insufficient_scope\"%.*s", HUB_SLICE_FMT(scope));
    hub_audit_denied(x, HUB_EFORBIDDEN);
    hub_reply_problem(x, HUB_EFORBIDDEN, detail);
}

static void deny_permission(hub_exchange_t *x, const char *permission)
{
    hub_exchange_forbid(x, permission, hub_pool_printf(x->pool, "this needs the permission %s", permission));
}

static bool below(hub_slice_t path, hub_slice_t root)
{
    return hub_slice_starts(path, root) && (path.len == root.len || path.ptr[root.len] == '/');
}

/* Which tenant a request acts for is known before its route: what another tenant has cannot even be told from what nobody has. */
static void run_v1(hub_exchange_t *x)
{
    hub_exchange_state_t *state = x->state;
    uint32_t allowed = 0;
    state->started = hub_mono_us();
    const hub_v1_route_t *route = hub_v1_match(x, &allowed);
    bool open = route ? route->flags & HUB_V1_OPEN : !below(x->path, HUB_SLICE_LIT("/v1"));
    state->face_v1 = !open || below(x->path, HUB_SLICE_LIT("/oauth2")) || below(x->path, HUB_SLICE_LIT("/.well-known"));
    state->route = route;
    if (!open) {
        if (!hub_exchange_view(x))
            return;
        hub_err_t err = hub_key_authenticate(x);
        if (err == HUB_EUNAUTHORIZED || err == HUB_ENOT_FOUND) {
            deny(x, err);
            return;
        }
        if (err) {
            hub_reply_problem(x, err,
                              err == HUB_EMALFORMED ? HUB_SLICE_LIT("X-API-KEY and Authorization hold two credentials: send one")
                                                    : HUB_SLICE_NONE);
            return;
        }
    }
    if (!route && allowed) {
        hub_exchange_add_allow(x, allowed);
        hub_reply_problem(x, HUB_EMETHOD, HUB_SLICE_NONE);
    } else if (!route) {
        hub_reply_problem(x, HUB_ENOT_FOUND, HUB_SLICE_NONE);
    } else if (route->permission & ~state->permissions) {
        deny_permission(x, hub_v1_permission_name(route->permission));
    } else if (hub_v1_query_fits(x, route)) {
        route->handle(x);
    }
}

static bool is_known(hub_exchange_t *x)
{
    unsigned char hash[HUB_SHA256_LEN];
    hub_token_record_t record;
    hub_view_t *view;
    if (hub_view_open(x->worker->core->store, &view) != HUB_EOK)
        return true; /* the request itself will say so */
    bool known;
    if (below(x->path, HUB_SLICE_LIT("/ocpi"))) {
        known = hub_token_find(x->worker, view, x->pool, x->header[HUB_HEADER_AUTHORIZATION], &record) == HUB_EOK;
    } else {
        hub_key_hash(x, hash);
        known = hub_key_stands(x->worker->core, view, hash);
    }
    hub_view_close(view);
    return known;
}

bool hub_exchange_known(hub_exchange_t *x)
{
    if (is_known(x))
        return true;
    x->state = HUB_POOL_NEW(x->pool, hub_exchange_state_t);
    hub_uuid(x->state->trace_id);
    if (below(x->path, HUB_SLICE_LIT("/v1")))
        hub_audit_denied(x, HUB_EUNAUTHORIZED);
    return false;
}

void hub_exchange_run(hub_exchange_t *x)
{
    x->state = HUB_POOL_NEW(x->pool, hub_exchange_state_t);
    hub_uuid(x->state->trace_id);
    if (below(x->path, HUB_SLICE_LIT("/ocpi")))
        run_ocpi(x);
    else
        run_v1(x);
}
