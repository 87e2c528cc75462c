/* The validator against its own rows: for every object of every version a good instance is made from the rows, and from it, for every
 * field, one with the field missing, null, of another type, too long, outside its enum, given twice, empty, holding null. */
#include "json.h"
#include "ocpi/rule.h"

typedef struct instance {
    ocpi_object_id_t object;
    ocpi_version_t version;
    bool full;                 /* with the optional fields too */
    const ocpi_field_t *other; /* the field to be written otherwise, or NULL */
    const char *text;          /* its text; NULL: leave it out */
    bool twice;
} instance_t;

static void write_object(hub_buf_t *out, ocpi_object_id_t id, ocpi_version_t version, bool full, const instance_t *top);

static const char *sample_text(const ocpi_field_t *field, ocpi_version_t version)
{
    if (field->pattern && strncmp(field->pattern, "latitude", 8) == 0)
        return "\"51.047760\"";
    if (field->pattern && strncmp(field->pattern, "longitude", 9) == 0)
        return "\"-3.729460\"";
    if (field->pattern && strcmp(field->pattern, "time_of_day") == 0)
        return "\"08:00\"";
    if (field->pattern && strcmp(field->pattern, "date") == 0)
        return "\"2026-02-28\"";
    switch ((ocpi_type_t)field->type) {
    case OCPI_TYPE_DATETIME:
        return "\"2026-01-02T03:04:05Z\"";
    case OCPI_TYPE_URL:
        return "\"https://example.com/x\"";
    case OCPI_TYPE_INT:
        return "1";
    case OCPI_TYPE_NUMBER:
        return "2.50";
    case OCPI_TYPE_BOOLEAN:
    case OCPI_TYPE_ANY:
        return "true";
    case OCPI_TYPE_ENUM:
        for (unsigned i = 0; i < ocpi__enum(field->ref)->count; i++)
            if (ocpi__enum(field->ref)->values[i].versions & version)
                return hub_pool_printf(pool, "\"%s\"", ocpi__enum(field->ref)->values[i].text).ptr;
        return "\"none\"";
    default:
        return "\"A\"";
    }
}

static void write_sample(hub_buf_t *out, const ocpi_field_t *field, ocpi_version_t version, bool full)
{
    if (field->list)
        hub_buf_add_char(out, '[');
    if (field->type == OCPI_TYPE_OBJECT)
        write_object(out, (ocpi_object_id_t)field->ref, version, full, NULL);
    else
        hub_buf_add_str(out, sample_text(field, version));
    if (field->list)
        hub_buf_add_char(out, ']');
}

static void write_member(hub_buf_t *out, const ocpi_field_t *field, ocpi_version_t version, bool full, const char *text)
{
    if (out->ptr[out->len - 1] != '{')
        hub_buf_add_char(out, ',');
    hub_buf_printf(out, "\"%s\":", field->name);
    if (text)
        hub_buf_add_str(out, text);
    else
        write_sample(out, field, version, full);
}

static void write_object(hub_buf_t *out, ocpi_object_id_t id, ocpi_version_t version, bool full, const instance_t *top)
{
    const ocpi_object_t *object = ocpi_object(id);
    hub_buf_add_char(out, '{');
    for (unsigned i = 0; i < object->count; i++) {
        const ocpi_field_t *field = &object->fields[i];
        bool other = top && top->other == field;
        if (!(field->versions & version) || (other && !top->text && !top->twice) || (!other && !full && !field->required))
            continue;
        write_member(out, field, version, full, other ? top->text : NULL);
        if (other && top->twice)
            write_member(out, field, version, full, top->text);
    }
    hub_buf_add_char(out, '}');
}

static hub_slice_t text_of(const instance_t *instance)
{
    hub_buf_t out = HUB_BUF_INIT(pool);
    write_object(&out, instance->object, instance->version, instance->full, instance);
    return hub_buf_slice(&out);
}

/* ---- expectations ---- */

typedef enum mode { LENIENT, STRICT, OWN } mode_t_;
static const char *const mode_names[] = {"lenient", "strict", "own"};
typedef enum outcome { NOTHING, WARNING, ERROR } outcome_t;

