/* The specification's own examples, and what other implementations send. Both are read where OCPI_SPEC_DIR has them, else skipped. */
#include "json.h"
#include "ocpi/rule.h"
#include "spec.h"

typedef enum shape { WHOLE, PATCH, MEMBER, LIST, ENVELOPE, ENVELOPE_LIST, SKIP } shape_t;

/* The first row whose start fits the file's name says what is in it. */
static const struct {
    const char *start;
    ocpi_object_id_t object;
    shape_t shape;
    const char *member;
} shapes[] = {
    {"booking_location_patch_example_calendar", OCPI_OBJECT_CALENDAR, PATCH, NULL},
    {"booking_location_patch_", OCPI_OBJECT_BOOKING_LOCATION, PATCH, NULL},
    {"booking_location_", OCPI_OBJECT_BOOKING_LOCATION, WHOLE, NULL},
    {"booking_patch_", OCPI_OBJECT_BOOKING, PATCH, NULL},
    {"booking_request_patch_", OCPI_OBJECT_BOOKING_REQUEST, PATCH, NULL},
    {"booking_", OCPI_OBJECT_BOOKING, WHOLE, NULL},
    {"cdr_", OCPI_OBJECT_CDR, WHOLE, NULL},
    {"connector_patch_", OCPI_OBJECT_CONNECTOR, PATCH, NULL},
    {"credentials_", OCPI_OBJECT_CREDENTIALS, WHOLE, NULL},
    {"energymix_", OCPI_OBJECT_ENERGY_MIX, WHOLE, NULL},
    {"evse_patch_", OCPI_OBJECT_EVSE, PATCH, NULL},
    {"evse_put_", OCPI_OBJECT_EVSE, WHOLE, NULL},
    {"hours_", OCPI_OBJECT_HOURS, WHOLE, NULL},
    {"location_energymix_", OCPI_OBJECT_ENERGY_MIX, MEMBER, "energy_mix"},
    {"location_hours_", OCPI_OBJECT_HOURS, WHOLE, NULL},
    {"location_patch_example_location", OCPI_OBJECT_LOCATION, PATCH, NULL},
    {"location_patch_example_name", OCPI_OBJECT_LOCATION, PATCH, NULL},
    {"location_patch_example_tariff", OCPI_OBJECT_CONNECTOR, PATCH, NULL},
    {"location_patch_", OCPI_OBJECT_EVSE, PATCH, NULL},
    {"location_put_example_add_evse", OCPI_OBJECT_EVSE, WHOLE, NULL},
    {"location_regularhours_", OCPI_OBJECT_HOURS, MEMBER, "opening_times"},
    {"location_", OCPI_OBJECT_LOCATION, WHOLE, NULL},
    {"payment_financial_", OCPI_OBJECT_FINANCIAL_ADVICE_CONFIRMATION, WHOLE, NULL},
    {"payment_terminal_location_assignment", OCPI_OBJECT_TERMINAL, PATCH, NULL},
    {"payment_terminal_", OCPI_OBJECT_TERMINAL, WHOLE, NULL},
    {"responseformat_example_error", OCPI_OBJECT_RESPONSE_FORMAT, WHOLE, NULL},
    {"responseformat_example_get_token_list", OCPI_OBJECT_TOKEN, ENVELOPE_LIST, NULL},
    {"responseformat_example_get_token", OCPI_OBJECT_TOKEN, ENVELOPE, NULL},
    {"responseformat_example_version_details", OCPI_OBJECT_VERSION_DETAILS, ENVELOPE, NULL},
    {"responseformat_example_version_info", OCPI_OBJECT_VERSION, ENVELOPE_LIST, NULL},
    {"session_patch_", OCPI_OBJECT_SESSION, PATCH, NULL},
    {"session_", OCPI_OBJECT_SESSION, WHOLE, NULL},
    {"tariff_patch_", OCPI_OBJECT_TARIFF, PATCH, NULL},
    {"tariff", OCPI_OBJECT_TARIFF, WHOLE, NULL},
    {"token_patch_", OCPI_OBJECT_TOKEN, PATCH, NULL},
    {"token_", OCPI_OBJECT_TOKEN, WHOLE, NULL},
    {"transport_and_format_get_token_list", OCPI_OBJECT_TOKEN, ENVELOPE_LIST, NULL},
    {"transport_and_format_get_token", OCPI_OBJECT_TOKEN, ENVELOPE, NULL},
    {"transport_and_format_version_details", OCPI_OBJECT_VERSION_DETAILS, ENVELOPE, NULL},
    {"transport_and_format_version_info", OCPI_OBJECT_VERSION, ENVELOPE_LIST, NULL},
    {"type_displaytext_", OCPI_OBJECT_DISPLAY_TEXT, WHOLE, NULL},
    {"version_details_", OCPI_OBJECT_VERSION_DETAILS, WHOLE, NULL},
    {"versiondetails_", OCPI_OBJECT_VERSION_DETAILS, WHOLE, NULL},
    {"version_list_", OCPI_OBJECT_VERSION, LIST, NULL},
    {"versions_info_", OCPI_OBJECT_VERSION, LIST, NULL},
};

