/* PATCH as JSON Merge Patch (RFC 7396, decision B), and the appending list of a Session (S3). */
#include <stdlib.h>
#include <string.h>

#include "schema.h"

typedef struct run {
    yyjson_mut_doc *doc;
    hub_pool_t *pool;
} run_t;

static yyjson_mut_val *merge(run_t *run, yyjson_val *base, yyjson_val *patch);

/* ---- members of the patch by name: sorted, so that a merge costs n log m ---- */

typedef struct entry {
    hub_slice_t name;
    yyjson_val *key, *value;
    bool used;
} entry_t;

static int compare_names(hub_slice_t a, hub_slice_t b)
{
    int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_entries(const void *a, const void *b)
{
    return compare_names(((const entry_t *)a)->name, ((const entry_t *)b)->name);
}

static entry_t *index_of(run_t *run, yyjson_val *patch, size_t *count)
{
    entry_t *entries = hub_pool_alloc(run->pool, (yyjson_obj_size(patch) + 1) * sizeof *entries);
    size_t i, max, n = 0;
    yyjson_val *key, *value;
    yyjson_obj_foreach(patch, i, max, key, value)
    {
        entries[n++] = (entry_t){ocpi__text(key), key, value, false};
    }
    qsort(entries, n, sizeof *entries, compare_entries);
    *count = n;
    return entries;
}

static entry_t *find(entry_t *entries, size_t count, hub_slice_t name)
{
    entry_t wanted = {.name = name};
    return count ? bsearch(&wanted, entries, count, sizeof *entries, compare_entries) : NULL;
}

/* ---- merging ---- */

static void add(run_t *run, yyjson_mut_val *object, yyjson_val *key, yyjson_mut_val *value)
{
    yyjson_mut_obj_add(object, yyjson_val_mut_copy(run->doc, key), value);
}

/* The members of the base, with what the patch says of them. */
static void merge_known(run_t *run, yyjson_mut_val *out, yyjson_val *base, entry_t *entries, size_t count)
{
    size_t i, max;
    yyjson_val *key, *value;
    yyjson_obj_foreach(base, i, max, key, value)
    {
        entry_t *entry = find(entries, count, ocpi__text(key));
        if (!entry) {
            add(run, out, key, yyjson_val_mut_copy(run->doc, value));
            continue;
        }
        entry->used = true;
        if (!yyjson_is_null(entry->value))
            add(run, out, key, merge(run, value, entry->value));
    }
}

static yyjson_mut_val *merge_objects(run_t *run, yyjson_val *base, yyjson_val *patch)
{
    yyjson_mut_val *out = yyjson_mut_obj(run->doc);
    size_t count, i, max;
    entry_t *entries = index_of(run, patch, &count);
    if (base)
        merge_known(run, out, base, entries, count);
    yyjson_val *key, *value;
    yyjson_obj_foreach(patch, i, max, key, value) /* the new ones, in the order of the patch */
    {
        if (!yyjson_is_null(value) && !find(entries, count, ocpi__text(key))->used)
            add(run, out, key, merge(run, NULL, value));
    }
    return out;
}

static yyjson_mut_val *merge(run_t *run, yyjson_val *base, yyjson_val *patch)
{
    if (!yyjson_is_obj(patch))
        return yyjson_val_mut_copy(run->doc, patch);
    return merge_objects(run, yyjson_is_obj(base) ? base : NULL, patch);
}

/* S3: what is new among the patch's periods goes to the end of the stored ones. */
static yyjson_mut_val *append_periods(run_t *run, yyjson_val *stored, yyjson_val *sent)
{
    yyjson_mut_val *out = yyjson_is_arr(stored) ? yyjson_val_mut_copy(run->doc, stored) : yyjson_mut_arr(run->doc);
    size_t i, max, j, most;
    yyjson_val *period, *known;
    yyjson_arr_foreach(sent, i, max, period)
    {
        bool there = false;
        yyjson_arr_foreach(stored, j, most, known)
        {
            if (yyjson_equals(period, known)) {
                there = true;
                break;
            }
        }
        if (!there)
            yyjson_mut_arr_append(out, yyjson_val_mut_copy(run->doc, period));
    }
    return out;
}

yyjson_mut_val *ocpi_patch(hub_pool_t *pool, yyjson_val *base, yyjson_val *patch, ocpi_object_id_t object, ocpi_version_t version)
{
    run_t run = {yyjson_mut_doc_new(ocpi_alc(pool)), pool};
    yyjson_mut_val *out = merge(&run, base, patch);
    yyjson_val *sent = yyjson_obj_get(patch, "charging_periods");
    if (object == OCPI_OBJECT_SESSION && (version & OCPI_V_22UP) && (yyjson_is_arr(sent) || yyjson_is_null(sent))) {
        yyjson_val *stored = yyjson_obj_get(base, "charging_periods");
        if (stored || yyjson_is_arr(sent)) {
            yyjson_mut_val *key = yyjson_mut_strcpy(run.doc, "charging_periods"), *periods = append_periods(&run, stored, sent);
            if (!yyjson_mut_obj_replace(out, key, periods)) /* which keeps its place */
                yyjson_mut_obj_add(out, key, periods);
        }
    }
    yyjson_mut_doc_set_root(run.doc, out);
    return out;
}
