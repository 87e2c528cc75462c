"""/v1/audit: who changed what, when, from where; who was turned away."""

import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from hubtest import Hub, Partner, wait_until  # noqa: E402
from objects import connect, location, tariff  # noqa: E402

MASK = "••••"


@pytest.fixture
def hub():
    with Hub() as hub:
        yield hub


def log(hub, **query):
    return hub.get("/v1/audit?" + "&".join(f"{k}={v}" for k, v in query.items()))


def test_a_change_says_who_when_where_before_and_after(hub):
    party = hub.party()
    reply = hub.request("PATCH", "/v1/parties/" + party["id"], {"businessDetails": {"name": "Other"}})
    assert reply.status == 200
    assert hub.request("DELETE", "/v1/parties/" + party["id"]).status == 204
    removed, updated, created = log(hub)
    assert set(created) == {"id", "time", "actor", "keyId", "remote", "action", "resource", "method", "traceId", "before", "after"}
    assert [e["action"] for e in (created, updated, removed)] == ["create", "update", "delete"]
    assert {e["resource"] for e in (created, updated, removed)} == {"/v1/parties/" + party["id"]}
    assert created["actor"] == "key:admin" and created["keyId"] is None and created["remote"] == "127.0.0.1"
    assert created["before"] is None and created["after"]["partyId"] == "ABC" and removed["after"] is None
    assert updated["before"] == {"businessDetails": {"name": "Test party"}} and updated["after"] == {"businessDetails": {"name": "Other"}}
    assert updated["traceId"] == reply.headers["X-Request-ID"]
    assert removed["before"]["businessDetails"] == {"name": "Other"}
    assert created["time"] <= updated["time"] <= removed["time"]


def test_what_changed_nothing_leaves_no_entry(hub):
    for method, path, body in (("POST", "/v1/parties", {}), ("PUT", "/v1/parties/77", {}), ("DELETE", "/v1/parties/77", None),
                               ("GET", "/v1/parties", None), ("POST", "/v1/locations", []), ("DELETE", "/v1/keys/77", None)):
        assert hub.request(method, path, body).status in (200, 400, 404)
    assert log(hub) == []


def test_secrets_are_masked(hub):
    hub.party()
    made = hub.post("/v1/integrations", {"integrationName": "x", "ocpiConnection": {
        "initialRole": "RECEIVER", "initialToken": "secret-token-one", "customerRoles": ["CPO"]}})
    assert hub.request("PATCH", "/v1/integrations/" + made["id"], {"ocpiConnection": {"initialToken": "secret-token-two"},
                                                                   "models": {"pushCdr": True}, "description": "d"}).status == 204
    updated, created = log(hub, resource="/v1/integrations")
    assert created["after"]["ocpiConnection.initialToken"] == MASK and created["after"]["integrationName"] == "x"
    assert updated["before"] == {"description": None, "models.pushCdr": None, "ocpiConnection.initialToken": MASK}
    assert updated["after"] == {"description": "d", "models.pushCdr": True, "ocpiConnection.initialToken": MASK}
    key = hub.post("/v1/keys", {"name": "k", "permissions": ["PARTY.READ"]})
    assert log(hub, resource="/v1/keys")[0]["after"] == {"name": "k", "permissions": ["PARTY.READ"], "platformId": "default"}
    for secret in ("secret-token-one", "secret-token-two", key["key"]):
        assert secret not in str(log(hub))


def test_a_deleted_integration_is_told_as_it_was(hub):
    made = hub.post("/v1/integrations", {"integrationName": "gone", "integrationType": "Webhook", "configData": {"a": 1},
                                         "settings": {"url": "https://hooks.example/in", "secret": "whsec_MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0"}})
    assert hub.request("DELETE", "/v1/integrations/" + made["id"]).status == 204
    entry = log(hub)[0]
    assert entry["action"] == "delete" and entry["after"] is None
    assert entry["before"] == {"integrationName": "gone", "integrationType": "Webhook", "configData": {"a": 1},
                               "settings": {"url": "https://hooks.example/in", "secret": MASK}}


def test_a_secret_sent_again_is_no_change(hub):
    secret = {"settings": {"secret": "whsec_MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0"}, "credentials": {"type": "a", "key": "k"}}
    made = hub.post("/v1/integrations", {"integrationName": "x", "integrationType": "Webhook", **secret})
    assert hub.request("PATCH", "/v1/integrations/" + made["id"], {**secret, "description": "d"}).status == 204
    assert log(hub)[0]["before"] == {"description": None} and log(hub)[0]["after"] == {"description": "d"}


