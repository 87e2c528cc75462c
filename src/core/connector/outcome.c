/* What an answer means, and what follows from it: done, tried again, parked, or everything pauses. */
#include <stdlib.h>
#include <string.h>

#include "metrics.h"
#include "run.h"

/* ---- HTTP and SMTP ---- */

typedef struct hub_outcome_row {
    int from, to;
    hub_outcome_t outcome;
} hub_outcome_row_t;

/* The first row that fits. */
static const hub_outcome_row_t http_rows[] = {
    {200, 299, HUB_OUTCOME_ACCEPTED}, {401, 401, HUB_OUTCOME_DENIED},  {403, 403, HUB_OUTCOME_DENIED}, {408, 408, HUB_OUTCOME_FAILED},
    {410, 410, HUB_OUTCOME_GONE},     {425, 425, HUB_OUTCOME_FAILED},  {429, 429, HUB_OUTCOME_BUSY},   {503, 503, HUB_OUTCOME_BUSY},
    {500, 599, HUB_OUTCOME_FAILED},   {300, 499, HUB_OUTCOME_REFUSED},
};
static const hub_outcome_row_t mail_rows[] = {
    {200, 299, HUB_OUTCOME_ACCEPTED}, {421, 421, HUB_OUTCOME_BUSY},    {400, 499, HUB_OUTCOME_FAILED},
    {530, 538, HUB_OUTCOME_DENIED},   {500, 599, HUB_OUTCOME_REFUSED},
};

static hub_outcome_t look_up(const hub_outcome_row_t *rows, size_t count, int status)
{
    for (size_t i = 0; i < count; i++)
        if (status >= rows[i].from && status <= rows[i].to)
            return rows[i].outcome;
    return HUB_OUTCOME_FAILED;
}

static hub_outcome_t judge(hub_delivery_t *delivery)
{
    const hub_call_t *call = &delivery->call;
    hub_outcome_t outcome = call->err == HUB_EPEER_TOO_LARGE ? HUB_OUTCOME_FAILED : HUB_OUTCOME_BUSY;
    if (call->err)
        return outcome;
    outcome = call->mail ? look_up(mail_rows, HUB_COUNT(mail_rows), call->http_status)
                         : look_up(http_rows, HUB_COUNT(http_rows), call->http_status);
    if (delivery->kind->read)
        return delivery->kind->read(delivery, outcome);
    if (outcome != HUB_OUTCOME_ACCEPTED)
        delivery->problem = hub_delivery_words(delivery);
    return outcome;
}

/* ---- words ---- */

static bool repeats(hub_slice_t text, yyjson_val *secret)
{
    size_t i, n;
    yyjson_val *key, *value;
    if (yyjson_is_str(secret)) {
        hub_slice_t s = ocpi_str(secret);
        size_t telling = s.len < 16 ? s.len : 16; /* what people read is cut */
        return s.len >= 6 && text.len >= telling && memmem(text.ptr, text.len, s.ptr, telling);
    }
    yyjson_obj_foreach(secret, i, n, key, value)
    {
        if (repeats(text, value))
            return true;
    }
    return false;
}

/* A receiver's words go on to logs and people: not when they repeat a secret. */
static bool tells_secret(const hub_delivery_t *delivery, hub_slice_t text)
{
    yyjson_doc *doc;
    const hub_connector_t *connector = delivery->connector;
    hub_pool_t *pool = delivery->call.pool;
    for (uint32_t i = 0; i < connector->member_count; i++) {
        const hub_connector_member_t *member = &connector->members[i];
        if (member->secret && member->json.ptr && ocpi_read(pool, member->json, &doc, NULL) == HUB_EOK &&
            repeats(text, yyjson_doc_get_root(doc)))
            return true;
    }
    return connector->credentials.ptr && ocpi_read(pool, connector->credentials, &doc, NULL) == HUB_EOK &&
           repeats(text, yyjson_doc_get_root(doc));
}

/* "HTTP 500: …" */
static hub_slice_t said(const hub_run_t *run, const hub_delivery_t *delivery)
{
    const hub_call_t *call = &delivery->call;
    hub_slice_t words = call->err && !call->secret_url ? call->detail : delivery->problem;
    hub_slice_t what = call->err ? hub_slice_str(hub_err_info(call->err)->text)
                                 : hub_pool_printf(call->pool, "%s %d", call->mail ? "SMTP" : "HTTP", call->http_status);
    if (!call->err && (tells_secret(delivery, words) || hub_auth_echoed(call, words) || (run->auth && hub_auth_repeats(run->auth, words))))
        words = HUB_SLICE_LIT("(its words repeat a secret and are not kept)");
    words = hub_slice_utf8_cut(words, 150);
    return words.len ? hub_pool_printf(call->pool, "%.*s: %.*s", HUB_SLICE_FMT(what), HUB_SLICE_FMT(words)) : what;
}

