/* Credentials exchanges without sockets: two whole hubs that talk through scripted ports, and scripted partners on either side. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core_fixture.h"
#include "registration.h"

static fixture_t alpha, beta; /* alpha: eMSP; beta: CPO */
static hub_pool_t *pool;

/* ---- moving things along ---- */

typedef struct forwarded {
    fixture_t *from;
    fixture_call_t *entry;
} forwarded_t;

static void forwarded_back(fixture_request_t *request)
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

static fixture_request_t *remember(fixture_request_t *request)
{
    assert_true(request_count < HUB_COUNT(requests));
    return requests[request_count++] = request;
}

static void forward(fixture_t *from, fixture_t *to, fixture_call_t *entry)
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

static bool is_to(const fixture_call_t *entry, const char *url)
{
    return hub_slice_starts(entry->call->url, hub_slice_str(url));
}

static void move_calls(fixture_t *f)
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

static void step(void)
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

static void steps(unsigned ms)
{
    for (int64_t end = hub_mono_ms() + ms; hub_mono_ms() < end;)
        step();
}

static fixture_request_t *run(fixture_request_t *request)
{
    remember(request);
    hub_exchange_run(&request->x);
    for (int64_t end = hub_mono_ms() + 10000; !request->done && hub_mono_ms() < end;)
        step();
    assert_true(request->done);
    return request;
}

static const char *text_of(const fixture_request_t *request)
{
    return hub_pool_str(pool, request->x.reply.body);
}

static fixture_request_t *v1(fixture_t *f, hub_method_t method, const char *path, const char *body)
{
    fixture_request_t *request = fixture_request(f, method, path, hub_slice_str(body));
    request->x.header[HUB_HEADER_API_KEY] = HUB_SLICE_LIT(FIXTURE_ADMIN_KEY);
    request->x.header[HUB_HEADER_CONTENT_TYPE] = HUB_SLICE_LIT("application/json");
    return run(request);
}

static fixture_request_t *ocpi_start(fixture_t *f, hub_method_t method, const char *path, const char *token, const char *body)
{
    fixture_request_t *request = fixture_request(f, method, path, hub_slice_str(body));
    request->x.header[HUB_HEADER_AUTHORIZATION] =
        hub_pool_printf(pool, "Token %.*s", HUB_SLICE_FMT(hub_base64_encode(pool, hub_slice_str(token))));
    return request;
}

static fixture_request_t *ocpi(fixture_t *f, hub_method_t method, const char *path, const char *token, const char *body)
{
    return run(ocpi_start(f, method, path, token, body));
}

static int ocpi_status(const fixture_request_t *request)
{
    ocpi_envelope_t envelope;
    assert_int_equal(ocpi_envelope_read(pool, request->x.reply.body, &envelope), HUB_EOK);
    return envelope.status_code;
}

/* A member at a path like "credentialsInfo/ourToken", as text. */
static const char *member_of(const char *json, const char *path)
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

static const char *show(fixture_t *f)
{
    fixture_request_t *request = v1(f, HUB_GET, "/v1/integrations/1?reveal=secrets&include=none", NULL);
    assert_int_equal(request->x.reply.status, 200);
    return text_of(request);
}

static const char *status_of(fixture_t *f)
{
    return member_of(show(f), "integrationStatus");
}

static void wait_status(fixture_t *f, const char *status)
{
    for (int64_t end = hub_mono_ms() + 5000; strcmp(status_of(f), status) != 0;) {
        if (hub_mono_ms() > end)
            fail_msg("waited for %s: %s", status, show(f));
        steps(5);
    }
}

/* ---- setting up ---- */

static int open_hubs(void **state)
{
    (void)state;
    pool = hub_pool_create();
    script = NULL;
    fixture_open(&alpha, "https://alpha.example");
    fixture_open(&beta, "https://beta.example");
    hub_log_set(2, HUB_ERROR);
    return 0;
}

static int close_hubs(void **state)
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

static void make_party(fixture_t *f, const char *party, const char *role)
{
    hub_slice_t body =
        hub_pool_printf(pool, "{\"countryCode\":\"DE\",\"partyId\":\"%s\",\"roles\":[\"%s\"],\"businessDetails\":{\"name\":\"%s Ltd\"}}",
                        party, role, party);
    fixture_request_t *request = v1(f, HUB_POST, "/v1/parties", body.ptr);
    if (request->x.reply.status != 201)
        fail_msg("%s", text_of(request));
}

static void make_integration(fixture_t *f, const char *role, const char *connection)
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
static void make_receiver(const char *more)
{
    make_party(&beta, "BBB", "CPO");
    make_integration(&beta, "CPO", hub_pool_printf(pool, "\"initialRole\":\"RECEIVER\",\"initialToken\":\"" TOKEN_A "\"%s", more).ptr);
}

/* alpha starts towards `url`. */
static void make_sender(const char *url, const char *more)
{
    make_party(&alpha, "AAA", "EMSP");
    make_integration(
        &alpha, "EMSP",
        hub_pool_printf(pool, "\"initialRole\":\"SENDER\",\"endpointUrl\":\"%s\",\"initialToken\":\"" TOKEN_A "\"%s", url, more).ptr);
}

