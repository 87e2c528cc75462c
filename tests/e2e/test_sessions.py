"""Sessions: what a CPO pushes, what an eMSP reads of ours, and ours over /v1."""

import pathlib
import sys
import threading

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from hubtest import Hub, Partner, envelope, wait_until  # noqa: E402
from objects import NEWER, Side, cdr, cdr_token, connect, good, location, period, refused, session, token  # noqa: E402

ALL = "?date_from=2020-01-01T00:00:00Z&limit=100"


@pytest.fixture(scope="module")
def cpo():
    """We are the eMSP; the partner pushes sessions."""
    with Hub() as hub, Partner(role="CPO", country="BE", party="BEC") as partner:
        hub.party("NL", "EMP", ["EMSP"])
        yield Side(hub, partner, connect(hub, partner, ["EMSP"]))


@pytest.fixture
def emsp():
    """We are the CPO with two parties, one of them on this connection; the partner reads."""
    with Hub() as hub, Partner(role="EMSP", country="DE", party="EMS") as partner:
        hub.party("NL", "ABC", ["CPO"])
        hub.party("NL", "OTH", ["CPO"])
        ours = [{"countryCode": "NL", "partyId": "ABC", "roles": ["CPO"]}]
        yield Side(hub, partner, connect(hub, partner, ["CPO"], ourParties=ours))


def theirs(ident, **more):
    return session(ident, "BE", "BEC", token=cdr_token("NL", "EMP"), **more)


def call(side, method, ident, body=None):
    return side.call(method, "/BE/BEC/" + ident, body, "sessions")


def listed(side, query=ALL):
    return [s["id"] for s in good(side.sender("sessions", query)).data]


# ---- receiver


def test_S1_put_then_patch_and_never_deleted(cpo):
    good(call(cpo, "PUT", "S1", theirs("S1")), 201)
    good(call(cpo, "PATCH", "S1", {"kwh": 3.25, "last_updated": NEWER}))
    assert good(call(cpo, "GET", "S1")).data == theirs("S1", kwh=3.25, last_updated=NEWER)
    refused(call(cpo, "DELETE", "S1"), 405, 2000)
    refused(call(cpo, "PATCH", "NONE", {"kwh": 1, "last_updated": NEWER}), 404, 2001)
    events = [e["type"] for e in cpo.hub.get("/v1/events?limit=1000")["events"] if e["id"] == "S1" and e["module"] == "sessions"]
    assert events == ["session.created"]


def test_S1_completed_is_final(cpo):
    done = theirs("END", status="COMPLETED")
    good(call(cpo, "PUT", "END", theirs("END")), 201)
    good(call(cpo, "PATCH", "END", {"status": "COMPLETED", "last_updated": "2026-01-01T00:00:01Z"}))
    done["last_updated"] = "2026-01-01T00:00:01Z"
    refused(call(cpo, "PATCH", "END", {"kwh": 9, "last_updated": NEWER}), 200, 2001, "S1")
    refused(call(cpo, "PUT", "END", theirs("END", last_updated=NEWER)), 200, 2001, "S1")
    good(call(cpo, "PUT", "END", {**done, "last_updated": NEWER}))  # the same again
    assert good(call(cpo, "GET", "END")).data == done


def test_S2_put_replaces_the_periods(cpo):
    good(call(cpo, "PUT", "S2", theirs("S2")), 201)
    later = [period("2026-01-01T10:30:00Z", 4)]
    good(call(cpo, "PUT", "S2", theirs("S2", charging_periods=later)))
    assert good(call(cpo, "GET", "S2")).data["charging_periods"] == later
    empty = theirs("S2")
    del empty["charging_periods"]
    good(call(cpo, "PUT", "S2", empty))
    assert "charging_periods" not in good(call(cpo, "GET", "S2")).data


