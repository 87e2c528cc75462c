/* probe: walks a partner's versions, details and lists, read-only, and reports what does not fit the specification. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "app.h"
#include "hub/peer.h"
#include "ocpi/ocpi.h"

#define PAGE 10u
#define PROBLEMS_SHOWN 20u
#define SESSIONS_SINCE_S 2592000 /* 30 days */

typedef enum verdict { GOOD, NOTE, BAD } verdict_t;

typedef struct probe {
    hub_pool_t *pool;
    uv_loop_t loop;
    hub_peer_t *peer;
    hub_port_t port;
    const char *token;
    bool raw_token; /* the partner takes the token only as it is, without Base64 */
    ocpi_version_t version;
    unsigned count[3];
} probe_t;

static void say(probe_t *probe, verdict_t verdict, const char *format, ...) HUB_PRINTF(3, 4);
static void say(probe_t *probe, verdict_t verdict, const char *format, ...)
{
    static const char *const words[] = {"ok  ", "note", "FAIL"};
    va_list args;
    va_start(args, format);
    printf("%s  ", words[verdict]);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
    probe->count[verdict]++;
}

/* ---- one request ---- */

static void on_answer(hub_call_t *call)
{
    *(bool *)call->arg = true;
}

static hub_call_t *get(probe_t *probe, hub_slice_t url)
{
    bool answered = false;
    hub_call_t *call = HUB_POOL_NEW(probe->pool, hub_call_t);
    hub_slice_t token = hub_slice_str(probe->token);
    if (!probe->raw_token)
        token = hub_base64_encode(probe->pool, token);
    char id[HUB_UUID_LEN + 1];
    hub_uuid(id);
    hub_slice_t request = hub_pool_copy(probe->pool, hub_slice(id, HUB_UUID_LEN));
    call->pool = probe->pool;
    call->method = HUB_GET;
    call->url = url;
    call->headers[call->header_count++] =
        (hub_header_t){HUB_SLICE_LIT("Authorization"), hub_pool_printf(probe->pool, "Token %.*s", HUB_SLICE_FMT(token))};
    if (probe->version != OCPI_V2_1_1) {
        call->headers[call->header_count++] = (hub_header_t){HUB_SLICE_LIT("X-Request-ID"), request};
        call->headers[call->header_count++] = (hub_header_t){HUB_SLICE_LIT("X-Correlation-ID"), request};
    }
    call->done = on_answer;
    call->arg = &answered;
    probe->port.call(probe->port.self, call);
    while (!answered)
        uv_run(&probe->loop, UV_RUN_ONCE);
    return call;
}

/* The checks common to all answers: HTTP 200, an envelope, status 1000. Its data; NULL: said why not. */
static yyjson_val *data_of(probe_t *probe, const char *what, const hub_call_t *call)
{
    if (call->err) {
        say(probe, BAD, "%s: %s (%.*s)", what, hub_err_info(call->err)->text, HUB_SLICE_FMT(call->detail));
        return NULL;
    }
    if (call->http_status != 200) {
        say(probe, BAD, "%s: HTTP %d", what, call->http_status);
        return NULL;
    }
    ocpi_envelope_t envelope;
    if (ocpi_envelope_read(probe->pool, call->answer, &envelope) != HUB_EOK) {
        say(probe, BAD, "%s: the answer is no OCPI envelope", what);
        return NULL;
    }
    if (envelope.status_code != 1000) {
        say(probe, BAD, "%s: status_code %d %.*s", what, envelope.status_code, HUB_SLICE_FMT(envelope.message));
        return NULL;
    }
    if (!envelope.data)
        say(probe, BAD, "%s: no data", what);
    else
        say(probe, GOOD, "%s (%u ms)", what, call->duration_ms);
    return envelope.data;
}

/* ---- steps ---- */

/* The newest version that both sides speak; none when there is none. */
static hub_slice_t choose_version(probe_t *probe, yyjson_val *versions, const char *wanted)
{
    hub_slice_t url = HUB_SLICE_NONE;
    size_t i, n;
    yyjson_val *row;
    if (!yyjson_is_arr(versions)) {
        say(probe, BAD, "versions: data is no list");
        return url;
    }
    yyjson_arr_foreach(versions, i, n, row)
    {
        ocpi_version_t version;
        hub_slice_t name = ocpi_get_str(row, "version"), at = ocpi_get_str(row, "url");
        if (!name.len || !at.len)
            say(probe, BAD, "versions/%zu: version or url is missing", i);
        else if (!ocpi_version_parse(name, &version))
            say(probe, NOTE, "versions/%zu: version %.*s is not known here", i, HUB_SLICE_FMT(name));
        else if ((!wanted || hub_slice_eq_str(name, wanted)) && version > probe->version) {
            probe->version = version;
            url = at;
        }
    }
    if (!url.len)
        say(probe, BAD, "versions: no common version");
    return url;
}

