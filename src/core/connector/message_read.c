/* What a provider answered: taken or not, and in which words. */
#include <string.h>

#include "message.h"

#define WORDS_MAX 300u

static const hub_slice_t undocumented = {"its answer is not as documented", sizeof "its answer is not as documented" - 1};

/* Text of a string, a number or a boolean; none: not there, or null. */
static hub_slice_t text_at(yyjson_val *root, const char *pointer)
{
    yyjson_val *value = pointer ? yyjson_ptr_get(root, pointer) : NULL;
    if (yyjson_is_bool(value))
        return yyjson_is_true(value) ? HUB_SLICE_LIT("true") : HUB_SLICE_LIT("false");
    return ocpi_str(value);
}

static bool is_one_of(hub_slice_t text, const char *list)
{
    hub_slice_t rest = hub_slice_str(list), item;
    while (hub_slice_split(&rest, '|', &item))
        if (hub_slice_eq(text, item))
            return true;
    return false;
}

static hub_slice_t words_of(hub_delivery_t *delivery, yyjson_val *root, const char *pointers)
{
    hub_slice_t rest = hub_slice_str(pointers), pointer, words = HUB_SLICE_NONE;
    while (!words.len && hub_slice_split(&rest, '|', &pointer))
        words = text_at(root, hub_pool_str(delivery->call.pool, pointer));
    return words.len ? hub_message_line(delivery->call.pool, words, WORDS_MAX) : hub_delivery_words(delivery);
}

static bool has_code(const hub_message_row_t *row, yyjson_val *root, hub_outcome_t *outcome)
{
    for (size_t i = 0; i < hub_message_code_count; i++) {
        const hub_message_code_t *code = &hub_message_codes[i];
        if (strcmp(code->provider, row->provider) != 0 || !hub_slice_eq_str(text_at(root, code->pointer), code->value))
            continue;
        *outcome = code->outcome;
        return true;
    }
    return false;
}

/* One answer, or one element of an answer that is a list. */
static hub_outcome_t judge(hub_delivery_t *delivery, const hub_message_row_t *row, yyjson_val *root, hub_outcome_t outcome)
{
    hub_slice_t proof = text_at(root, row->answer.proof), words = words_of(delivery, root, row->answer.words);
    if (has_code(row, root, &outcome)) {
        delivery->problem = words;
    } else if (outcome != HUB_OUTCOME_ACCEPTED) {
        delivery->problem = words;
    } else if (row->answer.proof && !proof.ptr) {
        delivery->problem = undocumented;
        return HUB_OUTCOME_FAILED;
    } else if (row->answer.accepted && !is_one_of(proof, row->answer.accepted)) {
        delivery->problem = words;
        return HUB_OUTCOME_REFUSED;
    }
    if (outcome == HUB_OUTCOME_ACCEPTED)
        delivery->reference = hub_message_line(delivery->call.pool, text_at(root, row->answer.reference), 255);
    return outcome;
}

/* Telegram says it in the body. */
static void read_pause(hub_call_t *call, yyjson_val *root)
{
    hub_slice_t seconds = text_at(root, "/parameters/retry_after");
    if (seconds.len && !call->retry_after.len)
        call->retry_after = hub_pool_copy(call->pool, seconds);
}

/* Each recipient's must be accepted. */
static hub_outcome_t judge_all(hub_delivery_t *delivery, const hub_message_row_t *row, yyjson_val *list, hub_outcome_t outcome)
{
    size_t i, n;
    yyjson_val *item;
    hub_outcome_t all = yyjson_arr_size(list) ? outcome : judge(delivery, row, list, outcome);
    yyjson_arr_foreach(list, i, n, item)
    {
        hub_outcome_t one = judge(delivery, row, item, outcome);
        if (one == HUB_OUTCOME_ACCEPTED)
            continue;
        delivery->reference = HUB_SLICE_NONE;
        return one;
    }
    return all;
}

hub_outcome_t hub_message_read(hub_delivery_t *delivery, hub_outcome_t outcome)
{
    hub_call_t *call = &delivery->call;
    const hub_message_row_t *row = hub_message_row_of(delivery->connector);
    yyjson_doc *doc = NULL;
    HUB_ASSERT(row != NULL);
    if (call->err != HUB_EOK)
        return outcome;
    if (row->form == HUB_FORM_MAIL) { /* the engine knows what the codes of RFC 5321 mean */
        delivery->problem = outcome == HUB_OUTCOME_ACCEPTED ? HUB_SLICE_NONE : hub_message_line(call->pool, call->answer, WORDS_MAX);
        return outcome;
    }
    if (call->answer.len && ocpi_read(call->pool, call->answer, &doc, NULL) != HUB_EOK)
        doc = NULL;
    yyjson_val *root = doc ? yyjson_doc_get_root(doc) : NULL;
    read_pause(call, root);
    return yyjson_is_arr(root) ? judge_all(delivery, row, root, outcome) : judge(delivery, row, root, outcome);
}
