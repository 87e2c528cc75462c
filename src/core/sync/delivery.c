/* GET /v1/integrations/{id}/delivery and POST …/pull. What is asked lives on the integration's home worker: the exchange goes there and
 * comes back. While it is away its pool belongs to the home worker. */
#include "agent.h"
#include "connector/connector.h"
#include "pull.h"
#include "push.h"
#include "reply.h"
#include "settings/collection.h"
#include "v1.h"

typedef struct hub_errand {
    hub_agent_task_t there; /* first */
    hub_task_t back;
    hub_exchange_t *x;
    /* pull */
    uint32_t modules; /* mask of 1 << ocpi_module_t; 0: what the flags say */
    bool full;
    /* out */
    hub_err_t err;
    int status;
    hub_slice_t text; /* body, or what is wrong */
} hub_errand_t;

static void come_back(hub_errand_t *errand)
{
    hub_mailbox_post(errand->x->worker->mailbox, &errand->back);
}

static void answer(hub_task_t *back)
{
    hub_errand_t *errand = (hub_errand_t *)((char *)back - offsetof(hub_errand_t, back));
    if (errand->err)
        hub_reply_problem(errand->x, errand->err, errand->text);
    else
        hub_reply_json(errand->x, errand->status, errand->text);
}

static hub_errand_t *errand_for(hub_exchange_t *x)
{
    uint32_t id;
    if (!hub_v1_id(x, &id))
        return NULL;
    hub_errand_t *errand = HUB_POOL_NEW(x->pool, hub_errand_t);
    errand->x = x;
    errand->there.tenant = x->state->tenant;
    errand->there.integration = id;
    errand->back.run = answer;
    errand->status = 200;
    return errand;
}

static void send_off(hub_errand_t *errand, void (*run)(hub_agent_task_t *task, hub_agent_t *agent))
{
    hub_exchange_view_close(errand->x);
    errand->there.run = run;
    hub_agent_post(errand->x->worker->core, &errand->there);
}

/* ---- delivery ---- */

void hub_delivery_add_time(hub_buf_t *out, const char *name, int64_t ms)
{
    char text[OCPI_TIME_MAX + 1];
    if (ms)
        ocpi_time_format(ms, text);
    hub_buf_printf(out, ms ? ",\"%s\":\"%s\"" : ",\"%s\":null", name, text);
}

static void describe(hub_agent_task_t *task, hub_agent_t *agent)
{
    hub_errand_t *errand = (hub_errand_t *)task;
    hub_view_t *view = NULL;
    errand->err = agent ? hub_view_open(task->core->store, &view) : HUB_ENOT_FOUND;
    if (!errand->err) {
        hub_buf_t out = HUB_BUF_INIT(errand->x->pool);
        hub_buf_printf(&out, "{\"id\":\"%u\",\"integrationStatus\":\"%s\",\"statusDescription\":", agent->id,
                       hub_integration_status_name(agent->integration->status));
        hub_buf_add_json(&out, agent->integration->status_description);
        hub_buf_printf(&out, ",\"sequence\":%llu,\"modules\":[", (unsigned long long)hub_store_seq(task->core->store));
        if (agent->integration->connector) {
            hub_connector_describe(agent, view, &out);
        } else {
            hub_push_describe(agent, view, &out);
            hub_buf_add_char(&out, ',');
            hub_pull_describe(agent, &out);
        }
        hub_buf_add_str(&out, "]}");
        errand->text = hub_buf_slice(&out);
        hub_view_close(view);
    }
    come_back(errand);
}

void hub_v1_delivery(hub_exchange_t *x)
{
    hub_errand_t *errand = errand_for(x);
    if (errand)
        send_off(errand, describe);
}

/* ---- pull ---- */

static hub_err_t check_modules(const hub_agent_t *agent, uint32_t modules, hub_pool_t *pool, hub_slice_t *why)
{
    char text[160];
    for (unsigned module = 1; module < OCPI_MODULE_COUNT; module++) {
        if (!(modules & 1u << module) || !hub_pull_why_not(agent, (ocpi_module_t)module, text, sizeof text))
            continue;
        *why = hub_pool_printf(pool, "%s: %s", ocpi_module_name((ocpi_module_t)module), text);
        return HUB_ECONFLICT;
    }
    return HUB_EOK;
}

