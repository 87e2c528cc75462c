/* CDRs in JSON and CSV, files of them, and the requests that carry them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "connector/export.h"

static hub_pool_t *pool;

static int open_pool(void **state)
{
    (void)state;
    pool = hub_pool_create();
    return 0;
}

static int close_pool(void **state)
{
    (void)state;
    hub_pool_destroy(pool);
    return 0;
}

#define EVENT                                                                                                                              \
    "{\"seq\":12,\"type\":\"cdr.created\",\"module\":\"cdrs\",\"direction\":\"received\",\"integrationId\":\"3\",\"countryCode\":\"SE\","  \
    "\"partyId\":\"OHM\",\"id\":\"C-1\",\"time\":\"2026-11-21T23:59:59Z\"}"
#define CDR                                                                                                                                \
    "{\"country_code\":\"SE\",\"party_id\":\"OHM\",\"id\":\"C-1\",\n \"cdr_location\":{\"name\":\"Slussen, \\\"P\\\"\\r\\nnorth\","        \
    "\"coordinates\":{\"latitude\":\"59.319620\"}},\"currency\":\"SEK\",\"total_cost\":{\"excl_vat\":81.650,\"incl_vat\":1.020625e2},"     \
    "\"total_energy\":18.250,\"total_time\":100000000000000000000000001.10,\"credit\":true,\"remark\":\" é, \"}"

static hub_cdr_t cdr_of(const char *object)
{
    hub_cdr_t cdr;
    assert_true(hub_cdr_read(pool, HUB_SLICE_LIT(EVENT), hub_slice_str(object), &cdr));
    return cdr;
}

static const char *json_of(const char *object)
{
    hub_cdr_t cdr = cdr_of(object);
    hub_buf_t out = HUB_BUF_INIT(pool);
    hub_cdr_add_json(&cdr, HUB_SLICE_NONE, &out);
    return hub_pool_str(pool, hub_buf_slice(&out));
}

/* ---- the rows ---- */

static const ocpi_field_t *field_of(const ocpi_object_t *object, const char *name, size_t len)
{
    for (unsigned i = 0; i < object->count; i++)
        if ((object->fields[i].versions & OCPI_V2_2_1) && object->fields[i].name_len == len && !memcmp(object->fields[i].name, name, len))
            return &object->fields[i];
    return NULL;
}

static void every_column_is_a_field_of_2_2_1(void **state)
{
    (void)state;
    assert_true(hub_cdr_column_count > 40);
    for (size_t i = 0; i < hub_cdr_column_count; i++) {
        const hub_cdr_column_t *column = &hub_cdr_columns[i];
        uint16_t object = OCPI_OBJECT_CDR;
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(column->name, hub_cdr_columns[k].name);
        const ocpi_field_t *field = NULL;
        for (const char *at = column->path; column->from != HUB_CDR_FROM_EVENT && *at; at += strcspn(at, "."), at += *at == '.') {
            field = field_of(ocpi_object((ocpi_object_id_t)object), at, strcspn(at, "."));
            if (!field || field->list)
                fail_msg("%s: %s is no field", column->name, at);
            object = field->ref;
        }
        if (column->from == HUB_CDR_FROM_CDR)
            assert_true(field && field->type != OCPI_TYPE_OBJECT);
        if (column->from == HUB_CDR_FROM_VAT)
            assert_true(field && field->ref == OCPI_OBJECT_PRICE);
    }
}

static void the_readme_names_the_columns(void **state)
{
    (void)state;
    hub_buf_t header = HUB_BUF_INIT(pool);
    hub_cdr_add_csv_header(&header);
    FILE *file = fopen(HUB_SOURCE_DIR "/README.md", "r");
    char line[4096];
    bool found = false;
    assert_non_null(file);
    while (fgets(line, sizeof line, file))
        found = found || (strlen(line) + 1 == header.len && !memcmp(line, header.ptr, header.len - 2));
    fclose(file);
    if (!found)
        fail_msg("README.md lacks this line: %.*s", HUB_SLICE_FMT(hub_buf_slice(&header)));
}

/* ---- one CDR ---- */