def test_S3_patch_appends_periods(cpo):
    good(call(cpo, "PUT", "S3", theirs("S3")), 201)
    more = period("2026-01-01T10:30:00Z", 4)
    for step, body in enumerate(([more], [], None, [more])):
        patch = {"last_updated": f"2026-02-01T00:00:0{step}Z"}
        if body is not None:
            patch["charging_periods"] = body
        good(call(cpo, "PATCH", "S3", patch))
        assert good(call(cpo, "GET", "S3")).data["charging_periods"] == [period(), more]


def test_S4_O7_where_and_how_a_patch_goes(cpo):
    good(call(cpo, "PUT", "S4", theirs("S4")), 201)
    refused(call(cpo, "PATCH", "S4/charging_periods", [period()]), 404, 2001)
    refused(call(cpo, "PATCH", "S4", {"kwh": 2}), 200, 2001, "/last_updated")
    refused(call(cpo, "PUT", "S4", theirs("OTHER")), 200, 2001, "/id")
    refused(cpo.call("PUT", "/FR/XXX/S4", session("S4", "FR", "XXX"), "sessions"), 404, 2001)


def test_S5_S11_S12_a_reservation_without_an_evse(cpo):
    reserved = theirs("S5", status="RESERVATION", evse_uid="#NA", connector_id="#NA", total_cost={"excl_vat": 0.00})
    good(call(cpo, "PUT", "S5", reserved), 201)
    assert good(call(cpo, "GET", "S5")).data == reserved
    good(call(cpo, "PATCH", "S5", {"status": "ACTIVE", "evse_uid": "E1", "connector_id": "1", "last_updated": NEWER}))
    got = cpo.hub.get(f"/v1/received/sessions/{cpo.integration}/BE/BEC/S5")["object"]
    assert (got["status"], got["evse_uid"], got["total_cost"]) == ("ACTIVE", "E1", {"excl_vat": 0.00})


def test_I_older_is_ignored_also_after_the_end(cpo):
    good(call(cpo, "PUT", "I1", theirs("I1", status="COMPLETED", last_updated=NEWER)), 201)
    assert "ignored" in good(call(cpo, "PATCH", "I1", {"kwh": 9, "last_updated": "2026-01-15T00:00:00Z"})).body["status_message"]


# ---- sender


def test_P11_G_the_list_asks_for_date_from(emsp):
    refused(emsp.sender("sessions"), 200, 2001, "date_from")
    assert listed(emsp) == []
    emsp.hub.request("PATCH", f"/v1/integrations/{emsp.integration}", {"ocpiConnection": {"profile": {"dateFromOptional": True}}})
    assert good(emsp.sender("sessions")).data == []


def test_a_partner_lists_the_sessions_of_its_tokens(emsp):
    hub = emsp.hub
    for path, body in (("NL/ABC/MINE", session("MINE")), ("NL/ABC/FOREIGN", session("FOREIGN", token=cdr_token("FR", "FRE"))),
                       ("NL/OTH/ELSE", session("ELSE", "NL", "OTH"))):
        hub.put("/v1/sessions/" + path, body, 201)
    assert listed(emsp) == ["MINE"]
    assert good(emsp.sender("sessions", ALL)).headers["X-Total-Count"] == "1"
    hub.put("/v1/sessions/NL/ABC/MINE", session("MINE", token=cdr_token("FR", "FRE")))  # given to another's token
    assert listed(emsp) == []
    hub.put("/v1/sessions/NL/ABC/MINE", session("MINE"))
    assert listed(emsp) == ["MINE"]


def test_what_is_seen_follows_the_roles(emsp):
    emsp.hub.put("/v1/sessions/NL/ABC/S1", session("S1"), 201)
    emsp.hub.put("/v1/sessions/NL/ABC/S2", session("S2", token=cdr_token("FR", "FRE")), 201)
    assert listed(emsp) == ["S1"]
    emsp.partner.roles = [{**emsp.partner.roles[0], "country_code": "FR", "party_id": "FRE"}]
    assert emsp.partner.register(emsp.hub, emsp.partner.hub_token, "PUT").ocpi_status == 1000
    assert listed(emsp) == ["S2"]


