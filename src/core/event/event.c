/* Events: the merged reading of change streams, what an entry is to a reader, and how it is shown. */
#include "event.h"

#include <string.h>

#include "object/projection.h"
#include "sharing/sharing.h"

const hub_event_source_t hub_event_sources[HUB_EVENT_SOURCES] = {
    {HUB_STREAM_OWN, OCPI_MODULE_LOCATIONS, "location"},
    {HUB_STREAM_RECEIVED, OCPI_MODULE_LOCATIONS, "location"},
    {HUB_STREAM_OWN, OCPI_MODULE_TARIFFS, "tariff"},
    {HUB_STREAM_RECEIVED, OCPI_MODULE_TARIFFS, "tariff"},
    {HUB_STREAM_OWN, OCPI_MODULE_SESSIONS, "session"},
    {HUB_STREAM_RECEIVED, OCPI_MODULE_SESSIONS, "session"},
    {HUB_STREAM_OWN, OCPI_MODULE_CDRS, "cdr"},
    {HUB_STREAM_RECEIVED, OCPI_MODULE_CDRS, "cdr"},
    {HUB_STREAM_OWN, OCPI_MODULE_TOKENS, "token"},
    {HUB_STREAM_RECEIVED, OCPI_MODULE_TOKENS, "token"},
    {HUB_STREAM_RECEIVED, HUB_MODULE_PREFERENCES, "session"},
    {HUB_STREAM_OWN, HUB_MODULE_INTEGRATION, "integration"},
};
static const char *const verbs[HUB_EVENT_VERBS] = {"created", "updated", "deleted", "status", "charging_preferences"};

uint32_t hub_event_mask(uint8_t module, bool own, bool received)
{
    uint32_t mask = 0;
    for (unsigned i = 0; i < HUB_EVENT_SOURCES; i++)
        if (hub_event_sources[i].module == module && (hub_event_sources[i].kind == HUB_STREAM_OWN ? own : received))
            mask |= 1u << i;
    return mask;
}

/* ---- the merge ---- */

static hub_stream_t stream_of(uint32_t tenant, unsigned source)
{
    return (hub_stream_t){.tenant = tenant, .kind = hub_event_sources[source].kind, .module = hub_event_sources[source].module};
}

void hub_event_reader_init(hub_event_reader_t *reader, hub_view_t *view, uint32_t tenant, uint32_t sources, uint64_t after)
{
    reader->view = view;
    reader->after = after;
    reader->sources = sources;
    for (unsigned i = 0; i < HUB_EVENT_SOURCES; i++) {
        if (!(sources & 1u << i))
            continue;
        const hub_stream_t stream = stream_of(tenant, i);
        hub_change_scan_init(&reader->streams[i].scan, view, &stream, after);
        reader->streams[i].live = hub_change_scan_next(&reader->streams[i].scan, &reader->streams[i].change);
    }
}

bool hub_event_reader_next(hub_event_reader_t *reader, hub_event_t *event)
{
    int best = -1;
    for (int i = 0; i < (int)HUB_EVENT_SOURCES; i++)
        if (reader->sources & 1u << i && reader->streams[i].live &&
            (best < 0 || reader->streams[i].change.seq < reader->streams[best].change.seq))
            best = i;
    if (best < 0)
        return false;
    *event = (hub_event_t){.source = (unsigned)best, .change = reader->streams[best].change};
    reader->streams[best].live = hub_change_scan_next(&reader->streams[best].scan, &reader->streams[best].change);
    return true;
}

hub_err_t hub_event_reader_finish(hub_event_reader_t *reader)
{
    hub_err_t err = HUB_EOK;
    for (unsigned i = 0; i < HUB_EVENT_SOURCES; i++) {
        hub_err_t ended = reader->sources & 1u << i ? hub_change_scan_finish(&reader->streams[i].scan) : HUB_EOK;
        err = err ? err : ended;
    }
    return err;
}

bool hub_event_find(hub_view_t *view, uint32_t tenant, unsigned source, uint64_t seq, hub_event_t *event)
{
    hub_change_scan_t scan;
    const hub_stream_t stream = stream_of(tenant, source);
    *event = (hub_event_t){.source = source};
    hub_change_scan_init(&scan, view, &stream, seq - 1);
    bool found = hub_change_scan_next(&scan, &event->change) && event->change.seq == seq;
    return hub_change_scan_finish(&scan) == HUB_EOK && found;
}

uint32_t hub_event_fresh(hub_view_t *view, uint32_t tenant, uint32_t sources, uint64_t after)
{
    uint32_t fresh = 0;
    for (unsigned i = 0; i < HUB_EVENT_SOURCES; i++) {
        hub_change_scan_t scan;
        hub_change_t change;
        if (!(sources & 1u << i))
            continue;
        const hub_stream_t stream = stream_of(tenant, i);
        hub_change_scan_init(&scan, view, &stream, after);
        bool has = hub_change_scan_next(&scan, &change);
        if (hub_change_scan_finish(&scan) != HUB_EOK || has)
            fresh |= 1u << i;
    }
    return fresh;
}

