/* The audit log: who changed what, when, from where, and who was turned away. Table AUDIT: tenant, kind, number -> time, actor and resource
 * for the filters, and the entry as it goes out. Numbers of a (tenant, kind) follow each other without a gap, and only the oldest are taken
 * away, so that how many there are needs no counting.
 *
 * A change is written in the transaction that makes it: hub_exchange_write (exchange.c) asks hub_audit_write after each apply that went
 * well, so that a new handler is in the log by itself; what it adds to hub_write_t.audit makes the entry say more. */
#ifndef CORE_AUDIT_H
#define CORE_AUDIT_H

#include "settings/setting.h"

/* Inside apply: what changed of a record that rows describe, as far as it differs, secrets masked. `old` NULL: created; `now` NULL:
 * deleted. `resource` none: the path of the request. */
void hub_audit_settings(hub_write_t *write, hub_slice_t resource, const hub_setting_table_t *table, const hub_setting_values_t *old,
                        const hub_setting_values_t *now);
/* {"a":…,"ocpiConnection.endpointUrl":…} of the values that differ from `other` (NULL: all that are set); null for no values. */
hub_slice_t hub_audit_diff(hub_pool_t *pool, const hub_setting_table_t *table, const hub_setting_values_t *values,
                           const hub_setting_values_t *other);

hub_err_t hub_audit_write(hub_view_t *view, hub_write_t *write); /* apply only */
/* apply only: one entry a request that takes several operations, written anew by each of them. *number 0: none yet. `counts`: a JSON
 * object. The caller keeps *number only when the operation went well: apply may run again. */
hub_err_t hub_audit_bulk(hub_view_t *view, hub_exchange_t *x, hub_pool_t *pool, uint64_t *number, hub_slice_t counts);
/* apply only: the bare entry of a request that waits for this operation, but did not start it with hub_exchange_write. */
hub_err_t hub_audit_request(hub_view_t *view, hub_pool_t *pool, const hub_exchange_t *x);
hub_err_t hub_audit_expire(hub_core_t *core, hub_view_t *view, int64_t now, unsigned limit, unsigned *count); /* apply only */

/* ---- denied.c: who was turned away. The first attempt of an address is written at once, further ones are counted and written once a
 * minute, and a worker tells only so many addresses apart: nobody fills the disk by being refused. ---- */

void hub_audit_denied(hub_exchange_t *x, hub_err_t err);
bool hub_audit_stop(hub_worker_t *worker); /* true when nothing is under way */
void hub_audit_finish(hub_worker_t *worker);

/* ---- between the files ---- */

typedef enum hub_audit_kind { HUB_AUDIT_CHANGE = 'c', HUB_AUDIT_DENIED = 'd', HUB_AUDIT_OBJECT = 'o' } hub_audit_kind_t;

typedef struct hub_audit_entry {
    uint32_t tenant;
    hub_audit_kind_t kind;
    int64_t time;
    uint32_t key_id; /* 0: none */
    hub_slice_t actor, remote, action, resource, trace_id;
    const char *method;
    hub_slice_t more; /* further members of the JSON object: "\"before\":…" */
} hub_audit_entry_t;
/* apply only. *number 0: the next one. */
hub_err_t hub_audit_put(hub_view_t *view, hub_pool_t *pool, const hub_audit_entry_t *entry, uint64_t *number);
void hub_audit_prefix(hub_key_t *key, uint32_t tenant, hub_audit_kind_t kind);
bool hub_audit_parse(hub_slice_t value, int64_t *time, hub_slice_t *actor, hub_slice_t *resource, hub_slice_t *json);

#endif
