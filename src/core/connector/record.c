/* What is durable of a run, in table CURSOR, beside the cursors of the pushes:
 *   u8 'C', u32 integration                              -> its cursor (hub_cursor_get)
 *   u8 'C', u32 integration, u8 'K'                      -> run->known (hub_cursor_get)
 *   u8 'C', u32 integration, u8 'T'                      -> when it runs next (tick.c)
 *   u8 'F', u32 integration, u8 source, SHA-256 of key   -> hub_record_t: a delivery that is to be tried again
 *   u8 'A', …                                            -> alert.c
 * and under the marks of the pushes the ledger (sync/receipt.h). integration_write.c forgets all of it with the integration. */
#include <stdlib.h>
#include <string.h>

#include "object/quarantine.h"
#include "run.h"

typedef struct hub_record { /* native bytes; behind it: key, evse_uid, error */
    uint64_t seq, parts;
    int64_t first, due;
    uint32_t attempts, failures;
    uint16_t key_len, evse_len, error_len;
    uint8_t source, verb, kind, reserved[7];
} hub_record_t;

void hub_connector__reader(hub_key_t *key, uint32_t integration)
{
    hub_key_init(key);
    hub_key_u8(key, 'C');
    hub_key_u32(key, integration);
}

void hub_connector__known_key(hub_key_t *key, uint32_t integration)
{
    hub_connector__reader(key, integration);
    hub_key_u8(key, 'K');
}

bool hub_connector__begun(hub_view_t *view, uint32_t integration, uint64_t *cursor)
{
    hub_key_t key;
    hub_slice_t value;
    hub_connector__reader(&key, integration);
    *cursor = hub_cursor_get(view, &key);
    return hub_view_get(view, HUB_TABLE_CURSOR, &key, &value) == HUB_EOK;
}

hub_err_t hub_connector_begin(hub_view_t *view, const hub_integration_t *integration)
{
    hub_key_t key;
    uint64_t cursor, now;
    const hub_connector_kind_t *kind = hub_connector_kind_of(integration->connector);
    if (!kind || hub_connector__begun(view, integration->id, &cursor))
        return HUB_EOK;
    hub_err_t err = hub_integration_note(view, integration->tenant, integration->id, HUB_CHANGE_OBJECT, &now);
    if (err)
        return err;
    cursor = kind->start_now ? now : 0;
    hub_pool_t *pool = hub_pool_create();
    (void)hub_slice_u64(hub_connector_config(pool, integration->connector, "after"), &cursor);
    hub_pool_destroy(pool);
    cursor = cursor < now ? cursor : now;
    hub_connector__reader(&key, integration->id);
    err = hub_cursor_put(view, &key, cursor);
    hub_connector__known_key(&key, integration->id);
    return err ? err : hub_cursor_put(view, &key, cursor);
}

/* ---- what is to be tried again ---- */

static void record_prefix(hub_key_t *key, uint32_t integration)
{
    hub_key_init(key);
    hub_key_u8(key, 'F');
    hub_key_u32(key, integration);
}

/* What it is about by its digest: together with an EVSE's uid it may be longer than a key. */
static void record_key(hub_key_t *key, uint32_t integration, const hub_ship_key_t *what)
{
    unsigned char digest[HUB_SHA256_LEN];
    hub_buf_t text = HUB_BUF_INIT(NULL);
    hub_buf_add(&text, what->key);
    hub_buf_add_char(&text, 0);
    hub_buf_add(&text, what->evse_uid);
    hub_sha256(hub_buf_slice(&text), digest);
    hub_buf_finish(&text);
    record_prefix(key, integration);
    hub_key_u8(key, what->source);
    hub_key_bytes(key, hub_slice((const char *)digest, sizeof digest));
}

hub_err_t hub_record_put(hub_view_t *view, uint32_t integration, const hub_shipment_t *s)
{
    hub_key_t key;
    hub_buf_t value = HUB_BUF_INIT(NULL);
    hub_slice_t error = hub_slice_str(s->error);
    const hub_record_t record = {.seq = s->seq,
                                 .parts = s->parts,
                                 .first = s->first,
                                 .due = s->due,
                                 .attempts = s->attempts,
                                 .failures = s->failures,
                                 .key_len = (uint16_t)s->what.key.len,
                                 .evse_len = (uint16_t)s->what.evse_uid.len,
                                 .error_len = (uint16_t)(error.len < 1000 ? error.len : 1000),
                                 .source = s->what.source,
                                 .verb = s->verb,
                                 .kind = s->kind};
    hub_buf_add(&value, hub_slice((const char *)&record, sizeof record));
    hub_buf_add(&value, s->what.key);
    hub_buf_add(&value, s->what.evse_uid);
    hub_buf_add(&value, hub_slice(error.ptr, record.error_len));
    record_key(&key, integration, &s->what);
    hub_err_t err = hub_view_put(view, HUB_TABLE_CURSOR, &key, hub_buf_slice(&value));
    hub_buf_finish(&value);
    return err;
}

