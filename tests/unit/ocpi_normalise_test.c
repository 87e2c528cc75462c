/* What is accepted from partners, and what becomes of it: decisions, "Validation of what peers send". */
#include "json.h"

#define CONNECTOR                                                                                                                          \
    "{'id':'1','standard':'IEC_62196_T2','format':'SOCKET','power_type':'AC_3_PHASE','max_voltage':230,'max_amperage':16,'last_updated':'" \
    "2026-01-02T03:04:05Z'}"
#define EVSE(uid, rest) "{'uid':'" uid "','status':'AVAILABLE','connectors':[" CONNECTOR "]" rest ",'last_updated':'2026-01-02T03:04:05Z'}"
#define LOCATION(rest)                                                                                                                     \
    "{'country_code':'NL','party_id':'TNM','id':'L1','publish':true,'address':'Dam 1','city':'Amsterdam','country':'NLD',"                 \
    "'coordinates':{'latitude':'52.37300','longitude':'4.89300'},'time_zone':'Europe/Amsterdam'" rest                                      \
    ",'last_updated':'2026-01-02T03:04:05Z'}"

/* A Location with `given` in it is accepted with a warning of `rule` at `pointer` (rule NULL: without any), and normalised has `left`. */
typedef struct accepted {
    const char *given, *rule, *pointer, *left;
} accepted_t;

