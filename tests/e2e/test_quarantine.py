"""Quarantine: what was refused, with pointer and rule; retry and forgetting."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from hubtest import Hub, Partner, envelope, wait_until  # noqa: E402
from objects import connect, location, tariff  # noqa: E402


@pytest.fixture(scope="module")
def hub():
    with Hub() as started:
        started.party("NL", "MSP", roles=("EMSP",))
        started.party("NL", "ABC", roles=("CPO",))
        yield started


@pytest.fixture(scope="module")
def giver(hub):
    partner = Partner(role="CPO", country="BE", party="BEC", token_a="quarantine-token-a")
    partner.id = connect(hub, partner, ["EMSP"])
    yield partner
    partner.server.shutdown()


def give(hub, partner, module, ident, body):
    return partner.call_hub(hub, "PUT", "/".join([partner.hub_endpoint(module, "RECEIVER"), "BE", "BEC", ident]), body)


def quarantine(hub, partner, query=""):
    reply = hub.request("GET", f"/v1/integrations/{partner.id}/quarantine{query}")
    assert reply.status == 200, reply
    return reply


def test_a_refused_object_stands_there_until_it_gets_through(hub, giver):
    bad = location("BAD", country="BE", party="BEC")
    del bad["address"]
    assert give(hub, giver, "locations", "BAD", bad).ocpi_status == 2001
    reply = quarantine(hub, giver)
    assert reply.headers["X-Total-Count"] == "1"
    entry, = reply.body
    assert (entry["module"], entry["direction"], entry["countryCode"], entry["partyId"], entry["objectId"]) == ("locations", "received", "BE", "BEC", "BAD")
    assert ("/address", "required") in [(p["pointer"], p["rule"]) for p in entry["problems"]]
    assert entry["object"] == bad and entry["receivedAt"].endswith("Z")
    assert hub.get("/v1/received/locations") == []
    assert give(hub, giver, "locations", "BAD", bad).ocpi_status == 2001
    assert len(quarantine(hub, giver).body) == 1  # one record an object
    bad["address"] = "Quay 1"
    assert give(hub, giver, "locations", "BAD", bad).ocpi_status == 1000
    assert quarantine(hub, giver).body == []


def test_retry_says_what_is_still_wrong(hub, giver):
    bad = tariff("BAD", country="BE", party="BEC")
    del bad["currency"]
    assert give(hub, giver, "tariffs", "BAD", bad).ocpi_status == 2001
    path = f"/v1/integrations/{giver.id}/quarantine/"
    entry, = quarantine(hub, giver).body
    again = hub.request("POST", path + entry["id"] + "/retry")
    assert again.status == 400 and again.body["errors"][0]["pointer"] == "/currency"
    entry, = quarantine(hub, giver).body
    assert hub.request("DELETE", path + entry["id"]).status == 204
    assert quarantine(hub, giver).body == []
    for ident in (entry["id"], "0", "x"):
        assert hub.request("DELETE", path + ident).status == 404
        assert hub.request("POST", path + ident + "/retry").status == 404
    assert hub.request("GET", "/v1/integrations/99999/quarantine").status == 404


def test_retry_after_the_profile_was_made_kinder(hub, giver):
    """Under profile strict a warning refuses; without it the same text is taken."""
    path = f"/v1/integrations/{giver.id}"
    hub.request("PATCH", path, {"ocpiConnection": {"profile": {"strict": True}}})
    odd = location("ODD", country="BE", party="BEC", last_updated="2026-01-01T02:00:00+02:00")
    assert give(hub, giver, "locations", "ODD", odd).ocpi_status == 2001
    entry, = quarantine(hub, giver).body
    hub.request("PATCH", path, {"ocpiConnection": {"profile": {"strict": False}}})
    again = hub.request("POST", f"{path}/quarantine/{entry['id']}/retry")
    assert again.status == 200, again
    assert hub.get(f"/v1/received/locations/{giver.id}/BE/BEC/ODD")["object"]["last_updated"] == "2026-01-01T00:00:00Z"
    assert quarantine(hub, giver).body == []


def test_newest_first_in_pages(hub, giver):
    for i in range(5):
        bad = tariff(f"P{i}", country="BE", party="BEC", elements="none")
        assert give(hub, giver, "tariffs", f"P{i}", bad).ocpi_status == 2001
    reply = quarantine(hub, giver, "?limit=2")
    assert [e["objectId"] for e in reply.body] == ["P4", "P3"] and reply.headers["X-Total-Count"] == "5" and "offset=2" in reply.headers["Link"]
    reply = quarantine(hub, giver, "?limit=2&offset=4")
    assert [e["objectId"] for e in reply.body] == ["P0"] and reply.headers["Link"] is None
    assert hub.request("GET", f"/v1/integrations/{giver.id}/quarantine?limit=0").status == 400
    for entry in quarantine(hub, giver).body:
        assert hub.request("DELETE", f"/v1/integrations/{giver.id}/quarantine/{entry['id']}").status == 204


def test_what_a_partner_refuses_is_sent_again_on_retry(hub):
    partner = Partner(role="EMSP", country="DE", party="EMS", token_a="quarantine-token-b")
    partner.on("PUT", "/ocpi/2.2.1/locations/NL/ABC/REFUSED", lambda call: (200, {}, envelope(code=2001, message="I do not like it")))
    hub.put("/v1/locations/NL/ABC/REFUSED", location("REFUSED"))
    made = hub.post("/v1/integrations", {
        "integrationName": "refuses", "integrationType": "OCPI", "models": {"pushLocation": True},
        "ocpiConnection": {"initialRole": "RECEIVER", "initialToken": partner.token_a, "customerRoles": ["CPO"]}})
    partner.id = made["id"]
    assert partner.register(hub, partner.token_a).ocpi_status == 1000
    partner.wait_for("PUT", "REFUSED")
    entry, = wait_until(lambda: quarantine(hub, partner).body)
    assert (entry["direction"], entry["objectId"].upper(), entry["module"]) == ("sent", "REFUSED", "locations")
    partner.clear()
    before = len(partner.requests("PUT", "REFUSED"))
    again = hub.request("POST", f"/v1/integrations/{partner.id}/quarantine/{entry['id']}/retry")
    assert again.status == 202, again
    wait_until(lambda: len(partner.requests("PUT", "REFUSED")) > before)
    assert quarantine(hub, partner).body == []
    partner.server.shutdown()


def test_with_the_integration_its_quarantine_goes(hub, giver):
    assert give(hub, giver, "tariffs", "LAST", tariff("LAST", country="BE", party="BEC", currency=None)).ocpi_status == 2001
    assert len(quarantine(hub, giver).body) == 1
    assert hub.request("DELETE", f"/v1/integrations/{giver.id}").status == 204
    assert hub.request("GET", f"/v1/integrations/{giver.id}/quarantine").status == 404
