/* The wrapper of every answer (rules T1-T4, decision A). */
#include "schema.h"

void ocpi_envelope_write(hub_buf_t *out, int status_code, hub_slice_t message, hub_slice_t data, int64_t now_ms)
{
    char now[OCPI_TIME_MAX + 1];
    size_t now_len = ocpi_time_format(now_ms, now);
    hub_buf_reserve(out, data.len + message.len + 128);
    hub_buf_add_char(out, '{');
    if (data.ptr) {
        hub_buf_add(out, HUB_SLICE_LIT("\"data\":"));
        hub_buf_add(out, data);
        hub_buf_add_char(out, ',');
    }
    hub_buf_add(out, HUB_SLICE_LIT("\"status_code\":"));
    hub_buf_add_u64(out, (uint64_t)status_code);
    if (!message.ptr && status_code >= 2000)
        message = hub_slice_str(ocpi_status_text(status_code));
    if (message.ptr) {
        hub_buf_add(out, HUB_SLICE_LIT(",\"status_message\":"));
        hub_buf_add_json(out, message);
    }
    hub_buf_add(out, HUB_SLICE_LIT(",\"timestamp\":\""));
    hub_buf_add(out, hub_slice(now, now_len));
    hub_buf_add(out, HUB_SLICE_LIT("\"}"));
}

hub_err_t ocpi_envelope_read(hub_pool_t *pool, hub_slice_t body, ocpi_envelope_t *out)
{
    *out = (ocpi_envelope_t){0};
    if (ocpi_read(pool, body, &out->doc, NULL) != HUB_EOK)
        return HUB_EPEER_PROTOCOL;
    yyjson_val *root = yyjson_doc_get_root(out->doc);
    uint64_t code;
    if (!yyjson_is_obj(root) || !hub_slice_u64(ocpi_get_str(root, "status_code"), &code) || code < 1000 || code > 9999)
        return HUB_EPEER_PROTOCOL;
    out->status_code = (int)code;
    yyjson_val *message = yyjson_obj_get(root, "status_message");
    if (yyjson_is_str(message))
        out->message = ocpi_str(message);
    out->data = yyjson_obj_get(root, "data");
    if (yyjson_is_null(out->data))
        out->data = NULL;
    return HUB_EOK;
}
