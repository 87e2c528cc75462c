/* Lists: pages over one or several audiences, merged.
 *
 * Three ways, all bounded by what they return or by LARGE_WINDOW:
 *   no window            rows of CREATED, merged by created seq
 *   window, small        rows of UPDATED, the smallest created seqs beyond the position picked out with a heap
 *   window, large        rows of UPDATED as they lie: by (last_updated, created seq) */
#include <stdlib.h>

#include "position.h"
#include "room.h"

#define LARGE_WINDOW 10000

typedef struct source {
    hub_scan_t scan;
    hub_list_row_t row;
    bool live;
} source_t;

typedef struct merge {
    hub_view_t *view;
    const hub_list_query_t *query;
    bool by_update; /* which table, which order */
    uint32_t count;
    uint64_t overlays; /* bit i: audience i may decide about rows of those after it */
    hub_err_t err;
    source_t sources[]; /* query->audience_count */
} merge_t;

/* ---- one audience ---- */

static bool decode(const merge_t *m, hub_slice_t key, hub_slice_t value, hub_list_row_t *row)
{
    if (!m->by_update) {
        if (key.len != 17 || !hub_store__row_decode(value, row))
            return false;
        row->created_seq = hub_store__read_u64(key.ptr + 9);
        return true;
    }
    return hub_store__updated_decode(key, value, row); /* without a key: looked up when somebody wants to know */
}

static void advance(merge_t *m, source_t *source)
{
    hub_slice_t key, value;
    source->live = !m->err && hub_scan_next(&source->scan, &key, &value);
    if (source->live && !decode(m, key, value, &source->row)) {
        m->err = HUB_ESTORE;
        source->live = false;
    }
    if (m->by_update && source->live && source->row.last_updated >= m->query->to)
        source->live = false;
    if (!m->err && source->scan.err)
        m->err = source->scan.err;
}

static void source_open(merge_t *m, uint32_t i, const position_t *after)
{
    hub_key_t prefix, from;
    hub_audience_t audience = m->query->audiences[i];
    uint8_t module = m->query->module;
    hub_store__key_audience(&prefix, audience, module);
    int64_t begin = after && after->last_updated > m->query->from ? after->last_updated : m->query->from;
    if (m->by_update)
        hub_store__key_updated(&from, audience, module, begin, after && begin == after->last_updated ? after->created_seq + 1 : 0);
    else
        hub_store__key_created(&from, audience, module, after ? after->created_seq + 1 : 0);
    m->sources[i].row.audience = audience;
    hub_scan_init(&m->sources[i].scan, m->view, m->by_update ? HUB_TABLE_UPDATED : HUB_TABLE_CREATED, &prefix, &from, false);
    advance(m, &m->sources[i]);
}

/* ---- all of them ---- */

static merge_t *merge_open(hub_view_t *view, const hub_list_query_t *query, bool by_update, const position_t *after)
{
    merge_t *m = malloc(sizeof *m + query->audience_count * sizeof *m->sources);
    HUB_ASSERT(m);
    *m = (merge_t){.view = view, .query = query, .by_update = by_update, .count = query->audience_count};
    for (uint32_t i = 0; i < m->count; i++) {
        if (i < 64 && query->audiences[i] >> 56 == HUB_AUDIENCE_OVERLAY && hub_audience_count(view, query->audiences[i], query->module))
            m->overlays |= 1ull << i;
        source_open(m, i, after);
    }
    return m;
}

static hub_err_t merge_close(merge_t *m)
{
    hub_err_t err = m->err;
    for (uint32_t i = 0; i < m->count; i++)
        hub_scan_finish(&m->sources[i].scan);
    free(m);
    return err;
}

static bool before(const merge_t *m, const hub_list_row_t *a, const hub_list_row_t *b)
{
    if (m->by_update && a->last_updated != b->last_updated)
        return a->last_updated < b->last_updated;
    return a->created_seq < b->created_seq;
}

/* With a window an overlay's row may lie elsewhere in time than the base's, which must then not be given. */
static bool overruled(const merge_t *m, uint32_t i, uint64_t created_seq)
{
    hub_key_t key;
    hub_slice_t value;
    for (uint32_t j = 0; m->by_update && j < i && j < 64; j++) {
        if (!(m->overlays >> j & 1))
            continue;
        hub_store__key_created(&key, m->query->audiences[j], m->query->module, created_seq);
        if (hub_view_get(m->view, HUB_TABLE_CREATED, &key, &value) == HUB_EOK)
            return true;
    }
    return false;
}

