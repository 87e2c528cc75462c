/* Settings: one table, four sources. Flags over environment over YAML file over defaults. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"

typedef enum type { STRING, NUMBER, FLAG, SECRET } type_t;

static const struct row {
    const char *name;
    type_t type;
    const char *env, *standard, *doc;
    size_t at;
} rows[APP_SETTING_COUNT] = {
#define SETTING(name, type, env, standard, doc) {#name, type, env, standard, doc, offsetof(app_config_t, name)},
#include "settings.def"
#undef SETTING
};

const char *app_setting_flag(app_setting_id_t id, char out[64])
{
    snprintf(out, 64, "--%s", rows[id].name);
    for (char *p = out; *p; p++)
        if (*p == '_')
            *p = '-';
    return out;
}

static bool parse_bool(const char *text, bool *out)
{
    *out = strcmp(text, "true") == 0 || strcmp(text, "1") == 0 || strcmp(text, "yes") == 0;
    return *out || strcmp(text, "false") == 0 || strcmp(text, "0") == 0 || strcmp(text, "no") == 0 || !*text;
}

/* `source` names where the text came from, for the error. */
static bool set(app_config_t *config, app_setting_id_t id, const char *text, const char *source)
{
    const struct row *row = &rows[id];
    char *field = (char *)config + row->at;
    if (row->type == STRING || row->type == SECRET) {
        const char *kept = *text ? hub_pool_str(config->pool, hub_slice_str(text)) : NULL;
        memcpy(field, &kept, sizeof kept);
        return true;
    }
    if (row->type == FLAG) {
        bool on;
        if (parse_bool(text, &on)) {
            memcpy(field, &on, sizeof on);
            return true;
        }
        fprintf(stderr, "ocpi-hub: %s: true or false expected, not \"%s\"\n", source, text);
        return false;
    }
    uint64_t number;
    if (!hub_slice_u64(hub_slice_str(text), &number) || number > 1000000000u) {
        fprintf(stderr, "ocpi-hub: %s: a number expected, not \"%s\"\n", source, text);
        return false;
    }
    unsigned n = (unsigned)number;
    memcpy(field, &n, sizeof n);
    return true;
}

static bool allowed(const app_setting_id_t *only, app_setting_id_t id)
{
    if (rows[id].type == SECRET)
        return false;
    if (!only)
        return true;
    for (; *only != APP_SETTING_COUNT; only++)
        if (*only == id)
            return true;
    return false;
}

/* ---- arguments ---- */

typedef struct scan {
    app_config_t *config;
    int argc;
    char **argv;
    int at;
    const app_setting_id_t *only;
    const char *const *own;
    const char *flags[APP_SETTING_COUNT]; /* what the arguments set */
} scan_t;

/* "--name=value" or "--name value". NULL: there is none. */
static const char *value_of(scan_t *scan, const char *equals)
{
    if (equals)
        return equals + 1;
    return scan->at + 1 < scan->argc ? scan->argv[++scan->at] : NULL;
}

static bool missing(const char *argument)
{
    fprintf(stderr, "ocpi-hub: %s needs a value\n", argument);
    return false;
}

static bool keep(scan_t *scan, const char *argument, const char *value)
{
    app_config_t *config = scan->config;
    config->rest[config->rest_count++] = argument;
    if (value)
        config->rest[config->rest_count++] = value;
    return true;
}

static bool own_flag(scan_t *scan, const char *argument, size_t len, const char *equals, bool *found)
{
    for (const char *const *own = scan->own; own && *own; own++) {
        size_t name = strcspn(*own, "=");
        if (name != len - 2 || strncmp(*own, argument + 2, name) != 0)
            continue;
        *found = true;
        bool wants = (*own)[name] == '=';
        const char *value = wants ? value_of(scan, equals) : "";
        return value ? keep(scan, hub_pool_str(scan->config->pool, hub_slice(argument, len)), value) : missing(argument);
    }
    return true;
}

