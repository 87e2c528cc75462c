/* Quarantine: what could not be stored here or at a partner, with the reasons. Table QUARANTINE: tenant, integration, id -> u32 length,
 * JSON about it, the text as it came. REFERENCE 'Q': integration, what it is -> id, so that an object has one record; 'q': integration ->
 * how many. */
#include "quarantine.h"

#include <stdlib.h>
#include <string.h>

#include "connector/connector.h"
#include "metrics.h"
#include "object.h"
#include "projection.h"
#include "reply.h"
#include "settings/collection.h"
#include "sync/agent.h"
#include "v1.h"

typedef struct record {
    uint64_t id;
    hub_slice_t about; /* JSON */
    hub_slice_t text;
} record_t;

static void record_key(hub_key_t *key, uint32_t tenant, uint32_t integration)
{
    hub_key_init(key);
    hub_key_u32(key, tenant);
    hub_key_u32(key, integration);
}

static void count_key(hub_key_t *key, uint32_t integration)
{
    hub_key_init(key);
    hub_key_u8(key, 'q');
    hub_key_u32(key, integration);
}

static hub_slice_t cut(hub_slice_t s)
{
    return hub_slice(s.ptr, s.len < 64 ? s.len : 64);
}

static void add_text(hub_buf_t *out, hub_slice_t s)
{
    hub_buf_add_json(out, hub_slice_utf8_ok(s) ? s : HUB_SLICE_NONE);
}

static hub_slice_t no_zero(hub_slice_t s)
{
    const char *zero = s.len ? memchr(s.ptr, 0, s.len) : NULL;
    return zero ? hub_slice(s.ptr, (size_t)(zero - s.ptr)) : s;
}

/* Ids that cannot be any object's (too long, with a 0 byte) still make a key, if not a unique one. */
static void what_key(hub_key_t *key, uint32_t integration, const hub_object_id_t *what, const char *direction)
{
    hub_slice_t id = no_zero(what->id), type = no_zero(what->type);
    hub_key_init(key);
    hub_key_u8(key, 'Q');
    hub_key_u32(key, integration);
    hub_key_u8(key, what->module);
    hub_key_u8(key, (uint8_t)direction[0]);
    hub_key_folded(key, cut(no_zero(what->country)));
    hub_key_folded(key, cut(no_zero(what->party)));
    hub_key_folded(key, hub_slice(id.ptr, id.len < 255 ? id.len : 255));
    if (what->module == OCPI_MODULE_TOKENS)
        hub_key_folded(key, type.len ? cut(type) : HUB_SLICE_LIT(HUB_TOKEN_TYPE));
}

static hub_err_t harmless(hub_err_t err)
{
    return err == HUB_ENOT_FOUND ? HUB_EOK : err;
}

static bool number_of(hub_slice_t value, uint64_t *out)
{
    if (value.len != sizeof *out)
        return false;
    memcpy(out, value.ptr, sizeof *out);
    return true;
}

uint64_t hub_quarantine_count(hub_view_t *view, uint32_t integration)
{
    hub_key_t key;
    hub_slice_t value;
    uint64_t count = 0;
    count_key(&key, integration);
    return hub_view_get(view, HUB_TABLE_REFERENCE, &key, &value) == HUB_EOK && number_of(value, &count) ? count : 0;
}

static hub_err_t count_set(hub_view_t *view, uint32_t integration, uint64_t count)
{
    hub_key_t key;
    count_key(&key, integration);
    return hub_view_put(view, HUB_TABLE_REFERENCE, &key, hub_slice((const char *)&count, sizeof count));
}

static bool record_parse(hub_slice_t key, hub_slice_t value, record_t *out)
{
    uint32_t len;
    if (key.len != 16 || value.len < sizeof len)
        return false;
    out->id = 0;
    for (size_t i = 8; i < 16; i++)
        out->id = out->id << 8 | (unsigned char)key.ptr[i];
    memcpy(&len, value.ptr, sizeof len);
    if (len > value.len - sizeof len)
        return false;
    out->about = hub_slice(value.ptr + sizeof len, len);
    out->text = hub_slice(value.ptr + sizeof len + len, value.len - sizeof len - len);
    return true;
}

