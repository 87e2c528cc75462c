/* For the tests of credentials exchanges, without sockets: two whole hubs (alpha, an eMSP, and beta, a CPO) that talk through scripted
 * ports, and a scripted partner. */
#ifndef TESTS_HANDSHAKE_FIXTURE_H
#define TESTS_HANDSHAKE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core_fixture.h"
#include "integration/registration.h"

static fixture_t alpha, beta; /* alpha: eMSP; beta: CPO */
static hub_pool_t *pool;

/* ---- versions: the tests are written in 2.2.1, and spoken in each version ---- */

static const char *speaks = "2.2.1";

static inline const char *replaced(const char *text, const char *from, const char *to)
{
    hub_buf_t out = HUB_BUF_INIT(pool);
    for (const char *at; (at = strstr(text, from)) != NULL; text = at + strlen(from)) {
        hub_buf_add(&out, hub_slice(text, (size_t)(at - text)));
        hub_buf_add_str(&out, to);
    }
    hub_buf_add_str(&out, text);
    return hub_pool_str(pool, hub_buf_slice(&out));
}

/* 2.1.1 has no sides in version details, and one party without a role in the Credentials object. */
static inline const char *spoken(const char *text)
{
    if (!text || strcmp(speaks, "2.2.1") == 0)
        return text;
    text = replaced(text, "2.2.1", speaks);
    if (strcmp(speaks, "2.1.1") != 0)
        return text;
    text = replaced(replaced(text, ",\"role\":\"SENDER\"", ""), ",\"role\":\"RECEIVER\"", "");
    return replaced(replaced(text, "\"roles\":[{\"role\":\"CPO\",", ""), "\"}}]}", "\"}}");
}

/* The Authorization header as it is sent (T15). */
static inline hub_slice_t sent_token(const char *token)
{
    hub_slice_t text = hub_slice_str(token);
    if (strcmp(speaks, "2.1.1") != 0)
        text = hub_base64_encode(pool, text);
    return hub_pool_printf(pool, "Token %.*s", HUB_SLICE_FMT(text));
}

/* ---- moving things along ---- */

typedef struct forwarded {
    fixture_t *from;
    fixture_call_t *entry;
} forwarded_t;

static inline void forwarded_back(fixture_request_t *request)
{
    forwarded_t *forwarded = request->arg;
    fixture_call_t *entry = forwarded->entry;
    fixture_t *from = forwarded->from;
    entry->call->http_status = request->x.reply.status;
    entry->call->answer = hub_pool_copy(entry->call->pool, request->x.reply.body);
    free(forwarded);
    fixture_finish(from, entry, HUB_EOK); /* the request is freed with the test's pool of requests */
}

static fixture_request_t *requests[4000];
static size_t request_count;

static inline fixture_request_t *remember(fixture_request_t *request)
{
    assert_true(request_count < HUB_COUNT(requests));
    return requests[request_count++] = request;
}

static inline void forward(fixture_t *from, fixture_t *to, fixture_call_t *entry)
{
    hub_call_t *call = entry->call;
    const char *path = strstr(hub_pool_str(pool, call->url) + 8, "/");
    entry->taken = true;
    fixture_request_t *request = remember(fixture_request(to, call->method, path, call->body));
    for (uint32_t i = 0; i < call->header_count; i++)
        for (size_t j = 0; j < HUB_HEADER_COUNT; j++)
            if (hub_slice_caseeq_str(call->headers[i].name, hub_header_names[j]))
                request->x.header[j] = hub_pool_copy(request->x.pool, call->headers[i].value);
    forwarded_t *forwarded = calloc(1, sizeof *forwarded);
    *forwarded = (forwarded_t){from, entry};
    request->then = forwarded_back;
    request->arg = forwarded;
    hub_exchange_run(&request->x);
}

static bool (*script)(fixture_t *f, fixture_call_t *entry); /* a partner; false: as if it were the other hub */

static inline bool is_to(const fixture_call_t *entry, const char *url)
{
    return hub_slice_starts(entry->call->url, hub_slice_str(url));
}

static inline void move_calls(fixture_t *f)
{
    fixture_call_t *entry;
    fixture_cancelled(f);
    for (int i = 0; i < 100 && (entry = fixture_next_call(f)) != NULL; i++) {
        if (script && script(f, entry))
            continue;
        fixture_t *to = is_to(entry, "https://alpha.example/") ? &alpha : is_to(entry, "https://beta.example/") ? &beta : NULL;
        if (to && to->worker)
            forward(f, to, entry);
        else
            fixture_finish(f, entry, HUB_EPEER_UNREACHABLE);
    }
}

