/* The YAML file, through libcyaml: the schema is the settings table, so that an unknown key or a wrong type is an error with its line. */
#include <cyaml/cyaml.h>
#include <stdio.h>
#include <string.h>

#include "app.h"

/* Every scalar is read as text; config.c knows the types. */
typedef struct file {
#define SETTING(name, type, env, standard, doc) char *name;
#include "settings.def"
#undef SETTING
} file_t;

static const cyaml_schema_field_t fields[] = {
#define SETTING(name, type, env, standard, doc)                                                                                            \
    CYAML_FIELD_STRING_PTR(#name, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, file_t, name, 0, 4096),
#include "settings.def"
#undef SETTING
    CYAML_FIELD_END};

static const cyaml_schema_value_t schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, file_t, fields)};

/* libcyaml tells the place in its error log only. */
static void on_log(cyaml_log_t level, void *context, const char *format, va_list args)
{
    hub_buf_t *text = context;
    char line[512];
    if (level < CYAML_LOG_ERROR)
        return;
    vsnprintf(line, sizeof line, format, args);
    hub_buf_add_str(text, "  ");
    hub_buf_add_str(text, line);
}

/* libcyaml tells where the mapping stood before an unknown key, not where the key is: find it. */
static void name_unknown_keys(const char *path)
{
    static const char *const known[] = {
#define SETTING(name, type, env, standard, doc) #name,
#include "settings.def"
#undef SETTING
    };
    FILE *in = fopen(path, "r");
    char line[4096];
    for (unsigned n = 1; in && fgets(line, sizeof line, in); n++) {
        size_t len = strcspn(line, ": \t\r\n#"), i = 0;
        while (i < HUB_COUNT(known) && (strlen(known[i]) != len || strncmp(known[i], line, len) != 0))
            i++;
        if (len && i == HUB_COUNT(known))
            fprintf(stderr, "  no such setting: %.*s (line: %u)\n", (int)len, line, n);
    }
    if (in)
        fclose(in);
}

bool app_yaml_read(hub_pool_t *pool, const char *path, const char *values[APP_SETTING_COUNT])
{
    hub_buf_t text = HUB_BUF_INIT(pool);
    const cyaml_config_t config = {
        .log_fn = on_log, .log_ctx = &text, .log_level = CYAML_LOG_ERROR, .mem_fn = cyaml_mem, .flags = CYAML_CFG_DEFAULT};
    file_t *file = NULL;
    cyaml_err_t err = cyaml_load_file(path, &config, &schema, (cyaml_data_t **)&file, NULL);
    if (err != CYAML_OK) {
        bool unknown = err == CYAML_ERR_INVALID_KEY;
        fprintf(stderr, "ocpi-hub: %s: %s\n%.*s", path, cyaml_strerror(err),
                HUB_SLICE_FMT(unknown ? HUB_SLICE_NONE : hub_buf_slice(&text)));
        if (unknown)
            name_unknown_keys(path);
        return false;
    }
#define SETTING(name, type, env, standard, doc)                                                                                            \
    if (file && file->name)                                                                                                                \
        values[APP_SETTING_##name] = hub_pool_str(pool, hub_slice_str(file->name));
#include "settings.def"
#undef SETTING
    cyaml_free(&config, &schema, file, 0);
    return true;
}
