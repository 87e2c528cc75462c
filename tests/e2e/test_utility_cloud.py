"""UtilityCloud: a tenant's token, CDRs as invoice lines or as meter values, at a real service that judges each request by its own model."""

import json
import pathlib
import socket
import sys
import time
import urllib.parse

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from hubtest import Hub, Partner, wait_until  # noqa: E402
from oauth import Guarded  # noqa: E402
from objects import cdr, connect, period  # noqa: E402

TENANT, CLIENT, SECRET = "Städtische Werke/1", "hub-client", "s3cr:t+with/odd &chars%"

# ---- what the service expects, from the README: member -> value of a CDR in OCPI 2.2.1


def at(thing, *path):
    for name in path:
        thing = thing.get(name) if isinstance(thing, dict) else None
    return thing


PLACE = [("locationId", "id"), ("evseUid", "evse_uid"), ("evseId", "evse_id"), ("connectorId", "connector_id")]
COSTS = [("total", "total_cost"), ("fixed", "total_fixed_cost"), ("energy", "total_energy_cost"), ("time", "total_time_cost"),
         ("parking", "total_parking_cost"), ("reservation", "total_reservation_cost")]


def common(thing):
    return {"countryCode": thing["country_code"], "partyId": thing["party_id"], "id": thing["id"], "start": thing["start_date_time"],
            "end": thing["end_date_time"], "energyKwh": thing["total_energy"], "timeHours": thing["total_time"],
            "parkingHours": thing.get("total_parking_time"), "sessionId": thing.get("session_id"), "tokenUid": at(thing, "cdr_token", "uid"),
            "tokenType": at(thing, "cdr_token", "type"), "contractId": at(thing, "cdr_token", "contract_id"), "meterId": thing.get("meter_id"),
            **{name: at(thing, "cdr_location", source) for name, source in PLACE}}


def invoice_line(thing):
    return {**common(thing), "currency": thing["currency"], **{f"{name}{kind}clVat": at(thing, source, f"{kind.lower()}cl_vat")
                                                              for name, source in COSTS for kind in ("Ex", "In")}}


def meter_values(thing):
    names = {"energyKwh": "ENERGY", "energyImportKwh": "ENERGY_IMPORT", "energyExportKwh": "ENERGY_EXPORT", "timeHours": "TIME", "parkingHours": "PARKING_TIME",
             "reservationHours": "RESERVATION_TIME", "powerKw": "POWER", "minPowerKw": "MIN_POWER", "maxPowerKw": "MAX_POWER", "currentA": "CURRENT",
             "minCurrentA": "MIN_CURRENT", "maxCurrentA": "MAX_CURRENT", "stateOfCharge": "STATE_OF_CHARGE"}
    periods = thing["charging_periods"]
    ends = [p["start_date_time"] for p in periods[1:]] + [thing["end_date_time"]]
    entries = []
    for one, end in zip(periods, ends):
        volumes = {d["type"]: d["volume"] for d in one["dimensions"]}
        entries.append({"start": one["start_date_time"], "end": end, "tariffId": one.get("tariff_id"), **{name: volumes.get(kind) for name, kind in names.items()}})
    return {**common(thing), "meterValues": entries}


class Utility(Guarded):
    def __init__(self, tenant=TENANT, **more):
        self.root = "/api/" + urllib.parse.quote(tenant, safe="")
        self.tenant, self.taken, self.wrong = tenant, {}, []  # (resource, Idempotency-Key) -> (reference, body)
        super().__init__(self.root + "/oauth2/token", {CLIENT: SECRET}, **more)

    @property
    def base(self):
        return self.url + "/api"

    def serve(self, call):
        resource = call.path[len(self.root) + 1:]
        if call.method != "POST" or call.path not in (self.root + "/invoice-lines", self.root + "/meter-values"):
            return 404, {}, {"message": "no such resource"}
        key, body = call.headers.get("Idempotency-Key"), json.loads(call.raw)
        if call.headers.get("Content-Type") != "application/json" or not key or body["deliveryId"] != key or body["tenant"] != self.tenant:
            self.wrong.append(call)
            return 400, {}, {"message": "wrong"}
        known = self.taken.get((resource, key))
        if known and known[1] != call.raw:
            self.wrong.append(call)
            return 409, {}, {"message": "another body for the same key"}
        reference = known[0] if known else f"UC-{len(self.taken) + 1}"
        self.taken[(resource, key)] = (reference, call.raw)
        return (200 if known else 201), {"Content-Type": "application/json"}, {"id": reference, "status": "booked"}

    def bodies(self, resource):
        with self.lock:
            return [json.loads(raw) for (kind, _), (_, raw) in self.taken.items() if kind == resource]

    def wait(self, count, resource="invoice-lines", timeout=15):
        return wait_until(lambda: len(found := self.bodies(resource)) >= count and found, timeout, what=f"{count} {resource}; {self.calls[-5:]}")

    def __exit__(self, kind, *unused):
        self.stop()
        assert kind or not self.wrong, self.wrong


