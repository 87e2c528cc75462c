/* Webhook: events, signed as Standard Webhooks say. */
#include "connector.h"

bool hub_webhook_write(hub_delivery_t *delivery)
{
    delivery->problem = HUB_SLICE_LIT("this release does not deliver to it");
    return false;
}
