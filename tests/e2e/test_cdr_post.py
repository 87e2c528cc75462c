"""CDRs to a payment, invoicing or tax service: each once, whatever fails on the way, and what the service calls it stands in the ledger."""

import base64
import csv
import io
import json
import pathlib
import sys
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import pytest

from hubtest import Hub, Partner, wait_until
from objects import cdr, connect
from receivers import Service, quiet

OWN = "/v1/cdrs/NL/ABC/"


@pytest.fixture
def hub():
    with Hub() as hub:
        hub.party("NL", "ABC", ["CPO", "EMSP"])
        yield hub


@pytest.fixture
def service():
    with Service() as service:
        yield service


def integrate(hub, service, kind="EInvoicing", config=None, **settings):
    return hub.post("/v1/integrations", {"integrationName": "to " + kind, "integrationType": kind, "enabled": True, "configData": config or {},
                                         "settings": {"endpointUrl": service.url + "/cdrs", **settings}})["id"]


def receipt(hub, ident, name, path="NL/ABC", query=""):
    reply = hub.request("GET", f"/v1/integrations/{ident}/receipts/{path}/{name}{query}")
    return reply.body if reply.status == 200 else None


def put(hub, *names, **more):
    for name in names:
        hub.put(OWN + name, cdr(name, **more))


@pytest.mark.parametrize("kind", ["PaymentGateway", "EInvoicing", "TaxCalculation"])
def test_what_is_posted_and_what_is_kept(hub, kind):
    with Service(made=lambda n: {"id": f"X{n}", "vat": 0.53, "lines": [{"rate": 21.0}]}) as service:
        ident = integrate(hub, service, kind)
        put(hub, "C1", total_cost={"excl_vat": 2.5, "incl_vat": 3.03}, remark='say "é"')
        body = service.wait_for("C1")["C1"]
        post = service.calls[0]
        assert post.path == "/cdrs" and post.headers["Content-Type"] == "application/json"
        event = [e for e in hub.get("/v1/events")["events"] if e["id"] == "C1"][0]
        assert body["id"] == post.headers["Idempotency-Key"] == f"msg_{ident}_{event['seq']}"
        assert {k: body[k] for k in ("type", "seq", "direction", "integrationId", "time")} == {
            "type": "cdr", "seq": event["seq"], "direction": "own", "integrationId": None, "time": event["time"]}
        stored = hub.get(OWN + "C1")
        assert body["cdr"] == stored
        summary = body["summary"]
        assert (summary["totalExclVat"], summary["totalInclVat"], summary["vat"], summary["energyKwh"]) == (2.5, 3.03, 0.53, 1.5)
        assert summary["evseId"] == "NL*ABC*E1" and summary["start"] == "2026-01-01T10:00:00Z" and summary["parkingHours"] is None
        kept = wait_until(lambda: receipt(hub, ident, "C1"), 5)
        assert kept["reference"] == "X1" and kept["url"] is None and kept["acknowledged"]
        assert kept["answer"] == ({"id": "X1", "vat": 0.53, "lines": [{"rate": 21.0}]} if kind == "TaxCalculation" else None)
        listed = hub.get("/v1/receipts/NL/ABC/C1")
        assert [(r["integrationId"], r["integrationType"], r["reference"]) for r in listed] == [(ident, kind, "X1")]
        assert quiet(service) == 0


def test_numbers_keep_their_spelling(hub, service):
    integrate(hub, service)
    text = json.dumps(cdr("C1")).replace('"excl_vat": 2.5', '"excl_vat": 0.10').replace('"incl_vat": 3.03', '"incl_vat": 0.3000000000000000')
    assert hub.request("PUT", OWN + "C1", text).status == 201
    service.wait_for("C1")
    raw = service.calls[0].raw.decode()
    assert '"totalExclVat":0.10,"totalInclVat":0.3000000000000000,"vat":0.2000000000000000,' in raw
    assert '"total_cost":{"excl_vat":0.10,"incl_vat":0.3000000000000000}' in raw


