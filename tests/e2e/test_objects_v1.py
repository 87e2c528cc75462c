"""/v1/{locations,tariffs}: our own objects, one at a time, and their lists."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from hubtest import Hub, fetch  # noqa: E402
from objects import NEWER, OLD, connector, evse, location, tariff, without  # noqa: E402


@pytest.fixture(scope="module")
def hub():
    with Hub() as started:
        started.party("NL", "ABC")
        yield started


def problem(reply, status, pointer=None, rule=None):
    assert reply.status == status, reply
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.body["code"] == status and reply.body["trace_id"] == reply.headers["X-Request-ID"]
    if pointer is not None:
        assert (pointer, rule) in [(e["pointer"], e["rule"]) for e in reply.body["errors"]], reply.body


def test_put_answers_201_then_200_with_the_stored_object(hub):
    path = "/v1/locations/NL/ABC/PUT1"
    made = hub.request("PUT", path, location("PUT1"))
    assert made.status == 201 and made.body == location("PUT1")
    again = hub.request("PUT", path, location("PUT1", name="Quay"))
    assert again.status == 200 and again.body["name"] == "Quay"
    assert again.body["last_updated"] == OLD
    assert hub.get(path) == again.body


def test_the_body_need_not_repeat_the_url_nor_carry_times(hub):
    body = without(location(), "country_code", "party_id", "id", "last_updated")
    body["evses"][0]["connectors"][0]["id"] = "1"
    made = hub.request("PUT", "/v1/locations/NL/ABC/BARE", body)
    assert made.status == 201, made
    got = made.body
    assert (got["country_code"], got["party_id"], got["id"]) == ("NL", "ABC", "BARE")
    assert got["last_updated"] == got["evses"][0]["last_updated"] == got["evses"][0]["connectors"][0]["last_updated"]
    again = hub.request("PUT", "/v1/locations/nl/abc/bare", body)
    assert again.status == 200 and again.body == got  # nothing changed: no new time, the first spelling


def test_levels_are_read_and_written_on_their_own(hub):
    hub.put("/v1/locations/NL/ABC/LEVELS", location("LEVELS"))
    base = "/v1/locations/NL/ABC/LEVELS"
    made = hub.request("PUT", base + "/E2", without(evse("E2"), "uid", "last_updated"))
    assert made.status == 201 and made.body["uid"] == "E2"
    made = hub.request("PUT", base + "/E2/7", connector("7", last_updated=NEWER))
    assert made.status == 201 and made.body == connector("7", last_updated=NEWER)
    patched = hub.request("PATCH", base + "/e2/7", {"max_amperage": 32})
    assert patched.status == 200 and patched.body["max_amperage"] == 32 and patched.body["id"] == "7"
    whole = hub.get(base)
    assert [e["uid"] for e in whole["evses"]] == ["E1", "E2"]
    assert whole["last_updated"] == whole["evses"][1]["last_updated"] == patched.body["last_updated"] > NEWER  # L2
    assert whole["evses"][0]["last_updated"] == OLD
    assert hub.get(base + "/E2/7") == patched.body
    assert hub.request("DELETE", base + "/E2/1").status == 204
    assert [c["id"] for c in hub.get(base + "/E2")["connectors"]] == ["7"]
    assert hub.request("DELETE", base + "/E2/7").status == 409
    assert hub.request("DELETE", base + "/E2").status == 204
    assert hub.get(base + "/E2")["status"] == "REMOVED"  # L4
    for path in ("/E9", "/E1/9"):
        problem(hub.request("GET", base + path), 404)
        problem(hub.request("PATCH", base + path, {"last_updated": NEWER}), 404)
        problem(hub.request("DELETE", base + path), 404)
    problem(hub.request("PUT", base + "/E9/1", connector()), 404)
    problem(hub.request("PUT", "/v1/locations/NL/ABC/NONE/E1", evse()), 404)


def test_patch_merges_and_null_clears(hub):
    hub.put("/v1/locations/NL/ABC/PATCH", location("PATCH", name="Quay", operator={"name": "Op", "website": "https://op.example"}))
    got = hub.request("PATCH", "/v1/locations/NL/ABC/PATCH", {"name": None, "operator": {"name": "New"}, "last_updated": NEWER})
    assert got.status == 200, got
    assert "name" not in got.body and got.body["operator"] == {"name": "New", "website": "https://op.example"}
    assert got.body["last_updated"] == NEWER
    problem(hub.request("PATCH", "/v1/locations/NL/ABC/PATCH", {"address": None}), 400, "/address", "required")
    assert hub.get("/v1/locations/NL/ABC/PATCH") == got.body


def test_an_evse_missing_from_a_put_becomes_removed(hub):
    path = "/v1/locations/NL/ABC/GONE"
    hub.put(path, location("GONE", evses=[evse("E1"), evse("E2")]))
    got = hub.put(path, location("GONE", evses=[evse("E2")]))
    assert [(e["uid"], e["status"]) for e in got["evses"]] == [("E2", "AVAILABLE"), ("E1", "REMOVED")]
    assert got["last_updated"] == got["evses"][1]["last_updated"] > OLD


def test_delete_of_a_location_removes_its_evses(hub):
    path = "/v1/locations/NL/ABC/DEL"
    hub.put(path, location("DEL", evses=[evse("E1"), evse("E2")]))
    assert hub.request("DELETE", path).status == 204
    assert {e["status"] for e in hub.get(path)["evses"]} == {"REMOVED"}
    assert hub.request("DELETE", path).status == 204
    problem(hub.request("DELETE", "/v1/locations/NL/ABC/NEVER"), 404)
    back = hub.put(path, location("DEL", evses=[evse("E1", last_updated="2036-01-01T00:00:00Z")]))
    assert back["evses"][0]["status"] == "AVAILABLE"


def test_F2_a_tariff_that_is_named_stays(hub):
    hub.put("/v1/tariffs/NL/ABC/TN", tariff("TN"))
    hub.put("/v1/locations/NL/ABC/NAMES", location("NAMES", evses=[evse(connectors=[connector(tariff_ids=["tn"])])]))
    problem(hub.request("DELETE", "/v1/tariffs/NL/ABC/TN"), 409)
    hub.put("/v1/locations/NL/ABC/NAMES", location("NAMES"))
    assert hub.request("DELETE", "/v1/tariffs/NL/ABC/TN").status == 204
    problem(hub.request("GET", "/v1/tariffs/NL/ABC/TN"), 404)


@pytest.mark.parametrize("change,pointer,rule", [
    ({"id": "OTHER"}, "/id", "O3"),
    ({"party_id": "XYZ"}, "/party_id", "O2"),
    ({"address": None}, "/address", "required"),
    ({"publish": "yes"}, "/publish", "type"),
    ({"evses": [evse(status="BROKEN")]}, "/evses/0/status", "enum"),
    ({"evses": [evse(), evse("e1")]}, "/evses", "L9"),
    ({"city": "x" * 46}, "/city", "length"),
])
def test_a_bad_location_is_refused_by_pointer_and_nothing_changes(hub, change, pointer, rule):
    path = "/v1/locations/NL/ABC/BAD"
    hub.put(path, location("BAD"))
    problem(hub.request("PUT", path, location("BAD", **change)), 400, pointer, rule)
    assert hub.get(path) == location("BAD")


def test_an_object_needs_one_of_our_parties(hub):
    problem(hub.request("PUT", "/v1/locations/NL/XXX/L1", location(party="XXX")), 400, "/party_id", "party")


@pytest.mark.parametrize("body,status", [
    (b"{", 400), (b'{"id":1', 400), (b"[]", 400), (b'"text"', 400), (b'{"a":1,"a":2}', 400), (b'{"a":"\xff"}', 400),
    (b'{"a":"\\u0000"}', 400), (b"[" * 100 + b"]" * 100, 400), (b"", 400)])
def test_bad_json_is_a_clear_error(hub, body, status):
    problem(hub.request("PUT", "/v1/locations/NL/ABC/JSON", body), status)
    problem(hub.request("GET", "/v1/locations/NL/ABC/JSON"), 404)


def test_other_media_types_are_415(hub):
    problem(hub.request("PUT", "/v1/locations/NL/ABC/TYPE", b"{}", headers={"Content-Type": "text/xml"}), 415)


def test_if_match_is_412(hub):
    path = "/v1/locations/NL/ABC/ETAG"
    assert hub.request("PUT", path, location("ETAG"), headers={"If-Match": "*"}).status == 412 and hub.request("GET", path).status == 404
    assert hub.request("PATCH", path, {"name": "x"}, headers={"If-Match": '"1"'}).status == 404
    made = hub.request("PUT", path, location("ETAG"))
    first = made.headers["ETag"]
    assert hub.request("GET", path).headers["ETag"] == hub.request("GET", path + "/E1").headers["ETag"] == first
    changed = hub.request("PATCH", path, {"name": "x"}, headers={"If-Match": first})
    second = changed.headers["ETag"]
    assert changed.status == 200 and second != first and hub.request("GET", path).headers["ETag"] == second
    before = hub.get(path)
    for method, where, body in (("PUT", "", location("ETAG")), ("PATCH", "/E1", {"status": "CHARGING"}), ("DELETE", "", None)):
        reply = hub.request(method, path + where, body, headers={"If-Match": first})
        assert reply.status == 412 and reply.headers["ETag"] == second and str(reply.body["version"]) == second.strip('"'), reply
    assert hub.get(path) == before
    assert hub.request("DELETE", path, headers={"If-Match": second}).status == 204


def test_ids_with_slashes_and_escapes(hub):
    made = hub.request("PUT", "/v1/locations/NL/ABC/a%2Fb%20%C3%A9", without(location(), "id") | {"evses": []})
    assert made.status in (201, 400), made
    made = hub.request("PUT", "/v1/locations/NL/ABC/a%2Fb%25", without(location(evses=[]), "id"))
    assert made.status == 201 and made.body["id"] == "a/b%"
    assert hub.get("/v1/locations/NL/ABC/A%2fB%25")["id"] == "a/b%"
    problem(hub.request("GET", "/v1/locations/NL/ABC/a%00b"), 404)
    problem(hub.request("GET", "/v1/locations/NL/ABC/" + "x" * 300), 404)
    problem(hub.request("PUT", "/v1/locations/NL/ABC/" + "x" * 300, without(location(evses=[]), "id")), 400)


def test_unknown_modules_and_levels_are_404(hub):
    for path in ("/v1/nothing", "/v1/versions", "/v1/nothing/NL/ABC/1", "/v1/tariffs/NL/ABC/T1/E1", "/v1/locations/NL/ABC"):
        problem(hub.request("GET", path), 404)
    reply = hub.request("POST", "/v1/locations/NL/ABC/L1", {})
    assert reply.status == 405 and "PUT" in reply.headers["Allow"]


def test_lists_are_paged_in_creation_order():
    with Hub() as hub:
        hub.party("NL", "ABC")
        for i in range(25):
            hub.put(f"/v1/tariffs/NL/ABC/T{i}", tariff(f"T{i}", last_updated=f"2026-01-{i + 1:02}T00:00:00Z"))
        hub.put("/v1/tariffs/NL/ABC/T3", tariff("T3", currency="USD", last_updated="2026-03-01T00:00:00Z"))
        seen, url, pages = [], hub.url + "/v1/tariffs?limit=10", 0
        while url:
            reply = fetch(url, headers={"X-API-KEY": hub.admin_key})
            assert reply.status == 200 and reply.headers["X-Total-Count"] == "25" and int(reply.headers["X-Limit"]) >= 50
            seen += [t["id"] for t in reply.body]
            link, pages = reply.headers.get("Link"), pages + 1
            url = link[1:link.index(">")] if link else None
            assert not url or (url.startswith(hub.url) and "limit=10" in url and f"offset={pages * 10}" in url)
        assert seen == [f"T{i}" for i in range(25)] and pages == 3
        window = hub.request("GET", "/v1/tariffs?date_from=2026-01-05T00:00:00Z&date_to=2026-01-10T00:00:00Z")
        assert [t["id"] for t in window.body] == [f"T{i}" for i in range(4, 9)] and window.headers["X-Total-Count"] == "5"
        assert [t["id"] for t in hub.get("/v1/tariffs?offset=23")] == ["T23", "T24"]
        assert hub.get("/v1/tariffs?offset=99") == []
        assert hub.get("/v1/tariffs?version=2.2.1&limit=1")[0]["id"] == "T0"
        for query in ("limit=0", "limit=x", "offset=-1", "date_from=yesterday", "version=1.0", "position=%21%21"):
            problem(hub.request("GET", "/v1/tariffs?" + query), 400)
