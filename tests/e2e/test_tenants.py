"""Tenants: nothing of one is ever visible to another. The walk is made from the rows of v1.def, so that a new route is covered by itself."""

import itertools
import pathlib
import re
import sys
import urllib.parse

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from hubtest import Hub, Partner, fetch, repository, run, wait_until  # noqa: E402
from objects import cdr, connect, evse, location, session, tariff, token  # noqa: E402

ALL = ["INTEGRATION.READ", "INTEGRATION.CREATE", "INTEGRATION.UPDATE", "INTEGRATION.DELETE", "PARTY.READ", "PARTY.WRITE",
       "OBJECT.READ", "OBJECT.WRITE", "EVENT.READ", "KEY.ADMIN"]
ROUTES = re.findall(r'^HUB_V1\((\w+), "(/v1/[^"]*)", (\w+),', (repository() / "src/core/v1.def").read_text(), re.M)
MARK = "Secret of tenant one"


class Tenant:
    """A hub as one tenant's key sees it."""

    def __init__(self, hub, key):
        self.hub, self.key, self.url, self.versions_url = hub, key, hub.url, hub.versions_url

    def request(self, method, path, body=None, **more):
        return self.hub.request(method, path, body, key=self.key, **more)

    def get(self, path, **more):
        return self.hub.get(path, key=self.key, **more)

    def post(self, path, body=None, status=201):
        return self.hub.post(path, body, status, key=self.key)

    def put(self, path, body=None):
        return self.hub.put(path, body, key=self.key)

    def ocpi(self, *args, **more):
        return self.hub.ocpi(*args, **more)


def make(hub, name, permissions=ALL, **more):
    return Tenant(hub, hub.post("/v1/keys", {"name": name, "permissions": permissions, "platformId": name, **more})["key"])


class World:
    """Tenant one has something of everything."""

    def __init__(self, hub):
        self.hub = hub
        self.one, self.two = make(hub, "one"), make(hub, "two")
        one = self.one
        party = one.post("/v1/parties", {"countryCode": "NL", "partyId": "ABC", "roles": ["CPO", "EMSP"], "businessDetails": {"name": MARK}})
        known = one.post("/v1/approved-parties", {"name": MARK, "countryCode": "DE", "partyId": "EMS", "roles": ["EMSP"]})
        self.partner = Partner(role="EMSP", token_a="tenant-one-token-a")
        self.giver = Partner(role="CPO", country="BE", party="GIV", token_a="tenant-one-token-g")
        integration = connect(one, self.partner, ["CPO"], locationSharing="ALL")
        giving = connect(one, self.giver, ["EMSP"])
        one.request("PATCH", "/v1/integrations/" + integration, {"integrationName": MARK, "models": {"pushLocation": True}})
        one.put("/v1/tariffs/NL/ABC/T1", tariff("T1"))
        one.put("/v1/locations/NL/ABC/L1", location("L1", name=MARK, evses=[evse("E1")]))
        one.put("/v1/sessions/NL/ABC/S1", session("S1"))
        one.put("/v1/cdrs/NL/ABC/C1", cdr("C1"))
        one.put("/v1/tokens/NL/ABC/UID1", token("UID1", "NL", "ABC"))
        one.put(f"/v1/integrations/{integration}/locations/NL/ABC/L1", {})
        one.put(f"/v1/integrations/{integration}/tariffs/NL/ABC/T1")
        base = self.giver.hub_endpoint("locations", "RECEIVER") + "/BE/GIV/"
        given = self.giver.call_hub(one, "PUT", base + "G1", location("G1", "BE", "GIV", name=MARK))
        assert given.ocpi_status == 1000, given
        self.giver.call_hub(one, "PUT", base + "G2", {"id": "G2", "name": MARK})
        self.partner.wait_for("PUT", "/locations/")
        held = one.get(f"/v1/integrations/{giving}/quarantine")
        assert held
        keys = one.get("/v1/keys")
        self.ids = {"/v1/keys": keys[0]["id"], "/v1/parties": party["id"], "/v1/approved-parties": str(known["id"]),
                    "/v1/integrations": integration, "quarantine": giving, "qid": str(held[0]["id"])}
        own = {"locations": "L1", "tariffs": "T1", "sessions": "S1", "cdrs": "C1", "tokens": "UID1"}
        self.objects = [{"module": module, "cc": "NL", "party": "ABC", "id": ident} for module, ident in own.items()]

    def close(self):
        self.partner.close()
        self.giver.close()

    def paths(self, pattern):
        """The pattern filled with what tenant one has: every module where it names one. A parameter that is not known here must be added."""
        ids = self.ids
        if pattern.startswith("/v1/received/{module}/"):
            fills = [{"module": "locations", "integration": ids["quarantine"], "cc": "BE", "party": "GIV", "id": "G1", "evse?": "E1",
                      "connector?": "1"}]
        elif "{module}" in pattern:
            fills = self.objects
        else:
            root = "/".join(pattern.split("/")[:3])
            ident = ids["quarantine"] if "/quarantine" in pattern else ids.get(root)
            fills = [{"id": ident, "qid": ids["qid"], "cc": "NL", "party": "ABC", "locationId": "L1", "tariffId": "T1", "cdrId": "C1"}]
        made = []
        for fill in fills:
            parts = [fill.get(p[1:-1], None if p.endswith("?}") else "unknown here: " + p) if p.startswith("{") else p
                     for p in pattern.split("/")]
            assert not any("unknown here" in (p or "") for p in parts), f"{pattern}: tell World.paths what {parts} is"
            made.append("/".join(p for p in parts if p is not None))
        return made


