/* Routes, version details, roles: rules V1-V5, decision E, the role table of the terminology chapter. */
#include "json.h"

static ocpi_target_t match(const char *path)
{
    ocpi_target_t target;
    assert_int_equal(ocpi_route_match(pool, hub_slice_str(path), &target), HUB_EOK);
    return target;
}

static void paths_find_their_rows(void **state)
{
    (void)state;
    ocpi_target_t t = match("/versions");
    assert_non_null(t.route);
    assert_int_equal(t.route->action, OCPI_ACTION_VERSIONS);
    t = match("/2.2.1");
    assert_int_equal(t.route->action, OCPI_ACTION_DETAILS);
    assert_int_equal(t.version, OCPI_V2_2_1);
    t = match("/2.2.1/credentials");
    assert_int_equal(t.route->action, OCPI_ACTION_CREDENTIALS);
    assert_int_equal(t.methods, OCPI_GET | OCPI_POST | OCPI_PUT | OCPI_DELETE);
    t = match("/2.2.1/sender/locations");
    assert_int_equal(t.route->action, OCPI_ACTION_LIST);
    assert_int_equal(t.route->side, OCPI_SENDER);
    assert_int_equal(t.segment_count, 0);
    t = match("/2.2.1/receiver/locations/NL/TNM/LOC1/E%2F1/1");
    assert_int_equal(t.route->side, OCPI_RECEIVER);
    assert_int_equal(t.segment_count, 5);
    assert_slice(t.segment[0], "NL");
    assert_slice(t.segment[3], "E/1");
    assert_slice(t.segment[4], "1");
}

static void E_methods_for_allow(void **state)
{
    (void)state;
    assert_int_equal(match("/2.2.1/receiver/tariffs/NL/TNM/1").methods, OCPI_GET | OCPI_PUT | OCPI_DELETE);  /* F1: no PATCH */
    assert_int_equal(match("/2.2.1/receiver/locations/NL/TNM/1").methods, OCPI_GET | OCPI_PUT | OCPI_PATCH); /* L4: no DELETE */
    assert_int_equal(match("/2.2.1/sender/locations/1/2/3").methods, OCPI_GET);
    assert_int_equal(match("/2.3.0/receiver/tariffs/NL/TNM/1").methods, OCPI_GET | OCPI_PUT | OCPI_DELETE);
    assert_int_equal(match("/2.1.1/receiver/tariffs/NL/TNM/1").methods, OCPI_GET | OCPI_PUT | OCPI_PATCH | OCPI_DELETE);
}

static void trailing_slash_is_the_same_resource(void **state)
{
    (void)state;
    assert_ptr_equal(match("/2.2.1/sender/tariffs/").route, match("/2.2.1/sender/tariffs").route);
    assert_ptr_equal(match("/versions/").route, match("/versions").route);
}

static void unknown_paths(void **state)
{
    (void)state;
    static const char *const none[] = {"",
                                       "/",
                                       "//",
                                       "/2.2.1//",
                                       "/2.2.1/sender//locations",
                                       "/2.1",
                                       "/2.4.0/credentials",
                                       "/9",
                                       "/2.2.1/locations",
                                       "/2.2.1/sender",
                                       "/2.2.1/Sender/locations",
                                       "/2.2.1/sender/credentials",
                                       "/2.2.1/sender/versions",
                                       "/2.2.1/sender/commands",
                                       "/2.2.1/receiver/sessions",
                                       "/2.2.1/receiver/sessions/NL/TNM/1/2",
                                       "/2.2.1/sender/cdrs/1",
                                       "/2.2.1/sender/locations/1/2/3/4",
                                       "/2.2.1/receiver/locations",
                                       "/2.2.1/receiver/locations/NL/TNM",
                                       "/2.2.1/receiver/locations/NL/TNM/1/2/3/4",
                                       "/2.2.1/receiver/tariffs/NL/TNM/1/2",
                                       "/2.2.1/sender/tariffs/1",
                                       "/2.2.1/receiver/locations/NL/TNM/1/2/3/4/5/6/7/8/9",
                                       "/versions/x",
                                       "/2.2.1/credentials/x"};
    for (size_t i = 0; i < HUB_COUNT(none); i++)
        if (match(none[i]).route)
            fail_msg("%s has a row", none[i]);
    ocpi_target_t t;
    assert_int_equal(ocpi_route_match(pool, HUB_SLICE_LIT("/2.2.1/sender/locations/%4"), &t), HUB_EINVALID);
    assert_int_equal(ocpi_route_match(pool, HUB_SLICE_LIT("/2.2.1/sender/locations/%00"), &t), HUB_EINVALID);
}

static yyjson_val *endpoints_in(ocpi_version_t version, uint32_t roles)
{
    hub_buf_t out = HUB_BUF_INIT(pool);
    ocpi_endpoints_write(&out, HUB_SLICE_LIT("https://hub.example"), version, roles);
    return json_read(hub_buf_slice(&out));
}

