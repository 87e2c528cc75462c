/* What an answer means and what the operator should do about it; the transcript. */
#include <string.h>

#include "handshake_run.h"

typedef enum hint_kind { ON_ERROR, ON_HTTP, ON_OCPI } hint_kind_t;

/* The first row that fits counts. */
typedef struct hint {
    hint_kind_t kind;
    int from, to;   /* hub_err_t, HTTP status, OCPI status */
    unsigned steps; /* mask */
    hub_err_t err;
    bool again;
    const char *text;
} hint_t;

#define ANY HUB_STEP_ANY
#define SEND (HUB_STEP_POST | HUB_STEP_PUT)
#define READ (HUB_STEP_VERSIONS | HUB_STEP_DETAILS)

static const hint_t hints[] = {
    {ON_ERROR, HUB_ESTOPPING, HUB_ESTOPPING, ANY, HUB_ESTOPPING, true, "The exchange was interrupted; it goes on by itself."},
    {ON_ERROR, HUB_EPEER_TIMEOUT, HUB_EPEER_TIMEOUT, ANY, HUB_EPEER_TIMEOUT, true, "The partner did not answer in time."},
    {ON_ERROR, HUB_EPEER_TLS, HUB_EPEER_TLS, ANY, HUB_EPEER_TLS, false,
     "The partner's certificate was not accepted: the partner must install a valid one, or the address is wrong."},
    {ON_ERROR, HUB_EPEER_FORBIDDEN, HUB_EPEER_FORBIDDEN, ANY, HUB_EPEER_FORBIDDEN, false,
     "The partner's address must not be called: use a public https address (or run the hub with --insecure-peers in a test network)."},
    {ON_ERROR, HUB_EPEER_TOO_LARGE, HUB_EPEER_TOO_LARGE, ANY, HUB_EPEER_TOO_LARGE, false,
     "The partner's answer is far too large: check that the URL is the partner's versions URL."},
    {ON_ERROR, HUB_EPEER_PROTOCOL, HUB_EPEER_PROTOCOL, ANY, HUB_EPEER_PROTOCOL, false,
     "What answers there is no web server: check host and port of the URL."},
    {ON_ERROR, 1, HUB_ERR_COUNT, ANY, HUB_EPEER_UNREACHABLE, true,
     "The partner cannot be reached: check that its server is up and its firewall lets us in."},
    {ON_HTTP, 401, 401, ANY, HUB_EPEER_REFUSED, false, ""}, /* refused_text */
    {ON_HTTP, 403, 403, ANY, HUB_EPEER_REFUSED, false, "The partner answered 403: ask the partner to allow our access."},
    {ON_HTTP, 404, 404, HUB_STEP_VERSIONS, HUB_EPEER_REFUSED, false,
     "The partner answered 404: check that the URL is the partner's versions URL."},
    {ON_HTTP, 404, 404, ANY, HUB_EPEER_REFUSED, false,
     "The partner answered 404 to a URL that it published itself: ask the partner to correct its endpoints."},
    {ON_HTTP, 405, 405, HUB_STEP_POST, HUB_EPEER_REFUSED, false,
     "The partner says that we are registered already (405): ask the partner to delete our registration and for a fresh token A."},
    {ON_HTTP, 405, 405, HUB_STEP_PUT | HUB_STEP_DELETE, HUB_EPEER_REFUSED, false,
     "The partner says that we are not registered (405): unregister here, set a fresh token A of the partner, and start the exchange "
     "again."},
    {ON_HTTP, 300, 399, ANY, HUB_EPEER_REFUSED, false,
     "The partner redirects to another address, which is not followed: use the final URL."},
    {ON_HTTP, 429, 429, ANY, HUB_EPEER_REFUSED, true, "The partner answered 429: too many requests."},
    {ON_HTTP, 500, 599, ANY, HUB_EPEER_REFUSED, true, "The partner's server has a problem of its own; if it stays, tell the partner."},
    {ON_OCPI, 2000, 2999, SEND, HUB_EPEER_REFUSED, false,
     "The partner did not accept our credentials: compare our parties and roles with what the partner expects."},
    {ON_OCPI, 2000, 2999, ANY, HUB_EPEER_REFUSED, false, "The partner refused the request."},
    {ON_OCPI, 3001, 3001, SEND, HUB_EPEER_REFUSED, true,
     "The partner could not use our API: check that our public URL can be reached from the partner."},
    {ON_OCPI, 3002, 3002, ANY, HUB_EPEER_VERSION, false, "The partner does not accept this OCPI version: agree on one and set `versions`."},
    {ON_OCPI, 3003, 3003, ANY, HUB_EPEER_ENDPOINTS, false,
     "The partner finds no module of ours that fits its roles: compare customerRoles with what the partner expects."},
    {ON_OCPI, 3000, 3999, ANY, HUB_EPEER_REFUSED, true, "The partner's server has a problem of its own; if it stays, tell the partner."},
    {ON_HTTP, 400, 499, ANY, HUB_EPEER_REFUSED, false, "The partner refused the request; the partner's log should say why."},
    {ON_OCPI, 1000, 1999, ANY, HUB_EOK, false, ""},
    {ON_OCPI, 0, 9999, ANY, HUB_EPEER_PROTOCOL, false,
     "What came back is not an OCPI answer: check that the URL is the partner's versions URL."},
};

