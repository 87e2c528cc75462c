"""/v1/integrations of every type: settings by type and provider, secrets, activation, the part that all types have; unique references and
Idempotency-Key."""

import json
import pathlib
import sys
import threading
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from hubtest import Hub  # noqa: E402

MASK = "\u2022\u2022\u2022\u2022"
AUTH = {"type": "basic", "user": "u", "password": "auth-secret-42"}
ENDPOINT = {"endpointUrl": "https://erp.example/cdrs", "auth": AUTH, "format": "json", "schedule": "hourly"}
WEBHOOK = {"url": "https://hooks.example/in", "events": ["cdr.created", "integration.status"], "secret": "whsec_MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0"}
EMAIL = {"default_reply_to_email": "re@op.example", "default_sender_email": "hub@op.example", "default_sender_name": "Hub"}
# type, provider, settings in full, secret, what activation needs
SETTINGS = [
    ("Webhook", None, WEBHOOK, ["secret"], ["url", "secret"]),
    ("Messaging", "twilio_sms", {"account_sid": "AC" + "0" * 32, "auth_token": "twilio-secret-1", "default_phone_number": "+31201234567"},
     ["auth_token"], ["account_sid", "auth_token", "default_phone_number"]),
    ("Messaging", "custom_email_provider",
     {"default_sender_email": "hub@op.example", "default_sender_name": "Hub", "password": "smtp-secret-2", "port": "587", "sending_domain": "op.example",
      "username": "hub"}, ["password"], ["default_sender_email", "password", "port", "sending_domain", "username"]),
    ("Messaging", "mandrill_email", {"api_key": "mandrill-secret-3", **EMAIL, "smtp_username": "op"}, ["api_key"], ["api_key", "default_sender_email"]),
    ("Messaging", "sendgrid_email", {"api_key": "sendgrid-secret-4", **EMAIL}, ["api_key"], ["api_key", "default_sender_email"]),
    ("Messaging", "mitto_sms", {"sender_name": "Operator"}, [], ["sender_name"]),
    ("Messaging", "mailgun_email", {"api_key": "mailgun-secret-5", "domain": "op.example", "sender_email": "hub@op.example", "sender_name": "Hub"},
     ["api_key"], ["api_key", "domain", "sender_email"]),
    ("Messaging", "telegram", {"auth_token": "telegram-secret-6", "chat_id": "-100123"}, ["auth_token"], ["auth_token", "chat_id"]),
    ("PaymentGateway", None, ENDPOINT, ["auth"], ["endpointUrl"]),
    ("EInvoicing", None, ENDPOINT, ["auth"], ["endpointUrl"]),
    ("TaxCalculation", None, ENDPOINT, ["auth"], ["endpointUrl"]),
    ("DataExport", None, {**ENDPOINT, "format": "ndjson", "schedule": "30 2 * * *"}, ["auth"], ["endpointUrl", "format", "schedule"]),
]
UTILITY = {"tenant": "t-1", "clientId": "c-1", "clientSecret": "utility-secret-7", "scope": "invoices", "meteredValuesAreSent": True, "activateConnection": True}
SALESFORCE = {"endpointUrl": "https://sf.example/events", "activateConnection": True, "auth": {"type": "client_credentials", "secret": "salesforce-secret-8"}}
COMMON = {"entityType": "ChargingStation", "entityId": "123e4567-e89b-12d3-a456-426614174000", "destination": "erp_1-a",
          "destinationId": "123E4567-E89B-12D3-A456-426614174001", "triggerType": "SCHEDULE", "configData": {"deep": {"list": [1, None, "x"]}},
          "credentials": {"type": "api_key", "key": "common-secret-9"}, "linkedResources": ["loc-1", {"type": "tariff", "id": "T1"}]}
every_type = pytest.mark.parametrize("kind,provider,settings,secrets,needed", SETTINGS, ids=[row[1] or row[0] for row in SETTINGS])


@pytest.fixture(scope="module")
def hub():
    with Hub() as hub:
        yield hub


