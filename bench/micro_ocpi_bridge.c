/* What taking an object to another version costs: objects, one a line, bridged again and again on one core, with and without reading them.
 *   bench_micro_ocpi_bridge FILE [object] [from] [to] [rounds] */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ocpi/ocpi.h"

#define MOST 1024

static hub_slice_t texts[MOST];
static yyjson_val *roots[MOST];
static size_t count, bytes;
static ocpi_bridge_t bridge = {.object = OCPI_OBJECT_LOCATION, .from = OCPI_V2_2_1, .to = OCPI_V2_1_1};
static hub_pool_t *pool;
static uint64_t written, lost;

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "bench_micro_ocpi_bridge: %s\n", what);
    exit(1);
}

static yyjson_val *read_one(hub_pool_t *into, hub_slice_t text)
{
    yyjson_doc *doc;
    must(ocpi_read(into, text, &doc, NULL) == HUB_EOK, "an object cannot be read");
    return yyjson_doc_get_root(doc);
}

static void run_bridge(yyjson_val *root)
{
    ocpi_losses_t losses;
    hub_slice_t out;
    ocpi_losses_init(&losses, pool);
    must(ocpi_bridge(pool, root, &bridge, &out, &losses) == HUB_EOK, "an object is refused");
    written += out.len;
    lost += losses.total;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Nanoseconds an object. */
static double measure(bool reading)
{
    double start = now();
    for (size_t i = 0; i < count; i++) {
        run_bridge(reading ? read_one(pool, texts[i]) : roots[i]);
        hub_pool_clear(pool);
    }
    return (now() - start) / (double)count;
}

static void load(const char *path, hub_pool_t *keep)
{
    FILE *in = fopen(path, "rb");
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    must(in != NULL, "the file cannot be read");
    while (count < MOST && (len = getline(&line, &room, in)) > 1) {
        texts[count] = hub_pool_copy(keep, hub_slice_trim(hub_slice(line, (size_t)len)));
        roots[count] = read_one(keep, texts[count]);
        bytes += texts[count++].len;
    }
    free(line);
    fclose(in);
    must(count > 0, "the file has no objects");
}

int main(int argc, char **argv)
{
    must(argc > 1, "which file?");
    must(argc < 3 || ocpi_object_parse(hub_slice_str(argv[2]), &bridge.object), "no such object");
    must(argc < 4 || ocpi_version_parse(hub_slice_str(argv[3]), &bridge.from), "no such version");
    must(argc < 5 || ocpi_version_parse(hub_slice_str(argv[4]), &bridge.to), "no such version");
    int rounds = argc > 5 ? atoi(argv[5]) : 200;
    double best[2] = {1e18, 1e18};
    hub_pool_t *keep = hub_pool_create();
    pool = hub_pool_create();
    load(argv[1], keep);
    for (int r = 0; r < rounds; r++)
        for (int reading = 0; reading < 2; reading++) {
            double ns = measure(reading);
            best[reading] = ns < best[reading] ? ns : best[reading];
        }
    printf("%zu objects, %zu bytes each, %.1f losses each, %llu bytes out\n", count, bytes / count,
           (double)lost / (double)count / (2.0 * rounds), (unsigned long long)(written / count / (2ull * (unsigned)rounds)));
    printf("ocpi_bridge %.0f ns\nocpi_read + ocpi_bridge %.0f ns\n", best[0], best[1]);
    hub_pool_destroy(pool);
    hub_pool_destroy(keep);
    return 0;
}