static void connect_hubs(void)
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
    hub_slice_t seen; /* last Authorization */
    bool hold;        /* keep calls unanswered */
    bool raw;         /* takes tokens only as they are */
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
#define CREDENTIALS(token, party)                                                                                                          \
    "{\"token\":\"" token "\",\"url\":\"" PARTNER "/versions\",\"roles\":[{\"role\":\"CPO\",\"party_id\":\"" party                         \
    "\",\"country_code\":\"NL\",\"business_details\":{\"name\":\"Partner\"}}]}"
#define TOKEN_C "token-c-of-partner-0001"

static bool play_partner(fixture_t *f, fixture_call_t *entry)
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
    for (uint32_t i = 0; i < call->header_count; i++)
        if (hub_slice_caseeq_str(call->headers[i].name, "authorization"))
            partner.seen = hub_pool_copy(pool, call->headers[i].value);
    if (partner.raw && !memmem(partner.seen.ptr, partner.seen.len, "token-", 6)) {
        fixture_answer(f, entry, 401, HUB_SLICE_LIT("{}"));
        return true;
    }
    if (call->method == HUB_GET) {
        partner.gets++;
        bool list = is_to(entry, PARTNER "/versions");
        int status = list ? partner.http_versions : partner.http_details;
        const char *body =
            list ? (partner.versions ? partner.versions : USUAL_VERSIONS) : (partner.details ? partner.details : USUAL_DETAILS);
        fixture_answer(f, entry, status ? status : 200, hub_slice_str(body));
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
                       hub_slice_str(partner.credentials ? partner.credentials : DATA(CREDENTIALS(TOKEN_C, "PPP"))));
    return true;
}

static int open_partner(void **state)
{
    memset(&partner, 0, sizeof partner);
    int failed = open_hubs(state);
    script = play_partner;
    return failed;
}

static void wait_posts(unsigned posts)
{
    for (int64_t end = hub_mono_ms() + 5000; partner.posts < posts && hub_mono_ms() < end;)
        step();
    assert_int_equal(partner.posts, posts);
}

static void assert_no_token(const char *text)
{
    static const char *const secrets[] = {TOKEN_A, TOKEN_C, "token-b-of-partner"};
    for (size_t i = 0; i < HUB_COUNT(secrets); i++)
        assert_null(strstr(text, secrets[i]));
    for (size_t i = 0; i < 8; i++)
        if (partner.token_b[i][0])
            assert_null(strstr(text, partner.token_b[i]));
}

/* ---- two hubs ---- */

static void C2_C6_two_hubs_register_with_each_other(void **state)
{
    (void)state;
    connect_hubs();
    const char *a = show(&alpha), *b = show(&beta);
    assert_string_equal(member_of(a, "authorized"), "true");
    assert_string_equal(member_of(a, "credentialsInfo/theirToken"), member_of(b, "credentialsInfo/ourToken"));
    assert_string_equal(member_of(b, "credentialsInfo/theirToken"), member_of(a, "credentialsInfo/ourToken"));
    assert_string_equal(member_of(a, "versionDetails/version"), "2.2.1");
    assert_string_equal(member_of(a, "credentialsInfo/credentialsRoles/0/party_id"), "BBB");
    assert_string_equal(member_of(a, "credentialsInfo/credentialsRoles/0/business_details/name"), "BBB Ltd");
    assert_string_equal(member_of(b, "credentialsInfo/credentialsRoles/0/role"), "EMSP");
    assert_string_equal(member_of(b, "credentialsInfo/url"), "https://alpha.example/ocpi/versions");
    const char *steps_a = text_of(v1(&alpha, HUB_GET, "/v1/integrations/1/credentials-exchange", NULL));
    assert_string_equal(member_of(steps_a, "0/step"), "GET versions");
    assert_string_equal(member_of(steps_a, "2/step"), "POST credentials");
    assert_string_equal(member_of(steps_a, "2/ocpiStatus"), "1000");
    const char *steps_b = text_of(v1(&beta, HUB_GET, "/v1/integrations/1/credentials-exchange", NULL));
    assert_string_equal(member_of(steps_b, "2/result"), "ok");
    assert_null(strstr(steps_a, member_of(a, "credentialsInfo/ourToken")));
    assert_null(strstr(steps_a, TOKEN_A));
    /* T14 C6: with token C everything opens, and token A is dead from its first use */
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/2.2.1/sender/locations", member_of(a, "credentialsInfo/theirToken"), NULL)->x.reply.status,
                     200);
    steps(50);
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/versions", TOKEN_A, NULL)->x.reply.status, 401);
    assert_int_equal(ocpi(&beta, HUB_POST, "/ocpi/2.2.1/credentials", TOKEN_A, "{}")->x.reply.status, 401);
}