static void numbers_are_as_they_were_written(void **state)
{
    (void)state;
    const char *json = json_of(CDR);
    const char *const parts[] = {
        "{\"seq\":12,\"direction\":\"received\",\"integrationId\":\"3\",\"time\":\"2026-11-21T23:59:59Z\",\"summary\":{\"countryCode\":"
        "\"SE\",",
        "\"totalExclVat\":81.650,\"totalInclVat\":1.020625e2,\"vat\":20.4125,\"energyKwh\":18.250,",
        "\"timeHours\":100000000000000000000000001.10,\"parkingHours\":null,",
        "\"credit\":true,\"creditReferenceId\":null,",
        "\"locationName\":\"Slussen, \\\"P\\\"\\u000d\\nnorth\",",
        "\"latitude\":\"59.319620\",\"longitude\":null,",
        "\"remark\":\" é, \",\"lastUpdated\":null},\"cdr\":{\"country_code\":\"SE\",",
        "\"total_cost\":{\"excl_vat\":81.650,\"incl_vat\":1.020625e2},\"total_energy\":18.250,\"total_time\":100000000000000000000000001."
        "10,",
    };
    for (size_t i = 0; i < HUB_COUNT(parts); i++)
        if (!strstr(json, parts[i]))
            fail_msg("%s\nis not in\n%s", parts[i], json);
    assert_null(strchr(json, '\n')); /* fits a line of NDJSON */
    assert_string_equal(json, json_of(CDR));
}

static const struct {
    const char *price, *vat;
} vats[] = {
    {"{\"excl_vat\":0.1,\"incl_vat\":0.3}", "\"vat\":0.2,"},
    {"{\"excl_vat\":-81.65,\"incl_vat\":-102.0625}", "\"vat\":-20.4125,"},
    {"{\"excl_vat\":10,\"incl_vat\":10.00}", "\"vat\":0.00,"},
    {"{\"excl_vat\":10}", "\"vat\":null,"},
    {"{\"excl_vat\":\"x\",\"incl_vat\":1}", "\"vat\":null,"},
    {"{\"excl_vat\":1e99,\"incl_vat\":1}", "\"vat\":null,"},
    {"12.5", "\"vat\":null,"},
    {"[]", "\"vat\":null,"},
    {"null", "\"vat\":null,"},
};

static void vat_is_exact_or_not_said(void **state)
{
    (void)state;
    for (size_t i = 0; i < HUB_COUNT(vats); i++) {
        const char *json = json_of(hub_pool_printf(pool, "{\"total_cost\":%s}", vats[i].price).ptr);
        if (!strstr(json, vats[i].vat))
            fail_msg("%s: %s", vats[i].price, json);
    }
}

/* Takes one field off a line of CSV: the reading that RFC 4180 asks for. */
static hub_slice_t take_field(const char **at)
{
    hub_buf_t out = HUB_BUF_INIT(pool);
    hub_buf_reserve(&out, 1);
    bool quoted = **at == '"';
    for (*at += quoted; **at; ++*at) {
        if (quoted && **at == '"') {
            if ((*at)[1] != '"')
                break;
            ++*at;
        } else if (!quoted && (**at == ',' || **at == '\r')) {
            break;
        }
        hub_buf_add_char(&out, **at);
    }
    *at += quoted;
    assert_true(**at == ',' || !memcmp(*at, "\r\n", 3));
    *at += **at == ',';
    return hub_buf_slice(&out);
}

static void csv_reads_back(void **state)
{
    (void)state;
    hub_cdr_t cdr = cdr_of(CDR);
    hub_buf_t out = HUB_BUF_INIT(pool);
    hub_cdr_add_csv(&cdr, &out);
    const char *at = hub_pool_str(pool, hub_buf_slice(&out));
    for (size_t i = 0; i < hub_cdr_column_count; i++) {
        static const char *const want[][2] = {
            {"seq", "12"},      {"direction", "received"},      {"integrationId", "3"}, {"totalExclVat", "81.650"},
            {"vat", "20.4125"}, {"totalInclVat", "1.020625e2"}, {"credit", "true"},     {"locationName", "Slussen, \"P\"\r\nnorth"},
            {"remark", " é, "}, {"latitude", "59.319620"},      {"parkingHours", ""},   {"lastUpdated", ""},
        };
        hub_slice_t field = take_field(&at);
        for (size_t k = 0; k < HUB_COUNT(want); k++)
            if (!strcmp(want[k][0], hub_cdr_columns[i].name) && !hub_slice_eq_str(field, want[k][1]))
                fail_msg("%s: \"%.*s\"", want[k][0], HUB_SLICE_FMT(field));
    }
    assert_string_equal(at, "\r\n");
}