/* ---- what an entry is about ---- */

static bool fill_object(hub_view_t *view, hub_event_t *e)
{
    if (!hub_object_key_parse(e->change.key, &e->id))
        return false;
    e->integration = e->id.scope;
    e->has_object = hub_object_get_key(view, e->change.key, &e->object) == HUB_EOK;
    return e->has_object || e->change.kind == HUB_CHANGE_DELETE;
}

static bool fill_integration(hub_view_t *view, hub_event_t *e)
{
    uint32_t tenant;
    hub_key_t key;
    hub_slice_t settings;
    if (!hub_integration_change_parse(e->change.key, &tenant, &e->integration, &e->status))
        return false;
    hub_integration_key(&key, tenant, e->integration);
    bool there = hub_view_get(view, HUB_TABLE_INTEGRATION, &key, &settings) == HUB_EOK;
    e->first = there && hub_record_version(settings) == 1;
    return there || e->change.kind == HUB_CHANGE_DELETE;
}

/* Those that nobody waits for any more are no event. */
static bool fill_preference(hub_view_t *view, hub_pool_t *pool, hub_event_t *e)
{
    if (e->change.kind == HUB_CHANGE_DELETE || hub_preference_get(view, pool, e->change.key, &e->preference) != HUB_EOK)
        return false;
    e->id = (hub_object_id_t){.country = e->preference.country, .party = e->preference.party, .id = e->preference.session};
    e->integration = e->preference.integration;
    return !e->preference.result.len && !e->preference.over;
}

bool hub_event_fill(hub_view_t *view, hub_pool_t *pool, hub_event_t *e)
{
    switch (hub_event_sources[e->source].module) {
    case HUB_MODULE_INTEGRATION:
        return fill_integration(view, e);
    case HUB_MODULE_PREFERENCES:
        return fill_preference(view, pool, e);
    default:
        return fill_object(view, e);
    }
}

/* ---- what it is to a reader ---- */

/* An EVSE whose Location is still ahead comes with it; a tariff that has only moved to another place was seen where it stood. */
static bool seen_otherwise(hub_view_t *view, uint64_t after, uint64_t known, const hub_event_t *e)
{
    uint64_t real;
    const hub_event_source_t *source = &hub_event_sources[e->source];
    if (!e->has_object || e->change.kind == HUB_CHANGE_DELETE)
        return false;
    if (e->change.kind == HUB_CHANGE_EVSE && e->object.seq > after)
        return true;
    return source->module == OCPI_MODULE_TARIFFS && source->kind == HUB_STREAM_OWN &&
           hub_sharing_moved(view, e->change.key, e->change.seq, &real) && real <= known;
}

bool hub_event_look(hub_view_t *view, hub_pool_t *pool, uint64_t after, uint64_t known, hub_event_t *e)
{
    uint8_t module = hub_event_sources[e->source].module;
    if (!hub_event_fill(view, pool, e) || seen_otherwise(view, after, known, e))
        return false;
    if (module == HUB_MODULE_PREFERENCES)
        e->verb = HUB_EVENT_PREFERENCES;
    else if (e->status)
        e->verb = HUB_EVENT_STATUS;
    else if (e->change.kind == HUB_CHANGE_DELETE)
        e->verb = HUB_EVENT_DELETED;
    else if (module == HUB_MODULE_INTEGRATION)
        e->verb = e->first ? HUB_EVENT_CREATED : HUB_EVENT_UPDATED;
    else
        e->verb = e->change.kind == HUB_CHANGE_OBJECT && e->change.created_seq > known ? HUB_EVENT_CREATED : HUB_EVENT_UPDATED;
    return true;
}

/* ---- one event ---- */

static void add_text(hub_buf_t *out, const char *name, hub_slice_t value)
{
    hub_buf_printf(out, ",\"%s\":", name);
    hub_buf_add_json(out, value.len ? value : HUB_SLICE_NONE);
}

static hub_slice_t upper(hub_pool_t *pool, hub_slice_t s)
{
    char *out = hub_pool_str(pool, s);
    for (size_t i = 0; i < s.len; i++)
        out[i] = (char)(out[i] >= 'a' && out[i] <= 'z' ? out[i] - 0x20 : out[i]);
    return hub_slice(out, s.len);
}

/* The spelling of the object itself, for a deleted one as its entry has kept it. Where that is not known codes are written in capitals.
 * Returns the type of a token. */
