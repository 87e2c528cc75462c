/* The event feed: each object once, in its latest state, in order; what a reader has seen is not shown again. And what bindings put into a
 * partner's own stream. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/events.h"
#include "own.h"

/* ---- reading ---- */

/* The events after *after as "type id" lines; moves *after. */
static hub_slice_t feed(uint64_t *after, uint32_t limit, bool with_object, yyjson_val **list)
{
    hub_view_t *view = fixture_view(&fixture);
    hub_feed_t f = {.tenant = OWN_TENANT, .after = *after, .limit = limit, .with_object = with_object};
    hub_buf_t out = HUB_BUF_INIT(pool), lines = HUB_BUF_INIT(pool);
    yyjson_doc *doc = NULL;
    size_t i, n;
    yyjson_val *item;
    uint64_t last = *after;
    hub_buf_add_char(&out, '[');
    hub_err_t err = hub_feed_read(view, &f, &out);
    hub_view_close(view);
    assert_int_equal(err, HUB_EOK);
    hub_buf_add_char(&out, ']');
    assert_int_equal(ocpi_read(pool, hub_buf_slice(&out), &doc, NULL), HUB_EOK);
    *list = yyjson_doc_get_root(doc);
    yyjson_arr_foreach(*list, i, n, item)
    {
        uint64_t seq;
        assert_true(hub_slice_u64(ocpi_get_str(item, "seq"), &seq) && seq > last);
        last = seq;
        hub_slice_t evse = ocpi_get_str(item, "evseUid");
        hub_buf_printf(&lines, "%.*s %.*s%s%.*s\n", HUB_SLICE_FMT(ocpi_get_str(item, "type")), HUB_SLICE_FMT(ocpi_get_str(item, "id")),
                       evse.len ? "/" : "", HUB_SLICE_FMT(evse));
    }
    assert_true(f.after >= last);
    *after = f.after;
    return hub_slice(lines.ptr ? lines.ptr : "", lines.len);
}

static void location(const char *id, const char *status, const char *tariff)
{
    now += 1000;
    assert_int_equal(own_put(NULL, OCPI_MODULE_LOCATIONS, id, own_location(OWN_AAA, id, status, tariff, true)), HUB_EOK);
}

static void tariff(const char *id, const char *price)
{
    now += 1000;
    assert_int_equal(own_put(NULL, OCPI_MODULE_TARIFFS, id, own_tariff(OWN_AAA, id, price)), HUB_EOK);
}

/* ---- the feed ---- */

static void latest_state_of_each_object_once(void **state)
{
    (void)state;
    uint64_t after = 0;
    yyjson_val *list;
    location("Loc1", "AVAILABLE", NULL);
    location("LOC2", "AVAILABLE", NULL);
    location("Loc1", "CHARGING", "T9");
    assert_slice(feed(&after, 100, false, &list), "location.created LOC2\nlocation.created Loc1\n"); /* spelled as stored */
    yyjson_val *first = yyjson_arr_get_first(list);
    assert_slice(ocpi_get_str(first, "direction"), "own");
    assert_slice(ocpi_get_str(first, "module"), "locations");
    assert_slice(ocpi_get_str(first, "countryCode"), "NL");
    assert_slice(ocpi_get_str(first, "partyId"), "AAA");
    assert_true(yyjson_is_null(yyjson_obj_get(first, "integrationId")));
    assert_true(yyjson_is_null(yyjson_obj_get(first, "tokenType")));
    assert_slice(feed(&after, 100, false, &list), "");
    location("LOC2", "CHARGING", NULL);
    location("LOC2", "AVAILABLE", NULL);
    assert_slice(feed(&after, 100, false, &list), "evse.updated LOC2/E1\n");
    now += 1000;
    assert_int_equal(own_remove(OCPI_MODULE_LOCATIONS, "Loc1"), HUB_EOK);
    hub_slice_t lines = feed(&after, 100, false, &list);
    assert_true(hub_slice_starts(lines, HUB_SLICE_LIT("location.updated Loc1")) ||
                hub_slice_starts(lines, HUB_SLICE_LIT("evse.updated Loc1/E1")));
}

