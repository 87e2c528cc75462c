"""/v1/keys and what a key may do."""

import datetime
import pathlib
import re
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from hubtest import ADMIN_KEY, Hub  # noqa: E402

ALL = ["INTEGRATION.READ", "INTEGRATION.CREATE", "INTEGRATION.UPDATE", "INTEGRATION.DELETE", "PARTY.READ", "PARTY.WRITE",
       "OBJECT.READ", "OBJECT.WRITE", "EVENT.READ", "KEY.ADMIN"]


@pytest.fixture(scope="module")
def hub():
    with Hub() as hub:
        yield hub


def make(hub, permissions, **more):
    return hub.post("/v1/keys", {"name": "test", "permissions": permissions, **more})


def errors(reply):
    assert reply.status == 400, reply
    assert reply.headers["Content-Type"] == "application/problem+json"
    return {e["pointer"]: e["rule"] for e in reply.body["errors"]}


def test_a_key_is_shown_once(hub):
    reply = hub.request("POST", "/v1/keys", {"name": "backend", "permissions": ["PARTY.READ"], "rateLimit": {"burst": "10/s", "steady": "150/m"},
                                             "type": "api_key", "platformId": "default", "expires": "2100-01-01T00:00:00Z"})
    assert reply.status == 201 and set(reply.body) == {"id", "key"} and isinstance(reply.body["id"], str)
    assert reply.headers["Location"] == hub.url + "/v1/keys/" + reply.body["id"]
    one = hub.get("/v1/keys/" + reply.body["id"])
    assert one["name"] == "backend" and one["permissions"] == ["PARTY.READ"] and one["expires"] == "2100-01-01T00:00:00Z"
    assert one["rateLimit"] == {"burst": "10/s", "steady": "150/m"} and one["type"] == "api_key" and one["platformId"] == "default"
    assert one["createdBy"] == "key:admin"
    listed = hub.request("GET", "/v1/keys")
    assert one in listed.body
    assert reply.body["key"] not in str(listed.body) and reply.body["key"] not in str(one)
    assert listed.headers["X-Total-Count"] == str(len(listed.body))


def test_both_headers_are_taken(hub):
    key = make(hub, ["PARTY.READ"])["key"]
    assert hub.request("GET", "/v1/parties", key=key).status == 200
    assert hub.request("GET", "/v1/parties", key="", headers={"Authorization": "Bearer " + key}).status == 200
    assert hub.request("GET", "/v1/parties", key="", headers={"authorization": "bearer " + key}).status == 200


def test_no_or_a_bad_credential_is_401(hub):
    for headers in ({}, {"X-API-KEY": "nonsense"}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic " + ADMIN_KEY},
                    {"Authorization": "Bearer"}, {"X-API-KEY": ADMIN_KEY + "x"}):
        reply = hub.request("GET", "/v1/parties", key="", headers=headers)
        assert reply.status == 401, headers
        assert reply.headers["Content-Type"] == "application/problem+json" and reply.headers["WWW-Authenticate"]
        assert reply.body["status"] == reply.body["code"] == 401 and reply.body["message"] == reply.body["detail"]
        assert reply.body["trace_id"] == reply.headers["X-Request-ID"] and re.fullmatch(r"[0-9a-f-]{36}", reply.body["trace_id"])


@pytest.mark.parametrize("method,path,permission", [
    ("GET", "/v1/integrations", "INTEGRATION.READ"), ("POST", "/v1/integrations", "INTEGRATION.CREATE"),
    ("PUT", "/v1/integrations/1", "INTEGRATION.UPDATE"), ("PATCH", "/v1/integrations/1", "INTEGRATION.UPDATE"),
    ("DELETE", "/v1/integrations/1", "INTEGRATION.DELETE"), ("GET", "/v1/parties", "PARTY.READ"), ("POST", "/v1/parties", "PARTY.WRITE"),
    ("GET", "/v1/approved-parties", "PARTY.READ"), ("DELETE", "/v1/approved-parties/1", "PARTY.WRITE"),
    ("GET", "/v1/locations", "OBJECT.READ"), ("POST", "/v1/locations", "OBJECT.WRITE"), ("GET", "/v1/events", "EVENT.READ"),
    ("GET", "/v1/keys", "KEY.ADMIN"), ("POST", "/v1/keys", "KEY.ADMIN")])
def test_a_missing_permission_is_403_and_names_it(hub, method, path, permission):
    key = make(hub, [p for p in ALL if p != permission])["key"]
    reply = hub.request(method, path, {} if method in ("POST", "PUT", "PATCH") else None, key=key)
    assert reply.status == 403 and permission in reply.body["detail"]
    key = make(hub, [permission])["key"]
    assert hub.request(method, path, {} if method in ("POST", "PUT", "PATCH") else None, key=key).status not in (401, 403)


def test_revoking_works_at_once(hub):
    made = make(hub, ["PARTY.READ"])
    assert hub.request("GET", "/v1/parties", key=made["key"]).status == 200
    assert hub.request("DELETE", "/v1/keys/" + made["id"]).status == 204
    assert hub.request("GET", "/v1/parties", key=made["key"]).status == 401
    assert hub.request("GET", "/v1/keys/" + made["id"]).status == 404
    assert hub.request("DELETE", "/v1/keys/" + made["id"]).status == 404


def test_the_last_use_is_shown_and_survives_a_restart():
    with Hub() as hub:
        made = make(hub, ["PARTY.READ"])
        assert hub.get("/v1/keys/" + made["id"])["lastUsed"] is None
        for _ in range(20):
            assert hub.request("GET", "/v1/parties", key=made["key"]).status == 200
        used = hub.get("/v1/keys/" + made["id"])["lastUsed"]
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", used)
        hub.restart()
        assert hub.get("/v1/keys/" + made["id"])["lastUsed"] == used


