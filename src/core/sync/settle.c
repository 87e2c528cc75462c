/* Writing down what was pushed: cursors, marks, quarantine, in one operation, so that the cursor never passes a refused object that is not
 * in quarantine. At most every SETTLE_MS, or at once when nothing more is to be sent. */
#include <stdlib.h>
#include <string.h>

#include "integration/integration.h"
#include "metrics.h"
#include "pull.h"
#include "pump.h"

#define SETTLE_MS 200u
#define RETRY_MS 1000u
#define RESULTS_MOST 64u   /* then it is not worth waiting longer */
#define CURSOR_STEP 10000u /* a cursor that has only passed what does not concern this partner is written this seldom */

void hub_push_reader(hub_key_t *key, uint32_t integration, ocpi_module_t module)
{
    hub_key_init(key);
    hub_key_u8(key, 'P');
    hub_key_u32(key, integration);
    hub_key_u8(key, (uint8_t)module);
}

/* Behind the reader's key, so that it goes with it: how often everything was to be read again from the beginning. */
static void rewinds_key(hub_key_t *key, uint32_t integration, ocpi_module_t module)
{
    hub_push_reader(key, integration, module);
    hub_key_u8(key, 'R');
}

uint64_t hub_push__rewinds(hub_view_t *view, uint32_t integration, ocpi_module_t module)
{
    hub_key_t key;
    rewinds_key(&key, integration, module);
    return hub_cursor_get(view, &key);
}

hub_err_t hub_push_rewind(hub_view_t *view, uint32_t integration, ocpi_module_t module)
{
    hub_key_t key;
    uint64_t rewinds = hub_push__rewinds(view, integration, module);
    hub_push_reader(&key, integration, module);
    hub_err_t err = hub_cursor_put(view, &key, 0);
    rewinds_key(&key, integration, module);
    return err ? err : hub_cursor_put(view, &key, rewinds + 1);
}

hub_err_t hub_push_rewind_all(hub_view_t *view, uint32_t integration)
{
    hub_err_t err = HUB_EOK;
    for (unsigned i = 0; i < HUB_PUSH_ROWS && !err; i++)
        if (hub_push_rows[i].module != OCPI_MODULE_CDRS)
            err = hub_push_rewind(view, integration, hub_push_rows[i].module);
    return err;
}

/* u8 'S', u32 integration, u8 module, object key -> URL path below the endpoint, in the spelling that was sent. Where objects are deleted:
 * what this partner was sent and would have to be told to delete. Where not: what it was told to be REMOVED because it went out of its
 * sight, so that it is not told again. Where what was sent is remembered: a memo (pump.h). In table CURSOR, beside the cursor. */
void hub_push__mark_key(hub_key_t *key, uint32_t integration, ocpi_module_t module, hub_slice_t object)
{
    hub_key_init(key);
    hub_key_u8(key, 'S');
    hub_key_u32(key, integration);
    hub_key_u8(key, (uint8_t)module);
    hub_key_bytes(key, object);
}

bool hub_push__marked(hub_view_t *view, uint32_t integration, ocpi_module_t module, hub_slice_t key, hub_slice_t *path)
{
    hub_key_t mark;
    hub_push__mark_key(&mark, integration, module, key);
    return hub_view_get(view, HUB_TABLE_CURSOR, &mark, path) == HUB_EOK;
}

/* Deletions are kept 30 days. A partner that was away for longer is told about everything that it was sent and may not have any more. */
void hub_push__sweep(hub_pump_t *pump, hub_view_t *view)
{
    hub_key_t prefix;
    hub_scan_t scan;
    hub_slice_t key, path;
    hub_push__mark_key(&prefix, pump->push->agent->id, pump->row->module, HUB_SLICE_LIT(""));
    hub_scan_init(&scan, view, HUB_TABLE_CURSOR, &prefix, NULL, false);
    while (hub_scan_next(&scan, &key, &path))
        hub_pump__take_back(pump, view, hub_slice(key.ptr + prefix.len, key.len - prefix.len));
    hub_scan_finish(&scan);
}

/* ---- the operation ---- */

typedef struct hub_settle {
    hub_op_t op; /* first */
    hub_push_t *push;
    hub_integration_t *integration; /* a reference */
    uint64_t cursor[HUB_PUSH_ROWS], rewinds[HUB_PUSH_ROWS];
    bool moved[HUB_PUSH_ROWS];
    hub_push_item_t *items;
} hub_settle_t;

