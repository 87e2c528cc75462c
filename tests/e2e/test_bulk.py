"""Bulk: POST /v1/{module} and POST /v1/evse-status."""

import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from hubtest import Hub  # noqa: E402
from objects import NEWER, OLD, cdr, evse, location, session, tariff, without  # noqa: E402


@pytest.fixture(scope="module")
def hub():
    with Hub() as started:
        started.party("NL", "ABC")
        yield started


def lines(items):
    return "\n".join(i if isinstance(i, str) else json.dumps(i) for i in items).encode()


def post(hub, path, body, ndjson=False, status=200):
    return hub.post(path, body, status=status, headers={"Content-Type": "application/x-ndjson"} if ndjson else {})


def counts(answer):
    return {k: v for k, v in answer.items() if k != "results"}


def test_an_array_is_stored_and_bad_items_do_not_stop_the_rest(hub):
    items = [location("B1"), location("B2", address=None), {"id": "B3"}, 7, location("B4"), location("B5", party="XXX")]
    answer = post(hub, "/v1/locations", items)
    assert counts(answer) == {"created": 2, "updated": 0, "unchanged": 0, "failed": 4}
    failed = {r["index"]: r for r in answer["results"]}
    assert sorted(failed) == [1, 2, 3, 5]
    assert failed[1]["id"] == "B2" and failed[1]["errors"][0]["pointer"] == "/address" and failed[1]["errors"][0]["rule"] == "required"
    assert failed[5]["errors"][0]["rule"] == "party"
    assert hub.get("/v1/locations/NL/ABC/B4") == location("B4")
    answer = post(hub, "/v1/locations", [location("B1"), location("B4", name="x")])
    assert counts(answer) == {"created": 0, "updated": 1, "unchanged": 1, "failed": 0} and answer["results"] == []


def test_ndjson_in_several_chunks(hub):
    items = [tariff(f"N{i}") for i in range(1500)]
    items[700] = '{"id": "N700",'
    answer = post(hub, "/v1/tariffs", lines(items) + b"\n\n", ndjson=True)
    assert counts(answer) == {"created": 1499, "updated": 0, "unchanged": 0, "failed": 1}
    assert answer["results"][0]["index"] == 700
    assert hub.request("GET", "/v1/tariffs?limit=1").headers["X-Total-Count"] == "1499"


def test_failures_are_listed_up_to_a_limit_and_counted(hub):
    answer = post(hub, "/v1/tariffs", lines(["{}"] * 1200), ndjson=True)
    assert answer["failed"] == 1200 and len(answer["results"]) == 1000 and answer["resultsOmitted"] == 200


def test_keep_status_leaves_the_status_as_stored(hub):
    post(hub, "/v1/locations", [location("KEEP", evses=[evse(status="CHARGING")])])
    post(hub, "/v1/locations?keepStatus=true", [location("KEEP", name="new", evses=[evse(status="AVAILABLE"), evse("E2")])])
    got = hub.get("/v1/locations/NL/ABC/KEEP")
    assert [e["status"] for e in got["evses"]] == ["CHARGING", "AVAILABLE"] and got["name"] == "new"
    post(hub, "/v1/locations", [location("KEEP", evses=[evse(status="AVAILABLE")])])
    assert hub.get("/v1/locations/NL/ABC/KEEP/E1")["status"] == "AVAILABLE"


@pytest.mark.parametrize("body", [b"[", b"[{}", b'[{"id":"Z1"},', b"{}", b"", b"[] x", b'["\\'])
def test_a_broken_array_changes_nothing(hub, body):
    whole = json.dumps(location("Z1")).encode()
    reply = hub.request("POST", "/v1/locations", body.replace(b"{}", whole))
    assert reply.status == 400 and reply.headers["Content-Type"] == "application/problem+json", reply
    assert hub.request("GET", "/v1/locations/NL/ABC/Z1").status == 404


def test_a_request_that_cannot_be_read_is_a_problem_with_a_pointer(hub):
    for path, body, pointer in (("/v1/locations", b"{}", ""), ("/v1/evse-status", b"[", ""), ("/v1/locations?keepStatus=x", b"[]", "/query/keepStatus"),
                                ("/v1/events?limit=0", None, "/query/limit"), ("/v1/locations?version=9", None, "/query/version")):
        reply = hub.request("GET" if body is None else "POST", path, body)
        assert reply.status == 400 and [e["pointer"] for e in reply.body["errors"]] == [pointer], reply