static const char *refused_text(const hub_handshake_t *h)
{
    if (h->incoming)
        return "The partner answered 401 to the token that it has just given us: the partner must accept it before it sends it.";
    if (h->plan->wanted == HUB_WANT_POST)
        return "The partner answered 401 to token A: ask the partner for a fresh token and set it as initialToken.";
    return "The partner answered 401 to our token: unregister here, set a fresh token A of the partner as initialToken, and start the "
           "exchange again.";
}

static const hint_t *find_hint(const hub_step_t *step, const hub_ocpi_call_t *call)
{
    for (size_t i = 0; i < HUB_COUNT(hints); i++) {
        const hint_t *hint = &hints[i];
        int value = hint->kind == ON_ERROR  ? (int)call->call.err
                    : hint->kind == ON_HTTP ? call->call.http_status
                                            : call->envelope.status_code;
        if ((hint->steps & step->bit) && value >= hint->from && value <= hint->to && (hint->kind == ON_ERROR || call->call.err == HUB_EOK))
            return hint;
    }
    return &hints[HUB_COUNT(hints) - 1];
}

static bool holds(hub_slice_t text, hub_slice_t secret)
{
    return secret.len > 0 && text.len >= secret.len && memmem(text.ptr, text.len, secret.ptr, secret.len) != NULL;
}

/* The partner's own words, unless they repeat a token. */
static hub_slice_t their_words(const hub_handshake_t *h, const hub_ocpi_call_t *call)
{
    hub_slice_t words = call->call.err ? call->call.detail : call->envelope.status_code ? call->envelope.message : HUB_SLICE_NONE;
    if (call->call.err == HUB_EOK && call->call.http_status / 100 == 3)
        words = call->call.location;
    if (words.len > 300)
        words.len = 300;
    while (words.len && !hub_slice_utf8_ok(words))
        words.len--;
    if (holds(words, h->token) || holds(words, h->our_token) || holds(words, h->offer.token) || holds(words, h->before.our_token) ||
        holds(words, h->before.their_token))
        return HUB_SLICE_NONE;
    return words;
}

static int ocpi_status_of(hub_err_t err)
{
    switch (err) {
    case HUB_EOK:
        return 1000;
    case HUB_EPEER_VERSION:
    case HUB_EPEER_ENDPOINTS:
    case HUB_EINVALID:
        return hub_err_info(err)->ocpi_status;
    default:
        return 3001; /* C14 */
    }
}

