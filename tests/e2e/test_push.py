"""Pushes to a scripted partner over real sockets: requests as the partner gets them, tariffs, bindings, quarantine, a partner that is away."""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import pytest

from hubtest import Hub, Partner, envelope, wait_until
from objects import connect, connector, evse, location, tariff

BOTH = {"pushLocation": True, "pushTariff": True}


@pytest.fixture
def hub():
    with Hub() as hub:
        hub.party("NL", "ABC", ["CPO"])
        yield hub


@pytest.fixture
def partner():
    with Partner(role="EMSP") as partner:
        yield partner


def switch(hub, ident, **models):
    reply = hub.request("PATCH", f"/v1/integrations/{ident}", {"models": models})
    assert reply.status == 204, reply


def push_of(hub, ident, module):
    return next(m for m in hub.get(f"/v1/integrations/{ident}/delivery")["modules"] if m["module"] == module and m["direction"] == "push")


def test_what_the_partner_gets(hub, partner):
    ident = connect(hub, partner, ["CPO"])
    switch(hub, ident, **BOTH)
    hub.put("/v1/tariffs/NL/ABC/T1", tariff("T1"))
    hub.put("/v1/locations/NL/ABC/a%20b", location("a b", evses=[evse("e/1", connectors=[connector(tariff_ids=["T1"])])]))
    call = partner.wait_for("PUT", "/locations/")[0]
    assert call.path == "/ocpi/2.2.1/locations/NL/ABC/a%20b"
    assert call.token == partner.our_token
    assert call.headers["Content-Type"] == "application/json"
    assert call.headers["X-Request-ID"] and call.headers["X-Correlation-ID"] != call.headers["X-Request-ID"]
    assert (call.headers["OCPI-from-country-code"], call.headers["OCPI-from-party-id"]) == ("NL", "ABC")
    assert (call.headers["OCPI-to-country-code"], call.headers["OCPI-to-party-id"]) == ("DE", "EMS")
    assert call.body == hub.get("/v1/locations/NL/ABC/a%20b")
    order = [c.path for c in partner.requests("PUT") if "/credentials" not in c.path]
    assert order == ["/ocpi/2.2.1/tariffs/NL/ABC/T1", "/ocpi/2.2.1/locations/NL/ABC/a%20b"]

    hub.post("/v1/evse-status", [{"country_code": "NL", "party_id": "ABC", "location_id": "a b", "evse_uid": "e/1", "status": "CHARGING"}],
             status=200)
    call = partner.wait_for("PATCH")[0]
    assert call.path == "/ocpi/2.2.1/locations/NL/ABC/a%20b/e%2F1"
    stored = hub.get("/v1/locations/NL/ABC/a%20b")["evses"][0]
    assert call.body == {"status": "CHARGING", "last_updated": stored["last_updated"]}


def test_a_tariff_that_no_connector_names_is_not_pushed_until_one_does(hub, partner):
    ident = connect(hub, partner, ["CPO"])
    switch(hub, ident, **BOTH)
    hub.put("/v1/tariffs/NL/ABC/T1", tariff("T1"))
    hub.put("/v1/locations/NL/ABC/L1", location("L1"))
    partner.wait_for("PUT", "/locations/NL/ABC/L1")
    assert not partner.requests("PUT", "/tariffs/")
    hub.put("/v1/locations/NL/ABC/L1", location("L1", evses=[evse("E1", connectors=[connector(tariff_ids=["T1"])])]))
    partner.wait_for("PUT", "/locations/NL/ABC/L1", 2)
    paths = [c.path.rsplit("/", 1)[1] for c in partner.requests("PUT") if "credentials" not in c.path]
    assert paths.index("T1") < len(paths) - 1 and paths[-1] == "L1", paths
    assert len(partner.requests("PUT", "/tariffs/")) == 1


def test_L4_removed_location_goes_out_with_every_evse_removed(hub, partner):
    ident = connect(hub, partner, ["CPO"])
    switch(hub, ident, **BOTH)
    hub.put("/v1/locations/NL/ABC/L1", location("L1", evses=[evse("E1"), evse("E2")]))
    partner.wait_for("PUT", "/locations/NL/ABC/L1")
    time.sleep(0.3)
    assert hub.request("DELETE", "/v1/locations/NL/ABC/L1").status == 204
    calls = partner.wait_for("PATCH", "/locations/NL/ABC/L1/", 2)
    assert sorted(c.path[-2:] for c in calls) == ["E1", "E2"]
    assert [c.body["status"] for c in calls] == ["REMOVED", "REMOVED"]
    assert not partner.requests("DELETE", "/locations/")


