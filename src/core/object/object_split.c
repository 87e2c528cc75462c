/* Items of a bulk body, found one at a time: nothing is copied, so that a body of any size costs no more memory than its own. */
#include "object.h"

#include <string.h>

static bool is_type(hub_slice_t content_type, const char *const *names, size_t count)
{
    hub_slice_t type = HUB_SLICE_NONE, rest = content_type;
    hub_slice_split(&rest, ';', &type);
    type = hub_slice_trim(type);
    for (size_t i = 0; i < count; i++)
        if (hub_slice_caseeq_str(type, names[i]))
            return true;
    return false;
}

static void skip_blanks(hub_slice_t *s)
{
    while (s->len && (*s->ptr == ' ' || *s->ptr == '\t' || *s->ptr == '\n' || *s->ptr == '\r')) {
        s->ptr++;
        s->len--;
    }
}

/* Behind the closing quote of the string that starts at `at`; NULL: cut off. */
static const char *string_end(const char *at, const char *end)
{
    for (at++; at < end; at++) {
        if (*at == '\\')
            at++;
        else if (*at == '"')
            return at + 1;
    }
    return NULL;
}

/* The next element of the array and what ended it (',' or ']'); 0: the array is cut off. Only brackets and strings are looked at here: the
 * element itself is parsed by whoever takes it. */
static char next_element(hub_slice_t *rest, hub_slice_t *element)
{
    skip_blanks(rest);
    const char *at = rest->ptr, *end = at + rest->len;
    size_t depth = 0;
    while (at && at < end) {
        char c = *at;
        if (c == '"') {
            at = string_end(at, end);
            continue;
        }
        if (depth == 0 && (c == ',' || c == ']')) {
            *element = hub_slice_trim(hub_slice(rest->ptr, (size_t)(at - rest->ptr)));
            *rest = hub_slice(at + 1, (size_t)(end - at) - 1);
            return c;
        }
        depth += c == '[' || c == '{';
        depth -= c == ']' || (c == '}' && depth);
        at++;
    }
    return 0;
}

/* Before anything is stored: is the array whole? */
static const char *check_array(hub_slice_t rest)
{
    hub_slice_t element;
    size_t count = 0;
    char stop;
    while ((stop = next_element(&rest, &element))) {
        if (!element.len && (stop == ',' || count))
            return "the JSON array has an empty place";
        count++;
        if (stop == ']') {
            skip_blanks(&rest);
            return rest.len ? "there is something behind the end of the JSON array" : NULL;
        }
    }
    return "the JSON array is cut off";
}

hub_err_t hub_split_init(hub_split_t *split, hub_slice_t content_type, hub_slice_t body, const char **why)
{
    static const char *const lines[] = {"application/x-ndjson", "application/ndjson"}, *const json[] = {"application/json", ""};
    *split = (hub_split_t){.rest = body, .lines = is_type(content_type, lines, HUB_COUNT(lines))};
    *why = "send an array as application/json, or application/x-ndjson";
    if (!split->lines && !is_type(content_type, json, HUB_COUNT(json)))
        return HUB_EMEDIA_TYPE;
    if (split->lines)
        return HUB_EOK;
    skip_blanks(&split->rest);
    *why = "the body must be a JSON array";
    if (!split->rest.len || *split->rest.ptr != '[')
        return HUB_EMALFORMED;
    split->rest = hub_slice(split->rest.ptr + 1, split->rest.len - 1);
    *why = check_array(split->rest);
    return *why ? HUB_EMALFORMED : HUB_EOK;
}

bool hub_split_next(hub_split_t *split, hub_slice_t *item, uint64_t *index)
{
    *item = HUB_SLICE_NONE;
    if (split->lines) {
        while (!item->len && hub_slice_split(&split->rest, '\n', item))
            *item = hub_slice_trim(*item);
    } else if (split->rest.len && next_element(&split->rest, item) == ']') {
        split->rest = HUB_SLICE_NONE;
    }
    if (!item->len)
        return false;
    *index = split->index++;
    return true;
}