def test_what_partners_gave(hub, service):
    partner = Partner(role="CPO", country="BE", party="GIV", modules=[("credentials", "SENDER"), ("credentials", "RECEIVER"), ("cdrs", "SENDER")])
    giver = connect(hub, partner, ["EMSP"])
    both, own, received = (integrate(hub, service, config=c) for c in ({}, {"direction": "own"}, {"direction": "received"}))
    given = cdr("G1", "BE", "GIV", token={**cdr("x")["cdr_token"], "country_code": "NL", "party_id": "ABC"})
    assert partner.call_hub(hub, "POST", partner.hub_endpoint("cdrs", "RECEIVER"), given).ocpi_status == 1000
    put(hub, "C1")
    wait_until(lambda: len(service.things) == 4, 20)
    assert quiet(service) == 0 and not service.problems
    bodies = [json.loads(call.raw) for _, _, call in service.things.values()]
    came = {(b["id"].split("_")[1], b["cdr"]["id"], b["direction"], b["integrationId"]) for b in bodies}
    assert came == {(both, "C1", "own", None), (both, "G1", "received", giver), (own, "C1", "own", None), (received, "G1", "received", giver)}
    by_giver = wait_until(lambda: receipt(hub, received, "G1", "BE/GIV", "?integration=" + giver), 5)
    assert by_giver["reference"].startswith("R") and receipt(hub, received, "G1", "BE/GIV") is None and receipt(hub, own, "G1", "BE/GIV") is None
    listed = wait_until(lambda: len(rows := hub.get("/v1/receipts/BE/GIV/G1?integration=" + giver)) == 2 and rows, 5)
    assert {r["integrationId"] for r in listed} == {both, received}
    assert hub.request("GET", "/v1/receipts/BE/GIV/G1").status == 404
    partner.close()


def test_csv_and_ndjson(hub, service):
    integrate(hub, service, format="csv")
    put(hub, "C1", remark='a "b",\r\nc')
    wait_until(lambda: len(service.things) == 1, 20)
    post = service.calls[0]
    rows = list(csv.DictReader(io.StringIO(post.raw.decode(), newline="")))
    assert post.headers["Content-Type"] == "text/csv; charset=utf-8" and len(rows) == 1
    assert rows[0]["id"] == "C1" and rows[0]["remark"] == 'a "b",\r\nc' and rows[0]["direction"] == "own" and rows[0]["vat"] == "0.53"
    with Service() as other:
        integrate(hub, other, format="ndjson")
        put(hub, "C2")
        wait_until(lambda: len(other.things) == 1, 20)
        assert other.calls[0].headers["Content-Type"] == "application/x-ndjson" and other.calls[0].raw.endswith(b"}\n")
        assert json.loads(other.calls[0].raw)["cdr"]["id"] == "C2"


def test_once_although_everything_fails(hub, service):
    """HTTP 500 first, answers that are lost, a service that goes away and comes back, a hub that is killed."""
    service.say(500, b"no", times=2)
    ident = integrate(hub, service)
    names = [f"C{i}" for i in range(12)]
    put(hub, *names[:4])
    service.wait_for(*names[:4], timeout=60)
    service.stored_but_never_answered(2)
    put(hub, *names[4:8])
    wait_until(lambda: len(service.things) >= 6, 30)
    hub.kill9()
    service.stop()
    hub.start()
    put(hub, *names[8:])
    time.sleep(1)
    service.start()
    bodies = service.wait_for(*names, timeout=60)
    assert set(bodies) == set(names)
    for name in names:
        kept = wait_until(lambda: receipt(hub, ident, name), 30, what="receipt of " + name)
        assert kept["reference"] == service.things[bodies[name]["id"]][1][2]["reference"]
    assert quiet(service) == 0
    hub.restart()
    assert quiet(service) == 0 and set(service.bodies()) == set(names)


def test_a_refused_cdr_waits_for_somebody(hub, service):
    service.check = lambda call: (422, {}, {"detail": "no debtor for this contract"}) if b'"id":"BAD"' in call.raw else None
    ident = integrate(hub, service)
    put(hub, "C1", "BAD", "C2")
    service.wait_for("C1", "C2")
    held = wait_until(lambda: hub.get(f"/v1/integrations/{ident}/quarantine"), 10)
    assert len(held) == 1 and held[0]["id"] and "BAD" in json.dumps(held) and "no debtor" in json.dumps(held)
    assert receipt(hub, ident, "BAD") is None
    came = len(service.calls)
    assert quiet(service) == 0
    service.check = lambda call: None
    retried = hub.request("POST", f"/v1/integrations/{ident}/quarantine/{held[0]['id']}/retry")
    assert retried.status in (200, 202, 204), retried
    service.wait_for("BAD")
    wait_until(lambda: receipt(hub, ident, "BAD"), 5)
    wait_until(lambda: not hub.get(f"/v1/integrations/{ident}/quarantine"), 5)
    assert len(service.calls) == came + 1


