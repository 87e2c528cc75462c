/* What an integration that is not OCPI is configured with: rows by type and provider (connector_setting.def) under `settings`, the
 * connection objects of UtilityCloud and Salesforce (setting.def), and the part that every type has. */
#ifndef CORE_CONNECTOR_SETTING_H
#define CORE_CONNECTOR_SETTING_H

#include "integration.h"
#include "settings/setting.h"

/* ---- for the engine that delivers: hub_integration_t.connector, immutable, lives as long as the integration ---- */

typedef enum hub_trigger { HUB_TRIGGER_NONE, HUB_TRIGGER_EVENT, HUB_TRIGGER_SCHEDULE } hub_trigger_t;

typedef struct hub_connector_member {
    const char *name; /* as in `settings` or in the connection object */
    hub_slice_t json; /* in clear; none: not set */
    hub_slice_t text; /* of a string */
    bool secret;
} hub_connector_member_t;

typedef struct hub_connector {
    hub_integration_type_t type;
    hub_slice_t provider; /* none: the type has none, or it is not said yet */
    bool complete;        /* all that is NEEDED is there */
    bool switched_on;     /* activateConnection, where there is one; enabled or not */
    bool active;          /* enabled, complete, switched on and readable: may deliver */
    bool unreadable;      /* a secret does not open: the master key is another one */
    hub_slice_t missing;  /* what is NEEDED and not there: "settings.url, settings.secret" */
    const hub_connector_member_t *members;
    uint32_t member_count;
    /* of every type */
    hub_slice_t entity_type, destination, entity_id, destination_id; /* none: not set */
    hub_slice_t config_data, credentials, linked_resources;          /* JSON text in clear; none: not set */
    hub_trigger_t trigger;
} hub_connector_t;

/* One of its settings by name; none: not set, or it has no such setting. */
hub_slice_t hub_connector_text(const hub_connector_t *connector, const char *name);
hub_slice_t hub_connector_json(const hub_connector_t *connector, const char *name);

/* ---- for integration_*.c and tests ---- */

typedef struct hub_integration_type_row {
    const char *text;
    uint8_t group;    /* SETTING_…; ROOT: `settings` */
    uint8_t activate; /* S_…; S_COUNT: none */
} hub_integration_type_row_t;
extern const hub_integration_type_row_t hub_integration_types[HUB_TYPE_COUNT];
bool hub_integration_type_parse(hub_slice_t text, hub_integration_type_t *out);
hub_integration_type_t hub_integration_type_of(hub_pool_t *pool, const hub_setting_values_t *values);

typedef struct hub_connector_row {
    uint8_t type;         /* hub_integration_type_t */
    const char *provider; /* NULL: none */
    hub_setting_table_t table;
} hub_connector_row_t;
extern const hub_connector_row_t hub_connector_rows[];
extern const size_t hub_connector_row_count;
extern const char hub_connector_providers[]; /* options */

/* The rows of what these values are; NULL: none (yet). */
const hub_connector_row_t *hub_connector_of(hub_pool_t *pool, const hub_setting_values_t *values);
/* Does this type ask for a provider? */
bool hub_connector_has_providers(hub_integration_type_t type);
/* `json`, the `settings` of a request, merged into those that are stored ({"url":…}, secrets sealed; none: nothing is set). Settings of
 * others are dropped. *said: something was left. Problems have pointers below /settings. */
hub_slice_t hub_connector_merge(hub_pool_t *pool, const hub_connector_row_t *row, const hub_setting_seal_t *seal, bool insecure_urls,
                                hub_slice_t json, hub_slice_t stored, bool full, bool *said, ocpi_problems_t *problems);
/* `settings` as shown; null where there are no rows. */
void hub_connector_write(hub_pool_t *pool, const hub_setting_values_t *values, const hub_setting_seal_t *seal, bool reveal, hub_buf_t *out);
/* Row SETTINGS without any secret, sealed or not: for the audit log. */
void hub_connector_write_masked(hub_pool_t *pool, const hub_setting_values_t *values, uint32_t row, hub_buf_t *out);
/* Adds a problem for all that is NEEDED and not there. */
void hub_connector_need(hub_pool_t *pool, const hub_setting_values_t *values, ocpi_problems_t *problems);
/* NULL for OCPI. */
const hub_connector_t *hub_connector_decode(hub_pool_t *pool, const hub_setting_seal_t *seal, const hub_setting_values_t *values);

#endif
