"""Every operation of /openapi.json is driven with what its schemas allow and with what they do not. Nothing is answered 500, every answer is one that the
description has, in the shape that it has for it, and what fits the schemas is refused only for reasons that the description names (x-rules).

HUB_DRIVE_ROUNDS: requests an operation (default 50); HUB_DRIVE_SEED: another sequence of them.
"""

import fnmatch
import json
import os
import pathlib
import random
import re
import sys
import urllib.parse
import zlib

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from hubtest import ADMIN_KEY, Hub, fetch  # noqa: E402
from openapi_values import Values, dumps  # noqa: E402
from openapi_world import World  # noqa: E402

ROUNDS = int(os.environ.get("HUB_DRIVE_ROUNDS", 50))
SEED = int(os.environ.get("HUB_DRIVE_SEED", 1))
STRANGE = ("0", "-1", "1.0", "01", "99999999999999999999", "4294967296", "%00", "%ff", "%zz", "%2F", "%2e%2e", "..", "a" * 300, "ä".encode().hex(), "NaN", "%F0%9F%98%80",
           "*", "'", "%20", "null", "~1", "{id}")
TYPES = ("application/json", "application/merge-patch+json", "application/x-ndjson", "text/plain", "application/xml", "", "application/json; charset=utf-8",
         "application/x-www-form-urlencoded", "multipart/form-data", "/", "application/json, text/html")
QUERIES = ("", "-1", "x", "1.5", "%00", "%zz", "a" * 2000, "99999999999999999999999", "null", "[]", "2026", "all,,none", "🙂")


@pytest.fixture(scope="module")
def world():
    with Hub() as hub:
        made = World(hub)
        yield made
        made.close()


# ---- one request

