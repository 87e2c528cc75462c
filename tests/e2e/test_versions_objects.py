"""Our own objects, published once in one version, as partners of each version see them; what is lost on the way, and who is told."""

import json
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from hubtest import Hub, Partner, repository, wait_until
from objects import Side, cdr_token, connect, connector, evse, good, location, session, tariff

VERSIONS = ("2.1.1", "2.2.1", "2.3.0")
NAMES = {"2.1.1": "OLD", "2.2.1": "NOW", "2.3.0": "NEW"}
OLD_LOCATION = {"id": "LO", "type": "ON_STREET", "name": "Quay", "address": "Quay 1", "city": "Delft", "postal_code": "2611", "country": "NLD",
                "coordinates": {"latitude": "52.011600", "longitude": "4.357100"}, "time_zone": "Europe/Amsterdam",
                "evses": [{"uid": "E1", "status": "AVAILABLE", "connectors": [{
                    "id": "1", "standard": "IEC_62196_T2", "format": "SOCKET", "power_type": "AC_3_PHASE", "voltage": 230, "amperage": 16}]}]}


def check(thing, version, name):
    """What goes out passes our own validator without a warning."""
    from hubtest import binary
    got = subprocess.run([binary(), "check", "-", "--version", version, "--object", name], input=json.dumps(thing).encode(), capture_output=True)
    assert got.returncode == 0, (got.stdout, thing)


@pytest.fixture(scope="module")
def sides():
    """A hub of a CPO and a partner of each version."""
    with Hub() as hub:
        hub.party("NL", "ABC", ["CPO"])
        partners = {}
        for version in VERSIONS:
            partner = Partner(party=NAMES[version], version=version, token_a="token-a-" + version)
            partners[version] = Side(hub, partner, connect(hub, partner, ["CPO"], tariffSharing="ALL"))
        yield partners
        for side in partners.values():
            side.partner.close()


@pytest.fixture
def hub(sides):
    return sides["2.2.1"].hub


def losses(side):
    """All pages."""
    rows, path = [], f"/v1/integrations/{side.integration}/losses"
    while path:
        page = side.hub.request("GET", path)
        rows += page.body
        path = page.headers["Link"].split(">")[0].split("/v1", 1)[1] if page.headers["Link"] else None
        path = path and "/v1" + path
    assert len(rows) == int(page.headers["X-Total-Count"])
    return rows


def of(list_, ident):
    return [x for x in list_ if x["id"] == ident]


def test_one_object_is_seen_in_every_version(sides, hub):
    hub.put("/v1/tariffs/NL/ABC/T1", tariff("T1"))
    hub.put("/v1/locations/NL/ABC/L1", location("L1", evses=[evse("E1", connectors=[connector(tariff_ids=["T1"])])]))
    seen = {v: good(side.sender("locations", "/L1")).data for v, side in sides.items()}
    for version, thing in seen.items():
        check(thing, version, "Location")
        assert of(good(sides[version].sender("locations")).data, "L1") == [thing]
        level = good(sides[version].sender("locations", "/L1/E1/1")).data
        assert level == thing["evses"][0]["connectors"][0]
        check(good(sides[version].sender("tariffs")).data[0], version, "Tariff")
        assert hub.get(f"/v1/locations/NL/ABC/L1?version={version}") == thing
        assert of(hub.get(f"/v1/locations?version={version}"), "L1") == [thing]
    assert seen["2.1.1"]["evses"][0]["connectors"][0]["tariff_id"] == "T1" and "country_code" not in seen["2.1.1"]
    assert seen["2.2.1"]["evses"][0]["connectors"][0]["tariff_ids"] == ["T1"]
    assert hub.get("/v1/locations/NL/ABC/L1") == seen["2.2.1"]
    assert hub.get("/v1/locations/NL/ABC/L1/E1?version=2.1.1") == seen["2.1.1"]["evses"][0]


