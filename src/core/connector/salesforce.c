/* Salesforce: CDR and session events. */
#include "connector.h"

bool hub_salesforce_write(hub_delivery_t *delivery)
{
    delivery->problem = HUB_SLICE_LIT("this release does not deliver to it");
    return false;
}
