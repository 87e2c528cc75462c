"""One hub against a partner that misbehaves: every fault is survived, reported in words, and over when the partner is well again."""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import pytest

from hubtest import Hub, Partner, wait_until
from objects import connect, location

LOCATIONS = "/ocpi/2.2.1/locations"


@pytest.fixture
def hub():
    with Hub() as hub:
        hub.party("NL", "ABC", ["CPO"])
        hub.party("DE", "EMS", ["EMSP"])
        yield hub


def delivery(hub, ident, direction):
    return next(m for m in hub.get(f"/v1/integrations/{ident}/delivery")["modules"]
                if m["module"] == "locations" and m["direction"] == direction)


def shown(hub, ident):
    return hub.get(f"/v1/integrations/{ident}?include=none")


def switch(hub, ident, **models):
    assert hub.request("PATCH", f"/v1/integrations/{ident}", {"models": models}).status == 204


FAULTS = {  # how it misbehaves: what the operator reads
    "slow": "time",
    "reset": "reached",
    "html": "OCPI",
    "bad_json": "OCPI",
    "status500": "errors",
    "truncated": "reached",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_push_survives(hub, fault):
    with Partner(role="EMSP") as partner:
        ident = connect(hub, partner, ["CPO"], profile={"timeoutMs": 1000})
        partner.misbehave(fault, LOCATIONS, seconds=3)
        switch(hub, ident, pushLocation=True)
        hub.put("/v1/locations/NL/ABC/L1", location("L1"))
        answer = wait_until(lambda: (s := shown(hub, ident))["integrationStatus"] in ("DEGRADED", "OFFLINE") and s, 10)
        assert FAULTS[fault] in answer["statusDescription"], answer["statusDescription"]
        push = delivery(hub, ident, "push")
        assert push["failed"] >= 1 and push["lastError"] and push["quarantined"] == 0
        # The rest of the hub does not notice.
        began = time.monotonic()
        hub.put("/v1/locations/NL/ABC/L2", location("L2"))
        assert time.monotonic() - began < 2
        partner.misbehave(None)
        wait_until(lambda: {"locations/NL/ABC/L1", "locations/NL/ABC/L2"} <= set(partner.stored), 30)
        wait_until(lambda: shown(hub, ident)["integrationStatus"] == "CONNECTED", 10)


@pytest.mark.parametrize("fault", FAULTS)
def test_pull_survives(hub, fault):
    with Partner(role="CPO", country="BE", party="BEC") as partner:
        partner.objects = {"locations": [location(f"L{i}", country="BE", party="BEC") for i in range(5)]}
        ident = connect(hub, partner, ["EMSP"], profile={"timeoutMs": 1000})
        partner.misbehave(fault, LOCATIONS, seconds=3)
        switch(hub, ident, pullLocation=True)
        pull = wait_until(lambda: (p := delivery(hub, ident, "pull"))["lastError"] and p, 10)
        assert pull["lastFull"] is None
        answer = wait_until(lambda: (s := shown(hub, ident))["integrationStatus"] in ("DEGRADED", "OFFLINE") and s, 10)
        assert answer["statusDescription"]
        partner.misbehave(None)
        hub.post(f"/v1/integrations/{ident}/pull", {}, status=202)
        wait_until(lambda: delivery(hub, ident, "pull")["lastFull"], 15)
        assert int(hub.request("GET", "/v1/received/locations").headers["X-Total-Count"]) == 5
        wait_until(lambda: shown(hub, ident)["integrationStatus"] == "CONNECTED", 10)


def test_endless_list_ends(hub):
    with Partner(role="CPO", country="BE", party="BEC") as partner:
        partner.objects = {"locations": [location(f"L{i}", country="BE", party="BEC") for i in range(5)]}
        ident = connect(hub, partner, ["EMSP"])
        partner.misbehave("endless", LOCATIONS)
        switch(hub, ident, pullLocation=True)
        pull = wait_until(lambda: (p := delivery(hub, ident, "pull"))["lastError"] and p, 10)
        assert "never ends" in pull["lastError"] and pull["lastFull"] is None
        assert len(partner.requests("GET", LOCATIONS)) < 5


def test_wrong_total_is_tolerated_and_reported(hub):
    with Partner(role="CPO", country="BE", party="BEC") as partner:
        partner.objects = {"locations": [location(f"L{i}", country="BE", party="BEC") for i in range(5)]}
        ident = connect(hub, partner, ["EMSP"])
        partner.misbehave("wrong_total", LOCATIONS)
        switch(hub, ident, pullLocation=True)
        pull = wait_until(lambda: (p := delivery(hub, ident, "pull"))["lastFull"] and p, 10)
        assert pull["wrongTotal"] and pull["totalCount"] == 12 and pull["received"] == 5
        assert shown(hub, ident)["integrationStatus"] == "CONNECTED"


def test_401_stops_everything_and_says_what_to_do(hub):
    with Partner(role="EMSP") as partner:
        ident = connect(hub, partner, ["CPO"])
        partner.on("*", LOCATIONS, lambda call: (401, {}, {"status_code": 2001, "timestamp": "2026-01-01T00:00:00Z"}))
        switch(hub, ident, pushLocation=True)
        hub.put("/v1/locations/NL/ABC/L1", location("L1"))
        answer = wait_until(lambda: (s := shown(hub, ident))["integrationStatus"] == "FAILED" and s, 10)
        assert "401" in answer["statusDescription"] and "retryCredentialsExchange" in answer["statusDescription"]
        hub.put("/v1/locations/NL/ABC/L2", location("L2"))
        time.sleep(1.5)
        assert len(partner.requests("PUT", LOCATIONS)) == 1


def test_stopping_while_the_partner_is_slow_does_not_wait_for_it(hub):
    with Partner(role="EMSP") as partner:
        ident = connect(hub, partner, ["CPO"])
        partner.misbehave("slow", LOCATIONS, seconds=20)
        switch(hub, ident, pushLocation=True)
        hub.put("/v1/locations/NL/ABC/L1", location("L1"))
        partner.wait_for("PUT", LOCATIONS)
        began = time.monotonic()
        hub.stop()
        assert time.monotonic() - began < 8
        partner.misbehave(None)
        hub.start()
        wait_until(lambda: "locations/NL/ABC/L1" in partner.stored, 10)
