"""OAuth2 client credentials: RFC 6749 (token), RFC 7009 (revocation), RFC 8414 (metadata)."""

import base64
import pathlib
import sys
import time
import urllib.parse

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from hubtest import Hub, fetch  # noqa: E402

PERMISSIONS = ["PARTY.READ", "EVENT.READ"]


@pytest.fixture(scope="module")
def hub():
    with Hub() as hub:
        yield hub


def client(hub, permissions=PERMISSIONS, **more):
    made = hub.post("/v1/keys", {"name": "backend", "type": "oauth2", "permissions": permissions, **more})
    assert set(made) == {"id", "clientId", "clientSecret"}
    return made


def basic(ident, secret):
    pair = urllib.parse.quote(ident, safe="") + ":" + urllib.parse.quote(secret, safe="")
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def form(hub, path, headers=None, **fields):
    return fetch(hub.url + path, "POST", urllib.parse.urlencode(fields),
                 {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})})


def ask(hub, made, headers=None, **fields):
    return form(hub, "/oauth2/token", headers or basic(made["clientId"], made["clientSecret"]),
                **{"grant_type": "client_credentials", **fields})


def bearer(hub, token, path="/v1/parties", method="GET"):
    return hub.request(method, path, key="", headers={"Authorization": "Bearer " + token})


def test_a_token_by_basic_and_by_form(hub):
    made = client(hub)
    by_form = form(hub, "/oauth2/token", grant_type="client_credentials", client_id=made["clientId"], client_secret=made["clientSecret"])
    tokens = set()
    for reply in (ask(hub, made), by_form):
        assert reply.status == 200, reply
        assert set(reply.body) == {"access_token", "token_type", "expires_in", "scope"}
        assert reply.body["token_type"] == "Bearer" and 3590 <= reply.body["expires_in"] <= 3600
        assert reply.body["scope"] == " ".join(PERMISSIONS)
        assert reply.headers["Cache-Control"] == "no-store" and reply.headers["Pragma"] == "no-cache"
        assert reply.headers["Content-Type"] == "application/json"
        assert bearer(hub, reply.body["access_token"]).status == 200
        assert hub.request("GET", "/v1/parties", key=reply.body["access_token"]).status == 200  # X-API-KEY takes one, too
        tokens.add(reply.body["access_token"])
    assert len(tokens) == 2


def test_a_scope_is_a_part_of_the_permissions(hub):
    made = client(hub)
    reply = ask(hub, made, scope="EVENT.READ")
    assert reply.body["scope"] == "EVENT.READ"
    refused = bearer(hub, reply.body["access_token"])
    assert refused.status == 403 and "PARTY.READ" in refused.body["detail"]
    assert refused.headers["WWW-Authenticate"] == 'Bearer realm="ocpi-hub", error="insufficient_scope", scope="PARTY.READ"'
    assert bearer(hub, reply.body["access_token"], "/v1/events").status == 200
    for scope in ("KEY.ADMIN", "EVENT.READ KEY.ADMIN", "everything"):
        reply = ask(hub, made, scope=scope)
        assert (reply.status, reply.body["error"]) == (400, "invalid_scope"), scope


@pytest.mark.parametrize("fields,status,error", [
    ({"grant_type": ""}, 400, "invalid_request"), ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ({"client_secret": "again"}, 400, "invalid_request"), ({"client_id": "another"}, 400, "invalid_request")])
def test_a_bad_request_has_the_errors_of_the_rfc(hub, fields, status, error):
    reply = ask(hub, client(hub), **fields)
    assert reply.status == status and reply.body["error"] == error and reply.body["error_description"]
    assert reply.headers["Content-Type"] == "application/json" and reply.headers["Cache-Control"] == "no-store"


def test_bad_clients_are_401_and_told_how(hub):
    made = client(hub)
    key = hub.post("/v1/keys", {"name": "key", "permissions": ["PARTY.READ"]})
    gone = client(hub)
    assert hub.request("DELETE", "/v1/keys/" + gone["id"]).status == 204
    for ident, secret in ((made["clientId"], made["clientSecret"] + "x"), (made["clientId"], ""), ("", ""), ("nobody", "nothing"),
                          (gone["clientId"], gone["clientSecret"]), (made["id"], made["clientSecret"]), (key["id"], key["key"])):
        reply = form(hub, "/oauth2/token", basic(ident, secret), grant_type="client_credentials")
        assert (reply.status, reply.body["error"]) == (401, "invalid_client"), (ident, secret)
        assert reply.headers["WWW-Authenticate"].startswith("Basic ") and reply.headers["Cache-Control"] == "no-store"
    assert form(hub, "/oauth2/token", grant_type="client_credentials").body["error"] == "invalid_client"
    assert hub.request("GET", "/v1/parties", key=made["clientSecret"]).status == 401  # a client's secret is no API key


def test_only_forms_and_only_post(hub):
    made = client(hub)
    reply = fetch(hub.url + "/oauth2/token", "POST", {"grant_type": "client_credentials"}, basic(made["clientId"], made["clientSecret"]))
    assert (reply.status, reply.body["error"]) == (400, "invalid_request")
    for path in ("/oauth2/token", "/oauth2/revoke"):
        reply = fetch(hub.url + path)
        assert reply.status == 405 and reply.headers["Allow"] == "POST"
        assert form(hub, path, **{"x": "y" * 20000}).status == 413
    assert fetch(hub.url + "/oauth2/other").status == 404 and fetch(hub.url + "/.well-known/other").status == 404