static inline void step(void)
{
    fixture_t *const hubs[] = {&alpha, &beta};
    for (size_t i = 0; i < HUB_COUNT(hubs); i++) {
        if (!hubs[i]->worker)
            continue;
        (void)hub_mailbox_drain(hubs[i]->mailbox);
        move_calls(hubs[i]);
    }
    usleep(300);
}

static inline void steps(unsigned ms)
{
    for (int64_t end = hub_mono_ms() + ms; hub_mono_ms() < end;)
        step();
}

static inline fixture_request_t *run(fixture_request_t *request)
{
    remember(request);
    hub_exchange_run(&request->x);
    for (int64_t end = hub_mono_ms() + 10000; !request->done && hub_mono_ms() < end;)
        step();
    assert_true(request->done);
    return request;
}

static inline const char *text_of(const fixture_request_t *request)
{
    return hub_pool_str(pool, request->x.reply.body);
}

static inline fixture_request_t *v1(fixture_t *f, hub_method_t method, const char *path, const char *body)
{
    fixture_request_t *request = fixture_request(f, method, path, hub_slice_str(body));
    request->x.header[HUB_HEADER_API_KEY] = HUB_SLICE_LIT(FIXTURE_ADMIN_KEY);
    request->x.header[HUB_HEADER_CONTENT_TYPE] = HUB_SLICE_LIT("application/json");
    return run(request);
}

static inline fixture_request_t *ocpi_start(fixture_t *f, hub_method_t method, const char *path, const char *token, const char *body)
{
    fixture_request_t *request = fixture_request(f, method, spoken(path), hub_slice_str(spoken(body)));
    request->x.header[HUB_HEADER_AUTHORIZATION] = sent_token(token);
    return request;
}

static inline fixture_request_t *ocpi(fixture_t *f, hub_method_t method, const char *path, const char *token, const char *body)
{
    return run(ocpi_start(f, method, path, token, body));
}

static inline int ocpi_status(const fixture_request_t *request)
{
    ocpi_envelope_t envelope;
    assert_int_equal(ocpi_envelope_read(pool, request->x.reply.body, &envelope), HUB_EOK);
    return envelope.status_code;
}

/* A member at a path like "credentialsInfo/ourToken", as text. */
static inline const char *member_of(const char *json, const char *path)
{
    yyjson_doc *doc;
    hub_slice_t rest = hub_slice_str(path), name;
    if (ocpi_read(pool, hub_slice_str(json), &doc, NULL) != HUB_EOK)
        fail_msg("no JSON: %s", json);
    yyjson_val *value = yyjson_doc_get_root(doc);
    while (hub_slice_split(&rest, '/', &name)) {
        uint64_t index;
        value =
            yyjson_is_arr(value) && hub_slice_u64(name, &index) ? yyjson_arr_get(value, index) : yyjson_obj_getn(value, name.ptr, name.len);
    }
    if (!value || yyjson_is_null(value))
        return "";
    return hub_pool_str(pool, yyjson_is_str(value) || yyjson_is_raw(value) ? ocpi_str(value) : ocpi_write(pool, value));
}

static inline const char *show(fixture_t *f)
{
    fixture_request_t *request = v1(f, HUB_GET, "/v1/integrations/1?reveal=secrets&include=none", NULL);
    assert_int_equal(request->x.reply.status, 200);
    return text_of(request);
}

static inline const char *status_of(fixture_t *f)
{
    return member_of(show(f), "integrationStatus");
}

static inline void wait_status(fixture_t *f, const char *status)
{
    for (int64_t end = hub_mono_ms() + 5000; strcmp(status_of(f), status) != 0;) {
        if (hub_mono_ms() > end)
            fail_msg("waited for %s: %s", status, show(f));
        steps(5);
    }
}

/* ---- setting up ---- */

static inline int open_hubs(void **state)
{
    (void)state;
    pool = hub_pool_create();
    script = NULL;
    fixture_open(&alpha, "https://alpha.example");
    fixture_open(&beta, "https://beta.example");
    hub_log_set(2, HUB_ERROR);
    return 0;
}