@pytest.mark.parametrize("version", VERSIONS)
def test_it_may_be_put_in_any_version(sides, hub, version):
    ident = "P" + version
    thing = {**OLD_LOCATION, "id": ident} if version == "2.1.1" else location(ident)
    made = hub.put(f"/v1/locations/NL/ABC/{ident}?version={version}", thing, status=201)
    check(made, version, "Location")
    again = hub.request("PUT", f"/v1/locations/NL/ABC/{ident}?version={version}", thing)
    assert again.status == 200 and again.body == made
    for other, side in sides.items():
        check(good(side.sender("locations", "/" + ident)).data, other, "Location")
    assert "country_code" in good(sides["2.2.1"].sender("locations", "/" + ident)).data
    hub.post("/v1/evse-status", [{"country_code": "NL", "party_id": "ABC", "location_id": ident, "evse_uid": "E1", "status": "CHARGING"}], status=200)
    for side in sides.values():
        assert good(side.sender("locations", f"/{ident}/E1")).data["status"] == "CHARGING"
    assert hub.request("DELETE", f"/v1/locations/NL/ABC/{ident}").status == 204
    for side in sides.values():
        assert good(side.sender("locations", f"/{ident}/E1")).data["status"] == "REMOVED"


@pytest.mark.parametrize("version", VERSIONS)
def test_bulk_in_any_version(sides, hub, version):
    lines = subprocess.run([sys.executable, repository() / "fixtures/generate.py", "locations", "--party", "ABC", "--count", "40", "--version", version],
                           capture_output=True, check=True).stdout.splitlines()
    things = [json.loads(line) for line in lines]
    for thing in things:
        thing["id"] = f"B{version}-{thing['id']}"[:36]
        thing.update(country_code="NL", party_id="ABC")  # also where the version itself does not say it: the URL names nobody
    answer = hub.request("POST", f"/v1/locations?version={version}", "\n".join(json.dumps(t) for t in things).encode(),
                         headers={"Content-Type": "application/x-ndjson"})
    assert answer.status == 200 and answer.body["created"] == len(things) and answer.body["failed"] == 0, answer
    for other, side in sides.items():
        got = [good(side.sender("locations", "/" + t["id"])) for t in things[:5] if other != "2.1.1" or t.get("publish", True)]
        for reply in got:
            check(reply.data, other, "Location")
    bad = hub.request("POST", f"/v1/locations?version={version}", [{"id": "X"}])
    assert bad.status == 200 and bad.body["failed"] == 1
    assert hub.request("POST", "/v1/locations?version=9", [{}]).status == 400


def test_what_cannot_be_said_is_not_there_and_the_operator_is_told(sides, hub):
    hub.put("/v1/tariffs/NL/ABC/CAP", tariff("CAP", max_price={"excl_vat": 9.0}))
    hub.put("/v1/tariffs/NL/ABC/FREE", tariff("FREE"))
    old, now, new = (sides[v] for v in VERSIONS)
    lists = {v: good(side.sender("tariffs", "?limit=100")) for v, side in sides.items()}
    assert not of(lists["2.1.1"].data, "CAP") and of(lists["2.1.1"].data, "FREE")
    assert of(lists["2.2.1"].data, "CAP")[0]["max_price"] == {"excl_vat": 9.0}
    assert of(lists["2.3.0"].data, "CAP")[0]["max_price"] == {"before_taxes": 9.0}
    assert [int(lists[v].headers["X-Total-Count"]) for v in VERSIONS] == [len(lists[v].data) for v in VERSIONS]
    row = of(losses(old), "CAP")[-1]
    assert row["kind"] == "refused" and row["pointer"] == "/max_price" and row["row"] == "Tariff.max_price" and row["message"]
    assert (row["module"], row["countryCode"], row["partyId"]) == ("tariffs", "NL", "ABC")
    assert not of(losses(now), "CAP") and not [x for x in of(losses(new), "CAP") if x["kind"] == "refused"]
    shown = hub.request("GET", "/v1/tariffs/NL/ABC/CAP?version=2.1.1")
    assert shown.status == 404 and "cannot be said in 2.1.1" in shown.body["detail"]
    assert hub.request("DELETE", "/v1/tariffs/NL/ABC/CAP").status == 204
    assert not of(losses(old), "CAP")