static void what_is_no_cdr_is_told(void **state)
{
    (void)state;
    hub_cdr_t cdr;
    static const char *const objects[] = {"", "null", "[]", "{", "7"};
    for (size_t i = 0; i < HUB_COUNT(objects); i++)
        assert_false(hub_cdr_read(pool, HUB_SLICE_LIT(EVENT), hub_slice_str(objects[i]), &cdr));
    assert_false(hub_cdr_read(pool, HUB_SLICE_NONE, HUB_SLICE_LIT("{}"), &cdr));
    assert_false(hub_cdr_read(pool, HUB_SLICE_LIT(EVENT), HUB_SLICE_NONE, &cdr));
    /* Whatever the members are, something comes out. */
    assert_non_null(
        strstr(json_of("{\"id\":{},\"credit\":[true],\"cdr_token\":7,\"cdr_location\":{\"coordinates\":null}}"), "\"id\":null,"));
}

/* ---- files ---- */

typedef struct job {
    hub_connector_member_t members[2];
    hub_connector_t connector;
    hub_connector_kind_t kind;
    hub_delivery_t delivery;
} job_t;

static job_t *job_of(const char *url, const char *format)
{
    job_t *job = HUB_POOL_NEW(pool, job_t);
    job->members[0] = (hub_connector_member_t){.name = "endpointUrl", .text = hub_slice_str(url)};
    job->members[1] = (hub_connector_member_t){.name = "format", .text = hub_slice_str(format)};
    job->connector = (hub_connector_t){.members = job->members, .member_count = 2};
    job->delivery = (hub_delivery_t){.call = {.pool = pool}, .connector = &job->connector, .kind = &job->kind, .id = "msg_3_12", .seq = 12};
    return job;
}

static const char *file_of(const char *format, unsigned cdrs, job_t **job)
{
    *job = job_of("https://files.example/in/", format);
    hub_export_t *file = (*job)->delivery.export = hub_export_create(pool, &(*job)->connector);
    for (unsigned i = 0; i < cdrs; i++) {
        assert_true(hub_export_add(file, HUB_SLICE_LIT(EVENT), HUB_SLICE_LIT("{\"id\":\"C\"}"), 7 + i));
        assert_true(hub_export_add(file, HUB_SLICE_LIT(EVENT), HUB_SLICE_NONE, 1000)); /* passed over */
    }
    assert_int_equal(hub_export_count(file), cdrs);
    assert_true(hub_export_write(&(*job)->delivery));
    assert_false(hub_export_add(file, HUB_SLICE_LIT(EVENT), HUB_SLICE_LIT("{}"), 100)); /* it is closed */
    assert_int_equal((*job)->delivery.call.method, HUB_PUT);
    const char *body = hub_pool_str(pool, (*job)->delivery.call.body);
    assert_true(hub_export_write(&(*job)->delivery)); /* once more, for a second try */
    assert_string_equal(hub_pool_str(pool, (*job)->delivery.call.body), body);
    return body;
}

static void header_is(const hub_delivery_t *delivery, const char *name, const char *value)
{
    for (uint32_t i = 0; i < delivery->call.header_count; i++)
        if (hub_slice_eq_str(delivery->call.headers[i].name, name)) {
            assert_true(hub_slice_eq_str(delivery->call.headers[i].value, value));
            return;
        }
    fail_msg("no %s", name);
}