def body_of(kind, provider, settings, **more):
    body = {"integrationName": "n", "integrationType": kind, "settings": settings, **more}
    return {**body, "provider": provider} if provider else body


def path_of(integration):
    return "/v1/integrations/" + integration["id"]


def errors(reply, status=400):
    assert reply.status == status, (reply.status, reply.body)
    return {e["pointer"]: e["rule"] for e in reply.body["errors"]}


def masked(settings, secrets):
    return {k: (MASK + v[-4:] if isinstance(v, str) else MASK) if k in secrets else v for k, v in settings.items()}


def without(body, *keys):
    return {k: v for k, v in body.items() if k not in keys}


def stored(body):
    """Without what delivering to it (nobody is there) shows."""
    return without(body, "integrationStatus", "statusDescription")


def unchanged(hub, made):
    return stored(hub.get(path_of(made))) == stored(made)


def total(hub):
    return hub.request("GET", "/v1/integrations").headers["X-Total-Count"]


# ---- settings


@every_type
def test_settings_come_back_with_secrets_masked(hub, kind, provider, settings, secrets, needed):
    made = hub.post("/v1/integrations", body_of(kind, provider, settings))
    assert made["integrationType"] == kind and made["provider"] == provider and made["settings"] == masked(settings, secrets)
    assert unchanged(hub, made) and hub.get(path_of(made) + "?reveal=secrets")["settings"] == settings
    for query in ("", "?reveal=secrets", "?include=none"):
        reply = hub.request("PUT", path_of(made), without(hub.get(path_of(made) + query), "version"))
        assert reply.status == 200 and reply.body["settings"] == made["settings"], reply.body
    assert hub.get(path_of(made) + "?reveal=secrets")["settings"] == settings


@every_type
def test_absent_null_and_empty_inside_settings(hub, kind, provider, settings, secrets, needed):
    made = hub.post("/v1/integrations", body_of(kind, provider, settings))
    kept = {k: v if k in secrets else ([] if k == "events" else None) for k, v in settings.items()}
    one = next(iter(settings))
    assert hub.request("PATCH", path_of(made), {"settings": {one: settings[one]}}).status == 204  # absent in PATCH: stays
    assert hub.request("PATCH", path_of(made), {"settings": None, "description": "d"}).status == 204  # null as a whole: stays
    assert hub.request("PUT", path_of(made), {"integrationName": "n", "integrationType": kind}).status == 200  # absent as a whole: stays
    now = hub.get(path_of(made) + "?reveal=secrets")
    assert now["settings"] == settings and now["provider"] == provider
    assert hub.request("PATCH", path_of(made), {"settings": {k: None for k in settings}}).status == 204  # null clears, but secrets
    assert hub.get(path_of(made) + "?reveal=secrets")["settings"] == kept
    assert hub.request("PATCH", path_of(made), {"settings": settings}).status == 204
    assert hub.request("PUT", path_of(made), body_of(kind, provider, {})).status == 200  # absent in PUT resets, but secrets
    assert hub.get(path_of(made) + "?reveal=secrets")["settings"] == kept


@every_type
def test_settings_of_others_are_dropped_and_unknown_ones_refused(hub, kind, provider, settings, secrets, needed):
    foreign = {k: 17 for row in SETTINGS for k in row[2] if k not in settings}
    made = hub.post("/v1/integrations", body_of(kind, provider, {**settings, **foreign}))
    assert made["settings"] == masked(settings, secrets)
    assert errors(hub.request("PATCH", path_of(made), {"settings": foreign})) == {"": "empty"}
    assert errors(hub.request("PATCH", path_of(made), {"settings": foreign, "version": 1})) == {"": "empty"}
    assert errors(hub.request("PATCH", path_of(made), {"settings": {}})) == {"": "empty"}
    assert errors(hub.request("PATCH", path_of(made), {"settings": None})) == {"": "empty"}
    assert errors(hub.request("PATCH", path_of(made), {"settings": {"colour": 1}})) == {"/settings/colour": "unknown"}
    assert errors(hub.request("PATCH", path_of(made), {"settings": "x"})) == {"/settings": "type"}
    assert unchanged(hub, made)
    assert hub.request("PATCH", path_of(made), {"settings": foreign, "description": "d"}).status == 204
    assert hub.get(path_of(made))["settings"] == made["settings"]


