#include "integration_index.h"

#include <string.h>

#include "integration_setting.h"
#include "registration.h"

#define WORDS 16u
#define BLOCK_IDS (WORDS * 64u)
#define STATUS_COUNT (HUB_STATUS_UNREGISTERED + 1u)

/* Sets of an id: what the settings say and what the registration says lie apart, as these are written apart. Who has no bit of a status is
 * DRAFT. */
enum { SET_ALL, SET_DISABLED, SET_TYPE = 0x20, SET_STATUS = 0x40 };

typedef struct bits {
    uint64_t word[WORDS];
} bits_t;

static void block_key(hub_key_t *key, uint32_t tenant, unsigned set, uint32_t block)
{
    hub_key_init(key);
    hub_key_u8(key, 'N');
    hub_key_u32(key, tenant);
    hub_key_u8(key, (uint8_t)set);
    hub_key_u32(key, block);
}

static void take(hub_slice_t value, bits_t *bits)
{
    *bits = (bits_t){{0}};
    if (value.len == sizeof *bits)
        memcpy(bits, value.ptr, sizeof *bits);
}

static hub_err_t get(hub_view_t *view, uint32_t tenant, unsigned set, uint32_t block, bits_t *bits)
{
    hub_key_t key;
    hub_slice_t value = HUB_SLICE_NONE;
    block_key(&key, tenant, set, block);
    hub_err_t err = hub_view_get(view, HUB_TABLE_REFERENCE, &key, &value);
    take(err ? HUB_SLICE_NONE : value, bits);
    return err == HUB_ENOT_FOUND ? HUB_EOK : err;
}

/* ---- writing ---- */

static bool is_empty(const bits_t *bits)
{
    for (unsigned i = 0; i < WORDS; i++)
        if (bits->word[i])
            return false;
    return true;
}

static hub_err_t set_bit(hub_view_t *view, uint32_t tenant, unsigned set, uint32_t id, bool on)
{
    bits_t bits;
    hub_key_t key;
    uint64_t bit = (uint64_t)1 << (id % 64);
    hub_err_t err = get(view, tenant, set, id / BLOCK_IDS, &bits);
    uint64_t *word = &bits.word[id % BLOCK_IDS / 64];
    if (err || !(*word & bit) == !on)
        return err;
    *word ^= bit;
    block_key(&key, tenant, set, id / BLOCK_IDS);
    if (is_empty(&bits))
        return hub_view_delete(view, HUB_TABLE_REFERENCE, &key);
    return hub_view_put(view, HUB_TABLE_REFERENCE, &key, hub_slice((const char *)&bits, sizeof bits));
}

hub_err_t hub_integration_index_enabled(hub_view_t *view, uint32_t tenant, uint32_t id, bool enabled)
{
    return set_bit(view, tenant, SET_DISABLED, id, !enabled);
}

hub_err_t hub_integration_index_add(hub_view_t *view, uint32_t tenant, uint32_t id, hub_integration_type_t type, bool enabled)
{
    hub_err_t err = set_bit(view, tenant, SET_ALL, id, true);
    if (!err)
        err = set_bit(view, tenant, SET_TYPE + type, id, true);
    return err ? err : hub_integration_index_enabled(view, tenant, id, enabled);
}

hub_err_t hub_integration_index_drop(hub_view_t *view, uint32_t tenant, uint32_t id, hub_integration_type_t type)
{
    hub_err_t err = set_bit(view, tenant, SET_ALL, id, false);
    if (!err)
        err = set_bit(view, tenant, SET_TYPE + type, id, false);
    return err ? err : hub_integration_index_enabled(view, tenant, id, true);
}

hub_err_t hub_integration_index_status(hub_view_t *view, uint32_t tenant, uint32_t id, hub_integration_status_t before,
                                       hub_integration_status_t now)
{
    hub_err_t err = HUB_EOK;
    if (before == now)
        return err;
    if (before != HUB_STATUS_DRAFT)
        err = set_bit(view, tenant, SET_STATUS + before, id, false);
    if (!err && now != HUB_STATUS_DRAFT)
        err = set_bit(view, tenant, SET_STATUS + now, id, true);
    return err;
}