static const accepted_t accepted[] = {
    {",'operator':{}", "required", "/operator/name", ""},
    {",'operator':{'name':null}", "required", "/operator/name", ""},
    {",'operator':{'website':'https://x.nl'}", "required", "/operator/name", ""},
    {",'operator':'ACME'", "type", "/operator", ""},
    {",'operator':{'name':'A','logo':{'url':'https://x.nl/a.png'}}", "required", "/operator/logo/category", ",'operator':{'name':'A'}"},
    {",'operator':{'name':'A','website':null}", NULL, NULL, ",'operator':{'name':'A'}"},
    {",'opening_times':{'exceptional_openings':[]}", "required", "/opening_times/twentyfourseven", ""},
    {",'opening_times':{'twentyfourseven':'yes'}", "type", "/opening_times/twentyfourseven", ""},
    {",'opening_times':{'twentyfourseven':false,'regular_hours':[{'weekday':1,'period_begin':'08:00','period_end':'24:00'},"
     "{'weekday':'2','period_begin':'08:00','period_end':'20:00'}]}",
     "pattern", "/opening_times/regular_hours/0/period_end",
     ",'opening_times':{'twentyfourseven':false,'regular_hours':[{'weekday':2,'period_begin':'08:00','period_end':'20:00'}]}"},
    {",'opening_times':{'twentyfourseven':false}", "L10", "/opening_times", ",'opening_times':{'twentyfourseven':false}"},
    {",'opening_times':{'twentyfourseven':true,'regular_hours':[{'weekday':1,'period_begin':'08:00','period_end':'20:00'}]}", "L10",
     "/opening_times/regular_hours",
     ",'opening_times':{'twentyfourseven':true,'regular_hours':[{'weekday':1,'period_begin':'08:00','period_end':'20:00'}]}"},
    {",'opening_times':{'twentyfourseven':false,'regular_hours':[{'weekday':1,'period_begin':'08:00','period_end':'20:00'},{'weekday':1,'"
     "period_begin':'20:00','period_end':'08:00'}]}",
     "L10", "/opening_times/regular_hours/1",
     ",'opening_times':{'twentyfourseven':false,'regular_hours':[{'weekday':1,'period_begin':'08:00','period_end':'20:00'},{'weekday':1,'"
     "period_begin':'20:00','period_end':'08:00'}]}"},
    {",'publish_allowed_to':[{'uid':'1','type':'RFID'}]", "L7", "/publish_allowed_to", ",'publish_allowed_to':[{'uid':'1','type':'RFID'}]"},
    {",'publish_allowed_to':[{'uid':'1'}]", "L8", "/publish_allowed_to/0", ",'publish_allowed_to':[{'uid':'1'}]"},
    {",'publish_allowed_to':[{'group_id':'g'},{'visual_number':'1'}]", "L8", "/publish_allowed_to/1",
     ",'publish_allowed_to':[{'group_id':'g'},{'visual_number':'1'}]"},
    {",'publish_allowed_to':[{'type':'RFID'}]", "L8", "/publish_allowed_to/0", ",'publish_allowed_to':[{'type':'RFID'}]"},
    {",'evses':[" EVSE("E1", "") "," EVSE("e1", "") "]", "L9", "/evses/1", ",'evses':[" EVSE("E1", "") "," EVSE("e1", "") "]"},
    {",'evses':[{'uid':'E1','status':'AVAILABLE','connectors':[" CONNECTOR "," CONNECTOR "],'last_updated':'2026-01-02T03:04:05Z'}]", "L9",
     "/evses/0/connectors/1",
     ",'evses':[{'uid':'E1','status':'AVAILABLE','connectors':[" CONNECTOR "," CONNECTOR "],'last_updated':'2026-01-02T03:04:05Z'}]"},
    {",'facilities':['HOTEL','SAUNA',null,'CAFE']", "enum", "/facilities/1", ",'facilities':['HOTEL','CAFE']"},
    {",'facilities':[null]", "null-item", "/facilities/0", ",'facilities':[]"},
    {",'facilities':null", NULL, NULL, ""},
    {",'facilities':'HOTEL'", "type", "/facilities", ""},
    {",'parking_type':'MOON'", "enum", "/parking_type", ""},
    {",'related_locations':[{'latitude':'52.1','longitude':'4.12345','name':[{'language':'nl','text':'x'}]}]", "type",
     "/related_locations/0/name", ",'related_locations':[{'latitude':'52.1','longitude':'4.12345'}]"},
    {",'related_locations':[{'latitude':'north','longitude':'4.12345'},{'latitude':'52.12345','longitude':4.12345}]", "pattern",
     "/related_locations/0/latitude", ",'related_locations':[{'latitude':'52.12345','longitude':'4.12345'}]"},
    {",'images':[{'url':'https://x.nl/a.png','category':'ENTRANCE','type':'png','width':'100','height':50.0}]", "type", "/images/0/width",
     ",'images':[{'url':'https://x.nl/a.png','category':'ENTRANCE','type':'png','width':100,'height':50}]"},
    {",'images':[{'url':'https://x.nl/a.png','category':'ENTRANCE','type':'png','width':10.5}]", "integer", "/images/0/width",
     ",'images':[{'url':'https://x.nl/a.png','category':'ENTRANCE','type':'png'}]"},
    {",'energy_mix':{'is_green_energy':true,'energy_sources':[{'source':'SOLAR','percentage':'80.50'},{'source':'MAGIC','percentage':1}]}",
     "enum", "/energy_mix/energy_sources/1/source",
     ",'energy_mix':{'is_green_energy':true,'energy_sources':[{'source':'SOLAR','percentage':80.50}]}"},
    {",'name':17", "type", "/name", ",'name':'17'"},
    {",'name':true", "type", "/name", ""},
    {",'name':'a\\nb'", "characters", "/name", ",'name':'a\\nb'"},
    {",'postal_code':'12345678901'", "length", "/postal_code", ",'postal_code':'12345678901'"},
    {",'charging_when_closed':'true'", "type", "/charging_when_closed", ""},
    {",'authorization_id':null,'vendor':{'deep':[1.50,null]}", NULL, NULL, ",'authorization_id':null,'vendor':{'deep':[1.50,null]}"},
    {",'evses':null", NULL, NULL, ""},
    {",'evses':[]", NULL, NULL, ",'evses':[]"},
    {",'evses':[null," EVSE("E1", "") "]", "null-item", "/evses/0", ",'evses':[" EVSE("E1", "") "]"},
    {",'evses':[{'uid':'E0'}," EVSE("E1", "") "]", "left-out", "/evses/0", ",'evses':[" EVSE("E1", "") "]"},
    {",'evses':['E0'," EVSE("E1", "") "]", "left-out", "/evses/0", ",'evses':[" EVSE("E1", "") "]"},
    {",'evses':[{'uid':'E0','status':'AVAILABLE','connectors':{},'last_updated':'2026-01-02T03:04:05Z'}," EVSE("E1", "") "]", "left-out",
     "/evses/0", ",'evses':[" EVSE("E1", "") "]"},
    {",'evses':[{'uid':'E0','status':'AVAILABLE','connectors':[],'last_updated':'2026-01-02T03:04:05Z'}]", "cardinality",
     "/evses/0/connectors", ",'evses':[{'uid':'E0','status':'AVAILABLE','connectors':[],'last_updated':'2026-01-02T03:04:05Z'}]"},
    {",'evses':[{'uid':'E1','status':'AVAILABLE','connectors':[{'id':'9'}," CONNECTOR "],'last_updated':'2026-01-02T03:04:05Z'}]",
     "left-out", "/evses/0/connectors/0", ",'evses':[" EVSE("E1", "") "]"},
    {",'evses':[{'uid':'E1','status':'SLEEPING','connectors':[" CONNECTOR "],'last_updated':'2026-01-02T03:04:05Z'}]", "enum",
     "/evses/0/status", ",'evses':[{'uid':'E1','status':'SLEEPING','connectors':[" CONNECTOR "],'last_updated':'2026-01-02T03:04:05Z'}]"},
    {",'evses':[" EVSE("E1", ",'status_schedule':{'status':'PLANNED'},'floor_level':-2") "]", "type", "/evses/0/status_schedule",
     ",'evses':[" EVSE("E1", ",'floor_level':'-2'") "]"},
};

