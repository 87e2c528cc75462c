/* /v1/integrations/{id}/locations/… and /tariffs/…: binds our locations to an integration, with tariffs of this partner, and grants tariffs
 * to it. */
#include <string.h>

#include "object/objects.h"
#include "reference.h"
#include "reply.h"
#include "settings/collection.h"
#include "v1.h"

typedef struct binding_job {
    uint32_t integration;
    ocpi_module_t module;
    hub_object_id_t id;
    bool set;         /* PUT; else DELETE */
    yyjson_val *body; /* of a location's PUT */
    hub_slice_t text;
    /* out */
    bool created;
    ocpi_problems_t problems;
} binding_job_t;

/* ---- the body ---- */

static void check_keys(yyjson_val *object, hub_slice_t pointer, const char *const *known, size_t count, ocpi_problems_t *problems)
{
    size_t i, n;
    yyjson_val *key, *value;
    yyjson_obj_foreach(object, i, n, key, value)
    {
        bool found = false;
        for (size_t k = 0; k < count; k++)
            found |= hub_slice_eq_str(ocpi_str(key), known[k]);
        if (!found)
            ocpi_problem_add(problems, OCPI_ERROR, hub_pool_printf(problems->pool, "%.*s/%s", HUB_SLICE_FMT(pointer), yyjson_get_str(key)),
                             "unknown", "this key is not known here");
    }
}

static void check_string(yyjson_val *value, hub_slice_t pointer, size_t most, ocpi_problems_t *problems)
{
    if (!value)
        ocpi_problem_add(problems, OCPI_ERROR, pointer, "required", "this is required");
    else if (!yyjson_is_str(value))
        ocpi_problem_add(problems, OCPI_ERROR, pointer, "type", "a string is asked for");
    else if (yyjson_get_len(value) == 0 || yyjson_get_len(value) > most)
        ocpi_problem_add(problems, OCPI_ERROR, pointer, "length", "1 to %zu characters are allowed", most);
}

/* An array or nothing. */
static bool check_list(yyjson_val *object, const char *name, hub_slice_t pointer, ocpi_problems_t *problems, yyjson_val **list)
{
    *list = yyjson_obj_get(object, name);
    if (!*list || yyjson_is_arr(*list))
        return *list != NULL;
    ocpi_problem_add(problems, OCPI_ERROR, hub_pool_printf(problems->pool, "%.*s/%s", HUB_SLICE_FMT(pointer), name), "type",
                     "an array is asked for");
    return false;
}

static bool check_object(yyjson_val *value, hub_slice_t pointer, ocpi_problems_t *problems)
{
    if (yyjson_is_obj(value))
        return true;
    ocpi_problem_add(problems, OCPI_ERROR, pointer, "type", "an object is asked for");
    return false;
}

static void check_connector(yyjson_val *connector, hub_slice_t pointer, ocpi_problems_t *problems)
{
    static const char *const known[] = {"id", "tariffIds"};
    hub_pool_t *pool = problems->pool;
    size_t i, n;
    yyjson_val *ids, *id;
    if (!check_object(connector, pointer, problems))
        return;
    check_keys(connector, pointer, known, HUB_COUNT(known), problems);
    check_string(yyjson_obj_get(connector, "id"), hub_pool_printf(pool, "%.*s/id", HUB_SLICE_FMT(pointer)), 36, problems);
    if (!check_list(connector, "tariffIds", pointer, problems, &ids))
        return;
    yyjson_arr_foreach(ids, i, n, id)
    {
        check_string(id, hub_pool_printf(pool, "%.*s/tariffIds/%zu", HUB_SLICE_FMT(pointer), i), 36, problems);
    }
}

static void check_evse(yyjson_val *evse, hub_slice_t pointer, ocpi_problems_t *problems)
{
    static const char *const known[] = {"uid", "connectors"};
    size_t i, n;
    yyjson_val *connectors, *connector;
    if (!check_object(evse, pointer, problems))
        return;
    check_keys(evse, pointer, known, HUB_COUNT(known), problems);
    check_string(yyjson_obj_get(evse, "uid"), hub_pool_printf(problems->pool, "%.*s/uid", HUB_SLICE_FMT(pointer)), 36, problems);
    if (!check_list(evse, "connectors", pointer, problems, &connectors))
        return;
    yyjson_arr_foreach(connectors, i, n, connector)
    {
        check_connector(connector, hub_pool_printf(problems->pool, "%.*s/connectors/%zu", HUB_SLICE_FMT(pointer), i), problems);
    }
}