def test_losses_are_paged_and_only_of_what_the_partner_may_see(sides, hub):
    hub.put("/v1/locations/NL/ABC/S1", location("S1", state="Zuid-Holland", evses=[evse("E1", connectors=[connector(max_electric_power=11000)])]))
    hub.put("/v1/locations/NL/ABC/HID", location("HID", publish=False))
    old = sides["2.1.1"]
    rows = losses(old)
    assert {(x["kind"], x["pointer"]) for x in of(rows, "S1")} >= {("lossy", "/state"), ("lossy", "/evses/0/connectors/0/max_electric_power")}
    assert not of(rows, "HID")  # it is published to nobody
    first = hub.request("GET", f"/v1/integrations/{old.integration}/losses?limit=2")
    assert first.body == rows[:2] and int(first.headers["X-Total-Count"]) == len(rows) and 'rel="next"' in first.headers["Link"]
    assert "offset=2&limit=2" in first.headers["Link"]
    assert hub.get(f"/v1/integrations/{old.integration}/losses?offset=2&limit=2") == rows[2:4]
    assert hub.request("GET", f"/v1/integrations/{old.integration}/losses?limit=0").status == 400
    assert hub.request("GET", "/v1/integrations/99/losses").status == 404
    hub.put("/v1/locations/NL/ABC/S1", location("S1"))
    assert not [x for x in of(losses(old), "S1") if x["kind"] == "lossy"]


def test_a_part_is_changed_in_another_version_only_without_loss(sides, hub):
    hub.put("/v1/locations/NL/ABC/W1?version=2.3.0", location("W1", help_phone="+31152000000"))
    refused = hub.request("PATCH", "/v1/locations/NL/ABC/W1", {"name": "Quay"})
    assert refused.status == 400
    (error,) = refused.body["errors"]
    assert error["pointer"] == "/query/version" and "?version=2.3.0" in error["message"] and "/help_phone" in error["message"]
    assert hub.get("/v1/locations/NL/ABC/W1?version=2.3.0").get("name") is None
    changed = hub.request("PATCH", "/v1/locations/NL/ABC/W1?version=2.3.0", {"name": "Quay", "help_phone": None})
    assert changed.status == 200 and changed.body["name"] == "Quay"
    changed = hub.request("PATCH", "/v1/locations/NL/ABC/W1/E1/1", {"max_amperage": 8})
    assert changed.status == 200 and changed.body["max_amperage"] == 8
    assert hub.get("/v1/locations/NL/ABC/W1")["evses"][0]["connectors"][0]["max_amperage"] == 8


def test_the_first_partner_of_a_version_finds_everything_and_the_forms_are_stored_later():
    with Hub() as hub:
        hub.party("NL", "ABC", ["CPO"])
        for i in range(120):
            hub.put(f"/v1/locations/NL/ABC/L{i:03}", location(f"L{i:03}", state="Zuid-Holland"))
        with Partner(version="2.1.1") as partner:
            side = Side(hub, partner, connect(hub, partner, ["CPO"]))
            first = good(side.sender("locations", "?limit=100"))
            assert len(first.data) == 100 and first.headers["X-Total-Count"] == "120"
            check(first.data[0], "2.1.1", "Location")
            wait_until(lambda: len({x["id"] for x in losses(side)}) == 120, 20)
            assert good(side.sender("locations", "?limit=100")).data == first.data
            assert not hub.events("chore.failed")


def test_received_objects_are_shown_in_the_version_asked_for():
    with Hub() as hub, Partner(role="CPO", country="DE", party="CPO", version="2.1.1") as partner:
        hub.party("NL", "EMS", ["EMSP"])
        side = Side(hub, partner, connect(hub, partner, ["EMSP"]))
        given = {**OLD_LOCATION, "id": "R1", "last_updated": "2026-01-01T00:00:00Z"}
        for e in given["evses"]:
            e["last_updated"] = e["connectors"][0]["last_updated"] = "2026-01-01T00:00:00Z"
        good(side.call("PUT", "/DE/CPO/R1", given), 201)
        assert good(side.call("GET", "/DE/CPO/R1")).data == given
        path = f"/v1/received/locations/{side.integration}/DE/CPO/R1"
        shown = hub.get(path)
        assert shown["warnings"] == [] and shown["object"]["party_id"] == "CPO"
        check(shown["object"], "2.2.1", "Location")
        check(hub.get(path + "?version=2.3.0")["object"], "2.3.0", "Location")
        assert hub.get(path + "?version=2.1.1")["object"] == given
        assert hub.get("/v1/received/locations?version=2.1.1")[0]["object"] == given
        assert hub.get(path + "/E1/1")["object"]["max_voltage"] == 230
        long = {**given, "id": "R" * 39, "time_zone": "Europe/Amsterdam"}  # longer than 2.2.1 takes, and an id is never cut
        good(side.call("PUT", "/DE/CPO/" + long["id"], long), 201)
        odd = hub.get(f"/v1/received/locations/{side.integration}/DE/CPO/{long['id']}")
        assert odd["object"] == long
        assert [w["rule"] for w in odd["warnings"]] == ["bridge"] and "2.1.1" in odd["warnings"][0]["message"]


