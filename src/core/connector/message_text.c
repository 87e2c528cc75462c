/* Alerts as short messages: Twilio, Mitto, Telegram. */
#include "connector.h"

bool hub_twilio_write(hub_delivery_t *delivery)
{
    delivery->problem = HUB_SLICE_LIT("this release does not deliver to it");
    return false;
}

hub_outcome_t hub_twilio_read(hub_delivery_t *delivery, hub_outcome_t outcome)
{
    (void)delivery;
    return outcome;
}

bool hub_mitto_write(hub_delivery_t *delivery)
{
    delivery->problem = HUB_SLICE_LIT("this release does not deliver to it");
    return false;
}

hub_outcome_t hub_mitto_read(hub_delivery_t *delivery, hub_outcome_t outcome)
{
    (void)delivery;
    return outcome;
}

bool hub_telegram_write(hub_delivery_t *delivery)
{
    delivery->problem = HUB_SLICE_LIT("this release does not deliver to it");
    return false;
}

hub_outcome_t hub_telegram_read(hub_delivery_t *delivery, hub_outcome_t outcome)
{
    (void)delivery;
    return outcome;
}
