/* Received objects: kept as they came, byte for byte; the normalised form beside them where that differs. Decisions I and D, rules
 * O5-O10, L3. */
#include "object.h"

#include <string.h>

#include "contract.h"
#include "metrics.h"
#include "projection.h"
#include "sharing/sharing.h"

/* Pulled objects name their owner themselves; the URL of a push was checked before. Both again here, since the profile may have changed. */
static bool owner_accepted(const hub_incoming_t *in)
{
    return in->from->profile.foreign_parties || hub_integration_has_peer_party(in->from, in->country, in->party);
}

static hub_err_t refuse_owner(hub_incoming_t *in)
{
    if (!in->pulled && !(hub_objects__row(in->module)->traits & HUB_TRAIT_FINAL))
        return HUB_ENOT_FOUND;
    return hub_objects__refuse(in, HUB_SLICE_LIT("/party_id"), "owner", "%.*s*%.*s is no party of this partner",
                               HUB_SLICE_FMT(hub_slice(in->country.ptr, in->country.len < 8 ? in->country.len : 8)),
                               HUB_SLICE_FMT(hub_slice(in->party.ptr, in->party.len < 8 ? in->party.len : 8)));
}

/* Decision I: the time of the level that is addressed, as it stands in the stored bytes. */
static bool is_older(hub_storing_t *s, int64_t time)
{
    if (!s->exists || time == HUB_NO_TIME || time >= s->head.last_updated)
        return false; /* the head has the latest of all levels */
    if (!hub_objects__base(s))
        return false;
    yyjson_val *level = ocpi_location_find(s->base, s->in->evse_uid, s->in->connector_id);
    int64_t stored = level ? hub_objects__time(level) : HUB_NO_TIME;
    return stored != HUB_NO_TIME && time < stored && stored <= s->head.received_at + HUB_TIME_AHEAD_MS;
}

/* Nothing changes but when it was last seen: for a pull, which finds out what has vanished, and for an object that was marked stale. */
static hub_err_t touch(hub_storing_t *s, hub_stored_t outcome)
{
    hub_incoming_t *in = s->in;
    in->outcome = outcome;
    in->stored = hub_pool_copy(s->pool, s->head.bytes);
    in->head = s->head;
    in->head.bytes = in->stored;
    if (!in->pulled && !(s->head.flags & HUB_OBJECT_STALE))
        return HUB_EOK;
    in->head.received_at = in->now;
    in->head.flags &= ~(uint32_t)HUB_OBJECT_STALE;
    return hub_object_put(s->view, &s->id, &in->head, HUB_CHANGE_NONE, HUB_SLICE_NONE);
}

typedef struct whole {
    hub_slice_t text, normal;
    yyjson_val *root, *normal_root;
    bool normal_changed, created_level;
} whole_t;

/* After a PATCH, or a level that was put, the whole is judged again: hard errors refuse, warnings are kept with the object. */
static hub_err_t merge(hub_storing_t *s, int64_t time, whole_t *out)
{
    hub_incoming_t *in = s->in;
    if (!hub_objects__base(s))
        return hub_projection_written(&s->head) == in->version ? HUB_EINTERNAL : s->row->unknown;
    char parents[OCPI_TIME_MAX + 1];
    size_t len = time == HUB_NO_TIME ? 0 : ocpi_time_format(time, parents);
    hub_slice_t bump = len ? hub_slice(parents, len) : ocpi_get_str(s->base, "last_updated");
    out->text = hub_objects__merge(s, false, bump, &out->created_level);
    if (!out->text.ptr)
        return s->row->unknown;
    out->root = hub_objects__read(s->pool, out->text);
    if (!out->root)
        return HUB_EINTERNAL;
    hub_objects__forget(&in->problems, 0); /* what was odd about the body is said again of the whole */
    const ocpi_check_t check = {.object = s->row->level[0], .version = in->version};
    ocpi_check(out->root, &check, &in->problems);
    if (in->problems.errors)
        return HUB_EINVALID;
    out->normal = ocpi_normalise(s->pool, out->root, out->text, s->row->level[0], in->version, &out->normal_changed);
    out->normal_root = out->normal_changed ? hub_objects__read(s->pool, out->normal) : out->root;
    return out->normal_root ? HUB_EOK : HUB_EINTERNAL;
}

static bool spelled(hub_slice_t text, hub_slice_t value)
{
    if (!value.len)
        return true;
    for (const char *at = text.ptr, *end = text.ptr + text.len; (at = memmem(at, (size_t)(end - at), value.ptr, value.len)); at++)
        if (at > text.ptr && at[-1] == '"' && at + value.len < end && at[value.len] == '"')
            return true;
    return false;
}

/* Decision L: the giver gets back what it sent; everybody else sees the spelling that came first. */
static hub_err_t keep_spelling(hub_storing_t *s, whole_t *whole)
{
    const char *names[4];
    hub_objects__names(s->row, names);
    bool same = true;
    hub_slice_t first = s->exists ? hub_projection_own(&s->head) : HUB_SLICE_NONE;
    for (size_t i = 0; first.ptr && i < 3; i++)
        same = same && spelled(first, ocpi_get_str(whole->normal_root, names[i]));
    if (same)
        return HUB_EOK;
    yyjson_val *old = hub_objects__read(s->pool, first);
    yyjson_mut_doc *doc = yyjson_mut_doc_new(ocpi_alc(s->pool));
    yyjson_mut_val *root = yyjson_val_mut_copy(doc, whole->normal_root);
    for (size_t i = 0; i < 3; i++) {
        hub_slice_t value = ocpi_get_str(old, names[i]);
        if (value.len && !hub_slice_eq(value, ocpi_get_str(whole->normal_root, names[i])))
            hub_objects__set_str(doc, root, names[i], value);
    }
    whole->normal = ocpi_write_mut(s->pool, root);
    whole->normal_root = hub_objects__read(s->pool, whole->normal);
    whole->normal_changed = true;
    return whole->normal_root ? HUB_EOK : HUB_EINTERNAL;
}