static hub_err_t record_get(hub_view_t *view, hub_pool_t *pool, uint32_t tenant, uint32_t integration, uint64_t id, record_t *out)
{
    hub_key_t key;
    hub_slice_t value;
    record_key(&key, tenant, integration);
    hub_key_u64(&key, id);
    hub_err_t err = hub_view_get(view, HUB_TABLE_QUARANTINE, &key, &value);
    if (err != HUB_EOK)
        return err;
    return record_parse(hub_key_slice(&key), hub_pool_copy(pool, value), out) ? HUB_EOK : HUB_ESTORE;
}

/* ---- filling it ---- */

/* What people are told, without the record's id. */
static hub_slice_t about(hub_pool_t *pool, const hub_integration_t *integration, const char *module, const char *direction,
                         const hub_object_id_t *what, const ocpi_problems_t *problems)
{
    char now[OCPI_TIME_MAX + 1];
    hub_buf_t out = HUB_BUF_INIT(pool);
    ocpi_time_format(hub_now_ms(), now);
    hub_buf_printf(&out,
                   "\"integrationId\":\"%u\",\"module\":\"%s\",\"direction\":\"%s\",\"version\":\"%s\",\"countryCode\":", integration->id,
                   module, direction, ocpi_version_name(integration->ocpi_version ? integration->ocpi_version : OCPI_V2_2_1));
    add_text(&out, what->country);
    hub_buf_add_str(&out, ",\"partyId\":");
    add_text(&out, what->party);
    hub_buf_add_str(&out, ",\"objectId\":");
    add_text(&out, what->id);
    if (what->module == OCPI_MODULE_TOKENS) {
        hub_buf_add_str(&out, ",\"tokenType\":");
        add_text(&out, what->type.len ? hub_projection_code(pool, what->type) : HUB_SLICE_LIT(HUB_TOKEN_TYPE));
    }
    hub_buf_printf(&out, ",\"receivedAt\":\"%s\",\"problems\":", now);
    if (problems)
        ocpi_problems_write(problems, &out);
    else
        hub_buf_add_str(&out, "[]");
    return hub_buf_slice(&out);
}

static hub_err_t record_drop(hub_view_t *view, uint32_t tenant, uint32_t integration, uint64_t id)
{
    hub_key_t key;
    record_key(&key, tenant, integration);
    hub_key_u64(&key, id);
    hub_err_t err = hub_view_delete(view, HUB_TABLE_QUARANTINE, &key);
    if (err != HUB_EOK)
        return err;
    uint64_t count = hub_quarantine_count(view, integration);
    return count_set(view, integration, count ? count - 1 : 0);
}

static yyjson_val *about_read(hub_pool_t *pool, const record_t *record)
{
    yyjson_doc *doc;
    hub_slice_t text = hub_pool_printf(pool, "{%.*s}", HUB_SLICE_FMT(record->about));
    return ocpi_read(pool, text, &doc, NULL) == HUB_EOK ? yyjson_doc_get_root(doc) : NULL;
}

static const hub_object_id_t *object_of(yyjson_val *about, hub_object_id_t *out)
{
    *out = (hub_object_id_t){.module = (uint8_t)ocpi_module_parse(ocpi_get_str(about, "module")),
                             .country = ocpi_get_str(about, "countryCode"),
                             .party = ocpi_get_str(about, "partyId"),
                             .id = ocpi_get_str(about, "objectId"),
                             .type = ocpi_get_str(about, "tokenType")};
    return out;
}

/* The 'Q' key goes with its record: otherwise a partner that sends ever new ids would leave a key of each behind. */
static hub_err_t drop_what(hub_view_t *view, hub_pool_t *pool, uint32_t integration, const record_t *record)
{
    hub_key_t what;
    hub_slice_t value, direction;
    hub_parked_t parked;
    hub_object_id_t object;
    uint64_t id;
    yyjson_val *about = about_read(pool, record);
    if (!about || !(direction = ocpi_get_str(about, "direction")).len)
        return HUB_EOK;
    if (hub_parked_read(pool, ocpi_get_str(about, "delivery"), &parked))
        hub_parked_key(&what, integration, parked.source, parked.key, parked.evse_uid);
    else
        what_key(&what, integration, object_of(about, &object), direction.ptr);
    hub_err_t err = hub_view_get(view, HUB_TABLE_REFERENCE, &what, &value);
    if (err != HUB_EOK || !number_of(value, &id) || id != record->id)
        return harmless(err);
    return hub_view_delete(view, HUB_TABLE_REFERENCE, &what);
}

