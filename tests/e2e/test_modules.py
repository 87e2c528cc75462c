"""The modules on each version: sessions, CDRs, tokens and tariffs as 2.1.1, 2.2.1 and 2.3.0 have them."""

import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from hubtest import Hub, Partner  # noqa: E402
from objects import (NEWER, OLD, Side, cdr, connect, connector, evse, good, location, period, refused, session, tariff, token,  # noqa: E402
                     without)

VERSIONS = ("2.1.1", "2.2.1", "2.3.0")
PLACE = {"id": "L1", "type": "ON_STREET", "address": "Quay 1", "city": "Delft", "postal_code": "2611", "country": "NLD",
         "coordinates": {"latitude": "52.011600", "longitude": "4.357100"}, "last_updated": OLD}


def in_version(version, body):
    """One of objects.py in the shape of the version."""
    if version == "2.2.1":
        return body
    if version == "2.3.0":
        text = json.dumps(body).replace('"excl_vat"', '"before_taxes"')
        made = without(json.loads(text), "incl_vat")
        return {**made, "tax_included": "NO"} if "elements" in made else made
    body = without(body, "country_code", "party_id")
    if "contract_id" in body:
        body["auth_id"] = body.pop("contract_id")
    if "cdr_token" in body:
        body["auth_id"] = body.pop("cdr_token")["contract_id"]
        body["location"] = PLACE
        body = without(body, "location_id", "evse_uid", "connector_id", "cdr_location", "session_id")
        if "end_date_time" in body:
            body["stop_date_time"], body["total_cost"] = body.pop("end_date_time"), 2.5
        else:
            body["start_datetime"] = body.pop("start_date_time")
    return body


def sides(hub, version, role, ours):
    country, party = ("BE", "BEC") if role == "CPO" else ("DE", "EMS")
    with Partner(role=role, country=country, party=party, version=version, token_a=f"a-{version}-{role}") as partner:
        yield Side(hub, partner, connect(hub, partner, [ours], versions=[version]))


@pytest.fixture(scope="module")
def hub():
    with Hub() as started:
        started.party("NL", "ABC", ["CPO"])
        started.party("NL", "EMP", ["EMSP"])
        yield started


@pytest.fixture(scope="module", params=VERSIONS)
def cpo(hub, request):
    """We are the eMSP; a CPO puts things here."""
    yield from sides(hub, request.param, "CPO", "EMSP")


@pytest.fixture(scope="module", params=VERSIONS)
def emsp(hub, request):
    """We are the CPO; an eMSP gives tokens."""
    yield from sides(hub, request.param, "EMSP", "CPO")


def test_sessions_are_put_and_patched(cpo):
    version = cpo.partner.VERSION
    body = in_version(version, session("S1", "BE", "BEC"))
    good(cpo.call("PUT", "/BE/BEC/S1", body, "sessions"), 201)
    assert good(cpo.call("GET", "/BE/BEC/S1", module="sessions")).data == body
    good(cpo.call("PATCH", "/BE/BEC/S1", {"kwh": 2.5, "last_updated": NEWER}, "sessions"))
    assert good(cpo.call("GET", "/BE/BEC/S1", module="sessions")).data == {**body, "kwh": 2.5, "last_updated": NEWER}
    more = period("2026-01-01T10:30:00Z", 4)
    good(cpo.call("PATCH", "/BE/BEC/S1", {"charging_periods": [more], "last_updated": NEWER}, "sessions"))
    periods = good(cpo.call("GET", "/BE/BEC/S1", module="sessions")).data["charging_periods"]
    assert periods == ([more] if version == "2.1.1" else [period(), more])  # S3, decision B
    alone = cpo.call("PATCH", "/BE/BEC/S1", {"kwh": 2.75}, "sessions")
    assert alone.ocpi_status == (1000 if version == "2.1.1" else 2001)  # O7
    [held] = [h for h in cpo.hub.get(f"/v1/received/sessions?integration={cpo.integration}") if h["integrationId"] == cpo.integration]
    assert held["seq"] and not held["stale"]
    events = [e for e in cpo.hub.get("/v1/events?limit=1000")["events"] if e["integrationId"] == cpo.integration and e["module"] == "sessions"]
    assert [(e["countryCode"], e["partyId"], e["id"]) for e in events] == [("BE", "BEC", "S1")]


def test_cdrs_are_posted_once(cpo):
    body = in_version(cpo.partner.VERSION, cdr("C1", "BE", "BEC"))
    url = good(cpo.call("POST", "", body, "cdrs"), 201).headers["Location"]
    assert url == cpo.partner.hub_endpoint("cdrs", "RECEIVER") + "/BE/BEC/C1"
    assert good(cpo.follow("GET", url)).data == body
    assert good(cpo.call("POST", "", {**body, "last_updated": NEWER}, "cdrs")).headers["Location"] == url
    refused(cpo.call("POST", "", {**body, "total_energy": 77}, "cdrs"), 200, 2001, "D3")
    assert good(cpo.follow("GET", url)).data == body