static hub_slice_t add_identity(hub_pool_t *pool, const hub_event_t *e, hub_buf_t *out)
{
    yyjson_doc *doc = NULL;
    hub_object_id_t gone = e->id;
    bool known = e->change.spelled.len && hub_object_key_parse(e->change.spelled, &gone);
    hub_slice_t country = known ? gone.country : upper(pool, e->id.country), party = known ? gone.party : upper(pool, e->id.party);
    hub_slice_t id = gone.id, type = known ? gone.type : upper(pool, e->id.type);
    if (e->has_object && ocpi_read(pool, e->object.bytes, &doc, NULL) == HUB_EOK) {
        yyjson_val *root = yyjson_doc_get_root(doc);
        bool token = hub_event_sources[e->source].module == OCPI_MODULE_TOKENS;
        hub_slice_t own[4] = {ocpi_get_str(root, "country_code"), ocpi_get_str(root, "party_id"), ocpi_get_str(root, token ? "uid" : "id"),
                              ocpi_get_str(root, "type")};
        country = own[0].len ? own[0] : country;
        party = own[1].len ? own[1] : party;
        id = own[2].len ? own[2] : id;
        type = token && own[3].len ? own[3] : type;
    }
    add_text(out, "countryCode", country);
    add_text(out, "partyId", party);
    add_text(out, "id", id);
    return type;
}

hub_slice_t hub_event_object(hub_view_t *view, hub_pool_t *pool, const hub_event_t *e, bool one_line)
{
    hub_slice_t bytes = HUB_SLICE_NONE, level;
    if (e->has_object && e->change.kind != HUB_CHANGE_DELETE)
        bytes = e->object.bytes;
    if (e->preference.id)
        bytes = ocpi_write(pool, e->preference.wish);
    else if (bytes.len)
        bytes = hub_projection_show(view, pool, e->change.key, &e->object, OCPI_V2_2_1);
    if (bytes.len && e->change.kind == HUB_CHANGE_EVSE)
        bytes = hub_objects_level(pool, bytes, e->change.evse_uid, HUB_SLICE_NONE, &level) == HUB_EOK ? level : HUB_SLICE_NONE;
    yyjson_doc *doc;
    if (one_line && bytes.len && (memchr(bytes.ptr, '\n', bytes.len) || memchr(bytes.ptr, '\r', bytes.len))) /* as received */
        bytes = ocpi_read(pool, bytes, &doc, NULL) == HUB_EOK ? ocpi_write(pool, yyjson_doc_get_root(doc)) : HUB_SLICE_NONE;
    return bytes;
}

const char *hub_event_module(unsigned source)
{
    uint8_t module = hub_event_sources[source].module;
    if (module == HUB_MODULE_INTEGRATION)
        return "integrations";
    return ocpi_module_name(module == HUB_MODULE_PREFERENCES ? OCPI_MODULE_SESSIONS : (ocpi_module_t)module);
}

void hub_event_add_type(hub_buf_t *out, const hub_event_t *e)
{
    const hub_event_source_t *source = &hub_event_sources[e->source];
    bool evse = e->change.kind == HUB_CHANGE_EVSE && source->module != HUB_MODULE_INTEGRATION;
    hub_buf_printf(out, "%s.%s", evse ? "evse" : source->object, verbs[e->verb]);
}

void hub_event_write(hub_pool_t *pool, const hub_event_t *e, const hub_slice_t *object, hub_buf_t *out)
{
    const hub_event_source_t *source = &hub_event_sources[e->source];
    bool integration = source->module == HUB_MODULE_INTEGRATION;
    char time[OCPI_TIME_MAX + 1];
    ocpi_time_format(e->change.time, time);
    hub_buf_printf(out, "{\"seq\":%llu,\"type\":\"", (unsigned long long)e->change.seq);
    hub_event_add_type(out, e);
    hub_buf_printf(out, "\",\"module\":\"%s\",\"direction\":\"%s\",\"integrationId\":", hub_event_module(e->source),
                   source->kind == HUB_STREAM_OWN ? "own" : "received");
    if (e->integration)
        hub_buf_printf(out, "\"%u\"", e->integration);
    else
        hub_buf_add_str(out, "null");
    hub_slice_t type = HUB_SLICE_NONE;
    if (integration)
        hub_buf_add_str(out, ",\"countryCode\":null,\"partyId\":null,\"id\":null");
    else
        type = add_identity(pool, e, out);
    add_text(out, "evseUid", integration ? HUB_SLICE_NONE : e->change.evse_uid);
    hub_buf_add_str(out, ",\"connectorId\":null");
    add_text(out, "tokenType", type);
    hub_buf_printf(out, ",\"time\":\"%s\"", time);
    if (e->preference.id) {
        hub_buf_printf(out, ",\"preferencesId\":\"%llu\"", (unsigned long long)e->preference.id);
        add_text(out, "deadline", e->preference.deadline);
    }
    if (object) {
        hub_buf_add_str(out, ",\"object\":");
        hub_buf_add(out, object->len ? *object : HUB_SLICE_LIT("null"));
    }
    hub_buf_add_char(out, '}');
}