/* Rules between fields: instances that are made field by field do not know them; ocpi_rule_test.c does. */
static bool is_cross_rule(const ocpi_problem_t *p)
{
    for (size_t i = 0; i < ocpi__rule_count; i++)
        if (strcmp(ocpi__rules[i].number, p->rule) == 0)
            return true;
    return false;
}

static unsigned of_the_rows(const ocpi_problems_t *problems, bool errors_only)
{
    unsigned count = 0;
    for (uint32_t i = 0; i < problems->count; i++)
        count += !is_cross_rule(&problems->list[i]) && !(errors_only && problems->list[i].severity != OCPI_ERROR);
    return count;
}

static void expect(const instance_t *instance, mode_t_ mode, const char *rule, const char *below, outcome_t wanted)
{
    ocpi_check_t check = {.object = instance->object, .version = instance->version, .strict = mode == STRICT, .own = mode == OWN};
    ocpi_problems_t problems;
    ocpi_problems_init(&problems, pool);
    hub_slice_t text = text_of(instance);
    (void)ocpi_check(json_read(text), &check, &problems);
    bool good = of_the_rows(&problems, true) == 0;
    const char *pointer = instance->other ? hub_pool_printf(pool, "/%s%s", instance->other->name, below).ptr : "";
    const ocpi_problem_t *p = rule ? json_problem(&problems, rule, pointer) : NULL;
    outcome_t got = !p ? NOTHING : p->severity == OCPI_ERROR ? ERROR : WARNING;
    bool quiet = wanted == NOTHING ? of_the_rows(&problems, false) == 0 : true;
    if (got != wanted || good != (wanted != ERROR) || !quiet)
        fail_msg("%s %s, %s: %s at %s gave %d, not %d (%u problems, first %s at %.*s)\n%.*s", ocpi_object(instance->object)->name,
                 ocpi_version_name(instance->version), mode_names[mode], rule ? rule : "no rule", pointer, got, wanted, problems.count,
                 problems.count ? problems.list[0].rule : "-", HUB_SLICE_FMT(problems.count ? problems.list[0].pointer : HUB_SLICE_NONE),
                 HUB_SLICE_FMT(text));
    if (p && (p->message.len == 0 || p->message.len > 200))
        fail_msg("message of %s at %s: %.*s", rule, pointer, HUB_SLICE_FMT(p->message));
}

/* In every mode: `lenient` is what a partner's object gets; strict and our own get an error. */
static void expect_all(const instance_t *instance, const char *rule, const char *below, outcome_t lenient)
{
    expect(instance, LENIENT, rule, below, lenient);
    expect(instance, STRICT, rule, below, ERROR);
    expect(instance, OWN, rule, below, ERROR);
}

/* Calls each for every row of every object in every version. */
static void every_field(void (*each)(instance_t *instance))
{
    for (unsigned id = 1; id < OCPI_OBJECT_COUNT; id++)
        for (size_t v = 0; v < HUB_COUNT(ocpi_versions); v++) {
            const ocpi_object_t *object = ocpi_object((ocpi_object_id_t)id);
            for (unsigned f = 0; f < object->count; f++) {
                instance_t instance = {(ocpi_object_id_t)id, ocpi_versions[v], true, &object->fields[f], NULL, false};
                if (!(object->fields[f].versions & ocpi_versions[v]))
                    continue;
                hub_pool_clear(pool);
                each(&instance);
            }
        }
}

static const char *listed(const ocpi_field_t *field, const char *text)
{
    return field->list ? hub_pool_printf(pool, "[%s]", text).ptr : text;
}

/* ---- the tests ---- */

static void good_instances_have_no_problem(void **state)
{
    (void)state;
    for (unsigned id = 1; id < OCPI_OBJECT_COUNT; id++)
        for (size_t v = 0; v < HUB_COUNT(ocpi_versions); v++)
            for (int full = 0; full < 2; full++)
                for (int mode = LENIENT; mode <= OWN; mode++) {
                    instance_t instance = {(ocpi_object_id_t)id, ocpi_versions[v], full, NULL, NULL, false};
                    expect(&instance, (mode_t_)mode, NULL, "", NOTHING);
                }
}

