#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/base.h"

#if defined(__SANITIZE_ADDRESS__)
#define POOL_REAL_ALLOCATIONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POOL_REAL_ALLOCATIONS 1
#endif
#endif
#ifndef POOL_REAL_ALLOCATIONS
#define POOL_REAL_ALLOCATIONS 0
#endif

#define POOL_ALIGN 16
#define POOL_CHUNK 8176 /* with its head, a little under 8 KiB */

typedef struct chunk {
    struct chunk *next;
    size_t used, size;
    _Alignas(POOL_ALIGN) char bytes[];
} chunk_t;

typedef struct hook {
    struct hook *next;
    void (*dispose)(void *);
    void *arg;
} hook_t;

struct hub_pool {
    chunk_t *chunks; /* the first one is the one being filled */
    hook_t *hooks;
};

static void *must(void *p)
{
    if (!p) {
        fputs("out of memory\n", stderr);
        abort();
    }
    return p;
}

hub_pool_t *hub_pool_create(void)
{
    return must(calloc(1, sizeof(hub_pool_t)));
}

void hub_pool_clear(hub_pool_t *pool)
{
    while (pool->hooks) {
        hook_t *hook = pool->hooks;
        pool->hooks = hook->next;
        hook->dispose(hook->arg);
    }
    /* One chunk of the usual size stays, so that a pool which is cleared for every request does not go to malloc for each. */
    chunk_t *kept = NULL;
    while (pool->chunks) {
        chunk_t *chunk = pool->chunks;
        pool->chunks = chunk->next;
        if (!POOL_REAL_ALLOCATIONS && !kept && chunk->size == POOL_CHUNK)
            kept = chunk;
        else
            free(chunk);
    }
    if (kept) {
        kept->used = 0;
        kept->next = NULL;
        pool->chunks = kept;
    }
}

void hub_pool_destroy(hub_pool_t *pool)
{
    if (!pool)
        return;
    hub_pool_clear(pool);
    free(pool->chunks);
    free(pool);
}

static chunk_t *chunk_create(size_t size)
{
    chunk_t *chunk = must(malloc(sizeof(chunk_t) + size));
    chunk->used = 0;
    chunk->size = size;
    return chunk;
}

void *hub_pool_alloc(hub_pool_t *pool, size_t size)
{
    size_t need = (size + POOL_ALIGN - 1) & ~(size_t)(POOL_ALIGN - 1);
    HUB_ASSERT(need >= size);
    chunk_t *head = pool->chunks;
    bool fits = head && head->size - head->used >= need;
    if (POOL_REAL_ALLOCATIONS || (!fits && need > POOL_CHUNK / 4)) {
        /* A big block that does not fit gets a chunk of its own, behind the one being filled. */
        chunk_t *own = chunk_create(POOL_REAL_ALLOCATIONS ? size : need);
        own->used = own->size;
        own->next = head ? head->next : NULL;
        if (head)
            head->next = own;
        else
            pool->chunks = own;
        return own->bytes;
    }
    if (!fits) {
        chunk_t *fresh = chunk_create(POOL_CHUNK);
        fresh->next = head;
        pool->chunks = head = fresh;
    }
    void *p = head->bytes + head->used;
    head->used += need;
    return p;
}

void *hub_pool_zalloc(hub_pool_t *pool, size_t size)
{
    return memset(hub_pool_alloc(pool, size), 0, size);
}

char *hub_pool_str(hub_pool_t *pool, hub_slice_t s)
{
    char *p = hub_pool_alloc(pool, s.len + 1);
    if (s.len)
        memcpy(p, s.ptr, s.len);
    p[s.len] = '\0';
    return p;
}

hub_slice_t hub_pool_copy(hub_pool_t *pool, hub_slice_t s)
{
    return hub_slice(hub_pool_str(pool, s), s.len);
}

hub_slice_t hub_pool_join(hub_pool_t *pool, const hub_slice_t *parts, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += parts[i].len;
    char *out = hub_pool_alloc(pool, len), *at = out;
    for (size_t i = 0; i < count; at += parts[i++].len)
        if (parts[i].len)
            memcpy(at, parts[i].ptr, parts[i].len);
    return hub_slice(out, len);
}

hub_slice_t hub_pool_printf(hub_pool_t *pool, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    HUB_ASSERT(n >= 0);
    char *p = hub_pool_alloc(pool, (size_t)n + 1);
    vsnprintf(p, (size_t)n + 1, format, again);
    va_end(again);
    return hub_slice(p, (size_t)n);
}

void hub_pool_link(hub_pool_t *pool, void (*dispose)(void *), void *arg)
{
    hook_t *hook = hub_pool_alloc(pool, sizeof *hook);
    *hook = (hook_t){pool->hooks, dispose, arg};
    pool->hooks = hook;
}
