/* What holds of every conversion: the output fits its version or there is a refusal with its reason, and an object that goes to another
 * version and back is the same but where a loss was declared. Over fixtures, the specification's examples, third-party payloads, and
 * objects made from the rows. */
#include "bridge_fixture.h"
#include "ocpi/bridge.h"
#include "ocpi/decimal.h"
#include "sample.h"
#include "spec.h"

static const ocpi_object_id_t objects[] = {OCPI_OBJECT_LOCATION, OCPI_OBJECT_EVSE, OCPI_OBJECT_CONNECTOR, OCPI_OBJECT_TARIFF,
                                           OCPI_OBJECT_SESSION,  OCPI_OBJECT_CDR,  OCPI_OBJECT_TOKEN};

/* ---- names that rows give to each other, so that pointers into either version can be compared ---- */

static const char *named_alike[512][2];
static size_t alike_count;

static void collect_names(void)
{
    static const char *const more[][2] = {{"evse_uid", "location"},
                                          {"connector_id", "location"},
                                          {"taxes", "incl_vat"},
                                          {"excl_vat", "total_cost"},
                                          {"before_taxes", "total_cost"}};
    alike_count = 0;
    for (size_t i = 0; i < HUB_COUNT(more); i++, alike_count++)
        memcpy(named_alike[alike_count], more[i], sizeof more[i]);
    for (size_t i = 0; i < ocpi__bridge_move_count && alike_count < HUB_COUNT(named_alike); i++)
        if (strcmp(ocpi__bridge_moves[i].target, "NONE") != 0) {
            named_alike[alike_count][0] = ocpi__bridge_moves[i].field;
            named_alike[alike_count++][1] = ocpi__bridge_moves[i].target;
        }
}

static bool alike(hub_slice_t a, hub_slice_t b)
{
    if (hub_slice_eq(a, b))
        return true;
    for (size_t i = 0; i < alike_count; i++)
        if ((hub_slice_eq_str(a, named_alike[i][0]) && hub_slice_eq_str(b, named_alike[i][1])) ||
            (hub_slice_eq_str(b, named_alike[i][0]) && hub_slice_eq_str(a, named_alike[i][1])))
            return true;
    return false;
}

/* `inner` is `outer` or lies below it. */
static bool lies_at(hub_slice_t inner, hub_slice_t outer)
{
    hub_slice_t a, b;
    while (hub_slice_split(&outer, '/', &b)) {
        if (!hub_slice_split(&inner, '/', &a) || !alike(a, b))
            return false;
    }
    return true;
}

static bool is_declared(const bridged_t *b, hub_slice_t pointer)
{
    for (uint32_t i = 0; i < b->losses.count; i++)
        if (lies_at(pointer, b->losses.list[i].pointer))
            return true;
    return b->losses.count == OCPI_LOSSES_MAX;
}

static bool declared_below(const bridged_t *b, hub_slice_t pointer)
{
    for (uint32_t i = 0; i < b->losses.count; i++)
        if (lies_at(b->losses.list[i].pointer, pointer))
            return true;
    return false;
}

/* ---- the comparison ---- */

typedef struct trip {
    const bridged_t *there, *back;
    yyjson_val *object;
    const char *what;
    hub_slice_t text;
} trip_t;

static bool same_text(hub_slice_t a, hub_slice_t b)
{
    int64_t ta, tb;
    ocpi_decimal_t da, db, gap;
    if (hub_slice_eq(a, b))
        return true;
    if (ocpi__decimal_parse(a, &da) && ocpi__decimal_parse(b, &db) && ocpi__decimal_subtract(da, db, &gap))
        return gap.digits == 0;
    return ocpi_time_parse(a, &ta, NULL) && ocpi_time_parse(b, &tb, NULL) && ta == tb;
}

static void differs(const trip_t *trip, hub_slice_t pointer)
{
    if (is_declared(trip->there, pointer) || is_declared(trip->back, pointer))
        return;
    fail_msg("%s: an undeclared difference at %.*s\n%.*s\nthere %.*s\n%.*s\nback %.*s\n%.*s", trip->what, HUB_SLICE_FMT(pointer),
             HUB_SLICE_FMT(trip->text), HUB_SLICE_FMT(trip->there->text), HUB_SLICE_FMT(losses_text(trip->there)),
             HUB_SLICE_FMT(trip->back->text), HUB_SLICE_FMT(losses_text(trip->back)));
}

static hub_slice_t below(hub_slice_t pointer, hub_slice_t key)
{
    hub_buf_t out = HUB_BUF_INIT(pool);
    hub_buf_add(&out, pointer);
    ocpi_pointer_add(&out, key);
    return hub_buf_slice(&out);
}