static void C11_retry_rotates_both_tokens_by_PUT(void **state)
{
    (void)state;
    connect_hubs();
    const char *before = show(&alpha);
    steps(50);
    assert_int_equal(v1(&alpha, HUB_POST, "/v1/integrations/1/credentials-exchange", NULL)->x.reply.status, 202);
    for (int64_t end = hub_mono_ms() + 5000; hub_mono_ms() < end;) {
        steps(20);
        if (strcmp(member_of(before, "credentialsInfo/theirToken"), member_of(show(&alpha), "credentialsInfo/theirToken")) != 0)
            break;
    }
    const char *a = show(&alpha), *b = show(&beta);
    assert_string_not_equal(member_of(a, "credentialsInfo/ourToken"), member_of(before, "credentialsInfo/ourToken"));
    assert_string_not_equal(member_of(a, "credentialsInfo/theirToken"), member_of(before, "credentialsInfo/theirToken"));
    assert_string_equal(member_of(a, "credentialsInfo/theirToken"), member_of(b, "credentialsInfo/ourToken"));
    assert_string_equal(member_of(b, "credentialsInfo/theirToken"), member_of(a, "credentialsInfo/ourToken"));
    assert_string_equal(member_of(a, "integrationStatus"), "CONNECTED");
}

static void C13_unregister_ends_both_sides(void **state)
{
    (void)state;
    connect_hubs();
    const char *a = show(&alpha);
    fixture_request_t *request = v1(&alpha, HUB_POST, "/v1/integrations/1/unregister", NULL);
    assert_int_equal(request->x.reply.status, 200);
    assert_string_equal(member_of(text_of(request), "integrationStatus"), "UNREGISTERED");
    wait_status(&beta, "UNREGISTERED");
    assert_string_equal(member_of(show(&alpha), "authorized"), "false");
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/versions", member_of(a, "credentialsInfo/theirToken"), NULL)->x.reply.status, 401);
    assert_int_equal(ocpi(&alpha, HUB_GET, "/ocpi/versions", member_of(a, "credentialsInfo/ourToken"), NULL)->x.reply.status, 401);
}

static void V1_V7_versions_open_with_token_A(void **state)
{
    (void)state;
    make_receiver("");
    assert_string_equal(status_of(&beta), "AWAITING_PARTNER");
    fixture_request_t *request = ocpi(&beta, HUB_GET, "/ocpi/versions", TOKEN_A, NULL);
    assert_int_equal(request->x.reply.status, 200);
    assert_string_equal(member_of(text_of(request), "data/0/version"), "2.2.1");
    assert_string_equal(member_of(text_of(request), "data/0/url"), "https://beta.example/ocpi/2.2.1");
    request = ocpi(&beta, HUB_GET, "/ocpi/2.2.1", TOKEN_A, NULL);
    assert_string_equal(member_of(text_of(request), "data/version"), "2.2.1");
    assert_non_null(strstr(text_of(request), "\"identifier\":\"credentials\",\"role\":\"SENDER\""));
    assert_null(strstr(text_of(request), "receiver/locations")); /* a CPO has the sender side only */
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/2.2.1/sender/locations", TOKEN_A, NULL)->x.reply.status, 401);
    request = ocpi(&beta, HUB_GET, "/ocpi/2.2.1/credentials", TOKEN_A, NULL);
    assert_string_equal(member_of(text_of(request), "data/token"), TOKEN_A);
    assert_string_equal(member_of(text_of(request), "data/roles/0/role"), "CPO");
}

/* ---- we start ---- */

static void C3_sender_registers_with_a_partner(void **state)
{
    (void)state;
    make_sender(PARTNER "/versions", "");
    wait_status(&alpha, "CONNECTED");
    assert_int_equal(partner.posts, 1);
    const char *a = show(&alpha);
    assert_string_equal(member_of(a, "credentialsInfo/theirToken"), TOKEN_C);
    assert_string_equal(member_of(a, "credentialsInfo/ourToken"), partner.token_b[0]);
    assert_string_equal(member_of(a, "versionDetails/endpoints/2/identifier"), "acme-extra");
    assert_no_token(text_of(v1(&alpha, HUB_GET, "/v1/integrations/1/credentials-exchange", NULL)));
}

static void partner_that_takes_only_raw_tokens_is_found_out(void **state)
{
    (void)state;
    partner.raw = true;
    make_sender(PARTNER "/versions", "");
    wait_status(&alpha, "CONNECTED");
    assert_true(hub_slice_eq_str(partner.seen, "Token " TOKEN_A));
    steps(20);
    assert_int_equal(v1(&alpha, HUB_POST, "/v1/integrations/1/credentials-exchange", NULL)->x.reply.status, 202);
    for (int i = 0; i < 2000 && !partner.puts; i++)
        step();
    assert_int_equal(partner.puts, 1); /* remembered: also with the new token */
    assert_true(hub_slice_eq_str(partner.seen, "Token " TOKEN_C));
}

static void partner_that_calls_during_our_exchange_shall_try_again(void **state)
{
    (void)state;
    make_sender(PARTNER "/versions", "");
    wait_status(&alpha, "CONNECTED");
    partner.hold = true;
    assert_int_equal(v1(&alpha, HUB_POST, "/v1/integrations/1/credentials-exchange", NULL)->x.reply.status, 202);
    for (int i = 0; i < 1000 && !alpha.calls; i++)
        step();
    fixture_request_t *request =
        ocpi(&alpha, HUB_PUT, "/ocpi/2.2.1/credentials", partner.token_b[0], CREDENTIALS("token-b-of-partner-0009", "PPP"));
    assert_int_equal(request->x.reply.status, 200);
    assert_int_equal(ocpi_status(request), 3000);
    assert_non_null(strstr(text_of(request), "try again"));
    partner.hold = false;
    for (fixture_call_t *entry = alpha.calls; entry; entry = entry->next)
        entry->taken = false;
    for (int i = 0; i < 2000 && !partner.puts; i++)
        step();
    steps(20);
    assert_string_equal(member_of(show(&alpha), "credentialsInfo/theirToken"), TOKEN_C);
    assert_string_equal(member_of(show(&alpha), "credentialsInfo/ourToken"), partner.token_b[1]);
}

