/* The bare libh2o handler that reads are compared with: every request gets the bytes of one file and the given headers.
 *   bare FILE [NAME VALUE]… */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop.h"

static char *bytes;
static size_t length;
static char **header;
static int header_count;

static int on_request(h2o_handler_t *self, h2o_req_t *req)
{
    (void)self;
    for (int i = 0; i + 1 < header_count; i += 2)
        h2o_add_header_by_str(&req->pool, &req->res.headers, header[i], strlen(header[i]), 0, NULL, header[i + 1], strlen(header[i + 1]));
    return bench_answer(req, 200, bytes, length);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    FILE *file = fopen(argv[1], "rb");
    if (!file)
        return 1;
    bytes = malloc(1 << 24);
    length = bytes ? fread(bytes, 1, 1 << 24, file) : 0;
    fclose(file);
    header = argv + 2;
    header_count = argc - 2;
    bench_serve(0, on_request);
    return 0;
}
