"""Locations and tariffs on /ocpi: what a partner reads of ours, and what a partner puts here."""

import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from hubtest import Hub, Partner  # noqa: E402
from objects import NEWER, OLD, Side, connect, connector, evse, good, location, refused, tariff, without  # noqa: E402


@pytest.fixture(scope="module")
def emsp():
    """We are the CPO; the partner reads."""
    with Hub() as hub, Partner(role="EMSP", country="DE", party="EMS") as partner:
        hub.party("NL", "ABC", ["CPO"])
        yield Side(hub, partner, connect(hub, partner, ["CPO"]))


@pytest.fixture(scope="module")
def cpo():
    """We are the eMSP; the partner writes."""
    with Hub() as hub, Partner(role="CPO", country="BE", party="BEC") as partner:
        hub.party("NL", "EMP", ["EMSP"])
        yield Side(hub, partner, connect(hub, partner, ["EMSP"]))


def theirs(ident, **more):
    return location(ident, "BE", "BEC", **more)


# ---- sender


def test_L1_single_objects_of_every_level(emsp):
    own = location("S1", evses=[evse("E1"), evse("E2", connectors=[connector("1"), connector("2")])])
    emsp.hub.put("/v1/locations/NL/ABC/S1", own)
    assert good(emsp.sender("locations", "/S1")).data == own
    assert good(emsp.sender("locations", "/s1/e2")).data == own["evses"][1]
    assert good(emsp.sender("locations", "/S1/E2/2")).data == own["evses"][1]["connectors"][1]
    for rest in ("/S9", "/S1/E9", "/S1/E2/9", "/" + "x" * 300):
        refused(emsp.sender("locations", rest), 404, 2003)


def test_T7_what_the_partner_may_not_see_is_not_there(emsp):
    emsp.hub.put("/v1/locations/NL/ABC/HID", location("HID", publish=False))
    refused(emsp.sender("locations", "/HID"), 404, 2003)
    assert "HID" not in [o["id"] for o in good(emsp.sender("locations", "?limit=100")).data]


def test_P_pages_links_and_counts(emsp):
    for i in range(23):
        emsp.hub.put(f"/v1/locations/NL/ABC/P{i:02}", location(f"P{i:02}", last_updated=f"2026-01-{i + 1:02}T00:00:00Z"))
    seen, url, total = [], emsp.partner.hub_endpoint("locations", "SENDER") + "?limit=10", None
    while url:
        reply = good(emsp.partner.call_hub(emsp.hub, "GET", url))
        assert len(reply.data) <= 10 and int(reply.headers["X-Limit"]) >= 50  # P4
        total = total or reply.headers["X-Total-Count"]
        assert reply.headers["X-Total-Count"] == total  # P3
        seen += [o["id"] for o in reply.data]
        link = reply.headers.get("Link")
        assert bool(link) == (len(reply.data) == 10)
        url = link[1:link.index(">")] if link else None  # absolute, P5
    assert [s for s in seen if s[0] == "P" and s[1:].isdigit()] == [f"P{i:02}" for i in range(23)]  # P8
    assert int(total) == len(seen) == len(set(seen))
    window = good(emsp.sender("locations", "?date_from=2026-01-05T00:00:00Z&date_to=2026-01-10T00:00:00Z"))
    assert [o["id"] for o in window.data] == [f"P{i:02}" for i in range(4, 9)]  # P2
    assert window.headers["X-Total-Count"] == "5" and "Link" not in window.headers
    assert good(emsp.sender("locations", "?offset=5000")).data == []


def test_P9_what_comes_while_crawling_is_at_the_end(emsp):
    for i in range(4):
        emsp.hub.put(f"/v1/locations/NL/ABC/C{i}", location(f"C{i}"))
    seen, url, made = [], emsp.partner.hub_endpoint("locations", "SENDER") + "?limit=2", 0
    while url:
        reply = good(emsp.partner.call_hub(emsp.hub, "GET", url))
        seen += [o["id"] for o in reply.data]
        link = reply.headers.get("Link")
        url = link[1:link.index(">")] if link else None
        if made < 3:
            made += 1
            emsp.hub.put(f"/v1/locations/NL/ABC/D{made}", location(f"D{made}", last_updated="2020-01-01T00:00:00Z"))
    assert len(seen) == len(set(seen)) and seen[-3:] == ["D1", "D2", "D3"]


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=a", "offset=-1", "date_from=x", "position=%21"])
def test_G_bad_page_parameters_are_2001(emsp, query):
    refused(emsp.sender("locations", "?" + query), 200, 2001, query.split("=")[0])


