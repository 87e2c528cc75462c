#include "integration_line.h"

#include <string.h>

#include "chore.h"
#include "integration_setting.h"

#define IDLE_MS 500ull
#define SETTLED_MS 1000   /* an integration that is being changed all the time is not worth a line */
#define MADE_MOST 32u     /* a batch holds its worker up for about a millisecond … */
#define LOOKED_MOST 2000u /* … also where there is nothing to do */

/* ---- one line: what it was made of, then the text ---- */

typedef struct head {
    uint64_t process, settings, registration;
} head_t;

/* Of the records as they are now. HUB_ENOT_FOUND: the integration is gone. */
static hub_err_t head_now(hub_core_t *core, hub_view_t *view, const hub_key_t *key, head_t *head, hub_slice_t *settings)
{
    hub_slice_t record;
    hub_err_t err = hub_view_get(view, HUB_TABLE_INTEGRATION, key, settings);
    if (err)
        return err;
    *head = (head_t){.process = core->process, .settings = hub_record_version(*settings)};
    err = hub_view_get(view, HUB_TABLE_REGISTRATION, key, &record);
    if (!err)
        head->registration = hub_record_version(record);
    return err == HUB_ENOT_FOUND ? HUB_EOK : err;
}

static bool stored(hub_view_t *view, const hub_key_t *key, const head_t *head, hub_slice_t *text)
{
    hub_slice_t line;
    if (hub_view_get(view, HUB_TABLE_INTEGRATION_LINE, key, &line) != HUB_EOK || line.len < sizeof *head ||
        memcmp(line.ptr, head, sizeof *head) != 0)
        return false;
    *text = hub_slice(line.ptr + sizeof *head, line.len - sizeof *head);
    return true;
}

static hub_err_t make(hub_core_t *core, hub_view_t *view, hub_pool_t *pool, uint32_t tenant, uint32_t id, hub_slice_t *text)
{
    const hub_integration_show_t show = {.include = 0};
    hub_buf_t out = HUB_BUF_INIT(pool);
    hub_buf_reserve(&out, 4096);
    hub_err_t err = hub_integration_write(core, view, pool, tenant, id, &show, &out, NULL);
    *text = hub_buf_slice(&out);
    return err;
}

hub_err_t hub_integration_line(hub_core_t *core, hub_view_t *view, hub_pool_t *pool, uint32_t tenant, uint32_t id, hub_slice_t *text)
{
    hub_key_t key;
    head_t head;
    hub_slice_t settings;
    hub_integration_key(&key, tenant, id);
    hub_err_t err = head_now(core, view, &key, &head, &settings);
    if (err || stored(view, &key, &head, text))
        return err;
    return make(core, view, pool, tenant, id, text);
}

hub_err_t hub_integration_line_drop(hub_view_t *view, uint32_t tenant, uint32_t id)
{
    hub_key_t key;
    hub_integration_key(&key, tenant, id);
    hub_err_t err = hub_view_delete(view, HUB_TABLE_INTEGRATION_LINE, &key);
    return err == HUB_ENOT_FOUND ? HUB_EOK : err;
}

/* ---- the chore ---- */

typedef struct lines {
    hub_chore_t chore;           /* first */
    uint64_t seen;               /* hub_view_access when a walk over all of them last found nothing left to do */
    uint64_t walking;            /* … as it was when the walk under way began */
    hub_key_t position;          /* of the walk; len 0: at the start */
    bool left;                   /* some were passed over that will want a line soon */
    hub_slice_t made[MADE_MOST]; /* key and line */
    hub_slice_t lines[MADE_MOST];
    uint32_t count;
} lines_t;

/* When the settings were last changed; of the registration alone nobody makes a stream of changes. */
static bool is_settled(hub_slice_t settings, hub_slice_t before)
{
    hub_setting_values_t values;
    uint64_t version;
    if (hub_setting_decode(&hub_integration_settings, settings, &values, &version) != HUB_EOK)
        return false;
    hub_slice_t time = values.json[S_LAST_UPDATED]; /* in quotes */
    if (time.len < 2)
        return true;
    size_t least = time.len - 2 < before.len ? time.len - 2 : before.len;
    return memcmp(time.ptr + 1, before.ptr, least) < 0;
}

