/* What other implementations send, read where OCPI_SPEC_DIR has it, else skipped: every payload through reading, check and normalising as
 * an object of its version. What the decisions accept is accepted; what they refuse is refused for the reasons that the index of the
 * payloads gives, by rule and pointer. Each thing that real feeds surprise with has a test of its own, with an object of our making too. */
#include "json.h"
#include "ocpi/rule.h"
#include "spec.h"

/* ---- the index ---- */

typedef struct payload {
    hub_slice_t file, version_name, type, lint;
    ocpi_version_t version;
    ocpi_object_id_t object; /* NONE: envelope, or a request without body */
    bool patch;
    hub_slice_t text;
} payload_t;

static bool object_of(payload_t *payload)
{
    static const struct {
        const char *type;
        ocpi_object_id_t object;
    } rows[] = {
        {"location", OCPI_OBJECT_LOCATION},
        {"tariff", OCPI_OBJECT_TARIFF},
        {"evse", OCPI_OBJECT_EVSE},
        {"connector", OCPI_OBJECT_CONNECTOR},
        {"credentials", OCPI_OBJECT_CREDENTIALS},
        {"version_details", OCPI_OBJECT_VERSION_DETAILS},
        {"session", OCPI_OBJECT_SESSION},
        {"token", OCPI_OBJECT_TOKEN},
        {"cdr", OCPI_OBJECT_CDR},
        {"client_info", OCPI_OBJECT_CLIENT_INFO},
        {"authorization_info", OCPI_OBJECT_AUTHORIZATION_INFO},
        {"charging_preferences", OCPI_OBJECT_CHARGING_PREFERENCES},
        {"bookings", OCPI_OBJECT_BOOKING},
        {"RESERVE_NOW", OCPI_OBJECT_RESERVE_NOW},
        {"START_SESSION", OCPI_OBJECT_START_SESSION},
        {"STOP_SESSION", OCPI_OBJECT_STOP_SESSION},
        {"UNLOCK_CONNECTOR", OCPI_OBJECT_UNLOCK_CONNECTOR},
        {"CANCEL_RESERVATION", OCPI_OBJECT_CANCEL_RESERVATION},
        {"command_response", OCPI_OBJECT_COMMAND_RESPONSE},
        {"command_result", OCPI_OBJECT_COMMAND_RESULT},
        {"set_charging_profile", OCPI_OBJECT_SET_CHARGING_PROFILE},
        {"active_charging_profile_result", OCPI_OBJECT_ACTIVE_CHARGING_PROFILE_RESULT},
        {"envelope", OCPI_OBJECT_NONE},
        {"request_only", OCPI_OBJECT_NONE},
    };
    hub_slice_t type = payload->type, suffix = HUB_SLICE_LIT("_patch");
    payload->patch = type.len > suffix.len && hub_slice_eq(hub_slice(type.ptr + type.len - suffix.len, suffix.len), suffix);
    if (payload->patch)
        type.len -= suffix.len;
    for (size_t i = 0; i < HUB_COUNT(rows); i++)
        if (hub_slice_eq_str(type, rows[i].type)) {
            payload->object = rows[i].object;
            return true;
        }
    return false;
}

/* Calls each(payload, arg) for every payload; skips the test where there are none. */
static unsigned every_payload(void (*each)(const payload_t *payload, void *arg), void *arg)
{
    const char *path = spec_path(pool, "payloads/index.tsv");
    if (!path)
        skip();
    hub_slice_t index = spec_file(pool, path), line, column[8];
    unsigned count = 0;
    hub_slice_split(&index, '\n', &line);
    for (; hub_slice_split(&index, '\n', &line) && line.len; count++) {
        for (size_t i = 0; i < HUB_COUNT(column); i++)
            if (!hub_slice_split(&line, '\t', &column[i]))
                column[i] = HUB_SLICE_LIT("");
        payload_t payload = {.file = column[0], .version_name = column[1], .type = column[2], .lint = column[7]};
        if (!ocpi_version_parse(payload.version_name, &payload.version) || !object_of(&payload))
            fail_msg("%.*s: nobody knows %.*s of %.*s", HUB_SLICE_FMT(payload.file), HUB_SLICE_FMT(payload.type),
                     HUB_SLICE_FMT(payload.version_name));
        path = spec_path(pool, hub_pool_printf(pool, "payloads/%.*s", HUB_SLICE_FMT(payload.file)).ptr);
        assert_non_null(path);
        payload.text = spec_file(pool, path);
        each(&payload, arg);
    }
    return count;
}