static hub_err_t want_details(hub_view_t *view, hub_op_t *op)
{
    hub_registration_t reg;
    (void)op;
    assert_int_equal(hub_registration_get(alpha.core, view, pool, HUB_TENANT_DEFAULT, 1, &reg), HUB_EOK);
    reg.wanted = HUB_WANT_DETAILS;
    return hub_registration_put(alpha.core, view, HUB_TENANT_DEFAULT, 1, &reg);
}

static void details_are_read_again_without_new_tokens(void **state)
{
    (void)state;
    make_sender(PARTNER "/versions", "");
    wait_status(&alpha, "CONNECTED");
    steps(20);
    partner.details = DATA("{\"version\":\"2.2.1\",\"endpoints\":[{\"identifier\":\"credentials\",\"role\":\"SENDER\",\"url\":\"" PARTNER
                           "/c\"},{\"identifier\":\"locations\",\"role\":\"SENDER\",\"url\":\"" PARTNER "/moved\"}]}");
    hub_op_t op = {.apply = want_details};
    assert_int_equal(hub_store_apply(alpha.store, &op), HUB_EOK);
    for (int i = 0; i < 500 && !strstr(show(&alpha), "/moved"); i++)
        steps(2);
    assert_string_equal(member_of(show(&alpha), "versionDetails/endpoints/1/url"), PARTNER "/moved");
    assert_string_equal(member_of(show(&alpha), "credentialsInfo/ourToken"), partner.token_b[0]);
    assert_int_equal(partner.posts + partner.puts, 1);
    /* and when that fails, the connection stays as it is */
    partner.http_versions = 404;
    assert_int_equal(hub_store_apply(alpha.store, &op), HUB_EOK);
    for (int i = 0; i < 500 && !strstr(show(&alpha), "answered 404"); i++)
        steps(2);
    assert_string_equal(status_of(&alpha), "CONNECTED");
    assert_string_equal(member_of(show(&alpha), "authorized"), "true");
    partner.http_versions = 0;
    assert_int_equal(hub_store_apply(alpha.store, &op), HUB_EOK);
    for (int i = 0; i < 500 && strstr(show(&alpha), "answered 404"); i++)
        steps(2);
    assert_null(strstr(show(&alpha), "answered 404"));
}

static void C17_no_POST_without_a_common_module(void **state)
{
    (void)state;
    partner.details = DATA("{\"version\":\"2.2.1\",\"endpoints\":[{\"identifier\":\"credentials\",\"role\":\"SENDER\",\"url\":\"" PARTNER
                           "/c\"},{\"identifier\":\"locations\",\"role\":\"RECEIVER\",\"url\":\"" PARTNER "/l\"}]}");
    make_sender(PARTNER "/versions", "");
    wait_status(&alpha, "FAILED");
    assert_int_equal(partner.posts, 0);
    assert_non_null(strstr(member_of(show(&alpha), "statusDescription"), "customerRoles"));
}

static void permanent_failures_say_what_to_do(void **state)
{
    (void)state;
    static const struct {
        int http_versions, http_credentials;
        const char *versions, *credentials, *hint;
    } rows[] = {
        {401, 0, "{}", NULL, "401 to token A: ask the partner for a fresh token"},
        {404, 0, "{}", NULL, "check that the URL is the partner's versions URL"},
        {302, 0, "", NULL, "redirects"},
        {200, 0, "<html>hello</html>", NULL, "not an OCPI answer"},
        {200, 0, DATA("[{\"version\":\"2.0\",\"url\":\"" PARTNER "/2.0\"}]"), NULL, "no common OCPI version"},
        {200, 0, DATA("[{\"version\":\"2.2.1\",\"url\":\"https://127.0.0.1/2.2.1\"}]"), NULL, "must not be called"},
        {200, 0, DATA("{}"), NULL, "no array"},
        {0, 405, NULL, "{\"status_code\":2000,\"timestamp\":\"2026-01-01T00:00:00Z\"}", "registered already"},
        {0, 0, NULL, "{\"status_code\":2001,\"status_message\":\"unknown party\",\"timestamp\":\"2026-01-01T00:00:00Z\"}", "unknown party"},
        {0, 0, NULL, "{\"status_code\":3003,\"timestamp\":\"2026-01-01T00:00:00Z\"}", "customerRoles"},
        {0, 0, NULL, DATA("{\"token\":\"with blank\"}"), "/token"},
        {0, 0, NULL, "{\"status_code\":2000,\"status_message\":\"bad token " TOKEN_A "\",\"timestamp\":\"2026-01-01T00:00:00Z\"}",
         "did not accept"},
    };
    make_sender(PARTNER "/versions", "");
    wait_status(&alpha, "CONNECTED");
    for (size_t i = 0; i < HUB_COUNT(rows); i++) {
        assert_int_equal(v1(&alpha, HUB_POST, "/v1/integrations/1/unregister", NULL)->x.reply.status, 200);
        memset(&partner, 0, sizeof partner);
        partner.http_versions = rows[i].http_versions;
        partner.http_credentials = rows[i].http_credentials;
        partner.versions = rows[i].versions;
        partner.credentials = rows[i].credentials;
        assert_int_equal(v1(&alpha, HUB_POST, "/v1/integrations/1/credentials-exchange", NULL)->x.reply.status, 202);
        wait_status(&alpha, "FAILED");
        const char *description = member_of(show(&alpha), "statusDescription");
        if (!strstr(description, rows[i].hint))
            fail_msg("row %zu: %s", i, description);
        assert_no_token(description);
        assert_string_equal(member_of(show(&alpha), "authorized"), "false");
        assert_string_equal(member_of(show(&alpha), "credentialsInfo/ourToken"), "");
        if (partner.token_b[0][0]) /* what was sent to the partner opens nothing afterwards */
            assert_int_equal(ocpi(&alpha, HUB_GET, "/ocpi/versions", partner.token_b[0], NULL)->x.reply.status, 401);
    }
}