/* As it was sent: the key has it folded. */
static hub_object_id_t spelled_id(const hub_push_item_t *item)
{
    hub_object_id_t id;
    if (!hub_object_key_parse(item->key, &id))
        id = (hub_object_id_t){.module = (uint8_t)item->pump->row->module};
    id.country = item->country;
    id.party = item->party;
    id.id = item->id;
    return id;
}

static hub_err_t quarantine(hub_view_t *view, hub_pool_t *pool, const hub_integration_t *to, const hub_push_item_t *item)
{
    ocpi_problems_t problems;
    ocpi_problems_init(&problems, pool);
    ocpi_problem_add(&problems, OCPI_ERROR, HUB_SLICE_LIT(""), "refused", "%.*s", HUB_SLICE_FMT(item->why));
    const hub_object_id_t id = spelled_id(item);
    return hub_quarantine_put(item->pump->push->agent->worker->core, view, pool, to, &id, HUB_QUARANTINE_SENT, item->text, &problems);
}

static hub_err_t settle_item(hub_view_t *view, hub_pool_t *pool, const hub_integration_t *to, const hub_push_item_t *item)
{
    hub_key_t mark;
    const hub_push_row_t *row = item->pump->row;
    hub_err_t err = HUB_EOK;
    const hub_object_id_t id = spelled_id(item);
    bool tried = item->result != HUB_PUSH_SAME && item->result != HUB_PUSH_PUT_OFF;
    if (item->result == HUB_PUSH_REFUSED || (item->result == HUB_PUSH_PUT_OFF && item->why.len))
        err = quarantine(view, pool, to, item);
    else if (item->id.len && tried)
        err = hub_quarantine_clear(view, to, &id, HUB_QUARANTINE_SENT);
    if (err && err != HUB_ENOT_FOUND)
        return err;
    if (row->remembers)
        return hub_push__remember(view, to->id, item);
    if (row->leave == HUB_LEAVE_ALONE)
        return HUB_EOK;
    hub_push__mark_key(&mark, to->id, row->module, item->key);
    if (row->leave == HUB_LEAVE_DELETE ? item->result != HUB_PUSH_DELETED : item->takes_back)
        return hub_view_put(view, HUB_TABLE_CURSOR, &mark, item->path);
    err = hub_view_delete(view, HUB_TABLE_CURSOR, &mark);
    return err == HUB_ENOT_FOUND ? HUB_EOK : err;
}

static hub_err_t settle_all(hub_view_t *view, hub_pool_t *pool, const hub_settle_t *settle)
{
    hub_key_t key;
    hub_slice_t value;
    hub_err_t err = HUB_EOK;
    hub_integration_key(&key, settle->integration->tenant, settle->integration->id);
    if (hub_view_get(view, HUB_TABLE_INTEGRATION, &key, &value) != HUB_EOK)
        return HUB_EOK; /* deleted meanwhile */
    for (const hub_push_item_t *item = settle->items; item && !err; item = item->next_result)
        err = settle_item(view, pool, settle->integration, item);
    for (unsigned i = 0; i < HUB_PUSH_ROWS && !err; i++) {
        uint32_t id = settle->integration->id;
        if (!settle->moved[i] || hub_push__rewinds(view, id, hub_push_rows[i].module) != settle->rewinds[i])
            continue;
        hub_push_reader(&key, id, hub_push_rows[i].module);
        err = hub_cursor_put(view, &key, settle->cursor[i]);
    }
    return err;
}

static hub_err_t apply(hub_view_t *view, hub_op_t *op)
{
    hub_pool_t *pool = hub_pool_create();
    hub_err_t err = settle_all(view, pool, (hub_settle_t *)op);
    hub_pool_destroy(pool);
    return err;
}

/* Newest first in push->results, oldest first in the operation: of two results for one object the later one must win. */
static hub_push_item_t *reversed(hub_push_item_t *items)
{
    hub_push_item_t *out = NULL;
    while (items) {
        hub_push_item_t *next = items->next_result;
        items->next_result = out;
        out = items;
        items = next;
    }
    return out;
}

static void put_back(hub_push_t *push, hub_push_item_t *items)
{
    hub_push_item_t **end = &push->results;
    while (*end)
        end = &(*end)->next_result;
    *end = reversed(items);
}