def test_a_provider_belongs_to_its_type(hub):
    count = total(hub)
    for kind, provider, rule in (("Webhook", "telegram", "enum"), ("OCPI", "telegram", "enum"), ("Messaging", "pigeon", "enum")):
        assert errors(hub.request("POST", "/v1/integrations", {"integrationName": "n", "integrationType": kind, "provider": provider})) == {"/provider": rule}
    assert errors(hub.request("POST", "/v1/integrations", {"integrationName": "n", "integrationType": "Messaging", "settings": {"chat_id": "1"}})) == {
        "/provider": "required"}
    assert total(hub) == count
    made = hub.post("/v1/integrations", {"integrationName": "n", "integrationType": "Messaging"})
    assert made["provider"] is None and made["settings"] is None and made["integrationStatus"] == "DRAFT"
    ocpi = hub.post("/v1/integrations", {"integrationName": "n", "settings": {"url": "https://dropped.example"}})
    assert ocpi["integrationType"] == "OCPI" and ocpi["settings"] is None


def test_another_provider_starts_without_the_settings_of_the_last_one(hub):
    made = hub.post("/v1/integrations", body_of("Messaging", "mandrill_email", dict(SETTINGS[3][2])))
    masks = made["settings"]
    assert errors(hub.request("PATCH", path_of(made), {"provider": "sendgrid_email", "settings": {"api_key": masks["api_key"]}})) == {
        "/settings/api_key": "masked"}
    assert unchanged(hub, made)
    assert hub.request("PATCH", path_of(made), {"provider": "sendgrid_email"}).status == 204
    now = hub.get(path_of(made))
    assert now["settings"] == {"api_key": None, **{k: None for k in EMAIL}} and now["integrationStatus"] == "DRAFT"


def test_peer_urls_must_be_public_and_https_without_insecure_peers():
    with Hub(insecure=False) as strict:
        for kind, key in (("Webhook", "url"), ("DataExport", "endpointUrl")):
            for url in ("http://a.example/", "https://127.0.0.1/", "https://169.254.169.254/latest"):
                reply = strict.request("POST", "/v1/integrations", body_of(kind, None, {key: url}))
                assert errors(reply) == {"/settings/" + key: "url"}, url


def test_secrets_are_never_in_the_store_nor_in_the_log_in_clear():
    with Hub() as hub:
        for row in SETTINGS:
            hub.post("/v1/integrations", body_of(*row[:3], credentials=COMMON["credentials"]))
        hub.request("POST", "/v1/integrations", body_of("Webhook", None, {"secret": "whsec_!!!never-shown-77"}))
        hub.stop()
        clear = [str(row[2][name]["password"] if name == "auth" else row[2][name]).encode() for row in SETTINGS for name in row[3]]
        everything = b"".join(f.read_bytes() for f in hub.data.rglob("*") if f.is_file()) + hub.log().encode()
        for secret in clear + [b"common-secret-9", b"never-shown-77"]:
            assert secret not in everything, secret
        hub.start()


# ---- activation


@every_type
def test_activation_names_what_is_missing(hub, kind, provider, settings, secrets, needed):
    for name in needed:
        rest = without(settings, name)
        count = total(hub)
        assert errors(hub.request("POST", "/v1/integrations", body_of(kind, provider, rest, enabled=True))) == {"/settings/" + name: "required"}
        assert total(hub) == count
        made = hub.post("/v1/integrations", body_of(kind, provider, rest))  # not asked for: a draft that says what is missing
        assert made["integrationStatus"] == "DRAFT" and "settings." + name in made["statusDescription"]
        assert errors(hub.request("PATCH", path_of(made), {"enabled": True})) == {"/settings/" + name: "required"}
        assert hub.get(path_of(made)) == made
        assert hub.request("PUT", path_of(made), made).status == 200  # what GET gave asks for nothing new
        assert hub.request("PATCH", path_of(made), {"enabled": True, "settings": {name: settings[name]}}).status == 204
        assert hub.get(path_of(made))["integrationStatus"] not in ("DRAFT", "SUSPENDED")
    bare = {"integrationName": "n", "integrationType": kind, "enabled": True, **({"provider": provider} if provider else {})}
    assert set(errors(hub.request("POST", "/v1/integrations", bare))) == {"/settings/" + name for name in needed}


