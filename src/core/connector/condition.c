/* What people see of a connector: its status in words, and its row of the delivery page. */
#include "run.h"

#define OFFLINE_AFTER 3u /* calls in a row that did not get through */
#define LAG_MOST 10000u

/* ---- status ---- */

static hub_integration_status_t add_trouble(const hub_run_t *run, hub_buf_t *out)
{
    hub_slice_t detail = hub_slice_str(run->detail);
    switch (run->trouble) {
    case HUB_OUTCOME_GONE:
        hub_buf_add_str(out, "The receiver answered 410 Gone: nothing is sent until the settings change.");
        return HUB_STATUS_FAILED;
    case HUB_OUTCOME_DENIED:
        hub_buf_printf(out, "The receiver does not accept our credentials (%.*s). Correct the settings; we try again now and then.",
                       HUB_SLICE_FMT(detail));
        return HUB_STATUS_FAILED;
    default:
        break;
    }
    if (!run->unreached) {
        hub_buf_printf(out, "The receiver takes nothing now (%.*s). We try again with growing pauses.", HUB_SLICE_FMT(detail));
        return HUB_STATUS_DEGRADED;
    }
    hub_buf_printf(out, "The receiver cannot be reached (%.*s). We go on trying; what changes meanwhile is sent when it is back.",
                   HUB_SLICE_FMT(detail));
    return run->unreached >= OFFLINE_AFTER ? HUB_STATUS_OFFLINE : HUB_STATUS_DEGRADED;
}

static bool any_failed(const hub_run_t *run)
{
    for (const hub_shipment_t *s = run->waiting; s; s = s->next)
        if (s->attempts)
            return true;
    return false;
}

static bool is_trouble(hub_integration_status_t status)
{
    return status == HUB_STATUS_FAILED || status == HUB_STATUS_OFFLINE || status == HUB_STATUS_DEGRADED;
}

bool hub_connector_judge(const struct hub_agent *agent, hub_integration_status_t *status, hub_buf_t *text)
{
    const hub_run_t *run = agent->connector;
    if (!run || run->ended || !run->loaded)
        return false;
    *status = HUB_STATUS_DEGRADED;
    if (run->wrong.len) {
        *status = HUB_STATUS_FAILED;
        hub_buf_printf(text, "Nothing can be delivered with these settings: %.*s.", HUB_SLICE_FMT(run->wrong));
    } else if (run->trouble != HUB_OUTCOME_ACCEPTED) {
        *status = add_trouble(run, text);
    } else if (run->waiting_count >= HUB_RUN_WAITING) {
        hub_buf_printf(text, "%u deliveries have failed and wait for another try: nothing more is begun until some are done (%s).",
                       HUB_RUN_WAITING, run->detail);
    } else if (hub_run__parks_full(run)) {
        hub_buf_printf(text, "%llu deliveries are parked: nothing more is begun until some of them have been sent or dropped.",
                       (unsigned long long)run->parked_now);
    } else if (any_failed(run)) {
        hub_buf_add_str(text, "Some deliveries have failed and are tried again by themselves: see the delivery page of this integration.");
    } else if (run->parked_now) {
        hub_buf_add_str(text, "Some deliveries are parked: see the quarantine of this integration.");
    } else if (run->heard) {
        *status = HUB_STATUS_CONNECTED;
    } else if (run->renewed && is_trouble(agent->integration->status)) {
        *status = HUB_STATUS_AWAITING_PARTNER;
        hub_buf_add_str(text, "The settings have changed: nothing was delivered since.");
    } else {
        return false; /* nothing heard yet: what was last known stays */
    }
    return true;
}

/* ---- the delivery page ---- */

static uint64_t lag_of(const hub_agent_t *agent, uint32_t sources, hub_view_t *view, uint64_t cursor)
{
    hub_event_reader_t reader;
    hub_event_t event;
    uint64_t lag = 0;
    hub_event_reader_init(&reader, view, agent->tenant, sources, cursor);
    while (lag < LAG_MOST && hub_event_reader_next(&reader, &event))
        lag++;
    hub_event_reader_finish(&reader);
    return lag;
}

static int64_t next_attempt(const hub_run_t *run)
{
    int64_t next = 0;
    for (const hub_shipment_t *s = run->waiting; s; s = s->next)
        if (s->due && (!next || s->due < next))
            next = s->due;
    return next > run->pause_until ? next : run->pause_until;
}

static hub_slice_t why_not(const hub_agent_t *agent, const hub_run_t *run)
{
    const hub_connector_t *connector = agent->integration->connector;
    if (connector->active)
        return run->trouble == HUB_OUTCOME_GONE ? HUB_SLICE_LIT("the receiver answered 410 Gone") : run->wrong;
    return !agent->integration->enabled ? HUB_SLICE_LIT("it is switched off")
           : !connector->complete       ? HUB_SLICE_LIT("settings are missing")
           : connector->unreadable      ? HUB_SLICE_LIT("a secret does not open")
                                        : HUB_SLICE_LIT("it is not activated");
}

void hub_connector_describe(struct hub_agent *agent, hub_view_t *view, hub_buf_t *out)
{
    static const char *const feeds[] = {"events", "cdrs", "billing", "alerts", "export"};
    static const hub_run_t none = {0};
    const hub_run_t *run = agent->connector ? agent->connector : &none;
    const hub_connector_kind_t *kind = hub_connector_kind_of(agent->integration->connector);
    uint64_t cursor;
    int64_t now = hub_now_ms();
    hub_connector__begun(view, agent->id, &cursor);
    if (run->loaded)
        cursor = hub_run__cursor(run);
    hub_buf_printf(out, "{\"module\":\"%s\",\"direction\":\"deliver\",\"enabled\":%s,\"whyNot\":", kind ? feeds[kind->feed] : "none",
                   agent->integration->connector->active ? "true" : "false");
    hub_slice_t why = why_not(agent, run);
    hub_buf_add_json(out, why.len ? why : HUB_SLICE_NONE);
    hub_buf_printf(out, ",\"running\":%s,\"cursor\":%llu,\"lag\":%llu,\"sent\":%llu,\"failed\":%llu,\"retrying\":%u",
                   hub_run__may_send(run) ? "true" : "false", (unsigned long long)cursor,
                   (unsigned long long)lag_of(agent, run->sources, view, cursor), (unsigned long long)run->sent,
                   (unsigned long long)run->failed, run->waiting_count);
    hub_delivery_add_time(out, "nextAttempt", next_attempt(run));
    hub_buf_printf(out, ",\"parked\":%llu,\"rates\":{\"sentPerMinute\":%llu,\"failedPerMinute\":%llu}", (unsigned long long)run->parked_now,
                   (unsigned long long)hub_rate_read(run->sent_rate, now), (unsigned long long)hub_rate_read(run->failed_rate, now));
    hub_delivery_add_time(out, "lastSuccess", run->last_success);
    hub_delivery_add_time(out, "lastErrorAt", run->last_error_at);
    hub_buf_add_str(out, ",\"lastError\":");
    hub_buf_add_json(out, run->detail[0] ? hub_slice_str(run->detail) : HUB_SLICE_NONE);
    hub_delivery_add_time(out, "backoffUntil", run->pause_until);
    hub_delivery_add_time(out, "nextRun", run->tick.open ? 0 : run->tick.at);
    hub_buf_add_char(out, '}');
}