/* ---- picking ---- */

static hub_err_t keep_type(hub_view_t *view, const hub_integration_pick_t *pick, uint32_t block, bits_t *bits)
{
    bits_t type;
    hub_err_t err = get(view, pick->tenant, SET_TYPE + (unsigned)pick->type, block, &type);
    for (unsigned i = 0; i < WORDS; i++)
        bits->word[i] &= type.word[i];
    return err;
}

/* What has a status of the registration's: one of them, or (DRAFT) any of them. */
static hub_err_t with_status(hub_view_t *view, const hub_integration_pick_t *pick, uint32_t block, bits_t *bits)
{
    hub_err_t err = HUB_EOK;
    *bits = (bits_t){{0}};
    for (unsigned status = 0; status < STATUS_COUNT && !err; status++) {
        bits_t one;
        if (pick->status != HUB_STATUS_DRAFT && (unsigned)pick->status != status)
            continue;
        err = get(view, pick->tenant, SET_STATUS + status, block, &one);
        for (unsigned i = 0; i < WORDS; i++)
            bits->word[i] |= one.word[i];
    }
    return err;
}

static hub_err_t keep_status(hub_view_t *view, const hub_integration_pick_t *pick, uint32_t block, bits_t *bits)
{
    bits_t has, disabled;
    hub_err_t err = with_status(view, pick, block, &has);
    if (!err)
        err = get(view, pick->tenant, SET_DISABLED, block, &disabled);
    for (unsigned i = 0; i < WORDS && !err; i++) {
        uint64_t raw = pick->status == HUB_STATUS_DRAFT ? ~has.word[i] : has.word[i];
        bits->word[i] &= pick->status == HUB_STATUS_SUSPENDED ? raw | disabled.word[i] : raw & ~disabled.word[i];
    }
    return err;
}

static void keep_only(const hub_integration_pick_t *pick, uint32_t block, bits_t *bits)
{
    for (unsigned i = 0; i < WORDS; i++)
        bits->word[i] &=
            pick->only / BLOCK_IDS == block && pick->only % BLOCK_IDS / 64 == i ? (uint64_t)1 << (pick->only % 64) : (uint64_t)0;
}

/* One word of 64 ids that start with `first`: counted, and what belongs on the page is put there. */
static void take_word(hub_integration_pick_t *pick, uint32_t first, uint64_t word, uint64_t *skip)
{
    pick->total += (uint64_t)__builtin_popcountll(word);
    if (pick->after >= first)
        word &= pick->after - first >= 63 ? 0 : ~(uint64_t)0 << (pick->after - first + 1);
    uint64_t here = (uint64_t)__builtin_popcountll(word);
    if (here <= *skip) {
        *skip -= here;
        return;
    }
    for (; word; word &= word - 1) {
        if (*skip) {
            --*skip;
        } else if (pick->count == pick->limit) {
            pick->more = true;
            return;
        } else {
            pick->ids[pick->count++] = first + (uint32_t)__builtin_ctzll(word);
        }
    }
}

hub_err_t hub_integration_pick(hub_view_t *view, hub_integration_pick_t *pick)
{
    hub_key_t prefix;
    hub_scan_t scan;
    hub_slice_t key, value;
    hub_err_t err = HUB_EOK;
    uint64_t skip = pick->offset;
    pick->count = 0;
    pick->total = 0;
    pick->more = false;
    hub_key_init(&prefix);
    hub_key_u8(&prefix, 'N');
    hub_key_u32(&prefix, pick->tenant);
    hub_key_u8(&prefix, SET_ALL);
    hub_scan_init(&scan, view, HUB_TABLE_REFERENCE, &prefix, NULL, false);
    while (!err && hub_scan_next(&scan, &key, &value)) {
        bits_t bits;
        uint32_t block = hub_u32_at(key.ptr + 6);
        take(value, &bits);
        if (pick->type >= 0)
            err = keep_type(view, pick, block, &bits);
        if (!err && pick->status >= 0)
            err = keep_status(view, pick, block, &bits);
        if (pick->only)
            keep_only(pick, block, &bits);
        for (unsigned i = 0; i < WORDS && !err; i++)
            if (bits.word[i])
                take_word(pick, block * BLOCK_IDS + i * 64, bits.word[i], &skip);
    }
    hub_err_t ended = hub_scan_finish(&scan);
    return err ? err : ended;
}

