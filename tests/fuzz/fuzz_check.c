/* Bytes as an OCPI object: the first byte picks the object, the second version and measure; up to a zero byte a base object, after it a
 * PATCH or a child. Each problem stands where it says; what the checker takes normalises to something that it takes again and that stays
 * as it is; a PATCH gives what RFC 7396 says. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ocpi/ocpi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static yyjson_val *read_again(hub_pool_t *pool, hub_slice_t text)
{
    yyjson_doc *doc;
    ocpi_problem_t problem;
    HUB_ASSERT(ocpi_read(pool, text, &doc, &problem) == HUB_EOK);
    return yyjson_doc_get_root(doc);
}

/* A problem points at a value, or at one that is missing in an object that is there. */
static void stands(yyjson_val *root, const ocpi_problem_t *problem)
{
    hub_slice_t p = problem->pointer;
    HUB_ASSERT(hub_slice_utf8_ok(problem->message) && problem->message.len && problem->rule[0]);
    if (p.len == 0 || yyjson_ptr_getn(root, p.ptr, p.len))
        return;
    while (p.ptr[p.len - 1] != '/')
        p.len--;
    HUB_ASSERT(p.len == 1 || yyjson_is_obj(yyjson_ptr_getn(root, p.ptr, p.len - 1)));
}

static bool checked(hub_pool_t *pool, yyjson_val *root, const ocpi_check_t *check, ocpi_problems_t *problems)
{
    ocpi_problems_init(problems, pool);
    bool good = ocpi_check(root, check, problems);
    HUB_ASSERT(good == (problems->errors == 0) && problems->count <= OCPI_PROBLEMS_MAX && problems->errors <= UINT32_MAX / 2);
    for (uint32_t i = 0; i < problems->count; i++)
        stands(root, &problems->list[i]);
    return good;
}

static void normalise(hub_pool_t *pool, yyjson_val *root, hub_slice_t text, const ocpi_check_t *check)
{
    ocpi_check_t same = {.object = check->object, .version = check->version};
    ocpi_problems_t problems;
    bool changed;
    hub_slice_t normal = ocpi_normalise(pool, root, text, check->object, check->version, &changed);
    HUB_ASSERT(changed || normal.ptr == text.ptr);
    yyjson_val *again = read_again(pool, normal);
    HUB_ASSERT(check->own || checked(pool, again, &same, &problems)); /* our own may lack the stamp */
    hub_slice_t twice = ocpi_normalise(pool, again, normal, check->object, check->version, &changed);
    HUB_ASSERT(!changed && hub_slice_eq(twice, normal));
}

static void patch(hub_pool_t *pool, yyjson_val *base, yyjson_val *change, const ocpi_check_t *check)
{
    yyjson_mut_val *merged = ocpi_patch(pool, base, change, check->object, check->version);
    hub_slice_t written = ocpi_write_mut(pool, merged);
    HUB_ASSERT(written.len);
    read_again(pool, written);
    if (check->object == OCPI_OBJECT_SESSION && check->version != OCPI_V2_1_1)
        return; /* S3: the periods are appended */
    yyjson_mut_doc *doc = yyjson_mut_doc_new(ocpi_alc(pool));
    HUB_ASSERT(yyjson_mut_equals(merged, yyjson_merge_patch(doc, base, change)));
}

/* The second text as an EVSE or Connector of the first. */
static void put_child(hub_pool_t *pool, yyjson_val *location, yyjson_val *child)
{
    bool created;
    hub_slice_t evse = HUB_SLICE_LIT("1"), connector = HUB_SLICE_LIT("1"), now = HUB_SLICE_LIT("2026-01-02T03:04:05Z");
    for (int level = 0; level < 2; level++) {
        yyjson_mut_val *put = ocpi_location_put(pool, location, evse, level ? connector : HUB_SLICE_NONE, child, now, &created);
        if (put)
            read_again(pool, ocpi_write_mut(pool, put));
        ocpi_location_find(location, evse, level ? connector : HUB_SLICE_NONE);
    }
}

static void try_one(hub_pool_t *pool, hub_slice_t base, hub_slice_t second, const ocpi_check_t *check)
{
    yyjson_doc *doc, *other;
    ocpi_problem_t problem;
    ocpi_problems_t problems;
    if (ocpi_read(pool, base, &doc, &problem) != HUB_EOK)
        return;
    yyjson_val *root = yyjson_doc_get_root(doc);
    bool good = checked(pool, root, check, &problems);
    if (good && !check->partial)
        normalise(pool, root, base, check);
    if (!second.len || !yyjson_is_obj(root) || ocpi_read(pool, second, &other, &problem) != HUB_EOK)
        return;
    patch(pool, root, yyjson_doc_get_root(other), check);
    if (check->object == OCPI_OBJECT_LOCATION && yyjson_is_obj(yyjson_doc_get_root(other)))
        put_child(pool, root, yyjson_doc_get_root(other));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    ocpi_check_t check = {
        .object = (ocpi_object_id_t)(1 + data[0] % (OCPI_OBJECT_COUNT - 1)),
        .version = ocpi_versions[data[1] % 3],
        .partial = (data[1] & 4) != 0,
        .strict = (data[1] & 8) != 0,
        .own = (data[1] & 16) != 0,
    };
    const char *text = (const char *)data + 2, *zero = memchr(text, 0, size - 2);
    size_t len = zero ? (size_t)(zero - text) : size - 2;
    hub_pool_t *pool = hub_pool_create();
    try_one(pool, hub_slice(text, len), zero ? hub_slice(zero + 1, size - 3 - len) : HUB_SLICE_NONE, &check);
    hub_pool_destroy(pool);
    return 0;
}