def test_activation_without_a_provider(hub):
    assert errors(hub.request("POST", "/v1/integrations", {"integrationName": "n", "integrationType": "Messaging", "enabled": True})) == {
        "/provider": "required"}


@pytest.mark.parametrize("kind,group,whole,needed", [
    ("UtilityCloud", "utilityCloudConnection", UTILITY, ["tenant", "clientId", "clientSecret"]),
    ("Salesforce", "salesforceConnection", SALESFORCE, ["endpointUrl", "auth"])], ids=["UtilityCloud", "Salesforce"])
def test_activate_connection(hub, kind, group, whole, needed):
    for name in needed:
        rest = without(whole, name)
        base = {"integrationName": "n", "integrationType": kind}
        pointer = {"/%s/%s" % (group, name): "required"}
        assert errors(hub.request("POST", "/v1/integrations", {**base, group: rest})) == pointer
        made = hub.post("/v1/integrations", {**base, group: without(rest, "activateConnection")})
        assert made["integrationStatus"] == "DRAFT" and name in made["statusDescription"]
        assert errors(hub.request("PATCH", path_of(made), {group: {"activateConnection": True}})) == pointer
        assert hub.get(path_of(made)) == made
        assert hub.request("PATCH", path_of(made), {group: {"activateConnection": True, name: whole[name]}}).status == 204
        now = hub.get(path_of(made) + "?reveal=secrets")
        assert now["integrationStatus"] != "DRAFT" and now[group] == whole
    assert hub.request("PATCH", path_of(made), {group: {"activateConnection": False}}).status == 204
    now = hub.get(path_of(made))
    assert now["integrationStatus"] == "DRAFT" and "activateConnection" in now["statusDescription"]


def test_metered_values_have_two_spellings(hub):
    made = hub.post("/v1/integrations", {"integrationName": "n", "integrationType": "UtilityCloud", "utilityCloudConnection": {"meterValuesAreSent": True}})
    assert made["utilityCloudConnection"]["meteredValuesAreSent"] is True and made["billingConnection"]["meterValuesAreSent"] is True
    assert errors(hub.request("PATCH", path_of(made), {"utilityCloudConnection": {"meterValuesAreSent": True, "meteredValuesAreSent": False}})) == {
        "/utilityCloudConnection/meteredValuesAreSent": "duplicate"}


# ---- the part that every type has


@pytest.mark.parametrize("kind", ["OCPI", "UtilityCloud", "Salesforce", "Webhook", "Messaging", "PaymentGateway", "EInvoicing", "TaxCalculation", "DataExport"])
def test_the_common_part(hub, kind):
    bare = hub.post("/v1/integrations", {"integrationName": "n", "integrationType": kind})
    assert {k: bare[k] for k in COMMON} == {**{k: None for k in COMMON}, "linkedResources": []}
    assert bare["enabled"] is True and bare["authorized"] is False and bare["createdBy"] == bare["lastModifiedBy"] == "key:admin"
    made = hub.post("/v1/integrations", {"integrationName": "n", "integrationType": kind, **COMMON})
    assert {k: made[k] for k in COMMON} == {**COMMON, "credentials": MASK} and list(made) == list(bare)
    assert hub.get(path_of(made) + "?reveal=secrets")["credentials"] == COMMON["credentials"]
    assert hub.request("PUT", path_of(made), made).status == 200
    now = hub.get(path_of(made) + "?reveal=secrets")
    assert {k: now[k] for k in COMMON} == COMMON and now["version"] == 2
    assert hub.request("PUT", path_of(made), {"integrationName": "n", "integrationType": kind}).status == 200
    now = hub.get(path_of(made) + "?reveal=secrets")
    assert {k: now[k] for k in COMMON} == {**{k: None for k in COMMON}, "linkedResources": [], "credentials": COMMON["credentials"]}