def test_other_content_types_are_415(hub):
    assert hub.request("POST", "/v1/locations", b"a,b", headers={"Content-Type": "text/csv"}).status == 415


def status(uid, value, ident="S1", **more):
    return {"country_code": "NL", "party_id": "ABC", "location_id": ident, "evse_uid": uid, "status": value, **more}


def test_evse_status(hub):
    hub.put("/v1/locations/NL/ABC/S1", location("S1", evses=[evse("E1"), evse("E2"), evse("E3")]))
    answer = post(hub, "/v1/evse-status", lines([
        status("E1", "CHARGING", last_updated=NEWER),
        status("e2", "BLOCKED"),
        status("E3", "AVAILABLE"),
        status("E1", "AVAILABLE", last_updated=OLD),
        status("E9", "AVAILABLE"),
        status("E1", "AVAILABLE", "S9"),
        status("E1", "SLEEPING"),
        {"country_code": "NL"},
        "nonsense",
    ]), ndjson=True)
    assert counts(answer) == {"updated": 2, "unchanged": 1, "stale": 1, "failed": 5}
    assert [(r["index"], r["errors"][0]["pointer"]) for r in answer["results"]][:3] == [
        (4, "/evse_uid"), (5, "/location_id"), (6, "/status")]
    got = hub.get("/v1/locations/NL/ABC/S1")
    assert [e["status"] for e in got["evses"]] == ["CHARGING", "BLOCKED", "AVAILABLE"]
    assert got["evses"][0]["last_updated"] == NEWER
    assert got["last_updated"] == got["evses"][1]["last_updated"] > NEWER  # L2
    assert got["evses"][2]["last_updated"] == OLD
    answer = post(hub, "/v1/evse-status", [status("E1", "CHARGING"), status("E1", "OUTOFORDER", last_updated=NEWER)])
    assert counts(answer) == {"updated": 1, "unchanged": 1, "stale": 0, "failed": 0}  # an equal time is applied


def test_evse_status_events_are_entries_of_their_own(hub):
    hub.put("/v1/locations/NL/ABC/EV", location("EV", evses=[evse("E1"), evse("E2")]))
    after = hub.get("/v1/events?limit=1000")["next"]
    while more := hub.get(f"/v1/events?after={after}&limit=1000")["events"]:
        after = more[-1]["seq"]
    post(hub, "/v1/evse-status", [status("E1", "CHARGING", "EV"), status("E2", "CHARGING", "EV")])
    events = hub.get(f"/v1/events?after={after}")["events"]
    assert [(e["type"], e["id"].upper(), e["evseUid"]) for e in events] == [("evse.updated", "EV", "E1"), ("evse.updated", "EV", "E2")]


def test_many_items_pass_in_little_time(hub):
    items = [location(f"M{i}", evses=[evse(f"M{i}-{k}") for k in range(2)]) for i in range(3000)]
    assert counts(post(hub, "/v1/locations", lines(items), ndjson=True)) == {"created": 3000, "updated": 0, "unchanged": 0, "failed": 0}
    changes = [status(f"M{i}-{k}", "CHARGING", f"M{i}") for i in range(3000) for k in range(2)]
    assert counts(post(hub, "/v1/evse-status", lines(changes), ndjson=True))["updated"] == 6000


def test_what_is_final_says_so(hub):
    done = session("F1", status="COMPLETED", end_date_time="2026-01-01T11:00:00Z")
    assert counts(post(hub, "/v1/sessions", [done]))["created"] == 1 and counts(post(hub, "/v1/cdrs", [cdr("F1")]))["created"] == 1
    for module, item, rule in (("sessions", {**done, "kwh": 9}, "S1"), ("cdrs", cdr("F1", total_energy=9), "D3")):
        errors = post(hub, "/v1/" + module, [item])["results"][0]["errors"]
        assert [e["rule"] for e in errors if e["rule"] in ("S1", "D3")] == [rule] and "never changes" in errors[-1]["message"]
        assert hub.request("PUT", f"/v1/{module}/NL/ABC/F1", item).status == 409


def test_an_object_of_2_1_1_needs_its_owner_too(hub):
    old = without(tariff("O1"), "country_code", "party_id")
    (failed,) = post(hub, "/v1/tariffs?version=2.1.1", [old])["results"]
    assert "add country_code and party_id" in failed["errors"][0]["message"]
    assert post(hub, "/v1/tariffs?version=2.1.1", [{**old, "country_code": "NL", "party_id": "ABC"}])["created"] == 1