def test_tokens_and_their_types(emsp):
    version = emsp.partner.VERSION
    old = version == "2.1.1"
    body = in_version(version, token("U1", "DE", "EMS", type="OTHER"))
    kind = "" if old else "?type=OTHER"
    good(emsp.call("PUT", "/DE/EMS/U1" + kind, body, "tokens"), 201)
    assert good(emsp.call("GET", "/DE/EMS/U1" + kind, module="tokens")).data == body
    good(emsp.call("PATCH", "/DE/EMS/U1" + kind, {"valid": False, "last_updated": NEWER}, "tokens"))
    if not old:
        refused(emsp.call("GET", "/DE/EMS/U1", module="tokens"), 404, 2004)
    assert good(emsp.call("GET", "/DE/EMS/U1" + kind, module="tokens")).data["valid"] is False
    refused(emsp.call("GET", "/DE/EMS/NONE", module="tokens"), 404, 2001 if old else 2004)  # decision C
    rfid = in_version(version, token("U1", "DE", "EMS"))
    good(emsp.call("PUT", "/DE/EMS/U1", rfid, "tokens"), 201)
    assert good(emsp.call("GET", "/DE/EMS/U1", module="tokens")).data == rfid  # RFID stands before the others
    held = emsp.hub.get(f"/v1/received/tokens/{emsp.integration}/DE/EMS/U1?type=OTHER")
    assert held["object"]["valid"] is False


def test_tariffs_are_patched_on_2_1_1_only(cpo):
    version = cpo.partner.VERSION
    body = in_version(version, tariff("T1", "BE", "BEC"))
    good(cpo.call("PUT", "/BE/BEC/T1", body, "tariffs"), 201)
    reply = cpo.call("PATCH", "/BE/BEC/T1", {"currency": "SEK"}, "tariffs")
    if version == "2.1.1":
        assert good(reply) and good(cpo.call("GET", "/BE/BEC/T1", module="tariffs")).data == {**body, "currency": "SEK"}
    else:
        assert "PATCH" not in refused(reply, 405, 2000).headers["Allow"]  # F1
    good(cpo.call("DELETE", "/BE/BEC/T1", module="tariffs"))
    refused(cpo.call("GET", "/BE/BEC/T1", module="tariffs"), 404, 2001)


def test_what_only_2_3_0_has_passes_through(hub):
    parked = location("PARK", "BE", "BEC", help_phone="+31", parking_places=[
        {"id": "P1", "vehicle_types": ["PERSONAL_VEHICLE", "HOVERCRAFT"], "restricted_to_type": False, "reservation_required": False}], evses=[
            evse("E1", parking=[{"parking_id": "P1", "evse_position": "LEFT"}], capabilities=["MIND_READING"],
                 connectors=[connector(capabilities=["ISO_15118_2_PLUG_AND_CHARGE"])])])
    gross = {**tariff("GROSS", "BE", "BEC", tax_included="YES", min_price={"before_taxes": 1.0, "after_taxes": 1.21}), "odd": {"field": [1]}}
    for side in sides(hub, "2.3.0", "CPO", "EMSP"):
        good(side.call("PUT", "/BE/BEC/PARK", parked), 201)
        assert good(side.call("GET", "/BE/BEC/PARK")).data == parked
        good(side.call("PUT", "/BE/BEC/GROSS", gross, "tariffs"), 201)
        assert good(side.call("GET", "/BE/BEC/GROSS", module="tariffs")).data == gross
        assert side.hub.get(f"/v1/integrations/{side.integration}/quarantine") == []


def test_a_hub_of_2_3_0_gives_what_belongs_to_its_parties(hub):
    """hub_party_id: any party is accepted; those that it lists are its roles."""
    with Partner(role="CPO", country="DE", party="RHB", version="2.3.0", token_a="a-hub") as roaming:
        roaming.roles.append({**roaming.roles[0], "country_code": "FR", "party_id": "FRC"})
        plain = roaming.credentials
        roaming.credentials = lambda version=None: {**plain(version), "hub_party_id": "DERHB"}
        side = Side(hub, roaming, connect(hub, roaming, ["EMSP"], versions=["2.3.0"]))
        for country, party in (("FR", "FRC"), ("IT", "ITX")):
            good(side.call("PUT", f"/{country}/{party}/S1", in_version("2.3.0", session("S1", country, party)), "sessions"), 201)