static void files_in_each_format(void **state)
{
    (void)state;
    job_t *job;
    yyjson_doc *doc;
    hub_slice_t rest, line;
    const char *body = file_of("JSON", 3, &job);
    assert_true(hub_slice_eq_str(job->delivery.call.url, "https://files.example/in/cdrs-00000000000000000007-00000000000000000009.json"));
    header_is(&job->delivery, "Content-Type", "application/json");
    assert_int_equal(ocpi_read(pool, hub_slice_str(body), &doc, NULL), HUB_EOK);
    assert_int_equal(yyjson_arr_size(yyjson_doc_get_root(doc)), 3);

    body = file_of("ndjson", 2, &job);
    header_is(&job->delivery, "Content-Type", "application/x-ndjson");
    rest = hub_slice_str(body);
    for (int i = 0; i < 2; i++) {
        assert_true(hub_slice_split(&rest, '\n', &line));
        assert_int_equal(ocpi_read(pool, line, &doc, NULL), HUB_EOK);
        assert_true(hub_slice_eq_str(ocpi_get_str(yyjson_obj_get(yyjson_doc_get_root(doc), "cdr"), "id"), "C"));
    }
    assert_int_equal(rest.len, 0);

    body = file_of("csv", 2, &job);
    header_is(&job->delivery, "Content-Type", "text/csv; charset=utf-8");
    rest = hub_slice_str(body);
    assert_true(hub_slice_split(&rest, '\n', &line) && hub_slice_starts(line, HUB_SLICE_LIT("seq,direction,")));
    for (int i = 0; i < 2; i++)
        assert_true(hub_slice_split(&rest, '\n', &line) && hub_slice_starts(line, HUB_SLICE_LIT("12,received,3,")));
    assert_int_equal(rest.len, 0);
}

static void a_file_ends_before_it_is_too_large(void **state)
{
    (void)state;
    job_t *job = job_of("https://files.example/", "ndjson");
    hub_export_t *file = hub_export_create(pool, &job->connector);
    uint32_t n = 0;
    while (hub_export_add(file, HUB_SLICE_LIT(EVENT), HUB_SLICE_LIT("{}"), ++n))
        continue;
    assert_int_equal(hub_export_count(file), n - 1);
    assert_true(n - 1 <= HUB_EXPORT_ITEMS && hub_export_body(file).len <= HUB_EXPORT_BYTES);

    file = hub_export_create(pool, &job->connector);
    hub_buf_t large = HUB_BUF_INIT(pool);
    hub_buf_add_str(&large, "{\"id\":\"");
    while (large.len < HUB_EXPORT_BYTES)
        hub_buf_add_str(&large, "0123456789abcdef");
    hub_buf_add_str(&large, "\"}");
    assert_true(hub_export_add(file, HUB_SLICE_LIT(EVENT), HUB_SLICE_LIT("{}"), 1));
    assert_false(hub_export_add(file, HUB_SLICE_LIT(EVENT), hub_buf_slice(&large), 2));
    assert_true(hub_export_add(file, HUB_SLICE_LIT(EVENT), HUB_SLICE_LIT("{}"), 3)); /* nothing of it was left */
    hub_slice_t rest = hub_export_body(file), line;
    assert_true(hub_slice_split(&rest, '\n', &line) && hub_slice_split(&rest, '\n', &line) && rest.len == 0);

    file = hub_export_create(pool, &job->connector); /* what is too large for any file has one of its own */
    assert_true(hub_export_add(file, HUB_SLICE_LIT(EVENT), hub_buf_slice(&large), 4));
    assert_false(hub_export_add(file, HUB_SLICE_LIT(EVENT), HUB_SLICE_LIT("{}"), 5));
    assert_int_equal(hub_export_count(file), 1);
}

#define FILE_7 "cdrs-00000000000000000007-00000000000000000007.csv"
static const struct {
    const char *endpoint, *url; /* NULL: refused */
} targets[] = {
    {"https://files.example/in/", "https://files.example/in/" FILE_7},
    {"https://files.example/in/?sig=a/", "https://files.example/in/" FILE_7 "?sig=a/"},
    {"https://files.example/in?sig=a/", "https://files.example/in?sig=a/"},
    {"https://files.example/latest.csv", "https://files.example/latest.csv"},
    {"https://files.example/", "https://files.example/" FILE_7},
    {"https://files.example/{file}?sig=1", "https://files.example/" FILE_7 "?sig=1"},
    {"https://files.example/put/?name={file}", "https://files.example/put/?name=" FILE_7},
    {"https://files.example/{date}/", "https://files.example/2026-11-21/" FILE_7},
    {"https://files.example/{date}/{file}/{date}", "https://files.example/2026-11-21/" FILE_7 "/2026-11-21"},
    {"https://files.example/day-{date}.csv", "https://files.example/day-2026-11-21.csv"},
    {"https://files.example/{other}", "https://files.example/{other}"},
    {"http://files.example/", NULL},
};