static bool one_argument(scan_t *scan)
{
    const char *argument = scan->argv[scan->at];
    if (strncmp(argument, "--", 2) != 0)
        return keep(scan, argument, NULL);
    const char *equals = strchr(argument, '=');
    size_t len = equals ? (size_t)(equals - argument) : strlen(argument);
    for (app_setting_id_t id = 0; id < APP_SETTING_COUNT; id++) {
        char flag[64];
        app_setting_flag(id, flag);
        if (!allowed(scan->only, id) || strlen(flag) != len || strncmp(flag, argument, len) != 0)
            continue;
        if (rows[id].type == FLAG && !equals)
            scan->flags[id] = "true";
        else
            scan->flags[id] = value_of(scan, equals);
        return scan->flags[id] || missing(argument);
    }
    bool found = false;
    if (!own_flag(scan, argument, len, equals, &found))
        return false;
    if (!found)
        fprintf(stderr, "ocpi-hub: no such option: %.*s\n", (int)len, argument);
    return found;
}

static bool apply_all(app_config_t *config, const char *const flags[APP_SETTING_COUNT])
{
    const char *file = flags[APP_SETTING_config] ? flags[APP_SETTING_config] : getenv(rows[APP_SETTING_config].env);
    const char *yaml[APP_SETTING_COUNT] = {NULL};
    if (file && *file && !app_yaml_read(config->pool, file, yaml))
        return false;
    for (app_setting_id_t id = 0; id < APP_SETTING_COUNT; id++) {
        const struct row *row = &rows[id];
        const char *env = getenv(row->env);
        char flag[64];
        app_setting_flag(id, flag);
        if (row->standard && !set(config, id, row->standard, row->name))
            return false;
        if (yaml[id] && !set(config, id, yaml[id], row->name))
            return false;
        if (env && *env && !set(config, id, env, row->env))
            return false;
        if (flags[id] && !set(config, id, flags[id], flag))
            return false;
    }
    return true;
}

int app_config_read(app_config_t *config, int argc, char **argv, const app_setting_id_t *only, const char *const *own_flags)
{
    *config = (app_config_t){.pool = hub_pool_create()};
    config->rest = hub_pool_zalloc(config->pool, ((size_t)argc * 2 + 1) * sizeof *config->rest);
    scan_t scan = {.config = config, .argc = argc, .argv = argv, .only = only, .own = own_flags};
    bool ok = true;
    for (; ok && scan.at < argc; scan.at++)
        ok = one_argument(&scan);
    if (ok && apply_all(config, scan.flags))
        return APP_OK;
    app_config_free(config);
    return APP_USAGE;
}

void app_config_free(app_config_t *config)
{
    hub_pool_destroy(config->pool);
    config->pool = NULL;
}

const char *app_config_own(const app_config_t *config, const char *flag)
{
    for (int i = 0; i + 1 < config->rest_count; i++)
        if (strcmp(config->rest[i], flag) == 0)
            return config->rest[i + 1];
    return NULL;
}

bool app_require(const app_config_t *config, app_setting_id_t id, const char *value)
{
    (void)config;
    if (value)
        return true;
    char flag[64];
    fprintf(stderr, "ocpi-hub: %s (or %s) is required\n", app_setting_flag(id, flag), rows[id].env);
    return false;
}

void app_config_help(const app_setting_id_t *only)
{
    for (app_setting_id_t id = 0; id < APP_SETTING_COUNT; id++) {
        char flag[64] = "";
        if (!allowed(only, id) && rows[id].type != SECRET)
            continue;
        if (rows[id].type == SECRET && only)
            continue;
        if (rows[id].type != SECRET)
            app_setting_flag(id, flag);
        printf("  %-22s %s\n  %-22s %s%s%s%s\n", flag, rows[id].doc, "", rows[id].env, rows[id].standard ? ", default " : "",
               rows[id].standard ? rows[id].standard : "", "");
    }
}
