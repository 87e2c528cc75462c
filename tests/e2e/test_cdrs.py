"""CDRs: posted by a partner, read back by their URL, never changed; ours over /v1 and in the lists of those whose tokens they name."""

import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from hubtest import Hub, Partner  # noqa: E402
from objects import NEWER, Side, cdr, cdr_token, connect, good, refused  # noqa: E402


@pytest.fixture(scope="module")
def cpo():
    """We are the eMSP; the partner posts CDRs."""
    with Hub() as hub, Partner(role="CPO", country="BE", party="BEC") as partner:
        hub.party("NL", "EMP", ["EMSP"])
        yield Side(hub, partner, connect(hub, partner, ["EMSP"]))


def theirs(ident, **more):
    return cdr(ident, "BE", "BEC", token=cdr_token("NL", "EMP"), **more)


def post(side, body):
    return side.call("POST", "", body, "cdrs")


def test_D1_D2_posted_and_read_back_by_its_url(cpo):
    reply = good(post(cpo, theirs("D 1/ü")), 201)
    url = reply.headers["Location"]
    assert url.startswith(cpo.partner.hub_endpoint("cdrs", "RECEIVER") + "/BE/BEC/")
    assert good(cpo.follow("GET", url)).data == theirs("D 1/ü")
    [entry] = [e for e in cpo.hub.get("/v1/events?limit=1000")["events"] if e["module"] == "cdrs" and e["id"] == "D 1/ü"]
    assert entry["type"] == "cdr.created" and entry["direction"] == "received"
    refused(cpo.call("GET", "/BE/BEC/NONE", module="cdrs"), 404, 2001)


def test_H_the_same_again_is_no_change(cpo):
    url = good(post(cpo, theirs("H1")), 201).headers["Location"]
    before = cpo.hub.get(f"/v1/received/cdrs/{cpo.integration}/BE/BEC/H1")
    for again in (theirs("H1"), theirs("H1", last_updated=NEWER), theirs("H1", last_updated="2020-01-01T00:00:00Z"),
                  dict(reversed(theirs("H1").items())), {**theirs("H1"), "remark": None}):
        assert good(post(cpo, again), 200).headers["Location"] == url
    assert good(post(cpo, {**theirs("H1"), "id": "h1", "country_code": "be"}), 200).headers["Location"] == url  # L
    assert cpo.hub.get(f"/v1/received/cdrs/{cpo.integration}/BE/BEC/H1")["seq"] == before["seq"]


def test_D3_H_another_content_is_refused_and_the_stored_one_stays(cpo):
    url = good(post(cpo, theirs("D3")), 201).headers["Location"]
    reply = refused(post(cpo, theirs("D3", total_energy=99)), 200, 2001, "D3")
    assert "Location" not in reply.headers
    assert good(cpo.follow("GET", url)).data == theirs("D3")
    assert any(q["objectId"] == "D3" and "D3" in [p["rule"] for p in q["problems"]] for q in cpo.held()), cpo.held()
    for method in ("PUT", "PATCH", "DELETE"):
        reply = refused(cpo.follow(method, url, theirs("D3")), 405, 2000)
        assert reply.headers["Allow"] == "GET, HEAD"
    assert refused(cpo.call("GET", "", module="cdrs"), 405, 2000).headers["Allow"] == "POST"


def test_D4_a_credit_cdr_is_a_cdr_of_its_own(cpo):
    first = good(post(cpo, theirs("D4")), 201).headers["Location"]
    credit = theirs("D4-CREDIT", credit=True, credit_reference_id="D4", total_cost={"excl_vat": -2.5, "incl_vat": -3.03})
    second = good(post(cpo, credit), 201).headers["Location"]
    third = good(post(cpo, theirs("D4-NEW", total_cost={"excl_vat": 2.0})), 201).headers["Location"]
    assert [good(cpo.follow("GET", u)).data["id"] for u in (first, second, third)] == ["D4", "D4-CREDIT", "D4-NEW"]


def test_D_foreign_owners_and_broken_cdrs_are_quarantined(cpo):
    refused(post(cpo, cdr("F1", "FR", "XXX")), 200, 2001, "/party_id")
    broken = theirs("F2")
    del broken["total_cost"]
    refused(post(cpo, broken), 200, 2001, "/total_cost", "required")
    assert {"F1", "F2"} <= {q["objectId"] for q in cpo.held()}
    assert post(cpo, b"{").status == 400  # T5
    refused(post(cpo, b"[]"), 200, 2001)


def test_own_cdrs_over_v1(cpo):
    hub, path = cpo.hub, "/v1/cdrs/NL/ABC/V1"
    hub.party("NL", "ABC", ["CPO"])
    assert hub.put(path, cdr("V1"), 201) == cdr("V1")
    assert hub.put(path, cdr("V1"), 200) == cdr("V1")
    assert hub.put(path, cdr("V1", last_updated=NEWER), 200) == cdr("V1")
    assert hub.request("PUT", path, cdr("V1", total_energy=2)).status == 409
    for method in ("PATCH", "DELETE"):
        reply = hub.request(method, path, {"remark": "x"} if method == "PATCH" else None)
        assert reply.status == 405 and "PUT" in reply.headers["Allow"] and method not in reply.headers["Allow"]
    assert hub.get(path) == cdr("V1")
    assert hub.request("PUT", "/v1/cdrs/NL/EMP/V2", cdr("V2", "NL", "EMP")).status == 400  # no CPO
    answer = hub.post("/v1/cdrs", [cdr("V1"), cdr("V3"), cdr("V1", total_energy=3)], 200)
    assert (answer["created"], answer["unchanged"], answer["failed"]) == (1, 1, 1) and answer["results"][0]["id"] == "V1"
    stored = json.dumps(hub.get("/v1/cdrs?limit=100"))
    assert '"V1"' in stored and '"V3"' in stored


def test_D11_a_partner_lists_those_of_its_tokens(cpo):
    with Partner(role="EMSP", country="DE", party="EMS") as partner, Hub() as hub:
        hub.party("NL", "ABC", ["CPO"])
        hub.party("NL", "OTH", ["CPO"])
        side = Side(hub, partner, connect(hub, partner, ["CPO"], ourParties=[{"countryCode": "NL", "partyId": "ABC", "roles": ["CPO"]}]))
        hub.put("/v1/cdrs/NL/ABC/MINE", cdr("MINE"), 201)
        hub.put("/v1/cdrs/NL/ABC/CASE", cdr("CASE", token=cdr_token("de", "ems")), 201)
        hub.put("/v1/cdrs/NL/ABC/FOREIGN", cdr("FOREIGN", token=cdr_token("FR", "FRE")), 201)
        hub.put("/v1/cdrs/NL/OTH/ELSE", cdr("ELSE", "NL", "OTH"), 201)
        reply = good(side.sender("cdrs"))
        assert [c["id"] for c in reply.data] == ["MINE", "CASE"] and reply.headers["X-Total-Count"] == "2"
        window = good(side.sender("cdrs", "?date_from=2025-01-01T00:00:00Z&limit=1"))
        assert [c["id"] for c in window.data] == ["MINE"] and window.headers["X-Total-Count"] == "2" and "Link" in window.headers
