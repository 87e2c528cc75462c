/* JSON in and out: yyjson over a pool, and what yyjson leaves to its caller (depth, keys given twice, NUL inside strings). */
#include <stdlib.h>
#include <string.h>

#include "schema.h"
#include "text.h"

/* ---- memory ---- */

static void *alc_malloc(void *ctx, size_t size)
{
    return hub_pool_alloc(ctx, size);
}

static void *alc_realloc(void *ctx, void *ptr, size_t old_size, size_t size)
{
    if (size <= old_size)
        return ptr;
    void *fresh = hub_pool_alloc(ctx, size);
    if (ptr)
        memcpy(fresh, ptr, old_size);
    return fresh;
}

static void alc_free(void *ctx, void *ptr)
{
    (void)ctx;
    (void)ptr; /* the pool frees all at once */
}

const yyjson_alc *ocpi_alc(hub_pool_t *pool)
{
    yyjson_alc *alc = HUB_POOL_NEW(pool, yyjson_alc);
    *alc = (yyjson_alc){alc_malloc, alc_realloc, alc_free, pool};
    return alc;
}

/* ---- what yyjson does not look at ---- */

typedef struct walk {
    hub_pool_t *pool;
    bool nul; /* "\u0000" is somewhere in the text: strings must be searched */
    const char *rule;
    const char *message;
    hub_slice_t pointer;
} walk_t;

static bool fail(walk_t *walk, const ocpi_frame_t *frame, const char *rule, const char *message)
{
    walk->pointer = ocpi__pointer(walk->pool, frame);
    walk->rule = rule;
    walk->message = message;
    return false;
}

static int compare_keys(const void *a, const void *b)
{
    hub_slice_t x = ocpi__text(*(yyjson_val *const *)a), y = ocpi__text(*(yyjson_val *const *)b);
    int order = memcmp(x.ptr, y.ptr, x.len < y.len ? x.len : y.len);
    return order ? order : (x.len > y.len) - (x.len < y.len);
}

/* Many keys: sorted, so that a hostile choice of keys costs n log n and no more. */
static yyjson_val *twice_sorted(hub_pool_t *pool, yyjson_val *object)
{
    size_t count = yyjson_obj_size(object), n = 0, i, max;
    yyjson_val **keys = hub_pool_alloc(pool, count * sizeof *keys), *key, *value;
    yyjson_obj_foreach(object, i, max, key, value)
    {
        keys[n++] = key;
    }
    qsort(keys, n, sizeof *keys, compare_keys);
    for (i = 1; i < n; i++)
        if (compare_keys(&keys[i - 1], &keys[i]) == 0)
            return keys[i];
    return NULL;
}

#define FEW_KEYS 64

/* One of 256 kinds of key, by its length, its first two characters and two behind the middle. The factor is one by which hardly an object
 * of field.def has two keys of one kind. yyjson ends each key with a NUL, so that a key of one character has two as well. */
static unsigned kind_of(hub_slice_t key)
{
    if (key.len == 0)
        return 0;
    uint32_t mix = (uint32_t)ocpi__load2(key.ptr) | (uint32_t)ocpi__load2(key.ptr + key.len * 5 / 8) << 16;
    return ((mix ^ (uint32_t)key.len * 0x801u) * 0xD271D329u) >> 24;
}

static bool given_before(yyjson_val *object, yyjson_val *key)
{
    size_t i, max;
    yyjson_val *before, *value;
    yyjson_obj_foreach(object, i, max, before, value)
    {
        if (before == key)
            return false;
        if (ocpi__same(ocpi__text(before), ocpi__text(key)))
            return true;
    }
    return false;
}

static bool walk_value(walk_t *walk, yyjson_val *value, const ocpi_frame_t *frame, unsigned depth);

static bool fail_twice(walk_t *walk, yyjson_val *key, const ocpi_frame_t *frame)
{
    ocpi_frame_t at = {frame, ocpi__text(key), 0};
    return fail(walk, &at, "duplicate", "this key is given twice");
}

/* A bit for each kind of key seen: only where the bit is taken are the keys before compared. What is wrong with the keys is told before
 * what is wrong inside of a value. */
static bool walk_object(walk_t *walk, yyjson_val *object, const ocpi_frame_t *frame, unsigned depth)
{
    uint64_t seen[4] = {0};
    bool good = true;
    yyjson_val *key = unsafe_yyjson_get_first(object), *value;
    for (size_t left = unsafe_yyjson_get_len(object); left; left--, key = unsafe_yyjson_get_next(value)) {
        unsigned kind = kind_of(ocpi__text(key));
        uint64_t bit = 1ull << (kind & 63), before = seen[kind >> 6];
        if ((before & bit) && given_before(object, key))
            return fail_twice(walk, key, frame);
        seen[kind >> 6] = before | bit;
        value = key + 1;
        if (yyjson_is_ctn(value) && good) {
            ocpi_frame_t at = {frame, ocpi__text(key), 0};
            good = walk_value(walk, value, &at, depth);
        }
    }
    return good;
}

/* The same of an object with many keys, or when strings must be searched. */
static bool search_object(walk_t *walk, yyjson_val *object, const ocpi_frame_t *frame, unsigned depth)
{
    size_t i, max;
    yyjson_val *key, *value, *again = twice_sorted(walk->pool, object);
    if (again)
        return fail_twice(walk, again, frame);
    yyjson_obj_foreach(object, i, max, key, value)
    {
        ocpi_frame_t at = {frame, ocpi__text(key), 0};
        if (walk->nul && memchr(at.key.ptr, 0, at.key.len))
            return fail(walk, frame, "nul", "a key here holds a NUL character");
        if (!walk_value(walk, value, &at, depth))
            return false;
    }
    return true;
}