def test_commands_are_told(hub):
    hub.party()
    made = hub.post("/v1/integrations", {"integrationName": "x", "ocpiConnection": {"initialRole": "RECEIVER", "customerRoles": ["CPO"]}})
    path = "/v1/integrations/" + made["id"]
    assert hub.request("PATCH", path, {"retryCredentialsExchange": True, "description": "d"}).status == 204
    assert hub.request("PATCH", path, {"revokeOld": True}).status == 204
    assert hub.request("PATCH", path, {"revokeOld": False, "description": "e"}).status == 204
    assert [e["after"] for e in reversed(log(hub, resource=path))][1:] == [
        {"description": "d", "retryCredentialsExchange": True}, {"revokeOld": True}, {"description": "e"}]


def test_bindings_and_grants_are_told(hub):
    hub.party()
    hub.put("/v1/tariffs/NL/ABC/T1", tariff("T1"))
    hub.put("/v1/locations/NL/ABC/L1", location("L1"))
    ident = hub.post("/v1/integrations", {"integrationName": "x", "ocpiConnection": {"customerRoles": ["CPO"]}})["id"]
    bound, granted = f"/v1/integrations/{ident}/locations/NL/ABC/L1", f"/v1/integrations/{ident}/tariffs/NL/ABC/T1"
    first, second = {"evses": [{"uid": "E1", "connectors": [{"id": "1", "tariffIds": ["T1"]}]}]}, {"evses": []}
    hub.put(bound, first)
    hub.put(bound, first)  # the same again is no change
    hub.put(bound, second)
    assert hub.request("DELETE", bound).status == 204
    assert [(e["before"], e["after"]) for e in reversed(log(hub, resource=bound))] == [(None, first), (first, second), (second, None)]
    grant = hub.put(granted)
    hub.put(granted)
    assert hub.request("DELETE", granted).status == 204
    assert [(e["before"], e["after"]) for e in reversed(log(hub, resource=granted))] == [(None, grant), (grant, None)]


def test_objects_one_entry_a_request_with_counts(hub):
    hub.party()
    hub.post("/v1/locations", [location(f"L{i}") for i in range(450)], status=200)
    hub.post("/v1/locations", [location(f"L{i}") for i in range(450)], status=200)  # unchanged: no entry
    hub.put("/v1/tariffs/NL/ABC/T1", tariff("T1"))
    hub.put("/v1/tariffs/NL/ABC/T1", tariff("T1"))
    hub.put("/v1/tariffs/NL/ABC/T1", tariff("T1", currency="USD", last_updated="2026-03-01T00:00:00Z"))
    assert hub.request("DELETE", "/v1/tariffs/NL/ABC/T1").status == 204
    hub.post("/v1/evse-status", [{"country_code": "NL", "party_id": "ABC", "location_id": f"L{i}", "evse_uid": "E1", "status": "CHARGING"}
                                 for i in range(3)], status=200)
    entries = [e for e in reversed(log(hub)) if "/v1/parties" not in e["resource"]]
    assert [(e["action"], e["resource"]) for e in entries] == [
        ("bulk", "/v1/locations"), ("create", "/v1/tariffs/NL/ABC/T1"), ("update", "/v1/tariffs/NL/ABC/T1"),
        ("delete", "/v1/tariffs/NL/ABC/T1"), ("bulk", "/v1/evse-status")]
    assert entries[0]["counts"] == {"created": 450, "updated": 0} and entries[4]["counts"] == {"created": 0, "updated": 3}
    assert entries[1]["before"] is None and entries[1]["after"] == {"version": 1}
    assert entries[2]["before"] == {"version": 1} and entries[2]["after"] == {"version": 2}


def test_filters_pages_and_permission(hub):
    one = hub.post("/v1/keys", {"name": "one", "permissions": ["PARTY.WRITE"]})
    two = hub.post("/v1/keys", {"name": "two", "permissions": ["PARTY.WRITE", "PARTY.READ"]})
    for number, key in enumerate((one, two, one, two, two)):
        hub.post("/v1/parties", {"countryCode": "NL", "partyId": f"A0{number}", "roles": ["CPO"]}, key=key["key"])
    assert len(log(hub)) == 7
    found = log(hub, actor="key:two")
    assert len(found) == 3 and {e["keyId"] for e in found} == {two["id"]}
    assert [e["resource"] for e in log(hub, resource="/v1/parties/3")] == ["/v1/parties/3"]
    assert len(log(hub, resource="/v1/parties")) == 5 and log(hub, resource="/v1/part") == [] and len(log(hub, resource="/v1/")) == 7
    middle = log(hub)[3]["time"].replace(":", "%3A")
    newer, older = log(hub, date_from=middle), log(hub, date_to=middle)
    assert len(newer) + len(older) == 7 and len(newer) >= 4
    page = hub.request("GET", "/v1/audit?limit=2&actor=key:two")
    assert page.headers["X-Total-Count"] == "3" and len(page.body) == 2 and page.headers["X-Limit"] == "2"
    link = page.headers["Link"]
    assert link.startswith("<" + hub.url + "/v1/audit?offset=2&limit=2&actor=key%3Atwo>")
    rest = hub.get(link[1:link.index(">")].removeprefix(hub.url))
    assert [e["id"] for e in page.body + rest] == [e["id"] for e in found]
    assert hub.request("GET", "/v1/audit?limit=1").headers["X-Total-Count"] == "7"
    assert hub.request("GET", "/v1/audit?date_from=monday").status == 400
    assert hub.request("GET", "/v1/audit", key=two["key"]).status == 403


