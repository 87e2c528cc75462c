/* Table REFERENCE: 'i', SHA-256 of tenant, actor, path and key -> time, id, SHA-256 of the body; 'I', time, that SHA-256: the same by age.
 */
#include "idempotency.h"

#include <string.h>

#include "reply.h"

#define KEY_MOST 255u
#define KEPT_MS (24ll * 3600 * 1000)

typedef struct record {
    int64_t time;
    uint32_t id, reserved;
    unsigned char body[HUB_SHA256_LEN];
} record_t;

static void place_key(hub_key_t *key, const unsigned char place[HUB_SHA256_LEN])
{
    hub_key_init(key);
    hub_key_u8(key, 'i');
    hub_key_bytes(key, hub_slice((const char *)place, HUB_SHA256_LEN));
}

static void age_key(hub_key_t *key, int64_t time, const unsigned char place[HUB_SHA256_LEN])
{
    hub_key_init(key);
    hub_key_u8(key, 'I');
    hub_key_u64(key, (uint64_t)time);
    hub_key_bytes(key, hub_slice((const char *)place, HUB_SHA256_LEN));
}

bool hub_idempotency_read(hub_exchange_t *x, hub_idempotency_t *out)
{
    hub_slice_t key = hub_slice_trim(x->header[HUB_HEADER_IDEMPOTENCY_KEY]);
    memset(out, 0, sizeof *out);
    if (x->method != HUB_POST || key.len == 0)
        return true;
    if (key.len > KEY_MOST) {
        hub_reply_wrong(x, "/header/Idempotency-Key", "length", "must have at most 255 characters");
        return false;
    }
    hub_buf_t place = HUB_BUF_INIT(x->pool);
    hub_slice_t path = x->path;
    if (path.len && path.ptr[path.len - 1] == '/') /* is the same resource */
        path.len--;
    const hub_slice_t parts[] = {x->state->actor, path, key};
    hub_buf_printf(&place, "%u %u", x->state->tenant, x->state->key_id);
    for (size_t i = 0; i < HUB_COUNT(parts); i++) {
        hub_buf_printf(&place, " %zu:", parts[i].len);
        hub_buf_add(&place, parts[i]);
    }
    hub_sha256(hub_buf_slice(&place), out->place);
    hub_sha256(x->body, out->body);
    out->given = true;
    return true;
}

static hub_err_t look_up(hub_view_t *view, const hub_idempotency_t *request, record_t *out)
{
    hub_key_t key;
    hub_slice_t value;
    place_key(&key, request->place);
    hub_err_t err = hub_view_get(view, HUB_TABLE_REFERENCE, &key, &value);
    if (err)
        return err;
    if (value.len != sizeof *out)
        return HUB_ESTORE;
    memcpy(out, value.ptr, sizeof *out);
    return HUB_EOK;
}

hub_err_t hub_idempotency_find(hub_view_t *view, hub_idempotency_t *request, uint32_t *id)
{
    record_t record;
    request->replayed = false;
    if (!request->given)
        return HUB_EOK;
    hub_err_t err = look_up(view, request, &record);
    if (err == HUB_ENOT_FOUND || (!err && record.time <= hub_now_ms() - KEPT_MS))
        return HUB_EOK;
    if (err)
        return err;
    if (memcmp(record.body, request->body, sizeof record.body) != 0)
        return HUB_ECONFLICT;
    request->replayed = true;
    *id = record.id;
    return HUB_EOK;
}

hub_err_t hub_idempotency_note(hub_view_t *view, const hub_idempotency_t *request, uint32_t id)
{
    record_t record = {.time = hub_now_ms(), .id = id}, old;
    hub_key_t key;
    if (!request->given)
        return HUB_EOK;
    hub_err_t err = look_up(view, request, &old);
    if (!err) {
        age_key(&key, old.time, request->place);
        err = hub_view_delete(view, HUB_TABLE_REFERENCE, &key);
    }
    if (err && err != HUB_ENOT_FOUND)
        return err;
    memcpy(record.body, request->body, sizeof record.body);
    place_key(&key, request->place);
    err = hub_view_put(view, HUB_TABLE_REFERENCE, &key, hub_slice((const char *)&record, sizeof record));
    age_key(&key, record.time, request->place);
    return err ? err : hub_view_put(view, HUB_TABLE_REFERENCE, &key, HUB_SLICE_LIT("1"));
}

hub_err_t hub_idempotency_expire(hub_view_t *view, int64_t now, unsigned limit, unsigned *count)
{
    const size_t len = 1 + 8 + HUB_SHA256_LEN;
    hub_key_t prefix, age, place;
    hub_err_t err = HUB_EOK;
    hub_key_init(&prefix);
    hub_key_u8(&prefix, 'I');
    for (*count = 0; *count < limit && !err; ++*count) {
        hub_scan_t scan;
        hub_slice_t key, value;
        uint64_t time = 0;
        hub_scan_init(&scan, view, HUB_TABLE_REFERENCE, &prefix, NULL, false);
        bool some = hub_scan_next(&scan, &key, &value) && key.len == len;
        for (size_t i = 1; some && i < 9; i++)
            time = time << 8 | (unsigned char)key.ptr[i];
        some = some && (int64_t)time <= now - KEPT_MS;
        if (some) {
            age_key(&age, (int64_t)time, (const unsigned char *)key.ptr + 9);
            place_key(&place, (const unsigned char *)key.ptr + 9);
        }
        err = hub_scan_finish(&scan);
        if (err || !some)
            break;
        err = hub_view_delete(view, HUB_TABLE_REFERENCE, &age);
        if (!err)
            err = hub_view_delete(view, HUB_TABLE_REFERENCE, &place);
        err = err == HUB_ENOT_FOUND ? HUB_EOK : err;
    }
    return err;
}

void hub_idempotency_tell(hub_exchange_t *x, const hub_idempotency_t *request)
{
    if (request->replayed)
        hub_reply_add_header(x, "idempotency-replayed", HUB_SLICE_LIT("true"));
}
