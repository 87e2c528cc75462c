/* Forms of an object in other versions: made at a write, or by the reader who comes first. */
#include "projection.h"

#include <string.h>

static const ocpi_version_t slots[HUB_OBJECT_FORMS] = {OCPI_V2_2_1, OCPI_V2_1_1, OCPI_V2_3_0};

ocpi_version_t hub_projection_written(const hub_object_t *head)
{
    return slots[head->written];
}

hub_slice_t hub_projection_own(const hub_object_t *head)
{
    return head->form[head->written];
}

void hub_projection_write(hub_object_t *head, ocpi_version_t version, hub_slice_t text)
{
    unsigned slot = hub_projection_slot(version);
    memset(head->form_state, HUB_FORM_NONE, sizeof head->form_state);
    head->written = (uint8_t)slot;
    if (!hub_slice_eq(text, head->bytes))
        head->form_state[slot] = HUB_FORM_STORED;
    head->form[slot] = text;
}

hub_slice_t hub_projection_show(hub_view_t *view, hub_pool_t *pool, hub_slice_t key, const hub_object_t *head, ocpi_version_t version)
{
    hub_slice_t form = head->form[hub_projection_slot(version)];
    (void)view, (void)pool, (void)key;
    return form.ptr ? form : hub_projection_own(head);
}