static bool merge_next(merge_t *m, hub_list_row_t *row)
{
    for (;;) {
        uint32_t best = m->count;
        for (uint32_t i = 0; i < m->count; i++)
            if (m->sources[i].live && (best == m->count || before(m, &m->sources[i].row, &m->sources[best].row)))
                best = i;
        if (best == m->count || m->err)
            return false;
        *row = m->sources[best].row;
        for (uint32_t i = best; i < m->count; i++) /* the same object in a later audience: the first named wins */
            if (m->sources[i].live && !before(m, row, &m->sources[i].row))
                advance(m, &m->sources[i]);
        if (!overruled(m, best, row->created_seq))
            return true;
    }
}

/* ---- rows ---- */

static hub_err_t resolve_key(hub_view_t *view, uint8_t module, hub_list_row_t *row)
{
    hub_key_t key;
    hub_slice_t value;
    hub_list_row_t found;
    if (row->key.len)
        return HUB_EOK;
    hub_store__key_created(&key, row->audience, module, row->created_seq);
    hub_err_t err = hub_view_get(view, HUB_TABLE_CREATED, &key, &value);
    if (err || !hub_store__row_decode(value, &found))
        return HUB_ESTORE;
    row->key = found.key;
    return HUB_EOK;
}

/* A row of UPDATED with a key may be void. One that its own audience would call void counts when its object is there at this time in
 * another audience of the query, whose row it stands for. */
static bool counts(merge_t *m, const hub_list_row_t *row)
{
    hub_object_t object;
    if (!m->by_update || !row->key.len)
        return true;
    hub_err_t err = hub_store__object_find(m->view, row->key, &object);
    if (err && err != HUB_ENOT_FOUND)
        m->err = err;
    if (err || object.created_seq != row->created_seq || object.last_updated != row->last_updated)
        return false;
    for (uint32_t i = 0; i < object.audience_count; i++)
        for (uint32_t j = 0; j < m->query->audience_count; j++)
            if (object.audiences[i] == m->query->audiences[j])
                return true;
    return false;
}

static bool has_form(merge_t *m, const hub_list_row_t *row)
{
    hub_object_t object;
    hub_err_t err = row->tag ? HUB_EOK : hub_store__object_find(m->view, row->key, &object);
    if (err && err != HUB_ENOT_FOUND)
        m->err = err;
    return row->tag || (!err && object.form_state[m->query->form] != HUB_FORM_REFUSED);
}

static bool taken(merge_t *m, hub_list_row_t *row)
{
    if (!counts(m, row))
        return false;
    if (!m->query->take && !m->query->form_only)
        return true;
    hub_err_t err = resolve_key(m->view, m->query->module, row);
    if (err)
        m->err = err;
    return !err && (!m->query->take || m->query->take(m->query->take_arg, row)) && (!m->query->form_only || has_form(m, row));
}

static bool next_taken(merge_t *m, hub_list_row_t *row)
{
    while (merge_next(m, row))
        if (taken(m, row))
            return true;
    return false;
}

/* ---- a page as the rows lie ---- */

typedef struct pager {
    hub_view_t *view;
    const hub_list_query_t *query;
    hub_pool_t *pool;
    hub_list_page_t *page;
    position_t at; /* of the next page, filled in as the page goes on */
    const position_t *after;
    uint32_t capacity;
    size_t bytes; /* of the objects on the page */
} pager_t;

/* Completes a row that goes out: its key in the pool, an own row's bytes and time from its object. */
static hub_err_t give(pager_t *p, hub_list_row_t *row)
{
    hub_err_t err = resolve_key(p->view, p->query->module, row);
    hub_object_t object;
    row->bytes = HUB_SLICE_NONE;
    if (!err)
        err = hub_object_get_key(p->view, row->key, &object);
    if (err && (err != HUB_ENOT_FOUND || !row->tag))
        return err == HUB_ENOT_FOUND ? HUB_ESTORE : err;
    if (!err)
        p->bytes += object.bytes.len;
    if (!row->tag) {
        row->last_updated = object.last_updated;
        row->bytes = object.form[p->query->form];
    }
    row->key = hub_pool_copy(p->pool, row->key);
    return HUB_EOK;
}

static bool full(const pager_t *p)
{
    return p->page->count >= p->query->limit || (p->query->max_bytes && p->bytes >= p->query->max_bytes);
}