static const char *location(const char *rest)
{
    hub_slice_t all = json_text(LOCATION("@"));
    const char *at = strchr(all.ptr, '@');
    return hub_pool_printf(pool, "%.*s%s%s", (int)(at - all.ptr), all.ptr, json_text(rest).ptr, at + 1).ptr;
}

static bool check(const char *text, ocpi_object_id_t object, bool own, ocpi_problems_t *problems)
{
    ocpi_check_t c = {.object = object, .version = OCPI_V2_2_1, .own = own};
    ocpi_problems_init(problems, pool);
    return ocpi_check(json(text), &c, problems);
}

static const char *normalised(const char *text, ocpi_object_id_t object, bool *changed)
{
    hub_slice_t given = json_text(text);
    return hub_pool_str(pool, ocpi_normalise(pool, json_read(given), given, object, OCPI_V2_2_1, changed));
}

static void defects_that_are_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < HUB_COUNT(accepted); i++) {
        const accepted_t *row = &accepted[i];
        const char *text = location(row->given);
        ocpi_problems_t problems;
        if (!check(text, OCPI_OBJECT_LOCATION, false, &problems))
            fail_msg("%s was refused: %.*s", row->given, HUB_SLICE_FMT(problems.list[0].message));
        unsigned besides = json_problem(&problems, "L5", "") ? 1 : 0; /* most of these Locations have no EVSE */
        if (row->rule ? !json_problem(&problems, row->rule, row->pointer) : problems.count != besides)
            fail_msg("%s: %u problems, the first %s at %.*s", row->given, problems.count, problems.count ? problems.list[0].rule : "",
                     HUB_SLICE_FMT(problems.count ? problems.list[0].pointer : HUB_SLICE_NONE));
        bool changed;
        assert_string_equal(normalised(text, OCPI_OBJECT_LOCATION, &changed), location(row->left));
        assert_int_equal(changed, strcmp(row->given, row->left) != 0);
    }
}

static void a_left_out_evse_is_reported_once(void **state)
{
    (void)state;
    ocpi_problems_t problems;
    assert_true(check(location(",'evses':[{'uid':'E0','floor_level':true,'capabilities':['X'],'connectors':[{}]}]"), OCPI_OBJECT_LOCATION,
                      false, &problems));
    assert_int_equal(problems.count, 1);
    assert_string_equal(problems.list[0].rule, "left-out");
    assert_slice(problems.list[0].pointer, "/evses/0");
}

static void normalising_twice_changes_nothing_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < HUB_COUNT(accepted); i++) {
        bool changed;
        const char *once = normalised(location(accepted[i].given), OCPI_OBJECT_LOCATION, &changed);
        const char *twice = normalised(once, OCPI_OBJECT_LOCATION, &changed);
        assert_string_equal(once, twice);
        assert_false(changed);
    }
}

