#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "hub/base.h"

static int64_t clock_ms(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t hub_now_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}

int64_t hub_mono_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

int64_t hub_mono_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void hub_random(void *out, size_t len)
{
    unsigned char *p = out;
    while (len) {
        ssize_t n = getrandom(p, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            perror("getrandom");
            abort();
        }
        p += n;
        len -= (size_t)n;
    }
}

/* Ids need no system call each: a thread draws 4 KiB at a time. */
static void random_buffered(unsigned char *out, size_t len)
{
    static _Thread_local unsigned char store[4096];
    static _Thread_local size_t left;
    if (left < len) {
        hub_random(store, sizeof store);
        left = sizeof store;
    }
    for (size_t i = 0; i < len; i++)
        out[i] = store[sizeof store - left + i];
    left -= len;
}

void hub_uuid(char out[HUB_UUID_LEN + 1])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char raw[16];
    random_buffered(raw, sizeof raw);
    raw[6] = (unsigned char)((raw[6] & 0x0F) | 0x40);
    raw[8] = (unsigned char)((raw[8] & 0x3F) | 0x80);
    char *p = out;
    for (size_t i = 0; i < sizeof raw; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = hex[raw[i] >> 4];
        *p++ = hex[raw[i] & 15];
    }
    *p = '\0';
}

uint32_t hub_jitter(uint32_t upto)
{
    uint32_t n;
    random_buffered((unsigned char *)&n, sizeof n);
    return upto ? (uint32_t)(((uint64_t)n * upto) >> 32) : 0;
}