@pytest.fixture
def utility():
    with Utility() as started:
        yield started


@pytest.fixture
def hub(utility):
    with Hub("--utility-cloud-url", utility.base + "/", "--log-level", "debug") as started:
        started.party("NL", "ABC", ["CPO"])
        yield started
        secrets = [SECRET, urllib.parse.quote(SECRET, safe=""), "another-secret-9"] + [token for _, _, token in utility.grants]
        assert not [s for s in secrets if s in started.log()]


def connection(**more):
    return {"tenant": TENANT, "clientId": CLIENT, "clientSecret": SECRET, "scope": "billing.write metering.write", "activateConnection": True, **more}


def integrate(hub, config=None, **more):
    made = hub.post("/v1/integrations", {"integrationName": "utility", "integrationType": "UtilityCloud", "utilityCloudConnection": connection(**more),
                                         **({"configData": config} if config else {})})
    return "/v1/integrations/" + made["id"]


def status(hub, path):
    got = hub.get(path)
    return got["integrationStatus"], got["statusDescription"] or ""


def becomes(hub, path, wanted, timeout=15):
    """statusDescription, once the status is there."""
    return wait_until(lambda: (s := status(hub, path))[0] == wanted and (s[1] or "-"), timeout, what=f"{wanted}; {status(hub, path)}")


def put(hub, ident, **more):
    return hub.put(f"/v1/cdrs/NL/ABC/{ident}", cdr(ident, **more))


def has(body, expected):
    assert {name: body.get(name, "absent") for name in expected} == expected


def test_cdrs_become_invoice_lines(hub, utility):
    put(hub, "BEFORE")
    path = integrate(hub)
    rich = put(hub, "RICH", total_fixed_cost={"excl_vat": 0.5}, total_energy_cost={"excl_vat": 1.75, "incl_vat": 2.1175}, total_parking_time=0.25, meter_id="M-7",
               total_cost={"excl_vat": 100.123456, "incl_vat": 121.14938176}, remark="Zürich \"quoted\"\nline")
    put(hub, "NEXT")
    bodies = {body["id"]: body for body in utility.wait(2)}
    has(bodies["RICH"], {**invoice_line(rich), "direction": "own", "remark": rich["remark"]})
    assert set(bodies) == {"RICH", "NEXT"} and "meterValues" not in bodies["RICH"]
    assert utility.grants[0][:2] == (CLIENT, "billing.write metering.write") and not utility.refusals
    raw = next(raw for (_, _), (_, raw) in utility.taken.items() if b'"RICH"' in raw)
    assert b'"totalInclVat":121.14938176' in raw  # as it is written, not through a binary fraction
    receipts = wait_until(lambda: hub.get("/v1/receipts/NL/ABC/RICH"), 5)
    assert [r["reference"] for r in receipts] == [reference for reference, body in utility.taken.values() if body == raw], receipts
    becomes(hub, path, "CONNECTED")


def test_received_cdrs_go_too(hub, utility):
    path = integrate(hub)
    with Partner(role="CPO", country="DE", party="CPX", modules=[("credentials", "SENDER"), ("credentials", "RECEIVER"), ("cdrs", "SENDER")]) as partner:
        hub.party("NL", "EMP", ["EMSP"])
        connect(hub, partner, ["EMSP"])
        thing = cdr("D1", "DE", "CPX", token={"country_code": "NL", "party_id": "EMP", "uid": "U", "type": "RFID", "contract_id": "NLEMPC1"})
        reply = partner.call_hub(hub, "POST", partner.hub_endpoint("cdrs", "RECEIVER"), thing)
        assert reply.status in (200, 201), reply
        body = utility.wait(1)[0]
        has(body, {**invoice_line(thing), "direction": "received"})
        assert body["integrationId"]
    becomes(hub, path, "CONNECTED")


def test_meter_values_instead(hub, utility):
    integrate(hub, meteredValuesAreSent=True)
    thing = put(hub, "M1", charging_periods=[
        {**period(kwh=10.25), "tariff_id": "T1"},
        {"start_date_time": "2026-01-01T10:30:00Z", "dimensions": [{"type": "ENERGY", "volume": 7.125}, {"type": "MAX_POWER", "volume": 11},
                                                                   {"type": "STATE_OF_CHARGE", "volume": 80}, {"type": "PARKING_TIME", "volume": 0.5}]}])
    body = utility.wait(1, "meter-values")[0]
    has(body, meter_values(thing))
    assert "currency" not in body and "totalExclVat" not in body and not utility.bodies("invoice-lines")


def test_a_token_is_used_until_it_ends(utility):
    utility.expires_in = 4  # used for three seconds
    with Hub() as hub:
        hub.party("NL", "ABC", ["CPO"])
        path = integrate(hub, {"baseUrl": utility.base})
        for i in range(8):
            put(hub, f"A{i}")
        utility.wait(8)
        assert len(utility.grants) == 1
        time.sleep(3.1)
        put(hub, "B")
        utility.wait(9)
        assert len(utility.grants) == 2 and not [c for c in utility.calls if c.path != utility.token_path and "B" not in c.raw.decode() and c.method == "GET"]
        becomes(hub, path, "CONNECTED")