def test_tariffs_are_listed_when_a_connector_names_them(emsp):
    emsp.hub.put("/v1/tariffs/NL/ABC/SHOWN", tariff("SHOWN"))
    emsp.hub.put("/v1/tariffs/NL/ABC/HIDDEN", tariff("HIDDEN"))
    emsp.hub.put("/v1/locations/NL/ABC/NAMES", location("NAMES", evses=[evse(connectors=[connector(tariff_ids=["SHOWN"])])]))
    assert [t["id"] for t in good(emsp.sender("tariffs")).data] == ["SHOWN"]


def test_L4_a_deleted_location_goes_out_with_its_evses_removed(emsp):
    emsp.hub.put("/v1/locations/NL/ABC/DEL", location("DEL"))
    assert emsp.hub.request("DELETE", "/v1/locations/NL/ABC/DEL").status == 204
    assert good(emsp.sender("locations", "/DEL")).data["evses"][0]["status"] == "REMOVED"


def test_E_other_methods_are_405_with_an_envelope(emsp):
    reply = emsp.partner.call_hub(emsp.hub, "PUT", emsp.partner.hub_endpoint("locations", "SENDER") + "/S1", location("S1"))
    refused(reply, 405, 2000)
    assert "GET" in reply.headers["Allow"]


# ---- receiver