static bool check_body(yyjson_val *body, ocpi_problems_t *problems)
{
    static const char *const known[] = {"evses"};
    size_t i, n;
    yyjson_val *evses, *evse;
    check_keys(body, HUB_SLICE_LIT(""), known, HUB_COUNT(known), problems);
    if (check_list(body, "evses", HUB_SLICE_LIT(""), problems, &evses)) {
        yyjson_arr_foreach(evses, i, n, evse)
        {
            check_evse(evse, hub_pool_printf(problems->pool, "/evses/%zu", i), problems);
        }
    }
    return problems->errors == 0;
}

/* Every EVSE and Connector that the body names stands in the location. */
static bool check_against(yyjson_val *body, yyjson_val *location, ocpi_problems_t *problems)
{
    size_t i, j, n, m;
    yyjson_val *evse, *connector, *evses = yyjson_obj_get(body, "evses");
    hub_pool_t *pool = problems->pool;
    if (!evses)
        return true;
    yyjson_arr_foreach(evses, i, n, evse)
    {
        hub_slice_t uid = ocpi_get_str(evse, "uid");
        if (!ocpi_location_find(location, uid, HUB_SLICE_NONE)) {
            ocpi_problem_add(problems, OCPI_ERROR, hub_pool_printf(pool, "/evses/%zu/uid", i), "unknown", "the location has no such EVSE");
            continue;
        }
        yyjson_val *connectors = yyjson_obj_get(evse, "connectors");
        if (!connectors)
            continue;
        yyjson_arr_foreach(connectors, j, m, connector)
        {
            if (!ocpi_location_find(location, uid, ocpi_get_str(connector, "id")))
                ocpi_problem_add(problems, OCPI_ERROR, hub_pool_printf(pool, "/evses/%zu/connectors/%zu/id", i, j), "unknown",
                                 "the EVSE has no such Connector");
        }
    }
    return problems->errors == 0;
}

/* ---- the write ---- */

static hub_err_t bind_location(hub_view_t *view, hub_pool_t *pool, binding_job_t *job, const hub_share_t *share, hub_slice_t key,
                               hub_slice_t bytes)
{
    yyjson_doc *doc = NULL;
    if (job->set && ocpi_read(pool, hub_pool_copy(pool, bytes), &doc, NULL) != HUB_EOK)
        return HUB_EINTERNAL;
    yyjson_val *location = doc ? yyjson_doc_get_root(doc) : NULL;
    if (job->set && !check_against(job->body, location, &job->problems))
        return HUB_EINVALID;
    return hub_sharing_bind(view, pool, share, key, location, job->set ? job->text : HUB_SLICE_NONE, job->body, hub_now_ms(),
                            &job->created);
}

/* The object is there and belongs to one of the integration's parties. */
static hub_err_t find_object(hub_view_t *view, const binding_job_t *job, const hub_share_t *share, hub_key_t *key, hub_object_t *object)
{
    hub_err_t err = hub_object_key(&job->id, key);
    if (err == HUB_EOK)
        err = hub_object_get(view, &job->id, object);
    if (err != HUB_EOK)
        return err == HUB_EINVALID ? HUB_ENOT_FOUND : err;
    for (uint32_t i = 0; i < object->audience_count; i++) {
        if (object->audiences[i] >> 56 == HUB_AUDIENCE_PARTY_ALL && hub_share_has(share, (uint32_t)object->audiences[i]))
            return HUB_EOK;
    }
    return HUB_ENOT_FOUND;
}

static hub_slice_t tariff_text(hub_pool_t *pool, const hub_object_id_t *id)
{
    hub_buf_t text = HUB_BUF_INIT(pool);
    hub_buf_add_str(&text, "{\"countryCode\":");
    hub_buf_add_json(&text, id->country);
    hub_buf_add_str(&text, ",\"partyId\":");
    hub_buf_add_json(&text, id->party);
    hub_buf_add_str(&text, ",\"tariffId\":");
    hub_buf_add_json(&text, id->id);
    hub_buf_add_char(&text, '}');
    return hub_buf_slice(&text);
}

/* For the audit log: the binding as it was and as it is asked for. The same again is no change. */
static hub_err_t note_before(hub_view_t *view, hub_pool_t *pool, const binding_job_t *job, const hub_share_t *share, hub_slice_t key,
                             hub_audit_note_t *audit)
{
    hub_fact_t fact;
    hub_sight_t sight;
    hub_err_t err = hub_fact_get(view, pool, (uint8_t)job->module, key, &fact);
    if (err == HUB_EOK)
        err = hub_sight_open(view, pool, share, (uint8_t)job->module, key, &fact, &sight);
    if (err != HUB_EOK)
        return err;
    audit->after = job->text;
    if (sight.bound)
        audit->before = job->module == OCPI_MODULE_LOCATIONS ? hub_pool_copy(pool, sight.body) : tariff_text(pool, &job->id);
    audit->skip = audit->before.ptr && job->set && hub_slice_eq(audit->before, audit->after);
    return HUB_EOK;
}