class Request:
    def __init__(self, world, operation, rng):
        self.world, self.operation, self.rng = world, operation, rng
        self.values = Values(world.document, rng)
        self.path, self.query, self.headers, self.body = world.good(operation), {}, {}, None
        self.honest = True  # fits the description in everything
        if not operation.open:
            self.headers.update(world.admin)
        elif operation.row["security"]:
            self.headers["Authorization"] = world.basic
        for parameter in operation.of("query"):
            if rng.random() < 0.3 and parameter["name"] not in ("version", "type"):
                self.query[parameter["name"]] = self.shown(self.values.make(parameter["schema"]))
        bodies = operation.bodies()
        self.fresh = operation.method == "PUT" and set(operation.names) == {"cc", "party", "id"} and rng.random() < 0.5
        if self.fresh:
            self.path["id"] = f"N{rng.randrange(10**9)}"
        self.of = None
        if operation.method in ("PUT", "PATCH") and operation.path == "/v1/integrations/{id}" and rng.random() < 0.7:
            self.of = rng.choice(world.others)
            self.path["id"] = self.of[0]
        if bodies:
            self.media = rng.choice(sorted(bodies))
            self.headers["Content-Type"] = self.media
            self.body = self.make(bodies[self.media])
            if self.body is None:
                self.honest = False

    @staticmethod
    def shown(value):
        return ",".join(map(str, value)) if isinstance(value, list) else str(value)

    def branch(self, schema):
        """A version of the object, with ?version= saying so."""
        name = schema.get("$ref", "").split("/")[-1]
        if "Any" not in name:
            return schema
        branches = self.world.document.at(schema["$ref"])["anyOf"]
        picked = self.rng.choice(branches if self.fresh else branches[:1] * 4 + branches)
        found = re.search(r"_(\d_\d_\d)$", picked["$ref"])
        self.query["version"] = found.group(1).replace("_", ".") if found else "2.2.1"
        return picked

    def make(self, schema):
        if self.media.endswith("form-urlencoded"):
            fields = self.values.make(schema)
            fields.pop("client_id", None)
            fields.pop("client_secret", None)
            if "scope" in fields:
                fields["scope"] = "OBJECT.READ"
            return urllib.parse.urlencode(fields).encode()
        tag = self.operation.row["tags"][0]
        if self.media.endswith("ndjson") or schema.get("type") == "array":
            schema = self.branch(schema.get("items", schema))
            items = [self.object(schema, tag, item) for item in range(self.rng.randint(0, 3))]
            return b"\n".join(map(dumps, items)) if self.media.endswith("ndjson") else dumps(items)
        value = self.object(self.branch(schema), tag, None)
        return None if value is None else dumps(value)

    def object(self, schema, tag, item):
        """Of one of our parties, as its URL (or, in bulk, it itself) says who it is."""
        value = self.values.valid(schema)
        if value is None:
            return None
        if tag == "integrations" and "integrationName" in self.world.document.resolve(schema).get("properties", {}):
            value = self.harmless(self.typed(value))
        if tag == "evse-status" and self.rng.random() < 0.7:
            value.update(country_code="NL", party_id="ABC", location_id="L1", evse_uid="E1")
        if tag not in ("locations", "tariffs", "sessions", "cdrs", "tokens"):
            return value
        level = "connector" if "connector" in self.path else "evse" if "evse" in self.path else "id"
        ident = f"I{item}" if item is not None else self.path[level]
        name = {"evse": "uid", "connector": "id", "id": "uid" if tag == "tokens" else "id"}[level]
        given = item is not None or self.rng.random() < 0.5
        who = {name: ident}
        if level == "id" and self.query.get("version") != "2.1.1" or item is not None:
            who.update(country_code="NL", party_id="ABC")
        for key in list(who) + ["country_code", "party_id"]:
            if key in value and key not in who and level == "id":
                del value[key]
        for key, text in who.items():
            value.pop(key, None)
            if given:
                value[key] = text
        if tag == "tokens" and item is None and "type" in value:
            self.query["type"] = value["type"]
        return value

    def typed(self, value):
        """Of the type that the integration of the path has, which does not change."""
        if self.operation.method == "POST":
            return value
        _, kind, provider = self.of or (None, "OCPI", None)
        for name in ("provider", "settings", "integrationType"):
            value.pop(name, None)
        if self.operation.method == "PUT" or self.rng.random() < 0.5:
            value["integrationType"] = kind
        words = [w.capitalize() for w in (provider or "").split("_")]
        schema = self.world.document.tree["components"]["schemas"].get(kind + "".join(words) + "SettingsInput")
        if provider:
            value["provider"] = provider
        if schema and self.rng.random() < 0.7:
            value["settings"] = self.values.make(schema)
        return value

    @staticmethod
    def harmless(value):
        """Nothing is sent to anybody outside."""
        value = {k: v for k, v in value.items() if k not in ("version", "approvedPartyId")}
        if value.get("integrationType", "OCPI") != "OCPI" or "provider" in value:
            value["enabled"] = False
        for name in ("utilityCloudConnection", "salesforceConnection"):
            if value.get(name):
                value[name]["activateConnection"] = False
        return value or {"description": "driven"}

    # ---- ways to spoil it

    def spoil(self):
        ways = [self.strange_path, self.strange_query, self.strange_headers]
        if self.body is not None:
            ways += [self.strange_body] * 6 + [self.junk_body, self.strange_type]
        self.honest = False
        self.rng.choice(ways)()

    def strange_path(self):
        for name in self.path:
            if self.rng.random() < 0.6:
                self.path[name] = self.rng.choice(STRANGE)

    def strange_query(self):
        for parameter in self.operation.of("query"):
            if self.rng.random() < 0.5:
                self.query[parameter["name"]] = self.rng.choice(QUERIES)
        self.query["unknown"] = "1"

    def strange_headers(self):
        self.headers.update(self.rng.choice((
            {"If-Match": '"999"'}, {"If-Match": "W/\"1\""}, {"If-Match": "*"}, {"If-Match": "x" * 500}, {"Prefer": "return=minimal"}, {"Prefer": "return=maximal, ,="},
            {"Idempotency-Key": "k" * 256}, {"Idempotency-Key": "one"}, {"x-platform-id": "nobody"}, {"x-platform-id": "default"}, {"x-platform-id": "*"},
            {"X-API-KEY": "wrong"}, {"X-API-KEY": self.world.weak}, {"X-API-KEY": "", "Authorization": "Bearer wrong"}, {"Authorization": "Basic !!"},
            {"Last-Event-ID": "x"}, {"If-None-Match": "*"}, {"Content-Encoding": "gzip"})))

    def strange_body(self):
        if self.media.endswith("form-urlencoded"):
            self.body = self.rng.choice((b"", b"grant_type=password", b"grant_type=client_credentials&grant_type=x", b"%zz=1", b"scope=%00", b"token=", b"=&=&", b"a" * 9000,
                                         b"grant_type=client_credentials&scope=KEY.ADMIN", b"grant_type=client_credentials&client_id=x&client_secret=y"))
        elif self.media.endswith("ndjson"):
            self.body = b"\n".join(dumps(self.values.mutated(json.loads(line))) for line in self.body.split(b"\n") if line) + b"\n{"
        else:
            self.body = dumps(self.values.mutated(json.loads(self.body)))

    def junk_body(self):
        self.body = self.values.junk()

    def strange_type(self):
        self.headers["Content-Type"] = self.rng.choice(TYPES)

    # ---- sending

    def send(self):
        url = self.world.url(self.operation, self.path)
        if self.query:
            url += "?" + "&".join(f"{k}={urllib.parse.quote(v, safe='%,:')}" for k, v in self.query.items())
        self.sent = url
        return self.world.send(self.operation.method, url, self.body, self.headers)

    def __str__(self):
        headers = {k: v for k, v in self.headers.items() if v != ADMIN_KEY}
        return f"{self.operation.method} {self.sent[:300]} {headers} {(self.body or b'')[:1500]!r}"


