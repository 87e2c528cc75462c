"""A CPO's hub and an eMSP's hub: they register with each other and move locations and tariffs by push and by pull."""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import pytest

from hubtest import Hub, wait_until
from objects import connector, evse, location, tariff

TOKEN_A = "registration-token-of-the-cpo"
COUNT = 200


def bulk(hub, module, objects):
    answer = hub.post(f"/v1/{module}", objects, status=200)
    assert answer["failed"] == 0, answer


def make_locations(count=COUNT):
    return [location(f"L{i:04}", evses=[evse("E1", connectors=[connector(tariff_ids=[f"T{i % 5}"])]), evse("E2")]) for i in range(count)]


def received(hub, module):
    reply = hub.request("GET", f"/v1/received/{module}?limit=1")
    return int(reply.headers["X-Total-Count"])


def one(hub, integration, ident, module="locations"):
    reply = hub.request("GET", f"/v1/received/{module}/{integration}/NL/ABC/{ident}")
    return reply.body["object"] if reply.status == 200 else None


def status_of(hub, integration):
    return hub.get(f"/v1/integrations/{integration}?include=none")


def connect(cpo, emsp, cpo_models=None, emsp_models=None, **cpo_connection):
    """Both sides' integrations; returns their ids when both are connected."""
    left = cpo.post("/v1/integrations", {
        "integrationName": "to the eMSP", "integrationType": "OCPI", "models": cpo_models or {},
        "ocpiConnection": {"initialRole": "RECEIVER", "initialToken": TOKEN_A, "customerRoles": ["CPO"], **cpo_connection}})["id"]
    right = emsp.post("/v1/integrations", {
        "integrationName": "to the CPO", "integrationType": "OCPI", "models": emsp_models or {},
        "ocpiConnection": {"initialRole": "SENDER", "initialToken": TOKEN_A, "endpointUrl": cpo.versions_url, "customerRoles": ["EMSP"]}})["id"]
    for hub, ident in ((cpo, left), (emsp, right)):
        wait_until(lambda: status_of(hub, ident)["integrationStatus"] == "CONNECTED", 15,
                   what=f"{hub.name} connected: {status_of(hub, ident)}")
    return left, right


@pytest.fixture
def hubs():
    with Hub(name="cpo") as cpo, Hub(name="emsp") as emsp:
        cpo.party("NL", "ABC", ["CPO"])
        emsp.party("DE", "EMS", ["EMSP"])
        yield cpo, emsp


def test_push_of_everything_then_of_a_status_within_a_second(hubs):
    cpo, emsp = hubs
    bulk(cpo, "tariffs", [tariff(f"T{i}") for i in range(5)])
    bulk(cpo, "locations", make_locations())
    left, right = connect(cpo, emsp, {"pushLocation": True, "pushTariff": True})
    wait_until(lambda: received(emsp, "locations") == COUNT and received(emsp, "tariffs") == 5, 60)
    assert one(emsp, right, "L0007") == cpo.get("/v1/locations/NL/ABC/L0007")

    began = time.monotonic()
    cpo.post("/v1/evse-status", [{"country_code": "NL", "party_id": "ABC", "location_id": "L0007", "evse_uid": "E1", "status": "CHARGING"}],
             status=200)
    wait_until(lambda: one(emsp, right, "L0007")["evses"][0]["status"] == "CHARGING", 5, every=0.01)
    assert time.monotonic() - began < 1
    assert one(emsp, right, "L0007")["evses"][1]["status"] == "AVAILABLE"

    modules = {(m["module"], m["direction"]): m for m in cpo.get(f"/v1/integrations/{left}/delivery")["modules"]}
    push = modules["locations", "push"]
    assert push["sent"] >= COUNT + 1 and push["lag"] == 0 and push["quarantined"] == 0 and push["backoffUntil"] is None, push
    assert push["lastSuccess"] and push["endpoint"] and push["enabled"]
    assert modules["locations", "pull"]["enabled"] is False


def test_pull_full_then_what_changed(hubs):
    cpo, emsp = hubs
    bulk(cpo, "tariffs", [tariff(f"T{i}") for i in range(5)])
    bulk(cpo, "locations", make_locations())
    left, right = connect(cpo, emsp, emsp_models={"pullLocation": True, "pullTariff": True})
    wait_until(lambda: received(emsp, "locations") == COUNT and received(emsp, "tariffs") == 5, 60)
    assert one(emsp, right, "L0042") == cpo.get("/v1/locations/NL/ABC/L0042")
    wait_until(lambda: [m for m in emsp.get(f"/v1/integrations/{right}/delivery")["modules"]
                        if m["direction"] == "pull" and m["module"] == "locations" and m["lastFull"] and not m["wrongTotal"]], 20)

    cpo.request("PATCH", "/v1/locations/NL/ABC/L0042", {"name": "renamed"})
    emsp.post(f"/v1/integrations/{right}/pull", {"modules": ["locations"]}, status=202)
    wait_until(lambda: one(emsp, right, "L0042").get("name") == "renamed", 20)