static void what_needs_no_change_is_returned_as_it_was(void **state)
{
    (void)state;
    hub_slice_t text = HUB_SLICE_LIT(" { \"language\" : \"en\", \"text\":\"\\u0041\" } ");
    bool changed = true;
    hub_slice_t out = ocpi_normalise(pool, json_read(text), text, OCPI_OBJECT_DISPLAY_TEXT, OCPI_V2_2_1, &changed);
    assert_false(changed);
    assert_ptr_equal(out.ptr, text.ptr);
    ocpi_normalise(pool, json_read(text), text, OCPI_OBJECT_DISPLAY_TEXT, OCPI_V2_2_1, NULL);
}

/* The Connector above with another value of one member; `value` may bring members of its own along. */
static const char *connector(const char *name, const char *value)
{
    hub_slice_t all = json_text(CONNECTOR);
    const char *at = strstr(all.ptr, hub_pool_printf(pool, "\"%s\":", name).ptr);
    assert_non_null(at);
    at = strchr(at, ':') + 1;
    return hub_pool_printf(pool, "%.*s%s%s", (int)(at - all.ptr), all.ptr, json_text(value).ptr,
                           at + (*at == '"' ? strcspn(at + 1, "\"") + 2 : strcspn(at, ",}")))
        .ptr;
}

static void connectors_as_feeds_send_them(void **state)
{
    (void)state;
    ocpi_problems_t problems;
    assert_true(check(connector("max_voltage", "0"), OCPI_OBJECT_CONNECTOR, false, &problems)); /* 0 volts */
    assert_int_equal(problems.count, 0);
    assert_true(check(connector("max_voltage", "'400'"), OCPI_OBJECT_CONNECTOR, false, &problems));
    assert_string_equal(normalised(connector("max_voltage", "'400'"), OCPI_OBJECT_CONNECTOR, NULL), connector("max_voltage", "400"));
    assert_string_equal(normalised(connector("max_voltage", "400.0"), OCPI_OBJECT_CONNECTOR, NULL), connector("max_voltage", "400"));
    assert_string_equal(normalised(connector("max_voltage", "400.5"), OCPI_OBJECT_CONNECTOR, NULL), connector("max_voltage", "400.5"));
    assert_string_equal(normalised(connector("id", "7"), OCPI_OBJECT_CONNECTOR, NULL), connector("id", "'7'"));
    const char *tariffs = connector("max_amperage", "16,'tariff_ids':[null,'T1',2]");
    assert_true(check(tariffs, OCPI_OBJECT_CONNECTOR, false, &problems));
    assert_non_null(json_problem(&problems, "null-item", "/tariff_ids/0"));
    assert_string_equal(normalised(tariffs, OCPI_OBJECT_CONNECTOR, NULL), connector("max_amperage", "16,'tariff_ids':['T1','2']"));
}

static void S_times_are_sent_in_one_form(void **state)
{
    (void)state;
    static const char *const times[][2] = {
        {"2022-01-02 00:00:00+00:00", "2022-01-02T00:00:00Z"},
        {"2022-01-02T02:00:00+02:00", "2022-01-02T00:00:00Z"},
        {"2022-01-02T00:00:00", "2022-01-02T00:00:00Z"},
        {"2022-01-02T00:00:00.5Z", "2022-01-02T00:00:00.500Z"},
        {"2022-01-02T00:00:00.000000", "2022-01-02T00:00:00.000Z"},
        {"2022-01-02T00:00:00.123Z", "2022-01-02T00:00:00.123Z"},
    };
    for (size_t i = 0; i < HUB_COUNT(times); i++) {
        const char *given = connector("last_updated", hub_pool_printf(pool, "'%s'", times[i][0]).ptr);
        assert_string_equal(normalised(given, OCPI_OBJECT_CONNECTOR, NULL),
                            connector("last_updated", hub_pool_printf(pool, "'%s'", times[i][1]).ptr));
    }
}

static const char *without(const char *text, const char *member)
{
    hub_slice_t all = json_text(text), cut = json_text(member);
    const char *at = strstr(all.ptr, cut.ptr);
    assert_non_null(at);
    return hub_pool_printf(pool, "%.*s%s", (int)(at - all.ptr), all.ptr, at + cut.len).ptr;
}