/* ---- accepted or refused ---- */

/* What the index says must be refused: "missing f" and "null f" of a required field of the object's own, "patch without last_updated". */
static bool must_refuse(const payload_t *payload, hub_slice_t finding, const char **rule, const char **pointer)
{
    hub_slice_t word, field = hub_slice_trim(finding);
    *rule = "required";
    if (hub_slice_eq_str(field, "patch without last_updated")) {
        *rule = "O7";
        *pointer = "/last_updated";
        return (payload->version & OCPI_V_22UP) != 0;
    }
    if (!hub_slice_split(&field, ' ', &word) || !(hub_slice_eq_str(word, "missing") || hub_slice_eq_str(word, "null")))
        return false;
    const ocpi_field_t *row = ocpi__field(payload->object, payload->version, field);
    *pointer = hub_pool_printf(pool, "/%.*s", HUB_SLICE_FMT(field)).ptr;
    return row && row->required && !(row->flags & OCPI_FIELD_DERIVED);
}

static unsigned wanted_errors(const payload_t *payload, const ocpi_problems_t *problems)
{
    hub_slice_t lint = payload->lint, finding;
    const char *rule, *pointer;
    unsigned count = 0;
    while (hub_slice_split(&lint, ';', &finding)) {
        if (!must_refuse(payload, finding, &rule, &pointer))
            continue;
        const ocpi_problem_t *p = json_problem(problems, rule, pointer);
        if (!p || p->severity != OCPI_ERROR)
            fail_msg("%.*s: no %s at %s", HUB_SLICE_FMT(payload->file), rule, pointer);
        count++;
    }
    return count;
}

/* What normalising cannot mend and so may still stand in it: over-long texts, geo decimals, URLs, rules between fields, and whatever is
 * wrong in a required member. */
static bool may_remain(const ocpi_problem_t *p)
{
    static const char *const rules[] = {"length", "characters", "url", "pattern", "enum", "required", "cardinality"};
    for (size_t i = 0; i < HUB_COUNT(rules); i++)
        if (strcmp(rules[i], p->rule) == 0)
            return true;
    for (size_t i = 0; i < ocpi__rule_count; i++)
        if (strcmp(ocpi__rules[i].number, p->rule) == 0)
            return true;
    return false;
}

static void check_normalised(const payload_t *payload, yyjson_val *value)
{
    bool changed;
    hub_slice_t out = ocpi_normalise(pool, value, payload->text, payload->object, payload->version, &changed);
    ocpi_check_t own = {.object = payload->object, .version = payload->version, .own = true};
    ocpi_problems_t problems;
    ocpi_problems_init(&problems, pool);
    yyjson_val *again = json_read(out);
    ocpi_check(again, &own, &problems);
    for (uint32_t i = 0; i < problems.count; i++)
        if (!may_remain(&problems.list[i]))
            fail_msg("%.*s, normalised: %s at %.*s", HUB_SLICE_FMT(payload->file), problems.list[i].rule,
                     HUB_SLICE_FMT(problems.list[i].pointer));
    if (hub_slice_eq_str(payload->lint, "clean") && problems.errors)
        fail_msg("%.*s is clean, but normalised: %s at %.*s", HUB_SLICE_FMT(payload->file), problems.list[0].rule,
                 HUB_SLICE_FMT(problems.list[0].pointer));
    ocpi_normalise(pool, again, out, payload->object, payload->version, &changed);
    assert_false(changed);
}

