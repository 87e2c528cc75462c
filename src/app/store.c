/* Opening the data directory: its master key and its store. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "app.h"

/* ---- the master key belongs to the store ---- */

#define SEAL_CONTEXT HUB_SLICE_LIT("master key")
#define SEAL_TEXT HUB_SLICE_LIT("ocpi-hub")

typedef struct mark {
    hub_op_t op;
    hub_slice_t sealed;
} mark_t;

static void mark_key(hub_key_t *key)
{
    hub_key_init(key);
    hub_key_str(key, HUB_SLICE_LIT("master_key"));
}

static hub_err_t apply_mark(hub_view_t *view, hub_op_t *op)
{
    hub_key_t key;
    mark_key(&key);
    return hub_view_put(view, HUB_TABLE_META, &key, ((mark_t *)op)->sealed);
}

/* A known text is sealed at first start: a key that does not open it would lose every token without a word. */
static bool key_fits(app_store_t *store, hub_pool_t *pool)
{
    hub_view_t *view;
    hub_key_t key;
    hub_slice_t sealed, text;
    mark_key(&key);
    if (hub_view_open(store->store, &view))
        return true; /* the store tells its own trouble */
    hub_err_t err = hub_view_get(view, HUB_TABLE_META, &key, &sealed);
    bool fits = err || !hub_unseal(store->crypto, pool, sealed, SEAL_CONTEXT, &text);
    hub_view_close(view);
    if (err == HUB_ENOT_FOUND) {
        mark_t mark = {.op.apply = apply_mark, .sealed = hub_seal(store->crypto, pool, SEAL_TEXT, SEAL_CONTEXT)};
        if (hub_store_apply(store->store, &mark.op))
            hub_log(HUB_WARN, "store.master_key", HUB_STR("reason", "not marked: done at the next start")); /* a full disk */
    }
    return fits;
}

/* A fresh key for a store that has one already would seal half of it. */
static bool key_is_lost(const app_config_t *config, const char *file)
{
    struct stat info;
    const char *store = hub_pool_str(config->pool, hub_pool_printf(config->pool, "%s/data.mdb", config->data));
    return !config->master_key && stat(store, &info) == 0 && info.st_size > 0 && stat(file, &info) != 0 && errno == ENOENT;
}

bool app_store_open(app_store_t *out, const app_config_t *config, hub_store_config_t *store)
{
    *out = (app_store_t){NULL, NULL};
    if (!store->read_only && mkdir(config->data, 0700) != 0 && errno != EEXIST) {
        fprintf(stderr, "ocpi-hub: cannot create %s: %s\n", config->data, strerror(errno));
        return false;
    }
    const char *why = "";
    char *key = hub_pool_str(config->pool, hub_pool_printf(config->pool, "%s/master.key", config->data));
    if (key_is_lost(config, key)) {
        fprintf(stderr, "ocpi-hub: %s is missing: put the key of this store back there or into OCPI_HUB_MASTER_KEY\n", key);
        return false;
    }
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
    if (!key_fits(out, config->pool)) {
        fprintf(stderr, "ocpi-hub: %s: not the key that sealed the secrets of this store: put the right one back\n",
                config->master_key ? "OCPI_HUB_MASTER_KEY" : key);
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