static void where_a_file_goes(void **state)
{
    (void)state;
    for (size_t i = 0; i < HUB_COUNT(targets); i++) {
        job_t *job = job_of(targets[i].endpoint, "csv");
        job->delivery.export = hub_export_create(pool, &job->connector);
        assert_false(hub_export_write(&job->delivery)); /* there is nothing yet */
        assert_true(hub_export_add(job->delivery.export, HUB_SLICE_LIT(EVENT), HUB_SLICE_LIT("{}"), 7));
        bool written = hub_export_write(&job->delivery);
        if (written != (targets[i].url != NULL) || (written && !hub_slice_eq_str(job->delivery.call.url, targets[i].url)))
            fail_msg("%s: %.*s", targets[i].endpoint, HUB_SLICE_FMT(job->delivery.call.url));
    }
    hub_buf_t url = HUB_BUF_INIT(pool);
    hub_buf_add_str(&url, "https://files.example/");
    while (url.len < 2040)
        hub_buf_add_char(&url, 'a');
    hub_buf_add_char(&url, '/');
    job_t *job = job_of(hub_pool_str(pool, hub_buf_slice(&url)), "csv");
    job->delivery.export = hub_export_create(pool, &job->connector);
    assert_true(hub_export_add(job->delivery.export, HUB_SLICE_LIT(EVENT), HUB_SLICE_LIT("{}"), 7));
    assert_false(hub_export_write(&job->delivery));
    assert_true(hub_slice_starts(job->delivery.problem, HUB_SLICE_LIT("settings.endpointUrl ")));
}

/* ---- posts ---- */

static const struct {
    const char *format, *type, *starts, *ends;
} posts[] = {
    {"", "application/json", "{\"id\":\"msg_3_12\",\"type\":\"cdr\",\"seq\":12,\"direction\":", "}}"},
    {"json", "application/json", "{\"id\":\"msg_3_12\",\"type\":\"cdr\",\"seq\":12,\"direction\":", "}}"},
    {"NDJSON", "application/x-ndjson", "{\"id\":\"msg_3_12\",\"type\":\"cdr\",\"seq\":12,\"direction\":", "}}\n"},
    {"csv", "text/csv; charset=utf-8", "seq,direction,", ",\" é, \",\r\n"},
};

static void a_cdr_is_posted_in_each_format(void **state)
{
    (void)state;
    for (size_t i = 0; i < HUB_COUNT(posts); i++) {
        job_t *job = job_of("https://pay.example/cdrs", posts[i].format);
        job->delivery.event = HUB_SLICE_LIT(EVENT);
        assert_false(hub_cdr_post_write(&job->delivery)); /* deleted meanwhile */
        assert_true(job->delivery.problem.len && job->delivery.unsayable);
        job->delivery.object = HUB_SLICE_LIT(CDR);
        assert_true(hub_cdr_post_write(&job->delivery));
        const hub_call_t *call = &job->delivery.call;
        assert_int_equal(call->method, HUB_POST);
        assert_true(hub_slice_eq_str(call->url, "https://pay.example/cdrs"));
        header_is(&job->delivery, "Content-Type", posts[i].type);
        header_is(&job->delivery, "Idempotency-Key", "msg_3_12");
        size_t len = strlen(posts[i].ends);
        assert_true(hub_slice_starts(call->body, hub_slice_str(posts[i].starts)));
        assert_true(call->body.len > len && !memcmp(call->body.ptr + call->body.len - len, posts[i].ends, len));
    }
}

static const struct {
    const char *answer, *location, *reference, *tax; /* tax: what is kept of a TaxCalculation */
} answers[] = {
    {"{\"reference\":\"R1\",\"id\":\"X\"}", "/x/1", "R1", "{\"reference\":\"R1\",\"id\":\"X\"}"},
    {"{\"invoiceId\":\"I1\",\"id\":\"\"}", "", "I1", "{\"invoiceId\":\"I1\",\"id\":\"\"}"},
    {"{\"id\":9007199254740993}", "", "9007199254740993", "{\"id\":9007199254740993}"},
    {" {\"data\":{\"transaction_id\":\"T1\"}}", "/x/1", "T1", "{\"data\":{\"transaction_id\":\"T1\"}}"},
    {"{\"id\":null,\"reference\":{},\"paymentId\":\" P1 \"}", "", "P1", "{\"id\":null,\"reference\":{},\"paymentId\":\" P1 \"}"},
    {"{\"vat\":20.410}", " https://tax.example/1 ", "https://tax.example/1", "{\"vat\":20.410}"},
    {"{\"vat\":20.410}", "", "", "{\"vat\":20.410}"},
    {"<html>thanks</html>", "/x/1", "/x/1", ""},
    {"[{\"id\":\"X\"}]", "", "", ""},
    {"\"R1\"", "", "", ""},
    {"", "", "", ""},
};