/* How often an identifier stands in the list; *last: where it does. */
static unsigned listed(yyjson_val *list, const char *identifier, yyjson_val **last)
{
    size_t i, max;
    yyjson_val *one;
    unsigned times = 0;
    yyjson_arr_foreach(list, i, max, one)
    {
        if (!hub_slice_eq_str(ocpi_get_str(one, "identifier"), identifier))
            continue;
        *last = one;
        times++;
    }
    return times;
}

static void V3_V4_credentials_once_as_sender(void **state)
{
    (void)state;
    yyjson_val *one;
    for (size_t i = 0; i < HUB_COUNT(ocpi_versions); i++)
        for (uint32_t role = 0; role <= OCPI_ROLE_SCSP; role = role ? role << 1 : 1) {
            assert_int_equal(listed(endpoints_in(ocpi_versions[i], role), "credentials", &one), 1);
            hub_slice_t url = hub_pool_printf(pool, "https://hub.example/ocpi/%s/credentials", ocpi_version_name(ocpi_versions[i]));
            assert_true(hub_slice_eq(ocpi_get_str(one, "url"), url));
            assert_slice(ocpi_get_str(one, "role"), ocpi_versions[i] == OCPI_V2_1_1 ? "" : "SENDER"); /* 2.1.1 has no such member */
            assert_true(ocpi_versions[i] != OCPI_V2_1_1 || !yyjson_obj_get(one, "role"));
        }
}

static void V3_sides_are_those_of_the_roles(void **state)
{
    (void)state;
    static const struct {
        uint32_t roles;
        unsigned times;
        const char *side;
    } rows[] = {{OCPI_ROLE_CPO, 1, "sender"},
                {OCPI_ROLE_EMSP, 1, "receiver"},
                {OCPI_ROLE_NSP, 1, "receiver"},
                {OCPI_ROLE_HUB, 2, "receiver"},
                {OCPI_ROLE_CPO | OCPI_ROLE_EMSP, 2, "receiver"},
                {0, 0, ""}};
    yyjson_val *one;
    for (size_t v = 0; v < HUB_COUNT(ocpi_versions); v++)
        for (size_t i = 0; i < HUB_COUNT(rows); i++) {
            yyjson_val *list = endpoints_in(ocpi_versions[v], rows[i].roles);
            const char *version = ocpi_version_name(ocpi_versions[v]);
            assert_int_equal(listed(list, "locations", &one), rows[i].times);
            assert_int_equal(listed(list, "tariffs", &one), rows[i].times);
            hub_slice_t url = hub_pool_printf(pool, "https://hub.example/ocpi/%s/%s/tariffs", version, rows[i].side);
            assert_true(rows[i].times == 0 || hub_slice_eq(ocpi_get_str(one, "url"), url));
        }
}

