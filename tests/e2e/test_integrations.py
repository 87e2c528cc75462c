"""/v1/integrations: create, read, PUT, PATCH, DELETE, list; absent/null rules, versions, masks, embedded lists."""

import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from hubtest import Hub, Partner, spec_dir, wait_until  # noqa: E402

MASK = "\u2022\u2022\u2022\u2022"
KEYS = """id integrationName reference description integrationType integrationStatus statusDescription enabled authorized version approvedPartyId
customerRoles locations locationsTotal tariffs tariffsTotal receivedTariffs receivedTariffsTotal versionDetails credentialsInfo billingConnection
partyPlatform models freeVendingWithIdtagAllowed created lastUpdated createdBy lastModifiedBy ocpiConnection utilityCloudConnection
salesforceConnection provider settings entityType entityId destination destinationId triggerType configData credentials linkedResources""".split()
FLAGS = """pushCdr pushSession pushTariff pushLocation pushToken pullTokensAll pullTariff pullLocation pullSession pullCdr pullVersionDetails""".split()
CHANGES = ("version", "lastUpdated")

FULL = {
    "integrationName": "Beta roaming \u2013 \"x\"", "reference": "crm-77", "description": "line 1\nline 2", "integrationType": "OCPI", "enabled": True,
    "approvedPartyId": 42,
    "models": {"pushCdr": True, "pushSession": False, "pushTariff": True, "pushLocation": True, "pushToken": True, "pullTokensAll": False,
               "pullTariff": True, "pullLocation": True, "pullSession": False, "pullCdr": False, "pullVersionDetails": True,
               "chargingPeriodIntervalInMinutes": 15, "stateofChargeIsSent": True},
    "ocpiConnection": {"endpointUrl": "https://beta.example/ocpi/versions", "initialToken": "beta-token-A-1234", "initialRole": "RECEIVER",
                       "customerRoles": ["CPO"], "platformIntegrationId": "p-1", "thirdPartyId": "BET", "thirdPartyCountryCode": "DE",
                       "ourParties": [{"countryCode": "NL", "partyId": "ABC", "roles": ["CPO"]}], "versions": ["2.2.1"],
                       "locationSharing": "BOUND", "tariffSharing": "ALL",
                       "profile": {"tokenEncoding": "raw", "strict": False, "foreignParties": True, "dateFromOptional": False, "pageLimit": 20,
                                   "timeoutMs": 4000},
                       "schedule": {"deltaMinutes": 30, "fullHours": 24}},
    "utilityCloudConnection": {"tenant": "t", "clientId": "c", "clientSecret": "utility-secret-9876", "scope": "invoices", "meteredValuesAreSent": True,
                               "activateConnection": False},
    "salesforceConnection": {"endpointUrl": "https://sf.example/", "activateConnection": True, "auth": {"user": "u", "secret": "salesforce-secret"}},
}


@pytest.fixture(scope="module")
def hub():
    with Hub() as hub:
        hub.party("NL", "ABC", ("CPO",))
        hub.party("NL", "MSP", ("EMSP",))
        yield hub


counter = iter(range(1000))


def full(**more):
    """A fresh copy with a token and a reference of its own: both are unique."""
    n = next(counter)
    body = json.loads(json.dumps({**FULL, "reference": "crm-%d" % n, **more}))
    body["ocpiConnection"]["initialToken"] = "beta-token-A-%04d" % n
    return body


def create(hub, body=None, **more):
    return hub.post("/v1/integrations", body or {"integrationName": "n", **more})


def errors(reply, status=400):
    assert reply.status == status, (reply.status, reply.body)
    assert reply.headers["Content-Type"] == "application/problem+json"
    return {e["pointer"]: e["rule"] for e in reply.body["errors"]}


def path_of(integration):
    return "/v1/integrations/" + integration["id"]


def without(body, *keys):
    return {k: v for k, v in body.items() if k not in keys}


def test_create_answers_201_location_etag_and_the_whole_object(hub):
    body = full()
    reply = hub.request("POST", "/v1/integrations", body)
    assert reply.status == 201, reply.body
    made = reply.body
    assert reply.headers["Location"] == hub.url + path_of(made) and reply.headers["ETag"] == '"1"'
    assert list(made) == KEYS
    assert isinstance(made["id"], str) and made["version"] == 1 and made["createdBy"] == made["lastModifiedBy"] == "key:admin"
    assert made["created"] == made["lastUpdated"]
    for key in ("integrationName", "reference", "description", "integrationType", "enabled", "approvedPartyId"):
        assert made[key] == body[key], key
    assert made["models"] == body["models"]
    token = body["ocpiConnection"]["initialToken"]
    want = {**body["ocpiConnection"], "initialToken": MASK + token[-4:], "partyPlatform": None, "chargingPeriodIntervalInMinutes": None,
            "stateOfChargeIsSent": None}
    assert made["ocpiConnection"] == want
    assert made["utilityCloudConnection"] == {**body["utilityCloudConnection"], "clientSecret": MASK + "9876"}
    assert made["salesforceConnection"] == {**body["salesforceConnection"], "auth": MASK}
    assert made["billingConnection"] == {"tenant": "t", "clientId": "c", "clientSecret": MASK + "9876", "scope": "invoices", "meterValuesAreSent": True}
    assert made["customerRoles"] == ["CPO"]
    assert made["partyPlatform"] == {"platformIntegrationId": "p-1", "partyId": "ABC", "countryCode": "NL"}
    assert hub.get(path_of(made)) == made


