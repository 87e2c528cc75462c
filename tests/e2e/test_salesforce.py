"""Salesforce: CDRs and sessions to an endpoint of ours there; the JWT bearer flow and client credentials as Salesforce documents them."""

import json
import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from hubtest import Hub, wait_until  # noqa: E402
from oauth import JWT_BEARER, Guarded, rsa_key  # noqa: E402
from objects import cdr, session  # noqa: E402
from receivers import Receiver  # noqa: E402

CONSUMER, USER, SECRET = "3MVG99OxTyEMCQ3gNp2PjkqeZKxnmAiG1xV4oHh9AKL_rSK.BoSVPGZHQ", "ops@acme.example", "1955279925675241571"
PATH = "/services/apexrest/ChargingEvents/?source=hub"


class Org(Guarded):
    """An org with an Apex REST class. Tokens have no expires_in; a session that has ended is 401 with an array, as Salesforce's REST API has it."""

    def __init__(self, **more):
        self.taken, self.wrong = [], []
        super().__init__("/services/oauth2/token", {CONSUMER: SECRET}, expires_in=None, **more)

    def unauthorized(self):
        return b'[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]'

    def serve(self, call):
        body = json.loads(call.raw)
        good = (call.method == "POST" and f"{call.path}?{call.query}" == PATH and call.headers.get("Content-Type") == "application/json"
                and set(body) == {"id", "type", "event", "object"} and body["id"] == call.headers.get("Idempotency-Key") and "object" not in body["event"]
                and body["event"]["type"] == body["type"] and body["event"]["id"] == body["object"]["id"])
        if not good:
            self.wrong.append((call, body))
            return 400, {}, [{"message": "wrong", "errorCode": "JSON_PARSER_ERROR"}]
        self.taken.append(body)
        return 200, {"Content-Type": "application/json"}, b'"ok"'

    def wait(self, count, timeout=15):
        return wait_until(lambda: len(self.taken) >= count and list(self.taken), timeout, what=f"{count} events; {self.calls[-5:]}")

    def __exit__(self, kind, *unused):
        self.stop()
        assert kind or not self.wrong, self.wrong


@pytest.fixture(scope="module")
def keys():
    return rsa_key(), rsa_key()


@pytest.fixture
def org():
    with Org() as started:
        yield started


@pytest.fixture
def hub(org, keys):
    with Hub("--log-level", "debug") as started:
        started.party("NL", "ABC", ["CPO"])
        yield started
        lines = [line for private, _ in keys for line in private.split("\n")[1:3]]
        assert not [s for s in [SECRET, "PRIVATE KEY", *lines, *org.tokens] if s in started.log()]


def integrate(hub, org, auth, **more):
    made = hub.post("/v1/integrations", {"integrationName": "crm", "integrationType": "Salesforce", **more,
                                         "salesforceConnection": {"endpointUrl": org.url + PATH, "activateConnection": True, "auth": auth}})
    return "/v1/integrations/" + made["id"]


def becomes(hub, path, wanted, timeout=15):
    def look():
        got = hub.get(path)
        return got["integrationStatus"] == wanted and (got["statusDescription"] or "-")
    return wait_until(look, timeout, what=wanted)


def jwt(private, **more):
    return {"type": "jwt_bearer", "clientId": CONSUMER, "username": USER, "privateKey": private, **more}


def test_cdrs_and_sessions_go_with_a_jwt(hub, org, keys):
    (private, public), _ = keys
    org.users = {(CONSUMER, USER): (public, org.url)}
    first = hub.put("/v1/cdrs/NL/ABC/C1", cdr("C1"))  # what is there already goes, too
    path = integrate(hub, org, jwt(private))
    hub.put("/v1/sessions/NL/ABC/S1", session("S1"))
    org.wait(2)
    hub.put("/v1/sessions/NL/ABC/S1", session("S1", status="COMPLETED", end_date_time="2026-01-01T11:00:00Z", last_updated="2026-01-01T11:00:01Z"))
    taken = org.wait(3)
    assert [(t["type"], t["object"]["id"]) for t in sorted(taken, key=lambda t: t["event"]["seq"])] == [
        ("cdr.created", "C1"), ("session.created", "S1"), ("session.updated", "S1")]
    assert next(t["object"] for t in taken if t["type"] == "cdr.created") == first
    assert taken[-1]["object"]["status"] == "COMPLETED" and taken[-1]["event"]["direction"] == "own"
    assert [who for who, _, _ in org.grants] == [USER] and not org.refusals
    becomes(hub, path, "CONNECTED")
    shown = hub.get(path)["salesforceConnection"]["auth"]
    assert "PRIVATE KEY" not in json.dumps(shown) and "PRIVATE KEY" not in json.dumps(hub.get("/v1/audit"))


def test_the_instance_that_the_token_names_is_called(hub, keys):
    (private, public), _ = keys
    with Org() as instance, Org(more={"instance_url": instance.url}) as login:
        login.users = {(CONSUMER, USER): (public, login.url)}
        login.tokens = instance.tokens
        path = integrate(hub, login, jwt(private))
        hub.put("/v1/cdrs/NL/ABC/C1", cdr("C1"))
        instance.wait(1)
        assert not login.taken and not instance.grants and {c.path for c in login.calls} == {login.token_path}
        becomes(hub, path, "CONNECTED")


@pytest.mark.parametrize("auth", [{"type": "oauth2", "clientId": CONSUMER, "clientSecret": SECRET},
                                  {"type": "Client-Credentials", "consumerKey": CONSUMER, "consumerSecret": SECRET, "in": "body"},
                                  {"type": "OAuth2", "grantType": "client_credentials", "client_id": CONSUMER, "client_secret": SECRET, "scope": "api"}])