static void time_zone_of_a_country_with_one(void **state)
{
    (void)state;
    ocpi_problems_t problems;
    const char *text = without(LOCATION(""), ",'time_zone':'Europe/Amsterdam'");
    assert_true(check(text, OCPI_OBJECT_LOCATION, false, &problems));
    assert_int_equal(problems.list[0].severity, OCPI_WARNING);
    bool changed;
    const char *out = normalised(text, OCPI_OBJECT_LOCATION, &changed);
    assert_true(changed);
    assert_slice(ocpi_get_str(json(out), "time_zone"), "Europe/Amsterdam");
    assert_true(check(text, OCPI_OBJECT_LOCATION, true, &problems)); /* our backend may leave it to us too */
    hub_buf_t abroad = HUB_BUF_INIT(pool);
    const char *nld = strstr(text, "NLD");
    hub_buf_printf(&abroad, "%.*sUSA%s", (int)(nld - text), text, nld + 3);
    const char *usa = hub_pool_str(pool, hub_buf_slice(&abroad));
    assert_true(check(usa, OCPI_OBJECT_LOCATION, false, &problems));
    assert_false(check(usa, OCPI_OBJECT_LOCATION, true, &problems));
    assert_null(ocpi_get_str(json(normalised(usa, OCPI_OBJECT_LOCATION, &changed)), "time_zone").ptr);
}

static void defects_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *cut, *put, *rule, *pointer;
    } rows[] = {
        {"'publish':true", "'publish':'true'", "type", "/publish"},
        {"'publish':true", "'publish':null", "required", "/publish"},
        {"'publish':true,", "", "required", "/publish"},
        {"'city':'Amsterdam'", "'city':['Amsterdam']", "type", "/city"},
        {"'id':'L1'", "'id':{}", "type", "/id"},
        {"'coordinates':{'latitude':'52.37300','longitude':'4.89300'}", "'coordinates':'52.373,4.893'", "type", "/coordinates"},
        {"'time_zone':'Europe/Amsterdam'", "'time_zone':[]", "type", "/time_zone"},
        {"'last_updated':'2026-01-02T03:04:05Z'", "'last_updated':1767323045", "datetime", "/last_updated"},
        {"'time_zone'", "'evses':{},'time_zone'", "type", "/evses"},
        {"'time_zone'", "'evses':'none','time_zone'", "type", "/evses"},
    };
    for (size_t i = 0; i < HUB_COUNT(rows); i++) {
        hub_slice_t all = json_text(LOCATION(""));
        const char *at = strstr(all.ptr, json_text(rows[i].cut).ptr);
        const char *text =
            hub_pool_printf(pool, "%.*s%s%s", (int)(at - all.ptr), all.ptr, json_text(rows[i].put).ptr, at + strlen(rows[i].cut)).ptr;
        ocpi_problems_t problems;
        if (check(text, OCPI_OBJECT_LOCATION, false, &problems))
            fail_msg("%s was accepted", rows[i].put);
        const ocpi_problem_t *p = json_problem(&problems, rows[i].rule, rows[i].pointer);
        assert_non_null(p);
        assert_int_equal(p->severity, OCPI_ERROR);
    }
}

/* Inside of a required member, too: it stays, and is only warned of. */
static void required_members_are_never_left_out(void **state)
{
    (void)state;
    const char *text =
        "{'country_code':'NL','party_id':'TNM','id':'T','currency':'EUR','elements':[{'price_components':[{'type':'ENERGY','price':'0.250',"
        "'step_size':1},{'type':'AIR','price':1,'step_size':1}],'restrictions':{'start_time':'late','end_time':'20:00'}},null],"
        "'min_price':{'incl_vat':1},'last_updated':'2026-01-02T03:04:05Z'}";
    ocpi_problems_t problems;
    assert_true(check(text, OCPI_OBJECT_TARIFF, false, &problems));
    assert_non_null(json_problem(&problems, "enum", "/elements/0/price_components/1/type"));
    assert_non_null(json_problem(&problems, "required", "/min_price/excl_vat"));
    assert_string_equal(
        normalised(text, OCPI_OBJECT_TARIFF, NULL),
        json_text("{'country_code':'NL','party_id':'TNM','id':'T','currency':'EUR','elements':[{'price_components':[{'type':'ENERGY',"
                  "'price':0.250,'step_size':1},{'type':'AIR','price':1,'step_size':1}],'restrictions':{'end_time':'20:00'}}],"
                  "'last_updated':'2026-01-02T03:04:05Z'}")
            .ptr);
}

