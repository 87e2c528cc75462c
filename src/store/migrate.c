/* What an older store is converted by. Each function takes it from one schema to the next, in the transaction that opens the tables. */
#include "room.h"

/* Schema 1 kept the normalised form of a received object in a table of its own, keyed by the object and the version (then only 2.2.1, which
 * is form 0). Its objects had no other form; their values are read as they are. */
static hub_err_t take_form(hub_view_t *view, hub_slice_t key, hub_slice_t form)
{
    hub_object_t object;
    hub_slice_t object_key = hub_slice(key.ptr, key.len - 1);
    hub_err_t err = hub_store__object_find(view, object_key, &object);
    if (err)
        return err == HUB_ENOT_FOUND ? HUB_EOK : err;
    object.form[0] = form;
    object.form_state[0] = HUB_FORM_STORED;
    return hub_object_forms(view, object_key, &object);
}

hub_err_t hub_store__migrate_forms(hub_view_t *view)
{
    MDB_dbi dbi;
    MDB_cursor *cursor;
    MDB_val k, v;
    int rc = mdb_dbi_open(view->txn, "projection", 0, &dbi);
    if (rc)
        return rc == MDB_NOTFOUND ? HUB_EOK : hub_store__err(rc);
    rc = mdb_cursor_open(view->txn, dbi, &cursor);
    if (rc)
        return hub_store__err(rc);
    hub_err_t err = HUB_EOK;
    while (!err && (rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0)
        err = k.mv_size < 2 ? HUB_ESTORE : take_form(view, hub_slice(k.mv_data, k.mv_size), hub_slice(v.mv_data, v.mv_size));
    mdb_cursor_close(cursor);
    if (!err && rc != MDB_NOTFOUND)
        err = hub_store__err(rc);
    return err ? err : hub_store__err(mdb_drop(view->txn, dbi, 1));
}