def test_bound_only_what_is_bound_goes_out_and_leaves_as_removed(hub, partner):
    ident = connect(hub, partner, ["CPO"], locationSharing="BOUND")
    switch(hub, ident, **BOTH)
    for name in ("L1", "L2"):
        hub.put(f"/v1/locations/NL/ABC/{name}", location(name))
    time.sleep(0.3)
    assert not partner.requests("PUT", "/locations/")
    hub.put(f"/v1/integrations/{ident}/locations/NL/ABC/L1", {}, status=(200, 201, 204))
    partner.wait_for("PUT", "/locations/NL/ABC/L1")
    assert hub.request("DELETE", f"/v1/integrations/{ident}/locations/NL/ABC/L1").status == 204
    call = partner.wait_for("PUT", "/locations/NL/ABC/L1", 2)[-1]
    assert [e["status"] for e in call.body["evses"]] == ["REMOVED"]
    assert not partner.requests("PUT", "/locations/NL/ABC/L2")


def test_refused_object_is_in_quarantine_and_can_be_retried(hub, partner):
    ident = connect(hub, partner, ["CPO"])
    partner.on("PUT", "/ocpi/2.2.1/locations/NL/ABC/BAD", lambda call: (200, {}, envelope(code=2001, message="no such city")))
    switch(hub, ident, **BOTH)
    hub.put("/v1/locations/NL/ABC/BAD", location("BAD"))
    hub.put("/v1/locations/NL/ABC/GOOD", location("GOOD"))
    partner.wait_for("PUT", "/locations/NL/ABC/GOOD")
    found = wait_until(lambda: hub.get(f"/v1/integrations/{ident}/quarantine"), 5)
    assert len(found) == 1 and found[0]["direction"] == "sent" and found[0]["objectId"] == "BAD", found
    assert "no such city" in str(found[0])
    answer = wait_until(lambda: (a := hub.get(f"/v1/integrations/{ident}?include=none"))["integrationStatus"] == "DEGRADED" and a, 5)
    assert "quarantine" in answer["statusDescription"]
    partner.clear()
    reply = hub.request("POST", f"/v1/integrations/{ident}/quarantine/{found[0]['id']}/retry")
    assert reply.status < 300, reply
    wait_until(lambda: "locations/NL/ABC/BAD" in partner.stored, 5)
    wait_until(lambda: not hub.get(f"/v1/integrations/{ident}/quarantine"), 5)
    wait_until(lambda: hub.get(f"/v1/integrations/{ident}?include=none")["integrationStatus"] == "CONNECTED", 5)


def test_partner_that_was_away_gets_the_newest_state_once(hub, partner):
    ident = connect(hub, partner, ["CPO"])
    partner.misbehave("status500", "/ocpi/2.2.1/locations")
    switch(hub, ident, **BOTH)
    for i in range(10):
        hub.put("/v1/locations/NL/ABC/L1", location("L1", name=f"n{i}"), status=(200, 201))
    wait_until(lambda: push_of(hub, ident, "locations")["backoffUntil"], 5)
    tried = len(partner.requests("PUT", "/locations/"))
    assert tried <= 3
    partner.misbehave(None)
    wait_until(lambda: partner.stored.get("locations/NL/ABC/L1", {}).get("name") == "n9", 15)
    time.sleep(0.5)
    assert len([c for c in partner.requests("PUT", "/locations/") if c.body["name"] == "n9"]) <= 3


def test_kill_in_the_middle_loses_nothing(hub, partner):
    ident = connect(hub, partner, ["CPO"])
    switch(hub, ident, **BOTH)
    hub.post("/v1/locations", [location(f"L{i}") for i in range(150)], status=200)
    partner.wait_for("PUT", "/locations/", 20)
    hub.kill9()
    hub.start()
    wait_until(lambda: len([k for k in partner.stored if k.startswith("locations/")]) == 150, 20)


