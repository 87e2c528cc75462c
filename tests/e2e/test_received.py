"""/v1/received: what partners gave us, normalised, with its warnings; lists, filters, levels."""

import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from hubtest import Hub, Partner, fetch  # noqa: E402
from objects import connect, connector, evse, location, tariff  # noqa: E402


class Giver:
    def __init__(self, hub, party):
        self.hub, self.party = hub, party
        self.partner = Partner(role="CPO", country="BE", party=party, token_a="received-token-" + party)
        self.id = connect(hub, self.partner, ["EMSP"])

    def give(self, module, ident, body, method="PUT"):
        url = "/".join([self.partner.hub_endpoint(module, "RECEIVER"), "BE", self.party, ident])
        reply = self.partner.call_hub(self.hub, method, url, body)
        assert reply.ocpi_status == 1000, reply
        return reply

    def got(self, module, ident):
        return self.partner.call_hub(self.hub, "GET", "/".join([self.partner.hub_endpoint(module, "RECEIVER"), "BE", self.party, ident]))


@pytest.fixture(scope="module")
def hub():
    with Hub() as started:
        started.party("NL", "MSP", roles=("EMSP",))
        yield started


@pytest.fixture(scope="module")
def givers(hub):
    made = [Giver(hub, "ONE"), Giver(hub, "TWO")]
    yield made
    for giver in made:
        giver.partner.server.shutdown()


def theirs(ident, party, **more):
    return location(ident, country="BE", party=party, **more)


def test_lists_by_integration_and_in_pages(hub, givers):
    one, two = givers
    for i in range(7):
        one.give("locations", f"A{i}", theirs(f"A{i}", "ONE"))
    two.give("locations", "B0", theirs("B0", "TWO"))
    reply = hub.request("GET", "/v1/received/locations")
    assert reply.status == 200 and reply.headers["X-Total-Count"] == "8" and len(reply.body) == 8
    assert set(reply.body[0]) == {"integrationId", "seq", "receivedAt", "stale", "warnings", "object"}
    assert [e["object"]["id"] for e in reply.body] == [f"A{i}" for i in range(7)] + ["B0"]
    assert {e["integrationId"] for e in reply.body} == {one.id, two.id}
    assert all(e["stale"] is False and e["warnings"] == [] for e in reply.body)
    reply = hub.request("GET", f"/v1/received/locations?integration={two.id}")
    assert reply.headers["X-Total-Count"] == "1" and reply.body[0]["object"] == theirs("B0", "TWO")
    reply = hub.request("GET", f"/v1/received/locations?integration={one.id}&limit=3")
    seen = [e["object"]["id"] for e in reply.body]
    while link := reply.headers["Link"]:
        assert reply.headers["X-Total-Count"] == "7"
        reply = fetch(link[link.index("<") + 1:link.index(">")], headers={"X-API-KEY": hub.admin_key})
        seen += [e["object"]["id"] for e in reply.body]
    assert seen == [f"A{i}" for i in range(7)]
    one.give("locations", "A3", theirs("A3", "ONE", name="new", last_updated="2026-05-01T00:00:00Z"))
    reply = hub.request("GET", "/v1/received/locations?date_from=2026-04-01T00:00:00Z&date_to=2026-06-01T00:00:00Z")
    assert [e["object"]["id"] for e in reply.body] == ["A3"] and reply.headers["X-Total-Count"] == "1"
    assert hub.get("/v1/received/tariffs") == []


def test_one_of_them_and_its_levels(hub, givers):
    one, two = givers
    body = theirs("Levels", "ONE", evses=[evse("E1", connectors=[connector("1"), connector("2")])])
    one.give("locations", "Levels", body)
    base = f"/v1/received/locations/{one.id}/BE/ONE/levels"
    assert hub.get(base)["object"] == body and hub.get(base)["integrationId"] == one.id
    assert hub.get(base + "/e1")["object"] == body["evses"][0]
    assert hub.get(base + "/E1/2")["object"] == body["evses"][0]["connectors"][1]
    for path in (f"{two.id}/BE/ONE/Levels", f"{one.id}/BE/ONE/None", f"{one.id}/BE/ONE/Levels/E9", f"{one.id}/BE/ONE/Levels/E1/9", "0/BE/ONE/Levels",
                 "x/BE/ONE/Levels", "99999/BE/ONE/Levels"):
        assert hub.request("GET", "/v1/received/locations/" + path).status == 404, path


def test_what_is_odd_is_normalised_here_and_comes_back_to_the_giver_as_it_was(hub, givers):
    odd = theirs("Odd", "ONE", name=None, last_updated="2026-01-01T02:00:00+02:00", extra={"kept": True}, images=[None])
    raw = json.dumps(odd, indent=3)
    givers[0].give("locations", "Odd", raw)
    entry = hub.get(f"/v1/received/locations/{givers[0].id}/BE/ONE/Odd")
    assert "name" not in entry["object"] and entry["object"]["extra"] == {"kept": True}
    assert entry["object"]["last_updated"] == "2026-01-01T00:00:00Z"
    assert {w["pointer"] for w in entry["warnings"]} >= {"/last_updated"}
    assert all(set(w) == {"pointer", "rule", "severity", "message"} for w in entry["warnings"])
    assert givers[0].got("locations", "Odd").data == odd
    listed = next(e for e in hub.get(f"/v1/received/locations?integration={givers[0].id}") if e["object"]["id"] == "Odd")
    assert listed == entry


def test_tariffs_and_what_is_refused(hub, givers):
    givers[1].give("tariffs", "T1", tariff("T1", country="BE", party="TWO"))
    assert hub.get(f"/v1/received/tariffs/{givers[1].id}/BE/TWO/T1")["object"] == tariff("T1", country="BE", party="TWO")
    assert hub.request("GET", f"/v1/received/tariffs/{givers[1].id}/BE/TWO/T1/E1").status == 404
    assert hub.request("GET", "/v1/received/cheese").status == 404
    assert hub.request("GET", "/v1/received/locations?integration=99999").status == 404
    for query in ("limit=0", "limit=x", "offset=-1", "date_from=yesterday", "position=%21%21"):
        assert hub.request("GET", "/v1/received/locations?" + query).status == 400, query
    assert hub.request("POST", "/v1/received/locations", {}).status == 405
    shown = hub.get(f"/v1/integrations/{givers[1].id}?include=all")
    assert [t["id"] for t in shown["receivedTariffs"]] == ["T1"] and shown["receivedTariffsTotal"] == 1
    assert shown["receivedTariffs"][0]["countryCode"] == "BE" and shown["tariffs"] == []
