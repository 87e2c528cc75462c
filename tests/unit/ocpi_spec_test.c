/* The specification's own examples, read where OCPI_SPEC_DIR has them, else skipped. */
#include "json.h"
#include "ocpi/schema.h"
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        json_test(examples_of_the_specification),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
