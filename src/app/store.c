/* Opening the data directory: its master key and its store. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "app.h"

bool app_store_open(app_store_t *out, const app_config_t *config, hub_store_config_t *store)
{
    *out = (app_store_t){NULL, NULL};
    if (!store->read_only && mkdir(config->data, 0700) != 0 && errno != EEXIST) {
        fprintf(stderr, "ocpi-hub: cannot create %s: %s\n", config->data, strerror(errno));
        return false;
    }
    const char *why = "";
    char *key = hub_pool_str(config->pool, hub_pool_printf(config->pool, "%s/master.key", config->data));
    hub_err_t err = hub_crypto_open(key, hub_slice_str(config->master_key), &out->crypto, &why);
    if (err) {
        fprintf(stderr, "ocpi-hub: %s: %s\n", config->master_key ? "OCPI_HUB_MASTER_KEY" : key, why ? why : hub_err_info(err)->text);
        return false;
    }
    store->path = config->data;
    hub_slice_t text = HUB_SLICE_NONE;
    err = hub_store_open(store, &out->store, config->pool, &text);
    if (err) {
        if (text.len) /* with the path in it */
            fprintf(stderr, "ocpi-hub: %.*s\n", HUB_SLICE_FMT(text));
        else
            fprintf(stderr, "ocpi-hub: %s: %s\n", config->data, hub_err_info(err)->text);
        app_store_close(out);
        return false;
    }
    return true;
}

void app_store_close(app_store_t *store)
{
    hub_store_close(store->store);
    hub_crypto_close(store->crypto);
    *store = (app_store_t){NULL, NULL};
}