/* EVSEs and Connectors that are left out stand in quarantine, by pointer; an object that is whole again leaves it. */
static hub_err_t put_quarantine(hub_storing_t *s)
{
    hub_incoming_t *in = s->in;
    for (uint32_t i = 0; i < in->problems.count; i++)
        if (!strcmp(in->problems.list[i].rule, "left-out"))
            return hub_quarantine_put(s->core, s->view, s->pool, in->from, &s->id, HUB_QUARANTINE_RECEIVED, in->stored, &in->problems);
    hub_err_t err = hub_quarantine_clear(s->view, in->from, &s->id, HUB_QUARANTINE_RECEIVED);
    return err == HUB_ENOT_FOUND ? HUB_EOK : err;
}

/* A PATCH of an EVSE with nothing but its status is an event of its own. */
static bool status_only(const hub_storing_t *s)
{
    if (s->level != 1 || !s->in->patch || s->in->evse_uid.len > 255 || !yyjson_obj_get(s->in->root, "status"))
        return false;
    size_t i, n;
    yyjson_val *key, *value;
    yyjson_obj_foreach(s->in->root, i, n, key, value)
    {
        hub_slice_t name = ocpi_str(key);
        if (!hub_slice_eq_str(name, "status") && !hub_slice_eq_str(name, "last_updated") && !hub_slice_eq_str(name, "uid"))
            return false;
    }
    return true;
}

/* Through whom its party is reached, and its contract unless that is what it was. */
static hub_err_t note_token(hub_storing_t *s, const whole_t *whole)
{
    hub_err_t err = hub_reach_note(s->core, s->view, s->in->from, s->in->country, s->in->party);
    return err ? err : hub_contract_follow(s->view, s->pool, hub_key_slice(&s->key), s->exists ? &s->head : NULL, whole->normal_root);
}

static hub_err_t put(hub_storing_t *s, const whole_t *whole)
{
    hub_incoming_t *in = s->in;
    int64_t latest = hub_objects__latest(whole->normal_root);
    in->stored = whole->text;
    in->outcome = !s->exists || whole->created_level ? HUB_CREATED : HUB_UPDATED;
    in->head = (hub_object_t){
        .last_updated = latest == HUB_NO_TIME ? in->now : latest,
        .received_at = in->now,
        .flags = (in->pulled ? HUB_OBJECT_PULLED : 0u) | (whole->normal_changed || in->problems.count ? HUB_OBJECT_WARNINGS : 0u),
        .audience_count = 2,
        .audiences = {hub_audience(HUB_AUDIENCE_RECEIVED, in->from->id), hub_audience(HUB_AUDIENCE_RECEIVED_TENANT, in->tenant)},
        .bytes = whole->text};
    hub_projection_write(&in->head, in->version, whole->normal_changed ? whole->normal : whole->text);
    bool status = status_only(s);
    hub_err_t err =
        hub_projection_make(s->view, s->pool, hub_key_slice(&s->key), whole->normal_root, OCPI_V2_2_1, &in->head); /* for /v1/received */
    if (!err)
        err = hub_object_put(s->view, &s->id, &in->head, status ? HUB_CHANGE_EVSE : HUB_CHANGE_OBJECT,
                             status ? in->evse_uid : HUB_SLICE_NONE);
    if (!err && s->row->traits & HUB_TRAIT_REACH)
        err = note_token(s, whole);
    return hub_objects__written(err ? err : put_quarantine(s));
}

hub_err_t hub_objects__store_received(hub_storing_t *s)
{
    hub_incoming_t *in = s->in;
    if (!owner_accepted(in))
        return refuse_owner(in);
    int64_t time = hub_objects__time(in->root);
    if (!(s->row->traits & HUB_TRAIT_FINAL) && is_older(s, time)) {
        hub_metric_add(s->core, in->tenant, HUB_METRIC_STALE_IGNORED, 1);
        return touch(s, HUB_STALE_IGNORED);
    }
    whole_t whole = {
        .text = in->text, .root = in->root, .normal = in->normal, .normal_root = in->normal_root, .normal_changed = in->normal_changed};
    if (s->level || in->patch) {
        hub_err_t err = merge(s, time, &whole);
        if (err)
            return err;
    }
    bool turned = s->exists && hub_projection_written(&s->head) != in->version; /* the partner speaks another version now */
    if (s->exists && !turned &&
        (hub_slice_eq(whole.text, s->head.bytes) || (s->base && whole.root != in->root && yyjson_equals(whole.root, s->base))))
        return touch(s, HUB_UNCHANGED);
    bool unchanged = false;
    hub_err_t err = s->exists && s->row->check ? s->row->check(s, whole.root, &unchanged) : HUB_EOK;
    if (err || unchanged)
        return err ? err : touch(s, HUB_UNCHANGED);
    err = keep_spelling(s, &whole);
    return err ? err : put(s, &whole);
}
