/* PATCH (decision B, S2, S3) and the levels of a Location (L1-L3, decisions C, I). */
#include "json.h"

static hub_slice_t patched(const char *base, const char *patch, ocpi_object_id_t object, ocpi_version_t version)
{
    return ocpi_write_mut(pool, ocpi_patch(pool, json(base), json(patch), object, version));
}

static void B_cases_of_rfc_7396(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"{'a':'b'}", "{'a':'c'}", "{'a':'c'}"},
        {"{'a':'b'}", "{'b':'c'}", "{'a':'b','b':'c'}"},
        {"{'a':'b'}", "{'a':null}", "{}"},
        {"{'a':'b','b':'c'}", "{'a':null}", "{'b':'c'}"},
        {"{'a':['b']}", "{'a':'c'}", "{'a':'c'}"},
        {"{'a':'c'}", "{'a':['b']}", "{'a':['b']}"},
        {"{'a':{'b':'c'}}", "{'a':{'b':'d','c':null}}", "{'a':{'b':'d'}}"},
        {"{'a':[{'b':'c'}]}", "{'a':[1]}", "{'a':[1]}"},
        {"['a','b']", "['c','d']", "['c','d']"},
        {"{'a':'b'}", "['c']", "['c']"},
        {"{'a':'foo'}", "null", "null"},
        {"{'a':'foo'}", "'bar'", "'bar'"},
        {"{'e':null}", "{'a':1}", "{'e':null,'a':1}"},
        {"[1,2]", "{'a':'b','c':null}", "{'a':'b'}"},
        {"{}", "{'a':{'bb':{'ccc':null}}}", "{'a':{'bb':{}}}"},
    };
    for (size_t i = 0; i < HUB_COUNT(cases); i++)
        assert_json(patched(cases[i][0], cases[i][1], OCPI_OBJECT_LOCATION, OCPI_V2_2_1), cases[i][2]);
}

static void B_order_numbers_and_unknown_fields_survive(void **state)
{
    (void)state;
    assert_json(patched("{'z':2.50,'vendor':{'a':1.0,'b':[null]},'a':1}", "{'a':3.10,'n':0.0}", OCPI_OBJECT_TARIFF, OCPI_V2_2_1),
                "{'z':2.50,'vendor':{'a':1.0,'b':[null]},'a':3.10,'n':0.0}");
}

static void many_members_merge(void **state)
{
    (void)state;
    hub_buf_t base = HUB_BUF_INIT(pool), patch = HUB_BUF_INIT(pool);
    hub_buf_add_str(&base, "{\"x\":0");
    hub_buf_add_str(&patch, "{\"y\":0");
    for (int i = 0; i < 20000; i++) {
        hub_buf_printf(&base, ",\"k%d\":%d", i, i);
        hub_buf_printf(&patch, ",\"k%d\":%s", i, i % 2 ? "null" : "7");
    }
    hub_buf_add_char(&base, '}');
    hub_buf_add_char(&patch, '}');
    yyjson_mut_val *out =
        ocpi_patch(pool, json_read(hub_buf_slice(&base)), json_read(hub_buf_slice(&patch)), OCPI_OBJECT_LOCATION, OCPI_V2_2_1);
    assert_int_equal(yyjson_mut_obj_size(out), 10002);
}

static void S3_patch_appends_charging_periods(void **state)
{
    (void)state;
    const char *base = "{'id':'1','charging_periods':[{'start_date_time':'a','dimensions':[{'type':'TIME','volume':1.0}]}],'kwh':1}";
    const char *patch =
        "{'charging_periods':[{'start_date_time':'b'},{'dimensions':[{'volume':1.0,'type':'TIME'}],'start_date_time':'a'}],'kwh':2}";
    assert_json(patched(base, patch, OCPI_OBJECT_SESSION, OCPI_V2_2_1),
                "{'id':'1','charging_periods':[{'start_date_time':'a','dimensions':[{'type':'TIME','volume':1.0}]},{'start_date_time':'b'}]"
                ",'kwh':2}");
    assert_json(patched(base, "{'charging_periods':[]}", OCPI_OBJECT_SESSION, OCPI_V2_2_1), base);
    yyjson_val *kept = json_read(patched(base, "{'charging_periods':null}", OCPI_OBJECT_SESSION, OCPI_V2_3_0));
    assert_true(yyjson_equals(kept, json(base)));
    assert_json(patched("{'id':'1'}", "{'charging_periods':[{'a':1}]}", OCPI_OBJECT_SESSION, OCPI_V2_2_1),
                "{'id':'1','charging_periods':[{'a':1}]}");
    assert_json(patched(base, "{'charging_periods':[]}", OCPI_OBJECT_SESSION, OCPI_V2_1_1), "{'id':'1','charging_periods':[],'kwh':1}");
    assert_json(patched("{'charging_periods':[1]}", "{'charging_periods':[2]}", OCPI_OBJECT_CDR, OCPI_V2_2_1), "{'charging_periods':[2]}");
}

/* ---- levels ---- */

