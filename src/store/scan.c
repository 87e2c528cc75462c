/* Scans: walking the keys of a table that start alike. */
#include <errno.h>

#include "room.h"

/* The store thread's cursors end with its transaction. */
void hub_store__cursors_drop(hub_view_t *view)
{
    memset(view->idle_count, 0, sizeof view->idle_count);
}

static int cursor_open(hub_view_t *view, hub_table_t table, MDB_cursor **out)
{
    if (!view->idle_count[table])
        return mdb_cursor_open(view->txn, view->store->dbi[table], out);
    *out = view->idle[table][--view->idle_count[table]];
    int rc = view->batch ? 0 : mdb_cursor_renew(view->txn, *out);
    if (rc)
        mdb_cursor_close(*out);
    return rc;
}

static void copy_key(hub_key_t *to, const hub_key_t *from)
{
    to->len = from->len;
    to->overflow = from->overflow;
    memcpy(to->bytes, from->bytes, from->len);
}

void hub_scan_init(hub_scan_t *scan, hub_view_t *view, hub_table_t table, const hub_key_t *prefix, const hub_key_t *from, bool backward)
{
    scan->cursor = NULL;
    scan->view = view;
    scan->table = table;
    scan->backward = backward;
    scan->started = false;
    scan->has_from = from != NULL;
    copy_key(&scan->prefix, prefix);
    if (from)
        copy_key(&scan->from, from);
    if (prefix->overflow || (from && from->overflow)) {
        scan->err = HUB_EINVALID;
        return;
    }
    MDB_cursor *cursor = NULL;
    int rc = cursor_open(view, table, &cursor);
    scan->err = hub_store__err(rc);
    if (!rc)
        scan->cursor = cursor;
    else if (view->batch && !view->batch->rc)
        view->batch->rc = rc;
}

/* To the last key that starts with the prefix, or, when there is none, to one before it. */
static int seek_prefix_end(const hub_scan_t *scan, MDB_cursor *cursor, MDB_val *k, MDB_val *v)
{
    unsigned char after[HUB_KEY_MAX];
    size_t len = scan->prefix.len;
    memcpy(after, scan->prefix.bytes, len);
    while (len && after[len - 1] == 0xFF)
        len--;
    if (!len)
        return mdb_cursor_get(cursor, k, v, MDB_LAST);
    after[len - 1]++;
    *k = (MDB_val){len, after};
    int rc = mdb_cursor_get(cursor, k, v, MDB_SET_RANGE);
    return mdb_cursor_get(cursor, k, v, rc == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
}

/* To `at` itself or, without it (or when it is to be passed), the next one in the direction. */
static int seek(const hub_scan_t *scan, MDB_cursor *cursor, const hub_key_t *at, bool pass, MDB_val *k, MDB_val *v)
{
    *k = (MDB_val){at->len, hub_store__unconst(at->bytes)};
    int rc = mdb_cursor_get(cursor, k, v, MDB_SET_RANGE);
    if (rc == MDB_NOTFOUND && scan->backward)
        return mdb_cursor_get(cursor, k, v, MDB_LAST);
    if (rc)
        return rc;
    bool there = k->mv_size == at->len && memcmp(k->mv_data, at->bytes, at->len) == 0;
    if (there && pass)
        return mdb_cursor_get(cursor, k, v, scan->backward ? MDB_PREV : MDB_NEXT);
    if (!there && scan->backward)
        return mdb_cursor_get(cursor, k, v, MDB_PREV);
    return 0;
}

static int first(hub_scan_t *scan, MDB_cursor *cursor, MDB_val *k, MDB_val *v)
{
    const hub_key_t *at = scan->has_from ? &scan->from : NULL;
    size_t shorter = at && at->len < scan->prefix.len ? at->len : scan->prefix.len;
    int order = at ? memcmp(at->bytes, scan->prefix.bytes, shorter) : 0;
    if (order == 0 && at && at->len < scan->prefix.len)
        order = -1;
    if (scan->backward) {
        if (at && order <= 0) /* at or below: inside the prefix, or nothing to give */
            return order < 0 ? MDB_NOTFOUND : seek(scan, cursor, at, false, k, v);
        return seek_prefix_end(scan, cursor, k, v);
    }
    if (order > 0)
        return MDB_NOTFOUND;
    if (!at || order < 0)
        at = &scan->prefix;
    return at->len ? seek(scan, cursor, at, false, k, v) : mdb_cursor_get(cursor, k, v, MDB_FIRST);
}

bool hub_scan_next(hub_scan_t *scan, hub_slice_t *key, hub_slice_t *value)
{
    MDB_cursor *cursor = scan->cursor;
    MDB_val k, v;
    int rc;
    if (!cursor)
        return false;
    if (!scan->started)
        rc = first(scan, cursor, &k, &v);
    else if (scan->view->batch) /* anything may have been written meanwhile: find the place again */
        rc = seek(scan, cursor, &scan->from, true, &k, &v);
    else
        rc = mdb_cursor_get(cursor, &k, &v, scan->backward ? MDB_PREV : MDB_NEXT);
    scan->started = true;
    if (!rc && (k.mv_size < scan->prefix.len || memcmp(k.mv_data, scan->prefix.bytes, scan->prefix.len) != 0))
        rc = MDB_NOTFOUND;
    if (rc) {
        if (rc != MDB_NOTFOUND) {
            scan->err = hub_store__err(rc);
            if (scan->view->batch && !scan->view->batch->rc)
                scan->view->batch->rc = rc;
        }
        hub_scan_finish(scan);
        return false;
    }
    if (scan->view->batch) {
        scan->from.len = (uint16_t)k.mv_size;
        memcpy(scan->from.bytes, k.mv_data, k.mv_size);
    }
    *key = hub_store__keep(scan->view, hub_slice(k.mv_data, k.mv_size));
    *value = hub_store__keep(scan->view, hub_slice(v.mv_data, v.mv_size));
    return true;
}

hub_err_t hub_scan_finish(hub_scan_t *scan)
{
    if (scan->cursor) {
        hub_view_t *view = scan->view;
        if (view->idle_count[scan->table] < IDLE_CURSORS)
            view->idle[scan->table][view->idle_count[scan->table]++] = scan->cursor;
        else
            mdb_cursor_close(scan->cursor);
        scan->cursor = NULL;
    }
    return scan->err;
}