hub_err_t hub_connector_again(hub_view_t *view, uint32_t integration, const hub_parked_t *parked)
{
    const hub_shipment_t s = {.what = {parked->source, parked->key, parked->evse_uid},
                              .seq = parked->seq,
                              .parts = parked->parts,
                              .verb = parked->verb,
                              .kind = parked->kind};
    return hub_record_put(view, integration, &s);
}

hub_err_t hub_record_delete(hub_view_t *view, uint32_t integration, const hub_ship_key_t *what)
{
    hub_key_t key;
    record_key(&key, integration, what);
    hub_err_t err = hub_view_delete(view, HUB_TABLE_CURSOR, &key);
    return err == HUB_ENOT_FOUND ? HUB_EOK : err;
}

/* The hashes of what a run has to do with, so that looking through 10,000 records does not look through it 10,000 times. */
typedef struct hub_known {
    uint64_t *slots; /* 0: free */
    size_t count;    /* a power of two */
} hub_known_t;

static uint64_t *slot_of(const hub_known_t *known, uint64_t hash)
{
    size_t at = hash & (known->count - 1);
    while (known->slots[at] && known->slots[at] != (hash ? hash : 1))
        at = (at + 1) & (known->count - 1);
    return &known->slots[at];
}

static void learn(hub_known_t *known, const hub_run_t *run)
{
    known->count = 64;
    while (known->count < 2 * ((size_t)run->waiting_count + run->window_count))
        known->count *= 2;
    known->slots = calloc(known->count, sizeof *known->slots);
    HUB_ASSERT(known->slots);
    for (hub_shipment_t *const lists[] = {run->waiting, run->window}, *const *list = lists; list < lists + 2; list++)
        for (const hub_shipment_t *s = *list; s; s = s->next)
            *slot_of(known, s->hash) = s->hash ? s->hash : 1;
}

/* A record that stands for something that is on its way, or known to wait, is not taken again. */
static void take(hub_run_t *run, const hub_known_t *known, hub_slice_t value)
{
    hub_record_t record;
    if (value.len < sizeof record)
        return;
    memcpy(&record, value.ptr, sizeof record);
    if (value.len != sizeof record + record.key_len + record.evse_len + record.error_len)
        return;
    const char *bytes = value.ptr + sizeof record;
    const hub_ship_key_t what = {record.source, hub_slice(bytes, record.key_len), hub_slice(bytes + record.key_len, record.evse_len)};
    uint64_t hash = hub_ship_hash(&what);
    for (hub_shipment_t *lists[] = {run->waiting, run->window}, **list = lists; *slot_of(known, hash) && list < lists + 2; list++)
        for (hub_shipment_t *s = *list; s; s = s->next)
            if (hub_ship_same(s, hash, &what)) {
                s->recorded = s->recorded || s->state != HUB_SHIP_DONE; /* what is written down is the store thread's */
                return;
            }
    hub_shipment_t *s = hub_shipment_create(run, &what);
    s->seq = record.seq;
    s->parts = record.parts;
    s->first = record.first;
    s->due = record.due;
    s->attempts = record.attempts;
    s->failures = record.failures;
    s->verb = record.verb;
    s->kind = record.kind;
    hub_shipment_error(s, hub_slice(bytes + record.key_len + record.evse_len, record.error_len));
    hub_run__keep(run, s);
}

void hub_run__load(hub_run_t *run, hub_view_t *view)
{
    hub_key_t prefix;
    hub_scan_t scan;
    hub_slice_t key, value;
    hub_known_t known;
    learn(&known, run);
    record_prefix(&prefix, run->agent->id);
    hub_scan_init(&scan, view, HUB_TABLE_CURSOR, &prefix, NULL, false);
    while (hub_scan_next(&scan, &key, &value))
        take(run, &known, value);
    hub_scan_finish(&scan);
    free(known.slots);
}
