/* JSON in tests: written with ' for ", read with ocpi_read, in one pool that lives as long as a test. */
#ifndef TESTS_JSON_H
#define TESTS_JSON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ocpi/ocpi.h"

static hub_pool_t *pool;

static int json_setup(void **state)
{
    (void)state;
    pool = hub_pool_create();
    return 0;
}

static int json_teardown(void **state)
{
    (void)state;
    hub_pool_destroy(pool);
    return 0;
}

#define json_test(name) cmocka_unit_test_setup_teardown(name, json_setup, json_teardown)

static inline hub_slice_t json_text(const char *text)
{
    hub_slice_t copy = hub_slice_str(hub_pool_str(pool, hub_slice_str(text)));
    for (char *p = (char *)(uintptr_t)copy.ptr; *p; p++)
        if (*p == '\'')
            *p = '"';
    return copy;
}

static inline yyjson_val *json_read(hub_slice_t text)
{
    yyjson_doc *doc = NULL;
    ocpi_problem_t problem = {0};
    if (ocpi_read(pool, text, &doc, &problem) != HUB_EOK)
        fail_msg("%.*s in %.*s", HUB_SLICE_FMT(problem.message), HUB_SLICE_FMT(text));
    return yyjson_doc_get_root(doc);
}

static inline yyjson_val *json(const char *text)
{
    return json_read(json_text(text));
}

static inline void assert_slice(hub_slice_t got, const char *wanted)
{
    assert_string_equal(hub_pool_str(pool, got), wanted);
}

static inline void assert_json(hub_slice_t got, const char *wanted)
{
    assert_slice(got, json_text(wanted).ptr);
}

/* The problem with this rule at this pointer; NULL: none. */
static inline const ocpi_problem_t *json_problem(const ocpi_problems_t *problems, const char *rule, const char *pointer)
{
    for (uint32_t i = 0; i < problems->count; i++)
        if (strcmp(problems->list[i].rule, rule) == 0 && hub_slice_eq_str(problems->list[i].pointer, pointer))
            return &problems->list[i];
    return NULL;
}

#endif
