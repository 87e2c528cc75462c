/* /v1/events: the feed. The latest state of each object once; what a reader has seen is said by `after` alone. */
#include "events.h"

#include <string.h>

#include "object/objects.h"
#include "object/preference.h"
#include "object/projection.h"
#include "reply.h"
#include "sharing/sharing.h"
#include "v1.h"

#define FEED_LIMIT 100
#define FEED_LIMIT_MAX 1000
#define FEED_BYTES ((size_t)4 << 20) /* then the answer ends: partners decide how large an object is */

static const struct source {
    hub_stream_kind_t kind;
    uint8_t module;
    const char *object; /* in the type of an event */
} sources[] = {
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
#define SOURCES HUB_COUNT(sources)

typedef struct event {
    const struct source *source;
    hub_change_t change;
    const char *verb;
    hub_object_id_t id;
    uint32_t integration; /* 0: none */
    bool status;          /* of an integration */
    bool has_object;
    hub_object_t object;
    hub_preference_t preference; /* id 0: none */
} event_t;

/* ---- what an entry is to this reader ---- */

/* False: it has seen this already, or sees it with another entry. */
static bool look_object(hub_view_t *view, uint64_t after, event_t *e)
{
    uint64_t real;
    if (!hub_object_key_parse(e->change.key, &e->id))
        return false;
    e->integration = e->id.scope;
    e->has_object = hub_object_get_key(view, e->change.key, &e->object) == HUB_EOK;
    if (e->change.kind == HUB_CHANGE_DELETE) {
        e->verb = "deleted";
        return true;
    }
    if (!e->has_object || (e->change.kind == HUB_CHANGE_EVSE && e->object.seq > after))
        return false;
    if (e->source->module == OCPI_MODULE_TARIFFS && e->source->kind == HUB_STREAM_OWN &&
        hub_sharing_moved(view, e->change.key, e->change.seq, &real) && real <= after)
        return false;
    e->verb = e->change.kind == HUB_CHANGE_OBJECT && e->change.created_seq > after ? "created" : "updated";
    return true;
}

static bool look_integration(hub_view_t *view, event_t *e)
{
    uint32_t tenant;
    hub_key_t key;
    hub_slice_t settings;
    if (!hub_integration_change_parse(e->change.key, &tenant, &e->integration, &e->status))
        return false;
    hub_integration_key(&key, tenant, e->integration);
    bool there = hub_view_get(view, HUB_TABLE_INTEGRATION, &key, &settings) == HUB_EOK;
    if (e->status)
        e->verb = "status";
    else if (e->change.kind == HUB_CHANGE_DELETE)
        e->verb = "deleted";
    else
        e->verb = there && hub_record_version(settings) == 1 ? "created" : "updated";
    return there || e->change.kind == HUB_CHANGE_DELETE;
}

/* Those that nobody waits for any more are no event. */
static bool look_preference(hub_view_t *view, hub_pool_t *pool, event_t *e)
{
    if (e->change.kind == HUB_CHANGE_DELETE || hub_preference_get(view, pool, e->change.key, &e->preference) != HUB_EOK)
        return false;
    e->id = (hub_object_id_t){.country = e->preference.country, .party = e->preference.party, .id = e->preference.session};
    e->integration = e->preference.integration;
    e->verb = "charging_preferences";
    return !e->preference.result.len && !e->preference.over;
}

static bool look(hub_view_t *view, hub_pool_t *pool, uint64_t after, event_t *e)
{
    switch (e->source->module) {
    case HUB_MODULE_INTEGRATION:
        return look_integration(view, e);
    case HUB_MODULE_PREFERENCES:
        return look_preference(view, pool, e);
    default:
        return look_object(view, after, e);
    }
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

/* The spelling of the object itself; of a deleted one only the folded key is left, and codes are written in capitals. Returns the type of a
 * token. */
static hub_slice_t add_identity(hub_pool_t *pool, const event_t *e, hub_buf_t *out)
{
    yyjson_doc *doc = NULL;
    hub_slice_t country = upper(pool, e->id.country), party = upper(pool, e->id.party), id = e->id.id, type = upper(pool, e->id.type);
    if (e->has_object && ocpi_read(pool, e->object.bytes, &doc, NULL) == HUB_EOK) {
        yyjson_val *root = yyjson_doc_get_root(doc);
        bool token = e->source->module == OCPI_MODULE_TOKENS;
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

static void add_object(hub_view_t *view, hub_pool_t *pool, const event_t *e, bool stream, hub_buf_t *out)
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
    if (stream && bytes.len &&
        (memchr(bytes.ptr, '\n', bytes.len) || memchr(bytes.ptr, '\r', bytes.len))) /* as received: a line end would end the event */
        bytes = ocpi_read(pool, bytes, &doc, NULL) == HUB_EOK ? ocpi_write(pool, yyjson_doc_get_root(doc)) : HUB_SLICE_NONE;
    hub_buf_add_str(out, ",\"object\":");
    hub_buf_add(out, bytes.len ? bytes : HUB_SLICE_LIT("null"));
}

static const char *module_of(const struct source *source)
{
    if (source->module == HUB_MODULE_INTEGRATION)
        return "integrations";
    return ocpi_module_name(source->module == HUB_MODULE_PREFERENCES ? OCPI_MODULE_SESSIONS : (ocpi_module_t)source->module);
}

static void write_event(hub_view_t *view, hub_pool_t *pool, const hub_feed_t *feed, const event_t *e, hub_buf_t *out)
{
    bool integration = e->source->module == HUB_MODULE_INTEGRATION;
    char time[OCPI_TIME_MAX + 1];
    const char *object = e->change.kind == HUB_CHANGE_EVSE && !integration ? "evse" : e->source->object;
    ocpi_time_format(e->change.time, time);
    if (feed->stream)
        hub_buf_printf(out, "id: %llu\nevent: %s.%s\ndata: ", (unsigned long long)e->change.seq, object, e->verb);
    else if (feed->count)
        hub_buf_add_char(out, ',');
    hub_buf_printf(out, "{\"seq\":%llu,\"type\":\"%s.%s\",\"module\":\"%s\",\"direction\":\"%s\",\"integrationId\":",
                   (unsigned long long)e->change.seq, object, e->verb, module_of(e->source),
                   e->source->kind == HUB_STREAM_OWN ? "own" : "received");
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
    if (feed->with_object)
        add_object(view, pool, e, feed->stream, out);
    hub_buf_add_str(out, feed->stream ? "}\n\n" : "}");
}

/* ---- the merge ---- */

typedef struct cursor {
    hub_change_scan_t scan;
    hub_change_t change;
    bool live;
} cursor_t;

static int oldest(const cursor_t *cursors)
{
    int best = -1;
    for (int i = 0; i < (int)SOURCES; i++) {
        if (cursors[i].live && (best < 0 || cursors[i].change.seq < cursors[best].change.seq))
            best = i;
    }
    return best;
}

hub_err_t hub_feed_read(hub_view_t *view, hub_feed_t *feed, hub_buf_t *out)
{
    cursor_t cursors[SOURCES];
    hub_err_t err = HUB_EOK;
    uint64_t after = feed->after;
    const size_t before = out->len;
    int at;
    feed->count = 0;
    if (after && after < hub_change_horizon(view))
        return HUB_EGONE;
    for (size_t i = 0; i < SOURCES; i++) {
        const hub_stream_t stream = {.tenant = feed->tenant, .kind = sources[i].kind, .module = sources[i].module};
        hub_change_scan_init(&cursors[i].scan, view, &stream, after);
        cursors[i].live = hub_change_scan_next(&cursors[i].scan, &cursors[i].change);
    }
    hub_pool_t *pool = hub_pool_create();
    while (feed->count < feed->limit && out->len - before < FEED_BYTES && (at = oldest(cursors)) >= 0) {
        event_t e = {.source = &sources[at], .change = cursors[at].change};
        bool shown = look(view, pool, after, &e);
        if (shown) {
            write_event(view, pool, feed, &e, out);
            feed->count++;
        }
        hub_pool_clear(pool);
        feed->after = e.change.seq;
        cursors[at].live = hub_change_scan_next(&cursors[at].scan, &cursors[at].change);
    }
    hub_pool_destroy(pool);
    for (size_t i = 0; i < SOURCES; i++) {
        hub_err_t ended = hub_change_scan_finish(&cursors[i].scan);
        err = err != HUB_EOK ? err : ended;
    }
    return err;
}

/* ---- /v1/events ---- */

static bool refuse(hub_exchange_t *x, const char *pointer, const char *message)
{
    hub_reply_wrong(x, pointer, "query", message);
    return false;
}

static bool read_query(hub_exchange_t *x, hub_feed_t *feed)
{
    hub_slice_t text;
    uint64_t limit = FEED_LIMIT;
    if (ocpi_query_get(x->pool, x->query, "after", &text) && !hub_slice_u64(text, &feed->after))
        return refuse(x, "/query/after", "a sequence number is asked for");
    if (ocpi_query_get(x->pool, x->query, "limit", &text) && (!hub_slice_u64(text, &limit) || limit == 0))
        return refuse(x, "/query/limit", "a number from 1 to 1000 is asked for");
    if (ocpi_query_get(x->pool, x->query, "include", &text)) {
        feed->with_object = hub_slice_eq_str(text, "object");
        if (!feed->with_object && text.len)
            return refuse(x, "/query/include", "only \"object\" can be included");
    }
    text = hub_slice_trim(x->header[HUB_HEADER_LAST_EVENT_ID]);
    if (text.len && !hub_slice_u64(text, &feed->after))
        return refuse(x, "/headers/last-event-id", "a sequence number is asked for");
    feed->limit = (uint32_t)(limit < FEED_LIMIT_MAX ? limit : FEED_LIMIT_MAX);
    return true;
}

static bool wants_stream(const hub_exchange_t *x)
{
    hub_slice_t rest = x->header[HUB_HEADER_ACCEPT], type;
    while (hub_slice_split(&rest, ',', &type)) {
        hub_slice_t name;
        if (hub_slice_split(&type, ';', &name) && hub_slice_caseeq_str(hub_slice_trim(name), "text/event-stream"))
            return true;
    }
    return false;
}

void hub_v1_events(hub_exchange_t *x)
{
    hub_feed_t feed = {.tenant = x->state->tenant};
    if (!read_query(x, &feed))
        return;
    hub_view_t *view = hub_exchange_view(x);
    if (!view)
        return;
    if (wants_stream(x) && x->method == HUB_GET) {
        hub_events_stream(x, &feed);
        return;
    }
    hub_buf_t out = HUB_BUF_INIT(x->pool);
    hub_buf_add_str(&out, "{\"events\":[");
    hub_err_t err = hub_feed_read(view, &feed, &out);
    if (err == HUB_EGONE)
        hub_reply_problem(x, err, HUB_SLICE_LIT("deletions this old are no longer kept: start again with after=0"));
    else if (err != HUB_EOK)
        hub_reply_problem(x, err, HUB_SLICE_NONE);
    if (err != HUB_EOK)
        return;
    hub_buf_printf(&out, "],\"next\":%llu}", (unsigned long long)feed.after);
    hub_reply_json(x, 200, hub_buf_slice(&out));
}
