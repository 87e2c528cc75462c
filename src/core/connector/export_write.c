/* DataExport: the request that carries a file. */
#include "connector.h"

bool hub_export_write(hub_delivery_t *delivery)
{
    delivery->problem = HUB_SLICE_LIT("this release does not deliver to it");
    return false;
}
