/* Connectors that run by a schedule: at each tick what has come up to then is read and sent; then they wait for the next one. What failed
 * is tried again in between, too. Table CURSOR: u8 'C', u32 integration, u8 'T' -> i64 ms of the next tick, the schedule that it is of. */
#include <string.h>

#include "run.h"
#include "settings/schedule.h"

static void tick_key(hub_key_t *key, uint32_t integration)
{
    hub_connector__reader(key, integration);
    hub_key_u8(key, 'T');
}

hub_err_t hub_tick__put(hub_view_t *view, uint32_t integration, int64_t at, hub_slice_t schedule)
{
    hub_key_t key;
    hub_buf_t value = HUB_BUF_INIT(NULL);
    tick_key(&key, integration);
    hub_buf_add(&value, hub_slice((const char *)&at, sizeof at));
    hub_buf_add(&value, schedule);
    hub_err_t err = hub_view_put(view, HUB_TABLE_CURSOR, &key, hub_buf_slice(&value));
    hub_buf_finish(&value);
    return err;
}

static void set(hub_run_t *run)
{
    run->tick.at = hub_schedule_next(run->tick.schedule, hub_now_ms());
    run->tick.dirty = true;
}

/* A tick that was missed, because nobody was there, is now. */
void hub_tick__load(hub_run_t *run, hub_view_t *view)
{
    hub_key_t key;
    hub_slice_t value;
    const hub_connector_t *connector = run->integration->connector;
    hub_slice_t schedule = hub_connector_text(connector, "schedule");
    run->tick.open = true;
    if (!schedule.len || (run->kind->feed != HUB_FEED_EXPORT && connector->trigger != HUB_TRIGGER_SCHEDULE))
        return;
    run->tick.open = false;
    run->tick.schedule = schedule;
    tick_key(&key, run->agent->id);
    const size_t head = sizeof run->tick.at;
    if (hub_view_get(view, HUB_TABLE_CURSOR, &key, &value) == HUB_EOK && value.len >= head &&
        hub_slice_eq(hub_slice(value.ptr + head, value.len - head), schedule))
        memcpy(&run->tick.at, value.ptr, head);
    else
        set(run);
}

bool hub_tick__open(hub_run_t *run)
{
    if (!run->tick.open && run->tick.at && run->tick.at <= hub_now_ms()) {
        run->tick.open = true;
        run->tick.until = hub_store_seq(run->agent->worker->core->store);
        run->exhausted = false;
    }
    return run->tick.open;
}

void hub_tick__close(hub_run_t *run)
{
    if (!run->tick.schedule.len || !run->tick.open || !run->exhausted || run->window_count || run->batch.package)
        return;
    run->tick.open = false;
    set(run);
}