static bool is_owner(hub_slice_t key)
{
    return hub_slice_eq_str(key, "country_code") || hub_slice_eq_str(key, "party_id");
}

/* Silently left out by a row: false, a type that says nothing, or the owner, which the connection says. */
static bool silent(hub_slice_t key, yyjson_val *value)
{
    static const char *const names[] = {"credit", "home_charging_compensation"};
    for (size_t i = 0; i < HUB_COUNT(names); i++)
        if (hub_slice_eq_str(key, names[i]) && yyjson_is_false(value))
            return true;
    if (hub_slice_eq_str(key, "parking_type") && hub_slice_eq_str(ocpi_str(value), "UNKNOWN"))
        return true;
    return is_owner(key);
}

/* A list of which every item was declared lost; an empty one is none. */
static bool all_declared(const trip_t *trip, yyjson_val *list, hub_slice_t pointer)
{
    for (size_t i = 0; i < yyjson_arr_size(list); i++) {
        hub_slice_t item = hub_pool_printf(pool, "%.*s/%zu", HUB_SLICE_FMT(pointer), i);
        if (!is_declared(trip->there, item) && !is_declared(trip->back, item))
            return false;
    }
    return yyjson_is_arr(list);
}

static void compare(const trip_t *trip, yyjson_val *a, yyjson_val *b, hub_slice_t pointer);

static yyjson_val *member(yyjson_val *object, hub_slice_t name)
{
    return yyjson_obj_getn(object, name.ptr, name.len);
}

/* A member under the name that another version has for it: it came under that name, which its own version does not know. */
static yyjson_val *renamed(yyjson_val *object, hub_slice_t name, yyjson_val *other)
{
    size_t i, max;
    yyjson_val *key, *value;
    yyjson_obj_foreach(object, i, max, key, value)
    {
        if (alike(ocpi__text(key), name) && !member(other, ocpi__text(key)))
            return value;
    }
    return NULL;
}

static void compare_objects(const trip_t *trip, yyjson_val *a, yyjson_val *b, hub_slice_t pointer)
{
    size_t i, max;
    yyjson_val *key, *value;
    yyjson_obj_foreach(a, i, max, key, value)
    {
        yyjson_val *other = member(b, ocpi__text(key));
        if (!other)
            other = renamed(b, ocpi__text(key), a);
        if (other)
            compare(trip, value, other, below(pointer, ocpi__text(key)));
        else if (!yyjson_is_null(value) && !silent(ocpi__text(key), value) && !all_declared(trip, value, below(pointer, ocpi__text(key))))
            differs(trip, below(pointer, ocpi__text(key)));
    }
    yyjson_obj_foreach(b, i, max, key, value)
    {
        if (!member(a, ocpi__text(key)) && !renamed(a, ocpi__text(key), b) && !is_owner(ocpi__text(key)))
            differs(trip, below(pointer, ocpi__text(key)));
    }
}

static void compare(const trip_t *trip, yyjson_val *a, yyjson_val *b, hub_slice_t pointer)
{
    size_t i, max;
    yyjson_val *item;
    if (yyjson_is_obj(a) && yyjson_is_obj(b)) {
        compare_objects(trip, a, b, pointer);
    } else if (yyjson_is_arr(a) && yyjson_is_arr(b)) {
        if (yyjson_arr_size(a) != yyjson_arr_size(b)) { /* items are gone: each is declared, and the rest has moved up */
            if (!declared_below(trip->there, pointer) && !declared_below(trip->back, pointer))
                differs(trip, pointer);
            return;
        }
        yyjson_arr_foreach(a, i, max, item)
        {
            compare(trip, item, yyjson_arr_get(b, i), hub_pool_printf(pool, "%.*s/%zu", HUB_SLICE_FMT(pointer), i));
        }
    } else if (ocpi_str(a).ptr && ocpi_str(b).ptr ? !same_text(ocpi_str(a), ocpi_str(b)) : !yyjson_equals(a, b)) {
        differs(trip, pointer);
    }
}

/* Every loss points at something: what is left out is there, what is filled in has a parent. */
static void pointers_point(const bridged_t *b, yyjson_val *root)
{
    for (uint32_t i = 0; i < b->losses.count; i++) {
        hub_slice_t p = b->losses.list[i].pointer;
        size_t parent = p.len;
        while (parent && p.ptr[parent - 1] != '/')
            parent--;
        hub_slice_t wanted = p;
        if (b->losses.list[i].kind != OCPI_LOSS_LOSSY)
            wanted.len = parent ? parent - 1 : 0;
        if (wanted.len && !yyjson_ptr_getn(root, wanted.ptr, wanted.len))
            fail_msg("%.*s points at nothing", HUB_SLICE_FMT(p));
    }
}