static hub_err_t drop_oldest(hub_view_t *view, hub_pool_t *pool, uint32_t tenant, uint32_t integration)
{
    hub_key_t prefix;
    hub_scan_t scan;
    hub_slice_t key, value;
    record_t oldest = {0};
    record_key(&prefix, tenant, integration);
    hub_scan_init(&scan, view, HUB_TABLE_QUARANTINE, &prefix, NULL, false);
    bool found = hub_scan_next(&scan, &key, &value) && record_parse(key, value, &oldest);
    hub_err_t err = hub_scan_finish(&scan);
    if (err == HUB_EOK && found)
        err = drop_what(view, pool, integration, &oldest);
    return err == HUB_EOK && found ? record_drop(view, tenant, integration, oldest.id) : err;
}

static hub_err_t record_put(hub_view_t *view, hub_pool_t *pool, uint32_t tenant, uint32_t integration, const record_t *record)
{
    hub_key_t key;
    hub_buf_t value = HUB_BUF_INIT(pool);
    uint32_t len = (uint32_t)record->about.len;
    hub_buf_add(&value, hub_slice((const char *)&len, sizeof len));
    hub_buf_add(&value, record->about);
    hub_buf_add(&value, record->text);
    record_key(&key, tenant, integration);
    hub_key_u64(&key, record->id);
    return hub_view_put(view, HUB_TABLE_QUARANTINE, &key, hub_buf_slice(&value));
}

/* An object that comes again keeps its id: it is what people have in their hands. */
static bool stands(hub_view_t *view, const hub_integration_t *integration, const hub_key_t *what, uint64_t *id)
{
    hub_key_t key;
    hub_slice_t value;
    if (hub_view_get(view, HUB_TABLE_REFERENCE, what, &value) != HUB_EOK || !number_of(value, id))
        return false;
    record_key(&key, integration->tenant, integration->id);
    hub_key_u64(&key, *id);
    return hub_view_get(view, HUB_TABLE_QUARANTINE, &key, &value) == HUB_EOK;
}

static hub_err_t keep(hub_core_t *core, hub_view_t *view, hub_pool_t *pool, const hub_integration_t *integration, const hub_key_t *what,
                      hub_slice_t about, hub_slice_t text)
{
    record_t record = {.text = text.len <= HUB_QUARANTINE_TEXT ? text : HUB_SLICE_NONE};
    hub_metric_add(core, integration->tenant, HUB_METRIC_QUARANTINED, 1);
    bool again = stands(view, integration, what, &record.id);
    hub_err_t err = again ? HUB_EOK : hub_view_next_id(view, "quarantine", &record.id);
    if (err != HUB_EOK)
        return err;
    record.about = hub_pool_printf(pool, "\"id\":\"%llu\",%.*s", (unsigned long long)record.id, HUB_SLICE_FMT(about));
    err = record_put(view, pool, integration->tenant, integration->id, &record);
    if (err == HUB_EOK)
        err = hub_view_put(view, HUB_TABLE_REFERENCE, what, hub_slice((const char *)&record.id, sizeof record.id));
    if (err != HUB_EOK || again)
        return err;
    uint64_t count = hub_quarantine_count(view, integration->id) + 1;
    err = count_set(view, integration->id, count);
    return err == HUB_EOK && count > HUB_QUARANTINE_LIMIT ? drop_oldest(view, pool, integration->tenant, integration->id) : err;
}

static hub_err_t clear(hub_view_t *view, const hub_integration_t *integration, const hub_key_t *what)
{
    hub_slice_t value;
    uint64_t number;
    hub_err_t err = hub_view_get(view, HUB_TABLE_REFERENCE, what, &value);
    if (err != HUB_EOK)
        return harmless(err);
    if (!number_of(value, &number))
        return HUB_ESTORE;
    err = hub_view_delete(view, HUB_TABLE_REFERENCE, what);
    return err == HUB_EOK ? harmless(record_drop(view, integration->tenant, integration->id, number)) : err;
}

