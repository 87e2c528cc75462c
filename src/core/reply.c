#include "reply.h"

#include <stdio.h>
#include <string.h>

#include "face.h"
#include "integration/integration.h"
#include "metrics.h"

void hub_reply_add_header(hub_exchange_t *x, const char *lower_case_name, hub_slice_t value)
{
    hub_reply_t *reply = &x->reply;
    HUB_ASSERT(reply->header_count < HUB_REPLY_HEADERS);
    reply->headers[reply->header_count++] = (hub_header_t){hub_slice_str(lower_case_name), value};
}

/* ---- /v1 ---- */

void hub_reply_json(hub_exchange_t *x, int status, hub_slice_t body)
{
    x->reply.status = status;
    x->reply.body = body;
    hub_reply_add_header(x, "content-type", HUB_SLICE_LIT("application/json"));
    hub_exchange_done(x);
}

void hub_reply_empty(hub_exchange_t *x, int status)
{
    x->reply.status = status;
    hub_exchange_done(x);
}

static const struct {
    int status;
    const char *title;
} titles[] = {
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {409, "Conflict"},
    {410, "Gone"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {429, "Too Many Requests"},
    {500, "Internal Server Error"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
};

static const char *title_of(int status)
{
    for (size_t i = 0; i < HUB_COUNT(titles); i++)
        if (titles[i].status == status)
            return titles[i].title;
    return "Error";
}

void hub_reply_add_error(hub_buf_t *out, const ocpi_problem_t *problem)
{
    hub_buf_add_str(out, "{\"pointer\":");
    hub_buf_add_json(out, problem->pointer.ptr ? problem->pointer : HUB_SLICE_LIT(""));
    hub_buf_add_str(out, ",\"rule\":");
    hub_buf_add_json(out, hub_slice_str(problem->rule));
    hub_buf_add_str(out, ",\"message\":");
    hub_buf_add_json(out, problem->message);
    hub_buf_add_char(out, '}');
}

static void problem_body(hub_exchange_t *x, hub_err_t err, hub_slice_t detail, const ocpi_problems_t *problems)
{
    const hub_err_info_t *info = hub_err_info(err);
    /* What went wrong inside is for the log, not for the client. */
    if (err == HUB_EINTERNAL || err == HUB_ESTORE || err == HUB_ECRYPTO || !detail.ptr)
        detail = hub_slice_str(info->text);
    x->state->problem = detail;
    hub_buf_t out = HUB_BUF_INIT(x->pool);
    hub_buf_printf(&out, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":", title_of(info->http_status),
                   info->http_status);
    hub_buf_add_json_any(&out, detail);
    hub_buf_printf(&out, ",\"code\":%d,\"message\":", info->http_status);
    hub_buf_add_json_any(&out, detail);
    hub_buf_printf(&out, ",\"trace_id\":\"%s\"", x->state->trace_id);
    if (problems) {
        hub_buf_add_str(&out, ",\"errors\":[");
        for (uint32_t i = 0, n = 0; i < problems->count; i++) {
            if (problems->list[i].severity != OCPI_ERROR)
                continue;
            if (n++)
                hub_buf_add_char(&out, ',');
            hub_reply_add_error(&out, &problems->list[i]);
        }
        hub_buf_add_char(&out, ']');
    }
    if (x->state->problem_extra.len) {
        hub_buf_add_char(&out, ',');
        hub_buf_add(&out, x->state->problem_extra);
    }
    hub_buf_add_char(&out, '}');
    x->reply.status = info->http_status;
    x->reply.body = hub_buf_slice(&out);
    hub_reply_add_header(x, "content-type", HUB_SLICE_LIT("application/problem+json"));
    if (info->retryable)
        hub_reply_add_header(x, "retry-after", hub_pool_printf(x->pool, "%u", x->state->retry_after ? x->state->retry_after : 1));
    if (x->state->challenge.len && (info->http_status == 401 || info->http_status == 403))
        hub_reply_add_header(x, "www-authenticate", x->state->challenge);
    hub_exchange_done(x);
}

void hub_reply_problem(hub_exchange_t *x, hub_err_t err, hub_slice_t detail)
{
    problem_body(x, err, detail, NULL);
}

void hub_reply_problemf(hub_exchange_t *x, hub_err_t err, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    problem_body(x, err, hub_pool_copy(x->pool, hub_slice(text, len)), NULL);
}

void hub_reply_invalid(hub_exchange_t *x, const ocpi_problems_t *problems)
{
    hub_slice_t detail = HUB_SLICE_NONE;
    for (uint32_t i = 0; i < problems->count && !detail.ptr; i++)
        if (problems->list[i].severity == OCPI_ERROR)
            detail = problems->list[i].pointer.len ? hub_pool_printf(x->pool, "%.*s: %.*s", HUB_SLICE_FMT(problems->list[i].pointer),
                                                                     HUB_SLICE_FMT(problems->list[i].message))
                                                   : problems->list[i].message;
    problem_body(x, HUB_EINVALID, detail, problems);
}

void hub_reply_wrong(hub_exchange_t *x, const char *pointer, const char *rule, const char *message)
{
    ocpi_problems_t problems;
    ocpi_problems_init(&problems, x->pool);
    ocpi_problem_add(&problems, OCPI_ERROR, hub_slice_str(pointer), rule, "%s", message);
    hub_reply_invalid(x, &problems);
}

/* ---- /ocpi ---- */

/* The version that the answer is in: the URL's, or where that has none the connection's. 0: not known. */
static ocpi_version_t version_of(const hub_exchange_t *x)
{
    const hub_exchange_state_t *state = x->state;
    if (state->target.version)
        return state->target.version;
    return state->integration ? state->integration->ocpi_version : 0;
}

void hub_reply_add_ids(hub_exchange_t *x)
{
    hub_slice_t id = x->header[HUB_HEADER_REQUEST_ID], correlation = x->header[HUB_HEADER_CORRELATION_ID];
    if (version_of(x) == OCPI_V2_1_1)
        return; /* which has none of them */
    hub_reply_add_header(x, "x-request-id", id.len ? id : hub_slice(x->state->trace_id, HUB_UUID_LEN));
    if (correlation.len)
        hub_reply_add_header(x, "x-correlation-id", correlation);
}

static void add_routing(hub_exchange_t *x)
{
    static const struct {
        hub_header_id_t request;
        const char *answer;
    } swap[] = {
        /* H2: the response swaps them */
        {HUB_HEADER_TO_PARTY, "ocpi-from-party-id"},
        {HUB_HEADER_TO_COUNTRY, "ocpi-from-country-code"},
        {HUB_HEADER_FROM_PARTY, "ocpi-to-party-id"},
        {HUB_HEADER_FROM_COUNTRY, "ocpi-to-country-code"},
    };
    const ocpi_route_t *route = x->state->target.route;
    if (!route || route->action <= OCPI_ACTION_CREDENTIALS || version_of(x) == OCPI_V2_1_1)
        return; /* H1: never on configuration modules */
    for (size_t i = 0; i < HUB_COUNT(swap); i++)
        if (x->header[swap[i].request].len)
            hub_reply_add_header(x, swap[i].answer, x->header[swap[i].request]);
}

#define WORTH_PARTS 16384u /* bytes of data below which copying is cheaper */

void hub_reply_ocpi(hub_exchange_t *x, int status, int ocpi_status, hub_slice_t message, hub_slice_t data)
{
    if (status == 200 && ocpi_status == 1000 && !message.ptr && data.len >= WORTH_PARTS) {
        hub_slice_t *parts = hub_pool_alloc(x->pool, 3 * sizeof *parts);
        parts[1] = data;
        hub_reply_ocpi_parts(x, parts, 3);
        return;
    }
    hub_buf_t out = HUB_BUF_INIT(x->pool);
    ocpi_version_t version = version_of(x);
    if (version)
        ocpi_status = ocpi_status_in(ocpi_status, version);
    hub_buf_reserve(&out, data.len + message.len + 128);
    ocpi_envelope_write(&out, ocpi_status, message, data, hub_now_ms());
    x->reply.status = status;
    x->reply.body = hub_buf_slice(&out);
    hub_reply_add_header(x, "content-type", HUB_SLICE_LIT("application/json"));
    add_routing(x);
    if (ocpi_status >= 2000) {
        hub_metric_add(x->worker->core, x->state->tenant, HUB_METRIC_REFUSED_OCPI, 1);
        hub_log(HUB_INFO, "ocpi.refused", HUB_STR("trace_id", x->state->trace_id), HUB_STR("method", hub_method_name(x->method)),
                HUB_SLICE("path", x->path), HUB_INT("integration", x->state->integration ? x->state->integration->id : 0),
                HUB_INT("http_status", status), HUB_INT("status_code", ocpi_status), HUB_SLICE("message", message));
    }
    hub_exchange_done(x);
}

void hub_reply_ocpi_parts(hub_exchange_t *x, hub_slice_t *parts, uint32_t count)
{
    hub_buf_t rest = HUB_BUF_INIT(x->pool);
    ocpi_envelope_write(&rest, 1000, HUB_SLICE_NONE, HUB_SLICE_NONE, hub_now_ms());
    rest.ptr[0] = ','; /* data stands before what its opening brace would begin */
    parts[0] = HUB_SLICE_LIT("{\"data\":");
    parts[count - 1] = hub_buf_slice(&rest);
    x->reply.status = 200;
    x->reply.parts = parts;
    x->reply.part_count = count;
    hub_reply_add_header(x, "content-type", HUB_SLICE_LIT("application/json"));
    add_routing(x);
    hub_exchange_done(x);
}

void hub_reply_ocpi_err(hub_exchange_t *x, hub_err_t err, hub_slice_t message)
{
    const hub_err_info_t *info = hub_err_info(err);
    if (info->http_ocpi >= 500 || !message.ptr)
        message = hub_slice_str(info->text);
    if (info->http_ocpi == 503)
        hub_reply_add_header(x, "retry-after", HUB_SLICE_LIT("1"));
    if (info->http_ocpi == 401)
        hub_reply_add_header(x, "www-authenticate", HUB_SLICE_LIT("Token"));
    hub_reply_ocpi(x, info->http_ocpi, info->ocpi_status, message, HUB_SLICE_NONE);
}

void hub_reply_err(hub_exchange_t *x, hub_err_t err, hub_slice_t detail)
{
    if (x->state->ocpi)
        hub_reply_ocpi_err(x, err, detail);
    else
        hub_reply_problem(x, err, detail);
}

/* ---- bodies ---- */

static bool is_json(hub_slice_t content_type)
{
    hub_slice_t type, rest = content_type;
    if (!hub_slice_split(&rest, ';', &type))
        return true; /* absent */
    type = hub_slice_trim(type);
    return type.len == 0 || hub_slice_caseeq_str(type, "application/json") || hub_slice_caseeq_str(type, "application/merge-patch+json");
}

static void reply_unreadable(hub_exchange_t *x, const ocpi_problem_t *problem)
{
    if (x->state->ocpi) {
        hub_reply_ocpi_err(x, HUB_EMALFORMED, problem->message);
        return;
    }
    ocpi_problems_t problems;
    ocpi_problems_init(&problems, x->pool);
    ocpi_problem_add(&problems, OCPI_ERROR, problem->pointer, problem->rule ? problem->rule : "json", "%.*s",
                     HUB_SLICE_FMT(problem->message));
    hub_reply_invalid(x, &problems);
}

bool hub_body_plain(hub_exchange_t *x)
{
    hub_slice_t coding = hub_slice_trim(x->header[HUB_HEADER_CONTENT_ENCODING]);
    if (!coding.len || hub_slice_caseeq_str(coding, "identity"))
        return true;
    hub_reply_add_header(x, "accept-encoding", HUB_SLICE_LIT("identity"));
    hub_reply_err(x, HUB_EMEDIA_TYPE, HUB_SLICE_LIT("send the body as it is, without Content-Encoding"));
    return false;
}

yyjson_val *hub_body_json(hub_exchange_t *x, bool array_too)
{
    if (!hub_body_plain(x))
        return NULL;
    if (!x->state->ocpi && !is_json(x->header[HUB_HEADER_CONTENT_TYPE])) {
        hub_reply_add_header(x, x->method == HUB_PATCH ? "accept-patch" : "accept",
                             x->method == HUB_PATCH ? HUB_SLICE_LIT("application/merge-patch+json, application/json")
                                                    : HUB_SLICE_LIT("application/json"));
        hub_reply_problemf(x, HUB_EMEDIA_TYPE, "send the body as Content-Type: application/json, not %.*s",
                           HUB_SLICE_FMT(x->header[HUB_HEADER_CONTENT_TYPE]));
        return NULL;
    }
    yyjson_doc *doc;
    ocpi_problem_t problem = {0};
    if (ocpi_read(x->pool, x->body, &doc, &problem) != HUB_EOK) {
        reply_unreadable(x, &problem);
        return NULL;
    }
    yyjson_val *root = yyjson_doc_get_root(doc);
    if (yyjson_is_obj(root) || (array_too && yyjson_is_arr(root)))
        return root;
    problem = (ocpi_problem_t){.severity = OCPI_ERROR, .rule = "type", .message = HUB_SLICE_LIT("the body must be a JSON object")};
    if (array_too)
        problem.message = HUB_SLICE_LIT("the body must be a JSON object or array");
    else if (yyjson_is_str(root))
        problem.message = HUB_SLICE_LIT("the body is a JSON string that holds JSON: send the object itself, do not encode it twice");
    if (x->state->ocpi) /* T6: it is JSON */
        hub_reply_ocpi(x, 200, 2001, problem.message, HUB_SLICE_NONE);
    else
        reply_unreadable(x, &problem);
    return NULL;
}