def test_what_was_wrong_with_a_credential_is_said_in_the_challenge(hub):
    def challenge(**how):
        return hub.request("GET", "/v1/keys", **how).headers["WWW-Authenticate"]
    assert challenge(key="") == 'Bearer realm="ocpi-hub"'
    assert challenge(key="nonsense") == 'Bearer realm="ocpi-hub", error="invalid_token"'
    assert challenge(key=make(hub, ["PARTY.READ"])["key"]) == 'Bearer realm="ocpi-hub", error="insufficient_scope", scope="KEY.ADMIN"'


def test_one_credential_for_one_platform(hub):
    """What one before us may have read in another way is refused."""
    one, two = make(hub, ["PARTY.READ"])["key"], make(hub, ["PARTY.READ"])["key"]
    def ask(*headers):
        return hub.raw("\r\n".join(["GET /v1/parties HTTP/1.1", "Host: x", "Connection: close", *headers, "", ""]).encode())
    assert ask("X-API-KEY: " + one, "Authorization: Bearer " + one).startswith(b"HTTP/1.1 200 ")
    assert ask("X-API-KEY: " + one, "Authorization: Basic eDp5").startswith(b"HTTP/1.1 200 ")  # of a gateway
    for other in (two, "nonsense"):
        for pair in ((one, other), (other, one)):
            refused = ask("X-API-KEY: " + pair[0], "Authorization: Bearer " + pair[1])
            assert refused.startswith(b"HTTP/1.1 400 ") and b"two credentials" in refused
    for twice in ("X-API-KEY: " + one, "x-platform-id: default", "Idempotency-Key: a"):
        assert ask("X-API-KEY: " + one, twice, twice).startswith(b"HTTP/1.1 400 "), twice


def test_times_are_shown_in_utc(hub):
    for given, shown in (("2097-01-01T02:00:00+02:00", "2097-01-01T00:00:00Z"), ("2097-01-01T00:00:00", "2097-01-01T00:00:00Z"),
                         ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z")):
        assert hub.get("/v1/keys/" + make(hub, ["PARTY.READ"], expires=given)["id"])["expires"] == shown


def test_an_expired_key_is_401(hub):
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=1)
    key = make(hub, ["PARTY.READ"], expires=soon.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z")["key"]
    assert hub.request("GET", "/v1/parties", key=key).status == 200
    import time
    time.sleep(1.1)
    assert hub.request("GET", "/v1/parties", key=key).status == 401


@pytest.mark.parametrize("change,pointer,rule", [
    ({"name": None}, "/name", "required"), ({"name": ""}, "/name", "length"), ({"permissions": []}, "/permissions", "length"),
    ({"permissions": None}, "/permissions", "required"), ({"permissions": ["ALL"]}, "/permissions/0", "enum"),
    ({"type": "basic"}, "/type", "enum"), ({"platformId": "a b"}, "/platformId", "pattern"), ({"platformId": "x" * 65}, "/platformId", "length"),
    ({"expires": "tomorrow"}, "/expires", "datetime"), ({"expires": "2001-01-01T00:00:00Z"}, "/expires", "range"),
    ({"rateLimit": {"burst": "many"}}, "/rateLimit/burst", "pattern"), ({"rateLimit": {"x": "1/s"}}, "/rateLimit/x", "unknown"),
    ({"rateLimit": {"a/b~": "1/s"}}, "/rateLimit/a~1b~0", "unknown"),
    ({"rateLimit": {"burst": "0/s"}}, "/rateLimit/burst", "pattern"),
    ({"rateLimit": {"steady": "1000001/s"}}, "/rateLimit/steady", "pattern"), ({"colour": 1}, "/colour", "unknown")])
def test_a_bad_request_names_the_field(hub, change, pointer, rule):
    before = hub.get("/v1/keys?limit=1000")
    reply = hub.request("POST", "/v1/keys", {"name": "n", "permissions": ["PARTY.READ"], **change})
    assert errors(reply)[pointer] == rule
    assert hub.get("/v1/keys?limit=1000") == before


def test_keys_survive_a_restart_and_are_not_in_the_file_in_clear():
    with Hub() as hub:
        made = make(hub, ["PARTY.READ"])
        hub.restart()
        assert hub.request("GET", "/v1/parties", key=made["key"]).status == 200
        hub.stop()
        for path in hub.data.rglob("*"):
            if path.is_file():
                assert made["key"].encode() not in path.read_bytes(), path


def test_a_bootstrap_key_is_made_once_and_printed_on_stderr():
    with Hub(admin_key="") as hub:
        key = re.search(r"[A-Za-z0-9_-]{43}", hub.log())
        assert key, hub.log()
        assert hub.request("GET", "/v1/keys", key=key[0]).status == 200
        hub.restart()
        assert len(set(re.findall(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])", hub.log()))) == 1
        assert hub.request("GET", "/v1/keys", key=key[0]).status == 200


def test_the_admin_key_of_the_environment_ends_with_it():
    with Hub() as hub:
        assert hub.request("GET", "/v1/keys").status == 200
        hub.admin_key = "another-admin-key-0123456789"
        hub.restart()
        assert hub.request("GET", "/v1/keys").status == 200
        assert hub.request("GET", "/v1/keys", key=ADMIN_KEY).status == 401


def test_another_platform_is_404(hub):
    assert hub.request("GET", "/v1/keys", headers={"x-platform-id": "default"}).status == 200
    assert hub.request("GET", "/v1/keys", headers={"x-platform-id": "other"}).status == 404