@pytest.mark.parametrize("change,pointer,rule", [
    ({"destination": ""}, "/destination", "length"), ({"destination": "a b"}, "/destination", "pattern"), ({"destination": "a/b"}, "/destination", "pattern"),
    ({"entityId": "x"}, "/entityId", "pattern"), ({"destinationId": "123e4567e89b12d3a456426614174000"}, "/destinationId", "pattern"),
    ({"entityId": 5}, "/entityId", "type"), ({"triggerType": "NEVER"}, "/triggerType", "enum"), ({"configData": "{}"}, "/configData", "type"),
    ({"configData": {"x": "y" * 65536}}, "/configData", "length"), ({"credentials": {"key": "k"}}, "/credentials/type", "required"),
    ({"credentials": {"type": 5}}, "/credentials/type", "type"), ({"credentials": "secret"}, "/credentials", "type"),
    ({"credentials": MASK + "1234"}, "/credentials", "masked"), ({"linkedResources": {}}, "/linkedResources", "type"),
    ({"linkedResources": ["a", 1]}, "/linkedResources/1", "type"), ({"settings": {"secret": "plain"}}, "/settings/secret", "pattern"),
    ({"settings": {"url": "ftp://x/"}}, "/settings/url", "url"), ({"settings": {"events": ["cdr.eaten"]}}, "/settings/events/0", "enum")])
def test_bad_values_are_refused_by_pointer_and_change_nothing(hub, change, pointer, rule):
    made = hub.post("/v1/integrations", {"integrationName": "n", "integrationType": "Webhook"})
    count = total(hub)
    for method, path, body in (("POST", "/v1/integrations", {"integrationName": "n", "integrationType": "Webhook", **change}),
                               ("PUT", path_of(made), {"integrationName": "n", "integrationType": "Webhook", **change}), ("PATCH", path_of(made), change)):
        assert errors(hub.request(method, path, body)) == {pointer: rule}, method
    assert unchanged(hub, made) and total(hub) == count


def test_a_patch_goes_into_objects(hub):
    """RFC 7396: null takes a member away, what is not named stays; a list, and a secret (which is shown as a string), is replaced."""
    made = hub.post("/v1/integrations", {"integrationName": "n", "integrationType": "Webhook", **COMMON, "configData": {"a": 1, "b": {"c": 2, "d": 3}}})
    reply = hub.request("PATCH", path_of(made), {"configData": {"a": None, "b": {"c": [None]}, "__proto__": {"x": 1}}, "linkedResources": ["only"],
                                                 "credentials": {"type": "none"}}, headers={"Prefer": "return=representation"})
    assert reply.body["configData"] == {"b": {"c": [None], "d": 3}, "__proto__": {"x": 1}} and reply.body["linkedResources"] == ["only"]
    assert hub.get(path_of(made) + "?reveal=secrets")["credentials"] == {"type": "none"}
    assert errors(hub.request("PATCH", path_of(made), {"configData": {"x": "y" * 65500}})) == {"/configData": "length"}  # the whole is too long
    assert errors(hub.request("PATCH", path_of(made), {"linkedResources": {"a": 1}})) == {"/linkedResources": "type"}
    assert hub.get(path_of(made)) == reply.body
    assert hub.request("PUT", path_of(made), {**reply.body, "configData": {"n": None}}).body["configData"] == {"n": None}


def test_config_data_of_64_kib(hub):
    data = {"x": "y" * (65536 - 8)}
    made = hub.post("/v1/integrations", {"integrationName": "n", "integrationType": "Webhook", "configData": data})
    assert made["configData"] == data


