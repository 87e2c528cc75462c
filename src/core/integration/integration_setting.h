/* The rows of setting.def as a table, and what integration.c, integration_write.c and integration_answer.c share of them. */
#ifndef CORE_INTEGRATION_SETTING_H
#define CORE_INTEGRATION_SETTING_H

#include "integration.h"
#include "party.h"
#include "settings/setting.h"

enum { SETTING_ROOT, SETTING_HIDDEN, SETTING_MODELS, SETTING_OCPI, SETTING_PROFILE, SETTING_SCHEDULE, SETTING_UTILITY, SETTING_SALESFORCE };

struct hub_registration;

typedef enum hub_setting_row {
#define HUB_SETTING(symbol, id, group, type, flags, name, min, max, options, fallback, alias) S_##symbol,
#include "setting.def"
#undef HUB_SETTING
    S_COUNT
} hub_setting_row_t;

extern const hub_setting_table_t hub_integration_settings;

static inline bool hub_integration_is_enabled(const hub_setting_values_t *values) /* the default is true */
{
    return !values->json[S_ENABLED].ptr || hub_setting_true(values->json[S_ENABLED]);
}

/* The secrets of one integration. The context lies in the pool. */
hub_setting_seal_t hub_integration_seal(hub_core_t *core, hub_pool_t *pool, uint32_t tenant, uint32_t id);
/* Settings decoded into the fields of an integration; the rest is zero. HUB_ECRYPTO: the token does not open (everything else is there). */
hub_err_t hub_integration_decode(hub_core_t *core, hub_pool_t *pool, uint32_t tenant, uint32_t id, const hub_setting_values_t *values,
                                 uint64_t version, hub_integration_t *out);
/* All of it but references: `out` is zero before, and lives no longer than the pool and the registration. */
hub_err_t hub_integration_make(hub_core_t *core, hub_view_t *view, hub_pool_t *pool, uint32_t tenant, uint32_t id,
                               const hub_setting_values_t *settings, uint64_t version, const struct hub_registration *registration,
                               hub_integration_t *out);
/* ourParties or partyPlatform resolved to our own parties, or the only party that fits; the text of row RESOLVED. None: a problem was
 * added, or (no problem) no party is known yet. `before`: what was resolved until now. */
hub_slice_t hub_integration_resolve(hub_view_t *view, hub_pool_t *pool, uint32_t tenant, const hub_setting_values_t *now,
                                    hub_slice_t before, ocpi_problems_t *problems);

/* ---- integration_write.c ---- */

typedef struct hub_integration_change { /* what a request wants; lies in the exchange's pool */
    hub_core_t *core;
    hub_pool_t *pool;
    uint32_t tenant, id; /* create: filled in by apply */
    bool create, full;   /* full: PUT or POST */
    hub_slice_t actor, if_match;
    hub_setting_input_t in;
    ocpi_problems_t problems;              /* out */
    uint64_t version;                      /* out: the stored one (now, or at a version conflict) */
    hub_slice_t conflict;                  /* out: what conflicts, for people */
    const hub_setting_values_t *old, *now; /* out: what was and what is, for the audit log; old NULL: created */
} hub_integration_change_t;
/* Inside apply: all or nothing. HUB_EINVALID with problems, HUB_ESTALE, HUB_EPRECONDITION, HUB_ENOT_FOUND, HUB_ECONFLICT. */
hub_err_t hub_integration_change(hub_view_t *view, hub_integration_change_t *change);
/* Checks what the rows cannot: pairs of spellings, parties against roles. For hub_integration_change and tests. */
bool hub_integration_settle(const hub_setting_table_t *table, hub_pool_t *pool, const hub_setting_input_t *in, hub_setting_values_t *now,
                            ocpi_problems_t *problems);
/* HUB_ENOT_FOUND. */
hub_err_t hub_integration_by_reference(hub_view_t *view, uint32_t tenant, hub_slice_t reference, uint32_t *id);
/* Inside apply: removes up to `limit` objects that this partner gave us, and when none are left the integration itself (*gone). */
hub_err_t hub_integration_remove(hub_core_t *core, hub_view_t *view, hub_pool_t *pool, uint32_t tenant, uint32_t id, uint32_t limit,
                                 bool *gone);

/* ---- integration_answer.c ---- */

enum {
    HUB_INCLUDE_LOCATIONS = 1,
    HUB_INCLUDE_TARIFFS = 2,
    HUB_INCLUDE_RECEIVED_TARIFFS = 4,
    HUB_INCLUDE_EVERY = 7,
    HUB_INCLUDE_ALL = 8 /* streamed */
};
typedef struct hub_integration_show {
    unsigned include;
    bool lists; /* the three lists and their totals at all */
    bool reveal;
} hub_integration_show_t;
/* What `include` and `reveal` of the query ask for; false: answered (400, 403). */
bool hub_integration_show_read(hub_exchange_t *x, hub_integration_show_t *show);
/* The whole object into `out`. With ALL in include: only what comes before the lists is written, the rest by hub_integration_stream. */
hub_err_t hub_integration_write(hub_core_t *core, hub_view_t *view, hub_pool_t *pool, uint32_t tenant, uint32_t id,
                                const hub_integration_show_t *show, hub_buf_t *out, uint64_t *version);
/* Answers with everything in bounded memory. */
void hub_integration_stream(hub_exchange_t *x, uint32_t id, const hub_integration_show_t *show);

#endif