def test_the_least_request_makes_a_draft(hub):
    made = create(hub)
    assert list(made) == KEYS and made["integrationType"] == "OCPI" and made["integrationStatus"] == "DRAFT" and made["enabled"] is True
    assert {made["models"][flag] for flag in FLAGS} == {False}
    assert made["authorized"] is False and made["versionDetails"] is None and made["reference"] is None
    assert made["locations"] == [] and made["locationsTotal"] == 0


def test_response_has_every_row_of_the_contract(hub):
    folder = spec_dir()
    if not folder or not (folder / "integration.tsv").exists():
        pytest.skip("no integration.tsv here: set OCPI_SPEC_DIR")
    made = create(hub, full())
    for line in (folder / "integration.tsv").read_text().splitlines()[1:]:
        side, path, _ = line.split("\t")
        parts = path.split(".")
        if side != "response" or any(p.endswith("[]") for p in parts[:-1]) or path.startswith("versionDetails."):
            continue
        node = made
        for part in parts:
            name = part.removesuffix("[]")
            assert name in node, path
            node = node[name]


def test_round_trip_of_a_get_body_changes_nothing(hub):
    for body in ({"integrationName": "n"}, full(), {"integrationName": "r", "ocpiConnection": {"initialRole": "RECEIVER", "customerRoles": ["EMSP"]}},
                 {"integrationName": "u", "integrationType": "UtilityCloud", "utilityCloudConnection": {"clientSecret": "geheim-12345"}}):
        made = create(hub, body)
        for query in ("", "?reveal=secrets", "?include=none", "?include=all"):
            before = hub.get(path_of(made) + query)
            shown = hub.get(path_of(made) + "?reveal=secrets")
            reply = hub.request("PUT", path_of(made) + query, before)
            assert reply.status == 200, (query, reply.body)
            assert reply.body["version"] == before["version"] + 1
            assert without(reply.body, *CHANGES) == without(before, *CHANGES), query
            assert without(hub.get(path_of(made) + "?reveal=secrets"), *CHANGES) == without(shown, *CHANGES)


def test_an_edited_get_body_changes_only_the_edit(hub):
    made = create(hub, full())
    body = hub.get(path_of(made))
    body["models"]["stateofChargeIsSent"] = False
    body["models"]["pushCdr"] = False
    body["ocpiConnection"]["schedule"]["deltaMinutes"] = 5
    reply = hub.request("PUT", path_of(made), body)
    assert reply.status == 200 and without(reply.body, *CHANGES) == without(body, *CHANGES)


def test_put_needs_name_and_type(hub):
    made = create(hub, full())
    assert errors(hub.request("PUT", path_of(made), {"integrationName": "n"})) == {"/integrationType": "required"}
    assert errors(hub.request("PUT", path_of(made), {"integrationType": "OCPI"})) == {"/integrationName": "required"}
    assert errors(hub.request("POST", "/v1/integrations", {"integrationType": "OCPI"})) == {"/integrationName": "required"}
    assert hub.get(path_of(made)) == made


def test_put_keeps_flags_secrets_and_connections_and_resets_the_rest(hub):
    body = full()
    made = create(hub, body)
    reply = hub.request("PUT", path_of(made), {"integrationName": "n2", "integrationType": "OCPI"})
    assert reply.status == 200
    now = reply.body
    assert now["ocpiConnection"] == made["ocpiConnection"] and now["utilityCloudConnection"] == made["utilityCloudConnection"]
    assert {f: now["models"][f] for f in FLAGS} == {f: made["models"][f] for f in FLAGS}
    assert now["models"]["stateofChargeIsSent"] is True and now["models"]["chargingPeriodIntervalInMinutes"] is None
    assert now["reference"] is None and now["description"] is None and now["approvedPartyId"] is None
    reply = hub.request("PUT", path_of(made), {"integrationName": "n2", "integrationType": "OCPI", "ocpiConnection": {"customerRoles": ["CPO"]}})
    connection = reply.body["ocpiConnection"]
    assert connection["initialToken"] == made["ocpiConnection"]["initialToken"]
    assert connection["endpointUrl"] is None and connection["thirdPartyId"] is None and connection["locationSharing"] == "ALL"
    assert connection["schedule"] == {"deltaMinutes": 60, "fullHours": 168}
    revealed = hub.get(path_of(made) + "?reveal=secrets")
    assert revealed["utilityCloudConnection"]["clientSecret"] == "utility-secret-9876"
    assert revealed["salesforceConnection"]["auth"] == FULL["salesforceConnection"]["auth"]