static void absent(instance_t *instance)
{
    const ocpi_field_t *field = instance->other;
    if (!field->required) {
        for (int mode = LENIENT; mode <= OWN; mode++)
            expect(instance, (mode_t_)mode, NULL, "", NOTHING);
        return;
    }
    bool derived = field->flags & OCPI_FIELD_DERIVED, stamped = field->flags & OCPI_FIELD_STAMPED;
    expect(instance, LENIENT, "required", "", derived ? WARNING : ERROR);
    expect(instance, STRICT, "required", "", ERROR);
    if (stamped)
        expect(instance, OWN, NULL, "", NOTHING);
    else
        expect(instance, OWN, "required", "", ERROR);
}

static void Y4_missing(void **state)
{
    (void)state;
    every_field(absent);
}

static void nulled(instance_t *instance)
{
    instance->text = "null";
    absent(instance);
}

static void Y4_null(void **state)
{
    (void)state;
    every_field(nulled);
}

static void other_type(instance_t *instance)
{
    const ocpi_field_t *field = instance->other;
    if (field->type == OCPI_TYPE_ANY)
        return;
    outcome_t lenient = field->required || (field->flags & OCPI_FIELD_LEVEL) ? ERROR : WARNING;
    instance->text = field->list ? "{\"a\":1}" : "[\"a\"]";
    expect_all(instance, "type", "", lenient);
    instance->text = field->list ? "\"a\"" : field->type == OCPI_TYPE_BOOLEAN ? "1" : "false";
    expect_all(instance, "type", "", lenient);
    if (!field->list)
        return;
    if (field->flags & OCPI_FIELD_LEVEL) { /* one broken EVSE or Connector is left out, the object stays */
        instance->text = "[{\"a\":1}]";
        expect(instance, LENIENT, "left-out", "/0", WARNING);
        instance->text = "[true]";
        expect(instance, LENIENT, "left-out", "/0", WARNING);
        expect(instance, STRICT, "type", "/0", ERROR);
        expect(instance, OWN, "type", "/0", ERROR);
        return;
    }
    instance->text = "[[true]]";
    expect_all(instance, "type", "/0", WARNING);
}

static void other_types(void **state)
{
    (void)state;
    every_field(other_type);
}

static void text_for_number(instance_t *instance)
{
    const ocpi_field_t *field = instance->other;
    bool number = field->type == OCPI_TYPE_INT || field->type == OCPI_TYPE_NUMBER;
    bool text = field->type == OCPI_TYPE_STRING || field->type == OCPI_TYPE_CISTRING;
    if (field->pattern || (!number && !text))
        return;
    instance->text = listed(field, number ? "\"1\"" : "1");
    expect_all(instance, "type", field->list ? "/0" : "", WARNING);
    if (!number)
        return;
    instance->text = listed(field, "\"one\"");
    expect_all(instance, "type", field->list ? "/0" : "", field->required && !field->list ? ERROR : WARNING);
}

static void Y5_numbers_and_strings_for_each_other(void **state)
{
    (void)state;
    every_field(text_for_number);
}

static void too_long(instance_t *instance)
{
    const ocpi_field_t *field = instance->other;
    if (!field->max_length || field->pattern || field->type == OCPI_TYPE_DATETIME)
        return;
    hub_buf_t out = HUB_BUF_INIT(pool);
    bool digits = field->type == OCPI_TYPE_INT, url = field->type == OCPI_TYPE_URL;
    hub_buf_add_str(&out, digits ? "" : url ? "\"https://" : "\"");
    for (unsigned i = url ? 8 : 0; i < field->max_length; i++)
        hub_buf_add_char(&out, '7');
    hub_buf_t longer = HUB_BUF_INIT(pool);
    hub_buf_add(&longer, hub_buf_slice(&out));
    hub_buf_add_str(&out, digits ? "" : "\"");
    hub_buf_add_str(&longer, digits ? "7" : "7\"");
    instance->text = listed(field, hub_pool_str(pool, hub_buf_slice(&out)));
    expect(instance, STRICT, NULL, "", NOTHING);
    instance->text = listed(field, hub_pool_str(pool, hub_buf_slice(&longer)));
    expect_all(instance, "length", field->list ? "/0" : "", WARNING);
}