def test_a_hub_sees_what_its_tokens_did(emsp):
    hub = emsp.hub
    hub.put("/v1/sessions/NL/ABC/S1", session("S1", token=cdr_token("FR", "FRE")), 201)
    with Partner(role="HUB", country="DE", party="HUB") as roaming:
        side = Side(hub, roaming, connect(hub, roaming, ["CPO"], ourParties=[{"countryCode": "NL", "partyId": "ABC", "roles": ["CPO"]}]))
        assert listed(side) == []
        good(side.call("PUT", "/FR/FRE/UID1", token("UID1", "FR", "FRE"), "tokens"), 201)
        assert listed(side) == ["S1"]
        assert listed(emsp) == []


def test_a_token_in_anothers_name_opens_nothing(emsp):
    """A partner that is no hub may be trusted with foreign parties: not with those that have a connection of their own."""
    hub = emsp.hub
    hub.put("/v1/sessions/NL/ABC/S1", session("S1"), 201)
    hub.put("/v1/sessions/NL/ABC/S2", session("S2", token=cdr_token("FR", "FRE")), 201)
    with Partner(role="EMSP", country="IT", party="ITA") as other:
        side = Side(hub, other, connect(hub, other, ["CPO"], ourParties=[{"countryCode": "NL", "partyId": "ABC", "roles": ["CPO"]}],
                                        profile={"foreignParties": True}))
        good(side.call("PUT", "/DE/EMS/UID1", token("UID1", "DE", "EMS"), "tokens"), 201)
        assert listed(side) == []
        good(side.call("PUT", "/FR/FRE/UID1", token("UID1", "FR", "FRE"), "tokens"), 201)
        assert listed(side) == ["S2"]


def test_stateOfChargeIsSent_shapes_the_list(emsp):
    charge = {"type": "STATE_OF_CHARGE", "volume": 50}
    full = period(dimensions=[{"type": "ENERGY", "volume": 1.5}, charge])
    emsp.hub.put("/v1/sessions/NL/ABC/SOC", session("SOC", charging_periods=[full]), 201)
    assert good(emsp.sender("sessions", ALL)).data[0]["charging_periods"] == [full]
    emsp.hub.request("PATCH", f"/v1/integrations/{emsp.integration}", {"models": {"stateOfChargeIsSent": False}})
    assert good(emsp.sender("sessions", ALL)).data[0]["charging_periods"] == [period()]


# ---- /v1


def test_own_sessions_over_v1(emsp):
    hub, path = emsp.hub, "/v1/sessions/NL/ABC/V1"
    assert hub.put(path, session("V1"), 201) == session("V1")
    assert hub.put(path, session("V1"), 200) == session("V1")
    more = period("2026-01-01T10:30:00Z", 4)
    patched = hub.request("PATCH", path, {"kwh": 5.5, "charging_periods": [more], "last_updated": NEWER})
    assert patched.status == 200 and patched.body == session("V1", kwh=5.5, charging_periods=[period(), more], last_updated=NEWER)
    reply = hub.request("DELETE", path)
    assert reply.status == 405 and "DELETE" not in reply.headers["Allow"]
    assert hub.request("PATCH", path, {"status": "COMPLETED"}).status == 200
    assert hub.request("PATCH", path, {"kwh": 6}).status == 409  # S1
    assert hub.request("PATCH", path, {"status": "COMPLETED"}).status == 200
    assert hub.request("PUT", "/v1/sessions/NL/ZZZ/V2", session("V2", "NL", "ZZZ")).status == 400
    answer = hub.post("/v1/sessions", [session(f"B{i}") for i in range(5)] + [session("V1")], 200)
    assert (answer["created"], answer["failed"]) == (5, 1)
    types = [(e["type"], e["direction"]) for e in hub.get("/v1/events?limit=1000")["events"] if e["id"] == "B1"]
    assert types == [("session.created", "own")]