@pytest.fixture(scope="module")
def world():
    with Hub() as hub:
        world = World(hub)
        yield world
        world.close()


# A body that would do, had the resource been there.
BODIES = {
    "/v1/parties/{id}": {"countryCode": "NL", "partyId": "XYZ", "roles": ["CPO"]},
    "/v1/approved-parties/{id}": {"name": "x", "countryCode": "NL", "partyId": "XYZ", "roles": ["CPO"]},
    "/v1/integrations/{id}": {"integrationName": "x", "integrationType": "OCPI"},
    "/v1/integrations/{id}/pull": {"modules": ["locations"], "full": True},
}
OBJECTS = {"locations": location("L1"), "tariffs": tariff("T1"), "sessions": session("S1"), "cdrs": cdr("C1"),
           "tokens": token("UID1", "NL", "ABC")}
OBJECT = "/v1/{module}/{cc}/{party}/{id}/{evse?}/{connector?}"


def body_for(method, pattern, path):
    if method in ("GET", "DELETE"):
        return None
    if pattern == OBJECT:
        return OBJECTS[path.split("/")[2]] if method == "PUT" else {"last_updated": "2026-05-01T00:00:00Z"}
    return BODIES.get(pattern, {})


def snapshot(world):
    """All that tenant one can read, without what time alone changes."""
    seen = {}
    for method, pattern, _ in ROUTES:
        if method != "GET" or pattern in ("/v1/audit", "/v1/events"):
            continue
        for path in world.paths(pattern):
            body = world.one.request("GET", path).body
            for key in body if isinstance(body, list) else [body]:
                if isinstance(key, dict):
                    for volatile in ("lastUsed", "trace_id", "modules"):
                        key.pop(volatile, None)
            seen[path] = body
    return seen


@pytest.mark.parametrize("method,pattern,permission", [r for r in ROUTES if "{" in r[1] and r[1].count("{") > r[1].count("{module}")])
def test_what_another_tenant_has_is_404(world, method, pattern, permission):
    before = snapshot(world)
    for path in world.paths(pattern):
        body = body_for(method, pattern, path)
        reply = world.two.request(method, path, body)
        if (method, pattern) == ("PUT", OBJECT):  # makes one of our own: this tenant has no such party
            assert reply.status == 400 and "none of our parties" in str(reply.body), (path, reply)
        elif method != "GET" and reply.status == 405:  # a CDR cannot be patched, by nobody
            assert world.one.request(method, path, body).status == 405
        else:
            assert reply.status == 404, (method, path, reply)
            nobody = world.two.request(method, re.sub(r"/[^/]+$", "/404404", path) if pattern.endswith("}") else path, body)
            assert nobody.status == 404 and nobody.body["detail"] == reply.body["detail"]
        assert MARK not in str(reply.body)
    assert snapshot(world) == before


@pytest.mark.parametrize("pattern", sorted({r[1] for r in ROUTES if r[0] == "GET" and r[1].count("{") == r[1].count("{module}")}))
def test_lists_show_nothing_of_another_tenant(world, pattern):
    for path in world.paths(pattern):
        theirs, ours = world.one.request("GET", path), world.two.request("GET", path)
        assert ours.status == theirs.status == 200 and MARK not in str(ours.body), path
        if pattern == "/v1/keys":
            assert [k["name"] for k in ours.body] == ["two"] and "two" not in [k["name"] for k in theirs.body]
        elif pattern == "/v1/audit":
            assert theirs.body and not any("key:one" == e["actor"] or "integration:" in str(e["actor"]) for e in ours.body)
        elif pattern == "/v1/events":
            assert theirs.body["events"] and ours.body["events"] == []
        else:
            assert ours.body == [] and ours.headers["X-Total-Count"] == "0", (path, ours)