/* What exceptions.md lists, and what exactly is wrong with each: rule and pointer of every error. */
static const struct {
    ocpi_version_t version;
    const char *file, *wrong[8];
} errata[] = {
    {OCPI_V2_1_1, "cdr_example.json", {"type /tariffs/0/elements/0/price_components/0/price"}},
    {OCPI_V2_1_1,
     "evse_put_example_add_evse.json",
     {"required /connectors/0/power_type", "required /connectors/0/voltage", "required /connectors/0/amperage",
      "required /connectors/0/last_updated", "required /last_updated", "type /floor_level", "type /physical_reference"}},
    {OCPI_V2_1_1, "responseformat_example_version_info.json", {"enum /version"}},
    {OCPI_V2_1_1, "tariff_put_example.json", {"required /last_updated"}},
    {OCPI_V2_2_1,
     "location_put_example_add_evse.json",
     {"required /connectors/0/power_type", "required /connectors/0/max_voltage", "required /connectors/0/max_amperage",
      "required /connectors/0/last_updated", "type /physical_reference"}},
    {OCPI_V2_2_1, "tariff_put_example.json", {"required /last_updated"}},
    {OCPI_V2_3_0, "cdr_example.json", {"required /tariffs/0/tax_included"}},
    {OCPI_V2_3_0,
     "location_put_example_add_evse.json",
     {"required /connectors/0/power_type", "required /connectors/0/max_voltage", "required /connectors/0/max_amperage",
      "required /connectors/0/last_updated", "type /physical_reference"}},
    {OCPI_V2_3_0, "tariff_put_example.json", {"required /last_updated"}},
    {OCPI_V2_3_0, "payment_financial_advice_confirmation_create.json", {"required /total_costs/before_taxes"}},
    {OCPI_V2_3_0, "payment_financial_advice_confirmation_example_success.json", {"required /total_costs/before_taxes"}},
    {OCPI_V2_3_0,
     "payment_financial_advice_confirmation_example_failure.json",
     {"required /total_costs/before_taxes", "required /eft_data"}},
    {OCPI_V2_3_0, "payment_terminal_create_minimal.json", {"required /last_updated"}},
    {OCPI_V2_3_0, "payment_terminal_put_update.json", {"required /terminal_id", "url /invoice_base_url"}},
    {OCPI_V2_3_0,
     "booking_example.json",
     {"length /party_id", "length /booking_tokens/0/party_id", "length /booking_requests/0/booking_request/party_id",
      "required /booking_requests/0/booking_request/booking_location_id", "length /booking_requests/1/booking_request/party_id",
      "required /booking_requests/1/booking_request/booking_location_id"}},
    {OCPI_V2_3_0,
     "booking_location_example.json",
     {"type /booking_option/evse_position", "datetime /calendars/0/end_before", "datetime /calendars/0/available_timeslots/0/end_date_time",
      "datetime /calendars/1/end_before", "datetime /calendars/1/available_timeslots/0/end_date_time"}},
    {OCPI_V2_3_0,
     "booking_location_patch_example_calendar.json",
     {"required /available_timeslots/0/start_date_time", "required /available_timeslots/0/end_date_time"}},
};

/* Listed too, and nothing to complain of all the same. */
static const struct {
    const char *file, *unknown, *why;
} welcome[] = {
    {"booking_location_patch_example_terms.json", NULL, "a PATCH merges deeply (decision B), so that booking_terms may be partial"},
    {"booking_patch_example_evse_uid.json", "evse_uid", "an unknown field (T23)"},
    {"booking_request_patch_example_timeslot.json", "timeslot", "an unknown field (T23)"},
    {"booking_request_patch_example_tokens.json", "last_updated", "an unknown field (T23)"},
};