static hub_err_t look_at(lines_t *l, hub_view_t *view, hub_slice_t record_key, hub_slice_t before)
{
    hub_core_t *core = l->chore.worker->core;
    hub_pool_t *pool = l->chore.pool;
    hub_key_t key;
    head_t head;
    hub_slice_t settings, text;
    hub_key_init(&key);
    hub_key_bytes(&key, record_key);
    hub_err_t err = head_now(core, view, &key, &head, &settings);
    if (err || stored(view, &key, &head, &text))
        return err;
    if (!is_settled(settings, before)) {
        l->left = true;
        return HUB_EOK;
    }
    err = make(core, view, pool, hub_u32_at(record_key.ptr), hub_u32_at(record_key.ptr + 4), &text);
    if (err == HUB_ECRYPTO)
        return HUB_EOK; /* not ours to mend: the list says so itself */
    if (err)
        return err;
    l->made[l->count] = hub_pool_copy(pool, record_key);
    l->lines[l->count++] = hub_pool_join(pool, (const hub_slice_t[]){hub_slice((const char *)&head, sizeof head), text}, 2);
    return HUB_EOK;
}

static hub_err_t walk(lines_t *l, hub_view_t *view)
{
    char before[OCPI_TIME_MAX + 1];
    hub_key_t all;
    hub_scan_t scan;
    hub_slice_t key, value, settled = hub_slice(before, ocpi_time_format(hub_now_ms() - SETTLED_MS, before));
    hub_err_t err = HUB_EOK;
    uint32_t looked = 0;
    hub_key_init(&all);
    hub_scan_init(&scan, view, HUB_TABLE_INTEGRATION, &all, l->position.len ? &l->position : NULL, false);
    hub_key_init(&l->position);
    while (!err && hub_scan_next(&scan, &key, &value)) {
        if (key.len != 8)
            continue;
        if (l->count == MADE_MOST || looked++ == LOOKED_MOST) {
            hub_key_bytes(&l->position, key);
            break;
        }
        err = look_at(l, view, key, settled);
    }
    hub_err_t ended = hub_scan_finish(&scan);
    return err ? err : ended;
}

static hub_err_t look(hub_chore_t *chore, hub_view_t *view)
{
    lines_t *l = (lines_t *)chore;
    uint64_t now = hub_view_access(view);
    l->count = 0;
    if (!l->position.len) {
        if (now && now == l->seen)
            return HUB_ENOT_FOUND;
        l->walking = now;
        l->left = false;
    }
    hub_err_t err = walk(l, view);
    if (err)
        return err;
    if (!l->position.len)
        l->seen = l->left || l->count ? 0 : l->walking;
    chore->soon = l->position.len > 0;
    return l->count ? HUB_EOK : HUB_ENOT_FOUND;
}

static hub_err_t apply(hub_chore_t *chore, hub_view_t *view)
{
    const lines_t *l = (const lines_t *)chore;
    hub_err_t err = HUB_EOK;
    for (uint32_t i = 0; i < l->count && !err; i++) {
        hub_key_t key;
        hub_slice_t settings;
        hub_key_init(&key);
        hub_key_bytes(&key, l->made[i]);
        err = hub_view_get(view, HUB_TABLE_INTEGRATION, &key, &settings);
        if (!err)
            err = hub_view_put(view, HUB_TABLE_INTEGRATION_LINE, &key, l->lines[i]);
        err = err == HUB_ENOT_FOUND ? HUB_EOK : err; /* deleted meanwhile */
    }
    return err;
}

const hub_chore_kind_t hub_line_chore = {
    .name = "integration_line", .size = sizeof(lines_t), .first_ms = IDLE_MS, .idle_ms = IDLE_MS, .look = look, .apply = apply};