static void an_evse_entry_is_skipped_while_its_location_is_ahead(void **state)
{
    (void)state;
    uint64_t after = 0;
    yyjson_val *list;
    location("LOC1", "AVAILABLE", NULL);
    location("LOC1", "CHARGING", NULL);
    assert_slice(feed(&after, 100, true, &list), "location.created LOC1\n");
    yyjson_val *object = yyjson_obj_get(yyjson_arr_get_first(list), "object");
    assert_slice(ocpi_get_str(yyjson_arr_get_first(yyjson_obj_get(object, "evses")), "status"), "CHARGING");
    location("LOC1", "AVAILABLE", NULL);
    assert_slice(feed(&after, 100, true, &list), "evse.updated LOC1/E1\n");
    assert_slice(ocpi_get_str(yyjson_obj_get(yyjson_arr_get_first(list), "object"), "status"), "AVAILABLE"); /* the EVSE alone */
}

static void pages_miss_nothing(void **state)
{
    (void)state;
    uint64_t after = 0, whole = 0;
    yyjson_val *list;
    hub_integration_t partner = own_partner(7);
    for (int i = 0; i < 20; i++) {
        const char *id = hub_pool_printf(pool, "L%d", i).ptr;
        if (i % 3)
            location(id, "AVAILABLE", NULL);
        else
            assert_int_equal(own_put(&partner, OCPI_MODULE_LOCATIONS, id, own_location(OWN_BEC, id, "AVAILABLE", NULL, true)), HUB_EOK);
    }
    hub_buf_t pages = HUB_BUF_INIT(pool);
    hub_slice_t page;
    for (int i = 0; i < 20 && (page = feed(&after, 3, false, &list)).len; i++)
        hub_buf_add(&pages, page);
    page = feed(&whole, 1000, false, &list);
    assert_int_equal(yyjson_arr_size(list), 20);
    assert_slice(ocpi_get_str(yyjson_arr_get_first(list), "direction"), "received");
    assert_slice(ocpi_get_str(yyjson_arr_get_first(list), "integrationId"), "7");
    assert_true(hub_slice_eq(hub_buf_slice(&pages), page));
    assert_int_equal(after, whole);
}

/* A partner decides how large its objects are, but not how much memory an answer takes. */
static void large_objects_come_a_few_at_a_time(void **state)
{
    (void)state;
    const size_t size = (size_t)3 << 20;
    hub_integration_t partner = own_partner(7);
    hub_buf_t blanks = HUB_BUF_INIT(pool);
    hub_buf_reserve(&blanks, size);
    memset(blanks.ptr, ' ', size);
    for (int i = 0; i < 3; i++) {
        const char *id = hub_pool_printf(pool, "L%d", i).ptr;
        hub_slice_t text = own_location(OWN_BEC, id, "AVAILABLE", NULL, true);
        text = hub_pool_printf(pool, "{%.*s%.*s", (int)size, blanks.ptr, (int)text.len - 1, text.ptr + 1);
        assert_int_equal(own_put(&partner, OCPI_MODULE_LOCATIONS, id, text), HUB_EOK);
    }
    uint64_t after = 0;
    yyjson_val *list;
    feed(&after, 1000, true, &list);
    assert_int_equal(yyjson_arr_size(list), 2);
    feed(&after, 1000, true, &list);
    assert_int_equal(yyjson_arr_size(list), 1);
}

static void a_deleted_tariff_is_told(void **state)
{
    (void)state;
    uint64_t after = 0;
    yyjson_val *list;
    tariff("T1", "0.30");
    assert_slice(feed(&after, 100, false, &list), "tariff.created T1\n");
    assert_int_equal(own_remove(OCPI_MODULE_TARIFFS, "T1"), HUB_EOK);
    assert_slice(feed(&after, 100, true, &list), "tariff.deleted T1\n");
    assert_true(yyjson_is_null(yyjson_obj_get(yyjson_arr_get_first(list), "object")));
    tariff("T1", "0.40");
    assert_slice(feed(&after, 100, false, &list), "tariff.created T1\n");
}

static hub_err_t do_expire(hub_view_t *view, void *arg)
{
    (void)arg;
    return hub_change_expire(view, now + 31ll * 24 * 3600 * 1000, 100);
}

static void too_old_a_position_is_gone(void **state)
{
    (void)state;
    uint64_t after = 0;
    yyjson_val *list;
    location("LOC1", "AVAILABLE", NULL);
    tariff("T1", "0.30");
    feed(&after, 1, false, &list);
    assert_int_equal(own_remove(OCPI_MODULE_TARIFFS, "T1"), HUB_EOK);
    assert_int_equal(fixture_apply(&fixture, do_expire, NULL), HUB_EOK);
    hub_view_t *view = fixture_view(&fixture);
    hub_feed_t f = {.tenant = OWN_TENANT, .after = after, .limit = 10};
    hub_buf_t out = HUB_BUF_INIT(pool);
    hub_err_t old = hub_feed_read(view, &f, &out);
    f.after = 0;
    hub_err_t anew = hub_feed_read(view, &f, &out);
    hub_view_close(view);
    assert_int_equal(old, HUB_EGONE);
    assert_int_equal(anew, HUB_EOK);
}