def test_T8_put_answers_201_then_200_and_get_gives_the_bytes_back(cpo):
    text = json.dumps(theirs("R1", vendor={"price": 1.50}, name=None), indent=3).replace("1.5\n", "1.50\n")
    reply = good(cpo.call("PUT", "/BE/BEC/R1", text), 201)
    assert "data" not in reply.body  # T4
    raw = cpo.hub.raw(f"GET /ocpi/2.2.1/receiver/locations/BE/BEC/R1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                      f"Authorization: Token {cpo.partner.hub_token}\r\n\r\n".encode())
    assert text.encode() in raw and b"1.50" in text.encode()
    good(cpo.call("PUT", "/BE/BEC/R1", theirs("R1", name="x")), 200)
    assert good(cpo.call("GET", "/be/bec/r1")).data["name"] == "x"


def test_O5_L3_levels(cpo):
    good(cpo.call("PUT", "/BE/BEC/R2", theirs("R2")), 201)
    good(cpo.call("PUT", "/BE/BEC/R2/E2", evse("E2", last_updated=NEWER)), 201)
    assert good(cpo.call("GET", "/BE/BEC/R2")).data["last_updated"] == NEWER
    good(cpo.call("PUT", "/BE/BEC/R2/E2/2", connector("2", last_updated="2026-03-01T00:00:00Z")), 201)
    good(cpo.call("PATCH", "/BE/BEC/R2/E2/2", {"max_amperage": 63, "last_updated": "2026-04-01T00:00:00Z"}))
    whole = good(cpo.call("GET", "/BE/BEC/R2")).data
    assert whole["last_updated"] == whole["evses"][1]["last_updated"] == "2026-04-01T00:00:00Z"
    assert whole["evses"][1]["connectors"][1]["max_amperage"] == 63
    assert good(cpo.call("GET", "/BE/BEC/R2/e2/2")).data == whole["evses"][1]["connectors"][1]


def test_O5_put_replaces_the_whole(cpo):
    good(cpo.call("PUT", "/BE/BEC/R4", theirs("R4", name="n", vendor=1, evses=[evse("E1", vendor=1), evse("E2")])), 201)
    less = theirs("R4", evses=[evse("E1")])
    good(cpo.call("PUT", "/BE/BEC/R4", less))
    assert good(cpo.call("GET", "/BE/BEC/R4")).data == less
    good(cpo.call("PUT", "/BE/BEC/R4/E1/1", connector("1", max_electric_power=1)))
    good(cpo.call("PUT", "/BE/BEC/R4/E1/1", connector("1")))
    assert good(cpo.call("GET", "/BE/BEC/R4")).data == less


def test_O6_patch_keeps_the_rest(cpo):
    good(cpo.call("PUT", "/BE/BEC/R3", theirs("R3", name="old", vendor=[1])), 201)
    good(cpo.call("PATCH", "/BE/BEC/R3", {"name": "new", "last_updated": NEWER}))
    got = good(cpo.call("GET", "/BE/BEC/R3")).data
    assert got == theirs("R3", name="new", vendor=[1], last_updated=NEWER)
    refused(cpo.call("PATCH", "/BE/BEC/R3", {"name": "x"}), 200, 2001, "/last_updated", "O7")
    refused(cpo.call("PATCH", "/BE/BEC/R3", {"address": None, "last_updated": NEWER}), 200, 2001, "/address", "required")
    assert good(cpo.call("GET", "/BE/BEC/R3")).data == got


def test_C_unknown_objects_and_parents(cpo):
    body = {"last_updated": NEWER}
    for method, rest in (("GET", "/BE/BEC/U1"), ("PATCH", "/BE/BEC/U1"), ("PATCH", "/BE/BEC/U1/E1"), ("GET", "/BE/BEC/U1/E1/1")):
        refused(cpo.call(method, rest, body if method == "PATCH" else None), 404, 2003)
    refused(cpo.call("PUT", "/BE/BEC/U1/E1", evse()), 404, 2003)
    good(cpo.call("PUT", "/BE/BEC/U1", theirs("U1")), 201)
    refused(cpo.call("PUT", "/BE/BEC/U1/E9/1", connector()), 404, 2003)
    refused(cpo.call("GET", "/BE/BEC/U1/E9"), 404, 2003)
    refused(cpo.call("GET", "/BE/BEC/T404", module="tariffs"), 404, 2001)
    refused(cpo.call("DELETE", "/BE/BEC/T404", module="tariffs"), 404, 2001)


def test_D_O4_a_foreign_party_is_404_and_other_ids_2001(cpo):
    refused(cpo.call("PUT", "/FR/ABC/F1", location("F1", "FR", "ABC")), 404, 2001)
    refused(cpo.call("PUT", "/BE/BEC/F1", location("F1", "FR", "ABC")), 200, 2001, "/country_code", "O2")
    refused(cpo.call("PUT", "/BE/BEC/F1", theirs("F2")), 200, 2001, "/id", "O3")
    refused(cpo.call("GET", "/BE/BEC/F1"), 404, 2003)


def test_D_foreign_parties_where_the_profile_takes_them():
    with Hub() as hub, Partner(role="CPO", country="BE", party="BEC") as partner:
        hub.party("NL", "EMP", ["EMSP"])
        side = Side(hub, partner, connect(hub, partner, ["EMSP"], profile={"foreignParties": True}))
        reply = good(side.call("PUT", "/FR/ABC/F1", location("F1", "FR", "ABC")), 201)
        assert "not one of your roles" in reply.body["status_message"]
        assert "status_message" not in good(side.call("PUT", "/BE/BEC/F1", theirs("F1")), 201).body
        good(side.call("PATCH", "/FR/ABC/F1/E1", {"status": "CHARGING", "last_updated": NEWER}))
        assert good(side.call("GET", "/FR/ABC/F1")).data["evses"][0]["status"] == "CHARGING"


def test_I_older_is_ignored_equal_applied(cpo):
    good(cpo.call("PUT", "/BE/BEC/I1", theirs("I1", last_updated=NEWER)), 201)
    reply = good(cpo.call("PUT", "/BE/BEC/I1", theirs("I1", name="late")))
    assert "ignored" in reply.body["status_message"]
    assert good(cpo.call("GET", "/BE/BEC/I1")).data == theirs("I1", last_updated=NEWER)
    good(cpo.call("PUT", "/BE/BEC/I1", theirs("I1", name="same time", last_updated=NEWER)))
    assert good(cpo.call("GET", "/BE/BEC/I1")).data["name"] == "same time"


def test_I_a_parent_never_blocks_its_children(cpo):
    good(cpo.call("PUT", "/BE/BEC/I2", theirs("I2", last_updated="2026-03-01T00:00:00Z")), 201)
    good(cpo.call("PATCH", "/BE/BEC/I2/E1", {"status": "CHARGING", "last_updated": NEWER}))
    good(cpo.call("PUT", "/BE/BEC/I2/E2", evse("E2")), 201)
    got = good(cpo.call("GET", "/BE/BEC/I2")).data
    assert [(e["uid"], e["status"], e["last_updated"]) for e in got["evses"]] == [("E1", "CHARGING", NEWER), ("E2", "AVAILABLE", OLD)]
    assert got["last_updated"] == "2026-03-01T00:00:00Z"
    late = good(cpo.call("PATCH", "/BE/BEC/I2/E1", {"status": "BLOCKED", "last_updated": OLD}))
    assert "ignored" in late.body["status_message"] and good(cpo.call("GET", "/BE/BEC/I2/E1")).data["status"] == "CHARGING"


def test_Y1_L_ids_compare_without_case(cpo):
    good(cpo.call("PUT", "/BE/BEC/Case1", theirs("Case1")), 201)
    good(cpo.call("PUT", "/be/bec/CASE1", location("case1", "be", "bec")), 200)
    good(cpo.call("PATCH", "/Be/Bec/caSe1/e1/1", {"max_amperage": 63, "last_updated": NEWER}))
    assert good(cpo.call("GET", "/BE/BEC/Case1/E1/1")).data["max_amperage"] == 63
    assert good(cpo.call("GET", "/BE/BEC/Case1")).data["id"] == "case1"  # the giver's own
    for step in range(3):  # everybody else: as it came first
        listed = [o["object"] for o in cpo.hub.get("/v1/received/locations?limit=100") if o["object"]["id"].lower() == "case1"]
        assert [(o["country_code"], o["party_id"], o["id"]) for o in listed] == [("BE", "BEC", "Case1")]
        good(cpo.call("PUT", "/BE/BEC/case1", theirs("CASE1", name=f"step {step}", last_updated=NEWER)))


def test_ids_that_are_too_long_or_odd(cpo):
    long = "x" * 300
    refused(cpo.call("PUT", "/BE/BEC/" + long, theirs(long)), 200, 2001, "/id", "length")
    refused(cpo.call("GET", "/BE/BEC/" + long), 404, 2003)
    uid = "u" * 300
    reply = cpo.call("PUT", "/BE/BEC/LONG", theirs("LONG", evses=[evse(uid)]))
    assert reply.ocpi_status in (1000, 2001)
    reply = cpo.call("PATCH", "/BE/BEC/LONG/" + uid, {"status": "CHARGING", "last_updated": NEWER})
    assert reply.ocpi_status in (1000, 2003)
    if reply.ocpi_status == 1000:
        assert good(cpo.call("GET", "/BE/BEC/LONG/" + uid)).data["status"] == "CHARGING"
    good(cpo.call("PUT", "/BE/BEC/a%2Fb%20c", theirs("a/b c")), 201)
    assert good(cpo.call("GET", "/BE/BEC/A%2fB%20C")).data["id"] == "a/b c"
    refused(cpo.call("GET", "/BE/BEC/a%00b"), 400, 2001)
    refused(cpo.call("PUT", "/BE/BEC/R9/%GG", evse()), 400, 2001)


def test_F1_tariffs_come_and_go(cpo):
    good(cpo.call("PUT", "/BE/BEC/T1", tariff("T1", "BE", "BEC"), module="tariffs"), 201)
    assert good(cpo.call("GET", "/BE/BEC/T1", module="tariffs")).data == tariff("T1", "BE", "BEC")
    refused(cpo.call("PATCH", "/BE/BEC/T1", {"currency": "USD", "last_updated": NEWER}, module="tariffs"), 405, 2000)
    good(cpo.call("DELETE", "/BE/BEC/T1", module="tariffs"))
    refused(cpo.call("GET", "/BE/BEC/T1", module="tariffs"), 404, 2001)
    refused(cpo.call("DELETE", "/BE/BEC/R1"), 405, 2000)  # L4


@pytest.mark.parametrize("body", [b"{", b'{"id":"J1"', b"<html>", b'{"id":"a\xff"}', b"[" * 100 + b"]" * 100, b'{"a":1,"a":2}', b""])
def test_T5_bad_json_is_400(cpo, body):
    refused(cpo.call("PUT", "/BE/BEC/J1", body), 400, 2001)
    refused(cpo.call("GET", "/BE/BEC/J1"), 404, 2003)


@pytest.mark.parametrize("body,word", [([], "type"), ("text", "type"), ({}, "required"), (theirs("Q1", coordinates="x"), "/coordinates")])
def test_refused_objects_are_2001_and_quarantined(cpo, body, word):
    refused(cpo.call("PUT", "/BE/BEC/Q1", json.dumps(body)), 200, 2001, word)
    refused(cpo.call("GET", "/BE/BEC/Q1"), 404, 2003)
    held = [q for q in cpo.hub.get(f"/v1/integrations/{cpo.integration}/quarantine") if "Q1" in json.dumps(q)]
    assert len(held) == 1 and word.strip("/") in json.dumps(held), held


def test_received_objects_are_normalised_over_v1(cpo):
    odd = theirs("N1", name=None, vendor=2.50, evses=[evse(), {"uid": "broken"}, None])
    good(cpo.call("PUT", "/BE/BEC/N1", odd), 201)
    assert good(cpo.call("GET", "/BE/BEC/N1")).data == odd
    got = cpo.hub.get(f"/v1/received/locations/{cpo.integration}/BE/BEC/N1")
    assert got["object"] == without(theirs("N1", vendor=2.50), "name") and got["warnings"]


def test_strict_profile_refuses_what_is_odd():
    with Hub() as hub, Partner(role="CPO", country="BE", party="BEC") as partner:
        hub.party("NL", "EMP", ["EMSP"])
        side = Side(hub, partner, connect(hub, partner, ["EMSP"], profile={"strict": True}))
        refused(side.call("PUT", "/BE/BEC/X1", theirs("X1", city="x" * 46)), 200, 2001, "/city", "length")
        good(side.call("PUT", "/BE/BEC/X1", theirs("X1")), 201)
