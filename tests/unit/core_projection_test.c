/* Forms of own and received objects: which are made when, what a partner of each version sees, what is lost and said to be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "object/object.h"
#include "own.h"

#define LOCATIONS OCPI_MODULE_LOCATIONS
#define TARIFFS OCPI_MODULE_TARIFFS

/* ---- short hands ---- */

typedef struct speaker {
    uint32_t integration;
    ocpi_version_t version;
} speaker_t;

static hub_err_t do_speak(hub_view_t *view, void *arg)
{
    const speaker_t *speaker = arg;
    return hub_projection_spoken(view, OWN_TENANT, speaker->integration, speaker->version);
}

static void speaks(uint32_t integration, ocpi_version_t version)
{
    speaker_t speaker = {integration, version};
    assert_int_equal(fixture_apply(&fixture, do_speak, &speaker), HUB_EOK);
}

static hub_incoming_t incoming(ocpi_module_t module, ocpi_version_t version, const char *id, hub_slice_t text)
{
    return (hub_incoming_t){.tenant = OWN_TENANT,
                            .module = module,
                            .version = version,
                            .country = HUB_SLICE_LIT("NL"),
                            .party = HUB_SLICE_LIT("AAA"),
                            .id = hub_slice_str(id),
                            .text = text,
                            .now = now};
}

static hub_err_t store(hub_incoming_t *in)
{
    return fixture_apply(&fixture, own_do_store, in);
}

static void put(ocpi_module_t module, ocpi_version_t version, const char *id, hub_slice_t text)
{
    hub_incoming_t in = incoming(module, version, id, text);
    hub_err_t err = store(&in);
    if (err)
        fail_msg("%s: %.*s", hub_err_info(err)->name, HUB_SLICE_FMT(hub_objects_explain(pool, &in.problems)));
}

static hub_err_t patch(ocpi_version_t version, const char *id, const char *evse, const char *text, hub_slice_t *why)
{
    hub_incoming_t in = incoming(LOCATIONS, version, id, hub_slice_str(text));
    in.evse_uid = hub_slice_str(evse);
    in.patch = true;
    hub_err_t err = store(&in);
    *why = err ? hub_objects_explain(pool, &in.problems) : HUB_SLICE_NONE;
    return err;
}

static void key_of(hub_key_t *key, uint32_t scope, ocpi_module_t module, const char *id)
{
    hub_object_id_t name = {.tenant = OWN_TENANT,
                            .scope = scope,
                            .module = (uint8_t)module,
                            .country = scope ? HUB_SLICE_LIT("BE") : HUB_SLICE_LIT("NL"),
                            .party = scope ? HUB_SLICE_LIT("BEC") : HUB_SLICE_LIT("AAA"),
                            .id = hub_slice_str(id)};
    assert_int_equal(hub_object_key(&name, key), HUB_EOK);
}

/* As it is stored; its slices live in the test's pool. */
static hub_object_t stored(uint32_t scope, ocpi_module_t module, const char *id)
{
    hub_key_t key;
    hub_object_t head;
    hub_view_t *view = fixture_view(&fixture);
    key_of(&key, scope, module, id);
    assert_int_equal(hub_object_get_key(view, hub_key_slice(&key), &head), HUB_EOK);
    head.bytes = hub_pool_copy(pool, head.bytes);
    for (unsigned i = 0; i < HUB_OBJECT_FORMS; i++)
        if (head.form[i].ptr)
            head.form[i] = hub_pool_copy(pool, head.form[i]);
    hub_view_close(view);
    return head;
}

static hub_form_t form_of(ocpi_module_t module, const char *id, ocpi_version_t version)
{
    return (hub_form_t)stored(0, module, id).form_state[hub_projection_slot(version)];
}

static hub_integration_t partner(uint32_t id, ocpi_version_t version)
{
    hub_integration_t integration = own_partner(id);
    integration.ocpi_version = version;
    assert_int_equal(fixture_apply(&fixture, own_do_settings, &integration), HUB_EOK);
    return integration;
}