/* A tariff's entry moves when it is named for the first time, so that pushes see it; the backend changed nothing. */
static void naming_a_tariff_is_no_event_of_the_tariff(void **state)
{
    (void)state;
    uint64_t after = 0, behind = 0;
    yyjson_val *list;
    tariff("T1", "0.30");
    feed(&after, 100, false, &list);
    location("LOC1", "AVAILABLE", "T1");
    assert_slice(feed(&after, 100, false, &list), "location.created LOC1\n");
    assert_slice(feed(&behind, 100, false, &list), "location.created LOC1\ntariff.created T1\n");
    tariff("T1", "0.31");
    assert_slice(feed(&after, 100, false, &list), "tariff.updated T1\n");
}

static void as_a_stream_an_event_is_one_line(void **state)
{
    (void)state;
    hub_integration_t partner = own_partner(7);
    hub_slice_t text = own_tariff(OWN_BEC, "T1", "0.30");
    hub_buf_t spread = HUB_BUF_INIT(pool), out = HUB_BUF_INIT(pool);
    for (size_t i = 0; i < text.len; i++) {
        hub_buf_add_char(&spread, text.ptr[i]);
        if (text.ptr[i] == ',')
            hub_buf_add_str(&spread, "\r\n\n ");
    }
    assert_int_equal(own_put(&partner, OCPI_MODULE_TARIFFS, "T1", hub_buf_slice(&spread)), HUB_EOK);
    hub_view_t *view = fixture_view(&fixture);
    hub_feed_t f = {.tenant = OWN_TENANT, .limit = 10, .with_object = true, .stream = true};
    hub_err_t err = hub_feed_read(view, &f, &out);
    hub_view_close(view);
    assert_int_equal(err, HUB_EOK);
    assert_int_equal(f.count, 1);
    hub_slice_t rest = hub_buf_slice(&out), line;
    assert_true(hub_slice_split(&rest, '\n', &line) && hub_slice_starts(line, HUB_SLICE_LIT("id: ")));
    assert_true(hub_slice_split(&rest, '\n', &line) && hub_slice_eq_str(line, "event: tariff.created"));
    assert_true(hub_slice_split(&rest, '\n', &line) && hub_slice_starts(line, HUB_SLICE_LIT("data: {")));
    assert_slice(rest, "\n");
}

/* ---- what a partner's pushes are told ---- */

typedef struct binding {
    hub_integration_t *partner;
    const char *id, *body;
    bool grant;
} binding_t;

static hub_err_t do_bind(hub_view_t *view, void *arg)
{
    const binding_t *b = arg;
    hub_share_t share;
    hub_key_t key;
    hub_object_t object;
    bool created;
    yyjson_doc *location_doc = NULL, *body = NULL;
    hub_object_id_t id = {.tenant = OWN_TENANT,
                          .module = OCPI_MODULE_LOCATIONS,
                          .country = HUB_SLICE_LIT("NL"),
                          .party = HUB_SLICE_LIT("AAA"),
                          .id = hub_slice_str(b->id)};
    id.module = b->grant ? OCPI_MODULE_TARIFFS : OCPI_MODULE_LOCATIONS;
    assert_int_equal(hub_share_get(view, OWN_TENANT, b->partner->id, &share), HUB_EOK);
    assert_int_equal(hub_object_key(&id, &key), HUB_EOK);
    assert_int_equal(hub_object_get(view, &id, &object), HUB_EOK);
    if (b->grant)
        return hub_sharing_grant(view, pool, &share, hub_key_slice(&key), b->body != NULL, now, &created);
    assert_int_equal(ocpi_read(pool, hub_pool_copy(pool, object.bytes), &location_doc, NULL), HUB_EOK);
    if (b->body)
        assert_int_equal(ocpi_read(pool, hub_slice_str(b->body), &body, NULL), HUB_EOK);
    return hub_sharing_bind(view, pool, &share, hub_key_slice(&key), yyjson_doc_get_root(location_doc), hub_slice_str(b->body),
                            yyjson_doc_get_root(body), now, &created);
}