def test_client_credentials(hub, org, auth):
    path = integrate(hub, org, auth)
    hub.put("/v1/cdrs/NL/ABC/C1", cdr("C1"))
    org.wait(1)
    assert org.grants[0][:2] == (CONSUMER, auth.get("scope")) and len(org.grants) == 1
    becomes(hub, path, "CONNECTED")


def test_other_spellings_of_the_jwt_flow(hub, org, keys):
    (private, public), _ = keys
    org.users = {(CONSUMER, USER): (public, "https://login.salesforce.com")}
    integrate(hub, org, {"type": "oauth2", "grant_type": JWT_BEARER, "issuer": CONSUMER, "subject": USER, "private_key": private,
                         "audience": "https://login.salesforce.com", "tokenUrl": org.url + org.token_path})
    hub.put("/v1/cdrs/NL/ABC/C1", cdr("C1"))
    org.wait(1)


def test_a_session_that_has_ended_is_renewed(hub, org):
    path = integrate(hub, org, {"type": "oauth2", "clientId": CONSUMER, "clientSecret": SECRET})
    for i in range(3):
        hub.put(f"/v1/cdrs/NL/ABC/C{i}", cdr(f"C{i}"))
        org.wait(i + 1, timeout=5)
        org.revoke()
    assert len(org.grants) == 3
    becomes(hub, path, "CONNECTED")
    assert not hub.get(path + "/quarantine")


def test_another_key_is_refused_and_mended(hub, org, keys):
    (private, public), (other, _) = keys
    org.users = {(CONSUMER, USER): (public, org.url)}
    path = integrate(hub, org, jwt(other))
    hub.put("/v1/cdrs/NL/ABC/C1", cdr("C1"))
    said = becomes(hub, path, "FAILED")
    assert "invalid_grant" in said and "invalid assertion" in said, said
    assert not org.taken
    time.sleep(1)
    assert len(org.refusals) <= 6
    hub.request("PATCH", path, {"salesforceConnection": {"auth": jwt(private)}})
    org.wait(1)
    becomes(hub, path, "CONNECTED")


@pytest.mark.parametrize("change, said", [
    ({"privateKey": None}, "salesforceConnection.auth.privateKey is missing"), ({"username": None}, "salesforceConnection.auth.subject is missing"),
    ({"clientId": None}, "salesforceConnection.auth.clientId is missing"), ({"type": None}, "salesforceConnection.auth.type is missing"),
    ({"type": "kerberos"}, "salesforceConnection.auth.type is none of"), ({"privateKey": "no-pem-at-all"}, "salesforceConnection.auth.privateKey is no RSA"),
    ({"tokenUrl": "login"}, "salesforceConnection.auth.tokenUrl is no URL")])
def test_what_is_wrong_with_auth_is_named(hub, org, keys, change, said):
    auth = {name: value for name, value in {**jwt(keys[0][0]), **change}.items() if value is not None}
    path = integrate(hub, org, auth)  # any shape is kept
    hub.put("/v1/cdrs/NL/ABC/C1", cdr("C1"))
    assert said in becomes(hub, path, "FAILED")
    assert not org.calls
    org.users = {(CONSUMER, USER): (keys[0][1], org.url)}
    hub.request("PATCH", path, {"salesforceConnection": {"auth": jwt(keys[0][0])}})
    org.wait(1)
    becomes(hub, path, "CONNECTED")


def test_words_that_repeat_the_access_token_are_not_kept(hub, org):
    path = integrate(hub, org, {"type": "oauth2", "clientId": CONSUMER, "clientSecret": SECRET})
    org.serve = lambda call: (403, {}, [{"message": "no right for " + call.headers["Authorization"], "errorCode": "FORBIDDEN"}])
    hub.put("/v1/cdrs/NL/ABC/C1", cdr("C1"))
    assert "repeat a secret" in becomes(hub, path, "FAILED")
    assert org.grants and org.grants[0][2] not in json.dumps([hub.get(path), hub.get(path + "/delivery"), hub.get(path + "/quarantine")])


class Plain(Receiver):
    def answer(self, call):
        return 201, {}, b""


@pytest.mark.parametrize("auth, name, value", [
    ({"type": "basic", "username": "u", "password": "p:w"}, "Authorization", "Basic dTpwOnc="), ({"type": "Bearer", "token": "t-1"}, "Authorization", "Bearer t-1"),
    ("t-2", "Authorization", "Bearer t-2"), ({"type": "api_key", "key": "k"}, "X-API-Key", "k"), ({"type": "apiKey", "key": "X-Key", "value": "k"}, "X-Key", "k")])
def test_schemes_without_a_token_call(hub, auth, name, value):
    with Plain() as plain:
        path = integrate(hub, plain, auth)
        hub.put("/v1/cdrs/NL/ABC/C1", cdr("C1"))
        call = wait_until(lambda: plain.calls and plain.calls[0], 10)
        assert call.headers.get(name) == value
        becomes(hub, path, "CONNECTED")
        plain.say(401, b'{"message":"go away"}', times=20)
        hub.put("/v1/cdrs/NL/ABC/C2", cdr("C2"))
        assert "go away" in becomes(hub, path, "FAILED")
        assert len(plain.calls) <= 6  # nothing to renew: it is not tried again at once


def test_the_generic_credentials_hold_for_others(hub):
    with Plain() as plain:
        hub.post("/v1/integrations", {"integrationName": "erp", "integrationType": "EInvoicing", "enabled": True, "settings": {"endpointUrl": plain.url + "/x"},
                                      "credentials": {"type": "basic", "user": "u", "password": "p"}})
        hub.put("/v1/cdrs/NL/ABC/C1", cdr("C1"))
        assert wait_until(lambda: plain.calls and plain.calls[0], 10).headers["Authorization"] == "Basic dTpw"
