/* What validating costs over parsing: the same objects parsed by yyjson alone and taken through ocpi_read and ocpi_check, in turn, in one
 * process. All sides read with the same flags (OCPI_READ_FLAGS) into the same pool, which is cleared after each object; "malloc" is
 * yyjson as it comes, numbers converted, on the heap.
 *   bench_micro_ocpi_check FILE (one object a line) [object] [version] [rounds] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ocpi/ocpi.h"

#define MOST 1024

static struct {
    hub_slice_t text[MOST];
    size_t count, bytes;
} objects;
static ocpi_check_t check = {.object = OCPI_OBJECT_LOCATION, .version = OCPI_V2_2_1};
static hub_pool_t *pool;
static uint64_t seen; /* so that nothing is optimised away */

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "bench_micro_ocpi_check: %s\n", what);
    exit(1);
}

/* ---- the sides ---- */

static void parse(hub_slice_t text)
{
    yyjson_doc *doc = yyjson_read_opts((char *)text.ptr, text.len, OCPI_READ_FLAGS, ocpi_alc(pool), NULL);
    seen += yyjson_doc_get_read_size(doc);
}

static void parse_malloc(hub_slice_t text)
{
    yyjson_doc *doc = yyjson_read(text.ptr, text.len, 0);
    seen += yyjson_doc_get_read_size(doc);
    yyjson_doc_free(doc);
}

static yyjson_val *read_one(hub_slice_t text)
{
    yyjson_doc *doc;
    must(ocpi_read(pool, text, &doc, NULL) == HUB_EOK, "an object cannot be read");
    return yyjson_doc_get_root(doc);
}

static void read_only(hub_slice_t text)
{
    seen += yyjson_get_len(read_one(text));
}

static void read_check(hub_slice_t text)
{
    ocpi_problems_t problems;
    ocpi_problems_init(&problems, pool);
    must(ocpi_check(read_one(text), &check, &problems), "an object does not fit");
    seen += problems.count;
}

static void read_check_normalise(hub_slice_t text)
{
    ocpi_problems_t problems;
    bool changed;
    yyjson_val *root = read_one(text);
    ocpi_problems_init(&problems, pool);
    must(ocpi_check(root, &check, &problems), "an object does not fit");
    seen += ocpi_normalise(pool, root, text, check.object, check.version, &changed).len;
}

static const struct {
    const char *name;
    void (*run)(hub_slice_t text);
} sides[] = {
    {"yyjson", parse},
    {"yyjson malloc", parse_malloc},
    {"ocpi_read", read_only},
    {"ocpi_read + ocpi_check", read_check},
    {"and ocpi_normalise", read_check_normalise},
};

/* ---- measuring ---- */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double measure(void (*run)(hub_slice_t), unsigned repeats)
{
    double start = now();
    for (unsigned r = 0; r < repeats; r++)
        for (size_t i = 0; i < objects.count; i++) {
            run(objects.text[i]);
            hub_pool_clear(pool);
        }
    return (now() - start) / repeats / (double)objects.count;
}

static void load(const char *path, hub_pool_t *keep)
{
    FILE *in = fopen(path, "rb");
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    must(in != NULL, "the file cannot be read");
    while (objects.count < MOST && (len = getline(&line, &room, in)) > 1) {
        objects.text[objects.count++] = hub_pool_copy(keep, hub_slice_trim(hub_slice(line, (size_t)len)));
        objects.bytes += (size_t)len;
    }
    free(line);
    fclose(in);
    must(objects.count > 0, "the file has no objects");
}

int main(int argc, char **argv)
{
    must(argc > 1, "which file?");
    must(argc < 3 || ocpi_object_parse(hub_slice_str(argv[2]), &check.object), "no such object");
    must(argc < 4 || ocpi_version_parse(hub_slice_str(argv[3]), &check.version), "no such version");
    unsigned rounds = argc > 4 ? (unsigned)atoi(argv[4]) : 200;
    hub_pool_t *keep = hub_pool_create();
    pool = hub_pool_create();
    load(argv[1], keep);
    unsigned repeats = (unsigned)(1000 / objects.count) + 1;
    double *ns[HUB_COUNT(sides)];
    for (size_t s = 0; s < HUB_COUNT(sides); s++)
        ns[s] = hub_pool_alloc(keep, rounds * sizeof(double));
    for (unsigned round = 0; round < rounds; round++)
        for (size_t s = 0; s < HUB_COUNT(sides); s++)
            ns[s][round] = measure(sides[s].run, repeats);
    printf("%zu objects, %zu bytes each\n", objects.count, objects.bytes / objects.count);
    for (size_t s = 0; s < HUB_COUNT(sides); s++) {
        qsort(ns[s], rounds, sizeof(double), ascending);
        printf("%-24s %8.0f ns %6.2f\n", sides[s].name, ns[s][rounds / 2], ns[s][rounds / 2] / ns[0][rounds / 2]);
    }
    hub_pool_destroy(pool);
    hub_pool_destroy(keep);
    return seen ? 0 : 1;
}
