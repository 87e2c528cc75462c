"""GET /openapi.json: it is OpenAPI 3.1, it is what v1.def says, and its examples are what happens.

After a change of what is answered: HUB_RECORD_EXAMPLES=1 writes the answers of the examples anew (src/core/openapi/example.json).
"""

import base64
import json
import os
import pathlib
import re
import sys
import threading

import jsonschema
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from hubtest import Hub, fetch, repository, wait_until  # noqa: E402
from openapi import METHODS, SOURCE, Document, same_shape, shape, write_examples  # noqa: E402
from openapi_world import Counterpart, World  # noqa: E402

RECORD = bool(os.environ.get("HUB_RECORD_EXAMPLES"))
MODULES = re.findall(r"^HUB_OBJECTS\((\w+), \w+, (\w+), (\w+), .*?(HUB_V1_ALL(?: & ~OCPI_DELETE)?|OCPI_GET \| OCPI_PUT),",
                     (repository() / "src/core/object/module.def").read_text(), re.M)


@pytest.fixture(scope="module")
def hub():
    with Hub() as hub:
        yield hub


@pytest.fixture(scope="module")
def document(hub):
    return Document(json.dumps(fetch(hub.url + "/openapi.json").body))


def test_nobody_is_asked_for_a_credential_and_what_is_known_is_not_sent_again(hub):
    first = fetch(hub.url + "/openapi.json")
    assert first.status == 200 and first.headers["Content-Type"] == "application/json" and "max-age" in first.headers["Cache-Control"]
    tag = first.headers["ETag"]
    for given in (tag, "W/" + tag, f'"other", {tag}', "*"):
        again = fetch(hub.url + "/openapi.json", headers={"If-None-Match": given})
        assert again.status == 304 and again.body is None and again.headers["ETag"] == tag, given
    assert fetch(hub.url + "/openapi.json", headers={"If-None-Match": '"other"'}).body == first.body
    assert fetch(hub.url + "/openapi.json", "HEAD").status == 200
    assert fetch(hub.url + "/openapi.json", "POST").headers["Allow"] == "GET, HEAD"
    made = []
    threads = [threading.Thread(target=lambda: made.append(fetch(hub.url + "/openapi.json").headers["ETag"])) for _ in range(8)]
    with Hub() as other:
        hub, url = other, other.url
        threads = [threading.Thread(target=lambda: made.append(fetch(url + "/openapi.json").headers["ETag"])) for _ in range(8)]
        [t.start() for t in threads]
        [t.join() for t in threads]
    assert len(made) == 8 and len(set(made)) == 1


# ---- (a) OpenAPI 3.1

REFERENCE = {"type": "object", "required": ["$ref"], "properties": {"$ref": {"type": "string"}, "description": {"type": "string"}},
             "additionalProperties": False}
EXAMPLES = {"type": "object", "minProperties": 1,
            "additionalProperties": {"type": "object", "required": ["value"], "properties": {"value": True}, "additionalProperties": False}}
CONTENT = {"type": "object", "propertyNames": {"pattern": "^[a-z]+/[-+.a-z]+$"},
           "additionalProperties": {"type": "object", "required": ["schema"], "properties": {"schema": {"type": ["object", "boolean"]}, "examples": EXAMPLES},
                                    "additionalProperties": False}}
HEADERS = {"type": "object", "additionalProperties": {"anyOf": [REFERENCE, {
    "type": "object", "required": ["schema"], "properties": {"schema": {"type": "object"}, "description": {"type": "string"}}, "additionalProperties": False}]}}
RESPONSE = {"anyOf": [REFERENCE, {"type": "object", "required": ["description"], "properties": {
    "description": {"type": "string", "minLength": 1}, "headers": HEADERS, "content": CONTENT}, "additionalProperties": False}]}
PARAMETER = {"anyOf": [REFERENCE, {
    "type": "object", "required": ["name", "in", "schema"], "properties": {
        "name": {"type": "string"}, "in": {"enum": ["path", "query", "header"]}, "description": {"type": "string"}, "required": {"type": "boolean"},
        "style": {"enum": ["form"]}, "explode": {"type": "boolean"}, "schema": {"type": "object"}}, "additionalProperties": False,
    "if": {"properties": {"in": {"const": "path"}}}, "then": {"required": ["required"], "properties": {"required": {"const": True}}}}]}