def allowed(operation, body):
    """Does the description name the reasons for this 400?"""
    errors = body.get("errors") if isinstance(body, dict) else None
    if not errors:
        return "description" in operation.row["responses"].get("400", {}) or body.get("error")
    rules = operation.row.get("x-rules", [])
    return all(any(fnmatch.fnmatchcase(e["pointer"], r["pointer"]) and fnmatch.fnmatchcase(e["rule"], r["rule"]) for r in rules) for e in errors)


def judge(request, status, headers, body):
    operation = request.operation
    assert status < 500 or status == 503, f"{status} {body}"
    if status == 405 and not request.honest:
        return
    operation.check(status, headers, body)
    if not request.honest:
        return
    for item in body.get("results", ()) if status == 200 and isinstance(body, dict) else ():  # of a bulk request
        assert allowed(operation, item), f"fits its schema, and no x-rule says why not: {item}"
    if status < 400:
        return
    if status == 400:
        assert allowed(operation, body), f"fits its schema, and no x-rule says why not: {body.get('errors', body)}"
    else:
        assert status in (404, 409) and (status == 409 or operation.names or "integration" in request.query), f"refused: {status} {body}"


def drive(world, operation, rounds):
    found = []
    for number in range(rounds):
        rng = random.Random(f"{SEED} {operation.id} {number}")
        request = Request(world, operation, rng)
        if number % 5 >= 3 or (request.body is None and number % 2):
            request.spoil()
        status, headers, body = request.send()
        try:
            judge(request, status, headers, body)
        except AssertionError as error:
            found.append(f"#{number} {request}\n    {str(error)[:1200]}")
        if operation.method == "DELETE" and status == 204:
            world.fill()
    return found


def closed(operation):
    """The schema of a JSON body that has no other members than those named; None: it has none, or more are welcome (objects of OCPI)."""
    schema = operation.bodies().get("application/json", {})
    row = operation.document.resolve(schema)
    return schema if row.get("additionalProperties") is False else None


# Where more than the schema says is taken: a null in an object of OCPI is no member, a PATCH meets what is stored (RFC 7396), and settings that only
# another type or provider has are dropped unread.
MERGED = ("/businessDetails", "/ocpiConnection/partyPlatform", "/settings")


def test_what_does_not_fit_a_closed_schema_is_refused(world):
    sent, taken = 0, []
    for operation in world.document.operations:
        schema = closed(operation)
        for number in range(ROUNDS if schema else 0):
            request = Request(world, operation, random.Random(f"{SEED} refused {operation.id} {number}"))
            value = request.body and request.values.mutated(json.loads(request.body))
            if value is None or all(e.startswith(MERGED) for e in operation.document.errors(schema, value)):
                continue
            request.body, sent = dumps(value), sent + 1
            status, headers, body = request.send()
            if status not in (400, 409):
                taken.append(f"{status} {request}\n    {list(operation.document.errors(schema, value))[:3]}")
            operation.check(status, headers, body)
    assert not taken, f"{len(taken)} of {sent}\n" + "\n".join(taken[:5])
    assert sent > 4 * min(ROUNDS, 30)


# DELETE last: it takes what the others need.
def test_every_operation_is_driven(world):
    found, sent = [], 0
    for operation in sorted(world.document.operations, key=lambda o: (o.method == "DELETE", zlib.crc32(o.id.encode()))):
        simple = not operation.names and not operation.of("query") and "requestBody" not in operation.row
        rounds = min(ROUNDS, 10) if simple else ROUNDS
        problems = drive(world, operation, rounds)
        sent += rounds
        if problems:
            found.append(f"{operation} ({len(problems)} of {rounds})\n  " + "\n  ".join(problems[:2]))
    assert not found, f"{len(found)} operations\n" + "\n".join(found[:12])
    assert sent > 90 * min(ROUNDS, 30)
    assert fetch(world.hub.url + "/readyz").status == 200