static void settled(hub_op_t *op)
{
    hub_settle_t *settle = (hub_settle_t *)op;
    hub_push_t *push = settle->push;
    hub_agent_t *agent = push->agent;
    push->settling = false;
    push->settling_list = NULL;
    if (op->err && !push->ended) {
        hub_log(HUB_WARN, "push.settle", HUB_INT("integration", agent->id), HUB_STR("error", hub_err_info(op->err)->name));
        put_back(push, settle->items);
        push->settle_armed = true;
        agent->worker->port.timer_start(agent->worker->port.self, &push->settle_timer, RETRY_MS);
    } else {
        bool look = false;
        for (hub_push_item_t *item = settle->items, *next; item; item = next) {
            next = item->next_result;
            if (item->pump->row->remembers)
                item->pump->next_due = 0;
            look |= item->pump->row->remembers;
            hub_pump__settled(item);
        }
        for (unsigned i = 0; i < HUB_PUSH_ROWS && !op->err; i++)
            if (settle->moved[i] && settle->rewinds[i] == push->pumps[i].rewinds)
                push->pumps[i].durable = settle->cursor[i];
        if (look)
            hub_push__run(push); /* for what is due, now that it is written down */
        if (!push->ended)
            hub_push__settle_soon(push);
    }
    hub_integration_unref(settle->integration);
    free(settle);
    hub_push__free_if_ended(push);
    hub_agent_release(agent);
}

static bool moved(const hub_pump_t *pump, bool results)
{
    return pump->cursor > pump->durable && (results || pump->cursor - pump->durable >= CURSOR_STEP || pump->unfinished);
}

/* Safe at any time; does nothing when there is nothing to write, or when an operation is under way. */
void hub_push__settle(hub_push_t *push)
{
    hub_agent_t *agent = push->agent;
    hub_settle_t settle = {.push = push, .items = push->results};
    bool any = push->results;
    for (unsigned i = 0; i < HUB_PUSH_ROWS; i++) {
        settle.cursor[i] = push->pumps[i].cursor;
        settle.rewinds[i] = push->pumps[i].rewinds;
        settle.moved[i] = moved(&push->pumps[i], push->results);
        any = any || settle.moved[i];
    }
    if (!any || push->settling || push->forgetting)
        return;
    hub_settle_t *op = malloc(sizeof *op);
    HUB_ASSERT(op);
    *op = settle;
    op->items = reversed(push->results);
    op->integration = hub_integration_ref(agent->integration);
    op->op = (hub_op_t){.apply = apply, .done = settled, .reply_to = agent->worker->mailbox};
    if (hub_store_submit(agent->worker->core->store, &op->op) != HUB_EOK) {
        push->results = reversed(op->items);
        hub_integration_unref(op->integration);
        free(op);
        if (!push->ended) {
            push->settle_armed = true;
            agent->worker->port.timer_start(agent->worker->port.self, &push->settle_timer, RETRY_MS);
        }
        return;
    }
    push->results = NULL;
    push->result_count = 0;
    push->settling_list = op->items;
    push->settling = true;
    hub_agent_hold(agent);
}

static bool idle(const hub_push_t *push)
{
    for (unsigned i = 0; i < HUB_PUSH_ROWS; i++)
        if (push->pumps[i].unfinished)
            return false;
    return push->inflight == 0;
}

void hub_push__settle_soon(hub_push_t *push)
{
    hub_agent_t *agent = push->agent;
    if (push->ended || push->settling)
        return;
    if (idle(push) || push->result_count >= RESULTS_MOST) {
        hub_push__settle(push);
    } else if (!push->settle_armed && push->results) {
        push->settle_armed = true;
        agent->worker->port.timer_start(agent->worker->port.self, &push->settle_timer, SETTLE_MS);
    }
}

/* ---- forgetting ---- */

static hub_err_t delete_prefix(hub_view_t *view, const hub_key_t *prefix)
{
    hub_scan_t scan;
    hub_slice_t key, value;
    hub_err_t err = HUB_EOK;
    hub_scan_init(&scan, view, HUB_TABLE_CURSOR, prefix, NULL, false);
    while (err == HUB_EOK && hub_scan_next(&scan, &key, &value)) {
        hub_key_t copy;
        hub_key_init(&copy);
        hub_key_bytes(&copy, key);
        err = hub_view_delete(view, HUB_TABLE_CURSOR, &copy);
    }
    hub_err_t end = hub_scan_finish(&scan);
    return err ? err : end;
}