def test_null_flags_and_secrets_stay_and_other_nulls_clear(hub):
    made = create(hub, full())
    shown = hub.get(path_of(made) + "?reveal=secrets")
    for method, base in (("PUT", {"integrationName": made["integrationName"], "integrationType": "OCPI"}), ("PATCH", {})):
        body = {**base, "models": {f: None for f in FLAGS}, "reference": None, "utilityCloudConnection": None,
                "salesforceConnection": {"auth": None, "endpointUrl": None}, "ocpiConnection": {**made["ocpiConnection"], "initialToken": None}}
        reply = hub.request(method, path_of(made), body, headers={"Prefer": "return=representation"})
        assert reply.status == 200, reply.body
        now = hub.get(path_of(made) + "?reveal=secrets")
        assert {f: now["models"][f] for f in FLAGS} == {f: made["models"][f] for f in FLAGS}
        assert now["ocpiConnection"] == shown["ocpiConnection"] and now["utilityCloudConnection"] == shown["utilityCloudConnection"]
        assert now["salesforceConnection"]["auth"] == shown["salesforceConnection"]["auth"] and now["salesforceConnection"]["endpointUrl"] is None
        assert now["reference"] is None


def test_patch_is_204_or_200_with_the_object(hub):
    made = create(hub, full())
    reply = hub.request("PATCH", path_of(made), {"models": {"pullCdr": True}})
    assert reply.status == 204 and reply.body is None and reply.headers["ETag"] == '"2"'
    now = hub.get(path_of(made))
    assert without(now, "models", *CHANGES) == without(made, "models", *CHANGES)
    assert now["models"] == {**made["models"], "pullCdr": True} and now["version"] == 2
    reply = hub.request("PATCH", path_of(made), {"models": {"pullCdr": False}}, headers={"Prefer": "return=representation"})
    assert reply.status == 200 and reply.body["models"] == made["models"] and reply.headers["ETag"] == '"3"'
    reply = hub.request("PATCH", path_of(made), {"reference": "z"}, headers={"Content-Type": "application/merge-patch+json"})
    assert reply.status == 204