static void what_is_kept_of_an_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < HUB_COUNT(answers) * 2; i++) {
        job_t *job = job_of("https://pay.example/", "");
        job->kind.type = i % 2 ? HUB_TYPE_TAX_CALCULATION : HUB_TYPE_E_INVOICING;
        job->delivery.call.answer = hub_slice_str(answers[i / 2].answer);
        job->delivery.call.location = hub_slice_str(answers[i / 2].location);
        assert_int_equal(hub_cdr_post_read(&job->delivery, HUB_OUTCOME_REFUSED), HUB_OUTCOME_REFUSED);
        assert_null(job->delivery.reference.ptr);
        assert_int_equal(hub_cdr_post_read(&job->delivery, HUB_OUTCOME_ACCEPTED), HUB_OUTCOME_ACCEPTED);
        if (!hub_slice_eq_str(job->delivery.reference, answers[i / 2].reference) ||
            !hub_slice_eq_str(job->delivery.answer, i % 2 ? answers[i / 2].tax : ""))
            fail_msg("%s: %.*s, %.*s", answers[i / 2].answer, HUB_SLICE_FMT(job->delivery.reference), HUB_SLICE_FMT(job->delivery.answer));
    }
}

static const struct {
    const char *answer, *type, *words;
} spoken[] = {
    {"{\"title\":\"Unprocessable\",\"detail\":\"no debtor\"}", "application/problem+json", "no debtor"},
    {"{\"error\":\"invalid_client\",\"error_description\":\"unknown\\nclient\"}", "", "unknown client"},
    {"{\"error\":{\"message\":\"card declined\",\"code\":7}}", "", "card declined"},
    {"{\"error\":\"nope\"}", "", "nope"},
    {"{\"errors\":[{\"message\":\"first\"},{\"message\":\"second\"}]}", "", "first"},
    {"[{\"message\":\"Session expired\",\"errorCode\":\"INVALID_SESSION_ID\"}]", "", "Session expired"},
    {"<Error><Code>X</Code><Message>The bucket is closed</Message></Error>", "application/xml", "The bucket is closed"},
    {"<Error><Message>not closed", "application/xml", ""},
    {"out of\tpaper\r\n", "text/plain; charset=utf-8", "out of paper"},
    {"<html>out of paper</html>", "text/html", ""},
    {"\xff\xfe", "text/plain", ""},
    {"{}", "application/json", ""},
    {"7", "application/json", ""},
    {"", "", ""},
};

static void words_for_people(void **state)
{
    (void)state;
    job_t *job = job_of("https://pay.example/", "");
    for (size_t i = 0; i < HUB_COUNT(spoken); i++) {
        job->delivery.call.answer = hub_slice_str(spoken[i].answer);
        job->delivery.call.content_type = hub_slice_str(spoken[i].type);
        hub_slice_t words = hub_delivery_words(&job->delivery);
        if (!hub_slice_eq_str(words, spoken[i].words))
            fail_msg("%s: %.*s", spoken[i].answer, HUB_SLICE_FMT(words));
    }
    hub_buf_t large = HUB_BUF_INIT(pool);
    hub_buf_add_char(&large, 'x');
    while (large.len < 1000)
        hub_buf_add_str(&large, "€");
    job->delivery.call.answer = hub_buf_slice(&large);
    job->delivery.call.content_type = HUB_SLICE_LIT("text/plain");
    hub_slice_t words = hub_delivery_words(&job->delivery);
    assert_true(words.len > 290 && words.len <= 300 && hub_slice_utf8_ok(words));
}

#define test(name) cmocka_unit_test_setup_teardown(name, open_pool, close_pool)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(every_column_is_a_field_of_2_2_1),
        test(the_readme_names_the_columns),
        test(numbers_are_as_they_were_written),
        test(vat_is_exact_or_not_said),
        test(csv_reads_back),
        test(what_is_no_cdr_is_told),
        test(files_in_each_format),
        test(a_file_ends_before_it_is_too_large),
        test(where_a_file_goes),
        test(a_cdr_is_posted_in_each_format),
        test(what_is_kept_of_an_answer),
        test(words_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