/* The notes in the partner's own stream since the last time, as "kind id" lines. */
static hub_slice_t notes(const hub_integration_t *partner, uint8_t module, uint64_t *after)
{
    hub_view_t *view = fixture_view(&fixture);
    const hub_stream_t stream = {.tenant = OWN_TENANT, .kind = HUB_STREAM_BINDING, .integration = partner->id, .module = module};
    hub_change_scan_t scan;
    hub_change_t change;
    hub_object_id_t id;
    hub_buf_t out = HUB_BUF_INIT(pool);
    hub_change_scan_init(&scan, view, &stream, *after);
    while (hub_change_scan_next(&scan, &change)) {
        *after = change.seq;
        hub_object_key_parse(change.key, &id);
        hub_buf_printf(&out, "%s %.*s\n", change.kind == HUB_CHANGE_DELETE ? "delete" : "object", HUB_SLICE_FMT(id.id));
    }
    hub_err_t err = hub_change_scan_finish(&scan);
    hub_view_close(view);
    assert_int_equal(err, HUB_EOK);
    return hub_slice(out.ptr ? out.ptr : "", out.len);
}

static int64_t seen_updated(const hub_integration_t *partner, uint8_t module, const char *text)
{
    hub_view_t *view = fixture_view(&fixture);
    hub_object_id_t id = {
        .tenant = OWN_TENANT, .module = module, .country = HUB_SLICE_LIT("NL"), .party = HUB_SLICE_LIT("AAA"), .id = hub_slice_str(text)};
    hub_key_t key;
    hub_slice_t bytes;
    hub_object_t head;
    int64_t updated = -1;
    hub_object_key(&id, &key);
    hub_err_t err = hub_objects_view(view, pool, partner, (ocpi_module_t)module, hub_key_slice(&key), OCPI_V2_2_1, &bytes, &head, &updated);
    hub_view_close(view);
    return err ? -1 : updated;
}

static void a_change_of_bindings_is_a_change_for_that_partner(void **state)
{
    (void)state;
    hub_integration_t one = own_partner(7), other = own_partner(8);
    uint64_t places = 0, prices = 0, none = 0;
    assert_int_equal(fixture_apply(&fixture, own_do_settings, &one), HUB_EOK);
    assert_int_equal(fixture_apply(&fixture, own_do_settings, &other), HUB_EOK);
    tariff("T1", "0.30");
    tariff("T2", "0.20");
    location("LOC1", "AVAILABLE", "T1");
    int64_t before = now;
    now += 60000;
    const char *body = "{\"evses\":[{\"uid\":\"E1\",\"connectors\":[{\"id\":\"1\",\"tariffIds\":[\"T2\"]}]}]}";
    assert_int_equal(fixture_apply(&fixture, do_bind, &(binding_t){.partner = &one, .id = "LOC1", .body = body}), HUB_EOK);
    assert_slice(notes(&one, OCPI_MODULE_LOCATIONS, &places), "object loc1\n");
    assert_slice(notes(&one, OCPI_MODULE_TARIFFS, &prices), "object t2\ndelete t1\n");
    assert_int_equal(seen_updated(&one, OCPI_MODULE_LOCATIONS, "LOC1"), now);
    assert_int_equal(seen_updated(&one, OCPI_MODULE_TARIFFS, "T2"), now);
    assert_int_equal(seen_updated(&one, OCPI_MODULE_TARIFFS, "T1"), -1);
    assert_int_equal(seen_updated(&other, OCPI_MODULE_LOCATIONS, "LOC1"), before);
    assert_int_equal(seen_updated(&other, OCPI_MODULE_TARIFFS, "T2"), -1);
    assert_slice(notes(&other, OCPI_MODULE_LOCATIONS, &none), "");
    now += 60000; /* the same again is no change */
    assert_int_equal(fixture_apply(&fixture, do_bind, &(binding_t){.partner = &one, .id = "LOC1", .body = body}), HUB_EOK);
    assert_slice(notes(&one, OCPI_MODULE_LOCATIONS, &places), "");
    assert_int_equal(seen_updated(&one, OCPI_MODULE_LOCATIONS, "LOC1"), now - 60000);
    assert_int_equal(fixture_apply(&fixture, do_bind, &(binding_t){.partner = &one, .id = "LOC1"}), HUB_EOK);
    assert_slice(notes(&one, OCPI_MODULE_LOCATIONS, &places), "object loc1\n");
    assert_slice(notes(&one, OCPI_MODULE_TARIFFS, &prices), "delete t2\nobject t1\n");
    assert_int_equal(seen_updated(&one, OCPI_MODULE_LOCATIONS, "LOC1"), now); /* as all see it, but changed for it */
}