static void judge(const payload_t *payload, void *arg)
{
    unsigned *counts = arg;
    if (payload->object == OCPI_OBJECT_NONE)
        return;
    yyjson_val *root = json_read(payload->text);
    ocpi_check_t check = {.object = payload->object, .version = payload->version, .partial = payload->patch};
    ocpi_problems_t problems;
    ocpi_problems_init(&problems, pool);
    bool good = ocpi_check(root, &check, &problems);
    unsigned wanted = wanted_errors(payload, &problems);
    if (payload->lint.len == 0 && payload->patch) /* not linted */
        wanted = !yyjson_obj_get(root, "last_updated") && (payload->version & OCPI_V_22UP);
    if (problems.errors != wanted)
        fail_msg("%.*s: %u errors, not %u; the first problem: %s at %.*s", HUB_SLICE_FMT(payload->file), problems.errors, wanted,
                 problems.list[0].rule, HUB_SLICE_FMT(problems.list[0].pointer));
    for (uint32_t i = 0; i < problems.count; i++)
        assert_true(problems.list[i].rule && problems.list[i].pointer.ptr && problems.list[i].message.len);
    if (good && !payload->patch)
        check_normalised(payload, root);
    counts[!good]++;
}

static void every_payload_is_accepted_or_refused_for_a_reason(void **state)
{
    (void)state;
    unsigned counts[2] = {0}, all = every_payload(judge, counts);
    print_message("%u payloads: %u accepted, %u refused with pointer and rule\n", all, counts[0], counts[1]);
    assert_true(counts[0] > 4 * counts[1]);
}

static void open_envelope(const payload_t *payload, void *arg)
{
    unsigned *count = arg;
    if (!hub_slice_eq_str(payload->type, "envelope"))
        return;
    ocpi_envelope_t envelope;
    if (ocpi_envelope_read(pool, payload->text, &envelope) != HUB_EOK)
        fail_msg("%.*s is no envelope", HUB_SLICE_FMT(payload->file));
    assert_true(ocpi_status_known(envelope.status_code, payload->version));
    ++*count;
}

static void every_envelope_opens(void **state)
{
    (void)state;
    unsigned count = 0;
    every_payload(open_envelope, &count);
    assert_true(count > 0);
}

/* ---- surprises ---- */

typedef bool (*surprise_fn)(hub_slice_t key, yyjson_val *value);

static bool holds(yyjson_val *value, surprise_fn surprise)
{
    size_t i, max;
    yyjson_val *key, *item;
    if (yyjson_is_arr(value)) {
        yyjson_arr_foreach(value, i, max, item)
        {
            if (holds(item, surprise))
                return true;
        }
        return false;
    }
    yyjson_obj_foreach(value, i, max, key, item)
    {
        if (surprise(ocpi_str(key), item) || holds(item, surprise))
            return true;
    }
    return false;
}

typedef struct search {
    surprise_fn surprise;
    unsigned found;
} search_t;

static void look_into(const payload_t *payload, void *arg)
{
    search_t *search = arg;
    search->found += payload->object != OCPI_OBJECT_NONE && holds(json_read(payload->text), search->surprise);
}

/* Some payload has it (and every_payload_… says what becomes of that one). Not each of the surprises is among the payloads. */
static void occurs(surprise_fn surprise)
{
    search_t search = {surprise, 0};
    every_payload(look_into, &search);
    assert_true(search.found > 0);
}

#define STAMP ",'last_updated':'2026-01-02T03:04:05Z'}"
#define CONNECTOR(rest)                                                                                                                    \
    "{'id':'1','standard':'IEC_62196_T2','format':'SOCKET','power_type':'AC_3_PHASE','max_voltage':230,'max_amperage':16" rest STAMP
#define LOCATION(rest)                                                                                                                     \
    "{'country_code':'NL','party_id':'ABC','id':'L','publish':true,'address':'Kade 1','city':'Delft','country':'NLD',"                     \
    "'coordinates':{'latitude':'52.01234','longitude':'4.35678'}" rest STAMP
#define ZONE ",'time_zone':'Europe/Amsterdam'"

