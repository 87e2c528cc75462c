/* Verification: every index row against the object it stands for, and the other way round; void rows are no fault (sweep.c). Reads one
 * snapshot from end to end. */
#include "room.h"

#define LINES_MAX 100

typedef struct check {
    hub_view_t *view;
    hub_buf_t *report;
    uint64_t seq, faults;
} check_t;

static void fault(check_t *c, hub_table_t table, hub_slice_t key, const char *what)
{
    static const char *const names[HUB_TABLE_COUNT] = {
#define HUB_TABLE(name, text, doc) text,
#include "hub/table.def"
#undef HUB_TABLE
    };
    if (c->faults++ >= LINES_MAX)
        return;
    hub_buf_printf(c->report, "%s ", names[table]);
    for (size_t i = 0; i < key.len; i++) {
        unsigned char b = (unsigned char)key.ptr[i];
        if (b > 32 && b < 127 && b != '\\')
            hub_buf_add_char(c->report, (char)b);
        else
            hub_buf_printf(c->report, "\\%02x", b);
    }
    hub_buf_printf(c->report, ": %s\n", what);
}

static bool get(check_t *c, hub_table_t table, const hub_key_t *key, hub_slice_t *value)
{
    return hub_view_get(c->view, table, key, value) == HUB_EOK;
}

static bool change_is(check_t *c, const hub_stream_t *stream, uint64_t seq, hub_change_t *change)
{
    hub_key_t key;
    hub_slice_t value;
    hub_store__key_stream(&key, stream);
    hub_key_u64(&key, seq);
    return get(c, HUB_TABLE_CHANGE, &key, &value) && hub_store__change_decode(hub_key_slice(&key), value, change);
}

static void check_object(check_t *c, hub_slice_t bytes, hub_slice_t value)
{
    hub_object_t object;
    hub_object_id_t id;
    hub_list_row_t row;
    hub_change_t change;
    hub_stream_t stream;
    hub_slice_t found;
    hub_key_t key;
    (void)value;
    if (!hub_object_key_parse(bytes, &id) || hub_object_get_key(c->view, bytes, &object)) {
        fault(c, HUB_TABLE_OBJECT, bytes, "not readable");
        return;
    }
    if (object.seq > c->seq || object.created_seq > c->seq || !object.created_seq)
        fault(c, HUB_TABLE_OBJECT, bytes, "a sequence number that was never given");
    for (uint32_t i = 0; i < object.audience_count; i++) {
        hub_store__key_created(&key, object.audiences[i], id.module, object.created_seq);
        if (!get(c, HUB_TABLE_CREATED, &key, &found) || !hub_store__row_decode(found, &row) || row.tag || !hub_slice_eq(row.key, bytes))
            fault(c, HUB_TABLE_OBJECT, bytes, "its created row is missing");
        hub_store__key_updated(&key, object.audiences[i], id.module, object.last_updated, object.created_seq);
        if (!get(c, HUB_TABLE_UPDATED, &key, &found))
            fault(c, HUB_TABLE_OBJECT, bytes, "its updated row is missing");
    }
    hub_key_init(&key);
    hub_key_bytes(&key, bytes);
    hub_store__stream_of(&key, &stream);
    if (object.seq && (!change_is(c, &stream, object.seq, &change) || change.kind != HUB_CHANGE_OBJECT || !hub_slice_eq(change.key, bytes)))
        fault(c, HUB_TABLE_OBJECT, bytes, "its change entry is missing");
}

static bool object_has(check_t *c, hub_slice_t key, hub_audience_t audience, uint64_t created_seq, hub_object_t *object)
{
    if (hub_object_get_key(c->view, key, object) || object->created_seq != created_seq)
        return false;
    for (uint32_t i = 0; i < object->audience_count; i++)
        if (object->audiences[i] == audience)
            return true;
    return false;
}

static void check_created(check_t *c, hub_slice_t key, hub_slice_t value)
{
    hub_list_row_t row;
    hub_object_t object;
    hub_key_t updated;
    hub_slice_t found;
    if (key.len != 17 || !hub_store__row_decode(value, &row)) {
        fault(c, HUB_TABLE_CREATED, key, "not readable");
        return;
    }
    uint64_t audience = hub_store__read_u64(key.ptr), created_seq = hub_store__read_u64(key.ptr + 9);
    if (!row.tag) {
        if (!object_has(c, row.key, audience, created_seq, &object))
            fault(c, HUB_TABLE_CREATED, key, "names no object of this audience");
        return;
    }
    hub_store__key_updated(&updated, audience, (uint8_t)key.ptr[8], row.last_updated, created_seq);
    if (!get(c, HUB_TABLE_UPDATED, &updated, &found) || found.len != 1 || (uint8_t)found.ptr[0] != row.tag)
        fault(c, HUB_TABLE_CREATED, key, "its updated row is missing");
}

static void check_updated(check_t *c, hub_slice_t key, hub_slice_t value)
{
    hub_key_t created;
    hub_slice_t found;
    hub_list_row_t row, listed;
    hub_object_t object;
    if (!hub_store__updated_decode(key, value, &row)) {
        fault(c, HUB_TABLE_UPDATED, key, "not readable");
        return;
    }
    if (hub_store__updated_live(c->view, key, value) == HUB_ENOT_FOUND)
        return;
    hub_store__key_created(&created, row.audience, (uint8_t)key.ptr[8], row.created_seq);
    if (!get(c, HUB_TABLE_CREATED, &created, &found) || !hub_store__row_decode(found, &listed) || listed.tag != row.tag)
        fault(c, HUB_TABLE_UPDATED, key, "its created row is missing");
    else if (row.tag ? listed.last_updated != row.last_updated
                     : !object_has(c, listed.key, row.audience, row.created_seq, &object) || object.last_updated != row.last_updated)
        fault(c, HUB_TABLE_UPDATED, key, "is not where its object is in time");
}