static void a_grant_appears_and_is_taken_back(void **state)
{
    (void)state;
    hub_integration_t one = own_partner(7);
    uint64_t prices = 0;
    assert_int_equal(fixture_apply(&fixture, own_do_settings, &one), HUB_EOK);
    tariff("T1", "0.30");
    assert_int_equal(seen_updated(&one, OCPI_MODULE_TARIFFS, "T1"), -1);
    now += 60000;
    assert_int_equal(fixture_apply(&fixture, do_bind, &(binding_t){.partner = &one, .id = "T1", .body = "{}", .grant = true}), HUB_EOK);
    assert_slice(notes(&one, OCPI_MODULE_TARIFFS, &prices), "object t1\n");
    assert_int_equal(seen_updated(&one, OCPI_MODULE_TARIFFS, "T1"), now);
    assert_int_equal(fixture_apply(&fixture, do_bind, &(binding_t){.partner = &one, .id = "T1", .grant = true}), HUB_EOK);
    assert_slice(notes(&one, OCPI_MODULE_TARIFFS, &prices), "delete t1\n");
    assert_int_equal(seen_updated(&one, OCPI_MODULE_TARIFFS, "T1"), -1);
}

static bool left(const hub_integration_t *to, uint8_t module, const char *text, hub_sharing_t *sharing)
{
    hub_view_t *view = fixture_view(&fixture);
    hub_object_id_t id = {
        .tenant = OWN_TENANT, .module = module, .country = HUB_SLICE_LIT("NL"), .party = HUB_SLICE_LIT("AAA"), .id = hub_slice_str(text)};
    hub_key_t key;
    hub_object_t object;
    hub_object_key(&id, &key);
    hub_err_t err = hub_object_get(view, &id, &object);
    bool yes = hub_sharing_left(view, to, (ocpi_module_t)module, hub_key_slice(&key), err ? NULL : &object, HUB_STREAM_OWN,
                                HUB_CHANGE_OBJECT, sharing);
    hub_view_close(view);
    return yes;
}

static void what_was_never_seen_is_not_taken_back(void **state)
{
    (void)state;
    hub_sharing_t sharing;
    hub_integration_t all = own_partner(7), bound = own_partner(8);
    bound.sharing_bound = true;
    assert_int_equal(fixture_apply(&fixture, own_do_settings, &all), HUB_EOK);
    assert_int_equal(fixture_apply(&fixture, own_do_settings, &bound), HUB_EOK);
    tariff("T1", "0.30");
    assert_int_equal(own_put(NULL, OCPI_MODULE_LOCATIONS, "LOC1", own_location(OWN_AAA, "LOC1", "AVAILABLE", NULL, false)), HUB_EOK);
    assert_false(left(&all, OCPI_MODULE_TARIFFS, "T1", &sharing));
    assert_false(left(&all, OCPI_MODULE_LOCATIONS, "LOC1", &sharing));
    location("LOC1", "AVAILABLE", "T1");
    now += 1000;
    assert_int_equal(own_put(NULL, OCPI_MODULE_LOCATIONS, "LOC1", own_location(OWN_AAA, "LOC1", "AVAILABLE", "T1", false)), HUB_EOK);
    assert_true(left(&all, OCPI_MODULE_TARIFFS, "T1", &sharing));
    assert_true(left(&all, OCPI_MODULE_LOCATIONS, "LOC1", &sharing));
    assert_true(sharing.withdrawn);
    assert_false(left(&bound, OCPI_MODULE_TARIFFS, "T1", &sharing));
    assert_false(left(&bound, OCPI_MODULE_LOCATIONS, "LOC1", &sharing));
    location("LOC2", "AVAILABLE", NULL);
    all.sharing_bound = true; /* now it sees bound ones only: what it had is taken back */
    assert_int_equal(fixture_apply(&fixture, own_do_settings, &all), HUB_EOK);
    assert_true(left(&all, OCPI_MODULE_LOCATIONS, "LOC2", &sharing));
    location("LOC3", "AVAILABLE", NULL);
    assert_false(left(&all, OCPI_MODULE_LOCATIONS, "LOC3", &sharing));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        own_test(latest_state_of_each_object_once),
        own_test(an_evse_entry_is_skipped_while_its_location_is_ahead),
        own_test(pages_miss_nothing),
        own_test(large_objects_come_a_few_at_a_time),
        own_test(a_deleted_tariff_is_told),
        own_test(too_old_a_position_is_gone),
        own_test(naming_a_tariff_is_no_event_of_the_tariff),
        own_test(as_a_stream_an_event_is_one_line),
        own_test(a_change_of_bindings_is_a_change_for_that_partner),
        own_test(a_grant_appears_and_is_taken_back),
        own_test(what_was_never_seen_is_not_taken_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