def test_an_own_session_of_2_1_1_is_seen_by_the_issuer_of_its_contract(emsp):
    """auth_id alone: the token that has this contract says whose it is, else the contract itself (an eMA id)."""
    hub = emsp.hub
    place = {"id": "L1", "type": "ON_STREET", "address": "Quay 1", "city": "Delft", "postal_code": "2611", "country": "NLD",
             "coordinates": {"latitude": "52.011600", "longitude": "4.357100"}, "evses": [], "last_updated": "2026-01-01T00:00:00Z"}
    old = {"start_datetime": "2026-01-01T10:00:00Z", "kwh": 1.5, "auth_method": "WHITELIST", "location": place, "currency": "EUR",
           "status": "ACTIVE", "last_updated": "2026-01-01T00:00:00Z"}
    good(emsp.call("PUT", "/DE/EMS/CARD", token("CARD", "DE", "EMS", contract_id="ODD-7"), "tokens"), 201)
    for ident, contract in (("TOKEN", "odd-7"), ("EMA", "DE-EMS-C00122045-K"), ("OTHER", "FR-FRE-C00122045-K"), ("NOBODY", "ODD-8")):
        hub.put(f"/v1/sessions/NL/ABC/{ident}?version=2.1.1", {**old, "id": ident, "auth_id": contract}, 201)
    assert set(listed(emsp)) == {"TOKEN", "EMA"}
    seen = {s["id"]: s["cdr_token"]["uid"] for s in good(emsp.sender("sessions", ALL)).data}
    assert seen == {"TOKEN": "CARD", "EMA": "#NA"}
    emsp.call("PATCH", "/DE/EMS/CARD", {"contract_id": "ODD-8", "last_updated": NEWER}, "tokens")
    hub.request("PATCH", "/v1/sessions/NL/ABC/NOBODY?version=2.1.1", {"kwh": 2})
    assert set(listed(emsp)) == {"TOKEN", "EMA", "NOBODY"}


# ---- charging preferences


def wish(side, ident="S1", **body):
    return side.sender("sessions", f"/{ident}/charging_preferences", "PUT", {"profile_type": "FAST", **body})


def asked(hub, after=0):
    """The event of the wish that waits."""
    found = lambda: [e for e in hub.get(f"/v1/events?after={after}&include=object&limit=1000")["events"]  # noqa: E731
                     if e["type"] == "session.charging_preferences"]
    [event] = wait_until(found, 5)
    return event


def test_S8_the_backend_answers(emsp):
    hub, answers = emsp.hub, []
    hub.put("/v1/sessions/NL/ABC/S1", session("S1"), 201)
    for result in ("ACCEPTED", "DEPARTURE_REQUIRED"):  # S10
        partner = threading.Thread(target=lambda: answers.append(wish(emsp, departure_time="2026-01-01T12:00:00Z", energy_need=20.5)))
        partner.start()
        event = asked(hub)
        assert (event["integrationId"], event["countryCode"], event["partyId"], event["id"]) == (emsp.integration, "NL", "ABC", "S1")
        assert event["direction"] == "received" and event["module"] == "sessions" and event["deadline"]
        assert event["object"] == {"profile_type": "FAST", "departure_time": "2026-01-01T12:00:00Z", "energy_need": 20.5}
        path = "/v1/charging-preferences/" + event["preferencesId"]
        assert hub.get(path)["preferences"] == event["object"] and hub.get(path)["sessionId"] == "S1"
        assert hub.request("POST", path, {"result": "MAYBE"}).status == 400
        assert hub.request("POST", path, {"result": result}).status == 204
        partner.join(5)
        assert good(answers[-1]).data == result
        wait_until(lambda: hub.request("GET", path).status == 404, 5)
        assert hub.request("POST", path, {"result": result}).status in (404, 409)
    assert not [e for e in hub.get("/v1/events?limit=1000")["events"] if e["type"] == "session.charging_preferences"]


def test_S8_V_without_an_answer_it_is_not_possible(emsp):
    hub = emsp.hub
    hub.put("/v1/sessions/NL/ABC/S1", session("S1"), 201)
    hub.request("PATCH", f"/v1/integrations/{emsp.integration}", {"ocpiConnection": {"profile": {"timeoutMs": 300}}})
    assert good(wish(emsp)).data == "NOT_POSSIBLE"