static void C18_lost_answer_is_repeated_with_the_same_token(void **state)
{
    (void)state;
    partner.lost = 1;
    make_sender(PARTNER "/versions", "");
    wait_posts(1);
    for (int64_t end = hub_mono_ms() + 5000; !strstr(member_of(show(&alpha), "statusDescription"), "try again") && hub_mono_ms() < end;)
        steps(5);
    assert_string_equal(status_of(&alpha), "EXCHANGING");
    /* C4: the partner may ask back at any time; elsewhere it is told to come again */
    assert_int_equal(ocpi(&alpha, HUB_GET, "/ocpi/versions", partner.token_b[0], NULL)->x.reply.status, 200);
    assert_int_equal(ocpi(&alpha, HUB_GET, "/ocpi/2.2.1/receiver/locations/NL/PPP/1", partner.token_b[0], NULL)->x.reply.status, 503);
    for (int i = 0; i < 1000 && fixture_fire(&alpha, 3000) == 0; i++)
        step();
    wait_status(&alpha, "CONNECTED");
    assert_int_equal(partner.posts, 2);
    assert_string_equal(partner.token_b[0], partner.token_b[1]);
}

static void tries_end_after_a_bound(void **state)
{
    (void)state;
    partner.http_versions = 503;
    make_sender(PARTNER "/versions", "");
    unsigned rounds = 0;
    for (int64_t end = hub_mono_ms() + 8000; strcmp(status_of(&alpha), "FAILED") != 0 && hub_mono_ms() < end; steps(5))
        rounds += fixture_fire(&alpha, 200000);
    assert_string_equal(status_of(&alpha), "FAILED");
    assert_true(rounds >= 11);
    assert_int_equal(partner.gets, 12);
    assert_non_null(strstr(member_of(show(&alpha), "statusDescription"), "Given up after 12 tries"));
}

static void wrong_third_party_fails_with_2001_and_takes_the_registration_back(void **state)
{
    (void)state;
    make_sender(PARTNER "/versions", ",\"thirdPartyId\":\"XXX\",\"thirdPartyCountryCode\":\"NL\"");
    wait_status(&alpha, "FAILED");
    assert_non_null(strstr(member_of(show(&alpha), "statusDescription"), "NL XXX"));
    for (int i = 0; i < 200 && !partner.deletes; i++)
        steps(5);
    assert_int_equal(partner.deletes, 1);
}

static void unregister_does_not_wait_for_a_partner_that_is_away(void **state)
{
    (void)state;
    make_sender(PARTNER "/versions", "");
    wait_status(&alpha, "CONNECTED");
    script = NULL; /* unreachable */
    fixture_request_t *request = v1(&alpha, HUB_POST, "/v1/integrations/1/unregister", NULL);
    assert_int_equal(request->x.reply.status, 200);
    assert_string_equal(status_of(&alpha), "UNREGISTERED");
    assert_non_null(strstr(member_of(show(&alpha), "statusDescription"), "could not be told"));
    assert_int_equal(ocpi(&alpha, HUB_GET, "/ocpi/versions", partner.token_b[0], NULL)->x.reply.status, 401);
}

/* kill -9 after each of the partner's answers: what was wanted runs again and ends well. */
static unsigned budget;
static bool play_then_die(fixture_t *f, fixture_call_t *entry)
{
    if (!is_to(entry, PARTNER))
        return false;
    if (budget == 0) {
        entry->taken = !entry->cancelled;
        if (entry->cancelled)
            fixture_finish(f, entry, HUB_ESTOPPING);
        return true;
    }
    budget--;
    return play_partner(f, entry);
}

static void survives_an_end_at_every_step(void **state)
{
    (void)state;
    for (unsigned answers = 0; answers < 3; answers++) {
        budget = answers;
        script = play_then_die;
        if (answers == 0)
            make_sender(PARTNER "/versions", "");
        else
            assert_int_equal(v1(&alpha, HUB_POST, "/v1/integrations/1/credentials-exchange", NULL)->x.reply.status, 202);
        for (int i = 0; i < 1000 && !(budget == 0 && alpha.calls && alpha.calls->taken); i++)
            step();
        assert_non_null(alpha.calls);
        for (fixture_call_t *entry = alpha.calls; entry; entry = entry->next)
            entry->taken = false;
        fixture_stop(&alpha);
        alpha.worker = NULL;
        budget = 100;
        fixture_start(&alpha, "https://alpha.example");
        wait_status(&alpha, "CONNECTED");
        assert_string_equal(member_of(show(&alpha), "credentialsInfo/theirToken"), TOKEN_C);
        assert_int_equal(v1(&alpha, HUB_POST, "/v1/integrations/1/unregister", NULL)->x.reply.status, 200);
    }
}

