/* Lists of losses: what a partner of another version does not get, where, and by which row. */
#include <stdio.h>
#include <string.h>

#include "bridge.h"

void ocpi_losses_init(ocpi_losses_t *losses, hub_pool_t *pool)
{
    *losses = (ocpi_losses_t){.pool = pool};
}

const char *ocpi_loss_kind_name(ocpi_loss_kind_t kind)
{
    static const char *const names[] = {"DEFAULTED", "LOSSY", "REFUSED"};
    return (unsigned)kind < HUB_COUNT(names) ? names[kind] : "";
}

void ocpi_losses_write(const ocpi_losses_t *losses, hub_buf_t *out)
{
    hub_buf_add_char(out, '[');
    for (uint32_t i = 0; i < losses->count; i++) {
        const ocpi_loss_t *l = &losses->list[i];
        hub_buf_add_str(out, i ? ",{\"kind\":\"" : "{\"kind\":\"");
        hub_buf_add_str(out, ocpi_loss_kind_name(l->kind));
        hub_buf_add_str(out, "\",\"pointer\":");
        hub_buf_add_json(out, l->pointer.ptr ? l->pointer : HUB_SLICE_LIT(""));
        hub_buf_add_str(out, ",\"row\":");
        hub_buf_add_json(out, hub_slice_str(l->row));
        hub_buf_add_str(out, ",\"message\":");
        hub_buf_add_json(out, l->message.ptr ? l->message : HUB_SLICE_LIT(""));
        hub_buf_add_char(out, '}');
    }
    hub_buf_add_char(out, ']');
}

static void add(ocpi_losses_t *losses, ocpi_loss_t loss)
{
    losses->total++;
    if (losses->count == OCPI_LOSSES_MAX) {
        if (loss.kind == OCPI_LOSS_REFUSED) /* the last one says why there is no output */
            losses->list[losses->count - 1] = loss;
        return;
    }
    if (losses->count == losses->capacity) {
        uint32_t capacity = losses->capacity ? losses->capacity * 2 : 8;
        ocpi_loss_t *list = hub_pool_alloc(losses->pool, capacity * sizeof *list);
        if (losses->count)
            memcpy(list, losses->list, losses->count * sizeof *list);
        losses->list = list;
        losses->capacity = capacity;
    }
    losses->list[losses->count++] = loss;
}

/* Cut at 300 bytes, not inside a character. */
static hub_slice_t message_of(bridge_run_t *run, const char *format, va_list args)
{
    char text[300];
    int n = vsnprintf(text, sizeof text, format, args);
    HUB_ASSERT(n >= 0);
    size_t len = (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    for (int back = 0; len < (size_t)n && back < 3 && !hub_slice_utf8_ok(hub_slice(text, len)); back++)
        len--;
    return hub_pool_copy(run->losses->pool, hub_slice(text, len));
}

static ocpi_loss_kind_t kind_of(bridge_mark_t mark)
{
    return mark == BRIDGE_DEFAULTED ? OCPI_LOSS_DEFAULTED : OCPI_LOSS_LOSSY; /* REFUSED is said once, at the end (bridge.c) */
}

const char *ocpi__bridge_row(bridge_call_t *call)
{
    if (!call->row)
        call->row = hub_pool_printf(call->run->losses->pool, "%s.%s", ocpi_object(call->object_id)->name,
                                    call->move ? call->move->field : call->fill->field)
                        .ptr;
    return call->row;
}

void ocpi__bridge_loss(bridge_run_t *run, bridge_mark_t mark, const ocpi_frame_t *at, const char *row, const char *format, ...)
{
    if (mark == BRIDGE_LOSSLESS)
        return;
    va_list args;
    va_start(args, format);
    add(run->losses, (ocpi_loss_t){kind_of(mark), ocpi__pointer(run->losses->pool, at), row, message_of(run, format, args)});
    va_end(args);
}

bool ocpi__bridge_cannot(bridge_run_t *run, bridge_mark_t mark, const ocpi_frame_t *at, const char *row, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    run->why.row = row;
    run->why.mark = mark;
    run->why.pointer = ocpi__pointer(run->losses->pool, at);
    run->why.message = message_of(run, format, args);
    va_end(args);
    return false;
}

void ocpi__bridge_left_out(bridge_run_t *run, const ocpi_frame_t *at)
{
    if (run->why.mark != BRIDGE_LOSSLESS)
        add(run->losses, (ocpi_loss_t){OCPI_LOSS_LOSSY, ocpi__pointer(run->losses->pool, at), run->why.row, run->why.message});
}

void ocpi__bridge_refused(bridge_run_t *run)
{
    add(run->losses, (ocpi_loss_t){OCPI_LOSS_REFUSED, run->why.pointer, run->why.row, run->why.message});
}