void hub_run__detail(hub_run_t *run, hub_slice_t text)
{
    text = hub_slice_utf8_cut(text, sizeof run->detail - 1);
    for (size_t i = 0; i < text.len; i++)
        run->detail[i] = (unsigned char)text.ptr[i] < ' ' ? ' ' : text.ptr[i];
    run->detail[text.len] = 0;
    run->last_error_at = hub_now_ms();
}

/* ---- what follows ---- */

/* As the Standard Webhooks specification has it, in seconds. The last try is when the time is over. */
static const uint32_t pauses[] = {5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400};

static int64_t next_due(const hub_shipment_t *s, const hub_call_t *call, int64_t now)
{
    size_t at = s->failures < HUB_COUNT(pauses) ? s->failures : HUB_COUNT(pauses) - 1;
    uint64_t seconds = 0, pause = pauses[at] * 1000ull;
    if (call && hub_slice_u64(hub_slice_trim(call->retry_after), &seconds) && seconds <= 3600 && seconds * 1000 > pause)
        pause = seconds * 1000;
    int64_t due = now + (int64_t)(pause + hub_jitter((uint32_t)(pause / 10) + 1));
    return due < s->first + HUB_RUN_KEPT_MS ? due : s->first + HUB_RUN_KEPT_MS;
}

static void park(hub_shipment_t *s, hub_package_t *package)
{
    hub_run_t *run = s->run;
    run->parked++;
    s->package = package;
    hub_log(HUB_WARN, "connector.parked", HUB_INT("integration", run->agent->id), HUB_STR("id", package->delivery.id),
            HUB_INT("attempts", s->attempts), HUB_STR("answer", s->error));
    hub_run__end(s, HUB_SHIP_PARKED);
}

/* It was tried, and will be tried again by itself, or no more. */
static void fail(hub_shipment_t *s, hub_package_t *package, bool refused)
{
    const hub_run_t *run = s->run;
    int64_t now = hub_now_ms();
    if ((refused && !(run->kind->flags & HUB_KIND_INSIST)) || now - s->first >= HUB_RUN_KEPT_MS) {
        park(s, package);
        return;
    }
    s->due = next_due(s, &package->delivery.call, now);
    s->failures++;
    hub_run__end(s, HUB_SHIP_LATER);
}

#define POISON_ATTEMPTS 5u /* of one that stops everything while others get through: it is that one, whatever it is answered */

/* Nobody gets through: it stays where it is, and all of them wait. */
static void stop(hub_shipment_t *s, hub_package_t *package, hub_outcome_t outcome)
{
    hub_run_t *run = s->run;
    bool poison = outcome != HUB_OUTCOME_GONE && s->attempts >= POISON_ATTEMPTS && run->successes > s->successes;
    if (poison) { /* the others need not wait for an answer to show that it was this one alone */
        run->failures = run->unreached = 0;
        run->trouble = HUB_OUTCOME_ACCEPTED;
    }
    if (poison || hub_now_ms() - s->first >= HUB_RUN_KEPT_MS) {
        fail(s, package, false);
        return;
    }
    s->state = HUB_SHIP_QUEUED;
    run->unreached = package->delivery.call.err ? run->unreached + 1 : 0;
    if (outcome == HUB_OUTCOME_GONE)
        run->trouble = HUB_OUTCOME_GONE;
    else if (s->epoch == run->epoch)
        hub_run__back_off(run, outcome, package->delivery.call.retry_after);
}

static void accepted(hub_shipment_t *s, hub_package_t *package)
{
    hub_run_t *run = s->run;
    run->sent++;
    run->successes++;
    run->last_success = hub_now_ms();
    hub_rate_add(&run->sent_rate, 1, run->last_success);
    hub_metric_add(run->agent->worker->core, run->agent->tenant, HUB_METRIC_DELIVERED, 1);
    if (run->kind->flags & HUB_KIND_LEDGER) /* else what was answered is of no more use, and may be large */
        s->package = package;
    hub_run__end(s, HUB_SHIP_DELIVERED);
}

static void unaccepted(hub_shipment_t *s, hub_package_t *package, hub_outcome_t outcome)
{
    hub_run_t *run = s->run;
    int64_t now = hub_now_ms();
    if (!s->first) {
        s->first = now;
        s->successes = run->successes;
    }
    s->attempts++;
    s->retokened = false;
    run->failed++;
    hub_rate_add(&run->failed_rate, 1, now);
    hub_metric_add(run->agent->worker->core, run->agent->tenant, HUB_METRIC_DELIVERY_FAILED, 1);
    hub_run__detail(run, hub_slice_str(s->error)); /* of several parts: of the last that was not accepted */
    if (outcome == HUB_OUTCOME_REFUSED || outcome == HUB_OUTCOME_FAILED)
        fail(s, package, outcome == HUB_OUTCOME_REFUSED);
    else
        stop(s, package, outcome);
}