/* ---- the partner starts: we are beta ---- */

#define BODY_B CREDENTIALS("token-b-of-partner-0001", "PPP")
#define PARTNER_IS_EMSP                                                                                                                    \
    DATA("{\"version\":\"2.2.1\",\"endpoints\":[{\"identifier\":\"credentials\",\"role\":\"SENDER\",\"url\":\"" PARTNER                    \
         "/2.2.1/credentials\"},{\"identifier\":\"locations\",\"role\":\"RECEIVER\",\"url\":\"" PARTNER "/2.2.1/l\"}]}")

static fixture_request_t *credentials(hub_method_t method, const char *token, const char *body)
{
    return ocpi(&beta, method, "/ocpi/2.2.1/credentials", token, body);
}

static int open_receiver(void **state)
{
    int failed = open_partner(state);
    partner.details = PARTNER_IS_EMSP;
    make_receiver("");
    return failed;
}

static const char *register_partner(const char *token)
{
    fixture_request_t *request = credentials(HUB_POST, token, BODY_B);
    assert_int_equal(request->x.reply.status, 200);
    if (ocpi_status(request) != 1000)
        fail_msg("%s", text_of(request));
    return member_of(text_of(request), "data/token");
}

static void C4_C5_partner_registers_with_us(void **state)
{
    (void)state;
    const char *c = register_partner(TOKEN_A);
    assert_int_equal(partner.gets, 2);
    assert_true(
        hub_slice_eq(partner.seen, hub_pool_printf(pool, "Token %.*s",
                                                   HUB_SLICE_FMT(hub_base64_encode(pool, HUB_SLICE_LIT("token-b-of-partner-0001"))))));
    assert_int_equal(strlen(c), HUB_TOKEN_LEN);
    assert_string_equal(status_of(&beta), "CONNECTED");
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/2.2.1/sender/locations", c, NULL)->x.reply.status, 200);
    assert_no_token(text_of(v1(&beta, HUB_GET, "/v1/integrations/1/credentials-exchange", NULL)));
}

static void C7_C8_C9_wrong_methods_get_405_with_Allow(void **state)
{
    (void)state;
    assert_int_equal(credentials(HUB_PUT, TOKEN_A, BODY_B)->x.reply.status, 405);
    assert_int_equal(credentials(HUB_DELETE, TOKEN_A, NULL)->x.reply.status, 405);
    const char *c = register_partner(TOKEN_A);
    fixture_request_t *request = credentials(HUB_POST, c, BODY_B);
    assert_int_equal(request->x.reply.status, 405);
    bool allow = false;
    for (uint32_t i = 0; i < request->x.reply.header_count; i++)
        allow |= hub_slice_eq_str(request->x.reply.headers[i].name, "allow") &&
                 hub_slice_eq_str(request->x.reply.headers[i].value, "GET, HEAD, PUT, DELETE");
    assert_true(allow);
    assert_int_equal(credentials(HUB_PATCH, c, "{}")->x.reply.status, 405); /* C25 */
}

static void C14_C15_C16_C18_failed_post_leaves_no_registration(void **state)
{
    (void)state;
    partner.http_versions = 500;
    assert_int_equal(ocpi_status(credentials(HUB_POST, TOKEN_A, BODY_B)), 3001);
    partner.http_versions = 0;
    partner.versions = "no JSON";
    assert_int_equal(ocpi_status(credentials(HUB_POST, TOKEN_A, BODY_B)), 3001);
    partner.versions = DATA("[{\"version\":\"2.1.1\",\"url\":\"" PARTNER "/2.1.1\"}]");
    assert_int_equal(ocpi_status(credentials(HUB_POST, TOKEN_A, BODY_B)), 3002);
    partner.versions = NULL;
    partner.details = USUAL_DETAILS; /* a CPO like us */
    fixture_request_t *request = credentials(HUB_POST, TOKEN_A, BODY_B);
    assert_int_equal(request->x.reply.status, 200);
    assert_int_equal(ocpi_status(request), 3003);
    assert_string_equal(member_of(show(&beta), "authorized"), "false");
    assert_string_equal(member_of(show(&beta), "credentialsInfo/ourToken"), "");
    partner.details = PARTNER_IS_EMSP;
    (void)register_partner(TOKEN_A); /* not 405 */
}