/* None: it is not there for this partner. */
static hub_slice_t seen(const hub_integration_t *to, ocpi_module_t module, const char *id)
{
    hub_key_t key;
    hub_object_t head;
    int64_t updated;
    hub_slice_t bytes = HUB_SLICE_NONE;
    hub_view_t *view = fixture_view(&fixture);
    key_of(&key, 0, module, id);
    hub_err_t err = hub_objects_view(view, pool, to, module, hub_key_slice(&key), to->ocpi_version, &bytes, &head, &updated);
    bytes = err ? HUB_SLICE_NONE : hub_pool_copy(pool, bytes);
    hub_view_close(view);
    assert_true(err == HUB_EOK || err == HUB_ENOT_FOUND);
    return bytes;
}

static hub_slice_t listed(const hub_integration_t *to, ocpi_module_t module, uint64_t *total)
{
    hub_objects_page_t page = {.to = to,
                               .tenant = OWN_TENANT,
                               .module = module,
                               .version = to->ocpi_version,
                               .page = {.limit = 100, .from = INT64_MIN, .to = INT64_MAX},
                               .max_limit = 100};
    hub_view_t *view = fixture_view(&fixture);
    hub_buf_t out = HUB_BUF_INIT(pool);
    assert_int_equal(hub_objects__page(view, pool, &page), HUB_EOK);
    for (uint32_t i = 1; i + 1 < page.part_count; i++)
        hub_buf_add(&out, page.parts[i]);
    hub_view_close(view);
    *total = page.list.total;
    return hub_buf_slice(&out);
}