hub_err_t hub_quarantine_put(hub_core_t *core, hub_view_t *view, hub_pool_t *pool, const hub_integration_t *integration,
                             const hub_object_id_t *what, const char *direction, hub_slice_t text, const ocpi_problems_t *problems)
{
    hub_key_t key;
    what_key(&key, integration->id, what, direction);
    return keep(core, view, pool, integration, &key,
                about(pool, integration, ocpi_module_name((ocpi_module_t)what->module), direction, what, problems), text);
}

hub_err_t hub_quarantine_clear(hub_view_t *view, const hub_integration_t *integration, const hub_object_id_t *what, const char *direction)
{
    hub_key_t key;
    what_key(&key, integration->id, what, direction);
    return clear(view, integration, &key);
}

/* A parked delivery has in its member "delivery" what tells it from others. */
hub_err_t hub_quarantine_park(hub_core_t *core, hub_view_t *view, hub_pool_t *pool, const hub_integration_t *integration,
                              const hub_parked_t *parked)
{
    hub_key_t what;
    ocpi_problems_t problems;
    hub_buf_t text = HUB_BUF_INIT(pool);
    ocpi_problems_init(&problems, pool);
    ocpi_problem_add(&problems, OCPI_ERROR, HUB_SLICE_LIT(""), "refused", "%.*s", HUB_SLICE_FMT(parked->problem));
    const hub_object_id_t object = {.country = parked->country, .party = parked->party, .id = parked->id};
    hub_buf_add(&text, about(pool, integration, hub_pool_str(pool, parked->module), HUB_QUARANTINE_SENT, &object, &problems));
    hub_buf_add_str(&text, ",\"delivery\":");
    hub_buf_add_json(&text, hub_parked_write(pool, parked));
    hub_parked_key(&what, integration->id, parked->source, parked->key, parked->evse_uid);
    return keep(core, view, pool, integration, &what, hub_buf_slice(&text), parked->text);
}

hub_err_t hub_quarantine_unpark(hub_view_t *view, const hub_integration_t *integration, uint8_t source, hub_slice_t key,
                                hub_slice_t evse_uid)
{
    hub_key_t what;
    hub_parked_key(&what, integration->id, source, key, evse_uid);
    return clear(view, integration, &what);
}

/* Deletes every key with this prefix, a few at a time: no scan goes on over what it deletes. */
static hub_err_t prefix_drop(hub_view_t *view, hub_table_t table, const hub_key_t *prefix)
{
    hub_err_t err = HUB_EOK;
    for (bool some = true; some && err == HUB_EOK;) {
        hub_scan_t scan;
        hub_slice_t found, value;
        hub_key_t key;
        hub_scan_init(&scan, view, table, prefix, NULL, false);
        some = hub_scan_next(&scan, &found, &value);
        hub_key_init(&key);
        if (some)
            hub_key_bytes(&key, found);
        err = hub_scan_finish(&scan);
        if (err == HUB_EOK && some)
            err = hub_view_delete(view, table, &key);
    }
    return err;
}

hub_err_t hub_quarantine_forget(hub_view_t *view, uint32_t tenant, uint32_t integration)
{
    hub_key_t prefix;
    record_key(&prefix, tenant, integration);
    hub_err_t err = prefix_drop(view, HUB_TABLE_QUARANTINE, &prefix);
    hub_key_init(&prefix);
    hub_key_u8(&prefix, 'Q');
    hub_key_u32(&prefix, integration);
    if (err == HUB_EOK)
        err = prefix_drop(view, HUB_TABLE_REFERENCE, &prefix);
    count_key(&prefix, integration);
    return err == HUB_EOK ? harmless(hub_view_delete(view, HUB_TABLE_REFERENCE, &prefix)) : err;
}

/* ---- /v1 ---- */

/* The integration of the path; 0: answered already. */
static uint32_t integration_of(hub_exchange_t *x)
{
    uint32_t id;
    hub_integration_t *integration;
    hub_view_t *view = hub_exchange_view(x);
    if (!view || !hub_v1_id(x, &id))
        return 0;
    hub_err_t err = hub_integration_get(x->worker, view, x->state->tenant, id, &integration);
    if (err != HUB_EOK) {
        hub_reply_problem(x, err, HUB_SLICE_NONE);
        return 0;
    }
    hub_integration_unref(integration);
    return id;
}