static void check_objects(probe_t *probe, const char *what, ocpi_module_t module, yyjson_val *list)
{
    const ocpi_check_t check = {.object = ocpi_module_object(module), .version = probe->version, .strict = true};
    size_t i, n;
    unsigned bad = 0;
    yyjson_val *object;
    if (check.object == OCPI_OBJECT_NONE) {
        say(probe, NOTE, "%s: %zu objects, not judged", what, yyjson_arr_size(list));
        return;
    }
    yyjson_arr_foreach(list, i, n, object)
    {
        ocpi_problems_t problems;
        ocpi_problems_init(&problems, probe->pool);
        bad += !ocpi_check(object, &check, &problems);
        for (uint32_t p = 0; p < problems.count && p < PROBLEMS_SHOWN; p++) {
            const ocpi_problem_t *problem = &problems.list[p];
            printf("      /data/%zu%.*s  %s: %.*s\n", i, HUB_SLICE_FMT(problem->pointer), problem->rule, HUB_SLICE_FMT(problem->message));
        }
    }
    if (bad)
        say(probe, BAD, "%s: %u of %zu objects break a rule", what, bad, n);
    else
        say(probe, GOOD, "%s: %zu objects fit", what, n);
}

static void check_page(probe_t *probe, const char *what, const hub_call_t *call, size_t returned)
{
    uint64_t total = 0, limit = 0;
    hub_slice_t next = ocpi_link_next(call->link);
    if (!hub_slice_u64(call->total_count, &total))
        say(probe, BAD, "%s: X-Total-Count is missing or no number", what);
    if (!hub_slice_u64(call->limit, &limit))
        say(probe, BAD, "%s: X-Limit is missing or no number", what);
    if (returned > PAGE)
        say(probe, BAD, "%s: %zu objects for limit=%u", what, returned, PAGE);
    if (total > returned && !next.len)
        say(probe, BAD, "%s: %llu objects in all, %zu on the page, and no Link to the next", what, (unsigned long long)total, returned);
    if (next.len && total <= returned)
        say(probe, NOTE, "%s: a Link to a next page although this one holds all", what);
}

static hub_slice_t list_url(probe_t *probe, ocpi_module_t module, hub_slice_t url)
{
    char since[OCPI_TIME_MAX + 1];
    const char *glue = memchr(url.ptr, '?', url.len) ? "&" : "?";
    url = hub_pool_printf(probe->pool, "%.*s%slimit=%u", HUB_SLICE_FMT(url), glue, PAGE);
    if (module != OCPI_MODULE_SESSIONS)
        return url;
    (void)ocpi_time_format((hub_now_ms() / 1000 - SESSIONS_SINCE_S) * 1000, since); /* P11: required */
    return hub_pool_printf(probe->pool, "%.*s&date_from=%s", HUB_SLICE_FMT(url), since);
}

static void probe_list(probe_t *probe, ocpi_module_t module, hub_slice_t url)
{
    char what[64];
    snprintf(what, sizeof what, "GET %s", ocpi_module_name(module));
    const hub_call_t *call = get(probe, list_url(probe, module, url));
    if (probe->version == OCPI_V2_1_1 && !call->err && (call->http_status == 404 || call->http_status == 405)) {
        say(probe, NOTE, "%s: HTTP %d, no list: the side that receives, which 2.1.1 does not tell apart", what, call->http_status);
        return;
    }
    yyjson_val *data = data_of(probe, what, call);
    if (!data)
        return;
    if (!yyjson_is_arr(data)) {
        say(probe, BAD, "%s: data is no list", what);
        return;
    }
    check_page(probe, what, call, yyjson_arr_size(data));
    check_objects(probe, what, module, data);
}

static bool has_list(ocpi_module_t module)
{
    return module == OCPI_MODULE_LOCATIONS || module == OCPI_MODULE_TARIFFS || module == OCPI_MODULE_SESSIONS ||
           module == OCPI_MODULE_CDRS || module == OCPI_MODULE_TOKENS;
}

static void probe_endpoints(probe_t *probe, yyjson_val *details)
{
    size_t i, n;
    bool credentials = false;
    yyjson_val *row, *endpoints = yyjson_obj_get(details, "endpoints");
    if (!yyjson_is_arr(endpoints))
        say(probe, BAD, "details: endpoints is no list");
    yyjson_arr_foreach(endpoints, i, n, row)
    {
        hub_slice_t name = ocpi_get_str(row, "identifier"), url = ocpi_get_str(row, "url"), role = ocpi_get_str(row, "role");
        ocpi_module_t module = ocpi_module_parse(name);
        credentials |= module == OCPI_MODULE_CREDENTIALS;
        if (!name.len || !url.len || (!role.len && probe->version != OCPI_V2_1_1)) {
            say(probe, BAD, "details/endpoints/%zu: identifier, role or url is missing", i);
            continue;
        }
        if (module == OCPI_MODULE_NONE)
            say(probe, NOTE, "details: module %.*s is the partner's own", HUB_SLICE_FMT(name));
        if (has_list(module) && !hub_slice_eq_str(role, "RECEIVER"))
            probe_list(probe, module, url);
    }
    if (!credentials)
        say(probe, BAD, "details: no credentials endpoint");
}