def denied(hub):
    return [e for e in log(hub) if e["action"] == "denied"]


def test_who_was_turned_away_is_told_a_few_times_only(hub):
    reader = hub.post("/v1/keys", {"name": "reader", "permissions": ["PARTY.READ"]})
    for _ in range(30):
        assert hub.request("GET", "/v1/parties", key="nonsense").status == 401
        assert hub.request("GET", "/v1/keys", key=reader["key"]).status == 403
    entries = wait_until(lambda: len(denied(hub)) >= 2 and denied(hub))
    assert len(entries) <= 4  # one of each kind a worker
    forbidden = next(e for e in entries if e["status"] == 403)
    unknown = next(e for e in entries if e["status"] == 401)
    assert forbidden["actor"] == "key:reader" and forbidden["keyId"] == reader["id"] and forbidden["reason"] == "permission"
    assert unknown["actor"] is None and unknown["reason"] == "credential" and unknown["remote"] == "127.0.0.1" and unknown["count"] == 1
    hub.restart()  # what was only counted is written at the end
    counted = {status: sum(e["count"] for e in denied(hub) if e["status"] == status) for status in (401, 403)}
    assert counted == {401: 30, 403: 30} and len(denied(hub)) <= 8
    assert "nonsense" not in str(log(hub))


def test_who_asked_for_more_than_the_route_needs_is_told(hub):
    reader = hub.post("/v1/keys", {"name": "reader", "permissions": ["INTEGRATION.READ"]})
    bound = hub.post("/v1/keys", {"name": "bound", "permissions": ["KEY.ADMIN"]})
    reply = hub.request("GET", "/v1/integrations?reveal=secrets", key=reader["key"])
    assert reply.status == 403 and reply.headers["WWW-Authenticate"] == 'Bearer realm="ocpi-hub", error="insufficient_scope", scope="KEY.ADMIN"'
    reply = hub.request("POST", "/v1/keys", {"name": "x", "permissions": ["PARTY.READ"], "platformId": "*"}, key=bound["key"])
    assert reply.status == 403 and reply.headers["WWW-Authenticate"] == 'Bearer realm="ocpi-hub", error="insufficient_scope"'
    entries = wait_until(lambda: len(denied(hub)) >= 2 and denied(hub))
    assert {(e["actor"], e["status"], e["resource"]) for e in entries} == {("key:reader", 403, "/v1/integrations"), ("key:bound", 403, "/v1/keys")}


def test_the_command_line_and_the_partner_are_told_too(hub):
    from hubtest import run
    assert run("key", "create", "--data", hub.data, "--name", "cli", "--permissions", "PARTY.READ").returncode == 0
    assert log(hub)[0]["remote"] == "command line" and log(hub)[0]["after"]["name"] == "cli"
    hub.party("NL", "MSP", roles=("EMSP",))
    with Partner(role="CPO") as partner:
        ident = connect(hub, partner, ["EMSP"])
        reply = hub.request("POST", f"/v1/integrations/{ident}/unregister")
        assert reply.status in (200, 202, 204), reply
        entry = wait_until(lambda: [e for e in log(hub) if e["action"] == "unregister"])[0]
        assert entry["resource"] == f"/v1/integrations/{ident}/unregister" and entry["actor"] == "key:admin"
    with Partner(role="CPO", party="TWO", token_a="another-token-a") as partner:
        ident = connect(hub, partner, ["EMSP"])
        entry = log(hub, actor=f"integration:{ident}")[0]
        assert entry["action"] == "create" and entry["resource"].endswith("/credentials") and entry["remote"] == "127.0.0.1"
        assert partner.call_hub(hub, "DELETE", partner.hub_endpoint("credentials", "SENDER")).ocpi_status == 1000
        entry = log(hub)[0]
        assert entry["actor"] == f"integration:{ident}" and entry["action"] == "delete" and entry["resource"].endswith("/credentials")