static inline int close_hubs(void **state)
{
    (void)state;
    script = NULL;
    for (size_t i = 0; i < 50; i++)
        step();
    fixture_close(&alpha);
    fixture_close(&beta);
    for (size_t i = 0; i < request_count; i++)
        fixture_request_free(requests[i]);
    request_count = 0;
    hub_pool_destroy(pool);
    return 0;
}

static inline void make_party(fixture_t *f, const char *party, const char *role)
{
    hub_slice_t body =
        hub_pool_printf(pool, "{\"countryCode\":\"DE\",\"partyId\":\"%s\",\"roles\":[\"%s\"],\"businessDetails\":{\"name\":\"%s Ltd\"}}",
                        party, role, party);
    fixture_request_t *request = v1(f, HUB_POST, "/v1/parties", body.ptr);
    if (request->x.reply.status != 201)
        fail_msg("%s", text_of(request));
}

static inline void make_integration(fixture_t *f, const char *role, const char *connection)
{
    hub_slice_t body = hub_pool_printf(pool,
                                       "{\"integrationName\":\"partner\",\"integrationType\":\"OCPI\",\"ocpiConnection\":{"
                                       "\"customerRoles\":[\"%s\"],%s}}",
                                       role, connection);
    fixture_request_t *request = v1(f, HUB_POST, "/v1/integrations", body.ptr);
    if (request->x.reply.status != 201)
        fail_msg("%s", text_of(request));
}

#define TOKEN_A "token-a-of-beta-000000000000001"

/* beta waits with token A. */
static inline void make_receiver(const char *more)
{
    make_party(&beta, "BBB", "CPO");
    make_integration(&beta, "CPO", hub_pool_printf(pool, "\"initialRole\":\"RECEIVER\",\"initialToken\":\"" TOKEN_A "\"%s", more).ptr);
}

/* alpha starts towards `url`. */
static inline void make_sender(const char *url, const char *more)
{
    make_party(&alpha, "AAA", "EMSP");
    make_integration(
        &alpha, "EMSP",
        hub_pool_printf(pool, "\"initialRole\":\"SENDER\",\"versions\":[\"%s\"],\"endpointUrl\":\"%s\",\"initialToken\":\"" TOKEN_A "\"%s",
                        speaks, url, more)
            .ptr);
}

static inline void connect_hubs(void)
{
    make_receiver("");
    make_sender("https://beta.example/ocpi/versions", "");
    wait_status(&alpha, "CONNECTED");
    wait_status(&beta, "CONNECTED");
}

/* ---- a scripted partner: a CPO at https://partner.example ---- */

#define PARTNER "https://partner.example/ocpi"
static struct {
    const char *versions, *details, *credentials; /* bodies; NULL: the usual */
    int http_versions, http_details, http_credentials;
    hub_err_t err_credentials;
    int lost; /* how many answers to POST are lost */
    unsigned gets, posts, puts, deletes;
    char token_b[8][80];
    hub_slice_t seen;             /* last Authorization */
    unsigned seen_ids, wrong_ids; /* X-Request-ID and X-Correlation-ID: requests with others than the version has */
    bool hold;                    /* keep calls unanswered */
    bool raw;                     /* takes tokens only as they are */
    bool base64;                  /* … only in Base64 */
    bool spends;                  /* after a POST token A opens nothing but the same POST */
} partner;

#define DATA(data) "{\"data\":" data ",\"status_code\":1000,\"timestamp\":\"2026-01-01T00:00:00Z\"}"
#define USUAL_VERSIONS                                                                                                                     \
    DATA("[{\"version\":\"2.1.1\",\"url\":\"" PARTNER "/2.1.1\"},{\"version\":\"2.2.1\",\"url\":\"" PARTNER                                \
         "/2.2.1\"},{\"version\":\"9.9\",\"url\":\"x\"}]")
#define USUAL_DETAILS                                                                                                                      \
    DATA("{\"version\":\"2.2.1\",\"endpoints\":[{\"identifier\":\"credentials\",\"role\":\"RECEIVER\",\"url\":\"" PARTNER                  \
         "/2.2.1/credentials\"},"                                                                                                          \
         "{\"identifier\":\"locations\",\"role\":\"SENDER\",\"url\":\"" PARTNER                                                            \
         "/2.2.1/locations\"},{\"identifier\":\"acme-extra\",\"role\":\"SENDER\",\"url\":\"" PARTNER "/x\"}]}")