static bool has(hub_slice_t text, const char *part)
{
    return text.len && memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

static void is_valid(hub_slice_t text, ocpi_object_id_t object, ocpi_version_t version)
{
    yyjson_doc *doc;
    ocpi_problems_t problems;
    const ocpi_check_t check = {.object = object, .version = version, .own = true};
    ocpi_problems_init(&problems, pool);
    assert_int_equal(ocpi_read(pool, text, &doc, NULL), HUB_EOK);
    if (!ocpi_check(yyjson_doc_get_root(doc), &check, &problems))
        fail_msg("%.*s: %.*s", HUB_SLICE_FMT(hub_objects_explain(pool, &problems)), HUB_SLICE_FMT(text));
}

/* What LOSS says of an object; none: nothing is lost. */
static hub_slice_t lost(ocpi_module_t module, const char *id, ocpi_version_t version)
{
    hub_key_t object, key;
    hub_slice_t value = HUB_SLICE_NONE;
    hub_view_t *view = fixture_view(&fixture);
    key_of(&object, 0, module, id);
    hub_key_init(&key);
    hub_key_u8(&key, (uint8_t)hub_projection_slot(version));
    hub_key_bytes(&key, hub_key_slice(&object));
    hub_err_t err = hub_view_get(view, HUB_TABLE_LOSS, &key, &value);
    value = err ? HUB_SLICE_NONE : hub_pool_copy(pool, hub_slice(value.ptr + 4, value.len - 4));
    hub_view_close(view);
    bool flagged = stored(0, module, id).flags & (uint32_t)HUB_OBJECT_LOSES << hub_projection_slot(version);
    assert_true(flagged == (value.ptr != NULL));
    return value;
}

static hub_slice_t location(const char *id, bool publish)
{
    return own_location(OWN_AAA, id, "AVAILABLE", "T1", publish);
}

static hub_slice_t with(hub_slice_t object, const char *member)
{
    return hub_pool_printf(pool, "{%s,%.*s", member, (int)object.len - 1, object.ptr + 1);
}

/* ---- which forms a write makes ---- */

static void only_what_somebody_speaks_is_made(void **state)
{
    (void)state;
    put(LOCATIONS, OCPI_V2_2_1, "L1", location("L1", true));
    assert_int_equal(form_of(LOCATIONS, "L1", OCPI_V2_1_1), HUB_FORM_NONE);
    assert_int_equal(form_of(LOCATIONS, "L1", OCPI_V2_3_0), HUB_FORM_NONE);
    speaks(5, OCPI_V2_1_1);
    now += 1000;
    put(LOCATIONS, OCPI_V2_2_1, "L2", location("L2", true));
    assert_int_equal(form_of(LOCATIONS, "L2", OCPI_V2_1_1), HUB_FORM_STORED);
    assert_int_equal(form_of(LOCATIONS, "L2", OCPI_V2_3_0), HUB_FORM_NONE);
    speaks(6, OCPI_V2_3_0);
    speaks(5, 0); /* unregistered */
    put(LOCATIONS, OCPI_V2_2_1, "L3", location("L3", true));
    assert_int_equal(form_of(LOCATIONS, "L3", OCPI_V2_1_1), HUB_FORM_NONE);
    assert_int_equal(form_of(LOCATIONS, "L3", OCPI_V2_3_0), HUB_FORM_SAME); /* a Location that says the same needs no second text */
    hub_object_t head = stored(0, LOCATIONS, "L2");
    is_valid(head.form[1], OCPI_OBJECT_LOCATION, OCPI_V2_1_1);
    assert_true(has(head.form[1], "\"voltage\":230"));
    assert_true(has(head.form[1], "\"tariff_id\":\"T1\""));
    assert_false(has(head.form[1], "country_code"));
}

static void demand_counts_integrations(void **state)
{
    (void)state;
    hub_view_t *view = fixture_view(&fixture);
    assert_int_equal(hub_projection_demand(view, OWN_TENANT), 0);
    hub_view_close(view);
    speaks(5, OCPI_V2_2_1);
    speaks(5, OCPI_V2_2_1); /* again is no second one */
    speaks(6, OCPI_V2_2_1);
    speaks(6, OCPI_V2_3_0); /* negotiated anew */
    speaks(7, OCPI_V2_3_0);
    speaks(7, 0);
    view = fixture_view(&fixture);
    assert_int_equal(hub_projection_demand(view, OWN_TENANT), OCPI_V2_2_1 | OCPI_V2_3_0);
    assert_int_equal(hub_projection_demand(view, OWN_TENANT + 1), 0);
    hub_view_close(view);
    speaks(5, 0);
    speaks(6, 0);
    view = fixture_view(&fixture);
    assert_int_equal(hub_projection_demand(view, OWN_TENANT), 0);
    hub_projection_debt_t debt;
    assert_int_equal(hub_projection_debt(view, &debt), HUB_ENOT_FOUND);
    hub_view_close(view);
}

/* ---- the first partner of a version ---- */

static hub_err_t do_pay(hub_view_t *view, void *arg)
{
    hub_projection_debt_t *debt = arg;
    hub_key_t key;
    hub_object_t head;
    hub_slice_t text;
    ocpi_losses_t losses;
    key_of(&key, 0, LOCATIONS, "L1");
    ocpi_losses_init(&losses, pool);
    hub_err_t err = hub_object_get_key(view, hub_key_slice(&key), &head);
    if (!err)
        err = hub_projection_bridge(view, pool, hub_key_slice(&key), head.bytes, OCPI_V2_2_1, debt->version, &text, &losses);
    if (!err)
        err = hub_projection_add(view, pool, hub_key_slice(&key), head.version - 1, debt->version, HUB_SLICE_LIT("late"), &losses);
    if (!err)
        err = hub_projection_add(view, pool, hub_key_slice(&key), head.version, debt->version, text, &losses);
    return err ? err : hub_projection_pay(view, debt, true);
}

static void the_first_reader_makes_its_own_until_it_is_stored(void **state)
{
    (void)state;
    put(LOCATIONS, OCPI_V2_2_1, "L1", location("L1", true));
    hub_integration_t old = partner(5, OCPI_V2_1_1);
    speaks(5, OCPI_V2_1_1);
    hub_slice_t first = seen(&old, LOCATIONS, "L1");
    is_valid(first, OCPI_OBJECT_LOCATION, OCPI_V2_1_1);
    assert_int_equal(form_of(LOCATIONS, "L1", OCPI_V2_1_1), HUB_FORM_NONE);
    uint64_t total, version = stored(0, LOCATIONS, "L1").version;
    assert_true(has(listed(&old, LOCATIONS, &total), "\"voltage\":230"));
    hub_projection_debt_t debt;
    hub_view_t *view = fixture_view(&fixture);
    assert_int_equal(hub_projection_debt(view, &debt), HUB_EOK);
    hub_view_close(view);
    assert_int_equal(debt.version, OCPI_V2_1_1);
    assert_int_equal(fixture_apply(&fixture, do_pay, &debt), HUB_EOK);
    assert_int_equal(form_of(LOCATIONS, "L1", OCPI_V2_1_1), HUB_FORM_STORED);
    assert_true(hub_slice_eq(seen(&old, LOCATIONS, "L1"), first));
    assert_true(hub_slice_eq(stored(0, LOCATIONS, "L1").form[1], first));
    assert_int_equal(stored(0, LOCATIONS, "L1").version, version); /* to nobody it has changed */
    view = fixture_view(&fixture);
    assert_int_equal(hub_projection_debt(view, &debt), HUB_ENOT_FOUND);
    hub_view_close(view);
}

/* ---- what a partner sees ---- */

static hub_slice_t tariff(const char *id, const char *more)
{
    return with(own_tariff(OWN_AAA, id, "0.25"), more);
}

static void what_cannot_be_said_is_not_there(void **state)
{
    (void)state;
    uint64_t total;
    hub_integration_t old = own_partner(5), same = partner(6, OCPI_V2_2_1), next = own_partner(7);
    old.ocpi_version = OCPI_V2_1_1;
    next.ocpi_version = OCPI_V2_3_0;
    old.tariffs_all = same.tariffs_all = next.tariffs_all = true;
    speaks(5, OCPI_V2_1_1);
    speaks(6, OCPI_V2_2_1);
    speaks(7, OCPI_V2_3_0);
    put(TARIFFS, OCPI_V2_2_1, "T1", tariff("T1", "\"type\":\"REGULAR\""));
    put(TARIFFS, OCPI_V2_2_1, "T2", tariff("T2", "\"max_price\":{\"excl_vat\":9.00}"));
    assert_int_equal(form_of(TARIFFS, "T2", OCPI_V2_1_1), HUB_FORM_REFUSED);
    assert_true(has(seen(&old, TARIFFS, "T1"), "\"T1\""));
    assert_null(seen(&old, TARIFFS, "T2").ptr);
    assert_true(has(seen(&same, TARIFFS, "T2"), "excl_vat"));
    assert_true(has(seen(&next, TARIFFS, "T2"), "before_taxes"));
    assert_true(has(seen(&next, TARIFFS, "T2"), "\"tax_included\":\"NO\""));
    assert_false(has(listed(&old, TARIFFS, &total), "\"T2\""));
    assert_int_equal(total, 1);
    assert_true(has(listed(&next, TARIFFS, &total), "\"T2\""));
    assert_int_equal(total, 2);
    assert_true(has(lost(TARIFFS, "T2", OCPI_V2_1_1), "REFUSED"));
    assert_true(has(lost(TARIFFS, "T2", OCPI_V2_1_1), "/max_price"));
    now += 1000;
    put(TARIFFS, OCPI_V2_2_1, "T2", tariff("T2", "\"type\":\"REGULAR\""));
    assert_true(has(seen(&old, TARIFFS, "T2"), "\"T2\""));
    assert_false(has(lost(TARIFFS, "T2", OCPI_V2_1_1), "REFUSED"));
    assert_true(has(listed(&old, TARIFFS, &total), "\"T2\""));
    assert_int_equal(total, 2);
}

static void an_unpublished_location_is_not_there_on_2_1_1(void **state)
{
    (void)state;
    uint64_t total;
    hub_integration_t old = partner(5, OCPI_V2_1_1), same = partner(6, OCPI_V2_2_1);
    hub_slice_t group = with(location("L1", false), "\"publish_allowed_to\":[{\"group_id\":\"G\"}]");
    speaks(5, OCPI_V2_1_1);
    put(LOCATIONS, OCPI_V2_2_1, "L1", group);
    put(LOCATIONS, OCPI_V2_2_1, "L2", location("L2", true));
    assert_null(seen(&old, LOCATIONS, "L1").ptr);
    assert_true(has(seen(&same, LOCATIONS, "L1"), "publish_allowed_to"));
    assert_false(has(listed(&old, LOCATIONS, &total), "\"L1\""));
    assert_int_equal(total, 1);
    listed(&same, LOCATIONS, &total);
    assert_int_equal(total, 2);
}

static void what_a_2_1_1_partner_had_goes_out_removed(void **state)
{
    (void)state;
    hub_key_t key;
    hub_slice_t bytes;
    speaks(5, OCPI_V2_1_1);
    put(LOCATIONS, OCPI_V2_2_1, "L1", location("L1", false));
    hub_object_t head = stored(0, LOCATIONS, "L1");
    hub_sharing_t sharing = {.last_updated = now, .since = now, .withdrawn = true, .render = true};
    hub_view_t *view = fixture_view(&fixture);
    key_of(&key, 0, LOCATIONS, "L1");
    assert_int_equal(hub_objects_render(view, pool, hub_key_slice(&key), &head, &sharing, OCPI_V2_1_1, &bytes), HUB_EOK);
    hub_view_close(view);
    is_valid(bytes, OCPI_OBJECT_LOCATION, OCPI_V2_1_1);
    assert_true(has(bytes, "REMOVED"));
}

/* ---- own objects in any version ---- */

static void an_object_is_published_once_in_any_version(void **state)
{
    (void)state;
    hub_integration_t old = partner(5, OCPI_V2_1_1), same = partner(6, OCPI_V2_2_1), next = partner(7, OCPI_V2_3_0);
    speaks(5, OCPI_V2_1_1);
    speaks(6, OCPI_V2_2_1);
    put(LOCATIONS, OCPI_V2_3_0, "L3", with(location("L3", true), "\"help_phone\":\"+31612345678\""));
    hub_object_t head = stored(0, LOCATIONS, "L3");
    assert_int_equal(hub_projection_written(&head), OCPI_V2_3_0);
    assert_true(has(head.bytes, "help_phone"));
    assert_true(has(seen(&next, LOCATIONS, "L3"), "help_phone"));
    assert_false(has(seen(&same, LOCATIONS, "L3"), "help_phone"));
    assert_true(has(lost(LOCATIONS, "L3", OCPI_V2_2_1), "/help_phone"));
    is_valid(seen(&old, LOCATIONS, "L3"), OCPI_OBJECT_LOCATION, OCPI_V2_1_1);
}

static void what_is_put_in_2_1_1_goes_up(void **state)
{
    (void)state;
    hub_integration_t old = partner(5, OCPI_V2_1_1), same = partner(6, OCPI_V2_2_1);
    speaks(6, OCPI_V2_2_1);
    hub_slice_t time = own_time();
    put(TARIFFS, OCPI_V2_2_1, "T1", tariff("T1", "\"type\":\"REGULAR\""));
    put(LOCATIONS, OCPI_V2_1_1, "L1",
        hub_pool_printf(
            pool,
            "{\"id\":\"L1\",\"type\":\"ON_STREET\",\"address\":\"Street 1\",\"city\":\"Town\",\"postal_code\":\"1\",\"country\":"
            "\"NLD\",\"coordinates\":{\"latitude\":\"51.047599\",\"longitude\":\"3.729944\"},\"time_zone\":\"Europe/Amsterdam\","
            "\"evses\":[{\"uid\":\"E1\",\"status\":\"AVAILABLE\",\"connectors\":[{\"id\":\"1\",\"standard\":\"IEC_62196_T2\","
            "\"format\":\"SOCKET\",\"power_type\":\"AC_3_PHASE\",\"voltage\":230,\"amperage\":32,\"tariff_id\":\"T1\","
            "\"last_updated\":\"%.*s\"}],\"last_updated\":\"%.*s\"}],\"last_updated\":\"%.*s\"}",
            HUB_SLICE_FMT(time), HUB_SLICE_FMT(time), HUB_SLICE_FMT(time)));
    hub_object_t head = stored(0, LOCATIONS, "L1");
    assert_int_equal(hub_projection_written(&head), OCPI_V2_1_1);
    assert_false(has(head.bytes, "country_code"));
    hub_slice_t up = seen(&same, LOCATIONS, "L1");
    is_valid(up, OCPI_OBJECT_LOCATION, OCPI_V2_2_1);
    assert_true(has(up, "\"country_code\":\"NL\""));
    assert_true(has(up, "\"publish\":true"));
    assert_true(has(up, "\"tariff_ids\":[\"T1\"]"));
    assert_true(has(seen(&old, LOCATIONS, "L1"), "ON_STREET"));
    assert_true(has(seen(&same, TARIFFS, "T1"), "\"T1\"")); /* a connector of a shown Location names it */
}

static void a_part_is_changed_in_another_version_only_when_nothing_is_lost(void **state)
{
    (void)state;
    hub_slice_t why;
    put(LOCATIONS, OCPI_V2_3_0, "L1", location("L1", true));
    put(LOCATIONS, OCPI_V2_3_0, "L2", with(location("L2", true), "\"help_phone\":\"+31612345678\""));
    now += 1000;
    assert_int_equal(patch(OCPI_V2_2_1, "L1", NULL, "{\"name\":\"N\"}", &why), HUB_EOK);
    hub_object_t head = stored(0, LOCATIONS, "L1");
    assert_int_equal(hub_projection_written(&head), OCPI_V2_2_1);
    assert_true(has(head.bytes, "\"name\":\"N\""));
    assert_int_equal(patch(OCPI_V2_2_1, "L2", NULL, "{\"name\":\"N\"}", &why), HUB_EINVALID);
    assert_true(has(why, "/query/version"));
    assert_true(has(why, "use ?version=2.3.0"));
    assert_true(has(why, "/help_phone"));
    assert_int_equal(patch(OCPI_V2_1_1, "L2", "E1", "{\"status\":\"CHARGING\"}", &why), HUB_EINVALID);
    assert_int_equal(patch(OCPI_V2_3_0, "L2", "E1", "{\"status\":\"CHARGING\"}", &why), HUB_EOK);
    head = stored(0, LOCATIONS, "L2");
    assert_true(has(head.bytes, "CHARGING"));
    assert_true(has(head.bytes, "help_phone"));
    assert_int_equal(hub_projection_written(&head), OCPI_V2_3_0);
}

static void a_whole_object_in_another_version_takes_its_place(void **state)
{
    (void)state;
    put(LOCATIONS, OCPI_V2_2_1, "L1", location("L1", true));
    hub_slice_t same = location("L1", true);
    hub_incoming_t in = incoming(LOCATIONS, OCPI_V2_3_0, "L1", same);
    assert_int_equal(store(&in), HUB_EOK);
    assert_int_equal(in.outcome, HUB_UPDATED); /* remembered: the version is another */
    hub_object_t head = stored(0, LOCATIONS, "L1");
    assert_int_equal(hub_projection_written(&head), OCPI_V2_3_0);
    hub_incoming_t again = incoming(LOCATIONS, OCPI_V2_3_0, "L1", same);
    assert_int_equal(store(&again), HUB_EOK);
    assert_int_equal(again.outcome, HUB_UNCHANGED);
}

/* ---- forms follow ---- */

static void losses_go_with_the_object(void **state)
{
    (void)state;
    hub_key_t prefix;
    hub_scan_t scan;
    hub_slice_t key, value;
    speaks(5, OCPI_V2_1_1);
    put(TARIFFS, OCPI_V2_2_1, "T2", tariff("T2", "\"max_price\":{\"excl_vat\":9.00}"));
    assert_true(lost(TARIFFS, "T2", OCPI_V2_1_1).len > 0);
    assert_int_equal(own_remove(TARIFFS, "T2"), HUB_EOK);
    hub_view_t *view = fixture_view(&fixture);
    hub_key_init(&prefix);
    hub_scan_init(&scan, view, HUB_TABLE_LOSS, &prefix, NULL, false);
    assert_false(hub_scan_next(&scan, &key, &value));
    assert_int_equal(hub_scan_finish(&scan), HUB_EOK);
    hub_view_close(view);
}

static void a_deleted_location_is_removed_in_every_version(void **state)
{
    (void)state;
    hub_integration_t old = partner(5, OCPI_V2_1_1);
    speaks(5, OCPI_V2_1_1);
    put(LOCATIONS, OCPI_V2_2_1, "L1", location("L1", true));
    now += 1000;
    assert_int_equal(own_remove(LOCATIONS, "L1"), HUB_EOK);
    assert_true(has(stored(0, LOCATIONS, "L1").form[1], "\"status\":\"REMOVED\""));
    assert_true(has(seen(&old, LOCATIONS, "L1"), "\"status\":\"REMOVED\""));
}

static hub_err_t do_bind(hub_view_t *view, void *arg)
{
    hub_key_t key;
    hub_share_t share;
    bool created;
    yyjson_doc *doc, *body;
    hub_object_t head;
    const hub_integration_t *to = arg;
    hub_slice_t text = HUB_SLICE_LIT("{\"evses\":[{\"uid\":\"E1\",\"connectors\":[{\"id\":\"1\",\"tariffIds\":[\"T9\"]}]}]}");
    key_of(&key, 0, LOCATIONS, "L1");
    hub_err_t err = hub_object_get_key(view, hub_key_slice(&key), &head);
    if (!err)
        err = hub_share_get(view, OWN_TENANT, to->id, &share);
    if (!err)
        err = ocpi_read(pool, head.bytes, &doc, NULL);
    if (!err)
        err = ocpi_read(pool, text, &body, NULL);
    return err ? err
               : hub_sharing_bind(view, pool, &share, hub_key_slice(&key), yyjson_doc_get_root(doc), text, yyjson_doc_get_root(body), now,
                                  &created);
}

static void a_binding_overrides_in_the_partners_version(void **state)
{
    (void)state;
    hub_integration_t old = partner(5, OCPI_V2_1_1);
    speaks(5, OCPI_V2_1_1);
    put(LOCATIONS, OCPI_V2_2_1, "L1", location("L1", true));
    now += 1000;
    assert_int_equal(fixture_apply(&fixture, do_bind, &old), HUB_EOK);
    hub_slice_t bound = seen(&old, LOCATIONS, "L1");
    is_valid(bound, OCPI_OBJECT_LOCATION, OCPI_V2_1_1);
    assert_true(has(bound, "\"tariff_id\":\"T9\""));
    assert_true(has(stored(0, LOCATIONS, "L1").form[1], "\"tariff_id\":\"T1\""));
}

/* ---- what time changes ---- */

static hub_err_t do_awake(hub_view_t *view, void *arg)
{
    const int64_t *at = arg;
    return hub_projection_awake(view, pool, *at, 10);
}

static bool is_due(int64_t at)
{
    hub_view_t *view = fixture_view(&fixture);
    bool due = hub_projection_due(view, at);
    hub_view_close(view);
    return due;
}

static void a_tariff_that_starts_later_comes_to_2_1_1_when_it_starts(void **state)
{
    (void)state;
    char text[OCPI_TIME_MAX + 1];
    hub_integration_t old = own_partner(5);
    old.ocpi_version = OCPI_V2_1_1;
    old.tariffs_all = true;
    speaks(5, OCPI_V2_1_1);
    int64_t start = hub_now_ms() / 1000 * 1000 + 2000, early = start - 1;
    ocpi_time_format(start, text);
    put(TARIFFS, OCPI_V2_2_1, "T1", tariff("T1", hub_pool_str(pool, hub_pool_printf(pool, "\"start_date_time\":\"%s\"", text))));
    assert_null(seen(&old, TARIFFS, "T1").ptr);
    assert_true(has(lost(TARIFFS, "T1", OCPI_V2_1_1), "Tariff.start_date_time"));
    assert_false(is_due(early));
    assert_true(is_due(start));
    assert_int_equal(fixture_apply(&fixture, do_awake, &early), HUB_EOK);
    assert_null(seen(&old, TARIFFS, "T1").ptr);
    while (hub_now_ms() <= start)
        usleep(20000); /* the bridge looks at the clock itself */
    uint64_t seq = stored(0, TARIFFS, "T1").seq;
    assert_int_equal(fixture_apply(&fixture, do_awake, &start), HUB_EOK);
    assert_true(has(seen(&old, TARIFFS, "T1"), "\"T1\""));
    assert_false(has(lost(TARIFFS, "T1", OCPI_V2_1_1), "REFUSED"));
    assert_true(stored(0, TARIFFS, "T1").seq > seq); /* a push hears of it */
    assert_false(is_due(INT64_MAX));
}

/* ---- received ---- */

static void what_comes_in_2_1_1_is_shown_in_2_2_1(void **state)
{
    (void)state;
    hub_integration_t from = own_partner(9);
    hub_key_t key;
    hub_slice_t time = own_time();
    hub_incoming_t in = {
        .tenant = OWN_TENANT, .from = &from, .module = TARIFFS, .version = OCPI_V2_1_1, .id = HUB_SLICE_LIT("T1"), .now = now};
    in.country = HUB_SLICE_LIT("BE");
    in.party = HUB_SLICE_LIT("BEC");
    in.text =
        hub_pool_printf(pool,
                        "{\"id\":\"T1\",\"currency\":\"EUR\",\"elements\":[{\"price_components\":[{\"type\":\"ENERGY\",\"price\":0.25,"
                        "\"step_size\":1}]}],\"last_updated\":\"%.*s\"}",
                        HUB_SLICE_FMT(time));
    assert_int_equal(store(&in), HUB_EOK);
    hub_object_t head = stored(9, TARIFFS, "T1");
    assert_int_equal(hub_projection_written(&head), OCPI_V2_1_1);
    assert_true(hub_slice_eq(head.bytes, in.text));
    is_valid(head.form[0], OCPI_OBJECT_TARIFF, OCPI_V2_2_1);
    assert_true(has(head.form[0], "\"party_id\":\"BEC\""));
    hub_view_t *view = fixture_view(&fixture);
    key_of(&key, 9, TARIFFS, "T1");
    assert_true(hub_slice_eq(hub_projection_show(view, pool, hub_key_slice(&key), &head, OCPI_V2_2_1), head.form[0]));
    assert_true(hub_slice_eq(hub_projection_show(view, pool, hub_key_slice(&key), &head, OCPI_V2_1_1), head.bytes));
    hub_view_close(view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        own_test(only_what_somebody_speaks_is_made),
        own_test(demand_counts_integrations),
        own_test(the_first_reader_makes_its_own_until_it_is_stored),
        own_test(what_cannot_be_said_is_not_there),
        own_test(an_unpublished_location_is_not_there_on_2_1_1),
        own_test(what_a_2_1_1_partner_had_goes_out_removed),
        own_test(an_object_is_published_once_in_any_version),
        own_test(what_is_put_in_2_1_1_goes_up),
        own_test(a_part_is_changed_in_another_version_only_when_nothing_is_lost),
        own_test(a_whole_object_in_another_version_takes_its_place),
        own_test(losses_go_with_the_object),
        own_test(a_deleted_location_is_removed_in_every_version),
        own_test(a_binding_overrides_in_the_partners_version),
        own_test(a_tariff_that_starts_later_comes_to_2_1_1_when_it_starts),
        own_test(what_comes_in_2_1_1_is_shown_in_2_2_1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
