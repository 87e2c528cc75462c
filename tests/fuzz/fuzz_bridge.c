/* Bytes as an object that goes to another version and back: the first byte picks the object, the second the two versions and what the
 * caller knows, the third what else; the rest is JSON. What comes out must fit its version, and a refusal must have its reason. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "ocpi/ocpi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct caller {
    yyjson_val *location;
    unsigned knows;
} caller_t;

static yyjson_val *location(void *arg, hub_slice_t country, hub_slice_t party, hub_slice_t id)
{
    const caller_t *caller = arg;
    (void)country, (void)party;
    return id.len % 2 == 0 || (caller->knows & 1) ? caller->location : NULL;
}

static bool token(void *arg, hub_slice_t auth_id, ocpi_bridge_token_t *out)
{
    const caller_t *caller = arg;
    *out = (ocpi_bridge_token_t){HUB_SLICE_LIT("NL"), auth_id, auth_id, HUB_SLICE_LIT("RFID")};
    if (out->party.len > 3)
        out->party.len = 3;
    while (!hub_slice_utf8_ok(out->party)) /* never half a character: a caller knows whole texts */
        out->party.len--;
    return (caller->knows & 2) != 0;
}

static bool tariff(void *arg, hub_slice_t country, hub_slice_t party, hub_slice_t id)
{
    (void)arg, (void)country, (void)party;
    return id.len % 2 == 1;
}

static hub_slice_t bridge(hub_pool_t *pool, yyjson_val *root, const ocpi_bridge_t *how)
{
    hub_slice_t out;
    ocpi_losses_t losses;
    ocpi_losses_init(&losses, pool);
    hub_err_t err = ocpi_bridge(pool, root, how, &out, &losses);
    hub_buf_t text = HUB_BUF_INIT(pool);
    ocpi_losses_write(&losses, &text);
    yyjson_doc *doc;
    HUB_ASSERT(ocpi_read(pool, hub_buf_slice(&text), &doc, NULL) == HUB_EOK);
    HUB_ASSERT(losses.count <= OCPI_LOSSES_MAX && losses.total >= losses.count);
    if (err != HUB_EOK) {
        HUB_ASSERT(err == HUB_EINVALID && !out.ptr && losses.count > 0 && losses.list[losses.count - 1].kind == OCPI_LOSS_REFUSED);
        return HUB_SLICE_NONE;
    }
    return out;
}

static yyjson_val *must_fit(hub_pool_t *pool, hub_slice_t text, ocpi_object_id_t object, ocpi_version_t version)
{
    yyjson_doc *doc;
    ocpi_problem_t problem;
    ocpi_problems_t problems;
    ocpi_check_t check = {.object = object, .version = version, .own = true};
    HUB_ASSERT(ocpi_read(pool, text, &doc, &problem) == HUB_EOK);
    ocpi_problems_init(&problems, pool);
    bool good = ocpi_check(yyjson_doc_get_root(doc), &check, &problems);
    for (uint32_t i = 0; !good && i < problems.count; i++)
        fprintf(stderr, "%s at %.*s: %.*s\n", problems.list[i].rule, HUB_SLICE_FMT(problems.list[i].pointer),
                HUB_SLICE_FMT(problems.list[i].message));
    HUB_ASSERT(good);
    return yyjson_doc_get_root(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const ocpi_object_id_t objects[] = {
        OCPI_OBJECT_LOCATION, OCPI_OBJECT_EVSE, OCPI_OBJECT_CONNECTOR, OCPI_OBJECT_TARIFF,
        OCPI_OBJECT_SESSION,  OCPI_OBJECT_CDR,  OCPI_OBJECT_TOKEN,     OCPI_OBJECT_LOCATION_REFERENCES};
    static const char place[] =
        "{\"country_code\":\"NL\",\"party_id\":\"ABC\",\"id\":\"L\",\"publish\":true,\"address\":\"A "
        "1\",\"city\":\"B\",\"country\":\"NLD\","
        "\"coordinates\":{\"latitude\":\"51.04776\",\"longitude\":\"3.72946\"},\"evses\":[{\"uid\":\"E\",\"status\":\"AVAILABLE\","
        "\"connectors\":[{\"id\":\"C\",\"standard\":\"CHADEMO\",\"format\":\"CABLE\",\"power_type\":\"DC\",\"max_voltage\":400,"
        "\"max_amperage\":100,\"last_updated\":\"2026-01-01T00:00:00Z\"}],\"last_updated\":\"2026-01-01T00:00:00Z\"}],"
        "\"last_updated\":\"2026-01-01T00:00:00Z\"}";
    if (size < 4)
        return 0;
    hub_pool_t *pool = hub_pool_create();
    yyjson_doc *doc, *known;
    ocpi_problem_t problem;
    HUB_ASSERT(ocpi_read(pool, hub_slice_str(place), &known, &problem) == HUB_EOK);
    caller_t caller = {yyjson_doc_get_root(known), data[2]};
    ocpi_bridge_t how = {.object = objects[data[0] % HUB_COUNT(objects)],
                         .from = ocpi_versions[data[1] % 3],
                         .to = ocpi_versions[data[1] / 3 % 3],
                         .country = data[2] & 4 ? HUB_SLICE_LIT("NL") : HUB_SLICE_NONE,
                         .party = HUB_SLICE_LIT("ABC"),
                         .location = location,
                         .token = data[2] & 8 ? token : NULL,
                         .tariff = data[2] & 16 ? tariff : NULL,
                         .arg = &caller,
                         .now_ms = data[2] & 32 ? 1800000000000 : 0};
    if (ocpi_read(pool, hub_slice((const char *)data + 3, size - 3), &doc, &problem) == HUB_EOK) {
        hub_slice_t there = bridge(pool, yyjson_doc_get_root(doc), &how);
        if (there.ptr) {
            yyjson_val *middle = must_fit(pool, there, how.object, how.to);
            ocpi_bridge_t home = how;
            home.from = how.to;
            home.to = how.from;
            hub_slice_t back = bridge(pool, middle, &home);
            if (back.ptr)
                must_fit(pool, back, home.object, home.to);
        }
    }
    hub_pool_destroy(pool);
    return 0;
}
