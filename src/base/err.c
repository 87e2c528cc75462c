#include <stdio.h>
#include <stdlib.h>

#include "hub/base.h"

static const hub_err_info_t rows[HUB_ERR_COUNT] = {
#define HUB_ERR(name, http, http_ocpi, ocpi, retry, level, text) [HUB_E##name] = {#name, text, http, http_ocpi, ocpi, retry, level},
#include "hub/err.def"
#undef HUB_ERR
};

const hub_err_info_t *hub_err_info(hub_err_t err)
{
    return &rows[(unsigned)err < HUB_ERR_COUNT ? err : HUB_EINTERNAL];
}

void hub_assert_failed(const char *expression, const char *file, int line)
{
    fprintf(stderr, "%s:%d: contract broken: %s\n", file, line, expression);
    abort();
}