typedef struct run {
    ocpi_version_t version;
    hub_slice_t listed;
    unsigned good, bad;
} run_t;

static bool fits(yyjson_val *value, ocpi_check_t *check, ocpi_problems_t *problems)
{
    size_t i, max;
    yyjson_val *item;
    bool good = true;
    if (!yyjson_is_arr(value))
        return ocpi_check(value, check, problems);
    yyjson_arr_foreach(value, i, max, item) good &= ocpi_check(item, check, problems);
    return good;
}

static bool is_listed(const run_t *run, const char *name)
{
    hub_slice_t line = hub_pool_printf(pool, "- `%s/%s`", ocpi_version_name(run->version), name);
    return memmem(run->listed.ptr, run->listed.len, line.ptr, line.len) != NULL;
}

static bool is_welcome(const char *name, const ocpi_check_t *check, yyjson_val *value)
{
    for (size_t i = 0; i < HUB_COUNT(welcome); i++) {
        if (strcmp(welcome[i].file, name) != 0)
            continue;
        if (welcome[i].unknown) {
            assert_non_null(yyjson_obj_get(value, welcome[i].unknown));
            assert_null(ocpi__field(check->object, check->version, hub_slice_str(welcome[i].unknown)));
        }
        return true;
    }
    return false;
}

/* The errors are those of the row of errata, and no others. */
static void errors_are_known(const run_t *run, const char *name, const ocpi_problems_t *problems)
{
    size_t row = 0, wrong = 0;
    while (row < HUB_COUNT(errata) && (errata[row].version != run->version || strcmp(errata[row].file, name) != 0))
        row++;
    if (row == HUB_COUNT(errata))
        fail_msg("%s %s does not fit: %s at %.*s", ocpi_version_name(run->version), name, problems->list[0].rule,
                 HUB_SLICE_FMT(problems->list[0].pointer));
    while (wrong < HUB_COUNT(errata[row].wrong) && errata[row].wrong[wrong]) {
        const char *rule = hub_pool_str(pool, hub_slice_str(errata[row].wrong[wrong++]));
        char *pointer = strchr(rule, ' ');
        *pointer++ = 0;
        const ocpi_problem_t *p = json_problem(problems, rule, pointer);
        if (!p || p->severity != OCPI_ERROR)
            fail_msg("%s %s: no %s at %s", ocpi_version_name(run->version), name, rule, pointer);
    }
    assert_int_equal(problems->errors, wrong);
}

static void example(void *arg, const char *path, const char *name)
{
    run_t *run = arg;
    size_t row = 0;
    while (row < HUB_COUNT(shapes) && strncmp(name, shapes[row].start, strlen(shapes[row].start)) != 0)
        row++;
    if (row == HUB_COUNT(shapes))
        fail_msg("no shape for %s", name);
    yyjson_val *value = json_read(spec_file(pool, path));
    ocpi_check_t check = {.object = shapes[row].object, .version = run->version, .strict = true, .partial = shapes[row].shape == PATCH};
    ocpi_problems_t problems;
    ocpi_problems_init(&problems, pool);
    if (shapes[row].shape == ENVELOPE || shapes[row].shape == ENVELOPE_LIST) {
        ocpi_check_t envelope = {.object = OCPI_OBJECT_RESPONSE_FORMAT, .version = run->version, .strict = true};
        assert_true(ocpi_check(value, &envelope, &problems));
        value = yyjson_obj_get(value, "data");
    } else if (shapes[row].shape == MEMBER && yyjson_obj_get(value, shapes[row].member)) {
        value = yyjson_obj_get(value, shapes[row].member);
    }
    if (shapes[row].shape == LIST || shapes[row].shape == ENVELOPE_LIST)
        assert_true(yyjson_is_arr(value));
    bool good = fits(value, &check, &problems), listed = is_listed(run, name) && !is_welcome(name, &check, value);
    if (good == listed)
        fail_msg("%s %s: %s", ocpi_version_name(run->version), name, good ? "fits, though it is an erratum" : "does not fit");
    if (!good)
        errors_are_known(run, name, &problems);
    run->good += good;
    run->bad += !good;
}