def test_the_walk_sees_every_route(world):
    assert len(ROUTES) > 40
    assert all(world.paths(pattern) for _, pattern, _ in ROUTES)


def test_a_key_opens_its_own_tenant_only(world):
    hub, key = world.hub, world.two.key
    assert hub.request("GET", "/v1/parties", key=key, headers={"x-platform-id": "two"}).status == 200
    replies = [hub.request("GET", "/v1/parties", key=key, headers={"x-platform-id": name}) for name in ("one", "default", "nobody", "a b")]
    assert {(r.status, r.body["detail"]) for r in replies} == {(404, "no such resource")}
    # The admin key picks, and without a choice acts for the tenant "default".
    assert hub.get("/v1/parties") == [] and hub.request("GET", "/v1/parties", headers={"x-platform-id": "nobody"}).status == 404
    assert hub.get("/v1/parties", headers={"x-platform-id": "one"})[0]["businessDetails"] == {"name": MARK}
    denied = wait_until(lambda: [e for e in hub.get("/v1/audit", headers={"x-platform-id": "two"}) if e["action"] == "denied"])
    assert denied[0]["reason"] == "platform" and denied[0]["actor"] == "key:two"


def test_who_may_make_keys_for_whom(world):
    hub, two = world.hub, world.two
    own = two.post("/v1/keys", {"name": "more", "permissions": ["PARTY.READ"]})
    assert two.get("/v1/keys/" + own["id"])["platformId"] == "two"
    for name in ("one", "*", "default", "new-one"):
        reply = two.request("POST", "/v1/keys", {"name": "x", "permissions": ["PARTY.READ"], "platformId": name})
        assert reply.status == 403, (name, reply)
    assert hub.request("GET", "/v1/keys", headers={"x-platform-id": "new-one"}).status == 404  # was not made by being refused
    every = Tenant(hub, hub.post("/v1/keys", {"name": "every", "permissions": ["PARTY.READ", "KEY.ADMIN"], "platformId": "*"})["key"])
    assert every.get("/v1/parties", headers={"x-platform-id": "one"}) and every.get("/v1/parties") == []
    shown = every.get("/v1/keys", headers={"x-platform-id": "two"})
    assert {"two", "more", "every"} == {k["name"] for k in shown}
    assert two.request("DELETE", "/v1/keys/" + next(k["id"] for k in shown if k["name"] == "every")).status == 404
    assert two.request("DELETE", "/v1/keys/" + own["id"]).status == 204


def test_an_idempotency_key_holds_for_one_platform(world):
    """Of a key that acts for several."""
    made = [world.hub.request("POST", "/v1/approved-parties", {"name": "same"}, headers={"Idempotency-Key": "same", "x-platform-id": name})
            for name in ("one", "two", "one")]
    assert [r.status for r in made] == [201] * 3 and made[0].body["id"] == made[2].body["id"] != made[1].body["id"]
    assert [r.headers["Idempotency-Replayed"] for r in made] == [None, None, "true"]
    for name, reply in (("one", made[0]), ("two", made[1])):
        path = "/v1/approved-parties/%d" % reply.body["id"]
        assert world.hub.request("DELETE", path, headers={"x-platform-id": name}).status == 204


def test_attempts_without_a_credential_are_shown_to_keys_of_all_platforms_alone(world):
    assert world.hub.request("GET", "/v1/keys", key="nonsense").status == 401
    def unknown(**how):
        return [e for e in world.hub.get("/v1/audit", **how) if e["action"] == "denied" and e["status"] == 401]
    wait_until(unknown)
    assert unknown(headers={"x-platform-id": "two"}) and unknown(key=world.one.key) == unknown(key=world.two.key) == []


def test_access_tokens_belong_to_the_tenant_of_their_client(world):
    made = world.one.post("/v1/keys", {"name": "c", "type": "oauth2", "permissions": ["PARTY.READ"]})
    form = urllib.parse.urlencode({"grant_type": "client_credentials", "client_id": made["clientId"], "client_secret": made["clientSecret"]})
    reply = fetch(world.hub.url + "/oauth2/token", "POST", form, {"Content-Type": "application/x-www-form-urlencoded"})
    holder = Tenant(world.hub, reply.body["access_token"])
    assert holder.get("/v1/parties")[0]["businessDetails"] == {"name": MARK}
    assert holder.request("GET", "/v1/parties", headers={"x-platform-id": "two"}).status == 404


