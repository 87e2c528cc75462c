/* Operator alerts through the providers of message.def. */
#include "connector.h"

bool hub_message_write(hub_delivery_t *delivery)
{
    delivery->problem = HUB_SLICE_LIT("this release does not deliver to it");
    return false;
}

hub_outcome_t hub_message_read(hub_delivery_t *delivery, hub_outcome_t outcome)
{
    (void)delivery;
    return outcome;
}