static void messages_never_repeat_a_token(void **state)
{
    (void)state;
    ocpi_problems_t problems;
    check("{'token':'secret with blanks and much more than sixty-four characters, which is too long','url':'https://x.nl','roles':[]}",
          OCPI_OBJECT_CREDENTIALS, false, &problems);
    assert_true(problems.count > 0);
    for (uint32_t i = 0; i < problems.count; i++)
        assert_null(strstr(hub_pool_str(pool, problems.list[i].message), "secret"));
}

static void messages_show_little_of_a_value(void **state)
{
    (void)state;
    ocpi_problems_t problems;
    check(location(",'parking_type':'"
                   "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3"
                   "\xA9\xC3\xA9"
                   "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"
                   "END'"),
          OCPI_OBJECT_LOCATION, false, &problems);
    const ocpi_problem_t *found = json_problem(&problems, "enum", "/parking_type");
    assert_non_null(found);
    assert_true(hub_slice_utf8_ok(found->message));
    assert_null(strstr(hub_pool_str(pool, found->message), "END"));
}

static void C19_roles_are_unique(void **state)
{
    (void)state;
    ocpi_problems_t problems;
    const char *text =
        "{'token':'abc','url':'https://x.nl','roles':[{'role':'CPO','business_details':{'name':'A'},'party_id':'TNM','country_code':'NL'},"
        "{'role':'EMSP','business_details':{'name':'A'},'party_id':'TNM','country_code':'NL'},"
        "{'role':'CPO','business_details':{'name':'A'},'party_id':'tnm','country_code':'nl'}]}";
    assert_true(check(text, OCPI_OBJECT_CREDENTIALS, false, &problems));
    assert_int_equal(problems.count, 1);
    assert_non_null(json_problem(&problems, "C19", "/roles/2"));
}

static void identity_and_last_updated(void **state)
{
    (void)state;
    hub_slice_t country, party, id;
    assert_int_equal(ocpi_object_identity(json(LOCATION("")), OCPI_MODULE_LOCATIONS, &country, &party, &id), HUB_EOK);
    assert_slice(country, "NL");
    assert_slice(party, "TNM");
    assert_slice(id, "L1");
    assert_int_equal(ocpi_object_identity(json("{'id':12}"), OCPI_MODULE_TARIFFS, &country, &party, &id), HUB_EOK);
    assert_null(country.ptr);
    assert_slice(id, "12");
    assert_int_equal(ocpi_object_identity(json("{'id':'x','uid':'u'}"), OCPI_MODULE_TOKENS, &country, &party, &id), HUB_EOK);
    assert_slice(id, "u");
    assert_int_equal(ocpi_object_identity(json("{'id':{}}"), OCPI_MODULE_TARIFFS, &country, &party, &id), HUB_EINVALID);
    assert_int_equal(ocpi_object_identity(json("[]"), OCPI_MODULE_TARIFFS, &country, &party, &id), HUB_EINVALID);
    assert_int_equal(ocpi_object_identity(NULL, OCPI_MODULE_TARIFFS, &country, &party, &id), HUB_EINVALID);
    int64_t ms;
    assert_true(ocpi_object_last_updated(json(LOCATION("")), &ms));
    assert_int_equal(ms, 1767323045000);
    assert_false(ocpi_object_last_updated(json("{'last_updated':'soon'}"), &ms));
    assert_false(ocpi_object_last_updated(json("{}"), &ms));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        json_test(defects_that_are_accepted),
        json_test(a_left_out_evse_is_reported_once),
        json_test(normalising_twice_changes_nothing_more),
        json_test(what_needs_no_change_is_returned_as_it_was),
        json_test(connectors_as_feeds_send_them),
        json_test(S_times_are_sent_in_one_form),
        json_test(time_zone_of_a_country_with_one),
        json_test(defects_that_are_refused),
        json_test(required_members_are_never_left_out),
        json_test(messages_never_repeat_a_token),
        json_test(messages_show_little_of_a_value),
        json_test(C19_roles_are_unique),
        json_test(identity_and_last_updated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