/* ---- a store without it ---- */

#define HUB_INTEGRATION_TYPE(name, text, group, activate) "|" text
static const char index_form[] = "1"
#include "integration_type.def"
    ; /* a type that moves in its table moves its set */
#undef HUB_INTEGRATION_TYPE

static void form_key(hub_key_t *key)
{
    hub_key_init(key);
    hub_key_u8(key, 'N');
}

static bool is_made(hub_view_t *view)
{
    hub_key_t key;
    hub_slice_t form;
    form_key(&key);
    return hub_view_get(view, HUB_TABLE_REFERENCE, &key, &form) == HUB_EOK && hub_slice_eq_str(form, index_form);
}

static hub_err_t add_one(hub_view_t *view, hub_pool_t *pool, uint32_t tenant, uint32_t id)
{
    hub_key_t key;
    hub_slice_t record;
    hub_setting_values_t values;
    uint64_t version;
    hub_integration_key(&key, tenant, id);
    hub_err_t err = hub_view_get(view, HUB_TABLE_INTEGRATION, &key, &record);
    if (!err)
        err = hub_setting_decode(&hub_integration_settings, record, &values, &version);
    if (!err)
        err = hub_integration_index_add(view, tenant, id, hub_integration_type_of(pool, &values), hub_integration_is_enabled(&values));
    return err ? err : hub_integration_index_status(view, tenant, id, HUB_STATUS_DRAFT, hub_registration_status(view, tenant, id));
}

static hub_err_t clear(hub_view_t *view)
{
    hub_key_t prefix, one;
    hub_scan_t scan;
    hub_slice_t key, value;
    hub_err_t err = HUB_EOK;
    form_key(&prefix);
    hub_scan_init(&scan, view, HUB_TABLE_REFERENCE, &prefix, NULL, false);
    while (!err && hub_scan_next(&scan, &key, &value)) {
        hub_key_init(&one);
        hub_key_bytes(&one, key);
        err = hub_view_delete(view, HUB_TABLE_REFERENCE, &one);
    }
    hub_err_t ended = hub_scan_finish(&scan);
    return err ? err : ended;
}

typedef struct making {
    hub_view_t *view;
    hub_pool_t *pool;
    hub_err_t err;
} making_t;

static bool visit(void *arg, uint32_t tenant, uint32_t id)
{
    making_t *m = arg;
    m->err = add_one(m->view, m->pool, tenant, id);
    return !m->err;
}

static hub_err_t make(hub_view_t *view, hub_op_t *op)
{
    (void)op;
    hub_key_t key;
    making_t m = {view, hub_pool_create(), clear(view)};
    hub_err_t err = m.err ? m.err : hub_integration_each(view, 0, visit, &m);
    form_key(&key);
    if (!err)
        err = m.err ? m.err : hub_view_put(view, HUB_TABLE_REFERENCE, &key, hub_slice_str(index_form));
    hub_pool_destroy(m.pool);
    return err;
}

hub_err_t hub_integration_index_open(hub_core_t *core)
{
    hub_view_t *view;
    hub_err_t err = hub_view_open(core->store, &view);
    if (err)
        return err;
    bool made = is_made(view);
    hub_view_close(view);
    hub_op_t op = {.apply = make};
    return made ? HUB_EOK : hub_store_apply(core->store, &op);
}
