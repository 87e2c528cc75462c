"""Tokens: what a partner gives us as eMSP, what a CPO reads of ours, and ours over /v1."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from hubtest import Hub, Partner  # noqa: E402
from objects import NEWER, Side, connect, good, refused, token  # noqa: E402


@pytest.fixture(scope="module")
def giver():
    """We are the CPO; the partner gives tokens."""
    with Hub() as hub, Partner(role="EMSP", country="DE", party="EMS") as partner:
        hub.party("NL", "ABC", ["CPO"])
        yield Side(hub, partner, connect(hub, partner, ["CPO"]))


@pytest.fixture(scope="module")
def reader():
    """We are the eMSP; the partner reads tokens."""
    with Hub() as hub, Partner(role="CPO", country="BE", party="BEC") as partner:
        hub.party("NL", "EMP", ["EMSP"])
        yield Side(hub, partner, connect(hub, partner, ["EMSP"]))


def theirs(uid, **more):
    return token(uid, "DE", "EMS", **more)


# ---- receiver


def test_T8_put_answers_201_then_200_and_get_gives_the_token_back(giver):
    good(giver.call("PUT", "/DE/EMS/A1", theirs("A1"), "tokens"), 201)
    good(giver.call("PUT", "/DE/EMS/A1", theirs("A1", visual_number="V1"), "tokens"), 200)
    assert good(giver.call("GET", "/DE/EMS/A1", module="tokens")).data == theirs("A1", visual_number="V1")
    [held] = [t for t in giver.hub.get("/v1/received/tokens?limit=100") if t["object"]["uid"] == "A1"]
    assert held["object"] == theirs("A1", visual_number="V1") and held["integrationId"] == giver.integration


def test_K2_the_type_is_part_of_the_identity(giver):
    app = theirs("K2", type="APP_USER")
    good(giver.call("PUT", "/DE/EMS/K2?type=APP_USER", app, "tokens"), 201)
    refused(giver.call("GET", "/DE/EMS/K2", module="tokens"), 404, 2004)
    assert good(giver.call("GET", "/DE/EMS/K2?type=APP_USER", module="tokens")).data == app
    good(giver.call("PUT", "/DE/EMS/K2", theirs("K2"), "tokens"), 201)
    good(giver.call("PATCH", "/DE/EMS/K2?type=APP_USER", {"valid": False, "last_updated": NEWER}, "tokens"))
    assert good(giver.call("GET", "/DE/EMS/K2", module="tokens")).data == theirs("K2")
    assert good(giver.call("GET", "/DE/EMS/K2?type=APP_USER", module="tokens")).data["valid"] is False
    refused(giver.call("PUT", "/DE/EMS/K2?type=OTHER", app, "tokens"), 200, 2001, "/type", "K2")
    base = f"/v1/received/tokens/{giver.integration}/DE/EMS/K2"
    assert giver.hub.get(base)["object"]["type"] == "RFID"
    assert giver.hub.get(base + "?type=APP_USER")["object"]["valid"] is False
    types = {e["tokenType"] for e in giver.hub.get("/v1/events?limit=1000")["events"] if e["type"].startswith("token.") and e["id"] == "K2"}
    assert types == {"RFID", "APP_USER"}


def test_K2_a_put_without_a_type_takes_what_the_token_says(giver):
    good(giver.call("PUT", "/DE/EMS/K3", theirs("K3", type="AD_HOC_USER"), "tokens"), 201)
    assert good(giver.call("GET", "/DE/EMS/K3?type=AD_HOC_USER", module="tokens")).data["uid"] == "K3"


def test_K1_changes_come_by_patch_and_nothing_is_deleted(giver):
    good(giver.call("PUT", "/DE/EMS/K1", theirs("K1"), "tokens"), 201)
    good(giver.call("PATCH", "/DE/EMS/K1", {"valid": False, "last_updated": NEWER}, "tokens"))
    assert good(giver.call("GET", "/DE/EMS/K1", module="tokens")).data == theirs("K1", valid=False, last_updated=NEWER)
    reply = refused(giver.call("DELETE", "/DE/EMS/K1", module="tokens"), 405, 2000)
    assert "PUT" in reply.headers["Allow"] and "DELETE" not in reply.headers["Allow"]


def test_K4_C_unknown_tokens_are_2004(giver):
    refused(giver.call("GET", "/DE/EMS/NONE", module="tokens"), 404, 2004)
    refused(giver.call("PATCH", "/DE/EMS/NONE", {"valid": False, "last_updated": NEWER}, "tokens"), 404, 2004)


def test_O7_O3_D_what_is_refused(giver):
    good(giver.call("PUT", "/DE/EMS/O7", theirs("O7"), "tokens"), 201)
    refused(giver.call("PATCH", "/DE/EMS/O7", {"valid": False}, "tokens"), 200, 2001, "/last_updated")
    refused(giver.call("PUT", "/DE/EMS/O7", theirs("OTHER"), "tokens"), 200, 2001, "/uid", "O3")
    refused(giver.call("PUT", "/DE/XXX/O7", token("O7", "DE", "XXX"), "tokens"), 404, 2001)


def test_I_older_is_ignored(giver):
    good(giver.call("PUT", "/DE/EMS/I1", theirs("I1", last_updated=NEWER), "tokens"), 201)
    assert "ignored" in good(giver.call("PUT", "/DE/EMS/I1", theirs("I1", valid=False), "tokens")).body["status_message"]
    assert good(giver.call("GET", "/DE/EMS/I1", module="tokens")).data["valid"] is True


# ---- sender, and /v1


def test_our_tokens_go_to_those_who_charge(reader):
    reader.hub.put("/v1/tokens/NL/EMP/T1", token("T1"), 201)
    reader.hub.put("/v1/tokens/NL/EMP/T2?type=APP_USER", token("T2", type="APP_USER"), 201)
    reply = good(reader.sender("tokens"))
    assert {(t["uid"], t["type"]) for t in reply.data} >= {("T1", "RFID"), ("T2", "APP_USER")}
    assert int(reply.headers["X-Total-Count"]) == len(reply.data)
    window = good(reader.sender("tokens", "?date_from=2026-01-01T00:00:00Z&date_to=2026-01-01T00:00:01Z"))
    assert {t["uid"] for t in window.data} >= {"T1", "T2"}  # P2
    with Partner(role="EMSP", country="FR", party="FRE") as other:
        reader.hub.party("NL", "BTH", ["CPO", "EMSP"])
        reader.hub.put("/v1/tokens/NL/BTH/T9", token("T9", "NL", "BTH"), 201)
        side = Side(reader.hub, other, connect(reader.hub, other, ["CPO", "EMSP"], ourParties=[
            {"countryCode": "NL", "partyId": "BTH", "roles": ["CPO", "EMSP"]}]))
        assert good(side.sender("tokens")).data == []  # an eMSP has no use for them


def test_own_tokens_over_v1(reader):
    hub, path = reader.hub, "/v1/tokens/NL/EMP/OWN"
    assert hub.put(path, token("OWN"), 201) == token("OWN")
    assert hub.put(path, token("OWN"), 200) == token("OWN")
    assert hub.request("GET", path + "?type=APP_USER").status == 404
    assert hub.put(path + "?type=APP_USER", token("OWN", type="APP_USER"), 201)["type"] == "APP_USER"
    wrong = hub.request("PUT", path + "?type=OTHER", token("OWN"))
    assert wrong.status == 400 and wrong.body["errors"][0]["pointer"] == "/type"
    assert hub.request("PATCH", path, {"visual_number": "V"}).body["visual_number"] == "V"
    assert hub.request("PUT", "/v1/tokens/NL/ZZZ/OWN", token("OWN", "NL", "ZZZ")).status == 400
    assert hub.request("DELETE", path).status == 204  # K1
    assert hub.get(path)["valid"] is False
    assert hub.get(path + "?type=APP_USER")["valid"] is True
    assert hub.request("DELETE", path).status == 204
    assert hub.request("DELETE", "/v1/tokens/NL/EMP/NONE").status == 404


def test_tokens_in_bulk(reader):
    many = [token(f"B{i}", type="RFID" if i % 2 else "OTHER") for i in range(10)] + [token("BX", "NL", "ZZZ")]
    answer = reader.hub.post("/v1/tokens", many, 200)
    assert (answer["created"], answer["failed"]) == (10, 1) and answer["results"][0]["index"] == 10
    assert reader.hub.post("/v1/tokens", many[:10], 200)["unchanged"] == 10
    assert reader.hub.get("/v1/tokens/NL/EMP/B1")["uid"] == "B1" and reader.hub.get("/v1/tokens/NL/EMP/B2?type=OTHER")["uid"] == "B2"
    events = [e for e in reader.hub.get("/v1/events?limit=1000&include=object")["events"] if e["id"] == "B2"]
    assert [(e["type"], e["direction"], e["tokenType"], e["object"]["uid"]) for e in events] == [("token.created", "own", "OTHER", "B2")]
