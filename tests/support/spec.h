/* The specification's examples and the third-party payloads, when they are on this machine; tests that want them skip otherwise.
 * OCPI_SPEC_DIR says where (default: a folder `shared` beside the project). Also: files and folders for tests. */
#ifndef TESTS_SPEC_H
#define TESTS_SPEC_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/base.h"

/* Path below the folder; NULL (and a line that says so) when there is none. */
static inline const char *spec_path(hub_pool_t *memory, const char *below)
{
    const char *dir = getenv("OCPI_SPEC_DIR");
    if (!dir || !*dir)
        dir = HUB_SOURCE_DIR "/../shared";
    hub_slice_t path = hub_pool_printf(memory, "%s/%s", dir, below);
    FILE *f = fopen(path.ptr, "r");
    if (!f) {
        fprintf(stderr, "skipped: no %s below OCPI_SPEC_DIR\n", below);
        return NULL;
    }
    fclose(f);
    return path.ptr;
}

/* The whole file; none when it cannot be read. */
static inline hub_slice_t spec_file(hub_pool_t *memory, const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return HUB_SLICE_NONE;
    hub_buf_t out = HUB_BUF_INIT(memory);
    char chunk[4096];
    size_t n;
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        hub_buf_add(&out, hub_slice(chunk, n));
    fclose(f);
    return out.len ? hub_buf_slice(&out) : HUB_SLICE_LIT("");
}

/* Calls each(arg, path, name) for every *.json of a folder; the number of them. */
static inline size_t spec_each(hub_pool_t *memory, const char *dir, void (*each)(void *arg, const char *path, const char *name), void *arg)
{
    DIR *d = opendir(dir);
    size_t n = 0;
    struct dirent *entry;
    while (d && (entry = readdir(d)) != NULL) {
        size_t len = strlen(entry->d_name);
        if (len < 6 || strcmp(entry->d_name + len - 5, ".json") != 0)
            continue;
        each(arg, hub_pool_printf(memory, "%s/%s", dir, entry->d_name).ptr, entry->d_name);
        n++;
    }
    if (d)
        closedir(d);
    return n;
}

#endif
