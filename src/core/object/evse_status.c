/* POST /v1/evse-status: the fast path for EVSE status. Items are read on the worker; on the store thread a Location is taken from its bytes
 * and written back once for all items of it that follow one another. */
#include <string.h>

#include "object.h"
#include "reply.h"
#include "v1.h"

/* ---- worker ---- */

static hub_slice_t string_of(hub_bulk_item_t *item, const char *name, const char *pointer)
{
    yyjson_val *value = yyjson_obj_get(item->root, name);
    if (yyjson_is_str(value) && yyjson_get_len(value))
        return ocpi_str(value);
    hub_objects__refuse(&item->in, hub_slice_str(pointer), value && !yyjson_is_null(value) ? "type" : "required", "a string is asked for");
    return HUB_SLICE_NONE;
}

static bool is_status(ocpi_version_t version, hub_slice_t value)
{
    const ocpi_object_t *evse = ocpi_object(OCPI_OBJECT_EVSE);
    for (uint16_t i = 0; i < evse->count; i++)
        if (!strcmp(evse->fields[i].name, "status") && (evse->fields[i].versions & version))
            return ocpi_enum_has(evse->fields[i].ref, version, value);
    return false;
}

static void read_item(hub_bulk_t *bulk, hub_bulk_item_t *item)
{
    hub_incoming_t *in = &item->in;
    ocpi_problem_t problem = {0};
    *in = (hub_incoming_t){.tenant = bulk->x->state->tenant, .module = OCPI_MODULE_LOCATIONS, .version = OCPI_V2_2_1, .now = bulk->now};
    ocpi_problems_init(&in->problems, bulk->pool);
    yyjson_doc *doc;
    if (ocpi_read(bulk->pool, item->text, &doc, &problem) != HUB_EOK) {
        hub_objects__refuse(in, problem.pointer, problem.rule ? problem.rule : "json", "%.*s", HUB_SLICE_FMT(problem.message));
        return;
    }
    item->root = yyjson_doc_get_root(doc);
    if (!yyjson_is_obj(item->root)) {
        hub_objects__refuse(in, HUB_SLICE_NONE, "type", "a JSON object is asked for");
        return;
    }
    in->country = string_of(item, "country_code", "/country_code");
    in->party = string_of(item, "party_id", "/party_id");
    in->id = string_of(item, "location_id", "/location_id");
    in->evse_uid = string_of(item, "evse_uid", "/evse_uid");
    in->text = string_of(item, "status", "/status");
    if (in->text.ptr && !is_status(in->version, in->text))
        hub_objects__refuse(in, HUB_SLICE_LIT("/status"), "enum", "no EVSE status of OCPI %s", ocpi_version_name(in->version));
    yyjson_val *time = yyjson_obj_get(item->root, "last_updated");
    if (time && !yyjson_is_null(time) && hub_objects__time(item->root) == HUB_NO_TIME)
        hub_objects__refuse(in, HUB_SLICE_LIT("/last_updated"), "datetime", "no DateTime");
}

static void status_prepare(hub_bulk_t *bulk, hub_bulk_item_t *item)
{
    read_item(bulk, item);
    item->in.prepared_problems = item->in.problems.count;
}

/* ---- store thread ---- */

typedef struct opened {
    hub_storing_t s;
    yyjson_mut_doc *doc; /* NULL: none is open */
    yyjson_mut_val *root;
    hub_status_change_t changed;
    bool dirty, many;
} opened_t;

static void note_changed(opened_t *o, hub_slice_t uid)
{
    for (uint32_t i = 0; i < o->changed.count; i++)
        if (hub_slice_caseeq(o->changed.uid[i], uid))
            return;
    if (o->changed.count < HUB_STATUS_ENTRIES)
        o->changed.uid[o->changed.count++] = uid;
    else
        o->many = true;
    o->dirty = true;
}

static hub_err_t flush(opened_t *o)
{
    if (!o->doc || !o->dirty)
        return HUB_EOK;
    hub_storing_t *s = &o->s;
    hub_slice_t text = ocpi_write_mut(s->pool, o->root);
    yyjson_val *after = hub_objects__read(s->pool, text);
    if (!after)
        return HUB_EINTERNAL;
    hub_object_t head = s->head;
    head.bytes = text;
    head.last_updated = hub_objects__time(after);
    head.received_at = s->in->now;
    head.flags &= ~(uint32_t)HUB_OBJECT_REMOVED;
    hub_projection_write(&head, hub_projection_written(&s->head), text);
    hub_err_t err =
        hub_projection_make(s->view, s->pool, hub_key_slice(&s->key), after, hub_projection_demand(s->view, s->id.tenant), &head);
    if (err)
        return err;
    if (o->many || (s->head.flags & HUB_OBJECT_REMOVED))
        err = hub_object_put(s->view, &s->id, &head, HUB_CHANGE_OBJECT, HUB_SLICE_NONE);
    else
        for (uint32_t i = 0; i < o->changed.count && !err; i++)
            err = hub_object_put(s->view, &s->id, &head, HUB_CHANGE_EVSE, o->changed.uid[i]);
    return err ? err : s->row->follow(s, after);
}