static hub_err_t page_add(pager_t *p, const hub_list_row_t *row)
{
    hub_list_page_t *page = p->page;
    if (page->count == p->capacity) {
        p->capacity = p->capacity ? p->capacity * 2 : (p->query->limit < 64 ? p->query->limit : 64);
        hub_list_row_t *more = hub_pool_alloc(p->pool, p->capacity * sizeof *more);
        if (page->count)
            memcpy(more, page->rows, page->count * sizeof *more);
        page->rows = more;
    }
    page->rows[page->count] = *row;
    hub_err_t err = give(p, &page->rows[page->count]);
    if (err)
        return err;
    p->at.created_seq = row->created_seq;
    p->at.last_updated = p->at.by_update ? row->last_updated : 0;
    page->count++;
    return HUB_EOK;
}

static hub_err_t page_in_order(pager_t *p)
{
    merge_t *m = merge_open(p->view, p->query, p->at.by_update, p->after);
    hub_list_row_t row;
    uint64_t skip = p->after ? 0 : p->query->offset;
    hub_err_t err = HUB_EOK;
    while (skip && next_taken(m, &row))
        skip--;
    bool more = !skip && p->query->limit && next_taken(m, &row);
    while (more && !err && !full(p)) {
        err = page_add(p, &row);
        more = !err && next_taken(m, &row);
    }
    hub_err_t ended = merge_close(m);
    if (more)
        p->page->next = HUB_SLICE_LIT("?"); /* replaced when the position is complete */
    return err ? err : ended;
}

/* All rows between two times, void ones too, or only those that count and are taken. */
static hub_err_t count_between(const pager_t *p, int64_t from, int64_t to, bool all, uint64_t *out)
{
    hub_list_query_t query = *p->query;
    query.from = from;
    query.to = to;
    merge_t *m = merge_open(p->view, &query, true, NULL);
    hub_list_row_t row;
    *out = 0;
    while (all ? merge_next(m, &row) : next_taken(m, &row))
        ++*out;
    return merge_close(m);
}

/* Looking whether a row counts costs far more than passing it: an audience whose objects are counted has none void, or is looked at
 * inside or outside of the window, where there is less of it. */
static hub_err_t count_window(const pager_t *p, uint64_t *out)
{
    const hub_list_query_t *q = p->query;
    uint64_t objects, inside = 0, below = 0, above = 0;
    if (q->audience_count != 1 || q->take || q->form_only || !hub_store__leaves_rows(q->audiences[0]))
        return count_between(p, q->from, q->to, false, out);
    objects = hub_audience_count(p->view, q->audiences[0], q->module);
    hub_err_t err = count_between(p, q->from, q->to, true, &inside);
    if (!err)
        err = count_between(p, INT64_MIN, q->from, true, &below);
    if (!err)
        err = count_between(p, q->to, INT64_MAX, true, &above);
    *out = inside;
    if (err || inside + below + above == objects)
        return err;
    if (inside < below + above)
        return count_between(p, q->from, q->to, false, out);
    err = count_between(p, INT64_MIN, q->from, false, &below);
    if (!err)
        err = count_between(p, q->to, INT64_MAX, false, &above);
    *out = objects - below - above;
    return err;
}

/* ---- a page of a small window, in creation order ---- */

/* The `capacity` rows with the smallest created seqs: a heap with the largest of them on top. */
typedef struct heap {
    hub_list_row_t *rows;
    uint64_t count, capacity, allocated;
} heap_t;

static void sift_down(heap_t *heap, uint64_t i)
{
    for (;;) {
        uint64_t child = 2 * i + 1;
        if (child >= heap->count)
            return;
        if (child + 1 < heap->count && heap->rows[child + 1].created_seq > heap->rows[child].created_seq)
            child++;
        if (heap->rows[i].created_seq >= heap->rows[child].created_seq)
            return;
        hub_list_row_t row = heap->rows[i];
        heap->rows[i] = heap->rows[child];
        heap->rows[child] = row;
        i = child;
    }
}

static bool heap_wants(const heap_t *heap, const hub_list_row_t *row)
{
    return heap->count < heap->capacity || (heap->capacity && row->created_seq < heap->rows[0].created_seq);
}

static void heap_add(heap_t *heap, const hub_list_row_t *row)
{
    if (!heap_wants(heap, row))
        return;
    if (heap->count == heap->capacity) {
        heap->rows[0] = *row;
        sift_down(heap, 0);
        return;
    }
    if (heap->count == heap->allocated) {
        heap->allocated = heap->allocated ? heap->allocated * 2 : 64;
        heap->rows = realloc(heap->rows, heap->allocated * sizeof *heap->rows);
        HUB_ASSERT(heap->rows);
    }
    uint64_t i = heap->count++;
    for (; i && heap->rows[(i - 1) / 2].created_seq < row->created_seq; i = (i - 1) / 2)
        heap->rows[i] = heap->rows[(i - 1) / 2];
    heap->rows[i] = *row;
}

