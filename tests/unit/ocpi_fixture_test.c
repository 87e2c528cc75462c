/* fixtures/<version>/<module>/good and /bad, all that are there: every good one fits strictly; every bad one breaks the rule that its file
 * name begins with, at the field that the rest of the name says: bad/required_currency.json. */
#include "json.h"
#include "spec.h"

typedef struct folder {
    ocpi_object_id_t object;
    ocpi_version_t version;
} folder_t;

static void good(void *arg, const char *path, const char *name)
{
    const folder_t *folder = arg;
    (void)name;
    hub_slice_t text = spec_file(pool, path);
    yyjson_val *value = json_read(text);
    ocpi_check_t check = {.object = folder->object, .version = folder->version, .strict = true, .own = true};
    ocpi_problems_t problems;
    ocpi_problems_init(&problems, pool);
    if (!ocpi_check(value, &check, &problems))
        fail_msg("%s: %s at %.*s", path, problems.list[0].rule, HUB_SLICE_FMT(problems.list[0].pointer));
    bool changed;
    hub_slice_t out = ocpi_normalise(pool, value, text, folder->object, folder->version, &changed);
    assert_true(ocpi_check(json_read(out), &check, &problems));
}

/* "/evses/0/uid" names uid, "/facilities/1" names facilities; the whole is "whole". */
static bool names_field(hub_slice_t pointer, const char *field)
{
    hub_slice_t last = HUB_SLICE_LIT("whole"), part;
    while (hub_slice_split(&pointer, '/', &part))
        if (part.len && (part.ptr[0] < '0' || part.ptr[0] > '9'))
            last = part;
    return hub_slice_eq_str(last, field);
}

static void bad(void *arg, const char *path, const char *name)
{
    const folder_t *folder = arg;
    char *rule = hub_pool_str(pool, hub_slice_str(name)), *field = strchr(rule, '_');
    assert_non_null(field);
    *field++ = 0;
    *strrchr(field, '.') = 0;
    yyjson_doc *doc;
    ocpi_problem_t problem = {0};
    if (ocpi_read(pool, spec_file(pool, path), &doc, &problem) != HUB_EOK) {
        assert_string_equal(problem.rule, rule);
        assert_true(strcmp(rule, "json") == 0 || names_field(problem.pointer, field));
        return;
    }
    ocpi_check_t check = {.object = folder->object, .version = folder->version, .strict = true, .own = true};
    ocpi_problems_t problems;
    ocpi_problems_init(&problems, pool);
    if (ocpi_check(yyjson_doc_get_root(doc), &check, &problems))
        fail_msg("%s fits", path);
    for (uint32_t i = 0; i < problems.count; i++)
        if (problems.list[i].severity == OCPI_ERROR && strcmp(problems.list[i].rule, rule) == 0 &&
            names_field(problems.list[i].pointer, field))
            return;
    fail_msg("%s: %s at %.*s", path, problems.list[0].rule, HUB_SLICE_FMT(problems.list[0].pointer));
}

/* Every folder of every version: the six modules at least, enough files in each. */
static void fixtures(const char *kind, size_t least, void (*each)(void *arg, const char *path, const char *name))
{
    for (size_t v = 0; v < HUB_COUNT(ocpi_versions); v++) {
        const char *root = hub_pool_printf(pool, HUB_SOURCE_DIR "/fixtures/%s", ocpi_version_name(ocpi_versions[v])).ptr;
        DIR *dir = opendir(root);
        struct dirent *entry;
        unsigned modules = 0;
        while (dir && (entry = readdir(dir)) != NULL) {
            if (entry->d_name[0] == '.')
                continue;
            folder_t folder = {ocpi_module_object(ocpi_module_parse(hub_slice_str(entry->d_name))), ocpi_versions[v]};
            if (folder.object == OCPI_OBJECT_NONE)
                fail_msg("%s/%s: no such module", root, entry->d_name);
            const char *path = hub_pool_printf(pool, "%s/%s/%s", root, entry->d_name, kind).ptr;
            size_t count = spec_each(pool, path, each, &folder);
            if (count < least)
                fail_msg("only %zu fixtures in %s", count, path);
            modules++;
        }
        if (dir)
            closedir(dir);
        assert_true(modules >= 6);
    }
}

static void good_fixtures_fit(void **state)
{
    (void)state;
    fixtures("good", 2, good);
}

static void bad_fixtures_break_the_rule_of_their_name(void **state)
{
    (void)state;
    fixtures("bad", 8, bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        json_test(good_fixtures_fit),
        json_test(bad_fixtures_break_the_rule_of_their_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
