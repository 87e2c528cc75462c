/* Rows that a newer row has made void. To delete such a row at once would change one more page of every write, somewhere in the tree.
 * So it stays, readers pass over it, and each commit goes on a little through the rows of what it has touched, in the order of their
 * keys, deleting the void ones that it meets: two rows looked at for one made void, so that no more of them gather than there are rows
 * of worth. Where it stopped is kept in META. */
#include "room.h"

#define ROWS_EACH 2

static bool is_void(hub_view_t *view, hub_table_t table, hub_slice_t key, hub_slice_t value)
{
    hub_err_t err = table == HUB_TABLE_CHANGE ? hub_store__change_live(view, key, value) : hub_store__updated_live(view, key, value);
    return err == HUB_ENOT_FOUND; /* what cannot be read is left for verification to find */
}

static void key_place(hub_key_t *key, const void_rows_t *rows)
{
    hub_key_init(key);
    hub_key_bytes(key, HUB_SLICE_LIT("sweep:"));
    hub_key_u8(key, (uint8_t)rows->table);
    hub_key_bytes(key, hub_slice((const char *)rows->prefix, rows->prefix_len));
}

/* From key *k on, `*left` rows at most. True: *k is the row to go on with, else the end was reached. */
static bool sweep_rows(hub_view_t *view, MDB_cursor *cursor, const void_rows_t *rows, MDB_val *k, uint64_t *left)
{
    MDB_val v;
    int rc = mdb_cursor_get(cursor, k, &v, MDB_SET_RANGE);
    while (!rc && k->mv_size >= rows->prefix_len && memcmp(k->mv_data, rows->prefix, rows->prefix_len) == 0) {
        if (!*left)
            return true;
        --*left;
        if (is_void(view, rows->table, hub_slice(k->mv_data, k->mv_size), hub_slice(v.mv_data, v.mv_size)))
            rc = mdb_cursor_del(cursor, 0);
        if (!rc)
            rc = mdb_cursor_get(cursor, k, &v, MDB_NEXT);
    }
    hub_store__result(view, rc); /* anything but the end of the table spoils the transaction */
    return false;
}

static hub_err_t sweep(hub_view_t *view, const void_rows_t *rows)
{
    MDB_cursor *cursor;
    hub_key_t place;
    hub_slice_t from = HUB_SLICE_NONE;
    key_place(&place, rows);
    hub_err_t err = hub_view_get(view, HUB_TABLE_META, &place, &from);
    bool middle = !err;
    if (err && err != HUB_ENOT_FOUND)
        return err;
    err = hub_store__result(view, mdb_cursor_open(view->txn, view->store->dbi[rows->table], &cursor));
    if (err)
        return err;
    uint64_t left = (uint64_t)rows->count * ROWS_EACH;
    MDB_val k = {from.len, hub_store__unconst(from.ptr)};
    bool more = middle && sweep_rows(view, cursor, rows, &k, &left);
    if (!more && left) { /* from the first row on */
        k = (MDB_val){rows->prefix_len, hub_store__unconst(rows->prefix)};
        more = sweep_rows(view, cursor, rows, &k, &left);
    }
    hub_key_t next;
    hub_key_init(&next);
    if (more)
        hub_key_bytes(&next, hub_slice(k.mv_data, k.mv_size));
    mdb_cursor_close(cursor);
    if (view->batch->rc)
        return HUB_ESTORE;
    if (more)
        return hub_view_put(view, HUB_TABLE_META, &place, hub_key_slice(&next));
    return middle ? hub_view_delete(view, HUB_TABLE_META, &place) : HUB_EOK;
}

hub_err_t hub_store__sweep(hub_view_t *view)
{
    batch_t *batch = view->batch;
    hub_err_t err = HUB_EOK;
    for (unsigned i = 0; !err && i < batch->void_count; i++)
        err = sweep(view, &batch->voids[i]);
    batch->void_count = 0;
    return err;
}

hub_err_t hub_store__void(hub_view_t *view, hub_table_t table, const hub_key_t *prefix)
{
    batch_t *batch = view->batch;
    HUB_ASSERT(prefix->len <= sizeof batch->voids->prefix);
    for (unsigned i = 0; i < batch->void_count; i++) {
        void_rows_t *rows = &batch->voids[i];
        if (rows->table == table && rows->prefix_len == prefix->len && memcmp(rows->prefix, prefix->bytes, prefix->len) == 0) {
            rows->count++;
            return HUB_EOK;
        }
    }
    hub_err_t err = batch->void_count == VOID_SLOTS ? hub_store__sweep(view) : HUB_EOK;
    void_rows_t *rows = &batch->voids[batch->void_count++];
    *rows = (void_rows_t){.table = table, .prefix_len = (uint8_t)prefix->len, .count = 1};
    memcpy(rows->prefix, prefix->bytes, prefix->len);
    return err;
}