def test_two_tenants_with_the_same_party_objects_and_partner():
    """The same codes and ids on both sides of the wall: each partner sees, gets and gives on its own."""
    with Hub(workers=2) as hub:
        tenants, partners = {}, {}
        for name in ("red", "blue"):
            tenant = tenants[name] = make(hub, name)
            tenant.post("/v1/parties", {"countryCode": "NL", "partyId": "ABC", "roles": ["CPO"]})
            partner = partners[name] = Partner(role="EMSP", token_a="token-a-of-" + name)
            ident = connect(tenant, partner, ["CPO"])
            assert tenant.request("PATCH", "/v1/integrations/" + ident, {"models": {"pushLocation": True}, "reference": "same"}).status == 204
            tenant.put("/v1/locations/NL/ABC/L1", location("L1", name=name))
        for name, partner in partners.items():
            call = partner.wait_for("PUT", "/locations/NL/ABC/L1")[0]
            assert call.body["name"] == name
            listed = partner.call_hub(hub, "GET", partner.hub_endpoint("locations", "SENDER"))
            assert [l["name"] for l in listed.data] == [name]
            assert [e["type"] for e in tenants[name].get("/v1/events")["events"]].count("location.created") == 1
        assert tenants["red"].request("PATCH", "/v1/locations/NL/ABC/L1", {"name": "crimson"}).status == 200
        wait_until(lambda: any(c.body.get("name") == "crimson" for c in partners["red"].requests("PUT", "/locations/") +
                               partners["red"].requests("PATCH", "/locations/")))
        assert tenants["blue"].get("/v1/locations/NL/ABC/L1")["name"] == "blue"
        assert not [c for c in partners["blue"].calls if "crimson" in c.raw.decode()]
        for name, face in itertools.product(("red", "blue"), ('pushed_total{result="ok"', 'requests_total{face="v1"', 'requests_total{face="ocpi"')):
            wait_until(lambda: re.search(rf'^ocpi_hub_{face},platform="{name}"}} [1-9]', hub.request("GET", "/metrics").body.decode(), re.M))
        # Who they are is told to keys of all platforms only.
        bare, own = fetch(hub.url + "/metrics").body.decode(), tenants["red"].request("GET", "/metrics").body.decode()
        for text in (bare, own):
            assert 'platform="default"' in text and not re.search('platform="(red|blue)"', text)
        for face in ('pushed_total{result="ok"', 'requests_total{face="v1"'):
            assert len(re.findall(rf'^ocpi_hub_{face},platform="[0-9]+"}} [1-9]', bare, re.M)) == 2
        # A tenant that is made while the hub runs is served by agents at once, and after a restart.
        hub.restart()
        tenants["blue"].put("/v1/locations/NL/ABC/L2", location("L2", name="blue"))
        partners["blue"].wait_for("PUT", "/locations/NL/ABC/L2")
        assert not partners["red"].requests("PUT", "/locations/NL/ABC/L2")
        for partner in partners.values():
            partner.close()


def test_tenants_from_the_command_line():
    with Hub() as hub:
        made = run("key", "create", "--data", hub.data, "--name", "cli", "--permissions", "PARTY.READ,PARTY.WRITE", "--platform", "green",
                   "--type", "api_key", "--burst", "100/s", "--steady", "1000/m")
        assert made.returncode == 0, made
        import json
        key = json.loads(made.stdout)
        hub.post("/v1/parties", {"countryCode": "NL", "partyId": "GRN", "roles": ["CPO"]}, key=key["key"])
        assert hub.get("/v1/parties") == [] and len(hub.get("/v1/parties", headers={"x-platform-id": "green"})) == 1
        listed = json.loads(run("key", "list", "--data", hub.data, "--platform", "green").stdout)
        assert listed[0]["name"] == "cli" and listed[0]["rateLimit"] == {"burst": "100/s", "steady": "1000/m"}
        assert run("key", "revoke", key["id"], "--data", hub.data).returncode == 1
        assert run("key", "revoke", key["id"], "--data", hub.data, "--platform", "green").returncode == 0
        assert hub.request("GET", "/v1/parties", key=key["key"]).status == 401