def test_types_survive_kill_9_and_pages_filter_by_type():
    with Hub() as hub:
        made = [hub.post("/v1/integrations", body_of(*row[:3], **COMMON)) for row in SETTINGS]
        hub.kill9()
        hub.start()
        for integration, row in zip(made, SETTINGS):
            assert unchanged(hub, integration)
            assert hub.get(path_of(integration) + "?reveal=secrets")["settings"] == row[2]
        assert len(hub.get("/v1/integrations?type=Messaging")) == 7 and len(hub.get("/v1/integrations?type=Webhook")) == 1
        for integration in made:
            assert hub.request("DELETE", path_of(integration)).status == 204
        assert total(hub) == "0"


def test_the_bodies_of_clients_that_encode_twice(hub):
    made = hub.post("/v1/integrations", body_of("Webhook", None, WEBHOOK))
    for method, path in (("POST", "/v1/integrations"), ("PUT", path_of(made)), ("PATCH", path_of(made))):
        reply = hub.request(method, path, json.dumps(json.dumps({"integrationName": "m", "integrationType": "Webhook"})))
        assert errors(reply) == {"": "type"} and "encode it twice" in reply.body["errors"][0]["message"]
    assert unchanged(hub, made)


# ---- reference


def test_a_reference_is_unique(hub):
    first = hub.post("/v1/integrations", {"integrationName": "n", "reference": "crm-1"})
    count = total(hub)
    reply = hub.request("POST", "/v1/integrations", {"integrationName": "n", "reference": "crm-1"})
    assert reply.status == 409 and first["id"] in reply.body["detail"] and total(hub) == count
    second = hub.post("/v1/integrations", {"integrationName": "n", "reference": "CRM-1"})  # another spelling is another reference
    for method, body in (("PATCH", {"reference": "crm-1"}), ("PUT", {"integrationName": "n", "integrationType": "OCPI", "reference": "crm-1"})):
        assert hub.request(method, path_of(second), body).status == 409
    assert hub.get(path_of(second)) == second
    assert hub.request("PATCH", path_of(first), {"reference": "crm-1", "description": "d"}).status == 204  # its own
    assert hub.request("PATCH", path_of(first), {"reference": None}).status == 204  # free again
    assert hub.request("PATCH", path_of(second), {"reference": "crm-1"}).status == 204
    assert hub.request("DELETE", path_of(second)).status == 204
    assert hub.request("PATCH", path_of(first), {"reference": "crm-1"}).status == 204
    for _ in range(2):  # "" names nothing
        hub.post("/v1/integrations", {"integrationName": "n", "reference": ""})


