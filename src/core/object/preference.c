#include "preference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "face.h"
#include "object.h"
#include "projection.h"
#include "reply.h"
#include "v1.h"

#define PREFERENCE_KIND 'w'
#define DEADLINE_MS 10000     /* decision V */
#define LEFT_MS (60ll * 1000) /* a record so long behind its deadline was left by a crash */
#define LEFT_LOOKED 16
#define UNANSWERED "NOT_POSSIBLE"

/* ---- records ---- */

static void record_key(hub_key_t *key, uint32_t tenant, uint64_t id)
{
    hub_key_init(key);
    hub_key_u8(key, PREFERENCE_KIND);
    hub_key_u32(key, tenant);
    hub_key_u64(key, id);
}

static hub_stream_t stream_of(uint32_t tenant)
{
    return (hub_stream_t){.tenant = tenant, .kind = HUB_STREAM_RECEIVED, .module = HUB_MODULE_PREFERENCES};
}

static bool is_over(hub_slice_t deadline, int64_t since)
{
    int64_t ms;
    return !ocpi_time_parse(deadline, &ms, NULL) || ms < since;
}

hub_err_t hub_preference_get(hub_view_t *view, hub_pool_t *pool, hub_slice_t key, hub_preference_t *out)
{
    hub_key_t at;
    hub_slice_t value;
    uint64_t number = 0;
    hub_key_init(&at);
    hub_key_bytes(&at, key);
    memset(out, 0, sizeof *out);
    hub_err_t err = hub_view_get(view, HUB_TABLE_REFERENCE, &at, &value);
    if (err)
        return err;
    out->bytes = hub_pool_copy(pool, value);
    yyjson_val *root = hub_objects__read(pool, out->bytes);
    if (!root)
        return HUB_ESTORE;
    (void)hub_slice_u64(ocpi_get_str(root, "id"), &out->id);
    (void)hub_slice_u64(ocpi_get_str(root, "integrationId"), &number);
    out->integration = (uint32_t)number;
    out->country = ocpi_get_str(root, "countryCode");
    out->party = ocpi_get_str(root, "partyId");
    out->session = ocpi_get_str(root, "sessionId");
    out->deadline = ocpi_get_str(root, "deadline");
    out->over = is_over(out->deadline, hub_now_ms());
    out->result = ocpi_get_str(root, "result");
    out->wish = yyjson_obj_get(root, "preferences");
    return HUB_EOK;
}

static hub_err_t write_record(hub_view_t *view, hub_pool_t *pool, uint32_t tenant, const hub_preference_t *record)
{
    hub_key_t key;
    hub_buf_t out = HUB_BUF_INIT(pool);
    const struct {
        const char *name;
        hub_slice_t value;
    } members[] = {{"countryCode", record->country},
                   {"partyId", record->party},
                   {"sessionId", record->session},
                   {"deadline", record->deadline},
                   {"result", record->result}};
    hub_buf_printf(&out, "{\"id\":\"%llu\",\"integrationId\":\"%u\"", (unsigned long long)record->id, record->integration);
    for (size_t i = 0; i < HUB_COUNT(members); i++) {
        hub_buf_printf(&out, ",\"%s\":", members[i].name);
        hub_buf_add_json(&out, members[i].value);
    }
    hub_buf_add_str(&out, ",\"preferences\":");
    hub_buf_add(&out, ocpi_write(pool, record->wish));
    hub_buf_add_char(&out, '}');
    record_key(&key, tenant, record->id);
    return hub_view_put(view, HUB_TABLE_REFERENCE, &key, hub_buf_slice(&out));
}

static hub_err_t drop_record(hub_view_t *view, hub_slice_t key)
{
    hub_key_t at;
    hub_key_init(&at);
    hub_key_bytes(&at, key);
    hub_stream_t stream = stream_of(hub_u32_at(key.ptr + 1));
    hub_err_t err = hub_view_delete(view, HUB_TABLE_REFERENCE, &at);
    if (err)
        return err == HUB_ENOT_FOUND ? HUB_EOK : err;
    return hub_change_note(view, &stream, hub_key_slice(&at), HUB_CHANGE_DELETE, hub_now_ms(), NULL);
}