static void write_record(hub_buf_t *out, hub_pool_t *pool, const record_t *record)
{
    yyjson_doc *doc;
    hub_buf_add_char(out, '{');
    hub_buf_add(out, record->about);
    bool read = ocpi_read(pool, record->text, &doc, NULL) == HUB_EOK;
    hub_buf_add_str(out, ",\"object\":");
    hub_buf_add(out, read ? ocpi_write(pool, yyjson_doc_get_root(doc)) : HUB_SLICE_LIT("null"));
    hub_buf_add_str(out, ",\"text\":"); /* what is no JSON */
    add_text(out, read ? HUB_SLICE_NONE : record->text);
    hub_buf_add_char(out, '}');
}

void hub_v1_quarantine_list(hub_exchange_t *x)
{
    hub_v1_page_t page;
    hub_key_t prefix;
    hub_scan_t scan;
    hub_slice_t key, value;
    hub_buf_t out = HUB_BUF_INIT(x->pool);
    record_t record;
    uint32_t id = integration_of(x), written = 0;
    if (!id)
        return;
    hub_v1_page_read(x, &page);
    uint64_t at = 0;
    record_key(&prefix, x->state->tenant, id);
    hub_buf_add_char(&out, '[');
    hub_scan_init(&scan, x->state->view, HUB_TABLE_QUARANTINE, &prefix, NULL, true); /* newest first */
    while (written < page.limit && hub_scan_next(&scan, &key, &value)) {
        if (at++ < page.offset || !record_parse(key, value, &record))
            continue;
        if (written++)
            hub_buf_add_char(&out, ',');
        write_record(&out, x->pool, &record);
    }
    hub_err_t err = hub_scan_finish(&scan);
    hub_buf_add_char(&out, ']');
    if (err != HUB_EOK) {
        hub_reply_problem(x, err, HUB_SLICE_NONE);
        return;
    }
    hub_v1_page_headers(x, &page, hub_pool_str(x->pool, x->path), hub_quarantine_count(x->state->view, id));
    hub_reply_json(x, 200, hub_buf_slice(&out));
}

/* ---- retry and delete ---- */

typedef struct quarantine_job {
    uint32_t tenant, integration;
    uint64_t id;
    bool retry;
    /* out */
    bool sent, connector;
    hub_incoming_t in;
    hub_err_t refused; /* retry: it is still not good */
} quarantine_job_t;

static hub_err_t retry_sent(hub_view_t *view, const hub_object_id_t *id, uint32_t integration)
{
    hub_key_t key;
    uint64_t seq;
    hub_stream_t stream = {.tenant = id->tenant, .kind = HUB_STREAM_BINDING, .integration = integration, .module = id->module};
    hub_err_t err = hub_object_key(id, &key);
    return err == HUB_EOK ? hub_change_note(view, &stream, hub_key_slice(&key), HUB_CHANGE_OBJECT, hub_now_ms(), &seq) : err;
}

static hub_err_t retry(hub_view_t *view, hub_pool_t *pool, hub_core_t *core, quarantine_job_t *job, const hub_integration_t *integration,
                       yyjson_val *what, hub_slice_t text)
{
    const char *direction = job->sent ? HUB_QUARANTINE_SENT : HUB_QUARANTINE_RECEIVED;
    hub_err_t err = HUB_EOK;
    hub_parked_t parked;
    hub_object_id_t id;
    object_of(what, &id);
    id.tenant = job->tenant;
    if (job->connector)
        return hub_parked_read(pool, ocpi_get_str(what, "delivery"), &parked) ? hub_connector_again(view, job->integration, &parked)
                                                                              : HUB_ESTORE;
    if (job->sent) {
        err = retry_sent(view, &id, job->integration);
    } else {
        job->in = (hub_incoming_t){.tenant = job->tenant,
                                   .from = integration,
                                   .module = (ocpi_module_t)id.module,
                                   .version = OCPI_V2_2_1,
                                   .country = id.country,
                                   .party = id.party,
                                   .id = id.id,
                                   .text = text,
                                   .pulled = true,
                                   .now = hub_now_ms()};
        (void)ocpi_version_parse(ocpi_get_str(what, "version"), &job->in.version);
        err = hub_objects_store(core, view, pool, &job->in);
        if (hub_objects_refused(err)) {
            job->refused = err;
            return HUB_EOK; /* it stands in quarantine again, with the reasons of today */
        }
    }
    return err == HUB_EOK ? hub_quarantine_clear(view, integration, &id, direction) : err;
}