def test_flags_switched_by_an_update_change_what_flows(hubs):
    cpo, emsp = hubs
    bulk(cpo, "locations", make_locations(3))
    left, right = connect(cpo, emsp)
    time.sleep(0.5)
    assert received(emsp, "locations") == 0
    reply = cpo.request("PATCH", f"/v1/integrations/{left}", {"models": {"pushLocation": True}})
    assert reply.status == 204
    wait_until(lambda: received(emsp, "locations") == 3, 10)
    cpo.request("PATCH", f"/v1/integrations/{left}", {"models": {"pushLocation": False}})
    cpo.put("/v1/locations/NL/ABC/L9999", location("L9999"))
    time.sleep(0.5)
    assert one(emsp, right, "L9999") is None
    cpo.request("PATCH", f"/v1/integrations/{left}", {"models": {"pushLocation": True}})
    wait_until(lambda: one(emsp, right, "L9999"), 10)
    # Tariffs have not gone out: their flag is off.
    bulk(cpo, "tariffs", [tariff("T1")])
    time.sleep(0.3)
    assert received(emsp, "tariffs") == 0


def test_restart_of_the_receiver_gets_the_latest_state_once(hubs):
    cpo, emsp = hubs
    bulk(cpo, "locations", make_locations(3))
    left, right = connect(cpo, emsp, {"pushLocation": True})
    wait_until(lambda: received(emsp, "locations") == 3, 10)
    emsp.stop()
    for name in ("one", "two", "three"):
        cpo.request("PATCH", "/v1/locations/NL/ABC/L0001", {"name": name})
    cpo.post("/v1/evse-status", [{"country_code": "NL", "party_id": "ABC", "location_id": "L0002", "evse_uid": "E2", "status": "BLOCKED"}],
             status=200)
    time.sleep(0.3)
    emsp.start()
    wait_until(lambda: one(emsp, right, "L0001").get("name") == "three", 30)
    wait_until(lambda: one(emsp, right, "L0002")["evses"][1]["status"] == "BLOCKED", 30)
    wait_until(lambda: status_of(cpo, left)["integrationStatus"] == "CONNECTED", 10)


def test_restart_of_the_sender_sends_nothing_twice_and_goes_on(hubs):
    cpo, emsp = hubs
    bulk(cpo, "locations", make_locations(20))
    left, right = connect(cpo, emsp, {"pushLocation": True})
    wait_until(lambda: received(emsp, "locations") == 20, 10)
    time.sleep(0.5)
    cpo.restart()
    time.sleep(0.5)
    push = cpo.get(f"/v1/integrations/{left}/delivery")["modules"]
    assert {m["sent"] for m in push if m["direction"] == "push"} == {0}
    cpo.request("PATCH", "/v1/locations/NL/ABC/L0001", {"name": "after"})
    wait_until(lambda: one(emsp, right, "L0001").get("name") == "after", 10)


def test_unregister_stops_and_registering_again_loads_anew(hubs):
    cpo, emsp = hubs
    bulk(cpo, "locations", make_locations(3))
    left, right = connect(cpo, emsp, {"pushLocation": True})
    wait_until(lambda: received(emsp, "locations") == 3, 10)
    assert emsp.request("POST", f"/v1/integrations/{right}/unregister").status in (200, 202, 204)
    wait_until(lambda: status_of(cpo, left)["integrationStatus"] == "UNREGISTERED", 10)
    cpo.put("/v1/locations/NL/ABC/L9999", location("L9999"))
    time.sleep(0.3)
    assert one(emsp, right, "L9999") is None
    # The receiver issues a fresh token A, the sender registers with it.
    reply = cpo.request("PATCH", f"/v1/integrations/{left}", {"retryCredentialsExchange": True})
    assert reply.status == 204, reply
    token = cpo.get(f"/v1/integrations/{left}?reveal=secrets&include=none")["credentialsInfo"]["initialToken"]
    reply = emsp.request("PATCH", f"/v1/integrations/{right}", {"ocpiConnection": {"initialToken": token}})
    assert reply.status == 204, reply
    wait_until(lambda: status_of(cpo, left)["integrationStatus"] == "CONNECTED", 15)
    wait_until(lambda: one(emsp, right, "L9999"), 10)
