/* The examples: example.json, made part of the program at build. An array of requests in the order in which they work on an empty hub:
 * {"operation", "name", "url", "headers", "body" or "text", "status", "answer" or "answerText", "needs", "basic"}. */
#include <string.h>

#include "openapi.h"

extern const unsigned char hub_example_json[]; /* made by embed.cmake */
extern const size_t hub_example_json_size;

static yyjson_val *all(hub_doc_t *doc)
{
    yyjson_doc *read;
    HUB_ASSERT(ocpi_read(doc->pool, hub_slice((const char *)hub_example_json, hub_example_json_size), &read, NULL) == HUB_EOK);
    return yyjson_doc_get_root(read);
}

static bool is_of(yyjson_val *example, const hub_doc_place_t *place, int status)
{
    uint64_t given = 0;
    (void)hub_slice_u64(ocpi_get_str(example, "status"), &given);
    return hub_slice_eq_str(ocpi_get_str(example, "operation"), place->operation) && (!status || given == (uint64_t)status);
}

void hub_doc_examples(hub_doc_t *doc, const hub_doc_place_t *place, int status, bool text)
{
    size_t i, n;
    yyjson_val *example;
    bool some = false;
    const char *name = status ? (text ? "answerText" : "answer") : text ? "text" : "body";
    if (!doc->examples)
        doc->examples = all(doc);
    yyjson_arr_foreach(doc->examples, i, n, example)
    {
        yyjson_val *value = is_of(example, place, status) ? yyjson_obj_get(example, name) : NULL;
        if (!value)
            continue;
        if (!some)
            hub_doc_begin(doc, "examples");
        some = true;
        hub_doc_begin(doc, hub_pool_str(doc->pool, ocpi_get_str(example, "name")));
        hub_doc_key(doc, "value");
        hub_doc_json(doc, ocpi_write(doc->pool, value));
        hub_doc_end(doc);
    }
    if (some)
        hub_doc_end(doc);
}

void hub_doc_example_order(hub_doc_t *doc)
{
    static const char *const members[] = {"operation", "name", "url", "headers", "status", "needs", "basic"};
    size_t i, n;
    yyjson_val *example;
    hub_doc_key(doc, "x-examples");
    hub_doc_open(doc, '[');
    yyjson_arr_foreach(doc->examples, i, n, example)
    {
        hub_doc_open(doc, '{');
        for (size_t k = 0; k < HUB_COUNT(members); k++) {
            yyjson_val *value = yyjson_obj_get(example, members[k]);
            if (!value)
                continue;
            hub_doc_key(doc, members[k]);
            hub_doc_json(doc, ocpi_write(doc->pool, value));
        }
        hub_doc_end(doc);
    }
    hub_doc_close(doc, ']');
}
