/* PaymentGateway, EInvoicing, TaxCalculation: POST of a CDR in the form of cdr_form.h. Our JSON has the members id (of the delivery) and
 * type ("cdr") in front; NDJSON is the same with a line end, CSV a header and a line. A receiver tells repeats by Idempotency-Key. */
#include "cdr_form.h"
#include "connector.h"

bool hub_cdr_post_write(hub_delivery_t *delivery)
{
    hub_cdr_t cdr;
    hub_call_t *call = &delivery->call;
    hub_cdr_format_t format = hub_cdr_format(delivery->connector);
    hub_buf_t body = HUB_BUF_INIT(call->pool);
    if (!hub_cdr_read(call->pool, delivery->event, delivery->object, &cdr)) {
        delivery->unsayable = true;
        delivery->problem = HUB_SLICE_LIT("there is no CDR that could be sent (any more)");
        return false;
    }
    if (format == HUB_CDR_CSV) {
        hub_cdr_add_csv_header(&body);
        hub_cdr_add_csv(&cdr, &body);
    } else {
        hub_cdr_add_json(&cdr, hub_pool_printf(call->pool, "\"id\":\"%s\",\"type\":\"cdr\",", delivery->id), &body);
    }
    if (format == HUB_CDR_NDJSON)
        hub_buf_add_char(&body, '\n');
    call->method = HUB_POST;
    call->url = hub_connector_text(delivery->connector, "endpointUrl");
    call->body = hub_buf_slice(&body);
    hub_delivery_header(delivery, "Content-Type", hub_slice_str(hub_cdr_formats[format].content_type));
    hub_delivery_header(delivery, "Idempotency-Key", hub_slice_str(delivery->id));
    return true;
}

/* What receivers call what they made of it; the first that is there and says something. */
static const char *const reference_names[] = {
    "reference",      "id",          "invoiceId",  "invoice_id",    "invoiceNumber",
    "invoice_number", "paymentId",   "payment_id", "transactionId", "transaction_id",
    "documentId",     "document_id", "uuid",
};

static hub_slice_t reference_in(yyjson_val *answer)
{
    for (size_t i = 0; i < HUB_COUNT(reference_names); i++) {
        hub_slice_t text = hub_slice_trim(ocpi_get_str(answer, reference_names[i])); /* a string, or a number as it is written */
        if (text.len)
            return text;
    }
    return HUB_SLICE_NONE;
}

hub_outcome_t hub_cdr_post_read(hub_delivery_t *delivery, hub_outcome_t outcome)
{
    yyjson_doc *doc;
    hub_call_t *call = &delivery->call;
    yyjson_val *answer = NULL;
    if (outcome != HUB_OUTCOME_ACCEPTED) {
        delivery->problem = hub_delivery_words(delivery);
        return outcome;
    }
    if (call->answer.len && ocpi_read(call->pool, call->answer, &doc, NULL) == HUB_EOK)
        answer = yyjson_doc_get_root(doc);
    if (yyjson_is_obj(answer)) {
        delivery->reference = reference_in(answer);
        if (!delivery->reference.len)
            delivery->reference = reference_in(yyjson_obj_get(answer, "data"));
        if (delivery->kind->type == HUB_TYPE_TAX_CALCULATION) /* what it is asked for */
            delivery->answer = ocpi_write(call->pool, answer);
    }
    if (!delivery->reference.len)
        delivery->reference = hub_slice_trim(call->location);
    return outcome;
}