static unsigned counts[2]; /* bridged, refused */

/* There and back between all versions. */
static void travel(ocpi_object_id_t object, ocpi_version_t from, yyjson_val *root, const char *what)
{
    knowledge.country = ocpi_get_str(root, "country_code"); /* what 2.1.1 does not say, the way back is told */
    knowledge.party = ocpi_get_str(root, "party_id");
    for (size_t v = 0; v < HUB_COUNT(ocpi_versions); v++) {
        ocpi_version_t to = ocpi_versions[v];
        bridged_t there = bridge_value(object, from, to, root);
        pointers_point(&there, root);
        counts[there.err != HUB_EOK]++;
        if (there.err != HUB_EOK)
            continue;
        yyjson_val *middle = json_read(there.text);
        bridged_t back = bridge_value(object, to, from, middle);
        pointers_point(&back, middle);
        if (back.err != HUB_EOK)
            continue; /* refused with a reason: there is nothing to compare */
        char name[200];
        snprintf(name, sizeof name, "%s %s, %s to %s", what, ocpi_object(object)->name, ocpi_version_name(from), ocpi_version_name(to));
        trip_t trip = {&there, &back, root, name, ocpi_write(pool, root)};
        compare(&trip, root, json_read(back.text), HUB_SLICE_LIT(""));
    }
}

/* ---- objects made from the rows ---- */

#define EVSES                                                                                                                              \
    "'evses':[{'uid':'E','status':'AVAILABLE','connectors':[{'id':'C','standard':'CHADEMO','format':'CABLE','power_type':'DC',"            \
    "'max_voltage':400,'max_amperage':100,'last_updated':'2026-01-02T03:04:05Z'}],'last_updated':'2026-01-02T03:04:05Z'}],"
#define LOCATION_22UP                                                                                                                      \
    "{'country_code':'NL','party_id':'ABC','id':'L','publish':false,'address':'A 1','city':'B','country':'NLD',"                           \
    "'coordinates':{'latitude':'51.04776','longitude':'3.72946'},'time_zone':'Europe/Amsterdam'," EVSES                                    \
    "'last_updated':'2026-01-02T03:04:05Z'}"

static void setting(uint32_t seed)
{
    knowledge = (knowledge_t){.location = seed % 2 ? LOCATION_22UP : NULL,
                              .has_token = seed % 3 != 0,
                              .token = {HUB_SLICE_LIT("NL"), HUB_SLICE_LIT("TNM"), HUB_SLICE_LIT("UID"), HUB_SLICE_LIT("RFID")},
                              .now_ms = seed % 5 ? 1800000000000 : 0};
}

static void generated(void **state)
{
    (void)state;
    collect_names();
    memset(counts, 0, sizeof counts);
    for (uint32_t seed = 0; seed < 250; seed++)
        for (size_t v = 0; v < HUB_COUNT(ocpi_versions); v++)
            for (size_t o = 0; o < HUB_COUNT(objects); o++) {
                hub_pool_clear(pool);
                sample_t s = {.seed = seed * 7919 + (uint32_t)o * 31 + (uint32_t)v,
                              .version = ocpi_versions[v],
                              .full = seed % 16 == 1,
                              .smallest = seed % 16 == 2,
                              .longest = seed % 8 == 3,
                              .vendor = seed % 4 == 0};
                hub_buf_t out = HUB_BUF_INIT(pool);
                sample_object(&s, &out, objects[o]);
                setting(seed);
                char what[40];
                snprintf(what, sizeof what, "seed %u", seed);
                travel(objects[o], ocpi_versions[v], json_read(hub_buf_slice(&out)), what);
            }
    print_message("%u bridged, %u refused\n", counts[0], counts[1]);
    assert_true(counts[0] > counts[1]);
}

/* ---- fixtures: also the bad ones, of which what can be said is said ---- */

typedef struct folder {
    ocpi_object_id_t object;
    ocpi_version_t version;
} folder_t;

static void fixture(void *arg, const char *path, const char *name)
{
    const folder_t *folder = arg;
    yyjson_doc *doc;
    if (ocpi_read(pool, spec_file(pool, path), &doc, NULL) == HUB_EOK)
        travel(folder->object, folder->version, yyjson_doc_get_root(doc), name);
}

