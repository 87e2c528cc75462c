"""GET /openapi.json: it is OpenAPI 3.1, it is what v1.def says, and its examples are what happens.

After a change of what is answered: HUB_RECORD_EXAMPLES=1 writes the answers of the examples anew (src/core/openapi/example.json).
"""

import json
import os
import pathlib
import re
import sys
import threading

import jsonschema
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from hubtest import Hub, Partner, envelope, fetch, repository, token_header, wait_until  # noqa: E402,F401
from objects import cdr, cdr_token, location, session, tariff, token  # noqa: E402
from openapi import METHODS, SOURCE, Document, same_shape, shape, write_examples  # noqa: E402

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

class Other:
    """What an example may need and no request of ours brings about: a partner. By (operation, name)."""

    def __init__(self, hub):
        self.hub, self.answers = hub, []
        roles = [{"role": role, "country_code": "DE", "party_id": "EMS", "business_details": {"name": "Partner X"}} for role in ("CPO", "EMSP")]
        modules = [(m, side) for m in ("credentials", "locations", "tariffs", "sessions", "cdrs", "tokens") for side in ("SENDER", "RECEIVER")]
        self.partner = Partner(role="EMSP", roles=roles, modules=modules, token_a="given-to-partner-x")
        self.partner.on("PUT", "/ocpi/2.2.1/locations/NL/ABC/L2", lambda call: (200, {}, envelope(code=2001, message="we do not take this one")))
        self.partner.on("POST", "/ocpi/2.2.1/cdrs", lambda call: (201, {"Location": self.partner.module_url("cdrs") + "/C/" + call.body["id"]}, envelope()))
        self.brings = {("exchangeTranscript", "steps"): self.register, ("preferencesGet", "waiting"): self.wish}

    def give(self, module, rest, body, method="PUT"):
        reply = self.partner.call_hub(self.hub, method, self.partner.hub_endpoint(module, "RECEIVER") + rest, body)
        assert reply.status in (200, 201), reply
        return reply

    def register(self):
        partner, hub = self.partner, self.hub
        token_a = hub.get("/v1/integrations/1?reveal=secrets")["credentialsInfo"]["initialToken"]
        assert partner.register(hub, token_a).ocpi_status == 1000
        wait_until(lambda: hub.request("GET", "/v1/integrations/1/receipts/NL/ABC/C2").status == 200, 20, what="both CDRs acknowledged")
        wait_until(lambda: hub.request("GET", "/v1/integrations/1/receipts/NL/ABC/C1").status == 200, 20, what="both CDRs acknowledged")
        wait_until(lambda: hub.get("/v1/integrations/1/quarantine"), 20, what="the refused location is in quarantine")
        self.give("locations", "/DE/EMS/LOC1", location("LOC1", "DE", "EMS"))
        self.give("locations", "/DE/EMS/LOC9", {"id": "LOC9"})
        self.give("tariffs", "/DE/EMS/TAR1", tariff("TAR1", "DE", "EMS"))
        ours = cdr_token("NL", "ABC", "UID1")
        self.give("sessions", "/DE/EMS/SES1", session("SES1", "DE", "EMS", ours))
        self.give("cdrs", "", cdr("CDR1", "DE", "EMS", ours), "POST")
        self.give("tokens", "/DE/EMS/TOK1", token("TOK1", "DE", "EMS"))

    def wish(self):
        url = self.partner.hub_endpoint("sessions", "SENDER") + "/S1/charging_preferences"
        threading.Thread(target=lambda: self.answers.append(self.partner.call_hub(self.hub, "PUT", url, {"profile_type": "FAST"})), daemon=True).start()
        wait_until(lambda: self.hub.request("GET", "/v1/charging-preferences/1").status == 200, 10)


def run_example(hub, row, body, text, client):
    headers = dict(row.get("headers", {}))
    if row.get("basic"):
        headers["Authorization"] = "Basic " + client
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    key = "" if row["url"].startswith("/v1") is False else None
    return hub.request(row.get("method"), row["url"], text if text is not None else body, headers, key=key)


def neutral(value, urls):
    text = json.dumps(value, ensure_ascii=False)
    for real, shown in urls:
        text = text.replace(real, shown)
    return json.loads(text)


def test_every_example_is_what_happens():
    import base64
    rows = json.loads(SOURCE.read_text())
    with Hub() as hub:
        document, client, other = Document(json.dumps(fetch(hub.url + "/openapi.json").body)), None, Other(hub)
        urls = [(hub.url, "https://hub.example.com"), (other.partner.url, "https://partner.example.com")]
        assert RECORD or len(document.tree["x-examples"]) == len(rows)
        for row, source in zip(document.tree["x-examples"], rows):
            operation, where = document.by_id[row["operation"]], f"example {row['operation']}/{row['name']}"
            if "needs" in row:
                other.brings[(row["operation"], row["name"])]()
            if "basic" in row and client is None:
                made = next(json.loads(json.dumps(r)) for r in clients)
                client = base64.b64encode(f"{made['clientId']}:{made['clientSecret']}".encode()).decode()
            media, value = operation.examples().get(row["name"], (None, None))
            if media and not media.endswith("json") or isinstance(value, str):
                reply = run_example(hub, {**row, "method": operation.method}, None, value, client)
            else:
                reply = run_example(hub, {**row, "method": operation.method}, value, None, client)
                if media:
                    errors = list(document.errors(operation.bodies()[media], value))
                    assert not errors or row["status"] >= 400, f"{where}: {errors[:4]}"
            assert reply.status == row["status"], f"{where}: {reply.status} {str(reply.body)[:600]}"
            operation.check(reply.status, reply.headers, reply.body, where)
            assert document.find(operation.method, row["url"]) is operation, where
            if row["operation"] == "keyCreate" and "clientId" in reply.body:
                clients = [reply.body]
            answer = operation.examples(row["status"]).get(row["name"])
            if RECORD:
                source.pop("answer", None)
                source.pop("answerText", None)
                if isinstance(reply.body, bytes):
                    source["answerText"] = reply.body.decode()[:400]
                elif reply.body is not None:
                    source["answer"] = neutral(reply.body, urls)
                if row["operation"] == "pageOpenapi":
                    source["answer"] = {**reply.body, "paths": {}, "components": {}, "servers": [{"url": "https://hub.example.com"}]}
                    source["answer"].pop("x-examples")
            elif answer and answer[0].endswith("json") and row["operation"] != "pageOpenapi":
                errors = list(document.errors(operation.answer(row["status"])["content"][answer[0]]["schema"], answer[1]))
                assert not errors, f"{where}: its own answer: {errors[:4]}"
                assert same_shape(shape(answer[1]), shape(reply.body)), f"{where}: HUB_RECORD_EXAMPLES=1 writes it anew\n{answer[1]}\n{reply.body}"
        wait_until(lambda: other.answers, 5)
        assert other.answers[0].data == "ACCEPTED"
        other.partner.close()
    if RECORD:
        write_examples(rows)