/* GET that tries the token in the other form when it is refused. The first form is the version's, or that of the newer ones. */
static hub_call_t *get_either(probe_t *probe, hub_slice_t url)
{
    hub_call_t *call = get(probe, url);
    if (call->err || call->http_status != 401)
        return call;
    probe->raw_token = !probe->raw_token;
    hub_call_t *other = get(probe, url);
    if (!other->err && other->http_status == 200)
        return other;
    probe->raw_token = !probe->raw_token;
    return call;
}

static void walk(probe_t *probe, hub_slice_t url, const char *wanted)
{
    yyjson_val *versions = data_of(probe, "GET versions", get_either(probe, url));
    if (!versions)
        return;
    bool raw = probe->raw_token;
    hub_slice_t details = choose_version(probe, versions, wanted);
    if (!details.len)
        return;
    bool usual = probe->version == OCPI_V2_1_1;
    say(probe, GOOD, "version %s", ocpi_version_name(probe->version));
    probe->raw_token = usual || raw;
    yyjson_val *data = data_of(probe, "GET version details", get_either(probe, details));
    if (probe->raw_token != usual)
        say(probe, NOTE, "the token is taken only %s Base64: set profile.tokenEncoding %s", usual ? "in" : "without",
            usual ? "base64" : "raw");
    if (data)
        probe_endpoints(probe, data);
}

/* ---- the command ---- */

static int run(const app_config_t *config, hub_slice_t url, const char *token, const char *wanted)
{
    probe_t probe = {.pool = config->pool, .token = token};
    const hub_peer_config_t settings = {
        .insecure = config->insecure_peers, .ca_file = config->ca_file, .version = HUB_SLICE_LIT(HUB_VERSION)};
    uv_loop_init(&probe.loop);
    probe.peer = hub_peer_create(&probe.loop, &settings);
    if (!probe.peer) {
        fputs("ocpi-hub: outbound HTTP cannot be set up\n", stderr);
        return APP_FAILED;
    }
    hub_peer_port(probe.peer, &probe.port);
    walk(&probe, url, wanted);
    for (int i = 0; i < 1000 && !hub_peer_stop(probe.peer); i++)
        uv_run(&probe.loop, UV_RUN_NOWAIT);
    hub_peer_destroy(probe.peer);
    for (int i = 0; i < 1000 && uv_loop_close(&probe.loop) == UV_EBUSY; i++)
        uv_run(&probe.loop, UV_RUN_NOWAIT);
    printf("%u ok, %u notes, %u failures\n", probe.count[GOOD], probe.count[NOTE], probe.count[BAD]);
    return probe.count[BAD] ? APP_FAILED : APP_OK;
}

int app_probe(int argc, char **argv)
{
    static const app_setting_id_t only[] = {APP_SETTING_config, APP_SETTING_insecure_peers, APP_SETTING_ca_file, APP_SETTING_log_level,
                                            APP_SETTING_COUNT};
    static const char *const own[] = {"token=", "version=", "help", NULL};
    app_config_t config;
    if (app_config_read(&config, argc, argv, only, own) != APP_OK)
        return APP_USAGE;
    const char *token = app_config_own(&config, "--token"), *version = app_config_own(&config, "--version");
    int expected = 1 + (token ? 2 : 0) + (version ? 2 : 0), code = APP_USAGE;
    if (!token)
        token = getenv("OCPI_HUB_PROBE_TOKEN");
    if (app_config_own(&config, "--help")) {
        puts("ocpi-hub probe URL [--token T] [--version V]\n\nReads a partner's versions, details and the first page of its lists.\n\n"
             "  --token                T        the OCPI token; better in OCPI_HUB_PROBE_TOKEN, where other users cannot see it\n"
             "  --version              V        instead of the newest common one");
        app_config_help(only);
        code = APP_OK;
    } else if (config.rest_count != expected || !strstr(config.rest[0], "://")) {
        fputs("ocpi-hub: the partner's versions URL is expected, before the options\n", stderr);
    } else if (!token || !*token) {
        fputs("ocpi-hub: OCPI_HUB_PROBE_TOKEN (or --token) is required\n", stderr);
    } else {
        code = run(&config, hub_slice_str(config.rest[0]), token, version);
    }
    app_config_free(&config);
    return code;
}