static void fixtures(void **state)
{
    (void)state;
    static const ocpi_module_t modules[] = {OCPI_MODULE_LOCATIONS, OCPI_MODULE_TARIFFS, OCPI_MODULE_SESSIONS, OCPI_MODULE_CDRS,
                                            OCPI_MODULE_TOKENS};
    collect_names();
    size_t count = 0;
    for (size_t v = 0; v < HUB_COUNT(ocpi_versions); v++)
        for (size_t m = 0; m < HUB_COUNT(modules); m++)
            for (int bad = 0; bad < 2; bad++) {
                folder_t folder = {ocpi_module_object(modules[m]), ocpi_versions[v]};
                setting((uint32_t)(v + m));
                count += spec_each(pool,
                                   hub_pool_printf(pool, HUB_SOURCE_DIR "/fixtures/%s/%s/%s", ocpi_version_name(ocpi_versions[v]),
                                                   ocpi_module_name(modules[m]), bad ? "bad" : "good")
                                       .ptr,
                                   fixture, &folder);
            }
    assert_true(count >= 9);
}

/* ---- the specification's examples ---- */

static void example(void *arg, const char *path, const char *name)
{
    static const struct {
        const char *start;
        ocpi_object_id_t object;
    } rows[] = {{"location_example", OCPI_OBJECT_LOCATION},
                {"location_put", OCPI_OBJECT_EVSE},
                {"evse_put", OCPI_OBJECT_EVSE},
                {"tariff", OCPI_OBJECT_TARIFF},
                {"session_example", OCPI_OBJECT_SESSION},
                {"cdr", OCPI_OBJECT_CDR},
                {"token_example", OCPI_OBJECT_TOKEN},
                {"token_put", OCPI_OBJECT_TOKEN},
                {"hours", OCPI_OBJECT_HOURS},
                {"location_hours", OCPI_OBJECT_HOURS}};
    const ocpi_version_t *version = arg;
    for (size_t i = 0; i < HUB_COUNT(rows); i++)
        if (strncmp(name, rows[i].start, strlen(rows[i].start)) == 0 && !strstr(name, "patch"))
            for (uint32_t seed = 0; seed < 6; seed++) {
                setting(seed);
                travel(rows[i].object, *version, json_read(spec_file(pool, path)), name);
            }
}

static void examples_of_the_specification(void **state)
{
    (void)state;
    collect_names();
    memset(counts, 0, sizeof counts);
    for (size_t v = 0; v < HUB_COUNT(ocpi_versions); v++) {
        ocpi_version_t version = ocpi_versions[v];
        const char *dir = spec_path(pool, hub_pool_printf(pool, "ocpi/%s/examples", ocpi_version_name(version)).ptr);
        if (!dir)
            skip();
        assert_true(spec_each(pool, dir, example, &version) > 0);
    }
    print_message("%u bridged, %u refused\n", counts[0], counts[1]);
    assert_true(counts[0] > counts[1]);
}

/* ---- what other implementations send, as it came and normalised ---- */

static void payload(hub_slice_t file, ocpi_version_t version, ocpi_object_id_t object)
{
    const char *path = spec_path(pool, hub_pool_printf(pool, "payloads/%.*s", HUB_SLICE_FMT(file)).ptr);
    yyjson_doc *doc;
    assert_non_null(path);
    hub_slice_t text = spec_file(pool, path);
    if (ocpi_read(pool, text, &doc, NULL) != HUB_EOK)
        return;
    char name[200];
    snprintf(name, sizeof name, "%.*s", HUB_SLICE_FMT(file));
    yyjson_val *root = yyjson_doc_get_root(doc);
    travel(object, version, root, name);
    travel(object, version, json_read(ocpi_normalise(pool, root, text, object, version, NULL)), name);
}

static void payloads_of_other_implementations(void **state)
{
    (void)state;
    static const char *const types[] = {"location", "evse", "connector", "tariff", "session", "cdr", "token"};
    const char *path = spec_path(pool, "payloads/index.tsv");
    if (!path)
        skip();
    hub_slice_t index = spec_file(pool, path), line, column[3];
    unsigned count = 0;
    collect_names();
    memset(counts, 0, sizeof counts);
    while (hub_slice_split(&index, '\n', &line)) {
        ocpi_version_t version;
        for (size_t i = 0; i < HUB_COUNT(column); i++)
            if (!hub_slice_split(&line, '\t', &column[i]))
                column[i] = HUB_SLICE_LIT("");
        for (size_t i = 0; i < HUB_COUNT(types); i++)
            if (ocpi_version_parse(column[1], &version) && hub_slice_eq_str(column[2], types[i])) {
                setting(count++);
                payload(column[0], version, objects[i]);
            }
    }
    print_message("%u bridged, %u refused\n", counts[0], counts[1]);
    assert_true(count > 20 && counts[0] > counts[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        json_test(generated),
        json_test(fixtures),
        json_test(examples_of_the_specification),
        json_test(payloads_of_other_implementations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