static const char tree[] =
    "{'id':'L','price':2.50,'evses':[{'uid':'E1','connectors':[{'id':'1','x':1},{'id':'2'}],'last_updated':'2026-01-01T00:00:00Z'},"
    "{'uid':'E2','connectors':[],'last_updated':'2026-03-01T00:00:00Z'}],'last_updated':'2026-02-01T00:00:00Z'}";

static hub_slice_t put(const char *evse, const char *connector, const char *child, const char *updated, bool *created)
{
    yyjson_mut_val *out =
        ocpi_location_put(pool, json(tree), hub_slice_str(evse), hub_slice_str(connector), json(child), hub_slice_str(updated), created);
    return out ? ocpi_write_mut(pool, out) : HUB_SLICE_NONE;
}

static void L1_levels_are_found(void **state)
{
    (void)state;
    yyjson_val *root = json(tree);
    assert_ptr_equal(ocpi_location_find(root, HUB_SLICE_NONE, HUB_SLICE_NONE), root);
    assert_slice(ocpi_get_str(ocpi_location_find(root, HUB_SLICE_LIT("e2"), HUB_SLICE_NONE), "uid"), "E2"); /* decision L */
    assert_slice(ocpi_get_str(ocpi_location_find(root, HUB_SLICE_LIT("E1"), HUB_SLICE_LIT("2")), "id"), "2");
    assert_null(ocpi_location_find(root, HUB_SLICE_LIT("E3"), HUB_SLICE_NONE));
    assert_null(ocpi_location_find(root, HUB_SLICE_LIT("E1"), HUB_SLICE_LIT("3")));
    assert_null(ocpi_location_find(root, HUB_SLICE_LIT("E3"), HUB_SLICE_LIT("1")));
    assert_null(ocpi_location_find(json("{'evses':[7,null,{'uid':5}]}"), HUB_SLICE_LIT("x"), HUB_SLICE_NONE));
}

static void L2_L3_connector_bumps_its_parents(void **state)
{
    (void)state;
    bool created;
    assert_json(put("e1", "2", "{'id':'2','max_voltage':2.0}", "2026-04-01T00:00:00Z", &created),
                "{'id':'L','price':2.50,'evses':[{'uid':'E1','connectors':[{'id':'1','x':1},{'id':'2','max_voltage':2.0}],'last_updated':'"
                "2026-04-01T00:00:00Z'},"
                "{'uid':'E2','connectors':[],'last_updated':'2026-03-01T00:00:00Z'}],'last_updated':'2026-04-01T00:00:00Z'}");
    assert_false(created);
}

static void I_parents_take_the_maximum(void **state)
{
    (void)state;
    bool created;
    hub_slice_t out = put("E1", "9", "{'id':'9'}", "2026-01-15T00:00:00Z", &created);
    assert_true(created);
    yyjson_val *root = json_read(out);
    assert_slice(ocpi_get_str(root, "last_updated"), "2026-02-01T00:00:00Z");
    assert_slice(ocpi_get_str(ocpi_location_find(root, HUB_SLICE_LIT("E1"), HUB_SLICE_NONE), "last_updated"), "2026-01-15T00:00:00Z");
    assert_non_null(ocpi_location_find(root, HUB_SLICE_LIT("E1"), HUB_SLICE_LIT("9")));
}

static void L6_new_evse_is_appended(void **state)
{
    (void)state;
    bool created;
    yyjson_val *root = json_read(put("E3", NULL, "{'uid':'E3'}", "2026-02-01T02:00:00.5+02:00", &created));
    assert_true(created);
    assert_int_equal(yyjson_arr_size(yyjson_obj_get(root, "evses")), 3);
    assert_slice(ocpi_get_str(root, "last_updated"), "2026-02-01T02:00:00.5+02:00");
    yyjson_mut_val *first = ocpi_location_put(pool, json("{'id':'L','evses':null}"), HUB_SLICE_LIT("E"), HUB_SLICE_NONE,
                                              json("{'uid':'E'}"), HUB_SLICE_LIT("2026-01-01T00:00:00Z"), &created);
    assert_json(ocpi_write_mut(pool, first), "{'id':'L','evses':[{'uid':'E'}],'last_updated':'2026-01-01T00:00:00Z'}");
}

static void C_unknown_parent(void **state)
{
    (void)state;
    bool created;
    assert_null(put("E9", "1", "{'id':'1'}", "2026-04-01T00:00:00Z", &created).ptr);
    assert_null(ocpi_location_put(pool, NULL, HUB_SLICE_LIT("E"), HUB_SLICE_NONE, json("{}"), HUB_SLICE_NONE, &created));
    assert_json(put(NULL, NULL, "{'id':'M'}", NULL, &created), "{'id':'M'}");
    assert_non_null(put("E1", NULL, "{'uid':'E1'}", NULL, &created).ptr);
    assert_non_null(put("E1", NULL, "{'uid':'E1'}", "soon", &created).ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        json_test(B_cases_of_rfc_7396),        json_test(B_order_numbers_and_unknown_fields_survive),
        json_test(many_members_merge),         json_test(S3_patch_appends_charging_periods),
        json_test(L1_levels_are_found),        json_test(L2_L3_connector_bumps_its_parents),
        json_test(I_parents_take_the_maximum), json_test(L6_new_evse_is_appended),
        json_test(C_unknown_parent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