/* What a crash has left, a few at a time. */
static hub_err_t drop_left(hub_view_t *view, hub_pool_t *pool, uint32_t tenant)
{
    hub_key_t prefix;
    hub_scan_t scan;
    hub_slice_t key, value, found[LEFT_LOOKED];
    uint32_t count = 0;
    hub_err_t err = HUB_EOK;
    hub_key_init(&prefix);
    hub_key_u8(&prefix, PREFERENCE_KIND);
    hub_key_u32(&prefix, tenant);
    hub_scan_init(&scan, view, HUB_TABLE_REFERENCE, &prefix, NULL, false);
    while (count < LEFT_LOOKED && hub_scan_next(&scan, &key, &value))
        found[count++] = hub_pool_copy(pool, key);
    err = hub_scan_finish(&scan);
    for (uint32_t i = 0; i < count && !err; i++) {
        hub_preference_t record;
        err = hub_preference_get(view, pool, found[i], &record);
        if (!err && is_over(record.deadline, hub_now_ms() - LEFT_MS))
            err = drop_record(view, found[i]);
    }
    return err;
}

/* ---- requests that wait; their worker's thread ---- */

typedef struct hub_waiting_preference {
    struct hub_waiting_preference *next;
    hub_exchange_t *x;
    hub_preference_t record;
    hub_key_t key;
    hub_timer_t timer;
    uint32_t wait_ms;
} waiting_t;

typedef struct dropping {
    hub_op_t op; /* first */
    hub_worker_t *worker;
    hub_key_t key;
} dropping_t;

static hub_err_t drop_apply(hub_view_t *view, hub_op_t *op)
{
    return drop_record(view, hub_key_slice(&((dropping_t *)op)->key));
}

static void drop_done(hub_op_t *op)
{
    dropping_t *dropping = (dropping_t *)op;
    dropping->worker->preferences_dropping--;
    free(dropping);
}

/* A queue that is full: the record is dropped later, by drop_left. */
static void drop(hub_worker_t *worker, const hub_key_t *key)
{
    dropping_t *dropping = calloc(1, sizeof *dropping);
    HUB_ASSERT(dropping);
    dropping->op.apply = drop_apply;
    dropping->op.done = drop_done;
    dropping->op.reply_to = worker->mailbox;
    dropping->worker = worker;
    dropping->key = *key;
    worker->preferences_dropping++;
    if (hub_store_submit(worker->core->store, &dropping->op) != HUB_EOK)
        drop_done(&dropping->op);
}

static void reply(hub_exchange_t *x, hub_slice_t result)
{
    hub_buf_t data = HUB_BUF_INIT(x->pool);
    hub_buf_add_json(&data, result);
    hub_reply_ocpi(x, 200, 1000, HUB_SLICE_NONE, hub_buf_slice(&data));
}

static void end(waiting_t *waiting, hub_slice_t result)
{
    hub_worker_t *worker = waiting->x->worker;
    waiting_t **at = &worker->preferences;
    while (*at != waiting)
        at = &(*at)->next;
    *at = waiting->next;
    worker->port.timer_stop(worker->port.self, &waiting->timer);
    drop(worker, &waiting->key);
    reply(waiting->x, hub_pool_copy(waiting->x->pool, result));
}

static void deadline(hub_timer_t *timer)
{
    waiting_t *waiting = timer->arg;
    hub_log(HUB_WARN, "preferences.unanswered", HUB_INT("id", waiting->record.id), HUB_SLICE("session", waiting->record.session));
    end(waiting, HUB_SLICE_LIT(UNANSWERED));
}

void hub_preference_commit(hub_worker_t *worker)
{
    hub_view_t *view;
    if (!worker->preferences || hub_view_open(worker->core->store, &view) != HUB_EOK)
        return;
    hub_pool_t *pool = hub_pool_create();
    waiting_t *next;
    for (waiting_t *waiting = worker->preferences; waiting; waiting = next) {
        hub_preference_t record;
        next = waiting->next;
        if (hub_preference_get(view, pool, hub_key_slice(&waiting->key), &record) == HUB_EOK && record.result.len)
            end(waiting, record.result);
    }
    hub_pool_destroy(pool);
    hub_view_close(view);
}

bool hub_preference_stop(hub_worker_t *worker)
{
    while (worker->preferences)
        end(worker->preferences, HUB_SLICE_LIT(UNANSWERED));
    return worker->preferences_dropping == 0;
}