static void unref(void *integration)
{
    hub_integration_unref(integration);
}

static hub_err_t quarantine_apply(hub_view_t *view, hub_op_t *op)
{
    hub_write_t *write = hub_write_of(op);
    hub_exchange_t *x = write->x;
    quarantine_job_t *job = write->arg;
    hub_integration_t *integration = NULL;
    record_t record;
    job->refused = HUB_EOK;
    hub_err_t err = hub_integration_load(x->worker->core, view, job->tenant, job->integration, &integration);
    if (err == HUB_EOK) {
        hub_pool_link(x->pool, unref, integration);
        err = record_get(view, x->pool, job->tenant, job->integration, job->id, &record);
    }
    if (err != HUB_EOK)
        return err;
    yyjson_val *what = about_read(x->pool, &record);
    if (!what)
        return HUB_ESTORE;
    job->sent = hub_slice_eq_str(ocpi_get_str(what, "direction"), HUB_QUARANTINE_SENT);
    job->connector = integration->connector != NULL;
    if (job->retry)
        err = retry(view, x->pool, x->worker->core, job, integration, what, record.text);
    if (err != HUB_EOK || (job->retry && !job->connector))
        return err;
    err = drop_what(view, x->pool, job->integration, &record);
    return err == HUB_EOK ? harmless(record_drop(view, job->tenant, job->integration, job->id)) : err;
}

static void reload(hub_agent_task_t *task, hub_agent_t *agent)
{
    if (agent)
        hub_connector_reload(agent);
    free(task);
}

/* The connector knows what waits and what is parked: it looks again. */
static void tell_connector(hub_core_t *core, const quarantine_job_t *job)
{
    hub_agent_task_t *task = calloc(1, sizeof *task);
    HUB_ASSERT(task);
    *task = (hub_agent_task_t){.tenant = job->tenant, .integration = job->integration, .run = reload};
    hub_agent_post(core, task);
}

static void quarantine_then(hub_write_t *write)
{
    hub_exchange_t *x = write->x;
    quarantine_job_t *job = write->arg;
    if (job->connector && write->op.err == HUB_EOK)
        tell_connector(x->worker->core, job);
    if (write->op.err != HUB_EOK)
        hub_reply_problem(x, write->op.err, HUB_SLICE_NONE);
    else if (!job->retry)
        hub_reply_empty(x, 204);
    else if (job->sent)
        hub_reply_json(x, 202, hub_pool_printf(x->pool, "{\"id\":\"%llu\",\"outcome\":\"queued\"}", (unsigned long long)job->id));
    else if (job->refused != HUB_EOK && job->in.problems.errors)
        hub_reply_invalid(x, &job->in.problems);
    else if (job->refused != HUB_EOK)
        hub_reply_problem(x, job->refused, HUB_SLICE_NONE);
    else
        hub_reply_json(x, 200, hub_pool_printf(x->pool, "{\"id\":\"%llu\",\"outcome\":\"stored\"}", (unsigned long long)job->id));
}

static void quarantine_start(hub_exchange_t *x, bool again)
{
    quarantine_job_t *job = HUB_POOL_NEW(x->pool, quarantine_job_t);
    job->integration = integration_of(x);
    if (!job->integration)
        return;
    job->tenant = x->state->tenant;
    job->retry = again;
    if (hub_slice_u64(x->state->param[1], &job->id))
        hub_exchange_write(x, quarantine_apply, quarantine_then, job);
    else
        hub_reply_problem(x, HUB_ENOT_FOUND, HUB_SLICE_NONE);
}

void hub_v1_quarantine_retry(hub_exchange_t *x)
{
    quarantine_start(x, true);
}

void hub_v1_quarantine_delete(hub_exchange_t *x)
{
    quarantine_start(x, false);
}