static bool is_open(const opened_t *o, const hub_incoming_t *in)
{
    return o->doc && hub_slice_caseeq(o->s.id.country, in->country) && hub_slice_caseeq(o->s.id.party, in->party) &&
           hub_slice_caseeq(o->s.id.id, in->id);
}

static hub_err_t open_location(opened_t *o, hub_bulk_t *bulk, hub_view_t *view, hub_incoming_t *in)
{
    *o = (opened_t){.doc = NULL};
    hub_err_t err = hub_objects__begin(&o->s, bulk->x->worker->core, view, bulk->pool, in);
    if (err)
        return err;
    in->version = hub_projection_written(&o->s.head); /* status and time are called the same in all of them */
    if (!hub_objects__base(&o->s)) {
        hub_objects__refuse(in, HUB_SLICE_LIT("/location_id"), "unknown", "no such location");
        return HUB_EUNKNOWN_LOCATION;
    }
    o->doc = yyjson_mut_doc_new(ocpi_alc(bulk->pool));
    o->root = yyjson_val_mut_copy(o->doc, o->s.base);
    return HUB_EOK;
}

/* Decision I, at the level of the EVSE; L2 for the Location. */
static hub_err_t set_status(opened_t *o, hub_bulk_item_t *item)
{
    hub_incoming_t *in = &item->in;
    yyjson_mut_val *evse = hub_objects__find_mut(yyjson_mut_obj_get(o->root, "evses"), "uid", in->evse_uid);
    if (!evse) {
        hub_objects__refuse(in, HUB_SLICE_LIT("/evse_uid"), "unknown", "the location has no such EVSE");
        return HUB_EUNKNOWN_LOCATION;
    }
    int64_t time = hub_objects__time(item->root), old = hub_objects__time_mut(evse), parent = hub_objects__time_mut(o->root);
    bool same = hub_slice_eq(hub_objects__str_mut(evse, "status"), in->text);
    in->outcome = HUB_UNCHANGED;
    if (time != HUB_NO_TIME && time < old && old <= o->s.head.received_at + HUB_TIME_AHEAD_MS)
        in->outcome = HUB_STALE_IGNORED;
    else if (!same || (time != HUB_NO_TIME && time != old))
        in->outcome = HUB_UPDATED;
    if (in->outcome != HUB_UPDATED)
        return HUB_EOK;
    if (time == HUB_NO_TIME)
        time = in->now > old ? in->now : old;
    hub_objects__set_str(o->doc, evse, "status", in->text);
    hub_objects__set_time(o->doc, evse, time);
    if (parent < time)
        hub_objects__set_time(o->doc, o->root, time);
    note_changed(o, hub_objects__str_mut(evse, "uid"));
    return HUB_EOK;
}

static hub_err_t status_apply(hub_bulk_t *bulk, hub_view_t *view, hub_bulk_item_t *items, uint32_t count)
{
    opened_t opened = {.doc = NULL};
    hub_err_t err = HUB_EOK;
    for (uint32_t i = 0; i < count && !err; i++) {
        hub_bulk_item_t *item = &items[i];
        hub_objects__forget(&item->in.problems, item->in.prepared_problems);
        item->err = item->in.problems.errors ? HUB_EINVALID : HUB_EOK;
        if (!item->err && !is_open(&opened, &item->in)) {
            err = flush(&opened);
            if (!err)
                item->err = open_location(&opened, bulk, view, &item->in);
        }
        if (!err && !item->err)
            item->err = set_status(&opened, item);
        if (item->err && !hub_objects_refused(item->err))
            err = item->err;
    }
    return err ? err : flush(&opened);
}

void hub_v1_evse_status(hub_exchange_t *x)
{
    static const hub_bulk_kind_t kind = {.chunk = 500, .prepare = status_prepare, .apply = status_apply, .stale = true};
    hub_bulk_run(x, &kind, OCPI_MODULE_LOCATIONS, OCPI_V2_2_1, false);
}