OPERATION = {"type": "object", "required": ["operationId", "tags", "summary", "security", "parameters", "responses"], "properties": {
    "operationId": {"type": "string", "pattern": "^[a-z][A-Za-z]+$"}, "tags": {"type": "array", "items": {"type": "string"}}, "summary": {"type": "string"},
    "security": {"type": "array", "items": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}}},
    "parameters": {"type": "array", "items": PARAMETER},
    "requestBody": {"type": "object", "required": ["content"], "properties": {"description": {"type": "string"}, "required": {"type": "boolean"}, "content": CONTENT},
                    "additionalProperties": False},
    "responses": {"type": "object", "minProperties": 1, "propertyNames": {"pattern": "^[1-5][0-9][0-9]$"}, "additionalProperties": RESPONSE}},
    "patternProperties": {"^x-": True}, "additionalProperties": False}
OPENAPI = {"type": "object", "required": ["openapi", "info", "paths"], "properties": {
    "openapi": {"pattern": r"^3\.1\.\d+$"},
    "info": {"type": "object", "required": ["title", "version"], "properties": {k: {"type": "string"} for k in ("title", "version", "description")},
             "additionalProperties": False},
    "servers": {"type": "array", "items": {"type": "object", "required": ["url"], "properties": {"url": {"type": "string"}}, "additionalProperties": False}},
    "paths": {"type": "object", "propertyNames": {"pattern": "^/"}, "additionalProperties": {
        "type": "object", "properties": {m: OPERATION for m in METHODS}, "additionalProperties": False}},
    "components": {"type": "object", "properties": {
        "schemas": {"type": "object", "propertyNames": {"pattern": r"^[-._A-Za-z0-9]+$"}, "additionalProperties": {"type": "object"}},
        "parameters": {"type": "object", "additionalProperties": PARAMETER}, "headers": HEADERS,
        "responses": {"type": "object", "additionalProperties": RESPONSE},
        "securitySchemes": {"type": "object", "additionalProperties": {"type": "object", "required": ["type"], "properties": {
            "type": {"enum": ["apiKey", "http", "oauth2"]}}}}}, "additionalProperties": False}},
    "patternProperties": {"^x-": True}, "additionalProperties": False}


def references(value, found):
    for key, below in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if key == "$ref" and isinstance(below, str):
            found.append(below)
        elif key not in ("value", "enum", "const", "default", "x-examples"):
            references(below, found)
    return found


def test_it_is_openapi_3_1(document):
    errors = [f"/{'/'.join(map(str, e.absolute_path))}: {e.message[:200]}" for e in jsonschema.Draft202012Validator(OPENAPI).iter_errors(document.tree)]
    assert not errors, "\n".join(errors[:10])