static hub_err_t create_apply(hub_view_t *view, hub_op_t *op)
{
    hub_write_t *write = hub_write_of(op);
    waiting_t *waiting = write->arg;
    uint32_t tenant = write->x->state->tenant;
    hub_stream_t stream = stream_of(tenant);
    hub_err_t err = drop_left(view, write->x->pool, tenant);
    if (!err)
        err = hub_view_next_id(view, "preferences", &waiting->record.id);
    if (!err)
        err = write_record(view, write->x->pool, tenant, &waiting->record);
    record_key(&waiting->key, tenant, waiting->record.id);
    return err ? err : hub_change_note(view, &stream, hub_key_slice(&waiting->key), HUB_CHANGE_OBJECT, hub_now_ms(), NULL);
}

static void create_then(hub_write_t *write)
{
    hub_exchange_t *x = write->x;
    hub_worker_t *worker = x->worker;
    waiting_t *waiting = write->arg;
    if (write->op.err) {
        hub_reply_ocpi_err(x, write->op.err, HUB_SLICE_NONE);
        return;
    }
    waiting->next = worker->preferences;
    worker->preferences = waiting;
    waiting->timer = (hub_timer_t){.run = deadline, .arg = waiting};
    if (worker->stopping)
        end(waiting, HUB_SLICE_LIT(UNANSWERED));
    else
        worker->port.timer_start(worker->port.self, &waiting->timer, waiting->wait_ms);
}

/* ---- PUT …/charging_preferences ---- */

static bool lists(yyjson_val *list, const char *value)
{
    size_t i, n;
    yyjson_val *item;
    yyjson_arr_foreach(list, i, n, item)
    {
        if (hub_slice_eq_str(ocpi_str(item), value))
            return true;
    }
    return false;
}

/* S9. Of an EVSE that is not known here the backend decides. */
static bool is_capable(hub_exchange_t *x, hub_view_t *view, yyjson_val *session, const hub_object_id_t *id)
{
    hub_object_id_t place = *id;
    hub_key_t key;
    hub_object_t head;
    place.module = OCPI_MODULE_LOCATIONS;
    place.id = ocpi_get_str(session, "location_id");
    hub_slice_t uid = ocpi_get_str(session, "evse_uid");
    if (!uid.len || hub_object_key(&place, &key) != HUB_EOK || hub_object_get_key(view, hub_key_slice(&key), &head) != HUB_EOK)
        return true;
    yyjson_val *location = hub_objects__read(x->pool, hub_projection_own(&head));
    yyjson_val *evse = location ? ocpi_location_find(location, uid, HUB_SLICE_NONE) : NULL;
    return !evse || lists(yyjson_obj_get(evse, "capabilities"), "CHARGING_PREFERENCES_CAPABLE");
}

/* False: answered. What cannot be read is 2001; a profile that nobody has is an answer of its own (S10). */
static bool judge(hub_exchange_t *x, yyjson_val *wish)
{
    ocpi_problems_t problems;
    const ocpi_check_t check = {.object = OCPI_OBJECT_CHARGING_PREFERENCES, .version = x->state->target.version};
    ocpi_problems_init(&problems, x->pool);
    if (!ocpi_check(wish, &check, &problems)) {
        hub_reply_ocpi(x, 200, 2001, hub_objects_explain(x->pool, &problems), HUB_SLICE_NONE);
        return false;
    }
    for (uint32_t i = 0; i < problems.count; i++) {
        if (!hub_slice_eq_str(problems.list[i].pointer, "/profile_type"))
            continue;
        reply(x, HUB_SLICE_LIT("PROFILE_TYPE_NOT_SUPPORTED"));
        return false;
    }
    return true;
}