static int by_creation(const void *a, const void *b)
{
    uint64_t x = ((const hub_list_row_t *)a)->created_seq, y = ((const hub_list_row_t *)b)->created_seq;
    return x < y ? -1 : x > y;
}

/* Keys of the heap's rows are looked up only for those that go out: the pages of the map stay where they are while the view is open. */
static hub_err_t page_selected(pager_t *p, bool count)
{
    uint64_t skip = p->after ? 0 : p->query->offset, matched = 0;
    if (skip > LARGE_WINDOW)
        skip = LARGE_WINDOW; /* the window has no more */
    heap_t heap = {.capacity = skip + p->query->limit + 1};
    merge_t *m = merge_open(p->view, p->query, true, NULL);
    hub_list_row_t row;
    while (merge_next(m, &row)) {
        bool beyond = !p->after || row.created_seq > p->after->created_seq;
        if ((!count && !(beyond && heap_wants(&heap, &row))) || !taken(m, &row))
            continue;
        matched++;
        if (beyond)
            heap_add(&heap, &row);
    }
    hub_err_t err = merge_close(m);
    if (heap.count)
        qsort(heap.rows, heap.count, sizeof *heap.rows, by_creation);
    uint64_t next = skip;
    while (!err && next < heap.count && !full(p))
        err = page_add(p, &heap.rows[next++]);
    if (p->query->limit && heap.count > next)
        p->page->next = HUB_SLICE_LIT("?");
    free(heap.rows);
    if (count)
        p->page->total = matched;
    return err;
}

/* Stops counting as soon as the window is known to be large. Void rows are counted as well: what matters is what a page costs. */
static hub_err_t is_large(pager_t *p, bool *large)
{
    merge_t *m = merge_open(p->view, p->query, true, NULL);
    hub_list_row_t row;
    uint64_t n = 0;
    while (n <= LARGE_WINDOW && merge_next(m, &row))
        n++;
    *large = n > LARGE_WINDOW;
    return merge_close(m);
}

static hub_err_t page_window(pager_t *p)
{
    bool count = p->query->count && !(p->after && p->after->has_total);
    hub_err_t err = HUB_EOK;
    if (p->after)
        p->at.by_update = p->after->by_update;
    else
        err = is_large(p, &p->at.by_update);
    if (err)
        return err;
    if (p->after && p->after->has_total)
        p->page->total = p->after->total;
    if (!p->at.by_update)
        err = page_selected(p, count);
    else if (!(err = page_in_order(p)) && count)
        err = count_window(p, &p->page->total);
    p->at.has_total = count || (p->after && p->after->has_total);
    p->at.total = p->page->total;
    return err;
}

/* ---- the list ---- */

static uint64_t sum_of_counters(hub_view_t *view, const hub_list_query_t *query)
{
    int64_t sum = query->total_adjust;
    for (uint32_t i = 0; i < query->audience_count; i++)
        sum += (int64_t)hub_audience_count(view, query->audiences[i], query->module);
    return sum > 0 ? (uint64_t)sum : 0;
}

static uint64_t sum_of_refusals(hub_view_t *view, const hub_list_query_t *query)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < query->audience_count; i++)
        sum += hub_audience_refused(view, query->audiences[i], query->module, query->form);
    return sum;
}

hub_err_t hub_list(hub_view_t *view, const hub_list_query_t *asked, hub_pool_t *pool, hub_list_page_t *page)
{
    HUB_ASSERT(asked->audience_count <= HUB_LIST_AUDIENCES);
    hub_list_query_t own = *asked;
    const hub_list_query_t *query = &own;
    uint64_t refused = own.form_only ? sum_of_refusals(view, &own) : 0;
    own.form_only = refused > 0; /* mostly there is none, and no row need be looked at for it */
    own.total_adjust -= (int64_t)refused;
    bool window = query->from != INT64_MIN || query->to != INT64_MAX;
    position_t after;
    *page = (hub_list_page_t){0};
    pager_t p = {.view = view, .query = query, .pool = pool, .page = page};
    if (query->position.len) {
        if (!hub_store__position_read(query->position, &after) || after.created_seq == UINT64_MAX || (after.by_update && !window))
            return HUB_EINVALID;
        p.after = &after;
    }
    hub_err_t err;
    if (window) {
        err = page_window(&p);
    } else {
        err = page_in_order(&p);
        if (query->count)
            page->total = sum_of_counters(view, query);
    }
    if (page->next.len)
        page->next = hub_store__position_write(pool, &p.at);
    return err;
}
