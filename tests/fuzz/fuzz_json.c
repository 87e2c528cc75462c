/* Bytes as an OCPI object: first byte picks object and version; up to a zero byte a base object, after it a PATCH. What the checker takes
 * must normalise to something that it takes again, and a PATCH must give JSON. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ocpi/ocpi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void patch(hub_pool_t *pool, yyjson_val *base, hub_slice_t text, const ocpi_check_t *check)
{
    yyjson_doc *doc;
    ocpi_problem_t problem;
    if (ocpi_read(pool, text, &doc, &problem) != HUB_EOK)
        return;
    yyjson_mut_val *merged = ocpi_patch(pool, base, yyjson_doc_get_root(doc), check->object, check->version);
    HUB_ASSERT(merged != NULL);
    hub_slice_t written = ocpi_write_mut(pool, merged);
    yyjson_doc *again;
    HUB_ASSERT(ocpi_read(pool, written, &again, &problem) == HUB_EOK || written.len == 0);
    ocpi_location_find(base, HUB_SLICE_LIT("1"), HUB_SLICE_LIT("1"));
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
    const char *text = (const char *)data + 2;
    const char *zero = memchr(text, 0, size - 2);
    hub_slice_t base = hub_slice(text, zero ? (size_t)(zero - text) : size - 2);
    hub_pool_t *pool = hub_pool_create();
    yyjson_doc *doc;
    ocpi_problem_t problem;
    if (ocpi_read(pool, base, &doc, &problem) == HUB_EOK) {
        yyjson_val *root = yyjson_doc_get_root(doc);
        ocpi_problems_t problems;
        ocpi_problems_init(&problems, pool);
        bool good = ocpi_check(root, &check, &problems);
        if (good && !check.partial && yyjson_is_obj(root)) {
            bool changed;
            hub_slice_t normal = ocpi_normalise(pool, root, base, check.object, check.version, &changed);
            yyjson_doc *again;
            HUB_ASSERT(ocpi_read(pool, normal, &again, &problem) == HUB_EOK);
            ocpi_check_t same = {.object = check.object, .version = check.version, .own = check.own};
            ocpi_problems_init(&problems, pool);
            HUB_ASSERT(ocpi_check(yyjson_doc_get_root(again), &same, &problems));
        }
        if (zero && yyjson_is_obj(root))
            patch(pool, root, hub_slice(zero + 1, size - 2 - base.len - 1), &check);
    }
    hub_pool_destroy(pool);
    return 0;
}
