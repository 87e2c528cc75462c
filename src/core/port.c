#include "hub/port.h"

static const char *const names[] = {
    [HUB_GET] = "GET",     [HUB_HEAD] = "HEAD",     [HUB_POST] = "POST",       [HUB_PUT] = "PUT",
    [HUB_PATCH] = "PATCH", [HUB_DELETE] = "DELETE", [HUB_OPTIONS] = "OPTIONS", [HUB_METHOD_OTHER] = "OTHER",
};

const char *hub_method_name(hub_method_t method)
{
    return (unsigned)method < HUB_COUNT(names) ? names[method] : "OTHER";
}

hub_method_t hub_method_parse(hub_slice_t name)
{
    for (unsigned i = 0; i < HUB_METHOD_OTHER; i++)
        if (hub_slice_eq_str(name, names[i]))
            return (hub_method_t)i;
    return HUB_METHOD_OTHER;
}
