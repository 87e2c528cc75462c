#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hub/base.h"

static atomic_int log_fd = STDERR_FILENO;
static atomic_int log_least = HUB_INFO;
static const char *const level_names[] = {"debug", "info", "warn", "error"};

void hub_log_set(int fd, hub_level_t least)
{
    log_fd = fd;
    log_least = (int)least;
}

bool hub_log_on(hub_level_t level)
{
    return (int)level >= atomic_load_explicit(&log_least, memory_order_relaxed);
}

hub_slice_t hub_mask(hub_pool_t *pool, hub_slice_t secret)
{
    /* Four of eight or more characters may show: enough to tell two keys apart, too few to guess one. */
    hub_slice_t tail = secret.len >= 8 ? hub_slice(secret.ptr + secret.len - 4, 4) : HUB_SLICE_NONE;
    while (tail.len && ((unsigned char)*tail.ptr & 0xC0) == 0x80) /* not in the middle of a character */
        tail = hub_slice(tail.ptr + 1, tail.len - 1);
    return hub_pool_printf(pool, "\xE2\x80\xA2\xE2\x80\xA2\xE2\x80\xA2\xE2\x80\xA2%.*s", HUB_SLICE_FMT(tail));
}

static void add_time(hub_buf_t *line)
{
    int64_t now = hub_now_ms();
    time_t seconds = (time_t)(now / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    hub_buf_printf(line, "{\"time\":\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\"", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                   tm.tm_min, tm.tm_sec, (int)(now % 1000));
}

void hub_log_fields(hub_level_t level, const char *event, const hub_field_t *fields, size_t count)
{
    hub_buf_t line = HUB_BUF_INIT(NULL);
    add_time(&line);
    hub_buf_printf(&line, ",\"level\":\"%s\",\"event\":\"%s\"", level_names[level], event);
    for (size_t i = 0; i < count; i++) {
        const hub_field_t *f = &fields[i];
        hub_buf_printf(&line, ",\"%s\":", f->name);
        switch (f->kind) {
        case HUB_FIELD_STRING:
            hub_buf_add_json_any(&line, f->string);
            break;
        case HUB_FIELD_INT:
            hub_buf_printf(&line, "%lld", (long long)f->number);
            break;
        case HUB_FIELD_BOOL:
            hub_buf_add_str(&line, f->number ? "true" : "false");
            break;
        case HUB_FIELD_SECRET:
            hub_buf_add_str(&line, f->string.len ? "\"[secret]\"" : "null");
            break;
        }
    }
    hub_buf_add(&line, HUB_SLICE_LIT("}\n"));
    /* One write a line, so that lines of several threads never mix; a log that cannot be written is no reason to fail. */
    ssize_t ignored = write(log_fd, line.ptr, line.len);
    (void)ignored;
    hub_buf_finish(&line);
}
