/* Lists of problems: what is wrong, where, and by which rule. */
#include <stdio.h>
#include <string.h>

#include "schema.h"

void ocpi_problems_init(ocpi_problems_t *problems, hub_pool_t *pool)
{
    *problems = (ocpi_problems_t){.pool = pool};
}

static void grow(ocpi_problems_t *problems)
{
    uint32_t capacity = problems->capacity ? problems->capacity * 2 : 4;
    ocpi_problem_t *list = hub_pool_alloc(problems->pool, capacity * sizeof *list);
    if (problems->count)
        memcpy(list, problems->list, problems->count * sizeof *list);
    problems->list = list;
    problems->capacity = capacity;
}

/* When the list is full an error still takes the place of the last warning, so that a refusal always names a reason. */
static ocpi_problem_t *place(ocpi_problems_t *problems, int severity)
{
    if (problems->count < OCPI_PROBLEMS_MAX) {
        if (problems->count == problems->capacity)
            grow(problems);
        return &problems->list[problems->count++];
    }
    for (uint32_t i = problems->count; severity == OCPI_ERROR && i-- > 0;)
        if (problems->list[i].severity == OCPI_WARNING)
            return &problems->list[i];
    return NULL;
}

void ocpi_problem_add(ocpi_problems_t *problems, int severity, hub_slice_t pointer, const char *rule, const char *format, ...)
{
    if (severity == OCPI_ERROR)
        problems->errors++;
    ocpi_problem_t *p = place(problems, severity);
    if (!p)
        return;
    char text[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    HUB_ASSERT(n >= 0);
    size_t len = (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    for (int back = 0; len < (size_t)n && back < 3 && !hub_slice_utf8_ok(hub_slice(text, len)); back++)
        len--; /* it was cut inside a character */
    *p = (ocpi_problem_t){.severity = severity == OCPI_ERROR ? OCPI_ERROR : OCPI_WARNING,
                          .pointer = hub_pool_copy(problems->pool, pointer),
                          .rule = rule,
                          .message = hub_pool_copy(problems->pool, hub_slice(text, len))};
}

void ocpi_problems_write(const ocpi_problems_t *problems, hub_buf_t *out)
{
    hub_buf_add_char(out, '[');
    for (uint32_t i = 0; i < problems->count; i++) {
        const ocpi_problem_t *p = &problems->list[i];
        if (i)
            hub_buf_add_char(out, ',');
        hub_buf_add(out, HUB_SLICE_LIT("{\"pointer\":"));
        hub_buf_add_json(out, p->pointer.ptr ? p->pointer : HUB_SLICE_LIT(""));
        hub_buf_add(out, HUB_SLICE_LIT(",\"rule\":"));
        hub_buf_add_json(out, hub_slice_str(p->rule));
        hub_buf_add_str(out, p->severity == OCPI_ERROR ? ",\"severity\":\"error\"" : ",\"severity\":\"warning\"");
        hub_buf_add(out, HUB_SLICE_LIT(",\"message\":"));
        hub_buf_add_json(out, p->message.ptr ? p->message : HUB_SLICE_LIT(""));
        hub_buf_add_char(out, '}');
    }
    hub_buf_add_char(out, ']');
}

void ocpi_pointer_add(hub_buf_t *out, hub_slice_t key)
{
    hub_buf_add_char(out, '/');
    for (size_t i = 0; i < key.len; i++) {
        if (key.ptr[i] == '~')
            hub_buf_add_str(out, "~0");
        else if (key.ptr[i] == '/')
            hub_buf_add_str(out, "~1");
        else
            hub_buf_add_char(out, key.ptr[i]);
    }
}

static void add_pointer(hub_buf_t *out, const ocpi_frame_t *frame)
{
    if (!frame)
        return;
    add_pointer(out, frame->up);
    if (frame->key.ptr)
        ocpi_pointer_add(out, frame->key);
    else
        hub_buf_printf(out, "/%zu", frame->index);
}

hub_slice_t ocpi__pointer(hub_pool_t *pool, const ocpi_frame_t *frame)
{
    hub_buf_t out = HUB_BUF_INIT(pool);
    add_pointer(&out, frame);
    return out.len ? hub_buf_slice(&out) : HUB_SLICE_LIT("");
}