def test_a_token_that_is_revoked_is_replaced_at_once(hub, utility):
    path = integrate(hub)
    put(hub, "A")
    utility.wait(1)
    for round in range(3):
        utility.revoke()
        put(hub, f"B{round}")
        utility.wait(2 + round, timeout=5)
    assert len(utility.grants) == 4 and not utility.refusals
    becomes(hub, path, "CONNECTED")
    assert not hub.get(path + "/quarantine")
    keys = [c.headers["Idempotency-Key"] for c in utility.calls if b'"B2"' in c.raw]
    assert len(keys) == 2 and len(set(keys)) == 1  # the same delivery, first with the old token


def test_a_service_that_refuses_every_token_is_not_asked_on_and_on(hub, utility):
    path = integrate(hub)
    utility.serve = lambda call: (401, {}, {"message": "not for you"})
    put(hub, "A")
    assert "not for you" in becomes(hub, path, "FAILED")
    time.sleep(1)
    assert len(utility.grants) <= 4 and len(utility.calls) <= 10, utility.calls


def test_a_wrong_secret_is_told_and_mended(hub, utility):
    path = integrate(hub, clientSecret="another-secret-9")
    put(hub, "A")
    said = becomes(hub, path, "FAILED")
    assert "invalid_client" in said and "client authentication failed" in said and "another-secret-9" not in said, said
    assert "another-secret-9" not in json.dumps([hub.get(path), hub.get(path + "/delivery"), hub.get("/v1/audit")])
    assert not utility.taken and len(utility.refusals) <= 6
    assert hub.request("PATCH", path, {"utilityCloudConnection": {"clientSecret": SECRET}}).status == 204
    utility.wait(1)
    becomes(hub, path, "CONNECTED")


@pytest.mark.parametrize("answer, word", [((200, b"<html>"), "no JSON object"), ((200, b'{"token":"x"}'), "access_token"), ((302, b""), "302"),
                                          ((200, b'{"access_token":"a b\\r\\n"}'), "access_token"), ((200, b'{"access_token":"x","token_type":"mac"}'), "token_type"),
                                          ((503, b'{"error":"busy"}'), "503"), ((200, b'{"access_token":"' + b"x" * 70000 + b'"}'), None)])
def test_odd_answers_of_the_token_endpoint(hub, utility, answer, word):
    utility.say(answer[0], answer[1], times=2)
    path = integrate(hub)
    put(hub, "A")
    if word:
        wait_until(lambda: word in json.dumps([hub.get(path), hub.get(path + "/delivery")]), 10, what=word)
    assert hub.get(path)["integrationStatus"] != "CONNECTED" or utility.taken
    with utility.lock:
        utility.script.clear()
    hub.request("PATCH", path, {"description": "try again now"})
    utility.wait(1, timeout=20)


def test_without_a_base_url_it_says_where_to_set_it(utility):
    with Hub() as hub:
        hub.party("NL", "ABC", ["CPO"])
        path = integrate(hub)
        put(hub, "A")
        said = becomes(hub, path, "FAILED")
        assert "configData.baseUrl" in said and "utility_cloud_url" in said, said
        hub.request("PATCH", path, {"configData": {"baseUrl": utility.base}})
        put(hub, "B")
        utility.wait(1)
        becomes(hub, path, "CONNECTED")


def test_the_setting_comes_from_the_environment_and_yields_to_the_integration(utility, tmp_path):
    with Utility() as other, Hub(env={"OCPI_HUB_UTILITY_CLOUD_URL": other.base}) as hub:
        hub.party("NL", "ABC", ["CPO"])
        integrate(hub)
        integrate(hub, {"baseUrl": utility.base})
        integrate(hub, {"baseUrl": utility.base, "tokenUrl": utility.url + utility.token_path}, meteredValuesAreSent=True)
        put(hub, "A")
        other.wait(1), utility.wait(1), utility.wait(1, "meter-values")


def test_closed_addresses_are_not_called():
    with socket.create_server(("127.0.0.1", 0)) as listener, Hub(insecure=False) as hub:
        listener.settimeout(0)
        hub.party("NL", "ABC", ["CPO"])
        port = listener.getsockname()[1]
        for config in ({"baseUrl": f"https://127.0.0.1:{port}"}, {"baseUrl": "https://utility.example", "tokenUrl": f"https://127.0.0.1:{port}/t"},
                       {"baseUrl": f"http://127.0.0.1:{port}"}):
            path = integrate(hub, config)
            put(hub, f"A{path[-1]}")
            wait_until(lambda: status(hub, path)[0] not in ("CONNECTED", "DRAFT"), 10)
        with pytest.raises(BlockingIOError):
            listener.accept()