/* A 2.2.1 object as a partner sends it: accepted with this warning (rule NULL: none but advice), and normalised it reads `left`. */
static void accepted(ocpi_object_id_t object, const char *given, const char *rule, const char *pointer, const char *left)
{
    ocpi_check_t check = {.object = object, .version = OCPI_V2_2_1};
    ocpi_problems_t problems;
    ocpi_problems_init(&problems, pool);
    hub_slice_t text = json_text(given);
    yyjson_val *root = json_read(text);
    assert_true(ocpi_check(root, &check, &problems));
    if (rule)
        assert_non_null(json_problem(&problems, rule, pointer));
    else
        assert_true(problems.count == 0 || (problems.count == 1 && json_problem(&problems, "L5", "")));
    bool changed;
    assert_json(ocpi_normalise(pool, root, text, object, OCPI_V2_2_1, &changed), left);
}

static bool is_null(hub_slice_t key, yyjson_val *value)
{
    return key.len && yyjson_is_null(value);
}

static void null_for_every_optional_field(void **state)
{
    (void)state;
    accepted(OCPI_OBJECT_LOCATION, LOCATION(",'name':null,'evses':null,'operator':null,'images':null,'energy_mix':null" ZONE), NULL, "",
             LOCATION(ZONE));
    occurs(is_null);
}

static bool null_currency(hub_slice_t key, yyjson_val *value)
{
    return hub_slice_eq_str(key, "currency") && yyjson_is_null(value);
}

static void null_for_the_currency_is_refused(void **state)
{
    (void)state;
    ocpi_check_t check = {.object = OCPI_OBJECT_TARIFF, .version = OCPI_V2_2_1};
    ocpi_problems_t problems;
    ocpi_problems_init(&problems, pool);
    assert_false(ocpi_check(json("{'country_code':'NL','party_id':'ABC','id':'T','currency':null,'elements':[{'price_components':"
                                 "[{'type':'FLAT','price':0,'step_size':1}]}]" STAMP),
                            &check, &problems));
    assert_int_equal(problems.errors, 1);
    assert_non_null(json_problem(&problems, "required", "/currency"));
    occurs(null_currency);
}

static void tariff_ids_with_null_in_them(void **state)
{
    (void)state;
    accepted(OCPI_OBJECT_CONNECTOR, CONNECTOR(",'tariff_ids':[null]"), "null-item", "/tariff_ids/0", CONNECTOR(",'tariff_ids':[]"));
}

static void zero_volts(void **state)
{
    (void)state;
    const char *text =
        "{'id':'1','standard':'IEC_62196_T2','format':'SOCKET','power_type':'AC_3_PHASE','max_voltage':0,'max_amperage':0" STAMP;
    accepted(OCPI_OBJECT_CONNECTOR, text, NULL, "", text);
}

static void opening_times_without_twentyfourseven(void **state)
{
    (void)state;
    accepted(OCPI_OBJECT_LOCATION, LOCATION(",'opening_times':{'exceptional_closings':[]}" ZONE), "required",
             "/opening_times/twentyfourseven", LOCATION(ZONE));
}

static void an_empty_object_as_operator(void **state)
{
    (void)state;
    accepted(OCPI_OBJECT_LOCATION, LOCATION(",'operator':{}" ZONE), "required", "/operator/name", LOCATION(ZONE));
}

static bool offset_time(hub_slice_t key, yyjson_val *value)
{
    hub_slice_t text = ocpi_str(value);
    return key.len && text.len > 20 && memmem(text.ptr, text.len, "+00:00", 6);
}

static bool blank_time(hub_slice_t key, yyjson_val *value)
{
    hub_slice_t text = ocpi_str(value);
    int64_t ms;
    unsigned odd = 0;
    return key.len && text.len >= 19 && ocpi_time_parse(text, &ms, &odd) && (odd & OCPI_TIME_BLANK);
}

