/* Bytes as what stands in a request line or header: path, query, Link, DateTime, envelope. */
#include <stdint.h>
#include <stdlib.h>

#include "hub/url.h"
#include "ocpi/ocpi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hub_slice_t text = hub_slice((const char *)data, size);
    hub_pool_t *pool = hub_pool_create();
    ocpi_page_t page;
    ocpi_problem_t problem;
    if (ocpi_page_parse(pool, text, 100, false, &page, &problem) == HUB_EOK) {
        HUB_ASSERT(page.limit >= 1 && page.limit <= 100);
        hub_slice_t link = ocpi_page_link(pool, HUB_SLICE_LIT("https://hub.example/x"), &page, 1, HUB_SLICE_LIT("p"));
        HUB_ASSERT(ocpi_link_next(link).len > 0);
    }
    ocpi_target_t target;
    (void)ocpi_route_match(pool, text, &target);
    hub_slice_t next = ocpi_link_next(text);
    HUB_ASSERT(next.len <= size);
    int64_t ms;
    unsigned flags;
    if (ocpi_time_parse(text, &ms, &flags)) {
        char out[OCPI_TIME_MAX + 1];
        int64_t again;
        size_t len = ocpi_time_format(ms, out);
        HUB_ASSERT(ocpi_time_parse(hub_slice(out, len), &again, &flags) && again == ms);
    }
    ocpi_envelope_t envelope;
    (void)ocpi_envelope_read(pool, text, &envelope);
    const char *why = "";
    (void)hub_url_check(text, size % 2 == 0, &why);
    hub_slice_t value;
    (void)ocpi_query_get(pool, text, "limit", &value);
    hub_pool_destroy(pool);
    return 0;
}