static void Y6_lengths(void **state)
{
    (void)state;
    every_field(too_long);
}

static void length_counts_characters(void **state)
{
    (void)state;
    const ocpi_field_t *country = &ocpi_object(OCPI_OBJECT_DISPLAY_TEXT)->fields[0];
    assert_string_equal(country->name, "language");
    instance_t instance = {OCPI_OBJECT_DISPLAY_TEXT, OCPI_V2_2_1, true, country, "\"\xC3\xA9\xC3\xA9\"", false};
    expect(&instance, STRICT, NULL, "", NOTHING);
    instance.version = OCPI_V2_1_1; /* Y2: ASCII there */
    expect(&instance, STRICT, "characters", "", ERROR);
    instance.text = "\"a\\n\"";
    expect(&instance, STRICT, "characters", "", ERROR);
    expect(&instance, LENIENT, "characters", "", WARNING);
}

static void unknown_value(instance_t *instance)
{
    const ocpi_field_t *field = instance->other;
    if (field->type != OCPI_TYPE_ENUM)
        return;
    instance->text = listed(field, "\"no such value\"");
    if (ocpi__enum(field->ref)->open & instance->version) /* T24 */
        expect(instance, STRICT, NULL, "", NOTHING);
    else
        expect_all(instance, "enum", field->list ? "/0" : "", WARNING);
}

static void T24_values_outside_an_enum(void **state)
{
    (void)state;
    every_field(unknown_value);
}

static void given_twice(instance_t *instance)
{
    instance->twice = true;
    yyjson_doc *doc;
    ocpi_problem_t problem = {0};
    assert_int_equal(ocpi_read(pool, text_of(instance), &doc, &problem), HUB_EMALFORMED);
    assert_string_equal(problem.rule, "duplicate");
    assert_slice(problem.pointer, hub_pool_printf(pool, "/%s", instance->other->name).ptr);
}

static void fields_given_twice(void **state)
{
    (void)state;
    every_field(given_twice);
}

static void list_items(instance_t *instance)
{
    const ocpi_field_t *field = instance->other;
    if (!field->list)
        return;
    instance->text = "[]";
    if (field->required)
        expect_all(instance, "cardinality", "", WARNING);
    else
        expect(instance, STRICT, NULL, "", NOTHING);
    instance->text = "[null]";
    expect_all(instance, "null-item", "/0", WARNING);
}

static void Y4_empty_lists_and_null_items(void **state)
{
    (void)state;
    every_field(list_items);
}

static void wrong_times(instance_t *instance)
{
    const ocpi_field_t *field = instance->other;
    if (field->type != OCPI_TYPE_DATETIME)
        return;
    const char *below = field->list ? "/0" : "";
    instance->text = listed(field, "\"2026-01-02 03:04:05+01:00\"");
    expect(instance, LENIENT, "datetime", below, WARNING);
    expect(instance, OWN, "datetime", below, WARNING); /* it is converted */
    expect(instance, STRICT, "datetime", below, ERROR);
    instance->text = listed(field, "\"2026-01-02T03:04:05.1\"");
    expect(instance, STRICT, NULL, "", NOTHING);
    instance->text = listed(field, "\"next week\"");
    expect_all(instance, "datetime", below, field->required && !field->list ? ERROR : WARNING);
}

static void S_datetimes(void **state)
{
    (void)state;
    every_field(wrong_times);
}