static hub_err_t forget(hub_view_t *view, uint8_t kind, uint32_t integration, ocpi_module_t module)
{
    hub_key_t prefix;
    hub_key_init(&prefix);
    hub_key_u8(&prefix, kind);
    hub_key_u32(&prefix, integration);
    hub_key_u8(&prefix, (uint8_t)module);
    return delete_prefix(view, &prefix);
}

hub_err_t hub_push_forget(hub_view_t *view, uint32_t integration, bool gone)
{
    hub_err_t err = HUB_EOK;
    for (unsigned i = 0; i < HUB_PUSH_ROWS && !err; i++) {
        const hub_push_row_t *row = &hub_push_rows[i];
        err = forget(view, 'P', integration, row->module);
        if (row->insists && !gone)
            continue; /* what was acknowledged stays acknowledged: a CDR is money */
        err = err ? err : forget(view, 'S', integration, row->module);
        err = err ? err : forget(view, 'D', integration, row->module);
    }
    return err;
}

typedef struct hub_forget {
    hub_op_t op; /* first */
    hub_agent_t *agent;
    uint32_t id;
    bool gone; /* the integration was deleted: what its pulls remember goes too */
} hub_forget_t;

static hub_err_t apply_forget(hub_view_t *view, hub_op_t *op)
{
    const hub_forget_t *forget = (hub_forget_t *)op;
    hub_err_t err = hub_push_forget(view, forget->id, forget->gone);
    return err || !forget->gone ? err : hub_pull_forget(view, forget->id);
}

static void forgotten(hub_op_t *op)
{
    hub_forget_t *forget = (hub_forget_t *)op;
    hub_agent_t *agent = forget->agent;
    hub_push_t *push = agent->push;
    if (op->err)
        hub_log(HUB_WARN, "push.forget", HUB_INT("integration", forget->id), HUB_STR("error", hub_err_info(op->err)->name));
    free(forget);
    if (push && push->forgetting) {
        push->forgetting = false;
        hub_push_follow(agent, NULL);
    }
    hub_agent_release(agent);
}

void hub_push__forget(hub_push_t *push)
{
    hub_agent_t *agent = push->agent;
    hub_forget_t *forget = malloc(sizeof *forget);
    HUB_ASSERT(forget);
    *forget = (hub_forget_t){.op = {.apply = apply_forget, .done = forgotten, .reply_to = agent->worker->mailbox},
                             .agent = agent,
                             .id = agent->id,
                             .gone = agent->gone};
    if (hub_store_submit(agent->worker->core->store, &forget->op) != HUB_EOK) {
        free(forget); /* the next change of the integration tries again */
        return;
    }
    push->forgetting = true;
    hub_agent_hold(agent);
}

/* ---- looking again ---- */

typedef struct hub_again {
    hub_op_t op; /* first */
    hub_agent_t *agent;
    uint32_t id;
} hub_again_t;

static hub_err_t apply_again(hub_view_t *view, hub_op_t *op)
{
    hub_err_t err = HUB_EOK;
    for (unsigned i = 0; i < HUB_PUSH_ROWS && !err; i++)
        if (hub_push_rows[i].leave == HUB_LEAVE_ALONE)
            err = hub_push_rewind(view, ((hub_again_t *)op)->id, hub_push_rows[i].module);
    return err;
}

static void looked_again(hub_op_t *op)
{
    hub_agent_t *agent = ((hub_again_t *)op)->agent;
    if (op->err)
        hub_log(HUB_WARN, "push.again", HUB_INT("integration", agent->id), HUB_STR("error", hub_err_info(op->err)->name));
    free(op);
    if (agent->push && !agent->push->ended)
        hub_push_follow(agent, NULL);
    hub_agent_release(agent);
}

/* Nothing tells these pumps what came into sight with a role or a party: they read from the beginning. What the partner has of it is
 * remembered. */
void hub_push__look_again(hub_push_t *push)
{
    hub_agent_t *agent = push->agent;
    hub_again_t *again = malloc(sizeof *again);
    HUB_ASSERT(again);
    *again = (hub_again_t){
        .op = {.apply = apply_again, .done = looked_again, .reply_to = agent->worker->mailbox}, .agent = agent, .id = agent->id};
    if (hub_store_submit(agent->worker->core->store, &again->op) != HUB_EOK)
        free(again);
    else
        hub_agent_hold(agent);
}