static bool walk_list(walk_t *walk, yyjson_val *list, const ocpi_frame_t *frame, unsigned depth)
{
    size_t i, max;
    yyjson_val *value;
    yyjson_arr_foreach(list, i, max, value)
    {
        if (!yyjson_is_ctn(value) && !walk->nul)
            continue;
        ocpi_frame_t at = {frame, HUB_SLICE_NONE, i};
        if (!walk_value(walk, value, &at, depth))
            return false;
    }
    return true;
}

/* `depth`: containers around this value. */
static bool walk_value(walk_t *walk, yyjson_val *value, const ocpi_frame_t *frame, unsigned depth)
{
    if (yyjson_is_str(value)) {
        hub_slice_t text = ocpi__text(value);
        return !walk->nul || !memchr(text.ptr, 0, text.len) || fail(walk, frame, "nul", "the text holds a NUL character");
    }
    if (!yyjson_is_ctn(value))
        return true;
    if (depth == OCPI_MAX_DEPTH)
        return fail(walk, frame, "depth", "the JSON is nested too deeply");
    if (yyjson_is_arr(value))
        return walk_list(walk, value, frame, depth + 1);
    if (walk->nul || yyjson_obj_size(value) > FEW_KEYS)
        return search_object(walk, value, frame, depth + 1);
    return walk_object(walk, value, frame, depth + 1);
}

/* ---- reading ---- */

static hub_err_t malformed(ocpi_problem_t *problem, hub_slice_t pointer, const char *rule, hub_slice_t message)
{
    if (problem)
        *problem = (ocpi_problem_t){.severity = OCPI_ERROR, .pointer = pointer, .rule = rule, .message = message};
    return HUB_EMALFORMED;
}

hub_err_t ocpi_read(hub_pool_t *pool, hub_slice_t text, yyjson_doc **doc, ocpi_problem_t *problem)
{
    *doc = NULL;
    if (text.len == 0)
        return malformed(problem, HUB_SLICE_LIT(""), "json", HUB_SLICE_LIT("the text is empty where JSON is expected"));
    yyjson_alc alc = {alc_malloc, alc_realloc, alc_free, pool};
    yyjson_read_err err = {0};
    /* Without YYJSON_READ_INSITU the text is only read. */
    yyjson_doc *read = yyjson_read_opts((char *)text.ptr, text.len, OCPI_READ_FLAGS, &alc, &err);
    if (!read)
        return malformed(problem, HUB_SLICE_LIT(""), "json", hub_pool_printf(pool, "not JSON at byte %zu: %s", err.pos, err.msg));
    walk_t walk = {.pool = pool, .nul = memchr(text.ptr, '\\', text.len) && memmem(text.ptr, text.len, "\\u0000", 6)};
    if (!walk_value(&walk, yyjson_doc_get_root(read), NULL, 0))
        return malformed(problem, walk.pointer, walk.rule, hub_slice_str(walk.message));
    *doc = read;
    return HUB_EOK;
}

hub_slice_t ocpi_str(yyjson_val *value)
{
    return yyjson_is_str(value) || yyjson_is_raw(value) ? ocpi__text(value) : HUB_SLICE_NONE;
}

hub_slice_t ocpi_get_str(yyjson_val *object, const char *name)
{
    return ocpi_str(yyjson_obj_get(object, name));
}

/* ---- writing ---- */

hub_slice_t ocpi_write(hub_pool_t *pool, yyjson_val *value)
{
    yyjson_alc alc = {alc_malloc, alc_realloc, alc_free, pool};
    size_t len = 0;
    const char *text = yyjson_val_write_opts(value, YYJSON_WRITE_NOFLAG, &alc, &len, NULL);
    return text ? hub_slice(text, len) : HUB_SLICE_NONE;
}

hub_slice_t ocpi_write_mut(hub_pool_t *pool, yyjson_mut_val *value)
{
    yyjson_alc alc = {alc_malloc, alc_realloc, alc_free, pool};
    size_t len = 0;
    const char *text = yyjson_mut_val_write_opts(value, YYJSON_WRITE_NOFLAG, &alc, &len, NULL);
    return text ? hub_slice(text, len) : HUB_SLICE_NONE;
}

void ocpi__add_json(hub_buf_t *out, yyjson_val *value)
{
    size_t i, max;
    yyjson_val *key, *item;
    if (yyjson_is_str(value)) {
        hub_buf_add_json(out, ocpi__text(value));
    } else if (yyjson_is_raw(value)) {
        hub_buf_add(out, ocpi__text(value));
    } else if (yyjson_is_arr(value)) {
        hub_buf_add_char(out, '[');
        yyjson_arr_foreach(value, i, max, item)
        {
            if (i)
                hub_buf_add_char(out, ',');
            ocpi__add_json(out, item);
        }
        hub_buf_add_char(out, ']');
    } else if (yyjson_is_obj(value)) {
        hub_buf_add_char(out, '{');
        yyjson_obj_foreach(value, i, max, key, item)
        {
            if (i)
                hub_buf_add_char(out, ',');
            hub_buf_add_json(out, ocpi__text(key));
            hub_buf_add_char(out, ':');
            ocpi__add_json(out, item);
        }
        hub_buf_add_char(out, '}');
    } else {
        hub_buf_add_str(out, yyjson_is_true(value) ? "true" : yyjson_is_false(value) ? "false" : "null");
    }
}