static void start_pull(hub_agent_task_t *task, hub_agent_t *agent)
{
    hub_errand_t *errand = (hub_errand_t *)task;
    hub_pool_t *pool = errand->x->pool;
    errand->err = HUB_ENOT_FOUND;
    if (agent) {
        bool named = errand->modules;
        uint32_t modules = named ? errand->modules : hub_pull_wanted(agent);
        errand->err = check_modules(agent, modules, pool, &errand->text);
        if (!errand->err && !modules) {
            errand->err = HUB_ECONFLICT;
            errand->text = HUB_SLICE_LIT("no pull flag of this integration is on: name the modules, e.g. {\"modules\":[\"locations\"]}");
        } else if (!errand->err && agent->unauthorized) {
            errand->err = HUB_ECONFLICT;
            errand->text = HUB_SLICE_LIT("the partner refuses our token: start the credentials exchange again first");
        }
        if (!errand->err) {
            hub_buf_t out = HUB_BUF_INIT(pool);
            hub_buf_add_str(&out, "{\"started\":[");
            for (unsigned module = 1, n = 0; module < OCPI_MODULE_COUNT; module++)
                if (modules & 1u << module)
                    hub_buf_printf(&out, "%s\"%s\"", n++ ? "," : "", ocpi_module_name((ocpi_module_t)module));
            hub_buf_printf(&out, "],\"full\":%s}", errand->full ? "true" : "false");
            errand->text = hub_buf_slice(&out);
            errand->status = 202;
            hub_pull__now(agent, modules, errand->full, named);
        }
    }
    come_back(errand);
}

static void read_modules(yyjson_val *modules, hub_errand_t *errand, ocpi_problems_t *problems)
{
    size_t i, n;
    yyjson_val *name;
    if (!yyjson_is_arr(modules)) {
        if (modules && !yyjson_is_null(modules))
            ocpi_problem_add(problems, OCPI_ERROR, HUB_SLICE_LIT("/modules"), "type", "a list of module names is asked for");
        return;
    }
    yyjson_arr_foreach(modules, i, n, name)
    {
        hub_slice_t pointer = hub_pool_printf(problems->pool, "/modules/%u", (unsigned)i);
        ocpi_module_t module = yyjson_is_str(name) ? ocpi_module_parse(ocpi_str(name)) : OCPI_MODULE_NONE;
        if (!hub_pull_knows(module))
            ocpi_problem_add(problems, OCPI_ERROR, pointer, "enum", "one of %.*s is asked for",
                             HUB_SLICE_FMT(hub_pull_names(problems->pool)));
        else
            errand->modules |= 1u << module;
    }
}

static void read_pull(yyjson_val *root, hub_errand_t *errand, ocpi_problems_t *problems)
{
    size_t i, n;
    yyjson_val *key, *value;
    yyjson_obj_foreach(root, i, n, key, value)
    {
        hub_slice_t name = ocpi_str(key);
        if (hub_slice_eq_str(name, "modules"))
            read_modules(value, errand, problems);
        else if (hub_slice_eq_str(name, "full") && (yyjson_is_bool(value) || yyjson_is_null(value)))
            errand->full = yyjson_is_true(value);
        else
            ocpi_problem_add(problems, OCPI_ERROR, hub_pool_printf(problems->pool, "/%.*s", HUB_SLICE_FMT(name)),
                             hub_slice_eq_str(name, "full") ? "type" : "unknown", "%s",
                             hub_slice_eq_str(name, "full") ? "true or false is asked for" : "this key is not known");
    }
}

void hub_v1_pull(hub_exchange_t *x)
{
    hub_errand_t *errand = errand_for(x);
    if (!errand)
        return;
    if (hub_slice_trim(x->body).len) {
        ocpi_problems_t problems;
        yyjson_val *root = hub_body_json(x, false);
        if (!root)
            return;
        ocpi_problems_init(&problems, x->pool);
        read_pull(root, errand, &problems);
        if (problems.errors) {
            hub_reply_invalid(x, &problems);
            return;
        }
    }
    send_off(errand, start_pull);
}