#define NOTHING_IN_COMMON                                                                                                                  \
    DATA("{\"version\":\"2.2.1\",\"endpoints\":[{\"identifier\":\"credentials\",\"url\":\"" PARTNER                                        \
         "/c\"},{\"identifier\":\"acme-extra\",\"url\":\"" PARTNER "/x\"}]}")
#define CREDENTIALS(token, party)                                                                                                          \
    "{\"token\":\"" token "\",\"url\":\"" PARTNER "/versions\",\"roles\":[{\"role\":\"CPO\",\"party_id\":\"" party                         \
    "\",\"country_code\":\"NL\",\"business_details\":{\"name\":\"Partner\"}}]}"
#define TOKEN_C "token-c-of-partner-0001"

static inline bool play_partner(fixture_t *f, fixture_call_t *entry)
{
    hub_call_t *call = entry->call;
    if (!is_to(entry, PARTNER))
        return false;
    if (partner.hold) {
        entry->taken = !entry->cancelled;
        if (entry->cancelled)
            fixture_finish(f, entry, HUB_ESTOPPING);
        return true;
    }
    partner.seen_ids = 0;
    for (uint32_t i = 0; i < call->header_count; i++) {
        if (hub_slice_caseeq_str(call->headers[i].name, "authorization"))
            partner.seen = hub_pool_copy(pool, call->headers[i].value);
        partner.seen_ids += hub_slice_starts(call->headers[i].name, HUB_SLICE_LIT("X-"));
        assert_false(hub_slice_starts(call->headers[i].name, HUB_SLICE_LIT("OCPI-"))); /* C24 */
    }
    partner.wrong_ids += (strcmp(speaks, "2.1.1") == 0 ? 0 : 2) != partner.seen_ids;
    if (partner.base64 && memmem(partner.seen.ptr, partner.seen.len, "token-", 6)) {
        fixture_answer(f, entry, 401, HUB_SLICE_LIT("{}"));
        return true;
    }
    if (partner.raw && !memmem(partner.seen.ptr, partner.seen.len, "token-", 6)) {
        fixture_answer(f, entry, 401, HUB_SLICE_LIT("{}"));
        return true;
    }
    if (partner.spends && partner.posts && call->method == HUB_GET) {
        partner.gets++;
        fixture_answer(f, entry, 401, HUB_SLICE_LIT("{}"));
        return true;
    }
    if (call->method == HUB_GET) {
        partner.gets++;
        bool list = is_to(entry, PARTNER "/versions");
        int status = list ? partner.http_versions : partner.http_details;
        const char *body =
            list ? (partner.versions ? partner.versions : USUAL_VERSIONS) : (partner.details ? partner.details : USUAL_DETAILS);
        fixture_answer(f, entry, status ? status : 200, hub_slice_str(spoken(body)));
        return true;
    }
    if (call->method == HUB_DELETE) {
        partner.deletes++;
        fixture_answer(f, entry, 200, HUB_SLICE_LIT("{\"status_code\":1000,\"timestamp\":\"2026-01-01T00:00:00Z\"}"));
        return true;
    }
    const char *token = member_of(hub_pool_str(pool, call->body), "token");
    (void)snprintf(partner.token_b[(partner.posts + partner.puts) % 8], sizeof partner.token_b[0], "%s", token);
    partner.posts += call->method == HUB_POST;
    partner.puts += call->method == HUB_PUT;
    if (partner.lost-- > 0)
        fixture_finish(f, entry, HUB_EPEER_TIMEOUT);
    else
        fixture_answer(f, entry, partner.http_credentials ? partner.http_credentials : 200,
                       hub_slice_str(spoken(partner.credentials ? partner.credentials : DATA(CREDENTIALS(TOKEN_C, "PPP")))));
    return true;
}

static inline int open_partner(void **state)
{
    memset(&partner, 0, sizeof partner);
    int failed = open_hubs(state);
    script = play_partner;
    return failed;
}

static inline void wait_posts(unsigned posts)
{
    for (int64_t end = hub_mono_ms() + 5000; partner.posts < posts && hub_mono_ms() < end;)
        step();
    assert_int_equal(partner.posts, posts);
}

static inline void assert_no_token(const char *text)
{
    static const char *const secrets[] = {TOKEN_A, TOKEN_C, "token-b-of-partner"};
    for (size_t i = 0; i < HUB_COUNT(secrets); i++)
        assert_null(strstr(text, secrets[i]));
    for (size_t i = 0; i < 8; i++)
        if (partner.token_b[i][0])
            assert_null(strstr(text, partner.token_b[i]));
}

#endif