def test_O9_C12_after_a_change_of_version_the_giver_reads_in_the_new_one():
    with Hub() as hub, Partner(role="CPO", country="DE", party="CPO", version="2.1.1", speaks=list(VERSIONS)) as partner:
        hub.party("NL", "EMS", ["EMSP"])
        side = Side(hub, partner, connect(hub, partner, ["EMSP"]))
        given = {**OLD_LOCATION, "id": "R1", "last_updated": "2026-01-01T00:00:00Z", "x_own": 1}
        for e in given["evses"]:
            e["last_updated"] = e["connectors"][0]["last_updated"] = "2026-01-01T00:00:00Z"
        good(side.call("PUT", "/DE/CPO/R1", given), 201)
        before = partner.hub_endpoint("locations", "RECEIVER")
        good(partner.move(hub, "2.2.1"))
        seen = good(side.call("GET", "/DE/CPO/R1")).data
        check({k: v for k, v in seen.items() if k != "x_own"}, "2.2.1", "Location")
        assert seen["country_code"] == "DE" and seen["x_own"] == 1
        assert good(side.call("GET", "/DE/CPO/R1/E1/1")).data == seen["evses"][0]["connectors"][0]
        assert good(side.follow("GET", before + "/DE/CPO/R1")).data == given


def test_an_evse_is_not_lost_with_a_status_that_nobody_knows():
    """Accepted with a warning; in another version the EVSE is UNKNOWN, not gone."""
    with Hub() as hub, Partner(role="CPO", country="DE", party="CPO", version="2.3.0") as partner:
        hub.party("NL", "EMS", ["EMSP"])
        side = Side(hub, partner, connect(hub, partner, ["EMSP"]))
        good(side.call("PUT", "/DE/CPO/R1", location("R1", "DE", "CPO", evses=[evse("E1", "BROKEN"), evse("E2")])), 201)
        path = f"/v1/received/locations/{side.integration}/DE/CPO/R1"
        for version, status in (("2.1.1", "UNKNOWN"), ("2.2.1", "UNKNOWN"), ("2.3.0", "BROKEN")):
            shown = hub.get(f"{path}?version={version}")
            assert [e["status"] for e in shown["object"]["evses"]] == [status, "AVAILABLE"] and shown["warnings"][0]["rule"] == "enum"


def test_a_session_comes_to_2_1_1_when_its_location_does():
    """2.1.1 has the Location inside of the Session: what came in the other order is looked at again, also when it is final by then."""
    with Hub() as hub, Partner(party="OLD", version="2.1.1") as partner:
        hub.party("NL", "ABC", ["CPO"])
        side = Side(hub, partner, connect(hub, partner, ["CPO"]))
        token = cdr_token(party="OLD")
        done = session("S1", token=token, location_id="L9", status="COMPLETED", end_date_time="2026-01-01T11:00:00Z")
        hub.put("/v1/sessions/NL/ABC/S1", done)
        window = "?date_from=2020-01-01T00:00:00Z"
        assert good(side.sender("sessions", window)).data == []
        assert [x["id"] for x in losses(side) if x["kind"] == "refused"] == ["S1"]
        hub.put("/v1/locations/NL/ABC/L9", location("L9", evses=[evse("E1", connectors=[connector()])]))
        wait_until(lambda: good(side.sender("sessions", window)).data, 20)
        seen, = good(side.sender("sessions", window)).data
        assert seen["id"] == "S1" and seen["location"]["id"] == "L9"
        check(seen, "2.1.1", "Session")
        assert not [x for x in losses(side) if x["kind"] == "refused"]