static void partial(instance_t *instance)
{
    const ocpi_field_t *field = instance->other;
    ocpi_check_t check = {.object = instance->object, .version = instance->version, .partial = true};
    bool stamped = field->flags & OCPI_FIELD_STAMPED, needs = stamped && (instance->version & OCPI_V_22UP);
    for (int null = 0; null < 2; null++) {
        ocpi_problems_t problems;
        ocpi_problems_init(&problems, pool);
        instance->text = null ? "null" : NULL;
        bool good = ocpi_check(json_read(text_of(instance)), &check, &problems);
        bool wanted = null ? !field->required : !needs;
        if (good != wanted)
            fail_msg("PATCH of %s without %s (null %d): %d", ocpi_object(instance->object)->name, field->name, null, good);
        const char *pointer = hub_pool_printf(pool, "/%s", field->name).ptr;
        if (!good)
            assert_non_null(json_problem(&problems, null ? "required" : "O7", pointer));
    }
}

static void B_O7_a_patch_may_lack_fields_but_not_null_them(void **state)
{
    (void)state;
    every_field(partial);
}

static void T23_unknown_fields_are_welcome(void **state)
{
    (void)state;
    ocpi_check_t check = {.object = OCPI_OBJECT_DISPLAY_TEXT, .version = OCPI_V2_1_1, .strict = true, .own = true};
    ocpi_problems_t problems;
    ocpi_problems_init(&problems, pool);
    assert_true(ocpi_check(json("{'language':'en','text':'x','vendor':{'a':[1]},'':null}"), &check, &problems));
    assert_int_equal(problems.count, 0);
}

static void what_is_no_object(void **state)
{
    (void)state;
    static const char *const bad[] = {"[]", "null", "'x'", "1", "true"};
    for (size_t i = 0; i < HUB_COUNT(bad); i++) {
        ocpi_check_t check = {.object = OCPI_OBJECT_TARIFF, .version = OCPI_V2_2_1};
        ocpi_problems_t problems;
        ocpi_problems_init(&problems, pool);
        assert_false(ocpi_check(json(bad[i]), &check, &problems));
        assert_non_null(json_problem(&problems, "type", ""));
    }
    ocpi_check_t check = {.object = OCPI_OBJECT_TARIFF, .version = OCPI_V2_2_1};
    ocpi_problems_t problems;
    ocpi_problems_init(&problems, pool);
    assert_false(ocpi_check(NULL, &check, &problems));
}

/* The hub stamps its own objects, not those that stand inside another one. */
static void own_times_inside_another_object(void **state)
{
    (void)state;
    static const char *const pointers[] = {"", "/location", "/location/evses/0"};
    for (size_t i = 0; i < HUB_COUNT(pointers); i++) {
        const ocpi_check_t check = {.object = OCPI_OBJECT_SESSION, .version = OCPI_V2_1_1, .own = true};
        ocpi_problems_t problems;
        yyjson_doc *doc =
            yyjson_read_file(HUB_SOURCE_DIR "/fixtures/2.1.1/sessions/good/active.json", OCPI_READ_FLAGS, ocpi_alc(pool), NULL);
        assert_non_null(doc);
        yyjson_mut_doc *copy = yyjson_doc_mut_copy(doc, ocpi_alc(pool));
        assert_non_null(yyjson_mut_obj_remove_key(yyjson_mut_doc_ptr_get(copy, pointers[i]), "last_updated"));
        hub_slice_t text = ocpi_write_mut(pool, yyjson_mut_doc_get_root(copy));
        assert_int_equal(ocpi_read(pool, text, &doc, NULL), HUB_EOK);
        ocpi_problems_init(&problems, pool);
        assert_int_equal(ocpi_check(yyjson_doc_get_root(doc), &check, &problems), i == 0);
        if (i)
            assert_non_null(json_problem(&problems, "required", hub_pool_printf(pool, "%s/last_updated", pointers[i]).ptr));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        json_test(good_instances_have_no_problem),
        json_test(Y4_missing),
        json_test(Y4_null),
        json_test(other_types),
        json_test(Y5_numbers_and_strings_for_each_other),
        json_test(Y6_lengths),
        json_test(length_counts_characters),
        json_test(T24_values_outside_an_enum),
        json_test(fields_given_twice),
        json_test(Y4_empty_lists_and_null_items),
        json_test(S_datetimes),
        json_test(B_O7_a_patch_may_lack_fields_but_not_null_them),
        json_test(T23_unknown_fields_are_welcome),
        json_test(what_is_no_object),
        json_test(own_times_inside_another_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