def test_S8_S9_S10_F_what_the_hub_answers_itself(emsp):
    hub = emsp.hub
    refused(wish(emsp, "NONE"), 404, 2001)
    hub.put("/v1/sessions/NL/ABC/FOREIGN", session("FOREIGN", token=cdr_token("FR", "FRE")), 201)
    refused(wish(emsp, "FOREIGN"), 404, 2001)  # as if it were not there
    hub.put("/v1/sessions/NL/ABC/S1", session("S1"), 201)
    refused(emsp.sender("sessions", "/S1/charging_preferences", "PUT", {}), 200, 2001, "/profile_type")
    assert good(wish(emsp, profile_type="MAGIC")).data == "PROFILE_TYPE_NOT_SUPPORTED"  # S10
    hub.put("/v1/locations/NL/ABC/L1", location("L1"), 201)
    refused(wish(emsp), 404, 2001, "CHARGING_PREFERENCES_CAPABLE")  # S9
    refused(emsp.sender("sessions", "/S1/charging_preferences"), 405, 2000)
    refused(emsp.sender("sessions", "/S1/other", "PUT", {}), 404, 2001)
    assert not [e for e in hub.get("/v1/events?limit=1000")["events"] if e["type"] == "session.charging_preferences"]


def test_S8_a_hub_that_stops_keeps_nobody_waiting(emsp):
    emsp.hub.put("/v1/sessions/NL/ABC/S1", session("S1"), 201)
    answers = []
    partner = threading.Thread(target=lambda: answers.append(wish(emsp)))
    partner.start()
    asked(emsp.hub)
    emsp.hub.stop()
    partner.join(5)
    assert good(answers[0]).data == "NOT_POSSIBLE"
    emsp.hub.start()


# ---- what comes into sight is pushed


def test_what_comes_into_sight_is_pushed(emsp):
    hub = emsp.hub
    for path, body in (("sessions/NL/ABC/S1", session("S1")), ("sessions/NL/ABC/S2", session("S2", token=cdr_token("FR", "FRE"))),
                       ("cdrs/NL/ABC/C2", cdr("C2", token=cdr_token("FR", "FRE"))), ("cdrs/NL/ABC/C3", cdr("C3", token=cdr_token("IT", "ITA")))):
        hub.put("/v1/" + path, body, 201)
    flags = {"models": {"pushSession": True, "pushCdr": True}}
    sides = [("sessions", "RECEIVER"), ("cdrs", "RECEIVER"), ("tokens", "SENDER"), ("credentials", "SENDER"), ("locations", "RECEIVER")]
    with Partner(role="HUB", country="DE", party="HUB", modules=sides) as roaming:
        side = Side(hub, roaming, connect(hub, roaming, ["CPO"], ourParties=[{"countryCode": "NL", "partyId": "ABC", "roles": ["CPO"]}]))
        roaming.on("POST", "/ocpi/2.2.1/cdrs", lambda call: (201, {"Location": roaming.module_url("cdrs") + "/" + call.body["id"]}, envelope()))
        hub.request("PATCH", f"/v1/integrations/{side.integration}", flags)
        good(side.call("PUT", "/FR/FRE/UID1", token("UID1", "FR", "FRE"), "tokens"), 201)
        roaming.wait_for("PUT", "/sessions/NL/ABC/S2")
        assert roaming.wait_for("POST", "/cdrs")[0].body["id"] == "C2"
        roaming.roles = [{**roaming.roles[0], "country_code": "IT", "party_id": "ITA"}]
        assert roaming.register(hub, roaming.hub_token, "PUT").ocpi_status == 1000
        assert [c.body["id"] for c in roaming.wait_for("POST", "/cdrs", 2)] == ["C2", "C3"]
        assert len(roaming.requests("PUT", "/sessions/")) == 1