def test_one_of_two_that_race_for_a_reference_wins(hub):
    results = []
    threads = [threading.Thread(target=lambda: results.append(hub.request("POST", "/v1/integrations", {"integrationName": "n", "reference": "race"}).status))
               for _ in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert sorted(results) == [201] + [409] * 7


# ---- Idempotency-Key


@pytest.mark.parametrize("path,body", [
    ("/v1/integrations", body_of("Webhook", None, WEBHOOK)), ("/v1/approved-parties", {"name": "Beta"}),
    ("/v1/parties", {"countryCode": "NL", "partyId": "ABC", "roles": ["CPO"]})], ids=["integration", "approved party", "party"])
def test_a_repeated_post_makes_nothing_new(hub, path, body):
    count = hub.request("GET", path).headers["X-Total-Count"]
    headers = {"Idempotency-Key": "key of " + path}
    first = hub.request("POST", path, body, headers=headers)
    assert first.status == 201 and "Idempotency-Replayed" not in first.headers
    again = hub.request("POST", path, body, headers=headers)
    assert again.status == 201 and stored(again.body) == stored(first.body) and again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotency-Replayed"] == "true" and again.headers["ETag"] == first.headers["ETag"]
    assert stored(hub.request("POST", path + "/", body, headers=headers).body) == stored(first.body)  # the same resource
    assert int(hub.request("GET", path).headers["X-Total-Count"]) == int(count) + 1
    other = hub.request("POST", path, {**body, "description" if "integration" in path else "businessDetails" if "/parties" in path else "endpointUrl": None},
                        headers=headers)
    assert other.status == 409 and "Idempotency-Key" in other.body["detail"]
    assert errors(hub.request("POST", path, body, headers={"Idempotency-Key": "k" * 256})) == {"/header/Idempotency-Key": "length"}


def test_an_idempotency_key_is_spent_by_success_alone_and_outlives_kill_9():
    with Hub() as hub:
        headers = {"Idempotency-Key": "k-1"}
        assert hub.request("POST", "/v1/integrations", {"integrationName": ""}, headers=headers).status == 400
        made = hub.request("POST", "/v1/integrations", {"integrationName": "n", "reference": "r"}, headers=headers)
        assert made.status == 201
        hub.kill9()
        hub.start()
        again = hub.request("POST", "/v1/integrations", {"integrationName": "n", "reference": "r"}, headers=headers)
        assert again.status == 201 and again.body["id"] == made.body["id"]  # the reference is its own
        key = hub.post("/v1/keys", {"name": "other", "permissions": ["INTEGRATION.CREATE", "INTEGRATION.READ"]})["key"]
        other = hub.request("POST", "/v1/integrations", {"integrationName": "n"}, headers={**headers, "X-API-KEY": key})
        assert other.status == 201 and other.body["id"] != made.body["id"]  # a key of somebody else is another one
        assert hub.request("DELETE", path_of(made.body)).status == 204
        assert hub.request("POST", "/v1/integrations", {"integrationName": "n", "reference": "r"}, headers=headers).status == 404


def test_posts_that_race_with_one_idempotency_key_make_one(hub):
    results = []
    threads = [threading.Thread(target=lambda: results.append(hub.request(
        "POST", "/v1/integrations", {"integrationName": "raced"}, headers={"Idempotency-Key": "raced"}))) for _ in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert {r.status for r in results} == {201} and len({r.body["id"] for r in results}) == 1


# ---- audit


def test_the_audit_log_tells_settings_without_secrets_and_repeats_once(hub):
    headers = {"Idempotency-Key": "audited"}
    made = hub.request("POST", "/v1/integrations", body_of("Webhook", None, WEBHOOK), headers=headers).body
    hub.request("POST", "/v1/integrations", body_of("Webhook", None, WEBHOOK), headers=headers)
    assert hub.request("PATCH", path_of(made), {"settings": {"url": "https://hooks.example/moved", "secret": "whsec_bmV3LXNlY3JldA=="}}).status == 204
    entries = [e for e in hub.get("/v1/audit") if e["resource"] == path_of(made)]
    assert [e["action"] for e in entries] in (["create", "update"], ["update", "create"])
    update = next(e for e in entries if e["action"] == "update")
    assert update["before"]["settings"] == {**WEBHOOK, "secret": MASK}
    assert update["after"]["settings"] == {**WEBHOOK, "url": "https://hooks.example/moved", "secret": MASK}


def test_a_list_shows_what_get_shows(hub):
    """Also when a line has been kept for the list meanwhile, and at once after a change."""
    lists = ("locations", "locationsTotal", "tariffs", "tariffsTotal", "receivedTariffs", "receivedTariffsTotal")
    for item in hub.request("GET", "/v1/integrations?limit=100").body:  # else receivers that cannot be reached change their status meanwhile
        assert hub.request("PATCH", path_of(item), {"enabled": False}).status == 204
    for round_ in range(3):
        shown = hub.request("GET", "/v1/integrations?limit=100").body
        assert len({i["integrationType"] for i in shown}) > 5
        for item in shown:
            assert item == without(hub.get(path_of(item) + "?include=none"), *lists)
        if round_ == 0:
            time.sleep(2.5)
        elif round_ == 1:
            for item in shown:
                assert hub.request("PATCH", path_of(item), {"description": "changed"}).status == 204
        else:
            assert {item["description"] for item in shown} == {"changed"}
