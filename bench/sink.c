/* A partner that takes everything: many OCPI peers on one port, /p/N/… each, of every version, with the roles CPO and EMSP (2.1.1: one of
 * them). GET /p/N/versions, GET /p/N/V, POST /p/N/V/credentials: the handshake, token C is "sink-token-N" GET /p/N/token: token B that the
 * hub gave (for the load generator) PUT, PATCH, DELETE below /p/N/receiver/: counted, 1000 GET /stats: {"received":…}; GET /arrivals:
 * monotonic nanoseconds of each arrival since the last POST /reset */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "loop.h"

#define PARTNERS 16384
#define ARRIVALS (1 << 20)

static char tokens[PARTNERS][80];
static int64_t *arrivals;
static size_t arrival_count;
static const char done[] = "{\"status_code\":1000,\"timestamp\":\"2026-01-01T00:00:00Z\"}";

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int answer_text(h2o_req_t *req, char *text)
{
    size_t len = strlen(text);
    char *copy = h2o_mem_alloc_pool(&req->pool, len);
    memcpy(copy, text, len);
    return bench_answer(req, 200, copy, len);
}

static int list_arrivals(h2o_req_t *req)
{
    char *out = h2o_mem_alloc_pool(&req->pool, arrival_count * 21 + 16), *p = out;
    *p++ = '[';
    for (size_t i = 0; i < arrival_count; i++)
        p += sprintf(p, "%s%lld", i ? "," : "", (long long)arrivals[i]);
    *p++ = ']';
    return bench_answer(req, 200, out, (size_t)(p - out));
}

static void base_url(h2o_req_t *req, int n, char *out, size_t size)
{
    snprintf(out, size, "http://%.*s/p/%d", (int)req->authority.len, req->authority.base, n);
}

static int versions(h2o_req_t *req, int n)
{
    char base[128], text[1024];
    base_url(req, n, base, sizeof base);
    snprintf(text, sizeof text,
             "{\"status_code\":1000,\"timestamp\":\"2026-01-01T00:00:00Z\",\"data\":[{\"version\":\"2.1.1\",\"url\":\"%s/2.1.1\"},"
             "{\"version\":\"2.2.1\",\"url\":\"%s/2.2.1\"},{\"version\":\"2.3.0\",\"url\":\"%s/2.3.0\"}]}",
             base, base, base);
    return answer_text(req, text);
}

static int details(h2o_req_t *req, int n, const char *version)
{
    static const char *const modules[][2] = {
        {"locations", "RECEIVER"}, {"tariffs", "RECEIVER"}, {"locations", "SENDER"}, {"tariffs", "SENDER"}};
    char base[128], text[2048];
    base_url(req, n, base, sizeof base);
    int len = snprintf(text, sizeof text,
                       "{\"status_code\":1000,\"timestamp\":\"2026-01-01T00:00:00Z\",\"data\":{\"version\":\"%s\",\"endpoints\":["
                       "{\"identifier\":\"credentials\",\"role\":\"SENDER\",\"url\":\"%s/%s/credentials\"}",
                       version, base, version);
    size_t count = strcmp(version, "2.1.1") ? 4 : 2; /* it says no role: then these are an eMSP's */
    for (size_t i = 0; i < count; i++)
        len += snprintf(text + len, sizeof text - (size_t)len, ",{\"identifier\":\"%s\",\"role\":\"%s\",\"url\":\"%s/%s/%s\"}",
                        modules[i][0], modules[i][1], base, modules[i][1][0] == 'R' ? "receiver" : "sender", modules[i][0]);
    snprintf(text + len, sizeof text - (size_t)len, "]}}");
    return answer_text(req, text);
}

static void remember_token(h2o_req_t *req, int n)
{
    static const char key[] = "\"token\":\"";
    const char *at = memmem(req->entity.base, req->entity.len, key, sizeof key - 1);
    if (!at)
        return;
    at += sizeof key - 1;
    const char *end = memchr(at, '"', req->entity.len - (size_t)(at - req->entity.base));
    if (end && (size_t)(end - at) < sizeof tokens[n])
        snprintf(tokens[n], sizeof tokens[n], "%.*s", (int)(end - at), at);
}

static int credentials(h2o_req_t *req, int n, const char *version)
{
    char base[128], text[1024];
    base_url(req, n, base, sizeof base);
    if (req->entity.len)
        remember_token(req, n);
    if (!strcmp(version, "2.1.1"))
        snprintf(text, sizeof text,
                 "{\"status_code\":1000,\"timestamp\":\"2026-01-01T00:00:00Z\",\"data\":{\"token\":\"sink-token-%d\",\"url\":\"%s/"
                 "versions\",\"country_code\":\"DE\",\"party_id\":\"S%02d\",\"business_details\":{\"name\":\"Sink\"}}}",
                 n, base, n % 100);
    else
        snprintf(text, sizeof text,
                 "{\"status_code\":1000,\"timestamp\":\"2026-01-01T00:00:00Z\",\"data\":{\"token\":\"sink-token-%d\",\"url\":\"%s/"
                 "versions\",\"roles\":["
                 "{\"role\":\"EMSP\",\"country_code\":\"DE\",\"party_id\":\"S%02d\",\"business_details\":{\"name\":\"Sink\"}},"
                 "{\"role\":\"CPO\",\"country_code\":\"DE\",\"party_id\":\"S%02d\",\"business_details\":{\"name\":\"Sink\"}}]}}",
                 n, base, n % 100, n % 100);
    return answer_text(req, text);
}

static int on_request(h2o_handler_t *self, h2o_req_t *req)
{
    (void)self;
    char path[256];
    snprintf(path, sizeof path, "%.*s", (int)(req->path.len < 255 ? req->path.len : 255), req->path.base);
    if (strcmp(path, "/arrivals") == 0)
        return list_arrivals(req);
    if (strcmp(path, "/reset") == 0) {
        arrival_count = 0;
        return bench_answer(req, 200, done, sizeof done - 1);
    }
    if (strcmp(path, "/stats") == 0) {
        char text[64];
        snprintf(text, sizeof text, "{\"received\":%zu}", arrival_count);
        return answer_text(req, text);
    }
    int n = 0, used = 0;
    if (sscanf(path, "/p/%d%n", &n, &used) != 1 || n < 0 || n >= PARTNERS)
        return bench_answer(req, 404, "{}", 2);
    const char *rest = path + used;
    if (strcmp(rest, "/versions") == 0)
        return versions(req, n);
    static const char *const known[] = {"2.1.1", "2.2.1", "2.3.0"};
    for (size_t i = 0; i < 3; i++) {
        if (*rest != '/' || strncmp(rest + 1, known[i], 5))
            continue;
        if (!rest[6])
            return details(req, n, known[i]);
        if (!strcmp(rest + 6, "/credentials"))
            return credentials(req, n, known[i]);
    }
    if (strcmp(rest, "/token") == 0)
        return answer_text(req, tokens[n]);
    if (arrival_count < ARRIVALS)
        arrivals[arrival_count++] = now_ns();
    return bench_answer(req, 200, done, sizeof done - 1);
}

int main(int argc, char **argv)
{
    arrivals = calloc(ARRIVALS, sizeof *arrivals);
    if (!arrivals)
        return 1;
    bench_serve(argc > 1 ? atoi(argv[1]) : 0, on_request);
    return 0;
}