static void examples_of_the_specification(void **state)
{
    (void)state;
    const char *path = spec_path(pool, "ocpi/exceptions.md");
    unsigned bad = 0;
    if (!path)
        skip();
    for (size_t v = 0; v < HUB_COUNT(ocpi_versions); v++) {
        run_t run = {.version = ocpi_versions[v], .listed = spec_file(pool, path)};
        const char *dir = spec_path(pool, hub_pool_printf(pool, "ocpi/%s/examples", ocpi_version_name(run.version)).ptr);
        if (!dir)
            continue;
        size_t count = spec_each(pool, dir, example, &run);
        assert_true(count > 0 && run.good > run.bad);
        print_message("%s: %u examples fit, %u errata do not\n", ocpi_version_name(run.version), run.good, run.bad);
        bad += run.bad;
    }
    assert_int_equal(bad, HUB_COUNT(errata));
}

/* ---- third-party payloads ---- */

typedef struct payload {
    hub_slice_t file, version, type, lint;
} payload_t;

static bool next_payload(hub_slice_t *index, payload_t *out)
{
    hub_slice_t line, column[8];
    if (!hub_slice_split(index, '\n', &line))
        return false;
    for (size_t i = 0; i < HUB_COUNT(column); i++)
        if (!hub_slice_split(&line, '\t', &column[i]))
            column[i] = HUB_SLICE_LIT("");
    *out = (payload_t){column[0], column[1], column[2], column[7]};
    return true;
}

static bool object_of(hub_slice_t type, ocpi_object_id_t *object, bool *patch)
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
    };
    hub_slice_t suffix = HUB_SLICE_LIT("_patch");
    *patch = type.len > suffix.len && hub_slice_eq(hub_slice(type.ptr + type.len - suffix.len, suffix.len), suffix);
    if (*patch)
        type.len -= suffix.len;
    for (size_t i = 0; i < HUB_COUNT(rows); i++)
        if (hub_slice_eq_str(type, rows[i].type)) {
            *object = rows[i].object;
            return true;
        }
    return false;
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

static void check_normalised(const payload_t *payload, yyjson_val *value, hub_slice_t text, ocpi_object_id_t object, ocpi_version_t version)
{
    bool changed;
    hub_slice_t out = ocpi_normalise(pool, value, text, object, version, &changed);
    ocpi_check_t own = {.object = object, .version = version, .own = true};
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
    ocpi_normalise(pool, again, out, object, version, &changed);
    assert_false(changed);
}

static void payload_fits(const payload_t *payload, ocpi_version_t version, ocpi_object_id_t object, bool patch, unsigned counts[2])
{
    const char *path = spec_path(pool, hub_pool_printf(pool, "payloads/%.*s", HUB_SLICE_FMT(payload->file)).ptr);
    assert_non_null(path);
    hub_slice_t text = spec_file(pool, path);
    yyjson_doc *doc;
    ocpi_problem_t problem = {0};
    if (ocpi_read(pool, text, &doc, &problem) != HUB_EOK) {
        assert_true(problem.message.len > 0);
        counts[1]++;
        return;
    }
    ocpi_check_t check = {.object = object, .version = version, .partial = patch};
    ocpi_problems_t problems;
    ocpi_problems_init(&problems, pool);
    bool good = ocpi_check(yyjson_doc_get_root(doc), &check, &problems);
    counts[!good]++;
    if (!good && hub_slice_eq_str(payload->lint, "clean"))
        fail_msg("%.*s is clean, but: %.*s", HUB_SLICE_FMT(payload->file), HUB_SLICE_FMT(problems.list[0].message));
    for (uint32_t i = 0; i < problems.count; i++)
        assert_true(problems.list[i].rule && problems.list[i].pointer.ptr && problems.list[i].message.len);
    if (good && !patch)
        check_normalised(payload, yyjson_doc_get_root(doc), text, object, version);
}

static void payloads_of_other_implementations(void **state)
{
    (void)state;
    const char *path = spec_path(pool, "payloads/index.tsv");
    if (!path)
        skip();
    hub_slice_t index = spec_file(pool, path);
    payload_t payload;
    unsigned counts[2] = {0};
    while (next_payload(&index, &payload)) {
        ocpi_version_t version;
        ocpi_object_id_t object;
        bool patch;
        if (ocpi_version_parse(payload.version, &version) && object_of(payload.type, &object, &patch))
            payload_fits(&payload, version, object, patch, counts);
    }
    print_message("%u payloads accepted, %u refused with pointer and rule\n", counts[0], counts[1]);
    assert_true(counts[0] > counts[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        json_test(examples_of_the_specification),
        json_test(payloads_of_other_implementations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