static void V3_modules_of_a_cpo_and_of_an_emsp(void **state)
{
    (void)state;
    assert_json(ocpi_write(pool, endpoints_in(OCPI_V2_2_1, OCPI_ROLE_CPO)),
                "[{'identifier':'credentials','role':'SENDER','url':'https://hub.example/ocpi/2.2.1/credentials'},"
                "{'identifier':'locations','role':'SENDER','url':'https://hub.example/ocpi/2.2.1/sender/locations'},"
                "{'identifier':'tariffs','role':'SENDER','url':'https://hub.example/ocpi/2.2.1/sender/tariffs'},"
                "{'identifier':'sessions','role':'SENDER','url':'https://hub.example/ocpi/2.2.1/sender/sessions'},"
                "{'identifier':'cdrs','role':'SENDER','url':'https://hub.example/ocpi/2.2.1/sender/cdrs'},"
                "{'identifier':'tokens','role':'RECEIVER','url':'https://hub.example/ocpi/2.2.1/receiver/tokens'}]");
    assert_json(ocpi_write(pool, endpoints_in(OCPI_V2_2_1, OCPI_ROLE_EMSP)),
                "[{'identifier':'credentials','role':'SENDER','url':'https://hub.example/ocpi/2.2.1/credentials'},"
                "{'identifier':'locations','role':'RECEIVER','url':'https://hub.example/ocpi/2.2.1/receiver/locations'},"
                "{'identifier':'tariffs','role':'RECEIVER','url':'https://hub.example/ocpi/2.2.1/receiver/tariffs'},"
                "{'identifier':'sessions','role':'RECEIVER','url':'https://hub.example/ocpi/2.2.1/receiver/sessions'},"
                "{'identifier':'cdrs','role':'RECEIVER','url':'https://hub.example/ocpi/2.2.1/receiver/cdrs'},"
                "{'identifier':'tokens','role':'SENDER','url':'https://hub.example/ocpi/2.2.1/sender/tokens'}]");
    assert_int_equal(yyjson_arr_size(endpoints_in(OCPI_V2_2_1, OCPI_ROLE_CPO | OCPI_ROLE_EMSP)), 11);
    assert_int_equal(yyjson_arr_size(endpoints_in(OCPI_V2_2_1, OCPI_ROLE_HUB)), 11);
    assert_int_equal(yyjson_arr_size(endpoints_in(OCPI_V2_2_1, 0)), 1);
    assert_json(ocpi_write(pool, endpoints_in(OCPI_V2_1_1, OCPI_ROLE_CPO)),
                "[{'identifier':'credentials','url':'https://hub.example/ocpi/2.1.1/credentials'},"
                "{'identifier':'locations','url':'https://hub.example/ocpi/2.1.1/sender/locations'},"
                "{'identifier':'tariffs','url':'https://hub.example/ocpi/2.1.1/sender/tariffs'},"
                "{'identifier':'sessions','url':'https://hub.example/ocpi/2.1.1/sender/sessions'},"
                "{'identifier':'cdrs','url':'https://hub.example/ocpi/2.1.1/sender/cdrs'},"
                "{'identifier':'tokens','url':'https://hub.example/ocpi/2.1.1/receiver/tokens'}]");
    assert_json(ocpi_write(pool, endpoints_in(OCPI_V2_1_1, OCPI_ROLE_EMSP)),
                "[{'identifier':'credentials','url':'https://hub.example/ocpi/2.1.1/credentials'},"
                "{'identifier':'locations','url':'https://hub.example/ocpi/2.1.1/receiver/locations'},"
                "{'identifier':'tariffs','url':'https://hub.example/ocpi/2.1.1/receiver/tariffs'},"
                "{'identifier':'sessions','url':'https://hub.example/ocpi/2.1.1/receiver/sessions'},"
                "{'identifier':'cdrs','url':'https://hub.example/ocpi/2.1.1/receiver/cdrs'},"
                "{'identifier':'tokens','url':'https://hub.example/ocpi/2.1.1/sender/tokens'}]");
}

static void V5_what_is_advertised_is_served(void **state)
{
    (void)state;
    for (size_t v = 0; v < HUB_COUNT(ocpi_versions); v++) {
        size_t i, max;
        yyjson_val *one, *list = endpoints_in(ocpi_versions[v], OCPI_ROLE_HUB);
        yyjson_arr_foreach(list, i, max, one)
        {
            hub_slice_t url = ocpi_get_str(one, "url"), prefix = HUB_SLICE_LIT("https://hub.example/ocpi");
            hub_slice_t path = hub_slice(url.ptr + prefix.len, url.len - prefix.len);
            ocpi_target_t base = match(hub_pool_str(pool, path));
            if (!base.route)
                base = match(hub_pool_printf(pool, "%.*s/NL/TNM/1", HUB_SLICE_FMT(path)).ptr);
            assert_non_null(base.route);
            assert_int_equal(base.version, ocpi_versions[v]);
        }
        ocpi_check_t check = {.object = OCPI_OBJECT_VERSION_DETAILS, .version = ocpi_versions[v], .strict = true};
        ocpi_problems_t problems;
        ocpi_problems_init(&problems, pool);
        hub_slice_t details = hub_pool_printf(pool, "{\"version\":\"%s\",\"endpoints\":%.*s}", ocpi_version_name(ocpi_versions[v]),
                                              HUB_SLICE_FMT(ocpi_write(pool, list)));
        assert_true(ocpi_check(json_read(details), &check, &problems));
    }
}

static void V1_versions_served(void **state)
{
    (void)state;
    assert_int_equal(ocpi_versions_served(), OCPI_V_ALL);
    ocpi_version_t version;
    assert_true(ocpi_version_parse(HUB_SLICE_LIT("2.3.0"), &version));
    assert_int_equal(version, OCPI_V2_3_0);
    assert_false(ocpi_version_parse(HUB_SLICE_LIT("2.2"), &version));
    for (size_t i = 0; i < HUB_COUNT(ocpi_versions); i++) {
        assert_true(ocpi_version_parse(hub_slice_str(ocpi_version_name(ocpi_versions[i])), &version));
        assert_int_equal(version, ocpi_versions[i]);
    }
}

