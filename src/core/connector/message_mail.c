/* Alerts as mail: SMTP, Mandrill, SendGrid, Mailgun. */
#include "connector.h"

bool hub_smtp_write(hub_delivery_t *delivery)
{
    delivery->problem = HUB_SLICE_LIT("this release does not deliver to it");
    return false;
}

bool hub_mandrill_write(hub_delivery_t *delivery)
{
    delivery->problem = HUB_SLICE_LIT("this release does not deliver to it");
    return false;
}

hub_outcome_t hub_mandrill_read(hub_delivery_t *delivery, hub_outcome_t outcome)
{
    (void)delivery;
    return outcome;
}

bool hub_sendgrid_write(hub_delivery_t *delivery)
{
    delivery->problem = HUB_SLICE_LIT("this release does not deliver to it");
    return false;
}

bool hub_mailgun_write(hub_delivery_t *delivery)
{
    delivery->problem = HUB_SLICE_LIT("this release does not deliver to it");
    return false;
}