def test_schemas_are_json_schema_2020_12(document):
    for name, schema in document.tree["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        known = {"type", "description", "properties", "required", "additionalProperties", "anyOf", "allOf", "if", "then", "minProperties", "x-rules"}
        assert set(schema) <= known, name
    for operation in document.operations:
        for parameter in operation.parameters:
            jsonschema.Draft202012Validator.check_schema(parameter["schema"])


def test_every_reference_leads_somewhere_and_every_component_is_referred_to(document):
    found = set(references(document.tree, []))
    for pointer in found:
        document.at(pointer)
    for kind, rows in document.tree["components"].items():
        if kind != "securitySchemes":
            unknown = sorted(name for name in rows if f"#/components/{kind}/{name}" not in found)
            assert not unknown, f"nobody refers to these {kind}: {unknown}"


def test_parameters_and_security_are_declared(document):
    schemes = document.tree["components"]["securitySchemes"]
    scopes = schemes["oauth2"]["flows"]["clientCredentials"]["scopes"]
    assert len({o.id for o in document.operations}) == len(document.operations)
    for operation in document.operations:
        names = [(p["in"], p["name"].lower()) for p in operation.parameters]
        assert len(set(names)) == len(names), operation
        assert [p["name"] for p in operation.of("path")] == operation.names, operation
        for alternative in operation.row["security"]:
            for scheme, wanted in alternative.items():
                assert scheme in schemes and set(wanted) <= set(scopes), operation
        assert operation.open or ("header", "x-platform-id") in names


def test_names_that_are_required_have_a_schema(document):
    for name, schema in document.tree["components"]["schemas"].items():
        assert set(schema.get("required", ())) <= set(schema.get("properties", {})), name


# ---- (b) what v1.def says

def routes():
    """(method, path) of every row, with each module and level that it has a path for."""
    made = set()
    for method, pattern in re.findall(r'^HUB_V1\((\w+), "([^"]*)"', (repository() / "src/core/v1.def").read_text(), re.M):
        if "{module}" not in pattern:
            made.add((method, pattern))
            continue
        for module, evse, connector, methods in MODULES:
            if pattern.startswith("/v1/{module}/") and (method == "DELETE" and "ALL" not in methods or "~OCPI_" + method in methods or
                                                        method == "PATCH" and "ALL" not in methods):
                continue
            levels = ["", "/{evse}", "/{evse}/{connector}"][:1 if "{evse?}" not in pattern or evse == "NONE" else 2 if connector == "NONE" else 3]
            for level in levels:
                made.add((method, pattern.replace("{module}", module.lower()).replace("/{evse?}/{connector?}", "") + level))
    return made


def test_it_has_every_route_and_nothing_else(document):
    assert len(MODULES) == 5 and len(routes()) > 90
    assert {(o.method, o.path) for o in document.operations} == routes()


def test_every_operation_is_described_by_its_rows(document):
    for operation in document.operations:
        codes = operation.row["responses"]
        assert any(c.startswith("2") for c in codes), operation
        assert ("401" in codes and "403" in codes and "404" in codes) == (not operation.open), operation
        assert ("413" in codes) == ("requestBody" in operation.row), operation
        assert operation.examples() or "requestBody" not in operation.row, operation
        assert any(e["operation"] == operation.id for e in document.tree["x-examples"]), operation
        described = [c for c in codes if c.startswith("2") and operation.answer(c).get("content")]
        assert not described or any(operation.examples(c) for c in described), operation


# ---- (c) the examples

def run_example(hub, operation, row, media, value, client):
    headers = dict(row.get("headers", {}))
    if media:
        headers.setdefault("Content-Type", media)
    if row.get("basic"):
        headers["Authorization"] = "Basic " + base64.b64encode(f"{client['clientId']}:{client['clientSecret']}".encode()).decode()
    return hub.request(operation.method, row["url"], value, headers, key="" if operation.open else None)


def record(source, reply, urls):
    source.pop("answer", None)
    source.pop("answerText", None)
    if isinstance(reply.body, bytes):
        source["answerText"] = reply.body.decode()[:400]
    elif reply.body is not None:
        text = json.dumps(reply.body, ensure_ascii=False)
        for real, shown in urls:
            text = text.replace(real, shown)
        source["answer"] = json.loads(text)
    if source["operation"] == "pageOpenapi":
        source["answer"].update(paths={}, components={})
        del source["answer"]["x-examples"]


def check_example(document, operation, row, answer, reply, where):
    """The answer that the description shows is one that it describes, and has the members of the one that came."""
    media, shown = answer
    errors = list(document.errors(operation.answer(row["status"])["content"][media]["schema"], shown))
    assert not errors, f"{where}: its own answer: {errors[:4]}"
    assert same_shape(shape(shown), shape(reply.body)), f"{where}: HUB_RECORD_EXAMPLES=1 writes it anew\n{shown}\n{reply.body}"


def test_every_example_is_what_happens():
    rows, client = json.loads(SOURCE.read_text()), None
    with Hub() as hub:
        document, other = Document(json.dumps(fetch(hub.url + "/openapi.json").body)), Counterpart(hub)
        brings = {("exchangeTranscript", "steps"): other.register, ("preferencesGet", "waiting"): other.wish}
        urls = [(hub.url, "https://hub.example.com"), (other.partner.url, "https://partner.example.com")]
        assert [(r["operation"], r["name"]) for r in document.tree["x-examples"]] == [(r["operation"], r["name"]) for r in rows]
        for row, source in zip(document.tree["x-examples"], rows):
            operation, where = document.by_id[row["operation"]], f"example {row['operation']}/{row['name']}"
            if "needs" in row:
                brings[(row["operation"], row["name"])]()
            media, value = operation.examples().get(row["name"], (None, None))
            if media == "application/json" and row["status"] < 400:
                errors = list(document.errors(operation.bodies()[media], value))
                assert not errors, f"{where}: {errors[:4]}"
            reply = run_example(hub, operation, row, media, value, client)
            assert reply.status == row["status"], f"{where}: {reply.status} {str(reply.body)[:600]}"
            operation.check(reply.status, reply.headers, reply.body, where)
            assert document.find(operation.method, row["url"]) is operation, where
            if row["operation"] == "keyCreate" and "clientId" in reply.body:
                client = reply.body
            answer = operation.examples(row["status"]).get(row["name"])
            if RECORD:
                record(source, reply, urls)
            elif answer and answer[0].endswith("json") and row["operation"] != "pageOpenapi":
                check_example(document, operation, row, answer, reply, where)
        wait_until(lambda: other.answers, 5)
        assert other.answers[0].data == "ACCEPTED"
        other.close()
    if RECORD:
        write_examples(rows)


# ---- (e) what a populated hub shows

VERSIONS = ("2.1.1", "2.2.1", "2.3.0")
OBJECTS = {"locations": "Location", "tariffs": "Tariff", "sessions": "Session", "cdrs": "CDR", "tokens": "Token"}


def put_fixtures(hub):
    """Every good object of every version, as one of ours; how many there are now."""
    count = 0
    for path in sorted((repository() / "fixtures").glob("*/*/good/*.json")):
        version, module = path.parts[-4], path.parts[-3]
        if module not in OBJECTS:
            continue
        body, ident = json.loads(path.read_text()), f"F{count}"
        if version != "2.1.1":
            body.update(country_code="NL", party_id="ABC")
        body["uid" if module == "tokens" else "id"] = ident
        url = f"/v1/{module}/NL/ABC/{ident}?version={version}" + (f"&type={body['type']}" if module == "tokens" else "")
        reply = hub.request("PUT", url, body)
        assert reply.status == 201 or reply.status == 400 and version == "2.1.1", (path, reply)
        count += reply.status == 201
    return count


def read(document, hub, schema, url):
    """Every page of a list; each item is of the schema."""
    count = 0
    while url:
        reply = hub.request("GET", url)
        assert reply.status == 200, reply
        for item in reply.body:
            errors = list(document.errors({"$ref": "#/components/schemas/" + schema}, item))
            assert not errors, f"{url}: {errors[:5]}\n{json.dumps(item)[:800]}"
            count += 1
        link = re.match("<([^>]*)>", reply.headers.get("Link", ""))
        url = link and link.group(1)[len(hub.url):]
    return count


def test_answers_of_a_populated_hub_are_as_described():
    with Hub() as hub:
        world = World(hub)
        document = world.document
        assert hub.request("PATCH", "/v1/integrations/" + world.others[0][0], {"enabled": True}).status == 204  # a webhook that nobody answers
        assert put_fixtures(hub) > 40
        for version in VERSIONS:
            suffix = "" if version == "2.2.1" else "_" + version.replace(".", "_")
            for module, name in OBJECTS.items():
                assert read(document, hub, name + suffix, f"/v1/{module}?version={version}&limit=20") > 0
                assert read(document, hub, "Received" + name, f"/v1/received/{module}?version={version}") > 0
        for operation in document.operations:
            if operation.method == "GET":
                reply = hub.request("GET", world.url(operation, world.good(operation)))
                assert reply.status == 200, (operation, reply.body)
                operation.check(reply.status, reply.headers, reply.body)
        one, events = document.by_id["integrationGet"], document.by_id["events"]
        for url in [i["id"] + more for i in hub.get("/v1/integrations") for more in ("?include=all", "?include=none", "?include=tariffs&reveal=secrets")]:
            reply = hub.request("GET", "/v1/integrations/" + url)
            one.check(reply.status, reply.headers, reply.body, url)
        for ident in [i["id"] for i in hub.get("/v1/integrations")]:
            for operation in ("delivery", "quarantineList", "exchangeTranscript"):
                reply = hub.request("GET", world.url(document.by_id[operation], {"id": ident}))
                document.by_id[operation].check(reply.status, reply.headers, reply.body, ident)
        reply = hub.request("GET", "/v1/events?limit=1000&include=object")
        events.check(reply.status, reply.headers, reply.body)
        assert {e["module"] for e in reply.body["events"]} == set(OBJECTS) | {"integrations"}
        assert read(document, hub, "AuditEntry", "/v1/audit?limit=30") > 50
        hub.request("GET", "/v1/parties", key="wrong")
        wait_until(lambda: any(e["action"] == "denied" for e in hub.get("/v1/audit?limit=100")), 10)
        assert read(document, hub, "AuditEntry", "/v1/audit?limit=100") > 50
        world.close()
