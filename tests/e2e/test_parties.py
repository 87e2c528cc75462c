"""/v1/parties and /v1/approved-parties."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from hubtest import Hub  # noqa: E402

PARTY = {"countryCode": "NL", "partyId": "ABC", "roles": ["CPO"],
         "businessDetails": {"name": "Alpha", "website": "https://alpha.example", "logo": {"url": "https://alpha.example/l.png",
                                                                                          "category": "OPERATOR", "type": "png"}}}
APPROVED = {"name": "Beta Roaming", "countryCode": "DE", "partyId": "BET", "roles": ["EMSP", "HUB"], "endpointUrl": "https://beta.example/ocpi/versions",
            "profile": {"tokenEncoding": "raw", "strict": True, "foreignParties": False, "dateFromOptional": True, "pageLimit": 20, "timeoutMs": 5000}}


@pytest.fixture
def hub():
    with Hub() as hub:
        yield hub


def errors(reply):
    assert reply.status == 400, reply
    return {e["pointer"]: e["rule"] for e in reply.body["errors"]}


def test_party_life(hub):
    reply = hub.request("POST", "/v1/parties", PARTY)
    assert reply.status == 201 and reply.headers["Location"] == f"{hub.url}/v1/parties/{reply.body['id']}"
    path = "/v1/parties/" + reply.body["id"]
    assert {k: reply.body[k] for k in PARTY} == PARTY
    assert hub.get(path) == reply.body
    changed = hub.put(path, {**reply.body, "roles": ["CPO", "EMSP"]}, status=200)
    assert changed["roles"] == ["CPO", "EMSP"] and changed["businessDetails"] == PARTY["businessDetails"]
    details = PARTY["businessDetails"]
    patched = hub.request("PATCH", path, {"businessDetails": {"website": "https://moved.example", "logo": None}})  # RFC 7396
    assert patched.status == 200 and patched.body["businessDetails"] == {"name": details["name"], "website": "https://moved.example"}
    assert errors(hub.request("PATCH", path, {"businessDetails": {"name": None}})) == {"/businessDetails/name": "required"}
    patched = hub.request("PATCH", path, {"businessDetails": None})
    assert patched.status == 200 and patched.body["businessDetails"] is None and patched.body["roles"] == ["CPO", "EMSP"]
    assert hub.request("DELETE", path).status == 204
    assert hub.request("GET", path).status == 404 and hub.request("DELETE", path).status == 404 and hub.request("PUT", path, PARTY).status == 404
    assert hub.request("POST", "/v1/parties", PARTY).status == 201  # its name is free again


def test_party_is_unique_by_country_and_id(hub):
    first = hub.post("/v1/parties", PARTY)
    reply = hub.request("POST", "/v1/parties", {**PARTY, "countryCode": "nl", "partyId": "abc"})
    assert reply.status == 409 and "countryCode" in reply.body["detail"]
    other = hub.post("/v1/parties", {**PARTY, "partyId": "DEF"})
    assert hub.request("PATCH", "/v1/parties/" + other["id"], {"partyId": "ABC"}).status == 409
    assert hub.get("/v1/parties") == [first, other]
    assert hub.request("PATCH", "/v1/parties/" + other["id"], {"partyId": "GHI"}).status == 200
    assert hub.request("POST", "/v1/parties", {**PARTY, "partyId": "DEF"}).status == 201


@pytest.mark.parametrize("change,pointer,rule", [
    ({"countryCode": "NLD"}, "/countryCode", "length"), ({"countryCode": None}, "/countryCode", "required"), ({"partyId": "AB"}, "/partyId", "length"),
    ({"partyId": "A-B"}, "/partyId", "pattern"), ({"partyId": 123}, "/partyId", "type"), ({"roles": []}, "/roles", "length"),
    ({"roles": "CPO"}, "/roles", "type"), ({"roles": ["MSP"]}, "/roles/0", "enum"), ({"businessDetails": {}}, "/businessDetails/name", "required"),
    ({"businessDetails": {"name": 1}}, "/businessDetails/name", "type"), ({"businessDetails": {"name": "x", "y": 1}}, "/businessDetails/y", "unknown"),
    ({"size": 3}, "/size", "unknown")])
def test_bad_parties_are_refused_by_pointer(hub, change, pointer, rule):
    assert errors(hub.request("POST", "/v1/parties", {**PARTY, **change}))[pointer] == rule
    assert hub.get("/v1/parties") == []


@pytest.mark.parametrize("details,pointer,rule", [
    ({"name": "x" * 101}, "/name", "length"), ({"name": None}, "/name", "required"), ({"name": "x", "website": 7}, "/website", "type"),
    ({"name": "x", "logo": "l.png"}, "/logo", "type"), ({"name": "x", "logo": {}}, "/logo/url", "required"),
    ({"name": "x", "logo": {"url": "https://x.example/l.png", "category": "BADGE", "type": "png"}}, "/logo/category", "enum"),
    ({"name": "x", "logo": {"url": "https://x.example/l.png", "category": "OTHER", "type": "png", "width": "1"}}, "/logo/width", "type")])
def test_business_details_are_what_partners_may_get(hub, details, pointer, rule):
    assert errors(hub.request("POST", "/v1/parties", {**PARTY, "businessDetails": details}))["/businessDetails" + pointer] == rule
    assert hub.get("/v1/parties") == []


@pytest.mark.parametrize("path,body", [("/v1/parties", PARTY), ("/v1/approved-parties", APPROVED)])
def test_if_match_is_412(hub, path, body):
    made = hub.request("POST", path, body)
    one = f"{path}/{made.body['id']}"
    assert made.headers["ETag"] == hub.request("GET", one).headers["ETag"] == '"1"'
    changed = hub.request("PUT", one, body, headers={"If-Match": '"1"'})
    assert changed.status == 200 and changed.headers["ETag"] == '"2"'
    for method, sent in (("PUT", body), ("PATCH", {"roles": ["HUB"]}), ("DELETE", None)):
        reply = hub.request(method, one, sent, headers={"If-Match": '"1"'})
        assert reply.status == 412 and reply.body["version"] == 2 and reply.headers["ETag"] == '"2"', reply
    assert hub.get(one) == changed.body
    assert hub.request("DELETE", one, headers={"If-Match": '"2"'}).status == 204


def test_what_is_null_in_business_details_is_not_there(hub):
    details = {"name": "ABC", "website": None, "logo": {"url": "https://abc.example.com/l.png", "thumbnail": None, "category": "OPERATOR", "type": "png"}}
    kept = {"name": "ABC", "logo": {"url": "https://abc.example.com/l.png", "category": "OPERATOR", "type": "png"}}
    party = hub.post("/v1/parties", {**PARTY, "businessDetails": details})
    assert party["businessDetails"] == kept and hub.get("/v1/parties/" + party["id"])["businessDetails"] == kept


def test_malformed_bodies(hub):
    for body, status in ((b"", 400), (b"{", 400), (b"[]", 400), (b'"{}"', 400), (b"null", 400), (b'{"roles":["CPO"],"roles":[]}', 400),
                         (b"\xff", 400), (b'{"partyId":"A\\u0000B"}', 400), (b"[" * 100, 400)):
        assert hub.request("POST", "/v1/parties", body).status == status, body
    for method, path, header, types in (("POST", "/v1/parties", "Accept", "application/json"),
                                        ("PATCH", "/v1/parties/1", "Accept-Patch", "application/merge-patch+json, application/json")):
        reply = hub.request(method, path, PARTY, headers={"Content-Type": "application/json-patch+json"})
        assert reply.status == 415 and reply.headers[header] == types
    assert hub.request("POST", "/v1/parties/1", PARTY).status == 405
    assert hub.request("PATCH", "/v1/parties", PARTY).headers["Allow"]
    assert hub.get("/v1/parties") == []


def test_a_patch_of_nothing_is_400(hub):
    party = hub.post("/v1/parties", PARTY)
    for body in ({}, {"id": "1"}, {"created": "x"}):
        assert errors(hub.request("PATCH", "/v1/parties/" + party["id"], body))[""] == "empty"
    assert hub.get("/v1/parties/" + party["id"]) == party


def test_lists_have_pages(hub):
    made = [hub.post("/v1/parties", {**PARTY, "partyId": "A%02d" % i}) for i in range(5)]
    reply = hub.request("GET", "/v1/parties?limit=2")
    assert reply.body == made[:2] and reply.headers["X-Total-Count"] == "5"
    seen = list(reply.body)
    while "Link" in reply.headers:
        url, rel = reply.headers["Link"].split(";")
        assert rel.strip() == 'rel="next"'
        reply = hub.request("GET", url.strip("<> ")[len(hub.url):])
        seen += reply.body
    assert seen == made
    assert hub.request("GET", "/v1/parties?offset=5").body == []
    for query in ("limit=0", "limit=-1", "offset=x", "limit=1.5"):
        assert hub.request("GET", "/v1/parties?" + query).status == 400, query


def test_a_party_in_use_stays(hub):
    party = hub.post("/v1/parties", PARTY)
    integration = hub.post("/v1/integrations", {"integrationName": "n", "ocpiConnection": {"customerRoles": ["CPO"]}})
    reply = hub.request("DELETE", "/v1/parties/" + party["id"])
    assert reply.status == 409 and "integration" in reply.body["detail"]
    assert hub.request("PATCH", "/v1/parties/" + party["id"], {"partyId": "XYZ"}).status == 409
    assert hub.request("PATCH", "/v1/parties/" + party["id"], {"businessDetails": {"name": "New name"}}).status == 200
    assert hub.request("DELETE", "/v1/integrations/" + integration["id"]).status == 204
    assert hub.request("DELETE", "/v1/parties/" + party["id"]).status == 204


def test_a_party_that_owns_objects_stays(hub):
    party = hub.post("/v1/parties", PARTY)
    location = {"country_code": "NL", "party_id": "ABC", "id": "L1", "publish": True, "address": "Street 1", "city": "Town", "country": "NLD",
                "coordinates": {"latitude": "52.1", "longitude": "5.1"}, "time_zone": "Europe/Amsterdam"}
    assert hub.request("PUT", "/v1/locations/NL/ABC/L1", location).status == 201
    reply = hub.request("DELETE", "/v1/parties/" + party["id"])
    assert reply.status == 409 and "objects" in reply.body["detail"]


def test_approved_party_life(hub):
    reply = hub.request("POST", "/v1/approved-parties", APPROVED)
    assert reply.status == 201 and isinstance(reply.body["id"], int)
    path = f"/v1/approved-parties/{reply.body['id']}"
    assert reply.headers["Location"] == hub.url + path
    assert {k: reply.body[k] for k in APPROVED} == APPROVED and hub.get(path) == reply.body
    assert hub.get("/v1/approved-parties") == [reply.body]
    patched = hub.request("PATCH", path, {"profile": {"strict": False}})
    assert patched.status == 200 and patched.body["profile"] == {**APPROVED["profile"], "strict": False}
    replaced = hub.put(path, {"name": "Beta"}, status=200)
    assert replaced["endpointUrl"] is None and replaced["roles"] == [] and set(replaced["profile"].values()) == {None}
    assert hub.request("DELETE", path).status == 204 and hub.get("/v1/approved-parties") == []


@pytest.mark.parametrize("change,pointer,rule", [
    ({"name": None}, "/name", "required"), ({"endpointUrl": "ftp://x"}, "/endpointUrl", "url"), ({"profile": {"pageLimit": 0}}, "/profile/pageLimit", "range"),
    ({"profile": {"tokenEncoding": "hex"}}, "/profile/tokenEncoding", "enum"), ({"profile": 1}, "/profile", "type"),
    ({"profile": {"x": 1}}, "/profile/x", "unknown"), ({"roles": ["X"]}, "/roles/0", "enum")])
def test_bad_approved_parties_are_refused_by_pointer(hub, change, pointer, rule):
    assert errors(hub.request("POST", "/v1/approved-parties", {**APPROVED, **change}))[pointer] == rule
    assert hub.get("/v1/approved-parties") == []


def test_peer_urls_must_be_public_and_https_without_insecure_peers():
    with Hub(insecure=False) as hub:
        for url in ("http://beta.example/", "https://127.0.0.1/", "https://localhost/x", "https://10.1.2.3/", "file:///etc/passwd", "https://[::1]/"):
            assert errors(hub.request("POST", "/v1/approved-parties", {**APPROVED, "endpointUrl": url}))["/endpointUrl"] == "url"
        assert hub.request("POST", "/v1/approved-parties", APPROVED).status == 201


def test_parties_survive_kill_9(hub):
    party = hub.post("/v1/parties", PARTY)
    hub.kill9()
    hub.start()
    assert hub.get("/v1/parties") == [party]
