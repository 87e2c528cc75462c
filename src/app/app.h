/* What the files of app share: the settings and the commands. */
#ifndef APP_APP_H
#define APP_APP_H

#include "hub/core.h"

enum { APP_OK = 0, APP_FAILED = 1, APP_USAGE = 2 }; /* exit codes */

/* ---- settings: the rows of settings.def ---- */

typedef enum app_setting_id {
#define SETTING(name, type, env, standard, doc) APP_SETTING_##name,
#include "settings.def"
#undef SETTING
    APP_SETTING_COUNT
} app_setting_id_t;

#define APP_TYPE_STRING const char *
#define APP_TYPE_SECRET const char *
#define APP_TYPE_NUMBER unsigned
#define APP_TYPE_FLAG bool

typedef struct app_config {
    hub_pool_t *pool; /* strings lie there */
#define SETTING(name, type, env, standard, doc) APP_TYPE_##type name;
#include "settings.def"
#undef SETTING
    const char **rest; /* arguments that are no settings, in order */
    int rest_count;
} app_config_t;

/* Reads arguments (after the command), environment and YAML file. APP_USAGE: said on standard error what is wrong. `only` lists the
 * settings that the command takes as flags, ended by APP_SETTING_COUNT; NULL: all. Arguments with -- that are no settings go to rest with
 * their value when `own_flags` (ended by NULL) names them ("name=" takes a value). */
int app_config_read(app_config_t *config, int argc, char **argv, const app_setting_id_t *only, const char *const *own_flags);
void app_config_free(app_config_t *config);
/* The value after a command's own flag, or NULL. "" for a flag without value. */
const char *app_config_own(const app_config_t *config, const char *flag);
void app_config_help(const app_setting_id_t *only);
/* The flag as the user writes it: "--public-url". */
const char *app_setting_flag(app_setting_id_t id, char out[64]);

/* config_yaml.c: what the file sets, as text; false: said on standard error what is wrong and in which line. */
bool app_yaml_read(hub_pool_t *pool, const char *path, const char *values[APP_SETTING_COUNT]);

/* ---- opening the data directory ---- */

typedef struct app_store {
    hub_store_t *store;
    hub_crypto_t *crypto;
} app_store_t;

/* Says on standard error what is wrong. */
bool app_store_open(app_store_t *out, const app_config_t *config, hub_store_config_t *store);
void app_store_close(app_store_t *store);
bool app_require(const app_config_t *config, app_setting_id_t id, const char *value);

/* ---- commands: command.def ---- */

#define COMMAND(name, usage, doc) int app_##name(int argc, char **argv);
#include "command.def"
#undef COMMAND

#endif