static hub_err_t binding_apply(hub_view_t *view, hub_op_t *op)
{
    hub_write_t *write = hub_write_of(op);
    hub_exchange_t *x = write->x;
    binding_job_t *job = write->arg;
    hub_integration_t *integration = NULL;
    hub_share_t share;
    hub_object_t object;
    hub_key_t key;
    ocpi_problems_init(&job->problems, x->pool);
    hub_err_t err = hub_integration_load(x->worker->core, view, job->id.tenant, job->integration, &integration);
    if (err != HUB_EOK)
        return err;
    hub_share_of(integration, &share);
    err = find_object(view, job, &share, &key, &object);
    if (err == HUB_EOK) /* does nothing unless the parties of the integration have become others meanwhile */
        err = hub_sharing_follow_integration(view, x->pool, integration, integration);
    hub_integration_unref(integration);
    if (err == HUB_EOK)
        err = hub_share_get(view, job->id.tenant, job->integration, &share);
    if (err == HUB_EOK)
        err = hub_object_get(view, &job->id, &object);
    if (err == HUB_EOK)
        err = note_before(view, x->pool, job, &share, hub_key_slice(&key), &write->audit);
    if (err != HUB_EOK)
        return err;
    if (job->module == OCPI_MODULE_LOCATIONS)
        return bind_location(view, x->pool, job, &share, hub_key_slice(&key), object.bytes);
    return hub_sharing_grant(view, x->pool, &share, hub_key_slice(&key), job->set, hub_now_ms(), &job->created);
}

static void binding_then(hub_write_t *write)
{
    hub_exchange_t *x = write->x;
    binding_job_t *job = write->arg;
    if (write->op.err == HUB_EINVALID && job->problems.errors)
        hub_reply_invalid(x, &job->problems);
    else if (write->op.err != HUB_EOK)
        hub_reply_problem(x, write->op.err, HUB_SLICE_NONE);
    else if (job->set)
        hub_reply_json(x, job->created ? 201 : 200, job->text);
    else
        hub_reply_empty(x, 204);
}

/* ---- handlers ---- */

static void binding_start(hub_exchange_t *x, ocpi_module_t module, bool set, yyjson_val *body, hub_slice_t text)
{
    const hub_slice_t *param = x->state->param;
    binding_job_t *job = HUB_POOL_NEW(x->pool, binding_job_t);
    if (!hub_v1_id(x, &job->integration))
        return;
    job->module = module;
    job->id = (hub_object_id_t){.tenant = x->state->tenant,
                                .scope = HUB_SCOPE_OWN,
                                .module = (uint8_t)module,
                                .country = param[1],
                                .party = param[2],
                                .id = param[3]};
    job->set = set;
    job->body = body;
    job->text = text;
    hub_exchange_write(x, binding_apply, binding_then, job);
}

void hub_v1_bind_location(hub_exchange_t *x)
{
    ocpi_problems_t problems;
    if (hub_slice_trim(x->body).len == 0)
        x->body = HUB_SLICE_LIT("{}");
    yyjson_val *body = hub_body_json(x, false);
    if (!body)
        return;
    ocpi_problems_init(&problems, x->pool);
    if (check_body(body, &problems))
        binding_start(x, OCPI_MODULE_LOCATIONS, true, body, ocpi_write(x->pool, body));
    else
        hub_reply_invalid(x, &problems);
}

void hub_v1_unbind_location(hub_exchange_t *x)
{
    binding_start(x, OCPI_MODULE_LOCATIONS, false, NULL, HUB_SLICE_NONE);
}

void hub_v1_grant_tariff(hub_exchange_t *x)
{
    const hub_slice_t *param = x->state->param;
    const hub_object_id_t id = {.country = param[1], .party = param[2], .id = param[3]};
    binding_start(x, OCPI_MODULE_TARIFFS, true, NULL, tariff_text(x->pool, &id));
}

void hub_v1_revoke_tariff(hub_exchange_t *x)
{
    binding_start(x, OCPI_MODULE_TARIFFS, false, NULL, HUB_SLICE_NONE);
}
