"""Pulls from a scripted partner over real sockets."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import pytest

from hubtest import Hub, Partner, wait_until
from objects import connect, location, tariff

BOTH = {"pullLocation": True, "pullTariff": True}


@pytest.fixture
def hub():
    with Hub() as hub:
        hub.party("DE", "EMS", ["EMSP"])
        yield hub


@pytest.fixture
def partner():
    with Partner(role="CPO", country="NL", party="ABC") as partner:
        yield partner


def switch(hub, ident, **models):
    reply = hub.request("PATCH", f"/v1/integrations/{ident}", {"models": models})
    assert reply.status == 204, reply


def pull_of(hub, ident, module="locations"):
    return next(m for m in hub.get(f"/v1/integrations/{ident}/delivery")["modules"] if m["module"] == module and m["direction"] == "pull")


def total(hub, module="locations"):
    return int(hub.request("GET", f"/v1/received/{module}?limit=1").headers["X-Total-Count"])


def pull(hub, ident, **body):
    """Asks for a pull and waits for its end."""
    before = pull_of(hub, ident)["lastSuccess"]
    hub.post(f"/v1/integrations/{ident}/pull", body, status=202)
    return wait_until(lambda: (p := pull_of(hub, ident))["lastSuccess"] != before and not p["running"] and p, 15)


def test_pages_then_changes_then_stale(hub, partner):
    partner.page = 20
    partner.objects = {"locations": [location(f"L{i}") for i in range(95)], "tariffs": [tariff(f"T{i}") for i in range(3)]}
    ident = connect(hub, partner, ["EMSP"])
    switch(hub, ident, **BOTH)
    wait_until(lambda: total(hub) == 95 and total(hub, "tariffs") == 3, 20)
    lists = partner.requests("GET", "/ocpi/2.2.1/locations")
    assert len(lists) == 5 and "date_from" not in lists[0].query
    assert lists[0].headers["OCPI-to-party-id"] == "ABC" and lists[0].headers["OCPI-from-party-id"] == "EMS"

    wait_until(lambda: pull_of(hub, ident)["lastFull"], 5)
    partner.objects["locations"][4] = location("L4", name="new", last_updated="2099-01-01T00:00:00Z")
    pull(hub, ident)
    lists = partner.requests("GET", "/ocpi/2.2.1/locations")
    assert len(lists) == 6 and "date_from=20" in lists[-1].query
    assert hub.get(f"/v1/received/locations/{ident}/NL/ABC/L4")["object"]["name"] == "new"

    partner.objects["locations"] = partner.objects["locations"][2:]
    pull(hub, ident, full=True)
    stale = [i["object"]["id"] for i in hub.get("/v1/received/locations?limit=100") if i["stale"]]
    assert sorted(stale) == ["L0", "L1"]


def test_T25_bad_and_foreign_objects_are_quarantined(hub, partner):
    bad = location("L2")
    del bad["coordinates"]
    partner.objects = {"locations": [location("L1"), bad, None, location("L3", party="XYZ"), 5, location("L4")]}
    ident = connect(hub, partner, ["EMSP"])
    switch(hub, ident, pullLocation=True)
    wait_until(lambda: total(hub) == 2, 10)
    found = wait_until(lambda: len(q := hub.get(f"/v1/integrations/{ident}/quarantine")) == 3 and q, 5)
    assert "/coordinates" in str(found)
    assert all(item["direction"] == "received" for item in found)

    one = next(item for item in found if item["objectId"] == "L2")  # a retry that fails changes nothing: the same record is there
    reply = hub.request("POST", f"/v1/integrations/{ident}/quarantine/{one['id']}/retry")
    assert reply.status == 400 and reply.body["errors"][0]["pointer"] == "/coordinates"
    again = hub.get(f"/v1/integrations/{ident}/quarantine")
    assert sorted(item["id"] for item in again) == sorted(item["id"] for item in found)


def test_version_details_are_read_again_without_new_tokens(hub, partner):
    ident = connect(hub, partner, ["EMSP"])
    token = partner.our_token
    before = len(partner.requests("GET", "/ocpi/2.2.1"))
    partner.modules = partner.modules + [("sessions", "SENDER")]
    switch(hub, ident, pullVersionDetails=True)
    wait_until(lambda: len(partner.requests("GET", "/ocpi/2.2.1")) > before, 10)
    wait_until(lambda: "sessions" in [e["identifier"] for e in hub.get(f"/v1/integrations/{ident}?include=none")["versionDetails"]["endpoints"]], 10)
    assert partner.our_token == token
    assert not [c for c in partner.requests(contains="/credentials") if c.method != "GET"]


def test_pull_of_something_that_cannot_be(hub, partner):
    ident = connect(hub, partner, ["EMSP"])
    assert hub.request("POST", f"/v1/integrations/{ident}/pull").status == 409
    assert hub.request("POST", f"/v1/integrations/{ident}/pull", {"modules": ["commands"]}).status == 400
    assert hub.request("POST", f"/v1/integrations/{ident}/pull", {"modules": "locations"}).status == 400
    assert hub.request("POST", f"/v1/integrations/{ident}/pull", {"what": 1}).status == 400
    assert hub.request("POST", f"/v1/integrations/{ident}/pull", b"{").status == 400
    assert hub.request("POST", "/v1/integrations/999/pull", {}).status == 404
    assert hub.request("GET", "/v1/integrations/999/delivery").status == 404
    assert hub.request("GET", "/v1/integrations/x/delivery").status == 404