static void C19_C20_bad_credentials_get_2001(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"url\":\"" PARTNER "/versions\",\"roles\":[]}",
        "{\"token\":\"a b\",\"url\":\"" PARTNER "/versions\"}",
        "{\"token\":\"ok\",\"url\":\"" PARTNER "/versions\",\"roles\":[]}",
        "{\"token\":\"ok\",\"url\":\"http://127.0.0.1/"
        "versions\",\"roles\":[{\"role\":\"CPO\",\"party_id\":\"PPP\",\"country_code\":\"NL\"}]}",
        "{\"token\":\"ok\",\"url\":\"" PARTNER "/versions\",\"roles\":[{\"role\":\"CPO\",\"party_id\":\"PPP\",\"country_code\":\"NL\"},"
        "{\"role\":\"CPO\",\"party_id\":\"ppp\",\"country_code\":\"nl\"}]}",
        "{\"token\":\"ok\",\"url\":\"" PARTNER "/versions\",\"roles\":[{\"role\":\"CPO\"}]}",
        "{\"token\":\"ok\",\"url\":\"" PARTNER "/versions\",\"roles\":{}}",
    };
    for (size_t i = 0; i < HUB_COUNT(bad); i++) {
        fixture_request_t *request = credentials(HUB_POST, TOKEN_A, bad[i]);
        assert_int_equal(request->x.reply.status, 200);
        assert_int_equal(ocpi_status(request), 2001);
    }
    assert_int_equal(credentials(HUB_POST, TOKEN_A, "{\"token\":")->x.reply.status, 400);
    assert_int_equal(partner.gets, 0);
    (void)register_partner(TOKEN_A);
}

static void J_repeated_post_counts_until_token_C_is_used(void **state)
{
    (void)state;
    const char *first = register_partner(TOKEN_A);
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/versions", TOKEN_A, NULL)->x.reply.status, 401);
    const char *second = register_partner(TOKEN_A); /* the answer was lost */
    assert_string_not_equal(first, second);
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/versions", first, NULL)->x.reply.status, 401);
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/versions", second, NULL)->x.reply.status, 200);
    steps(50);
    assert_int_equal(credentials(HUB_POST, TOKEN_A, BODY_B)->x.reply.status, 401);
}

static void J_after_PUT_both_tokens_live_until_the_new_one_is_used(void **state)
{
    (void)state;
    const char *c = register_partner(TOKEN_A);
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/versions", c, NULL)->x.reply.status, 200);
    fixture_request_t *request = credentials(HUB_PUT, c, CREDENTIALS("token-b-of-partner-0002", "PPP"));
    assert_int_equal(ocpi_status(request), 1000);
    const char *lost = member_of(text_of(request), "data/token");
    request = credentials(HUB_PUT, c, CREDENTIALS("token-b-of-partner-0003", "PPP")); /* with the old one: the answer was lost */
    assert_int_equal(ocpi_status(request), 1000);
    const char *fresh = member_of(text_of(request), "data/token");
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/versions", lost, NULL)->x.reply.status, 401);
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/versions", c, NULL)->x.reply.status, 200);
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/versions", fresh, NULL)->x.reply.status, 200);
    steps(50);
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/versions", c, NULL)->x.reply.status, 401);
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/versions", fresh, NULL)->x.reply.status, 200);
    assert_string_equal(member_of(show(&beta), "credentialsInfo/theirToken"), "token-b-of-partner-0003");
}

static void failed_PUT_changes_nothing(void **state)
{
    (void)state;
    const char *c = register_partner(TOKEN_A);
    partner.http_versions = 503;
    assert_int_equal(ocpi_status(credentials(HUB_PUT, c, CREDENTIALS("token-b-of-partner-0002", "PPP"))), 3001);
    assert_string_equal(member_of(show(&beta), "credentialsInfo/theirToken"), "token-b-of-partner-0001");
    assert_string_equal(status_of(&beta), "CONNECTED");
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/versions", c, NULL)->x.reply.status, 200);
}

static void C13_partner_deletes_its_credentials(void **state)
{
    (void)state;
    const char *c = register_partner(TOKEN_A);
    assert_int_equal(ocpi_status(credentials(HUB_DELETE, c, NULL)), 1000);
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/versions", c, NULL)->x.reply.status, 401);
    assert_string_equal(status_of(&beta), "UNREGISTERED");
    /* anew, with a fresh token A */
    assert_int_equal(v1(&beta, HUB_POST, "/v1/integrations/1/credentials-exchange", NULL)->x.reply.status, 202);
    assert_string_equal(status_of(&beta), "AWAITING_PARTNER");
    const char *fresh = member_of(show(&beta), "credentialsInfo/initialToken");
    assert_string_not_equal(fresh, TOKEN_A);
    (void)register_partner(fresh);
}

static void retry_on_a_receiver_issues_a_fresh_token_A(void **state)
{
    (void)state;
    const char *c = register_partner(TOKEN_A);
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/versions", c, NULL)->x.reply.status, 200);
    steps(50);
    assert_int_equal(v1(&beta, HUB_PATCH, "/v1/integrations/1", "{\"retryCredentialsExchange\":true}")->x.reply.status, 204);
    const char *fresh = member_of(show(&beta), "credentialsInfo/initialToken");
    assert_string_not_equal(fresh, TOKEN_A);
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/versions", c, NULL)->x.reply.status, 200); /* the connection goes on meanwhile */
    const char *anew = register_partner(fresh);
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/versions", c, NULL)->x.reply.status, 401);
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/versions", anew, NULL)->x.reply.status, 200);
}

