/* base: slices, pools, buffers, errors, log, clock, ids, queues. The room that every other room stands on.
 *
 * Nothing here does network or disk I/O except the log, which writes lines to a file descriptor.
 * Thread: every function may be called on any thread unless it says otherwise; a pool or a buffer belongs to one
 * thread at a time.
 */
#ifndef HUB_BASE_H
#define HUB_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- asserts: contracts between our own functions, kept in release; never on what a peer sent ---- */

_Noreturn void hub_assert_failed(const char *expression, const char *file, int line);
#define HUB_ASSERT(e) ((e) ? (void)0 : hub_assert_failed(#e, __FILE__, __LINE__))

#define HUB_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define HUB_PRINTF(at, first) __attribute__((__format__(__printf__, at, first)))

/* ---- slice: a borrowed run of bytes, never owned, not NUL-terminated ---- */

typedef struct hub_slice {
    const char *ptr;
    size_t len;
} hub_slice_t;

#define HUB_SLICE_NONE ((hub_slice_t){NULL, 0})
#define HUB_SLICE_LIT(literal) ((hub_slice_t){"" literal "", sizeof(literal) - 1})
#define HUB_SLICE_FMT(s) (int)(s).len, ((s).ptr ? (s).ptr : "") /* for "%.*s" */

static inline hub_slice_t hub_slice(const char *ptr, size_t len)
{
    return (hub_slice_t){ptr, len};
}
hub_slice_t hub_slice_str(const char *nul_terminated); /* NULL gives HUB_SLICE_NONE */
bool hub_slice_eq(hub_slice_t a, hub_slice_t b);
bool hub_slice_eq_str(hub_slice_t a, const char *b);
bool hub_slice_caseeq(hub_slice_t a, hub_slice_t b); /* ASCII case folded */
bool hub_slice_caseeq_str(hub_slice_t a, const char *b);
bool hub_slice_starts(hub_slice_t s, hub_slice_t prefix);
hub_slice_t hub_slice_trim(hub_slice_t s); /* without leading and trailing blanks, tabs and line ends */
/* Takes everything before `separator` off the front of *rest (all of it when there is none). False when *rest was used up. */
bool hub_slice_split(hub_slice_t *rest, char separator, hub_slice_t *part);
bool hub_slice_u64(hub_slice_t s, uint64_t *out); /* digits only, whole slice, no overflow */
bool hub_slice_utf8_ok(hub_slice_t s);
hub_slice_t hub_slice_utf8_cut(hub_slice_t s, size_t most); /* as much of its beginning as is UTF-8, at most so many bytes */
uint64_t hub_hash(uint64_t hash, hub_slice_t s);            /* FNV-1a; begins with HUB_HASH_START, and goes on with what it gave */
#define HUB_HASH_START 14695981039346656037u

/* ---- pool: memory of one request, freed at once ----
 * Never returns NULL: out of memory aborts. What is not memory is linked with a dispose hook; hooks run in reverse order.
 * Under AddressSanitizer every allocation is a real one. */

typedef struct hub_pool hub_pool_t;
hub_pool_t *hub_pool_create(void);
void hub_pool_destroy(hub_pool_t *pool); /* takes NULL */
void hub_pool_clear(hub_pool_t *pool);   /* runs the hooks, frees all, the pool stays usable */
void *hub_pool_alloc(hub_pool_t *pool, size_t size);
void *hub_pool_zalloc(hub_pool_t *pool, size_t size);
#define HUB_POOL_NEW(pool, type) ((type *)hub_pool_zalloc((pool), sizeof(type)))
hub_slice_t hub_pool_copy(hub_pool_t *pool, hub_slice_t s);                          /* the copy is followed by a NUL */
hub_slice_t hub_pool_join(hub_pool_t *pool, const hub_slice_t *parts, size_t count); /* one after the other, in one piece */
char *hub_pool_str(hub_pool_t *pool, hub_slice_t s);
hub_slice_t hub_pool_printf(hub_pool_t *pool, const char *format, ...) HUB_PRINTF(2, 3);
void hub_pool_link(hub_pool_t *pool, void (*dispose)(void *), void *arg);

/* ---- buf: a growing byte string inside a pool (or on the heap when pool is NULL: then hub_buf_finish frees it) ---- */

typedef struct hub_buf {
    hub_pool_t *pool;
    char *ptr;
    size_t len, capacity;
} hub_buf_t;