static void times_with_offset_or_blank(void **state)
{
    (void)state;
    accepted(OCPI_OBJECT_EXCEPTIONAL_PERIOD, "{'period_begin':'2026-01-02T03:04:05+00:00','period_end':'2026-01-02T04:04:05+01:00'}",
             "datetime", "/period_end", "{'period_begin':'2026-01-02T03:04:05Z','period_end':'2026-01-02T03:04:05Z'}");
    accepted(OCPI_OBJECT_EXCEPTIONAL_PERIOD, "{'period_begin':'2026-01-02 03:04:05','period_end':'2026-01-02 03:04:05+00:00'}", "datetime",
             "/period_begin", "{'period_begin':'2026-01-02T03:04:05Z','period_end':'2026-01-02T03:04:05Z'}");
    occurs(offset_time);
    occurs(blank_time);
}

static void unknown_facilities(void **state)
{
    (void)state;
    accepted(OCPI_OBJECT_LOCATION, LOCATION(",'facilities':['HOTEL','SAUNA']" ZONE), "enum", "/facilities/1",
             LOCATION(",'facilities':['HOTEL']" ZONE));
}

static void count_zoneless(const payload_t *payload, void *arg)
{
    unsigned *count = arg;
    if (payload->object == OCPI_OBJECT_LOCATION && !payload->patch)
        *count += !yyjson_obj_get(json_read(payload->text), "time_zone");
}

static void a_missing_time_zone(void **state)
{
    (void)state;
    unsigned count = 0;
    accepted(OCPI_OBJECT_LOCATION, LOCATION(""), "required", "/time_zone",
             "{'country_code':'NL','party_id':'ABC','id':'L','publish':true,'address':'Kade 1','city':'Delft','country':'NLD',"
             "'coordinates':{'latitude':'52.01234','longitude':'4.35678'},'last_updated':'2026-01-02T03:04:05Z','time_zone':'Europe/"
             "Amsterdam'}");
    every_payload(count_zoneless, &count);
    assert_true(count > 0);
}

static void names_of_related_locations_as_a_list(void **state)
{
    (void)state;
    accepted(
        OCPI_OBJECT_LOCATION,
        LOCATION(",'related_locations':[{'latitude':'52.01234','longitude':'4.35678','name':[{'language':'nl','text':'Poort'}]}]" ZONE),
        "type", "/related_locations/0/name", LOCATION(",'related_locations':[{'latitude':'52.01234','longitude':'4.35678'}]" ZONE));
}

static void fields_of_a_vendor(void **state)
{
    (void)state;
    accepted(OCPI_OBJECT_LOCATION, LOCATION(",'authorization_id':'A1','acme':{'x':[null]}" ZONE), NULL, "",
             LOCATION(",'authorization_id':'A1','acme':{'x':[null]}" ZONE));
}

static void broken_link_headers(void **state)
{
    (void)state;
    assert_slice(ocpi_link_next(HUB_SLICE_LIT("https://p.example/x?offset=2; rel=\"next\"")), "https://p.example/x?offset=2");
    assert_slice(ocpi_link_next(HUB_SLICE_LIT("<https://p.example/x?offset=2>; rel=next")), "https://p.example/x?offset=2");
    assert_null(ocpi_link_next(HUB_SLICE_LIT("<https://p.example/x?offset=2>; rel=\"prev\"")).ptr);
}

static void ids_in_lower_case_are_the_same_object(void **state)
{
    (void)state;
    yyjson_val *location = json(LOCATION(",'evses':[{'uid':'NL*ABC*E1','status':'AVAILABLE','connectors':[" CONNECTOR("") "]" STAMP "]"));
    assert_non_null(ocpi_location_find(location, HUB_SLICE_LIT("nl*abc*e1"), HUB_SLICE_LIT("1")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        json_test(every_payload_is_accepted_or_refused_for_a_reason),
        json_test(every_envelope_opens),
        json_test(null_for_every_optional_field),
        json_test(null_for_the_currency_is_refused),
        json_test(tariff_ids_with_null_in_them),
        json_test(zero_volts),
        json_test(opening_times_without_twentyfourseven),
        json_test(an_empty_object_as_operator),
        json_test(times_with_offset_or_blank),
        json_test(unknown_facilities),
        json_test(a_missing_time_zone),
        json_test(names_of_related_locations_as_a_list),
        json_test(fields_of_a_vendor),
        json_test(broken_link_headers),
        json_test(ids_in_lower_case_are_the_same_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