def test_what_is_preferred_is_the_first_return_and_told_only_when_done(hub):
    made = create(hub)
    for prefer, status, applied in (("return=representation; wait=5", 200, "return=representation"), ("respond-async, return=representation", 200, "return=representation"),
                                    ("return=representation, return=minimal", 200, "return=representation"), ("return=minimal,return=representation", 204, "return=minimal"),
                                    ("RETURN=\"minimal\"", 204, "return=minimal"), ("return=everything", 204, None), ("returned=representation", 204, None)):
        reply = hub.request("PATCH", path_of(made), {"description": "d"}, headers={"Prefer": prefer})
        assert (reply.status, reply.headers["Preference-Applied"]) == (status, applied), prefer
    reply = hub.request("POST", "/v1/integrations", {"integrationName": "n"}, headers={"Prefer": "return=minimal"})
    assert reply.status == 201 and list(reply.body) == KEYS and reply.headers["Preference-Applied"] is None
    body = b'{"description":"two lines"}'
    raw = hub.raw(f"PATCH {path_of(made)} HTTP/1.1\r\nHost: x\r\nX-API-KEY: {hub.admin_key}\r\nPrefer: respond-async\r\nPrefer: return=representation\r\n"
                  f"If-Match: \"0\"\r\nIf-Match: \"8\"\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
    assert raw.startswith(b"HTTP/1.1 200 ") and b"two lines" in raw


def test_put_minimal_is_204(hub):
    made = create(hub)
    reply = hub.request("PUT", path_of(made), {"integrationName": "m", "integrationType": "OCPI"}, headers={"Prefer": "return=minimal"})
    assert reply.status == 204 and reply.body is None and reply.headers["ETag"] == '"2"' and reply.headers["Preference-Applied"] == "return=minimal"
    assert hub.get(path_of(made))["integrationName"] == "m"


def test_a_patch_of_nothing_is_400(hub):
    made = create(hub)
    for body in ({}, {"id": "9"}, {"locations": [], "created": None}, {"version": 1}, {"models": {}}):
        assert errors(hub.request("PATCH", path_of(made), body))[""] == "empty", body
    assert hub.get(path_of(made)) == made


@pytest.mark.parametrize("change,pointer,rule", [
    ({"integrationName": "a\nb"}, "/integrationName", "pattern"), ({"integrationName": "x" * 257}, "/integrationName", "length"),
    ({"reference": "a b"}, "/reference", "pattern"), ({"reference": "x" * 257}, "/reference", "length"), ({"approvedPartyId": "7"}, "/approvedPartyId", "type"),
    ({"integrationType": "Fax"}, "/integrationType", "enum"), ({"enabled": "yes"}, "/enabled", "type"), ({"nope": 1}, "/nope", "unknown"),
    ({"models": {"pushcdr": True}}, "/models/pushcdr", "unknown"), ({"models": {"pushCdr": 1}}, "/models/pushCdr", "type"),
    ({"models": {"chargingPeriodIntervalInMinutes": 0}}, "/models/chargingPeriodIntervalInMinutes", "range"),
    ({"ocpiConnection": {"chargingPeriodIntervalInMinutes": 0}}, "/ocpiConnection/chargingPeriodIntervalInMinutes", "range"),
    ({"ocpiConnection": {"customerRoles": ["XYZ"]}}, "/ocpiConnection/customerRoles/0", "enum"),
    ({"ocpiConnection": {"initialRole": "sender"}}, "/ocpiConnection/initialRole", "enum"),
    ({"ocpiConnection": {"versions": ["3.0"]}}, "/ocpiConnection/versions/0", "enum"),
    ({"ocpiConnection": {"endpointUrl": "file:///etc/passwd"}}, "/ocpiConnection/endpointUrl", "url"),
    ({"ocpiConnection": {"endpointUrl": 5}}, "/ocpiConnection/endpointUrl", "type"),
    ({"ocpiConnection": {"initialToken": "x" * 65}}, "/ocpiConnection/initialToken", "length"),
    ({"ocpiConnection": {"colour": 1}}, "/ocpiConnection/colour", "unknown"),
    ({"ocpiConnection": {"schedule": {"deltaMinutes": 0}}}, "/ocpiConnection/schedule/deltaMinutes", "range"),
    ({"ocpiConnection": {"ourParties": [{"countryCode": "NL", "partyId": "ZZZ"}]}}, "/ocpiConnection/ourParties/0", "unknown"),
    ({"ocpiConnection": {"ourParties": {"countryCode": "NL"}}}, "/ocpiConnection/ourParties", "type"),
    ({"ocpiConnection": {"customerRoles": ["CPO"], "ourParties": [{"countryCode": "NL", "partyId": "MSP", "roles": ["EMSP"]}]}},
     "/ocpiConnection/ourParties/0/roles", "enum"),
    ({"models": {"stateofChargeIsSent": True}, "ocpiConnection": {"stateOfChargeIsSent": False}}, "/ocpiConnection/stateOfChargeIsSent", "differs"),
    ({"ocpiConnection": []}, "/ocpiConnection", "type")])
def test_bad_settings_are_refused_by_pointer_and_change_nothing(hub, change, pointer, rule):
    made = create(hub, full())
    total = hub.request("GET", "/v1/integrations").headers["X-Total-Count"]
    assert errors(hub.request("POST", "/v1/integrations", {"integrationName": "n", **change}))[pointer] == rule
    assert errors(hub.request("PATCH", path_of(made), change))[pointer] == rule
    assert errors(hub.request("PUT", path_of(made), {"integrationName": "n", "integrationType": "OCPI", **change}))[pointer] == rule
    assert hub.get(path_of(made)) == made
    assert hub.request("GET", "/v1/integrations").headers["X-Total-Count"] == total


def test_every_problem_is_named_at_once(hub):
    found = errors(hub.request("POST", "/v1/integrations", {"reference": "a b", "models": {"x": 1}, "enabled": 3}))
    assert set(found) == {"/reference", "/models/x", "/enabled"}


def test_stale_version_is_409_with_the_current_one(hub):
    made = create(hub)
    assert hub.request("PATCH", path_of(made), {"version": 1, "reference": "a"}).status == 204
    for method, body in (("PATCH", {"version": 1, "reference": "b"}),
                         ("PUT", {"version": 1, "integrationName": "b", "integrationType": "OCPI"})):
        reply = hub.request(method, path_of(made), body)
        assert reply.status == 409 and reply.body["version"] == 2 and reply.body["code"] == 409
    assert hub.get(path_of(made))["reference"] == "a"
    assert hub.request("PATCH", path_of(made), {"version": 2, "reference": "b"}).status == 204


def test_if_match_is_412(hub):
    made = create(hub)
    for value in ('"2"', "1", 'W/"1"', '"0", "9"', "", " ", ","):
        reply = hub.request("PATCH", path_of(made), {"reference": "a"}, headers={"If-Match": value})
        assert reply.status == 412 and reply.headers["ETag"] == '"1"', value
        assert hub.request("DELETE", path_of(made), headers={"If-Match": value}).status == 412
    assert hub.get(path_of(made)) == made
    for n, value in enumerate(('"1"', "*", '"9", "3"')):
        assert hub.request("PATCH", path_of(made), {"reference": str(n)}, headers={"If-Match": value}).status == 204
    assert hub.request("GET", path_of(made)).headers["ETag"] == '"4"'


def test_a_delete_meets_the_version_that_it_asked_for(hub):
    import threading
    for n in range(25):
        made = create(hub, integrationType="Webhook")
        results = {}
        def send(method, body=None):
            results[method] = hub.request(method, path_of(made), body, headers={"If-Match": '"1"'}).status
        threads = [threading.Thread(target=send, args=args) for args in (("PATCH", {"description": "d"}), ("DELETE",))]
        [t.start() for t in threads]
        [t.join() for t in threads]
        assert results in ({"PATCH": 204, "DELETE": 412}, {"PATCH": 404, "DELETE": 204}), n


def test_one_of_two_updates_with_the_same_version_wins(hub):
    import threading
    made = create(hub)
    results = []
    threads = [threading.Thread(target=lambda i=i: results.append(
        hub.request("PATCH", path_of(made), {"version": 1, "reference": "r%d" % i}).status)) for i in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert sorted(results) == [204] + [409] * 7 and hub.get(path_of(made))["version"] == 2


def test_state_of_charge_has_two_spellings_and_two_doors(hub):
    made = create(hub, models={"stateOfChargeIsSent": True})
    assert made["models"]["stateofChargeIsSent"] is True
    made = create(hub, ocpiConnection={"stateOfChargeIsSent": True, "chargingPeriodIntervalInMinutes": 5})
    assert made["models"]["stateofChargeIsSent"] is True and made["models"]["chargingPeriodIntervalInMinutes"] == 5
    assert made["ocpiConnection"]["stateOfChargeIsSent"] is True
    hub.request("PATCH", path_of(made), {"models": {"stateofChargeIsSent": False}})
    now = hub.get(path_of(made))
    assert now["models"]["stateofChargeIsSent"] is False and now["ocpiConnection"]["stateOfChargeIsSent"] is False


def test_secrets_are_masked_unless_revealed_by_a_key_admin(hub):
    body = full()
    made = create(hub, body)
    token = body["ocpiConnection"]["initialToken"]
    for text in (json.dumps(hub.get(path_of(made))), json.dumps(hub.get("/v1/integrations?limit=100"))):
        for secret in (token, "utility-secret-9876", "salesforce-secret"):
            assert secret not in text
    reply = hub.request("GET", path_of(made) + "?reveal=secrets")
    assert reply.body["ocpiConnection"]["initialToken"] == token == reply.body["credentialsInfo"]["initialToken"]
    assert reply.headers["Cache-Control"] == "no-store"
    reader = hub.post("/v1/keys", {"name": "reader", "permissions": ["INTEGRATION.READ", "INTEGRATION.UPDATE"]})["key"]
    assert hub.request("GET", path_of(made), key=reader).status == 200
    for query in ("?reveal=secrets", "?include=all&reveal=secrets"):
        assert hub.request("GET", path_of(made) + query, key=reader).status == 403
    assert hub.request("PUT", path_of(made) + "?reveal=secrets", {}, key=reader).status == 403
    assert hub.request("GET", path_of(made) + "?reveal=all").status == 400


def test_nothing_is_kept_by_a_cache_between(hub):
    """Who asks, and for which platform, stands in headers that a cache does not look at."""
    made = create(hub, full())
    for query in ("", "?reveal=secrets", "?reveal=secrets&include=all", "?include=none"):
        assert hub.request("GET", path_of(made) + query).headers.get_all("Cache-Control") == ["no-store"]
    for path in ("/v1/integrations?reveal=secrets", "/v1/parties", "/v1/keys", "/v1/audit", "/v1/locations", "/v1/integrations/404404", "/v1/nothing"):
        assert hub.request("GET", path).headers.get_all("Cache-Control") == ["no-store"], path
    assert hub.request("GET", "/v1/parties", key="nonsense").headers.get_all("Cache-Control") == ["no-store"]


def test_a_masked_secret_sent_back_changes_nothing(hub):
    body = full()
    made = create(hub, body)
    assert hub.request("PATCH", path_of(made), {"ocpiConnection": {"initialToken": made["ocpiConnection"]["initialToken"]},
                                                "salesforceConnection": {"auth": MASK}}).status == 204
    now = hub.get(path_of(made) + "?reveal=secrets")
    assert now["ocpiConnection"]["initialToken"] == body["ocpiConnection"]["initialToken"]
    assert now["salesforceConnection"]["auth"] == body["salesforceConnection"]["auth"]
    fresh = {"integrationName": "n", "ocpiConnection": {"initialToken": MASK + "1234"}}
    assert errors(hub.request("POST", "/v1/integrations", fresh)) == {"/ocpiConnection/initialToken": "masked"}


def test_secrets_never_lie_in_the_store_in_clear():
    with Hub() as hub:
        hub.party()
        body = full()
        create(hub, body)
        hub.stop()
        for path in hub.data.rglob("*"):
            if path.is_file():
                raw = path.read_bytes()
                for secret in (body["ocpiConnection"]["initialToken"], "utility-secret-9876", "salesforce-secret"):
                    assert secret.encode() not in raw, path
        assert body["ocpiConnection"]["initialToken"] not in hub.log()


def test_a_receivers_missing_token_is_generated(hub):
    made = create(hub, ocpiConnection={"initialRole": "RECEIVER", "customerRoles": ["CPO"]})
    assert made["integrationStatus"] == "AWAITING_PARTNER" and made["statusDescription"]
    token = hub.get(path_of(made) + "?reveal=secrets")["ocpiConnection"]["initialToken"]
    assert len(token) >= 32 and made["ocpiConnection"]["initialToken"] == MASK + token[-4:]
    assert hub.ocpi("GET", "/ocpi/versions", token=token).status == 200
    hub.put(path_of(made), hub.get(path_of(made)), status=200)
    assert hub.ocpi("GET", "/ocpi/versions", token=token).status == 200


def test_token_a_belongs_to_one_integration(hub):
    body = full()
    made = create(hub, body)
    again = full()
    again["ocpiConnection"]["initialToken"] = body["ocpiConnection"]["initialToken"]
    reply = hub.request("POST", "/v1/integrations", again)
    assert reply.status == 409 and "initialToken" in reply.body["detail"] and body["ocpiConnection"]["initialToken"] not in str(reply.body)
    other = create(hub, full())
    assert hub.request("PATCH", path_of(other), {"ocpiConnection": {"initialToken": body["ocpiConnection"]["initialToken"]}}).status == 409
    assert hub.get(path_of(other)) == other and hub.get(path_of(made)) == made


def test_a_fresh_token_of_a_connected_receiver_is_announced_and_ends_with_the_registration(hub):
    with Partner(role="EMSP") as partner:
        made = create(hub, ocpiConnection={"initialRole": "RECEIVER", "customerRoles": ["CPO"], "initialToken": "first-token-a"})
        assert partner.register(hub, "first-token-a").ocpi_status == 1000
        assert hub.get(path_of(made))["statusDescription"] is None
        assert hub.request("PATCH", path_of(made), {"retryCredentialsExchange": True}).status == 204
        now = hub.get(path_of(made) + "?reveal=secrets")
        assert now["integrationStatus"] == "CONNECTED" and "fresh initial token" in now["statusDescription"]
        assert partner.register(hub, now["credentialsInfo"]["initialToken"]).ocpi_status == 1000
        assert hub.get(path_of(made))["statusDescription"] is None
        reply = hub.request("POST", path_of(made) + "/unregister")
        assert reply.body["integrationStatus"] == "UNREGISTERED" and "connect again" in reply.body["statusDescription"]


def test_retry_is_a_command_and_never_stored(hub):
    made = create(hub, full())
    before = hub.get(path_of(made) + "?reveal=secrets")
    assert hub.request("PATCH", path_of(made), {"retryCredentialsExchange": True}).status == 204
    after = hub.get(path_of(made) + "?reveal=secrets")
    assert "retryCredentialsExchange" not in after
    assert after["ocpiConnection"]["initialToken"] != before["ocpiConnection"]["initialToken"]  # a RECEIVER gets a fresh token A
    assert hub.ocpi("GET", "/ocpi/versions", token=before["ocpiConnection"]["initialToken"]).status == 401
    assert hub.ocpi("GET", "/ocpi/versions", token=after["ocpiConnection"]["initialToken"]).status == 200
    for query in ("", "?reveal=secrets"):
        body = hub.get(path_of(made) + query)
        hub.put(path_of(made), body, status=200)
        assert without(hub.get(path_of(made) + query), *CHANGES) == without(body, *CHANGES)


def test_our_parties(hub):
    only = create(hub, ocpiConnection={"customerRoles": ["EMSP"]})
    assert only["partyPlatform"]["partyId"] == "MSP" and only["ocpiConnection"]["ourParties"] is None
    alias = create(hub, ocpiConnection={"customerRoles": ["CPO"], "partyPlatform": {"countryCode": "nl", "partyId": "abc"}})
    assert alias["partyPlatform"]["partyId"] == "ABC"
    both = create(hub, ocpiConnection={"customerRoles": ["CPO", "EMSP"], "ourParties": [{"countryCode": "NL", "partyId": "MSP"},
                                                                                     {"countryCode": "NL", "partyId": "ABC"}]})
    assert both["partyPlatform"]["partyId"] == "MSP"
    reply = hub.request("POST", "/v1/integrations", {"integrationName": "n", "ocpiConnection": {"customerRoles": ["CPO", "EMSP"]}})
    assert errors(reply) == {"/ocpiConnection/ourParties": "required"}  # two fit
    reply = hub.request("POST", "/v1/integrations", {"integrationName": "n", "ocpiConnection": {"customerRoles": ["NSP"]}})
    assert errors(reply) == {"/ocpiConnection/ourParties": "required"}  # none fits
    reply = hub.request("POST", "/v1/integrations", {"integrationName": "n", "ocpiConnection": {
        "ourParties": [{"countryCode": "NL", "partyId": "ABC"}], "partyPlatform": {"countryCode": "NL", "partyId": "MSP"}}})
    assert errors(reply) == {"/ocpiConnection/partyPlatform": "differs"}
    assert create(hub, ocpiConnection={"customerRoles": ["OpenData", "UNDEFINED"]})["customerRoles"] == ["OpenData", "UNDEFINED"]


def test_a_further_party_does_not_break_a_round_trip():
    with Hub() as hub:
        hub.party("NL", "ABC", ("CPO",))
        made = create(hub, ocpiConnection={"customerRoles": ["CPO"]})
        hub.party("NL", "DEF", ("CPO",))
        assert hub.put(path_of(made), hub.get(path_of(made)), status=200)["partyPlatform"] == made["partyPlatform"]


def test_other_types_are_stored_and_say_so(hub):
    made = create(hub, {"integrationName": "s", "integrationType": "Salesforce", "salesforceConnection": {"endpointUrl": "https://sf.example"}})
    assert made["ocpiConnection"] is None and made["credentialsInfo"] is None
    assert made["integrationStatus"] == "DRAFT" and "salesforceConnection.auth" in made["statusDescription"]
    assert made["salesforceConnection"] == {"endpointUrl": "https://sf.example", "activateConnection": None, "auth": None}
    assert errors(hub.request("PATCH", path_of(made), {"integrationType": "OCPI"})) == {"/integrationType": "immutable"}
    assert hub.request("DELETE", path_of(made)).status == 204


def test_disabled_is_suspended_and_the_peer_gets_403(hub):
    body = full()
    made = create(hub, body)
    token = body["ocpiConnection"]["initialToken"]
    assert hub.ocpi("GET", "/ocpi/versions", token=token).status == 200
    hub.request("PATCH", path_of(made), {"enabled": False})
    now = hub.get(path_of(made))
    assert now["integrationStatus"] == "SUSPENDED" and now["statusDescription"] and now["enabled"] is False
    assert hub.ocpi("GET", "/ocpi/versions", token=token).status == 403
    hub.request("PATCH", path_of(made), {"enabled": True})
    assert hub.get(path_of(made))["integrationStatus"] == "AWAITING_PARTNER"
    assert hub.ocpi("GET", "/ocpi/versions", token=token).status == 200


def test_list_filters_and_pages():
    with Hub() as hub:
        hub.party()
        made = [create(hub, integrationName="n%d" % i, reference="ref-%d" % i,
                       integrationType="OCPI" if i % 2 else "Salesforce") for i in range(7)]
        hub.request("PATCH", path_of(made[1]), {"enabled": False})
        reply = hub.request("GET", "/v1/integrations")
        assert [i["id"] for i in reply.body] == [i["id"] for i in made] and reply.headers["X-Total-Count"] == "7"
        assert all(not {"locations", "tariffs", "receivedTariffs"} & set(i) for i in reply.body)
        assert [k for k in KEYS if k in reply.body[0]] == list(reply.body[0])
        for query, want in (("type=Salesforce", [0, 2, 4, 6]), ("reference=ref-1", [1]), ("status=SUSPENDED", [1]), ("status=DRAFT", [0, 2, 3, 4, 5, 6]),
                            ("type=OCPI&reference=ref-3", [3]), ("type=OCPI&reference=ref-0", []), ("type=Nope", []), ("reference=ref%2D2", [2])):
            reply = hub.request("GET", "/v1/integrations?" + query)
            assert [i["id"] for i in reply.body] == [made[i]["id"] for i in want], query
            assert reply.headers["X-Total-Count"] == str(len(want))
        reply = hub.request("GET", "/v1/integrations?type=Salesforce&limit=3")
        link = reply.headers["Link"]
        assert link.endswith('>; rel="next"') and "type=Salesforce" in link
        reply = hub.request("GET", link[1:link.index(">")][len(hub.url):])
        assert [i["id"] for i in reply.body] == [made[6]["id"]] and "Link" not in reply.headers


def test_ids_have_one_spelling(hub):
    made = create(hub)
    for below, method in (("", "GET"), ("/delivery", "GET"), ("/quarantine", "GET"), ("/credentials-exchange", "GET"), ("/unregister", "POST"),
                          ("/pull", "POST"), ("/tariffs/NL/ABC/T", "DELETE")):
        for wrong in ("0" + made["id"], "+" + made["id"], "0", "-1", "x", "4294967297", "%20"):
            assert hub.request(method, f"/v1/integrations/{wrong}{below}").status == 404, (wrong, below)


def test_delete_and_unknown_ids(hub):
    made = create(hub, full())
    assert hub.request("DELETE", path_of(made)).status == 204
    for method in ("GET", "DELETE"):
        assert hub.request(method, path_of(made)).status == 404
    assert hub.request("PUT", path_of(made), {"integrationName": "n", "integrationType": "OCPI"}).status == 404
    assert hub.request("PATCH", path_of(made), {"reference": "n"}).status == 404
    for bad in ("0", "01", "x", "-1", "99999999999", "%2e", "1%00"):
        assert hub.request("GET", "/v1/integrations/" + bad).status == 404, bad
    assert hub.request("POST", path_of(made), {}).status == 405


def test_delete_unregisters_at_the_peer_first():
    with Hub() as hub, Partner() as partner:
        hub.party()
        made = create(hub, ocpiConnection={"initialRole": "RECEIVER", "initialToken": "token-a-for-delete", "customerRoles": ["CPO"]})
        assert partner.register(hub, "token-a-for-delete").ocpi_status == 1000
        wait_until(lambda: hub.get(path_of(made))["authorized"])
        assert hub.request("DELETE", path_of(made)).status == 204
        assert len(partner.requests("DELETE", "credentials")) == 1
        assert hub.ocpi("GET", "/ocpi/versions", token=partner.hub_token).status == 401
        assert hub.request("GET", path_of(made)).status == 404


def test_delete_takes_what_the_partner_gave_and_needs_no_partner():
    with Hub() as hub:
        hub.party()
        partner = Partner(role="EMSP")
        made = create(hub, ocpiConnection={"initialRole": "RECEIVER", "initialToken": "token-a-for-delete", "customerRoles": ["EMSP"],
                                           "ourParties": [{"countryCode": "NL", "partyId": "ABC"}]})
        partner.role, partner.roles[0]["role"] = "CPO", "CPO"
        partner.modules = [("credentials", "SENDER"), ("credentials", "RECEIVER"), ("locations", "SENDER"), ("tariffs", "SENDER")]
        assert partner.register(hub, "token-a-for-delete").ocpi_status == 1000
        url = partner.hub_endpoint("tariffs", "RECEIVER")
        for i in range(30):
            tariff = {"country_code": "DE", "party_id": "EMS", "id": "T%d" % i, "currency": "EUR", "last_updated": "2024-01-01T00:00:00Z",
                      "elements": [{"price_components": [{"type": "ENERGY", "price": 0.25, "step_size": 1}]}]}
            assert hub.ocpi("PUT", f"{url}/DE/EMS/T{i}", token=partner.hub_token, body=tariff).ocpi_status == 1000
        now = hub.get(path_of(made))
        assert now["receivedTariffsTotal"] == 30 and len(now["receivedTariffs"]) == 30
        assert hub.get(path_of(made) + "?include=none")["receivedTariffs"] == []
        assert len(hub.get(path_of(made) + "?include=receivedTariffs")["receivedTariffs"]) == 30
        assert hub.get(path_of(made) + "?include=locations,tariffs")["receivedTariffs"] == []
        assert hub.get(path_of(made) + "?include=all") == now
        assert hub.request("GET", path_of(made) + "?include=some").status == 400
        partner.close()
        assert hub.request("DELETE", path_of(made)).status == 204
        assert hub.get("/v1/received/tariffs") == []
        assert hub.request("GET", path_of(made)).status == 404


def test_include_all_streams_more_than_is_embedded():
    with Hub() as hub:
        hub.party()
        made = create(hub, ocpiConnection={"customerRoles": ["CPO"]})
        bulk = [{"country_code": "NL", "party_id": "ABC", "id": "L%03d" % i, "publish": True, "address": "Street 1", "city": "Town", "country": "NLD",
                 "coordinates": {"latitude": "52.1", "longitude": "5.1"}, "time_zone": "Europe/Amsterdam"} for i in range(350)]
        assert hub.request("POST", "/v1/locations", bulk).status == 200
        now = hub.get(path_of(made))
        assert now["locationsTotal"] == 350 and len(now["locations"]) == 100
        everything = hub.get(path_of(made) + "?include=all")
        assert list(everything) == KEYS
        assert [item["id"] for item in everything["locations"]] == [item["id"] for item in bulk] and everything["locationsTotal"] == 350
        assert without(everything, "locations") == without(now, "locations")
        assert everything["locations"][:100] == now["locations"]
        reply = hub.request("PUT", path_of(made), everything)
        assert reply.status == 200 and without(reply.body, *CHANGES) == without(now, *CHANGES)


def test_settings_survive_kill_9():
    with Hub() as hub:
        hub.party()
        made = create(hub, full())
        hub.request("PATCH", path_of(made), {"models": {"pushCdr": False}})
        before = hub.get(path_of(made) + "?reveal=secrets")
        hub.kill9()
        hub.start()
        assert hub.get(path_of(made) + "?reveal=secrets") == before


def test_the_profile_of_the_approved_party_holds_where_the_integration_says_nothing(hub):
    known = hub.post("/v1/approved-parties", {"name": "Known", "profile": {"pageLimit": 7}})
    made = create(hub, approvedPartyId=known["id"])
    assert made["approvedPartyId"] == known["id"] and made["ocpiConnection"]["profile"]["pageLimit"] is None


def test_peer_urls_must_be_public_and_https_without_insecure_peers():
    with Hub(insecure=False) as hub:
        for url in ("http://beta.example/", "https://127.0.0.1/", "https://localhost/", "https://192.168.1.1/", "file:///etc/passwd"):
            reply = hub.request("POST", "/v1/integrations", {"integrationName": "n", "ocpiConnection": {"endpointUrl": url}})
            assert errors(reply) == {"/ocpiConnection/endpointUrl": "url"}, url
        assert hub.get("/v1/integrations") == []