/* An answer about this delivery shows that the receiver is there. */
static void hear(hub_run_t *run, const hub_shipment_t *s, hub_outcome_t outcome)
{
    run->heard = true;
    if (outcome > HUB_OUTCOME_FAILED || run->trouble == HUB_OUTCOME_GONE)
        return;
    if (s->epoch == run->epoch || !run->pause_until) {
        run->failures = run->unreached = 0;
        run->trouble = HUB_OUTCOME_ACCEPTED;
    }
}

/* 401 to an access token that is no longer good: once more with a fresh one. Of several that went with it the first forgets it. */
static bool retokened(hub_shipment_t *s, const hub_package_t *package)
{
    hub_run_t *run = s->run;
    if (package->delivery.call.err || package->delivery.call.http_status != 401 || !run->auth || s->retokened)
        return false;
    if (s->tokens == run->tokens && !hub_auth_refused(run->auth))
        return false;
    if (s->tokens == run->tokens)
        run->tokens++;
    s->retokened = true;
    s->state = HUB_SHIP_QUEUED;
    return true;
}

/* Without the query: some receivers want a key there. */
static void log_call(const hub_package_t *package)
{
    const hub_call_t *call = &package->delivery.call;
    hub_slice_t rest = call->url, url;
    if (call->secret_url || !hub_slice_split(&rest, '?', &url))
        url = HUB_SLICE_NONE;
    hub_log(HUB_DEBUG, "connector.call", HUB_INT("integration", package->run->agent->id), HUB_STR("id", package->delivery.id),
            HUB_SLICE("url", url), HUB_STR("error", hub_err_info(call->err)->name), HUB_INT("http_status", call->http_status),
            HUB_INT("ms", call->duration_ms));
}

/* One part of several has its answer. True: others follow. */
static bool parted(hub_shipment_t *s, hub_package_t *package, hub_outcome_t outcome)
{
    uint32_t part = package->delivery.part;
    if (outcome == HUB_OUTCOME_ACCEPTED && part < 64)
        s->parts |= 1ull << part;
    s->partly = s->partly || outcome == HUB_OUTCOME_ACCEPTED;
    if (outcome > s->worst)
        s->worst = outcome;
    return outcome <= HUB_OUTCOME_FAILED && hub_shipment_next_part(package);
}

static void answered(hub_shipment_t *s, hub_package_t *package)
{
    hub_run_t *run = s->run;
    hub_outcome_t outcome = judge(&package->delivery);
    hear(run, s, outcome);
    if (outcome != HUB_OUTCOME_ACCEPTED)
        hub_shipment_error(s, said(run, &package->delivery));
    if (package->delivery.parts > 1 && parted(s, package, outcome))
        return;
    if (package->delivery.parts > 1)
        outcome = s->worst > outcome ? s->worst : outcome;
    if (outcome == HUB_OUTCOME_ACCEPTED)
        accepted(s, package);
    else
        unaccepted(s, package, outcome);
}

static void go_on(hub_run_t *run)
{
    hub_agent_t *agent = run->agent;
    hub_agent_hold(agent);
    if (!run->ended)
        hub_agent_judge(agent);
    hub_run__go(run);
    hub_run__settle_soon(run);
    hub_run__free_if_ended(run);
    hub_agent_release(agent);
}

void hub_run__answered(hub_call_t *call)
{
    hub_package_t *package = (hub_package_t *)call;
    hub_shipment_t *s = package->shipment;
    hub_run_t *run = package->run;
    log_call(package);
    run->inflight--;
    hub_agent_hold(run->agent);
    hub_agent_called(run->agent, &package->calling);
    if (call->err == HUB_ESTOPPING)
        s->state = HUB_SHIP_QUEUED;
    else if (!retokened(s, package))
        answered(s, package);
    if (s->package != package)
        hub_pool_destroy(call->pool);
    hub_agent_t *agent = run->agent;
    go_on(run);
    hub_agent_release(agent);
}

void hub_run__token_answered(hub_call_t *call)
{
    hub_package_t *package = (hub_package_t *)call;
    hub_run_t *run = package->run;
    hub_agent_t *agent = run->agent;
    hub_slice_t why = HUB_SLICE_NONE;
    log_call(package);
    run->inflight--;
    run->token = NULL;
    hub_agent_hold(agent);
    hub_agent_called(agent, &package->calling);
    if (call->err != HUB_ESTOPPING) {
        hub_err_t err = hub_auth_token_read(run->auth, call, hub_now_ms(), &why);
        run->heard = run->heard || err;
        if (err) {
            package->delivery.problem = why.len ? why : HUB_SLICE_LIT("no access token");
            hub_run__detail(run, said(run, &package->delivery));
            run->unreached = call->err ? run->unreached + 1 : 0;
            hub_run__back_off(run, err == HUB_EUNAUTHORIZED ? HUB_OUTCOME_DENIED : HUB_OUTCOME_BUSY, call->retry_after);
        }
    }
    hub_pool_destroy(call->pool);
    go_on(run);
    hub_agent_release(agent);
}