def test_partner_without_receiver_endpoint(hub):
    with Partner(role="EMSP", modules=[("credentials", "SENDER"), ("credentials", "RECEIVER"), ("locations", "RECEIVER")]) as partner:
        ident = connect(hub, partner, ["CPO"])
        switch(hub, ident, **BOTH)
        hub.put("/v1/tariffs/NL/ABC/T1", tariff("T1"))
        hub.put("/v1/locations/NL/ABC/L1", location("L1", evses=[evse("E1", connectors=[connector(tariff_ids=["T1"])])]))
        partner.wait_for("PUT", "/locations/")
        assert not partner.requests("PUT", "/tariffs/")
        text = wait_until(lambda: hub.get(f"/v1/integrations/{ident}?include=none")["statusDescription"], 5)
        assert "pushTariff is on but the partner offers no tariffs RECEIVER endpoint" in text
        assert push_of(hub, ident, "tariffs")["endpoint"] is False


def test_dots_as_an_id_stay_in_the_path(hub, partner):
    ident = connect(hub, partner, ["CPO"])
    switch(hub, ident, **BOTH)
    for dots in (".", ".."):
        hub.put(f"/v1/locations/NL/ABC/{dots}", location(dots))
    assert {c.path for c in partner.wait_for("PUT", "/locations/", 2)} == {"/ocpi/2.2.1/locations/NL/ABC/.", "/ocpi/2.2.1/locations/NL/ABC/.."}


def test_flags_that_cannot_act_say_why(hub, partner):
    ident = connect(hub, partner, ["CPO"])
    switch(hub, ident, pushSession=True, pushToken=True, pullCdr=True, pushLocation=True)
    text = wait_until(lambda: hub.get(f"/v1/integrations/{ident}?include=none")["statusDescription"], 5)
    assert "pushSession is on but the partner offers no sessions RECEIVER endpoint" in text
    assert "pushToken is on but with our customerRoles we do not send tokens" in text
    assert "pullCdr is on but with our customerRoles we do not receive cdrs" in text
    switch(hub, ident, pushSession=False, pushToken=False, pullCdr=False)
    wait_until(lambda: hub.get(f"/v1/integrations/{ident}?include=none")["statusDescription"] is None, 5)


def test_delivery_tells_rates(hub, partner):
    ident = connect(hub, partner, ["CPO"])
    partner.on("PUT", "/ocpi/2.2.1/locations/NL/ABC/BAD", lambda call: (200, {}, envelope(code=2001, message="no")))
    switch(hub, ident, **BOTH)
    hub.post("/v1/locations", [location(f"L{i}") for i in range(5)] + [location("BAD")], status=200)
    wait_until(lambda: (p := push_of(hub, ident, "locations"))["sent"] == 5 and p["quarantined"] == 1, 10)
    rates = push_of(hub, ident, "locations")["rates"]
    assert 0 < rates["sentPerMinute"] <= 5 and rates["failedPerMinute"] <= 1, rates  # fewer when a minute has just ended
    assert push_of(hub, ident, "tariffs")["rates"] == {"sentPerMinute": 0, "failedPerMinute": 0}
    for module in hub.get(f"/v1/integrations/{ident}/delivery")["modules"]:
        assert {"module", "cursor", "lag", "lastSuccess", "lastError", "rates"} <= set(module), module


def test_a_partner_that_repeats_our_token_is_not_quoted(hub, partner):
    ident = connect(hub, partner, ["CPO"])
    partner.on("PUT", "/ocpi/2.2.1/locations/", lambda call: (200, {}, envelope(code=2001, message="bad token " + partner.our_token)))
    switch(hub, ident, **BOTH)
    hub.put("/v1/locations/NL/ABC/L1", location("L1"))
    found = wait_until(lambda: hub.get(f"/v1/integrations/{ident}/quarantine"), 5)
    assert "2001" in str(found) and partner.our_token not in str(found)
    assert hub.events("push.refused") and partner.our_token not in hub.log()


def test_deleting_the_integration_ends_its_pushes(hub, partner):
    ident = connect(hub, partner, ["CPO"])
    partner.misbehave("slow", "/ocpi/2.2.1/locations", seconds=1)
    switch(hub, ident, **BOTH)
    hub.post("/v1/locations", [location(f"L{i}") for i in range(30)], status=200)
    partner.wait_for("PUT", "/locations/")
    assert hub.request("DELETE", f"/v1/integrations/{ident}").status == 204
    time.sleep(0.5)
    count = len(partner.requests("PUT", "/locations/"))
    time.sleep(1.5)
    assert len(partner.requests("PUT", "/locations/")) == count