static hub_slice_t sentence(hub_pool_t *pool, const hub_step_t *step, const char *text, hub_slice_t words)
{
    if (!words.len)
        return hub_pool_printf(pool, "%s: %s", step->name, text);
    return hub_pool_printf(pool, "%s: %s (%.*s)", step->name, text, HUB_SLICE_FMT(words));
}

hub_finding_t hub_handshake__judge(hub_handshake_t *h, const hub_step_t *step, const hub_ocpi_call_t *call)
{
    const hint_t *hint = find_hint(step, call);
    hub_finding_t finding = {.err = hint->err, .again = hint->again};
    if (hint->err) {
        const char *text = hint->kind == ON_HTTP && hint->from == 401 ? refused_text(h) : hint->text;
        finding.text = sentence(h->pool, step, text, their_words(h, call));
    } else {
        hub_slice_t why = HUB_SLICE_NONE;
        finding.err = step->check(h, call->envelope.data, &why);
        if (finding.err)
            finding.text = hub_pool_printf(h->pool, "%s: %.*s.", step->name, HUB_SLICE_FMT(why));
    }
    finding.ocpi_status = ocpi_status_of(finding.err);
    return finding;
}

/* ---- the transcript: an array of steps, never with a token in it ---- */

static void add_number(hub_buf_t *out, const char *name, int number)
{
    if (number)
        hub_buf_printf(out, ",\"%s\":%d", name, number);
    else
        hub_buf_printf(out, ",\"%s\":null", name);
}

static void begin_entry(hub_handshake_t *h, const char *name, const char *method, hub_slice_t url)
{
    hub_buf_t *out = &h->transcript;
    char now[OCPI_TIME_MAX + 1];
    (void)ocpi_time_format(hub_now_ms(), now);
    hub_buf_printf(out, "%s{\"step\":\"%s\",\"method\":\"%s\",\"url\":", out->len ? "," : "[", name, method);
    hub_buf_add_json(out, url.len ? url : HUB_SLICE_NONE);
    hub_buf_printf(out, ",\"time\":\"%s\",\"try\":%u", now, h->tries + 1);
}

static void end_entry(hub_handshake_t *h, bool good, hub_slice_t hint)
{
    hub_buf_t *out = &h->transcript;
    hub_buf_printf(out, ",\"result\":\"%s\",\"hint\":", good ? "ok" : "failed");
    hub_buf_add_json(out, hint.len ? hint : HUB_SLICE_NONE);
    hub_buf_add_char(out, '}');
}

void hub_handshake__note(hub_handshake_t *h, const hub_step_t *step, const hub_ocpi_call_t *call, const hub_finding_t *finding)
{
    begin_entry(h, step->name, hub_method_name(step->method), call->call.url);
    add_number(&h->transcript, "httpStatus", call->call.http_status);
    add_number(&h->transcript, "ocpiStatus", call->envelope.status_code);
    hub_buf_printf(&h->transcript, ",\"durationMs\":%u", call->call.duration_ms);
    end_entry(h, finding->err == HUB_EOK, finding->text);
}

void hub_handshake__note_answer(hub_handshake_t *h, int ocpi_status, hub_slice_t hint)
{
    hub_core_t *core = h->agent->worker->core;
    hub_slice_t url =
        hub_pool_printf(h->pool, "%.*s/ocpi/%s/credentials", HUB_SLICE_FMT(core->public_url), ocpi_version_name(h->offer.version));
    begin_entry(h, h->incoming->put ? "answer PUT credentials" : "answer POST credentials", h->incoming->put ? "PUT" : "POST", url);
    add_number(&h->transcript, "httpStatus", 200);
    add_number(&h->transcript, "ocpiStatus", ocpi_status);
    hub_buf_add_str(&h->transcript, ",\"durationMs\":0");
    end_entry(h, ocpi_status == 1000, hint);
}
