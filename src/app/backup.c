#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "app.h"

int app_backup(int argc, char **argv)
{
    static const app_setting_id_t only[] = {APP_SETTING_config, APP_SETTING_data, APP_SETTING_COUNT};
    static const char *const own[] = {"to=", "help", NULL};
    app_config_t config;
    if (app_config_read(&config, argc, argv, only, own) != APP_OK)
        return APP_USAGE;
    const char *to = app_config_own(&config, "--to");
    int code = APP_USAGE;
    if (app_config_own(&config, "--help")) {
        puts("ocpi-hub backup --data DIR --to DIR\n\nA consistent copy of the store, also while a server runs on it. The master key is not "
             "copied.\n\n"
             "  --to                   DIR      where the copy goes; made when missing");
        app_config_help(only);
        code = APP_OK;
    } else if (config.rest_count != (to ? 2 : 0)) {
        fprintf(stderr, "ocpi-hub: backup takes no argument %s\n", config.rest[0]);
    } else if (!to) {
        fputs("ocpi-hub: --to is required\n", stderr);
    } else if (app_require(&config, APP_SETTING_data, config.data)) {
        code = APP_FAILED;
        struct stat there;
        hub_store_config_t settings = {.path = config.data, .read_only = true};
        hub_store_t *store = NULL;
        hub_slice_t why = HUB_SLICE_NONE;
        bool found = stat(config.data, &there) == 0;
        hub_err_t err = found ? hub_store_open(&settings, &store, config.pool, &why) : HUB_ENOT_FOUND;
        if (!found)
            why = hub_slice_str(strerror(errno));
        if (!err)
            err = hub_store_backup(store, to);
        if (err == HUB_ECONFLICT)
            why = HUB_SLICE_LIT("there is a store already, which is not overwritten");
        if (err)
            fprintf(stderr, "ocpi-hub: backup of %s to %s: %.*s\n", config.data, to,
                    HUB_SLICE_FMT(why.len ? why : hub_slice_str(hub_err_info(err)->text)));
        else
            code = APP_OK;
        hub_store_close(store);
    }
    app_config_free(&config);
    return code;
}
