"""The description that a hub gives of itself (GET /openapi.json), as tests read it: operations, references, schemas, examples."""

import datetime
import functools
import json
import re
import urllib.parse

import jsonschema

from hubtest import repository

SOURCE = repository() / "src/core/openapi/example.json"
TRANSPORT = {"date", "connection", "content-length", "content-type", "server", "allow", "transfer-encoding", "keep-alive"}
ALWAYS = ("X-Request-ID", "X-Total-Count", "X-Limit", "Location", "Retry-After", "WWW-Authenticate")
ALWAYS_GOOD = ("ETag", "Cache-Control", "Server-Timing")
METHODS = ("get", "post", "put", "patch", "delete")
formats = jsonschema.FormatChecker(formats=())


@formats.checks("date-time", raises=ValueError)
def is_time(value):
    return not isinstance(value, str) or bool(datetime.datetime.fromisoformat(value.replace("Z", "+00:00")))


def no_twins(pairs):
    """A JSON object whose names are all different."""
    names = [name for name, _ in pairs]
    assert len(set(names)) == len(names), f"a name stands there twice: {sorted(n for n in names if names.count(n) > 1)}"
    return dict(pairs)


class Operation:
    def __init__(self, document, path, method, row):
        self.document, self.path, self.method, self.row = document, path, method.upper(), row
        self.id, self.open = row["operationId"], not any("apiKey" in s for s in row["security"])
        names = re.findall(r"\{(\w+)\}", path)
        self.pattern = re.compile("^" + re.sub(r"\{\w+\}", "([^/]+)", path) + "$")
        self.parameters = [document.resolve(p) for p in row.get("parameters", [])]
        self.names = names

    def __repr__(self):
        return f"{self.method} {self.path}"

    def of(self, where):
        return [p for p in self.parameters if p["in"] == where]

    def bodies(self):
        """Content type -> schema."""
        return {media: row["schema"] for media, row in self.row.get("requestBody", {}).get("content", {}).items()}

    def answer(self, status):
        """What is said of this status; None: nothing."""
        row = self.row["responses"].get(str(status))
        return row and self.document.resolve(row)

    def examples(self, status=None):
        """name -> value of the request, or of the answers with this status."""
        content = self.row.get("requestBody", {}).get("content", {}) if status is None else (self.answer(status) or {}).get("content", {})
        return {name: (media, e["value"]) for media, row in content.items() for name, e in row.get("examples", {}).items()}

    def check(self, status, headers, body, what=""):
        """The answer is one of those that are described."""
        row = self.answer(status)
        assert row is not None, f"{self}: {status} is not described {what} {str(body)[:500]}"
        content = row.get("content", {})
        if not content:
            assert not body, f"{self}: {status} has no body: {str(body)[:200]}"
        else:
            media = headers.get("Content-Type", "").split(";")[0]
            assert media in content, f"{self}: {status} comes as {media!r}, not as {list(content)}"
            if media.endswith("json"):
                errors = list(self.document.errors(content[media]["schema"], body))
                assert not errors, f"{self}: {status} {what}\n" + "\n".join(errors[:8])
        known = {name.lower() for name in row.get("headers", {})} | TRANSPORT
        names = [name.lower() for name in headers]
        assert set(names) <= known, f"{self}: {status} has headers that are not described: {set(names) - known} {what}"
        assert len(set(names)) == len(names), f"{self}: {status} has a header twice: {sorted(names)} {what}"
        for name in row.get("headers", {}):
            if name in ALWAYS or name in ALWAYS_GOOD and status < 400:
                assert headers.get(name) is not None, f"{self}: {status} has no {name} {what}"


class Document:
    def __init__(self, text):
        self.tree = json.loads(text, object_pairs_hook=no_twins)
        self.resolver = jsonschema.RefResolver("", self.tree)
        self.operations = [Operation(self, path, method, row) for path, rows in self.tree["paths"].items() for method, row in rows.items()]
        self.by_id = {o.id: o for o in self.operations}

    def at(self, pointer):
        value = self.tree
        assert pointer.startswith("#/"), pointer
        for part in pointer[2:].split("/"):
            value = value[urllib.parse.unquote(part).replace("~1", "/").replace("~0", "~")]
        return value

    def resolve(self, row):
        """A row, or what it refers to with what it says itself on top."""
        if "$ref" not in row:
            return row
        return {**self.resolve(self.at(row["$ref"])), **{k: v for k, v in row.items() if k != "$ref"}}

    @functools.lru_cache(maxsize=None)
    def _validator(self, text):
        return jsonschema.Draft202012Validator(json.loads(text), resolver=self.resolver, format_checker=formats)

    def validator(self, schema):
        return self._validator(json.dumps(schema, sort_keys=True))

    def fits(self, schema, value):
        return self.validator(schema).is_valid(value)

    def errors(self, schema, value):
        for error in self.validator(schema).iter_errors(value):
            best = jsonschema.exceptions.best_match([error])
            yield f"/{'/'.join(map(str, best.absolute_path))}: {best.message[:300]}"

    def find(self, method, url):
        """The operation of a request; a path without parameters before one that has some."""
        path = url.split("?")[0]
        found = [o for o in self.operations if o.method == method and o.pattern.match(path)]
        return min(found, key=lambda o: len(o.names), default=None)


def shape(value):
    """Which members there are, all the way down; of a list its first item. None: nothing can be said (null, empty)."""
    if isinstance(value, dict):
        return {k: shape(v) for k, v in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else None
    return None if value is None else type(value).__name__.replace("float", "int")


def same_shape(a, b):
    if a is None or b is None:
        return True
    if isinstance(a, dict) and isinstance(b, dict):
        return set(a) == set(b) and all(same_shape(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return same_shape(a[0], b[0])
    return a == b


def write_examples(rows):
    """example.json as it is kept: an example a paragraph, request and answer a line each."""
    made = []
    for row in rows:
        text = json.dumps({k: v for k, v in row.items() if k not in ("body", "text", "answer", "answerText")}, ensure_ascii=False)[:-1]
        for name in ("body", "text", "answer", "answerText"):
            if name in row:
                text += ",\n " + json.dumps(name) + ": " + json.dumps(row[name], ensure_ascii=False)
        made.append(text + "}")
    SOURCE.write_text("[\n" + ",\n".join(made) + "\n]\n")