static void a_second_exchange_waits_in_line(void **state)
{
    (void)state;
    partner.hold = true;
    fixture_request_t *first = remember(ocpi_start(&beta, HUB_POST, "/ocpi/2.2.1/credentials", TOKEN_A, BODY_B));
    fixture_request_t *second = remember(ocpi_start(&beta, HUB_POST, "/ocpi/2.2.1/credentials", TOKEN_A, BODY_B));
    hub_exchange_run(&first->x);
    hub_exchange_run(&second->x);
    steps(30);
    assert_int_equal(beta.call_count, 1); /* never two at once */
    partner.hold = false;
    for (fixture_call_t *entry = beta.calls; entry; entry = entry->next)
        entry->taken = false;
    for (int i = 0; i < 3000 && !(first->done && second->done); i++)
        step();
    assert_int_equal(ocpi_status(first), 1000);
    assert_int_equal(ocpi_status(second), 1000);
    assert_string_equal(member_of(show(&beta), "credentialsInfo/ourToken"), member_of(text_of(second), "data/token"));
}

static void wrong_third_party_gets_2001_and_the_operator_is_told(void **state)
{
    (void)state;
    assert_int_equal(
        v1(&beta, HUB_PATCH, "/v1/integrations/1", "{\"ocpiConnection\":{\"thirdPartyId\":\"QQQ\",\"thirdPartyCountryCode\":\"NL\"}}")
            ->x.reply.status,
        204);
    fixture_request_t *request = credentials(HUB_POST, TOKEN_A, BODY_B);
    assert_int_equal(ocpi_status(request), 2001);
    wait_status(&beta, "FAILED");
    assert_non_null(strstr(member_of(show(&beta), "statusDescription"), "NL QQQ"));
}

static void raw_and_padded_tokens_are_accepted(void **state)
{
    (void)state;
    const char *forms[] = {TOKEN_A, "dG9rZW4tYS1vZi1iZXRhLTAwMDAwMDAwMDAwMDAwMQ==", "dG9rZW4tYS1vZi1iZXRhLTAwMDAwMDAwMDAwMDAwMQo="};
    for (size_t i = 0; i < HUB_COUNT(forms); i++) {
        fixture_request_t *request = fixture_request(&beta, HUB_GET, "/ocpi/versions", HUB_SLICE_NONE);
        request->x.header[HUB_HEADER_AUTHORIZATION] = hub_pool_printf(pool, "token %s", forms[i]);
        assert_int_equal(run(request)->x.reply.status, 200);
    }
    static const char *const bad[] = {"", "Token", "Token ", "Bearer " TOKEN_A, "Token " TOKEN_A "x", TOKEN_A};
    for (size_t i = 0; i < HUB_COUNT(bad); i++) {
        fixture_request_t *request = fixture_request(&beta, HUB_GET, "/ocpi/versions", HUB_SLICE_NONE);
        request->x.header[HUB_HEADER_AUTHORIZATION] = hub_slice_str(bad[i]);
        assert_int_equal(run(request)->x.reply.status, 401);
    }
}

int main(void)
{
#define TWO_HUBS(f) cmocka_unit_test_setup_teardown(f, open_hubs, close_hubs)
#define AS_SENDER(f) cmocka_unit_test_setup_teardown(f, open_partner, close_hubs)
#define AS_RECEIVER(f) cmocka_unit_test_setup_teardown(f, open_receiver, close_hubs)
    const struct CMUnitTest tests[] = {
        TWO_HUBS(C2_C6_two_hubs_register_with_each_other),
        TWO_HUBS(C11_retry_rotates_both_tokens_by_PUT),
        TWO_HUBS(C13_unregister_ends_both_sides),
        TWO_HUBS(V1_V7_versions_open_with_token_A),
        AS_SENDER(C3_sender_registers_with_a_partner),
        AS_SENDER(partner_that_takes_only_raw_tokens_is_found_out),
        AS_SENDER(partner_that_calls_during_our_exchange_shall_try_again),
        AS_SENDER(details_are_read_again_without_new_tokens),
        AS_SENDER(C17_no_POST_without_a_common_module),
        AS_SENDER(permanent_failures_say_what_to_do),
        AS_SENDER(C18_lost_answer_is_repeated_with_the_same_token),
        AS_SENDER(tries_end_after_a_bound),
        AS_SENDER(wrong_third_party_fails_with_2001_and_takes_the_registration_back),
        AS_SENDER(unregister_does_not_wait_for_a_partner_that_is_away),
        AS_SENDER(survives_an_end_at_every_step),
        AS_RECEIVER(C4_C5_partner_registers_with_us),
        AS_RECEIVER(C7_C8_C9_wrong_methods_get_405_with_Allow),
        AS_RECEIVER(C14_C15_C16_C18_failed_post_leaves_no_registration),
        AS_RECEIVER(C19_C20_bad_credentials_get_2001),
        AS_RECEIVER(J_repeated_post_counts_until_token_C_is_used),
        AS_RECEIVER(J_after_PUT_both_tokens_live_until_the_new_one_is_used),
        AS_RECEIVER(failed_PUT_changes_nothing),
        AS_RECEIVER(C13_partner_deletes_its_credentials),
        AS_RECEIVER(retry_on_a_receiver_issues_a_fresh_token_A),
        AS_RECEIVER(a_second_exchange_waits_in_line),
        AS_RECEIVER(wrong_third_party_gets_2001_and_the_operator_is_told),
        AS_RECEIVER(raw_and_padded_tokens_are_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