static void roles_have_the_sides_of_the_terminology_chapter(void **state)
{
    (void)state;
    const uint32_t both = OCPI_SENDER | OCPI_RECEIVER;
    assert_int_equal(ocpi_role_sides(OCPI_ROLE_CPO, OCPI_MODULE_LOCATIONS), OCPI_SENDER);
    assert_int_equal(ocpi_role_sides(OCPI_ROLE_CPO, OCPI_MODULE_TOKENS), OCPI_RECEIVER);
    assert_int_equal(ocpi_role_sides(OCPI_ROLE_CPO, OCPI_MODULE_COMMANDS), OCPI_RECEIVER);
    assert_int_equal(ocpi_role_sides(OCPI_ROLE_CPO, OCPI_MODULE_CHARGINGPROFILES), OCPI_RECEIVER);
    assert_int_equal(ocpi_role_sides(OCPI_ROLE_EMSP, OCPI_MODULE_LOCATIONS), OCPI_RECEIVER);
    assert_int_equal(ocpi_role_sides(OCPI_ROLE_EMSP, OCPI_MODULE_CDRS), OCPI_RECEIVER);
    assert_int_equal(ocpi_role_sides(OCPI_ROLE_EMSP, OCPI_MODULE_TOKENS), OCPI_SENDER);
    assert_int_equal(ocpi_role_sides(OCPI_ROLE_EMSP, OCPI_MODULE_CHARGINGPROFILES), 0);
    assert_int_equal(ocpi_role_sides(OCPI_ROLE_NSP, OCPI_MODULE_TARIFFS), OCPI_RECEIVER);
    assert_int_equal(ocpi_role_sides(OCPI_ROLE_NSP, OCPI_MODULE_SESSIONS), 0);
    assert_int_equal(ocpi_role_sides(OCPI_ROLE_NAP, OCPI_MODULE_LOCATIONS), both);
    assert_int_equal(ocpi_role_sides(OCPI_ROLE_SCSP, OCPI_MODULE_CHARGINGPROFILES), OCPI_SENDER);
    assert_int_equal(ocpi_role_sides(OCPI_ROLE_SCSP, OCPI_MODULE_SESSIONS), OCPI_RECEIVER);
    assert_int_equal(ocpi_role_sides(OCPI_ROLE_SCSP, OCPI_MODULE_LOCATIONS), 0);
    assert_int_equal(ocpi_role_sides(OCPI_ROLE_OTHER, OCPI_MODULE_LOCATIONS), OCPI_RECEIVER);
    assert_int_equal(ocpi_role_sides(OCPI_ROLE_HUB, OCPI_MODULE_CDRS), both);
    assert_int_equal(ocpi_role_sides(OCPI_ROLE_HUB, OCPI_MODULE_HUBCLIENTINFO), OCPI_SENDER);
    assert_int_equal(ocpi_role_sides(OCPI_ROLE_CPO | OCPI_ROLE_EMSP, OCPI_MODULE_SESSIONS), both);
    assert_int_equal(ocpi_role_sides(0, OCPI_MODULE_CREDENTIALS), both);
    assert_int_equal(ocpi_role_sides(OCPI_ROLE_UNDEFINED, OCPI_MODULE_LOCATIONS), 0);
}

static void names_go_both_ways(void **state)
{
    (void)state;
    ocpi_role_t role;
    for (unsigned bit = 0; bit < 9; bit++) {
        assert_true(ocpi_role_parse(hub_slice_str(ocpi_role_name((ocpi_role_t)(1u << bit))), &role));
        assert_int_equal(role, 1u << bit);
    }
    assert_false(ocpi_role_parse(HUB_SLICE_LIT("cpo"), &role)); /* Y2: enum values are case-sensitive */
    for (unsigned m = 1; m < OCPI_MODULE_COUNT; m++)
        assert_int_equal(ocpi_module_parse(hub_slice_str(ocpi_module_name((ocpi_module_t)m))), m);
    assert_int_equal(ocpi_module_parse(HUB_SLICE_LIT("nothing")), OCPI_MODULE_NONE);
    assert_int_equal(ocpi_module_parse(HUB_SLICE_LIT("")), OCPI_MODULE_NONE);
    assert_int_equal(ocpi_module_object(OCPI_MODULE_TARIFFS), OCPI_OBJECT_TARIFF);
    assert_int_equal(ocpi_module_versions(OCPI_MODULE_BOOKINGS), OCPI_V2_3_0);
    ocpi_object_id_t id;
    assert_true(ocpi_object_parse(HUB_SLICE_LIT("evse"), &id));
    assert_int_equal(id, OCPI_OBJECT_EVSE);
    assert_false(ocpi_object_parse(HUB_SLICE_LIT("Evses"), &id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        json_test(paths_find_their_rows),
        json_test(E_methods_for_allow),
        json_test(trailing_slash_is_the_same_resource),
        json_test(unknown_paths),
        json_test(V3_V4_credentials_once_as_sender),
        json_test(V3_sides_are_those_of_the_roles),
        json_test(V3_modules_of_a_cpo_and_of_an_emsp),
        json_test(V5_what_is_advertised_is_served),
        json_test(V1_versions_served),
        json_test(roles_have_the_sides_of_the_terminology_chapter),
        json_test(names_go_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