/* Counters of rows, and of the refused among them (row.c). */
static bool is_counted(check_t *c, unsigned what, hub_slice_t row)
{
    hub_list_row_t decoded;
    hub_object_t object;
    return !what || (what <= HUB_OBJECT_FORMS && hub_store__row_decode(row, &decoded) && !decoded.tag &&
                     !hub_object_get_key(c->view, decoded.key, &object) && object.form_state[what - 1] == HUB_FORM_REFUSED);
}

static void check_total(check_t *c, hub_slice_t key, hub_slice_t value)
{
    hub_scan_t scan;
    hub_slice_t row_key, row;
    hub_key_t prefix;
    uint64_t rows = 0;
    unsigned module = key.len == 9 ? (unsigned char)key.ptr[8] : 0;
    hub_store__key_audience(&prefix, key.len == 9 ? hub_store__read_u64(key.ptr) : 0, (uint8_t)(module & ((1u << MODULE_BITS) - 1)));
    hub_scan_init(&scan, c->view, HUB_TABLE_CREATED, &prefix, NULL, false);
    while (hub_scan_next(&scan, &row_key, &row))
        rows += is_counted(c, module >> MODULE_BITS, row);
    if (hub_scan_finish(&scan) || key.len != 9 || value.len != 8 || hub_store__read_u64(value.ptr) != rows)
        fault(c, HUB_TABLE_TOTAL, key, "is not the number of rows");
}

/* A counter must exist for the first row of an audience; that it is right is check_total's. */
static void check_counted(check_t *c, hub_slice_t key, hub_slice_t value)
{
    hub_key_t total;
    hub_slice_t found;
    hub_key_init(&total);
    hub_key_bytes(&total, hub_slice(key.ptr, key.len < 9 ? key.len : 9));
    if (!get(c, HUB_TABLE_TOTAL, &total, &found))
        fault(c, HUB_TABLE_CREATED, key, "is not counted");
    check_created(c, key, value);
}

static void check_change(check_t *c, hub_slice_t bytes, hub_slice_t value)
{
    hub_change_t change;
    hub_stream_t stream;
    hub_key_t key;
    hub_slice_t found;
    if (!hub_store__stream_read(bytes, &stream) || !hub_store__change_decode(bytes, value, &change)) {
        fault(c, HUB_TABLE_CHANGE, bytes, "not readable");
        return;
    }
    if (change.seq > c->seq)
        fault(c, HUB_TABLE_CHANGE, bytes, "a sequence number that was never given");
    if (change.kind != HUB_CHANGE_DELETE)
        return;
    if (hub_store__change_live(c->view, bytes, value))
        fault(c, HUB_TABLE_CHANGE, bytes, "belongs to nothing");
    hub_key_init(&key);
    hub_store__key_time(&key, change.time);
    hub_key_u64(&key, change.seq);
    if (!get(c, HUB_TABLE_TOMBSTONE, &key, &found))
        fault(c, HUB_TABLE_CHANGE, bytes, "a deletion that would never be forgotten");
}

static void check_entry(check_t *c, hub_slice_t key, hub_slice_t value)
{
    hub_stream_t stream;
    hub_change_t change;
    if (!hub_store__stream_read(key, &stream) || value.len != 8 || !change_is(c, &stream, hub_store__read_u64(value.ptr), &change))
        fault(c, HUB_TABLE_ENTRY, key, "has no change entry");
}

static void check_tombstone(check_t *c, hub_slice_t key, hub_slice_t value)
{
    hub_stream_t stream;
    hub_change_t change;
    if (!hub_store__stream_read(value, &stream) || key.len != 16 || !change_is(c, &stream, hub_store__read_u64(key.ptr + 8), &change) ||
        change.kind != HUB_CHANGE_DELETE || change.time != hub_store__read_time(key.ptr))
        fault(c, HUB_TABLE_TOMBSTONE, key, "has no change entry");
}

static const struct {
    hub_table_t table;
    void (*check)(check_t *c, hub_slice_t key, hub_slice_t value);
} checks[] = {
    {HUB_TABLE_OBJECT, check_object},       {HUB_TABLE_CREATED, check_counted}, {HUB_TABLE_UPDATED, check_updated},
    {HUB_TABLE_TOTAL, check_total},         {HUB_TABLE_CHANGE, check_change},   {HUB_TABLE_ENTRY, check_entry},
    {HUB_TABLE_TOMBSTONE, check_tombstone},
};

hub_err_t hub_store_verify(hub_store_t *store, hub_buf_t *report)
{
    check_t c = {.report = report};
    hub_key_t none;
    hub_err_t err = hub_view_open(store, &c.view);
    if (err)
        return err;
    hub_store__meta_key(&none, "seq");
    err = hub_store__number_get(c.view, HUB_TABLE_META, &none, &c.seq);
    hub_key_init(&none);
    for (size_t i = 0; !err && i < HUB_COUNT(checks); i++) {
        hub_scan_t scan;
        hub_slice_t key, value;
        hub_scan_init(&scan, c.view, checks[i].table, &none, NULL, false);
        while (hub_scan_next(&scan, &key, &value))
            checks[i].check(&c, key, value);
        err = hub_scan_finish(&scan);
    }
    hub_view_close(c.view);
    if (c.faults > LINES_MAX)
        hub_buf_printf(report, "and %llu more\n", (unsigned long long)(c.faults - LINES_MAX));
    return err ? err : c.faults ? HUB_ESTORE : HUB_EOK;
}