void hub_ocpi_preferences(hub_exchange_t *x)
{
    const hub_objects_row_t *row = hub_objects__row(x->state->target.route->module);
    const hub_integration_t *from = x->state->integration;
    hub_view_t *view = hub_exchange_view(x);
    hub_object_id_t id;
    hub_key_t key;
    hub_slice_t bytes = HUB_SLICE_NONE;
    if (!view)
        return;
    hub_err_t err = hub_objects__find_shared(x, view, row, &key, &bytes);
    yyjson_val *session = err ? NULL : hub_objects__read(x->pool, bytes), *wish;
    if (err || !session || !hub_object_key_parse(hub_key_slice(&key), &id)) {
        hub_reply_ocpi_err(x, err ? err : HUB_EINTERNAL, HUB_SLICE_NONE); /* decision F */
        return;
    }
    if (!(wish = hub_body_json(x, false)) || !judge(x, wish))
        return;
    if (!is_capable(x, view, session, &id)) {
        hub_reply_ocpi(x, 404, 2001, HUB_SLICE_LIT("the EVSE is not CHARGING_PREFERENCES_CAPABLE"), HUB_SLICE_NONE);
        return;
    }
    char time[OCPI_TIME_MAX + 1];
    waiting_t *waiting = HUB_POOL_NEW(x->pool, waiting_t);
    waiting->x = x;
    waiting->wait_ms = from->profile.timeout_ms ? from->profile.timeout_ms : DEADLINE_MS;
    size_t len = ocpi_time_format(hub_now_ms() + waiting->wait_ms, time);
    waiting->record = (hub_preference_t){.integration = from->id,
                                         .country = hub_pool_copy(x->pool, ocpi_get_str(session, "country_code")),
                                         .party = hub_pool_copy(x->pool, ocpi_get_str(session, "party_id")),
                                         .session = hub_pool_copy(x->pool, ocpi_get_str(session, "id")),
                                         .deadline = hub_pool_copy(x->pool, hub_slice(time, len)),
                                         .wish = wish};
    hub_exchange_write(x, create_apply, create_then, waiting);
}

/* ---- /v1/charging-preferences ---- */

static bool addressed(hub_exchange_t *x, hub_key_t *key)
{
    uint64_t id;
    if (hub_slice_u64(x->state->param[0], &id)) {
        record_key(key, x->state->tenant, id);
        return true;
    }
    hub_reply_problem(x, HUB_ENOT_FOUND, HUB_SLICE_NONE);
    return false;
}

void hub_v1_preferences_get(hub_exchange_t *x)
{
    hub_key_t key;
    hub_preference_t record;
    hub_view_t *view = hub_exchange_view(x);
    if (!view || !addressed(x, &key))
        return;
    hub_err_t err = hub_preference_get(view, x->pool, hub_key_slice(&key), &record);
    if (err)
        hub_reply_problem(x, err, HUB_SLICE_NONE);
    else
        hub_reply_json(x, 200, record.bytes);
}

typedef struct answering {
    hub_key_t key;
    hub_slice_t result;
} answering_t;

static hub_err_t answer_apply(hub_view_t *view, hub_op_t *op)
{
    hub_write_t *write = hub_write_of(op);
    const answering_t *answering = write->arg;
    hub_preference_t record;
    hub_err_t err = hub_preference_get(view, write->x->pool, hub_key_slice(&answering->key), &record);
    if (!err && record.result.len)
        return HUB_ECONFLICT;
    if (!err && record.over)
        return HUB_ENOT_FOUND;
    record.result = answering->result;
    if (!err)
        err = write_record(view, write->x->pool, write->x->state->tenant, &record);
    hub_stream_t stream = stream_of(write->x->state->tenant);
    return err ? err : hub_change_note(view, &stream, hub_key_slice(&answering->key), HUB_CHANGE_OBJECT, hub_now_ms(), NULL); /* wakes */
}

static void answer_then(hub_write_t *write)
{
    hub_err_t err = write->op.err;
    if (!err)
        hub_reply_empty(write->x, 204);
    else
        hub_reply_problem(write->x, err,
                          err == HUB_ENOT_FOUND  ? HUB_SLICE_LIT("nobody waits for this answer (any more)")
                          : err == HUB_ECONFLICT ? HUB_SLICE_LIT("this was answered before")
                                                 : HUB_SLICE_NONE);
}

void hub_v1_preferences_answer(hub_exchange_t *x)
{
    static const char *const results[] = {"ACCEPTED", "DEPARTURE_REQUIRED", "ENERGY_NEED_REQUIRED", UNANSWERED,
                                          "PROFILE_TYPE_NOT_SUPPORTED"};
    answering_t *answering = HUB_POOL_NEW(x->pool, answering_t);
    yyjson_val *body;
    if (!addressed(x, &answering->key) || !(body = hub_body_json(x, false)))
        return;
    hub_slice_t result = ocpi_get_str(body, "result");
    for (size_t i = 0; i < HUB_COUNT(results); i++)
        if (hub_slice_eq_str(result, results[i]))
            answering->result = result;
    if (answering->result.len)
        hub_exchange_write(x, answer_apply, answer_then, answering);
    else
        hub_reply_wrong(x, "/result", "enum", "must be a ChargingPreferencesResponse: ACCEPTED, DEPARTURE_REQUIRED, …");
}