#define HUB_BUF_INIT(p) ((hub_buf_t){(p), NULL, 0, 0})
void hub_buf_finish(hub_buf_t *buf);
void hub_buf_reserve(hub_buf_t *buf, size_t more);
void hub_buf_add(hub_buf_t *buf, hub_slice_t s);
void hub_buf_add_str(hub_buf_t *buf, const char *s);
void hub_buf_add_char(hub_buf_t *buf, char c);
void hub_buf_add_u64(hub_buf_t *buf, uint64_t n);
void hub_buf_printf(hub_buf_t *buf, const char *format, ...) HUB_PRINTF(2, 3);
void hub_buf_add_json(hub_buf_t *buf, hub_slice_t s); /* a JSON string with its quotes; NUL pointer gives null */
/* The same of bytes that need not be UTF-8: then '?' for each that is not ASCII. */
void hub_buf_add_json_any(hub_buf_t *buf, hub_slice_t s);
void hub_buf_add_url(hub_buf_t *buf, hub_slice_t s); /* percent-encoded, RFC 3986 unreserved characters as they are */
static inline hub_slice_t hub_buf_slice(const hub_buf_t *buf)
{
    return hub_slice(buf->ptr, buf->len);
}

/* ---- errors: one row each in err.def ---- */

typedef enum hub_err {
#define HUB_ERR(name, http, http_ocpi, ocpi, retry, level, text) HUB_E##name,
#include "hub/err.def"
#undef HUB_ERR
    HUB_ERR_COUNT
} hub_err_t;

typedef struct hub_err_info {
    const char *name; /* "NOT_FOUND" */
    const char *text; /* for people */
    int http_status;  /* what /v1 answers */
    int http_ocpi;    /* HTTP status on /ocpi */
    int ocpi_status;  /* what /ocpi answers in the envelope */
    bool retryable;   /* the same request may succeed later */
    int level;        /* hub_level_t */
} hub_err_info_t;

const hub_err_info_t *hub_err_info(hub_err_t err); /* never NULL; static */

/* ---- log: JSON lines {"time","level","event",…}; values that are secrets go in as HUB_SECRET and come out masked ---- */

typedef enum hub_level { HUB_DEBUG, HUB_INFO, HUB_WARN, HUB_ERROR } hub_level_t;

typedef struct hub_field {
    const char *name;
    enum { HUB_FIELD_STRING, HUB_FIELD_INT, HUB_FIELD_BOOL, HUB_FIELD_SECRET } kind;
    hub_slice_t string;
    int64_t number;
} hub_field_t;

#define HUB_STR(name, value) ((hub_field_t){(name), HUB_FIELD_STRING, hub_slice_str(value), 0})
#define HUB_SLICE(name, value) ((hub_field_t){(name), HUB_FIELD_STRING, (value), 0})
#define HUB_INT(name, value) ((hub_field_t){(name), HUB_FIELD_INT, HUB_SLICE_NONE, (int64_t)(value)})
#define HUB_BOOL(name, value) ((hub_field_t){(name), HUB_FIELD_BOOL, HUB_SLICE_NONE, (value)})
#define HUB_SECRET(name, value) ((hub_field_t){(name), HUB_FIELD_SECRET, (value), 0})

void hub_log_set(int fd, hub_level_t least);
bool hub_log_on(hub_level_t level);
void hub_log_fields(hub_level_t level, const char *event, const hub_field_t *fields, size_t count);
/* hub_log(HUB_WARN, "push.failed", HUB_STR("integration", id), HUB_INT("status", 500)) */
#define hub_log(level, event, ...)                                                                                                         \
    do {                                                                                                                                   \
        if (hub_log_on(level)) {                                                                                                           \
            const hub_field_t hub_log_list[] = {__VA_ARGS__};                                                                              \
            hub_log_fields((level), (event), hub_log_list, HUB_COUNT(hub_log_list));                                                       \
        }                                                                                                                                  \
    } while (0)
/* "••••1234": what may be shown of a secret; fewer than eight characters show none. */
hub_slice_t hub_mask(hub_pool_t *pool, hub_slice_t secret);

/* ---- clock and ids ---- */

int64_t hub_now_ms(void);               /* Unix time in milliseconds, UTC */
int64_t hub_mono_ms(void);              /* monotonic, for durations and deadlines */
int64_t hub_mono_us(void);              /* the same in microseconds */
void hub_random(void *out, size_t len); /* the kernel's generator; aborts when there is none */
#define HUB_UUID_LEN 36
void hub_uuid(char out[HUB_UUID_LEN + 1]); /* version 4, lower case, NUL-terminated */
uint32_t hub_jitter(uint32_t upto);        /* uniform in [0, upto) ; not for secrets */

/* ---- mailbox: tasks handed to another thread's loop ---- */

typedef struct hub_task {
    struct hub_task *next;
    void (*run)(struct hub_task *task); /* on the receiving thread; may free the task */
} hub_task_t;

typedef struct hub_mailbox hub_mailbox_t;
/* wake(arg) is called from the posting thread when the box was empty; it must only signal (uv_async_send). */
hub_mailbox_t *hub_mailbox_create(void (*wake)(void *arg), void *arg);
void hub_mailbox_destroy(hub_mailbox_t *box); /* remaining tasks are not run */
void hub_mailbox_post(hub_mailbox_t *box, hub_task_t *task);
size_t hub_mailbox_drain(hub_mailbox_t *box); /* runs what is there, in order; the number of tasks run */

#endif
