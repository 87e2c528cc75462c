/* What a partner was told about Sessions and CDRs, object by object, and what is put off until a moment: a Session whose charging periods
 * go out once an interval, a CDR that makes the partner fail. What is put off lies in the store, not in the window, so that the cursor
 * passes it and nothing waits behind it. */
#include <string.h>

#include "pump.h"

/* ---- memos ---- */

static bool read_memo(hub_slice_t bytes, hub_memo_t *memo, hub_slice_t *rest)
{
    memset(memo, 0, sizeof *memo);
    if (rest)
        *rest = HUB_SLICE_NONE;
    if (bytes.len < sizeof *memo)
        return false;
    memcpy(memo, bytes.ptr, sizeof *memo);
    if (rest)
        *rest = hub_slice(bytes.ptr + sizeof *memo, bytes.len - sizeof *memo);
    return true;
}

bool hub_pump__memo(const hub_pump_t *pump, hub_view_t *view, hub_slice_t key, hub_memo_t *memo, hub_slice_t *rest)
{
    uint64_t hash = hub_push__hash(key);
    const hub_push_t *push = pump->push;
    hub_slice_t bytes = HUB_SLICE_NONE;
    const hub_push_item_t *found = hub_push__among(push->results, hash, key), *item; /* newest first */
    for (item = found ? NULL : push->settling_list; (item = hub_push__among(item, hash, key)); item = item->next_result)
        found = item; /* oldest first */
    if (found)
        bytes = found->memo;
    else
        hub_push__marked(view, push->agent->id, pump->row->module, key, &bytes);
    return read_memo(bytes, memo, rest);
}

/* ---- what is due ---- */

/* u8 'D', u32 integration, u8 module, u64 ms, object key -> nothing. In table CURSOR. */
static void due_prefix(hub_key_t *key, uint32_t integration, ocpi_module_t module)
{
    hub_key_init(key);
    hub_key_u8(key, 'D');
    hub_key_u32(key, integration);
    hub_key_u8(key, (uint8_t)module);
}

static void due_key(hub_key_t *key, uint32_t integration, ocpi_module_t module, int64_t due, hub_slice_t object)
{
    due_prefix(key, integration, module);
    hub_key_u64(key, (uint64_t)due);
    hub_key_bytes(key, object);
}

static int64_t due_of(hub_slice_t key, const hub_key_t *prefix)
{
    uint64_t due = 0;
    for (size_t i = prefix->len; i < (size_t)prefix->len + 8 && i < key.len; i++)
        due = due << 8 | (unsigned char)key.ptr[i];
    return (int64_t)due;
}

static hub_err_t harmless(hub_err_t err)
{
    return err == HUB_ENOT_FOUND ? HUB_EOK : err;
}

hub_err_t hub_push__remember(hub_view_t *view, uint32_t integration, const hub_push_item_t *item)
{
    hub_key_t key, mark;
    hub_slice_t bytes;
    hub_memo_t old = {0}, now;
    ocpi_module_t module = item->pump->row->module;
    hub_err_t err = HUB_EOK;
    if (hub_push__marked(view, integration, module, item->key, &bytes))
        read_memo(bytes, &old, NULL);
    bool any = read_memo(item->memo, &now, NULL);
    if (old.due && old.due != now.due) {
        due_key(&key, integration, module, old.due, item->key);
        err = harmless(hub_view_delete(view, HUB_TABLE_CURSOR, &key));
    }
    if (!err && now.due && now.due != old.due) {
        due_key(&key, integration, module, now.due, item->key);
        err = hub_view_put(view, HUB_TABLE_CURSOR, &key, HUB_SLICE_LIT("1"));
    }
    hub_push__mark_key(&mark, integration, module, item->key);
    if (!err)
        err = any ? hub_view_put(view, HUB_TABLE_CURSOR, &mark, item->memo) : harmless(hub_view_delete(view, HUB_TABLE_CURSOR, &mark));
    return err;
}

/* A due object whose row is not gone yet is known in the window, or among what is being settled. */
void hub_pump__take_due(hub_pump_t *pump, hub_view_t *view)
{
    hub_key_t prefix;
    hub_scan_t scan;
    hub_slice_t key, value;
    int64_t now = hub_now_ms();
    if (!pump->row->remembers || pump->next_due > now)
        return;
    pump->next_due = INT64_MAX;
    due_prefix(&prefix, pump->push->agent->id, pump->row->module);
    hub_scan_init(&scan, view, HUB_TABLE_CURSOR, &prefix, NULL, false);
    while (hub_scan_next(&scan, &key, &value)) {
        int64_t due = due_of(key, &prefix);
        size_t head = (size_t)prefix.len + 8;
        if (due > now) {
            pump->next_due = due;
            break;
        }
        if (hub_pump__full(pump)) {
            pump->next_due = now; /* when something has gone */
            break;
        }
        hub_push_item_t *item = key.len > head ? hub_pump__insert_due(pump, hub_slice(key.ptr + head, key.len - head)) : NULL;
        if (item)
            item->uncertain = due <= pump->known_ms;
        else
            pump->next_due = now;
    }
    hub_scan_finish(&scan);
}

/* What is due now and was not taken goes on with the next answer: no timer for it. */
void hub_push__arm_due(hub_push_t *push)
{
    int64_t next = INT64_MAX, now = hub_now_ms();
    const hub_port_t *port = &push->agent->worker->port;
    for (unsigned i = 0; i < HUB_PUSH_ROWS; i++) {
        const hub_pump_t *pump = &push->pumps[i];
        if (pump->enabled && pump->row->remembers && pump->next_due > now && pump->next_due < next)
            next = pump->next_due;
    }
    if (next != INT64_MAX)
        port->timer_start(port->self, &push->due_timer, (uint64_t)(next - now));
}