def test_the_location_header_is_a_reference(hub):
    with Service(made=lambda n: "thanks", headers=lambda n: {"Location": f"/invoices/{n}"}) as service:
        ident = integrate(hub, service)
        put(hub, "C1")
        assert wait_until(lambda: receipt(hub, ident, "C1"), 20)["reference"] == "/invoices/1"


def test_only_what_comes_after_it_was_switched_on(hub, service):
    put(hub, "OLD")
    integrate(hub, service)
    put(hub, "NEW")
    assert set(service.wait_for("NEW")) == {"NEW"} and quiet(service) == 0
    before = hub.get("/v1/events")["next"]
    put(hub, "LATER")
    with Service() as other:
        integrate(hub, other, config={"after": before})
        assert set(other.wait_for("LATER")) == {"LATER"} and quiet(other) == 0


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


AUTHS = [
    ({"type": "basic", "username": "u", "password": "p-secret"}, "Authorization", basic("u", "p-secret")),
    ({"type": "bearer", "token": "t-secret"}, "Authorization", "Bearer t-secret"),
    ({"type": "api_key", "header": "X-Erp-Key", "value": "k-secret"}, "X-Erp-Key", "k-secret"),
]


@pytest.mark.parametrize("auth,header,value", AUTHS, ids=[a["type"] for a, _, _ in AUTHS])
def test_credentials(hub, auth, header, value):
    def check(call):
        return None if call.headers.get(header) == value else (401, {"WWW-Authenticate": "x"}, b"")
    with Service(check=check) as service:
        ident = integrate(hub, service, auth=auth)
        put(hub, "C1")
        service.wait_for("C1")
        wait_until(lambda: receipt(hub, ident, "C1"), 5)
        # Credentials that are not taken any more: nothing is lost, and it goes on with new ones.
        service.check = lambda call: None if call.headers.get(header) == "none" else (401, {}, b"")
        put(hub, "C2")
        wait_until(lambda: hub.get("/v1/integrations/" + ident)["integrationStatus"] == "FAILED", 20)
        service.check = check
        assert hub.request("PATCH", "/v1/integrations/" + ident, {"settings": {"auth": auth}, "description": "again"}).status == 204
        service.wait_for("C2")
    assert "secret" not in hub.log()


def test_client_credentials(hub):
    """RFC 6749, 4.4: the token is fetched once, used while it lives, and fetched again when it is refused."""
    given = []

    def check(call):
        if call.path == "/token":
            form = dict(urllib.parse.parse_qsl(call.raw.decode()))
            assert call.method == "POST" and call.headers["Content-Type"] == "application/x-www-form-urlencoded"
            assert form == {"grant_type": "client_credentials", "scope": "cdrs"} and call.headers["Authorization"] == basic("me", "c-secret")
            given.append(f"token-{len(given)}-secret")
            return 200, {"Content-Type": "application/json"}, {"access_token": given[-1], "token_type": "Bearer", "expires_in": 3600}
        return None if given and call.headers.get("Authorization") == "Bearer " + given[-1] else (401, {}, b"")

    with Service(check=check) as service:
        auth = {"type": "client_credentials", "tokenUrl": service.url + "/token", "clientId": "me", "clientSecret": "c-secret", "scope": "cdrs"}
        integrate(hub, service, auth=auth)
        put(hub, "C1", "C2")
        service.wait_for("C1", "C2")
        assert len(given) == 1
        given.append("revoked")
        put(hub, "C3")
        service.wait_for("C3")
        assert len(given) == 3
    assert "secret" not in hub.log()


def test_by_a_schedule(hub, service):
    month = time.gmtime().tm_mon % 12 + 1
    ident = integrate(hub, service, schedule=f"0 0 1 {month} *")
    assert hub.request("PATCH", "/v1/integrations/" + ident, {"triggerType": "SCHEDULE"}).status == 204
    put(hub, "C1")
    assert quiet(service) == 0
    assert hub.request("PATCH", "/v1/integrations/" + ident, {"settings": {"schedule": "PT1S"}}).status == 204
    service.wait_for("C1")
    put(hub, "C2")
    service.wait_for("C2")
    assert quiet(service, 2.5) == 0