def test_revocation(hub):
    one, two = client(hub), client(hub)
    token = ask(hub, one).body["access_token"]
    auth = basic(one["clientId"], one["clientSecret"])
    reply = form(hub, "/oauth2/revoke", basic(two["clientId"], two["clientSecret"]), token=token)
    assert (reply.status, reply.body["error"]) == (400, "invalid_grant")
    assert bearer(hub, token).status == 200
    assert form(hub, "/oauth2/revoke", token=token).status == 401
    reply = form(hub, "/oauth2/revoke", auth, token=token, token_type_hint="access_token")
    assert reply.status == 200 and reply.body is None and reply.headers["Cache-Control"] == "no-store"
    refused = bearer(hub, token)
    assert refused.status == 401 and refused.headers["WWW-Authenticate"] == 'Bearer realm="ocpi-hub", error="invalid_token"'
    assert form(hub, "/oauth2/revoke", auth, token=token).status == 200  # revoked already
    told = hub.get("/v1/audit?resource=/oauth2")
    assert [(e["action"], e["actor"], e["keyId"]) for e in told if e["action"] != "denied"] == [("revoke", "client:backend", one["id"])]
    assert token not in str(told)
    assert form(hub, "/oauth2/revoke", auth, token="nonsense").status == 200
    assert form(hub, "/oauth2/revoke", auth).body["error"] == "invalid_request"


def test_tokens_end_with_their_client(hub):
    made = client(hub)
    token = ask(hub, made).body["access_token"]
    assert bearer(hub, token).status == 200
    assert hub.request("DELETE", "/v1/keys/" + made["id"]).status == 204
    assert bearer(hub, token).status == 401


def test_a_token_does_not_outlive_its_client(hub):
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3))
    made = client(hub, expires=soon)
    reply = ask(hub, made)
    assert 0 < reply.body["expires_in"] <= 3 and bearer(hub, reply.body["access_token"]).status == 200
    time.sleep(3.1)
    assert bearer(hub, reply.body["access_token"]).status == 401 and ask(hub, made).body["error"] == "invalid_client"


def test_a_client_has_256_tokens_and_the_oldest_gives_way(hub):
    made, other = client(hub), client(hub)
    kept = ask(hub, other).body["access_token"]
    tokens = []
    for i in range(258):
        tokens.append(ask(hub, made).body["access_token"])
        time.sleep(0.005 if i < 4 else 0)  # of two that were made in one millisecond neither is the older one
    assert [bearer(hub, token).status for token in tokens[:4]] == [401, 401, 200, 200] and bearer(hub, tokens[-1]).status == 200
    assert bearer(hub, kept).status == 200


def test_a_parameter_given_twice_is_refused(hub):
    made = client(hub)
    auth = {**basic(made["clientId"], made["clientSecret"]), "Content-Type": "application/x-www-form-urlencoded"}
    for body in ("grant_type=client_credentials&grant_type=client_credentials", "grant_type=client_credentials&scope=EVENT.READ&scope=PARTY.READ"):
        reply = fetch(hub.url + "/oauth2/token", "POST", body, auth)
        assert (reply.status, reply.body["error"]) == (400, "invalid_request"), body


def test_metadata(hub):
    reply = fetch(hub.url + "/.well-known/oauth-authorization-server")
    assert reply.status == 200 and reply.headers["Content-Type"] == "application/json"
    told = reply.body
    assert told["issuer"] == hub.url and told["grant_types_supported"] == ["client_credentials"] and told["response_types_supported"] == []
    assert told["token_endpoint"] == hub.url + "/oauth2/token" and told["revocation_endpoint"] == hub.url + "/oauth2/revoke"
    assert set(told["token_endpoint_auth_methods_supported"]) == {"client_secret_basic", "client_secret_post"}
    assert "INTEGRATION.UPDATE" in told["scopes_supported"] and len(told["scopes_supported"]) == 10


def test_lists_show_no_secret_and_name_the_client(hub):
    made = client(hub, rateLimit={"burst": "100/s"})
    one = hub.get("/v1/keys/" + made["id"])
    assert one["type"] == "oauth2" and one["clientId"] == made["clientId"] and made["clientSecret"] not in str(one)
    assert made["clientSecret"] not in str(hub.get("/v1/keys?limit=100"))


def test_tokens_expire_survive_a_restart_and_lie_hashed():
    with Hub("--token-seconds", "2") as hub:
        made = client(hub)
        reply = ask(hub, made)
        assert reply.body["expires_in"] == 2
        token = reply.body["access_token"]
        assert bearer(hub, token).status == 200
        time.sleep(2.1)
        assert bearer(hub, token).status == 401
        hub.args[-1] = "3600"
        hub.restart()
        token = ask(hub, made).body["access_token"]
        hub.restart()
        assert bearer(hub, token).status == 200
        assert hub.get("/v1/keys/" + made["id"])["lastUsed"]
        hub.stop()
        for path in hub.data.rglob("*"):
            if path.is_file():
                for secret in (token, made["clientSecret"]):
                    assert secret.encode() not in path.read_bytes(), path
        assert token not in hub.log() and made["clientSecret"] not in hub.log()


def test_an_event_stream_ends_with_its_token(hub):
    made = client(hub)
    token = ask(hub, made).body["access_token"]
    import http.client
    connection = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=10)
    connection.request("GET", "/v1/events", headers={"Authorization": "Bearer " + token, "Accept": "text/event-stream"})
    answer = connection.getresponse()
    assert answer.status == 200 and answer.readline() == b"retry: 2000\n"
    form(hub, "/oauth2/revoke", basic(made["clientId"], made["clientSecret"]), token=token)
    hub.post("/v1/integrations", {"integrationName": "x", "integrationType": "OCPI"})  # an event wakes the stream
    while answer.readline():
        pass
    connection.close()
