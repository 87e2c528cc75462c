"""Pushes to and pulls from partners of another version: the URLs, bodies and headers that it knows."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import pytest

from hubtest import Hub, wait_until
from objects import cdr, cdr_token, connect, connector, evse, location, period, session, tariff, token
from roaming import Roaming, delivery, switch, total

EMS = cdr_token(country="DE", party="EMS")
ALL = {"pushLocation": True, "pushTariff": True, "pushSession": True, "pushCdr": True}


def put(hub, module, thing, query=""):
    thing = {k: v for k, v in thing.items() if k != "last_updated"}
    name = thing.get("id") or thing["uid"]
    return hub.put(f"/v1/{module}/{thing['country_code']}/{thing['party_id']}/{name}{query}", thing)


def publish(hub):
    put(hub, "tariffs", tariff("T1"))
    put(hub, "locations", location("L1", evses=[evse("E1", connectors=[connector(tariff_ids=["T1"])])]))
    put(hub, "sessions", session("S1", token=EMS, charging_periods=[period()]))
    put(hub, "cdrs", cdr("C1", token=EMS))


@pytest.mark.parametrize("version", ["2.1.1", "2.3.0"])
def test_everything_of_a_cpo(version):
    base = f"/ocpi/{version}"
    with Hub() as hub, Roaming(version=version) as partner:
        hub.party("NL", "ABC", ["CPO"])
        publish(hub)
        ident = connect(hub, partner, ["CPO"])
        switch(hub, ident, **ALL)
        wait_until(lambda: "C1" in partner.cdrs and "NL/ABC/S1" in partner.sessions and "locations/NL/ABC/L1" in partner.stored, 10,
                   what=f"{partner.calls} {hub.get(f'/v1/integrations/{ident}/quarantine')}")
        puts = [c.path for c in partner.requests("PUT")]
        assert puts.index(f"{base}/tariffs/NL/ABC/T1") < puts.index(f"{base}/locations/NL/ABC/L1")
        place = partner.stored["locations/NL/ABC/L1"]
        named = place["evses"][0]["connectors"][0]
        assert (named["tariff_id"] if version == "2.1.1" else named["tariff_ids"][0]) == "T1"
        assert ("country_code" in place) == (version != "2.1.1")
        bill = partner.cdrs["C1"]
        assert bill["total_cost"] == 2.5 if version == "2.1.1" else bill["total_cost"]["before_taxes"] == 2.5
        assert all(("OCPI-to-party-id" in c.headers) == (version != "2.1.1") for c in partner.requests("PUT", base))
        raw = partner.requests("POST", "/cdrs")[0]
        assert raw.headers["Authorization"] == ("Token " + partner.our_token) or version != "2.1.1"

        hub.post("/v1/evse-status", [{"country_code": "NL", "party_id": "ABC", "location_id": "L1", "evse_uid": "E1", "status": "CHARGING"}],
                 status=200)
        status = partner.wait_for("PATCH", f"{base}/locations/NL/ABC/L1/E1")[0].body
        assert status["status"] == "CHARGING"
        put(hub, "sessions", session("S1", token=EMS, charging_periods=[period(), period("2026-01-01T10:30:00Z")]))
        patch = partner.wait_for("PATCH", f"{base}/sessions/NL/ABC/S1")[0].body
        assert len(patch["charging_periods"]) == (2 if version == "2.1.1" else 1)
        wait_until(lambda: len(partner.sessions["NL/ABC/S1"]["charging_periods"]) == 2, 5)
        put(hub, "locations", location("L1", evses=[evse("E1")]))
        assert hub.request("DELETE", "/v1/tariffs/NL/ABC/T1").status == 204
        partner.wait_for("DELETE", f"{base}/tariffs/NL/ABC/T1")
        assert hub.get(f"/v1/integrations/{ident}/quarantine") == []


@pytest.mark.parametrize("version", ["2.1.1", "2.3.0"])
def test_K2_tokens_of_an_emsp(version):
    with Hub() as hub, Roaming(role="CPO", country="NL", party="ABC", version=version) as partner:
        hub.party("DE", "EMS", ["EMSP"])
        put(hub, "tokens", token("U1", country="DE", party="EMS"))
        switch(hub, connect(hub, partner, ["EMSP"]), pushToken=True)
        wait_until(lambda: ("DE/EMS/U1", "" if version == "2.1.1" else "type=RFID") in partner.tokens, 5)
        body = next(iter(partner.tokens.values()))
        assert ("auth_id" in body) == (version == "2.1.1")


def test_a_location_does_not_wait_for_a_tariff_that_cannot_be_said():
    """A price cap has no words in 2.1.1: the tariff stays here, the location that names it goes, and the worker goes on (one: it must not spin)."""
    with Hub(workers=1) as hub, Roaming(version="2.1.1") as partner:
        hub.party("NL", "ABC", ["CPO"])
        put(hub, "tariffs", tariff("T1"))
        put(hub, "tariffs", tariff("CAP", max_price={"excl_vat": 5}))
        ident = connect(hub, partner, ["CPO"])
        switch(hub, ident, **ALL)
        put(hub, "locations", location("L1", evses=[evse("E1", connectors=[connector(tariff_ids=["CAP"]), connector("2", tariff_ids=["T1"])])]))
        partner.wait_for("PUT", "/locations/NL/ABC/L1")
        assert "tariffs/NL/ABC/T1" in partner.stored and not partner.requests(contains="CAP")
        assert hub.request("GET", "/v1/tariffs/NL/ABC/CAP", timeout=5).status == 200
        put(hub, "tariffs", tariff("CAP"))  # a price that 2.1.1 knows: now it goes
        partner.wait_for("PUT", "/tariffs/NL/ABC/CAP")


def test_L7_unpublished_goes_out_removed_where_no_word_says_so():
    """2.1.1 knows no `publish`: a partner that had the location is told once that its EVSEs are gone; one that never was published stays unsaid."""
    with Hub() as hub, Roaming(version="2.1.1") as partner:
        hub.party("NL", "ABC", ["CPO"])
        switch(hub, connect(hub, partner, ["CPO"]), **ALL)
        put(hub, "locations", location("HID", publish=False))
        put(hub, "locations", location("L1"))
        partner.wait_for("PUT", "/locations/NL/ABC/L1")
        hub.request("PATCH", "/v1/locations/NL/ABC/L1", {"publish": False})
        last = partner.wait_for("PUT", "/locations/NL/ABC/L1", count=2)[-1].body
        assert [e["status"] for e in last["evses"]] == ["REMOVED"] and "publish" not in last
        hub.request("PATCH", "/v1/locations/NL/ABC/HID", {"name": "still hidden"})
        hub.request("PATCH", "/v1/locations/NL/ABC/L1", {"publish": True})
        last = partner.wait_for("PUT", "/locations/NL/ABC/L1", count=3)[-1].body
        assert [e["status"] for e in last["evses"]] == ["AVAILABLE"] and not partner.requests(contains="HID")


def test_K11_contracts_are_not_pushed_on_2_3_0():
    with Hub() as hub, Roaming(role="CPO", country="NL", party="ABC", version="2.3.0") as partner:
        hub.party("DE", "EMS", ["EMSP"])
        switch(hub, connect(hub, partner, ["EMSP"]), pushToken=True)
        put(hub, "tokens", token("E1", country="DE", party="EMS", type="EMAID"), "?type=EMAID&version=2.3.0")
        put(hub, "tokens", token("U1", country="DE", party="EMS"))
        wait_until(lambda: ("DE/EMS/U1", "type=RFID") in partner.tokens, 5)
        assert [c.path[-2:] for c in partner.requests("PUT", "/tokens/")] == ["U1"]


def old_location(ident):
    made = location(ident)
    for name in ("country_code", "party_id", "publish"):
        del made[name]
    made["type"], made["postal_code"] = "ON_STREET", "2611 AA"
    made["coordinates"] = {"latitude": "52.011600", "longitude": "4.357100"}
    for one in made["evses"]:
        for plug in one["connectors"]:
            plug["voltage"], plug["amperage"] = plug.pop("max_voltage"), plug.pop("max_amperage")
            plug.pop("tariff_ids", None)
    return made


def test_pulled_on_2_1_1_objects_belong_to_the_only_party():
    with Hub() as hub, Roaming(role="CPO", country="NL", party="ABC", version="2.1.1") as partner:
        hub.party("DE", "EMS", ["EMSP"])
        place = old_location("L1")
        started = {"id": "S1", "start_datetime": "2026-01-01T10:00:00Z", "kwh": 1.5, "auth_id": "DEEMSC1", "auth_method": "WHITELIST",
                   "location": place, "currency": "EUR", "charging_periods": [period()], "status": "ACTIVE",
                   "last_updated": "2026-01-01T10:30:00Z"}
        bill = {"id": "C1", "start_date_time": "2026-01-01T10:00:00Z", "stop_date_time": "2026-01-01T11:00:00Z", "auth_id": "DEEMSC1",
                "auth_method": "WHITELIST", "location": place, "currency": "EUR", "charging_periods": [period()], "total_cost": 2.5,
                "total_energy": 1.5, "total_time": 1.0, "last_updated": "2026-01-01T11:00:00Z"}
        price = {"id": "T1", "currency": "EUR", "last_updated": "2026-01-01T10:30:00Z",
                 "elements": [{"price_components": [{"type": "ENERGY", "price": 0.25, "step_size": 1}]}]}
        partner.objects = {"locations": [place], "sessions": [started], "cdrs": [bill], "tariffs": [price]}
        ident = connect(hub, partner, ["EMSP"])
        switch(hub, ident, pullLocation=True, pullSession=True, pullCdr=True, pullTariff=True)
        for module, name in (("locations", "L1"), ("sessions", "S1"), ("cdrs", "C1"), ("tariffs", "T1")):
            wait_until(lambda: total(hub, module) == 1, 10, what=module)
            assert hub.request("GET", f"/v1/received/{module}/{ident}/NL/ABC/{name}").status == 200
        assert delivery(hub, ident, "sessions", "pull")["received"] == 1


def test_received_on_2_1_1_before_the_token_is_shown_in_2_2_1_when_that_comes():
    with Hub() as hub, Roaming(role="CPO", country="NL", party="ABC", version="2.1.1") as partner:
        hub.party("DE", "EMS", ["EMSP"])
        started = {"start_datetime": "2026-01-01T10:00:00Z", "kwh": 1.5, "auth_method": "WHITELIST", "location": old_location("L1"), "currency": "EUR",
                   "charging_periods": [period()], "status": "ACTIVE", "last_updated": "2026-01-01T10:30:00Z"}
        partner.objects = {"sessions": [{**started, "id": "S1", "auth_id": "CARD 77"}, {**started, "id": "S2", "auth_id": "CARD 78"}]}
        ident = connect(hub, partner, ["EMSP"])
        switch(hub, ident, pullSession=True)
        wait_until(lambda: total(hub, "sessions") == 2, 10)

        def shown(name):
            return hub.get(f"/v1/received/sessions/{ident}/NL/ABC/{name}")["object"]
        assert shown("S1")["auth_id"] == "CARD 77" and "cdr_token" not in shown("S1")
        seen = hub.get("/v1/events?modules=sessions&limit=100")["next"]
        hub.put("/v1/tokens/DE/EMS/U77", token("U77", "DE", "EMS", contract_id="card 77"))
        wait_until(lambda: "cdr_token" in shown("S1"), 15)
        assert shown("S1")["cdr_token"]["uid"] == "U77" and "auth_id" not in shown("S1")
        assert "cdr_token" not in shown("S2")
        told = hub.get(f"/v1/events?after={seen}&limit=100")["events"]
        assert [e["id"] for e in told if e["type"] == "session.updated"] == ["S1"], told


def test_pulled_on_2_1_1_tokens_belong_to_the_emsp():
    with Hub() as hub, Roaming(role="EMSP", version="2.1.1") as partner:
        hub.party("NL", "ABC", ["CPO"])
        partner.objects["tokens"] = [{"uid": "U1", "type": "RFID", "auth_id": "DEEMSC1", "issuer": "Issuer", "valid": True,
                                      "whitelist": "ALLOWED", "last_updated": "2026-01-01T10:30:00Z"}]
        ident = connect(hub, partner, ["CPO"])
        switch(hub, ident, pullTokensAll=True)
        wait_until(lambda: total(hub, "tokens") == 1, 10)
        assert hub.get(f"/v1/received/tokens/{ident}/DE/EMS/U1")["object"]["uid"] == "U1"
